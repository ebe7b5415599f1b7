"""A small invoice that is valid, made from its inputs; tests change one thing at a time."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from ardoise.core.documents import Brand, Document, DocumentKind, Party, Section
from ardoise.core.invoices import LineInput, build_body
from ardoise.core.vat import VatTreatment

S20 = VatTreatment("S", Decimal("20"))
S55 = VatTreatment("S", Decimal("5.5"))
EXEMPT = VatTreatment("E", Decimal(0), "TVA non applicable – article 293 B du CGI", "VATEX-FR-FRANCHISE")

SELLER = Party(
    name="Onde Alpine SAS",
    address_lines=("12 quai de la Pêcherie",),
    postal_code="69001",
    city="Lyon",
    country="FR",
    siren="123456782",
    siret="12345678200010",
    vat_number="FR32123456782",
)
BUYER = Party(
    name="Menuiserie du Rhône",
    address_lines=("3 rue du Bois",),
    postal_code="69100",
    city="Villeurbanne",
    country="FR",
    siren="987654324",
    vat_number="FR12987654324",
    customer_code="C001",
)


def line(euros: str, vat: VatTreatment = S20, *, section: Section = Section.SUBSCRIPTION, **more: object) -> LineInput:
    """A line of a sum of charges, in euros."""
    micros = int(Decimal(euros).scaleb(6))
    return LineInput(section=section, label=str(more.pop("label", "Abonnement")), amount_micros=micros, vat=vat, **more)


def invoice(
    *inputs: LineInput,
    with_tax: bool = False,
    **fields: object,
) -> Document:
    body = build_body(inputs, with_tax=with_tax)
    values = {
        "kind": DocumentKind.INVOICE,
        "number": "FA2026-00042",
        "issue_date": date(2026, 11, 5),
        "due_date": date(2026, 12, 5),
        "period_from": date(2026, 10, 1),
        "period_to": date(2026, 10, 31),
        "currency": "EUR",
        "seller": SELLER,
        "buyer": BUYER,
        "brand": Brand("onde", "Onde Alpine", "", "#0b5cad", "", ""),
        "lines": body.lines,
        "vat": body.vat,
        "totals": body.totals,
        "sections": body.sections,
        "with_tax": with_tax,
        "iban": "FR76 3000 6000 0112 3456 7890 189",
        "penalty_note": "Pénalités de retard : trois fois le taux d’intérêt légal.",
        "indemnity_note": "Indemnité forfaitaire pour frais de recouvrement : 40 €.",
        "discount_note": "Pas d’escompte pour paiement anticipé.",
    }
    return Document(**{**values, **fields})
