"""`ardoise directory`: accounts, lines, identifiers and subscriptions, from and to a spreadsheet."""

from __future__ import annotations

import re
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ardoise.cli.wiring import USAGE, AsJson, fail, print_json, printable, ready_database, screen, table, write_file
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.plainfiles.exchange import Preview

directory = typer.Typer(help="The directory as spreadsheets: import with a preview, export.", no_args_is_help=True)

Kind = Annotated[str, typer.Option("--kind", help="accounts, lines, identifiers or subscriptions.", show_default=False)]
ColumnOf = Annotated[
    list[str],
    typer.Option("--column", help='A column whose header says something else: code="Réf. client". May be repeated.'),
]
Rows = Annotated[int, typer.Option("--rows", help="How many changed rows to show.", min=0)]


@directory.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, XLSX, XLS or ODS.", show_default=False)],
    kind: Kind,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Import without asking.")] = False,
    column: ColumnOf = [],  # noqa: B006 - Typer reads the default, nobody writes to it
    layout: Annotated[
        str, typer.Option("--layout", metavar="NAME", help="Remember the columns under this name, or use them again.")
    ] = "",
    relearn: Annotated[bool, typer.Option("--relearn", help="Forget what the layout remembers.")] = False,
    rows: Rows = 20,
    as_json: AsJson = False,
) -> None:
    """Import a spreadsheet, all of it or nothing: what changes is shown first, errors give line and column.

    Headers and words may be French or English; a file with headers of its own is told once (--column), and remembered
    under a name (--layout). A column that the file does not have keeps what is in force; a row that it does not have
    stays. --kind lines also assigns each line to its account, between two dates.

    Example: ardoise directory import clients.xlsx --kind accounts --layout sage --column name="Intitulé" --preview
    """
    from ardoise.directory.operations import put_sheet_layouts
    from ardoise.plainfiles import exchange
    from ardoise.plainfiles.problems import LoadRefused

    ready_database()
    named = _named(column)
    _known(kind)
    remembered = _remembered(layout, kind, named, relearn)
    try:
        found = exchange.preview(file, kind=kind, named=named, remembered=remembered)
        if not as_json:
            _show(found, rows)
        if imported := not preview and bool(found.changes):
            _ask(yes, as_json)
            now = datetime.now(UTC)
            exchange.import_sheet(file, kind=kind, recorded_at=now, named=named, remembered=remembered)
    except LoadRefused as refusal:
        if as_json:
            print_json({"imported": False, "errors": [asdict(problem) for problem in refusal.problems]})
        unlearnt = (
            f"layout « {layout} » remembers nothing of a file that is refused: repeat --column with the file mended"
        )
        fail(f"{refusal}\n{unlearnt}" if layout and named else str(refusal))
    if layout and not preview:
        columns = {**remembered, **named}
        put_sheet_layouts(rows=[{"name": layout, "kind": kind, "columns": columns}], recorded_at=datetime.now(UTC))
    if as_json:
        print_json(asdict(found) | {"new": found.new, "changed": found.changed, "imported": imported})
    elif imported:
        screen.print("Imported.")


