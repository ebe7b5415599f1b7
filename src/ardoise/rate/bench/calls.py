"""The calls of the generated month, written as the store keeps usage: by source, then identifier, then time.

Made by chunks of lines, so that fifty million calls need the memory of one chunk. A call names its identifier, never
its account. Each line calls numbers of an address book of its own, some more often than others. Two calls in a hundred
are unanswered or come in, a few were answered for no second, the lines of `world.strangers` are registered nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.schema import USAGE
from ardoise.rate.bench import world
from ardoise.rate.bench.world import Ints, Shape
from ardoise.rate.columns.frames import schema_of

CHUNK_CALLS = 1_000_000  # calls a file
BOOK = 400  # numbers in the address book of a line
NUMBER_DIGITS = 11
ROW_GROUP_ROWS = 65_536  # as the store writes usage
USAGE_TYPES = schema_of(USAGE)

Hashes = npt.NDArray[np.uint64]


def write(
    shape: Shape, folder: Path, *, chunk_calls: int = CHUNK_CALLS, progress: Callable[[int], None] | None = None
) -> list[Path]:
    """Write the month into `folder` and return its files in order; the same shape gives the same calls.

    `progress` is told the number of calls written so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prefixes = world.pool_of_prefixes(shape)
    files: list[Path] = []
    done = 0
    for first, last, calls in _chunks(shape, chunk_calls):
        frame = _frame(shape, prefixes, first_line=first, last_line=last, calls=calls, before=done)
        for (source,), part in frame.group_by(USAGE.source, maintain_order=True):
            files.append(folder / f"{source}-{len(files):04d}.parquet")
            part.write_parquet(files[-1], compression="zstd", statistics=True, row_group_size=ROW_GROUP_ROWS)
        done += calls
        if progress is not None:
            progress(done)
    return files


