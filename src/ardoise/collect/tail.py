"""Live tail: a file that grows is read as it is written, through rotation, truncation and our own restarts.

Where it stands is derived from the journal alone: a mark names the file (inode, fingerprint of its first bytes) and the
byte from which the entries behind it were read; the place is that byte plus the bytes of those entries. A mark and the
bytes behind it are written together, so that a kill loses and doubles nothing. Only whole records are journalled: the
beginning of a line stays in the file until its end is there, or until the file is known to be over.

Rotation: the file was renamed and another took its name, or it was copied and truncated. What was not yet read is then
found where it went, by inode or by its first bytes, among the files whose names begin like the followed one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from ardoise.collect.files import is_wanted
from ardoise.collect.receive import READ_BYTES, TICK_S, Receiver
from ardoise.collect.redaction import Redactor
from ardoise.collect.waiting import sleep
from ardoise.store.journal import Arrival, JournalDamaged, Kind

HEAD_BYTES: Final = 256  # by which a file is known, beside its inode: inodes are used again
MARK_EVERY_BYTES: Final = 8 * 2**20  # so that finding our place never reads much of the journal
OVER_S: Final = 2  # a rotated file that did not grow for so long is over: its writer has opened the new one
DONE_FILES: Final = 16  # remembered as read to their end
COMPRESSED: Final = (".gz", ".bz2", ".xz", ".zst", ".zip")

_SAYS = b"following "


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file: what the journal says before the bytes read from there.

    `done` are the files that were read to their end last (inode, fingerprint, its size): none is begun again.
    """

    name: str
    inode: int
    head: str  # fingerprint of the first `head_size` bytes
    head_size: int
    offset: int
    done: tuple[tuple[int, str, int], ...]

    def payload(self) -> bytes:
        return _SAYS + json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def of(cls, payload: bytes) -> Mark | None:
        if not payload.startswith(_SAYS):
            return None
        said = json.loads(payload.removeprefix(_SAYS))
        return cls(**said | {"done": tuple(tuple(one) for one in said["done"])})

    def is_of(self, file: BinaryIO) -> bool:
        """Whether an open file is the one marked, and not shorter than what was read of it."""
        stat = os.fstat(file.fileno())
        if self.head_size == 0:  # it was empty: nothing else tells it
            return stat.st_ino == self.inode
        return stat.st_size >= self.offset and _fingerprint(file, self.head_size) == self.head


def _fingerprint(file: BinaryIO, size: int) -> str:
    head = os.pread(file.fileno(), size, 0)
    return hashlib.sha256(head).hexdigest()[:16] if len(head) == size else ""


