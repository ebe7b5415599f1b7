"""Bytes from a socket to the journal: real sockets on the loopback, a real journal."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ardoise.collect import commits, receive, waiting
from ardoise.collect.commits import Commits
from ardoise.collect.receive import Feed, Receiver
from ardoise.collect.redaction import ProtectedExtension, Protection
from ardoise.collect.tcp import Dialer, Listener, addresses
from ardoise.formats.avaya_ipoffice import FORMAT as AVAYA
from ardoise.store.journal import Entry, Journal, JournalFull, Kind

NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
LOST = (
    b"2026/10/05 10:58:41,00:00:00,9,0612345678,I,4324,4324,,0,1000014155,0,E4324,Jeanne Roy,T9161,LINE 5.1,0,0"
    b",,,,,,,,,,,,,\r\n"
)
TALK = (
    b"2026/10/05 10:59:02,00:01:40,4,4324,O,0145678901,0145678901,,0,1000014156,0,E4324,Jeanne Roy,T9161,LINE 5.1,0,0"
    b",,,,,,,,,,,,,\r\n"
)


class World:
    """One source on a port of its own, and what was noticed."""

    def __init__(
        self, folder: Path, kind: type[Receiver] = Listener, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.notices: list[tuple[str, str]] = []
        self.journal = Journal(folder, "pabx")
        self.commits = Commits({"pabx": self.journal}, notice=self.notice, clock=lambda: NOW)
        feed = Feed("pabx", AVAYA, {}, host, port)
        self.receiver = kind(feed, self.commits, notice=self.notice, clock=lambda: NOW)
        self.stop = asyncio.Event()

    def notice(self, source: str, kind: str, text: str, at: datetime) -> None:
        self.notices.append((kind, text))

    async def play(self, story: Callable[[World], Awaitable[None]]) -> None:
        """Run the receiver while the story goes, then stop as the service does."""
        ended = asyncio.Event()
        rounds = asyncio.create_task(self.commits.run(ended))
        running = asyncio.create_task(self.receiver.run(self.stop))
        try:
            await asyncio.wait_for(story(self), 20)
        finally:
            self.stop.set()
            await running
            ended.set()
            await rounds
            await self.commits.flush()
            self.commits.close()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await until(lambda: self.receiver.bound_port is not None)
        return await asyncio.open_connection("127.0.0.1", self.receiver.bound_port)

    def entries(self) -> list[Entry]:
        return list(self.journal.read())

    def received(self) -> list[bytes]:
        return [entry.payload for entry in self.entries() if entry.kind is Kind.BYTES]


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_ticket_cut_in_two_reads_is_journalled_whole(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        _, pbx = await world.connect()
        pbx.write(LOST[:40])
        await asyncio.sleep(0.3)
        assert world.received() == []  # only in memory: it may still have to be redacted
        pbx.write(LOST[40:] + TALK)
        await until(lambda: b"".join(world.received()) == LOST + TALK)
        pbx.close()

    asyncio.run((world := World(tmp_path)).play(story))
    kinds = [entry.kind for entry in world.entries()]
    assert kinds == [Kind.DISCONNECT, Kind.CONNECT, Kind.BYTES, Kind.DISCONNECT]  # the first: earlier ones are over


def test_a_record_without_end_is_written_when_the_connection_ends(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        _, pbx = await world.connect()
        pbx.write(TALK + LOST[:40])
        await asyncio.sleep(0.1)
        pbx.close()
        await until(lambda: len(world.received()) == 2)

    asyncio.run((world := World(tmp_path)).play(story))
    assert world.received() == [TALK, LOST[:40]]


def test_a_record_that_stays_without_end_is_written_then_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "UNFINISHED_S", 0.2)

    async def story(world: World) -> None:
        _, pbx = await world.connect()
        pbx.write(LOST[:40])
        await until(lambda: world.received() == [LOST[:40]])
        pbx.write(LOST[40:])
        await until(lambda: len(world.received()) == 2)

    asyncio.run((world := World(tmp_path)).play(story))
    assert world.received() == [LOST[:40], LOST[40:]]


def test_a_clean_stop_takes_what_the_kernel_already_holds(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        _, pbx = await world.connect()
        pbx.write(TALK * 500)
        await pbx.drain()
        world.stop.set()

    asyncio.run((world := World(tmp_path)).play(story))
    assert b"".join(world.received()) == TALK * 500


def test_several_clients_are_told_apart(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        _, one = await world.connect()
        _, two = await world.connect()
        one.write(LOST[:50])
        two.write(TALK)
        await until(lambda: len(world.received()) == 1)
        one.write(LOST[50:])
        await until(lambda: len(world.received()) == 2)

    asyncio.run((world := World(tmp_path)).play(story))
    assert {entry.connection: entry.payload for entry in world.entries() if entry.kind is Kind.BYTES} == {
        1: LOST,
        2: TALK,
    }


def test_the_number_of_a_protected_extension_never_reaches_the_disk(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.receiver.protection = Protection([ProtectedExtension("4324", date(2026, 1, 1), None)])
        _, pbx = await world.connect()
        pbx.write(LOST + b"noise about 4324 and 0612345678\r\n" + TALK + LOST[:60])
        await until(lambda: len(world.received()) == 1)
        pbx.close()
        await until(lambda: len(world.received()) == 2)

    asyncio.run((world := World(tmp_path)).play(story))
    written = b"".join(world.received())
    assert b"0612345678" not in written
    assert b"0145678901" not in written
    assert len(written) == len(LOST + b"noise about 4324 and 0612345678\r\n" + TALK + LOST[:60])


def test_a_taken_port_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RETRY_S", (0.1, 0.1))
    other = socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]

    async def story(world: World) -> None:
        await until(lambda: bool(world.notices))
        other.close()
        await until(lambda: world.receiver.bound_port == port)

    asyncio.run((world := World(tmp_path, port=port)).play(story))
    assert world.notices[0] == (
        "alarm",
        f"Port {port} is already used by another program on this machine: stop it, or give this source another port",
    )
    assert [kind for kind, _ in world.notices].count("alarm") == 1  # not one at each attempt


def test_we_connect_to_the_second_controller_when_the_first_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "RETRY_S", (0.05, 0.1))
    closed = socket.create_server(("127.0.0.1", 0))
    refusing = closed.getsockname()[1]
    closed.close()

    async def pbx(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(TALK)
        await writer.drain()
        writer.close()

    async def story(world: World) -> None:
        await until(lambda: any("refuses" in text for _, text in world.notices))
        server = await asyncio.start_server(pbx, "127.0.0.1", second)
        await until(lambda: len(world.received()) >= 2)  # it hangs up, we call again
        server.close()

    free = socket.create_server(("127.0.0.1", 0))
    second = free.getsockname()[1]
    free.close()
    hosts = f"127.0.0.1:{refusing}, 127.0.0.1:{second}"
    asyncio.run((world := World(tmp_path, Dialer, host=hosts, port=1752)).play(story))
    assert set(world.received()) == {TALK}


def test_a_full_disk_stops_the_reading_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "RETRY_S", (0.05, 0.1))
    monkeypatch.setattr(commits, "WAITING_BYTES_MAX", 64 * 1024)
    sent = 40_000  # tickets: 4.6 MB, more than the buffers of two sockets and ours

    async def story(world: World) -> None:
        writer = world.commits.writer("pabx")
        true_append = writer.append
        full = True

        def append(arrivals: object) -> object:
            if full:
                raise JournalFull(errno.ENOSPC, "No room left", "journal")
            return true_append(arrivals)  # type: ignore[arg-type]

        monkeypatch.setattr(writer, "append", append)
        _, pbx = await world.connect()
        sending = asyncio.create_task(_send(pbx, sent))
        await until(lambda: any(kind == "alarm" for kind, _ in world.notices))
        await asyncio.sleep(0.5)
        assert not sending.done()  # the PBX is held back
        assert sum(world.commits.unwritten().values()) < 1024 * 1024
        full = False
        await sending
        await until(lambda: sum(map(len, world.received())) == sent * len(TALK), 15)

    asyncio.run((world := World(tmp_path)).play(story))
    assert b"".join(world.received()) == TALK * sent
    kinds = [kind for kind, text in world.notices if "Listening" not in text]
    assert kinds == ["alarm", "event"]  # one alarm, one "it works again"


async def _send(pbx: asyncio.StreamWriter, count: int) -> None:
    for _ in range(count // 100):
        pbx.write(TALK * 100)
        await pbx.drain()


def test_one_source_has_one_collector(tmp_path: Path) -> None:
    async def story() -> None:
        first = World(tmp_path)
        with pytest.raises(RuntimeError, match="already collected by process"):
            World(tmp_path)
        first.commits.close()

    asyncio.run(story())


def test_the_addresses_of_a_pbx() -> None:
    assert addresses("10.0.0.1, pbx.local:1753,[fe80::1]:99,[fe80::2]", 1752) == [
        ("10.0.0.1", 1752),
        ("pbx.local", 1753),
        ("fe80::1", 99),
        ("fe80::2", 1752),
    ]
