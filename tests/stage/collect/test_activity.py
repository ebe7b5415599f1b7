"""What each extension did: in, out, internal, answered, missed, ringing and talk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, datetime

import pytest

from ardoise.access.scope import Scope
from ardoise.collect import operations
from ardoise.collect.activity import activity
from ardoise.collect.models import Source
from ardoise.collect.queries import folder_of

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
# extension: incoming, outgoing, internal, answered, missed, ring_s, talk_s
CALLS = [
    # kind, from, to, ring, talk, status
    ("Outbound", "201", "0612345678", 5, 61, "ANSWERED"),  # 201: out, 61 s
    ("Outbound", "201", "0612345679", 20, 0, "NO ANSWER"),  # 201: out
    ("Inbound", "0612345678", "201", 4, 30, "ANSWERED"),  # 201: in, answered, rang 4, 30 s
    ("Inbound", "0612345678", "202", 25, 0, "NO ANSWER"),  # 202: in, missed, rang 25
    ("Inbound", "0612345678", "202", 15, 12, "VOICEMAIL"),  # 202: in, missed, rang 15: nobody of ours talked
    ("Internal", "202", "201", 3, 10, "ANSWERED"),  # both: internal, 10 s; 201 answered, rang 3
    ("Internal", "201", "202", 9, 0, "BUSY"),  # both: internal; 202 missed, rang 9
]
EXPECTED = [("pbx", "201", 1, 2, 2, 2, 0, 7, 101), ("pbx", "202", 2, 0, 2, 0, 3, 49, 10)]


def row(number: int, kind: str, caller: str, called: str, ring_s: int, talk_s: int, status: str) -> dict[str, object]:
    at = int(datetime(2026, 10, 31, 22, number, tzinfo=UTC).timestamp())  # 23:0n in Paris, the last of October
    return {
        "id": number,
        "uid": f"u{number}",
        "timestamp": at,
        "call_from_number": caller,
        "call_to_number": called,
        "duration": ring_s + talk_s,
        "ring_duration": ring_s,
        "talk_duration": talk_s,
        "disposition": status,
        "call_type": kind,
        "src_trunk": "T1" if kind == "Inbound" else "",
        "dst_trunk": "T1" if kind == "Outbound" else "",
        "call_id": str(number),
    }


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    one = make_source("pbx", format="yeastar", transport="files", outside_prefix="")
    folder_of(one).mkdir(parents=True)
    return one


def take(source: Source, *calls: dict[str, object]) -> None:
    (folder_of(source) / f"{calls[0]['id']}.json").write_text(json.dumps({"errcode": 0, "data": calls}))
    operations.collect_once(now=NOW)


def test_each_extension_has_its_counts_and_its_seconds(source: Source) -> None:
    take(source, *(row(number, *call) for number, call in enumerate(CALLS)))
    assert [astuple(found) for found in activity(Scope(None), month="2026-10")] == EXPECTED
    assert activity(Scope(None), month="2026-11") == []
    assert activity(Scope(frozenset({"another"})), month="2026-10") == []


def test_sealed_and_fresh_calls_count_alike_and_once(source: Source) -> None:
    calls = [row(number, *call) for number, call in enumerate(CALLS)]
    take(source, *calls[:4])
    operations.seal(source="pbx", month="2026-10", now=NOW)
    changed = calls[0] | {"talk_duration": 70, "duration": 75}
    take(source, *calls[4:], changed)
    found = [astuple(one) for one in activity(Scope(None), month="2026-10")]
    assert found == [("pbx", "201", 1, 2, 2, 2, 0, 7, 110), EXPECTED[1]]  # 101 - 61 + 70
