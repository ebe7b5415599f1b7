"""Every room shows the same face, and every file and function fits in the head."""

from __future__ import annotations

import ast

import pytest
from django.apps import apps

from house.sources import PACKAGE, ROOT, python_of, shown, tree

NOT_ROOMS = {"cli", "console", "core", "project"}  # doors, the pure part, the wiring
MOST_LINES = 600
LONG_FILES = {"core/numbering_data.py": "a table written by tools/make_numbering.py"}
MOST_LINES_OF_A_FUNCTION = 60  # its docstring apart
LONG_FUNCTIONS: dict[str, str] = {}

ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file())
STAGES = sorted(
    name.removeprefix("ardoise.") for name in (config.name for config in apps.get_app_configs()) if "ardoise." in name
)


@pytest.mark.parametrize("room", [room for room in ROOMS if room not in NOT_ROOMS])
def test_a_room_says_what_it_owns(room: str) -> None:
    readme = PACKAGE / room / "README.md"
    assert readme.is_file() and len(readme.read_text().split()) > 50


@pytest.mark.parametrize("room", [room for room in STAGES if room not in NOT_ROOMS])
def test_a_stage_or_register_shows_its_face(room: str) -> None:
    missing = [name for name in ("models", "queries", "operations") if not (PACKAGE / room / f"{name}.py").is_file()]
    assert missing == []


def test_every_room_stands_in_a_layer() -> None:
    layers = (ROOT / ".importlinter").read_text().split("layers =")[1].split("\n\n")[0]
    standing = {word.removeprefix("ardoise.") for word in layers.replace("|", " ").split()}
    assert set(ROOMS) - standing == set()


def test_no_file_is_longer_than_one_idea() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in python_of(PACKAGE)}
    long = {str(path.relative_to(PACKAGE)): lines for path, lines in lengths.items() if lines > MOST_LINES}
    assert long.keys() - LONG_FILES.keys() == set(), f"split by meaning: {long}"


def test_every_function_fits_on_a_screen() -> None:
    long = {}
    for path in python_of(PACKAGE):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > MOST_LINES_OF_A_FUNCTION:
                long[f"{shown(path)}:{node.name}"] = _lines(node)
    assert long.keys() - LONG_FUNCTIONS.keys() == set(), long


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    said = ast.get_docstring(node, clean=False)
    return (node.end_lineno or node.lineno) - node.lineno + 1 - (len(said.splitlines()) if said else 0)


def test_the_map_of_the_core_names_each_of_its_modules() -> None:
    said = (PACKAGE / "core" / "README.md").read_text()
    modules = {path.stem if path.suffix == ".py" else f"{path.name}/" for path in (PACKAGE / "core").iterdir()}
    hidden = {"__init__", "README", "README.md/", "__pycache__/"}
    assert {name for name in modules - hidden if f"`{name}`" not in said} == set()
