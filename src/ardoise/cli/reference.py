"""docs/reference/cli.md, written from the commands themselves: python -m ardoise.cli.reference."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import typer.main

Command: TypeAlias = Any  # Typer carries its own copy of click and exports no types for it
Parameter: TypeAlias = Any

PAGE = "docs/reference/cli.md"
EXAMPLE = "Example: "

_INTRO = """# The `ardoise` command

<!-- Written by `python -m ardoise.cli.reference`: do not edit by hand. -->

Every command has `--help`. The main ones in the order of the work: [`load`](#ardoise-load) a company,
[`collect`](#ardoise-collect) its tickets, [`rate`](#ardoise-rate) the month, [`check`](#ardoise-check) it,
[`bill`](#ardoise-bill) it, [`report`](#ardoise-report) on it. Each can be repeated at any time: what is done is done
once.

- `--home FOLDER`, anywhere on the line, says where the installation lives: database, journal, tables, documents.
  Without it the environment variable `ARDOISE_HOME` decides, else the folder `var` (`var/demo` for `ardoise demo`).
- `--month YYYY-MM` is the month worked on; without it, the month before today's.
- `--today YYYY-MM-DD` takes that date as today: for demonstrations and simulations.
- `--json` prints one line of JSON for a machine in place of the table for a person.
- Exit status: 0 done; 1 refused or failed, and the message says what to do; 2 the command line itself is wrong.
"""


def commands(command: Command, path: str = "ardoise") -> Iterator[tuple[str, Command]]:
    """Every command below this one with the words that call it, groups included, in the order of `--help`."""
    for name, child in getattr(command, "commands", {}).items():
        full = f"{path} {name}"
        yield full, child
        yield from commands(child, full)


def application() -> Command:
    """The whole application; Django must have been started."""
    from ardoise.cli.main import build

    return typer.main.get_command(build())


def example_of(command: Command) -> str:
    """The command line of the "Example:" paragraph of a command's help, "" if it has none."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return next((text.removeprefix(EXAMPLE) for text in paragraphs if text.startswith(EXAMPLE)), "")


def page() -> str:
    """The whole page."""
    found = list(commands(application()))
    rows = "".join(
        f"| [`{path}`](#{path.replace(' ', '-')}) | {_summary(command)} |\n"
        for path, command in found
        if not _is_group(command)
    )
    parts = [_INTRO, "\n| command | what it does |\n|---|---|\n", rows]
    parts += [_section(path, command) for path, command in found]
    return "".join(parts)


def _section(path: str, command: Command) -> str:
    level = "#" * (path.count(" ") + 1)
    parts = [f"\n{level} {path}\n\n", *(f"{text}\n\n" for text in _paragraphs(command))]
    if example := example_of(command):
        parts.append(f"```sh\n{example}\n```\n\n")
    if _is_group(command):
        return "".join(parts).rstrip("\n") + "\n"
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    if rows:
        parts += ["| argument, option | meaning | default |\n|---|---|---|\n", *rows]
    return "".join(parts).rstrip("\n") + "\n"


def _is_group(command: Command) -> bool:
    return bool(getattr(command, "commands", {}))


def _paragraphs(command: Command) -> list[str]:
    """The help without its example, one line a paragraph."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return [" ".join(text.split()) for text in paragraphs if not text.startswith(EXAMPLE)]


def _summary(command: Command) -> str:
    return _cell(_paragraphs(command)[0])


def _row(parameter: Parameter) -> str:
    names = _names(parameter)
    meaning = _cell(getattr(parameter, "help", None) or "")
    if getattr(parameter, "multiple", False) and "repeat" not in meaning:
        meaning += " May be repeated."
    return f"| {names} | {meaning} | {_default(parameter)} |\n"


def _names(parameter: Parameter) -> str:
    metavar = _cell(parameter.metavar or (parameter.name or "").upper())
    if parameter.param_type_name == "argument":
        return f"`{metavar}{' ...' if parameter.nargs == -1 else ''}`"
    is_flag = getattr(parameter, "is_flag", False)
    values = "" if is_flag else f" {metavar}"
    return ", ".join(f"`{name}{values}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Parameter) -> str:
    if parameter.required:
        return "**required**"
    said = getattr(parameter, "show_default", None)
    if isinstance(said, str):
        return said
    value = parameter.default
    if getattr(parameter, "is_flag", False):
        return f"`{parameter.opts[0]}`" if value and parameter.secondary_opts else ""
    return f"`{value}`" if value not in (None, "", (), []) else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> None:
    from ardoise.cli.wiring import start_django

    start_django()
    file = Path(PAGE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{file} written\n")


if __name__ == "__main__":
    main()
