"""The catalogue on a real database: lists given whole, versions in use, dated links."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from ardoise.bill.models import PastTotal
from ardoise.bill.past_totals import record_past_totals
from ardoise.catalog import operations
from ardoise.catalog.models import (
    Allowance,
    AllowanceCarried,
    CalendarRule,
    Plan,
    Subscription,
    Tariff,
    TariffLink,
    TariffVersion,
)
from ardoise.collect.models import Source
from ardoise.collect.registration import register_source
from ardoise.core.snapshot import Carried, OwnerKind
from ardoise.directory import operations as directory
from ardoise.directory.bulk import UnknownCode
from ardoise.directory.models import SINCE_EVER, Account

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 10, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2026, 10, 6, 8, tzinfo=UTC)
NEW_YEAR = date(2026, 1, 1)


@pytest.fixture(autouse=True)
def catalogue() -> None:
    directory.put_issuers(rows=[{"code": "voxa", "name": "Voxa", "company": "Voxa"}])
    directory.put_accounts(rows=[{"code": "C1", "name": "C1", "issuer": "voxa", "parent": ""}])
    operations.put_zones(rows=[{"code": code, "label_fr": code, "label_en": code} for code in ("mobile", "fixe")])
    operations.put_tariffs(rows=[{"code": code, "name": code, "calendar": ""} for code in ("public", "pro")])
    version = {"tariff": "public", "valid_from_date": NEW_YEAR, "valid_to_date": None}
    operations.put_tariff_versions(rows=[version], recorded_at=MONDAY)


def rate(prefix: str, price: str, zone: str = "mobile") -> dict[str, object]:
    return {"prefix": prefix, "zone": zone, "price_per_min": Decimal(price)}


def give_rates(rows: list[dict[str, object]], *, recorded_at: datetime, **options: Any) -> None:
    options = {"tariff": "public", "valid_from_date": NEW_YEAR, "issued_version_ids": frozenset()} | options
    operations.replace_rates(rows=rows, recorded_at=recorded_at, **options)


def prices(version: TariffVersion) -> list[tuple[str, str]]:
    return [(row.prefix, str(row.price_per_min)) for row in version.rates.order_by("prefix")]


def test_a_version_is_given_its_whole_list_of_rates() -> None:
    give_rates([rate("+336", "0.10"), rate("+337", "0.10")], recorded_at=MONDAY)
    give_rates([rate("+336", "0.1250")], recorded_at=MONDAY)
    assert prices(TariffVersion.objects.get()) == [("+336", "0.1250")]


def test_rates_recorded_later_leave_what_was_believed_before() -> None:
    give_rates([rate("+336", "0.10")], recorded_at=MONDAY)
    give_rates([rate("+336", "0.12")], recorded_at=TUESDAY)
    before, now = TariffVersion.objects.order_by("recorded_at")
    assert (prices(before), before.superseded_at) == ([("+336", "0.10")], TUESDAY)
    assert (prices(now), now.recorded_at, now.superseded_at) == ([("+336", "0.12")], TUESDAY, None)


def test_a_changed_end_takes_the_rates_along() -> None:
    give_rates([rate("+336", "0.10")], recorded_at=MONDAY)
    ended = {"tariff": "public", "valid_from_date": NEW_YEAR, "valid_to_date": date(2026, 12, 1)}
    operations.put_tariff_versions(rows=[ended], recorded_at=TUESDAY)
    before, now = TariffVersion.objects.order_by("recorded_at")
    assert (before.valid_to_date, prices(before)) == (None, [("+336", "0.10")])
    assert (now.valid_to_date, prices(now)) == (date(2026, 12, 1), [("+336", "0.10")])
    operations.put_tariff_versions(rows=[ended], recorded_at=TUESDAY)
    assert TariffVersion.objects.count() == 2


def test_a_version_that_priced_an_issued_document_is_corrected_only_when_asked() -> None:
    give_rates([rate("+336", "0.10")], recorded_at=MONDAY)
    used = frozenset({TariffVersion.objects.get().pk})
    with pytest.raises(operations.VersionInUse, match="add a version with a later first day, or record a correction"):
        give_rates([rate("+336", "0.12")], recorded_at=TUESDAY, issued_version_ids=used)
    give_rates([rate("+336", "0.12")], recorded_at=TUESDAY, issued_version_ids=used, correct=True)
    issued = TariffVersion.objects.get(pk__in=used)
    assert (prices(issued), issued.superseded_at) == ([("+336", "0.10")], TUESDAY)
    with pytest.raises(operations.VersionInUse):  # the same first day priced documents, whichever version did
        give_rates([rate("+336", "0.13")], recorded_at=TUESDAY, issued_version_ids=used)


def test_an_unknown_version_or_zone_is_named() -> None:
    with pytest.raises(UnknownCode, match="tariff public has no version from 2025-01-01"):
        give_rates([], recorded_at=MONDAY, valid_from_date=date(2025, 1, 1))
    with pytest.raises(UnknownCode, match="zone lune: does not exist"):
        give_rates([rate("+336", "0.10", "lune")], recorded_at=MONDAY)


def test_a_parent_may_stand_after_its_child_and_be_taken_off() -> None:
    child = {"code": "enfant", "name": "enfant", "calendar": "", "parent": "aieul"}
    operations.put_tariffs(rows=[child, {"code": "aieul", "name": "aieul", "calendar": "", "parent": ""}])
    assert Tariff.objects.get(code="enfant").parent.code == "aieul"
    operations.put_tariffs(rows=[{**child, "parent": ""}])
    assert Tariff.objects.get(code="enfant").parent is None


def test_what_is_carried_into_a_month_is_replaced_as_a_whole() -> None:
    operations.put_allowances(rows=[{"code": "mob", "name": "Mob", "quantity": 7200, "zones": ()}])
    allowance, root = Allowance.objects.get().pk, Account.objects.get().pk

    def left(earned: str, quantity: int) -> Carried:
        return Carried("2026-11", allowance, OwnerKind.ACCOUNT, root, root, earned, quantity)

    assert operations.record_carried(month="2026-11", rows=[left("2026-09", 60), left("2026-10", 600)])
    assert not operations.record_carried(month="2026-11", rows=[left("2026-10", 600), left("2026-09", 60)])
    assert operations.record_carried(month="2026-11", rows=[left("2026-10", 540), left("2026-09", 0)])
    assert [(row.earned, row.quantity) for row in AllowanceCarried.objects.all()] == [("2026-10", 540)]
    with pytest.raises(ValueError, match="carried into 2026-11 does not belong to the state of 2026-12"):
        operations.record_carried(month="2026-12", rows=[left("2026-10", 1)])


def test_a_calendar_is_given_its_rules_in_their_order() -> None:
    operations.put_calendars(rows=[{"code": "cal", "zone": "Europe/Paris", "holidays": "FR"}])
    night = {"band": "nuit", "days": "12345678", "start": time(0), "end": time(0)}
    day = {"band": "jour", "days": "12345", "start": time(8), "end": time(19)}
    operations.replace_calendar_rules(calendar="cal", rows=[night])
    operations.replace_calendar_rules(calendar="cal", rows=[day, night])
    assert list(CalendarRule.objects.values_list("position", "band")) == [(0, "jour"), (1, "nuit")]


def test_a_plan_and_an_allowance_keep_exactly_their_lists() -> None:
    row = {"code": "mob", "name": "Mob", "quantity": 7200, "zones": ("mobile", "fixe")}
    operations.put_allowances(rows=[row])
    operations.put_allowances(rows=[{**row, "zones": ("mobile",)}])
    assert [zone.code for zone in Allowance.objects.get().zones.all()] == ["mobile"]
    operations.put_plans(rows=[{"code": "p", "name": "P", "product": "", "tariff": "pro", "allowances": ("mob",)}])
    assert (Plan.objects.get().tariff.code, Plan.objects.get().allowances.get().code) == ("pro", "mob")


def test_one_tariff_at_a_node_at_a_time() -> None:
    link = {"owner_kind": "account", "owner": "C1", "valid_from_date": SINCE_EVER, "valid_to_date": None}
    operations.put_tariff_links(rows=[{**link, "tariff": "public"}], recorded_at=MONDAY)
    operations.put_tariff_links(rows=[{**link, "tariff": "pro"}], recorded_at=TUESDAY)
    links = TariffLink.objects.order_by("recorded_at")
    assert [(row.tariff.code, row.superseded_at) for row in links] == [("public", TUESDAY), ("pro", None)]


def test_a_subscription_is_known_by_its_reference() -> None:
    operations.put_products(rows=[{"code": "abo", "name": "Abo", "kind": "recurring", "unit_price": Decimal("9.90")}])
    row = {
        "reference": "S1",
        "account": "C1",
        "line": "",
        "product": "abo",
        "plan": "",
        "quantity": 1,
        "unit_price": None,
    }
    for recorded_at, last in ((MONDAY, None), (TUESDAY, date(2026, 11, 1)), (TUESDAY, date(2026, 11, 1))):
        row |= {"valid_from_date": NEW_YEAR, "valid_to_date": last}
        operations.put_subscriptions(rows=[row], recorded_at=recorded_at)
    assert [(one.valid_to_date, one.superseded_at) for one in Subscription.objects.order_by("id")] == [
        (None, TUESDAY),
        (date(2026, 11, 1), None),
    ]


def test_sources_and_past_months_are_overwritten_by_key() -> None:
    settings = {"code": "pbx", "issuer": "voxa", "format": "avaya_ipoffice", "transport": "tcp_server"}
    for name in ("PBX", "PBX de Lyon"):
        register_source(**settings, name=name)
    assert Source.objects.get().name == "PBX de Lyon"
    for usage in (1050, 1060):
        row = {"account": "C1", "month": "2026-09", "usage": usage, "subscription": 990, "total": usage + 990}
        record_past_totals(rows=[row])
    assert PastTotal.objects.get().total_minor == 2050  # 1060 + 990
