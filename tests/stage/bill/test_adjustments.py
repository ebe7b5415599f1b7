"""What a run adds: new prices with notice, metered usage, discounts, minimum commitments; a rerun adds nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise.core.documents import Document
from stage.company import LANDLINE, MOBILE, Company, document_of, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER, NOVEMBER, DECEMBER = "2026-10", "2026-11", "2026-12"
DAYS = {OCTOBER: date(2026, 11, 2), NOVEMBER: date(2026, 12, 2), DECEMBER: date(2027, 1, 4)}
ONE = "0472000001"


def bill(company: Company, month: str) -> list[tuple[str, int]]:
    """Issue a month, twice: the second time adds nothing. The lines of C1's document."""
    day = DAYS[month]
    company.now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    company.rate(month)
    company.preview(month, on=day)
    for run in company.issue(month, on=day):
        assert not run.moved and not run.faulty
    known = numbers()
    company.preview(month, on=day)
    company.issue(month, on=day)
    assert numbers() == known
    return lines(document_of("C1", month=month))


def lines(document: Document) -> list[tuple[str, int]]:
    return [(line.label, line.net_minor) for line in document.lines]


@pytest.fixture
def one(company: Company) -> Company:
    company.customer("C1")
    company.line(ONE, "C1", since="2026-01-01")
    company.product("abo", "30.00", in_advance="no")
    company.product("option", "10.00", in_advance="no")
    return company


