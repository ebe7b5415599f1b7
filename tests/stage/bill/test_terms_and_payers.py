"""Who receives the invoice of a branch, and when it is to be paid."""

from __future__ import annotations

from datetime import date

import pytest

from stage.company import Company, document_of, drafts

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
