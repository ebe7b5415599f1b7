"""A file followed while it grows: to a charge, through rotations, truncations and kills, each line once."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.collect import operations
from ardoise.collect.batch import journal_of
from ardoise.collect.commits import Commits
from ardoise.collect.models import FreshUsage, Quarantined, Source
from ardoise.collect.queries import folder_of
from ardoise.collect.receive import Receiver
from ardoise.collect.service import feed_of
from ardoise.collect.tail import Tail
from stage.collect.through import receive, through
from stage.company import PROFILE

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 5, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardoise.collect.tail.OVER_S", 0.2)
    monkeypatch.setattr("ardoise.collect.tail.TICK_S", 0.02)


def line(number: int) -> str:
    """A Mitel line; its digits tell it from every other."""
    return f" 10/05 09:12  00:01:01 2140      06{number:08d}                A T003      4711         012\r\n"


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    one = make_source(
        "log", format="mitel_3300", transport="tail", folder="smdr", pattern="smdr.log", outside_prefix=""
    )
    folder_of(one).mkdir(parents=True)
    return one


def follow(source: Source, play: Callable[[Path], Awaitable[None]]) -> list[tuple[str, str]]:
    """Follow while `play` writes; then parse."""

    async def peer(receiver: Receiver, data: bytes) -> None:
        await asyncio.sleep(0.1)
        await play(folder_of(source) / "smdr.log")
        await asyncio.sleep(0.8)

    noticed = receive(source, b"", peer, arrived_at=NOW)
    operations.parse(source=source.code, now=NOW)
    return noticed


def numbers() -> list[int]:
    return sorted(int(row.row["called"][2:]) for row in FreshUsage.objects.all())


def append(path: Path, *texts: str) -> None:
    with path.open("a") as file:
        file.write("".join(texts))


async def nothing(path: Path) -> None:
    return


def test_a_line_of_a_followed_file_becomes_a_charge(home: Path) -> None:
    folder = home / "logs"
    folder.mkdir(parents=True)

    async def write(receiver: Receiver, data: bytes) -> None:
        append(folder / "smdr.log", line(12345678))
        await asyncio.sleep(1)

    rows = through(
        home,
        "mitel_3300",
        b"",
        transport="tail",
        extensions=["2140"],
        folder=str(folder),
        pattern="smdr.log",
        peer=write,
    )
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]  # 2 min * 120,000


def test_equal_lines_of_a_followed_file_are_as_many_calls(make_source: Callable[..., Source]) -> None:
    options = {"profile": PROFILE.replace('kind = "keyed"', 'kind = "cumulative"')}
    source = make_source(
        "csv", format="delimited", options=options, transport="tail", folder="smdr", pattern="smdr.log"
    )
    folder_of(source).mkdir(parents=True)
    same = "7;2026-10-05 09:12:33;33198765432;0612345678;61\n"

    async def twice(path: Path) -> None:
        append(path, "id;start;from;to;seconds\n", same)
        await asyncio.sleep(0.3)
        append(path, same, same)

    follow(source, twice)
    assert FreshUsage.objects.count() == 3
    assert not Quarantined.objects.exists()


def test_a_line_without_its_end_waits_in_the_file(source: Source) -> None:
    async def in_two(path: Path) -> None:
        append(path, line(1), line(2)[:40])

    follow(source, in_two)
    assert numbers() == [1]
    append(folder_of(source) / "smdr.log", line(2)[40:])
    follow(source, nothing)
    assert numbers() == [1, 2]
    assert not Quarantined.objects.exists()


def test_a_renamed_file_is_read_to_its_end_then_the_new_one(source: Source) -> None:
    async def rotate(path: Path) -> None:
        append(path, line(1))
        await asyncio.sleep(0.2)
        with path.open("a") as writer:
            path.rename(path.with_name("smdr.log.1"))
            path.touch()
            await asyncio.sleep(0.4)
            writer.write(line(2))  # the writer had not been told yet
        append(path, line(3))

    follow(source, rotate)
    assert numbers() == [1, 2, 3]


def test_a_file_copied_and_truncated_loses_nothing_between(source: Source) -> None:
    async def rotate(path: Path) -> None:
        append(path, line(1))
        await asyncio.sleep(0.2)
        append(path, line(2), line(3))
        shutil.copy(path, path.with_name("smdr.log.1"))
        os.truncate(path, 0)
        append(path, line(4))

    noticed = follow(source, rotate)
    assert numbers() == [1, 2, 3, 4]
    assert [text for _, text in noticed if "its end is read from smdr.log.1" in text]


def test_a_truncated_file_that_grew_past_the_place_reached_is_read_from_its_beginning(source: Source) -> None:
    async def rewrite(path: Path) -> None:
        append(path, line(1))
        await asyncio.sleep(0.2)
        path.write_text(line(2) + line(3) + line(4))  # longer than what was read: only its first bytes tell

    follow(source, rewrite)
    assert numbers() == [1, 2, 3, 4]


def test_rotations_while_nobody_followed_are_read_in_order(source: Source) -> None:
    path = folder_of(source) / "smdr.log"
    append(path, line(1))
    follow(source, nothing)
    append(path, line(2))
    path.rename(path.with_name("smdr.log.2"))
    append(path, line(3))
    path.rename(path.with_name("smdr.log.1"))
    append(path, line(4))
    for age, name in enumerate(("smdr.log.2", "smdr.log.1", "smdr.log")):
        os.utime(path.with_name(name), ns=(10**18 + age * 10**9, 10**18 + age * 10**9))

    async def wait(_: Path) -> None:
        await asyncio.sleep(1)

    follow(source, wait)
    assert numbers() == [1, 2, 3, 4]


def test_a_rotated_file_that_is_gone_is_an_alarm_that_says_from_where(source: Source) -> None:
    path = folder_of(source) / "smdr.log"
    append(path, line(1))
    follow(source, nothing)
    path.unlink()
    append(path, line(2))
    append(path, line(3))
    noticed = follow(source, nothing)
    assert [kind for kind, text in noticed if f"behind byte {len(line(1))}" in text] == ["alarm"]
    assert numbers() == [1, 2, 3]


def test_a_file_rotated_away_before_the_restart_is_not_read_again(source: Source) -> None:
    async def rotate(path: Path) -> None:
        append(path, line(1))
        await asyncio.sleep(0.2)
        path.rename(path.with_name("smdr.log.1"))
        append(path, line(2))

    follow(source, rotate)
    os.utime(folder_of(source) / "smdr.log.1")  # it looks newer than the one that is followed
    follow(source, nothing)
    assert numbers() == [1, 2]


def test_a_source_may_begin_at_the_end_and_keeps_its_place_from_then_on(source: Source) -> None:
    source.link = {"start": "end"}
    source.save()
    path = folder_of(source) / "smdr.log"
    append(path, line(1))
    follow(source, nothing)
    append(path, line(2))  # while nobody follows
    follow(source, nothing)
    assert numbers() == [2]


def test_files_of_each_day_are_followed_one_after_the_other(source: Source) -> None:
    source.pattern = "smdr-*.log"
    source.save()

    async def days(path: Path) -> None:
        append(path.with_name("smdr-05.log"), line(1))
        await asyncio.sleep(0.2)
        append(path.with_name("smdr-06.log"), line(2))
        await asyncio.sleep(0.6)
        append(path.with_name("smdr-06.log"), line(3))

    follow(source, days)
    assert numbers() == [1, 2, 3]


@pytest.mark.parametrize("seed", range(5))
def test_a_collector_killed_again_and_again_loses_and_doubles_nothing(source: Source, seed: int) -> None:
    """The process dies with all it has in memory, between any two awaits, while the file grows and rotates."""
    chance = random.Random(seed)
    path = folder_of(source) / "smdr.log"
    written = 0

    async def live() -> None:
        nonlocal written
        journals = {"log": journal_of("log")}
        commits = Commits(journals, notice=lambda *_: None, clock=lambda: NOW)
        tail = Tail(feed_of(source), commits, notice=lambda *_: None, clock=lambda: NOW)
        tasks = [asyncio.create_task(tail.run(asyncio.Event())), asyncio.create_task(commits.run(asyncio.Event()))]
        for _ in range(chance.randrange(1, 6)):
            written += 1
            append(path, line(written)[:30])
            await asyncio.sleep(chance.random() / 20)
            append(path, line(written)[30:])
            if chance.random() < 0.2:
                path.rename(path.with_name(f"smdr.log.{written}"))
            await asyncio.sleep(chance.random() / 10)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        commits.close()  # what was handed over and not yet appended is gone

    for _ in range(10):
        asyncio.run(live())
        operations.parse(source="log", now=NOW)

    async def settle(_: Path) -> None:
        await asyncio.sleep(2)

    follow(source, settle)
    assert numbers() == list(range(1, written + 1))
    assert not Quarantined.objects.exists()
