from dataclasses import replace
from datetime import date

import pytest
from invoice_world import EXEMPT, S55, invoice, line

from ardoise.core.credit_notes import credit
from ardoise.core.documents import DocumentKind, Section
from ardoise.core.postings import NotPosted, NotWholeCents, Posting, Transaction, Unbalanced, post_invoice
from ardoise.core.vat import GUARANTEE


def posted(document, **more):
    return {p.account_code: p.amount_micros for p in post_invoice(document, **more).postings}


def test_an_invoice_debits_the_customer_and_credits_sales_and_vat():
    issued = invoice(
        line("100.00"), line("10.00", section=Section.OUTSIDE), line("20.00", S55, section=Section.ONE_OFF)
    )
    assert posted(issued) == {
        "411000": 153_100_000,  # 130.00 + 22.00 + 1.10
        "706100": -100_000_000,
        "706200": -10_000_000,
        "706300": -20_000_000,
        "44571-20": -22_000_000,
        "44571-5.5": -1_100_000,
    }


def test_the_rounding_amount_has_its_account():
    loss = invoice(line("9.99"), with_tax=True)  # 8.33 + 1.67 - 0.01
    assert posted(loss) == {"411000": 9_990_000, "706100": -8_330_000, "44571-20": -1_670_000, "658000": 10_000}
    issued = invoice(line("9.99"), with_tax=True)
    gain = replace(issued, totals=replace(issued.totals, rounding_minor=1))
    assert posted(gain)["758000"] == -10_000


def test_a_credit_note_is_the_mirror():
    issued = invoice(line("9.99"), line("5.00", S55), with_tax=True)
    note = credit(issued, number="AV1", issue_date=date(2026, 11, 20))
    assert posted(note) == {account: -amount for account, amount in posted(issued).items()}


def test_a_guarantee_is_owed_back_and_no_sale():
    issued = invoice(line("30.00"), line("50.00", GUARANTEE, section=Section.ONE_OFF))
    assert posted(issued) == {
        "411000": 86_000_000,
        "706100": -30_000_000,
        "165000": -50_000_000,
        "44571-20": -6_000_000,
    }


def test_no_posting_for_a_vat_of_zero():
    assert posted(invoice(line("10.00", EXEMPT))) == {"411000": 10_000_000, "706100": -10_000_000}


def test_the_key_is_the_document_unless_given():
    issued = invoice(line("10.00"))
    transaction = post_invoice(issued)
    assert (transaction.kind, transaction.key, transaction.date) == (
        "invoice",
        "invoice:FA2026-00042",
        date(2026, 11, 5),
    )
    assert post_invoice(issued, key="invoice:7").key == "invoice:7"


def test_what_was_paid_before_does_not_change_the_invoice():
    issued = invoice(line("10.00"))
    paid = replace(issued, totals=replace(issued.totals, prepaid_minor=500, payable_minor=700))
    assert posted(paid) == posted(issued)


def test_a_statement_is_not_posted():
    with pytest.raises(NotPosted):
        post_invoice(replace(invoice(line("10.00")), kind=DocumentKind.STATEMENT))


def test_what_does_not_sum_to_zero_cannot_exist():
    with pytest.raises(Unbalanced, match="sum to 10000 micros"):
        Transaction("invoice", "k", date(2026, 11, 5), (Posting("411000", 10_000),))
    with pytest.raises(Unbalanced, match="0 postings"):
        Transaction("invoice", "k", date(2026, 11, 5), ())


@pytest.mark.parametrize("account", ["411000", "44571-20", "706100", "658000", "512000", "530000"])
def test_these_accounts_hold_whole_cents(account):
    with pytest.raises(NotWholeCents, match="whole cents"):
        Posting(account, 10_001)


def test_a_wallet_may_hold_parts_of_a_cent():
    assert Posting("419100", 10_001).amount_micros == 10_001
