"""Reading Cisco CUCM flat files: CDR and CMR rows, by the names in their first line (CDR Administration Guide 12.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from ardoise.core.usage import Direction, Event, Leg, Reading
from ardoise.formats.asterisk.channels import looks_outside
from ardoise.formats.cells import BadCell, epoch_time, iso, seconds
from ardoise.formats.columns import Grid, Row, RowReader, names

CDR_NEEDS = frozenset(
    names(
        "globalCallID_callId,dateTimeOrigination,dateTimeConnect,dateTimeDisconnect,duration,callingPartyNumber,"
        "originalCalledPartyNumber,finalCalledPartyNumber,origDeviceName,destDeviceName"
    )
)
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_MAC_NAME = re.compile(r"(?:SEP|ATA|BAT|AN|VGC)[0-9A-F]{10,15}", re.IGNORECASE)  # a type and a MAC address
_COUNT = re.compile(r"-?\d+|INTEGER|x+", re.ASCII)  # a column of counts: a value, its type, or blanked

GRID = Grid(
    layouts=(),
    numbers=frozenset(),
    keep=(_UUID, _MAC_NAME),
    header_names=frozenset({"cdrRecordType", "globalCallID_callId"}),
    shapes=dict.fromkeys(("cdrRecordType", "globalCallID_callId", "dateTimeOrigination", "duration"), _COUNT),
    only_quoted=True,
    begins=re.compile(r' *[12] *,|"cdrRecordType"|INTEGER'),
)

# Names that CUCM gives to phones; the second kind is Jabber's: a type and the name of a user.
_PHONE = re.compile(rf"{_MAC_NAME.pattern}.*|(?:CSF|TCT|BOT|TAB|UPC)\w+", re.IGNORECASE)
_BRIDGE = re.compile(r"CFB_?\w*|b00\d+", re.IGNORECASE)
_MAILBOX = re.compile(r".*-VI\d+|CiscoUM.*", re.IGNORECASE)
_REDIRECTS = {
    "1": "call forward busy",
    "2": "call forward no answer",
    "4": "call transfer",
    "5": "call pickup",
    "7": "call park",
    "9": "CPE out of order",
    "10": "call forward",
    "15": "call forward all",
}
_BUSY = frozenset({"17"})
_FAILED = frozenset({"1", "3", "27", "28", "34", "38", "41", "42", "47", "58", "63", "127"})  # Q.850


@dataclass(frozen=True, slots=True)
class Devices:
    """Tells phones from trunks and gateways by their names; `phones` are patterns of other names of phones."""

    phones: Sequence[str] = ()

    def is_phone(self, name: str) -> bool:
        return _PHONE.fullmatch(name) is not None or any(fnmatchcase(name, pattern) for pattern in self.phones)

    def is_trunk(self, name: str) -> bool:
        others = _BRIDGE.fullmatch(name) or _MAILBOX.fullmatch(name)
        return bool(name) and others is None and not self.is_phone(name)


def row_reader(devices: Devices) -> RowReader:
    def read(row: Row) -> Reading:
        kind = row["cdrRecordType"]
        if kind == "INTEGER":
            return Event("header", row.line)  # the second line: types
        if kind == "2":
            return _quality(row, devices)
        if kind != "1":
            raise BadCell("record_type", f"cdrRecordType is {kind!r}, expected 1 (CDR) or 2 (CMR)")
        if missing := row.lacks(CDR_NEEDS):
            raise BadCell("header_mismatch", f"the header has no column {', '.join(missing)}")
        return _leg(row, devices)

    return read


def _leg(row: Row, devices: Devices) -> Leg:
    start = epoch_time(row["dateTimeOrigination"], "dateTimeOrigination")
    connected, ended = _instant(row, "dateTimeConnect"), _instant(row, "dateTimeDisconnect")
    talk_s = seconds(row["duration"], "duration")
    direction = _direction(row, devices)
    answered = connected is not None and talk_s > 0
    calling, final = row.number("callingPartyNumber"), row.number("finalCalledPartyNumber")
    redirecting = row.number("lastRedirectDn")
    incoming = direction is Direction.IN
    other, ours = row["origDeviceName"], row["destDeviceName"]
    return Leg(
        start=start,
        duration_s=talk_s if answered else 0,
        ring_s=_ring_s(start, connected or ended),
        calling=calling,
        called=row.number("originalCalledPartyNumber") or final,
        direction=direction,
        extension=final if incoming else None if direction is Direction.TRANSFERRED else calling,
        trunk=(other if incoming else ours) if direction is not Direction.INTERNAL else None,
        answered=answered,
        transferred_from=redirecting if redirecting != final else None,
        account_code=row.text("clientMatterCode"),
        call_id=row.text("globalCallID_callId"),
        record_id=row.text("pkid"),
        voicemail=answered and _MAILBOX.fullmatch(ours) is not None,
        conference=_BRIDGE.fullmatch(ours) is not None or _BRIDGE.fullmatch(final or "") is not None,
        extras=_extras(row, connected, ended),
    )


def _instant(row: Row, name: str) -> datetime | None:
    return epoch_time(row[name], name) if row[name] not in ("", "0") else None


def _ring_s(start: datetime, end: datetime | None) -> int | None:
    ring_s = int((end - start).total_seconds()) if end else -1
    return ring_s if ring_s >= 0 else None


def _direction(row: Row, devices: Devices) -> Direction:
    """From the two devices; a call that reached none, from the length of the number."""
    source, target = row["origDeviceName"], row["destDeviceName"]
    comes, goes = devices.is_trunk(source), devices.is_trunk(target)
    if comes or goes:
        return Direction.TRANSFERRED if comes and goes else Direction.IN if comes else Direction.OUT
    outside = not target and looks_outside(row["finalCalledPartyNumber"])
    return Direction.OUT if outside else Direction.INTERNAL


def _extras(row: Row, connected: datetime | None, ended: datetime | None) -> dict[str, object]:
    causes = {row["origCause_value"], row["destCause_value"]}
    reason = row.text("lastRedirectRedirectReason", "origCalledPartyRedirectReason") or "0"
    if reason == "0":
        reason = row["origCalledPartyRedirectReason"]
    known: dict[str, object] = {
        "answer": iso(connected) if connected else None,
        "end": iso(ended) if ended else None,
        "status": "busy" if causes & _BUSY else "failed" if causes & _FAILED else None,
        "cause": row["destCause_value"] if row["destCause_value"] != "0" else row["origCause_value"],
        "redirect_reason": f"{reason} = {_REDIRECTS[reason]}" if reason in _REDIRECTS else None,
        "dialled_on_trunk": row.number("outpulsedCalledPartyNumber"),
        "presented": row.number("outpulsedCallingPartyNumber"),
        "authorization": row.text("authCodeDescription", "authorizationCodeValue"),
        "hunt_pilot": row["huntPilotDN"],
        "from_device": row["origDeviceName"],
        "to_device": row["destDeviceName"],
        "call_manager": row["globalCallID_callManagerId"],
        "cluster": row["globalCallId_ClusterID"],
        "no_detail": row.no_detail or None,
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


def _quality(row: Row, devices: Devices) -> Event:
    """A call management record: the quality of one leg, kept with the call's id."""
    device, stamp = row["deviceName"], row["dateTimeStamp"]
    on_trunk = devices.is_trunk(device)
    known: dict[str, object] = {
        "call_id": row["globalCallID_callId"],
        "at": iso(epoch_time(stamp, "dateTimeStamp")) if stamp.isdecimal() else None,
        "duration_s": seconds(row["duration"], "duration") if row["duration"].isdecimal() else None,
        "extension": None if on_trunk else row["directoryNum"],
        "trunk": device if on_trunk else None,
        "packets_lost": _count(row["numberPacketsLost"]),
        "jitter_ms": _count(row["jitter"]),
        "latency_ms": _count(row["latency"]),
    }
    said = {name: value for name, value in known.items() if value not in (None, "")}
    lost, jitter, latency = (said.get(name, "?") for name in ("packets_lost", "jitter_ms", "latency_ms"))
    text = f"call {said.get('call_id', '?')}, {device}: {lost} packets lost, jitter {jitter} ms, latency {latency} ms"
    return Event("quality", text, said)


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
