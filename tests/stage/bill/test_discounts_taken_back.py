"""Nobody is given back more than was paid: a credit takes back the discount given on what it credits."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document
from ardoise.catalog.subscriptions import cancel_subscription, reopen_subscription
from ardoise.core.credit_notes import CreditRefused
from stage.company import MOBILE, Company, document_of, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)

SEPTEMBER, OCTOBER, NOVEMBER = "2026-09", "2026-10", "2026-11"
DAYS = {SEPTEMBER: date(2026, 10, 2), OCTOBER: date(2026, 11, 2), NOVEMBER: date(2026, 12, 2)}
PHONE = "0472000001"


@pytest.fixture
def company(company: Company) -> Company:
    """C1: 12.00 a month in advance with a voucher of 5.00, and 100.00 a month in arrears, which has no part in it."""
    company.customer("C1")
    company.product("abo", "12.00")
    company.product("base", "100.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.subscribe("S2", "C1", product="base", valid_from_date="2026-09-01")
    company.add("discounts", {"code": "bon", "name": "Bon", "amount": "5.00", "limit": "5.00", "products": "abo"})
    company.add(
        "discount_grants",
        {"owner_kind": "account", "owner": "C1", "discount": "bon", "valid_from_date": "2026-10-01"},
    )
    company.now = datetime(2026, 10, 1, 8, tzinfo=UTC)
    company.load()
    return company


def bill(company: Company, month: str) -> list[tuple[str, int]]:
    """Issue a month, twice: the second time adds nothing. What C1's document says, but for what it always says."""
    day = DAYS[month]
    company.now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    for _ in range(2):
        company.preview(month, on=day)
        company.issue(month, on=day)
    found = document_of("C1", month=month)
    assert numbers().count(found.number) == 1
    return [(line.label, line.net_minor) for line in found.lines if line.label != "Produit base"]


def cancel(company: Company, on: date) -> None:
    cancel_subscription(scope=EVERYTHING, reference="S1", on=on, recorded_at=company.now)


PAID = [("Produit abo", 1200), ("Bon – Produit abo", -500)]


def test_a_month_cancelled_whole_gives_back_what_was_paid(company: Company) -> None:
    assert bill(company, SEPTEMBER) == PAID
    cancel(company, date(2026, 10, 1))
    assert bill(company, OCTOBER) == [("Produit abo", -1200), ("Bon – Produit abo", 500)]  # 7.00 back
    assert bill(company, NOVEMBER) == []


def test_a_month_cancelled_in_its_middle_gives_back_the_share_of_what_was_paid(company: Company) -> None:
    assert bill(company, SEPTEMBER) == PAID
    cancel(company, date(2026, 10, 16))
    # 16 of 31 days: 12.00 -> 6.19, 5.00 -> 2.58
    assert bill(company, OCTOBER) == [("Produit abo", -619), ("Bon – Produit abo", 258)]
    # Then the rest of it: the two credits come to the whole.
    cancel(company, date(2026, 10, 1))
    assert bill(company, NOVEMBER) == [("Produit abo", -581), ("Bon – Produit abo", 242)]
    assert frozen_twice() == {}


def test_what_was_taken_back_is_given_again_when_the_subscription_is_reopened(company: Company) -> None:
    bill(company, SEPTEMBER)
    cancel(company, date(2026, 10, 16))
    bill(company, OCTOBER)
    reopen_subscription(scope=EVERYTHING, reference="S1", recorded_at=company.now)
    assert sorted(bill(company, NOVEMBER)) == [
        ("Bon – Produit abo", -258),
        ("Produit abo", 619),
        ("Produit abo", 1200),
        ("Produit abo", 1200),
    ]


def test_a_discount_that_is_over_is_taken_back_all_the_same(company: Company) -> None:
    bill(company, SEPTEMBER)
    company.row("discount_grants", discount="bon")["valid_to_date"] = "2026-10-01"  # taken back whole
    company.load()
    cancel(company, date(2026, 10, 1))
    assert bill(company, OCTOBER) == [("Produit abo", -1200), ("Bon – Produit abo", 500)]


