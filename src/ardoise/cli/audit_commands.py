"""`ardoise audit`: is an operator's bill priced as its tariff says? Which convention, which calls are wrong."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ardoise.cli.progress import counting
from ardoise.cli.wiring import (
    FAILED,
    USAGE,
    AsJson,
    Month,
    Today,
    chosen_month,
    clock,
    fail,
    print_json,
    printable,
    ready_database,
    say,
    screen,
    table,
)
from ardoise.core.money import NARROW

if TYPE_CHECKING:
    from ardoise.cli.audit_calls import Read
    from ardoise.core.conventions import Audit, Deck

SHOWN = 20
SIDE_BY_SIDE = 110  # columns in which an unexplained call stands on one line; else its cause stands under its number

File = Annotated[
    Path | None,
    typer.Argument(help="CSV of priced calls, with a header line; or --source.", show_default=False),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--tariff", help="Code of a tariff that may explain them. May be repeated.", show_default="the source's"
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="What a column holds, when its header does not say: number=Called, at=Start, date=, time=, duration=, "
        "amount=, caller=. May be repeated.",
    ),
]
Zone = Annotated[str, typer.Option("--zone", help="Zone of times printed without one.")]
Source = Annotated[str, typer.Option("--source", help="Audit the collected calls of this source instead of a file.")]
Unexplained = Annotated[
    Path | None, typer.Option("--unexplained", help="Write the unexplained calls to this CSV.", show_default=False)
]
Language = Annotated[str, typer.Option("--lang", help="fr or en.")]


def audit(
    file: File = None,
    tariff: Codes = None,
    column: Columns = None,
    zone: Zone = "Europe/Paris",
    source: Source = "",
    month: Month = "",
    unexplained: Unexplained = None,
    language: Language = "fr",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Find how an operator priced its calls, and list the calls that nothing explains; exit status 1 if there are any.

    Increments, fee, minimum, free seconds, rounding, border of bands, version and coefficient are searched.

    Example: ardoise audit october.csv --tariff achat-oisans --unexplained disputed.csv
    """
    from ardoise.core.conventions import NothingToCompare, find

    ready_database()
    if language not in ("fr", "en"):
        fail(f"« {language} » is not a language here; choose fr or en", code=USAGE)
    if (file is None) == (not source):
        fail("give either a FILE of priced calls or --source CODE", code=USAGE)
    decks = _decks(tariff or [], source)
    read = _read(file, source, columns=column or [], zone=zone, month=month, today=today)
    if not read.calls:
        fail(_nothing_to_audit(read, source), code=USAGE)
    with counting("Comparing", "hypotheses") as step:
        try:
            found = find(read.calls, decks, step=step)
        except NothingToCompare as error:
            fail(str(error), code=USAGE)
    if unexplained is not None:
        _write(unexplained, found, language)
    if as_json:
        print_json(_as_dict(found, read, language))
    else:
        _print(found, read, language)
    if found.unexplained or read.faults:
        raise typer.Exit(FAILED)


def _nothing_to_audit(read: Read, source: str) -> str:
    from ardoise.cli.audit_calls import listed

    if source:
        return (
            f"no outgoing call of the source « {source} » has a printed price in this month; choose another --month, "
            "or give the operator's file"
        )
    return f"there is no priced call to audit{f'; {listed(read.faults)[0]}' if read.faults else ''}"


def _read(file: Path | None, source: str, *, columns: list[str], zone: str, month: str, today: str) -> Read:
    from ardoise.cli.audit_calls import NotCalls, Read, calls_of_source, read_file
    from ardoise.core.periods import PeriodError, zone_info

    try:
        zone_info(zone)
    except PeriodError as error:
        fail(str(error), code=USAGE)
    if file is None:
        return Read(calls=list(calls_of_source(source, chosen_month(month, clock(today)()), zone=zone)))
    with counting("Reading", "calls") as step:
        try:
            return read_file(file, columns=columns, zone=zone, step=step)
        except NotCalls as error:
            fail(str(error), code=USAGE)


