"""The tariffs of a month as arrays: which row of which tariff prices a number at an instant.

Millions of rows have few distinct prices: a row is an entry of narrow arrays (prefix, zone, version, price shape), and
only the distinct shapes are compiled, by the scalar's own `CompiledRate`.

A *class* is a set of owners with the same tariff links; an *epoch* is a span of the month in which no link, version or
band changes. For a class and an epoch, the tables of rows to ask, first to last, are one lookup.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.attribution import Attribution
from ardoise.core.calendars import band_changes
from ardoise.core.compiled import CompiledRate, CompiledVersion, is_digits
from ardoise.core.rating import Chain, CompiledSnapshot, Match, Why
from ardoise.core.snapshot import OwnerKind, TariffLink
from ardoise.core.tariffs import Rate, Tariff
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.cells import CellTables, Painted, Rows
from ardoise.rate.columns.epochs import Epochs
from ardoise.rate.columns.kernel import Counts, Flags, Ints, RateColumns
from ardoise.rate.columns.numbers import DIGITS, bounds_of, cell_bounds, number_codes

__all__ = ["DIGITS", "CatalogueColumns", "cell_bounds"]

# What tells rows apart without changing their price, and tariffs without changing what their rows cost.
_OF_ROW = ("prefix", "zone", "band", "exact", "origin", "kind")
_OF_TARIFF = ("tariff_id", "code", "name", "currency", "tax_basis", "calendar", "versions", "zone", "incoming")
_price_of = attrgetter(*(field.name for field in fields(Rate) if field.name not in _OF_ROW))
_settings_of = attrgetter(*(field.name for field in fields(Tariff) if field.name not in _OF_TARIFF))

Owner = tuple[OwnerKind, int]


class Shapes:
    """Distinct prices, compiled once each."""

    def __init__(self) -> None:
        self.compiled: list[CompiledRate] = []
        self._by_value: dict[object, int] = {}

    def of(self, version: CompiledVersion, rates: Sequence[Rate]) -> Rows:
        """The shape of each row of a version."""
        settings = (_settings_of(version.tariff), version.change)
        by_identity: dict[tuple[int, ...], int] = {}  # values of one deck are often the same objects: no hashing then
        shapes = np.empty(len(rates), np.int32)
        for place, rate in enumerate(rates):
            identity = tuple(map(id, _price_of(rate)))
            shape = by_identity.get(identity)
            if shape is None:
                shape = by_identity[identity] = self._shape(settings, rate, version)
            shapes[place] = shape
        return shapes

    def _shape(self, settings: object, rate: Rate, version: CompiledVersion) -> int:
        value = (settings, rate.kind, _price_of(rate))
        shape = self._by_value.get(value)
        if shape is None:
            shape = self._by_value[value] = len(self.compiled)
            self.compiled.append(CompiledRate(rate, version.tariff, version.change))
        return shape


@dataclass(frozen=True, slots=True)
class VersionRows:
    """The rows of one version as arrays. `first` is the number of its first row among all."""

    first: int
    prefixes: pl.Series
    exact: Flags
    plain: Flags  # a prefix of 0 to 15 digits: an interval of codes
    low: Ints
    high: Ints
    of_band: dict[str, Ints]  # positions of the rows for calls in each band

    def in_band(self, band: str) -> Ints:
        """Positions of the rows that hold in a band, those of the band itself last: they replace the others."""
        own = self.of_band.get(band) if band else None
        every = self.of_band.get("", np.zeros(0, np.int64))
        return every if own is None else np.concatenate([every, own])


class CatalogueColumns:
    """Build in two moments: intern every class first (`price_class`, `cost_class`), then `freeze` once."""

    def __init__(self, compiled: CompiledSnapshot, *, from_at: datetime, to_at: datetime, counts: Counts) -> None:
        self._compiled, self._counts = compiled, counts
        self._period = (from_at, to_at)
        self._links: dict[Owner, list[TariffLink]] = {}
        for link in compiled.snapshot.links:
            self._links.setdefault((link.owner_kind, link.owner_id), []).append(link)
        self._classes: dict[object, int] = {}
        self._ask: list[Callable[[datetime, bool], Chain]] = []
        self._known: dict[tuple[tuple[Owner, ...], int], int] = {}
        self._versions: dict[int, CompiledVersion] = {}
        self._numbers: dict[tuple[int, int], dict[int, int]] = {}

    # -- classes

    def price_class(self, payer: Attribution) -> int:
        """The class of the owners whose links price the calls of a payer."""
        owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
        owners += [(OwnerKind.ACCOUNT, known) for known in self._compiled.attributor.ancestors(payer.account_id)]
        owners.append((OwnerKind.ISSUER, payer.issuer_id))
        linked = tuple(owner for owner in owners if owner in self._links)
        found = self._known.get((linked, payer.issuer_id))
        if found is None:
            name = ("price", payer.issuer_id, tuple(self._signature(owner) for owner in linked))
            found = self._class(name, lambda at, incoming: self._compiled.chain(payer, at=at, incoming=incoming))
            self._known[linked, payer.issuer_id] = found
        return found

    def cost_class(self, source: str) -> int:
        """The class of the operator's tariffs behind a source."""
        return self._class(
            ("cost", source), lambda at, incoming: self._compiled.cost_chain(source, at=at, incoming=incoming)
        )

    def _class(self, name: object, ask: Callable[[datetime, bool], Chain]) -> int:
        number = self._classes.setdefault(name, len(self._classes))
        if number == len(self._ask):
            self._ask.append(ask)
        return number

    def _signature(self, owner: Owner) -> tuple[object, ...]:
        return tuple(
            (link.tariff_id, link.rank, link.valid_from_at, link.valid_to_at, link.adjustment)
            for link in self._links[owner]
        )

    # -- freezing

    def freeze(self) -> None:
        """Build the arrays, once every class is known."""
        chains = self._chains_of_classes(incoming=False)
        incoming = any(tariff.incoming for tariff in self._compiled.snapshot.tariffs)
        for of_class in (*chains, *(self._chains_of_classes(incoming=True) if incoming else ())):
            for chain in of_class:
                for version in chain.versions:
                    self._versions.setdefault(id(version), version)
        self._number_rows()
        self._build_epochs()
        self._build_tables(chains)

    def _changes(self) -> list[datetime]:
        """The instants of the month at which a link or a version begins or ends, the start of the month first."""
        from_at, to_at = self._period
        borders = {at for link in self._compiled.snapshot.links for at in (link.valid_from_at, link.valid_to_at)}
        for tariff in self._compiled.snapshot.tariffs:
            borders |= {at for known in tariff.versions for at in (known.valid_from_at, known.valid_to_at)}
        return [from_at, *sorted(at for at in borders if at is not None and from_at < at < to_at)]

    def _chains_of_classes(self, *, incoming: bool) -> list[list[Chain]]:
        self._instants = self._changes()
        return [[ask(at, incoming) for at in self._instants] for ask in self._ask]

    def _number_rows(self) -> None:
        """Every row of every version met: one number, and what a charge copies from it."""
        self._rows: dict[int, VersionRows] = {}
        shapes, zones = Shapes(), {"": 0}
        shape_of: list[Rows] = []
        zone_of: list[Rows] = []
        version_of: list[Rows] = []
        prefixes: list[pl.Series] = []
        first = 0
        for known, version in self._versions.items():
            rates = version.version.rates
            self._rows[known] = _arrays(rates, first)
            shape_of.append(shapes.of(version, rates))
            zone_of.append(np.array([zones.setdefault(rate.zone, len(zones)) for rate in rates], np.int32))
            version_of.append(np.full(len(rates), len(version_of), np.int32))
            prefixes.append(self._rows[known].prefixes)
            first += len(rates)
        self.rates = RateColumns(shapes.compiled, self._counts)
        none = np.zeros(0, np.int32)
        self.row_shape = np.concatenate([*shape_of, none])
        self.row_zone = np.concatenate([*zone_of, none])
        self.row_version = np.concatenate([*version_of, none])
        self._row_exact = np.concatenate([*(rows.exact for rows in self._rows.values()), none.astype(np.bool_)])
        self.zone_names = list(zones)
        every = pl.concat([pl.Series(prefixes[0].name if prefixes else "", [""], pl.String), *prefixes])
        self.prefix_names = every.unique(maintain_order=True).sort()
        self.row_prefix = self.prefix_names.search_sorted(every[1:]).to_numpy().astype(np.int32)
        versions = list(self._versions.values())
        self.version_ids = np.array([known.version.version_id for known in versions], np.int64)
        self.tariff_ids = np.array([known.tariff.tariff_id for known in versions], np.int64)
        self.currency_of = [known.tariff.currency for known in versions]
        self.tax_basis_of = [known.tariff.tax_basis.value for known in versions]

    def _build_epochs(self) -> None:
        from_at, to_at = self._period
        self._bands: dict[str, tuple[list[datetime], list[str]]] = {"": ([from_at], [""])}
        for version in self._versions.values():
            code = version.tariff.calendar
            if code not in self._bands:
                calendar = self._compiled.calendars[code]
                changes = band_changes(calendar, from_at=from_at, to_at=to_at, holidays=self._compiled.holidays)
                self._bands[code] = ([at for at, _ in changes], [band for _, band in changes])
        borders = {*self._instants, *(at for instants, _ in self._bands.values() for at in instants)}
        self.epochs = Epochs(sorted(borders), from_at=from_at, to_at=to_at)
        self.band_names = [""]
        for _, bands in self._bands.values():
            self.band_names += [band for band in dict.fromkeys(bands) if band not in self.band_names]

    def _band(self, version: CompiledVersion, at: datetime) -> str:
        instants, bands = self._bands[version.tariff.calendar]
        return bands[bisect_right(instants, at) - 1]

    def _build_tables(self, chains: Sequence[Sequence[Chain]]) -> None:
        """For each class and epoch, the tables to ask: one array a position in the chain, -1 where it has ended."""
        self._tables: dict[tuple[int, str], int] = {}
        self._painted: list[Painted] = []
        self._special: list[dict[tuple[bool, str], int]] = []
        epochs = self.epochs.instants
        at_instant = [bisect_right(self._instants, at) - 1 for at in epochs]
        asked: dict[tuple[int, int], tuple[int, int]] = {}  # (version, epoch) -> (table, band)
        shape = (len(chains), len(epochs))
        longest = max((len(chain.versions) for known in chains for chain in known), default=0)
        self.chain_tables = [np.full(shape, -1, np.int32) for _ in range(longest)]
        self.chain_bands = [np.zeros(shape, np.int32) for _ in range(longest)]
        self.chain_why = np.full(shape, _WHY[Why.NO_RATE], np.int8)
        for number, of_class in enumerate(chains):
            for epoch, at in enumerate(epochs):
                chain = of_class[at_instant[epoch]]
                if not chain.versions:
                    self.chain_why[number, epoch] = _WHY[Why.NO_VERSION if chain.linked else Why.NO_TARIFF]
                for position, version in enumerate(chain.versions):
                    key = (id(version), epoch)
                    if key not in asked:
                        band = self._band(version, at)
                        asked[key] = self._table(version, band), self.band_names.index(band)
                    table, band_id = asked[key]
                    self.chain_tables[position][number, epoch] = table
                    self.chain_bands[position][number, epoch] = band_id
        self.cells = CellTables(self._painted)
        self._spare: dict[tuple[int, str], int] = {}
        self._named: dict[int, dict[tuple[bool, str], int]] = {}

    def _table(self, version: CompiledVersion, band: str) -> int:
        rows = self._rows[id(version)]
        key = (id(version), band if band in rows.of_band else "")
        if key not in self._tables:
            self._tables[key] = len(self._painted)
            held = rows.in_band(band)
            plain = held[rows.plain[held]]
            row = (rows.first + plain).astype(np.int32)
            self._painted.append(Painted(rows.low[plain], rows.high[plain], row))
            special = held[~rows.plain[held]]
            exact = rows.exact[special].tolist()
            prefixes = rows.prefixes.gather(special).to_list()
            numbers = (rows.first + special).tolist()
            self._special.append(dict(zip(zip(exact, prefixes, strict=True), numbers, strict=True)))
        return self._tables[key]

    # -- questions

    def row_number(self, match: Match) -> int:
        """The number of the row that the scalar found."""
        version = (match.rate.tariff.tariff_id, match.version.version_id)
        if version not in self._numbers:
            first = next(
                self._rows[known].first for known, found in self._versions.items() if found.version is match.version
            )
            self._numbers[version] = {id(rate): first + place for place, rate in enumerate(match.version.rates)}
        return self._numbers[version][id(match.rate.rate)]

    def match(
        self, classes: Ints, *, epochs: Ints, codes: Ints, coded: Flags, keys: pl.Series | None
    ) -> tuple[Rows, Rows]:
        """The row of each call, -1 for none, and the band it was found in: the first tariff of the chain with a row.

        `keys` may be None when every number has a code.
        """
        rows = np.full(len(classes), -1, np.int32)
        bands = np.zeros(len(classes), np.int32)
        if not self.chain_tables:
            return rows, bands
        place = classes * len(self.epochs.instants) + epochs
        left = None  # every call, then those without a row yet
        for tables, in_bands in zip(self.chain_tables, self.chain_bands, strict=True):
            at = place if left is None else place[left]
            table = tables.ravel()[at]
            found = self.cells.find(table, codes if left is None else codes[left])
            others = np.flatnonzero(~coded if left is None else ~coded[left])
            if len(others) and keys is not None:
                calls = others if left is None else left[others]
                found[others] = self._find_texts(table[others], keys.gather(calls))
            hit = found >= 0
            if left is None:
                rows, bands = found, np.where(hit, in_bands.ravel()[at], 0)
            else:
                rows[left[hit]], bands[left[hit]] = found[hit], in_bands.ravel()[at[hit]]
            missed = np.flatnonzero(~hit)
            left = missed if left is None else left[missed]
            if not len(left):
                break
        return rows, bands

    def _find_texts(self, tables: Rows, keys: pl.Series) -> Rows:
        """Short numbers and texts: few distinct ones, each looked up once in each table."""
        distinct = keys.unique().sort()
        texts = distinct.to_list()
        pair = tables.astype(np.int64) * len(texts) + distinct.search_sorted(keys).to_numpy()
        pairs, back = np.unique(pair, return_inverse=True)
        found = [self._find_text(known // len(texts), texts[known % len(texts)]) for known in pairs.tolist()]
        return np.array(found, np.int32)[back]

    def _find_text(self, table: int, key: str) -> int:
        """The exact text, else the longest prefix. Rows of digits concern it only if it begins with some."""
        if table < 0 or not key:
            return -1
        known = self._spare.get((table, key))
        if known is None:
            rows = self._rows_by_name(table) if is_digits(key[0]) else self._special[table]
            names = [(True, key), *((False, key[:length]) for length in range(len(key), 0, -1))]
            if is_digits(key):
                names.append((False, ""))
            known = self._spare[table, key] = next((rows[name] for name in names if name in rows), -1)
        return known

    def _rows_by_name(self, table: int) -> dict[tuple[bool, str], int]:
        """Every row of a table: for the few numbers of more than 15 digits, and texts that begin with some."""
        if table not in self._named:
            rows = self._painted[table].row
            names = self.prefix_names.gather(self.row_prefix[rows]).to_list()
            named = zip(zip(self._row_exact[rows].tolist(), names, strict=True), rows.tolist(), strict=True)
            self._named[table] = dict(named) | self._special[table]
        return self._named[table]

    def why(self, classes: Ints, epochs: Ints, keys: pl.Series) -> npt.NDArray[np.int8]:
        """Why each of these calls found no row, a position in `Why`: in the order of `CompiledSnapshot.match`."""
        reasons = self.chain_why[classes, epochs]
        unknown = ((reasons == _WHY[Why.NO_RATE]) & keys.str.starts_with("?").to_numpy()) | (keys == "").to_numpy()
        return np.where(unknown, np.int8(_WHY[Why.UNKNOWN_NUMBER]), reasons)


_WHY = {reason: position for position, reason in enumerate(Why)}


def _arrays(rates: Sequence[Rate], first: int) -> VersionRows:
    prefixes = pl.Series([rate.prefix for rate in rates], dtype=pl.String)
    exact = np.array([rate.exact for rate in rates], np.bool_)
    _, coded = number_codes(prefixes)
    size = prefixes.str.len_bytes().to_numpy()
    plain = (coded & (size <= DIGITS)) | ((size == 0) & ~exact)
    low, high = np.zeros(len(rates), np.int64), np.zeros(len(rates), np.int64)
    held = np.flatnonzero(plain)
    low[held], high[held] = bounds_of(prefixes.gather(held), exact[held])
    by_band: dict[str, list[int]] = {}
    for place, rate in enumerate(rates):
        if rate.kind is UsageKind.CALL and not rate.origin:
            by_band.setdefault(rate.band, []).append(place)
    return VersionRows(
        first, prefixes, exact, plain, low, high, {band: np.array(rows, np.int64) for band, rows in by_band.items()}
    )
