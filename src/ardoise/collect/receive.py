"""Tickets from the network: bytes are cut into records, redacted, and appended to the journal. No database here.

A raw socket has no acknowledgement. What the kernel accepted and this process had not yet appended dies with it: the
window is one round of `Commits`, a tenth of a second. Everything later is safe: parsing is a replay of the journal.
When the disk is full nothing more is read, so that the PBX keeps its tickets (TCP back-pressure).
"""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ardoise.collect.redaction import Protection, Redactor
from ardoise.formats.spec import Format
from ardoise.store.journal import Arrival, Journal, JournalBroken, JournalBusy, JournalWriter, Kind

READ_BYTES = 64 * 1024
LARGEST_RECORD_BYTES = 64 * 1024  # what has no end by then is no record: it is journalled as it is
WAITING_BYTES_MAX = 1024 * 1024  # of one source, not yet on the disk: beyond, its sockets are no longer read
ROUND_S = 0.1  # at most ten rounds of fsync a second, for all sources together
UNFINISHED_S = 30.0  # a record that stays without an end this long is written as it is
CLIENTS_MAX = 16
DRAIN_S = 1.0  # at a stop, what the kernel already holds is still read
TICK_S = 0.5
RETRY_S = (1.0, 60.0)  # first and longest pause between two attempts

Clock = Callable[[], datetime]


