"""Webhooks: records that a service posts to us over HTTP, answered 200 only once they are on the disk.

One body is one message of the journal. Several sources may share an address and port, each under its own path: one open
port serves every PBX. A body is taken only with a proof of its sender:

- yeastar: header X-Signature, base64 of the HMAC-SHA256 of the body (help.yeastar.com, "Monitor Events via Webhook");
- hmac: the same in any header, in hexadecimal or base64, with any prefix before it ("sha256=");
- bearer: header Authorization, "Bearer" and the secret;
- basic: header Authorization, "Basic" and the secret, which is name:password, in base64 (FreeSWITCH).

A body that was answered 503 is taken once when it comes again. After a crash of ours only the id of its record tells
(formats of kind "keyed"): without one, a record posted again is a second record.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ssl
from collections.abc import Sequence
from contextlib import suppress
from weakref import WeakKeyDictionary

import h11

from ardoise.collect.links import BadLink, Link
from ardoise.collect.receive import READ_BYTES, Receiver, peer_of
from ardoise.collect.waiting import Pauses, sleep
from ardoise.collect.wording import Said, said_by

BODY_BYTES_MAX = 1024 * 1024
REQUEST_S = 15.0  # a request must be whole by then
IDLE_S = 60.0  # between two requests of one connection
LINGER_S = 2.0
CONNECTIONS_MAX = 256
STRANGERS_SAID_MAX = 64

Headers = Sequence[tuple[bytes, bytes]]


class Answered(Exception):
    """The request has an answer other than 200: the status and why, for the sender."""

    def __init__(self, status: int, why: str, headers: Headers = ()) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


class Webhook(Receiver):
    """One path of a door."""

    listens = True

    async def run(self, stop: asyncio.Event) -> None:
        self._said: set[str] = set()
        self._posts = 0  # under way
        self._unanswered: set[bytes] = set()  # digests of bodies handed over and answered 503: they come again
        self.begin()
        door = await self._open_door(stop)
        if door is None:
            return
        self.bound_port = door.port
        self.say("event", f"Listening for posts on port {door.port}, path {self.path}")
        await stop.wait()
        while self._posts:
            await asyncio.sleep(0.02)  # each answered within the time that the disk is given
        await door.leave(self)

    @property
    def path(self) -> str:
        return self.feed.link.text("path")

    async def _open_door(self, stop: asyncio.Event) -> Door | None:
        """Join the door of this port, trying again while it cannot be opened."""
        pauses, said = Pauses(), ""
        while not stop.is_set():
            try:
                return await Door.join(self)
            except (OSError, BadLink) as error:
                why = Said("cannot_listen", host=self.feed.host or "*", port=self.feed.port, why=str(error))
                if why != said:
                    self.say("alarm", why)
                said = why
                await sleep(pauses.next(), stop)
        return None

    async def posted(self, body: bytes, headers: Headers, peer: str) -> None:
        """Take a body. Raises Answered when it is not on the disk."""
        self._check_sender(body, dict(headers), peer)
        if not body.strip():
            raise Answered(400, "the body is empty")
        if not self._commits.has_room(self.feed.source):
            raise Answered(503, "the disk does not follow: post it again later", [(b"retry-after", b"30")])
        digest = hashlib.sha256(body).digest()
        self._posts += 1
        try:
            if digest not in self._unanswered:
                self.post(body)
            self._unanswered.add(digest)
            if not await self.on_disk():
                raise Answered(503, "not written yet: post it again later", [(b"retry-after", b"30")])
            self._unanswered.discard(digest)
        finally:
            self._posts -= 1

    def _check_sender(self, body: bytes, headers: dict[bytes, bytes], peer: str) -> None:
        """Raises Answered: 401 without a good proof, 503 when ours cannot be read."""
        try:
            secret = self.feed.link.secret("secret").encode()
        except BadLink as error:
            self._say_once("secret", said_by(error))
            raise Answered(503, "the secret of this address cannot be read here", [(b"retry-after", b"300")]) from error
        host = peer.rpartition(":")[0]
        if is_proven(self.feed.link, body, headers, secret):
            self._said -= {host, "secret"}
            return
        self._say_once(host, Said("webhook_proof", peer=host, proof=self._proof()))
        scheme = b"Basic" if self.feed.link.text("proof") == "basic" else b"Bearer"
        raise Answered(401, f"no good {self._proof()}", [(b"www-authenticate", scheme)])

    def _proof(self) -> str:
        return {"bearer": "bearer token", "basic": "name and password"}.get(self.feed.link.text("proof"), "signature")

    def _say_once(self, about: str, text: Said) -> None:
        if about not in self._said and len(self._said) < STRANGERS_SAID_MAX:
            self._said.add(about)
            self.say("alarm", text)


def is_proven(link: Link, body: bytes, headers: dict[bytes, bytes], secret: bytes) -> bool:
    """Whether the headers (names in lower case) prove that who holds the secret sent this body."""
    proof = link.text("proof")
    if proof == "bearer":
        return hmac.compare_digest(headers.get(b"authorization", b""), b"Bearer " + secret)
    if proof == "basic":
        return hmac.compare_digest(headers.get(b"authorization", b""), b"Basic " + base64.b64encode(secret))
    if proof == "yeastar":
        digest = hmac.new(secret, body, "sha256").digest()
        return hmac.compare_digest(headers.get(b"x-signature", b""), base64.b64encode(digest))
    digest = hmac.new(secret, body, link.text("algorithm")).digest()
    given = headers.get(link.text("header").lower().encode(), b"").strip().removeprefix(link.text("prefix").encode())
    if link.text("encoding") == "hex":
        return hmac.compare_digest(given.lower(), digest.hex().encode())
    return hmac.compare_digest(given, base64.b64encode(digest))


class Door:
    """One address and port, and the sources behind it by path."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._hooks: dict[str, Webhook] = {}
        self._connections: set[asyncio.Task[None]] = set()

    @classmethod
    async def join(cls, hook: Webhook) -> Door:
        """The door of the source's port, opened by the first that comes. Raises OSError, BadLink."""
        doors = _DOORS.setdefault(asyncio.get_running_loop(), _Doors())
        place = (hook.feed.host, hook.feed.port)
        async with doors.lock:
            door = doors.by_place.get(place) or cls()
            if hook.path in door._hooks:
                other = door._hooks[hook.path].feed.source
                raise BadLink(f"the path {hook.path} belongs to source {other}: choose another")
            if door._server is None:
                await door._listen(hook)
            if hook.feed.port:  # port 0 takes a free one: it is never shared
                doors.by_place[place] = door
            door._hooks[hook.path] = hook
        return door

    async def leave(self, hook: Webhook) -> None:
        """The last one closes the door."""
        del self._hooks[hook.path]
        if self._hooks:
            return
        doors = _DOORS[asyncio.get_running_loop()].by_place
        for place in [place for place, door in doors.items() if door is self]:
            del doors[place]
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    async def _listen(self, hook: Webhook) -> None:
        self._server = await asyncio.start_server(
            self._accept,
            hook.feed.host or None,
            hook.feed.port,
            limit=READ_BYTES,
            ssl=_tls(hook),
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        with suppress(asyncio.CancelledError):
            await asyncio.wait({task})

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The requests of one connection, one after the other."""
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=READ_BYTES)
        try:
            while await self._one_request(http, reader, writer):
                http.start_next_cycle()
            await _linger(reader, writer)
        except (OSError, TimeoutError, h11.ProtocolError):
            pass  # it hung up, dawdles, or speaks no HTTP
        finally:
            writer.close()
            with suppress(OSError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)

    async def _one_request(
        self, http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; whether another may follow."""
        try:
            first = await asyncio.wait_for(_event(http, reader), IDLE_S)
            if not isinstance(first, h11.Request):
                return False
            hook = self._hook_of(first)
            body = await asyncio.wait_for(_body(http, reader, writer), REQUEST_S)
            await hook.posted(body, list(first.headers), peer_of(writer))
        except Answered as answer:
            return await _send(http, writer, answer.status, answer.why, answer.headers)
        except h11.RemoteProtocolError as error:
            return await _send(http, writer, error.error_status_hint, "this is no HTTP request")
        return await _send(http, writer, 200, "written")

    def _hook_of(self, request: h11.Request) -> Webhook:
        path = request.target.partition(b"?")[0].decode("latin-1")
        hook = self._hooks.get(path)
        if hook is None:
            raise Answered(404, "nothing is posted to this path")
        if request.method != b"POST":
            raise Answered(405, "only POST is taken here", [(b"allow", b"POST")])
        return hook


class _Doors:
    """The open doors of one event loop."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.by_place: dict[tuple[str, int], Door] = {}


_DOORS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Doors] = WeakKeyDictionary()


async def _event(http: h11.Connection, reader: asyncio.StreamReader) -> object:
    """The next event of HTTP, reading as much as it takes."""
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await reader.read(READ_BYTES))
    return event


async def _body(http: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """The whole body. Raises Answered when it is too large, h11.RemoteProtocolError when it is cut short."""
    if http.they_are_waiting_for_100_continue:
        writer.write(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
    parts, size = [], 0
    while not isinstance(event := await _event(http, reader), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            raise h11.RemoteProtocolError("the request ended before its body")
        parts.append(bytes(event.data))
        size += len(event.data)
        if size > BODY_BYTES_MAX:
            raise Answered(413, f"a body has {BODY_BYTES_MAX} bytes at most")
    return b"".join(parts)


async def _send(http: h11.Connection, writer: asyncio.StreamWriter, status: int, why: str, more: Headers = ()) -> bool:
    """Send an answer; whether the connection may serve another request."""
    if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return False
    text = (why + "\n").encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), *more]
    if http.their_state is not h11.DONE:
        headers.append((b"connection", b"close"))  # what is left of its body is not read
    writer.write(http.send(h11.Response(status_code=status, headers=headers)) or b"")
    writer.write(http.send(h11.Data(data=text)) or b"")
    writer.write(http.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    return http.our_state is h11.DONE and http.their_state is h11.DONE


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read on for a moment: closing on unread bytes would take back an answer that the sender has not read yet."""
    with suppress(TimeoutError, NotImplementedError):
        if writer.can_write_eof():
            writer.write_eof()
        async with asyncio.timeout(LINGER_S):
            while await reader.read(READ_BYTES):
                pass


def _tls(hook: Webhook) -> ssl.SSLContext | None:
    """TLS of our own, when the link names a certificate; behind a reverse proxy, none. Raises BadLink."""
    certificate, key = hook.feed.link.text("certificate"), hook.feed.link.text("key")
    if not certificate:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise BadLink(f"the certificate {certificate} and its key cannot be used: {error}") from error
    return context
