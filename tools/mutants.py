"""Mutation testing: change one thing in a module of the core, and see whether a test notices.

    .venv/bin/pip install mutmut==3.8.1
    .venv/bin/python tools/mutants.py                    # every target
    .venv/bin/python tools/mutants.py core/money         # one of them
    .venv/bin/python tools/mutants.py core/rating --only whole_call --survivors 0

The mutants are those of mutmut, one by one; the running is ours, because a process of pytest for each would take hours.
The tests are collected once. Each of them is run alone and tells which functions it enters. Then, for each mutant, a
copy of this process (a fork) puts the mutated function in the place of the other and runs the tests that enter it,
those that killed before first, then the quickest, until one fails. No file is changed. A mutant that takes far more
processor time than its tests do is killed too ("endless"). Hypothesis draws the same examples in every run.

Equivalent mutants, which no test can tell from the original, are in `equivalent_mutants.toml` beside this file, each
with the reason; what is there and gets killed is a mistake of ours, and is told. Exit status 1 when a target is under
90 % killed, equivalent mutants counted as survivors.

As in mutmut, what stands outside functions and what is decorated is left alone, properties apart.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from functools import cache
from mmap import mmap
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType

import libcst as cst
import pytest
from hypothesis import HealthCheck, Phase, settings
from mutmut.mutation.file_mutation import create_mutations, deep_replace

ROOT = Path(__file__).resolve().parents[1]
EQUIVALENT = Path(__file__).with_name("equivalent_mutants.toml")
WANTED_PERCENT = 90
TARGETS = {
    "core/money": (
        ("ardoise.core.money",),
        ("tests/unit/core/test_money.py", "tests/property/test_money_properties.py"),
    ),
    "core/rating": (  # the steps and increments of a row: defined, in integers, across bands
        ("ardoise.core.pricing", "ardoise.core.compiled", "ardoise.core.fares"),
        (
            "tests/unit/core/test_pricing.py",
            "tests/unit/core/test_rating.py",
            "tests/unit/core/test_rating_docs.py",
            "tests/unit/core/test_fares.py",
            "tests/unit/core/test_pricer.py",
            "tests/unit/core/test_charging.py",
        ),
    ),
}


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


# --- mutants ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """A module in which one thing is changed, inside `function` (its name in the module, « Class.method »)."""

    module: ModuleType
    function: str
    source: str

    def change(self) -> str:
        """The lines that differ, "- " before and "+ " after."""
        lines = unified_diff(seen_by_mutmut(self.module).splitlines(), self.source.splitlines(), n=0, lineterm="")
        return "\n".join(f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if line[0] != "@")

    def take_place(self) -> None:
        """Give the function its changed body and default values, wherever a reference to it is held."""
        namespace = {"__name__": self.module.__name__, "__file__": self.module.__file__}
        exec(compile(self.source, str(self.module.__file__), "exec"), namespace)
        found, changed = function_of(vars(self.module), self.function), function_of(namespace, self.function)
        found.__code__ = changed.__code__
        found.__defaults__ = _defaults(found.__defaults__, changed.__defaults__)
        if found.__kwdefaults__ and changed.__kwdefaults__:
            kept, new = found.__kwdefaults__, changed.__kwdefaults__
            found.__kwdefaults__ = {name: _default(kept[name], new[name]) for name in kept}


def _defaults(kept: tuple[object, ...] | None, new: tuple[object, ...] | None) -> tuple[object, ...] | None:
    return tuple(_default(one, other) for one, other in zip(kept, new, strict=True)) if kept and new else kept


def _default(kept: object, new: object) -> object:
    """A member of an enumeration of the second copy of the module is not that of the first."""
    return kept if repr(kept) == repr(new) else new


def function_of(namespace: dict[str, object], name: str) -> FunctionType:
    first, _, method = name.partition(".")
    found = vars(namespace[first])[method] if method else namespace[first]
    found = found.fget if isinstance(found, property) else found
    assert isinstance(found, FunctionType), name
    return found


def functions(module: cst.Module) -> Iterator[tuple[str, cst.FunctionDef, cst.FunctionDef | cst.ClassDef]]:
    """Name, node, and the node at the top of the module that holds it."""
    for node in module.body:
        if isinstance(node, cst.FunctionDef):
            yield node.name.value, node, node
        elif isinstance(node, cst.ClassDef):
            for method in node.body.body:
                if isinstance(method, cst.FunctionDef):
                    yield f"{node.name.value}.{method.name.value}", method, node


@cache
def seen_by_mutmut(module: ModuleType) -> str:
    """The source of a module. mutmut passes over what is decorated: it is shown properties as plain methods."""
    return Path(str(module.__file__)).read_text(encoding="utf-8").replace("    @property\n", "")


def mutants(module: ModuleType) -> Iterator[Mutant]:
    tree, mutations, *_ = create_mutations(str(module.__file__), seen_by_mutmut(module))
    places = {function: (name, top) for name, function, top in functions(tree)}
    code = tree.code
    for mutation in mutations:
        if mutation.contained_by_top_level_function in places:
            name, top = places[mutation.contained_by_top_level_function]
            changed = deep_replace(top, mutation.original_node, mutation.mutated_node)
            assert isinstance(changed, cst.FunctionDef | cst.ClassDef)
            source = code.replace(tree.code_for_node(top), tree.code_for_node(changed), 1)
            assert source != code, f"nothing changed in {name}"
            yield Mutant(module, name, source)


def known_equivalent() -> dict[tuple[str, str], str]:
    """(module:function, change) -> why no test can tell."""
    if not EQUIVALENT.exists():
        return {}
    listed = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(entry["function"], entry["change"].strip()): entry["why"] for entry in listed}


# --- running ----------------------------------------------------------------------------------------------------------


@dataclass
class Score:
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def mutants(self) -> int:
        return sum(self.counts.values())

    @property
    def percent(self) -> float:
        killed = self.counts["killed"] + self.counts["endless"]
        return 100 * killed / self.mutants if self.mutants else 100.0


class Trial:
    """A plugin of pytest: once the tests are collected, the mutants instead of the tests."""

    def __init__(self, modules: list[ModuleType], only: str, shown: int) -> None:
        self.modules, self.only, self.shown = modules, only, shown
        self.scores: dict[str, Score] = {}
        self.entered: dict[str, set[str]] = {}  # by test, the functions
        self.cpu_s: dict[str, float] = {}  # by test
        self.killers: Counter[str] = Counter()  # by test, the mutants it killed
        self.equivalent = known_equivalent()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._measure(session)
        for module in self.modules:
            score = self.scores[module.__name__] = Score()
            for mutant in mutants(module):
                if self.only in mutant.function:
                    score.counts[self._outcome(session, mutant)] += 1
        return True

    def _measure(self, session: pytest.Session) -> None:
        """Run every test once, unchanged, in a copy of this process: what it enters and what it takes."""
        with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
            status = in_a_fork(lambda: self._trace(session, Path(answer.name)))
            if status:
                raise SystemExit("The tests fail on the code as it is; repair them first.")
            told = json.load(answer)
        self.entered = {name: set(names) for name, names in told["entered"].items()}
        self.cpu_s = told["cpu_s"]

    def _trace(self, session: pytest.Session, answer: Path) -> bool:
        codes = {code: f"{module.__name__}:{name}" for module in self.modules for name, code in codes_of(module)}
        told: dict[str, dict[str, object]] = {"entered": {}, "cpu_s": {}}
        for item in session.items:
            entered: set[str] = set()

            def enter(frame: FrameType, event: str, _argument: object, entered: set[str] = entered) -> None:
                if event == "call" and frame.f_code in codes:
                    entered.add(codes[frame.f_code])

            begun = time.process_time()
            sys.setprofile(enter)
            failed = fails(session, [item])
            sys.setprofile(None)
            if failed:
                sys.stderr.write(f"fails on the code as it is: {item.nodeid}\n")
                return True
            told["entered"][item.nodeid], told["cpu_s"][item.nodeid] = sorted(entered), time.process_time() - begun
        answer.write_text(json.dumps(told), encoding="utf-8")
        return False

    def _outcome(self, session: pytest.Session, mutant: Mutant) -> str:
        place = f"{mutant.module.__name__}:{mutant.function}"
        items = [item for item in session.items if place in self.entered[item.nodeid]]
        items.sort(key=lambda item: (-self.killers[item.nodeid], self.cpu_s[item.nodeid]))
        most_s = 5 + 3 * int(sum(self.cpu_s[item.nodeid] for item in items))

        reached = mmap(-1, 4)  # shared with the fork: how many tests it has begun

        def attempt() -> bool:
            resource.setrlimit(resource.RLIMIT_CPU, (most_s, most_s))
            resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
            mutant.take_place()
            return fails(session, items, reached)

        status = in_a_fork(attempt) if items else 0
        if status == 1:
            self.killers[items[int.from_bytes(reached[:4], "big") - 1].nodeid] += 1
        change = mutant.change() if status == 0 or self.equivalent else ""
        why = self.equivalent.get((place, change))
        if status == 0:
            if why is None and self.shown:
                say(f"survived: {place}{'' if items else ' (no test enters it)'}\n{change}\n")
            return "survived" if why is None else "equivalent"
        if why is not None:
            say(f"listed as equivalent, but a test tells it: {place}\n{change}\n")
        return "killed" if status == 1 else "endless"


def codes_of(module: ModuleType) -> Iterator[tuple[str, CodeType]]:
    for name, _, _ in functions(cst.parse_module(seen_by_mutmut(module))):
        yield name, function_of(vars(module), name).__code__


def fails(session: pytest.Session, items: list[pytest.Item], reached: mmap | None = None) -> bool:
    """Run the tests until one fails."""
    for number, (item, following) in enumerate(zip(items, [*items[1:], None], strict=True), 1):
        if reached is not None:
            reached[:4] = number.to_bytes(4, "big")
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return True
    return False


def in_a_fork(work: Callable[[], bool]) -> int:
    """0: the work answers no; 1: it answers yes or breaks; negative: the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        status = 1
        try:
            status = int(work())
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- the command ------------------------------------------------------------------------------------------------------


