"""Invoices whose VAT would be another one today, though no price moved: a regime written for days that were billed, a
rate corrected, another establishment.

A supply has the regime and the rate of its day (docs/algorithms/vat.md). The tax that an invoice says is due for as
long as the invoice stands (art. 283, 3 CGI), and only a document that names it puts it right (art. 289, I-5 CGI): such
an invoice is cancelled by a credit note at the old VAT and made anew at today's, by `flow.correct`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import polars as pl

from ardoise.access.scope import Scope
from ardoise.bill.charges import frozen_of
from ardoise.bill.credits import completed, homes
from ardoise.bill.drafts import Treatments
from ardoise.bill.lines import PAYER, SUPPLY_DATE, VAT_INDEX, residue_of
from ardoise.bill.models import Document
from ardoise.bill.regimes import dated_rates
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.invoices import LineInput, build_body, convert_exact
from ardoise.core.schema import CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import VatTreatment
from ardoise.directory.models import Account, Issuer
from ardoise.directory.payers import invoiced
from ardoise.directory.queries import issuers

_ROOT, _HOME, _OLD = "root_id", "home_id", "old_vat"
_Vat = tuple[str, Decimal]  # category, percent


@dataclass(frozen=True, slots=True)
class Retaxed:
    """An invoice, with what completes it, whose supplies have another VAT today than the one it was issued with.

    `old_vat_minor`: what was billed, less what was credited since; `new_vat_minor`: what the same charges bear today.
    `old`, `new`: the categories and rates (percent) of each, the highest rate first. `members`: the ids of the invoice
    and of the documents that complete it, which are cancelled with it.
    """

    account: Account
    document: Document
    old_vat_minor: int
    new_vat_minor: int
    old: tuple[_Vat, ...]
    new: tuple[_Vat, ...]
    members: frozenset[int]

    @property
    def difference_minor(self) -> int:
        return self.new_vat_minor - self.old_vat_minor


def retaxed(scope: Scope, *, month: str, accounts: Collection[str] | None = None) -> list[Retaxed]:
    """The invoices of a month whose VAT would be another one, by account; of some customers only, by code.

    Those of a customer whose VAT cannot be told today are not among them: a preview says what is missing.
    """
    found = []
    for issuer in issuers(scope).filter(documents=Issuer.Documents.INVOICES):
        rows = Document.objects.filter(issuer=issuer, month=month).exclude(kind=Document.Kind.STATEMENT)
        if accounts is not None:
            rows = rows.filter(account__code__in=accounts)
        found += _of_issuer(issuer, list(rows.defer("content").select_related("account")))
    return sorted(found, key=lambda one: (one.account.code, one.document.pk))


def _of_issuer(issuer: Issuer, rows: list[Document]) -> list[Retaxed]:
    by_id = {row.pk: row for row in rows}
    home = homes(by_id)  # a run's own credit note has the VAT of what it credits: it is its own home, and no invoice
    roots = completed(issuer)
    root_of = {pk: roots.get(of, of) for pk, of in home.items() if of in by_id and by_id[of].kind == "invoice"}
    standing = _standing(issuer, [by_id[pk] for pk in root_of], home)
    if standing.is_empty():
        return []
    payers = {row.pk: row.account_id for row in rows}
    standing = standing.with_columns(pl.col(_HOME).replace_strict(payers, return_dtype=pl.Int64).alias(PAYER))
    treatments = Treatments(invoiced(standing[PAYER].unique().to_list()), issuer, dated_rates())
    standing = standing.with_columns(treatments.index_of(standing)).filter(pl.col(VAT_INDEX) >= 0)
    if standing.is_empty():
        return []
    made = [f"{one.category} {one.rate.normalize():f}" for one in treatments.made]
    now = pl.col(VAT_INDEX).replace_strict(dict(enumerate(made)), return_dtype=pl.String)
    moved = standing.join(_issued_lines(standing[_HOME]), on=[_HOME, FROZEN.line_no]).filter(now != pl.col(_OLD))
    wrong = {root_of[pk] for pk in moved[_HOME].unique()}
    families: dict[int, list[int]] = {root: [pk for pk, of in root_of.items() if of == root] for root in wrong}
    return [_told(by_id, root, members, standing, treatments.made) for root, members in families.items()]


def _standing(issuer: Issuer, documents: list[Document], home: Mapping[int, int]) -> pl.DataFrame:
    """What stands on the lines of documents, by line, nature, basis and day of supply."""
    return (
        frozen_of(documents, standing=True)
        .filter(pl.col(FROZEN.line_no) > 0)
        .with_columns(
            pl.col(CHARGES.at).dt.convert_time_zone(issuer.zone).dt.date().alias(SUPPLY_DATE),
            pl.col(FROZEN.document_id).replace_strict(home, return_dtype=pl.Int64).alias(_HOME),
        )
        .group_by(_HOME, FROZEN.line_no, CHARGES.vat_nature, CHARGES.tax_basis, SUPPLY_DATE)
        .agg(
            pl.col(CHARGES.amount_micros).sum(),
            pl.col(CHARGES.residue).filter(pl.col(CHARGES.residue) != "").value_counts().alias("residues"),
        )
        .collect(engine="streaming")
    )


def _issued_lines(document_ids: Iterable[int]) -> pl.DataFrame:
    """The VAT of each line as it was issued, "S 20"."""
    rows = Document.objects.filter(pk__in=set(document_ids)).values_list("pk", "content__lines")
    lines = [
        (pk, line["line_no"], f"{line['vat_category']} {Decimal(line['vat_rate']).normalize():f}")
        for pk, of in rows.iterator()
        for line in of
    ]
    return pl.DataFrame(lines, schema={_HOME: pl.Int64, FROZEN.line_no: pl.Int64, _OLD: pl.String}, orient="row")


def _told(
    by_id: Mapping[int, Document],
    root: int,
    members: Collection[int],
    standing: pl.DataFrame,
    made: Sequence[VatTreatment],
) -> Retaxed:
    old: set[_Vat] = set()
    old_vat_minor, with_tax = 0, False
    for row in Document.objects.filter(pk__in=members):
        content = canonical.from_json(row.content)
        credited = content.kind is core.DocumentKind.CREDIT_NOTE
        old_vat_minor += -row.vat_minor if credited else row.vat_minor
        old |= {(group.category, group.rate) for group in content.vat}
        with_tax = content.with_tax
    inputs = _inputs(standing.filter(pl.col(_HOME).is_in(list(members))), made, with_tax=with_tax)
    body = build_body(inputs, with_tax=with_tax)
    return Retaxed(
        account=by_id[root].account,
        document=by_id[root],
        old_vat_minor=old_vat_minor,
        new_vat_minor=body.totals.vat_minor,
        old=_highest_first(old),
        new=_highest_first({(group.category, group.rate) for group in body.vat}),
        members=frozenset(members),
    )


def _inputs(standing: pl.DataFrame, made: Sequence[VatTreatment], *, with_tax: bool) -> list[LineInput]:
    """What stands of each line at each VAT of today, as the invoice made anew would have it."""
    target = TaxBasis.TTC if with_tax else TaxBasis.HT
    exact: dict[tuple[int, int, int], Fraction] = defaultdict(Fraction)
    for row in standing.iter_rows(named=True):
        index = row[VAT_INDEX]
        micros, rest = convert_exact(
            row[CHARGES.amount_micros],
            residue_of(row["residues"]),
            source=TaxBasis(row[CHARGES.tax_basis]),
            target=target,
            rate=made[index].rate,
        )
        exact[row[_HOME], row[FROZEN.line_no], index] += micros + rest
    return [
        LineInput(
            section=core.Section.SUBSCRIPTION,
            label="",
            amount_micros=amount.numerator // amount.denominator,
            residue=amount - amount.numerator // amount.denominator,
            vat=made[index],
        )
        for (_, _, index), amount in exact.items()
    ]


def _highest_first(found: set[_Vat]) -> tuple[_Vat, ...]:
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))
