"""A file of a supplier -> a `Deck`, or every error in it at once. Pure: bytes in, values out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ardoise.catalog.decks import headers
from ardoise.catalog.decks.days import Days, days_of
from ardoise.catalog.decks.deck import Deck, Destination, Entry, Key, ReadColumn, Terms
from ardoise.catalog.decks.destinations import codes_of, destinations_of
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.prices import check_currency, money_of, says_increments, terms_of
from ardoise.catalog.decks.problems import DeckProblem, DeckRefused, NotRead
from ardoise.catalog.decks.sheets import Sheet, csv_beginnings, csv_sheet, csv_text, is_workbook, workbook_sheets
from ardoise.catalog.decks.table import Table
from ardoise.catalog.decks.vocabulary import DELETED, plain
from ardoise.core.usage import UsageKind
from ardoise.core.wording import counted


@dataclass(frozen=True, slots=True)
class Target:
    """What a deck is read for. `effective_date` None: the deck says its days itself; `zone` "": so do its rows."""

    currency: str
    bands: frozenset[str]  # of the tariff's calendar
    today: date
    effective_date: date | None = None
    zone: str = ""
    decimals: int | None = None  # to which amounts are rounded, for workbooks that compute them


def read_deck(
    data: bytes, *, file: str, layout: Layout, target: Target, remembered: frozenset[str] = frozenset()
) -> Deck:
    """Read a CSV file or a workbook. `remembered` are the fields that the layout knows from an earlier deck.

    Raises DeckRefused with every error found.
    """
    sheet = _sheet(data, file, layout)
    table = Table(sheet, headers.find_columns(sheet, layout, bands=target.bands))
    money = money_of(table, layout, currency=target.currency, decimals=target.decimals)
    check_currency(table, money)
    entries = _entries(
        table,
        codes=codes_of(table, country=layout.country),
        destinations=destinations_of(table, zone=target.zone),
        terms=terms_of(table, layout, money),
        said=says_increments(table, layout),
        days=days_of(table, layout, effective_date=target.effective_date, today=target.today),
        bands=target.bands,
    )
    if not entries and not table.problems:
        table.refuse(None, "", "", "there is no row under the header")
    if table.problems:
        raise DeckRefused(table.problems)
    names = dict(table.columns.names)
    if table.is_split:  # next time nobody has to look whether codes are whole
        names["area_code"] = names.pop("prefix")
    return Deck(
        file=file,
        sheet=sheet.name,
        entries=tuple(entries),
        columns=tuple(ReadColumn(name, header, _how(table, name, remembered)) for name, header in names.items()),
        unread=table.columns.unread,
        notes=tuple(table.notes),
        layout=replace(layout, columns=names, header_row=0),
        separator=sheet.separator,
    )


def _how(table: Table, name: str, remembered: frozenset[str]) -> str:
    if name not in table.columns.given:
        return "found"
    return "remembered" if name in remembered else "given"


# --- the sheet --------------------------------------------------------------------------------------------------------


def _sheet(data: bytes, file: str, layout: Layout) -> Sheet:
    if not data.strip():
        raise DeckRefused([DeckProblem(file, "", 0, "", "", "this file is empty")])
    if is_workbook(data):
        return _sheet_of_workbook(workbook_sheets(data, file=file), file, layout)
    if layout.sheet:
        message = f"a CSV file has no sheet « {layout.sheet} »; leave --sheet out"
        raise DeckRefused([DeckProblem(file, "", 0, "", "", message)])
    text = csv_text(data, file=file)
    scores = {
        separator: (headers.score(rows, layout), max(map(len, rows)))
        for separator, rows in csv_beginnings(text, most=headers.LOOKED_AT)
    }
    separator = max(scores, key=lambda one: scores[one], default=",")
    return csv_sheet(text, separator=separator, file=file)


def _sheet_of_workbook(sheets: Sequence[Sheet], file: str, layout: Layout) -> Sheet:
    names = ", ".join(f"« {sheet.name} »" for sheet in sheets) or "no sheet with cells"
    if layout.sheet:
        chosen = [sheet for sheet in sheets if sheet.name == layout.sheet]
        message = f"there is no sheet « {layout.sheet} »; the workbook has {names}"
    else:
        chosen = [sheet for sheet in sheets if headers.score(sheet.rows, layout)] if len(sheets) > 1 else list(sheets)
        many = ", ".join(f"« {sheet.name} »" for sheet in chosen)
        message = f"several sheets look like a deck: {many}; say which: --sheet NAME"
        if not chosen:
            message = (
                f"no sheet has a header with a code and a price; the workbook has {names}; say which: --sheet NAME"
            )
    if len(chosen) != 1:
        raise DeckRefused([DeckProblem(file, "", 0, "", "", message)])
    return chosen[0]


# --- the rows ---------------------------------------------------------------------------------------------------------


def _entries(
    table: Table,
    *,
    codes: Sequence[tuple[str, ...]],
    destinations: Sequence[Destination],
    terms: dict[str, list[Terms | None]],
    said: Sequence[bool],
    days: Sequence[Days],
    bands: frozenset[str],
) -> list[Entry]:
    """One entry a code, a band and a first day. A row given twice alike counts once; given otherwise, it is refused."""
    details = _details(table, bands)
    deleted = [bool(cell) and bool(DELETED.search(plain(cell))) for cell in table.cells("action")]
    wrong = {problem.line for problem in table.problems}  # their cells are not what they seem
    known = _Known(table)
    for row, prefixes in enumerate(codes):
        is_priced = False
        for band, column in terms.items():
            price = None if deleted[row] else column[row]
            if price is None and not deleted[row]:
                continue
            is_priced = True
            for prefix in prefixes if table.lines[row] not in wrong else ():
                exact, own_band, kind, origin = details[row] if details else (False, "", "call", "")
                key = Key(prefix, exact, own_band or band, kind, origin)
                start, end, _ = days[row]
                entry = Entry(table.lines[row], key, destinations[row], price, start, end, said[row])
                known.add(row, entry, days[row])
        if not is_priced and prefixes:
            _refuse_without_price(table, row)
    return known.all_entries()


class _Known:
    """The entries so far, by key and first day: what stands twice is found here."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._entries: dict[tuple[Key, date], tuple[Entry, date | None]] = {}
        self._twice = self._over = 0

    def add(self, row: int, entry: Entry, days: Days) -> None:
        """Keep an entry, unless it has ended before it counts, or a later one of the same key counts from that day."""
        if days.end is not None and days.end <= days.start:
            self._over += 1
            return
        key = (entry.key, entry.from_date)
        before, said = self._entries.get(key, (None, None))
        if before is None or (said is not None and days.said is not None and said < days.said):
            self._entries[key] = (entry, days.said)
        elif said is None or days.said is None or said == days.said:
            self._compare(row, before, entry)

    def _compare(self, row: int, before: Entry, entry: Entry) -> None:
        if before[2:] == entry[2:]:
            self._twice += 1
            return
        message = f"says otherwise than line {before.line}"
        if before.destination != entry.destination:
            here, there = (one.destination.name or one.destination.zone for one in (entry, before))
            message = f"leads elsewhere than on line {before.line} ({here} here, {there} there)"
        if before.terms is not None and entry.terms is not None:
            old, new = before.terms.price_per_min, entry.terms.price_per_min
            if old != new:
                message = f"has another price than on line {before.line} ({_text(new)} here, {_text(old)} there)"
        column = next(name for name in ("prefix", "area_code", "country_code") if self._table.has(name))
        self._table.refuse(row, column, entry.key.prefix, f"{message}; keep one of the two rows")

    def all_entries(self) -> list[Entry]:
        if self._twice:
            stand = "stands" if self._twice == 1 else "stand"
            self._table.notes.append(f"{counted(self._twice, 'code')} {stand} twice with the same price, taken once")
        if self._over:
            self._table.notes.append(f"{counted(self._over, 'code')} ended before the deck counts, not taken")
        return [entry for entry, _ in self._entries.values()]


