"""A real collector and a PBX that fails: cut lines, replays, a full disk, files that grow, gaps; counted afterwards."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.collect.books import Books
from faults.collect.collector_process import Installation, stopped, wait_for
from faults.collect.test_killed_collector import tickets


def books_of(installation: Installation) -> Books:
    """Of a source whose calls are not sealed."""
    calls = installation.rows("select usage_id, answered_at from ardoise_collect_freshusage")
    aside = installation.rows("select ticket_id from ardoise_collect_quarantined")
    events = installation.rows("select ticket_id from ardoise_collect_sourceevent where not noticed")
    counted = installation.rows(
        "select coalesce(sum(received), 0), coalesce(sum(in_calls), 0), coalesce(sum(quarantined), 0) "
        "from ardoise_collect_daycount"
    )[0]
    return Books(
        calls=[str(row[0]) for row in calls],
        aside=[str(row[0]) for row in aside],
        events=[str(row[0]) for row in events],
        starts=[str(row[1]) for row in calls],
        received=int(str(counted[0])),
        in_calls=int(str(counted[1])),
        quarantined=int(str(counted[2])),
    )


def reasons(installation: Installation) -> Counter[str]:
    return Counter(str(row[0]) for row in installation.rows("select reason from ardoise_collect_quarantined"))


def received(installation: Installation) -> int:
    return books_of(installation).received


@contextmanager
def link_to(installation: Installation) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", installation.port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield link


@pytest.mark.parametrize("place", [1, 25, 60, 115])
def test_a_connection_cut_inside_a_ticket_counts_it_once(tmp_path: Path, place: int) -> None:
    """The PBX is not sure of its last ticket: it sends it again, whole, on its next connection."""
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    sent = tickets(40)
    with link_to(installation) as link:
        link.sendall(b"".join(sent[:20]) + sent[20][:place])
    wait_for(lambda: received(installation) == 21)
    with link_to(installation) as link:
        link.sendall(b"".join(sent[20:]))
        wait_for(lambda: received(installation) == 41)
    stopped(process)
    said = books_of(installation)
    print(said.check(installation.journalled(), what=f"cut at byte {place}"), dict(reasons(installation)))
    assert len(said.calls) == 40
    # What came of the cut ticket is kept: as a piece, or, where it already said enough, as the call itself.
    assert sum(reasons(installation)[reason] for reason in ("cut", "replayed")) == 1


def test_a_pbx_that_sends_its_buffer_again_is_counted_once(tmp_path: Path) -> None:
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    sent = [ticket for ticket in tickets(900) if not ticket.startswith(b"noise")]
    with link_to(installation) as link:
        link.sendall(b"".join(sent[:500]))
        wait_for(lambda: received(installation) == 500)
    process.kill()  # and the collector dies in between
    process.wait()
    process = installation.collector()
    with link_to(installation) as link:
        link.sendall(b"".join(sent[200:800]))  # its last 300, then 300 new ones
        wait_for(lambda: received(installation) == 1100)
    stopped(process)
    said = books_of(installation)
    print(said.check(installation.journalled(), what="buffer sent again"), dict(reasons(installation)))
    assert (len(said.calls), reasons(installation)) == (800, {"replayed": 300})


def test_what_dies_in_the_kernel_is_named_from_the_gaps_of_the_call_ids(tmp_path: Path) -> None:
    """A raw socket has no acknowledgement: what is lost is said, by the ids that are missing."""
    installation = Installation.prepare(tmp_path / "home")
    process = installation.collector()
    sent = [ticket for ticket in tickets(600) if not ticket.startswith(b"noise")]
    with link_to(installation) as link:
        for ticket in sent[:300]:
            link.sendall(ticket)
            time.sleep(0.002)
        process.kill()
        process.wait()
        with pytest.raises(OSError):
            for ticket in sent[300:320]:
                link.sendall(ticket)
                time.sleep(0.01)
    process = installation.collector()
    with link_to(installation) as link:
        link.sendall(b"".join(sent[320:]))
        wait_for(lambda: sent[-1] in installation.journalled().values() and received(installation) > 200)
        wait_for(lambda: received(installation) == len(installation.journalled()))
    stopped(process)
    print(books_of(installation).check(installation.journalled(), what="killed in a stream"))
    here = set(installation.journalled().values())
    lost = [number for number, ticket in enumerate(sent) if ticket not in here]
    first, last = (int(sent[at].split(b",")[9]) for at in (lost[0], lost[-1]))
    print(f"{len(lost)} tickets lost, one gap, {first} to {last}")
    assert lost == list(range(lost[0], lost[-1] + 1)), "more than the bytes in flight"
    assert lost[0] <= 300 and lost[-1] <= 320


# --- a full disk


@contextmanager
def tmpfs(folder: Path, megabytes: int) -> Iterator[Callable[[int], None]]:
    """A small disk; gives what makes it larger. Skips where nobody may mount."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {done.stderr.decode().strip()}")
    try:
        yield lambda size: subprocess.run(
            ["mount", "-o", f"remount,size={size}m", str(folder)], check=True, capture_output=True
        )
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)


