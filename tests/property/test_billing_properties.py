"""What holds whatever is sold, changed, discounted or metered: sums, parts of a whole, reruns, histories."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ardoise.core import subscriptions
from ardoise.core.commitments import Commitment, Thresholds, progressive_minor, true_up
from ardoise.core.coverage import Billed
from ardoise.core.credits import capped_minor, in_favour_minor, taken_minor
from ardoise.core.discounts import Discount, Target, shares
from ardoise.core.documents import Section
from ardoise.core.invoices import LineInput, build_body
from ardoise.core.metering import Meter, Reading, Tier, metered_due
from ardoise.core.money import fraction_to_minor, micros_to_minor
from ardoise.core.periods import (
    MONTHLY,
    Cycle,
    Length,
    Period,
    Proration,
    fraction_of,
    month_period,
    service_periods,
)
from ardoise.core.recurring import FirstStub, RecurringItem, charges_of_terms
from ardoise.core.tariffs import TaxBasis, Tiers
from ardoise.core.vat import Nature, VatTreatment

LEAN = settings(max_examples=100, deadline=None)
FIRST = date(2026, 1, 1)
OCTOBER = month_period("2026-10")
LENGTHS = st.sampled_from([Length(months=1), Length(months=3), Length(days=30), Length(days=45)])
PRORATED = st.sampled_from([known for known in Proration if known is not Proration.NONE])
VATS = st.sampled_from([VatTreatment("S", Decimal(rate)) for rate in ("20", "10", "8.5")])
CENTS = st.integers(-100_000, 100_000)


def days_after(first: date, most: int) -> st.SearchStrategy[date]:
    return st.integers(0, most).map(lambda count: first + timedelta(days=count))


# --- sums and parts ---------------------------------------------------------------------------------------------------


@LEAN
@given(
    st.lists(st.tuples(st.sampled_from(Section), st.integers(-(10**8), 10**8), VATS), min_size=1, max_size=8),
    st.booleans(),
)
def test_lines_sections_and_vat_sum_to_the_totals(rows, with_tax):
    body = build_body(
        [LineInput(section=section, label="", amount_micros=micros, vat=vat) for section, micros, vat in rows],
        with_tax=with_tax,
    )
    totals = body.totals
    assert sum(line.net_minor for line in body.lines) == totals.net_minor == sum(g.basis_minor for g in body.vat)
    assert sum(group.amount_minor for group in body.vat) == totals.vat_minor
    assert sum(section.net_minor for section in body.sections) == totals.net_minor
    assert sum(section.gross_minor for section in body.sections) == totals.payable_minor
    if with_tax:
        assert sum(line.gross_minor for line in body.lines) == totals.payable_minor


@LEAN
@given(
    st.integers(0, 10**7), LENGTHS, st.integers(1, 31), PRORATED, st.lists(st.integers(1, 400), max_size=5, unique=True)
)
def test_the_parts_of_a_period_are_the_whole(price_minor, length, day, proration, cuts):
    """Exactly as fractions; rounded each on its own, within half a cent a part."""
    period = Cycle.on_day(length, day, start=FIRST).containing(date(2026, 6, 15))
    bounds = sorted({period.start, period.end, *(period.start + timedelta(days=cut % period.days) for cut in cuts)})
    parts = [fraction_of(Period(start, end), period, proration) for start, end in pairwise(bounds)]
    assert sum(parts) == 1
    rounded = [fraction_to_minor(part * price_minor / 100) for part in parts]
    assert abs(sum(rounded) - price_minor) <= Fraction(len(parts), 2)


# --- histories --------------------------------------------------------------------------------------------------------


CHANGES = {
    "one": {"quantity": Decimal(1)},
    "three": {"quantity": Decimal(3)},
    "cheap": {"unit_price": Decimal("9.99")},
    "dear": {"unit_price": Decimal("99.99")},
}
KINDS = st.sampled_from([*CHANGES, "suspend", "resume", "end"])


@st.composite
def histories(draw):
    """A subscription and what happens to it: (day, recorded on, what), in the order in which it is recorded: before or
    after the day on which it takes effect, and before or after what happens later.
    """
    start = draw(days_after(FIRST, 60))
    days = draw(st.lists(st.integers(1, 330), min_size=2, max_size=6, unique=True))
    recorded = sorted(draw(st.lists(st.integers(0, 360), min_size=len(days), max_size=len(days))))
    item = RecurringItem(
        subscription_id=1,
        product_code="P",
        label="Abonnement",
        unit_price=draw(st.decimals(min_value=1, max_value=500, places=2)),
        quantity=Decimal(1),
        tax_basis=TaxBasis.HT,
        nature=Nature.SERVICES,
        valid_from_date=start,
        valid_to_date=None,
        in_advance=draw(st.booleans()),
        account_id=1,
        proration=draw(PRORATED),
        first_stub=draw(st.sampled_from([FirstStub.NOW, FirstStub.DEFERRED])),
    )
    events = [
        (start + timedelta(days=day), start + timedelta(days=on), draw(KINDS))
        for day, on in zip(days, recorded, strict=True)
    ]
    return item, events


def terms(item, events, *, known_on, cycle):
    """The terms of the events known on a day, as the subscription's own operations make them."""
    told, last = [subscriptions.Terms(0, item.valid_from_date, None)], 0
    for day, on, kind in events:
        if on <= known_on:
            with suppress(subscriptions.SubscriptionRefused):  # it changes nothing, or it has ended
                told = _happened(told, day, last + 1, kind)
            last = max([last, *(one.change for one in told)])
    return [
        (
            replace(item, change=one.change, quantity=one.quantity, valid_from_date=one.start_date,
                    unit_price=item.unit_price if one.unit_price is None else one.unit_price,
                    valid_to_date=one.start_date if one.suspended else one.end_date),
            cycle,
        )
        for one in told
    ]  # fmt: skip


