"""What stands on a document, to the cent: one story each, with its arithmetic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ardoise.bill.models import Document as IssuedDocument
from ardoise.bill.models import Series
from ardoise.core.documents import Document, DocumentLine, Section
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.deliver.itemised import annex_of
from stage.company import (
    EMERGENCY,
    LANDLINE,
    MOBILE,
    OWN_COSTS,
    SURTAXED,
    Company,
    charges,
    document_of,
    line_of,
    tariff,
)

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


def lines_of(document: Document, section: Section) -> list[DocumentLine]:
    return [line for line in document.lines if line.section is section]


def test_a_call_of_61_s_at_12_cents_a_started_minute_costs_24_cents_and_29_with_tax(company: Company) -> None:
    company.customer("C1", "Boulangerie du Rhône")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    (done,) = company.bill()
    assert done.numbers == ["FA2026-00001"]
    invoice = document_of("C1")
    assert line_of(invoice, Section.OUTSIDE).net_minor == 24  # 2 started minutes x 12
    assert (invoice.totals.net_minor, invoice.totals.vat_minor) == (24, 5)  # 24 x 20 % = 4.8
    assert invoice.totals.payable_minor == 29
    assert (invoice.buyer.name, invoice.buyer.customer_code) == ("Boulangerie du Rhône", "C1")
    assert (str(invoice.period_from), str(invoice.period_to)) == ("2026-10-01", "2026-10-31")
    assert str(invoice.due_date) == "2026-12-05"  # 5 November + 30 days


def test_calls_are_summed_in_micros_and_rounded_once_on_the_line(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    for minute in range(3):
        company.call(f"2026-10-05 10:{minute:02d}:00", PHONE, LANDLINE, 13)
    company.bill()
    # 13 s x 0.02 / 60 = 0.004333 each; 3 x 4333 = 12999 micros = 1.2999 cents. Rounded call by call it would be 0.
    line = line_of(document_of("C1"), Section.OUTSIDE)
    assert line.net_minor == 1
    assert line.detail.replace("\u00a0", " ") == "3 appels, 39 s"


def test_a_customer_in_tax_included_prices_pays_the_advertised_total_and_the_cent_stands_in_bt_114(
    company: Company,
) -> None:
    company.customer("P1", "Mme Rey", audience="B2C", basis="ttc", siren="")
    company.product("box", "9.99", tax_basis="ttc")
    company.subscribe("S1", "P1", product="box", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    totals = document_of("P1").totals
    # 9.99 / 1.2 = 8.325 -> 8.33; 8.33 x 20 % = 1.666 -> 1.67; 8.33 + 1.67 = 10.00: a cent too much.
    assert (totals.net_minor, totals.vat_minor, totals.gross_minor) == (833, 167, 1000)
    assert (totals.rounding_minor, totals.payable_minor) == (-1, 999)


def test_a_price_without_tax_on_a_tax_included_document_gets_its_tax_first(company: Company) -> None:
    company.customer("P1", "Mme Rey", audience="B2C", basis="ttc", siren="")
    company.product("box", "10.00")
    company.subscribe("S1", "P1", product="box", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    totals = document_of("P1").totals
    assert (totals.net_minor, totals.vat_minor, totals.payable_minor) == (1000, 200, 1200)


def test_a_call_half_covered_by_the_included_minutes_is_half_charged(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.files["allowances.csv"] = "code,name,quantity,zones\nfixe2,2 min vers fixes,120,fixe\n"
    company.product("forfait", "5")
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait 2 min,forfait,public,fixe2\n"
    company.subscribe("S1", "C1", line=f"L{PHONE}", plan="P", valid_from_date="2026-10-01")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-05 11:00:00", PHONE, LANDLINE, 120)
    company.bill()
    invoice = document_of("C1")
    covered = line_of(invoice, Section.INCLUDED)
    assert (covered.net_minor, covered.detail.replace("\u00a0", " ")) == (0, "1 appel, 1 min 00 s")
    assert line_of(invoice, Section.BEYOND).net_minor == 2  # 120 s, of which 60 are left: 1 min x 2 cents


def test_the_service_part_of_a_surtaxed_number_stands_apart(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, SURTAXED, 90)
    company.bill()
    invoice = document_of("C1")
    assert line_of(invoice, Section.OUTSIDE).net_minor == 0  # C: the price of an ordinary call, 0 in this tariff
    service = line_of(invoice, Section.THIRD_PARTY)
    assert service.net_minor == 120  # S: 0.80 a minute x 1.5
    assert "valeur ajoutée" in service.label


def test_a_call_for_help_is_frozen_with_the_invoice_and_stands_nowhere_on_it(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, EMERGENCY, 50)
    company.call("2026-10-05 10:05:00", PHONE, LANDLINE, 60)
    company.bill()
    invoice = document_of("C1")
    assert [line.label for line in invoice.lines] == ["Fixes"]
    frozen = charges("frozen")
    assert sorted(frozen[CHARGES.number_category]) == ["emergency", "geographic"]
    assert dict(zip(frozen[CHARGES.number_category], frozen[FROZEN.line_no], strict=True))["emergency"] == 0
    annex = annex_of(IssuedDocument.objects.get(), invoice)
    assert annex is not None
    assert [row.destination for row in annex.rows] == ["Fixes"]


def test_the_itemised_calls_hide_the_last_four_digits(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-25 02:30:00", PHONE, MOBILE, 61)
    company.bill()
    annex = annex_of(IssuedDocument.objects.get(), document_of("C1"))
    assert annex is not None
    (row,) = annex.rows
    assert (row.called.replace("\u202f", " "), row.duration_s, row.billed_s) == ("06 12 34 •• ••", 61, 120)
    assert row.amount_micros == 240_000
    assert row.local_text.startswith("25/10/2026 02:30:00")


def test_a_subscription_in_advance_from_15_october_bills_17_days_and_november(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-15")
    company.load()
    company.bill()
    stub, november = lines_of(document_of("C1"), Section.SUBSCRIPTION)
    assert (stub.net_minor, stub.detail) == (1700, "du 15/10/2026 au 31/10/2026")  # 31.00 x 17/31
    assert (november.net_minor, november.detail) == (3100, "du 01/11/2026 au 30/11/2026")


def test_a_subscription_taken_over_is_billed_from_the_month_the_old_system_had_not_billed(company: Company) -> None:
    company.files["issuers.toml"] += 'first_month = "2026-10"\n'
    company.customer("C1")
    company.product("avance", "10.00")
    company.product("echu", "7.00", in_advance="no")
    company.subscribe("S1", "C1", product="avance", valid_from_date="2021-03-01")
    company.subscribe("S2", "C1", product="echu", valid_from_date="2021-03-01")
    company.load()
    company.bill()
    billed = {line.label: (line.net_minor, line.detail) for line in document_of("C1").lines}
    # In advance, October was billed in September by the old system; in arrears, nobody has billed it yet.
    assert billed == {
        "Produit avance": (1000, "du 01/11/2026 au 30/11/2026"),
        "Produit echu": (700, "du 01/10/2026 au 31/10/2026"),
    }


def test_a_one_off_purchase_prints_its_quantity_and_its_price(company: Company) -> None:
    company.customer("C1")
    company.product("poste", "89.90", kind="one_off", nature="goods")
    company.buy("P1", "C1", "poste", "2026-10-12", quantity="3")
    company.load()
    company.bill()
    invoice = document_of("C1")
    line = line_of(invoice, Section.ONE_OFF)
    assert (line.quantity, line.unit_price, line.net_minor) == (Decimal(3), Decimal("89.9"), 26970)
    assert line.detail == "le 12/10/2026"
    assert invoice.operation_category == "goods"
    assert charges("frozen", "2026-10").height == 1
    company.preview("2026-11")
    assert charges("open", "2026-11").is_empty()  # bought once, billed once


def test_branches_of_a_customer_are_groups_of_its_invoice(company: Company) -> None:
    company.customer("C1", "Mairie")
    company.branch("C1-ECOLE", "École", parent="C1")
    company.line(PHONE, "C1")
    company.line("0472000002", "C1-ECOLE")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-05 10:00:00", "0472000002", LANDLINE, 180)
    company.bill()
    groups = {line.group: line.net_minor for line in document_of("C1").lines}
    assert groups == {"": 2, "École": 6}


def test_a_company_that_splits_its_costs_gets_a_statement_by_department_and_no_number_of_a_series(
    company: Company,
) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,usine,public\n"
    company.department("ATELIER", "Atelier", issuer="usine")
    company.department("BUREAU", "Bureau", issuer="usine", parent="ATELIER")
    company.line(PHONE, "ATELIER")
    company.line("0472000002", "ATELIER")
    company.line("0472000003", "BUREAU")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-05 10:00:00", "0472000002", LANDLINE, 120)
    company.call("2026-10-05 10:00:00", "0472000003", LANDLINE, 300)
    (done,) = company.bill()
    assert done.numbers == ["REL-2026-10-ATELIER", "REL-2026-10-BUREAU"]
    atelier = document_of("ATELIER", kind="statement")
    assert [(line.label, line.net_minor) for line in atelier.lines] == [
        (f"L{PHONE}", 2),
        ("L0472000002", 4),
    ]
    assert (atelier.totals.vat_minor, atelier.totals.payable_minor, atelier.vat) == (0, 6, ())
    assert atelier.due_date is None
    assert document_of("BUREAU", kind="statement").totals.net_minor == 10
    assert not Series.objects.exists()


def test_statements_of_departments_whose_codes_begin_alike_have_references_of_their_own(company: Company) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,usine,public\n"
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    codes = ("DIRECTION-GENERALE-DES-SERVICES-NORD", "DIRECTION-GENERALE-DES-SERVICES-SUD")
    company.product("poste", "5")
    for number, code in enumerate(codes):
        company.department(code, code, issuer="usine")
        company.subscribe(f"S{number}", code, product="poste", valid_from_date="2026-10-01")
    company.load()
    (done,) = company.bill()
    assert done.numbers == [f"REL-2026-10-{code}" for code in codes]


def test_an_invoice_of_zero_is_issued_and_moves_no_balance(company: Company) -> None:
    company.customer("C1")
    company.product("gratuit", "0")
    company.subscribe("S1", "C1", product="gratuit", valid_from_date="2026-11-01")
    company.load()
    (done,) = company.bill()
    assert (done.numbers, done.faulty) == (["FA2026-00001"], {})
    assert document_of("C1").totals.payable_minor == 0


def test_a_customer_who_is_not_billable_is_priced_and_never_invoiced(company: Company) -> None:
    company.customer("TEST", billable="no")
    company.line(PHONE, "TEST")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    (done,) = company.bill()
    assert done.numbers == []
    assert list(charges()[CHARGES.amount_micros]) == [240_000]


def test_calls_priced_with_tax_and_calls_priced_without_stand_on_lines_of_their_own(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.files["tariffs/ttc.toml"] = tariff("ttc", tax_basis="ttc")
    company.files["tariffs/ttc-2026-01-01.csv"] = "prefix,zone,price_per_min\n+336,mobile,0.24\n"
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,voxa,public\naccount,C1,ttc\n"
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-05 11:00:00", PHONE, LANDLINE, 60)
    company.bill()
    # 0.24 with tax = 0.20 without; landlines come from the default tariff: 0.02.
    assert {line.label: line.net_minor for line in document_of("C1").lines} == {"Mobiles": 20, "Fixes": 2}


def test_the_same_product_at_two_agreed_prices_stands_on_two_lines(company: Company) -> None:
    company.customer("C1")
    company.product("poste", "10.00")
    company.subscribe("S1", "C1", product="poste", valid_from_date="2026-11-01")
    company.subscribe("S2", "C1", product="poste", valid_from_date="2026-11-01")
    company.subscribe("S3", "C1", product="poste", valid_from_date="2026-11-01", unit_price="7.50")
    company.load()
    company.bill()
    printed = sorted((line.quantity, line.unit_price, line.net_minor) for line in document_of("C1").lines)
    assert printed == [(Decimal(1), Decimal("7.5"), 750), (Decimal(2), Decimal(10), 2000)]
