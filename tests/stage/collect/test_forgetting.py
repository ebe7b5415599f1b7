"""Calls that a protected extension joins late: the numbers of the tickets before it are forgotten too, everywhere."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ardoise.collect.batch import journal_of
from ardoise.collect.files import redacted
from ardoise.collect.models import DayCount, FreshUsage, Quarantined, RecentTickets, SourceEvent, SourceState
from ardoise.collect.redaction import ProtectedExtension, Protection, Redactor
from ardoise.formats.avaya_ipoffice import FORMAT
from stage.collect.pbx_wire import NOON, Pbx

NUMBER = b"0612345678"


def ticket(extension: str, more: int, *, call_id: int = 1_000_009, blanked: bool = False) -> bytes:
    """A segment of one outgoing call; the receiver has already blanked those of a protected extension."""
    number = "x" * 11 if blanked else "00612345678"
    call = f"2026/10/05 13:40:00,00:00:33,4,201,O,{number},{number},,0,{call_id},{more}"
    return f"{call},E{extension},Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


FIRST, LAST, OTHER = ticket("201", 1), ticket("214", 0, blanked=True), ticket("203", 0, call_id=1_000_010)


def files_with(home: Path, text: bytes) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and text in path.read_bytes()]


def journalled(pbx: Pbx) -> bytes:
    return b"".join(entry.payload for entry in journal_of(pbx.source.code).read())


def test_the_ticket_before_the_protected_one_loses_its_number_in_the_journal(avaya: Pbx, home: Path) -> None:
    avaya.sends(FIRST)
    avaya.parse()
    assert NUMBER in journalled(avaya)  # nobody can know yet
    avaya.sends(LAST)
    avaya.parse()
    (call,) = avaya.calls()
    assert (call["number_key"], call["called"], call["talk_s"], call["legs"]) == ("", "", 66, 2)
    assert NUMBER not in journalled(avaya)
    assert len(journalled(avaya)) == len(b"192.0.2.10:40001" + FIRST + LAST)
    assert files_with(home / "journal", NUMBER) == []
    assert NUMBER.decode() not in str(SourceState.objects.get().assembler)
    assert avaya.counts().in_calls == 2


def test_the_calls_of_others_keep_theirs(avaya: Pbx) -> None:
    avaya.sends(FIRST, OTHER, LAST)  # one entry of the journal
    avaya.parse()
    assert sorted(str(call["number_key"]) for call in avaya.calls()) == ["", "33612345678"]
    assert journalled(avaya).count(NUMBER) == OTHER.count(NUMBER)
    assert OTHER in journalled(avaya)


def test_a_ticket_that_lies_over_two_entries_is_blanked_in_both(avaya: Pbx) -> None:
    middle = FIRST.index(NUMBER) + 4
    avaya.sends(FIRST[:middle])
    avaya.sends(FIRST[middle:] + OTHER)
    avaya.sends(LAST)
    avaya.parse()
    assert FIRST[middle - 4 : middle] not in journalled(avaya).replace(OTHER, b"").replace(b"2026/10/05", b"")
    assert OTHER in journalled(avaya) and journalled(avaya).count(NUMBER) == OTHER.count(NUMBER)


def test_what_the_pbx_sends_again_is_blanked_too(avaya: Pbx) -> None:
    avaya.sends(FIRST, LAST)
    avaya.parse()
    avaya.hangs_up()
    avaya.connects()
    avaya.sends(FIRST, LAST)
    avaya.parse()
    assert avaya.reasons() == ["replayed", "replayed"]
    assert not any(NUMBER in bytes(row.raw) for row in Quarantined.objects.all())
    assert NUMBER not in journalled(avaya)


def test_the_tickets_of_one_call_in_a_file_are_blanked_together() -> None:
    protection = Protection([ProtectedExtension("214", date(2026, 1, 1), None)])
    redactor = Redactor(FORMAT, {}, lambda: protection)
    data = FIRST + OTHER + ticket("214", 1) + ticket("202", 0)
    kept = redacted(data, FORMAT, redactor, arrived_at=NOON)
    assert len(kept) == len(data)
    assert kept.count(NUMBER) == OTHER.count(NUMBER)


def test_a_second_reading_of_the_journal_gives_the_same_call(avaya: Pbx) -> None:
    avaya.sends(FIRST, LAST)
    avaya.parse()
    before = avaya.calls()
    for table in (FreshUsage, SourceState, RecentTickets, DayCount, SourceEvent):
        table.objects.all().delete()
    avaya.parse()
    assert [{**call} for call in avaya.calls()] == before
