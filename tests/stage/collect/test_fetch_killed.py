"""Collectors that pull and fetch, killed again and again with all they have in memory: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ardoise.collect import operations
from ardoise.collect.batch import journal_of
from ardoise.collect.commits import Commits
from ardoise.collect.fetch.services import yeastar
from ardoise.collect.models import DayCount, FreshUsage, Quarantined, Source
from ardoise.collect.service import feed_of
from ardoise.collect.ways import receiver_of
from stage.collect.fakes.services import FakeYeastar
from stage.collect.sftp_server import sftp_server
from stage.company import PROFILE

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 6, 12, tzinfo=UTC)
LIVES = 8


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "secret-7")
    monkeypatch.setattr("ardoise.collect.waiting.RETRY_S", (0.01, 0.05))
    monkeypatch.setattr("ardoise.collect.fetch.sftp.STABLE_S", 0)


async def live(source: Source, seconds: float, work: Callable[[], None]) -> None:
    """One process: it works while calls come, and dies between two awaits."""
    commits = Commits({source.code: journal_of(source.code)}, notice=lambda *_: None, clock=lambda: NOW)
    receiver = receiver_of(source.transport)(feed_of(source), commits, notice=lambda *_: None, clock=lambda: NOW)
    tasks = [asyncio.create_task(receiver.run(asyncio.Event())), asyncio.create_task(commits.run(asyncio.Event()))]
    for _ in range(3):
        work()
        await asyncio.sleep(seconds / 3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    commits.close()


def live_on(source: Source, count: int) -> None:
    """The last process, which nobody kills: it takes what is left, however slow the machine is."""
    for _ in range(10):
        asyncio.run(live(source, 3, lambda: None))
        operations.parse(source=source.code, now=NOW)
        if len(talks()) >= count:
            return


def talks() -> list[int]:
    return sorted(row.row["talk_s"] for row in FreshUsage.objects.all())


def counts_add_up() -> bool:
    days = DayCount.objects.all()
    return all(day.received == day.in_calls + day.events + day.quarantined for day in days)


@pytest.mark.parametrize("seed", range(3))
def test_a_puller_killed_again_and_again(
    make_source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(yeastar, "PAGE_ROWS", 2)
    chance = random.Random(seed)
    with FakeYeastar().running() as pbx:
        assert isinstance(pbx, FakeYeastar)
        link = {"service": "yeastar", "user": "client-7", "password": "env:TEST_SECRET", "url": pbx.url, "every_s": "1"}
        source = make_source("pbx", format="yeastar", transport="https", link=link, outside_prefix="")

        def call() -> None:
            number = len(pbx.rows) + 1
            at = NOW - timedelta(minutes=60 - number)
            pbx.call(number, at.isoformat(), "201", f"06123456{number:02d}", number)

        for _ in range(LIVES):
            asyncio.run(live(source, chance.random() / 2, call))
            operations.parse(source="pbx", now=NOW)
        live_on(source, 3 * LIVES)
    assert talks() == list(range(1, 3 * LIVES + 1))
    assert {bad.reason for bad in Quarantined.objects.all()} <= {"duplicate"}
    assert counts_add_up()


@pytest.mark.parametrize(("seed", "after"), [(1, "keep"), (2, "delete"), (3, "move")])
def test_a_fetcher_killed_again_and_again(
    make_source: Callable[..., Source], tmp_path: Path, seed: int, after: str
) -> None:
    chance = random.Random(seed)
    with sftp_server(tmp_path / "server") as server:
        where = {"host": "127.0.0.1", "port": server.port, "link": server.link(after=after), "pattern": "*.csv"}
        options = {"profile": PROFILE}
        source = make_source("op", format="delimited", options=options, transport="sftp", outside_prefix="", **where)
        written = 0

        def drop() -> None:
            nonlocal written
            written += 1
            line = f"{written};2026-10-05 09:12:33;33198765432;06123456{written:02d};{written}\n"
            target = server.folder / f"calls-{written:02d}.csv"
            target.with_suffix(".part").write_text("id;start;from;to;seconds\n" + line)
            target.with_suffix(".part").rename(target)

        for _ in range(LIVES):
            asyncio.run(live(source, chance.random() / 2, drop))
            operations.parse(source="op", now=NOW)
        live_on(source, written)
        left = sorted(path.name for path in server.folder.glob("*.csv"))
    assert talks() == list(range(1, written + 1))
    assert not Quarantined.objects.exists()
    assert counts_add_up()
    assert len(left) == (written if after == "keep" else 0)
