"""Calls that come after the invoice of their period: dated lines of the next one, in the month they are of.

Calls to mobiles cost 0.12 a started minute.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill import charges as tables
from ardoise.bill.drafts import Late
from ardoise.bill.equation import charge_balance, rounding_balance
from ardoise.bill.models import Document, Settled
from ardoise.bill.proposals import proposals
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.deliver.itemised import annex_of
from ardoise.directory.models import Issuer
from stage.company import MOBILE, Company, charges, issued

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def billed(company: Company) -> Company:
    """October was issued with one call; then come a call of 20 October, and one of 3 November."""
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 12:00:00", PHONE, MOBILE, 60)
    company.bill()
    company.call("2026-10-20 12:00:00", PHONE, MOBILE, 61)
    company.call("2026-11-03 12:00:00", PHONE, MOBILE, 60)
    company.collect()
    company.rate("2026-10")
    company.rate("2026-11")
    company.now = datetime(2026, 12, 5, 8, tzinfo=UTC)
    return company


def november(company: Company) -> list[str]:
    company.preview("2026-11", on=date(2026, 12, 5))
    (done,) = company.issue("2026-11", on=date(2026, 12, 5))
    return done.numbers


def test_a_late_call_stands_on_a_dated_line_of_the_next_invoice(billed: Company) -> None:
    assert november(billed) == ["FA2026-00002"]
    document = issued("FA2026-00002")
    assert (str(document.period_from), str(document.period_to)) == ("2026-11-01", "2026-11-30")
    assert [(line.detail, str(line.period_from), line.net_minor) for line in document.lines] == [
        ("1\u00a0appel, 1\u00a0min\u00a000\u00a0s", "None", 12),
        (
            "1\u00a0appel, 1\u00a0min\u00a001\u00a0s, communications d'octobre 2026, arrivées après la facture",
            "2026-10-01",
            24,
        ),
    ]


def test_the_preview_says_what_came_late_and_how_old_it_is(billed: Company) -> None:
    (previewed,) = billed.preview("2026-11", on=date(2026, 12, 5))
    assert previewed.late == {"C1": Late(calls=1, micros=240_000, oldest_date=date(2026, 10, 20))}


def test_the_document_itemises_its_late_calls(billed: Company) -> None:
    november(billed)
    row = Document.objects.select_related("issuer").get(number="FA2026-00002")
    annex = annex_of(row, issued(row.number))
    assert annex is not None
    assert len(annex.rows) == 2
    assert (row.first_month, row.month) == ("2026-10", "2026-11")


def test_it_is_frozen_in_the_month_it_is_of_and_every_equation_holds(billed: Company) -> None:
    november(billed)
    late = charges("frozen", "2026-10").filter(pl.col(CHARGES.amount_micros) == 240_000)
    assert late[FROZEN.document_id].to_list() == [Document.objects.get(number="FA2026-00002").pk]
    issuers = list(Issuer.objects.all())
    for month in ("2026-10", "2026-11"):
        counts, micros = charge_balance(month, issuers)
        assert (counts.missing, micros.missing, counts.open) == (0, 0, 0)
        assert rounding_balance(month, issuers).lines_off == 0
        assert proposals(EVERYTHING, month=month) == []
    assert tables.frozen_twice() == {}


def test_run_again_bills_nothing(billed: Company) -> None:
    november(billed)
    assert november(billed) == []
    billed.preview("2026-10", on=date(2026, 12, 5))
    (done,) = billed.issue("2026-10", on=date(2026, 12, 5))
    assert done.numbers == []


def test_run_again_in_its_own_month_it_is_billed_at_once_without_a_mention(billed: Company) -> None:
    billed.preview("2026-10", on=date(2026, 12, 5))
    (done,) = billed.issue("2026-10", on=date(2026, 12, 5))
    assert done.numbers == ["FA2026-00002"]
    (line,) = issued("FA2026-00002").lines
    assert (line.net_minor, "arrivées" in line.detail) == (24, False)


def test_a_month_with_nothing_left_is_not_read_again_until_it_moves(billed: Company) -> None:
    november(billed)
    issuer = Issuer.objects.get()
    billed.preview("2026-12", on=date(2026, 12, 5))
    assert set(Settled.objects.values_list("month", flat=True)) >= {"2026-10", "2026-11"}

    def read() -> tuple[str, ...]:
        return tables.scope_of(issuer, month="2026-12", since="2024-12").earlier

    assert read() == ()
    billed.call("2026-10-21 12:00:00", PHONE, MOBILE, 60)
    billed.rate("2026-10")
    assert read() == ("2026-10",)


def test_a_month_with_a_customer_who_waits_is_read_again(billed: Company) -> None:
    """A quarter that is not over keeps its months open."""
    billed.row("accounts", code="C1").update(cycle="P3M")
    billed.load()
    billed.preview("2026-11", on=date(2026, 12, 5))
    assert tables.scope_of(Issuer.objects.get(), month="2026-11", since="2024-12").earlier == ("2026-10",)


def test_usage_older_than_billing_here_is_left_alone(company: Company) -> None:
    company.files["issuers.toml"] += 'first_month = "2026-10"\n'
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-09-30 12:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-05 12:00:00", PHONE, MOBILE, 60)
    company.collect()
    company.rate("2026-09")
    company.bill()
    assert issued("FA2026-00001").totals.net_minor == 12


def test_calls_that_arrived_late_and_were_not_rated_are_a_finding(company: Company) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 12:00:00", PHONE, MOBILE, 60)
    company.bill()
    company.call("2026-08-20 12:00:00", PHONE, MOBILE, 60)
    company.collect()
    company.preview()
    found = {finding.name: finding.english for finding in flow.check(month="2026-10")}
    assert "1 call of the source “Opérateur” arrived since" in found["not-rated:op"]


def test_late_calls_that_came_with_those_of_the_next_month_are_a_finding_until_theirs_is_rated(
    company: Company,
) -> None:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    company.call("2026-10-05 12:00:00", PHONE, MOBILE, 60)
    company.bill()
    company.call("2026-10-20 12:00:00", PHONE, MOBILE, 60)
    company.call("2026-11-10 12:00:00", PHONE, MOBILE, 60)
    company.rate("2026-11")
    company.preview("2026-11", on=date(2026, 12, 5))
    found = {finding.name: finding.french for finding in flow.check(month="2026-11")}
    assert "1 appel de 2026-10 depuis sa valorisation" in found["not-rated:2026-10"]
    company.rate("2026-10")
    (previewed,) = company.preview("2026-11", on=date(2026, 12, 5))
    assert "not-rated:2026-10" not in {finding.name for finding in flow.check(month="2026-11")}
    assert previewed.late["C1"].calls == 1


def test_a_source_that_bills_anew_keeps_late_calls_for_the_invoice_of_their_period(billed: Company) -> None:
    billed.files["sources.toml"] += 'late_usage = "rebill"\n'
    billed.load()
    (previewed,) = billed.preview("2026-11", on=date(2026, 12, 5))
    late = Late(calls=1, micros=240_000, oldest_date=date(2026, 10, 20))
    assert (previewed.late, previewed.waiting) == ({}, {"C1": late})
    november(billed)
    assert issued("FA2026-00002").totals.net_minor == 12
    invoice = Document.objects.get(number="FA2026-00001")
    again = flow.reissue(invoice=invoice, issue_date=date(2026, 12, 5), now=billed.now, reason="Appels reçus après")
    assert again.invoice is not None
    assert again.invoice.net_minor == 12 + 24
    (line,) = issued(again.invoice.number).lines
    assert "arrivées" not in line.detail
