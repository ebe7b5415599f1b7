"""A deck as values: its rows, what each says, and how it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from ardoise.catalog.decks.layout import Layout

ZERO: Final = Decimal(0)


class Key(NamedTuple):
    """What a row of a version is found by: one row a key. The fields are those of `catalog.models.Rate`."""

    prefix: str
    exact: bool = False
    band: str = ""
    kind: str = "call"
    origin: str = ""


class Terms(NamedTuple):
    """What a row costs, the other fields of `catalog.models.Rate`."""

    price_per_min: Decimal | None = None
    price: Decimal | None = None
    per: int = 1
    first_s: int = 1
    next_s: int = 1
    steps: str = ""
    connection_fee: Decimal = ZERO
    minimum: Decimal = ZERO
    maximum: Decimal | None = None
    free_s: int = 0
    surcharge: Decimal = ZERO
    surcharge_at_s: int = 0
    surcharge_every_s: int = 0
    attempt_fee: Decimal = ZERO
    coefficient: Decimal | None = None
    added_s: int = 0
    raised_above_s: int = 0
    raised_to_s: int = 0
    service_price: Decimal = ZERO
    service_per: str = ""


class Priced(NamedTuple):
    """A row of a version: the code of its zone, and its terms."""

    zone: str
    terms: Terms


class Destination(NamedTuple):
    """How a deck names where a row leads: the code of a zone, or a name in one language or two."""

    zone: str
    name: str
    name_en: str


class Entry(NamedTuple):
    """One row of a deck (several when a cell holds several codes or a column each band).

    `terms` None: the row is gone from `from_date` on, says the deck. `to_date` is the first day after (None: open).
    `says_increments`: those of the terms stand in the deck or were given with it, else they are the usual 1/1.
    """

    line: int
    key: Key
    destination: Destination
    terms: Terms | None
    from_date: date
    to_date: date | None
    says_increments: bool = True


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """One line of the mapping shown: a field, the header it was read from, and how it was known."""

    field: str
    header: str
    how: str  # found, given, remembered


@dataclass(frozen=True, slots=True)
class Deck:
    file: str
    sheet: str
    entries: tuple[Entry, ...]
    columns: tuple[ReadColumn, ...]
    unread: tuple[str, ...]  # headers of columns left aside
    notes: tuple[str, ...]
    layout: Layout  # as it was used: what to remember of the supplier
    separator: str = ""
