"""Factur-X: the EN 16931 XML of an invoice or a credit note, and its place inside the PDF/A-3.

`facturx_xml` maps the canonical document to the business terms of the standard (BT-.., BG-..) and lets the factur-x
package write the CII syntax. Amounts and prices go as text: the package cuts floats to four decimals.
`attach` is done here with pikepdf and not with the package's own writer, which stamps the current time (the same
document must give the same bytes): see docs/decisions/rendering.md.
Sources: EN 16931-1; BR-FR rules of the FNFE-MPE schematron; Factur-X 1.0.x/1.09 section 6 for the container.
"""

from __future__ import annotations

import io
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pikepdf
from lxml import etree

from ardoise.core.documents import Document, DocumentKind, DocumentLine, Party, VatLine
from ardoise.core.money import minor_to_decimal
from ardoise.deliver.render import render_pdf
from ardoise.deliver.render.wording import Words

XML_NAME = "factur-x.xml"
SIREN_SCHEME = "0002"  # ISO 6523: SIRENE
SIRET_SCHEME = "0009"
ADDRESS_SCHEME = "0225"  # French electronic addresses, BT-34 and BT-49
EMAIL_SCHEME = "EM"

_TYPE_CODES = {DocumentKind.INVOICE: "380", DocumentKind.CREDIT_NOTE: "381"}  # BT-3
_FRAMES = {"goods": "B", "services": "S", "mixed": "M"}  # first letter of BT-23

Terms = dict[str, Any]


class NoElectronicForm(ValueError):
    """A statement, or a document without a number: there is no e-invoice to write."""


def facturx_xml(document: Document) -> bytes:
    """The CII XML, profile EN 16931. Raises NoElectronicForm for a statement or a draft.

    Nothing is checked here against the rules of the standard: `deliver.validation` does, before a number is taken.
    """
    if document.kind not in _TYPE_CODES:
        raise NoElectronicForm("a statement is an internal document: send its PDF only")
    if not document.number:
        raise NoElectronicForm("a draft has no e-invoice: give it a number, or a placeholder to validate it")
    from facturx import generate_cii_xml  # loads a PDF reader and an HTTP client, which few commands need

    xml = generate_cii_xml(_terms(document), level="en16931", check_xsd=False, check_schematron=False)
    assert isinstance(xml, bytes)
    return xml


def _terms(document: Document) -> Terms:
    totals = document.totals
    terms: Terms = {
        "BT-1": document.number,
        "BT-2": document.issue_date,
        "BT-3": _TYPE_CODES[document.kind],
        "BT-5": document.currency,
        "BT-8": _vat_point(document),
        "BT-9": document.due_date,
        "BT-13": document.purchase_order,
        "BT-20": document.payment_terms,
        "BT-23": _frame(document),
        "BT-72": document.period_to,  # without a delivery date the package writes an invalid empty element
        "BT-73": document.period_from,
        "BT-74": document.period_to,
        "BG-1": _notes(document),
        "BG-3": [{"BT-25": number, "BT-26": dated} for number, dated in document.preceding],
        "BG-4": _seller(document.seller),
        "BG-7": _buyer(document.buyer),
        "BG-23": [_vat_group(vat) for vat in document.vat],
        "BG-25": [_line(line) for line in document.lines],
        "BT-106": _amount(totals.net_minor),
        "BT-109": _amount(totals.net_minor),
        "BT-110": _amount(totals.vat_minor),
        "BT-112": _amount(totals.gross_minor),
        "BT-113": _amount(totals.prepaid_minor) if totals.prepaid_minor else None,
        "BT-114": _amount(totals.rounding_minor) if totals.rounding_minor else None,
        "BT-115": _amount(totals.payable_minor),
    }
    terms |= _payment(document)
    return {term: value for term, value in terms.items() if value not in (None, "", [])}


