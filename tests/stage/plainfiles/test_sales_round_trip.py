"""Every file of what is sold, loaded, dumped, and loaded again: the same bytes, nothing changed."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise.catalog.models import ProductTier
from ardoise.plainfiles.dumping import texts
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.problems import LoadRefused
from stage.company import Company, document_of, voxa

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {
    "products.csv": (
        "code,name,kind,nature,unit_price,tax_basis,in_advance,family,period,alignment,setup_fee,engaged_months,metered\n"
        "abo,Abonnement,recurring,services,30.00,ht,yes,Accès Internet,P3M,account,49.00,12,\n"
        "go,Gigaoctets,recurring,services,0,ht,no,,,,,,readings\n"
    ),
    "product_prices.csv": (
        "product,unit_price,coefficient,notice_date,valid_from_date,valid_to_date\nabo,,1.02,2026-11-01,2027-01-01,\n"
    ),
    "product_tiers.csv": "product,up_to,unit_price,per\ngo,,0.20,1\ngo,100,0.50,1\n",
    "subscriptions.csv": (
        "reference,account,line,product,plan,quantity,unit_price,valid_from_date,valid_to_date,change\n"
        "S1,C1,,abo,,1,,2026-10-01,2026-11-01,\n"
        "S1,C1,,abo,,2,,2026-11-01,,1\n"
        "S2,C1,,go,,1,,2026-10-01,,\n"
    ),
    "meter_readings.csv": "reference,day,quantity,key\nS2,2026-10-31,60,\n",
    "discounts.csv": (
        "code,name,percentage,amount,products,section,cycles,limit,priority\n"
        "bon,Bon,,50.00,,,,50.00,100\n"
        "promo,Bienvenue,20,,abo,,2,,100\n"
    ),
    "discount_grants.csv": (
        "owner_kind,owner,discount,valid_from_date,valid_to_date\n"
        "account,C1,bon,2026-10-01,\n"
        "issuer,voxa,promo,2026-10-01,2027-01-01\n"
        "subscription,S1,promo,2026-10-01,\n"
    ),
    "commitments.csv": (
        "code,name,account,amount,product,nature,valid_from_date,valid_to_date\n"
        "K1,Minimum,C1,100.00,,services,2026-10-01,\n"
    ),
}


@pytest.fixture
def company(home) -> Company:
    company = voxa(home)
    company.customer("C1")
    company.files |= FILES
    return company


def test_what_is_sold_comes_back_as_it_was_written(company: Company) -> None:
    company.load()
    written = texts()
    assert {name: written[name] for name in FILES} == FILES
    assert company.load().changed_nothing


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("product_prices.csv", "2026-11-01,", "2026-12-15,", "tells a new price 17 days before; 30 are asked"),
        ("product_prices.csv", "abo,,1.02", "abo,31,1.02", "write a price or a coefficient, and only one of them"),
        ("product_tiers.csv", "go,,0.20,1\n", "", ""),
        (
            "product_tiers.csv",
            FILES["product_tiers.csv"],
            "product,up_to,unit_price\n",
            "a meter has one tier at least",
        ),
        ("meter_readings.csv", "S2,", "S9,", "« S9 » is not a subscription; write its reference"),
        ("discounts.csv", "Bienvenue,20,", "Bienvenue,120,", "120 % is more than the price"),
        ("discounts.csv", ",,abo,,2", ",,abo,outside,2", "products or a section are aimed at, not both"),
        ("discount_grants.csv", "subscription,S1", "subscription,S8", "« S8 » is not known; expected one of S1, S2"),
        ("commitments.csv", "100.00", "0", "is the least of a period; write more than 0"),
    ],
)
def test_what_no_run_could_bill_is_refused(company: Company, file: str, old: str, new: str, message: str) -> None:
    assert old in FILES[file]
    company.files[file] = FILES[file].replace(old, new, 1)
    if not message:  # a last tier with an end: units beyond it are at its price
        company.load()
        return
    with pytest.raises(LoadRefused) as refused:
        company.load()
    assert message in str(refused.value)


def tiers() -> list[tuple[int, str]]:
    rows = ProductTier.objects.order_by("product__code", "up_to").values_list("up_to", "unit_price")
    return [(up_to, str(price)) for up_to, price in rows]


def test_a_tier_that_left_the_file_leaves_its_product(company: Company) -> None:
    company.load()
    assert tiers() == [(0, "0.20"), (100, "0.50")]
    company.files["product_tiers.csv"] = "product,up_to,unit_price,per\ngo,,0.30,1\n"
    report = company.load()
    (count,) = (count for count in report.files if count.file == "product_tiers.csv")
    assert (count.new, count.changed, count.removed) == (0, 1, 1)
    assert tiers() == [(0, "0.30")]
    assert company.load().changed_nothing
    assert texts()["product_tiers.csv"].splitlines()[1:] == ["go,,0.30,1"]


def test_a_file_of_tiers_says_nothing_of_products_beside_it_and_no_file_nothing_at_all(company: Company) -> None:
    company.load()
    (company.home / "plain" / "product_tiers.csv").unlink()
    assert load(company.home / "plain", recorded_at=company.now).changed_nothing
    other = company.home / "other"
    other.mkdir()
    (other / "products.csv").write_text(
        "code,name,kind,nature,unit_price,in_advance,metered\nsms,SMS,recurring,services,0,no,readings\n"
    )
    (other / "product_tiers.csv").write_text("product,up_to,unit_price\nsms,,0.05\n")
    load(other, recorded_at=company.now)
    assert tiers() == [(0, "0.20"), (100, "0.50"), (0, "0.05")]


def test_a_metered_product_keeps_one_tier_at_least(company: Company) -> None:
    company.load()
    company.files["product_tiers.csv"] = "product,up_to,unit_price,per\n"
    with pytest.raises(LoadRefused, match="a meter has one tier at least"):
        company.load()
    assert len(tiers()) == 2


def test_a_tier_that_priced_what_was_billed_stays_unless_the_past_is_corrected(company: Company) -> None:
    company.load()
    company.bill()
    company.files["product_tiers.csv"] = "product,up_to,unit_price,per\ngo,,0.20,1\n"
    with pytest.raises(LoadRefused, match="the tier up to 100 of go is gone, and its usage was billed; restore it"):
        company.load()
    assert len(tiers()) == 2
    company.load(correct=True)
    assert tiers() == [(0, "0.20")]
    company.bill("2026-11", on=date(2026, 12, 2))
    (line,) = (line for line in document_of("C1", month="2026-11").lines if line.label == "Gigaoctets")
    assert line.net_minor == 60 * (20 - 50)  # 60 units at 0.20, not 0.50
