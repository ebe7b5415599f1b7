"""The writes of a run: recurring charges, previews, the issue of documents, holds, waivers. Corrections: `corrections`.

Issuing is a run of small transactions: each takes at most `BATCH` documents from what should be billed to what has
been. A crash between two of them, a rerun, or two runs at once cannot double anything: a charge is billed when its
frozen row is committed, in the transaction that also takes the number.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO

import polars as pl
from django.db import transaction

from ardoise.access.models import Event, OutboxMessage
from ardoise.access.operations import log_events, put_messages
from ardoise.bill import charges as tables
from ardoise.bill import negatives, recurring
from ardoise.bill.balances import refuse_spent
from ardoise.bill.cycles import month_closed, refuse_closing
from ardoise.bill.drafts import Drafted, Drafts, Late, Run
from ardoise.bill.lines import LINE_NO, PAYER, sections_minor
from ardoise.bill.models import BillRun, Document, Draft, Hold, Series, Sold, Waiver
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import Problem, validate
from ardoise.core.naming import format_number
from ardoise.core.periods import local_date, month_period
from ardoise.core.postings import NotPosted, post_invoice
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.operations import post_all
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import append_frozen, replace_partition
from ardoise.store.tables import StagedFile, write_parquet

BATCH = 100
AHEAD = 8  # batches drafted before the rules have said of them
IN_MEMORY_BYTES = 64 << 20  # of the drafts of a preview; more wait in a temporary file
PLACEHOLDER = "BROUILLON"  # the number of a document while it is validated (a legal form: BR-FR-02)
NEVER_WAIVED = "equation:"
RENDER = "render"  # outbox messages for `deliver`

Validator = Callable[[Sequence[core.Document]], Sequence[Sequence[Problem]]]


class IssueRefused(ValueError):
    """The documents cannot be issued; the message says why and what to do."""


class HoldRefused(ValueError):
    """The account cannot be held, or released; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a preview made; by account, what would keep its document from being issued, who is held, what came late.

    `late` stands on the drafts; `waiting` on none: its source has the invoice of its period made anew.
    """

    issuer: str
    drafts: int
    net_minor: int
    faulty: dict[str, list[Problem]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)
    late: dict[str, Late] = field(default_factory=dict)
    waiting: dict[str, Late] = field(default_factory=dict)


@dataclass(slots=True)
class Issued:
    """What a run did: numbers issued, accounts left out since they moved after their preview, accounts with a fault.

    A problem of an account says what is wrong and what to do; the other accounts are issued all the same. `held` says
    of each account that waits why it does.
    """

    issuer: str
    numbers: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    faulty: dict[str, list[Problem]] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    carried: dict[str, int] = field(default_factory=dict)


def compute_recurring(*, closes_date: date) -> int:
    """Write the subscriptions and purchases due on a day as open charges; returns how many. Repeatable."""
    month = month_closed(closes_date)
    state = store.state_of(TableName.OPEN, month, tables.RECURRING)
    rows = recurring.compute(closes_date)
    same = store.scan(TableName.OPEN, [month], partition=tables.RECURRING).collect().equals(_sorted(rows))
    with transaction.atomic():
        if not same:
            replace_partition(
                table=TableName.OPEN,
                month=month,
                partition=tables.RECURRING,
                expected_generation=state.generation,
                files=[write_parquet(rows, TableName.OPEN)] if rows.height else [],
            )
        Sold.objects.update_or_create(month=month, defaults={"closes_date": closes_date})
    return rows.height


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("account_id", "at", nulls_last=True, maintain_order=True)


def _sold_of(closes_date: date) -> None:
    """The recurring charges of a month are those of its last computed run: make them this one's."""
    if not Sold.objects.filter(month=month_closed(closes_date), closes_date=closes_date).exists():
        compute_recurring(closes_date=closes_date)


