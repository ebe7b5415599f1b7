"""Reads of the catalogue: above all the snapshot, the only view of directory and catalogue that rating has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time
from itertools import zip_longest
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from ardoise.catalog import models
from ardoise.catalog.values import count_of, parse_dates, rate_of, tariff_of
from ardoise.core import snapshot as snap
from ardoise.core import tariffs as core
from ardoise.directory.models import SINCE_EVER, Account, Dated, Identifier, Issuer, Line, LineAssignment

OVERRIDE_RANK, PLAN_RANK, DEFAULT_RANK = 0, 10, 20
HOME_ZONE = "Europe/Paris"  # in which dates are read where nothing else tells a zone

_Dated = TypeVar("_Dated", bound=Dated)


class SnapshotRefused(ValueError):
    """The registers do not describe a world that can be rated; the message names the row to mend."""


def day_start_at(day: date | None, zone: str) -> datetime | None:
    """Midnight of a local date as a UTC instant; None (open) for an empty date or "since ever"."""
    if day is None or day == SINCE_EVER:
        return None
    return _midnight(day, zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def take_snapshot(
    *,
    sources: Iterable[snap.SnapshotSource],
    known_at: datetime | None = None,
    month: str = "",
    with_versions: Collection[int] = (),
) -> snap.Snapshot:
    """What directory and catalogue say, as one hashed value; `sources` come from the room that owns them.

    `known_at`: as they were believed at that instant (None = now), of everything that carries the time of its
    recording: tariff versions, tariff links, assignments, identifiers, subscriptions, promotions granted, exchange
    rates. What carries none (names, the tree, headers of tariffs, calendars) is as of now.
    `month` ("YYYY-MM"): with what earlier months left of allowances for that one.
    `with_versions`: ids of superseded tariff versions to have too, never in force, to explain what they priced.
    """
    sources = tuple(sources)
    zones_by_issuer = dict(Issuer.objects.values_list("id", "zone"))
    assignments, zone_by_line = _assignments(zones_by_issuer, known_at)
    subscribed = _Subscribed(zones_by_issuer, assignments, known_at)
    return snap.Snapshot(
        issuers_zone=zones_by_issuer,
        accounts=_accounts(),
        lines=tuple(
            snap.SnapshotLine(line_id=pk, code=code, no_detail=no_detail)
            for pk, code, no_detail in Line.objects.order_by("id").values_list("id", "code", "no_detail")
        ),
        assignments=assignments,
        identifiers=_identifiers(zone_by_line, known_at),
        tariffs=tuple(_tariffs(known_at, with_versions)),
        links=tuple(_links(zones_by_issuer, zone_by_line, sources, known_at)) + tuple(subscribed.links),
        zones=tuple(
            core.Zone(code, fr, en)
            for code, fr, en in models.Zone.objects.order_by("code").values_list("code", "label_fr", "label_en")
        ),
        calendars=tuple(_calendars()),
        allowances=tuple(_allowances()),
        grants=tuple(subscribed.grants),
        sources=sources,
        promotions=tuple(_promotions()),
        promotion_grants=tuple(_promotion_grants(zones_by_issuer, zone_by_line, known_at))
        + tuple(subscribed.promotions),
        carried=tuple(_carried(month)) if month else (),
        exchange_rates=tuple(_exchange_rates(known_at)),
        longest_over_all=frozenset(Issuer.objects.filter(longest_over_all=True).values_list("id", flat=True)),
    )


def believed(model: type[_Dated], known_at: datetime | None) -> QuerySet[_Dated]:
    """Dated rows as they were believed at an instant of recording time; None = now."""
    rows = model._default_manager.all()
    if known_at is None:
        return rows.filter(superseded_at=None)
    return rows.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)


def _accounts() -> tuple[snap.SnapshotAccount, ...]:
    rows = {
        row["id"]: row
        for row in Account.objects.order_by("id").values(
            "id", "parent_id", "issuer_id", "code", "billable", "reseller_id"
        )
    }
    return tuple(
        snap.SnapshotAccount(
            account_id=pk,
            parent_id=row["parent_id"],
            root_id=_root(pk, rows),
            issuer_id=row["issuer_id"],
            code=row["code"],
            billable=row["billable"],
            reseller_id=row["reseller_id"],
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


def _assignments(
    zones_by_issuer: dict[int, str], known_at: datetime | None
) -> tuple[tuple[snap.LineAssignment, ...], dict[int, str]]:
    """Line assignments in force, and the zone in which each line's dates are read (that of its issuer)."""
    rows = []
    zone_by_line: dict[int, str] = {}
    held = believed(LineAssignment, known_at).order_by("line_id", "valid_from_date")
    for row in held.values_list("line_id", "account_id", "account__issuer_id", "valid_from_date", "valid_to_date"):
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


