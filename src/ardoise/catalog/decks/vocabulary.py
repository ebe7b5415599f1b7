"""The words of headers, in French and English: from the text above a column to what the column holds.

Order matters: the first pattern that fits wins, so a narrow meaning stands above a wide one ("minimum charge" above
"charge"). Patterns are searched in the header without accents, case and punctuation.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

PRICE: Final = r"prices?|prix|rates?|tarifs?|tariffs?|costs?|couts?|montants?|amounts?|ppm|pu"
_SECONDS: Final = r"s|sec|secs|seconds?|secondes?"

FIELDS: Final = {
    "prefix": "code dialled, or several",
    "country_code": "calling code of the country, when codes stand in two columns",
    "area_code": "what follows the calling code, when codes stand in two columns",
    "destination": "name of the destination",
    "destination_en": "its name in English",
    "country": "name of the country",
    "zone": "code of the zone",
    "price": "price per minute; price@BAND for the column of a band",
    "band": "band of the row",
    "increment": "increments, like 60/60",
    "first_s": "first increment or minimum duration, seconds",
    "next_s": "following increments, seconds",
    "connection_fee": "connection fee",
    "minimum": "least price of a call",
    "maximum": "most that a call costs",
    "free_s": "seconds free of charge",
    "added_s": "seconds added to every answered call",
    "raised_above_s": "seconds above which a short call counts as longer",
    "raised_to_s": "seconds that such a call counts",
    "currency": "currency",
    "from_date": "first day",
    "to_date": "last day",
    "action": "what changes; rows marked deleted are gone",
    "exact": "yes: the whole number, not a prefix",
    "steps": "steps, as in plain files",
    "service_price": "service part (S)",
    "service_per": "service part per minute or per call",
    "kind": "call, sms, mms, data or event",
    "origin": "prefix of the number that calls",
    "unit_price": "price of unit_count messages, octets or units",
    "unit_count": "how many units that price is for",
    "surcharge": "surcharge",
    "surcharge_at_s": "billed seconds from which it is due",
    "surcharge_every_s": "seconds after which it is due again",
    "attempt_fee": "fee of every attempt",
    "coefficient": "price as so many times the cost",
}

_WORDS: Final = (
    ("", r"\b(old|previous|former|ancien\w*|precedent\w*|last)\b"),
    ("", r"%|\b(variation|difference|diff|ecart|evolution|percent\w*|pourcent\w*|lrn|iso|acd|asr|id|index)\b"),
    ("", r"\b(remarks?|remarques?|comments?|commentaires?|notes?|observations?)\b"),
    ("service_per", r"^service per$"),
    ("service_price", r"^service price$|^part service$"),
    ("steps", r"^steps$|^paliers de prix$"),
    ("exact", r"^exact$"),
    ("to_date", r"\b(end|expir\w*|until|fin|jusqu\w*|valid to|valid till|valide au|close date)\b"),
    ("from_date", r"\b(effective|effecti\w*|effet|valid from|valide? (du|des|a partir)|start|debut|vigueur)\b"),
    ("from_date", r"\b(applicable|from date|date)\b"),
    ("currency", r"\b(currency|devise|monnaie|curr|ccy)\b"),
    ("action", r"\b(status|statut|action|change|changes|changement|movement|mouvement|etat)\b"),
    ("free_s", r"\b(included|free|inclus\w*|gratuit\w*|offert\w*|franchise|grace)\b"),
    (
        "first_s",
        r"\b(first|initial\w*|1st|premiere?|interval 1|min\w* (duration|time|sec\w*|increment|duree|interval))\b",
    ),
    ("first_s", r"\b(duree min\w*|duration min\w*|palier min\w*|temps min\w*)\b"),
    ("next_s", r"\b(next|subsequent\w*|additional|following|suivant\w*|2nd|second\w* (increment|interval|palier))\b"),
    ("next_s", r"\binterval n\b"),
    ("increment", r"\b(increments?|increment\w*|palier\w*|pulse|interval\w*|granularity|granularite|cadence|pas)\b"),
    ("increment", r"\b(billing (terms|unit|units|cycle)|unite de facturation|facturation|rounding|arrondi)\b"),
    ("connection_fee", r"\b(connect\w*|connexion|set ?up|mise en relation|etablissement|mer|call fee|per call)\b"),
    ("connection_fee", r"\b(frais|par appel|prise en charge|flag ?fall|access fee)\b"),
    ("minimum", r"\b(minimum|minima\w*|mini)\b|^min (charge|price|cost|amount|fee|rate|prix|montant|cout)\b"),
    ("price@off-peak", r"\b(off ?peak|creuses?|reduite?s?|reduced|economy|nuit|night|evening|soir)\b"),
    ("price@weekend", r"\b(week ?end|we)\b"),
    ("price@peak", r"\b(peak|pleines?)\b"),
    ("band", r"\b(band|time band|period|periode|tranche|plage\w*|time of day|tod)\b"),
    ("country_code", r"\b(country codes?|cc|code pays|indicatifs? pays|indicatifs? du pays)\b"),
    ("area_code", r"\b(area codes?|city codes?|ndc|region codes?|code ville|code region\w*|code national)\b"),
    ("area_code", r"\b(national codes?|local codes?|indicatifs? (regional|ville|national)\w*)\b"),
    ("destination_en", r"^(destination|label|name|zone) (en|english|anglais)$"),
    ("destination", r"\b(name|nom|libelle|description|designation|label) ?|^destinations?$"),
    ("country", r"^(country|countries|pays)$"),
    ("zone", r"^(zones?|zone code|code zone)$"),
    (
        "prefix",
        r"\b(prefix\w*|indicatifs?|dial\w* ?codes?|dial\w* digits|dialcodes?|codes?|digits|breakouts?|e ?164)\b",
    ),
    ("price", rf"\b({PRICE})\b"),
    ("destination", r"\b(destinations?|routes?|regions?|location|networks?|reseau|operators?|operateur)\b"),
    ("price", rf"\b(per min\w*|par min\w*|minute|min|charge|usd|eur|gbp|chf|{_SECONDS})\b|[€$£]"),
    ("prefix", r"^(numbers?|numeros?)$"),
)
_COMPILED: Final = tuple((field, re.compile(pattern)) for field, pattern in _WORDS)
_NEW: Final = re.compile(r"\b(new|nouveau|nouvelle)\b")
_TYPE: Final = re.compile(r"\btype\b")

CURRENCIES: Final = frozenset(
    [
        "EUR",
        "USD",
        "GBP",
        "CHF",
        "CAD",
        "AUD",
        "NZD",
        "JPY",
        "CNY",
        "HKD",
        "SGD",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
        "CZK",
        "HUF",
        "RON",
        "BGN",
        "TRY",
        "RUB",
        "UAH",
        "ILS",
        "AED",
        "SAR",
        "QAR",
        "KWD",
        "INR",
        "BRL",
        "MXN",
        "ARS",
        "CLP",
        "COP",
        "PEN",
        "ZAR",
        "NGN",
        "KES",
        "GHS",
        "XOF",
        "XAF",
        "XPF",
        "MAD",
        "TND",
        "DZD",
        "EGP",
        "MUR",
        "MGA",
        "KRW",
        "THB",
        "MYR",
        "IDR",
        "PHP",
        "VND",
    ]
)
DOLLARS: Final = frozenset({"USD", "CAD", "AUD", "NZD", "HKD", "SGD"})
SIGNS: Final = {"€": frozenset({"EUR"}), "$": DOLLARS, "£": frozenset({"GBP"}), "¥": frozenset({"JPY", "CNY"})}

BAND_WORDS: Final = {
    "peak": ("peak", "pleine", "pleines", "heures-pleines", "hp", "day", "jour"),
    "off-peak": ("off-peak", "offpeak", "creuse", "creuses", "heures-creuses", "hc", "reduit", "night", "nuit", "soir"),
    "weekend": ("weekend", "week-end", "we"),
}
DELETED: Final = re.compile(
    r"\b(deleted?|deletion|removed?|closed?|blocked|withdrawn|supprime\w*|ferme\w*|retire\w*)\b"
)
EFFECTIVE: Final = re.compile(r"\b(effective|effet|valid|validite|applicable|vigueur|compter)\b")


@cache
def plain(text: str) -> str:
    """A header without accents, case and punctuation: « Prix/min. (€) » is "prix min €"."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return " ".join(re.sub(r"[^a-z0-9%€$£]+", " ", bare.lower()).split())


@cache
def meaning(header: str) -> str:
    """What a column holds by its header: a key of FIELDS, `price@peak`..., or "" when no word is known."""
    words = plain(header)
    if header in FIELDS:  # our own exports
        return header
    if _TYPE.search(words):
        return ""
    return next((field for field, pattern in _COMPILED if pattern.search(words)), "")


def is_new(header: str) -> bool:
    """« New rate » beside « Rate »: the new one is meant."""
    return bool(_NEW.search(plain(header)))


def unit_of(header: str) -> str:
    """What a price column counts by its header: `second`, `cent` (hundredths, per minute) or `minute`."""
    words = plain(header)
    if re.search(r"\b(cents?|centimes?|cts?|ct|pence)\b|\bc€", words):
        return "cent"
    if re.search(rf"(?<!60 )(?<!\d )\b({_SECONDS})\b", words) and not re.search(r"\bmin", words):
        return "second"
    return "minute"


def currencies_in(text: str) -> frozenset[str]:
    """The currencies that a text may mean by its codes and signs; empty when it names none."""
    codes = CURRENCIES & set(re.findall(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])", text))
    signs = [meant for sign, meant in SIGNS.items() if sign in text]
    return frozenset(codes) or frozenset().union(*signs)
