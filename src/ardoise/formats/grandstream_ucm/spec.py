"""What an installer and a reader of tickets must know about Grandstream UCM records."""

from ardoise.formats.asterisk.spec import RECORD_FIELDS, TIMES, TRUNKS
from ardoise.formats.spec import FieldSpec, FormatSpec

SPEC = FormatSpec(
    name="grandstream_ucm",
    title="Grandstream UCM6xxx (CDR)",
    summary_fr="CSV de 22 colonnes ou JSON de l'API CDR, en fichiers, ou en temps réel : l'UCM est client TCP.",
    summary_en="CSV of 22 columns or JSON of the CDR API, in files, or in real time: the UCM is the TCP client.",
    firmware="UCM6100, 6200, 6300, 6510",
    transports=("tcp_server", "file", "sftp"),
    default_port=7777,
    firewall="TCP 7777 (UCM -> Ardoise)",
    kind="stream",
    grade="A",
    fields=(
        *RECORD_FIELDS,
        FieldSpec("record", "AcctId, numéro du ticket", "AcctId, number of the record"),
        FieldSpec("parts", "JSON : nombre de tickets d'un transfert", "JSON: number of records of a transfer"),
    ),
    options=(TRUNKS, TIMES),
    pbx_steps_fr=(
        "Temps réel : CDR > API Configuration > CDR Real-time Output Settings.",
        "Enable: Yes.",
        "Server Address: adresse IP du serveur Ardoise.",
        "Port: 7777, le même que celui de la source dans Ardoise.",
        "Delivery Method ou format : une ligne CSV par appel.",
        "Ouvrir le port 7777 dans le pare-feu du serveur Ardoise ; source Ardoise de transport tcp_server.",
        "Ou par fichiers : CDR > CDR > Download All Records (ou Automatic Download Settings vers un SFTP), "
        "déposés dans le dossier de la source.",
        "Ou par l'API : Enable: Yes ; Permitted IP(s): adresse d'Ardoise/255.255.255.255 ; nom et mot de passe ; "
        "https://UCM:8443/cdrapi?format=csv&startTime=...&endTime=..., 1000 tickets au plus par réponse (offset), "
        "enregistrés en fichiers.",
        "Passer un appel sortant et un appel entrant, puis vérifier direction, poste et ligne réseau.",
    ),
    pbx_steps_en=(
        "Real time: CDR > API Configuration > CDR Real-time Output Settings.",
        "Enable: Yes.",
        "Server Address: IP address of the Ardoise server.",
        "Port: 7777, the same as that of the source in Ardoise.",
        "Delivery Method or format: one CSV line a call.",
        "Open port 7777 in the firewall of the Ardoise server; Ardoise source of transport tcp_server.",
        "Or by files: CDR > CDR > Download All Records (or Automatic Download Settings to an SFTP, every day), dropped "
        "into the folder of the source.",
        "Or by the API: Enable: Yes; Permitted IP(s): address of Ardoise/255.255.255.255; name and password; "
        "https://UCM:8443/cdrapi?format=csv&startTime=...&endTime=..., at most 1000 records an answer (offset), saved "
        "as files.",
        "Make an outgoing and an incoming call, then check direction, extension and trunk.",
    ),
    traps_fr=(
        "lastdata contient des virgules sans guillemets (SIP/5301,60,) : 24 cellules pour 22 noms. Ardoise se cale sur "
        "les deux bouts de la ligne.",
        "Un tableur qui enregistre le CSV ajoute des guillemets et change les dates : déposer le fichier de l'UCM.",
        "L'API refuse toute adresse tant que Permitted IP(s) est vide, et demande une authentification digest.",
        "DAHDI : sur UCM6202 et 6204, les premiers canaux sont des lignes (FXO), les suivants des postes (FXS) : "
        "nommer les lignes dans l'option trunks, par exemple PJSIP/trunk_*,DAHDI/1,DAHDI/2.",
    ),
    traps_en=(
        "lastdata holds commas without quotes (SIP/5301,60,): 24 cells for 22 names. Ardoise anchors on both ends of "
        "the line.",
        "A spreadsheet that saves the CSV adds quotes and changes dates: drop the file of the UCM itself.",
        "The API refuses every address while Permitted IP(s) is empty, and asks for digest authentication.",
        "DAHDI: on UCM6202 and 6204 the first channels are lines (FXO), the next ones extensions (FXS): name the lines "
        "in the option trunks, for instance PJSIP/trunk_*,DAHDI/1,DAHDI/2.",
    ),
    not_proven_fr=(
        "Sortie en temps réel : port 7777 d'après un éditeur, colonnes supposées celles du CSV ; aucune capture.",
        "Colonnes ajoutées par les versions récentes : lues par l'en-tête.",
        "JSON des transferts (main_cdr, sub_cdr_1 ...) : sans exemple réel ; seul le ticket principal est un appel.",
    ),
    not_proven_en=(
        "Real-time output: port 7777 from a vendor's page, columns taken to be those of the CSV; no capture.",
        "Columns added by recent firmware: read by the header.",
        "JSON of transfers (main_cdr, sub_cdr_1 ...): without a real example; only the main record becomes a call.",
    ),
    sources=(
        "Grandstream, UCM6510 and UCM6100 CDR Report and CDR API Guide",
        "comtrafic.com, Grandstream UCM page",
    ),
)
