"""Posts over real HTTP: proven, whole, written before they are answered; several sources behind one port."""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import hmac
import json
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ardoise.collect import webhook
from ardoise.collect.commits import Commits
from ardoise.collect.links import BadLink, link_of
from ardoise.collect.receive import Feed, Receiver
from ardoise.collect.webhook import Webhook
from ardoise.formats.yeastar import FORMAT as YEASTAR
from ardoise.store.journal import Journal, JournalFull, Kind
from stage.collect.through import through
from unit.collect.agent_world import make_certificate

SECRET = "kPsQ7wWk2o9vYt4mZx1cRb6nHd3jLf8g"
NOW = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


def event(call_id: str = "1791184353.1", **fields: object) -> bytes:
    """A (30012) New CDR event, as the developer guide shows it: msg is JSON in a text."""
    msg = {
        "call_id": call_id,
        "time_start": "2026-10-05 09:12:33",
        "call_from": "2005",
        "call_to": "0612345678",
        "call_duration": 65,
        "talk_duration": 61,
        "src_trunk_name": " ",
        "dst_trunk_name": "SIP",
        "pin_code": " ",
        "status": "ANSWERED",
        "type": "Outbound",
        "recording": " ",
        "did_number": " ",
        "agent_ring_time": 0,
        "uid": f"u{call_id}",
    }
    return json.dumps({"type": 30012, "sn": "3631A2124XXX", "msg": json.dumps(msg | fields)}).encode()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"X-Signature": base64.b64encode(digest).decode()}


class World:
    """Webhooks of some sources on one port, and what was noticed."""

    def __init__(self, folder: Path, *paths: str, port: int = 0, **link: str) -> None:
        self.notices: list[tuple[str, str, str]] = []
        self.journals = {f"s{n}": Journal(folder, f"s{n}") for n, _ in enumerate(paths or ("/",))}
        self.commits = Commits(self.journals, notice=self.notice, clock=lambda: NOW)
        self.hooks = []
        for code, path in zip(self.journals, paths or ("/",), strict=True):
            said = {"secret": "env:HOOK_SECRET", "proof": "yeastar", "path": path, **link}
            feed = Feed(code, YEASTAR, {}, "127.0.0.1", port, link=link_of("webhook", said))
            self.hooks.append(Webhook(feed, self.commits, notice=self.notice, clock=lambda: NOW))

    def notice(self, source: str, kind: str, text: str, at: datetime) -> None:
        self.notices.append((source, kind, text))

    def alarms(self) -> list[str]:
        return [text for _, kind, text in self.notices if kind == "alarm"]

    def received(self, source: str = "s0") -> list[bytes]:
        return [entry.payload for entry in self.journals[source].read() if entry.kind is Kind.BYTES]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.hooks[0].bound_port}"

    def play(self, story: Callable[[World, httpx.AsyncClient], Awaitable[None]]) -> None:
        async def run() -> None:
            stop, ended = asyncio.Event(), asyncio.Event()
            rounds = asyncio.create_task(self.commits.run(ended))
            running = [asyncio.create_task(hook.run(stop)) for hook in self.hooks]
            try:
                async with asyncio.timeout(10):
                    while self.hooks[0].bound_port is None:
                        await asyncio.sleep(0.01)
                async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
                    await asyncio.wait_for(story(self, client), 30)
            finally:
                stop.set()
                await asyncio.gather(*running)
                ended.set()
                await rounds
                await self.commits.flush()
                self.commits.close()

        asyncio.run(run())


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)


def test_a_signed_post_is_answered_once_it_is_in_the_journal(tmp_path: Path) -> None:
    async def story(world: World, client: httpx.AsyncClient) -> None:
        for body in (event("1"), event("2")):  # on one connection
            answer = await client.post(world.url + "/", content=body, headers=signed(body))
            assert (answer.status_code, answer.text) == (200, "written\n")
            assert world.received()[-1] == body
        assert world.received() == [event("1"), event("2")]

    World(tmp_path).play(story)


@pytest.mark.parametrize(
    ("headers", "proof"),
    [({}, "signature"), (signed(event(), "another secret"), "signature"), (signed(b"another body"), "signature")],
)
def test_a_post_that_is_not_signed_is_refused_and_said_once(
    tmp_path: Path, headers: dict[str, str], proof: str
) -> None:
    async def story(world: World, client: httpx.AsyncClient) -> None:
        for _ in range(2):
            answer = await client.post(world.url + "/", content=event(), headers=headers)
            assert (answer.status_code, answer.text) == (401, f"no good {proof}\n")
        assert world.received() == []

    (world := World(tmp_path)).play(story)
    assert world.alarms() == [f"127.0.0.1 posted without a good {proof}: refused"]


