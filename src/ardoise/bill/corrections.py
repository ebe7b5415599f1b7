"""Every write that corrects what was issued: credit notes, and the charges that they give back.

A document is never edited. A credit is *commercial* (its charges stay billed: a discount, a gesture) or it *cancels*:
the charges become open again, and the next run bills them at what they come to then. What is given back is a row of the
frozen table that takes the charge back, bound to the credit note and written in its transaction
(docs/decisions/0007-what-a-credit-gives-back.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import polars as pl
from django.db import transaction

from ardoise.access.operations import log_event
from ardoise.bill import charges as tables
from ardoise.bill import differences, wording
from ardoise.bill.balances import refuse_spent
from ardoise.bill.credits import completed_by, completes, credit_notes_of, left_minor, standing_of
from ardoise.bill.cycles import closing_of
from ardoise.bill.drafts import Run
from ardoise.bill.lines import sections_minor
from ardoise.bill.models import BillRun, Document
from ardoise.bill.registration import (
    PLACEHOLDER,
    IssueRefused,
    Validator,
    freeze,
    next_number,
    refuse_date,
    register,
    statement_reference,
)
from ardoise.bill.taken_back import taken_off_too, with_discounts
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import validate
from ardoise.core.credit_notes import CreditRefused, credit, left_to_credit, taken_back
from ardoise.core.money import euros
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.directory.models import Account
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

    `portions` are in the basis of the document (see core.credit_notes.credit); None credits all that is left. A
    discount given on a line is credited with it, in proportion: nobody gets back more than was paid. `cancels` gives
    the charges of the credited lines back: they are open again. It takes whole lines; where nothing is left to credit,
    the charges of the whole invoice are given back by its last credit note, which is returned.
    Raises CreditRefused (core.invoices) for more than is left, IssueRefused for a document that does not validate.
    """
    if invoice.kind == Document.Kind.STATEMENT:
        raise CreditRefused(
            f"{invoice.number} is a statement within a company: no credit note is made of it. Take it back whole: "
            f"ardoise bill credit {invoice.number} --cancel, or correct what it bills and settle the difference: "
            f"ardoise bill correct --month {invoice.month}"
        )
    if cancels and (others := completed_by(invoice)):
        raise CreditRefused(
            f"{invoice.number} was completed by {others[0].number}; cancel both: ardoise bill reissue {invoice.number}"
        )
    if cancels:
        _refuse_alone(invoice)
    return _credit_note(
        invoice, issue_date=issue_date, now=now, validator=validator, portions=portions, reason=reason, cancels=cancels
    )


def cancel(
    *, invoice: Document, issue_date: date, now: datetime, validator: Validator, reason: str = ""
) -> list[Document]:
    """Credit an invoice and every one that completes it, to the last cent, and give all of their charges back.

    A statement is taken back by another one, line by line below zero. Returns the documents, the one of the invoice
    last; none when it is cancelled already. One transaction. Raises CreditRefused, IssueRefused.
    """
    _refuse_alone(invoice)
    with transaction.atomic():
        if invoice.kind == Document.Kind.STATEMENT:
            return _statements_back(invoice, issue_date=issue_date, now=now, validator=validator, reason=reason)
        notes = []
        for member in [*reversed(completed_by(invoice)), invoice]:
            original, already = _locked(member)
            if any(left_to_credit(original, already).values()) or not standing_of(member).is_empty():
                notes.append(
                    _credit_note(
                        member, issue_date=issue_date, now=now, validator=validator, reason=reason, cancels=True
                    )
                )
        return notes


def _statements_back(
    statement: Document, *, issue_date: date, now: datetime, validator: Validator, reason: str
) -> list[Document]:
    """In the caller's transaction, a statement below zero for each one that still counts."""
    refuse_date(statement.issuer, issue_date, not_before=statement.issue_date, now=now)
    Document.objects.select_for_update().get(pk=statement.pk)
    members = [*reversed(completed_by(statement)), statement]
    if all(standing_of(member).is_empty() for member in members):
        return []
    made = []
    for member in members:
        said = wording.word(statement.issuer.language, "takes_back").format(
            member.number, wording.day(member.issue_date)
        )
        content = taken_back(
            canonical.from_json(member.content), issue_date=issue_date, notes=(said, *([reason] if reason else []))
        )
        row = _issue(content, member, issue_date, now, validator)
        _give_back(member, row, lines=None, now=now)
        made.append(row)
    return made


