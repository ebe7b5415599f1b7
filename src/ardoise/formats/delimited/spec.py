"""What a profile may say: the keys shared with fixed columns, and those of separated ones."""

from ardoise.formats.spec import FieldSpec, FormatSpec, OptionSpec

PROFILE_FIELDS = (
    FieldSpec(
        "file.kind",
        "stream (PBX qui émet), keyed (colonne id) ou cumulative (fichiers)",
        "stream (a PBX that sends), keyed (id column) or cumulative (files)",
    ),
    FieldSpec("file.encoding", "utf-8, cp1252, latin-1 ...", "utf-8, cp1252, latin-1 ..."),
    FieldSpec(
        "file.comment_prefixes", "débuts des lignes qui ne sont pas des appels", "starts of lines that are no calls"
    ),
    FieldSpec(
        "file.event_patterns",
        "mots des en-têtes de page et des totaux : # pour des chiffres, * pour un texte",
        "words of page headings and totals: # for digits, * for any text",
    ),
    FieldSpec(
        "fields.*", "colonne (nom, ou rang depuis 1) de chaque donnée", "column (name, or rank from 1) of each datum"
    ),
    FieldSpec(
        "fields.extension, fields.outside",
        "poste et numéro extérieur : appelant et appelé selon le sens",
        "set and outside number: calling and called by the direction",
    ),
    FieldSpec(
        "start.formats",
        "« iso » ou motifs %d/%m/%Y %H:%M:%S ; sans année, l'année vient du flux",
        "iso, or patterns %d/%m/%Y %H:%M:%S; without a year, the year comes from the stream",
    ),
    FieldSpec(
        "start.says", "start, ou end si l'heure imprimée est celle de la fin", "start, or end when that is printed"
    ),
    FieldSpec(
        "start.zone",
        "local (fuseau de la source), unknown (de même, mais à demander), utc, offset ou minutes_west "
        "(fields.zone : minutes à l'ouest de Greenwich)",
        "local (zone of the source), unknown (the same, but to be asked for), utc, offset or minutes_west "
        "(fields.zone: minutes west of Greenwich)",
    ),
    FieldSpec(
        "fields.answer, fields.end",
        "heures de réponse et de fin ; sans fields.duration, elles donnent la durée",
        "times of answer and end; without fields.duration they give the duration",
    ),
    FieldSpec(
        "fields.kind, kind.values, kind.default",
        "valeurs -> call, sms, mms, data, event",
        "values -> call, sms, mms, data, event",
    ),
    FieldSpec(
        "fields.octets, octets.scale",
        "colonnes additionnées d'une session de données ; 1024 si elles comptent des Kio",
        "columns summed of a data session; 1024 when they count KiB",
        "octets",
    ),
    FieldSpec("fields.messages", "nombre de messages (1 sans colonne)", "number of messages (1 without a column)"),
    FieldSpec(
        "fields.origin", "numéro ou réseau visité dont dépend le prix", "number or visited network the price hangs on"
    ),
    FieldSpec("duration.unit", "s, min, h:m:s, m:s, h:m ou hhmmss", "s, min, h:m:s, m:s, h:m or hhmmss"),
    FieldSpec("duration.decimal, .rounding", "décimale ; arrondi up, down, nearest", "decimal mark; up, down, nearest"),
    FieldSpec("ring.*", "comme duration, pour la sonnerie", "as duration, for ringing"),
    FieldSpec("price.decimal, .thousands", "virgule décimale, milliers", "decimal mark, thousands"),
    FieldSpec("price.scale", "« 0.01 » si le prix est en centimes", "0.01 when the price is in cents"),
    FieldSpec("price.sign", "as_printed, negate ou absolute", "as_printed, negate or absolute"),
    FieldSpec(
        "direction.values, .default",
        "valeurs (« TERM* » : débuts) -> in, out, internal ...",
        "values (TERM*: beginnings) -> in, out, internal ...",
    ),
    FieldSpec(
        "answered.values, answered.except",
        "valeurs de fields.answered qui disent répondu, ou non répondu",
        "values of fields.answered that mean answered, or unanswered",
    ),
    FieldSpec(
        "answered.blank_duration",
        "true si une durée absente est un appel sans réponse",
        "true when a missing duration is an unanswered call",
    ),
    FieldSpec("numbers.replace", "préfixes à réécrire : prefix, by, on, digits_min", "prefixes to rewrite"),
    FieldSpec("events", "colonne et valeurs des lignes de total", "column and values of total lines"),
    FieldSpec("constants.*", "valeurs qui ne sont pas dans le fichier", "values that are not in the file"),
    FieldSpec(
        "extras.*",
        "autres colonnes à garder : text, int, decimal, seconds",
        "other columns to keep: text, int, decimal, seconds",
    ),
    FieldSpec("tests", "lignes d'essai et leur lecture attendue", "test lines and their expected reading"),
)
PROFILE_OPTIONS = (
    OptionSpec("profile", "", (), "Texte TOML du profil (obligatoire).", "TOML text of the profile (required)."),
)

