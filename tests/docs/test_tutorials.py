"""The tutorials do what they say: every command runs in a new home, the output marked stable is compared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.docs.pages import ROOT, fences
from tests.docs.tutorials import clean, commands, matches, run

TUTORIALS = ROOT / "docs" / "tutorials"
PAIRS = (("entreprise", "company"), ("operateur", "operator"))
LANGUAGE = " --lang en"


def told(page: Path) -> list[str]:
    """Every command of a page, in order."""
    return [command for fence in fences(page) if fence.language == "console" for command, _ in commands(fence.body)]


def told_and_shown(page: Path) -> list[tuple[str, list[str]]]:
    """(command, lines shown) of the blocks that are compared."""
    blocks = [fence for fence in fences(page) if fence.language == "console"]
    return [pair for fence in blocks for pair in commands(fence.body)]


@pytest.mark.slow
@pytest.mark.parametrize(("french", "english"), PAIRS)
def test_every_command_of_a_tutorial_runs_and_shows_what_is_said(french: str, english: str, tmp_path: Path) -> None:
    translated = told_and_shown(TUTORIALS / f"{english}.md")
    in_english = [(command, shown) for command, shown in translated if command.endswith(LANGUAGE)]
    done = run(TUTORIALS / f"{french}.md", tmp_path, also=[command for command, _ in in_english])
    if in_english:
        outputs = list(done.shown.values())[-1][-len(in_english) :]
        for (command, shown), output in zip(in_english, outputs, strict=True):
            assert matches(shown, output), f"{english}.md: « {command} » shows something else:\n" + "\n".join(output)


@pytest.mark.parametrize(("french", "english"), PAIRS)
def test_a_tutorial_has_the_same_commands_and_outputs_in_both_languages(french: str, english: str) -> None:
    in_french, in_english = (told_and_shown(TUTORIALS / f"{name}.md") for name in (french, english))
    assert [command for command, _ in in_french] == [command.removesuffix(LANGUAGE) for command, _ in in_english]
    for (command, shown), (same, also_shown) in zip(in_french, in_english, strict=True):
        if command == same:
            assert shown == also_shown, command


def test_every_tutorial_is_run() -> None:
    assert {page.stem for page in TUTORIALS.glob("*.md")} == {name for pair in PAIRS for name in pair}


def test_a_shown_line_may_leave_something_out() -> None:
    assert matches(["a … c", "…", "z"], ["a bbb c", "d", "e", "z"])
    assert matches(["…", "z"], ["z"])  # any lines: none too
    assert not matches(["a … c", "z"], ["a bbb c", "d", "z"])
    assert not matches(["a.c"], ["abc"])
    assert matches([], ["anything"])  # nothing shown, nothing asked


def test_a_command_goes_on_after_the_prompt_of_continuation() -> None:
    text = "$ cat > x <<END\n> a,b\n> END\n$ wc -l x\n1 x\n\n^C\nbye\n"
    assert commands(text) == [("cat > x <<END\na,b\nEND", []), ("wc -l x", ["1 x"]), ("^C", ["bye"])]


def test_an_output_is_compared_without_colours() -> None:
    assert clean("\n\x1b[32m✓\x1b[0m done  \n\n") == ["✓ done"]
    assert not re.search("\x1b", clean("\x1b[1;31mred")[0])
