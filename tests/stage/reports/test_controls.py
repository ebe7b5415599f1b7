"""The control reports: what was billed, per customer, over twelve months, and who cost what."""

from __future__ import annotations

import io
import json
from datetime import date
from pathlib import Path

import pikepdf
import pytest
from python_calamine import CalamineWorkbook

from ardoise import flow
from ardoise.bill.models import Document
from ardoise.collect import operations as collecting
from ardoise.collect.models import Source
from ardoise.collect.queries import folder_of
from ardoise.directory.models import Issuer
from ardoise.reports import operations as reporting
from ardoise.reports import queries
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, OWN_COSTS, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def billed(company: Company) -> Company:
    """C1: calls 0.06, subscription 10.00, purchase 89.90; a second customer credited in full."""
    company.customer("C1", "Mairie")
    company.customer("C2", "École")
    company.line(PHONE, "C1")
    company.product("abo", "10.00")
    company.product("poste", "89.90", kind="one_off", nature="goods")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.subscribe("S2", "C2", product="abo", valid_from_date="2026-11-01")
    company.buy("P1", "C1", "poste", "2026-10-12")
    company.files["past_totals.csv"] = (
        "account,month,usage,subscription,total\nC1,2026-09,1.00,10.00,11.00\nC1,2025-11,2.00,10.00,12.00\n"
        "C1,2025-10,9.00,9.00,18.00\n"
    )
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 180)
    company.bill()
    flow.credit(
        invoice=Document.objects.get(account__code="C2"), issue_date=ISSUE_DATE, now=company.now, reason="Erreur"
    )
    return company


def issuers() -> list[Issuer]:
    return list(Issuer.objects.all())


def test_the_list_holds_every_document_with_credits_as_negatives(billed: Company) -> None:
    table = queries.invoices_of_month(issuers(), MONTH, ISSUE_DATE)
    assert [(row["number"], row["kind"], row["net"], row["vat"], row["gross"]) for row in table.rows] == [
        ("AV2026-00001", "Avoir", -1000, -200, -1200),
        ("FA2026-00001", "Facture", 9996, 1999, 11995),  # 0.06 + 10.00 + 89.90; 99.96 x 20 % = 19.992
        ("FA2026-00002", "Facture", 1000, 200, 1200),
    ]
    assert table.totals == {"issuer": "Total", "net": 9996, "vat": 1999, "gross": 11995}


def test_the_summary_tells_calls_subscriptions_and_purchases_apart(billed: Company) -> None:
    table = queries.invoice_summary(issuers(), MONTH, ISSUE_DATE)
    rows = {row["code"]: (row["usage"], row["subscription"], row["one_off"], row["total"]) for row in table.rows}
    assert rows == {"C1": (6, 1000, 8990, 9996), "C2": (0, 0, 0, 0)}


def test_twelve_months_end_with_this_one_and_start_eleven_before(billed: Company) -> None:
    table = queries.twelve_months(issuers(), MONTH, ISSUE_DATE)
    mairie = next(row for row in table.rows if row["customer"] == "Mairie")
    months = [name for name in mairie if str(name).startswith("20")]
    assert (months[0], months[-1], len(months)) == ("2025-11", "2026-10", 12)
    assert (mairie["2025-11"], mairie["2026-09"], mairie["2026-10"], mairie["2026-08"]) == (1200, 1100, 9996, None)
    assert mairie["total"] == 1200 + 1100 + 9996  # October 2025 is thirteen months ago
    assert table.totals is not None
    assert table.totals["2026-10"] == 9996  # École was credited in full


