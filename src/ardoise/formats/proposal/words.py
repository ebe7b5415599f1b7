"""What a proposal says to people, French beside English."""

from __future__ import annotations

from ardoise.formats.proposal.choosing import Doubt

_DOUBTS = {
    "no_start": (
        "Aucune colonne ne porte une date et une heure : compléter fields.start et start.formats.",
        "No column holds a date and a time: complete fields.start and start.formats.",
    ),
    "no_duration": (
        "Aucune colonne ne porte une durée : compléter fields.duration.",
        "No column holds a duration: complete fields.duration.",
    ),
    "date_order": (
        "Jour et mois peuvent être pris l'un pour l'autre : {about} est supposé.",
        "Day and month can be taken for each other: {about} is assumed.",
    ),
    "no_year": (
        "L'année n'est pas imprimée : elle viendra de l'ordre du flux et de l'heure d'arrivée.",
        "The year is not printed: it will come from the order of the stream and the time of arrival.",
    ),
    "zone": (
        'Les heures sont prises pour locales, dans le fuseau de la source : start.zone = "utc" sinon.',
        'Times are taken as local, in the zone of the source: start.zone = "utc" if they are not.',
    ),
    "duration_guessed": (
        "La durée est prise dans {about}, par sa forme : est-ce la conversation ?",
        "The duration is taken from {about}, by its shape: is it the conversation?",
    ),
    "durations": (
        "Plusieurs durées ({about}) : la première est prise ; la durée réelle, pas la durée facturée.",
        "Several durations ({about}): the first is taken; the real one is wanted, not the billed one.",
    ),
    "blank_duration": (
        "Certaines lignes n'ont pas de durée : elles sont prises pour des appels sans réponse.",
        "Some lines have no duration: they are taken as unanswered calls.",
    ),
    "no_direction": (
        "Aucune colonne ne dit le sens : tout est pris pour sortant.",
        "No column tells the direction: everything is taken as outgoing.",
    ),
    "direction_values": (
        "Valeurs de sens inconnues ({about}) : leurs appels auront un sens inconnu.",
        "Values of the direction not known ({about}): their calls will have an unknown direction.",
    ),
    "price_tax": (
        "Le prix est pris dans {about} : hors taxe ? dans la monnaie de la source ?",
        "The price is taken from {about}: without tax? in the currency of the source?",
    ),
    "who_calls": (
        "Appelant et appelé sont supposés, dans cet ordre : {about}.",
        "Calling and called are assumed, in this order: {about}.",
    ),
    "no_number": (
        "Aucune colonne ne porte de numéro : compléter fields.calling et fields.called, ou extension et outside.",
        "No column holds a number: complete fields.calling and fields.called, or extension and outside.",
    ),
    "id": (
        "L'identifiant est pris dans {about} : un même identifiant envoyé deux fois est le même appel.",
        "The id is taken from {about}: the same id sent twice is the same call.",
    ),
}
FROM_SAMPLE = (
    "Proposé d'après un échantillon de {lines} lignes : à vérifier.",
    "Proposed from a sample of {lines} lines: to be checked.",
)
NOT_USED = ("non lue ; exemple : {example}", "not read; example: {example}")


def sentence(doubt: Doubt, *, french: bool) -> str:
    return _DOUBTS[doubt.code][0 if french else 1].format(about=doubt.about)
