"""Rating a month of calls: calls a second, beside what the disk and Polars allow and what a plain loop does.

Three runs on the same generated month, in one process:

- *columns*: `rate_month`, Parquet in, Parquet out;
- *bound*: Polars reads the same usage columns and writes the same charge columns, sorted, without rating;
- *loop*: the loop one would write by hand (Decimal, a dict of prefixes, zoneinfo), on a sample, whose total must equal
  the one `rate_month` gives for that sample.

`ardoise bench rating` runs it from an installation, `benchmarks/run.py` from a checkout.
"""

from __future__ import annotations

import resource
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from ardoise.core.money import Rounding
from ardoise.core.schema import CHARGES, USAGE
from ardoise.core.snapshot import (
    AllowanceGrant,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
    Snapshot,
    SnapshotAccount,
    SnapshotIdentifier,
    SnapshotLine,
    SnapshotSource,
    TariffLink,
)
from ardoise.core.tariffs import (
    Allowance,
    AllowanceOwner,
    BandRule,
    Calendar,
    IncrementOrigin,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
)
from ardoise.rate.columns import RatedMonth, rate_month
from ardoise.rate.columns.frames import CHARGES_SCHEMA, READ, schema_of

MONTH = "2026-10"
START = datetime(2026, 10, 1, tzinfo=UTC)
CUSTOMERS, LINES_EACH, TARIFFS, PREFIXES = 60, 40, 5, 4_000
ALLOWANCE_S = 7_200
SAMPLE = 20_000
PARIS = ZoneInfo("Europe/Paris")


def prefixes() -> list[str]:
    """Nested prefixes of 1 to 7 digits, always the same."""
    random = np.random.default_rng(1)
    drawn = {str(number) for number in range(1, 10)}
    while len(drawn) < PREFIXES:
        drawn.add(str(random.integers(10, 10 ** int(random.integers(2, 8)))))
    return sorted(drawn)


def tariff(tariff_id: int) -> Tariff:
    """60/1 by minute, a fee, a peak price: per-prefix prices of six decimals."""
    rates = []
    for number, prefix in enumerate(prefixes()):
        zone = f"Z{number % 50}"
        for band, cents in (("", 100), ("peak", 150)):
            price = Decimal(cents + (number * 7 + tariff_id * 13) % 997).scaleb(-4)
            steps = (Step(0, price, 60, 60), Step(60, price, 60, 1))
            rates.append(Rate(prefix, zone, steps, band=band, connection_fee=Decimal("0.05")))
    version = TariffVersion(tariff_id, datetime(2026, 1, 1, tzinfo=UTC), None, tuple(rates))
    return Tariff(
        tariff_id, f"T{tariff_id}", f"T{tariff_id}", "EUR", TaxBasis.HT, "office", IncrementOrigin.FIRST_NEXT,
        Rounding.HALF_UP, 6, False, (version,),
    )  # fmt: skip


def snapshot() -> Snapshot:
    customers = range(1, CUSTOMERS + 1)
    lines = range(1, CUSTOMERS * LINES_EACH + 1)
    office = BandRule("peak", frozenset({1, 2, 3, 4, 5}), time(8), time(19))
    included = Allowance(1, "2H", "2 h", ALLOWANCE_S, frozenset(f"Z{n}" for n in range(25)), AllowanceOwner.LINE)
    return Snapshot(
        issuers_zone={1: "Europe/Paris"},
        accounts=tuple(SnapshotAccount(number, None, number, 1, f"C{number}", True) for number in customers),
        lines=tuple(SnapshotLine(number, f"L{number}", False) for number in lines),
        assignments=tuple(LineAssignment(number, 1 + number % CUSTOMERS, None, None) for number in lines),
        identifiers=tuple(
            SnapshotIdentifier("s", IdentifierKind.EXTENSION, f"L{number}", number, None, None) for number in lines
        ),
        tariffs=tuple(tariff(number) for number in range(1, TARIFFS + 1)),
        links=tuple(TariffLink(OwnerKind.ACCOUNT, number, 1 + number % TARIFFS, 0, None, None) for number in customers),
        zones=(),
        calendars=(Calendar("office", "Europe/Paris", "", (office,)),),
        allowances=(included,),
        grants=tuple(AllowanceGrant(OwnerKind.LINE, number, 1, None, None) for number in lines),
        sources=(SnapshotSource(1, "s", 1, False),),
    )


