"""What the formats with named columns share: finding a line's columns, giving them by name, blanking their numbers.

A PBX of this kind prints a fixed list of columns, or a header that names them, or what its administrator listed. A
format says which lists there are (`Grid`), and reads a `Row`; it never counts columns itself.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ardoise.core.usage import Event, Reading, Unreadable
from ardoise.formats.cells import BadCell, blank_all_but, cell_spans, split_cells
from ardoise.formats.lines import blank, frame_lines, is_blanked, replay_crlf, text_of
from ardoise.formats.options import checked_options
from ardoise.formats.spec import BadOption, FormatSpec, Reader

# Cells that unquoted commas may add to a line: more is another kind of line (or, in several columns, any cut fits).
SURPLUS_MAX, SURPLUS_OF_SEVERAL_MAX = 40, 8

Place = tuple[int, int]  # the cells of one column: from, up to


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a line, in order.

    `shapes` say what some columns look like (whole text): a line where they do not is of another layout. `elastic`
    columns may hold the delimiter without quotes; the others tell how many cells belong to them.
    """

    columns: tuple[str, ...]
    shapes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    elastic: tuple[str, ...] = ()
    _shaped: tuple[tuple[int, re.Pattern[str]], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shaped = ((at, self.shapes[name]) for at, name in enumerate(self.columns) if name in self.shapes)
        object.__setattr__(self, "_shaped", tuple(shaped))

    def fits(self, cells: Sequence[str]) -> bool:
        """Whether this is a line of the layout with one cell a column."""
        return len(cells) == len(self.columns) and all(shape.fullmatch(cells[at]) for at, shape in self._shaped)

    def places(self, cells: Sequence[str]) -> list[Place] | None:
        """Where each column stands in the cells of a line, None when they do not fit."""
        if self.fits(cells):
            return [(at, at + 1) for at in range(len(cells))]
        surplus = len(cells) - len(self.columns)
        return next(self._fits(cells, 0, 0, surplus), None) if surplus and self.takes(len(cells)) else None

    def takes(self, count: int) -> bool:
        """Whether a line may have that many cells."""
        most = 0 if not self.elastic else SURPLUS_MAX if len(self.elastic) <= 2 else SURPLUS_OF_SEVERAL_MAX
        return 0 <= count - len(self.columns) <= most

    def _fits(self, cells: Sequence[str], column: int, at: int, surplus: int) -> Iterator[list[Place]]:
        """Every way to place the columns from this one on, the first elastic ones taking the least."""
        places: list[Place] = []
        while column < len(self.columns):
            name = self.columns[column]
            if name in self.elastic:
                for extra in range(surplus + 1):
                    end = at + 1 + extra
                    if self._has_shape(name, cells[at] if not extra else ",".join(cells[at:end])):
                        for rest in self._fits(cells, column + 1, end, surplus - extra):
                            yield [*places, (at, end), *rest]
                return
            if not self._has_shape(name, cells[at]):
                return
            places.append((at, at + 1))
            column, at = column + 1, at + 1
        if not surplus:
            yield places

    def _has_shape(self, name: str, text: str) -> bool:
        shape = self.shapes.get(name)
        return shape is None or shape.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Grid:
    """How the lines of a source are laid out, and what its columns hold, by name.

    `numbers` hold a party's number and nothing else; `parties` mention one among other text (a channel); `kept` never
    hold one (dates, ids, counts). Any other column may hold one anywhere. `keep` matches what is no number in a line
    whose columns are not known; with `only_quoted`, cells without quotes are none.
    """

    layouts: tuple[Layout, ...]
    numbers: frozenset[str]
    parties: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    keep: tuple[re.Pattern[str], ...] = ()
    delimiter: str = ","
    quote: str = '"'
    header_names: frozenset[str] = frozenset()  # a line that holds all of these is a header; none = no header ever
    shapes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)  # of a layout learned from a header
    elastic: frozenset[str] = frozenset()
    only_quoted: bool = False
    begins: re.Pattern[str] | None = None  # how a whole line begins, where its columns are not known

    def learned(self, columns: Sequence[str]) -> Layout:
        """The layout of these columns, as a header or an administrator lists them."""
        return Layout(
            tuple(columns),
            {name: shape for name, shape in self.shapes.items() if name in columns},
            tuple(name for name in columns if name in self.elastic),
        )


