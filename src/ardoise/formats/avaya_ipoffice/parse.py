"""Reading one Avaya IP Office SMDR line (manual: B5800 Branch Gateway Manager 10.0, pp. 851-858)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked, number_of, text_of

FIELDS_MIN, FIELDS_MAX = 28, 40
EXTRA_COMMAS_MAX = 12  # a name with more commas than this is no name
MEMO = 4096  # readings kept of each kind of field: durations, counts, dates and devices come again and again

# Positions of the logical fields, from 0 (the manual counts from 1).
START, CONNECTED, RING, CALLER, DIRECTION, CALLED, DIALLED, ACCOUNT, IS_INTERNAL, CALL_ID, CONTINUATION = range(11)
DEVICE_1, NAME_1, DEVICE_2, NAME_2, HOLD, PARK, AUTH_VALID, AUTH_CODE, CHARGED, CHARGE, CURRENCY = range(11, 22)
UNITS = 23
CAUSE, TARGETER, TARGETED = 27, 28, 29
_MAY_BE_BLANKED = (CALLER, CALLED, DIALLED, NAME_1, NAME_2, TARGETER, TARGETED)
SERVER_FIELDS = ("calling_server", "calling_unique_id", "called_server", "called_unique_id", "record_time")

_DEVICE = re.compile(r"[ETV]\d{1,15}")
_START = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2}) +(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_DURATION = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)", re.ASCII)
_SECOND_NAME = re.compile(r" +[^\W\d]")
# In a cut record the call id is told from a number by what follows it: continuation, then a device.
_CALL_ID_IN_PIECES = re.compile(r"(?:(?<=,)|^)\d+(?=,[01],(?:[ETV]\d+)?,)", re.ASCII)
_OUTSIDE_DIGITS_MIN = 6  # extensions have at most 5 digits; shorter outside numbers (15, 3631) cannot be told


def read_record(record: bytes) -> Reading:
    """One line as a Leg, an Event (header of a file, empty line) or an Unreadable. Never raises."""
    line = text_of(record)
    if not line.strip():
        return Event("noise", "")
    raw = line.split(",")
    if raw[START].strip().lower() == "call start":
        return Event("header", line)
    start, fields = _start(raw[START]), anchor(raw)
    if start is None:
        return Unreadable("garbage", f"not an IP Office ticket, no date in first place: {line[:60]!r}")
    if isinstance(fields, Unreadable):
        return fields
    if isinstance(start, Unreadable):
        return start
    return _leg(start, fields, no_detail="x" in line and _is_any_blanked(fields))


def anchor(raw: Sequence[str]) -> list[str] | Unreadable:
    """The logical fields (30 of them, more on R11): commas inside user names are put back.

    Names are not quoted, so one comma in a name shifts everything after it. The devices of the two parties (E, T, V and
    digits, or nothing) and the two numbers that follow them (hold, park) say where the fields really are. Joining the
    result with commas gives the line again.
    """
    if not FIELDS_MIN <= len(raw) <= FIELDS_MAX + EXTRA_COMMAS_MAX:
        return Unreadable(
            "column_count", f"{len(raw)} fields; a ticket has {FIELDS_MIN} to {FIELDS_MAX} (is the line cut?)"
        )
    if _stands(raw, 0, 0):  # as nearly always
        return _rejoin_targeter(list(raw))
    for extra in range(1, min(len(raw) - FIELDS_MIN, EXTRA_COMMAS_MAX) + 1):
        for in_first in range(extra + 1):
            if _stands(raw, in_first, extra):
                return _rejoin_targeter(_rejoin_names(raw, in_first, extra))
    if _is_device(raw[DEVICE_1]) and _is_device(raw[DEVICE_2]) and not raw[HOLD].strip() and not raw[PARK].strip():
        return _rejoin_targeter(list(raw))
    return Unreadable("column_count", "the two party devices (E201, T9001, V9501) are not where fields 12 and 14 are")


def _stands(raw: Sequence[str], in_first: int, extra: int) -> bool:
    device_2 = raw[DEVICE_2 + in_first]
    nobody_reached = device_2 == ""  # then its name is empty too: all the extra commas are in the first name
    return (
        _is_device(raw[DEVICE_1])
        and _is_device(device_2)
        and (not nobody_reached or in_first == extra)
        and _is_count(raw[HOLD + extra])
        and _is_count(raw[PARK + extra])
    )


@lru_cache(maxsize=MEMO)
def _is_device(text: str) -> bool:
    return text == "" or _DEVICE.fullmatch(text) is not None


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _rejoin_names(raw: Sequence[str], in_first: int, extra: int) -> list[str]:
    first_end = NAME_1 + in_first + 1
    second_end = HOLD + extra
    name_1 = ",".join(raw[NAME_1:first_end])
    name_2 = ",".join(raw[first_end + 1 : second_end])
    return [*raw[:NAME_1], name_1, raw[first_end], name_2, *raw[second_end:]]


def _rejoin_targeter(fields: list[str]) -> list[str]:
    """The external targeter is a user's or group's name too ("Dupont, Jean"): its comma pushes the number right."""
    while len(fields) > TARGETED + 1 and fields[CAUSE].strip() and _SECOND_NAME.match(fields[TARGETED]):
        fields[TARGETER : TARGETED + 1] = [",".join(fields[TARGETER : TARGETED + 1])]
    return fields


def _leg(start: PrintedTime, fields: list[str], *, no_detail: bool) -> Reading:
    connected_s = _seconds(fields[CONNECTED])
    counts = {"ring": _count(fields[RING]), "hold": _count(fields[HOLD]), "park": _count(fields[PARK])}
    refusal = _refusal(connected_s, counts, fields)
    if refusal is not None:
        return refusal
    assert connected_s is not None  # or _refusal would have said so
    device_1, name_1, device_2, name_2 = fields[DEVICE_1], fields[NAME_1], fields[DEVICE_2], fields[NAME_2]
    media = (_media(device_1, name_1), _media(device_2, name_2))
    transferred_from, transferred_to = _transfer(fields)
    return Leg(
        start=start,
        duration_s=connected_s,
        ring_s=counts["ring"],
        calling=_number(fields[CALLER]),
        called=_number(fields[CALLED]),
        dialled=_number(fields[DIALLED]),
        direction=_direction(fields, connected_s),
        extension=_after("E", device_1) or _after("E", device_2),
        trunk=_trunk(device_2, name_2) or _trunk(device_1, name_1),
        answered=connected_s > 0,
        transferred_from=transferred_from,
        transferred_to=transferred_to,
        account_code=fields[ACCOUNT].strip() or None,
        cost_units=_count(fields[UNITS]),
        call_id=fields[CALL_ID].strip(),
        more_segments_follow=fields[CONTINUATION].strip() == "1",
        charged_extension=_printed(fields[CHARGED]),
        voicemail="voicemail" in media,
        conference="conference" in media,
        operator_price=_amount(fields[CHARGE]),
        currency=_printed(fields[CURRENCY]),
        extras=_extras(start, counts, fields, no_detail=no_detail),
    )


def _refusal(connected_s: int | None, counts: dict[str, int | None], fields: list[str]) -> Unreadable | None:
    """Why these fields are no ticket, or None."""
    if connected_s is None:
        return Unreadable("bad_duration", f"connected time is {fields[CONNECTED]!r}, expected HH:MM:SS")
    if fields[DIRECTION].strip() not in {"I", "O"}:
        return Unreadable("bad_direction", f"direction is {fields[DIRECTION]!r}, expected I or O")
    if counts["ring"] is None and fields[RING].strip():
        return Unreadable("bad_duration", f"ring time is {fields[RING]!r}, expected seconds")
    if not _is_count(fields[CALL_ID].strip()):
        return Unreadable("bad_call_id", f"call id is {fields[CALL_ID]!r}, expected digits")
    return None


@lru_cache(maxsize=MEMO)
def _start(text: str) -> PrintedTime | Unreadable | None:
    """The printed start; None for what has not even the look of one. A busy PBX prints many tickets a second."""
    printed = _START.fullmatch(text.strip())
    if printed is None:
        return None
    year, month, day, hour, minute = map(int, printed.groups()[:5])
    second = None if printed[6] is None else int(printed[6])
    try:
        datetime(year, month, day, hour, minute, second or 0)  # noqa: DTZ001 - as printed
    except ValueError:
        return Unreadable("impossible_date", f"{text.strip()!r} is no date of the calendar")
    return PrintedTime(year, month, day, hour, minute, second)


def _number(text: str) -> str | None:
    text = text.strip()
    return None if not text or ("x" in text and is_blanked(text)) else text


def _after(letter: str, device: str) -> str | None:
    return device[1:] if device.startswith(letter) else None


def _trunk(device: str, name: str) -> str | None:
    return name.strip() or device if device.startswith("T") else None


@lru_cache(maxsize=MEMO)
def _seconds(text: str) -> int | None:
    match = _DURATION.fullmatch(text.strip())
    return None if match is None else int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3])


@lru_cache(maxsize=MEMO)
def _count(text: str) -> int | None:
    text = text.strip()
    return int(text) if _is_count(text) and len(text) <= 9 else None


def _printed(text: str) -> str | None:
    """A field that may be left empty or say "n/a"."""
    text = text.strip()
    return None if text.lower() in {"", "n/a"} else text


@lru_cache(maxsize=MEMO)
def _amount(text: str) -> Decimal | None:
    return number_of(text.strip().replace(",", "."))


def _direction(fields: list[str], connected_s: int) -> Direction:
    """Is Internal decides (the manual once prints "I" for it), then I or O.

    One exception, seen on real systems: an outgoing call that failed before a trunk was seized carries Is Internal = 1,
    no second party and an outside number.
    """
    if fields[IS_INTERNAL].strip() not in {"1", "I"}:
        return Direction.IN if fields[DIRECTION].strip() == "I" else Direction.OUT
    failed_outgoing = (
        fields[DIRECTION].strip() == "O"
        and connected_s == 0
        and fields[DEVICE_1].startswith("E")
        and not fields[DEVICE_2]
        and _looks_outside(fields[CALLED].strip() or fields[DIALLED].strip(), fields[DEVICE_1][1:])
    )
    return Direction.OUT if failed_outgoing else Direction.INTERNAL


def _looks_outside(number: str, extension: str) -> bool:
    digits = sum(character.isdigit() or character == "x" for character in number)
    return not number.startswith("*") and digits >= max(_OUTSIDE_DIGITS_MIN, len(extension) + 1)


def _media(device: str, name: str) -> str | None:
    """ "voicemail", "conference" or None. The channel's name says it; the V number only where there is no name."""
    if not device.startswith("V"):
        return None
    label = name.strip().upper()
    if label.startswith("VM"):
        return "voicemail"
    if label.startswith("CO"):
        return "conference"
    number = int(device[1:])
    return "conference" if number > 9550 else "voicemail"


