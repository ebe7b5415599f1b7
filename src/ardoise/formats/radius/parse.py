"""Reading accounting records: one data session, or one voice call, from its cumulative records."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable, UsageKind
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked
from ardoise.formats.radius.wire import BadPacket, attributes_of, is_packet

LONGEST_SESSION_S = 10 * 366 * 86_400
NO_ACCESS_POINT = "data"  # what a session without Called-Station-Id went to: every usage has something to price
SESSIONS_KEPT = 4096  # recent sessions a reader remembers
_GIGAWORD = 2**32
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_ZONES = {"UTC": 0, "GMT": 0, "WET": 0, "Z": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3}

_EVENT_TIME = re.compile(
    r"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<year>\d{4}) (?P<clock>\d{2}:\d{2}:\d{2}) "
    r"(?P<zone>[+-]\d{2,4}|[A-Z]+)",
    re.ASCII,
)
_HEADER_TIME = re.compile(
    r"\s*[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<clock>\d{2}:\d{2}:\d{2}) (?P<year>\d{4})\s*\n",
    re.ASCII,
)
_VOICE_TIME = re.compile(
    r"[*.]?(?P<clock>\d{2}:\d{2}:\d{2})(?:\.\d+)? (?P<zone>[A-Z]+|[+-]\d{2,4}) [A-Z][a-z]{2} "
    r"(?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) (?P<year>\d{4})",
    re.ASCII,
)
_CLOCKS = re.compile(r"\d{2}:\d{2}:\d{2}", re.ASCII)
_NUMBERS = ("Calling-Station-Id", "Called-Station-Id", "Framed-IP-Address")


class RadiusReader:
    """Reads the records of one stream. Remembers the recent sessions: when each began, how far its counters came.

    Counters are cumulative and a session has one identity, so that each record replaces the one before it: a Stop that
    never comes loses only what followed the last Interim-Update.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._only_stops = options["sessions"] == "stop"
        self._origin, self._access_point = options["call_leg"], options["access_point"]
        self._sessions: OrderedDict[str, tuple[str, int]] = OrderedDict()  # its identity, the seconds seen; -1 = ended

    def __call__(self, record: bytes) -> Reading:
        try:
            said = {attribute.name: attribute.value for attribute in attributes_of(record)}
        except BadPacket as error:
            return Unreadable("bad_packet", f"not a whole accounting packet: {error}")
        if not said:
            return _no_record(record)
        status = {"Alive": "Interim-Update"}.get(said.get("Acct-Status-Type", ""), said.get("Acct-Status-Type", ""))
        nas = next(
            (said[name] for name in ("NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier") if name in said), ""
        )
        if status in {"Accounting-On", "Accounting-Off"}:
            return Event("event", f"{status} of {nas or 'a NAS'}: its open sessions are over")
        session = said.get("Acct-Session-Id", "")
        if status not in {"Start", "Stop", "Interim-Update"} or not session:
            reason = "cut" if not is_packet(record) and not record.endswith((b"\n\n", b"\n\r\n")) else "not_a_session"
            return Unreadable(reason, f"Acct-Status-Type {status!r}, Acct-Session-Id {session!r}: no session")
        if status == "Start" or (status == "Interim-Update" and self._only_stops):
            return Event("event", f"{status} of session {session} of {said.get('User-Name', '')}".rstrip())
        seconds = said.get("Acct-Session-Time", "0")
        if not (seconds.isascii() and seconds.isdecimal() and int(seconds) <= LONGEST_SESSION_S):
            return Unreadable("bad_duration", f"Acct-Session-Time is {seconds!r}")
        return self._usage(record, said, nas=nas, session=session, lasted_s=int(seconds), over=status == "Stop")

    def _usage(
        self, record: bytes, said: Mapping[str, str], *, nas: str, session: str, lasted_s: int, over: bool
    ) -> Reading:
        try:
            end = _end_of(record, said)
            start = None if end is None else _before(end, lasted_s)
        except OverflowError:
            return Unreadable("impossible_date", "the session would have begun before the calendar")
        if end is None or start is None:
            return Unreadable("no_time", "no Event-Timestamp, no Timestamp and no date line: when was that?")
        known, seen_s = self._sessions.get(f"{nas}/{session}", ("", 0))
        if not over and (seen_s < 0 or lasted_s < seen_s) and _is_same(known, start):
            return Event("event", f"late Interim-Update of session {session}: a later one is known")
        identity = known if known and _is_same(known, start) else f"{nas}/{session}/{_day(start)}"
        self._remember(f"{nas}/{session}", identity, -1 if over else lasted_s)
        if any(name.startswith("h323-") for name in said):
            return self._call(said, identity, start, lasted_s)
        return _session(said, identity, start, end, lasted_s, access_point=self._access_point, over=over)

    def _remember(self, session: str, identity: str, seen_s: int) -> None:
        self._sessions[session] = (identity, seen_s)
        self._sessions.move_to_end(session)
        if len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)

    def _call(self, said: Mapping[str, str], identity: str, start: datetime | PrintedTime, talk_s: int) -> Reading:
        """A voice call of a gateway: two legs a call, of which one is counted."""
        origin = said.get("h323-call-origin", "")
        if self._origin != "both" and origin and origin != self._origin:
            return Event("event", f"the {origin} leg of call {said.get('h323-conf-id', '')}: the other one is counted")
        setup, connect = _voice_time(said.get("h323-setup-time", "")), _voice_time(said.get("h323-connect-time", ""))
        waited = int((connect - setup).total_seconds()) if setup and connect and talk_s else 0
        calling, called = _shown(said, "Calling-Station-Id"), _shown(said, "Called-Station-Id")
        return Leg(
            start=setup or start,
            duration_s=talk_s,
            ring_s=max(waited, 0) if setup and connect else None,
            calling=calling,
            called=called,
            direction=Direction.OUT,
            extension=said.get("User-Name") or None,
            trunk=said.get("NAS-Port-Id") or None,
            answered=talk_s > 0,
            record_id=identity,
            extras=_present(
                {
                    "session": said["Acct-Session-Id"],
                    "user": said.get("User-Name"),
                    "conference_id": said.get("h323-conf-id"),
                    "cause": said.get("h323-disconnect-cause") or said.get("Acct-Terminate-Cause"),
                    "no_detail": _is_redacted(said) or None,
                }
            ),
        )


