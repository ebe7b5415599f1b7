"""What a customer has to its credit: shown, taken off its next invoice, or paid back; never lost, never twice."""

from __future__ import annotations

import json
from datetime import date

import pytest
import typer
from django.db.models import Sum
from typer.testing import CliRunner

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.balances import RefundRefused, credits_minor, refund
from ardoise.bill.models import Document, Refund
from ardoise.cli import correction_commands
from ardoise.core.postings import Posting, Transaction
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.models import LedgerEntry
from ardoise.ledger.operations import post
from ardoise.ledger.queries import balances_micros
from stage.company import ISSUE_DATE, Company, issued

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(company: Company) -> Company:
    """C1 paid 36.00 for November in advance (30.00 and VAT 6.00), and was then credited 10.00 and VAT 2.00."""
    company.customer("C1")
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    pay(company, 3600)
    flow.credit(
        invoice=Document.objects.get(),
        issue_date=ISSUE_DATE,
        now=company.now,
        reason="Geste",
        portions=lambda _invoice, _already: {1: 1000},
    )
    return company


def pay(company: Company, minor: int) -> None:
    """A bank transfer: the entry that a room of payments makes."""
    postings = (Posting("512000", minor * 10_000), Posting("411000", -minor * 10_000))
    transaction = Transaction("payment", f"payment:{minor}", ISSUE_DATE, postings)
    post(issuer_id=Issuer.objects.get().pk, posted=transaction, auxiliary="C1", recorded_at=company.now)


def pay_back(company: Company, minor: int, reason: str = "Demande du client") -> Refund:
    return refund(
        account=Account.objects.get(code="C1"),
        amount_minor=minor,
        refund_date=ISSUE_DATE,
        reason=reason,
        made_by="Zoé",
        now=company.now,
    )


def credit_minor() -> int:
    return credits_minor(Issuer.objects.get()).get("C1", 0)


def test_what_was_paid_and_then_credited_stands_to_the_customers_credit(paid: Company) -> None:
    assert credit_minor() == 1200


def test_a_credit_is_paid_back_in_parts_and_no_more(paid: Company) -> None:
    pay_back(paid, 500)
    assert credit_minor() == 700
    with pytest.raises(RefundRefused, match="7,01\u00a0€ cannot be refunded, 7,00\u00a0€ stand to its credit"):
        pay_back(paid, 701)
    pay_back(paid, 700)
    assert credit_minor() == 0
    balances = balances_micros(EVERYTHING)
    assert balances["voxa", "411000"] == 0
    assert balances["voxa", "467000"] == -12_000_000  # to be paid at the bank
    assert LedgerEntry.objects.aggregate(total=Sum("amount_micros"))["total"] == 0


@pytest.mark.parametrize("minor", [0, -100])
def test_nothing_or_less_is_not_refunded(paid: Company, minor: int) -> None:
    with pytest.raises(RefundRefused, match="cannot be refunded"):
        pay_back(paid, minor)


def test_a_refund_needs_a_reason(paid: Company) -> None:
    with pytest.raises(RefundRefused, match="needs a reason"):
        pay_back(paid, 100, reason=" ")
    assert not Refund.objects.exists()


def run(*words: str) -> str:
    app = typer.Typer()
    app.add_typer(correction_commands.bill, name="bill")
    done = CliRunner().invoke(app, ["bill", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_balance_is_shown_with_what_made_it(paid: Company) -> None:
    shown = json.loads(run("balance", "C1", "--json"))
    assert shown["owed_minor"] == -1200
    assert [(row["kind"], row["reference"], row["amount_minor"]) for row in shown["movements"]] == [
        ("invoice", "FA2026-00001", 3600),
        ("payment", "payment:3600", -3600),
        ("credit_note", "AV2026-00001", -1200),
    ]
    assert "C1 has 12,00\u00a0€ to its credit" in run("balance", "C1")
    said = run("refund", "C1", "5", "--reason", "Demande", "--today", "2026-11-05")
    assert "C1: 5,00\u00a0€ to be paid back; 7,00\u00a0€ left" in said


def test_a_credit_is_taken_off_the_next_invoice_once(paid: Company) -> None:
    paid.bill("2026-11", on=date(2026, 12, 5))
    december = issued("FA2026-00002")  # 30.00 and VAT 6.00, of which 12.00 were paid before
    assert (december.totals.gross_minor, december.totals.prepaid_minor, december.totals.payable_minor) == (
        3600,
        1200,
        2400,
    )
    assert credit_minor() == 0
    assert json.loads(run("balance", "C1", "--json"))["owed_minor"] == 2400
    paid.bill("2026-12", on=date(2027, 1, 5))
    assert issued("FA2027-00001").totals.prepaid_minor == 0


def test_a_credit_larger_than_the_invoice_stays_for_the_one_after(paid: Company) -> None:
    pay(paid, 5000)  # 62.00 to its credit
    paid.bill("2026-11", on=date(2026, 12, 5))
    paid.bill("2026-12", on=date(2027, 1, 5))
    first, second = issued("FA2026-00002").totals, issued("FA2027-00001").totals
    assert [(totals.prepaid_minor, totals.payable_minor) for totals in (first, second)] == [(3600, 0), (2600, 1000)]


def test_a_credit_refunded_after_the_preview_is_not_taken_off(paid: Company) -> None:
    paid.rate("2026-11")
    paid.preview("2026-11", on=date(2026, 12, 5))
    pay_back(paid, 1200)
    (run_,) = paid.issue("2026-11", on=date(2026, 12, 5))
    assert (run_.numbers, run_.moved) == ([], ["C1"])
    paid.bill("2026-11", on=date(2026, 12, 5))
    assert issued("FA2026-00002").totals.prepaid_minor == 0
