"""Calls from segments: no ticket is lost or counted twice, whatever the order; a restart changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.assembly import (
    AssembledCall,
    Assembler,
    AssemblyPolicy,
    Pays,
    shares_of,
    to_usage,
    usage_of_legs,
)
from ardoise.core.legs import TimedLeg
from ardoise.core.phone import DialPlan
from ardoise.core.usage import Direction, Leg, PrintedTime, UsageKind

POLICY = AssemblyPolicy(plan=DialPlan(outside_prefix="0"))
START = datetime(2026, 10, 24, 22, tzinfo=UTC)
LATER = datetime.max.replace(tzinfo=UTC)

EXTRAS = st.dictionaries(
    st.sampled_from(["hold_s", "party1", "status", "price", "no_detail"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(0, 99),
        st.text("aé 1", max_size=5),
        st.decimals(0, 9, places=4),
        st.tuples(st.text("aé 1", max_size=3), st.none()),
    ),
    max_size=3,
)
LEGS = st.builds(
    lambda **said: Leg(**said),  # a class alone would have its other fields drawn too
    start=st.just(PrintedTime(None, 10, 25, 2, 30, None)),
    duration_s=st.integers(0, 4000),
    ring_s=st.one_of(st.none(), st.integers(0, 60)),
    calling=st.sampled_from([None, "201", "0145678901"]),
    called=st.sampled_from([None, "201", "00612345678", "*47"]),
    direction=st.sampled_from(list(Direction)),
    extension=st.sampled_from([None, "201", "202"]),
    trunk=st.sampled_from([None, "L1", "L2"]),
    answered=st.booleans(),
    call_id=st.one_of(st.none(), st.integers(1_000_000, 1_000_004).map(str), st.just("A0120789")),
    more_segments_follow=st.booleans(),
    voicemail=st.booleans(),
    conference=st.booleans(),
    operator_price=st.one_of(st.none(), st.just(Decimal("0.0123"))),
    extras=EXTRAS,
)


@st.composite
def streams(draw: st.DrawFn) -> list[TimedLeg]:
    arrived_at = START
    stream = []
    for n, leg in enumerate(draw(st.lists(LEGS, max_size=25))):
        arrived_at += timedelta(minutes=draw(st.integers(0, 90)))
        start_at = arrived_at - timedelta(minutes=draw(st.integers(0, 300)))
        stream.append(TimedLeg(f"pbx:1:{n}", "pbx", start_at, ("no_year",), arrived_at, leg))
    return stream


def run(stream: list[TimedLeg], *, cut: int = -1, policy: AssemblyPolicy = POLICY) -> list[AssembledCall]:
    assembler = Assembler(policy)
    calls: list[AssembledCall] = []
    for n, leg in enumerate(stream):
        if n == cut:
            assembler = Assembler(policy, json.loads(json.dumps(assembler.state())))
        calls += assembler.add(leg)
    return calls + assembler.flush(LATER)


@given(streams())
def test_every_ticket_is_in_exactly_one_call(stream: list[TimedLeg]) -> None:
    calls = run(stream)
    seen = Counter(leg.ticket_id for call in calls for leg in call.legs)
    assert seen == Counter(leg.ticket_id for leg in stream)
    assert sum(call.usage.legs for call in calls) == len(stream)
    assert len({call.usage.usage_id for call in calls}) == len(calls)
    for call in calls:
        assert call.usage.usage_id in {leg.ticket_id for leg in call.legs}
        assert call.usage.answered_at >= call.usage.start_at


@given(streams(), st.integers(0, 25))
def test_a_restart_at_any_ticket_gives_the_same_calls(stream: list[TimedLeg], cut: int) -> None:
    assert run(stream, cut=cut) == run(stream)


@given(st.lists(st.lists(st.integers(0, 900), min_size=1, max_size=4), min_size=1, max_size=6), st.data())
def test_interleaved_calls_keep_their_own_talk(talks: list[list[int]], data: st.DataObject) -> None:
    """Each list is a call: one trunk, its segments in order, the last one closing; the calls are shuffled together."""
    pending = {n: list(enumerate(segments)) for n, segments in enumerate(talks)}
    stream: list[TimedLeg] = []
    while pending:
        n = data.draw(st.sampled_from(sorted(pending)))
        k, talk_s = pending[n].pop(0)
        leg = Leg(
            start=PrintedTime(2026, 10, 25, 0, n, 0),
            duration_s=talk_s,
            ring_s=3,
            calling="201",
            called="00612345678",
            direction=Direction.OUT,
            extension=f"20{k}",
            trunk="L1",
            answered=talk_s > 0,
            call_id=str(1_000_000 + n),
            more_segments_follow=bool(pending[n]),
        )
        start_at = START + timedelta(minutes=n)
        stream.append(TimedLeg(f"pbx:1:{len(stream)}", "pbx", start_at, (), START + timedelta(hours=1), leg))
        if not pending[n]:
            del pending[n]
    got = sorted((call.usage.start_at, call.usage.talk_s, call.usage.legs) for call in run(stream))
    assert got == [(START + timedelta(minutes=n), sum(talk), len(talk)) for n, talk in enumerate(talks)]
    assert all(call.usage.party == "200" and "incomplete" not in call.usage.flags for call in run(stream))


ANY_LEG = st.builds(
    lambda leg, changes: leg._replace(**changes),
    LEGS,
    st.fixed_dictionaries(
        {
            "dialled": st.sampled_from([None, "", "201", "0612345678", "3631", "*47", "Bob"]),
            "called": st.sampled_from([None, "", "201", "00612345678", "0033145678901", "2017777", "Alice"]),
            "transferred_from": st.sampled_from([None, "202"]),
            "transferred_to": st.sampled_from([None, "203"]),
            "charged_extension": st.sampled_from([None, "204"]),
            "account_code": st.sampled_from([None, "77"]),
            "extras": st.fixed_dictionaries(
                {},
                optional={
                    "presented": st.sampled_from(["", "0145678902"]),
                    "confidence": st.just("low"),
                    "status": st.sampled_from(["busy", "failed", "odd"]),
                    "queue": st.just("61"),
                    "no_detail": st.booleans(),
                },
            ),
            "kind": st.sampled_from([UsageKind.CALL, UsageKind.CALL, UsageKind.SMS]),
            "units": st.integers(0, 2),
            "origin": st.sampled_from(["", "@20801"]),
        }
    ),
)


@given(ANY_LEG, st.sampled_from([(), ("no_year",), ("no_year", "", "no_year")]))
def test_the_short_way_of_a_plain_leg_says_what_the_long_way_says(leg: Leg, flags: tuple[str, ...]) -> None:
    legs = [TimedLeg("pbx:1:0", "pbx", START, flags, START, leg)]
    assert to_usage(legs, POLICY.plan) == usage_of_legs(legs, POLICY.plan)


@given(streams(), st.sampled_from(list(Pays)))
def test_who_pays_changes_no_ticket_no_second_and_no_cent(stream: list[TimedLeg], pays: Pays) -> None:
    whole, paid = run(stream), run(stream, policy=replace(POLICY, pays=pays))
    assert Counter(leg.ticket_id for call in paid for leg in call.legs) == Counter(leg.ticket_id for leg in stream)
    assert len({call.usage.usage_id for call in paid}) == len(paid)
    assert sum(call.usage.talk_s for call in paid) == sum(call.usage.talk_s for call in whole)
    assert sum(call.usage.operator_micros or 0 for call in paid) == sum(
        call.usage.operator_micros or 0 for call in whole
    )
    if pays is not Pays.SPLIT:
        assert len(paid) == len(whole)
    for call in paid:
        assert sum(shares_of(call.usage).values()) == call.usage.talk_s
        talked = any(t.leg.answered and t.leg.extension and not t.leg.voicemail for t in call.legs)
        assert call.usage.charged or not talked or pays is Pays.SPLIT
        assert call.usage.usage_id == call.legs[0].ticket_id
