"""The clock of an installation: ticks that look for what is due and work through it (docs/decisions/0002).

Run as a process of its own by `ardoise up` (`python -m ardoise.cli.scheduler`). Nothing that must not be lost is ever
in huey's queue: a tick finds its work in rows, and a tick that dies is repaired by the next one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from huey import PostgresHuey, SqliteHuey, crontab
from huey.api import Huey
from huey.consumer import Consumer

from ardoise.cli.wiring import last_month, start_django

log = logging.getLogger("ardoise.scheduler")


def make_huey() -> Huey:
    """The job queue beside the business data: a SQLite file, or tables of the same PostgreSQL server."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        return SqliteHuey("ardoise", filename=str(Path(settings.ARDOISE_HOME) / "jobs.sqlite3"))
    address = " ".join(
        f"{name}={database[key]}"
        for name, key in (
            ("dbname", "NAME"),
            ("user", "USER"),
            ("password", "PASSWORD"),
            ("host", "HOST"),
            ("port", "PORT"),
        )
        if database.get(key)
    )
    return PostgresHuey("ardoise", dsn=address)


def rate_open_months() -> None:
    """Charges of this month, the last one, and any that got late calls follow what arrived and what was changed."""
    from django.utils.timezone import localtime

    from ardoise import flow
    from ardoise.collect.models import Source
    from ardoise.collect.queries import fresh_months

    now = datetime.now(UTC)
    late = {month for code in Source.objects.values_list("code", flat=True) for month in fresh_months(code)}
    for month in sorted({last_month(now), f"{localtime(now):%Y-%m}", *late}):
        flow.rate(month=month, now=now)


def deliver_outbox() -> None:
    """Documents that were issued and could not be rendered are tried again."""
    from ardoise import flow

    flow.deliver(now=datetime.now(UTC))


def sweep_files() -> None:
    """Replaced table files that no reader can still hold are removed."""
    from ardoise.store.operations import sweep

    sweep()


EVERY_MINUTE, EVERY_HOUR = crontab(), crontab(minute="7")
TICKS: tuple[tuple[Callable[[], None], Callable[[datetime], bool]], ...] = (
    (rate_open_months, EVERY_MINUTE),
    (deliver_outbox, EVERY_MINUTE),
    (sweep_files, EVERY_HOUR),
)


def register(huey: Huey) -> None:
    """Every tick under a lock: two of one kind never overlap; a failure is logged and the next tick tries again."""
    for tick, when in TICKS:
        huey.periodic_task(when, name=tick.__name__)(huey.lock_task(tick.__name__)(_guarded(tick)))


def _guarded(tick: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        from django.db import close_old_connections

        close_old_connections()
        try:
            tick()
        except Exception:
            log.exception("%s failed and will be tried again at the next tick", tick.__name__)
        finally:
            close_old_connections()

    run.__name__ = tick.__name__
    return run


def main() -> None:
    start_django()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    huey = make_huey()
    register(huey)
    for tick, _ in TICKS:
        _guarded(tick)()  # what became due while we were down
    # SIGTERM lets the tick that runs end (huey's default would interrupt it).
    Consumer(huey, workers=1, max_delay=1.0, graceful_signal="TERM", flush_locks=True).run()


if __name__ == "__main__":
    main()
