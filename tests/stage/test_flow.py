"""The page: from a dropped file to invoices, reports and a log that verifies; each call can be repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise import flow
from ardoise.access.queries import verify_log
from ardoise.bill import operations as billing
from ardoise.bill.models import Document
from ardoise.deliver.models import Rendering
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, OWN_COSTS, Company, document_of, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, EXTENSION = "0472000001", "0478000001"


@pytest.fixture
def companies(home: Path) -> Company:
    """An operator with a customer, and a company that splits its own costs, fed by one source each."""
    company = voxa(home)
    company.files["issuers.toml"] += "\n" + OWN_COSTS
    company.files["sources.toml"] += company.files["sources.toml"].replace('"op"', '"pbx"').replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] += "issuer,usine,public\n"
    company.customer("C1", "Mairie")
    company.line(PHONE, "C1")
    company.department("ATELIER", "Atelier", issuer="usine")
    company.line(EXTENSION, "ATELIER")
    return company


def test_tickets_in_legal_documents_out(companies: Company) -> None:
    companies.load()
    companies.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    parsed = companies.collect("op")
    assert {found.source: found.calls for found in parsed} == {"op": 1, "pbx": 0}
    companies.call("2026-10-05 10:00:00", EXTENSION, LANDLINE, 60)
    companies.collect("pbx")
    rated = flow.rate(month=MONTH, now=companies.now)
    assert rated.totals == {"priced": 2}
    previewed = flow.preview(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
    assert {run.issuer: (run.drafts, run.net_minor) for run in previewed} == {"voxa": (1, 24), "usine": (1, 2)}
    with pytest.raises(flow.NotReady, match="source-silent:op"):
        flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
    companies.waive_everything()
    billed = flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
    assert billed.numbers == ["REL-2026-10-ATELIER", "FA2026-00001"]
    delivered = flow.deliver(now=companies.now)
    assert (delivered.rendered, delivered.failed) == (2, {})
    reports = flow.report(month=MONTH, made_on=ISSUE_DATE)
    assert {company: len(paths) for company, paths in reports.items()} == {"Usine": 10, "Voxa": 6}
    assert verify_log().broken_at is None
    assert document_of("C1").totals.payable_minor == 29  # 0.24 + 20 %
    assert document_of("ATELIER", kind="statement").totals.payable_minor == 2


def test_every_stage_can_be_called_again(companies: Company) -> None:
    companies.load()
    companies.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    for _ in range(2):
        companies.collect("op")
        flow.rate(month=MONTH, now=companies.now)
        flow.preview(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
        companies.waive_everything()
        flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
        flow.deliver(now=companies.now)
    assert list(Document.objects.values_list("number", flat=True)) == ["FA2026-00001"]
    assert Rendering.objects.count() == 3
    assert not flow.rate(month=MONTH, now=companies.now).changed


def test_the_same_file_dropped_twice_bills_its_calls_once(companies: Company) -> None:
    companies.load()
    companies.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    lines = list(companies.calls)
    companies.collect("op")
    companies.calls = lines
    companies.collect("op")
    assert flow.rate(month=MONTH, now=companies.now).calls == 1


def test_nothing_to_bill_is_not_a_reason_to_refuse(companies: Company) -> None:
    companies.load()
    flow.rate(month=MONTH, now=companies.now)
    flow.preview(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
    assert flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=companies.now).numbers == []


def test_a_month_nobody_previewed_is_refused_with_the_command(companies: Company) -> None:
    companies.load()
    with pytest.raises(billing.IssueRefused, match="run first: ardoise bill preview --month 2026-10"):
        flow.issue(month=MONTH, issue_date=ISSUE_DATE, now=companies.now)
