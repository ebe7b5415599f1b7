"""Proposals: what was issued and would come to another amount today, as debits and credits still to be decided.

Open = computed − frozen, by the charge's key (docs/decisions/0004): a key that is frozen is never billed again. When
computing its month once more gives it another amount, another payer, or nothing, the difference is proposed here: by
document and account, old, new, difference. Nothing is written, no document changes; a debit or credit document made
from a proposal is what settles it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

import polars as pl

from ardoise.access.scope import Scope
from ardoise.bill.cells import decimal, local_time, named, safe, write_sheet
from ardoise.bill.credits import homes, nothing_left
from ardoise.bill.models import Document
from ardoise.bill.payers import payer_of_charge
from ardoise.catalog.models import TariffVersion
from ardoise.core.periods import zone_info
from ardoise.core.rating import State
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.directory.models import Account, Issuer, Line
from ardoise.directory.queries import issuers
from ardoise.rate.queries import rated_at
from ardoise.store import queries as store
from ardoise.store.models import TableName

_KEY = list(CHARGE_KEY)
_BASIS = (CHARGES.currency, CHARGES.tax_basis)
PAYER, OLD, NEW, DIFFERENCE, WHY, NEW_VERSION = (
    "payer", "old_micros", "new_micros", "difference_micros", "why_now", "new_version_id",
)  # fmt: skip


class Cause(StrEnum):
    """Why a charge is not what was issued."""

    AMOUNT = "amount"  # the same charge, another price
    GONE = "gone"  # the call is computed no more
    EXCLUDED = "excluded"  # a rule leaves the call out now
    UNPRICED = "unpriced"  # no tariff has a price for it now: what it should cost is not known
    PAYER = "payer"  # somebody else pays it: credited here, debited there
    BASIS = "basis"  # another currency, or with tax instead of without: credited in one, debited in the other


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one document charged one account, in one currency and basis, and what the same charges come to now.

    Positive difference: to debit; negative: to credit. `document` is None for what was issued to somebody else.
    `unpriced` charges are counted, and in no amount: nobody knows what they cost. `credited_minor` is what credit notes
    took off the document already, without tax: a proposal does not look at them. `computed_at` dates the proposal: the
    last rating of the month.
    """

    month: str
    account: Account
    document: Document | None
    currency: str
    tax_basis: str
    charges: int
    unpriced: int
    old_micros: int
    new_micros: int
    credited_minor: int
    computed_at: datetime | None

    @property
    def difference_micros(self) -> int:
        return self.new_micros - self.old_micros


def proposals(scope: Scope, *, month: str) -> list[Proposal]:
    """What is proposed for the documents issued for a month, by account and document; empty when nothing moved.

    It compares with the last rating of the month: rate it again first (`flow.rate`).
    """
    found = proposed_charges(scope, month=month)
    known = found[NEW].is_not_null()
    of_line = homes(_ids(found, FROZEN.document_id))  # a charge corrected before is still paid by a line of its invoice
    sums = (
        found.with_columns(known.alias("known"), pl.col(FROZEN.document_id).replace(of_line))
        .group_by(FROZEN.document_id, PAYER, *_BASIS)
        .agg(
            pl.len(),
            (~pl.col("known")).sum().alias("unpriced"),
            pl.col(OLD).filter(pl.col("known")).sum(),
            pl.col(NEW).sum(),
        )
    )
    documents = Document.objects.prefetch_related("corrections").in_bulk(of_line.values())
    accounts = Account.objects.in_bulk(_ids(found, PAYER))
    computed_at = rated_at(month)
    made = []
    for document_id, payer, currency, basis, charges, unpriced, old_micros, new_micros in sums.iter_rows():
        document = documents.get(document_id)
        credited_minor = (
            sum(note.net_minor for note in document.corrections.all() if note.kind == Document.Kind.CREDIT_NOTE)
            if document
            else 0
        )
        made.append(
            Proposal(
                month=month,
                account=accounts[payer],
                document=document,
                currency=currency,
                tax_basis=basis,
                charges=charges,
                unpriced=unpriced,
                old_micros=old_micros,
                new_micros=new_micros,
                credited_minor=credited_minor,
                computed_at=computed_at,
            )
        )
    return sorted(made, key=lambda one: (one.account.code, one.document is None, one.currency, one.tax_basis))


