"""Reading the lines of a Panasonic SMDR output."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.lines import LONGEST_LINE_BYTES, blank, blank_long_numbers, is_blanked, text_of
from ardoise.formats.panasonic.layout import CONDITIONS, COST, HEAD, RING, Fields, fields_of

_HEADING = re.compile(r"\s*(?:Date +Time +Ext\b|-{20,}\s*$)")
_MODEM = re.compile(r"\s*(?:AT|\+\+\+)", re.ASCII)
_INCOMING = re.compile(r"(?:<D>(?P<ddi>.*?))?<I>(?P<caller>.*)")
_INTERCOM = re.compile(r"EXT *(?P<extension>[\dx*#]+)", re.ASCII)
_SENSOR = re.compile(r"<I>S(?P<sensor>\d{1,3})", re.ASCII)
_NUMBER = re.compile(r"[\dx+*#PF\-=]*", re.ASCII)
_TRUNK = re.compile(r"T\d+", re.ASCII)
_DATE = re.compile(r"\d{2}/\d{2}/\d{2}", re.ASCII)

_EVENTS = {  # the text, and whether the extension is a room
    "log in": ("login", False),
    "log out": ("logout", False),
    "check in": ("check_in", True),
    "check out": ("check_out", True),
    "cleaned up": ("cleaned_up", True),
    "timed reminder/start": ("wakeup_started", True),
    "timed reminder/answer": ("wakeup_answered", True),
    "timed reminder/no answer": ("wakeup_unanswered", True),
}


def frame_lines_of_any_end(data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """See `Format.frame`. A line ends with CR LF, CR or LF, by the PBX's setting; a CR at the very end waits for what
    follows it."""
    records: list[bytes] = []
    at = 0
    for found in re.finditer(rb"\r\n|\n|\r(?=[^\n])", data):
        records.append(data[at : found.end()])
        at = found.end()
    rest = data[at:]
    if rest and (final or len(rest) >= LONGEST_LINE_BYTES):
        return [*records, rest], b""
    return records, rest


class PanasonicReader:
    """Reads the lines of one stream. Remembers nothing."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._order, self._layout = options["date_order"], options["layout"]
        self._prints_end = options["time"] == "end"

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record)
        if not line.strip() or _MODEM.match(line):
            return Event("noise", line.strip())
        if _HEADING.match(line):
            return Event("header", line.strip())
        head = HEAD.match(line.lstrip())
        line = line.lstrip() if head else line
        fields = fields_of(line, head) if head else None
        is_cut = not record.endswith((b"\n", b"\r")) and (fields is None or fields.duration is None)
        if head is None or fields is None or is_cut:
            reason = "cut" if head and is_cut else "garbage"
            return Unreadable(reason, f"no SMDR line of pattern A, B or C: {line.strip()[:60]!r}")
        printed = self._printed(head)
        if printed is None:
            return Unreadable("impossible_date", f"{head.group()!r} is no date and time: is date_order right?")
        if fields.duration is None:
            return _event(fields, printed, line.strip())
        if self._layout != "auto" and fields.pattern != self._layout:
            return Unreadable("layout_changed", f"the columns are not those of pattern {self._layout.upper()}")
        if fields.condition in {"RC", "AN"} and _seconds(fields.duration) == 0:
            return Event("event", line.strip(), {"condition": CONDITIONS[fields.condition]})  # the call's line follows
        return self._leg(fields, printed)

    def _printed(self, head: re.Match[str]) -> datetime | None:
        """The printed minute, None when it is on no calendar."""
        first, second, third = (int(head[name]) for name in ("first", "second", "third"))
        year, month, day = {
            "mdy": (third, first, second),
            "dmy": (third, second, first),
            "ymd": (first, second, third),
        }[self._order]
        hour = int(head["hour"])
        if head["half"]:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if head["half"] == "PM" else 0)
        try:
            return datetime(2000 + year, month, day, hour, int(head["minute"]), tzinfo=UTC)  # any zone: it is local
        except ValueError:
            return None

    def _leg(self, fields: Fields, printed: datetime) -> Leg:
        assert fields.duration is not None
        talk_s = _seconds(fields.duration)
        start = printed - timedelta(seconds=talk_s) if self._prints_end else printed
        parties = _Parties(fields)
        answered = talk_s > 0 and fields.condition != "NA"
        extras: dict[str, object] = {
            "end": _iso(printed) if self._prints_end else None,
            "condition": CONDITIONS.get(fields.condition),
            "cost": COST.fullmatch(fields.cost)["amount"] if fields.cost else None,  # type: ignore[index]
            "confidence": None if fields.pattern else "low",
            **parties.extras,
        }
        ring = RING.fullmatch(fields.ring)
        return Leg(
            start=PrintedTime(start.year, start.month, start.day, start.hour, start.minute, start.second),
            duration_s=talk_s if answered else 0,
            ring_s=int(ring["minutes"]) * 60 + int(ring["seconds"]) if ring else None,
            calling=parties.calling,
            called=parties.called,
            direction=parties.direction,
            extension=parties.extension,
            trunk=fields.co or None,
            answered=answered,
            account_code=fields.account or None,
            dialled=parties.dialled,
            extras={name: value for name, value in extras.items() if value is not None},
        )


