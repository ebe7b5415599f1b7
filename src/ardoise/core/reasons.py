"""Why a usage costs what it costs, in sentences: French and English, one fact a sentence, in the order of the work.

Here: the reason, the tariff, the row, the rounding, the cost. What the row's prices make of the quantity is told by
`core.reasons_of_price`.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from functools import lru_cache

from ardoise.core.allowances import RETAIL
from ardoise.core.money import NO_BREAK, Rounding, amount_text, micros_text
from ardoise.core.periods import local_date
from ardoise.core.phone import display
from ardoise.core.pricing import UNCHANGED, Change
from ardoise.core.rated import Match, PartName, RatedPart, State, Why
from ardoise.core.reasons_of_price import access_sentences, decimals_text, number_text, service_sentences
from ardoise.core.tariffs import Rate, RoundingPoint, TaxBasis
from ardoise.core.usage import UsageKind

_WHY_FR = {
    Why.UNKNOWN_NUMBER: "Aucun prix : numéro absent, ou texte pour lequel aucune grille n'a de ligne.",
    Why.NO_TARIFF: "Aucun prix : ni le poste, ni son compte, ni l'émetteur n'a de grille tarifaire à cette date.",
    Why.NO_VERSION: "Aucun prix : aucune version des grilles du compte n'est en vigueur à cet instant.",
    Why.NO_RATE: "Aucun prix : aucune grille du compte n'a de ligne pour ce numéro.",
    Why.NO_COST: "Aucun prix : la ligne multiplie le coût de l'appel, et ce coût n'est pas connu.",
    Why.INTERNAL: "Non taxé : appel interne.",
    Why.NO_DETAIL: "Non taxé : poste sans détail (représentants du personnel).",
    Why.UNANSWERED: "Non taxé : appel sans réponse ou sans conversation.",
    Why.INCOMING: "Non taxé : appel entrant.",
}
_WHY_EN = {
    Why.UNKNOWN_NUMBER: "No price: the number is missing, or is a text that no tariff has a row for.",
    Why.NO_TARIFF: "No price: neither the line, nor its account, nor the issuer has a tariff on that date.",
    Why.NO_VERSION: "No price: no version of the account's tariffs is in force at that instant.",
    Why.NO_RATE: "No price: no tariff of the account has a row for this number.",
    Why.NO_COST: "No price: the row multiplies the cost of the call, and no cost is known.",
    Why.INTERNAL: "Not charged: internal call.",
    Why.NO_DETAIL: "Not charged: line without detail (staff representatives).",
    Why.UNANSWERED: "Not charged: nobody answered, or nothing was said.",
    Why.INCOMING: "Not charged: incoming call.",
}
_ROUNDING_FR = {
    Rounding.HALF_UP: "au plus proche, la moitié vers le haut",
    Rounding.HALF_EVEN: "au plus proche, la moitié vers le chiffre pair",
    Rounding.UP: "vers le haut",
    Rounding.DOWN: "vers le bas",
}
_ROUNDING_EN = {
    Rounding.HALF_UP: "to nearest, half up",
    Rounding.HALF_EVEN: "to nearest, half to even",
    Rounding.UP: "up",
    Rounding.DOWN: "down",
}
_KIND_FR = {UsageKind.SMS: "SMS", UsageKind.MMS: "MMS", UsageKind.DATA: "données", UsageKind.EVENT: "événement"}
_KIND_EN = {UsageKind.SMS: "SMS", UsageKind.MMS: "MMS", UsageKind.DATA: "data", UsageKind.EVENT: "event"}


def explain(part: RatedPart, language: str) -> list[str]:
    """Sentences on one part of a usage: level, tariff, version, row, bands, increments, allowances, fees, promotion,
    rounding, cost.

    `language` is "fr" (also "fr-fr" ...) or anything else for English.
    """
    french = language.lower().startswith("fr")
    level = [] if part.level == RETAIL else [_level(part.level, french)]
    if part.match is None:
        return [*level, (_WHY_FR if french else _WHY_EN)[part.why], *_cost(part, french)]
    told = service_sentences if part.part is PartName.SERVICE else access_sentences
    return [
        *level,
        *_tariff(part.match, french),
        _row(part.match, french),
        *told(part, french),
        _rounding(part, french),
        *_cost(part, french),
    ]


def _level(level: str, french: bool) -> str:
    rank = level.removeprefix("reseller")
    if french:
        return f"Niveau revendeur {rank} : ce que paie le compte qui revend au client."
    return f"Reseller level {rank}: what the account that resells to the customer pays."


def _tariff(match: Match, french: bool) -> list[str]:
    tariff, version, change = match.rate.tariff, match.version, match.rate.change
    named = _named(
        tariff.name, tariff.code, tariff.tax_basis is TaxBasis.TTC, version.valid_from_at, tariff.zone, french
    )
    sentences = [named]
    if match.through:
        sentences.append(
            f"Grille parente de {match.through}, qui n'a pas de ligne pour ce numéro."
            if french
            else f"Parent tariff of {match.through}, which has no row for this number."
        )
    if change is not UNCHANGED and match.rate.coefficient is None:
        sentences.append(_adjusted(change, tariff.currency, french))
    return sentences


@lru_cache(maxsize=4096)
def _named(name: str, code: str, with_tax: bool, from_at: datetime, zone: str, french: bool) -> str:
    since = local_date(from_at, zone).strftime("%d/%m/%Y" if french else "%Y-%m-%d")
    if french:
        basis = "TTC" if with_tax else "HT"
        return f"Grille «{NO_BREAK}{name}{NO_BREAK}» ({code}, prix {basis}), version du {since}."
    basis = "with tax" if with_tax else "without tax"
    return f"Tariff “{name}” ({code}, prices {basis}), version of {since}."


def _adjusted(change: Change, currency: str, french: bool) -> str:
    facts = []
    if change.factor != 1:
        facts.append(f"{number_text((change.factor - 1) * 100, french, signed=True)}{NO_BREAK}%")
    if change.per_min:
        more = amount_text(change.per_min, currency=currency, french=french)
        sign = "+" if change.per_min > 0 else ""
        facts.append(f"{sign}{more} par minute" if french else f"{sign}{more} a minute")
    if french:
        return f"Prix de la grille ajustés de {' puis '.join(facts) or '0 %'}."
    return f"Prices of the tariff adjusted by {' then '.join(facts) or '0 %'}."


def _row(match: Match, french: bool) -> str:
    rate = match.rate.rate
    band = rate.band or match.band
    if french:
        kind = "Numéro exact" if rate.exact else "Préfixe" if rate.prefix else "Tout autre numéro"
        if rate.prefix.startswith("="):
            kind = "Catégorie de numéros"
        hours = f"tranche {band}" if band else "toutes heures"
        kinds = _KIND_FR
    else:
        kind = "Exact number" if rate.exact else "Prefix" if rate.prefix else "Any other number"
        if rate.prefix.startswith("="):
            kind = "Number category"
        hours = f"band {band}" if band else "all hours"
        kinds = _KIND_EN
    prefix = _prefix(rate, french)
    counted = f", {kinds[rate.kind]}" if rate.kind is not UsageKind.CALL else ""
    return f"{kind}{prefix}{counted}, zone {rate.zone}, {hours}{_origin(rate.origin, french)}."


def _prefix(rate: Rate, french: bool) -> str:
    """« 336 », « 36 39 », « 112 (numéro court) »: never the mark by which a row is found."""
    if rate.exact:
        return f" {display(rate.prefix)}"
    if rate.prefix.startswith("!"):
        return f" {rate.prefix[1:]} ({'numéro court' if french else 'short number'})"
    bare = rate.prefix.removeprefix("=").removeprefix("?")
    return f" {bare}" if bare else ""


def _origin(origin: str, french: bool) -> str:
    if not origin:
        return ""
    if origin.startswith("@"):
        return f", réseau visité {origin[1:]}" if french else f", visited network {origin[1:]}"
    return f", au départ de {origin}" if french else f", from {origin}"


def _rounding(part: RatedPart, french: bool) -> str:
    assert part.match is not None and part.amount_micros is not None
    tariff = part.match.rate.tariff
    amount = micros_text(part.amount_micros, currency=tariff.currency, french=french)
    if tariff.rounding_point is RoundingPoint.LINE:
        rest = number_text(Fraction(part.residue or 0), french, signed=True, as_ratio=True)
        if french:
            kept = f", reste {rest} millionième" if part.residue else ""
            return f"Montant : {amount}{kept} : l'arrondi se fait sur la ligne de facture."
        kept = f", {rest} millionth left" if part.residue else ""
        return f"Amount: {amount}{kept}: rounded on the line of the invoice."
    places = tariff.rounding_decimals
    if french:
        return f"Montant : {amount}, arrondi à {decimals_text(places, french)} {_ROUNDING_FR[tariff.rounding]}."
    return f"Amount: {amount}, rounded to {decimals_text(places, french)} {_ROUNDING_EN[tariff.rounding]}."


def _cost(part: RatedPart, french: bool) -> list[str]:
    sentences = []
    if part.cost_micros is not None and part.cost_match is not None:
        tariff = part.cost_match.rate.tariff
        currency = tariff.currency if part.match is None else part.match.rate.tariff.currency
        cost = micros_text(part.cost_micros, currency=currency, french=french)
        converted = ""
        if currency != tariff.currency:
            converted = f", converti de {tariff.currency}" if french else f", converted from {tariff.currency}"
        sentences.append(
            f"Coût chez l'opérateur ({tariff.code}) : {cost}{converted}."
            if french
            else f"Operator's cost ({tariff.code}): {cost}{converted}."
        )
    if part.printed_micros is not None and part.state is not State.EXCLUDED:
        printed = micros_text(part.printed_micros, currency="EUR", french=french)
        sentences.append(
            f"Prix imprimé par l'opérateur : {printed}." if french else f"Price printed by the operator: {printed}."
        )
    return sentences
