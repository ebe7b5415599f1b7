"""The charge of a priced usage: what its row asks, less what allowances cover, less a promotion, rounded, less what
allowances of money pay. The same for calls, messages, data and events, for a customer and for a reseller.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from ardoise.core.allowances import (
    RETAIL,
    AllowanceBook,
    Counters,
    Draw,
    Held,
    covered_of,
    draws_text,
    uncovered,
)
from ardoise.core.attribution import Attribution, Attributor
from ardoise.core.compiled import Exact, Fare
from ardoise.core.promotions import Applied, PromotionBook, Uncovered, again, choose, count, discounted
from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Counted, Promotion
from ardoise.core.usage import Usage


class AccessCharge(NamedTuple):
    """The access part of one usage. `is_open`: some allowance counted it, whether or not anything was left in it."""

    amount_micros: int
    residue: str
    billed_s: int
    draws: tuple[Draw, ...] = ()
    promotion: Promotion | None = None
    promoted: int = 0
    is_open: bool = False

    @property
    def covered_s(self) -> int:
        return covered_of(self.draws)

    @property
    def draws_text(self) -> str:
        return draws_text(self.draws)


class Charging:
    """The allowances and promotions of one snapshot, applied to fares."""

    def __init__(self, snapshot: Snapshot, attributor: Attributor) -> None:
        self.allowances = AllowanceBook(snapshot, attributor)
        self.promotions = PromotionBook(snapshot, attributor)
        self._plain = not snapshot.grants and not snapshot.promotion_grants

    def charge(
        self, fare: Fare, usage: Usage, payer: Attribution, *, month: str, counters: Counters, level: str = RETAIL
    ) -> AccessCharge:
        """The access part of a priced, answered usage; `counters` advance. Usage must come `in_drawing_order`."""
        quantity = usage.quantity
        if self._plain and not counters.held:
            exact = fare.whole_call(quantity)
            return AccessCharge(*fare.round(exact.amount, exact.scale), exact.billed)
        at, zone = usage.answered_at, fare.rate.rate.zone
        lots = self.allowances.lots(payer, at=at, month=month)
        opened = lots.open_to(zone=zone, kind=usage.kind)
        offers = self.promotions.of(payer, at=at).open_to(zone=zone, kind=usage.kind)
        held = counters.held.get((usage.usage_id, level))
        if held is not None:
            counters.take_again(lots.all, draws=held.draws, number_key=usage.number_key)
            count(offers, counters, month=month, usage=_left(fare, quantity, held.draws)[1])
            return recomputed(fare, quantity, held, is_open=opened.some)
        draws, _ = counters.draw(opened.usage, demand=fare.demand(quantity), number_key=usage.number_key)
        exact, left = _left(fare, quantity, draws)
        applied = choose(offers, counters, month=month, usage=left) if offers else None
        micros, residue = _rounded(fare, exact, applied, left)
        paid = counters.draw(opened.money, demand=micros, number_key=usage.number_key)[0] if opened.money else ()
        return _access(micros, residue, exact, draws + paid, applied, opened.some)


def recomputed(fare: Fare, quantity: int, taken: Held, *, is_open: bool = True) -> AccessCharge:
    """The charge again, from what it took: the draws and the promotion that a stored charge names explain its amount
    without any counter.
    """
    exact, left = _left(fare, quantity, taken.draws)
    applied = None if taken.promotion is None else again(taken.promotion, taken.promoted, usage=left)
    micros, residue = _rounded(fare, exact, applied, left)
    return _access(micros, residue, exact, taken.draws, applied, is_open)


def _left(fare: Fare, quantity: int, draws: Sequence[Draw]) -> tuple[Exact, Uncovered]:
    """What the row asks for what draws leave of a usage, and how promotions see that."""
    left = uncovered(fare.demand(quantity), draws)
    drawn = any(draw.allowance.counted is not Counted.MONEY for draw in draws)
    exact = fare.remainder(quantity, left) if drawn else fare.whole_call(quantity)
    return exact, Uncovered(left, partial(_micros, fare, exact), covered=drawn and not left, taken_back=quantity < 0)


def _micros(fare: Fare, exact: Exact) -> int:
    return fare.round(exact.amount, exact.scale)[0]


def _rounded(fare: Fare, exact: Exact, applied: Applied | None, left: Uncovered) -> tuple[int, str]:
    """Micros and residue of an exact price after a promotion. What is taken back is the mirror of what was charged."""
    if applied is None:
        return fare.round(exact.amount, exact.scale)
    sign = -1 if left.taken_back else 1
    amount, scale = discounted(sign * exact.amount, exact.scale, applied)
    return fare.round(sign * amount, scale)


def _access(
    micros: int, residue: str, exact: Exact, draws: tuple[Draw, ...], applied: Applied | None, is_open: bool
) -> AccessCharge:
    """Allowances of money pay after the rounding."""
    paid = sum(draw.covered_s for draw in draws if draw.allowance.counted is Counted.MONEY)
    promotion, promoted = (None, 0) if applied is None else (applied.promotion, applied.promoted)
    return AccessCharge(micros - paid, residue, exact.billed, draws, promotion, promoted, is_open)
