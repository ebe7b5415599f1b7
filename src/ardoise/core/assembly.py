"""Calls from segments: the legs that a PBX prints one by one become calls, and a call becomes one `Usage`.

A PBX prints a segment when it ends: transfers, parking, conferences give several tickets with one call id, each saying
whether more will follow. One `Assembler` a source holds the calls still open; its state is JSON, so that a restart in
the middle of a transfer changes nothing. The worked table is in `docs/algorithms/calls.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from ardoise.core.money import to_micros
from ardoise.core.phone import DialPlan, Number, identify
from ardoise.core.usage import CallStatus, Direction, Leg, PrintedTime, Usage

INCOMPLETE: Final = "incomplete"  # flag: the last segment never came, the call was closed by its age
SAME_START: Final = timedelta(minutes=2)  # segments print one start, sometimes to the minute

_EXTENSION_DIGITS: Final = 6  # at most
_OUTWARD: Final = frozenset({Direction.OUT, Direction.TRANSFERRED, Direction.UNKNOWN})
_NEITHER: Final = Number("", "", "", "", "", "", "")
# Why nobody answered: in words (`extras["status"]`), or the completion letter of the SX-2000 family.
_FAILURES: Final = {
    "busy": CallStatus.BUSY,
    "failed": CallStatus.FAILED,
    "B": CallStatus.BUSY,
    "O": CallStatus.BUSY,
    "D": CallStatus.BUSY,
    "E": CallStatus.FAILED,
    "S": CallStatus.FAILED,
    "U": CallStatus.FAILED,
    "T": CallStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class TimedLeg:
    """A leg whose start is an instant. `flags` are those of its time (`core.localtime`) and of its reading."""

    ticket_id: str
    source: str
    start_at: datetime
    flags: tuple[str, ...]
    arrived_at: datetime
    leg: Leg


@dataclass(frozen=True, slots=True)
class AssembledCall:
    legs: tuple[TimedLeg, ...]
    usage: Usage


@dataclass(frozen=True, slots=True)
class AssemblyPolicy:
    """How a source's segments become calls.

    `timeout` closes a call whose last segment did not come, counted on arrivals; `span` is how far apart the starts of
    two segments of one call id may be before they are two calls (the PBX numbers its calls anew at each boot).
    """

    plan: DialPlan = field(default_factory=DialPlan)
    timeout: timedelta = timedelta(hours=4)
    span: timedelta = timedelta(hours=4)


@dataclass(slots=True)
class _Open:
    """A call whose last segment has not come."""

    call_id: str
    epoch: int
    legs: list[TimedLeg] = field(default_factory=list)

    def holds(self, timed: TimedLeg, epoch: int, span: timedelta) -> bool:
        if timed.leg.call_id != self.call_id:
            return False
        apart = abs(timed.start_at - self.legs[0].start_at)
        return apart <= SAME_START or (epoch == self.epoch and apart <= span)


class Assembler:
    """Groups the legs of one source, given in the order of its tickets. Every leg ends in exactly one call."""

    def __init__(self, policy: AssemblyPolicy, state: Mapping[str, Any] | None = None) -> None:
        """`state` is what `state()` gave, None at the beginning."""
        self._policy = policy
        state = state or {}
        self._epoch: int = state.get("epoch", 0)
        self._high_id: int | None = state.get("high_id")
        high_at = state.get("high_at")
        self._high_at = None if high_at is None else datetime.fromisoformat(high_at)
        self._open = [
            _Open(said["call_id"], said["epoch"], [_leg_from_json(leg) for leg in said["legs"]])
            for said in state.get("open", ())
        ]

    def state(self) -> dict[str, Any]:
        """Open calls, the boot epoch and the highest call id in it, as JSON values."""
        return {
            "epoch": self._epoch,
            "high_id": self._high_id,
            "high_at": None if self._high_at is None else self._high_at.isoformat(),
            "open": [
                {"call_id": call.call_id, "epoch": call.epoch, "legs": [_leg_to_json(leg) for leg in call.legs]}
                for call in self._open
            ],
        }

    def add(self, timed: TimedLeg) -> list[AssembledCall]:
        """Take one leg; gives the calls that end with it, and those too old to wait for more at its arrival."""
        closed = self.flush(timed.arrived_at)
        call_id = timed.leg.call_id
        if call_id is None:
            return [*closed, *self._calls([timed])]
        self._follow_epoch(call_id, timed.start_at)
        call = next((call for call in self._open if call.holds(timed, self._epoch, self._policy.span)), None)
        if call is None:
            call = _Open(call_id, self._epoch)
            self._open.append(call)
        call.legs.append(timed)
        if timed.leg.more_segments_follow:
            return closed
        self._open = [other for other in self._open if other is not call]
        return [*closed, *self._calls(call.legs)]

    def flush(self, now: datetime) -> list[AssembledCall]:
        """Close the calls whose last segment arrived longer ago than the timeout; they are flagged incomplete."""
        old = [call for call in self._open if now - call.legs[-1].arrived_at >= self._policy.timeout]
        for group in old:
            self._open = [call for call in self._open if call is not group]
        return [
            AssembledCall(call.legs, replace(call.usage, flags=_joined([call.usage.flags, INCOMPLETE])))
            for group in old
            for call in self._calls(group.legs)
        ]

    def _calls(self, legs: Sequence[TimedLeg]) -> list[AssembledCall]:
        return [AssembledCall(part, to_usage(part, self._policy.plan)) for part in outside_calls(legs)]

    def _follow_epoch(self, call_id: str, start_at: datetime) -> None:
        """An id below the highest one, on a call that started after it, shows that the PBX has restarted."""
        if not (call_id.isascii() and call_id.isdigit()):
            return
        number = int(call_id)
        if self._high_id is None or self._high_at is None or number >= self._high_id:
            self._high_id, self._high_at = number, start_at
        elif start_at > self._high_at + SAME_START:
            self._epoch += 1
            self._high_id, self._high_at = number, start_at


# --- one group of legs -> the outside calls in it -------------------------------------------------------------------


def direction_of(leg: Leg) -> Direction:
    """The direction of a leg; one that holds a trunk is never internal, whatever the PBX printed."""
    if leg.direction is not Direction.INTERNAL or leg.trunk is None:
        return leg.direction
    return Direction.OUT if leg.calling is not None and leg.calling == leg.extension else Direction.IN


def outside_calls(legs: Sequence[TimedLeg]) -> list[tuple[TimedLeg, ...]]:
    """Separate what one call id may join: an incoming call and the outgoing one it was forwarded to are two calls.

    So are two conversations with different outside numbers on different trunks. Legs without a trunk (extensions,
    conference bridges, attempts) stay with the first.
    """
    parts: list[list[TimedLeg]] = []
    loose: list[TimedLeg] = []
    for timed in legs:
        if timed.leg.trunk is None:
            loose.append(timed)
            continue
        home = next((part for part in parts if _same_outside_call(part, timed.leg)), None)
        if home is None:
            parts.append([timed])
        else:
            home.append(timed)
    if not parts:
        return [tuple(legs)]
    first = set(map(id, [*loose, *parts[0]]))
    return [tuple(timed for timed in legs if id(timed) in first), *map(tuple, parts[1:])]


def _same_outside_call(part: Sequence[TimedLeg], leg: Leg) -> bool:
    if (direction_of(part[0].leg) in _OUTWARD) != (direction_of(leg) in _OUTWARD):
        return False
    number = _outside_text(leg)
    numbers = {_outside_text(timed.leg) for timed in part} - {""}
    talked = leg.duration_s > 0 and any(timed.leg.duration_s > 0 for timed in part)
    same_trunk = any(timed.leg.trunk == leg.trunk for timed in part)
    return same_trunk or not talked or not number or not numbers or number in numbers


def _outside_text(leg: Leg) -> str:
    return (leg.called or leg.dialled or "") if direction_of(leg) in _OUTWARD else (leg.calling or "")


# --- one outside call -> usage --------------------------------------------------------------------------------------


def to_usage(legs: Sequence[TimedLeg], plan: DialPlan) -> Usage:
    """One call from its legs, in the order of their tickets. Pure; `legs` must not be empty.

    The trunk legs are billed: the outside party talks to somebody in each of them, transfers included. The first one
    gives trunk and number; without any trunk, the legs that are not a conference.
    """
    billed = _billed(legs)
    main = billed[0].leg
    direction = direction_of(main)
    status = _status(legs)
    ring_s = _ring_s(legs)
    start_at = min(timed.start_at for timed in legs)
    answered = status in (CallStatus.ANSWERED, CallStatus.VOICEMAIL)
    no_detail = any(timed.leg.extras.get("no_detail") for timed in legs)
    called, number = _number(billed, direction, plan)
    asked, obtained = _asked_and_obtained(legs, direction, answered=status is CallStatus.ANSWERED)
    usage = Usage(
        usage_id=legs[0].ticket_id,
        source=legs[0].source,
        start_at=start_at,
        answered_at=start_at + timedelta(seconds=ring_s) if answered else start_at,
        direction=direction,
        status=status,
        talk_s=_talk_s(billed),
        ring_s=ring_s,
        charged=_last(timed.leg.charged_extension for timed in legs),
        party=_party(legs, direction, asked=asked, obtained=obtained),
        ddi=_ddi(billed, direction, plan),
        calling=_first(timed.leg.calling for timed in (*billed, *legs)),
        called=called,
        number_key=number.key,
        number_category=number.category,
        trunk=main.trunk or "",
        account_code=_last(timed.leg.account_code for timed in legs),
        asked=asked,
        obtained=obtained,
        transferred=_is_transferred(legs, direction),
        legs=len(legs),
        operator_micros=_operator_micros(legs),
        flags=_flags(legs, no_detail=no_detail),
    )
    return _without_numbers(usage) if no_detail else usage


def _billed(legs: Sequence[TimedLeg]) -> Sequence[TimedLeg]:
    on_trunk = [timed for timed in legs if timed.leg.trunk is not None]
    return on_trunk or [timed for timed in legs if not timed.leg.conference] or legs


def _talk_s(billed: Sequence[TimedLeg]) -> int:
    """The sum of talk; a conference prints one leg a participant, so each trunk counts its longest one once."""
    bridged: dict[str | None, int] = {}
    talk_s = 0
    for timed in billed:
        leg = timed.leg
        if leg.conference:
            bridged[leg.trunk] = max(bridged.get(leg.trunk, 0), leg.duration_s)
        else:
            talk_s += leg.duration_s
    return talk_s + sum(bridged.values())


def _status(legs: Sequence[TimedLeg]) -> CallStatus:
    answered = [timed.leg for timed in legs if timed.leg.answered]
    if any(not leg.voicemail for leg in answered):
        return CallStatus.ANSWERED
    if answered:
        return CallStatus.VOICEMAIL
    said = [timed.leg.extras.get("status") or timed.leg.extras.get("completion") for timed in legs]
    known = [_FAILURES[why] for why in said if isinstance(why, str) and why in _FAILURES]
    return known[-1] if known else CallStatus.UNANSWERED


def _ring_s(legs: Sequence[TimedLeg]) -> int:
    """Ringing until somebody answered, over the sets that rang in turn."""
    ring_s = 0
    for timed in legs:
        ring_s += timed.leg.ring_s or 0
        if timed.leg.answered:
            break
    return ring_s


def _number(billed: Sequence[TimedLeg], direction: Direction, plan: DialPlan) -> tuple[str, Number]:
    """The called text to keep, and the outside number read through the plan.

    Outgoing: what the PBX calls the called number, unless only the digits it dialled are a number (a speed dial).
    """
    if direction is Direction.INTERNAL:
        return _first(timed.leg.called or timed.leg.dialled for timed in billed), _NEITHER
    if direction is Direction.IN:
        called = _first(timed.leg.dialled or timed.leg.called for timed in billed)
        return called, identify(_first(timed.leg.calling for timed in billed), plan, outgoing=False)
    texts = [text for timed in billed for text in (timed.leg.called, timed.leg.dialled) if text]
    numbers = [identify(text, plan, outgoing=True) for text in texts]
    known = next((number for number in numbers if number.key and not number.key.startswith("?")), None)
    best = known or next(iter(numbers), _NEITHER)
    return best.received, best


def _ddi(billed: Sequence[TimedLeg], direction: Direction, plan: DialPlan) -> str:
    """Our own number as the network knows it: the DDI received, or the number presented."""
    if direction is Direction.INTERNAL:
        return ""
    if direction is Direction.IN:
        text = _first(timed.leg.dialled or timed.leg.called for timed in billed)
    else:
        text = _first(str(timed.leg.extras.get("presented") or "") for timed in billed)
        if not text and direction is not Direction.TRANSFERRED:  # trunk to trunk, the calling number is not ours
            text = _first(timed.leg.calling for timed in billed if timed.leg.calling != timed.leg.extension)
    key = identify(text, plan, outgoing=False).key
    return "?" + key[1:] if key.startswith("!") else key  # a few digits name an extension here, not a service


def _asked_and_obtained(legs: Sequence[TimedLeg], direction: Direction, *, answered: bool) -> tuple[str, str]:
    """The extension asked for, and the one that took the call in the end."""
    if direction in _OUTWARD:
        return "", ""
    asked = _first(timed.leg.called for timed in legs)
    if direction is Direction.INTERNAL:
        taken = _last(timed.leg.transferred_to for timed in legs)
        return asked, (taken or asked) if answered else ""
    if not any(timed.leg.extension for timed in legs) and len(asked) > _EXTENSION_DIGITS:
        asked = ""  # an operator's record: the number called, not an extension
    took = (timed.leg.extension for timed in legs if timed.leg.answered and not timed.leg.voicemail)
    return asked, _last(took) if answered else ""


def _party(legs: Sequence[TimedLeg], direction: Direction, *, asked: str, obtained: str) -> str:
    """Who called (outgoing, internal) or answered (incoming; else the last set that rang, else the one asked for)."""
    extensions = [timed.leg.extension for timed in legs]
    if direction is Direction.IN:
        return obtained or _last(extensions) or asked
    return _first(extensions) or (_first(timed.leg.transferred_from for timed in legs) if direction in _OUTWARD else "")


def _is_transferred(legs: Sequence[TimedLeg], direction: Direction) -> bool:
    if direction is Direction.TRANSFERRED or any(
        timed.leg.transferred_from or timed.leg.transferred_to for timed in legs
    ):
        return True
    talked = [timed.leg for timed in legs if timed.leg.answered and not timed.leg.conference]
    return len({"voicemail" if leg.voicemail else leg.extension for leg in talked}) > 1


def _operator_micros(legs: Sequence[TimedLeg]) -> int | None:
    prices = [timed.leg.operator_price for timed in legs if timed.leg.operator_price is not None]
    return to_micros(sum((Fraction(price) for price in prices), Fraction(0))) if prices else None


def _flags(legs: Sequence[TimedLeg], *, no_detail: bool) -> str:
    flags = [flag for timed in legs for flag in timed.flags]
    if any(timed.leg.extras.get("confidence") == "low" for timed in legs):
        flags.append("low_confidence")
    return _joined([*flags, "no_detail"] if no_detail else flags)


def _joined(flags: Sequence[str]) -> str:
    return ",".join(dict.fromkeys(flag for flag in flags if flag))


def _without_numbers(usage: Usage) -> Usage:
    """A protected line: who the other one was is not kept (the line itself, its DDI and the times are)."""
    usage = replace(usage, calling="", called="", number_key="", number_category="")
    return replace(usage, asked="", obtained="") if usage.direction is Direction.INTERNAL else usage


def _first(texts: Iterator[str | None] | Sequence[str | None]) -> str:
    return next((text for text in texts if text), "")


def _last(texts: Iterator[str | None] | Sequence[str | None]) -> str:
    return next((text for text in reversed(list(texts)) if text), "")


# --- a leg as JSON --------------------------------------------------------------------------------------------------


def _leg_to_json(timed: TimedLeg) -> dict[str, Any]:
    said = {field.name: _encoded(getattr(timed, field.name)) for field in fields(TimedLeg) if field.name != "leg"}
    return said | {"leg": {field.name: _encoded(getattr(timed.leg, field.name)) for field in fields(Leg)}}


def _leg_from_json(said: Mapping[str, Any]) -> TimedLeg:
    values = {name: _decoded(value) for name, value in said["leg"].items()}
    leg = Leg(**values | {"direction": Direction(values["direction"])})
    return TimedLeg(**{name: _decoded(value) for name, value in said.items() if name != "leg"}, leg=leg)


def _encoded(value: object) -> Any:
    """JSON of the values a leg may hold; sequences come back as tuples."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, PrintedTime):
        return {"printed": [getattr(value, field.name) for field in fields(PrintedTime)]}
    if isinstance(value, Mapping):
        return {"mapping": {str(name): _encoded(item) for name, item in value.items()}}
    if isinstance(value, (tuple, list)):
        return [_encoded(item) for item in value]
    raise TypeError(f"extras hold plain values (text, numbers, decimals, sequences), not {type(value).__name__}")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "decimal":
            return Decimal(content)
        case "instant":
            return datetime.fromisoformat(content)
        case "printed":
            return PrintedTime(*content)
    return {name: _decoded(item) for name, item in content.items()}
