"""What an installer and a reader of tickets must know about OmniPCX Enterprise accounting."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("start", "début (StartDateTime)", "start (StartDateTime)"),
    FieldSpec("end", "fin (EndDateTime)", "end (EndDateTime)"),
    FieldSpec("duration_s", "conversation, 0 sans réponse (Duration)", "talk, 0 when unanswered (Duration)", "s"),
    FieldSpec("ring_s", "attente avant réponse (WaitingDuration)", "waiting before the answer (WaitingDuration)", "s"),
    FieldSpec(
        "calling", "poste taxé, ou numéro appelant d'un appel entrant", "charged set, or caller of an incoming call"
    ),
    FieldSpec("called", "numéro appelé ; entrant : numéro demandé", "called number; incoming: the number asked for"),
    FieldSpec("dialled", "numéro composé, s'il diffère (InitialDialledNumber)", "number dialled, when it differs"),
    FieldSpec("extension", "poste taxé (ChargedNumber), dans les deux sens", "charged set (ChargedNumber), either way"),
    FieldSpec("charged_extension", "poste taxé d'un appel sortant", "charged set of an outgoing call"),
    FieldSpec("trunk", "faisceau et joncteur", "trunk group and trunk"),
    FieldSpec(
        "transferred_from", "poste d'où vient l'appel (ActingExtension)", "set the call came from (ActingExtension)"
    ),
    FieldSpec("account_code", "code affaire (AccessCode)", "business code (AccessCode)"),
    FieldSpec("cost_units", "unités de taxe (ChargeUnits)", "meter units (ChargeUnits)"),
    FieldSpec("call_type", "genre d'appel, 0 à 15, en mots", "kind of call, 0 to 15, in words"),
    FieldSpec(
        "charged_name, cost_center, company", "nom, centre de coût, société du poste", "name, cost centre, company"
    ),
    FieldSpec("node", "nœud du poste taxé", "node of the charged set"),
    FieldSpec("redirected", "appel renvoyé", "redirected call"),
    FieldSpec("personal_or_business", "lettre personnel ou professionnel", "letter: personal or business"),
    FieldSpec("cost_info", "coût imprimé, unité inconnue", "cost as printed, unit unknown"),
    FieldSpec("carrier", "opérateur choisi", "carrier chosen"),
    FieldSpec("call_reference", "référence de l'appel", "reference of the call"),
    FieldSpec("utc_offset_min", "écart du nœud avec l'UTC (NodeTimeOffset)", "offset of the node to UTC", "min"),
    FieldSpec("confidence", "« low » si la version n'est pas ED5.2", "low when the version is not ED5.2"),
)

SPEC = FormatSpec(
    name="alcatel_oxe",
    title="Alcatel-Lucent OmniPCX Enterprise (OXE)",
    summary_fr="Messages de 772 octets sur la liaison temps réel, après une poignée de main ; ou fichiers TAXA.",
    summary_en="Messages of 772 bytes on the real-time link, after a handshake; or TAXA files.",
    firmware="tickets ED5.2",
    transports=("tcp_client", "file"),
    default_port=2533,
    firewall="TCP 2533 (Ardoise -> OXE, both CPUs)",
    kind="stream",
    grade="B",
    fields=_FIELDS,
    pbx_steps_fr=(
        "Vérifier les verrous logiciels 51 (V24MeteringOnFly) et 83 (AccountingEthernet).",
        "Accounting > Real Time Tickets Output : Ethernet (exclut la sortie V24).",
        "Accounting : cocher les genres de tickets voulus (publics, et internes s'il en faut) ; ne pas masquer les "
        "numéros.",
        "Ouvrir le port 2533 dans les pare-feu, d'Ardoise vers chacun des serveurs d'appels.",
        "Arrêter tout autre logiciel de taxation relié à ce port : le PBX n'en sert qu'un.",
        "Dans la source Ardoise : transport tcp_client, port 2533, host = l'adresse du serveur d'appels ; en "
        "redondance spatiale, les deux adresses séparées par une virgule.",
        "Passer un appel ; sur un système à un seul serveur, les premiers tickets viennent après une à deux minutes.",
    ),
    pbx_steps_en=(
        "Check software locks 51 (V24MeteringOnFly) and 83 (AccountingEthernet).",
        "Accounting > Real Time Tickets Output: Ethernet (excludes the V24 output).",
        "Accounting: tick the kinds of tickets wanted (public, and local ones if needed); do not mask the numbers.",
        "Open port 2533 in the firewalls, from Ardoise to each call server.",
        "Stop any other accounting software on that port: the PBX serves one only.",
        "In the Ardoise source: transport tcp_client, port 2533, host = the address of the call server; with spatial "
        "redundancy, both addresses separated by a comma.",
        "Make a call; on a system with a single server the first tickets come after one to two minutes.",
    ),
    traps_fr=(
        "Un seul collecteur à la fois : un second est raccroché aussitôt, Ardoise le dit et réessaie.",
        "Le serveur de secours répond aussi, mais sans ticket : Ardoise passe à l'autre adresse. À chaque reprise, la "
        "première adresse est essayée d'abord.",
        "Aucun ticket n'est acquitté : celui qui part pendant que la liaison meurt est perdu, il se retrouve dans les "
        "fichiers TAXA de la nuit. Ardoise ne répond aux messages de vie qu'une fois tout écrit sur le disque : s'il "
        "ne peut plus écrire, le PBX garde ses tickets.",
        "Les fichiers /usr4/account/TAXA*.DAT sont compressés (compress) : les déposer tels quels. Leur première ligne "
        "(#) donne les colonnes, Ardoise la lit.",
        "ChargedNumber est le poste, pour un appel sortant comme entrant.",
        "Une version plus ancienne que ED5.2 a des tickets plus courts : lus aux mêmes colonnes, et marqués "
        "« confidence: low ».",
        "Les appels privés (d'un site à l'autre) sont internes, call_type dit lesquels.",
    ),
    traps_en=(
        "A single collector at a time: a second one is hung up on at once; Ardoise says so and tries again.",
        "The stand-by server answers too, but gives no ticket: Ardoise goes on to the other address. After each break "
        "the first address is tried first.",
        "No ticket is acknowledged: one sent while the link dies is lost, and stands in the TAXA files of the night. "
        "Ardoise answers keepalives only once everything is on the disk: when it cannot write, the PBX keeps "
        "its tickets.",
        "The files /usr4/account/TAXA*.DAT are compressed (compress): drop them as they are. Their first line (#) "
        "gives the columns; Ardoise reads it.",
        "ChargedNumber is the extension, of outgoing and incoming calls alike.",
        "A version older than ED5.2 has shorter tickets: they are read at the same columns and marked confidence: low.",
        "Private calls (from site to site) are internal; call_type says which.",
    ),
    not_proven_fr=(
        "Aucune capture réelle n'a encore été lue : le dialogue et la table viennent d'un client qui fonctionne.",
        "Genres d'appel 7 à 13 : 11 est compté comme sortant, les autres comme internes.",
        "StartDateTime est pris pour le début de l'appel ; l'exemple construit le place à la réponse.",
        "Lettres de PersonalOrBusiness et de CostType, unité de CostInfo.",
        "Écriture exacte de l'en-tête # des fichiers, et octet de rôle du serveur de secours.",
    ),
    not_proven_en=(
        "No real capture was read yet: the dialogue and the table come from a client that works.",
        "Kinds of call 7 to 13: 11 is counted as outgoing, the others as internal.",
        "StartDateTime is taken for the start of the call; the built example has it at the answer.",
        "Letters of PersonalOrBusiness and CostType, unit of CostInfo.",
        "Exact writing of the # header of files, and role byte of the stand-by server.",
    ),
    sources=(
        "OXE_EAcc, a real-time accounting client (its script and its table ED5.2)",
        "OmniPCX Enterprise, Internal Accounting manual",
        "OmniPCX Enterprise (Ethernet Real Time), a logger's setup page",
    ),
    one_client=True,
)
