"""`ardoise bill credit`, `reissue`, `correct`, `balance`, `refund`: what comes after an invoice was issued."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ardoise.cli.billing_commands import IssueDate, bill, read_date
from ardoise.cli.wiring import (
    FAILED,
    USAGE,
    AsJson,
    Month,
    Today,
    chosen_month,
    clock,
    errors,
    fail,
    print_json,
    ready_database,
    screen,
    table,
)
from ardoise.core.money import MICROS_PER_MINOR, euros

if TYPE_CHECKING:
    from ardoise.bill.corrections import Portions
    from ardoise.bill.models import Document
    from ardoise.core import documents as core
    from ardoise.directory.models import Account

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

    Its charges stay billed, unless --cancel opens them again. A discount taken off a line is credited with it. A
    statement within a company is taken back whole by another one, with --cancel.

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
    dated = read_date(on, now.date())
    portions = _portions(line or [], percentage, amount)
    if cancel and portions is None:
        notes = flow.cancel(invoice=invoice, issue_date=dated, now=now, reason=reason)
    else:
        notes = [
            flow.credit(invoice=invoice, issue_date=dated, now=now, reason=reason, portions=portions, cancels=cancel)
        ]
    flow.deliver(now=now)
    if not notes:
        fail(f"{number} is cancelled already; make it anew with: ardoise bill reissue {number}")
    note = notes[-1]
    if as_json:
        print_json({"number": note.number, "credits": number, "payable_minor": note.payable_minor, "cancels": cancel})
        return
    for note in notes:
        _say_cancelled(note, "credits")
    if cancel:
        screen.print("Its charges are open: the next run bills them, or now: ardoise bill reissue " + number)


def _say_cancelled(note: Document, verb: str) -> None:
    assert note.corrects is not None
    verb = "takes back" if note.kind == "statement" else verb
    screen.print(f"{note.number} {verb} {note.corrects.number}: {euros(note.payable_minor)}")


@bill.command()
def reissue(
    number: Annotated[str, typer.Argument(help="Number of the invoice to make anew.")],
    reason: Reason,
    issuer: OneIssuer = "",
    on: IssueDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Cancel an invoice by a credit note, or a statement, and make it anew from what is computed today.

    Both are done or none is, whatever happens meanwhile; done, the same command does nothing.

    Example: ardoise bill reissue FAC2026-00012 --reason "Erreur de tarif"
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    invoice = found_invoice(number, issuer)
    done = flow.reissue(invoice=invoice, issue_date=read_date(on, now.date()), now=now, reason=reason)
    flow.deliver(now=now)
    if as_json:
        new = done.invoice.number if done.invoice else None
        print_json({"replaces": number, "credit_notes": [note.number for note in done.credit_notes], "number": new})
        return
    for note in done.credit_notes:
        _say_cancelled(note, "cancels")
    if done.invoice is None:
        screen.print(f"Nothing of {number} is due by {invoice.account.code} today: no new invoice.")
    else:
        screen.print(f"{done.invoice.number} replaces {number}: {euros(done.invoice.payable_minor)}")


@bill.command()
def correct(
    month: Month = "",
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="CODE", help="Correct this customer alone; repeat.")
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show the documents; number and write nothing.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Printed on the documents.")] = "",
    on: IssueDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Settle the proposals of a month: invoices of what costs more today, credit notes of what costs less.

    It corrects what the last rating found: after a correction of a tariff, rate the month first. What another customer
    owes instead is open, and billed by the next run. An invoice whose VAT is another one today is credited whole and
    made anew.

    Example: ardoise bill correct --month 2026-10 --reason "Tarif corrigé"
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    month, dated = chosen_month(month, now), read_date(on, now.date())
    for code in account or ():
        _account(code)  # says what to do for one that nobody has
    if preview:
        _preview(month, dated, account, as_json=as_json)
        return
    done = flow.correct(month=month, issue_date=dated, now=now, accounts=account, reason=reason)
    flow.deliver(now=now)
    rows = [
        (code, of.number, row.number, row.kind, row.payable_minor)
        for code, documents in done.issued.items()
        for row in documents
        if (of := row.corrects or row.replaces)
    ]
    if rows or as_json:
        _show_corrections(f"Corrections of {month}", rows, as_json=as_json)
    elif not done.faulty and not done.left:
        screen.print(_NOTHING)
    for code, why in sorted(done.faulty.items()):
        errors.print(f"✗ {code}: {why}", markup=False)
    for code, reasons in sorted(done.left.items()):
        for why in reasons:
            errors.print(f"! {code}: {why}", markup=False)
    if done.faulty:
        raise typer.Exit(FAILED)


_NOTHING = "[green]✓[/] Nothing to correct: what was issued is what is computed today."
_Row = tuple[str, str, str, str, int]  # customer, document corrected, number, kind, cents to pay or given back


def _preview(month: str, dated: date, accounts: Sequence[str] | None, *, as_json: bool) -> None:
    """The documents that would be issued; nothing is numbered or written."""
    from ardoise.access.scope import EVERYTHING
    from ardoise.bill.corrections import preview_corrections
    from ardoise.bill.retaxed import retaxed
    from ardoise.cli.proposal_screens import show_vat, vat_json

    taxed = retaxed(EVERYTHING, month=month, accounts=accounts)
    apart = {pk for one in taxed for pk in one.members}
    drafted = preview_corrections(month=month, issue_date=dated, accounts=accounts, apart=apart)
    rows = [
        (code, made.preceding[0][0], "", made.kind.value, made.totals.payable_minor)
        for code, documents in drafted.items()
        for made in documents
    ]
    if as_json:
        print_json([*_as_json(rows), *map(vat_json, taxed)])
        return
    if rows:
        _show_corrections(f"Corrections of {month}, not issued", rows, as_json=False)
        screen.print("A minimum or a discount that these amounts move is computed, and settled, when they are issued.")
    if taxed:
        show_vat(month, taxed)
        screen.print("They would be credited whole, and made anew.")
    if not rows and not taxed:
        screen.print(_NOTHING)


def _as_json(rows: Sequence[_Row]) -> list[dict[str, object]]:
    names = ("account", "corrects", "number", "kind", "payable_minor")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _show_corrections(title: str, rows: Sequence[_Row], *, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(rows))
        return
    shown = table(title, "Account", "Corrects", "Document", "", "Amount", right=(4,))
    for code, corrects, number, kind, payable_minor in rows:
        sign = -1 if kind == "credit_note" else 1
        shown.add_row(escape(code), corrects, number or "—", kind.replace("_", " "), euros(sign * payable_minor))
    screen.print(shown)


@bill.command()
def balance(
    code: Annotated[str, typer.Argument(help="Code of the customer.")],
    as_json: AsJson = False,
) -> None:
    """Show what a customer owes, or has to its credit, and what made it so.

    A credit is taken off its next invoice, or refunded: ardoise bill refund.

    Example: ardoise bill balance CIM-0042
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.bill.models import Document
    from ardoise.ledger.queries import movements

    ready_database()
    account = _account(code)
    moved = movements(EVERYTHING, issuer=account.issuer.code, customer=account.code)
    keys = {
        f"document:{pk}": number for pk, number in Document.objects.filter(account=account).values_list("pk", "number")
    }
    owed_minor = sum(one.amount_micros for one in moved) // MICROS_PER_MINOR
    if as_json:
        print_json(
            {
                "account": account.code,
                "owed_minor": owed_minor,
                "movements": [
                    {
                        "date": one.date.isoformat(),
                        "kind": one.kind,
                        "reference": keys.get(one.key, one.key),
                        "amount_minor": one.amount_micros // MICROS_PER_MINOR,
                    }
                    for one in moved
                ],
            }
        )
        return
    if moved:
        shown = table(f"{account.code} – {account.name}", "Date", "", "Reference", "Amount", right=(3,))
        for one in moved:
            amount = euros(one.amount_micros // MICROS_PER_MINOR)
            shown.add_row(one.date.isoformat(), one.kind.replace("_", " "), escape(keys.get(one.key, one.key)), amount)
        screen.print(shown)
    if owed_minor < 0:
        screen.print(f"{escape(account.code)} has {euros(-owed_minor)} to its credit: taken off its next invoice.")
    else:
        screen.print(f"{escape(account.code)} owes {euros(owed_minor)}.")


@bill.command()
def refund(
    code: Annotated[str, typer.Argument(help="Code of the customer.")],
    amount: Annotated[str, typer.Argument(help="Amount to pay back, 12.50.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is paid back.")],
    by: Annotated[str, typer.Option("--by", help="Who decides.", show_default="the system user")] = "",
    on: Annotated[str, typer.Option("--date", help="Date of the entry, YYYY-MM-DD.", show_default="today")] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Record that a customer's credit is to be paid back; the payment itself is made at the bank.

    Example: ardoise bill refund CIM-0042 12.50 --reason "Résiliation"
    """
    from ardoise.bill.balances import credits_minor
    from ardoise.bill.balances import refund as record

    ready_database()
    now = clock(today)()
    account = _account(code)
    row = record(
        account=account,
        amount_minor=read_minor(amount),
        refund_date=read_date(on, now.date()),
        reason=reason,
        made_by=by or getpass.getuser(),
        now=now,
    )
    left = credits_minor(account.issuer).get(account.code, 0)
    if as_json:
        print_json({"account": account.code, "refunded_minor": row.amount_minor, "credit_minor": left})
    else:
        screen.print(
            f"{escape(account.code)}: {euros(row.amount_minor)} to be paid back; {euros(left)} left to its credit."
        )


def _account(code: str) -> Account:
    from ardoise.directory.models import Account

    account = Account.objects.filter(code=code).select_related("issuer").first()
    if account is None:
        fail(f"no customer has the code {code}; the codes are in accounts.csv: ardoise dump DIR")
    return account


def found_invoice(number: str, issuer: str) -> Document:
    """The invoice, or statement, of a number; says what to give when there is none, or several."""
    from ardoise.bill.models import Document

    found = Document.objects.filter(number=number).select_related("issuer", "account", "corrects")
    if issuer:
        found = found.filter(issuer__code=issuer)
    billed = found.exclude(kind=Document.Kind.CREDIT_NOTE)
    if len(billed) > 1:
        codes = ", ".join(sorted(row.issuer.code for row in billed))
        fail(f"several issuers have an invoice {number}: {codes}; choose one with --issuer CODE")
    invoice = billed.first()
    if invoice is None:
        if (note := found.first()) is not None:
            of = note.corrects.number if note.corrects else "NUMBER"
            fail(
                f"{number} is a credit note, and a credit note is not credited; if it is wrong, make the invoice anew: "
                f"ardoise bill reissue {of}"
            )
        fail(f"no invoice has the number {number}; list them with: ardoise report --month YYYY-MM")
    return invoice


def _portions(lines: Sequence[str], percentage: str, amount: str) -> Portions | None:
    """What the options ask for, as cents of lines once the invoice and its credit notes are read."""
    from ardoise.core import credit_notes

    if percentage:
        share = Fraction(read_amount(percentage.rstrip("%\u202f\u00a0 "))) / 100
        return lambda invoice, already: credit_notes.portions_of(invoice, share, already=already)
    if amount:
        minor = read_minor(amount)
        return lambda invoice, already: credit_notes.portions_of_amount(invoice, minor, already=already)
    if not lines:
        return None
    wanted = dict(_line(text) for text in lines)

    def of_lines(invoice: core.Document, already: Sequence[core.Document]) -> Mapping[int, int]:
        left = credit_notes.left_to_credit(invoice, already)
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
