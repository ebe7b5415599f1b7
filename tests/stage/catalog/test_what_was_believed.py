"""Bitemporal prices: what did we believe on day X the price of day Y was?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.bill.calls import Viewer
from ardoise.bill.explanations import explain_call
from ardoise.catalog.models import TariffVersion
from ardoise.catalog.queries import take_snapshot
from ardoise.collect.handover import snapshot_sources
from ardoise.rate.queries import Asked, quote
from stage.company import MOBILE, MONTH, RATES, Company, charges, tariff, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"
CALL_AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
CORRECTED_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
BETWEEN_AT = datetime(2026, 11, 15, tzinfo=UTC)
BEFORE_AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def company(home: Path) -> Company:
    """C1 calls mobiles at 0.12 a minute, recorded at NOW (5 November)."""
    company = voxa(home)
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    return company


def correct(company: Company, price: str) -> None:
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", f"+336,,mobile,,{price}")
    company.now = CORRECTED_AT
    company.load()


def minute(known_at: datetime | None = None) -> int | None:
    """Micros of a minute to a mobile on 5 October, for C1, as believed then."""
    asked = Asked(MOBILE, CALL_AT, 60, account="C1")
    return quote(asked, sources=snapshot_sources(), known_at=known_at).amount_micros


def test_a_price_is_what_was_believed_at_the_instant_asked_for(company: Company) -> None:
    correct(company, "0.10")
    assert [minute(BETWEEN_AT), minute(CORRECTED_AT), minute()] == [120_000, 100_000, 100_000]
    assert minute(BEFORE_AT) is None  # nothing was recorded yet: no tariff, and no zero


def test_a_tariff_given_to_a_customer_later_was_not_believed_before(company: Company) -> None:
    company.files["tariffs/cher.toml"] = tariff("cher")
    company.files["tariffs/cher-2026-01-01.csv"] = "prefix,zone,price_per_min\n+336,mobile,0.50\n"
    company.files["tariff_links.csv"] += "account,C1,cher\n"
    company.now = CORRECTED_AT
    company.load()
    assert [minute(BETWEEN_AT), minute()] == [120_000, 500_000]


def test_a_line_moved_with_a_past_date_was_elsewhere_before(company: Company) -> None:
    company.customer("C2")
    company.row("assignments", account="C1")["valid_to_date"] = "2026-10-01"
    company.add("assignments", {"line": f"L{PHONE}", "account": "C2", "valid_from_date": "2026-10-01"})
    company.now = CORRECTED_AT
    company.load()
    held = {
        known_at: {one.account_id for one in take_snapshot(sources=snapshot_sources(), known_at=known_at).assignments}
        for known_at in (BETWEEN_AT, None)
    }
    assert (len(held[BETWEEN_AT]), len(held[None])) == (1, 2)


def test_a_version_that_was_taken_back_is_believed_until_then(company: Company) -> None:
    company.files["tariffs/public.toml"] += '\n[[version]]\nvalid_from_date = 2026-10-01\nrates = "octobre.csv"\n'
    company.files["tariffs/octobre.csv"] = "prefix,zone,price_per_min\n+336,mobile,0.30\n"
    company.load()
    company.files["tariffs/public.toml"] = company.files["tariffs/public.toml"].replace(
        "2026-10-01\n", "2026-10-01\nvalid_to_date = 2026-10-01\n"
    )
    company.now = CORRECTED_AT
    company.load()
    assert [minute(BETWEEN_AT), minute()] == [300_000, 120_000]  # the version of January holds again


def test_the_same_world_is_the_same_snapshot_whenever_it_was_known(company: Company) -> None:
    correct(company, "0.10")
    now = take_snapshot(sources=snapshot_sources())
    assert take_snapshot(sources=snapshot_sources(), known_at=CORRECTED_AT) == now
    assert take_snapshot(sources=snapshot_sources(), known_at=BETWEEN_AT) != now


def test_a_superseded_version_is_there_to_explain_and_prices_nothing(company: Company) -> None:
    (first,) = TariffVersion.objects.values_list("pk", flat=True)
    correct(company, "0.10")
    (public,) = take_snapshot(sources=snapshot_sources(), with_versions=[first]).tariffs
    before, now = public.versions
    assert (before.version_id, before.valid_to_at) == (first, before.valid_from_at)
    assert (now.version_id > first, now.valid_to_at) == (True, None)


def test_a_call_that_was_not_rated_again_is_explained_by_the_version_that_priced_it(company: Company) -> None:
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 60)
    company.rate()
    correct(company, "0.10")
    (call,) = charges()["origin_id"]
    viewer = Viewer(scope=EVERYTHING)
    (explained,) = explain_call(viewer, month=MONTH, usage_id=call, language="fr")
    assert (explained.moved, explained.amount_micros) == (False, 120_000)
    assert any("0,12" in sentence for sentence in explained.sentences)
