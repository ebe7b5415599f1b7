"""The itemised calls and the reports, as a reader and as a spreadsheet see them."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pypdf
import pytest
from python_calamine import load_workbook
from specimens import BRAND

from ardoise.deliver.annex import Annex, AnnexRow, annex_csv, annex_xlsx, render_annex_pdf
from ardoise.deliver.charts import NotDrawable, chart_svg
from ardoise.deliver.sheets import Column, ColumnKind, ReportTable, report_pdf, report_xlsx

N = "\u202f"
S = "\u00a0"


def call(
    n: int, *, line: str = "04 72 00 00 01 – Accueil", micros: int = 125_000, gross: int | None = None, s: int = 61
) -> AnnexRow:
    return AnnexRow(
        local_text=f"{n % 28 + 1:02d}/10/2026 14:32:05",
        line=line,
        calling="",
        called="04 72 00 •• ••",
        destination="Belgique (mobiles)",
        duration_s=s,
        billed_s=s,
        amount_micros=micros,
        section="hors forfait",
        gross_micros=gross,
    )


def annex(*rows: AnnexRow, language: str = "fr") -> Annex:
    return Annex(
        reference="TM-2026-000123-D",
        document_number="TM-2026-000123",
        customer="Menuiserie Bellecour SARL",
        customer_code="CL-00042",
        period_from=date(2026, 10, 1),
        period_to=date(2026, 10, 31),
        issue_date=date(2026, 11, 5),
        brand=replace(BRAND, language=language),
        rows=rows,
    )


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def test_the_annex_lists_calls_and_sums_each_line() -> None:
    other = "06 00 00 00 02 – Atelier"
    (printed,) = pages(render_annex_pdf(annex(call(0), call(1, micros=12_500), call(2, line=other, micros=1_000_000))))
    assert "Détail des communications" in printed and "TM-2026-000123-D" in printed
    assert f"01/10/2026{S}14:32:05" in printed and f"04{S}72{S}00{S}••{S}••" in printed
    assert f"0,1375{N}€" in printed  # 0.1250 + 0.0125, with as many decimals as the calls
    assert f"1,1375{N}€" in printed  # all lines
    assert "00:02:02" in printed  # 61 s + 61 s
    assert "2 communications" in printed and "1 communication 00:" in printed


def test_a_line_that_calls_several_destinations_has_a_sub_total_of_each() -> None:
    rows = [call(0), call(1, s=30), replace(call(2, micros=40_000, s=10), destination="Fixes")]
    (printed,) = pages(render_annex_pdf(annex(*rows)))
    # 61 s + 30 s = 91 s and 0.125 + 0.125 = 0.25 to the mobiles of Belgium, 10 s and 0.04 to landlines
    assert "dont Belgique (mobiles) (2)" in printed and "00:01:31" in printed and f"0,250{N}€" in printed
    assert "dont Fixes (1)" in printed and f"0,040{N}€" in printed
    (one,) = pages(render_annex_pdf(annex(call(0), replace(call(1), destination="Fixes"))))
    assert "dont" not in one  # each call says it already


def test_every_call_is_on_a_page_and_the_line_is_named_again() -> None:
    rows = [replace(call(i), destination=f"Dest{i:04d}") for i in range(700)]  # several runs of pages
    printed = pages(render_annex_pdf(annex(*rows)))
    count = len(printed)
    assert count > 6
    everything = "\n".join(printed)
    assert all(everything.count(f"Dest{i:04d}") == 1 for i in range(700))
    for n, page in enumerate(printed, start=1):
        assert f"Page {n} / {count}" in page
        assert "Date et heure" in page and "Accueil" in page


def test_the_annex_may_show_amounts_with_tax() -> None:
    (printed,) = pages(render_annex_pdf(annex(call(0, micros=125_000, gross=150_000))))
    assert "Montant TTC" in printed and f"0,150{N}€" in printed  # three decimals print both exactly


def test_an_annex_without_calls_says_so() -> None:
    assert "Aucune ligne" in pages(render_annex_pdf(annex()))[0]


def test_the_annex_tells_its_progress_and_is_reproducible() -> None:
    steps: list[tuple[int, int]] = []
    one = annex(*(call(i) for i in range(500)))
    assert render_annex_pdf(one, progress=lambda done, total: steps.append((done, total))) == render_annex_pdf(one)
    assert len(steps) > 1 and steps[-1][0] == steps[-1][1]


def test_the_csv_is_what_a_french_spreadsheet_opens() -> None:
    content = annex_csv(annex(call(0, micros=12_500), replace(call(1), destination="=1+1")))
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0]["Montant HT"] == "0,0125" and rows[0]["Durée (s)"] == "61"
    assert rows[1]["Destination"] == "'=1+1"  # never run as a formula


def test_the_english_csv_has_commas_and_points() -> None:
    rows = list(csv.DictReader(io.StringIO(annex_csv(annex(call(0), language="en")).decode("utf-8-sig"))))
    assert rows[0]["Excl. VAT"] == "0.125"


def test_messages_and_data_stand_under_their_heading_in_the_files_for_spreadsheets() -> None:
    rows = [call(0), replace(call(1), family="Messages"), replace(call(2), family="Données")]
    sheet = load_workbook(io.BytesIO(annex_xlsx(annex(*rows)))).get_sheet_by_index(0).to_python()
    head = next(row for row in sheet if "Famille" in row)
    at = head.index("Famille")
    assert head[at - 1] == "Rubrique"
    assert [row[at] for row in sheet[sheet.index(head) + 1 :]][:3] == ["", "Messages", "Données"]
    lines = annex_csv(annex(*rows)).decode("utf-8-sig").splitlines()
    assert [line.split(";")[at] for line in lines] == ["Famille", "", "Messages", "Données"]
    assert "Famille" not in annex_csv(annex(call(0))).decode("utf-8-sig")


def test_the_workbook_of_calls_has_real_numbers() -> None:
    book = load_workbook(io.BytesIO(annex_xlsx(annex(call(0), call(1, micros=12_500)))))
    assert book.sheet_names == ["Communications", "Par ligne"]
    rows = book.get_sheet_by_name("Communications").to_python()
    assert len(rows) == 3
    assert rows[1][-1] == pytest.approx(0.125) and rows[2][-1] == pytest.approx(0.0125)
    lines = book.get_sheet_by_name("Par ligne").to_python()
    assert lines[-1][0] == "Total" and lines[-1][1] == 2 and lines[-1][-1] == pytest.approx(0.1375)


# Reports --------------------------------------------------------------------------------------------------------------

CHART = {
    "data": {"values": [{"service": "Direction", "cost": 1234.56}, {"service": "Accueil", "cost": 12.5}]},
    "mark": "bar",
    "encoding": {"x": {"field": "service", "type": "nominal"}, "y": {"field": "cost", "type": "quantitative"}},
}
REPORT = ReportTable(
    title="Coûts par service",
    subtitle="Octobre 2026",
    columns=(
        Column("service", "Service"),
        Column("month", "Mois", ColumnKind.MONTH),
        Column("calls", "Appels", ColumnKind.INT),
        Column("talk", "Durée", ColumnKind.DURATION_S),
        Column("cost", "Coût", ColumnKind.MONEY_MINOR),
        Column("share", "Part", ColumnKind.PERCENT),
    ),
    rows=(
        {
            "service": "Direction",
            "month": "2026-10",
            "calls": 1234,
            "talk": 3725,
            "cost": 123456,
            "share": Decimal("99"),
        },
        {"service": "Accueil", "month": "2026-10", "calls": 7, "talk": 59, "cost": 1250, "share": None},
    ),
    made_on=date(2026, 11, 5),
    totals={"service": "Total", "calls": 1241, "talk": 3784, "cost": 124706},
    notes=("Appels internes exclus.",),
    chart=CHART,
)


def test_a_report_prints_its_table_totals_notes_and_chart() -> None:
    (printed,) = pages(report_pdf(REPORT, BRAND))
    for needed in (
        "Coûts par service",
        "Octobre 2026",
        f"oct.{S}2026",
        f"1{N}234{N}",
        "01:02:05",
        f"1{N}234,56{N}€",
        f"99,00{N}%",
        f"1{N}247,06{N}€",
        "Appels internes exclus.",
    ):
        assert needed.rstrip(N) in printed, needed


def test_a_report_is_landscape_and_reproducible() -> None:
    pdf = report_pdf(REPORT, BRAND)
    box = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].mediabox
    assert box.width > box.height
    assert pdf == report_pdf(REPORT, BRAND)


def test_a_report_workbook_has_numbers_that_sum() -> None:
    rows = load_workbook(io.BytesIO(report_xlsx(REPORT))).get_sheet_by_index(0).to_python()
    head = next(i for i, row in enumerate(rows) if row[0] == "Service")
    assert rows[head + 1][4] == pytest.approx(1234.56)
    assert rows[head + 1][5] == pytest.approx(0.99)
    assert rows[head + 2][5] == ""
    assert rows[head + 3][0] == "Total" and rows[head + 3][4] == pytest.approx(1247.06)
    assert report_xlsx(REPORT) == report_xlsx(REPORT)


def test_a_chart_is_an_svg_with_french_numbers_in_the_documents_font() -> None:
    svg = chart_svg(CHART)
    assert svg.startswith("<svg") and "Inter" in svg
    assert f"1{N}000" in svg  # the axis


@pytest.mark.parametrize(
    "spec", [{"data": {"url": "https://example.com/a.csv"}, "mark": "bar", "encoding": {}}, {"mark": "nothing"}]
)
def test_a_chart_never_asks_the_network_and_a_wrong_one_is_refused(spec: dict[str, object]) -> None:
    with pytest.raises(NotDrawable):
        chart_svg(spec)
