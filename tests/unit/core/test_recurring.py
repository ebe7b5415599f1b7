from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.periods import Cycle, Length, Proration
from ardoise.core.recurring import (
    Purchase,
    RecurringItem,
    charges_due,
    charges_for_run,
    purchase_for_run,
)
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature

LINE_RENT = RecurringItem(
    subscription_id=7,
    product_code="SDA",
    label="Abonnement ligne",
    unit_price=Decimal("31.00"),
    quantity=Decimal(1),
    tax_basis=TaxBasis.HT,
    nature=Nature.SERVICES,
    valid_from_date=date(2026, 10, 10),
    valid_to_date=None,
    in_advance=True,
    account_id=1,
)


def seen(charges):
    return [(c.period_from, c.period_to, c.amount_micros) for c in charges]


def test_the_first_invoice_has_the_stub_and_the_month_in_advance():
    charges = charges_for_run(LINE_RENT, bill_month="2026-10")
    assert [c.origin_id for c in charges] == ["sub:7:2026-10-10", "sub:7:2026-11-01"]
    assert seen(charges) == [
        (date(2026, 10, 10), date(2026, 11, 1), 22_000_000),  # 31 x 22/31
        (date(2026, 11, 1), date(2026, 12, 1), 31_000_000),
    ]
    assert charges[0].fraction == Fraction(22, 31)


def test_in_arrears_the_month_just_over_is_billed():
    charges = charges_for_run(replace(LINE_RENT, in_advance=False), bill_month="2026-10")
    assert seen(charges) == [(date(2026, 10, 10), date(2026, 11, 1), 22_000_000)]


def test_a_rerun_adds_nothing_and_the_next_run_adds_one_month():
    october = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    assert charges_for_run(LINE_RENT, bill_month="2026-10", already=october) == []
    november = charges_for_run(LINE_RENT, bill_month="2026-11", already=october)
    assert seen(november) == [(date(2026, 12, 1), date(2027, 1, 1), 31_000_000)]


def test_missed_runs_are_caught_up_one_line_a_month():
    october = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    late = charges_for_run(LINE_RENT, bill_month="2027-01", already=october)
    assert [c.period_from for c in late] == [date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]


def test_a_customer_taken_over_is_not_billed_for_the_past():
    old = replace(LINE_RENT, valid_from_date=date(2019, 3, 1))
    charges = charges_for_run(old, bill_month="2026-10", not_before_date=date(2026, 11, 1))
    assert seen(charges) == [(date(2026, 11, 1), date(2026, 12, 1), 31_000_000)]


def test_a_subscription_ends_with_its_line():
    ended = replace(LINE_RENT, line_ends_date=date(2026, 10, 20), valid_to_date=date(2026, 12, 31))
    charges = charges_for_run(ended, bill_month="2026-10")
    assert seen(charges) == [(date(2026, 10, 10), date(2026, 10, 20), 10_000_000)]  # 31 x 10/31


def test_what_was_billed_in_advance_beyond_the_end_is_credited_once():
    billed = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    ended = replace(LINE_RENT, line_ends_date=date(2026, 11, 11))
    credit = charges_for_run(ended, bill_month="2026-11", already=billed)
    assert [c.origin_id for c in credit] == ["sub:7:2026-11-11:credit"]
    # 20 days of 30 unused: 31 x 20/30 = 20.666667
    assert seen(credit) == [(date(2026, 11, 11), date(2026, 12, 1), -20_666_667)]
    assert credit[0].fraction == Fraction(-20, 30)
    assert charges_for_run(ended, bill_month="2026-12", already=[*billed, *(c.billed for c in credit)]) == []


def test_a_credit_is_made_at_the_price_that_was_billed():
    billed = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    dearer = replace(LINE_RENT, unit_price=Decimal("99.00"), line_ends_date=date(2026, 11, 1))
    assert [c.amount_micros for c in charges_for_run(dearer, bill_month="2026-11", already=billed)] == [-31_000_000]


