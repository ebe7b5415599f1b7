"""Minimum terms: until when a subscription is engaged, and what leaving earlier costs.

The law limits what a consumer pays (Code de la consommation, article L224-28, in force since 2023-01-01): no minimum
term beyond 24 months; from the end of the twelfth month nothing may be asked, or 20 % at most of what is left when a
subsidised device was sold with it. Dated rules, kept as data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.money import to_micros
from ardoise.core.periods import Length, Period, add_length, months_covered


class EngagementError(ValueError):
    """A minimum term that the law does not allow, or that means nothing; the message says what to write."""


LONGEST_FOR_CONSUMERS_MONTHS = 24
FREE_TO_LEAVE_AFTER_MONTHS = 12
SHARE_WITH_DEVICE = Decimal(20)  # percent
WHOLE = Decimal(100)


@dataclass(frozen=True, slots=True)
class Engagement:
    """A minimum term of `months` from `start_date`. Leaving earlier costs `fee` and `share` percent of the months left.

    `consumer`: the limits of the law hold; `with_device`: a subsidised device was sold with it.
    """

    start_date: date
    months: int
    share: Decimal = WHOLE
    fee: Decimal = Decimal(0)
    consumer: bool = False
    with_device: bool = False

    def __post_init__(self) -> None:
        if self.months < 1 or not 0 <= self.share <= WHOLE or self.fee < 0:
            raise EngagementError("a minimum term has one month at least, a share of 0 to 100 %, a fee of 0 or more")
        if self.consumer and self.months > LONGEST_FOR_CONSUMERS_MONTHS:
            raise EngagementError(
                f"a consumer may be engaged for {LONGEST_FOR_CONSUMERS_MONTHS} months at most, not {self.months} "
                "(Code de la consommation, article L224-28)"
            )

    @property
    def end_date(self) -> date:
        """The first day on which leaving is free."""
        return add_length(self.start_date, Length(months=self.months))

    def exit_micros(self, *, on: date, month_micros: Fraction) -> int:
        """What leaving on a day costs; `month_micros` is the price of a month, without proration of its days.

        Months left are counted with their fractions, each day on the days of its own month.
        """
        if on >= self.end_date:
            return 0
        left_micros = months_covered(Period(max(on, self.start_date), self.end_date)) * month_micros
        owed = left_micros * Fraction(self.share) / 100 + Fraction(self.fee) * 1_000_000
        return to_micros(min(owed, self._most(on, left_micros)) / 1_000_000)

    def _most(self, on: date, left_micros: Fraction) -> Fraction:
        """The most that the law lets a consumer pay; to a company, the contract alone says."""
        whole = left_micros + Fraction(self.fee) * 1_000_000
        if not self.consumer or on < add_length(self.start_date, Length(months=FREE_TO_LEAVE_AFTER_MONTHS)):
            return whole
        return left_micros * Fraction(SHARE_WITH_DEVICE) / 100 if self.with_device else Fraction(0)
