"""Links lead somewhere, fenced blocks are what they say, the French follows the rules of French typography."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.docs.pages import ROOT, Fence, anchors, fences, headings, links, pages, prose

PAGES = pages()
FRENCH = [
    ROOT / "README.fr.md",
    ROOT / "docs" / "tutorials" / "entreprise.md",
    ROOT / "docs" / "tutorials" / "operateur.md",
    ROOT / "docs" / "how-to" / "avaya-ip-office.md",
    ROOT / "docs" / "how-to" / "mitel-3300.md",
]
KB = 1024


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(language: str) -> list[Fence]:
    return [fence for page in PAGES for fence in fences(page) if fence.language == language]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_internal_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            wrong.append(target)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_fence_is_closed_and_has_a_language_we_know(page: Path) -> None:
    marks = re.findall(r"^ *```", page.read_text(encoding="utf-8"), re.MULTILINE)
    found = fences(page)
    assert len(marks) == 2 * len(found)
    known = {"", "console", "sh", "toml", "csv", "json", "python", "typst", "text", "sql", "xml", "ini"}
    assert {fence.language for fence in found} <= known


def test_blocks_of_toml_parse() -> None:
    for fence in blocks("toml"):
        tomllib.loads(fence.body)  # names the line that does not


def test_blocks_of_json_parse() -> None:
    for fence in blocks("json"):
        json.loads(fence.body)


def test_blocks_of_csv_have_as_many_cells_on_every_line() -> None:
    for fence in blocks("csv"):
        rows = list(csv.reader(fence.body.splitlines()))
        assert {len(row) for row in rows} == {len(rows[0])}, fence.where


def test_the_index_of_the_documentation_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    named = _named(index)
    for page in [page for page in named if page.name.startswith("README.") and page.is_relative_to(index.parent)]:
        named |= _named(page)
    assert {page for page in PAGES if page.is_relative_to(index.parent) and page != index} <= named


def _named(page: Path) -> set[Path]:
    return {(page.parent / unquote(link).split("#")[0]).resolve() for link in links(page)}


def test_the_index_of_the_decisions_names_every_decision() -> None:
    folder = ROOT / "docs" / "decisions"
    named = {unquote(link) for link in links(folder / "README.md")}
    assert {page.name for page in folder.glob("*.md") if page.name != "README.md"} <= named


def test_both_readmes_have_the_same_structure() -> None:
    english, french = ROOT / "README.md", ROOT / "README.fr.md"
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(french)]
    assert [fence.language for fence in fences(english)] == [fence.language for fence in fences(french)]
    kinds = [[Path(link.split("#")[0]).suffix for link in links(page)] for page in (english, french)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "README.fr.md"], ids=name)
def test_the_proof_shown_by_a_readme_is_that_of_the_tutorial_which_is_run(page: Path) -> None:
    (proof,) = [fence.body for fence in fences(page) if "received = " in fence.body]
    tutorial = (ROOT / "docs" / "tutorials" / "operateur.md").read_text(encoding="utf-8")
    tickets, calls = [line for line in proof.splitlines() if line.startswith(("  ✓ tickets", "  ✓ calls"))]
    assert tickets in tutorial
    assert calls in tutorial


def test_pictures_of_the_documentation_are_small() -> None:
    heavy = [path.name for path in (ROOT / "docs" / "images").iterdir() if path.stat().st_size > 200 * KB]
    assert not heavy


@pytest.mark.parametrize("page", FRENCH, ids=name)
def test_french_is_set_as_french(page: Path) -> None:
    """No-break spaces inside « » and before : ; ! ? %, curved apostrophes (Lexique de l'Imprimerie nationale)."""
    text = re.sub(r"\]\([^)]*\)", "]", prose(page))
    text = re.sub(r"^[|: -]+$|<[^>]+>", "", text, flags=re.MULTILINE)
    wrong = re.findall(r".{0,20}(?:[^\s:]?[ \n][:;!?»%](?![-[])|«[ \n]|[«](?![\u202f\u00a0])|\w'\w).{0,10}", text)
    assert not wrong


def test_no_page_tells_where_it_was_made() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root)/", text), name(page)