def _happened(told, day, number, kind):
    if kind == "suspend":
        return subscriptions.suspended(told, on=day, number=number)
    if kind == "resume":
        return subscriptions.resumed(told, on=day, number=number)
    if kind == "end":
        return subscriptions.cancelled(told, on=day)
    return subscriptions.changed(told, on=day, number=number, change=CHANGES[kind])


def by_period(charges, cycle):
    totals = Counter()
    for charge in charges:
        totals[cycle.containing(charge.period_from).start] += charge.amount_micros
    return {start: total for start, total in totals.items() if total}


@LEAN
@given(histories(), LENGTHS, st.integers(1, 31), st.sets(st.integers(0, 400), min_size=3, max_size=8))
def test_a_history_billed_run_after_run_is_the_history_billed_once(history, length, day, runs):
    """Whenever the runs are made and the events are told, each period comes to the same."""
    item, events = history
    cycle = Cycle.on_day(length, day, start=item.valid_from_date)
    last = item.valid_from_date + timedelta(days=401)
    charges = []
    ever = {}
    for on in sorted({*(item.valid_from_date + timedelta(days=count) for count in runs), last}):
        known = terms(item, events, known_on=on, cycle=cycle)
        ever |= {one.change: one for one, _ in known}
        gone = ever.keys() - {one.change for one, _ in known}  # terms taken back: what they billed is credited
        known += [(replace(ever[change], valid_to_date=ever[change].valid_from_date), cycle) for change in sorted(gone)]
        found = charges_of_terms(known, as_of_date=on, already=[charge.billed for charge in charges])
        charges += found
        again = charges_of_terms(known, as_of_date=on, already=[charge.billed for charge in charges])
        assert again == []  # a rerun adds nothing
    assert len({charge.origin_id for charge in charges}) == len(charges)
    once = charges_of_terms(terms(item, events, known_on=last, cycle=cycle), as_of_date=last)
    piecewise, at_once = by_period(charges, cycle), by_period(once, cycle)
    for start in piecewise.keys() | at_once.keys():
        # a credit is rounded at the price of the line that it mirrors: a micro a line at most
        assert abs(piecewise.get(start, 0) - at_once.get(start, 0)) <= len(charges)


