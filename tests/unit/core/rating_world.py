"""A small company to rate in: one issuer, one customer with a department, one line; the rest is for the test to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from ardoise.core.money import Rounding
from ardoise.core.snapshot import (
    AllowanceGrant,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
    Snapshot,
    SnapshotAccount,
    SnapshotIdentifier,
    SnapshotLine,
    SnapshotSource,
    TariffLink,
)
from ardoise.core.tariffs import (
    Allowance,
    Calendar,
    IncrementOrigin,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
)
from ardoise.core.usage import CallStatus, Direction, Usage

ISSUER, CUSTOMER, DEPARTMENT, LINE, SOURCE = 1, 10, 11, 100, 7
MOBILE = "33612345678"
MONDAY_10H = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)  # 10:00 in Paris


def rate(prefix: str = "33", price: str = "0.12", **changes: object) -> Rate:
    """12 cents a minute by the second unless `changes` say otherwise."""
    plain = Rate(prefix=prefix, zone="FR", steps=(Step(0, Decimal(price)),))
    return plain._replace(**changes)  # type: ignore[arg-type]


def tariff(*rates: Rate, tariff_id: int = 1, **changes: object) -> Tariff:
    version = TariffVersion(tariff_id * 10, datetime(2026, 1, 1, tzinfo=UTC), None, tuple(rates))
    plain = Tariff(
        tariff_id=tariff_id,
        code=f"T{tariff_id}",
        name=f"Grille {tariff_id}",
        currency="EUR",
        tax_basis=TaxBasis.HT,
        calendar="",
        increment_origin=IncrementOrigin.FIRST_NEXT,
        rounding=Rounding.HALF_UP,
        rounding_decimals=6,
        bill_zero_seconds=False,
        versions=(version,),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def link(owner_kind: OwnerKind, owner_id: int, tariff_id: int, rank: int = 0) -> TariffLink:
    return TariffLink(owner_kind, owner_id, tariff_id, rank, None, None)


def world(
    *tariffs: Tariff,
    links: tuple[TariffLink, ...] | None = None,
    calendars: tuple[Calendar, ...] = (),
    allowances: tuple[Allowance, ...] = (),
    grants: tuple[AllowanceGrant, ...] = (),
    no_detail: bool = False,
    prices_internal: bool = False,
) -> Snapshot:
    """Without `links`, every tariff is the issuer's default."""
    if links is None:
        links = tuple(link(OwnerKind.ISSUER, ISSUER, known.tariff_id, 20) for known in tariffs)
    return Snapshot(
        issuers_zone={ISSUER: "Europe/Paris"},
        accounts=(
            SnapshotAccount(CUSTOMER, None, CUSTOMER, ISSUER, "C10", True),
            SnapshotAccount(DEPARTMENT, CUSTOMER, CUSTOMER, ISSUER, "C10-A", True),
        ),
        lines=(SnapshotLine(LINE, "201", no_detail),),
        assignments=(LineAssignment(LINE, DEPARTMENT, None, None),),
        identifiers=(SnapshotIdentifier("pbx", IdentifierKind.EXTENSION, "201", LINE, None, None),),
        tariffs=tuple(tariffs),
        links=links,
        zones=(),
        calendars=calendars,
        allowances=allowances,
        grants=grants,
        sources=(SnapshotSource(SOURCE, "pbx", ISSUER, prices_internal),),
    )


def call(talk_s: int, **changes: object) -> Usage:
    """An answered call of extension 201 to a French mobile, Monday at ten."""
    plain = Usage(
        usage_id="pbx:1:0",
        source="pbx",
        start_at=MONDAY_10H,
        answered_at=MONDAY_10H,
        direction=Direction.OUT,
        status=CallStatus.ANSWERED,
        talk_s=talk_s,
        ring_s=0,
        charged="201",
        party="",
        ddi="",
        calling="201",
        called="0612345678",
        number_key=MOBILE,
        number_category="mobile",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]
