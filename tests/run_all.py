"""Every check and every suite, two at a time; a line each at the end, then the sum. `make test` runs it.

    python -m tests.run_all                 # everything
    python -m tests.run_all unit stage      # these only (see --list)

On one side the suites that keep two processors busy, one after the other; beside them, one after the other too, what
has one process or waits. Each shows what it printed when it ends (a step run alone: at once), and the processor time
that it and its children took: much less than twice the time it lasted means that it waited.

Exit status 0 when nothing failed. The suites of a database run twice: on SQLite, then on PostgreSQL (the server of
ARDOISE_TEST_DATABASE_URL, else one of our own). There the first case of a test with many runs: the others differ in
what they are given, not in what they ask of the database; and a test that asks nothing of it, or is marked `once`, does
not run again (ARDOISE_PARAMETERS=all runs them too). Where no server or no
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
    beside: bool = True


@dataclass(frozen=True)
class Suite:
    """One pytest process."""

    name: str
    folders: tuple[str, ...]
    workers: int = 0  # processes of xdist, more than two where tests wait more than they compute; 0: they share a place
    beside: bool = False  # the suites that keep two processors busy
    on_postgresql: bool = False
    without: tuple[str, ...] = ()  # files of these folders that another suite runs


ON_POSTGRESQL = ("tests/stage", "tests/scenario", "tests/faults/collect")
ON_BOTH = ("tests/faults/collect/test_collect_faults.py",)  # these stories take both databases by themselves
STEPS: tuple[Check | Suite, ...] = (
    Check("format", ("ruff", "format", "--check", "--quiet", *CODE)),
    Check("lint", ("ruff", "check", "--quiet", *CODE)),
    Check("types", ("mypy",)),
    Check("layers", ("lint-imports", "--no-cache")),
    Suite("house", ("tests/house",), beside=True),
    Suite("docs", ("tests/docs",), workers=2, beside=True),  # the tutorials are run
    Suite("demo", ("tests/demo",), beside=True),
    Suite("browser", ("tests/browser",), beside=True),
    Suite("acceptance", ("tests/acceptance",), beside=True),
    Suite("unit", ("tests/unit",), workers=2),
    Suite("golden", ("tests/golden",), workers=2),
    Suite("contract", ("tests/contract",), workers=2),
    Suite("faults", ("tests/faults",), workers=4),
    Suite("stage", ("tests/stage",), workers=3),
    Suite("postgresql", ON_POSTGRESQL, workers=3, on_postgresql=True, without=ON_BOTH),
    Suite("scenario", ("tests/scenario",), workers=2),
    Suite("property", ("tests/property",), workers=2),
)


@dataclass
class Outcome:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    processor_s: float = 0.0  # of the process and its children; a server of databases is nobody's child here
    notes: list[str] = field(default_factory=list)
    skips: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counts = f"{self.passed:5} passed {self.failed:4} failed {self.skipped:4} skipped"
        counts += f" {self.seconds:7.1f} s {self.processor_s:7.1f} s of processor"
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
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves through the `with`: all that runs is stopped
    chosen = [step for step in STEPS if not arguments.names or step.name in arguments.names]
    start = time.monotonic()
    return _report(_run(chosen), time.monotonic() - start)


def _run(steps: list[Check | Suite]) -> list[Outcome]:
    with ExitStack() as stack:
        url, reason = os.environ.get("ARDOISE_TEST_DATABASE_URL", ""), ""
        wanted = any(isinstance(step, Suite) and (step.on_postgresql or step.name == "faults") for step in steps)
        if wanted and not url:
            try:
                url = stack.enter_context(server())
            except CannotRun as error:
                reason = str(error)
        stack.enter_context(folder_of_the_run())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ardoise-tests-")))
        outcomes = {step.name: _missing(step, reason) for step in steps if _needs_a_server(step) and not url}
        waiting = [step for step in steps if step.name not in outcomes]
        running: dict[bool, Running] = {}  # by side
        stack.callback(lambda: [one.stop() for one in running.values()])
        while waiting or running:
            for step in list(waiting):
                if step.beside not in running:
                    waiting.remove(step)
                    running[step.beside] = Running(step, folder, url, shown=len(steps) == 1)
            time.sleep(0.05)
            for side, one in list(running.items()):
                if one.is_over():
                    del running[side]
                    outcomes[one.step.name] = one.outcome()
    return [outcomes[step.name] for step in steps]


def _needs_a_server(step: Check | Suite) -> bool:
    return isinstance(step, Suite) and step.on_postgresql


class Running:
    """The process of a step. What it prints is shown when it ends, so that two steps do not mix; `shown`: at once."""

    def __init__(self, step: Check | Suite, folder: Path, postgresql_url: str, *, shown: bool) -> None:
        self.step = step
        self._counts = folder / f"{step.name}.json"
        self._said = None if shown else (folder / f"{step.name}.log").open("w+b")
        print(f"\n== {step.name} ==" if shown else f"{step.name} begins", flush=True)
        self._start = time.monotonic()
        if isinstance(step, Check):
            tool, *arguments = step.command
            command, environment = [str(Path(sys.executable).with_name(tool)), *arguments], dict(os.environ)
        else:
            command = _pytest(step)
            environment = _environment(step, folder / step.name, self._counts, postgresql_url)
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT
        )

    def is_over(self) -> bool:
        pid, status, self._used = os.wait4(self._process.pid, os.WNOHANG)
        if pid:
            self._process.returncode = os.waitstatus_to_exitcode(status)
        return pid != 0

    def outcome(self) -> Outcome:
        self._show()
        status = self._process.returncode
        if isinstance(self.step, Check):
            outcome = Outcome(self.step.name, passed=int(status == 0), failed=int(status != 0))
        elif not self._counts.exists():
            note = f"pytest ended with status {status} before it counted"
            outcome = Outcome(self.step.name, failed=1, notes=[note])
        else:
            outcome = _outcome(self.step, json.loads(self._counts.read_text(encoding="utf-8")), status)
        outcome.seconds = time.monotonic() - self._start
        outcome.processor_s = self._used.ru_utime + self._used.ru_stime
        if self._said:
            print(outcome, flush=True)
        return outcome

    def stop(self) -> None:
        """Interrupted: let it end its own children, and show how far it came."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._show()

    def _show(self) -> None:
        if self._said:
            self._said.seek(0)
            print(f"\n== {self.step.name} ==\n{self._said.read().decode(errors='replace')}", end="", flush=True)
            self._said.close()


