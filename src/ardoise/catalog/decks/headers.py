"""Where the header stands and which column holds what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.problems import DeckProblem, DeckRefused
from ardoise.catalog.decks.sheets import Figure, Sheet, Stamp
from ardoise.catalog.decks.vocabulary import BAND_WORDS, is_new, meaning, plain

LOOKED_AT = 60  # lines in which a header may stand
CODES = ("prefix", "area_code", "country_code")


@dataclass(frozen=True, slots=True)
class Columns:
    """The header of a sheet. `places` maps a field to its column (0 = the first), `names` to the text above it."""

    header: int  # index of the row, -1 when the sheet has none
    places: Mapping[str, int]
    names: Mapping[str, str]
    given: frozenset[str]  # the fields that the layout named
    unread: tuple[str, ...]  # headers of the columns left aside

    @property
    def prices(self) -> dict[str, int]:
        """Band to column: {"": 3} or {"peak": 3, "off-peak": 4}."""
        return {name.partition("@")[2]: place for name, place in self.places.items() if name.split("@")[0] == "price"}


def letter(place: int) -> str:
    """The letter of a column of a workbook: 0 is A, 26 is AA."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def position(header: str) -> int | None:
    """The column that "#3" names (2), None when the text is a header."""
    return int(header[1:]) - 1 if re.fullmatch(r"#[1-9][0-9]{0,3}", header) else None


def score(rows: Sequence[Sequence[str]], layout: Layout) -> int:
    """How much of a header the rows show: the most fields known in one row; 0 without a code and a price."""
    return max((_score(row, layout) for row in rows[:LOOKED_AT]), default=0)


def _score(row: Sequence[str], layout: Layout) -> int:
    found = set(_meanings(row, layout).values()) - {""}
    whole = any(code in found for code in CODES) and any(name.split("@")[0] == "price" for name in found)
    return len(found) if whole else 0


def _meanings(row: Sequence[str], layout: Layout) -> dict[int, str]:
    """Column -> field, by the words of a row and what the layout names. Numbers and dates are no headers."""
    given = {plain(header): name for name, header in layout.columns.items() if position(header) is None}
    found = {
        place: given.get(plain(cell)) or meaning(cell)
        for place, cell in enumerate(row)
        if cell and not isinstance(cell, Figure | Stamp) and len(cell) <= 80
    }
    for name, header in layout.columns.items():
        place = position(header)
        if place is not None and place < len(row):
            found[place] = name
    return found


def find_columns(sheet: Sheet, layout: Layout, *, bands: Iterable[str]) -> Columns:
    """The columns of a sheet; `bands` are those of the tariff's calendar. Raises DeckRefused: none, or two for one."""
    index = _header_index(sheet, layout)
    index, row = _whole_header(sheet, index, layout) if index >= 0 else (index, sheet.rows[0])
    problems = [
        sheet.problem(sheet.lines[max(index, 0)], header, "", f"there is no such column; {_there_are(row)}")
        for header in layout.columns.values()
        if not _is_there(header, row)
    ]
    if problems:
        raise DeckRefused(problems)
    found = _meanings(row, layout)
    if index < 0:
        found = {place: name for place, name in found.items() if name in layout.columns}
    places, problems = _one_each(sheet, sheet.lines[max(index, 0)], row, found, layout)
    problems += _bands_left_above(sheet, index, row, places, layout)
    places, more = _named_bands(sheet, sheet.lines[max(index, 0)], row, places, frozenset(bands), layout)
    if problems or more:
        raise DeckRefused([*problems, *more])
    used = set(places.values())
    return Columns(
        header=index,
        places=places,
        names={name: row[place] if index >= 0 else f"#{place + 1}" for name, place in places.items()},
        given=frozenset(layout.columns),
        unread=tuple(cell for place, cell in enumerate(row) if cell and place not in used) if index >= 0 else (),
    )


