"""What can be checked of a document before it takes a number: arithmetic (EN 16931), French rules, legal mentions.

The official XSLTs, run by `deliver`, remain the judge of the XML; these checks come first, in words an accountant can
act on. They look at shapes only: whether a SIREN exists is checked where it is typed in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.documents import Document, DocumentKind, DocumentLine, VatLine
from ardoise.core.money import euros, round_fraction, times_minor
from ardoise.core.naming import BT1_MAX, is_bt1

QUANTITY_DECIMALS = 4  # BR-FR-DEC-02
PRICE_DECIMALS = 6  # BR-FR-DEC-03
RATE_DECIMALS = 2  # BR-FR-DEC-04
CATEGORIES = frozenset({"S", "E", "AE", "K", "G", "O", "Z"})  # BR-FR-15
_FRENCH_RATES = ("0", "0.9", "1.05", "1.75", "2.1", "5.5", "7", "8.5", "9.2", "9.6", "10", "13", "19.6", "20", "20.6")
RATES = frozenset(Decimal(rate) for rate in _FRENCH_RATES)  # BR-FR-16
_JUSTIFIED = frozenset({"E", "AE", "K", "G", "O"})  # must say why (BR-E-10, BR-AE-10, BR-IC-10, BR-G-10, BR-O-10)
# The credit that exhausts a group takes what is left of its VAT: the official rule tolerates less than one unit.
CREDIT_VAT_TOLERANCE_MINOR = 100
_SIREN = re.compile(r"\d{9}")
_SIRET = re.compile(r"\d{14}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_ELECTRONIC = re.compile(r"[A-Za-z0-9+\-_.]{1,125}")  # BR-FR-23, BR-FR-25
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that forbids issuing a document: the rule, what is wrong (in French), what to do about it."""

    code: str
    message: str
    remedy: str

    def __str__(self) -> str:
        """« L’IBAN manque. Complétez la fiche. », "account C1: no rate; add one"."""
        between = " " if self.message.endswith(".") else "; "
        return between.join(part for part in (self.message, self.remedy) if part)


def vat_minor(basis_minor: int, rate: Decimal) -> int:
    """BT-117: the tax of a group, rounded once, half away from zero."""
    return round_fraction(Fraction(basis_minor) * Fraction(rate) / 100)


