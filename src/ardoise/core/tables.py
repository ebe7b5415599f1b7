"""The rows of a version of a tariff, as tables in which a number is looked up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from copy import copy
from typing import Any, get_type_hints

from ardoise.core.compiled import CompiledRate
from ardoise.core.pricing import UNCHANGED, Change, TariffError, check_rate, check_steps, check_tariff
from ardoise.core.tariffs import Rate, Tariff, TariffVersion
from ardoise.core.usage import UsageKind


class RateTable:
    """The rows of one version that hold in one band for one kind of usage and one origin, merged: a more specific row
    has replaced the one of the same prefix.

    `any_key`: the empty prefix is every number, even none (what is not a call has often no number); for calls it is
    every number of digits, never a short number ("!") nor a text ("?"), which need a row of their own.
    """

    __slots__ = ("_lengths", "_others", "any_key", "categories", "exact", "prefixes")

    def __init__(self, rates: Iterable[CompiledRate], *, any_key: bool = False) -> None:
        self.exact: dict[str, CompiledRate] = {}
        self.prefixes: dict[str, CompiledRate] = {}
        self.categories: dict[str, CompiledRate] = {}
        self.any_key = any_key
        for compiled in rates:
            prefix = compiled.rate.prefix
            if compiled.rate.exact:
                if prefix:
                    self.exact[prefix] = compiled
            elif prefix.startswith("="):
                self.categories[prefix[1:]] = compiled
            else:
                self.prefixes[prefix] = compiled
        self._lengths = tuple(sorted({len(prefix) for prefix in self.prefixes if prefix}, reverse=True))
        self._others = self.prefixes.get("")

    def find(self, number_key: str, category: str = "") -> CompiledRate | None:
        """The exact number, else its category in the numbering plan, else the longest prefix."""
        if number_key in self.exact:
            return self.exact[number_key]
        if category and category in self.categories:
            return self.categories[category]
        size, prefixes = len(number_key), self.prefixes
        for length in self._lengths:
            if length <= size and (head := number_key[:length]) in prefixes:
                return prefixes[head]
        if self._others is not None and (self.any_key or is_digits(number_key)):
            return self._others
        return None


def is_digits(number_key: str) -> bool:
    return number_key.isascii() and number_key.isdigit()


RowKey = tuple[bool, str]
"""(exact, prefix): rows of one table replace each other by it."""

RateFields = Sequence[tuple[Any, ...]]
"""Rows by field of `Rate`: for each field, its values. Of hundreds of thousands of rows, most fields have one."""

_AT = {name: place for place, name in enumerate(Rate._fields)}
_SECONDS = [_AT[name] for name, kind in get_type_hints(Rate).items() if kind is int]


def fields_of(rates: Sequence[Rate]) -> RateFields:
    """Rows are tuples: they are turned round at once."""
    return list(zip(*rates, strict=True)) if rates else [()] * len(Rate._fields)


def alike(values: Sequence[Any]) -> bool:
    """Whether a field has one value at most."""
    return not values or (values[0] == values[-1] and values.count(values[0]) == len(values))


def _distinct(values: Sequence[Any]) -> Collection[Any]:
    return values[:1] if alike(values) else set(values)


def _check_rates(rates: Sequence[Rate], fields: RateFields) -> None:
    """`check_rate` for many rows of few distinct steps: a row is looked at when a number of any of them might be
    refused, or its steps are new.
    """
    usual = all(min(_distinct(fields[place]), default=0) >= 0 for place in _SECONDS)
    usual &= not any(_distinct(fields[_AT["raised_above_s"]]))
    if usual:
        for rate in dict(zip(map(id, fields[_AT["steps"]]), rates, strict=True)).values():
            check_steps(rate)
    else:
        for rate in rates:
            check_rate(rate)


class CompiledVersion:
    """A version of a tariff, its prices changed by the adjustments on the way to those who pay it. A table is built the
    first time it is asked for.
    """

    def __init__(self, tariff: Tariff, version: TariffVersion) -> None:
        """Raises TariffError for whatever no call could be priced by."""
        check_tariff(tariff)
        self.tariff = tariff
        self.version = version
        self.change = UNCHANGED
        fields = fields_of(version.rates)
        _check_rates(version.rates, fields)
        places = [fields[_AT[name]] for name in ("kind", "origin", "band", "exact", "prefix")]
        self._check_once(places)
        one = all(map(alike, places[:3]))
        sets = zip(*(values[:1] if one else values for values in places[:3]), strict=True)
        self._sets: tuple[tuple[UsageKind, str, str], ...] = tuple(dict.fromkeys(sets))
        self._origins: dict[UsageKind, tuple[str, ...]] = {}
        for kind, origin, _ in self._sets:
            self._origins[kind] = tuple(sorted({*self._origins.get(kind, ()), origin}, key=len))
        self.has_attempt_fees = any(_distinct(fields[_AT["attempt_fee"]]))
        self._rows: dict[tuple[UsageKind, str, str], dict[RowKey, Rate]] = {}
        self._reset()

    def _check_once(self, places: Sequence[tuple[Any, ...]]) -> None:
        """Refuse two rows for the same calls."""
        rates = self.version.rates
        telling = [values for values in places if not alike(values)]
        if len(set(zip(*telling, strict=True)) if telling else rates[:1]) == len(rates):
            return
        seen = set()
        for rate, place in zip(rates, zip(*places, strict=True), strict=True):
            if place in seen:
                raise TariffError(
                    f"tariff « {self.tariff.code} », version {self.version.version_id}: prefix « {rate.prefix} » has "
                    f"two rows in band « {rate.band} » for {rate.kind} of origin « {rate.origin} »; keep one"
                )
            seen.add(place)

    def _rows_of(self, kind: UsageKind, origin: str, band: str) -> dict[RowKey, Rate]:
        """The rows of a kind, origin and band by their key, sorted out the first time any is asked for."""
        if not self._rows:
            self._rows |= {name: {} for name in self._sets}
            for rate in self.version.rates:
                self._rows[rate.kind, rate.origin, rate.band][rate.exact, rate.prefix] = rate
        return self._rows.get((kind, origin, band), {})

    def _reset(self) -> None:
        self._compiled: dict[int, CompiledRate] = {}
        self._tables: dict[tuple[UsageKind, str, str], RateTable] = {}
        self._changed: dict[Change, CompiledVersion] = {}

    def changed(self, change: Change) -> CompiledVersion:
        """The same version at the prices that adjustments make of it; one object a change."""
        if change == UNCHANGED:
            return self
        if change not in self._changed:
            derived = copy(self)
            derived.change = change
            derived._reset()
            self._changed[change] = derived
        return self._changed[change]

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that have rows of their own, "" left out."""
        return tuple(sorted({band for _, _, band in self._sets if band}))

    def origins(self, kind: UsageKind) -> tuple[str, ...]:
        """Origins that have rows of their own for a kind of usage, the shortest first."""
        return self._origins.get(kind, ())

    def table(self, band: str, kind: UsageKind = UsageKind.CALL, origin: str = "") -> RateTable:
        """The rows that hold in a band for usage of an origin (`Usage.origin`). Tables of the same rows are one."""
        matching = [known for known in self._origins.get(kind, ()) if origin.startswith(known)]
        if not any((kind, known, band) in self._sets for known in matching):
            band = ""
        key = (kind, matching[-1] if matching else "", band)
        if key not in self._tables:
            rows: dict[RowKey, Rate] = {}
            for known in matching:
                rows |= self._rows_of(kind, known, "")
                rows |= self._rows_of(kind, known, band)
            self._tables[key] = RateTable(map(self._rate, rows.values()), any_key=kind is not UsageKind.CALL)
        return self._tables[key]

    def _rate(self, rate: Rate) -> CompiledRate:
        known = self._compiled.get(id(rate))
        if known is None:
            known = self._compiled[id(rate)] = CompiledRate(rate, self.tariff, self.change)
        return known
