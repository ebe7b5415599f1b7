"""Reads about credits: the notes an invoice has, which document a charge was billed by, what of it stands."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl
from django.db.models import Sum

from ardoise.bill.charges import frozen_of
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.credit_notes import left_to_credit
from ardoise.core.schema import CHARGE_KEY, FROZEN
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TAKEN_BACK, TableName

_KEY = list(CHARGE_KEY)


def credit_notes_of(invoice: Document) -> list[core.Document]:
    """The credit notes of an invoice, as they were issued, the oldest first."""
    notes = invoice.corrections.filter(kind=Document.Kind.CREDIT_NOTE).order_by("id")
    return [canonical.from_json(note.content) for note in notes]


def left_minor(invoice: Document) -> int:
    """What is left to credit of an invoice, with tax: less its credit notes, and what runs took of it."""
    totals = canonical.from_json(invoice.content).totals
    notes = invoice.corrections.filter(kind=Document.Kind.CREDIT_NOTE).aggregate(total=Sum("payable_minor"))["total"]
    taken = invoice.imputed.aggregate(total=Sum("amount_minor"))["total"]
    return totals.gross_minor + totals.rounding_minor - (notes or 0) - (taken or 0)


def homes(document_ids: Iterable[int]) -> dict[int, int]:
    """The invoice or statement on whose lines the charges of each document were billed.

    A charge corrected downwards stands on the credit note that did it, and is still paid by a line of its invoice.
    """
    rows = Document.objects.filter(pk__in=list(document_ids)).values_list("pk", "kind", "corrects_id")
    return {pk: corrects if kind == Document.Kind.CREDIT_NOTE and corrects else pk for pk, kind, corrects in rows}


def standing_of(invoice: Document) -> pl.DataFrame:
    """The charges that the lines of an invoice bill and that no later document took back."""
    notes = invoice.corrections.filter(kind=Document.Kind.CREDIT_NOTE)
    return frozen_of([invoice, *notes], standing=True).collect()


def completed_by(invoice: Document) -> list[Document]:
    """The documents that debit differences of charges of this one, directly or of one that does: the oldest first."""
    taken = _taken(invoice.issuer)
    found: set[int] = set()
    ahead = {invoice.pk}
    while ahead:
        ahead = {by for by, of in taken if of in ahead} - found
        found |= ahead
    return list(Document.objects.filter(pk__in=found).select_related("issuer", "account").order_by("pk"))


def completes(invoice: Document) -> Document | None:
    """The document of which this one debits differences; None for one that bills charges of its own."""
    of = min((of for by, of in _taken(invoice.issuer) if by == invoice.pk), default=None)
    return None if of is None else Document.objects.get(pk=of)


def nothing_left(invoice: Document, line_no: int) -> bool:
    """Whether a line, and those whose difference it asks for, were credited to the last cent."""
    for home, of_line in [(invoice, line_no), *came_from(invoice, line_no)]:
        if home.kind != Document.Kind.INVOICE:
            return False
        left = left_to_credit(canonical.from_json(home.content), credit_notes_of(home))
        rest = left.get(of_line, 0)
        if rest > 0 or (rest < 0 < sum(left.values())):  # below zero: a discount, which may take more off
            return False
    return True


def completed(issuer: Issuer) -> dict[int, int]:
    """By document that debits differences, the invoice that it completes in the end, by id."""
    of = dict(sorted(_taken(issuer), reverse=True))  # of several, the oldest
    found = {}
    for debit, invoice in of.items():
        while invoice in of:
            invoice = of[invoice]
        found[debit] = invoice
    return found


def came_from(debit: Document, line_no: int) -> list[tuple[Document, int]]:
    """The lines whose difference a line of a debit asks for, nearest first; none for a line of charges of its own."""
    if completes(debit) is None:
        return []
    took = frozen_of([debit]).filter(pl.col(FROZEN.line_no) == line_no).drop_nulls(FROZEN.cancels_id)
    ids = took.select(FROZEN.cancels_id).unique().collect()[FROZEN.cancels_id].to_list()
    bound = [*_KEY, FROZEN.document_id]
    before = frozen_of(Document.objects.filter(pk__in=ids))
    from_lines = before.join(took, left_on=bound, right_on=[*_KEY, FROZEN.cancels_id], how="semi")
    pairs = from_lines.select(FROZEN.document_id, FROZEN.line_no).unique().collect()
    home = homes(pairs[FROZEN.document_id].to_list())
    documents = Document.objects.in_bulk(home.values())
    nearest = sorted({(home[pk], no) for pk, no in pairs.iter_rows()}, reverse=True)
    found: list[tuple[Document, int]] = []
    for pk, no in nearest:
        found += [(documents[pk], no), *came_from(documents[pk], no)]
    return found


def _taken(issuer: Issuer) -> set[tuple[int, int]]:
    """Pairs (debit, the document whose charges it took over): read from the rows that take back, which are few."""
    columns = [FROZEN.document_id, FROZEN.cancels_id]
    took = store.scan(TableName.FROZEN, columns=columns, partition=f"{issuer.code}{TAKEN_BACK}")
    pairs = took.unique().collect()
    home = homes(pairs[FROZEN.cancels_id].to_list())
    debits = Document.objects.filter(pk__in=pairs[FROZEN.document_id].to_list())
    debit_ids = set(debits.exclude(kind=Document.Kind.CREDIT_NOTE).values_list("pk", flat=True))
    return {(by, home[of]) for by, of in pairs.iter_rows() if by in debit_ids}
