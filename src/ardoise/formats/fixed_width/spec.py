"""What a profile of fixed columns may say."""

from ardoise.formats.delimited.spec import PROFILE_FIELDS, PROFILE_OPTIONS
from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("file.layout", "toujours « fixed »", "always fixed"),
    FieldSpec(
        "columns.*",
        "place de chaque colonne : [première depuis 1, largeur]",
        "place of each column: [first from 1, width]",
    ),
    FieldSpec(
        "file.header_line",
        "texte d'une ligne de titres, si elle revient telle quelle",
        "text of a line of titles, when it comes back as it is",
    ),
    *PROFILE_FIELDS,
)

SPEC = FormatSpec(
    name="fixed_width",
    title="Colonnes fixes (PBX sans format à lui) / Fixed columns",
    summary_fr="Lignes à colonnes fixes, lues selon un profil TOML gardé avec la source et qui se vérifie lui-même : "
    "un "
    "nouveau PBX n'exige aucun code.",
    summary_en="Lines of fixed columns, read by a TOML profile kept with the source and that checks itself: a new PBX "
    "needs no code.",
    firmware="-",
    transports=("tcp_server", "tcp_client", "file", "tail", "sftp"),
    default_port=None,
    firewall="le port choisi, entre le PBX et Ardoise / the chosen port, between the PBX and Ardoise",
    kind="stream",
    grade="A",
    fields=_FIELDS,
    options=PROFILE_OPTIONS,
    pbx_steps_fr=(
        "Relever dans le manuel du PBX les colonnes de sa sortie SMDR / CDR, et prendre une page réelle.",
        "Faire proposer un profil : ardoise formats new FICHIER, ou la page « Formats » de la console ; corriger les "
        "places et les noms.",
        "Essayer : ardoise parse --format fixed_width --profile PROFIL.toml FICHIER.",
        "Donner le profil à la source, son transport et son port ; ouvrir ce port dans le pare-feu.",
    ),
    pbx_steps_en=(
        "Note the columns of the PBX's SMDR / CDR output in its manual, and take a real page.",
        "Have a profile proposed: ardoise formats new FILE, or the page Formats of the console; correct places and "
        "names.",
        "Try it: ardoise parse --format fixed_width --profile PROFILE.toml FILE.",
        "Give the profile to the source, its transport and its port; open that port in the firewall.",
    ),
    traps_fr=(
        "Les colonnes se comptent en caractères, la première est 1 ; une colonne non déclarée n'est pas lue.",
        "Une option du PBX qui déplace les colonnes envoie les lignes en quarantaine : dates et durées ne s'y lisent "
        "plus.",
        "Deux appels de la même minute ne sont pas un doublon : sur un flux, seule la répétition d'un bloc en est un.",
        "Une année absente vient du flux et de l'heure d'arrivée.",
    ),
    traps_en=(
        "Columns are counted in characters, the first is 1; a column that is not declared is not read.",
        "A PBX option that moves the columns sends the lines to quarantine: no date or duration can be read there.",
        "Two calls of the same minute are no duplicate: on a stream only a repeated block is one.",
        "A missing year comes from the stream and the time of arrival.",
    ),
)
