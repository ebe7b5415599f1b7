"""Reads of the catalogue: above all the snapshot, the only view of directory and catalogue that rating has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from ardoise.catalog import models
from ardoise.core import snapshot as snap
from ardoise.core import tariffs as core
from ardoise.core.money import Rounding
from ardoise.directory.models import SINCE_EVER, Account, Identifier, Issuer, Line, LineAssignment

OVERRIDE_RANK, PLAN_RANK, DEFAULT_RANK = 0, 10, 20


class SnapshotRefused(ValueError):
    """The registers do not describe a world that can be rated; the message names the row to mend."""


def day_start_at(day: date | None, zone: str) -> datetime | None:
    """Midnight of a local date as a UTC instant; None (open) for an empty date or "since ever"."""
    if day is None or day == SINCE_EVER:
        return None
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def take_snapshot(*, sources: Iterable[snap.SnapshotSource]) -> snap.Snapshot:
    """What directory and catalogue say now, as one hashed value; `sources` come from the room that owns them."""
    sources = tuple(sources)
    zones_by_issuer = dict(Issuer.objects.values_list("id", "zone"))
    accounts = _accounts()
    assignments, zone_by_line = _assignments(zones_by_issuer)
    grants, plan_links = _subscriptions(zones_by_issuer, assignments)
    return snap.Snapshot(
        issuers_zone=zones_by_issuer,
        accounts=accounts,
        lines=tuple(
            snap.SnapshotLine(line_id=pk, code=code, no_detail=no_detail)
            for pk, code, no_detail in Line.objects.order_by("id").values_list("id", "code", "no_detail")
        ),
        assignments=assignments,
        identifiers=_identifiers(zone_by_line),
        tariffs=tuple(_tariffs()),
        links=tuple(_links(zones_by_issuer, zone_by_line, sources)) + plan_links,
        zones=tuple(
            core.Zone(code, fr, en)
            for code, fr, en in models.Zone.objects.order_by("code").values_list("code", "label_fr", "label_en")
        ),
        calendars=tuple(_calendars()),
        allowances=tuple(_allowances()),
        grants=grants,
        sources=sources,
    )


def _accounts() -> tuple[snap.SnapshotAccount, ...]:
    rows = {
        row["id"]: row
        for row in Account.objects.order_by("id").values("id", "parent_id", "issuer_id", "code", "billable")
    }
    return tuple(
        snap.SnapshotAccount(
            account_id=pk,
            parent_id=row["parent_id"],
            root_id=_root(pk, rows),
            issuer_id=row["issuer_id"],
            code=row["code"],
            billable=row["billable"],
        )
        for pk, row in rows.items()
    )


def _root(account_id: int, rows: Mapping[int, Mapping[str, object]]) -> int:
    seen = [account_id]
    while (parent := rows[seen[-1]]["parent_id"]) is not None:
        assert isinstance(parent, int)
        if parent in seen:
            path = " > ".join(str(rows[pk]["code"]) for pk in [*seen, parent])
            raise SnapshotRefused(f"account {rows[account_id]['code']} is its own ancestor: {path}")
        seen.append(parent)
    return seen[-1]


def _assignments(zones_by_issuer: dict[int, str]) -> tuple[tuple[snap.LineAssignment, ...], dict[int, str]]:
    """Line assignments in force, and the zone in which each line's dates are read (that of its issuer)."""
    rows = []
    zone_by_line: dict[int, str] = {}
    current = LineAssignment.objects.filter(superseded_at=None).order_by("line_id", "valid_from_date")
    for row in current.values_list("line_id", "account_id", "account__issuer_id", "valid_from_date", "valid_to_date"):
        line_id, account_id, issuer_id, valid_from_date, valid_to_date = row
        zone = zone_by_line.setdefault(line_id, zones_by_issuer[issuer_id])
        rows.append(
            snap.LineAssignment(
                line_id=line_id,
                account_id=account_id,
                valid_from_at=day_start_at(valid_from_date, zone),
                valid_to_at=day_start_at(valid_to_date, zone),
            )
        )
    return tuple(rows), zone_by_line


