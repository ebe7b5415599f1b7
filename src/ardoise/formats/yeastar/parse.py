"""Reading a Yeastar record: a 30012 event, a NewCdr message, or a row of cdr/list and cdr/search."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.json_records import NoJson, decode, decode_text, number_at, redact_json, seconds_at, text_at
from ardoise.formats.lines import is_blanked

LISTS: Final = (("data",),)  # a page of cdr/list or cdr/search
CALL_ENDED: Final = 30012

_DIRECTIONS: Final = {"internal": Direction.INTERNAL, "inbound": Direction.IN, "outbound": Direction.OUT}
_UNANSWERED: Final = {"BUSY": "busy", "FAILED": "failed"}
_NAMED = re.compile(r"(.*)<([^<>]*)>")
_SECONDS_OF_1970 = re.compile(r"1\d{9}", re.ASCII)
_PRINTED = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)? *([AaPp])?", re.ASCII
)
_OFFSET = re.compile(r"(?:Z|[+-]\d{2}:?\d{2})$")

# Where each kind of record keeps the same thing: rows of the API, 30012, NewCdr (its spelling mistakes are its own).
_FROM: Final = ("call_from_number", "call_from", "callfrom")
_TO: Final = ("call_to_number", "call_to", "callto")
_TOTAL: Final = ("duration", "call_duration", "callduraction", "callduration")
_TALK: Final = ("talk_duration", "talkduraction", "talkduration")
_STATUS: Final = ("disposition", "status")
_TYPE: Final = ("call_type", "type")
_SOURCE_TRUNK: Final = ("src_trunk", "src_trunk_name", "srctrunkname")
_TARGET_TRUNK: Final = ("dst_trunk", "dst_trunk_name", "dsttrcunkname", "desttrunkname", "dsttrunkname")
_TIME: Final = ("time_start", "timestart", "time")
_EXTRAS: Final = {
    "uid": ("uid",),
    "recording": ("record_file", "recording"),
    "reason": ("reason",),
    "presented": ("dod_number",),
    "did_name": ("did_name",),
}

NUMBERS: Final = frozenset(
    {*_FROM, *_TO, "did_number", "didnumber", "dod_number", "recording", "record_file", "reason", "call_from_name"}
    | {"call_to_name", "call_note"}
)
KEPT: Final = frozenset(
    {*_TOTAL, *_TALK, *_STATUS, *_TIME, "timestamp", "ring_duration", "agent_ring_time", "agentringtime", "uid", "id"}
    | {"call_id", "callid", "sn", "call_type", "src_addr", "errcode", "errmsg", "total_number", "event", "action"}
)


class _Bad(ValueError):
    """A field cannot be read; never leaves this module."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def read_record(record: bytes, date_order: str) -> Reading:
    """One record as a Leg; an Event (a page of no calls, another event of the PBX); or an Unreadable. Never raises.

    `date_order` is how the PBX prints dates whose year does not come first: "dmy" or "mdy".
    """
    try:
        found = decode(record, LISTS)
        if found is None:
            return Event("noise", "")
        if "msg" in found:
            return _event(found, date_order)
        if text_at(found, "errcode") not in (None, "0") and "uid" not in found:
            return Event(
                "alarm", f"the PBX refused: {text_at(found, 'errcode')} {text_at(found, 'errmsg') or ''}".strip()
            )
        return _leg(found, date_order)
    except NoJson as error:
        return Unreadable("no_json", f"{error}: is this the cdr interface or the event of a Yeastar PBX?")
    except _Bad as bad:
        return Unreadable(bad.reason, str(bad))


def _event(found: Mapping[str, Any], date_order: str) -> Reading:
    """What the PBX pushes: `msg` is JSON inside JSON."""
    if text_at(found, "type") != str(CALL_ENDED):
        return Event("event", f"event {text_at(found, 'type')}, not the end of a call (30012): not billed")
    said = found["msg"]
    return _leg(decode_text(said) if isinstance(said, str) else said, date_order)