def _refuse_alone(invoice: Document) -> None:
    if completed := completes(invoice):
        raise CreditRefused(
            f"{invoice.number} completes {completed.number} and is cancelled with it: "
            f"ardoise bill reissue {completed.number}"
        )


def _credit_note(
    invoice: Document,
    *,
    issue_date: date,
    now: datetime,
    validator: Validator,
    portions: Portions | Mapping[int, int] | None = None,
    reason: str,
    cancels: bool,
) -> Document:
    refuse_date(invoice.issuer, issue_date, not_before=invoice.issue_date, now=now)
    with transaction.atomic():
        original, already = _locked(invoice)
        if cancels and portions is None and already and not any(left_to_credit(original, already).values()):
            return _opened_again(invoice, now)
        chosen = portions(original, already) if callable(portions) else portions
        if chosen is not None:
            chosen = with_discounts(invoice, original, already, chosen)
        drafted = credit(
            original,
            number=PLACEHOLDER,
            issue_date=issue_date,
            portions=chosen,
            already=already,
            notes=(reason,) if reason else (),
        )
        if cancels:
            _refuse_parts_of_lines(invoice, original, drafted, already)
        if drafted.totals.payable_minor > (rest := left_minor(invoice)):
            raise CreditRefused(
                f"{invoice.number}: {euros(drafted.totals.payable_minor)} cannot be credited, {euros(rest)} with tax "
                "is left since runs credited the rest of it"
            )
        note = _issue(drafted, invoice, issue_date, now, validator)
        if cancels:
            lines = None if chosen is None else {line.line_no for line in drafted.lines}
            _give_back(invoice, note, lines=lines, now=now)
        return note


def _locked(invoice: Document) -> tuple[core.Document, list[core.Document]]:
    """The content of an invoice and its credit notes; nobody else credits it before the caller's transaction ends."""
    Document.objects.select_for_update().get(pk=invoice.pk)
    return canonical.from_json(invoice.content), credit_notes_of(invoice)


def _issue(
    drafted: core.Document, invoice: Document, issue_date: date, now: datetime, validator: Validator
) -> Document:
    """Number and register a document that corrects another one, in the caller's transaction."""
    if drafted.kind is core.DocumentKind.STATEMENT:
        return _registered(replace(drafted, number=statement_reference(invoice.month, invoice.account)), invoice, now)
    drafted = replace(drafted, number=PLACEHOLDER)
    problems = [*validate(drafted), *validator([drafted])[0]]
    if problems:
        raise IssueRefused(f"the correction of {invoice.number} does not hold: {problems[0]}")
    issuer = invoice.issuer
    pattern = issuer.credit_number if drafted.kind is core.DocumentKind.CREDIT_NOTE else issuer.invoice_number
    number = next_number(issuer, drafted.kind, pattern, issue_date)
    return _registered(replace(drafted, number=number), invoice, now)


