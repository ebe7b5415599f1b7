"""A collector in a process of its own, to be killed: its installation, its life, and what it left behind."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.made_once import migrated_database

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
PATIENCE_S = 120  # a busy machine starts a process slowly; nothing is measured by it
RUN = "from ardoise.cli.collect_commands import collect; collect()"


@dataclass
class Installation:
    """Its folder, its port, and a database of its own: on the server of ARDOISE_DATABASE_URL when there is one."""

    home: Path
    port: int
    database_url: str

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
        made = cls(home, free_port(), own_database(home))
        settings = {"code": "ipo", "format": "avaya_ipoffice", "transport": "tcp_server", "host": "127.0.0.1"}
        said = {"sources": [settings | {"port": made.port} | source, *others], "protected": protected}
        made._python(PREPARE, json.dumps(said)).check_returncode()
        return made

    def collector(self) -> subprocess.Popen[str]:
        """Start `ardoise collect run` and wait until it listens."""
        return self.listening(RUN)

    def listening(self, code: str) -> subprocess.Popen[str]:
        """Start a command `run` and wait until it listens on the port of this installation."""
        process = subprocess.Popen(
            [sys.executable, "-c", code, "run"],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + PATIENCE_S
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
        if self.database_url:
            with psycopg.connect(self.database_url) as database:
                return database.execute(query).fetchall()
        with sqlite3.connect(self.home / "ardoise.sqlite3") as database:
            return database.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        if self.database_url:
            with psycopg.connect(self.database_url) as database:
                database.execute(statement)
            return
        with sqlite3.connect(self.home / "ardoise.sqlite3", timeout=10) as database:
            database.execute(statement)

    def tables_with(self, text: str) -> list[str]:
        """The tables of a server's database that hold this text; the file of SQLite lies in the home, with the rest."""
        if not self.database_url:
            return []
        tables = [str(name) for (name,) in self.rows("select tablename from pg_tables where schemaname = 'public'")]
        assert len(tables) > 10
        return [name for name in tables if self.rows(f"select 1 from {name} t where t::text like '%{text}%' limit 1")]

    def _python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )

    def _environment(self) -> dict[str, str]:
        own = {"ARDOISE_HOME": str(self.home), "ARDOISE_DATABASE_URL": self.database_url}
        return {**os.environ, **own, "DJANGO_SETTINGS_MODULE": "ardoise.project.settings"}


def own_database(home: Path) -> str:
    """A database with its tables: on the server of ARDOISE_DATABASE_URL, until the tests end, else in the home."""
    home.mkdir(parents=True, exist_ok=True)
    made = ExitStack()
    atexit.register(made.close)
    return made.enter_context(migrated_database(home, os.environ.get("ARDOISE_DATABASE_URL", "")))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def stopped(process: subprocess.Popen[str]) -> str:
    """Stop a collector as a service manager does; returns what it said."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return said


def wait_for(condition: object, seconds: float = PATIENCE_S) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
