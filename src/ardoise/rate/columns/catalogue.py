"""The tariffs of a month as arrays: which row of which tariff prices a number in a band.

A number of up to 15 digits becomes one integer, its digits left-aligned on 15 places, followed by its length. A prefix
is then one interval of those integers, an exact number an interval of one. The intervals of all tariffs are nested,
never crossed: their borders cut the line into disjoint cells shared by all, found by bisection, and a dense table
[version and band, cell] holds the row. Other keys (short numbers, texts, longer numbers) are few: each distinct one is
a cell of its own, filled by the scalar's own lookup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.calendars import band_changes
from ardoise.core.compiled import CompiledRate, CompiledVersion, RateTable, is_digits
from ardoise.core.rating import Chain, CompiledSnapshot, Why
from ardoise.core.schema import CHARGES
from ardoise.core.tariffs import Calendar
from ardoise.rate.columns.kernel import Ints, RateColumns

DIGITS = 15
LENGTHS = 16  # room for the length of the number, under each value

Cells = npt.NDArray[np.int32]


def instants_us(instants: Iterable[datetime]) -> Ints:
    """UTC instants as microseconds since 1970, exactly (as Polars keeps them)."""
    series = pl.Series(list(instants), dtype=pl.Datetime("us", "UTC"))
    return series.to_physical().to_numpy().astype(np.int64)


def cell_bounds(digits: str, *, exact: bool) -> tuple[int, int]:
    """The half-open interval of codes that a prefix, or one exact number, covers."""
    low = int(digits or "0") * 10 ** (DIGITS - len(digits)) * LENGTHS + len(digits)
    if exact:
        return low, low + 1
    # a number shorter than the prefix has the same value when the prefix ends in zeros, but a smaller length: below low
    return low, (int(digits or "0") + 1) * 10 ** (DIGITS - len(digits)) * LENGTHS


def number_codes(keys: pl.Series) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Codes of the keys, and which keys have one (1 to 15 digits)."""
    lengths = keys.str.len_bytes().to_numpy().astype(np.int64)
    coded = (keys.str.contains(r"^[0-9]{1,15}$")).to_numpy()
    values = keys.cast(pl.Int64, strict=False).fill_null(0).to_numpy().astype(np.int64)
    lengths = np.where(coded, lengths, 0)
    powers = 10 ** np.arange(DIGITS, -1, -1, dtype=np.int64)
    return np.where(coded, values, 0) * powers[lengths] * LENGTHS + lengths, coded


