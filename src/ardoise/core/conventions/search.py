"""The search: which increments, free seconds, fee, minimum and rounding explain most calls of one book.

What the field does and what the amounts suggest is crossed and ranked on small samples with a wide reading of the
printed amounts (any rounding); the best are read exactly, under each mode; where much is left unexplained, the best of
those are improved one field at a time. What remains is counted on every call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product

from ardoise.core.conventions import candidates
from ardoise.core.conventions.book import Book
from ardoise.core.conventions.candidates import Row
from ardoise.core.conventions.evaluate import evaluator_of
from ardoise.core.conventions.fitting import Fit, Fitter, Reading, Trial
from ardoise.core.conventions.model import Convention, PricedCall
from ardoise.core.money import Rounding
from ardoise.core.tariffs import IncrementOrigin

SAMPLES = (48, 130, 400)  # calls on which trials are ranked, one after the other
KEPT = (300, 100, 60)  # trials that go on after each
LAST_SAMPLE, WIDE_SAMPLE = SAMPLES[-1], 3000
KEPT_FITS, KEPT_CONVENTIONS, IMPROVED = 30, 5, 6
MODES = (Rounding.HALF_UP, Rounding.HALF_EVEN, Rounding.DOWN, Rounding.UP)
GOOD_PERCENT, WELL_PERCENT = 90, 97  # explained in the sample: no wider search, no improvement
FIRST_S, NEXT_S, FREE_S = range(1, 241), range(1, 121), range(61)  # tried when a trial is improved
USUAL = ((1, 1), (60, 60), (60, 1), (30, 30), (30, 1), (30, 6), (6, 6), (60, 30), (1, 60), (10, 10), (20, 20))

Step = Callable[[int], None]
Fitted = tuple[int, Trial, Fit]


class Search(Fitter):
    """One book and its calls, ready to be asked for the conventions that explain most of them.

    With `like`, only conventions that round as that one does.
    """

    def __init__(
        self,
        book: Book,
        calls: Sequence[PricedCall],
        indexes: Iterable[int] | None = None,
        *,
        like: Convention | None = None,
    ) -> None:
        super().__init__(book, calls, indexes)
        self.like = like
        self.decimals = candidates.fewest_decimals(self.rows) if self.rows else 6
        self.fine_decimals = candidates.fewest_decimals(self.rows, percent=90) if self.rows else 6
        self._readings: dict[tuple[int, Rounding], Reading] = {}

    # -- hypotheses

    @cached_property
    def pairs(self) -> list[tuple[int, int] | None]:
        """First and next increments worth a trial; None = as the rows of the deck say, when they do not all agree."""
        sample = self.rows[:WIDE_SAMPLE]
        unit = self.book.scale // 10**self.decimals
        shown = candidates.next_increments(sample, self.book.profiles, unit=unit)
        following = sorted({*candidates.NEXT_S, *shown})
        firsts = sorted({*candidates.FIRST_S, *self.ends})
        pairs: list[tuple[int, int] | None] = list(product(firsts, following))
        pairs += [(next_s, next_s) for next_s in following if next_s not in firsts]
        pairs += [(first_s + next_s, next_s) for first_s in self.ends[:2] for next_s in shown[:3]]
        written = self.written_pairs
        if None in written or len(written) > 1:
            pairs.insert(0, None)
        return sorted(dict.fromkeys([*pairs, *written]), key=lambda pair: pair not in USUAL)  # ties go to the usual

    @cached_property
    def ends(self) -> list[int]:
        """Durations at which short calls begin to cost more."""
        return candidates.thresholds(self.rows[:WIDE_SAMPLE])

    @cached_property
    def written_pairs(self) -> set[tuple[int, int] | None]:
        """The increments that the rows of the deck themselves ask; None for rows with more than one price."""
        return {self.book.profiles[number].pair for number in {row.profile for row in self.rows}}

    @cached_property
    def least(self) -> list[int | None]:
        """Minimums worth a trial, in micros."""
        written = self._written(lambda at: self.book.profiles[at].minimum)
        return list(dict.fromkeys([*written, *candidates.minimums(self.rows[:WIDE_SAMPLE])]))

    @cached_property
    def fees(self) -> list[bool]:
        """Whether the fee may be the one of the rows of the deck."""
        return [True, False] if any(self.book.profiles[row.profile].fee for row in self.rows) else [False]

    def _written(self, of: Callable[[int], int]) -> list[int | None]:
        """0 when no row of the deck says otherwise, else None (as written) and 0."""
        said = {of(number) for number in {row.profile for row in self.rows}}
        return [0] if said == {0} else [None, 0]

    def trials(self) -> list[Trial]:
        """The cross product of what the field does and what the amounts suggest."""
        free = [*self._written(lambda at: self.book.profiles[at].free_s), *self.ends[:3]]
        return [
            Trial(pair, origin, free_s, minimum, fee)
            for pair in self.pairs
            for origin in self.origins(pair)
            for free_s, minimum, fee in product(dict.fromkeys(free), self.least, self.fees)
        ]

    def origins(self, pair: tuple[int, int] | None) -> list[IncrementOrigin]:
        """The origins of blocks that could make a difference."""
        if pair is None or self._degressive:
            return list(IncrementOrigin)
        return [IncrementOrigin.FIRST_NEXT, *([IncrementOrigin.ZERO] if pair[0] % pair[1] else [])]

    @cached_property
    def _degressive(self) -> bool:
        return any(len(self.book.profiles[row.profile].prices) > 1 for row in self.rows[:LAST_SAMPLE])

    def with_rounded_increments(self, trials: Iterable[Trial]) -> list[Trial]:
        """The same trials with the price of an increment rounded first."""
        return [
            replace(trial, increment_decimals=decimals, rounding=mode)
            for trial in trials
            for decimals in range(min(self.decimals, 2), 7)  # a fee may have more decimals than an increment
            for mode in MODES
            if mode is not Rounding.HALF_EVEN
        ]

    # -- ranking

    def rough(
        self, trials: Iterable[Trial], size: int, step: Step, *, decimals: int | None = None
    ) -> list[tuple[int, Trial]]:
        """Trials by the calls they may explain with some rounding to so many decimals, the best first."""
        rows = self.rows[:size]
        places = self.decimals if decimals is None else decimals
        reading = Reading(rows, scale=self.book.scale, decimals=places, mode=None)
        scored = []
        for trial in trials:
            scored.append((self.fit(trial, rows, reading).calls, trial))
            step(1)
        scored.sort(key=lambda pair: -pair[0])
        return scored

    def sifted(self, trials: Collection[Trial], readings: Iterable[int], step: Step) -> list[Trial]:
        """The best trials, through samples that grow as the trials grow fewer.

        `readings`: the decimals under which amounts are read in turn, until one tells the trials apart.
        """
        likely: dict[Trial, None] = {}
        for decimals in dict.fromkeys(readings):
            scored = [(0, trial) for trial in trials]
            for size, most in zip(SAMPLES, KEPT, strict=True):
                scored = self.rough([trial for _, trial in scored], size, step, decimals=decimals)[:most]
            likely |= dict.fromkeys(trial for _, trial in scored)
            well = sum(100 * calls >= WELL_PERCENT * min(len(self.rows), LAST_SAMPLE) for calls, _ in scored)
            if 0 < well < len(scored):
                break  # some explain nearly all, and not all do: the reading tells them apart
        return list(likely)

    def exact(self, trials: Iterable[Trial], step: Step) -> list[Fitted]:
        """Trials under every rounding, by the calls of the last sample that they explain, the best and simplest first.

        Trials with rounded increments keep to the side of their mode: nearest, up or down.
        """
        found: dict[Trial, Fit] = {}
        for trial in trials:
            for decimals, mode in product(range(7) if self.like else range(self.decimals, 7), MODES):
                if trial.increment_decimals is not None and not _same_side(mode, trial.rounding):
                    continue
                under = replace(trial, decimals=decimals, rounding=mode)
                if under not in found and self._rounds_alike(under):
                    found[under] = self.read(under)
            step(1)
        return self.ordered((fit.calls, trial, fit) for trial, fit in found.items())

    def read(self, trial: Trial) -> Fit:
        """How the trial fits the last sample under its own rounding."""
        rows = self.rows[:LAST_SAMPLE]
        key = (trial.decimals, trial.rounding)
        if key not in self._readings:
            self._readings[key] = Reading(rows, scale=self.book.scale, decimals=key[0], mode=key[1])
        return self.fit(trial, rows, self._readings[key])

    def ordered(self, fitted: Iterable[Fitted]) -> list[Fitted]:
        return sorted(fitted, key=lambda known: (-known[0], self.simplicity(self.convention(known[1], known[2]))))

    def _alike(self, trial: Trial) -> Trial:
        assert self.like is not None
        return replace(trial, increment_decimals=self.like.increment_decimals, rounding=self.like.rounding,
                       decimals=self.like.decimals, origin=self.like.origin)  # fmt: skip

    def _rounds_alike(self, trial: Trial) -> bool:
        if self.like is None:
            return True
        asked = (self.like.decimals, self.like.rounding, self.like.increment_decimals, self.like.origin)
        return asked == (trial.decimals, trial.rounding, trial.increment_decimals, trial.origin)

    # -- improving

    def improved(self, fitted: Fitted, step: Step) -> Fitted:
        """The trial made better one field at a time, until no value of any field explains more of the sample."""
        best = fitted
        before = -1
        while best[0] > before:
            before = best[0]
            for neighbours in self._neighbours(best[1]):
                for trial in neighbours:
                    step(1)
                    fit = self.read(trial) if self._rounds_alike(trial) else Fit(0, 0)
                    if fit.calls > best[0]:
                        best = (fit.calls, trial, fit)
        return best

    def _neighbours(self, trial: Trial) -> Iterator[list[Trial]]:
        """For each field in turn, the trials that differ in it; free seconds and first increment also move together."""
        if trial.increments is not None:
            first_s, next_s = trial.increments
            free_s = trial.free_s or 0
            yield [
                replace(trial, increments=(other_s, next_s), origin=origin)
                for other_s in FIRST_S
                for origin in self.origins((other_s, next_s))
            ]
            yield [replace(trial, increments=(first_s, other_s)) for other_s in NEXT_S]
            yield [
                replace(trial, increments=(first_s + free_s - other_s, next_s), free_s=other_s)
                for other_s in FREE_S
                if first_s + free_s > other_s
            ]
            yield [replace(trial, increments=(other_s, other_s)) for other_s in NEXT_S]
        yield [replace(trial, free_s=other_s) for other_s in FREE_S]
        yield [replace(trial, minimum=micros) for micros in self._frequent]
        yield [
            replace(trial, origin=origin, free_s=other_s)
            for origin in self.origins(trial.increments)
            for other_s in FREE_S[:16]
        ]
        yield [replace(trial, rounding=mode, decimals=places) for mode, places in product(MODES, range(7))]
        yield [
            replace(trial, rounding=mode, increment_decimals=places)
            for mode, places in product(MODES, (None, *range(7)))
        ]

    @cached_property
    def _frequent(self) -> list[int | None]:
        counts = Counter(row.printed_micros for row in self.rows[:WIDE_SAMPLE])
        return list(dict.fromkeys([*self.least, *(micros for micros, _ in counts.most_common(6))]))

    # -- the answer

    def best(self, step: Step) -> list[tuple[int, Convention]]:
        """(calls explained of all that are searched, convention), the best first. Empty when no call can be used."""
        if not self.rows:
            return []
        fitted = self._fitted(step)
        found = list(dict.fromkeys(self.convention(trial, fit) for _, trial, fit in fitted[:KEPT_FITS]))
        wide = self._counted(found, self.rows[:WIDE_SAMPLE])
        if len(self.rows) > WIDE_SAMPLE:
            wide = self._counted([convention for _, convention in wide[:KEPT_CONVENTIONS]], self.rows)
        return wide

    def _fitted(self, step: Step) -> list[Fitted]:
        seen = min(len(self.rows), LAST_SAMPLE)
        trials = self.trials()
        if self.like is not None:
            alike = dict.fromkeys(map(self._alike, trials))
            return self._polished(self.exact(self.sifted(alike, (self.decimals, self.like.decimals), step), step), step)
        # Where few amounts need more decimals than the others, they may be errors or tell the rounding: both are tried.
        # Round amounts may also come from round prices, under a finer rounding that hardly shows.
        readings = (self.fine_decimals, self.decimals, min(6, self.fine_decimals + 2))
        likely = self.sifted(trials, readings, step)
        fitted = self._polished(self.exact(likely, step), step)
        bases = likely[:10]
        if 100 * fitted[0][0] < GOOD_PERCENT * seen:
            bases = [trial for trial in trials if not trial.free_s and trial.minimum == self.least[0]]
        rounded = self.exact(self.sifted(self.with_rounded_increments(bases), (self.decimals,), step), step)
        if not rounded or rounded[0][0] <= fitted[0][0]:
            return self.ordered([*fitted, *rounded])
        return self.ordered([*fitted, *self._polished(rounded, step)])

    def _polished(self, fitted: list[Fitted], step: Step) -> list[Fitted]:
        """The best of them improved, unless there is little left to explain."""
        seen = min(len(self.rows), LAST_SAMPLE)
        if not fitted or 100 * fitted[0][0] >= WELL_PERCENT * seen:
            return fitted
        starts: dict[tuple[object, ...], Fitted] = {}
        for known in fitted:
            starts.setdefault((known[1].increments, known[1].free_s, known[1].minimum), known)
        better = []
        for known in list(starts.values())[:IMPROVED]:
            better.append(self.improved(known, step))
            if 100 * better[-1][0] >= WELL_PERCENT * seen:
                break
        return self.ordered({known[1]: known for known in [*fitted, *better]}.values())

    def _counted(self, conventions: Iterable[Convention], rows: Sequence[Row]) -> list[tuple[int, Convention]]:
        wide = [(self.explained(convention, rows), convention) for convention in conventions]
        return sorted(wide, key=lambda pair: (-pair[0], self.simplicity(pair[1])))

    def explained(self, convention: Convention, rows: Sequence[Row]) -> int:
        evaluator = evaluator_of(self.book, convention)
        if evaluator is None:
            return 0
        return sum(evaluator.explains(self.calls[row.index], self.book.sites[row.index]) for row in rows)

    def simplicity(self, convention: Convention) -> tuple[int, ...]:
        """What is preferred among conventions that explain the same: fewest things to believe, then what is usual."""
        tariff, pair = self.book.tariff, convention.terms.increments
        return (
            self.beliefs(convention),
            USUAL.index(pair) if pair in USUAL else len(USUAL),
            abs(pair[0] - pair[1]) if pair else 0,
            int(convention.origin is not tariff.increment_origin),
            MODES.index(convention.rounding),
            int(convention.decimals != tariff.rounding_decimals),
            convention.decimals,
            int(convention.border is not tariff.band_border),
            int(convention.bill_zero_seconds is not tariff.bill_zero_seconds),
        )

    def beliefs(self, convention: Convention) -> int:
        """How far a convention departs from the tariff as recorded; amounts with many digits and roundings to more
        than a cent depart further.
        """
        tariff, terms = self.book.tariff, convention.terms
        amounts = (terms.fee, terms.minimum, convention.coefficient - 1)
        places, written = convention.increment_decimals, terms.increments
        return (
            len(convention.zones)
            + sum(len(amount.as_tuple().digits) for amount in amounts if amount)
            + 2 * (convention.version_id is not None)
            + 2 * bool(terms.free_s)
            + 2 * (places != tariff.increment_decimals)
            + 2 * (places is not None and places < 2)
            + 2 * (convention.decimals < 2)
            + (written is not None and {written} != self.written_pairs)
            + (written is not None and {written} != self.written_pairs and written not in USUAL)
            + (convention.rounding is not tariff.rounding)
        )


def _same_side(mode: Rounding, of_increments: Rounding) -> bool:
    return mode is of_increments or (mode is Rounding.HALF_EVEN and of_increments is Rounding.HALF_UP)
