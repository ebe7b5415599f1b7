"""The agent of a site and its central collector, over real sockets and TLS: the same entries on both sides, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from ardoise.collect.agent import wire
from ardoise.collect.agent.protected import kept
from ardoise.collect.agent.push import Status, waiting
from ardoise.collect.agent.resuming import Mark, resuming
from ardoise.collect.agent.settings import BadAgentSettings, read
from ardoise.collect.redaction import ProtectedExtension, Protection
from ardoise.store.blobs import Blobs
from ardoise.store.journal import Arrival, Kind, ReceivedFile
from unit.collect.agent_world import NOON, TOKEN, Machines, contents, fingerprint_of, make_certificate, ticket


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines.make(tmp_path)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


def test_the_centre_has_the_entries_of_the_site_with_their_instants_and_connections(machines: Machines) -> None:
    async def story() -> None:
        opened = Arrival(NOON, 3, Kind.CONNECT, b"192.0.2.10:40001")
        machines.collect(opened, *(ticket(n) for n in range(1200)), Arrival(NOON, 3, Kind.DISCONNECT, b"closed"))
        async with machines.central() as port, machines.agent(port):
            await until(lambda: len(machines.arrived()) == 1202)
            machines.collect(ticket(2000))  # and goes on as they come
            await until(lambda: len(machines.arrived()) == 1203)
        assert contents(machines.arrived()) == contents(list(machines.site().read()))

    run(story)


def test_a_site_that_was_offline_sends_what_it_kept(machines: Machines) -> None:
    async def story() -> None:
        machines.collect(*(ticket(n) for n in range(5)))
        async with machines.agent(1) as pusher:  # nobody listens there
            await until(lambda: bool(machines.said_by("alarm")))
        assert "cannot be reached" in machines.said_by("alarm")[0]
        left = waiting(machines.site(), Status.load(machines.folder / "site", "pbx").acked)
        assert (left.entries, left.bytes, left.since) == (5, 5 * len("ticket 1\r\n"), ticket(0).arrived_at)
        assert not pusher.protection_known.is_set()
        async with machines.central() as port, machines.agent(port):
            await until(lambda: len(machines.arrived()) == 5)
        assert waiting(machines.site(), Status.load(machines.folder / "site", "pbx").acked).entries == 0

    run(story)


def test_connections_cut_anywhere_lose_and_double_nothing(machines: Machines) -> None:
    """A proxy that cuts after some bytes, again and again, a little later each time."""

    async def story() -> None:
        machines.collect(*(ticket(n) for n in range(300)))
        total = 0
        async with machines.central() as port:
            for cut in range(600, 60_000, 5003):
                async with cutting_proxy(port, cut) as proxy, machines.agent(proxy):
                    await asyncio.sleep(0.15)
                total += 1
            async with machines.agent(port):
                await until(lambda: len(machines.arrived()) >= 300)
        assert total > 10
        assert contents(machines.arrived()) == contents(list(machines.site().read()))

    run(story)


class cutting_proxy:  # noqa: N801 - reads as a verb
    """Passes bytes to a port of this machine, and hangs up on both sides after so many."""

    def __init__(self, port: int, cut: int) -> None:
        self._port, self._left = port, cut

    async def __aenter__(self) -> int:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)

        async def passing(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while (data := await source.read(997)) and self._left > 0:
                    target.write(data[: self._left])
                    self._left -= len(data)
                    await target.drain()
            writer.close()
            back.close()

        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(passing(*pair))
            self._tasks.add(task)


def test_what_was_written_without_its_mark_is_not_written_again(machines: Machines) -> None:
    async def story() -> None:
        machines.collect(*(ticket(n) for n in range(10)))
        async with machines.central() as port, machines.agent(port):
            await until(lambda: len(machines.arrived()) == 10)
        machines.collect(*(ticket(n) for n in range(10, 20)))
        with machines.centre().writer() as writer:  # a death between the entries and the mark: four of ten stand there
            writer.append([ticket(n) for n in range(10, 14)])
        blanked = list(machines.centre().read())[-1]  # and its numbers were forgotten since
        machines.centre().blank(blanked.position, b"ticket xx\r\n")
        async with machines.central() as port, machines.agent(port):
            await until(lambda: len(machines.arrived()) == 20)
        machines.site().blank(list(machines.site().read())[13].position, b"ticket xx\r\n")
        assert contents(machines.arrived()) == contents(list(machines.site().read()))

    run(story)


def test_a_source_that_came_by_another_way_before_is_no_reason_to_skip(machines: Machines) -> None:
    with machines.centre().writer() as writer:
        writer.append([ticket(n) for n in range(3)])
    found = resuming(machines.centre(), "some-journal")
    assert found.after == "" and not found.is_here(ticket(7)) and not found.is_here(ticket(0))


def test_two_journals_of_one_source_are_followed_apart(machines: Machines) -> None:
    with machines.centre().writer(segment_bytes=200) as writer:  # marks in several segments
        for n in range(30):
            writer.append([ticket(n), Arrival(NOON, 0, Kind.MARK, Mark("old", f"1:{n}").payload())])
        for n in range(30):
            writer.append([ticket(n), Arrival(NOON, 0, Kind.MARK, Mark("new", f"2:{n}").payload())])
    assert [resuming(machines.centre(), name).after for name in ("old", "new", "other")] == ["1:29", "2:29", ""]


def test_files_arrive_before_the_entries_that_name_them(machines: Machines) -> None:
    async def story() -> None:
        data = bytes(range(256)) * 10_000  # in three pieces
        with machines.site().writer() as writer:
            writer.append_file(Blobs(machines.folder / "site" / "blobs"), name="a.csv", data=data, arrived_at=NOON)
            writer.append_file(Blobs(machines.folder / "site" / "blobs"), name="none.csv", data=b"", arrived_at=NOON)
        async with machines.central() as port, machines.agent(port):
            await until(lambda: len(machines.arrived()) == 2)
        received = [ReceivedFile.of(entry) for entry in machines.arrived()]
        assert [one.name for one in received] == ["a.csv", "none.csv"]
        assert [machines.central_blobs().get(one.digest) for one in received] == [data, b""]

    run(story)


def test_the_certificate_is_checked_before_the_token_is_shown(machines: Machines, tmp_path: Path) -> None:
    async def story() -> None:
        other, _ = make_certificate(tmp_path, "other")
        machines.collect(ticket(1))
        async with machines.central() as port:
            async with machines.agent(port, ca=str(other)):
                await until(lambda: any("cannot be reached" in text for text in machines.said_by("alarm")))
            async with machines.agent(port, ca="", fingerprint=fingerprint_of(other)):
                await until(lambda: any("not the one pinned" in text for text in machines.said_by("alarm")))
            assert machines.arrived() == []
            async with machines.agent(port, ca="", fingerprint=fingerprint_of(machines.certificate)):
                await until(lambda: len(machines.arrived()) == 1)

    run(story)


def test_another_token_opens_nothing(machines: Machines) -> None:
    async def story() -> None:
        (machines.folder / "wrong").write_text("guess")
        machines.collect(ticket(1))
        tokens = {"pbx": f"file:{machines.folder / 'wrong'}"}
        async with machines.central() as port, machines.agent(port, tokens=tokens):
            await until(lambda: any("another token" in text for text in machines.said_by("alarm")))
        assert machines.arrived() == []

    run(story)


def test_one_port_serves_several_sources(tmp_path: Path) -> None:
    machines = Machines.make(tmp_path, sources=("pbx", "fax"))

    async def story() -> None:
        machines.collect(ticket(1))
        machines.collect(ticket(2), source="fax")
        async with machines.central() as port, machines.agent(port), machines.agent(port, source="fax"):
            await until(lambda: len(machines.arrived()) == len(machines.arrived("fax")) == 1)
        assert machines.arrived("fax")[0].payload == b"ticket 2\r\n"

    run(story)


def test_the_agent_learns_which_extensions_are_protected_before_it_receives(tmp_path: Path) -> None:
    elected = ProtectedExtension("214", date(2026, 1, 1), None)
    machines = Machines.make(tmp_path, protection=Protection([elected]))

    async def story() -> None:
        async with machines.central() as port, machines.agent(port) as pusher:
            await pusher.protection_known.wait()
        assert kept(machines.folder / "site", "pbx") == [elected]

    run(story)


def test_what_no_agent_says_is_hung_up_on_and_told(machines: Machines) -> None:
    async def story() -> None:
        hello = {"hello": 1, "source": "pbx", "token": TOKEN, "journal": "j"}
        async with machines.central() as port:
            context = machines.settings(port).context()
            for head, body in (
                ({"entry": "1:1", "kind": 5, "at_us": 0, "connection": 0}, b"x"),
                ({"entry": "1:1", "kind": 1, "at_us": "never", "connection": 0}, b"x"),
                ({"entry": "1:1", "kind": 2, "at_us": 0, "connection": 0}, b'{"sha256": "none"}'),
                ({"mark": "far away"}, b""),
                ({"blob": "0" * 64, "last": True}, b"other bytes"),
                ({"thanks": 1}, b""),
            ):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                writer.write(wire.packed(hello) + wire.packed(head, body))
                welcome, _ = await wire.receive(reader)
                assert welcome == {"resume": "", "protected": []}
                assert await reader.read() == b""
                writer.close()
        assert machines.arrived() == []
        assert len([text for text in machines.said_by("alarm") if "nobody understands" in text]) == 6

    run(story)


def test_noise_on_the_port_is_hung_up_on(machines: Machines) -> None:
    async def story() -> None:
        async with machines.central() as port:
            context = machines.settings(port).context()
            for noise in (b"GET / HTTP/1.1\r\n\r\n", wire.packed({"hello": 2}), wire.packed({"mark": "1:1"})):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
                writer.write(noise)
                assert await reader.read() == b""
                writer.close()
        assert machines.arrived() == []

    run(story)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "two tables"),
        ("[central]\naddress='a'\n[tokens]\npbx='env:T'", "HOST:PORT"),
        ("[central]\naddress='a:1'\n[tokens]\npbx='secret'", "must be named"),
        ("[central]\naddress='a:1'\ncertificate='x'\n[tokens]\npbx='env:T'", "has no certificate"),
        ("[central]\naddress='a:1'\nfingerprint='12'\n[tokens]\npbx='env:T'", "64 hexadecimal"),
    ],
)
def test_settings_that_say_nothing_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "agent.toml").write_text(text)
    with pytest.raises(BadAgentSettings, match=said):
        read(tmp_path / "agent.toml")
    with pytest.raises(BadAgentSettings, match="does not exist"):
        read(tmp_path / "nowhere.toml")
