"""docs/algorithms/commitments.md, row by row, and what is refused."""

import re
from datetime import date
from decimal import Decimal

import pytest
from worked_tables import minor, rows

from ardoise.core.commitments import (
    Commitment,
    CommitmentError,
    Thresholds,
    parse_thresholds,
    progressive_minor,
    true_up,
)
from ardoise.core.coverage import Billed
from ardoise.core.money import parse_price
from ardoise.core.periods import MONTHLY, month_period

PAGE = "commitments.md"


def optional_date(text):
    return None if text == "-" else date.fromisoformat(text)


@pytest.mark.parametrize("row", rows(PAGE, "True-up of a period"), ids=str)
def test_true_up_of_a_period(row):
    commitment = Commitment(
        commitment_id=3,
        code="MINI",
        label="Minimum de facturation",
        amount=Decimal(row["minimum"]),
        valid_from_date=date.fromisoformat(row["holds from"]),
        valid_to_date=optional_date(row["holds to"]),
    )
    period = month_period(row["period"])
    before = [
        Billed(f"commitment:3:x:{number}", period.start, period.end, minor(text) * 10_000)
        for number, text in enumerate(filter(None, row["made before"].split(", ")))
    ]
    counted = [int(parse_price(text).scaleb(6)) for text in filter(None, row["charges"].split(", "))]
    found = true_up(commitment, period=period, cycle=MONTHLY, counted_micros=counted, already=before)
    assert (found.amount_minor if found else 0) == minor(row["true-up"])


@pytest.mark.parametrize("row", rows(PAGE, "Invoices at a threshold"), ids=str)
def test_invoices_at_a_threshold(row):
    steps = tuple(int(text) for text in row["thresholds"].split(", "))
    thresholds = Thresholds(steps, 0 if row["every"] == "-" else int(row["every"]))
    made, invoiced = [], 0
    for due in row["due so far"].split(", "):
        made.append(progressive_minor(thresholds, due_minor=int(due), invoiced_minor=invoiced))
        invoiced += made[-1]
    assert made == [int(text) for text in row["invoices"].split(", ")]


def test_a_true_up_names_its_period_and_the_next_difference_is_counted():
    commitment = Commitment(3, "MINI", "Minimum", Decimal(100), date(2026, 10, 10))
    october = month_period("2026-10")
    first = true_up(commitment, period=october, cycle=MONTHLY, counted_micros=[])
    assert (first.origin_id, first.period_from, first.period_to) == (
        "commitment:3:2026-10-10", date(2026, 10, 10), date(2026, 11, 1))  # fmt: skip
    assert (first.committed_minor, first.counted_minor, first.amount_micros) == (7097, 0, 70_970_000)
    billed = Billed(first.origin_id, first.period_from, first.period_to, first.amount_micros)
    later = true_up(commitment, period=october, cycle=MONTHLY, counted_micros=[1_000_000], already=[billed])
    assert (later.origin_id, later.amount_minor) == ("commitment:3:2026-10-10:2", -100)


def test_the_products_that_count():
    commitment = Commitment(3, "MINI", "Minimum", Decimal(100), date(2026, 1, 1), products=frozenset({"DATA"}))
    assert (commitment.counts("DATA"), commitment.counts("LIGNE")) == (True, False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Commitment(1, "M", "", Decimal(0), date(2026, 1, 1)), "more than 0"),
        (lambda: Commitment(1, "M", "", Decimal(1), date(2026, 1, 2), date(2026, 1, 1)), "before it starts"),
        (lambda: Thresholds(()), "above 0"),
        (lambda: Thresholds((0,)), "above 0"),
        (lambda: Thresholds((1,), -1), "write for example 50, 200 500 or every 50"),
        (lambda: Thresholds((2, 2)), "thresholds rise"),
    ],
)
def test_what_means_nothing_is_refused(make, message):
    with pytest.raises(CommitmentError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("text", "steps_minor", "every_minor", "kept"),
    [
        ("50", (5000,), 0, "50"),
        ("12,50", (1250,), 0, "12.50"),
        ("every 50", (5000,), 5000, "every 50"),
        (" 200  500.00 700 EVERY 1000", (20000, 50000, 70000), 100000, "200 500 700 every 1000"),
    ],
)
def test_thresholds_as_people_write_them(text, steps_minor, every_minor, kept):
    found = parse_thresholds(text)
    assert (found.steps_minor, found.every_minor, str(found)) == (steps_minor, every_minor, kept)
    assert parse_thresholds(kept) == found


@pytest.mark.parametrize("text", ["", "beaucoup", "1.005", "every", "50 every", "every 0", "0", "20 10", "-5", "1e3"])
def test_a_threshold_that_cannot_be_read_says_what_to_write(text):
    with pytest.raises(CommitmentError, match=r"write (amounts such as|for example)|thresholds rise"):
        parse_thresholds(text)