class Notices(Protocol):
    """Where what we notice goes (connected, lost, port taken, disk full): it must not raise, nor wait."""

    def __call__(self, source: str, kind: str, text: str, at: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Feed:
    """What receiving must know of a source.

    `host` is, for a server, the address to listen on (empty = all); for a client, "host[:port]" of each controller of
    the PBX, comma separated, the first one preferred.
    """

    source: str
    format: Format
    options: Mapping[str, str]
    host: str
    port: int


class Commits:
    """Appends what arrived to the journals: one round for all sources, at most ten a second.

    A source that cannot be written keeps its arrivals, raises an alarm, and is tried again; its sockets wait.
    """

    def __init__(self, journals: Mapping[str, Journal], *, notice: Notices, clock: Clock) -> None:
        """Takes the lease of every source. Raises JournalBusy, JournalFull."""
        self._notice, self._clock = notice, clock
        self._journals = dict(journals)
        self._writers: dict[str, JournalWriter] = {}
        self._waiting: dict[str, list[Arrival]] = {source: [] for source in journals}
        self._bytes = dict.fromkeys(journals, 0)
        self._room = {source: asyncio.Event() for source in journals}
        self._work = asyncio.Event()
        self._failing: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(1, "journal")
        self.rounds = 0
        self.written = dict.fromkeys(journals, 0)  # entries on the disk, by source
        try:
            for source in journals:
                self._open(source)
                self._room[source].set()
        except BaseException:
            self.close()
            raise

    def writer(self, source: str) -> JournalWriter:
        return self._writers[source]

    def put(self, source: str, arrival: Arrival) -> None:
        """Hand over what arrived; `room` says when the next may be read."""
        self._waiting[source].append(arrival)
        self._bytes[source] += len(arrival.payload)
        if self._bytes[source] > WAITING_BYTES_MAX:
            self._room[source].clear()
        self._work.set()

    async def room(self, source: str, stop: asyncio.Event) -> None:
        """Wait until little enough of this source waits for the disk, or `stop`."""
        if not self._room[source].is_set():
            await _first_of(self._room[source], stop)

    def unwritten(self) -> dict[str, int]:
        """Bytes in memory that no disk holds, by source: what ending now would lose."""
        return {source: size for source, size in self._bytes.items() if size}

    async def run(self, stop: asyncio.Event) -> None:
        """Rounds of append and fsync until `stop`, then a last one."""
        while not stop.is_set():
            await _first_of(self._work, stop)
            if not await self.flush():
                await _sleep(RETRY_S[0], stop)
            await _sleep(ROUND_S, stop)

    async def flush(self) -> bool:
        """One round: everything handed over is on the disk when it returns True."""
        self._work.clear()
        groups = {source: arrivals for source, arrivals in self._waiting.items() if arrivals}
        if not groups:
            return True
        for source in groups:
            self._waiting[source] = []
        self.rounds += 1
        failed = await asyncio.get_running_loop().run_in_executor(self._thread, self._append, groups)
        for source, arrivals in groups.items():
            if source in failed:
                self._waiting[source] = arrivals + self._waiting[source]
                self._room[source].clear()  # stop reading at once: the PBX keeps what it has
            else:
                self.written[source] += len(arrivals)
                self._bytes[source] -= sum(len(arrival.payload) for arrival in arrivals)
                if self._bytes[source] <= WAITING_BYTES_MAX:
                    self._room[source].set()
            self._tell(source, failed.get(source, ""))
        if failed:
            self._work.set()
        return not failed

    def close(self) -> None:
        """Give the leases back."""
        self._thread.shutdown()
        for writer in self._writers.values():
            writer.close()

    def _append(self, groups: Mapping[str, Sequence[Arrival]]) -> dict[str, str]:
        """Append each group; the sources that failed, and why."""
        failed: dict[str, str] = {}
        for source, arrivals in groups.items():
            try:
                self._writers[source].append(arrivals)
            except (OSError, JournalBroken) as error:
                failed[source] = str(error)
                if isinstance(error, JournalBroken):
                    self._reopen(source)
        return failed

    def _open(self, source: str) -> None:
        writer = self._writers[source] = _leased(self._journals[source])
        for found in (writer.torn, writer.damage):
            if found is not None:
                self._notice(source, "alarm", f"Journal: {found}", self._clock())

    def _reopen(self, source: str) -> None:
        """After a failure of the disk only opening again tells what it holds."""
        self._writers[source].close()
        with suppress(OSError, RuntimeError):  # still failing: the next round says so again
            self._open(source)

    def _tell(self, source: str, why: str) -> None:
        """An alarm when it begins to fail, an event when it works again; not one a second."""
        before = self._failing.pop(source, "")
        if why:
            self._failing[source] = why
            if not before:
                self._notice(source, "alarm", f"Reception stopped, the PBX keeps its tickets: {why}", self._clock())
        elif before:
            self._notice(source, "event", "The journal can be written again: reception goes on", self._clock())


class Stream:
    """One connection: holds the unfinished record only, journals whole ones."""

    def __init__(
        self, feed: Feed, commits: Commits, protection: Callable[[], Protection], *, number: int, clock: Clock
    ) -> None:
        self._feed, self._commits, self._number, self._clock = feed, commits, number, clock
        self._redactor = Redactor(feed.format, feed.options, protection)
        self._held = b""  # the unfinished record
        self._written = 0  # how many of its first bytes are already in the journal
        self._held_at = clock()
        self._held_since = time.monotonic()
        self.bytes = 0

    def opened(self, peer: str) -> None:
        self._put(Kind.CONNECT, peer.encode(), self._clock())

    def received(self, data: bytes) -> None:
        """Journal the records that are whole now."""
        now = self._clock()
        self.bytes += len(data)
        if not self._held:
            self._held_at = now
        records, rest = self._feed.format.frame(self._held + data, final=False)
        if records:
            block = b"".join(self._redactor.whole(record, arrived_at=now) for record in records)
            self._put(Kind.BYTES, block[self._written :], now)
            self._written, self._held_at = 0, now
        self._held, self._held_since = rest, time.monotonic()
        if len(rest) - self._written > LARGEST_RECORD_BYTES:
            self._write_unfinished()
            self._held, self._written = b"", 0  # noise without end: nothing to put together any more

    def tick(self) -> None:
        """Write a record that stays unfinished; its end, if it comes, follows in the journal."""
        if len(self._held) > self._written and time.monotonic() - self._held_since >= UNFINISHED_S:
            self._write_unfinished()

    def closed(self, why: str) -> None:
        if len(self._held) > self._written:
            self._write_unfinished()
        self._put(Kind.DISCONNECT, why.encode(), self._clock())

    def _write_unfinished(self) -> None:
        piece = self._redactor.unfinished(self._held, arrived_at=self._held_at)
        self._put(Kind.BYTES, piece[self._written :], self._held_at)
        self._written = len(self._held)

    def _put(self, kind: Kind, payload: bytes, at: datetime) -> None:
        self._commits.put(self._feed.source, Arrival(at, self._number, kind, payload))


class Receiver:
    """The streams of one source, either way of connecting. `run` ends with `stop`, leaving nothing in memory."""

    def __init__(self, feed: Feed, commits: Commits, *, notice: Notices, clock: Clock) -> None:
        self.feed = feed
        self.protection = Protection()  # refreshed by the service
        self.bound_port: int | None = None  # of a server, once it listens
        self._commits, self._notice, self._clock = commits, notice, clock
        self._connections = 0
        self.open_streams: set[Stream] = set()

    async def run(self, stop: asyncio.Event) -> None:
        raise NotImplementedError

    def say(self, kind: str, text: str) -> None:
        self._notice(self.feed.source, kind, text, self._clock())

    def begin(self) -> None:
        """Say in the journal that connections of an earlier process are over (it may have been killed)."""
        self._commits.put(
            self.feed.source,
            Arrival(self._clock(), 0, Kind.DISCONNECT, b"collector started: earlier connections are over"),
        )

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> int:
        """Read one connection to its end; returns the bytes received."""
        self._connections += 1
        stream = Stream(self.feed, self._commits, lambda: self.protection, number=self._connections, clock=self._clock)
        stream.opened(_peer(writer))
        _keep_alive(writer)
        self.open_streams.add(stream)
        why = "stopped by us"
        try:
            why = await self._read(stream, reader, stop)
        finally:
            stream.closed(why)
            self.open_streams.discard(stream)
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)
        return stream.bytes

    async def _read(self, stream: Stream, reader: asyncio.StreamReader, stop: asyncio.Event) -> str:
        """Read until the other side ends, or `stop`: then only what already came. Returns why it ended."""
        drained_at = 0.0
        while True:
            await self._commits.room(self.feed.source, stop)
            if stop.is_set():
                drained_at = drained_at or time.monotonic() + DRAIN_S
                if time.monotonic() > drained_at:
                    return "stopped by us"
            try:
                async with asyncio.timeout(DRAIN_S / 20 if stop.is_set() else TICK_S):
                    data = await reader.read(READ_BYTES)  # cancelled by the timeout, it loses nothing
            except TimeoutError:
                if drained_at:
                    return "stopped by us"
                stream.tick()
                continue
            except OSError as error:
                return f"connection lost: {error.strerror or error}"
            if not data:
                return "closed by the other side"
            stream.received(data)


