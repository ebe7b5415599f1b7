"""The tables: typed files, a manifest that changes by compare-and-set, frozen rows that are only ever added."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.db import IntegrityError, transaction
from polars.testing import assert_frame_equal

from ardoise.core.schema import CHARGES, FROZEN, USAGE
from ardoise.store.models import Partition, TableFile, TableName
from ardoise.store.operations import (
    BadPartition,
    GenerationMoved,
    StagedFileLost,
    Swept,
    WriteOnce,
    append_frozen,
    replace_month,
    replace_partition,
    sweep,
)
from ardoise.store.queries import files, generations_of, months_of, one_snapshot, scan, state_of
from ardoise.store.tables import (
    SchemaMismatch,
    StagedFile,
    UnknownColumn,
    UnknownTable,
    adopt_parquet,
    folder,
    schema_of,
    verify_files,
    write_parquet,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

OCTOBER = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 5, 8, 0, tzinfo=UTC)


def rows(table: str, *given: dict[str, object]) -> pl.DataFrame:
    """Rows of a table with a neutral value in every column that is not given."""
    neutral = {pl.String(): "", pl.Int64(): 0, pl.Boolean(): False, pl.Datetime("us", "UTC"): OCTOBER}
    base = {name: neutral[kind] for name, kind in schema_of(table).items()}
    if "month" in base:
        base["month"] = "2026-10"
    return pl.DataFrame([base | row for row in given], schema=schema_of(table), orient="row")


def charges(*amounts_micros: int, table: str = "open", **common: object) -> pl.DataFrame:
    return rows(
        table, *({"origin_id": f"u{n}", "amount_micros": amount, **common} for n, amount in enumerate(amounts_micros))
    )


def put(frame: pl.DataFrame, *, month: str = "2026-10", partition: str = "03", expected: int = 0) -> int:
    staged = write_parquet(frame, "open")
    return replace_partition(
        table="open", month=month, partition=partition, expected_generation=expected, files=[staged]
    )


def amounts(table: str = "open", **where: Any) -> list[int]:
    return sorted(scan(table, **where).collect().get_column("amount_micros"))


# Writing a file ------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back_typed_and_in_the_order_of_the_table() -> None:
    frame = rows(
        "usage",
        {"usage_id": "ipo:1:900", "source": "ipo", "charged": "202", "answered_at": OCTOBER, "talk_s": 61},
        {"usage_id": "ipo:1:16", "source": "ipo", "charged": "201", "answered_at": OCTOBER + timedelta(hours=1)},
        {"usage_id": "ipo:1:95", "source": "ipo", "charged": "201", "answered_at": OCTOBER, "operator_micros": None},
    )
    staged = write_parquet(frame.select(reversed(frame.columns)), "usage")
    replace_partition(table="usage", month="2026-10", partition="ipo", expected_generation=0, files=[staged])
    read = scan("usage", ["2026-10"]).collect()
    assert read.schema == schema_of("usage")
    assert_frame_equal(read, frame[[2, 1, 0]])  # by identifier (201 before 202), then by time


def test_the_manifest_says_what_a_file_holds() -> None:
    frame = rows("open", {"at": OCTOBER + timedelta(days=2)}, {"at": OCTOBER}, {"at": OCTOBER + timedelta(days=1)})
    put(frame, partition="recurring")
    [file] = files("open")
    assert (file.month, file.partition, file.generation, file.rows) == ("2026-10", "recurring", 1, 3)
    assert (file.first_at, file.last_at) == (OCTOBER, OCTOBER + timedelta(days=2))
    assert file.path.stat().st_size == file.size_bytes
    assert list(verify_files([file])) == []


def test_a_frame_of_another_shape_is_refused_with_every_difference() -> None:
    frame = rows("open", {"amount_micros": None, "line_id": None}).with_columns(
        pl.lit(1.5).alias("cost_micros"),
        pl.lit(None, dtype=pl.Int64).alias("account_id"),
        pl.lit("x").alias("colour"),
        pl.lit(OCTOBER).dt.replace_time_zone(None).alias("at"),
    )
    with pytest.raises(SchemaMismatch) as refused:
        write_parquet(frame.drop("zone"), "open")
    message = str(refused.value)
    assert "no column zone (zone of the rate)" in message
    assert "a column colour that open does not have" in message
    assert "cost_micros is Float64, not Int64" in message  # never a float near money
    assert "1 empty values in account_id, which is not optional" in message
    assert "at is Datetime" in message
    assert "amount_micros" not in message  # may be empty
    assert not list(folder().rglob("*.parquet"))


def test_categories_and_narrow_integers_are_widened() -> None:
    frame = charges(5).with_columns(pl.col("zone").cast(pl.Categorical), pl.col("talk_s").cast(pl.UInt16))
    put(frame)
    assert scan("open").collect().schema == schema_of("open")


def test_a_column_of_one_text_or_none_is_read_back_as_it_was() -> None:
    """Such columns are stored as categories, which takes an eighth of the time."""
    frame = charges(1, 2).with_columns(called=pl.lit("33612345678"), product=pl.lit(None, pl.String))
    put(frame)
    assert_frame_equal(scan("open").collect(), frame)
    [file] = files("open")
    assert isinstance(pl.read_parquet_schema(file.path)["called"], pl.Categorical)


def test_whole_rows_can_be_read_with_their_labels_as_categories(tmp_path: Path) -> None:
    """One type for the files of an engine, for ours, and for those of former versions: they are put together."""
    engine = of_an_engine(tmp_path / "engine.parquet", charges(1, zone="FR"))
    for name, staged in (("01", adopt_parquet(engine, "open")), ("02", write_parquet(charges(2, zone="DE"), "open"))):
        replace_partition(table="open", month="2026-10", partition=name, expected_generation=0, files=[staged])
    cheap = pl.col("zone").is_in(["FR", "DE"]) & (pl.col("amount_micros") < 3)
    read = scan("open", filter=cheap, partition=["01", "02"], as_labels=True).collect()
    assert isinstance(read.schema["zone"], pl.Categorical)
    assert set(read["zone"].cast(pl.String)) == {"FR", "DE"}
    put(read.with_columns(pl.col("amount_micros") * 10), partition="03")
    assert amounts(partition="03") == [10, 20]


def of_an_engine(path: Path, frame: pl.DataFrame) -> Path:
    """The frame as rating writes it: labels from codes."""
    labels = [name for name, column in CHARGES.columns().items() if column.type == "label"]
    kinds = {name: pl.Enum(sorted({"", *frame[name]})) for name in labels}
    frame.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items()).write_parquet(path)
    return path


def test_a_file_of_an_engine_is_taken_over_and_read_like_any_other(tmp_path: Path) -> None:
    ours, theirs = charges(1, 2, account_id=7, zone="FR"), charges(3, 4, 5, account_id=8, zone="DE", state="priced")
    staged = adopt_parquet(of_an_engine(tmp_path / "charges.parquet", theirs), "open")
    assert (staged.rows, staged.first_at, staged.last_at, staged.months) == (3, OCTOBER, OCTOBER, {"2026-10"})
    assert not (tmp_path / "charges.parquet").exists()
    replace_partition(table="open", month="2026-10", partition="04", expected_generation=0, files=[staged])
    put(ours)
    assert scan("open", None).collect_schema() == schema_of("open")
    assert_frame_equal(scan("open", None, partition="04").collect(), theirs)
    assert amounts() == [1, 2, 3, 4, 5]
    assert amounts(filter=pl.col("zone") == "DE") == [3, 4, 5]  # a label of both kinds of files
    assert amounts(filter=pl.col("account_id") == 8) == [3, 4, 5]
    assert amounts(filter=(pl.col("account_id") == 7) & (pl.col("state") == "priced")) == []
    assert list(verify_files(files("open"))) == []


def test_a_file_of_an_engine_with_other_columns_is_refused_and_stays_where_it_is(tmp_path: Path) -> None:
    path = of_an_engine(tmp_path / "charges.parquet", charges(1))
    pl.read_parquet(path).drop("zone").write_parquet(path)
    with pytest.raises(SchemaMismatch, match="no column zone"):
        adopt_parquet(path, "open")
    assert path.exists()


def test_every_table_of_the_manifest_has_a_layout_and_frozen_adds_the_documents() -> None:
    assert {name: list(schema_of(name)) for name in TableName.values} == {
        "usage": list(USAGE.columns()),
        "open": list(CHARGES.columns()),
        "frozen": [*CHARGES.columns(), FROZEN.document_id, FROZEN.line_no, FROZEN.cancels_id],
    }
    with pytest.raises(UnknownTable, match="usage, open, frozen"):
        schema_of("charges")


# Reading -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["usage", "open", "frozen"])
def test_an_empty_table_is_an_empty_frame_of_the_right_types(table: str) -> None:
    assert scan(table).collect_schema() == schema_of(table)
    assert scan(table, ["2026-10"]).collect().height == 0
    assert scan(table, [], columns=["source"]).collect_schema().names() == ["source"]


def test_months_columns_partition_and_filter_choose_the_rows() -> None:
    put(charges(1, 2, zone="mobile"), partition="03")
    put(charges(4, zone="fixed"), partition="04")
    put(charges(8, zone="mobile", month="2026-11", at=NOVEMBER), month="2026-11")
    assert months_of("open") == ["2026-10", "2026-11"]
    assert amounts() == [1, 2, 4, 8]
    assert amounts(months=["2026-10"]) == [1, 2, 4]
    assert amounts(months=["2026-10"], partition="04") == [4]
    mobile = scan("open", ["2026-10", "2026-11"], ["amount_micros"], pl.col("zone") == "mobile").collect()
    assert mobile.columns == ["amount_micros"]
    assert sorted(mobile.get_column("amount_micros")) == [1, 2, 8]


def test_an_unknown_column_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UnknownColumn, match="open has no column price; it has origin_kind"):
        scan("open", columns=["price"])


def test_files_without_a_row_of_the_span_are_left_out() -> None:
    put(rows("open", {"at": OCTOBER}), partition="01")
    put(rows("open", {"at": OCTOBER + timedelta(days=3)}), partition="02")
    day = timedelta(days=1)
    assert [f.partition for f in files("open", "2026-10", between=(OCTOBER, OCTOBER + day))] == ["01"]
    assert [f.partition for f in files("open", between=(OCTOBER - day, OCTOBER))] == []  # half open
    assert [f.partition for f in files("open", between=(OCTOBER, OCTOBER + 4 * day))] == ["01", "02"]


def test_a_column_younger_than_a_file_is_empty_there() -> None:
    """A file written before `printed_micros` existed."""
    put(charges(7))
    [file] = files("open")
    old = pl.read_parquet(file.path).drop("printed_micros")
    old.write_parquet(file.path)
    read = scan("open").collect()
    assert read.schema == schema_of("open")
    assert read.get_column("printed_micros").to_list() == [None]


# Replacing -----------------------------------------------------------------------------------------------------------


def test_a_replacement_shows_only_the_new_rows_and_moves_the_generation() -> None:
    assert put(charges(1, 2)) == 1
    assert put(charges(10), expected=1) == 2
    assert amounts() == [10]
    assert state_of("open", "2026-10", "03").generation == 2
    assert state_of("open", "2026-10", "03").files == files("open")


def test_a_partition_may_hold_several_files_or_none() -> None:
    staged = [write_parquet(charges(1), "open"), write_parquet(charges(2, 3), "open")]
    replace_partition(table="open", month="2026-10", partition="03", expected_generation=0, files=staged)
    assert amounts() == [1, 2, 3]
    replace_partition(table="open", month="2026-10", partition="03", expected_generation=1, files=[])
    assert amounts() == []
    assert state_of("open", "2026-10", "03").generation == 2


def test_a_partition_that_moved_is_not_replaced_and_both_generations_are_named() -> None:
    read = state_of("open", "2026-10", "03")
    put(charges(1))
    with pytest.raises(GenerationMoved, match="open 2026-10/03 is at generation 1, not 0") as refused:
        put(charges(2), expected=read.generation)
    assert (refused.value.expected, refused.value.found) == (0, 1)
    assert amounts() == [1]


def test_a_generation_of_the_future_is_refused_and_leaves_no_partition() -> None:
    with pytest.raises(GenerationMoved, match="generation 0, not 5"):
        put(charges(1), expected=5)
    assert not Partition.objects.exists()


def test_partitions_of_a_month_are_replaced_together_and_the_others_stay() -> None:
    put(charges(1), partition="03")
    put(charges(2), partition="recurring")
    put(charges(3), partition="04")
    assert generations_of("open", "2026-10") == {"03": 1, "04": 1, "recurring": 1}
    fresh = {"03": [write_parquet(charges(10, 11), "open")], "05": [write_parquet(charges(12), "open")]}
    replace_month(table="open", month="2026-10", expected={"03": 1, "04": 1, "05": 0}, files=fresh)
    assert amounts() == [2, 10, 11, 12]
    assert generations_of("open", "2026-10") == {"03": 2, "04": 2, "05": 1, "recurring": 1}
    assert [(file.partition, file.generation) for file in files("open")] == [("03", 2), ("05", 1), ("recurring", 1)]


def test_where_one_partition_moved_none_of_the_month_is_replaced() -> None:
    put(charges(1), partition="03")
    put(charges(2), partition="04")
    with pytest.raises(GenerationMoved, match="open 2026-10/04 is at generation 1, not 0"):
        replace_month(table="open", month="2026-10", expected={"03": 1, "04": 0, "05": 0}, files={})
    assert amounts() == [1, 2]
    assert generations_of("open", "2026-10") == {"03": 1, "04": 1}
    with pytest.raises(WriteOnce):
        replace_month(table="frozen", month="2026-10", expected={"03": 0}, files={})


def test_a_replacement_belongs_to_the_transaction_around_it() -> None:
    put(charges(1))
    with pytest.raises(RuntimeError, match="the invoice failed"), transaction.atomic():
        put(charges(2), expected=1)
        raise RuntimeError("the invoice failed")
    assert amounts() == [1]
    assert state_of("open", "2026-10", "03").generation == 1


def test_a_frame_taken_before_a_replacement_is_still_readable_after_it() -> None:
    put(charges(1))
    before = scan("open")
    put(charges(2), expected=1)
    sweep()
    assert before.collect().get_column("amount_micros").to_list() == [1]


@pytest.mark.parametrize(
    ("month", "partition", "said"),
    [
        ("2026-13", "03", "is not a month"),
        ("2026-1", "03", "is not a month"),
        ("2026-10", "../03", "cannot name a partition"),
        ("2026-10", "", "cannot name a partition"),
        ("2026-11", "03", "holds rows of 2026-10, not only 2026-11"),
    ],
)
def test_rows_go_to_their_own_month_and_a_proper_partition(month: str, partition: str, said: str) -> None:
    with pytest.raises(BadPartition, match=said):
        put(charges(1), month=month, partition=partition)
    assert files("open") == []


def test_usage_goes_to_the_utc_month_of_its_answer() -> None:
    """00:30 on 1 November in Paris is 23:30 UTC on 31 October: the file belongs to October."""
    staged = write_parquet(rows("usage", {"answered_at": datetime(2026, 10, 31, 23, 30, tzinfo=UTC)}), "usage")
    with pytest.raises(BadPartition, match="2026-10"):
        replace_partition(table="usage", month="2026-11", partition="ipo", expected_generation=0, files=[staged])
    replace_partition(table="usage", month="2026-10", partition="ipo", expected_generation=0, files=[staged])


def test_rows_of_another_table_are_refused() -> None:
    staged = write_parquet(charges(1), "open")
    with pytest.raises(BadPartition, match="holds rows of open, not frozen"):
        append_frozen(month="2026-10", partition="03", files=[staged])


def test_a_staged_file_is_committed_once_whole_and_soon() -> None:
    def commit(staged: StagedFile, partition: str) -> None:
        replace_partition(table="open", month="2026-10", partition=partition, expected_generation=0, files=[staged])

    used, gone, cut, old = (write_parquet(charges(n), "open") for n in range(4))
    commit(used, "01")
    with pytest.raises(StagedFileLost, match="already committed"):
        commit(used, "02")
    (folder() / gone.path).unlink()
    with pytest.raises(StagedFileLost, match="gone"):
        commit(gone, "03")
    os.truncate(folder() / cut.path, 10)
    with pytest.raises(StagedFileLost, match="has 10 bytes"):
        commit(cut, "04")
    age(folder() / old.path, hours=13)
    with pytest.raises(StagedFileLost, match="over 12 hours ago"):
        commit(old, "05")
    assert amounts() == [0]


# Frozen --------------------------------------------------------------------------------------------------------------


def test_frozen_rows_are_added_and_never_replaced() -> None:
    first = write_parquet(charges(1, table="frozen", document_id=1), "frozen")
    second = write_parquet(charges(2, table="frozen", document_id=2), "frozen")
    assert append_frozen(month="2026-10", partition="03", files=[first]) == 1
    assert append_frozen(month="2026-10", partition="03", files=[second]) == 2
    assert amounts("frozen") == [1, 2]
    with pytest.raises(WriteOnce, match="issue a new document"):
        replace_partition(table="frozen", month="2026-10", partition="03", expected_generation=2, files=[])
    assert amounts("frozen") == [1, 2]


def test_the_database_itself_refuses_to_retire_a_frozen_file() -> None:
    append_frozen(month="2026-10", partition="03", files=[write_parquet(charges(1, table="frozen"), "frozen")])
    with pytest.raises(IntegrityError), transaction.atomic():
        TableFile.objects.update(retired_at=NOVEMBER)


def test_frozen_rows_of_a_failed_issue_do_not_exist() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        append_frozen(month="2026-10", partition="03", files=[write_parquet(charges(1, table="frozen"), "frozen")])
        raise RuntimeError("no number could be taken")
    assert amounts("frozen") == []


# Sweeping ------------------------------------------------------------------------------------------------------------


def age(path: Path, *, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_a_sweep_removes_dead_files_and_orphans_after_their_grace_and_nothing_live(home: Path) -> None:
    put(charges(1))
    put(charges(2), expected=1)
    append_frozen(month="2026-10", partition="03", files=[write_parquet(charges(3, table="frozen"), "frozen")])
    write_parquet(charges(4), "open")  # never committed
    half = home / "blobs" / "ab" / ".abc.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"x")
    for path in (*home.rglob("*.parquet"), half):
        age(path, hours=30)
    now = datetime.now(UTC)

    assert sweep(now=now) == Swept(dead=0, orphans=1, parts=1)  # replaced a moment ago: readers may be on their way
    assert sweep(now=now + timedelta(hours=25)) == Swept(dead=1, orphans=0, parts=0)
    assert sweep(now=now + timedelta(days=400)) == Swept(dead=0, orphans=0, parts=0)
    assert (amounts(), amounts("frozen")) == ([2], [3])
    assert len(list(home.rglob("*.parquet"))) == 2
    assert list(verify_files(files("open") + files("frozen"))) == []


def test_a_fresh_file_that_nobody_committed_yet_is_left_alone() -> None:
    staged = write_parquet(charges(1), "open")
    assert sweep().orphans == 0
    replace_partition(table="open", month="2026-10", partition="03", expected_generation=0, files=[staged])
    assert amounts() == [1]


def test_a_grace_that_could_remove_a_file_being_committed_is_refused() -> None:
    with pytest.raises(ValueError, match="over 12 hours"):
        sweep(orphan_grace=timedelta(hours=12))


def test_missing_and_damaged_files_are_named() -> None:
    put(charges(1), partition="01")
    put(charges(2), partition="02")
    missing, damaged = files("open")
    missing.path.unlink()
    data = bytearray(damaged.path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.path.write_bytes(data)
    first, second = verify_files(files("open"))
    assert "2026-10/01) is missing" in first
    assert "2026-10/02) is damaged" in second


@pytest.mark.django_db(transaction=True)
def test_one_snapshot_reads_the_manifest_and_refuses_nothing() -> None:
    put(charges(1))
    with one_snapshot():
        assert len(files("open")) == 1
        assert state_of("open", "2026-10", "03").generation == 1
    put(charges(2), expected=1)
    assert amounts() == [2]
