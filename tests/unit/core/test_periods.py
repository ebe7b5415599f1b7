from datetime import UTC, date, datetime, time
from fractions import Fraction

import pytest

from ardoise.core.periods import (
    MONTHLY,
    BillingMode,
    Cycle,
    Interval,
    Length,
    Period,
    PeriodError,
    Proration,
    add_length,
    billing_month,
    boundaries_around,
    day_start_at,
    due_periods,
    elapsed_periods,
    fixed_month_days,
    fraction_of,
    instants_of,
    local_date,
    month_period,
    months_covered,
    parse_length,
    period_at,
    whole_lengths,
)

MONTH = Length(months=1)


def test_the_31st_is_clamped_and_comes_back():
    cycle = Cycle.anniversary(MONTH, date(2026, 1, 31))
    assert [cycle.boundary(i) for i in range(5)] == [
        date(2026, 1, 31),
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
        date(2026, 5, 31),
    ]


def test_a_service_of_29_february_renews_on_the_28th_then_on_the_29th_of_a_leap_year():
    cycle = Cycle.anniversary(Length(months=12), date(2024, 2, 29))
    assert [cycle.boundary(i) for i in (1, 4)] == [date(2025, 2, 28), date(2028, 2, 29)]


@pytest.mark.parametrize(
    ("length", "day", "period"),
    [
        ("P1W", date(2026, 10, 25), (date(2026, 10, 19), date(2026, 10, 26))),  # a Sunday: its week began on Monday 19
        ("P1M", date(2026, 10, 25), (date(2026, 10, 1), date(2026, 11, 1))),
        ("P3M", date(2026, 11, 5), (date(2026, 10, 1), date(2027, 1, 1))),
        ("P6M", date(2026, 6, 30), (date(2026, 1, 1), date(2026, 7, 1))),
        ("P1Y", date(2026, 6, 30), (date(2026, 1, 1), date(2027, 1, 1))),
    ],
)
def test_natural_periods_start_on_monday_and_on_the_first(length, day, period):
    assert Cycle.calendar(parse_length(length)).containing(day) == Period(*period)


def test_a_boundary_belongs_to_the_period_it_starts():
    assert MONTHLY.containing(date(2026, 11, 1)).start == date(2026, 11, 1)
    assert MONTHLY.next_after(date(2026, 11, 1)) == date(2026, 12, 1)
    assert MONTHLY.is_boundary(date(2026, 11, 1))
    assert not MONTHLY.is_boundary(date(2026, 11, 2))


def test_a_start_before_the_billing_day_gives_a_stub_to_that_day_even_on_a_quarter():
    cycle = Cycle.on_day(Length(months=3), 15, start=date(2026, 1, 10))
    due = due_periods(
        cycle, start=date(2026, 1, 10), end=None, mode=BillingMode.IN_ADVANCE, as_of_date=date(2026, 1, 15)
    )
    assert due == [Period(date(2026, 1, 10), date(2026, 1, 15)), Period(date(2026, 1, 15), date(2026, 4, 15))]


def test_in_arrears_a_period_is_due_the_day_it_is_over_not_before():
    def due(day):
        return due_periods(MONTHLY, start=date(2026, 10, 10), end=None, mode=BillingMode.IN_ARREARS, as_of_date=day)

    assert due(date(2026, 10, 31)) == []
    assert due(date(2026, 11, 1)) == [Period(date(2026, 10, 10), date(2026, 11, 1))]


def test_a_service_that_stops_is_due_in_arrears_on_its_end():
    due = due_periods(
        MONTHLY,
        start=date(2026, 10, 10),
        end=date(2026, 10, 20),
        mode=BillingMode.IN_ARREARS,
        as_of_date=date(2026, 10, 20),
    )
    assert due == [Period(date(2026, 10, 10), date(2026, 10, 20))]


def test_the_period_of_a_day_before_the_service_is_its_first_one():
    assert period_at(MONTHLY, start=date(2026, 10, 10), day=date(2026, 1, 1)).start == date(2026, 10, 10)


def test_a_day_after_the_end_of_the_service_has_no_period():
    with pytest.raises(PeriodError, match="no period on 2026-12-01"):
        period_at(MONTHLY, start=date(2026, 10, 10), end=date(2026, 11, 1), day=date(2026, 12, 1))


def test_elapsed_periods_count_the_stub():
    assert elapsed_periods(MONTHLY, start=date(2026, 10, 10), day=date(2026, 12, 1)) == 2  # 10-31 Oct, Nov


def test_whole_lengths_between_two_dates():
    assert whole_lengths(date(2026, 1, 31), date(2026, 2, 28), MONTH) == 1  # clamped
    assert whole_lengths(date(2026, 1, 15), date(2026, 2, 14), MONTH) == 0
    assert whole_lengths(date(2026, 1, 15), date(2025, 2, 14), MONTH) == 0


