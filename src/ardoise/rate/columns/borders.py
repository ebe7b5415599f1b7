"""Calls under way when the band of their tariff's calendar changes, where the tariff looks beyond the start: carried
over or split at the change (`core.tariffs.BandBorder`).

They are few: those whose end lies beyond the next change after their epoch. Their bands are walked through together,
one change after the other, as `core.fares.Fare.stretches` does it for one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from ardoise.core.fares import Fare, LaterRow
from ardoise.core.rating import CompiledSnapshot, quoted_usage
from ardoise.core.schema import USAGE
from ardoise.core.tariffs import BandBorder
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.amounts import Amounts
from ardoise.rate.columns.catalogue import Asked, CatalogueColumns
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.epochs import instants_us
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import NEVER, SAFE, Flags, Ints, RateColumns, exact_of, put
from ardoise.rate.columns.rated import Calls

BORDERS = "borders"  # why a call is left to the scalar: it lasts beyond the month, or its prices have no common measure
SECOND_US = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """One more change of band of each crossing call: the first second that is not before it, counted from the answer
    (NEVER if there is none), and the price of the new band, -1 if the number has no row in it.
    """

    at_s: Ints
    shape: Ints


@dataclass(frozen=True, slots=True)
class Crossing:
    """Some of the calls asked about: `flags` says which, `places` where they stand among them."""

    flags: Flags
    places: Ints
    shape: Ints
    changes: list[Change]
    beyond: dict[int, tuple[LaterRow, ...]]  # by position in `places`: the changes of the calls that outlast the month


class Borders:
    """The changes of band of one month."""

    def __init__(self, compiled: CompiledSnapshot, catalogue: CatalogueColumns, profiles: Profiles) -> None:
        self._compiled, self._catalogue = compiled, catalogue
        self._rates, self._profiles = catalogue.rates, profiles
        rates = self._rates
        looks = rates.rates.by_tariff(lambda tariff: tariff.band_border is not BandBorder.START, np.bool_)
        self._looks = looks & rates.flags(lambda price: price.rate.kind is UsageKind.CALL and price.coefficient is None)
        self._carries = rates.rates.by_tariff(lambda tariff: tariff.band_border is BandBorder.CARRY, np.bool_)
        self.any = bool(self._looks.any())
        if self.any:
            self._find_changes()

    def _find_changes(self) -> None:
        """For each calendar its changes, and which one follows each epoch; the last one is the end of the month, beyond
        which nothing is known.
        """
        catalogue = self._catalogue
        codes = sorted(catalogue.bands)
        self._calendar_of = np.array([codes.index(code) for code in catalogue.calendar_of], np.int64)
        instants = [instants_us([*catalogue.bands[code][0][1:], catalogue.to_at]) for code in codes]
        most = max(map(len, instants))
        self._changes_us = np.full((len(codes), most + 1), NEVER, np.int64)
        self._bands = np.zeros((len(codes), most + 1), np.int64)
        epochs_us = instants_us(catalogue.epochs.instants)
        self._next = np.zeros((len(codes), len(epochs_us)), np.int64)
        for number, (code, changes_us) in enumerate(zip(codes, instants, strict=True)):
            self._changes_us[number, : len(changes_us)] = changes_us
            bands = [catalogue.band_names.index(band) for band in catalogue.bands[code][1][1:]]
            self._bands[number, : len(bands)] = bands
            self._next[number] = np.searchsorted(changes_us, epochs_us, side="right")
        self._to_us = int(instants_us([catalogue.to_at])[0])
        self._always = np.array([not code for code in codes], np.bool_)  # no calendar: one band all the time

    def crossing(self, calls: Calls, asked: Asked, *, row: Rows, at: Ints, shape: Ints) -> Crossing | None:
        """The calls `at` that last through several bands of the tariff of their row; None for none."""
        if not self.any:
            return None
        looking = np.flatnonzero(self._looks[shape])
        version = self._catalogue.row_version[row[looking]]
        calendar = self._calendar_of[version]
        following = self._next[calendar, asked.epochs[at[looking]]]
        lasts_s = np.minimum(self._rates.counted(shape[looking], calls.quantity[at[looking]]), NEVER // SECOND_US)
        end_us = calls.at_us[at[looking]] + lasts_s * SECOND_US
        crosses = (end_us > self._changes_us[calendar, following]) & ~self._always[calendar]
        if not crosses.any():
            return None
        places = looking[crosses]
        flags = np.zeros(len(at), np.bool_)
        flags[places] = True
        version, calendar, following, end_us = (
            values[crosses] for values in (version, calendar, following, end_us)
        )  # fmt: skip
        of = at[places]
        changes: list[Change] = []
        while True:
            change_us = self._changes_us[calendar, following]
            more = change_us < end_us
            if not more.any():
                beyond = np.flatnonzero(end_us > self._to_us)
                fares = {
                    call: self._beyond(calls, int(of[call]), int(version[call]), int(shape[places[call]]))
                    for call in beyond.tolist()
                }
                return Crossing(flags, places, shape[places], changes, fares)
            at_s = np.where(more, -((calls.at_us[of] - change_us) // SECOND_US), NEVER)
            found = self._catalogue.in_band(version, self._bands[calendar, following], asked, of)
            found[~more | (change_us >= self._to_us)] = -1
            changes.append(Change(at_s, np.where(found >= 0, self._catalogue.row_shape[found], -1)))
            following = np.where(more, following + 1, following)

    def _beyond(self, calls: Calls, call: int, version: int, shape: int) -> tuple[LaterRow, ...]:
        """What the scalar says of a call that goes on after the month."""
        categories, origins = self._texts
        profile = calls.profile[call]
        usage = quoted_usage(
            number_key=calls.keys(np.array([call])).item(), at=EPOCH + timedelta(microseconds=int(calls.at_us[call])),
            quantity=int(calls.quantity[call]), number_category=categories[profile], origin=origins[profile],
        )  # fmt: skip
        return self._compiled.book.later(self._catalogue.versions[version], usage, self._rates.rates[shape])

    @cached_property
    def _texts(self) -> tuple[list[str], list[str]]:
        """Category and origin of each profile."""
        return self._profiles.texts(USAGE.number_category), self._profiles.texts(USAGE.origin)

    def price(
        self, crossing: Crossing, exact: Amounts, *, quantity: Ints, left: Ints | None, drawn: Flags | None
    ) -> None:
        """Put the amounts of the crossing calls; the other arrays have one entry for each call asked about."""
        places, shape = crossing.places, crossing.shape
        asked_s, free_s = quantity[places], self._rates.free_s[shape]
        total_s = self._rates.counted(shape, asked_s)
        charge_s, begin_s = total_s - free_s, free_s
        covered = np.zeros(len(places), np.bool_)
        if left is not None and drawn is not None:
            covered = drawn[places]
            charge_s = np.where(covered, left[places], charge_s)
            begin_s = np.where(covered, total_s - left[places], begin_s)
        walk = Walk(self._rates, shape, np.maximum(charge_s, 0), begin_s, carries=self._carries[shape])
        walk.through(crossing.changes)
        amount, scale, unfit = walk.priced(covered)
        unfit[list(crossing.beyond)] = True
        unfit |= total_s > self._rates.safe_s[shape]
        sign = np.where(asked_s < 0, -1, 1)
        exact.amount[places], exact.scale[places] = sign * amount, scale
        exact.billed[places] = sign * walk.billed_s
        self._rates.counts.add(BORDERS, int(unfit.sum()))
        for call in np.flatnonzero(unfit).tolist():
            later = crossing.beyond.get(call) or self._later(crossing.changes, call)
            fare = Fare(self._rates.rates[shape[call]], later)
            uncovered = int(charge_s[call]) if covered[call] else None
            put(exact, int(places[call]), exact_of(fare, int(asked_s[call]), uncovered))

    def _later(self, changes: list[Change], call: int) -> tuple[LaterRow, ...]:
        found = []
        for change in changes:
            at_s, shape = int(change.at_s[call]), int(change.shape[call])
            if at_s < NEVER:
                found.append(LaterRow(at_s, "", self._rates.rates[shape] if shape >= 0 else None))
        return tuple(found)


class Walk:
    """Crossing calls, priced segment by segment: `core.fares.Fare.stretches` and `segments` on arrays.

    `amount` is over `scale`, common to the rows met so far; `unfit` calls have rows that int64 cannot add up.
    """

    def __init__(self, rates: RateColumns, shape: Ints, charge_s: Ints, begin_s: Ints, *, carries: Flags) -> None:
        self._rates, self._first, self._charge_s, self._begin_s = rates, shape, charge_s, begin_s
        self._carries = carries
        self._row = shape.copy()
        self._found = np.full(len(shape), -1, np.int64)
        self._from_s = np.zeros(len(shape), np.int64)
        self._reached_s = np.zeros(len(shape), np.int64)
        self._any_steps = rates.has_steps[shape]
        self._begun = np.zeros(len(shape), np.bool_)
        self._amount, self._scale = np.zeros(len(shape), np.int64), rates.scale[shape]
        self.billed_s = np.zeros(len(shape), np.int64)
        self._unfit = np.zeros(len(shape), np.bool_)

    def through(self, changes: list[Change]) -> None:
        """The segments before each change, then the one after the last."""
        for change in changes:
            self._segment(np.minimum(change.at_s - self._begin_s, self._charge_s))
            self._found = np.where(change.at_s < NEVER, change.shape, self._found)
        self._segment(self._charge_s)

    def _segment(self, to_s: Ints) -> None:
        rates = self._rates
        start_s = np.where(self._carries, self._reached_s, self._from_s)
        inside = np.flatnonzero((to_s > self._from_s) & (start_s < to_s))
        self._from_s = np.maximum(self._from_s, to_s)
        row = np.where(self._found >= 0, self._found, self._row)[inside]
        row = np.where(self._begun[inside], rates.going_on[row], row)
        self._begun[inside] = True
        self._row[inside] = row
        self._any_steps[inside] |= rates.has_steps[row]
        self._unfit[inside] |= np.maximum(self._charge_s[inside], 1) > rates.safe_s[row]
        amount, reached_s = rates.walk(row, start_s[inside], to_s[inside])
        self._reached_s[inside] = reached_s
        self.billed_s[inside] += reached_s - start_s[inside]
        self._add(inside, amount, rates.scale[row])

    def _add(self, of: Ints, amount: Ints, scale: Ints) -> None:
        mine = self._scale[of]
        if (mine == scale).all():
            self._amount[of] += amount
            return
        common = np.gcd(mine, scale)
        times, others = scale // common, mine // common
        large = (mine > LARGEST // times) | (np.abs(self._amount[of]) > LARGEST // 2 // times)
        large |= np.abs(amount) > LARGEST // 2 // others
        self._unfit[of] |= large
        times, others = np.where(large, 0, times), np.where(large, 0, others)
        self._amount[of] = self._amount[of] * times + amount * others
        self._scale[of] = np.where(large, mine, mine * times)

    def priced(self, covered: Flags) -> tuple[Ints, Ints, Flags]:
        """Amount and scale with the fees and limits of the first row, and the calls that do not fit."""
        self._amount[~self._any_steps] = 0
        self.billed_s[~self._any_steps] = 0
        rates, first = self._rates, self._first
        times = self._scale // rates.scale[first]
        self._unfit |= (rates.fixed[first] > LARGEST // times) | ((times > 1) & (rates.surcharge[first] != 0))
        times[self._unfit] = 1
        whole = rates.with_fees(first, self._amount, self.billed_s, times)
        amount = np.where(covered, rates.at_most(first, self._amount, times), whole)
        amount[covered & (self._charge_s == 0)] = 0
        return amount, self._scale, self._unfit


LARGEST = SAFE // 4_000_000  # of an amount or a scale: twice a million times it fits, and a sum of two
