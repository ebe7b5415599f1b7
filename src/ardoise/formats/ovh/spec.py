"""What is known of OVHcloud's voice consumptions."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("start", "creationDatetime, avec son décalage", "creationDatetime, with its offset"),
    FieldSpec("duration_s", "durée ; 0 = sans réponse", "duration; 0 = nobody answered", "s"),
    FieldSpec("calling", "appelant, tel que reçu (0033...)", "caller, as received (0033...)"),
    FieldSpec("called", "appelé, tel que reçu", "called, as received"),
    FieldSpec("dialled", "chiffres composés (dialed)", "digits dialled (dialed)"),
    FieldSpec("direction", "wayType : outgoing, incoming, transfer", "wayType: outgoing, incoming, transfer"),
    FieldSpec("operator_price", "prix hors taxe (priceWithoutTax.value)", "price without tax (priceWithoutTax.value)"),
    FieldSpec("currency", "devise", "currency"),
    FieldSpec("call_id", "consumptionId : fait foi contre les doublons", "consumptionId: tells doubles"),
    FieldSpec("designation", "destination, en clair", "destination, in words"),
    FieldSpec("destination_type", "landline, mobile ou special", "landline, mobile or special"),
    FieldSpec("plan", "priceplan (forfait) ou outplan (hors forfait)", "priceplan (included) or outplan"),
    FieldSpec("country", "pays (countrySuffix)", "country (countrySuffix)"),
    FieldSpec("hangup", "cause de fin (hangupNature)", "cause of the end (hangupNature)"),
)

SPEC = FormatSpec(
    name="ovh",
    title="OVHcloud (téléphonie / telephony)",
    summary_fr="Consommations d'un service de téléphonie OVHcloud, demandées à son interface (API), une par une.",
    summary_en="Consumptions of an OVHcloud telephony service, asked of its interface (API), one by one.",
    firmware="API 1.0",
    transports=("https", "file"),
    default_port=443,
    firewall="TCP 443 (Ardoise -> eu.api.ovh.com)",
    kind="keyed",
    grade="B",
    fields=_FIELDS,
    pbx_steps_fr=(
        "Créer une application sur eu.api.ovh.com/createApp : noter la clé et le secret d'application.",
        "Demander une clé de consommateur limitée à GET /telephony/* et la valider.",
        "Source Ardoise : transport https, service ovh ; dans link : application_key, application_secret et "
        "consumer_key (les deux derniers env:NOM ou file:CHEMIN), billing_account, service_name.",
        "Une source par service de téléphonie ; ouvrir TCP 443 en sortie.",
        "Comparer le total du mois avec la facture d'OVHcloud.",
    ),
    pbx_steps_en=(
        "Create an application at eu.api.ovh.com/createApp: note the application key and secret.",
        "Ask for a consumer key limited to GET /telephony/* and validate it.",
        "Ardoise source: transport https, service ovh; in link: application_key, application_secret and consumer_key "
        "(the last two env:NAME or file:PATH), billing_account, service_name.",
        "One source a telephony service; open outgoing TCP 443.",
        "Compare the month's total with OVHcloud's invoice.",
    ),
    traps_fr=(
        "voiceConsumption ne donne que le mois en cours, previousVoiceConsumption le mois d'avant : un collecteur "
        "arrêté plus longtemps perd les plus anciens. Ardoise lit les deux.",
        "L'interface donne une liste de numéros, puis une demande par appel : un gros premier import prend du temps.",
        "Aucune mention « manqué » : un appel entrant de durée 0 est sans réponse.",
        "priceWithoutTax.text est arrondi : le prix exact est value.",
        "Les demandes sont signées avec l'heure d'OVHcloud : Ardoise corrige l'écart de son horloge.",
    ),
    traps_en=(
        "voiceConsumption gives the current month only, previousVoiceConsumption the month before: a collector "
        "stopped for longer loses the oldest. Ardoise reads both.",
        "The interface gives a list of ids, then one request a call: a large first import takes time.",
        "Nothing says missed: an incoming call of duration 0 was not answered.",
        "priceWithoutTax.text is rounded: the exact price is value.",
        "Requests are signed with OVHcloud's time: Ardoise corrects the difference of its clock.",
    ),
    not_proven_fr=(
        "Aucun corps réel n'a été lu : types du schéma publié, notation des numéros (0033...) à confirmer.",
        "Limite de débit (429) et nombre de demandes simultanées admises ; codes de hangupNature.",
        "Fichiers d'historique de facturation (historyConsumption) : à lire par un profil.",
    ),
    not_proven_en=(
        "No real body was read: types of the published schema, notation of numbers (0033...) to be confirmed.",
        "Rate limit (429) and how many requests at once are allowed; codes of hangupNature.",
        "Files of the billing history (historyConsumption): to be read by a profile.",
    ),
    sources=("api.ovh.com, schema of /telephony (telephony.VoiceConsumption)", "OVHcloud, first steps with the API"),
)
