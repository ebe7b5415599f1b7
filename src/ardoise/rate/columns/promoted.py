"""Promotions as columns: which one each call gets, for how much of it, and what it leaves of an exact amount.

Every window counts its owner's usage by a sum over all calls, whatever promotion they get: once the sums are known, the
promotion of a call is the first of its offers that holds for any part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from math import gcd
from typing import NamedTuple

import numpy as np

from ardoise.core.allowances import COUNTED_OF, Counters, PromotionKey
from ardoise.core.promotions import Applied, Offer, Uncovered, choose, count, discounted, has_window
from ardoise.core.tariffs import Counted, Promotion
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import Amounts
from ardoise.rate.columns.kernel import SAFE, Flags, Ints
from ardoise.rate.columns.lots import Callers, by_group, sums_before

LARGEST = SAFE // 2_000_000  # of amounts and scales: see `Amounts`


class OfferChoices:
    """The distinct sets of promotions open to the calls of a month: `of[kind, offers id, zone id]` is the number of a
    set, 0 is none; `at[place][number]` its offer at a place, -1 for none.
    """

    def __init__(
        self, offers: Sequence[tuple[Offer, ...]], zones: Sequence[str], kinds: Sequence[UsageKind],
        promotions: Iterable[Promotion],
    ) -> None:  # fmt: skip
        self.promotions = sorted(promotions, key=lambda known: known.promotion_id)
        self.sets: list[tuple[Offer, ...]] = [()]
        self.of = np.zeros((len(kinds), len(offers), max(len(zones), 1)), np.int32)
        plans: dict[tuple[int, ...], list[tuple[int, tuple[int, ...], list[int]]]] = {}
        for row, known in enumerate(offers):
            name = tuple(offer.promotion.promotion_id for offer in known)
            if name not in plans:
                plans[name] = _plans(known, zones, kinds)
            for kind, places, zone_ids in plans[name]:
                self.of[kind, row, zone_ids] = len(self.sets)
                self.sets.append(tuple([known[place] for place in places]))
        self._number()

    def _number(self) -> None:
        """Offers and promotions as integers."""
        numbers: dict[PromotionKey, int] = {}
        self.offers: list[Offer] = []
        self.at = np.full((max(map(len, self.sets)), len(self.sets)), -1, np.int64)
        for choice, known in enumerate(self.sets):
            for place, offer in enumerate(known):
                number = numbers.setdefault(offer.key, len(self.offers))
                if number == len(self.offers):
                    self.offers.append(offer)
                self.at[place, choice] = number
        ids = {known.promotion_id: number for number, known in enumerate(self.promotions)}
        self.promotion = np.array([ids[offer.promotion.promotion_id] for offer in self.offers], np.int64)
        self.windowed = np.array([has_window(known) for known in self.promotions], np.bool_)
        self.low = np.array([min(known.from_quantity, SAFE) for known in self.promotions], np.int64)
        self.high = np.array(
            [SAFE if known.to_quantity is None else min(known.to_quantity, SAFE) for known in self.promotions], np.int64
        )
        self.by_call = np.array([known.counted is Counted.CALLS for known in self.promotions], np.bool_)
        self.by_money = np.array([known.counted is Counted.MONEY for known in self.promotions], np.bool_)


def _plans(
    offers: Sequence[Offer], zones: Sequence[str], kinds: Sequence[UsageKind]
) -> list[tuple[int, tuple[int, ...], list[int]]]:
    """Kinds of usage, positions of the offers open to it, and to which zones: as `PayerOffers.open_to`."""
    plans = []
    for kind_id, kind in enumerate(kinds):
        fit = [
            (place, offer.promotion.zones)
            for place, offer in enumerate(offers)
            if not has_window(offer.promotion) or offer.promotion.counted in COUNTED_OF[kind]
        ]
        zones_of: dict[tuple[int, ...], list[int]] = {}
        for zone_id, zone in enumerate(zones):
            places = tuple([place for place, named in fit if not named or zone in named])
            if places:
                zones_of.setdefault(places, []).append(zone_id)
        plans += [(kind_id, places, zone_ids) for places, zone_ids in zones_of.items()]
    return plans


@dataclass(frozen=True, slots=True)
class Seen:
    """What promotions see of the calls that have offers and are not wholly covered, one entry each: the columns of
    `core.promotions.Uncovered`. `row` is where each stands among the priced calls, ascending.
    """

    row: Ints
    choice: Ints
    quantity: Ints  # what allowances leave of the demand
    micros: Callable[[], Ints]  # undiscounted
    taken_back: Flags
    issued: Flags  # their promotion is settled: they only move the windows, and before the others
    callers: Callers


class Promoted(NamedTuple):
    """The calls that get a promotion. `promotion` is its position in `OfferChoices.promotions`, `part` of `whole` what
    it applies to of them, 1 of 1 for all of it.
    """

    row: Ints
    promotion: Ints
    part: Ints
    whole: Ints


def promote(offered: OfferChoices, seen: Seen) -> tuple[Promoted, int]:
    """The promotion of each call, and how many calls asked one after the other: those whose sums int64 may not hold."""
    largest = int(seen.quantity.max(initial=1))
    if offered.by_money.any():
        largest = max(largest, int(seen.micros().max(initial=1)))
    if largest > SAFE // max(len(seen.row), 1):
        return _one_by_one(offered, seen), len(seen.row)
    shares = _shares(offered, seen)
    promotion = np.full(len(seen.row), -1, np.int64)
    part, whole = np.zeros(len(seen.row), np.int64), np.ones(len(seen.row), np.int64)
    for offer, (its_part, its_whole) in zip(offered.at, shares, strict=True):
        got = np.flatnonzero((promotion < 0) & (its_part > 0))
        promotion[got] = offered.promotion[offer[seen.choice[got]]]
        part[got], whole[got] = its_part[got], its_whole[got]
    got = np.flatnonzero((promotion >= 0) & ~seen.issued)
    return Promoted(seen.row[got], promotion[got], part[got], whole[got]), 0


def _shares(offered: OfferChoices, seen: Seen) -> list[tuple[Ints, Ints]]:
    """For each place among the offers of a call, the part that its promotion applies to, and of how much."""
    shares, entries, offers = [], [], []
    for at in offered.at:
        offer = at[seen.choice]
        windowed = (offer >= 0) & np.append(offered.windowed[offered.promotion], False)[offer]
        shares.append(((offer >= 0) & ~windowed).astype(np.int64))
        counting = np.flatnonzero(windowed & ~seen.taken_back)
        entries.append(counting)
        offers.append(offer[counting])
    wholes = [np.ones(len(seen.row), np.int64) for _ in shares]
    if any(map(len, entries)):
        counting, offer = np.concatenate(entries), np.concatenate(offers)
        order = np.argsort(counting, kind="stable")
        entry, offer, part, whole = _inside(offered, seen, counting[order], offer[order])
        for at, its_part, its_whole in zip(offered.at, shares, wholes, strict=True):
            here = at[seen.choice[entry]] == offer
            its_part[entry[here]], its_whole[entry[here]] = part[here], whole[here]
    return list(zip(shares, wholes, strict=True))


def _inside(offered: OfferChoices, seen: Seen, entry: Ints, offer: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Entries, ascending, and offers of theirs: in the order in which they count, with the part of each call that lies
    in the window, and of how much.
    """
    rows, offer = seen.callers.grouped(seen.row[entry], offer)
    entry = np.searchsorted(seen.row, rows)
    if seen.issued.any():
        order, _ = by_group(np.arange(len(entry)), 2 * offer + ~seen.issued[entry])
        entry, offer = entry[order], offer[order]
    promotion = offered.promotion[offer]
    measured = np.maximum(seen.quantity[entry], 0)
    measured[offered.by_call[promotion]] = 1
    by_money = offered.by_money[promotion]
    if by_money.any():
        measured[by_money] = np.maximum(seen.micros()[entry[by_money]], 0)
    reached, low, high = sums_before(offer, measured), offered.low[promotion], offered.high[promotion]
    part = np.maximum(np.minimum(reached + measured, high) - np.maximum(reached, low), 0)
    still = measured == 0  # it moves no counter: in the window where the counter stands
    part[still] = ((low <= reached) & (reached < high))[still]
    all_of_it = still | (part == measured)
    part[all_of_it] = np.minimum(part[all_of_it], 1)
    return entry, offer, part, np.where(all_of_it, 1, measured)


