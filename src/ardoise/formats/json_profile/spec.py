"""What a profile of JSON records may say."""

from ardoise.formats.delimited.spec import PROFILE_FIELDS, PROFILE_OPTIONS
from ardoise.formats.spec import FieldSpec, FormatSpec

_FIELDS = (
    FieldSpec("file.layout", "toujours « json »", "always json"),
    FieldSpec(
        "fields.* (json)",
        "chemin de clés de chaque donnée : « from.number »",
        "path of keys of each datum: from.number",
    ),
    *PROFILE_FIELDS,
)

SPEC = FormatSpec(
    name="json_profile",
    title="JSON (interface d'un opérateur) / JSON records",
    summary_fr="Enregistrements JSON, seuls ou en pages, lus selon un profil TOML gardé avec la source et qui se "
    "vérifie lui-même : une nouvelle interface n'exige aucun code.",
    summary_en="JSON records, alone or in pages, read by a TOML profile kept with the source and that checks itself: a "
    "new interface needs no code.",
    firmware="-",
    transports=("https", "webhook", "file", "sftp"),
    default_port=443,
    firewall="TCP 443 (Ardoise -> service)",
    kind="keyed",
    grade="A",
    fields=_FIELDS,
    options=PROFILE_OPTIONS,
    pbx_steps_fr=(
        "Demander à l'opérateur l'adresse qui donne les appels d'une période, et un accès en lecture.",
        "Prendre une page réelle ; écrire le profil : layout = « json », le chemin de chaque donnée, une ligne d'essai "
        "et sa lecture attendue.",
        "Essayer : ardoise parse --format json_profile --profile PROFIL.toml PAGE.json.",
        "Source Ardoise : transport https, service api ; dans link : url avec {from}, {to} et {page}, records, auth, "
        "next ; voir docs/how-to/ask-a-service.md.",
    ),
    pbx_steps_en=(
        "Ask the operator for the address that gives the calls of a period, and a read access.",
        'Take a real page; write the profile: layout = "json", the path of each datum, a test line and its expected '
        "reading.",
        "Try it: ardoise parse --format json_profile --profile PROFILE.toml PAGE.json.",
        "Ardoise source: transport https, service api; in link: url with {from}, {to} and {page}, records, auth, "
        "next; see docs/how-to/ask-a-service.md.",
    ),
    traps_fr=(
        "Les enregistrements d'une page sont sa première liste d'objets : une page qui en porte une autre avant "
        "(liens, filtres) n'est pas lue ainsi.",
        "Un enregistrement reçu seul (webhook) ne doit pas contenir de liste d'objets.",
        "kind vaut keyed : fields.id doit être l'identifiant que l'opérateur ne réemploie jamais.",
        "Les nombres gardent leurs décimales ; true et false se lisent « true » et « false ».",
    ),
    traps_en=(
        "The records of a page are its first list of objects: a page that has another one before (links, filters) is "
        "not read this way.",
        "A record received alone (webhook) must not hold a list of objects.",
        "kind is keyed: fields.id must be the id that the operator never uses again.",
        'Numbers keep their decimals; true and false are read "true" and "false".',
    ),
)
