"""The price of one call, defined: pieces of a call, its access amount, its service amount, exactly, on Fraction.

What a tariff row means stands here and nowhere else; `core.rating` compiles the same into integers, and the property
tests hold the two, the columns and an independent oracle together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from ardoise.core.tariffs import IncrementOrigin, Rate, ServicePer, Step


class TariffError(ValueError):
    """A tariff that means nothing: refused when compiled, before any call is priced."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`billed_s` seconds of a call at the price of one step, after increments."""

    step: Step
    billed_s: int


FREE_BEFORE_FIRST_STEP = Step(from_s=0, price=Decimal(0), per_s=60, increment_s=1)


def ordered_steps(rate: Rate) -> tuple[Step, ...]:
    """Steps in time order; seconds before the first one cost nothing. Refuses steps that cannot be counted."""
    steps = tuple(sorted(rate.steps, key=lambda step: step.from_s))
    row = f"the row of prefix « {rate.prefix} », zone « {rate.zone} »,"
    if any(step.increment_s < 1 or step.per_s < 1 or step.from_s < 0 for step in steps):
        raise TariffError(f"{row} has a step with a negative start, or an increment or a unit under one second")
    if len({step.from_s for step in steps}) < len(steps):
        raise TariffError(f"{row} has two steps from the same second")
    if rate.free_s < 0:
        raise TariffError(f"{row} has a negative number of free seconds")
    if steps and steps[0].from_s > 0:
        return (FREE_BEFORE_FIRST_STEP, *steps)
    return steps


def pieces(steps: Sequence[Step], *, origin: IncrementOrigin, charge_s: int) -> list[Piece]:
    """Cut `charge_s` seconds at the steps and round them up to increments.

    FIRST_NEXT: each piece is rounded up to its own increment and its overrun eats into the next step, so that 60/1 is
    {0 s: blocks of 60, 60 s: blocks of 1}. ZERO: the total is at least the first increment and, beyond it, a multiple
    counted from second 0 of the increment of the step in which the call ends; the billed total is then cut at the
    steps.
    """
    if charge_s <= 0 or not steps:
        return []
    walk = _first_next if origin is IncrementOrigin.FIRST_NEXT else _from_zero
    return list(walk(steps, charge_s))


def _ends(steps: Sequence[Step]) -> Iterator[tuple[Step, int | None]]:
    for index, step in enumerate(steps):
        yield step, steps[index + 1].from_s if index + 1 < len(steps) else None


def _first_next(steps: Sequence[Step], charge_s: int) -> Iterator[Piece]:
    reached_s = 0
    for step, end_s in _ends(steps):
        stop_s = charge_s if end_s is None else min(charge_s, end_s)
        if stop_s > reached_s:
            billed_s = round_up(stop_s - reached_s, step.increment_s)
            reached_s += billed_s
            yield Piece(step, billed_s)


def _from_zero(steps: Sequence[Step], charge_s: int) -> Iterator[Piece]:
    billed_s = first_s = steps[0].increment_s
    if charge_s > first_s:
        ending = [step for step in steps if step.from_s < charge_s][-1]
        billed_s = round_up(charge_s, ending.increment_s)
    for step, end_s in _ends(steps):
        stop_s = billed_s if end_s is None else min(billed_s, end_s)
        if stop_s > step.from_s:
            yield Piece(step, stop_s - step.from_s)


def round_up(seconds: int, increment_s: int) -> int:
    """The first multiple of the increment that is not under `seconds`."""
    return -(-seconds // increment_s) * increment_s


def chargeable_s(rate: Rate, *, talk_s: int) -> int:
    """Seconds of a whole call that increments see: free seconds off; a call of 0 s counts as its first second."""
    return max(0, max(talk_s, 1) - rate.free_s)


def whole_call(rate: Rate, *, origin: IncrementOrigin, talk_s: int) -> tuple[Fraction, int]:
    """Exact price and billed seconds of the access part of a call that no allowance covers."""
    cut = pieces(ordered_steps(rate), origin=origin, charge_s=chargeable_s(rate, talk_s=talk_s))
    amount = Fraction(rate.connection_fee) + _sum(cut)
    if rate.minimum:  # 0 is no minimum: a price may be negative, when the called party earns
        amount = max(amount, Fraction(rate.minimum))
    if rate.maximum is not None:
        amount = min(amount, Fraction(rate.maximum))
    return amount, sum(piece.billed_s for piece in cut)


def remainder(rate: Rate, *, origin: IncrementOrigin, uncovered_s: int) -> tuple[Fraction, int]:
    """Exact price and billed seconds of what an allowance leaves of a call: no connection fee, no minimum."""
    if uncovered_s <= 0:
        return Fraction(0), 0
    cut = pieces(ordered_steps(rate), origin=origin, charge_s=uncovered_s)
    amount = _sum(cut)
    if rate.maximum is not None:
        amount = min(amount, Fraction(rate.maximum))
    return amount, sum(piece.billed_s for piece in cut)


def service(rate: Rate, *, talk_s: int) -> Fraction:
    """Exact price of the service part (S): by call, or by second from the first one at a price quoted by minute.

    Source: arrêté du 10 juin 2009 modified (information on the price of calls to value-added services).
    """
    if rate.service_per is ServicePer.CALL:
        return Fraction(rate.service_price)
    if rate.service_per is ServicePer.MINUTE:
        return Fraction(rate.service_price) * talk_s / 60
    return Fraction(0)


def _sum(cut: Iterable[Piece]) -> Fraction:
    return sum((Fraction(piece.step.price) * piece.billed_s / piece.step.per_s for piece in cut), Fraction(0))
