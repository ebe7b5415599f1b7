"""The calls behind a document, as the customer may see them: masked, without what the law keeps off bills."""

from __future__ import annotations

import polars as pl

from ardoise.bill.charges import frozen_of
from ardoise.bill.models import Document
from ardoise.catalog.models import Zone
from ardoise.core import phone
from ardoise.core.documents import Document as CanonicalDocument
from ardoise.core.invoices import convert_basis
from ardoise.core.schema import CHARGE_KEY, CHARGES, FROZEN
from ardoise.core.tariffs import TaxBasis
from ardoise.deliver.annex import Annex, AnnexRow
from ardoise.directory.models import Line

_SECTIONS = {
    "fr": {"included": "inclus", "beyond": "au-delà", "outside": "hors forfait", "third_party": "service"},
    "en": {"included": "included", "beyond": "beyond", "outside": "outside", "third_party": "service"},
}


def annex_reference(row: Document) -> str:
    return f"{row.number}-DETAIL"


def annex_of(row: Document, document: CanonicalDocument) -> Annex | None:
    """The itemised calls of an issued document, None when it bills no call that may be listed.

    Called numbers lose their last four digits; emergency and free numbers are absent (CPCE D98-8, arrêté du 31 décembre
    2013): the full list is given by `console` to those who may see it.
    """
    calls = _calls(row)
    language = document.brand.language if document.brand.language in _SECTIONS else "fr"
    rates = {line.line_no: line.vat_rate for line in document.lines}
    families = {line.line_no: line.family for line in document.lines}
    zones = dict(Zone.objects.values_list("code", "label_en" if language == "en" else "label_fr"))
    names = _line_names(calls[CHARGES.line_id].unique().to_list())
    rows = []
    for call in calls.iter_rows(named=True):
        if phone.hidden_on_bills(call[CHARGES.number_category]):
            continue
        basis, rate = TaxBasis(call[CHARGES.tax_basis]), rates[call[FROZEN.line_no]]
        micros = call[CHARGES.amount_micros]
        gross = convert_basis(micros, source=basis, target=TaxBasis.TTC, rate=rate)
        rows.append(
            AnnexRow(
                local_text=call["local"].strftime("%d/%m/%Y %H:%M:%S"),
                line=names.get(call[CHARGES.line_id], ""),
                calling="",
                called=phone.mask(phone.display(call[CHARGES.number_key])).replace("x", "•"),
                destination=zones.get(call[CHARGES.zone], call[CHARGES.zone]),
                duration_s=call[CHARGES.talk_s],
                billed_s=call[CHARGES.billed_s],
                amount_micros=convert_basis(micros, source=basis, target=TaxBasis.HT, rate=rate),
                section=_SECTIONS[language].get(call[CHARGES.section], ""),
                gross_micros=gross if document.with_tax else None,
                family=families[call[FROZEN.line_no]],
            )
        )
    if not rows:
        return None
    return Annex(
        reference=annex_reference(row),
        document_number=row.number,
        customer=document.buyer.name,
        customer_code=document.buyer.customer_code,
        period_from=document.period_from,
        period_to=document.period_to,
        issue_date=document.issue_date,
        brand=document.brand,
        rows=tuple(rows),
        currency=document.currency,
    )


def _calls(row: Document) -> pl.DataFrame:
    """The frozen calls of a document with their local time, line by line, in time order.

    A document of differences takes back what a call cost and charges what it costs: one row, of the difference.
    """
    mine = (pl.col(FROZEN.document_id) == row.id) & (pl.col(CHARGES.origin_kind) == "usage")
    local = pl.col(CHARGES.at).dt.convert_time_zone(row.issuer.zone).alias("local")
    found = frozen_of([row]).filter(mine).with_columns(local).collect()
    if found[FROZEN.cancels_id].null_count() < found.height:
        difference = pl.col(CHARGES.amount_micros).sum().over(*CHARGE_KEY).alias(CHARGES.amount_micros)
        talk = [pl.col(name).abs() for name in (CHARGES.talk_s, CHARGES.billed_s)]
        kept = found.with_columns(difference, *talk).sort(FROZEN.cancels_id, nulls_last=False)
        found = kept.unique(list(CHARGE_KEY), keep="first", maintain_order=True)
    return found.sort(CHARGES.line_id, CHARGES.at, CHARGES.origin_id, CHARGES.part)


def _line_names(ids: list[int]) -> dict[int, str]:
    rows = Line.objects.filter(id__in=ids).values_list("id", "code", "name")
    return {pk: f"{code.rsplit(':', 1)[-1]} – {name}" if name else code for pk, code, name in rows}
