"""What each row of a deck is about: the codes it prices and the name of where they lead."""

from __future__ import annotations

from ardoise.catalog.decks import cells
from ardoise.catalog.decks.deck import Destination
from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.sheets import Figure
from ardoise.catalog.decks.table import Table
from ardoise.core.wording import counted

LONGEST_NAME = 80  # of a label of a zone


def codes_of(table: Table, *, country: str) -> list[tuple[str, ...]]:
    """The prefixes of each row, from one column or two; `country` as in `Layout`."""
    table.is_split = not table.has("area_code") and _is_split_in_two(table)
    if table.has("area_code") or table.is_split:
        return _codes_of_two_columns(table, "area_code" if table.has("area_code") else "prefix")
    name = "prefix" if table.has("prefix") else "country_code"
    written = table.cells(name)
    lists = any(map(cells.is_certain_list, written))
    if figures := sum(cell.__class__ is Figure for cell in written):
        are = "is a number" if figures == 1 else "are numbers"
        table.notes.append(f"{counted(figures, 'code')} {are} for the workbook, read as whole numbers")
    nothing: tuple[str, ...] = ()
    found = table.read(name, lambda cell: cells.read_codes(cell, country=country, lists=lists), empty=nothing)
    for row, cell in enumerate(written):
        if not cell:
            table.refuse(row, name, "", "the code is empty; write it, or take the price away")
    return found


def _is_split_in_two(table: Table) -> bool:
    """A calling code beside a code: are codes whole, or what follows? All of them alike, or it must be said."""
    if not table.has("country_code", "prefix") or "prefix" in table.columns.given:
        return False
    pairs = list(zip(table.cells("country_code"), table.cells("prefix"), strict=True))
    follows = [row for row, (calling, code) in enumerate(pairs) if not _digits(code).startswith(_digits(calling))]
    if 0 < len(follows) < len(pairs):
        calling, code = pairs[follows[0]]
        header = table.columns.names["prefix"]
        message = (
            f"does not start with the calling code « {calling} » as codes of other rows do: are codes whole? "
            f'say --column prefix="{header}" (whole) or --column area_code="{header}" (what follows)'
        )
        table.refuse(follows[0], "prefix", code, message)
    return bool(follows)


def _digits(cell: str) -> str:
    return cell.removeprefix("+").removeprefix("00")


def _codes_of_two_columns(table: Table, second: str) -> list[tuple[str, ...]]:
    """Calling code and what follows; where nothing follows, the row is for the whole country."""
    if not table.has("country_code"):
        table.refuse(None, second, "", "has no calling code beside it; say --column country_code=HEADER")
        return [()] * len(table)
    found = []
    calling = table.cells("country_code")
    for row, (country, written) in enumerate(zip(calling, table.cells(second), strict=True)):
        column = "country_code"
        try:
            stems = cells.read_codes(country, country="", lists=True)
            if len(stems) != 1:
                raise NotRead("is not one calling code; write one, for example 33")
            column = second
            stem = stems[0].removeprefix("+")
            found.append(cells.read_codes(written, country="", lists=True, stem=stem) if written else stems)
        except NotRead as error:
            table.refuse(row, column, country if column == "country_code" else written, str(error))
            found.append(())
    return found


def destinations_of(table: Table, *, zone: str) -> list[Destination]:
    """Where each row leads: `zone` for all of them, else what the deck says.

    A name that several countries use ("Mobile") is preceded by that of the country.
    """
    if zone:
        return [Destination(zone, "", "")] * len(table)
    named = next((name for name in ("destination", "country", "zone") if table.has(name)), "")
    if not named:
        message = "no column names the destination; say --column destination=HEADER, or put all rows in one --zone CODE"
        table.refuse(None, "", "", message)
        return [Destination("", "", "")] * len(table)
    zones, english = table.cells("zone"), table.cells("destination_en")
    names = [name.removeprefix("'") for name in _with_countries(table.cells("destination"), table.cells("country"))]
    known: dict[tuple[str, str, str], Destination] = {}
    found = []
    for row, words in enumerate(zip(zones, names, english, strict=True)):
        if not words[0] and not words[1]:
            table.refuse(row, named, "", "the destination is empty; write it, or put all rows in one --zone CODE")
        elif len(words[1]) > LONGEST_NAME:
            table.refuse(row, named, words[1], f"has more than {LONGEST_NAME} letters; shorten the name")
        found.append(known.setdefault(words, Destination(*words)))
    return found


def _with_countries(names: list[str], countries: list[str]) -> list[str]:
    if not any(countries):
        return names
    used: dict[str, set[str]] = {}
    for name, country in zip(names, countries, strict=True):
        used.setdefault(name, set()).add(country)
    return [
        f"{country} {name}".strip() if not name or len(used[name]) > 1 else name
        for name, country in zip(names, countries, strict=True)
    ]