def _registered(document: core.Document, invoice: Document, now: datetime) -> Document:
    return register(
        document,
        account_id=invoice.account_id,
        account_code=invoice.account.code,
        issuer=invoice.issuer,
        run=None,
        month=invoice.month,
        first_month=invoice.first_month,
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


def _refuse_parts_of_lines(
    invoice: Document, original: core.Document, drafted: core.Document, already: Sequence[core.Document]
) -> None:
    """A charge is given back whole, so its line is credited to the last cent."""
    left = left_to_credit(original, [*already, drafted])
    lines = {line.line_no for line in drafted.lines}
    for line in drafted.lines:
        if left[line.line_no] and (others := taken_off_too(invoice, lines, line.line_no)):
            raise CreditRefused(
                f"{original.number} line {line.line_no} was taken off line {', '.join(map(str, others))} too: cancel "
                f"all of them, {' '.join(f'--line {line_no}' for line_no in sorted({*lines, *others}))}"
            )
        if left[line.line_no]:
            raise CreditRefused(
                f"{original.number} line {line.line_no}: a credit that cancels takes whole lines, give no amount; "
                "a part of a line is credited without cancelling"
            )


# --- billed anew ------------------------------------------------------------------------------------------------------


def usage_months(invoice: Document) -> list[str]:
    """The months of the usage that an invoice billed: what to compute again before it is made anew."""
    usage = tables.frozen_of([invoice]).filter(pl.col(CHARGES.origin_kind) == tables.USAGE)
    months = usage.select(CHARGES.month).unique().collect()
    return sorted(months[CHARGES.month].to_list())


def issue_again(*, invoice: Document, issue_date: date, now: datetime, validator: Validator) -> Document | None:
    """Bill what is open of the payer of a cancelled invoice, on a new one that names it; None when nothing is.

    A repeat returns the invoice made before. Raises IssueRefused with what to mend.
    """
    if made_before := invoice.replacements.first():
        return made_before
    run = Run(invoice.issuer, closes_date=closing_of(invoice), only=[invoice.account_id], anew=invoice)
    drafts = run.draft([tables.bucket_of(invoice.account)], issue_date=issue_date, whole=True)
    made = next((one for one in drafts.made if one.account.pk == invoice.account_id), None)
    if problems := drafts.refused.get(invoice.account.code):
        raise IssueRefused(f"{invoice.number} cannot be made anew: {problems[0]}")
    if made is None or made.document.kind is core.DocumentKind.CREDIT_NOTE:
        return None  # what comes to less than nothing is a run's to credit
    statement = made.document.kind is core.DocumentKind.STATEMENT
    said = wording.word(invoice.issuer.language, "replaces_statement" if statement else "replaces")
    drafted = replace(
        made.document,
        number=PLACEHOLDER,
        preceding=((invoice.number, invoice.issue_date),),
        notes=(*made.document.notes, said.format(invoice.number, wording.day(invoice.issue_date))),
    )
    if not statement and (problems := [*validate(drafted), *validator([drafted])[0]]):
        raise IssueRefused(f"{invoice.number} cannot be made anew: {problems[0]}")
    refuse_date(invoice.issuer, issue_date, not_before=invoice.issue_date, now=now)
    with transaction.atomic():
        Document.objects.select_for_update().get(pk=invoice.pk)
        if invoice.run_id:
            BillRun.objects.select_for_update().get(pk=invoice.run_id)
        if tables.generations(run.scope) != run.before:
            raise IssueRefused(
                f"{invoice.number} cannot be made anew: its charges moved meanwhile, run the command again"
            )
        if paid_minor := drafted.totals.prepaid_minor:
            refuse_spent(invoice.issuer, {invoice.account.code: paid_minor})
        number = (
            statement_reference(invoice.month, invoice.account)
            if statement
            else next_number(invoice.issuer, drafted.kind, invoice.issuer.invoice_number, issue_date)
        )
        row = register(
            replace(drafted, number=number),
            account_id=invoice.account_id,
            account_code=invoice.account.code,
            issuer=invoice.issuer,
            run=invoice.run,
            month=invoice.month,
            first_month=made.first_month,
            bound_date=made.bound_date,
            minors=(made.usage_minor, made.subscription_minor),
            corrects=None,
            now=now,
            replaces=invoice,
        )
        frozen = drafts.bound([made]).with_columns(pl.lit(row.pk, pl.Int64).alias(FROZEN.document_id))
        freeze(invoice.issuer.code, frozen)
        return row


# --- what a credit gives back -----------------------------------------------------------------------------------------


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
        stays = other.kind == Document.Kind.CREDIT_NOTE
        before = "which stays;" if stays else f"cancel {other.number} first, or"
        raise CreditRefused(
            f"{invoice.number}: days it bills were credited by {other.number} since; {before} credit without "
            f"cancelling: ardoise bill credit {invoice.number} --reason TEXT"
        )


# --- what proposals come to -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Corrected:
    """What correcting a month did, by customer code: documents issued, problems, and what nothing can settle."""

    issued: dict[str, list[Document]] = field(default_factory=dict)
    faulty: dict[str, str] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)

    def then(self, later: Corrected) -> Corrected:
        """What was done before, and later."""
        issued = {
            code: [*self.issued.get(code, ()), *later.issued.get(code, ())] for code in self.issued | later.issued
        }
        return Corrected(issued, self.faulty | later.faulty, self.left | later.left)


