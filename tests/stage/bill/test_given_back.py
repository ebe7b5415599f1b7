"""A credit note that cancels gives the charges back: they are billed again, once. A commercial one does not."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.charges import frozen_twice
from ardoise.bill.equation import charge_balance, rounding_balance
from ardoise.bill.models import Document
from ardoise.bill.proposals import proposals
from ardoise.core.credit_notes import CreditRefused
from ardoise.core.schema import CHARGE_KEY, CHARGES
from ardoise.directory.models import Issuer
from ardoise.reports.queries import cost_by_extension
from stage.company import (
    ISSUE_DATE,
    LANDLINE,
    MOBILE,
    MONTH,
    RATES,
    Company,
    frozen_charges,
    issued,
    numbers,
    open_charges,
    standing_charges,
)

pytestmark = pytest.mark.django_db(transaction=True)

LATER = date(2026, 11, 6)


@pytest.fixture
def billed(company: Company) -> Company:
    """C1 pays, without tax: 120 s to a mobile 2 x 0.12 = 0.24, 60 s to a landline 0.02, November in advance 30.00."""
    company.customer("C1")
    company.line("0472000001", "C1")
    company.call("2026-10-05 10:00:00", "0472000001", MOBILE, 120)
    company.call("2026-10-05 11:00:00", "0472000001", LANDLINE, 60)
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    return company


def cancel(company: Company, number: str, *, lines: dict[int, int] | None = None) -> Document:
    return flow.credit(
        invoice=Document.objects.get(number=number),
        issue_date=company.now.date(),
        now=company.now,
        reason="Annulation",
        portions=None if lines is None else lambda _invoice, _already: lines,
        cancels=True,
    )


def line_no(number: str, label: str) -> int:
    (found,) = (line.line_no for line in issued(number).lines if line.label == label)
    return found


def holds() -> bool:
    """Nothing is billed twice and nothing is lost."""
    numbers_of, micros = charge_balance(MONTH, list(Issuer.objects.all()))
    lines_off = rounding_balance(MONTH, list(Issuer.objects.all())).lines_off
    return frozen_twice() == {} and numbers_of.missing == 0 and micros.missing == 0 and lines_off == 0


def test_what_is_cancelled_is_open_and_the_next_run_bills_it_once(billed: Company) -> None:
    assert open_charges(MONTH).is_empty()
    note = cancel(billed, "FA2026-00001")
    assert note.net_minor == 3026  # 30.00 + 0.24 + 0.02
    assert sorted(open_charges(MONTH)[CHARGES.amount_micros].to_list()) == [20_000, 240_000, 30_000_000]
    assert standing_charges().collect().is_empty()
    assert holds()
    (again,) = billed.bill(on=LATER)
    assert again.numbers == ["FA2026-00002"]
    assert issued("FA2026-00002").totals.net_minor == 3026
    assert [run.numbers for run in billed.bill(on=LATER)] == [[]]
    assert holds()


def test_a_charge_and_what_takes_it_back_sum_to_zero(billed: Company) -> None:
    cancel(billed, "FA2026-00001")
    sums = (
        frozen_charges()
        .group_by(*CHARGE_KEY)
        .agg(pl.col(CHARGES.amount_micros).sum(), pl.col(CHARGES.talk_s).sum(), pl.len())
    )
    assert sums.collect().select(CHARGES.amount_micros, CHARGES.talk_s, "len").unique().rows() == [(0, 0, 2)]


def test_a_line_can_be_given_back_alone(billed: Company) -> None:
    mobile = line_no("FA2026-00001", "Mobiles")
    note = cancel(billed, "FA2026-00001", lines={mobile: 24})
    assert (note.net_minor, note.vat_minor) == (24, 5)  # 0.24 x 20 % = 0.048
    assert open_charges(MONTH)[CHARGES.amount_micros].to_list() == [240_000]
    billed.bill(on=LATER)
    assert issued("FA2026-00002").totals.net_minor == 24
    assert holds()


def test_a_part_of_a_line_cannot_be_given_back(billed: Company) -> None:
    mobile = line_no("FA2026-00001", "Mobiles")
    with pytest.raises(CreditRefused, match="takes whole lines"):
        cancel(billed, "FA2026-00001", lines={mobile: 10})
    assert numbers() == ["FA2026-00001"]
    assert open_charges(MONTH).is_empty()


def test_what_is_given_back_is_billed_at_what_it_is_now(billed: Company) -> None:
    billed.files["tariffs/public-2026-01-01.csv"] = RATES.replace("0.12", "0.10")
    billed.load(correct=True)
    billed.rate()
    assert [one.difference_micros for one in proposals(EVERYTHING, month=MONTH)] == [-40_000]  # 0.20 - 0.24
    cancel(billed, "FA2026-00001")
    assert proposals(EVERYTHING, month=MONTH) == []
    billed.bill(on=LATER)
    assert issued("FA2026-00002").totals.net_minor == 3022
    assert proposals(EVERYTHING, month=MONTH) == []
    assert holds()


def test_a_credit_in_full_that_gave_nothing_back_can_do_it_later(billed: Company) -> None:
    note = flow.credit(
        invoice=Document.objects.get(), issue_date=ISSUE_DATE, now=billed.now, reason="Geste", cancels=False
    )
    assert open_charges(MONTH).is_empty()
    assert cancel(billed, "FA2026-00001") == note  # no second document: nothing is left to credit
    assert open_charges(MONTH).height == 3
    with pytest.raises(CreditRefused, match="its charges are open already"):
        cancel(billed, "FA2026-00001")
    assert numbers() == ["FA2026-00001", "AV2026-00001"]


def test_days_credited_by_a_later_invoice_are_given_back_with_it_only(billed: Company) -> None:
    billed.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-16"
    billed.load()
    billed.call("2026-11-05 10:00:00", "0472000001", LANDLINE, 60_000)
    billed.bill("2026-11", on=date(2026, 12, 5))  # 20.00 of calls less 15 days of 30: -15.00
    assert issued("FA2026-00002").totals.net_minor == 500
    with pytest.raises(CreditRefused, match="credited by FA2026-00002 since; cancel FA2026-00002 first"):
        cancel(billed, "FA2026-00001")
    cancel(billed, "FA2026-00002")
    assert cancel(billed, "FA2026-00001").net_minor == 3026


def test_the_costs_of_a_month_count_what_was_billed_again_once(billed: Company) -> None:
    issuers = list(Issuer.objects.all())
    before = cost_by_extension(issuers, MONTH, ISSUE_DATE).rows
    cancel(billed, "FA2026-00001")
    billed.bill(on=LATER)
    assert cost_by_extension(issuers, MONTH, ISSUE_DATE).rows == before


def test_what_included_seconds_covered_is_free_again_after_a_cancellation(billed: Company) -> None:
    """Issued calls keep what they took from an allowance; cancelled ones do not."""
    from ardoise.catalog.queries import take_snapshot
    from ardoise.rate.issued import held_of

    snapshot = take_snapshot(sources=[], month=MONTH)
    assert len(held_of(MONTH, snapshot)) == 2
    cancel(billed, "FA2026-00001")
    assert held_of(MONTH, snapshot) == {}