def test_a_credit_of_what_had_no_discount_takes_none_back(company: Company) -> None:
    """A percentage that is of the product only since it was billed has no part in the credit of it."""
    company.row("discounts", code="bon").update(amount="", limit="", percentage="50", products="base")
    company.load()
    assert bill(company, SEPTEMBER) == [("Produit abo", 1200)]
    company.row("discounts", code="bon")["products"] = "abo"
    company.load()
    cancel(company, date(2026, 10, 16))
    assert bill(company, OCTOBER) == [("Produit abo", -619)]


def test_a_setup_fee_that_comes_back_takes_its_discount_back(company: Company) -> None:
    company.row("products", code="abo")["setup_fee"] = "20.00"
    company.row("discounts", code="bon").update(amount="", limit="", percentage="50")
    company.load()
    assert sum(net for _, net in bill(company, SEPTEMBER)) == 1600  # (12.00 + 20.00) / 2
    cancel(company, date(2026, 10, 1))
    assert sum(net for _, net in bill(company, OCTOBER)) == -1600


# --- by a credit note -------------------------------------------------------------------------------------------------


def invoice(company: Company, month: str = SEPTEMBER) -> Document:
    bill(company, month)
    return Document.objects.get(account__code="C1", month=month)


def numbered(row: Document) -> dict[str, int]:
    return {line.label: line.line_no for line in issued(row.number).lines}


def credit(company: Company, row: Document, lines: dict[int, int], *, cancels: bool = False) -> Document:
    return flow.credit(
        invoice=row,
        issue_date=company.now.date(),
        now=company.now,
        reason="Geste",
        portions=lambda *_: lines,
        cancels=cancels,
    )


def test_crediting_the_line_gives_back_what_was_paid_for_it(company: Company) -> None:
    row = invoice(company)
    assert credit(company, row, {numbered(row)["Produit abo"]: 1200}).net_minor == 700


def test_crediting_a_line_in_parts_comes_to_what_was_paid_for_it(company: Company) -> None:
    row = invoice(company)
    line = numbered(row)["Produit abo"]
    # 4 of 12: 5.00 -> 1.67, 1.66, 1.67
    assert [credit(company, row, {line: 400}).net_minor for _ in range(3)] == [233, 234, 233]


def test_a_line_cancelled_opens_its_discount_too_and_both_are_billed_again(company: Company) -> None:
    row = invoice(company)
    assert credit(company, row, {numbered(row)["Produit abo"]: 1200}, cancels=True).net_minor == 700
    assert sorted(bill(company, OCTOBER)) == [
        ("Bon – Produit abo", -500),
        ("Produit abo", 1200),
        ("Produit abo", 1200),
    ]


def test_an_invoice_made_anew_has_the_totals_of_the_first(company: Company) -> None:
    row = invoice(company)
    before = issued(row.number).totals
    done = flow.reissue(invoice=row, issue_date=company.now.date(), now=company.now, reason="Adresse")
    assert [note.net_minor for note in done.credit_notes] == [row.net_minor]
    assert done.invoice is not None and issued(done.invoice.number).totals == before
    # ... and so has the one that took a discount back.
    cancel(company, date(2026, 10, 16))
    second = invoice(company, OCTOBER)
    before = issued(second.number).totals
    done = flow.reissue(invoice=second, issue_date=company.now.date(), now=company.now, reason="Adresse")
    assert done.invoice is not None and issued(done.invoice.number).totals == before
    assert frozen_twice() == {}


def test_a_discount_of_the_calls_goes_with_the_zones_that_are_credited(company: Company) -> None:
    company.line(PHONE, "C1", since="2026-01-01")
    company.row("discounts", code="bon").update(products="", section="outside", amount="6.00", limit="")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)  # 12.00
    company.call("2026-10-05 14:00:00", PHONE, "0140000000", 9000)  # 3.00
    company.rate(OCTOBER)
    row = invoice(company, OCTOBER)
    lines = numbered(row)
    assert issued(row.number).lines[lines["Bon"] - 1].net_minor == -600
    with pytest.raises(CreditRefused, match=f"line {lines['Bon']} was taken off line {lines['Fixes']} too: cancel all"):
        credit(company, row, {lines["Mobiles"]: 1200}, cancels=True)
    assert credit(company, row, {lines["Mobiles"]: 1200}).net_minor == 720  # 12.00 - 6.00 x 12/15
    assert credit(company, row, {lines["Fixes"]: 300}).net_minor == 180
