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
    PayerLots,
    covered_of,
    draws_text,
    fee_micros,
    uncovered,
)
from ardoise.core.attribution import Attribution, Attributor
from ardoise.core.fares import Exact, Fare
from ardoise.core.promotions import Applied, Offer, PromotionBook, Uncovered, again, choose, count, discounted
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
        held = counters.held.get((usage.usage_id, level)) if counters.held else None
        if held is not None:
            return self._held(held, fare, usage, lots, offers, month, counters)
        draws, left = counters.draw(
            opened.usage, demand=fare.demand(quantity), number_key=usage.number_key, billed=fare.billed
        )
        exact = fare.remainder(quantity, left) if draws else fare.whole_call(quantity)
        applied = None
        if offers:
            applied = choose(offers, counters, month=month, usage=_seen(fare, quantity, exact, left, bool(draws)))
        micros, residue = _rounded(fare, quantity, exact, applied)
        micros += fee_micros(draws)
        if opened.money:
            draws += counters.draw(opened.money, demand=micros, number_key=usage.number_key)[0]
        return _access(micros, residue, exact, draws, applied, opened.some)

    @staticmethod
    def _held(
        held: Held, fare: Fare, usage: Usage, lots: PayerLots, offers: Sequence[Offer], month: str, counters: Counters
    ) -> AccessCharge:
        """The call of an issued document: what it took is used again, whatever there is, and its charge follows."""
        counters.take_again(lots.all, draws=held.draws, number_key=usage.number_key, billed=fare.billed)
        quantity = usage.quantity
        exact, left, drawn = _uncovered(fare, quantity, held.draws)
        count(offers, counters, month=month, usage=_seen(fare, quantity, exact, left, drawn))
        opened = lots.open_to(zone=fare.rate.rate.zone, kind=usage.kind)
        return recomputed(fare, quantity, held, is_open=opened.some)


def recomputed(fare: Fare, quantity: int, taken: Held, *, is_open: bool = True) -> AccessCharge:
    """The charge again, from what it took: the draws and the promotion that a stored charge names explain its amount
    without any counter.
    """
    exact, left, drawn = _uncovered(fare, quantity, taken.draws)
    applied = None
    if taken.promotion is not None:
        applied = again(taken.promotion, taken.promoted, usage=_seen(fare, quantity, exact, left, drawn))
    micros, residue = _rounded(fare, quantity, exact, applied)
    return _access(micros + fee_micros(taken.draws), residue, exact, taken.draws, applied, is_open)


def _uncovered(fare: Fare, quantity: int, draws: Sequence[Draw]) -> tuple[Exact, int, bool]:
    """What the row asks after draws, how much of the usage they leave, and whether they cover any of it."""
    left = uncovered(fare.demand(quantity), draws)
    drawn = any(draw.allowance.counted is not Counted.MONEY for draw in draws)
    return fare.remainder(quantity, left) if drawn else fare.whole_call(quantity), left, drawn


def _seen(fare: Fare, quantity: int, exact: Exact, left: int, drawn: bool) -> Uncovered:
    """What promotions see of a usage."""
    return Uncovered(left, partial(_micros, fare, exact), covered=drawn and not left, taken_back=quantity < 0)


def _micros(fare: Fare, exact: Exact) -> int:
    return fare.round(exact.amount, exact.scale)[0]


def _rounded(fare: Fare, quantity: int, exact: Exact, applied: Applied | None) -> tuple[int, str]:
    """Micros and residue of an exact price after a promotion. What is taken back is the mirror of what was charged."""
    if applied is None:
        return fare.round(exact.amount, exact.scale)
    sign = -1 if quantity < 0 else 1
    amount, scale = discounted(sign * exact.amount, exact.scale, applied)
    return fare.round(sign * amount, scale)


def _access(
    micros: int, residue: str, exact: Exact, draws: tuple[Draw, ...], applied: Applied | None, is_open: bool
) -> AccessCharge:
    """Allowances of money pay after the rounding."""
    for draw in draws:
        if draw.allowance.counted is Counted.MONEY:
            micros -= draw.covered_s
    if applied is None:
        return AccessCharge(micros, residue, exact.billed, draws, None, 0, is_open)
    return AccessCharge(micros, residue, exact.billed, draws, applied.promotion, applied.promoted, is_open)
