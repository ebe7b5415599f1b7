"""What the formats made of text lines share: cutting lines out of bytes, decoding one, blanking digits.

Everything here keeps byte positions: a blanked record has the length of the original.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

# A sender that never ends its line (wrong port, binary noise) must not grow a buffer without end: past this many bytes
# without a line feed what was received is given as one record, which the reader will refuse.
LONGEST_LINE_BYTES = 65_536
_LARGEST_EXPONENT = 60  # of a printed number: "1e92345678" is four bytes of text and fills the memory with digits

EndOf = Callable[[bytes, int], int | None]  # just behind the record that begins there, None when its end has not come

_DIGIT = re.compile(r"\d", re.ASCII)
# NUL bytes may stand inside a number (seen on serial-to-IP boxes): they must not hide it.
_LONG_NUMBER = re.compile(r"\d(?:\x00*\d){5,}", re.ASCII)
_BLANKED = re.compile(r"[+*#@.\-:() ]*x[x+*#@.\-:() ]*")


def frame_lines(data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """Cut `data` at line feeds; see `Format.frame`. The terminators (CRLF or LF) stay with their record."""
    pieces = data.split(b"\n")
    records = [piece + b"\n" for piece in pieces[:-1]]
    if pieces[-1]:
        records.append(pieces[-1])
    if not records:
        return [], b""
    if not final and not records[-1].endswith(b"\n") and len(records[-1]) < LONGEST_LINE_BYTES:
        return records[:-1], records[-1]
    return records, b""


def frame_by(end_of: EndOf, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """Cut `data` where `end_of(data, at)` says that the record beginning at `at` ends; see `Format.frame`."""
    records: list[bytes] = []
    at = 0
    while at < len(data):
        end = end_of(data, at)
        if end is None:
            if not final and len(data) - at < LONGEST_LINE_BYTES:
                break
            end = len(data)
        records.append(data[at:end])
        at = end
    return records, data[at:]


def text_of(record: bytes) -> str:
    """The line as text: without terminator, byte order mark and NUL bytes; UTF-8, else Windows-1252, else Latin-1."""
    raw = record.rstrip(b"\r\n").replace(b"\x00", b"")
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def number_of(text: str) -> Decimal | None:
    """The number that a text prints, exactly; None for what is none, or one so long that nobody counts or pays it."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT else None


def is_cut(record: bytes) -> bool:
    """True when the record has no terminator: the link dropped, or the file's last line lacks its end."""
    return not record.endswith(b"\n")


def blank(number: str) -> str:
    """`number` with an "x" in place of each digit."""
    return _DIGIT.sub("x", number)


def is_blanked(number: str | None) -> bool:
    """True for what `blank` made of a number (an "x" and nothing but number punctuation)."""
    return bool(number) and _BLANKED.fullmatch(number or "") is not None


def blank_long_numbers(text: str, keep: Sequence[re.Pattern[str]] = ()) -> str:
    """`text` with every run of 6 digits or more blanked, except inside what one of the `keep` patterns matches."""
    kept = [match.span() for pattern in keep for match in pattern.finditer(text)]

    def blank_unless_kept(match: re.Match[str]) -> str:
        inside = any(start <= match.start() and match.end() <= end for start, end in kept)
        return match.group() if inside else blank(match.group())

    return _LONG_NUMBER.sub(blank_unless_kept, text)


def replay_crlf(records: Sequence[bytes]) -> bytes:
    """The records as a PBX sends them: one CRLF after each."""
    return b"".join(record.rstrip(b"\r\n") + b"\r\n" for record in records)
