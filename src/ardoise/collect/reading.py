"""From journal entries to readings: cut records, keep the unfinished one, tell a replay. A replay of this is exact.

No database here: what must survive between two batches is `Cutter.state()`, plain JSON.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ardoise.core.usage import Event, Reading, Unreadable, said_by
from ardoise.formats.spec import Format, Reader
from ardoise.store.blobs import Blobs
from ardoise.store.journal import Entry, Kind, Position, ReceivedFile

# Entries re-read after a start, their readings ignored, so that a format's reader knows what it knew: so many at most,
# and, but for the last one, of so many bytes together.
WARM_ENTRIES, WARM_BYTES = 64, 64 * 1024
CONTENT_BYTES = 16  # of the hash of a line
TAIL_TICKETS = 4096  # a PBX keeps 500 to 3000 tickets: no replayed block is longer
LONGEST_CARRY_BYTES = 256 * 1024


@dataclass(slots=True)  # not frozen: one is made for each ticket, and frozen ones are twice as slow to make
class Ticket:
    """One record of the journal and what its format reads in it. `raw` is as journalled, so already redacted."""

    ticket_id: str
    raw: bytes
    arrived_at: datetime
    reading: Reading
    connection: int = 0
    file: str = ""  # name of the file it came in
    line_number: int | None = None  # in that file
    cut: bool = False  # the connection ended before its terminator


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to the source between two tickets."""

    at_position: str
    kind: str  # connected | lost | alarm
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileBegin:
    """A whole file: the tickets that follow, up to FileEnd, are one delivery."""

    received: ReceivedFile
    position: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FileEnd:
    received: ReceivedFile
    at: datetime
    tickets: int


@dataclass(frozen=True, slots=True)
class Connected:
    connection: int


Step = Ticket | Notice | FileBegin | FileEnd | Connected


@dataclass(slots=True)
class _Carry:
    """The beginning of a record whose end has not come."""

    ticket_id: str
    raw: bytes
    arrived_at: datetime