def _session(
    said: Mapping[str, str],
    identity: str,
    start: datetime | PrintedTime,
    end: datetime | PrintedTime,
    lasted_s: int,
    *,
    access_point: str,
    over: bool,
) -> Leg:
    received, sent = _octets(said, "Input"), _octets(said, "Output")
    return Leg(
        start=start,
        duration_s=lasted_s,
        ring_s=None,
        calling=_shown(said, "Calling-Station-Id"),
        called=access_point or _shown(said, "Called-Station-Id") or NO_ACCESS_POINT,
        direction=Direction.OUT,
        extension=said.get("User-Name") or None,
        trunk=None,
        answered=True,
        record_id=identity,
        kind=UsageKind.DATA,
        units=received + sent,
        extras=_present(
            {
                "session": said["Acct-Session-Id"],
                "user": said.get("User-Name"),
                "end": f"{end:%Y-%m-%dT%H:%M:%S}Z" if isinstance(end, datetime) else str(end),
                "octets_in": received,
                "octets_out": sent,
                "gigawords": _count(said, "Acct-Input-Gigawords") + _count(said, "Acct-Output-Gigawords"),
                "packets_in": _count(said, "Acct-Input-Packets"),
                "packets_out": _count(said, "Acct-Output-Packets"),
                "cause": said.get("Acct-Terminate-Cause"),
                "station": _shown(said, "Called-Station-Id") if access_point else None,
                "nas": said.get("NAS-Identifier") or said.get("NAS-IP-Address"),
                "nas_port": said.get("NAS-Port-Id") or said.get("NAS-Port"),
                "framed_ip": _shown(said, "Framed-IP-Address"),
                "in_progress": None if over else True,
                "no_detail": _is_redacted(said) or None,
            }
        ),
    )


def _octets(said: Mapping[str, str], way: str) -> int:
    """32 bits in one attribute, the overflow in another (RFC 2869)."""
    return _count(said, f"Acct-{way}-Octets") + _GIGAWORD * _count(said, f"Acct-{way}-Gigawords")


def _count(said: Mapping[str, str], name: str) -> int:
    value = said.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() else 0


def _shown(said: Mapping[str, str], name: str) -> str | None:
    value = said.get(name) or None
    return None if value and _is_blanked(value) else value


def _is_blanked(value: str) -> bool:
    """A number, or an address with letters, whose digits were blanked."""
    return is_blanked(value) or (re.search(r"xx", value) is not None and re.search(r"[0-9]", value) is None)


def _is_redacted(said: Mapping[str, str]) -> bool:
    return any(_is_blanked(said[name]) for name in _NUMBERS if said.get(name))


def _present(facts: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in facts.items() if value is not None and value != ""}


