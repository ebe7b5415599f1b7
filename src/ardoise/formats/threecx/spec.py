"""What an installer and a reader of tickets must know about 3CX call data records."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

_FIELDS = (
    FieldSpec("start", "time-start (UTC)", "time-start (UTC)"),
    FieldSpec("duration_s", "duration, tronquée à la seconde par le PBX", "duration, truncated by the PBX", "s"),
    FieldSpec(
        "ring_s", "de time-start à la réponse, sinon à la fin", "from time-start to the answer, else the end", "s"
    ),
    FieldSpec("calling", "from-no, sans « Ext. »", "from-no, without Ext."),
    FieldSpec("called", "to-no ; final-number d'un renvoi extérieur", "to-no; final-number of an outside diversion"),
    FieldSpec("dialled", "dial-no", "dial-no"),
    FieldSpec("direction", "d'après les côtés qui sont des lignes réseau", "from the sides that are trunks"),
    FieldSpec("extension", "poste appelant ; en entrée, poste final", "calling extension; incoming, the final one"),
    FieldSpec(
        "trunk", "numéro interne de la ligne réseau (10000 et plus)", "internal number of the trunk (10000 and up)"
    ),
    FieldSpec("transferred_from, transferred_to", "poste demandé ; poste final", "extension asked; final extension"),
    FieldSpec("account_code", "bill-code", "bill-code"),
    FieldSpec("call_id", "historyid, sans « Call »", "historyid, without Call"),
    FieldSpec("voicemail", "la destination finale est la messagerie", "the final destination is the voicemail"),
    FieldSpec("answer, end", "heures de réponse et de fin (UTC)", "times of answer and end (UTC)"),
    FieldSpec("reason", "reason-changed : ReplacedDst, QFwdToDNA ...", "reason-changed: ReplacedDst, QFwdToDNA ..."),
    FieldSpec("terminated_by", "src, dst, ou le texte du PBX", "src, dst, or the PBX's text"),
    FieldSpec("status", "failed ou busy, d'après reason-terminated", "failed or busy, from reason-terminated"),
    FieldSpec("chain", "toutes les destinations essayées", "every destination tried"),
    FieldSpec(
        "pbx_cost, pbx_rate", "coût et tarif calculés par le PBX (non repris)", "cost and rate of the PBX (not used)"
    ),
    FieldSpec("from_name, to_name, final_name", "noms affichés", "display names"),
    FieldSpec("queue, missed_by", "file d'attente ; agents qui n'ont pas répondu", "queue; agents who did not answer"),
)

SPEC = FormatSpec(
    name="threecx",
    title="3CX (CDR)",
    summary_fr="Colonnes choisies sur le PBX (20 ou 27), par socket dans un sens ou l'autre, ou en fichiers ; heures "
    "UTC.",
    summary_en="Columns chosen on the PBX (20 or 27), over a socket either way, or in files; UTC times.",
    firmware="3CX v12 - v20",
    transports=("tcp_server", "tcp_client", "tail", "file"),
    default_port=None,
    firewall="TCP 5015 (3CX -> Ardoise : active socket ; Ardoise -> 3CX : passive socket)",
    kind="stream",
    grade="A",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "columns",
            "",
            (),
            "Champs de « Configure CDR Output Fields » dans leur ordre, séparés par des virgules ; au moins historyid, "
            "duration, time-start, from-no, to-no, from-dn, to-dn. Vide : les 20 premiers ou les 27 de la "
            "documentation.",
            "Fields of Configure CDR Output Fields in their order, separated by commas; at least historyid, duration, "
            "time-start, from-no, to-no, from-dn, to-dn. Empty: the first 20 or the 27 of the documentation.",
        ),
        OptionSpec(
            "delimiter",
            "comma",
            tuple(DELIMITERS),
            "Séparateur réglé sur le PBX.",
            "Separator set on the PBX.",
        ),
        OptionSpec(
            "times",
            "utc",
            ("utc", "local"),
            "Heures imprimées : UTC, ou locales (fuseau de la source).",
            "Times printed: UTC, or local (zone of the source).",
        ),
    ),
    pbx_steps_fr=(
        "v15 à v18 : console de gestion > Advanced (ou Settings) > CDR. v20 : Admin > Integrations > CDR, si la "
        "version "
        "le propose encore.",
        "Enable CDR Output: Yes.",
        "CDR Output Type: Active Socket (3CX appelle Ardoise : source tcp_server), Passive Socket (Ardoise appelle "
        "3CX : "
        "source tcp_client) ou Single File for all calls (fichier cdr.log : transport tail). Le fichier est le plus "
        "sûr.",
        "Server IP: adresse d'Ardoise (Active Socket). Port: 5015, le même que celui de la source.",
        "Configure CDR Output Fields: garder les champs dans l'ordre d'origine ; ajouter from-type, to-type, "
        "final-type "
        "si possible ; longueur 0 (libre), sans remplissage ; séparateur « , ».",
        "Si l'ordre ou la liste change, recopier la liste dans l'option columns de la source.",
        "Fichier Windows : C:\\ProgramData\\3CX\\Instance1\\Data\\Logs\\CDRLogs\\cdr.log ; "
        "Linux : /var/lib/3cxpbx/Instance1/Data/Logs/CDRLogs.",
        "Ouvrir le port 5015 dans le pare-feu du côté qui écoute.",
        "Redémarrer le service CDR, passer un appel, puis vérifier que le ticket arrive.",
    ),
    pbx_steps_en=(
        "v15 to v18: Management Console > Advanced (or Settings) > CDR. v20: Admin > Integrations > CDR, where the "
        "release still has it.",
        "Enable CDR Output: Yes.",
        "CDR Output Type: Active Socket (3CX calls Ardoise: source tcp_server), Passive Socket (Ardoise calls 3CX: "
        "source tcp_client) or Single File for all calls (file cdr.log: transport tail). The file is the safest.",
        "Server IP: address of Ardoise (Active Socket). Port: 5015, the same as that of the source.",
        "Configure CDR Output Fields: keep the fields in their original order; add from-type, to-type, final-type if "
        "you can; length 0 (free), no padding; separator comma.",
        "When the order or the list changes, copy the list into the option columns of the source.",
        "Windows file: C:\\ProgramData\\3CX\\Instance1\\Data\\Logs\\CDRLogs\\cdr.log; "
        "Linux: /var/lib/3cxpbx/Instance1/Data/Logs/CDRLogs.",
        "Open port 5015 in the firewall of the side that listens.",
        "Restart the CDR service, make a call, and check that the ticket arrives.",
    ),
    traps_fr=(
        "Les sockets n'ont ni accusé de réception ni rattrapage : ce qui est émis sans lecteur est perdu. Préférer le "
        "fichier, ou les deux.",
        "La durée est tronquée : 5 min 36 s imprimées pour 5 min 37 s réelles.",
        "Un transfert donne plusieurs lignes de même historyid ; historyid repart après un redémarrage.",
        "Le séparateur peut figurer dans un nom affiché : les lignes sont recalées sur l'identifiant, les heures et "
        "Chain.",
        "Une destination de numéro interne 10000 ou plus est une ligne réseau.",
        "La durée est vide pour un appel sans réponse.",
    ),
    traps_en=(
        "Sockets have no acknowledgement and no replay: what is sent without a reader is lost. Prefer the file, or "
        "both.",
        "The duration is truncated: 5 min 36 s printed for 5 min 37 s.",
        "A transfer gives several lines of one historyid; historyid starts again after a restart.",
        "The separator may stand in a display name: lines are anchored on the call id, the times and Chain.",
        "A destination of internal number 10000 or more is a trunk.",
        "The duration is empty for a call that nobody answered.",
    ),
    not_proven_fr=(
        "Ligne à 27 champs : reconstruite d'après la documentation.",
        "v20 : d'après l'éditeur, les appels sont dans la base (ReportCallLogData ; table cdr_output depuis la mise "
        "à jour "
        "6) ; sortie CDR non vérifiée.",
        "Mots des échecs : Failed est connu (une ligne publique), ceux d'occupation sont supposés.",
        "Renvoi d'un appel entrant vers l'extérieur (final-dn de 10000 ou plus) : sans exemple réel.",
        "Port 5015 : un exemple ; 3CX n'en impose pas.",
    ),
    not_proven_en=(
        "Line of 27 fields: rebuilt from the documentation.",
        "v20: the vendor says calls are in the database (ReportCallLogData; table cdr_output since Update 6); CDR "
        "output "
        "not checked.",
        "Words of failed calls: Failed is known (a public line), those of busy are assumed.",
        "Incoming call diverted outside (final-dn 10000 or more): without a real example.",
        "Port 5015: an example; 3CX imposes none.",
    ),
    sources=(
        "3cx.com, CDR - Call Data Records",
        "tim4biz.com, 3CX Phone System Reference",
        "Freeside, FS/cdr/cx3.pm",
    ),
)
