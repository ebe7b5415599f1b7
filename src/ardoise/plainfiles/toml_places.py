"""Where things stand in a TOML file: the standard reader gives values without their lines, and errors need lines.

Places are named "calendar[0].rule[2]"; "" is the top of the file. Only headers and keys at the start of a line are
found (what people write); a key inside an inline table is placed on the line of its table.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field

_HEADER = re.compile(r"^\s*(\[\[|\[)\s*([A-Za-z0-9_.\s\"'-]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*[\"']?([A-Za-z0-9_-]+)[\"']?\s*=")
_MULTILINE = re.compile(r'"""|' + "'''")


@dataclass(slots=True)
class Places:
    headers: dict[str, int] = field(default_factory=dict)
    keys: dict[str, dict[str, int]] = field(default_factory=dict)

    def line(self, place: str) -> int:
        """The line of a header, or of a key at the top."""
        return self.headers.get(place) or self.keys.get("", {}).get(place, 1)

    def keys_of(self, place: str) -> dict[str, int]:
        return self.keys.get(place, {})


def places_of(text: str) -> Places:
    """Find the headers and keys of a TOML text."""
    places = Places(keys={"": {}})
    counts: Counter[str] = Counter()
    place, inside = "", False
    for number, line in enumerate(text.split("\n"), start=1):
        if len(_MULTILINE.findall(line)) % 2:
            if not inside and (key := _KEY.match(line)):
                places.keys[place].setdefault(key[1], number)
            inside = not inside
        elif inside:
            continue
        elif header := _HEADER.match(line):
            place = _place(header[2].replace('"', "").split("."), counts, is_array=header[1] == "[[")
            places.headers.setdefault(place, number)
            places.keys.setdefault(place, {})
            if header[1] == "[" and "." in place:  # [source.options]: also a key of its source
                parent, _, word = place.rpartition(".")
                places.keys.setdefault(parent, {}).setdefault(word, number)
        elif key := _KEY.match(line):
            places.keys[place].setdefault(key[1], number)
    return places


def _place(words: list[str], counts: Counter[str], *, is_array: bool) -> str:
    """The place a header opens: the parent is the last table of its array."""
    place = ""
    for word in words[:-1]:
        path = f"{place}.{word.strip()}" if place else word.strip()
        place = f"{path}[{counts[path] - 1}]" if counts[path] else path
    path = f"{place}.{words[-1].strip()}" if place else words[-1].strip()
    if not is_array:
        return path
    counts[path] += 1
    return f"{path}[{counts[path] - 1}]"


def line_of_error(error: tomllib.TOMLDecodeError) -> int:
    """The line a TOML error names; 0 at the end of the file."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else 0
