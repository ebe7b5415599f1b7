"""A run that comes to less than nothing for a customer: carried, or a credit note that names its invoices."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document
from ardoise.core.credit_notes import CreditRefused
from ardoise.ledger.queries import balances_micros
from stage.company import Company, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)

NOVEMBER, DECEMBER = "2026-11", "2026-12"


@pytest.fixture
def ended(company: Company) -> Company:
    """C1 paid 30.00 for November and 30.00 for December in advance, then ended on 16 November: 45.00 too much."""
    company.customer("C1")
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    company.bill(NOVEMBER, on=date(2026, 12, 5))
    company.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-16"
    return company


def by_credit_note(company: Company) -> None:
    company.files["issuers.toml"] += 'negative = "credit_note"\n'


def close(company: Company, month: str, on: date) -> flow.billing.Issued:
    (run,) = company.bill(month, on=on)
    return run


def test_carried_it_stands_line_by_line_on_the_next_invoice_that_is_above_it(ended: Company) -> None:
    ended.load()
    december = close(ended, DECEMBER, date(2027, 1, 5))
    assert (december.numbers, december.carried) == ([], {"C1": -5400})  # -45.00 and VAT -9.00
    ended.product("site", "100.00")
    ended.subscribe("S2", "C1", product="site", valid_from_date="2027-02-01")
    ended.load()
    january = close(ended, "2027-01", date(2027, 2, 5))
    assert january.carried == {}
    nets = sorted(line.net_minor for line in issued(january.numbers[0]).lines)
    assert nets == [-3000, -1500, 10000]
    assert frozen_twice() == {}
    assert close(ended, "2027-01", date(2027, 2, 6)).numbers == []


def test_by_policy_it_is_a_credit_note_of_the_latest_invoices(ended: Company) -> None:
    by_credit_note(ended)
    ended.load()
    december = close(ended, DECEMBER, date(2027, 1, 5))
    assert (december.numbers, december.carried) == (["AV2027-00001"], {})
    note = issued("AV2027-00001")
    assert (note.totals.net_minor, note.totals.vat_minor, note.totals.payable_minor) == (4500, 900, 5400)
    # 36.00 of the one of December, 18.00 of the one of November
    assert [number for number, _ in note.preceding] == ["FA2026-00002", "FA2026-00001"]
    row = Document.objects.get(number="AV2027-00001")
    taken = row.imputations.order_by("-invoice_id").values_list("invoice__number", "amount_minor")
    assert list(taken) == [("FA2026-00002", 3600), ("FA2026-00001", 1800)]
    assert balances_micros(EVERYTHING)["voxa", "411000"] == (3600 + 3600 - 5400) * 10_000
    assert close(ended, DECEMBER, date(2027, 1, 6)).numbers == []
    assert frozen_twice() == {}


def test_an_invoice_is_not_credited_beyond_what_runs_left_of_it(ended: Company) -> None:
    by_credit_note(ended)
    ended.load()
    close(ended, DECEMBER, date(2027, 1, 5))
    invoice = Document.objects.get(number="FA2026-00001")
    with pytest.raises(CreditRefused, match="36,00\u00a0€ cannot be credited, 18,00\u00a0€ with tax is left"):
        flow.credit(invoice=invoice, issue_date=ended.now.date(), now=ended.now, reason="Geste")
    flow.credit(
        invoice=invoice,
        issue_date=ended.now.date(),
        now=ended.now,
        reason="Geste",
        portions=lambda _invoice, _already: {1: 1500},
    )
    assert balances_micros(EVERYTHING)["voxa", "411000"] == 0


def test_without_an_invoice_to_name_it_is_carried(company: Company) -> None:
    by_credit_note(company)
    company.customer("C1")
    company.product("retour", "-10.00", kind="one_off")
    company.buy("P1", "C1", product="retour", day="2026-10-06")
    company.load()
    run = close(company, "2026-10", date(2026, 11, 5))
    assert (run.numbers, run.carried) == ([], {"C1": -1200})


def test_nothing_due_is_an_invoice_of_zero(company: Company) -> None:
    company.customer("C1")
    for reference, price in (("vente", "10.00"), ("retour", "-10.00")):
        company.product(reference, price, kind="one_off")
        company.buy(reference, "C1", product=reference, day="2026-10-06")
    company.load()
    close(company, "2026-10", date(2026, 11, 5))
    assert issued("FA2026-00001").totals.payable_minor == 0
    assert numbers() == ["FA2026-00001"]
