"""A PBX to collect from: plays tickets on a socket as the real one would, in either direction.

`SendingPbx` is the TCP client (Avaya IP Office), `ServingPbx` the TCP server (Mitel, or Avaya in listen mode).
Both keep their records while nobody takes them and drop the oldest when full, as PBXs do. A PBX that expects a
handshake or a login (`OtherSide` of its format) sends nothing before it.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Protocol

from ardoise.formats.spec import OtherSide, Refused

SEND_TIMEOUT_S = 10
CLIENTS_MAX = 10  # of a Mitel
CUT_SIZES_BYTES = (1, 37, 5, 61, 2, 23)  # odd places: inside dates, names, numbers and between CR and LF
KEEPALIVE_S = 30.0
CUT_PAUSE_S = 0.002  # so that the pieces leave as packets of their own


class NobodyListens(ConnectionError):
    """The address to send to does not accept connections; the message says what to start."""


class PortTaken(OSError):
    """The port to listen on cannot be had; the message says what to change."""


class Pbx(Protocol):
    """What plays tickets. `waiting` = produced and not yet taken, `dropped` = lost because the buffer was full."""

    sent: int
    dropped: int

    @property
    def waiting(self) -> int: ...

    def produce(self, record: bytes) -> None: ...

    def close(self) -> None: ...


class SendingPbx:
    """The PBX as TCP client: it tries to connect only when it produces a record."""

    def __init__(self, host: str, port: int, *, buffer_records_max: int = 3000, cut: bool = False) -> None:
        self.sent = 0
        self.dropped = 0
        self._address = (host, port)
        self._buffer: deque[bytes] = deque()
        self._buffer_records_max = buffer_records_max
        self._cut = cut
        self._link: socket.socket | None = None

    @property
    def waiting(self) -> int:
        return len(self._buffer)

    def connect(self) -> None:
        """Connect now. Raises NobodyListens."""
        try:
            self._link = socket.create_connection(self._address, timeout=SEND_TIMEOUT_S)
        except OSError as error:
            host, port = self._address
            raise NobodyListens(
                f"Nobody answers at {host}:{port} ({error}). Start the collector there, or check address and firewall."
            ) from error
        self._link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def produce(self, record: bytes) -> None:
        """A call has ended: keep its record, then send all that waits if the collector can be reached."""
        if len(self._buffer) >= self._buffer_records_max:
            self._buffer.popleft()
            self.dropped += 1
        self._buffer.append(record)
        if self._link is not None and _is_closed(self._link):
            self._hang_up()
        if self._link is None:
            try:
                self.connect()
            except NobodyListens:
                return
        self._send_buffer()

    def _send_buffer(self) -> None:
        while self._buffer and self._link is not None:
            try:
                _send(self._link, self._buffer[0], cut=self._cut)
            except OSError:
                self._hang_up()
                return
            self._buffer.popleft()
            self.sent += 1

    def _hang_up(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def close(self) -> None:
        self._hang_up()

    def __enter__(self) -> SendingPbx:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ServingPbx:
    """The PBX as TCP server: every client gets each new record; what waited goes to the first that connects."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "0.0.0.0",
        clients_max: int = CLIENTS_MAX,
        buffer_records_max: int = 20_000,
        cut: bool = False,
        other_side: Callable[[], OtherSide] | None = None,
        keepalive_s: float = KEEPALIVE_S,
    ) -> None:
        """Listens at once; port 0 takes a free one. `other_side` makes the dialogue of a client. Raises PortTaken."""
        self.sent = 0
        self.dropped = 0
        self._clients_max = clients_max
        self._buffer: deque[bytes] = deque()
        self._buffer_records_max = buffer_records_max
        self._cut = cut
        self._other_side, self._keepalive_s = other_side, keepalive_s
        self._talkers: list[threading.Thread] = []
        self._talking: list[socket.socket] = []  # connected, not yet served
        self._clients: list[socket.socket] = []
        self._lock = threading.Lock()
        self._door = _listen(host, port)
        self._closing = False
        self._acceptor = threading.Thread(target=self._accept, name="simulated-pbx", daemon=True)
        self._acceptor.start()

    @property
    def port(self) -> int:
        return int(self._door.getsockname()[1])

    @property
    def waiting(self) -> int:
        return len(self._buffer)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def produce(self, record: bytes) -> None:
        """A call has ended: its record goes to every client, or waits for one."""
        with self._lock:
            if self._deliver(record):
                self.sent += 1
                return
            if len(self._buffer) >= self._buffer_records_max:
                self._buffer.popleft()
                self.dropped += 1
            self._buffer.append(record)

    def _deliver(self, record: bytes) -> bool:
        """To every client still there; False when none took it."""
        for client in list(self._clients):
            try:
                if _is_closed(client):
                    raise ConnectionResetError
                _send(client, record, cut=self._cut)
            except OSError:
                client.close()
                self._clients.remove(client)
        return bool(self._clients)

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._door.accept()
            except OSError:
                return  # closed
            with self._lock:
                self._forget_closed()
                if len(self._clients) + len(self._talking) >= self._clients_max:
                    client.close()
                    continue
                client.settimeout(SEND_TIMEOUT_S)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._other_side is None:
                    self._serve(client)
                    continue
                self._talking.append(client)
            talker = threading.Thread(target=self._talk, args=(client, self._other_side()), daemon=True)
            self._talkers.append(talker)
            talker.start()

    def _serve(self, client: socket.socket) -> None:
        """From now on this client gets every record; what waited comes first."""
        self._clients.append(client)
        while self._buffer and self._deliver(self._buffer[0]):
            self._buffer.popleft()
            self.sent += 1

    def _forget_closed(self) -> None:
        for client in [one for one in self._clients if _is_closed(one)]:
            client.close()
            self._clients.remove(client)

    def _talk(self, client: socket.socket, dialogue: OtherSide) -> None:
        """Hold the dialogue of one client to its end; it is served as soon as the dialogue allows it."""
        served = False
        try:
            client.sendall(dialogue.opened())
            while not self._closing:
                readable, _, _ = select.select([client], [], [], self._keepalive_s)
                if not readable:
                    with self._lock:
                        client.sendall(dialogue.idle())
                    continue
                if not (data := client.recv(4096)):
                    break
                answer = dialogue.received(data)
                with self._lock:
                    client.sendall(answer)
                    if dialogue.established and not served:
                        self._talking.remove(client)
                        self._serve(client)
                        served = True
        except (OSError, ValueError, Refused):
            pass  # it hung up, or said what this PBX does not understand: hang up too
        finally:
            client.close()
            with self._lock:
                for group in (self._talking, self._clients):
                    if client in group:
                        group.remove(client)

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):  # not every system lets a listening socket be shut
            self._door.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._door.close()
        self._acceptor.join(timeout=SEND_TIMEOUT_S)
        with self._lock:
            for client in (*self._clients, *self._talking):
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)  # wakes the thread that talks to it
                client.close()
            self._clients.clear()

    def __enter__(self) -> ServingPbx:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def play(
    pbx: Pbx, records: Sequence[bytes], *, tickets_per_s: float, on_ticket: Callable[[Pbx], None] = lambda pbx: None
) -> None:
    """Produce the records in order at an even pace; 0 = as fast as they are taken. `on_ticket` follows each."""
    began = time.monotonic()
    for number, record in enumerate(records, start=1):
        pbx.produce(record)
        on_ticket(pbx)
        if tickets_per_s > 0:
            time.sleep(max(0, began + number / tickets_per_s - time.monotonic()))


def _send(link: socket.socket, record: bytes, *, cut: bool) -> None:
    for piece in _pieces(record) if cut else (record,):
        link.sendall(piece)
        if cut:
            time.sleep(CUT_PAUSE_S)


def _pieces(record: bytes) -> Iterator[bytes]:
    """The record in pieces that end in awkward places, the last one between CR and LF."""
    body, tail = (record[:-1], record[-1:]) if record.endswith(b"\r\n") else (record, b"")
    at = turn = 0
    while at < len(body):
        size = CUT_SIZES_BYTES[turn % len(CUT_SIZES_BYTES)]
        yield body[at : at + size]
        at, turn = at + size, turn + 1
    if tail:
        yield tail


def _is_closed(link: socket.socket) -> bool:
    """True when the other side has closed: without this look, the next record would be sent into the void."""
    readable, _, _ = select.select([link], [], [], 0)
    if not readable:
        return False
    try:
        return link.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def _listen(host: str, port: int) -> socket.socket:
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen()
    except OSError as error:
        door.close()
        raise PortTaken(_why_not(port, error)) from error
    return door


def _why_not(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is already in use on this machine. Stop what holds it, or choose another port."
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved to the administrator. Choose one above 1023."
    return f"Port {port} cannot be opened: {error}."