# --- discounts --------------------------------------------------------------------------------------------------------


@st.composite
def discounts(draw, number=1):
    percentage = draw(st.booleans())
    value = draw(st.decimals(min_value=Decimal("0.01"), max_value=100, places=2))
    return Discount(
        discount_id=number,
        code=f"D{number}",
        label="Remise",
        valid_from_date=FIRST,
        percentage=value if percentage else Decimal(0),
        amount=Decimal(0) if percentage else value,
        products=draw(st.sampled_from([frozenset(), frozenset("A"), frozenset("AB")])),
        cycles=draw(st.none() | st.integers(1, 4)),
        limit=draw(st.none() | st.just(Decimal(50))),
        priority=draw(st.integers(1, 3)),
    )


TARGETS = st.lists(st.tuples(st.sampled_from("ABC"), CENTS, days_after(FIRST, 200)), max_size=6).map(
    lambda rows: [Target(str(number), code, amount, day) for number, (code, amount, day) in enumerate(rows)]
)


@LEAN
@given(
    st.lists(st.integers(1, 3), max_size=3, unique=True).flatmap(lambda ids: st.tuples(*map(discounts, ids))), TARGETS
)
def test_discounts_are_whole_cents_and_never_more_than_a_charge(known, targets):
    found = shares(known, targets, cycle=MONTHLY)
    assert all(share.exact_minor.denominator == 1 for share in found)
    for target in targets:
        taken = sum(share.exact_minor for share in found if share.target is target)
        assert 0 <= taken <= target.amount_minor or target.amount_minor <= taken <= 0
    for discount in known:
        given_minor = Counter()
        for share in found:
            if share.discount is discount:
                given_minor[share.cycle_start] += share.exact_minor
        if discount.amount:
            assert all(total <= fraction_to_minor(Fraction(discount.amount)) for total in given_minor.values())
        if discount.amount and discount.limit is not None:
            assert sum(given_minor.values()) <= 5000
    assert len({share.origin_id for share in found}) == len(found)


@LEAN
@given(discounts(), TARGETS, st.integers(0, 6))
def test_an_amount_given_in_two_runs_is_the_amount_given_in_one(known, targets, cut):
    """Whatever charges the first run knew, no period is given more than once."""
    if not known.amount:
        return
    first = shares([known], targets[:cut], cycle=MONTHLY)
    given_minor = Counter()
    for share in first:
        given_minor[known.discount_id, share.cycle_start] += int(share.exact_minor)
    then = shares([known], targets[cut:], cycle=MONTHLY, given_minor=given_minor)
    totals = Counter()
    for share in [*first, *then]:
        totals[share.cycle_start] += share.exact_minor
    assert all(total <= fraction_to_minor(Fraction(known.amount)) for total in totals.values())


# --- commitments, meters, thresholds, credits -------------------------------------------------------------------------


@LEAN
@given(st.integers(1, 10**6), st.lists(st.integers(0, 10**6), max_size=5), days_after(OCTOBER.start, 31))
def test_a_period_with_a_minimum_comes_to_the_greater_of_both_whenever_usage_is_known(minimum, usage, since):
    commitment = Commitment(1, "M", "Minimum", Decimal(minimum) / 100, since)
    held = replace(OCTOBER, start=max(since, OCTOBER.start)) if since < OCTOBER.end else Period(since, since)
    wanted = fraction_to_minor(Fraction(minimum, 100) * Fraction(held.days, 31))
    already: list[Billed] = []
    for count in range(len(usage) + 1):
        micros = [amount * 10_000 for amount in usage[:count]]
        for _ in range(2):  # a rerun adds nothing
            found = true_up(commitment, period=OCTOBER, cycle=MONTHLY, counted_micros=micros, already=already)
            if found:
                already.append(Billed(found.origin_id, found.period_from, found.period_to, found.amount_micros))
        billed = sum(usage[:count]) + sum(micros_to_minor(line.amount_micros) for line in already)
        assert billed == max(wanted, sum(usage[:count]))
    assert len({line.origin_id for line in already}) == len(already)


