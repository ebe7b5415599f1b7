"""From arrivals to the disk: rounds of append and fsync, for all sources together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from ardoise.collect import waiting
from ardoise.collect.waiting import first_of, sleep
from ardoise.collect.wording import Said
from ardoise.store.journal import Arrival, Journal, JournalBroken, JournalWriter, Position
from ardoise.store.locks import JournalBusy

WAITING_BYTES_MAX = 1024 * 1024  # of one source, not yet on the disk: beyond, its sockets are no longer read
SYNCS_TOGETHER = 16  # files that are synced at the same time
ROUND_S = 0.1  # at most ten rounds of fsync a second, for all sources together
ACKNOWLEDGE_S = 10.0  # what is not on the disk by then is not acknowledged: its sender sends it again

Clock = Callable[[], datetime]


class Notices(Protocol):
    """Where what we notice goes (connected, lost, port taken, disk full): it must not raise, nor wait."""

    def __call__(self, source: str, kind: str, text: str, at: datetime) -> None: ...


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
        self._handed = dict.fromkeys(journals, 0)  # entries handed over, by source
        self._waiters: dict[str, list[tuple[int, asyncio.Future[None]]]] = {source: [] for source in journals}
        self._thread = ThreadPoolExecutor(1, "journal")
        self._syncs = ThreadPoolExecutor(SYNCS_TOGETHER, "journal-sync")
        self.rounds = 0
        self.written = dict.fromkeys(journals, 0)  # entries on the disk, by source
        self.ends: dict[str, Position] = {}  # of the journals, once this process has appended to them
        try:
            list(self._syncs.map(self._open, journals))
            for room in self._room.values():
                room.set()
        except BaseException:
            self.close()
            raise

    def writer(self, source: str) -> JournalWriter:
        return self._writers[source]

    def put(self, source: str, arrival: Arrival) -> None:
        """Hand over what arrived; `room` says when the next may be read, `on_disk` when it may be acknowledged."""
        self._handed[source] += 1
        self._waiting[source].append(arrival)
        self._bytes[source] += len(arrival.payload)
        if self._bytes[source] > WAITING_BYTES_MAX:
            self._room[source].clear()
        self._work.set()

    async def room(self, source: str, stop: asyncio.Event) -> None:
        """Wait until little enough of this source waits for the disk, or `stop`."""
        if not self._room[source].is_set():
            await first_of(self._room[source], stop)

    def has_room(self, source: str) -> bool:
        """False while too much of this source waits for the disk: a sender that can wait is sent away."""
        return self._room[source].is_set()

    async def on_disk(self, source: str, *, within_s: float = ACKNOWLEDGE_S) -> bool:
        """Wait until all that this source handed over so far is on the disk. False when that took too long: it stays
        handed over, but must not be acknowledged."""
        goal = self._handed[source]
        if self.written[source] >= goal:
            return True
        future = asyncio.get_running_loop().create_future()
        self._waiters[source].append((goal, future))
        try:
            async with asyncio.timeout(within_s):
                await future
        except TimeoutError:
            return False
        return True

    def unwritten(self) -> dict[str, int]:
        """Bytes in memory that no disk holds, by source: what ending now would lose."""
        return {source: size for source, size in self._bytes.items() if size}

    async def run(self, stop: asyncio.Event) -> None:
        """Rounds of append and fsync until `stop`, then a last one."""
        while not stop.is_set():
            await first_of(self._work, stop)
            if not await self.flush():
                await sleep(waiting.RETRY_S[0], stop)
            await sleep(ROUND_S, stop)

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
                self._acknowledge(source)
            self._tell(source, failed.get(source, ""))
        if failed:
            self._work.set()
        return not failed

    def close(self) -> None:
        """Give the leases back."""
        self._thread.shutdown()
        self._syncs.shutdown()
        for writer in self._writers.values():
            writer.close()

    def _acknowledge(self, source: str) -> None:
        """Wake those who wait for what is on the disk now."""
        waiting = [(goal, future) for goal, future in self._waiters[source] if not future.done()]
        for goal, future in waiting:
            if goal <= self.written[source]:
                future.set_result(None)
        self._waiters[source] = [(goal, future) for goal, future in waiting if not future.done()]

    def _append(self, groups: Mapping[str, Sequence[Arrival]]) -> dict[str, str]:
        """Append each group; the sources that failed, and why. A disk syncs many files at once as fast as one."""
        failed: dict[str, str] = {}

        def append(source: str) -> None:
            try:
                self.ends[source] = self._writers[source].append(groups[source])[-1].after
            except (OSError, JournalBroken) as error:
                failed[source] = str(error)
                if isinstance(error, JournalBroken):
                    self._reopen(source)

        list(self._syncs.map(append, groups) if len(groups) > 1 else map(append, groups))
        return failed

    def _open(self, source: str) -> None:
        writer = self._writers[source] = _leased(self._journals[source])
        for found in (writer.torn, writer.damage):
            if found is not None:
                self._notice(source, "alarm", Said("journal", text=str(found)), self._clock())

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
                self._notice(source, "alarm", Said("disk", why=why), self._clock())
        elif before:
            self._notice(source, "event", "The journal can be written again: reception goes on", self._clock())


def _leased(journal: Journal) -> JournalWriter:
    """Take the lease; a look of `collect status` may hold it for an instant. Raises JournalBusy."""
    for _ in range(2):
        try:
            return journal.writer()
        except JournalBusy:
            time.sleep(0.05)
    return journal.writer()