def _identifiers(zone_by_line: dict[int, str], known_at: datetime | None) -> tuple[snap.SnapshotIdentifier, ...]:
    rows = believed(Identifier, known_at).order_by("source_code", "kind", "value", "valid_from_date")
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


_RATE_CELLS = [field.name for field in models.Rate._meta.concrete_fields if field.name not in ("id", "version", "zone")]


def _rates(versions: QuerySet[models.TariffVersion]) -> dict[int, list[core.Rate]]:
    rates: dict[int, list[core.Rate]] = defaultdict(list)
    rows = models.Rate.objects.filter(version__in=versions.values("pk"))
    rows = rows.order_by("version_id", "prefix", "exact", "band", "kind", "origin")
    names = rows.annotate(zone_code=F("zone__code")).values("version_id", "zone_code", *_RATE_CELLS)
    for row in names.iterator(chunk_size=5000):
        rates[row["version_id"]].append(rate_of({**row, "zone": row["zone_code"]}))
    return rates


def _tariffs(known_at: datetime | None, with_versions: Collection[int]) -> Iterable[core.Tariff]:
    in_force = believed(models.TariffVersion, known_at).order_by("valid_from_date")
    superseded = models.TariffVersion.objects.filter(pk__in=with_versions).exclude(pk__in=in_force.values("pk"))
    rates = _rates(in_force) | (_rates(superseded) if with_versions else {})
    versions, aside = _by_tariff(in_force), _by_tariff(superseded.order_by("pk") if with_versions else ())
    for row in models.Tariff.objects.select_related("calendar").order_by("id"):
        zone = row.calendar.zone if row.calendar else HOME_ZONE
        cells: dict[str, Any] = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}
        cells["calendar"] = row.calendar.code if row.calendar else ""
        adjustment = core.Adjustment(row.parent_percentage, row.parent_amount_per_min)
        never = [_version(version, version.valid_from_date, rates, zone) for version in aside[row.pk]]
        yield tariff_of(
            cells,
            tariff_id=row.pk,
            zone=zone,
            parent=core.Parent(row.parent_id, adjustment) if row.parent_id else None,
            versions=(*never, *_in_turn(versions[row.pk], rates, zone)),
        )


def _by_tariff(rows: Iterable[models.TariffVersion]) -> dict[int, list[models.TariffVersion]]:
    versions: dict[int, list[models.TariffVersion]] = defaultdict(list)
    for row in rows:
        versions[row.tariff_id].append(row)
    return versions


def _in_turn(
    versions: list[models.TariffVersion], rates: Mapping[int, list[core.Rate]], zone: str
) -> Iterable[core.TariffVersion]:
    """Versions in the order of their first days: each ends where the next one begins, or before."""
    following = (version.valid_from_date for version in versions[1:])
    for version, next_from in zip_longest(versions, following):
        yield _version(version, _earliest(version.valid_to_date, next_from), rates, zone)


