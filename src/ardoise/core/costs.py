"""What a usage costs us: the operator's tariff, and its currency turned into that of the price."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from ardoise.core.fares import Exact
from ardoise.core.money import round_fraction
from ardoise.core.rated import Match
from ardoise.core.snapshot import ExchangeRate
from ardoise.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Cost:
    """What the operator asks for the access and the service part of a usage, in micros of its tariff's currency."""

    access_micros: int
    service_micros: int
    currency: str
    match: Match

    @property
    def total_micros(self) -> int:
        return self.access_micros + self.service_micros


def cost_of(match: Match, usage: Usage, *, answered: bool) -> Cost | None:
    """The operator's price of a usage. A call that nobody answered, or one of 0 s that the operator does not bill,
    costs its attempt fee. An operator's row with a coefficient says nothing: there is no cost to multiply.
    """
    if match.rate.coefficient is not None:
        return None
    fare, quantity, tariff = match.fare(), usage.quantity, match.rate.tariff
    if not answered or (quantity == 0 and not tariff.bill_zero_seconds):
        access, service = fare.attempt(), Exact(0, 1, 0)
    else:
        access, service = fare.whole_call(quantity), fare.service(quantity)
    return Cost(
        fare.round(access.amount, access.scale)[0], fare.round(service.amount, service.scale)[0], tariff.currency, match
    )


class ExchangeBook:
    """Exchange rates by pair of currencies and date."""

    def __init__(self, rates: Iterable[ExchangeRate]) -> None:
        self._rates: dict[tuple[str, str], list[ExchangeRate]] = {}
        for rate in sorted(rates, key=lambda known: known.valid_from_at):
            self._rates.setdefault((rate.currency, rate.other), []).append(rate)

    def rate(self, currency: str, other: str, *, at: datetime) -> Fraction | None:
        """Units of `other` for one of `currency`: the rate in force, else the inverse of the opposite pair."""
        if currency == other:
            return Fraction(1)
        direct = self._in_force((currency, other), at)
        if direct is not None:
            return direct
        opposite = self._in_force((other, currency), at)
        return 1 / opposite if opposite else None

    def _in_force(self, pair: tuple[str, str], at: datetime) -> Fraction | None:
        known = self._rates.get(pair, [])
        position = bisect_right(known, at, key=lambda rate: rate.valid_from_at)
        return Fraction(known[position - 1].rate) if position else None

    def converted(self, micros: int, *, currency: str, other: str, at: datetime) -> int | None:
        """Micros of one currency in another, half up; None when no rate is known."""
        if currency == other:
            return micros
        rate = self.rate(currency, other, at=at)
        return None if rate is None else round_fraction(micros * rate)