def run(target: str, only: str, shown: int) -> dict[str, Score]:
    names, tests = TARGETS[target]
    trial = Trial([importlib.import_module(name) for name in names], only, shown)
    outcome = pytest.main(
        ["-s", "-q", "--no-header", "--disable-warnings", "-p", "no:cacheprovider", *tests], plugins=[trial]
    )
    if outcome not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise SystemExit("The tests cannot be collected.")
    return trial.scores


def table(scores: dict[str, Score]) -> str:
    lines = [
        "| module | mutants | killed | endless | survived | equivalent | killed % |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, score in scores.items():
        counts = (score.counts[outcome] for outcome in ("killed", "endless", "survived", "equivalent"))
        lines.append(f"| {name} | {score.mutants} | {' | '.join(map(str, counts))} | {score.percent:.1f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutation testing of the core; see the head of the file.")
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=", ".join(TARGETS))
    parser.add_argument("--only", default="", metavar="NAME", help="functions whose name contains NAME")
    parser.add_argument("--survivors", type=int, default=1, metavar="0|1", help="print each survivor (1) or not (0)")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"no target « {', '.join(sorted(unknown))} »; there are {', '.join(TARGETS)}")
    os.chdir(ROOT)
    # a slow machine, or the database of an earlier run, must not decide
    settings.register_profile(
        "mutants",
        deadline=None,
        database=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutants")
    scores: dict[str, Score] = {}
    for target in asked.targets:
        scores |= run(target, asked.only, asked.survivors)
    say(table(scores))
    return int(any(score.percent < WANTED_PERCENT for score in scores.values()))


if __name__ == "__main__":
    sys.exit(main())
