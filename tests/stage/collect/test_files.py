"""Dropped files: one batch each, all of it or nothing; never twice; nothing unread is lost."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from ardoise.collect import operations, rows
from ardoise.collect.files import Watch
from ardoise.collect.models import Quarantined, Source, SourceEvent, TakenFile
from ardoise.collect.queries import folder_of
from ardoise.core.schema import USAGE
from ardoise.directory.models import Identifier, Line
from ardoise.store.queries import scan
from stage.collect.pbx_wire import NOON, Pbx

PROFILE = """
name = "voixnet"
title = "VoixNet"

[file]
kind = "{kind}"
delimiter = ";"
header = false

[fields]
start = 1
duration = 2
calling = 3
called = 4
id = 5
price = 6

[start]
formats = ["%Y-%m-%d %H:%M:%S"]

[direction]
default = "out"

[[tests]]
line = "2026-10-02 09:00:00;60;0478000001;0612345678;A;0.0250"
expect = {{ duration_s = 60, called = "0612345678" }}
"""


def row(id: str = "", at: str = "2026-10-02 09:00:00", *, talk: int = 60, price: str = "0.0250") -> str:
    return f"{at};{talk};0478000001;0612345678;{id};{price}"


class Folder(Pbx):
    """A source of files and its folder."""

    @property
    def path(self) -> Path:
        return folder_of(self.source)

    def drop(self, *rows: str, name: str = "cdr.csv") -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text("".join(f"{text}\n" for text in rows), encoding="utf-8")

    def collect(self) -> operations.Parsed:
        self.now += timedelta(minutes=1)
        (parsed,) = operations.collect_once(now=self.now, sources=[self.source.code])
        return parsed

    def inside(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.path / folder).glob("*"))


@pytest.fixture
def make_folder(make_source: Callable[..., Source]) -> Callable[[str], Folder]:
    def make(kind: str) -> Folder:
        return Folder(
            make_source(
                "voixnet",
                format="delimited",
                transport=Source.Transport.FILES,
                options={"profile": PROFILE.format(kind=kind)},
                pattern="*.csv",
            )
        )

    return make


@pytest.fixture
def folder(make_folder: Callable[[str], Folder]) -> Folder:
    return make_folder("cumulative")


def test_a_file_is_taken_whole_and_put_away(folder: Folder) -> None:
    folder.drop(row("1"), row("2", "2026-10-02 10:00:00"))
    parsed = folder.collect()
    assert (parsed.files, parsed.calls) == (1, 2)
    assert (folder.inside("done"), list(folder.path.glob("*.csv"))) == (["cdr.csv"], [])
    assert [call["operator_micros"] for call in folder.calls()] == [25_000, 25_000]
    assert folder.counts().in_calls == 2


def test_the_same_bytes_again_are_noted_and_change_nothing(folder: Folder) -> None:
    folder.drop(row("1"))
    folder.collect()
    folder.drop(row("1"), name="again.csv")
    assert folder.collect() == operations.Parsed("voixnet")
    (event,) = SourceEvent.objects.filter(kind="file")
    assert event.text.startswith("again.csv: these bytes were already taken on 2026-10-05")
    assert folder.inside("done") == ["again.csv", "cdr.csv"]
    assert folder.counts().received == 1


def test_a_file_sent_again_with_more_lines_adds_only_those(folder: Folder) -> None:
    folder.drop(row("1"), row("2"))
    folder.collect()
    folder.drop(row("1"), row("2"), row("3"))
    folder.collect()
    assert len(folder.calls()) == 3
    assert folder.reasons() == ["duplicate", "duplicate"]
    assert Quarantined.objects.first().detail == "cdr.csv, line 1: this line was already taken from an earlier file"
    assert folder.inside("done") == ["cdr-2.csv", "cdr.csv"]
    assert folder.counts().received == 5


def test_equal_lines_count_as_often_as_one_delivery_holds_them(folder: Folder) -> None:
    folder.drop(row(), row())
    folder.collect()
    assert len(folder.calls()) == 2  # two real calls of the same second
    folder.drop(row(), row(at="2026-10-02 11:00:00"))
    folder.collect()
    assert len(folder.calls()) == 3  # once in this file, twice before: nothing new but the 11:00 call
    folder.drop(row(), row(), row())
    folder.collect()
    assert len(folder.calls()) == 4  # three times in one file: a third one
    assert folder.counts().received == 7


def test_a_sender_that_gives_an_id_again_corrects_its_call(make_folder: Callable[[str], Folder]) -> None:
    folder = make_folder("keyed")
    folder.drop(row("A", talk=60), row("B"))
    folder.collect()
    first = folder.calls()[0]["usage_id"]
    folder.drop(row("A", talk=90), row("B"), name="corrected.csv")
    folder.collect()
    assert sorted(int(str(call["talk_s"])) for call in folder.calls()) == [60, 90]
    assert next(call["usage_id"] for call in folder.calls() if call["talk_s"] == 90) == first  # the call keeps its id
    assert sorted(folder.reasons()) == ["duplicate", "superseded"]
    assert bytes(Quarantined.objects.get(reason="superseded").raw) == (row("A", talk=60) + "\n").encode()
    assert folder.counts().in_calls == 2
    folder.drop(row("A", "2026-10-03 09:00:00", talk=120), name="again.csv")
    folder.collect()
    assert sorted(int(str(call["talk_s"])) for call in folder.calls()) == [60, 120]
    assert folder.counts().in_calls == 2


def test_a_correction_reaches_a_sealed_call_even_in_another_month(make_folder: Callable[[str], Folder]) -> None:
    folder = make_folder("keyed")
    folder.drop(row("A", "2026-09-30 09:00:00"), row("B", "2026-09-30 10:00:00"))
    folder.collect()
    assert operations.seal_months(months=["2026-09"], now=folder.now) == 2
    folder.drop(row("A", "2026-10-01 09:00:00", talk=90), name="corrected.csv")
    folder.collect()
    operations.seal_months(months=["2026-09", "2026-10"], now=folder.now)
    sealed = scan("usage").sort(USAGE.answered_at).collect()
    assert sealed.get_column(USAGE.talk_s).to_list() == [60, 90]
    assert sealed.get_column(USAGE.usage_id).n_unique() == 2
    assert folder.counts().in_calls == 2


def test_bad_lines_go_to_quarantine_with_their_number(folder: Folder) -> None:
    folder.drop(row("1"), "this;is;no;call", row("2").replace("2026-10-02", "2026-02-30"), row("3"))
    folder.collect()
    kept = list(Quarantined.objects.order_by("line_number").values_list("line_number", "reason"))
    assert [number for number, _ in kept] == [2, 3]
    assert all(text.startswith("cdr.csv, line ") for text in Quarantined.objects.values_list("detail", flat=True))
    assert folder.counts().in_calls == 2


def test_a_file_of_which_nothing_can_be_read_is_refused_with_the_reason(folder: Folder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "photo.csv").write_bytes(bytes(range(256)) * 40)
    (folder.path / "empty.csv").write_bytes(b"")
    parsed = folder.collect()
    assert (parsed.refused_files, parsed.tickets) == (2, 0)
    assert folder.inside("refused") == ["empty.csv", "empty.csv.reason.txt", "photo.csv", "photo.csv.reason.txt"]
    reason = (folder.path / "refused" / "photo.csv.reason.txt").read_text()
    assert "It is not a text file." in reason
    assert "Check the format, options and profile of the source" in reason
    assert not TakenFile.objects.exists()
    assert SourceEvent.objects.filter(kind="alarm").count() == 2


def test_a_file_still_being_written_is_left_alone(tmp_path: Path) -> None:
    watch = Watch(tmp_path, "*.csv")
    for name in ("growing.csv", "whole.csv", "renamed.csv.part", ".hidden.csv"):
        (tmp_path / name).write_text("x\n")
    assert watch.complete(stable_s=0.2) == []  # first seen
    with (tmp_path / "growing.csv").open("a") as file:
        file.write("y\n")
    time.sleep(0.1)
    watch.complete(stable_s=0.2)
    time.sleep(0.12)
    assert [path.name for path in watch.complete(stable_s=0.2)] == ["whole.csv"]


def test_a_file_journalled_before_a_crash_is_counted_once(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.drop(row("1"), row("2"))

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(operations, "parse", lambda **_: operations.Parsed("voixnet"))  # died before parsing
    monkeypatch.setattr(operations.dropped, "put_away", die)
    with pytest.raises(KeyboardInterrupt):
        folder.collect()
    monkeypatch.undo()
    parsed = folder.collect()
    assert (parsed.calls, folder.inside("done")) == (2, ["cdr.csv"])
    assert not SourceEvent.objects.filter(kind="file").exists()
    assert folder.counts().in_calls == 2


def test_a_refused_batch_leaves_no_trace(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.drop(row("1"), row("2"))

    def fail(*_: object) -> None:
        raise OSError("the disk went away")

    monkeypatch.setattr(rows, "add_up", fail)  # the last write of the transaction
    with pytest.raises(OSError, match="went away"):
        folder.collect()
    assert (folder.calls(), TakenFile.objects.count()) == ([], 0)
    monkeypatch.undo()
    assert folder.collect().calls == 2
    assert folder.counts().in_calls == 2


def test_numbers_of_a_protected_extension_are_nowhere_on_the_disk(
    make_source: Callable[..., Source], home: Path
) -> None:
    line = Line.objects.create(code="delegate", no_detail=True)
    for value, start in (("201", date(2026, 1, 1)), ("202", date(2026, 11, 1))):
        Identifier.objects.create(
            kind=Identifier.Kind.EXTENSION, value=value, line=line, valid_from_date=start, recorded_at=NOON
        )
    folder = Folder(make_source("ipo", transport=Source.Transport.FILES))
    talk = "2026/10/05 13:40:00,00:01:01,4,{0},O,00612345678,00612345678,,0,1,0,E{0},Ana,T9001,LINE 1.1,0,0" + "," * 13
    other = talk.format("202").replace("0612345678", "0698765432")
    folder.drop(talk.format("201"), other, "not a ticket: 201 called 00612345678", name="smdr.csv")
    folder.collect()
    holding = [path for path in home.rglob("*") if path.is_file() and b"612345678" in path.read_bytes()]
    assert holding == []
    assert [(call["number_key"], call["flags"]) for call in folder.calls()] == [("", "no_detail"), ("33698765432", "")]
    assert folder.inside("done") == ["smdr.csv"]
    assert b"698765432" in (folder.path / "done" / "smdr.csv").read_bytes()  # 202 is protected from November only
    folder.drop(talk.format("201"), other, "not a ticket: 201 called 00612345678", name="again.csv")
    assert folder.collect() == operations.Parsed("ipo")  # the same file is known again, redacted


def test_a_drop_copies_the_file_whole(folder: Folder, tmp_path: Path) -> None:
    file = tmp_path / "october.csv"
    file.write_text(row("1") + "\n")
    assert operations.drop_file(source="voixnet", file=file) == folder.path / "october.csv"
    with pytest.raises(FileExistsError, match="already there and not taken yet"):
        operations.drop_file(source="voixnet", file=file)
    assert folder.collect().calls == 1


def test_only_a_source_of_files_takes_files(avaya: Pbx, tmp_path: Path) -> None:
    with pytest.raises(operations.NotAFileSource, match="receives by tcp_server"):
        operations.drop_file(source="ipo", file=tmp_path)


def test_a_compressed_file_is_taken_as_what_it_holds_and_kept_as_it_came(folder: Folder) -> None:
    Source.objects.update(pattern="*")
    packed = gzip.compress(f"{row('1')}\n{row('2', '2026-10-02 10:00:00')}\n".encode())
    folder.path.mkdir(parents=True)
    (folder.path / "cdr.csv.gz").write_bytes(packed)
    assert folder.collect().calls == 2
    assert (folder.path / "done" / "cdr.csv.gz").read_bytes() == packed
    folder.drop(row("1"), row("2", "2026-10-02 10:00:00"), name="unpacked.csv")
    assert folder.collect() == operations.Parsed("voixnet")  # the same calls
    (folder.path / "cut.csv.gz").write_bytes(packed[:-4])
    assert folder.collect().refused_files == 1
    assert "cut short" in (folder.path / "refused" / "cut.csv.gz.reason.txt").read_text()


def test_a_compressed_file_with_a_protected_number_is_kept_unpacked_and_blanked(
    make_source: Callable[..., Source], home: Path
) -> None:
    line = Line.objects.create(code="delegate", no_detail=True)
    Identifier.objects.create(
        kind=Identifier.Kind.EXTENSION, value="201", line=line, valid_from_date=date(2026, 1, 1), recorded_at=NOON
    )
    folder = Folder(make_source("ipo", transport=Source.Transport.FILES))
    talk = (
        b"2026/10/05 13:40:00,00:01:01,4,201,O,00612345678,00612345678,,0,1,0,E201,Ana,T9001,LINE 1.1,0,0" + b"," * 13
    )
    folder.path.mkdir(parents=True)
    (folder.path / "smdr.txt.gz").write_bytes(gzip.compress(talk + b"\r\n"))
    assert folder.collect().calls == 1
    assert folder.inside("done") == ["smdr.txt"]
    assert b"00612345678" not in (folder.path / "done" / "smdr.txt").read_bytes()
