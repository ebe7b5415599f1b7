"""Documents written for the tests of rendering: the amounts follow from the lines by EN 16931, computed here on purpose
with other code than the product's (integers of the cent, half away from zero)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from ardoise.core.documents import (
    Brand,
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    Section,
    SectionTotal,
    Totals,
    VatLine,
)

LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 56" width="220" height="56">
<g fill="#0b5cad"><circle cx="28" cy="28" r="24" fill-opacity="0.14"/>
<path d="M14 34a14 14 0 0 1 28 0h-6a8 8 0 0 0-16 0z"/>
<circle cx="28" cy="36" r="5"/></g><text x="62" y="37" font-family="Inter" font-size="26" font-weight="700"
fill="#12263f">Télémarque</text></svg>"""

BRAND = Brand(
    code="telemarque",
    display_name="Télémarque",
    logo_svg=LOGO,
    accent_hex="#0b5cad",
    header="Téléphonie d’entreprise · Service client 04 72 00 00 00 (prix d’un appel local)",
    footer="Télémarque SAS · 12 rue de la République, 69002 Lyon · www.telemarque.example",
)
SELLER = Party(
    name="Télémarque SAS",
    address_lines=("12 rue de la République",),
    postal_code="69002",
    city="Lyon",
    country="FR",
    siren="732829320",
    siret="73282932000074",
    vat_number="FR44732829320",
    email="facturation@telemarque.example",
    phone="04 72 00 00 00",
    legal_mention="SAS au capital de 50 000 € – RCS Lyon 732 829 320",
)
BUYER = Party(
    name="Menuiserie Bellecour SARL",
    address_lines=("8 quai des Célestins", "Bâtiment B"),
    postal_code="69002",
    city="Lyon",
    country="FR",
    siren="552100554",
    vat_number="FR03552100554",
    customer_code="CL-00042",
)
PENALTY = "Pénalités de retard : taux de la BCE majoré de 10 points, exigibles sans rappel."
INDEMNITY = "Indemnité forfaitaire pour frais de recouvrement : 40 €."
DISCOUNT = "Pas d’escompte pour paiement anticipé."


def line(
    section: Section,
    label: str,
    *,
    price: str,
    quantity: str = "1",
    detail: str = "",
    group: str = "",
    category: str = "S",
    rate: str = "20",
    period: tuple[date, date] | None = None,
) -> DocumentLine:
    net = (Decimal(price) * Decimal(quantity) * 100).to_integral_value(ROUND_HALF_UP)
    return DocumentLine(
        line_no=0,
        section=section,
        group=group,
        label=label,
        detail=detail,
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        net_minor=int(net),
        vat_category=category,
        vat_rate=Decimal(rate),
        period_from=period[0] if period else None,
        period_to=period[1] if period else None,
    )


def document(
    lines: list[DocumentLine], *, reasons: dict[str, tuple[str, str]] | None = None, **changes: object
) -> Document:
    """An invoice of these lines; `reasons` gives (text, VATEX code) by VAT category."""
    lines = [replace(ln, line_no=n) for n, ln in enumerate(lines, start=1)]
    vat = []
    for category, rate in dict.fromkeys((ln.vat_category, ln.vat_rate) for ln in lines):
        basis = sum(ln.net_minor for ln in lines if (ln.vat_category, ln.vat_rate) == (category, rate))
        amount = int((Decimal(basis) * rate / 100).to_integral_value(ROUND_HALF_UP))
        reason, code = (reasons or {}).get(category, ("", ""))
        vat.append(VatLine(category, rate, basis, amount, reason, code))
    net, tax = sum(v.basis_minor for v in vat), sum(v.amount_minor for v in vat)
    sections = []
    for section in dict.fromkeys(ln.section for ln in lines):
        members = [ln for ln in lines if ln.section is section]
        gross = sum(
            int((Decimal(ln.net_minor) * (100 + ln.vat_rate) / 100).to_integral_value(ROUND_HALF_UP)) for ln in members
        )
        sections.append(SectionTotal(section, sum(ln.net_minor for ln in members), gross))
    values: dict[str, object] = {
        "kind": DocumentKind.INVOICE,
        "number": "TM-2026-000123",
        "issue_date": date(2026, 11, 5),
        "due_date": date(2026, 12, 5),
        "period_from": date(2026, 10, 1),
        "period_to": date(2026, 10, 31),
        "currency": "EUR",
        "seller": SELLER,
        "buyer": BUYER,
        "brand": BRAND,
        "lines": tuple(lines),
        "vat": tuple(vat),
        "totals": Totals(net_minor=net, vat_minor=tax, gross_minor=net + tax, payable_minor=net + tax),
        "sections": tuple(sections),
        "vat_on_debits": True,
        "payment_terms": "Paiement à 30 jours, date de facture.",
        "payment_means": "30",
        "iban": "FR7630006000011234567890189",
        "bic": "AGRIFRPP",
        "penalty_note": PENALTY,
        "indemnity_note": INDEMNITY,
        "discount_note": DISCOUNT,
    }
    return Document(**(values | changes))  # type: ignore[arg-type]


ADVANCE = (date(2026, 11, 1), date(2026, 11, 30))


def usual_lines(group: str = "", rate: str = "20", category: str = "S") -> list[DocumentLine]:
    """A month of a small company: 6 x 14.90 + 9.90 + 2 x 24.00 + 31.27 + 4.375 (rounded 4.38) + 59.00 + 7.19."""
    own = {"group": group, "rate": rate, "category": category}
    return [
        line(Section.SUBSCRIPTION, "Forfait Pro illimité France", price="14.90", quantity="6", period=ADVANCE, **own),
        line(Section.SUBSCRIPTION, "Option messagerie vocale", price="9.90", period=ADVANCE, **own),
        line(Section.SUBSCRIPTION, "Forfait Mobile 20 Go", price="24.00", quantity="2", period=ADVANCE, **own),
        line(
            Section.INCLUDED,
            "Appels vers fixes et mobiles France",
            price="0",
            detail="412 appels, 18 h 04 min 11 s",
            **own,
        ),
        line(Section.BEYOND, "Appels vers l’Europe", price="31.27", detail="38 appels, 2 h 51 min 06 s", **own),
        line(Section.OUTSIDE, "SMS vers l’international", price="0.0875", quantity="50", detail="50 messages", **own),
        line(Section.ONE_OFF, "Poste téléphonique T42", price="59.00", detail="livré le 14/10/2026", **own),
        line(
            Section.THIRD_PARTY, "Numéros surtaxés (part service)", price="7.19", detail="4 appels, 9 min 32 s", **own
        ),
    ]


HISTORY = (
    ("2026-05", 19873),
    ("2026-06", 21455),
    ("2026-07", 16210),
    ("2026-08", 9864),
    ("2026-09", 20344),
    ("2026-10", 25014),
)
