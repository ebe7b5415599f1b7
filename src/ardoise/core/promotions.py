"""Promotions: so much off what a call costs, all of it or the part that falls in a window of the month's usage.

A promotion looks at what allowances leave. One with a window counts the owner's usage of its zones in the order it was
answered, and takes its percentage and its amount off the part of each call that lies between its two bounds. One call
gets one promotion. `docs/algorithms/promotions.md` says every rule, with worked tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ardoise.core.allowances import COUNTED_OF, KEPT_OWNERS, Counters, PromotionKey
from ardoise.core.attribution import Attribution, Attributor, in_force
from ardoise.core.snapshot import OwnerKind, PromotionGrant, Snapshot
from ardoise.core.tariffs import AllowanceOwner, Counted, Promotion
from ardoise.core.usage import UsageKind


@dataclass(frozen=True, slots=True)
class Offer:
    """A promotion open to a payer, and the counter of its window."""

    key: PromotionKey
    promotion: Promotion


class Applied(NamedTuple):
    """A promotion on a call. `promoted`: how much of the call it applies to, in what it counts, 0 = all of it; `share`
    is the same as a part of the call, over all of it.
    """

    promotion: Promotion
    promoted: int = 0
    share: tuple[int, int] = (1, 1)


class Uncovered(NamedTuple):
    """What allowances leave of one usage, as promotions count it.

    `quantity` in seconds, messages, octets or units, free ones off; `micros` gives the undiscounted access price after
    rounding, and is asked only when a window counts money. `covered`: an allowance left nothing of it. `taken_back`:
    the usage has a negative quantity.
    """

    quantity: int
    micros: Callable[[], int]
    covered: bool = False
    taken_back: bool = False

    def measured(self, counted: Counted) -> int:
        """How far it moves a counter: never back, so that a price under zero counts for nothing."""
        if counted is Counted.CALLS:
            return 1
        return max(0, self.micros() if counted is Counted.MONEY else self.quantity)


def has_window(promotion: Promotion) -> bool:
    return promotion.from_quantity > 0 or promotion.to_quantity is not None


class PromotionBook:
    """The promotions of one snapshot, indexed by owner."""

    def __init__(self, snapshot: Snapshot, attributor: Attributor) -> None:
        self._attributor = attributor
        self.promotions = {known.promotion_id: known for known in snapshot.promotions}
        self._grants: dict[tuple[OwnerKind, int], list[PromotionGrant]] = {}
        for grant in snapshot.promotion_grants:
            if grant.promotion_id in self.promotions:
                self._grants.setdefault((grant.owner_kind, grant.owner_id), []).append(grant)
        ends = ((known.valid_from_at, known.valid_to_at) for known in snapshot.promotion_grants)
        self._instants = sorted({at for period in ends for at in period if at is not None})
        self._kept: dict[tuple[int | None, int, int], PayerOffers] = {}

    def of(self, payer: Attribution, *, at: datetime) -> PayerOffers:
        """`offers`, kept: between two changes they stand still."""
        if not self._grants:
            return NO_OFFERS
        key = (payer.line_id, payer.account_id, bisect_right(self._instants, at))
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= KEPT_OWNERS:
                self._kept.clear()
            known = self._kept[key] = PayerOffers(self.offers(payer, at=at))
        return known

    def offers(self, payer: Attribution, *, at: datetime) -> tuple[Offer, ...]:
        """The promotions granted to a line, its account, an account above or the issuer, lowest priority number first.

        One that is granted several times counts once for each counter.
        """
        owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
        owners += [(OwnerKind.ACCOUNT, account_id) for account_id in self._attributor.ancestors(payer.account_id)]
        owners.append((OwnerKind.ISSUER, payer.issuer_id))
        found: dict[PromotionKey, Promotion] = {}
        for owner in owners:
            for grant in self._grants.get(owner, ()):
                if in_force(at, valid_from_at=grant.valid_from_at, valid_to_at=grant.valid_to_at):
                    promotion = self.promotions[grant.promotion_id]
                    found[_counter(promotion, grant, payer)] = promotion
        offers = (Offer(key, promotion) for key, promotion in found.items())
        return tuple(sorted(offers, key=lambda offer: (offer.promotion.priority, offer.key)))


def _counter(promotion: Promotion, grant: PromotionGrant, payer: Attribution) -> PromotionKey:
    """One counter a line, or one at the account that was granted it, else at the account that pays. A payer without a
    line counts as an account.
    """
    if promotion.owner is AllowanceOwner.LINE and payer.line_id is not None:
        return (promotion.promotion_id, OwnerKind.LINE, payer.line_id, payer.root_id)
    at_account = promotion.owner is not AllowanceOwner.LINE and grant.owner_kind is OwnerKind.ACCOUNT
    owner_id = grant.owner_id if at_account else payer.account_id
    return (promotion.promotion_id, OwnerKind.ACCOUNT, owner_id, payer.root_id)


class PayerOffers:
    """The promotions of one payer between two changes, by zone and kind of usage."""

    __slots__ = ("_of", "all")

    def __init__(self, offers: tuple[Offer, ...]) -> None:
        self.all = offers
        self._of: dict[tuple[str, UsageKind], tuple[Offer, ...]] = {}

    def open_to(self, *, zone: str, kind: UsageKind) -> tuple[Offer, ...]:
        """The promotions that usage of a kind to a zone may get: a window must count such usage."""
        found = self._of.get((zone, kind))
        if found is None:
            found = self._of[zone, kind] = tuple(
                offer
                for offer in self.all
                if (not offer.promotion.zones or zone in offer.promotion.zones)
                and (not has_window(offer.promotion) or offer.promotion.counted in COUNTED_OF[kind])
            )
        return found


NO_OFFERS = PayerOffers(())


def choose(offers: Iterable[Offer], counters: Counters, *, month: str, usage: Uncovered) -> Applied | None:
    """The promotion of one call, the first that holds for any part of it, and its part in the windows counted.

    Every window counts the call, chosen or not, so that what one promotion takes never depends on another. A call that
    an allowance covers whole gets none and counts nowhere; what is taken back gets no window and counts nowhere.
    """
    if usage.covered:
        return None
    chosen: Applied | None = None
    for offer in offers:
        promotion = offer.promotion
        if not has_window(promotion):
            chosen = chosen or Applied(promotion)
        elif not usage.taken_back:
            reached, measured = _moved(offer, counters, month=month, usage=usage)
            chosen = chosen or _inside(promotion, reached=reached, measured=measured)
    return chosen


def count(offers: Iterable[Offer], counters: Counters, *, month: str, usage: Uncovered) -> None:
    """Move the windows by a call whose promotion is settled already."""
    if not usage.covered and not usage.taken_back:
        for offer in offers:
            if has_window(offer.promotion):
                _moved(offer, counters, month=month, usage=usage)


def _moved(offer: Offer, counters: Counters, *, month: str, usage: Uncovered) -> tuple[int, int]:
    """Where a counter stood, and how far the call moves it."""
    reached = counters.counted.get((month, offer.key), 0)
    measured = usage.measured(offer.promotion.counted)
    if measured:
        counters.counted[month, offer.key] = reached + measured
    return reached, measured


def _inside(promotion: Promotion, *, reached: int, measured: int) -> Applied | None:
    """The part of a call that lies in the window; usage that moves no counter is in it where the counter stands."""
    low, high = promotion.from_quantity, promotion.to_quantity
    if not measured:
        return Applied(promotion) if low <= reached and (high is None or reached < high) else None
    end = reached + measured if high is None else min(reached + measured, high)
    inside = end - max(reached, low)
    if inside <= 0:
        return None
    return Applied(promotion) if inside == measured else Applied(promotion, inside, (inside, measured))


def again(promotion: Promotion, promoted: int, *, usage: Uncovered) -> Applied:
    """The promotion of a call as its charge names it."""
    measured = usage.measured(promotion.counted) if promoted else 0
    return Applied(promotion, promoted, (promoted, measured)) if 0 < promoted < measured else Applied(promotion)


def discounted(amount: int, scale: int, applied: Applied) -> tuple[int, int]:
    """What is left of an exact price, `amount` / `scale` units of currency, as another such pair: percentage off, then
    the amount off, not below zero if it was not; all that for the share of a call that is in a window, the rest at its
    full price.
    """
    percent, percents = applied.promotion.percentage.as_integer_ratio()
    off, offs = applied.promotion.amount.as_integer_ratio()
    over = 100 * percents * offs  # each amount below is over scale * over
    full = amount * over
    reduced = amount * (100 * percents - percent) * offs - off * scale * 100 * percents
    if amount >= 0 and reduced < 0:
        reduced = 0
    inside, whole = applied.share
    return full * whole + (reduced - full) * inside, scale * over * whole
