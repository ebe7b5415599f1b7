"""Accounts that wait, by name and with a reason; and accounts issued alone."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise.bill import operations as billing
from ardoise.bill.models import Document, Hold
from ardoise.directory.models import Account
from stage.company import ADDRESS, MOBILE, Company, finished, issued

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"


def hold(company: Company, code: str = "C1", *, reason: str = "litige", month: str = "2026-10") -> Hold:
    account = Account.objects.get(code=code)
    return billing.hold(account=account, month=month, reason=reason, held_by="Anne", now=company.now)


def release(company: Company, code: str = "C1") -> Hold:
    account = Account.objects.get(code=code)
    return billing.release(account=account, month="2026-10", released_by="Bob", now=company.now)


def test_a_held_account_is_listed_and_not_issued(two: Company) -> None:
    hold(two)
    (previewed,) = two.preview()
    assert (previewed.drafts, previewed.held) == (1, {"C1": "litige"})
    (done,) = two.issue()
    assert (len(done.numbers), done.held, done.moved) == (1, {"C1": "litige"}, [])
    assert Document.objects.get().account.code == "C2"
    assert not finished()


def test_an_account_held_after_its_preview_waits_too(two: Company) -> None:
    two.preview()
    hold(two)
    (done,) = two.issue()
    assert (len(done.numbers), done.held, done.moved) == (1, {"C1": "litige"}, [])


def test_a_released_account_is_billed_by_the_same_run(two: Company) -> None:
    hold(two)
    two.preview()
    two.issue()
    row = release(two)
    assert (row.held_by, row.released_by) == ("Anne", "Bob")
    two.preview()
    (done,) = two.issue()
    assert (done.numbers, done.held) == (["FA2026-00002"], {})
    assert finished()


def test_what_was_held_is_caught_up_by_the_next_run(two: Company) -> None:
    hold(two)
    two.preview()
    two.issue()
    two.call("2026-11-05 10:00:00", PHONE, MOBILE, 60)
    two.rate("2026-11")
    two.preview("2026-11", on=date(2026, 12, 5))
    (done,) = two.issue("2026-11", on=date(2026, 12, 5))
    document = issued(done.numbers[0])
    assert (str(document.period_from), document.totals.net_minor) == ("2026-10-01", 24)
    assert "arrivées après la facture" not in " ".join(line.detail for line in document.lines)


def test_a_hold_needs_a_reason_and_a_payer(two: Company) -> None:
    two.branch("C1-A", "Agence", parent="C1")
    two.load()
    with pytest.raises(billing.HoldRefused, match="needs a reason"):
        hold(two, reason=" ")
    with pytest.raises(billing.HoldRefused, match="billed with its customer"):
        hold(two, "C1-A")
    with pytest.raises(billing.HoldRefused, match="C2 is not held for 2026-10"):
        release(two, "C2")


def test_a_branch_with_an_invoice_of_its_own_waits_alone(two: Company) -> None:
    two.branch("C1-A", "Agence", parent="C1")
    two.row("accounts", code="C1-A").update({"own_invoice": "yes", **ADDRESS})
    two.product("abo", "10.00", in_advance="no")
    two.subscribe("SA", "C1-A", product="abo", valid_from_date="2026-10-01")
    two.load()
    hold(two, "C1-A")
    (previewed,) = two.preview()
    assert (previewed.drafts, previewed.held) == (2, {"C1-A": "litige"})


def test_holding_twice_keeps_the_first_reason(two: Company) -> None:
    hold(two)
    assert hold(two, reason="autre").reason == "litige"
    assert Hold.objects.count() == 1


def test_one_account_is_issued_alone(two: Company) -> None:
    two.preview()
    two.issue(accounts=["C2"])
    assert Document.objects.get().account.code == "C2"
    assert not finished()
    (done,) = two.issue()
    assert (done.numbers, done.moved) == (["FA2026-00002"], [])


def test_an_account_without_a_draft_cannot_be_issued_alone(two: Company) -> None:
    two.preview()
    with pytest.raises(billing.IssueRefused, match="no draft for C9; look at what the preview lists"):
        two.issue(accounts=["C9"])
