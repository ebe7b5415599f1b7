"""`ardoise load` and `ardoise dump`: a whole company from and to a folder of plain files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ardoise.cli.wiring import AsJson, errors, fail, print_json, ready_database, screen, start_django, table
from ardoise.core.wording import counted

_STEPS = {"read": "Comparing", "compared": "Checking", "checked": "Writing", "written": "Done"}


def load(
    folder: Annotated[Path, typer.Argument(help="Folder of plain files (see docs/reference/plain-files.md).")],
    correct: Annotated[
        bool, typer.Option("--correct", help="Record other prices for what issued documents were priced with.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Load a company from a folder of CSV and TOML files: all of it, or nothing and every error.

    Loading adds and changes by code, never removes; loading twice changes nothing. A tariff version that priced issued
    documents is refused unless --correct: what was believed stays readable, no document changes, and rating those
    months again shows what to credit or to debit.

    Example: ardoise load examples/operateur
    """
    start_django()
    ready_database()
    from ardoise.plainfiles.loading import load as load_folder
    from ardoise.plainfiles.problems import LoadRefused
    from ardoise.plainfiles.reading import NoFolder

    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=errors, transient=True)
    with bar:
        task = bar.add_task("Reading", total=None)

        def show(what: str, done: int, total: int) -> None:
            bar.update(task, description=_STEPS[what], completed=done, total=total)

        try:
            report = load_folder(folder, recorded_at=datetime.now(UTC), correct=correct, progress=show)
        except LoadRefused as refusal:
            if as_json:
                print_json({"loaded": False, "errors": [str(problem) for problem in refusal.problems]})
            bar.stop()
            fail(str(refusal))
        except NoFolder as refusal:
            bar.stop()
            fail(str(refusal))
    if as_json:
        files = [{name: getattr(count, name) for name in count.__slots__} for count in report.files]
        warnings = [str(problem) for problem in report.warnings]
        print_json({"loaded": True, "files": files, "warnings": warnings, "corrected": list(report.corrected)})
        return
    summary = table(f"Loaded from {folder}", "File", "New", "Changed", "Unchanged", "Removed", right=(1, 2, 3, 4))
    for count in report.files:
        numbers = (count.new, count.changed, count.unchanged, count.removed)
        summary.add_row(count.file, *(str(number) if number else "·" for number in numbers))
    screen.print(summary)
    for problem in report.warnings:
        screen.print(f"[yellow]![/] {escape(str(problem))}")
    for version in report.corrected:
        screen.print(
            f"[yellow]![/] {escape(version)}: corrected; rate the months it priced again (ardoise rate --month)"
        )
    screen.print("Nothing changed." if report.changed_nothing else "Loaded.")


def dump(
    folder: Annotated[Path, typer.Argument(help="Folder to write; made when it does not exist.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace the plain files of a folder in use.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the whole configuration as a folder of CSV and TOML files, in one canonical order.

    The same configuration always gives the same bytes, so a company can be kept in git.

    Example: ardoise dump my-company --replace
    """
    start_django()
    ready_database()
    from ardoise.plainfiles import dumping

    try:
        files = dumping.dump_replacing(folder) if replace else dumping.dump(folder)
    except dumping.FolderInUse as refusal:
        fail(str(refusal))
    if as_json:
        print_json({"folder": str(folder), "files": files})
        return
    screen.print(f"{counted(len(files), 'file')} written to {folder}")
