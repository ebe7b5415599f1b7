"""The collector: receivers of all sources, and the parser behind them, until it is told to stop.

One thread does everything that touches the database, in short turns; the event loop only moves bytes to the journal.
Used by `ardoise up` and `ardoise collect run`.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from typing import TypeVar

from django.db import DatabaseError, close_old_connections, connections, transaction
from django.forms.models import model_to_dict

from ardoise.collect import alarms, operations
from ardoise.collect.batch import Memory, blobs, duplicate_rule, journal_of, options_of
from ardoise.collect.commits import Commits
from ardoise.collect.files import STABLE_S, Watch
from ardoise.collect.links import BadLink, check_secrets, link_of, problems
from ardoise.collect.models import Source
from ardoise.collect.queries import folder_of, protections
from ardoise.collect.receive import Feed, Receiver
from ardoise.collect.ways import RECEIVERS, receiver_of
from ardoise.collect.wording import Said
from ardoise.core.localtime import StreamClock
from ardoise.formats import registry
from ardoise.formats.spec import BadOption
from ardoise.store.disk import make_folder

PARSE_S = 0.2  # between two turns of the parser: a ticket is in the live view well within a second
NOTICES_TOGETHER = 200  # in one transaction
BEHIND_S = 0.01  # the same when more waits
FILES_OPEN = 65_536  # a source is four of them: its port, its link, its journal and its lease
PROTECTION_S = 5.0  # between two reads of the protected extensions, and looks at the alarms of some sources
SOURCES_LOOKED_AT = 20
SETTINGS_S = 5.0  # between two looks at the settings of the sources
IDLE_S = 30.0  # a source that receives nothing is looked at this often
FAILING_S = 5.0  # a source whose parsing fails is tried again after this

log = logging.getLogger(__name__)
T = TypeVar("T")
Settings = list[dict[str, object]]


class NothingToCollect(LookupError):
    """No active source could be started; the message says why for each."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run did, for the last line on the terminal."""

    tickets: int
    calls: int
    quarantined: int
    unwritten_bytes: int  # received, but the disk was full to the end

    def __add__(self, other: Collected) -> Collected:
        return Collected(
            self.tickets + other.tickets,
            self.calls + other.calls,
            self.quarantined + other.quarantined,
            self.unwritten_bytes + other.unwritten_bytes,
        )


@dataclass(frozen=True, slots=True)
class _Notice:
    source: str
    kind: str
    text: str
    at: datetime


async def run(
    sources: Sequence[str] | None,
    stop: asyncio.Event,
    clock: Callable[[], datetime],
    *,
    said: Callable[[str, str, str], None] | None = None,
    ready: Callable[[dict[str, int]], None] | None = None,
) -> Collected:
    """Collect the active sources (or those named) until `stop` is set; leaves nothing received unparsed.

    `said(source, kind, text)` gets what is noticed, as it comes; `ready(ports)` is called once the sources that listen
    do, with the port of each. Settings that change (`ardoise load`) start the sources anew.
    Raises UnknownSource, NothingToCollect, JournalBusy (another collector runs).
    """
    _allow_open_files()
    total = Collected(0, 0, 0, 0)
    first = True
    while first or not stop.is_set():
        collector = _Collector(clock, said or (lambda source, kind, text: None))
        try:
            settings = await collector.start(sources)
            total += await collector.run(stop, settings, ready)
        except NothingToCollect:
            if first:
                raise
            await _pause(SETTINGS_S, stop)  # every source was switched off: one may come back
        finally:
            await collector.close()
        first = False
    return total


