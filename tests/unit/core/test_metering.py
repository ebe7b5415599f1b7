"""docs/algorithms/metering.md, row by row, and what is refused."""

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from worked_tables import rows

from ardoise.core.metering import (
    Aggregation,
    Meter,
    MeterError,
    Reading,
    Tier,
    measured,
    metered_due,
    readings_in,
)
from ardoise.core.periods import Period, month_period
from ardoise.core.tariffs import Tiers

PAGE = "metering.md"
TIER = re.compile(r"(\d+|end): ([\d.]+)(?:\+([\d.]+))?(?:/(\d+))?(?:\[(\d+)\])?")


def tier(text):
    """ "10: 1.50+5/100[100]"."""
    up_to, price, flat, per, block = TIER.fullmatch(text).groups()
    return Tier(
        None if up_to == "end" else int(up_to), Decimal(price), int(per or 1), int(block or 1), Decimal(flat or 0)
    )


def days(text):
    return date.fromisoformat(f"2026-{text}")


def readings(text):
    pairs = [part.split(": ") for part in text.split(", ")]
    return [Reading(days(day), int(quantity), day) for day, quantity in pairs]


@pytest.mark.parametrize("row", rows(PAGE, "Tiers"), ids=str)
def test_tiers(row):
    meter = Meter(tuple(tier(text) for text in row["tiers"].split("; ")), Tiers(row["mode"]), int(row["free"]))
    quantity = int(row["quantity"])
    by_tier = [Fraction(text) for text in row["by tier"].split(", ") if text]
    assert [part.amount for part in meter.slices(quantity)] == by_tier
    assert meter.price(quantity) == Fraction(row["price"])


@pytest.mark.parametrize("row", rows(PAGE, "Periods"), ids=str)
def test_periods(row):
    meter = Meter((Tier(None, Decimal(1)),), aggregation=Aggregation(row["aggregation"]))
    months = [month_period("2026-10"), month_period("2026-11")]
    found = {c.period_from.month: c.amount_micros for c in metered_due(1, meter, months, readings(row["readings"]))}
    assert [found.get(month, 0) for month in (10, 11)] == [
        int(Decimal(row[name]).scaleb(6)) for name in ("October", "November")
    ]


def test_runs_of_one_month():
    meter = Meter((Tier(None, Decimal("0.067")),))
    history, keys = [], []
    for row in rows(PAGE, "Runs of one month"):
        used = [Reading(date(2026, 10, 5), int(row["quantity known"]))]
        found = metered_due(12, meter, [month_period("2026-10")], used, already=history)
        assert "".join(str(Decimal(charge.amount_micros).scaleb(-6)) for charge in found) == row["line"]
        history += [charge.billed for charge in found]
        keys += [charge.origin_id for charge in found]
    assert keys == ["meter:12:2026-10-01", "meter:12:2026-10-01:2", "meter:12:2026-10-01:3"]


def test_a_period_without_usage_has_a_line_only_where_it_is_asked_for():
    meter, october = Meter((Tier(None, Decimal(1)),)), month_period("2026-10")
    assert metered_due(1, meter, [october], []) == []
    [zero] = metered_due(1, meter, [october], [], zero_lines=True)
    assert (zero.quantity, zero.amount_micros) == (0, 0)
    assert metered_due(1, meter, [october], [], already=[zero.billed], zero_lines=True) == []


def test_a_reading_on_the_day_a_period_ends_belongs_to_the_next_one():
    """A service ended and made again on 15 October: its usage of that day is billed once."""
    used = [Reading(date(2026, 10, 14), 1, "a"), Reading(date(2026, 10, 15), 2, "b")]
    before, after = Period(date(2026, 10, 1), date(2026, 10, 15)), Period(date(2026, 10, 15), date(2026, 11, 1))
    assert [[reading.key for reading in readings_in(used, part)] for part in (before, after)] == [["a"], ["b"]]
    assert measured([], Aggregation.MAX) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Meter(()), "one tier at least"),
        (lambda: Meter((Tier(None, Decimal(1), per=0),)), "one unit at least"),
        (lambda: Meter((Tier(None, Decimal(1), block=0),)), "one unit at least"),
        (lambda: Meter((Tier(None, Decimal(1)),), free=-1), "0 or more"),
        (lambda: Meter((Tier(None, Decimal(1)), Tier(None, Decimal(1)))), "only the last one"),
        (lambda: Meter((Tier(5, Decimal(1)), Tier(5, Decimal(1)), Tier(None, Decimal(1)))), "one above the other"),
    ],
)
def test_a_meter_that_means_nothing_is_refused(make, message):
    with pytest.raises(MeterError, match=re.escape(message)):
        make()
