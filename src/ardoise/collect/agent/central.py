"""The central side: agents connect, prove who they are, and hand over the entries of their journals.

One port serves all sources of transport `agent` that name it. Nothing is acknowledged before it is on the disk here.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
import time
from contextlib import suppress
from datetime import datetime
from typing import Any, ClassVar, Final

from ardoise.collect.agent import wire
from ardoise.collect.agent.protected import rows_of
from ardoise.collect.agent.resuming import Mark, Resuming, instant, resuming
from ardoise.collect.commits import Commits
from ardoise.collect.links import BadLink
from ardoise.collect.receive import Receiver, peer_of
from ardoise.collect.waiting import Pauses, sleep
from ardoise.collect.wording import Said
from ardoise.store.journal import LARGEST_PAYLOAD_BYTES, Arrival, JournalDamaged, Kind, Position, ReceivedFile

HELLO_S: Final = 10.0
REFUSAL_S: Final = 1.0  # before the answer to a wrong token
STRANGERS_MAX: Final = 64
STRANGER_S: Final = 600.0
LARGEST_BLOB_BYTES: Final = 2**30
UNMARKED_MAX: Final = 2 * wire.GROUP_ENTRIES


class AgentReceiver(Receiver):
    """What the agent of one site forwards. `Journal`s of the site and of the centre hold the same entries."""

    listens: ClassVar[bool] = True

    serving: asyncio.Task[None] | None = None

    async def run(self, stop: asyncio.Event) -> None:
        hub = Hub.of(self.feed.host, self.feed.port)
        pauses, said = Pauses(), ""
        while not stop.is_set():
            try:
                self.bound_port = await hub.join(self)
            except (OSError, ssl.SSLError, BadLink) as error:
                why = Said("cannot_listen", host=self.feed.host or "*", port=self.feed.port, why=str(error))
                if why != said:
                    self.say("alarm", why)
                said = why
                await sleep(pauses.next(), stop)
                continue
            try:
                self.say("event", f"Waiting for the agent on port {self.bound_port}")
                await stop.wait()
            finally:
                await hub.leave(self)

    def now(self) -> datetime:
        return self._clock()

    def stranger(self, peer: str) -> None:
        """Somebody came with another token: said now and then, not at each attempt."""
        now_s = time.monotonic()
        if now_s - self._stranger_s >= STRANGER_S:
            self._stranger_s = now_s
            self.say("alarm", Said("wrong_token", peer=peer))

    _stranger_s = -STRANGER_S

    def certificate(self) -> ssl.SSLContext:
        """The server's side of TLS. Raises OSError, SSLError."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.feed.link.text("certificate"), self.feed.link.text("key"))
        return context

    async def welcome(self, hello: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one agent to its end; one that connects again takes the place of its dead connection."""
        if self.serving is not None:
            self.serving.cancel()
            with suppress(asyncio.CancelledError):
                await self.serving
        self.serving = asyncio.current_task()
        try:
            await _Transfer(self, self._commits, hello["journal"], reader, writer).run()
        finally:
            if self.serving is asyncio.current_task():
                self.serving = None


class _Transfer:
    """One connection of an agent."""

    def __init__(
        self,
        receiver: AgentReceiver,
        commits: Commits,
        agent_journal: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._receiver, self._commits, self._agent_journal = receiver, commits, agent_journal
        self._source = receiver.feed.source
        self._reader, self._writer = reader, writer
        self._resuming = Resuming()
        self._unmarked = 0
        self._blob = bytearray()
        self._told: list[list[str]] | None = None  # the protected extensions that the agent knows
        self._never = asyncio.Event()

    async def run(self) -> None:
        """Until the agent hangs up. Raises Garbled, OSError, EOFError, TimeoutError."""
        if not await self._receiver.on_disk():
            self._send({"refused": "the disk of the central collector takes nothing now: try again"})
            return
        journal = self._commits.writer(self._source).journal
        try:
            self._resuming = await asyncio.to_thread(resuming, journal, self._agent_journal)
        except JournalDamaged as damage:  # where to go on cannot be told: taking all of it again would double calls
            self._receiver.say("alarm", Said("journal", text=str(damage)))
            self._send({"refused": "the journal of the central collector is damaged: restore it from a backup"})
            return
        self._send({"resume": self._resuming.after, **self._news()})
        while True:
            await self._commits.room(self._source, self._never)
            head, body = await wire.receive(self._reader)
            try:
                await self._heed(head, body)
            except (ValueError, KeyError, TypeError) as error:
                raise wire.Garbled(f"{sorted(head)}: {error!r}") from error
            await self._writer.drain()

    async def _heed(self, head: dict[str, Any], body: bytes) -> None:
        if "entry" in head:
            self._entry(head, body)
        elif "blob" in head:
            await self._piece(head, body)
        elif "mark" in head:
            await self._mark(str(Position.parse(str(head["mark"]))))
        elif "ping" in head:
            self._send({"pong": 1, **self._news()})
        else:
            raise wire.Garbled("a message of another kind")

    def _entry(self, head: dict[str, Any], body: bytes) -> None:
        arrival = _arrival(head, body)
        self._unmarked += 1
        if self._unmarked > UNMARKED_MAX:
            raise wire.Garbled(f"more than {UNMARKED_MAX} entries without a mark")
        if arrival.kind is Kind.FILE:
            self._check_blob(arrival)
        if not self._resuming.is_here(arrival):
            self._commits.put(self._source, arrival)

    def _check_blob(self, arrival: Arrival) -> None:
        assert self._receiver.feed.blobs is not None
        said = ReceivedFile.of_payload(arrival.payload)
        if not self._receiver.feed.blobs.holds(said.digest):
            raise wire.Garbled(f"the entry of {said.name} came before its content")

    async def _piece(self, head: dict[str, Any], body: bytes) -> None:
        self._blob += body
        if len(self._blob) > LARGEST_BLOB_BYTES:
            raise wire.Garbled("a file of more than a gigabyte")
        if not head.get("last"):
            return
        data, self._blob = bytes(self._blob), bytearray()
        if hashlib.sha256(data).hexdigest() != head["blob"]:
            raise wire.Garbled("a file arrived damaged")
        assert self._receiver.feed.blobs is not None
        await asyncio.to_thread(self._receiver.feed.blobs.put, data)

    async def _mark(self, after: str) -> None:
        """Acknowledge once everything, and the mark that says so, is on the disk; a full disk acknowledges nothing."""
        self._commits.put(
            self._source,
            Arrival(self._receiver.now(), 0, Kind.MARK, Mark(self._agent_journal, after).payload()),
        )
        while not await self._receiver.on_disk():
            pass  # the agent's patience is longer; its entries stay in its journal in any case
        self._unmarked = 0
        self._send({"ack": after, **self._news()})

    def _news(self) -> dict[str, Any]:
        """The protected extensions, when the agent does not know them as they are now."""
        now = rows_of(self._receiver.protection)
        if now == self._told:
            return {}
        self._told = now
        return {"protected": now}

    def _send(self, head: dict[str, Any]) -> None:
        self._writer.write(wire.packed(head))


def _arrival(head: dict[str, Any], body: bytes) -> Arrival:
    try:
        kind = Kind(head["kind"])
        at, connection = instant(int(head["at_us"])), int(head["connection"])
    except OverflowError as error:
        raise wire.Garbled(f"an entry that says {error!r}") from error
    if kind is Kind.MARK or not 0 <= connection < 2**32 or len(body) > LARGEST_PAYLOAD_BYTES:
        raise wire.Garbled("an entry that no journal has")
    return Arrival(at, connection, kind, body)


class Hub:
    """One port for the agents of several sources."""

    _hubs: ClassVar[dict[tuple[str, int], Hub]] = {}

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._receivers: dict[str, AgentReceiver] = {}
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._joining = asyncio.Lock()

    @classmethod
    def of(cls, host: str, port: int) -> Hub:
        return cls._hubs.setdefault((host, port), cls(host, port))

    async def join(self, receiver: AgentReceiver) -> int:
        """Listen, with the certificate of the first source; returns the port. Raises OSError, SSLError, BadLink."""
        async with self._joining:
            if self._server is None:
                self._server = await asyncio.start_server(
                    self._accept, self._host or None, self._port, ssl=receiver.certificate(), limit=2**20
                )
            self._receivers[receiver.feed.source] = receiver
            return int(self._server.sockets[0].getsockname()[1])

    async def leave(self, receiver: AgentReceiver) -> None:
        """Hang up on the agent of this source; the last source that leaves closes the port."""
        async with self._joining:
            self._receivers.pop(receiver.feed.source, None)
            if receiver.serving is not None:
                receiver.serving.cancel()
            if not self._receivers and self._server is not None:
                self._server.close()
                self._server = None
                self._hubs.pop((self._host, self._port), None)
                for task in self._tasks:
                    task.cancel()
                if self._tasks:
                    await asyncio.wait(self._tasks)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) > STRANGERS_MAX + len(self._receivers):
                return
            await self._serve(reader, writer)
        except (wire.Garbled, OSError, EOFError, TimeoutError, asyncio.CancelledError):
            pass  # the agent comes back by itself, and nothing was acknowledged
        finally:
            self._tasks.discard(task)
            writer.close()
            with suppress(OSError, TimeoutError, ssl.SSLError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await wire.receive_hello(reader, within_s=HELLO_S)
        receiver = self._receivers.get(hello["source"])
        if receiver is None or not _is_token(receiver, hello["token"]):
            await asyncio.sleep(REFUSAL_S)
            writer.write(wire.packed({"refused": "no such source here, or another token"}))
            await writer.drain()
            if receiver is not None:
                receiver.stranger(peer_of(writer))
            return
        try:
            await receiver.welcome(hello, reader, writer)
        except wire.Garbled as error:
            receiver.say("alarm", Said("agent", peer=peer_of(writer), why=str(error)))
            raise


def _is_token(receiver: AgentReceiver, given: str) -> bool:
    try:
        token = receiver.feed.link.secret("token")
    except BadLink:
        return False
    return bool(token) and hmac.compare_digest(token.encode(), given.encode())
