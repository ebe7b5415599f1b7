"""An issued invoice is corrected by a credit note, never by an edit."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise import flow
from ardoise.bill import corrections
from ardoise.bill import operations as billing
from ardoise.bill.models import Document
from ardoise.core.credit_notes import CreditRefused
from stage.company import ISSUE_DATE, Company, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def invoice(company: Company) -> Document:
    """10.01 + 0.34 without tax; VAT 20 % of 10.35 = 2.07; 12.42 to pay."""
    company.customer("C1")
    company.product("abo", "10.01")
    company.product("option", "0.34")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.subscribe("S2", "C1", product="option", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    return Document.objects.get()


def part(invoice: Document, company: Company, portions: dict[int, int]) -> Document:
    return corrections.issue_credit_note(
        invoice=invoice,
        issue_date=ISSUE_DATE,
        now=company.now,
        validator=flow.delivery.official_verdicts,
        portions=portions,
        reason="Remise",
    )


def test_a_credit_in_full_has_its_own_series_and_names_the_invoice(company: Company, invoice: Document) -> None:
    note = flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Erreur de tarif")
    assert (note.number, note.kind, note.corrects) == ("AV2026-00001", "credit_note", invoice)
    assert (note.net_minor, note.vat_minor, note.payable_minor) == (1035, 207, 1242)
    assert issued("AV2026-00001").preceding == (("FA2026-00001", ISSUE_DATE),)
    assert issued("AV2026-00001").notes == ("Erreur de tarif",)
    untouched = Document.objects.get(pk=invoice.pk)
    assert (untouched.content, untouched.sha256) == (invoice.content, invoice.sha256)


def test_a_second_credit_in_full_is_refused_and_takes_no_number(company: Company, invoice: Document) -> None:
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Erreur")
    with pytest.raises(CreditRefused):
        flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Encore")
    assert numbers() == ["FA2026-00001", "AV2026-00001"]


def test_two_parts_sum_to_the_invoice_to_the_cent(company: Company, invoice: Document) -> None:
    by_label = {line.label: line.line_no for line in issued(invoice.number).lines}
    first = part(invoice, company, {by_label["Produit abo"]: 502})
    # 5.02 x 20 % = 1.004 -> 1.00
    assert (first.net_minor, first.vat_minor, first.payable_minor) == (502, 100, 602)
    second = flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Le reste")
    # 10.35 - 5.02 = 5.33; its own VAT would be 1.066 -> 1.07, what is left is 2.07 - 1.00 = 1.07.
    assert (second.net_minor, second.vat_minor, second.payable_minor) == (533, 107, 640)
    assert first.payable_minor + second.payable_minor == invoice.payable_minor
    assert [first.number, second.number] == ["AV2026-00001", "AV2026-00002"]


def test_the_credit_that_ends_it_takes_the_cent_of_vat_that_is_left(company: Company, invoice: Document) -> None:
    by_label = {line.label: line.line_no for line in issued(invoice.number).lines}
    first = part(invoice, company, {by_label["Produit option"]: 33})
    assert first.vat_minor == 7  # 0.33 x 20 % = 0.066
    second = part(invoice, company, {by_label["Produit abo"]: 1000})
    assert second.vat_minor == 200
    third = flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Le reste")
    # 0.02 are left; their VAT alone would be 0.4 -> 0 cents, and 2.07 - 0.07 - 2.00 = 0.00 are left.
    assert (third.net_minor, third.vat_minor) == (2, 0)
    assert sum(note.payable_minor for note in (first, second, third)) == invoice.payable_minor


def test_more_than_is_left_of_a_line_is_refused(company: Company, invoice: Document) -> None:
    part(invoice, company, {1: 300})
    with pytest.raises(CreditRefused):
        part(invoice, company, {1: 9999})
    assert Document.objects.filter(kind="credit_note").count() == 1


def test_a_credit_dated_before_the_last_one_is_refused(company: Company, invoice: Document) -> None:
    def credit_on(day: int) -> None:
        corrections.issue_credit_note(
            invoice=invoice,
            issue_date=date(2026, 11, day),
            now=datetime(2026, 11, 7, 8, tzinfo=UTC),
            validator=flow.delivery.official_verdicts,
            portions={1: 10},
        )

    credit_on(7)
    with pytest.raises(billing.IssueRefused, match="would break the chronology"):
        credit_on(6)
    with pytest.raises(billing.IssueRefused, match="choose one from 2026-11-05 to 2026-11-07"):
        credit_on(4)  # before the invoice itself
    with pytest.raises(billing.IssueRefused, match="choose one from 2026-11-05 to 2026-11-07"):
        credit_on(8)  # tomorrow


def test_a_credit_note_cannot_be_credited(company: Company, invoice: Document) -> None:
    note = flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Erreur")
    with pytest.raises(CreditRefused, match="only an invoice"):
        flow.credit(invoice=note, issue_date=ISSUE_DATE, now=company.now, reason="Encore")


def test_what_was_credited_is_not_billed_again(company: Company, invoice: Document) -> None:
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Erreur")
    (previewed,) = company.preview()
    assert previewed.drafts == 0
