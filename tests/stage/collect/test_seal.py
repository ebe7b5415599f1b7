"""Fresh calls become files of the usage table: each once, whoever writes at the same time."""

from __future__ import annotations

import polars as pl
import pytest

from ardoise.collect import operations, rows, writes
from ardoise.collect.batch import Batch, Memory
from ardoise.collect.models import FreshUsage
from ardoise.collect.queries import usage_files
from ardoise.core.schema import USAGE
from ardoise.store.queries import scan, state_of
from stage.collect.pbx_wire import Pbx


def out(start: str) -> bytes:
    call = (
        f"{start},00:01:01,4,201,O,00612345678,00612345678,,0,{start[5:16].translate(str.maketrans('', '', '/ :'))},0"
    )
    return f"{call},E201,Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def sealed() -> list[str]:
    return [f"{at:%m-%d %H:%M}" for at in scan("usage").sort(USAGE.start_at).collect().get_column(USAGE.start_at)]


def test_the_month_of_a_call_is_that_of_its_answer_in_utc(avaya: Pbx) -> None:
    avaya.sends(out("2026/10/01 01:30:00"), out("2026/10/01 02:30:00"))  # Paris, two hours before UTC
    assert operations.seal(source="ipo", month="2026-10", now=avaya.now) == 1
    assert sealed() == ["10-01 00:30"]
    assert FreshUsage.objects.get().row[USAGE.start_at] == "2026-09-30T23:30:00+00:00"
    assert operations.seal_months(months=["2026-09", "2026-10"], now=avaya.now) == 1
    assert sealed() == ["09-30 23:30", "10-01 00:30"]
    assert [file.month for file in usage_files(["2026-10", "2026-09"])] == ["2026-09", "2026-10"]


def test_late_calls_join_those_already_sealed(avaya: Pbx) -> None:
    avaya.sends(out("2026/10/05 10:00:00"))
    operations.seal(source="ipo", month="2026-10", now=avaya.now)
    avaya.sends(out("2026/10/04 10:00:00"))
    operations.seal(source="ipo", month="2026-10", now=avaya.now)
    assert sealed() == ["10-04 08:00", "10-05 08:00"]
    assert state_of("usage", "2026-10", "ipo").generation == 2
    assert operations.seal(source="ipo", month="2026-10", now=avaya.now) == 0
    assert state_of("usage", "2026-10", "ipo").generation == 2


def test_every_column_keeps_its_value(avaya: Pbx) -> None:
    avaya.sends(out("2026/10/05 10:00:00"))
    avaya.parse()
    (fresh,) = avaya.calls()
    operations.seal(source="ipo", month="2026-10", now=avaya.now)
    (row,) = scan("usage").collect().to_dicts()
    assert {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()} == fresh


def test_a_call_written_again_while_it_is_sealed_is_not_lost(avaya: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    avaya.sends(out("2026/10/05 10:00:00"), out("2026/10/05 11:00:00"))
    avaya.parse()
    true_write = operations.write_parquet
    corrected = []

    def write_late(*arguments: object) -> object:
        """Between reading the rows and deleting them, a correction comes in."""
        if not corrected:
            corrected.append(FreshUsage.objects.first())
            corrected[0].row[USAGE.talk_s] = 7
            corrected[0].written_version += 1
            corrected[0].save()
        return true_write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(operations, "write_parquet", write_late)
    assert operations.seal(source="ipo", month="2026-10", now=avaya.now) == 2
    assert sorted(scan("usage").collect().get_column(USAGE.talk_s)) == [7, 61]
    assert FreshUsage.objects.count() == 0


def test_two_parsers_of_one_source_cannot_both_write(avaya: Pbx) -> None:
    avaya.sends(out("2026/10/05 10:00:00"))
    slow = Batch(Memory.load(avaya.source))
    slow.collect(now=avaya.now)
    assert avaya.parse().calls == 1  # the other one was faster
    assert writes.write([slow]) == []
    assert avaya.counts().in_calls == 1


def test_a_large_batch_goes_straight_to_the_table_but_for_its_last_calls(
    avaya: Pbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writes, "SEAL_CALLS", 10)
    monkeypatch.setattr(writes, "FRESH_TAIL", 3)
    late = [out(f"2026/09/30 10:{minute:02d}:00") for minute in range(4)]  # too few of this month: they stay rows
    avaya.sends(*late, *(out(f"2026/10/05 10:{minute:02d}:00") for minute in range(12)))
    parsed = avaya.parse()
    assert (parsed.calls, parsed.in_calls) == (16, 16)
    assert sealed() == [f"10-05 08:{minute:02d}" for minute in range(9)]
    assert len(avaya.calls()) == 4 + 3
    assert avaya.counts().in_calls == 16
    assert operations.seal_months(months=["2026-09", "2026-10"], now=avaya.now) == 7
    assert len(sealed()) == 16
    assert sorted(file.rows for file in usage_files(["2026-09", "2026-10"])) == [4, 12]


def test_a_batch_that_was_not_written_leaves_no_file_in_the_table(avaya: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "SEAL_CALLS", 2)
    monkeypatch.setattr(writes, "FRESH_TAIL", 1)
    avaya.sends(*(out(f"2026/10/05 10:{minute:02d}:00") for minute in range(5)))

    def fail(*_: object) -> None:
        raise OSError("the disk went away")

    with monkeypatch.context() as failing, pytest.raises(OSError, match="went away"):
        failing.setattr(rows, "add_up", fail)  # the last write of the transaction
        avaya.parse()
    assert (sealed(), avaya.calls()) == ([], [])
    avaya.parse()
    assert (len(sealed()), len(avaya.calls())) == (4, 1)
    assert avaya.counts().in_calls == 5


def test_sealing_often_writes_few_calls_again_and_leaves_few_files(avaya: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 sealings of one call each: without a threshold of small files, each call is written log2(64) times or so."""
    monkeypatch.setattr(operations, "SMALL_FILE_CALLS", 0)
    written = []
    true_write = operations.write_parquet

    def counting_write(frame: pl.DataFrame, table: str) -> object:
        written.append(frame.height)
        return true_write(frame, table)

    monkeypatch.setattr(operations, "write_parquet", counting_write)
    for number in range(64):
        avaya.sends(out(f"2026/10/05 10:{number % 60:02d}:{number // 60:02d}"))
        operations.seal(source="ipo", month="2026-10", now=avaya.now)
    assert len(set(sealed())) <= len(sealed()) == 64
    assert len(state_of("usage", "2026-10", "ipo").files) <= 7
    assert sum(written) <= 64 * 7  # all of them again at each sealing would be 64 * 65 / 2 = 2080