def proposed_charges(scope: Scope, *, month: str) -> pl.DataFrame:
    """The charges of the documents issued for a month that would not be the same today, in time order.

    The columns of the frozen table, with `payer` (account), `old_micros`, `new_micros` (null when unpriced),
    `difference_micros`, `why_now` (Cause) and `new_version_id`. A charge that changes payer or basis stands twice: its
    old amount against 0, and 0 against its new one, that row without a document when the payer is another.
    """
    changed = changed_charges(month)
    rows = pl.concat([_taken_back(changed), _asked_instead(changed)])
    visible = rows.filter(pl.col(CHARGES.issuer_id).is_in(list(issuers(scope).values_list("id", flat=True))))
    return visible.with_columns((pl.col(NEW) - pl.col(OLD)).alias(DIFFERENCE)).sort(CHARGES.at, *_KEY, OLD)


def changed_charges(month: str) -> pl.DataFrame:
    """Charges of a month that stand, beside what is computed now (columns ending in "_now"), those that differ.

    With `payer` (whom the document was issued to: a branch that has an invoice of its own since then changes nothing of
    it), `old_micros` and `why_now` (Cause). Where a line costs less and was credited to the last cent before,
    by a gesture, nothing is owed either way: its charges are not among them.
    """
    changed = _changed(month).collect()
    home = homes(_ids(changed, FROZEN.document_id))
    issued_to = dict(Document.objects.filter(pk__in=home).values_list("pk", "account_id"))
    changed = changed.with_columns(
        pl.col(FROZEN.document_id).replace_strict(issued_to, return_dtype=pl.Int64).alias(PAYER)
    )
    credited = Document.objects.filter(pk__in=set(home.values()), corrections__kind=Document.Kind.CREDIT_NOTE)
    invoices = {row.pk: row for row in credited.distinct()}
    if not invoices:
        return changed
    of_home = pl.col(FROZEN.document_id).replace_strict(home, return_dtype=pl.Int64).alias("home_id")
    cheaper = (
        changed.filter(pl.col(WHY) == Cause.AMOUNT.value)
        .with_columns(of_home)
        .filter(pl.col("home_id").is_in(list(invoices)))
        .group_by("home_id", FROZEN.line_no)
        .agg((pl.col(_now(CHARGES.amount_micros)) - pl.col(OLD)).sum().alias(DIFFERENCE))
        .filter(pl.col(DIFFERENCE) < 0)
    )
    spent = [(pk, no, True) for pk, no, _ in cheaper.iter_rows() if nothing_left(invoices[pk], no)]
    schema = {"home_id": pl.Int64, FROZEN.line_no: pl.Int64, "spent": pl.Boolean}
    marked = changed.with_columns(of_home).join(
        pl.DataFrame(spent, schema=schema, orient="row"), on=["home_id", FROZEN.line_no], how="left"
    )
    owed = pl.col("spent").is_null() | (pl.col(WHY) != Cause.AMOUNT.value)
    return marked.filter(owed).drop("home_id", "spent")


def _changed(month: str) -> pl.LazyFrame:
    frozen = store.standing([month])
    if rated_at(month) is None:  # nothing computed says nothing of the calls of a month that was not rated here
        frozen = frozen.filter(pl.col(CHARGES.origin_kind) != _USAGE)
    frozen = frozen.with_columns(payer_of_charge().alias(PAYER), pl.col(CHARGES.amount_micros).alias(OLD))
    computed = store.scan(TableName.OPEN, [month]).with_columns(payer_of_charge().alias(PAYER))
    both = frozen.join(computed.select(*_KEY, PAYER, *_BESIDE), on=_KEY, how="left", suffix="_now").filter(_COMPARED)
    state = pl.col(_now(CHARGES.state))
    other_basis = pl.any_horizontal(pl.col(_now(name)) != pl.col(name) for name in _BASIS)
    cause = (
        pl.when(state.is_null())
        .then(pl.lit(Cause.GONE.value))
        .when(state == State.EXCLUDED.value)
        .then(pl.lit(Cause.EXCLUDED.value))
        .when(state == State.UNPRICED.value)
        .then(pl.lit(Cause.UNPRICED.value))
        .when(pl.col(_now(PAYER)) != pl.col(PAYER))
        .then(pl.lit(Cause.PAYER.value))
        .when(other_basis)
        .then(pl.lit(Cause.BASIS.value))
        .when(pl.col(_now(CHARGES.amount_micros)) != pl.col(OLD))
        .then(pl.lit(Cause.AMOUNT.value))
    )
    return both.with_columns(cause.alias(WHY)).filter(pl.col(WHY).is_not_null())


