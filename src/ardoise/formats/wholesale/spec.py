"""What must be known about the call files of wholesale carriers."""

from ardoise.formats.delimited.shipped import profiles_of
from ardoise.formats.layouts import layout_option
from ardoise.formats.spec import FieldSpec, FormatSpec

PROFILES = profiles_of("ardoise.formats.wholesale")

SPEC = FormatSpec(
    name="wholesale",
    title="Opérateurs de gros / Wholesale carriers",
    summary_fr="Fichiers CDR de Sansay VSX et VoIP Innovations ; chaque forme est un profil TOML, sans code.",
    summary_en="CDR files of Sansay VSX and VoIP Innovations; each layout is a TOML profile, without code.",
    firmware="Sansay VSX V1.10 ; VoIP Innovations",
    transports=("file", "sftp"),
    default_port=None,
    firewall="TCP 22 (Ardoise -> opérateur / carrier, SFTP)",
    kind="cumulative",
    grade="B",
    fields=(
        FieldSpec(
            "start, answer, end", "heures ; UTC si le fichier dit son fuseau", "times; UTC when the file says its zone"
        ),
        FieldSpec(
            "duration_s", "conversation (Sansay : de la réponse à la fin)", "talk (Sansay: from answer to end)", "s"
        ),
        FieldSpec("calling, called", "numéros tels que reçus", "numbers as received"),
        FieldSpec(
            "direction",
            "TERM* sortant, ORIG* entrant ; Sansay : sortant",
            "TERM* outgoing, ORIG* incoming; Sansay: outgoing",
        ),
        FieldSpec("timezone", "« unknown: ask » : le fuseau n'est pas dit", "unknown: ask, the zone is not said"),
        FieldSpec("trunk", "Sansay : TrunkID d'origine (le client)", "Sansay: originating TrunkID (the customer)"),
        FieldSpec("operator_price, carrier_cost", "VoIP Innovations : CallPrice", "VoIP Innovations: CallPrice", "USD"),
        FieldSpec(
            "billed_s",
            "VoIP Innovations : BillDuration, après palier",
            "VoIP Innovations: BillDuration, by increments",
            "s",
        ),
        FieldSpec("call_id", "VoIP Innovations : TransactionId", "VoIP Innovations: TransactionId"),
        FieldSpec("sequence, session", "Sansay : numéro du ticket ; session", "Sansay: number of the record; session"),
        FieldSpec(
            "release_cause, released_by",
            "Sansay : cause, côté qui raccroche (O, T, N)",
            "Sansay: cause, side that hung up (O, T, N)",
        ),
        FieldSpec(
            "call_type, base_price, customer_ip, routing_number, rate_deck",
            "autres colonnes, telles quelles",
            "other columns, as they are",
        ),
    ),
    options=(layout_option(tuple(PROFILES)),),
    pbx_steps_fr=(
        "Demander à l'opérateur un accès SFTP ou FTPS à ses fichiers journaliers, et leur fuseau horaire.",
        "VoIP Innovations : customercdr.voipinnovations.com (FTPS), un dossier par jour ; copier les fichiers dans le "
        "dossier de la source.",
        "Sansay VSX : System > CDR Configuration ; record format: V1.10 ; FTP push vers le serveur, toutes les 5 "
        "minutes.",
        "Dans la source Ardoise : format wholesale, option layout, fuseau de la source, opérateur.",
        "Autre opérateur : format delimited et un profil (ardoise formats new FICHIER le propose).",
        "Port 22 ouvert d'Ardoise vers l'opérateur ; essayer : ardoise parse --format wholesale FICHIER.",
    ),
    pbx_steps_en=(
        "Ask the carrier for an SFTP or FTPS access to its daily files, and for their time zone.",
        "VoIP Innovations: customercdr.voipinnovations.com (FTPS), a folder a day; copy the files into the folder of "
        "the "
        "source.",
        "Sansay VSX: System > CDR Configuration; record format: V1.10; FTP push to the server, every 5 minutes.",
        "In the Ardoise source: format wholesale, option layout, zone of the source, operator.",
        "Another carrier: format delimited and a profile (ardoise formats new FILE proposes one).",
        "Port 22 open from Ardoise to the carrier; try: ardoise parse --format wholesale FILE.",
    ),
    traps_fr=(
        "Durée réelle ou facturée : la conversation est prise, la durée facturée est gardée à côté.",
        "Sansay imprime l'heure du commutateur et son écart à Greenwich : c'est lui qui donne l'UTC.",
        "Sansay : la durée imprimée peut ne pas être la différence des heures ; les heures font foi.",
        "VoIP Innovations ne dit pas le fuseau de ses heures : le demander, et le mettre à la source.",
        "Un fichier renvoyé avec plus de lignes complète le premier ; une ligne corrigée est un appel de plus : garder "
        "alors le profil dans une source delimited, kind = keyed.",
        "Un type d'appel inconnu va en quarantaine : il n'est pas facturé au hasard.",
    ),
    traps_en=(
        "Real or billed duration: talk is taken, the billed duration is kept beside it.",
        "Sansay prints the time of the switch and how far west of Greenwich it is: that gives UTC.",
        "Sansay: the duration printed may not be the difference of the times; the times are believed.",
        "VoIP Innovations does not say the zone of its times: ask, and set it on the source.",
        "A file sent again with more lines completes the first; a corrected line is one call more: keep the profile in "
        "a delimited source then, kind = keyed.",
        "An unknown type of call goes to quarantine: it is not billed at random.",
    ),
    not_proven_fr=(
        "VoIP Innovations : noms des colonnes connus, valeurs reconstruites ; ORIG* est supposé.",
        "Sansay : une seule ligne réelle (2003), d'un appel répondu ; heure de réponse d'un échec inconnue.",
        "Menus de Sansay : de mémoire.",
    ),
    not_proven_en=(
        "VoIP Innovations: names of columns known, values rebuilt; ORIG* is assumed.",
        "Sansay: a single real line (2003), of an answered call; answer time of a failed one unknown.",
        "Menus of Sansay: from memory.",
    ),
    sources=("Freeside, FS/cdr/sansay.pm and voip_innovations.pm (field lists)",),
)