async def run_until_signalled(
    sources: Sequence[str] | None,
    clock: Callable[[], datetime],
    *,
    said: Callable[[str, str, str], None] | None = None,
    ready: Callable[[dict[str, int]], None] | None = None,
) -> Collected:
    """`run`, stopped cleanly by Ctrl-C or SIGTERM: journal flushed, last batch committed, leases given back."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return await run(sources, stop, clock, said=said, ready=ready)


class _Collector:
    def __init__(self, clock: Callable[[], datetime], said: Callable[[str, str, str], None]) -> None:
        self._clock, self._said = clock, said
        self._database = ThreadPoolExecutor(1, "collect-database")
        self._notices: deque[_Notice] = deque()
        self._commits: Commits | None = None
        self._receivers: dict[str, Receiver] = {}
        self._sources: dict[str, Source] = {}
        self._memories: dict[str, Memory] = {}  # of the thread of the database alone
        self._watches: dict[str, Watch] = {}
        self._failing: dict[str, str] = {}
        self._retry_at: dict[str, float] = {}
        self._wanted: Sequence[str] | None = None
        self._settings_at = 0.0
        self._parsed_to: dict[str, int] = {}
        self._look_at: dict[str, float] = {}
        self._tickets = self._calls = self._quarantined = 0

    async def start(self, wanted: Sequence[str] | None) -> Settings:
        """Check every source, take the leases, make the receivers. What cannot work is said, the rest starts.

        Returns the settings it started from.
        """
        self._wanted = wanted
        sources = await self._in_database(lambda: _configured(wanted))
        usable: list[Source] = []
        whys: list[str] = []
        for source in sources:
            why = await self._in_database(lambda source=source: _why_unusable(source))  # type: ignore[misc]
            if why:
                self.notice(source.code, "alarm", why, self._clock())
                whys.append(f"{source.code}: {why}")
            else:
                usable.append(source)
        if not usable:
            await self._write_notices()
            raise NothingToCollect(
                "No source can be collected. " + (" ".join(whys) or "Load one first: ardoise load DIR")
            )
        journals = {source.code: journal_of(source.code) for source in usable}
        self._commits = Commits(journals, notice=self.notice, clock=self._clock)
        for source in usable:
            self._sources[source.code] = source
            self._prepare(source, self._commits)
        return _settings_of(sources)

    def _prepare(self, source: Source, commits: Commits) -> None:
        if source.transport == Source.Transport.FILES:
            make_folder(folder_of(source))
            self._watches[source.code] = Watch(folder_of(source), source.pattern)
            return
        kind = receiver_of(source.transport)
        self._receivers[source.code] = kind(feed_of(source), commits, notice=self.notice, clock=self._clock)

    async def run(
        self, stop: asyncio.Event, settings: Settings, ready: Callable[[dict[str, int]], None] | None
    ) -> Collected:
        """Until `stop`, or until the settings of the sources are no longer those."""
        assert self._commits is not None
        await self._refresh_protection()  # before the first byte
        over, flushed = asyncio.Event(), asyncio.Event()
        receiving = [asyncio.create_task(self._receive(receiver, over)) for receiver in self._receivers.values()]
        background = [
            asyncio.create_task(self._commits.run(flushed)),
            asyncio.create_task(self._look_after(over)),
            asyncio.create_task(self._say_ready(over, ready)),
            asyncio.create_task(_end_with(stop, over)),
        ]
        try:
            while not over.is_set():
                more = await self._turn()
                if await self._settings_changed(settings):
                    over.set()
                await _pause(BEHIND_S if more else PARSE_S, over)
            await asyncio.gather(*receiving)
        finally:
            over.set()
            flushed.set()
            await asyncio.gather(*receiving, *background, return_exceptions=True)
        await self._commits.flush()
        await self._turn(everything=True)
        unwritten = sum(self._commits.unwritten().values())
        return Collected(self._tickets, self._calls, self._quarantined, unwritten)

    async def _receive(self, receiver: Receiver, over: asyncio.Event) -> None:
        """A receiver that fails is started again: the other sources never notice."""
        while not over.is_set():
            task = asyncio.create_task(receiver.run(over))
            await asyncio.wait({task})
            error = task.exception()
            if error is not None:
                log.error("receiver of source %s", receiver.feed.source, exc_info=error)
                receiver.say("alarm", Said("receiver", why=str(error)))
                await _pause(FAILING_S, over)

    async def _settings_changed(self, settings: Settings) -> bool:
        """Looked at every few seconds: a source was loaded, changed or switched off."""
        now_s = asyncio.get_running_loop().time()
        if now_s < self._settings_at:
            return False
        self._settings_at = now_s + SETTINGS_S
        try:
            return settings != _settings_of(await self._in_database(lambda: _configured(self._wanted)))
        except (DatabaseError, LookupError) as error:
            log.warning("settings of the sources not read: %s", error)
            return False

    async def close(self) -> None:
        """Give the leases back, whatever happened."""
        await self._write_notices()
        if self._commits is not None:
            await asyncio.to_thread(self._commits.close)
        await self._in_database(connections.close_all)
        self._database.shutdown()

    def notice(self, source: str, kind: str, text: str, at: datetime) -> None:
        """Called from the loop and from the journal's thread: a deque takes both."""
        self._notices.append(_Notice(source, kind, text, at))
        self._said(source, kind, text)

    async def _turn(self, *, everything: bool = False) -> bool:
        """Parse what came, take the files that are complete, write what was noticed. Returns whether more waits."""
        due = [code for code in self._receivers if self._is_due(code) or everything]
        more = await self._parse(due)
        while everything and more:
            more = await self._parse(more)
        for code in self._watches:
            if not self._is_due(code) and not everything:
                continue
            try:
                parsed = await self._in_database(lambda code=code: self._take_files(code))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - the journal holds everything; the other sources go on
                self._fails(code, error)
            else:
                self._works(code, parsed)
        await self._write_notices()
        return bool(more)

    async def _parse(self, due: Sequence[str]) -> list[str]:
        """One batch of each of these sources; returns those of which more waits, or that another process parses."""
        if not due:
            return []
        assert self._commits is not None
        sources, until = {code: self._sources[code] for code in due}, dict(self._commits.ends)
        turn = await self._in_database(
            lambda: operations.parse_together(memories=self._memories, sources=sources, now=self._clock(), until=until)
        )
        for code, parsed in turn.parsed.items():
            self._works(code, parsed)
        for code, error in turn.failed.items():
            self._fails(code, error)
        for code in turn.busy:
            self._parsed_to.pop(code, None)
        return sorted(turn.busy)

    def _works(self, code: str, parsed: operations.Parsed) -> None:
        if self._failing.pop(code, ""):
            self.notice(code, "event", "Tickets are read again", self._clock())
        self._tickets += parsed.tickets
        self._calls += parsed.calls
        self._quarantined += parsed.quarantined

    def _is_due(self, code: str) -> bool:
        """Something came, or it is time to look at calls that wait for their last ticket."""
        assert self._commits is not None
        now_s = asyncio.get_running_loop().time()
        if now_s < self._retry_at.get(code, 0.0):
            return False
        written = self._commits.written[code]
        if code in self._receivers and self._parsed_to.get(code) == written and now_s < self._look_at.get(code, 0.0):
            return False
        self._parsed_to[code], self._look_at[code] = written, now_s + IDLE_S
        return True

    def _take_files(self, code: str) -> operations.Parsed:
        assert self._commits is not None
        watch, writer = self._watches[code], self._commits.writer(code)
        return operations.take_files(source=code, writer=writer, now=self._clock(), watch=watch, stable_s=STABLE_S)

    def _fails(self, code: str, error: Exception) -> None:
        """Said once: the journal keeps everything, so that nothing is lost while it fails."""
        text = Said("unreadable_journal", why=str(error))
        self._look_at[code] = 0.0
        self._retry_at[code] = asyncio.get_running_loop().time() + FAILING_S
        if self._failing.get(code) != text:
            self._failing[code] = text
            log.warning("source %s", code, exc_info=error)
            self.notice(code, "alarm", text, self._clock())

    async def _write_notices(self) -> None:
        """Keep notices until the database takes them."""
        while self._notices:
            some = list(islice(self._notices, NOTICES_TOGETHER))
            try:
                await self._in_database(lambda some=some: _keep(some))  # type: ignore[misc]
            except (DatabaseError, OSError, LookupError) as error:
                log.warning("notices not written yet: %s", error)
                return
            for _ in some:
                self._notices.popleft()

    async def _refresh_protection(self) -> None:
        found = await self._in_database(lambda: protections(list(self._receivers)))
        for code, receiver in self._receivers.items():
            receiver.protection = found[code]

    async def _look_after(self, over: asyncio.Event) -> None:
        codes = cycle([*self._receivers, *self._watches])
        while not over.is_set():
            await _pause(PROTECTION_S, over)
            try:
                await self._refresh_protection()
                some = {next(codes) for _ in range(min(SOURCES_LOOKED_AT, len(self._receivers) + len(self._watches)))}
                await self._in_database(lambda some=some: alarms.look_at(some, now=self._clock()))  # type: ignore[misc]
            except DatabaseError as error:
                log.warning("protected extensions and alarms not read again: %s", error)  # those of before hold

    async def _say_ready(self, stop: asyncio.Event, ready: Callable[[dict[str, int]], None] | None) -> None:
        listeners = {code: one for code, one in self._receivers.items() if one.listens}
        while not stop.is_set() and any(one.bound_port is None for one in listeners.values()):
            await _pause(0.05, stop)
        if ready is not None and not stop.is_set():
            ready({code: one.bound_port or 0 for code, one in listeners.items()})

    async def _in_database(self, work: Callable[[], T]) -> T:
        def turn() -> T:
            close_old_connections()  # one that a database server closed overnight is opened again
            return work()

        return await asyncio.get_running_loop().run_in_executor(self._database, turn)


