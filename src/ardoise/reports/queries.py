"""The control reports as tables: what was billed, per customer, over twelve months, and who cost what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date

import polars as pl

from ardoise.access.scope import Scope
from ardoise.bill.charges import frozen_of
from ardoise.bill.drafts import months_before, past_totals
from ardoise.bill.models import Document
from ardoise.collect.activity import activity
from ardoise.core.documents import DocumentKind
from ardoise.core.money import micros_to_minor
from ardoise.core.schema import CHARGES
from ardoise.deliver.sheets import Column, ColumnKind, ReportTable
from ardoise.directory.models import Account, Issuer, Line

MONEY, TEXT = ColumnKind.MONEY_MINOR, ColumnKind.TEXT


def documents_of(issuers: Sequence[Issuer], month: str) -> list[Document]:
    """What was issued for a month, in the order of the numbers."""
    found = Document.objects.filter(issuer__in=issuers, month=month).select_related("account", "issuer")
    return list(found.order_by("issuer__code", "kind", "number"))


def invoices_of_month(issuers: Sequence[Issuer], month: str, made_on: date) -> ReportTable:
    """« Facturation mois dernier »: every document of the month with its amounts."""
    documents = documents_of(issuers, month)
    rows = [
        {
            "issuer": row.issuer.name,
            "number": row.number,
            "kind": _KINDS[row.kind],
            "customer": row.account.name,
            "date": row.issue_date.strftime("%d/%m/%Y"),
            "due": row.due_date.strftime("%d/%m/%Y") if row.due_date else "",
            "net": _sign(row) * row.net_minor,
            "vat": _sign(row) * row.vat_minor,
            "gross": _sign(row) * row.payable_minor,
        }
        for row in documents
    ]
    columns = (
        Column("issuer", "Émetteur"),
        Column("number", "Numéro"),
        Column("kind", "Type"),
        Column("customer", "Client"),
        Column("date", "Date"),
        Column("due", "Échéance"),
        Column("net", "Total HT", MONEY),
        Column("vat", "TVA", MONEY),
        Column("gross", "À payer", MONEY),
    )
    return _table("Facturation mois dernier", month, columns, rows, made_on, ("net", "vat", "gross"))


def invoice_summary(issuers: Sequence[Issuer], month: str, made_on: date) -> ReportTable:
    """« Tableau des factures »: per customer, communications, subscriptions, one-off sales, total without tax."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in documents_of(issuers, month):
        amounts = sums[row.issuer.name, row.account.code, row.account.name]
        for index, minor in enumerate((row.usage_minor, row.subscription_minor, row.net_minor)):
            amounts[index] += _sign(row) * minor
    rows = [
        {
            "issuer": issuer,
            "code": code,
            "customer": name,
            "usage": usage,
            "subscription": subscription,
            "one_off": total - usage - subscription,
            "total": total,
        }
        for (issuer, code, name), (usage, subscription, total) in sorted(sums.items())
    ]
    columns = (
        Column("issuer", "Émetteur"),
        Column("code", "Code"),
        Column("customer", "Client"),
        Column("usage", "Communications", MONEY),
        Column("subscription", "Abonnements", MONEY),
        Column("one_off", "Achats", MONEY),
        Column("total", "Total HT", MONEY),
    )
    summed = ("usage", "subscription", "one_off", "total")
    return _table("Tableau des factures", month, columns, rows, made_on, summed)


def twelve_months(issuers: Sequence[Issuer], month: str, made_on: date) -> ReportTable:
    """« Synthèse sur 12 mois »: per customer, the total without tax of each of the last twelve months."""
    months = [months_before(month, count) for count in range(11, -1, -1)]
    accounts = {account.id: account for account in Account.objects.filter(issuer__in=issuers)}
    totals = past_totals(accounts, months_before(month, -1))
    rows = []
    for account in sorted(accounts.values(), key=lambda account: account.name):
        of_months = {past: totals[account.id].get(past) for past in months} if account.id in totals else {}
        if any(value is not None for value in of_months.values()):
            known = [value for value in of_months.values() if value is not None]
            rows.append({"customer": account.name, **of_months, "total": sum(known)})
    columns = (
        Column("customer", "Client"),
        *(Column(past, f"{past[5:]}/{past[2:4]}", MONEY) for past in months),
        Column("total", "Total", MONEY),
    )
    summed = (*months, "total")
    chart = _months_chart(months, rows)
    return _table("Synthèse sur 12 mois", month, columns, rows, made_on, summed, chart=chart)


