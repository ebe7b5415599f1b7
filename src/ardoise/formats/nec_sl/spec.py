"""What an installer and a reader of tickets must know about NEC SL SMDR."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec(
        "start", "heure à la minute ; l'année vient de l'en-tête de page", "to the minute; year of the page header"
    ),
    FieldSpec(
        "duration_s",
        "conversation ; après le transfert, pour PTRS et ITRS",
        "talk; after the transfer, for PTRS and ITRS",
        "s",
    ),
    FieldSpec("calling", "poste, ou numéro présenté d'un appel entrant", "station, or number that calls in"),
    FieldSpec("called", "numéro composé, ou poste d'un appel entrant", "number dialled, or station called in"),
    FieldSpec(
        "dialled", "numéro composé d'un appel sortant, 20 au plus", "number dialled by an outgoing call, 20 at most"
    ),
    FieldSpec("extension", "poste (numéro ou nom)", "station (number or name)"),
    FieldSpec("trunk", "ligne réseau", "trunk"),
    FieldSpec("class", "classe : POT, PIN, IVIN, IVOT, ICM, PTRS ...", "class: POT, PIN, IVIN, IVOT, ICM, PTRS ..."),
    FieldSpec("account_code", "code affaire, 16 au plus", "account code, 16 at most"),
    FieldSpec("caller_name", "nom de l'appelant (16 caractères)", "caller's name (16 characters)"),
    FieldSpec("operator_price", "coût imprimé (PRG 35-01-08 = 1)", "printed cost (PRG 35-01-08 = 1)"),
    FieldSpec("transferred_from, transferred_to", "postes d'un appel transféré", "stations of a transferred call"),
    FieldSpec("status, trunk_group", "ALB : faisceau occupé ; BRD : interdit", "ALB: all lines busy; BRD: barred"),
    FieldSpec("start_precision", "toujours minute", "always minute"),
    FieldSpec("confidence", "« low » si les colonnes étaient perdues", "low when the columns were lost"),
)

SPEC = FormatSpec(
    name="nec_sl",
    title="NEC SL1000, SL1100, SL2100 (SMDR)",
    summary_fr="Pages de lignes à colonnes fixes ; le PBX est serveur TCP (ou port série), Ardoise client. L'année "
    "n'est que dans l'en-tête de page.",
    summary_en="Pages of fixed-column lines; the PBX is the TCP server (or a serial port), Ardoise the client. The "
    "year is only in the page header.",
    firmware="SL1000, SL1100 2.0 -, SL2100, Electra Elite IPK II",
    transports=("tcp_client", "file"),
    default_port=None,
    firewall="TCP, le port choisi en PRG 10-20-01 / the port chosen in PRG 10-20-01 (Ardoise -> NEC)",
    kind="stream",
    grade="B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "date_order",
            "mdy",
            ("mdy", "dmy"),
            "Ordre des dates imprimées : mdy = mois/jour (celui du manuel), dmy = jour/mois.",
            "Order of the dates printed: mdy = month/day (the manual's), dmy = day/month.",
        ),
    ),
    pbx_steps_fr=(
        "PRG 10-20-01, équipement « SMDR output » : le port TCP, le même que celui de la source dans Ardoise.",
        "PRG 35-01-01 : port de sortie SMDR = LAN.",
        "PRG 35-01-08 : format de la ligne ; 0 sans coût, 1 avec la colonne RD/COST.",
        "PRG 35-02-14 : 1 (la date dans chaque ticket) ; à 0, elle n'est que dans l'en-tête de page.",
        "PRG 35-02-08 : appels entrants = 1.",
        "PRG 35-02-15 et 35-02-17 : numéro de l'appelant (et non son nom) dans la colonne DIALLED No./CLI.",
        "PRG 15-01-03 : sortie SMDR des appels sortants de chaque poste = 1 ; PRG 14-01-06, de chaque ligne = 1.",
        "Ouvrir le port choisi dans les pare-feu entre Ardoise et le PBX.",
        "Dans la source Ardoise : l'adresse du PBX et ce port. Passer un appel, puis vérifier que le ticket arrive.",
    ),
    pbx_steps_en=(
        "PRG 10-20-01, device SMDR output: the TCP port, the same as the source's in Ardoise.",
        "PRG 35-01-01: SMDR output port = LAN.",
        "PRG 35-01-08: form of the line; 0 without cost, 1 with the RD/COST column.",
        "PRG 35-02-14: 1 (the date in each ticket); with 0 it is only in the page header.",
        "PRG 35-02-08: incoming calls = 1.",
        "PRG 35-02-15 and 35-02-17: the caller's number (not the name) in the DIALLED No./CLI column.",
        "PRG 15-01-03: SMDR output of each station's outgoing calls = 1; PRG 14-01-06, of each trunk = 1.",
        "Open the chosen port in the firewalls between Ardoise and the PBX.",
        "In the Ardoise source: the address of the PBX and this port. Make a call, and check that the ticket arrives.",
    ),
    traps_fr=(
        "L'année n'est que dans l'en-tête de page : une page de janvier peut porter des appels de décembre, Ardoise "
        "corrige l'année à plus de six mois d'écart.",
        "PRG 35-02-14 à 0 : sans date dans le ticket, le jour est celui de l'en-tête, et le suivant quand l'heure "
        "recule ; sans en-tête reçu, le ticket va en quarantaine.",
        "L'heure est à la minute : deux appels de la même minute ne sont pas un doublon.",
        "Un appel transféré donne un ticket par poste ; PTRS et ITRS prennent le sens de l'appel qui les précède sur "
        "la même ligne avec le même numéro, sinon leur sens est inconnu.",
        "BFL : le tampon du PBX est plein, des tickets se perdent (alarme). Le bloc journalier « OUTGOING CALL/COST "
        "SUMMARY » est passé.",
        "NEXT porte la suite du nom de l'appelant du ticket précédent : ce n'est pas un appel.",
        "SOPHO iS3000 (FDCR, port 2599, tickets acquittés) est un autre produit.",
    ),
    traps_en=(
        "The year is only in the page header: a page of January may hold calls of December, Ardoise mends the year "
        "when months are more than six apart.",
        "PRG 35-02-14 = 0: without a date in the ticket, the day is that of the header, and the next one when the "
        "clock falls back; with no header received, the ticket goes to quarantine.",
        "Times are to the minute: two calls of the same minute are no duplicate.",
        "A transferred call gives one ticket a station; PTRS and ITRS take the direction of the call before them on "
        "the same trunk with the same number, else their direction is unknown.",
        "BFL: the PBX's buffer is full, tickets are being lost (alarm). The daily block OUTGOING CALL/COST SUMMARY is "
        "skipped.",
        "NEXT holds more of the caller's name of the ticket before: it is no call.",
        "SOPHO iS3000 (FDCR, port 2599, acknowledged tickets) is another product.",
    ),
    not_proven_fr=(
        "Les colonnes viennent du manuel ; les lignes connues ont été remises en colonnes.",
        "La place exacte de la colonne RD/COST : le coût est lu par sa forme, avant le code affaire.",
        "Les numéros de PRG 35-01-01, 35-02-08, 15-01-03 et 14-01-06 (de mémoire) : les vérifier dans son manuel.",
    ),
    not_proven_en=(
        "The columns come from the manual; the known lines were put back into columns.",
        "The exact place of the RD/COST column: the cost is read by its shape, before the account code.",
        "The numbers PRG 35-01-01, 35-02-08, 15-01-03 and 14-01-06 (from memory): check them in the PBX's manual.",
    ),
    sources=(
        "NEC SL1100 Features and Specifications Manual, issue 2.0, pp. 721-723",
        "NEC SL1000 Features and Specifications Manual, pp. 667-668",
        "NEC SL2100 Features and Specifications Manual, p. 806",
    ),
)
