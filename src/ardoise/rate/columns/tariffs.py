"""The rows of tariffs as arrays, and the tables that find the row of a number.

Millions of rows have few distinct prices: a row is an entry of narrow arrays (price shape, zone, prefix, version). Made
once for a compiled snapshot and kept as long as it lives: rating again compiles nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl

from ardoise.core.rating import CompiledSnapshot
from ardoise.core.tables import RateFields, fields_of
from ardoise.core.tariffs import Rate
from ardoise.core.usage import UsageKind
from ardoise.rate.columns.cells import CellTables, Painted, Rows
from ardoise.rate.columns.kernel import Counts, Flags, Ints, RateColumns
from ardoise.rate.columns.numbers import DIGITS, bounds_of, number_codes
from ardoise.rate.columns.shapes import Shapes, uncollected

if TYPE_CHECKING:
    from ardoise.core.tables import CompiledVersion

RowName = tuple[bool, str]  # (exact, prefix)
Kind = tuple[UsageKind, str, str]
"""Kind of usage, origin and band of a row."""

Wanted = tuple["CompiledVersion", UsageKind, str, str]
"""A version, and the kind, origin and band of the usage that its rows are to price. Of an origin, the longest that some
row of the month has says enough."""


@dataclass(frozen=True, slots=True)
class PrefixNames:
    """The distinct prefixes of all rows, in order, and what they say of numbers."""

    names: pl.Series
    size: Ints  # characters
    coded: Flags  # an interval of codes: 0 to 15 digits
    low: Ints
    high: Ints
    is_category: Flags

    @classmethod
    def of(cls, names: pl.Series) -> PrefixNames:
        _, coded = number_codes(names)
        size = names.str.len_bytes().to_numpy()
        coded = (coded & (size <= DIGITS)) | (size == 0)
        low, high = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
        held = np.flatnonzero(coded)
        low[held], high[held] = bounds_of(names.gather(held), np.zeros(len(held), np.bool_))
        category = names.str.starts_with("=").to_numpy()
        return cls(names, names.str.len_chars().to_numpy().astype(np.int64), coded, low, high, category)


@dataclass(frozen=True, slots=True)
class VersionRows:
    """The rows of one version. `first` is the number of its first row among all, `prefix` a position in the names."""

    first: int
    prefix: Rows
    zones: Sequence[str]
    exact: Flags
    plain: Flags  # a prefix of 0 to 15 digits: an interval of codes
    low: Ints
    high: Ints
    categories: dict[int, str]  # of the rows for a category of the numbering plan, by position
    of_kind: dict[Kind, Ints]  # positions of the rows of each kind, origin and band

    @classmethod
    def of(cls, fields: RateFields, first: int, prefix: Rows, names: PrefixNames) -> VersionRows:
        of = dict(zip(Rate._fields, fields, strict=True))
        exact = np.array(of["exact"], np.bool_)
        plain = names.coded[prefix] & ((names.size[prefix] > 0) | ~exact)
        low = names.low[prefix]
        kinds: dict[Kind, int] = {}
        every = zip(of["kind"], of["origin"], of["band"], strict=True)
        numbers = np.array([kinds.setdefault(kind, len(kinds)) for kind in every], np.int64)
        of_kind = {kind: np.flatnonzero(numbers == number) for kind, number in kinds.items()}
        named = np.flatnonzero(names.is_category[prefix] & ~exact)
        categories = {place: of["prefix"][place][1:] for place in named.tolist()}
        return cls(
            first, prefix, of["zone"], exact, plain, low, np.where(exact, low + 1, names.high[prefix]), categories,
            of_kind,
        )  # fmt: skip

    def kinds(self, kind: UsageKind, origin: str, band: str) -> tuple[Kind, ...]:
        """The rows that hold for usage of an origin in a band, the more specific the later: they replace the others."""
        heads = (origin[:size] for size in range(len(origin) + 1))
        every = ((kind, head, of_band) for head in heads for of_band in dict.fromkeys(("", band)))
        return tuple(name for name in every if name in self.of_kind)

    def ranks(self, names: PrefixNames) -> Rows:
        """How well each row names its number: `core.chains.specificity`."""
        ranks = np.where(self.exact, 1_000_001, names.size[self.prefix]).astype(np.int32)
        ranks[list(self.categories)] = 1_000_000
        return ranks


def is_digits(text: str) -> bool:
    """As `RateTable.find` asks it."""
    return text.isascii() and text.isdigit()


class TariffRows:
    """Every row of some versions, numbered, and a table of rows for each kind, origin and band that is wanted of them.
    Immutable once made.
    """

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        self._wanted = list(dict.fromkeys(wanted))
        with uncollected():
            self._number_rows()
            self._build_tables()

    def _number_rows(self) -> None:
        self._versions = {id(version): version for version, *_ in self._wanted}
        self._name_prefixes()
        self._rows: dict[int, VersionRows] = {}
        shapes, zones = Shapes(), {"": 0}
        shape_of: list[Rows] = []
        zone_of: list[Rows] = []
        version_of: list[Rows] = []
        first = 0
        for number, (known, version) in enumerate(self._versions.items()):
            fields, end = fields_of(version.version.rates), first + len(version.version.rates)
            rows = self._rows[known] = VersionRows.of(fields, first, self.row_prefix[first:end], self._names)
            shape_of.append(shapes.of(version, fields))
            zone_of.append(np.array([zones.setdefault(zone, len(zones)) for zone in rows.zones], np.int32))
            version_of.append(np.full(end - first, number, np.int32))
            first = end
        self.rates = RateColumns(shapes.variants(), Counts())
        self.zone_names = list(zones)
        none = np.zeros(0, np.int32)
        self.row_shape = np.concatenate([*shape_of, none])
        self.row_zone = np.concatenate([*zone_of, none])
        self.row_version = np.concatenate([*version_of, none])
        self.row_rank = np.concatenate([*(rows.ranks(self._names) for rows in self._rows.values()), none])
        self._row_exact = np.concatenate([*(rows.exact for rows in self._rows.values()), none.astype(np.bool_)])
        self.versions = versions = list(self._versions.values())
        self.version_ids = np.array([known.version.version_id for known in versions], np.int64)
        self.tariff_ids = np.array([known.tariff.tariff_id for known in versions], np.int64)
        self.currency_of = [known.tariff.currency for known in versions]
        self.tax_basis_of = [known.tariff.tax_basis.value for known in versions]

    def _name_prefixes(self) -> None:
        """The prefix of every row as a position among the distinct ones."""
        prefixes = [rate.prefix for version in self._versions.values() for rate in version.version.rates]
        every = pl.Series([*prefixes, ""], dtype=pl.String)
        self.prefix_names = every.unique().sort()
        self.row_prefix = self.prefix_names.search_sorted(every[:-1]).to_numpy().astype(np.int32)
        self._names = PrefixNames.of(self.prefix_names)

    def _build_tables(self) -> None:
        self._tables: dict[tuple[int, UsageKind, str, str], int] = {}
        self._painted: list[Painted] = []
        self._special: list[dict[RowName, int]] = []
        self._categories: list[dict[str, int]] = []
        self._any_key: list[bool] = []
        made: dict[tuple[int, tuple[Kind, ...]], int] = {}
        for version, kind, origin, band in self._wanted:
            rows = self._rows[id(version)]
            kinds = rows.kinds(kind, origin, band)
            number = made.get((id(version), kinds), -1)
            if number < 0 and kinds:
                number = made[id(version), kinds] = len(self._painted)
                self._add(rows, kinds)
            self._tables[id(version), kind, origin, band] = number
        self._cells = CellTables(self._painted)
        self._spare: dict[tuple[int, str], int] = {}
        self._named: dict[int, dict[RowName, int]] = {}
        self._build_categories()

    def _build_categories(self) -> None:
        """The row of each category in each table; the last column is of categories that no row names."""
        self.categories = sorted({name for of_table in self._categories for name in of_table})
        self._category_row = np.full((len(self._categories) + 1, len(self.categories) + 1), -1, np.int32)
        for table, of_table in enumerate(self._categories):
            for name, row in of_table.items():
                self._category_row[table, self.categories.index(name)] = row

    def _add(self, rows: VersionRows, kinds: tuple[Kind, ...]) -> None:
        held = np.concatenate([rows.of_kind[kind] for kind in kinds])
        plain = held[rows.plain[held]]
        self._painted.append(Painted(rows.low[plain], rows.high[plain], (rows.first + plain).astype(np.int32)))
        special = held[~rows.plain[held]].tolist()
        named = [place for place in special if place not in rows.categories]
        prefixes = self.prefix_names.gather(rows.prefix[named]).to_list()
        names = zip(rows.exact[named].tolist(), prefixes, strict=True)
        self._special.append(dict(zip(names, (rows.first + place for place in named), strict=True)))
        self._categories.append(
            {rows.categories[place]: rows.first + place for place in special if place in rows.categories}
        )
        self._any_key.append(kinds[0][0] is not UsageKind.CALL)

    def covers(self, wanted: Iterable[Wanted]) -> bool:
        """Whether all of these have their table."""
        return all((id(version), kind, origin, band) in self._tables for version, kind, origin, band in wanted)

    @property
    def wanted(self) -> Sequence[Wanted]:
        return self._wanted

    def counting(self, counts: Counts) -> TariffRows:
        """The same rows, for a run that counts by itself the calls that it leaves to the scalar."""
        other = copy(self)
        other.rates = copy(self.rates)
        other.rates.counts = counts
        return other

    def table(self, wanted: Wanted) -> int:
        """The table of the rows that are wanted of a version, -1 if it has none or nobody wanted them."""
        version, kind, origin, band = wanted
        return self._tables.get((id(version), kind, origin, band), -1)

    # -- questions

    def find(
        self, tables: Rows, *, codes: Ints, coded: Flags, keys: pl.Series | None, category: Ints | None = None,
        nameless: Flags | None = None,
    ) -> Rows:  # fmt: skip
        """The row of each number in each table, -1 for none; tables of -1 have none. `keys` are the texts of the
        numbers, None when every one has a code. `category`: positions in `categories`, -1 for none, asked where there
        are any; `nameless` calls have no number, and no row for it.
        """
        found = self._cells.find(tables, codes)
        if keys is not None:
            others = np.flatnonzero(~coded)
            if len(others):
                found[others] = self._find_texts(tables[others], keys.gather(others))
        if category is not None:
            row = self._category_row[tables, category]
            replaced = (row >= 0) & ~((found >= 0) & self._row_exact[found])
            if nameless is not None:
                replaced &= ~nameless
            found[replaced] = row[replaced]
        return found

    def _find_texts(self, tables: Rows, keys: pl.Series) -> Rows:
        """Short numbers and texts: few distinct ones, each looked up once in each table."""
        distinct = keys.unique().sort()
        texts = distinct.to_list()
        pair = tables.astype(np.int64) * len(texts) + distinct.search_sorted(keys).to_numpy()
        pairs, back = np.unique(pair, return_inverse=True)
        found = [self._find_text(known // len(texts), texts[known % len(texts)]) for known in pairs.tolist()]
        return np.array(found, np.int32)[back]

    def _find_text(self, table: int, key: str) -> int:
        """The exact text, else the longest prefix; of every number of digits, the row without a prefix, which is that
        of any key at all for what is not a call.
        """
        any_key = table >= 0 and self._any_key[table]
        if table < 0 or not (key or any_key):
            return -1
        known = self._spare.get((table, key))
        if known is None:
            rows = self._rows_by_name(table) if any_key or is_digits(key[0]) else self._special[table]
            names = [(True, key)] if key else []
            names += [(False, key[:length]) for length in range(len(key), 0, -1)]
            if any_key or is_digits(key):
                names.append((False, ""))
            known = self._spare[table, key] = next((rows[name] for name in names if name in rows), -1)
        return known

    def _rows_by_name(self, table: int) -> dict[RowName, int]:
        """Every row of a table: for the few numbers of more than 15 digits, and texts that begin with some."""
        if table not in self._named:
            rows = self._painted[table].row
            names = self.prefix_names.gather(self.row_prefix[rows]).to_list()
            named = zip(zip(self._row_exact[rows].tolist(), names, strict=True), rows.tolist(), strict=True)
            self._named[table] = dict(named) | self._special[table]
        return self._named[table]


_KEPT: WeakKeyDictionary[CompiledSnapshot, TariffRows] = WeakKeyDictionary()


def rows_of(compiled: CompiledSnapshot, wanted: Sequence[Wanted]) -> TariffRows:
    """The rows that are wanted of versions, from the last time if it had all of them."""
    kept = _KEPT.get(compiled)
    if kept is None or not kept.covers(wanted):
        kept = _KEPT[compiled] = TariffRows([*wanted, *(kept.wanted if kept is not None else ())])
    return kept