def test_a_new_price_told_in_time_holds_from_its_period(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.subscribe("S2", "C1", product="abo", unit_price="25.00", valid_from_date="2026-10-01")
    one.add(
        "product_prices",
        {"product": "abo", "coefficient": "1.035", "notice_date": "2026-10-15", "valid_from_date": "2026-11-15"},
    )
    one.load()
    assert bill(one, OCTOBER) == [("Produit abo", 2500), ("Produit abo", 3000)]
    assert bill(one, NOVEMBER) == [("Produit abo", 2500), ("Produit abo", 3000)]  # November began before
    assert bill(one, DECEMBER) == [("Produit abo", 2500), ("Produit abo", 3105)]  # an agreed price stays


def test_a_percentage_for_two_periods_off_one_product(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.subscribe("S2", "C1", product="option", valid_from_date="2026-10-01")
    one.add("discounts", {"code": "promo", "name": "Bienvenue", "percentage": "20", "products": "abo", "cycles": "2"})
    one.add("discount_grants", grant("promo"))
    one.load()
    for month in (OCTOBER, NOVEMBER):
        assert bill(one, month) == [
            ("Produit abo", 3000),
            ("Produit option", 1000),
            ("Bienvenue – Produit abo", -600),
        ]
    assert bill(one, DECEMBER) == [("Produit abo", 3000), ("Produit option", 1000)]


def test_a_voucher_is_used_up_over_the_bills(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.add("discounts", {"code": "bon", "name": "Bon", "amount": "50.00", "limit": "50.00"})
    one.add("discount_grants", grant("bon"))
    one.load()
    assert bill(one, OCTOBER) == [("Produit abo", 3000), ("Bon – Produit abo", -3000)]
    assert bill(one, NOVEMBER) == [("Produit abo", 3000), ("Bon – Produit abo", -2000)]
    assert bill(one, DECEMBER) == [("Produit abo", 3000)]


def test_a_discount_of_one_subscription_and_of_the_calls(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.subscribe("S2", "C1", product="abo", quantity="2", valid_from_date="2026-10-01")
    one.add("discounts", {"code": "s1", "name": "Geste", "percentage": "50"})
    one.add("discounts", {"code": "appels", "name": "Remise appels", "percentage": "10", "section": "outside"})
    one.add("discount_grants", grant("s1", kind="subscription", owner="S1"))
    one.add("discount_grants", grant("appels", kind="issuer", owner="voxa"))
    one.load()
    one.call("2026-10-05 10:00:00", ONE, MOBILE, 600)  # 10 x 0.12
    assert bill(one, OCTOBER) == [
        ("Produit abo", 3000),
        ("Produit abo", 6000),
        ("Geste – Produit abo", -1500),
        ("Mobiles", 120),
        ("Remise appels", -12),
    ]


def test_a_minimum_is_reached_by_a_true_up_and_late_calls_take_it_back(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.add(
        "commitments",
        {
            "code": "K1", "name": "Complément au minimum de 100 €", "account": "C1", "amount": "100.00",
            "valid_from_date": "2026-10-01",
        },
    )  # fmt: skip
    one.load()
    one.call("2026-10-05 10:00:00", ONE, MOBILE, 6000)  # 12.00
    assert bill(one, OCTOBER) == [("Produit abo", 3000), ("Complément au minimum de 100 €", 5800), ("Mobiles", 1200)]
    one.call("2026-10-06 10:00:00", ONE, MOBILE, 600)  # 1.20 of October, late
    one.call("2026-11-06 10:00:00", ONE, LANDLINE, 60)  # 0.02
    one.rate(OCTOBER)
    assert bill(one, NOVEMBER) == [
        ("Produit abo", 3000),
        ("Complément au minimum de 100 €", -120),
        ("Complément au minimum de 100 €", 6998),
        ("Fixes", 2),
        ("Mobiles", 120),
    ]


def test_a_deposit_is_no_price_that_a_discount_lowers_or_a_minimum_counts(one: Company) -> None:
    one.product("box", "30.00", in_advance="no", deposit="50.00")
    one.subscribe("S1", "C1", product="box", valid_from_date="2026-10-01")
    one.add("discounts", {"code": "moitie", "name": "Moitié", "percentage": "50"})
    one.add("discount_grants", grant("moitie"))
    one.add(
        "commitments",
        {"code": "K1", "name": "Minimum", "account": "C1", "amount": "20.00", "valid_from_date": "2026-10-01"},
    )
    one.load()
    assert bill(one, OCTOBER) == [
        ("Produit box", 3000),
        ("Minimum", 500),  # 20.00 - 15.00
        ("Moitié – Produit box", -1500),
        ("Dépôt de garantie – Produit box", 5000),
    ]


def test_a_minimum_from_the_middle_of_a_month_is_prorated(one: Company) -> None:
    one.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    one.add(
        "commitments",
        {"code": "K1", "name": "Minimum", "account": "C1", "amount": "310.00", "valid_from_date": "2026-10-22"},
    )
    one.load()
    assert bill(one, OCTOBER) == [("Produit abo", 3000), ("Minimum", 7000)]  # 310 x 10/31 - 30


def test_imported_quantities_are_billed_in_tiers(one: Company) -> None:
    one.product("go", "0", in_advance="no", metered="readings", meter_free="10")
    for up_to, price in (("100", "0.50"), ("", "0.20")):
        one.add("product_tiers", {"product": "go", "up_to": up_to, "unit_price": price})
    one.subscribe("S1", "C1", product="go", valid_from_date="2026-10-01")
    one.subscribe("S2", "C1", product="abo", valid_from_date="2026-10-01")
    for day, quantity in (("2026-10-31", "60"), ("2026-10-03", "100"), ("2026-11-01", "15")):
        one.add("meter_readings", {"reference": "S1", "day": day, "quantity": quantity})
    one.load()
    assert bill(one, OCTOBER) == [("Produit abo", 3000), ("Produit go", 6000)]  # 100 x 0.50 + 50 x 0.20
    assert bill(one, NOVEMBER) == [("Produit abo", 3000), ("Produit go", 250)]  # 5 x 0.50


def test_minutes_outside_the_plan_are_billed_by_volume(one: Company) -> None:
    one.product("minutes", "0", in_advance="no", metered="seconds", metered_of="outside", meter_mode="volume")
    one.add("product_tiers", {"product": "minutes", "up_to": "6000", "unit_price": "0.10", "per": "60", "block": "60"})
    one.add("product_tiers", {"product": "minutes", "up_to": "", "unit_price": "0.06", "per": "60", "block": "60"})
    one.subscribe("S1", "C1", product="minutes", valid_from_date="2026-10-01")
    one.load()
    one.call("2026-10-05 10:00:00", ONE, LANDLINE, 7230)
    assert bill(one, OCTOBER) == [("Produit minutes", 726), ("Fixes", 241)]  # 121 x 0.06


def grant(discount: str, *, kind: str = "account", owner: str = "C1") -> dict[str, object]:
    return {"owner_kind": kind, "owner": owner, "discount": discount, "valid_from_date": "2026-10-01"}


def test_an_amount_for_all_customers_is_given_to_each_whatever_the_others_were_given_before(one: Company) -> None:
    one.customer("C2")
    for customer in ("C1", "C2"):
        one.subscribe(f"S-{customer}", customer, product="abo", valid_from_date="2026-10-01")
    one.add("discounts", {"code": "cinq", "name": "Cinq", "amount": "5.00"})
    one.add("discount_grants", grant("cinq", kind="issuer", owner="voxa"))
    one.load()
    one.now = datetime(2026, 11, 2, 8, tzinfo=UTC)
    one.preview(OCTOBER, on=DAYS[OCTOBER])
    one.issue(OCTOBER, on=DAYS[OCTOBER], accounts=["C1"])
    assert lines(document_of("C1", month=OCTOBER)) == [("Produit abo", 3000), ("Cinq – Produit abo", -500)]
    bill(one, NOVEMBER)
    # October, which C2 was not billed in time, and November
    assert sorted(lines(document_of("C2", month=NOVEMBER))) == [
        ("Cinq – Produit abo", -500),
        ("Cinq – Produit abo", -500),
        ("Produit abo", 3000),
        ("Produit abo", 3000),
    ]


@pytest.mark.parametrize(("basis", "expected"), [("ht", [1000, 1000, -300, -300]), ("ttc", [1200, 1200, -300, -300])])
def test_a_discount_is_in_the_basis_of_the_document_whatever_the_prices(
    company: Company, basis: str, expected: list[int]
) -> None:
    """6.00 off 10.00 without tax and 12.00 with tax, which are the same price at 20 %: 3.00 off each."""
    company.customer("C1", basis=basis)
    company.product("net", "10.00", in_advance="no")
    company.product("brut", "12.00", tax_basis="ttc", in_advance="no")
    for code in ("net", "brut"):
        company.subscribe(f"S-{code}", "C1", product=code, valid_from_date="2026-10-01")
    company.add("discounts", {"code": "bon", "name": "Geste", "amount": "6.00"})
    company.add("discount_grants", grant("bon"))
    company.load()
    company.preview()
    company.issue()
    shown = [line.net_minor if basis == "ht" else line.gross_minor for line in document_of("C1").lines]
    assert sorted(shown, reverse=True) == expected


@pytest.mark.parametrize(("basis", "missing"), [("ht", 3000), ("ttc", 2600)])
def test_a_minimum_counts_charges_of_both_bases(company: Company, basis: str, missing: int) -> None:
    """A minimum of 50.00: 10.00 without tax, and 12.00 with tax, are 20.00 without tax or 24.00 with."""
    company.customer("C1", basis=basis)
    company.product("net", "10.00", in_advance="no")
    company.product("brut", "12.00", tax_basis="ttc", in_advance="no")
    for code in ("net", "brut"):
        company.subscribe(f"S-{code}", "C1", product=code, valid_from_date="2026-10-01")
    company.add(
        "commitments",
        {"code": "MIN", "name": "Minimum", "account": "C1", "amount": "50.00", "valid_from_date": "2026-10-01"},
    )
    company.load()
    company.preview()
    company.issue()
    (line,) = (line for line in document_of("C1").lines if line.label == "Minimum")
    assert (line.net_minor if basis == "ht" else line.gross_minor) == missing


def again(company: Company, closes: str, *, on: date) -> int:
    """One more run of a month, issued; the net of what it made, 0 for nothing."""
    before = set(numbers())
    company.now = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    company.preview(closes, on=on)
    (done,) = company.issue(closes, on=on)
    assert (done.moved, done.faulty) == ([], {})
    made = set(numbers()) - before
    return sum(issued(number).totals.net_minor for number in made)


def test_a_second_document_of_the_same_day_has_the_discount_of_its_own_calls(one: Company) -> None:
    """10 % of the calls after 1.00 off a month: 1.20 gives 1.00 and 0.02, what comes late 10 % alone."""
    one.add("discounts", {"code": "dix", "name": "Dix", "percentage": "10", "section": "outside"})
    one.add("discounts", {"code": "un", "name": "Un", "amount": "1.00", "section": "outside", "priority": "1"})
    for code in ("dix", "un"):
        one.add("discount_grants", grant(code))
    one.load()
    one.call("2026-10-05 10:00:00", ONE, MOBILE, 600)
    one.rate(OCTOBER)
    assert again(one, OCTOBER, on=date(2026, 11, 2)) == 120 - 100 - 2
    for day, late in (("06", 600), ("07", 1200)):  # 1.20, then 2.40: each on a document of its own
        one.call(f"2026-10-{day} 10:00:00", ONE, MOBILE, late)
        one.rate(OCTOBER)
        whole = late // 60 * 12
        assert again(one, OCTOBER, on=date(2026, 11, 3)) == whole - whole // 10
        assert again(one, OCTOBER, on=date(2026, 11, 3)) == 0


def test_calls_that_come_many_months_late_have_their_discount(one: Company) -> None:
    one.add("discounts", {"code": "dix", "name": "Dix", "percentage": "10", "section": "outside"})
    one.add("discount_grants", grant("dix") | {"valid_from_date": "2026-01-01"})
    one.load()
    one.call("2026-04-06 10:00:00", ONE, MOBILE, 6000)  # 12.00
    one.rate("2026-04")
    assert again(one, "2026-04", on=date(2026, 5, 4)) == 1080
    one.call("2026-04-07 10:00:00", ONE, MOBILE, 6000)
    one.rate("2026-04")
    assert again(one, OCTOBER, on=date(2026, 11, 2)) == 1080
    assert again(one, OCTOBER, on=date(2026, 11, 3)) == 0
