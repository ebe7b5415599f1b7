"""The life of a subscription as rows: what is written, what is superseded, what is refused with nothing half done."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.catalog.models import Subscription
from ardoise.catalog.queries import take_snapshot
from ardoise.catalog.subscriptions import (
    NoSuchSubscription,
    cancel_subscription,
    change_subscription,
    life,
    reopen_subscription,
    resume_subscription,
    suspend_subscription,
)
from ardoise.core.subscriptions import SubscriptionRefused
from ardoise.plainfiles.dumping import texts
from stage.company import Company, voxa

pytestmark = pytest.mark.django_db(transaction=True)

LATER = datetime(2026, 11, 6, 8, tzinfo=UTC)
START, CHANGE = date(2026, 10, 1), date(2026, 10, 14)


@pytest.fixture
def company(home) -> Company:
    company = voxa(home)
    company.customer("C1")
    company.product("petit", "8.00")
    company.product("grand", "60.00")
    company.product("poste", "89.00", kind="one_off")
    company.files["plans.csv"] = "code,name,product\nforfait,Forfait,grand\n"
    company.subscribe("S1", "C1", product="petit", unit_price="7.50", valid_from_date="2026-10-01")
    company.load()
    return company


def told() -> list[tuple[int, date, date | None, str, Decimal | None]]:
    return [
        (one.change, one.start_date, one.end_date, one.plan or one.product, one.unit_price)
        for one in life(EVERYTHING, "S1").terms
    ]


def test_a_change_supersedes_what_it_ends_and_begins_new_terms(company: Company) -> None:
    change_subscription(scope=EVERYTHING, reference="S1", on=CHANGE, recorded_at=LATER, plan="forfait")
    assert told() == [(0, START, CHANGE, "petit", Decimal("7.50")), (1, CHANGE, None, "forfait", None)]
    before = Subscription.objects.get(superseded_at=LATER)  # what was believed stays readable
    assert (before.valid_to_date, before.change) == (None, 0)


def test_what_is_changed_is_dumped_and_loads_again(company: Company) -> None:
    change_subscription(scope=EVERYTHING, reference="S1", on=CHANGE, recorded_at=LATER, quantity=Decimal(2))
    suspend_subscription(
        scope=EVERYTHING, reference="S1", on=date(2026, 11, 1), recorded_at=LATER, price=Decimal("2.00")
    )
    csv = texts()["subscriptions.csv"]
    assert csv.splitlines() == [
        "reference,account,line,product,plan,quantity,unit_price,valid_from_date,valid_to_date,change,suspended,suspension_price",
        "S1,C1,,petit,,1,7.50,2026-10-01,2026-10-14,,,",
        "S1,C1,,petit,,2,7.50,2026-10-14,2026-11-01,1,,",
        "S1,C1,,petit,,2,7.50,2026-11-01,,2,yes,2.00",
    ]
    company.tables.pop("subscriptions")
    company.files["subscriptions.csv"] = csv
    assert company.load().changed_nothing


def test_a_suspension_until_a_day_is_one_operation(company: Company) -> None:
    suspend_subscription(scope=EVERYTHING, reference="S1", on=CHANGE, recorded_at=LATER, until=date(2026, 10, 20))
    assert [one.suspended for one in life(EVERYTHING, "S1").terms] == [False, True, False]


def test_the_last_day_is_due_where_the_product_says_so(company: Company) -> None:
    company.row("products", code="petit")["last_day_billed"] = "yes"
    company.load()
    cancel_subscription(scope=EVERYTHING, reference="S1", on=CHANGE, recorded_at=LATER)
    assert life(EVERYTHING, "S1").end_date == date(2026, 10, 15)


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        (change_subscription, {"on": date(2026, 9, 30), "plan": "forfait"}, "it starts on 2026-10-01"),
        (change_subscription, {"on": CHANGE, "plan": "inconnu"}, "« inconnu » is not a plan"),
        (change_subscription, {"on": CHANGE, "product": "poste"}, "« poste » is not a recurring product"),
        (change_subscription, {"on": CHANGE}, "nothing to change"),
        (change_subscription, {"on": CHANGE, "quantity": Decimal(1)}, "like that already"),
        (change_subscription, {"on": CHANGE, "quantity": Decimal(-1)}, "a quantity of -1 is not above zero; to end it"),
        (change_subscription, {"on": CHANGE, "quantity": Decimal(0)}, "a quantity of 0 is not above zero; to end it"),
        (resume_subscription, {"on": CHANGE}, "not suspended on 2026-10-14"),
        (suspend_subscription, {"on": CHANGE, "until": CHANGE}, "choose a later day"),
        (cancel_subscription, {"on": date(2026, 9, 30)}, "it cannot end on 2026-09-30"),
    ],
)
def test_a_refusal_writes_nothing(company: Company, operation, arguments, message) -> None:
    before = list(Subscription.objects.order_by("pk").values())
    with pytest.raises(SubscriptionRefused, match=message):
        operation(scope=EVERYTHING, reference="S1", recorded_at=LATER, **arguments)
    assert list(Subscription.objects.order_by("pk").values()) == before


def reopen(reference: str = "S1", *, at: datetime = LATER) -> None:
    reopen_subscription(scope=EVERYTHING, reference=reference, recorded_at=at)


def cancel(on: date, reference: str = "S1", **options: bool) -> None:
    cancel_subscription(scope=EVERYTHING, reference=reference, on=on, recorded_at=LATER, **options)


def test_a_reopened_subscription_is_as_it_was_with_what_was_to_come(company: Company) -> None:
    change_subscription(scope=EVERYTHING, reference="S1", on=date(2026, 12, 1), recorded_at=company.now, plan="forfait")
    before = told()
    for on, hour in ((CHANGE, 9), (START, 10)):  # ended, then taken back whole
        at = LATER.replace(hour=hour)
        cancel_subscription(scope=EVERYTHING, reference="S1", on=on, recorded_at=at)
        reopen(at=at.replace(minute=30))
        assert told() == before


def test_an_end_said_before_comes_back_then_none(company: Company) -> None:
    cancel(date(2026, 12, 1), without_exit_fee=True)
    cancel_subscription(scope=EVERYTHING, reference="S1", on=CHANGE, recorded_at=LATER.replace(hour=9))
    reopen(at=LATER.replace(hour=10))
    assert told() == [(0, START, date(2026, 12, 1), "petit", Decimal("7.50"))]
    reopen(at=LATER.replace(hour=11))
    assert told() == [(0, START, None, "petit", Decimal("7.50"))]
    assert not Subscription.objects.get(superseded_at=None).exit_waived
    with pytest.raises(SubscriptionRefused, match="it has no end: nothing to reopen"):
        reopen()


def test_an_end_of_the_plain_files_is_taken_back_too(company: Company) -> None:
    company.subscribe("S2", "C1", product="petit", valid_from_date="2026-10-01", valid_to_date="2026-11-01")
    company.load()
    reopen("S2")
    assert life(EVERYTHING, "S2").end_date is None


def test_what_ended_with_its_line_or_has_a_successor_stays_ended(company: Company) -> None:
    company.line("0472000001", "C1")
    company.line("0472000002", "C1", ended_date="2026-10-12")
    for reference, line in (("S2", "L0472000001"), ("S3", "L0472000002")):
        company.subscribe(reference, "C1", line=line, product="petit", valid_from_date="2026-10-01")
    company.subscribe("S4", "C1", line="L0472000001", product="petit", valid_from_date="2026-11-01")
    company.subscribe("S5", "C1", product="petit", valid_from_date="2026-10-14")
    company.load()
    cancel(CHANGE)
    cancel(CHANGE, "S2")
    cancel(date(2026, 10, 12), "S3")
    with pytest.raises(SubscriptionRefused, match="its line L0472000002 ended on 2026-10-12: take that end back first"):
        reopen("S3")
    with pytest.raises(SubscriptionRefused, match="S4 took over on 2026-11-01: take it back first"):
        reopen("S2")
    with pytest.raises(SubscriptionRefused, match="S5 took over on 2026-10-14: take it back first"):
        reopen("S1")
    cancel(date(2026, 11, 1), "S4")
    reopen("S2")
    assert life(EVERYTHING, "S2").end_date is None
    with pytest.raises(NoSuchSubscription):
        reopen("S9")


def test_an_unknown_subscription_is_named(company: Company) -> None:
    with pytest.raises(NoSuchSubscription, match="« S9 » is not a subscription you can see"):
        life(EVERYTHING, "S9")


def test_a_new_price_ends_no_allowance_and_a_suspension_gives_none(company: Company) -> None:
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\nh1,1 h,3600,fixe,account\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nforfait,Forfait,grand,public,h1\n"
    company.tables["subscriptions"] = [
        {"reference": "S2", "account": "C1", "plan": "forfait", "valid_from_date": "2026-10-01"}
    ]
    company.load()
    change_subscription(scope=EVERYTHING, reference="S2", on=CHANGE, recorded_at=LATER, unit_price=Decimal(50))
    suspend_subscription(scope=EVERYTHING, reference="S2", on=date(2026, 11, 1), recorded_at=LATER)
    snapshot = take_snapshot(sources=())
    spans = [(grant.valid_from_at, grant.valid_to_at) for grant in snapshot.grants]
    assert spans == [(datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC))]
    links = [link for link in snapshot.links if link.rank]  # of the plan, the issuer's default aside
    assert [link.valid_to_at for link in links if link.owner_kind == "account"] == [
        datetime(2026, 10, 31, 23, tzinfo=UTC),
        None,
    ]
