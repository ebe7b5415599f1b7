"""TCP, either way: the PBX connects to us, or we connect to it."""

from __future__ import annotations

import asyncio
import errno
import socket
import time

from ardoise.collect.links import BadLink
from ardoise.collect.receive import READ_BYTES, Ended, Feed, Receiver, peer_of
from ardoise.collect.waiting import Pauses, sleep
from ardoise.collect.wording import Said
from ardoise.formats.spec import Format

CLIENTS_MAX = 16
CONNECT_S = 10.0
SHORT_S = 5.0  # a PBX that hangs up earlier without a byte did not want us


class Listener(Receiver):
    """The PBX connects to us (Avaya IP Office in send mode); several clients at once."""

    listens = True

    async def run(self, stop: asyncio.Event) -> None:
        self.begin()
        server = await self._listen(stop)
        if server is None:
            return
        self._tasks: set[asyncio.Task[Ended]] = set()
        async with server:
            self.bound_port = server.sockets[0].getsockname()[1]
            self.say("event", f"Listening on port {self.bound_port}")
            await stop.wait()
            server.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self, stop: asyncio.Event) -> asyncio.Server | None:
        """Bind, trying again while the port is taken."""
        pauses = Pauses()
        said = ""
        while not stop.is_set():
            try:
                return await asyncio.start_server(
                    lambda reader, writer: self._accept(reader, writer, stop),
                    self.feed.host or None,
                    self.feed.port,
                    limit=READ_BYTES,
                    family=socket.AF_INET if not self.feed.host else socket.AF_UNSPEC,
                )
            except OSError as error:
                why = _why_not_listening(error, self.feed)
                if why != said:
                    self.say("alarm", why)
                said = why
                await sleep(pauses.next(), stop)
        return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        if len(self.open_streams) >= CLIENTS_MAX:
            self.say("alarm", Said("too_many_clients", peer=peer_of(writer), most=CLIENTS_MAX))
            writer.close()
            return
        task = asyncio.create_task(self.take(reader, writer, stop))
        self._tasks.add(task)
        await asyncio.wait({task})
        self._tasks.discard(task)
        if (error := task.exception()) is not None:
            self.say("alarm", f"The connection of {peer_of(writer)} was ended by an error of ours: {error!r}")


class Dialer(Receiver):
    """We connect to the PBX (Mitel 3300, port 1752); its controllers are tried in turn, the first one preferred."""

    async def run(self, stop: asyncio.Event) -> None:
        self.begin()
        pauses = Pauses()
        while not stop.is_set():
            if await self._round(stop):
                pauses = Pauses()
            await sleep(pauses.next(), stop)

    async def _round(self, stop: asyncio.Event) -> bool:
        """Try each address until one serves us, and stay with it as long as it does; whether one did.

        A PBX that accepts and hangs up at once is not worth a faster attempt.
        """
        whys = []
        for host, port in addresses(self.feed.host, self.feed.port):
            why = await self._attempt(host, port, stop)
            if not why or stop.is_set():
                self._said = ""
                return True
            whys.append(why)
        text = whys[0] if len(whys) == 1 else "; ".join(whys)
        if text != self._said:
            self.say("alarm", text)
            self._said = text
        return False

    _said = ""  # the alarm that holds: it is not said again at each attempt

    async def _attempt(self, host: str, port: int, stop: asyncio.Event) -> str:
        """One connection to its end; "" when it served us, else why it did not."""
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port, limit=READ_BYTES), CONNECT_S)
        except (OSError, TimeoutError) as error:
            return _why_not_connected(error, host, port)
        began = time.monotonic()
        try:
            ended = await self.take(reader, writer, stop)
        except BadLink as error:
            writer.close()
            return str(error)
        if ended.served:
            return ""
        if not ended.bytes and time.monotonic() - began < SHORT_S:
            return _why_hung_up(host, port, self.feed.format)
        return f"{host} port {port}: {ended.why}"


def addresses(hosts: str, port: int) -> list[tuple[str, int]]:
    """Read "10.0.0.1, 10.0.0.2:1753": each host with its port, or the common one. IPv6 in brackets."""
    found = []
    for text in (part.strip() for part in hosts.split(",")):
        host, colon, own = text.rpartition(":")
        if colon and own.isdecimal() and (":" not in host or host.startswith("[")):
            found.append((host.strip("[]"), int(own)))
        elif text:
            found.append((text.strip("[]"), port))
    return found


def _why_not_listening(error: OSError, feed: Feed) -> str:
    if error.errno == errno.EADDRINUSE:
        return Said("port_taken", port=feed.port)
    if error.errno == errno.EACCES:
        return Said("port_rights", port=feed.port)
    if error.errno == errno.EADDRNOTAVAIL:
        return Said("not_our_address", host=feed.host)
    return Said("cannot_listen", host=feed.host or "*", port=feed.port, why=str(error.strerror or error))


def _why_not_connected(error: OSError | TimeoutError, host: str, port: int) -> str:
    if isinstance(error, ConnectionRefusedError):
        return Said("port_refused", host=host, port=port)
    if isinstance(error, TimeoutError):
        return Said("no_answer", host=host, port=port)
    if isinstance(error, socket.gaierror):
        return Said("unknown_name", host=host)
    return Said("unreachable", host=host, port=port, why=str(error.strerror or error))


def _why_hung_up(host: str, port: int, format: Format) -> str:
    if format.spec.one_client:
        return Said("only_place_taken", host=host, port=port)
    return Said("hung_up", host=host, port=port)
