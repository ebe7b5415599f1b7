"""`ardoise collect`: run the collector, see how the sources are, what stands in quarantine, drop a file."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from csv import DictWriter
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from ardoise.cli.wiring import (
    USAGE,
    AsJson,
    Month,
    Today,
    chosen_month,
    clock,
    errors,
    fail,
    local_text,
    print_json,
    printable,
    ready_database,
    screen,
    start_django,
    table,
)
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.collect.alarms import OpenAlarm
    from ardoise.collect.proof import DayProof
    from ardoise.collect.queries import SourceHealth

collect = typer.Typer(no_args_is_help=True, help="Receive tickets from PBXs and operators.")

SourceOption = Annotated[str, typer.Option("--source", help="Code of one source.", show_default="all")]
RAW_SHOWN = 120  # characters of a ticket; --json gives all
COLOURS = {"alarm": "red", "event": "green"}


@collect.command()
def run(
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Code of a source; repeat for several.", show_default="all")
    ] = None,
    today: Today = "",
) -> None:
    """Receive tickets until Ctrl-C: listens, connects, watches folders, and turns tickets into calls as they come.

    Example: ardoise collect run --source avaya-siege
    """
    start_django()
    ready_database()
    from ardoise.collect import service

    def say(code: str, kind: str, text: str) -> None:
        screen.print(f"[{COLOURS.get(kind, 'dim')}]{kind}[/] [bold]{escape(code)}[/] {escape(text)}")

    try:
        done = asyncio.run(service.run_until_signalled(source, clock(today), said=say))
    except (LookupError, RuntimeError) as error:  # nothing to collect, another collector runs
        fail(str(error))
    screen.print(
        f"Stopped: {counted(done.tickets, 'ticket')}, {counted(done.calls, 'call')}, {done.quarantined} in quarantine."
    )
    if done.unwritten_bytes:
        fail(f"The disk was full to the end: {done.unwritten_bytes} bytes received could not be written.")


@collect.command()
def status(month: Month = "", today: Today = "", as_json: AsJson = False) -> None:
    """How every source is: last ticket, what became of its tickets, the days of the month it covers.

    Example: ardoise collect status --month 2026-10
    """
    start_django()
    ready_database()
    from dataclasses import asdict

    from ardoise.access.scope import EVERYTHING
    from ardoise.collect.queries import source_health

    now = clock(today)()
    chosen = chosen_month(month, now)
    found = source_health(EVERYTHING, month=chosen, now=now)
    if as_json:
        print_json([asdict(health) | {"missing": health.counts.missing} for health in found])
        return
    if not found:
        screen.print("No source yet. Load a company first, for example: ardoise load examples/entreprise")
        return
    screen.print(_status_table(found, chosen))
    for health in found:
        for alarm in health.alarms:
            screen.print(alarm_line(alarm))
        if health.counts.missing:
            missing = counted(health.counts.missing, "ticket")
            fail(f"{health.source}: {missing} unaccounted for; keep the journal, report this")


def _code_of(source: str | None) -> str | None:
    """The source's code as it is written; refuses one that nobody knows."""
    from ardoise.collect.operations import UnknownSource, source_of

    try:
        return source_of(source).code if source else None
    except UnknownSource as error:
        fail(str(error), code=USAGE)


def _status_table(found: list[SourceHealth], month: str) -> Table:
    names = ("Source", "State", "Last ticket", "Received", "In calls", "Events", "Quar.", "Wait.", "Days")
    shown = table(f"Sources, days with calls in {month}", *names, right=(3, 4, 5, 6, 7, 8))
    for column in shown.columns:
        column.no_wrap = True
    if screen.width < 90:  # 80 columns hold it all with one space between
        shown.padding = (0, 1, 0, 0)
    for health in found:
        counts = health.counts
        numbers = (counts.received, counts.in_calls, counts.events, counts.quarantined, counts.waiting)
        last = local_text(health.last_ticket_at) if health.last_ticket_at else "never"
        shown.add_row(
            escape(health.source),
            _state(health),
            f"[yellow]{last}[/]" if health.silent else last,
            *(str(number) if number else "·" for number in numbers),
            _days(health),
        )
    return shown


def alarm_line(alarm: OpenAlarm) -> str:
    """One alarm for the terminal, with the time left before the PBX overwrites what nobody received."""
    left = (
        f" [bold]The PBX overwrites tickets from {local_text(alarm.overwritten_at)}.[/]" if alarm.overwritten_at else ""
    )
    since = local_text(alarm.opened_at)
    return f"[red]![/] [bold]{escape(alarm.source)}[/] {escape(printable(alarm.text))} [dim](since {since})[/]{left}"


