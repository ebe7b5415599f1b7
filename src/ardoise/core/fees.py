"""What a subscription costs once: its setup fee, its deposit charged and given back, what leaving it early costs.

What leaving early costs is owed for the subscription, whatever the contract calls it: it bears VAT as the subscription
does (CJEU, 22 November 2018, MEO, C-295/17; 11 June 2020, Vodafone Portugal, C-43/19).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from ardoise.core.engagement import Engagement
from ardoise.core.money import to_micros
from ardoise.core.periods import Length

AVERAGE_MONTH_DAYS = Fraction(365, 12)


class FeeKind(StrEnum):
    SETUP = "setup"
    DEPOSIT = "deposit"
    DEPOSIT_BACK = "deposit_back"
    SETUP_BACK = "setup_back"
    EXIT = "exit"
    EXIT_BACK = "exit_back"


@dataclass(frozen=True, slots=True)
class Entered:
    """A subscription from its first day to its end (the first day no longer due, None = open), and its fees.

    `first_due_date`: the day on which its first days are billed, with which the setup fee and the deposit come.
    `taken_over`: it began before billing did here, which charges no entry. `month_micros`: what a month of it costs.
    """

    subscription_id: int
    start_date: date
    end_date: date | None
    first_due_date: date
    quantity: Decimal = Decimal(1)
    setup_fee: Decimal = Decimal(0)
    deposit: Decimal = Decimal(0)
    engagement: Engagement | None = None
    exit_waived: bool = False
    month_micros: Fraction = Fraction(0)
    taken_over: bool = False
    advance: bool = False  # its deposit is an advance on the price, which bears VAT, and no guarantee

    @property
    def withdrawn(self) -> bool:
        """Taken back whole: it ended on the day it started."""
        return self.end_date is not None and self.end_date <= self.start_date


@dataclass(frozen=True, slots=True)
class Fee:
    """One charge of a subscription: "setup:7", "deposit:7", "deposit:7:back", "exit:7".

    What is charged again after it was given back gets a number: "deposit:7:2", "deposit:7:2:back".
    """

    origin_id: str
    kind: FeeKind
    day: date
    amount_micros: int


def month_price(price: Fraction, length: Length) -> Fraction:
    """The price of a month of what is priced for a length: the twelfth of a year, 365/12 days of a price by days."""
    return price / length.months if length.months else price * AVERAGE_MONTH_DAYS / length.days


def fees_due(
    entered: Entered, *, as_of_date: date, already: Mapping[str, int], days: Mapping[str, date] | None = None
) -> list[Fee]:
    """The fees of a subscription that a run made on a day bills.

    `already`: micros billed before, by origin id, and `days` the day of each: an end that was said and taken back gives
    back what it cost, and charges what it gave back. What is given back is what was charged, whatever the product asks
    today.
    """
    fees = [*_entries(entered, as_of_date, already, days or {}), *_exits(entered, as_of_date, already, days or {})]
    return [fee for fee in fees if fee.origin_id not in already]


def _entries(entered: Entered, as_of_date: date, already: Mapping[str, int], days: Mapping[str, date]) -> Iterator[Fee]:
    """Setup fee and deposit, and their return."""
    number, end = entered.subscription_id, entered.end_date
    ended = end is not None and end <= as_of_date
    entries = (
        (f"setup:{number}", FeeKind.SETUP, FeeKind.SETUP_BACK, entered.setup_fee),
        (f"deposit:{number}", FeeKind.DEPOSIT, FeeKind.DEPOSIT_BACK, entered.deposit),
    )
    for base, kind, back, price in entries:
        origin_id, charged = base, already.get(base)
        if charged is None and price and not (entered.taken_over or entered.withdrawn):
            if entered.first_due_date > as_of_date and not ended:
                continue
            charged = to_micros(Fraction(price) * Fraction(entered.quantity))
            yield Fee(origin_id, kind, entered.start_date, charged)
        returns = ended if kind is FeeKind.DEPOSIT else entered.withdrawn
        again = _charged_again(base, entered, as_of_date, already, days) if charged else None
        if again is not None and (again[0] in already or not returns):
            origin_id, day, charged = again
            yield Fee(origin_id, kind, day, charged)
        if charged and returns and end is not None:
            yield Fee(f"{origin_id}:back", back, end, -charged)


def _charged_again(
    base: str, entered: Entered, as_of_date: date, already: Mapping[str, int], days: Mapping[str, date]
) -> tuple[str, date, int] | None:
    """The last charge of an entry, its day and its micros, where an end gave it back that holds no more."""
    found = None
    for origin_id in _numbered(base):
        day = days.get(f"{origin_id}:back")
        if day is None or day == entered.end_date or day > as_of_date:
            return found
        found = f"{base}:{_after(origin_id, base)}", day, -already[f"{origin_id}:back"]
    return found


def _exits(entered: Entered, as_of_date: date, already: Mapping[str, int], days: Mapping[str, date]) -> Iterator[Fee]:
    """What leaving early costs, once an end; given back where that end holds no more."""
    end = entered.end_date
    due = end is not None and not entered.withdrawn and not entered.exit_waived
    for origin_id in _numbered(f"exit:{entered.subscription_id}"):
        day = days.get(origin_id)
        if origin_id not in already:
            if due and end is not None and end <= as_of_date and entered.engagement:
                owed = entered.engagement.exit_micros(on=end, month_micros=entered.month_micros)
                if owed:
                    yield Fee(origin_id, FeeKind.EXIT, end, owed)
            return
        if day is None or day > as_of_date or (due and day == end):
            return
        yield Fee(f"{origin_id}:back", FeeKind.EXIT_BACK, day, -already[origin_id])


def _numbered(base: str) -> Iterator[str]:
    """ "exit:7", "exit:7:2", "exit:7:3" ..."""
    yield base
    for count in itertools.count(2):
        yield f"{base}:{count}"


def _after(origin_id: str, base: str) -> int:
    return 2 if origin_id == base else int(origin_id.rpartition(":")[2]) + 1
