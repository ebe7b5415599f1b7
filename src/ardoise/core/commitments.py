"""Commitments: a minimum a period and the true-up that fills it; thresholds at which an invoice is made early.

Both are differences, so that a rerun adds nothing: a true-up is what the period should reach less what it has, and less
the true-ups made before; an early invoice is all that is due less what was invoiced, made when a threshold lies between
the two. docs/algorithms/commitments.md has the worked tables.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from ardoise.core.coverage import Billed
from ardoise.core.money import (
    MICROS_PER_MINOR,
    NotAnAmount,
    fraction_to_minor,
    micros_to_minor,
    minor_to_decimal,
    parse_price,
)
from ardoise.core.periods import Cycle, Period, Proration, fraction_of


class CommitmentError(ValueError):
    """A commitment or a set of thresholds that means nothing; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """The least that a period of a cycle costs: what its charges lack of `amount` is billed on top.

    `amount`: units of currency for a whole period, in the tax basis of the document, prorated where the commitment
    holds for a part of one (`valid_to_date` excluded). `products`: those that count towards it (none named: all).
    """

    commitment_id: int
    code: str
    label: str
    amount: Decimal
    valid_from_date: date
    valid_to_date: date | None = None
    products: frozenset[str] = frozenset()
    proration: Proration = Proration.CALENDAR_DAYS

    def __post_init__(self) -> None:
        if self.amount <= 0:
            raise CommitmentError(f"commitment « {self.code} »: a minimum of {self.amount}; write more than 0")
        if self.valid_to_date is not None and self.valid_to_date < self.valid_from_date:
            raise CommitmentError(
                f"commitment « {self.code} » ends on {self.valid_to_date}, before it starts ({self.valid_from_date})"
            )

    def counts(self, product_code: str) -> bool:
        return not self.products or product_code in self.products


@dataclass(frozen=True, slots=True)
class TrueUp:
    """What a period lacks of its minimum; negative where a true-up made before was too high (late usage)."""

    origin_id: str  # "commitment:3:2026-10-01"; a later difference of the same period gets ":2"
    commitment_id: int
    period_from: date
    period_to: date  # day after the last
    committed_minor: int
    counted_minor: int
    amount_minor: int

    @property
    def amount_micros(self) -> int:
        return self.amount_minor * MICROS_PER_MINOR


def committed_minor(commitment: Commitment, *, period: Period, cycle: Cycle) -> int:
    """The minimum of one period of a cycle, or of the part of it in which the commitment holds, rounded to the cent."""
    held = _held(commitment, period)
    return fraction_to_minor(
        Fraction(commitment.amount) * fraction_of(held, cycle.containing(period.start), commitment.proration)
    )


def true_up(
    commitment: Commitment,
    *,
    period: Period,
    cycle: Cycle,
    counted_micros: Iterable[int],
    already: Iterable[Billed] = (),
) -> TrueUp | None:
    """The charge that brings a period to its minimum, None when nothing is missing.

    `period` lies in one period of the cycle. `counted_micros`: the charges of that period that count, discounts
    included; each is rounded to the cent as on its line, and the minimum too, *before* they are subtracted. `already`:
    the frozen true-ups of the commitment, for any period.
    """
    held = _held(commitment, period)
    minimum = committed_minor(commitment, period=period, cycle=cycle)
    counted = sum(micros_to_minor(micros) for micros in counted_micros)
    before = [known for known in already if known.period_from == held.start]
    amount = max(0, minimum - counted) - sum(micros_to_minor(known.amount_micros) for known in before)
    if not amount:
        return None
    base = f"commitment:{commitment.commitment_id}:{held.start.isoformat()}"
    origin_id = f"{base}:{len(before) + 1}" if before else base
    return TrueUp(origin_id, commitment.commitment_id, held.start, held.end, minimum, counted, amount)


def _held(commitment: Commitment, period: Period) -> Period:
    """The part of a period in which a commitment holds."""
    end = period.end if commitment.valid_to_date is None else commitment.valid_to_date
    return period.within(Period(commitment.valid_from_date, max(end, commitment.valid_from_date)))


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Amounts due, in cents and rising, at which an invoice is made before the end of the period.

    Beyond the last one there is another every `every_minor` (0: none). As text: what `parse_thresholds` reads.
    """

    steps_minor: tuple[int, ...]
    every_minor: int = 0

    def __post_init__(self) -> None:
        if not self.steps_minor or self.steps_minor[0] <= 0 or self.every_minor < 0:
            raise CommitmentError("thresholds are amounts above 0; write for example 50, 200 500 or every 50")
        if any(later <= earlier for earlier, later in pairwise(self.steps_minor)):
            steps = " ".join(_written(step) for step in self.steps_minor)
            raise CommitmentError(f"thresholds rise, each above the one before, not « {steps} »")

    def __str__(self) -> str:
        if self.steps_minor == (self.every_minor,):
            return f"every {_written(self.every_minor)}"
        steps = " ".join(_written(step) for step in self.steps_minor)
        return f"{steps} every {_written(self.every_minor)}" if self.every_minor else steps

    def last_reached_minor(self, due_minor: int) -> int:
        """The highest threshold that an amount reaches, 0 when none."""
        last = self.steps_minor[-1]
        if self.every_minor and due_minor >= last:
            return due_minor - (due_minor - last) % self.every_minor
        index = bisect_right(self.steps_minor, due_minor)
        return self.steps_minor[index - 1] if index else 0


_THRESHOLDS = re.compile(r"(?P<steps>[^a-z]*?)(?:\s*\bevery\s+(?P<every>[^a-z\s]+))?")


def parse_thresholds(text: str) -> Thresholds:
    """Read « 50 », « 200 500 700 », « every 50 », « 200 500 700 every 1000 »: amounts of at most two decimals.

    Raises CommitmentError with what to write.
    """
    found = _THRESHOLDS.fullmatch(" ".join(text.lower().split()))
    try:
        if found is None:
            raise NotAnAmount(f"« {text} » is not expected")
        steps = tuple(_cents(word) for word in found["steps"].split())
        every = _cents(found["every"]) if found["every"] else 0
    except NotAnAmount as error:
        raise CommitmentError(
            f"« {text} » is no threshold; write amounts such as 50, 200 500 or every 50, with two decimals at most"
        ) from error
    return Thresholds(steps or (every,), every)


def _cents(word: str) -> int:
    amount = parse_price(word).scaleb(2)
    if amount != amount.to_integral_value():
        raise NotAnAmount(f"« {word} » is finer than a cent")
    return int(amount)


def _written(minor: int) -> str:
    return format(minor_to_decimal(minor), "f").removesuffix(".00")


def progressive_minor(thresholds: Thresholds, *, due_minor: int, invoiced_minor: int) -> int:
    """What an invoice made now bills, 0 when none is due: everything not invoiced, once a threshold is reached that
    earlier invoices of the period did not reach. Several thresholds crossed at once make one invoice.
    """
    if thresholds.last_reached_minor(due_minor) <= invoiced_minor:
        return 0
    return due_minor - invoiced_minor
