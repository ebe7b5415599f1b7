"""Where the fields of an OmniPCX Enterprise ticket stand, and the messages of its real-time link.

Fields: table ED5.2 (1-based, first and last), as the header of the accounting files lists it. The real-time link sends
each ticket as `03 04` and 772 bytes: four that say what it is, then the ticket, padded with zeros.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

TICKET = b"\x03\x04"
MESSAGE_BYTES = 2 + 772
KIND_BYTES = 4
CDR, MAO, VOIP, EMPTY = b"\x01\x00\x02\x00", b"\x01\x00\x06\x00", b"\x01\x00\x07\x00", b"\x01\x00\x01\x00"
KINDS = {CDR: "ticket", MAO: "management", VOIP: "voip_quality", EMPTY: "empty"}

HELLO, GO_ON = b"\x00\x01\x53", b"\x00\x02\x00\x00"  # from the collector
ROLE = b"\x00\x01"  # from the PBX, followed by the role of the CPU that answers
MAIN = b"P"
ALIVE, ALIVE_TOO = b"\x00\x08TEST_REQ", b"\x00\x08TEST_RSP"

Columns = Mapping[str, tuple[int, int]]  # by name: half-open, from 0

_ED5_2 = """TicketVersion 1-5, CalledNumber 6-35, ChargedNumber 36-65, ChargedUserName 66-85, ChargedCostCenter 86-95,
ChargedCompany 96-111, ChargedPartyNode 112-116, Subaddress 117-136, CallingNumber 137-166, CallType 167-168,
CostType 169-169, EndDateTime 170-186, ChargeUnits 187-191, CostInfo 192-201, Duration 202-211, TrunkIdentity 212-216,
TrunkGroupIdentity 217-221, TrunkNode 222-226, PersonalOrBusiness 227-227, AccessCode 228-243,
SpecificChargeInfo 244-250, BearerCapability 251-251, HighLevelComp 252-253, DataVolume 254-263,
UserToUserVolume 264-268, ExternalFacilities 269-308, InternalFacilities 309-348, CallReference 349-358,
SegmentsRate1 359-368, SegmentsRate2 369-378, SegmentsRate3 379-388, ComType 389-389, X25In 390-391, X25Out 392-393,
Carrier 394-395, InitialDialledNumber 396-425, WaitingDuration 426-430, EffectiveCallDuration 431-440,
RedirectedCallIndicator 441-441, StartDateTime 442-458, ActingExtensionNumber 459-488, CalledNumberNode 489-493,
CallingNumberNode 494-498, InitialDialledNumberNode 499-503, ActingExtensionNumberNode 504-508,
TransitTrunkGroupIdentity 509-513, NodeTimeOffset 514-519, TimeDlt 520-525"""


def _columns(table: str) -> dict[str, tuple[int, int]]:
    found = re.findall(r"(\w+) (\d+)-(\d+)", table)
    return {name: (int(first) - 1, int(last)) for name, first, last in found}


ED5_2: Columns = _columns(_ED5_2)
NEEDED = ("CalledNumber", "ChargedNumber", "CallingNumber", "CallType", "EndDateTime", "Duration")

# A line of the header of a file: "#3,ChargedUserName,66,85,20", one field a line or all of them on one.
_HEADER_FIELD = re.compile(r"\d+\s*[,;:\t ]\s*([A-Za-z]\w*)\s*[,;:\t ]\s*(\d+)\s*[,;:\t -]\s*(\d+)", re.ASCII)


def header_columns(text: str) -> Columns | None:
    """The columns that a header of a file lists, under the names of the table; None when it lists none we know."""
    ours = {name.lower(): name for name in ED5_2}
    found = {
        ours[name.lower()]: (int(first) - 1, int(last))
        for name, first, last in _HEADER_FIELD.findall(text)
        if name.lower() in ours and int(first) <= int(last)
    }
    return found if set(NEEDED) <= set(found) else None


@dataclass(frozen=True, slots=True)
class Record:
    """A framed record: its kind (one of KINDS, "line" of a file, "dialogue", "noise") and where its text stands."""

    kind: str
    at: int  # of the ticket's text in the record
    end: int


def dissect(record: bytes) -> Record:
    """What a framed record is: dialogue that a raw capture holds before the ticket is skipped."""
    at = 0
    while size := dialogue_size(record, at):
        at += size
    if at == len(record):
        return Record("dialogue", at, at)
    if record.startswith(TICKET, at):
        kind = KINDS.get(record[at + 2 : at + 2 + KIND_BYTES], "unknown")
        return Record(kind, at + 2 + KIND_BYTES, len(record))
    return Record("line", at, len(record))


def dialogue_size(data: bytes, at: int) -> int:
    """How many bytes of the dialogue stand here; 0 = none, or not all of it."""
    for known in (ALIVE, ALIVE_TOO, GO_ON):
        if data.startswith(known, at):
            return len(known)
    return len(HELLO) if data.startswith(ROLE, at) and len(data) >= at + len(HELLO) else 0
