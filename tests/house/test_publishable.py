"""What is published speaks of the project alone, and says whose work it carries."""

from __future__ import annotations

import re

from house.sources import PACKAGE, ROOT, shown, texts, tracked

# Written so that this file does not hold what it looks for.
PLACES = re.compile(r"(?<![\w.-])/(?:[w]ork|[r]oot|[h]ome/\w)[\w-]*/")
REGISTRIES = re.compile(
    r"\b(?:[p]ypi\.org|files\.[p]ythonhosted|registry\.[n]pmjs|[c]rates\.io|repo1?\.[m]aven|[p]roxy\.golang)"
    r"|https?://[^/\s]+/(?:[s]imple|[p]ypi)/|--(?:extra-)?index-[u]rl|\"resolved\": \"[h]ttp"
)
CARRIED = (".ttf", ".woff2", ".min.js", ".xsd", ".xsl", ".sch")  # other people's work, as files


def test_no_file_names_a_place_of_one_machine() -> None:
    assert _found(PLACES) == []


def test_no_file_names_a_package_registry() -> None:
    assert _found(REGISTRIES) == []


def _found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{shown(path, text.count(chr(10), 0, match.start()) + 1)} {match.group()}"
        for path, text in texts()
        if not path.is_relative_to(PACKAGE / "core" / "numbering_data.py")
        for match in pattern.finditer(text)
    ]


def test_every_dependency_is_locked_by_its_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    requirements = re.split(r"\n(?=\S)", lock.strip())
    assert len(requirements) > 50
    assert [line.split()[0] for line in requirements if "--hash=sha256:" not in line] == []


def test_the_licence_is_whole() -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert "Apache License" in licence and "Version 2.0, January 2004" in licence
    assert "9. Accepting Warranty or Additional Liability" in licence and "END OF TERMS AND CONDITIONS" in licence


def test_the_notice_names_what_is_carried() -> None:
    notice = (ROOT / "NOTICE").read_text()
    for words in ("ARCEP", "Licence Ouverte 2.0", "libphonenumber", "Inter", "Open Font License"):
        assert words in notice, words
    for path in tracked():
        if path.is_relative_to(PACKAGE) and path.name.endswith(CARRIED):
            inside = str(path.parent.relative_to(ROOT))
            assert inside in notice, f"NOTICE does not say where {shown(path)} comes from"
