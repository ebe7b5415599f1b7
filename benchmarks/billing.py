"""A month billed: previews and issues of a generated operator, against reading its charges and inserting its rows.

    python benchmarks/billing.py [--customers 10000] [--calls 10000000] [--ratio]

The operator has as many customers as asked, 2.5 lines and 4 subscriptions each, a branch for one in five; one
subscription in five changes inside the month (half of these begin, half end: what they paid in advance comes back as a
credit line); calls drawn from a pool shared by a customer, calls in the plan, beyond it, out of it and surtaxed (access
and service apart). The charges of the calls are written as rating writes them (Parquet, by bucket): what rating takes
is not measured here. Documents are validated by the official rules at the preview, and not rendered.

Prints, and with `--json` gives: `recurring_s` (subscriptions and purchases computed), `preview_s` and previews/s of the
first preview (everything validated) and of a second one (verdicts kept), `issue_s` and issues/s, the processor seconds
of this process beside each (a busy machine stretches the others), `peak_mb` of this process and of a validator, and
the bounds: `bound_read_s`, the same columns read and grouped by Polars into as many lines; `bound_copy_s`, the charges
read whole and written to as many files; `bound_insert_s`, the rows of the issue inserted by `sqlite3` in as many
transactions. `--ratio` runs a tenth first and prints how much longer ten times as much takes. Everything is made in a
temporary folder, on SQLite, by another process: the memory printed is that of the runs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

MONTH, CLOSES, ISSUE_DATE = "2026-10", date(2026, 11, 1), date(2026, 11, 5)
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
SEED = 20261105
BUCKETS = 16
# kind of call: share, section, zone, category, micros, with service
CALLS = (
    (0.35, "included", "fixe", "fixed", 0),
    (0.15, "included", "mobile", "mobile", 0),
    (0.10, "beyond", "fixe", "fixed", 20_000),
    (0.20, "outside", "mobile", "mobile", 120_000),
    (0.12, "outside", "international", "international", 310_000),
    (0.08, "outside", "sva", "surtaxed", 0),
)


# --- the operator -----------------------------------------------------------------------------------------------------


def make(customers: int, calls: int) -> None:
    """The directory, the catalogue, what October was billed in advance, and the open charges of its calls."""
    from ardoise.catalog.models import Product, Subscription, VatRate, Zone
    from ardoise.directory.models import Account, Issuer, Line

    issuer = Issuer.objects.create(
        code="bench",
        name="Banc Télécom",
        company="Banc",
        siren="552081317",
        siret="55208131766522",
        vat_number="FR03552081317",
        legal_mention="SAS au capital de 50 000 € – RCS Paris 552 081 317",
        address="1 rue de la Paix",
        postal_code="75002",
        city="Paris",
        email="factures@banc.example",
        phone="+33140000000",
        iban="FR7630006000011234567890189",
        penalty_note="Pénalités de retard : trois fois le taux d'intérêt légal.",
        indemnity_note="Indemnité forfaitaire pour frais de recouvrement : 40 €.",
        discount_note="Pas d'escompte pour paiement anticipé.",
    )
    VatRate.objects.create(regime="standard", nature="", rate="20", valid_from_date=date(2014, 1, 1))
    Zone.objects.bulk_create(
        Zone(code=code, label_fr=fr, label_en=en)
        for code, fr, en in (
            ("fixe", "Fixes", "Landlines"),
            ("mobile", "Mobiles", "Mobiles"),
            ("international", "International", "International"),
            ("sva", "Services à valeur ajoutée", "Value-added services"),
        )
    )
    roots = Account.objects.bulk_create(
        [
            Account(
                code=f"C{number:06d}",
                name=f"Client {number}",
                issuer=issuer,
                vat_regime="standard",
                siren="732829320",
                address="3 rue Haute",
                postal_code="69001",
                city="Lyon",
            )
            for number in range(customers)
        ],
        batch_size=5_000,
    )
    branches = Account.objects.bulk_create(
        [
            Account(code=f"{root.code}-A", name=f"Agence {root.code}", kind="branch", issuer=issuer, parent=root)
            for root in roots[::5]
        ],
        batch_size=5_000,
    )
    lines = Line.objects.bulk_create([Line(code=f"L{n:07d}") for n in range(customers * 5 // 2)], batch_size=5_000)
    products = Product.objects.bulk_create(
        Product(code=code, name=name, kind="recurring", unit_price=price)
        for code, name, price in (("abo", "Abonnement", "12.50"), ("option", "Option illimitée", "4.99"))
    )
    payer_of = [roots[n * 2 // 5] for n in range(len(lines))]
    branch_of = {branch.parent_id: branch for branch in branches}
    account_of = [branch_of.get(root.id, root) if n % 2 else root for n, root in enumerate(payer_of)]
    wanted = customers * 4
    subscriptions = Subscription.objects.bulk_create(
        [
            Subscription(
                reference=f"S{n:07d}",
                account=account_of[n % len(lines)],
                line=lines[n % len(lines)],
                product=products[n // len(lines) % 2],
                valid_from_date=date(2026, 10, 12) if n % 10 == 1 else date(2025, 1, 1),
                valid_to_date=date(2026, 10, 20) if n % 10 == 2 else None,
                recorded_at=NOW,
            )
            for n in range(wanted)
        ],
        batch_size=5_000,
    )
    _freeze_in_advance(issuer, subscriptions, {line.id: root.id for line, root in zip(lines, payer_of, strict=True)})
    _write_calls(issuer, lines, account_of, payer_of, calls)


def _freeze_in_advance(issuer: Any, subscriptions: list[Any], root_of: dict[int, int]) -> None:
    """What September's run billed: every subscription of before, through October."""
    from ardoise.bill import charges as tables
    from ardoise.store.models import TableName
    from ardoise.store.operations import append_frozen
    from ardoise.store.tables import write_parquet

    rows = [
        {
            "origin_kind": "recurring",
            "origin_id": f"sub:{row.id}:2025-01-01",
            "level": "retail",
            "month": "2026-09",
            "issuer_id": issuer.id,
            "root_id": root_of[row.line_id],
            "account_id": row.account_id,
            "line_id": row.line_id,
            "state": "priced",
            "billable": True,
            "section": "subscription",
            "at": datetime(2024, 12, 31, 23, tzinfo=UTC),
            "amount_micros": 12_500_000,
            "tax_basis": "ht",
            "currency": "EUR",
            "vat_nature": "services",
            "quantity": "1",
            "period_from": "2025-01-01",
            "period_to": "2026-11-01",
        }
        for row in subscriptions
        if row.valid_from_date < date(2026, 10, 1)
    ]
    frame = tables.charge_frame(rows).with_columns(
        pl.lit(0, pl.Int64).alias("document_id"), pl.lit(1, pl.Int64).alias("line_no")
    )
    append_frozen(
        month="2026-09", partition=issuer.code, files=[write_parquet(tables.bound_schema(frame), TableName.FROZEN)]
    )


