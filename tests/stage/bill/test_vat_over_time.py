"""The VAT of a supply is that of its day: a regime that changes, a rate that changes, an establishment that decides."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise import flow
from ardoise.bill.models import Document, Draft
from ardoise.core import canonical
from stage.company import ISSUE_DATE, ISSUER, Company, document_of

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
    said = [str(problem) for problem in company.load().warnings if "reissue" in problem.message]
    assert said == [
        "vat_regimes.csv, line 2, column vat_regime: days of FA2026-00001 change regime: an invoice is never edited; "
        "where its VAT is wrong, credit it and make it anew: ardoise bill reissue FA2026-00001 --reason TEXT"
    ]
    assert document_of("C1").vat[0].rate == Decimal(20)
    invoice = Document.objects.get(number="FA2026-00001")
    done = flow.reissue(invoice=invoice, issue_date=ISSUE_DATE, now=company.now, reason="Déménagement")
    assert done.invoice is not None
    groups = canonical.from_json(done.invoice.content).vat
    assert {(group.rate, group.basis_minor) for group in groups} == {(Decimal(20), 12), (Decimal("8.5"), 12)}
    company.row("vat_regimes", vat_regime="overseas_dom")["vat_regime"] = "guyane_mayotte"
    (again,) = [problem.message for problem in company.load().warnings if "reissue" in problem.message]
    assert again.startswith("days of FA2026-00002 change regime")  # what was made anew is not named again


def test_writing_the_regime_that_was_billed_anyway_says_nothing(company: Company) -> None:
    with_calls(company, "2026-10-14", vat_regime="")
    breakdown(company)
    company.row("accounts", code="C1")["vat_regime"] = "standard"
    assert [problem for problem in company.load().warnings if "reissue" in problem.message] == []
    company.row("accounts", code="C1")["vat_regime"] = "overseas_dom"
    assert len([problem for problem in company.load().warnings if "reissue" in problem.message]) == 1


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
