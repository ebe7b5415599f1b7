"""From the journal to calls, events and quarantine: each story ends with the completeness equation (`Pbx.counts`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.collect import batch, operations, reading, writes
from ardoise.collect.models import Quarantined, Source, SourceEvent, SourceState
from ardoise.collect.queries import coverage, source_health
from ardoise.core.assembly import BadAssembly
from ardoise.core.usage import Direction, Leg, PrintedTime
from ardoise.formats.spec import BadOption
from stage.collect.pbx_wire import NOON, Pbx

PLAIN = Leg(PrintedTime(2026, 10, 5, 9, 12, 33), 61, None, None, "0612345678", Direction.OUT, "201", "T1", True)


def out(call_id: int, start: str = "2026/10/05 13:40:00", *, talk: str = "00:01:01", more: int = 0) -> bytes:
    """An outgoing Avaya record of extension 201 to 06 12 34 56 78."""
    call = f"{start},{talk},4,201,O,00612345678,00612345678,,0,{call_id},{more}"
    return f"{call},E201,Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def line(clock: str = "13:40", *, digits: str = "00145678901") -> bytes:
    """An outgoing Mitel record of extension 214: no year, minutes only, no call id (columns of the SX-2000 manual)."""
    # col: 1 long call, 2-6 date, 8-13 start, 15-22 duration, 24-27 calling, 34-59 digits, 60 completion, 62-65 called
    text = f" 10/05 {clock}  00:01:01 214       {digits:<26}A T101"
    return f"{text:<90}".rstrip().encode() + b"\r\n"


def test_a_call_becomes_usage(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001))
    parsed = avaya.parse()
    assert (parsed.tickets, parsed.in_calls, parsed.calls, parsed.waiting) == (1, 1, 1, 0)
    (call,) = avaya.calls()
    assert call["usage_id"] == f"ipo:1:{ticket_offset(avaya)}"
    assert call["start_at"] == "2026-10-05T11:40:00+00:00"  # 13:40 in Paris, summer time
    assert call["answered_at"] == "2026-10-05T11:40:04+00:00"
    assert (call["number_key"], call["talk_s"], call["party"]) == ("33612345678", 61, "201")
    assert avaya.counts().in_calls == 1
    assert coverage(EVERYTHING, month="2026-10") == {"ipo": {date(2026, 10, 5): 1}}


def ticket_offset(pbx: Pbx) -> str:
    entry = next(entry for entry in batch.journal_of(pbx.source.code).read() if entry.payload.startswith(b"2026"))
    return entry.ticket_id(0).rpartition(":")[2]


def test_parsing_again_changes_nothing(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001), b"garbage\r\n")
    avaya.parse()
    before = avaya.calls(), avaya.counts()
    assert avaya.parse() == operations.Parsed("ipo")
    assert (avaya.calls(), avaya.counts()) == before


def test_a_ticket_in_two_journal_entries_is_one_ticket(avaya: Pbx) -> None:
    ticket = out(1_000_001)
    avaya.sends(ticket[:50])  # it stayed unfinished for 30 seconds
    avaya.parse()
    assert avaya.counts().received == 0  # not yet a ticket
    avaya.sends(ticket[50:], out(1_000_002))
    avaya.parse()
    assert avaya.counts().in_calls == 2
    assert len(avaya.calls()) == 2


def test_nul_bytes_and_blank_lines_are_no_tickets(avaya: Pbx) -> None:
    avaya.sends(b"\x00\x00" + out(1_000_001), b"\r\n", b"\x00\r\n", out(1_000_002))
    avaya.parse()
    assert avaya.counts().received == 2
    assert [call["number_key"] for call in avaya.calls()] == ["33612345678"] * 2


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"hello, is this the right port?\r\n", "garbage"),
        (b"2026/10/05 13:40:00,00:01:01,4,201\r\n", "column_count"),
        (out(7).replace(b"2026/10/05", b"2026/02/30"), "impossible_date"),
        (out(7).replace(b"00:01:01", b"a minute"), "bad_duration"),
    ],
)
def test_what_cannot_be_read_goes_to_quarantine_with_its_bytes(avaya: Pbx, record: bytes, reason: str) -> None:
    avaya.sends(out(1_000_001), record, out(1_000_002))
    avaya.parse()
    (kept,) = Quarantined.objects.all()
    assert (kept.reason, bytes(kept.raw)) == (reason, record)
    assert kept.detail
    assert avaya.counts().in_calls == 2


def test_two_identical_lines_of_one_stream_are_two_calls(mitel: Pbx) -> None:
    mitel.sends(line(), line())
    mitel.sends(line())
    mitel.parse()
    assert mitel.counts().in_calls == 3
    assert len(mitel.calls()) == 3


def test_the_last_block_sent_again_after_a_reconnection_is_counted_once(mitel: Pbx) -> None:
    mitel.sends(line("13:40"), line("13:41"), line("13:42"))
    mitel.parse()
    mitel.hangs_up()
    mitel.connects()
    mitel.sends(line("13:41"))
    mitel.parse()  # the replay may span several batches
    mitel.sends(line("13:42"), line("13:43"), line("13:43"))
    mitel.parse()
    assert mitel.reasons() == ["replayed", "replayed"]
    assert len(mitel.calls()) == 5  # 13:40, 13:41, 13:42 and twice 13:43
    assert mitel.counts().received == 7


def test_a_repeated_line_that_is_no_replay_is_a_call(mitel: Pbx) -> None:
    mitel.sends(line("13:40"))
    mitel.hangs_up()
    mitel.connects()
    mitel.sends(line("13:41"), line("13:40"))  # the first ticket is new: nothing after it is a replay
    mitel.parse()
    assert (len(mitel.calls()), mitel.reasons()) == (3, [])


def test_two_identical_calls_replayed_are_two_calls(mitel: Pbx) -> None:
    mitel.sends(line(), line())
    mitel.dies()
    mitel.connects()
    mitel.sends(line(), line(), line())  # both again, and a third one
    mitel.parse()
    assert (len(mitel.calls()), mitel.reasons()) == (3, ["replayed", "replayed"])


def test_a_ticket_cut_by_the_end_of_the_connection_is_kept_and_comes_again_whole(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001))
    avaya.sends(out(1_000_002)[:60])
    avaya.hangs_up()
    avaya.connects()
    avaya.sends(out(1_000_001), out(1_000_002))
    avaya.parse()
    assert avaya.reasons() == ["cut", "replayed"]
    assert len(avaya.calls()) == 2
    assert avaya.counts().received == 4


def test_a_readable_cut_ticket_sent_again_is_counted_once(mitel: Pbx) -> None:
    whole = line("13:40")
    mitel.sends(whole[:-2])  # only its terminator is missing
    mitel.hangs_up()
    mitel.connects()
    mitel.sends(whole, line("13:41"))
    mitel.parse()
    assert (len(mitel.calls()), mitel.reasons()) == (2, ["replayed"])


def test_the_segments_of_a_call_wait_for_the_last_one(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001, more=1))
    assert avaya.parse().waiting == 1
    assert (avaya.counts().waiting, avaya.calls()) == (1, [])
    avaya.sends(out(1_000_001, talk="00:00:30"))
    avaya.parse()
    (call,) = avaya.calls()
    assert (call["legs"], call["talk_s"]) == (2, 91)  # 61 + 30
    assert avaya.counts().in_calls == 2


def test_an_overdue_call_is_closed_without_its_last_segment(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001, more=1))
    avaya.parse()
    operations.parse(source="ipo", now=avaya.now + timedelta(hours=5))
    (call,) = avaya.calls()
    assert "incomplete" in str(call["flags"])
    assert avaya.counts().waiting == 0


def test_closing_a_month_makes_calls_of_all_that_waits(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001, more=1))
    closed = operations.close_waiting(source="ipo", now=avaya.now)
    assert (closed.calls, closed.waiting) == (1, 0)
    assert avaya.counts().in_calls == 1


def test_a_pbx_that_restarts_its_ids_gives_other_calls(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001, "2026/10/05 13:00:00", more=1))
    avaya.sends(out(1_000_002, "2026/10/05 13:05:00"))
    avaya.sends(out(1_000_001, "2026/10/05 13:30:00"))  # after a reboot
    operations.close_waiting(source="ipo", now=avaya.now)
    assert [(call["start_at"], call["legs"]) for call in avaya.calls()] == [
        ("2026-10-05T11:00:00+00:00", 1),
        ("2026-10-05T11:05:00+00:00", 1),
        ("2026-10-05T11:30:00+00:00", 1),
    ]
    assert avaya.counts().in_calls == 3


def test_a_state_survives_between_any_two_tickets(avaya: Pbx, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same story in one batch and in a batch a ticket: reader, clock, assembler and replay resume exactly."""
    avaya.sends(out(1_000_001, more=1))
    avaya.sends(out(1_000_002))
    avaya.sends(out(1_000_003)[:70])
    avaya.sends(out(1_000_003)[70:], out(1_000_001))
    avaya.dies()
    avaya.connects()
    avaya.sends(out(1_000_003))
    avaya.sends(out(1_000_001))
    avaya.sends(out(1_000_004))
    avaya.parse()
    at_once = avaya.calls(), avaya.counts(), avaya.reasons()
    monkeypatch.setattr(batch, "BATCH_TICKETS", 1)
    monkeypatch.setattr(batch, "LARGEST_BATCH_TICKETS", 1)
    _forget(avaya.source)
    avaya.parse()  # what one batch leaves in memory
    assert (avaya.calls(), avaya.counts(), avaya.reasons()) == at_once
    _forget(avaya.source)
    more = True
    while more:  # what one batch leaves in the database
        one = batch.Batch(batch.Memory.load(avaya.source))
        more = one.collect(now=avaya.now)
        assert writes.write([one]) == [one]
    assert (avaya.calls(), avaya.counts(), avaya.reasons()) == at_once
    assert at_once[2] == ["replayed", "replayed"]
    assert len(at_once[0]) == 4


