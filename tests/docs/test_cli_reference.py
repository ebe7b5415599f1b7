"""The manual of the commands is fresh, and every `ardoise ...` written in a page is a command that exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.docs.pages import ROOT, fences, pages
from tests.docs.tutorials import commands as told

from ardoise.cli.reference import PAGE, application, commands, example_of, page

COMMANDS = dict(commands(application()))
LEAVES = {path: command for path, command in COMMANDS.items() if not getattr(command, "commands", {})}
EVERYWHERE = {"--help", "-h", "--home"}


def test_the_manual_of_the_commands_is_fresh() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), "run: python -m ardoise.cli.reference"


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_says_what_it_does_and_gives_an_example_that_fits(path: str) -> None:
    command = LEAVES[path]
    assert command.help
    example = example_of(command)
    assert example == path or example.startswith(f"{path} ")
    assert not problems(example)
    for parameter in command.params:
        assert parameter.name == "help" or getattr(parameter, "help", ""), f"{path}: {parameter.name} has no help"


@pytest.mark.parametrize("path", LEAVES)
def test_every_command_is_shown_in_the_documentation(path: str) -> None:
    written = [line for page_ in pages() if page_ != ROOT / PAGE for line in written_commands(page_)]
    assert any(line == path or line.startswith(f"{path} ") for line in written), f"no page shows « {path} »"


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_command_written_in_a_page_exists(file: Path) -> None:
    assert not [(line, problem) for line in written_commands(file) for problem in problems(line)]


def written_commands(file: Path) -> list[str]:
    """Every `ardoise ...` of the page: in blocks of commands, and inline."""
    text = file.read_text(encoding="utf-8")
    found = re.findall(r"`(ardoise(?: [^`]*)?)`", text)
    for fence in fences(file):
        if fence.language == "console":
            found += [part for command, _ in told(fence.body) for part in simple_commands(command)]
        elif fence.language == "sh":
            found += [part for line in fence.body.splitlines() for part in simple_commands(line)]
    return [" ".join(line.split()) for line in found]


def simple_commands(line: str) -> list[str]:
    """The `ardoise` commands of a shell line, up to a pipe or a redirection."""
    joined = line.replace("\\\n", " ")
    return [match.strip() for match in re.findall(r"(?:^|[;&|(] *|do )(ardoise [^|;&\n]*)", joined, re.MULTILINE)]


def problems(line: str) -> list[str]:
    """What a command line names that does not exist."""
    try:
        words = shlex.split(line.replace("...", "").replace("…", ""), comments=True)
    except ValueError as error:
        return [str(error)]
    path, rest = "ardoise", words[1:]
    while rest and f"{path} {rest[0]}" in COMMANDS:
        path, rest = f"{path} {rest[0]}", rest[1:]
    if path == "ardoise":
        return [f"no command {rest[0]}"] if rest and rest[0] not in EVERYWHERE else []
    command = COMMANDS[path]
    if getattr(command, "commands", {}):
        return [f"no command {path} {rest[0]}"] if rest and not rest[0].startswith("-") else []
    return [f"{path} has no {word}" for word in rest if word.startswith("-") and not _knows(command, word)]


def _knows(command: Any, word: str) -> bool:
    names = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return word == "-" or word.partition("=")[0] in names | EVERYWHERE


def test_a_wrong_command_is_noticed() -> None:
    assert problems("ardoise bill preview --mont 2026-10") == ["ardoise bill preview has no --mont"]
    assert problems("ardoise invent --home x") == ["no command invent"]
    assert problems("ardoise bill invent") == ["no command ardoise bill invent"]
    assert not problems("ardoise check --month 2026-10 --waive x --reason 'y z'")
