"""Accounting packets on a real UDP socket: answered once written, never taken twice, never answered to strangers."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AccountingResponse, AcctPacket

from ardoise.collect.commits import Commits
from ardoise.collect.links import BadLink, link_of
from ardoise.collect.models import SourceEvent
from ardoise.collect.radius import RadiusServer
from ardoise.collect.receive import Feed, Receiver
from ardoise.formats.radius import FORMAT as RADIUS
from ardoise.store.journal import Journal, JournalFull, Kind
from stage.collect.through import through

SECRET = "a shared secret of the tests"
NOW = datetime(2026, 10, 5, 7, 13, 34, tzinfo=UTC)
NAMES = Dictionary()


def request(status: int = 2, session: str = "80100014", *, secret: str = SECRET, lasted_s: int = 61) -> AcctPacket:
    packet = AcctPacket(secret=secret.encode(), dict=NAMES)
    packet[40] = [status.to_bytes(4, "big")]
    packet[44] = [session.encode()]
    packet[1] = [b"ana"]
    packet[42] = [(1_000_000).to_bytes(4, "big")]
    packet[46] = [lasted_s.to_bytes(4, "big")]
    packet[55] = [int(NOW.timestamp()).to_bytes(4, "big")]
    return packet


class World:
    """An accounting server of one source, and what was noticed."""

    def __init__(self, folder: Path, **link: str) -> None:
        self.notices: list[tuple[str, str]] = []
        self.journal = Journal(folder, "nas")
        self.commits = Commits({"nas": self.journal}, notice=self.notice, clock=lambda: NOW)
        settings = link_of("radius", {"secret": "env:RADIUS_SECRET", **link})
        feed = Feed("nas", RADIUS, {}, "127.0.0.1", 0, link=settings)
        self.receiver = RadiusServer(feed, self.commits, notice=self.notice, clock=lambda: NOW)

    def notice(self, source: str, kind: str, text: str, at: datetime) -> None:
        self.notices.append((kind, text))

    def alarms(self) -> list[str]:
        return [text for kind, text in self.notices if kind == "alarm"]

    def received(self) -> list[bytes]:
        return [entry.payload for entry in self.journal.read() if entry.kind is Kind.BYTES]

    def play(self, story: Callable[[World], Awaitable[None]]) -> None:
        async def run() -> None:
            stop, ended = asyncio.Event(), asyncio.Event()
            rounds = asyncio.create_task(self.commits.run(ended))
            running = asyncio.create_task(self.receiver.run(stop))
            try:
                async with asyncio.timeout(10):
                    while self.receiver.bound_port is None:
                        await asyncio.sleep(0.01)
                await asyncio.wait_for(story(self), 20)
            finally:
                stop.set()
                await running
                ended.set()
                await rounds
                await self.commits.flush()
                self.commits.close()

        asyncio.run(run())

    async def ask(self, packet: bytes, *, wait_s: float = 3.0, door: socket.socket | None = None) -> bytes | None:
        """Send a packet, wait for the answer; None when there is none."""
        own = door or a_socket()
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendto(own, packet, ("127.0.0.1", self.receiver.bound_port))
            return await asyncio.wait_for(loop.sock_recv(own, 4096), wait_s)
        except TimeoutError:
            return None
        finally:
            if door is None:
                own.close()


def a_socket() -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.setblocking(False)
    door.bind(("127.0.0.1", 0))
    return door


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIUS_SECRET", SECRET)


def test_a_packet_is_answered_once_it_is_in_the_journal(tmp_path: Path) -> None:
    asked = request()
    wire = asked.RequestPacket()

    async def story(world: World) -> None:
        answer = await world.ask(wire)
        assert world.received() == [wire]  # by the time the answer is here
        assert answer is not None
        reply = AcctPacket(packet=answer, secret=SECRET.encode(), dict=NAMES)
        assert reply.code == AccountingResponse
        assert asked.VerifyReply(reply, answer)

    World(tmp_path).play(story)


def test_a_full_disk_gives_no_answer_and_the_packet_that_comes_again_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    wire = request().RequestPacket()

    async def story(world: World) -> None:
        writer = world.commits.writer("nas")
        true_append = writer.append

        def append(arrivals: Any) -> Any:
            if full:
                raise JournalFull(errno.ENOSPC, "No room left", "journal")
            return true_append(arrivals)

        monkeypatch.setattr(writer, "append", append)
        assert await world.ask(wire, wait_s=0.5) is None
        assert world.received() == []
        room_again()
        while await world.ask(wire, wait_s=0.5) is None:
            pass  # a NAS tries again
        assert wire in world.received()

    def room_again() -> None:
        nonlocal full
        full = False

    World(tmp_path).play(story)


def test_a_packet_that_comes_again_gets_the_same_answer_and_is_written_once(tmp_path: Path) -> None:
    wire = request().RequestPacket()

    async def story(world: World) -> None:
        door = a_socket()
        first = await world.ask(wire, door=door)
        assert await world.ask(wire, door=door) == first
        door.close()
        assert world.received() == [wire]

    World(tmp_path).play(story)


def test_another_secret_gets_no_answer_and_one_alarm(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for session in ("1", "2"):
            assert await world.ask(request(session=session, secret="guess").RequestPacket(), wait_s=0.3) is None
        assert world.received() == []
        assert world.alarms() == ["127.0.0.1 signs its packets with another secret: they stay without an answer"]
        assert await world.ask(request().RequestPacket()) is not None

    World(tmp_path).play(story)


@pytest.mark.parametrize("junk", [b"", b"hello", b"\x04\x01\x00\x14" + b"0" * 10, b"\x01\x01\x00\x14" + b"0" * 16])
def test_junk_gets_no_answer(tmp_path: Path, junk: bytes) -> None:
    async def story(world: World) -> None:
        assert await world.ask(junk, wait_s=0.3) is None
        assert await world.ask(request().RequestPacket()) is not None
        assert len(world.received()) == 1

    (world := World(tmp_path)).play(story)
    assert len(world.alarms()) == 1


def test_a_stranger_is_refused_where_clients_are_named(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        assert await world.ask(request().RequestPacket(), wait_s=0.3) is None

    (world := World(tmp_path, clients="10.1.0.0/16, 192.0.2.7")).play(story)
    assert world.alarms() == ["127.0.0.1 is not among the clients of this source"]
    with pytest.raises(BadLink, match="addresses or networks"):
        link_of("radius", {"secret": "env:X", "clients": "10.1.0.0/99"})


def test_a_secret_written_in_the_settings_is_refused() -> None:
    with pytest.raises(BadLink, match="must name the secret, not hold it"):
        link_of("radius", {"secret": "testing123"})
    with pytest.raises(BadLink, match="secret is missing"):
        link_of("radius", {})


# --- with FreeRADIUS's own client

needs_radclient = pytest.mark.skipif(
    shutil.which("radclient") is None and not os.environ.get("CI"),
    reason="radclient (freeradius-utils) is not installed",
)


def radclient(port: int, text: str, *, secret: str = SECRET, timeout: str = "2") -> subprocess.CompletedProcess[str]:
    """Plays accounting requests, one a paragraph, as a NAS would."""
    command = ["radclient", "-x", "-r", "2", "-t", timeout, f"127.0.0.1:{port}", "acct", secret]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)


def paragraph(status: str, **fields: object) -> str:
    said = {"Acct-Status-Type": status, "Acct-Session-Id": '"81a"', "User-Name": '"ana"', **fields}
    return ", ".join(f"{name} = {value}" for name, value in said.items()) + "\n\n"


@needs_radclient
def test_radclient_is_answered_and_its_session_is_charged_once(home: Path, db: None) -> None:
    # The Interim-Update is replaced by the Stop: 1 + 2 million octets at 0.50 a million = 1.50.
    stop = {"Acct-Session-Time": 61, "Acct-Input-Octets": 1_000_000, "Acct-Output-Octets": 2_000_000}
    text = (
        paragraph("Start")
        + paragraph("Interim-Update", **{"Acct-Session-Time": 30, "Acct-Input-Octets": 500_000})
        + paragraph("Stop", **stop)
    )

    async def nas(receiver: Receiver, data: bytes) -> None:
        assert receiver.bound_port is not None
        done = await asyncio.to_thread(radclient, receiver.bound_port, data.decode())
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.count("Received Accounting-Response") == 3

    rows = through(
        home,
        "radius",
        text.encode(),
        transport="radius",
        extensions=["ana"],
        link={"secret": "env:RADIUS_SECRET"},
        peer=nas,
        options={"access_point": "internet"},
        rates="prefix,zone,kind,price,per\n?internet,fixe,data,0.50,1000000\n",
    )
    assert [(row["account"], row["kind"], row["units"], row["amount_micros"]) for row in rows] == [
        ("acme", "data", 3_000_000, 1_500_000)
    ]
    said = dict(SourceEvent.objects.filter(noticed=False).values_list("kind", "text"))
    assert said["interim"].startswith("replaced by a later record of ")


@needs_radclient
def test_radclient_with_another_secret_gets_nothing(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        port = world.receiver.bound_port
        assert port is not None
        done = await asyncio.to_thread(radclient, port, paragraph("Stop"), secret="guess", timeout="0.5")
        assert done.returncode != 0
        assert "No reply" in done.stdout + done.stderr

    (world := World(tmp_path)).play(story)
    assert world.received() == []