def _frame(document: Document) -> str:
    """BT-23 "cadre de facturation": B goods, S services, M both; 1 to be paid, 2 already paid in full."""
    totals = document.totals
    paid = totals.prepaid_minor == totals.gross_minor > 0 and totals.payable_minor == 0
    return _FRAMES[document.operation_category] + ("2" if paid else "1")


def _vat_point(document: Document) -> str:
    """BT-8: VAT of services is due on payment unless the seller chose the debits; of goods, on delivery."""
    if document.vat_on_debits:
        return "invoice"
    return "delivery" if document.operation_category == "goods" else "payment"


def _notes(document: Document) -> list[Terms]:
    """BG-1. BAR says which flow of the reform the document belongs to; PMT, PMD and AAB are due exactly once each."""
    notes = [
        ("BAR", document.audience),
        ("PMT", document.indemnity_note),
        ("PMD", document.penalty_note),
        ("AAB", document.discount_note),
        *(("AAI", note) for note in document.notes),
    ]
    return [{"BT-21": code, "BT-22": text} for code, text in notes if text]


def _payment(document: Document) -> Terms:
    words = Words(document.brand.language)
    means = f"means_name.{document.payment_means}"
    return {
        "BT-81": document.payment_means,
        "BT-82": words(means) if words.has(means) else None,
        "BT-83": document.number,
        "BT-84": document.iban.replace(" ", ""),
        "BT-85": document.seller.name if document.iban else None,
        "BT-86": document.bic,
        "BT-89": document.mandate_reference,
        "BT-90": document.creditor_identifier,
        "BT-91": document.debited_iban.replace(" ", ""),
    }


def _party(party: Party) -> Terms:
    lines = [*party.address_lines, "", "", ""][:3]
    address, scheme = party.electronic_address or party.siren, ADDRESS_SCHEME
    if not address and party.email:
        address, scheme = party.email, EMAIL_SCHEME  # a private customer has no entry in the directory
    return {
        "name": party.name,
        "identifiers": {SIRET_SCHEME: party.siret} if party.siret else {},
        "legal_identifier": party.siren,
        "legal_identifier_schemeid": SIREN_SCHEME if party.siren else "",
        "vat_identifier": party.vat_number,
        "addr_l1": lines[0],
        "addr_l2": lines[1],
        "addr_l3": " – ".join(filter(None, (lines[2], *party.address_lines[3:]))),
        "postcode": party.postal_code,
        "city": party.city,
        "country_code": party.country,
        "einvoicing_addr": address,
        "einvoicing_addr_schemeid": scheme,
    }


def _seller(seller: Party) -> Terms:
    terms = _party(seller)
    terms["legal_info"] = seller.legal_mention
    if not seller.vat_number:
        terms["tax_identifier"] = seller.siren  # BT-32: franchise en base
    if seller.phone or seller.email:
        terms["contacts"] = [{"name": seller.name, "phone": seller.phone, "email": seller.email}]
    return terms


def _buyer(buyer: Party) -> Terms:
    terms = _party(buyer)
    if buyer.customer_code and not buyer.siret:
        terms["identifiers"] = {None: buyer.customer_code}  # BT-46 exists once
    return terms


def _vat_group(vat: VatLine) -> Terms:
    return {
        "BT-116": _amount(vat.basis_minor),
        "BT-117": _amount(vat.amount_minor),
        "BT-118": vat.category,
        "BT-119": _rate(vat.category, vat.rate),
        "BT-120": vat.exemption_reason,
        "BT-121": vat.exemption_code,
    }


def _line(line: DocumentLine) -> Terms:
    return {
        "BT-126": str(line.line_no),
        "BT-129": _plain(line.quantity),
        "BT-130": line.unit_code,
        "BT-131": _amount(line.net_minor),
        "BT-134": line.period_from,
        "BT-135": line.period_to,
        "BT-146": _plain(line.unit_price),
        "BT-151": line.vat_category,
        "BT-152": _rate(line.vat_category, line.vat_rate),
        "BT-153": line.label,
        "BT-154": " – ".join(filter(None, (line.group, line.detail))),
    }