def flood(link: socket.socket, sent: list[bytes], *, until: Callable[[], bool]) -> int:
    """Send until the collector no longer takes anything, or all is sent; returns the bytes the kernel took."""
    link.setblocking(False)
    data, at, deadline = memoryview(b"".join(sent)), 0, time.monotonic() + 60
    while at < len(data) and not until():
        assert time.monotonic() < deadline, "neither full nor done"
        try:
            at += link.send(data[at : at + 65536])
        except BlockingIOError:
            time.sleep(0.05)
    return at


def alarms(installation: Installation) -> list[str]:
    try:
        found = installation.rows("select kind from ardoise_collect_alarm where over_at is null")
    except Exception as error:  # noqa: BLE001 - a disk without room for the database either
        return [str(error)]
    return [str(row[0]) for row in found]


@pytest.mark.once  # it fills the disk of the journal; that a backlog is counted on PostgreSQL: test_killed_collector
def test_a_full_disk_holds_the_pbx_back_and_loses_nothing(tmp_path: Path) -> None:
    """A disk of a few megabytes under the journal: when it is full nothing more is read; with room, all of it comes."""
    installation = Installation.prepare(tmp_path / "home")
    folder = installation.home / "journal"
    sent = [ticket for ticket in tickets(110_000) if not ticket.startswith(b"noise")]
    with tmpfs(folder, 2) as resize:
        process = installation.collector()
        with link_to(installation) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # the other end's holds megabytes
            took = flood(link, sent, until=lambda: "disk" in alarms(installation))
            assert "disk" in alarms(installation)
            time.sleep(0.5)
            took += _the_rest(link, b"".join(sent), took, seconds=2.0)
            assert took < sum(map(len, sent)), "the PBX was not held back"
            resize(64)
            link.setblocking(True)
            link.sendall(b"".join(sent)[took:])
            wait_for(lambda: _counted(installation) >= len(sent), 180)
        stopped(process)
        accepted = installation.journalled()
        assert list(accepted.values()) == sent
        counted = _counted(installation)
        print(f"disk full: {took} bytes before it was, {len(accepted)} tickets accepted, {counted} counted, 0 lost")
        assert counted == len(sent)


def _the_rest(link: socket.socket, data: bytes, at: int, *, seconds: float) -> int:
    """What the kernel still takes when nobody reads."""
    taken, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            taken += link.send(data[at + taken : at + taken + 65536])
        except BlockingIOError:
            time.sleep(0.05)
    return taken


def test_a_quota_under_the_database_too_loses_nothing(tmp_path: Path) -> None:
    """No file may grow (RLIMIT_FSIZE), the database neither: reception stops, then goes on with what the PBX kept."""
    installation = Installation.prepare(tmp_path / "home")
    if installation.database_url:
        pytest.skip("the database is on a server, no quota of ours holds it")
    process = installation.collector()
    sent = [ticket for ticket in tickets(30_000) if not ticket.startswith(b"noise")]
    before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (200 * 1024, before[1]))
    with link_to(installation) as link:
        took = flood(link, sent, until=lambda: _journal_bytes(installation) > 150 * 1024)
        time.sleep(2.0)
        assert _journal_bytes(installation) <= 200 * 1024
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        link.setblocking(True)
        link.sendall(b"".join(sent)[took:])
        wait_for(lambda: len(installation.journalled()) == len(sent), 120)
        wait_for(lambda: _counted(installation) == len(sent), 120)
    said = stopped(process)
    assert list(installation.journalled().values()) == sent
    print(f"quota: {took} bytes before it, {len(sent)} tickets accepted, {_counted(installation)} counted, 0 lost")
    assert "Traceback" not in said
    assert errno.errorcode[errno.EFBIG] == "EFBIG"


def _journal_bytes(installation: Installation) -> int:
    return sum(path.stat().st_size for path in (installation.home / "journal" / "ipo").glob("*.seg"))


def _counted(installation: Installation) -> int:
    ((counted,),) = installation.rows("select coalesce(sum(in_calls), 0) from ardoise_collect_daycount")
    return int(str(counted))


# --- files


def test_a_file_still_being_written_when_found_is_taken_whole(tmp_path: Path) -> None:
    others = {"code": "files", "format": "avaya_ipoffice", "transport": "files", "pattern": "*.csv"}
    installation = Installation.prepare(tmp_path / "home", others=(others,))
    process = installation.collector()
    folder = installation.home / "drop" / "files"
    sent = [ticket for ticket in tickets(700) if not ticket.startswith(b"noise")]
    wait_for(folder.is_dir)
    with (folder / "smdr.csv").open("wb") as file:
        for at in range(0, len(sent), 70):
            piece = b"".join(sent[at : at + 70])
            file.write(piece[: len(piece) // 2])  # often in the middle of a line
            file.flush()
            time.sleep(0.4)
            file.write(piece[len(piece) // 2 :])
            os.fsync(file.fileno())
    wait_for((folder / "done" / "smdr.csv").exists)
    stopped(process)
    assert (folder / "done" / "smdr.csv").read_bytes() == b"".join(sent)
    taken = installation.rows("select tickets from ardoise_collect_takenfile")
    print(f"file of {len(sent)} lines written in 20 pieces: taken {taken}, {_counted(installation)} counted")
    assert taken == [(len(sent),)]
    assert _counted(installation) == len(sent)
