"""The writes of a run: recurring charges, previews, the issue of documents, waivers. Corrections: `corrections`.

Issuing is a run of small transactions: each takes at most `BATCH` documents from what should be billed to what has
been. A crash between two of them, a rerun, or two runs at once cannot double anything: a charge is billed when its
frozen row is committed, in the transaction that also takes the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import polars as pl
from django.db import transaction

from ardoise.access.operations import log_event, put_message
from ardoise.bill import charges as tables
from ardoise.bill import recurring
from ardoise.bill.drafts import Drafted, Drafts, draft_all
from ardoise.bill.lines import LINE_NO
from ardoise.bill.models import BillRun, Document, Draft, Series, Waiver
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import Problem, validate
from ardoise.core.naming import format_number
from ardoise.core.periods import local_date, month_period
from ardoise.core.postings import NotPosted, post_invoice
from ardoise.core.schema import FROZEN
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.operations import post
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import append_frozen, replace_partition
from ardoise.store.tables import write_parquet

BATCH = 100
PLACEHOLDER = "BROUILLON"  # the number of a document while it is validated (a legal form: BR-FR-02)
NEVER_WAIVED = "equation:"
RENDER = "render"  # outbox messages for `deliver`

Validator = Callable[[Sequence[core.Document]], Sequence[Sequence[Problem]]]


class IssueRefused(ValueError):
    """The documents cannot be issued; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What a preview made, and by account what would keep its document from being issued."""

    issuer: str
    drafts: int
    net_minor: int
    faulty: dict[str, list[Problem]] = field(default_factory=dict)


@dataclass(slots=True)
class Issued:
    """What a run did: numbers issued, accounts left out since they moved after their preview, accounts with a fault.

    A problem of an account says what is wrong and what to do; the other accounts are issued all the same.
    """

    issuer: str
    numbers: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    faulty: dict[str, list[Problem]] = field(default_factory=dict)


def compute_recurring(*, month: str) -> int:
    """Write the subscriptions and purchases due in a month as open charges; returns how many. Repeatable."""
    state = store.state_of(TableName.OPEN, month, tables.RECURRING)
    rows = recurring.compute(month)
    if store.scan(TableName.OPEN, [month], partition=tables.RECURRING).collect().equals(_sorted(rows)):
        return rows.height
    replace_partition(
        table=TableName.OPEN,
        month=month,
        partition=tables.RECURRING,
        expected_generation=state.generation,
        files=[write_parquet(rows, TableName.OPEN)] if rows.height else [],
    )
    return rows.height


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("account_id", "at", nulls_last=True, maintain_order=True)


def preview(*, issuer: Issuer, month: str, issue_date: date, now: datetime) -> Previewed:
    """Remake the drafts of a run. As often as wanted; nothing is numbered, frozen or posted."""
    drafts = draft_all(issuer, month=month, issue_date=issue_date)
    faulty = drafts.refused | {made.account.code: found for made in drafts.made if (found := _problems(made))}
    with transaction.atomic():
        BillRun.objects.get_or_create(issuer=issuer, month=month, defaults={"created_at": now})
        run = BillRun.objects.select_for_update().get(issuer=issuer, month=month)
        run.previewed_at = now
        run.save(update_fields=["previewed_at"])
        run.drafts.all().delete()
        Draft.objects.bulk_create(
            Draft(
                run=run,
                account=made.account,
                content=canonical.to_json(made.document),
                charges=made.charges.height,
                net_minor=made.document.totals.net_minor,
                usage_minor=made.usage_minor,
                subscription_minor=made.subscription_minor,
                fingerprint=made.fingerprint,
            )
            for made in drafts.made
        )
    net_minor = sum(made.document.totals.net_minor for made in drafts.made)
    return Previewed(issuer.code, len(drafts.made), net_minor, faulty)


def issue(
    *,
    issuer: Issuer,
    month: str,
    issue_date: date,
    now: datetime,
    validator: Validator,
    progress: Callable[[int], None] | None = None,
) -> Issued:
    """Issue every previewed document of a run whose charges have not moved; the others are left out and listed.

    `validator` is the door to the official rules (deliver's XSLTs): it sees each document with a placeholder number,
    before a number is taken. Raises IssueRefused when the run was never previewed, or the date is before the last one
    of the series. Running it again issues what is left, or nothing.
    """
    run = BillRun.objects.filter(issuer=issuer, month=month, previewed_at__isnull=False).first()
    if run is None:
        raise IssueRefused(f"{issuer.code} {month} has no preview; run first: ardoise bill preview --month {month}")
    refuse_date(issuer, issue_date, not_before=month_period(month).end, now=now)
    before = tables.generations(month, issuer_code=issuer.code)
    drafts = draft_all(issuer, month=month, issue_date=issue_date)
    done = Issued(issuer.code, faulty=dict(drafts.refused))
    ready, done.moved = _sorted_out(run, drafts)
    for batch in _batched(ready, BATCH):
        sound = _validated(batch, validator, done)
        before = _issue_batch(run, sound, issue_date, now, before, done)
        if progress:
            progress(len(batch))
    if not done.moved and not done.faulty and run.finished_at is None:
        run.finished_at = now
        run.save(update_fields=["finished_at"])
    return done


def refuse_date(issuer: Issuer, issue_date: date, *, not_before: date, now: datetime) -> None:
    """A document is dated after what it bills and not after today: a later date would block its whole series."""
    today = local_date(now, issuer.zone)
    if not not_before <= issue_date <= today:
        raise IssueRefused(
            f"{issuer.code}: {issue_date} cannot be the date of this document; choose one from {not_before} to {today}"
        )


def _sorted_out(run: BillRun, drafts: Drafts) -> tuple[list[Drafted], list[str]]:
    """What is as it was previewed, and the codes of the accounts that moved: other charges, new ones, none left."""
    previewed = dict(run.drafts.values_list("account__code", "fingerprint"))
    ready = [made for made in drafts.made if previewed.get(made.account.code) == made.fingerprint]
    gone = previewed.keys() - set(run.documents.values_list("account__code", flat=True))
    moved = gone | {made.account.code for made in drafts.made}
    return ready, sorted(moved - {made.account.code for made in ready} - drafts.refused.keys())


def _problems(made: Drafted) -> list[Problem]:
    """What the arithmetic and the legal mentions of a document to be leave to mend."""
    return validate(replace(made.document, number=PLACEHOLDER))


def _batched(items: Sequence[Drafted], size: int) -> Iterable[Sequence[Drafted]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _validated(batch: Sequence[Drafted], validator: Validator, done: Issued) -> list[Drafted]:
    """The documents of a batch that hold; the problems of the others are kept by account."""
    legal = [made for made in batch if made.document.kind is not core.DocumentKind.STATEMENT]
    verdicts = validator([replace(made.document, number=PLACEHOLDER) for made in legal])
    official = {made.account.code: verdict for made, verdict in zip(legal, verdicts, strict=True)}
    for made in batch:
        if problems := [*_problems(made), *official.get(made.account.code, ())]:
            done.faulty[made.account.code] = problems
    return [made for made in batch if made.account.code not in done.faulty]


def _issue_batch(
    run: BillRun,
    batch: Sequence[Drafted],
    issue_date: date,
    now: datetime,
    before: Mapping[tuple[str, str, str], int],
    done: Issued,
) -> dict[tuple[str, str, str], int]:
    """One transaction: numbers, documents, frozen charges, ledger, outbox. Returns the generations it leaves."""
    if not batch:
        return dict(before)
    with transaction.atomic():
        BillRun.objects.select_for_update().get(pk=run.pk)
        # Read after the run is locked: from here on nobody else can freeze the same charges.
        if tables.generations(run.month, issuer_code=run.issuer.code) != before:
            raise IssueRefused(
                f"{run.issuer.code} {run.month}: charges were computed again, or issued by somebody else, during the "
                "issue; nothing of this batch was issued, preview and issue again"
            )
        numbers = _take_numbers(run, batch, issue_date)
        frozen = []
        for made, number in zip(batch, numbers, strict=True):
            row = _write(replace(made.document, number=number), made, run, now)
            frozen.append(made.charges.with_columns(pl.lit(row.id, pl.Int64).alias(FROZEN.document_id)))
            done.numbers.append(number)
        freeze(run.month, run.issuer.code, frozen)
        return tables.generations(run.month, issuer_code=run.issuer.code)


def _take_numbers(run: BillRun, batch: Sequence[Drafted], issue_date: date) -> list[str]:
    """The next numbers of the series, its row locked until the commit: gapless and chronological."""
    issuer = run.issuer
    if issuer.documents == Issuer.Documents.STATEMENTS:
        return [statement_reference(run.month, made.account) for made in batch]
    return [next_number(issuer, core.DocumentKind.INVOICE, issuer.invoice_number, issue_date) for _ in batch]


def statement_reference(month: str, account: Account) -> str:
    """The reference of a statement, in no series: "REL-2026-10-ATELIER", and "-2" for late usage stated apart."""
    before = Document.objects.filter(kind=Document.Kind.STATEMENT, month=month, account=account).count()
    return f"REL-{month}-{account.code}" + (f"-{before + 1}" if before else "")


def next_number(issuer: Issuer, kind: core.DocumentKind, pattern: str, issue_date: date) -> str:
    """The next number of a series, its row locked until the caller's transaction ends. Raises IssueRefused."""
    Series.objects.get_or_create(issuer=issuer, kind=kind.value, year=issue_date.year)
    series = Series.objects.select_for_update().get(issuer=issuer, kind=kind.value, year=issue_date.year)
    if series.last_issue_date and issue_date < series.last_issue_date:
        raise IssueRefused(
            f"{issuer.code}: the last document of the series is dated {series.last_issue_date}; "
            f"an issue date of {issue_date} would break the chronology, take that date or a later one"
        )
    series.last_number += 1
    series.last_issue_date = issue_date
    series.save(update_fields=["last_number", "last_issue_date"])
    return format_number(pattern, year=issue_date.year, month=issue_date.month, sequence=series.last_number)


def _write(document: core.Document, made: Drafted, run: BillRun, now: datetime) -> Document:
    return register(
        document,
        account_id=made.account.id,
        account_code=made.account.code,
        issuer=run.issuer,
        run=run,
        month=run.month,
        minors=(made.usage_minor, made.subscription_minor),
        corrects=None,
        now=now,
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
) -> Document:
    """Insert an issued document, its posting, its event and its message to `deliver`, in the caller's transaction."""
    content = canonical.to_json(document)
    row = Document.objects.create(
        kind=document.kind.value,
        issuer=issuer,
        account_id=account_id,
        run=run,
        number=document.number,
        month=month,
        issue_date=document.issue_date,
        due_date=document.due_date,
        currency=document.currency,
        net_minor=document.totals.net_minor,
        vat_minor=document.totals.vat_minor,
        gross_minor=document.totals.gross_minor,
        payable_minor=document.totals.payable_minor,
        usage_minor=minors[0],
        subscription_minor=minors[1],
        content=content,
        sha256=canonical.digest(content),
        issued_at=now,
        corrects=corrects,
        replaces=replaces,
    )
    with suppress(NotPosted):  # a statement, or amounts that are all zero: no balance moves
        posted = post_invoice(document, key=f"document:{row.id}")
        post(issuer_id=issuer.id, posted=posted, auxiliary=account_code, recorded_at=now)
    log_event(at=now, kind="document.issued", subject=f"document:{row.id}", digest=row.sha256)
    put_message(key=f"{RENDER}:{row.id}", kind=RENDER, payload={"document": row.id}, created_at=now)
    return row


def freeze(month: str, partition: str, frames: Sequence[pl.DataFrame]) -> None:
    """Append charges of a month, each bound to its document and line."""
    frozen = tables.bound_schema(pl.concat(frames).with_columns(pl.col(LINE_NO).cast(pl.Int64)))
    append_frozen(month=month, partition=partition, files=[write_parquet(frozen, TableName.FROZEN)])


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