_BESIDE = (
    CHARGES.state, CHARGES.amount_micros, CHARGES.issuer_id, CHARGES.version_id, *_BASIS, CHARGES.period_from,
    CHARGES.period_to,
)  # fmt: skip
_USAGE = "usage"

# Days of a subscription that are due no more, or later, are the next run's to credit or to bill (`core.recurring`), and
# a purchase stays due whatever its date: of those only what is computed for the very same days is compared.
_COMPARED = (pl.col(CHARGES.origin_kind) == _USAGE) | (
    pl.col(CHARGES.period_from).eq(pl.col(f"{CHARGES.period_from}_now"))
    & pl.col(CHARGES.period_to).eq(pl.col(f"{CHARGES.period_to}_now"))
)


def _now(column: str) -> str:
    return f"{column}_now"


def _taken_back(changed: pl.DataFrame) -> pl.DataFrame:
    """What the document charged, against what the same payer owes for it now."""
    new_micros = (
        pl.when(pl.col(WHY) == Cause.AMOUNT.value)
        .then(pl.col(_now(CHARGES.amount_micros)))
        .when(pl.col(WHY) == Cause.UNPRICED.value)
        .then(pl.lit(None, pl.Int64))
        .otherwise(pl.lit(0, pl.Int64))
    )
    return _kept(changed.with_columns(new_micros.alias(NEW), pl.col(_now(CHARGES.version_id)).alias(NEW_VERSION)))


def _asked_instead(changed: pl.DataFrame) -> pl.DataFrame:
    """What another payer owes, or the same one in another basis."""
    turned = changed.filter(pl.col(WHY).is_in([Cause.PAYER.value, Cause.BASIS.value]))
    same_payer = pl.col(WHY) == Cause.BASIS.value
    return _kept(
        turned.with_columns(
            pl.lit(0, pl.Int64).alias(OLD),
            pl.col(_now(CHARGES.amount_micros)).alias(NEW),
            pl.col(_now(CHARGES.version_id)).alias(NEW_VERSION),
            pl.when(same_payer).then(pl.col(FROZEN.document_id)).alias(FROZEN.document_id),
            pl.col(_now(PAYER)).alias(PAYER),
            *(pl.col(_now(name)).alias(name) for name in (CHARGES.issuer_id, *_BASIS)),
        )
    )


