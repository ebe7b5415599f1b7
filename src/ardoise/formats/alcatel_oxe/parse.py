"""Reading one ticket of an OmniPCX Enterprise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.alcatel_oxe.layout import ED5_2, Columns, Record, dissect, header_columns
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked

# CallType of the field table. Private calls stay inside the company: they are internal, `call_type` says which.
CALL_TYPES: Mapping[int, tuple[str, Direction]] = {
    0: ("public_out", Direction.OUT),
    1: ("public_out_through_private", Direction.OUT),
    2: ("private", Direction.INTERNAL),
    3: ("local_network", Direction.INTERNAL),
    4: ("public_in", Direction.IN),
    5: ("public_in_through_private", Direction.IN),
    6: ("unspecified", Direction.UNKNOWN),
    7: ("private_out", Direction.INTERNAL),
    8: ("private_out_through_private", Direction.INTERNAL),
    9: ("private_in", Direction.INTERNAL),
    10: ("private_in_through_private", Direction.INTERNAL),
    11: ("private_public_out", Direction.OUT),
    12: ("private_private_in", Direction.INTERNAL),
    13: ("private_in_call", Direction.INTERNAL),
    14: ("local", Direction.INTERNAL),
    15: ("transit", Direction.TRANSFERRED),
}
KNOWN_VERSION = "ED5.2"

_WHEN = re.compile(r"(\d{4})(\d{2})(\d{2}) (\d{2}):(\d{2}):(\d{2})", re.ASCII)
_DATE_IN_LINE = re.compile(r"\d{8} \d{2}:\d{2}:\d{2}", re.ASCII)
VERSION = re.compile(r"[A-Z]{2}\d\.\d", re.ASCII)
_ENOUGH = ED5_2["ActingExtensionNumber"][1]  # a ticket cut before may miss who took part


class Ticket:
    """The fields of one ticket as text, stripped; "" where blank or beyond the end of an older, shorter ticket."""

    def __init__(self, text: str, columns: Columns) -> None:
        self._text, self._columns = text, columns
        self.no_detail = False

    def __getitem__(self, name: str) -> str:
        start, end = self._columns.get(name, (0, 0))
        return self._text[start:end].strip(" \x00\r\n")

    def number(self, name: str) -> str | None:
        """A party; None when blank or blanked."""
        found = self[name]
        if is_blanked(found):
            self.no_detail = True
            return None
        return found or None

    def whole(self, name: str) -> int | None:
        found = self[name]
        return int(found) if found.isascii() and found.isdecimal() else None

    def when(self, name: str) -> PrintedTime | None:
        found = _WHEN.fullmatch(self[name])
        return PrintedTime(*(int(part) for part in found.groups())) if found else None


class OxeReader:
    """Reads the records of one stream or file in order. What it remembers: the columns that a file's header listed."""

    def __init__(self) -> None:
        self._columns: Columns = ED5_2

    def __call__(self, record: bytes) -> Reading:
        found = dissect(record)
        if found.kind == "dialogue":
            return Event("noise", "dialogue of the real-time link")
        if found.kind in {"management", "voip_quality", "empty"}:
            return Event("event", f"{found.kind} message")
        if found.kind == "unknown":
            return Unreadable("unknown_message", "a message of a kind that is not known: report it with its bytes")
        text = _text(record, found)
        if found.kind == "line":
            if text.startswith("#"):
                return self._header(text)
            if not VERSION.match(text):
                return _no_ticket(text)
        return self._ticket(Ticket(text, self._columns), len(text))

    def _header(self, text: str) -> Reading:
        columns = header_columns(text)
        if columns is not None:
            self._columns = columns
        return Event("header", text.strip())

    def _ticket(self, ticket: Ticket, length: int) -> Reading:
        talk_s, end = ticket.whole("Duration"), ticket.when("EndDateTime")
        if end is None or talk_s is None:
            if length < _ENOUGH:
                return Unreadable("cut", f"the ticket stops after {length} characters")
            return Unreadable(
                "layout",
                f"version {ticket['TicketVersion']!r}: end {ticket['EndDateTime']!r} and duration "
                f"{ticket['Duration']!r} are not where ED5.2 has them; drop the file with its header line instead",
            )
        kind = ticket.whole("CallType")
        if kind is None or kind not in CALL_TYPES:
            return Unreadable("call_type", f"call type {ticket['CallType']!r} is not one of 0 to 15")
        start = ticket.when("StartDateTime") or _before(end, talk_s)
        if start is None:
            return Unreadable("impossible_date", f"{ticket['EndDateTime']!r} is no date and time")
        return _leg(ticket, start, talk_s, *CALL_TYPES[kind])


