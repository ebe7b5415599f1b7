from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from ardoise.core.counting import CountAt, Counted, Presence
from ardoise.core.periods import MONTHLY, Cycle, Length, Proration
from ardoise.core.recurring import (
    FirstStub,
    RecurringItem,
    Revision,
    charges_due,
    charges_for_run,
    charges_of_terms,
    revised_prices,
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


def test_a_monthly_product_on_a_quarterly_bill_is_charged_one_month_ahead():
    monthly = replace(LINE_RENT, unit_price=Decimal("30.00"), valid_from_date=date(2026, 10, 1))
    january = charges_due(monthly, cycle=MONTHLY, as_of_date=date(2027, 1, 1))
    assert [(c.period_from.month, c.amount_micros) for c in january] == [(m, 30_000_000) for m in (10, 11, 12, 1)]
    april = charges_due(monthly, cycle=MONTHLY, as_of_date=date(2027, 4, 1), already=[c.billed for c in january])
    assert [(c.period_from.month, c.amount_micros) for c in april] == [(m, 30_000_000) for m in (2, 3, 4)]


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


# --- terms one after another ----------------------------------------------------------------------------------------

SFR = Cycle.on_day(Length(months=1), 29, start=date(2017, 5, 29))
SMALL = replace(
    LINE_RENT, unit_price=Decimal("8.00"), valid_from_date=date(2017, 5, 29), valid_to_date=date(2017, 6, 14)
)
LARGE = replace(SMALL, change=1, unit_price=Decimal("60.00"), valid_from_date=date(2017, 6, 14), valid_to_date=None)


def cents(charges):
    return [round(Decimal(c.amount_micros).scaleb(-6), 2) for c in charges]


def test_a_change_of_plan_credits_the_days_left_and_charges_them_at_the_new_price():
    """A French carrier's published example: 8 EUR -> 60 EUR on 14 June, cycle 29 May to 28 June, 15 of 31 days left."""
    before = replace(SMALL, valid_to_date=None)
    billed = [c.billed for c in charges_of_terms([(before, SFR)], as_of_date=date(2017, 5, 29))]
    charges = charges_of_terms([(SMALL, SFR), (LARGE, SFR)], as_of_date=date(2017, 6, 29), already=billed)
    assert [(c.origin_id, str(amount)) for c, amount in zip(charges, cents(charges), strict=True)] == [
        ("sub:7:2017-06-14:credit", "-3.87"),  # -8 x 15/31
        ("sub:7.1:2017-06-14", "29.03"),  # 60 x 15/31
        ("sub:7.1:2017-06-29", "60.00"),
    ]
    billed += [c.billed for c in charges]
    assert charges_of_terms([(SMALL, SFR), (LARGE, SFR)], as_of_date=date(2017, 6, 29), already=billed) == []


def test_a_change_known_before_the_bill_is_two_stubs_and_no_credit():
    charges = charges_of_terms([(SMALL, SFR), (LARGE, SFR)], as_of_date=date(2017, 6, 28))
    assert [str(amount) for amount in cents(charges)] == ["4.13", "29.03"]  # 8 x 16/31, 60 x 15/31


def test_terms_taken_back_are_credited_and_the_first_ones_billed_again():
    terms = [(SMALL, SFR), (LARGE, SFR)]
    billed = [c.billed for c in charges_of_terms(terms, as_of_date=date(2017, 6, 29))]
    kept = [(replace(SMALL, valid_to_date=None), SFR), (replace(LARGE, valid_to_date=LARGE.valid_from_date), SFR)]
    charges = charges_of_terms(kept, as_of_date=date(2017, 6, 29), already=billed)
    # 15 days of June and a whole month at 8 EUR; the same days given back at 60
    assert [str(amount) for amount in cents(charges)] == ["3.87", "8.00", "-29.03", "-60.00"]
    billed += [c.billed for c in charges]
    assert charges_of_terms(kept, as_of_date=date(2017, 6, 29), already=billed) == []


def test_a_change_date_moved_earlier_bills_only_the_days_between():
    billed = [c.billed for c in charges_of_terms([(SMALL, SFR), (LARGE, SFR)], as_of_date=date(2017, 6, 28))]
    earlier = date(2017, 6, 13)
    moved = [(replace(SMALL, valid_to_date=earlier), SFR), (replace(LARGE, valid_from_date=earlier), SFR)]
    charges = charges_of_terms(moved, as_of_date=date(2017, 6, 28), already=billed)
    assert [str(amount) for amount in cents(charges)] == ["-0.26", "1.94"]  # 8/31 back, 60/31 more


def test_a_corrected_price_of_the_same_terms_is_no_change():
    billed = [c.billed for c in charges_of_terms([(LARGE, SFR)], as_of_date=date(2017, 6, 28))]
    dearer = replace(LARGE, unit_price=Decimal("62.00"))
    assert charges_of_terms([(dearer, SFR)], as_of_date=date(2017, 6, 28), already=billed) == []


def test_without_proration_a_change_waits_for_the_next_period():
    terms = [(replace(item, proration=Proration.NONE), SFR) for item in (SMALL, LARGE)]
    charges = charges_of_terms(terms, as_of_date=date(2017, 6, 29))
    assert [str(amount) for amount in cents(charges)] == ["8.00", "60.00"]


# --- the first days, the last day -----------------------------------------------------------------------------------


def test_deferred_first_days_come_with_the_first_whole_period_in_advance():
    deferred = replace(LINE_RENT, first_stub=FirstStub.DEFERRED)
    assert charges_due(deferred, cycle=MONTHLY, as_of_date=date(2026, 10, 31)) == []
    assert seen(charges_due(deferred, cycle=MONTHLY, as_of_date=date(2026, 11, 1))) == [
        (date(2026, 10, 10), date(2026, 11, 1), 22_000_000),
        (date(2026, 11, 1), date(2026, 12, 1), 31_000_000),
    ]


def test_deferred_first_days_in_arrears_wait_for_the_end_of_the_first_whole_period():
    deferred = replace(LINE_RENT, first_stub=FirstStub.DEFERRED, in_advance=False)
    assert charges_due(deferred, cycle=MONTHLY, as_of_date=date(2026, 11, 1)) == []
    assert [c.period_from.month for c in charges_due(deferred, cycle=MONTHLY, as_of_date=date(2026, 12, 1))] == [10, 11]


def test_by_threshold_only_few_days_are_deferred():
    by_days = replace(LINE_RENT, first_stub=FirstStub.BY_DAYS, deferred_below_days=22)  # it has 22 days
    assert len(charges_due(by_days, cycle=MONTHLY, as_of_date=date(2026, 10, 31))) == 1
    by_days = replace(by_days, deferred_below_days=23)
    assert charges_due(by_days, cycle=MONTHLY, as_of_date=date(2026, 10, 31)) == []


def test_what_ends_in_its_deferred_days_is_billed_at_its_end():
    short = replace(LINE_RENT, first_stub=FirstStub.DEFERRED, valid_to_date=date(2026, 10, 20))
    assert charges_due(short, cycle=MONTHLY, as_of_date=date(2026, 10, 19)) == []
    assert seen(charges_due(short, cycle=MONTHLY, as_of_date=date(2026, 10, 20))) == [
        (date(2026, 10, 10), date(2026, 10, 20), 10_000_000)
    ]


def test_the_day_a_line_ends_is_due_where_the_product_says_so():
    ended = replace(LINE_RENT, line_ends_date=date(2026, 10, 20), last_day_billed=True)
    charges = charges_for_run(ended, bill_month="2026-10")
    assert seen(charges) == [(date(2026, 10, 10), date(2026, 10, 21), 11_000_000)]  # 31 x 11/31


# --- quantities that the directory tells ------------------------------------------------------------------------------

# 3 lines on 1 November, a fourth from the 11th to the 20th (10 days), one gone from the 16th on
LINES = (
    Presence(1, date(2020, 1, 1)),
    Presence(2, date(2020, 1, 1)),
    Presence(3, date(2020, 1, 1), date(2026, 11, 16)),
    Presence(4, date(2026, 11, 11), date(2026, 11, 21)),
)


def per_line(at):
    return replace(
        LINE_RENT,
        unit_price=Decimal("30.00"),
        valid_from_date=date(2026, 11, 1),
        in_advance=False,
        counted=Counted(LINES, at),
    )


def test_lines_are_counted_on_the_first_day_on_the_last_at_the_peak_or_by_day():
    amounts = {}
    for at in CountAt:
        (charge,) = charges_for_run(per_line(at), bill_month="2026-11")
        amounts[at] = (charge.quantity, charge.amount_micros)
    assert amounts == {
        CountAt.FIRST_DAY: (3, 90_000_000),
        CountAt.LAST_DAY: (2, 60_000_000),
        CountAt.PEAK: (4, 120_000_000),
        CountAt.BY_DAY: (Fraction(85, 30), 85_000_000),  # 30 + 30 + 15 + 10 days, one euro each
    }


def test_a_line_held_twice_on_a_day_counts_once():
    twice = Counted((Presence(1, date(2026, 1, 1)), Presence(1, date(2026, 6, 1))), CountAt.PEAK)
    assert twice.over(MONTHLY.containing(date(2026, 11, 1))) == 1


def test_nothing_to_count_costs_nothing():
    (charge,) = charges_for_run(
        replace(per_line(CountAt.PEAK), counted=Counted((), CountAt.PEAK)), bill_month="2026-11"
    )
    assert (charge.quantity, charge.amount_micros) == (0, 0)


# --- prices that are revised ------------------------------------------------------------------------------------------


def test_a_new_price_holds_for_periods_that_begin_on_its_day_or_later():
    dearer = replace(LINE_RENT, revised=((date(2026, 11, 15), Decimal("40.00")),))
    charges = charges_due(dearer, cycle=MONTHLY, as_of_date=date(2026, 12, 1))
    assert [c.amount_micros for c in charges] == [22_000_000, 31_000_000, 40_000_000]  # November began before


def test_a_coefficient_revises_the_price_in_force_to_the_cent():
    indexed = revised_prices(
        Decimal("31.00"),
        [
            Revision(date(2027, 1, 1), coefficient=Decimal("1.0345")),  # 32.0695 -> 32.07
            Revision(date(2028, 1, 1), coefficient=Decimal("1.01")),  # 32.3907 -> 32.39
        ],
    )
    assert indexed == ((date(2027, 1, 1), Decimal("32.07")), (date(2028, 1, 1), Decimal("32.39")))


def test_a_price_for_a_time_goes_back_to_the_first_one():
    summer = Revision(date(2026, 7, 1), unit_price=Decimal("9.90"), to_date=date(2026, 9, 1))
    assert revised_prices(Decimal("12.00"), [summer]) == (
        (date(2026, 7, 1), Decimal("9.90")),
        (date(2026, 9, 1), Decimal("12.00")),
    )
