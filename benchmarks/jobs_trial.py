"""Trial of job libraries: what survives kill -9, what stops cleanly, how fast. See docs/decisions/0002-job-library.md.

    python benchmarks/jobs_trial.py                                      # every installed library, on SQLite (WAL)
    python benchmarks/jobs_trial.py --database-url postgresql://...      # and on this PostgreSQL (its `public` tables!)
    pip install huey django-tasks django-tasks-db django-q2 "psycopg[binary]"

One job appends "start" and "end" lines to a file; workers are separate processes, killed as a group. Contenders:

- `huey`: SqliteHuey / PostgresHuey, two worker threads.
- `huey_rows`: the same, but the work is rows of the business database (unique key, done or not) and huey only ticks.
- `django_tasks_db`: the database backend of django-tasks, a package of its own since 0.12; two workers.
- `django_q2`: its ORM broker, two workers, `retry` as short as it may be (a second over the longest job).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

JOBS = 500
SLOW_S = 4.0
LIBRARIES = {"huey": "huey", "huey_rows": "huey", "django_tasks_db": "django_tasks_db", "django_q2": "django_q"}


# The application on trial: imported as `jobs_trial` by the workers ---------------------------------------------------


def database() -> dict[str, object]:
    parts = urlsplit(os.environ["TRIAL_DATABASE_URL"])
    if not parts.scheme:
        options = {"transaction_mode": "IMMEDIATE", "timeout": 30, "init_command": "PRAGMA journal_mode=WAL;"}
        file = Path(os.environ["TRIAL_HOME"]) / "trial.sqlite3"
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "OPTIONS": options}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.hostname or "",
        "PORT": parts.port or "",
    }


def start_django(library: str) -> None:
    import django
    from django.conf import settings

    apps = ["django.contrib.contenttypes"]
    apps += {"django_tasks_db": ["django_tasks", "django_tasks_db"], "django_q2": ["django_q"]}.get(library, [])
    settings.configure(
        DATABASES={"default": database()},
        INSTALLED_APPS=apps,
        SECRET_KEY="trial",
        USE_TZ=True,
        TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
        Q_CLUSTER={
            "name": "trial",
            "orm": "default",
            "workers": 2,
            "timeout": int(SLOW_S) + 1,
            "retry": int(SLOW_S) + 2,
            "poll": 0.1,
            "save_limit": 0,
            "log_level": "ERROR",
        },
        LOGGING_CONFIG=None,
    )
    django.setup()


def note(number: int, seconds: float = 0.0) -> None:
    """The job: says that it starts, works, says that it ended."""
    with (Path(os.environ["TRIAL_HOME"]) / "log").open("a") as log:
        log.write(f"start {number} {time.time()}\n")
        log.flush()
        time.sleep(seconds)
        log.write(f"end {number} {time.time()}\n")


def db_note(number: int, seconds: float) -> None:
    """The job as django-tasks wants it: the task stands under the name of its function."""
    note(number, seconds)


def make_huey():
    from huey import PostgresHuey, SqliteHuey

    if url := os.environ["TRIAL_DATABASE_URL"]:
        return PostgresHuey("trial", dsn=url)
    return SqliteHuey("trial", filename=str(Path(os.environ["TRIAL_HOME"]) / "huey.sqlite3"), fsync=True)


def make_rows() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE job (key varchar(40) PRIMARY KEY, seconds varchar(10), done integer NOT NULL)")


def ask_rows(number: int, seconds: float) -> None:
    """In real life: a row written in the transaction that makes the work due. The key makes a repeat a no-op."""
    from django.db import connection

    with connection.cursor() as cursor:
        insert = "INSERT INTO job (key, seconds, done) VALUES (%s, %s, 0) ON CONFLICT DO NOTHING"
        cursor.execute(insert, [str(number), str(seconds)])


def work_rows() -> None:
    """Everything that is due, one after the other. A row is done after its work: a crash between the two repeats the
    work, which is keyed in real life (a bill run, a delivery) and finds its own result."""
    from django.db import connection

    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT key, seconds FROM job WHERE done = 0 ORDER BY key LIMIT 1")
            if (row := cursor.fetchone()) is None:
                return
            note(int(row[0]), float(row[1]))
            cursor.execute("UPDATE job SET done = 1 WHERE key = %s", [row[0]])


if __name__ == "jobs_trial":  # in a worker or an asker, never in the script that leads the trial
    LIBRARY = os.environ["TRIAL_LIBRARY"]
    start_django(LIBRARY)
    if LIBRARY in ("huey", "huey_rows"):
        from huey import crontab

        HUEY = make_huey()
        huey_note = HUEY.task()(note)
        one_at_a_time = HUEY.lock_task("rows")
        tick = HUEY.task()(one_at_a_time(work_rows))
        if LIBRARY == "huey_rows":
            every_minute = HUEY.periodic_task(crontab(minute="*"), name="every_minute")(one_at_a_time(work_rows))
    elif LIBRARY == "django_tasks_db":
        from django_tasks import task

        db_note = task()(db_note)


def prepare() -> None:
    """Empty tables for a new contender."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if LIBRARY == "huey_rows":
        make_rows()