def _no_record(record: bytes) -> Reading:
    if not record.strip(b"\r\n\t \x00"):
        return Event("noise", "")
    return Unreadable("garbage", f"no attribute in {record[:40]!r}: neither a packet nor a detail record")


# --- times


def _end_of(record: bytes, said: Mapping[str, str]) -> datetime | PrintedTime | None:
    """When the NAS says that this happened; else when the server wrote it, less the delay."""
    stamp = said.get("Event-Timestamp", "")
    at = _epoch(stamp) or _event_time(stamp)
    if at is not None:
        return at
    delay = timedelta(seconds=min(_count(said, "Acct-Delay-Time"), LONGEST_SESSION_S))
    if (written := _epoch(said.get("Timestamp", ""))) is not None:
        return written - delay
    head = None if is_packet(record) else _HEADER_TIME.match(record.decode("latin-1"))
    if head is None:
        return None
    local = _calendar(head)
    return None if local is None else _printed(local - delay)


def _before(end: datetime | PrintedTime, lasted_s: int) -> datetime | PrintedTime:
    if isinstance(end, datetime):
        return end - timedelta(seconds=lasted_s)
    local = datetime(end.year or 1, end.month, end.day, end.hour, end.minute, end.second or 0, tzinfo=UTC)  # any zone
    return _printed(local - timedelta(seconds=lasted_s))


def _is_same(identity: str, start: datetime | PrintedTime) -> bool:
    """Whether a session of this id that began then is the one known: ids recycle, but not within two days."""
    day = identity.rpartition("/")[2]
    if not day:
        return False
    begun = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date()
    return abs((datetime(start.year or 1, start.month, start.day, tzinfo=UTC).date() - begun).days) <= 1


def _day(at: datetime | PrintedTime) -> str:
    return f"{at.year or 1:04d}-{at.month:02d}-{at.day:02d}"


def _printed(at: datetime) -> PrintedTime:
    return PrintedTime(at.year, at.month, at.day, at.hour, at.minute, at.second)


def _epoch(text: str) -> datetime | None:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        return None
    return datetime.fromtimestamp(int(text), UTC)


def _event_time(text: str) -> datetime | None:
    """ "Jun 30 2026 00:33:07 +07", or with the name of a zone that is not ambiguous."""
    found = _EVENT_TIME.fullmatch(text)
    return _in_zone(found) if found else None


def _voice_time(text: str) -> datetime | None:
    """ "*10:59:02.123 UTC Mon Oct 5 2026": the star says that the gateway doubts its clock."""
    found = _VOICE_TIME.fullmatch(text)
    return _in_zone(found) if found else None


def _in_zone(found: re.Match[str]) -> datetime | None:
    zone = found["zone"]
    if zone[0] in "+-":
        minutes = int(zone[1:3]) * 60 + int(zone[3:5] or 0)
        offset = timedelta(minutes=minutes if zone[0] == "+" else -minutes)
    elif zone in _ZONES:
        offset = timedelta(hours=_ZONES[zone])
    else:
        return None
    local = _calendar(found)
    if local is None or abs(offset) >= timedelta(hours=24):
        return None
    try:
        return local.replace(tzinfo=timezone(offset)).astimezone(UTC)
    except OverflowError:
        return None


def _calendar(found: re.Match[str]) -> datetime | None:
    """The printed date and clock, in no zone of its own."""
    hour, minute, second = (int(part) for part in found["clock"].split(":"))
    try:
        return datetime(
            int(found["year"]), _MONTHS.get(found["month"], 0), int(found["day"]), hour, minute, second, tzinfo=UTC
        )
    except ValueError:
        return None


# --- redaction


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`: the stations of a session of a protected user are blanked in place."""
    if not protected:
        return record
    is_whole = is_packet(record) or record.endswith((b"\n\n", b"\n\r\n"))
    try:
        attributes = attributes_of(record) if is_whole else []
    except BadPacket:
        attributes = []
    said = {attribute.name: attribute.value for attribute in attributes}
    if not said.get("Acct-Session-Id") or not said.get("Acct-Status-Type"):
        return blank_long_numbers(record.decode("latin-1"), (_CLOCKS,)).encode("latin-1")
    if not {said.get(name, "") for name in ("User-Name", *_NUMBERS)} & protected:
        return record
    redacted = bytearray(record)
    for attribute in attributes:
        start, end = attribute.place
        if attribute.name in _NUMBERS[:2] and attribute.value not in protected:
            redacted[start:end] = blank(record[start:end].decode("latin-1")).encode("latin-1")
    return bytes(redacted)
