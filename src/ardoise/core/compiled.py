"""A tariff compiled: its rows in integers, its versions as tables of rows, ready for one call in microseconds.

The same prices as `core.pricing`, which defines them; `rate/columns` computes with the same integers.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from ardoise.core.money import to_micros
from ardoise.core.pricing import TariffError, ordered_steps, round_up
from ardoise.core.tariffs import IncrementOrigin, Rate, ServicePer, Tariff, TariffVersion


class CompiledRate:
    """One row of a tariff in integers over one denominator `scale` (1 currency unit = `scale`).

    `block_prices[i]` is the price of one increment of step i when blocks are counted from the end of the last, and of
    one second when they are counted from 0: `unit_s[i]` tells how many seconds that is.
    """

    __slots__ = (
        "block_prices",
        "fee",
        "free_s",
        "from_s",
        "has_service",
        "increments_s",
        "maximum",
        "minimum",
        "rate",
        "scale",
        "service_price",
        "service_seconds",
        "tariff",
        "unit_s",
    )

    def __init__(self, rate: Rate, tariff: Tariff) -> None:
        self.rate = rate
        self.tariff = tariff
        steps = ordered_steps(rate)
        self.from_s = tuple(step.from_s for step in steps)
        self.increments_s = tuple(step.increment_s for step in steps)
        from_first = tariff.increment_origin is IncrementOrigin.FIRST_NEXT
        self.unit_s = self.increments_s if from_first else (1,) * len(steps)
        self.service_seconds = 60 if rate.service_per is ServicePer.MINUTE else 0
        prices = [
            _ratio(step.price, times=unit_s, over=step.per_s) for step, unit_s in zip(steps, self.unit_s, strict=True)
        ]
        prices += [_ratio(rate.connection_fee), _ratio(rate.minimum), _ratio(rate.maximum or Decimal(0))]
        prices.append(_ratio(rate.service_price, over=self.service_seconds or 1))
        self.scale = lcm(*(denominator for _, denominator in prices))
        *blocks, self.fee, self.minimum, maximum, self.service_price = (
            numerator * (self.scale // denominator) for numerator, denominator in prices
        )
        self.block_prices = tuple(blocks)
        self.maximum: int | None = None if rate.maximum is None else maximum
        self.free_s = rate.free_s
        self.has_service = rate.service_per is not ServicePer.NONE and rate.service_price != 0

    def seconds(self, charge_s: int) -> tuple[int, int]:
        """Price over `scale` and billed seconds of `charge_s` chargeable seconds; see `pieces`."""
        if charge_s <= 0 or not self.from_s:
            return 0, 0
        if self.tariff.increment_origin is IncrementOrigin.ZERO:
            return self._seconds_from_zero(charge_s)
        amount = reached_s = 0
        last = len(self.from_s) - 1
        for index, increment_s in enumerate(self.increments_s):
            stop_s = charge_s if index == last else min(charge_s, self.from_s[index + 1])
            if stop_s > reached_s:
                blocks = -(-(stop_s - reached_s) // increment_s)
                reached_s += blocks * increment_s
                amount += blocks * self.block_prices[index]
        return amount, reached_s

    def _seconds_from_zero(self, charge_s: int) -> tuple[int, int]:
        billed_s = self.increments_s[0]
        if charge_s > billed_s:
            ending = max(index for index, from_s in enumerate(self.from_s) if from_s < charge_s)
            billed_s = round_up(charge_s, self.increments_s[ending])
        amount = 0
        last = len(self.from_s) - 1
        for index, from_s in enumerate(self.from_s):
            stop_s = billed_s if index == last else min(billed_s, self.from_s[index + 1])
            amount += max(0, stop_s - from_s) * self.block_prices[index]
        return amount, billed_s

    def whole_call(self, talk_s: int) -> tuple[int, int]:
        """Micros and billed seconds of a call that no allowance covers."""
        amount, billed_s = self.seconds(max(0, max(talk_s, 1) - self.free_s))
        amount += self.fee
        if self.minimum:
            amount = max(amount, self.minimum)
        if self.maximum is not None:
            amount = min(amount, self.maximum)
        return self.micros(amount), billed_s

    def remainder(self, uncovered_s: int) -> tuple[int, int]:
        """Micros and billed seconds of what an allowance leaves."""
        if uncovered_s <= 0:
            return 0, 0
        amount, billed_s = self.seconds(uncovered_s)
        if self.maximum is not None:
            amount = min(amount, self.maximum)
        return self.micros(amount), billed_s

    def service(self, talk_s: int) -> int:
        """Micros of the service part."""
        if not self.has_service:
            return 0
        return self.micros(self.service_price * (talk_s if self.service_seconds else 1))

    def micros(self, amount: int) -> int:
        """The tariff's rounding point."""
        return to_micros(
            Fraction(amount, self.scale), mode=self.tariff.rounding, decimals=self.tariff.rounding_decimals
        )


