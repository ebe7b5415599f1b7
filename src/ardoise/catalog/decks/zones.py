"""From the names of destinations in a deck to zones: those that exist, and those to create."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from django.utils.text import slugify

from ardoise.catalog.decks.deck import Destination

LONGEST_CODE = 40


class KnownZone(NamedTuple):
    code: str
    label_fr: str
    label_en: str


def zone_code(name: str) -> str:
    """The code of a destination: its name in plain letters, cut where it is long so that two never become one."""
    code = slugify(name)
    if code and len(code) <= LONGEST_CODE:
        return code
    mark = hashlib.sha256(name.casefold().encode()).hexdigest()[:6]
    return f"{code[: LONGEST_CODE - 7].rstrip('-') or 'zone'}-{mark}"


def place(
    destinations: Iterable[Destination], known: Iterable[KnownZone]
) -> tuple[dict[Destination, str], list[KnownZone]]:
    """The zone code of each destination, and the zones to create. A zone is known by its code or either label."""
    by_name: dict[str, str] = {}
    for zone in known:
        for name in (zone.label_en, zone.label_fr, zone.code):
            by_name[name.casefold()] = zone.code
    codes: dict[Destination, str] = {}
    created: dict[str, KnownZone] = {}
    for destination in dict.fromkeys(destinations):
        word = destination.zone or destination.name
        code = by_name.get(word.casefold()) or by_name.get(zone_code(word))
        if code is None:
            code = zone_code(word)
            label = destination.name or destination.zone
            created[code] = KnownZone(code, label, destination.name_en or label)
            by_name[code] = code
        codes[destination] = code
    return codes, list(created.values())
