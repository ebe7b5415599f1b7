"""Oracle = scalar = columns, to the micro, on generated companies and months."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.property import rating_oracle
from tests.property.rating_figures import FIGURES
from tests.property.rating_worlds import FEATURES, World

from ardoise.core.allowances import Counters, Draw, Held, HeldKey, draws_text, in_drawing_order
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.reasons import explain
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import Carried, Snapshot
from ardoise.core.usage import Usage
from ardoise.rate.columns import RatedMonth, rate_month
from ardoise.rate.columns.frames import schema_of

# Drawn anew by each run: two runs see twice as many worlds. A failure prints the seed of its world.
EXAMPLES = int(os.environ.get("ARDOISE_PROPERTY_EXAMPLES", "1000"))
FAULTS = (
    AssertionError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    pl.exceptions.PolarsError,
)
SHARDS = 8  # of the examples, over the processes of a run
SEEDS = st.integers(0, 2**40)
WIDELY = settings(
    max_examples=-(-EXAMPLES // SHARDS),
    deadline=None,
    phases=(Phase.reuse, Phase.generate),
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


def rate(snapshot: Snapshot, calls: Iterable[Usage], month: str, counters: Counters | None = None) -> list[RatedPart]:
    """Every part of the month, in the order in which the calls come."""
    compiled, kept = CompiledSnapshot(snapshot), Counters() if counters is None else counters
    return [part for call in calls for part in compiled.rate(call, kept) if part.month == month]


def issued_by(parts: Iterable[RatedPart]) -> dict[HeldKey, Held]:
    """What the calls took, as documents would say it."""
    return {
        (part.usage.usage_id, part.level): Held(merged(part.draws), part.promotion, part.promoted)
        for part in parts
        if part.part.value == "access" and part.state.value == "priced"
    }


def merged(draws: Iterable[Draw]) -> tuple[Draw, ...]:
    """As a charge keeps them: one entry an allowance."""
    sums: dict[int, Draw] = {}
    for draw in draws:
        before = sums.get(draw.allowance.allowance_id)
        sums[draw.allowance.allowance_id] = Draw(draw.allowance, draw.covered_s + (before.covered_s if before else 0))
    return tuple(sums.values())


def by_scalar(world: World) -> list[Row]:
    parts = rate(world.snapshot, in_drawing_order(world.calls, Counters()), world.month)
    for part in parts[:: 1 + len(parts) // 10]:  # some, to the end: sentences are slow
        assert explain(part, "fr") and explain(part, "en")
    return sorted(map(as_row, parts), key=rating_oracle.sort_key)


def write_usage(calls: list[Usage], file: Path) -> Path:
    rows = [{name: getattr(call, name) for name in Usage.__slots__} for call in calls]
    for row in rows:
        row |= {name: str(row[name].value) for name in ("direction", "status", "kind")}
    pl.DataFrame(rows, schema=schema_of(USAGE)).write_parquet(file)
    return file


def by_columns(world: World, folder: Path, **options: object) -> tuple[list[Row], RatedMonth]:
    """From two files, whose order must not matter."""
    half = len(world.calls) // 2
    files = [
        write_usage(world.calls[half:], folder / "a.parquet"),
        write_usage(world.calls[:half], folder / "b.parquet"),
    ]
    rated = rate_month(
        usage_files=files, snapshot=world.snapshot, month=world.month, out_dir=folder / "out", buckets=3,
        **options,  # type: ignore[arg-type]
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
def test_the_oracle_the_scalar_and_the_columns_agree(shard: int) -> None:
    @WIDELY
    @given(SEEDS)
    def agree(seed: int) -> None:
        world = World(Random(seed), FEATURES)
        try:
            three_ways(world, part_rows=(10, 10_000)[seed % 2])
        except FAULTS as error:
            error.add_note(smallest(world, three_ways))
            raise

    agree()


def three_ways(world: World, part_rows: int = 10_000) -> None:
    oracle = rating_oracle.Oracle(world.snapshot, world.month)
    expected, nobody = oracle.charges(world.calls)
    same(expected, by_scalar(world))
    with TemporaryDirectory() as folder:
        rows, rated = by_columns(world, Path(folder), part_rows=part_rows)
    same(expected, rows)
    assert [call.usage_id for call in rated.unattributed] == nobody
    calls = [row for row in expected if row["part"] == "access" and row["level"] == "retail"]
    assert rated.calls_all == len(nobody) + len(calls)
    assert carried_by(rated.carried) == oracle.left_over()
    amounts = [row["amount_micros"] for row in expected if row["amount_micros"] is not None]
    assert sum(total.amount_micros for total in rated.totals) == sum(amounts)  # type: ignore[arg-type]
    FIGURES.update(worlds=1, calls=len(world.calls), charges=len(expected), priced=len(amounts))
    FIGURES.update({"calls that the columns left to the scalar": rated.scalar_rows})


def smallest(world: World, check: Callable[[World], None]) -> str:
    """Which calls are enough for a failure: seeds do not shrink, worlds do."""
    number = 0
    while number < len(world.calls):
        kept = world.calls
        world.calls = kept[:number] + kept[number + 1 :]
        try:
            check(world)
        except FAULTS:
            continue
        world.calls, number = kept, number + 1
    return "\n".join([f"features: {', '.join(sorted(world.features))}", *map(str, world.calls)])


def carried_by(lots: Iterable[Carried]) -> dict[tuple[object, str], int]:
    return {
        ((lot.allowance_id, lot.owner_kind.value, lot.owner_id, lot.root_id), lot.earned): lot.quantity for lot in lots
    }


@settings(max_examples=max(EXAMPLES // 20, 5), deadline=None)
@given(SEEDS)
def test_a_month_rated_again_shuffled_or_in_small_chunks_gives_the_same_bytes(seed: int) -> None:
    world = World(Random(seed), FEATURES)
    written = []
    for chunk_rows in (1_000_000, 2):
        with TemporaryDirectory() as folder:
            _, rated = by_columns(world, Path(folder), chunk_rows=chunk_rows)
            written.append([file.sha256 for file in rated.files])
            assert not list((Path(folder) / "out").glob(".parts-*"))
        Random(seed).shuffle(world.calls)
    assert written[0] == written[1]


@settings(max_examples=max(EXAMPLES // 10, 5), deadline=None)
@given(SEEDS)
def test_issued_calls_keep_what_they_took_in_columns_too(seed: int) -> None:
    """Some calls of the month are on documents when the others come."""
    world = World(Random(seed), FEATURES)
    early = [call for call in world.calls if Random(f"{seed}{call.usage_id}").random() < 0.6]
    held = issued_by(rate(world.snapshot, in_drawing_order(early, Counters()), world.month))
    taken = {
        name: rating_oracle.Frozen(
            tuple((draw.allowance.allowance_id, draw.covered_s) for draw in known.draws),
            known.promotion.promotion_id if known.promotion else None,
            known.promoted,
        )
        for name, known in held.items()
    }
    expected, _ = rating_oracle.charges(world.snapshot, world.calls, world.month, taken)
    with TemporaryDirectory() as folder:
        rows, _ = by_columns(world, Path(folder), held=held)
    same(expected, rows)