def _decks(codes: list[str], source: str) -> list[Deck]:
    """The tariffs asked for with their calendars; without any, those of the source."""
    from ardoise.catalog.queries import take_snapshot
    from ardoise.collect.handover import snapshot_sources
    from ardoise.core.conventions import Deck
    from ardoise.core.snapshot import OwnerKind

    snapshot = take_snapshot(sources=snapshot_sources())
    known = {tariff.code: tariff for tariff in snapshot.tariffs}
    source_ids = {row.source_id for row in snapshot.sources if row.code == source}
    if source and not source_ids:
        fail(f"no source has the code « {source} »; see: ardoise collect status", code=USAGE)
    if not codes and source:
        linked = {
            link.tariff_id
            for link in snapshot.links
            if link.owner_kind is OwnerKind.SOURCE and link.owner_id in source_ids
        }
        codes = [tariff.code for tariff in snapshot.tariffs if tariff.tariff_id in linked]
    if not codes:
        fail("name the tariffs that may explain the calls: --tariff CODE", code=USAGE)
    for code in codes:
        if code not in known:
            fail(f"no tariff has the code « {code} »; the codes are: {', '.join(sorted(known)) or 'none'}", code=USAGE)
    calendars = {calendar.code: calendar for calendar in snapshot.calendars}
    return [Deck(known[code], calendars.get(known[code].calendar)) for code in dict.fromkeys(codes)]


def _print(found: Audit, read: Read, language: str) -> None:
    from ardoise.cli.audit_calls import listed
    from ardoise.core.conventions.sentences import convention_lines, doubt_lines, stake_lines, summary

    for sentence in summary(found, language):
        say(sentence)
    shown = table("Convention", *(("Champ", "Valeur") if language == "fr" else ("Field", "Value")))
    for name, value in convention_lines(found, language):
        shown.add_row(name, value)
    screen.print(shown)
    for sentence in doubt_lines(found, language):
        say(sentence)
    if found.unexplained:
        _print_unexplained(found, language)
        for sentence in stake_lines(found, language):
            say(sentence)
    for note in [*read.notes, *listed(read.faults)]:
        say(printable(note))


def _print_unexplained(found: Audit, language: str) -> None:
    from ardoise.core.conventions.sentences import cause_text, ref_text, unexplained_title
    from ardoise.core.money import count_text
    from ardoise.core.periods import zone_info
    from ardoise.core.phone import display

    french, tariff = language == "fr", found.book.tariff
    heads = ["", "Numéro", "Le", "Durée", "Attendu", "Imprimé", "Écart", "Cause probable"]
    if not french:
        heads = ["", "Number", "At", "Duration", "Expected", "Printed", "Difference", "Likely cause"]
    narrow = screen.width < SIDE_BY_SIDE
    if narrow:
        heads = heads[1:-1]
    total = len(found.unexplained)
    title = f"{unexplained_title(total, language)} ({'montants en' if french else 'amounts in'} {tariff.currency})"
    date_at = 1 if narrow else 2
    shown = table(title, *heads, right=tuple(range(date_at + 1, date_at + 5)))
    shown.columns[date_at].no_wrap = True
    shown.columns[0].overflow = "fold"  # what a call is found by is never cut
    zone = zone_info(tariff.zone)
    rows = found.unexplained[:SHOWN]
    amounts = [(row.expected_micros, row.call.printed_micros, row.difference_micros) for row in rows]
    places = max(_places(micros) for three in amounts for micros in three)
    for row, three in zip(rows, amounts, strict=True):
        at = row.call.answered_at.astimezone(zone)
        ref, number = printable(ref_text(row.call.ref, language)), display(printable(row.call.number_key))
        cause = cause_text(row.cause, language)
        cells = [
            f"{at:%d/%m/%Y %H:%M:%S}" if french else f"{at:%Y-%m-%d %H:%M:%S}",
            f"{count_text(row.call.talk_s, french=french)} s",
            *(_aligned(micros, places, french=french) for micros in three),
        ]
        if narrow:
            shown.add_row(f"{escape(number)}\n[dim]{escape(ref)}\n{escape(cause)}[/]", *cells)
        else:
            shown.add_row(escape(ref), escape(number), *cells, escape(cause))
    screen.print(shown)
    if total > SHOWN:
        rest = count_text(total - SHOWN, french=french)
        said = (
            f"… et {rest} {'autres' if total - SHOWN > 1 else 'autre'} : --unexplained FICHIER.csv"
            if french
            else f"… and {rest} more: --unexplained FILE.csv"
        )
        screen.print(said, markup=False)


