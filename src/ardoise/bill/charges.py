"""The charges a bill run reads: open = computed - frozen, by the charge's key.

A run reads bucket by bucket: charges are partitioned by month and bucket of their customer, so that a document has all
of its charges in one bucket. Sold charges (subscriptions, purchases, adjustments) are few and held by what is frozen in
any month; usage, which is much, by what is frozen in its own month and the two beside it: a corrected clock moves a
call across midnight, nothing moves it further.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

import polars as pl
from django.db.models import Q

from ardoise.bill.models import Document, Settled
from ardoise.core.attribution import root_bucket
from ardoise.core.periods import Length, add_length, month_of, month_period
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.directory.models import Account, Issuer
from ardoise.store import queries as store
from ardoise.store.models import TAKEN_BACK, Partition, TableName
from ardoise.store.tables import BUCKETS, schema_of

RETAIL = "retail"  # the level of what customers pay; resellers' levels price the same usage again
RECURRING = "recurring"  # the partition of the open table that this room writes
USAGE = "usage"
PRICED = "priced"

_KEY = list(CHARGE_KEY)
_SOLD = pl.col(CHARGES.origin_kind) < USAGE  # adjustment, purchase, recurring: files of usage alone are skipped by it


@dataclass(frozen=True, slots=True)
class Scope:
    """Which open charges a run looks at: `month` is the one it is filed under, `earlier` those with something left."""

    issuer: Issuer
    month: str
    earlier: tuple[str, ...]

    @property
    def months(self) -> list[str]:
        return [*self.earlier, self.month]


def scope_of(issuer: Issuer, *, month: str, since: str) -> Scope:
    """The run's month, and the earlier ones down to `since` in which the issuer may have usage left to bill."""
    settled = dict(Settled.objects.filter(issuer=issuer).values_list("month", "state"))
    older = sorted({name for name in store.months_of(TableName.OPEN) if since <= name < month})
    return Scope(issuer, month, tuple(name for name in older if settled.get(name) != state_of(issuer, name)))


def state_of(issuer: Issuer, month: str) -> str:
    """Digest of all that decides what usage of a month is open: equal to an earlier one means that nothing moved."""
    around = [_shifted(month, -1), month, _shifted(month, 1)]
    rows = Partition.objects.filter(
        Q(table=TableName.OPEN, month=month) & ~Q(partition=RECURRING)
        | Q(table=TableName.FROZEN, month__in=around, partition__in=_frozen_partitions(issuer))
    )
    said = sorted(rows.values_list("table", "month", "partition", "generation"))
    return hashlib.sha256(repr(said).encode()).hexdigest()


def settle(issuer: Issuer, months: Mapping[str, str]) -> None:
    """Remember the months in which nothing billable is left, with the state in which that was seen."""
    rows = [Settled(issuer=issuer, month=month, state=state) for month, state in months.items()]
    Settled.objects.bulk_create(rows, update_conflicts=True, unique_fields=["issuer", "month"], update_fields=["state"])


def held(scope: Scope) -> pl.DataFrame:
    """What no run may bill again: the keys that stand, as pairs of 64-bit digests, 16 bytes a charge.

    Two keys of ten million have one pair in common once in 10^24.
    """
    around = sorted({_shifted(month, step) for month in scope.months for step in (-1, 0, 1)})
    usage = store.standing(around, _KEY, pl.col(CHARGES.origin_kind) == USAGE)
    sold = store.standing(None, _KEY, _SOLD)
    return pl.concat([keys.select(*_digest()).collect(engine="streaming") for keys in (usage, sold)])


def _digest() -> tuple[pl.Expr, pl.Expr]:
    key = pl.concat_str(_KEY, separator="\x1f")
    return key.hash(1).alias("h1"), key.hash(2).alias("h2")


def parts(*, in_one: bool) -> list[tuple[str, ...]]:
    """The buckets of a run, those to be read together as one part."""
    names = tuple(f"{bucket:02d}" for bucket in range(BUCKETS))
    return [names] if in_one else [(name,) for name in names]


def bucket_of(account: Account) -> str:
    """The bucket of the charges of an account: that of the customer at the top of its tree."""
    while account.parent is not None:
        account = account.parent
    return f"{root_bucket(account.pk, buckets=BUCKETS):02d}"


def rows_open(scope: Scope) -> int:
    """How many rows the open files of a run's months have: enough to decide how to read them."""
    return sum(file.rows for month in scope.months for file in store.files(TableName.OPEN, month))


