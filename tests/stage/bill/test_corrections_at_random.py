"""Whatever is corrected, in any order: billed less credited is what stands, and a rerun adds nothing.

Every amount is a whole number of cents a charge, so that no rounding hides a cent: minutes to mobiles at whole cents,
ten minutes to landlines. What a gesture gave is known here by the line it was given on, and ends with the invoice.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import date
from random import Random

import polars as pl
import pytest

from ardoise import flow
from ardoise.bill.charges import frozen_twice
from ardoise.bill.credits import completed_by, completes, credit_notes_of, left_minor
from ardoise.bill.equation import charge_balance, rounding_balance
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core.credit_notes import left_to_credit
from ardoise.core.schema import CHARGE_KEY, CHARGES
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.models import LedgerEntry
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, RATES, Company, frozen_charges, standing_charges

pytestmark = pytest.mark.django_db(transaction=True)

SEEDS, STEPS = int(os.environ.get("ARDOISE_CORRECTIONS", "3")), 7
PHONES = {"C1": "0472000001", "C2": "0472000002"}


@dataclass
class History:
    """What was done, and the gestures that still count, by number of invoice."""

    company: Company
    random: Random
    gestures: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    def step(self) -> None:
        chosen = self.random.choice([self.gesture, self.cancel_line, self.reissue, self.reprice, self.reattach])
        self.told.append(f"{chosen.__name__} {chosen()}")

    def _invoice(self) -> Document | None:
        """An invoice with something that stands, and that completes no other."""
        found = [row for row in Document.objects.filter(kind="invoice").order_by("pk") if left_minor(row) > 0]
        found = [row for row in found if completes(row) is None]
        return self.random.choice(found) if found else None

    def gesture(self) -> str:
        """A cent or two off the subscription: a line that no later correction touches, and so never uses up."""
        invoice = self._invoice()
        if invoice is None:
            return "-"
        content = canonical.from_json(invoice.content)
        left = left_to_credit(content, credit_notes_of(invoice))
        lines = [line.line_no for line in content.lines if line.label == "Produit abo" and left[line.line_no] > 2]
        if not lines:
            return "-"
        chosen, minor = self.random.choice(lines), self.random.randint(1, 2)
        self._credit(invoice, {chosen: minor}, cancels=False)
        self.gestures[invoice.number] = self.gestures.get(invoice.number, 0) + minor
        return f"{invoice.number} line {chosen} {minor}"

    def cancel_line(self) -> str:
        invoice = self._invoice()
        if invoice is None or invoice.number in self.gestures or completed_by(invoice):
            return "-"
        left = left_to_credit(canonical.from_json(invoice.content), credit_notes_of(invoice))
        line_no = self.random.choice([line_no for line_no, rest in left.items() if rest > 0])
        self._credit(invoice, {line_no: left[line_no]}, cancels=True)
        return f"{invoice.number} line {line_no}"

    def _credit(self, invoice: Document, portions: dict[int, int], *, cancels: bool) -> None:
        flow.credit(
            invoice=invoice,
            issue_date=ISSUE_DATE,
            now=self.company.now,
            reason="Histoire",
            portions=lambda _invoice, _already: portions,
            cancels=cancels,
        )

    def reissue(self) -> str:
        invoice = self._invoice()
        if invoice is None:
            return "-"
        flow.reissue(invoice=invoice, issue_date=ISSUE_DATE, now=self.company.now, reason="Histoire")
        self.gestures.pop(invoice.number, None)
        return invoice.number

    def reprice(self) -> str:
        cents, fixed = self.random.randint(8, 15), self.random.randint(1, 4)
        rates = RATES.replace("mobile,,0.12", f"mobile,,0.{cents:02d}").replace("fixe,,0.02", f"fixe,,0.{fixed:02d}")
        self.company.files["tariffs/public-2026-01-01.csv"] = rates
        self.company.load(correct=True)
        self._correct()
        return f"0.{cents:02d} 0.{fixed:02d}"

    def reattach(self) -> str:
        row = self.company.row("assignments", line=f"L{PHONES['C2']}")
        row["account"] = "C1" if row["account"] == "C2" else "C2"
        self.company.load(correct=True)
        self._correct()
        return str(row["account"])

    def _correct(self) -> None:
        self.company.rate()
        done = flow.correct(month=MONTH, issue_date=ISSUE_DATE, now=self.company.now)
        assert (done.faulty, done.left) == ({}, {})


@pytest.mark.parametrize("seed", range(SEEDS))
def test_billed_less_credited_is_what_stands_whatever_was_corrected(company: Company, seed: int) -> None:
    for code, phone in PHONES.items():
        company.customer(code)
        company.line(phone, code)
        company.call("2026-10-05 10:00:00", phone, MOBILE, 6000)
        company.call("2026-10-06 10:00:00", phone, LANDLINE, 30_000)
    company.product("abo", "30.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    history = History(company, Random(seed))
    for _ in range(STEPS):
        history.step()
        company.bill(on=date(2026, 11, 5))  # what was given back is billed again
        issued = Document.objects.count()
        assert all(run.numbers == [] for run in company.bill(on=date(2026, 11, 5))), history.told
        assert flow.correct(month=MONTH, issue_date=ISSUE_DATE, now=company.now).issued == {}, history.told
        assert Document.objects.count() == issued
        _holds(history)


def _holds(history: History) -> None:
    issuers = list(Issuer.objects.all())
    counts, micros = charge_balance(MONTH, issuers)
    assert (frozen_twice(), counts.missing, micros.missing) == ({}, 0, 0), history.told
    assert rounding_balance(MONTH, issuers).lines_off == 0, history.told
    assert all(left_minor(row) >= 0 for row in Document.objects.filter(kind="invoice")), history.told
    standing = standing_charges().collect()
    summed = frozen_charges().group_by(*CHARGE_KEY).agg(pl.col(CHARGES.amount_micros).sum()).collect()
    assert standing[CHARGES.amount_micros].sum() == summed[CHARGES.amount_micros].sum(), history.told
    documents = list(Document.objects.select_related("account"))
    accounts = dict(Account.objects.values_list("pk", "code"))
    of_customer = {accounts[pk]: rows for (pk,), rows in standing.partition_by(CHARGES.root_id, as_dict=True).items()}
    for code in PHONES:
        mine = [row for row in documents if row.account.code == code]
        net = sum(-row.net_minor if row.kind == "credit_note" else row.net_minor for row in mine)
        given = sum(minor for number, minor in history.gestures.items() if number in {row.number for row in mine})
        stands = of_customer[code][CHARGES.amount_micros].sum() // 10_000 if code in of_customer else 0
        assert net == stands - given, (code, history.told)
        gross = sum(-row.gross_minor if row.kind == "credit_note" else row.gross_minor for row in mine)
        owed = LedgerEntry.objects.filter(account__code="411000", account__auxiliary=code)
        assert sum(owed.values_list("amount_micros", flat=True)) == gross * 10_000, (code, history.told)
