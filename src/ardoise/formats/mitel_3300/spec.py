"""What an installer and a reader of tickets must know about Mitel 3300 / MiVoice Business SMDR."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "début, mois/jour sans année ; secondes selon la version", "start, month/day without a year"),
    FieldSpec("duration_s", "conversation (0 sans réponse)", "talk (0 when unanswered)", "s"),
    FieldSpec("ring_s", "délai de réponse (appels entrants et internes)", "time to answer (incoming, internal)", "s"),
    FieldSpec("calling", "poste, ou numéro présenté (ANI) d'un appel entrant", "extension, or ANI of an incoming call"),
    FieldSpec("called", "numéro appelé ; dernier mot des chiffres composés", "called number; last word of the digits"),
    FieldSpec("dialled", "chiffres composés, 26 au plus", "digits dialled, 26 at most"),
    FieldSpec("extension", "poste qui a appelé ou pris l'appel", "extension that called or took the call"),
    FieldSpec(
        "trunk", "Tnnn ligne réseau, Xnnn autre jonction, X999 jonction IP", "Tnnn CO trunk, Xnnn other, X999 IP"
    ),
    FieldSpec("transferred_from", "poste qui transfère", "extension that transfers"),
    FieldSpec("transferred_to", "tiers qui reçoit le transfert", "third party that receives the transfer"),
    FieldSpec("account_code", "code affaire, 2 à 12 chiffres", "account code, 2 to 12 digits"),
    FieldSpec("cost_units", "unités de taxe, si imprimées", "meter units, when printed"),
    FieldSpec("call_id", "identifiant normalisé pssscccc (format réseau)", "standardized call id (network format)"),
    FieldSpec("sequence", "rang du ticket dans l'appel, A à Z", "rank of the ticket in the call, A to Z"),
    FieldSpec("associated_call_id", "identifiant de l'appel lié", "associated call id"),
    FieldSpec("long_call", "- dès 5 min, % dès 10 min, + dès 30 min", "- from 5 min, % from 10 min, + from 30 min"),
    FieldSpec("completion", "lettre d'aboutissement", "completion letter"),
    FieldSpec("transfer", "supervised, unsupervised, conference ou acd", "supervised, unsupervised, conference or acd"),
    FieldSpec("node", "identifiant du système, 001 à 999", "system identifier, 001 to 999"),
    FieldSpec("attendant", "passé par l'opératrice", "an attendant took part"),
    FieldSpec("speed_call, forwarded", "numéro abrégé ; renvoyé", "speed call; forwarded"),
    FieldSpec("ip_trunk", "jonction IP (X999, X9999)", "IP trunk (X999, X9999)"),
    FieldSpec("route_optimised", "route IP optimisée", "IP-trunk route optimised"),
    FieldSpec("dnis", "numéro demandé (DNIS)", "DNIS"),
    FieldSpec("printed_duration_s", "durée imprimée d'un appel sans réponse", "printed duration, unanswered call", "s"),
    FieldSpec("confidence", "« low » si les colonnes étaient perdues", "low when the columns were lost"),
)

# The option form of the PBX, value by value, as the set-up guide gives it.
_SMDR_OPTIONS = (
    ("DASS II - Call Charge Information Provided", "No"),
    ("Extended Digit Length", "No"),
    ("MCD - Report Transfers", "No"),
    ("Network Format", "Yes"),
    ("Report Account Codes", "Yes"),
    ("Report Incoming Calls", "Yes"),
    ("Report Internal Calls", "No"),
    ("Report Meter Pulses", "No"),
    ("Report Outgoing Calls", "Yes"),
    ("SMDR Meter Unit Per Station", "Yes"),
    ("SMDR Record Transfer", "Yes"),
    ("System identification", ""),
    ("Time Change Reporting", "Yes"),
    ("Twenty-four Hour Time Reporting", "Yes"),
    ("Extended Time To Answer", "No"),
    ("SMDR File Transfer", "No"),
    ("Standardized Network OLI", "Yes"),
    ("Standardized Call ID Format", "Yes"),
    ("Suite Services Reporting", "No"),
    ("Report Internal Unanswered Calls", "No"),
    ("SMDR Extended Reporting Level 1", "No"),
    ("SMDR Extended Reporting Level 2", "No"),
    ("Report Attendant Name", "No"),
)


def _form(blank: str) -> tuple[str, ...]:
    return tuple(f"{name}: {value or blank}" for name, value in _SMDR_OPTIONS)


SPEC = FormatSpec(
    name="mitel_3300",
    title="Mitel 3300, MiVoice Business, SX-2000 (SMDR)",
    summary_fr="Lignes à colonnes fixes, selon les options SMDR ; le PBX est serveur TCP, Ardoise client.",
    summary_en="Fixed-column lines, by SMDR options; the PBX is the TCP server, Ardoise the client.",
    firmware="SX-2000 LW33 - MiVoice Business 10.5",
    transports=("tcp_client", "file"),
    default_port=1752,
    firewall="TCP 1752 (Ardoise -> Mitel)",
    kind="stream",
    grade="A/B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "layout",
            "auto",
            ("auto", "standard", "network", "extended"),
            "Forme des lignes : auto la reconnaît ligne par ligne ; une forme imposée refuse les autres (alarme "
            "« options modifiées »). network = Network Format et Standardized Call ID à Yes (131 colonnes) ; "
            "extended = "
            "Extended Digit Length à Yes.",
            "Form of the lines: auto recognises it line by line; a given form refuses the others (alarm: options "
            "changed). "
            "network = Network Format and Standardized Call ID set to Yes (131 columns); extended = Extended "
            "Digit Length "
            "set to Yes.",
        ),
        OptionSpec(
            "clock",
            "auto",
            ("auto", "24h", "12h"),
            "Twenty-four Hour Time Reporting : Yes = 24h, No = 12h. auto attend la première heure suivie d'un « p » : "
            "avant elle, minuit passé se lit midi.",
            "Twenty-four Hour Time Reporting: Yes = 24h, No = 12h. auto waits for the first time followed by a "
            "p: before "
            "it, past midnight reads as past noon.",
        ),
        OptionSpec(
            "meter_pulses",
            "auto",
            ("auto", "yes", "no"),
            "Report Meter Pulses : les 5 dernières colonnes des chiffres composés sont des unités de taxe.",
            "Report Meter Pulses: the last 5 columns of the digits dialled are meter units.",
        ),
    ),
    pbx_steps_fr=(
        "Relever l'adresse IP du PBX et ouvrir le port 1752 dans les pare-feu entre Ardoise et lui.",
        "Sur le PBX : System Administration > System Options > SMDR Options Assignment.",
        *_form("(identifiant du système, 000 à 999)"),
        "Classes de service : « External SMDR records » à Yes, sinon certaines lignes réseau n'émettent rien.",
        "Dans la source Ardoise : l'adresse du PBX, port 1752, option layout = network.",
        "Passer un appel, puis vérifier que le ticket arrive.",
    ),
    pbx_steps_en=(
        "Note the IP address of the PBX and open port 1752 in the firewalls between Ardoise and it.",
        "On the PBX: System Administration > System Options > SMDR Options Assignment.",
        *_form("(system identifier, 000 to 999)"),
        "Classes of Service: External SMDR records set to Yes, or some trunks stay silent.",
        "In the Ardoise source: the address of the PBX, port 1752, option layout = network.",
        "Make a call, and check that the ticket arrives.",
    ),
    traps_fr=(
        "L'année n'est pas imprimée : elle vient de l'ordre du flux et de l'heure d'arrivée (attention au 31 "
        "décembre) ; "
        "certains enregistreurs la donnent par un préfixe @AAAAMMJJ@.",
        "Personne de connecté : 20 000 tickets gardés par défaut (75 000 au plus, LOGSYS SIZE), puis les plus anciens "
        "sont écrasés. Dix clients au plus en même temps.",
        "Une liaison calme semble coupée : le TCP keepalive est nécessaire.",
        "Changer une option SMDR change les colonnes : imposer layout le fait voir.",
        "Des lignes perdent leur blanc de tête, d'autres sont coupées à 80 colonnes et continuées : Ardoise "
        "se cale sur "
        "la date, et garde la suite comme continuation.",
        "Au-delà de 26 chiffres, le 26e est écrasé ; un numéro confidentiel n'imprime aucun chiffre.",
        "Extended Time To Answer à Yes : le délai de réponse prend 4 chiffres et la marque de l'opératrice recule "
        "d'une "
        "colonne ; Ardoise le reconnaît ligne par ligne.",
        "Network Format : devant les chiffres reçus, le poste qui appelle depuis un autre système est lu comme "
        "appelant.",
        "Un appel à travers plusieurs systèmes donne un ticket par système : même identifiant d'appel, séquence "
        "différente.",
        "Des lignes dont les blancs ont été réduits sont lues mot à mot et marquées « confidence: low ».",
        "Le Mitel 5000 (Inter-Tel) est un autre produit.",
    ),
    traps_en=(
        "The year is not printed: it comes from the order of the stream and the arrival (mind 31 December); "
        "some loggers "
        "give it with a prefix @YYYYMMDD@.",
        "Nobody connected: 20,000 tickets kept by default (75,000 at most, LOGSYS SIZE), then the oldest are "
        "overwritten. "
        "Ten clients at most at the same time.",
        "A quiet link looks dead: TCP keepalive is needed.",
        "Changing an SMDR option moves the columns: a given layout makes it seen.",
        "Some lines lose their leading blank, others are cut at 80 columns and continued: Ardoise anchors on "
        "the date, and "
        "keeps the rest as a continuation.",
        "Beyond 26 digits, the 26th is overwritten; a confidential number prints no digits.",
        "Extended Time To Answer set to Yes: the time to answer takes 4 digits and the mark of the attendant moves one "
        "column left; Ardoise recognises it line by line.",
        "Network Format: before the digits received, the extension that calls from another system is read as calling.",
        "A call through several systems gives one ticket in each: same call id, another sequence.",
        "Lines whose runs of blanks were collapsed are read word by word and marked confidence: low.",
        "The Mitel 5000 (Inter-Tel) is another product.",
    ),
    not_proven_fr=(
        "Forme network (131 colonnes) : l'exemple connu est reconstruit d'après la documentation ; aucune ligne réelle "
        "n'a encore été lue.",
        "Délai de réponse à 4 chiffres dans la forme standard, à 3 dans la forme extended : d'après le constructeur.",
        "Fin des lignes extended : lue par la forme de ses mots, pas par colonne.",
        "Texte exact des lignes de changement d'heure et de CLOCK MALFUNCTION.",
    ),
    not_proven_en=(
        "Network form (131 columns): the known example is rebuilt from the documentation; no real line was read yet.",
        "Time to answer of 4 digits in the standard form, of 3 in the extended one: from the vendor's text.",
        "Tail of extended lines: read by the shape of its words, not by column.",
        "Exact text of the time change and CLOCK MALFUNCTION lines.",
    ),
    sources=(
        "Mitel on-line help, SMDR details of recorded information (90, 101, 112, 120 columns)",
        "SX-2000 LW33, SMDR feature package",
        "SMDR-Miner (lines of MiVoice Business 10.5)",
    ),
)
