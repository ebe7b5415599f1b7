"""What every peer is given and gives back, and the world as flat tables for those that speak SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ardoise.core.calendars import band_changes
from ardoise.rate.bench import world
from ardoise.rate.bench.answer import Answer
from ardoise.rate.bench.world import Ints, Shape

NUMBER_PLACES = 15  # numbers are compared as integers, left-aligned on so many digits

Tell = Callable[[int], None]
"""Told the number of calls done so far."""


@dataclass(frozen=True, slots=True)
class Task:
    """`calls` calls in `usage`, to be priced into files of `out_dir`."""

    shape: Shape
    usage: list[Path]
    calls: int
    out_dir: Path
    tell: Tell
    server: str = ""  # connection string, for a peer that is a server


@dataclass(frozen=True, slots=True)
class Rated:
    prepare_s: float
    rate_s: float
    answer: Answer


class PeerMissing(RuntimeError):
    """The peer is not installed or cannot be reached; the message says what to do."""


def identifiers(shape: Shape) -> pl.DataFrame:
    """source, value -> line: the identifier that its tickets print."""
    lines = _lines(shape)
    lines = lines[~world.strangers(lines)]
    numbers, extensions = world.identifiers(lines)
    source = pl.Series(world.SOURCES).gather(world.source_of(shape, lines))
    frame = pl.DataFrame({"line": lines, "source": source, "number": numbers, "extension": extensions})
    value = pl.when(pl.col("source") == world.PBX).then(pl.col("extension")).otherwise(pl.col("number"))
    return frame.select("source", value.alias("value"), "line")


def assignments(shape: Shape) -> pl.DataFrame:
    """line -> account, root, its tariff, between two instants."""
    lines = _lines(shape)
    parts = []
    for moved, from_at, to_at in (
        (False, world.LONG_AGO, world.MOVES_AT),
        (True, world.MOVES_AT, world.TO_AT),
    ):
        at = np.full(len(lines), moved)
        root = world.customer_of(shape, lines, moved=at)
        parts.append(
            pl.DataFrame(
                {
                    "line": lines,
                    "account": world.account_of(shape, lines, moved=at),
                    "root": root,
                    "tariff": world.tariff_of(shape, root),
                }
            ).with_columns(from_at=pl.lit(from_at), to_at=pl.lit(to_at))
        )
    still = pl.col("line").is_in(lines[world.moves(lines)].tolist()).not_()
    first = parts[0].with_columns(to_at=pl.when(still).then(pl.lit(world.TO_AT)).otherwise(pl.col("to_at")))
    return pl.concat([first, parts[1].filter(~still)])


def sources(shape: Shape) -> pl.DataFrame:
    """source -> tariff of its operator."""
    costs = [world.cost_tariff(shape, number) for number in range(len(world.SOURCES))]
    return pl.DataFrame({"source": world.SOURCES, "tariff": costs})


def included(shape: Shape) -> pl.DataFrame:
    """line or root -> its allowance: owner is the line, or minus the root where all lines share one."""
    lines = world.line_grants(shape, _lines(shape))
    allowance = world.allowance_of(lines)
    customers = np.arange(1, shape.customers + 1, dtype=np.int64)
    sharing = customers[world.shares_allowance(customers)]
    owner = np.concatenate([lines, -sharing])
    allowance = np.concatenate([allowance, np.full(len(sharing), world.SHARED, np.int64)])
    quantity = np.array([world.QUANTITY_S[known] for known in allowance.tolist()], np.int64)
    return pl.DataFrame({"owner": owner, "allowance": allowance, "quantity": quantity})


def versions(shape: Shape) -> pl.DataFrame:
    """tariff -> version between two instants; `unit` is what amounts are rounded to, in micros."""
    rows = [
        (
            tariff,
            world.version_id(tariff, number),
            from_at,
            to_at or world.TO_AT,
            world.calendar_code(shape, tariff),
            world.bills_zero(tariff),
            10 ** (6 - world.rounding_decimals(tariff)),
        )
        for tariff in range(1, shape.tariffs + 1)
        for number, (from_at, to_at) in enumerate(world.validity(tariff), 1)
    ]
    columns = ("tariff", "version", "from_at", "to_at", "calendar", "bills_zero", "unit")
    return pl.DataFrame(rows, schema=columns, orient="row")


def bands(shape: Shape) -> pl.DataFrame:
    """calendar -> band between two instants; the calendar "" has one band."""
    rows: list[tuple[str, str, object, object]] = [("", "", world.FROM_AT, world.TO_AT)]
    for calendar in world.CALENDARS:
        changes = band_changes(calendar, from_at=world.FROM_AT, to_at=world.TO_AT)
        ends = [*(at for at, _ in changes[1:]), world.TO_AT]
        rows += [(calendar.code, band, at, end) for (at, band), end in zip(changes, ends, strict=True)]
    return pl.DataFrame(rows, schema=("calendar", "band", "from_at", "to_at"), orient="row")


def directory(shape: Shape) -> dict[str, pl.DataFrame]:
    """Every table but the prices, by the name that the query gives it."""
    return {
        "identifier": identifiers(shape),
        "assignment": assignments(shape),
        "source": sources(shape),
        "allowance": included(shape),
        "version": versions(shape),
        "band": bands(shape),
    }


def tables(shape: Shape) -> Iterator[tuple[int, str, pl.DataFrame]]:
    """For each version and band, the rows that hold there, one a prefix, and what they ask; prices in 1e-4 euro a
    minute. `number` is the position of the prefix in the pool.
    """
    prefixes = pl.Series(world.pool_of_prefixes(shape))
    for tariff in range(1, shape.tariffs + 1):
        numbers = world.prefix_numbers(shape, tariff)
        keys = prefixes.gather(numbers)
        for version in range(1, world.VERSIONS + 1):
            for band in ("", world.PEAK) if world.calendar_code(shape, tariff) else ("",):
                table = _table(shape, tariff, version, peak=bool(band), numbers=numbers)
                yield world.version_id(tariff, version), band, table.select(keys.alias("prefix"), pl.all())


def _table(shape: Shape, tariff: int, version: int, *, peak: bool, numbers: Ints) -> pl.DataFrame:
    zone, pattern = world.zone_numbers(numbers), world.patterns(tariff, numbers)
    included = zone < world.INCLUDED_ZONES
    price = world.prices_e4(shape, tariff, version, peak=False, numbers=numbers)
    if peak:  # only these have a row of their own at peak
        dearer = world.prices_e4(shape, tariff, version, peak=True, numbers=numbers)
        price = np.where(included, dearer, price)
    first, start, following = (
        np.array([getattr(known, name) for known in world.PATTERNS], np.int64)[pattern]
        for name in ("first_s", "from_s", "next_s")
    )
    return pl.DataFrame(
        {
            "zone": pl.Series(world.zone_codes()).gather(zone),
            "included": included,
            "price": price,
            "price2": world.second_price_e4(price, pattern),
            "inc": first,
            "from2": start,
            "inc2": following,
            "fee": world.fees_e4(shape, tariff, numbers),
        }
    )


def intervals(keys: pl.Series) -> tuple[Ints, Ints]:
    """Nested prefixes as disjoint intervals of numbers on 15 digits: where each begins, ascending, and which of `keys`
    is the longest prefix from there on (-1: none). Prefixes are painted widest first.
    """
    low, high = _spans(keys)
    borders = np.unique(np.concatenate([low, high]))
    owner = np.full(len(borders), -1, np.int64)
    starts, ends = np.searchsorted(borders, low), np.searchsorted(borders, high)
    for row in np.lexsort((low, low - high)).tolist():
        owner[starts[row] : ends[row]] = row
    return borders, owner


def _spans(keys: pl.Series) -> tuple[Ints, Ints]:
    lengths = keys.str.len_bytes().to_numpy().astype(np.int64)
    room = 10 ** (NUMBER_PLACES - lengths)
    low = keys.cast(pl.Int64).to_numpy().astype(np.int64) * room
    return low, low + room


def _lines(shape: Shape) -> Ints:
    return np.arange(1, shape.lines + 1, dtype=np.int64)
