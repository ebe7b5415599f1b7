"""Every check and every suite, one after the other; a line each at the end, then the sum. `make test` runs it.

    python -m tests.run_all                 # everything
    python -m tests.run_all unit stage      # these only (see --list)

Exit status 0 when nothing failed. The suites of a database run twice: on SQLite, then on PostgreSQL (the server of
ARDOISE_TEST_DATABASE_URL, else one of our own). There the first case of a test with many runs: the others differ in
what they are given, not in what they ask of the database (ARDOISE_PARAMETERS=all runs them too). Where no server or no
Chromium can run, their tests are skipped and counted; with CI in the environment such a skip is a failure. What is
skipped for another reason (no folder of samples, a feature to come) is counted and named, here and in CI.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.made_once import folder_of_the_run
from tests.postgres_server import CannotRun, server

ROOT = Path(__file__).resolve().parent.parent
CODE = [name for name in ("src", "tests", "benchmarks", "examples", "tools") if (ROOT / name).is_dir()]
IN_CI = bool(os.environ.get("CI"))
NO_TESTS = 5  # pytest's exit status when it collected none


@dataclass(frozen=True)
class Check:
    """A tool that passes or fails as a whole, counted as one."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """One pytest process."""

    name: str
    folders: tuple[str, ...]
    workers: int = 0  # processes of xdist, more than two where tests wait more than they compute; 0: they share a place
    on_postgresql: bool = False
    without: tuple[str, ...] = ()  # files of these folders that another suite runs


ON_POSTGRESQL = ("tests/contract", "tests/stage", "tests/scenario", "tests/faults/collect")
ON_BOTH = ("tests/faults/collect/test_collect_faults.py",)  # these stories take both databases by themselves
STEPS: tuple[Check | Suite, ...] = (
    Check("format", ("ruff", "format", "--check", "--quiet", *CODE)),
    Check("lint", ("ruff", "check", "--quiet", *CODE)),
    Check("types", ("mypy",)),
    Check("layers", ("lint-imports", "--no-cache")),
    Suite("house", ("tests/house",)),
    Suite("unit", ("tests/unit",), workers=2),
    Suite("property", ("tests/property",), workers=2),
    Suite("golden", ("tests/golden",), workers=2),
    Suite("contract", ("tests/contract",), workers=2),
    Suite("stage", ("tests/stage",), workers=4),
    Suite("scenario", ("tests/scenario",), workers=2),
    Suite("postgresql", ON_POSTGRESQL, workers=4, on_postgresql=True, without=ON_BOTH),
    Suite("docs", ("tests/docs",), workers=2),  # the tutorials are run
    Suite("acceptance", ("tests/acceptance",)),
    Suite("faults", ("tests/faults",), workers=4),
    Suite("demo", ("tests/demo",)),
    Suite("browser", ("tests/browser",)),
)


@dataclass
class Outcome:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    skips: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counts = f"{self.passed:5} passed {self.failed:4} failed {self.skipped:4} skipped {self.seconds:7.1f} s"
        return f"{self.name:<12}{counts}{''.join(f'  {note}' for note in self.notes)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="STEP", help="run these steps only")
    parser.add_argument("--list", action="store_true", help="list the steps")
    arguments = parser.parse_args()
    known = [step.name for step in STEPS]
    if arguments.list:
        print("\n".join(known))
        return 0
    if unknown := set(arguments.names) - set(known):
        parser.error(f"no step {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through the `with`: the server is stopped
    chosen = [step for step in STEPS if not arguments.names or step.name in arguments.names]
    return _report(_run(chosen))


def _run(steps: list[Check | Suite]) -> list[Outcome]:
    outcomes = []
    with ExitStack() as stack:
        url, reason = os.environ.get("ARDOISE_TEST_DATABASE_URL", ""), ""
        wanted = any(isinstance(step, Suite) and (step.on_postgresql or step.name == "faults") for step in steps)
        if wanted and not url:
            try:
                url = stack.enter_context(server())
            except CannotRun as error:
                reason = str(error)
        stack.enter_context(folder_of_the_run())
        for step in steps:
            print(f"\n== {step.name} ==", flush=True)
            start = time.monotonic()
            if isinstance(step, Check):
                outcome = _check(step)
            elif step.on_postgresql and not url:
                outcome = _missing(step, reason)
            else:
                outcome = _suite(step, url)
            outcome.seconds = time.monotonic() - start
            outcomes.append(outcome)
    return outcomes


def _check(check: Check) -> Outcome:
    tool, *arguments = check.command
    status = subprocess.run([str(Path(sys.executable).with_name(tool)), *arguments], cwd=ROOT, check=False).returncode
    return Outcome(check.name, passed=int(status == 0), failed=int(status != 0))


def _missing(suite: Suite, reason: str) -> Outcome:
    """The whole suite cannot run: one skip with its reason, in CI one failure."""
    print(reason)
    first = reason.splitlines()[0]
    if IN_CI:
        return Outcome(suite.name, failed=1, notes=[first])
    return Outcome(suite.name, skipped=1, skips=Counter({first: 1}))


def _suite(suite: Suite, postgresql_url: str) -> Outcome:
    folders = [folder for folder in suite.folders if (ROOT / folder).is_dir()]
    if not folders:
        return Outcome(suite.name, failed=1, notes=[f"there is no {' nor '.join(suite.folders)}"])
    with tempfile.TemporaryDirectory(prefix="ardoise-tests-") as folder:
        counts = Path(folder) / "counts.json"
        environment = os.environ | {"ARDOISE_HOME": str(Path(folder) / "home"), "ARDOISE_SUITE_COUNTS": str(counts)}
        environment.pop("ARDOISE_DATABASE_URL", None)  # a developer's own database is not for tests
        if postgresql_url:
            environment["ARDOISE_TEST_DATABASE_URL"] = postgresql_url
        if suite.on_postgresql:
            environment["ARDOISE_DATABASE_URL"] = postgresql_url
            environment.setdefault("ARDOISE_PARAMETERS", "first")
        command = [sys.executable, "-m", "pytest", "-p", "tests.suite_counts", *folders]
        command += [f"--ignore={file}" for file in suite.without]
        if suite.workers:
            command += ["-n", str(suite.workers), "--dist", "worksteal"]
        status = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        found = json.loads(counts.read_text(encoding="utf-8")) if counts.exists() else None
    if found is None:
        return Outcome(suite.name, failed=1, notes=[f"pytest ended with status {status} before it counted"])
    return _outcome(suite, found, status)


def _outcome(suite: Suite, found: dict, status: int) -> Outcome:
    outcome = Outcome(suite.name, found["passed"], found["failed"], found["skipped"], skips=Counter(found["skips"]))
    server_skips = Counter(found["server_skips"])
    if IN_CI and server_skips:
        outcome.skipped -= server_skips.total()
        outcome.failed += server_skips.total()
        outcome.notes += [f"{count} not run in CI: {reason}" for reason, count in server_skips.items()]
    else:
        outcome.skips += server_skips
    if status not in (0, NO_TESTS) and not outcome.failed:
        outcome.failed = 1
        outcome.notes.append(f"pytest ended with status {status}")
    if status == NO_TESTS:
        outcome.failed = 1
        outcome.notes.append("no test was found")
    return outcome


def _report(outcomes: list[Outcome]) -> int:
    print("\n== summary ==")
    for outcome in outcomes:
        print(outcome)
    if any(outcome.skips for outcome in outcomes):
        print("\nSkipped:")
    for outcome in outcomes:
        for reason, count in outcome.skips.most_common():
            print(f"{count:5}  {outcome.name}: {reason}")
    passed, failed, skipped = (sum(getattr(o, name) for o in outcomes) for name in ("passed", "failed", "skipped"))
    print(f"\n{sum(o.seconds for o in outcomes):.0f} s in all")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
