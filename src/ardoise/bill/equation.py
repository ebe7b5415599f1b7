"""The proof of completeness (DESIGN section 2): what came in is somewhere, in counts and in micros."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from ardoise.bill.charges import RETAIL, frozen_of
from ardoise.bill.lines import residue_of
from ardoise.bill.models import Document
from ardoise.core import canonical
from ardoise.core.documents import DocumentKind
from ardoise.core.invoices import convert_exact
from ardoise.core.money import MICROS_PER_MINOR, round_fraction
from ardoise.core.periods import instants_of, month_period, utc_months_of
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
    """priced = invoiced + on a statement + not billable + open + proposed; in numbers of charges, and in micros.

    `proposed` is what computing again has changed of frozen charges: another amount, or none at all any more.
    """

    priced: int
    invoiced: int
    on_statement: int
    not_billable: int
    open: int
    proposed: int = 0

    @property
    def missing(self) -> int:
        return self.priced - self.invoiced - self.on_statement - self.not_billable - self.open - self.proposed


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
    """The calls of some sources in a local month, and the states of their charges.

    A call that names nobody, neither an extension nor a number, has no charge: it counts as unpriced, `no_identifier`.
    """
    if not issuers:
        return CallBalance(0, 0, {}, {})
    zone = next(iter(issuers)).zone
    total = _calls(month, zone, source_codes).select(pl.len()).collect().item()
    nameless = sum(nameless_calls(month, zone, source_codes).values())
    states = (
        store.scan(TableName.OPEN, [month])
        .filter(
            (pl.col(CHARGES.origin_kind) == "usage")
            & (pl.col(CHARGES.level) == RETAIL)
            & pl.col(CHARGES.source).is_in(list(source_codes))
        )
        .group_by(CHARGES.origin_id)
        .agg(pl.col(CHARGES.state).sort().first(), pl.col(CHARGES.why).sort().last())
        .group_by(CHARGES.state, CHARGES.why)
        .len()
        .sort(CHARGES.state, CHARGES.why)
        .collect()
    )
    by_state: dict[str, dict[str, int]] = {"priced": {}, "unpriced": {}, "excluded": {}}
    if nameless:
        by_state["unpriced"]["no_identifier"] = nameless
    for state, why, count in states.iter_rows():
        by_state[state][why] = by_state[state].get(why, 0) + count
    return CallBalance(total, sum(by_state["priced"].values()), by_state["unpriced"], by_state["excluded"])


def nameless_calls(month: str, zone: str, source_codes: Collection[str]) -> dict[str, int]:
    """By source, the calls of a local month that hold nothing by which a line could be named."""
    empty = [pl.col(name) == "" for name in (USAGE.charged, USAGE.party, USAGE.ddi)]
    found = _calls(month, zone, source_codes).filter(*empty).group_by(USAGE.source).len().collect()
    return dict(found.sort(USAGE.source).iter_rows())


def _calls(month: str, zone: str, source_codes: Collection[str]) -> pl.LazyFrame:
    from_at, to_at = instants_of(month_period(month), zone)
    inside = pl.col(USAGE.answered_at).is_between(from_at, to_at, closed="left")
    mine = pl.col(USAGE.source).is_in(list(source_codes))
    return store.scan(TableName.USAGE, utc_months_of(month), filter=inside & mine)


def charge_balance(month: str, issuers: Collection[Issuer]) -> tuple[ChargeBalance, ChargeBalance]:
    """Where the priced charges of a month are: (in numbers, in micros of the basis each was priced in).

    Each term is summed on its own, so that a charge that is nowhere, or twice, leaves the equation false.
    """
    ids = [issuer.id for issuer in issuers]
    mine = pl.col(CHARGES.issuer_id).is_in(ids)
    key = list(CHARGE_KEY)
    computed = store.scan(TableName.OPEN, [month], filter=mine & (pl.col(CHARGES.state) == "priced"))
    frozen = store.standing([month])
    held = store.standing(columns=key)  # in any month
    free = computed.join(held, on=key, how="anti")
    # Of any month: late usage of this one stands on a document of a later one.
    kinds = dict(Document.objects.filter(issuer__in=ids, month__gte=month).values_list("id", "kind"))
    kind = pl.col(FROZEN.document_id).replace_strict(kinds, default="", return_dtype=pl.String)
    on_statement = kind == DocumentKind.STATEMENT.value
    bound = frozen.filter(mine)
    sums = {
        "priced": computed,
        "invoiced": bound.filter((kind != "") & ~on_statement),
        "on_statement": bound.filter(on_statement),
        "not_billable": free.filter(~pl.col(CHARGES.billable)),
        "open": free.filter(pl.col(CHARGES.billable)),
        "computed again": computed.join(held, on=key, how="semi"),
        "frozen": bound.unique(key),
    }
    amounts = {name: _sums(frame) for name, frame in sums.items()}
    again, once = amounts.pop("computed again"), amounts.pop("frozen")
    in_numbers, in_micros = (
        ChargeBalance(**{name: sum_of[index] for name, sum_of in amounts.items()}, proposed=again[index] - once[index])
        for index in (0, 1)
    )
    return in_numbers, in_micros


def _sums(frame: pl.LazyFrame) -> tuple[int, int]:
    """(charges, micros) of some charges."""
    count, micros = frame.select(pl.len(), pl.col(CHARGES.amount_micros).sum()).collect().row(0)
    return count, micros


def rounding_balance(month: str, issuers: Collection[Issuer]) -> RoundingBalance:
    """Compare every line of every document issued for a month with the frozen charges bound to it.

    What only takes back (credit notes, statements below zero) follows the lines of another document, of which later
    ones may hold the charges.
    """
    documents = Document.objects.filter(issuer__in=list(issuers), month=month).exclude(kind=DocumentKind.CREDIT_NOTE)
    summed = (
        frozen_of(documents.defer("content"))
        .group_by(FROZEN.document_id, FROZEN.line_no, CHARGES.tax_basis)
        .agg(
            pl.col(CHARGES.amount_micros).sum(),
            pl.col(CHARGES.residue).filter(pl.col(CHARGES.residue) != "").value_counts().alias("residues"),
            pl.col(FROZEN.cancels_id).is_null().any().alias("bills"),
        )
        .collect()
    )
    billing = set(summed.filter("bills")[FROZEN.document_id])
    of_line: dict[tuple[int, int], dict[str, tuple[int, Fraction]]] = {}
    for document_id, line_no, basis, micros, residues in summed.drop("bills").iter_rows():
        of_line.setdefault((document_id, line_no), {})[basis] = micros, residue_of(residues)
    charges = lines = off = 0
    for row in documents.iterator():
        if row.kind == DocumentKind.STATEMENT and row.corrects_id is not None and row.id not in billing:
            continue
        document = canonical.from_json(row.content)
        allowed = Fraction(MICROS_PER_MINOR, 2) if not document.with_tax else Fraction(2 * MICROS_PER_MINOR)
        for line in document.lines:
            exact = Fraction(0)
            for basis, amount in of_line.get((row.id, line.line_no), {}).items():
                micros, rest = convert_exact(*amount, source=TaxBasis(basis), target=TaxBasis.HT, rate=line.vat_rate)
                exact += micros + rest
            charges += round_fraction(exact)
            lines += line.net_minor * MICROS_PER_MINOR
            off += abs(line.net_minor * MICROS_PER_MINOR - exact) > allowed
    return RoundingBalance(charges, lines - charges, lines, off)