def _version(
    version: models.TariffVersion, to_date: date | None, rates: Mapping[int, list[core.Rate]], zone: str
) -> core.TariffVersion:
    return core.TariffVersion(
        version_id=version.pk,
        valid_from_at=_midnight(version.valid_from_date, zone),
        valid_to_at=day_start_at(to_date, zone),
        rates=tuple(rates.get(version.pk, ())),
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
                core.BandRule(
                    rule.band, frozenset(int(day) for day in rule.days), rule.start, rule.end, parse_dates(rule.dates)
                )
                for rule in calendar.rules.all()
            ),
        )


def _allowances() -> Iterable[core.Allowance]:
    for row in models.Allowance.objects.prefetch_related("zones").order_by("id"):
        limits = (
            None if limit is None else count_of(limit, counted=row.counted) for limit in (row.quantity, row.call_limit)
        )
        quantity, call_limit = limits
        yield core.Allowance(
            allowance_id=row.pk,
            code=row.code,
            name=row.name,
            quantity=quantity,
            zones=frozenset(zone.code for zone in row.zones.all()),
            owner=core.AllowanceOwner(row.owner),
            priority=row.priority,
            counted=core.Counted(row.counted),
            call_limit=call_limit,
            correspondents=row.correspondents,
            increment=row.increment,
            rollover_months=row.rollover_months,
            prorated=row.prorated,
            as_billed=row.as_billed,
            call_fee=row.call_fee,
        )


def _promotions() -> Iterable[core.Promotion]:
    for row in models.Promotion.objects.prefetch_related("zones").order_by("id"):
        yield core.Promotion(
            promotion_id=row.pk,
            code=row.code,
            name=row.name,
            zones=frozenset(zone.code for zone in row.zones.all()),
            percentage=row.percentage,
            amount=row.amount,
            counted=core.Counted(row.counted),
            from_quantity=count_of(row.from_quantity, counted=row.counted),
            to_quantity=None if row.to_quantity is None else count_of(row.to_quantity, counted=row.counted),
            owner=core.AllowanceOwner(row.owner),
            priority=row.priority,
        )


def _promotion_grants(
    zones_by_issuer: dict[int, str], zone_by_line: dict[int, str], known_at: datetime | None
) -> Iterable[snap.PromotionGrant]:
    account_issuer = dict(Account.objects.values_list("id", "issuer_id"))
    for row in believed(models.PromotionGrant, known_at).order_by("id"):
        if row.line_id:
            owner, zone = (snap.OwnerKind.LINE, row.line_id), zone_by_line.get(row.line_id, "UTC")
        elif row.account_id:
            owner, zone = (snap.OwnerKind.ACCOUNT, row.account_id), zones_by_issuer[account_issuer[row.account_id]]
        else:
            assert row.issuer_id is not None  # the constraint of the table
            owner, zone = (snap.OwnerKind.ISSUER, row.issuer_id), zones_by_issuer[row.issuer_id]
        yield snap.PromotionGrant(
            *owner,
            row.promotion_id,
            valid_from_at=day_start_at(row.valid_from_date, zone),
            valid_to_at=day_start_at(row.valid_to_date, zone),
        )


def _carried(month: str) -> Iterable[snap.Carried]:
    rows = models.AllowanceCarried.objects.filter(month=month)
    for row in rows.order_by("allowance_id", "owner_kind", "owner_id", "root_id", "earned"):
        yield snap.Carried(
            month=row.month,
            allowance_id=row.allowance_id,
            owner_kind=snap.OwnerKind(row.owner_kind),
            owner_id=row.owner_id,
            root_id=row.root_id,
            earned=row.earned,
            quantity=row.quantity,
        )


def _exchange_rates(known_at: datetime | None) -> Iterable[snap.ExchangeRate]:
    rows = believed(models.ExchangeRate, known_at).order_by("currency", "other", "valid_from_date")
    for row in rows:
        yield snap.ExchangeRate(row.currency, row.other, row.rate, _midnight(row.valid_from_date, HOME_ZONE))


