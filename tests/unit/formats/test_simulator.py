"""The simulated PBX, on real sockets of this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from ardoise.collect.simulator import NobodyListens, PortTaken, SendingPbx, ServingPbx, play

RECORDS = [
    f"ticket {number:03d}, some text to cut in pieces of odd sizes, again and again\r\n".encode()
    for number in range(20)
]


class Collector:
    """A listening socket that keeps what it receives, piece by piece."""

    def __init__(self, port: int = 0) -> None:
        self.door = socket.create_server(("127.0.0.1", port))
        self.port = self.door.getsockname()[1]
        self.pieces: list[bytes] = []
        self.links: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                link, _ = self.door.accept()
            except OSError:
                return
            self.links.append(link)
            threading.Thread(target=self._receive, args=(link,), daemon=True).start()

    def _receive(self, link: socket.socket) -> None:
        try:
            while piece := link.recv(65536):
                self.pieces.append(piece)
        except OSError:
            return

    @property
    def received(self) -> bytes:
        return b"".join(self.pieces)

    def close(self) -> None:
        self.door.shutdown(socket.SHUT_RDWR)
        self.door.close()
        for link in self.links:
            link.close()


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("nothing came in 5 s")


def receive(link: socket.socket, count: int) -> bytes:
    link.settimeout(5)
    received = b""
    while len(received) < count:
        received += link.recv(65536)
    return received


def test_a_client_sends_everything_in_order() -> None:
    collector = Collector()
    with SendingPbx("127.0.0.1", collector.port) as pbx:
        play(pbx, RECORDS, tickets_per_s=0)
        assert (pbx.sent, pbx.waiting) == (20, 0)
        wait_for(lambda: collector.received == b"".join(RECORDS))
    collector.close()


def test_cut_writes_arrive_in_pieces_that_make_the_records_again() -> None:
    collector = Collector()
    with SendingPbx("127.0.0.1", collector.port, cut=True) as pbx:
        play(pbx, RECORDS[:3], tickets_per_s=0)
        wait_for(lambda: collector.received == b"".join(RECORDS[:3]))
    assert len(collector.pieces) > 3
    assert any(piece.endswith(b"\r") for piece in collector.pieces)  # a read that ends between CR and LF
    collector.close()


def test_a_client_keeps_records_until_a_later_one_connects() -> None:
    parked = socket.create_server(("127.0.0.1", 0))
    port = parked.getsockname()[1]
    parked.close()
    with SendingPbx("127.0.0.1", port, buffer_records_max=3) as pbx:
        for record in RECORDS[:5]:
            pbx.produce(record)
        assert (pbx.sent, pbx.waiting, pbx.dropped) == (0, 3, 2)  # the buffer holds 3: the 2 oldest are lost
        collector = Collector(port)
        assert pbx.waiting == 3  # connecting is tried when a record is produced, not before
        pbx.produce(RECORDS[5])
        assert (pbx.sent, pbx.waiting, pbx.dropped) == (3, 0, 3)
        wait_for(lambda: collector.received == b"".join(RECORDS[3:6]))
    collector.close()


def test_nobody_listening_is_said_with_what_to_do() -> None:
    parked = socket.create_server(("127.0.0.1", 0))
    port = parked.getsockname()[1]
    parked.close()
    with pytest.raises(NobodyListens, match=rf"127.0.0.1:{port}.*Start the collector"):
        SendingPbx("127.0.0.1", port).connect()


def test_a_server_gives_its_buffer_to_the_first_client_and_new_records_to_all() -> None:
    with ServingPbx(0, host="127.0.0.1") as pbx:
        play(pbx, RECORDS[:3], tickets_per_s=0)
        assert (pbx.sent, pbx.waiting) == (0, 3)
        with socket.create_connection(("127.0.0.1", pbx.port)) as first:
            assert receive(first, sum(map(len, RECORDS[:3]))) == b"".join(RECORDS[:3])
            with socket.create_connection(("127.0.0.1", pbx.port)) as second:
                wait_for(lambda: pbx.clients == 2)
                pbx.produce(RECORDS[3])
                assert receive(first, len(RECORDS[3])) == RECORDS[3]
                assert receive(second, len(RECORDS[3])) == RECORDS[3]
        pbx.produce(RECORDS[4])  # both have gone
        assert (pbx.sent, pbx.waiting, pbx.clients) == (4, 1, 0)


def test_a_server_takes_ten_clients_and_no_more() -> None:
    with ServingPbx(0, host="127.0.0.1") as pbx:
        links = [socket.create_connection(("127.0.0.1", pbx.port)) for _ in range(10)]
        wait_for(lambda: pbx.clients == 10)
        with socket.create_connection(("127.0.0.1", pbx.port)) as eleventh:
            eleventh.settimeout(5)
            assert eleventh.recv(1) == b""
        assert pbx.clients == 10
        for link in links:
            link.close()


def test_a_port_in_use_is_said_with_what_to_do() -> None:
    with ServingPbx(0, host="127.0.0.1") as pbx, pytest.raises(PortTaken, match="already in use"):
        ServingPbx(pbx.port, host="127.0.0.1")


def test_the_pace_is_kept() -> None:
    with ServingPbx(0, host="127.0.0.1") as pbx:
        began = time.monotonic()
        play(pbx, RECORDS[:5], tickets_per_s=50)
        assert time.monotonic() - began >= 0.1  # 5 / 50 s
