"""A charge stands on one document, whatever is edited and whichever month is run again."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.bill.charges import frozen_charges, frozen_twice
from ardoise.bill.models import Document
from ardoise.bill.operations import IssueRefused
from ardoise.directory.models import Issuer
from stage.company import Company

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(company: Company) -> Company:
    company.customer("C1")
    company.product("abo", "30.00")
    return company


def test_a_purchase_whose_date_is_moved_to_the_next_month_is_not_sold_again(customer: Company) -> None:
    customer.product("poste", "89.00", kind="one_off")
    customer.buy("P1", "C1", product="poste", day="2026-10-06")
    customer.load()
    customer.bill()
    customer.row("purchases", reference="P1")["date"] = "2026-11-06"
    customer.load()
    (november,) = customer.bill("2026-11", on=date(2026, 12, 5))
    assert november.numbers == []
    assert [row.net_minor for row in Document.objects.all()] == [8900]
    assert frozen_twice() == {}


def test_days_that_a_later_run_billed_are_not_billed_by_the_month_run_again(customer: Company) -> None:
    customer.subscribe("S0", "C1", product="abo", valid_from_date="2026-10-01")
    customer.load()
    customer.bill()
    customer.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-10")  # recorded after October was issued
    customer.load()
    customer.bill("2026-11", on=date(2026, 12, 5))  # catches up from 10 October
    (october,) = customer.bill(on=date(2026, 12, 6))
    assert october.numbers == []
    assert frozen_twice() == {}
    assert frozen_charges().collect().height == len(set(frozen_charges().collect()["origin_id"]))


def test_a_date_after_today_or_inside_the_month_is_refused(customer: Company) -> None:
    customer.subscribe("S1", "C1", product="abo")
    customer.load()
    customer.rate()
    customer.preview()
    issuer = Issuer.objects.get()
    for wrong in (date(2026, 10, 31), date(2099, 1, 1)):
        with pytest.raises(IssueRefused, match="choose one from 2026-11-01 to 2026-11-05"):
            flow.billing.issue(
                issuer=issuer,
                closes_date=date(2026, 11, 1),
                issue_date=wrong,
                now=customer.now,
                validator=flow.delivery.official_verdicts,
            )


def test_the_equation_cannot_be_waived(customer: Company) -> None:
    with pytest.raises(IssueRefused, match="cannot be waived"):
        flow.billing.waive(
            month="2026-10", finding="equation:calls:voxa", reason="so what", waived_by="me", now=customer.now
        )