def _there_are(row: Sequence[str]) -> str:
    there = ", ".join(f"« {cell} »" for cell in row if cell)
    return f"the file has {there}; write --column FIELD=HEADER or FIELD=#3, or --relearn"


def _is_there(header: str, row: Sequence[str]) -> bool:
    place = position(header)
    if place is not None:
        return place < len(row)
    return plain(header) in {plain(cell) for cell in row}


def _header_index(sheet: Sheet, layout: Layout) -> int:
    """The row of the header; -1 when every column is named by its position and no row looks like one."""
    if layout.header_row:
        if layout.header_row not in sheet.lines:
            message = f"the header cannot stand on line {layout.header_row}: there is none"
            raise DeckRefused([sheet.problem(0, "", "", message)])
        return sheet.lines.index(layout.header_row)
    scores = [_score(row, layout) for row in sheet.rows[:LOOKED_AT]]
    by_position = {name for name, header in layout.columns.items() if position(header) is not None}
    best = max(scores, default=0)
    if by_position >= {"price"} and any(code in by_position for code in CODES) and best <= len(by_position):
        return -1
    if not best:
        message = (
            f"no header with a code and a price was found in the first {min(LOOKED_AT, len(sheet.rows))} lines; "
            "name the columns: --column prefix=HEADER --column price=HEADER, or by position: --column prefix=#1"
        )
        raise DeckRefused([sheet.problem(0, "", "", message)])
    return scores.index(best)


# --- a header of two lines --------------------------------------------------------------------------------------------


def _whole_header(sheet: Sheet, index: int, layout: Layout) -> tuple[int, list[str]]:
    """The last line of the header and the name of each column, joined where two lines make it (merged cells):
    « Peak », « Off-peak » above « Rate », « Rate », or « Rate » above « Peak », « Off-peak ».
    """
    row = sheet.rows[index]
    joined = _under(sheet.rows[index - 1], row) if index else []
    if joined:
        return index, joined
    if index + 1 < len(sheet.rows):
        codes = [place for place, name in _meanings(row, layout).items() if name in CODES]
        joined = _over(row, sheet.rows[index + 1], codes)
    return (index + 1, joined) if joined else (index, row)


def _under(above: Sequence[str], row: Sequence[str]) -> list[str]:
    """Names that repeat, told apart by what stands above them; nothing when they do not repeat, or stay alike."""
    words = [plain(cell) for cell in row]
    repeated = [place for place, word in enumerate(words) if word and words.count(word) > 1]
    labels = _spread(above, len(row))
    joined = [f"{labels[place]} {cell}".strip() if place in repeated else cell for place, cell in enumerate(row)]
    told_apart = len({plain(joined[place]) for place in repeated}) == len(repeated)
    return joined if repeated and told_apart else []


def _over(row: Sequence[str], below: Sequence[str], codes: Sequence[int]) -> list[str]:
    """Names that are cut in two: one cell spans several, and words without a digit stand under it."""
    width = max(len(row), len(below))
    row, below = ([*cells, *[""] * (width - len(cells))] for cells in (row, below))
    words = [place for place, cell in enumerate(below) if cell]
    spanned = [place for place in words if not row[place]]
    if any(below[place] for place in codes) or any(map(_has_digit, below)) or len(words) < 2 or not spanned:
        return []
    labels = _spread(row, width)
    return [f"{labels[place]} {below[place]}".strip() if below[place] else cell for place, cell in enumerate(row)]


def _spread(cells: Sequence[str], width: int) -> list[str]:
    """Each cell over the empty ones at its right: what a merged cell leaves of itself in a file."""
    labels: list[str] = []
    for place in range(width):
        cell = cells[place] if place < len(cells) else ""
        is_label = cell and not isinstance(cell, Figure | Stamp)
        labels.append(cell if is_label else labels[-1] if labels and not cell else "")
    return labels