def _write_calls(issuer: Any, lines: list[Any], accounts: list[Any], payers: list[Any], calls: int) -> None:
    """The open charges of the calls, bucket by bucket, in the columns that rating fills in."""
    from ardoise.store.models import TableName
    from ardoise.store.operations import replace_partition
    from ardoise.store.tables import write_parquet

    known = pl.DataFrame(
        {
            "line_id": [line.id for line in lines],
            "account_id": [account.id for account in accounts],
            "root_id": [root.id for root in payers],
        }
    )
    buckets = known.with_columns((pl.col("root_id") % BUCKETS).alias("bucket")).partition_by("bucket", as_dict=True)
    done = 0
    for (bucket,), of_bucket in sorted(buckets.items()):
        count = calls * of_bucket.height // known.height
        frame = _calls(issuer.id, of_bucket, count, first=done)
        done += count
        replace_partition(
            table=TableName.OPEN,
            month=MONTH,
            partition=f"{bucket:02d}",
            expected_generation=0,
            files=[write_parquet(frame, TableName.OPEN)],
        )


def _calls(issuer_id: int, lines: pl.DataFrame, count: int, *, first: int) -> pl.DataFrame:
    from ardoise.core.schema import CHARGES
    from ardoise.store.tables import schema_of

    random = np.random.default_rng(SEED + first)
    kinds = random.choice(len(CALLS), count, p=[share for share, *_ in CALLS])
    drawn = lines.select("line_id", "account_id", "root_id")[random.integers(0, lines.height, count)]
    seconds = random.integers(1, 900, count)
    since = datetime(2026, 10, 1, tzinfo=UTC)
    said = pl.DataFrame({"kind_no": np.arange(len(CALLS)), **_by_kind()})
    frame = drawn.with_columns(
        pl.Series("kind_no", kinds),
        pl.Series("talk_s", seconds, pl.Int64),
        pl.Series("called_no", random.integers(10_000_000, 99_999_999, count)).cast(pl.String),
        (pl.lit(since) + pl.duration(seconds=pl.Series(random.integers(0, 30 * 86_400, count)))).alias("at"),
        pl.Series("n", np.arange(first, first + count)).cast(pl.String),
    ).join(said, on="kind_no", how="left", maintain_order="left")
    frame = frame.with_columns(
        ("op:1:" + pl.col("n")).alias("origin_id"),
        ("331" + pl.col("called_no")).alias("number_key"),
        (pl.col("price_micros") * (pl.col("talk_s") // 60 + 1)).alias("amount_micros"),
        pl.lit("").alias("part"),
    )
    surtaxed = frame.filter(pl.col("zone") == "sva")
    service = surtaxed.with_columns(
        pl.lit("service").alias("part"),
        pl.lit("third_party").alias("section"),
        (800_000 * (pl.col("talk_s") // 60 + 1)).alias("amount_micros"),
    )
    access = pl.when(pl.col("zone") == "sva").then(pl.lit("access")).otherwise(pl.lit("")).alias("part")
    frame = pl.concat([frame.with_columns(access), service])
    constant = {
        "origin_kind": "usage",
        "level": "retail",
        "month": MONTH,
        "issuer_id": issuer_id,
        "state": "priced",
        "billable": True,
        "source": "op",
        "direction": "out",
        "status": "answered",
        "identifier_rule": "ddi",
        "kind": "call",
        "tax_basis": "ht",
        "currency": "EUR",
        "vat_nature": "services",
    }
    frame = frame.with_columns(
        *(pl.lit(value).alias(name) for name, value in constant.items()),
        pl.col("number_key").alias("called"),
        pl.col("talk_s").alias("billed_s"),
        pl.col("amount_micros").floordiv(2).alias("cost_micros"),
    )
    blank = {"int": pl.lit(0, pl.Int64), "text": pl.lit("")}
    missing = [
        (blank["int"] if kind == pl.Int64 else blank["text"]).alias(name)
        for name, kind in schema_of("open").items()
        if name not in frame.columns
    ]
    labels = [name for name, column in CHARGES.columns().items() if column.type == "label"]
    whole = frame.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in schema_of("open").items())
    return whole.with_columns(pl.col(labels).cast(pl.Categorical))


def _by_kind() -> dict[str, list[Any]]:
    _, sections, zones, categories, prices = zip(*CALLS, strict=True)
    return {
        "section": list(sections),
        "zone": list(zones),
        "number_category": list(categories),
        "price_micros": list(prices),
    }


# --- what is measured -------------------------------------------------------------------------------------------------


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done


def clocked(found: dict[str, Any], name: str, work: Callable[[], Any]) -> Any:
    """Run `work`, its seconds kept as `name`_s and its processor seconds (of this process) as `name`_cpu_s."""
    cpu = time.process_time()
    found[f"{name}_s"], done = timed(work)
    found[f"{name}_cpu_s"] = time.process_time() - cpu
    return done


def measure(*, rules: bool) -> dict[str, Any]:
    from ardoise.bill import operations as billing
    from ardoise.bill.models import Document
    from ardoise.bill.previewing import BATCH
    from ardoise.deliver.operations import official_verdicts
    from ardoise.deliver.validation import shut_down, worker_pids
    from ardoise.directory.models import Issuer

    issuer = Issuer.objects.get()
    validator = official_verdicts if rules else lambda documents: [[] for _ in documents]
    said = {"issuer": issuer, "closes_date": CLOSES, "issue_date": ISSUE_DATE, "now": NOW}
    found: dict[str, Any] = {}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    recurring = clocked(found, "recurring", lambda: billing.compute_recurring(closes_date=CLOSES))
    previewed = clocked(found, "preview", lambda: billing.preview(**said, validator=validator))
    clocked(found, "preview_again", lambda: billing.preview(**said, validator=validator))
    issued = clocked(found, "issue", lambda: billing.issue(**said, validator=validator))
    validator_peak_mb = max((peak_mb(pid) for pid in worker_pids()), default=0)
    shut_down()
    rules_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before.ru_utime
    numbers = len(issued.numbers)
    assert not issued.moved, issued.moved[:5]
    assert numbers == Document.objects.count() > 0
    lines = clocked(found, "bound_read", read_and_group)
    clocked(found, "bound_copy", lambda: copy_charges(files=-(-numbers // BATCH)))
    return found | {
        "drafts": previewed.drafts,
        "faulty": len(previewed.faulty),
        "issued": numbers,
        "recurring": recurring,
        "previews_per_s": previewed.drafts / found["preview_s"],
        "issues_per_s": numbers / found["issue_s"],
        "peak_mb": peak_mb(os.getpid()),
        "validator_peak_mb": validator_peak_mb,
        "validators_cpu_s": rules_s,
        "bound_lines": lines,
        "bound_insert_s": insert_rows(),
    }


def peak_mb(pid: int) -> int:
    """The most memory that a process had (Linux)."""
    said = Path(f"/proc/{pid}/status").read_text()
    return round(int(said.split("VmHWM:")[1].split()[0]) * 1024 / 1e6)


def read_and_group() -> int:
    """The bound of a preview: the columns that a document needs, read and summed into as many lines."""
    from ardoise.bill.lines import READ
    from ardoise.store import queries as store

    total = 0
    for bucket in range(BUCKETS):
        found = store.scan("open", [MONTH], READ, partition=f"{bucket:02d}")
        grouped = found.group_by("root_id", "account_id", "section", "zone", "vat_nature", "tax_basis")
        total += grouped.agg(pl.col("amount_micros").sum(), pl.col("talk_s").sum(), pl.len()).collect().height
    return total


def copy_charges(*, files: int) -> None:
    """The bound of what an issue freezes: whole charges read, their labels kept, and written as they are."""
    from django.conf import settings

    from ardoise.store import queries as store
    from ardoise.store.tables import ROW_GROUP_ROWS

    target = Path(settings.ARDOISE_HOME) / "bound.parquet"
    for bucket in range(BUCKETS):
        frame = store.scan("open", [MONTH], partition=f"{bucket:02d}", as_labels=True).collect()
        size = max(1, frame.height * BUCKETS // files)
        for part in frame.iter_slices(size):
            part.write_parquet(target, compression="zstd", row_group_size=ROW_GROUP_ROWS)


INSERTED = (
    "ardoise_bill_document",
    "ardoise_ledger_ledgertransaction",
    "ardoise_ledger_ledgerentry",
    "ardoise_access_event",
    "ardoise_access_outboxmessage",
)


def insert_rows() -> float:
    """The bound of an issue: the rows it wrote, in as many transactions, into an empty database; seconds."""
    from django.conf import settings

    source = sqlite3.connect(settings.DATABASES["default"]["NAME"])
    rows = {table: source.execute(f"SELECT * FROM {table}").fetchall() for table in INSERTED}
    made = source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')")
    target = sqlite3.connect(Path(settings.ARDOISE_HOME) / "bound.sqlite3", isolation_level=None)
    target.execute("PRAGMA journal_mode = WAL")
    for (sql,) in made:
        if any(sql.startswith(f'CREATE TABLE "{table}"') or f' ON "{table}"' in sql for table in INSERTED):
            target.execute(sql)
    start = time.perf_counter()
    batches = max(1, len(rows[INSERTED[0]]) // 100)
    for batch in range(batches):
        target.execute("BEGIN IMMEDIATE")
        for table, all_rows in rows.items():
            some = all_rows[batch::batches]
            if some:
                target.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(some[0]))})", some)
        target.execute("COMMIT")
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--ratio", action="store_true", help="a tenth of it first, then how much longer it takes")
    parser.add_argument(
        "--no-rules", action="store_true", help="leave the official rules out: they take most of a preview"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--make-in", metavar="FOLDER", default="", help="only make the operator, in this folder")
    asked = parser.parse_args()
    if asked.ratio:
        return _ratio(asked.customers, asked.calls, ["--no-rules"] if asked.no_rules else [])
    if asked.make_in:
        _set_up(asked.make_in)
        make(asked.customers, asked.calls)
        return 0
    with TemporaryDirectory(prefix="ardoise-billing-") as folder:
        size = ["--customers", str(asked.customers), "--calls", str(asked.calls)]
        made_s, _ = timed(lambda: subprocess.run([sys.executable, __file__, *size, "--make-in", folder], check=True))
        _set_up(folder)
        found = {
            "customers": asked.customers,
            "calls": asked.calls,
            "made_s": made_s,
            **measure(rules=not asked.no_rules),
        }
    if asked.json:
        print(json.dumps(found))
    else:
        _print(found)
    return 0


def _set_up(folder: str) -> None:
    os.environ["ARDOISE_HOME"] = folder
    os.environ.pop("ARDOISE_DATABASE_URL", None)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _ratio(customers: int, calls: int, more: list[str]) -> int:
    found = []
    for part in (10, 1):
        size = ["--customers", str(customers // part), "--calls", str(calls // part), *more]
        done = subprocess.run([sys.executable, __file__, *size, "--json"], check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
        _print(found[-1])
    for name in ("recurring_s", "preview_s", "issue_s"):
        print(f"  {name}: {found[1][name] / found[0][name]:.1f} times as long for ten times as much")
    return 0


def _print(found: dict[str, Any]) -> None:
    def line(name: str, key: str, said: str) -> None:
        cpu = f"{found[f'{key}_cpu_s']:7.1f} s of processor" if f"{key}_cpu_s" in found else ""
        print(f"  {name:<16} {found[f'{key}_s']:8.1f} s {cpu:<24}  {said}")

    print(f"{found['customers']:,} customers, {found['calls']:,} calls (made in {found['made_s']:.1f} s)")
    line("subscriptions", "recurring", f"{found['recurring']:,} charges")
    line("preview", "preview", f"{found['previews_per_s']:,.0f}/s, {found['faulty']} faulty")
    line(
        "preview again",
        "preview_again",
        f"the rules took {found['validators_cpu_s']:.1f} s of processor the first time",
    )
    line("issue", "issue", f"{found['issues_per_s']:,.0f}/s, {found['issued']:,} documents")
    line("bound: read", "bound_read", f"{found['bound_lines']:,} lines grouped by Polars")
    line("bound: copy", "bound_copy", "the charges that were frozen, read whole and written by Polars")
    line("bound: insert", "bound_insert", "the rows of the issue by sqlite3")
    print(f"  memory           {found['peak_mb']:8,} MB, a validator {found['validator_peak_mb']:,} MB")


if __name__ == "__main__":
    sys.exit(main())
