"""Counted things as they are read: the noun agrees, thousands stand apart."""

from __future__ import annotations

import pytest

from ardoise.core.wording import counted


@pytest.mark.parametrize(
    ("number", "english", "french"),
    [
        (0, "0 calls", "0 appel"),
        (1, "1 call", "1 appel"),
        (2, "2 calls", "2 appels"),
        (12_345, "12,345 calls", "12\u202f345 appels"),
        (-1, "-1 call", "-1 appel"),
    ],
)
def test_the_noun_agrees_with_its_number(number: int, english: str, french: str) -> None:
    assert counted(number, "call") == english
    assert counted(number, "appel", french=True) == french


def test_a_plural_of_its_own() -> None:
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(3, "entry", "entries") == "3 entries"
