"""Calls from segments: the stories of docs/algorithms/calls.md, and the parts of a usage one by one."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ardoise.core.assembly import AssembledCall, Assembler, AssemblyPolicy, to_usage
from ardoise.core.legs import TimedLeg
from ardoise.core.phone import DialPlan
from ardoise.core.usage import CallStatus, Direction, Leg, PrintedTime

PAGE = Path(__file__).parents[3] / "docs" / "algorithms" / "calls.md"
STORIES = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
PBX = DialPlan(outside_prefix="0", area="17345")
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
LATER = datetime.max.replace(tzinfo=UTC)


def timed(n: int = 1, /, *, start_at: datetime = NOON, flags: tuple[str, ...] = (), **leg: object) -> TimedLeg:
    """An answered outgoing call of 201 to 06 12 34 56 78 on trunk L1, 5 s of ringing and 60 s of talk."""
    values: dict[str, object] = {
        "start": PrintedTime(2026, 10, 5, 14, 0, 0),
        "duration_s": 60,
        "ring_s": 5,
        "calling": "201",
        "called": "00612345678",
        "direction": Direction.OUT,
        "extension": "201",
        "trunk": "L1",
        "answered": True,
    }
    return TimedLeg(f"pbx:1:{n}", "pbx", start_at, flags, start_at + timedelta(minutes=5), Leg(**values | leg))  # type: ignore[arg-type]


def incoming(n: int = 1, /, **leg: object) -> TimedLeg:
    return timed(n, **{"direction": Direction.IN, "calling": "0145678901", "called": "201", "dialled": "4321"} | leg)  # type: ignore[arg-type]


def tables(story: str) -> tuple[list[list[str]], list[list[str]]]:
    blocks = [[line for line in block.splitlines() if line.startswith("|")][2:] for block in story.split("\n\n")]
    found = [[[cell.strip() for cell in line.split("|")[1:-1]] for line in block] for block in blocks if block]
    assert len(found) == 2, story
    return found[0], found[1]


def leg_of(n: int, row: list[str]) -> TimedLeg:
    call_id, more, start, way, calling, called, extension, trunk, ring, talk, marks = row
    start_at = datetime.combine(NOON.date(), datetime.strptime(start[:5], "%H:%M").time(), UTC)  # noqa: DTZ007
    return timed(
        n,
        start_at=start_at + timedelta(seconds=int(start[6:] or 0)),
        call_id=call_id or None,
        more_segments_follow=more == "yes",
        direction=Direction(way),
        calling=calling or None,
        called=called,
        extension=extension or None,
        trunk=trunk or None,
        ring_s=int(ring),
        duration_s=int(talk),
        answered="lost" not in marks,
        voicemail="voicemail" in marks,
        conference="conference" in marks,
        transferred_from=marks.removeprefix("from ") if marks.startswith("from ") else None,
        extras={"completion": "B"} if "busy" in marks else {"queue": "600"} if "queue" in marks else {},
    )


def row_of(call: AssembledCall, end: str) -> list[str]:
    usage = call.usage
    return [
        " ".join(leg.ticket_id.rsplit(":", 1)[1] for leg in call.legs),
        end,
        usage.direction,
        usage.status,
        str(usage.talk_s),
        str(usage.ring_s),
        usage.party,
        usage.asked,
        usage.obtained,
        usage.number_key,
        "yes" if usage.transferred else "",
        usage.charged,
        usage.shares,
    ]


def policy_of(story: str) -> AssemblyPolicy:
    """ "Policy: `pays = split`." in a story; without it, the default one."""
    said = re.search(r"Policy: `pays = (\w+)`", story)
    return AssemblyPolicy.of({"pays": said[1]} if said else {}, DialPlan(outside_prefix="0"))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.split("\n")[0])
@pytest.mark.parametrize("restart", [False, True], ids=["one run", "restarted before every ticket"])
def test_the_stories(story: str, restart: bool) -> None:
    tickets, expected = tables(story)
    policy = policy_of(story)
    assembler = Assembler(policy)
    got: list[list[str]] = []
    for n, row in enumerate(tickets, start=1):
        if restart:
            assembler = Assembler(policy, json.loads(json.dumps(assembler.state())))
        got += [row_of(call, str(n)) for call in assembler.add(leg_of(n, row))]
    late = assembler.flush(LATER)
    assert all("incomplete" in call.usage.flags for call in late)
    shown = len(expected[0])  # the last columns stand only where a story is about them
    assert [row[:shown] for row in [*got, *(row_of(call, "late") for call in late)]] == expected


def test_the_identifiers_of_an_outgoing_call() -> None:
    usage = to_usage([timed(charged_extension="299", account_code="4711", extras={"presented": "0173454300"})], PBX)
    assert (usage.charged, usage.party, usage.ddi) == ("299", "201", "33173454300")
    assert (usage.calling, usage.called, usage.number_category) == ("201", "00612345678", "mobile")
    assert (usage.account_code, usage.trunk, usage.usage_id, usage.source) == ("4711", "L1", "pbx:1:1", "pbx")
    assert usage.answered_at - usage.start_at == timedelta(seconds=5)


def test_the_identifiers_of_an_incoming_call() -> None:
    usage = to_usage([incoming()], PBX)
    assert (usage.charged, usage.party, usage.ddi) == ("", "201", "33173454321")
    assert (usage.calling, usage.called, usage.asked) == ("0145678901", "4321", "201")
    assert to_usage([incoming(dialled="3639")], DialPlan()).ddi == "?3639"  # four digits of ours, not the short number


def test_an_operators_record_names_the_line_by_the_calling_number() -> None:
    usage = to_usage([timed(calling="0173454324", extension=None, trunk=None, called="0612345678")], DialPlan())
    assert (usage.party, usage.ddi) == ("", "33173454324")
    usage = to_usage([timed(calling="alice@voice.example", extension=None, trunk=None)], PBX)
    assert usage.ddi == "?alice"
    trunk_to_trunk = timed(
        direction=Direction.TRANSFERRED, calling="0145678901", extension=None, transferred_from="300"
    )
    assert (to_usage([trunk_to_trunk], PBX).ddi, to_usage([trunk_to_trunk], PBX).party) == ("", "300")


def test_the_digits_dialled_give_the_number_behind_a_speed_dial() -> None:
    usage = to_usage([timed(called="*123", dialled="0612345678")], PBX)
    assert (usage.called, usage.number_key) == ("0612345678", "33612345678")
    usage = to_usage([timed(called="8024", dialled="8133 8024")], DialPlan())
    assert (usage.called, usage.number_key) == ("8024", "?8024")


def test_the_last_account_code_and_the_last_charged_extension_win() -> None:
    usage = to_usage([timed(1, account_code="1", charged_extension="201"), timed(2, account_code="2"), timed(3)], PBX)
    assert (usage.account_code, usage.charged, usage.legs) == ("2", "201", 3)


def test_operator_prices_add_up_exactly_and_round_half_up_once() -> None:
    usage = to_usage(
        [timed(1, operator_price=Decimal("0.0000002")), timed(2, operator_price=Decimal("0.0000003"))], PBX
    )
    assert usage.operator_micros == 1  # 0.0000005 of a euro is half a micro; each price alone would round to 0
    assert to_usage([timed()], PBX).operator_micros is None
    assert to_usage([timed(operator_price=Decimal(0))], PBX).operator_micros == 0


def test_a_protected_line_keeps_no_number_of_the_other_party() -> None:
    usage = to_usage([timed(extras={"no_detail": True}), timed(2)], PBX)
    assert (usage.calling, usage.called, usage.number_key, usage.number_category) == ("", "", "", "")
    assert (usage.party, usage.talk_s, usage.flags) == ("201", 120, "no_detail")
    inside = timed(direction=Direction.INTERNAL, trunk=None, called="202", extras={"no_detail": True})
    assert (to_usage([inside], PBX).asked, to_usage([inside], PBX).obtained) == ("", "")
    assert to_usage([incoming(extras={"no_detail": True})], PBX).ddi == "33173454321"  # our own


def test_flags_are_joined_once_in_order() -> None:
    legs = [timed(1, flags=("no_year",)), timed(2, flags=("no_year", "dst_ambiguous"), extras={"confidence": "low"})]
    assert to_usage(legs, PBX).flags == "no_year,dst_ambiguous,low_confidence"


@pytest.mark.parametrize(
    ("extras", "status"),
    [
        ({}, CallStatus.UNANSWERED),
        ({"completion": "B"}, CallStatus.BUSY),
        ({"completion": "E"}, CallStatus.FAILED),
        ({"completion": "A"}, CallStatus.UNANSWERED),
        ({"status": "busy"}, CallStatus.BUSY),
    ],
)
def test_why_nobody_answered(extras: dict[str, object], status: CallStatus) -> None:
    usage = to_usage([timed(answered=False, duration_s=0, extras=extras)], PBX)
    assert usage.status is status
    assert usage.answered_at == usage.start_at


def test_an_internal_call_has_no_outside_number() -> None:
    usage = to_usage([timed(direction=Direction.INTERNAL, trunk=None, called="202")], PBX)
    assert (usage.number_key, usage.number_category, usage.ddi) == ("", "", "")
    assert (usage.called, usage.asked, usage.obtained) == ("202", "202", "202")


def test_the_same_id_far_away_is_another_call() -> None:
    assembler = Assembler(AssemblyPolicy(plan=PBX))
    assert assembler.add(timed(1, call_id="7", more_segments_follow=True)) == []
    far = assembler.add(timed(2, call_id="7", start_at=NOON - timedelta(days=9)))  # a replay of an old call
    assert [len(call.legs) for call in far] == [1]
    assert [len(call.legs) for call in assembler.add(timed(3, call_id="7"))] == [2]


def test_a_call_waits_four_hours_for_its_last_segment() -> None:
    assembler = Assembler(AssemblyPolicy(plan=PBX))
    first = timed(1, call_id="7", more_segments_follow=True)
    assembler.add(first)
    assert assembler.flush(first.arrived_at + timedelta(hours=3, minutes=59)) == []
    (call,) = assembler.flush(first.arrived_at + timedelta(hours=4))
    assert call.usage.flags == "incomplete"
    assert assembler.flush(LATER) == []


def test_the_arrival_of_a_ticket_closes_what_is_too_old_whether_or_not_somebody_flushed() -> None:
    assembler = Assembler(AssemblyPolicy(plan=PBX))
    assembler.add(timed(1, call_id="7", more_segments_follow=True))
    closed = assembler.add(timed(2, call_id="8", start_at=NOON + timedelta(hours=5)))
    assert [call.usage.usage_id for call in closed] == ["pbx:1:1", "pbx:1:2"]


def test_two_outside_numbers_on_two_trunks_are_two_calls() -> None:
    assembler = Assembler(AssemblyPolicy(plan=PBX))
    assembler.add(timed(1, call_id="7", more_segments_follow=True))
    calls = assembler.add(timed(2, call_id="7", trunk="L2", called="00145678901", duration_s=30))
    assert [(call.usage.number_key, call.usage.talk_s) for call in calls] == [("33612345678", 60), ("33145678901", 30)]
    assembler.add(timed(3, call_id="8", duration_s=0, answered=False, more_segments_follow=True))
    (overflow,) = assembler.add(timed(4, call_id="8", trunk="L2"))  # the first trunk was busy
    assert (overflow.usage.talk_s, overflow.usage.ring_s) == (60, 10)
