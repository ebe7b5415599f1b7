"""How a document becomes an issued one: its number, its row, its posting, its event, its message, its frozen charges.

Everything here is part of the caller's transaction: a document exists with all of them or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from ardoise.access.models import Event, OutboxMessage
from ardoise.access.operations import log_events, put_messages
from ardoise.bill import charges as tables
from ardoise.bill.lines import LINE_NO
from ardoise.bill.models import BillRun, Document, Series
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import Problem
from ardoise.core.naming import format_number
from ardoise.core.periods import local_date
from ardoise.core.postings import NotPosted, post_invoice
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.operations import post_all
from ardoise.store.models import TableName
from ardoise.store.operations import append_frozen
from ardoise.store.tables import StagedFile, write_parquet

PLACEHOLDER = "BROUILLON"  # the number of a document while it is validated (a legal form: BR-FR-02)
RENDER = "render"  # outbox messages for `deliver`

Validator = Callable[[Sequence[core.Document]], Sequence[Sequence[Problem]]]


class IssueRefused(ValueError):
    """The documents cannot be issued; the message says why and what to do."""


def refuse_date(issuer: Issuer, issue_date: date, *, not_before: date, now: datetime) -> None:
    """A document is dated after what it bills and not after today: a later date would block its whole series."""
    today = local_date(now, issuer.zone)
    if not not_before <= issue_date <= today:
        raise IssueRefused(
            f"{issuer.code}: {issue_date} cannot be the date of this document; choose one from {not_before} to {today}"
        )


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
    announce(numbered, rows, issuer=issuer, now=now)
    return rows


def announce(numbered: Sequence[Numbered], rows: Sequence[Document], *, issuer: Issuer, now: datetime) -> None:
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
    append_charges(partition, write_charges(charges))


def write_charges(charges: pl.DataFrame) -> dict[str, list[StagedFile]]:
    """Files of charges by month; usage apart, so that what is sold is read without it. No table has them yet."""
    frozen = tables.bound_schema(charges.with_columns(pl.col(LINE_NO).cast(pl.Int64)))
    usage = pl.col(CHARGES.origin_kind) == tables.USAGE
    files = {}
    for month in sorted(frozen[CHARGES.month].cast(pl.String).unique()):
        of_month = frozen.filter(pl.col(CHARGES.month) == month)
        apart = [rows for rows in (of_month.filter(usage), of_month.filter(~usage)) if rows.height]
        files[month] = [write_parquet(rows, TableName.FROZEN) for rows in apart]
    return files


def append_charges(partition: str, files: Mapping[str, Sequence[StagedFile]]) -> None:
    for month, staged in files.items():
        append_frozen(month=month, partition=partition, files=staged)
