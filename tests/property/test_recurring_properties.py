from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.periods import Cycle, Length, Proration, month_of
from ardoise.core.recurring import RecurringItem, charges_due, charges_for_run
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature

STARTS = st.dates(date(2026, 1, 1), date(2026, 12, 31))
PRICES = st.decimals(min_value=0, max_value=1000, places=4)
PRORATED = st.sampled_from([p for p in Proration if p is not Proration.NONE])


@st.composite
def items(draw, prorations=PRORATED):
    start = draw(STARTS)
    ends = st.none() | st.integers(0, 400).map(lambda days: start + timedelta(days=days))
    return RecurringItem(
        subscription_id=1,
        product_code="P",
        label="Abonnement",
        unit_price=draw(PRICES),
        quantity=draw(st.decimals(min_value=Decimal("0.5"), max_value=20, places=1)),
        tax_basis=TaxBasis.HT,
        nature=Nature.SERVICES,
        valid_from_date=start,
        valid_to_date=draw(ends),
        in_advance=draw(st.booleans()),
        account_id=1,
        line_ends_date=draw(ends),
        proration=draw(prorations),
    )


MONTHS = st.integers(0, 24).map(lambda n: month_of(date(2026 + n // 12, n % 12 + 1, 1)))


@given(items(prorations=st.sampled_from(Proration)), st.lists(MONTHS, max_size=6))
def test_a_rerun_of_any_month_adds_nothing(item, months):
    history = []
    for month in months:
        history += [c.billed for c in charges_for_run(item, bill_month=month, already=history)]
        assert charges_for_run(item, bill_month=month, already=history) == []


@given(items(), st.lists(MONTHS, min_size=1, max_size=6))
def test_the_days_billed_do_not_depend_on_when_the_runs_were_made(item, months):
    history = []
    for month in months:
        history += [c.billed for c in charges_for_run(item, bill_month=month, already=history)]
    at_once = charges_for_run(item, bill_month=max(months))
    assert sum(billed.amount_micros for billed in history) == sum(c.amount_micros for c in at_once)


@given(items(), st.lists(st.none() | STARTS, max_size=4), MONTHS)
def test_whatever_the_corrections_the_billed_days_are_the_due_days(item, ends, month):
    """Ends given, moved and taken back: the sum billed is what one run of the final state would bill."""
    item = replace(item, valid_to_date=None, line_ends_date=None)
    history = []
    for end in [*ends, None]:
        known = replace(item, line_ends_date=end)
        history += [c.billed for c in charges_for_run(known, bill_month=month, already=history)]
    fresh = charges_for_run(item, bill_month=month)
    # Each credit is rounded at the price of its own line: at most a micro a line apart.
    assert abs(sum(b.amount_micros for b in history) - sum(c.amount_micros for c in fresh)) <= len(history)
    keys = [billed.origin_id for billed in history]
    assert len(keys) == len(set(keys))


@given(items(), st.integers(1, 27))
def test_the_parts_of_a_month_sum_to_its_price(item, split):
    """A month sold in two subscriptions of the same price costs the month, to the micro."""
    first = date(2026, 10, 1)
    cut = first + timedelta(days=split)
    cycle = Cycle.calendar(Length(months=1))
    whole = replace(item, valid_from_date=first, valid_to_date=None, line_ends_date=None, in_advance=True)
    head, tail = replace(whole, valid_to_date=cut), replace(whole, valid_from_date=cut)
    parts = [c for part in (head, tail) for c in charges_due(part, cycle=cycle, as_of_date=date(2026, 10, 31))]
    (month,) = charges_due(whole, cycle=cycle, as_of_date=first)
    assert sum(c.amount_micros for c in parts) == month.amount_micros


@given(items(), st.lists(st.none() | STARTS, max_size=3), MONTHS, st.randoms(use_true_random=False))
def test_the_order_in_which_frozen_charges_are_read_does_not_matter(item, ends, month, random):
    history = []
    for end in ends:
        known = replace(item, line_ends_date=end)
        history += [c.billed for c in charges_for_run(known, bill_month=month, already=history)]
    shuffled = random.sample(history, len(history))
    assert charges_for_run(item, bill_month=month, already=shuffled) == charges_for_run(
        item, bill_month=month, already=history
    )
