"""The charge of a priced usage: what its row asks, less what allowances cover, less a promotion, rounded, less what
allowances of money pay. The same for calls, messages, data and events, for a customer and for a reseller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ardoise.core.allowances import (
    RETAIL,
    AllowanceBook,
    Counters,
    Draw,
    Held,
    Pool,
    covered_of,
    draws_text,
    uncovered,
)
from ardoise.core.attribution import Attribution, Attributor
from ardoise.core.compiled import Exact, Fare
from ardoise.core.promotions import Applied, Offer, PromotionBook, Uncovered, choose, discounted, hold
from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Counted, Promotion
from ardoise.core.usage import Usage


@dataclass(frozen=True, slots=True)
class AccessCharge:
    """The access part of one usage. `open`: some allowance counted it, whether or not anything was left in it."""

    amount_micros: int
    residue: str
    billed_s: int
    draws: tuple[Draw, ...] = ()
    promotion: Promotion | None = None
    promoted: int = 0
    open: bool = False

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
        held = counters.held.get((usage.usage_id, level))
        zone = fare.rate.rate.zone
        lots = self.allowances.lots(payer, at=usage.answered_at, month=month)
        opened = lots.open_to(zone=zone, kind=usage.kind)
        demand = fare.demand(quantity)
        if held is None:
            draws, _ = counters.draw(opened.usage, demand=demand, number_key=usage.number_key)
        else:
            counters.take_again(lots.all, draws=held.draws, number_key=usage.number_key)
            draws = tuple(draw for draw in held.draws if draw.allowance.counted is not Counted.MONEY)
        left = uncovered(demand, draws)
        exact = fare.remainder(quantity, left) if draws else fare.whole_call(quantity)
        applied = None
        if left > 0 or not draws:
            offers = self.promotions.of(payer, at=usage.answered_at).open_to(zone=zone, kind=usage.kind)
            applied = _promotion(offers, counters, held, month, fare, exact, left, quantity)
        micros, residue = promoted_micros(fare, exact, applied, taken_back=quantity < 0)
        paid = _pay(opened.money, counters, held, amount=micros, number_key=usage.number_key)
        return AccessCharge(
            amount_micros=micros - sum(draw.covered_s for draw in paid),
            residue=residue,
            billed_s=exact.billed,
            draws=draws + paid,
            promotion=None if applied is None else applied.promotion,
            promoted=0 if applied is None else applied.promoted,
            open=bool(opened.usage or opened.money),
        )


def _promotion(
    offers: Sequence[Offer], counters: Counters, held: Held | None, month: str, fare: Fare, exact: Exact, left: int,
    quantity: int,
) -> Applied | None:  # fmt: skip
    if not offers and held is None:
        return None
    usage = Uncovered(left, lambda: fare.round(exact.amount, exact.scale)[0], taken_back=quantity < 0)
    if held is None:
        return choose(offers, counters, month=month, usage=usage)
    return hold(offers, counters, month=month, usage=usage, promotion=held.promotion, promoted=held.promoted)


def promoted_micros(fare: Fare, exact: Exact, applied: Applied | None, *, taken_back: bool) -> tuple[int, str]:
    """Micros and residue of an exact price after a promotion. What is taken back is the mirror of what was charged."""
    if applied is None:
        return fare.round(exact.amount, exact.scale)
    sign = -1 if taken_back else 1
    price = sign * discounted(Fraction(sign * exact.amount, exact.scale), applied)
    return fare.round(price.numerator, price.denominator)


def _pay(
    lots: Sequence[Pool], counters: Counters, held: Held | None, *, amount: int, number_key: str
) -> tuple[Draw, ...]:
    """What allowances of money pay of a rounded amount, in micros."""
    if held is not None:
        return tuple(draw for draw in held.draws if draw.allowance.counted is Counted.MONEY)
    return counters.draw(lots, demand=amount, number_key=number_key)[0] if lots else ()