def write_usage(calls: int, file: Path) -> None:
    """A month of answered outgoing calls, in order of line and time as the store keeps them."""
    random = np.random.default_rng(2)
    line = np.sort(random.integers(1, CUSTOMERS * LINES_EACH + 1, calls))
    at_us = random.integers(0, 30 * 86_400, calls) * 1_000_000 + int(START.timestamp()) * 1_000_000
    known = np.array(prefixes())[random.integers(0, PREFIXES, calls)]
    tail = random.integers(10_000, 99_999, calls)
    frame = pl.DataFrame(
        {
            USAGE.charged: pl.Series(line).cast(pl.String),
            "at": pl.Series(at_us).cast(pl.Datetime("us", "UTC")),
            "key": pl.Series(known),
            "tail": pl.Series(tail).cast(pl.String),
            USAGE.talk_s: pl.Series(random.geometric(1 / 150, calls)),
            "number": pl.Series(np.arange(calls)).cast(pl.String),
        }
    )
    made = {
        USAGE.usage_id: pl.lit("s:1:") + pl.col("number"),
        USAGE.charged: pl.lit("L") + pl.col(USAGE.charged),
        USAGE.number_key: pl.col("key") + pl.col("tail"),
        USAGE.called: pl.lit("00") + pl.col("key") + pl.col("tail"),
        USAGE.calling: pl.lit("L") + pl.col(USAGE.charged),
        USAGE.start_at: pl.col("at"),
        USAGE.answered_at: pl.col("at"),
        USAGE.talk_s: pl.col(USAGE.talk_s),
        USAGE.source: pl.lit("s"),
        USAGE.direction: pl.lit("out"),
        USAGE.status: pl.lit("answered"),
        USAGE.ring_s: pl.lit(5),
        USAGE.legs: pl.lit(1),
        USAGE.transferred: pl.lit(False),
        USAGE.operator_micros: pl.lit(None),
    }
    schema = schema_of(USAGE)
    frame.select(made.get(name, pl.lit("")).cast(kind).alias(name) for name, kind in schema.items()).write_parquet(file)


def bound(file: Path, out_dir: Path) -> float:
    """Seconds to read what rating reads and write what rating writes, without rating."""
    begun = perf_counter()
    usage = pl.read_parquet(file, columns=list(READ)).sort(USAGE.charged, USAGE.answered_at)
    copied = {CHARGES.origin_id: USAGE.usage_id, CHARGES.at: USAGE.answered_at}
    empty = {pl.Int64(): pl.lit(0), pl.Boolean(): pl.lit(True), pl.String(): pl.lit("")}
    columns = [
        (pl.col(copied.get(name, name)) if copied.get(name, name) in usage.columns else empty[kind])
        .cast(kind)
        .alias(name)
        for name, kind in CHARGES_SCHEMA.items()
    ]
    usage.select(columns).write_parquet(out_dir / "bound.parquet", compression="zstd", compression_level=1)
    return perf_counter() - begun


def loop(file: Path, known: Snapshot) -> tuple[float, int]:
    """Seconds and total micros of the loop one would write by hand."""
    tables = {
        known_tariff.tariff_id: {(rate.prefix, rate.band): rate for rate in known_tariff.versions[0].rates}
        for known_tariff in known.tariffs
    }
    used: dict[str, int] = {}
    total = Decimal(0)
    rows = pl.read_parquet(file).sort(USAGE.answered_at, USAGE.usage_id).iter_rows(named=True)
    begun = perf_counter()
    for row in rows:
        line = int(row[USAGE.charged][1:])
        table = tables[1 + (1 + line % CUSTOMERS) % TARIFFS]
        local = row[USAGE.answered_at].astimezone(PARIS)
        band = "peak" if local.weekday() < 5 and 8 <= local.hour < 19 else ""
        key = row[USAGE.number_key]
        rate = next(table[key[:n], band] for n in range(len(key), 0, -1) if (key[:n], band) in table)
        seconds = row[USAGE.talk_s]
        fee = rate.connection_fee
        if int(rate.zone[1:]) < 25:
            covered = min(seconds, ALLOWANCE_S - used.get(row[USAGE.charged], 0))
            if covered > 0:
                used[row[USAGE.charged]] = used.get(row[USAGE.charged], 0) + covered
                seconds -= covered
                fee = Decimal(0)
        billed = 0 if seconds == 0 else max(60, seconds)
        amount = fee + rate.steps[0].price * billed / 60
        total += amount.quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return perf_counter() - begun, int(total.scaleb(6))


def total_of(rated: RatedMonth) -> int:
    return sum(total.amount_micros for total in rated.totals)


def run(calls: int) -> dict[str, object]:
    """Measure `calls` calls; times in seconds, rates in calls a second."""
    known = snapshot()
    sampled = min(SAMPLE, calls)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_usage(calls, folder / "usage.parquet")
        write_usage(sampled, folder / "sample.parquet")
        begun = perf_counter()
        rated = rate_month(
            usage_files=[folder / "usage.parquet"], snapshot=known, month=MONTH, out_dir=folder / "charges"
        )
        columns_s = perf_counter() - begun
        bound_s = bound(folder / "usage.parquet", folder)
        loop_s, loop_micros = loop(folder / "sample.parquet", known)
        sample = rate_month(
            usage_files=[folder / "sample.parquet"], snapshot=known, month=MONTH, out_dir=folder / "sample"
        )
        same = total_of(sample) == loop_micros
    return {
        "calls": calls,
        "priced": rated.calls.get("priced", 0),
        "columns_s": round(columns_s, 3),
        "columns_calls_per_s": round(calls / columns_s),
        "bound_calls_per_s": round(calls / bound_s),
        "loop_calls_per_s": round(sampled / loop_s),
        "columns_over_bound": round(bound_s / columns_s, 3),
        "columns_over_loop": round((calls / columns_s) / (sampled / loop_s), 1),
        "scalar_rows": rated.scalar_rows,
        "checksum_equal": same,
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
