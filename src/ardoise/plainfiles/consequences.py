"""What a load changes beyond its own rows: open months that change payer, documents issued under another VAT regime."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from ardoise.bill.models import Document
from ardoise.core.periods import month_period
from ardoise.core.vat import RegimeKind, VatError, regime_of_establishment
from ardoise.directory.models import SINCE_EVER
from ardoise.plainfiles.problems import Problem
from ardoise.plainfiles.rows import Cells, Key, Row

SHOWN = 5  # numbers of documents said in one sentence


def undated_moves(accounts: Iterable[Row], before: Mapping[Key, Cells]) -> Iterator[Problem]:
    """A parent that changes has no date: every open month goes to the other customer."""
    for row in accounts:
        known = before.get(row.key)
        if known is not None and known["parent"] != row.cells["parent"]:
            yield row.problem(
                "parent",
                f"was « {known['parent'] or 'none'} »: every open month changes payer; from a day on only: "
                f"ardoise directory move {row.cells['code']} --to {row.cells['parent'] or '-'} --from YYYY-MM-DD",
            )


def issued_otherwise(
    accounts: Iterable[Row], regimes: Iterable[Row], before: Mapping[str, Mapping[Key, Cells]]
) -> Iterator[Problem]:
    """Invoices of days whose VAT regime changes: they stay as they are until they are credited and made anew."""
    for row in accounts:
        known = before["accounts"].get(row.key)
        if known is not None and _regime(known) != _regime(row.cells):
            yield from _issued(row, row.cells["code"], SINCE_EVER, None)
    for row in regimes:
        held = [row.cells, *([known] if (known := before["vat_regimes"].get(row.key)) else [])]
        ends = [cells["valid_to_date"] for cells in held]
        last = None if None in ends else max(ends)
        yield from _issued(row, row.cells["account"], row.cells["valid_from_date"], last)


def _regime(account: Cells) -> tuple[str, str]:
    """What is billed to an account outside its dated regimes."""
    if account["vat_regime"]:
        return account["vat_regime"], account["vat_reason"]
    try:
        return regime_of_establishment(account["country"], account["postal_code"]).kind.value, account["vat_reason"]
    except VatError:
        return RegimeKind.STANDARD.value, account["vat_reason"]


def _issued(row: Row, account: str, first: date, last: date | None) -> Iterator[Problem]:
    invoices = Document.objects.filter(kind=Document.Kind.INVOICE, account__code=account, replacements=None).order_by(
        "id"
    )
    touched = [
        (number, month)
        for number, oldest, month, lines in invoices.values_list("number", "first_month", "month", "content__lines")
        if first < _end(month, lines) and (last is None or last > month_period(oldest or month).start)
    ]
    if touched:
        numbers, months = [number for number, _ in touched], sorted({month for _, month in touched})
        yield row.problem(
            "vat_regime",
            f"days of {_some(numbers)} change regime: an invoice is never edited. See which bear another VAT, then "
            f"have them credited and made anew, month by month ({_some(months)}): "
            f"ardoise bill proposals --month {months[0]}, ardoise bill correct --month {months[0]}",
        )


def _end(month: str, lines: Iterable[Mapping[str, str | None]]) -> date:
    """The day after the last one that an invoice of a month bills: what is sold may be billed in advance."""
    ahead = [date.fromisoformat(day) + timedelta(days=1) for line in lines if (day := line["period_to"])]
    return max([month_period(month).end, *ahead])


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