def correct(
    *,
    month: str,
    issue_date: date,
    now: datetime,
    validator: Validator,
    accounts: Collection[str] | None = None,
    reason: str = "",
) -> Corrected:
    """Settle the proposals of a month by documents: an invoice of what costs more, credit notes of what costs less.

    One transaction a customer: numbers, documents, the old charges taken back, the new ones frozen, ledger, outbox.
    What is settled is no proposal any more: a repeat adds nothing. `accounts` (codes) does those customers alone.
    """
    changed = differences.changed_in(month).by_payer()
    done = Corrected()
    for account in _payers(changed, accounts):
        try:
            with transaction.atomic():
                _correct(account, changed[account.pk], issue_date, now, validator, reason, done)
        except (CreditRefused, IssueRefused) as refused:
            done.issued.pop(account.code, None)
            done.faulty[account.code] = str(refused)
    return done


def preview_corrections(
    *, month: str, issue_date: date, accounts: Collection[str] | None = None, apart: Collection[int] = ()
) -> dict[str, list[core.Document]]:
    """By customer code, the documents that would settle the proposals of a month; nothing is numbered or written.

    `apart`: the ids of documents that are made anew instead (`retaxed`).
    """
    changed = differences.changed_in(month).without(apart).by_payer()
    found = {}
    for account in _payers(changed, accounts):
        settled = differences.settle(account, changed[account.pk], issue_date=issue_date)
        found[account.code] = [one.document for one in settled.documents]
    return found


def _payers(payers: Collection[int], codes: Collection[str] | None) -> list[Account]:
    rows = Account.objects.filter(pk__in=payers).select_related("issuer").order_by("code")
    return list(rows if codes is None else rows.filter(code__in=codes))


def _correct(
    account: Account,
    changed: differences.Changed,
    issue_date: date,
    now: datetime,
    validator: Validator,
    reason: str,
    done: Corrected,
) -> None:
    homes = Document.objects.filter(pk__in=changed.homes).order_by("pk")
    locked = list(homes.select_for_update())
    refuse_date(locked[0].issuer, issue_date, not_before=max(row.issue_date for row in locked), now=now)
    if not _still_stand(changed.old):
        raise IssueRefused("its charges were credited or corrected by somebody else meanwhile; correct the month again")
    settled = differences.settle(account, changed, issue_date=issue_date, reason=reason)
    if settled.left:
        done.left[account.code] = settled.left
    for note, rows in settled.given_back:
        freeze_taken_back(rows, by=note)
        log_event(at=now, kind="charges.given_back", subject=f"document:{note.pk}", digest=note.sha256)
    for one in settled.documents:
        row = _issue(one.document, one.corrects[0], issue_date, now, validator)
        if not one.taken_back.is_empty():
            freeze_taken_back(one.taken_back, by=row)
        if not one.frozen.is_empty():
            frozen = one.frozen.with_columns(pl.lit(row.pk, pl.Int64).alias(FROZEN.document_id))
            freeze(row.issuer.code, frozen)
        done.issued.setdefault(account.code, []).append(row)


def _still_stand(old: pl.DataFrame) -> bool:
    """Whether no other document took these rows back since they were read; the documents they are of are locked."""
    bound = [*CHARGE_KEY, FROZEN.document_id]
    months = old[CHARGES.month].unique().to_list()
    ids = old[FROZEN.document_id].unique().to_list()
    now = store.standing(months, bound, pl.col(FROZEN.document_id).is_in(ids)).collect()
    return old.join(now, on=bound, how="anti").is_empty()