def _forget(source: Source) -> None:
    """Parse the journal from its beginning."""
    for related in (source.fresh, source.quarantined, source.events, source.day_counts, source.coverage):
        related.all().delete()
    source.seenticket_set.all().delete()
    source.recenttickets_set.all().delete()
    SourceState.objects.filter(source=source).delete()


def test_connections_are_events_but_not_tickets(avaya: Pbx) -> None:
    avaya.hangs_up()
    avaya.parse()
    said = SourceEvent.objects.filter(noticed=True).order_by("pk").values_list("kind", "text")
    assert list(said) == [("connected", "192.0.2.10:40001"), ("lost", "closed by the other side")]
    assert avaya.counts().received == 0


def test_a_damaged_journal_is_said_and_what_follows_is_read(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001))
    avaya.sends(out(1_000_002))
    avaya.sends(out(1_000_003))
    path = batch.journal_of("ipo").path(1)
    data = bytearray(path.read_bytes())
    data[data.index(b"1000002")] ^= 0xFF  # an acknowledged byte changed on the disk
    path.write_bytes(data)
    avaya.parse()
    assert len(avaya.calls()) == 2
    assert "restore it from a backup" in SourceEvent.objects.get(kind="alarm").text


def test_wrong_options_are_refused_clearly(make_source: Callable[..., Source]) -> None:
    make_source("wrong", format="mitel_3300", options={"layout": "diagonal"})
    with pytest.raises(BadOption, match="'diagonal' is not one of"):
        operations.parse(source="wrong", now=NOON)
    with pytest.raises(operations.UnknownSource, match=r"No source is called 'nobody'. Sources: wrong\."):
        operations.parse(source="nobody", now=NOON)


