"""Why a call costs what it costs, in sentences: French and English, one fact a sentence, in the order of the work."""

from __future__ import annotations

from fractions import Fraction

from ardoise.core.money import NO_BREAK, Rounding, amount_text
from ardoise.core.periods import local_date
from ardoise.core.pricing import chargeable_s, pieces, remainder, row_of, service, whole_call
from ardoise.core.rated import Match, PartName, RatedPart, State, Why
from ardoise.core.tariffs import ServicePer, TaxBasis

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


def explain(part: RatedPart, language: str) -> list[str]:
    """Sentences on one part of a call: tariff, version, prefix, band, increments, allowance, rounding, cost.

    `language` is "fr" (also "fr-fr" ...) or anything else for English.
    """
    french = language.lower().startswith("fr")
    if part.match is None:
        return [(_WHY_FR if french else _WHY_EN)[part.why], *_cost(part, french)]
    return [
        _tariff(part.match, french),
        _row(part.match, french),
        *(_service(part, french) if part.part is PartName.SERVICE else _access(part, french)),
        _rounding(part, french),
        *_cost(part, french),
    ]


def _tariff(match: Match, french: bool) -> str:
    tariff, version = match.rate.tariff, match.version
    since = local_date(version.valid_from_at, tariff.zone).strftime("%d/%m/%Y" if french else "%Y-%m-%d")
    if french:
        basis = "TTC" if tariff.tax_basis is TaxBasis.TTC else "HT"
        return f"Grille «{NO_BREAK}{tariff.name}{NO_BREAK}» ({tariff.code}, prix {basis}), version du {since}."
    basis = "with tax" if tariff.tax_basis is TaxBasis.TTC else "without tax"
    return f"Tariff “{tariff.name}” ({tariff.code}, prices {basis}), version of {since}."


def _row(match: Match, french: bool) -> str:
    rate = match.rate.rate
    band = rate.band or match.band
    if french:
        kind = "Numéro exact" if rate.exact else "Préfixe" if rate.prefix else "Tout autre numéro"
        prefix = f" {rate.prefix}" if rate.prefix else ""
        return f"{kind}{prefix}, zone {rate.zone}, {f'tranche {band}' if band else 'toutes heures'}."
    kind = "Exact number" if rate.exact else "Prefix" if rate.prefix else "Any other number"
    prefix = f" {rate.prefix}" if rate.prefix else ""
    return f"{kind}{prefix}, zone {rate.zone}, {f'band {band}' if band else 'all hours'}."


def _access(part: RatedPart, french: bool) -> list[str]:
    assert part.match is not None
    rate, tariff = part.match.rate.rate, part.match.rate.tariff
    sentences = _allowance(part, french)
    charge_s = chargeable_s(rate, quantity=part.usage.talk_s)
    if part.draws:
        charge_s -= part.covered_s
    elif rate.free_s:
        sentences.append(
            f"Les {rate.free_s} premières secondes sont gratuites."
            if french
            else f"The first {rate.free_s} s are free."
        )
    for piece in pieces(row_of(rate, tariff), charge_s=charge_s):
        step = piece.step
        price = amount_text(step.price, currency=tariff.currency, french=french)
        cost = amount_text(Fraction(step.price) * piece.billed_s / step.per_s, currency=tariff.currency, french=french)
        sentences.append(
            f"À partir de {step.from_s} s : {piece.billed_s} s facturées (par {step.increment_s} s) à {price} "
            f"les {step.per_s} s = {cost}."
            if french
            else f"From {step.from_s} s: {piece.billed_s} s billed (in blocks of {step.increment_s} s) at {price} "
            f"per {step.per_s} s = {cost}."
        )
    return sentences + _fees(part, french)


def _allowance(part: RatedPart, french: bool) -> list[str]:
    return [
        f"Forfait «{NO_BREAK}{draw.allowance.name}{NO_BREAK}» : {draw.covered_s} s incluses sur {part.usage.talk_s} s."
        if french
        else f"Allowance “{draw.allowance.name}”: {draw.covered_s} s included out of {part.usage.talk_s} s."
        for draw in part.draws
    ]


def _fees(part: RatedPart, french: bool) -> list[str]:
    assert part.match is not None
    rate, currency = part.match.rate.rate, part.match.rate.tariff.currency
    sentences = []
    if rate.connection_fee and not part.draws:
        fee = amount_text(rate.connection_fee, currency=currency, french=french)
        sentences.append(f"Coût d'établissement d'appel : {fee}." if french else f"Connection fee: {fee}.")
    exact = _exact(part)
    if rate.maximum is not None and exact == Fraction(rate.maximum):
        most = amount_text(rate.maximum, currency=currency, french=french)
        sentences.append(f"Plafond par appel : {most}." if french else f"Maximum of a call: {most}.")
    elif rate.minimum and not part.draws and exact == Fraction(rate.minimum):
        least = amount_text(rate.minimum, currency=currency, french=french)
        sentences.append(f"Minimum par appel : {least}." if french else f"Minimum of a call: {least}.")
    return sentences


def _service(part: RatedPart, french: bool) -> list[str]:
    assert part.match is not None
    rate, currency = part.match.rate.rate, part.match.rate.tariff.currency
    price = amount_text(rate.service_price, currency=currency, french=french)
    if rate.service_per is ServicePer.CALL:
        return [f"Prix du service : {price} par appel." if french else f"Service price: {price} a call."]
    return [
        f"Prix du service : {part.usage.talk_s} s à {price} la minute, à la seconde."
        if french
        else f"Service price: {part.usage.talk_s} s at {price} a minute, by the second."
    ]


def _exact(part: RatedPart) -> Fraction:
    """The amount before the tariff's rounding."""
    assert part.match is not None
    rate, tariff, quantity = part.match.rate.rate, part.match.rate.tariff, part.usage.talk_s
    if part.part is PartName.SERVICE:
        return service(rate, quantity=quantity)
    row = row_of(rate, tariff)
    if part.draws:
        uncovered = chargeable_s(rate, quantity=quantity) - part.covered_s
        return remainder(row, quantity=quantity, uncovered=uncovered)[0]
    return whole_call(row, quantity=quantity)[0]


def _rounding(part: RatedPart, french: bool) -> str:
    assert part.match is not None and part.amount_micros is not None
    tariff = part.match.rate.tariff
    amount = amount_text(Fraction(part.amount_micros, 10**6), currency=tariff.currency, french=french)
    places = tariff.rounding_decimals
    if french:
        return f"Montant : {amount}, arrondi à {places} décimales {_ROUNDING_FR[tariff.rounding]}."
    return f"Amount: {amount}, rounded to {places} places {_ROUNDING_EN[tariff.rounding]}."


def _cost(part: RatedPart, french: bool) -> list[str]:
    sentences = []
    if part.cost_micros is not None and part.cost_match is not None:
        tariff = part.cost_match.rate.tariff
        cost = amount_text(Fraction(part.cost_micros, 10**6), currency=tariff.currency, french=french)
        sentences.append(
            f"Coût chez l'opérateur ({tariff.code}) : {cost}."
            if french
            else f"Operator's cost ({tariff.code}): {cost}."
        )
    if part.printed_micros is not None and part.state is not State.EXCLUDED:
        printed = amount_text(Fraction(part.printed_micros, 10**6), currency="EUR", french=french)
        sentences.append(
            f"Prix imprimé par l'opérateur : {printed}." if french else f"Price printed by the operator: {printed}."
        )
    return sentences
