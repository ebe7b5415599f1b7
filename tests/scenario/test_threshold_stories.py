"""Five months of customers billed as soon as their calls reach an amount; `pytest -s` prints the timeline.

A run every week. C1 talks a lot and is billed at every multiple of 30.00; its twin C2, who makes the same calls, is
billed by month. A mobile costs 0.12 a started minute: an hour is 7.20.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core.schema import CHARGES
from stage.company import LANDLINE, MOBILE, Company, frozen_charges, voxa

pytestmark = pytest.mark.django_db(transaction=True)

EARLY, TWIN = "0472000001", "0472000002"
FIRST, LAST = date(2026, 6, 1), date(2026, 11, 1)


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    for code, phone in (("C1", EARLY), ("C2", TWIN)):
        company.customer(code, f"Cabinet {code}", threshold="every 30" if code == "C1" else "")
        company.line(phone, code)
        company.subscribe(f"ABO-{code}", code, product="abo", valid_from_date="2026-06-01")
    company.product("abo", "10.00", in_advance="no")
    company.now = datetime(2026, 6, 1, 8, tzinfo=UTC)
    company.load()
    return company


def talk(company: Company, day: date, hours: int, *, called: str = MOBILE) -> None:
    for phone in (EARLY, TWIN):
        company.call(f"{day} 10:00:00", phone, called, hours * 3600)


def weeks() -> list[date]:
    """Every Monday, and the first of each month."""
    days = [FIRST + timedelta(days=number) for number in range(1, (LAST - FIRST).days + 1)]
    return [day for day in days if day.weekday() == 0 or day.day == 1]


def bill(company: Company, on: date) -> list[tuple[str, int]]:
    """What the run that closes a day issues, printed: (customer, net)."""
    company.now = datetime(on.year, on.month, on.day, 8, tzinfo=UTC)
    company.collect()
    for month in sorted({f"{on - timedelta(days=1):%Y-%m}", f"{on:%Y-%m}"}):
        company.rate(month)
    company.preview(closes_date=on, on=on)
    (done,) = company.issue(closes_date=on, on=on)
    assert (done.moved, done.faulty) == ([], {})
    rows = Document.objects.filter(number__in=done.numbers).select_related("account").order_by("id")
    for row in rows:
        content = canonical.from_json(row.content)
        said = " ".join(content.notes)
        print(f"{on:%d/%m/%Y}  {row.account.code}  {content.period_from:%d/%m} - {content.period_to:%d/%m}"
              f"  {row.net_minor / 100:8.2f}  {said}")  # fmt: skip
    return [(row.account.code, row.net_minor) for row in rows]


def test_five_months_with_a_threshold_come_to_the_same_as_without(company: Company) -> None:
    print()
    made: dict[str, list[tuple[str, int]]] = {}
    for number, monday in enumerate(weeks()):
        talk(company, monday - timedelta(days=1), 1 + number % 3)
        talk(company, monday - timedelta(days=1), 1, called=LANDLINE)
        made[f"{monday}"] = bill(company, monday)
    documents = [(row.account.code, row.bound_date, canonical.from_json(row.content)) for row in _rows()]
    # June: 7, 14, 21, 28 and 30 June: 1, 2, 3, 1 and 2 hours of mobiles, an hour of landlines (1.20) each time.
    # 8.40 + 15.60 = 24.00; with the third week 46.80 >= 30: billed. Then 55.20 < 60. The month: 70.80 + 10.00 - 46.80.
    assert [entry for day in sorted(made)[:5] for entry in made[day]] == [("C1", 4680), ("C1", 3400), ("C2", 8080)]
    # The same calls and subscriptions: the same amount exactly, and the same VAT basis to the cent of the lines.
    assert _micros("C1") == _micros("C2")
    nets = Counter[str]()
    for code, _, document in documents:
        nets[code] += document.totals.net_minor
    lines = sum(len(document.lines) for _, _, document in documents)
    assert abs(nets["C1"] - nets["C2"]) * 2 <= lines
    assert nets["C2"] == _micros("C2") // 10_000
    # One invoice a month without threshold, more with one; every month ends with one, which says what came before.
    assert [bound for code, bound, _ in documents if code == "C2"] == [date(2026, month, 1) for month in range(7, 12)]
    last = [document for code, bound, document in documents if code == "C1" and bound == date(2026, 7, 1)]
    assert [note for document in last for note in document.notes] == [
        "Communications du 01/06/2026 au 21/06/2026 déjà facturées\u00a0: FA2026-00001."
    ]
    first = documents[0][2]
    assert first.notes == (
        "Facture intermédiaire\u00a0: les communications de la période ont atteint 30,00\u00a0€ HT.",
    )
    assert (first.period_from, first.period_to) == (FIRST, date(2026, 6, 21))
    assert {line.vat_rate for line in first.lines} == {Decimal(20)}
    # No run of these weeks, done again, adds anything.
    for monday in weeks()[-6:]:
        company.preview(closes_date=monday, on=LAST)
        company.issue(closes_date=monday, on=LAST)
    assert len(_rows()) == len(documents)


def _rows() -> list[Document]:
    return list(Document.objects.select_related("account").order_by("id"))


def _micros(code: str) -> int:
    """What the documents of a customer bill, before any cent is rounded."""
    account_id = Document.objects.filter(account__code=code).values_list("account_id", flat=True)[0]
    frozen = frozen_charges().filter(pl.col(CHARGES.root_id) == account_id).collect()
    return int(frozen[CHARGES.amount_micros].sum())
