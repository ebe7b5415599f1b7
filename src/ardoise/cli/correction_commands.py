"""`ardoise bill credit`: what corrects a document that was issued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer

from ardoise.cli.billing_commands import IssueDate, bill, read_date
from ardoise.cli.wiring import USAGE, AsJson, Today, clock, fail, print_json, ready_database, screen
from ardoise.core.money import euros

if TYPE_CHECKING:
    from ardoise.bill.corrections import Portions
    from ardoise.bill.models import Document
    from ardoise.core import documents as core

OneIssuer = Annotated[str, typer.Option("--issuer", help="Code of the issuer, when several use the number.")]
Reason = Annotated[str, typer.Option("--reason", help="Printed on the credit note.")]


@bill.command()
def credit(
    number: Annotated[str, typer.Argument(help="Number of the invoice to credit; in full without another option.")],
    reason: Reason,
    line: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="N[:AMOUNT]", help="Credit this line, or this much of it; repeat for others."),
    ] = None,
    percentage: Annotated[str, typer.Option("--percentage", help="Credit this share of every line.")] = "",
    amount: Annotated[
        str, typer.Option("--amount", help="Credit this much, spread over the lines (with tax if their prices are).")
    ] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Open the charges again: the next run bills them as they are then.")
    ] = False,
    issuer: OneIssuer = "",
    on: IssueDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Issue a credit note for an invoice, in full or in part; the invoice itself never changes.

    Its charges stay billed, unless --cancel opens them again.

    Example: ardoise bill credit FAC2026-00012 --line 2:12.50 --reason "Geste commercial"
    """
    from ardoise import flow

    if sum(map(bool, (line, percentage, amount))) > 1:
        fail("choose one of --line, --percentage and --amount", code=USAGE)
    if cancel and (percentage or amount):
        fail("--cancel takes whole lines: give --line N, or nothing for the whole invoice", code=USAGE)
    ready_database()
    now = clock(today)()
    invoice = found_invoice(number, issuer)
    note = flow.credit(
        invoice=invoice,
        issue_date=read_date(on, now.date()),
        now=now,
        reason=reason,
        portions=_portions(line or [], percentage, amount),
        cancels=cancel,
    )
    flow.deliver(now=now)
    if as_json:
        print_json({"number": note.number, "credits": number, "payable_minor": note.payable_minor, "cancels": cancel})
        return
    screen.print(f"{note.number} credits {number}: {euros(note.payable_minor)}")
    if cancel:
        screen.print("Its charges are open: the next run bills them, or now: ardoise bill reissue " + number)


def found_invoice(number: str, issuer: str) -> Document:
    """The invoice of a number; says what to give when there is none, or several."""
    from ardoise.bill.models import Document

    found = Document.objects.filter(kind=Document.Kind.INVOICE, number=number).select_related("issuer", "account")
    if issuer:
        found = found.filter(issuer__code=issuer)
    if len(found) > 1:
        codes = ", ".join(sorted(row.issuer.code for row in found))
        fail(f"several issuers have an invoice {number}: {codes}; choose one with --issuer CODE")
    invoice = found.first()
    if invoice is None:
        fail(f"no invoice has the number {number}; list them with: ardoise report --month YYYY-MM")
    return invoice


def _portions(lines: Sequence[str], percentage: str, amount: str) -> Portions | None:
    """What the options ask for, as cents of lines once the invoice and its credit notes are read."""
    from ardoise.core import invoices

    if percentage:
        share = Fraction(read_amount(percentage.rstrip("%\u202f\u00a0 "))) / 100
        return lambda invoice, already: invoices.portions_of(invoice, share, already=already)
    if amount:
        minor = read_minor(amount)
        return lambda invoice, already: invoices.portions_of_amount(invoice, minor, already=already)
    if not lines:
        return None
    wanted = dict(_line(text) for text in lines)

    def of_lines(invoice: core.Document, already: Sequence[core.Document]) -> Mapping[int, int]:
        left = invoices.left_to_credit(invoice, already)
        # A line that does not exist is refused by the credit itself, with its number.
        return {line_no: left.get(line_no, 1) if minor is None else minor for line_no, minor in wanted.items()}

    return of_lines


def _line(text: str) -> tuple[int, int | None]:
    line_no, _, minor = text.partition(":")
    if not line_no.isdecimal():
        fail(f"« {text} » names no line; write --line 2, or --line 2:12.50 for a part of it", code=USAGE)
    return int(line_no), read_minor(minor) if minor else None


def read_minor(text: str) -> int:
    """An amount as people write it, in cents: "12.50", "12,5"."""
    cents = read_amount(text) * 100
    if cents != cents.to_integral_value():
        fail(f"« {text} » has parts of a cent; write two decimals, for example 12.50", code=USAGE)
    return int(cents)


def read_amount(text: str) -> Decimal:
    try:
        return Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        fail(f"« {text} » is not an amount; write for example 12.50", code=USAGE)
