"""Run the ```console blocks of a tutorial in a new home, in their order, and compare what they show.

    python -m tests.docs.tutorials docs/tutorials/company.md --write    # put the real output into the stable blocks

A command follows `$ `; the lines below it are what it shows. Marks of a block:
- `stable`: what is shown is compared; `…` stands for anything, alone on a line for any lines;
- `eventually`: as stable, the command is repeated until it shows this (for half a minute);
- `status=1`: the exit status to expect, 0 without it;
- `terminal=2`: runs beside the following blocks, once it shows the lines of its block; `^C` in a later block of that
  terminal stops it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT, Fence, fences

PATIENCE_S = 60
PORTS = ("10801", "11752")  # of the example company's PBXs; changed to free ones, several tests may run at once
COLUMNS = "125"


class Differs(AssertionError):
    """A tutorial does not do what it says."""


@dataclass
class Terminal:
    """A process beside the others, with what it has said so far."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> list[str]:
        return clean(self.log.read_text(encoding="utf-8", errors="replace"))


@dataclass
class Run:
    """One tutorial at work in one folder."""

    folder: Path
    ports: dict[str, str]
    beside: dict[str, Terminal] = field(default_factory=dict)
    shown: dict[str, list[list[str]]] = field(default_factory=dict)  # where -> the real output of each command

    @property
    def environment(self) -> dict[str, str]:
        bin_folder = str(Path(sys.executable).parent)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARDOISE_", "DJANGO_"))}
        return kept | {
            "PATH": f"{bin_folder}{os.pathsep}{os.environ.get('PATH', '')}",
            "ARDOISE_HOME": str(self.folder / "var" / "tutorial"),
            "COLUMNS": COLUMNS,
            "LC_ALL": "C.UTF-8",
            "PYTHONUTF8": "1",
        }

    def block(self, fence: Fence) -> None:
        text = fence.body
        for port, free in self.ports.items():
            text = text.replace(port, free)
        terminal = fence.mark("terminal")
        for command, expected in commands(text):
            if command == "^C":
                self._stop(terminal, fence, expected)
            elif terminal:
                self._start(terminal, fence, command, expected)
            else:
                self._command(fence, command, expected)

    def _command(self, fence: Fence, command: str, expected: list[str]) -> None:
        deadline = time.monotonic() + PATIENCE_S / 2
        while True:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=10 * PATIENCE_S,
                check=False,
            )
            output = clean(done.stdout.decode("utf-8", errors="replace"))
            if "eventually" not in fence.marks or matches(expected, output) or time.monotonic() > deadline:
                break
            time.sleep(1)
        self.shown.setdefault(fence.where, []).append(output)
        status = int(fence.mark("status", "0"))
        if done.returncode != status:
            raise Differs(f"{fence.where}: « {command} » ended with {done.returncode}, not {status}:\n" + _text(output))
        self._compare(fence, command, expected, output)

    def _start(self, name: str, fence: Fence, command: str, expected: list[str]) -> None:
        log = self.folder / f"terminal-{name}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder,
                env=self.environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.beside[name] = terminal = Terminal(process, log)
        deadline = time.monotonic() + PATIENCE_S
        while not all(any(line_matches(line, said) for said in terminal.said()) for line in expected):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Differs(f"{fence.where}: « {command} » did not come to say this:\n" + _text(terminal.said()))
            time.sleep(0.1)

    def _stop(self, name: str, fence: Fence, expected: list[str]) -> None:
        terminal = self.beside.pop(name)
        terminal.process.send_signal(signal.SIGINT)
        status = terminal.process.wait(timeout=PATIENCE_S)
        output = terminal.said()
        if status != 0:
            raise Differs(f"{fence.where}: stopped with status {status}:\n" + _text(output))
        if not matches(["…", *expected], output):
            raise Differs(f"{fence.where}: the terminal did not end with this:\n" + _text(output))

    def _compare(self, fence: Fence, command: str, expected: list[str], output: list[str]) -> None:
        compared = {"stable", "eventually"} & set(fence.marks)
        if compared and not matches(expected, output):
            raise Differs(f"{fence.where}: « {command} » shows something else:\n{_text(output)}")

    def close(self) -> None:
        for terminal in self.beside.values():
            terminal.process.kill()
            terminal.process.wait()


def run(page: Path, folder: Path, *, text: str | None = None, also: Sequence[str] = ()) -> Run:
    """Run a tutorial (or `text` in its place) in an empty folder with a copy of the examples; then what `also` says."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    done = Run(folder, {port: free_port() for port in PORTS})
    for sources in (folder / "examples").glob("*/sources.toml"):
        declared = sources.read_text(encoding="utf-8")
        for port, free in done.ports.items():
            declared = declared.replace(port, free)
        sources.write_text(declared, encoding="utf-8")
    try:
        for fence in fences(page, text):
            if fence.language == "console":
                done.block(fence)
        for command in also:
            done.block(Fence(page, 0, "console", (), f"$ {command}\n"))
    finally:
        done.close()
    return done


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command with the lines shown below it; `> ` goes on with the command, as in a terminal."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ ") or line == "^C":
            found.append((line.removeprefix("$ "), []))
        elif found and line.startswith("> ") and not found[-1][1]:
            command, shown = found[-1]
            found[-1] = (f"{command}\n{line.removeprefix('> ')}", shown)
        elif found:
            found[-1][1].append(line)
    return [(command, _trimmed(shown)) for command, shown in found]


def clean(text: str) -> list[str]:
    """The lines of an output without colours, spaces at the end and empty lines around."""
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return _trimmed([line.rstrip() for line in plain.splitlines()])


def matches(expected: list[str], output: list[str]) -> bool:
    """Whether the output is what is shown; nothing shown means nothing asked."""
    if not expected:
        return True
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "…" else _pattern(line) + r"\n" for line in expected)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in output)) is not None


def line_matches(expected: str, output: str) -> bool:
    return expected.strip() in ("", "…") or re.fullmatch(_pattern(expected), output) is not None


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _pattern(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.rstrip().split("…"))


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    while lines and not lines[0].strip():
        lines = lines[1:]
    return lines


def _text(lines: list[str]) -> str:
    return "\n".join(lines)


def write(page: Path) -> None:
    """Put the real output of every command into the stable blocks that leave nothing out."""
    text = page.read_text(encoding="utf-8")
    blind = text.replace("```console stable", "```console asked")
    with tempfile.TemporaryDirectory() as temporary:
        done = run(page, Path(temporary), text=blind)
    for fence in reversed(fences(page)):
        if "stable" not in fence.marks or "…" in fence.body:
            continue
        fresh = ""
        for (command, _), output in zip(commands(fence.body), done.shown[fence.where], strict=True):
            shown = "".join(f"{line}\n" for line in output)
            for port, free in done.ports.items():
                shown = shown.replace(free, port)
            fresh += "$ " + command.replace("\n", "\n> ") + f"\n{shown}"
        before = "".join(text.splitlines(keepends=True)[: fence.line])
        text = before + fresh + text[len(before) + len(fence.body) :]
    page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if name != "--write":
            write(ROOT / name)