class _Parties:
    """Who calls whom: what the columns Ext and Dial hold."""

    def __init__(self, fields: Fields) -> None:
        self.extras: dict[str, object] = {}
        self.dialled: str | None = None
        self.extension: str | None = fields.extension or None
        self._extension(fields.extension)
        incoming, intercom = _INCOMING.fullmatch(fields.dial), _INTERCOM.fullmatch(fields.dial)
        if incoming:
            self.direction = Direction.IN
            self.called: str | None = fields.extension or None
            self.calling = self._caller(incoming)
        elif intercom:
            self.direction = Direction.INTERNAL
            self.calling, self.called = fields.extension or None, intercom["extension"]
        else:
            self.direction = Direction.OUT
            self.calling, self.called = fields.extension or None, self._dialled(fields.dial)

    def _extension(self, text: str) -> None:
        """*123: a verified code, called from any set; T012: a trunk group of a tie line."""
        if text.startswith("*"):
            self.extension = None
            self.extras["verified_code"] = text[1:]
        elif _TRUNK.fullmatch(text):
            self.extension = None
            self.extras["tie_group"] = text

    def _caller(self, found: re.Match[str]) -> str | None:
        if found["ddi"]:
            self.extras["ddi"] = found["ddi"]
        caller = found["caller"].strip()
        if is_blanked(caller):
            self.extras["no_detail"] = True
            return None
        if caller and not _NUMBER.fullmatch(caller):
            self.extras["caller_is_name"] = True
        return caller or None

    def _dialled(self, text: str) -> str | None:
        """Digits after dots are secret, X hide the last ones, "-" precedes what was dialled after a transfer."""
        number = text.rstrip(".")
        if number != text:
            self.extras["secret_dialling"] = True
        masked = number.rstrip("X")
        if masked != number and masked:
            self.extras["privacy_masked"] = True
            number = masked
        if is_blanked(number):
            self.extras["no_detail"] = True
            return None
        sent, dash, after = number.partition("-")
        if dash and sent and _NUMBER.fullmatch(number):
            self.extras["after_transfer"] = after
            number = sent
        if _NUMBER.fullmatch(number) and re.search(r"[PF]", number):
            self.dialled = text
            number = re.sub(r"[PF]", "", number)
        return number or None


def _event(fields: Fields, printed: datetime, text: str) -> Event:
    """A line without a call: a log-in, a room, a sensor, an absence."""
    extras: dict[str, object] = {"at": _iso(printed)}
    sensor = _SENSOR.fullmatch(fields.dial)
    name, is_room = _EVENTS.get(fields.dial.lower(), ("sensor_call" if sensor else "absent_message", False))
    extras |= {"event": name, "room" if is_room else "extension": fields.extension}
    if sensor:
        extras["sensor"] = sensor["sensor"]
    return Event("event", text, extras)


def _seconds(duration: re.Match[str]) -> int:
    return int(duration["hours"]) * 3600 + int(duration["minutes"]) * 60 + int(duration["seconds"])


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}"


# --- redaction


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`: the digits of the dial are blanked in place, those of an intercom number stay."""
    if not protected:
        return record
    text = record.decode("latin-1")
    body = text.rstrip("\r\n")
    line = body.lstrip()
    indent = len(body) - len(line)
    head = HEAD.match(line)
    fields = fields_of(line, head) if head else None
    if fields is None or fields.duration is None:
        return blank_long_numbers(text, (_DATE,)).encode("latin-1")
    intercom = _INTERCOM.fullmatch(fields.dial)
    parties = {fields.extension, fields.extension.lstrip("*"), intercom["extension"] if intercom else ""}
    if intercom or not parties & protected:
        return record
    begin, end = (indent + place for place in fields.dial_at)
    return (text[:begin] + blank(text[begin:end]) + text[end:]).encode("latin-1")