def ask(first: int, count: int, seconds: float) -> None:
    """Put `count` jobs in the queue, each in a transaction of its own; prints how many a second."""
    started = time.perf_counter()
    for number in range(first, first + count):
        if LIBRARY == "huey":
            huey_note(number, seconds)
        elif LIBRARY == "huey_rows":
            ask_rows(number, seconds)
        elif LIBRARY == "django_tasks_db":
            db_note.enqueue(number, seconds)
        else:
            from django_q.tasks import async_task

            async_task("jobs_trial.note", number, seconds)
    if LIBRARY == "huey_rows":
        tick()  # a nudge: without it the rows wait for the next minute
    print(round(count / (time.perf_counter() - started)))


def work() -> None:
    """Be a worker until told to stop."""
    from django.core.management import call_command

    if LIBRARY in ("huey", "huey_rows"):
        from huey.consumer import Consumer

        Consumer(HUEY, workers=2, max_delay=0.2, graceful_signal="TERM", flush_locks=True).run()
    elif LIBRARY == "django_tasks_db":
        call_command("db_worker", interval=0.1, startup_delay=False, reload=False, verbosity=0)
    else:
        call_command("qcluster", verbosity=0)


# The trial -----------------------------------------------------------------------------------------------------------


class Contender:
    def __init__(self, library: str, url: str, home: Path) -> None:
        self.library, self.home = library, home
        self.log = home / "log"
        self.log.touch()
        self.environment = os.environ | {
            "TRIAL_LIBRARY": library,
            "TRIAL_DATABASE_URL": url,
            "TRIAL_HOME": str(home),
            "PYTHONPATH": str(Path(__file__).parent),
            "PYTHONWARNINGS": "ignore",
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def run(self, code: str) -> str:
        command = [sys.executable, "-c", f"import jobs_trial as t; {code}"]
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def start_workers(self) -> None:
        code = "import jobs_trial as t; t.work()"
        with (self.home / "worker.err").open("ab") as errors:
            self.workers = [
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    env=self.environment,
                    start_new_session=True,
                    stdout=errors,
                    stderr=errors,
                )
                for _ in range(2 if self.library == "django_tasks_db" else 1)
            ]

    def kill_workers(self) -> None:
        for worker in self.workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    def terminate_workers(self) -> float:
        """SIGTERM, as a service manager does; seconds until all are gone (30 = never by themselves)."""
        started = time.monotonic()
        for worker in self.workers:
            worker.terminate()
        try:
            for worker in self.workers:
                worker.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill_workers()
        return time.monotonic() - started

    def times(self, word: str, number: int | None = None) -> list[float]:
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [float(at) for said, n, at in lines if said == word and number in (None, int(n))]

    def memory_mb(self) -> int:
        """Resident memory of all processes of the workers' sessions."""
        total_kb = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rsplit(")", 1)[1].split()[3])
                if session in {worker.pid for worker in self.workers}:
                    status = (stat.parent / "status").read_text()
                    total_kb += int(status.split("VmRSS:")[1].split()[0])
            except (FileNotFoundError, ProcessLookupError, IndexError):
                continue
        return total_kb // 1024


def wait(condition: Callable[[], bool], *, at_most_s: float) -> bool:
    end = time.monotonic() + at_most_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def trial(contender: Contender) -> dict[str, object]:
    found: dict[str, object] = {}
    contender.run("t.prepare()")

    found["asked_per_s"] = int(contender.run(f"t.ask(0, {JOBS}, 0.0)"))
    contender.start_workers()
    wait(lambda: len(contender.times("end")) >= JOBS, at_most_s=120)
    ends = contender.times("end")
    found["done_per_s"] = round(len(ends) / (max(ends) - min(contender.times("start"))))
    found["memory_mb"] = contender.memory_mb()

    contender.run(f"t.ask(20_000, 1, {SLOW_S})")
    wait(lambda: bool(contender.times("start", 20_000)), at_most_s=20)
    found["stop_s"] = round(contender.terminate_workers(), 1)
    found["stop_finished_the_job"] = bool(contender.times("end", 20_000))

    contender.run(f"t.ask(30_000, 1, {SLOW_S})")
    contender.start_workers()
    wait(lambda: bool(contender.times("start", 30_000)), at_most_s=20)
    contender.kill_workers()
    killed_at = time.monotonic()
    contender.start_workers()
    again = wait(lambda: bool(contender.times("end", 30_000)), at_most_s=75)
    found["killed_job_done_again_after_s"] = round(time.monotonic() - killed_at, 1) if again else "lost"

    # Asked twice under one key, meant once.
    contender.run("t.ask(40_000, 1, 0.0); t.ask(40_000, 1, 0.0)")
    wait(lambda: len(contender.times("end", 40_000)) >= 2, at_most_s=3)
    found["same_key_done_times"] = len(contender.times("end", 40_000))
    contender.kill_workers()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url", default="", help="also try on this empty PostgreSQL database")
    parser.add_argument("--only", choices=LIBRARIES)
    asked = parser.parse_args()
    for url in ["", asked.database_url] if asked.database_url else [""]:
        for library, package in LIBRARIES.items():
            if asked.only not in (None, library):
                continue
            where = "postgresql" if url else "sqlite"
            if importlib.util.find_spec(package) is None:
                print(f"{library}: not installed", flush=True)
                continue
            if url:
                empty(url)
            with tempfile.TemporaryDirectory() as home:
                found = trial(Contender(library, url, Path(home)))
            print(json.dumps({"library": library, "database": where, **found}), flush=True)


def empty(url: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")


if __name__ == "__main__":
    main()
