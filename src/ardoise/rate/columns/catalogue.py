"""Which tariffs price whose calls, when.

A *class* is a set of owners with the same tariff links; an *epoch* is a span of the month in which no link, version or
band changes; a *manner* is what a call is beside its number: received or made, kind, origin. For a manner, a class and
an epoch, the tables of rows to ask, first to last, are one lookup.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.attribution import Attribution
from ardoise.core.calendars import band_changes
from ardoise.core.rating import Chain, CompiledSnapshot, Why
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import OwnerKind, TariffLink
from ardoise.core.usage import Direction, UsageKind
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.epochs import Epochs
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import Counts, Flags, Ints
from ardoise.rate.columns.numbers import DIGITS, cell_bounds
from ardoise.rate.columns.tariffs import TariffRows, rows_of

__all__ = ["DIGITS", "CatalogueColumns", "cell_bounds"]

if TYPE_CHECKING:
    from ardoise.core.tables import CompiledVersion

Owner = tuple[OwnerKind, int]
_WHY = {reason: position for position, reason in enumerate(Why)}


class CatalogueColumns:
    """Build in two moments: intern every class first (`price_class`, `cost_class`), then `freeze` once."""

    def __init__(self, compiled: CompiledSnapshot, *, from_at: datetime, to_at: datetime, counts: Counts) -> None:
        self._compiled, self._counts = compiled, counts
        self._period = (from_at, to_at)
        self.to_at = to_at
        self._links: dict[Owner, list[TariffLink]] = {}
        for link in compiled.snapshot.links:
            self._links.setdefault((link.owner_kind, link.owner_id), []).append(link)
        self._classes: dict[object, int] = {}
        self._ask: list[Callable[[datetime, bool], Chain]] = []
        self._known: dict[tuple[tuple[Owner, ...], int], int] = {}

    # -- classes and manners

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

    def _cost_class(self, source: str, trunk: str) -> int:
        """The class of the operator's tariffs behind a source and a trunk."""

        def ask(at: datetime, incoming: bool) -> Chain:
            return self._compiled.cost_chain(source, at=at, trunk=trunk, incoming=incoming)

        return self._class(("cost", source, trunk), ask)

    def _of_profiles(self, profiles: Profiles) -> None:
        """The manner of each profile, and the class of what it costs."""
        snapshot = self._compiled.snapshot
        self.prices_incoming = any(tariff.incoming for tariff in snapshot.tariffs)
        every = [version for versions in self._compiled.versions.values() for version in versions]
        origins = {origin for version in every for kind in UsageKind for origin in version.origins(kind)}
        manners: dict[Manner, int] = {}
        of_profile = []
        for direction, kind, origin in zip(
            *(profiles.texts(name) for name in (USAGE.direction, USAGE.kind, USAGE.origin)), strict=True
        ):
            incoming = self.prices_incoming and direction == Direction.IN
            head = max((known for known in origins if origin.startswith(known)), key=len, default="")
            of_profile.append(manners.setdefault(Manner(incoming, UsageKind(kind), head), len(manners)))
        self._manners = list(manners) or [Manner(False, UsageKind.CALL, "")]
        self._manner_of = np.array(of_profile, np.int64)
        trunks = {link.trunk for link in snapshot.links}
        sources, trunk_of = profiles.texts(USAGE.source), profiles.texts(USAGE.trunk)
        self.cost_class_of = np.array(
            [
                self._cost_class(source, trunk if trunk in trunks else "")
                for source, trunk in zip(sources, trunk_of, strict=True)
            ],
            np.int64,
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

    def freeze(self, profiles: Profiles) -> None:
        """Build the arrays, once every price class and every profile is known."""
        self._of_profiles(profiles)
        self._instants = self._changes()
        directions = sorted({manner.incoming for manner in self._manners})
        chains = {
            incoming: [[ask(at, incoming) for at in self._instants] for ask in self._ask] for incoming in directions
        }
        self._longest = np.array([of_class[0].longest for of_class in chains[directions[0]]], np.bool_)
        versions = {incoming: _versions(known) for incoming, known in chains.items()}
        self._build_bands([version for known in versions.values() for version in known])
        wanted = [
            (version, manner.kind, manner.origin, band)
            for manner in self._manners
            for version in versions[manner.incoming]
            for band in self._bands_of(version)
        ]
        self._take(rows_of(self._compiled, wanted).counting(self._counts))
        self._build_chains(chains)
        self._of_band: Rows | None = None
        self._category_of = None
        if self._tariffs.categories:
            places = {name: place for place, name in enumerate(self._tariffs.categories)}
            texts = profiles.texts(USAGE.number_category)
            self._category_of = np.array([places.get(text, -1) for text in texts], np.int64)

    def _take(self, tariffs: TariffRows) -> None:
        """What others ask of the rows, here under the same names."""
        self._tariffs = tariffs
        self.rates = tariffs.rates
        self.row_shape, self.row_zone = tariffs.row_shape, tariffs.row_zone
        self.row_version, self.row_prefix = tariffs.row_version, tariffs.row_prefix
        self.zone_names, self.prefix_names = tariffs.zone_names, tariffs.prefix_names
        self.version_ids, self.tariff_ids = tariffs.version_ids, tariffs.tariff_ids
        self.currency_of, self.tax_basis_of = tariffs.currency_of, tariffs.tax_basis_of
        self.versions = tariffs.versions
        self.calendar_of = [version.tariff.calendar for version in tariffs.versions]

    def _changes(self) -> list[datetime]:
        """The instants of the month at which a link or a version begins or ends, the start of the month first."""
        from_at, to_at = self._period
        borders = {at for link in self._compiled.snapshot.links for at in (link.valid_from_at, link.valid_to_at)}
        for tariff in self._compiled.snapshot.tariffs:
            borders |= {at for known in tariff.versions for at in (known.valid_from_at, known.valid_to_at)}
        return [from_at, *sorted(at for at in borders if at is not None and from_at < at < to_at)]

    def _build_bands(self, versions: Sequence[CompiledVersion]) -> None:
        """The bands of each calendar in use, and the epochs that they make with links and versions."""
        from_at, to_at = self._period
        self.bands: dict[str, tuple[list[datetime], list[str]]] = {"": ([from_at], [""])}
        for code in sorted({version.tariff.calendar for version in versions} - {""}):
            calendar = self._compiled.calendars[code]
            changes = band_changes(calendar, from_at=from_at, to_at=to_at, holidays=self._compiled.holidays)
            self.bands[code] = ([at for at, _ in changes], [band for _, band in changes])
        borders = {*self._instants, *(at for instants, _ in self.bands.values() for at in instants)}
        self.epochs = Epochs(sorted(borders), from_at=from_at, to_at=to_at)
        self.band_names = sorted({"", *(band for _, bands in self.bands.values() for band in bands)})

    def _bands_of(self, version: CompiledVersion) -> list[str]:
        return sorted(set(self.bands[version.tariff.calendar][1]))

    def _bands_by_epoch(self, calendar: str) -> Rows:
        """The band of a calendar in each epoch, a position in `band_names`."""
        instants, bands = self.bands[calendar]
        of_epoch = [bands[bisect_right(instants, at) - 1] for at in self.epochs.instants]
        return np.array([self.band_names.index(band) for band in of_epoch], np.int32)

    def _build_chains(self, chains: dict[bool, list[list[Chain]]]) -> None:
        """For each manner, class and epoch, the tables to ask: one array a position in the chain, -1 where it has
        ended.
        """
        epochs = self.epochs.instants
        bands_of = {code: self._bands_by_epoch(code) for code in self.bands}
        borders = [*(bisect_left(epochs, at) for at in self._instants), len(epochs)]
        stands = [slice(first, last) for first, last in pairwise(borders)]  # the epochs in which links stand still
        shape = (len(self._manners), len(self._ask), len(epochs))
        every = [chain for known in chains.values() for of_class in known for chain in of_class]
        longest = max((len(chain.versions) for chain in every), default=0)
        self._chain_tables = [np.full(shape, -1, np.int32) for _ in range(longest)]
        self._chain_bands = [np.zeros(shape, np.int32) for _ in range(longest)]
        self._chain_why = np.full(shape, _WHY[Why.NO_RATE], np.int8)
        for number, manner in enumerate(self._manners):
            tables: dict[int, Rows] = {}
            for row, of_class in enumerate(chains[manner.incoming]):
                for chain, stand in zip(of_class, stands, strict=True):
                    if not chain.versions:
                        self._chain_why[number, row, stand] = _WHY[_without_version(chain, manner)]
                    for position, version in enumerate(chain.versions):
                        bands = bands_of[version.tariff.calendar]
                        if id(version) not in tables:
                            tables[id(version)] = self._tables_by_band(version, manner)[bands]
                        self._chain_tables[position][number, row, stand] = tables[id(version)][stand]
                        self._chain_bands[position][number, row, stand] = bands[stand]

    def _tables_by_band(self, version: CompiledVersion, manner: Manner) -> Rows:
        """The table of a version for usage of a manner in each band of `band_names`; -1 for none, and for bands that
        its calendar has not.
        """
        names = ((version, manner.kind, manner.origin, band) for band in self.band_names)
        return np.array([self._tariffs.table(name) for name in names], np.int32)

    # -- questions

    def asked(
        self, *, profile: Ints, at_us: Ints, codes: Ints, coded: Flags, keys: pl.Series | None, nameless: Flags | None
    ) -> Asked:
        """Calls, as `match` and `why` look at them. `keys` may be None when every number has a code; `nameless` are the
        calls without a number, None for none.
        """
        offset = epochs = self.epochs.of(at_us)
        manner = None
        if len(self._manners) > 1:
            manner = self._manner_of[profile]
            offset = epochs + manner * (len(self._ask) * len(self.epochs.instants))
        category = None if self._category_of is None else self._category_of[profile]
        return Asked(offset, epochs, manner, codes, coded, keys, category, nameless)

    def match(self, classes: Ints, asked: Asked) -> tuple[Rows, Rows]:
        """The row of each call, -1 for none, and the band it was found in: that of the first tariff of the chain with a
        row, or, for some issuers, of the best row of the whole chain.
        """
        if not self._longest.any():
            return self._first_row(classes, asked)
        rows, bands = np.full(len(classes), -1, np.int32), np.zeros(len(classes), np.int32)
        longest = self._longest[classes]
        for calls, find in ((np.flatnonzero(~longest), self._first_row), (np.flatnonzero(longest), self._best_row)):
            rows[calls], bands[calls] = find(classes[calls], asked.some(calls))
        return rows, bands

    def _place(self, classes: Ints, asked: Asked) -> Ints:
        """The entry of each call in the flat [manner, class, epoch] arrays."""
        return classes * len(self.epochs.instants) + asked.offset

    def _first_row(self, classes: Ints, asked: Asked) -> tuple[Rows, Rows]:
        rows, bands = np.full(len(classes), -1, np.int32), np.zeros(len(classes), np.int32)
        place = self._place(classes, asked)
        left = np.arange(len(classes))
        for position, (tables, in_bands) in enumerate(zip(self._chain_tables, self._chain_bands, strict=True)):
            if position:
                place, asked = place[left], asked.some(left)
            found = self._find(tables.ravel()[place], asked)
            band = np.where(found >= 0, in_bands.ravel()[place], 0)
            if not position:
                rows, bands, missed = found, band, np.flatnonzero(found < 0)
                calls = missed
            else:
                rows[calls], bands[calls] = found, band
                missed = np.flatnonzero(found < 0)
                calls = calls[missed]
            left = missed
            if not len(left):
                break
        return rows, bands

    def _best_row(self, classes: Ints, asked: Asked) -> tuple[Rows, Rows]:
        """Exact number, else category, else the longest prefix of all; the first one of equals."""
        rows, bands = np.full(len(classes), -1, np.int32), np.zeros(len(classes), np.int32)
        place, ranks = self._place(classes, asked), self._tariffs.row_rank
        best = np.full(len(classes), -1, np.int32)
        for tables, in_bands in zip(self._chain_tables, self._chain_bands, strict=True):
            found = self._find(tables.ravel()[place], asked)
            better = np.flatnonzero(found >= 0)
            better = better[ranks[found[better]] > best[better]]
            rows[better], bands[better] = found[better], in_bands.ravel()[place[better]]
            best[better] = ranks[found[better]]
        return rows, bands

    def _find(self, tables: Rows, asked: Asked) -> Rows:
        return self._tariffs.find(
            tables, codes=asked.codes, coded=asked.coded, keys=asked.keys, category=asked.category,
            nameless=asked.nameless,
        )  # fmt: skip

    def in_band(self, version: Ints, band: Ints, asked: Asked, calls: Ints) -> Rows:
        """The row of some calls in a band of a version, each given by its number; -1 for none."""
        if self._of_band is None:
            bands = [self._tables_by_band(version, manner) for manner in self._manners for version in self.versions]
            shape = (len(self._manners), len(self.versions), len(self.band_names))
            self._of_band = np.array(bands, np.int32).reshape(shape)
        some = asked.some(calls)
        manner = np.zeros(len(calls), np.int64) if some.manner is None else some.manner
        return self._find(self._of_band[manner, version, band], some)

    def why(self, classes: Ints, asked: Asked, keys: pl.Series) -> npt.NDArray[np.int8]:
        """Why each of these calls found no row, a position in `Why`: in the order of `CompiledSnapshot.match`."""
        reasons = self._chain_why.ravel()[self._place(classes, asked)]
        textual = keys.str.starts_with("?").to_numpy() | (keys == "").to_numpy()
        unknown = (reasons == _WHY[Why.NO_RATE]) & textual
        if asked.nameless is not None:
            unknown |= asked.nameless & (reasons != _WHY[Why.INCOMING])
        return np.where(unknown, np.int8(_WHY[Why.UNKNOWN_NUMBER]), reasons)


@dataclass(frozen=True, slots=True)
class Manner:
    """What a call is, beside its number, to the tables of rows. `origin` is the longest one of the month's rows that
    the call's begins with.
    """

    incoming: bool
    kind: UsageKind
    origin: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the rows of calls depend on, beside their class."""

    offset: Ints  # of its manner and epoch in the [manner, class, epoch] arrays
    epochs: Ints
    manner: Ints | None  # None when the month has one
    codes: Ints
    coded: Flags
    keys: pl.Series | None
    category: Ints | None
    nameless: Flags | None

    def some(self, calls: Ints) -> Asked:
        """Those at some positions."""
        return Asked(
            self.offset[calls],
            self.epochs[calls],
            None if self.manner is None else self.manner[calls],
            self.codes[calls],
            self.coded[calls],
            None if self.keys is None else self.keys.gather(calls),
            None if self.category is None else self.category[calls],
            None if self.nameless is None else self.nameless[calls],
        )


def _versions(chains: Iterable[Iterable[Chain]]) -> list[CompiledVersion]:
    """Every version of some chains, once."""
    every = (version for of_class in chains for chain in of_class for version in chain.versions)
    return list({id(version): version for version in every}.values())


def _without_version(chain: Chain, manner: Manner) -> Why:
    if chain.linked:
        return Why.NO_VERSION
    return Why.INCOMING if manner.incoming else Why.NO_TARIFF
