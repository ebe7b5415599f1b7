"""Every VAT situation of the demo companies is valid against XSD, EN 16931 and BR-FR; broken XML names its rule."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from specimens import BUYER, SELLER, document, line, usual_lines

from ardoise.core.documents import Document, DocumentKind, Section, Totals, VatLine
from ardoise.deliver.facturx import NoElectronicForm, facturx_xml
from ardoise.deliver.validation import Validator


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    with Validator() as one:
        yield one


def with_tax_and_a_cent_apart() -> Document:
    """9.99 with tax at 20 %: net 9.99 / 1.2 = 8.325 -> 8.33, VAT 1.666 -> 1.67, sum 10.00: one cent too much."""
    one = document([line(Section.SUBSCRIPTION, "Forfait mobile", price="8.33")])
    return replace(
        one,
        lines=(replace(one.lines[0], gross_minor=999),),
        vat=(VatLine("S", Decimal("20"), 833, 167),),
        totals=Totals(net_minor=833, vat_minor=167, gross_minor=1000, rounding_minor=-1, payable_minor=999),
        with_tax=True,
    )


def mixed_rates() -> Document:
    return document(
        [
            line(Section.SUBSCRIPTION, "Forfait Lyon", price="100", group="Lyon"),
            line(Section.SUBSCRIPTION, "Forfait Saint-Denis", price="100", rate="8.5", group="Saint-Denis"),
            line(Section.ONE_OFF, "Livre", price="12.34", rate="5.5"),
        ],
        operation_category="mixed",
    )


FRANCHISE = {"E": ("TVA non applicable – article 293 B du CGI", "VATEX-FR-FRANCHISE")}

VALID = {
    "standard 20 %": document(usual_lines()),
    "VAT on payment": document(usual_lines(), vat_on_debits=False),
    "DOM 8.5 %": document(usual_lines(rate="8.5")),
    "Guyane, no VAT": document(
        usual_lines(rate="0", category="E"), reasons={"E": ("TVA non applicable – article 294, 1 du CGI", "")}
    ),
    "reverse charge between operators": document(
        usual_lines(rate="0", category="AE"),
        reasons={"AE": ("Autoliquidation – article 283, 2 octies du CGI", "VATEX-EU-AE")},
    ),
    "franchise, seller without VAT number": document(
        usual_lines(rate="0", category="E"), reasons=FRANCHISE, seller=replace(SELLER, vat_number="")
    ),
    "export of services": document(
        usual_lines(rate="0", category="G"),
        reasons={"G": ("TVA non applicable – article 259, 1° du CGI", "VATEX-EU-G")},
        buyer=replace(BUYER, siren="", vat_number="", country="CH", electronic_address="", email="a@b.example"),
        audience="B2BINT",
    ),
    "mixed rates": mixed_rates(),
    "credit note": document(
        [line(Section.BEYOND, "Appels facturés deux fois", price="31.27")],
        kind=DocumentKind.CREDIT_NOTE,
        number="TM-AV-2026-000007",
        preceding=(("TM-2026-000098", date(2026, 10, 5)),),
        due_date=None,
    ),
    "with tax, one cent of rounding": with_tax_and_a_cent_apart(),
    "six decimals and four decimals": document(
        [line(Section.BEYOND, "Secondes", price="0.000333", quantity="12345.6789")]
    ),
    "a discount is a negative quantity": document(
        [
            line(Section.SUBSCRIPTION, "Forfait", price="20"),
            line(Section.SUBSCRIPTION, "Remise", price="5", quantity="-1"),
        ]
    ),
    "private customer": document(
        usual_lines(),
        buyer=replace(BUYER, name="Jeanne Martin", siren="", vat_number="", email="jeanne@martin.example"),
        audience="B2C",
    ),
    "direct debit": document(
        usual_lines(),
        payment_means="59",
        mandate_reference="RUM-00042",
        creditor_identifier="FR12ZZZ123456",
        debited_iban="FR7630006000011234567890189",
    ),
    "branches of a SIRET": document(
        usual_lines(group="Agence de Lyon"), buyer=replace(BUYER, siret="55210055400013"), purchase_order="BC-77"
    ),
    "partly paid": replace(
        document([line(Section.ONE_OFF, "Poste", price="100")]),
        totals=Totals(net_minor=10000, vat_minor=2000, gross_minor=12000, prepaid_minor=5000, payable_minor=7000),
    ),
    "fully paid (cadre S2)": replace(
        document([line(Section.ONE_OFF, "Poste", price="100")], due_date=date(2026, 11, 5)),
        totals=Totals(net_minor=10000, vat_minor=2000, gross_minor=12000, prepaid_minor=12000, payable_minor=0),
    ),
}


@pytest.mark.parametrize("name", VALID)
def test_a_document_is_valid_against_xsd_en16931_and_br_fr(name: str, validator: Validator) -> None:
    assert validator.validate([facturx_xml(VALID[name])]) == [[]]


STANDARD = facturx_xml(VALID["standard 20 %"])  # 249.14 + 49.83 = 298.97
CREDIT = facturx_xml(VALID["credit note"])
# What is broken, with what, and a rule that must be among those told.
BROKEN = [
    (STANDARD, b"<ram:GrandTotalAmount>298.97<", b"<ram:GrandTotalAmount>298.96<", "BR-CO-15"),
    (STANDARD, b"<ram:DuePayableAmount>298.97<", b"<ram:DuePayableAmount>298.00<", "BR-CO-16"),
    (STANDARD, b"<ram:LineTotalAmount>249.14<", b"<ram:LineTotalAmount>250.14<", "BR-CO-10"),
    (STANDARD, b"<ram:CalculatedAmount>49.83<", b"<ram:CalculatedAmount>49.00<", "BR-CO-14"),
    (STANDARD, b"<ram:ID>TM-2026-000123</ram:ID>", b"<ram:ID></ram:ID>", "BR-02"),
    (STANDARD, b"<ram:ID>TM-2026-000123</ram:ID>", b"<ram:ID>TM 2026 123</ram:ID>", "BR-FR-02"),
    (STANDARD, b"<ram:ID>S1</ram:ID>", b"<ram:ID>Z1</ram:ID>", "BR-FR-08"),
    (STANDARD, b"<ram:SubjectCode>PMD<", b"<ram:SubjectCode>AAI<", "BR-FR-05"),
    (STANDARD, b"<ram:ChargeAmount>0.0875<", b"<ram:ChargeAmount>0.0875001<", "BR-FR-DEC-03"),
    # The rule set of Factur-X 1.09 names its own check of the currency list (BR-CL-04 of the standard).
    (STANDARD, b"<ram:InvoiceCurrencyCode>EUR<", b"<ram:InvoiceCurrencyCode>EUX<", "FX-SCH-A-000595"),
    (CREDIT, b"<ram:IssuerAssignedID>TM-2026-000098<", b"<ram:IssuerAssignedID>TM 98<", "BR-FR-02"),
    (STANDARD, b"<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode>", b"", "XSD"),
    (STANDARD, b"</rsm:CrossIndustryInvoice>", b"", "XML"),
]


@pytest.mark.parametrize(("xml", "old", "new", "rule"), BROKEN, ids=[f"{b[3]}-{i}" for i, b in enumerate(BROKEN)])
def test_a_broken_invoice_names_the_rule(xml: bytes, old: bytes, new: bytes, rule: str, validator: Validator) -> None:
    broken = xml.replace(old, new)
    assert broken != xml
    (problems,) = validator.validate([broken])
    assert rule in {problem.rule for problem in problems}
    assert all(problem.text for problem in problems)


def test_an_exemption_without_its_reason_breaks_br_e_10(validator: Validator) -> None:
    (problems,) = validator.validate([facturx_xml(document(usual_lines(rate="0", category="E")))])
    assert "BR-E-10" in {problem.rule for problem in problems}


def test_a_credit_note_without_its_invoice_breaks_the_french_rule(validator: Validator) -> None:
    (problems,) = validator.validate([facturx_xml(replace(VALID["credit note"], preceding=()))])
    assert "BR-FR-CO-05" in {problem.rule for problem in problems}


def test_a_business_without_siren_breaks_a_french_rule(validator: Validator) -> None:
    (problems,) = validator.validate([facturx_xml(document(usual_lines(), buyer=replace(BUYER, siren="")))])
    assert any(problem.rule.startswith("BR-FR-") for problem in problems)


def test_a_batch_keeps_its_order_and_tells_its_progress() -> None:
    good, bad = STANDARD, STANDARD.replace(b"<ram:GrandTotalAmount>298.97<", b"<ram:GrandTotalAmount>1.00<")
    steps: list[tuple[int, int]] = []
    with Validator() as one:
        found = one.validate([good] * 50 + [bad, good], progress=lambda done, total: steps.append((done, total)))
    assert [bool(problems) for problems in found] == [False] * 50 + [True, False]
    assert steps == [(50, 52), (52, 52)]  # batches of 50


def test_a_killed_worker_is_replaced() -> None:
    with Validator() as one:
        assert one.validate([STANDARD]) == [[]]
        first = one.worker_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        assert one.validate([STANDARD]) == [[]]
        assert one.worker_pid != first


def test_closing_ends_the_worker() -> None:
    one = Validator()
    one.validate([STANDARD])
    pid = one.worker_pid
    assert pid is not None
    one.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_statement_and_a_draft_have_no_xml() -> None:
    with pytest.raises(NoElectronicForm):
        facturx_xml(replace(VALID["standard 20 %"], kind=DocumentKind.STATEMENT))
    with pytest.raises(NoElectronicForm):
        facturx_xml(replace(VALID["standard 20 %"], number=""))
