"""What is known of Yeastar's call records."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec(
        "start",
        "début de l'appel : timestamp (UTC) des lignes de l'API, sinon heure du PBX telle qu'il l'affiche",
        "start of the call: timestamp (UTC) of the rows of the API, else the PBX's time as it displays it",
    ),
    FieldSpec("duration_s", "conversation (talk_duration)", "talk time (talk_duration)", "s"),
    FieldSpec("total_s", "de la première sonnerie à la fin", "from the first ring to the end", "s"),
    FieldSpec(
        "ring_s", "sonnerie (ring_duration, sinon total moins conversation)", "ringing (or total minus talk)", "s"
    ),
    FieldSpec("agent_ring_s", "sonnerie du seul agent (file d'attente)", "ringing of the agent alone (queue)", "s"),
    FieldSpec("calling", "appelant, sans son nom (« Jean<2001> » donne 2001)", "caller, without its name"),
    FieldSpec(
        "called", "appelé : poste, file, répondeur ou numéro extérieur", "extension, queue, IVR or outside number"
    ),
    FieldSpec("dialled", "SDA reçue (did_number), appels entrants", "DDI received (did_number), incoming calls"),
    FieldSpec("presented", "numéro présenté (dod_number), appels sortants", "number presented (dod_number)"),
    FieldSpec("direction", "type : Internal, Inbound, Outbound", "type: Internal, Inbound, Outbound"),
    FieldSpec("extension", "l'appelé d'un appel entrant, l'appelant des autres", "called if incoming, else calling"),
    FieldSpec("trunk", "lien réseau (dst_trunk en sortie, src_trunk en entrée)", "trunk (dst_trunk out, src_trunk in)"),
    FieldSpec("answered", "ANSWERED ou VOICEMAIL", "ANSWERED or VOICEMAIL"),
    FieldSpec("voicemail", "VOICEMAIL", "VOICEMAIL"),
    FieldSpec("status", "busy ou failed, quand le PBX le dit", "busy or failed, when the PBX says so"),
    FieldSpec("account_code", "code PIN composé", "PIN code dialled"),
    FieldSpec("call_id", "n° de l'appel, commun à ses enregistrements", "id of the call, shared by its records"),
    FieldSpec(
        "uid", "identifiant de l'enregistrement : fait foi contre les doublons", "id of the record: tells doubles"
    ),
    FieldSpec("recording", "nom du fichier enregistré", "name of the recording"),
    FieldSpec("reason", "qui a raccroché, ou cause", "who hung up, or why"),
    FieldSpec("did_name", "nom de la SDA", "name of the DDI"),
)

SPEC = FormatSpec(
    name="yeastar",
    title="Yeastar P-Series, S-Series, Cloud, K2",
    summary_fr="Appels en JSON : envoyés à la fin de chaque appel (événement 30012, NewCdr) ou demandés au PBX "
    "(cdr/search), au choix ou les deux.",
    summary_en="Calls as JSON: posted at the end of each call (event 30012, NewCdr) or asked of the PBX (cdr/search).",
    firmware="P-Series 37.x (Open API 1.0), S-Series 30.x, Cloud, K2",
    transports=("https", "webhook", "file"),
    default_port=8088,
    firewall="TCP 8088 (Ardoise -> Yeastar) ; webhook : TCP 443 (Yeastar -> Ardoise)",
    kind="keyed",
    grade="A",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "dates",
            "dmy",
            ("dmy", "mdy"),
            "Ordre des dates affichées par le PBX quand l'année ne vient pas en premier (Système > Date et heure) ; "
            "sans effet quand l'enregistrement porte un timestamp.",
            "Order of the dates that the PBX displays when the year does not come first (System > Date and Time); "
            "without effect where the record has a timestamp.",
        ),
    ),
    pbx_steps_fr=(
        "P-Series : Intégrations > API, activer l'API ; noter Client ID et Client Secret.",
        "Y limiter les adresses autorisées à celle d'Ardoise, et ouvrir TCP 8088 dans le pare-feu.",
        "Source Ardoise : transport https, service yeastar, host = l'adresse du PBX, port 8088 ; dans link, user = "
        "Client ID, password = env:NOM ou file:CHEMIN du Client Secret.",
        "Pour la vitesse seule, P-Series : Intégrations > API > Webhook, événement « (30012) Call End Details », vers "
        "l'adresse donnée par Ardoise, avec un secret ; S-Series, Cloud, K2 : API, envoi des événements NewCdr.",
        "Passer un appel, puis vérifier qu'il arrive ; comparer le nombre d'appels du jour avec Rapports > CDR.",
    ),
    pbx_steps_en=(
        "P-Series: Integrations > API, enable the API; note Client ID and Client Secret.",
        "Limit the allowed addresses there to Ardoise's, and open TCP 8088 in the firewall.",
        "Ardoise source: transport https, service yeastar, host = the address of the PBX, port 8088; in link, user = "
        "Client ID, password = env:NAME or file:PATH of the Client Secret.",
        "For speed only, P-Series: Integrations > API > Webhook, event (30012) Call End Details, to the address that "
        "Ardoise gives, with a secret; S-Series, Cloud, K2: API, push of NewCdr events.",
        "Make a call and check that it arrives; compare the day's number of calls with Reports > CDR.",
    ),
    traps_fr=(
        "Le webhook ne renvoie jamais ce qu'il n'a pas pu livrer : seule la demande (cdr/search) prouve que rien ne "
        "manque ; Ardoise relit deux heures à chaque tour et trois jours la nuit.",
        "« msg » de l'événement 30012 est un texte JSON dans le JSON ; une valeur vide y est un blanc.",
        "NewCdr écrit callduraction, talkduraction, dsttrcunkname : ces fautes sont celles du constructeur.",
        "Plusieurs enregistrements portent le même call_id (transfert, file d'attente) ; l'uid est unique.",
        "Sans uid (anciens firmwares), un enregistrement est reconnu par son appel, ses deux correspondants, son début "
        "et sa durée : ne pas donner alors à une même source le webhook et la demande.",
        "L'heure affichée suit le format du PBX et son fuseau : régler l'option dates et le fuseau de la source.",
        "Le jeton voyage dans l'adresse des demandes : Ardoise n'écrit jamais ces adresses dans ses journaux.",
    ),
    traps_en=(
        "The webhook never sends again what it could not deliver: only asking (cdr/search) proves that nothing is "
        "missing; Ardoise reads two hours again at each turn and three days at night.",
        "msg of event 30012 is JSON text inside JSON; an empty value in it is one blank.",
        "NewCdr writes callduraction, talkduraction, dsttrcunkname: the mistakes are the vendor's.",
        "Several records carry one call_id (transfer, queue); the uid is unique.",
        "Without uid (older firmware), a record is known by its call, its two parties, its start and its duration: do "
        "not give one source both the webhook and the pull then.",
        "The displayed time follows the PBX's format and zone: set the option dates and the zone of the source.",
        "The token travels in the address of requests: Ardoise never writes those addresses to its logs.",
    ),
    not_proven_fr=(
        "Durée de vie des jetons (30 min, 24 h), port 8088 et code 10004 (jeton expiré) : essayés contre un service "
        "factice qui les respecte, pas contre un PBX.",
        "Pages de cdr/list et cdr/search : reconstruites d'après la documentation ; aucune capture réelle.",
        "Présence de uid dans l'événement 30012 selon le firmware.",
        "Fichiers CSV téléchargés depuis le PBX : à lire par un profil (ardoise formats new).",
    ),
    not_proven_en=(
        "Lifetime of tokens (30 min, 24 h), port 8088 and code 10004 (token expired): tried against a fake service "
        "that keeps to them, not against a PBX.",
        "Pages of cdr/list and cdr/search: rebuilt from the documentation; no real capture.",
        "Whether event 30012 carries uid, by firmware.",
        "CSV files downloaded from the PBX: to be read by a profile (ardoise formats new).",
    ),
    sources=(
        "help.yeastar.com, P-Series developer guide: (30012) New CDR, query CDR list, search specific CDR",
        "help.yeastar.com, Cloud PBX and K2 developer guides: NewCdr event, CDR interface",
    ),
)