class Cutter:
    """Feeds a source's journal entries, in order, to its format; gives the steps they mean."""

    def __init__(self, format: Format, options: Mapping[str, str], blobs: Blobs, state: Mapping[str, Any]) -> None:
        """`state` is what `state()` gave, {} at the beginning. Raises BadOption."""
        self._format, self._options, self._blobs = format, options, blobs
        self._new_reader: Callable[[], Reader] = lambda: format.reader(options)
        self._new_reader()  # wrong options are refused here, not in the middle of a file
        self._readers: dict[int, Reader] = {}
        self._carries = {
            int(connection): _Carry(said["id"], said["raw"].encode("latin-1"), datetime.fromisoformat(said["at"]))
            for connection, said in state.get("carries", {}).items()
        }
        self.open_connections: dict[int, str] = {int(c): peer for c, peer in state.get("open", {}).items()}
        self._warm: deque[tuple[Position, int]] = deque((Position.parse(p), 0) for p in state.get("warm", []))

    @property
    def warm_from(self) -> Position | None:
        """Where to start reading the journal, before the position reached, to warm the readers up."""
        return self._warm[0][0] if self._warm else None

    def state(self) -> dict[str, Any]:
        return {
            "carries": {
                str(connection): {"id": c.ticket_id, "raw": c.raw.decode("latin-1"), "at": c.arrived_at.isoformat()}
                for connection, c in self._carries.items()
            },
            "open": {str(connection): peer for connection, peer in self.open_connections.items()},
            "warm": [str(position) for position, _ in self._warm],
        }

    def recent(self) -> list[Position]:
        """Where some of the last entries stand."""
        return [position for position, _ in self._warm]

    def forget_warm(self) -> None:
        """The entries before cannot be read again."""
        self._warm.clear()

    def warm_up(self, entry: Entry) -> None:
        """Feed an entry that was already counted: only the reader's memory matters."""
        if entry.kind is Kind.BYTES:
            records, _ = self._format.frame(entry.payload, final=True)
            reader = self._reader(entry.connection)
            for record in records:
                _read(reader, record)
        elif entry.kind is Kind.CONNECT:
            self._readers.pop(entry.connection, None)

    def steps(self, entry: Entry) -> Iterator[Step]:
        """What an entry means. A file's tickets come between FileBegin and FileEnd."""
        match entry.kind:
            case Kind.BYTES:
                self._keep_warm(entry)
                yield from self._bytes(entry)
            case Kind.FILE:
                yield from self._file(entry)
            case Kind.CONNECT:
                peer = entry.payload.decode(errors="replace")
                self._readers.pop(entry.connection, None)
                self.open_connections[entry.connection] = peer
                yield Notice(str(entry.position), "connected", peer, entry.arrived_at)
                yield Connected(entry.connection)
            case Kind.DISCONNECT:
                yield from self._over(entry)

    def _keep_warm(self, entry: Entry) -> None:
        self._warm.append((entry.position, len(entry.payload)))
        while len(self._warm) > 1 and (
            len(self._warm) > WARM_ENTRIES or sum(size for _, size in self._warm) > WARM_BYTES
        ):
            self._warm.popleft()

    def _bytes(self, entry: Entry) -> Iterator[Ticket]:
        carry = self._carries.pop(entry.connection, None)
        before = carry.raw if carry else b""
        # Connection 0 is none: a datagram or a posted body is whole by itself.
        records, rest = self._format.frame(before + entry.payload, final=entry.connection == 0)
        at, reader = -len(before), self._reader(entry.connection)
        for record in records:
            begun_before = carry is not None and at < 0
            yield Ticket(
                carry.ticket_id if carry and begun_before else entry.ticket_id(at),
                record,
                carry.arrived_at if carry and begun_before else entry.arrived_at,
                _read(reader, record),
                entry.connection,
            )
            at += len(record)
        if rest:
            held = _Carry(
                ticket_id=carry.ticket_id if carry and at < 0 else entry.ticket_id(at),
                raw=rest,
                arrived_at=carry.arrived_at if carry and at < 0 else entry.arrived_at,
            )
            if len(rest) > LONGEST_CARRY_BYTES:
                endless = Unreadable("endless", f"{len(rest)} bytes and no end: is this the right port and format?")
                yield Ticket(held.ticket_id, rest, held.arrived_at, endless, entry.connection)
            else:
                self._carries[entry.connection] = held

    def _over(self, entry: Entry) -> Iterator[Step]:
        """A connection ended; number 0 = the collector started, so all earlier ones did."""
        connections = [entry.connection] if entry.connection else sorted({*self.open_connections, *self._carries})
        for connection in connections:
            yield from self._cut_record(connection)
            self._readers.pop(connection, None)
            if self.open_connections.pop(connection, None) is not None:
                text = entry.payload.decode(errors="replace")
                yield Notice(f"{entry.position}.{connection}", "lost", text, entry.arrived_at)

    def _cut_record(self, connection: int) -> Iterator[Ticket]:
        """The format decides whether a record without its end still says enough."""
        carry = self._carries.pop(connection, None)
        if carry is None:
            return
        reading = _read(self._reader(connection), carry.raw)
        if isinstance(reading, Unreadable):
            reading = Unreadable("cut", f"the connection ended inside this ticket ({reading.detail})")
        yield Ticket(carry.ticket_id, carry.raw, carry.arrived_at, reading, connection, cut=True)

    def _file(self, entry: Entry) -> Iterator[Step]:
        received = ReceivedFile.of(entry)
        yield FileBegin(received, str(entry.position), entry.arrived_at)
        reader, at, count = self._new_reader(), 0, 0
        records, _ = self._format.frame(self._blobs.get(received.digest), final=True)
        for number, record in enumerate(records, 1):
            count += not is_blank(record)
            yield Ticket(
                ticket_id=entry.ticket_id(at),
                raw=record,
                arrived_at=entry.arrived_at,
                reading=_read(reader, record),
                file=received.name,
                line_number=number,
            )
            at += len(record)
        yield FileEnd(received, entry.arrived_at, count)

    def _reader(self, connection: int) -> Reader:
        if connection not in self._readers:
            self._readers[connection] = self._new_reader()
        return self._readers[connection]


def _read(reader: Reader, record: bytes) -> Reading:
    """A reader promises not to raise; one that does must not hold up the tickets behind this one."""
    try:
        reading = reader(record)
    except Exception as error:  # noqa: BLE001 - formats are plug-ins
        return Unreadable("format_error", f"the format failed on this ticket, report it: {error!r}")
    if b"\\" in record or b"\x00" in record:  # JSON may spell out what no database takes
        return type(reading)(**{name: _storable(value) for name, value in said_by(reading).items()})
    return reading


