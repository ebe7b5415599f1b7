"""What an installer and a reader of tickets must know about Unify / Siemens call detail recording."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "début : fin imprimée moins la durée", "start: printed end less the duration"),
    FieldSpec("end", "fin de l'appel, telle qu'imprimée", "end of the call, as printed"),
    FieldSpec("duration_s", "conversation (0 sans réponse)", "talk (0 when unanswered)", "s"),
    FieldSpec("ring_s", "sonnerie", "ringing", "s"),
    FieldSpec("calling", "poste, ou numéro présenté d'un appel entrant", "extension, or number that calls in"),
    FieldSpec("called", "numéro appelé, ou poste d'un appel entrant", "number called, or extension called in"),
    FieldSpec("dialled", "numéro appelé d'un appel sortant", "number called by an outgoing call"),
    FieldSpec("extension", "poste", "station"),
    FieldSpec("trunk", "ligne réseau", "trunk"),
    FieldSpec("direction", "selon l'élément d'information", "by the information element"),
    FieldSpec("cost_units", "impulsions (formes compressées)", "pulses (compressed forms)"),
    FieldSpec("operator_price", "montant imprimé (formes longues)", "printed amount (long forms)"),
    FieldSpec("account_code", "code affaire (ACCT)", "account code (ACCT)"),
    FieldSpec("conference", "conférence ou transit par transfert (7, 8)", "conference or transit by transfer (7, 8)"),
    FieldSpec("info", "élément d'information : 1 entrant, 2 sortant ...", "information element: 1 in, 2 out ..."),
    FieldSpec("forwarded", "appel renvoyé (5, 6, 9)", "forwarded call (5, 6, 9)"),
    FieldSpec("msn, presented", "MSN utilisé ; celui d'un appel sortant", "MSN used; that of an outgoing call"),
    FieldSpec("access_code", "code de prise de ligne", "seizure code"),
    FieldSpec("lcr_route, lcr_number", "route LCR ; numéro après LCR", "LCR route; number after LCR"),
    FieldSpec("node", "nœud (GetAccount)", "node (GetAccount)"),
)

SPEC = FormatSpec(
    name="unify_openscape",
    title="Unify OpenScape Business, OpenScape Office, HiPath 3000 et 5000",
    summary_fr="Lignes séparées par des barres verticales ou en colonnes fixes, écrites à la fin de chaque appel ; "
    "la forme est reconnue ligne par ligne.",
    summary_en="Lines separated by vertical bars or in fixed columns, written at the end of each call; the form is "
    "recognised line by line.",
    firmware="OpenScape Business V1 - V3, OpenScape Office V3, HiPath 3000 / 5000 V3 - V9",
    transports=("file", "tcp_client", "tcp_server"),
    default_port=None,
    firewall="TCP 443 (vers OpenScape / to OpenScape), ou le port du convertisseur V.24 / or the V.24 converter's port",
    kind="stream",
    grade="A/B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "layout",
            "auto",
            ("auto", "bars", "uncompressed", "compressed", "long", "get_account"),
            "Forme des lignes : auto la reconnaît ; une forme imposée refuse les autres (réglage modifié). bars et "
            "uncompressed = OpenScape, compressed et long = HiPath 3000 (V.24, LAN), get_account = HiPath 5000.",
            "Form of the lines: auto recognises it; a given form refuses the others (setting changed). bars and "
            "uncompressed = OpenScape, compressed and long = HiPath 3000 (V.24, LAN), get_account = HiPath 5000.",
        ),
    ),
    pbx_steps_fr=(
        "Assistant OpenScape Business, mode expert : Téléphonie > Paramètres de base > Taxation > Format de sortie.",
        "Sortie compressée (Compressed output) : Oui ; durée d'appel, durée de sonnerie, MSN : Oui.",
        "Chiffres masqués (Last 4 digits suppressed) : Non, sauf obligation.",
        "Appels entrants : Oui ; sortants sans connexion (Outgoing without connection) : au choix.",
        "Output LCR number : Non (Oui ajoute un champ, lu sous lcr_number).",
        "Décimales et devise : celles de l'opérateur ; les formes longues impriment des montants.",
        "Transfert : soit un script lit la page HTTPS des tickets (port 443) puis les y efface, et dépose le fichier "
        "dans le dossier de la source ; soit le PBX les envoie. HiPath 3000 : port V.24 par un convertisseur "
        "série vers TCP, dont l'adresse est celle de la source.",
        "Ouvrir dans le pare-feu le port 443 vers OpenScape, ou celui du convertisseur.",
        "Passer un appel sortant et un entrant, puis vérifier que les deux tickets arrivent.",
    ),
    pbx_steps_en=(
        "OpenScape Business Assistant, expert mode: Telephony > Basic settings > Call charges > Output format.",
        "Compressed output: Yes; call duration, ring duration, MSN: Yes.",
        "Last 4 digits suppressed: No, unless the law asks for it.",
        "Incoming calls: Yes; Outgoing without connection: as you like.",
        "Output LCR number: No (Yes adds a field, read as lcr_number).",
        "Decimals and currency: those of the operator; the long forms print amounts.",
        "Transfer: either a script reads the HTTPS page of the tickets (port 443), deletes them there and drops the "
        "file in the source's folder; or the PBX sends them. HiPath 3000: V.24 port through a serial to TCP "
        "converter, whose address is the source's.",
        "Open port 443 to OpenScape in the firewall, or the converter's port.",
        "Make an outgoing and an incoming call, and check that both tickets arrive.",
    ),
    traps_fr=(
        "L'heure imprimée est celle de la FIN : le début est la fin moins la durée, à l'heure locale du PBX ; la nuit "
        "du changement d'heure, un appel en cours peut se lire une heure à côté.",
        "Un appel entrant sans réponse a une sonnerie et pas de durée.",
        "Les formes compressées impriment des impulsions, les longues un montant.",
        "Les quatre derniers chiffres peuvent être masqués par « ? ».",
        "L'élément d'information 0 annonce un appel qui sonne : c'est un événement, le ticket suit.",
        "HiPath 3000 : les lignes d'appel longues reviennent toutes les 62 lignes avec un en-tête.",
    ),
    traps_en=(
        "The time printed is that of the END: the start is the end less the duration, in the PBX's local time; in the "
        "night of the clock change, a call in progress may read one hour off.",
        "An unanswered incoming call has ringing and no duration.",
        "The compressed forms print pulses, the long ones an amount.",
        "The last four digits may be hidden by ?.",
        "Information element 0 announces a ringing call: it is an event, its ticket follows.",
        "HiPath 3000: the long form repeats its header every 62 lines.",
    ),
    not_proven_fr=(
        "Le sens des champs qui suivent le code affaire et le MSN dans les lignes à barres, et le rang du numéro LCR.",
        "Les formes en colonnes (HiPath) : colonnes du constructeur, aucune ligne réelle.",
        "OpenScape 4000 et OpenScape Voice écrivent d'autres fichiers, qui ne sont pas lus ici.",
        "Les chemins de menu changent selon la version et la langue de l'assistant.",
    ),
    not_proven_en=(
        "The meaning of the fields behind the account code and the MSN in lines with bars, and the rank of the LCR "
        "number.",
        "The forms in columns (HiPath): the vendor's columns, no real line.",
        "OpenScape 4000 and OpenScape Voice write other files, which are not read here.",
        "The menu paths change with the version and the language of the assistant.",
    ),
    sources=(
        "OpenScape Business V1, Description: call data record transmission, call data record structure",
        "HiPath 3000 / 5000 V9, Service documentation, pp. 6-54 (GetAccount)",
        "Hicom 150 E Office, Service manual, 7.12 Features for call detail recording, tables 7-1 and 7-2",
        "openpath.telmekom.com, topic 1227 (lines of OpenScape Office MX)",
    ),
)