def _amount(amount_minor: int) -> str:
    return f"{minor_to_decimal(amount_minor):f}"


def _plain(value: Decimal) -> str:
    """Every significant decimal, no exponent and no superfluous zero: the rules count decimals (BR-FR-DEC)."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rate(category: str, rate: Decimal) -> str:
    """BT-119, BT-152: "20", "8.5"; none for what is outside VAT (O)."""
    return "" if category == "O" else _plain(rate)


# The container --------------------------------------------------------------------------------------------------------

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXTENSION = "http://www.aiim.org/pdfa/ns/extension/"
_FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("The name of the embedded XML document", XML_NAME),
    "DocumentType": ("The type of the hybrid document in capital letters, e.g. INVOICE or ORDER", "INVOICE"),
    "Version": ("The actual version of the standard applying to the embedded XML document", "1.0"),
    "ConformanceLevel": ("The conformance level of the embedded XML document", "EN 16931"),
}


def hybrid_pdf(document: Document, *, annex_reference: str | None = None, templates: Path | None = None) -> bytes:
    """What a customer receives: Factur-X for an invoice or a credit note, a plain PDF/A for a statement or a draft."""
    pdf = render_pdf(document, annex_reference=annex_reference, templates=templates)
    if document.kind not in _TYPE_CODES or not document.number:
        return pdf
    return attach(pdf, facturx_xml(document))


def attach(pdf: bytes, xml: bytes) -> bytes:
    """Put the XML into a PDF/A-3b made by `render_pdf`: embedded file, /AF as Alternative, Factur-X metadata.

    The dates written are those of the PDF, so that the same two inputs give the same bytes.
    """
    with pikepdf.open(io.BytesIO(pdf)) as container:
        stamp = str(container.docinfo[pikepdf.Name.CreationDate])
        spec = pikepdf.AttachedFileSpec(
            container,
            xml,
            filename=XML_NAME,
            description="Factur-X",
            mime_type="text/xml",
            creation_date=stamp,
            mod_date=stamp,
        )
        spec.relationship = pikepdf.Name.Alternative
        container.attachments[XML_NAME] = spec
        container.Root.AF = pikepdf.Array([spec.obj])
        container.Root.Metadata = container.make_stream(
            _with_facturx(container.Root.Metadata.read_bytes()), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML
        )
        out = io.BytesIO()
        container.save(out, deterministic_id=True)
    return out.getvalue()


def _with_facturx(xmp: bytes) -> bytes:
    """The PDF's own XMP, plus what the embedded file is and the schema that declares it (PDF/A extension schema)."""
    packet = etree.fromstring(xmp.strip())
    rdf = packet.find(f"{{{_RDF}}}RDF")
    declared = packet.find(f".//{{{_EXTENSION}}}schemas/{{{_RDF}}}Bag")
    addition = etree.fromstring(_facturx_rdf())
    schema, values = addition[0][0][0][0], addition[1]
    if declared is None:
        rdf.append(addition[0])
    else:
        declared.append(schema)
    rdf.append(values)
    etree.cleanup_namespaces(values)
    body = etree.tostring(packet, encoding="unicode")
    return f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{body}\n<?xpacket end="r"?>'.encode()


@cache
def _facturx_rdf() -> bytes:
    properties = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>"
        for name, (description, _) in _PROPERTIES.items()
    )
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (_, value) in _PROPERTIES.items())
    return (
        f'<rdf:RDF xmlns:rdf="{_RDF}" xmlns:fx="{_FX}" xmlns:pdfaExtension="{_EXTENSION}"'
        ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
        ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
        '<rdf:Description rdf:about=""><pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
        "<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_FX}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag>"
        f'</pdfaExtension:schemas></rdf:Description><rdf:Description rdf:about="">{values}</rdf:Description></rdf:RDF>'
    ).encode()
