"""Accounting records as they come: packets (RFC 2866) or the text that FreeRADIUS writes to its detail files.

Both become the same: attributes by name, values as text, and where each value stands in the record.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ardoise.formats.lines import frame_by, text_of

ACCOUNTING_REQUEST = 4
HEADER_BYTES, LARGEST_PACKET_BYTES = 20, 4096
EVENT_TIMESTAMP = 55
_VENDOR, _CISCO = 26, 9

STATUS = {1: "Start", 2: "Stop", 3: "Interim-Update", 7: "Accounting-On", 8: "Accounting-Off"}
CAUSES = {
    1: "User-Request",
    2: "Lost-Carrier",
    3: "Lost-Service",
    4: "Idle-Timeout",
    5: "Session-Timeout",
    6: "Admin-Reset",
    7: "Admin-Reboot",
    8: "Port-Error",
    9: "NAS-Error",
    10: "NAS-Request",
    11: "NAS-Reboot",
    12: "Port-Unneeded",
    13: "Port-Preempted",
    14: "Port-Suspended",
    15: "Service-Unavailable",
    16: "Callback",
    17: "User-Error",
    18: "Host-Request",
}


def _text(value: bytes) -> str:
    return text_of(value)


def _whole(value: bytes) -> str:
    return str(int.from_bytes(value, "big")) if len(value) == 4 else ""


def _address(value: bytes) -> str:
    return str(ipaddress.ip_address(value)) if len(value) in (4, 16) else ""


def _one_of(names: Mapping[int, str]) -> Callable[[bytes], str]:
    return lambda value: names.get(int.from_bytes(value, "big"), _whole(value))


_ATTRIBUTES: dict[int, tuple[str, Callable[[bytes], str]]] = {
    1: ("User-Name", _text),
    4: ("NAS-IP-Address", _address),
    5: ("NAS-Port", _whole),
    8: ("Framed-IP-Address", _address),
    30: ("Called-Station-Id", _text),
    31: ("Calling-Station-Id", _text),
    32: ("NAS-Identifier", _text),
    40: ("Acct-Status-Type", _one_of(STATUS)),
    41: ("Acct-Delay-Time", _whole),
    42: ("Acct-Input-Octets", _whole),
    43: ("Acct-Output-Octets", _whole),
    44: ("Acct-Session-Id", _text),
    46: ("Acct-Session-Time", _whole),
    47: ("Acct-Input-Packets", _whole),
    48: ("Acct-Output-Packets", _whole),
    49: ("Acct-Terminate-Cause", _one_of(CAUSES)),
    50: ("Acct-Multi-Session-Id", _text),
    52: ("Acct-Input-Gigawords", _whole),
    53: ("Acct-Output-Gigawords", _whole),
    EVENT_TIMESTAMP: ("Event-Timestamp", _whole),
    87: ("NAS-Port-Id", _text),
    95: ("NAS-IPv6-Address", _address),
}
# Cisco's attributes of a voice call; each may also come as "name=value", or in a Cisco-AVPair.
_CISCO_ATTRIBUTES = {
    1: "Cisco-AVPair",
    24: "h323-conf-id",
    25: "h323-setup-time",
    26: "h323-call-origin",
    27: "h323-call-type",
    28: "h323-connect-time",
    29: "h323-disconnect-time",
    30: "h323-disconnect-cause",
}
_LINE = re.compile(r"[ \t]+(?P<name>[A-Za-z][\w.\-]*)(?::\d+)? *(?:\+=|:=|=) *(?P<value>.*?)[ \t\r]*$", re.ASCII | re.M)
_END = re.compile(rb"\n\r?\n")


class BadPacket(ValueError):
    """The packet does not hold what its lengths say."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """`place` is where the value stands in the record, quotes left out."""

    name: str
    value: str
    place: tuple[int, int]


def frame_records(data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """See `Format.frame`: a packet says its length; a text record ends with an empty line."""
    return frame_by(_end_of, data, final=final)


def _end_of(data: bytes, at: int) -> int | None:
    if is_packet(data[at : at + 1]):
        if len(data) < at + 4:
            return None
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        if HEADER_BYTES <= size <= LARGEST_PACKET_BYTES:
            return at + size if len(data) >= at + size else None
    begin = at
    while begin < len(data) and data[begin : begin + 1] in (b"\n", b"\r"):
        begin += 1
    found = _END.search(data, begin) if begin < len(data) else None
    return found.end() if found else None


def is_packet(record: bytes) -> bool:
    return record[:1] == bytes([ACCOUNTING_REQUEST])


def attributes_of(record: bytes) -> list[Attribute]:
    """The attributes of a packet or a text record, in order. Raises BadPacket."""
    return list(_of_packet(record) if is_packet(record) else _of_text(record))


def _of_packet(record: bytes) -> Iterator[Attribute]:
    if len(record) < HEADER_BYTES or int.from_bytes(record[2:4], "big") != len(record):
        raise BadPacket(f"{len(record)} bytes, the packet says {int.from_bytes(record[2:4], 'big')}")
    for kind, start, end in _walk(record, HEADER_BYTES, len(record)):
        if kind == _VENDOR and record[start : start + 4] == struct.pack(">I", _CISCO):
            yield from _of_cisco(record, start + 4, end)
        elif kind in _ATTRIBUTES:
            name, decode = _ATTRIBUTES[kind]
            yield Attribute(name, decode(record[start:end]), (start, end))


def _of_cisco(record: bytes, start: int, end: int) -> Iterator[Attribute]:
    for kind, begin, stop in _walk(record, start, end):
        name = _CISCO_ATTRIBUTES.get(kind)
        if name is not None:
            yield _paired(Attribute(name, _text(record[begin:stop]), (begin, stop)))


def _walk(record: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, and where the value stands, of each attribute. Raises BadPacket."""
    at = start
    while at < end:
        size = record[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end:
            raise BadPacket(f"an attribute at byte {at} is {size} bytes long, {end - at} are left")
        yield record[at], at + 2, at + size
        at += size


def _of_text(record: bytes) -> Iterator[Attribute]:
    text = record.decode("latin-1")
    for found in _LINE.finditer(text):
        start, end = found.span("value")
        if end - start >= 2 and text[start] == text[end - 1] == '"':
            start, end = start + 1, end - 1
        yield _paired(Attribute(found["name"], text_of(record[start:end]), (start, end)))


def _paired(attribute: Attribute) -> Attribute:
    """Cisco writes the name into the value: h323-setup-time = "h323-setup-time=10:59:02 ..."."""
    name, equals, value = attribute.value.partition("=")
    if not equals or not (attribute.name == name or attribute.name == "Cisco-AVPair"):
        return attribute
    end = attribute.place[1]
    return Attribute(name, value, (end - len(value.encode()), end)) if name.startswith("h323-") else attribute


def with_timestamp(packet: bytes, epoch_s: int) -> bytes:
    """The packet with an Event-Timestamp, added when the NAS sends none: nothing else says when it happened."""
    try:
        known = any(kind == EVENT_TIMESTAMP for kind, _, _ in _walk(packet, HEADER_BYTES, len(packet)))
    except BadPacket:
        return packet
    if known or len(packet) + 6 > LARGEST_PACKET_BYTES:
        return packet
    longer = packet + struct.pack(">BBI", EVENT_TIMESTAMP, 6, epoch_s)
    return longer[:2] + struct.pack(">H", len(longer)) + longer[4:]
