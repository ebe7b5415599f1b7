"""The search: which increments, free seconds, fee, minimum and rounding explain most calls of one book.

Hypotheses are ranked on a sample with a wide reading of the printed amounts (any rounding), the best again with the
exact reading of each mode, the best of those on every call. A fee needs no list: each call says between which bounds
it lies, and the fee that lies within most of them is taken.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from ardoise.core.conventions import candidates
from ardoise.core.conventions.book import Book
from ardoise.core.conventions.candidates import Row
from ardoise.core.conventions.evaluate import Cost, cost_of, evaluator_of, round_to
from ardoise.core.conventions.model import Convention, PricedCall, Terms
from ardoise.core.money import Rounding
from ardoise.core.tariffs import IncrementOrigin

SAMPLES = (48, 130, 400)  # calls on which trials are ranked, one after the other
SECOND_SAMPLE, THIRD_SAMPLE = SAMPLES[-1], 3000
KEPT_TRIALS, KEPT_FITS, KEPT_CONVENTIONS = 60, 30, 5
MODES = (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.DOWN, Rounding.UP)
OWN_FEE_CALLS = 3  # a zone has a fee of its own when that explains more than so many calls more

Step = Callable[[int], None]
Window = tuple[int, int]
Windows = tuple[list[int], list[int]]  # lower bounds, upper bounds
EVERY_FEE = 10**40


@dataclass(frozen=True, slots=True)
class Trial:
    """A hypothesis without its fee. None: as the rows of the deck say. `minimum` in micros."""

    increments: tuple[int, int] | None
    origin: IncrementOrigin
    free_s: int | None
    minimum: int | None
    written_fee: bool
    increment_decimals: int | None = None
    rounding: Rounding = Rounding.HALF_UP


@dataclass(frozen=True, slots=True)
class Fit:
    """How many calls of the sample a trial may explain, with which fee over the scale, and which in some zones."""

    calls: int
    fee: int
    zone_fees: tuple[tuple[str, int], ...] = ()


class Reading:
    """The exact amounts that a printed one may come from, over the scale: `wide` for any mode, else for one."""

    def __init__(self, rows: Sequence[Row], *, scale: int, decimals: int, mode: Rounding | None) -> None:
        self.mode = mode
        self.unit: int = scale // 10**decimals
        self.bounds = [self._bounds(row.amount) for row in rows]

    def _bounds(self, amount: int) -> Window | None:
        unit, mode = self.unit, self.mode
        if mode is None:
            return amount - unit + 1, amount + unit - 1
        if amount % unit:
            return None
        if amount < 0:
            mirrored = self._bounds(-amount)
            assert mirrored is not None
            return -mirrored[1], -mirrored[0]
        even = amount // unit % 2 == 0
        inside = unit // 2 - (0 if mode is Rounding.HALF_EVEN and even else 1)
        low = {
            Rounding.DOWN: amount,
            Rounding.UP: amount - unit + 1,
            Rounding.HALF_UP: amount - unit // 2,
            Rounding.HALF_EVEN: amount - inside,
        }[mode]
        high = {
            Rounding.DOWN: amount + unit - 1,
            Rounding.UP: amount,
            Rounding.HALF_UP: amount + unit // 2 - 1,
            Rounding.HALF_EVEN: amount + inside,
        }[mode]
        return (low, high) if amount else (-high, high)

    def rounded(self, amount: int) -> int:
        return amount if self.mode is None else round_to(amount, self.unit, self.mode)


class Search:
    """One book and its calls, ready to be asked for the conventions that explain most of them."""

    def __init__(
        self,
        book: Book,
        calls: Sequence[PricedCall],
        indexes: Iterable[int] | None = None,
        *,
        like: Convention | None = None,
    ) -> None:
        self.book, self.calls, self.like = book, calls, like
        self.indexes = range(len(calls)) if indexes is None else list(indexes)
        self.rows = stratified(list(self._eligible()))
        self.decimals = candidates.fewest_decimals(self.rows) if self.rows else 6
        self._costs: dict[tuple[object, ...], dict[int, Cost]] = {}

    def _eligible(self) -> Iterator[Row]:
        """Answered calls of plain rows; those under way at a border of bands only when there is little else."""
        steady: list[Row] = []
        moving: list[Row] = []
        micro = self.book.scale // 10**6
        for index in self.indexes:
            site, call = self.book.sites[index], self.calls[index]
            if site is None or call.talk_s <= 0 or not self.book.profiles[site.profile].plain:
                continue
            row = Row(
                index, site.profile, site.rate.zone, call.talk_s, call.printed_micros * micro, call.printed_micros
            )
            (moving if site.later else steady).append(row)
        yield from steady
        if len(steady) < len(moving):
            yield from moving

    # -- hypotheses

    def trials(self) -> list[Trial]:
        """The cross product of what the field does and what the amounts suggest."""
        sample = self.rows[:THIRD_SAMPLE]
        unit = self.book.scale // 10**self.decimals
        ends = candidates.thresholds(sample)
        following = [*candidates.NEXT_S, *candidates.next_increments(sample, self.book.profiles, unit=unit)]
        firsts = sorted({*candidates.FIRST_S, *ends})
        pairs: list[tuple[int, int] | None] = list(product(firsts, sorted(set(following))))
        pairs += [(next_s, next_s) for next_s in set(following) - set(firsts)]
        pairs += [(first_s + next_s, next_s) for first_s in ends[:2] for next_s in following[-3:]]
        written = self.written_pairs()
        if None in written or len(written) > 1:
            pairs.insert(0, None)
        pairs = list(dict.fromkeys([*pairs, *written]))
        free = list(dict.fromkeys([0, *self._written(lambda at: self.book.profiles[at].free_s), *ends[:6]]))
        least: list[int | None] = [*self._written(lambda at: self.book.profiles[at].minimum, zero=True)]
        least += [micros for micros in candidates.minimums(sample) if micros not in least]
        fees = [True, False] if any(self.book.profiles[row.profile].fee for row in sample) else [False]
        return [
            Trial(pair, origin, free_s, minimum, fee)
            for pair in pairs
            for origin in self._origins(pair)
            for free_s, minimum, fee in product(free, least, fees)
        ]

    def written_pairs(self) -> set[tuple[int, int] | None]:
        """The increments that the rows of the deck themselves ask; None for rows with more than one price."""
        return {self.book.profiles[number].pair for number in {row.profile for row in self.rows}}

    def _written(self, of: Callable[[int], int], *, zero: bool = False) -> list[int | None]:
        """0 when no row of the deck says otherwise, else None (as written) and 0."""
        said = {of(number) for number in {row.profile for row in self.rows}}
        return [0] if said == {0} else [None, 0]

    def _origins(self, pair: tuple[int, int] | None) -> list[IncrementOrigin]:
        degressive = any(len(self.book.profiles[row.profile].prices) > 1 for row in self.rows[:SECOND_SAMPLE])
        if pair is None or degressive:
            return list(IncrementOrigin)
        return [IncrementOrigin.FIRST_NEXT, *([IncrementOrigin.ZERO] if pair[0] % pair[1] else [])]

    def with_rounded_increments(self, trials: Iterable[Trial]) -> list[Trial]:
        """The same trials with the price of an increment rounded first, where that changes a price."""
        return [
            replace(trial, increment_decimals=decimals, rounding=mode)
            for trial in trials
            for decimals in range(self.decimals, 7)
            for mode in MODES
            if mode is not Rounding.HALF_EVEN
        ]

    def steps_of(self, trial: Trial, row: Row) -> int:
        """The price of the steps of one call, over the scale."""
        return self._cost(trial, row.profile)(row.talk_s - (trial.free_s or 0))

    # -- a fit

    def fit(self, trial: Trial, rows: Sequence[Row], reading: Reading) -> Fit:
        """The fee that explains most of the rows, and how many those are."""
        windows = self._windows(trial, rows, reading)
        if trial.written_fee:
            return Fit(sum(lows.count(0) for lows, _ in windows.values()), 0)
        everywhere: Windows = ([], [])
        for lows, highs in windows.values():
            everywhere[0].extend(lows)
            everywhere[1].extend(highs)
        calls, low, high = stab(*everywhere)
        fee = simplest(low, high, scale=self.book.scale)
        if len(windows) == 1 or 10 * calls >= 9 * len(rows):
            return Fit(calls, fee)
        total, own = 0, []
        for zone, (lows, highs) in windows.items():
            common = sum(low <= fee <= high for low, high in zip(lows, highs, strict=True))
            enough = common + max(OWN_FEE_CALLS, len(lows) // 20)
            if len(lows) > enough and (alone := stab(lows, highs))[0] > enough:
                own.append((zone, simplest(alone[1], alone[2], scale=self.book.scale)))
                total += alone[0] - OWN_FEE_CALLS
            else:
                total += common
        return Fit(total, fee, tuple(own))

    def _windows(self, trial: Trial, rows: Sequence[Row], reading: Reading) -> dict[str, Windows]:
        """By zone, between which fees each call is explained; calls that no fee explains are left out."""
        profiles, micro = self.book.profiles, self.book.scale // 10**6
        costs = self._costs_of(trial)
        fixed_least = None if trial.minimum is None else reading.rounded(trial.minimum * micro)
        found: dict[str, Windows] = {}
        for row, bounds in zip(rows, reading.bounds, strict=True):
            if bounds is None:
                continue
            profile, amount = profiles[row.profile], row.amount
            cost = costs.get(row.profile)
            if cost is None:
                cost = costs[row.profile] = self._cost(trial, row.profile)
            steps = cost(row.talk_s - (profile.free_s if trial.free_s is None else trial.free_s))
            if trial.written_fee:
                steps += profile.fee
            low, high = bounds[0] - steps, bounds[1] - steps
            least = reading.rounded(profile.minimum) if fixed_least is None else fixed_least
            if least and amount <= least:
                if amount < least:
                    continue
                low = 0
            if profile.maximum is not None and amount >= reading.rounded(profile.maximum):
                if amount > reading.rounded(profile.maximum):
                    continue
                high = EVERY_FEE
            if high >= 0:
                known = found.get(row.zone)
                if known is None:
                    known = found[row.zone] = ([], [])
                known[0].append(low if low > 0 else 0)
                known[1].append(high)
        return found

    def _costs_of(self, trial: Trial) -> dict[int, Cost]:
        key = (trial.increments, trial.origin, trial.increment_decimals, trial.rounding)
        if len(self._costs) > 20_000:
            self._costs.clear()
        return self._costs.setdefault(key, {})

    def _cost(self, trial: Trial, profile: int) -> Cost:
        places = trial.increment_decimals
        return cost_of(
            self.book.profiles[profile],
            trial.increments,
            origin=trial.origin,
            increment_unit=None if places is None else self.book.scale // 10**places,
            mode=trial.rounding,
        )

    # -- the search

    def rough(self, trials: Iterable[Trial], size: int, step: Step) -> list[tuple[int, Trial]]:
        """Trials by the calls they may explain with some rounding, the best first."""
        rows = self.rows[:size]
        reading = Reading(rows, scale=self.book.scale, decimals=self.decimals, mode=None)
        scored = []
        for trial in trials:
            scored.append((self.fit(trial, rows, reading).calls, trial))
            step(1)
        scored.sort(key=lambda pair: -pair[0])
        return scored

    def sifted(self, trials: Iterable[Trial], step: Step) -> list[tuple[int, Trial]]:
        """The best trials, through samples that grow as the trials grow fewer."""
        first, second, third = SAMPLES
        kept = self.rough(trials, first, step)
        kept = self.rough([trial for _, trial in kept[: 8 * KEPT_TRIALS]], second, step)
        return self.rough([trial for _, trial in kept[: 2 * KEPT_TRIALS]], third, step)[:KEPT_TRIALS]

    def likely(self, step: Step) -> list[Trial]:
        """The trials worth an exact reading: with the exact price of increments, and with a rounded one."""
        trials = self.trials()
        exact = self.sifted(trials, step)
        bases = [trial for _, trial in exact[: KEPT_TRIALS // 3]]
        if not exact or 10 * exact[0][0] < 9 * min(len(self.rows), SECOND_SAMPLE):
            ends = {trial.free_s for trial in bases}
            bases = [trial for trial in trials if trial.free_s in ends & {0, None}] or trials
        rounded = self.sifted(self.with_rounded_increments(bases), step)
        return [trial for _, trial in [*exact, *rounded]]

    def exact(self, trials: Iterable[Trial], step: Step) -> list[tuple[int, Convention]]:
        """Conventions by the calls of the second sample they explain, the best and simplest first."""
        rows = self.rows[:SECOND_SAMPLE]
        readings = {
            (decimals, mode): Reading(rows, scale=self.book.scale, decimals=decimals, mode=mode)
            for decimals in range(self.decimals, 7)
            for mode in MODES
        }
        found: dict[Convention, int] = {}
        for trial in trials:
            for (decimals, mode), reading in readings.items():
                if self.like is not None and not _rounds_alike(self.like, trial, decimals, mode):
                    continue
                if trial.increment_decimals is not None and not _same_side(mode, trial.rounding):
                    continue
                under = trial if trial.increment_decimals is None else replace(trial, rounding=mode)
                fit = self.fit(under, rows, reading)
                convention = self.convention(under, fit, decimals=decimals, mode=mode)
                found[convention] = max(fit.calls, found.get(convention, 0))
            step(1)
        return sorted(
            ((calls, convention) for convention, calls in found.items()),
            key=lambda pair: (-pair[0], self.simplicity(pair[1])),
        )

    def convention(self, trial: Trial, fit: Fit, *, decimals: int, mode: Rounding) -> Convention:
        increments = trial.increments or (None, None)
        terms = Terms(
            first_s=increments[0],
            next_s=increments[1],
            free_s=trial.free_s,
            fee=None if trial.written_fee else self._decimal(fit.fee),
            minimum=None if trial.minimum is None else Decimal(trial.minimum).scaleb(-6).normalize() + 0,
        )
        return Convention(
            deck=self.book.tariff.code,
            terms=terms,
            zones=tuple((zone, replace(terms, fee=self._decimal(fee))) for zone, fee in sorted(fit.zone_fees)),
            version_id=self.book.version_id,
            coefficient=self.book.coefficient,
            origin=trial.origin,
            rounding=mode,
            decimals=decimals,
            increment_decimals=trial.increment_decimals,
        )

    def _decimal(self, amount: int) -> Decimal:
        """An amount over the scale as a decimal: `simplest` chose one of at most six places."""
        return Decimal(amount * 10**6 // self.book.scale).scaleb(-6).normalize() + 0

    def simplicity(self, convention: Convention) -> tuple[int, ...]:
        """What is preferred among conventions that explain the same: what the tariff says, then what is usual."""
        tariff, terms = self.book.tariff, convention.terms
        written = self.written_pairs()
        usual = ((1, 1), (60, 60), (60, 1), (30, 30), (30, 1), (30, 6), (6, 6), (60, 30), (1, 60), (10, 10), (20, 20))
        as_written = terms.increments is None or {terms.increments} == written
        pair = terms.increments
        return (
            len(convention.zones),
            len((terms.fee or Decimal(0)).as_tuple().digits),
            int(convention.version_id is not None),
            int(bool(terms.minimum)) + int(bool(terms.fee)) + int(bool(terms.free_s)),
            int(convention.increment_decimals != tariff.increment_decimals),
            0 if as_written else 1 + (usual.index(pair) if pair in usual else len(usual)),
            abs(pair[0] - pair[1]) if pair else 0,
            int(convention.origin is not tariff.increment_origin),
            int(convention.rounding is not tariff.rounding),
            MODES.index(convention.rounding),
            int(convention.decimals != tariff.rounding_decimals),
            convention.decimals,
        )

    def best(self, step: Step) -> list[tuple[int, Convention]]:
        """(calls explained of all that are searched, convention), the best first. Empty when no call can be used."""
        if not self.rows:
            return []
        fitted = self.exact(self.likely(step), step)[:KEPT_FITS]
        wide = [(self.explained(convention, self.rows[:THIRD_SAMPLE]), convention) for _, convention in fitted]
        wide.sort(key=lambda pair: (-pair[0], self.simplicity(pair[1])))
        if len(self.rows) > THIRD_SAMPLE:
            wide = [(self.explained(convention, self.rows), convention) for _, convention in wide[:KEPT_CONVENTIONS]]
            wide.sort(key=lambda pair: (-pair[0], self.simplicity(pair[1])))
        return wide

    def explained(self, convention: Convention, rows: Sequence[Row]) -> int:
        evaluator = evaluator_of(self.book, convention)
        if evaluator is None:
            return 0
        return sum(evaluator.explains(self.calls[row.index], self.book.sites[row.index]) for row in rows)


def _rounds_alike(known: Convention, trial: Trial, decimals: int, mode: Rounding) -> bool:
    asked = (known.decimals, known.rounding, known.increment_decimals, known.origin)
    return asked == (decimals, mode, trial.increment_decimals, trial.origin)


def _same_side(mode: Rounding, of_increments: Rounding) -> bool:
    return mode is of_increments or (mode is Rounding.HALF_EVEN and of_increments is Rounding.HALF_UP)


def stratified(rows: list[Row]) -> list[Row]:
    """The rows in an order in which any beginning of the list shows every zone and every length of call."""
    strata: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda known: (known.index * 2654435761) % 2**32):  # scattered, always alike
        strata[row.zone, _length_class(row.talk_s)].append(row)
    ordered = []
    for place in range(max((len(known) for known in strata.values()), default=0)):
        ordered += [known[place] for known in strata.values() if place < len(known)]
    return ordered


def _length_class(talk_s: int) -> int:
    return sum(talk_s > border for border in (5, 15, 30, 60, 120, 300, 900))


def stab(lows: Iterable[int], highs: Iterable[int]) -> tuple[int, int, int]:
    """The values between most of the bounds: between how many, from where, to where. Zero if that is nearly as good.

    No bound is negative.
    """
    lows, highs = sorted(lows), sorted(highs)
    at_zero = bisect_right(lows, 0)
    if 100 * at_zero >= 97 * len(lows):
        return at_zero, 0, 0
    best, start, end, at = 0, 0, 0, 0
    for opened, low in enumerate(lows, start=1):
        while highs[at] < low:
            at += 1
        if opened - at > best:
            best, start, end = opened - at, low, highs[at]
    return (best, start, end) if best > at_zero + max(1, len(lows) // 50) else (at_zero, 0, 0)


def simplest(low: int, high: int, *, scale: int) -> int:
    """The amount with the fewest decimals between two bounds, over the scale; the nearest to the middle of several."""
    middle = (low + min(high, low + scale)) // 2
    for decimals in range(7):
        unit: int = scale // 10**decimals
        first, last = -(-low // unit), high // unit
        if first <= last:
            return min(max(middle // unit, first), last) * unit
    return low // unit * unit
