"""What the reader of a document must find on its pages, and what a PDF/A-3 reader must find in the file."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pikepdf
import pypdf
import pytest
from specimens import ADVANCE, BRAND, BUYER, DISCOUNT, HISTORY, INDEMNITY, PENALTY, document, line, usual_lines

from ardoise.core.documents import Document, DocumentKind, Section, Totals
from ardoise.deliver.facturx import attach, facturx_xml, hybrid_pdf
from ardoise.deliver.render import NotRenderable, render_pdf

N = "\u202f"  # narrow no-break space
INVOICE = document(usual_lines(), history_minor=HISTORY)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def text(one: Document, **options: str) -> str:
    return "\n".join(pages(render_pdf(one, **options)))


def test_an_invoice_says_who_what_when_and_how_much() -> None:
    printed = text(INVOICE)
    for needed in (
        "Facture",
        "N° TM-2026-000123",
        "Télémarque SAS",
        f"SIRET 732{N}829{N}320{N}00074",
        "TVA FR44732829320",
        "SAS au capital de 50 000 € – RCS Lyon 732 829 320",
        "Menuiserie Bellecour SARL",
        "69002 Lyon",
        f"552{N}100{N}554",
        "05/11/2026",
        "05/12/2026",
        "du 01/10/2026 au 31/10/2026",
        "Prestation de services",
        "FR76\u00a03000\u00a06000\u00a00112\u00a03456\u00a07890\u00a0189",
    ):
        assert needed in printed, needed


def test_amounts_are_those_of_the_document_in_french_typography() -> None:
    # 89.40 + 9.90 + 48.00 + 0 + 31.27 + 4.38 + 59.00 + 7.19 = 249.14; 20 % = 49.828 -> 49.83; 298.97
    printed = text(INVOICE)
    for amount in ("249,14", "49,83", "298,97", "89,40"):
        assert f"{amount}{N}€" in printed
    assert f"0,0875{N}€" in printed  # a unit price keeps its decimals
    assert f"20,00{N}%" in printed


def test_the_bill_has_the_two_legal_sections_with_totals_with_and_without_tax() -> None:
    printed = text(INVOICE)
    operator, third = (
        printed.index("Services de votre opérateur"),
        printed.index("Services de tiers (numéros surtaxés)"),
    )
    assert operator < printed.index("Communications hors forfait") < third
    # 147.30 + 0 + 31.27 + 4.38 + 59.00 = 241.95 without tax; section 2: 7.19
    assert f"HT 241,95{N}€ TTC 290,34{N}€" in printed
    assert f"HT 147,30{N}€ TTC 176,76{N}€" in printed
    assert f"HT 7,19{N}€ TTC 8,63{N}€" in printed


def test_the_legal_mentions_are_printed_once() -> None:
    printed = text(INVOICE, annex_reference="TM-2026-000123-D")
    for mention in (PENALTY, INDEMNITY, DISCOUNT, "Option pour le paiement de la taxe d’après les débits."):
        assert printed.count(mention) == 1, mention
    assert "TM-2026-000123-D" in printed


def test_a_reverse_charge_says_autoliquidation_and_its_article() -> None:
    lines = usual_lines(rate="0", category="AE")
    reasons = {"AE": ("Autoliquidation – article 283, 2 octies du CGI", "VATEX-EU-AE")}
    printed = text(document(lines, reasons=reasons))
    assert "Autoliquidation – article 283, 2 octies du CGI" in printed
    assert "Autoliquidation." in text(document(lines))  # even when nobody gave the article


def test_a_credit_note_names_the_invoice_it_corrects_and_asks_no_payment() -> None:
    credit = document(
        [line(Section.BEYOND, "Appels facturés deux fois", price="31.27")],
        kind=DocumentKind.CREDIT_NOTE,
        number="TM-AV-2026-000007",
        preceding=(("TM-2026-000098", date(2026, 10, 5)),),
        due_date=None,
    )
    printed = text(credit)
    assert "Avoir" in printed and "Montant de l’avoir" in printed
    assert "TM-2026-000098 du 05/10/2026" in printed
    assert "IBAN" not in printed and "Net à payer" not in printed


def test_a_draft_is_marked_on_every_page_and_an_invoice_never() -> None:
    many = [line(Section.OUTSIDE, f"Appels {i}", price="1.00") for i in range(80)]
    drafts = pages(render_pdf(document(many, number="")))
    assert len(drafts) > 1
    assert all("PROJET" in page for page in drafts)
    assert "PROJET" not in text(document(many))


def test_pages_are_numbered_and_repeat_the_column_heads() -> None:
    many = [line(Section.OUTSIDE, f"Appels {i}", price="1.00", group="Agence de Lyon") for i in range(120)]
    printed = pages(render_pdf(document(many)))
    count = len(printed)
    assert count >= 3
    for n, page in enumerate(printed, start=1):
        assert f"Page {n} / {count}" in page
    for page in printed[:-1]:
        assert "Désignation" in page and "Montant HT" in page
        assert "Agence de Lyon" in page  # the branch is named again where it goes on
    assert all("\n".join(printed).count(f"Appels {i} 1 1,00") == 1 for i in range(120))


def test_a_part_total_is_never_alone_on_its_page() -> None:
    for count in range(24, 34):  # somewhere here the total would be the first row of page 2
        lines = [line(Section.OUTSIDE, f"Appels {i}", price="1.00") for i in range(count)]
        for page in pages(render_pdf(document(lines))):
            if "Total services de votre opérateur" in page:
                assert "Appels" in page


def test_a_document_with_tax_shows_the_advertised_price_and_the_rounding() -> None:
    # 9.99 with tax at 20 %: net 8.325 -> 8.33, VAT 1.666 -> 1.67, sum 10.00, rounding -0.01
    one = document([line(Section.SUBSCRIPTION, "Forfait mobile", price="8.33")])
    one = replace(
        one,
        lines=(replace(one.lines[0], gross_minor=999),),
        totals=Totals(net_minor=833, vat_minor=167, gross_minor=1000, rounding_minor=-1, payable_minor=999),
        with_tax=True,
    )
    printed = text(one)
    assert "Montant TTC" in printed and f"9,99{N}€" in printed
    assert f"Arrondi −0,01{N}€" in printed


def test_a_direct_debit_announces_the_mandate_and_hides_the_account() -> None:
    printed = text(
        document(
            usual_lines(),
            payment_means="59",
            mandate_reference="RUM-00042",
            creditor_identifier="FR12ZZZ123456",
            debited_iban="FR7630006000011234567890189",
        )
    )
    assert "prélevé le 05/12/2026" in printed
    assert "RUM-00042" in printed and "FR12ZZZ123456" in printed
    assert "FR76 •••• 0189" in printed and "30006" not in printed.replace("\u00a0", "")


def test_english_documents_read_as_english() -> None:
    printed = text(document(usual_lines(), brand=replace(BRAND, language="en"), history_minor=HISTORY))
    for needed in (
        "Invoice",
        "No. TM-2026-000123",
        "05 Nov 2026".replace(" ", "\u00a0"),
        "€298.97",
        "20.00%",
        "Amount due",
    ):
        assert needed in printed, needed
    assert "Facture" not in printed


def test_a_statement_reads_by_department_without_vat_or_iban() -> None:
    lines = [
        line(Section.OUTSIDE, "Poste 1204 – Marie Dupont", price="12.03", group="Direction", category="O", rate="0"),
        line(Section.OUTSIDE, "Poste 1210 – Accueil", price="5.01", group="Accueil", category="O", rate="0"),
        line(Section.SUBSCRIPTION, "Poste 1204 – abonnement", price="10.00", group="Direction", category="O", rate="0"),
    ]
    printed = text(document(lines, kind=DocumentKind.STATEMENT, number="RR-2026-10-0003", due_date=None, vat=()))
    assert "Relevé de refacturation" in printed and "ni facture, ni TVA" in printed
    assert f"Total Direction 22,03{N}€" in printed  # 12.03 + 10.00
    assert f"Total Accueil 5,01{N}€" in printed
    assert f"Total refacturé 27,04{N}€" in printed
    assert "IBAN" not in printed and "TTC" not in printed and "Pénalités" not in printed


def test_the_recipient_stands_in_the_window_of_the_envelope() -> None:
    found: list[tuple[float, float]] = []

    def see(words: str, cm: list[float], tm: list[float], *_: object) -> None:
        if "Menuiserie" in words:
            found.append((tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]))

    page = pypdf.PdfReader(io.BytesIO(render_pdf(INVOICE))).pages[0]
    page.extract_text(visitor_text=see)
    mm = 72 / 25.4
    x_mm, y_mm = found[0][0] / mm, 297 - found[0][1] / mm
    assert 108 <= x_mm <= 112  # NF DL, window at the right
    assert 48 <= y_mm <= 56


@pytest.mark.parametrize(
    "name", ["Société 北京 😀", "ﬁdèle ㎡", "tab\tligne\nnul\x00", "*gras* #code $x$ [lien]", "\\ \" ' <b>"]
)
def test_a_name_never_stops_a_document_nor_is_read_as_markup(name: str) -> None:
    assert render_pdf(document(usual_lines(), buyer=replace(BUYER, name=name)))[:5] == b"%PDF-"


def test_markup_of_a_name_is_printed_as_it_is() -> None:
    assert "*gras* #code $x$" in text(document(usual_lines(), buyer=replace(BUYER, name="*gras* #code $x$")))


def test_a_broken_logo_is_refused_with_what_to_check() -> None:
    with pytest.raises(NotRenderable, match="logo"):
        render_pdf(document(usual_lines(), brand=replace(BRAND, logo_svg="<svg")))


def test_an_issuer_may_bring_its_own_template(tmp_path: Path) -> None:
    (tmp_path / "document.typ").write_text(
        '#let data = json(bytes(sys.inputs.data))\n#set text(font: "Inter")\n#set document(title: "x")\n'
        "Ma facture #data.number #data.headline.amount"
    )
    assert f"Ma facture TM-2026-000123 298,97{N}€" in text(INVOICE, templates=tmp_path)  # type: ignore[arg-type]


def test_the_same_document_gives_the_same_bytes() -> None:
    first, second = render_pdf(INVOICE), render_pdf(INVOICE)
    assert first == second
    xml = facturx_xml(INVOICE)
    assert attach(first, xml) == attach(second, xml)
    assert render_pdf(replace(INVOICE, number="TM-2026-000124")) != first


def test_what_is_sent_is_hybrid_only_when_it_is_an_issued_invoice() -> None:
    assert hybrid_pdf(INVOICE) == attach(render_pdf(INVOICE), facturx_xml(INVOICE))
    for plain in (replace(INVOICE, number=""), replace(INVOICE, kind=DocumentKind.STATEMENT)):
        assert b"factur-x.xml" not in hybrid_pdf(plain)
        assert "/AF" not in pikepdf.open(io.BytesIO(hybrid_pdf(plain))).Root


# The file -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hybrid() -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(attach(render_pdf(INVOICE), facturx_xml(INVOICE))))


def test_the_xml_is_embedded_once_as_the_alternative(hybrid: pikepdf.Pdf) -> None:
    names = hybrid.Root.Names.EmbeddedFiles.Names
    assert [str(names[i]) for i in range(0, len(names), 2)] == ["factur-x.xml"]
    assert len(hybrid.Root.AF) == 1
    spec = hybrid.Root.AF[0]
    assert spec.objgen == names[1].objgen
    assert (str(spec.AFRelationship), str(spec.F), str(spec.UF)) == ("/Alternative", "factur-x.xml", "factur-x.xml")
    stream = spec.EF.F
    assert str(stream.Subtype) == "/text/xml"
    assert stream.read_bytes() == facturx_xml(INVOICE)
    assert str(stream.Params.ModDate) == "D:20261105000000Z"  # the day of issue


def test_the_metadata_says_pdfa_3b_and_factur_x_en_16931(hybrid: pikepdf.Pdf) -> None:
    xmp = hybrid.open_metadata()
    fx = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
    assert (xmp["pdfaid:part"], xmp["pdfaid:conformance"]) == ("3", "B")
    assert xmp[f"{fx}DocumentType"] == "INVOICE"
    assert xmp[f"{fx}DocumentFileName"] == "factur-x.xml"
    assert xmp[f"{fx}Version"] == "1.0"
    assert xmp[f"{fx}ConformanceLevel"] == "EN 16931"
    raw = hybrid.Root.Metadata.read_bytes()
    assert raw.count(b"Factur-X PDFA Extension Schema") == 1
    assert raw.count(b"<pdfaExtension:schemas>") == 1


def test_fonts_are_embedded_and_colours_have_their_profile(hybrid: pikepdf.Pdf) -> None:
    assert hybrid.Root.OutputIntents[0].DestOutputProfile is not None
    fonts = [f for page in hybrid.pages for f in page.Resources.Font.values()]
    assert fonts
    for font in fonts:
        descriptor = font.DescendantFonts[0].FontDescriptor
        assert "Inter" in str(descriptor.FontName)
        assert "/FontFile2" in descriptor


def test_another_reader_finds_the_xml(hybrid: pikepdf.Pdf) -> None:
    from facturx import get_facturx_xml_from_pdf

    name, xml = get_facturx_xml_from_pdf(attach(render_pdf(INVOICE), facturx_xml(INVOICE)), check_xsd=True)
    assert (name, xml) == ("factur-x.xml", facturx_xml(INVOICE))


def test_the_pdf_passes_the_pdfa_checker_before_the_attachment(tmp_path: Path) -> None:
    try:
        from pikepdf import pdfa
    except ImportError:
        pytest.skip("pikepdf[pdfa] is not installed")
    for n, one in enumerate((INVOICE, replace(INVOICE, number=""))):
        path = tmp_path / f"{n}.pdf"
        path.write_bytes(render_pdf(one))
        findings = pdfa.validate_written(path, "3b").findings
        # The checker knows no extension schema: what Typst declares by one is outside what it can judge.
        wrong = [f for f in findings if f.kind == "violation" and not f.rule.startswith("ISO_19005_3:6.6.2.3.1")]
        assert wrong == []


def test_a_zero_invoice_says_that_nothing_is_due() -> None:
    printed = text(document([line(Section.INCLUDED, "Appels France", price="0", detail="412 appels", period=ADVANCE)]))
    assert "Aucun paiement n’est attendu" in printed and "IBAN" not in printed
    assert f"0,00{N}€" in printed


def test_quantities_and_prices_keep_the_seller_decimals() -> None:
    printed = text(document([line(Section.BEYOND, "Secondes", price="0.000333", quantity="12345.6789")]))
    assert f"12{N}345,6789" in printed and f"0,000333{N}€" in printed
    assert f"4,11{N}€" in printed  # 0.000333 x 12345.6789 = 4.11111
