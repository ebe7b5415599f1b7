"""The site's side: what stands in the journals here is forwarded to the central collector, in its order, once.

It reads the journals that the collector of this machine writes, whether that one runs or not. The central collector
says at each connection what it holds; nothing here needs to remember it, a status file is for people.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from ardoise.collect.agent import protected, wire
from ardoise.collect.agent.resuming import microseconds
from ardoise.collect.agent.settings import AgentSettings
from ardoise.collect.links import BadLink
from ardoise.collect.waiting import Pauses, sleep
from ardoise.store.blobs import BlobDamaged, BlobMissing, Blobs
from ardoise.store.disk import make_folder, write_once
from ardoise.store.journal import BadPosition, Entry, Journal, JournalDamaged, Kind, Position, ReceivedFile

POLL_S: Final = 0.3  # between two looks at a journal that has nothing new
CONNECT_S: Final = 15.0
LONG_SERVED_S: Final = 30.0  # a connection that lasted so long is worth a fast next attempt

Said = Callable[[str, str, str], None]  # source, kind, text


class Refused(RuntimeError):
    """The central collector does not take from us; the message is its own."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the forwarding of one source stands. Instants are texts (ISO, UTC), "" = never."""

    source: str
    central: str = ""
    acked: str = ""  # everything before this position of the journal is on the central disk
    acked_at: str = ""
    connected_at: str = ""  # "" = not connected now
    error: str = ""  # why not

    @classmethod
    def load(cls, home: Path, source: str) -> Status:
        try:
            return cls(**json.loads(_status_file(home, source).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls(source)

    def save(self, home: Path) -> None:
        """Whole or not at all; it is only for people, so it need not survive a crash."""
        path = _status_file(home, self.source)
        make_folder(path.parent)
        beside = path.with_suffix(".part")
        beside.write_text(json.dumps(asdict(self)), encoding="utf-8")
        beside.replace(path)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the central collector has not acknowledged."""

    entries: int
    bytes: int
    since: datetime | None  # arrival of the first one


def waiting(journal: Journal, acked: str) -> Waiting:
    """Counted in the journal. Raises JournalDamaged, BadPosition."""
    entries = size = 0
    since = None
    for entry in journal.read(Position.parse(acked) if acked else None):
        if entry.kind is not Kind.MARK:
            entries, size, since = entries + 1, size + len(entry.payload), since or entry.arrived_at
    return Waiting(entries, size, since)


class Pusher:
    """Forwards one source, for ever: connects, asks where to go on, sends, waits for the acknowledgement."""

    def __init__(self, home: Path, source: str, settings: AgentSettings, *, said: Said) -> None:
        self.source, self._home, self._settings, self._said = source, home, settings, said
        self._journal = Journal(home / "journal", source)
        self._blobs = Blobs(home / "blobs")
        self._status = replace(Status.load(home, source), central=f"{settings.host}:{settings.port}", connected_at="")
        self.protection_known = asyncio.Event()  # the central list of protected extensions is here: receiving may begin
        if protected.file_of(home, source).exists():
            self.protection_known.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; what is not acknowledged by then stays in the journal."""
        pauses = Pauses()
        while not stop.is_set():
            began = time.monotonic()
            why = await self._connection(stop)
            if stop.is_set():
                break
            if time.monotonic() - began > LONG_SERVED_S:
                pauses = Pauses()
            if why != self._status.error:
                self._said(self.source, "alarm", why)
            self._note(connected_at="", error=why)
            await sleep(pauses.next(), stop)
        self._note(connected_at="", error="stopped")

    async def _connection(self, stop: asyncio.Event) -> str:
        """One connection to its end; returns why it ended."""
        writer: asyncio.StreamWriter | None = None
        try:
            settings = self._settings
            token = settings.token(self.source)
            reader, opened = await asyncio.wait_for(
                asyncio.open_connection(
                    settings.host,
                    settings.port,
                    ssl=settings.context(),
                    server_hostname=settings.server_name or settings.host,
                    limit=2**20,
                ),
                CONNECT_S,
            )
            writer = opened
            settings.check(opened.get_extra_info("ssl_object").getpeercert(binary_form=True))
            await self._session(reader, opened, token, stop)
        except (BadLink, BadPosition, BlobMissing, BlobDamaged, Refused) as error:
            return str(error)
        except wire.Garbled as error:
            return f"The central collector answers something else: {error}"
        except EOFError:
            return "The central collector hung up"
        except TimeoutError:
            return "The central collector does not answer"
        except (OSError, ssl.SSLError) as error:
            return f"The central collector cannot be reached: {error.strerror or error}"
        finally:
            if writer is not None:
                writer.close()
                with suppress(OSError, TimeoutError, ssl.SSLError):
                    await asyncio.wait_for(writer.wait_closed(), 1)
        return ""

    async def _session(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, stop: asyncio.Event
    ) -> None:
        hello = {"hello": 1, "source": self.source, "token": token, "journal": journal_id(self._journal)}
        writer.write(wire.packed(hello))
        welcome, _ = await wire.receive(reader)
        if "refused" in welcome:
            raise Refused(str(welcome["refused"]))
        self._heed(welcome)
        position = Position.parse(welcome["resume"]) if welcome["resume"] else None
        self._note(connected_at=_now(), acked=welcome["resume"], error="")
        self._said(self.source, "event", f"Connected to {self._status.central}")
        spoke_at = time.monotonic()
        while not stop.is_set():
            entries, after = await asyncio.to_thread(self._group, position)
            if after is not None and after != position:
                await self._send(entries, after, reader, writer)
                position, spoke_at = after, time.monotonic()
                self._note(acked=str(after), acked_at=_now())
            elif time.monotonic() - spoke_at >= wire.PING_S:
                writer.write(wire.packed({"ping": 1}))
                self._heed((await wire.receive(reader))[0])
                spoke_at = time.monotonic()
            else:
                await sleep(POLL_S, stop)

    async def _send(
        self,
        entries: Sequence[Entry],
        after: Position,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """A group, its mark, and its acknowledgement."""
        for entry in entries:
            if entry.kind is Kind.FILE:
                await self._send_file(ReceivedFile.of(entry), writer)
            head = {
                "entry": str(entry.position),
                "at_us": microseconds(entry.arrived_at),
                "connection": entry.connection,
                "kind": int(entry.kind),
            }
            writer.write(wire.packed(head, entry.payload))
            await writer.drain()
        writer.write(wire.packed({"mark": str(after)}))
        await writer.drain()
        answer, _ = await wire.receive(reader)
        if answer.get("ack") != str(after):
            raise wire.Garbled(f"it acknowledges {answer.get('ack')!r}, not {after}")
        self._heed(answer)

    async def _send_file(self, received: ReceivedFile, writer: asyncio.StreamWriter) -> None:
        data = await asyncio.to_thread(self._blobs.get, received.digest)
        starts = range(0, max(1, len(data)), wire.BLOB_PIECE_BYTES)
        for start in starts:
            head = {"blob": received.digest, "last": start == starts[-1]}
            writer.write(wire.packed(head, data[start : start + wire.BLOB_PIECE_BYTES]))
            await writer.drain()

    def _group(self, position: Position | None) -> tuple[list[Entry], Position | None]:
        """The next entries to send and where they end. Raises BadPosition."""
        entries: list[Entry] = []
        after, size = position, 0
        if not self._has_more(position):
            return entries, after
        try:
            for entry in self._journal.read(position):
                after = entry.after
                if entry.kind is not Kind.MARK:
                    entries.append(entry)
                    size += len(entry.payload)
                if len(entries) >= wire.GROUP_ENTRIES or size >= wire.GROUP_BYTES:
                    break
        except JournalDamaged as damage:
            if not entries:
                self._said(self.source, "alarm", str(damage))
                after = damage.resume
        except BadPosition as error:
            raise BadPosition(
                f"{error}; the central collector holds more than this journal does: was the disk of this machine "
                f"restored? Remove {self._journal.folder / ID_FILE} to begin a new journal, then start again"
            ) from error
        return entries, after

    def _has_more(self, position: Position | None) -> bool:
        """Without opening anything: whether the journal grew."""
        if position is None:
            return bool(self._journal.segments())
        try:
            size = self._journal.path(position.segment).stat().st_size
        except FileNotFoundError:
            return True  # reading says what is wrong
        return size != position.offset or self._journal.path(position.segment + 1).exists()

    def _heed(self, head: dict[str, Any]) -> None:
        """Keep the list of protected extensions: their numbers are blanked here, before this disk."""
        if (rows := head.get("protected")) is not None:
            protected.keep(self._home, self.source, rows)
            self.protection_known.set()

    def _note(self, **changes: str) -> None:
        before, self._status = self._status, replace(self._status, **changes)
        if self._status != before:
            with suppress(OSError):  # a full disk: the journal says so where it matters
                self._status.save(self._home)


ID_FILE: Final = "journal.id"


def journal_id(journal: Journal) -> str:
    """What tells this journal from one that another machine, or this one before, kept for the same source."""
    path = journal.folder / ID_FILE
    with suppress(FileNotFoundError):
        return path.read_text(encoding="ascii")
    make_folder(journal.folder)
    write_once(path, uuid4().hex.encode())
    return path.read_text(encoding="ascii")


def _status_file(home: Path, source: str) -> Path:
    return home / "agent" / f"{source}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