def names(listed: str) -> tuple[str, ...]:
    """The names of a list separated by commas or line ends."""
    return tuple(name.strip() for name in listed.replace("\n", ",").split(",") if name.strip())


def grid_of_columns(grid: Grid, listed: str, spec: FormatSpec, needed: frozenset[str]) -> Grid:
    """`grid` with the columns of the option `columns` as its only layout; "" leaves it. Raises BadOption."""
    columns = names(listed)
    if not columns:
        return grid
    missing = sorted(needed - set(columns))
    if missing or len(set(columns)) < len(columns):
        reason = f"{', '.join(missing)} is missing" if missing else "a column is listed twice"
        raise BadOption(f"{spec.name}, option columns: {reason}; list the columns in their order, separated by commas.")
    return replace(grid, layouts=(grid.learned(columns),))


class Row:
    """One line by column name. A column that the line does not have is empty."""

    def __init__(self, values: Mapping[str, str], line: str) -> None:
        self._values, self.line = values, line
        self.no_detail = False  # a number that was asked for had been blanked

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def lacks(self, names: frozenset[str]) -> list[str]:
        """Those of these columns that the line does not have, in alphabetical order."""
        return [] if names <= self._values.keys() else sorted(names - self._values.keys())

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, "")

    def text(self, *names: str) -> str | None:
        """The first of these columns that is not empty."""
        return next((self._values[name] for name in names if self._values.get(name)), None)

    def number(self, *names: str) -> str | None:
        """As `text`; a blanked number is read as absent."""
        found = self.text(*names)
        if is_blanked(found):
            self.no_detail = True
            return None
        return found


RowReader = Callable[[Row], Reading]  # raises BadCell


class ColumnReader:
    """Reads the lines of one stream or one file in order. What it remembers: the columns of the last header."""

    def __init__(self, grid: Grid, read_row: RowReader) -> None:
        self._grid, self._read_row = grid, read_row
        self._layouts = grid.layouts
        self._header_name = next(iter(grid.header_names), "\n")  # no cell holds a line end

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record)
        if not line.strip():
            return Event("noise", "")
        try:
            cells = split_cells(line, self._grid.delimiter, self._grid.quote)
        except csv.Error as error:
            return Unreadable("garbage", f"the quotes do not match: {error} (is the line cut?)")
        if self._header_name in cells and self._grid.header_names <= set(cells):
            self._layouts = (self._grid.learned(cells),)
            return Event("header", line)
        if not self._layouts:
            return Unreadable("header_missing", f"no line with the names of the columns came first: {line[:60]!r}")
        for layout in self._layouts:
            if layout.fits(cells):
                return self._row(layout, cells, line)
        for layout in self._layouts:
            places = layout.places(cells)
            if places is not None:
                return self._row(layout, self._joined(cells, places, line), line)
        return self._refusal(cells)

    def _joined(self, cells: Sequence[str], places: Sequence[Place], line: str) -> list[str]:
        """One text a column; those of several cells as they were printed, but where a delimiter stands in quotes."""
        delimiter = self._grid.delimiter
        raw = line.split(delimiter)
        raw = raw if len(raw) == len(cells) else list(cells)
        return [cells[start] if end == start + 1 else delimiter.join(raw[start:end]).strip() for start, end in places]

    def _row(self, layout: Layout, texts: Sequence[str], line: str) -> Reading:
        try:
            return self._read_row(Row(dict(zip(layout.columns, texts, strict=True)), line))
        except BadCell as bad:
            return Unreadable(bad.reason, str(bad))

    def _refusal(self, cells: Sequence[str]) -> Unreadable:
        for layout in self._layouts:
            if len(layout.columns) == len(cells):
                wrong = next(
                    (name, cell)
                    for name, cell in zip(layout.columns, cells, strict=True)
                    if name in layout.shapes and not layout.shapes[name].fullmatch(cell)
                )
                return Unreadable("columns_moved", f"column {wrong[0]} holds {wrong[1][:40]!r}: were columns changed?")
            if layout.takes(len(cells)):
                shaped = ", ".join(layout.shapes)
                return Unreadable("columns_moved", f"{shaped} are not where they were in {len(cells)} columns")
        known = sorted({len(layout.columns) for layout in self._layouts})
        expected = " or ".join(str(count) for count in known)
        return Unreadable("column_count", f"{len(cells)} columns, expected {expected} (is the line cut?)")


