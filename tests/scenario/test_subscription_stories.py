"""Two years of one customer's subscriptions on a moving clock; `pytest -s` prints the timeline.

2025  A fibre access in advance from 31 January, a phone line in arrears; a move to the large plan mid-month; a summer
      of suspension with a small fee; three seats, then five.
2026  A price told in time; a cancellation on the very day of the bill, before it or after it: it comes to the same; a
      minimum of 150.00 that half a year does not reach.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ardoise.access.scope import EVERYTHING
from ardoise.bill.models import Document
from ardoise.catalog.subscriptions import (
    cancel_subscription,
    change_subscription,
    reopen_subscription,
    resume_subscription,
    suspend_subscription,
)
from ardoise.core import canonical
from stage.company import Company, voxa

pytestmark = pytest.mark.django_db(transaction=True)

JULY, SEPTEMBER = date(2025, 7, 1), date(2025, 9, 1)


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    company.customer("C1", "Cabinet Bertin")
    company.product("fibre", "31.00", alignment="anniversary", setup_fee="49.00")
    company.product("fibre-pro", "62.00", alignment="anniversary")
    company.product("ligne", "12.00", in_advance="no")
    company.product("siege", "10.00", in_advance="no")
    company.subscribe("FIBRE", "C1", product="fibre", valid_from_date="2025-01-31")
    company.subscribe("LIGNE", "C1", product="ligne", valid_from_date="2025-02-01")
    company.subscribe("SIEGES", "C1", product="siege", quantity="3", valid_from_date="2025-02-01")
    company.add(
        "product_prices",
        {"product": "siege", "unit_price": "11.00", "notice_date": "2025-11-15", "valid_from_date": "2026-01-01"},
    )
    company.add(
        "commitments",
        {"code": "MIN", "name": "Minimum", "account": "C1", "amount": "150.00", "valid_from_date": "2026-01-01",
         "valid_to_date": "2026-07-01"},
    )  # fmt: skip
    company.now = datetime(2025, 2, 1, 8, tzinfo=UTC)
    company.load()
    return company


def bill(company: Company, month: str, *, day: int = 2, customer: str = "C1") -> list[tuple[str, int]]:
    """Bill a month on the `day` of the next one and print it; the lines of its document."""
    year, number = (int(part) for part in month.split("-"))
    on = date(year + number // 12, number % 12 + 1, day)
    company.now = datetime(on.year, on.month, on.day, 8, tzinfo=UTC)
    company.preview(month, on=on)
    company.issue(month, on=on)
    found = Document.objects.filter(month=month, account__code=customer).order_by("id")
    lines = [line for row in found for line in canonical.from_json(row.content).lines]
    print(f"\n{on:%d/%m/%Y}  {month}: {', '.join(row.number for row in found) or 'nothing'}")
    for line in lines:
        print(f"    {line.label:32} {line.detail:40} {line.net_minor / 100:9.2f}")
    return [(line.label, line.net_minor) for line in lines]


def do(company: Company) -> dict[str, object]:
    return {"scope": EVERYTHING, "recorded_at": company.now}


def months(first: str, last: str) -> list[str]:
    year, number = (int(part) for part in first.split("-"))
    found = []
    while (month := f"{year:04d}-{number:02d}") <= last:
        found.append(month)
        year, number = year + number // 12, number % 12 + 1
    return found


def two_years(company: Company, *, cancel_first: bool) -> list[int]:
    """Every amount billed, in order."""
    billed = bill(company, "2025-01")  # the anniversary of the 31st: due from 31 January
    assert billed == [("Produit fibre", 3100), ("Frais de mise en service – Produit fibre", 4900)]
    assert bill(company, "2025-02")[0] == ("Produit fibre", 3100)  # from 28 February: the 31st, clamped
    # On 14 March the large plan: 28 February - 31 March has 31 days, 17 are left.
    change_subscription(**do(company), reference="FIBRE", on=date(2025, 3, 14), product="fibre-pro")
    march = bill(company, "2025-03")
    assert [net for label, net in march if label == "Produit fibre"] == [-1700]
    assert [net for label, net in march if label == "Produit fibre-pro"] == [3400, 6200]  # 62 x 17/31, then April
    for month in months("2025-04", "2025-06"):
        bill(company, month)
    suspend_subscription(**do(company), reference="LIGNE", on=JULY, price=Decimal("2.00"))
    assert ("Produit ligne (suspendu)", 200) in bill(company, "2025-07")
    resume_subscription(**do(company), reference="LIGNE", on=SEPTEMBER)
    assert ("Produit ligne (suspendu)", 200) in bill(company, "2025-08")
    assert ("Produit ligne", 1200) in bill(company, "2025-09")
    change_subscription(**do(company), reference="SIEGES", on=date(2025, 10, 1), quantity=Decimal(5))
    for month in months("2025-10", "2025-12"):
        assert ("Produit siege", 5000) in bill(company, month)
    january = bill(company, "2026-01")
    assert ("Produit siege", 5500) in january  # the new price
    assert ("Minimum", 150_00 - 62_00 - 12_00 - 55_00) in january  # from 31 January, the fibre is of January
    for month in months("2026-02", "2026-03"):
        bill(company, month)
    if cancel_first:
        cancel_subscription(**do(company), reference="FIBRE", on=date(2026, 4, 30))
        bill(company, "2026-04", day=4)
    else:
        bill(company, "2026-04", day=4)
        cancel_subscription(**do(company), reference="FIBRE", on=date(2026, 4, 30))
    for month in months("2026-05", "2026-12"):
        bill(company, month)
    return [document.net_minor for document in Document.objects.order_by("id")]


def test_two_years_of_changes_add_up(company: Company) -> None:
    nets = two_years(company, cancel_first=True)
    known = list(Document.objects.values_list("number", flat=True))
    for month in ("2025-03", "2025-12", "2026-04", "2026-12"):  # a rerun of any month adds nothing
        bill(company, month, day=20)
    assert list(Document.objects.values_list("number", flat=True)) == known
    assert sum(nets) == _owed_minor()


def test_cancelled_on_the_day_of_the_bill_before_it_or_after_it_comes_to_the_same(company: Company) -> None:
    assert sum(two_years(company, cancel_first=False)) == _owed_minor()


def test_cancelled_credited_and_reopened_comes_to_the_same_as_never_cancelled(company: Company) -> None:
    """A box with a deposit of 50.00 and twelve months at least, and a phone: C2 leaves and comes back, C3 stays."""
    company.product("box", "31.00", deposit="50.00", engaged_months="12", exit_share="50")
    for customer in ("C2", "C3"):
        company.customer(customer)
        company.subscribe(f"BOX-{customer}", customer, product="box", valid_from_date="2025-03-01")
        company.subscribe(f"TEL-{customer}", customer, product="ligne", valid_from_date="2025-03-01")
        company.subscribe(f"ACCES-{customer}", customer, product="fibre", quantity="5", valid_from_date="2025-03-01")
    company.load()
    bill(company, "2025-03", customer="C2")
    cancel_subscription(**do(company), reference="BOX-C2", on=date(2025, 4, 11))
    cancel_subscription(**do(company), reference="TEL-C2", on=date(2025, 4, 16))
    april = dict(bill(company, "2025-04", customer="C2"))
    exit_fee = april.pop("Frais de résiliation anticipée – Produit box")
    assert exit_fee > 0
    assert april == {
        "Produit fibre": 15500,
        "Produit box": -2067,  # 20 of 30 days of 31.00
        "Produit ligne": 600,  # 15 of 30 days of 12.00
        "Dépôt de garantie rendu – Produit box": -5000,
    }
    reopen_subscription(**do(company), reference="BOX-C2")
    reopen_subscription(**do(company), reference="TEL-C2")
    assert sorted(bill(company, "2025-05", customer="C2")) == [
        ("Dépôt de garantie – Produit box", 5000),
        ("Frais de résiliation anticipée rendus – Produit box", -exit_fee),
        ("Produit box", 2067),
        ("Produit box", 3100),  # May
        ("Produit box", 3100),  # June, in advance
        ("Produit fibre", 15500),
        ("Produit ligne", 600),
        ("Produit ligne", 1200),
    ]
    bill(company, "2025-06", customer="C2")
    assert _billed("C2") == _billed("C3")
    known = list(Document.objects.values_list("number", flat=True))
    for month in ("2025-03", "2025-04", "2025-05", "2025-06"):
        bill(company, month, day=20)
    assert list(Document.objects.values_list("number", flat=True)) == known
    # A second end after the reopening costs and gives back what a first one does.
    for customer in ("C2", "C3"):
        cancel_subscription(**do(company), reference=f"BOX-{customer}", on=date(2025, 8, 1))
    bill(company, "2025-07", customer="C2")
    assert _billed("C2") == _billed("C3")


def _billed(customer: str) -> int:
    notes = {"credit_note": -1}
    rows = Document.objects.filter(account__code=customer)
    return sum(notes.get(row.kind, 1) * row.net_minor for row in rows)


def _owed_minor() -> int:
    """What two years come to, computed by hand in whole months and days."""
    fibre = 31_00 + 14 * 1_00 + 17 * 2_00 + 13 * 62_00 + 49_00  # one month, the change, 31/03/2025 - 30/04/2026
    line = 12_00 * (23 - 2) + 2 * 2_00  # February 2025 to December 2026, two months suspended
    seats = 8 * 30_00 + 3 * 50_00 + 12 * 55_00  # three seats, five, five at 11.00
    # January to June 2026: 62 + 12 + 55 = 129 while the fibre runs (its periods of 31/01, 28/02 and 31/03), 67 after.
    minimum = 3 * (150_00 - 129_00) + 3 * (150_00 - 67_00)
    return fibre + line + seats + minimum