class Listener(Receiver):
    """The PBX connects to us (Avaya IP Office in send mode); several clients at once."""

    async def run(self, stop: asyncio.Event) -> None:
        self.begin()
        server = await self._listen(stop)
        if server is None:
            return
        self._tasks: set[asyncio.Task[int]] = set()
        async with server:
            self.bound_port = server.sockets[0].getsockname()[1]
            self.say("event", f"Listening on port {self.bound_port}")
            await stop.wait()
            server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self, stop: asyncio.Event) -> asyncio.Server | None:
        """Bind, trying again while the port is taken."""
        pauses = _Pauses()
        said = ""
        while not stop.is_set():
            try:
                return await asyncio.start_server(
                    lambda reader, writer: self._accept(reader, writer, stop),
                    self.feed.host or None,
                    self.feed.port,
                    limit=READ_BYTES,
                    family=socket.AF_INET if not self.feed.host else socket.AF_UNSPEC,
                )
            except OSError as error:
                why = _why_not_listening(error, self.feed)
                if why != said:
                    self.say("alarm", why)
                said = why
                await _sleep(pauses.next(), stop)
        return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        if len(self.open_streams) >= CLIENTS_MAX:
            self.say("alarm", f"{_peer(writer)} was refused: {CLIENTS_MAX} clients are already connected")
            writer.close()
            return
        task = asyncio.create_task(self.take(reader, writer, stop))
        self._tasks.add(task)
        await asyncio.wait({task})
        self._tasks.discard(task)
        if (error := task.exception()) is not None:
            self.say("alarm", f"The connection of {_peer(writer)} was ended by an error of ours: {error!r}")