def test_health_tells_the_days_without_calls(avaya: Pbx) -> None:
    avaya.sends(out(1_000_001, "2026/10/02 10:00:00"), out(1_000_002, "2026/10/04 10:00:00"))
    avaya.parse()
    (health,) = source_health(EVERYTHING, month="2026-10", now=NOON)
    assert health.quiet_dates == (date(2026, 10, 1), date(2026, 10, 3))  # today, the 5th, is not over
    assert (health.last_call_date, health.collected, health.silent) == (date(2026, 10, 4), False, False)


def segment(extension: str, talk: str, more: int) -> bytes:
    call = f"2026/10/05 13:40:00,{talk},4,201,O,00612345678,00612345678,,0,1000009,{more}"
    return f"{call},E{extension},Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def test_a_transferred_call_is_charged_as_its_source_says(make_source: Callable[..., Source]) -> None:
    # 33 s with 201, then 120 s with 202: 153 s on the line
    for pays, expected in {
        "": [("", 153)],
        "last": [("202", 153)],
        "transferer": [("201", 153)],
        "split": [("201", 33), ("202", 120)],
    }.items():
        pbx = Pbx(make_source(f"pbx-{pays or 'none'}", assembly={"pays": pays} if pays else {}))
        pbx.connects()
        pbx.sends(segment("201", "00:00:33", 1), segment("202", "00:02:00", 0))
        pbx.parse()
        assert [(call["charged"], call["talk_s"]) for call in pbx.calls()] == expected
        assert pbx.counts().in_calls == 2


def test_a_policy_that_means_nothing_is_refused(make_source: Callable[..., Source]) -> None:
    pbx = Pbx(make_source(assembly={"pays": "nobody"}))
    with pytest.raises(BadAssembly, match="pays is one of first, last, transferer, split"):
        pbx.parse()


def test_what_no_row_can_hold_is_put_aside_and_holds_up_nobody(make_source: Callable[..., Source]) -> None:
    profile = """
    name = "odd"
    [file]
    kind = "cumulative"
    header = false
    [fields]
    start = 1
    duration = 2
    called = 3
    price = 4
    [[tests]]
    line = "2026-10-05T09:12:33;61;0612345678;0.01"
    expect = { duration_s = 61 }
    """
    odd = Pbx(make_source("odd", format="delimited", options={"profile": profile}))
    odd.connects()
    for price in ("0.01", "9" * 40):
        odd.sends(f"2026-10-05T09:12:33;61;0612345678;{price}\n".encode())
    odd.sends(f"2026-10-05T09:12:34;{'9' * 12};0612345678;0.01\n".encode(), b"0001-01-01T00:00:00;61;0612345678;0.01\n")
    assert odd.parse().calls == 1
    assert odd.counts().quarantined == 3
    assert set(odd.reasons()) <= {"impossible_value", "impossible_date", "bad_duration"}
    assert operations.seal(source="odd", month="2026-10", now=odd.now) == 1


def test_texts_that_no_database_takes_are_mended() -> None:
    leg = PLAIN._replace(called="06\x00\ud800", extras={"name": "a\x00", "list": ("\udfff",)})
    mended = reading._read(lambda _: leg, b'{"called": "06\\u0000\\ud800"}')
    assert isinstance(mended, Leg)
    assert (mended.called, mended.extras) == ("06\ufffd?", {"name": "a\ufffd", "list": ("?",)})
    assert reading._read(lambda _: leg, b"plain") is leg  # no escapes, no NUL: nothing to look for
