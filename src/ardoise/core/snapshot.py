"""The snapshot: every fact that rating needs, at one instant, hashed by content.

A charge is a pure function of usage and one snapshot. The registers (`directory`, `catalog`, `collect` for sources)
write it, `rate` reads it; nothing here knows a database. Ids are the registers' own, immutable integers. All `*_at` are
UTC, validity is half-open, None = open.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ardoise.core.tariffs import UNADJUSTED, Adjustment, Allowance, Calendar, Promotion, Tariff, Zone


class IdentifierKind(StrEnum):
    EXTENSION = "extension"  # as the PBX prints it
    NUMBER = "number"  # a number in the form of Usage.number_key: SDA, presented number, SIP login with "?"


@dataclass(frozen=True, slots=True)
class SnapshotAccount:
    account_id: int
    parent_id: int | None
    root_id: int
    issuer_id: int
    code: str
    billable: bool
    reseller_id: int | None = None  # the account that resells to this root: it pays its own tariff for the same usage


@dataclass(frozen=True, slots=True)
class SnapshotLine:
    line_id: int
    code: str
    no_detail: bool


@dataclass(frozen=True, slots=True)
class LineAssignment:
    """Which account a line belongs to, between two instants."""

    line_id: int
    account_id: int
    valid_from_at: datetime | None
    valid_to_at: datetime | None


@dataclass(frozen=True, slots=True)
class SnapshotIdentifier:
    """What names a line in the tickets of a source ("" = of any source of the company)."""

    source: str
    kind: IdentifierKind
    value: str
    line_id: int
    valid_from_at: datetime | None
    valid_to_at: datetime | None


class OwnerKind(StrEnum):
    LINE = "line"
    ACCOUNT = "account"
    ISSUER = "issuer"
    SOURCE = "source"  # the operator's tariff (cost)


@dataclass(frozen=True, slots=True)
class TariffLink:
    """A tariff in force at a node. At one node the lowest `rank` comes first: own override 0, plan 10, default 20."""

    owner_kind: OwnerKind
    owner_id: int  # for SOURCE: SnapshotSource.source_id
    tariff_id: int
    rank: int
    valid_from_at: datetime | None
    valid_to_at: datetime | None
    adjustment: Adjustment = UNADJUSTED
    trunk: str = ""  # SOURCE: only usage of this trunk or route, before the links of any trunk


@dataclass(frozen=True, slots=True)
class AllowanceGrant:
    """An allowance a line or an account enjoys between two instants (through its plan)."""

    owner_kind: OwnerKind  # LINE or ACCOUNT
    owner_id: int
    allowance_id: int
    valid_from_at: datetime | None
    valid_to_at: datetime | None


@dataclass(frozen=True, slots=True)
class PromotionGrant:
    """A promotion a line or an account enjoys between two instants."""

    owner_kind: OwnerKind  # LINE, ACCOUNT or ISSUER
    owner_id: int
    promotion_id: int
    valid_from_at: datetime | None
    valid_to_at: datetime | None


@dataclass(frozen=True, slots=True)
class Carried:
    """The state of one allowance counter at the start of a month: what is left of an earlier one."""

    month: str  # YYYY-MM in which it may be used
    allowance_id: int
    owner_kind: OwnerKind
    owner_id: int
    root_id: int
    earned: str  # YYYY-MM it was granted in: the oldest is used first
    quantity: int


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """One unit of `currency` is worth `rate` units of `other`, from an instant on, until the next one."""

    currency: str
    other: str
    rate: Decimal
    valid_from_at: datetime


@dataclass(frozen=True, slots=True)
class SnapshotSource:
    source_id: int
    code: str
    issuer_id: int
    prices_internal: bool  # internal calls are excluded by rule unless the source says otherwise


@dataclass(frozen=True, slots=True)
class Snapshot:
    issuers_zone: dict[int, str]  # issuer id -> IANA zone of its billing periods
    accounts: tuple[SnapshotAccount, ...]
    lines: tuple[SnapshotLine, ...]
    assignments: tuple[LineAssignment, ...]
    identifiers: tuple[SnapshotIdentifier, ...]
    tariffs: tuple[Tariff, ...]
    links: tuple[TariffLink, ...]
    zones: tuple[Zone, ...]
    calendars: tuple[Calendar, ...]
    allowances: tuple[Allowance, ...]
    grants: tuple[AllowanceGrant, ...]
    sources: tuple[SnapshotSource, ...]
    engine_version: str = "2"
    promotions: tuple[Promotion, ...] = ()
    promotion_grants: tuple[PromotionGrant, ...] = ()
    carried: tuple[Carried, ...] = ()
    exchange_rates: tuple[ExchangeRate, ...] = ()
    longest_over_all: frozenset[int] = frozenset()  # issuers whose chains take the longest prefix over all tariffs

    def content_hash(self) -> str:
        """SHA-256 of the canonical JSON of the whole content."""
        canonical = json.dumps(self, sort_keys=True, default=_plain, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, (datetime,)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
