"""The writes of a run: recurring charges, previews, the issue of documents, holds, waivers. Corrections: `corrections`.

Issuing is a run of small transactions: each takes at most `BATCH` documents from what should be billed to what has
been. A crash between two of them, a rerun, or two runs at once cannot double anything: a charge is billed when its
frozen row is committed, in the transaction that also takes the number.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from tempfile import SpooledTemporaryFile

import polars as pl
from django.db import transaction

from ardoise.bill import charges as tables
from ardoise.bill import negatives, recurring
from ardoise.bill.balances import refuse_spent
from ardoise.bill.cycles import month_closed, refuse_closing
from ardoise.bill.drafts import Drafted, Drafts, Run
from ardoise.bill.lines import PAYER, sections_minor
from ardoise.bill.models import BillRun, Document, Draft, Hold, Sold, Waiver
from ardoise.bill.previewing import BATCH, Seen, batched, problems_of, said
from ardoise.bill.previewing import Previewed as Previewed
from ardoise.bill.registration import (
    PLACEHOLDER,
    Numbered,
    Validator,
    announce,
    append_charges,
    next_numbers,
    refuse_date,
    statement_reference,
    write_charges,
)
from ardoise.bill.registration import IssueRefused as IssueRefused
from ardoise.core import documents as core
from ardoise.core.checks import Problem
from ardoise.core.periods import local_date, month_period
from ardoise.core.schema import FROZEN
from ardoise.directory.models import Account, Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import replace_partition
from ardoise.store.tables import write_parquet

IN_MEMORY_BYTES = 64 << 20  # of the drafts of a preview; more wait in a temporary file
NEVER_WAIVED = "equation:"


class HoldRefused(ValueError):
    """The account cannot be held, or released; the message says why and what to do."""


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
    with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as kept, ThreadPoolExecutor(max_workers=2) as rules:
        seen = Seen(issuer, closes_date, validator, kept)
        for drafts in run.drafts(issue_date=issue_date, whole=False):
            seen.add(drafts, rules)
        seen.finish()
        with transaction.atomic():
            BillRun.objects.get_or_create(
                issuer=issuer, closes_date=closes_date, defaults={"created_at": now, "month": run.month}
            )
            row = BillRun.objects.select_for_update().get(issuer=issuer, closes_date=closes_date)
            row.previewed_at = now
            row.save(update_fields=["previewed_at"])
            row.drafts.all().delete()
            for rows in seen.drafts(row):
                Draft.objects.bulk_create(rows)
            tables.settle(issuer, run.settled())
        return seen.previewed(held_codes(issuer, run.month))


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
        for drafts in run.drafts(issue_date=issue_date, whole=True):
            done.faulty |= drafts.refused
            ready = batched(accepted.of(drafts.made), BATCH)
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
        if problems := [*problems_of(made), *official.get(code, said(known.get(code)))]:
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
            written = self.disk.submit(write_charges, frozen)
            announce(numbered, rows, issuer=issuer, now=self.now)
            for row in rows:
                if row.kind == Document.Kind.CREDIT_NOTE:
                    negatives.impute(row)
            meanwhile()
            append_charges(issuer.code, written.result())
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
    inside = account.parent is not None and not account.own_invoice
    if inside and account.issuer.documents == Issuer.Documents.INVOICES:
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