def test_a_new_price_does_not_touch_billed_days():
    billed = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    dearer = replace(LINE_RENT, unit_price=Decimal("99.00"))
    assert charges_for_run(dearer, bill_month="2026-10", already=billed) == []


def test_an_end_recorded_by_mistake_is_repaired_after_its_credit():
    history = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    ended = replace(LINE_RENT, line_ends_date=date(2026, 11, 11))
    history += [c.billed for c in charges_for_run(ended, bill_month="2026-10", already=history)]
    again = charges_for_run(LINE_RENT, bill_month="2026-10", already=history)
    assert seen(again) == [(date(2026, 11, 11), date(2026, 12, 1), 20_666_667)]
    history += [c.billed for c in again]
    assert sum(b.amount_micros for b in history) == 22_000_000 + 31_000_000
    credit = charges_for_run(ended, bill_month="2026-10", already=history)
    assert [c.origin_id for c in credit] == ["sub:7:2026-11-11:credit:2"]


def test_a_start_moved_back_bills_only_the_days_before():
    billed = [c.billed for c in charges_for_run(LINE_RENT, bill_month="2026-10")]
    earlier = replace(LINE_RENT, valid_from_date=date(2026, 10, 1))
    head = charges_for_run(earlier, bill_month="2026-10", already=billed)
    assert seen(head) == [(date(2026, 10, 1), date(2026, 10, 10), 9_000_000)]  # 31 x 9/31


def test_without_proration_any_part_of_a_month_costs_the_month_once():
    flat = replace(LINE_RENT, proration=Proration.NONE, line_ends_date=date(2026, 10, 12))
    charges = charges_for_run(flat, bill_month="2026-10")
    assert [c.amount_micros for c in charges] == [31_000_000]
    longer = replace(flat, line_ends_date=date(2026, 10, 25))
    assert charges_for_run(longer, bill_month="2026-10", already=[c.billed for c in charges]) == []


def test_a_free_option_is_still_a_line():
    free = replace(LINE_RENT, unit_price=Decimal(0), valid_from_date=date(2026, 10, 1), in_advance=False)
    assert [c.amount_micros for c in charges_for_run(free, bill_month="2026-10")] == [0]


def test_quantity_and_sub_cent_prices_are_exact_to_the_micro():
    # 3.333 x 7 = 23.331; x 22/31 = 16.557483870... -> 16.557484
    item = replace(LINE_RENT, unit_price=Decimal("3.333"), quantity=Decimal(7), in_advance=False)
    assert [c.amount_micros for c in charges_for_run(item, bill_month="2026-10")] == [16_557_484]


def test_a_yearly_subscription_uses_its_own_cycle():
    domain = replace(LINE_RENT, unit_price=Decimal("365.00"))
    charges = charges_due(domain, cycle=Cycle.calendar(Length(months=12)), as_of_date=date(2027, 1, 1))
    assert seen(charges) == [
        (date(2026, 10, 10), date(2027, 1, 1), 83_000_000),  # 22 + 30 + 31 = 83 days of 365
        (date(2027, 1, 1), date(2028, 1, 1), 365_000_000),
    ]


def test_a_purchase_is_due_once_from_its_month():
    phone = Purchase(
        purchase_id=3,
        product_code="T42",
        label="Poste IP",
        unit_price=Decimal("89.90"),
        quantity=Decimal(2),
        tax_basis=TaxBasis.HT,
        nature=Nature.GOODS,
        purchase_date=date(2026, 10, 17),
        account_id=1,
    )
    assert purchase_for_run(phone, bill_month="2026-09") is None
    charge = purchase_for_run(phone, bill_month="2026-10")
    assert charge is not None
    assert charge.amount_micros == 179_800_000  # 2 x 89.90
    assert purchase_for_run(phone, bill_month="2026-11", already=[charge.origin_id]) is None
