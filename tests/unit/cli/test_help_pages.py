"""`--help` as a person reads it on a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import typer.main
from typer.testing import CliRunner

from ardoise.cli.main import build
from ardoise.cli.reference import commands

NAMES = [
    name.removeprefix("ardoise").split() for name, _ in [("ardoise", None), *commands(typer.main.get_command(build()))]
]


def shown(*words: str) -> str:
    done = CliRunner().invoke(build(), [*words, "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert done.exit_code == 0, done.output
    return done.stdout


def meanings(page: str) -> Iterator[int]:
    """The column in which the meaning of each option begins."""
    for line in page.partition("Options:\n")[2].split("\n\n")[0].splitlines():
        if found := re.match(r"  -.*?  +(?=\S)", line):
            yield found.end()


@pytest.mark.parametrize("words", NAMES, ids=" ".join)
def test_a_page_fits_and_names_no_type(words: list[str]) -> None:
    page = shown(*words)
    assert max(map(len, page.splitlines())) <= 80
    assert not re.search(r"<(str|path|int|bool|list|float)|int range|x[<>]=|TEXT|INTEGER", page)


def test_the_meaning_of_an_option_has_more_than_half_of_the_page() -> None:
    page = shown("tariffs", "import")
    assert set(meanings(page)) == {34}
    assert "  --column FIELD=HEADER           What a column holds" in page
    assert "  --round PLACES                  Round prices to so many decimals (for" in page and "[0 to 12]" in page
    assert page.splitlines()[0].endswith(" tariffs import [OPTIONS] FILE")


def test_a_group_says_what_each_command_does_to_the_end() -> None:
    page = " ".join(shown("tariffs").split())
    assert "import Load a supplier's deck into a tariff: shows what `preview` shows, and writes a version" in page
    assert "..." not in page.partition("Commands:")[2]