def _identifiers(zone_by_line: dict[int, str]) -> tuple[snap.SnapshotIdentifier, ...]:
    rows = Identifier.objects.filter(superseded_at=None).order_by("source_code", "kind", "value", "valid_from_date")
    return tuple(
        snap.SnapshotIdentifier(
            source=row.source_code,
            kind=snap.IdentifierKind(row.kind),
            value=row.value,
            line_id=row.line_id,
            valid_from_at=day_start_at(row.valid_from_date, zone_by_line.get(row.line_id, "UTC")),
            valid_to_at=day_start_at(row.valid_to_date, zone_by_line.get(row.line_id, "UTC")),
        )
        for row in rows.iterator()
    )


def parse_steps(text: str) -> tuple[core.Step, ...]:
    """Read "0:0.10/60/60;180:0.05/60/1" (from_s:price/per_s/increment_s); raises ValueError with what is expected."""
    steps = []
    for part in text.split(";"):
        try:
            from_s, rest = part.split(":")
            price, per_s, increment_s = rest.split("/")
            steps.append(core.Step(int(from_s), Decimal(price), int(per_s), int(increment_s)))
        except (ValueError, ArithmeticError) as error:
            raise ValueError(
                f"« {part} » is not a step; write from_s:price/per_s/increment_s, like 0:0.10/60/60"
            ) from error
    return tuple(steps)


def _rate(row: models.Rate, zone_code: str) -> core.Rate:
    if row.steps:
        steps = parse_steps(row.steps)
    elif row.first_s == row.next_s:
        steps = (core.Step(0, row.price_per_min, 60, row.next_s),)
    else:
        steps = (
            core.Step(0, row.price_per_min, 60, row.first_s),
            core.Step(row.first_s, row.price_per_min, 60, row.next_s),
        )
    return core.Rate(
        prefix=row.prefix.removeprefix("+") if row.prefix.startswith("+") else "!" + row.prefix,
        zone=zone_code,
        steps=steps,
        band=row.band,
        exact=row.exact,
        connection_fee=row.connection_fee,
        minimum=row.minimum,
        service_price=row.service_price,
        service_per=core.ServicePer(row.service_per),
    )


def _tariffs() -> Iterable[core.Tariff]:
    zone_codes = dict(models.Zone.objects.values_list("id", "code"))
    rates: dict[int, list[core.Rate]] = defaultdict(list)
    for row in models.Rate.objects.order_by("version_id", "prefix", "exact", "band").iterator(chunk_size=5000):
        rates[row.version_id].append(_rate(row, zone_codes[row.zone_id]))
    for tariff in models.Tariff.objects.select_related("calendar").prefetch_related("versions").order_by("id"):
        zone = tariff.calendar.zone if tariff.calendar else "Europe/Paris"
        versions = sorted(tariff.versions.all(), key=lambda version: version.valid_from_date)
        following = [version.valid_from_date for version in versions[1:]] + [None]
        yield core.Tariff(
            tariff_id=tariff.id,
            code=tariff.code,
            name=tariff.name,
            currency=tariff.currency,
            tax_basis=core.TaxBasis(tariff.tax_basis),
            calendar=tariff.calendar.code if tariff.calendar else "",
            increment_origin=core.IncrementOrigin(tariff.increment_origin),
            rounding=Rounding(tariff.rounding),
            rounding_decimals=tariff.rounding_decimals,
            bill_zero_seconds=tariff.bill_zero_seconds,
            versions=tuple(
                core.TariffVersion(
                    version_id=version.id,
                    valid_from_at=datetime.combine(version.valid_from_date, time(), ZoneInfo(zone)).astimezone(UTC),
                    valid_to_at=day_start_at(_earliest(version.valid_to_date, next_from), zone),
                    rates=tuple(rates[version.id]),
                )
                for version, next_from in zip(versions, following, strict=True)
            ),
            zone=zone,
        )


def _earliest(*days: date | None) -> date | None:
    return min((day for day in days if day is not None), default=None)


def _calendars() -> Iterable[core.Calendar]:
    for calendar in models.Calendar.objects.prefetch_related("rules").order_by("code"):
        yield core.Calendar(
            code=calendar.code,
            zone=calendar.zone,
            holidays=calendar.holidays,
            rules=tuple(
                core.BandRule(rule.band, frozenset(int(day) for day in rule.days), rule.start, rule.end)
                for rule in calendar.rules.all()
            ),
        )


