"""Compressed files: what they hold is what is journalled. Told by their first bytes, not by their name.

gzip, zip with a single file, and Unix `compress` (the accounting files of an OmniPCX Enterprise).
"""

from __future__ import annotations

import io
import zipfile
import zlib

LARGEST_BYTES = 2**30  # unpacked: a small file that holds more is an accident, or a bomb

_GZIP, _ZIP, _COMPRESS = b"\x1f\x8b", b"PK\x03\x04", b"\x1f\x9d"
_CLEAR = 256  # the code that empties the table of `compress`


class BadArchive(ValueError):
    """A compressed file that cannot be unpacked; the message says why."""


def unpack(data: bytes, *, most: int | None = None) -> bytes:
    """What a compressed file holds; any other file is itself. Raises BadArchive."""
    limit = LARGEST_BYTES if most is None else most
    if data.startswith(_GZIP):
        return _gzip(data, limit)
    if data.startswith(_ZIP):
        return _zip(data, limit)
    if data.startswith(_COMPRESS):
        return _compress(data, limit)
    return data


def _gzip(data: bytes, most: int) -> bytes:
    """All the members, one after the other."""
    found, rest = b"", data
    while rest.startswith(_GZIP):
        stream = zlib.decompressobj(wbits=31)
        try:
            found += stream.decompress(rest, most + 1 - len(found))
        except zlib.error as error:
            raise BadArchive(f"The gzip file is damaged ({error}).") from error
        if len(found) > most:
            raise BadArchive(f"The gzip file holds more than {most} bytes: cut it.")
        if not stream.eof:
            raise BadArchive("The gzip file is cut short: was it still being written?")
        rest = stream.unused_data
    return found


def _zip(data: bytes, most: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise BadArchive(f"The zip file holds {len(members)} files: drop them one by one.")
            if members[0].file_size > most:
                raise BadArchive(f"The zip file holds more than {most} bytes: cut it.")
            with archive.open(members[0]) as member:
                found = member.read(most + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BadArchive(f"The zip file cannot be read ({error}).") from error
    if len(found) > most:
        raise BadArchive(f"The zip file holds more than {most} bytes: cut it.")
    return found


def _compress(data: bytes, most: int) -> bytes:
    """LZW as Unix `compress` writes it: codes of 9 to 16 bits, the least significant first, in groups of eight.

    A group is padded where the size of the codes changes, and where the table is emptied.
    """
    widest, has_clear = data[2] & 0x1F if len(data) > 2 else 0, len(data) > 2 and bool(data[2] & 0x80)
    if not 9 <= widest <= 16:
        raise BadArchive("The file begins as one of compress, and is none.")
    first = [bytes([value]) for value in range(256)] + ([b""] if has_clear else [])
    table, width, before = list(first), 9, b""
    found: list[bytes] = []
    size, at, group_at, end = 0, 24, 24, 8 * len(data)
    while True:
        if len(table) >= 1 << width and width < widest:
            at = group_at = _next_group(at, group_at, width)
            width += 1
        if at + width > end:
            return b"".join(found)
        code = int.from_bytes(data[at >> 3 : (at >> 3) + 4], "little") >> (at & 7) & ((1 << width) - 1)
        at += width
        if has_clear and code == _CLEAR:
            at = group_at = _next_group(at, group_at, width)
            table, width, before = list(first), 9, b""
            continue
        if code > len(table) or (code == len(table) and not before):
            raise BadArchive("The file of compress is damaged.")
        text = table[code] if code < len(table) else before + before[:1]
        if before and len(table) < 1 << widest:
            table.append(before + text[:1])
        found.append(text)
        size, before = size + len(text), text
        if size > most:
            raise BadArchive(f"The file of compress holds more than {most} bytes: cut it.")


def _next_group(at: int, group_at: int, width: int) -> int:
    """Where the next group of eight codes of `width` bits begins."""
    group = 8 * width
    return group_at + -(-(at - group_at) // group) * group
