from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.periods import (
    BillingMode,
    Cycle,
    Length,
    Period,
    Proration,
    due_periods,
    elapsed_periods,
    fraction_of,
    service_periods,
)

DAYS = st.dates(date(2001, 1, 1), date(2060, 12, 31))
LENGTHS = st.one_of(
    st.sampled_from([1, 2, 3, 6, 12, 24]).map(lambda n: Length(months=n)),
    st.integers(1, 90).map(lambda n: Length(days=n)),
)


@st.composite
def cycles(draw):
    length, start, day = draw(LENGTHS), draw(DAYS), draw(st.integers(1, 31))
    kind = draw(st.sampled_from(["calendar", "anniversary", "on_day"]))
    if kind == "calendar":
        return Cycle.calendar(length)
    return Cycle.anniversary(length, start) if kind == "anniversary" else Cycle.on_day(length, day, start=start)


@given(cycles(), DAYS)
def test_a_day_is_in_exactly_one_period_of_the_grid(cycle, day):
    period = cycle.containing(day)
    assert day in period
    assert cycle.period(cycle.index_at(day)) == period
    assert cycle.next_after(day) == period.end
    assert cycle.containing(period.end).start == period.end
    assert day not in cycle.period(cycle.index_at(day) + 1)


@given(cycles(), st.integers(-40, 40))
def test_a_boundary_knows_its_number(cycle, index):
    assert cycle.index_at(cycle.boundary(index)) == index
    assert cycle.is_boundary(cycle.boundary(index))


@given(cycles(), DAYS, st.integers(0, 1500))
def test_the_periods_of_a_service_follow_each_other_without_a_gap(cycle, start, days):
    end = start + timedelta(days=days)
    found = list(service_periods(cycle, start=start, end=end))
    assert sum(period.days for period in found) == days
    assert all(period.days > 0 for period in found)
    assert [period.end for period in found[:-1]] == [period.start for period in found[1:]]


@given(cycles(), DAYS, st.integers(1, 800), st.integers(0, 900), st.sampled_from(BillingMode))
def test_what_is_due_only_grows_with_time(cycle, start, days, later, mode):
    def due(day):
        return due_periods(cycle, start=start, end=start + timedelta(days=days), mode=mode, as_of_date=day)

    as_of = start + timedelta(days=later)
    today, tomorrow = due(as_of), due(as_of + timedelta(days=1))
    assert tomorrow[: len(today)] == today
    if mode is BillingMode.IN_ARREARS:
        assert all(period.end <= as_of for period in today)
    assert elapsed_periods(cycle, start=start, day=as_of) >= 0


@given(cycles(), DAYS, st.data(), st.sampled_from([p for p in Proration if p is not Proration.NONE]))
def test_the_shares_of_the_parts_of_a_period_sum_to_one(cycle, day, data, proration):
    reference = cycle.containing(day)
    cuts = data.draw(st.lists(st.integers(0, reference.days), max_size=5).map(sorted))
    edges = [0, *cuts, reference.days]
    parts = [
        Period(reference.start + timedelta(days=a), reference.start + timedelta(days=b)) for a, b in pairwise(edges)
    ]
    assert sum(fraction_of(part, reference, proration) for part in parts) == 1
