"""What an installer and a reader of tickets must know about OmniPCX Office metering."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("start", "date et heure de la ligne (JJ/MM/AA)", "date and time of the line (DD/MM/YY)"),
    FieldSpec("duration_s", "conversation (0 sans réponse)", "talk (0 when unanswered)", "s"),
    FieldSpec("ring_s", "sonnerie, si la colonne est choisie", "ringing, when its column is chosen", "s"),
    FieldSpec("calling", "poste, ou numéro d'un appel entrant", "set, or number of an incoming call"),
    FieldSpec("called", "numéro composé, ou usager demandé", "number dialled, or user asked for"),
    FieldSpec("dialled", "numéro composé d'un appel sortant", "number dialled by an outgoing call"),
    FieldSpec("extension", "usager taxé, sans son A", "charged user, without its A"),
    FieldSpec("initial_user", "usager initial ; G = groupement", "initial user; G = hunting group"),
    FieldSpec(
        "trunk", "ligne : L analogique, N T0, P T2, V voix sur IP", "line: L analogue, N T0, P T2, V voice over IP"
    ),
    FieldSpec("cost_units", "taxes", "metering units"),
    FieldSpec("operator_price", "coût imprimé", "printed cost"),
    FieldSpec("account_code", "code affaire", "business code"),
    FieldSpec(
        "transferred_from, transferred_to", "demandé puis obtenu, si différents", "asked then obtained, when different"
    ),
    FieldSpec(
        "services, facilities",
        "ST téléphonie ; X transfert, R renvoi ...",
        "ST telephony; X transfer, R forwarding ...",
    ),
    FieldSpec("mode", "M manuel, I individuel, R abrégé collectif", "M manual, I individual, R collective speed dial"),
    FieldSpec("name", "nom de l'usager", "user's name"),
    FieldSpec("start_precision", "minute, ou second si elles sont imprimées", "minute, or second when printed"),
    FieldSpec("confidence", "« low » sans en-tête de page", "low without a page heading"),
)

SPEC = FormatSpec(
    name="alcatel_oxo",
    title="Alcatel-Lucent OmniPCX Office, OXO Connect",
    summary_fr="Relevés de taxation ligne à ligne, par le port V.24 derrière un serveur de terminaux. L'installateur "
    "choisit les colonnes : Ardoise les apprend de l'en-tête.",
    summary_en="Metering statements line by line, from the V.24 port behind a terminal server. The installer chooses "
    "the columns: Ardoise learns them from the heading.",
    firmware="OmniPCX Office R1 - R10, OXO Connect",
    transports=("tcp_client", "tcp_server", "file"),
    default_port=6970,
    firewall="TCP 6970, le port du serveur de terminaux / the terminal server's port (Ardoise -> V.24)",
    kind="stream",
    grade="C",
    fields=_FIELDS,
    pbx_steps_fr=(
        "OMC, vue expert : Taxation > Taxation > Impressions (Metering > Printouts).",
        "Type d'impression : LISTING (relevé), pas TICKET ni NETWORK.",
        "En-tête (Head) : imprimé sur chaque page ; sans lui, les colonnes sont devinées.",
        "Champs imprimés : usager taxé, type, ligne, date, heure, durée, taxes, services, compléments, numéro "
        "composé ; ajouter usager initial, sonnerie et coût.",
        "Masquage des 4 derniers chiffres : Non, sauf obligation.",
        "Appels entrants sans réponse : Oui (Non par défaut).",
        "Surveillance de chaque poste : toutes les communications.",
        "Relier le port V.24 à un serveur de terminaux en mode serveur TCP, par exemple au port 6970 ; ouvrir ce port "
        "dans le pare-feu.",
        "Dans la source Ardoise : l'adresse du serveur de terminaux et ce port. Passer un appel, puis vérifier que le "
        "ticket arrive.",
    ),
    pbx_steps_en=(
        "OMC, expert view: Metering > Metering > Printouts.",
        "Type of printout: LISTING (statement), neither TICKET nor NETWORK.",
        "Head: printed on each page; without it the columns are guessed.",
        "Printed fields: charged user, type, line, date, time, duration, taxes, services, facilities, dialled number; "
        "add initial user, ring and cost.",
        "Masking of the last 4 digits: No, unless the law asks for it.",
        "Unanswered incoming calls: Yes (No by default).",
        "Monitoring of each set: all communications.",
        "Wire the V.24 port to a terminal server as a TCP server, for instance on port 6970; open this port in the "
        "firewall.",
        "In the Ardoise source: the address of the terminal server and this port. Make a call, and check that the "
        "ticket arrives.",
    ),
    traps_fr=(
        "Les colonnes dépendent du choix de l'installateur : sans en-tête, une ligne est lue par la forme de ses mots "
        "et marquée « confidence: low ».",
        "Les quatre derniers chiffres peuvent être masqués par des étoiles ; le numéro est gardé tel que reçu.",
        "CS+ et CS- demandent ou annulent un service complémentaire : ce sont des événements, comme les réveils.",
        "L'usager taxé porte un A (A101) ; G désigne un groupement, L, N, P et V une ligne.",
        "La voie IP (Office Link Driver, XML) et OHL/REST donnent d'autres formes, qui ne sont pas lues ici.",
    ),
    traps_en=(
        "The columns depend on the installer's choice: without a heading a line is read by the shape of its words and "
        "marked confidence: low.",
        "The last four digits may be hidden by stars; the number is kept as received.",
        "CS+ and CS- ask for or cancel a complementary service: they are events, as wake-up calls are.",
        "The charged user bears an A (A101); G names a hunting group, L, N, P and V a line.",
        "The IP way (Office Link Driver, XML) and OHL/REST give other forms, which are not read here.",
    ),
    not_proven_fr=(
        "Aucune ligne réelle n'a été lue : seulement les champs et un exemple du constructeur. Envoyez-nous une page.",
        "Les largeurs de DATE à DIALLED NUMBER, et les titres français de l'en-tête.",
        "L'heure imprimée est prise pour le début de l'appel.",
        "Le numéro d'un appel entrant est pris dans la colonne du numéro composé.",
        "Les impressions TICKET et NETWORK.",
    ),
    not_proven_en=(
        "No real line was read: only the vendor's fields and one example. Please send us a page.",
        "The widths from DATE to DIALLED NUMBER, and the French titles of the heading.",
        "The time printed is taken for the start of the call.",
        "The number of an incoming call is taken from the column of the number dialled.",
        "The TICKET and NETWORK printouts.",
    ),
    sources=("OmniPCX Office Technical Documentation, 3EH 21000 BSAA, ed. 04, pp. 723-733 and 851",),
)