def _transfer(fields: list[str]) -> tuple[str | None, str | None]:
    """Who transferred to which outside number: cause "... Xfd" (the proposal XfP is not a transfer yet)."""
    if "xfd" not in fields[CAUSE].lower():
        return None, None
    target = _optional(fields, TARGETED)
    return _optional(fields, TARGETER), None if is_blanked(target) else target


def _optional(fields: list[str], at: int) -> str | None:
    return (fields[at].strip() or None) if at < len(fields) else None


def _is_any_blanked(fields: list[str]) -> bool:
    return any("x" in fields[at] and is_blanked(fields[at].strip()) for at in _MAY_BE_BLANKED if at < len(fields))


def _extras(
    start: PrintedTime, counts: dict[str, int | None], fields: list[str], *, no_detail: bool
) -> dict[str, object]:
    extras: dict[str, object] = {
        "start_precision": "minute" if start.second is None else "second",
        "hold_s": counts["hold"] or 0,
        "park_s": counts["park"] or 0,
        "party1": (fields[DEVICE_1] or None, fields[NAME_1].strip() or None),
        "party2": (fields[DEVICE_2] or None, fields[NAME_2].strip() or None),
        "ext_targeting": (_optional(fields, CAUSE), _optional(fields, TARGETER), _optional(fields, TARGETED)),
    }
    if fields[AUTH_VALID].strip():
        extras["auth_valid"] = fields[AUTH_VALID].strip() == "1"
        extras["auth_code"] = _printed(fields[AUTH_CODE])
    for name, text in zip(SERVER_FIELDS, fields[TARGETED + 1 :], strict=False):
        if text.strip():
            extras[name] = text.strip()
    if no_detail:
        extras["no_detail"] = True
    return extras


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`. Works on one-byte characters, so that every byte keeps its place."""
    if not protected:
        return record
    text = record.decode("latin-1")
    end = len(text.rstrip("\r\n"))
    fields = anchor(text[:end].split(","))
    readable = not isinstance(fields, Unreadable) and _START.fullmatch(fields[START].strip("\x00 "))
    if isinstance(fields, Unreadable) or not readable:
        return _redact_pieces(text).encode("latin-1")
    if not _participants(fields) & protected:
        return record
    for at in _outside_numbers(fields):
        fields[at] = blank(fields[at])
    return (",".join(fields) + text[end:]).encode("latin-1")


def _participants(fields: list[str]) -> set[str]:
    """Every number of the record that may be an extension's: parties, who called, who was asked for, who is charged."""
    devices = {device[1:] for device in (fields[DEVICE_1], fields[DEVICE_2]) if device.startswith("E")}
    places = (CALLER, CALLED, DIALLED, CHARGED, TARGETER, TARGETED)
    numbers = {_bare(fields[at]) for at in places if at < len(fields)}
    return devices | numbers | {number[1:] for number in numbers if number.startswith("E")}


def _bare(number: str) -> str:
    return number.split("@")[0].strip("\x00 ")


def _outside_numbers(fields: list[str]) -> list[int]:
    """The fields that hold a number of the outside world.

    Kept: the extensions of the record, feature codes (*47), short numbers of an internal call, and on an incoming call
    the DDI received (called, dialled), which is our own.
    """
    extensions = {device[1:] for device in (fields[DEVICE_1], fields[DEVICE_2]) if device.startswith("E")}
    internal = fields[IS_INTERNAL].strip() in {"1", "I"}
    incoming = fields[DIRECTION].strip() == "I"

    def is_outside(at: int) -> bool:
        number = _bare(fields[at])
        if number in extensions or number.startswith("*"):
            return False
        inside_when_short = internal or (at == CALLER and not incoming)
        return not inside_when_short or _looks_outside(number, "")

    places = [CALLER] if incoming and not internal else [CALLER, CALLED, DIALLED]
    names = [at for at in (NAME_1, NAME_2, TARGETER) if at < len(fields) and _is_mostly_digits(fields[at])]
    return [*filter(is_outside, places), *names, *(at for at in (TARGETED,) if at < len(fields) and is_outside(at))]


def _is_mostly_digits(name: str) -> bool:
    return sum(character.isdigit() for character in name) >= _OUTSIDE_DIGITS_MIN


def _redact_pieces(text: str) -> str:
    """A record nobody can read may still hold numbers: every long one goes, the call id stays."""
    return blank_long_numbers(text, (_CALL_ID_IN_PIECES,))
