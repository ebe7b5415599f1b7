"""One batch of a source: journal entries in, the rows to write out. Reads the database, writes nothing.

Every ticket ends in exactly one place: in a call, among the events, in quarantine, or waiting for the tickets that
complete its call. `Batch.counts` keeps that equation by local day of arrival.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import polars as pl
from django.conf import settings
from django.db.models import Count

from ardoise.collect.forgetting import Forgetting
from ardoise.collect.models import (
    FreshUsage,
    Quarantined,
    RecentTickets,
    SeenTicket,
    Source,
    SourceEvent,
    SourceState,
    TakenFile,
)
from ardoise.collect.reading import (
    CONTENT_BYTES,
    Connected,
    Cutter,
    FileBegin,
    FileEnd,
    Notice,
    Replays,
    Step,
    Ticket,
    content_of,
    is_noise,
)
from ardoise.collect.signs import Signs, utc_hour
from ardoise.core.assembly import AssembledCall, Assembler, AssemblyPolicy
from ardoise.core.legs import TimedLeg
from ardoise.core.localtime import ImpossibleTime, StreamClock
from ardoise.core.phone import DialPlan
from ardoise.core.schema import USAGE
from ardoise.core.usage import Event, Leg, Reading, Unreadable, Usage, said_by
from ardoise.formats import registry
from ardoise.formats.delimited import load_profile
from ardoise.formats.spec import Format
from ardoise.store.blobs import Blobs
from ardoise.store.journal import Journal, JournalDamaged, Kind, Position, ReceivedFile
from ardoise.store.models import TableName
from ardoise.store.queries import scan
from ardoise.store.tables import schema_of

BATCH_TICKETS, LARGEST_BATCH_TICKETS = 2000, 20_000  # in step with the stream; far behind
LIVE_TRANSPORTS = ("tcp_server", "tcp_client", "webhook", "radius", "agent")  # tickets arrive as they are printed
LONGEST_RECORD_BYTES = 64 * 1024
EVERYTHING_IS_OLD = timedelta(days=3650)
LONGEST_CALL_S = 366 * 86_400
LARGEST_NUMBER = 10**18  # of units and of millionths of a currency: below what 64 bits hold
YEARS = (1970, 2199)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

WHOLE_DELIVERIES = {Source.Transport.FILES, Source.Transport.SFTP, Source.Transport.HTTPS}
DuplicateRule = Literal["stream", "keyed", "cumulative"]


def journal_of(source_code: str) -> Journal:
    return Journal(Path(settings.ARDOISE_HOME) / "journal", source_code)


def blobs() -> Blobs:
    return Blobs(Path(settings.ARDOISE_HOME) / "blobs")


def options_of(source: Source) -> dict[str, str]:
    """The options of a source as its format takes them."""
    return {str(name): str(value) for name, value in source.options.items()}


def duplicate_rule(source: Source, format: Format) -> DuplicateRule:
    """How a second delivery of a ticket is told from a second call (DESIGN section 5, never twice)."""
    has_profile = any(option.name == "profile" for option in format.spec.options)
    profile = options_of(source).get("profile", "") if has_profile else ""
    kind = load_profile(profile).kind if profile else format.spec.kind  # an operator's profile says whether it has ids
    if kind == "keyed":
        return "keyed"
    if source.transport == Source.Transport.TAIL:
        return "stream"  # it is read on from its very byte: two equal lines are two calls
    # Files of a stream format are re-sent whole, with more lines: what counts is the most seen in one delivery.
    return "cumulative" if kind == "cumulative" or source.transport in WHOLE_DELIVERIES else "stream"


class Memory:
    """Where the reading of a source stands: what `SourceState` keeps, ready for the next batch.

    A process that parses a source again and again keeps it between two batches; it holds as long as `version` is that
    of the row. A batch that was not written has spoilt it: load it again.
    """

    def __init__(self, source: Source, state: SourceState) -> None:
        """Raises UnknownFormat, BadOption, UnknownZone: the source must be set right first."""
        self.source, self.state_id, self.version = source, state.pk, state.version
        self.format = registry.get(source.format)
        self.rule = duplicate_rule(source, self.format)
        self.cutter = Cutter(self.format, options_of(source), blobs(), state.reader.get("cutter", {}))
        self.replays = Replays.resume(state.reader.get("replays", {}), seen=state.seen, tail=lambda: tail_of(source))
        self.clock = StreamClock(source.zone, state.clock)
        self.assembler = Assembler(policy_of(source), state.assembler or None)
        self.zone = ZoneInfo(source.zone)
        self.position = Position(state.segment, state.offset) if state.segment else None
        self.waiting: dict[str, str] = dict(state.waiting)
        self.last_ticket_at = state.last_ticket_at
        forgotten = state.reader.get("forgotten", [])
        self.forgetting = Forgetting(
            journal_of(source.code), self.format, options_of(source), forgotten, near=self.cutter.recent
        )
        self.signs = Signs(
            state.reader.get("signs"),
            sequence=self.format.spec.sequence,
            is_live=source.transport in LIVE_TRANSPORTS,
        )
        self.is_warm = self.position is None  # the readers of the format know what came before
        self.batch_tickets = BATCH_TICKETS

    @classmethod
    def load(cls, source: Source) -> Memory:
        """As the database has it. Raises as the constructor."""
        return cls(source, SourceState.objects.get_or_create(source=source)[0])

    def written(self, contents: Sequence[bytes]) -> None:
        """The batch is in the database, the contents of its tickets with it: the next one starts from here."""
        self.version += 1
        self.replays.saved(contents)


class Batch:
    """The work of one batch: `collect`, then the rows below are written in one transaction by `operations`."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.source = memory, memory.source
        self._started_at = memory.position
        self.tickets = 0
        self.usages: dict[str, Usage] = {}
        self.seen: list[SeenTicket] = []
        self.seen_again: dict[int, SeenTicket] = {}  # keyed: rows whose content the sender changed
        self.rewritten: set[str] = set()  # usage ids written before this batch, and again by it
        self.quarantined: list[Quarantined] = []
        self.events: list[SourceEvent] = []
        self.files: list[TakenFile] = []
        self.counts: defaultdict[date, Counter[str]] = defaultdict(Counter)
        self.coverage: Counter[date] = Counter()
        self.hours: Counter[datetime] = Counter()  # tickets by UTC hour of arrival
        self._delivered: Counter[bytes] = Counter()  # of the file being read: how often each line came
        self._skips_file = False
        self._keys: dict[bytes, SeenTicket] = {}  # keyed: the ids known, and those of this batch
        self._usage_ids: dict[str, str] = {}  # keyed: ticket id -> the usage it says anew
        self._last_day: tuple[datetime, date] | None = None
        self._arrived_at: datetime | None = None
        self._day_text, self._hour = "", utc_hour(_EPOCH)
        self._of_day: Counter[str] = Counter()

    # --- in

    def collect(self, *, now: datetime, until: Position | None = None) -> bool:
        """Take the next entries of the journal, up to a number of tickets. Returns whether more follow.

        `until` is where a writer of this process says that the journal ends: it spares asking the disk. The further
        behind, the larger the batch.
        """
        memory = self.memory
        steps, more = self._next_steps(now, until)
        memory.batch_tickets = min(2 * memory.batch_tickets, LARGEST_BATCH_TICKETS) if more else BATCH_TICKETS
        known = Counter[bytes]() if memory.rule == "stream" else self._known(steps)
        for step in steps:
            if isinstance(step, Ticket):
                if not self._skips_file and not is_noise(step):
                    self._ticket(step, known)
            else:
                self._take(step)
        self.close_overdue(now=now)
        return more

    def close_overdue(self, *, now: datetime) -> None:
        """Make calls of the tickets that waited for others long enough."""
        self._close(self.memory.assembler.flush(now))

    def close_all(self, *, now: datetime) -> None:
        """Make calls of the tickets that wait for others, whatever they still miss."""
        self._close(self.memory.assembler.flush(now + EVERYTHING_IS_OLD))

    def changed(self) -> bool:
        """Whether anything must be written."""
        return self.memory.position != self._started_at or bool(self.counts)

    def reader_state(self) -> dict[str, Any]:
        memory = self.memory
        return {
            "cutter": memory.cutter.state(),
            "replays": memory.replays.state(),
            "signs": memory.signs.state(),
            "forgotten": memory.forgetting.state(),
        }

    def _next_steps(self, now: datetime, until: Position | None) -> tuple[list[Step], bool]:
        """Entries whole: a file is one batch, whatever its size."""
        memory, cutter = self.memory, self.memory.cutter
        steps: list[Step] = []
        start = memory.position if memory.is_warm else cutter.warm_from or memory.position
        try:
            for entry in journal_of(self.source.code).read(start, until=until):
                if not memory.is_warm and memory.position is not None and entry.position < memory.position:
                    cutter.warm_up(entry)
                    continue
                memory.is_warm = True
                steps.extend(cutter.steps(entry))
                memory.position = entry.after
                if len(steps) >= memory.batch_tickets:
                    return steps, True
        except JournalDamaged as damage:
            # What lies there cannot be read by anybody: say it once, and go on behind it, without looking back.
            cutter.forget_warm()
            memory.position = damage.resume
            memory.is_warm = True
            steps.append(Notice(f"{damage.at}.damage", "alarm", str(damage), now))
            return steps, True
        return steps, False

    # --- one step

    def _take(self, step: Step) -> None:
        match step:
            case Notice():
                if step.kind == "alarm":
                    self.memory.signs.damage(step.text, step.at_position, step.at)
                self._event(f"{self.source.code}:{step.at_position}!{step.kind}", step.kind, step.text, step.at)
            case Connected():
                self.memory.replays.connected(step.connection)
            case FileBegin():
                self._delivered.clear()
                self._skips_file = self._is_taken(step)
            case FileEnd():
                if not self._skips_file:
                    self._file_taken(step)
                self._skips_file = False

    def _ticket(self, ticket: Ticket, known: Counter[bytes]) -> None:
        self.tickets += 1
        if ticket.arrived_at is not self._arrived_at:
            self._arrive(ticket.arrived_at)
        self._of_day["received"] += 1
        self.hours[self._hour] += 1
        if self.memory.rule == "keyed" and isinstance(ticket.reading, Leg) and (key := _key_of(ticket.reading)):
            self._leg(ticket, ticket.reading, key=key)
            return
        duplicate = self._duplicate(ticket, known)
        if duplicate:
            if isinstance(ticket.reading, Leg):
                raw = self.memory.forgetting.again(ticket.ticket_id, ticket.reading, ticket.raw)
                ticket = replace(ticket, raw=raw) if raw is not ticket.raw else ticket
            self._quarantine(ticket, *duplicate)
            return
        reading = ticket.reading
        if isinstance(reading, Leg):
            self._leg(ticket, reading)
        elif isinstance(reading, Event):
            self._event(ticket.ticket_id, reading.kind, reading.text, ticket.arrived_at, noticed=False)
            self._count(ticket.arrived_at, "events")
            self.memory.signs.event(reading, ticket.ticket_id, ticket.arrived_at)
        else:
            self._quarantine(ticket, reading.reason, reading.detail)
            self.memory.signs.unreadable(reading.reason, ticket.ticket_id, ticket.arrived_at)

    def _arrive(self, at: datetime) -> None:
        """Tickets that came together share their instant: what follows from it is found once."""
        self._arrived_at = self.memory.last_ticket_at = at
        self._day_text = self._day(at).isoformat()
        self._of_day = self.counts[self._day(at)]
        self._hour = utc_hour(at)

    def _duplicate(self, ticket: Ticket, known: Counter[bytes]) -> tuple[str, str] | None:
        """Why this ticket was already taken, or None; a new one gets its identity here."""
        replays = self.memory.replays
        if self.memory.rule == "stream":
            if replays.is_replay(ticket):
                return "replayed", "the PBX sent its last tickets again after a reconnection"
            if not (ticket.cut and isinstance(ticket.reading, Unreadable)):  # that one, sent again whole, is new
                replays.taken(ticket)
            return None
        if isinstance(ticket.reading, Event):
            return None  # each file has its own header
        content = content_of(ticket.raw)
        self._delivered[content] += 1
        if self._delivered[content] <= known[content]:
            return "duplicate", "this line was already taken from an earlier file"
        known[content] += 1
        self._see(ticket, content_of(content, str(known[content])), content)
        return None

    def _leg(self, ticket: Ticket, leg: Leg, *, key: str = "") -> None:
        """`key` is the sender's own id, where it has one that names the ticket for ever."""
        if impossible := why_impossible(leg):
            self._quarantine(ticket, "impossible_value", impossible)
            return
        lasted_s = leg.duration_s + (leg.ring_s or 0)
        resolved = self.memory.clock.resolve(leg.start, arrived_at=ticket.arrived_at, lasted_s=lasted_s)
        if isinstance(resolved, ImpossibleTime):
            self._quarantine(ticket, "impossible_date", resolved.reason)
            return
        if key and (duplicate := self._keyed(ticket, key)):
            self._quarantine(ticket, *duplicate)
            return
        self.memory.waiting[ticket.ticket_id] = self._day_text
        start_at = resolved.at
        if leg.extras.get("start_is_answer"):  # some senders print when it was answered, and the ringing before
            start_at -= timedelta(seconds=leg.ring_s or 0)
        timed = TimedLeg(ticket.ticket_id, self.source.code, start_at, resolved.flags, ticket.arrived_at, leg)
        assembler = self.memory.assembler
        self._close(assembler.add(timed))
        self.memory.signs.leg(leg, start_at=start_at, arrived_at=ticket.arrived_at, epoch=assembler.epoch)

    def _keyed(self, ticket: Ticket, key: str) -> tuple[str, str] | None:
        """Why this id adds nothing, or None: it is new, or replaces what it said before."""
        content, identity = content_of(_said_by(ticket.reading)), _identity_of(key)
        before = self._keys.get(identity)
        if before is None:
            self._keys[identity] = self._see(ticket, identity, content)
            return None
        if bytes(before.content) == content:
            return "duplicate", f"the sender's id {key} was already taken, with the same content"
        before.usage_id = before.usage_id or before.ticket_id
        self._supersede(before.ticket_id, key)
        self._usage_ids[ticket.ticket_id] = before.usage_id
        before.content, before.ticket_id = content, ticket.ticket_id
        if before.pk:
            self.seen_again[before.pk] = before
        return None

    def _supersede(self, ticket_id: str, key: str) -> None:
        """The ticket that this id stood for leaves its call for the quarantine, with its bytes from the journal.

        One that said itself that it was not the last word (`in_progress`) is an event: its successor was expected.
        """
        entry, at = journal_of(self.source.code).entry_of(ticket_id)
        payload = blobs().get(ReceivedFile.of(entry).digest) if entry.kind is Kind.FILE else entry.payload
        raw = self.memory.format.frame(payload[at : at + LONGEST_RECORD_BYTES], final=True)[0][0]
        self.counts[self._day(entry.arrived_at)].update({"in_calls": -1, "calls": -1})
        before = self.memory.format.reader(options_of(self.source))(raw)
        if isinstance(before, Leg) and before.extras.get("in_progress"):
            text = f"replaced by a later record of {key}"
            self._event(ticket_id, "interim", text, entry.arrived_at, noticed=False)
            self._count(entry.arrived_at, "events")
            return
        reading = Unreadable("superseded", f"the sender gave its id {key} again with other content")
        self._quarantine(Ticket(ticket_id, raw, entry.arrived_at, reading), reading.reason, reading.detail)

    # --- out

    def _close(self, calls: Sequence[AssembledCall]) -> None:
        waiting = self.memory.waiting
        for call in calls:
            usage = call.usage
            if "no_detail" in usage.flags:
                self.memory.forgetting.call([(timed.ticket_id, timed.leg) for timed in call.legs])
            for timed in call.legs:
                arrived = waiting.pop(timed.ticket_id)
                of_day = self._of_day if arrived == self._day_text else self.counts[date.fromisoformat(arrived)]
                of_day["in_calls"] += 1
            if self._usage_ids and usage.usage_id in self._usage_ids:
                usage = replace(usage, usage_id=self._usage_ids.pop(usage.usage_id))
                self._take_back(usage.usage_id)
            self.counts[self._day(call.legs[-1].arrived_at)]["calls"] += 1
            self.coverage[self._local(usage.start_at)] += 1
            self.usages[usage.usage_id] = usage

    def _take_back(self, usage_id: str) -> None:
        """The call is about to be written again under the same id: undo what counted it before."""
        before = self.usages.get(usage_id)
        answered_at = before.start_at if before else self._start_of(usage_id)
        if answered_at is not None:
            self.coverage[self._local(answered_at)] -= 1
        if before is None:
            self.rewritten.add(usage_id)

    def _start_of(self, usage_id: str) -> datetime | None:
        row = FreshUsage.objects.filter(pk=usage_id).first()
        if row is not None:
            return datetime.fromisoformat(row.row[USAGE.start_at])
        sealed = scan(TableName.USAGE, None, [USAGE.start_at], pl.col(USAGE.usage_id) == usage_id)
        return next(iter(sealed.collect().get_column(USAGE.start_at)), None)

    def _is_taken(self, begin: FileBegin) -> bool:
        """The same bytes journalled twice (a crash, two folders): an event, and nothing is counted again."""
        taken_at = self._taken_before(begin)
        if taken_at is not None:
            text = already_taken(begin.received.name, taken_at)
            self._event(f"{self.source.code}:{begin.position}!file", "file", text, begin.at)
        return taken_at is not None

    def _taken_before(self, begin: FileBegin) -> datetime | None:
        digest = begin.received.digest
        taken = TakenFile.objects.filter(source=self.source, sha256=digest).first()
        taken = taken or next((file for file in self.files if file.sha256 == digest), None)
        return taken.taken_at if taken else None

    def _file_taken(self, end: FileEnd) -> None:
        self.memory.signs.file(end.received.name, end.at)
        self.files.append(
            TakenFile(
                source=self.source,
                name=end.received.name,
                sha256=end.received.digest,
                size_bytes=end.received.size_bytes,
                tickets=end.tickets,
                taken_at=end.at,
            )
        )

    def _see(self, ticket: Ticket, identity: bytes, content: bytes) -> SeenTicket:
        seen = SeenTicket(
            source=self.source,
            identity=identity,
            content=content,
            ticket_id=ticket.ticket_id,
            printed_date=_printed_date(ticket.reading) or self._day(ticket.arrived_at),
        )
        self.seen.append(seen)
        return seen

    def _quarantine(self, ticket: Ticket, reason: str, detail: str) -> None:
        self._count(ticket.arrived_at, "quarantined")
        self.quarantined.append(
            Quarantined(
                ticket_id=ticket.ticket_id,
                source=self.source,
                raw=ticket.raw,
                reason=reason,
                detail=f"{ticket.file}, line {ticket.line_number}: {detail}" if ticket.file else detail,
                arrived_at=ticket.arrived_at,
                line_number=ticket.line_number,
            )
        )

    def _event(self, ticket_id: str, kind: str, text: str, at: datetime, *, noticed: bool = True) -> None:
        self.events.append(
            SourceEvent(
                source=self.source, ticket_id=ticket_id, kind=kind[:20], text=text, arrived_at=at, noticed=noticed
            )
        )

    def _count(self, at: datetime, what: str) -> None:
        self.counts[self._day(at)][what] += 1

    def _day(self, at: datetime) -> date:
        """The local day; tickets that came together share their instant."""
        if self._last_day is None or self._last_day[0] is not at:
            self._last_day = at, self._local(at)
        return self._last_day[1]

    def _local(self, at: datetime) -> date:
        return at.astimezone(self.memory.zone).date()

    # --- what the database knows

    def _known(self, steps: Sequence[Step]) -> Counter[bytes]:
        """How often the content of each of these tickets was taken before; for ids of the sender, who has them."""
        tickets = [step for step in steps if isinstance(step, Ticket) and not is_noise(step)]
        if self.memory.rule == "keyed":
            keys = {_key_of(ticket.reading) for ticket in tickets if isinstance(ticket.reading, Leg)} - {""}
            for some in _chunks(sorted({_identity_of(key) for key in keys})):
                for seen in SeenTicket.objects.filter(source=self.source, identity__in=some):
                    self._keys[bytes(seen.identity)] = seen
        known: Counter[bytes] = Counter()
        for some in _chunks(sorted({content_of(ticket.raw) for ticket in tickets})):
            rows = SeenTicket.objects.filter(source=self.source, content__in=some).values_list("content")
            known.update({bytes(content): count for content, count in rows.annotate(times=Count("pk"))})
        return known


