"""What is known of Twilio's call resources."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("start", "start_time (UTC)", "start_time (UTC)"),
    FieldSpec("end", "end_time (UTC)", "end_time (UTC)"),
    FieldSpec("duration_s", "durée, 0 si l'appel n'a pas abouti", "duration, 0 when the call failed", "s"),
    FieldSpec("calling", "from", "from"),
    FieldSpec("called", "to", "to"),
    FieldSpec("transferred_from", "numéro renvoyé (forwarded_from)", "number that forwarded (forwarded_from)"),
    FieldSpec("direction", "inbound ; outbound-api, outbound-dial", "inbound; outbound-api, outbound-dial"),
    FieldSpec("answered", "status completed", "status completed"),
    FieldSpec("status", "busy ou failed", "busy or failed"),
    FieldSpec("operator_price", "prix, sans le signe du débit ; absent avant tarification", "price, unsigned"),
    FieldSpec("currency", "devise (price_unit)", "currency (price_unit)"),
    FieldSpec("call_id", "sid : fait foi contre les doublons", "sid: tells doubles"),
    FieldSpec("parent_call_sid", "appel dont celui-ci est une branche", "call of which this one is a leg"),
    FieldSpec("answered_by", "human, machine ...", "human, machine ..."),
    FieldSpec("account_sid", "compte ou sous-compte", "account or sub-account"),
)

SPEC = FormatSpec(
    name="twilio",
    title="Twilio (Programmable Voice)",
    summary_fr="Appels d'un compte Twilio, demandés à son interface (Calls.json), page après page.",
    summary_en="Calls of a Twilio account, asked of its interface (Calls.json), page after page.",
    firmware="API 2010-04-01",
    transports=("https", "file"),
    default_port=443,
    firewall="TCP 443 (Ardoise -> api.twilio.com)",
    kind="keyed",
    grade="A",
    fields=_FIELDS,
    pbx_steps_fr=(
        "Console Twilio > Account > API keys : créer une clé de lecture ; noter son SID (SK...) et son secret, et le "
        "SID du compte (AC...).",
        "Source Ardoise : transport https, service twilio ; dans link : account = AC..., user = SK... (ou AC..., le "
        "secret étant alors le jeton du compte), password = env:NOM ou file:CHEMIN du secret.",
        "Ouvrir TCP 443 en sortie vers api.twilio.com.",
        "Une source par sous-compte dont les appels doivent être facturés à part.",
    ),
    pbx_steps_en=(
        "Twilio console > Account > API keys: create a read key; note its SID (SK...) and its secret, and the SID of "
        "the account (AC...).",
        "Ardoise source: transport https, service twilio; in link: account = AC..., user = SK... (or AC... with the "
        "token of the account), password = env:NAME or file:PATH of the secret.",
        "Open outgoing TCP 443 to api.twilio.com.",
        "One source for each sub-account whose calls are billed apart.",
    ),
    traps_fr=(
        "Le prix est négatif (un débit) et absent tant que Twilio n'a pas tarifé l'appel : Ardoise relit trois jours, "
        "et l'appel prend alors son prix.",
        "Un appel en cours est dans la liste : il n'est pris qu'une fois terminé.",
        "Un appel relayé donne un enregistrement par branche (parent_call_sid) ; chacun a son prix.",
        "Les filtres StartTime ne prennent que des dates : la page en rend plus qu'il n'en faut.",
    ),
    traps_en=(
        "The price is negative (a debit) and missing until Twilio has rated the call: Ardoise reads three days again, "
        "and the call then takes its price.",
        "A call under way is in the list: it is taken once it is over.",
        "A relayed call gives one record a leg (parent_call_sid); each has its own price.",
        "The StartTime filters take dates only: a page gives more than is needed.",
    ),
    not_proven_fr=("La page complète et ses erreurs (429, 20003) : essayées contre un service factice.",),
    not_proven_en=("The whole page and its errors (429, 20003): tried against a fake service.",),
    sources=("Twilio, Call resource, as carried by the tests of its client libraries",),
)
