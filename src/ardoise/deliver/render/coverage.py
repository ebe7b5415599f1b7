"""Which characters the documents' font can print, and what replaces the others.

A PDF/A must not contain a character its font does not have, and a customer may be called anything: an invoice already
numbered may not fail on a name.
"""

from __future__ import annotations

import json
import re
import struct
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

UNPRINTABLE = "□"
_ESCAPED_CONTROL = re.compile(r"\\u00[01][0-9a-f]")


@cache
def covered(font: Path) -> frozenset[int]:
    """Code points of a TrueType font, from its `cmap` table (format 4: the characters up to U+FFFF)."""
    data = font.read_bytes()
    (tables,) = struct.unpack_from(">H", data, 4)
    start = next(
        offset
        for tag, _, offset, _ in (struct.unpack_from(">4sIII", data, 12 + 16 * i) for i in range(tables))
        if tag == b"cmap"
    )
    (count,) = struct.unpack_from(">H", data, start + 2)
    for i in range(count):
        (relative,) = struct.unpack_from(">I", data, start + 8 + 8 * i)
        if struct.unpack_from(">H", data, start + relative) == (4,):
            return frozenset(_format_4(data, start + relative))
    raise ValueError(f"{font.name} has no character map of format 4; use a font made as fonts/README.md tells")


def _format_4(data: bytes, at: int) -> list[int]:
    segments = struct.unpack_from(">H", data, at + 6)[0] // 2
    ends = struct.unpack_from(f">{segments}H", data, at + 14)
    starts = struct.unpack_from(f">{segments}H", data, at + 16 + 2 * segments)
    return [
        point for first, last in zip(starts, ends, strict=True) for point in range(first, last + 1) if point < 0xFFFF
    ]


def printable_json(data: Mapping[str, Any], *, font: Path) -> str:
    """`data` as compact JSON in which every character can be printed with `font`."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if _ESCAPED_CONTROL.search(text):
        text = json.dumps(_without_controls(data), ensure_ascii=False, separators=(",", ":"))
    known = covered(font)
    foreign = {ord(char) for char in set(text)} - known
    return text.translate({point: _replacement(chr(point), known) for point in foreign}) if foreign else text


def _replacement(char: str, known: frozenset[int]) -> str:
    """The nearest the font has: compatibility form ("ﬁ" -> "fi"), then without accents, then a box."""
    for form in ("NFKC", "NFKD"):
        candidate = "".join(c for c in unicodedata.normalize(form, char) if not unicodedata.combining(c))
        if candidate and candidate not in ('"', "\\") and all(ord(c) in known for c in candidate):
            return candidate
    return "" if unicodedata.category(char) in ("Cf", "Mn", "Me") else UNPRINTABLE


def _without_controls(value: Any) -> Any:
    """Tabs and line ends become spaces, other control characters go."""
    if isinstance(value, str):
        return "".join(" " if c in "\t\n\r" else c for c in value if c in "\t\n\r" or unicodedata.category(c) != "Cc")
    if isinstance(value, Mapping):
        return {key: _without_controls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_controls(item) for item in value]
    return value
