"""What a call costs: tariffs, their versions, rates, bands and allowances, as plain values.

Every choice that makes two engines differ by a cent is a named field here. Files and tables translate into these
values; the scalar engine, the columnar engine and the explanation all read the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum

from ardoise.core.money import Rounding


class TaxBasis(StrEnum):
    HT = "ht"  # prices without tax
    TTC = "ttc"  # prices with tax


class IncrementOrigin(StrEnum):
    FIRST_NEXT = "first_next"  # billed = first + ceil((d - first) / next) * next
    ZERO = "zero"  # billed = first if d <= first, else ceil(d / next) * next


class ServicePer(StrEnum):
    NONE = ""
    MINUTE = "minute"  # per second from the first second, quoted per minute (arrêté surtaxe)
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Step:
    """From second `from_s` of the call on: `price` for `per_s` seconds, counted in blocks of `increment_s`."""

    from_s: int
    price: Decimal
    per_s: int = 60
    increment_s: int = 1


@dataclass(frozen=True, slots=True)
class Rate:
    """One row of a tariff: the price of a prefix in a band ("" = every band without a row of its own).

    `prefix` is in the form of `Usage.number_key` ("336", "!3639"). `exact` rows match the whole number and win over any
    prefix. Steps are the access part (C); `service_*` is the surcharge of a French SVA number (S), kept apart.
    """

    prefix: str
    zone: str
    steps: tuple[Step, ...]
    band: str = ""
    exact: bool = False
    connection_fee: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    maximum: Decimal | None = None
    free_s: int = 0
    service_price: Decimal = Decimal(0)
    service_per: ServicePer = ServicePer.NONE


@dataclass(frozen=True, slots=True)
class BandRule:
    """`band` holds on these ISO weekdays (1-7; 8 = public holiday) from `start` to `end`, local; first match wins."""

    band: str
    days: frozenset[int]
    start: time
    end: time  # 00:00 means midnight at the end of the day


@dataclass(frozen=True, slots=True)
class Calendar:
    code: str
    zone: str  # IANA time zone
    holidays: str  # territory of the public holidays ("FR", "FR-6AE", "" = none)
    rules: tuple[BandRule, ...]  # what no rule covers is band ""


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """Valid from `valid_from_at` (UTC, included) to `valid_to_at` (excluded, None = open)."""

    version_id: int
    valid_from_at: datetime
    valid_to_at: datetime | None
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class Tariff:
    tariff_id: int
    code: str
    name: str
    currency: str
    tax_basis: TaxBasis
    calendar: str  # code of a Calendar, "" = one band all the time
    increment_origin: IncrementOrigin
    rounding: Rounding
    rounding_decimals: int  # 0 to 6, applied to each call part
    bill_zero_seconds: bool  # an answered call of 0 s pays its fee and first increment
    versions: tuple[TariffVersion, ...]
    zone: str = "Europe/Paris"  # IANA zone in which the dates of its versions are read


@dataclass(frozen=True, slots=True)
class Zone:
    code: str
    label_fr: str
    label_en: str


class AllowanceOwner(StrEnum):
    LINE = "line"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Allowance:
    """Seconds included in a plan each calendar month, for calls to these zones; the lowest priority is used first."""

    allowance_id: int
    code: str
    name: str
    seconds: int
    zones: frozenset[str]
    owner: AllowanceOwner
    priority: int = 100
