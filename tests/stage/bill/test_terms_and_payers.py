"""Who receives the invoice of a branch, and when it is to be paid."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document
from ardoise.bill.proposals import proposals
from stage.company import ISSUE_DATE, RATES, Company, document_of, drafts, issued

pytestmark = pytest.mark.django_db(transaction=True)


def with_two_branches(company: Company, **north: object) -> None:
    """A customer with a branch in the north, which has a workshop, and one in the south; one line each."""
    company.customer("C1", "Groupe Nivéole", payment_terms="30d eom", emails="siege@niveole.example")
    company.branch("C1-N", "Nivéole Nord", parent="C1")
    company.row("accounts", code="C1-N").update(
        {"address": "8 rue Basse", "postal_code": "59000", "city": "Lille"} | north
    )
    company.add("accounts", {"code": "C1-N-A", "name": "Atelier", "kind": "department", "parent": "C1-N"})
    company.branch("C1-S", "Nivéole Sud", parent="C1")
    for number, account in (("0472000001", "C1"), ("0472000002", "C1-N-A"), ("0472000003", "C1-S")):
        company.line(number, account)
        company.call("2026-10-05 10:00:00", number, "0612345678", 60)


def test_the_customer_pays_for_its_branches(company: Company):
    with_two_branches(company)
    company.load()
    company.bill()
    assert set(drafts()) == {"C1"}
    document = document_of("C1")
    assert [line.group for line in document.lines] == ["", "Atelier", "Nivéole Sud"]
    assert document.totals.net_minor == 36  # 3 minutes at 0.12


def test_a_branch_with_an_invoice_of_its_own_pays_for_what_is_below_it(company: Company):
    with_two_branches(company, own_invoice="yes")
    company.load()
    company.bill()
    assert set(drafts()) == {"C1", "C1-N"}
    group, north = document_of("C1"), document_of("C1-N")
    assert (group.totals.net_minor, north.totals.net_minor) == (24, 12)  # 2 minutes, and 1, at 0.12
    assert [line.group for line in group.lines] == ["", "Nivéole Sud"]
    assert [line.group for line in north.lines] == ["Atelier"]


def test_a_branch_says_with_its_customer_what_it_does_not_say_itself(company: Company):
    with_two_branches(company, own_invoice="yes")
    company.load()
    company.bill()
    north = document_of("C1-N")
    assert (north.buyer.name, north.buyer.city) == ("Nivéole Nord", "Lille")
    assert (north.buyer.siren, north.buyer.email) == ("732829320", "siege@niveole.example")
    assert north.due_date == date(2026, 12, 31)  # 5 November + 30 days, end of month: the customer's terms
    assert north.payment_terms == "Payable à 30 jours fin de mois"


def test_billing_a_paying_branch_twice_adds_nothing(company: Company):
    with_two_branches(company, own_invoice="yes")
    company.load()
    company.bill()
    assert [run.numbers for run in company.bill()] == [[]]


def test_the_terms_of_an_account_win_over_those_of_the_issuer(company: Company):
    company.customer("C1", payment_terms="prélèvement le 10")
    company.customer("C2")
    for number, account in (("0472000001", "C1"), ("0472000002", "C2")):
        company.line(number, account)
        company.call("2026-10-05 10:00:00", number, "0612345678", 60)
    company.load()
    company.bill()
    debited, usual = document_of("C1"), document_of("C2")
    assert (debited.due_date, debited.payment_terms) == (date(2026, 12, 10), "Prélèvement le 10 du mois")  # 14 days
    assert (debited.payment_means, usual.payment_means) == ("59", "30")
    assert (usual.due_date, usual.payment_terms) == (date(2026, 12, 5), "Payable à 30 jours")


def paid(number: str) -> tuple[str, int]:
    """Who has a document, and its net amount."""
    found = issued(number)
    return found.buyer.customer_code, found.totals.net_minor


def test_a_branch_that_pays_from_now_on_is_billed_what_was_not_billed_and_nothing_twice(company: Company) -> None:
    """October goes to the customer, with November of a subscription of the north in advance; then the north pays."""
    with_two_branches(company)
    company.product("abo", "30.00")
    company.subscribe("S1", "C1-N", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    assert paid("FA2026-00001") == ("C1", 3036)
    company.row("accounts", code="C1-N")["own_invoice"] = "yes"
    company.load()
    company.rate()
    assert proposals(EVERYTHING, month="2026-10") == []
    assert all(run.numbers == [] for run in company.bill())
    company.call("2026-10-30 10:00:00", "0472000002", "0612345678", 60)  # late, of the north
    company.bill()
    assert paid("FA2026-00002") == ("C1-N", 12)
    company.now = datetime(2026, 12, 5, 8, tzinfo=UTC)
    company.bill("2026-11", on=date(2026, 12, 5))
    assert paid("FA2026-00003") == ("C1-N", 3000)  # December; November was billed to the customer
    assert frozen_twice() == {}


@pytest.mark.parametrize(("price", "number", "net_minor"), [("0.10", "AV2026-00001", 6), ("0.15", "FA2026-00003", 9)])
def test_what_was_issued_is_corrected_for_whom_it_was_issued_to(
    company: Company, price: str, number: str, net_minor: int
) -> None:
    """Three minutes at 0.12 were the customer's, one of them is of the branch that pays for itself since."""
    with_two_branches(company)
    company.customer("C2")
    company.line("0472000004", "C2")
    company.call("2026-10-05 10:00:00", "0472000004", "0472999999", 60)
    company.load()
    company.bill()
    company.row("accounts", code="C1-N")["own_invoice"] = "yes"
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", f"mobile,,{price}")
    company.load(correct=True)
    company.rate()
    assert [one.account.code for one in proposals(EVERYTHING, month="2026-10")] == ["C1"]
    done = flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now)
    assert {code: [row.number for row in rows] for code, rows in done.issued.items()} == {"C1": [number]}
    assert paid(number) == ("C1", net_minor)
    assert Document.objects.get(number=number).account.code == "C1"
    assert proposals(EVERYTHING, month="2026-10") == []


def test_a_branch_that_pays_no_more_is_billed_nothing_twice(company: Company) -> None:
    with_two_branches(company, own_invoice="yes")
    company.load()
    company.bill()
    company.row("accounts", code="C1-N")["own_invoice"] = "no"
    company.load()
    company.rate()
    assert proposals(EVERYTHING, month="2026-10") == []
    assert all(run.numbers == [] for run in company.bill())