def cost_by_extension(issuers: Sequence[Issuer], month: str, made_on: date) -> ReportTable:
    """« Coûts par service et par poste »: calls, duration and cost of each line of each department."""
    priced = pl.col(CHARGES.state) == "priced"
    usage = pl.col(CHARGES.origin_kind) == "usage"
    found = (
        frozen_of(documents_of(issuers, month), standing=True)
        .filter(priced)
        .group_by(CHARGES.account_id, CHARGES.line_id)
        .agg(
            pl.col(CHARGES.origin_id).filter(usage).n_unique().alias("calls"),
            pl.col(CHARGES.talk_s).filter(usage & (pl.col(CHARGES.part) != "service")).sum().alias("talk_s"),
            pl.col(CHARGES.amount_micros).filter(usage).sum().alias("usage"),
            pl.col(CHARGES.amount_micros).filter(~usage).sum().alias("fees"),
        )
        .collect()
    )
    accounts = dict(Account.objects.filter(id__in=found[CHARGES.account_id].unique()).values_list("id", "name"))
    lines = {pk: (code, name) for pk, code, name in Line.objects.values_list("id", "code", "name")}
    rows = []
    for account_id, line_id, calls, talk_s, usage_micros, fee_micros in found.iter_rows():
        code, name = lines.get(line_id, ("", ""))
        rows.append(
            {
                "department": accounts[account_id],
                "extension": code.rsplit(":", 1)[-1],
                "name": name,
                "calls": calls,
                "talk": talk_s,
                "usage": micros_to_minor(usage_micros),
                "fees": micros_to_minor(fee_micros),
                "total": micros_to_minor(usage_micros + fee_micros),
            }
        )
    rows.sort(key=lambda row: (str(row["department"]), str(row["extension"])))
    columns = (
        Column("department", "Service"),
        Column("extension", "Poste"),
        Column("name", "Utilisateur"),
        Column("calls", "Appels", ColumnKind.INT),
        Column("talk", "Durée", ColumnKind.DURATION_S),
        Column("usage", "Communications", MONEY),
        Column("fees", "Abonnements", MONEY),
        Column("total", "Total HT", MONEY),
    )
    summed = ("calls", "talk", "usage", "fees", "total")
    return _table("Coûts par service et par poste", month, columns, rows, made_on, summed)


def activity_by_extension(issuers: Sequence[Issuer], month: str, made_on: date) -> ReportTable:
    """« Activité par poste »: calls in, out and internal of each extension, answered and missed, ringing and talk."""
    scope = Scope(frozenset(issuer.code for issuer in issuers))
    rows = [asdict(row) for row in activity(scope, month=month)]
    counts = {
        "incoming": "Entrants",
        "outgoing": "Sortants",
        "internal": "Internes",
        "answered": "Répondus",
        "missed": "Manqués",
    }
    columns = (
        Column("source", "Source"),
        Column("extension", "Poste"),
        *(Column(name, title, ColumnKind.INT) for name, title in counts.items()),
        Column("ring_s", "Sonnerie", ColumnKind.DURATION_S),
        Column("talk_s", "Conversation", ColumnKind.DURATION_S),
    )
    return _table("Activité par poste", month, columns, rows, made_on, (*counts, "ring_s", "talk_s"))


_KINDS = {
    DocumentKind.INVOICE.value: "Facture",
    DocumentKind.CREDIT_NOTE.value: "Avoir",
    DocumentKind.STATEMENT.value: "Relevé",
}


def _sign(row: Document) -> int:
    return -1 if row.kind == DocumentKind.CREDIT_NOTE else 1


def _table(
    title: str,
    month: str,
    columns: tuple[Column, ...],
    rows: Sequence[Mapping[str, object]],
    made_on: date,
    summed: Sequence[str],
    *,
    chart: dict[str, object] | None = None,
) -> ReportTable:
    totals: dict[str, object] = {columns[0].key: "Total"}
    totals |= {key: sum(value for row in rows if isinstance(value := row.get(key), int)) for key in summed}
    return ReportTable(
        title=title,
        subtitle=f"{_MONTHS[int(month[5:]) - 1]} {month[:4]}",
        columns=columns,
        rows=tuple(rows),
        made_on=made_on,
        totals=totals if rows else None,
        chart=chart,
    )


def _months_chart(months: Sequence[str], rows: Sequence[Mapping[str, object]]) -> dict[str, object] | None:
    """Bars of the twelve totals, in euros; for the eye only, hence whole euros."""
    if not rows:
        return None
    sums = {past: sum(value for row in rows if isinstance(value := row.get(past), int)) for past in months}
    values = [{"mois": f"{past[5:]}/{past[2:4]}", "euros": (total + 50) // 100} for past, total in sums.items()]
    return {
        "data": {"values": values},
        "mark": {"type": "bar"},
        "encoding": {
            "x": {"field": "mois", "type": "ordinal", "sort": None, "title": None, "axis": {"labelAngle": 0}},
            "y": {"field": "euros", "type": "quantitative", "title": "€ HT"},
        },
    }


_MONTHS = (
    "Janvier",
    "Février",
    "Mars",
    "Avril",
    "Mai",
    "Juin",
    "Juillet",
    "Août",
    "Septembre",
    "Octobre",
    "Novembre",
    "Décembre",
)
