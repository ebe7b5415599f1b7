"""Amounts in the basis of the document that they stand on: what discounts share and minimums count is of one basis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from ardoise.bill.regimes import Rates
from ardoise.bill.usage_days import UsageDay
from ardoise.core.invoices import convert_basis
from ardoise.core.schema import CHARGES
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import VatError
from ardoise.directory.models import Account
from ardoise.directory.payers import invoiced, paying_branches

Row = dict[str, object]


class Bases:
    """The basis of each payer's documents, and amounts of another one converted to it, at the rate of what they charge.

    Where the VAT cannot be told an amount stays as it is: the run refuses that payer, and says what to write.
    """

    def __init__(self, roots: Mapping[int, int]) -> None:
        """`roots`: account -> the customer at the top of its tree."""
        self._payers = {**roots, **paying_branches()}
        self._bases = dict(Account.objects.values_list("id", "basis"))
        self._rates: dict[int, Rates] = {}

    def payer_of(self, account_id: int) -> int:
        return self._payers[account_id]

    def of(self, account_id: int) -> TaxBasis:
        return TaxBasis(self._bases[self._payers[account_id]])

    def rows(self, charged: Iterable[Row]) -> list[Row]:
        """Charges as they stand on documents; those of another basis are copies."""
        found = []
        for row in charged:
            account_id, day = int(str(row[CHARGES.account_id])), date.fromisoformat(str(row[CHARGES.period_from]))
            target, source = self.of(account_id), TaxBasis(str(row[CHARGES.tax_basis]))
            if source is not target:
                micros, nature = int(str(row[CHARGES.amount_micros])), str(row[CHARGES.vat_nature])
                micros = self._converted(micros, account_id, nature, day, source)
                row = {**row, CHARGES.amount_micros: micros, CHARGES.tax_basis: target.value}
            found.append(row)
        return found

    def days(self, usage: Iterable[UsageDay]) -> list[UsageDay]:
        """Days of usage, the same."""
        found = []
        for one in usage:
            target, source = self.of(one.account_id), TaxBasis(one.tax_basis)
            if source is not target:
                micros = self._converted(one.amount_micros, one.account_id, one.vat_nature, one.day, source)
                one = replace(one, amount_micros=micros, tax_basis=target.value)
            found.append(one)
        return found

    def _converted(self, micros: int, account_id: int, nature: str, day: date, source: TaxBasis) -> int:
        payer_id = self._payers[account_id]
        if payer_id not in self._rates:
            self._rates[payer_id] = Rates(invoiced([payer_id]))
        try:
            rate = self._rates[payer_id].on(payer_id, nature, day)
        except VatError:
            return micros
        return convert_basis(micros, source=source, target=self.of(account_id), rate=rate)
