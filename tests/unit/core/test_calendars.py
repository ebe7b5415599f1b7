"""Bands, public holidays and months: dates that can be checked on any wall calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays as reference
import pytest
from worked_tables import rows

from ardoise.core.calendars import (
    NotAMonth,
    UnknownTerritory,
    band_at,
    band_changes,
    band_clock,
    easter,
    french_holidays,
    month_bounds,
    month_of,
)
from ardoise.core.tariffs import BandRule, Calendar

WEEK = frozenset({1, 2, 3, 4, 5})


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(2000, date(2000, 4, 23)), (2008, date(2008, 3, 23)), (2026, date(2026, 4, 5)), (2038, date(2038, 4, 25))],
)
def test_easter(year: int, sunday: date) -> None:
    assert easter(year) == sunday


@pytest.mark.parametrize(("territory", "subdivision"), [("FR", None), ("FR-57", "57"), ("FR-6AE", "6AE")])
def test_french_holidays_agree_with_the_holidays_library(territory: str, subdivision: str | None) -> None:
    for year in range(2020, 2041):
        assert french_holidays(territory, year) == set(reference.country_holidays("FR", subdivision, years=year))


def test_overseas_adds_the_abolition_of_slavery() -> None:
    assert french_holidays("FR-974", 2026) - french_holidays("FR", 2026) == {date(2026, 12, 20)}


def test_no_territory_has_no_holiday_and_an_unknown_one_is_refused() -> None:
    assert french_holidays("", 2026) == frozenset()
    with pytest.raises(UnknownTerritory, match="use one of"):
        french_holidays("XX", 2026)


def calendar(*rules: BandRule, holidays: str = "") -> Calendar:
    return Calendar("c", "Europe/Paris", holidays, rules)


NIGHT = calendar(BandRule("night", WEEK, time(22), time(6)))


@pytest.mark.parametrize(
    ("local", "band"),
    [
        ((2026, 10, 5, 21, 59), ""),  # Monday
        ((2026, 10, 5, 22, 0), "night"),
        ((2026, 10, 6, 5, 59), "night"),
        ((2026, 10, 6, 6, 0), ""),
        ((2026, 10, 10, 5, 0), "night"),  # Saturday morning: the night that began on Friday
        ((2026, 10, 12, 5, 0), ""),  # Monday morning: Sunday is not in the rule
    ],
)
def test_a_rule_that_ends_before_it_starts_runs_into_the_morning(local: tuple[int, ...], band: str) -> None:
    at = datetime(*local, tzinfo=UTC) - timedelta(hours=2)  # type: ignore[arg-type, misc]
    assert band_at(NIGHT, at) == band


def test_the_first_rule_wins_and_00_00_is_midnight_at_the_end() -> None:
    rules = (BandRule("a", WEEK, time(0), time(0)), BandRule("b", WEEK, time(8), time(9)))
    assert band_at(calendar(*rules), datetime(2026, 10, 5, 6, 30, tzinfo=UTC)) == "a"


def test_the_night_the_clocks_go_back_has_two_hours_between_2_and_3() -> None:
    small_hours = calendar(BandRule("early", frozenset(range(1, 8)), time(2), time(2, 30)))
    day = datetime(2026, 10, 25, tzinfo=UTC)
    changes = band_changes(small_hours, from_at=day, to_at=day + timedelta(hours=12))
    # 02:00-02:30 summer time is 00:00-00:30 UTC, and again in winter time 01:00-01:30 UTC
    assert changes == (
        (day, "early"),
        (day + timedelta(minutes=30), ""),
        (day + timedelta(hours=1), "early"),
        (day + timedelta(hours=1, minutes=30), ""),
    )


def test_the_night_the_clocks_go_forward_has_no_hour_between_2_and_3() -> None:
    small_hours = calendar(BandRule("early", frozenset(range(1, 8)), time(2), time(2, 30)))
    day = datetime(2026, 3, 29, tzinfo=UTC)
    assert band_changes(small_hours, from_at=day, to_at=day + timedelta(hours=12)) == ((day, ""),)


def test_band_changes_agree_with_band_at_every_quarter_of_an_hour() -> None:
    rules = (BandRule("peak", WEEK, time(8), time(19)), BandRule("holiday", frozenset({8}), time(0), time(0)))
    office = calendar(*rules, *NIGHT.rules, holidays="FR")
    start, end = datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 13, tzinfo=UTC)
    changes = dict(band_changes(office, from_at=start, to_at=end))
    band, at = "", start
    while at < end:
        band = changes.get(at, band)
        assert band == band_at(office, at), at
        at += timedelta(minutes=15)


CHRISTMAS = calendar(
    BandRule("feast", frozenset(range(1, 9)), time(18), time(2), frozenset({(12, 24), (12, 31)})),
    BandRule("peak", WEEK, time(8), time(19)),
    holidays="FR",
)


@pytest.mark.parametrize(
    ("local", "band"),
    [
        ((2026, 12, 23, 18, 30), "peak"),  # Wednesday, not yet Christmas Eve
        ((2026, 12, 24, 17, 59), "peak"),
        ((2026, 12, 24, 18, 0), "feast"),
        ((2026, 12, 25, 1, 59), "feast"),  # it began on the 24th
        ((2026, 12, 25, 2, 0), ""),
        ((2026, 12, 25, 18, 0), ""),  # the 25th is not among the dates, and a public holiday is not a Friday
        ((2027, 12, 31, 20, 0), "feast"),  # every year
    ],
)
def test_a_rule_with_dates_holds_on_these_days_of_the_year_only(local: tuple[int, ...], band: str) -> None:
    at = datetime(*local, tzinfo=UTC) - timedelta(hours=1)  # type: ignore[arg-type, misc]
    assert band_at(CHRISTMAS, at) == band


@pytest.mark.parametrize("bands", [CHRISTMAS, NIGHT])
@pytest.mark.parametrize("start", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 12, 23, tzinfo=UTC)])
def test_the_clock_of_a_calendar_says_what_its_rules_say(bands: Calendar, start: datetime) -> None:
    clock = band_clock(bands)
    instants = [start + timedelta(minutes=10 * step, microseconds=step) for step in range(6 * 144)]
    assert [clock.band(at) for at in instants] == [band_at(bands, at) for at in instants]
    end = instants[-1]
    expected = band_changes(bands, from_at=start, to_at=end)
    assert clock.changes(start, end) == list(expected[1:])
    assert clock.changes(start, start) == []


def test_the_clock_knows_the_two_hours_of_the_night_the_clocks_go_back() -> None:
    small_hours = calendar(BandRule("early", frozenset(range(1, 9)), time(2), time(2, 30)))
    night = datetime(2026, 10, 24, 23, tzinfo=UTC)  # 01:00 in Paris on the 25th
    changes = band_clock(small_hours).changes(night, night + timedelta(hours=3))
    assert [(at.hour, at.minute, band) for at, band in changes] == [
        (0, 0, "early"), (0, 30, ""), (1, 0, "early"), (1, 30, ""),
    ]  # fmt: skip


def test_a_month_is_lived_in_its_zone() -> None:
    assert month_bounds("2026-10", "Europe/Paris") == (
        datetime(2026, 9, 30, 22, 0, tzinfo=UTC),
        datetime(2026, 10, 31, 23, 0, tzinfo=UTC),
    )
    assert month_of(datetime(2026, 9, 30, 22, 0, tzinfo=UTC), "Europe/Paris") == "2026-10"
    # the whole year, hour by hour, in the zones that are furthest from UTC
    for zone in ("Pacific/Kiritimati", "Pacific/Niue", "Europe/Paris"):
        for hour in range(0, 366 * 24, 5):
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
            assert month_of(at, zone) == at.astimezone(ZoneInfo(zone)).strftime("%Y-%m")
    with pytest.raises(NotAMonth, match="YYYY-MM"):
        month_bounds("octobre", "Europe/Paris")


# --- docs/algorithms/calendars.md -------------------------------------------------------------------------------------

ALWAYS = frozenset(range(1, 9))
OF_THE_DAY = calendar(
    BandRule("peak", WEEK, time(8), time(19)),
    BandRule("night", WEEK, time(22), time(6)),
    BandRule("holiday", frozenset({8}), time(0), time(0)),
    holidays="FR",
)
SMALL_HOURS = calendar(BandRule("early", ALWAYS, time(2), time(2, 30)))


@pytest.mark.parametrize(
    ("bands", "row"),
    [(OF_THE_DAY, row) for row in rows("calendars.md", "The day of a call")]
    + [(SMALL_HOURS, row) for row in rows("calendars.md", "Nights in which clocks change")],
)
def test_the_band_of_each_documented_instant(bands: Calendar, row: dict[str, str]) -> None:
    at = datetime.strptime(row["UTC"], "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    assert band_at(bands, at) == band_clock(bands).band(at) == row["band"]
    if "on the wall" in row:
        assert at.astimezone(ZoneInfo("Europe/Paris")).strftime("%A %H:%M") == row["on the wall"]


@pytest.mark.parametrize("row", rows("calendars.md", "Public holidays"), ids=str)
def test_the_public_holidays_of_the_page(row: dict[str, str]) -> None:
    day = date.fromisoformat(row["day"])
    assert (day in french_holidays(row["territory"], day.year)) == (row["holiday"] == "yes")
