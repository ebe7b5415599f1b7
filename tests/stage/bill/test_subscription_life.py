"""What the changes of a subscription do to the next document: credits, new prices, fees, counted quantities."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.catalog.subscriptions import (
    cancel_subscription,
    change_subscription,
    resume_subscription,
    suspend_subscription,
)
from ardoise.core.documents import Document
from stage.company import Company, document_of, numbers

pytestmark = pytest.mark.django_db(transaction=True)

SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = "2026-09", "2026-10", "2026-11", "2026-12"
DAYS = {
    SEPTEMBER: date(2026, 10, 2),
    OCTOBER: date(2026, 11, 2),
    NOVEMBER: date(2026, 12, 2),
    DECEMBER: date(2027, 1, 4),
}


def bill(company: Company, month: str) -> None:
    day = DAYS[month]
    company.now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    company.preview(month, on=day)
    for run in company.issue(month, on=day):
        assert not run.moved and not run.faulty


def lines(document: Document) -> list[tuple[str, int]]:
    return [(line.label, line.net_minor) for line in document.lines]


def at(company: Company, reference: str = "S1") -> dict[str, object]:
    return {"scope": EVERYTHING, "reference": reference, "recorded_at": company.now}


def test_a_change_of_plan_mid_cycle_gives_the_published_figures(company: Company) -> None:
    """A French carrier's example: 8.00 -> 60.00 on 14 June, billed in advance on the 29th: -3.87, +29.03, +60.00."""
    company.customer("C1", cycle_day="29")
    company.product("petit", "8.00", alignment="account")
    company.product("grand", "60.00", alignment="account")
    company.subscribe("S1", "C1", product="petit", valid_from_date="2017-05-29")
    company.now = datetime(2017, 6, 2, 8, tzinfo=UTC)
    company.load()
    company.preview("2017-05", on=date(2017, 6, 2))
    company.issue("2017-05", on=date(2017, 6, 2))
    assert lines(document_of("C1", month="2017-05")) == [("Produit petit", 800)]

    change_subscription(**at(company), on=date(2017, 6, 14), product="grand")
    for again in (date(2017, 7, 3), date(2017, 7, 4)):  # a rerun adds nothing
        company.preview("2017-06", on=again)
        company.issue("2017-06", on=again)
    june = document_of("C1", month="2017-06")
    assert lines(june) == [("Produit grand", 2903), ("Produit grand", 6000), ("Produit petit", -387)]
    assert june.totals.net_minor == 8516
    assert len(numbers()) == 2


def test_a_change_of_quantity_credits_and_charges_the_days_left(company: Company) -> None:
    company.customer("C1")
    company.product("siege", "30.00")
    company.subscribe("S1", "C1", product="siege", quantity="2", valid_from_date="2026-10-01")
    company.load()
    bill(company, SEPTEMBER)  # October in advance, 60.00
    change_subscription(**at(company), on=date(2026, 10, 17), quantity=Decimal(3))
    bill(company, OCTOBER)
    # 15 of 31 days: -60 x 15/31 = -29.03, +90 x 15/31 = 43.55, then November at 90
    assert lines(document_of("C1")) == [("Produit siege", -2903), ("Produit siege", 4355), ("Produit siege", 9000)]


