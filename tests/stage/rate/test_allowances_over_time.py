"""Allowances from month to month, and after the invoice: late calls take what is left, what is not used goes on."""

from __future__ import annotations

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.bill.proposals import proposals
from ardoise.core.schema import CHARGES
from stage.company import LANDLINE, MONTH, Company, charges, open_charges

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def included(company: Company) -> Company:
    """C1 has 2 minutes to landlines a month, and what it does not use for one month more."""
    company.customer("C1")
    company.line(PHONE, "C1")
    company.files["allowances.csv"] = "code,name,quantity,zones,rollover_months\nfixe2,2 min vers fixes,120,fixe,1\n"
    company.product("forfait", "5")
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait 2 min,forfait,public,fixe2\n"
    company.subscribe("S1", "C1", line=f"L{PHONE}", plan="P", valid_from_date="2026-10-01")
    company.load()
    return company


def covered(month: str = MONTH) -> dict[str, tuple[int, int]]:
    """By start of call: seconds covered, micros."""
    rows = charges(month=month).filter(charges(month=month)[CHARGES.origin_kind] == "usage").sort(CHARGES.at)
    return {
        f"{at:%d %H}": (covered_s, micros)
        for at, covered_s, micros in rows.select(CHARGES.at, CHARGES.covered_s, CHARGES.amount_micros).iter_rows()
    }


def test_a_late_call_takes_what_is_left_and_never_displaces_an_issued_one(included: Company) -> None:
    included.call("2026-10-05 12:00:00", PHONE, LANDLINE, 60)
    included.call("2026-10-10 12:00:00", PHONE, LANDLINE, 60)
    included.bill()
    included.call("2026-10-03 12:00:00", PHONE, LANDLINE, 60)  # answered before both, arrived after the invoice
    included.rate()
    # 60 + 60 of 120 s are the issued calls'; the late one pays its minute, 0.02.
    assert covered() == {"03 10": (0, 20_000), "05 10": (60, 0), "10 10": (60, 0)}
    assert open_charges(MONTH)[CHARGES.amount_micros].to_list() == [20_000]
    assert proposals(EVERYTHING, month=MONTH) == []


def test_a_late_call_is_covered_by_what_the_issued_ones_left(included: Company) -> None:
    included.call("2026-10-05 12:00:00", PHONE, LANDLINE, 90)
    included.bill()
    included.call("2026-10-03 12:00:00", PHONE, LANDLINE, 60)
    included.rate()
    # 30 s of 120 are left: half of the late minute is charged, 0.01.
    assert covered() == {"03 10": (30, 10_000), "05 10": (90, 0)}


def test_what_is_not_used_is_used_the_next_month_and_then_lost(included: Company) -> None:
    included.call("2026-10-05 12:00:00", PHONE, LANDLINE, 30)
    included.rate()  # leaves 90 s of October
    included.call("2026-11-05 12:00:00", PHONE, LANDLINE, 300)
    included.rate("2026-11")
    # 90 s of October + 120 s of November cover 210 s of 300; 90 s x 0.02 / 60 = 0.03.
    assert covered("2026-11") == {"05 11": (210, 30_000)}


def test_a_call_found_in_october_changes_what_november_had_once_it_is_rated_again(included: Company) -> None:
    included.call("2026-11-05 12:00:00", PHONE, LANDLINE, 300)
    included.rate()
    included.rate("2026-11")
    assert covered("2026-11") == {"05 11": (240, 20_000)}  # 120 + 120 of 300 s; 60 s x 0.02 / 60
    included.call("2026-10-05 12:00:00", PHONE, LANDLINE, 100)
    included.rate()
    assert included.rate("2026-11").changed
    assert covered("2026-11") == {"05 11": (140, 53_333)}  # 20 + 120 s; 160 s x 0.02 / 60 = 0.053333
    assert not included.rate("2026-11").changed
