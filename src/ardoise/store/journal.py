"""The journal: every received byte, appended and synced to the disk before it is acknowledged or parsed.

One folder a source, one writer a source. Segments `00000001.seg`, `00000002.seg` ... are files of frames:

    marker 4 | payload length 4 | arrival, µs UTC 8 | connection 4 | kind 1 | synced before 4 | checksum 4 | payload

little-endian. "Synced before" is the length of the segment that was safely on the disk when the frame was written: it
tells a tail torn by a crash (never acknowledged: it is cut, set aside and reported) from damage to acknowledged bytes
(never cut). The checksum (CRC-32) covers the frame and its place, so that a stale block of the disk is not taken for
a frame. Needs no Django; the clock is read by the caller.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Self

from ardoise.store.blobs import Blobs
from ardoise.store.disk import NO_ROOM, make_folder, write_all, write_once
from ardoise.store.locks import settled_size, take_lease

SEGMENT_BYTES = 64 * 2**20
LARGEST_SEGMENT_BYTES = 2**30
LARGEST_PAYLOAD_BYTES = 16 * 2**20

_HEADER = b"ardoise journal\x01"
_MARKER = b"\xa7\xb6TK"
_FRAME = struct.Struct("<4sIqIBI")
_CHECKSUM = struct.Struct("<I")
_PLACE = struct.Struct("<QQ")
_FRAME_BYTES = _FRAME.size + _CHECKSUM.size
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class BadSource(ValueError):
    """A source code that cannot name a folder or stand in a ticket id."""


class BadPosition(ValueError):
    """A position or ticket id that does not point into this journal."""


class JournalFull(OSError):
    """No room left: nothing of the group was kept or acknowledged; free some space and append again."""


class JournalBroken(RuntimeError):
    """The disk failed under the writer: nothing more is accepted until the journal is opened again."""


class JournalDamaged(RuntimeError):
    """Acknowledged bytes cannot be read back. `resume` is where the next readable entry starts."""

    def __init__(self, message: str, *, at: Position, resume: Position) -> None:
        super().__init__(message)
        self.at = at
        self.resume = resume


class Kind(IntEnum):
    BYTES = 1  # received from a connection
    FILE = 2  # a received file: the payload names its blob
    CONNECT = 3
    DISCONNECT = 4
    MARK = 5  # how far the journal of an agent has been taken: no arrival of its own


_KINDS = frozenset(Kind)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a source's journal: segment number and byte offset in its file. Written "3:1024"."""

    segment: int
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read "3:1024" back. Raises BadPosition."""
        segment, colon, offset = text.partition(":")
        if not (colon and segment.isdecimal() and offset.isdecimal()):
            raise BadPosition(f"{text!r} is not a journal position (segment:offset, such as 3:1024)")
        return cls(int(segment), int(offset))


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something that came in and is about to be appended. `arrived_at` is an aware instant, kept to the microsecond."""

    arrived_at: datetime
    connection: int
    kind: Kind
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a journal, as appended. `after` is where the next one starts."""

    source: str
    position: Position
    after: Position
    arrived_at: datetime
    connection: int
    kind: Kind
    payload: bytes

    def ticket_id(self, at: int) -> str:
        """The id of the ticket whose first byte is `payload[at]`, or byte `at` of the received file.

        `source:segment:offset`: the byte of the segment itself; for a file, the entry's offset, a dot and the byte of
        the file. It never changes: segments are never rewritten.
        """
        if self.kind is Kind.FILE:
            return f"{self.source}:{self.position.segment}:{self.position.offset}.{at}"
        return f"{self.source}:{self.position.segment}:{self.position.offset + _FRAME_BYTES + at}"


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """What a FILE entry says: the blob that holds the file, and the name it came under."""

    digest: str
    name: str
    size_bytes: int

    @classmethod
    def of(cls, entry: Entry) -> ReceivedFile:
        """The file an entry names. Raises ValueError on an entry of another kind."""
        if entry.kind is not Kind.FILE:
            raise ValueError(f"Entry {entry.source}:{entry.position} is {entry.kind.name}, not FILE")
        return cls.of_payload(entry.payload)

    @classmethod
    def of_payload(cls, payload: bytes) -> ReceivedFile:
        """The same, of a payload alone. Raises ValueError, KeyError on anything else."""
        said = json.loads(payload)
        return cls(said["sha256"], said["name"], said["size_bytes"])

    def payload(self) -> bytes:
        said = {"sha256": self.digest, "name": self.name, "size_bytes": self.size_bytes}
        return json.dumps(said, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class TornTail:
    """Bytes after the last whole entry, left by a crash: never acknowledged, cut, and set aside in `kept_in`."""

    at: Position
    size_bytes: int
    kept_in: Path

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes cut at {self.at} (an append interrupted by a crash), kept in {self.kept_in}"


@dataclass(frozen=True, slots=True)
class Damage:
    """Acknowledged bytes that cannot be read back, found on opening. The segment is left as it is."""

    at: Position
    resume: Position

    def __str__(self) -> str:
        return f"Entries lost between {self.at} and {self.resume}: restore the segment from a backup"


@dataclass(frozen=True, slots=True)
class _Bad:
    """What stands where a frame was expected: `resume` is the next whole frame, or None."""

    offset: int
    resume: int | None
    synced_past: bool  # a later frame says that this place was safely on the disk


class Journal:
    """The journal of one source, for reading; `writer()` opens it for appending."""

    def __init__(self, home: Path, source: str) -> None:
        """`home` is the folder of all journals. Raises BadSource."""
        if not _SOURCE.fullmatch(source):
            raise BadSource(f"{source!r} cannot name a source: use up to 64 letters, digits, '_', '-' and '.'")
        self.source = source
        self.folder = home / source

    @property
    def first_offset(self) -> int:
        """Where the first entry of every segment stands."""
        return len(_HEADER)

    def path(self, segment: int) -> Path:
        return self.folder / f"{segment:08d}.seg"

    def segments(self) -> list[int]:
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.seg"))

    def writer(self, *, segment_bytes: int = SEGMENT_BYTES) -> JournalWriter:
        """Take the lease of this source and recover its tail. Raises JournalBusy, JournalFull."""
        return JournalWriter(self, segment_bytes=segment_bytes)

    def read(self, start: Position | None = None, *, until: Position | None = None) -> Iterator[Entry]:
        """The entries from `start` (the first one by default), in the order they were appended.

        Ends after the last entry that was on the disk when it got there: give the `after` of the last entry to go on.
        `until` is an `end` that the writer gave: what lies before it is on the disk, and nothing is asked of it.
        Raises BadPosition, and JournalDamaged when acknowledged bytes cannot be read.
        """
        if start is not None and until is not None and start >= until:
            return
        segments = self.segments() if start is None or until is None else [*range(start.segment, until.segment + 1)]
        if start is not None and segments and not segments[0] <= start.segment <= segments[-1]:
            raise BadPosition(f"Source {self.source} has segments {segments[0]} to {segments[-1]}, not {start.segment}")
        for segment in segments:
            if until is not None and segment > until.segment:
                return
            if start is None or segment > start.segment:
                yield from self._read_segment(segment, len(_HEADER), until)
            elif segment == start.segment:
                yield from self._read_segment(segment, start.offset, until)

    def read_last(self, segments: int = 2) -> Iterator[Entry]:
        """The entries of the last segments only: where something recent is looked for. Raises JournalDamaged."""
        for segment in self.segments()[-segments:]:
            yield from self._read_segment(segment, len(_HEADER))

    def first_of(self, segment: int) -> Entry | None:
        """The first entry of a segment; None without such a segment, or when nothing can be read there."""
        if not self.path(segment).exists():
            return None
        try:
            return next(self._read_segment(segment, len(_HEADER)), None)
        except JournalDamaged:
            return None

    def entry_of(self, ticket_id: str, *, near: Iterable[Position] = ()) -> tuple[Entry, int]:
        """The entry that holds the first byte of a ticket, and that byte's place in its payload (or in its file).

        `near` are positions of entries: the last one before the ticket spares reading its segment from the beginning.
        """
        source, _, place = ticket_id.partition(":")
        place, _, in_file = place.partition(".")
        wanted = Position.parse(place)
        if source != self.source or not self.path(wanted.segment).exists():
            raise BadPosition(f"Ticket {ticket_id} is not in the journal of source {self.source}")
        known = [place.offset for place in near if place.segment == wanted.segment and place <= wanted]
        for entry in self._read_segment(wanted.segment, max(known, default=len(_HEADER))):
            if in_file and entry.position == wanted and entry.kind is Kind.FILE:
                return entry, int(in_file)
            if not in_file and entry.position < wanted < entry.after:
                return entry, wanted.offset - entry.position.offset - _FRAME_BYTES
        raise BadPosition(f"No entry of source {self.source} holds ticket {ticket_id}")

    def blank(self, position: Position, payload: bytes) -> None:
        """Put another payload of the same length in place of an entry's: numbers that the law wants forgotten.

        Nothing moves, so ticket ids and positions hold. The new frame is written beside first: a death in the middle
        is finished by whoever reads there next. Raises BadPosition, ValueError (another length), OSError.
        """
        with self.path(position.segment).open("r+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(position.offset)
            entry = self._frame(file, position.segment, position.offset, os.fstat(file.fileno()).st_size)
            if entry is None:
                raise BadPosition(f"No entry of source {self.source} starts at {position}")
            if len(payload) != len(entry.payload):
                raise ValueError(f"Entry {position} holds {len(entry.payload)} bytes, not {len(payload)}")
            head = os.pread(file.fileno(), _FRAME.size, position.offset)
            check = _CHECKSUM.pack(_checksum(head, payload, position.segment, position.offset))
            write_once(self._beside(position), head + check + payload)
            self._put_in_place(file.fileno(), position)

    def finish_blanking(self) -> None:
        """Do what a death interrupted in `blank`, wherever it was."""
        for beside in self.folder.glob("[0-9]*-[0-9]*.blank"):
            segment, _, offset = beside.stem.partition("-")
            self._is_whole_now(Position(int(segment), int(offset)))

    def _beside(self, position: Position) -> Path:
        return self.folder / f"{position.segment:08d}-{position.offset}.blank"

    def _put_in_place(self, descriptor: int, position: Position) -> None:
        beside = self._beside(position)
        os.lseek(descriptor, position.offset, os.SEEK_SET)
        write_all(descriptor, beside.read_bytes())
        os.fsync(descriptor)
        beside.unlink()

    def _is_whole_now(self, position: Position) -> bool:
        """Whether an entry stands where none could be read: it was being blanked, or a death interrupted that."""
        path, pending = self.path(position.segment), self._beside(position).exists()
        with path.open("r+b", buffering=0) if pending else path.open("rb", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if pending and self._beside(position).exists():
                self._put_in_place(file.fileno(), position)
            file.seek(position.offset)
            size = os.fstat(file.fileno()).st_size
            return self._frame(file, position.segment, position.offset, size) is not None

    def _read_segment(self, segment: int, offset: int, until: Position | None = None) -> Iterator[Entry]:
        with self.path(segment).open("rb") as file:
            size = until.offset if until is not None and until.segment == segment else settled_size(file)
            if not len(_HEADER) <= offset <= size:
                raise BadPosition(f"Segment {segment} of source {self.source} ends at {size}: nothing is at {offset}")
            for found in self._frames(file, segment, offset, size):
                if isinstance(found, Entry):
                    yield found
                elif self._is_damage(found, segment):
                    if not self._is_whole_now(Position(segment, found.offset)):
                        raise self._damaged(found, segment)
                    yield from self._read_segment(segment, found.offset, until)

    def _is_damage(self, bad: _Bad, segment: int) -> bool:
        """A bad tail of the last segment is an append that a crash interrupted; anything else was acknowledged."""
        return bad.synced_past or self.path(segment + 1).exists()

    def _damaged(self, bad: _Bad, segment: int) -> JournalDamaged:
        at = Position(segment, bad.offset)
        resume = Position(segment + 1, len(_HEADER)) if bad.resume is None else Position(segment, bad.resume)
        return JournalDamaged(
            f"Source {self.source}: entries cannot be read between {at} and {resume} in {self.path(segment)}; "
            f"restore it from a backup, or go on from {resume}",
            at=at,
            resume=resume,
        )

    def _frames(self, file: BinaryIO, segment: int, offset: int, size: int) -> Iterator[Entry | _Bad]:
        """The entries of one segment up to `size`; a _Bad ends them."""
        file.seek(0)
        if file.read(len(_HEADER)) != _HEADER:
            raise BadPosition(f"{self.path(segment)} is not a segment of a journal of this version of Ardoise")
        file.seek(offset)
        while offset < size:
            entry = self._frame(file, segment, offset, size)
            if entry is None:
                yield _next_whole_frame(file, segment, offset, size)
                return
            yield entry
            offset = entry.after.offset

    def _frame(self, file: BinaryIO, segment: int, offset: int, size: int) -> Entry | None:
        """The entry that starts exactly here, or None when no whole frame does. Leaves the file after it."""
        head = file.read(_FRAME_BYTES)
        if len(head) < _FRAME_BYTES or offset + _FRAME_BYTES > size:
            return None
        marker, length, arrived_us, connection, kind, _ = _FRAME.unpack_from(head)
        if marker != _MARKER or kind not in _KINDS or offset + _FRAME_BYTES + length > size:
            return None
        payload = file.read(length)
        if _CHECKSUM.unpack_from(head, _FRAME.size)[0] != _checksum(head[: _FRAME.size], payload, segment, offset):
            return None
        return Entry(
            source=self.source,
            position=Position(segment, offset),
            after=Position(segment, offset + _FRAME_BYTES + length),
            arrived_at=_EPOCH + arrived_us * _MICROSECOND,
            connection=connection,
            kind=Kind(kind),
            payload=payload,
        )


class JournalWriter:
    """The one writer of a source: holds its lease until closed. Threads may share it.

    `torn` and `damage` say what opening found; whoever opens reports them.
    """

    def __init__(self, journal: Journal, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        if not len(_HEADER) < segment_bytes <= LARGEST_SEGMENT_BYTES:
            raise ValueError(f"segment_bytes must be at most {LARGEST_SEGMENT_BYTES}, not {segment_bytes}")
        self.journal = journal
        self.torn: TornTail | None = None
        self.damage: Damage | None = None
        self._segment_bytes = segment_bytes
        self._thread_lock = threading.Lock()
        self._broken = ""
        self._file = -1
        make_folder(journal.folder)
        self._lease = take_lease(journal.folder / "writer.lock", journal.source)
        try:
            self._open_last_segment()
        except OSError as error:
            self.close()
            raise self._full_or_same(error, "to open the journal") from error
        except BaseException:
            self.close()
            raise

    @property
    def end(self) -> Position:
        """Where the next entry will start."""
        return Position(self._segment, self._synced)

    def append(self, arrivals: Sequence[Arrival]) -> list[Entry]:
        """Append a group and sync it to the disk, once for the whole group; then, and only then, acknowledge.

        Returns the entries as they will be read back. Raises JournalFull or JournalBroken: nothing of the group may
        be acknowledged then. A group stays in one segment; a full segment is followed by a new one.
        """
        if not arrivals:
            return []
        with self._thread_lock:
            if self._broken or self._file < 0:
                raise JournalBroken(f"Journal of {self.journal.source}: {self._broken or 'closed'}; open it again")
            try:
                if self._synced >= self._segment_bytes:
                    self._start_segment(self._segment + 1)
                entries, data = self._encode(arrivals)
                self._write_group(data)
            except OSError as error:
                raise self._full_or_same(error, "to append") from error
            self._synced += len(data)
            return entries

    def append_file(self, blobs: Blobs, *, name: str, data: bytes, arrived_at: datetime, connection: int = 0) -> Entry:
        """Keep a received file as one blob, then name it in the journal: all of it, or nothing.

        Raises BlobsFull, JournalFull, JournalBroken; a blob that no entry names is only wasted room.
        """
        received = ReceivedFile(digest=blobs.put(data), name=name, size_bytes=len(data))
        return self.append([Arrival(arrived_at, connection, Kind.FILE, received.payload())])[0]

    def close(self) -> None:
        """Give the lease back. What was appended is already on the disk."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._lease >= 0:
            os.close(self._lease)
            self._lease = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open_last_segment(self) -> None:
        self.journal.finish_blanking()
        segments = self.journal.segments()
        if not segments:
            self._start_segment(1)
            return
        last = segments[-1]
        path = self.journal.path(last)
        with path.open("rb") as file:
            size = settled_size(file)
            found = [f for f in self.journal._frames(file, last, len(_HEADER), size) if isinstance(f, _Bad)]
        self._file = os.open(path, os.O_RDWR)
        self._segment, self._synced = last, size
        if found and found[0].synced_past:
            # Acknowledged bytes were lost by the disk: leave everything for repair, and write elsewhere.
            error = self.journal._damaged(found[0], last)
            self.damage = Damage(error.at, error.resume)
            self._start_segment(last + 1)
        elif found:
            self._cut(found[0].offset)
        os.lseek(self._file, self._synced, os.SEEK_SET)

    def _cut(self, offset: int) -> None:
        """Set the torn tail aside, then cut it: in this order, so that a crash here loses nothing either."""
        tail = os.pread(self._file, self._synced - offset, offset)
        kept_in = self.journal.folder / f"{self._segment:08d}-{offset}.torn"
        write_once(kept_in, tail)
        os.ftruncate(self._file, offset)
        os.fsync(self._file)
        self.torn = TornTail(Position(self._segment, offset), len(tail), kept_in)
        self._synced = offset

    def _start_segment(self, segment: int) -> None:
        path = self.journal.path(segment)
        write_once(path, _HEADER)
        opened = os.open(path, os.O_RDWR)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._segment, self._synced = opened, segment, len(_HEADER)
        os.lseek(opened, self._synced, os.SEEK_SET)

    def _encode(self, arrivals: Sequence[Arrival]) -> tuple[list[Entry], bytes]:
        entries: list[Entry] = []
        frames: list[bytes] = []
        offset = self._synced
        for arrival in arrivals:
            frame = _encode_frame(arrival, self._segment, offset, self._synced)
            after = Position(self._segment, offset + len(frame))
            entries.append(
                Entry(
                    source=self.journal.source,
                    position=Position(self._segment, offset),
                    after=after,
                    arrived_at=arrival.arrived_at.astimezone(UTC),
                    connection=arrival.connection,
                    kind=arrival.kind,
                    payload=arrival.payload,
                )
            )
            frames.append(frame)
            offset = after.offset
        if offset - self._synced > LARGEST_SEGMENT_BYTES:
            raise ValueError(f"A group of {offset - self._synced} bytes is more than a segment can hold: append less")
        return entries, b"".join(frames)

    def _write_group(self, data: bytes) -> None:
        """Write and sync under an exclusive lock on the segment, so that a reader never sees an unsynced entry."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            write_all(self._file, data)
            os.fsync(self._file)
        except OSError as error:
            self._take_back(error)
            raise
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _take_back(self, error: OSError) -> None:
        """Cut what a failed group left. Only lack of room is survivable: after any other failure of the disk, what it
        holds is unknown until the segment is read again."""
        try:
            os.ftruncate(self._file, self._synced)
            os.lseek(self._file, self._synced, os.SEEK_SET)
            os.fsync(self._file)
        except OSError as second:
            self._broken = f"the disk failed ({error}; then {second})"
        if error.errno not in NO_ROOM:
            self._broken = self._broken or f"the disk failed ({error})"

    def _full_or_same(self, error: OSError, doing: str) -> OSError:
        if error.errno not in NO_ROOM:
            return error
        said = f"No room left {doing}: nothing was acknowledged; free some space, then try again"
        return JournalFull(error.errno, said, str(self.journal.folder))


def _encode_frame(arrival: Arrival, segment: int, offset: int, synced: int) -> bytes:
    if len(arrival.payload) > LARGEST_PAYLOAD_BYTES:
        raise ValueError(f"{len(arrival.payload)} bytes in one entry: cut it, or keep it as a file (append_file)")
    if arrival.arrived_at.tzinfo is None:
        raise ValueError("arrived_at must be an aware instant (UTC)")
    arrived_us = (arrival.arrived_at - _EPOCH) // _MICROSECOND
    head = _FRAME.pack(_MARKER, len(arrival.payload), arrived_us, arrival.connection, arrival.kind, synced)
    return head + _CHECKSUM.pack(_checksum(head, arrival.payload, segment, offset)) + arrival.payload


def _checksum(head: bytes, payload: bytes, segment: int, offset: int) -> int:
    return zlib.crc32(payload, zlib.crc32(head, zlib.crc32(_PLACE.pack(segment, offset))))


def _next_whole_frame(file: BinaryIO, segment: int, bad_offset: int, size: int) -> _Bad:
    """Look past a bad frame for the next good one, by its marker, place and checksum."""
    file.seek(bad_offset)
    rest = file.read(size - bad_offset)
    resume: int | None = None
    at = rest.find(_MARKER, 1)
    while at >= 0:
        synced = _synced_before(rest, at, segment, bad_offset)
        if synced is not None:
            resume = bad_offset + at if resume is None else resume
            if synced > bad_offset:
                return _Bad(bad_offset, resume, synced_past=True)
        at = rest.find(_MARKER, at + 1)
    return _Bad(bad_offset, resume, synced_past=False)


def _synced_before(rest: bytes, at: int, segment: int, bad_offset: int) -> int | None:
    """What the frame at `rest[at:]` says was synced before it, or None when no whole frame is there."""
    if at + _FRAME_BYTES > len(rest):
        return None
    head = rest[at : at + _FRAME.size]
    _, length, _, _, kind, synced = _FRAME.unpack(head)
    start = at + _FRAME_BYTES
    if kind not in _KINDS or start + length > len(rest):
        return None
    said = _CHECKSUM.unpack_from(rest, at + _FRAME.size)[0]
    true = _checksum(head, rest[start : start + length], segment, bad_offset + at)
    return int(synced) if said == true else None
