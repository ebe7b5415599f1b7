"""One customer rated alone gets the charges that the whole month gives it, on generated companies and months."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property.rating_worlds import FEATURES, World
from tests.property.test_rating import write_usage

from ardoise.core.schema import CHARGES
from ardoise.rate.columns import rate_month
from ardoise.rate.columns.customer import ResoldCustomer, rate_roots, splice

ALONE = FEATURES - {"resellers"}
ORDER = (CHARGES.account_id, CHARGES.at, CHARGES.origin_id, CHARGES.part)
FEW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def as_texts(file: Path) -> pl.DataFrame:
    frame = pl.read_parquet(file)
    return frame.with_columns(pl.col(name).cast(pl.String) for name, kind in frame.schema.items() if kind == pl.Enum)


@FEW
@given(st.integers(0, 2**40))
def test_one_customer_alone_is_charged_as_among_all(seed: int) -> None:
    world = World(Random(seed), ALONE)
    with TemporaryDirectory() as name:
        folder = Path(name)
        usage = [write_usage(world.calls, folder / "usage.parquet")]
        whole = rate_month(
            usage_files=usage, snapshot=world.snapshot, month=world.month, out_dir=folder / "all", buckets=1
        )
        every = as_texts(whole.files[0].path)
        for root in sorted({account.root_id for account in world.snapshot.accounts}):
            try:
                alone = rate_roots(
                    usage_files=usage, snapshot=world.snapshot, month=world.month, roots=frozenset({root}),
                    out_dir=folder / f"{root}",
                )  # fmt: skip
            except ResoldCustomer:
                continue
            own = as_texts(alone.files[0].path)
            assert own.equals(every.filter(pl.col(CHARGES.root_id) == root))
            again = folder / "again.parquet"
            splice(whole.files[0].path, [alone.files[0].path], roots=frozenset({root}), out=again)
            assert as_texts(again).equals(every.sort(ORDER))


def test_a_resold_customer_is_not_rated_alone() -> None:
    for seed in range(200):
        world = World(Random(seed), FEATURES)
        resold = [account.root_id for account in world.snapshot.accounts if account.reseller_id is not None]
        if resold:
            with TemporaryDirectory() as name, pytest.raises(ResoldCustomer, match="rate the month"):
                rate_roots(
                    usage_files=[], snapshot=world.snapshot, month=world.month, roots=frozenset(resold),
                    out_dir=Path(name),
                )  # fmt: skip
            return
    pytest.fail("no generated world has a reseller")
