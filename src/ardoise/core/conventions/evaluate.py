"""What a convention makes of each call, in integers, as `core.pricing` would: the tests hold the two together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ardoise.core.conventions.book import Book, Profile, Site
from ardoise.core.conventions.model import Convention, PricedCall, header, rewritten
from ardoise.core.money import Rounding
from ardoise.core.pricing import Row, TariffError, check_tariff, rounded, row_of, service, whole_call
from ardoise.core.tariffs import BandBorder, IncrementOrigin, Rate

Cost = Callable[[int], int]
"""Chargeable seconds -> price of the steps, over the scale."""


def round_to(amount: int, unit: int, mode: Rounding) -> int:
    """A multiple of `unit`, by the mode; signs are mirrored."""
    magnitude, rest = divmod(abs(amount), unit)
    if mode is Rounding.UP:
        magnitude += rest > 0
    elif mode is Rounding.HALF_UP:
        magnitude += 2 * rest >= unit
    elif mode is Rounding.HALF_EVEN:
        magnitude += 2 * rest > unit or (2 * rest == unit and magnitude % 2 == 1)
    return -magnitude * unit if amount < 0 else magnitude * unit


def cost_of(
    profile: Profile,
    increments: tuple[int, int] | None,
    *,
    origin: IncrementOrigin,
    increment_unit: int | None,
    mode: Rounding,
) -> Cost:
    """The price of the steps of a plain row. `increments` None: as written; `increment_unit`: the price of one
    increment is rounded to a multiple of it; counted from zero, its share is then right to less than one unit of the
    scale, enough to rank hypotheses.
    """
    pair = profile.pair if increments is None else increments
    if pair is not None and len(profile.prices) == 1:
        return _pair_cost(profile.prices[0][1], *pair, origin=origin, increment_unit=increment_unit, mode=mode)
    blocks = []
    for from_s, increment_s, price in _steps(profile, increments):
        block = price * increment_s
        blocks.append((from_s, increment_s, block if increment_unit is None else round_to(block, increment_unit, mode)))
    return _WALKS[origin](blocks)


def _pair_cost(
    price: int, first_s: int, next_s: int, *, origin: IncrementOrigin, increment_unit: int | None, mode: Rounding
) -> Cost:
    first, following = price * first_s, price * next_s
    if increment_unit is not None:
        first, following = round_to(first, increment_unit, mode), round_to(following, increment_unit, mode)
    if origin is IncrementOrigin.ZERO and first_s % next_s:

        def from_zero(charge_s: int) -> int:
            if charge_s <= first_s:
                return first if charge_s > 0 else 0
            return first + (-(-charge_s // next_s) * next_s - first_s) * following // next_s

        return from_zero

    def from_first(charge_s: int) -> int:
        if charge_s <= first_s:
            return first if charge_s > 0 else 0
        return first - (first_s - charge_s) // next_s * following

    return from_first


def _steps(profile: Profile, increments: tuple[int, int] | None) -> Sequence[tuple[int, int, int]]:
    """(from second, increment, price of a second) of each step."""
    if increments is None:
        return profile.written
    first_s, next_s = increments
    steps = [(from_s, next_s if index else first_s, price) for index, (from_s, price) in enumerate(profile.prices)]
    if first_s != next_s and all(from_s != first_s for from_s, _ in profile.prices):
        price = [price for from_s, price in profile.prices if from_s < first_s][-1]
        steps = sorted([*steps, (first_s, next_s, price)])
    return steps


Blocks = Sequence[tuple[int, int, int]]  # from second, increment, price of one increment


def _first_next(blocks: Blocks) -> Cost:
    def cost(charge_s: int) -> int:
        amount = reached_s = 0
        for index, (_, increment_s, block) in enumerate(blocks):
            stop_s = charge_s if index + 1 == len(blocks) else min(charge_s, blocks[index + 1][0])
            if stop_s > reached_s:
                count = -(-(stop_s - reached_s) // increment_s)
                reached_s += count * increment_s
                amount += count * block
        return amount

    return cost


def _step_by_step(blocks: Blocks) -> Cost:
    def cost(charge_s: int) -> int:
        amount = 0
        for index, (from_s, increment_s, block) in enumerate(blocks):
            stop_s = charge_s if index + 1 == len(blocks) else min(charge_s, blocks[index + 1][0])
            if stop_s > from_s:
                amount += -(-(stop_s - from_s) // increment_s) * block
        return amount

    return cost


def _from_zero(blocks: Blocks) -> Cost:
    def cost(charge_s: int) -> int:
        if charge_s <= 0:
            return 0
        billed_s = blocks[0][1]
        if charge_s > billed_s:
            increment_s = [block[1] for block in blocks if block[0] < charge_s][-1]
            billed_s = -(-charge_s // increment_s) * increment_s
        amount = 0
        for index, (from_s, increment_s, block) in enumerate(blocks):
            stop_s = billed_s if index + 1 == len(blocks) else min(billed_s, blocks[index + 1][0])
            amount += max(0, stop_s - from_s) * block // increment_s
        return amount

    return cost


_WALKS = {
    IncrementOrigin.FIRST_NEXT: _first_next,
    IncrementOrigin.ZERO: _from_zero,
    IncrementOrigin.STEP: _step_by_step,
}


class Evaluator:
    """Prices calls of one book under one convention. Refuses, by TariffError, what `core.pricing` refuses."""

    def __init__(self, book: Book, convention: Convention) -> None:
        self.book, self.convention = book, convention
        self.header = header(convention, book.tariff)
        check_tariff(self.header)
        self._unit: int = book.scale // 10**convention.decimals
        self._micros: int = 10 ** (6 - convention.decimals)
        self._plain: dict[tuple[int, str], tuple[Cost, int, int, int, int | None] | None] = {}
        self._own = frozenset(zone for zone, _ in convention.zones)
        self._rows: dict[tuple[int, str], Row] = {}

    def micros(self, site: Site, talk_s: int) -> int:
        """What the call costs: the access part and, where there is one, the service part."""
        if talk_s == 0 and not self.convention.bill_zero_seconds:
            return 0
        if site.later and self.convention.border is not BandBorder.START:
            return self._by_definition(site, talk_s)
        key = (site.profile, site.rate.zone if site.rate.zone in self._own else "")
        if key not in self._plain:
            self._plain[key] = self._compile(site)
        known = self._plain[key]
        if known is None:
            return self._by_definition(site, talk_s)
        cost, free_s, fee, minimum, maximum = known
        amount = cost((talk_s or 1) - free_s) + fee
        if minimum and amount < minimum:
            amount = minimum
        if maximum is not None and amount > maximum:
            amount = maximum
        return round_to(amount, self._unit, self.convention.rounding) // self._unit * self._micros

    def _compile(self, site: Site) -> tuple[Cost, int, int, int, int | None] | None:
        profile, terms = self.book.profiles[site.profile], self.convention.terms_of(site.rate.zone)
        places = self.convention.increment_decimals
        if not profile.plain or (places is not None and self.convention.origin is IncrementOrigin.ZERO):
            return None  # the share of one second in a rounded increment need not be a whole number of the scale
        cost = cost_of(
            profile,
            terms.increments,
            origin=self.convention.origin,
            increment_unit=None if places is None else self.book.scale // 10**places,
            mode=self.convention.rounding,
        )
        return (
            cost,
            profile.free_s if terms.free_s is None else terms.free_s,
            profile.fee if terms.fee is None else self.book.over_scale(terms.fee),
            profile.minimum if terms.minimum is None else self.book.over_scale(terms.minimum),
            profile.maximum,
        )

    def _by_definition(self, site: Site, talk_s: int) -> int:
        later: list[tuple[int, Row]] = []
        if self.convention.border is not BandBorder.START:
            later = [(at_s, self._row(rate)) for at_s, rate in site.later]
        row = self._row(site.rate)
        amount, _ = whole_call(row, quantity=talk_s, later=later)
        third_party = service(row.rate, quantity=talk_s)
        if self.convention.parts_apart:
            return self._rounded(amount) + self._rounded(third_party)
        return self._rounded(amount + third_party)

    def _rounded(self, amount: Fraction) -> int:
        micros: int = rounded(self.header, amount)[0]
        return micros

    def _row(self, rate: Rate) -> Row:
        key = (self.book.profile_of(rate), rate.zone)
        if key not in self._rows:
            changed = rewritten(
                rate,
                self.convention.terms_of(rate.zone),
                tiers=self.book.tariff.tiers,
                coefficient=self.convention.coefficient,
            )
            self._rows[key] = row_of(changed._replace(coefficient=None), self.header)
        return self._rows[key]

    def explains(self, call: PricedCall, site: Site | None) -> bool:
        """Whether the printed amount is the convention's."""
        return site is not None and self.micros(site, call.talk_s) == call.printed_micros


def evaluator_of(book: Book, convention: Convention) -> Evaluator | None:
    """None where `core.pricing` has no such convention (a carried border on blocks counted from zero)."""
    try:
        return Evaluator(book, convention)
    except TariffError:
        return None
