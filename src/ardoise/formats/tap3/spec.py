"""What an operator must know about TAP3 files."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

_FIELDS = (
    FieldSpec("start", "début, remis en UTC par le décalage du fichier", "start, brought to UTC by the file's offset"),
    FieldSpec("duration_s", "durée de l'appel ou de la session", "duration of the call or session", "s"),
    FieldSpec(
        "kind, units", "appel, SMS, session de données (octets), événement", "call, SMS, data session (octets), event"
    ),
    FieldSpec("calling", "MSISDN de l'abonné, ou qui l'appelle", "MSISDN of the subscriber, or who calls in"),
    FieldSpec(
        "called", "numéro international appelé ; APN d'une session", "international number called; APN of a session"
    ),
    FieldSpec("dialled", "chiffres tels que composés", "digits as dialled"),
    FieldSpec("direction", "out (MO), in (MT)", "out (MO), in (MT)"),
    FieldSpec("origin, visited", "réseau visité, code TADIG (@ devant)", "visited network, TADIG code (@ before)"),
    FieldSpec("imsi, msisdn", "identités de l'abonné", "identities of the subscriber"),
    FieldSpec("charge_sdr", "montant total (type 00) de l'événement", "total charge (type 00) of the event", "SDR"),
    FieldSpec(
        "charge_tap, tap_currency",
        "le même, si le fichier a une autre monnaie",
        "the same, when the file has another currency",
    ),
    FieldSpec(
        "exchange_rate, local_currency",
        "cours du fichier vers la monnaie locale",
        "rate of the file to the local currency",
    ),
    FieldSpec(
        "operator_price",
        "montant au prix du DTS donné à la source",
        "charge at the price of the SDR given to the source",
    ),
    FieldSpec(
        "chargeable_units, charged_units", "unités réelles, facturées", "real units, charged units", "s / octets"
    ),
    FieldSpec(
        "event, tele_service, cause",
        "type d'événement, service (11, 21, 22), fin",
        "type of event, service (11, 21, 22), end",
    ),
    FieldSpec(
        "sender, recipient, sequence", "en-tête : réseaux, n° du fichier", "header: networks, number of the file"
    ),
    FieldSpec("records, total_charge", "fin : compte et total de l'émetteur", "end: the sender's count and total"),
)

SPEC = FormatSpec(
    name="tap3",
    title="GSMA TAP3 (itinérance / roaming, TD.57)",
    summary_fr="Fichiers BER échangés entre opérateurs mobiles : un événement taxé est un enregistrement ; le compte "
    "et le total de l'émetteur sont contrôlés.",
    summary_en="BER files exchanged between mobile operators: a charged event is a record; the sender's count and "
    "total are checked.",
    firmware="TAP 3.11, 3.12",
    transports=("file", "sftp"),
    default_port=None,
    firewall="TCP 22 (Ardoise -> SFTP), si les fichiers sont cherchés / when files are fetched",
    kind="cumulative",
    grade="B",
    fields=_FIELDS,
    options=(
        OptionSpec(
            "sdr_price",
            "",
            (),
            "Prix d'un DTS dans la monnaie de la source, du mois convenu (par exemple 1.2345). Vide : les montants "
            "restent en DTS, sans prix d'opérateur.",
            "Price of one SDR in the currency of the source, of the month agreed (for instance 1.2345). Empty: charges "
            "stay in SDR, without an operator's price.",
        ),
        OptionSpec("currency", "EUR", (), "Monnaie de ce prix.", "Currency of that price."),
    ),
    pbx_steps_fr=(
        "Convenir avec l'hébergeur ou la chambre de compensation du dépôt des fichiers CDssssrrrrrnnnnn (TD = essais).",
        "Donner à la source le dossier ou l'accès SFTP, motif CD*, et l'option sdr_price du mois.",
        "Inscrire les MSISDN des abonnés comme identifiants de leurs lignes.",
        "Ouvrir le port 22 vers le serveur SFTP, si les fichiers sont cherchés.",
        "Déposer un fichier d'essai (TD) : ses événements sont comptés, aucun n'est facturé.",
    ),
    pbx_steps_en=(
        "Agree with the host or the clearing house on the delivery of files CDssssrrrrrnnnnn (TD = test).",
        "Give the source the folder or the SFTP access, pattern CD*, and the option sdr_price of the month.",
        "Enter the subscribers' MSISDN as identifiers of their lines.",
        "Open port 22 to the SFTP server, when files are fetched.",
        "Drop a test file (TD): its events are counted, none is charged.",
    ),
    traps_fr=(
        "Un événement déjà reçu dans un autre fichier est un doublon, quels que soient ses rangs.",
        "Les n° de fichier se suivent de 00001 à 99999 par couple de réseaux : un trou est une alarme.",
        "Le total et le compte de fin sont comparés à ce qui a été lu : une différence est une alarme.",
        "Les montants sont en DTS (ou dans la monnaie TAP du fichier), avec autant de décimales que le fichier le dit "
        "; le cours du fichier mène à la monnaie du réseau visité, pas à la vôtre.",
        "Les appels reçus (MT) coûtent aussi en itinérance : leur montant est gardé.",
        "Les événements de plus de 30 jours se contestent par un fichier RAP, qu'Ardoise n'écrit pas.",
        "Un opérateur virtuel reçoit le plus souvent un CSV de son hôte : voir les fichiers délimités.",
    ),
    traps_en=(
        "An event already received in another file is a duplicate, whatever its rank.",
        "File numbers follow from 00001 to 99999 for each pair of networks: a hole is an alarm.",
        "The total and the count at the end are compared with what was read: a difference is an alarm.",
        "Charges are in SDR (or the file's TAP currency), with as many decimals as the file says; the file's rate "
        "leads to the currency of the visited network, not to yours.",
        "Received calls (MT) cost too when roaming: their charge is kept.",
        "Events older than 30 days are disputed by a RAP file, which Ardoise does not write.",
        "A virtual operator mostly receives a CSV of its host: see delimited files.",
    ),
    not_proven_fr=(
        "Aucun fichier d'opérateur n'a été lu : des fichiers construits avec les étiquettes de TD.57 3.12.",
        "L'étiquette de l'APN (261), le contenu, la localisation, les messages et sessions IMS (lus comme événements).",
        "RAP, NRTRDE et les notifications ne portent pas d'appel pour Ardoise.",
    ),
    not_proven_en=(
        "No operator's file was read: files built with the tags of TD.57 3.12.",
        "The tag of the APN (261), content, location, IMS messages and sessions (read as events).",
        "RAP, NRTRDE and notifications hold no calls for Ardoise.",
    ),
    sources=(
        "GSMA TD.57, TAP 3.12 (ASN.1 tags)",
        "ITU-T X.690, Basic Encoding Rules",
    ),
)
