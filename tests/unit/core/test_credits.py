"""docs/algorithms/credits.md, row by row, and what is refused."""

from datetime import date, timedelta

import pytest
from worked_tables import minor, rows

from ardoise.core.credits import CreditError, OpenCredit, Settled, Spent, capped_minor, settle, spend

PAGE = "credits.md"
DAY = date(2026, 11, 5)


def credits(text):
    pairs = [part.split() for part in text.split(", ")]
    return [OpenCredit(number, DAY + timedelta(days=int(number[1:])), minor(left)) for number, left in pairs]


@pytest.mark.parametrize("row", rows(PAGE, "Never more than what is left"), ids=str)
def test_never_more_than_what_is_left(row):
    billed, before = minor(row["billed"]), minor(row["credited before"])
    assert capped_minor(minor(row["asked"]), billed_minor=billed, credited_minor=before) == minor(row["credit"])


@pytest.mark.parametrize("row", rows(PAGE, "Spent on what is due"), ids=str)
def test_spent_on_what_is_due(row):
    spent = spend(credits(row["credits"]), due_minor=minor(row["due"]))
    wanted = [part.split() for part in row["spent"].split(", ") if part]
    assert spent == [Spent(number, minor(amount)) for number, amount in wanted]
    assert minor(row["due"]) - sum(part.amount_minor for part in spent) == minor(row["still due"])


def test_the_oldest_credit_goes_first_whatever_the_order_they_are_told_in():
    newer, older = OpenCredit("A1", DAY, 100), OpenCredit("A9", DAY - timedelta(days=1), 100)
    assert spend([newer, older], due_minor=150) == [Spent("A9", 100), Spent("A1", 50)]


@pytest.mark.parametrize("row", rows(PAGE, "Paid back"), ids=str)
def test_paid_back(row):
    found = settle(
        minor(row["credit"]),
        invoiced_minor=minor(row["invoice"]),
        paid_minor=minor(row["paid"]),
        credited_minor=minor(row["credited before"]),
    )
    assert found == Settled(minor(row["paid back"]), minor(row["kept"]))


@pytest.mark.parametrize(("credit", "before"), [(-1, 0), (9001, 0), (3001, 6000)])
def test_a_credit_beyond_its_invoice_is_refused(credit, before):
    with pytest.raises(CreditError, match="of an invoice of 9000"):
        settle(credit, invoiced_minor=9000, paid_minor=0, credited_minor=before)


def test_a_credit_cannot_have_less_than_nothing_left():
    with pytest.raises(CreditError, match="0 or more"):
        OpenCredit("A1", DAY, -1)
