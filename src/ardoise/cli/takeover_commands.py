"""`ardoise takeover`: what another product leaves behind."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ardoise.cli.wiring import (
    USAGE,
    AsJson,
    Today,
    clock,
    fail,
    print_json,
    printable,
    ready_database,
    screen,
    table,
)
from ardoise.core.wording import counted

takeover = typer.Typer(
    help="Come from another product: directory, tariffs, first numbers, balances.", no_args_is_help=True
)

IssuerCode = Annotated[str, typer.Option("--issuer", help="Code of the issuer.", show_default="the only one")]
BalanceDate = Annotated[str, typer.Option("--balance-date", help="Day of balances that have none, YYYY-MM-DD.")]


@takeover.command()
def comtrafic(
    folder: Annotated[Path, typer.Argument(help="Folder of services.csv, postes.csv ...", show_default=False)],
    issuer: IssuerCode = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would be taken over.")] = False,
    tariff_from: Annotated[
        str, typer.Option("--tariff-from", help="First day of tarifs.csv.", show_default="1 January")
    ] = "",
    balance_date: BalanceDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Take over a ComTrafic directory, tariffs, costs, past months and balances; all of it or nothing.

    Repeating it changes nothing. The columns of each file are in docs/how-to/takeover.md.

    Example: ardoise takeover comtrafic export/ --issuer voxa --preview
    """
    from ardoise.bill.takeover import TakeoverRefused
    from ardoise.plainfiles.comtrafic import take_over
    from ardoise.plainfiles.problems import LoadRefused

    ready_database()
    now = clock(today)()
    code = _issuer(issuer)
    try:
        done = take_over(
            folder,
            issuer=code,
            now=now,
            tariff_from=_day(tariff_from) or date(now.year, 1, 1),
            balance_date=_day(balance_date),
            only_preview=preview,
        )
    except (LoadRefused, TakeoverRefused) as refusal:
        if as_json:
            print_json({"taken_over": False, "errors": str(refusal).splitlines()})
        fail(str(refusal))
    if as_json:
        files = [{name: getattr(count, name) for name in count.__slots__} for count in done.report.files]
        warnings = [str(problem) for problem in done.report.warnings]
        said = {"files": files, "balances": done.openings, "warnings": warnings, "notes": list(done.notes)}
        print_json({"taken_over": not preview} | said)
        return
    shown = table(
        f"{'Would be taken' if preview else 'Taken'} over from {folder}", "File", "New", "Changed", "Unchanged"
    )
    for count in done.report.files:
        shown.add_row(
            count.file, *(str(number) if number else "·" for number in (count.new, count.changed, count.unchanged))
        )
    screen.print(shown)
    screen.print(f"{counted(done.openings, 'opening balance')} new.")
    for text in (*map(str, done.report.warnings), *done.notes):
        screen.print(f"[yellow]![/] {escape(printable(text))}")
    if preview:
        screen.print("Nothing was written.")


@takeover.command()
def numbers(
    issuer: IssuerCode = "",
    invoice: Annotated[
        int | None, typer.Option("--invoice", help="Number of the first invoice made here.", min=1)
    ] = None,
    credit: Annotated[int | None, typer.Option("--credit", help="Number of the first credit note.", min=1)] = None,
    year: Annotated[int | None, typer.Option("--year", help="Year of the series.", show_default="this year")] = None,
    last_date: Annotated[
        str,
        typer.Option(
            "--last-date", metavar="DATE", help="Day of the last document made elsewhere: none is dated before it."
        ),
    ] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Go on with the series of another product; refused once a number was taken here.

    Example: ardoise takeover numbers --issuer voxa --invoice 1234 --credit 56 --last-date 2026-10-31
    """
    from ardoise.bill.takeover import TakeoverRefused, set_first_numbers
    from ardoise.directory.models import Issuer

    ready_database()
    now = clock(today)()
    first = {kind: number for kind, number in (("invoice", invoice), ("credit_note", credit)) if number is not None}
    if not first:
        fail("give --invoice N, --credit N, or both", code=USAGE)
    try:
        printed = set_first_numbers(
            issuer=Issuer.objects.get(code=_issuer(issuer)),
            first=first,
            year=year or now.year,
            now=now,
            last_date=_day(last_date),
        )
    except TakeoverRefused as refusal:
        fail(str(refusal))
    if as_json:
        print_json(printed)
        return
    for kind, number in printed.items():
        screen.print(f"The next {kind.replace('_', ' ')} is {number}.")


@takeover.command()
def balances(
    file: Annotated[Path, typer.Argument(help="CSV or XLSX: compte; solde; date.", show_default=False)],
    balance_date: BalanceDate = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Post what customers owed on a day (a negative balance: what they are owed). Once each: repeating it adds nothing.

    Example: ardoise takeover balances soldes.csv --balance-date 2026-10-31
    """
    from ardoise.bill.takeover import TakeoverRefused, record_openings
    from ardoise.plainfiles.comtrafic import read_openings
    from ardoise.plainfiles.problems import LoadRefused

    ready_database()
    try:
        openings = read_openings(file, balance_date=_day(balance_date))
        new = record_openings(openings=openings, now=clock(today)())
    except (LoadRefused, TakeoverRefused) as refusal:
        fail(str(refusal))
    if as_json:
        print_json({"balances": len(openings), "new": new})
    else:
        screen.print(f"{counted(new, 'opening balance')} posted, {len(openings) - new} known already or zero.")


def _issuer(code: str) -> str:
    from ardoise.directory.models import Issuer

    known = list(Issuer.objects.order_by("code").values_list("code", flat=True))
    if not known:
        fail("there is no issuer yet: write issuers.toml and load it (docs/reference/plain-files.md)")
    if not code and len(known) == 1:
        return str(known[0])
    if code not in known:
        fail(f"choose an issuer with --issuer: {', '.join(known)}", code=USAGE)
    return code


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail(f"« {text} » is not a date; write YYYY-MM-DD, for example 2026-10-31", code=USAGE)
