"""The words of document lines in French and English."""

from __future__ import annotations

from calendar import month_name, monthrange
from datetime import date

NBSP = "\u00a0"
NARROW = "\u202f"

_WORDS = {
    "fr": {
        "calls": ("appel", "appels"),
        "units": ("unité", "unités"),
        "messages": ("message", "messages"),
        "sessions": ("session", "sessions"),
        "events": ("unité", "unités"),
        "family.messages": "Messages",
        "family.data": "Données",
        "family.events": "Autres usages",
        "service": "Services à valeur ajoutée",
        "statement": "Communications",
        "extension": "Poste",
        "from_to": "du {0} au {1}",
        "purchased": "le {0}",
        "suspended": "{0} (suspendu)",
        "instalment": "{0} (échéance {1} sur {2})",
        "fee.setup": "Frais de mise en service – {0}",
        "fee.setup_back": "Frais de mise en service rendus – {0}",
        "fee.deposit": "Dépôt de garantie – {0}",
        "fee.deposit_back": "Dépôt de garantie rendu – {0}",
        "fee.advance": "Acompte – {0}",
        "fee.advance_back": "Acompte rendu – {0}",
        "fee.exit": "Frais de résiliation anticipée – {0}",
        "fee.exit_back": "Frais de résiliation anticipée rendus – {0}",
        "unknown": "Autres destinations",
        "corrected": "Facturé {0}, dû {1}",
        "replaces": "Annule et remplace la facture {0} du {1}.",
        "replaces_statement": "Annule et remplace le relevé {0} du {1}.",
        "takes_back": "Annule le relevé {0} du {1}.",
        "usage_of": "communications {0}",
        "late": "{0}, arrivées après la facture",
        "threshold": "Facture intermédiaire\u00a0: les communications de la période ont atteint {0} {1}.",
        "threshold.ht": "HT",
        "threshold.ttc": "TTC",
        "billed_early": "Communications {0} déjà facturées\u00a0: {1}.",
    },
    "en": {
        "calls": ("call", "calls"),
        "units": ("unit", "units"),
        "messages": ("message", "messages"),
        "sessions": ("session", "sessions"),
        "events": ("unit", "units"),
        "family.messages": "Messages",
        "family.data": "Data",
        "family.events": "Other usage",
        "service": "Value-added services",
        "statement": "Calls",
        "extension": "Extension",
        "from_to": "from {0} to {1}",
        "purchased": "on {0}",
        "suspended": "{0} (suspended)",
        "instalment": "{0} (instalment {1} of {2})",
        "fee.setup": "Setup fee – {0}",
        "fee.setup_back": "Setup fee given back – {0}",
        "fee.deposit": "Security deposit – {0}",
        "fee.deposit_back": "Security deposit given back – {0}",
        "fee.advance": "Advance – {0}",
        "fee.advance_back": "Advance given back – {0}",
        "fee.exit": "Fee for leaving early – {0}",
        "fee.exit_back": "Fee for leaving early given back – {0}",
        "unknown": "Other destinations",
        "corrected": "Billed {0}, due {1}",
        "replaces": "Cancels and replaces invoice {0} of {1}.",
        "replaces_statement": "Cancels and replaces statement {0} of {1}.",
        "takes_back": "Cancels statement {0} of {1}.",
        "usage_of": "calls {0}",
        "late": "{0}, received after the invoice",
        "threshold": "Interim invoice: the calls of the period have reached {0} {1}.",
        "threshold.ht": "without tax",
        "threshold.ttc": "with tax",
        "billed_early": "Calls {0} billed already: {1}.",
    },
}


def word(language: str, key: str) -> str:
    text = _WORDS.get(language, _WORDS["fr"])[key]
    assert isinstance(text, str)
    return text


def count(language: str, key: str, number: int) -> str:
    """« 1 appel », « 1 204 appels » with narrow no-break spaces (French: singular up to 1)."""
    singular, plural = _WORDS.get(language, _WORDS["fr"])[key]
    grouped = f"{number:,}".replace(",", NARROW if language == "fr" else ",")
    return f"{grouped}{NBSP}{singular if number <= 1 else plural}"


def duration(seconds: int) -> str:
    """« 1 h 02 min 05 s », « 2 min 07 s », « 9 s »."""
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    if hours:
        return f"{hours}{NBSP}h{NBSP}{minutes:02d}{NBSP}min{NBSP}{seconds:02d}{NBSP}s"
    if minutes:
        return f"{minutes}{NBSP}min{NBSP}{seconds:02d}{NBSP}s"
    return f"{seconds}{NBSP}s"


def octets(language: str, count: int) -> str:
    """« 1,50 Go », « 12,00 Mo », "1.50 GB": decimal units, two places, rounded half up."""
    unit, size = next(((unit, size) for unit, size in _OCTETS if count >= size), _OCTETS[-1])
    hundredths = (count * 200 + size) // (2 * size)
    mark, suffix = (",", "o") if language == "fr" else (".", "B")
    return f"{hundredths // 100}{mark}{hundredths % 100:02d}{NBSP}{unit}{suffix}"


_OCTETS = (("G", 10**9), ("M", 10**6), ("k", 10**3))


def day(value: date) -> str:
    return value.strftime("%d/%m/%Y")


def from_to(language: str, first: date, last: date) -> str:
    return word(language, "from_to").format(day(first), day(last))


_MONTHS_FR = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip


def usage_of(language: str, first: date, last: date, *, late: bool) -> str:
    """« communications d'octobre 2026, arrivées après la facture », of a whole month; else of days from ... to."""
    whole_month = first.day == 1 and (last.year, last.month) == (first.year, first.month)
    if whole_month and last.day == monthrange(last.year, last.month)[1]:
        when = _of_month(language, first)
    else:
        when = from_to(language, first, last)
    said = word(language, "usage_of").format(when)
    return word(language, "late").format(said) if late else said


def _of_month(language: str, first: date) -> str:
    if language == "en":
        return f"of {month_name[first.month]} {first.year}"
    name = _MONTHS_FR[first.month - 1]
    of = "d'" if name[0] in "ao" else "de "
    return f"{of}{name} {first.year}"
