"""The usual week of a source, and what it makes expect: nights, week-ends and public holidays are quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ardoise.collect.rhythm import Rhythm, learnt

PARIS = ZoneInfo("Europe/Paris")
HOUR = timedelta(hours=1)
MONDAY = datetime(2026, 10, 5, tzinfo=PARIS).astimezone(UTC)


def office(weeks: int, *, start: datetime = MONDAY) -> dict[datetime, int]:
    """30 tickets an hour from 8 to 18 local time, Monday to Friday, and nothing else."""
    found = {}
    for n in range(weeks * 168):
        local = (start + n * HOUR).astimezone(PARIS)
        if local.weekday() < 5 and 8 <= local.hour < 18:
            found[start + n * HOUR] = 30
    return found


@pytest.fixture
def week() -> Rhythm:
    found = learnt(office(2), until=MONDAY + timedelta(days=14), zone=PARIS, territory="FR")
    assert found is not None
    return found


def test_a_week_is_learnt_before_anything_is_expected() -> None:
    assert learnt({}, until=MONDAY, zone=PARIS, territory="FR") is None
    assert learnt(office(1), until=MONDAY + timedelta(days=6), zone=PARIS, territory="FR") is None


def test_an_office_is_quiet_at_night_and_on_week_ends(week: Rhythm) -> None:
    monday = MONDAY + timedelta(days=14)  # 19 October
    assert week.expected(monday + 9 * HOUR, monday + 10 * HOUR) == 30
    assert week.expected(monday + 9 * HOUR, monday + 9.5 * HOUR) == 15
    assert week.expected(monday + 18 * HOUR, monday + 32 * HOUR) == 0  # until Tuesday, 8:00
    assert week.expected(monday, monday + timedelta(days=7)) == 5 * 10 * 30


def test_the_hours_are_local_on_both_sides_of_the_change(week: Rhythm) -> None:
    winter = datetime(2026, 10, 26, 8, tzinfo=PARIS)  # clocks were put back on the 25th
    assert week.expected(winter.astimezone(UTC), winter.astimezone(UTC) + HOUR) == 30


def test_a_public_holiday_is_a_sunday(week: Rhythm) -> None:
    armistice = datetime(2026, 11, 11, tzinfo=PARIS).astimezone(UTC)  # a Wednesday
    assert week.expected(armistice, armistice + timedelta(days=1)) == 0


def test_so_many_tickets_are_due_by_an_instant(week: Rhythm) -> None:
    friday = datetime(2026, 10, 23, 17, tzinfo=PARIS).astimezone(UTC)
    # 30 by 18:00 on Friday, nothing until Monday 8:00 (winter time), 60 in two hours of Monday
    assert week.when(friday, 90) == datetime(2026, 10, 26, 10, tzinfo=PARIS)
    assert week.when(friday, 15) == friday + HOUR / 2


def test_a_source_that_never_sends_makes_expect_nothing(week: Rhythm) -> None:
    silent = Rhythm(PARIS, "FR", (0.0,) * 168)
    assert silent.when(MONDAY, 1) is None
