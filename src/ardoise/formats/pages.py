"""The manual page of each format, made from its spec: what is written beside the parser is what the reader sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ardoise.formats.spec import Format, FormatSpec

LANGUAGES = ("fr", "en")


class UnknownLanguage(ValueError):
    """Pages exist in French and English only."""


@dataclass(frozen=True, slots=True)
class _Words:
    generated: str
    firmware: str
    transport: str
    port: str
    firewall: str
    buffer: str
    sequence: str
    kind: str
    grade: str
    steps: str
    options: str
    option: str
    default: str
    choices: str
    meaning: str
    fields: str
    field: str
    unit: str
    traps: str
    not_proven: str
    sources: str
    free_text: str
    index: str
    transports: Mapping[str, str]
    kinds: Mapping[str, str]
    grades: Mapping[str, str]


_FR = _Words(
    generated="Page produite à partir de la description du format : ne pas la modifier à la main.",
    firmware="Versions",
    transport="Transport",
    port="Port habituel",
    firewall="Pare-feu",
    buffer="Tickets gardés par le PBX, d’usine",
    sequence="Compteur suivi (un trou est une alarme)",
    kind="Doublons",
    grade="Degré de certitude",
    steps="Réglages pas à pas",
    options="Options de la source",
    option="Option",
    default="Défaut",
    choices="Valeurs",
    meaning="Sens",
    fields="Données lues",
    field="Champ",
    unit="Unité",
    traps="Pièges",
    not_proven="Ce qui n'est pas encore prouvé",
    sources="Sources",
    free_text="texte libre",
    index="Formats de tickets",
    transports={
        "tcp_server": "TCP, le PBX se connecte à Ardoise",
        "tcp_client": "TCP, Ardoise se connecte au PBX",
        "file": "fichier",
        "tail": "fichier suivi pendant qu'il s'écrit",
        "sftp": "SFTP, Ardoise va chercher les fichiers",
        "https": "HTTPS, Ardoise interroge le service",
        "webhook": "HTTPS, le service envoie à Ardoise",
        "radius": "RADIUS (comptabilité), Ardoise est le serveur",
    },
    kinds={
        "stream": "flux : seule la répétition du dernier bloc après une reconnexion est un doublon",
        "keyed": "à clé : l'identifiant de l'émetteur fait foi",
        "cumulative": "cumulatif : un fichier renvoyé plus long complète le précédent (ou à clé, selon le profil)",
    },
    grades={
        "A": "A, prouvé par des lignes réelles",
        "A/B": "A/B, prouvé en partie par des lignes réelles",
        "B": "B, d'après le constructeur",
        "C": "C, partiel",
    },
)
_EN = _Words(
    generated="Page made from the description of the format: do not edit it by hand.",
    firmware="Versions",
    transport="Transport",
    port="Usual port",
    firewall="Firewall",
    buffer="Tickets that the PBX keeps, as delivered",
    sequence="Counter that is followed (a hole is an alarm)",
    kind="Duplicates",
    grade="How sure it is",
    steps="Set-up, step by step",
    options="Options of the source",
    option="Option",
    default="Default",
    choices="Values",
    meaning="Meaning",
    fields="What is read",
    field="Field",
    unit="Unit",
    traps="Traps",
    not_proven="What is not proven yet",
    sources="Sources",
    free_text="free text",
    index="Ticket formats",
    transports={
        "tcp_server": "TCP, the PBX connects to Ardoise",
        "tcp_client": "TCP, Ardoise connects to the PBX",
        "file": "file",
        "tail": "file followed while it grows",
        "sftp": "SFTP, Ardoise fetches the files",
        "https": "HTTPS, Ardoise asks the service",
        "webhook": "HTTPS, the service posts to Ardoise",
        "radius": "RADIUS accounting, Ardoise is the server",
    },
    kinds={
        "stream": "stream: only a repeat of the last block after a reconnection is a duplicate",
        "keyed": "keyed: the sender's own id decides",
        "cumulative": "cumulative: a longer file sent again completes the first (or keyed, by its profile)",
    },
    grades={
        "A": "A, proven by real lines",
        "A/B": "A/B, proven in part by real lines",
        "B": "B, from the vendor's text",
        "C": "C, partial",
    },
)
_WORDS = {"fr": _FR, "en": _EN}


def render_page(spec: FormatSpec, language: str) -> str:
    """The page of a format in Markdown, `language` "fr" or "en". Raises UnknownLanguage."""
    words = _words(language)
    french = language == "fr"
    parts = [
        f"# {spec.title}",
        f"*{words.generated}*",
        spec.summary_fr if french else spec.summary_en,
        _facts(spec, words),
        _numbered(words.steps, spec.pbx_steps_fr if french else spec.pbx_steps_en),
        _options(spec, words, french=french),
        _fields(spec, words, french=french),
        _bullets(words.traps, spec.traps_fr if french else spec.traps_en),
        _bullets(words.not_proven, spec.not_proven_fr if french else spec.not_proven_en),
        _bullets(words.sources, spec.sources),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_index(formats: Iterable[Format], language: str) -> str:
    """The list of the formats, each with a link to its page. Raises UnknownLanguage."""
    words = _words(language)
    rows = [
        f"- [{chosen.spec.title}]({page_name(chosen.spec, language)}): "
        f"{chosen.spec.summary_fr if language == 'fr' else chosen.spec.summary_en}"
        for chosen in formats
    ]
    return "\n".join([f"# {words.index}", "", f"*{words.generated}*", "", *rows]) + "\n"


def page_name(spec: FormatSpec, language: str) -> str:
    return f"{spec.name}.{language}.md"


def all_pages(formats: Mapping[str, Format]) -> dict[str, str]:
    """File name -> text of every page and index, in both languages."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        pages[f"README.{language}.md"] = render_index(formats.values(), language)
        pages |= {page_name(one.spec, language): render_page(one.spec, language) for one in formats.values()}
    return pages