def billable(
    scope: Scope, buckets: Sequence[str], held_keys: pl.DataFrame, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The open, priced, billable charges of some buckets, `columns` and their key or all of them; labels as categories.

    The order is that of the files: a document reads the same whichever columns are asked for.
    """
    usage = pl.col(CHARGES.origin_kind) == USAGE
    sold = pl.col(CHARGES.month) == scope.month  # kept by month, not by bucket
    sold &= (pl.col(CHARGES.root_id) % BUCKETS).is_in([int(bucket) for bucket in buckets])
    wanted = (pl.col(CHARGES.issuer_id) == scope.issuer.id) & pl.col(CHARGES.billable)
    wanted &= (pl.col(CHARGES.state) == PRICED) & (usage | sold)
    names = None if columns is None else list(dict.fromkeys([*columns, *_KEY]))
    partitions = [*buckets, RECURRING]
    found = store.scan(TableName.OPEN, scope.months, names, wanted, partition=partitions, as_labels=True)
    if held_keys.is_empty():
        return found.collect()
    keyed = found.with_columns(*_digest())
    return keyed.join(held_keys.lazy(), on=["h1", "h2"], how="anti", maintain_order="left").drop("h1", "h2").collect()


def standing_sold() -> pl.LazyFrame:
    """Subscriptions, purchases and adjustments that are billed, of all months; files of usage are not read."""
    return store.standing(filter=_SOLD)


def frozen_of(documents: Iterable[Document], *, standing: bool = False) -> pl.LazyFrame:
    """The charges bound to some documents, late usage in the months it is of included; or those still `standing`."""
    documents = list(documents)
    ids = sorted(row.id for row in documents)
    if not ids:
        return store.scan(TableName.FROZEN, [])
    read = store.standing if standing else partial(store.scan, TableName.FROZEN)
    first, last = min(row.first_month for row in documents), max(row.month for row in documents)
    months = [month for month in store.months_of(TableName.FROZEN) if first <= month <= last]
    between = (pl.col(FROZEN.document_id) >= ids[0]) & (pl.col(FROZEN.document_id) <= ids[-1])
    frozen = read(months, filter=between)  # row groups of other documents are skipped by it
    return frozen if ids[-1] - ids[0] + 1 == len(ids) else frozen.filter(pl.col(FROZEN.document_id).is_in(ids))


def generations(scope: Scope) -> dict[tuple[str, str, str], int]:
    """Generations of what an issuer's drafts are made from: equal before and after means nothing moved.

    Every open partition of the months of the run, since customers of all issuers share them, and the issuer's frozen
    ones of every month, since a charge frozen elsewhere is not due again.
    """
    mine = Q(table=TableName.OPEN, month__in=scope.months) | Q(
        table=TableName.FROZEN, partition__in=_frozen_partitions(scope.issuer)
    )
    rows = Partition.objects.filter(mine).values_list("table", "month", "partition", "generation")
    return {(table, of_month, name): generation for table, of_month, name, generation in rows}


def _frozen_partitions(issuer: Issuer) -> list[str]:
    return [issuer.code, f"{issuer.code}{TAKEN_BACK}"]


def frozen_twice() -> dict[int, int]:
    """Per issuer, how many charges stand on two documents: there must be none."""
    twice: dict[int, int] = {}
    for month in [None, *store.months_of(TableName.FROZEN)]:
        # What is sold over all months, usage month by month: a year of calls does not fit in memory.
        kind = _SOLD if month is None else pl.col(CHARGES.origin_kind) == USAGE
        found = store.standing(None if month is None else [month], [*_KEY, CHARGES.issuer_id], kind)
        times = found.select(*_digest(), CHARGES.issuer_id).group_by("h1", "h2")
        doubled = times.agg(pl.len().alias("times"), pl.col(CHARGES.issuer_id).first()).filter(pl.col("times") > 1)
        counts = doubled.group_by(CHARGES.issuer_id).len().collect(engine="streaming")
        for issuer_id, count in counts.iter_rows():
            twice[issuer_id] = twice.get(issuer_id, 0) + count
    return twice


def charge_frame(rows: Iterable[dict[str, object]]) -> pl.DataFrame:
    """Recurring and purchased charges as rows of the open table: what a call would fill in is empty or zero."""
    schema = schema_of(TableName.OPEN)
    blank: dict[str, object] = {
        name: None if column.optional else {"int": 0, "flag": False, "instant": None}.get(column.type, "")
        for name, column in CHARGES.columns().items()
    }
    return pl.DataFrame([{**blank, **row} for row in rows], schema=schema)


def quantity_text(quantity: Decimal) -> str:
    return format(quantity, "f")


def bound_schema(frame: pl.DataFrame) -> pl.DataFrame:
    """Only the columns of the frozen table, in its order; a row takes nothing back unless it says so."""
    if FROZEN.cancels_id not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.Int64).alias(FROZEN.cancels_id))
    return frame.select(*FROZEN.columns())


_NEGATED = (
    CHARGES.talk_s, CHARGES.billed_s, CHARGES.units, CHARGES.covered_s, CHARGES.promoted, CHARGES.amount_micros,
    CHARGES.cost_micros, CHARGES.printed_micros,
)  # fmt: skip


def taking_back(standing: pl.DataFrame, *, document_id: int) -> pl.DataFrame:
    """The rows by which a document takes back charges that stand: the same keys and lines, everything counted negated.

    Summed over a key, a charge and what takes it back are zero.
    """
    return standing.with_columns(
        pl.col(FROZEN.document_id).alias(FROZEN.cancels_id),
        pl.lit(document_id, pl.Int64).alias(FROZEN.document_id),
        *(-pl.col(name) for name in _NEGATED),
        *(
            pl.when(pl.col(name).is_in(["", "0"]))
            .then(pl.col(name))
            .when(pl.col(name).str.starts_with("-"))
            .then(pl.col(name).str.slice(1))
            .otherwise(pl.lit("-") + pl.col(name))
            .alias(name)
            for name in (CHARGES.residue, CHARGES.quantity)
        ),
    )


def _shifted(month: str, count: int) -> str:
    return month_of(add_length(month_period(month).start, Length(months=1), count))