LINKED = ("tcp_server", "tcp_client")  # where a connection stands; the others come and go


def _state(health: SourceHealth) -> str:
    if not health.collected:
        return "[dim]stopped[/]"
    if health.transport not in LINKED:
        return "[green]watching[/]"
    return "[green]linked[/]" if health.connected else "[yellow]no link[/]"


def _days(health: SourceHealth) -> str:
    """Days with calls, of the days of the month that are over."""
    if health.first_call_date is None:
        return "[dim]none[/]"
    of = f"{health.days_with_calls} of {health.days_with_calls + len(health.quiet_dates)}"
    return f"[yellow]{of}[/]" if health.quiet_dates else of


@collect.command()
def alarms(
    source: SourceOption = "",
    past: Annotated[bool, typer.Option("--past", help="Those that are over, too.")] = False,
    limit: Annotated[int, typer.Option(help="How many past ones to show, latest first.")] = 50,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """What is wrong with the sources now, and with --past what was: from when to when.

    Example: ardoise collect alarms --past --source avaya-siege
    """
    start_django()
    ready_database()
    from dataclasses import asdict

    from ardoise.access.scope import EVERYTHING
    from ardoise.collect.alarms import history, open_alarms
    from ardoise.collect.wording import english

    code = _code_of(source)
    lasting = open_alarms(EVERYTHING, now=clock(today)(), source=code)
    over = history(EVERYTHING, source=code).exclude(over_at=None)[:limit] if past else ()
    if as_json:
        told = [asdict(alarm) | {"text": alarm.text, "over_at": None} for alarm in lasting]
        for row in over:
            said = {"text": english(row.kind, row.params), "over_at": row.over_at, "overwritten_at": None}
            named = {"source": row.source.code, "source_name": row.source.name, "kind": row.kind, "params": row.params}
            told.append(named | {"opened_at": row.opened_at} | said)
        print_json(told)
        return
    for alarm in lasting:
        screen.print(alarm_line(alarm))
    for row in over:
        span = f"{local_text(row.opened_at)} to {local_text(row.over_at or row.opened_at)}"
        screen.print(
            f"[dim]{span}[/] [bold]{escape(row.source.code)}[/] {escape(printable(english(row.kind, row.params)))}"
        )
    if not lasting and not over:
        screen.print("No alarm.")


@collect.command()
def proof(
    month: Month = "",
    source: SourceOption = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the days to this file.")] = None,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """The daily proof: tickets received and what became of them, calls and how many were charged, day by day.

    Exit status 1 when a day does not add up. The file can be compared with the operator's own records of the month.

    Example: ardoise collect proof --month 2026-10 --csv proof-2026-10.csv
    """
    start_django()
    ready_database()
    from dataclasses import asdict

    from ardoise.access.scope import EVERYTHING
    from ardoise.collect.proof import COLUMNS, daily_proof

    chosen = chosen_month(month, clock(today)())
    days = daily_proof(EVERYTHING, month=chosen, source=_code_of(source))
    rows = [asdict(day) | {"date": day.date.isoformat(), "lost": day.lost, "missing": day.missing} for day in days]
    if csv is not None:
        write_csv(csv, COLUMNS, rows)
        errors.print(f"{escape(str(csv))}: {len(rows)} days")
    if as_json:
        print_json(rows)
    elif csv is None:
        for code, mine in groupby(days, key=lambda day: day.source):
            screen.print(_proof_table(escape(code), list(mine)))
    if wrong := [day for day in days if not day.holds]:
        said = ", ".join(f"{day.source} {day.date}" for day in wrong[:5])
        fail(f"{len(wrong)} days do not add up ({said}): keep the journal, report this")


def write_csv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _proof_table(source: str, days: Sequence[DayProof]) -> Table:
    names = (
        "Day",
        "Received",
        "In calls",
        "Events",
        "Quar.",
        "Wait.",
        "Calls",
        "Priced",
        "Unpr.",
        "Excl.",
        "Unrated",
        "",
    )
    shown = table(source, *names, right=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    shown.padding = (0, 1, 0, 0)
    for column in shown.columns:
        column.no_wrap = True
    for day in days:
        tickets = (day.received, day.in_calls, day.events, day.quarantined, day.waiting)
        calls = (day.calls, day.priced, day.unpriced, day.excluded, day.unrated)
        shown.add_row(
            f"{day.date:%d/%m}",
            *(str(number) if number else "·" for number in (*tickets, *calls)),
            "[green]✓[/]" if day.holds else "[red]✗[/]",
        )
    return shown


@collect.command()
def quarantine(
    source: SourceOption = "",
    limit: Annotated[int, typer.Option(help="How many to show, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """The tickets that are no calls, with the reason of each: unreadable, sent twice, replaced by a correction.

    Example: ardoise collect quarantine --source avaya-siege
    """
    start_django()
    ready_database()
    from ardoise.access.scope import EVERYTHING
    from ardoise.collect import queries

    code = _code_of(source)
    rows = queries.quarantine(EVERYTHING, source=code)
    found = [
        {
            "ticket_id": row.ticket_id,
            "source": row.source.code,
            "arrived_at": row.arrived_at.isoformat(),
            "reason": row.reason,
            "detail": row.detail,
            "raw": bytes(row.raw).decode("utf-8", "backslashreplace").rstrip("\r\n"),
        }
        for row in rows[:limit]
    ]
    if as_json:
        print_json(found)
        return
    if not found:
        screen.print("Nothing in quarantine.")
        return
    shown = table("Quarantine", "Arrived", "Source", "Reason", "Detail and ticket")
    for one in found:
        arrived = local_text(datetime.fromisoformat(one["arrived_at"]))
        what = f"{escape(printable(one['detail']))}\n[dim]{escape(printable(one['raw'][:RAW_SHOWN]))}[/]"
        shown.add_row(arrived, escape(one["source"]), escape(one["reason"]), what)
    screen.print(shown)
    reasons = queries.quarantine_reasons(EVERYTHING, source=code)
    screen.print(", ".join(f"{reason}: {count}" for reason, count in reasons.items()))


@collect.command()
def drop(
    source: Annotated[str, typer.Argument(help="Code of a source of files.")],
    file: Annotated[Path, typer.Argument(help="File to hand over; it stays where it is.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Hand a file over to a source, whole at once; the collector takes it, and never counts it twice.

    Example: ardoise collect drop transalp transalp_20261101.csv
    """
    start_django()
    ready_database()
    from ardoise.collect import operations

    try:
        target = operations.drop_file(source=source, file=file)
    except (operations.UnknownSource, operations.NotAFileSource) as error:
        fail(str(error), code=USAGE)
    except OSError as error:
        fail(str(error))
    if as_json:
        print_json({"source": source, "file": str(target)})
        return
    errors.print(f"{escape(str(target))}: the collector takes it within seconds (ardoise collect run).")


@collect.command()
def replay(
    source: Annotated[str, typer.Option("--source", help="Code of the source.")],
    from_date: Annotated[
        datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of arrival, local to the source.")
    ],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day after the last one.", show_default="all that was parsed"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and write nothing.")] = False,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Read the history of a source again after its parser, profile or settings were mended; change only what differs.

    Example: ardoise collect replay --source avaya-siege --from 2026-10-01
    """
    start_django()
    ready_database()
    from dataclasses import asdict

    from ardoise.collect import replay as again
    from ardoise.collect.operations import Overtaken, UnknownSource

    try:
        found = again.replay(
            source=source,
            from_date=from_date.date(),
            until_date=until.date() if until else None,
            now=clock(today)(),
            dry_run=dry_run,
        )
    except (UnknownSource, again.NothingToReplay) as error:
        fail(str(error), code=USAGE)
    except (LookupError, ValueError, Overtaken) as error:  # the source's own settings, another process
        fail(str(error))
    if as_json:
        print_json(asdict(found) | {"dry_run": dry_run})
        return
    screen.print(f"{found.tickets} tickets of {escape(source)} read again: {found.calls} calls.")
    if not found.differs:
        screen.print("Nothing differs.")
        return
    for name in ("added", "changed", "removed"):
        if number := getattr(found, name):
            screen.print(f"{number} calls {name}")
    screen.print(
        f"{found.released} tickets leave the quarantine, {found.quarantined} stand there anew, "
        f"{found.events} events differ, the counts of {len(found.corrected_dates)} days"
    )
    for example in found.examples:
        screen.print(f"[dim]{escape(printable(example))}[/]")
    if found.months:
        # A UTC month begins and ends some hours beside the local one.
        screen.print(f"Calls of {', '.join(found.months)} (UTC) changed: ardoise rate --month MONTH prices them again.")
    if dry_run:
        screen.print("Nothing was written (--dry-run).")