_FIELDS = (
    FieldSpec(
        "file.delimiter, file.quote", "séparateur et guillemet, un caractère", "separator and quote, one character"
    ),
    FieldSpec("file.header, file.header_line", "première ligne de noms ; son texte", "first line of names; its text"),
    FieldSpec("file.columns", "nombre de colonnes attendu sans en-tête", "expected number of columns without a header"),
    *PROFILE_FIELDS,
)

SPEC = FormatSpec(
    name="delimited",
    title="Fichiers délimités (CDR d'opérateurs) / Delimited files",
    summary_fr="Fichiers à séparateur, lus selon un profil TOML gardé avec la source et qui se vérifie lui-même.",
    summary_en="Separated files, read by a TOML profile kept with the source and that checks itself.",
    firmware="-",
    transports=("file", "tail", "sftp", "tcp_server", "tcp_client"),
    default_port=None,
    firewall="le port choisi, si les lignes viennent par TCP / the chosen port, when lines come over TCP",
    kind="cumulative",
    grade="A",
    fields=_FIELDS,
    options=PROFILE_OPTIONS,
    pbx_steps_fr=(
        "Prendre un fichier réel de l'opérateur et noter : séparateur, en-tête, format et fuseau des dates, unité des "
        "durées, décimale et signe des prix.",
        "Faire proposer un profil : ardoise formats new FICHIER, ou la page « Formats » de la console ; le corriger.",
        "Essayer : ardoise parse --format delimited --profile PROFIL.toml FICHIER.",
        "Donner le profil à la source.",
    ),
    pbx_steps_en=(
        "Take a real file of the operator and note: separator, header, format and zone of dates, unit of durations, "
        "decimal mark and sign of prices.",
        "Have a profile proposed: ardoise formats new FILE, or the page Formats of the console; correct it.",
        "Try it: ardoise parse --format delimited --profile PROFILE.toml FILE.",
        "Give the profile to the source.",
    ),
    traps_fr=(
        "Durée réelle ou facturée : fields.duration prend la conversation, extras garde l'autre.",
        "Prix hors taxe ou TTC : le profil ne convertit rien ; l'accord commercial le dit.",
        "UTC ou heure de Paris : un mauvais fuseau décale les bascules de tranche et la nuit du changement d'heure.",
        "Un fichier renvoyé sous le même nom avec plus de lignes : cumulative, ou keyed s'il y a un identifiant.",
        "Les quatre derniers chiffres peuvent être masqués ; le numéro est gardé tel que reçu.",
        "Un champ entre guillemets ne peut pas contenir de fin de ligne.",
    ),
    traps_en=(
        "Real or billed duration: give talk time to fields.duration, keep the other in extras.",
        "Price without or with tax: the profile converts nothing; the contract says which.",
        "UTC or Paris time: a wrong zone shifts the rate bands and the night of the clock change.",
        "A file sent again under the same name with more lines: kind = cumulative, or keyed when it has an id.",
        "The last four digits may be masked; the number is kept as received.",
        "A quoted field cannot hold a line end.",
    ),
)