@pytest.mark.parametrize(
    ("link", "headers"),
    [
        ({"proof": "bearer"}, {"Authorization": f"Bearer {SECRET}"}),
        ({"proof": "basic"}, {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}),
        (
            {"proof": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256="},
            {"X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), event(), "sha256").hexdigest()},
        ),
        (
            {"proof": "hmac", "algorithm": "sha512", "encoding": "base64"},
            {"X-Signature": base64.b64encode(hmac.new(SECRET.encode(), event(), "sha512").digest()).decode()},
        ),
    ],
)
def test_other_proofs(tmp_path: Path, link: dict[str, str], headers: dict[str, str]) -> None:
    async def story(world: World, client: httpx.AsyncClient) -> None:
        answer = await client.post(world.url + "/", content=event(), headers=headers)
        assert answer.status_code == 200
        wrong = {name: value[:-3] + "AAA" for name, value in headers.items()}
        assert (await client.post(world.url + "/", content=event(), headers=wrong)).status_code == 401

    (world := World(tmp_path, **link)).play(story)
    assert world.received() == [event()]


def test_what_cannot_be_taken_is_answered_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "BODY_BYTES_MAX", 10_000)

    async def story(world: World, client: httpx.AsyncClient) -> None:
        large = b"x" * 200_000
        assert (await client.post(world.url + "/", content=large, headers=signed(large))).status_code == 413
        assert (await client.post(world.url + "/other", content=event(), headers=signed(event()))).status_code == 404
        got = await client.get(world.url + "/")
        assert (got.status_code, got.headers["allow"]) == (405, "POST")
        assert (await client.post(world.url + "/", content=b"", headers=signed(b""))).status_code == 400
        assert world.received() == []

    World(tmp_path).play(story)


def test_a_full_disk_is_answered_503_and_the_next_post_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardoise.collect.commits.ACKNOWLEDGE_S", 0.5)
    full = True
    body = event()

    async def story(world: World, client: httpx.AsyncClient) -> None:
        writer = world.commits.writer("s0")
        true_append = writer.append

        def append(arrivals: Any) -> Any:
            if full:
                raise JournalFull(errno.ENOSPC, "No room left", "journal")
            return true_append(arrivals)

        monkeypatch.setattr(writer, "append", append)
        for _ in range(2):
            answer = await client.post(world.url + "/", content=body, headers=signed(body))
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        room_again()
        while (await client.post(world.url + "/", content=body, headers=signed(body))).status_code != 200:
            await asyncio.sleep(0.1)
        assert world.received() == [body]  # what was handed over before the answer 503 is not written twice

    def room_again() -> None:
        nonlocal full
        full = False

    World(tmp_path).play(story)


def test_sources_share_a_port_by_their_paths(tmp_path: Path) -> None:
    async def story(world: World, client: httpx.AsyncClient) -> None:
        while any(hook.bound_port is None for hook in world.hooks[:2]):
            await asyncio.sleep(0.01)
        for n in (0, 1):
            body = event(str(n))
            answer = await client.post(f"{world.url}/site-{n}", content=body, headers=signed(body))
            assert answer.status_code == 200
        assert (world.received("s0"), world.received("s1")) == ([event("0")], [event("1")])
        while not world.alarms():
            await asyncio.sleep(0.01)

    (world := World(tmp_path, "/site-0", "/site-1", "/site-1", port=free_port())).play(story)
    assert any("the path /site-1 belongs to source s1: choose another" in text for text in world.alarms())


def test_what_is_no_http_harms_nobody(tmp_path: Path) -> None:
    async def story(world: World, client: httpx.AsyncClient) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.hooks[0].bound_port)
        writer.write(b"SMDR\r\n\r\n\x00\x01")
        assert b" 400 " in await reader.read()
        writer.close()
        cut = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n" + event()[:100]
        _, writer = await asyncio.open_connection("127.0.0.1", world.hooks[0].bound_port)
        writer.write(cut)
        writer.close()
        answer = await client.post(world.url + "/", content=event(), headers=signed(event()))
        assert answer.status_code == 200
        assert world.received() == [event()]  # a body cut short is nothing

    World(tmp_path).play(story)


def test_posts_over_tls_of_our_own(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)

    async def story(world: World, client: httpx.AsyncClient) -> None:
        trusting = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(trust_env=False, verify=trusting) as secure:
            url = world.url.replace("http:", "https:") + "/"
            assert (await secure.post(url, content=event(), headers=signed(event()))).status_code == 200
        with pytest.raises(httpx.HTTPError):
            await client.post(world.url + "/", content=event(), headers=signed(event()))

    (world := World(tmp_path / "journal", certificate=str(certificate), key=str(key))).play(story)
    assert world.received() == [event()]


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ({"secret": "env:X"}, "proof is missing"),
        ({"secret": "env:X", "proof": "trust"}, "not one of yeastar, hmac, bearer"),
        ({"secret": "env:X", "proof": "bearer", "path": "site"}, "must begin with /"),
        ({"proof": "bearer"}, "secret is missing"),
        ({"secret": "env:X", "proof": "bearer", "sekret": "1"}, "has no 'sekret'"),
    ],
)
def test_settings_that_say_nothing_are_refused(link: dict[str, str], why: str) -> None:
    with pytest.raises(BadLink, match=why):
        link_of("webhook", link)


def test_a_yeastar_event_is_charged_once_however_often_it_is_posted(home: Path, db: None) -> None:
    # 61 s to a mobile: two started minutes at 0.12
    async def pbx(receiver: Receiver, data: bytes) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for _ in range(2):
                url = f"http://127.0.0.1:{receiver.bound_port}/yeastar"
                assert (await client.post(url, content=data, headers=signed(data))).status_code == 200

    link = {"secret": "env:HOOK_SECRET", "proof": "yeastar", "path": "/yeastar"}
    rows = through(home, "yeastar", event(), transport="webhook", extensions=["2005"], link=link, peer=pbx, again=1)
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
