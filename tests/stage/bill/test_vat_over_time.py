"""The VAT of a supply is that of its day: a regime that changes, a rate that changes, an establishment that decides."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import typer
from typer.testing import CliRunner

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill import corrections
from ardoise.bill.models import Document, Draft
from ardoise.bill.retaxed import retaxed
from ardoise.catalog.models import VatRate
from ardoise.cli import correction_commands
from ardoise.core import canonical
from ardoise.directory.models import Account
from stage.company import ISSUE_DATE, ISSUER, RATES, Company, document_of, issued, tariff

pytestmark = pytest.mark.django_db(transaction=True)

REGIME = {"valid_from_date": "", "valid_to_date": "", "vat_reason": ""}


def with_calls(company: Company, *days: str, **fields: object) -> None:
    """A customer with one call of a started minute to a mobile (0.12) at noon of each day."""
    company.customer("C1", **fields)
    company.line("0472000001", "C1")
    for day in days:
        company.call(f"{day} 12:00:00", "0472000001", "0612345678", 60)


def breakdown(company: Company) -> list[tuple[str, Decimal, int, int]]:
    """(category, rate, basis, tax) of the document of C1, highest rate first."""
    company.load()
    (done,) = company.bill()
    assert done.faulty == {}
    groups = sorted(document_of("C1").vat, key=lambda group: -group.rate)
    return [(group.category, group.rate, group.basis_minor, group.amount_minor) for group in groups]


def test_a_rate_that_changes_within_the_month_applies_from_its_day(company: Company) -> None:
    with_calls(company, "2026-10-14", "2026-10-15", "2026-10-16")
    company.tables["vat_rates"] = [
        {
            "regime": "standard",
            "nature": "",
            "rate": "19.6",
            "valid_from_date": "2014-01-01",
            "valid_to_date": "2026-10-15",
        },
        {"regime": "standard", "nature": "", "rate": "20", "valid_from_date": "2026-10-15", "valid_to_date": ""},
    ]
    # 0.24 x 20 % = 0.048 -> 0.05; 0.12 x 19.6 % = 0.02352 -> 0.02
    assert breakdown(company) == [("S", Decimal(20), 24, 5), ("S", Decimal("19.6"), 12, 2)]


def test_a_customer_that_moves_overseas_is_taxed_there_from_that_day(company: Company) -> None:
    with_calls(company, "2026-10-14", "2026-10-15", "2026-10-16")
    company.add(
        "vat_regimes", REGIME | {"account": "C1", "vat_regime": "overseas_dom", "valid_from_date": "2026-10-15"}
    )
    # 0.12 x 20 % = 0.024 -> 0.02; 0.24 x 8.5 % = 0.0204 -> 0.02
    assert breakdown(company) == [("S", Decimal(20), 12, 2), ("S", Decimal("8.5"), 24, 2)]


def test_late_usage_takes_the_regime_of_its_day(company: Company) -> None:
    with_calls(company, "2026-10-10")
    company.add(
        "vat_regimes", REGIME | {"account": "C1", "vat_regime": "guyane_mayotte", "valid_to_date": "2026-10-15"}
    )
    assert breakdown(company) == [("E", Decimal(0), 12, 0)]
    company.call("2026-10-20 12:00:00", "0472000001", "0612345678", 60)
    (done,) = company.bill()
    assert len(done.numbers) == 1
    late = Draft.objects.get(account__code="C1")
    assert [(group.category, group.rate) for group in canonical.from_json(late.content).vat] == [("S", Decimal(20))]


def test_a_regime_changed_after_the_issue_names_the_invoices_to_make_anew(company: Company) -> None:
    with_calls(company, "2026-10-14", "2026-10-16")
    assert breakdown(company) == [("S", Decimal(20), 24, 5)]
    company.add(
        "vat_regimes", REGIME | {"account": "C1", "vat_regime": "overseas_dom", "valid_from_date": "2026-10-15"}
    )
    company.add("vat_regimes", REGIME | {"account": "C1", "vat_regime": "standard", "valid_to_date": "2026-09-01"})
    said = [str(problem) for problem in company.load().warnings if "made anew" in problem.message]
    assert said == [
        "vat_regimes.csv, line 2, column vat_regime: days of FA2026-00001 change regime: an invoice is never edited. "
        "See which bear another VAT, then have them credited and made anew, month by month (2026-10): "
        "ardoise bill proposals --month 2026-10, ardoise bill correct --month 2026-10"
    ]
    assert document_of("C1").vat[0].rate == Decimal(20)
    invoice = Document.objects.get(number="FA2026-00001")
    done = flow.reissue(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Déménagement")
    assert done.invoice is not None
    groups = canonical.from_json(done.invoice.content).vat
    assert {(group.rate, group.basis_minor) for group in groups} == {(Decimal(20), 12), (Decimal("8.5"), 12)}
    company.row("vat_regimes", vat_regime="overseas_dom")["vat_regime"] = "guyane_mayotte"
    (again,) = [problem.message for problem in company.load().warnings if "made anew" in problem.message]
    assert again.startswith("days of FA2026-00002 change regime")  # what was made anew is not named again


def test_days_billed_in_advance_change_regime_too(company: Company) -> None:
    """October bills 30.00 for November at 20 %, 6.00; overseas since 1 November it is 2.55."""
    company.customer("C1")
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    assert breakdown(company) == [("S", Decimal(20), 3000, 600)]
    company.add(
        "vat_regimes", REGIME | {"account": "C1", "vat_regime": "overseas_dom", "valid_from_date": "2026-11-01"}
    )
    (said,) = [problem.message for problem in company.load().warnings if "made anew" in problem.message]
    assert said.startswith("days of FA2026-00001 change regime")
    assert wrong() == [("C1", "FA2026-00001", 600, 255)]


def test_writing_the_regime_that_was_billed_anyway_says_nothing(company: Company) -> None:
    with_calls(company, "2026-10-14", vat_regime="")
    breakdown(company)
    company.row("accounts", code="C1")["vat_regime"] = "standard"
    assert [problem for problem in company.load().warnings if "made anew" in problem.message] == []
    company.row("accounts", code="C1")["vat_regime"] = "overseas_dom"
    assert len([problem for problem in company.load().warnings if "made anew" in problem.message]) == 1


@pytest.mark.parametrize(
    ("postal_code", "expected"),
    [
        ("69001", ("S", Decimal(20), 12, 2)),
        ("97200", ("S", Decimal("8.5"), 12, 1)),  # 0.0102
        ("97300", ("E", Decimal(0), 12, 0)),
    ],
)
def test_without_a_regime_the_establishment_decides(
    company: Company, postal_code: str, expected: tuple[str, Decimal, int, int]
) -> None:
    with_calls(company, "2026-10-10", vat_regime="", postal_code=postal_code)
    assert breakdown(company) == [expected]


def test_a_paying_branch_has_the_regime_of_its_own_establishment(company: Company) -> None:
    company.customer("C0")
    with_calls(
        company,
        "2026-10-10",
        vat_regime="",
        parent="C0",
        issuer="",
        kind="branch",
        own_invoice="yes",
        postal_code="97400",
    )
    assert breakdown(company) == [("S", Decimal("8.5"), 12, 1)]


def test_a_paying_branch_of_an_operator_is_an_operator(company: Company) -> None:
    company.customer("C0", vat_regime="reverse_charge", vat_number="FR44732829320", resells="yes")
    with_calls(company, "2026-10-10", vat_regime="", parent="C0", issuer="", kind="branch", own_invoice="yes")
    assert breakdown(company) == [("AE", Decimal(0), 12, 0)]


def test_an_account_that_may_not_have_its_regime_is_left_out_with_the_reason(company: Company) -> None:
    from ardoise.directory.models import Account

    with_calls(company, "2026-10-10")
    company.load()
    Account.objects.filter(code="C1").update(vat_regime="reverse_charge", vat_number="FR44732829320")
    (done,) = company.bill()
    assert done.numbers == []
    assert "only for an operator that buys to resell" in done.faulty["C1"][0].message


def test_an_invoice_of_goods_and_services_says_that_it_is_mixed(company: Company) -> None:
    with_calls(company, "2026-10-10")
    company.product("tel", "80.00", kind="one_off", nature="goods")
    company.buy("P1", "C1", "tel", "2026-10-05")
    company.load()
    company.bill()
    assert document_of("C1").operation_category == "mixed"


def test_a_free_helpline_that_no_bill_shows_makes_no_mixed_invoice(company: Company) -> None:
    company.customer("C1")
    company.line("0472000001", "C1")
    company.call("2026-10-10 12:00:00", "0472000001", "112", 60)
    company.product("tel", "80.00", kind="one_off", nature="goods")
    company.buy("P1", "C1", "tel", "2026-10-05")
    company.load()
    company.bill()
    assert document_of("C1").operation_category == "goods"


@pytest.mark.parametrize(("option", "said"), [("true", True), ("false", False)])
def test_the_option_for_debits_is_said_on_invoices(company: Company, option: str, said: bool) -> None:
    company.files["issuers.toml"] = company.files["issuers.toml"].replace(ISSUER, f"{ISSUER}vat_on_debits = {option}\n")
    with_calls(company, "2026-10-10")
    company.load()
    company.bill()
    assert document_of("C1").vat_on_debits is said


# --- what was billed under a regime that was not that of its day


def billed_in_the_wrong_place(company: Company) -> None:
    """C1 is billed 0.24 at 20 % in October, then turns out to be overseas since 15 October; C2 stays where it is."""
    company.customer("C2")
    company.line("0472000002", "C2")
    company.call("2026-10-16 12:00:00", "0472000002", "0612345678", 60)
    with_calls(company, "2026-10-14", "2026-10-16")
    assert breakdown(company) == [("S", Decimal(20), 24, 5)]
    company.add(
        "vat_regimes", REGIME | {"account": "C1", "vat_regime": "overseas_dom", "valid_from_date": "2026-10-15"}
    )
    company.load()


def wrong(month: str = "2026-10") -> list[tuple[str, str, int, int]]:
    """(account, document, VAT billed, VAT today)."""
    found = retaxed(EVERYTHING, month=month)
    return [(one.account.code, one.document.number, one.old_vat_minor, one.new_vat_minor) for one in found]


def test_an_invoice_of_another_regime_is_proposed_then_made_anew_once(company: Company) -> None:
    billed_in_the_wrong_place(company)
    # 0.24 x 20 % = 0.048; today 0.12 x 20 % = 0.024 and 0.12 x 8.5 % = 0.0102
    assert wrong() == [("C1", "FA2026-00001", 5, 3)]
    (one,) = retaxed(EVERYTHING, month="2026-10")
    assert (one.old, one.new) == ((("S", Decimal(20)),), (("S", Decimal(20)), ("S", Decimal("8.5"))))
    done = flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now, reason="Déménagement")
    assert (done.faulty, done.left) == ({}, {})
    assert {code: [row.number for row in rows] for code, rows in done.issued.items()} == {
        "C1": ["AV2026-00001", "FA2026-00003"]
    }
    assert issued("FA2026-00003").preceding == (("FA2026-00001", ISSUE_DATE),)
    assert (issued("AV2026-00001").totals.vat_minor, issued("FA2026-00003").totals.vat_minor) == (5, 3)
    assert wrong() == []
    assert flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now).issued == {}
    assert all(run.numbers == [] for run in company.bill())


def test_a_gesture_made_before_is_in_what_was_billed(company: Company) -> None:
    """0.12 of 0.24 was given: VAT 0.05 - 0.02; made anew, the whole is billed."""
    billed_in_the_wrong_place(company)
    invoice = Document.objects.get(number="FA2026-00001")
    flow.credit(
        invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Geste", portions=lambda _i, _a: {1: 12}
    )
    assert wrong() == [("C1", "FA2026-00001", 3, 3)]
    flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now)
    assert issued("AV2026-00002").totals.net_minor == 12
    assert wrong() == []


def test_an_invoice_that_was_completed_is_made_anew_with_what_completes_it(company: Company) -> None:
    billed_in_the_wrong_place(company)
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", "mobile,,0.15")
    company.load(correct=True)
    company.rate()
    corrections.correct(
        month="2026-10", issue_date=ISSUE_DATE, now=company.now, validator=flow.delivery.official_verdicts
    )  # the prices alone: a debit of 0.06 completes FA2026-00001
    assert issued("FA2026-00003").preceding == (("FA2026-00001", ISSUE_DATE),)
    # 0.05 and 0.01 were billed; 0.15 x 20 % = 0.03, 0.15 x 8.5 % = 0.01275
    assert wrong() == [("C1", "FA2026-00001", 6, 4)]
    flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now)
    assert wrong() == []
    rows = Document.objects.filter(account__code="C1")
    assert sum(-row.vat_minor if row.kind == "credit_note" else row.vat_minor for row in rows) == 4


def test_a_rate_corrected_for_the_past_is_proposed_too(company: Company) -> None:
    with_calls(company, "2026-10-14")
    breakdown(company)
    VatRate.objects.filter(regime="standard").update(rate=Decimal("19.60"))
    assert wrong() == [("C1", "FA2026-00001", 2, 2)]  # 0.12 x 19.6 % = 0.02352: the rate counts, not the cent
    assert wrong("2026-09") == []


def test_prices_with_tax_keep_their_total_and_change_their_net(company: Company) -> None:
    """0.10 with tax a minute, two of them: at 20 % the net is 0.17 and the VAT 0.03; exempt today: 0.20 and none."""
    company.customer("P1", "Mme Rey", audience="B2C", basis="ttc", siren="")
    company.line("0472000003", "P1")
    company.files["tariffs/public.toml"] = tariff("public", tax_basis="ttc")
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", "mobile,,0.10")
    company.call("2026-10-05 10:00:00", "0472000003", "0612345678", 120)
    company.load()
    company.bill()
    company.row("accounts", code="P1")["vat_regime"] = "guyane_mayotte"
    company.load()
    assert wrong() == [("P1", "FA2026-00001", 3, 0)]
    flow.correct(month="2026-10", issue_date=ISSUE_DATE, now=company.now)
    assert (issued("FA2026-00002").totals.net_minor, issued("FA2026-00002").totals.payable_minor) == (20, 20)


def test_nothing_is_proposed_where_the_vat_cannot_be_told_any_more(company: Company) -> None:
    with_calls(company, "2026-10-14")
    breakdown(company)
    Account.objects.filter(code="C1").update(vat_regime="exempt", vat_reason="")
    assert wrong() == []


def test_the_commands_say_the_vat_and_make_the_invoice_anew(company: Company) -> None:
    billed_in_the_wrong_place(company)

    def run(*words: str) -> str:
        app = typer.Typer()
        app.add_typer(correction_commands.bill, name="bill")
        done = CliRunner().invoke(app, ["bill", *words, "--month", "2026-10"], env={"COLUMNS": "160"})
        assert done.exit_code == 0, done.output
        return done.stdout

    said = run("proposals")
    row = next(line for line in said.splitlines() if "FA2026-00001" in line)
    assert " ".join(row.replace("│", " ").split()) == ("C1 FA2026-00001 S 20 % 0,05 € S 20 %, S 8.5 % 0,03 € -0,02 €")
    (told,) = json.loads(run("proposals", "--json"))
    assert (told["kind"], told["old_vat_minor"], told["new_vat_minor"]) == ("vat", 5, 3)
    assert "would be credited whole, and made anew" in run("correct", "--preview", "--today", "2026-11-05")
    assert Document.objects.count() == 2
    said = run("correct", "--reason", "Déménagement", "--today", "2026-11-05")
    assert "AV2026-00001" in said
    assert "FA2026-00003" in said
    assert "Nothing to correct" in run("correct", "--today", "2026-11-05")
