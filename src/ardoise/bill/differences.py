"""Proposals -> documents to be: what each customer is still to pay, or to get back, of what was issued to it.

An invoice that comes to less today has one credit note, of the lines that cost less and of those that cost more; else
what costs more is debited on an invoice, which names the one it completes, and what costs less is credited on its own,
so that the credits of an invoice never exceed it, to the cent (docs/decisions/0007-what-a-credit-gives-back.md).
Old charges are taken back by the document, the new ones stand on it under the same keys: the proposal is gone. What
another payer owes is open once it is taken back, and billed by the next run like any late charge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

import polars as pl

from ardoise.bill import parties, wording
from ardoise.bill.credits import came_from, completed, credit_notes_of, homes
from ardoise.bill.lines import LINE_NO, residue_of
from ardoise.bill.models import Document
from ardoise.bill.proposals import PAYER, WHY, Cause, changed_charges
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.credit_notes import NothingLess, credit, left_to_credit
from ardoise.core.invoices import (
    LineInput,
    build_body,
    build_statement,
    convert_exact,
)
from ardoise.core.money import MICROS_PER_MINOR, amount_text, round_fraction
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.core.terms import parse_terms
from ardoise.core.vat import VatTreatment
from ardoise.directory.models import Account, Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName

_KEY = list(CHARGE_KEY)
_HOME = "home_id"


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed of the charges issued for a month, customer by customer.

    `old`: the rows that stand, with `home_id` (the invoice or statement on whose line they were billed). `new`: what
    stands instead of those that the same customer still owes, the computed rows of today.
    """

    old: pl.DataFrame
    new: pl.DataFrame

    def by_payer(self) -> dict[int, Changed]:
        """By account, what changed for it: the rows are split once, whatever the number of customers."""
        new = self.new.join(self.old.select(*_KEY, PAYER), on=_KEY, how="inner")
        of_payer = {pk: rows.drop(PAYER) for (pk,), rows in new.partition_by(PAYER, as_dict=True).items()}
        return {
            pk: Changed(rows, of_payer.get(pk, self.new.clear()))
            for (pk,), rows in self.old.partition_by(PAYER, as_dict=True).items()
        }

    def without(self, homes: Collection[int]) -> Changed:
        """The same, some documents apart."""
        old = self.old.filter(~pl.col(_HOME).is_in(list(homes)))
        return Changed(old, self.new.join(old, on=_KEY, how="semi"))

    @property
    def homes(self) -> list[int]:
        return sorted(self.old[_HOME].unique())


@dataclass(frozen=True, slots=True)
class Settlement:
    """A document without a number that settles proposals, the invoices it names, and its charges.

    `taken_back` are the rows it takes back, `frozen` those that stand on it (with `line_no`).
    """

    document: core.Document
    corrects: tuple[Document, ...]
    taken_back: pl.DataFrame
    frozen: pl.DataFrame


def changed_in(month: str) -> Changed:
    """Every charge issued for a month that is another today; those that have no price today are left as they are."""
    old = changed_charges(month).filter(pl.col(WHY) != Cause.UNPRICED.value)
    home = homes(old[FROZEN.document_id].unique().to_list())
    old = old.with_columns(pl.col(FROZEN.document_id).replace_strict(home, return_dtype=pl.Int64).alias(_HOME))
    again = old.filter(pl.col(WHY) == Cause.AMOUNT.value)
    new = store.scan(TableName.OPEN, [month]).join(again.lazy().select(_KEY), on=_KEY, how="semi").collect()
    return Changed(old, new)


@dataclass(frozen=True, slots=True)
class Settled:
    """The documents that settle what changed for one customer, and in words what nothing can settle.

    `given_back`: charges that are not this customer's any more, of lines that were credited to the last cent before;
    they are taken back by the last credit note of their invoice, since no other one can be made.
    """

    documents: list[Settlement]
    left: list[str]
    given_back: list[tuple[Document, pl.DataFrame]] = field(default_factory=list)


