"""What every command needs: the database made ready, today's date, one way to print and to fail."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

OK, FAILED, USAGE = 0, 1, 2

screen = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

Today = Annotated[
    str,
    typer.Option("--today", help="Take this date as today (YYYY-MM-DD), for demonstrations.", show_default="the clock"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]
Month = Annotated[str, typer.Option("--month", help="Month YYYY-MM.", show_default="last month")]


def start_django(home: str | None = None) -> None:
    """Point Django at the installation's folder and load the rooms."""
    if home:
        os.environ["ARDOISE_HOME"] = home
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
    import django

    django.setup()


def ready_database() -> None:
    """Create or upgrade the tables; quick when there is nothing to do."""
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        call_command("migrate", verbosity=0, interactive=False)


def clock(today: str) -> Callable[[], datetime]:
    """The clock of a command: the real one, or noon of a chosen day that goes on ticking from there."""
    if not today:
        return lambda: datetime.now(UTC)
    try:
        chosen = date.fromisoformat(today)
    except ValueError:
        fail(f"« {today} » is not a date; write YYYY-MM-DD, for example 2026-11-05", code=USAGE)
    started = datetime.now(UTC)
    noon = datetime.combine(chosen, time(12), ZoneInfo("Europe/Paris")).astimezone(UTC)
    return lambda: noon + (datetime.now(UTC) - started)


def last_month(now: datetime) -> str:
    """The month before the one of `now`, in the local calendar: "2026-10"."""
    local = now.astimezone(ZoneInfo("Europe/Paris"))
    year, month = (local.year, local.month - 1) if local.month > 1 else (local.year - 1, 12)
    return f"{year:04d}-{month:02d}"


def chosen_month(month: str, now: datetime) -> str:
    """The month asked for, checked, or the last one."""
    if not month:
        return last_month(now)
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        fail(f"« {month} » is not a month; write YYYY-MM, for example 2026-10", code=USAGE)
    if first > now.astimezone(ZoneInfo("Europe/Paris")).date():
        fail(f"{month} has not begun; choose a month up to this one", code=USAGE)
    return month


def fail(message: str, *, code: int = FAILED) -> NoReturn:
    """Say what is wrong and what to do, and stop with the given exit status."""
    text = "\n".join(printable(line) for line in message.splitlines())
    shown = _folded(text, errors.width - 2)  # the cross stands before the first line
    errors.print(f"[bold red]✗[/] {_plain(shown)}", soft_wrap=True)
    raise typer.Exit(code)


def say(text: str) -> None:
    """Print sentences of a report, two columns in, folded at ordinary spaces: « 1 717,56 € » is never cut in two."""
    screen.print(textwrap.indent(_folded(text, screen.width - 2), "  "), markup=False, soft_wrap=True)


def _folded(text: str, width: int) -> str:
    """Text folded to a width; what continues a line stands two columns in. (Rich folds at no-break spaces too.)"""
    folder = textwrap.TextWrapper(
        width=max(width, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(folder.fill(line) for line in text.splitlines())


def write_file(path: Path, write: Callable[[], object]) -> None:
    """Run what writes a file that was asked for; where the system refuses, say so instead of its number."""
    try:
        write()
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror or error}; name a file in a folder that exists")


def printable(text: str) -> str:
    """Text from outside as it may reach a terminal: control characters become visible, none is obeyed."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def local_text(moment: datetime) -> str:
    """An instant as people here read it: « 05/11 12:00 »."""
    from django.utils.timezone import localtime

    return f"{localtime(moment):%d/%m %H:%M}"


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")


class TitledTable(Table):
    """A table under a title that may be wider than its columns. (Rich folds a title at the width of the table.)"""

    heading: str = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.heading:
            yield Text(self.heading, style="bold")
        yield from super().__rich_console__(console, options)


def table(title: str, *columns: str, right: tuple[int, ...] = ()) -> Table:
    """An empty table in the house's style; `right` = positions of the columns aligned to the right."""
    made = TitledTable(header_style="dim", box=None, pad_edge=False)
    made.heading = title
    for position, column in enumerate(columns):
        at_right = position in right  # amounts and counts: never folded, an amount on two lines cannot be read
        made.add_column(column, justify="right" if at_right else "left", no_wrap=at_right)
    return made


def _plain(message: str) -> str:
    return message.replace("[", "\\[")


def guarded(command: Callable[[], None]) -> int:
    """Run the application; whatever escapes becomes one sentence, its trace kept in a file for the report."""
    try:
        command()
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    except KeyboardInterrupt:
        errors.print("Interrupted; nothing is half done, run the command again.")
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last door: no user ever sees a trace
        errors.print(f"[bold red]✗[/] {_plain(str(error) or type(error).__name__)}")
        _keep_trace()
        return FAILED
    return OK


def _keep_trace() -> None:
    from django.conf import settings

    try:
        folder = settings.ARDOISE_HOME / "log"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "last-error.txt").write_text(traceback.format_exc())
    except OSError:
        return  # the sentence was printed; a home that cannot be written has its own message
