"""What a run of tests makes once for all its processes: the first that asks makes it, the others wait and take it.

Above all a database with every migration applied: two seconds of a processor, which a hundred tests would spend again.
That the migrations make an empty installation is proved where one is started as its user starts it: demo, docs,
browser, `ardoise up`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

FOLDER = "ARDOISE_TEST_MADE_ONCE"  # of the run: its processes inherit the name
MIGRATE = "from ardoise.cli.wiring import ready_database, start_django; start_django(); ready_database()"


@contextmanager
def folder_of_the_run() -> Iterator[None]:
    """Where it stands, as long as this lasts; inside of another (`run_all` starts pytest) that one serves."""
    if FOLDER in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="ardoise-made-once-") as folder:
        os.environ[FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER]
            for file in Path(folder).glob("*.database"):
                _drop(*file.read_text(encoding="utf-8").split())


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The file of this name; `make(path)` writes it where nobody did."""
    folder = Path(os.environ[FOLDER])
    path = folder / name
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            part = folder / f"{name}.part"
            make(part)
            part.rename(path)
    return path


def migrated_sqlite() -> Path:
    """A database file with all its tables and no company."""
    return made_once("migrated.sqlite3", _migrate_sqlite)


def migrated_postgresql(server: str) -> str:
    """The name of such a database on the server of a URL, to be copied: CREATE DATABASE ... TEMPLATE."""
    place = urlsplit(server)
    file = made_once(f"{place.hostname}-{place.port}.database", lambda path: _migrate_postgresql(server, path))
    return file.read_text(encoding="utf-8").split()[1]


@contextmanager
def migrated_database(home: Path, server: str) -> Iterator[str]:
    """A database for an installation: of its own on the server, "" (a file in its home) without one; its URL."""
    if not server:
        shutil.copyfile(migrated_sqlite(), home / "ardoise.sqlite3")
        yield ""
        return
    name = _create(server, "ardoise_story", migrated_postgresql(server))
    try:
        yield _url(server, name)
    finally:
        _drop(server, name)


def _migrate_sqlite(path: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        _migrate(home, "")
        made = Path(home) / "ardoise.sqlite3"
        with closing(sqlite3.connect(made)) as database:
            database.execute("PRAGMA journal_mode=DELETE")  # one file, which a database in memory can take too
        shutil.copyfile(made, path)


def _migrate_postgresql(server: str, path: Path) -> None:
    name = _create(server, "ardoise_migrated", "template1")
    with tempfile.TemporaryDirectory() as home:
        _migrate(home, _url(server, name))
    path.write_text(f"{server} {name}", encoding="utf-8")


def _migrate(home: str, database_url: str) -> None:
    environment = os.environ | {
        "ARDOISE_HOME": home,
        "ARDOISE_DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "ardoise.project.settings",
    }
    subprocess.run([sys.executable, "-c", MIGRATE], env=environment, check=True)


def _create(server: str, prefix: str, template: str) -> str:
    name = f"{prefix}_{uuid4().hex[:12]}"
    _on(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def _drop(server: str, name: str) -> None:
    """Whoever still uses it."""
    _on(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _url(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def _on(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)
