"""The tests keep the rules of tests: none judges a duration, helpers are found, folders are run."""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

from tests.run_all import STEPS, Suite

from house.sources import ROOT, python_of, shown, tree

TESTS = ROOT / "tests"
CLOCKS = {"monotonic", "perf_counter", "process_time", "monotonic_ns", "perf_counter_ns", "process_time_ns"}


def _reads_a_clock(node: ast.AST, timed: set[str]) -> bool:
    names = {n.attr if isinstance(n, ast.Attribute) else n.id for n in ast.walk(node) if _is_name(n)}
    return bool(names & (CLOCKS | timed))


def _is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute | ast.Name)


def _timed_names(function: ast.AST) -> set[str]:
    """Names given from a clock, and from names given from a clock."""
    timed: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and _reads_a_clock(node.value, timed):
            timed |= {n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return timed


def _is_upper_bound(node: ast.Assert, timed: set[str]) -> bool:
    """An assertion that fails on a slow machine. That something lasts *at least* so long holds on any."""
    for compared in (n for n in ast.walk(node.test) if isinstance(n, ast.Compare)):
        sides = [compared.left, *compared.comparators]
        for left, operator, right in zip(sides, compared.ops, sides[1:], strict=False):
            small = left if isinstance(operator, ast.Lt | ast.LtE) else right
            if _reads_a_clock(small, timed) and isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE):
                return True
    return False


def test_no_test_fails_because_the_machine_is_slow() -> None:
    found = []
    for path in python_of(TESTS):
        measuring = _functions_that_measure(path)
        for function in (node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)):
            timed = _timed_names(function) | measuring
            waits = {id(n) for loop in ast.walk(function) if isinstance(loop, ast.While) for n in ast.walk(loop)}
            asserts = [n for n in ast.walk(function) if isinstance(n, ast.Assert) and id(n) not in waits]
            found += [shown(path, node.lineno) for node in asserts if _is_upper_bound(node, timed)]
    assert found == [], "measure in benchmarks/, assert counts of work"


def _functions_that_measure(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(n, ast.Return) and n.value and _reads_a_clock(n.value, set()) for n in ast.walk(node))
    }


def test_make_test_runs_every_folder_of_tests() -> None:
    folders = {path.relative_to(ROOT).parts[1] for path in TESTS.rglob("test_*.py")}
    run = {folder.removeprefix("tests/") for step in STEPS if isinstance(step, Suite) for folder in step.folders}
    assert folders - run == set()


def test_helpers_beside_tests_are_found_and_have_one_name() -> None:
    """`import company_folder` finds the helper by `pythonpath`; two of one name would hide each other."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        found_in = tomllib.load(stream)["tool"]["pytest"]["ini_options"]["pythonpath"]
    helpers = [
        path
        for folder in found_in
        for path in (ROOT / folder).glob("*.py")
        if not path.name.startswith("test_") and path.name not in ("conftest.py", "__init__.py")
    ]
    assert [name for name, count in Counter(path.name for path in helpers).items() if count > 1] == []
    imported = {
        (path, name)
        for path in python_of(TESTS)
        for node in tree(path).body
        for name in _imported(node)
        if (path.parent / f"{name}.py").is_file()
    }
    places = {(ROOT / folder).resolve() for folder in found_in}
    assert {shown(path.parent) for path, _name in imported if path.parent not in places} == set()


def _imported(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
