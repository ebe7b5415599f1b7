"""The canonical document: an invoice, a credit note or an internal statement as plain values, in integers of the cent.

`bill` makes it and freezes it as JSON; `deliver` renders it (PDF, Factur-X, XLSX) and never computes an amount. Field
names follow EN 16931 where it has a term (BT-...). Amounts without a basis in their name are without tax.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum


class DocumentKind(StrEnum):
    INVOICE = "invoice"  # BT-3 380
    CREDIT_NOTE = "credit_note"  # BT-3 381
    STATEMENT = "statement"  # internal re-billing: no legal number, no VAT


class Section(StrEnum):
    """The parts of a telecom bill (arrêté du 31 décembre 2013): 1 the operator, 2 third parties."""

    SUBSCRIPTION = "subscription"
    INCLUDED = "included"  # communications included in the plan
    BEYOND = "beyond"  # beyond the plan
    OUTSIDE = "outside"  # outside the plan
    ONE_OFF = "one_off"
    THIRD_PARTY = "third_party"  # surtaxed services (part S)


SECTION_ORDER = tuple(Section)


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer, copied at issue time: nothing here follows a later change of the directory."""

    name: str
    address_lines: tuple[str, ...]
    postal_code: str
    city: str
    country: str  # ISO 3166 alpha-2
    siren: str = ""  # 9 digits
    siret: str = ""  # 14 digits
    vat_number: str = ""
    email: str = ""
    phone: str = ""
    legal_mention: str = ""  # "SAS au capital de 50 000 € – RCS Lyon 123 456 789" (seller)
    customer_code: str = ""  # our reference of the customer (buyer)
    electronic_address: str = ""  # BT-34/BT-49, scheme 0225; default the SIREN


@dataclass(frozen=True, slots=True)
class Brand:
    """How the issuer's documents look."""

    code: str
    display_name: str
    logo_svg: str  # the SVG text itself, "" = none
    accent_hex: str  # "#0b5cad"
    header: str  # short line under the logo
    footer: str  # legal footer, every page
    language: str = "fr"  # fr | en


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """One line: net_minor is quantity x unit price rounded to the cent, or a sum of frozen charges (quantity 1)."""

    line_no: int
    section: Section
    group: str  # branch or department the line belongs to, "" = the customer itself
    label: str
    detail: str  # "12 appels, 1 h 02 min 05 s", "du 01/10/2026 au 31/10/2026", "poste 0472000001"
    quantity: Decimal  # at most 4 decimals (BR-FR-DEC)
    unit_price: Decimal  # net, at most 6 decimals (BR-FR-DEC)
    net_minor: int
    vat_category: str  # S E AE K G O Z
    vat_rate: Decimal  # percent
    gross_minor: int | None = None  # advertised total with tax, on documents made with tax
    period_from: date | None = None  # BT-134
    period_to: date | None = None  # BT-135, last day INCLUDED (as printed)
    unit_code: str = "C62"  # BT-130
    family: str = ""  # heading within its section: « Accès Internet », « Messages »


@dataclass(frozen=True, slots=True)
class VatLine:
    """VAT breakdown (BG-23): one per category and rate, computed on the sum of net amounts."""

    category: str
    rate: Decimal
    basis_minor: int
    amount_minor: int
    exemption_reason: str = ""  # BT-120
    exemption_code: str = ""  # BT-121, VATEX-...


@dataclass(frozen=True, slots=True)
class Totals:
    net_minor: int  # BT-106 = BT-109 here
    vat_minor: int  # BT-110
    gross_minor: int  # BT-112
    prepaid_minor: int = 0  # BT-113
    rounding_minor: int = 0  # BT-114: the cent that no price without tax can reach
    payable_minor: int = 0  # BT-115


@dataclass(frozen=True, slots=True)
class SectionTotal:
    """Sub-total printed per section, with tax by largest remainder so that the sections sum to the document."""

    section: Section
    net_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class UserTotal:
    """What one line and its user cost on a document, in its printed basis; no name: the branch or the customer itself.

    `other_minor`: one-off sales and third parties.
    """

    group: str  # branch, "" = the customer
    name: str  # "2140 – Camille Rey"
    subscription_minor: int
    usage_minor: int
    other_minor: int


@dataclass(frozen=True, slots=True)
class Document:
    kind: DocumentKind
    number: str  # BT-1; a placeholder while it is validated, "" on a draft
    issue_date: date  # BT-2
    due_date: date | None  # BT-9
    period_from: date  # BT-73
    period_to: date  # BT-74, last day included
    currency: str
    seller: Party
    buyer: Party
    brand: Brand
    lines: tuple[DocumentLine, ...]
    vat: tuple[VatLine, ...]
    totals: Totals
    sections: tuple[SectionTotal, ...]
    with_tax: bool = False  # prices shown with tax
    operation_category: str = "services"  # goods | services | mixed (décret 2022-1299)
    audience: str = "B2B"  # BAR note: B2B | B2BINT | B2C | B2CINT | OUTOFSCOPE
    vat_on_debits: bool = False  # "Option pour le paiement de la taxe d'après les débits" (BT-8 = 5 else 72)
    payment_terms: str = ""  # BT-20
    payment_means: str = "30"  # BT-81: 30 transfer, 59 SEPA direct debit
    iban: str = ""
    bic: str = ""
    penalty_note: str = ""  # PMD: late penalties
    indemnity_note: str = ""  # PMT: 40 €
    discount_note: str = ""  # AAB: early payment
    purchase_order: str = ""  # BT-13
    preceding: tuple[tuple[str, date], ...] = ()  # BG-3: number and date of the corrected invoices
    notes: tuple[str, ...] = field(default=())  # free notes printed under the totals
    history_minor: tuple[tuple[str, int], ...] = ()  # ("2026-09", total without tax): the chart of past months
    users: tuple[UserTotal, ...] = ()  # the document by line and user, where the issuer asks for it
    mandate_reference: str = ""  # BT-89: the SEPA mandate (RUM) of a direct debit
    creditor_identifier: str = ""  # BT-90: the creditor's ICS
    debited_iban: str = ""  # BT-91: the customer's account