def preview(
    *,
    issuer: Issuer,
    closes_date: date,
    issue_date: date,
    now: datetime,
    validator: Validator | None = None,
    only: Collection[int] | None = None,
) -> Previewed:
    """Remake the drafts of a run. As often as wanted; nothing is numbered, frozen or posted.

    With a `validator` the drafts that are new are shown to the official rules, and the verdict is kept: the issue then
    asks for none of them again. `only` these payers, by account id. Raises ClosingRefused.
    """
    refuse_closing(closes_date, today=local_date(now, issuer.zone))
    _sold_of(closes_date)
    run = Run(issuer, closes_date=closes_date, only=only)
    with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as kept, ThreadPoolExecutor(max_workers=1) as rules:
        seen = _Seen(issuer, closes_date, validator, kept)
        for buckets in run.parts():
            seen.add(run.draft(buckets, issue_date=issue_date, whole=False), rules)
        seen.finish()
        with transaction.atomic():
            BillRun.objects.get_or_create(
                issuer=issuer, closes_date=closes_date, defaults={"created_at": now, "month": run.month}
            )
            row = BillRun.objects.select_for_update().get(issuer=issuer, closes_date=closes_date)
            row.previewed_at = now
            row.save(update_fields=["previewed_at"])
            row.drafts.all().delete()
            for drafts in seen.drafts(row):
                Draft.objects.bulk_create(drafts)
            tables.settle(issuer, run.settled())
        return seen.previewed(held_codes(issuer, run.month))


class _Seen:
    """The drafts of a preview as they are made, part by part: their charges are not kept, and what they say waits in a
    file until all are made, so that a hundred thousand take no more memory than a thousand.
    """

    def __init__(self, issuer: Issuer, closes_date: date, validator: Validator | None, kept: IO[bytes]) -> None:
        self.issuer, self.validator, self._kept = issuer, validator, kept
        self.faulty: dict[str, list[Problem]] = {}
        self.carried: dict[str, int] = {}
        self.late: dict[str, Late] = {}
        self.waiting: dict[str, Late] = {}
        self._codes: dict[str, str] = {}  # fingerprint -> customer
        self._net_minor = 0
        known = Draft.objects.filter(run__issuer=issuer, run__closes_date=closes_date, verdict__isnull=False)
        self._verdicts: dict[str, list[list[str]]] = {
            fingerprint: verdict
            for fingerprint, verdict in known.values_list("fingerprint", "verdict")
            if verdict is not None
        }
        self._asked: list[tuple[list[str], Future[Sequence[Sequence[Problem]]]]] = []

    def add(self, drafts: Drafts, rules: Executor) -> None:
        """Keep the drafts of a part; the rules are asked by another thread, while the next part is drafted."""
        self.faulty |= drafts.refused
        self.waiting |= drafts.waiting
        for made in _batched(drafts.made, BATCH):
            self._ask(made, rules)
            for one in made:
                if found := _problems(one):
                    self.faulty[one.account.code] = found
                if one.late is not None:
                    self.late[one.account.code] = one.late
                self._codes[one.fingerprint] = one.account.code
                self._net_minor += one.net_minor
            pickle.dump([_fields(one) for one in made], self._kept)
        self.carried |= drafts.carried

    def _ask(self, made: Sequence[Drafted], rules: Executor) -> None:
        """The verdict of the official rules on the drafts that have none yet."""
        legal = [one for one in made if one.document.kind is not core.DocumentKind.STATEMENT]
        new = [one for one in legal if one.fingerprint not in self._verdicts]
        if self.validator is not None and new:
            documents = [replace(one.document, number=PLACEHOLDER) for one in new]
            asked = rules.submit(self.validator, documents)
            self._asked.append(([one.fingerprint for one in new], asked))
            if len(self._asked) > AHEAD:
                self._asked[-AHEAD][1].result()  # what waits for the rules is held in memory

    def finish(self) -> None:
        """Wait for the verdicts."""
        for fingerprints, asked in self._asked:
            for fingerprint, verdict in zip(fingerprints, asked.result(), strict=True):
                self._verdicts[fingerprint] = [[found.code, found.message, found.remedy] for found in verdict]
        for fingerprint, code in self._codes.items():
            if found := self._verdicts.get(fingerprint):
                self.faulty[code] = [*self.faulty.get(code, ()), *_said(found)]

    def drafts(self, run: BillRun) -> Iterator[list[Draft]]:
        """The rows of the drafts, a batch at a time, with their verdicts."""
        end = self._kept.tell()
        self._kept.seek(0)
        while self._kept.tell() < end:
            batch = pickle.load(self._kept)
            yield [Draft(run=run, verdict=self._verdicts.get(one["fingerprint"]), **one) for one in batch]

    def previewed(self, held: dict[str, str]) -> Previewed:
        count = len(self._codes)
        return Previewed(
            self.issuer.code, count, self._net_minor, self.faulty, held, self.carried, self.late, self.waiting
        )


