"""`ardoise up` as an installer leaves it running: everything starts together, SIGTERM ends everything cleanly."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

ARDOISE = [sys.executable, "-c", "from ardoise.cli.main import run; run()"]
LIMIT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ARDOISE_", "DJANGO_"))}
    return {**kept, "ARDOISE_HOME": str(tmp_path), "NO_COLOR": "1"}


def test_up_serves_the_console_and_stops_with_all_its_children_on_sigterm(environment: dict[str, str]) -> None:
    port = free_port()
    process = subprocess.Popen(
        [*ARDOISE, "up", "--port", str(port)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        page = _answer(port, process)
        assert "csrfmiddlewaretoken" in page  # the sign-in page
        children = _children(process.pid)
        assert len(children) >= 2  # console and scheduler
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, said
    assert "everything received is written" in said
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_up_says_which_port_is_taken(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [*ARDOISE, "up", "--port", str(port)], env=environment, text=True, capture_output=True, timeout=LIMIT_S
        )
    assert refused.returncode == 1
    assert f"port {port} of 127.0.0.1 is already in use" in " ".join(refused.stderr.split())


def test_ctrl_c_ends_the_console_that_a_terminal_runs(environment: dict[str, str]) -> None:
    """A terminal interrupts the server and its worker alike: told twice to stop, the worker once waited for ever."""
    subprocess.run([*ARDOISE, "verify"], env=environment, capture_output=True, timeout=LIMIT_S)  # makes the database
    for _ in range(4):  # one in three used to hang
        port = free_port()
        command = [sys.executable, "-m", "ardoise.cli.serving", "127.0.0.1", str(port)]
        process = subprocess.Popen(command, env=environment, text=True, start_new_session=True)
        try:
            _answer(port, process)
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(timeout=LIMIT_S) == 0
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _answer(port: int, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=20) as answer:
                return answer.read().decode()
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the console never answered")


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
