"""Tickets from the network: bytes are cut into records, redacted, and appended to the journal. No database here.

A transport that acknowledges answers after `Commits.on_disk` only. A raw socket has no acknowledgement: what the kernel
accepted and this process had not yet appended dies with it; the window is one round of `Commits`, a tenth of a second.
Everything later is safe: parsing is a replay of the journal. When the disk is full nothing more is read, so that the
PBX keeps its tickets (TCP back-pressure).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from ardoise.collect.commits import Clock, Commits, Notices
from ardoise.collect.files import redacted
from ardoise.collect.links import Link
from ardoise.collect.redaction import Protection, Redactor
from ardoise.formats.spec import Conversation, Format, Refused, TalkingFormat, Turn
from ardoise.store.blobs import Blobs
from ardoise.store.journal import Arrival, Kind, ReceivedFile

READ_BYTES = 64 * 1024
LARGEST_RECORD_BYTES = 64 * 1024  # what has no end by then is no record: it is journalled as it is
UNFINISHED_S = 30.0  # a record that stays without an end this long is written as it is
DRAIN_S = 1.0  # at a stop, what the kernel already holds is still read
TICK_S = 0.5


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
    link: Link = field(default_factory=lambda: Link("", {}))
    folder: Path = field(default_factory=Path)  # of the source's files
    pattern: str = "*"
    zone: str = "UTC"  # of the times the sender prints
    blobs: Blobs | None = None  # where whole deliveries are kept


class Stream:
    """One connection: holds the unfinished record only, journals whole ones."""

    def __init__(
        self, feed: Feed, commits: Commits, protection: Callable[[], Protection], *, number: int, clock: Clock
    ) -> None:
        """Raises BadLink (the login of a conversation)."""
        self.talk: Conversation | None = None
        if isinstance(feed.format, TalkingFormat):
            self.talk = feed.format.conversation(feed.options, feed.link.login())
        self._feed, self._commits, self._number, self._clock = feed, commits, number, clock
        self._redactor = Redactor(feed.format, feed.options, protection)
        self._held = b""  # the unfinished record
        self._written = 0  # how many of its first bytes are already in the journal
        self._held_at = clock()
        self._held_since = time.monotonic()
        self.bytes = 0
        self._heard_at = time.monotonic()

    def opened(self, peer: str) -> bytes:
        """Returns what to send first."""
        self._put(Kind.CONNECT, peer.encode(), self._clock())
        return self.talk.opened() if self.talk else b""

    def received(self, data: bytes) -> Turn:
        """Take what came; returns what to answer. Raises Refused."""
        self.bytes += len(data)
        self._heard_at = time.monotonic()
        turn = self.talk.received(data) if self.talk else Turn(tickets=data)
        if turn.tickets:
            self._tickets(turn.tickets)
        return turn

    def is_served(self) -> bool:
        """Whether this connection was worth opening: tickets came, or may come."""
        return self.talk.established if self.talk else self.bytes > 0

    def silence(self) -> str:
        """What it means that nothing came for so long; "" as long as that is usual."""
        patience = self.talk.silence() if self.talk else None
        if patience is None or time.monotonic() - self._heard_at < patience[0]:
            return ""
        return patience[1]

    def meaning_of_end(self) -> str:
        return self.talk.ended() if self.talk else ""

    def _tickets(self, data: bytes) -> None:
        """Journal the records that are whole now."""
        now = self._clock()
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


@dataclass(frozen=True, slots=True)
class Ended:
    """How a connection ended: in words, whether it was worth opening, and the bytes that came."""

    why: str
    served: bool
    bytes: int


class Receiver:
    """What one source receives, by one transport. `run` ends with `stop`, leaving nothing in memory.

    Three ways to hand over: `take` a connection (records as they come), `post` a message (a datagram, a posted body),
    `deliver` a whole file (all of it, or nothing). What has an acknowledgement waits for `on_disk` before it.
    """

    listens: ClassVar[bool] = False  # `bound_port` tells when it does

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

    def post(self, data: bytes) -> None:
        """Hand over one message that is whole by itself; the journal knows it by connection 0."""
        now = self._clock()
        self._commits.put(self.feed.source, Arrival(now, 0, Kind.BYTES, self._redacted(data, now)))

    async def deliver(self, name: str, data: bytes) -> None:
        """Hand over a whole file, page or export: one blob, one entry. Raises BlobsFull, OSError."""
        assert self.feed.blobs is not None
        now = self._clock()
        content = self._redacted(data, now)
        digest = await asyncio.to_thread(self.feed.blobs.put, content)
        received = ReceivedFile(digest=digest, name=name, size_bytes=len(content))
        self._commits.put(self.feed.source, Arrival(now, 0, Kind.FILE, received.payload()))

    async def on_disk(self) -> bool:
        """Whether all that was handed over so far may be acknowledged."""
        return await self._commits.on_disk(self.feed.source)

    def _redacted(self, data: bytes, now: datetime) -> bytes:
        redactor = Redactor(self.feed.format, self.feed.options, lambda: self.protection)
        return redacted(data, self.feed.format, redactor, arrived_at=now)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> Ended:
        """Read one connection to its end. Raises BadLink before anything is read."""
        stream = Stream(
            self.feed, self._commits, lambda: self.protection, number=self._connections + 1, clock=self._clock
        )
        self._connections += 1
        _keep_alive(writer)
        self.open_streams.add(stream)
        why = "stopped by us"
        try:
            writer.write(stream.opened(peer_of(writer)))
            why = await self._read(stream, reader, writer, stop)
        except Refused as refusal:
            why = str(refusal)
            return Ended(why, served=False, bytes=stream.bytes)
        finally:
            stream.closed(why)
            self.open_streams.discard(stream)
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)
        return Ended(why, stream.is_served(), stream.bytes)

    async def _read(
        self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
    ) -> str:
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
                if why := stream.silence():
                    return why
                continue
            except OSError as error:
                return f"connection lost: {error.strerror or error}"
            if not data:
                return stream.meaning_of_end() or "closed by the other side"
            await self._answer(stream.received(data), writer)

    async def _answer(self, turn: Turn, writer: asyncio.StreamWriter) -> None:
        """Say what the conversation wants said; an acknowledgement only once its tickets are on the disk."""
        if turn.note:
            self.say("event", turn.note)
        if turn.send:
            writer.write(turn.send)
        if turn.send_once_written and await self.on_disk():
            writer.write(turn.send_once_written)


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """A link without tickets looks dead to firewalls, and a dead one looks alive to us: probe after 30 s of silence."""
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def peer_of(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return f"{name[0]}:{name[1]}" if name else "unknown"