def _chunks(shape: Shape, chunk_calls: int) -> Iterator[tuple[int, int, int]]:
    """First and last line of each chunk, and how many calls they make: about the same for each."""
    chunks = -(-shape.calls // chunk_calls)
    for chunk in range(chunks):
        lines = (1 + shape.lines * chunk // chunks, shape.lines * (chunk + 1) // chunks)
        yield *lines, shape.calls * (chunk + 1) // chunks - shape.calls * chunk // chunks


def _frame(
    shape: Shape, prefixes: list[str], *, first_line: int, last_line: int, calls: int, before: int
) -> pl.DataFrame:
    """The calls of some lines; `before` calls were made by the lines before them."""
    random = np.random.default_rng((7, first_line))
    line = first_line + ((last_line + 1 - first_line) * random.random(calls) ** 1.5).astype(np.int64)
    seconds = _instants(random, calls)
    order = np.lexsort((seconds, line))
    line, seconds = line[order], seconds[order]
    place = (BOOK * random.random(calls) ** 2).astype(np.int64)
    prefix, number = _numbers(prefixes, line, place)
    columns = _columns(shape, line=line, number=number, prefix=prefix, random=random)
    at_us = (seconds + int(world.FROM_AT.timestamp())) * 1_000_000
    ring_s = random.integers(1, 30, calls)
    day = 1 + seconds // 86_400
    ticket = (before + np.arange(calls)) * 2_654_435_761 % 2**32  # a bijection: no two tickets share a place
    frame = pl.DataFrame(columns | {"day": day, "ticket": ticket, "at": at_us, USAGE.ring_s: ring_s})
    return frame.select(_made().get(name, _empty(name)).cast(kind).alias(name) for name, kind in USAGE_TYPES.items())


def _instants(random: np.random.Generator, calls: int) -> Ints:
    """Seconds since the start of the month; six calls in ten between 7 and 18 o'clock UTC."""
    seconds = random.integers(0, world.seconds_of_month(), calls)
    busy = 7 * 3_600 + random.integers(0, 11 * 3_600, calls)
    moved = seconds - seconds % 86_400 + busy
    return np.where(random.random(calls) < 0.6, moved, seconds)  # the last day has 23 hours: 18 o'clock is inside


def mixed(values: Hashes) -> Hashes:
    """SplitMix64's finaliser: the same bits for the same value, whatever the chunk."""
    mixed = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _numbers(prefixes: list[str], line: Ints, place: Ints) -> tuple[Ints, Ints]:
    """Prefix (position in the pool) and whole number of an entry of a line's address book."""
    drawn = mixed((line * 1_000 + place).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    skew = (drawn >> np.uint64(40)).astype(np.int64)  # 24 bits: squared, so that some destinations are frequent
    prefix = skew * skew // 2**24 * len(prefixes) // 2**24
    left = NUMBER_DIGITS - np.array([len(known) for known in prefixes], np.int64)
    room = (10**left)[prefix]
    start = np.array([int(known) for known in prefixes], np.int64)[prefix] * room
    return prefix, start + (drawn % np.uint64(2**40)).astype(np.int64) % room


def _columns(
    shape: Shape, *, line: Ints, number: Ints, prefix: Ints, random: np.random.Generator
) -> dict[str, pl.Series]:
    calls = len(line)
    talk_s = random.geometric(1 / 150, calls)
    talk_s[random.random(calls) < 0.005] = 0  # answered and hung up within the second
    long = random.random(calls) < 0.002
    talk_s[long] *= 40
    luck = random.random(calls)
    status = np.where(luck < 0.01, 1, 0)
    talk_s[status == 1] = 0
    direction = np.where((luck >= 0.01) & (luck < 0.02), 1, 0)
    source = world.source_of(shape, line)
    category = np.where(prefix % 3 == 0, 0, np.where(prefix % 3 == 1, 1, 2))
    printed = np.where(source == len(world.SOURCES) - 1, -1, talk_s * 317)
    return {
        "line": pl.Series(line),
        "number": pl.Series(number),
        USAGE.source: _label(world.SOURCES, source),
        USAGE.talk_s: pl.Series(talk_s),
        USAGE.status: _label(("answered", "unanswered"), status),
        USAGE.direction: _label(("out", "in"), direction),
        USAGE.number_category: _label(("geographic", "mobile", "international"), category),
        USAGE.operator_micros: pl.Series(printed),
    }


def _label(names: tuple[str, ...], positions: Ints) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(positions)


def _made() -> dict[str, pl.Expr]:
    pbx = pl.col(USAGE.source) == world.PBX
    extension = pl.lit("E") + pl.col("line").cast(pl.String).str.zfill(7)
    presented = pl.lit("339") + pl.col("line").cast(pl.String).str.zfill(8)
    number, at = pl.col("number").cast(pl.String), pl.col("at").cast(pl.Datetime("us", "UTC"))
    empty = pl.lit("")
    return {
        USAGE.usage_id: pl.concat_str(USAGE.source, pl.lit(":"), "day", pl.lit(":"), "ticket"),
        USAGE.source: pl.col(USAGE.source),
        USAGE.start_at: at - pl.duration(seconds=USAGE.ring_s),
        USAGE.answered_at: at,
        USAGE.direction: pl.col(USAGE.direction),
        USAGE.status: pl.col(USAGE.status),
        USAGE.talk_s: pl.col(USAGE.talk_s),
        USAGE.ring_s: pl.col(USAGE.ring_s),
        USAGE.charged: pl.when(pbx).then(extension).otherwise(empty),
        USAGE.party: pl.when(pbx).then(extension).otherwise(empty),
        USAGE.ddi: pl.when(pbx).then(empty).otherwise(presented),
        USAGE.calling: pl.when(pbx).then(extension).otherwise(presented),
        USAGE.called: pl.lit("00") + number,
        USAGE.number_key: number,
        USAGE.number_category: pl.col(USAGE.number_category),
        USAGE.trunk: pl.lit("T1"),
        USAGE.operator_micros: pl.when(pl.col(USAGE.operator_micros) >= 0).then(pl.col(USAGE.operator_micros)),
        USAGE.legs: pl.lit(1),
        USAGE.kind: pl.lit("call"),
    }


def _empty(name: str) -> pl.Expr:
    kind = USAGE_TYPES[name]
    return pl.lit(False) if kind == pl.Boolean else pl.lit(0) if kind == pl.Int64 else pl.lit("")
