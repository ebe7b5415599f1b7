"""What corrects an issued document: credit notes, whole or in part, and statements taken back; to the cent, with VAT.

Worked tables: docs/algorithms/invoice-arithmetic.md. How much of a credit may be made: `core.credits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.checks import vat_minor
from ardoise.core.documents import Document, DocumentKind, DocumentLine, SectionTotal, Totals, VatLine
from ardoise.core.invoices import section_totals, spread
from ardoise.core.money import minor_to_decimal, round_fraction


class CreditRefused(ValueError):
    """A credit that cannot be made of this document; the message says why."""


class NothingLess(CreditRefused):
    """What the lines of a credit note come to is nothing to give back."""


def portions_of(document: Document, fraction: Fraction, *, already: Sequence[Document] = ()) -> dict[int, int]:
    """A share of every line, in the basis of the document, rounded to the cent: what `credit` takes as `portions`.

    Two halves are a whole: where only the roundings of the credits made before (`already`) leave a cent too little,
    the share is what is left. A share that is really too large is refused by `credit`.
    """
    if not 0 < fraction <= 1:
        percentage = minor_to_decimal(round_fraction(fraction * 10_000))
        raise CreditRefused(f"{document.number}: {percentage} % cannot be credited; write more than 0, 100 at most")
    left, slack = left_to_credit(document, already), (len(already) + 1) // 2  # half a cent a rounding
    shares = {}
    for line in document.lines:
        share, rest = round_fraction(_credited_amount(line) * fraction), left[line.line_no]
        shares[line.line_no] = rest if 0 < abs(share) - abs(rest) <= slack and share * rest >= 0 else share
    return {line_no: amount for line_no, amount in shares.items() if amount}


def portions_of_amount(document: Document, amount_minor: int, *, already: Sequence[Document] = ()) -> dict[int, int]:
    """An amount, in the basis of the document, over what its lines have left: by largest remainder, never more."""
    left = left_to_credit(document, already)
    total = sum(left.values())
    if amount_minor <= 0:
        raise CreditRefused(
            f"{document.number}: {minor_to_decimal(amount_minor)} cannot be credited; write an amount above 0"
        )
    if amount_minor > total:
        raise CreditRefused(
            f"{document.number}: {minor_to_decimal(amount_minor)} cannot be credited, {minor_to_decimal(total)} is left"
        )
    shares = spread(amount_minor, [Fraction(rest * amount_minor, total) for rest in left.values()])
    return {line_no: share for line_no, share in zip(left, shares, strict=True) if share}


def credit(
    document: Document,
    *,
    number: str,
    issue_date: date,
    portions: Mapping[int, int] | None = None,
    already: Sequence[Document] = (),
    notes: tuple[str, ...] = (),
    debits: Mapping[int, int] | None = None,
) -> Document:
    """The credit note (BT-3 381) of an invoice, whole or in part; amounts are positive.

    `debits`: what other lines are to cost more, in the same terms: lines of the other sign, which EN 16931 allows. They
    lower the credit, and a later one may take them back. Raises NothingLess when they are not less than it. One below
    zero is a line of a discount that takes more off than it did: it raises the credit.

    `portions` gives, by line number, the cents to credit in the basis of the document (gross when it is with tax); None
    credits all that is left. `already` is every credit note made of this invoice before. VAT is computed on the
    credited sum of each group, except that the credit which exhausts a group takes what is left of its VAT (and of its
    net): the credits of an invoice always sum to the invoice, to the cent.
    """
    if document.kind is not DocumentKind.INVOICE:
        raise CreditRefused(f"{document.number} is not an invoice; only an invoice can be credited")
    left = left_to_credit(document, already)
    wanted = {line_no: amount for line_no, amount in (left if portions is None else portions).items() if amount}
    if wanted or not debits:
        _refuse_excess(document, wanted, left)
    for line_no, amount in (debits or {}).items():
        wanted[line_no] = wanted.get(line_no, 0) - amount
    wanted = {line_no: amount for line_no, amount in wanted.items() if amount}
    lines = tuple(
        _credit_line(line, wanted[line.line_no], left[line.line_no], already)
        for line in document.lines
        if line.line_no in wanted
    )
    vat = tuple(
        _credit_group(document, group, lines, wanted, left, already)
        for group in document.vat
        if any((line.vat_category, line.vat_rate) == (group.category, group.rate) for line in lines)
    )
    net, tax = sum(line.net_minor for line in lines), sum(group.amount_minor for group in vat)
    payable = sum(wanted.values()) if _keeps_advertised_total(document) else net + tax
    if debits and payable <= 0:
        raise NothingLess(f"{document.number}: what costs more is not less than what is credited; debit it apart")
    totals = Totals(net, tax, net + tax, 0, payable - net - tax, payable)
    return replace(
        document,
        kind=DocumentKind.CREDIT_NOTE,
        number=number,
        issue_date=issue_date,
        due_date=None,
        lines=lines,
        vat=vat,
        totals=totals,
        sections=section_totals(lines, payable),
        preceding=((document.number, document.issue_date),),
        notes=notes,
        history_minor=(),
    )


def turned(document: Document, *, preceding: Sequence[tuple[str, date]]) -> Document:
    """A bill whose total is negative as the credit note that it is: every amount of the other sign, naming invoices."""
    return replace(
        _opposite(document), kind=DocumentKind.CREDIT_NOTE, due_date=None, preceding=tuple(preceding), history_minor=()
    )


def taken_back(statement: Document, *, issue_date: date, notes: tuple[str, ...] = ()) -> Document:
    """The internal statement that cancels another one: the same lines below zero."""
    if statement.kind is not DocumentKind.STATEMENT:
        raise CreditRefused(f"{statement.number} is not a statement; an invoice is credited")
    return replace(
        _opposite(statement),
        number="",
        issue_date=issue_date,
        preceding=((statement.number, statement.issue_date),),
        notes=notes,
        history_minor=(),
    )


def _opposite(document: Document) -> Document:
    totals = document.totals
    return replace(
        document,
        lines=tuple(
            replace(
                line,
                quantity=-line.quantity,
                net_minor=-line.net_minor,
                gross_minor=None if line.gross_minor is None else -line.gross_minor,
            )
            for line in document.lines
        ),
        vat=tuple(replace(g, basis_minor=-g.basis_minor, amount_minor=-g.amount_minor) for g in document.vat),
        totals=Totals(
            net_minor=-totals.net_minor,
            vat_minor=-totals.vat_minor,
            gross_minor=-totals.gross_minor,
            rounding_minor=-totals.rounding_minor,
            payable_minor=-totals.gross_minor - totals.rounding_minor,
        ),
        sections=tuple(SectionTotal(s.section, -s.net_minor, -s.gross_minor) for s in document.sections),
    )


def _keeps_advertised_total(document: Document) -> bool:
    """Whether the document with tax is due at the sum of its advertised lines."""
    advertised = sum(line.gross_minor or 0 for line in document.lines)
    return document.with_tax and advertised == document.totals.gross_minor + document.totals.rounding_minor


def _credited_amount(line: DocumentLine) -> int:
    """The amount of a line in the basis of its document."""
    return line.net_minor if line.gross_minor is None else line.gross_minor


def left_to_credit(document: Document, already: Sequence[Document]) -> dict[int, int]:
    """What each line still has to credit, in the basis of the document."""
    left = {line.line_no: _credited_amount(line) for line in document.lines}
    for note in already:
        if all(number != document.number for number, _ in note.preceding):
            raise CreditRefused(f"{note.number} is not a credit note of {document.number}")
        for line in note.lines:
            left[line.line_no] -= _credited_amount(line)
    return left


def _refuse_excess(document: Document, wanted: Mapping[int, int], left: Mapping[int, int]) -> None:
    if not wanted:
        raise CreditRefused(f"{document.number}: nothing is left to credit")
    for line_no, amount in wanted.items():
        if line_no not in left:
            raise CreditRefused(f"{document.number} has no line {line_no}")
        rest = left[line_no]
        if amount * rest <= 0 or abs(amount) > abs(rest):
            raise CreditRefused(
                f"{document.number} line {line_no}: {minor_to_decimal(amount)} cannot be credited, "
                f"{minor_to_decimal(rest)} is left"
            )


def _credit_line(line: DocumentLine, amount: int, left: int, already: Sequence[Document]) -> DocumentLine:
    """The line in a credit note, under its own number; the part that empties it takes what is left of its net."""
    credited_before = [part for note in already for part in note.lines if part.line_no == line.line_no]
    if amount == left:
        net = line.net_minor - sum(part.net_minor for part in credited_before)
    elif line.gross_minor is None:
        net = amount
    elif amount * line.gross_minor < 0:  # it costs more
        net = round_fraction(Fraction(amount) / (1 + Fraction(line.vat_rate) / 100))
    else:
        net = round_fraction(Fraction(amount * line.net_minor, line.gross_minor))
    if amount == _credited_amount(line):
        return line
    sign = -1 if net < 0 else 1
    return replace(
        line,
        quantity=Decimal(sign),
        unit_price=minor_to_decimal(sign * net),
        net_minor=net,
        gross_minor=None if line.gross_minor is None else amount,
        unit_code="C62",
    )


def _credit_group(
    document: Document,
    group: VatLine,
    lines: Sequence[DocumentLine],
    wanted: Mapping[int, int],
    left: Mapping[int, int],
    already: Sequence[Document],
) -> VatLine:
    """VAT of a group in a credit note: on its own basis, or what is left when it exhausts the group."""
    key = (group.category, group.rate)
    basis = sum(line.net_minor for line in lines if (line.vat_category, line.vat_rate) == key)
    rest = group.amount_minor - sum(v.amount_minor for note in already for v in note.vat if (v.category, v.rate) == key)
    members = [line.line_no for line in document.lines if (line.vat_category, line.vat_rate) == key]
    exhausted = all(wanted.get(line_no, 0) == left[line_no] for line_no in members)
    amount = rest if exhausted else vat_minor(basis, group.rate)
    if basis > 0 and all(line.net_minor >= 0 for line in document.lines if line.line_no in members):
        amount = min(amount, rest)  # cents rounded up by earlier parts never make a later VAT negative
    return replace(group, basis_minor=basis, amount_minor=amount)
