"""What a month came to: calls by state and reason, money by issuer, currency and tax basis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ardoise.core.rating import State
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frozen import Month
from ardoise.rate.columns.kernel import Ints
from ardoise.rate.columns.rated import EXCLUDING, REASONS, Calls, Rated


@dataclass(frozen=True, slots=True)
class IssuerTotal:
    """Sums of one issuer, currency and tax basis ("" for what has no price). Amounts in micros. A call counts once for
    each who is charged: the customer, and the accounts that resell to it.
    """

    issuer_id: int
    currency: str
    tax_basis: str
    calls: int
    amount_micros: int
    cost_micros: int
    printed_micros: int


class Totals:
    """Sums over the parts of a month; not for several threads at once."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}
        self._sums: dict[tuple[int, str, str], list[int]] = {}
        self._kinds: list[tuple[str, str]] = []
        self._kind_of_row: Ints | None = None

    def add(self, calls: Calls, rated: Rated, month: Month) -> None:
        """Count the calls of a part."""
        level = month.spans.level[calls.span]
        retail = rated.why[level == 0] if level.any() else rated.why
        for why, count in enumerate(np.bincount(retail, minlength=len(REASONS)).tolist()):
            if count:
                reason = REASONS[why]
                state = State.EXCLUDED if reason in EXCLUDING else State.UNPRICED if reason else State.PRICED
                name = f"{state}/{reason}" if reason else str(state)
                self._calls[name] = self._calls.get(name, 0) + count
        self._add_sums(calls, rated, month)

    def _add_sums(self, calls: Calls, rated: Rated, month: Month) -> None:
        if self._kind_of_row is None:
            self._kinds, self._kind_of_row = _kinds_of_rows(month.catalogue)
        kinds = self._kinds
        group = month.spans.issuer_id[calls.span] * len(kinds) + self._kind_of_row[rated.row]
        amount = rated.amount_micros + rated.service_micros
        cost = (rated.access_cost_micros + rated.service_cost_micros) * rated.has_cost
        printed = calls.printed_micros()
        first = int(group[0]) if len(group) else 0
        several = bool((group != first).any())
        for known in np.unique(group).tolist() if several else [first] * bool(len(group)):
            inside = group == known if several else slice(None)
            sums = self._sums.setdefault((known // len(kinds), *kinds[known % len(kinds)]), [0, 0, 0, 0])
            sums[0] += len(group[inside])
            for place, values in enumerate((amount, cost, printed), 1):
                sums[place] += int(values[inside].sum())

    def calls(self) -> dict[str, int]:
        """Calls by state and reason."""
        return dict(sorted(self._calls.items()))

    def issuers(self) -> tuple[IssuerTotal, ...]:
        """Sums in order of issuer, currency and basis."""
        return tuple(IssuerTotal(*key, *sums) for key, sums in sorted(self._sums.items()))


def _kinds_of_rows(catalogue: CatalogueColumns) -> tuple[list[tuple[str, str]], Ints]:
    """Distinct currencies and tax bases, and the position of each row's; the last one is of no row at all."""
    names = [*zip(catalogue.currency_of, catalogue.tax_basis_of, strict=True), ("", "")]
    kinds = sorted(set(names))
    of_version = np.array([kinds.index(name) for name in names], np.int64)
    return kinds, np.append(of_version[catalogue.row_version], of_version[-1])
