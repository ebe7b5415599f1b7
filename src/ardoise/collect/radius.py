"""RADIUS accounting (RFC 2866): packets over UDP, answered only once they are on the disk.

The NAS sends a packet again until it is answered: that is the protocol's own way of losing nothing. A packet whose
Request Authenticator does not fit the shared secret is dropped without an answer, as the RFC asks, and is said once a
peer. What came a moment ago and comes again (RFC 5080, 2.2.2) gets the same answer and is not journalled twice; one
that comes again after a restart of ours is told by the identity of its session.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import OrderedDict
from typing import cast

from pyrad.packet import AccountingRequest, AcctPacket, PacketError, StatusServer

from ardoise.collect.links import BadLink
from ardoise.collect.receive import Receiver
from ardoise.collect.waiting import Pauses, sleep
from ardoise.collect.wording import Said, said_by
from ardoise.formats.radius.wire import LARGEST_PACKET_BYTES, with_timestamp

ANSWERS_KEPT = 4096  # of the last packets, for those that come again
PEERS_SAID_MAX = 64  # peers refused, each said once

Peer = tuple[str, int]
Request = tuple[Peer, int, bytes]  # who, packet id, Request Authenticator


class RadiusServer(Receiver):
    """An accounting server of one source."""

    listens = True

    async def run(self, stop: asyncio.Event) -> None:
        self._answers: OrderedDict[Request, bytes] = OrderedDict()  # b"" while the disk has not answered
        self._refused: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._secret_was_missing = False
        self.begin()
        transport = await self._listen(stop)
        if transport is None:
            return
        self.bound_port = transport.get_extra_info("sockname")[1]
        self.say("event", f"Listening for accounting on UDP port {self.bound_port}")
        await stop.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)
        transport.close()

    async def _listen(self, stop: asyncio.Event) -> asyncio.DatagramTransport | None:
        """Bind, trying again while the port is taken."""
        pauses, said = Pauses(), False
        loop = asyncio.get_running_loop()
        address = (self.feed.host or "0.0.0.0", self.feed.port)
        while not stop.is_set():
            try:
                transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=address)
                return transport
            except OSError as error:
                if not said:
                    why = error.strerror or str(error)
                    self.say("alarm", Said("cannot_listen", host=self.feed.host or "UDP", port=self.feed.port, why=why))
                said = True
                await sleep(pauses.next(), stop)
        return None

    def came(self, data: bytes, peer: Peer, transport: asyncio.DatagramTransport) -> None:
        """One datagram: check it, then answer it when it is written."""
        packet = self._checked(data, peer)
        if packet is None:
            return
        request = (peer, packet.id, bytes(packet.authenticator))
        if request in self._answers:
            if answer := self._answers[request]:
                transport.sendto(answer, peer)
            return  # otherwise it is being written: the answer follows
        if packet.code == StatusServer:
            transport.sendto(packet.CreateReply().ReplyPacket(), peer)
            return
        if not self._commits.has_room(self.feed.source):
            return  # the disk does not follow: it comes again
        self._remember(request, b"")
        data = data[: int.from_bytes(data[2:4], "big")]  # what follows is padding
        self.post(with_timestamp(data, int(self._clock().timestamp())))
        task = asyncio.create_task(self._acknowledge(packet, request, transport))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _acknowledge(self, packet: AcctPacket, request: Request, transport: asyncio.DatagramTransport) -> None:
        if not await self.on_disk():
            self._answers.pop(request, None)  # not written: it is taken again when it comes again
            return
        answer = packet.CreateReply().ReplyPacket()
        self._remember(request, answer)
        if not transport.is_closing():
            transport.sendto(answer, request[0])

    def _remember(self, request: Request, answer: bytes) -> None:
        self._answers[request] = answer
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)

    def _checked(self, data: bytes, peer: Peer) -> AcctPacket | None:
        """The packet, if it is one and its sender knows the secret; otherwise it was said why not."""
        if not self._is_client(peer[0]):
            self._say_refused(Said("radius_client", peer=peer[0]), peer)
            return None
        try:
            secret = self.feed.link.secret("secret").encode()
        except BadLink as error:
            if not self._secret_was_missing:
                self.say("alarm", said_by(error))
            self._secret_was_missing = True
            return None
        self._secret_was_missing = False
        try:
            packet = AcctPacket(packet=data[:LARGEST_PACKET_BYTES], secret=secret)
        except PacketError as error:
            self._say_refused(Said("radius_packet", peer=peer[0], why=str(error)), peer)
            return None
        if packet.code not in (AccountingRequest, StatusServer):
            self._say_refused(Said("radius_code", peer=peer[0], number=packet.code), peer)
        elif not packet.VerifyAcctRequest():
            self._say_refused(Said("radius_secret", peer=peer[0]), peer)
        else:
            self._refused.discard(peer[0])
            return packet
        return None

    def _is_client(self, address: str) -> bool:
        clients = [text.strip() for text in self.feed.link.text("clients").split(",") if text.strip()]
        return not clients or any(ipaddress.ip_address(address) in ipaddress.ip_network(text) for text in clients)

    def _say_refused(self, why: Said, peer: Peer) -> None:
        """Said once a peer, until a good packet of it comes."""
        if peer[0] not in self._refused and len(self._refused) < PEERS_SAID_MAX:
            self.say("alarm", why)
            self._refused.add(peer[0])


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: RadiusServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Peer) -> None:
        assert self._transport is not None
        self._server.came(data, (addr[0], addr[1]), self._transport)
