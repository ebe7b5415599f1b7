"""Many sources in one transaction: each as if it were alone, and one that fails leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ardoise.collect import writes
from ardoise.collect.batch import Memory, journal_of
from ardoise.collect.models import RecentTickets, Source, SourceState
from ardoise.collect.operations import Turn, parse_together, turn_of
from stage.collect.pbx_wire import Pbx


def out(number: int) -> bytes:
    call = f"2026/10/05 10:{number:02d}:00,00:01:01,4,201,O,00612345678,00612345678,,0,{100 + number},0"
    return f"{call},E201,Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


@pytest.fixture
def pbxs(make_source: Callable[..., Source]) -> list[Pbx]:
    made = [Pbx(make_source(f"ipo-{number}")) for number in range(3)]
    for pbx in made:
        pbx.connects()
    return made


def together(pbxs: list[Pbx], memories: dict[str, Memory]) -> Turn:
    sources = {pbx.source.code: pbx.source for pbx in pbxs}
    return parse_together(memories=memories, sources=sources, now=pbxs[0].now)


def calls(pbxs: list[Pbx]) -> list[int]:
    return [pbx.counts().in_calls for pbx in pbxs]


def test_each_turn_takes_what_came_since(pbxs: list[Pbx]) -> None:
    memories: dict[str, Memory] = {}
    for turn in range(4):
        for number, pbx in enumerate(pbxs):
            pbx.sends(*(out(10 * turn + one) for one in range(number + 1)))
        done = together(pbxs, memories)
        assert (done.failed, done.busy) == ({}, frozenset())
        assert [parsed.calls for parsed in done.parsed.values()] == [1, 2, 3]
    assert calls(pbxs) == [4, 8, 12]
    assert together(pbxs, memories).parsed["ipo-0"].tickets == 0


def test_a_memory_that_another_process_overtook_is_read_again(pbxs: list[Pbx]) -> None:
    memories: dict[str, Memory] = {}
    for pbx in pbxs:
        pbx.sends(out(1))
    together(pbxs, memories)
    pbxs[1].sends(out(2))
    assert pbxs[1].parse().calls == 1  # another process
    pbxs[1].sends(out(3))
    assert together(pbxs, memories).parsed["ipo-1"].calls == 1
    assert calls(pbxs) == [1, 3, 1]


def test_a_source_that_another_process_parses_is_left_to_it(pbxs: list[Pbx]) -> None:
    for pbx in pbxs:
        pbx.sends(out(1))
    with turn_of("ipo-1"):
        done = together(pbxs, {})
    assert (sorted(done.parsed), done.busy) == (["ipo-0", "ipo-2"], {"ipo-1"})
    assert calls(pbxs) == [1, 0, 1]
    assert together(pbxs, {}).parsed["ipo-1"].calls == 1


def test_one_that_cannot_be_read_or_written_leaves_the_others_alone(
    pbxs: list[Pbx], monkeypatch: pytest.MonkeyPatch
) -> None:
    for pbx in pbxs:
        pbx.sends(out(1))
    pbxs[0].source.options = {"speed": "9600"}  # no such option
    true_remember = writes._remember

    def remember(batch: object, contents: object) -> None:
        if batch.source.code == "ipo-2":  # type: ignore[attr-defined]
            raise OSError("the disk went away")
        true_remember(batch, contents)  # type: ignore[arg-type]

    monkeypatch.setattr(writes, "_remember", remember)
    memories: dict[str, Memory] = {}
    done = together(pbxs, memories)
    assert sorted(done.failed) == ["ipo-0", "ipo-2"]
    assert calls(pbxs) == [0, 1, 0]
    monkeypatch.undo()
    pbxs[0].source.options = {}
    done = together(pbxs, memories)
    assert done.failed == {}
    assert calls(pbxs) == [1, 1, 1]


def test_the_last_tickets_of_a_stream_are_kept_in_few_rows(avaya: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "MERGE_TICKETS", 8)
    monkeypatch.setattr(writes, "TAIL_TICKETS", 12)
    sent = [out(number) for number in range(30)]
    for record in sent:
        avaya.sends(record)
        avaya.parse()
        assert RecentTickets.objects.count() <= 8
    assert SourceState.objects.get().seen == 30
    kept = RecentTickets.objects.order_by("first").values_list("first", "contents")
    first, contents = kept[0]
    assert (first, len(bytes(contents)) // 16) == (12, 12)  # at ticket 24, the last 12
    avaya.connects()
    avaya.sends(*sent[-10:], out(31))
    assert avaya.parse().calls == 1
    assert avaya.counts().quarantined == 10
    assert journal_of("ipo").segments() == [1]
