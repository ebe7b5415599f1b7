"""A company billed three months in a row on a clock that moves; `pytest -s` prints what happened as a timeline.

September  Mairie (line 1 on the small plan), École (line 2, a subscription in advance). The first month billed here.
October    Mairie moves to the large plan on the 15th; École's line ends on the 20th: ten days come back as a credit
           line; a September call arrives late and shows as open.
November   The late call is billed apart, the September invoice of Mairie is credited, everything still adds up.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ardoise import flow
from ardoise.access.queries import verify_log
from ardoise.access.scope import EVERYTHING
from ardoise.bill.equation import call_balance, charge_balance, rounding_balance
from ardoise.bill.models import Document
from ardoise.core.documents import Document as Canonical
from ardoise.core.documents import Section
from ardoise.directory.models import Issuer
from ardoise.ledger.queries import balances_micros
from ardoise.reports import queries as reports
from stage.company import ISSUER, LANDLINE, MOBILE, TERMS, Company, document_of, issued, voxa

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = "0472000001", "0472000002"
SEPTEMBER, OCTOBER, NOVEMBER = "2026-09", "2026-10", "2026-11"


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    company.files["issuers.toml"] = ISSUER + TERMS + 'first_month = "2026-09"\n'
    company.product("petit", "30.00", in_advance="no")
    company.product("grand", "62.00", in_advance="no")
    company.product("ecole", "31.00")
    company.files["allowances.csv"] = "code,name,quantity,zones\nh1,1 min,60,fixe\nh10,10 min,600,fixe\n"
    company.files["plans.csv"] = (
        "code,name,product,tariff,allowances\npetit,Petit forfait,petit,,h1\ngrand,Grand forfait,grand,,h10\n"
    )
    company.customer("M", "Mairie")
    company.customer("E", "École")
    company.line(ONE, "M")
    company.line(TWO, "E")
    company.subscribe("M1", "M", line=f"L{ONE}", plan="petit", valid_from_date="2026-09-01")
    company.subscribe("E1", "E", line=f"L{TWO}", product="ecole", valid_from_date="2026-09-16")
    return company


def at(company: Company, day: date) -> None:
    """The clock moves, and the timeline says so."""
    company.now = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    print(f"\n{day:%d/%m/%Y}")


def tell(what: str) -> None:
    print(f"  {what}")


def bill(company: Company, month: str, day: date) -> list[str]:
    """One month end to end, through the page."""
    at(company, day)
    rated = company.rate(month)
    tell(f"{month}: {rated.calls} calls, {rated.totals}")
    company.preview(month, on=day)
    for finding in flow.check(month=month):
        if not finding.waived:
            tell(f"accepted: {finding.name}")
    company.waive_everything(month)
    billed = flow.issue(month=month, issue_date=day, now=company.now)
    assert all(not run.moved and not run.faulty for run in billed.issued)
    assert flow.deliver(now=company.now).failed == {}
    for number in billed.numbers:
        document = issued(number)
        tell(f"{number} {document.buyer.name}: {cents(document.totals.payable_minor)}")
        for line in document.lines:
            tell(f"    {line.section.value:<13} {line.label} ({line.detail}): {cents(line.net_minor)}")
    holds(month)
    return billed.numbers


def holds(month: str) -> None:
    """Everything that must be true at any moment of the story."""
    issuers = list(Issuer.objects.all())
    counts, micros = charge_balance(month, issuers)
    assert call_balance(month, issuers, ["op"]).missing == 0
    assert (counts.missing, micros.missing, rounding_balance(month, issuers).lines_off) == (0, 0, 0)
    balances = balances_micros(EVERYTHING)
    assert sum(balances.values()) == 0
    owed = sum(-row.payable_minor if row.kind == "credit_note" else row.payable_minor for row in Document.objects.all())
    assert balances[("voxa", "411000")] == owed * 10_000
    assert verify_log().broken_at is None
    tell(f"open: {counts.open} charges, {micros.open} micros; owed: {cents(owed)}")


def cents(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100},{abs(minor) % 100:02d} €"


def nets(document: Canonical) -> list[tuple[str, str, int]]:
    return [(line.section.value, line.label, line.net_minor) for line in document.lines]


def test_three_months_on_a_moving_clock(company: Company) -> None:
    company.load()

    # September: one minute of landline is included, the second one is not; a mobile call is never included.
    company.call("2026-09-10 10:00:00", ONE, LANDLINE, 60)
    company.call("2026-09-11 10:00:00", ONE, LANDLINE, 60)
    company.call("2026-09-12 10:00:00", ONE, MOBILE, 61)
    company.call("2026-09-13 10:00:00", TWO, LANDLINE, 600)
    assert bill(company, SEPTEMBER, date(2026, 10, 5)) == ["FA2026-00001", "FA2026-00002"]
    assert nets(document_of("E", month=SEPTEMBER)) == [
        ("subscription", "Produit ecole", 1550),  # 16 to 30 September: 31.00 x 15/30
        ("subscription", "Produit ecole", 3100),  # October, in advance
        ("outside", "Fixes", 20),
    ]
    mairie = document_of("M", month=SEPTEMBER)
    assert nets(mairie) == [
        ("subscription", "Petit forfait", 3000),
        ("included", "Fixes", 0),
        ("beyond", "Fixes", 2),
        ("outside", "Mobiles", 24),
    ]
    assert (mairie.totals.net_minor, mairie.totals.vat_minor, mairie.totals.payable_minor) == (3026, 605, 3631)

    # In October the Mairie changes its plan, the school's line ends, and a September call turns up.
    at(company, date(2026, 10, 20))
    company.row("subscriptions", reference="M1")["valid_to_date"] = "2026-10-15"
    company.subscribe("M2", "M", line=f"L{ONE}", plan="grand", valid_from_date="2026-10-15")
    company.row("lines", code=f"L{TWO}")["ended_date"] = "2026-10-22"
    company.load()
    tell("Mairie: Grand forfait since 15/10; École: line ended, last day 21/10")
    company.call("2026-09-30 18:00:00", ONE, MOBILE, 60)  # late
    company.call("2026-10-10 10:00:00", ONE, LANDLINE, 120)  # one minute included, one beyond
    company.call("2026-10-20 10:00:00", ONE, LANDLINE, 300)  # all included in the large plan
    company.call("2026-10-06 10:00:00", TWO, MOBILE, 6000)  # 100 started minutes x 0.12
    assert bill(company, OCTOBER, date(2026, 11, 5)) == ["FA2026-00003", "FA2026-00004"]
    assert nets(document_of("M", month=OCTOBER)) == [
        ("subscription", "Grand forfait", 3400),  # 15 to 31 October: 62.00 x 17/31
        ("subscription", "Petit forfait", 1355),  # 1 to 14 October: 30.00 x 14/31 = 13.548
        ("included", "Fixes", 0),
        ("beyond", "Fixes", 2),
    ]
    ecole = document_of("E", month=OCTOBER)
    assert nets(ecole) == [
        ("subscription", "Produit ecole", -1000),  # 22 to 31 October were paid: 31.00 x 10/31
        ("outside", "Mobiles", 1200),
    ]
    (credited,) = (line for line in ecole.lines if line.section is Section.SUBSCRIPTION)
    assert (credited.quantity, credited.unit_price) == (-1, 10)
    assert credited.detail.endswith("du 22/10/2026 au 31/10/2026")

    # The late call belongs to September: it shows there as open, and is billed apart when September is run again.
    at(company, date(2026, 11, 6))
    company.rate(SEPTEMBER)
    counts, micros = charge_balance(SEPTEMBER, list(Issuer.objects.all()))
    assert (counts.open, micros.open, micros.proposed) == (1, 120_000, 0)
    tell(f"September: {counts.open} charge open, {micros.open} micros")
    assert bill(company, SEPTEMBER, date(2026, 11, 6)) == ["FA2026-00005"]
    assert nets(issued("FA2026-00005")) == [("outside", "Mobiles", 12)]

    # November: nothing is left for the school; the September invoice of the Mairie is credited in full.
    company.call("2026-11-03 10:00:00", ONE, LANDLINE, 660)  # ten minutes included, one beyond
    assert bill(company, NOVEMBER, date(2026, 12, 5)) == ["FA2026-00006"]
    assert nets(document_of("M", month=NOVEMBER)) == [
        ("subscription", "Grand forfait", 6200),
        ("beyond", "Fixes", 2),
    ]
    at(company, date(2026, 12, 6))
    note = flow.credit(
        invoice=Document.objects.get(number="FA2026-00002"),
        issue_date=date(2026, 12, 6),
        now=company.now,
        reason="Geste commercial",
    )
    assert (note.number, note.payable_minor) == ("AV2026-00001", 3631)
    tell(f"{note.number} credits FA2026-00002: {cents(note.payable_minor)}")
    flow.deliver(now=company.now)

    # Whatever is run again now changes nothing.
    for month in (SEPTEMBER, OCTOBER, NOVEMBER):
        assert bill(company, month, date(2026, 12, 7)) == []

    year = reports.twelve_months(list(Issuer.objects.all()), NOVEMBER, date(2026, 12, 7))
    totals = {row["customer"]: [row[month] for month in (SEPTEMBER, OCTOBER, NOVEMBER)] for row in year.rows}
    assert totals == {
        "Mairie": [3026 + 12 - 3026, 3400 + 1355 + 2, 6202],  # the late call, and the credit note
        "École": [4670, 200, None],
    }
