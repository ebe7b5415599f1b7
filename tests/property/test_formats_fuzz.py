"""Every installed format is given mutated records by the ten thousand: no crash, no hang, every byte accounted for.

As the collector does it: received bytes are framed, read, redacted, placed in time, made into calls, and the calls into
rows. ARDOISE_MUTATIONS says how many records each format gets: 20,000, or what three seconds of a processor allow (the
same number on a busy machine); a larger number is done to its end.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.property.test_formats_properties import LINES, OPTIONS

from ardoise.collect.batch import usage_frame, why_impossible
from ardoise.collect.reading import _read
from ardoise.collect.rows import as_json
from ardoise.core.assembly import Assembler, AssemblyPolicy, TimedLeg
from ardoise.core.localtime import ImpossibleTime, StreamClock
from ardoise.core.phone import DialPlan
from ardoise.core.usage import Event, Leg, Unreadable, Usage
from ardoise.formats import registry
from ardoise.formats.spec import Format, Reader
from unit.formats.tap_files import mo_call, tap_file

MUTATIONS = int(os.environ.get("ARDOISE_MUTATIONS", "20000"))
IN_SHORT_S = 3.0  # of processor, for each format, unless more was asked for
HANG_S = 5
TOGETHER = 200  # calls made into one frame of rows
NOW = datetime(2026, 10, 6, 8, tzinfo=UTC)
SAMPLES = Path(os.environ.get("ARDOISE_SAMPLES", Path(__file__).resolve().parents[3] / "shared" / "samples"))
SEEDS_MAX, SEED_BYTES_MAX = 400, 4000

# What parsers stumble over, besides chance: separators, ends, absurd numbers, other digits, other encodings.
ODD = (
    *(
        b",",
        b";",
        b"|",
        b'"',
        b"'",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\x1a",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\\",
        b"%",
    ),
    *(
        b"-1",
        b"0",
        b"99",
        b"1e9",
        b"NaN",
        b"Infinity",
        b"9" * 18,
        b"9" * 19,
        b"9" * 40,
        b"0" * 300,
        b"00:00:00",
        b"99:99",
    ),
    *(
        "٣".encode(),
        "é".encode("cp1252"),
        "é".encode(),
        "\u202f".encode(),
        b"\xc3",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b"null",
    ),
    *(
        b"2026/02/30",
        b"9999-12-31",
        b"0000-00-00",
        b"24:00:60",
        b" ",
        b" " * 60,
        b",,,,,,,,",
        b"E",
        b"T",
        b"x",
        b"+",
        b"*",
        b"#",
    ),
)


def seeds_of(name: str) -> list[bytes]:
    """The record of the property tests, and what real systems sent, where the samples are at hand."""
    seeds = [tap_file([mo_call()], total=100_948)] if name == "tap3" else [LINES[name]]
    folder = SAMPLES / name
    for file in sorted(folder.glob("*")) if folder.is_dir() else ():
        if file.is_file() and not file.name.endswith((".json", ".md")):
            records = registry.get(name).frame(file.read_bytes(), final=True)[0]
            seeds += [record for record in records if len(record) <= SEED_BYTES_MAX]
    return seeds[:SEEDS_MAX]


def mutated(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    record = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        at, size = draw.randrange(len(record) + 1), draw.choice((1, 1, 2, 5, 20))
        match draw.randrange(8):
            case 0:
                record[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del record[at : at + size]
            case 2:
                record[at:at] = record[at : at + size] * draw.choice((1, 2, 50))
            case 3:
                record[at:at] = draw.choice(ODD)
            case 4:
                record[at : at + size] = draw.choice(ODD)
            case 5:
                other = draw.choice(seeds)
                record[at:] = other[draw.randrange(len(other) + 1) :]
            case 6:
                del record[at:]
            case _:
                record[at : at + size] = draw.randbytes(size)
    return bytes(record)


@contextmanager
def no_hang() -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise TimeoutError(f"one record takes more than {HANG_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Collected:
    """The way of a record, without a disk."""

    def __init__(self, chosen: Format, options: dict[str, str]) -> None:
        self.format, self.options = chosen, options
        self.clock = StreamClock("Europe/Paris")
        self.assembler = Assembler(AssemblyPolicy(plan=DialPlan(outside_prefix="0")))
        self.reader: Reader = chosen.reader(options)
        self.calls: list[Usage] = []
        self.legs = 0

    def take(self, data: bytes) -> None:
        for final in (False, True):
            records, rest = self.format.frame(data, final=final)
            assert b"".join(records) + rest == data, "bytes are lost, or made up"
            assert all(records), "an empty record"
            assert not (final and rest), "a rest after the end"
        for record in records:
            redacted = self.format.redact(record, frozenset({"201", "2140"}), self.options)
            assert len(redacted) == len(record), "redaction moves bytes"
            reading = _read(self.reader, record)
            assert isinstance(reading, (Leg, Event, Unreadable)), reading
            assert not (isinstance(reading, Unreadable) and reading.reason == "format_error"), reading.detail
            if isinstance(reading, Leg):
                self.legs += 1
                self._leg(reading)
            elif isinstance(reading, Unreadable):
                assert reading.reason and len(reading.reason) <= 40
                reading.detail.encode()
        if len(self.calls) >= TOGETHER:
            self.written()

    def _leg(self, leg: Leg) -> None:
        if why_impossible(leg):
            return  # to the quarantine
        assert leg.operator_price is None or (
            isinstance(leg.operator_price, Decimal) and leg.operator_price.is_finite()
        )
        resolved = self.clock.resolve(leg.start, arrived_at=NOW, lasted_s=leg.duration_s + (leg.ring_s or 0))
        if isinstance(resolved, ImpossibleTime):
            return
        timed = TimedLeg(f"pbx:1:{self.legs}", "pbx", resolved.at, resolved.flags, NOW, leg)
        self.calls += [call.usage for call in self.assembler.add(timed)]
        if self.legs % 50 == 0:
            as_json(self.assembler.state())

    def written(self) -> None:
        """As rows of the usage table, after the calls that still wait."""
        as_json(self.assembler.state())
        self.calls += [call.usage for call in self.assembler.flush(datetime.max.replace(tzinfo=UTC))]
        if self.calls:
            assert usage_frame(self.calls).height == len(self.calls)
        self.calls.clear()


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_mutated_records_are_read_refused_or_kept_but_never_crash_hang_or_vanish(name: str) -> None:
    seed = os.environ.get("ARDOISE_DEMO_SEED", "") or str(random.randrange(10**6))
    draw, seeds = random.Random(f"{name} {seed}"), seeds_of(name)
    collected, deadline = Collected(registry.get(name), OPTIONS[name]), time.process_time() + IN_SHORT_S
    done = 0
    while done < MUTATIONS and (MUTATIONS > 20_000 or time.process_time() < deadline):
        data = mutated(draw, seeds)
        try:
            with no_hang():
                collected.take(data)
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}, record {done}: {data[:2000]!r}") from error
        done += 1
    collected.written()
    print(
        f"{name}: {done:,} mutated records of {len(seeds)} seeds, {collected.legs:,} still read as calls (seed {seed})"
    )
    assert collected.legs > done / 500, "mutated beyond recognition: nothing is tested"


def test_every_installed_format_is_tried() -> None:
    assert set(OPTIONS) == set(registry.all_formats())