def settle(account: Account, changed: Changed, *, issue_date: date, reason: str = "") -> Settled:
    """One credit note an invoice that comes to less; a debit of what costs more elsewhere.

    A line whose difference is no cent has no document of its own: it goes with another one, or waits.
    """
    homes_of = Document.objects.select_related("issuer").in_bulk(changed.old[_HOME].unique().to_list())
    lines = [_Line.of(homes_of[home], line_no, rows, changed.new) for (home, line_no), rows in _by_line(changed.old)]
    if account.issuer.documents == Issuer.Documents.STATEMENTS:
        moved = [line for line in lines if line.difference]
        level = [line for line in lines if not line.difference]
        return Settled(_debits(account, moved, level, issue_date, reason)[0], [])
    down = [line for line in lines if line.difference < 0]
    level = [line for line in lines if line.difference == 0]
    up = [line for line in lines if line.difference > 0]
    split = _Split()
    for line in down:
        split.add(line)
    up = [line for line in up if not split.fold(line)]
    notes = split.credited(issue_date, reason)
    up += split.apart
    made, level = _debits(account, up, level, issue_date, reason)
    made += [split.settlement(pk, note, level) for pk, note in notes.items()]
    settled = Settled(made, [])
    for line in split.left:
        mine = pl.col(WHY) == Cause.AMOUNT.value
        note = line.home.corrections.filter(kind=Document.Kind.CREDIT_NOTE).order_by("pk").last()
        if note and not (others := line.old.filter(~mine)).is_empty():
            settled.given_back.append((note, others))
        if not note or not line.old.filter(mine).is_empty():
            settled.left.append(f"{line.home.number}: nothing is left to credit")
    return settled


def _debits(
    account: Account, up: Sequence[_Line], level: Sequence[_Line], issue_date: date, reason: str
) -> tuple[list[Settlement], list[_Line]]:
    """What costs more, on an invoice for each one that it completes in the end: it is cancelled with that one alone.

    Lines that cost the same go with it; returns those that have no invoice to go with.
    """
    if not up:
        return [], list(level)
    roots = completed(account.issuer)

    def of(lines: Sequence[_Line], root: int) -> list[_Line]:
        return [line for line in lines if roots.get(line.home.pk, line.home.pk) == root]

    found = sorted({roots.get(line.home.pk, line.home.pk) for line in up})
    made = [_debit(account, [*of(up, root), *of(level, root)], issue_date, reason) for root in found]
    return made, [line for line in level if roots.get(line.home.pk, line.home.pk) not in found]


