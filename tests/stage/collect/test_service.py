"""The collector as a user runs it: `ardoise collect run` in a process of its own, with the other commands beside it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

from ardoise.collect.simulator import SendingPbx, ServingPbx
from faults.collect.collector_process import Installation, stopped, wait_for

TALK = (
    b"2026/10/05 10:59:02,00:01:40,4,201,O,0145678901,0145678901,,0,1000014156,0,E201,Jeanne Roy,T9001,LINE 1.1,0,0"
    b",,,,,,,,,,,,,\r\n"
)


def received(installation: Installation, source: str) -> int:
    rows = installation.rows(
        "select sum(received) from ardoise_collect_daycount d "
        f"join ardoise_collect_source s on s.id = d.source_id where s.code = '{source}'"
    )
    return int(str(rows[0][0] or 0))


def test_a_ticket_is_a_call_while_the_collector_runs(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    with SendingPbx("127.0.0.1", installation.port) as pbx:
        pbx.connect()
        time.sleep(1)
        pbx.produce(TALK)
        wait_for(lambda: received(installation, "ipo") == 1)
    stopped(process)


def test_files_are_taken_while_it_runs_and_the_commands_show_it(tmp_path: Path) -> None:
    other = {"code": "files", "format": "avaya_ipoffice", "transport": "files", "pattern": "*.txt"}
    installation = Installation.prepare(tmp_path / "home", others=(other,))
    process = installation.collector()
    file = tmp_path / "day.txt"
    file.write_bytes(TALK + b"no ticket\r\n")
    assert installation.command("drop", "files", str(file)).returncode == 0
    wait_for(lambda: received(installation, "files") == 2)
    again = installation.command("drop", "ipo", str(file))
    assert (again.returncode, "only a source of files takes files" in " ".join(again.stderr.split())) == (2, True)
    assert installation.command("drop", "nobody", str(file)).returncode == 2
    (bad,) = json.loads(installation.command("quarantine", "--json").stdout)
    assert (bad["source"], bad["reason"], bad["raw"]) == ("files", "garbage", "no ticket")
    assert "garbage: 1" in installation.command("quarantine", "--source", "files").stdout
    assert installation.command("quarantine", "--source", "nobody").returncode == 2
    shown = json.loads(installation.command("status", "--month", "2026-10", "--json").stdout)
    counts = {one["source"]: (one["counts"]["received"], one["missing"], one["collected"]) for one in shown}
    assert counts == {"files": (2, 0, True), "ipo": (0, 0, True)}
    stopped(process)


def test_we_connect_to_a_pbx_and_settings_that_change_are_followed(tmp_path: Path) -> None:
    with ServingPbx(0, host="127.0.0.1") as first, ServingPbx(0, host="127.0.0.1") as second:
        other = {
            "code": "dial",
            "format": "avaya_ipoffice",
            "transport": "tcp_client",
            "host": "127.0.0.1",
            "port": first.port,
        }
        installation = Installation.prepare(tmp_path / "home", others=(other,))
        first.produce(TALK)  # it waits in the PBX until somebody connects
        process = installation.collector()
        wait_for(lambda: received(installation, "dial") == 1)
        installation.execute(f"update ardoise_collect_source set port = {second.port} where code = 'dial'")
        second.produce(TALK.replace(b"10:59", b"11:59"))
        wait_for(lambda: received(installation, "dial") == 2)
        stopped(process)


def test_a_source_that_cannot_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    other = {"code": "broken", "format": "mitel_3300", "transport": "tcp_server", "options": {"layout": "diagonal"}}
    installation = Installation.prepare(tmp_path / "home", others=({**other, "port": 0, "host": "127.0.0.1"},))
    process = installation.collector()
    with SendingPbx("127.0.0.1", installation.port) as pbx:
        pbx.produce(TALK)
        wait_for(lambda: received(installation, "ipo") == 1)
    said = stopped(process)
    assert "'diagonal' is not one of" in said
    assert "Traceback" not in said


def test_the_port_is_free_again_after_a_stop(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home")
    stopped(installation.collector())
    with socket.create_server(("127.0.0.1", installation.port)):
        pass
    stopped(installation.collector())
