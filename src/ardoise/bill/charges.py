"""The charges a bill run reads: open = computed - frozen, by the charge's key."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import polars as pl
from django.db.models import Q

from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.store import queries as store
from ardoise.store.models import TAKEN_BACK, Partition, TableName
from ardoise.store.tables import schema_of

RETAIL = "retail"  # the level of what customers pay; resellers' levels price the same usage again
RECURRING = "recurring"  # the partition of the open table that this room writes


def open_charges(month: str, *, issuer_id: int | None = None) -> pl.DataFrame:
    """Charges of a billing month that no issued document holds yet, every state. One row a key.

    A key that stands in any month is held: a purchase whose date was edited, or a day that a later run billed, is not
    due. What a credit note took back is open again.
    """
    of_issuer = None if issuer_id is None else pl.col(CHARGES.issuer_id) == issuer_id
    computed = store.scan(TableName.OPEN, [month], filter=of_issuer)
    frozen = store.standing(columns=list(CHARGE_KEY))
    return computed.join(frozen, on=list(CHARGE_KEY), how="anti").collect()


def standing_charges(month: str | None = None) -> pl.LazyFrame:
    """Charges that issued documents bill and no credit note took back, of one month or of all: what is billed."""
    return store.standing(None if month is None else [month])


def frozen_charges(month: str | None = None) -> pl.LazyFrame:
    """Every row bound to a document, of one month or of all, those that take charges back too: what documents hold."""
    return store.scan(TableName.FROZEN, None if month is None else [month])


def generations(month: str, *, issuer_code: str) -> dict[tuple[str, str, str], int]:
    """Generations of what an issuer's drafts of a month are made from: equal before and after means nothing moved.

    Every open partition of the month, since customers of all issuers share them, and the issuer's frozen ones of every
    month, since a charge frozen elsewhere is not due again.
    """
    names = [issuer_code, f"{issuer_code}{TAKEN_BACK}"]
    mine = Q(table=TableName.OPEN, month=month) | Q(table=TableName.FROZEN, partition__in=names)
    rows = Partition.objects.filter(mine).values_list("table", "month", "partition", "generation")
    return {(table, of_month, name): generation for table, of_month, name, generation in rows}


def frozen_twice() -> dict[int, int]:
    """Per issuer, how many charges stand on two documents: there must be none."""
    key = list(CHARGE_KEY)
    found = (
        store.standing(columns=[*key, CHARGES.issuer_id])
        .group_by(key)
        .agg(pl.len().alias("times"), pl.col(CHARGES.issuer_id).first())
    )
    twice = found.filter(pl.col("times") > 1).group_by(CHARGES.issuer_id).len().collect()
    return dict(twice.iter_rows())


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
