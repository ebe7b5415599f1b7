"""Oracle = scalar = columns, to the micro, on generated companies and months."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property import rating_oracle
from tests.property.rating_worlds import FEATURES, World

from ardoise.core.allowances import Counters, draws_text
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.reasons import explain
from ardoise.core.schema import USAGE
from ardoise.core.usage import Usage
from ardoise.rate.columns import RatedMonth, rate_month
from ardoise.rate.columns.frames import schema_of

# What each engine knows of `rating_worlds.FEATURES`.
SCALAR_FEATURES: frozenset[str] = FEATURES
COLUMNS_FEATURES: frozenset[str] = FEATURES

EXAMPLES = int(os.environ.get("ARDOISE_PROPERTY_EXAMPLES", "200"))
SHARDS = 8  # of the examples, over the processes of a run
SEEDS = st.integers(0, 2**40)
WIDELY = settings(
    max_examples=-(-EXAMPLES // SHARDS),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

Row = dict[str, object]


def as_row(part: RatedPart) -> Row:
    """A part in the columns of the oracle."""
    match, access = part.match, part.part.value == "access"
    return {
        "origin_id": part.usage.usage_id, "level": part.level, "part": part.part.value,
        "issuer_id": part.payer.issuer_id, "root_id": part.payer.root_id, "account_id": part.payer.account_id,
        "line_id": part.payer.line_id, "identifier_rule": part.payer.identifier_rule,
        "billable": part.payer.billable, "at": part.usage.answered_at,
        "state": part.state.value, "why": part.why.value, "section": part.section.value, "called": part.usage.called,
        "number_key": part.usage.number_key, "talk_s": part.usage.talk_s, "kind": part.usage.kind.value,
        "units": part.usage.units, "billed_s": part.billed_s,
        "zone": match.rate.rate.zone if match else "", "tariff_id": match.rate.tariff.tariff_id if match else None,
        "version_id": match.version.version_id if match else None, "prefix": match.rate.rate.prefix if match else "",
        "band": match.band if match else "",
        "allowance_id": part.draws[0].allowance.allowance_id if part.draws and access else None,
        "covered_s": part.covered_s, "draws": draws_text(part.draws),
        "promotion_id": part.promotion.promotion_id if part.promotion else None, "promoted": part.promoted,
        "residue": part.residue, "amount_micros": part.amount_micros, "cost_micros": part.cost_micros,
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
    return sorted(rows, key=rating_oracle.sort_key)


def write_usage(calls: list[Usage], file: Path) -> Path:
    rows = [
        asdict(call) | {"direction": call.direction.value, "status": call.status.value, "kind": call.kind.value}
        for call in calls
    ]
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
    for file in rated.files:
        part = pl.read_parquet(file.path)
        assert part.equals(part.sort("account_id", "at", "origin_id", "part")) and set(part["root_id"].unique()) <= {
            root for root in range(10) if root % 3 == file.bucket
        }
    return sorted(frame.to_dicts(), key=rating_oracle.sort_key), rated


def same(expected: list[Row], found: list[Row], leave_out: frozenset[str] = frozenset()) -> None:
    """Says the first charge that differs, and only what differs in it."""
    names = [name for name in expected[0] if name not in leave_out] if expected else []
    found = [{name: row[name] for name in names} for row in found]
    for number, (one, other) in enumerate(zip(expected, found, strict=False)):
        differing = {name: (one[name], other[name]) for name in names if one[name] != other[name]}
        assert not differing, f"charge {number} of {one['origin_id']}: (expected, got) {differing}"
    assert len(expected) == len(found)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_scalar_charges_what_the_oracle_does(shard: int) -> None:
    @WIDELY
    @given(SEEDS)
    def agrees(seed: int) -> None:
        world = World(Random(seed), SCALAR_FEATURES)
        expected, _ = rating_oracle.charges(world.snapshot, world.calls, world.month)
        same(expected, by_scalar(world))

    agrees()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_columns_charge_what_the_oracle_does(shard: int) -> None:
    @WIDELY
    @given(SEEDS)
    def agrees(seed: int) -> None:
        world = World(Random(seed), COLUMNS_FEATURES)
        expected, nobody = rating_oracle.charges(world.snapshot, world.calls, world.month)
        with TemporaryDirectory() as folder:
            rows, rated = by_columns(world, Path(folder))
        same(expected, rows)
        assert [call.usage_id for call in rated.unattributed] == nobody
        calls = [row for row in expected if row["part"] == "access" and row["level"] == "retail"]
        assert rated.calls_all == len(nobody) + len(calls)
        amounts = [row["amount_micros"] for row in expected if row["amount_micros"] is not None]
        assert sum(total.amount_micros for total in rated.totals) == sum(amounts)  # type: ignore[arg-type]

    agrees()


@settings(max_examples=max(EXAMPLES // 40, 5), deadline=None)
@given(SEEDS)
def test_a_month_rated_again_shuffled_or_in_small_chunks_gives_the_same_bytes(seed: int) -> None:
    world = World(Random(seed), COLUMNS_FEATURES)
    written = []
    for chunk_rows in (1_000_000, 2):
        with TemporaryDirectory() as folder:
            _, rated = by_columns(world, Path(folder), chunk_rows=chunk_rows)
            written.append([file.sha256 for file in rated.files])
            assert not list((Path(folder) / "out").glob(".parts-*"))
        Random(seed).shuffle(world.calls)
    assert written[0] == written[1]
