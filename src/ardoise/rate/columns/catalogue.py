"""Which tariffs price whose calls, when.

A *class* is a set of owners with the same tariff links; an *epoch* is a span of the month in which no link, version or
band changes. For a class and an epoch, the tables of rows to ask, first to last, are one lookup.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.attribution import Attribution
from ardoise.core.calendars import band_changes
from ardoise.core.rating import Chain, CompiledSnapshot, Why
from ardoise.core.snapshot import OwnerKind, TariffLink
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.epochs import Epochs
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
        self._links: dict[Owner, list[TariffLink]] = {}
        for link in compiled.snapshot.links:
            self._links.setdefault((link.owner_kind, link.owner_id), []).append(link)
        self._classes: dict[object, int] = {}
        self._ask: list[Callable[[datetime, bool], Chain]] = []
        self._known: dict[tuple[tuple[Owner, ...], int], int] = {}

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
        self._instants = self._changes()
        chains = self._chains_of_classes(incoming=False)
        incoming = any(tariff.incoming for tariff in self._compiled.snapshot.tariffs)
        every = (*chains, *(self._chains_of_classes(incoming=True) if incoming else ()))
        versions = {id(version): version for known in every for chain in known for version in chain.versions}
        self._build_bands(list(versions.values()))
        pairs = [(version, band) for version in versions.values() for band in self._bands_of(version)]
        self._take(rows_of(self._compiled, pairs).counting(self._counts))
        self._build_chains(chains)

    def _take(self, tariffs: TariffRows) -> None:
        """What others ask of the rows, here under the same names."""
        self._tariffs = tariffs
        self.rates = tariffs.rates
        self.row_shape, self.row_zone = tariffs.row_shape, tariffs.row_zone
        self.row_version, self.row_prefix = tariffs.row_version, tariffs.row_prefix
        self.zone_names, self.prefix_names = tariffs.zone_names, tariffs.prefix_names
        self.version_ids, self.tariff_ids = tariffs.version_ids, tariffs.tariff_ids
        self.currency_of, self.tax_basis_of = tariffs.currency_of, tariffs.tax_basis_of
        self.row_number = tariffs.row_number

    def _changes(self) -> list[datetime]:
        """The instants of the month at which a link or a version begins or ends, the start of the month first."""
        from_at, to_at = self._period
        borders = {at for link in self._compiled.snapshot.links for at in (link.valid_from_at, link.valid_to_at)}
        for tariff in self._compiled.snapshot.tariffs:
            borders |= {at for known in tariff.versions for at in (known.valid_from_at, known.valid_to_at)}
        return [from_at, *sorted(at for at in borders if at is not None and from_at < at < to_at)]

    def _chains_of_classes(self, *, incoming: bool) -> list[list[Chain]]:
        return [[ask(at, incoming) for at in self._instants] for ask in self._ask]

    def _build_bands(self, versions: Sequence[CompiledVersion]) -> None:
        """The bands of each calendar in use, and the epochs that they make with links and versions."""
        from_at, to_at = self._period
        self._bands: dict[str, tuple[list[datetime], list[str]]] = {"": ([from_at], [""])}
        for code in sorted({version.tariff.calendar for version in versions} - {""}):
            calendar = self._compiled.calendars[code]
            changes = band_changes(calendar, from_at=from_at, to_at=to_at, holidays=self._compiled.holidays)
            self._bands[code] = ([at for at, _ in changes], [band for _, band in changes])
        borders = {*self._instants, *(at for instants, _ in self._bands.values() for at in instants)}
        self.epochs = Epochs(sorted(borders), from_at=from_at, to_at=to_at)
        self.band_names = sorted({"", *(band for _, bands in self._bands.values() for band in bands)})

    def _bands_of(self, version: CompiledVersion) -> list[str]:
        return sorted(set(self._bands[version.tariff.calendar][1]))

    def _band(self, version: CompiledVersion, at: datetime) -> str:
        instants, bands = self._bands[version.tariff.calendar]
        return bands[bisect_right(instants, at) - 1]

    def _build_chains(self, chains: Sequence[Sequence[Chain]]) -> None:
        """For each class and epoch, the tables to ask: one array a position in the chain, -1 where it has ended."""
        epochs = self.epochs.instants
        at_instant = [bisect_right(self._instants, at) - 1 for at in epochs]
        asked: dict[tuple[int, int], tuple[int, int]] = {}  # (version, epoch) -> (table, band)
        shape = (len(chains), len(epochs))
        longest = max((len(chain.versions) for known in chains for chain in known), default=0)
        self._chain_tables = [np.full(shape, -1, np.int32) for _ in range(longest)]
        self._chain_bands = [np.zeros(shape, np.int32) for _ in range(longest)]
        self._chain_why = np.full(shape, _WHY[Why.NO_RATE], np.int8)
        for number, of_class in enumerate(chains):
            for epoch, at in enumerate(epochs):
                chain = of_class[at_instant[epoch]]
                if not chain.versions:
                    self._chain_why[number, epoch] = _WHY[Why.NO_VERSION if chain.linked else Why.NO_TARIFF]
                for position, version in enumerate(chain.versions):
                    key = (id(version), epoch)
                    if key not in asked:
                        band = self._band(version, at)
                        asked[key] = self._tariffs.table(version, band), self.band_names.index(band)
                    table, band_id = asked[key]
                    self._chain_tables[position][number, epoch] = table
                    self._chain_bands[position][number, epoch] = band_id

    # -- questions

    def match(
        self, classes: Ints, *, epochs: Ints, codes: Ints, coded: Flags, keys: pl.Series | None
    ) -> tuple[Rows, Rows]:
        """The row of each call, -1 for none, and the band it was found in: the first tariff of the chain with a row.

        `keys` may be None when every number has a code.
        """
        rows, bands = np.full(len(classes), -1, np.int32), np.zeros(len(classes), np.int32)
        place = classes * len(self.epochs.instants) + epochs
        left = np.arange(len(classes))
        for position, (tables, in_bands) in enumerate(zip(self._chain_tables, self._chain_bands, strict=True)):
            if position:
                place, codes, coded = place[left], codes[left], coded[left]
                keys = None if keys is None else keys.gather(left)
            found = self._tariffs.find(tables.ravel()[place], codes=codes, coded=coded, keys=keys)
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

    def why(self, classes: Ints, epochs: Ints, keys: pl.Series) -> npt.NDArray[np.int8]:
        """Why each of these calls found no row, a position in `Why`: in the order of `CompiledSnapshot.match`."""
        reasons = self._chain_why[classes, epochs]
        unknown = ((reasons == _WHY[Why.NO_RATE]) & keys.str.starts_with("?").to_numpy()) | (keys == "").to_numpy()
        return np.where(unknown, np.int8(_WHY[Why.UNKNOWN_NUMBER]), reasons)
