"""What a call costs: tariffs, their versions, rates, bands and allowances, as plain values.

Every choice that makes two engines differ by a cent is a named field here. Files and tables translate into these
values; the scalar engine, the columnar engine and the explanation all read the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from ardoise.core.money import Rounding
from ardoise.core.usage import UsageKind


class TaxBasis(StrEnum):
    HT = "ht"  # prices without tax
    TTC = "ttc"  # prices with tax


class IncrementOrigin(StrEnum):
    FIRST_NEXT = "first_next"  # billed = first + ceil((d - first) / next) * next; an overrun eats into the next step
    ZERO = "zero"  # billed = first if d <= first, else ceil(d / next) * next
    STEP = "step"  # each step's part is rounded up on its own; an overrun does not eat into the next step


class BandBorder(StrEnum):
    """What happens to a call that is under way when the band of its calendar changes."""

    START = "start"  # the whole call keeps the band in which it began
    CARRY = "carry"  # the increment begun before the border is paid at its price, the next one at the new band's
    SPLIT = "split"  # the call is cut at the border, each part rounded up to increments on its own


class Tiers(StrEnum):
    """How the steps of a row share a quantity."""

    GRADUATED = "graduated"  # each step prices its own part
    VOLUME = "volume"  # the step in which the quantity ends prices all of it
    PACKAGE = "package"  # the price of the step in which the quantity ends, once, whatever its length


class RoundingPoint(StrEnum):
    """Where an exact amount becomes an integer."""

    CALL = "call"  # each part of a call, to `rounding_decimals`
    LINE = "line"  # the line of the invoice: a charge keeps its exact rest beside its micros


class ServicePer(StrEnum):
    NONE = ""
    MINUTE = "minute"  # per second from the first second, quoted per minute (arrêté surtaxe)
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Step:
    """From second `from_s` of the call on: `price` for `per_s` seconds, counted in blocks of `increment_s`.

    In a row for messages, octets or events these are numbers of them, not seconds. With `Tiers.PACKAGE`, `price` is
    that of the whole step.
    """

    from_s: int
    price: Decimal
    per_s: int = 60
    increment_s: int = 1


class Rate(NamedTuple):
    """One row of a tariff: the price of a prefix in a band ("" = every band without a row of its own). A tuple, because
    catalogues have millions of them.

    `prefix` is in the form of `Usage.number_key` ("336", "!3639"). `exact` rows match the whole number and win over any
    other. A prefix "=emergency" is every number of that category of the numbering plan, above prefixes and below exact
    numbers. `kind` is what is counted; a row for calls prices nothing else. `origin` is a prefix of `Usage.origin`: the
    longest origin with a row for the number wins, "" is any.

    Steps are the access part (C); `service_*` is the surcharge of a French SVA number (S), kept apart. `surcharge` is
    due when the billed seconds reach `surcharge_at_s`, and again every `surcharge_every_s` after (0 = once).
    An answered call counts `added_s` seconds more than it lasted (a time to set it up); one that then counts more than
    `raised_above_s` and less than `raised_to_s` counts `raised_to_s`. Everything sees the seconds counted but the
    service part, of the seconds that the call lasted.
    `attempt_fee` is due for every attempt, answered or not, and not when an allowance covers the call. `coefficient`
    prices the access part as so many times its cost (the printed price if the operator prints one, else the operator's
    tariff); steps and fees are then left out.
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
    kind: UsageKind = UsageKind.CALL
    origin: str = ""
    surcharge: Decimal = Decimal(0)
    surcharge_at_s: int = 0
    surcharge_every_s: int = 0
    attempt_fee: Decimal = Decimal(0)
    coefficient: Decimal | None = None
    added_s: int = 0
    raised_above_s: int = 0
    raised_to_s: int = 0  # 0 raises no call


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Every price of a row (steps, fees, minimum, maximum, surcharge; never the service part): times
    (100 + percentage) / 100, then `amount_per_min` more on each minute of a step counted in seconds.
    """

    percentage: Decimal = Decimal(0)
    amount_per_min: Decimal = Decimal(0)


UNADJUSTED = Adjustment()


@dataclass(frozen=True, slots=True)
class Parent:
    """The tariff asked when this one has no row for a number, and what its prices become here."""

    tariff_id: int
    adjustment: Adjustment = UNADJUSTED


@dataclass(frozen=True, slots=True)
class BandRule:
    """`band` holds on these ISO weekdays (1-7; 8 = public holiday) from `start` to `end`, local; first match wins.

    `dates`: only on these days of the year, (month, day); empty = all year.
    """

    band: str
    days: frozenset[int]
    start: time
    end: time  # 00:00 means midnight at the end of the day
    dates: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Calendar:
    code: str
    zone: str  # IANA time zone
    holidays: str  # territory of the public holidays ("FR", "FR-6AE", "" = none)
    rules: tuple[BandRule, ...]  # what no rule covers is band ""


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """Valid from `valid_from_at` (UTC, included) to `valid_to_at` (excluded, None = open). Where two versions are valid
    the one with the later `valid_from_at` wins, then the one recorded last (the higher `version_id`): a correction.
    """

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
    incoming: bool = False  # prices calls received, by the number that calls; else calls made
    band_border: BandBorder = BandBorder.START
    tiers: Tiers = Tiers.GRADUATED
    increment_decimals: int | None = None  # the price of one increment is first rounded to so many decimals
    rounding_point: RoundingPoint = RoundingPoint.CALL
    parent: Parent | None = None
    first_block_once: bool = False  # a first step of one block is paid once a call: in later bands the next one goes on


@dataclass(frozen=True, slots=True)
class Zone:
    code: str
    label_fr: str
    label_en: str


class AllowanceOwner(StrEnum):
    LINE = "line"  # one counter a line
    ACCOUNT = "account"  # one counter for all the lines of an account
    POOL = "pool"  # the same, with the quantity of one allowance for each line that has it


class Counted(StrEnum):
    """What an allowance or a promotion counts."""

    SECONDS = "seconds"
    MESSAGES = "messages"  # SMS and MMS
    OCTETS = "octets"
    UNITS = "units"  # of events
    MONEY = "money"  # micros of the access price
    CALLS = "calls"  # calls, whatever their length


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a plan includes each calendar month, for usage of these zones.

    The lowest `priority` is used first, then what expires first. `quantity` is in the unit of `counted`; None is
    unlimited. `call_limit` is the most that one call draws (the 3 h a call of "unlimited" offers), `correspondents` the
    number of distinct numbers called in the month, first come first served, beyond which calls are not covered.
    `increment`: what a call draws is rounded up to it. `as_billed`: before that, it is rounded up as its row bills it.
    `call_fee` is due once for a call that this allowance is the first to cover, in whole or part; in units of currency,
    six decimals at most. What is left at the end of a month stays usable for
    `rollover_months` more, the oldest first. `prorated`: the first and last month count the days in force.
    """

    allowance_id: int
    code: str
    name: str
    quantity: int | None
    zones: frozenset[str]
    owner: AllowanceOwner
    priority: int = 100
    counted: Counted = Counted.SECONDS
    call_limit: int | None = None
    correspondents: int | None = None
    increment: int = 1
    rollover_months: int = 0
    prorated: bool = False
    as_billed: bool = False
    call_fee: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Promotion:
    """So much off the access price of usage of these zones (none named: of all), after allowances, before rounding.

    `percentage` off first, then `amount` off each call, never below zero. With a window, only usage that falls between
    `from_quantity` and `to_quantity` of what the owner used in the month (counted by `counted`, in answer-time order,
    allowances left out); a call half inside gets half of it. Two windows of two promotions are a volume discount. Of
    several promotions the lowest `priority` that applies is taken, alone.
    """

    promotion_id: int
    code: str
    name: str
    zones: frozenset[str]
    percentage: Decimal = Decimal(0)
    amount: Decimal = Decimal(0)
    counted: Counted = Counted.CALLS
    from_quantity: int = 0
    to_quantity: int | None = None
    owner: AllowanceOwner = AllowanceOwner.LINE
    priority: int = 100
