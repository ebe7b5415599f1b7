"""`ardoise tariffs`: the price lists in force, and the decks of suppliers that change them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ardoise.cli.deck_screens import preview_json, show, write_changes
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
    write_file,
)
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.catalog.decks.deck import Deck
    from ardoise.catalog.decks.layout import Layout
    from ardoise.catalog.decks.queries import Preview, TariffShown

tariffs = typer.Typer(help="Price lists: what is in force, what a supplier's deck changes.", no_args_is_help=True)

DeckFile = Annotated[Path, typer.Argument(help="Deck of a supplier: CSV, XLSX, XLS or ODS.", show_default=False)]
TariffCode = Annotated[str, typer.Option("--tariff", help="Code of the tariff that the deck prices.")]
Supplier = Annotated[
    str, typer.Option("--supplier", help="Who sent it: how its decks are read is remembered when one is imported.")
]
SheetName = Annotated[str, typer.Option("--sheet", help="Sheet of the workbook.", show_default="the one with prices")]
ColumnOf = Annotated[
    list[str],
    typer.Option(
        "--column",
        help='What a column holds: price="Rate USD", or by position price=#3; price@night for a band. May be repeated.',
    ),
]
HeaderRow = Annotated[int, typer.Option("--header-row", help="Line of the header.", show_default="found")]
Effective = Annotated[
    str,
    typer.Option("--effective", help="First day of the deck (YYYY-MM-DD); rows of a later day keep theirs."),
]
DateFormat = Annotated[str, typer.Option("--date-format", help="Where 05/06/2026 could be either.")]
DecimalMark = Annotated[str, typer.Option("--decimal", help="Where 1,234 could be either.")]
Unit = Annotated[
    str,
    typer.Option("--unit", help="What prices count; cent: hundredths a minute.", show_default="header"),
]
Country = Annotated[
    str, typer.Option("--country", help="Calling code, for a deck written as dialled there: 06 is +336 with 33.")
]
Increment = Annotated[
    str, typer.Option("--increment", help="In seconds, where the deck has none.", show_default="as in force")
]
InZone = Annotated[str, typer.Option("--zone", help="Put every row in this zone.", show_default="by destination")]
RoundTo = Annotated[
    int | None, typer.Option("--round", help="Round prices to so many decimals (for formulas).", min=0, max=12)
]
Against = Annotated[str, typer.Option("--against", help="Compare with the version of this first day (YYYY-MM-DD).")]
Missing = Annotated[
    bool | None,
    typer.Option(
        "--keep-missing/--drop-missing",
        help="Rows in force that the deck does not have: they stay (an amendment), or are gone (the whole list).",
    ),
]
Correct = Annotated[
    bool, typer.Option("--correct", help="Also correct a version that priced issued documents (proposals follow).")
]
Apply = Annotated[bool, typer.Option("--apply", help="Load the deck: the same as ardoise tariffs import.")]
Relearn = Annotated[bool, typer.Option("--relearn", help="Forget how this supplier's decks were read.")]
Shown = Annotated[int, typer.Option("--rows", help="How many changed rows to show.", min=0)]
ChangesTo = Annotated[Path | None, typer.Option("--csv", help="Write every changed row to this CSV file.")]


@tariffs.command("list")
def list_tariffs(today: Today = "", as_json: AsJson = False) -> None:
    """Every tariff with the version in force and those to come.

    Example: ardoise tariffs list
    """
    from ardoise.catalog.decks import queries

    ready_database()
    day = _local_day(clock(today)())
    found = queries.tariffs()
    if as_json:
        print_json([_tariff_json(tariff, day) for tariff in found])
        return
    shown = table("Tariffs", "Code", "Name", "Currency", "In force since", "Rows", "To come", right=(4,))
    for tariff in found:
        version = tariff.in_force(day)
        coming = ", ".join(str(one.valid_from_date) for one in tariff.versions if one.valid_from_date > day)
        shown.add_row(
            tariff.code,
            escape(printable(tariff.name)),
            f"{tariff.currency} {tariff.tax_basis.upper()}",
            str(version.valid_from_date) if version else "·",
            f"{version.rows:,}" if version else "·",
            coming or "·",
        )
    screen.print(shown)


def _tariff_json(tariff: TariffShown, day: date) -> dict[str, Any]:
    version = tariff.in_force(day)
    return {
        "code": tariff.code,
        "name": tariff.name,
        "currency": tariff.currency,
        "tax_basis": tariff.tax_basis,
        "in_force_since": str(version.valid_from_date) if version else None,
        "versions": [
            {
                "valid_from_date": str(one.valid_from_date),
                "valid_to_date": str(one.valid_to_date) if one.valid_to_date else None,
                "rows": one.rows,
            }
            for one in tariff.versions
        ],
    }


def _options_of(command: Callable[..., None], *, without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of another one, but one: `import` asks all that `preview` asks."""

    def give(other: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        parameters = [one for one in signature.parameters.values() if one.name != without]
        other.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        other.__annotations__ = {name: hint for name, hint in command.__annotations__.items() if name != without}
        return other

    return give


@tariffs.command()
def preview(
    file: DeckFile,
    tariff: TariffCode,
    supplier: Supplier = "",
    sheet: SheetName = "",
    column: ColumnOf = [],  # noqa: B006 - Typer's way to say none
    header_row: HeaderRow = 0,
    effective: Effective = "",
    date_format: DateFormat = "",
    decimal: DecimalMark = "",
    unit: Unit = "",
    country: Country = "",
    increment: Increment = "",
    zone: InZone = "",
    round_to: RoundTo = None,
    against: Against = "",
    keep_missing: Missing = None,
    correct: Correct = False,
    relearn: Relearn = False,
    apply: Apply = False,
    rows: Shown = 20,
    changes_to: ChangesTo = None,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """What a supplier's deck changes in a tariff: new, dearer, cheaper, gone, from which day. Writes nothing without
    --apply.

    Example: ardoise tariffs preview deck.csv --tariff wholesale --supplier atlas --effective 2026-11-10
    """
    from ardoise.catalog.decks import queries
    from ardoise.catalog.decks.layout import Layout

    ready_database()
    now = clock(today)()
    if changes_to is not None and not changes_to.absolute().parent.is_dir():  # before a deck is loaded
        fail(f"{changes_to} cannot be written: there is no such folder; name a file in a folder that exists")
    given = {"sheet": sheet, "date_format": date_format, "decimal": decimal, "unit": unit, "country": country}
    with _refusals(as_json):
        layout = Layout(columns=_columns(column), header_row=header_row, increment=increment, **given)
        deck = _deck(
            file,
            tariff,
            layout,
            supplier="" if relearn else supplier,
            today=_local_day(now),
            effective=_day(effective, "--effective"),
            zone=zone,
            decimals=round_to,
        )
        if apply:
            found = _imported(deck, tariff, supplier, keep_missing, now, correct, against)
        else:
            found = queries.preview(
                deck, tariff=tariff, keep_missing=bool(keep_missing), against=_day(against, "--against")
            )
    if changes_to is not None:
        write_file(changes_to, partial(write_changes, found, changes_to))
    if as_json:
        print_json(preview_json(found, applied=apply))
    else:
        show(found, rows=rows, chosen=keep_missing is not None, applied=apply, today=_local_day(now))


@tariffs.command("import")
@_options_of(preview, without="apply")
def import_(**asked: Any) -> None:
    """Load a supplier's deck into a tariff: shows what `preview` shows, and writes a version for each of its days.

    Example: ardoise tariffs import deck.csv --tariff wholesale --supplier atlas --effective 2026-11-10 --drop-missing
    """
    preview(**asked, apply=True)


@tariffs.command()
def export(
    tariff: Annotated[str, typer.Argument(help="Code of the tariff.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="File to write, .csv or .xlsx.", show_default=False)],
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="DATE", help="The version in force on this day (YYYY-MM-DD).", show_default="today"
        ),
    ] = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Write a version of a tariff as a deck, CSV or XLSX; importing it again changes nothing.

    Example: ardoise tariffs export wholesale wholesale.xlsx
    """
    from ardoise.catalog.decks import queries, writing

    ready_database()
    day = _day(at, "--at") or _local_day(clock(today)())
    if file.suffix.lower() not in (".csv", ".xlsx"):
        fail(f"« {file.name} » is neither .csv nor .xlsx; give the file one of these endings", code=USAGE)
    with _refusals(as_json):
        shown = queries.tariff_named(tariff)
        version = shown.in_force(day)
        if version is None:
            fail(f"tariff {tariff} has no version in force on {day}; say another day with --at")
        rows = queries.rows_of(version.version_id)
        header, lines = writing.deck_table(rows, shown, version, zones=queries.known_zones())
    made = writing.as_csv(header, lines) if file.suffix.lower() == ".csv" else writing.as_xlsx(header, lines)
    write_file(file, partial(file.write_bytes, made))
    if as_json:
        print_json({"file": str(file), "tariff": tariff, "valid_from_date": version.valid_from_date, "rows": len(rows)})
        return
    screen.print(
        f"{counted(len(rows), 'row')} of {tariff} in force since {version.valid_from_date} written to {file}",
        markup=False,
    )


# --- what is asked ----------------------------------------------------------------------------------------------------


@contextmanager
def _refusals(as_json: bool) -> Iterator[None]:
    """A refusal is said once, in JSON too when a machine asks; the exit status tells a wrong command line apart."""
    from ardoise.catalog.decks.layout import WrongLayout
    from ardoise.catalog.decks.operations import CannotImport
    from ardoise.catalog.decks.problems import DeckRefused
    from ardoise.catalog.decks.queries import NoSuchTariff
    from ardoise.catalog.operations import VersionInUse

    try:
        yield
    except DeckRefused as refusal:
        if as_json:
            print_json({"applied": False, "errors": [problem.as_json() for problem in refusal.problems]})
        fail(str(refusal))
    except (NoSuchTariff, CannotImport, VersionInUse) as refusal:
        said = f"{refusal}, with --correct" if isinstance(refusal, VersionInUse) else str(refusal)
        if as_json:
            print_json({"applied": False, "errors": [{"message": said}]})
        fail(said)
    except WrongLayout as refusal:
        fail(str(refusal), code=USAGE)


def _columns(given: Sequence[str]) -> dict[str, str]:
    """The columns of `--column FIELD=HEADER`."""
    columns = {}
    for word in given:
        name, is_said, header = word.partition("=")
        if not is_said or not header.strip():
            fail(f'« {word} » names no column; write --column FIELD=HEADER, for example price="Rate USD"', code=USAGE)
        columns[name.strip()] = header.strip()
    return columns


def _local_day(moment: datetime) -> date:
    from django.utils.timezone import localdate

    return localdate(moment)


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"{option} « {text} » is not a date; write YYYY-MM-DD, for example 2026-11-10", code=USAGE)


def _deck(
    file: Path,
    tariff: str,
    layout: Layout,
    *,
    supplier: str,
    today: date,
    effective: date | None,
    zone: str,
    decimals: int | None,
) -> Deck:
    """Read the file for a tariff, as the supplier's last one was read where nothing else is said."""
    from ardoise.catalog.decks import queries
    from ardoise.catalog.decks.reading import Target, read_deck

    shown = queries.tariff_named(tariff)
    if zone and zone not in {known.code for known in queries.known_zones()}:
        fail(f"there is no zone « {zone} »; create it in zones.csv, or let the deck name its destinations")
    before = queries.layout_of(supplier) if supplier else None
    try:
        data = file.read_bytes()
    except OSError as error:
        fail(f"{file}: {error.strerror or error}; give the path of a deck")
    target = Target(
        currency=shown.currency,
        bands=shown.bands,
        today=today,
        effective_date=effective,
        zone=zone,
        decimals=decimals,
    )
    remembered = frozenset(before.columns) - frozenset(layout.columns) if before else frozenset()
    whole = layout.over(before) if before else layout
    return read_deck(data, file=file.name, layout=whole, target=target, remembered=remembered)


def _imported(
    deck: Deck, tariff: str, supplier: str, keep_missing: bool | None, now: datetime, correct: bool, against: str
) -> Preview:
    from ardoise.catalog.decks.operations import import_deck

    if against:
        fail("--against is for a preview: a deck is loaded beside the version in force; leave it out", code=USAGE)
    return import_deck(
        deck=deck, tariff=tariff, supplier=supplier, keep_missing=keep_missing, recorded_at=now, correct=correct
    )
