"""No float near money: files that may speak of floats are listed with what they count in them."""

from __future__ import annotations

import ast

from house.sources import PACKAGE, python_of, shown, tree

FLOATS = {"float", "FloatField", "Float32", "Float64", "float16", "float32", "float64"}
MAY = {
    "catalog/decks/sheets.py": "numbers of a workbook, each turned at once into its shortest decimal text",
    "cli/formats_commands.py": "tickets a second of the simulator",
    "collect/files.py": "seconds a file must stay unchanged",
    "collect/operations.py": "seconds a file must stay unchanged",
    "collect/agent/wire.py": "seconds to wait for an answer",
    "collect/rhythm.py": "tickets an hour, hours",
    "collect/signs.py": "seconds between a ticket's end and its arrival, share of lines",
    "collect/commits.py": "seconds to wait for the disk",
    "collect/service.py": "seconds between two attempts",
    "collect/simulator.py": "tickets a second",
    "collect/waiting.py": "seconds between two attempts",
    "deliver/validation.py": "seconds a validation may take",
    "rate/bench/peers/common.py": "seconds measured",
    "rate/columns/clock.py": "seconds measured",
    "store/fields.py": "refuses them",
}


def _words(path: str) -> set[str]:
    names = {node.id for node in ast.walk(tree(PACKAGE / path)) if isinstance(node, ast.Name)}
    return FLOATS & (names | {node.attr for node in ast.walk(tree(PACKAGE / path)) if isinstance(node, ast.Attribute)})


def test_only_the_listed_files_speak_of_floats() -> None:
    found = {str(path.relative_to(PACKAGE)) for path in python_of(PACKAGE)}
    speaking = {path for path in found if _words(path)}
    assert speaking - MAY.keys() == set(), "if it is not money, list the file with its reason"
    assert {path for path in MAY if path in found} - speaking == set(), "these need no exception any more"


def test_nothing_is_turned_into_a_float() -> None:
    calls = [
        shown(path, node.lineno)
        for path in python_of(PACKAGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
    ]
    assert calls == []


def test_core_holds_no_number_with_a_point() -> None:
    literals = [
        shown(path, node.lineno)
        for path in python_of(PACKAGE / "core")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    assert literals == []
