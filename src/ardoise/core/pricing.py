"""The price of one usage, defined: pieces of a call, its access amount, its service amount, exactly, on Fraction.

What a tariff row means stands here and nowhere else; `core.compiled` computes the same in integers, and the property
tests hold the two, the columns and an independent oracle together. "Seconds" are messages, octets or units in a row
that counts those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from ardoise.core.money import Rounding, round_fraction, to_micros
from ardoise.core.tariffs import (
    Adjustment,
    BandBorder,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tariff,
    Tiers,
)
from ardoise.core.usage import UsageKind


class TariffError(ValueError):
    """A tariff that means nothing: refused when compiled, before any call is priced."""


class Counting(StrEnum):
    """How the steps of a row share a quantity: the tariff's tiers and increment origin, as one choice."""

    FIRST_NEXT = "first_next"
    ZERO = "zero"
    STEP = "step"
    VOLUME = "volume"
    PACKAGE = "package"


def counting(tariff: Tariff) -> Counting:
    """Volume and package have no use for an increment origin."""
    return Counting(tariff.increment_origin if tariff.tiers is Tiers.GRADUATED else tariff.tiers)


# --- what is refused --------------------------------------------------------------------------------------------------


def check_tariff(tariff: Tariff) -> None:
    """Refuse conventions that contradict each other."""
    name = f"tariff « {tariff.code} »:"
    if not 0 <= tariff.rounding_decimals <= 6:
        raise TariffError(f"{name} amounts are rounded to {tariff.rounding_decimals} decimals; use 0 to 6")
    if tariff.increment_decimals is not None and tariff.increment_decimals < 0:
        raise TariffError(f"{name} increments are rounded to {tariff.increment_decimals} decimals; use 0 or more")
    if tariff.increment_decimals is not None and tariff.tiers is Tiers.PACKAGE:
        raise TariffError(f"{name} a package has no price of an increment to round; leave `increment_decimals` out")
    if tariff.band_border is not BandBorder.START and counting(tariff) is not Counting.FIRST_NEXT:
        raise TariffError(
            f"{name} border « {tariff.band_border} » needs increments counted as « first_next » and graduated tiers, "
            f"not « {counting(tariff)} »; change one, or use border « start »"
        )


def check_steps(rate: Rate) -> None:
    """Refuse steps that cannot be counted."""
    for step in rate.steps:
        if step.increment_s < 1 or step.per_s < 1 or step.from_s < 0:
            raise _refused(rate, "a step with a negative start, or an increment or a unit under one; correct it")
    if len(rate.steps) > 1 and len({step.from_s for step in rate.steps}) < len(rate.steps):
        raise _refused(rate, "two steps from the same second; keep one")


def check_rate(rate: Rate) -> None:
    """Refuse a row that cannot be counted."""
    check_steps(rate)
    if rate.free_s < 0:
        raise _refused(rate, "a negative number of free seconds; use 0 or more")
    if rate.surcharge_at_s < 0 or rate.surcharge_every_s < 0:
        raise _refused(rate, "a surcharge at or every negative number of seconds; use 0 or more")
    if rate.added_s < 0 or rate.raised_above_s < 0 or rate.raised_to_s < 0:
        raise _refused(rate, "a negative number of seconds added, or to raise calls from or to; use 0 or more")
    if rate.raised_above_s and rate.raised_to_s <= rate.raised_above_s:
        raise _refused(
            rate, f"calls of more than {rate.raised_above_s} s raised to {rate.raised_to_s} s; raise them to more"
        )


def _refused(rate: Rate, fault: str) -> TariffError:
    return TariffError(f"the row of prefix « {rate.prefix} », zone « {rate.zone} », has {fault}")


# --- a row, exactly ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """What the adjustments on the way from a tariff to an account make of a price: p * factor, then `per_min` more on
    a minute of a step.
    """

    factor: Fraction = Fraction(1)
    per_min: Fraction = Fraction(0)

    def then(self, adjustment: Adjustment) -> Change:
        """This change, then one more adjustment: ((p * (1+a)) + b) * (1+c) + d."""
        times = 1 + Fraction(adjustment.percentage) / 100
        return Change(self.factor * times, self.per_min * times + Fraction(adjustment.amount_per_min))


UNCHANGED = Change()


@dataclass(frozen=True, slots=True)
class PricedStep:
    """A step after adjustments. `unit_price` is that of one second once the price of an increment is rounded, that of
    the whole step in a package.
    """

    from_s: int
    increment_s: int
    unit_price: Fraction


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a tariff under the tariff's conventions, every price exact and adjusted."""

    rate: Rate
    tariff: Tariff
    steps: tuple[PricedStep, ...]
    connection_fee: Fraction
    minimum: Fraction
    maximum: Fraction | None
    surcharge: Fraction
    attempt_fee: Fraction
    going_on: Row | None = None  # what it becomes after a change of band, where that is something else


