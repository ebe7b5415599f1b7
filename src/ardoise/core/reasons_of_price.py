"""What a row's prices make of a quantity, in sentences: allowances, steps and bands, fees, promotion, service part."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from ardoise.core.allowances import Draw, fee_micros, uncovered
from ardoise.core.fares import Fare, Stretch
from ardoise.core.money import NO_BREAK, amount_text, count_text, micros_text
from ardoise.core.pricing import Counting
from ardoise.core.rated import NOT_ANSWERED, RatedPart
from ardoise.core.tariffs import Counted, Promotion, ServicePer
from ardoise.core.usage import UsageKind

_UNIT_FR = {UsageKind.SMS: "message", UsageKind.MMS: "message", UsageKind.DATA: "octet", UsageKind.EVENT: "unité"}
_UNIT_EN = {UsageKind.SMS: "message", UsageKind.MMS: "message", UsageKind.DATA: "octet", UsageKind.EVENT: "unit"}
_EACH_FR = {UsageKind.CALL: "la seconde", UsageKind.DATA: "l'octet", UsageKind.EVENT: "l'unité"}
_FEMININE = (UsageKind.CALL, UsageKind.EVENT)  # secondes, unités


def access_sentences(part: RatedPart, french: bool) -> list[str]:
    """The access part: what its quantity costs, and how."""
    assert part.match is not None
    rate, usage = part.match.rate, part.usage
    if usage.status in NOT_ANSWERED or (usage.quantity == 0 and not rate.tariff.bill_zero_seconds):
        fee = _money(rate.attempt_fee, rate.scale, part, french)
        return [f"Appel sans réponse, prix d'une tentative : {fee}." if french else f"No answer, attempt fee: {fee}."]
    sentences = []
    if usage.quantity < 0:
        sentences.append(
            f"Reprise : l'opposé du prix de {_count(-usage.quantity, part, french)}."
            if french
            else f"Taken back: the opposite of the price of {_count(-usage.quantity, part, french)}."
        )
    draws = [draw for draw in part.draws if draw.allowance.counted is not Counted.MONEY]
    sentences += [_included(draw, part, french) for draw in draws]
    if fee_micros(draws):
        due = _money(fee_micros(draws), 10**6, part, french)
        sentences.append(f"Frais d'appel de ce forfait : {due}." if french else f"Call fee of that allowance: {due}.")
    if rate.coefficient is not None:
        sentences.append(_by_coefficient(part, french))
    else:
        sentences += _counted(part, draws, french)
    if part.promotion is not None:
        sentences.append(_promotion(part.promotion, part, french))
    return sentences + [_included(draw, part, french) for draw in part.draws if draw.allowance.counted is Counted.MONEY]


def _counted(part: RatedPart, draws: list[Draw], french: bool) -> list[str]:
    """Free seconds, steps, fees."""
    assert part.match is not None
    fare, quantity = part.match.fare(), abs(part.usage.quantity)
    rate = fare.rate
    counted = rate.counted(quantity)
    sentences = [_lengthened(quantity, counted, part, french)] if rate.odd_below and counted != quantity else []
    if draws:
        left = uncovered(fare.demand(quantity), draws)
        cut = fare.stretches(begin_s=counted - left, charge_s=left)
        return sentences + _steps(fare, cut, part, french) + _limits(fare, cut, part, french, whole=False)
    if rate.free_s:
        sentences.append(_free(rate.free_s, part, french))
    cut = fare.stretches(begin_s=rate.free_s, charge_s=counted - rate.free_s)
    return sentences + _steps(fare, cut, part, french) + _limits(fare, cut, part, french, whole=True)


def _lengthened(quantity: int, counted: int, part: RatedPart, french: bool) -> str:
    """« Compté pour 60 s : 40 s, et 3 s ajoutées à chaque appel ; de 31 s à 59 s, un appel compte 60 s. »"""
    assert part.match is not None
    rate = part.match.rate.rate
    facts = [_count(quantity, part, french)]
    if rate.added_s:
        added = _count(rate.added_s, part, french)
        facts.append(f"{added} de plus par appel" if french else f"{added} more a call")
    if counted == rate.raised_to_s:
        above = _count(rate.raised_above_s, part, french)
        facts.append(f"porté à ce minimum au-delà de {above}" if french else f"raised to this minimum above {above}")
    told = ", ".join(facts)
    return (
        f"Compté pour {_count(counted, part, french)} : {told}."
        if french
        else (f"Counted as {_count(counted, part, french)}: {told}.")
    )


def _free(free_s: int, part: RatedPart, french: bool) -> str:
    free = _count(free_s, part, french)
    if part.usage.kind is not UsageKind.CALL:
        return f"Gratuit jusqu'à {free}." if french else f"Free up to {free}."
    if not french:
        return f"The first {free} {'is' if free_s == 1 else 'are'} free."
    if free_s == 1:
        return "La première seconde est gratuite."
    return f"Les {count_text(free_s, french=True)} premières secondes sont gratuites."


# --- steps ------------------------------------------------------------------------------------------------------------


def _steps(fare: Fare, cut: list[Stretch], part: RatedPart, french: bool) -> list[str]:
    sentences = [_stretch(fare, stretch, part, french) for stretch in cut if stretch.step >= 0]
    places = fare.rate.tariff.increment_decimals
    if places is not None and sentences:
        sentences.append(
            f"Le prix d'un incrément est d'abord arrondi à {decimals_text(places, french)}."
            if french
            else f"The price of an increment is first rounded to {decimals_text(places, french)}."
        )
    return sentences


def _stretch(fare: Fare, stretch: Stretch, part: RatedPart, french: bool) -> str:
    """« À partir de 60 s : 1 s facturées (par 1 s) à 0,12 € les 60 s = 0,002 €. »"""
    row, step = stretch.row, stretch.step
    from_s = row.from_s[step]
    cost = _money(stretch.amount, row.scale, part, french)
    billed = _count(stretch.billed_s, part, french)
    begin = _count(from_s, part, french)
    if row.counting is Counting.PACKAGE:
        return (
            f"Palier forfaitaire à partir de {begin} : prix unique de {cost} pour {billed}."
            if french
            else f"Package from {begin}: one price of {cost} for {billed}."
        )
    per = next((known.per_s for known in row.rate.steps if known.from_s == from_s), 60)
    price = _money(row.block_prices[step] * per, row.unit_s[step] * row.scale, part, french)
    block, unit = _count(row.increments_s[step], part, french), _per(per, part, french)
    where = _where(fare, stretch, begin, part, french)
    if french:
        done = _agreed("facturé", stretch.billed_s, part)
        return f"{where} : {billed} {done} (par {block}) à {price} {unit} = {cost}."
    return f"{where}: {billed} billed (in blocks of {block}) at {price} {unit} = {cost}."


def _where(fare: Fare, stretch: Stretch, begin: str, part: RatedPart, french: bool) -> str:
    if fare.later:
        at = _count(stretch.at_s, part, french)
        band = stretch.row.rate.band
        if french:
            return f"{f'Tranche {band}' if band else 'Toutes heures'}, à partir de {at}"
        return f"{f'Band {band}' if band else 'All hours'}, from {at}"
    if stretch.row.counting is Counting.VOLUME:
        return f"Palier de volume à partir de {begin}" if french else f"Volume tier from {begin}"
    return f"À partir de {begin}" if french else f"From {begin}"


# --- fees -------------------------------------------------------------------------------------------------------------


def _limits(fare: Fare, cut: list[Stretch], part: RatedPart, french: bool, *, whole: bool) -> list[str]:
    """Fee, surcharges, minimum, maximum, attempt fee; of what an allowance leaves, the maximum alone."""
    rate, scale = fare.rate, fare.common_scale() if fare.later else fare.rate.scale
    times = scale // rate.scale
    reached = sum([stretch.amount * (scale // stretch.row.scale) for stretch in cut])
    sentences = []
    if whole and rate.fee:
        fee = _money(rate.fee, rate.scale, part, french)
        sentences.append(f"Coût d'établissement d'appel : {fee}." if french else f"Connection fee: {fee}.")
        reached += rate.fee * times
    due = rate.surcharges(sum([stretch.billed_s for stretch in cut])) if whole and rate.surcharge else 0
    if due:
        sentences.append(_surcharge(fare, due, part, french))
        reached += rate.surcharge * due * times
    if whole and rate.minimum and reached < rate.minimum * times:
        least = _money(rate.minimum, rate.scale, part, french)
        sentences.append(f"Minimum par appel : {least}." if french else f"Minimum of a call: {least}.")
        reached = rate.minimum * times
    if rate.maximum is not None and reached > rate.maximum * times:
        most = _money(rate.maximum, rate.scale, part, french)
        sentences.append(f"Plafond par appel : {most}." if french else f"Maximum of a call: {most}.")
    if whole and rate.attempt_fee:
        fee = _money(rate.attempt_fee, rate.scale, part, french)
        sentences.append(f"Prix d'une tentative d'appel : {fee}." if french else f"Attempt fee: {fee}.")
    return sentences


def _surcharge(fare: Fare, due: int, part: RatedPart, french: bool) -> str:
    rate = fare.rate
    each = _money(rate.surcharge, rate.scale, part, french)
    total = _money(rate.surcharge * due, rate.scale, part, french)
    begin = _count(rate.surcharge_at_s, part, french)
    every = _count(rate.surcharge_every_s, part, french)
    if french:
        again = f" puis tous les {every}" if rate.surcharge_every_s else ""
        return f"Majoration de {each} à {begin}{again} : {count_text(due, french=True)} fois = {total}."
    again = f" and every {every} after" if rate.surcharge_every_s else ""
    times = "once" if due == 1 else f"{count_text(due, french=False)} times"
    return f"Surcharge of {each} at {begin}{again}: {times} = {total}."


def _by_coefficient(part: RatedPart, french: bool) -> str:
    assert part.match is not None and part.match.rate.coefficient is not None
    times = number_text(Fraction(*part.match.rate.coefficient), french)
    if part.printed_micros is not None:
        return (
            f"Prix imprimé par l'opérateur, multiplié par {times}."
            if french
            else f"Price printed by the operator, times {times}."
        )
    return f"Coût chez l'opérateur, multiplié par {times}." if french else f"Operator's cost, times {times}."


# --- allowances and promotions ----------------------------------------------------------------------------------------


def _included(draw: Draw, part: RatedPart, french: bool) -> str:
    name, counted = draw.allowance.name, draw.allowance.counted
    if counted is Counted.MONEY:
        paid = _money(draw.covered_s, 10**6, part, french)
        return f"Crédit «{NO_BREAK}{name}{NO_BREAK}» : {paid} déduits." if french else f"Credit “{name}”: {paid} off."
    if counted is Counted.CALLS:
        return (
            f"Forfait «{NO_BREAK}{name}{NO_BREAK}» : appel inclus." if french else f"Allowance “{name}”: call included."
        )
    covered, asked = _count(draw.covered_s, part, french), _count(part.usage.quantity, part, french)
    if french:
        done = "incluses" if part.usage.kind in _FEMININE else "inclus"
        how = ", décompte arrondi comme la facturation" if draw.allowance.as_billed else ""
        return f"Forfait «{NO_BREAK}{name}{NO_BREAK}» : {covered} {done} sur {asked}{how}."
    how = ", drawn as rounded when billed" if draw.allowance.as_billed else ""
    return f"Allowance “{name}”: {covered} included out of {asked}{how}."


def _promotion(promotion: Promotion, part: RatedPart, french: bool) -> str:
    facts = []
    if promotion.percentage:
        facts.append(f"{number_text(-Fraction(promotion.percentage), french, signed=True)}{NO_BREAK}%")
    if promotion.amount:
        off = _price(-promotion.amount, part, french)
        facts.append(f"{off} par appel" if french else f"{off} a call")
    share = ""
    if part.promoted and promotion.counted is Counted.MONEY:
        share = _money(part.promoted, 10**6, part, french)
    elif part.promoted and promotion.counted is not Counted.CALLS:
        share = _count(part.promoted, part, french)
    if french:
        share = f", sur {share}" if share else ""
        return f"Promotion «{NO_BREAK}{promotion.name}{NO_BREAK}» : {' puis '.join(facts) or '0 %'}{share}."
    share = f", on {share}" if share else ""
    return f"Promotion “{promotion.name}”: {' then '.join(facts) or '0 %'}{share}."


# --- service part -----------------------------------------------------------------------------------------------------


def service_sentences(part: RatedPart, french: bool) -> list[str]:
    """The service part (S) of a value-added number."""
    assert part.match is not None
    rate = part.match.rate.rate
    price = _price(rate.service_price, part, french)
    if rate.service_per is ServicePer.CALL:
        return [f"Prix du service : {price} par appel." if french else f"Service price: {price} a call."]
    said = _count(part.usage.quantity, part, french)
    return [
        f"Prix du service : {said} à {price} la minute, à la seconde."
        if french
        else f"Service price: {said} at {price} a minute, by the second."
    ]


# --- words ------------------------------------------------------------------------------------------------------------


def _count(number: int, part: RatedPart, french: bool) -> str:
    """« 61 s », « 2 642 400 s », « 2 messages », « 1 octet »."""
    kind, figures = part.usage.kind, count_text(number, french=french)
    if kind is UsageKind.CALL:
        return f"{figures} s"
    plural = abs(number) > 1 if french else abs(number) != 1
    return f"{figures} {(_UNIT_FR if french else _UNIT_EN)[kind]}{'s' if plural else ''}"


def _per(number: int, part: RatedPart, french: bool) -> str:
    """« les 60 s », « le message »."""
    kind = part.usage.kind
    if number > 1:
        return f"{'les' if french else 'per'} {_count(number, part, french)}"
    if french:
        return _EACH_FR.get(kind) or f"le {_UNIT_FR[kind]}"
    return "a second" if kind is UsageKind.CALL else f"per {_UNIT_EN[kind]}"


def _agreed(participle: str, number: int, part: RatedPart) -> str:
    """« 3 messages facturés », « 1 s facturées » (of a duration, always many)."""
    kind = part.usage.kind
    plural = number > 1 or kind is UsageKind.CALL
    return f"{participle}{'e' if kind in _FEMININE else ''}{'s' if plural else ''}"


def _money(amount: int, scale: int, part: RatedPart, french: bool) -> str:
    """An exact amount over `scale`, to the micro."""
    assert part.match is not None
    micros = (2 * amount * 10**6 + scale) // (2 * scale)
    return micros_text(micros, currency=part.match.rate.tariff.currency, french=french)


def _price(price: Decimal, part: RatedPart, french: bool) -> str:
    assert part.match is not None
    return _price_text(price, part.match.rate.tariff.currency, french)


@lru_cache(maxsize=4096)
def _price_text(price: Decimal, currency: str, french: bool) -> str:
    return amount_text(price, currency=currency, french=french)


def decimals_text(places: int, french: bool) -> str:
    """« 6 décimales », « 1 décimale »; "6 places", "1 place"."""
    if french:
        return f"{places} décimale{'s' if places > 1 else ''}"
    return f"{places} place{'' if places == 1 else 's'}"


def number_text(number: Fraction, french: bool, *, signed: bool = False, as_ratio: bool = False) -> str:
    """« 1,5 », « +10 », « -1/3 »: a plain number, exact to six places."""
    sign = "+" if signed and number > 0 else ""
    if as_ratio:
        return f"{sign}{number}"
    text = f"{round(number * 10**6) / Decimal(10**6):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return sign + (text.replace(".", ",") if french else text)
