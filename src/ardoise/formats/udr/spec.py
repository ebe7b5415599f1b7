"""What must be known about usage records of messages and data."""

from ardoise.formats.delimited.shipped import profiles_of
from ardoise.formats.layouts import layout_option
from ardoise.formats.spec import FieldSpec, FormatSpec

PROFILES = profiles_of("ardoise.formats.udr")

SPEC = FormatSpec(
    name="udr",
    title="UDR : SMS, MMS, données / SMS, MMS, data",
    summary_fr="Journal d'accès de Kannel (SMS) et fichiers de médiation Solution42 (appels, SMS, MMS, données).",
    summary_en="Kannel access log (SMS) and Solution42 mediation files (calls, SMS, MMS, data).",
    firmware="Kannel 1.4 - 1.5 ; Solution42 / Oracle BRM",
    transports=("file", "tail", "sftp"),
    default_port=None,
    firewall="TCP 22 (Ardoise -> passerelle / gateway, SFTP)",
    kind="cumulative",
    grade="B",
    fields=(
        FieldSpec("kind", "call, sms, mms, data", "call, sms, mms, data"),
        FieldSpec(
            "units", "messages, ou octets envoyés et reçus", "messages, or octets sent and received", "messages, octets"
        ),
        FieldSpec("start", "heure locale", "local time"),
        FieldSpec("duration_s", "conversation, ou durée de la session", "talk, or how long the session lasted", "s"),
        FieldSpec("calling, called", "numéros ; 00 devient + (Solution42)", "numbers; 00 becomes + (Solution42)"),
        FieldSpec("direction", "Kannel : Sent sortant, Receive entrant", "Kannel: Sent outgoing, Receive incoming"),
        FieldSpec("trunk, smsc", "Kannel : centre de messages", "Kannel: message centre"),
        FieldSpec("account_code", "Kannel : ACT", "Kannel: ACT"),
        FieldSpec("service, billing, foreign_id", "Kannel : SVC, BINF, FID", "Kannel: SVC, BINF, FID"),
        FieldSpec("bytes", "Kannel : longueur du message", "Kannel: length of the message", "octets"),
        FieldSpec("status", "failed : refusé ou non envoyé", "failed: refused or not sent"),
        FieldSpec(
            "octets_out, octets_in",
            "Solution42 : volumes envoyé et reçu",
            "Solution42: volumes sent and received",
            "octets",
        ),
        FieldSpec(
            "apn, cell, call_class",
            "Solution42 : point d'accès, cellule, classe",
            "Solution42: access point, cell, class",
        ),
    ),
    options=(layout_option(("kannel", *PROFILES)),),
    pbx_steps_fr=(
        "Kannel, groupe bearerbox : access-log = /var/log/kannel/access.log ; access-log-clean = false.",
        "access-log-format : ne pas le définir (la forme d'origine est lue).",
        "Transport tail si Ardoise est sur la même machine ; sinon SFTP, port 22, après rotation par logrotate "
        "(create, puis « kill -HUP »).",
        "Solution42 : faire écrire par la médiation service;a;b;AAAAMMJJHHMISS;durée;envoyés;reçus;classe;cellule;apn, "
        "un fichier par heure, renommé quand il est complet.",
        "Dans la source Ardoise : format udr, option layout, fuseau de la source.",
        "Tarif : des lignes de kind sms, mms ou data ; voir « ardoise price ».",
        "Autre forme : format delimited, avec fields.kind, fields.octets, octets.scale dans le profil.",
    ),
    pbx_steps_en=(
        "Kannel, group bearerbox: access-log = /var/log/kannel/access.log; access-log-clean = false.",
        "access-log-format: leave it out (the original form is read).",
        "Transport tail with Ardoise on the same machine; else SFTP, port 22, after rotation by logrotate (create, "
        "then "
        "kill -HUP).",
        "Solution42: have the mediation write service;a;b;YYYYMMDDHHMISS;duration;sent;received;class;cell;apn, a file "
        "an hour, renamed once it is complete.",
        "In the Ardoise source: format udr, option layout, zone of the source.",
        "Tariff: rows of kind sms, mms or data; see ardoise price.",
        "Another layout: format delimited, with fields.kind, fields.octets, octets.scale in the profile.",
    ),
    traps_fr=(
        "Le texte des messages n'est jamais gardé : il est remplacé par des x avant toute écriture, sa longueur reste.",
        "Les accusés de réception (DLR) sont des événements, pas des messages.",
        "Un long message est journalisé en plusieurs parties : autant de messages.",
        "Volumes en octets : si un opérateur compte des Kio ou des ko, le dire par octets.scale (1024 ou 1000).",
        "Une longue session donne plusieurs tickets partiels : leurs octets s'ajoutent, mais l'arrondi du tarif "
        "s'applique à chacun.",
        "DATA et FAX sont des appels (à la durée), GPRS et WAP des sessions (au volume).",
    ),
    traps_en=(
        "The text of messages is never kept: it is replaced by x before anything is written, its length stays.",
        "Delivery reports (DLR) are events, not messages.",
        "A long message is logged in several parts: as many messages.",
        "Volumes are octets: where an operator counts KiB or kB, say so by octets.scale (1024 or 1000).",
        "A long session gives several partial records: their octets add up, but the tariff rounds each of them.",
        "DATA and FAX are calls (by duration), GPRS and WAP are sessions (by volume).",
    ),
    not_proven_fr=(
        "Kannel : lignes reconstruites ; libellés des échecs (FAILED, REJECTED, DISCARDED) de mémoire.",
        "Solution42 : format décrit par Oracle, lignes assemblées ; le code MMS est supposé.",
        "Lignes de type Telstra (RSMO, RMT, GP) : non lues.",
    ),
    not_proven_en=(
        "Kannel: lines rebuilt; words of failures (FAILED, REJECTED, DISCARDED) from memory.",
        "Solution42: format described by Oracle, lines assembled; the code MMS is assumed.",
        "Lines of the Telstra kind (RSMO, RMT, GP): not read.",
    ),
    sources=(
        "Kannel user guide, access log; Freeside, FS/cdr/kannel.pm",
        "Oracle BRM, Solution42 sample format description",
    ),
)
