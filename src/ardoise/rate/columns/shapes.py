"""Millions of tariff rows have few distinct prices: each is compiled once, by the scalar's own `CompiledRate`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

import numpy as np

from ardoise.core.compiled import CompiledRate
from ardoise.core.tables import RateFields, alike
from ardoise.core.tariffs import Rate, Tariff
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.variants import Variants

if TYPE_CHECKING:
    from ardoise.core.tables import CompiledVersion

# What tells rows apart without changing their price; tariffs, without changing what their rows cost.
_OF_ROW = frozenset({"prefix", "zone", "band", "exact", "origin"})
_OF_TARIFF = frozenset({
    "tariff_id", "code", "name", "currency", "tax_basis", "calendar", "versions", "zone", "incoming", "parent",
})  # fmt: skip
# What decides of an amount after it is computed: rows that differ by nothing else are compiled once.
_AFTER = frozenset({"rounding_decimals", "rounding_point", "bill_zero_seconds", "band_border"})
_PRICE = [place for place, name in enumerate(Rate._fields) if name not in _OF_ROW]
_price_of = itemgetter(*_PRICE)
_settings_of = attrgetter(*(field.name for field in fields(Tariff) if field.name not in _OF_TARIFF))
_before_of = attrgetter(*(field.name for field in fields(Tariff) if field.name not in _OF_TARIFF | _AFTER))


@contextmanager
def uncollected() -> Iterator[None]:
    """Hundreds of thousands of values that all stay: the garbage collector would walk them again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Shapes:
    """Distinct prices under what rounds them, numbered as they are met."""

    def __init__(self) -> None:
        self._prices: list[CompiledRate] = []
        self._price_of: list[int] = []
        self._tariffs: list[Tariff] = []
        self._tariff_of: list[int] = []
        self._by_value: dict[object, int] = {}
        self._by_identity: dict[object, dict[tuple[int, ...], int]] = {}  # prices
        self._numbers: dict[object, int] = {}
        self._compiled: dict[tuple[int, int], int] = {}
        self._settings: dict[int, int] = {}  # the number of settings -> a tariff that has them

    def of(self, version: CompiledVersion, fields: RateFields) -> Rows:
        """The shape of each row of a version."""
        settings = self._number((_settings_of(version.tariff), version.change))
        before = self._number((_before_of(version.tariff), version.change))
        if settings not in self._settings:
            self._settings[settings] = len(self._tariffs)
            self._tariffs.append(version.tariff)
        rates = version.version.rates
        told, shared = [], []
        for place in _PRICE if rates else ():
            values = fields[place]
            if alike(values):
                shared.append((place, values[0]))
            else:
                told.append(values)
        # The prices of equal rows are mostly the same objects: they are compared by value only when they are not.
        known = self._by_identity.setdefault(tuple(shared), {})
        identities = list(zip(*(map(id, values) for values in told), strict=True)) if told else [()] * len(rates)
        shape_of = {}
        for identity, rate in dict(zip(identities, rates, strict=True)).items():
            if identity not in known:
                known[identity] = self._number(_price_of(rate))
            shape_of[identity] = self._shape(settings, before, known[identity], rate, version)
        return np.fromiter(map(shape_of.__getitem__, identities), np.int32, len(rates))

    def variants(self) -> Variants:
        """The compiled row of each shape."""
        return Variants(
            self._prices, np.array(self._price_of, np.int64), self._tariffs, np.array(self._tariff_of, np.int64)
        )

    def _number(self, value: object) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def _shape(self, settings: int, before: int, price: int, rate: Rate, version: CompiledVersion) -> int:
        shape = self._by_value.get((settings, price))
        if shape is None:
            shape = self._by_value[settings, price] = len(self._price_of)
            self._price_of.append(self._compile((price, before), rate, version))
            self._tariff_of.append(self._settings[settings])
        return shape

    def _compile(self, name: tuple[int, int], rate: Rate, version: CompiledVersion) -> int:
        known = self._compiled.get(name)
        if known is None:
            known = self._compiled[name] = len(self._prices)
            self._prices.append(CompiledRate(rate, version.tariff, version.change))
        return known
