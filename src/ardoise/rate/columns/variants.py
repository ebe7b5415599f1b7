"""Distinct prices under the tariffs that round them: hundreds of thousands of rows without an object each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np
import numpy.typing as npt

from ardoise.core.compiled import CompiledRate
from ardoise.core.tariffs import Tariff

_Kind = TypeVar("_Kind", bound=np.generic)
Values = npt.NDArray[_Kind]


@dataclass(frozen=True, slots=True)
class Variants(Sequence[CompiledRate]):
    """Compiled rows: entry n is `prices[price_of[n]]` under `tariffs[tariff_of[n]]`, which differs from that of the
    price, if at all, by what decides of an amount after it is computed.
    """

    prices: list[CompiledRate]
    price_of: npt.NDArray[np.int64]
    tariffs: list[Tariff]
    tariff_of: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rates: Iterable[CompiledRate]) -> Variants:
        """Each row as it is."""
        prices = list(rates)
        every = np.arange(len(prices))
        return cls(prices, every, [rate.tariff for rate in prices], every)

    def __len__(self) -> int:
        return len(self.price_of)

    @overload
    def __getitem__(self, number: int) -> CompiledRate: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[CompiledRate]: ...
    def __getitem__(self, number: int | slice) -> CompiledRate | Sequence[CompiledRate]:
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(len(self)))]
        price, tariff = self.prices[self.price_of[number]], self.tariffs[self.tariff_of[number]]
        return price if price.tariff is tariff else _under(price, tariff)

    def by_price(self, values: Values[_Kind]) -> Values[_Kind]:
        """One value a price -> one value an entry."""
        return values[self.price_of]

    def by_tariff(self, value: Callable[[Tariff], object], kind: type[_Kind]) -> Values[_Kind]:
        """What is asked of the tariff of each entry."""
        return np.array([value(tariff) for tariff in self.tariffs], kind)[self.tariff_of]

    def with_going_on(self) -> tuple[Variants, npt.NDArray[np.int64]]:
        """These entries, then what some become after a change of band; and which entry each becomes."""
        odd = [place for place, price in enumerate(self.prices) if price.going_on is not None]
        becomes = np.arange(len(self))
        if not odd:
            return self, becomes
        later = np.full(len(self.prices), -1, np.int64)
        later[odd] = len(self.prices) + np.arange(len(odd))
        prices = [*self.prices, *(price.going_on for price in self.prices if price.going_on is not None)]
        changed = np.flatnonzero(later[self.price_of] >= 0)
        becomes[changed] = len(self) + np.arange(len(changed))
        price_of = np.concatenate([self.price_of, later[self.price_of[changed]]])
        tariff_of = np.concatenate([self.tariff_of, self.tariff_of[changed]])
        return Variants(prices, price_of, self.tariffs, tariff_of), becomes


def _under(compiled: CompiledRate, tariff: Tariff) -> CompiledRate:
    """The same row of a tariff that only rounds otherwise."""
    other = CompiledRate.__new__(CompiledRate)
    for name in CompiledRate.__slots__:
        setattr(other, name, getattr(compiled, name))
    other.tariff = tariff
    return other
