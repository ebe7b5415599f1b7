"""A charge stands on one document, whatever is edited and whichever month is run again."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.bill import drafts, operations, previewing
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document, Draft
from ardoise.bill.operations import IssueRefused
from ardoise.directory.models import Issuer
from stage.company import MOBILE, RATES, Company, frozen_charges

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


def test_charges_computed_again_during_the_issue_are_said_so(
    customer: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of six customers the first part of the run is issued; then the month of the others gets another price."""
    monkeypatch.setattr(drafts, "IN_ONE_PART", 0)  # a bucket is a part, as in a month of many calls
    for number in range(1, 7):
        if number > 1:
            customer.customer(f"C{number}")
        customer.line(f"047200000{number}", f"C{number}")
    customer.load()
    for number in range(1, 7):
        customer.call("2026-10-05 10:00:00", f"047200000{number}", MOBILE, 60)
    customer.rate()
    customer.preview()
    left: list[str] = []

    def meanwhile(done: int) -> None:
        if not left:
            left.extend({f"C{n}" for n in range(1, 7)} - {row.account.code for row in Document.objects.all()})
            customer.files["tariffs/public-2026-01-01.csv"] = RATES.replace("0.12", "0.15")
            customer.load(correct=True)
            customer.rate()

    with pytest.raises(IssueRefused, match="computed again, or issued by somebody else, during the issue"):
        flow.billing.issue(
            issuer=Issuer.objects.get(),
            closes_date=date(2026, 11, 1),
            issue_date=date(2026, 11, 5),
            now=customer.now,
            validator=flow.delivery.official_verdicts,
            progress=meanwhile,
        )
    assert left
    assert Document.objects.count() == 6 - len(left)
    customer.preview()
    (rest,) = customer.issue()
    assert (len(rest.numbers), rest.moved) == (len(left), [])
    assert frozen_twice() == {}


def test_a_run_larger_than_memory_makes_the_same_drafts_and_documents(
    customer: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven customers with a subscription and a call: bucket by bucket, two drafts a batch, all of them on disk."""
    for number in range(1, 8):
        if number > 1:
            customer.customer(f"C{number}")
        customer.line(f"047200000{number}", f"C{number}")
        customer.subscribe(f"S{number}", f"C{number}", product="abo")
    customer.load()
    for number in range(1, 8):
        customer.call("2026-10-05 10:00:00", f"047200000{number}", MOBILE, 60 * number)
    customer.rate()

    def drafted() -> dict[str, tuple[str, int, int]]:
        customer.preview()
        rows = Draft.objects.values_list("account__code", "fingerprint", "charges", "net_minor")
        return {code: said for code, *said in rows}

    at_once = drafted()
    monkeypatch.setattr(drafts, "IN_ONE_PART", 0)
    monkeypatch.setattr(operations, "BATCH", 2)
    monkeypatch.setattr(previewing, "BATCH", 2)
    monkeypatch.setattr(previewing, "AHEAD", 1)
    monkeypatch.setattr(operations, "IN_MEMORY_BYTES", 1)
    assert drafted() == at_once
    assert sorted(at_once) == [f"C{number}" for number in range(1, 8)]
    (issued,) = customer.issue()
    assert (len(issued.numbers), issued.moved) == (7, [])
    assert {row.account.code: row.net_minor for row in Document.objects.all()} == {
        code: net_minor for code, (_, _, net_minor) in at_once.items()
    }
    assert frozen_charges().collect().height == sum(charges for _, charges, _ in at_once.values())
