"""What the formats that print lines or whole documents share: a JSON object or an XML document is a `Row` too.

One source may send lines to a file and post documents over HTTP: the record itself says which it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus
from xml.etree import ElementTree as Xml

from ardoise.core.usage import Event, Reading, Unreadable
from ardoise.formats.cells import BadCell, blank_all_but
from ardoise.formats.columns import ColumnFormat, Grid, Row, RowReader
from ardoise.formats.json_records import ListPaths, NoJson, decode, frame_json, redact_json
from ardoise.formats.lines import text_of
from ardoise.formats.options import checked_options
from ardoise.formats.spec import FormatSpec, Reader

LONGEST_DOCUMENT_BYTES = 262_144

_BEGINNING = re.compile(rb"[ \t\r\x00]*(?:\xef\xbb\xbf)?")
_XML_LINE = re.compile(rb"\n[ \t\r\x00]*<")
_AFTER = re.compile(rb"[ \t\r\x00]*\n?")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")  # of an encoding that is no more: the text is decoded
_UNSAFE_XML = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)

Values = Mapping[str, str]


class DocumentFormat(ColumnFormat):
    """A `ColumnFormat` whose records may also be JSON objects and, where `xml_root` names them, XML documents."""

    def __init__(
        self,
        spec: FormatSpec,
        grid: Callable[[Mapping[str, str]], Grid],
        row_reader: Callable[[Mapping[str, str]], RowReader],
        *,
        lists: ListPaths = (),
        values_of_json: Callable[[Mapping[str, Any]], Values],
        xml_root: str = "",
        values_of_xml: Callable[[Xml.Element], Values] | None = None,
    ) -> None:
        """`lists` as in `frame_json`; `values_of_...` give the values of a document under the names of columns."""
        super().__init__(spec, grid, row_reader)
        self._lists, self._values_of_json = lists, values_of_json
        self._xml_end, self._values_of_xml = f"</{xml_root}>".encode() if xml_root else b"", values_of_xml
        self._whole_xml = re.compile(rf"\s*(?:<\?xml[^>]*>\s*)?<{xml_root}[\s>].*</{xml_root}>\s*", re.DOTALL)

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        if not self._xml_end:
            return frame_json(data, final=final, lists=self._lists)
        records: list[bytes] = []
        at = 0
        while at < len(data):
            if _first(data, at) == b"<":
                end = self._xml_document(data, at, final=final)
                if end is None:
                    return records, data[at:]
                records.append(data[at:end])
            else:
                next_xml = _XML_LINE.search(data, at)
                end = len(data) if next_xml is None else next_xml.start() + 1
                found, rest = frame_json(data[at:end], final=final or next_xml is not None, lists=self._lists)
                records += found
                if rest:
                    return records, rest
            at = end
        return records, b""

    def _xml_document(self, data: bytes, at: int, *, final: bool) -> int | None:
        """Where the document that begins here ends, its line end included; None when that has not come."""
        found = data.find(self._xml_end, at)
        if found < 0:
            return len(data) if final or len(data) - at > LONGEST_DOCUMENT_BYTES else None
        end = _skip(_AFTER, data, found + len(self._xml_end))
        return None if end == len(data) and not data.endswith(b"\n") and not final else end

    def reader(self, options: Mapping[str, str]) -> Reader:
        checked = checked_options(self.spec, options)
        read_line, read_row = super().reader(options), self._row_reader(checked)

        def read(record: bytes) -> Reading:
            document = _posted(record)
            if _first(document, 0) not in (b"{", b"[", b"<"):
                return read_line(record)
            return self._document(document, read_row)

        return read

    def _document(self, document: bytes, read_row: RowReader) -> Reading:
        text = text_of(document)
        try:
            if _first(document, 0) == b"<":
                values = self._of_xml(text)
            else:
                found = decode(document, self._lists)
                if found is None:
                    return Event("header", text)  # a page of no records
                values = self._values_of_json(found)
            return read_row(Row(values, text))
        except (NoJson, Xml.ParseError) as error:
            return Unreadable("garbage", f"the document cannot be read: {error} (is it cut?)")
        except BadCell as bad:
            return Unreadable(bad.reason, str(bad))

    def _of_xml(self, text: str) -> Values:
        if self._values_of_xml is None or _UNSAFE_XML.search(text):
            raise BadCell("garbage", "an XML document of this kind is not taken")
        return self._values_of_xml(Xml.fromstring(_DECLARATION.sub("", text, count=1).encode()))

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        first = _first(record, 0)
        if not protected or (first not in (b"{", b"[", b"<") and not record.startswith(b"cdr=")):
            return super().redact(record, protected, options)
        grid = self._grid(checked_options(self.spec, options or {}))
        if first in (b"{", b"["):
            return redact_json(record, protected, numbers=grid.numbers, keep=grid.kept, lists=self._lists)
        return _redact_text(record, protected, grid, is_whole=self._is_whole(_posted(record)))

    def _is_whole(self, document: bytes) -> bool:
        """Whether nothing is missing of a document, so that it would mention who takes part in it."""
        if _first(document, 0) == b"<":
            return self._whole_xml.fullmatch(text_of(document)) is not None
        try:
            return decode(document, self._lists) is not None
        except NoJson:
            return False


def _first(data: bytes, at: int) -> bytes:
    begin = _skip(_BEGINNING, data, at)
    return data[begin : begin + 1]


def _skip(pattern: re.Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at)
    return at if found is None else found.end()


def _posted(record: bytes) -> bytes:
    """The document of a form post (`cdr=%7B...`), or the record itself."""
    if not record.startswith(b"cdr="):
        return record
    return unquote_plus(text_of(record).removeprefix("cdr=")).encode()


def _redact_text(record: bytes, protected: frozenset[str], grid: Grid, *, is_whole: bool) -> bytes:
    """A document of which only the text is looked at: the values of `kept` elements stay, other long numbers go."""
    text = record.decode("latin-1")
    bare = {number.lstrip("+") for number in protected}
    numbers = "|".join(map(re.escape, sorted(bare)))
    if is_whole and not re.search(rf"(?:>|/|%3E|%22)\+?(?:{numbers})(?:<|@|-|%3C|%40|%22)", text):
        return record
    names = "|".join(map(re.escape, sorted(grid.kept)))
    kept = re.compile(rf"<({names})>[^<]*</\1>|%3C({names})%3E.*?%3C|%22({names})%22%3A.*?%2C")
    return blank_all_but(text, bare, (kept, *grid.keep)).encode("latin-1")