FREE_BEFORE_FIRST_STEP = Step(from_s=0, price=Decimal(0), per_s=60, increment_s=1)
NOTHING = PricedStep(from_s=0, increment_s=1, unit_price=Fraction(0))


def ordered_steps(rate: Rate) -> tuple[Step, ...]:
    """Steps in time order; seconds before the first one cost nothing."""
    steps = rate.steps if len(rate.steps) < 2 else tuple(sorted(rate.steps, key=lambda step: step.from_s))
    if steps and steps[0].from_s > 0:
        return (FREE_BEFORE_FIRST_STEP, *steps)
    return steps


def after_first_block(rate: Rate, tariff: Tariff) -> Rate | None:
    """The row in the bands that follow the first one of a call, where a first step of one block (60/1) is paid once a
    call: its second step in the place of the first. None where it stays as it is.
    """
    steps = ordered_steps(rate)
    if not tariff.first_block_once or len(steps) < 2 or steps[1].from_s > steps[0].increment_s:
        return None
    return rate._replace(steps=(replace(steps[1], from_s=0), *steps[2:]))


def row_of(rate: Rate, tariff: Tariff, change: Change = UNCHANGED) -> Row:
    """The row of a tariff as an account pays it. Raises TariffError."""
    check_tariff(tariff)
    check_rate(rate)
    following = after_first_block(rate, tariff)
    return Row(
        rate=rate,
        tariff=tariff,
        steps=tuple(_priced_step(step, rate, tariff, change) for step in ordered_steps(rate)),
        connection_fee=Fraction(rate.connection_fee) * change.factor,
        minimum=Fraction(rate.minimum) * change.factor,
        maximum=None if rate.maximum is None else Fraction(rate.maximum) * change.factor,
        surcharge=Fraction(rate.surcharge) * change.factor,
        attempt_fee=Fraction(0) if rate.coefficient is not None else Fraction(rate.attempt_fee) * change.factor,
        going_on=None if following is None else row_of(following, replace(tariff, first_block_once=False), change),
    )


def _priced_step(step: Step, rate: Rate, tariff: Tariff, change: Change) -> PricedStep:
    if step is FREE_BEFORE_FIRST_STEP:
        return NOTHING
    price = Fraction(step.price) * change.factor
    if tariff.tiers is Tiers.PACKAGE:  # no price by the minute: the amount by the minute has nothing to add to
        return PricedStep(step.from_s, step.increment_s, price)
    if rate.kind is UsageKind.CALL:
        price += change.per_min * step.per_s / 60
    unit_price = price / step.per_s
    if tariff.increment_decimals is not None:
        places = 10**tariff.increment_decimals
        rounded = round_fraction(unit_price * step.increment_s * places, mode=tariff.rounding)
        unit_price = Fraction(rounded, places * step.increment_s)
    return PricedStep(step.from_s, step.increment_s, unit_price)


# --- seconds ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """`billed_s` seconds from second `at_s` of the chargeable part at the price of one step of a row."""

    row: Row
    step: PricedStep
    at_s: int
    billed_s: int

    @property
    def amount(self) -> Fraction:
        """Exact price of the piece."""
        return self.step.unit_price * (1 if self.row.tariff.tiers is Tiers.PACKAGE else self.billed_s)


Later = Sequence[tuple[int, Row | None]]
"""The changes of band during a call (while it is counted), in order: (second counted from the answer, row of the new
band for the number). None: the new band has no row for it, and the row of the piece before goes on."""


def counted_s(rate: Rate, *, quantity: int) -> int:
    """Units that a row counts of an answered call, free ones included: those added, then short calls raised; a call of
    0 s counts as its first second.
    """
    counted = max(quantity, 1) + rate.added_s
    return rate.raised_to_s if rate.raised_above_s < counted < rate.raised_to_s else counted


def chargeable_s(rate: Rate, *, quantity: int) -> int:
    """Units of a whole call that increments see: free ones off."""
    return max(0, counted_s(rate, quantity=quantity) - rate.free_s)