def _storable(value: Any) -> Any:
    """Texts without NUL and without halves of characters, which no database and no file of a table takes."""
    if type(value) is str:
        return value.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if isinstance(value, Mapping):
        return {_storable(name): _storable(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_storable(item) for item in value)
    return value


def is_blank(record: bytes) -> bool:
    """Whether a record holds nothing at all (a lone terminator): it is no ticket and is not counted."""
    return not record.strip(b"\x00\r\n\t ")


def is_noise(ticket: Ticket) -> bool:
    return isinstance(ticket.reading, Event) and is_blank(ticket.raw)


def content_of(raw: bytes, *also: str) -> bytes:
    """The hash of a line, without the bytes that a transport adds (terminators, NUL)."""
    digest = hashlib.blake2b(raw.replace(b"\x00", b"").strip(b"\r\n"), digest_size=CONTENT_BYTES)
    for text in also:
        digest.update(b"\x00" + text.encode())
    return digest.digest()


@dataclass(slots=True)
class _Run:
    """After a reconnect: where, in the tickets before it, the run that is being repeated may stand."""

    end: int  # tickets seen when the connection opened
    at: list[int] | None = None  # candidates for the next ticket; None = the first one has not come


@dataclass(slots=True)
class Replays:
    """Tells the replay of earlier tickets at the start of a connection; nothing else in a stream is a duplicate.

    A PBX that is not sure what was received sends its last block again: the first tickets of the new connection repeat,
    one after the other, a run of the tickets before it. The first one that does not is new, and so is all that follows.
    """

    tail: Callable[[], Sequence[bytes]]  # the contents of the last TAIL_TICKETS tickets before `resume`, in order
    seen: int  # tickets given an identity, ever
    runs: dict[int, _Run] = field(default_factory=dict)
    cut: tuple[int, bytes] | None = None  # the last ticket taken without its end: its place, its bytes
    _tail: list[bytes] | None = None  # read when it is needed
    _fresh: list[bytes] = field(default_factory=list)  # lines taken since: hashed only where they are compared

    @classmethod
    def resume(cls, state: Mapping[str, Any], *, seen: int, tail: Callable[[], Sequence[bytes]]) -> Replays:
        runs = {int(c): _Run(said["end"], said["at"]) for c, said in state.get("runs", {}).items()}
        cut = state.get("cut")
        return cls(tail, seen, runs, (cut["at"], cut["raw"].encode("latin-1")) if cut else None)

    def state(self) -> dict[str, Any]:
        runs = {str(c): {"end": run.end, "at": run.at} for c, run in self.runs.items()}
        cut = {"at": self.cut[0], "raw": self.cut[1].decode("latin-1")} if self.cut else None
        return {"runs": runs, "cut": cut}

    def connected(self, connection: int) -> None:
        self.runs[connection] = _Run(self.seen)

    def is_replay(self, ticket: Ticket) -> bool:
        """Whether this ticket, the next of its connection, repeats the run under way."""
        run = self.runs.get(ticket.connection)
        if run is None:
            return False
        content = content_of(ticket.raw)
        if run.at is None:
            run.at = list(range(max(0, run.end - TAIL_TICKETS), run.end))
        run.at = [at + 1 for at in run.at if at < run.end and self._same(at, ticket, content)]
        if not run.at:
            del self.runs[ticket.connection]
            return False
        return True

    def taken(self, ticket: Ticket) -> None:
        """A ticket was given an identity."""
        if ticket.cut:
            self.cut = (self.seen, ticket.raw)
        self._fresh.append(ticket.raw)
        self.seen += 1

    def unsaved(self) -> list[bytes]:
        """The contents of the tickets taken since `saved`, the last TAIL_TICKETS of them at most."""
        return [content_of(raw) for raw in self._fresh[-TAIL_TICKETS:]]

    def saved(self, contents: Sequence[bytes]) -> None:
        """What `unsaved` gave is kept by whoever gives `tail`."""
        if self._tail is not None:
            self._tail = [*self._tail, *contents][-TAIL_TICKETS:]
        self._fresh.clear()

    def _same(self, at: int, ticket: Ticket, content: bytes) -> bool:
        if self._content(at) == content:
            return True
        # A ticket that was taken without its end comes again whole.
        return self.cut is not None and self.cut[0] == at and ticket.raw.startswith(self.cut[1])

    def _content(self, at: int) -> bytes | None:
        first_fresh = self.seen - len(self._fresh)
        if at >= first_fresh:
            return content_of(self._fresh[at - first_fresh])
        if self._tail is None:
            self._tail = list(self.tail())
        place = at - (first_fresh - len(self._tail))
        return self._tail[place] if place >= 0 else None
