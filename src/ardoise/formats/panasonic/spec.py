"""What an installer and a reader of tickets must know about Panasonic SMDR."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "début : fin imprimée moins la durée", "start: the printed end less the duration"),
    FieldSpec("end", "fin imprimée, à la minute", "end as printed, to the minute"),
    FieldSpec("duration_s", "conversation (0 sans réponse)", "talk (0 when unanswered)", "s"),
    FieldSpec("ring_s", "sonnerie d'un appel entrant (formes A et C)", "ringing of an incoming call (A and C)", "s"),
    FieldSpec("calling", "poste, ou numéro ou nom présenté", "extension, or number or name presented"),
    FieldSpec("called", "numéro composé, ou poste", "number dialled, or extension"),
    FieldSpec("dialled", "composition avec pauses (P) et rappels (F)", "digits with pauses (P) and flashes (F)"),
    FieldSpec("extension", "poste", "extension"),
    FieldSpec("trunk", "ligne réseau (CO) ; 00 au-delà de 99 (A et B)", "CO line; 00 above 99 (A and B)"),
    FieldSpec("account_code", "code affaire", "account code"),
    FieldSpec("condition", "transfer, forwarded, disa, no_answer ...", "transfer, forwarded, disa, no_answer ..."),
    FieldSpec("cost", "coût calculé par le PBX (B et C)", "cost computed by the PBX (B and C)"),
    FieldSpec("ddi", "numéro demandé (<D>)", "DDI number called (<D>)"),
    FieldSpec("caller_is_name", "l'appelant est un nom", "the caller is a name"),
    FieldSpec("verified_code", "code vérifié (*123), appel d'un autre poste", "verified code (*123), from another set"),
    FieldSpec("tie_group", "faisceau de lignes privées (Txxx)", "tie-line group (Txxx)"),
    FieldSpec("secret_dialling", "chiffres cachés par des points", "digits hidden by dots"),
    FieldSpec("privacy_masked", "derniers chiffres cachés par X", "last digits hidden by X"),
    FieldSpec("after_transfer", "chiffres composés après un transfert", "digits dialled after a transfer"),
    FieldSpec(
        "event, room, sensor, at",
        "évènement : login, check_in, wakeup_started, sensor_call, absent_message ...",
        "event: login, check_in, wakeup_started, sensor_call, absent_message ...",
    ),
    FieldSpec("confidence", "« low » si les colonnes étaient perdues", "low when the columns were lost"),
)

SPEC = FormatSpec(
    name="panasonic",
    title="Panasonic KX-TD, TDA, TDE, NCP, NS, NSX (SMDR)",
    summary_fr="Lignes de 80 ou 120 colonnes ; le PBX est serveur TCP et demande un mot de passe.",
    summary_en="Lines of 80 or 120 columns; the PBX is the TCP server and asks for a password.",
    firmware="KX-TD816, KX-TDA15 - TDA600, KX-TDE, KX-NCP, KX-NS500 - NS1000, KX-NSX",
    transports=("tcp_client", "tcp_server", "file"),
    default_port=2300,
    firewall="TCP 2300 (Ardoise -> Panasonic)",
    kind="stream",
    grade="B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "date_order",
            "mdy",
            ("mdy", "dmy", "ymd"),
            "Ordre de la date réglé dans le PBX ; en Europe, souvent dmy.",
            "Order of the date as set in the PBX; often dmy in Europe.",
        ),
        OptionSpec(
            "time",
            "end",
            ("end", "start"),
            "Heure imprimée : fin de l'appel (TDA, TDE, NCP, NS, NSX) ou début (KX-TEA308).",
            "Time printed: end of the call (TDA, TDE, NCP, NS, NSX) or start (KX-TEA308).",
        ),
        OptionSpec(
            "layout",
            "auto",
            ("auto", "a", "b", "c"),
            "Forme des lignes ; auto la reconnaît, une forme imposée refuse les autres.",
            "Pattern of the lines; auto recognises it, a given one refuses the others.",
        ),
        OptionSpec(
            "login",
            "yes",
            ("yes", "no"),
            "no : une sortie série amenée sur TCP par un boîtier, qui ne demande rien.",
            "no: a serial output brought to TCP by a box that asks for nothing.",
        ),
    ),
    pbx_steps_fr=(
        "Maintenance Console (PC Programming) > System > SMDR : forme A, B ou C (Pattern), ordre de la date, heures "
        "sur 12 ou 24.",
        "Cocher les appels sortants et entrants ; « Print ... with privacy mode » : numéros entiers.",
        "SMDR > LAN : activer la sortie, port 2300, et relever ou changer le mot de passe (PCCSMDR en usine).",
        "Ouvrir le port 2300 dans les pare-feu, d'Ardoise vers le PBX ; fermer tout autre logiciel relié à ce port.",
        "Dans la source Ardoise : transport tcp_client, host, port 2300, option date_order ; mot de passe changé : "
        'link = { password = "env:NOM" }.',
        "Passer un appel, puis vérifier que le ticket arrive.",
    ),
    pbx_steps_en=(
        "Maintenance Console (PC Programming) > System > SMDR: pattern A, B or C, order of the date, 12 or 24 hours.",
        "Tick outgoing and incoming calls; print ... with privacy mode: whole numbers.",
        "SMDR > LAN: enable the output, port 2300, and note or change the password (PCCSMDR from the factory).",
        "Open port 2300 in the firewalls, from Ardoise to the PBX; close any other software on that port.",
        "In the Ardoise source: transport tcp_client, host, port 2300, option date_order; a changed password: "
        'link = { password = "env:NAME" }.',
        "Make a call, and check that the ticket arrives.",
    ),
    traps_fr=(
        "L'heure imprimée est celle de la FIN, à la minute : le début est cette heure moins la durée, à une minute "
        "près.",
        "Un seul client ; la mémoire est courte (100 lignes sur TD816, quelques centaines ou milliers ensuite), les "
        "plus anciennes sont perdues.",
        "Elle survit à un redémarrage, mais les appels en cours à ce moment ne sont jamais écrits.",
        "Un appel de ligne réseau à ligne réseau donne deux lignes : une entrante, une sortante.",
        "Sur lignes analogiques, la durée d'un appel sortant commence après une temporisation, répondu ou non.",
        "RC et AN sans durée annoncent une ligne qui suit : ce sont des évènements, non des appels.",
        "Une page commence toutes les 60 lignes par un titre et des tirets ; un modem écrit AT... : ignorés.",
        "Avec des fins de ligne CR seul, le dernier ticket attend le premier caractère du suivant.",
        "Les codes vérifiés (*123) n'ont pas de poste : déclarer le code comme identifiant si c'est lui qui paie.",
    ),
    traps_en=(
        "The time printed is that of the END, to the minute: the start is that time less the duration, within a "
        "minute.",
        "One client only; the memory is short (100 lines on TD816, some hundreds or thousands later), the oldest are "
        "lost.",
        "It outlives a restart, but calls in progress at that moment are never printed.",
        "A call from CO line to CO line gives two lines: one incoming, one outgoing.",
        "On analogue lines the duration of an outgoing call begins after a timer, answered or not.",
        "RC and AN without a duration announce a line that follows: they are events, not calls.",
        "A page begins every 60 lines with a heading and dashes; a modem writes AT...: skipped.",
        "With line ends of CR alone, the last ticket waits for the first character of the next.",
        "Verified codes (*123) have no extension: declare the code as an identifier when it is the one that pays.",
    ),
    not_proven_fr=(
        "Colonne exacte du code CD, certains de ses codes, taille de la mémoire des NS.",
        "Formes B et C : reconstruites d'après les largeurs du manuel.",
        "Texte exact après un mauvais mot de passe : la demande répétée est comprise comme un refus.",
        "Le signe = (code du PBX hôte) est gardé dans le numéro.",
    ),
    not_proven_en=(
        "Exact column of the CD code, some of its codes, size of the memory of NS.",
        "Patterns B and C: rebuilt from the widths of the manual.",
        "Exact text after a wrong password: the repeated prompt is understood as a refusal.",
        "The = sign (host PBX code) is kept in the number.",
    ),
    sources=(
        "KX-NS1000 Feature Guide, SMDR (p. 222)",
        "KX-TDA100/200/15/30 feature guides; KX-TD816 manual",
        "Set-up pages of two phone loggers",
    ),
    one_client=True,
)
