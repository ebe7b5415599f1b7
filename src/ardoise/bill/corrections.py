"""Every write that corrects what was issued: credit notes, and the charges that they give back.

A document is never edited. A credit is *commercial* (its charges stay billed: a discount, a gesture) or it *cancels*:
the charges become open again, and the next run bills them at what they come to then. What is given back is a row of the
frozen table that takes the charge back, bound to the credit note and written in its transaction
(docs/decisions/0007-what-a-credit-gives-back.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl
from django.db import transaction

from ardoise.access.operations import log_event
from ardoise.bill import charges as tables
from ardoise.bill.lines import sections_minor
from ardoise.bill.models import Document
from ardoise.bill.operations import PLACEHOLDER, IssueRefused, Validator, next_number, refuse_date, register
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import validate
from ardoise.core.invoices import CreditRefused, credit, left_to_credit
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import append_frozen
from ardoise.store.tables import write_parquet

Portions = Callable[[core.Document, Sequence[core.Document]], Mapping[int, int]]
"""Which cents of which lines to credit, of an invoice and the credit notes it has already."""


def issue_credit_note(
    *,
    invoice: Document,
    issue_date: date,
    now: datetime,
    validator: Validator,
    portions: Portions | Mapping[int, int] | None = None,
    reason: str = "",
    cancels: bool = False,
) -> Document:
    """Credit an issued invoice, in full or by line number and cents. The invoice itself never changes.

    `portions` are in the basis of the document (see core.invoices.credit); None credits all that is left. `cancels`
    gives the charges of the credited lines back: they are open again. It takes whole lines; where nothing is left to
    credit, the charges of the whole invoice are given back by its last credit note, which is returned.
    Raises CreditRefused (core.invoices) for more than is left, IssueRefused for a document that does not validate.
    """
    refuse_date(invoice.issuer, issue_date, not_before=invoice.issue_date, now=now)
    with transaction.atomic():
        original, already = _locked(invoice)
        if cancels and portions is None and already and not any(left_to_credit(original, already).values()):
            return _opened_again(invoice, now)
        chosen = portions(original, already) if callable(portions) else portions
        drafted = credit(
            original,
            number=PLACEHOLDER,
            issue_date=issue_date,
            portions=chosen,
            already=already,
            notes=(reason,) if reason else (),
        )
        if cancels:
            _refuse_parts_of_lines(original, drafted, already)
        note = _issue(drafted, invoice, issue_date, now, validator)
        if cancels:
            lines = None if chosen is None else {line.line_no for line in drafted.lines}
            _give_back(invoice, note, lines=lines, now=now)
        return note


def credit_notes_of(invoice: Document) -> list[core.Document]:
    """The credit notes of an invoice, as they were issued, the oldest first."""
    notes = invoice.corrections.filter(kind=Document.Kind.CREDIT_NOTE).order_by("id")
    return [canonical.from_json(note.content) for note in notes]


def _locked(invoice: Document) -> tuple[core.Document, list[core.Document]]:
    """The content of an invoice and its credit notes; nobody else credits it before the caller's transaction ends."""
    Document.objects.select_for_update().get(pk=invoice.pk)
    return canonical.from_json(invoice.content), credit_notes_of(invoice)


def _issue(
    drafted: core.Document, invoice: Document, issue_date: date, now: datetime, validator: Validator
) -> Document:
    problems = [*validate(drafted), *validator([drafted])[0]]
    if problems:
        raise IssueRefused(f"the credit note of {invoice.number} does not hold: {problems[0]}")
    number = next_number(invoice.issuer, drafted.kind, invoice.issuer.credit_number, issue_date)
    document = replace(drafted, number=number)
    return register(
        document,
        account_id=invoice.account_id,
        account_code=invoice.account.code,
        issuer=invoice.issuer,
        run=None,
        month=invoice.month,
        minors=sections_minor([(line.section, line.net_minor) for line in document.lines]),
        corrects=invoice,
        now=now,
    )


def _opened_again(invoice: Document, now: datetime) -> Document:
    """Give back the charges of an invoice that is credited to the last cent, by its last credit note."""
    note = invoice.corrections.filter(kind=Document.Kind.CREDIT_NOTE).order_by("id").last()
    assert note is not None
    if not _give_back(invoice, note, lines=None, now=now):
        raise CreditRefused(f"{invoice.number}: nothing is left to credit, and its charges are open already")
    return note


def _refuse_parts_of_lines(original: core.Document, drafted: core.Document, already: Sequence[core.Document]) -> None:
    """A charge is given back whole, so its line is credited to the last cent."""
    left = left_to_credit(original, [*already, drafted])
    for line in drafted.lines:
        if left[line.line_no]:
            raise CreditRefused(
                f"{original.number} line {line.line_no}: a credit that cancels takes whole lines, give no amount; "
                "a part of a line is credited without cancelling"
            )


# --- what a credit gives back -----------------------------------------------------------------------------------------


def standing_of(document: Document) -> pl.DataFrame:
    """The charges that a document bills and no later one took back."""
    return store.standing(filter=pl.col(FROZEN.document_id) == document.pk).collect()


def _give_back(invoice: Document, note: Document, *, lines: Collection[int] | None, now: datetime) -> int:
    """Take back the standing charges of an invoice, or of some of its lines, in the caller's transaction."""
    standing = standing_of(invoice)
    if lines is not None:
        standing = standing.filter(pl.col(FROZEN.line_no).is_in(list(lines)))
    _refuse_days_credited_since(invoice, standing)
    freeze_taken_back(standing, by=note)
    log_event(at=now, kind="charges.given_back", subject=f"document:{note.pk}", digest=note.sha256)
    return standing.height


def freeze_taken_back(standing: pl.DataFrame, *, by: Document) -> None:
    """Write the rows by which a document takes charges back, month by month, in the caller's transaction."""
    rows = tables.bound_schema(tables.taking_back(standing, document_id=by.pk))
    for (month,), frame in sorted(rows.partition_by(CHARGES.month, as_dict=True).items()):
        files = [write_parquet(frame, TableName.FROZEN)]
        append_frozen(month=str(month), partition=by.issuer.code, files=files, taken_back=True)


def _refuse_days_credited_since(invoice: Document, standing: pl.DataFrame) -> None:
    """Days of a subscription that a later document credited can be given back with that document only."""
    recurring = standing.filter(pl.col(CHARGES.origin_kind) == "recurring")
    if recurring.is_empty():
        return
    subscription = pl.col(CHARGES.origin_id).str.split(":").list.get(1)
    credits = (
        store.standing(
            columns=[*CHARGE_KEY, CHARGES.period_from, CHARGES.period_to, FROZEN.document_id],
            filter=(pl.col(CHARGES.origin_kind) == "recurring") & pl.col(CHARGES.origin_id).str.contains(":credit"),
        )
        .filter(pl.col(FROZEN.document_id) != invoice.pk)
        .with_columns(subscription.alias("of"))
        .collect()
    )
    billed = recurring.select(subscription.alias("of"), CHARGES.period_from, CHARGES.period_to)
    met = billed.join(credits, on="of", suffix="_credited").filter(
        (pl.col(CHARGES.period_from) < pl.col(f"{CHARGES.period_to}_credited"))
        & (pl.col(f"{CHARGES.period_from}_credited") < pl.col(CHARGES.period_to))
    )
    if not met.is_empty():
        other = Document.objects.get(pk=met[FROZEN.document_id][0])
        raise CreditRefused(
            f"{invoice.number}: days it bills were credited by {other.number} since; cancel {other.number} first, or "
            "credit without cancelling"
        )