def _kept(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(*FROZEN.columns(), PAYER, OLD, NEW, WHY, NEW_VERSION)


# --- as a file --------------------------------------------------------------------------------------------------------

_HEADINGS_FR = (
    "Date", "Compte", "Document", "Date du document", "Poste", "Nature", "Zone", "Secondes", "Ancien montant",
    "Nouveau montant", "Différence", "Monnaie", "Base", "Cause", "Grille d’alors", "Grille corrigée", "Référence",
)  # fmt: skip
_HEADINGS_EN = (
    "Date", "Account", "Document", "Date of the document", "Line", "Kind", "Zone", "Seconds", "Old amount",
    "New amount", "Difference", "Currency", "Basis", "Cause", "Tariff then", "Tariff corrected", "Reference",
)  # fmt: skip
_CAUSES_FR = {
    Cause.AMOUNT: "autre prix",
    Cause.GONE: "n’est plus due",
    Cause.EXCLUDED: "exclue par une règle",
    Cause.UNPRICED: "sans prix aujourd’hui",
    Cause.PAYER: "autre payeur",
    Cause.BASIS: "autre monnaie ou base",
}
_CAUSES_EN = {
    Cause.AMOUNT: "another price",
    Cause.GONE: "no longer due",
    Cause.EXCLUDED: "excluded by a rule",
    Cause.UNPRICED: "without a price today",
    Cause.PAYER: "another payer",
    Cause.BASIS: "another currency or basis",
}


def write_csv(scope: Scope, path: Path, *, month: str, french: bool) -> int:
    """Write each proposed charge of a month as a file spreadsheets open at once; returns how many.

    Outside numbers are left out: the reference leads to the call, for those who may read it. The last lines are sums,
    one for each currency and basis, of the charges that have a price today.
    """
    found = proposed_charges(scope, month=month)
    zones = dict(Issuer.objects.values_list("id", "zone"))
    parts = [
        _file_rows(group, zones[issuer_id], french=french)
        for (issuer_id,), group in found.group_by(CHARGES.issuer_id, maintain_order=True)
    ]
    headings = _HEADINGS_FR if french else _HEADINGS_EN
    table = pl.concat(parts).drop("at") if parts else pl.DataFrame(schema=dict.fromkeys(headings, pl.String))
    if parts:
        table = pl.concat([table, _sum_rows(found, french=french)], how="diagonal_relaxed")
    write_sheet(table, headings, path, french=french)
    return found.height


def _sum_rows(charges: pl.DataFrame, *, french: bool) -> pl.DataFrame:
    """« Total » for each currency and basis, under the columns of the charges; what has no price today is in no sum."""
    known, mark = pl.col(NEW).is_not_null(), "," if french else "."
    left_out = pl.lit("hors lignes sans prix : " if french else "without lines that have no price: ")
    sums = (
        charges.group_by(*_BASIS)
        .agg(
            *(pl.col(name).filter(known).sum() for name in (OLD, NEW, DIFFERENCE)),
            pl.col(NEW).null_count().alias("unpriced"),
        )
        .sort(*_BASIS)
    )
    return sums.select(
        pl.lit("Total").alias("local"),
        *(decimal(pl.col(name), mark).alias(name) for name in (OLD, NEW, DIFFERENCE)),
        *_BASIS,
        pl.when(pl.col("unpriced") > 0).then(left_out + pl.col("unpriced").cast(pl.String)).alias(WHY),
    )


def _file_rows(charges: pl.DataFrame, zone: str, *, french: bool) -> pl.DataFrame:
    documents = Document.objects.filter(pk__in=_ids(charges, FROZEN.document_id))
    dates = [(pk, _day(day, french=french)) for pk, day in documents.values_list("pk", "issue_date")]
    versions = _versions({*_ids(charges, CHARGES.version_id), *_ids(charges, NEW_VERSION)}, zone, french=french)
    mark = "," if french else "."
    return charges.select(
        pl.col(CHARGES.at).alias("at"),
        local_time(CHARGES.at, zone, french=french).alias("local"),
        named(PAYER, Account.objects.filter(pk__in=_ids(charges, PAYER)).values_list("pk", "code")).alias("account"),
        named(FROZEN.document_id, documents.values_list("pk", "number")).alias("document"),
        named(FROZEN.document_id, dates).alias("issue_date"),
        named(CHARGES.line_id, Line.objects.filter(pk__in=_ids(charges, CHARGES.line_id)).values_list("pk", "code")),
        CHARGES.origin_kind,
        safe(pl.col(CHARGES.zone)),
        CHARGES.talk_s,
        *(decimal(pl.col(name), mark).alias(name) for name in (OLD, NEW, DIFFERENCE)),
        *_BASIS,
        named(WHY, [(cause.value, words) for cause, words in (_CAUSES_FR if french else _CAUSES_EN).items()]),
        named(CHARGES.version_id, versions).alias("then"),
        named(NEW_VERSION, versions).alias("now"),
        CHARGES.origin_id,
    ).sort("at", maintain_order=True)


def _versions(pks: Iterable[int], zone: str, *, french: bool) -> list[tuple[int, str]]:
    """Tariff versions as people name them: code, first day, local time of recording: a correction of the same day is
    another version.
    """
    rows = TariffVersion.objects.filter(pk__in=pks)
    word, at = ("enregistrée le", "à") if french else ("recorded on", "at")

    def told(recorded_at: datetime) -> str:
        local = recorded_at.astimezone(zone_info(zone))
        return f"{word} {_day(local.date(), french=french)} {at} {local:%H:%M:%S}"

    return [
        (pk, f"{code} {_day(first, french=french)}, {told(recorded_at)}")
        for pk, code, first, recorded_at in rows.values_list("pk", "tariff__code", "valid_from_date", "recorded_at")
    ]


def _day(day: date, *, french: bool) -> str:
    return f"{day:%d/%m/%Y}" if french else day.isoformat()


def _ids(frame: pl.DataFrame, column: str) -> list[int]:
    return frame[column].drop_nulls().unique().to_list()
