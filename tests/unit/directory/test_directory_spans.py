"""Spans of dates and cycles of a tree: the rules of the directory that need no database."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise.directory.bulk import outside, overlapping
from ardoise.directory.operations import cycles_of


def day(number: int | None) -> date | None:
    return None if number is None else date(2026, 10, number)


Span = tuple[int, int | None]

OUTSIDE: list[tuple[Span, list[Span], list[Span]]] = [
    ((1, None), [], [(1, None)]),
    ((1, None), [(1, None)], []),
    ((1, None), [(5, 8)], [(1, 5), (8, None)]),
    ((1, 10), [(5, None)], [(1, 5)]),
    ((1, 10), [(10, None)], [(1, 10)]),  # half open: they touch, they do not overlap
    ((5, 10), [(1, 6), (8, 20)], [(6, 8)]),
    ((5, 10), [(1, 7), (2, 3)], [(7, 10)]),  # one inside another
]


@pytest.mark.parametrize(("validity", "taken", "left"), OUTSIDE)
def test_what_is_left_of_a_validity(validity: Span, taken: list[Span], left: list[Span]) -> None:
    found = outside((day(validity[0]), day(validity[1])), [(day(a), day(b)) for a, b in taken])
    assert found == [(day(a), day(b)) for a, b in left]


OVERLAPPING: list[tuple[list[Span], list[tuple[int, int]]]] = [
    ([(1, 5), (5, None)], []),
    ([(5, None), (1, 5)], []),
    ([(1, None), (5, None)], [(0, 1)]),
    ([(1, 20), (2, 3), (10, 12)], [(0, 1), (0, 2)]),  # the second ends, the first goes on
    ([(1, 1), (1, None)], []),  # an empty validity overlaps nothing
]


@pytest.mark.parametrize(("spans", "pairs"), OVERLAPPING)
def test_which_validities_overlap(spans: list[Span], pairs: list[tuple[int, int]]) -> None:
    assert overlapping([(day(a), day(b)) for a, b in spans]) == pairs


CYCLES: list[tuple[dict[str, str | None], list[tuple[str, ...]]]] = [
    ({"a": None, "b": "a"}, []),
    ({"a": "a"}, [("a", "a")]),
    ({"c": "a", "a": "b", "b": "c", "d": "a"}, [("a", "b", "c", "a")]),
    ({"a": "b", "b": "a", "x": "y", "y": "x"}, [("a", "b", "a"), ("x", "y", "x")]),
    ({"a": "gone"}, []),
]


@pytest.mark.parametrize(("parents", "cycles"), CYCLES)
def test_each_cycle_is_named_once_from_its_first_code(
    parents: dict[str, str | None], cycles: list[tuple[str, ...]]
) -> None:
    assert cycles_of(parents) == cycles
