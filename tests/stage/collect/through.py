"""Bytes of a format through its real transport to priced charges: sockets, journal, parse, rating, on a real database.

    charges = through(home, "mitel_3300", line, transport="tcp_client", extensions=["214"])
    assert [(row["account"], row["amount_micros"]) for row in charges] == [("acme", 240_000)]

The company is the one of stage/company.py (landlines 0.02 a minute by the second, mobiles 0.12 a started minute), with
one customer, acme, that holds every extension and number named. Where a transport needs a peer of its own,
`peer` is what plays it: it returns when all was said.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ardoise.collect import operations
from ardoise.collect.batch import journal_of
from ardoise.collect.commits import Commits
from ardoise.collect.models import Source
from ardoise.collect.queries import folder_of
from ardoise.collect.receive import Receiver
from ardoise.collect.service import feed_of
from ardoise.collect.ways import receiver_of
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Account
from ardoise.formats.spec import TalkingFormat
from faults.collect.collector_process import free_port
from stage.company import MONTH, RATES, Company, charges, voxa

Peer = Callable[[Receiver, bytes], Awaitable[None]]


def through(
    home: Path,
    format: str,
    data: bytes,
    *,
    transport: str,
    extensions: Sequence[str] = (),
    numbers: Sequence[str] = (),
    options: Mapping[str, str] | None = None,
    link: Mapping[str, str] | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    peer: Peer | None = None,
    month: str = MONTH,
    rates: str = RATES,
    arrived_at: datetime = datetime(2026, 10, 31, 12, tzinfo=UTC),
    replaced: int = 0,
    again: int = 0,
    **fields: str,
) -> list[dict[str, Any]]:
    """The charges of the month, each with the code of its `account`.

    What is left in quarantine fails the test, but for the records that later ones of the same id `replaced`, and those
    that came `again`.
    """
    company = _company(home, extensions, numbers)
    company.files["tariffs/public-2026-01-01.csv"] = rates
    port = port or free_port()
    if transport == "files":
        settings: dict[str, object] = {}
    else:
        settings = {"host": host, "port": port}
    company.files["sources.toml"] = _source(
        format=format, transport=transport, options=options or {}, link=link or {}, **settings, **fields
    )
    company.load()
    source = operations.source_of("pbx")
    if transport == "files":
        folder_of(source).mkdir(parents=True, exist_ok=True)
        (folder_of(source) / "calls.txt").write_bytes(data)
        operations.collect_once(now=arrived_at)
    else:
        receive(source, data, peer or PEERS[transport], arrived_at=arrived_at)
        operations.parse(source="pbx", now=arrived_at)
    operations.close_waiting(source="pbx", now=arrived_at)
    bad = [(one.reason, one.detail) for one in source.quarantined.all()]
    assert [one for one in bad if one[0] not in ("superseded", "duplicate")] == []
    assert [[reason for reason, _ in bad].count(name) for name in ("superseded", "duplicate")] == [replaced, again]
    company.rate(month)
    codes = dict(Account.objects.values_list("id", "code"))
    return [row | {"account": codes[row[CHARGES.account_id]]} for row in charges(month=month).to_dicts()]


def receive(source: Source, data: bytes, peer: Peer, *, arrived_at: datetime) -> list[tuple[str, str]]:
    """Run the real receiver of a source while a peer plays; returns what was noticed as (kind, text)."""
    noticed: list[tuple[str, str]] = []

    def notice(code: str, kind: str, text: str, at: datetime) -> None:
        noticed.append((kind, text))

    async def run() -> None:
        commits = Commits({source.code: journal_of(source.code)}, notice=notice, clock=lambda: arrived_at)
        receiver = receiver_of(source.transport)(feed_of(source), commits, notice=notice, clock=lambda: arrived_at)
        stop, flushed = asyncio.Event(), asyncio.Event()
        rounds = asyncio.create_task(commits.run(flushed))
        running = asyncio.create_task(receiver.run(stop))
        try:
            async with asyncio.timeout(20):
                while receiver.listens and receiver.bound_port is None:
                    await asyncio.sleep(0.01)
                await peer(receiver, data)
                while receiver.open_streams or commits.unwritten():
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            raise AssertionError(f"not all was received in time; noticed: {noticed}") from error
        finally:
            stop.set()
            await running
            flushed.set()
            await rounds
            await commits.flush()
            commits.close()

    asyncio.run(run())
    return noticed


async def connects(receiver: Receiver, data: bytes) -> None:
    """The PBX connects to us, sends, hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", receiver.bound_port)
    writer.write(data)
    await writer.drain()
    writer.close()
    with suppress(OSError):
        await reader.read()
    await asyncio.sleep(0.05)


async def answers(receiver: Receiver, data: bytes) -> None:
    """The PBX waits for us, greets us as its format says, sends, hangs up once all was taken."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if done.is_set():
            writer.close()
            return
        if isinstance(receiver.feed.format, TalkingFormat):
            pbx = receiver.feed.format.other_side(receiver.feed.options, receiver.feed.link.login())
            writer.write(pbx.opened())
            while not pbx.established:
                writer.write(pbx.received(await reader.read(4096)))
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.2)  # it reads what was sent before the end of the connection
        writer.close()
        done.set()

    server = await asyncio.start_server(serve, "127.0.0.1", receiver.feed.port, family=socket.AF_INET)
    try:
        await done.wait()
        await asyncio.sleep(0.1)
    finally:
        server.close()


PEERS: dict[str, Peer] = {"tcp_server": connects, "tcp_client": answers}


def _company(home: Path, extensions: Sequence[str], numbers: Sequence[str]) -> Company:
    company = voxa(home)
    company.customer("acme")
    for number in numbers:
        company.line(number, "acme")
    for extension in extensions:
        code = f"P{extension}"
        company.add("lines", {"code": code, "name": "", "ended_date": ""})
        company.add("assignments", {"line": code, "account": "acme", "valid_from_date": ""})
        company.add("identifiers", {"kind": "extension", "value": extension, "line": code, "valid_from_date": ""})
    return company


def _source(**settings: object) -> str:
    """The only source, as a plain file says it."""
    said = {"code": "pbx", "name": "PBX", "issuer": "voxa"} | {
        name: value for name, value in settings.items() if value or name == "port"
    }
    lines = ["[[source]]"]
    for name, value in said.items():
        if isinstance(value, Mapping):
            pairs = ", ".join(f"{key} = {json.dumps(text)}" for key, text in value.items())
            lines.append(f"{name} = {{ {pairs} }}")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"