def _leg(ticket: Ticket, start: PrintedTime, talk_s: int, call_type: str, direction: Direction) -> Leg:
    extension = ticket.number("ChargedNumber")
    acting = ticket.number("ActingExtensionNumber")
    called, initial = ticket.number("CalledNumber"), ticket.number("InitialDialledNumber")
    calling = ticket.number("CallingNumber")
    moved = acting if acting != extension else None
    incoming = direction is Direction.IN
    return Leg(
        start=start,
        duration_s=talk_s,
        ring_s=ticket.whole("WaitingDuration"),
        calling=calling if incoming else calling or extension,
        called=(initial or called) if incoming else called,
        direction=direction,
        extension=None if direction is Direction.TRANSFERRED else extension,
        charged_extension=None if incoming else extension,
        trunk=_trunk(ticket),
        answered=talk_s > 0,
        transferred_from=moved,
        account_code=ticket["AccessCode"] or None,
        cost_units=ticket.whole("ChargeUnits"),
        dialled=initial if not incoming and initial != called else None,
        extras=_extras(ticket, call_type),
    )


def _extras(ticket: Ticket, call_type: str) -> dict[str, object]:
    end = ticket.when("EndDateTime")
    found: dict[str, object] = {
        "end": None if end is None else str(end),
        "call_type": call_type,
        "charged_name": ticket["ChargedUserName"] or None,
        "cost_center": ticket["ChargedCostCenter"] or None,
        "company": ticket["ChargedCompany"] or None,
        "node": ticket["ChargedPartyNode"] or None,
        "redirected": ticket["RedirectedCallIndicator"] == "1" or None,
        "personal_or_business": ticket["PersonalOrBusiness"] or None,
        "cost_info": ticket.whole("CostInfo") or None,
        "carrier": ticket["Carrier"] or None,
        "call_reference": (ticket["CallReference"].strip("0") and ticket["CallReference"]) or None,
        "utc_offset_min": _offset(ticket["NodeTimeOffset"]),
        "confidence": None if ticket["TicketVersion"] == KNOWN_VERSION else "low",
        "no_detail": ticket.no_detail or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _trunk(ticket: Ticket) -> str | None:
    group, trunk = ticket.whole("TrunkGroupIdentity"), ticket.whole("TrunkIdentity")
    if not group and not trunk:
        return None
    return f"group {group} trunk {trunk}" if trunk else f"group {group}"


def _offset(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]\d{1,5}", text, re.ASCII) else None


def _before(end: PrintedTime, talk_s: int) -> PrintedTime | None:
    """The start of a ticket too old to print one: its end less its duration, None when the end is on no calendar."""
    try:
        at = datetime(end.year or 1, end.month, end.day, end.hour, end.minute, end.second or 0, tzinfo=UTC)  # any zone
        at -= timedelta(seconds=talk_s)
    except (ValueError, OverflowError):
        return None
    return PrintedTime(at.year, at.month, at.day, at.hour, at.minute, at.second)


def _no_ticket(text: str) -> Reading:
    if not text.strip():
        return Event("noise", "")
    return Unreadable("garbage", "no ticket version (ED5.2) at the start of the line")


def _text(record: bytes, found: Record) -> str:
    """One character a byte, so that columns are bytes; a name in UTF-8 must not move what follows it."""
    return record[found.at : found.end].rstrip(b"\r\n").decode("latin-1")


# --- redaction


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`. Without the columns of a header, those of ED5.2 hold; a line they do not fit loses every
    long number."""
    if not protected:
        return record
    found = dissect(record)
    text = _text(record, found)
    ticket = Ticket(text, ED5_2)
    kind = ticket.whole("CallType")
    is_ticket = found.kind in {"ticket", "line"} and len(text) >= _ENOUGH and not _is_odd(ticket)
    if not is_ticket or kind is None or kind not in CALL_TYPES:
        return blank_long_numbers(record.decode("latin-1"), (_DATE_IN_LINE,)).encode("latin-1")
    parties = ("ChargedNumber", "ActingExtensionNumber", "CalledNumber", "CallingNumber", "InitialDialledNumber")
    if not {ticket[name] for name in parties} & protected:
        return record
    redacted = bytearray(record)
    for name in _outside(CALL_TYPES[kind][1]):
        start, end = (found.at + place for place in ED5_2[name])
        redacted[start:end] = blank(record[start:end].decode("latin-1")).encode("latin-1")
    return bytes(redacted)


def _is_odd(ticket: Ticket) -> bool:
    return ticket.when("EndDateTime") is None or ticket.whole("Duration") is None


def _outside(direction: Direction) -> tuple[str, ...]:
    """The fields that hold the number of the other side."""
    match direction:
        case Direction.INTERNAL:
            return ()
        case Direction.IN:
            return ("CallingNumber", "Subaddress")
        case Direction.OUT:
            return ("CalledNumber", "InitialDialledNumber", "Subaddress")
        case _:
            return ("CalledNumber", "CallingNumber", "InitialDialledNumber", "Subaddress")
