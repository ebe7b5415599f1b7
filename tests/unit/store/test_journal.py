"""The journal: what was acknowledged is read back byte for byte; what was not is cut, set aside and said."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ardoise.store.blobs import Blobs
from ardoise.store.journal import (
    Arrival,
    BadPosition,
    BadSource,
    Journal,
    JournalBroken,
    JournalDamaged,
    Kind,
    Position,
    ReceivedFile,
)
from ardoise.store.locks import JournalBusy

AT = datetime(2026, 10, 25, 0, 59, 59, 123456, tzinfo=UTC)
HEADER = 16  # bytes before the first entry of a segment
FRAME = 29  # bytes of an entry before its payload


def said(*payloads: bytes) -> list[Arrival]:
    return [Arrival(AT, 7, Kind.BYTES, payload) for payload in payloads]


def payloads(journal: Journal, start: Position | None = None) -> list[bytes]:
    return [entry.payload for entry in journal.read(start)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", "ipo-paris")


def test_entries_are_read_back_as_they_were_appended(journal: Journal) -> None:
    arrivals = [
        Arrival(AT, 1, Kind.CONNECT),
        Arrival(AT + timedelta(microseconds=1), 1, Kind.BYTES, b"2026/10/25 02:59:59,\r\n\x00\xff"),
        Arrival(AT + timedelta(hours=1), 1, Kind.DISCONNECT),
    ]
    with journal.writer() as writer:
        appended = writer.append(arrivals)
    read = list(journal.read())
    assert read == appended
    assert [(e.arrived_at, e.connection, e.kind, e.payload) for e in read] == [
        (a.arrived_at, a.connection, a.kind, a.payload) for a in arrivals
    ]


def test_an_entry_starts_where_the_one_before_ends(journal: Journal) -> None:
    with journal.writer() as writer:
        first, second = writer.append(said(b"abc", b"d"))
        assert first.position == Position(1, HEADER)
        assert first.after == second.position == Position(1, HEADER + FRAME + 3)
        assert writer.end == second.after == Position(1, HEADER + FRAME + 3 + FRAME + 1)


def test_reading_goes_on_from_the_end_of_the_last_entry(journal: Journal) -> None:
    with journal.writer() as writer:
        [seen] = writer.append(said(b"one"))
        assert payloads(journal, seen.after) == []
        writer.append(said(b"two"))
        assert payloads(journal, seen.after) == [b"two"]


def test_an_arrival_in_local_time_is_kept_as_the_same_instant(journal: Journal) -> None:
    from zoneinfo import ZoneInfo

    local = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris"))
    with journal.writer() as writer:
        writer.append([Arrival(local, 1, Kind.BYTES, b"x")])
    [entry] = journal.read()
    assert entry.arrived_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # second 02:30 of the night: UTC+1


def test_an_arrival_without_zone_is_refused_and_nothing_is_written(journal: Journal) -> None:
    with journal.writer() as writer, pytest.raises(ValueError, match="aware"):
        writer.append([*said(b"good"), Arrival(datetime(2026, 10, 25), 1, Kind.BYTES, b"x")])  # noqa: DTZ001
    assert payloads(journal) == []


def test_a_full_segment_is_followed_by_a_new_one(journal: Journal) -> None:
    with journal.writer(segment_bytes=100) as writer:
        for number in range(10):
            writer.append(said(b"%08d" % number))  # 37 bytes: 16 + 3 * 37 = 127 passes 100, so 3 entries a segment
    assert journal.segments() == [1, 2, 3, 4]
    assert payloads(journal) == [b"%08d" % number for number in range(10)]
    assert payloads(journal, Position(3, HEADER)) == [b"%08d" % number for number in range(6, 10)]


def test_writing_goes_on_after_reopening(journal: Journal) -> None:
    for number in range(3):
        with journal.writer(segment_bytes=60) as writer:
            assert writer.torn is None
            assert writer.damage is None
            writer.append(said(b"%d" % number))
    assert payloads(journal) == [b"0", b"1", b"2"]


def test_a_ticket_id_is_the_place_of_its_first_byte(journal: Journal) -> None:
    with journal.writer() as writer:
        writer.append(said(b"header\r\n"))
        [entry] = writer.append(said(b"first\r\nsecond\r\n"))
    at = entry.payload.index(b"second")
    offset = HEADER + FRAME + 8 + FRAME + 7
    assert entry.ticket_id(at) == f"ipo-paris:1:{offset}"
    assert journal.path(1).read_bytes()[offset : offset + 6] == b"second"
    assert journal.entry_of(f"ipo-paris:1:{offset}") == (entry, at)


def test_a_received_file_is_one_blob_named_in_the_journal(journal: Journal, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    data = b"caller;called\r\n33140000000;33612345678\r\n"
    with journal.writer() as writer:
        entry = writer.append_file(blobs, name="cdr été.csv", data=data, arrived_at=AT)
    [read] = journal.read()
    received = ReceivedFile.of(read)
    assert (received.name, received.size_bytes, blobs.get(received.digest)) == ("cdr été.csv", len(data), data)
    assert read.ticket_id(15) == f"ipo-paris:1:{HEADER}.15"
    assert journal.entry_of(f"ipo-paris:1:{HEADER}.15") == (entry, 15)


@pytest.mark.parametrize(
    "ticket_id",
    ["other:1:45", "ipo-paris:2:45", "ipo-paris:1:16", "ipo-paris:1:999", "ipo-paris:1", "ipo-paris:1:16.0", "x"],
)
def test_a_ticket_that_is_not_here_is_refused(journal: Journal, ticket_id: str) -> None:
    with journal.writer() as writer:
        writer.append(said(b"abc"))
    with pytest.raises(BadPosition):
        journal.entry_of(ticket_id)


@pytest.mark.parametrize("source", ["", "a/b", "..", "a:b", "é", "a" * 65, ".hidden"])
def test_a_source_that_cannot_name_a_folder_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(BadSource):
        Journal(tmp_path, source)


def test_positions_are_written_and_read_back() -> None:
    assert Position.parse(str(Position(3, 1024))) == Position(3, 1024)
    for text in ("", "3", "3:", ":4", "3:-1", "a:b"):
        with pytest.raises(BadPosition):
            Position.parse(text)


# Crashes -------------------------------------------------------------------------------------------------------------


def test_every_cut_of_the_last_append_leaves_the_entries_before_it(journal: Journal) -> None:
    """Whatever part of the last group reached the disk: whole entries stay, the rest is set aside and reported."""
    with journal.writer() as writer:
        [kept] = writer.append(said(b"kept"))
        group = writer.append(said(b"one", b"three"))
    whole = journal.path(1).read_bytes()
    for size in range(kept.after.offset, len(whole)):
        journal.path(1).write_bytes(whole[:size])
        survivors = [b"kept"] + [entry.payload for entry in group if entry.after.offset <= size]
        with journal.writer() as writer:
            assert payloads(journal) == survivors
            cut = size - writer.end.offset
            if cut == 0:
                assert writer.torn is None
            else:
                assert writer.torn is not None
                assert writer.torn.size_bytes == cut
                assert writer.torn.kept_in.read_bytes() == whole[writer.end.offset : size]
                assert f"{cut} bytes cut at {writer.end}" in str(writer.torn)
                writer.torn.kept_in.unlink()
            writer.append(said(b"next"))
        assert payloads(journal) == [*survivors, b"next"]


def test_a_tail_of_zeros_left_by_a_power_cut_is_cut(journal: Journal) -> None:
    with journal.writer() as writer:
        writer.append(said(b"kept"))
    with journal.path(1).open("ab") as file:
        file.write(bytes(4096))
    with journal.writer() as writer:
        assert writer.torn is not None
        assert writer.torn.size_bytes == 4096
    assert payloads(journal) == [b"kept"]


def test_a_hole_inside_an_unsynced_group_is_a_torn_tail(journal: Journal) -> None:
    """A power cut may keep the end of a group and lose its middle: nothing of it was acknowledged."""
    with journal.writer() as writer:
        writer.append(said(b"kept"))
        first, _ = writer.append(said(b"lost", b"stays"))
    flip(journal.path(1), first.after.offset - 1)
    with journal.writer() as writer:
        assert writer.damage is None
        assert writer.torn is not None
        assert writer.torn.at == first.position
    assert payloads(journal) == [b"kept"]


def test_damage_to_acknowledged_bytes_is_never_cut(journal: Journal) -> None:
    with journal.writer() as writer:
        [first] = writer.append(said(b"first"))
        [hurt] = writer.append(said(b"hurt"))
        writer.append(said(b"third"))
        writer.append(said(b"fourth"))
    flip(journal.path(1), hurt.after.offset - 1)
    before = journal.path(1).read_bytes()
    with journal.writer() as writer:
        assert writer.torn is None
        assert writer.damage is not None
        assert (writer.damage.at, writer.damage.resume) == (hurt.position, hurt.after)
        writer.append(said(b"after"))
    assert journal.path(1).read_bytes() == before
    with pytest.raises(JournalDamaged) as refused:
        payloads(journal)
    assert (refused.value.at, refused.value.resume) == (hurt.position, hurt.after)
    assert payloads(journal, refused.value.resume) == [b"third", b"fourth", b"after"]
    assert first.payload == b"first"


def test_a_reader_meets_the_damage_of_a_closed_segment(journal: Journal) -> None:
    with journal.writer(segment_bytes=60) as writer:
        [hurt] = writer.append(said(b"x" * 60))
        writer.append(said(b"next segment"))
    flip(journal.path(1), hurt.position.offset + 4)
    with pytest.raises(JournalDamaged) as refused:
        payloads(journal)
    assert refused.value.resume == Position(2, HEADER)
    assert payloads(journal, refused.value.resume) == [b"next segment"]


def test_an_entry_moved_elsewhere_is_not_an_entry(journal: Journal) -> None:
    """A stale block of the disk may hold a good frame of another place."""
    with journal.writer() as writer:
        [entry] = writer.append(said(b"once"))
    frame = journal.path(1).read_bytes()[entry.position.offset :]
    with journal.path(1).open("ab") as file:
        file.write(frame)
    with journal.writer() as writer:
        assert writer.torn is not None
    assert payloads(journal) == [b"once"]


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0xFF
    path.write_bytes(data)


# The lease, and disks that fail --------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_told_who_holds_the_source(journal: Journal) -> None:
    with journal.writer() as writer:
        writer.append(said(b"one"))
        with pytest.raises(JournalBusy, match=rf"process {os.getpid()} "):
            journal.writer()
        assert payloads(journal) == [b"one"]  # reading needs no lease
    journal.writer().close()


def test_a_closed_writer_accepts_nothing(journal: Journal) -> None:
    writer = journal.writer()
    writer.close()
    with pytest.raises(JournalBroken, match="closed"):
        writer.append(said(b"x"))


# Half a group fits under the file size the system allows: a real short write, then a real refusal.
LIMITED = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from ardoise.store.journal import Arrival, Journal, JournalFull, Kind
writer = Journal(Path(sys.argv[1]), "pbx").writer()
at = datetime(2026, 10, 1, tzinfo=UTC)
writer.append([Arrival(at, 1, Kind.BYTES, b"kept")])
resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
try:
    writer.append([Arrival(at, 1, Kind.BYTES, b"x" * 100)] * 4)
except JournalFull as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append([Arrival(at, 1, Kind.BYTES, b"later")])
"""


