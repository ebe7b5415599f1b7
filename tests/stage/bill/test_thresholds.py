"""Usage billed before its period is over. Calls to mobiles: 0.12 a started minute, an hour is 7.20."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from ardoise import flow
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Account
from stage.company import LANDLINE, MOBILE, OWN_COSTS, SURTAXED, Company, frozen_charges, issued, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"


def customer(company: Company, **fields: object) -> None:
    company.customer("C1", **fields)
    company.line(PHONE, "C1")


def called(company: Company, day: str, hours: int, *, phone: str = PHONE) -> None:
    company.call(f"{day} 12:00:00", phone, MOBILE, hours * 3600)
    company.collect()
    company.rate(day[:7])


def close(company: Company, closes: str, *, on: str = "") -> list[str]:
    day = date.fromisoformat(on or closes)
    company.now = max(company.now, datetime(day.year, day.month, day.day, 8, tzinfo=UTC))
    company.preview(closes_date=date.fromisoformat(closes), on=day)
    (done,) = company.issue(closes_date=date.fromisoformat(closes), on=day)
    assert (done.moved, done.faulty) == ([], {})
    return done.numbers


def nets() -> list[tuple[str, str, int]]:
    rows = Document.objects.select_related("account").order_by("id")
    return [(row.account.code, f"{row.bound_date}", row.net_minor) for row in rows]


def test_usage_below_the_threshold_waits_for_the_end_of_its_period(company: Company) -> None:
    customer(company, threshold="14.41")
    company.load()
    called(company, "2026-10-05", 2)
    assert close(company, "2026-10-15") == []
    assert close(company, "2026-11-01") == ["FA2026-00001"]
    assert issued("FA2026-00001").notes == ()


def test_the_very_amount_is_enough_and_what_is_sold_keeps_its_dates(company: Company) -> None:
    customer(company, threshold="14.40")
    company.product("abo", "10.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.load()
    called(company, "2026-10-05", 2)
    called(company, "2026-10-20", 1)
    close(company, "2026-10-15")
    close(company, "2026-11-01")
    assert nets() == [("C1", "2026-10-15", 1440), ("C1", "2026-11-01", 1000 + 720)]


def test_several_thresholds_crossed_at_once_make_one_invoice(company: Company) -> None:
    customer(company, threshold="5 10 20 every 50")
    company.load()
    called(company, "2026-10-05", 4)  # 28.80: 20 is reached
    assert len(close(company, "2026-10-06")) == 1
    called(company, "2026-10-07", 5)  # 64.80: the next ones are 70 and 120
    assert close(company, "2026-10-08") == []
    called(company, "2026-10-09", 8)  # 122.40
    assert len(close(company, "2026-10-10")) == 1
    assert [net for *_, net in nets()] == [2880, 3600 + 5760]
    assert "ont atteint 120,00\u00a0€ HT" in issued("FA2026-00002").notes[0]


def test_each_payer_of_a_tree_has_the_threshold_for_its_own_usage(company: Company) -> None:
    customer(company, threshold="10")
    company.branch("B1", "Agence", parent="C1")
    company.row("accounts", code="B1").update(own_invoice="yes", postal_code="69001", city="Lyon", address="1 quai")
    company.line(OTHER, "B1")
    company.load()
    called(company, "2026-10-05", 1)
    called(company, "2026-10-05", 2, phone=OTHER)
    close(company, "2026-10-15")
    assert nets() == [("B1", "2026-10-15", 1440)]


@pytest.mark.parametrize(("threshold", "expected"), [("12.00", 1), ("12.01", 0)])
def test_the_threshold_is_in_the_basis_of_the_documents(company: Company, threshold: str, expected: int) -> None:
    """Two hours are 14.40 with tax by this tariff: 12.00 without, on documents without tax."""
    company.files["tariffs/public.toml"] = tariff("public", tax_basis="ttc")
    customer(company, threshold=threshold)
    company.load()
    called(company, "2026-10-05", 2)
    assert len(close(company, "2026-10-15")) == expected


def test_a_discount_of_the_calls_stands_on_each_invoice(company: Company) -> None:
    customer(company, threshold="every 10")
    company.add("discounts", {"code": "appels", "name": "Remise", "percentage": "10", "section": "outside"})
    company.add("discounts", {"code": "bon", "name": "Geste", "amount": "2.00", "section": "outside", "priority": "1"})
    for code in ("appels", "bon"):
        company.add(
            "discount_grants",
            {"owner_kind": "account", "owner": "C1", "discount": code, "valid_from_date": "2026-10-01"},
        )
    company.load()
    called(company, "2026-10-05", 2)
    called(company, "2026-10-20", 1)
    close(company, "2026-10-15")
    close(company, "2026-11-01")
    # 14.40 - 2.00 - 10 % of 12.40; then 7.20 - 10 %: the amount is given once a period.
    assert [net for *_, net in nets()] == [1440 - 200 - 124, 720 - 72]


def test_calls_that_come_after_the_early_invoice_stand_on_the_next_one(company: Company) -> None:
    customer(company, threshold="every 10")
    company.load()
    called(company, "2026-10-05", 2)
    close(company, "2026-10-15")
    called(company, "2026-10-06", 1)
    called(company, "2026-10-16", 1)
    close(company, "2026-10-20")
    (late, own) = issued("FA2026-00002").lines
    assert (late.net_minor, own.net_minor) in ((720, 720),)
    assert sorted("arrivées après la facture" in line.detail for line in (late, own)) == [False, True]
    assert close(company, "2026-10-20") == []


def test_an_early_invoice_is_made_anew_up_to_the_same_day(company: Company) -> None:
    customer(company, threshold="10")
    company.load()
    called(company, "2026-10-05", 2)
    close(company, "2026-10-15")
    called(company, "2026-10-16", 1)
    company.files["tariffs/public-2026-01-01.csv"] = company.files["tariffs/public-2026-01-01.csv"].replace(
        "0.12", "0.06"
    )
    company.load(correct=True)
    invoice = Document.objects.get()
    flow.reissue(invoice=invoice, issue_date=date(2026, 11, 5), now=company.now, reason="Tarif")
    anew = Document.objects.get(replaces=invoice)
    # Two hours at half the price: 7.20, below the threshold, and still up to the same day.
    assert (anew.net_minor, anew.bound_date) == (720, date(2026, 10, 15))
    close(company, "2026-11-01", on="2026-11-05")
    last = Document.objects.latest("id")
    assert (last.net_minor, anew.number in issued(last.number).notes[0]) == (360, True)
    assert invoice.number not in issued(last.number).notes[0]


def test_an_account_that_is_held_is_not_billed_early(company: Company) -> None:
    customer(company, threshold="10")
    company.load()
    called(company, "2026-10-05", 2)
    account = Account.objects.get(code="C1")
    flow.billing.hold(account=account, month="2026-10", reason="Litige", held_by="test", now=company.now)
    assert close(company, "2026-10-15") == []


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_billed_early_and_the_rest_come_to_one_invoice(company: Company, seed: int) -> None:
    """The same random calls for a customer with thresholds and one without, runs on random days: the same in the end.

    Exact in micros; net by VAT rate within half a cent a line. On 1 September the rate goes from 20 to 10 %.
    """
    chance = random.Random(seed)
    company.files["vat_rates.csv"] = (
        "regime,nature,rate,valid_from_date,valid_to_date\n"
        "standard,,20,2014-01-01,2026-09-01\nstandard,,10,2026-09-01,\n"
    )
    customer(company, threshold="2 7.5 every 3", cycle="P3M")
    company.customer("C2", cycle="P3M")
    company.line(OTHER, "C2")
    for code in ("C1", "C2"):
        company.subscribe(f"S-{code}", code, product="abo", valid_from_date="2026-07-14")
    company.product("abo", "9.99", in_advance="no")
    company.load()
    days = sorted(chance.sample(range(92), 20))
    for number in days:
        day = date(2026, 7, 1) + timedelta(days=number)
        at, seconds = f"{day} {chance.randrange(8, 20):02d}:00:00", chance.randrange(1, 2000)
        called_number = chance.choice([MOBILE, LANDLINE, SURTAXED])
        for phone in (PHONE, OTHER):
            company.call(at, phone, called_number, seconds)
    company.collect()
    for month in ("2026-07", "2026-08", "2026-09", "2026-10"):
        company.rate(month)
    for number in sorted(chance.sample(range(2, 90), 12)):
        close(company, f"{date(2026, 7, 1) + timedelta(days=number)}")
    close(company, "2026-10-01")
    by_rate: dict[str, dict[Decimal, int]] = {"C1": defaultdict(int), "C2": defaultdict(int)}
    lines = 0
    for row in Document.objects.select_related("account"):
        document = canonical.from_json(row.content)
        lines += len(document.lines)
        for vat in document.vat:
            by_rate[row.account.code][vat.rate] += vat.basis_minor
    assert Document.objects.filter(account__code="C1").count() > 2
    assert Document.objects.filter(account__code="C2").count() == 1
    assert by_rate["C1"].keys() == by_rate["C2"].keys()
    for rate, basis_minor in by_rate["C2"].items():
        assert abs(by_rate["C1"][rate] - basis_minor) * 2 <= lines
    billed = frozen_charges().collect().group_by(CHARGES.root_id).agg(pl.col(CHARGES.amount_micros).sum())
    assert billed[CHARGES.amount_micros].n_unique() == 1


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("beaucoup", "is no threshold; write amounts such as 50, 200 500 or every 50, with two decimals at most"),
        ("10.005", "is no threshold"),
        ("0", "thresholds are amounts above 0; write for example 50, 200 500 or every 50"),
        ("500 200", "thresholds rise, each above the one before, not « 500 200 »"),
    ],
)
def test_a_threshold_that_means_nothing_is_refused_at_loading(company: Company, threshold: str, message: str) -> None:
    company.customer("C1", threshold=threshold)
    with pytest.raises(Exception, match=message):
        company.load()


def test_a_branch_and_a_statement_have_no_threshold(company: Company) -> None:
    company.customer("C1")
    company.branch("B1", "Agence", parent="C1")
    company.row("accounts", code="B1").update(threshold="50")
    with pytest.raises(Exception, match="threshold: belongs to the customer at the top of the tree"):
        company.load()
    company.row("accounts", code="B1").update(threshold="")
    company.files["issuers.toml"] += OWN_COSTS
    company.customer("ATELIER", issuer="usine", threshold="50")
    with pytest.raises(Exception, match="threshold: statements are made by calendar month; leave it empty here"):
        company.load()
