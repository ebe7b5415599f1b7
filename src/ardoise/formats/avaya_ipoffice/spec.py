"""What an installer and a reader of tickets must know about Avaya IP Office SMDR."""

from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec(
        "start", "début de l'appel (le même pour tous les segments)", "start of the call (same for all segments)"
    ),
    FieldSpec("duration_s", "conversation, hors sonnerie, garde et parcage", "talk, without ring, hold and park", "s"),
    FieldSpec("ring_s", "sonnerie jusqu'à la réponse du PBX", "ringing until the switch answers", "s"),
    FieldSpec("calling", "poste ou numéro appelant", "calling extension or number"),
    FieldSpec("called", "destination demandée à l'origine", "original target"),
    FieldSpec("dialled", "chiffres composés, ou SDA reçue", "digits dialled, or DDI received"),
    FieldSpec("account_code", "dernier code affaire", "last account code"),
    FieldSpec("call_id", "n° d'appel, remis à 1 000 000 au redémarrage", "call id, back to 1,000,000 at reboot"),
    FieldSpec("more_segments_follow", "d'autres tickets suivent pour cet appel", "more tickets follow for this call"),
    FieldSpec("extension", "premier poste parmi les deux correspondants", "first extension of the two parties"),
    FieldSpec("trunk", "ligne réseau (nom, sinon T et son numéro)", "trunk (its name, else T and its number)"),
    FieldSpec("charged_extension", "usager imputé par le PBX", "user charged by the PBX"),
    FieldSpec("cost_units", "unités de taxe, si imprimées", "call units, when printed"),
    FieldSpec("operator_price", "coût imprimé (AOC ou calculé)", "printed call charge (AoC or computed)"),
    FieldSpec("voicemail", "un correspondant est la messagerie", "one party is the voicemail"),
    FieldSpec("conference", "un correspondant est une conférence", "one party is a conference"),
    FieldSpec("start_precision", "second, ou minute si les secondes manquent", "second, or minute without seconds"),
    FieldSpec("hold_s", "mise en garde", "hold", "s"),
    FieldSpec("park_s", "parcage", "park", "s"),
    FieldSpec("party1", "appareil et nom du correspondant 1", "device and name of party 1"),
    FieldSpec("party2", "appareil et nom du correspondant 2", "device and name of party 2"),
    FieldSpec(
        "ext_targeting", "cause, auteur et numéro d'un renvoi extérieur", "external targeting: cause, who, number"
    ),
    FieldSpec("auth_valid", "code d'autorisation accepté", "authorisation code accepted"),
    FieldSpec("auth_code", "code d'autorisation", "authorisation code"),
    FieldSpec("record_time", "heure d'écriture du ticket (R11)", "when the record was written (R11)"),
)

SPEC = FormatSpec(
    name="avaya_ipoffice",
    title="Avaya IP Office, B5800 (SMDR)",
    summary_fr="Tickets séparés par des virgules, 30 champs, envoyés par le PBX en TCP dès la fin de chaque segment.",
    summary_en="Comma-separated tickets of 30 fields, sent by the PBX over TCP when each segment ends.",
    firmware="4.2 - 12",
    transports=("tcp_server", "tcp_client", "file"),
    default_port=1080,
    firewall="TCP 1080 (IP Office -> Ardoise)",
    kind="stream",
    grade="A",
    fields=_FIELDS,
    pbx_steps_fr=(
        "Dans le logiciel « Manager » du PBX, sélectionner le PBX et aller dans « Système » puis « SMDR ».",
        "Sortie : sélectionner « SMDR seulement » (« SMDR only ») dans la liste.",
        "Adresse : entrer l'adresse IP du serveur Ardoise.",
        "TCP Port : entrer un port, par exemple 1080, le même que celui de la source dans Ardoise.",
        "Enregistrements tampons : 3000 (le tampon est en mémoire vive ; plein, il perd les plus anciens "
        "sans le dire).",
        "Ouvrir le port choisi, ici 1080, dans le pare-feu du serveur Ardoise.",
        "Enregistrer la configuration dans le PBX, passer un appel, puis vérifier que le ticket arrive.",
    ),
    pbx_steps_en=(
        "In the PBX's Manager, select the PBX, then System, then SMDR.",
        "Output: choose SMDR Only in the list.",
        "Address: enter the IP address of the Ardoise server.",
        "TCP Port: enter a port, for instance 1080, the same as the source's in Ardoise.",
        "Records to Buffer: 3000 (the buffer is in RAM; when full it silently drops the oldest).",
        "Open the chosen port, here 1080, in the firewall of the Ardoise server.",
        "Save the configuration to the PBX, make a call, and check that the ticket arrives.",
    ),
    traps_fr=(
        "Le PBX ne tente la connexion qu'à la production d'un nouveau ticket : après une coupure, une nuit calme peut "
        "laisser les tickets dans le PBX jusqu'au prochain appel.",
        "Adresse 0.0.0.0 : le PBX devient serveur TCP et Ardoise s'y connecte.",
        "Les noms contenant une virgule ne sont pas entre guillemets : Ardoise se recale sur les appareils E, T et V.",
        "Les durées sont arrondies à la seconde supérieure ; les heures sont locales, sans fuseau.",
        "L'ordre d'arrivée est celui de la fin des segments, pas du début des appels.",
        "Le n° d'appel repart de 1 000 000 au redémarrage : deux appels différents peuvent porter le même.",
        "Appel sortant échoué avant toute prise de ligne : « Is Internal » vaut 1, sans second correspondant ; il est "
        "lu comme sortant sans réponse si le numéro a 6 chiffres ou plus.",
        "Systèmes par abonnement : la sortie « Hosted Only » garde les tickets chez Avaya, rien n'arrive ici ; choisir "
        "« SMDR Only ».",
        "« Call Splitting for Diverts » : un appel renvoyé à l'extérieur donne deux séries de tickets sous le même "
        "n°, et "
        "les heures du renvoi repartent du renvoi ; Ardoise en fait un appel entrant et un sortant.",
        "Mode fichier : la ligne d'en-tête est reconnue où qu'elle soit.",
    ),
    traps_en=(
        "The PBX tries to connect only when a new ticket is produced: after a cut, a quiet night may leave tickets in "
        "the PBX until the next call.",
        "Address 0.0.0.0: the PBX becomes the TCP server and Ardoise connects to it.",
        "Names with a comma are not quoted: Ardoise re-anchors on the E, T and V devices.",
        "Durations are rounded up to the second; times are local, without a zone.",
        "Tickets arrive in the order segments end, not in the order calls start.",
        "The call id restarts at 1,000,000 at reboot: two different calls may carry the same one.",
        "An outgoing call that failed before a trunk was seized has Is Internal 1 and no second party; it is "
        "read as an "
        "unanswered outgoing call when the number has 6 digits or more.",
        "Subscription systems: the output Hosted Only keeps the tickets at Avaya, nothing comes here; choose SMDR "
        "Only.",
        "Call Splitting for Diverts: a call forwarded outside gives two sets of tickets under one id, and the times "
        "of the "
        "forward start at the forward; Ardoise makes an incoming and an outgoing call of them.",
        "File mode: the header line is recognised wherever it stands.",
    ),
    not_proven_fr=("Les champs 31 à 35 (R11) viennent d'un seul texte tiers.",),
    not_proven_en=("Fields 31 to 35 (R11) come from one third-party text.",),
    sequence="call_id",
    buffer_tickets=500,
    sources=(
        "Avaya B5800 Branch Gateway, Manager 10.0 (15-601011), pp. 851-858",
        "Avaya IP Office R12.3, System Settings, System, SMDR",
    ),
)
