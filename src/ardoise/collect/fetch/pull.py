"""HTTPS pull: the records of a service, window after window, each once.

Where it stands is derived from the journal alone. Every delivery is named by its window; the last one of a window says
so, and its end is where the next turn goes on. Each turn reads an overlap again; once a night, and at each start, some
days. A page is journalled as received; of a page that was read before, only the records that are new or changed, so
that the journal and the quarantine do not fill up with copies. What comes again all the same is told by its id.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ardoise.collect.fetch.service import Service, Window
from ardoise.collect.fetch.services import SERVICES
from ardoise.collect.fetch.web import ServiceDown, ServiceRefused, Stopped, Web, client_of
from ardoise.collect.links import BadLink
from ardoise.collect.receive import Receiver
from ardoise.collect.waiting import Pauses, sleep
from ardoise.core.usage import Event, Leg, Reading
from ardoise.formats.spec import PagedFormat
from ardoise.store.blobs import BlobDamaged, BlobMissing
from ardoise.store.journal import JournalDamaged, Kind, ReceivedFile

NIGHT_HOUR = 3  # local: from then on, the days before are read again once
REMEMBERED_RECORDS = 200_000
_NAME = re.compile(r"(\S+) \S+--(\S+) page \d+( end)?")


class Puller(Receiver):
    """Asks one service again and again. `turns` counts what was read to the end."""

    turns = 0

    async def run(self, stop: asyncio.Event) -> None:
        self._taken: OrderedDict[bytes, bytes] = OrderedDict()  # record -> what it said
        self._cursor: datetime | None = None
        self._night: date | None = None
        await asyncio.to_thread(self._remember)
        pauses, said = Pauses(), ""
        while not stop.is_set():
            pause_s = int(self.feed.link.text("every_s") or 0)
            try:
                service = SERVICES[self.feed.link.text("service")](self.feed)
                pause_s = pause_s or service.every_s
                await self._serve(service, stop, pause_s)
            except Stopped:
                return
            except (ServiceRefused, ServiceDown, BadLink) as error:
                if str(error) != said:
                    said = str(error)
                    self.say("alarm", said)
                await sleep(min(pauses.next() * 10, pause_s or 600), stop)

    async def _serve(self, service: Service, stop: asyncio.Event, pause_s: int) -> None:
        """Turn after turn with one client and one login, until something fails."""
        async with client_of(service.base, self.feed.link.text("certificate")) as client:
            web = Web(client, self.feed.link.text("service"), service.login(), stop, self._clock)
            while not stop.is_set():
                await self._turn(service, web, stop)
                self.turns += 1
                await sleep(pause_s, stop)

    # --- where we stand

    def _remember(self) -> None:
        """From the end of the journal: the window read last, and the records of the last days."""
        journal = self._commits.writer(self.feed.source).journal
        since_at = self._clock() - timedelta(days=8)
        try:
            for entry in journal.read_last():
                if entry.kind is Kind.FILE:
                    received = ReceivedFile.of(entry)
                    named = _NAME.fullmatch(received.name)
                    if named and named[3] and named[1] == self.feed.link.text("service"):
                        self._cursor = datetime.fromisoformat(named[2])
                    if entry.arrived_at >= since_at:
                        self._remember_delivery(received.digest)
        except JournalDamaged:
            return  # reading again costs duplicates, which are told by their id

    def _remember_delivery(self, digest: str) -> None:
        assert self.feed.blobs is not None
        try:
            body = self.feed.blobs.get(digest)
        except (BlobMissing, BlobDamaged):
            return
        for _, reading in self._readings(body):
            self._is_new(reading)

    def _windows(self, service: Service, now: datetime) -> Iterator[Window]:
        """What to read at this turn, cut to what one request may ask."""
        today = now.astimezone(ZoneInfo(self.feed.zone))
        at_night = self._night is None or (today.date() > self._night and today.hour >= NIGHT_HOUR)
        if self._cursor is None:
            start_at = self._since(today)
        else:
            start_at = self._cursor - (service.nightly if at_night else service.overlap)
        while start_at < now:
            end_at = now if service.longest is None else min(now, start_at + service.longest)
            yield Window(start_at, end_at)
            start_at = end_at

    def _since(self, today: datetime) -> datetime:
        """Where a new source begins: the day its link says, else the first of this month."""
        text = self.feed.link.text("since")
        first = today.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        if not text:
            return first.astimezone(UTC)
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise BadLink(f"The link of this https source, since: {text!r} is no date (2026-10-01)") from error
        return datetime(day.year, day.month, day.day, tzinfo=first.tzinfo).astimezone(UTC)

    # --- one turn

    async def _turn(self, service: Service, web: Web, stop: asyncio.Event) -> None:
        now = self._clock()
        for window in self._windows(service, now):
            await self._pull(service, web, window)
            await self._commits.room(self.feed.source, stop)
        if self._cursor is None or self._cursor < now:
            self._cursor = now
        local = now.astimezone(ZoneInfo(self.feed.zone))
        if self._night is None or local.hour >= NIGHT_HOUR:
            self._night = local.date()

    async def _pull(self, service: Service, web: Web, window: Window) -> None:
        """Journal the pages of a window; one is held back until the next comes, so that the last one can say so."""
        held: bytes | None = None
        number = 1
        try:
            async for page in service.pages(web, window, lambda key: _hash(key) in self._taken):
                fresh = self._fresh_of(page)
                if not fresh:
                    continue
                if held is not None:
                    await self._hand_over(held, window, number, end="")
                    number += 1
                held = fresh
            if held is not None:
                await self._hand_over(held, window, number, end=" end")
            if not await self.on_disk():
                raise ServiceDown("The journal cannot be written: what was read is asked for again")
        except BaseException:
            self._taken.clear()  # what was read and not handed over must be new again
            raise
        self._cursor = max(self._cursor or window.end_at, window.end_at)

    async def _hand_over(self, body: bytes, window: Window, number: int, *, end: str) -> None:
        span = f"{window.start_at:%Y-%m-%dT%H:%M:%SZ}--{window.end_at:%Y-%m-%dT%H:%M:%SZ}"
        await self.deliver(f"{self.feed.link.text('service')} {span} page {number}{end}", body)

    def _fresh_of(self, page: bytes) -> bytes:
        """The page when all of it is new; else its new records alone; b"" without any."""
        read = self._readings(self._redacted(page, self._clock()))
        flags = [self._is_new(reading) for _, reading in read]
        calls = [is_new for is_new, (_, reading) in zip(flags, read, strict=True) if not isinstance(reading, Event)]
        events = [is_new for is_new, (_, reading) in zip(flags, read, strict=True) if isinstance(reading, Event)]
        if not any(calls) and not any(is_new for is_new in events):
            return b""
        if all(calls):
            return page
        return b"".join(
            self._alone(record)
            for is_new, (record, reading) in zip(flags, read, strict=True)
            if is_new or (isinstance(reading, Event) and reading.kind == "header")
        )

    def _alone(self, record: bytes) -> bytes:
        format = self.feed.format
        return format.alone(record) if isinstance(format, PagedFormat) else record

    def _readings(self, body: bytes) -> list[tuple[bytes, Reading]]:
        records, _ = self.feed.format.frame(body, final=True)
        reader = self.feed.format.reader(self.feed.options)
        return [(record, reader(record)) for record in records]

    def _is_new(self, reading: Reading) -> bool:
        """Whether this says something that was not taken yet; from now on it was."""
        if isinstance(reading, Event) and reading.kind in ("noise", "header"):
            return False
        said = _hash(repr(reading))
        key = (reading.record_id or reading.call_id or "") if isinstance(reading, Leg) else ""
        name = _hash(key) if key else said
        before = self._taken.get(name)
        self._taken[name] = said
        self._taken.move_to_end(name)
        while len(self._taken) > REMEMBERED_RECORDS:
            self._taken.popitem(last=False)
        return before != said


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
