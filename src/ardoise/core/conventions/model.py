"""What the convention finder speaks of: a priced call, a deck to try, a convention, and the tariff it stands for.

A *convention* is how an operator turns a price by the minute into the amount of a call. It has no arithmetic of its
own: `header` and `rewritten` make of it a tariff of `core.tariffs`, whose meaning is that of `core.pricing`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from ardoise.core.attribution import LONG_AGO
from ardoise.core.money import Rounding
from ardoise.core.pricing import ordered_steps
from ardoise.core.tariffs import (
    BandBorder,
    Calendar,
    IncrementOrigin,
    Rate,
    RoundingPoint,
    Step,
    Tariff,
    Tiers,
)


@dataclass(frozen=True, slots=True)
class PricedCall:
    """An answered call with the amount an operator printed for it, in micros of the tariff's currency.

    `ref` is how its reader finds it again ("line 12"). `caller` tells two calls of the same second apart. `number_key`,
    `number_category` and `origin` are those of `Usage`.
    """

    ref: str
    number_key: str
    answered_at: datetime
    talk_s: int
    printed_micros: int
    caller: str = ""
    number_category: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Deck:
    """A tariff that may explain the calls, and its calendar when it has bands."""

    tariff: Tariff
    calendar: Calendar | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What an operator may ask otherwise in one zone than in another; None = as the row of the deck says."""

    first_s: int | None = None
    next_s: int | None = None
    free_s: int | None = None
    fee: Decimal | None = None
    minimum: Decimal | None = None

    @property
    def increments(self) -> tuple[int, int] | None:
        return None if self.first_s is None or self.next_s is None else (self.first_s, self.next_s)


@dataclass(frozen=True, slots=True)
class Convention:
    """How calls were priced. `version_id` None: each call at the version of its date; else all at that version.

    `coefficient` multiplies every price of the deck; fees and minimums named in the terms are as the operator prints
    them. `zones`: (zone, terms) of the zones with terms of their own. `parts_apart`: where there is a service part,
    it and the access part are rounded one by one, as `core.rating` does; else their sum is, as one printed amount.
    """

    deck: str
    terms: Terms = Terms()
    zones: tuple[tuple[str, Terms], ...] = ()
    version_id: int | None = None
    coefficient: Decimal = Decimal(1)
    origin: IncrementOrigin = IncrementOrigin.FIRST_NEXT
    rounding: Rounding = Rounding.HALF_UP
    decimals: int = 6
    increment_decimals: int | None = None
    border: BandBorder = BandBorder.START
    bill_zero_seconds: bool = False
    parts_apart: bool = False

    def terms_of(self, zone: str) -> Terms:
        return dict(self.zones).get(zone, self.terms)


def header(convention: Convention, tariff: Tariff) -> Tariff:
    """The deck's tariff under the convention, without its rows. `core.pricing.check_tariff` says whether it can be."""
    return replace(
        tariff,
        versions=(),
        increment_origin=convention.origin,
        rounding=convention.rounding,
        rounding_decimals=convention.decimals,
        rounding_point=RoundingPoint.CALL,
        increment_decimals=convention.increment_decimals,
        band_border=convention.border,
        bill_zero_seconds=convention.bill_zero_seconds,
    )


def rewritten(rate: Rate, terms: Terms, *, tiers: Tiers = Tiers.GRADUATED, coefficient: Decimal = Decimal(1)) -> Rate:
    """A row of the deck under the terms. Increments of volume and package tiers stay as written."""
    if coefficient != 1:
        rate = _times(rate, coefficient)
    if terms.increments is not None and rate.steps and tiers is Tiers.GRADUATED:
        rate = rate._replace(steps=_counted_by(ordered_steps(rate), *terms.increments))
    return rate._replace(
        free_s=rate.free_s if terms.free_s is None else terms.free_s,
        connection_fee=rate.connection_fee if terms.fee is None else terms.fee,
        minimum=rate.minimum if terms.minimum is None else terms.minimum,
    )


@lru_cache(maxsize=65_536)
def _counted_by(steps: tuple[Step, ...], first_s: int, next_s: int) -> tuple[Step, ...]:
    """The prices of the steps, the first increment of `first_s` seconds and the others of `next_s`."""
    steps = tuple(step for index, step in enumerate(steps) if index == 0 or not _same_price(step, steps[index - 1]))
    if first_s == next_s:
        return tuple(replace(step, increment_s=next_s) for step in steps)
    counted = [replace(step, increment_s=next_s if index else first_s) for index, step in enumerate(steps)]
    if all(step.from_s != first_s for step in steps):
        under = [step for step in steps if step.from_s < first_s][-1]
        counted.append(replace(under, from_s=first_s, increment_s=next_s))
    return tuple(sorted(counted, key=lambda step: step.from_s))


def _same_price(step: Step, other: Step) -> bool:
    return step.price * other.per_s == other.price * step.per_s


def _times(rate: Rate, coefficient: Decimal) -> Rate:
    return rate._replace(
        steps=tuple(replace(step, price=step.price * coefficient) for step in rate.steps),
        connection_fee=rate.connection_fee * coefficient,
        minimum=rate.minimum * coefficient,
        maximum=None if rate.maximum is None else rate.maximum * coefficient,
        surcharge=rate.surcharge * coefficient,
        attempt_fee=rate.attempt_fee * coefficient,
    )


def as_tariff(convention: Convention, tariff: Tariff) -> Tariff:
    """The whole tariff that the convention stands for: priced by `core`, it gives what the convention gives."""
    chosen = [version for version in tariff.versions if convention.version_id in (None, version.version_id)]
    if convention.version_id is not None:
        chosen = [replace(version, valid_from_at=LONG_AGO, valid_to_at=None) for version in chosen]
    versions = tuple(
        replace(
            version,
            rates=tuple(
                rewritten(
                    rate,
                    convention.terms_of(rate.zone),
                    tiers=tariff.tiers,
                    coefficient=convention.coefficient,
                )
                for rate in version.rates
            ),
        )
        for version in chosen
    )
    return replace(header(convention, tariff), versions=versions)
