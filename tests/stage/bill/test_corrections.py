"""Corrections of what was issued, told as stories: each is a document, done once, and nothing is billed twice."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill import corrections
from ardoise.bill.charges import frozen_twice
from ardoise.bill.equation import charge_balance, rounding_balance
from ardoise.bill.models import Document
from ardoise.bill.operations import IssueRefused
from ardoise.bill.proposals import proposals
from ardoise.core.credit_notes import CreditRefused
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.queries import balances_micros
from stage.company import (
    ISSUE_DATE,
    LANDLINE,
    MOBILE,
    MONTH,
    OWN_COSTS,
    RATES,
    Company,
    issued,
    numbers,
    open_charges,
    tariff,
)

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


def test_an_invoice_that_comes_to_less_has_one_credit_note_of_both_ways(billed: Company) -> None:
    reprice(billed, mobile="0.10", landline="0.05")
    assert correct(billed) == {"C1": ["AV2026-00001"], "C2": ["AV2026-00002"]}
    note = issued("AV2026-00001")
    # 100 minutes of mobile: 12.00 - 10.00 back; 600 s of landline: 0.50 - 0.20 more
    assert [(line.label, line.detail, line.quantity, line.net_minor) for line in note.lines] == [
        ("Fixes", "Facturé 0,20\u00a0€, dû 0,50\u00a0€", -1, -30),
        ("Mobiles", "Facturé 12,00\u00a0€, dû 10,00\u00a0€", 1, 200),
    ]
    assert (note.totals.net_minor, note.totals.vat_minor, note.totals.payable_minor) == (170, 34, 204)
    assert note.preceding == (("FA2026-00001", ISSUE_DATE),)
    assert issued("AV2026-00002").totals.net_minor == 2
    assert proposals(EVERYTHING, month=MONTH) == []
    assert holds()
    assert correct(billed) == {}
    assert all(run.numbers == [] for run in billed.bill(on=LATER))


def test_what_a_credit_note_made_dearer_is_credited_with_the_rest(billed: Company) -> None:
    reprice(billed, mobile="0.10", landline="0.05")
    correct(billed, "C1")
    reprice(billed, mobile="0.10", landline="0.04")
    assert correct(billed, "C1") == {"C1": ["AV2026-00002"]}
    assert issued("AV2026-00002").totals.net_minor == 10  # 0.50 - 0.40: more than the line was issued at is left
    anew = reissue(billed, "FA2026-00001")
    assert [note.net_minor for note in anew.credit_notes] == [4040]  # 42.20 - 1.70 - 0.10
    assert anew.invoice is not None
    assert (anew.invoice.net_minor, owed("C1")) == (4040, 4848)
    assert holds()


def test_what_comes_to_more_is_an_invoice_and_a_credit_note_of_its_own(billed: Company) -> None:
    """Landlines 0.20 -> 3.00, mobiles 12.00 -> 11.00: on one invoice of 1.80, the 2.80 could not be credited later."""
    reprice(billed, mobile="0.11", landline="0.30")
    assert correct(billed, "C1") == {"C1": ["FA2026-00003", "AV2026-00001"]}
    assert (issued("FA2026-00003").totals.net_minor, issued("AV2026-00001").totals.net_minor) == (280, 100)
    for number in ("FA2026-00003", "AV2026-00001"):
        assert issued(number).preceding == (("FA2026-00001", ISSUE_DATE),)
    reprice(billed, mobile="0.11", landline="0.00")
    assert correct(billed, "C1") == {"C1": ["AV2026-00002", "AV2026-00003"]}
    assert [issued(f"AV2026-0000{n}").totals.net_minor for n in (2, 3)] == [20, 280]  # what was left of each
    assert owed("C1") == (4220 - 20 - 100) * 120 // 100
    assert holds()


def test_each_invoice_of_a_customer_is_completed_by_its_own(billed: Company) -> None:
    """The landlines are billed anew on FA2026-00003; both invoices then cost more, and one of them is made anew."""
    invoice = Document.objects.get(number="FA2026-00001")
    (landlines,) = (line.line_no for line in issued("FA2026-00001").lines if line.label == "Fixes")
    flow.credit(
        invoice=invoice,
        issue_date=ISSUE_DATE,
        now=billed.now,
        reason="Erreur",
        portions=lambda _i, _a: {landlines: 20},
        cancels=True,
    )
    billed.bill()
    reprice(billed, mobile="0.15", landline="0.05")
    assert correct(billed, "C1") == {"C1": ["FA2026-00004", "FA2026-00005"]}
    assert [issued(f"FA2026-0000{n}").preceding[0][0] for n in (4, 5)] == ["FA2026-00001", "FA2026-00003"]
    done = reissue(billed, "FA2026-00003")
    assert [note.corrects.number for note in done.credit_notes if note.corrects] == ["FA2026-00005", "FA2026-00003"]
    assert owed("C1") == (1500 + 50 + 3000) * 120 // 100
    assert holds()


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


def test_a_line_credited_to_the_last_cent_that_costs_less_is_no_proposal(billed: Company) -> None:
    invoice = Document.objects.get(number="FA2026-00002")
    flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Geste")
    reprice(billed, mobile="0.10")
    assert [one.account.code for one in proposals(EVERYTHING, month=MONTH)] == ["C1"]
    done = flow.correct(month=MONTH, issue_date=ISSUE_DATE, now=billed.now, accounts=["C2"])
    assert (done.issued, done.left) == ({}, {})
    reprice(billed, mobile="0.15")  # the gesture was on 0.12: the 0.03 are due
    assert correct(billed, "C2") == {"C2": ["FA2026-00003"]}
    assert issued("FA2026-00003").totals.net_minor == 3
    assert holds()


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
    # C1: 42.20 - (2.00 - 0.30) = 40.50, VAT 8.44 - 0.34; C2: 0.12 - 0.02 = 0.10, VAT 0.02 - 0.00
    assert balances["voxa", "411000"] == (owed("C1") + owed("C2")) * 10_000 == (4860 + 12) * 10_000


@pytest.fixture
def stated(company: Company) -> Company:
    """The workshop of a factory: 100 minutes to a mobile 12.00, on a statement."""
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = company.files["tariff_links.csv"].replace("voxa", "usine")
    company.department("ATELIER", "Atelier", issuer="usine")
    company.line(PHONE, "ATELIER")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    company.load()
    company.bill()
    return company


STATEMENT = "REL-2026-10-ATELIER"


def test_a_department_gets_a_statement_of_the_differences(stated: Company) -> None:
    reprice(stated, mobile="0.10")
    assert correct(stated) == {"ATELIER": [f"{STATEMENT}-2"]}
    assert issued(f"{STATEMENT}-2").totals.net_minor == -200
    assert proposals(EVERYTHING, month=MONTH) == []
    assert holds()


def test_a_statement_is_taken_back_by_another_one_and_stated_again_by_the_next_run(stated: Company) -> None:
    statement = Document.objects.get(number=STATEMENT)
    (back,) = flow.cancel(invoice=statement, issue_date=ISSUE_DATE, now=stated.now, reason="Erreur")
    assert (back.number, back.kind, back.net_minor) == (f"{STATEMENT}-2", "statement", -1200)
    content = issued(f"{STATEMENT}-2")
    assert [(line.label, line.quantity, line.net_minor) for line in content.lines] == [
        (line.label, -line.quantity, -line.net_minor) for line in issued(STATEMENT).lines
    ]
    assert flow.deliver(now=stated.now).failed == {}
    assert content.notes == ("Annule le relevé REL-2026-10-ATELIER du 05/11/2026.", "Erreur")
    assert holds()
    assert flow.cancel(invoice=statement, issue_date=ISSUE_DATE, now=stated.now, reason="Erreur") == []
    stated.bill()
    assert issued(f"{STATEMENT}-3").totals.net_minor == 1200
    assert holds()


def test_a_statement_is_made_anew_with_what_completes_it(stated: Company) -> None:
    reprice(stated, mobile="0.10")
    correct(stated)
    reprice(stated, mobile="0.09")
    done = reissue(stated, STATEMENT)
    assert [note.net_minor for note in done.credit_notes] == [200, -1200]
    assert done.invoice is not None
    assert (done.invoice.number, done.invoice.net_minor) == (f"{STATEMENT}-5", 900)
    assert issued(f"{STATEMENT}-5").notes == ("Annule et remplace le relevé REL-2026-10-ATELIER du 05/11/2026.",)
    assert sum(Document.objects.values_list("net_minor", flat=True)) == 900
    assert reissue(stated, STATEMENT).credit_notes == []
    assert all(run.numbers == [] for run in stated.bill())
    assert holds()


def test_no_credit_note_is_made_of_a_statement(stated: Company) -> None:
    statement = Document.objects.get(number=STATEMENT)
    with pytest.raises(CreditRefused, match="Take it back whole: ardoise bill credit REL-2026-10-ATELIER --cancel"):
        flow.credit(invoice=statement, issue_date=ISSUE_DATE, now=stated.now, reason="Geste")
    assert numbers() == [STATEMENT]


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
    assert correct(company) == {"P1": ["AV2026-00001"]}
    # mobiles: 3.00 back; landlines: 0.0833 - 0.0333 = 0.05 more; 2.95 with tax
    credit = issued("AV2026-00001").totals
    assert (credit.net_minor, credit.vat_minor, credit.rounding_minor, credit.payable_minor) == (246, 49, 0, 295)
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
