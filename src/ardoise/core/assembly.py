"""Calls from segments: the legs that a PBX prints one by one become calls, and a call becomes one `Usage`.

A PBX prints a segment when it ends: transfers, parking, conferences give several tickets with one call id, each saying
whether more will follow. One `Assembler` a source holds the calls still open; its state is JSON, so that a restart in
the middle of a transfer changes nothing. The worked table is in `docs/algorithms/calls.md`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from ardoise.core.legs import TimedLeg, leg_from_json, leg_to_json
from ardoise.core.money import allocate, to_micros
from ardoise.core.phone import DialPlan, Number, identify
from ardoise.core.plain_leg import is_plain, plain_usage
from ardoise.core.usage import CallStatus, Direction, Leg, Usage, UsageKind

INCOMPLETE: Final = "incomplete"  # flag: the last segment never came, the call was closed by its age
SPLIT: Final = "split"  # flag: one extension's share of a call; the shares together are the call
VOICEMAIL: Final = "voicemail"  # who talked, in `Usage.shares`, when nobody of ours did
SAME_START: Final = timedelta(minutes=2)  # segments print one start, sometimes to the minute

_EXTENSION_DIGITS: Final = 6  # at most
_OUTWARD: Final = frozenset({Direction.OUT, Direction.TRANSFERRED, Direction.UNKNOWN})
_NEITHER: Final = Number("", "", "", "", "", "", "")
# Why nobody answered: in words (`extras["status"]`), or the completion letter of the SX-2000 family.
_FAILURES: Final = {
    "abandoned": CallStatus.ABANDONED,
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
class AssembledCall:
    legs: tuple[TimedLeg, ...]
    usage: Usage


class Pays(StrEnum):
    """Which extension of a call that several had is charged."""

    FIRST = "first"  # who dialled; of an incoming call, the first who answered
    LAST = "last"  # who had it in the end
    TRANSFERER = "transferer"  # the last one who passed it on; the first when nobody did
    SPLIT = "split"  # each its own conversation


class BadAssembly(ValueError):
    """Settings of `Source.assembly` that say nothing; the message lists what may be said."""


@dataclass(frozen=True, slots=True)
class AssemblyPolicy:
    """How a source's segments become calls.

    `timeout` closes a call whose last segment did not come, counted on arrivals; `span` is how far apart the starts of
    two segments of one call id may be before they are two calls (the PBX numbers its calls anew at each boot).
    `pays` None = the extension that the PBX charges, else who dialled, or had an incoming call in the end.
    """

    plan: DialPlan = field(default_factory=DialPlan)
    timeout: timedelta = timedelta(hours=4)
    span: timedelta = timedelta(hours=4)
    pays: Pays | None = None

    @classmethod
    def of(cls, settings: Mapping[str, str], plan: DialPlan) -> AssemblyPolicy:
        """Read `Source.assembly`: {"pays": "split", "timeout": "4h", "span": "30min"}. Raises BadAssembly."""
        if unknown := set(settings) - {"pays", "timeout", "span"}:
            raise BadAssembly(f"assembly: {', '.join(sorted(unknown))} is not a setting; there are pays, timeout, span")
        pays = settings.get("pays", "")
        if pays and pays not in set(Pays):
            raise BadAssembly(f"assembly: pays is one of {', '.join(Pays)}, or left out; not {pays!r}")
        delays = {name: _delay(name, settings[name]) for name in ("timeout", "span") if settings.get(name)}
        return cls(plan=plan, pays=Pays(pays) if pays else None, **delays)


_DELAY = re.compile(r"([1-9]\d{0,5}) *(s|min|h|d)")
_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}


def _delay(name: str, text: str) -> timedelta:
    found = _DELAY.fullmatch(text.strip())
    if found is None:
        raise BadAssembly(f"assembly: {name} is a number and a unit, such as 90s, 30min, 4h or 1d; not {text!r}")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


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
        self._flushed_at: datetime | None = None
        self._open = [
            _Open(said["call_id"], said["epoch"], [leg_from_json(leg) for leg in said["legs"]])
            for said in state.get("open", ())
        ]

    @property
    def epoch(self) -> int:
        """How often the PBX has restarted: its call ids begin again."""
        return self._epoch

    def state(self) -> dict[str, Any]:
        """Open calls, the boot epoch and the highest call id in it, as JSON values."""
        return {
            "epoch": self._epoch,
            "high_id": self._high_id,
            "high_at": None if self._high_at is None else self._high_at.isoformat(),
            "open": [
                {"call_id": call.call_id, "epoch": call.epoch, "legs": [leg_to_json(leg) for leg in call.legs]}
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
        if call is None and not timed.leg.more_segments_follow:
            return [*closed, *self._calls([timed])]
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
        if not self._open or now == self._flushed_at:
            return []
        self._flushed_at = now  # tickets that came together share their instant
        old = [call for call in self._open if now - call.legs[-1].arrived_at >= self._policy.timeout]
        for group in old:
            self._open = [call for call in self._open if call is not group]
        return [
            AssembledCall(call.legs, replace(call.usage, flags=_joined([call.usage.flags, INCOMPLETE])))
            for group in old
            for call in self._calls(group.legs)
        ]

    def _calls(self, legs: Sequence[TimedLeg]) -> list[AssembledCall]:
        return [call for part in outside_calls(legs) for call in paid_calls(part, self._policy)]

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
    if len(legs) == 1:
        return [tuple(legs)]
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
    if len(legs) == 1 and is_plain(legs[0].leg):
        return _of_plain(legs[0], plan)
    return usage_of_legs(legs, plan)


def _of_plain(timed: TimedLeg, plan: DialPlan) -> Usage:
    leg = timed.leg
    return plain_usage(
        leg,
        ticket_id=timed.ticket_id,
        source=timed.source,
        start_at=timed.start_at,
        flags=timed.flags,
        direction=direction_of(leg),
        status=CallStatus.ANSWERED if leg.answered else _status([timed]),
        plan=plan,
        extension_digits=_EXTENSION_DIGITS,
    )


def usage_of_legs(legs: Sequence[TimedLeg], plan: DialPlan) -> Usage:
    """`to_usage` the long way, that every call may go."""
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
        talk_s=sum(_talks(billed).values()) if main.kind is UsageKind.CALL else 0,
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
        shares=_shares_text(legs),
        kind=main.kind,
        units=sum(timed.leg.units for timed in billed),
        origin=_first(timed.leg.origin for timed in billed),
    )
    return _without_numbers(usage) if no_detail else usage


def _billed(legs: Sequence[TimedLeg]) -> Sequence[TimedLeg]:
    on_trunk = [timed for timed in legs if timed.leg.trunk is not None]
    return on_trunk or [timed for timed in legs if not timed.leg.conference] or legs


def _talks(billed: Sequence[TimedLeg]) -> dict[str, int]:
    """The seconds that each leg adds to the call, by ticket id.

    A conference prints one leg a participant: each trunk counts its longest one, the others add nothing.
    """
    longest: dict[str | None, TimedLeg] = {}
    for timed in billed:
        best = longest.get(timed.leg.trunk)
        if timed.leg.conference and (best is None or timed.leg.duration_s > best.leg.duration_s):
            longest[timed.leg.trunk] = timed
    return {
        timed.ticket_id: 0 if timed.leg.conference and longest[timed.leg.trunk] is not timed else timed.leg.duration_s
        for timed in billed
    }


def _status(legs: Sequence[TimedLeg]) -> CallStatus:
    answered = [timed.leg for timed in legs if timed.leg.answered]
    if any(not leg.voicemail for leg in answered):
        return CallStatus.ANSWERED
    if answered:
        return CallStatus.VOICEMAIL
    said = [timed.leg.extras.get("status") or timed.leg.extras.get("completion") for timed in legs]
    known = [_FAILURES[why] for why in said if isinstance(why, str) and why in _FAILURES]
    if known:
        return known[-1]
    waited = any(timed.leg.extras.get("queue") and direction_of(timed.leg) is Direction.IN for timed in legs)
    return CallStatus.ABANDONED if waited else CallStatus.UNANSWERED


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
    return ",".join(dict.fromkeys(filter(None, flags)))


def _without_numbers(usage: Usage) -> Usage:
    """A protected line: who the other one was is not kept (the line itself, its DDI and the times are)."""
    usage = replace(usage, calling="", called="", number_key="", number_category="")
    return replace(usage, asked="", obtained="") if usage.direction is Direction.INTERNAL else usage


def _first(texts: Iterable[str | None]) -> str:
    for text in texts:
        if text:
            return text
    return ""


def _last(texts: Iterable[str | None]) -> str:
    found = ""
    for text in texts:
        if text:
            found = text
    return found


# --- who pays -------------------------------------------------------------------------------------------------------


def paid_calls(legs: Sequence[TimedLeg], policy: AssemblyPolicy) -> list[AssembledCall]:
    """One outside call as what its payers are charged for: itself, or one share an extension (`Pays.SPLIT`).

    A policy names the extension in `charged`, before whatever the PBX prints there. Without somebody who talked it
    names nobody, and the call stays as the PBX says.
    """
    call = AssembledCall(tuple(legs), to_usage(legs, policy.plan))
    if policy.pays is None:
        return [call]
    if policy.pays is Pays.SPLIT:
        return _split(call)
    had = _had_it(legs)
    if not had:
        return [call]
    payer = {Pays.FIRST: had[0], Pays.LAST: had[-1], Pays.TRANSFERER: had[-2] if len(had) > 1 else had[0]}[policy.pays]
    return [AssembledCall(call.legs, replace(call.usage, charged=payer))]


def _had_it(legs: Sequence[TimedLeg]) -> list[str]:
    """The extensions that had the call, one after the other. Who only joined a conference did not get it passed on."""
    talked = [timed.leg for timed in legs if timed.leg.answered and not timed.leg.voicemail]
    return _names([leg for leg in talked if not leg.conference]) or _names(talked)


def _names(legs: Sequence[Leg]) -> list[str]:
    names = [name for leg in legs for name in (leg.transferred_from, leg.extension, leg.transferred_to) if name]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def _holders(legs: Sequence[TimedLeg]) -> dict[str, str]:
    """The extension that each leg belongs to, by ticket id: its own, else the one before it, else the one after."""
    holder = _first(timed.leg.extension or timed.leg.transferred_from for timed in legs)
    found: dict[str, str] = {}
    for timed in legs:
        holder = timed.leg.extension or holder
        found[timed.ticket_id] = holder
    return found


def _shares_text(legs: Sequence[TimedLeg]) -> str:
    """Who talked how long, "201:33;202:180" in the order of the call; "" when one extension had all of it."""
    if len(legs) == 1:
        return ""
    holders, talked = _holders(legs), _talks(_billed(legs))
    shares: dict[str, int] = {}
    for timed in legs:
        who = VOICEMAIL if timed.leg.voicemail else holders[timed.ticket_id].replace(";", ",")
        shares[who] = shares.get(who, 0) + talked.get(timed.ticket_id, 0)
    shares = {who: talk_s for who, talk_s in shares.items() if talk_s}
    return ";".join(f"{who}:{talk_s}" for who, talk_s in shares.items()) if len(shares) > 1 else ""


def shares_of(usage: Usage) -> dict[str, int]:
    """Seconds by extension (`VOICEMAIL` for a mailbox), in the order of the call; they add up to `talk_s`."""
    if not usage.shares:
        who = VOICEMAIL if usage.status is CallStatus.VOICEMAIL else usage.obtained or usage.party
        return {who: usage.talk_s}
    return shares_in(usage.shares)


def shares_in(text: str) -> dict[str, int]:
    """Read `Usage.shares` back: "201:33;202:180" is {"201": 33, "202": 180}; "" is nobody in particular."""
    shares = (share.rpartition(":") for share in text.split(";") if share)
    return {who: int(talk_s) for who, _, talk_s in shares}


def _split(call: AssembledCall) -> list[AssembledCall]:
    """One usage an extension that talked, each from the moment it got the call; their talk adds up to the call's.

    A share's id is that of its first ticket. Tickets of who did not talk go with the first share. The price that an
    operator printed is split like the talk.
    """
    holders, talked = _holders(call.legs), _talks(_billed(call.legs))
    talks: dict[str, int] = {}
    for timed in call.legs:
        holder = holders[timed.ticket_id]
        talks[holder] = talks.get(holder, 0) + talked.get(timed.ticket_id, 0)
    payers = [holder for holder, talk_s in talks.items() if holder and talk_s]
    if len(payers) < 2:
        return [AssembledCall(call.legs, replace(call.usage, charged=payer)) for payer in payers] or [call]
    whole = call.usage
    printed = None if whole.operator_micros is None else allocate(whole.operator_micros, [talks[p] for p in payers])
    shares: list[AssembledCall] = []
    since_s = 0
    for n, payer in enumerate(payers):
        mine = tuple(leg for leg in call.legs if _is_payers(holders[leg.ticket_id], payer, payers))
        at = whole.answered_at + timedelta(seconds=since_s)
        usage = replace(
            whole,
            usage_id=mine[0].ticket_id,
            start_at=at if n else whole.start_at,
            answered_at=at,
            ring_s=0 if n else whole.ring_s,
            talk_s=talks[payer],
            charged=payer,
            party=payer,
            legs=len(mine),
            operator_micros=None if printed is None else printed[n],
            flags=_joined([whole.flags, SPLIT]),
            shares=f"{payer.replace(';', ',')}:{talks[payer]}",
        )
        shares.append(AssembledCall(mine, usage))
        since_s += talks[payer]
    return shares


def _is_payers(holder: str, payer: str, payers: Sequence[str]) -> bool:
    return holder == payer or (payer == payers[0] and holder not in payers)
