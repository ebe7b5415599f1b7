"""The documentation cannot rot: every command, setting and link of it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer.main

from ardoise.cli.main import build
from house.sources import ROOT, shown, texts, tracked

SETTING = re.compile(r"\bARDOISE_[A-Z][A-Z_]*[A-Z]\b")
SETTINGS_PAGE = ROOT / "docs" / "reference" / "settings.md"
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    below = getattr(command, "commands", {})
    for name, child in below.items():
        yield from _commands(child, f"{path} {name}")
    if not below:
        yield path, command


COMMANDS = dict(_commands(typer.main.get_command(build()), "ardoise"))


def _pages() -> dict[Path, str]:
    return {path: text for path, text in texts() if path.suffix == ".md"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    said = COMMANDS[command].help or ""
    assert re.search(rf"Example: .*\b{re.escape(command)}\b", said), said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_documented(command: str) -> None:
    pages = [shown(path) for path, text in _pages().items() if re.search(rf"\b{re.escape(command)}\b", text)]
    assert [page for page in pages if page.startswith(("docs/", "README"))]


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    used = {
        name
        for path, text in texts()
        if path.suffix in (".py", "") and not shown(path).startswith("tests/house/")
        for name in SETTING.findall(text)
    }
    documented = set(SETTING.findall(SETTINGS_PAGE.read_text()))
    assert used - documented == set()
    assert documented - used == set()


def test_no_link_of_the_documentation_is_dead() -> None:
    dead = [
        f"{shown(path)}: {target}"
        for path, text in _pages().items()
        for target in LINK.findall(text)
        if not (path.parent / target).exists()
    ]
    assert dead == []


def test_the_readme_gives_the_two_commands() -> None:
    for name in ("README.md", "README.fr.md"):
        text = (ROOT / name).read_text()
        assert "make demo" in text and "make test" in text, name


def test_every_target_of_the_makefile_explains_itself() -> None:
    targets = re.findall(r"^([a-z]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [name for name, rest in targets if "##" not in rest] == []


def test_the_documents_of_the_house_are_there() -> None:
    wanted = ("ARCHITECTURE.md", "GLOSSARY.md", "CHANGELOG.md", "README.md", "README.fr.md", "LICENSE", "NOTICE")
    there = {shown(path) for path in tracked()}
    assert [name for name in wanted if name not in there] == []
