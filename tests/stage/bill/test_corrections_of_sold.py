"""Corrections of what a run adds: vouchers and minimum commitments come back as they were, or as they are now."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document
from ardoise.bill.proposals import proposals
from stage.company import MOBILE, MONTH, RATES, Company, document_of, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"
NOVEMBER, IN_DECEMBER = "2026-11", date(2026, 12, 2)


@pytest.fixture
def company(company: Company) -> Company:
    """C1: 30.00 a month in arrears, and in October 100 started minutes to a mobile, 12.00."""
    company.customer("C1")
    company.line(PHONE, "C1", since="2026-01-01")
    company.product("abo", "30.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    return company


def commit(company: Company) -> None:
    company.add(
        "commitments",
        {"code": "K1", "name": "Minimum", "account": "C1", "amount": "100.00", "valid_from_date": "2026-10-01"},
    )


def voucher(company: Company) -> None:
    company.add("discounts", {"code": "bon", "name": "Bon", "amount": "50.00", "limit": "50.00"})
    given = {"owner_kind": "account", "owner": "C1", "discount": "bon", "valid_from_date": "2026-10-01"}
    company.add("discount_grants", given)


def nets(number: str) -> list[tuple[str, int]]:
    return [(line.label, line.net_minor) for line in issued(number).lines]


def reissue(company: Company, number: str) -> Document:
    invoice = Document.objects.get(number=number)
    done = flow.reissue(invoice=invoice, issue_date=company.now.date(), now=company.now, reason="Adresse")
    assert done.invoice is not None
    return done.invoice


def test_a_voucher_cancelled_with_its_invoice_is_there_to_be_used_again(company: Company) -> None:
    voucher(company)
    company.load()
    company.bill()
    before = nets("FA2026-00001")
    assert ("Bon – Produit abo", -3000) in before
    anew = reissue(company, "FA2026-00001")
    assert nets(anew.number) == before
    company.bill(NOVEMBER, on=IN_DECEMBER)
    lines = {line.label: line.net_minor for line in document_of("C1", month=NOVEMBER).lines}
    used = -sum(net for label, net in before if label.startswith("Bon"))
    assert sum(net for label, net in lines.items() if label.startswith("Bon")) == -(5000 - used)
    assert frozen_twice() == {}


def test_an_older_invoice_is_made_anew_after_the_next_month_was_billed(company: Company) -> None:
    voucher(company)
    company.load()
    company.bill()
    company.bill(NOVEMBER, on=IN_DECEMBER)
    before = nets("FA2026-00001")
    anew = reissue(company, "FA2026-00001")
    assert nets(anew.number) == before
    known = numbers()
    for month in (MONTH, NOVEMBER):
        company.bill(month, on=IN_DECEMBER)
    assert numbers() == known
    assert frozen_twice() == {}


def test_calls_that_cost_less_raise_the_true_up_of_a_minimum(company: Company) -> None:
    commit(company)
    company.load()
    company.bill()
    assert issued("FA2026-00001").totals.net_minor == 10_000
    rates = RATES.replace("mobile,,0.12", "mobile,,0.10")
    company.files["tariffs/public-2026-01-01.csv"] = rates
    company.load(correct=True)
    company.rate()
    done = flow.correct(month=MONTH, issue_date=company.now.date(), now=company.now)
    assert done.faulty == {}
    # calls 12.00 -> 10.00, true-up 58.00 -> 60.00
    assert sorted((row.kind, row.net_minor) for row in done.issued["C1"]) == [("credit_note", 200), ("invoice", 200)]
    assert proposals(EVERYTHING, month=MONTH) == []
    company.bill(NOVEMBER, on=IN_DECEMBER)
    assert document_of("C1", month=NOVEMBER).totals.net_minor == 10_000
    known = numbers()
    assert flow.correct(month=MONTH, issue_date=company.now.date(), now=company.now).issued == {}
    company.bill(on=IN_DECEMBER)
    assert numbers() == known
    assert frozen_twice() == {}


def test_a_correction_leaves_a_voucher_what_it_gave_and_a_second_one_finds_nothing(company: Company) -> None:
    company.add("discounts", {"code": "bon", "name": "Bon", "amount": "21.00", "limit": "30.00"})
    given = {"owner_kind": "account", "owner": "C1", "discount": "bon", "valid_from_date": "2026-10-01"}
    company.add("discount_grants", given)
    company.load()
    company.bill()
    assert issued("FA2026-00001").totals.net_minor == 2100  # 30.00 + 12.00 - 21.00
    rates = RATES.replace("mobile,,0.12", "mobile,,0.10")
    company.files["tariffs/public-2026-01-01.csv"] = rates
    company.load(correct=True)
    company.rate()
    done = flow.correct(month=MONTH, issue_date=company.now.date(), now=company.now)
    assert done.faulty == {}
    assert done.left == {}
    # calls 12.00 -> 10.00, the voucher 15.00 and 6.00 off -> 15.75 and 5.25 off: 30.00 + 10.00 - 21.00
    assert [(row.kind, row.net_minor) for row in done.issued["C1"]] == [("credit_note", 200)]
    assert proposals(EVERYTHING, month=MONTH) == []
    known = numbers()
    company.rate()
    company.bill()
    assert proposals(EVERYTHING, month=MONTH) == []
    assert flow.correct(month=MONTH, issue_date=company.now.date(), now=company.now).issued == {}
    assert numbers() == known
    assert frozen_twice() == {}


def test_prices_that_go_down_up_and_down_again_leave_the_voucher_whole(company: Company) -> None:
    company.add("discounts", {"code": "bon", "name": "Bon", "amount": "21.00", "limit": "30.00"})
    given = {"owner_kind": "account", "owner": "C1", "discount": "bon", "valid_from_date": "2026-10-01"}
    company.add("discount_grants", given)
    company.load()
    company.bill()
    # 30.00 a month, 100 minutes at the price, 21.00 off
    for price, net in (("0.10", 1900), ("0.14", 2300), ("0.08", 1700)):
        company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", f"mobile,,{price}")
        company.load(correct=True)
        company.rate()
        company.preview()
        done = flow.correct(month=MONTH, issue_date=company.now.date(), now=company.now)
        assert (done.faulty, done.left) == ({}, {})
        rows = Document.objects.values_list("kind", "net_minor")
        assert sum(-minor if kind == "credit_note" else minor for kind, minor in rows) == net
        assert proposals(EVERYTHING, month=MONTH) == []
    assert frozen_twice() == {}
