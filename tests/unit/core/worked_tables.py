"""Reads the worked tables of docs/algorithms: the page explains, and each row is a test."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

PAGES = Path(__file__).parents[3] / "docs" / "algorithms"


def rows(page: str, heading: str) -> list[dict[str, str]]:
    """The rows of the first table under a heading of a page, by column name, without back-quotes."""
    text = (PAGES / page).read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    names = _cells(table[0])
    found = [dict(zip(names, _cells(line), strict=True)) for line in table[2:]]
    assert found, f"{page} has no table under « {heading} »"
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def terms(text: str) -> list[Fraction]:
    """ "1/3 + 2 - 3" as its signed terms."""
    return [Fraction(term) for term in text.replace("- ", "+ -").replace(" ", "").split("+") if term]


def minor(text: str) -> int:
    return int(Decimal(text).scaleb(2))


def minors(text: str) -> list[int]:
    return [int(term * 100) for term in terms(text)]