def test_a_group_that_does_not_fit_is_refused_whole_and_room_made_later_is_used(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "refused:" in done.stdout
    assert "nothing was acknowledged" in done.stdout
    assert payloads(Journal(tmp_path, "pbx")) == [b"kept", b"later"]


FULL_DISK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ardoise.store.blobs import Blobs, BlobsFull
from ardoise.store.journal import Arrival, Journal, JournalFull, Kind
disk = Path(sys.argv[1])
journal = Journal(disk / "journal", "pbx")
writer = journal.writer(segment_bytes=100_000)
at = datetime(2026, 10, 1, tzinfo=UTC)
accepted = 0
try:
    while True:
        writer.append([Arrival(at, 1, Kind.BYTES, b"%06d" % accepted + b"x" * 3000), Arrival(at, 1, Kind.BYTES)])
        accepted += 1
except JournalFull:
    pass
assert accepted > 100, accepted
assert len(list(journal.read())) == 2 * accepted
try:
    Blobs(disk / "blobs").put(b"y" * 100_000)
except BlobsFull:
    pass
assert not list((disk / "blobs").rglob("*y*")) and not list((disk / "blobs").rglob("*.part"))
writer.close()
writer = journal.writer()
assert writer.torn is None and writer.damage is None
assert [e.payload[:6] for e in journal.read() if e.payload] == [b"%06d" % n for n in range(accepted)]
print("accepted", accepted)
"""


def test_on_a_full_disk_what_was_accepted_stays_and_the_rest_is_refused(tmp_path: Path) -> None:
    """A real file system of 1 MB, mounted for this test alone."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "story.py").write_text(FULL_DISK)
    script = f"mount -t tmpfs -o size=1m tmpfs {tmp_path}/disk && {sys.executable} {tmp_path}/story.py {tmp_path}/disk"
    probe = ["unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=1m tmpfs {tmp_path}/disk"]
    try:
        may_mount = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        may_mount = False
    if not may_mount:
        pytest.skip("this machine lets nobody mount a small disk (unshare -rm)")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout


def test_only_an_entry_of_a_file_names_a_file(journal: Journal) -> None:
    with journal.writer() as writer:
        [entry] = writer.append(said(b"x"))
    with pytest.raises(ValueError, match="not FILE"):
        ReceivedFile.of(entry)


def test_a_ticket_is_found_from_an_entry_before_it(journal: Journal) -> None:
    with journal.writer() as writer:
        entries = writer.append(said(*(f"ticket {n}".encode() for n in range(20))))
    journal.path(1).write_bytes(journal.path(1).read_bytes().replace(b"ticket 3", b"damaged!"))  # never read
    near = [entry.position for entry in entries[5:15]]
    entry, at = journal.entry_of(entries[9].ticket_id(2), near=near)
    assert (entry.payload, at) == (b"ticket 9", 2)


def test_an_entry_can_be_blanked_in_its_place(journal: Journal) -> None:
    with journal.writer() as writer:
        entries = writer.append(said(b"one", b"0612345678", b"three"))
        journal.blank(entries[1].position, b"xxxxxxxxxx")  # beside a writer at work
        writer.append(said(b"four"))
    read = list(journal.read())
    assert [entry.payload for entry in read] == [b"one", b"xxxxxxxxxx", b"three", b"four"]
    assert [entry.position for entry in read][:3] == [entry.position for entry in entries]
    assert b"0612345678" not in journal.path(1).read_bytes()
    assert list(journal.folder.glob("*.blank")) == []
    with pytest.raises(ValueError, match="holds 3 bytes"):
        journal.blank(entries[0].position, b"longer")
    with pytest.raises(BadPosition):
        journal.blank(Position(1, entries[0].position.offset + 1), b"one")


@pytest.mark.parametrize("reader", ["reader", "writer"])
@pytest.mark.parametrize("written", [0, 12, 27, 30, 36])  # bytes of the new frame (29 + 10) that were in place
def test_a_death_while_blanking_is_finished_by_whoever_comes_next(journal: Journal, written: int, reader: str) -> None:
    with journal.writer() as writer:
        entries = writer.append(said(b"one", b"0612345678", b"three"))
        writer.append(said(b"four"))
    before = journal.path(1).read_bytes()
    journal.blank(entries[1].position, b"xxxxxxxxxx")
    after = journal.path(1).read_bytes()
    at = entries[1].position.offset
    frame = after[at : entries[1].after.offset]
    journal.path(1).write_bytes(before[:at] + frame[:written] + before[at + written :])
    (journal.folder / f"00000001-{at}.blank").write_bytes(frame)
    if reader == "writer":
        journal.writer().close()
        assert list(journal.folder.glob("*.blank")) == []
    first, second, *others = payloads(journal)
    # a reader only notices a frame that is no longer whole; the next writer looks for what was begun
    assert second == b"xxxxxxxxxx" or (second == b"0612345678" and reader == "reader")
    assert (first, others) == (b"one", [b"three", b"four"])
