"""Oracle = scalar = columns, to the micro, on generated companies and months."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property import rating_oracle
from tests.property.rating_worlds import World

from ardoise.core.allowances import Counters
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.reasons import explain
from ardoise.core.schema import USAGE
from ardoise.core.usage import Usage
from ardoise.rate.columns import RatedMonth, rate_month
from ardoise.rate.columns.frames import schema_of

EXAMPLES = int(os.environ.get("ARDOISE_PROPERTY_EXAMPLES", "200"))
WIDELY = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

Row = dict[str, object]


def as_row(part: RatedPart) -> Row:
    """A part in the columns of the oracle."""
    match, access = part.match, part.part.value == "access"
    return {
        "origin_id": part.usage.usage_id, "part": part.part.value, "issuer_id": part.payer.issuer_id,
        "root_id": part.payer.root_id, "account_id": part.payer.account_id, "line_id": part.payer.line_id,
        "identifier_rule": part.payer.identifier_rule, "billable": part.payer.billable, "at": part.usage.answered_at,
        "state": part.state.value, "why": part.why.value, "section": part.section.value, "called": part.usage.called,
        "number_key": part.usage.number_key, "talk_s": part.usage.talk_s, "billed_s": part.billed_s,
        "zone": match.rate.rate.zone if match else "", "tariff_id": match.rate.tariff.tariff_id if match else None,
        "version_id": match.version.version_id if match else None, "prefix": match.rate.rate.prefix if match else "",
        "band": match.band if match else "",
        "allowance_id": part.draws[0].allowance.allowance_id if part.draws and access else None,
        "covered_s": part.covered_s, "amount_micros": part.amount_micros, "cost_micros": part.cost_micros,
        "printed_micros": part.printed_micros, "currency": match.rate.tariff.currency if match else "",
    }  # fmt: skip


def by_scalar(world: World) -> list[Row]:
    compiled, counters = CompiledSnapshot(world.snapshot), Counters()
    rows = []
    for call in sorted(world.calls, key=lambda known: (known.answered_at, known.usage_id)):
        for part in compiled.rate(call, counters):
            if part.month == world.month:
                assert explain(part, "fr") and explain(part, "en")
                rows.append(as_row(part))
    return sorted(rows, key=lambda row: (row["account_id"], row["at"], row["origin_id"], row["part"]))


def write_usage(calls: list[Usage], file: Path) -> Path:
    rows = [asdict(call) | {"direction": call.direction.value, "status": call.status.value} for call in calls]
    pl.DataFrame(rows, schema=schema_of(USAGE)).write_parquet(file)
    return file


def by_columns(world: World, folder: Path, *, chunk_rows: int = 1_000_000) -> tuple[list[Row], RatedMonth]:
    """In two files, whose order must not matter."""
    half = len(world.calls) // 2
    files = [
        write_usage(world.calls[half:], folder / "a.parquet"),
        write_usage(world.calls[:half], folder / "b.parquet"),
    ]
    rated = rate_month(
        usage_files=files, snapshot=world.snapshot, month=world.month, out_dir=folder / "out", buckets=3,
        chunk_rows=chunk_rows,
    )  # fmt: skip
    frame = pl.concat([pl.read_parquet(file.path) for file in rated.files])
    assert frame.equals(frame.filter(frame["origin_kind"] == "usage"))
    order = ("account_id", "at", "origin_id", "part")
    for file in rated.files:
        part = pl.read_parquet(file.path)
        assert part.equals(part.sort(order)) and set(part["root_id"].unique()) <= {
            root for root in range(10) if root % 3 == file.bucket
        }
    return frame.sort(order).to_dicts(), rated


@WIDELY
@given(st.integers(0, 2**40))
def test_the_oracle_the_scalar_and_the_columns_agree(seed: int) -> None:
    world = World(Random(seed))
    expected, nobody = rating_oracle.charges(world.snapshot, world.calls, world.month)
    assert by_scalar(world) == expected
    with TemporaryDirectory() as folder:
        rows, rated = by_columns(world, Path(folder))
    names = list(expected[0]) if expected else []
    assert [{name: row[name] for name in names} for row in rows] == expected
    assert [call.usage_id for call in rated.unattributed] == nobody
    assert rated.calls_all == len(nobody) + sum(row["part"] == "access" for row in expected)
    amounts = [row["amount_micros"] for row in expected if row["amount_micros"] is not None]
    assert sum(total.amount_micros for total in rated.totals) == sum(amounts)  # type: ignore[arg-type]


@settings(max_examples=max(EXAMPLES // 10, 5), deadline=None)
@given(st.integers(0, 2**40))
def test_small_chunks_through_files_give_the_same_bytes(seed: int) -> None:
    world = World(Random(seed))
    with TemporaryDirectory() as once, TemporaryDirectory() as again:
        _, whole = by_columns(world, Path(once))
        _, pieces = by_columns(world, Path(again), chunk_rows=2)
        assert [file.sha256 for file in whole.files] == [file.sha256 for file in pieces.files]
        assert not list((Path(again) / "out").glob(".parts-*"))
