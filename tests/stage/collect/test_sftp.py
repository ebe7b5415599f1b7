"""Files fetched from a real OpenSSH server: to a charge, once, never half, and only from the server that is known."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.collect import operations
from ardoise.collect.fetch.sftp import SftpFetcher
from ardoise.collect.models import DayCount, FreshUsage, Quarantined, Source, SourceEvent
from ardoise.collect.receive import Receiver
from stage.collect.sftp_server import SftpServer, sftp_server
from stage.collect.through import Peer, receive, through
from stage.company import PROFILE

pytestmark = pytest.mark.django_db

NOW = datetime(2027, 6, 1, 12, tzinfo=UTC)  # later than any file written by these tests
HEADER = "id;start;from;to;seconds\n"
ONE = HEADER + "1;2026-10-05 09:12:33;33198765432;0612345678;61\n"
TWO = ONE + "2;2026-10-05 10:12:33;33198765432;0612345679;20\n"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardoise.collect.waiting.RETRY_S", (0.01, 0.05))
    monkeypatch.setattr("ardoise.collect.fetch.sftp.STABLE_S", 1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    with sftp_server(tmp_path / "server") as one:
        yield one


@pytest.fixture
def source_of(make_source: Callable[..., Source], server: SftpServer) -> Callable[..., Source]:
    def make(**settings: str) -> Source:
        options = {"profile": PROFILE}
        where = {"host": "127.0.0.1", "port": server.port, "link": server.link(**settings), "pattern": "*.csv"}
        return make_source("op", format="delimited", options=options, transport="sftp", outside_prefix="", **where)

    return make


def turns(wanted: int, between: Callable[[], None] = lambda: None) -> Peer:
    async def wait(receiver: Receiver, data: bytes) -> None:
        assert isinstance(receiver, SftpFetcher)
        while receiver.turns < 1:
            await asyncio.sleep(0.01)
        between()
        while receiver.turns < wanted:
            await asyncio.sleep(0.01)

    return wait


def fetch(source: Source, *, wanted: int = 1, between: Callable[[], None] = lambda: None) -> list[tuple[str, str]]:
    noticed = receive(source, b"", turns(wanted, between), arrived_at=NOW)
    operations.parse(source=source.code, now=NOW)
    return noticed


def talks() -> list[int]:
    return sorted(row.row["talk_s"] for row in FreshUsage.objects.all())


def names(server: SftpServer) -> list[str]:
    return sorted(str(path.relative_to(server.folder)) for path in server.folder.rglob("*") if path.is_file())


async def until_alarm(receiver: Receiver, data: bytes) -> None:
    await asyncio.sleep(1.5)


def test_a_file_of_a_server_becomes_charges(home: Path, server: SftpServer) -> None:
    (server.folder / "calls.csv").write_text(ONE)
    rows = through(
        home,
        "delimited",
        b"",
        transport="sftp",
        options={"profile": PROFILE},
        link=server.link(),
        port=server.port,
        numbers=["33198765432"],
        peer=turns(1),
    )
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]  # 2 min * 120,000


def test_a_file_that_stays_is_taken_once_even_by_the_next_collector(
    server: SftpServer, source_of: Callable[..., Source]
) -> None:
    (server.folder / "calls.csv").write_text(ONE)
    source = source_of(after="keep")
    fetch(source, wanted=2)
    noticed = fetch(source)
    assert talks() == [61]
    assert names(server) == ["calls.csv"]
    assert noticed == []  # it was not even fetched again
    assert not Quarantined.objects.exists()


def test_a_file_written_again_with_more_lines_gives_the_new_ones(
    server: SftpServer, source_of: Callable[..., Source]
) -> None:
    (server.folder / "calls.csv").write_text(ONE)
    fetch(source_of(), wanted=2, between=lambda: (server.folder / "calls.csv").write_text(TWO) and None)
    assert talks() == [20, 61]
    assert [bad.reason for bad in Quarantined.objects.all()] == ["duplicate"]


@pytest.mark.parametrize(("after", "left"), [("delete", []), ("move", ["done/a.csv", "done/b.csv"])])
def test_a_file_leaves_its_folder_once_it_was_taken(
    server: SftpServer, source_of: Callable[..., Source], after: str, left: list[str]
) -> None:
    (server.folder / "a.csv").write_text(ONE)
    (server.folder / "b.csv").write_text(TWO)
    fetch(source_of(after=after))
    assert talks() == [20, 61]
    assert names(server) == left


def test_the_same_bytes_under_another_name_count_once(server: SftpServer, source_of: Callable[..., Source]) -> None:
    (server.folder / "a.csv").write_text(ONE)
    (server.folder / "b.csv").write_text(ONE)
    noticed = fetch(source_of(after="delete"))
    assert talks() == [61]
    assert [text for _, text in noticed] == ["b.csv holds bytes that were already taken: nothing is counted twice"]
    assert DayCount.objects.get().received == 2  # header and line of one file


def test_a_collector_killed_before_it_deleted_deletes_without_counting_twice(
    server: SftpServer, source_of: Callable[..., Source]
) -> None:
    (server.folder / "a.csv").write_text(ONE)
    source = source_of(after="keep")
    fetch(source)  # journalled, still on the server: as after a kill
    source.link = server.link(after="delete")
    source.save()
    fetch(source)
    assert talks() == [61]
    assert names(server) == []


def test_a_file_still_being_written_is_left_alone(server: SftpServer, source_of: Callable[..., Source]) -> None:
    (server.folder / "whole.csv").write_text(ONE)
    (server.folder / "upload.csv.part").write_text(TWO)
    (server.folder / ".hidden.csv").write_text(TWO)
    growing = server.folder / "growing.csv"
    growing.write_text(HEADER)

    async def grow(receiver: Receiver, data: bytes) -> None:
        assert isinstance(receiver, SftpFetcher)
        number = 0
        while receiver.turns < 1:
            number += 1
            growing.write_text(HEADER + "9;2026-10-05 09:12:33;33198765432;0612345678;9\n" * number)
            await asyncio.sleep(0.1)

    source = source_of(after="delete")
    receive(source, b"", grow, arrived_at=NOW)
    operations.parse(source="op", now=NOW)
    assert talks() == [61]
    assert names(server) == [".hidden.csv", "growing.csv", "upload.csv.part"]


def test_a_file_without_tickets_is_left_there_and_said(server: SftpServer, source_of: Callable[..., Source]) -> None:
    (server.folder / "invoice.csv").write_text("this;is;no;call;file\n")
    noticed = fetch(source_of(after="delete"), wanted=2)
    assert [kind for kind, text in noticed if "invoice.csv was left" in text] == ["alarm"]
    assert names(server) == ["invoice.csv"]


def test_the_server_may_be_named_by_its_line_of_known_hosts(
    server: SftpServer, source_of: Callable[..., Source]
) -> None:
    (server.folder / "a.csv").write_text(ONE)
    fetch(source_of(host_key=server.known_hosts_line))
    assert talks() == [61]


def test_a_server_with_another_key_gets_nothing_and_gives_nothing(
    server: SftpServer, source_of: Callable[..., Source]
) -> None:
    (server.folder / "a.csv").write_text(ONE)
    source = source_of(host_key="SHA256:" + "A" * 43)
    noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [kind for kind, _ in noticed] == ["alarm"]  # once, not at each attempt
    assert server.fingerprint in noticed[0][1]
    assert "nothing was read" in noticed[0][1]
    assert "publickey" not in (server.home / "sshd.log").read_text()


def test_a_folder_that_is_not_there_says_what_to_check(server: SftpServer, source_of: Callable[..., Source]) -> None:
    source = source_of(path=str(server.folder / "nowhere"))
    noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [kind for kind, text in noticed if "check the path" in text] == ["alarm"]


def test_a_server_that_is_down_is_tried_again(server: SftpServer, source_of: Callable[..., Source]) -> None:
    os.environ.pop("SSH_AUTH_SOCK", None)
    source = source_of()
    port, source.port = source.port, 1
    source.save()
    noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [kind for kind, text in noticed if "cannot be reached by SSH" in text] == ["alarm"]
    assert port == server.port
    assert not SourceEvent.objects.exists()
