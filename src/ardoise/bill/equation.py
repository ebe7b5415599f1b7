"""The proof of completeness (DESIGN section 2): what came in is somewhere, in counts and in micros."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from ardoise.bill.charges import frozen_charges
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core.documents import DocumentKind
from ardoise.core.invoices import convert_basis
from ardoise.core.money import MICROS_PER_MINOR
from ardoise.core.periods import instants_of, month_period
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN, USAGE
from ardoise.core.tariffs import TaxBasis
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName


@dataclass(frozen=True, slots=True)
class CallBalance:
    """calls: all = priced + unpriced (by reason) + excluded (by rule)."""

    all: int
    priced: int
    unpriced: dict[str, int]
    excluded: dict[str, int]

    @property
    def missing(self) -> int:
        return self.all - self.priced - sum(self.unpriced.values()) - sum(self.excluded.values())


@dataclass(frozen=True, slots=True)
class ChargeBalance:
    """priced = invoiced + on a statement + not billable + open; once in numbers of charges, once in micros."""

    priced: int
    invoiced: int
    on_statement: int
    not_billable: int
    open: int

    @property
    def missing(self) -> int:
        return self.priced - self.invoiced - self.on_statement - self.not_billable - self.open


@dataclass(frozen=True, slots=True)
class RoundingBalance:
    """Over issued documents, in micros without tax: sum of charges + rounding = sum of line nets.

    `rounding_micros` is what rounding to the cent added; `lines_off` counts lines further from their charges than a
    cent (two on documents with tax, whose nets also share a remainder): there must be none.
    """

    charges_micros: int
    rounding_micros: int
    lines_micros: int
    lines_off: int


def call_balance(month: str, issuers: Collection[Issuer], source_codes: Collection[str]) -> CallBalance:
    """The calls of some sources in a local month, and the states of their charges."""
    if not issuers:
        return CallBalance(0, 0, {}, {})
    from_at, to_at = instants_of(month_period(month), next(iter(issuers)).zone)
    inside = pl.col(USAGE.answered_at).is_between(from_at, to_at, closed="left")
    mine = pl.col(USAGE.source).is_in(list(source_codes))
    total = store.scan(TableName.USAGE, filter=inside & mine).select(pl.len()).collect().item()
    states = (
        store.scan(TableName.OPEN, [month])
        .filter((pl.col(CHARGES.origin_kind) == "usage") & pl.col(CHARGES.source).is_in(list(source_codes)))
        .group_by(CHARGES.origin_id)
        .agg(pl.col(CHARGES.state).sort().first(), pl.col(CHARGES.why).sort().last())
        .group_by(CHARGES.state, CHARGES.why)
        .len()
        .sort(CHARGES.state, CHARGES.why)
        .collect()
    )
    by_state: dict[str, dict[str, int]] = {"priced": {}, "unpriced": {}, "excluded": {}}
    for state, why, count in states.iter_rows():
        by_state[state][why] = by_state[state].get(why, 0) + count
    return CallBalance(total, sum(by_state["priced"].values()), by_state["unpriced"], by_state["excluded"])


def charge_balance(month: str, issuers: Collection[Issuer]) -> tuple[ChargeBalance, ChargeBalance]:
    """Where the priced charges of a month are: (in numbers, in micros of the basis each was priced in)."""
    ids = [issuer.id for issuer in issuers]
    priced = (pl.col(CHARGES.state) == "priced") & pl.col(CHARGES.issuer_id).is_in(ids)
    kinds = dict(Document.objects.filter(issuer__in=ids, month=month).values_list("id", "kind"))
    frozen = store.scan(TableName.FROZEN, [month], columns=[*CHARGE_KEY, FROZEN.document_id]).collect()
    frozen = frozen.with_columns(
        pl.col(FROZEN.document_id).replace_strict(kinds, default=None, return_dtype=pl.String).alias("kind")
    )
    where = (
        pl.when(pl.col("kind") == DocumentKind.STATEMENT.value)
        .then(pl.lit("on_statement"))
        .when(pl.col("kind").is_not_null())
        .then(pl.lit("invoiced"))
        .when(~pl.col(CHARGES.billable))
        .then(pl.lit("not_billable"))
        .otherwise(pl.lit("open"))
    )
    sums = (
        store.scan(TableName.OPEN, [month], filter=priced)
        .join(frozen.lazy(), on=list(CHARGE_KEY), how="left")
        .group_by(where.alias("where"))
        .agg(pl.len().alias("n"), pl.col(CHARGES.amount_micros).sum().alias("micros"))
        .collect()
    )
    found = {where: (n, micros) for where, n, micros in sums.iter_rows()}
    return _balance(found, 0), _balance(found, 1)


def _balance(found: dict[str, tuple[int, int]], index: int) -> ChargeBalance:
    parts = {name: found.get(name, (0, 0))[index] for name in ("invoiced", "on_statement", "not_billable", "open")}
    return ChargeBalance(priced=sum(value[index] for value in found.values()), **parts)


def rounding_balance(month: str, issuers: Collection[Issuer]) -> RoundingBalance:
    """Compare every line of every document issued for a month with the frozen charges bound to it."""
    summed = (
        frozen_charges(month)
        .group_by(FROZEN.document_id, FROZEN.line_no, CHARGES.tax_basis)
        .agg(pl.col(CHARGES.amount_micros).sum())
        .collect()
    )
    of_line: dict[tuple[int, int], dict[str, int]] = {}
    for document_id, line_no, basis, micros in summed.iter_rows():
        of_line.setdefault((document_id, line_no), {})[basis] = micros
    charges = lines = off = 0
    documents = Document.objects.filter(issuer__in=list(issuers), month=month).exclude(kind=DocumentKind.CREDIT_NOTE)
    for row in documents.iterator():
        document = canonical.from_json(row.content)
        allowed = Fraction(MICROS_PER_MINOR, 2) if not document.with_tax else Fraction(2 * MICROS_PER_MINOR)
        for line in document.lines:
            exact = sum(
                convert_basis(micros, source=TaxBasis(basis), target=TaxBasis.HT, rate=line.vat_rate)
                for basis, micros in of_line.get((row.id, line.line_no), {}).items()
            )
            charges += exact
            lines += line.net_minor * MICROS_PER_MINOR
            off += abs(line.net_minor * MICROS_PER_MINOR - exact) > allowed
    return RoundingBalance(charges, lines - charges, lines, off)
