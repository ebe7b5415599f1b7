"""One customer's month again, out of the month of all: only what its identifiers need is read, compiled and written.

Usage is stored by identifier, so the calls of a line stand in one or two row groups of a file; their statistics say
which. Charges are in files of whole roots: one file is written again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import polars as pl

from ardoise.core.allowances import Held, HeldKey
from ardoise.core.schema import CHARGES, USAGE
from ardoise.core.snapshot import IdentifierKind, OwnerKind, Snapshot
from ardoise.core.tariffs import Tariff
from ardoise.rate.columns.frames import CHARGES_SCHEMA, USAGE_SCHEMA, usage_columns
from ardoise.rate.columns.month import ROW_GROUP_ROWS, RatedMonth, rate_month

KEPT_INDEXES = 4_096  # files whose statistics are remembered: they never change


class ResoldCustomer(ValueError):
    """Several customers share one rating: the calls of a resold customer are charged to its reseller too."""


@dataclass(frozen=True, slots=True)
class Names:
    """What the tickets of some customers may carry, in order."""

    extensions: tuple[str, ...]
    numbers: tuple[str, ...]

    def expression(self) -> pl.Expr:
        """The calls that carry one of them."""
        return (
            pl.col(USAGE.charged).is_in(self.extensions)
            | pl.col(USAGE.party).is_in(self.extensions)
            | pl.col(USAGE.ddi).is_in(self.numbers)
        )

    def of_column(self, column: str) -> tuple[str, ...]:
        return self.numbers if column == USAGE.ddi else self.extensions


def rate_roots(
    *,
    usage_files: Sequence[Path],
    snapshot: Snapshot,
    month: str,
    roots: frozenset[int],
    out_dir: Path,
    held: Mapping[HeldKey, Held] | None = None,
) -> RatedMonth:
    """`rate_month` for some customers (roots of accounts) alone: one file in `out_dir`, with their charges as the
    whole month would give them. Raises ResoldCustomer.
    """
    calls = calls_of(usage_files, names_of(snapshot, roots))
    narrow = narrowed(snapshot, roots, calls)
    out_dir.mkdir(parents=True, exist_ok=True)
    usage = out_dir / ".usage.parquet"
    try:
        calls.write_parquet(usage, compression="uncompressed")
        rated = rate_month(usage_files=[usage], snapshot=narrow, month=month, out_dir=out_dir, buckets=1, held=held)
    finally:
        usage.unlink(missing_ok=True)
    for file in rated.files:
        charges = pl.read_parquet(file.path)
        own = charges.filter(pl.col(CHARGES.root_id).is_in(roots))
        if own.height < charges.height:  # an identifier that was another customer's at another moment
            write_charges(own, file.path)
    return rated


def splice(held: Path, rated: Iterable[Path], *, roots: frozenset[int], out: Path) -> int:
    """A file of charges again, with those of `roots` replaced by newly rated ones; returns its rows."""
    frames = [pl.read_parquet(held).filter(~pl.col(CHARGES.root_id).is_in(roots)), *map(pl.read_parquet, rated)]
    joined = pl.concat(_as_one_type(frames))
    written = joined.sort(CHARGES.account_id, CHARGES.at, CHARGES.origin_id, CHARGES.part)
    write_charges(written, out)
    return written.height


def write_charges(charges: pl.DataFrame, path: Path) -> None:
    """A file of charges, in the order given, as `rate_month` writes them."""
    charges.write_parquet(path, compression="zstd", compression_level=1, row_group_size=ROW_GROUP_ROWS)


def _as_one_type(frames: Sequence[pl.DataFrame]) -> list[pl.DataFrame]:
    """Labels as categories of all values of all frames."""
    for name, kind in CHARGES_SCHEMA.items():
        kinds = {frame.schema[name] for frame in frames}
        if kind == pl.String and len(kinds) > 1:
            enums = [known for known in kinds if isinstance(known, pl.Enum)]
            names = sorted({value for known in enums for value in known.categories})
            one = pl.Enum(names) if len(enums) == len(kinds) else pl.String()
            frames = [frame.with_columns(pl.col(name).cast(one)) for frame in frames]
    return list(frames)


# -- what to read


def calls_of(usage_files: Iterable[Path], names: Names) -> pl.DataFrame:
    """The usage that carries one of these identifiers, from the row groups that may hold some."""
    found = [pl.DataFrame(schema=USAGE_SCHEMA)]
    for file in sorted(usage_files):
        stat = file.stat()
        for first, rows, ranges in _row_groups(str(file), stat.st_mtime_ns, stat.st_size):
            if any(_meets(names.of_column(column), low, high) for column, low, high in ranges):
                scan = pl.scan_parquet(file)
                chosen = usage_columns(scan)
                found.append(scan.slice(first, rows).filter(names.expression()).select(chosen).collect())
    return pl.concat(found)


Ranges = tuple[tuple[str, str | None, str | None], ...]  # column, least and greatest value


@lru_cache(KEPT_INDEXES)
def _row_groups(file: str, _changed_at: int, _size_bytes: int) -> tuple[tuple[int, int, Ranges], ...]:
    """First row, number of rows and identifier ranges of each row group of a file."""
    import duckdb  # the price of one customer only

    with duckdb.connect() as connection:
        told = connection.execute(
            "select row_group_id, row_group_num_rows, path_in_schema, stats_min_value, stats_max_value "
            "from parquet_metadata(?) where path_in_schema in (?, ?, ?) order by row_group_id",
            [file, USAGE.charged, USAGE.party, USAGE.ddi],
        ).fetchall()
    groups: dict[int, tuple[int, list[tuple[str, str | None, str | None]]]] = {}
    for number, rows, column, low, high in told:
        groups.setdefault(number, (rows, []))[1].append((column, low, high))
    first, found = 0, []
    for rows, ranges in groups.values():
        found.append((first, rows, tuple(ranges)))
        first += rows
    return tuple(found)


def _meets(names: Sequence[str], low: str | None, high: str | None) -> bool:
    """Whether one of the names, in order, lies between two values; without statistics, any may."""
    if low is None or high is None:
        return bool(names)
    place = bisect_left(names, low)
    return place < len(names) and names[place] <= high


# -- what to compile


def names_of(snapshot: Snapshot, roots: frozenset[int]) -> Names:
    """The identifiers of the lines of some customers, at any time. Raises ResoldCustomer."""
    own = {account.account_id for account in snapshot.accounts if account.root_id in roots}
    if any(
        account.reseller_id is not None and (account.account_id in own or account.reseller_id in own)
        for account in snapshot.accounts
    ):
        raise ResoldCustomer("this customer is resold or resells: its charges are those of several; rate the month")
    lines = {known.line_id for known in snapshot.assignments if known.account_id in own}
    named = {(known.kind, known.value) for known in snapshot.identifiers if known.line_id in lines}
    return Names(
        tuple(sorted(value for kind, value in named if kind is IdentifierKind.EXTENSION)),
        tuple(sorted(value for kind, value in named if kind is IdentifierKind.NUMBER)),
    )


def narrowed(snapshot: Snapshot, roots: frozenset[int], calls: pl.DataFrame) -> Snapshot:
    """The part of a snapshot that can matter to some customers: all that their calls name, themselves or others (the
    extension that is charged may be another customer's), and whatever hangs on it.
    """
    named = {(kind, value) for column, kind in _KINDS.items() for value in calls.get_column(column).unique().to_list()}
    identifiers = tuple(known for known in snapshot.identifiers if (known.kind, known.value) in named)
    own = {account.account_id for account in snapshot.accounts if account.root_id in roots}
    lines = {known.line_id for known in identifiers}
    lines |= {known.line_id for known in snapshot.assignments if known.account_id in own}
    assignments = tuple(known for known in snapshot.assignments if known.line_id in lines)
    holders = own | {known.account_id for known in assignments}
    kept_roots = {account.root_id for account in snapshot.accounts if account.account_id in holders}
    accounts = tuple(account for account in snapshot.accounts if account.root_id in kept_roots)
    owners = {(OwnerKind.ACCOUNT, account.account_id) for account in accounts}
    owners |= {(OwnerKind.LINE, line_id) for line_id in lines}
    everyone = (OwnerKind.ISSUER, OwnerKind.SOURCE)
    links = tuple(
        link for link in snapshot.links if link.owner_kind in everyone or (link.owner_kind, link.owner_id) in owners
    )
    tariffs = _with_parents(snapshot, {link.tariff_id for link in links})
    keys = calls.get_column(USAGE.number_key).unique().to_list()
    beginnings = {key[:length] for key in keys for length in range(len(key) + 1)} | {""}
    return replace(
        snapshot,
        accounts=accounts,
        lines=tuple(line for line in snapshot.lines if line.line_id in lines),
        assignments=assignments,
        identifiers=identifiers,
        links=links,
        tariffs=tuple(_for_numbers(tariff, beginnings) for tariff in snapshot.tariffs if tariff.tariff_id in tariffs),
        grants=tuple(grant for grant in snapshot.grants if (grant.owner_kind, grant.owner_id) in owners),
        promotion_grants=tuple(
            grant
            for grant in snapshot.promotion_grants
            if grant.owner_kind in everyone or (grant.owner_kind, grant.owner_id) in owners
        ),
        carried=tuple(known for known in snapshot.carried if known.root_id in kept_roots),
    )


_KINDS = {
    USAGE.charged: IdentifierKind.EXTENSION,
    USAGE.party: IdentifierKind.EXTENSION,
    USAGE.ddi: IdentifierKind.NUMBER,
}


def _for_numbers(tariff: Tariff, beginnings: Set[str]) -> Tariff:
    """A tariff without the rows that no number called begins with: thousands of rows become hundreds to compile."""
    return replace(
        tariff,
        versions=tuple(
            replace(
                version,
                rates=tuple(rate for rate in version.rates if rate.prefix in beginnings or rate.prefix.startswith("=")),
            )
            for version in tariff.versions
        ),
    )


def _with_parents(snapshot: Snapshot, tariff_ids: set[int]) -> set[int]:
    """These tariffs and those that they inherit from."""
    parents = {known.tariff_id: known.parent.tariff_id for known in snapshot.tariffs if known.parent is not None}
    found, left = set(tariff_ids), list(tariff_ids)
    while left:
        parent = parents.get(left.pop())
        if parent is not None and parent not in found:
            found.add(parent)
            left.append(parent)
    return found