def _ratio(price: Decimal, *, times: int = 1, over: int = 1) -> tuple[int, int]:
    """price * times / over in lowest terms, as two integers: a deck of 30,000 rows is compiled in a second."""
    numerator, denominator = price.as_integer_ratio()
    numerator, denominator = numerator * times, denominator * over
    common = gcd(numerator, denominator)
    return numerator // common, denominator // common


class RateTable:
    """The rows of one version that hold in one band: its own rows, and the rows of every band that it does not
    replace.
    """

    def __init__(self, rates: Iterable[CompiledRate]) -> None:
        self.exact: dict[str, CompiledRate] = {}
        self.prefixes: dict[str, CompiledRate] = {}
        for compiled in rates:
            rows = self.exact if compiled.rate.exact else self.prefixes
            rows[compiled.rate.prefix] = compiled
        self._lengths = sorted({len(prefix) for prefix in self.prefixes if prefix}, reverse=True)
        self._others = self.prefixes.get("")

    def find(self, number_key: str) -> CompiledRate | None:
        """The exact number, else the longest prefix. The empty prefix is every number of digits, never a short number
        ("!") nor a text ("?"), which need a row of their own."""
        found = self.exact.get(number_key)
        if found is not None:
            return found
        for length in self._lengths:
            if length <= len(number_key):
                found = self.prefixes.get(number_key[:length])
                if found is not None:
                    return found
        return self._others if is_digits(number_key) else None


def is_digits(number_key: str) -> bool:
    return number_key.isascii() and number_key.isdigit()


class CompiledVersion:
    """A version of a tariff; `table(band)` is built the first time a band is asked for."""

    def __init__(self, tariff: Tariff, version: TariffVersion) -> None:
        self.tariff = tariff
        self.version = version
        self._by_band: dict[str, list[Rate]] = {}
        seen = set()
        for rate in version.rates:
            key = (rate.band, rate.exact, rate.prefix)
            if key in seen:
                raise TariffError(
                    f"tariff « {tariff.code} », version {version.version_id}: prefix « {rate.prefix} » has two rows in "
                    f"band « {rate.band} »; keep one"
                )
            seen.add(key)
            self._by_band.setdefault(rate.band, []).append(rate)
        self._compiled: dict[int, CompiledRate] = {}
        self._tables: dict[str, RateTable] = {}

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that have rows of their own, "" left out."""
        return tuple(sorted(band for band in self._by_band if band))

    def table(self, band: str) -> RateTable:
        """The rows that hold in a band; every band without rows of its own shares the table of ""."""
        if band not in self._by_band:
            band = ""
        if band not in self._tables:
            rows = {(rate.exact, rate.prefix): rate for rate in self._by_band.get("", ())}
            rows |= {(rate.exact, rate.prefix): rate for rate in self._by_band.get(band, ())}
            self._tables[band] = RateTable(self._rate(rate) for rate in rows.values())
        return self._tables[band]

    def _rate(self, rate: Rate) -> CompiledRate:
        if id(rate) not in self._compiled:
            self._compiled[id(rate)] = CompiledRate(rate, self.tariff)
        return self._compiled[id(rate)]