class Tail(Receiver):
    """Follows the file of a source: `folder` and `pattern` name it; where several match, each in turn, by its time."""

    async def run(self, stop: asyncio.Event) -> None:
        self._file: BinaryIO | None = None
        self._offset = 0  # of the next byte to read; everything before it was handed over
        self._head, self._head_size = "", 0
        self._done: deque[tuple[int, str, int]] = deque(maxlen=DONE_FILES)
        self._since_mark = 0
        self._quiet_since = time.monotonic()
        self._said = ""
        try:
            self._resume()
            while not stop.is_set():
                await self._commits.room(self.feed.source, stop)
                if self._read_on(over=False) or self._follow():
                    await asyncio.sleep(0)
                else:
                    await sleep(TICK_S, stop)
        finally:
            self._close()

    # --- where we stand

    def _resume(self) -> None:
        """Open what was being read at the place reached, wherever it is now; else begin."""
        mark = self._last_mark()
        if mark is None:
            self._begin()
            return
        self._done.extend(mark.done)
        found = self._find(mark)
        if found is not None:
            self._open(found.path, mark.offset)
        elif mark.head_size:
            self._say(
                f"{mark.name} is no longer there, nor a copy of it: what was written to it behind byte {mark.offset} "
                "before it went is lost. Keep one rotated file uncompressed (logrotate: delaycompress)",
            )

    def _last_mark(self) -> Mark | None:
        """The last mark of the journal, moved on by the bytes behind it."""
        journal = self._commits.writer(self.feed.source).journal
        mark: Mark | None = None
        offset = 0
        try:
            for entry in journal.read_last():
                if entry.kind is Kind.DISCONNECT and (found := Mark.of(entry.payload)) is not None:
                    mark, offset = found, found.offset
                elif entry.kind is Kind.BYTES:
                    offset += len(entry.payload)
        except JournalDamaged as damage:
            self._say(f"The place reached in the followed file is not sure: {damage}")
        return None if mark is None else replace(mark, offset=offset)

    def _begin(self) -> None:
        """A source that never followed anything: from the first byte of its oldest file, or the end of its newest."""
        named = self._named()
        if named and self.feed.link.text("start") == "end":
            self._open(named[-1].path, named[-1].size)
        elif named:
            self._open(named[0].path, 0)

    def _find(self, mark: Mark) -> _Found | None:
        """The file of a mark: by its inode, else (copied, moved to another disk) by its first bytes."""
        same = [found for found in self._siblings() if _is_of(mark, found.path)]
        return next((found for found in same if found.inode == mark.inode), next(iter(same), None))

    # --- files, the one written first before the others

    def _named(self) -> list[_Found]:
        """The files that the source names."""
        return _by_time(path for path in self.feed.folder.glob(self.feed.pattern) if is_wanted(path.name))

    def _siblings(self) -> list[_Found]:
        """Those, and what a rotation makes of them: CDR.csv.1, CDR.csv-20261005."""
        all_of_them = (path for path in self.feed.folder.glob(f"{self.feed.pattern}*") if is_wanted(path.name))
        return _by_time(path for path in all_of_them if path.suffix not in COMPRESSED)

    def _open(self, path: Path, offset: int) -> None:
        """Go on in this file; the journal says so at once."""
        self._close()
        try:
            self._file = path.open("rb")
        except OSError as error:
            self._say(f"{path} cannot be read: {error.strerror}")
            return
        self._name, self._offset, self._said = path.name, offset, ""
        self._head, self._head_size = "", 0
        self._redactor = Redactor(self.feed.format, self.feed.options, lambda: self.protection)
        self._quiet_since = time.monotonic()
        self._write_mark()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _say(self, why: str) -> None:
        """An alarm, once as long as it lasts."""
        if why != self._said:
            self.say("alarm", why)
        self._said = why

    # --- reading on

    def _read_on(self, *, over: bool) -> bool:
        """Journal the records that are whole; `over` = nothing more will come, the last one is whole too."""
        if self._file is None or self._was_emptied():
            return False
        data = os.pread(self._file.fileno(), READ_BYTES, self._offset)
        records, _ = self.feed.format.frame(data, final=over and len(data) < READ_BYTES)
        if not records and len(data) == READ_BYTES:
            records = [data]  # no end in so many bytes: noise, to be named by who reads it
        if not records:
            return False
        now = self._clock()
        content = b"".join(self._redactor.whole(record, arrived_at=now) for record in records)
        if self._since_mark >= MARK_EVERY_BYTES:
            self._write_mark()
        self._commits.put(self.feed.source, Arrival(now, 0, Kind.BYTES, content))
        self._offset += len(content)
        self._since_mark += len(content)
        self._quiet_since = time.monotonic()
        return True

    def _write_mark(self) -> None:
        assert self._file is not None
        stat = os.fstat(self._file.fileno())
        self._learn_head(stat.st_size)
        mark = Mark(self._name, stat.st_ino, self._head, self._head_size, self._offset, tuple(self._done))
        self._commits.put(self.feed.source, Arrival(self._clock(), 0, Kind.DISCONNECT, mark.payload()))
        self._since_mark = 0

    def _learn_head(self, size: int) -> None:
        assert self._file is not None
        self._head_size = min(size, HEAD_BYTES)
        self._head = _fingerprint(self._file, self._head_size)

    def _was_emptied(self) -> bool:
        """Whether the open file was cut, or cut and written anew, since it was last read."""
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        if size < self._offset or _fingerprint(self._file, self._head_size) != self._head:
            return True
        if self._head_size < HEAD_BYTES and size > self._head_size:
            self._learn_head(size)
        return False

    def _follow(self) -> bool:
        """Nothing more to read here. Whether another file was opened, or this one begun again."""
        if self._file is None:
            return self._open_first()
        if self._was_emptied():
            return self._after_emptying()
        follower = self._follower()
        if follower is None or time.monotonic() - self._quiet_since < OVER_S:
            return False
        while self._read_on(over=True):
            pass
        self._done.append((os.fstat(self._file.fileno()).st_ino, self._head, self._head_size))
        self._open(follower.path, 0)
        return True

    def _open_first(self) -> bool:
        waiting = [found for found in self._named() if not self._is_done(found)]
        if not waiting:
            self._say(f"Nothing new in {self.feed.folder} is called {self.feed.pattern}: it is waited for")
            return False
        self._open(waiting[0].path, 0)
        return self._file is not None

    def _after_emptying(self) -> bool:
        """Copied and truncated: the end of the copy first, if there is one; then this file from its first byte."""
        assert self._file is not None
        inode = os.fstat(self._file.fileno()).st_ino
        here = next((found for found in self._siblings() if found.inode == inode), None)
        before = Mark(self._name, 0, self._head, self._head_size, self._offset, ())
        copy = self._find(before) if self._head_size else None
        if copy is not None and not self._is_done(copy):
            self.say("event", f"{self._name} was emptied, its end is read from {copy.path.name}")
            self._open(copy.path, self._offset)
        elif here is not None:
            self.say("event", f"{self._name} was emptied, it is read from its beginning")
            self._open(here.path, 0)
        else:
            self._close()
        return self._file is not None

    def _follower(self) -> _Found | None:
        """The file that was begun after this one: another that the source names, or what a rotation left between.

        An empty one does not count: as long as it is, the writer may still write to this one.
        """
        assert self._file is not None
        stat = os.fstat(self._file.fileno())
        named = self._named()
        is_named = any(found.inode == stat.st_ino for found in named)
        later = (
            found
            for found in (named if is_named else self._siblings())
            if found.modified_ns >= stat.st_mtime_ns and found.inode != stat.st_ino and found.size
        )
        return next((found for found in later if not self._is_done(found)), None)

    def _is_done(self, found: _Found) -> bool:
        """Whether it was read to its end: an inode alone is used again."""
        marks = (
            Mark("", inode, head, size, 0, ()) for inode, head, size in self._done if inode == found.inode and size
        )
        return any(_is_of(mark, found.path) for mark in marks)


@dataclass(frozen=True, slots=True)
class _Found:
    """A file of the folder, as one look saw it."""

    modified_ns: int
    path: Path
    inode: int
    size: int


def _is_of(mark: Mark, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return mark.is_of(file)
    except OSError:
        return False


def _by_time(paths: Iterable[Path]) -> list[_Found]:
    found: list[_Found] = []
    for path in paths:
        with suppress(OSError):  # it went meanwhile
            stat = path.stat()
            found.append(_Found(stat.st_mtime_ns, path, stat.st_ino, stat.st_size))
    return sorted(found, key=lambda one: (one.modified_ns, one.path.name))
