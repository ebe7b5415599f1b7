"""Names of documents: invoice numbers (BT-1) from a pattern, file names that every system accepts.

Taking the next number, gapless and chronological, is the business of `bill`; here a pattern and its values give a text.
Worked table: docs/algorithms/numbers-of-documents.md.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from string import Formatter

BT1_MAX = 35  # BR-FR-01
_BT1 = re.compile(r"[A-Za-z0-9+\-_/]+")  # BR-FR-02
_SPEC = re.compile(r"(0?[1-9]\d?d?)?")
FILE_NAME_MAX_BYTES = 180  # room for a folder and an extension below the 255 bytes of a file system
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_RESERVED = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{port}{i}" for port in ("COM", "LPT") for i in range(10))})


class BadPattern(ValueError):
    """A number or file-name pattern that cannot work; the message says what to write."""


def is_bt1(number: str) -> bool:
    """Whether a text may be an invoice number: at most 35 letters, digits and + - _ / (BR-FR-01, BR-FR-02)."""
    return 0 < len(number) <= BT1_MAX and bool(_BT1.fullmatch(number))


def format_number(pattern: str, *, year: int, month: int, sequence: int) -> str:
    """The number of a document: "FA{year}-{seq:05d}" and sequence 42 of 2026 give "FA2026-00042".

    Placeholders: {year}, {yy}, {month}, {seq}; {seq} is mandatory. A sequence too long for its zeros simply takes more
    digits. Raises BadPattern when the result may not be an invoice number.
    """
    if sequence < 1:
        raise BadPattern(f"a document sequence starts at 1, not {sequence}")
    values = {"year": year, "yy": year % 100, "month": month, "seq": sequence}
    names = _fields(pattern, values)
    if "seq" not in names:
        raise BadPattern(f"« {pattern} » would give every document the same number; add {{seq:05d}}")
    number = pattern.format_map(values)
    if not is_bt1(number):
        raise BadPattern(
            f"« {number} » may not be an invoice number: at most {BT1_MAX} characters, only letters without accents, "
            "digits and + - _ / (no space, no dot); change the pattern « " + pattern + " »"
        )
    return number


def _fields(pattern: str, values: Mapping[str, object]) -> set[str]:
    """The placeholders of a pattern, all known, with at most a width ("05d")."""
    names = set()
    try:
        parsed = list(Formatter().parse(pattern))
    except ValueError as error:
        raise BadPattern(
            f"« {pattern} » is not a pattern ({error}); write for example FA{{year}}-{{seq:05d}}"
        ) from error
    for _, name, spec, conversion in parsed:
        if name is None:
            continue
        if name not in values or conversion:
            known = ", ".join(f"{{{key}}}" for key in sorted(values))
            raise BadPattern(f"« {pattern} »: unknown placeholder {{{name}}}; the known ones are {known}")
        if not _SPEC.fullmatch(spec or "") or (spec and not isinstance(values[name], int)):
            raise BadPattern(f"« {pattern} »: « {spec} » is not a width; write for example {{{name}:05d}} for a number")
        names.add(name)
    return names


def file_name(pattern: str = "{issuer} {customer} {month}", *, extension: str = "", **values: str | int) -> str:
    """A file name from a pattern, safe on Windows, macOS and Linux; `extension` ("pdf") is never cut.

    What no system accepts becomes "-"; names reserved by Windows get a "_"; accents stay (NFC). Raises BadPattern for
    an unknown placeholder or an empty result.
    """
    _fields(pattern, values)
    name = unicodedata.normalize("NFC", pattern.format_map(values))
    name = " ".join(_FORBIDDEN.sub("-", name.replace("\t", " ").replace("\n", " ")).split()).strip(" .")
    if not name.strip("-_ "):
        raise BadPattern(
            f"« {pattern} » gives an empty file name with these values; add a placeholder such as {{number}}"
        )
    if name.split(".")[0].upper().rstrip() in _RESERVED:
        name = f"_{name}"
    suffix = f".{extension}" if extension else ""
    while len((name + suffix).encode()) > FILE_NAME_MAX_BYTES:
        name = name[:-1].rstrip(" .")
    return name + suffix
