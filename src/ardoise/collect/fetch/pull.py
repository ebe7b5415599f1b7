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
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ardoise.collect.commits import Clock, Commits, Notices
from ardoise.collect.fetch.service import Service, Window
from ardoise.collect.fetch.services import SERVICES
from ardoise.collect.fetch.web import ServiceDown, ServiceRefused, Web, client_of
from ardoise.collect.links import BadLink, link_of
from ardoise.collect.receive import Feed, Receiver
from ardoise.collect.waiting import Pauses, Stopped, sleep, unless
from ardoise.collect.webhook import Webhook
from ardoise.collect.wording import said_by
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
        pushed = asyncio.create_task(self._take_pushes(stop))
        try:
            await self._ask(stop)
        finally:
            if not stop.is_set():  # something failed here: the service starts both again
                pushed.cancel()
            await asyncio.wait({pushed})

    async def _ask(self, stop: asyncio.Event) -> None:
        """Turns, until the end; what keeps them from working is said once."""
        pauses, said = Pauses(), ""
        while not stop.is_set():
            pause_s = int(self.feed.link.text("every_s") or 0)
            try:
                service = SERVICES[self.feed.link.text("service")](self.feed)
                pause_s = pause_s or service.every_s
                await unless(stop, self._serve(service, stop, pause_s))
            except Stopped:
                return
            except (ServiceRefused, ServiceDown, BadLink) as error:
                if str(error) != said:
                    said = str(error)
                    self.say("alarm", said_by(error))
                await sleep(min(pauses.next() * 10, pause_s or 600), stop)

    async def _serve(self, service: Service, stop: asyncio.Event, pause_s: int) -> None:
        """Turn after turn with one client and one login, until something fails."""
        async with client_of(service.base, self.feed.link.text("certificate")) as client:
            web = Web(client, self.feed.link.text("service"), service.login(), stop, self._clock)
            while not stop.is_set():
                await self._turn(service, web, stop)
                self.turns += 1
                await sleep(pause_s, stop)

    # --- pushes

    async def _take_pushes(self, stop: asyncio.Event) -> None:
        """Listen for posts too, when the link says where."""
        link = self.feed.link
        if not link.text("push_port"):
            return
        settings = {"path": link.text("push_path"), "secret": link.text("push_secret"), "proof": "yeastar"}
        feed = replace(
            self.feed, host=link.text("push_host"), port=link.whole("push_port"), link=link_of("webhook", settings)
        )
        await _Pushed(self, feed, self._commits, notice=self._notice, clock=self._clock).run(stop)

    def was_pushed(self, body: bytes) -> None:
        """These records need not be taken again when they are asked for."""
        self._remember_body(body)

    # --- where we stand

    def _remember(self) -> None:
        """From the end of the journal: the window read last, and the records of the last days."""
        journal = self._commits.writer(self.feed.source).journal
        since_at = self._clock() - timedelta(days=8)
        try:
            for entry in journal.read_last():
                if entry.kind is Kind.BYTES and entry.arrived_at >= since_at:
                    self._remember_body(entry.payload)
                elif entry.kind is Kind.FILE:
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
        self._remember_body(body)

    def _remember_body(self, body: bytes) -> None:
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
        key = (reading.record_id or reading.call_id or "") if isinstance(reading, Leg) else ""
        said = _hash(_essence(reading) if key and isinstance(reading, Leg) else repr(reading))
        name = _hash(key) if key else said
        before = self._taken.get(name)
        self._taken[name] = said
        self._taken.move_to_end(name)
        while len(self._taken) > REMEMBERED_RECORDS:
            self._taken.popitem(last=False)
        return before != said


class _Pushed(Webhook):
    """The posts of a service that pushes what it can also be asked for: they come at once, and are not asked again."""

    def __init__(self, puller: Puller, feed: Feed, commits: Commits, *, notice: Notices, clock: Clock) -> None:
        super().__init__(feed, commits, notice=notice, clock=clock)
        self._puller = puller

    def post(self, data: bytes) -> None:
        self.protection = self._puller.protection
        super().post(data)
        self._puller.was_pushed(self._redacted(data, self._clock()))


def _essence(leg: Leg) -> str:
    """What of a record decides about its call: a push and a row of the same call say it in other words."""
    said = (leg.duration_s, leg.answered, leg.voicemail, leg.calling, leg.called, leg.dialled, leg.direction, leg.trunk)
    return repr((*said, leg.account_code, leg.operator_price, leg.currency, leg.kind, leg.units))


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
