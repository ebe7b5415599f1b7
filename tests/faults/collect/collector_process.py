"""A collector in a process of its own, to be killed: its installation, its life, and what it left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ardoise.formats.avaya_ipoffice import FORMAT as AVAYA
from ardoise.store.journal import Journal, Kind

PREPARE = """
import json, sys
from ardoise.cli.wiring import ready_database, start_django
start_django()
ready_database()
from datetime import UTC, date, datetime
from ardoise.collect.models import Source
from ardoise.directory.models import Identifier, Issuer, Line
said = json.loads(sys.argv[1])
issuer = Issuer.objects.create(code="acme", name="Acme", company="Acme")
for source in said["sources"]:
    Source.objects.create(issuer=issuer, name=source["code"], **source)
for extension in said["protected"]:
    line = Line.objects.create(code=extension, no_detail=True)
    Identifier.objects.create(kind="extension", value=extension, line=line, recorded_at=datetime.now(UTC))
"""
RUN = "from ardoise.cli.collect_commands import collect; collect()"


@dataclass
class Installation:
    home: Path
    port: int

    @classmethod
    def prepare(
        cls,
        home: Path,
        *,
        protected: tuple[str, ...] = (),
        others: tuple[dict[str, object], ...] = (),
        **source: object,
    ) -> Installation:
        """One Avaya source that listens on a free port of the loopback, and others as they are given."""
        made = cls(home, free_port())
        settings = {"code": "ipo", "format": "avaya_ipoffice", "transport": "tcp_server", "host": "127.0.0.1"}
        said = {"sources": [settings | {"port": made.port} | source, *others], "protected": protected}
        made._python(PREPARE, json.dumps(said)).check_returncode()
        return made

    def collector(self) -> subprocess.Popen[str]:
        """Start `ardoise collect run` and wait until it listens."""
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, "run"],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return process
            assert process.poll() is None, process.stdout.read() if process.stdout else ""
            time.sleep(0.05)
        raise AssertionError("the collector never listened")

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._python(RUN, *arguments)

    def journalled(self) -> dict[str, bytes]:
        """Every whole record of the journal by its ticket id: what the collector accepted."""
        found: dict[str, bytes] = {}
        for entry in Journal(self.home / "journal", "ipo").read():
            if entry.kind is Kind.BYTES:
                at = 0
                for record in AVAYA.frame(entry.payload, final=True)[0]:
                    found[entry.ticket_id(at)] = record
                    at += len(record)
        return found

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.home / "ardoise.sqlite3") as database:
            return database.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        with sqlite3.connect(self.home / "ardoise.sqlite3", timeout=10) as database:
            database.execute(statement)

    def _python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "ARDOISE_HOME": str(self.home), "DJANGO_SETTINGS_MODULE": "ardoise.project.settings"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def stopped(process: subprocess.Popen[str]) -> str:
    """Stop a collector as a service manager does; returns what it said."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    return said


def wait_for(condition: object, seconds: float = 30) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