def _fields(made: Drafted) -> dict[str, object]:
    """The columns of a draft."""
    return {
        "account_id": made.account.pk,
        "content": made.content,
        "charges": made.rows.height,
        "net_minor": made.net_minor,
        "usage_minor": made.usage_minor,
        "subscription_minor": made.subscription_minor,
        "fingerprint": made.fingerprint,
    }


def _said(verdict: Iterable[Sequence[str]] | None) -> list[Problem]:
    return [Problem(code, message, remedy) for code, message, remedy in verdict or ()]


def issue(
    *,
    issuer: Issuer,
    closes_date: date,
    issue_date: date,
    now: datetime,
    validator: Validator,
    accounts: Collection[str] | None = None,
    only: Collection[int] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Issued:
    """Issue every previewed document of a run whose charges have not moved; the others are left out and listed.

    `validator` is the door to the official rules (deliver's XSLTs): it sees each document that the preview did not show
    it, with a placeholder number, before a number is taken. `accounts` issues those customers alone, by code; `only` as
    in the preview. Raises IssueRefused when the run was never previewed, or the date is before the last one of the
    series, ClosingRefused. Running it again issues what is left, or nothing.
    """
    refuse_closing(closes_date, today=local_date(now, issuer.zone))
    row = BillRun.objects.filter(issuer=issuer, closes_date=closes_date, previewed_at__isnull=False).first()
    if row is None:
        raise IssueRefused(f"{issuer.code} {_named(closes_date)} has no preview; run first: {_command(closes_date)}")
    refuse_date(issuer, issue_date, not_before=closes_date, now=now)
    _sold_of(closes_date)
    run = Run(issuer, closes_date=closes_date, only=only)
    done = Issued(issuer.code, held=held_codes(issuer, run.month))
    accepted = _Accepted(row, done, accounts)
    with ThreadPoolExecutor(max_workers=1) as disk:
        issuing = _Issuing(row, run.scope, issue_date, now, done, disk, run.before)
        for buckets in run.parts():
            drafts = run.draft(buckets, issue_date=issue_date, whole=True)
            done.faulty |= drafts.refused
            ready = _batched(accepted.of(drafts.made), BATCH)
            coming = _Coming(_validated(batch, accepted.verdicts, validator, done) for batch in ready)
            for batch in coming:
                issuing.issue(drafts, batch, meanwhile=coming.prepare)
                if progress:
                    progress(len(batch))
            done.carried |= drafts.carried
    done.moved = accepted.moved()
    if done.moved:  # against what this run read: another that issued meanwhile was perhaps read half
        issuing.refuse_overtaken()
    if not done.moved and not done.faulty and not done.held and accounts is None and row.finished_at is None:
        row.finished_at = now
        row.save(update_fields=["finished_at"])
    return done


class _Accepted:
    """What is as it was previewed; the accounts that moved: other charges, new ones, none left."""

    def __init__(self, run: BillRun, done: Issued, accounts: Collection[str] | None) -> None:
        self._only, self._done = accounts, done
        rows = list(run.drafts.values_list("account__code", "fingerprint", "verdict"))
        self._previewed = {code: fingerprint for code, fingerprint, _ in rows}
        self.verdicts = {code: verdict for code, _, verdict in rows if verdict is not None}
        self._issued = set(run.documents.values_list("account__code", flat=True))
        self._made: set[str] = set()
        self._ready: set[str] = set()
        if unknown := set(accounts or ()) - self._previewed.keys():
            raise IssueRefused(
                f"{run.issuer.code}: no draft for {', '.join(sorted(unknown))}; look at what the preview lists"
            )

    def of(self, made: Iterable[Drafted]) -> Iterator[Drafted]:
        for one in made:
            code = one.account.code
            if self._only is None or code in self._only:
                self._made.add(code)
                if self._previewed.get(code) == one.fingerprint:
                    self._ready.add(code)
                    yield one

    def moved(self) -> list[str]:
        previewed = self._previewed.keys() if self._only is None else self._previewed.keys() & set(self._only)
        moved = (previewed - self._issued) | self._made
        return sorted(moved - self._ready - self._done.faulty.keys() - self._done.held.keys())


def held_codes(issuer: Issuer, month: str) -> dict[str, str]:
    """By code, the accounts of an issuer whose documents of a month wait, with the reason."""
    rows = Hold.objects.filter(account__issuer=issuer, month=month, released_at=None)
    return dict(rows.order_by("account__code").values_list("account__code", "reason"))


def _named(closes_date: date) -> str:
    """A run as people name it: its month when it closes one, else the day it closes."""
    return month_closed(closes_date) if closes_date.day == 1 else f"until {closes_date}"


def _command(closes_date: date) -> str:
    which = f"--month {month_closed(closes_date)}" if closes_date.day == 1 else f"--until {closes_date}"
    return f"ardoise bill preview {which}"


def refuse_date(issuer: Issuer, issue_date: date, *, not_before: date, now: datetime) -> None:
    """A document is dated after what it bills and not after today: a later date would block its whole series."""
    today = local_date(now, issuer.zone)
    if not not_before <= issue_date <= today:
        raise IssueRefused(
            f"{issuer.code}: {issue_date} cannot be the date of this document; choose one from {not_before} to {today}"
        )


def _problems(made: Drafted) -> list[Problem]:
    """What the arithmetic and the legal mentions of a document to be leave to mend."""
    return validate(replace(made.document, number=PLACEHOLDER))


def _batched(items: Iterable[Drafted], size: int) -> Iterator[list[Drafted]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class _Coming:
    """Batches to issue, of which the next one can be prepared ahead."""

    def __init__(self, batches: Iterable[list[Drafted]]) -> None:
        self._batches = iter(batches)
        self._ahead: list[Drafted] | None = None

    def prepare(self) -> None:
        if self._ahead is None:
            self._ahead = next(self._batches, None)

    def __iter__(self) -> Iterator[list[Drafted]]:
        self.prepare()
        while self._ahead is not None:
            batch, self._ahead = self._ahead, None
            yield batch
            self.prepare()


def _validated(
    batch: Sequence[Drafted], known: Mapping[str, Sequence[Sequence[str]]], validator: Validator, done: Issued
) -> list[Drafted]:
    """The documents of a batch that hold; the problems of the others are kept by account.

    `known` holds the verdicts of the preview, by account: a document is what was previewed, its dates apart.
    """
    legal = [made for made in batch if made.document.kind is not core.DocumentKind.STATEMENT]
    new = [made for made in legal if made.account.code not in known]
    verdicts = validator([replace(made.document, number=PLACEHOLDER) for made in new]) if new else []
    official = {made.account.code: list(verdict) for made, verdict in zip(new, verdicts, strict=True)}
    for made in batch:
        code = made.account.code
        if problems := [*_problems(made), *official.get(code, _said(known.get(code)))]:
            done.faulty[code] = problems
    return [made for made in batch if made.account.code not in done.faulty]


@dataclass(slots=True)
class _Issuing:
    """The issue of a run, batch after batch; `before`: the generations that the last one left."""

    run: BillRun
    scope: tables.Scope
    issue_date: date
    now: datetime
    done: Issued
    disk: Executor  # writes the charges of a batch while its documents are posted
    before: Mapping[tuple[str, str, str], int]

    def issue(self, drafts: Drafts, batch: Sequence[Drafted], *, meanwhile: Callable[[], None]) -> None:
        """One transaction: numbers, documents, frozen charges, ledger, outbox. `meanwhile` is called while it waits for
        the disk.
        """
        if not batch:
            return
        issuer = self.run.issuer
        with transaction.atomic():
            BillRun.objects.select_for_update().get(pk=self.run.pk)
            # Read after the run is locked: from here on nobody else can freeze the same charges.
            self.refuse_overtaken()
            paid = {made.account.code: made.document.totals.prepaid_minor for made in batch}
            refuse_spent(issuer, {code: minor for code, minor in paid.items() if minor})
            numbers = _take_numbers(self.run, batch, self.issue_date)
            numbered = [_numbered(made, number, self.run) for made, number in zip(batch, numbers, strict=True)]
            rows = Document.objects.bulk_create(one.row(issuer, self.now) for one in numbered)
            ids = {made.account.id: row.id for made, row in zip(batch, rows, strict=True)}
            of_payer = pl.col(PAYER).replace_strict(ids, return_dtype=pl.Int64)
            frozen = drafts.bound(batch).with_columns(of_payer.alias(FROZEN.document_id))
            written = self.disk.submit(_write, frozen)
            _announce(numbered, rows, issuer=issuer, now=self.now)
            for row in rows:
                if row.kind == Document.Kind.CREDIT_NOTE:
                    negatives.impute(row)
            meanwhile()
            _append(issuer.code, written.result())
            after = tables.generations(self.scope)
        self.done.numbers += numbers  # committed
        self.before = after

    def refuse_overtaken(self) -> None:
        """Raise IssueRefused when the charges are no longer those that the drafts were made from."""
        if tables.generations(self.scope) != self.before:
            raise IssueRefused(
                f"{self.run.issuer.code} {_named(self.run.closes_date)}: charges were computed again, or issued by "
                "somebody else, during the issue; nothing of this batch was issued, preview and issue again"
            )


def _take_numbers(run: BillRun, batch: Sequence[Drafted], issue_date: date) -> list[str]:
    """The next numbers of the series, its row locked until the commit: gapless and chronological."""
    issuer = run.issuer
    if issuer.documents == Issuer.Documents.STATEMENTS:
        return [statement_reference(run.month, made.account) for made in batch]
    patterns = {
        core.DocumentKind.INVOICE: issuer.invoice_number,
        core.DocumentKind.CREDIT_NOTE: issuer.credit_number,  # a run that comes to less than nothing
    }
    kinds = [made.document.kind for made in batch]
    taken = {
        kind: iter(next_numbers(issuer, kind, patterns[kind], issue_date, count=kinds.count(kind)))
        for kind in dict.fromkeys(kinds)
    }
    return [next(taken[kind]) for kind in kinds]


def statement_reference(month: str, account: Account) -> str:
    """The reference of a statement, in no series: "REL-2026-10-ATELIER", and "-2" for late usage stated apart."""
    before = Document.objects.filter(kind=Document.Kind.STATEMENT, month=month, account=account).count()
    return f"REL-{month}-{account.code}" + (f"-{before + 1}" if before else "")


def next_number(issuer: Issuer, kind: core.DocumentKind, pattern: str, issue_date: date) -> str:
    """The next number of a series, its row locked until the caller's transaction ends. Raises IssueRefused."""
    return next_numbers(issuer, kind, pattern, issue_date, count=1)[0]


def next_numbers(issuer: Issuer, kind: core.DocumentKind, pattern: str, issue_date: date, *, count: int) -> list[str]:
    """The next numbers of a series, its row locked until the caller's transaction ends. Raises IssueRefused."""
    Series.objects.get_or_create(issuer=issuer, kind=kind.value, year=issue_date.year)
    series = Series.objects.select_for_update().get(issuer=issuer, kind=kind.value, year=issue_date.year)
    if series.last_issue_date and issue_date < series.last_issue_date:
        raise IssueRefused(
            f"{issuer.code}: the last document of the series is dated {series.last_issue_date}; "
            f"an issue date of {issue_date} would break the chronology, take that date or a later one"
        )
    first = series.last_number + 1
    series.last_number += count
    series.last_issue_date = issue_date
    series.save(update_fields=["last_number", "last_issue_date"])
    year, month = issue_date.year, issue_date.month
    return [format_number(pattern, year=year, month=month, sequence=first + rank) for rank in range(count)]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A document about to be issued: what it says, whose it is, where it comes from."""

    document: core.Document
    content: canonical.Json
    account_id: int
    account_code: str
    month: str
    minors: tuple[int, int]  # communications, subscriptions
    run: BillRun | None = None
    first_month: str = ""
    bound_date: date | None = None
    corrects: Document | None = None
    replaces: Document | None = None

    def row(self, issuer: Issuer, now: datetime) -> Document:
        totals = self.document.totals
        return Document(
            kind=self.document.kind.value,
            issuer=issuer,
            account_id=self.account_id,
            run=self.run,
            number=self.document.number,
            month=self.month,
            first_month=self.first_month or self.month,
            bound_date=self.bound_date,
            issue_date=self.document.issue_date,
            due_date=self.document.due_date,
            currency=self.document.currency,
            net_minor=totals.net_minor,
            vat_minor=totals.vat_minor,
            gross_minor=totals.gross_minor,
            payable_minor=totals.payable_minor,
            usage_minor=self.minors[0],
            subscription_minor=self.minors[1],
            content=self.content,
            sha256=canonical.digest(self.content),
            issued_at=now,
            corrects=self.corrects,
            replaces=self.replaces,
        )


def _numbered(made: Drafted, number: str, run: BillRun) -> Numbered:
    return Numbered(
        document=replace(made.document, number=number),
        content={**made.content, "number": number},
        account_id=made.account.id,
        account_code=made.account.code,
        month=run.month,
        minors=sections_minor([(line.section, line.net_minor) for line in made.document.lines]),
        run=run,
        first_month=made.first_month,
        bound_date=made.bound_date,
    )


def register(
    document: core.Document,
    *,
    account_id: int,
    account_code: str,
    issuer: Issuer,
    run: BillRun | None,
    month: str,
    minors: tuple[int, int],
    corrects: Document | None,
    now: datetime,
    replaces: Document | None = None,
    first_month: str = "",
    bound_date: date | None = None,
) -> Document:
    """Insert an issued document, its posting, its event and its message to `deliver`, in the caller's transaction."""
    content = canonical.to_json(document)
    numbered = Numbered(
        document, content, account_id, account_code, month, minors, run, first_month, bound_date, corrects, replaces
    )
    return register_all([numbered], issuer=issuer, now=now)[0]


def register_all(numbered: Sequence[Numbered], *, issuer: Issuer, now: datetime) -> list[Document]:
    """Insert issued documents with their postings, events and messages, in the caller's transaction."""
    rows = Document.objects.bulk_create(one.row(issuer, now) for one in numbered)
    _announce(numbered, rows, issuer=issuer, now=now)
    return rows


def _announce(numbered: Sequence[Numbered], rows: Sequence[Document], *, issuer: Issuer, now: datetime) -> None:
    """The postings, the events and the messages to `deliver` of inserted documents."""
    posted = []
    for one, row in zip(numbered, rows, strict=True):
        with suppress(NotPosted):  # a statement, or amounts that are all zero: no balance moves
            posted.append((post_invoice(one.document, key=f"document:{row.id}"), one.account_code))
    post_all(issuer_id=issuer.id, posted=posted, recorded_at=now)
    log_events(Event(at=now, kind="document.issued", subject=f"document:{row.id}", digest=row.sha256) for row in rows)
    put_messages(
        OutboxMessage(key=f"{RENDER}:{row.id}", kind=RENDER, payload={"document": row.id}, created_at=now)
        for row in rows
    )


def freeze(partition: str, charges: pl.DataFrame) -> None:
    """Append charges bound to documents, each to its month, in the caller's transaction."""
    _append(partition, _write(charges))


def _write(charges: pl.DataFrame) -> dict[str, list[StagedFile]]:
    """Files of charges by month; usage apart, so that what is sold is read without it. No table has them yet."""
    frozen = tables.bound_schema(charges.with_columns(pl.col(LINE_NO).cast(pl.Int64)))
    usage = pl.col(CHARGES.origin_kind) == tables.USAGE
    files = {}
    for month in sorted(frozen[CHARGES.month].cast(pl.String).unique()):
        of_month = frozen.filter(pl.col(CHARGES.month) == month)
        apart = [rows for rows in (of_month.filter(usage), of_month.filter(~usage)) if rows.height]
        files[month] = [write_parquet(rows, TableName.FROZEN) for rows in apart]
    return files


def _append(partition: str, files: Mapping[str, Sequence[StagedFile]]) -> None:
    for month, staged in files.items():
        append_frozen(month=month, partition=partition, files=staged)


def waive(*, month: str, finding: str, reason: str, waived_by: str, now: datetime) -> Waiver:
    """Accept a finding of the readiness check by its name, with a reason and who takes it."""
    if finding.startswith(NEVER_WAIVED):
        raise IssueRefused(f"{finding} cannot be waived: something is lost or counted twice; keep the data, report it")
    if not reason.strip():
        raise IssueRefused(f'a waiver of {finding} needs a reason; add --reason "..."')
    waiver, _ = Waiver.objects.get_or_create(
        month=month, finding=finding, defaults={"reason": reason, "waived_by": waived_by, "waived_at": now}
    )
    return waiver


def hold(*, account: Account, month: str, reason: str, held_by: str, now: datetime) -> Hold:
    """Make an account wait in the runs of a month; what it owes stays open. Holding it again changes nothing.

    Raises HoldRefused without a reason, or for an account that is sent no documents of its own.
    """
    if not reason.strip():
        raise HoldRefused(f'holding {account.code} needs a reason; add --reason "..."')
    month_period(month)  # raises what to write
    if account.parent is not None and account.issuer.documents == Issuer.Documents.INVOICES:
        raise HoldRefused(f"{account.code} is billed with its customer; hold the account at the top of its tree")
    row, _ = Hold.objects.get_or_create(
        account=account,
        month=month,
        released_at=None,
        defaults={"reason": reason, "held_by": held_by, "held_at": now},
    )
    return row


def release(*, account: Account, month: str, released_by: str, now: datetime) -> Hold:
    """Let an account be billed again; the next preview has its draft. Raises HoldRefused when it is not held."""
    with transaction.atomic():
        row = Hold.objects.select_for_update().filter(account=account, month=month, released_at=None).first()
        if row is None:
            raise HoldRefused(f"{account.code} is not held for {month}; ardoise bill preview lists who is")
        row.released_by, row.released_at = released_by, now
        row.save(update_fields=["released_by", "released_at"])
    return row