def _has_digit(cell: str) -> bool:
    return any(map(str.isdigit, cell))


def _bands_left_above(
    sheet: Sheet, index: int, row: Sequence[str], places: Mapping[str, int], layout: Layout
) -> list[DeckProblem]:
    """« Peak » above a price that is no column of a band: is it the price of that band, or of all hours?"""
    place = places.get("price")
    if index < 1 or place is None or "price" in layout.columns:
        return []
    label = _spread(sheet.rows[index - 1], len(row))[place]
    if plain(label) not in _BAND_LABELS or plain(row[place]).startswith(plain(label)):
        return []
    message = (
        f"stands under « {label} »: is it the price of a band? write --column price@BAND=#{place + 1}, or "
        f"--column price=#{place + 1} for all hours"
    )
    return [sheet.problem(sheet.lines[index], row[place], "", message)]


_BAND_LABELS = frozenset(plain(word) for words in BAND_WORDS.values() for word in words)


def _one_each(
    sheet: Sheet, line: int, row: Sequence[str], found: Mapping[int, str], layout: Layout
) -> tuple[dict[str, int], list[DeckProblem]]:
    """One column a field: the one that the layout names, else the only one, else the "new" one, else a question."""
    places: dict[str, int] = {}
    problems = []
    for name in dict.fromkeys(found.values()):
        mine = [place for place, one in found.items() if one == name]
        if name and name in layout.columns:
            header = layout.columns[name]
            mine = [place for place in mine if header == f"#{place + 1}" or plain(row[place]) == plain(header)]
        if name in ("destination", "country") and len(mine) > 1:  # « Destination », « Description »: the first is it
            mine = mine[:1]
        if len(mine) > 1 and any(is_new(row[place]) for place in mine):
            mine = [place for place in mine if is_new(row[place])]
        if name and len(mine) > 1:
            headers = " and ".join(f"« {row[place]} » (#{place + 1})" for place in mine)
            message = f"{headers} both look like the {name}; say which: --column {name}=#{mine[0] + 1}"
            if name == "price" and plain(row[mine[0]]) == plain(row[mine[1]]):
                message += f", and of a band: --column price@BAND=#{mine[1] + 1}"
            problems.append(sheet.problem(line, "", "", message))
        elif name:
            places[name] = mine[0]
    return places, problems


def _named_bands(
    sheet: Sheet, line: int, row: Sequence[str], places: dict[str, int], bands: frozenset[str], layout: Layout
) -> tuple[dict[str, int], list[DeckProblem]]:
    """`price@peak`, found by its words, becomes the band of that meaning in the tariff's calendar ("" = the rest)."""
    named: dict[str, int] = {}
    problems = []
    for name, place in places.items():
        word = name.partition("@")[2]
        if not word or name in layout.columns:
            if word and word not in bands:
                message = f"the calendar of the tariff has no band « {word} » (it has {_bands_text(bands)})"
                problems.append(sheet.problem(line, row[place], "", message))
            named[name] = place
            continue
        known = [band for band in BAND_WORDS[word] if band in bands]
        band = known[0] if len(known) == 1 else ""
        others_known = any(other in bands for one, words in BAND_WORDS.items() if one != word for other in words)
        if (
            (not known and not others_known)
            or len(known) > 1
            or (target := f"price@{band}" if band else "price") in named
        ):
            message = (
                f"is the price of which band of the tariff's calendar (it has {_bands_text(bands)})? "
                f"write --column price@BAND=#{place + 1}, or --column price=#{place + 1} for the rest of the time"
                if bands
                else "is the price of some hours, and the tariff has no calendar with bands: give it one, or write "
                f"--column price=#{place + 1} to take this price for all hours"
            )
            problems.append(sheet.problem(line, row[place], "", message))
        else:
            named[target] = place
    return named, problems


def _bands_text(bands: frozenset[str]) -> str:
    return ", ".join(sorted(bands)) or "none"
