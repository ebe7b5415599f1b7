"""What a stream tells of its health while its tickets are read: missing numbers, a wrong clock, another layout.

Pure: journal in, alarms to raise or to end out, at instants of the journal, so that a second reading says the same.
What only the clock on the wall can tell (silence) is in `alarms`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from ardoise.core.usage import Event, Leg

GAP, CLOCK, LAYOUT, BUFFER_FULL, TIME_CHANGE, PBX = "gap", "clock", "layout", "buffer_full", "time_change", "pbx"
JOURNAL: Final = "journal"

PATIENCE: Final = timedelta(hours=4)  # a call that lasts prints its number long after the next ones
LEARNT_NUMBERS: Final = 200  # numbers seen before a missing one means anything
RANGES_KEPT: Final = 500  # missing ranges waited for at once
RANGES_TOLD: Final = 20  # in one alarm
FURTHEST: Final = 100_000  # a jump beyond is another numbering, not a gap
FILES_LEARNT: Final = 3  # files in a row before a missing one means anything
MOST_FILES_MISSING: Final = 400

WINDOW_TICKETS: Final = 20  # of clock
CLOCK_WRONG_S, CLOCK_RIGHT_S, CLOCK_AGREES_S = 120, 90, 60  # minutes are printed without seconds: 60 s are nothing
LIVE_S: Final = 120  # printed times that run faster than arrivals by more than this are a buffer being emptied

WINDOW_LINES: Final = 50  # of layout
DRIFT_SHARE, USUAL_SHARE = 0.3, 0.1
DRIFT_RUN: Final = 10  # unreadable lines one after the other

_DIGITS: Final = re.compile(r"\d+")
_PBX_SIGNS: Final = (BUFFER_FULL, TIME_CHANGE)


@dataclass(frozen=True, slots=True)
class Sign:
    """An alarm to raise (`over` False: opened now, or its parameters renewed) or to end.

    `subject` tells it from others of its kind; `params` are plain JSON values for its words.
    """

    kind: str
    subject: str
    at: datetime
    over: bool = False
    params: Mapping[str, Any] = field(default_factory=dict)


class Signs:
    """Follows one source. `state()` is JSON; `taken()` hands over what was found since the last call."""

    def __init__(self, state: Mapping[str, Any] | None = None, *, sequence: str = "", is_live: bool = True) -> None:
        """`sequence` is the counter of the format ("call_id", or a name of `Leg.extras`), "" without one; `is_live`:
        tickets arrive when they are printed, so that their times can be compared."""
        state = state or {}
        self._sequence, self._is_live = sequence, is_live
        self._numbers = _Numbers.of(state.get("numbers", {}))
        self._files = _Files.of(state.get("files", {}))
        self._clock = _Clock.of(state.get("clock", {}))
        self._layout = _Layout.of(state.get("layout", {}))
        self._found: list[Sign] = []

    def state(self) -> dict[str, Any]:
        return {
            "numbers": self._numbers.state(),
            "files": self._files.state(),
            "clock": self._clock.state(),
            "layout": self._layout.state(),
        }

    def taken(self) -> list[Sign]:
        """The signs found since the last call, in their order."""
        found, self._found = self._found, []
        return found

    def leg(self, leg: Leg, *, start_at: datetime, arrived_at: datetime, epoch: int) -> None:
        """A ticket was read. `epoch` counts the restarts of the PBX: its numbers begin again."""
        if self._sequence:
            text = leg.call_id if self._sequence == "call_id" else leg.extras.get(self._sequence)
            if text is not None and (digits := str(text)).isascii() and digits.isdigit():
                self._found += self._numbers.seen(int(digits), epoch, arrived_at)
        if self._is_live:
            ended_at = start_at + timedelta(seconds=leg.duration_s + (leg.ring_s or 0))
            self._found += self._clock.seen(ended_at, arrived_at)
        if self._layout.run or self._layout.lines + 1 >= WINDOW_LINES:
            self._found += self._layout.seen("", "", arrived_at)
        else:
            self._layout.lines += 1

    def unreadable(self, reason: str, ticket_id: str, arrived_at: datetime) -> None:
        self._found += self._layout.seen(reason, ticket_id, arrived_at)

    def event(self, event: Event, ticket_id: str, arrived_at: datetime) -> None:
        """What the PBX says itself: `extras["sign"]` names what Ardoise has a word for, else kind `alarm`."""
        sign = event.extras.get("sign")
        if sign in _PBX_SIGNS:
            self._found.append(Sign(str(sign), ticket_id, arrived_at, params={"text": event.text[:200]}))
        elif event.kind == "alarm":
            self._found.append(Sign(PBX, ticket_id, arrived_at, params={"text": event.text[:200]}))

    def damage(self, text: str, place: str, at: datetime) -> None:
        """Acknowledged bytes of the journal cannot be read back."""
        self._found.append(Sign(JOURNAL, place, at, params={"text": text}))

    def file(self, name: str, at: datetime) -> None:
        """A whole file was taken."""
        self._found += self._files.seen(name, at)


# --- numbers that grow by one -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Numbers:
    """Numbers that a counter skipped. They come late when a call lasts, so a range is missed after `PATIENCE` only.

    A counter that always skips some (calls that print no ticket) teaches how long its holes usually are; only longer
    ones are said. One alarm a day of arrival holds them all.
    """

    epoch: int = 0
    high: int | None = None
    counted: int = 0
    usual: int = 0  # longest hole while learning
    waited: list[list[Any]] = field(default_factory=list)  # [first, last, since when, while learning]
    missed: dict[str, list[list[int]]] = field(default_factory=dict)  # by day: ranges said

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Numbers:
        return cls(**state)

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "high": self.high,
            "counted": self.counted,
            "usual": self.usual,
            "waited": self.waited,
            "missed": self.missed,
        }

    def seen(self, number: int, epoch: int, at: datetime) -> Iterator[Sign] | tuple[Sign, ...]:
        if self.high is not None and number == self.high + 1 and epoch == self.epoch and not self.waited:
            self.high = number  # as nearly always
            self.counted += 1
            return ()
        return self._seen(number, epoch, at)

    def _seen(self, number: int, epoch: int, at: datetime) -> Iterator[Sign]:
        if self.high is None or epoch != self.epoch or not self.high - FURTHEST < number < self.high + FURTHEST:
            yield from self._tell(at, everything=True)
            self.epoch, self.high = epoch, number
            return
        if number > self.high:
            if number > self.high + 1:
                self.waited.append([self.high + 1, number - 1, at.isoformat(), self.counted < LEARNT_NUMBERS])
                del self.waited[:-RANGES_KEPT]
            self.high = number
            self.counted += 1
        else:
            self.waited = _without(self.waited, number)
            yield from self._come(number, at)
        if self.waited:
            yield from self._tell(at)

    def _tell(self, at: datetime, *, everything: bool = False) -> Iterator[Sign]:
        due = [one for one in self.waited if everything or at - datetime.fromisoformat(one[2]) >= PATIENCE]
        if not due:
            return
        self.waited = [one for one in self.waited if one not in due]
        days: defaultdict[str, list[list[int]]] = defaultdict(list)
        for first, last, since, is_learning in due:
            size = last - first + 1
            if is_learning:
                self.usual = max(self.usual, size)
            elif size > 2 * self.usual:
                days[since[:10]].append([first, last])
        for day, ranges in days.items():
            self.missed[day] = [*self.missed.get(day, []), *ranges][-RANGES_KEPT:]
            yield _gap(day, self.missed[day], at)
        for day in sorted(self.missed)[:-7]:
            del self.missed[day]

    def _come(self, number: int, at: datetime) -> Iterator[Sign]:
        """A number that was already missed comes after all."""
        for day, ranges in list(self.missed.items()):
            if any(first <= number <= last for first, last in ranges):
                left = self.missed[day] = [[one[0], one[1]] for one in _without(ranges, number)]
                if not left:
                    del self.missed[day]
                yield _gap(day, left, at)


def _gap(day: str, ranges: list[list[int]], at: datetime) -> Sign:
    missing = sum(last - first + 1 for first, last in ranges)
    told = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges[:RANGES_TOLD])
    more = ", ..." if len(ranges) > RANGES_TOLD else ""
    return Sign(GAP, f"numbers:{day}", at, over=not ranges, params={"missing": missing, "numbers": told + more})


def _without(ranges: list[list[Any]], number: int) -> list[list[Any]]:
    """The ranges less one number; what follows the two ends of a range is kept."""
    left: list[list[Any]] = []
    for first, last, *rest in ranges:
        if not first <= number <= last:
            left.append([first, last, *rest])
            continue
        left += [[a, b, *rest] for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
    return left


# --- files with a number or a date in their name ----------------------------------------------------------------------


@dataclass(slots=True)
class _Files:
    """Files whose names count, by day, by month or by number: one that is missing is named."""

    last: dict[str, int] = field(default_factory=dict)  # by shape of the name: the last place
    run: dict[str, int] = field(default_factory=dict)  # how many came in order
    missed: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Files:
        return cls(**state)

    def state(self) -> dict[str, Any]:
        return {"last": self.last, "run": self.run, "missed": self.missed}

    def seen(self, name: str, at: datetime) -> Iterator[Sign]:
        found = _place_of(name)
        if found is None:
            return
        shape, place = found
        last = self.last.setdefault(shape, place)
        missed = self.missed.setdefault(shape, [])
        if place in missed:
            missed.remove(place)
            yield self._sign(shape, missed, at)
        if place <= last:
            return
        skipped = range(last + 1, place)
        if len(skipped) > MOST_FILES_MISSING:
            self.run[shape] = 0  # another numbering
        elif not skipped:
            self.run[shape] = self.run.get(shape, 0) + 1
        elif self.run.get(shape, 0) >= FILES_LEARNT - 1:
            missed += skipped
            del missed[:-MOST_FILES_MISSING]
            yield self._sign(shape, missed, at)
        self.last[shape] = place

    @staticmethod
    def _sign(shape: str, missed: list[int], at: datetime) -> Sign:
        names = ", ".join(_name_at(shape, place) for place in missed[:RANGES_TOLD])
        more = ", ..." if len(missed) > RANGES_TOLD else ""
        params = {"missing": len(missed), "numbers": names + more}
        return Sign(GAP, f"files:{shape}"[:120], at, over=not missed, params=params)


def _place_of(name: str) -> tuple[str, int] | None:
    """The shape of a name and its place in the row of such names: by its last date or number; None without one."""
    groups = list(_DIGITS.finditer(name))
    if not groups:
        return None
    digits = groups[-1]
    text, before, after = digits.group(), name[: digits.start()], name[digits.end() :]
    if len(text) == 8 and (day := _date_in(text)):
        return f"{before}YYYYMMDD{after}", day.toordinal()
    if len(text) == 6 and 1 <= int(text[4:]) <= 12 and 1990 <= int(text[:4]) < 2100:
        return f"{before}YYYYMM{after}", int(text[:4]) * 12 + int(text[4:]) - 1
    if len(text) > 9:
        return None  # an instant
    return f"{before}{'#' * len(text)}{after}", int(text)


def _name_at(shape: str, place: int) -> str:
    if "YYYYMMDD" in shape:
        return shape.replace("YYYYMMDD", f"{date.fromordinal(place):%Y%m%d}")
    if "YYYYMM" in shape:
        return shape.replace("YYYYMM", f"{place // 12:04d}{place % 12 + 1:02d}")
    return re.sub("#+", lambda found: f"{place:0{len(found.group())}d}", shape)


def _date_in(text: str) -> date | None:
    try:
        found = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return None
    return found if 1990 <= found.year < 2100 else None


# --- the clock of the PBX ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Clock:
    """How late tickets arrive after the end they print. Two windows that agree, and are no buffer being emptied, tell.

    The earliest ticket of a window counts: a late one says nothing of the clock. Positive = the PBX is behind.
    """

    count: int = 0
    least_s: float = 0.0
    ends: list[str] = field(default_factory=list)  # first printed end, first arrival
    before_s: float | None = None  # offset of the window before
    wrong: bool = False
    _first_end_at: datetime | None = None
    _first_arrived_at: datetime | None = None

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Clock:
        self = cls(
            state.get("count", 0), state.get("least_s", 0.0), [], state.get("before_s"), state.get("wrong", False)
        )
        if ends := state.get("ends"):
            self._first_end_at, self._first_arrived_at = (datetime.fromisoformat(text) for text in ends)
        return self

    def state(self) -> dict[str, Any]:
        ends = [at.isoformat() for at in (self._first_end_at, self._first_arrived_at) if at is not None]
        return {
            "count": self.count,
            "least_s": self.least_s,
            "ends": ends,
            "before_s": self.before_s,
            "wrong": self.wrong,
        }

    def seen(self, ended_at: datetime, arrived_at: datetime) -> tuple[Sign, ...]:
        late_s = (arrived_at - ended_at).total_seconds()
        if self.count == 0 or self._first_end_at is None or self._first_arrived_at is None:
            self._first_end_at, self._first_arrived_at, self.least_s, self.count = ended_at, arrived_at, late_s, 1
            return ()
        self.count += 1
        if late_s < self.least_s:
            self.least_s = late_s
        if self.count < WINDOW_TICKETS:
            return ()
        self.count = 0
        printed_s = (ended_at - self._first_end_at).total_seconds()
        passed_s = (arrived_at - self._first_arrived_at).total_seconds()
        before_s, self.before_s = self.before_s, None if printed_s - passed_s > LIVE_S else self.least_s
        if before_s is None or self.before_s is None or abs(before_s - self.before_s) > CLOCK_AGREES_S:
            return ()
        return self._agreed(self.before_s, arrived_at)

    def _agreed(self, offset_s: float, at: datetime) -> tuple[Sign, ...]:
        if abs(offset_s) >= CLOCK_WRONG_S:
            self.wrong = True
            return (Sign(CLOCK, "", at, params={"offset_s": round(offset_s)}),)
        if self.wrong and abs(offset_s) <= CLOCK_RIGHT_S:
            self.wrong = False
            return (Sign(CLOCK, "", at, over=True),)
        return ()


# --- the layout of the lines ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layout:
    """The share of lines that nobody can read, in windows; a jump means that the PBX or the operator changed them."""

    lines: int = 0
    bad: int = 0
    run: int = 0  # unreadable lines one after the other
    drifting: bool = False
    usual: float | None = None  # share of the windows before
    reason: str = ""
    ticket_id: str = ""

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Layout:
        return cls(**state)

    def state(self) -> dict[str, Any]:
        return {
            "lines": self.lines,
            "bad": self.bad,
            "run": self.run,
            "drifting": self.drifting,
            "usual": self.usual,
            "reason": self.reason,
            "ticket_id": self.ticket_id,
        }

    def seen(self, reason: str, ticket_id: str, at: datetime) -> Iterator[Sign]:
        """`reason` is why the line cannot be read, "" when it can."""
        self.lines += 1
        if reason:
            self.bad += 1
            self.run += 1
            if self.run == 1 or not self.reason:
                self.reason, self.ticket_id = reason, ticket_id
            if self.run == DRIFT_RUN and not self.drifting:
                yield self._drifts(at)
        else:
            self.run = 0
        if self.lines >= WINDOW_LINES:
            yield from self._window(at)

    def _window(self, at: datetime) -> Iterator[Sign]:
        share = self.bad / self.lines
        if not self.drifting and share >= DRIFT_SHARE and (self.usual or 0.0) < USUAL_SHARE:
            yield self._drifts(at)
        elif self.drifting and share < USUAL_SHARE:
            self.drifting = False
            yield Sign(LAYOUT, "", at, over=True)
        if not self.drifting:
            self.usual = share if self.usual is None else (3 * self.usual + share) / 4
            self.reason = ""
        self.lines = self.bad = 0

    def _drifts(self, at: datetime) -> Sign:
        self.drifting = True
        percent = round(100 * self.bad / self.lines)
        return Sign(LAYOUT, "", at, params={"percent": percent, "reason": self.reason, "ticket_id": self.ticket_id})


def utc_hour(at: datetime) -> datetime:
    """The UTC hour that an instant (UTC) lies in."""
    return datetime(at.year, at.month, at.day, at.hour, tzinfo=UTC)
