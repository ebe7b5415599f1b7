"""Two machines: a site with its journal, and the central collector, with a certificate made on the spot."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ardoise.collect.agent.central import AgentReceiver
from ardoise.collect.agent.push import Pusher
from ardoise.collect.agent.settings import AgentSettings
from ardoise.collect.commits import Commits
from ardoise.collect.links import Link
from ardoise.collect.receive import Feed
from ardoise.collect.redaction import Protection
from ardoise.formats.avaya_ipoffice import FORMAT
from ardoise.store.blobs import Blobs
from ardoise.store.journal import Arrival, Entry, Journal, Kind

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
TOKEN = "e7c1-not-a-real-token"


def make_certificate(folder: Path, name: str = "central") -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, as an installer makes one with openssl."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=central"
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *how.split(), *named], check=True, capture_output=True)
    return certificate, key


def fingerprint_of(certificate: Path) -> str:
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()


@dataclass
class Machines:
    folder: Path
    certificate: Path
    key: Path
    said: list[tuple[str, str, str]] = field(default_factory=list)
    sources: tuple[str, ...] = ("pbx",)
    protection: Protection = field(default_factory=Protection)

    @classmethod
    def make(cls, folder: Path, **fields: object) -> Machines:
        (folder / "token").write_text(TOKEN + "\n")
        return cls(folder, *make_certificate(folder), **fields)  # type: ignore[arg-type]

    def site(self, source: str = "pbx") -> Journal:
        return Journal(self.folder / "site" / "journal", source)

    def centre(self, source: str = "pbx") -> Journal:
        return Journal(self.folder / "centre" / "journal", source)

    def collect(self, *arrivals: Arrival, source: str = "pbx") -> None:
        """The site's own collector writes."""
        with self.site(source).writer() as writer:
            for arrival in arrivals:
                writer.append([arrival])

    def arrived(self, source: str = "pbx") -> list[Entry]:
        return [entry for entry in self.centre(source).read() if entry.kind is not Kind.MARK]

    def said_by(self, kind: str) -> list[str]:
        return [text for _, said, text in self.said if said == kind]

    @asynccontextmanager
    async def central(self) -> AsyncIterator[int]:
        """The central collector, until the block ends; yields its port."""
        stop, flushed = asyncio.Event(), asyncio.Event()
        notice = lambda source, kind, text, at: self.said.append((source, kind, text))  # noqa: E731
        commits = Commits({s: self.centre(s) for s in self.sources}, notice=notice, clock=lambda: datetime.now(UTC))
        link = {"token": f"file:{self.folder / 'token'}", "certificate": str(self.certificate), "key": str(self.key)}
        receivers = []
        for source in self.sources:
            feed = Feed(source, FORMAT, {}, "127.0.0.1", 0, link=Link("agent", link), blobs=self.central_blobs())
            receiver = AgentReceiver(feed, commits, notice=notice, clock=lambda: datetime.now(UTC))
            receiver.protection = self.protection
            receivers.append(receiver)
        tasks = [asyncio.create_task(receiver.run(stop)) for receiver in receivers]
        tasks.append(asyncio.create_task(commits.run(flushed)))
        try:
            while any(receiver.bound_port is None for receiver in receivers):
                await asyncio.sleep(0.01)
            yield receivers[0].bound_port or 0
        finally:
            stop.set()
            flushed.set()
            await asyncio.gather(*tasks)
            await commits.flush()
            commits.close()

    def central_blobs(self) -> Blobs:
        return Blobs(self.folder / "centre" / "blobs")

    def settings(self, port: int, **fields: object) -> AgentSettings:
        tokens = dict.fromkeys(self.sources, f"file:{self.folder / 'token'}")
        known: dict[str, object] = {"ca": str(self.certificate), "tokens": tokens}
        return AgentSettings(host="127.0.0.1", port=port, **known | fields)  # type: ignore[arg-type]

    @asynccontextmanager
    async def agent(self, port: int, source: str = "pbx", **fields: object) -> AsyncIterator[Pusher]:
        stop = asyncio.Event()
        say = lambda source, kind, text: self.said.append((source, kind, text))  # noqa: E731
        pusher = Pusher(self.folder / "site", source, self.settings(port, **fields), said=say)
        task = asyncio.create_task(pusher.run(stop))
        try:
            yield pusher
        finally:
            stop.set()
            await task


def ticket(n: int) -> Arrival:
    return Arrival(NOON.replace(minute=n % 60, microsecond=n), 3, Kind.BYTES, f"ticket {n}\r\n".encode())


def contents(entries: list[Entry]) -> list[tuple[object, ...]]:
    """What must be the same on both sides, and in the same order."""
    return [(entry.arrived_at, entry.connection, entry.kind, entry.payload) for entry in entries]