class ColumnFormat:
    """A format of lines with named columns: the four things a format does, from its grid and its reader of rows."""

    def __init__(
        self,
        spec: FormatSpec,
        grid: Callable[[Mapping[str, str]], Grid],
        row_reader: Callable[[Mapping[str, str]], RowReader],
    ) -> None:
        """`grid` and `row_reader` take the checked options of a source, and may raise BadOption."""
        self.spec = spec
        self._grid, self._row_reader = grid, row_reader

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        return frame_lines(data, final=final)

    def reader(self, options: Mapping[str, str]) -> Reader:
        checked = checked_options(self.spec, options)
        return ColumnReader(self._grid(checked), self._row_reader(checked))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        if not protected:
            return record
        return redact_row(record, protected, self._grid(checked_options(self.spec, options or {})))

    def replay(self, records: Sequence[bytes]) -> bytes:
        return replay_crlf(records)


# --- blanking --------------------------------------------------------------------------------------------------------


def redact_row(record: bytes, protected: frozenset[str], grid: Grid) -> bytes:
    """See `Format.redact`. Works on one-byte characters, so that every byte keeps its place.

    A line whose columns are not known is blanked everywhere when it mentions a protected extension, or when its end or
    its beginning is missing and so perhaps the extension.
    """
    text = record.decode("latin-1")
    spans = cell_spans(text, grid.delimiter, grid.quote)
    cells = [_bare(text[start:end]) for start, end in spans]
    bare = {number.lstrip("+") for number in protected}
    for layout in grid.layouts:
        places = layout.places(cells)
        if places is not None:
            columns = {
                name: (spans[start][0], spans[end - 1][1])
                for name, (start, end) in zip(layout.columns, places, strict=True)
            }
            return _redact_columns(text, columns, bare, grid).encode("latin-1")
    return _redact_unknown(text, spans, bare, grid).encode("latin-1")


def _redact_columns(text: str, columns: Mapping[str, Place], bare: set[str], grid: Grid) -> str:
    def takes_part(name: str) -> bool:
        cell = _bare(text[slice(*columns[name])])
        return cell.lstrip("+") in bare if name in grid.numbers else name in grid.parties and _mentions(cell, bare)

    if not any(takes_part(name) for name in columns):
        return text
    for name, (start, end) in columns.items():
        cell = text[start:end]
        if name in grid.numbers and _bare(cell).lstrip("+") not in bare:
            text = text[:start] + blank(cell) + text[end:]
        elif name not in grid.numbers and name not in grid.kept:
            text = text[:start] + blank_all_but(cell, bare, grid.keep) + text[end:]
    return text


def _redact_unknown(text: str, spans: Sequence[Place], bare: set[str], grid: Grid) -> str:
    begins_well = _begins_well(text, spans, grid)
    texts = spans
    if grid.only_quoted and begins_well:
        texts = [(start, end) for start, end in spans if text[start:end].lstrip("\x00 ").startswith(grid.quote)]
    is_piece = not (begins_well and text.endswith("\n"))
    if not is_piece and not any(_mentions(text[start:end], bare) for start, end in texts):
        return text
    for start, end in texts:
        text = text[:start] + blank_all_but(text[start:end], bare, grid.keep) + text[end:]
    return text


def _begins_well(text: str, spans: Sequence[Place], grid: Grid) -> bool:
    """Whether the beginning of a line may be there: columns were added or moved, none is missing."""
    if grid.begins is not None:
        return grid.begins.match(text) is not None
    return len(spans) >= min((len(layout.columns) for layout in grid.layouts), default=0)


def _bare(cell: str) -> str:
    return cell.strip('\r\n\x00" \ufeff').removeprefix("ï»¿").replace("\x00", "")


def _mentions(text: str, bare: set[str]) -> bool:
    """Whether one of the extensions stands in the text as a whole number, NUL bytes or not."""
    plain = text.replace("\x00", "")
    return any(re.search(rf"(?<!\d){re.escape(number)}(?!\d)", plain) for number in bare)
