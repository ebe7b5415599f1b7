"""The VAT regime of a payer on a day of supply: what is written for that day, else what its establishment says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from ardoise.catalog.models import VatRate
from ardoise.core.vat import (
    TERRITORIAL,
    DatedRate,
    Nature,
    Regime,
    RegimeKind,
    check_regime,
    regime_of,
    regime_of_establishment,
    treatment,
)
from ardoise.directory.models import Account, VatRegime

_Written = tuple[date, date | None, str, str]  # first day, day after the last, regime, mention


class Regimes:
    """The regimes of payers. In order: the dated regime of the day, the one of the account, that of the account above
    when it follows from what the customer is (an operator, exempt, abroad) and not from where, the postal code.
    """

    def __init__(self, payers: Mapping[int, Account]) -> None:
        self._payers = payers
        self._chains = {pk: list(_chain(account)) for pk, account in payers.items()}
        ids = {account.pk for chain in self._chains.values() for account in chain}
        self._dated: dict[int, list[_Written]] = defaultdict(list)
        for row in VatRegime.objects.filter(superseded_at=None).order_by("valid_from_date"):
            if row.account_id in ids:
                written = (row.valid_from_date, row.valid_to_date, row.vat_regime, row.vat_reason)
                self._dated[row.account_id].append(written)

    def borders(self) -> set[date]:
        """The days on which the regime of some payer may change."""
        return {day for written in self._dated.values() for first, last, *_ in written for day in (first, last) if day}

    def on(self, payer_id: int, day: date) -> Regime:
        """Raises VatError (RegimeMissing, RegimeRefused) with what to write."""
        account = self._payers[payer_id]
        regime = self._regime(account, day)
        check_regime(
            regime,
            account=account.code,
            resells=account.resells,
            vat_number=account.vat_number,
            private=account.audience == Account.Audience.B2C,
        )
        return regime

    def _regime(self, account: Account, day: date) -> Regime:
        for node in self._chains[account.pk]:
            kind, reason = self._written(node, day)
            if kind and (node is account or RegimeKind(kind) not in TERRITORIAL):
                return regime_of(kind, reason, account=account.code)
        return regime_of_establishment(account.country, account.postal_code, account=account.code)

    def _written(self, account: Account, day: date) -> tuple[str, str]:
        for first, last, kind, reason in self._dated[account.pk]:
            if first <= day and (last is None or day < last):
                return kind, reason
        return account.vat_regime, account.vat_reason


class Rates:
    """The VAT rate of what is supplied to payers, for amounts that are compared or spread in another basis."""

    def __init__(self, payers: Mapping[int, Account]) -> None:
        self._payers = payers
        self._regimes = Regimes(payers)
        self._rates = dated_rates()
        self._known: dict[tuple[int, str, date], Decimal] = {}

    def on(self, payer_id: int, nature: str, day: date) -> Decimal:
        """Percent. Raises VatError with what to write."""
        key = (payer_id, nature, day)
        if key not in self._known:
            account = self._payers[payer_id]
            regime = self._regimes.on(payer_id, day)
            said = treatment(regime, nature=Nature(nature), supply_date=day, account=account.code, rates=self._rates)
            self._known[key] = said.rate
        return self._known[key]


def dated_rates() -> tuple[DatedRate, ...]:
    """The rates of the catalogue, as the arithmetic wants them."""
    return tuple(
        DatedRate(
            RegimeKind(row.regime),
            row.rate,
            row.valid_from_date,
            row.valid_to_date,
            Nature(row.nature) if row.nature else None,
        )
        for row in VatRate.objects.order_by("regime", "nature", "valid_from_date")
    )


def _chain(account: Account) -> Iterator[Account]:
    yield account
    if account.parent is not None:
        yield from _chain(account.parent)