def pieces(row: Row, *, charge_s: int, begin_s: int = 0, later: Later = ()) -> list[Piece]:
    """Cut `charge_s` chargeable seconds at the steps (and, with `later`, at the changes of band) and round them up.

    `begin_s`: seconds between the answer and the first chargeable one. FIRST_NEXT: each piece is rounded up to its own
    increment and its overrun eats into the next step, so that 60/1 is {0 s: blocks of 60, 60 s: blocks of 1}. ZERO: the
    total is at least the first increment and, beyond it, a multiple counted from second 0 of the increment of the step
    in which the call ends; the billed total is then cut at the steps. STEP: the part of each step is rounded up on its
    own. VOLUME, PACKAGE: one piece, of the step in which the quantity ends.
    """
    if charge_s <= 0:
        return []
    if later:
        cut = list(_through_bands(row, _segments(later, begin_s=begin_s, charge_s=charge_s)))
        return cut if row.steps or any(piece.row.steps for piece in cut) else []
    if not row.steps:
        return []
    return list(_WALKS[counting(row.tariff)](row, charge_s))


def _ends(row: Row) -> Iterator[tuple[PricedStep, int | None]]:
    for index, step in enumerate(row.steps):
        yield step, row.steps[index + 1].from_s if index + 1 < len(row.steps) else None


def _first_next(row: Row, charge_s: int, begin_s: int = 0) -> Iterator[Piece]:
    """From position `begin_s` to `charge_s`."""
    if not row.steps:  # met through the bands: its seconds pass
        yield Piece(row, NOTHING, begin_s, charge_s - begin_s)
        return
    reached_s = begin_s
    for step, end_s in _ends(row):
        stop_s = charge_s if end_s is None else min(charge_s, end_s)
        if stop_s > reached_s:
            billed_s = round_up(stop_s - reached_s, step.increment_s)
            yield Piece(row, step, reached_s, billed_s)
            reached_s += billed_s


def _from_zero(row: Row, charge_s: int) -> Iterator[Piece]:
    billed_s = first_s = row.steps[0].increment_s
    if charge_s > first_s:
        billed_s = round_up(charge_s, _ending(row, charge_s).increment_s)
    for step, end_s in _ends(row):
        stop_s = billed_s if end_s is None else min(billed_s, end_s)
        if stop_s > step.from_s:
            yield Piece(row, step, step.from_s, stop_s - step.from_s)


def _step_by_step(row: Row, charge_s: int) -> Iterator[Piece]:
    for step, end_s in _ends(row):
        slice_s = (charge_s if end_s is None else min(charge_s, end_s)) - step.from_s
        if slice_s > 0:
            yield Piece(row, step, step.from_s, round_up(slice_s, step.increment_s))


def _one_step(row: Row, charge_s: int) -> Iterator[Piece]:
    step = _ending(row, charge_s)
    yield Piece(row, step, 0, round_up(charge_s, step.increment_s))


_WALKS = {
    Counting.FIRST_NEXT: _first_next,
    Counting.ZERO: _from_zero,
    Counting.STEP: _step_by_step,
    Counting.VOLUME: _one_step,
    Counting.PACKAGE: _one_step,
}


def _ending(row: Row, charge_s: int) -> PricedStep:
    """The step in which a quantity ends: a step begins after its `from_s`."""
    return [step for step in row.steps if step.from_s < charge_s][-1]


def _segments(later: Later, *, begin_s: int, charge_s: int) -> list[tuple[Row | None, int, int]]:
    """(row, from, to) in chargeable seconds: one segment a band."""
    rows = [(0, None), *((max(0, at_s - begin_s), known) for at_s, known in later)]
    ends = [min(at_s, charge_s) for at_s, _ in rows[1:]] + [charge_s]
    return [(known, from_s, to_s) for (from_s, known), to_s in zip(rows, ends, strict=True) if from_s < to_s]


def _through_bands(row: Row, segments: Iterable[tuple[Row | None, int, int]]) -> Iterator[Piece]:
    """CARRY: the increment begun before the border is paid at its price; what it overruns is taken from what follows.
    SPLIT: each segment from its own border, rounded on its own; steps keep their place in the call. Where a
    first block is paid once, the rows after the first one go on from their second step.
    """
    reached_s, begun = 0, False
    for found, from_s, to_s in segments:
        start_s = reached_s if row.tariff.band_border is BandBorder.CARRY else from_s
        if start_s < to_s:
            row = found or row
            if begun:
                row = row.going_on or row
            begun = True
            for piece in _first_next(row, to_s, start_s):
                yield piece
                reached_s = piece.at_s + piece.billed_s


