"""Usage by local day, summed: what metered products count, what discounts and commitments look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.tables import BUCKETS

_KEY = list(CHARGE_KEY)
_ALIKE = (
    CHARGES.root_id, CHARGES.account_id, CHARGES.line_id, CHARGES.section, CHARGES.vat_nature, CHARGES.tax_basis,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageDay:
    """The priced, billable usage of an account and a line on one local day, in one section of the bill."""

    day: date
    root_id: int
    account_id: int
    line_id: int | None
    section: str
    vat_nature: str
    tax_basis: str
    amount_micros: int
    talk_s: int
    calls: int
    units: int
    billed_by: int | None = None  # the document that it stands on, among those that were asked about


def usage_days(
    roots: Collection[int], months: Iterable[str], *, billed_by_others_than: Collection[int] | None = None
) -> list[UsageDay]:
    """Usage of customers in some months, in order of days.

    `billed_by_others_than`: leave out what stands on documents that are not these ones, and tell on which of them the
    rest stands; None: all usage.
    """
    wanted = sorted(set(months) & set(store.months_of(TableName.OPEN)))
    if not roots or not wanted:
        return []
    rows = pl.col(CHARGES.root_id).is_in(sorted(roots)) & (pl.col(CHARGES.origin_kind) == "usage")
    rows &= (pl.col(CHARGES.state) == "priced") & pl.col(CHARGES.billable)
    columns = [
        *_KEY, *_ALIKE, CHARGES.issuer_id, CHARGES.at, CHARGES.amount_micros, CHARGES.talk_s, CHARGES.units,
    ]  # fmt: skip
    buckets = sorted({root % BUCKETS for root in roots})
    open_rows = pl.concat(
        [store.scan(TableName.OPEN, wanted, columns, rows, partition=f"{bucket:02d}") for bucket in buckets]
    )
    if billed_by_others_than is not None:
        others = ~pl.col(FROZEN.document_id).is_in(sorted(billed_by_others_than))
        standing = store.standing(columns=[*_KEY, FROZEN.document_id], filter=pl.col(CHARGES.origin_kind) == "usage")
        open_rows = open_rows.join(standing.filter(others), on=_KEY, how="anti")
        return _summed(open_rows.join(standing.filter(~others), on=_KEY, how="left"))
    return _summed(open_rows.with_columns(pl.lit(None, pl.Int64).alias(FROZEN.document_id)))


def _summed(rows: pl.LazyFrame) -> list[UsageDay]:
    zones = dict(Issuer.objects.values_list("id", "zone"))
    found: list[UsageDay] = []
    for (issuer_id,), frame in rows.collect().partition_by(CHARGES.issuer_id, as_dict=True).items():
        day = pl.col(CHARGES.at).dt.convert_time_zone(zones[issuer_id]).dt.date().alias("day")
        # The access and the service part of a call are two charges of one call.
        first = ~pl.struct(CHARGES.origin_id).is_duplicated() | (pl.col(CHARGES.part) != "service")
        sums = frame.group_by(day, *_ALIKE, FROZEN.document_id).agg(
            pl.col(CHARGES.amount_micros).sum(),
            pl.col(CHARGES.talk_s).filter(first).sum().alias("talk_s"),
            first.sum().alias("calls"),
            pl.col(CHARGES.units).filter(first).sum().alias("units"),
        )
        names = [field.name for field in fields(UsageDay)]
        found += [
            UsageDay(**row)
            for row in sums.rename({FROZEN.document_id: "billed_by"}).select(names).iter_rows(named=True)
        ]
    return sorted(found, key=lambda one: (one.day, one.account_id, one.line_id or 0, one.section, one.vat_nature))