@st.composite
def meters(draw):
    bounds = sorted(draw(st.sets(st.integers(1, 500), max_size=3)))
    price = st.decimals(min_value=0, max_value=10, places=3)
    tiers = tuple(
        Tier(up_to, draw(price), draw(st.integers(1, 10)), draw(st.integers(1, 10)), draw(price))
        for up_to in (*bounds, None)
    )
    return Meter(tiers, draw(st.sampled_from(Tiers)), draw(st.integers(0, 20)))


@LEAN
@given(meters(), st.lists(st.tuples(days_after(OCTOBER.start, 60), st.integers(0, 300)), max_size=6))
def test_the_lines_of_a_metered_period_sum_to_its_price_however_late_usage_comes(meter, used):
    months = [OCTOBER, month_period("2026-11")]
    readings = [Reading(day, quantity) for day, quantity in used]
    lines = []
    for count in range(len(readings) + 1):
        for _ in range(2):  # a rerun adds nothing that was billed
            found = metered_due(1, meter, months, readings[:count], already=[line.billed for line in lines])
            lines += found
        assert found == []
    for month in months:
        quantity = sum(reading.quantity for reading in readings if reading.day in month)
        billed = sum(micros_to_minor(line.amount_micros) for line in lines if line.period_from == month.start)
        assert billed == fraction_to_minor(meter.price(quantity))
    assert len({line.origin_id for line in lines}) == len(lines)


@LEAN
@given(meters(), st.integers(0, 600))
def test_graduated_slices_cover_every_unit_once(meter, quantity):
    meter = replace(meter, mode=Tiers.GRADUATED, tiers=tuple(replace(tier, block=1) for tier in meter.tiers))
    assert sum(part.billed for part in meter.slices(quantity)) == max(0, quantity - meter.free)


@LEAN
@given(
    st.sets(st.integers(1, 1000), min_size=1, max_size=4),
    st.integers(0, 300),
    st.lists(st.integers(0, 900), max_size=8),
)
def test_no_threshold_stays_reached_and_not_invoiced(steps, every, usage):
    thresholds = Thresholds(tuple(sorted(steps)), every)
    due = invoiced = 0
    for amount in usage:
        due += amount
        invoiced += progressive_minor(thresholds, due_minor=due, invoiced_minor=invoiced)
        assert progressive_minor(thresholds, due_minor=due, invoiced_minor=invoiced) == 0
        assert thresholds.last_reached_minor(due) <= invoiced <= due


@LEAN
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 5000)), max_size=5))
def test_documents_take_what_was_paid_too_much_and_no_more(history):
    """Invoices, credits asked of them and payments, one after the other: nothing is credited, taken or owed twice."""
    owed = 0
    for invoiced, asked, paid in history:
        taken = taken_minor(in_favour_minor(owed), due_minor=invoiced)
        credited = capped_minor(asked, billed_minor=invoiced)
        assert 0 <= taken <= invoiced and taken <= max(0, -owed)
        assert invoiced - credited >= 0
        assert in_favour_minor(owed + invoiced) == in_favour_minor(owed) - taken
        owed += invoiced - credited - paid


@LEAN
@given(LENGTHS, st.integers(1, 31), days_after(FIRST, 60), st.integers(1, 500))
def test_the_periods_of_a_service_are_its_days_once_each(length, day, start, days):
    end = start + timedelta(days=days)
    found = list(service_periods(Cycle.on_day(length, day, start=start), start=start, end=end))
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == other.start for one, other in pairwise(found))
    assert sum(period.days for period in found) == days