def _one_by_one(offered: OfferChoices, seen: Seen) -> Promoted:
    """The same by the scalar's own counters."""
    order = seen.callers.time_order(seen.row)
    order = order[np.argsort(~seen.issued[order], kind="stable")]
    number = {known.promotion_id: place for place, known in enumerate(offered.promotions)}
    counters, got = Counters(), []
    for entry in order.tolist():
        micros = partial(int, seen.micros()[entry])
        usage = Uncovered(int(seen.quantity[entry]), micros, taken_back=bool(seen.taken_back[entry]))
        offers = offered.sets[seen.choice[entry]]
        if seen.issued[entry]:
            count(offers, counters, month="", usage=usage)
        elif applied := choose(offers, counters, month="", usage=usage):
            got.append((int(seen.row[entry]), number[applied.promotion.promotion_id], *applied.share))
    return Promoted(*np.array(got, np.int64).reshape(-1, 4).T)


def discount(exact: Amounts, promoted: Promoted, promotions: Sequence[Promotion], *, quantity: Ints) -> None:
    """Take promotions off exact amounts, in int64 where all of a call is promoted and the result fits."""
    whole = promoted.part == promoted.whole
    for number in np.unique(promoted.promotion[whole]).tolist():
        rows = promoted.row[whole & (promoted.promotion == number)]
        rest = _discount_whole(exact, rows, promotions[number], quantity=quantity)
        for row in rest.tolist():
            discount_one(exact, row, Applied(promotions[number]), taken_back=bool(quantity[row] < 0))
    for row, number, part, of in zip(*(column[~whole].tolist() for column in promoted), strict=True):
        discount_one(exact, row, Applied(promotions[number], part, (part, of)), taken_back=bool(quantity[row] < 0))


