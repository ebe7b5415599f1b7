"""Laws of terms of payment, on any terms and any day."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.terms import AGREED, DEBIT_NOTICE_DAYS, Terms, excess, parse_terms

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
COUNTS = st.integers(0, 365)
PAID = st.builds(Terms, days=COUNTS) | st.builds(Terms, days=COUNTS, end_of_month=st.just(True), days_after=COUNTS)
DEBITED = st.builds(Terms, debit_day=st.integers(1, 31), notice_days=st.integers(0, 60))
TERMS = PAID | DEBITED


@given(TERMS)
def test_the_short_form_is_read_back(terms: Terms) -> None:
    assert parse_terms(str(terms)) == terms


@given(TERMS, DAYS)
def test_nothing_is_due_before_it_is_issued(terms: Terms, day: date) -> None:
    assert terms.due_date(day) >= day


@given(TERMS, DAYS, DAYS)
def test_a_later_invoice_is_never_due_earlier(terms: Terms, one: date, other: date) -> None:
    earlier, later = sorted((one, other))
    assert terms.due_date(earlier) <= terms.due_date(later)


@given(DEBITED, DAYS)
def test_a_debit_waits_for_its_notice_and_no_more_than_a_month_beyond(terms: Terms, day: date) -> None:
    wait = (terms.due_date(day) - day).days - terms.notice_days
    assert 0 <= wait < 31


@given(st.integers(0, 60), DAYS)
def test_sixty_days_and_forty_five_end_of_month_are_allowed_whatever_the_day(days: int, day: date) -> None:
    for terms in (Terms(days), Terms(min(days, 45), True), Terms(0, True, min(days, 45))):
        assert terms.due_date(day) <= AGREED.latest(day)
        assert excess(terms) is None


def test_the_notice_of_a_debit_is_left_out_when_it_is_the_usual_one() -> None:
    assert str(Terms(debit_day=5, notice_days=DEBIT_NOTICE_DAYS)) == "debit 5"
