"""Every file of what is sold, loaded, dumped, and loaded again: the same bytes, nothing changed."""

from __future__ import annotations

import pytest

from ardoise.plainfiles.dumping import texts
from ardoise.plainfiles.problems import LoadRefused
from stage.company import Company, voxa

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