class _Split:
    """Credits of lines over the invoices that billed them: never more than each line of each invoice has left.

    A line that debits a difference gives back what it asked, and the line it completes the rest: an invoice of 12 and a
    debit of 1 that come to 10 today are credits of 1 and of 2.
    """

    def __init__(self) -> None:
        self.left: list[_Line] = []  # what was credited before by a gesture, to the last cent
        self._homes: dict[int, Document] = {}
        self._rest: dict[int, dict[int, int]] = {}
        self._portions: dict[int, dict[int, int]] = {}
        self._lines: dict[int, list[tuple[_Line, int]]] = {}
        self._further: dict[int, dict[int, int]] = {}  # lines of discounts that take more off than they did
        self._folded: dict[int, list[_Line]] = {}  # what costs more, on the credit note of its invoice
        self.apart: list[_Line] = []  # what costs more, for an invoice

    def add(self, line: _Line) -> None:
        wanted, first = -line.difference, None
        for home, line_no in [(line.home, line.line_no), *came_from(line.home, line.line_no)]:
            if home.kind != Document.Kind.INVOICE:
                continue  # the credit note of a run: it cannot be credited
            rest = self._rest_of(home)
            larger = rest.get(line_no, 0) < 0  # a discount: what its invoice has left bounds what it takes off more
            amount = min(wanted, max(sum(rest.values()) if larger else rest.get(line_no, 0), 0))
            if not amount:
                continue
            first = first or (home.pk, line_no)
            rest[line_no] -= amount
            wanted -= amount
            portions = self._portions.setdefault(home.pk, {})
            if larger:
                portions = self._further.setdefault(home.pk, {})
            portions[line_no] = portions.get(line_no, 0) + amount
        if first is None:
            self.left.append(line)
        else:
            self._lines.setdefault(first[0], []).append((line, first[1]))

    def fold(self, line: _Line) -> bool:
        """Have what a line costs more stand on the credit note of its invoice, if there is one; returns whether."""
        if line.line is None or line.home.pk not in self._portions:
            return False
        self._folded.setdefault(line.home.pk, []).append(line)
        return True

    def credited(self, issue_date: date, reason: str) -> dict[int, core.Document]:
        """By invoice its credit note; where what costs more is not less than what is credited, that is kept `apart`."""
        notes = {}
        for pk in sorted(self._portions):
            try:
                notes[pk] = self._note(pk, issue_date, reason)
            except NothingLess:
                self.apart += self._folded.pop(pk)
                notes[pk] = self._note(pk, issue_date, reason)
        return notes

    def settlement(self, pk: int, note: core.Document, level: Sequence[_Line]) -> Settlement:
        mine = [*self._folded.get(pk, ()), *(line for line in level if line.home.pk == pk)]
        lines = [*self._lines.get(pk, []), *((line, line.line_no) for line in mine)]
        return _settlement(note, (self._homes[pk],), lines)

    def _rest_of(self, home: Document) -> dict[int, int]:
        if home.pk not in self._rest:
            self._homes[home.pk] = home
            self._rest[home.pk] = left_to_credit(canonical.from_json(home.content), credit_notes_of(home))
        return self._rest[home.pk]

    def _note(self, pk: int, issue_date: date, reason: str) -> core.Document:
        home, folded = self._homes[pk], self._folded.get(pk, [])
        further = {line_no: -more for line_no, more in self._further.get(pk, {}).items()}
        note = credit(
            canonical.from_json(home.content),
            number="",
            issue_date=issue_date,
            portions=self._portions[pk],
            already=credit_notes_of(home),
            notes=(reason,) if reason else (),
            debits=further | {line.line_no: line.difference for line in folded},
        )
        details = {line_no: line.detail for line, line_no in self._lines.get(pk, [])}
        details |= {line.line_no: line.detail for line in folded}
        named = (replace(line, detail=details.get(line.line_no, line.detail)) for line in note.lines)
        return replace(note, lines=tuple(named))


def _debit(account: Account, lines: Sequence[_Line], issue_date: date, reason: str) -> Settlement:
    """One invoice (or statement) whose lines are the differences, naming the documents it completes."""
    first = lines[0].content
    inputs = [line.to_input() for line in lines]
    statement = first.kind is core.DocumentKind.STATEMENT
    body = build_statement(inputs) if statement else build_body(inputs, with_tax=first.with_tax)
    named = {line.home.pk: line.home for line in lines}
    issuer = account.issuer
    terms = parse_terms(account.payment_terms or issuer.payment_terms)
    document = replace(
        first,
        kind=core.DocumentKind.STATEMENT if statement else core.DocumentKind.INVOICE,
        number="",
        issue_date=issue_date,
        due_date=None if statement else terms.due_date(issue_date),
        payment_terms=terms.wording(issuer.language),
        period_from=min(line.content.period_from for line in lines),
        period_to=max(line.content.period_to for line in lines),
        seller=parties.seller(issuer),
        buyer=parties.buyer(account),
        brand=parties.brand(issuer),
        lines=body.lines,
        vat=body.vat,
        totals=body.totals,
        sections=body.sections,
        preceding=tuple((home.number, home.issue_date) for home in named.values()),
        notes=(reason,) if reason else (),
        history_minor=(),
    )
    return _settlement(document, tuple(named.values()), [(line, number) for number, line in enumerate(lines, start=1)])


