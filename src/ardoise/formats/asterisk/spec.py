"""What an installer and a reader of tickets must know about Asterisk and FreePBX call detail records."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

# What a record of an Asterisk says; PBXs made of one (Grandstream UCM) say the same.
RECORD_FIELDS = (
    FieldSpec("start", "début de l'appel", "start of the call"),
    FieldSpec("duration_s", "billsec : de la réponse au raccroché", "billsec: from answer to hang-up", "s"),
    FieldSpec("ring_s", "duration moins billsec", "duration minus billsec", "s"),
    FieldSpec("calling", "src, numéro appelant", "src, calling number"),
    FieldSpec("called", "dst, numéro ou poste demandé", "dst, number or extension asked for"),
    FieldSpec("direction", "d'après les lignes réseau des deux canaux", "from the trunks among the two channels"),
    FieldSpec("extension", "poste appelant ; en entrée, poste atteint", "calling extension; incoming, the one reached"),
    FieldSpec("trunk", "ligne réseau : PJSIP/nom", "trunk: PJSIP/name"),
    FieldSpec("account_code", "accountcode", "accountcode"),
    FieldSpec("call_id", "linkedid, sinon uniqueid", "linkedid, else uniqueid"),
    FieldSpec("more_segments_follow", "canal Local : la suite a son ticket", "Local channel: the rest has its ticket"),
    FieldSpec("voicemail", "dernière application VoiceMail", "last application VoiceMail"),
    FieldSpec("conference", "dernière application ConfBridge ou MeetMe", "last application ConfBridge or MeetMe"),
    FieldSpec("answer, end", "heures de réponse et de fin", "times of answer and end"),
    FieldSpec("total_s", "duration, sonnerie comprise", "duration, ringing included", "s"),
    FieldSpec("disposition", "ANSWERED, NO ANSWER, BUSY, FAILED, CONGESTION", "ANSWERED, NO ANSWER, BUSY, FAILED ..."),
    FieldSpec("status", "busy ou failed, d'après disposition", "busy or failed, from disposition"),
    FieldSpec("channel, dstchannel", "canaux tels qu'imprimés", "channels as printed"),
    FieldSpec("context", "contexte du plan de numérotation", "dialplan context"),
    FieldSpec("uniqueid, userfield", "tels qu'imprimés", "as printed"),
    FieldSpec(
        "called_real", "poste qui a sonné, s'il n'est pas celui demandé", "extension that rang, if not the one asked"
    ),
    FieldSpec("queue", "file d'attente", "queue"),
    FieldSpec(
        "plumbing_s", "durée d'un canal Local sortant, non comptée", "talk of an outgoing Local channel, left out", "s"
    ),
)

TRUNKS = OptionSpec(
    "trunks",
    "",
    (),
    "Noms des lignes réseau, avec jokers, séparés par des virgules : PJSIP/ovh*,DAHDI/*. Vide : un canal dont le nom "
    "est de 2 à 6 chiffres est un poste, tout autre est une ligne réseau.",
    "Names of the trunks, wildcards allowed, separated by commas: PJSIP/ovh*,DAHDI/*. Empty: a channel named by 2 to 6 "
    "digits is an extension, any other one is a trunk.",
)
TIMES = OptionSpec(
    "times",
    "local",
    ("local", "utc"),
    "Heures imprimées : locales (fuseau de la source), ou UTC si cdr.conf dit usegmtime=yes.",
    "Times printed: local (zone of the source), or UTC when cdr.conf says usegmtime=yes.",
)

SPEC = FormatSpec(
    name="asterisk",
    title="Asterisk, FreePBX (CDR)",
    summary_fr="Master.csv de 16 à 21 colonnes, ou export à en-tête (FreePBX, cdr_custom) ; une ligne par jambe.",
    summary_en="Master.csv of 16 to 21 columns, or an export with a header (FreePBX, cdr_custom); a line each leg.",
    firmware="Asterisk 1.4 - 22, FreePBX 2.11 - 17",
    transports=("tail", "file", "sftp"),
    default_port=None,
    firewall="-",
    kind="stream",
    grade="A",
    fields=(
        *RECORD_FIELDS,
        FieldSpec("presented", "outbound_cnum (FreePBX), numéro présenté", "outbound_cnum (FreePBX), number presented"),
        FieldSpec(
            "event, at, call",
            "CEL : événement, heure, linkedid (gardé, non facturé)",
            "CEL: event, time, linkedid (kept, not billed)",
        ),
    ),
    options=(
        OptionSpec(
            "columns",
            "",
            (),
            "Colonnes dans leur ordre, séparées par des virgules, pour cdr_custom ou un export sans en-tête ; au moins "
            "src, dst, channel, dstchannel, billsec, disposition et start ou calldate. Vide : reconnues.",
            "Columns in their order, separated by commas, for cdr_custom or an export without a header; at least src, "
            "dst, channel, dstchannel, billsec, disposition, and start or calldate. Empty: recognised.",
        ),
        TRUNKS,
        TIMES,
    ),
    pbx_steps_fr=(
        "Asterisk, /etc/asterisk/cdr.conf, section [general] : enable=yes, unanswered=yes.",
        "batch: no (sinon les tickets attendent jusqu'à 5 minutes et se perdent à l'arrêt brutal ; FreePBX met yes).",
        "Section [csv] : usegmtime=no (ou yes avec l'option times = utc), loguniqueid=yes, loguserfield=yes, "
        "accountlogs=no.",
        "newcdrcolumns=yes : ajoute linkedid, qui réunit les jambes d'un appel. À mettre si la version le permet.",
        "modules.conf : load = cdr_csv.so ; puis « asterisk -rx 'core reload' » et « cdr show status » : csv actif.",
        "Fichier : /var/log/asterisk/cdr-csv/Master.csv. Si Ardoise est sur la même machine, transport tail ; sinon "
        "SFTP, ou copie par rsync dans le dossier de la source.",
        "logrotate : renommer le fichier (create) plutôt que copytruncate, qui peut perdre les lignes du moment.",
        "FreePBX : Admin > Config Edit > cdr_general_custom.conf pour ces réglages ; ou exporter la table "
        "asteriskcdrdb.cdr avec une ligne de noms de colonnes, dans l'ordre de calldate.",
        "Dans la source Ardoise : option trunks si des postes ont un nom qui n'est pas un nombre.",
        "Passer un appel sortant et un appel entrant, puis vérifier direction, poste et ligne réseau.",
    ),
    pbx_steps_en=(
        "Asterisk, /etc/asterisk/cdr.conf, section [general]: enable=yes, unanswered=yes.",
        "batch: no (else tickets wait up to 5 minutes and die with a crash; FreePBX sets yes).",
        "Section [csv]: usegmtime=no (or yes with the option times = utc), loguniqueid=yes, loguserfield=yes, "
        "accountlogs=no.",
        "newcdrcolumns=yes: adds linkedid, which joins the legs of a call. Set it where the release has it.",
        "modules.conf: load = cdr_csv.so; then asterisk -rx 'core reload' and cdr show status: csv is active.",
        "File: /var/log/asterisk/cdr-csv/Master.csv. With Ardoise on the same machine, transport tail; else SFTP, or "
        "rsync into the folder of the source.",
        "logrotate: rename the file (create) rather than copytruncate, which may lose the lines of that moment.",
        "FreePBX: Admin > Config Edit > cdr_general_custom.conf for these settings; or export the table "
        "asteriskcdrdb.cdr with a line of column names, in the order of calldate.",
        "In the Ardoise source: option trunks when extensions have names that are no numbers.",
        "Make an outgoing and an incoming call, then check direction, extension and trunk.",
    ),
    traps_fr=(
        "Un appel passé par un canal Local est imprimé deux fois (une par moitié) : la moitié sans ligne réseau compte "
        "0 s et rejoint l'autre par linkedid.",
        "billsec part de la réponse de cette jambe ; une carte analogique (DAHDI) répond tout de suite, la sonnerie "
        "est alors facturée : activer la détection de réponse.",
        "Transfert accompagné : le CDR peut dire NO ANSWER et 1 s pour une longue conversation ; comparer avec le CDR "
        "de l'opérateur.",
        "La direction se lit dans les canaux, pas dans la longueur des numéros.",
        "Les lignes AppDial sans dst sont le côté appelé d'un appel déjà imprimé : gardées comme événements.",
        "cdr_custom imprime n'importe quelles colonnes : sans en-tête, remplir l'option columns.",
        "L'AMI (port 5038) ne rejoue rien : ne pas s'en servir seul.",
    ),
    traps_en=(
        "A call dialled through a Local channel is printed twice (once each half): the half without a trunk counts 0 s "
        "and joins the other one by linkedid.",
        "billsec counts from the answer of this leg; an analogue card (DAHDI) answers at once, ringing is then billed: "
        "enable answer detection.",
        "Attended transfer: the CDR may say NO ANSWER and 1 s for a long talk; compare with the operator's CDR.",
        "The direction is read from the channels, not from the length of numbers.",
        "AppDial lines without dst are the called side of a call already printed: kept as events.",
        "cdr_custom prints any columns: without a header, fill in the option columns.",
        "The AMI (port 5038) replays nothing: do not rely on it alone.",
    ),
    not_proven_fr=(
        "Colonnes de l'export FreePBX (calldate ... sequence) : d'après la table, sans ligne réelle.",
        "CEL : lu s'il a un en-tête avec eventtype, gardé comme événement ; les appels n'en sont pas refaits.",
        "Ordre peeraccount, linkedid, sequence de newcdrcolumns : d'après le code d'Asterisk, sans ligne réelle.",
    ),
    not_proven_en=(
        "Columns of the FreePBX export (calldate ... sequence): from the table, without a real line.",
        "CEL: read when it has a header with eventtype, kept as an event; calls are not rebuilt from it.",
        "Order peeraccount, linkedid, sequence of newcdrcolumns: from Asterisk's code, without a real line.",
    ),
    sources=(
        "docs.asterisk.org, CDR Specification, CEL Specification, cdr.conf",
        "Freeside, FS/cdr/asterisk.pm",
        "mikopbx/Core issue 1100 (attended transfers)",
    ),
)