@transaction.atomic
def _keep(notices: Sequence[_Notice]) -> None:
    for one in notices:
        operations.note(source=one.source, kind=one.kind, text=one.text, now=one.at)


def feed_of(source: Source) -> Feed:
    """What receiving must know of a source. Raises UnknownFormat, BadLink."""
    return Feed(
        source.code,
        registry.get(source.format),
        options_of(source),
        source.host,
        source.port or 0,
        link=link_of(source.transport, source.link),
        folder=folder_of(source),
        pattern=source.pattern,
        zone=source.zone,
        blobs=blobs(),
    )


def _configured(wanted: Sequence[str] | None) -> list[Source]:
    if wanted is not None:
        return [operations.source_of(code) for code in wanted]
    return list(Source.objects.select_related("issuer").filter(active=True).order_by("code"))


def _settings_of(sources: Sequence[Source]) -> Settings:
    return [model_to_dict(source) for source in sources]


def _why_unusable(source: Source) -> str:
    """Why this source cannot be collected, in words for whoever configured it; "" when it can."""
    try:
        format = registry.get(source.format)
        format.reader(options_of(source))
        duplicate_rule(source, format)
        StreamClock(source.zone)
        for column, message in problems(source.transport, host=source.host, port=source.port, link=source.link):
            return message if column == "link" else f"The {column} {message}."
        check_secrets(link_of(source.transport, source.link))
    except (registry.UnknownFormat, BadOption, BadLink, ValueError) as error:
        return str(error)
    if source.transport not in RECEIVERS and source.transport != Source.Transport.FILES:
        return f"This version does not receive by {source.transport}."
    return ""


def _allow_open_files() -> None:
    """As many as the system lets us have without being asked, up to FILES_OPEN."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_OPEN if hard == resource.RLIM_INFINITY else min(FILES_OPEN, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _end_with(stop: asyncio.Event, over: asyncio.Event) -> None:
    """Set `over` as soon as `stop` is; ends when either is."""
    while not over.is_set():
        if stop.is_set():
            over.set()
        await _pause(0.05, stop if not stop.is_set() else over)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