def round_up(seconds: int, increment_s: int) -> int:
    """The first multiple of the increment that is not under `seconds`."""
    return -(-seconds // increment_s) * increment_s


# --- amounts ----------------------------------------------------------------------------------------------------------


def whole_call(row: Row, *, quantity: int, later: Later = ()) -> tuple[Fraction, int]:
    """Exact price and billed seconds of the access part of an answered call that no allowance covers.

    Steps, connection fee and surcharges; then the minimum (0 is none: a price may be negative, when the called party
    earns), then the maximum; then the attempt fee. A negative quantity takes back what the same positive one costs.
    """
    if quantity < 0:
        amount, billed_s = whole_call(row, quantity=-quantity, later=later)
        return -amount, -billed_s
    charge_s = chargeable_s(row.rate, quantity=quantity)
    cut = pieces(row, charge_s=charge_s, begin_s=row.rate.free_s, later=later)
    billed_s = sum(piece.billed_s for piece in cut)
    amount = _sum(cut) + row.connection_fee + row.surcharge * surcharges(row.rate, billed_s=billed_s)
    if row.minimum:
        amount = max(amount, row.minimum)
    return _at_most(row, amount) + row.attempt_fee, billed_s


def remainder(row: Row, *, quantity: int, uncovered: int, later: Later = ()) -> tuple[Fraction, int]:
    """Exact price and billed seconds of the last `uncovered` seconds of a call whose others an allowance covers: steps
    and maximum only.
    """
    if uncovered <= 0:
        return Fraction(0), 0
    begin_s = counted_s(row.rate, quantity=quantity) - uncovered
    cut = pieces(row, charge_s=uncovered, begin_s=begin_s, later=later)
    return _at_most(row, _sum(cut)), sum(piece.billed_s for piece in cut)


def surcharges(rate: Rate, *, billed_s: int) -> int:
    """How many times the surcharge is due; from second 0 means from the first billed one."""
    if rate.surcharge == 0 or billed_s < max(rate.surcharge_at_s, 1):
        return 0
    return 1 + ((billed_s - rate.surcharge_at_s) // rate.surcharge_every_s if rate.surcharge_every_s else 0)


def by_coefficient(rate: Rate, *, cost_micros: int, uncovered: Fraction = Fraction(1)) -> Fraction:
    """Exact price of the access part as so many times its cost, or of the share of it that allowances leave."""
    assert rate.coefficient is not None, "only a row with a coefficient is priced by its cost"
    return Fraction(rate.coefficient) * cost_micros / 10**6 * uncovered


def service(rate: Rate, *, quantity: int) -> Fraction:
    """Exact price of the service part (S): by call, or by second from the first one at a price quoted by minute.

    Source: arrêté du 10 juin 2009 modified (information on the price of calls to value-added services).
    """
    if rate.service_per is ServicePer.CALL:
        return Fraction(rate.service_price) * (-1 if quantity < 0 else 1)
    if rate.service_per is ServicePer.MINUTE:
        return Fraction(rate.service_price) * quantity / 60
    return Fraction(0)


def rounded(tariff: Tariff, exact: Fraction) -> tuple[int, Fraction]:
    """The tariff's rounding point: micros, and what they lack of the exact amount, in micros.

    CALL leaves nothing. LINE rounds half up to the micro and keeps the rest for the line of the invoice.
    """
    if tariff.rounding_point is RoundingPoint.CALL:
        return to_micros(exact, mode=tariff.rounding, decimals=tariff.rounding_decimals), Fraction(0)
    micros = to_micros(exact, mode=Rounding.HALF_UP, decimals=6)
    return micros, exact * 10**6 - micros


def residue_text(residue: Fraction) -> str:
    """« n/d » in lowest terms, nothing when there is no rest."""
    return f"{residue.numerator}/{residue.denominator}" if residue else ""


def _at_most(row: Row, amount: Fraction) -> Fraction:
    return amount if row.maximum is None else min(amount, row.maximum)


def _sum(cut: Iterable[Piece]) -> Fraction:
    return sum((piece.amount for piece in cut), Fraction(0))
