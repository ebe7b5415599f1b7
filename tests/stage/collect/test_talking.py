"""PBXs that must be talked to, on real sockets: handshakes, logins, one client, the other CPU, acknowledgements."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.collect import waiting
from ardoise.collect.commits import Commits
from ardoise.collect.links import Link, link_of
from ardoise.collect.receive import Feed
from ardoise.collect.simulator import ServingPbx
from ardoise.collect.tcp import Dialer
from ardoise.formats.alcatel_oxe import FORMAT as OXE
from ardoise.formats.alcatel_oxe.talk import OxePbx
from ardoise.formats.panasonic import FORMAT as PANASONIC
from ardoise.formats.panasonic.talk import PanasonicPbx
from ardoise.formats.spec import Format
from ardoise.store.journal import Journal, JournalFull, Kind
from unit.formats.oxe_wire import ANSWERED, ASKED, GO_ON, HELLO, MAIN, oxe_message

NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)
TICKET = oxe_message(CalledNumber="0612345678", ChargedNumber="31000", CallType="0")


class World:
    """A source that dials, and what was noticed."""

    def __init__(self, folder: Path, format: Format, *ports: int, link: Link | None = None) -> None:
        self.notices: list[tuple[str, str]] = []
        self.journal = Journal(folder, "pabx")
        self.commits = Commits({"pabx": self.journal}, notice=self.notice, clock=lambda: NOW)
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        feed = Feed("pabx", format, {}, hosts, ports[0], link=link or Link("tcp_client", {}))
        self.receiver = Dialer(feed, self.commits, notice=self.notice, clock=lambda: NOW)

    def notice(self, source: str, kind: str, text: str, at: datetime) -> None:
        self.notices.append((kind, text))

    def alarms(self) -> list[str]:
        return [text for kind, text in self.notices if kind == "alarm"]

    def received(self) -> bytes:
        return b"".join(entry.payload for entry in self.journal.read() if entry.kind is Kind.BYTES)

    def play(self, story: Callable[[World], Awaitable[None]]) -> None:
        async def run() -> None:
            stop, ended = asyncio.Event(), asyncio.Event()
            rounds = asyncio.create_task(self.commits.run(ended))
            running = asyncio.create_task(self.receiver.run(stop))
            try:
                await asyncio.wait_for(story(self), 20)
            finally:
                stop.set()
                await running
                ended.set()
                await rounds
                await self.commits.flush()
                self.commits.close()

        asyncio.run(run())


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(waiting, "RETRY_S", (0.05, 0.1))


def test_an_oxe_gives_its_tickets_after_the_handshake_cut_anywhere(tmp_path: Path) -> None:
    with ServingPbx(0, host="127.0.0.1", cut=True, other_side=OxePbx, clients_max=1) as pbx:
        for _ in range(3):
            pbx.produce(TICKET)

        async def story(world: World) -> None:
            await until(lambda: world.received() == TICKET * 3)
            pbx.produce(TICKET)
            await until(lambda: world.received() == TICKET * 4)

        (world := World(tmp_path, OXE, pbx.port)).play(story)
    assert world.alarms() == []
    assert ("event", "The call server answers as main: tickets may come") in world.notices


def test_the_stand_by_cpu_is_left_for_the_main_one_and_back(tmp_path: Path) -> None:
    with (
        ServingPbx(0, host="127.0.0.1", other_side=lambda: OxePbx(b"S")) as stand_by,
        ServingPbx(0, host="127.0.0.1", other_side=OxePbx) as main,
    ):

        async def story(world: World) -> None:
            main.produce(TICKET)
            await until(lambda: world.received() == TICKET)
            main.close()  # switch-over: nobody is main for a moment, and this is said
            await until(lambda: len(world.alarms()) == 1)

        (world := World(tmp_path, OXE, stand_by.port, main.port)).play(story)
    (alarm,) = world.alarms()
    assert "this CPU is not the main one" in alarm
    assert "refuses port" in alarm


def test_a_pbx_whose_only_place_is_taken_is_said_once_and_taken_when_it_is_free(tmp_path: Path) -> None:
    with ServingPbx(0, host="127.0.0.1", clients_max=1, other_side=OxePbx) as pbx:

        async def story(world: World) -> None:
            await until(lambda: world.alarms() != [])
            await asyncio.sleep(0.5)  # several attempts later
            assert len(world.alarms()) == 1
            other.close()
            await until(lambda: pbx.clients == 1 and world.notices[-1][0] == "event")
            pbx.produce(TICKET)
            await until(lambda: world.received() == TICKET)

        other = socket.create_connection(("127.0.0.1", pbx.port))  # another program came first
        other.sendall(HELLO + GO_ON)
        (world := World(tmp_path, OXE, pbx.port)).play(story)
    assert "this PBX serves a single collector, another program holds its place" in world.alarms()[0]


def test_a_keepalive_is_answered_once_the_ticket_before_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = bytearray()
    full = True

    async def pbx(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(3) == HELLO
        writer.write(MAIN)
        assert await reader.readexactly(4) == GO_ON
        writer.write(TICKET + ASKED)
        while data := await reader.read(100):
            heard.extend(data)

    async def story(world: World) -> None:
        writer = world.commits.writer("pabx")
        true_append = writer.append

        def append(arrivals: object) -> object:
            if full:
                raise JournalFull(errno.ENOSPC, "No room left", "journal")
            return true_append(arrivals)  # type: ignore[arg-type]

        monkeypatch.setattr(writer, "append", append)
        server = await asyncio.start_server(pbx, "127.0.0.1", port)
        await until(lambda: any("Reception stopped" in text for text in world.alarms()))
        await asyncio.sleep(0.5)
        assert heard == b""  # the disk is full: the PBX must think that we are dead
        room_again()
        await until(lambda: heard == ANSWERED)
        assert world.received() == TICKET
        server.close()

    def room_again() -> None:
        nonlocal full
        full = False

    port = free_port()
    World(tmp_path, OXE, port).play(story)


def test_a_pbx_that_falls_silent_is_left_and_called_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardoise.formats.alcatel_oxe.talk.DEAD_S", 1)
    with ServingPbx(0, host="127.0.0.1", clients_max=2, other_side=OxePbx, keepalive_s=60) as pbx:
        pbx.produce(TICKET)

        async def story(world: World) -> None:
            await until(lambda: world.received() == TICKET)
            await until(lambda: sum(entry.kind is Kind.CONNECT for entry in world.journal.read()) == 2)

        (world := World(tmp_path, OXE, pbx.port)).play(story)
    ends = [entry.payload.decode() for entry in world.journal.read() if entry.kind is Kind.DISCONNECT]
    assert "no keepalive for 1 s: the link is dead, or the other CPU took over" in ends


def test_a_link_cut_inside_a_ticket_leaves_a_cut_ticket_and_the_next_one_is_whole(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        pieces = [TICKET + TICKET[:300], TICKET]

        async def pbx(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert await reader.readexactly(3) == HELLO
            writer.write(MAIN)
            assert await reader.readexactly(4) == GO_ON
            writer.write(pieces.pop(0) if pieces else b"")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(pbx, "127.0.0.1", port)
        await until(lambda: world.received() == TICKET + TICKET[:300] + TICKET)
        server.close()

    port = free_port()
    (world := World(tmp_path, OXE, port)).play(story)
    sizes = [len(entry.payload) for entry in world.journal.read() if entry.kind is Kind.BYTES]
    assert sizes == [774, 300, 774]


def test_another_service_on_the_port_is_said(tmp_path: Path) -> None:
    async def ftp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await reader.read()
        writer.close()

    port = free_port()

    async def story(world: World) -> None:
        server = await asyncio.start_server(ftp, "127.0.0.1", port)
        await until(lambda: any("no OXE accounting server" in text for text in world.alarms()))
        server.close()

    World(tmp_path, OXE, port).play(story)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


# --- Panasonic: a log-in

LINE = b"10/05/26 10:15AM  1200 01 0612345678                     00:01'05 4711\r\n"


def panasonic(folder: Path, port: int, monkeypatch: pytest.MonkeyPatch, password: str) -> World:
    monkeypatch.setenv("PBX_PASSWORD", password)
    return World(folder, PANASONIC, port, link=link_of("tcp_client", {"password": "env:PBX_PASSWORD"}))


def test_a_panasonic_gives_its_lines_after_the_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ServingPbx(0, host="127.0.0.1", cut=True, other_side=lambda: PanasonicPbx("sesame")) as pbx:
        pbx.produce(LINE)

        async def story(world: World) -> None:
            await until(lambda: world.received() == LINE)

        (world := panasonic(tmp_path, pbx.port, monkeypatch, "sesame")).play(story)
    assert world.alarms() == []


def test_a_wrong_password_is_said_once_and_the_right_one_is_taken_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ServingPbx(0, host="127.0.0.1", other_side=lambda: PanasonicPbx("sesame")) as pbx:
        pbx.produce(LINE)

        async def story(world: World) -> None:
            await until(lambda: world.alarms() != [])
            await asyncio.sleep(0.5)  # several attempts later
            assert len(world.alarms()) == 1
            assert world.received() == b""
            monkeypatch.setenv("PBX_PASSWORD", "sesame")
            await until(lambda: world.received() == LINE)

        (world := panasonic(tmp_path, pbx.port, monkeypatch, "open")).play(story)
    assert "the PBX refuses the password: set the one of its SMDR port" in world.alarms()[0]
    assert b"sesame" not in b"".join(entry.payload for entry in world.journal.read())
