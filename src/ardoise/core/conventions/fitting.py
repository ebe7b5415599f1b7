"""How well a hypothesis fits: the fee that explains most calls, and how many those are.

A fee needs no list of candidates. Each printed amount, less the price of the steps, says between which bounds the fee
lies; the fee between most of these bounds is taken, the one with the fewest decimals.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ardoise.core.conventions.book import Book
from ardoise.core.conventions.candidates import Row
from ardoise.core.conventions.evaluate import Cost, cost_of, round_to
from ardoise.core.conventions.model import Convention, PricedCall, Terms
from ardoise.core.money import Rounding
from ardoise.core.tariffs import IncrementOrigin

OWN_FEE_CALLS = 3  # a zone has a fee of its own when that explains more than so many calls more

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
    decimals: int = 6


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


class Fitter:
    """One book and its calls, ready to be asked how well a trial fits."""

    def __init__(self, book: Book, calls: Sequence[PricedCall], indexes: Iterable[int] | None = None) -> None:
        self.book, self.calls = book, calls
        self.indexes = range(len(calls)) if indexes is None else list(indexes)
        self.rows = stratified(list(self._eligible()))
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

    def steps_of(self, trial: Trial, row: Row) -> int:
        """The price of the steps of one call, over the scale."""
        return self._cost(trial, row.profile)(row.talk_s - (trial.free_s or 0))

    def convention(self, trial: Trial, fit: Fit) -> Convention:
        """The trial with its fee, as a convention."""
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
            rounding=trial.rounding,
            decimals=trial.decimals,
            increment_decimals=trial.increment_decimals,
        )

    def _decimal(self, amount: int) -> Decimal:
        """An amount over the scale as a decimal: `simplest` chose one of at most six places."""
        return Decimal(amount * 10**6 // self.book.scale).scaleb(-6).normalize() + 0


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
