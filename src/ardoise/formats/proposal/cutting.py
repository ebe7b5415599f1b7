"""A sample as columns: its encoding, its delimiter or the places of its columns, its titles, its data lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ardoise.formats.cells import split_cells

LINES_READ = 400
DELIMITERS = (";", "\t", "|", ",")
COLUMNS_MIN = 3
AGREE_PERCENT = 50  # more of the lines must have the same number of cells
RAGGED_PERCENT, RAGGED_MIN = 90, 6  # or nearly all of them so many cells: the last ones may be left out
CONTROLS_PERCENT = 2  # of the characters: more, and it is no text

_TIME = re.compile(r"\d{1,2}:\d{2}", re.ASCII)
_HAS_DIGIT = re.compile(r"\d", re.ASCII)
_DIGITS = re.compile(r"\d+", re.ASCII)


class NotASample(ValueError):
    """Nothing can be proposed from these bytes; the message says what a sample is."""


@dataclass(frozen=True, slots=True)
class Column:
    """`key` is how a profile names it: a title, a rank from 1, or a name of our own; `place` only of fixed columns."""

    key: str | int
    title: str
    values: tuple[str, ...]  # of the data lines, in their order, blanks included
    place: tuple[int, int] | None = None  # first column from 1, width

    def filled(self) -> list[str]:
        return [value for value in self.values if value]


@dataclass(frozen=True, slots=True)
class Sample:
    """`lines` are the data lines, as many as each column has values."""

    encoding: str
    delimiter: str  # "" where columns are fixed
    header_line: str
    columns: tuple[Column, ...]
    lines: tuple[str, ...]
    others: tuple[str, ...]  # headings and totals, once each
    is_ragged: bool = False  # lines have more cells than columns are read


def cut(data: bytes) -> Sample:
    """Raises NotASample."""
    encoding, text = _decoded(data)
    controls = sum(character < " " and character not in "\r\n\t\f\x00" for character in text)
    if 100 * controls > CONTROLS_PERCENT * len(text):
        raise NotASample("The sample is no text: give some tickets as text, one a line.")
    lines = [line.rstrip("\r") for line in text.split("\n")[:LINES_READ]]
    lines = [line.replace("\x00", "").replace("\x0c", "") for line in lines]
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise NotASample("The sample holds no line of text: give some tickets as the PBX or the operator sends them.")
    delimiter = _delimiter(lines)
    return _delimited(encoding, lines, delimiter) if delimiter else _fixed(encoding, lines)


def _decoded(data: bytes) -> tuple[str, str]:
    for encoding in ("utf-8", "cp1252"):
        try:
            return encoding, data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    return "latin-1", data.decode("latin-1")


# --- separated columns -----------------------------------------------------------------------------------------------


def _counts(lines: Sequence[str], delimiter: str) -> Counter[int]:
    counts: Counter[int] = Counter()
    for line in lines:
        try:
            counts[len(split_cells(line, delimiter, '"'))] += 1
        except csv.Error:
            continue
    return counts


def _delimiter(lines: Sequence[str]) -> str:
    """The character that cuts most lines into the same number of cells, at least three; "" when none does."""
    found: list[tuple[int, int, str]] = []
    for rank, delimiter in enumerate(DELIMITERS):
        counts = _counts(lines, delimiter)
        cells, times = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        ragged = sum(times for cells, times in counts.items() if cells >= RAGGED_MIN)
        if cells >= COLUMNS_MIN and 100 * times > AGREE_PERCENT * len(lines):
            found.append((times, -rank, delimiter))
        elif 100 * ragged >= RAGGED_PERCENT * len(lines):
            found.append((0, -rank, delimiter))
    return max(found)[2] if found else ""


def _delimited(encoding: str, lines: Sequence[str], delimiter: str) -> Sample:
    counts = _counts(lines, delimiter)
    cells_usual, times = max(counts.items(), key=lambda item: (item[1], item[0]))
    is_ragged = 100 * times <= AGREE_PERCENT * len(lines)
    if is_ragged:
        cells_usual = min(cells for cells in counts if cells >= RAGGED_MIN)
    rows: list[tuple[str, list[str]]] = []
    others: list[str] = []
    for line in lines:
        try:
            cells = split_cells(line, delimiter, '"')
        except csv.Error:
            cells = []
        if len(cells) == cells_usual or (is_ragged and len(cells) > cells_usual):
            rows.append((line, cells))
        else:
            others.append(line)
    header = rows[0] if _is_header(rows) else None
    data = [row for row in rows if row is not header and (header is None or row[1] != header[1])]
    if not data:
        raise NotASample("The sample holds titles only: give it some tickets too.")
    columns = [
        Column(
            key=(header[1][at] if header else at + 1),
            title=header[1][at] if header else "",
            values=tuple(cells[at] for _, cells in data),
        )
        for at in range(cells_usual)
    ]
    header_line = header[0] if header else ""
    data_lines = tuple(line for line, _ in data)
    return Sample(encoding, delimiter, header_line, tuple(columns), data_lines, tuple(others), is_ragged)


def _is_header(rows: Sequence[tuple[str, list[str]]]) -> bool:
    """Titles: names that differ from each other, without the digits that the lines under them have."""
    if len(rows) < 2:
        return False
    first = [cell for cell in rows[0][1] if cell]
    digits = sum(_HAS_DIGIT.search(cell) is not None for cell in first)
    below = sum(_HAS_DIGIT.search(cell) is not None for cell in rows[1][1])
    is_named = len(first) >= COLUMNS_MIN and len(set(rows[0][1])) == len(rows[0][1])
    return is_named and digits * 3 <= len(first) and below > digits


# --- fixed columns ---------------------------------------------------------------------------------------------------


def _fixed(encoding: str, lines: Sequence[str]) -> Sample:
    data = [line for line in lines if _TIME.search(line)]
    usual = _usual_shape(data)
    data = [line for line in data if _time_places(line) & usual]
    if not data:
        raise NotASample(
            "No line of the sample holds a time of day and no separator cuts it into columns: give some tickets as "
            "text, one a line."
        )
    known = set(data)
    headings = [line for line in lines if line not in known]
    others = tuple(dict.fromkeys(_DIGITS.sub("0", line) for line in headings))
    places = _places(data)
    return Sample(encoding, "", "", _named(data, places, _titles(headings, places)), tuple(data), others)


def _titles(headings: Sequence[str], places: Sequence[tuple[int, int]]) -> list[str]:
    """What a heading says over each column: each of its words goes to the column that begins nearest."""
    titles = [""] * len(places)
    named = [line for line in headings if not _HAS_DIGIT.search(line) and len(line.split()) >= COLUMNS_MIN]
    for word in re.finditer(r"[^\W_]\S*", max(named, key=len, default="")):
        nearest = min(range(len(places)), key=lambda at: abs(places[at][0] - word.start()))
        titles[nearest] = f"{titles[nearest]} {word.group()}".strip()
    return titles


def _time_places(line: str) -> frozenset[int]:
    return frozenset(match.start() for match in _TIME.finditer(line))


def _usual_shape(lines: Sequence[str]) -> frozenset[int]:
    """The places where times stand in at least half of the lines."""
    counts = Counter(place for line in lines for place in _time_places(line))
    return frozenset(place for place, times in counts.items() if 2 * times >= len(lines))


def _places(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Runs of columns that are not blank in every line, widened to where their neighbours begin."""
    width = max(map(len, lines))
    padded = [line.ljust(width) for line in lines]
    filled = [any(line[at] != " " for line in padded) for at in range(width)]
    runs: list[tuple[int, int]] = []
    for at, is_filled in enumerate(filled):
        if is_filled and (at == 0 or not filled[at - 1]):
            runs.append((at, at + 1))
        elif is_filled:
            runs[-1] = (runs[-1][0], at + 1)
    runs = _words_joined(padded, runs)
    return [_widened(padded, runs, rank) for rank in range(len(runs))]