def _words(language: str) -> _Words:
    if language not in _WORDS:
        raise UnknownLanguage(f"No page in {language!r}; expected one of {', '.join(LANGUAGES)}.")
    return _WORDS[language]


def _facts(spec: FormatSpec, words: _Words) -> str:
    facts = [
        (words.firmware, spec.firmware),
        (words.transport, " ; ".join(words.transports[name] for name in spec.transports)),
        (words.port, "-" if spec.default_port is None else f"TCP {spec.default_port}"),
        (words.firewall, spec.firewall),
        (words.buffer, str(spec.buffer_tickets or "")),
        (words.sequence, f"`{spec.sequence}`" if spec.sequence else ""),
        (words.kind, words.kinds[spec.kind]),
        (words.grade, words.grades[spec.grade]),
    ]
    rows = (f"| {name} | {_cell(value)} |" for name, value in facts if value)
    return "\n".join(["| | |", "|---|---|", *rows])


def _options(spec: FormatSpec, words: _Words, *, french: bool) -> str:
    if not spec.options:
        return ""
    head = [f"## {words.options}", ""]
    head += [f"| {words.option} | {words.default} | {words.choices} | {words.meaning} |", "|---|---|---|---|"]
    rows = [
        f"| `{option.name}` | {_cell(option.default) or '-'} | {', '.join(option.choices) or words.free_text} "
        f"| {_cell(option.meaning_fr if french else option.meaning_en)} |"
        for option in spec.options
    ]
    return "\n".join(head + rows)


def _fields(spec: FormatSpec, words: _Words, *, french: bool) -> str:
    head = [f"## {words.fields}", "", f"| {words.field} | {words.meaning} | {words.unit} |", "|---|---|---|"]
    rows = [
        f"| `{field.name}` | {_cell(field.meaning_fr if french else field.meaning_en)} | {field.unit} |"
        for field in spec.fields
    ]
    return "\n".join(head + rows)


def _numbered(title: str, items: Iterable[str]) -> str:
    rows = [f"{number}. {item}" for number, item in enumerate(items, start=1)]
    return "\n".join([f"## {title}", "", *rows]) if rows else ""


def _bullets(title: str, items: Iterable[str]) -> str:
    rows = [f"- {item}" for item in items]
    return "\n".join([f"## {title}", "", *rows]) if rows else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
