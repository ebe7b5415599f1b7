"""Runs that close a day, and customers billed on their own cycle. Calls to mobiles: 0.12 a started minute."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise.bill.cycles import ClosingRefused
from ardoise.bill.models import BillRun, Document
from ardoise.core import canonical
from ardoise.core.documents import Document as Canonical
from stage.company import LANDLINE, MOBILE, Company, issued

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"


def customer(company: Company, code: str = "C1", phone: str = PHONE, **cycle: object) -> None:
    company.customer(code, **cycle)
    company.line(phone, code)


def close(company: Company, closes: str, *, on: str = "") -> list[str]:
    """One run that closes a day, issued on that day or another: its numbers."""
    closes_date = date.fromisoformat(closes)
    day = date.fromisoformat(on or closes)
    company.now = max(company.now, datetime(day.year, day.month, day.day, 8, tzinfo=UTC))
    company.preview(closes_date=closes_date, on=day)
    (done,) = company.issue(closes_date=closes_date, on=day)
    assert (done.moved, done.faulty) == ([], {})
    return done.numbers


def periods() -> list[tuple[str, str, int]]:
    """(BT-73, BT-74, net in cents) of every invoice, in the order of their numbers."""
    rows = [canonical.from_json(row.content) for row in Document.objects.order_by("id")]
    return [(str(row.period_from), str(row.period_to), row.totals.net_minor) for row in rows]


def details(document: Canonical) -> list[tuple[str, int]]:
    """What each line says after its calls and duration, and its net in cents."""
    return [(", ".join(line.detail.split(", ")[2:]), line.net_minor) for line in document.lines]


def called(company: Company, *days: str, seconds: int = 60) -> None:
    """A call of a minute to a mobile at noon of each day, rated."""
    for day in days:
        company.call(f"{day} 12:00:00", PHONE, MOBILE, seconds)
    company.collect()
    for month in sorted({day[:7] for day in days}):
        company.rate(month)


def test_a_month_is_a_run_that_closes_the_first_day_of_the_next_one(company: Company) -> None:
    customer(company)
    company.load()
    called(company, "2026-10-05")
    company.bill()
    run = BillRun.objects.get()
    assert (run.closes_date, run.month) == (date(2026, 11, 1), "2026-10")
    assert Document.objects.get().bound_date == date(2026, 11, 1)


def test_a_billing_day_cuts_the_months_in_two(company: Company) -> None:
    customer(company, cycle_day=15)
    company.load()
    called(company, "2026-09-14", "2026-09-15", "2026-10-14", "2026-10-15")
    assert close(company, "2026-10-15") == ["FA2026-00001"]
    # 14 September was never billed: one document with one line a period.
    assert periods() == [("2026-08-15", "2026-10-14", 36)]
    assert details(issued("FA2026-00001")) == [("", 24), ("communications du 15/08/2026 au 14/09/2026", 12)]
    assert close(company, "2026-11-15") == ["FA2026-00002"]
    assert periods()[1] == ("2026-10-15", "2026-11-14", 12)


def test_a_run_between_two_billing_days_bills_nobody_twice(company: Company) -> None:
    customer(company, cycle_day=15)
    company.load()
    called(company, "2026-10-14", "2026-10-20")
    close(company, "2026-10-15")
    assert close(company, "2026-10-16") == []
    assert close(company, "2026-11-01") == []
    assert close(company, "2026-11-15") == ["FA2026-00002"]
    assert [net for _, _, net in periods()] == [12, 12]


def test_the_31st_does_not_drift(company: Company) -> None:
    customer(company, cycle_day=31)
    company.load()
    called(company, "2026-01-31", "2026-02-27", "2026-02-28", "2026-03-30", "2026-03-31", "2026-04-29")
    for closes in ("2026-02-28", "2026-03-31", "2026-04-30"):
        close(company, closes)
    assert periods() == [
        ("2026-01-31", "2026-02-27", 24),
        ("2026-02-28", "2026-03-30", 24),
        ("2026-03-31", "2026-04-29", 24),
    ]


@pytest.mark.parametrize("days", [30, 45, 60, 90])
def test_a_cycle_in_days_keeps_its_days(company: Company, days: int) -> None:
    customer(company, cycle=f"P{days}D", cycle_start_date="2026-05-01")
    company.load()
    called(company, "2026-05-01", "2026-05-30")
    first = date.fromordinal(date(2026, 5, 1).toordinal() + days)
    second = date.fromordinal(first.toordinal() + days)
    called(company, f"{first}")
    assert close(company, f"{first}") == ["FA2026-00001"]
    assert close(company, f"{second}") == ["FA2026-00002"]
    last = [str(date.fromordinal(day.toordinal() - 1)) for day in (first, second)]
    assert periods() == [("2026-05-01", last[0], 24), (f"{first}", last[1], 12)]


@pytest.mark.parametrize(
    ("cycle", "closes", "expected"),
    [
        ({"cycle": "P3M"}, "2026-10-01", ("2026-07-01", "2026-09-30", 24)),
        ({"cycle": "P6M"}, "2026-07-01", ("2026-01-01", "2026-06-30", 12)),
        ({"cycle": "P1Y"}, "2026-10-31", None),  # its year ends with December
        ({"cycle": "P3M", "cycle_day": 15}, "2026-10-15", ("2026-07-15", "2026-10-14", 24)),
        ({"cycle": "P1Y", "cycle_start_date": "2025-10-06"}, "2026-10-06", ("2025-10-06", "2026-10-05", 36)),
    ],
)
def test_quarters_half_years_years_and_anniversaries(
    company: Company, cycle: dict[str, object], closes: str, expected: tuple[str, str, int] | None
) -> None:
    customer(company, **cycle)
    company.load()
    called(company, "2026-06-30", "2026-07-20", "2026-09-30", "2026-10-20")
    numbers = close(company, closes)
    if expected is None:
        assert numbers == []
        return
    first = periods()[0]
    if first[0] < expected[0]:  # the call of June, never billed, is caught up on a line of its own
        assert (first[1], first[2]) == (expected[1], expected[2] + 12)
    else:
        assert first == expected


def test_a_missed_month_is_caught_up_one_line_a_month_on_one_document(company: Company) -> None:
    customer(company)
    company.load()
    called(company, "2026-07-10", "2026-08-10", "2026-08-11", "2026-10-05")
    close(company, "2026-08-01")
    company.rate("2026-10")
    assert close(company, "2026-11-01", on="2026-11-05") == ["FA2026-00002"]
    document = issued("FA2026-00002")
    assert (str(document.period_from), str(document.period_to)) == ("2026-08-01", "2026-10-31")
    lines = [(line.detail, str(line.period_from), str(line.period_to), line.net_minor) for line in document.lines]
    assert lines == [
        ("1\u00a0appel, 1\u00a0min\u00a000\u00a0s", "None", "None", 12),
        ("2\u00a0appels, 2\u00a0min\u00a000\u00a0s, communications d'août 2026", "2026-08-01", "2026-08-31", 24),
    ]


def test_subscriptions_and_purchases_follow_the_cycle_of_the_customer(company: Company) -> None:
    customer(company, cycle="P3M")
    company.product("abo", "10.00", in_advance="no")
    company.product("poste", "89.00", kind="one_off")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-07-01")
    company.buy("P1", "C1", "poste", "2026-08-06")
    company.load()
    assert close(company, "2026-09-01") == []
    assert close(company, "2026-10-01") == ["FA2026-00001"]
    # Three months in arrears, one line each, and what was bought in August.
    assert [line.net_minor for line in issued("FA2026-00001").lines] == [1000, 1000, 1000, 8900]


def test_no_document_prints_a_period_before_the_cycle_of_its_customer_began(company: Company) -> None:
    customer(company, cycle="P45D", cycle_start_date="2026-03-01")
    company.product("abo", "10.00", in_advance="yes")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-03-01")
    company.load()
    assert close(company, "2026-03-01") == ["FA2026-00001"]
    assert periods() == [("2026-03-01", "2026-04-14", 1000)]  # 45 days; March in advance


def test_a_cycle_changed_while_a_draft_is_open_leaves_the_customer_out(company: Company) -> None:
    customer(company)
    customer(company, "C2", OTHER)
    company.load()
    called(company, "2026-10-05")
    company.call("2026-10-05 12:00:00", OTHER, LANDLINE, 60)
    company.rate()
    company.preview()
    company.row("accounts", code="C1").update(cycle="P3M")
    company.load()
    (done,) = company.issue()
    assert (done.moved, len(done.numbers)) == (["C1"], 1)
    company.preview()
    (done,) = company.issue()  # its quarter ends with December
    assert (done.moved, done.numbers) == ([], [])


@pytest.mark.parametrize("closes", [date(2026, 12, 2), date(2031, 1, 1)])
def test_a_run_in_the_future_is_refused(company: Company, closes: date) -> None:
    company.load()
    with pytest.raises(ClosingRefused, match="in the future; choose a day up to 2026-12-01, or see what is to come"):
        company.preview(closes_date=closes)


def test_the_running_month_is_previewed_and_not_issued(company: Company) -> None:
    customer(company)
    company.load()
    called(company, "2026-11-02")
    (previewed,) = company.preview("2026-11")
    assert previewed.drafts == 1
    with pytest.raises(Exception, match="cannot be the date of this document"):
        company.issue("2026-11")


def test_a_run_beyond_the_catch_up_is_refused(company: Company) -> None:
    company.load()
    with pytest.raises(ClosingRefused, match="runs catch up 24 months; choose a day from 2024-11-01"):
        company.preview(closes_date=date(2024, 10, 31))


def test_two_runs_of_one_month_do_not_share_what_is_sold(company: Company) -> None:
    """The run of the 15th is previewed, then the one of the month's end: each issues what is due on its own day."""
    customer(company, cycle_day=15)
    customer(company, "C2", OTHER)
    company.product("abo", "31.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.subscribe("S2", "C2", product="abo", valid_from_date="2026-10-01")
    company.load()
    company.preview(closes_date=date(2026, 10, 15))
    company.preview(closes_date=date(2026, 11, 1))
    (first,) = company.issue(closes_date=date(2026, 10, 15))
    company.preview(closes_date=date(2026, 11, 1))
    (second,) = company.issue(closes_date=date(2026, 11, 1))
    assert (first.moved, second.moved) == ([], [])
    # C2's last end of cycle before the 15th is the 1st: October in advance. Then C2 again, November.
    assert {row.account.code: row.net_minor for row in Document.objects.filter(bound_date=date(2026, 10, 15))} == {
        "C1": 3100
    }
    assert Document.objects.filter(account__code="C2").count() == 2


@pytest.mark.parametrize(
    ("cycle", "message"),
    [
        ({"cycle": "P30D"}, "counted from a day: give its start"),
        ({"cycle": "P30D", "cycle_start_date": "2026-01-01", "cycle_day": 5}, "no billing day of the month"),
        ({"cycle": "P36M"}, "longer than runs catch up; write at most P24M"),
    ],
)
def test_a_cycle_that_cannot_be_is_refused_at_loading(company: Company, cycle: dict[str, object], message: str) -> None:
    company.customer("C1", **cycle)
    with pytest.raises(Exception, match=message):
        company.load()


def test_a_branch_follows_the_cycle_of_its_customer(company: Company) -> None:
    company.customer("C1")
    company.branch("B1", "Agence", parent="C1")
    company.row("accounts", code="B1").update(cycle="P3M")
    with pytest.raises(Exception, match="belongs to the customer at the top of the tree"):
        company.load()