def _missing(suite: Check | Suite, reason: str) -> Outcome:
    """The whole suite cannot run: one skip with its reason, in CI one failure."""
    print(reason)
    first = reason.splitlines()[0]
    if IN_CI:
        return Outcome(suite.name, failed=1, notes=[first])
    return Outcome(suite.name, skipped=1, skips=Counter({first: 1}))


def _pytest(suite: Suite) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-p", "tests.suite_counts", *suite.folders]
    command += [f"--ignore={file}" for file in suite.without]
    if suite.workers:
        command += ["-n", str(suite.workers), "--dist", "worksteal"]
    return command


def _environment(suite: Suite, home: Path, counts: Path, postgresql_url: str) -> dict[str, str]:
    environment = os.environ | {"ARDOISE_HOME": str(home), "ARDOISE_SUITE_COUNTS": str(counts)}
    environment.pop("ARDOISE_DATABASE_URL", None)  # a developer's own database is not for tests
    if postgresql_url:
        environment["ARDOISE_TEST_DATABASE_URL"] = postgresql_url
    if suite.on_postgresql:
        environment["ARDOISE_DATABASE_URL"] = postgresql_url
        environment.setdefault("ARDOISE_PARAMETERS", "first")
    return environment


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


def _report(outcomes: list[Outcome], seconds: float) -> int:
    print("\n== summary ==")
    for outcome in outcomes:
        print(outcome)
    if any(outcome.skips for outcome in outcomes):
        print("\nSkipped:")
    for outcome in outcomes:
        for reason, count in outcome.skips.most_common():
            print(f"{count:5}  {outcome.name}: {reason}")
    passed, failed, skipped = (sum(getattr(o, name) for o in outcomes) for name in ("passed", "failed", "skipped"))
    processor_s = sum(outcome.processor_s for outcome in outcomes)
    print(f"\n{seconds:.0f} s in all, {processor_s:.0f} s of processor")
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