def decimals_of(value: Decimal) -> int:
    """Decimals that matter: 2.500 has 1, 100 has 0."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return 99
    return 0 if exponent >= 0 else max(0, -int(value.normalize().as_tuple().exponent))


def validate(document: Document) -> list[Problem]:
    """Every problem of a document, empty when it may be issued. A statement is only checked for its arithmetic."""
    problems = [*_lines(document), *_sums(document), *_dates(document)]
    if document.kind is DocumentKind.STATEMENT:
        return problems
    return [
        *_identity(document),
        *problems,
        *_vat(document),
        *_parties(document),
        *_credit_note(document),
        *_payment(document),
    ]


def _identity(document: Document) -> Iterator[Problem]:
    if not is_bt1(document.number):
        yield Problem(
            "BR-FR-02",
            f"Le numéro « {document.number} » n’est pas un numéro de facture admis.",
            f"Utilisez au plus {BT1_MAX} lettres, chiffres ou + - _ / : corrigez le modèle de numéro de la série.",
        )
    if document.currency != "EUR":
        yield Problem(
            "BR-FR-CO-12",
            f"Le document est en {document.currency} : la TVA doit aussi figurer en euros.",
            "Facturez en euros ; une autre monnaie n’est pas encore prise en charge.",
        )


def _dates(document: Document) -> Iterator[Problem]:
    for day in (document.issue_date, document.due_date, document.period_from, document.period_to):
        if day is not None and not 2000 <= day.year <= 2099:
            yield Problem("BR-FR-03", f"La date {day} n’est pas entre 2000 et 2099.", "Corrigez la date.")
    if document.due_date is not None and document.due_date < document.issue_date:
        yield Problem(
            "BR-FR-CO-07",
            f"L’échéance ({document.due_date}) précède la date d’émission ({document.issue_date}).",
            "Donnez une échéance égale ou postérieure à la date d’émission.",
        )
    yield from _period("BR-29", "La période facturée", document.period_from, document.period_to)


def _period(code: str, what: str, start: date | None, end: date | None) -> Iterator[Problem]:
    if start is not None and end is not None and end < start:
        yield Problem(code, f"{what} finit ({end}) avant de commencer ({start}).", "Corrigez les dates de la période.")


def _lines(document: Document) -> Iterator[Problem]:
    if not document.lines:
        yield Problem("BR-16", "Le document n’a aucune ligne.", "N’émettez pas de document vide.")
    numbers = [line.line_no for line in document.lines]
    if len(set(numbers)) != len(numbers):
        yield Problem("BR-21", "Deux lignes portent le même numéro.", "Numérotez les lignes sans doublon.")
    for line in document.lines:
        yield from _line(line)


def _line(line: DocumentLine) -> Iterator[Problem]:
    where = f"Ligne {line.line_no}"
    if not line.label.strip():
        yield Problem("BR-25", f"{where} : la désignation est vide.", "Donnez un libellé au produit facturé.")
    for code, what, value, most in (
        ("BR-FR-DEC-02", "la quantité", line.quantity, QUANTITY_DECIMALS),
        ("BR-FR-DEC-03", "le prix unitaire", line.unit_price, PRICE_DECIMALS),
        ("BR-FR-DEC-04", "le taux de TVA", line.vat_rate, RATE_DECIMALS),
    ):
        if decimals_of(value) > most:
            yield Problem(code, f"{where} : {what} ({value}) a plus de {most} décimales.", "Arrondissez cette valeur.")
    if line.unit_price < 0:
        yield Problem(
            "BR-27", f"{where} : le prix unitaire est négatif.", "Mettez le signe sur la quantité, non sur le prix."
        )
    if times_minor(line.quantity, line.unit_price) != line.net_minor:
        yield Problem(
            "LINE-NET",
            f"{where} : {line.quantity} × {line.unit_price} ne donne pas {euros(line.net_minor)}.",
            "Recalculez la ligne ; une somme de communications s’écrit avec la quantité 1.",
        )
    yield from _period("BR-30", f"{where} : la période", line.period_from, line.period_to)


def _sums(document: Document) -> Iterator[Problem]:
    totals = document.totals
    for code, what, found, expected in (
        ("BR-CO-10", "Le total hors taxes", totals.net_minor, sum(line.net_minor for line in document.lines)),
        ("BR-CO-14", "Le total de TVA", totals.vat_minor, sum(group.amount_minor for group in document.vat)),
        ("BR-CO-15", "Le total TTC", totals.gross_minor, totals.net_minor + totals.vat_minor),
        (
            "BR-CO-16",
            "Le net à payer",
            totals.payable_minor,
            totals.gross_minor - totals.prepaid_minor + totals.rounding_minor,
        ),
        (
            "SECTIONS-NET",
            "La somme hors taxes des rubriques",
            sum(section.net_minor for section in document.sections),
            totals.net_minor,
        ),
        (
            "SECTIONS-GROSS",
            "La somme TTC des rubriques",
            sum(section.gross_minor for section in document.sections),
            totals.gross_minor + totals.rounding_minor,
        ),
    ):
        if found != expected:
            yield Problem(code, f"{what} est {euros(found)} au lieu de {euros(expected)}.", "Recalculez le document.")


def _vat(document: Document) -> Iterator[Problem]:
    groups = {(group.category, group.rate): group for group in document.vat}
    if len(groups) != len(document.vat):
        yield Problem("BR-CO-18", "Deux lignes de TVA ont la même catégorie et le même taux.", "Réunissez-les.")
    bases: dict[tuple[str, Decimal], int] = {}
    for line in document.lines:
        key = (line.vat_category, line.vat_rate)
        bases[key] = bases.get(key, 0) + line.net_minor
    for key in sorted(bases.keys() | groups.keys()):
        if key not in groups or groups[key].basis_minor != bases.get(key, 0):
            yield Problem(
                "BR-S-08",
                f"La base de TVA {key[0]} {key[1]} % n’est pas la somme de ses lignes.",
                "Recalculez la ventilation de la TVA.",
            )
    for group in document.vat:
        yield from _group(document, group)
    if "O" in {group.category for group in document.vat} and (
        len(groups) > 1 or document.seller.vat_number or document.buyer.vat_number
    ):
        yield Problem(
            "BR-O-11",
            "« Hors du champ de la TVA » (O) exclut toute autre TVA et tout numéro de TVA sur le document.",
            "Utilisez la catégorie E ou G avec sa mention.",
        )


def _group(document: Document, group: VatLine) -> Iterator[Problem]:
    what = f"TVA {group.category} {group.rate} %"
    if group.category not in CATEGORIES:
        yield Problem("BR-FR-15", f"{what} : catégorie inconnue.", "Choisissez S, E, AE, K, G, O ou Z.")
    if group.rate not in RATES:
        yield Problem("BR-FR-16", f"{what} : taux inconnu en France.", "Corrigez la table des taux de TVA.")
    if (group.category == "S") != (group.rate > 0):
        yield Problem("BR-S-05", f"{what} : seul un taux positif est « S ».", "Corrigez le régime de TVA du compte.")
    if group.category in _JUSTIFIED and not (group.exemption_reason or group.exemption_code):
        yield Problem(
            f"BR-{group.category}-10", f"{what} : la mention d’exonération manque.", "Donnez-la au régime du compte."
        )
    difference = abs(group.amount_minor - vat_minor(group.basis_minor, group.rate))
    if difference and (document.kind is DocumentKind.INVOICE or difference >= CREDIT_VAT_TOLERANCE_MINOR):
        yield Problem(
            "BR-CO-17",
            f"{what} : {euros(group.amount_minor)} n’est pas la taxe sur {euros(group.basis_minor)}.",
            "Recalculez la TVA sur la somme du groupe.",
        )
    if group.category in ("AE", "K") and not (document.seller.vat_number and document.buyer.vat_number):
        yield Problem(
            f"BR-{'AE' if group.category == 'AE' else 'IC'}-02",
            f"{what} : les numéros de TVA du vendeur et du client sont obligatoires.",
            "Complétez la fiche de l’émetteur ou du client.",
        )


def _parties(document: Document) -> Iterator[Problem]:
    for party, who, remedy in (
        (document.seller, "l’émetteur", "Complétez la fiche de l’émetteur."),
        (document.buyer, "le client", "Complétez la fiche du client."),
    ):
        missing = [
            label
            for label, value in (
                ("le nom", party.name),
                ("l’adresse", "".join(party.address_lines)),
                ("le code postal", party.postal_code),
                ("la ville", party.city),
            )
            if not value.strip()
        ]
        if missing:
            yield Problem("PARTY-ADDRESS", f"Il manque {', '.join(missing)} pour {who}.", remedy)
        if not _COUNTRY.fullmatch(party.country):
            yield Problem("BR-09", f"Le pays « {party.country} » ({who}) n’est pas un code à deux lettres.", remedy)
        if party.siret and not (_SIRET.fullmatch(party.siret) and party.siret.startswith(party.siren)):
            yield Problem("BR-FR-09", f"Le SIRET {party.siret} ({who}) ne commence pas par le SIREN.", remedy)
        if party.electronic_address and not _ELECTRONIC.fullmatch(party.electronic_address):
            yield Problem(
                "BR-FR-23", f"L’adresse électronique « {party.electronic_address} » n’est pas admise.", remedy
            )
    if not _SIREN.fullmatch(document.seller.siren):
        yield Problem("BR-FR-10", "Le SIREN de l’émetteur doit avoir 9 chiffres.", "Complétez la fiche de l’émetteur.")
    if document.audience == "B2B":
        yield from _business_buyer(document)


def _business_buyer(document: Document) -> Iterator[Problem]:
    buyer, remedy = document.buyer, "Complétez la fiche du client, ou classez-le comme particulier."
    if not _SIREN.fullmatch(buyer.siren):
        yield Problem("BR-FR-11", "Le SIREN du client professionnel est obligatoire (9 chiffres).", remedy)
    elif buyer.electronic_address and not buyer.electronic_address.startswith(buyer.siren):
        yield Problem("BR-FR-21", "L’adresse électronique du client doit commencer par son SIREN.", remedy)
    for code, what, note in (
        ("PMT", "l’indemnité forfaitaire de 40 €", document.indemnity_note),
        ("PMD", "les pénalités de retard", document.penalty_note),
        ("AAB", "l’escompte", document.discount_note),
    ):
        if not note.strip():
            yield Problem(
                "BR-FR-05", f"La mention sur {what} ({code}) manque.", "Complétez les mentions de l’émetteur."
            )


def _credit_note(document: Document) -> Iterator[Problem]:
    if document.kind is DocumentKind.CREDIT_NOTE and not document.preceding:
        yield Problem("BR-FR-CO-05", "L’avoir ne cite aucune facture.", "Indiquez la facture corrigée et sa date.")
    if document.totals.gross_minor < 0:
        wanted = "une facture" if document.kind is DocumentKind.CREDIT_NOTE else "un avoir"
        yield Problem(
            "NEGATIVE-TOTAL",
            f"Le total du document est négatif ({euros(document.totals.gross_minor)}).",
            f"Faites {wanted}, en montants positifs.",
        )


def _payment(document: Document) -> Iterator[Problem]:
    if document.kind is not DocumentKind.INVOICE or document.totals.payable_minor <= 0:
        return
    if document.due_date is None and not document.payment_terms:
        yield Problem("BR-CO-25", "L’échéance et les conditions de paiement manquent.", "Donnez un délai au client.")
    if document.payment_means in ("30", "58") and not _IBAN.fullmatch(document.iban.replace(" ", "")):
        yield Problem(
            "BR-61", "L’IBAN de l’émetteur manque pour un paiement par virement.", "Complétez la fiche de l’émetteur."
        )