def test_the_files_are_written_and_the_list_is_followed_by_every_document(billed: Company) -> None:
    flow.deliver(now=billed.now)
    written = flow.report(month=MONTH, made_on=ISSUE_DATE)
    names = [path.relative_to(billed.home / "reports").as_posix() for path in written["Voxa"]]
    assert names == [
        "Voxa/2026-10 Facturation mois dernier.pdf",
        "Voxa/2026-10 Facturation mois dernier.xlsx",
        "Voxa/2026-10 Tableau des factures.pdf",
        "Voxa/2026-10 Tableau des factures.xlsx",
        "Voxa/2026-10 Synthèse sur 12 mois.pdf",
        "Voxa/2026-10 Synthèse sur 12 mois.xlsx",
    ]
    listed = _pages(written["Voxa"][0])
    documents = sum(_pages(path) for path in (billed.home / "documents").rglob("*.pdf") if "détail" not in path.name)
    assert listed == 1 + documents


def test_the_workbook_holds_numbers_and_not_texts(billed: Company) -> None:
    flow.deliver(now=billed.now)
    written = flow.report(month=MONTH, made_on=ISSUE_DATE)["Voxa"]
    sheet = CalamineWorkbook.from_path(str(written[1])).get_sheet_by_index(0).to_python()
    cells = [cell for row in sheet for cell in row]
    assert 99.96 in cells


def test_writing_them_again_gives_the_same_bytes(billed: Company) -> None:
    flow.deliver(now=billed.now)
    first = {path: path.read_bytes() for path in flow.report(month=MONTH, made_on=ISSUE_DATE)["Voxa"]}
    again = {path: path.read_bytes() for path in flow.report(month=MONTH, made_on=ISSUE_DATE)["Voxa"]}
    assert [path.name for path in first if first[path] != again[path]] == []


def test_a_company_that_splits_its_costs_gets_the_cost_of_each_extension(company: Company) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,usine,public\n"
    company.department("ATELIER", "Atelier", issuer="usine")
    company.line(PHONE, "ATELIER")
    company.product("poste", "5.00")
    company.subscribe("S1", "ATELIER", product="poste", line=f"L{PHONE}", valid_from_date="2026-11-01")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-05 11:00:00", PHONE, LANDLINE, 120)
    company.bill()
    table = queries.cost_by_extension(issuers(), MONTH, ISSUE_DATE)
    (row,) = table.rows
    assert (row["department"], row["extension"], row["calls"], row["talk"]) == ("Atelier", f"L{PHONE}", 2, 180)
    assert (row["usage"], row["fees"], row["total"]) == (6, 500, 506)
    flow.deliver(now=company.now)
    names = [path.name for path in flow.report(month=MONTH, made_on=ISSUE_DATE)["Usine"]]
    assert {"2026-10 Coûts par service et par poste.pdf", "2026-10 Activité par poste.xlsx"} <= set(names)


def test_what_each_extension_did_is_a_table_with_its_totals(company: Company) -> None:
    source_text = company.files["sources.toml"].partition("profile")[0]
    company.files["sources.toml"] = source_text.replace('"delimited"', '"yeastar"')
    company.load()
    source = Source.objects.get()
    called = {"call_from": "201", "call_to": MOBILE, "duration": 66, "talk_duration": 61, "disposition": "ANSWERED"}
    call = {"uid": "1", "timestamp": 1791184353, "call_type": "Outbound", "dst_trunk": "T1"} | called
    folder_of(source).mkdir(parents=True, exist_ok=True)
    (folder_of(source) / "calls.csv").write_text(json.dumps({"data": [call]}))
    collecting.collect_once(now=company.now)
    table = queries.activity_by_extension(issuers(), MONTH, ISSUE_DATE)
    (row,) = table.rows
    assert (row["extension"], row["outgoing"], row["incoming"], row["talk_s"]) == ("201", 1, 0, 61)
    assert table.totals is not None
    assert table.totals["talk_s"] == 61


def test_a_company_without_issuer_is_refused_with_those_that_exist(billed: Company) -> None:
    with pytest.raises(reporting.NothingToReport, match="the companies are: Voxa"):
        reporting.write_controls(company="Autre", month=MONTH, made_on=date(2026, 11, 5))


def _pages(path: Path) -> int:
    with pikepdf.open(io.BytesIO(path.read_bytes())) as opened:
        return len(opened.pages)
