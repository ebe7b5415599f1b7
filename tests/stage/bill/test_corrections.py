"""Corrections of what was issued, told as stories: each is a document, done once, and nothing is billed twice."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill import corrections
from ardoise.bill.charges import frozen_twice, open_charges
from ardoise.bill.equation import charge_balance, rounding_balance
from ardoise.bill.models import Document
from ardoise.bill.operations import IssueRefused
from ardoise.bill.proposals import proposals
from ardoise.core.invoices import CreditRefused
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.queries import balances_micros
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, OWN_COSTS, RATES, Company, issued, numbers, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
LATER = date(2026, 11, 6)


@pytest.fixture
def billed(company: Company) -> Company:
    """C1: 100 started minutes to a mobile 12.00, 600 s to a landline 0.20, November 30.00; C2: 60 s to one, 0.12."""
    company.customer("C1")
    company.customer("C2")
    company.line(PHONE, "C1")
    company.line(OTHER, "C2")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    company.call("2026-10-06 10:00:00", PHONE, LANDLINE, 600)
    company.call("2026-10-07 10:00:00", OTHER, MOBILE, 60)
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    assert [row.net_minor for row in Document.objects.order_by("number")] == [4220, 12]
    return company


def reprice(company: Company, *, mobile: str = "0.12", landline: str = "0.02") -> None:
    rates = RATES.replace("mobile,,0.12", f"mobile,,{mobile}").replace("fixe,,0.02", f"fixe,,{landline}")
    company.files["tariffs/public-2026-01-01.csv"] = rates
    company.load(correct=True)
    company.rate()


def correct(company: Company, *accounts: str) -> dict[str, list[str]]:
    """Account -> numbers of the documents that corrected it."""
    done = flow.correct(
        month=MONTH, issue_date=ISSUE_DATE, now=company.now, accounts=accounts or None, reason="Erreur de tarif"
    )
    assert done.faulty == {}
    return {code: [row.number for row in rows] for code, rows in done.issued.items()}


def reissue(company: Company, number: str) -> flow.Reissued:
    invoice = Document.objects.get(number=number)
    return flow.reissue(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Erreur de tarif")


def holds() -> bool:
    issuers = list(Issuer.objects.all())
    counts, micros = charge_balance(MONTH, issuers)
    lines_off = rounding_balance(MONTH, issuers).lines_off
    return (frozen_twice(), counts.missing, micros.missing, lines_off) == ({}, 0, 0, 0)


def owed(code: str) -> int:
    """What a customer was billed less what it was credited, in cents with tax."""
    rows = Document.objects.filter(account__code=code)
    return sum(-row.payable_minor if row.kind == "credit_note" else row.payable_minor for row in rows)


# --- cancelled and made anew


def test_an_invoice_at_a_wrong_price_is_cancelled_and_made_anew(billed: Company) -> None:
    reprice(billed, mobile="0.10")
    done = reissue(billed, "FA2026-00001")
    assert [note.number for note in done.credit_notes] == ["AV2026-00001"]
    assert done.invoice is not None
    assert (done.invoice.number, done.invoice.net_minor) == ("FA2026-00003", 4020)  # 10.00 + 0.20 + 30.00
    assert issued("FA2026-00003").preceding == (("FA2026-00001", ISSUE_DATE),)
    assert issued("FA2026-00003").notes == ("Annule et remplace la facture FA2026-00001 du 05/11/2026.",)
    assert owed("C1") == 4824  # 40.20 x 1.20
    assert holds()


def test_making_it_anew_twice_makes_it_once(billed: Company) -> None:
    first = reissue(billed, "FA2026-00001")
    second = reissue(billed, "FA2026-00001")
    assert (second.credit_notes, second.invoice) == ([], first.invoice)
    assert numbers() == ["FA2026-00001", "FA2026-00002", "AV2026-00001", "FA2026-00003"]
    assert all(run.numbers == [] for run in billed.bill(on=LATER))


def test_an_invoice_that_cannot_be_made_anew_is_not_cancelled(billed: Company) -> None:
    """The customer became one of a reverse charge without a VAT number: its VAT cannot be told any more."""
    Account.objects.filter(code="C1").update(vat_regime="reverse_charge", vat_number="")
    with pytest.raises(IssueRefused, match=r"FA2026-00001 cannot be made anew: account C1: .* VAT number"):
        reissue(billed, "FA2026-00001")
    assert numbers() == ["FA2026-00001", "FA2026-00002"]
    assert holds()


def test_an_invoice_cancelled_before_is_made_anew_by_the_same_command(billed: Company) -> None:
    invoice = Document.objects.get(number="FA2026-00001")
    corrections.cancel(
        invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, validator=flow.delivery.official_verdicts
    )
    done = reissue(billed, "FA2026-00001")
    assert done.credit_notes == []
    assert done.invoice is not None
    assert done.invoice.net_minor == 4220
    assert numbers() == ["FA2026-00001", "FA2026-00002", "AV2026-00001", "FA2026-00003"]
    assert holds()


def test_an_invoice_whose_calls_are_somebody_elses_is_only_cancelled(billed: Company) -> None:
    billed.row("assignments", line=f"L{OTHER}")["account"] = "C1"
    billed.load(correct=True)
    done = reissue(billed, "FA2026-00002")
    assert [note.net_minor for note in done.credit_notes] == [12]
    assert done.invoice is None
    billed.bill(on=LATER)
    assert issued("FA2026-00003").buyer.customer_code == "C1"
    assert issued("FA2026-00003").totals.net_minor == 12
    assert holds()


# --- proposals settled


def test_what_costs_more_is_debited_and_what_costs_less_credited(billed: Company) -> None:
    reprice(billed, mobile="0.10", landline="0.05")
    assert correct(billed) == {"C1": ["FA2026-00003", "AV2026-00001"], "C2": ["AV2026-00002"]}
    debit, credit = issued("FA2026-00003"), issued("AV2026-00001")
    # 600 s of landline: 0.50 - 0.20; 100 minutes of mobile: 10.00 - 12.00
    assert [(line.label, line.detail, line.net_minor) for line in debit.lines] == [
        ("Fixes", "Facturé 0,20\u00a0€, dû 0,50\u00a0€", 30)
    ]
    assert [(line.label, line.detail, line.net_minor) for line in credit.lines] == [
        ("Mobiles", "Facturé 12,00\u00a0€, dû 10,00\u00a0€", 200)
    ]
    for document in (debit, credit):
        assert document.preceding == (("FA2026-00001", ISSUE_DATE),)
    assert issued("AV2026-00002").totals.net_minor == 2
    assert proposals(EVERYTHING, month=MONTH) == []
    assert holds()
    assert correct(billed) == {}
    assert all(run.numbers == [] for run in billed.bill(on=LATER))


def test_one_customer_can_be_corrected_alone(billed: Company) -> None:
    reprice(billed, mobile="0.10")
    assert correct(billed, "C2") == {"C2": ["AV2026-00001"]}
    assert [one.account.code for one in proposals(EVERYTHING, month=MONTH)] == ["C1"]


def test_a_preview_of_corrections_writes_nothing(billed: Company) -> None:
    reprice(billed, mobile="0.15")
    found = corrections.preview_corrections(month=MONTH, issue_date=ISSUE_DATE)
    assert {code: [document.totals.net_minor for document in made] for code, made in found.items()} == {
        "C1": [300],
        "C2": [3],
    }
    assert numbers() == ["FA2026-00001", "FA2026-00002"]


def test_a_price_corrected_three_times_is_billed_at_the_last(billed: Company) -> None:
    for mobile in ("0.10", "0.11", "0.09"):
        reprice(billed, mobile=mobile)
        correct(billed, "C2")
        assert holds()
    # -0.02, +0.01, then -0.02: the debit gives back the 0.01 it asked, the invoice the other 0.01
    assert [(row.number, row.net_minor) for row in Document.objects.filter(account__code="C2").order_by("id")] == [
        ("FA2026-00002", 12),
        ("AV2026-00001", 2),
        ("FA2026-00003", 1),
        ("AV2026-00002", 1),
        ("AV2026-00003", 1),
    ]
    assert [issued(f"AV2026-0000{n}").preceding[0][0] for n in (1, 2, 3)] == [
        "FA2026-00002",
        "FA2026-00002",
        "FA2026-00003",
    ]
    assert proposals(EVERYTHING, month=MONTH)[0].account.code == "C1"


def test_an_invoice_and_its_debit_are_cancelled_and_made_anew_together(billed: Company) -> None:
    reprice(billed, mobile="0.13")
    correct(billed, "C2")
    reprice(billed, mobile="0.10")
    anew = reissue(billed, "FA2026-00002")
    assert [(note.number, note.net_minor) for note in anew.credit_notes] == [("AV2026-00001", 1), ("AV2026-00002", 12)]
    assert anew.invoice is not None
    assert anew.invoice.net_minor == 10
    assert owed("C2") == 12  # 0.10 x 1.20
    assert holds()


def test_a_debit_is_not_cancelled_without_what_it_completes(billed: Company) -> None:
    reprice(billed, mobile="0.13")
    correct(billed, "C2")
    debit = Document.objects.get(number="FA2026-00003")
    with pytest.raises(CreditRefused, match="is cancelled with it: ardoise bill reissue FA2026-00002"):
        flow.credit(invoice=debit, issue_date=ISSUE_DATE, now=billed.now, reason="Erreur", cancels=True)
    invoice = Document.objects.get(number="FA2026-00002")
    with pytest.raises(CreditRefused, match="was completed by FA2026-00003; cancel both"):
        flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Erreur", cancels=True)


def test_a_gesture_made_before_is_not_given_twice(billed: Company) -> None:
    invoice = Document.objects.get(number="FA2026-00002")
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Geste", portions=lambda _i, _a: {1: 11})
    reprice(billed, mobile="0.10")
    assert correct(billed, "C2") == {"C2": ["AV2026-00002"]}
    assert issued("AV2026-00002").totals.net_minor == 1  # 0.02 less, of which 0.01 is left
    assert owed("C2") == 0
    assert proposals(EVERYTHING, month=MONTH) != []  # C1's


def test_where_nothing_is_left_to_credit_it_is_said(billed: Company) -> None:
    invoice = Document.objects.get(number="FA2026-00002")
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Geste")
    reprice(billed, mobile="0.10")
    done = flow.correct(month=MONTH, issue_date=ISSUE_DATE, now=billed.now, accounts=["C2"])
    assert (done.issued, done.left) == ({}, {"C2": ["FA2026-00002: nothing is left to credit"]})


def test_a_line_attached_to_another_customer_is_credited_to_the_first_and_billed_to_the_second(billed: Company) -> None:
    billed.row("assignments", line=f"L{OTHER}")["account"] = "C1"
    billed.load(correct=True)
    billed.rate()
    assert correct(billed) == {"C2": ["AV2026-00001"]}
    assert owed("C2") == 0
    assert open_charges(MONTH).height == 1
    billed.bill(on=LATER)
    assert (issued("FA2026-00003").buyer.customer_code, issued("FA2026-00003").totals.net_minor) == ("C1", 12)
    assert proposals(EVERYTHING, month=MONTH) == []
    assert correct(billed) == {}
    assert all(run.numbers == [] for run in billed.bill(on=LATER))
    assert holds()


def test_corrections_post_what_they_say(billed: Company) -> None:
    reprice(billed, mobile="0.10", landline="0.05")
    correct(billed)
    balances = balances_micros(EVERYTHING)
    assert sum(balances.values()) == 0
    # C1: 42.20 + 0.30 - 2.00 = 40.50, VAT 8.44 + 0.06 - 0.40; C2: 0.12 - 0.02 = 0.10, VAT 0.02 - 0.00
    assert balances["voxa", "411000"] == (owed("C1") + owed("C2")) * 10_000 == (4860 + 12) * 10_000


def test_a_department_gets_a_statement_of_the_differences(company: Company) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = company.files["tariff_links.csv"].replace("voxa", "usine")
    company.department("ATELIER", "Atelier", issuer="usine")
    company.line(PHONE, "ATELIER")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    company.load()
    company.bill()
    reprice(company, mobile="0.10")
    assert correct(company) == {"ATELIER": ["REL-2026-10-ATELIER-2"]}
    assert issued("REL-2026-10-ATELIER-2").totals.net_minor == -200
    assert proposals(EVERYTHING, month=MONTH) == []
    assert holds()


def test_prices_with_tax_are_corrected_to_the_advertised_cent(company: Company) -> None:
    """P1 buys with tax: 100 minutes at 0.10 with tax 10.00, then 0.07: 3.00 back, 2.50 and VAT 0.50."""
    company.customer("P1", "Mme Rey", audience="B2C", basis="ttc", siren="")
    company.line(PHONE, "P1")
    company.files["tariffs/public.toml"] = tariff("public", tax_basis="ttc")
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", "mobile,,0.10")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    company.call("2026-10-06 10:00:00", PHONE, LANDLINE, 100)  # 0.0333 with tax
    company.load()
    company.bill()
    reprice(company, mobile="0.07", landline="0.05")
    assert correct(company) == {"P1": ["FA2026-00002", "AV2026-00001"]}
    credit, debit = issued("AV2026-00001").totals, issued("FA2026-00002").totals
    assert (credit.net_minor, credit.vat_minor, credit.rounding_minor, credit.payable_minor) == (250, 50, 0, 300)
    # landline: 0.0833 - 0.0333 = 0.05 with tax; net 0.0417 -> 0.04, VAT 0.008 -> 0.01
    assert (debit.net_minor, debit.vat_minor, debit.payable_minor) == (4, 1, 5)
    assert owed("P1") == 708  # 7.00 + 0.03 + 0.05
    assert holds()
    anew = reissue(company, "FA2026-00001")
    assert anew.invoice is not None
    assert owed("P1") == anew.invoice.payable_minor == 708
    assert holds()


def test_a_correction_of_a_correction_is_proposed_for_the_invoice(billed: Company) -> None:
    reprice(billed, mobile="0.10")
    correct(billed)
    reprice(billed, mobile="0.09")
    found = {one.account.code: one for one in proposals(EVERYTHING, month=MONTH)}
    assert found["C1"].document == Document.objects.get(number="FA2026-00001")
    assert (found["C1"].difference_micros, found["C1"].credited_minor) == (-1_000_000, 200)


def test_a_line_credited_by_a_gesture_can_still_change_hands(billed: Company) -> None:
    invoice = Document.objects.get(number="FA2026-00002")
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Geste")
    billed.row("assignments", line=f"L{OTHER}")["account"] = "C1"
    billed.load(correct=True)
    billed.rate()
    assert correct(billed) == {}  # C2 got all of it back before
    assert proposals(EVERYTHING, month=MONTH) == []
    billed.bill(on=LATER)
    assert (issued("FA2026-00003").buyer.customer_code, issued("FA2026-00003").totals.net_minor) == ("C1", 12)
    assert owed("C2") == 0
    assert holds()
