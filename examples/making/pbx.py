"""Tickets as the two PBXs print them: Avaya IP Office SMDR, Mitel 3300 network format (131 columns)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from making.tariffs import PARIS

OUTSIDE_PREFIX = "0"


def dialled(number: str) -> str:
    """What one dials from a set: the outside prefix, then 00 for abroad."""
    return OUTSIDE_PREFIX + ("00" + number[1:] if number.startswith("+") else number)


def presented(number: str) -> str:
    """A caller's number as the network presents it."""
    return "00" + number[1:] if number.startswith("+") else number


def hms(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


# --- Avaya IP Office ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Segment:
    """One record: who talked for how long. `other` is the second party of an internal call."""

    extension: str
    name: str
    talk_s: int
    ring_s: int
    hold_s: int = 0
    voicemail: bool = False
    other: str = ""
    other_name: str = ""

    @property
    def lasted_s(self) -> int:
        return self.talk_s + self.ring_s + self.hold_s


@dataclass(slots=True)
class AvayaCall:
    """`outside` is the other number, national or "+..."; `asked` the number called on an incoming call."""

    start_at: datetime
    direction: str  # in | out | internal
    outside: str
    segments: list[Segment] = field(default_factory=list)
    asked: str = ""
    account: str = ""
    ddi: str = ""  # of a set without extension


# Lines no parser can read: bytes lost on the link, a wrong clock, a line without its end.
_AVAYA_ODD = (
    (datetime(2026, 10, 9, 8, 59, tzinfo=UTC), "2026/10/32 10:58:12,00:01:07,6,2119,O,00199004417,00199004417,,0,"
     "1000400001,0,E2119,Poste 2119,T9004,Line 1.4,0,0,,,,,,,,,,,,,"),
    (datetime(2026, 10, 14, 13, 20, 5, tzinfo=UTC), "2026/10/14 15:19:40,00:00:18,4,2124,O,00465710288,00465"),
    (datetime(2026, 10, 20, 7, 2, 40, tzinfo=UTC), "~~SMDR~~ buffer overrun #\\x04 2 records lost"),
)  # fmt: skip


def avaya_stream(calls: list[AvayaCall]) -> bytes:
    """Every record in the order in which the PBX says it: when the segment ends."""
    said: list[tuple[datetime, int, str]] = [(at, -1, line) for at, line in _AVAYA_ODD]
    for number, call in enumerate(calls):
        ended_at = call.start_at
        for index, segment in enumerate(call.segments):
            ended_at += timedelta(seconds=segment.lasted_s)
            last = index == len(call.segments) - 1
            line = _avaya_line(call, segment, number, last=last)
            said.append((ended_at, number * 10 + index, line))
    return "".join(line + "\r\n" for _, _, line in sorted(said)).encode()


def _avaya_line(call: AvayaCall, segment: Segment, number: int, *, last: bool) -> str:
    channel = number % 30 + 1
    trunk = (f"T{9000 + channel}", f"Line 1.{channel}")
    device = (f"E{segment.extension}", segment.name) if segment.extension else ("", "")
    if call.direction == "internal":
        caller, direction, called, digits = segment.extension, "O", call.outside, call.outside
        parties = (*device, f"E{segment.other}" if segment.talk_s else "", segment.other_name if segment.talk_s else "")
    elif call.direction == "out":
        digits = called = dialled(call.outside)
        caller, direction = segment.extension or call.ddi, "O"
        if len(call.segments) > 1:
            caller = call.segments[0].extension
        # the fax stands on an analogue line: a trunk port, no extension
        parties = (*device, *trunk) if segment.extension else ("T9041", "Line 2.1", *trunk)
    else:
        caller, direction, called = presented(call.outside), "I", call.asked
        digits = call.ddi or "046571" + call.asked
        if segment.voicemail:
            device = (f"V{9501 + number % 4}", f"VM Channel {number % 4 + 1}")
        parties = (*device, *trunk)
    local = call.start_at.astimezone(PARIS)
    fields = [
        f"{local:%Y/%m/%d %H:%M:%S}",
        hms(segment.talk_s),
        str(segment.ring_s),
        caller,
        direction,
        called,
        digits,
        call.account,
        "1" if call.direction == "internal" else "0",
        str(1_000_000_001 + number),
        "0" if last else "1",
        *parties,
        str(segment.hold_s),
        "0",
        *[""] * 13,
    ]
    assert len(fields) == 30
    return ",".join(fields)


# --- Mitel 3300 -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class MitelCall:
    """`answer_s` is the time to answer of an incoming call, None when nobody answered."""

    start_at: datetime
    direction: str  # in | out
    extension: str
    outside: str
    talk_s: int
    answer_s: int | None
    ddi: str = ""
    completion: str = ""
    transfer: str = ""
    third: str = ""
    account: str = ""
    trunk: str = "X999"
    has_call_id: bool = True


_MITEL_ODD = (
    (datetime(2026, 10, 6, 12, 1, tzinfo=UTC), " 10/06 14:00  0:0?:12 51"),
    (datetime(2026, 10, 16, 6, 31, tzinfo=UTC), "\x7f\x7f LOGSYS \x7f 0x2F31 \x7f"),
    (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), " TIME CHANGE 10/25 03:00  10/25 02:00"),
)  # fmt: skip


def mitel_stream(calls: list[MitelCall]) -> bytes:
    said: list[tuple[datetime, int, str]] = [(at, -1, line) for at, line in _MITEL_ODD]
    for number, call in enumerate(calls):
        ended_at = call.start_at + timedelta(seconds=(call.answer_s or 0) + call.talk_s)
        said.append((ended_at, number, _mitel_line(call, number)))
    return "".join(line + "\r\n" for _, _, line in sorted(said)).encode("latin-1")


def _long_call(talk_s: int) -> str:
    """Column 1: from 5, 10 and 30 minutes."""
    return "+" if talk_s >= 1800 else "%" if talk_s >= 600 else "-" if talk_s >= 300 else " "


def _mitel_line(call: MitelCall, number: int) -> str:
    """131 columns; positions from 1, as the manual counts them."""
    columns = [" "] * 131

    def put(at: int, text: str) -> None:
        columns[at - 1 : at - 1 + len(text)] = text

    local = call.start_at.astimezone(PARIS)
    incoming = call.direction == "in"
    put(1, _long_call(call.talk_s))
    put(2, f"{local:%m/%d}")
    put(8, f"{local:%H:%M}")
    put(15, hms(call.talk_s))
    put(24, call.trunk if incoming else call.extension)
    if incoming:
        put(30, "***" if call.answer_s is None else f"{call.answer_s:03d}")
        put(62, call.extension)
        put(92, presented(call.outside)[:10])
        put(103, call.ddi)
    else:
        put(34, dialled(call.outside)[:26])
        put(62, call.trunk)
    put(60, call.completion)
    put(66, call.transfer)
    put(68, call.third)
    put(73, call.account)
    put(86, "017")
    if call.has_call_id:
        put(114, f"A017{number % 9999 + 1:04d}A")
    assert len(columns) == 131
    return "".join(columns)
