"""A bill run told as stories: previews, moved accounts, numbers, late calls, corrections of a tariff."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise.bill import operations as billing
from ardoise.bill.models import Document, Draft, Series
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Issuer
from ardoise.ledger.models import LedgerTransaction
from ardoise.store.models import Partition
from stage.company import (
    LANDLINE,
    MOBILE,
    RATES,
    SECOND_BRAND,
    Company,
    charges,
    document_of,
    draft_of,
    drafts,
    finished,
    numbers,
)

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
CLOSES = date(2026, 11, 1)


def subscribers(company: Company, count: int, *, issuer: str = "voxa") -> None:
    if not company.tables.get("products"):
        company.product("abo", "10.00")
    for number in range(1, count + 1):
        code = f"{issuer.upper()}-{number:02d}"
        company.customer(code, issuer=issuer)
        company.subscribe(f"S-{code}", code, product="abo", valid_from_date="2026-11-01")


def generations() -> list[tuple[str, str, str, int]]:
    return sorted(Partition.objects.values_list("table", "month", "partition", "generation"))


def test_a_preview_made_twice_gives_the_same_drafts_and_takes_no_number(two: Company) -> None:
    two.preview()
    first = drafts()
    two.preview()
    assert drafts() == first
    assert len(first) == 2
    assert draft_of("C1").number == ""
    assert not Series.objects.exists()


def test_a_run_nobody_previewed_is_refused(two: Company) -> None:
    with pytest.raises(billing.IssueRefused, match="has no preview; run first: ardoise bill preview --month 2026-10"):
        two.issue()


def test_issuing_twice_issues_nothing_new(two: Company) -> None:
    two.preview()
    (first,) = two.issue()
    (again,) = two.issue()
    assert (len(first.numbers), again.numbers, again.moved) == (2, [], [])
    assert numbers() == ["FA2026-00001", "FA2026-00002"]
    assert finished()


def test_a_preview_made_on_another_day_is_still_what_is_issued(two: Company) -> None:
    two.preview(on=date(2026, 11, 4))
    (done,) = two.issue(on=date(2026, 11, 6))
    assert (len(done.numbers), done.moved) == (2, [])
    assert Document.objects.first().issue_date == date(2026, 11, 6)


def test_an_account_that_moved_since_its_preview_is_left_out_and_listed(two: Company) -> None:
    two.preview()
    two.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")
    two.load()
    assert two.rate().changed
    (done,) = two.issue()
    assert (done.numbers, done.moved) == (["FA2026-00001"], ["C1"])
    assert Document.objects.get().account.code == "C2"
    assert not finished()
    two.preview()
    (done,) = two.issue()
    assert (done.numbers, document_of("C1").totals.net_minor) == (["FA2026-00002"], 15)
    assert finished()


def test_a_customer_who_came_after_the_preview_is_listed_not_issued(two: Company) -> None:
    two.preview()
    two.customer("C3")
    two.line("0472000003", "C3")
    two.load()
    two.call("2026-10-06 10:00:00", "0472000003", LANDLINE, 60)
    two.rate()
    (done,) = two.issue()
    assert (len(done.numbers), done.moved) == (2, ["C3"])


def test_a_customer_with_nothing_left_to_bill_is_listed(two: Company) -> None:
    two.preview()
    two.row("accounts", code="C1")["billable"] = "no"
    two.load()
    two.rate()
    (done,) = two.issue()
    assert (len(done.numbers), done.moved) == (1, ["C1"])


def test_a_date_before_the_last_of_the_series_is_refused_and_nothing_is_issued(two: Company) -> None:
    two.preview()
    two.issue(on=date(2026, 11, 5))
    two.call("2026-10-07 10:00:00", PHONE, MOBILE, 60)
    two.rate()
    two.preview()
    with pytest.raises(billing.IssueRefused, match="dated 2026-11-05; an issue date of 2026-11-04 would break"):
        two.issue(on=date(2026, 11, 4))
    assert len(numbers()) == 2
    assert charges("frozen").height == 2


def test_numbers_have_no_gap_across_batches(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "BATCH", 2)
    subscribers(company, 5)
    company.load()
    company.preview()
    told: list[int] = []
    billing.issue(
        issuer=Issuer.objects.get(),
        closes_date=CLOSES,
        issue_date=date(2026, 11, 5),
        now=company.now,
        validator=lambda documents: [[] for _ in documents],
        progress=told.append,
    )
    assert numbers() == [f"FA2026-{sequence:05d}" for sequence in range(1, 6)]
    assert told == [2, 2, 1]


def test_a_faulty_document_leaves_no_hole_in_the_series(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billing, "BATCH", 2)
    subscribers(company, 5)
    company.load()
    company.row("accounts", code="VOXA-03")["siren"] = ""
    company.row("accounts", code="VOXA-03")["country"] = "CH"  # a business abroad without any electronic address
    company.row("accounts", code="VOXA-03")["vat_regime"] = "export"
    company.load()
    (done,) = company.bill()
    assert list(done.faulty) == ["VOXA-03"]
    assert numbers() == [f"FA2026-{sequence:05d}" for sequence in range(1, 5)]


def test_each_issuer_has_its_series_and_each_year_starts_at_1(company: Company) -> None:
    company.files["issuers.toml"] += "\n" + SECOND_BRAND
    subscribers(company, 2)
    subscribers(company, 1, issuer="allo")
    company.load()
    allo, voxa = company.bill(on=date(2026, 12, 31))
    assert (allo.numbers, voxa.numbers) == (["FA2026-00001"], ["FA2026-00001", "FA2026-00002"])
    company.preview("2026-11", on=date(2027, 1, 4))
    allo, voxa = company.issue("2026-11", on=date(2027, 1, 4))
    assert (allo.numbers, voxa.numbers) == (["FA2027-00001"], ["FA2027-00001", "FA2027-00002"])


def test_a_late_call_shows_as_open_and_is_billed_by_a_document_of_its_own(two: Company) -> None:
    two.preview()
    two.issue()
    two.call("2026-10-30 10:00:00", PHONE, MOBILE, 61)
    two.rate()
    (previewed,) = two.preview()
    assert (previewed.drafts, previewed.net_minor) == (1, 24)
    (done,) = two.issue()
    assert done.numbers == ["FA2026-00003"]
    totals = Document.objects.filter(account__code="C1").order_by("id").values_list("net_minor", flat=True)
    assert list(totals) == [12, 24]
    (done,) = two.issue()
    assert done.numbers == []


def test_a_frozen_charge_is_never_billed_again_whatever_its_new_price(two: Company) -> None:
    two.preview()
    two.issue()
    # A price agreed afterwards, for the whole month: the frozen key keeps its amount, the new one is a proposal.
    two.files["tariffs/cher.toml"] = (
        'code = "cher"\nname = "cher"\n[[version]]\nvalid_from_date = 2026-01-01\nrates = "cher-2026-01-01.csv"\n'
    )
    two.files["tariffs/cher-2026-01-01.csv"] = "prefix,zone,price_per_min,first_s,next_s\n+336,mobile,0.50,60,60\n"
    two.files["tariff_links.csv"] += "account,C1,cher\n"
    two.load()
    assert two.rate().changed
    assert sorted(charges()[CHARGES.amount_micros]) == [20_000, 500_000]
    assert sorted(charges("frozen")[CHARGES.amount_micros]) == [20_000, 120_000]
    (previewed,) = two.preview()
    assert previewed.drafts == 0
    (done,) = two.issue()
    assert (done.numbers, done.moved) == ([], [])


def test_drafts_of_one_issuer_do_not_move_when_another_issues(company: Company) -> None:
    company.files["issuers.toml"] += "\n" + SECOND_BRAND
    subscribers(company, 1)
    subscribers(company, 1, issuer="allo")
    company.load()
    company.preview()
    Draft.objects.update(verdict=None)  # so that the issue asks the rules

    def while_the_other_issues(documents: object) -> list[list[billing.Problem]]:
        """Between the reading of the charges and the transaction, the other issuer's run is issued."""
        company_allo = Issuer.objects.get(code="allo")
        billing.issue(
            issuer=company_allo,
            closes_date=CLOSES,
            issue_date=date(2026, 11, 5),
            now=company.now,
            validator=lambda documents: [[] for _ in documents],
        )
        return [[]]

    done = billing.issue(
        issuer=Issuer.objects.get(code="voxa"),
        closes_date=CLOSES,
        issue_date=date(2026, 11, 5),
        now=company.now,
        validator=while_the_other_issues,
    )
    assert done.numbers == ["FA2026-00001"]
    assert Document.objects.count() == 2


