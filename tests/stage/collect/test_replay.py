"""History read again after a fix: what stands afterwards is what the fixed parser would have written at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from ardoise.collect import operations
from ardoise.collect.models import (
    CallCoverage,
    DayCount,
    FreshUsage,
    Quarantined,
    SeenTicket,
    Source,
    SourceEvent,
    SourceState,
    TakenFile,
)
from ardoise.collect.replay import NothingToReplay, Replayed, replay
from ardoise.core.schema import USAGE
from ardoise.store.models import TableName
from ardoise.store.operations import replace_partition
from ardoise.store.queries import months_of, scan, state_of
from stage.collect.pbx_wire import Pbx
from stage.collect.test_files import PROFILE, Folder

pytestmark = pytest.mark.django_db

FIRST_DATE = date(2026, 10, 5)


def out(call_id: int, day: int = 5, *, at: str = "13:40:00", more: int = 0, number: str = "00612345678") -> bytes:
    call = f"2026/10/{day:02d} {at},00:01:01,4,201,O,{number},{number},,0,{call_id},{more}"
    return f"{call},E201,Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def calls(source: Source) -> list[dict[str, object]]:
    """Fresh and sealed together, in the order of their ids."""
    fresh = [row.row for row in FreshUsage.objects.filter(source=source)]
    sealed = scan(TableName.USAGE, partition=source.code).collect().to_dicts()
    plain = [{k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()} for row in sealed]
    return sorted([*fresh, *plain], key=lambda row: str(row[USAGE.usage_id]))


def everything(source: Source) -> dict[str, object]:
    """All that parsing a source writes, but for the row keys."""
    aside = Quarantined.objects.filter(source=source).values_list("ticket_id", "reason", "detail", "raw")
    said = SourceEvent.objects.filter(source=source, noticed=False).values_list("ticket_id", "kind", "text")
    counts = DayCount.objects.filter(source=source).order_by("date")
    days = counts.values_list("date", "received", "in_calls", "events", "quarantined", "calls")
    seen = SeenTicket.objects.filter(source=source).values_list("identity", "content", "ticket_id", "usage_id")
    state = SourceState.objects.get(source=source)
    return {
        "calls": calls(source),
        "quarantine": sorted((*one[:3], bytes(one[3])) for one in aside),
        "events": sorted(said),
        "days": list(days),
        "coverage": list(
            CallCoverage.objects.filter(source=source, calls__gt=0).order_by("date").values_list("date", "calls")
        ),
        "seen": sorted((bytes(one[0]), bytes(one[1]), *one[2:]) for one in seen),
        "waiting": state.waiting,
        "open": state.assembler["open"],
    }


def parsed_at_once(source: Source, now: datetime) -> dict[str, object]:
    """What parsing the whole journal today would write: everything is forgotten first."""
    for related in (source.fresh, source.quarantined, source.events, source.day_counts, source.coverage):
        related.all().delete()
    for rows in (source.seenticket_set, source.recenttickets_set):
        rows.all().delete()
    SourceState.objects.filter(source=source).delete()
    TakenFile.objects.filter(source=source).delete()
    for month in months_of(TableName.USAGE):
        generation = state_of(TableName.USAGE, month, source.code).generation
        replace_partition(
            table=TableName.USAGE, month=month, partition=source.code, expected_generation=generation, files=[]
        )
    operations.parse(source=source.code, now=now)
    return everything(source)


def three_days(pbx: Pbx) -> None:
    """Transfers, an unreadable line, a replay after a reconnection, a call that is still open; the first day sealed."""
    pbx.sends(out(1_000_001), out(1_000_002, more=1), b"garbage\r\n")
    pbx.sends(out(1_000_002, at="13:40:30"))
    pbx.parse()
    operations.seal(source="ipo", month="2026-10", now=pbx.now)
    pbx.now += timedelta(days=1)
    pbx.sends(out(1_000_003, 6), out(1_000_004, 6, number="15"))
    pbx.connects()
    pbx.sends(out(1_000_004, 6, number="15"), out(1_000_005, 6))
    pbx.parse()
    pbx.now += timedelta(days=1)
    pbx.sends(out(1_000_006, 7), b"more garbage\r\n", out(1_000_007, 7, more=1))
    pbx.parse()


def mend_plan(source: Source) -> None:
    """The outside prefix was missing: 00612345678 was read as abroad."""
    source.outside_prefix = "0"
    source.save()


@pytest.fixture
def pbx(make_source: Callable[..., Source]) -> Pbx:
    made = Pbx(make_source(outside_prefix=""))
    made.connects()
    three_days(made)
    return made


def again(pbx: Pbx, **fields: object) -> Replayed:
    return replay(source=pbx.source.code, now=pbx.now, **({"from_date": FIRST_DATE} | fields))  # type: ignore[arg-type]


def test_without_a_fix_nothing_differs(pbx: Pbx) -> None:
    before, version = everything(pbx.source), SourceState.objects.get().version
    report = again(pbx)
    assert (report.tickets, report.calls, report.differs, report.examples) == (11, 6, False, ())
    assert everything(pbx.source) == before
    assert SourceState.objects.get().version == version


def test_what_differs_is_changed_and_only_that(pbx: Pbx) -> None:
    sealed_before = state_of(TableName.USAGE, "2026-10", "ipo").generation
    untouched = [call for call in calls(pbx.source) if call[USAGE.called] == "15"]
    mend_plan(pbx.source)
    report = again(pbx)
    assert (report.calls, report.added, report.changed, report.removed) == (6, 0, 5, 0)
    assert report.months == ("2026-10",)
    assert report.examples[0].startswith("changed ipo:1:")
    assert "-> 33612345678" in report.examples[0]
    assert state_of(TableName.USAGE, "2026-10", "ipo").generation > sealed_before
    assert [call for call in calls(pbx.source) if call[USAGE.called] == "15"] == untouched
    found = everything(pbx.source)
    assert not again(pbx).differs  # a second replay changes nothing
    assert everything(pbx.source) == found
    assert found == parsed_at_once(pbx.source, pbx.now)


def test_one_day_alone(pbx: Pbx) -> None:
    mend_plan(pbx.source)
    day = date(2026, 10, 6)
    report = again(pbx, from_date=day, until_date=date(2026, 10, 7))
    assert (report.tickets, report.calls, report.changed) == (4, 3, 2)
    keys = {str(call[USAGE.start_at])[:10]: call[USAGE.number_key] for call in calls(pbx.source)}
    assert keys["2026-10-06"] == "33612345678"
    assert keys["2026-10-05"] != "33612345678"
    pbx.counts()
    assert again(pbx).changed == 3  # the others
    assert everything(pbx.source) == parsed_at_once(pbx.source, pbx.now)


def test_a_dry_run_writes_nothing(pbx: Pbx) -> None:
    before = everything(pbx.source)
    mend_plan(pbx.source)
    assert again(pbx, dry_run=True).changed == 5
    assert everything(pbx.source) == before


def test_the_live_parser_goes_on_after_a_replay(pbx: Pbx) -> None:
    mend_plan(pbx.source)
    again(pbx)
    pbx.sends(out(1_000_007, 7, at="13:41:00"), out(1_000_008, 7))
    assert pbx.parse().calls == 2  # the open call, read by the mended parser, and a new one
    assert {call[USAGE.number_key] for call in calls(pbx.source)} == {"33612345678", "!15"}
    pbx.counts()
    assert everything(pbx.source) == parsed_at_once(pbx.source, pbx.now)


def test_a_replay_that_dies_has_changed_nothing(pbx: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    from ardoise.collect import replay as replaying

    before = everything(pbx.source)
    mend_plan(pbx.source)

    def fail(*_: object) -> None:
        raise OSError("the disk went away")

    with monkeypatch.context() as failing, pytest.raises(OSError, match="went away"):
        failing.setattr(replaying.rows, "add_up", fail)  # the last write of the transaction
        again(pbx)
    assert everything(pbx.source) == before
    assert again(pbx).changed == 5


def test_a_fix_of_the_calls_from_segments_joins_and_parts(pbx: Pbx) -> None:
    pbx.source.assembly = {"span": "1s", "timeout": "1s"}  # two segments of a call are two calls
    pbx.source.save()
    again(pbx)
    assert everything(pbx.source) == parsed_at_once(pbx.source, pbx.now)


@pytest.mark.parametrize("kind", ["keyed", "cumulative"])
def test_quarantine_is_judged_again_when_a_profile_is_mended(make_source: Callable[..., Source], kind: str) -> None:
    good = PROFILE.format(kind=kind)
    bad = good.replace("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S").replace(
        "2026-10-02 09:00:00;60;04", "02/10/2026 09:00:00;60;04"
    )
    source = make_source(
        "voixnet", format="delimited", transport=Source.Transport.FILES, options={"profile": bad}, pattern="*.csv"
    )
    folder = Folder(source)
    folder.drop(
        "02/10/2026 08:00:00;30;0478000001;0612345678;Z;0.01", "2026-10-02 09:00:00;60;0478000001;0612345678;A;0.02"
    )
    folder.collect()
    folder.drop(
        "2026-10-02 09:00:00;60;0478000001;0612345678;A;0.02",
        "2026-10-02 10:00:00;90;0478000001;0612345678;B;0.03",
        "02/10/2026 08:30:00;31;0478000001;0612345678;Y;0.01",
        name="next.csv",
    )
    folder.collect()
    assert len(calls(source)) == 2
    source.options = {"profile": good}
    source.save()
    report = replay(source="voixnet", from_date=FIRST_DATE, now=folder.now)
    assert (report.added, report.removed) == (2, 2)  # the other layout is unreadable now
    folder.counts()
    assert not replay(source="voixnet", from_date=FIRST_DATE, now=folder.now).differs
    assert everything(source) == parsed_at_once(source, folder.now)


def test_an_id_given_again_keeps_its_call(make_source: Callable[..., Source]) -> None:
    source = make_source(
        "voixnet",
        format="delimited",
        transport=Source.Transport.FILES,
        options={"profile": PROFILE.format(kind="keyed")},
        pattern="*.csv",
    )
    folder = Folder(source)
    folder.drop("2026-10-02 09:00:00;60;0478000001;0612345678;A;0.02", "2026-10-02 09:30:00;60;0478000001;15;C;0.02")
    folder.collect()
    folder.drop("2026-10-02 09:00:00;61;0478000001;0612345678;A;0.02", name="next.csv")
    folder.collect()
    before = everything(source)
    assert not replay(source="voixnet", from_date=FIRST_DATE, now=folder.now).differs
    source.country, source.outside_prefix = "44", ""
    source.save()
    assert replay(source="voixnet", from_date=FIRST_DATE, now=folder.now).changed == 2
    assert [call[USAGE.usage_id] for call in calls(source)] == [call[USAGE.usage_id] for call in before["calls"]]  # type: ignore[attr-defined]
    assert everything(source) == parsed_at_once(source, folder.now)


def test_days_that_the_journal_does_not_hold_are_refused(pbx: Pbx) -> None:
    with pytest.raises(NothingToReplay, match="since 2026-10-09"):
        again(pbx, from_date=date(2026, 10, 9))
    with pytest.raises(NothingToReplay, match="must come after"):
        again(pbx, until_date=FIRST_DATE)