def _text(price: Decimal | None) -> str:
    return "none" if price is None else format(price, "f")


def _refuse_without_price(table: Table, row: int) -> None:
    """An empty price; a price that could not be read has been refused already."""
    names = table.prices()
    if not any(table.rows[row][table.columns.places[name]] for name in names):
        table.refuse(row, names[0] if names else "", "", "the price is empty; write it, or take the row away")


def _details(table: Table, bands: frozenset[str]) -> list[tuple[Any, ...]]:
    """(exact, band, kind, origin) of each row; nothing when the deck has none of these columns."""
    if not any(table.has(name) for name in ("exact", "band", "kind", "origin")):
        return []
    readers: dict[str, tuple[Callable[[str], Any], Any]] = {
        "exact": (_yes_no, False),
        "band": (lambda cell: _one_of(cell, bands, "band of the tariff's calendar"), ""),
        "kind": (lambda cell: _one_of(cell, frozenset(UsageKind), "kind of usage"), UsageKind.CALL.value),
        "origin": (_origin, ""),
    }
    columns = [table.read(name, reader, empty=empty) for name, (reader, empty) in readers.items()]
    return list(zip(*columns, strict=True))


def _yes_no(cell: str) -> bool:
    if cell.lower() not in ("yes", "no", "oui", "non"):
        raise NotRead("is not expected; write yes or no")
    return cell.lower() in ("yes", "oui")


def _one_of(cell: str, known: frozenset[str], what: str) -> str:
    if cell not in known:
        raise NotRead(f"is no {what}; there is {', '.join(sorted(known)) or 'none'}")
    return cell


def _origin(cell: str) -> str:
    digits = cell.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise NotRead("is no prefix of a number; write for example +33")
    return "+" + digits