class Dialer(Receiver):
    """We connect to the PBX (Mitel 3300, port 1752); its controllers are tried in turn, the first one preferred."""

    async def run(self, stop: asyncio.Event) -> None:
        self.begin()
        pauses = _Pauses()
        said = ""
        while not stop.is_set():
            connection, why = await self._connect()
            if connection is not None:
                said = ""
                # A PBX that accepts and hangs up at once is not worth a faster attempt.
                if await self.take(*connection, stop) > 0:
                    pauses = _Pauses()
            elif why != said:
                self.say("alarm", why)
                said = why
            await _sleep(pauses.next(), stop)

    async def _connect(self) -> tuple[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None, str]:
        whys = []
        for host, port in addresses(self.feed.host, self.feed.port):
            try:
                return await asyncio.wait_for(asyncio.open_connection(host, port, limit=READ_BYTES), 10), ""
            except (OSError, TimeoutError) as error:
                whys.append(_why_not_connected(error, host, port))
        return None, "; ".join(whys)


def addresses(hosts: str, port: int) -> list[tuple[str, int]]:
    """Read "10.0.0.1, 10.0.0.2:1753": each host with its port, or the common one. IPv6 in brackets."""
    found = []
    for text in (part.strip() for part in hosts.split(",")):
        host, colon, own = text.rpartition(":")
        if colon and own.isdecimal() and (":" not in host or host.startswith("[")):
            found.append((host.strip("[]"), int(own)))
        elif text:
            found.append((text.strip("[]"), port))
    return found


class _Pauses:
    """1 s, 2 s, 4 s ... one minute, each with jitter so that many sources do not call together."""

    def __init__(self) -> None:
        self._next_s = RETRY_S[0]

    def next(self) -> float:
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, RETRY_S[1])
        return pause_s * random.uniform(0.8, 1.2)


def _why_not_listening(error: OSError, feed: Feed) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {feed.port} is already used by another program on this machine: "
            "stop it, or give this source another port"
        )
    if error.errno == errno.EACCES:
        return f"Port {feed.port} needs administrator rights: choose one above 1023, in the PBX too"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{feed.host} is not an address of this machine: leave the host of this source empty to listen on all"
    return f"Cannot listen on {feed.host or 'all addresses'}, port {feed.port}: {error.strerror or error}"


def _why_not_connected(error: OSError | TimeoutError, host: str, port: int) -> str:
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refuses port {port}: is SMDR switched on in the PBX, and the port right?"
    if isinstance(error, TimeoutError):
        return f"{host} does not answer on port {port}: check the address, the network and the firewalls"
    if isinstance(error, socket.gaierror):
        return f"{host} is not a known name: check the host of this source"
    return f"{host} port {port} cannot be reached: {error.strerror or error}"


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """A link without tickets looks dead to firewalls, and a dead one looks alive to us: probe after 30 s of silence."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else "unknown"


def _leased(journal: Journal) -> JournalWriter:
    """Take the lease; a look of `collect status` may hold it for an instant. Raises JournalBusy."""
    for _ in range(2):
        try:
            return journal.writer()
        except JournalBusy:
            time.sleep(0.05)
    return journal.writer()


async def _first_of(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not through `stop`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
