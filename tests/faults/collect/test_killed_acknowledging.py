"""kill -9 at any moment, where the sender waits for an answer: nothing is lost, and nothing is counted twice.

A NAS (RADIUS accounting) and a PBX (signed posts) send again until they are answered, as real ones do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import random
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pyrad.dictionary import Dictionary
from pyrad.packet import AcctPacket

from faults.collect.collector_process import Installation, free_port, stopped, wait_for

KILLS = int(os.environ.get("ARDOISE_KILLS", "10"))
EACH_S = 0.02  # a record every 20 ms while somebody answers
SECRET = "a secret of the tests, long enough"
FIRST_AT = datetime(2026, 10, 5, 7, 0, tzinfo=UTC)


class Sender(threading.Thread):
    """Sends numbered records, each until it is answered; counts how often it had to say one again."""

    def __init__(self, send: Callable[[int], bool]) -> None:
        super().__init__(daemon=True)
        self._send = send
        self.answered = self.repeated = 0
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            while not self._send(self.answered):
                self.repeated += 1
                time.sleep(0.1)
            self.answered += 1
            time.sleep(EACH_S)


def accounting(port: int) -> Callable[[int], bool]:
    """Stops of sessions of one second each, by one NAS."""
    door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    door.settimeout(0.4)
    door.connect(("127.0.0.1", port))
    names = Dictionary()
    packets: dict[int, tuple[AcctPacket, bytes]] = {}

    def send(number: int) -> bool:
        if number not in packets:
            packets.clear()
            packet = AcctPacket(id=number % 256, secret=SECRET.encode(), dict=names)
            ended_at = int((FIRST_AT + timedelta(seconds=number)).timestamp())
            packet[1], packet[44] = [b"ana"], [f"{number:08x}".encode()]
            packet[40], packet[46] = [(2).to_bytes(4, "big")], [(1).to_bytes(4, "big")]
            packet[42], packet[55] = [number.to_bytes(4, "big")], [ended_at.to_bytes(4, "big")]
            packets[number] = packet, packet.RequestPacket()
        packet, wire = packets[number]
        try:
            door.send(wire)
            answer = door.recv(4096)
            return bool(packet.VerifyReply(AcctPacket(packet=answer, secret=SECRET.encode(), dict=names), answer))
        except OSError:
            return False

    return send


def posting(port: int) -> Callable[[int], bool]:
    """Call records of a Yeastar, signed."""
    client = httpx.Client(trust_env=False, timeout=5)

    def send(number: int) -> bool:
        start = FIRST_AT + timedelta(seconds=number)
        msg = {
            "call_id": f"{number}.1",
            "uid": f"u{number}",
            "time_start": f"{start:%Y-%m-%d %H:%M:%S}",
            "call_from": "2005",
            "call_to": "0612345678",
            "call_duration": 1,
            "talk_duration": 1,
            "status": "ANSWERED",
            "type": "Outbound",
        }
        body = json.dumps({"type": 30012, "sn": "S1", "msg": json.dumps(msg)}).encode()
        signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
        try:
            answer = client.post(f"http://127.0.0.1:{port}/", content=body, headers={"X-Signature": signature})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    return send


def test_kill_9_loses_nothing_that_was_answered_and_doubles_nothing_that_was_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", SECRET)
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    ports = {"nas": free_port(), "hook": free_port()}
    link = {"secret": "env:TEST_SECRET"}
    common = {"host": "127.0.0.1", "zone": "UTC"}
    installation = Installation.prepare(
        tmp_path / "home",
        others=(
            common | {"code": "nas", "format": "radius", "transport": "radius", "port": ports["nas"], "link": link},
            common
            | {"code": "hook", "format": "yeastar", "transport": "webhook", "port": ports["hook"]}
            | {"link": link | {"proof": "yeastar"}},
        ),
    )
    senders = {"nas": Sender(accounting(ports["nas"])), "hook": Sender(posting(ports["hook"]))}
    process = installation.collector()
    for sender in senders.values():
        sender.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 1.2))
        process.kill()
        process.wait()
        process = installation.collector()
    for sender in senders.values():
        sender.over.set()
        sender.join(timeout=60)
    for code, sender in senders.items():
        assert sender.answered > KILLS, f"seed {seed}: {code} was hardly ever answered"
        wait_for(lambda code=code, sender=sender: len(usage(installation, code)) >= sender.answered)  # type: ignore[misc]
    stopped(process)
    for code, sender in senders.items():
        found = usage(installation, code)
        print(f"{code}: {sender.answered} answered, {sender.repeated} sent again, {len(found)} counted")
        expected = [FIRST_AT + timedelta(seconds=number - (code == "nas")) for number in range(sender.answered)]
        assert found == expected, f"seed {seed}: {code} lost or doubled something"


def usage(installation: Installation, source: str) -> list[datetime]:
    """When each call or session of a source began."""
    rows = installation.rows(
        "select answered_at from ardoise_collect_freshusage f "
        f"join ardoise_collect_source s on s.id = f.source_id where s.code = '{source}' order by answered_at"
    )
    found = [datetime.fromisoformat(str(row[0])) for row in rows]
    return [at if at.tzinfo else at.replace(tzinfo=UTC) for at in found]
