"""Four months of corrections on a moving clock; `pytest -s` prints the timeline.

November  October is billed; an invoice is credited in two parts; the price of mobiles was wrong; a line was another
          customer's.
December  November is billed with the calls that changed hands; the invoice had a wrong address and is made anew; the
          customer pays, then ends a subscription that it had paid in advance.
2027      What it has to its credit is carried, then credited, then refunded.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from fractions import Fraction
from pathlib import Path

import pytest

from ardoise import flow
from ardoise.access.scope import EVERYTHING
from ardoise.bill.balances import credits_minor, refund
from ardoise.bill.charges import frozen_twice
from ardoise.bill.models import Document
from ardoise.bill.proposals import proposals
from ardoise.core.credit_notes import portions_of
from ardoise.core.money import euros
from ardoise.core.postings import Posting, Transaction
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.operations import post
from ardoise.ledger.queries import balances_micros, owed_micros
from stage.company import LANDLINE, MOBILE, RATES, Company, issued, voxa

pytestmark = pytest.mark.django_db(transaction=True)

OCTOBER = "2026-10"
_HALF = Fraction(1, 2)
PHONES = {"C1": "0472000001", "C2": "0472000002", "C3": "0472000003"}


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    for code, phone in PHONES.items():
        company.customer(code)
        company.line(phone, code)
    company.call("2026-10-05 10:00:00", PHONES["C1"], MOBILE, 6000)  # 12.00
    company.call("2026-10-06 10:00:00", PHONES["C1"], LANDLINE, 600)  # 0.20
    company.call("2026-10-07 10:00:00", PHONES["C2"], MOBILE, 600)  # 1.20
    company.call("2026-10-08 10:00:00", PHONES["C3"], MOBILE, 60)  # 0.12
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.product("poste", "10.00", kind="one_off")
    company.load()
    return company


def at(company: Company, *day: int) -> date:
    company.now = datetime.combine(date(*day), time(8), UTC)
    return date(*day)


def tell(day: date, what: str, before: int) -> None:
    """Print what happened, the documents made, and what each customer owes."""
    print(f"\n{day:%d/%m/%Y}  {what}")
    for row in Document.objects.order_by("pk")[before:]:
        sign = -1 if row.kind == "credit_note" else 1
        print(f"    {row.number}  {row.account.code}  {euros(sign * row.payable_minor):>10}")
    owed = owed_micros(Issuer.objects.get().pk)
    print("    dû : " + ", ".join(f"{code} {euros(micros // 10_000)}" for code, micros in sorted(owed.items())))


def bill(company: Company, month: str, day: date) -> flow.billing.Issued:
    before = Document.objects.count()
    (run,) = company.bill(month, on=day)
    tell(day, f"facturation de {month}", before)
    (again,) = company.bill(month, on=day)
    assert again.numbers == []
    return run


def correct(company: Company, day: date, what: str) -> dict[str, list[tuple[str, int]]]:
    before = Document.objects.count()
    company.rate(OCTOBER)
    done = flow.correct(month=OCTOBER, issue_date=day, now=company.now, reason=what)
    assert done.faulty == {}
    tell(day, what, before)
    assert flow.correct(month=OCTOBER, issue_date=day, now=company.now, reason=what).issued == {}
    return {code: [(row.kind, row.net_minor) for row in rows] for code, rows in done.issued.items()}


def net(code: str) -> int:
    rows = Document.objects.filter(account__code=code)
    return sum(-row.net_minor if row.kind == "credit_note" else row.net_minor for row in rows)


def test_four_months_of_corrections(company: Company) -> None:
    day = at(company, 2026, 11, 5)
    bill(company, OCTOBER, day)
    assert [net(code) for code in PHONES] == [4220, 120, 12]

    # --- a credit note in two parts: 0.12 and VAT 0.02; 0.06 and VAT 0.01, then what is left
    day = at(company, 2026, 11, 10)
    invoice = Document.objects.get(account__code="C3")
    for share in ("la moitié", "l’autre"):
        before = Document.objects.count()
        note = flow.credit(
            invoice=invoice,
            issue_date=day,
            now=company.now,
            reason="Geste commercial",
            portions=lambda document, already: portions_of(document, _HALF, already=already),
        )
        assert (note.net_minor, note.vat_minor) == (6, 1)
        tell(day, f"avoir de {share}", before)
    assert net("C3") == 0

    # --- minutes to mobiles should have been at 0.10: 2.00 and 0.20 too much; nothing is left of C3's
    day = at(company, 2026, 11, 12)
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("mobile,,0.12", "mobile,,0.10")
    company.load(correct=True)
    assert correct(company, day, "tarif corrigé") == {"C1": [("credit_note", 200)], "C2": [("credit_note", 20)]}

    # --- C2's line has been C1's since October: 1.00 back to C2, open for C1
    day = at(company, 2026, 11, 20)
    company.row("assignments", line=f"L{PHONES['C2']}")["account"] = "C1"
    company.load(correct=True)
    assert correct(company, day, "ligne rattachée à C1") == {"C2": [("credit_note", 100)]}
    assert net("C2") == 0

    # --- December in advance 30.00, and the late 1.00; then the same on an invoice with the right address
    day = at(company, 2026, 12, 5)
    (number,) = bill(company, "2026-11", day).numbers
    assert issued(number).totals.net_minor == 3100
    day = at(company, 2026, 12, 10)
    company.row("accounts", code="C1")["address"] = "5 rue Basse"
    company.load()
    before = Document.objects.count()
    anew = flow.reissue(invoice=Document.objects.get(number=number), issue_date=day, now=company.now, reason="Adresse")
    tell(day, "adresse corrigée", before)
    assert anew.invoice is not None
    assert issued(anew.invoice.number).buyer.address_lines == ("5 rue Basse",)
    assert net("C1") == 4220 - 200 + 3100

    # --- paid; then ended on 16 December, which was paid to the 31st: 30.00 x 16/31 = 15.48 too much
    issuer = Issuer.objects.get()
    paid = owed_micros(issuer.pk, ["C1"])["C1"]
    entries = (Posting("512000", paid), Posting("411000", -paid))
    posted = Transaction("payment", "payment:1", date(2026, 12, 15), entries)
    post(issuer_id=issuer.pk, posted=posted, auxiliary="C1", recorded_at=company.now)
    company.row("subscriptions", reference="S1")["valid_to_date"] = "2026-12-16"
    company.buy("P1", "C1", product="poste", day="2027-01-12")
    company.load()
    day = at(company, 2027, 1, 5)
    assert bill(company, "2026-12", day).carried == {"C1": -1858}  # 15.48 and VAT 3.10

    # --- the telephone of January, 10.00, is not above it; by the other policy the rest is a credit note
    company.files["issuers.toml"] += 'negative = "credit_note"\n'
    company.load()
    day = at(company, 2027, 2, 5)
    (number,) = bill(company, "2027-01", day).numbers
    assert (issued(number).totals.net_minor, issued(number).totals.payable_minor) == (548, 658)
    assert credits_minor(issuer) == {"C1": 658}

    day = at(company, 2027, 2, 8)
    account = Account.objects.get(code="C1")
    refund(account=account, amount_minor=658, refund_date=day, reason="Résiliation", made_by="Zoé", now=company.now)
    tell(day, "remboursement", Document.objects.count())
    balances = balances_micros(EVERYTHING)
    assert (balances["voxa", "411000"], balances["voxa", "467000"]) == (0, -6_580_000)
    assert sum(balances.values()) == 0
    assert frozen_twice() == {}
    assert proposals(EVERYTHING, month=OCTOBER) == []  # C3 costs less, and got all of it back
