"""The generated month of the benchmark, and peers that must find what the columns find."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from ardoise.core.allowances import Counters
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.schema import USAGE
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind
from ardoise.rate.bench import bound, calls, csv_files, sample, world
from ardoise.rate.bench.answer import Answer, of_charges
from ardoise.rate.bench.peers import PEERS
from ardoise.rate.bench.peers.common import Rated, Task, intervals
from ardoise.rate.bench.world import Shape
from ardoise.rate.columns import rate_month
from ardoise.rate.columns.frames import CHARGES_SCHEMA, READ, USAGE_SCHEMA

SHAPE = Shape(6_000, tariffs=8, prefixes=160)


@pytest.fixture(scope="module")
def usage(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return calls.write(SHAPE, tmp_path_factory.mktemp("bench"), chunk_calls=1_500)


@pytest.fixture(scope="module")
def charges(usage: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    rated = rate_month(
        usage_files=usage,
        snapshot=world.snapshot(SHAPE),
        month=world.MONTH,
        out_dir=tmp_path_factory.mktemp("charges"),
    )
    return [file.path for file in rated.files]


def put_to(name: str, usage: list[Path], folder: Path, shape: Shape = SHAPE) -> Rated:
    told: list[int] = []
    return PEERS[name].rate(Task(shape, usage, SHAPE.calls, folder, told.append))


# -- the month


def test_calls_are_in_the_order_the_store_keeps_whatever_the_chunks(usage: list[Path]) -> None:
    for source in world.SOURCES:
        files = [file for file in usage if file.name.startswith(source)]
        rows = pl.concat(pl.read_parquet(file) for file in files)
        order = (USAGE.charged, USAGE.party, USAGE.ddi, USAGE.answered_at)
        assert rows.select(order).equals(rows.select(order).sort(order))
    every = pl.read_parquet(usage)
    assert every.height == SHAPE.calls == every[USAGE.usage_id].n_unique()


def test_the_same_shape_gives_the_same_calls(usage: list[Path], tmp_path: Path) -> None:
    again = calls.write(SHAPE, tmp_path, chunk_calls=1_500)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in usage]


def test_every_tariff_has_its_number_of_prefixes_and_three_versions() -> None:
    known = world.snapshot(SHAPE)
    assert len(known.tariffs) == 8
    for tariff in known.tariffs:
        assert [len({rate.prefix for rate in version.rates}) for version in tariff.versions] == [160, 160, 160]
        inside = [version.valid_from_at for version in tariff.versions[1:]]
        assert all(world.FROM_AT < at < world.TO_AT for at in inside)


def test_six_lines_in_ten_have_an_allowance() -> None:
    shape = Shape(2_000_000)  # 4,000 lines, 333 customers
    known = world.snapshot(Shape(2_000_000, tariffs=4, prefixes=40))
    own = {grant.owner_id for grant in known.grants if grant.owner_kind == "line"}
    roots = {grant.owner_id for grant in known.grants if grant.owner_kind == "account"}
    of_account = {account.account_id: account.root_id for account in known.accounts}
    at_first = {assigned.line_id: assigned.account_id for assigned in reversed(known.assignments)}
    having = sum(line in own or of_account[account] in roots for line, account in at_first.items())
    assert 0.55 < having / shape.lines < 0.65


# -- what is compared


@pytest.mark.parametrize("name", ["duckdb", "loop", "sqlite"])
def test_a_peer_finds_the_same_as_the_columns(
    name: str, usage: list[Path], charges: list[Path], tmp_path: Path
) -> None:
    found = put_to(name, usage, tmp_path).answer
    assert found == of_charges(charges)
    assert found.calls.keys() == {"priced", "unpriced/no_rate", "excluded/incoming", "excluded/unanswered"}
    assert min(found.amount_micros, found.cost_micros, found.covered_s) > 0


@pytest.mark.parametrize("feature", [{"promotions": True}, {"correspondents": 5}, {"borders": True}])
def test_the_loop_prices_each_feature_as_the_scalar_does(
    feature: dict[str, int], usage: list[Path], tmp_path: Path
) -> None:
    shape = replace(SHAPE, **feature)
    with_it = put_to("loop", usage, tmp_path, shape).answer
    assert with_it == scalar_answer(shape, usage)
    assert with_it != put_to("loop", usage, tmp_path).answer  # it decides some of these calls


def scalar_answer(shape: Shape, usage: list[Path]) -> Answer:
    """What `core.rating` says, a call at a time."""
    compiled, counters = CompiledSnapshot(world.snapshot(shape)), Counters()
    rows = pl.read_parquet(usage).sort(USAGE.answered_at, USAGE.usage_id).iter_rows(named=True)
    parts = [part for row in rows for part in compiled.rate(usage_of(row), counters)]
    return Answer.of_states(
        (part.state, part.why, 1, part.amount_micros, part.cost_micros, part.billed_s, part.covered_s) for part in parts
    )


def usage_of(row: dict[str, object]) -> Usage:
    kinds = {USAGE.direction: Direction, USAGE.status: CallStatus, USAGE.kind: UsageKind}
    return Usage(**{name: kinds[name](value) if name in kinds else value for name, value in row.items()})  # type: ignore[arg-type, call-overload]


def test_a_sample_is_whole_customers_and_their_charges_are_found_again(
    usage: list[Path], charges: list[Path], tmp_path: Path
) -> None:
    taken = sample.take(SHAPE, usage, wanted=1_500, folder=tmp_path)
    assert taken.roots is not None
    assert 0 < taken.calls < SHAPE.calls
    answer = put_to("loop", taken.files, tmp_path).answer
    assert answer == of_charges(charges, roots=taken.roots)


def test_nested_prefixes_become_intervals_of_the_longest() -> None:
    # 33 from 330... to 340..., 336 inside it, 3360 inside that: five borders, and nothing after 34
    low, owner = intervals(pl.Series(["33", "336", "3360"]))
    digits = [f"{start:015d}".rstrip("0") for start in low.tolist()]
    assert list(zip(digits, owner.tolist(), strict=True)) == [
        ("33", 0),
        ("336", 2),
        ("3361", 1),
        ("337", 0),
        ("34", -1),
    ]


def test_answers_add_up_states_and_take_nothing_for_zero() -> None:
    rows = [("priced", "", 2, 30, None, 60, 0), ("excluded", "incoming", 1, None, None, 0, None)]
    assert Answer.of_states(rows) == Answer({"excluded/incoming": 1, "priced": 2}, 30, 0, 60, 0)


def test_the_month_read_back_from_csv_is_what_rating_reads(usage: list[Path], tmp_path: Path) -> None:
    read = csv_files.to_parquet(csv_files.write(usage, tmp_path / "csv"), tmp_path / "usage")
    kinds = {name: USAGE_SCHEMA[name] for name in READ}
    same = [pl.read_parquet(file, columns=list(READ)).cast(kinds) for file in usage]
    assert pl.concat(pl.read_parquet(file) for file in read).equals(pl.concat(same))


@pytest.mark.parametrize("kind", ["copy", "shuffle"])
def test_a_bound_writes_as_many_rows_of_the_same_columns(kind: str, usage: list[Path], tmp_path: Path) -> None:
    assert set(bound.READ) <= set(USAGE_SCHEMA)
    {"copy": bound.copy, "shuffle": bound.shuffle}[kind](usage, tmp_path, bound.labels(usage))
    written = pl.scan_parquet(tmp_path / "*.parquet")
    assert written.collect_schema().names() == list(CHARGES_SCHEMA)
    assert written.select(pl.len()).collect().item() == SHAPE.calls