def _words_joined(lines: Sequence[str], runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Words that always come together, one blank between them, are one text."""

    def said(run: tuple[int, int]) -> list[str]:
        return [line[slice(*run)].strip() for line in lines]

    joined = [runs[0]]
    for run in runs[1:]:
        before = joined[-1]
        together = [bool(text) for text in said(before)] == [bool(text) for text in said(run)]
        are_words = all(
            character.isalpha() for text in (*said(before), *said(run)) for character in text if character != " "
        )
        if run[0] - before[1] == 1 and together and are_words:
            joined[-1] = (before[0], run[1])
        else:
            joined.append(run)
    return joined


def _widened(lines: Sequence[str], runs: Sequence[tuple[int, int]], rank: int) -> tuple[int, int]:
    """A column of texts of several lengths goes on to the next one, or begins behind the one before."""
    start, end = runs[rank]
    texts = [line[start:end] for line in lines if line[start:end].strip()]
    if len({len(text.strip()) for text in texts}) == 1:
        return start, end
    if all(text[0] != " " for text in texts):
        following = runs[rank + 1][0] - 1 if rank + 1 < len(runs) else end
        return start, max(end, following)
    if all(text[-1] != " " for text in texts):
        before = runs[rank - 1][1] + 1 if rank else start
        return min(start, before), end
    return start, end


def _named(lines: Sequence[str], places: Sequence[tuple[int, int]], titles: Sequence[str]) -> tuple[Column, ...]:
    return tuple(
        Column(
            key=f"column_{start + 1}",
            title=title,
            values=tuple(line[start:end].strip() for line in lines),
            place=(start + 1, end - start),
        )
        for (start, end), title in zip(places, titles, strict=True)
    )