@directory.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="File to write, .csv or .xlsx.", show_default=False)],
    kind: Kind,
    language: Annotated[str, typer.Option("--language", help="Of headers and words: fr or en.")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Write accounts, lines, identifiers or subscriptions as a spreadsheet; importing it again changes nothing.

    Example: ardoise directory export clients.xlsx --kind accounts
    """
    from ardoise.plainfiles import exchange

    ready_database()
    _known(kind)
    if language not in ("fr", "en"):
        fail(f"« {language} » is no language of an export; write fr or en", code=USAGE)
    if file.suffix.lower() not in (".csv", ".xlsx"):
        fail(f"« {file.name} » is neither .csv nor .xlsx; give the file one of these endings", code=USAGE)
    rows = exchange.export_rows(kind, language=language)
    write_file(file, lambda: exchange.write_sheet(file, rows, language=language))
    if as_json:
        print_json({"file": str(file), "kind": kind, "rows": len(rows) - 1})
    else:
        screen.print(f"{counted(len(rows) - 1, 'row')} written to {file}", markup=False)


@directory.command("move")
def move_account(
    account: Annotated[str, typer.Argument(help="Code of the account.", show_default=False)],
    to: Annotated[
        str, typer.Option("--to", help="Code of its parent to be; - makes it a customer.", show_default=False)
    ],
    from_day: Annotated[
        str,
        typer.Option(
            "--from", metavar="DATE", help="First day there, YYYY-MM-DD, past or to come.", show_default=False
        ),
    ],
    successor: Annotated[str, typer.Option("--as", help="Code there.", show_default="CODE-YYYYMMDD")] = "",
    preview: Annotated[bool, typer.Option("--preview", help="Only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Move without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put an account, and all below it, under another one from a day on.

    The account keeps its past: a successor holds its lines and subscriptions from that day. The next run bills it the
    days from then on, and credits those that its customer had paid in advance. Rate the open months again afterwards.

    Example: ardoise directory move A1001-CHAM --to A1002 --from 2026-11-01 --preview
    """
    from ardoise.plainfiles import moves
    from ardoise.plainfiles.problems import LoadRefused

    ready_database()
    try:
        day = date.fromisoformat(from_day)
    except ValueError:
        fail(f"« {from_day} » is not a date; write YYYY-MM-DD, for example 2026-11-01", code=USAGE)
    try:
        found = moves.move(account, to="" if to == "-" else to, from_date=day, successor=successor)
        changed, code = found.counts(), found.successor
        if not as_json:
            counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in changed.items())
            where = "a customer" if to == "-" else f"under {to}"
            screen.print(escape(f"{account} goes on as {code}, {where}, from {day}. Rows that change: {counts}."))
        if not preview:
            _ask(yes, as_json)
            moves.carry_out(found, recorded_at=datetime.now(UTC))
    except (moves.MoveRefused, LoadRefused) as refusal:
        fail(str(refusal))
    if as_json:
        print_json({"moved": not preview, "account": account, "successor": code, "rows": changed})
    elif not preview:
        screen.print("Moved.")


def _known(kind: str) -> None:
    from ardoise.plainfiles.exchange import KINDS

    if kind not in KINDS:
        fail(f"« {kind} » is no kind of rows; write --kind {', --kind '.join(KINDS)}", code=USAGE)


def _remembered(layout: str, kind: str, named: dict[str, str], relearn: bool) -> dict[str, str]:
    """The columns that a layout remembers."""
    from ardoise.directory.queries import sheet_columns, sheet_layouts

    if not layout:
        if relearn:
            fail("--relearn forgets what a layout remembers; write --layout NAME too", code=USAGE)
        return {}
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", layout):
        fail(f"« {layout} » is no name of a layout; write letters, digits, - or _, for example sage", code=USAGE)
    known = sheet_columns(layout, kind)
    if known is None and not named:
        others = ", ".join(sheet_layouts(kind)) or "none yet"
        fail(
            f"layout « {layout} » is not known for {kind}; tell its columns once with --column code=HEADER (known: "
            f"{others})",
            code=USAGE,
        )
    return {} if relearn else known or {}


def _named(columns: list[str]) -> dict[str, str]:
    named = {}
    for text in columns:
        name, is_said, header = text.partition("=")
        if not is_said or not name or not header:
            fail(f'« {text} » is not expected; write --column code="Header of the file"', code=USAGE)
        named[name.strip()] = header.strip()
    return named


def _show(found: Preview, rows: int) -> None:
    screen.print(
        f"{escape(found.file)}: {found.new} new, {found.changed} changed, {found.unchanged} unchanged, "
        f"{len(found.absent)} absent (they stay)"
    )
    if found.changes and rows:
        shown = table(f"What changes in {found.kind}", "Line", "", "Row", "What", right=(0,))
        for change in found.changes[:rows]:
            cells = ", ".join(
                f"{header}: {new}" if change.is_new else f"{header}: {old or '(empty)'} → {new or '(empty)'}"
                for header, old, new in change.cells
            )
            mark = "[green]new[/]" if change.is_new else "[yellow]changed[/]"
            shown.add_row(str(change.line), mark, *(escape(printable(text)) for text in (change.what, cells)))
        screen.print(shown)
        if len(found.changes) > rows:
            screen.print(f"... and {counted(len(found.changes) - rows, 'more row', 'more rows')} (--rows, or --json)")
    for note in found.notes:
        screen.print(f"[dim]{escape(printable(note))}[/]")
    for problem in found.warnings:
        screen.print(f"[yellow]![/] {escape(printable(str(problem)))}")
    if not found.changes:
        screen.print("Nothing changes.")


def _ask(yes: bool, as_json: bool) -> None:
    """Go on only when told to."""
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        fail("nothing was written: add --yes to go on without a question, or --preview to only look", code=USAGE)
    if not typer.confirm("Go on?", default=False):
        fail("nothing was written")