class CatalogueColumns:
    """The chains and versions met in a month, interned, and their dense tables.

    `chain_id` and `rate_id` are positions in the arrays. Build in two moments: intern every chain first (`intern`),
    then `freeze` once.
    """

    def __init__(self, compiled: CompiledSnapshot, *, from_at: datetime, to_at: datetime) -> None:
        self._compiled = compiled
        self._period = (from_at, to_at)
        self._chains: dict[tuple[int, tuple[int, ...]], int] = {}
        self._versions: dict[int, CompiledVersion] = {}
        self._version_ids: dict[int, int] = {}

    def intern(self, chain: Chain) -> int:
        """The id of a chain."""
        versions = []
        for version in chain.versions:
            version_id = self._version_ids.setdefault(id(version), len(self._version_ids))
            self._versions[version_id] = version
            versions.append(version_id)
        return self._chains.setdefault((min(chain.linked, 1), tuple(versions)), len(self._chains))

    def freeze(self) -> None:
        """Build the arrays, once every chain is known."""
        self._build_chains()
        self._build_bands()
        self._build_tables()

    def _build_chains(self) -> None:
        longest = max((len(versions) for _, versions in self._chains), default=0)
        self.chain_versions = np.full((len(self._chains), longest), -1, np.int32)
        self.chain_why: list[Why] = []
        for (linked, versions), row in self._chains.items():
            self.chain_versions[row, : len(versions)] = versions
            self.chain_why.append(Why.NO_RATE if versions else Why.NO_VERSION if linked else Why.NO_TARIFF)

    def _build_bands(self) -> None:
        """Each calendar's change instants; bands numbered over all calendars, "" is 0; calendar 0 is no calendar."""
        self.band_names = [""]
        self.version_calendar = np.zeros(len(self._versions), np.int32)
        self._calendars: list[tuple[Ints, Ints] | None] = [None]
        known: dict[str, int] = {"": 0}
        for version_id, version in self._versions.items():
            code = version.tariff.calendar
            if code not in known:
                known[code] = len(self._calendars)
                self._calendars.append(self._changes(self._compiled.calendars[code]))
            self.version_calendar[version_id] = known[code]

    def _changes(self, calendar: Calendar) -> tuple[Ints, Ints]:
        changes = band_changes(
            calendar, from_at=self._period[0], to_at=self._period[1], holidays=self._compiled.holidays
        )
        for _, band in changes:
            if band not in self.band_names:
                self.band_names.append(band)
        return instants_us(at for at, _ in changes), np.array([self.band_names.index(band) for _, band in changes])

    def bands(self, at_us: Ints) -> Cells:
        """[calendar, call] -> band."""
        bands = np.zeros((len(self._calendars), len(at_us)), np.int32)
        for row, changes in enumerate(self._calendars):
            if changes is not None:
                bands[row] = changes[1][np.searchsorted(changes[0], at_us, side="right") - 1]
        return bands

    def _build_tables(self) -> None:
        self._tables: list[RateTable] = []
        positions: dict[int, int] = {}
        self._table_of = np.zeros((len(self._versions), len(self.band_names)), np.int32)
        for version_id, version in self._versions.items():
            for band_id, band in enumerate(self.band_names):
                table = version.table(band)
                if id(table) not in positions:
                    positions[id(table)] = len(self._tables)
                    self._tables.append(table)
                self._table_of[version_id, band_id] = positions[id(table)]
        self._number_rates()
        self._fill_cells()

    def _number_rates(self) -> None:
        self.rate_ids: dict[int, int] = {}
        rates: list[CompiledRate] = []
        for table in self._tables:
            for rate in (*table.prefixes.values(), *table.exact.values()):
                if id(rate) not in self.rate_ids:
                    self.rate_ids[id(rate)] = len(rates)
                    rates.append(rate)
        self.rates = RateColumns(rates)
        version_of = {
            id(rate): version.version.version_id
            for version in self._versions.values()
            for band in self.band_names
            for rate in (*version.table(band).prefixes.values(), *version.table(band).exact.values())
        }

        self.zone_names = sorted({rate.rate.zone for rate in rates})
        zones = {zone: position for position, zone in enumerate(self.zone_names)}
        self.rate_zone = np.array([zones[rate.rate.zone] for rate in rates], np.int64)
        self._labels = {
            CHARGES.zone: pl.Series([rate.rate.zone for rate in rates] + [""], dtype=pl.String),
            CHARGES.prefix: pl.Series([rate.rate.prefix for rate in rates] + [""], dtype=pl.String),
            CHARGES.currency: pl.Series([rate.tariff.currency for rate in rates] + [""], dtype=pl.String),
            CHARGES.tax_basis: pl.Series([rate.tariff.tax_basis.value for rate in rates] + [""], dtype=pl.String),
            CHARGES.tariff_id: pl.Series([*(rate.tariff.tariff_id for rate in rates), None], dtype=pl.Int64),
            CHARGES.version_id: pl.Series([*(version_of[id(rate)] for rate in rates), None], dtype=pl.Int64),
        }

    def labels(self, rates: Ints) -> dict[str, pl.Series]:
        """What a charge copies from its rate; empty where there is none (-1)."""
        positions = np.where(rates < 0, len(self.rates.rates), rates)
        return {name: values.gather(positions) for name, values in self._labels.items()}

    def _fill_cells(self) -> None:
        painted: list[list[tuple[int, int, int]]] = []
        for table in self._tables:
            rows = [(rate, False) for rate in table.prefixes.values()] + [(rate, True) for rate in table.exact.values()]
            bounds = [
                (*cell_bounds(rate.rate.prefix, exact=exact), self.rate_ids[id(rate)])
                for rate, exact in rows
                if len(rate.rate.prefix) <= DIGITS
                and (is_digits(rate.rate.prefix) or (not rate.rate.prefix and not exact))
            ]
            painted.append(sorted(bounds, key=lambda bound: bound[0] - bound[1]))  # widest first, narrower over it
        borders = {0} | {border for bounds in painted for low, high, _ in bounds for border in (low, high)}
        self._borders = np.array(sorted(borders), np.int64)
        self._cells = np.full((len(self._tables), len(self._borders)), -1, np.int32)
        for row, bounds in enumerate(painted):
            lows = np.searchsorted(self._borders, np.array([low for low, _, _ in bounds], np.int64))
            highs = np.searchsorted(self._borders, np.array([high for _, high, _ in bounds], np.int64))
            for low, high, (_, _, rate_id) in zip(lows.tolist(), highs.tolist(), bounds, strict=True):
                self._cells[row, low:high] = rate_id

    # -- questions

    def locate(self, keys: pl.Series) -> tuple[Cells, Cells]:
        """The cell of each number, and the table [table, cell] to look it up in."""
        codes, coded = number_codes(keys)
        cells = (np.searchsorted(self._borders, codes, side="right") - 1).astype(np.int32)
        others = np.flatnonzero(~coded)
        if not len(others):
            return cells, self._cells
        texts = keys.gather(others)
        distinct = texts.unique().sort()
        extra = np.full((len(self._tables), len(distinct)), -1, np.int32)
        for row, table in enumerate(self._tables):
            for column, key in enumerate(distinct.to_list()):
                found = table.find(key) if key else None
                if found is not None:
                    extra[row, column] = self.rate_ids[id(found)]
        places = distinct.search_sorted(texts).to_numpy()
        cells[others] = (len(self._borders) + places).astype(np.int32)
        return cells, np.hstack([self._cells, extra])

    def match(self, chains: Ints, *, cells: Cells, table: Cells, bands: Cells) -> tuple[Ints, Cells]:
        """The rate of each call, -1 for none, and the band it was found in: the first tariff of the chain with a
        row.
        """
        rates = np.full(len(chains), -1, np.int64)
        found_in = np.zeros(len(chains), np.int32)
        left = np.arange(len(chains))
        for position in range(self.chain_versions.shape[1]):
            versions = self.chain_versions[chains[left], position]
            left, versions = left[versions >= 0], versions[versions >= 0]
            if not len(left):
                break
            band = bands[self.version_calendar[versions], left]
            found = table[self._table_of[versions, band], cells[left]]
            hit = found >= 0
            rates[left[hit]] = found[hit]
            found_in[left[hit]] = band[hit]
            left = left[~hit]
        return rates, found_in

    def why(self, chains: Ints, keys: Sequence[str]) -> list[Why]:
        """Why each of these calls found no rate: the same order of reasons as `CompiledSnapshot.match`."""
        reasons = []
        for chain, key in zip(chains.tolist(), keys, strict=True):
            reason = self.chain_why[chain]
            if not key or (reason is Why.NO_RATE and key.startswith("?")):
                reason = Why.UNKNOWN_NUMBER
            reasons.append(reason)
        return reasons