def _discount_whole(exact: Amounts, rows: Ints, promotion: Promotion, *, quantity: Ints) -> Ints:
    """`core.promotions.discounted` on columns; returns the rows that int64 cannot hold."""
    percent, percents = promotion.percentage.as_integer_ratio()
    off, offs = promotion.amount.as_integer_ratio()
    kept, taken, over = (100 * percents - percent) * offs, off * 100 * percents, 100 * percents * offs
    common = gcd(kept, taken, over)
    kept, taken, over = kept // common, taken // common, over // common
    amount, scale = exact.amount[rows], exact.scale[rows]
    fits = np.abs(amount) <= LARGEST // 2 // max(abs(kept), 1)
    fits &= scale <= LARGEST // 2 // max(abs(taken), over)
    if exact.large:
        fits &= ~np.isin(rows, list(exact.large))
    held, sign = rows[fits], np.where(quantity[rows[fits]] < 0, -1, 1)
    full = sign * amount[fits]
    reduced = full * kept - taken * scale[fits]
    reduced[(full >= 0) & (reduced < 0)] = 0
    exact.amount[held], exact.scale[held] = sign * reduced, scale[fits] * over
    return rows[~fits]


def discount_one(exact: Amounts, row: int, applied: Applied, *, taken_back: bool) -> None:
    """The same of one call, whatever its numbers. What is taken back is the mirror of what was charged."""
    amount, scale = exact.at(row)
    sign = -1 if taken_back else 1
    amount, scale = discounted(sign * amount, scale, applied)
    common = gcd(amount, scale)
    amount, scale = sign * amount // common, scale // common
    if max(abs(amount), scale) <= LARGEST:
        exact.large.pop(row, None)
        exact.amount[row], exact.scale[row] = amount, scale
    else:
        exact.large[row] = (amount, scale)
        exact.amount[row], exact.scale[row] = 0, 1