def _links(
    zones_by_issuer: dict[int, str],
    zone_by_line: dict[int, str],
    sources: tuple[snap.SnapshotSource, ...],
    known_at: datetime | None,
) -> Iterable[snap.TariffLink]:
    source_ids = {source.code: source.source_id for source in sources}
    account_issuer = dict(Account.objects.values_list("id", "issuer_id"))
    issuer_of_source = {source.code: source.issuer_id for source in sources}
    for row in believed(models.TariffLink, known_at).order_by("id"):
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
            rank=rank + row.position,
            valid_from_at=day_start_at(row.valid_from_date, zone),
            valid_to_at=day_start_at(row.valid_to_date, zone),
            adjustment=core.Adjustment(row.percentage, row.amount_per_min),
            trunk=row.trunk,
        )


def _held_on(rows: Iterable[models.Subscription]) -> list[models.Subscription]:
    """Terms that follow one another under the same plan as one: a new price neither ends an allowance nor begins it."""
    held: list[models.Subscription] = []
    for row in rows:
        last = held[-1] if held else None
        if (
            last is not None
            and last.valid_to_date == row.valid_from_date
            and (last.reference, last.account_id, last.plan_id, last.quantity, last.suspended)
            == (row.reference, row.account_id, row.plan_id, row.quantity, row.suspended)
        ):
            last.valid_to_date = row.valid_to_date
        else:
            held.append(row)
    return held


class _Subscribed:
    """What subscribed plans bring: their tariff and promotions at the node, their allowances to line or account.

    An allowance of lines subscribed by an account goes to each line assigned to that account; a pool subscribed by an
    account counts as often as the quantity says.
    """

    def __init__(
        self,
        zones_by_issuer: Mapping[int, str],
        assignments: tuple[snap.LineAssignment, ...],
        known_at: datetime | None,
    ) -> None:
        self.grants: list[snap.AllowanceGrant] = []
        self.links: list[snap.TariffLink] = []
        self.promotions: list[snap.PromotionGrant] = []
        self._lines_of: dict[int, list[int]] = defaultdict(list)
        for assignment in assignments:
            if assignment.line_id not in self._lines_of[assignment.account_id]:
                self._lines_of[assignment.account_id].append(assignment.line_id)
        rows = (
            believed(models.Subscription, known_at)
            .filter(plan__isnull=False)
            .select_related("plan", "account")
            .prefetch_related("plan__allowances", "plan__promotions")
            .order_by("reference", "valid_from_date", "id")
        )
        for row in sorted(_held_on(rows), key=lambda row: row.pk):
            self._add(row, zones_by_issuer[row.account.issuer_id])

    def _add(self, row: models.Subscription, zone: str) -> None:
        assert row.plan is not None
        validity = (day_start_at(row.valid_from_date, zone), day_start_at(row.valid_to_date, zone))
        node = (snap.OwnerKind.LINE, row.line_id) if row.line_id else (snap.OwnerKind.ACCOUNT, row.account_id)
        if row.plan.tariff_id:
            self.links.append(snap.TariffLink(*node, row.plan.tariff_id, PLAN_RANK, *validity))
        if row.suspended:
            return  # its calls, if any, are priced; nothing is included meanwhile
        for promotion in row.plan.promotions.all():
            self.promotions.append(snap.PromotionGrant(*node, promotion.pk, *validity))
        for allowance in row.plan.allowances.all():
            owners = self._owners(row, core.AllowanceOwner(allowance.owner))
            self.grants += [snap.AllowanceGrant(kind, owner, allowance.pk, *validity) for kind, owner in owners]

    def _owners(self, row: models.Subscription, owner: core.AllowanceOwner) -> list[tuple[snap.OwnerKind, int]]:
        if owner is core.AllowanceOwner.ACCOUNT:
            return [(snap.OwnerKind.ACCOUNT, row.account_id)]
        if row.line_id:
            return [(snap.OwnerKind.LINE, row.line_id)]
        if owner is core.AllowanceOwner.POOL:
            return [(snap.OwnerKind.ACCOUNT, row.account_id)] * max(0, int(row.quantity))
        return [(snap.OwnerKind.LINE, line_id) for line_id in self._lines_of[row.account_id]]
