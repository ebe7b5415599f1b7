"""Cutting a TAP file into its records: what stands before the events, each event, what stands behind them.

The containers (TransferBatch, CallEventDetails) are opened, not taken whole, so that one event is one record, as a line
is in other formats; the tag and length of the containers belong to the record they stand before.
"""

from __future__ import annotations

from collections.abc import Iterator

from ardoise.formats.lines import LONGEST_LINE_BYTES
from ardoise.formats.tap3.ber import APPLICATION, Header, Incomplete, NotBer, element_at, header_at

TRANSFER_BATCH, NOTIFICATION, CALL_EVENT_DETAILS = 1, 2, 3
CONTAINERS = frozenset({TRANSFER_BATCH, CALL_EVENT_DETAILS})
EVENTS = {
    9: "mobile_originated",
    10: "mobile_terminated",
    11: "supplementary_service",
    12: "service_centre",
    14: "data_session",
    17: "content",
    297: "location",
    433: "messaging",
    434: "mobile_session",
}
END_OF_CONTENTS = b"\x00\x00"


def frame_tap(data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """See `Format.frame`."""
    records: list[bytes] = []
    start = 0
    for before, after in _events(data):
        if before > start:
            records.append(data[start:before])
        records.append(data[before:after])
        start = after
    while not final and len(data) - start > LONGEST_LINE_BYTES:
        records.append(data[start : start + LONGEST_LINE_BYTES])  # no TAP file: nobody waits for its end
        start += LONGEST_LINE_BYTES
    if final and start < len(data):
        records.append(data[start:])
        start = len(data)
    return records, data[start:]


def _events(data: bytes) -> Iterator[tuple[int, int]]:
    """Where the events begin and end; stops where the bytes end or are no TAP."""
    at = 0
    try:
        while at < len(data):
            if data[at : at + 2] == END_OF_CONTENTS:
                at += 2
                continue
            header = header_at(data, at, len(data))
            if header.tag_class != APPLICATION:
                return
            if is_container(header):
                at = header.content
                continue
            element = element_at(data, at)
            if is_event(header):
                yield at, element.end
            at = element.end
    except (Incomplete, NotBer):
        return


def is_container(header: Header) -> bool:
    return header.tag_class == APPLICATION and header.tag in CONTAINERS and header.constructed


def is_event(header: Header) -> bool:
    return header.tag_class == APPLICATION and header.tag in EVENTS and header.constructed
