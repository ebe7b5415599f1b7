"""How fast tickets become calls: from a socket through the journal, synced, and the parser, to the committed call.

    python benchmarks/collect.py [--tickets 200000] [--rate 1000 --latency-s 10] [--sources 1000 --sources-s 10]

Three cases, each a real `ardoise collect run` in a process of its own, with a fresh SQLite database:

- one source (Avaya IP Office) sent tickets as fast as it takes them;
- one source at a steady rate: how long until a ticket is in the counts that the console shows;
- many sources at once, a ticket a second each.

Two bounds: the same bytes through a socket to a file, synced ten times a second, and nothing else; and the same lines
cut by Python's csv, three columns checked by regular expressions, nothing kept. Processor seconds are those of the
collector alone (both its modes, all its threads and children): the sender's are not in them.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

FIRST = datetime(2026, 10, 5, 8, 0, 0)  # noqa: DTZ001 - as a PBX prints it
STARTS_IN_S = 60.0
ENDS_IN_S = 600.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PREPARE = """
import json, sys
from ardoise.cli.wiring import ready_database, start_django
start_django()
ready_database()
from ardoise.collect.models import Source
from ardoise.directory.models import Issuer
issuer = Issuer.objects.create(code="bench", name="Bench", company="Bench")
Source.objects.bulk_create(
    Source(issuer=issuer, code=f"s{port}", name=f"s{port}", format="avaya_ipoffice", transport="tcp_server",
           host="127.0.0.1", port=port, outside_prefix="0")
    for port in json.loads(sys.argv[1])
)
"""
RUN = "from ardoise.cli.collect_commands import collect; collect()"


def tickets(count: int, seed: int = 1) -> list[bytes]:
    """Calls out and in, of 600 extensions and 5000 outside numbers; one in five is not answered, no two are equal."""
    draw = random.Random(seed)
    numbers = [f"0{draw.choice('12345679')}{draw.randrange(10**8):08d}" for _ in range(5000)]
    made = []
    for number in range(count):
        start = FIRST + timedelta(milliseconds=50 * number)
        extension, outside = 200 + draw.randrange(600), draw.choice(numbers)
        talk_s = int(draw.expovariate(1 / 120)) if draw.random() < 0.8 else 0
        talk = f"{talk_s // 3600:02d}:{talk_s // 60 % 60:02d}:{talk_s % 60:02d}"
        who = f"{extension},O,{outside},{outside}" if draw.random() < 0.5 else f"{outside},I,{extension},{extension}"
        call = f"{start:%Y/%m/%d %H:%M:%S},{talk},{draw.randrange(30)},{who},,0,{1_000_000 + number},0"
        device = f"E{extension},User {extension},T9001,LINE 1.{draw.randrange(30)},0,0"
        made.append(f"{call},{device}{',' * 13}\r\n".encode())
    return made


@dataclass
class Collector:
    """A collector of some sources, and the counts in its database."""

    home: Path
    ports: Sequence[int]
    process: subprocess.Popen[bytes]
    _cpu_s: float = field(default=0.0)

    def counted(self) -> int:
        """Tickets that the console counts now."""
        return self._number("select coalesce(sum(in_calls), 0) from ardoise_collect_daycount")

    def _number(self, query: str) -> int:
        with sqlite3.connect(f"file:{self.home / 'ardoise.sqlite3'}?mode=ro", uri=True, timeout=10) as database:
            return int(database.execute(query).fetchone()[0])

    def cpu_s(self) -> float:
        """Processor seconds of the collector and its children until now."""
        said = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        children = sum(_cpu_of(pid) for pid in _children(self.process.pid))
        return (int(said[11]) + int(said[12]) + int(said[13]) + int(said[14])) / CLOCK_TICKS + children

    def wait_until_linked(self, links: int) -> None:
        """Until it has written down that so many PBXs are connected."""
        query = "select count(*) from ardoise_collect_sourceevent where kind = 'connected'"
        deadline = time.monotonic() + STARTS_IN_S
        while self._number(query) < links and time.monotonic() < deadline:
            time.sleep(0.1)

    def wait_for(self, tickets: int) -> None:
        deadline = time.monotonic() + ENDS_IN_S
        while self.counted() < tickets:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"The collector counted {self.counted()} tickets of {tickets}")
            time.sleep(0.05)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _cpu_of(pid: int) -> float:
    with suppress(FileNotFoundError):
        said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(said[11]) + int(said[12])) / CLOCK_TICKS
    return 0.0


@contextmanager
def collector(sources: int) -> Iterator[Collector]:
    """A collector that listens, on ports of its own."""
    with tempfile.TemporaryDirectory(prefix="ardoise-bench-") as name:
        home = Path(name)
        environment = {**os.environ, "ARDOISE_HOME": name, "DJANGO_SETTINGS_MODULE": "ardoise.project.settings"}
        environment.pop("ARDOISE_DATABASE_URL", None)
        ports = free_ports(sources)
        subprocess.run([sys.executable, "-c", PREPARE, str(ports)], env=environment, check=True)
        with (home / "said.txt").open("wb") as said:
            process = subprocess.Popen([sys.executable, "-c", RUN, "run"], env=environment, stdout=said, stderr=said)
            try:
                until_listening(ports[-1], process)
                yield Collector(home, ports, process)
            finally:
                process.terminate()
                process.wait(60)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, in a row where the system has them."""
    found: list[int] = []
    for port in range(20_000, 32_000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
        if len(found) == count:
            return found
    raise SystemExit(f"No {count} free ports")


def until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTS_IN_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("The collector did not start")


def one_source(sent: list[bytes]) -> tuple[float, float]:
    """Seconds until all these tickets are calls, and the collector's processor seconds."""
    data = b"".join(sent)
    with collector(1) as running:
        before, start = running.cpu_s(), time.perf_counter()
        with socket.create_connection(("127.0.0.1", running.ports[0])) as pbx:
            pbx.sendall(data)
            running.wait_for(len(sent))
            return time.perf_counter() - start, running.cpu_s() - before


@dataclass
class Seen:
    """When how many tickets were counted."""

    at: list[tuple[float, int]] = field(default_factory=list)

    def watch(self, running: Collector, until: int) -> threading.Thread:
        def look() -> None:
            deadline = time.monotonic() + ENDS_IN_S
            while not self.at or (self.at[-1][1] < until and time.monotonic() < deadline):
                counted = running.counted()
                self.at.append((time.perf_counter(), counted))
                time.sleep(0.005)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        return thread

    def delays_s(self, sent_at: Sequence[float]) -> list[float]:
        """Of each ticket, in the order they were sent: from its sending until as many were counted."""
        delays: list[float] = []
        for at, counted in self.at:
            delays.extend(at - sent for sent in sent_at[len(delays) : counted])
        return sorted(delays)


def steady(sent: list[bytes], *, rate: int) -> tuple[list[float], float]:
    """Delays of tickets sent at this rate to one source, and the collector's processor seconds."""
    with collector(1) as running, socket.create_connection(("127.0.0.1", running.ports[0])) as pbx:
        pbx.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seen, sent_at, start = Seen(), [], time.perf_counter()
        before, looking = running.cpu_s(), seen.watch(running, len(sent))
        for number, ticket in enumerate(sent):
            time.sleep(max(0.0, start + number / rate - time.perf_counter()))
            sent_at.append(time.perf_counter())
            pbx.sendall(ticket)
        looking.join()
        return seen.delays_s(sent_at), running.cpu_s() - before


def many_sources(sources: int, *, seconds: int) -> tuple[list[float], float, float]:
    """Delays of a ticket a second from each source, the collector's processor seconds, and the seconds it took."""
    with collector(sources) as running:
        links = [socket.create_connection(("127.0.0.1", port)) for port in running.ports]
        streams = [tickets(seconds, seed=number) for number in range(sources)]
        seen, sent_at = Seen(), []
        running.wait_until_linked(sources)
        before, looking, start = running.cpu_s(), seen.watch(running, sources * seconds), time.perf_counter()
        for number in range(sources * seconds):
            time.sleep(max(0.0, start + number / sources - time.perf_counter()))
            sent_at.append(time.perf_counter())
            links[number % sources].sendall(streams[number % sources][number // sources])
        looking.join()
        took = time.perf_counter() - start
        for link in links:
            link.close()
        return seen.delays_s(sent_at), running.cpu_s() - before, took


SYNC_ONLY = """
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
link, _ = server.accept()
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
synced = time.monotonic()
while data := link.recv(65536):
    os.write(file, data)
    if time.monotonic() - synced > 0.1:
        os.fsync(file)
        synced = time.monotonic()
os.fsync(file)
link.sendall(b"!")
print(time.process_time(), flush=True)
"""


def bytes_only(sent: list[bytes]) -> tuple[float, float]:
    """The first bound: the bytes alone, from a socket to a file, synced."""
    data = b"".join(sent)
    with tempfile.TemporaryDirectory(prefix="ardoise-bench-") as name:
        arguments = [sys.executable, "-c", SYNC_ONLY, str(Path(name) / "bytes")]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        assert process.stdout is not None
        start = time.perf_counter()
        with socket.create_connection(("127.0.0.1", int(process.stdout.readline()))) as pbx:
            start = time.perf_counter()
            pbx.sendall(data)
            pbx.shutdown(socket.SHUT_WR)
            pbx.recv(1)
        took = time.perf_counter() - start
        cpu_s = float(process.stdout.readline())
        process.wait()
        return took, cpu_s


def csv_only(sent: list[bytes]) -> tuple[float, float]:
    """The second bound: the lines cut by csv, date, duration and call id checked, nothing kept."""
    date, talk = re.compile(r"(\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d)"), re.compile(r"(\d\d):(\d\d):(\d\d)")
    lines = b"".join(sent).decode().splitlines()
    start, worked = time.perf_counter(), time.process_time()
    for fields in csv.reader(lines):
        printed, lasted = date.fullmatch(fields[0]), talk.fullmatch(fields[1])
        assert printed and lasted and int(fields[9])
        datetime(*map(int, printed.groups()))  # noqa: DTZ001
        int(lasted[1]) * 3600 + int(lasted[2]) * 60 + int(lasted[3])
    return time.perf_counter() - start, time.process_time() - worked


def said(delays: Sequence[float]) -> str:
    at = {name: delays[min(len(delays) - 1, int(share * len(delays)))] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return f"p50 {at['p50'] * 1000:,.0f} ms, p99 {at['p99'] * 1000:,.0f} ms, longest {delays[-1] * 1000:,.0f} ms"


def tell_one_source(count: int) -> None:
    sent = tickets(count)
    print(f"one source, {count:,} tickets of {sum(map(len, sent)) // count} bytes, as fast as it takes them")
    for name, (took, cpu_s), what in (
        ("collected", one_source(sent), ""),
        ("bound", bytes_only(sent), ": bytes from a socket to a synced file"),
        ("bound", csv_only(sent), ": csv and regular expressions, in memory"),
    ):
        rate = f"{count / took:,.0f} tickets/s"
        print(f"  {name:<10} {rate:>21}, {cpu_s / count * 1e6:>5,.1f} processor s a million{what}", flush=True)


def tell_steady(rate: int, seconds: int) -> None:
    delays, cpu_s = steady(tickets(rate * seconds), rate=rate)
    print(f"one source at {rate:,} tickets/s for {seconds} s")
    print(f"  sent to visible: {said(delays)}; {cpu_s / seconds:.2f} processors busy", flush=True)


def tell_many_sources(sources: int, seconds: int) -> None:
    delays, cpu_s, took = many_sources(sources, seconds=seconds)
    print(f"{sources:,} sources, a ticket a second each for {seconds} s")
    print(f"  all {len(delays):,} counted after {took:.1f} s; {cpu_s / took:.2f} processors busy")
    print(f"  sent to visible: {said(delays)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tickets", type=int, default=200_000, help="of the one source, as fast as it takes them")
    parser.add_argument("--rate", type=int, default=1000, help="tickets a second of the steady source")
    parser.add_argument("--latency-s", type=int, default=10, help="seconds of the steady source")
    parser.add_argument("--sources", type=int, default=1000, help="sources at once, one ticket a second each")
    parser.add_argument("--sources-s", type=int, default=10, help="for so many seconds")
    asked = parser.parse_args()  # a case of 0 is left out
    if asked.tickets:
        tell_one_source(asked.tickets)
    if asked.latency_s:
        tell_steady(asked.rate, asked.latency_s)
    if asked.sources_s:
        tell_many_sources(asked.sources, asked.sources_s)


if __name__ == "__main__":
    main()