def tail_of(source: Source) -> list[bytes]:
    """The contents of the last tickets of a stream, in order, TAIL_TICKETS at least when there were as many."""
    blocks = RecentTickets.objects.filter(source=source).order_by("first").values_list("contents", flat=True)
    joined = b"".join(bytes(block) for block in blocks)
    return [joined[at : at + CONTENT_BYTES] for at in range(0, len(joined), CONTENT_BYTES)]


def already_taken(name: str, taken_at: datetime) -> str:
    return f"{name}: these bytes were already taken on {taken_at:%Y-%m-%d %H:%M} UTC, nothing is counted twice"


def usage_row(usage: Usage) -> dict[str, Any]:
    """The columns of `core.schema.USAGE` as JSON values, instants as ISO text."""
    row = {name: getattr(usage, name) for name in USAGE.columns()}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def usage_frame(usages: Sequence[Usage]) -> pl.DataFrame:
    """The same calls as rows of the usage table."""
    schema = schema_of(TableName.USAGE)
    columns = dict(zip(schema, zip(*map(attrgetter(*schema), usages), strict=True), strict=True))
    made = {name: _column(name, values, schema[name]) for name, values in columns.items()}
    return pl.DataFrame(made)


def _column(name: str, values: Sequence[Any], type: pl.DataType) -> pl.Series:
    if isinstance(type, pl.Datetime):  # handed over as instants they take five times as long
        return pl.Series(name, [(at - _EPOCH) // _MICROSECOND for at in values], dtype=pl.Int64).cast(type)
    if isinstance(values[0], StrEnum):
        values = list(map(str.__str__, values))  # the plain texts: `.value` takes five times as long
    return pl.Series(name, values, dtype=type)


def policy_of(source: Source) -> AssemblyPolicy:
    plan = DialPlan(outside_prefix=source.outside_prefix, country=source.country, area=source.area)
    return AssemblyPolicy.of({str(name): str(value) for name, value in source.assembly.items()}, plan)


def why_impossible(leg: Leg) -> str:
    """Why no usage can hold what this leg says, "" when one can: a number without measure, a year of no PBX."""
    for name, seconds in (("talk", leg.duration_s), ("ringing", leg.ring_s or 0)):
        if not 0 <= seconds <= LONGEST_CALL_S:
            return f"{seconds} s of {name}"
    if not YEARS[0] <= (leg.start.year or YEARS[0]) <= YEARS[1]:
        return f"the year {leg.start.year}"
    if abs(leg.units) > LARGEST_NUMBER:
        return f"{leg.units} units"
    if leg.operator_price is not None and abs(leg.operator_price) > LARGEST_NUMBER // 1_000_000:
        return f"a price of {leg.operator_price}"
    return ""


def _identity_of(key: str) -> bytes:
    return content_of(key.encode(), "key")


def _key_of(leg: Leg) -> str:
    """The id its sender gave this record for ever, "" without one."""
    return leg.record_id or leg.call_id or ""


def _said_by(reading: Reading) -> bytes:
    """What a record of a sender's id says, wherever it stands: a page of records has a head, commas and a tail."""
    return repr(
        {name: value for name, value in said_by(reading).items() if value is not None and value is not False}
    ).encode()


def _printed_date(reading: Reading) -> date | None:
    """The local date a ticket prints, when it prints a whole one."""
    if not isinstance(reading, Leg):
        return None
    if isinstance(reading.start, datetime):
        return reading.start.date()
    if reading.start.year is None:
        return None
    try:
        return date(reading.start.year, reading.start.month, reading.start.day)
    except ValueError:
        return None


def _chunks(values: list[bytes]) -> Iterator[list[bytes]]:
    """Below the number of parameters that every SQLite takes in one statement."""
    for start in range(0, len(values), 500):
        yield values[start : start + 500]
