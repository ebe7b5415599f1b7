"""How fast received bytes are safe: journal groups appended and synced, beside the bare disk; and read back.

    python benchmarks/journal.py [--tickets 20000] [--group 100]

The bound writes the same payloads to a plain file and calls fdatasync once a group: what any journal must do.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from ardoise.store.journal import Arrival, Journal, Kind

TICKET = (
    b"2026/10/05 10:59:02,00:01:40,4,201,O,0145678901,0145678901,,0,1000014156,0,E201,Jeanne Roy,T9001,LINE 1.1\r\n"
)
ROUNDS = 5  # the best of each: the disk is not ours alone
AT = datetime(2026, 10, 5, 9, 0, 42, tzinfo=UTC)


def bound_s(folder: Path, tickets: int, group: int) -> float:
    start = time.perf_counter()
    with (folder / "plain").open("wb", buffering=0) as file:
        for _ in range(tickets // group):
            file.write(TICKET * group)
            os.fdatasync(file.fileno())
    return time.perf_counter() - start


def append_s(journal: Journal, tickets: int, group: int) -> float:
    arrivals = [Arrival(AT, 1, Kind.BYTES, TICKET)] * group
    writer = journal.writer()
    start = time.perf_counter()
    for _ in range(tickets // group):
        writer.append(arrivals)
    seconds = time.perf_counter() - start
    writer.close()
    return seconds


def read_s(journal: Journal) -> float:
    start = time.perf_counter()
    for _entry in journal.read():
        pass
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=20_000)
    parser.add_argument("--group", type=int, default=100, help="tickets synced together")
    asked = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        journal = Journal(folder, "bench")
        size = (asked.tickets, asked.group)
        pairs = [(bound_s(folder, *size), append_s(journal, *size)) for _ in range(ROUNDS)]
        bound, append = (min(times) for times in zip(*pairs, strict=True))
        read = read_s(journal) / ROUNDS
    print(f"append   {asked.tickets / append:>12,.0f} tickets/s, synced by {asked.group}")
    print(f"bound    {asked.tickets / bound:>12,.0f} tickets/s  (plain file, as many syncs)")
    print(f"read     {asked.tickets / read:>12,.0f} tickets/s")
    print(f"appending is {bound / append:.0%} of the bound")


if __name__ == "__main__":
    main()