def test_written_dates_are_inclusive_or_half_open_by_name():
    assert Period.of(date(2026, 3, 1), date(2026, 3, 31), Interval.INCLUSIVE).days == 31
    assert Period.of(date(2026, 3, 1), date(2026, 3, 31), Interval.HALF_OPEN).days == 30
    assert month_period("2026-10").last_date == date(2026, 10, 31)


def test_fixed_months_make_23_february_to_15_march_22_days():
    assert fixed_month_days(Period(date(2026, 2, 23), date(2026, 3, 15))) == 22  # 30 + 15 - 23


def test_each_day_may_count_on_its_own_month():
    stub = Period(date(2015, 1, 25), date(2015, 2, 3))
    assert months_covered(stub) == Fraction(7, 31) + Fraction(2, 28)


@pytest.mark.parametrize(
    ("proration", "expected"),
    [
        (Proration.CALENDAR_DAYS, Fraction(22, 31)),  # 10 to 31 October = 22 days of 31
        (Proration.THIRTY_DAY_MONTHS, Fraction(21, 30)),  # 30 + 1 - 10
        (Proration.EACH_MONTH, Fraction(22, 31)),
        (Proration.NONE, Fraction(1)),
    ],
)
def test_the_stub_since_10_october(proration, expected):
    assert fraction_of(Period(date(2026, 10, 10), date(2026, 11, 1)), month_period("2026-10"), proration) == expected


def test_an_empty_part_costs_nothing_and_the_whole_costs_one():
    month = month_period("2026-10")
    assert fraction_of(Period(date(2026, 10, 31), date(2026, 10, 31)), month) == 0
    assert fraction_of(month, month, Proration.THIRTY_DAY_MONTHS) == 1


def test_the_day_of_an_instant_needs_its_zone():
    late = datetime(2026, 9, 30, 22, 30, tzinfo=UTC)  # 00:30 on 1 October in Paris
    assert local_date(late, "Europe/Paris") == date(2026, 10, 1)
    assert billing_month(late, "Europe/Paris") == "2026-10"
    with pytest.raises(PeriodError, match="time zone is required"):
        local_date(late, "")
    with pytest.raises(PeriodError, match="IANA"):
        local_date(late, "Europe/Lyon")
    with pytest.raises(PeriodError, match="no zone"):
        local_date(datetime(2026, 9, 30), "Europe/Paris")  # noqa: DTZ001 the refusal under test


def test_october_2026_has_one_hour_more_than_31_days():
    start, end = instants_of(month_period("2026-10"), "Europe/Paris")
    assert start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert end == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert (end - start).total_seconds() == (31 * 24 + 1) * 3600


def test_a_clock_time_that_dst_skips_still_has_an_instant():
    # 8 March 2015 02:00 does not exist in Los Angeles: read with -08:00, 10:00 UTC
    assert day_start_at(date(2015, 3, 8), "America/Los_Angeles", time(2)) == datetime(2015, 3, 8, 10, tzinfo=UTC)


def test_a_30_day_pass_is_cut_at_the_minute_it_was_bought():
    cycle = Cycle.anniversary(Length(days=30), date(2026, 10, 5))
    at = datetime(2026, 11, 4, 9, 59)  # noqa: DTZ001 local times
    assert boundaries_around(cycle, at, clock=time(10)) == (
        datetime(2026, 10, 5, 10),  # noqa: DTZ001
        datetime(2026, 11, 4, 10),  # noqa: DTZ001
    )


@pytest.mark.parametrize(
    "bad",
    [
        lambda: parse_length("1 month"),
        lambda: Length(months=1, days=1),
        lambda: Length(),
        lambda: Cycle(MONTH, date(2026, 1, 1), 15),
        lambda: Cycle(MONTH, date(2026, 1, 1), 32),
        lambda: Period(date(2026, 2, 1), date(2026, 1, 1)),
        lambda: month_period("2026-13"),
        lambda: Period(date(2026, 2, 1), date(2026, 2, 1)).last_date,
        lambda: fraction_of(month_period("2026-10"), Period(date(2026, 10, 1), date(2026, 10, 1))),
    ],
)
def test_what_cannot_be_is_refused(bad):
    with pytest.raises(PeriodError):
        bad()


def test_moving_by_lengths_goes_both_ways():
    assert add_length(date(2026, 1, 31), MONTH) == date(2026, 2, 28)
    assert add_length(date(2026, 1, 31), MONTH, -2) == date(2025, 11, 30)
    assert add_length(date(2026, 1, 31), Length(days=30), -1) == date(2026, 1, 1)
