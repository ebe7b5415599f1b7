"""Reading one call line of OpenScape Business / Office or HiPath, whatever its layout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked, is_cut, number_of, text_of
from ardoise.formats.unify_openscape.layout import BAR_FIELDS, Layout, layout_of

_DATE = re.compile(r"(\d{2})\.(\d{2})\.(\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2}):(\d{2})", re.ASCII)
_RING = re.compile(r"(\d{2}):(\d{2})", re.ASCII)
_STARTS_LIKE_A_TICKET = re.compile(r" *\d{2}\.\d{2}\.\d{2}", re.ASCII)
_OUTSIDE = ("number", "lcr_number")

# Information element (output formats for call detail recording, field 9); tens are offsets: +50 DISA, and so on.
_IN, _OUT, _ON_RECEIPT = frozenset("1357"), frozenset("24689"), "0"
_FORWARDED, _BRIDGED = frozenset("569"), frozenset("78")


class UnifyReader:
    """Reads the lines of one source; remembers nothing from one line to the next."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.layout = options["layout"]

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record).strip("\x0c")
        if not line.strip():
            return Event("noise", "")
        if not _STARTS_LIKE_A_TICKET.match(line):
            return _not_a_ticket(line)
        layout = layout_of(line)
        if layout is None:
            return Unreadable("column_count", f"a date, but the fields of no known layout: {line[:60]!r}")
        if self.layout not in ("auto", layout.name):
            return Unreadable(
                "layout_changed", f"the line follows layout {layout.name!r}, the source says {self.layout!r}"
            )
        if is_cut(record) and not _is_whole(line, layout):
            return Unreadable("cut", f"the line stops at column {len(line)}, before its information element")
        return _leg(layout.texts(line), layout)


def _not_a_ticket(line: str) -> Reading:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) >= len(BAR_FIELDS) - 1 and all(not cell or cell[0].isalpha() for cell in cells):
        return Event("header", line.strip())
    words = line.split()
    if len(words) >= len(BAR_FIELDS) - 1 and all(word[0].isalpha() for word in words):
        return Event("header", line.strip())
    if set(line.strip()) <= set("-=_ |"):
        return Event("noise", line.strip())
    return Unreadable("garbage", f"not a call line, no date in first place: {line[:60]!r}")


def _is_whole(line: str, layout: Layout) -> bool:
    return "info" in layout.spans and len(line.rstrip()) >= layout.spans["info"][1]


def _leg(texts: Mapping[str, str], layout: Layout) -> Reading:
    end = _end(texts)
    if end is None:
        return Unreadable("impossible_date", f"{texts['date']} {texts['time']} is no date and time")
    talk_s, ring_s = _seconds(texts.get("duration", "")), _ring_s(texts.get("ring", ""))
    if talk_s is None or ring_s is None:
        return Unreadable(
            "bad_duration",
            f"ring {texts.get('ring')!r} or duration {texts.get('duration')!r} is not mm:ss and hh:mm:ss",
        )
    info = texts.get("info", "")
    if info and not (info.isascii() and info.isdigit()):
        return Unreadable("bad_direction", f"information element is {info!r}, expected digits (1 in, 2 out)")
    if info.endswith(_ON_RECEIPT):
        return Event("event", f"call announced to {texts['station']}: its ticket follows")
    charge = _charge(texts.get("charge", ""), is_money=layout.charge_is_money)
    if isinstance(charge, Unreadable):
        return charge
    start = end - timedelta(seconds=talk_s)
    direction = _direction(info)
    number, station = texts.get("number", ""), texts.get("station", "") or None
    outside = None if is_blanked(number) else number or None
    incoming = direction is Direction.IN
    units, price = charge
    return Leg(
        start=PrintedTime(start.year, start.month, start.day, start.hour, start.minute, start.second),
        duration_s=talk_s,
        ring_s=ring_s if texts.get("ring") else None,
        calling=outside if incoming else station,
        called=station if incoming else outside,
        dialled=None if incoming else outside,
        direction=direction,
        extension=station,
        trunk=texts.get("trunk") or None,
        answered=talk_s > 0,
        account_code=texts.get("account") or None,
        cost_units=units,
        operator_price=price,
        conference=info[-1:] in _BRIDGED,
        extras=_extras(texts, end, direction),
    )


def _end(texts: Mapping[str, str]) -> datetime | None:
    date, time = _DATE.fullmatch(texts["date"]), _TIME.fullmatch(texts["time"])
    if date is None or time is None:
        return None
    year = int(date[3]) + (2000 if len(date[3]) == 2 else 0)
    try:
        return datetime(year, int(date[2]), int(date[1]), int(time[1]), int(time[2]), int(time[3]))  # noqa: DTZ001
    except ValueError:
        return None


def _seconds(text: str) -> int | None:
    if not text:
        return 0  # nobody answered
    found = _TIME.fullmatch(text)
    if found is None or int(found[2]) > 59 or int(found[3]) > 59:
        return None
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def _ring_s(text: str) -> int | None:
    found = _RING.fullmatch(text) if text else None
    if text and (found is None or int(found[2]) > 59):
        return None
    return int(found[1]) * 60 + int(found[2]) if found else 0


def _charge(text: str, *, is_money: bool) -> tuple[int | None, Decimal | None] | Unreadable:
    """Pulses, or an amount of the PBX's currency: the long form prints amounts, the compressed one pulses."""
    if not text:
        return None, None
    plain = text.replace(",", ".")
    amount = number_of(plain)
    if amount is None or not plain.replace(".", "").isdigit():
        return Unreadable("bad_price", f"charge is {text!r}, expected pulses or an amount")
    return (None, amount) if is_money or "." in plain else (int(plain), None)


def _direction(info: str) -> Direction:
    if info[-1:] in _IN:
        return Direction.IN
    return Direction.OUT if info[-1:] in _OUT else Direction.UNKNOWN


def _extras(texts: Mapping[str, str], end: datetime, direction: Direction) -> dict[str, object]:
    info = texts.get("info", "")
    msn = texts.get("msn", "")
    optional: dict[str, object] = {
        "info": info or None,
        "forwarded": info[-1:] in _FORWARDED or None,
        "msn": msn or None,
        "presented": msn or None if direction is Direction.OUT else None,
        "access_code": texts.get("access_code") or None,
        "lcr_route": texts.get("route") or None,
        "lcr_number": texts.get("lcr_number") if not is_blanked(texts.get("lcr_number")) else None,
        "node": texts.get("node") or None,
        "no_detail": any(is_blanked(texts.get(name)) for name in _OUTSIDE) or None,
    }
    return {"end": end.isoformat()} | {name: value for name, value in optional.items() if value is not None}


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`: the outside numbers are blanked where they stand."""
    if not protected:
        return record
    text = record.decode("latin-1")
    line = text.rstrip("\r\n")
    layout = layout_of(line)
    if layout is None or not _is_whole(line, layout):
        return blank_long_numbers(text).encode("latin-1")
    texts = layout.texts(line)
    if not {texts["station"], texts.get("msn", ""), texts.get("number", ""), texts.get("lcr_number", "")} & protected:
        return record
    for name in _OUTSIDE:
        if name in layout.spans and texts[name] not in protected:
            start, end = layout.spans[name]
            text = text[:start] + blank(text[start:end]) + text[end:]
    return text.encode("latin-1")
