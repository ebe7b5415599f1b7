from datetime import date
from decimal import Decimal

import pytest

from ardoise.core.periods import MONTHLY
from ardoise.core.subscriptions import (
    SubscriptionRefused,
    Terms,
    cancelled,
    changed,
    end_after,
    end_of_period,
    in_order,
    reopened,
    resumed,
    suspended,
)

START, CHANGE, END = date(2026, 9, 1), date(2026, 10, 14), date(2026, 12, 1)
PLAIN = [Terms(0, START, None, plan="petit")]


def told(terms):
    """[(change, from, to, plan, quantity, suspended)]"""
    return [(one.change, one.start_date, one.end_date, one.plan, int(one.quantity), one.suspended) for one in terms]


def test_a_change_of_plan_begins_new_terms_on_its_day():
    assert told(changed(PLAIN, on=CHANGE, number=1, change={"plan": "grand"})) == [
        (0, START, CHANGE, "petit", 1, False),
        (1, CHANGE, None, "grand", 1, False),
    ]


def test_a_change_on_the_first_day_corrects_the_terms():
    assert told(changed(PLAIN, on=START, number=1, change={"quantity": Decimal(3)})) == [
        (0, START, None, "petit", 3, False)
    ]


def test_an_earlier_change_reaches_later_terms_as_far_as_they_inherited():
    later = changed(PLAIN, on=END, number=1, change={"plan": "grand"})
    both = changed(later, on=CHANGE, number=2, change={"quantity": Decimal(3)})
    assert told(both) == [
        (0, START, CHANGE, "petit", 1, False),
        (2, CHANGE, END, "petit", 3, False),
        (3, END, None, "grand", 3, False),  # other terms: what was billed under the first ones is billed again
    ]
    # another plan before: the later change of plan stands
    assert [one.plan for one in changed(both, on=date(2026, 9, 20), number=3, change={"plan": "moyen"})] == [
        "petit",
        "moyen",
        "moyen",
        "grand",
    ]


def test_two_changes_of_one_day_may_touch_different_things_but_not_the_same():
    once = changed(PLAIN, on=CHANGE, number=1, change={"plan": "grand"})
    assert told(changed(once, on=CHANGE, number=2, change={"quantity": Decimal(2)}))[1:] == [
        (1, CHANGE, None, "grand", 2, False)
    ]
    with pytest.raises(SubscriptionRefused, match="another change of plan begins on 2026-10-14"):
        changed(once, on=CHANGE, number=2, change={"plan": "moyen"})


def test_a_change_that_changes_nothing_is_refused():
    with pytest.raises(SubscriptionRefused, match="like that already"):
        changed(PLAIN, on=CHANGE, number=1, change={"plan": "petit"})


def test_nothing_changes_before_the_start_or_after_the_end():
    with pytest.raises(SubscriptionRefused, match="it starts on 2026-09-01"):
        changed(PLAIN, on=date(2026, 8, 31), number=1, change={"plan": "grand"})
    with pytest.raises(SubscriptionRefused, match="it ended on 2026-12-01"):
        changed(cancelled(PLAIN, on=END), on=END, number=1, change={"plan": "grand"})


def test_a_suspension_holds_until_it_is_resumed():
    away = suspended(PLAIN, on=CHANGE, number=1, price=Decimal(5))
    back = resumed(away, on=END, number=2)
    assert told(back) == [
        (0, START, CHANGE, "petit", 1, False),
        (1, CHANGE, END, "petit", 1, True),
        (2, END, None, "petit", 1, False),
    ]
    assert [one.suspension_price for one in back] == [0, 5, 0]


def test_a_suspension_of_what_changes_later_keeps_the_change():
    later = changed(PLAIN, on=END, number=1, change={"plan": "grand"})
    away = suspended(later, on=CHANGE, number=2)
    assert told(away)[1:] == [(2, CHANGE, END, "petit", 1, True), (3, END, None, "grand", 1, True)]


def test_suspended_twice_or_resumed_without_suspension_is_refused():
    away = suspended(PLAIN, on=CHANGE, number=1)
    with pytest.raises(SubscriptionRefused, match="suspended since 2026-10-14: resume it first"):
        suspended(away, on=END, number=2)
    with pytest.raises(SubscriptionRefused, match="not suspended on 2026-10-14"):
        resumed(PLAIN, on=CHANGE, number=1)


def test_a_cancellation_ends_the_terms_and_drops_later_ones():
    later = changed(PLAIN, on=END, number=1, change={"plan": "grand"})
    assert told(cancelled(later, on=CHANGE)) == [(0, START, CHANGE, "petit", 1, False)]
    assert cancelled(later, on=START) == []  # taken back whole


def test_a_cancellation_before_the_start_or_after_the_end_is_refused():
    with pytest.raises(SubscriptionRefused, match="it cannot end on 2026-08-31"):
        cancelled(PLAIN, on=date(2026, 8, 31))
    with pytest.raises(SubscriptionRefused, match="it ended on 2026-10-14 already"):
        cancelled(cancelled(PLAIN, on=CHANGE), on=END)


def test_terms_may_not_overlap():
    with pytest.raises(SubscriptionRefused, match="two terms hold on 2026-10-14"):
        in_order([Terms(0, START, None), Terms(1, CHANGE, None)])


def test_the_end_of_the_period_and_the_last_day():
    assert end_of_period(MONTHLY, CHANGE) == date(2026, 11, 1)
    assert end_after(CHANGE, last_day_billed=True) == date(2026, 10, 15)
    assert end_after(CHANGE, last_day_billed=False) == CHANGE


def test_reopened_it_goes_on_as_before_its_end_was_said():
    both = changed(PLAIN, on=END, number=1, change={"plan": "grand"})
    assert reopened(cancelled(both, on=CHANGE), before=both) == both  # what was to come comes back
    assert reopened(cancelled(both, on=END), before=both) == both  # ended on the very day of the change
    assert reopened([], before=both) == both  # taken back whole
    assert told(reopened(cancelled(PLAIN, on=CHANGE), before=[])) == told(PLAIN)  # it never was without an end
    earlier = cancelled(cancelled(PLAIN, on=END), on=CHANGE)
    assert reopened(earlier, before=cancelled(PLAIN, on=END)) == cancelled(PLAIN, on=END)  # the end said first
    with pytest.raises(SubscriptionRefused, match="it has no end: nothing to reopen"):
        reopened(PLAIN, before=[])
