"""kill -9 at any moment: what the journal accepted is counted exactly once; a clean stop loses nothing at all."""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ardoise.collect.simulator import SendingPbx, play
from faults.collect.books import sealed_calls
from faults.collect.collector_process import Installation, stopped, wait_for

KILLS = int(os.environ.get("ARDOISE_KILLS", "10"))
TICKETS = max(2000, 350 * KILLS)


def tickets(count: int) -> list[bytes]:
    """Calls of one second each from the next, so that each has a start of its own; every 50th cannot be read."""
    first = datetime(2026, 10, 5, 8, 0, 0)  # noqa: DTZ001 - as a PBX prints it
    made = []
    for number in range(count):
        start = first + timedelta(seconds=number)
        if number % 50 == 49:
            made.append(f"noise {number}\r\n".encode())
            continue
        call = f"{start:%Y/%m/%d %H:%M:%S},00:01:01,4,201,O,0612345678,0612345678,,0,{1_000_000 + number},0"
        made.append(f"{call},E201,Ana,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode())
    return made


def test_kill_9_at_random_moments_counts_every_accepted_ticket_once(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    installation = Installation.prepare(tmp_path / "home")
    sent = tickets(TICKETS)
    with SendingPbx("127.0.0.1", installation.port, buffer_records_max=TICKETS) as pbx:
        player = threading.Thread(target=play, args=(pbx, sent), kwargs={"tickets_per_s": 250})
        player.start()
        for _ in range(KILLS):  # on a slow machine the last ones may come after the last ticket
            process = installation.collector()
            time.sleep(chance.uniform(0.05, 1.2))
            process.kill()
            process.wait()
        process = installation.collector()
        player.join(timeout=60 + TICKETS / 100)
        pbx.produce(sent[-1].replace(b"noise ", b"noise after "))  # a next call brings what still waited in the PBX
        wait_for(lambda: b"noise after " in b"".join(installation.journalled().values()))
        stopped(process)
    _check_books(installation, seed)
    lost = set(sent) - set(installation.journalled().values())
    gaps = sum(one not in lost and after in lost for one, after in itertools.pairwise(sent))
    print(f"{len(lost)} tickets died in the kernel's buffers of {KILLS} kills, in {gaps} gaps of their ids")
    assert gaps <= KILLS, "more than what was in flight at each kill"


def _check_books(installation: Installation, seed: int) -> None:
    journalled = installation.journalled()
    calls = [str(row[0]) for row in installation.rows("select usage_id from ardoise_collect_freshusage")]
    # A long backlog, read in one batch, went straight to the files of the usage table but for its last calls.
    files = installation.rows("select path from ardoise_store_tablefile where retired_at is null")
    sealed, sealed_starts = sealed_calls([installation.home / "tables" / str(row[0]) for row in files], "ipo")
    calls += sealed
    aside = [str(row[0]) for row in installation.rows("select ticket_id from ardoise_collect_quarantined")]
    events = installation.rows("select ticket_id from ardoise_collect_sourceevent where not noticed")
    places = [*calls, *aside, *(str(row[0]) for row in events)]
    assert sorted(places) == sorted(journalled), f"seed {seed}: a ticket is missing, or stands in two places"
    assert len(sealed_starts) == len(set(sealed_starts)), f"seed {seed}: one call was counted twice"
    starts = [str(row[0]) for row in installation.rows("select answered_at from ardoise_collect_freshusage")]
    assert len(starts) == len(set(starts)), f"seed {seed}: one call was counted twice"
    ((received, in_calls, quarantined),) = installation.rows(
        "select sum(received), sum(in_calls), sum(quarantined) from ardoise_collect_daycount"
    )
    assert (received, in_calls, quarantined) == (len(journalled), len(calls), len(aside))


def test_a_clean_stop_loses_nothing_and_says_what_it_did(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    sent = tickets(500)
    with SendingPbx("127.0.0.1", installation.port) as pbx:
        play(pbx, sent, tickets_per_s=0)
        said = stopped(process)  # at once: some tickets are still on their way through the kernel
    assert list(installation.journalled().values()) == sent
    assert "Stopped: 500 tickets, 490 calls, 10 in quarantine." in said
    assert "Traceback" not in said
    _check_books(installation, 0)


def test_no_number_of_a_protected_extension_is_anywhere_on_the_disk(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home", protected=("201",))
    process = installation.collector()
    with SendingPbx("127.0.0.1", installation.port, cut=True) as pbx:
        play(pbx, tickets(10), tickets_per_s=0)
        pbx._link.sendall(tickets(1)[0][:60])  # and one that is cut in its middle
        wait_for(lambda: len(installation.journalled()) >= 10)
    wait_for(lambda: len(installation.journalled()) == 11)
    stopped(process)
    files = [path for path in installation.home.rglob("*") if path.is_file()]
    assert "00000001.seg" in {path.name for path in files}
    assert [path.name for path in files if b"612345678" in path.read_bytes()] == []
    assert installation.tables_with("612345678") == []
    assert installation.rows("select count(*) from ardoise_collect_freshusage") == [(10,)]


def test_a_second_collector_is_refused_with_a_sentence(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    try:
        second = installation.command("run")
        assert second.returncode == 1
        assert f"already collected by process {process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        (source,) = json.loads(installation.command("status", "--json").stdout)
        assert (source["collected"], source["connected"]) == (True, [])
        assert "no link" in installation.command("status").stdout
    finally:
        stopped(process)
    assert "stopped" in installation.command("status").stdout


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"port": None}, "The port is missing: the transport tcp_server needs it."),
        ({"format": "unheard_of"}, "No format is called 'unheard_of'."),
        ({"zone": "Europe/Atlantis"}, "« Europe/Atlantis » is no time zone"),
        ({"options": {"speed": "9600"}}, "avaya_ipoffice has no option 'speed'"),
    ],
)
def test_a_source_that_cannot_work_is_explained(tmp_path: Path, source: dict[str, object], why: str) -> None:
    installation = Installation.prepare(tmp_path / "home", **source)
    done = installation.command("run")
    assert done.returncode == 1
    assert why in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