def _settlement(
    document: core.Document, corrects: tuple[Document, ...], lines: Sequence[tuple[_Line, int]]
) -> Settlement:
    """`lines` with the number under which their charges stand on the document; it may have none of them."""

    def bound(frames: Iterable[tuple[pl.DataFrame, int]]) -> pl.DataFrame:
        numbered = [rows.with_columns(pl.lit(no, pl.Int64).alias(LINE_NO)) for rows, no in frames]
        return pl.concat(numbered) if numbered else pl.DataFrame()

    old, new = bound((line.old, no) for line, no in lines), bound((line.new, no) for line, no in lines)
    return Settlement(document, corrects, old, new)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that was issued, and those of its charges that changed."""

    home: Document
    content: core.Document
    line: core.DocumentLine | None  # none: its charges stood on no line (free helplines)
    line_no: int
    old: pl.DataFrame
    new: pl.DataFrame
    was: Fraction  # micros, in the basis of the document
    now: Fraction

    @classmethod
    def of(cls, home: Document, line_no: int, old: pl.DataFrame, computed: pl.DataFrame) -> _Line:
        content = canonical.from_json(home.content)
        line = next((one for one in content.lines if one.line_no == line_no), None)
        model = line or content.lines[0]
        target = TaxBasis.TTC if content.with_tax else TaxBasis.HT
        new = computed.join(old, on=_KEY, how="semi")
        was, now = (_exact(rows, target, model) for rows in (old, new))
        return cls(home, content, line, line_no, old, new, was, now)

    @property
    def difference(self) -> int:
        """What is to be debited (credited when negative), in cents of the basis of the document: one rounding."""
        return round_fraction((self.now - self.was) / MICROS_PER_MINOR)

    def to_input(self) -> LineInput:
        difference = self.now - self.was
        micros = difference.numerator // difference.denominator
        return LineInput(
            section=self.model.section,
            label=self.model.label,
            amount_micros=micros,
            vat=self.vat,
            group=self.model.group,
            detail=self.detail,
            period_from=self.model.period_from,
            period_to=self.model.period_to,
            residue=difference - micros,
        )

    @property
    def model(self) -> core.DocumentLine:
        return self.line or self.content.lines[0]

    @property
    def vat(self) -> VatTreatment:
        """The treatment of the line that was issued: the supply has the date it had."""
        key = (self.model.vat_category, self.model.vat_rate)
        for group in self.content.vat:
            if (group.category, group.rate) == key:
                return VatTreatment(*key, group.exemption_reason, group.exemption_code)
        return VatTreatment(*key)

    @property
    def detail(self) -> str:
        """« Facturé 0,24 €, dû 0,20 € »."""
        language = self.content.brand.language
        was, now = (
            amount_text(
                Fraction(round_fraction(micros / MICROS_PER_MINOR), 100),
                currency=self.content.currency,
                french=language != "en",
                decimals=2,
            )
            for micros in (self.was, self.now)
        )
        return wording.word(language, "corrected").format(was, now)


def _exact(rows: pl.DataFrame, target: TaxBasis, line: core.DocumentLine) -> Fraction:
    """The exact sum of charges in the basis of a document, in micros."""
    sums = rows.group_by(CHARGES.tax_basis).agg(
        pl.col(CHARGES.amount_micros).sum(),
        pl.col(CHARGES.residue).filter(pl.col(CHARGES.residue) != "").value_counts().alias("residues"),
    )
    total = Fraction(0)
    for basis, micros, residues in sums.iter_rows():
        micros, rest = convert_exact(
            micros, residue_of(residues), source=TaxBasis(basis), target=target, rate=line.vat_rate
        )
        total += micros + rest
    return total


def _by_line(old: pl.DataFrame) -> list[tuple[tuple[int, int], pl.DataFrame]]:
    return sorted(old.partition_by(_HOME, FROZEN.line_no, as_dict=True).items(), key=lambda item: item[0])
