"""The front pages are there and true: settings, the two commands, the Makefile. Commands, links and examples of the
other pages are tested in tests/docs."""

from __future__ import annotations

import re

from house.sources import ROOT, shown, texts, tracked

SETTING = re.compile(r"\bARDOISE_[A-Z][A-Z_]*[A-Z]\b")
SETTINGS_PAGE = ROOT / "docs" / "reference" / "settings.md"


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


def test_the_readme_gives_the_two_commands() -> None:
    for name in ("README.md", "README.fr.md"):
        text = (ROOT / name).read_text()
        assert "make demo" in text and "make test" in text, name


def test_every_target_of_the_makefile_explains_itself() -> None:
    targets = re.findall(r"^([a-z]+):(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert len(targets) > 5
    assert [name for name, rest in targets if "##" not in rest] == []


def test_the_documents_of_the_house_are_there() -> None:
    wanted = ("ARCHITECTURE.md", "GLOSSARY.md", "CHANGELOG.md", "README.md", "README.fr.md", "LICENSE", "NOTICE")
    there = {shown(path) for path in tracked()}
    assert [name for name in wanted if name not in there] == []
