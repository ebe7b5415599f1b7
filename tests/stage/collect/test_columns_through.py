"""Formats of separated columns, from their real transport to what the call costs.

Landlines 0.02 a minute by the second, mobiles 0.12 a started minute: 61 s to a mobile cost 0.24 = 240 000 micros.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest

from ardoise.collect import operations
from ardoise.collect.queries import folder_of
from ardoise.collect.receive import Receiver
from ardoise.core.schema import CHARGES
from stage.collect.through import Peer, through
from stage.company import RATES

pytestmark = pytest.mark.django_db(transaction=True)

MOBILE_61_S = ("acme", 240_000)


def costs(charges: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(row["account"], row[CHARGES.amount_micros]) for row in charges if row[CHARGES.amount_micros]]


def asterisk(dstchannel: str, uniqueid: str) -> str:
    return (
        f'"","201","0612345678","from-internal","""Ana"" <201>","PJSIP/201-0a","{dstchannel}","Dial","","2026-10-05 '
        f'09:12:33","2026-10-05 09:12:37","2026-10-05 09:13:38",65,61,"ANSWERED","DOCUMENTATION","{uniqueid}",""\n'
    )


def test_asterisk_a_call_printed_in_two_halves_is_paid_for_once(home: Path) -> None:
    file = asterisk("Local/0612345678@out-0b;1", "1791177153.4") + asterisk("PJSIP/ovh-0c", "1791177153.4")
    charges = through(home, "asterisk", file.encode(), transport="files", extensions=["201"])
    assert costs(charges) == [MOBILE_61_S]


def test_grandstream_its_real_time_output_comes_over_tcp(home: Path) -> None:
    line = (
        '62,,201,0612345678,from-internal,"Ana" <201>,PJSIP/201-0a,PJSIP/trunk_1-0b,Dial,PJSIP/x,60,,2026-10-05 '
        "09:12:33,2026-10-05 09:12:37,2026-10-05 09:13:38,65,61,ANSWERED,DOCUMENTATION,1791177153.4,EXT,201,,s\r\n"
    )
    charges = through(home, "grandstream_ucm", line.encode(), transport="tcp_server", extensions=["201"])
    assert costs(charges) == [MOBILE_61_S]


@pytest.mark.parametrize("transport", ["files", "webhook"])
def test_freeswitch_a_document_is_a_call_in_a_file_or_in_a_post(
    home: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"uuid": "a5c9f6c0-e752-11e3-8bfb-65b6c3cdac7d", "start_epoch": "1791177153", "billsec": "61"}
    profile = {"caller_id_number": "201", "destination_number": "%2B33612345678", "context": "default"}
    document = {"variables": variables, "callflow": [{"profile_index": "1", "caller_profile": profile}]}
    body = json.dumps(document).encode()
    if transport == "webhook":
        body = b"cdr=" + quote_plus(body).encode()  # as `encode: true` posts it
    monkeypatch.setenv("CRED", "switch:secret")
    link = {"path": "/", "proof": "basic", "secret": "env:CRED"} if transport == "webhook" else {}
    charges = through(
        home, "freeswitch", body, transport=transport, extensions=["201"], link=link, peer=posts(("switch", "secret"))
    )
    assert costs(charges) == [MOBILE_61_S]


def posts(cred: tuple[str, str]) -> Peer:
    """A sender that posts with a name and a password, and is answered once what it sent is written."""

    async def peer(receiver: Receiver, data: bytes) -> None:
        async with httpx.AsyncClient(auth=cred) as client:
            answer = await client.post(f"http://127.0.0.1:{receiver.bound_port}/", content=data)
        assert answer.status_code == 200

    return peer


@pytest.mark.parametrize("transport", ["tcp_server", "tcp_client"])
def test_3cx_its_socket_may_be_active_or_passive(home: Path, transport: str) -> None:
    line = (
        "Call 42,00000C21DE5C2470_1,00:01:01,2026/10/05 07:12:33,2026/10/05 07:12:37,2026/10/05 07:13:38,"
        "TerminatedBySrc,Ext.201,0612345678,201,10000,0612345678,,,,,,,,Chain: Ext.201;0612345678;\r\n"
    )
    charges = through(home, "threecx", line.encode(), transport=transport, extensions=["201"])
    assert costs(charges) == [MOBILE_61_S]


