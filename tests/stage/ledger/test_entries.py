"""Double entry: balances are projections of entries that sum to zero and never change."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum

from ardoise import flow
from ardoise.access.scope import EVERYTHING, Scope
from ardoise.bill.models import Document
from ardoise.core.postings import Posting, Transaction
from ardoise.directory.models import Issuer
from ardoise.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from ardoise.ledger.operations import post
from ardoise.ledger.queries import balances_micros
from stage.company import ISSUE_DATE, LANDLINE, SECOND_BRAND, SURTAXED, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)


@pytest.fixture
def billed(company: Company) -> Company:
    """C1: subscription 9.99, landlines 3 min = 0.06, service 0.80; P1 (tax included): 9.99 advertised."""
    company.customer("C1")
    company.line(PHONE, "C1")
    company.customer("P1", "Mme Rey", audience="B2C", basis="ttc", siren="")
    company.product("abo", "9.99")
    company.product("box", "9.99", tax_basis="ttc")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.subscribe("S2", "P1", product="box", valid_from_date="2026-11-01")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 180)
    company.call("2026-10-05 11:00:00", PHONE, SURTAXED, 60)
    company.bill()
    return company


def test_every_account_gets_its_part_and_the_whole_sums_to_zero(billed: Company) -> None:
    # C1: 9.99 + 0.06 + 0.80 = 10.85, VAT 2.17, 13.02. P1: 8.33 + 1.67 - 0.01 = 9.99.
    assert balances_micros(EVERYTHING) == {
        ("voxa", "411000"): 23_010_000,  # 13.02 + 9.99
        ("voxa", "706100"): -18_320_000,  # 9.99 + 8.33
        ("voxa", "706200"): -60_000,
        ("voxa", "706400"): -800_000,
        ("voxa", "44571-20"): -3_840_000,  # 2.17 + 1.67
        ("voxa", "658000"): 10_000,
    }
    assert LedgerEntry.objects.aggregate(total=Sum("amount_micros"))["total"] == 0
    for row in LedgerTransaction.objects.all():
        assert row.entries.aggregate(total=Sum("amount_micros"))["total"] == 0


def test_each_customer_owes_what_its_documents_say(billed: Company) -> None:
    owed = LedgerEntry.objects.filter(account__code="411000").values_list("account__auxiliary")
    by_customer = {code: micros // 10_000 for code, micros in owed.annotate(Sum("amount_micros"))}
    assert by_customer == dict(Document.objects.values_list("account__code", "payable_minor"))


def test_a_credit_in_full_brings_every_balance_back_to_zero(billed: Company) -> None:
    for invoice in Document.objects.filter(kind="invoice"):
        flow.credit(invoice=invoice, issue_date=ISSUE_DATE, now=billed.now, reason="Erreur")
    assert set(balances_micros(EVERYTHING).values()) == {0}


def test_a_reader_sees_the_balances_of_its_issuers_only(company: Company) -> None:
    company.files["issuers.toml"] += "\n" + SECOND_BRAND
    company.product("abo", "10.00")
    for issuer in ("voxa", "allo"):
        company.customer(issuer.upper(), issuer=issuer)
        company.subscribe(f"S-{issuer}", issuer.upper(), product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    seen = balances_micros(Scope(frozenset({"allo"})))
    assert {issuer for issuer, _ in seen} == {"allo"}
    assert balances_micros(Scope(frozenset())) == {}


def sale(key: str, micros: int = 120_000) -> Transaction:
    return Transaction("invoice", key, date(2026, 11, 5), (Posting("411000", micros), Posting("706100", -micros)))


def test_a_transaction_posted_twice_stands_once(company: Company) -> None:
    company.load()
    issuer = Issuer.objects.get()
    first = post(issuer_id=issuer.id, posted=sale("document:1"), auxiliary="C1", recorded_at=NOW)
    again = post(issuer_id=issuer.id, posted=sale("document:1", 990_000), auxiliary="C1", recorded_at=NOW)
    assert first == again
    assert sorted(LedgerEntry.objects.values_list("amount_micros", flat=True)) == [-120_000, 120_000]


def test_only_receivables_have_an_account_a_customer(company: Company) -> None:
    company.load()
    issuer = Issuer.objects.get()
    for number, code in enumerate(("C1", "C2")):
        post(issuer_id=issuer.id, posted=sale(f"document:{number}"), auxiliary=code, recorded_at=NOW)
    accounts = sorted(LedgerAccount.objects.values_list("code", "auxiliary"))
    assert accounts == [("411000", "C1"), ("411000", "C2"), ("706100", "")]


@pytest.mark.parametrize("micros", [10_001, -10_001, 5_000])
def test_the_database_itself_refuses_a_part_of_a_cent(company: Company, micros: int) -> None:
    company.load()
    row = post(issuer_id=Issuer.objects.get().id, posted=sale("document:1"), auxiliary="C1", recorded_at=NOW)
    account = LedgerAccount.objects.get(code="706100")
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(transaction=row, account=account, amount_micros=micros)
