"""Alarms: opened by the stream or by the clock, ended by what comes after, the same however often one looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ardoise.access.scope import EVERYTHING, Scope
from ardoise.collect import alarms, operations
from ardoise.collect.alarms import open_alarms
from ardoise.collect.models import Alarm, HourCount, Source, SourceState
from ardoise.collect.queries import source_health
from ardoise.collect.signs import Sign
from ardoise.collect.wording import Said
from stage.collect.pbx_wire import NOON, Pbx

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 10, 5, tzinfo=UTC)


def out(call_id: int, start: str = "2026/10/05 13:59:00") -> bytes:
    call = f"{start},00:00:30,4,201,O,00612345678,00612345678,,0,{call_id},0"
    return f"{call},E201,Ana Roy,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def kinds(now: datetime, source: str | None = None) -> list[str]:
    return [alarm.kind for alarm in open_alarms(EVERYTHING, now=now, source=source)]


def works_by_day(source: Source, *, tickets: int = 60, days: int = 28, last: datetime) -> None:
    """So many tickets an hour from 6 to 16 UTC, Monday to Friday, up to `last`."""
    hours = (MONDAY + timedelta(hours=n) for n in range(days * 24))
    rows = [at for at in hours if at <= last and at.weekday() < 5 and 6 <= at.hour < 16]
    HourCount.objects.bulk_create(HourCount(source=source, hour_at=at, tickets=tickets) for at in rows)
    SourceState.objects.update_or_create(source=source, defaults={"last_ticket_at": last})


def test_silence_is_told_from_the_sources_own_week(make_source: Callable[..., Source]) -> None:
    source = make_source(buffer_tickets=500)
    friday = datetime(2026, 10, 23, 15, 50, tzinfo=UTC)
    works_by_day(source, last=friday)
    assert kinds(friday + 2 * DAY) == []  # a week-end
    # Monday, 8:00 in winter time = 7:00 UTC, an hour later than in summer. 10 were due on Friday until 16:00,
    # 10 more by 7:10
    monday = datetime(2026, 10, 26, 7, tzinfo=UTC)
    assert kinds(monday + timedelta(minutes=9)) == []
    (alarm,) = open_alarms(EVERYTHING, now=monday + timedelta(minutes=11))
    assert (alarm.kind, alarm.opened_at) == ("silence", monday + timedelta(minutes=10))
    # 500 kept: 10 on Friday, 490 on Monday at 60 an hour = 8 h 10
    assert alarm.overwritten_at == monday + timedelta(hours=8, minutes=10)
    for _ in range(3):
        alarms.look(source=source, now=monday + HOUR)
    assert Alarm.objects.count() == 1
    SourceState.objects.update(last_ticket_at=monday + 2 * HOUR)
    assert kinds(monday + 2 * HOUR) == []
    alarms.look(source=source, now=monday + 2 * HOUR)
    assert Alarm.objects.get().over_at == monday + 2 * HOUR


def test_a_public_holiday_is_no_silence(make_source: Callable[..., Source]) -> None:
    source = make_source()
    tuesday = datetime(2026, 11, 10, 16, 59, tzinfo=UTC)  # the 11th is a holiday
    works_by_day(source, days=40, last=tuesday)
    assert kinds(tuesday + DAY) == []
    assert kinds(tuesday + 2 * DAY) == ["silence"]


def test_a_source_too_young_to_be_known_is_silent_after_four_days(make_source: Callable[..., Source]) -> None:
    source = make_source()
    SourceState.objects.create(source=source, last_ticket_at=NOON)
    assert kinds(NOON + 4 * DAY - HOUR) == []
    (alarm,) = open_alarms(EVERYTHING, now=NOON + 4 * DAY)
    assert (alarm.kind, alarm.overwritten_at) == ("silence", None)
    (health,) = source_health(EVERYTHING, month="2026-10", now=NOON + 4 * DAY)
    assert health.silent and health.alarms == (alarm,)
    assert open_alarms(Scope(frozenset({"other"})), now=NOON + 4 * DAY) == []


def test_what_receiving_says_is_over_when_a_ticket_comes(avaya: Pbx) -> None:
    operations.note(source="ipo", kind="alarm", text=Said("port_taken", port=1080), now=NOON)
    operations.note(source="ipo", kind="alarm", text=Said("port_taken", port=1080), now=NOON + HOUR)
    (alarm,) = open_alarms(EVERYTHING, now=NOON + HOUR)
    assert (alarm.kind, alarm.params, alarm.opened_at) == ("port_taken", {"port": 1080}, NOON)
    assert alarm.text.startswith("Port 1080 is already used")
    avaya.now = NOON + 2 * HOUR
    avaya.sends(out(1_000_001))
    avaya.parse()
    assert kinds(avaya.now) == []
    alarms.look(source=avaya.source, now=avaya.now)
    assert Alarm.objects.get().over_at is not None


def test_numbers_that_never_came_are_told_once_and_are_history_a_week_later(avaya: Pbx) -> None:
    avaya.sends(*(out(1_000_000 + n) for n in range(1, 301) if n not in (280, 281)))
    avaya.parse()
    avaya.now += DAY
    avaya.sends(out(1_000_301, start="2026/10/06 13:59:00"))
    avaya.parse()
    (alarm,) = open_alarms(EVERYTHING, now=avaya.now)
    assert (alarm.kind, alarm.params) == ("gap", {"missing": 2, "numbers": "1000280-1000281"})
    sign = Sign("gap", "numbers:2026-10-05", alarm.opened_at, params=alarm.params)
    alarms.write(avaya.source, [sign, sign])  # read again
    assert Alarm.objects.filter(kind="gap").count() == 1
    alarms.look(source=avaya.source, now=avaya.now + 7 * DAY)
    alarms.write(avaya.source, [sign])  # read again, much later
    assert Alarm.objects.get(kind="gap").over_at == alarm.opened_at + 7 * DAY


def test_another_layout_stops_nothing(avaya: Pbx) -> None:
    for n in range(12):
        avaya.sends(f"2026-10-05;13:4{n % 10};201;0612345678\r\n".encode())
    avaya.sends(out(1_000_001))
    parsed = avaya.parse()
    assert (parsed.quarantined, parsed.calls) == (12, 1)
    (alarm,) = open_alarms(EVERYTHING, now=NOON)
    assert alarm.kind == "layout" and "ardoise collect replay" in alarm.text


@pytest.mark.parametrize(("hours", "expected"), [(30, []), (80, ["no_delivery"])])
def test_a_file_that_does_not_come_is_told_by_the_usual_wait(
    make_source: Callable[..., Source], hours: int, expected: list[str]
) -> None:
    source = make_source("op", transport="files")
    for n in range(6):  # every day
        source.files.create(name=f"{n}.csv", sha256=str(n), size_bytes=1, tickets=1, taken_at=NOON + n * DAY)
    last = NOON + 5 * DAY
    SourceState.objects.create(source=source, last_ticket_at=last)
    assert kinds(last + hours * HOUR) == expected


def test_files_that_came_together_teach_no_rhythm(make_source: Callable[..., Source]) -> None:
    source = make_source("op", transport="files")
    for n in range(37):  # the history of a year, dropped at once
        source.files.create(name=f"{n}.csv", sha256=str(n), size_bytes=1, tickets=1, taken_at=NOON + n * HOUR / 60)
    SourceState.objects.create(source=source, last_ticket_at=NOON + HOUR)
    assert kinds(NOON + 30 * DAY) == []
    assert kinds(NOON + 36 * DAY) == ["no_delivery"]