def test_cisco_a_file_pushed_twice_is_paid_for_once(home: Path) -> None:
    names = "cdrRecordType globalCallID_callId dateTimeOrigination callingPartyNumber originalCalledPartyNumber "
    names += "finalCalledPartyNumber dateTimeConnect dateTimeDisconnect pkid duration origDeviceName destDeviceName"
    called = "00612345678"
    cells = [1, 101, 1791177153, "2001", called, called, 1791177157, 1791177218, "a-1", 61, "SEP001122334455", "SIP"]
    header = ",".join(f'"{name}"' for name in names.split())
    row = ",".join(f'"{cell}"' if isinstance(cell, str) else str(cell) for cell in cells)
    file = f"{header}\n{row}\n"
    charges = through(home, "cisco_cucm", file.encode(), transport="files", extensions=["2001"], outside_prefix="0")
    assert costs(charges) == [MOBILE_61_S]
    source = operations.source_of("pbx")
    (folder_of(source) / "cdr_again.txt").write_text(f"{file}{header}\n", encoding="utf-8")
    operations.collect_once(now=datetime(2026, 10, 31, 13, tzinfo=UTC))
    assert [bad.reason for bad in source.quarantined.all()] == ["duplicate"]


def test_wholesale_the_switch_of_a_carrier_is_west_of_us(home: Path) -> None:
    line = (
        "000000042;V1.10;R;WithMedia;181-7@192.0.2.9;0001;Mon Oct 05 00:12:33 2026;Mon Oct 05 00:12:37 2026;Mon Oct 05 "
        "00:13:38 2026;420;NormalClearing;16;O;000200;SIP;0472000001;192.0.2.1;0612345678;192.0.2.2;id\n"
    )
    charges = through(home, "wholesale", line.encode(), transport="files", numbers=["0472000001"])
    assert costs(charges) == [MOBILE_61_S]


USAGE_RATES = (
    f"{RATES.splitlines()[0]},kind,price,per\n"
    + """\
+336,,mobile,,,1,1,,,sms,0.07,1
+,,mobile,,,1,1,,,data,0.05,1048576
"""
)


def test_udr_messages_are_counted_one_by_one_and_data_by_the_octet(home: Path) -> None:
    # 1 message at 0.07; 1 572 864 octets = 1.5 MiB at 0.05 a MiB = 0.075
    file = (
        "SMS;0033678000001;0033612345678;20261005091233;0;140;0;;262011;\n"
        "GPRS;0033678000001;;20261005100000;1800;524288;1048576;;262011;internet\n"
    )
    charges = through(home, "udr", file.encode(), transport="files", numbers=["0678000001"], rates=USAGE_RATES)
    assert costs(charges) == [("acme", 70_000), ("acme", 75_000)]


def test_udr_what_people_write_is_nowhere_on_the_disk(home: Path) -> None:
    log = (
        "2026-10-05 09:12:33 Sent SMS [SMSC:op1] [SVC:alerts] [ACT:] [BINF:] [FID:] [from:+33678000001] "
        "[to:+33612345678] [flags:-1:0:-1:0:-1] [msg:13:secret meeting] [udh:0:]\n"
    )
    charges = through(home, "udr", log.encode(), transport="files", numbers=["0678000001"], rates=USAGE_RATES)
    assert costs(charges) == [("acme", 70_000)]
    assert [path for path in home.rglob("*") if path.is_file() and b"secret" in path.read_bytes()] == []


def test_asterisk_its_file_is_followed_while_it_grows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardoise.collect.tail.TICK_S", 0.02)
    line = asterisk("PJSIP/ovh-0c", "1791177153.4").encode()

    async def writes(receiver: Receiver, data: bytes) -> None:
        path = receiver.feed.folder / "Master.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        for piece in (line[:100], line[100:]):  # buffers are flushed in the middle of a line
            with path.open("ab") as file:
                file.write(piece)
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.6)

    charges = through(
        home, "asterisk", line, transport="tail", extensions=["201"], peer=writes, pattern="Master.csv", folder="cdr"
    )
    assert costs(charges) == [MOBILE_61_S]