def _units(micros: int) -> str:
    """Micros as an exact decimal number of units, at least two places."""
    text = f"{Decimal(micros).scaleb(-6):.6f}"
    return text[:-4] + text[-4:].rstrip("0")


def _places(micros: int | None) -> int:
    """The decimals that an amount needs, two at least."""
    return 2 if micros is None else len(_units(micros).partition(".")[2])


def _aligned(micros: int | None, places: int, *, french: bool) -> str:
    """An amount with the decimals of its neighbours, so that the marks stand under each other; a dash for none."""
    if micros is None:
        return "-"
    figures = f"{Decimal(micros).scaleb(-6):,.{places}f}"
    return figures.translate(_FRENCH_FIGURES) if french else figures


_FRENCH_FIGURES = str.maketrans({",": NARROW, ".": ","})


def _write(path: Path, found: Audit, language: str) -> None:
    """The unexplained calls as a CSV, amounts as exact decimals in the currency that each row names."""
    from ardoise.core.conventions.sentences import cause_text

    heads = ("ref", "caller", "number", "answered_at", "talk_s", "expected", "printed", "difference", "currency",
             "cause", "why")  # fmt: skip
    currency = found.book.tariff.currency
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(heads)
            for row in found.unexplained:
                call = row.call
                amounts = (row.expected_micros, call.printed_micros, row.difference_micros)
                writer.writerow(
                    (
                        *(call.ref, _safe(call.caller), _safe(call.number_key), call.answered_at.isoformat()),
                        *(call.talk_s, *("" if micros is None else _units(micros) for micros in amounts), currency),
                        *(row.cause.kind, cause_text(row.cause, language)),
                    )
                )
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}; name a file in a folder that exists", code=USAGE)


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in tuple("=+-@\t") and not text[1:].isdigit() else text


def _as_dict(found: Audit, read: Read, language: str) -> dict[str, Any]:
    from ardoise.core.conventions import differing, field
    from ardoise.core.conventions.sentences import convention_lines, doubt_lines
    from ardoise.core.conventions.verdict import FIELDS

    convention = found.convention
    return {
        "calls": found.calls,
        "explained": found.explained,
        "confidence": found.confidence,
        "as_written": found.as_written,
        "convention": {name: _json(field(convention, name)) for name in FIELDS},
        "said": dict(convention_lines(found, language)),
        "doubts": [
            {
                "same": doubt.same,
                "fields": {name: _json(field(doubt.other, name)) for name in differing(convention, doubt.other)},
                "against": doubt.against,
                "refs": list(doubt.refs),
                "decider": {
                    "number": doubt.decider.call.number_key,
                    "answered_at": doubt.decider.call.answered_at.isoformat(),
                    "talk_s": doubt.decider.call.talk_s,
                    "micros": doubt.decider.micros,
                    "other_micros": doubt.decider.other_micros,
                },
            }
            for doubt in found.doubts
        ],
        "equal_roundings": list(found.equal_roundings),
        "doubts_said": doubt_lines(found, language),
        "unexplained": [
            {
                "ref": row.call.ref,
                "number": row.call.number_key,
                "answered_at": row.call.answered_at.isoformat(),
                "talk_s": row.call.talk_s,
                "expected_micros": row.expected_micros,
                "printed_micros": row.call.printed_micros,
                "difference_micros": row.difference_micros,
                "cause": row.cause.kind.value,
                "detail": row.cause.detail,
            }
            for row in found.unexplained
        ],
        "stake_micros": found.stake_micros,
        "currency": found.book.tariff.currency,
        "unreadable": [{"line": line, "why": why} for line, why in read.faults],
        "notes": read.notes,
    }


def _json(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, tuple):
        return [_json(part) for part in value]
    if hasattr(value, "increments"):
        names = ("first_s", "next_s", "free_s", "fee", "minimum")
        return {name: _json(getattr(value, name)) for name in names}
    return value