def _allowances() -> Iterable[core.Allowance]:
    for row in models.Allowance.objects.prefetch_related("zones").order_by("id"):
        yield core.Allowance(
            allowance_id=row.id,
            code=row.code,
            name=row.name,
            quantity=row.seconds,
            zones=frozenset(zone.code for zone in row.zones.all()),
            owner=core.AllowanceOwner(row.owner),
            priority=row.priority,
        )


def _links(
    zones_by_issuer: dict[int, str], zone_by_line: dict[int, str], sources: tuple[snap.SnapshotSource, ...]
) -> Iterable[snap.TariffLink]:
    source_ids = {source.code: source.source_id for source in sources}
    account_issuer = dict(Account.objects.values_list("id", "issuer_id"))
    issuer_of_source = {source.code: source.issuer_id for source in sources}
    for row in models.TariffLink.objects.filter(superseded_at=None).order_by("id"):
        if row.line_id:
            owner, zone, rank = (snap.OwnerKind.LINE, row.line_id), zone_by_line.get(row.line_id, "UTC"), OVERRIDE_RANK
        elif row.account_id:
            issuer_id = account_issuer[row.account_id]
            owner, zone, rank = (snap.OwnerKind.ACCOUNT, row.account_id), zones_by_issuer[issuer_id], OVERRIDE_RANK
        elif row.issuer_id:
            owner, zone, rank = (snap.OwnerKind.ISSUER, row.issuer_id), zones_by_issuer[row.issuer_id], DEFAULT_RANK
        elif row.source_code in source_ids:
            issuer_id = issuer_of_source[row.source_code]
            owner, zone, rank = (snap.OwnerKind.SOURCE, source_ids[row.source_code]), zones_by_issuer[issuer_id], 0
        else:
            raise SnapshotRefused(f"a tariff link names the source « {row.source_code} », which does not exist")
        yield snap.TariffLink(
            owner_kind=owner[0],
            owner_id=owner[1],
            tariff_id=row.tariff_id,
            rank=rank,
            valid_from_at=day_start_at(row.valid_from_date, zone),
            valid_to_at=day_start_at(row.valid_to_date, zone),
        )


def _subscriptions(
    zones_by_issuer: dict[int, str], assignments: tuple[snap.LineAssignment, ...]
) -> tuple[tuple[snap.AllowanceGrant, ...], tuple[snap.TariffLink, ...]]:
    """What subscribed plans bring: their tariff at the node, their allowances to the line or to the account.

    An allowance of lines subscribed by an account goes to each line assigned to that account.
    """
    lines_of: dict[int, list[int]] = defaultdict(list)
    for assignment in assignments:
        if assignment.line_id not in lines_of[assignment.account_id]:
            lines_of[assignment.account_id].append(assignment.line_id)
    grants: list[snap.AllowanceGrant] = []
    links: list[snap.TariffLink] = []
    subscribed = (
        models.Subscription.objects.filter(superseded_at=None, plan__isnull=False)
        .select_related("plan", "account")
        .prefetch_related("plan__allowances")
        .order_by("id")
    )
    for row in subscribed:
        assert row.plan is not None
        zone = zones_by_issuer[row.account.issuer_id]
        validity = (day_start_at(row.valid_from_date, zone), day_start_at(row.valid_to_date, zone))
        node = (snap.OwnerKind.LINE, row.line_id) if row.line_id else (snap.OwnerKind.ACCOUNT, row.account_id)
        if row.plan.tariff_id:
            links.append(snap.TariffLink(*node, row.plan.tariff_id, PLAN_RANK, *validity))
        for allowance in row.plan.allowances.all():
            if allowance.owner == core.AllowanceOwner.ACCOUNT:
                owners = [(snap.OwnerKind.ACCOUNT, row.account_id)]
            elif row.line_id:
                owners = [(snap.OwnerKind.LINE, row.line_id)]
            else:
                owners = [(snap.OwnerKind.LINE, line_id) for line_id in lines_of[row.account_id]]
            grants += [snap.AllowanceGrant(kind, owner, allowance.id, *validity) for kind, owner in owners]
    return tuple(grants), tuple(links)
