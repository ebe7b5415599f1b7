"""Basic Encoding Rules (ITU-T X.690) as far as a TAP file needs them: where elements stand, what they hold.

A file is cut and blanked in place, so what matters is the position of every byte; no schema is needed for that, and the
reader names the few elements it wants by their tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

APPLICATION = 1  # the class of every tag of TAP
DEPTH_MAX = 32


class Incomplete(ValueError):
    """The bytes end before the element does."""


class NotBer(ValueError):
    """These bytes are no element."""


class Element(NamedTuple):
    """One element of `data`: from `start`, its content half-open, up to `end` (end of contents included)."""

    data: bytes
    tag_class: int
    tag: int
    constructed: bool
    start: int
    content: int
    content_end: int
    end: int

    @property
    def value(self) -> bytes:
        return self.data[self.content : self.content_end]

    def children(self) -> Iterator[Element]:
        """The elements inside, in order. Raises Incomplete, NotBer."""
        at = self.content
        while at < self.content_end:
            child = element_at(self.data, at, self.content_end)
            yield child
            at = child.end

    def parts(self) -> Parts:
        """The elements inside, at any depth, by their tag, in their order. Raises Incomplete, NotBer."""
        found: Parts = {}
        self._gather(found, 0)
        return found

    def _gather(self, found: Parts, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise NotBer("elements inside each other beyond reason")
        for child in self.children():
            if child.tag_class == APPLICATION:
                found.setdefault(child.tag, []).append(child)
            if child.constructed:
                child._gather(found, depth + 1)


Parts = dict[int, list[Element]]


class Header(NamedTuple):
    """Tag and length of an element; `length` None when it ends by an end of contents."""

    tag_class: int
    tag: int
    constructed: bool
    content: int
    length: int | None


def header_at(data: bytes, at: int, limit: int) -> Header:
    """The tag and length at `at`. Raises Incomplete, NotBer."""
    if at >= limit:
        raise Incomplete
    first = data[at]
    tag = first & 0x1F
    at += 1
    if tag == 0x1F:  # the tag number follows, seven bits a byte
        tag = 0
        for count in range(1, 5):
            if at >= limit:
                raise Incomplete
            byte = data[at]
            at += 1
            tag = tag << 7 | byte & 0x7F
            if not byte & 0x80:
                break
            if count == 4:
                raise NotBer(f"a tag of more than four bytes at byte {at}")
    if at >= limit:
        raise Incomplete
    length: int | None = data[at]
    at += 1
    if length is not None and length & 0x80:
        count = length & 0x7F
        if count > 4:
            raise NotBer(f"a length of more than four bytes at byte {at}")
        if at + count > limit:
            raise Incomplete
        length = int.from_bytes(data[at : at + count], "big") if count else None
        at += count
    constructed = bool(first & 0x20)
    if length is None and not constructed:
        raise NotBer(f"an element without a length that holds no others at byte {at}")
    return Header(first >> 6, tag, constructed, at, length)


def element_at(data: bytes, at: int, limit: int | None = None, depth: int = 0) -> Element:
    """The whole element at `at`. Raises Incomplete, NotBer."""
    limit = len(data) if limit is None else limit
    header = header_at(data, at, limit)
    if header.length is None:
        content_end, end = _to_end_of_contents(data, header.content, limit, depth)
    else:
        content_end = end = header.content + header.length
    if end > limit:
        raise Incomplete
    return Element(data, header.tag_class, header.tag, header.constructed, at, header.content, content_end, end)


def _to_end_of_contents(data: bytes, at: int, limit: int, depth: int) -> tuple[int, int]:
    if depth > DEPTH_MAX:
        raise NotBer("elements inside each other beyond reason")
    while True:
        if at + 2 > limit:
            raise Incomplete
        if data[at : at + 2] == b"\x00\x00":
            return at, at + 2
        at = element_at(data, at, limit, depth + 1).end


def integer(element: Element) -> int:
    """An INTEGER, two's complement."""
    return int.from_bytes(element.value, "big", signed=True)


def text(element: Element) -> str:
    """A string of ASCII characters."""
    return element.value.decode("latin-1").strip()


_BCD = "0123456789*#abc"


def bcd(element: Element) -> str:
    """Digits of half a byte each, the high half first, filled up with F."""
    halves = (half for byte in element.value for half in (byte >> 4, byte & 0x0F))
    return "".join(_BCD[half] for half in halves if half != 0x0F)
