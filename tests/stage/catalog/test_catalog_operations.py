"""The catalogue on a real database: lists given whole, versions in use, dated links."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from ardoise.bill.models import PastTotal
from ardoise.bill.past_totals import record_past_total
from ardoise.catalog import operations
from ardoise.catalog.models import Allowance, CalendarRule, Plan, Rate, Subscription, TariffLink, TariffVersion
from ardoise.collect.models import Source
from ardoise.collect.registration import register_source
from ardoise.directory import operations as directory
from ardoise.directory.bulk import UnknownCode
from ardoise.directory.models import SINCE_EVER

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


def test_a_version_is_given_its_whole_list_of_rates() -> None:
    for rates in ([rate("+336", "0.10"), rate("+337", "0.10")], [rate("+336", "0.1250")]):
        operations.replace_rates(tariff="public", valid_from_date=NEW_YEAR, rows=rates, issued_version_ids=frozenset())
    assert [(row.prefix, str(row.price_per_min), row.zone.code) for row in Rate.objects.all()] == [
        ("+336", "0.1250", "mobile")
    ]


def test_a_version_that_priced_an_issued_document_is_refused() -> None:
    used = frozenset({TariffVersion.objects.get().pk})
    with pytest.raises(operations.VersionInUse, match="add a version with a later first day"):
        operations.replace_rates(
            tariff="public", valid_from_date=NEW_YEAR, rows=[rate("+336", "0.10")], issued_version_ids=used
        )


def test_an_unknown_version_or_zone_is_named() -> None:
    with pytest.raises(UnknownCode, match="tariff public has no version from 2025-01-01"):
        operations.replace_rates(
            tariff="public", valid_from_date=date(2025, 1, 1), rows=[], issued_version_ids=frozenset()
        )
    with pytest.raises(UnknownCode, match="zone lune: does not exist"):
        operations.replace_rates(
            tariff="public",
            valid_from_date=NEW_YEAR,
            rows=[rate("+336", "0.10", "lune")],
            issued_version_ids=frozenset(),
        )


def test_a_calendar_is_given_its_rules_in_their_order() -> None:
    operations.put_calendars(rows=[{"code": "cal", "zone": "Europe/Paris", "holidays": "FR"}])
    night = {"band": "nuit", "days": "12345678", "start": time(0), "end": time(0)}
    day = {"band": "jour", "days": "12345", "start": time(8), "end": time(19)}
    operations.replace_calendar_rules(calendar="cal", rows=[night])
    operations.replace_calendar_rules(calendar="cal", rows=[day, night])
    assert list(CalendarRule.objects.values_list("position", "band")) == [(0, "jour"), (1, "nuit")]


def test_a_plan_and_an_allowance_keep_exactly_their_lists() -> None:
    row = {"code": "mob", "name": "Mob", "seconds": 7200, "zones": ("mobile", "fixe")}
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
        record_past_total(account="C1", month="2026-09", usage=usage, subscription=990, total=usage + 990)
    assert PastTotal.objects.get().total_minor == 2050  # 1060 + 990