def _leg(found: Any, date_order: str) -> Leg:
    if not isinstance(found, Mapping) or text_at(found, *_STATUS) is None:
        raise _Bad("no_cdr", "an object without status or disposition is no call record")
    calling, calling_blanked = _party(found, _FROM)
    called, called_blanked = _party(found, _TO)
    did, did_blanked = number_at(found, "did_number", "didnumber")
    direction = _DIRECTIONS.get((text_at(found, *_TYPE) or "").lower(), Direction.UNKNOWN)
    status = (text_at(found, *_STATUS) or "").upper()
    answered = status in ("ANSWERED", "VOICEMAIL")
    total_s, talk_s = _durations(found)
    source_trunk, target_trunk = text_at(found, *_SOURCE_TRUNK), text_at(found, *_TARGET_TRUNK)
    start = _start(found, date_order)
    call_id = text_at(found, "call_id", "callid")
    ring_s = seconds_at(found, "ring_duration")
    extras = _extras(found, status, total_s, no_detail=calling_blanked or called_blanked or did_blanked)
    return Leg(
        start=start,
        duration_s=talk_s if answered else 0,
        ring_s=max(total_s - talk_s, 0) if ring_s is None else ring_s,
        calling=calling,
        called=called,
        dialled=did if direction is Direction.IN else None,
        direction=direction,
        extension=called if direction is Direction.IN else calling,
        trunk=(source_trunk or target_trunk) if direction is Direction.IN else (target_trunk or source_trunk),
        answered=answered,
        voicemail=status == "VOICEMAIL",
        account_code=text_at(found, "pin_code", "pincode"),
        call_id=call_id,
        record_id=_record_id(found, call_id, start),
        extras=extras,
    )


def _record_id(found: Mapping[str, Any], call_id: str | None, start: PrintedTime | datetime) -> str | None:
    """The uid; firmwares without it: the call and who it joined, as one call gives a record for each of its parts."""
    if (uid := text_at(found, "uid")) is not None:
        return uid
    parts = (call_id, str(start), text_at(found, *_FROM), text_at(found, *_TO), text_at(found, *_TALK))
    return None if call_id is None else "|".join(part or "" for part in parts)


def _party(found: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str | None, bool]:
    """A number, out of `name<number>` where the record prints both; and whether it was blanked."""
    text = text_at(found, *names)
    named = _NAMED.fullmatch(text or "")
    number = (named[2].strip() or named[1].strip()) if named else text
    return (None, True) if is_blanked(number) else (number or None, False)


def _durations(found: Mapping[str, Any]) -> tuple[int, int]:
    """From the first ring to the end, and of that the talk."""
    total_s, talk_s = seconds_at(found, *_TOTAL), seconds_at(found, *_TALK)
    if total_s is None or talk_s is None:
        raise _Bad("bad_duration", "expected the whole and the talk time in seconds (duration, talk_duration)")
    return total_s, talk_s


def _start(found: Mapping[str, Any], date_order: str) -> PrintedTime | datetime:
    """The timestamp where there is one (rows of the API): the printed time has the format that the PBX displays."""
    text = text_at(found, "timestamp")
    if text is None or _SECONDS_OF_1970.fullmatch(text) is None:
        text = text_at(found, *_TIME) or ""
    if _SECONDS_OF_1970.fullmatch(text):
        return datetime.fromtimestamp(int(text), UTC)
    if _OFFSET.search(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise _Bad("bad_start", f"start {text!r} is no ISO 8601 instant") from error
    return _printed(text, date_order)


def _printed(text: str, date_order: str) -> PrintedTime:
    match = _PRINTED.match(text)
    if match is None:
        raise _Bad("bad_start", f"start {text!r} is written in no way a Yeastar PBX displays")
    first, second, third = (int(match[at]) for at in (1, 2, 3))
    if len(match[1]) == 4:
        year, month, day = first, second, third
    elif date_order == "mdy":
        year, month, day = third, first, second
    else:
        year, month, day = third, second, first
    hour, minute = int(match[4]), int(match[5])
    if match[7]:
        hour = hour % 12 + (12 if match[7] in "Pp" else 0)
    try:
        datetime(year, month, day, hour, minute, int(match[6] or 0))  # noqa: DTZ001 - only whether it exists
    except ValueError as error:
        raise _Bad("impossible_date", f"{text!r} is no date of the calendar (option dates: {date_order})") from error
    return PrintedTime(year, month, day, hour, minute, int(match[6]) if match[6] else None)


def _extras(found: Mapping[str, Any], status: str, total_s: int, *, no_detail: bool) -> dict[str, object]:
    extras: dict[str, object] = {"total_s": total_s}
    for name, places in _EXTRAS.items():
        text = text_at(found, *places)
        if text is not None and not is_blanked(text):
            extras[name] = text
    agent_s = seconds_at(found, "agent_ring_time", "agentringtime")
    if agent_s:
        extras["agent_ring_s"] = agent_s
    if status in _UNANSWERED:
        extras["status"] = _UNANSWERED[status]
    if no_detail:
        extras["no_detail"] = True
    return extras


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`."""
    return redact_json(record, protected, numbers=NUMBERS, keep=KEPT, nested=frozenset({"msg"}), lists=LISTS)