def test_charges_computed_again_during_the_issue_stop_it_before_anything_is_frozen(two: Company) -> None:
    two.preview()
    Draft.objects.update(verdict=None)

    def while_it_is_rated_again(documents: object) -> list[list[billing.Problem]]:
        two.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")
        two.load()
        two.rate()
        return [[], []]

    with pytest.raises(billing.IssueRefused, match="nothing of this batch was issued, preview and issue again"):
        billing.issue(
            issuer=Issuer.objects.get(),
            closes_date=CLOSES,
            issue_date=date(2026, 11, 5),
            now=two.now,
            validator=while_it_is_rated_again,
        )
    assert (numbers(), charges("frozen").height, LedgerTransaction.objects.count()) == ([], 0, 0)


def test_recurring_charges_computed_again_change_nothing(company: Company) -> None:
    subscribers(company, 2)
    company.load()
    assert billing.compute_recurring(closes_date=CLOSES) == 2
    before = generations()
    assert billing.compute_recurring(closes_date=CLOSES) == 2
    assert generations() == before


def test_a_subscription_that_changes_is_not_billed_twice_for_the_same_days(company: Company) -> None:
    company.files["issuers.toml"] += 'negative = "credit_note"\n'
    company.customer("C1")
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()  # October's run bills November in advance
    company.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-16"
    company.load()
    company.preview("2026-11", on=date(2026, 12, 5))
    (line,) = draft_of("C1", month="2026-11").lines
    # Nothing new is due, and 16 to 30 November was paid: 30.00 x 15/30 comes back.
    assert (line.net_minor, line.detail) == (1500, "du 16/11/2026 au 30/11/2026")
    assert (line.quantity, line.unit_price) == (1, 15)
    assert draft_of("C1", month="2026-11").kind == "credit_note"
