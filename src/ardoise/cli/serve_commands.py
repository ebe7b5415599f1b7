"""`ardoise up`: collectors, scheduler and console together, on embedded defaults, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from ardoise.cli.serving import port_is_free
from ardoise.cli.wiring import errors, fail, ready_database, screen
from ardoise.core.wording import counted

STOP_PATIENCE_S = 20
RESTART_AFTER_S = 2.0


def up(
    port: Annotated[int, typer.Option("--port", help="Port of the console.")] = 8000,
    host: Annotated[str, typer.Option("--host", help="Address of the console.")] = "127.0.0.1",
    collect: Annotated[bool, typer.Option("--collect/--no-collect", help="Run the collectors too.")] = True,
) -> None:
    """Run collectors, scheduler and console until Ctrl-C or SIGTERM; nothing received is left unwritten.

    Example: ardoise up --port 8000
    """
    if not port_is_free(port, host):
        fail(f"port {port} of {host} is already in use; stop what listens there, or choose another with --port")
    ready_database()
    with _children(host, port):
        screen.print(f"Console: [bold]http://{host}:{port}[/]   Ctrl-C stops everything.")
        asyncio.run(_until_stopped(collect))
    screen.print("Stopped; everything received is written.")


async def _until_stopped(collect: bool) -> None:
    from ardoise.collect import service

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if collect:
        try:
            done = await service.run(None, stop, lambda: datetime.now(UTC), said=_say, ready=_say_ready)
        except service.NothingToCollect as error:
            errors.print(f"[yellow]![/] {error}")
        else:
            taken = f"{counted(done.tickets, 'ticket')} in {counted(done.calls, 'call')}"
            screen.print(f"Collected {taken}, {done.quarantined} in quarantine.")
    await stop.wait()


def _say(source: str, kind: str, text: str) -> None:
    errors.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/] {source}: {text}")


def _say_ready(ports: dict[str, int]) -> None:
    for source, port in sorted(ports.items()):
        screen.print(f"Source {source} listens on port {port}.")


@contextmanager
def _children(host: str, port: int) -> Iterator[None]:
    """The console and the scheduler as processes of their own, started again if they die, stopped with us."""
    commands = {
        "console": [sys.executable, "-m", "ardoise.cli.serving", host, str(port)],
        "scheduler": [sys.executable, "-m", "ardoise.cli.scheduler"],
    }
    running = {name: _start(command) for name, command in commands.items()}
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.wait(RESTART_AFTER_S):
            for name, command in commands.items():
                code = running[name].poll()
                if code is not None and not stopping.is_set():
                    errors.print(f"[yellow]![/] the {name} stopped (status {code}) and is started again")
                    running[name] = _start(command)

    watcher = threading.Thread(target=watch, name="watch-children", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stopping.set()
        watcher.join()
        for process in running.values():
            _stop(process)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """In a group of its own: Ctrl-C reaches us first, and we stop the children when the journal is safe."""
    return subprocess.Popen(command, env=os.environ.copy(), start_new_session=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=STOP_PATIENCE_S)
    if process.poll() is None:
        process.kill()
        process.wait()