def test_a_suspension_is_not_billed_and_a_resumption_is(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-09-01")
    company.subscribe("S2", "C1", product="abo", valid_from_date="2026-09-01")
    company.load()
    suspend_subscription(**at(company), on=date(2026, 10, 11), until=date(2026, 10, 21))
    suspend_subscription(**at(company, "S2"), on=date(2026, 10, 1), price=Decimal("3.10"))
    resume_subscription(**at(company, "S2"), on=date(2026, 10, 31))
    bill(company, OCTOBER)
    assert sorted(lines(document_of("C1"))) == [
        ("Produit abo", 100),  # S2, the 31st
        ("Produit abo", 1000),  # S1, 1st to 10th
        ("Produit abo", 1100),  # S1, 21st to 31st
        ("Produit abo", 6200),  # both, September caught up
        ("Produit abo (suspendu)", 300),  # S2, 30 of 31 days at 3.10
    ]


def test_at_the_end_of_the_period_nothing_is_credited_now_the_rest_is(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00", alignment="anniversary")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-09-15")
    company.subscribe("S2", "C1", product="abo", valid_from_date="2026-09-15")
    company.load()
    bill(company, OCTOBER)  # 15/09-14/10 and 15/10-14/11, twice
    gone = cancel_subscription(**at(company), on=date(2026, 11, 4), at_period_end=True)
    assert gone.end_date == date(2026, 11, 15)
    cancel_subscription(**at(company, "S2"), on=date(2026, 11, 5))
    company.subscribe("S3", "C1", product="abo", valid_from_date="2026-12-01")  # something to pay
    company.tables["subscriptions"] = company.tables["subscriptions"][-1:]
    company.load()
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [("Produit abo", -1000), ("Produit abo", 3100)]  # 10 of 31 days


def test_a_subscription_taken_back_whole_is_credited_whole(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00", setup_fee="10.00")
    company.product("autre", "100.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.subscribe("S2", "C1", product="autre", valid_from_date="2026-10-01")
    company.load()
    bill(company, SEPTEMBER)
    assert dict(lines(document_of("C1", month=SEPTEMBER))) == {
        "Produit abo": 3100,
        "Produit autre": 10000,
        "Frais de mise en service – Produit abo": 1000,
    }
    assert cancel_subscription(**at(company), on=date(2026, 10, 1)).terms == ()
    bill(company, OCTOBER)
    assert dict(lines(document_of("C1"))) == {
        "Produit abo": -3100,
        "Produit autre": 10000,
        "Frais de mise en service rendus – Produit abo": -1000,
    }


def test_leaving_before_the_minimum_term_costs_the_months_left_and_gives_the_deposit_back(company: Company) -> None:
    company.customer("C1")
    company.product("box", "30.00", in_advance="no", engaged_months="12", deposit="50.00", exit_share="50")
    company.subscribe("S1", "C1", product="box", valid_from_date="2026-10-01")
    company.load()
    bill(company, OCTOBER)
    assert lines(document_of("C1")) == [("Produit box", 3000), ("Dépôt de garantie – Produit box", 5000)]
    cancel_subscription(**at(company), on=date(2026, 12, 1))
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [
        ("Produit box", 3000),
        ("Dépôt de garantie rendu – Produit box", -5000),
        ("Frais de résiliation anticipée – Produit box", 15000),  # 10 months of 30.00, half of them
    ]


def taxes(month: str) -> dict[str, tuple[int, int]]:
    """Category and rate of the document of C1 -> basis, tax."""
    found = document_of("C1", month=month)
    assert found.operation_category == "services"
    return {f"{group.category} {group.rate:f}": (group.basis_minor, group.amount_minor) for group in found.vat}


def test_a_guarantee_bears_no_vat_and_leaving_early_does(company: Company) -> None:
    company.customer("C1")
    company.product("box", "30.00", in_advance="no", engaged_months="12", deposit="50.00", exit_share="50")
    company.subscribe("S1", "C1", product="box", valid_from_date="2026-10-01")
    company.load()
    bill(company, OCTOBER)
    assert taxes(OCTOBER) == {"S 20": (3000, 600), "E 0": (5000, 0)}
    cancel_subscription(**at(company), on=date(2026, 12, 1))
    bill(company, NOVEMBER)
    # 30.00 and 10 months of 30.00, half of them, at 20 %
    assert taxes(NOVEMBER) == {"S 20": (18000, 3600), "E 0": (-5000, 0)}


def test_an_advance_bears_the_vat_of_its_product_and_is_given_back_with_it(company: Company) -> None:
    company.customer("C1")
    company.product("box", "100.00", in_advance="no", deposit="50.00", deposit_kind="advance")
    company.subscribe("S1", "C1", product="box", valid_from_date="2026-10-01")
    company.load()
    bill(company, OCTOBER)
    assert lines(document_of("C1")) == [("Produit box", 10000), ("Acompte – Produit box", 5000)]
    assert taxes(OCTOBER) == {"S 20": (15000, 3000)}
    company.row("products", code="box")["deposit_kind"] = "guarantee"  # from now on
    company.load()
    cancel_subscription(**at(company), on=date(2026, 12, 1))
    bill(company, NOVEMBER)
    assert ("Acompte rendu – Produit box", -5000) in lines(document_of("C1", month=NOVEMBER))
    assert taxes(NOVEMBER) == {"S 20": (5000, 1000)}


def test_lines_of_the_account_and_of_its_branches_are_counted_day_by_day(company: Company) -> None:
    company.customer("C1")
    company.branch("C1-A", "Agence", parent="C1")
    company.line("0472000001", "C1", since="2026-01-01")
    company.line("0472000002", "C1-A", since="2026-10-17")  # 15 of 31 days
    company.line("0472000003", "C1-A", since="2026-01-01", ended_date="2026-10-02")  # one day
    company.product("poste", "31.00", in_advance="no", counted="lines", counted_at="by_day")
    company.product("pic", "1.00", in_advance="no", counted="lines", counted_at="peak")
    company.subscribe("S1", "C1", product="poste", valid_from_date="2026-10-01")
    company.subscribe("S2", "C1", product="pic", quantity="2", valid_from_date="2026-10-01")
    company.load()
    bill(company, OCTOBER)
    document = document_of("C1")
    assert lines(document) == [("Produit pic", 400), ("Produit poste", 4700)]  # 2 lines x 2; 31 + 15 + 1 days
    assert document.lines[0].quantity == 4


def test_seats_are_persons_who_hold_a_line(company: Company) -> None:
    company.customer("C1")
    company.add("accounts", {"code": "P1", "name": "Ana", "kind": "person", "parent": "C1"})
    company.add("accounts", {"code": "P2", "name": "Bo", "kind": "person", "parent": "C1"})
    company.line("0472000001", "P1", since="2026-01-01")
    company.line("0472000002", "P1", since="2026-01-01")  # a person counts once
    company.line("0472000003", "C1", since="2026-01-01")
    company.product("siege", "5.00", counted="seats")
    company.subscribe("S1", "C1", product="siege", valid_from_date="2026-11-01")
    company.load()
    bill(company, OCTOBER)
    assert lines(document_of("C1")) == [("Produit siege", 500)]


def test_a_purchase_in_three_instalments_is_billed_month_by_month(company: Company) -> None:
    company.customer("C1")
    company.product("poste", "100.00", kind="one_off", nature="goods")
    company.buy("P1", "C1", "poste", "2026-10-05", instalments="3")
    company.load()
    for month in (OCTOBER, NOVEMBER, DECEMBER):
        bill(company, month)
    assert [lines(document_of("C1", month=month)) for month in (OCTOBER, NOVEMBER, DECEMBER)] == [
        [("Produit poste (échéance 1 sur 3)", 3333)],
        [("Produit poste (échéance 2 sur 3)", 3333)],
        [("Produit poste (échéance 3 sur 3)", 3334)],
    ]


def test_a_quarter_on_the_calendar_and_a_trial(company: Company) -> None:
    company.customer("C1")
    company.product("trimestre", "90.00", period="P3M")
    company.product("essai", "31.00", trial="P1M")
    company.subscribe("S1", "C1", product="trimestre", valid_from_date="2026-09-01")
    company.subscribe("S2", "C1", product="essai", valid_from_date="2026-09-22")
    company.load()
    bill(company, OCTOBER)
    # 30 of the 92 days of July-September, then the quarter; ten days from 22 October, then November
    assert sorted(net for _, net in lines(document_of("C1"))) == [1000, 2935, 3100, 9000]
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [("Produit essai", 3100)]


def test_a_change_told_late_reaches_what_was_billed_after_another_change(company: Company) -> None:
    """Three of them since 16 August, told in November: 16 of 31 days of August and all of September are due again."""
    company.customer("C1")
    company.product("petit", "31.00", in_advance="no")
    company.product("grand", "50.00", in_advance="no")
    company.subscribe("S1", "C1", product="petit", valid_from_date="2026-08-01")
    company.load()
    change_subscription(scope=EVERYTHING, reference="S1", on=date(2026, 9, 1), recorded_at=company.now, product="grand")
    company.bill("2026-09", on=date(2026, 11, 5))
    assert document_of("C1", month="2026-09").totals.net_minor == 3100 + 5000
    change_subscription(
        scope=EVERYTHING, reference="S1", on=date(2026, 8, 16), recorded_at=company.now, quantity=Decimal(3)
    )
    company.bill("2026-10", on=date(2026, 11, 5))
    # October 150.00; August: 16 days at 3 x 1.00 for 16 at 1.00 = 32.00; September: 150.00 for 50.00
    assert document_of("C1", month="2026-10").totals.net_minor == 15000 + 3200 + 10000


def test_few_first_days_wait_for_the_first_whole_period_and_more_do_not(company: Company) -> None:
    """31.00 a month in arrears, deferred below 10 days: 7 of October are billed with November, 22 at once."""
    company.product("abo", "31.00", in_advance="no", first_stub="by_days", deferred_below_days="10")
    for code, since in (("C1", "2026-10-25"), ("C2", "2026-10-10")):
        company.customer(code)
        company.subscribe(f"S-{code}", code, product="abo", valid_from_date=since)
    company.load()
    bill(company, OCTOBER)
    assert [(line.label, line.net_minor) for line in document_of("C2").lines] == [("Produit abo", 2200)]
    assert len(numbers()) == 1
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [("Produit abo", 700), ("Produit abo", 3100)]
    assert lines(document_of("C2", month=NOVEMBER)) == [("Produit abo", 3100)]


def test_the_first_days_wait_whatever_their_number(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00", in_advance="no", first_stub="deferred")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-02")
    company.load()
    bill(company, OCTOBER)
    assert numbers() == []
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [("Produit abo", 3000), ("Produit abo", 3100)]


@pytest.mark.parametrize(
    ("lookback", "expected"),
    [
        # 20.00 -> 50.00 on 17 September: 14/30 of September, October; November in advance.
        ("", [-933, 2333, -2000, 5000, 5000]),
        # A month before 1 November is 1 October: September stays as it was billed.
        ("P1M", [-2000, 5000, 5000]),
    ],
)
def test_how_far_back_a_change_is_billed(company: Company, lookback: str, expected: list[int]) -> None:
    company.files["issuers.toml"] += f'change_lookback = "{lookback}"\n'
    company.customer("C1")
    company.product("petit", "20.00")
    company.product("grand", "50.00")
    company.subscribe("S1", "C1", product="petit", valid_from_date="2026-09-01")
    company.load()
    bill(company, SEPTEMBER)  # September, and October in advance
    company.now = datetime(2026, 10, 20, 8, tzinfo=UTC)
    change_subscription(**at(company), on=date(2026, 9, 17), product="grand")
    bill(company, OCTOBER)
    october = document_of("C1", month=OCTOBER)
    assert sorted(line.net_minor for line in october.lines) == sorted(expected)
    bill(company, NOVEMBER)
    assert lines(document_of("C1", month=NOVEMBER)) == [("Produit grand", 5000)]


def test_what_ended_long_ago_is_credited_whatever_the_look_back(company: Company) -> None:
    company.files["issuers.toml"] += 'change_lookback = "P1M"\n'
    company.customer("C1")
    company.product("petit", "30.00")
    company.subscribe("S1", "C1", product="petit", valid_from_date="2026-09-01")
    company.product("autre", "100.00")
    company.subscribe("S2", "C1", product="autre", valid_from_date="2026-09-01")
    company.load()
    bill(company, SEPTEMBER)
    company.now = datetime(2026, 10, 20, 8, tzinfo=UTC)
    cancel_subscription(**at(company), on=date(2026, 9, 16))
    bill(company, OCTOBER)
    # Half of September and October are given back.
    found = [net for label, net in lines(document_of("C1", month=OCTOBER)) if label == "Produit petit"]
    assert sorted(found) == [-3000, -1500]


@pytest.mark.parametrize(
    ("header", "day", "days"), [("valid_to_date", "2026-10-16", 15), ("last_date", "2026-10-15", 15)]
)
def test_the_end_of_a_subscription_by_either_convention(company: Company, header: str, day: str, days: int) -> None:
    """31.00 in arrears: the same 15 days, by the day after the last or by the last day."""
    company.customer("C1")
    company.product("abo", "31.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01", **{header: day})
    company.load()
    bill(company, OCTOBER)
    assert lines(document_of("C1")) == [("Produit abo", days * 100)]


def test_two_ends_of_one_row_are_refused(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "31.00")
    company.subscribe("S1", "C1", product="abo", valid_to_date="2026-10-16", last_date="2026-10-15")
    with pytest.raises(Exception, match="column last_date: this column stands twice; keep one"):
        company.load()
