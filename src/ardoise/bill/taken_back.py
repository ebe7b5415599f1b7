"""What a credit takes back of the discounts given on what it credits, so that nobody is given back more than was paid.

By a run: days of a subscription that are due no more, a fee that comes back. By a credit note: lines of an invoice.
Each takes its share of what a discount took off the charge, whether the discount is still granted or not; all of it
together with the last day or cent. docs/algorithms/discounts.md has the worked tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from ardoise.bill import charges as tables
from ardoise.bill.models import Document
from ardoise.catalog import models as catalog
from ardoise.core import documents as core
from ardoise.core.coverage import Billed, standing
from ardoise.core.credit_notes import left_to_credit
from ardoise.core.discounts import BACK, Given, back_of_days, back_of_lines, given_on
from ardoise.core.money import MICROS_PER_MINOR, micros_to_minor
from ardoise.core.periods import Period, Proration
from ardoise.core.schema import CHARGES, FROZEN

Row = dict[str, object]

# --- by a run ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A discount taken back by a charge of the run: its row, and what it makes free of the period it was given to."""

    row: Row
    root_id: int
    discount_id: int
    day: date
    minor: int


def of_credits(
    credits: Iterable[Row], billed: Mapping[int, Sequence[Billed]], shares: Mapping[str, int]
) -> Iterator[TakenBack]:
    """What the credits of a run take back of discounts given on other documents.

    `billed`: the charges of subscriptions that stand there; `shares`: the micros of discounts that do, by origin id.
    """
    by_target: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for origin_id, micros in shares.items():
        if BACK not in origin_id:
            by_target[given_on(origin_id)].append((origin_id, micros))
    if not by_target:
        return
    prorations = {code: Proration(word) for code, word in catalog.Product.objects.values_list("code", "proration")}
    names = _names(origin_id for found in by_target.values() for origin_id, _ in found)
    for row in credits:
        mirrored = _mirrored(row, billed)
        if mirrored is None:
            continue
        target, days, of = mirrored
        for origin_id, micros in sorted(by_target.get(target, ())):
            proration = prorations.get(str(row.get(CHARGES.product)), Proration.CALENDAR_DAYS)
            minor = back_of_days(-micros_to_minor(micros), days=days, of=of, proration=proration)
            number = int(origin_id.split(":")[1])
            if minor:
                made = _row(row, f"{origin_id}{BACK}{row[CHARGES.origin_id]}", names[number], minor)
                yield TakenBack(made, int(str(row[CHARGES.root_id])), number, days.start, minor)


def is_credit(row: Row) -> bool:
    """Whether a charge gives back what another one charged: days of a subscription, a fee."""
    origin_id = str(row[CHARGES.origin_id])
    kind = row[CHARGES.origin_kind]
    return (kind == "recurring" and ":credit" in origin_id) or (kind == "purchase" and origin_id.endswith(":back"))


def _mirrored(row: Row, billed: Mapping[int, Sequence[Billed]]) -> tuple[str, Period, Period] | None:
    """The charge that a credit gives back, the days it credits and those of the charge."""
    origin_id = str(row[CHARGES.origin_id])
    days = Period(*(date.fromisoformat(str(row[name])) for name in (CHARGES.period_from, CHARGES.period_to)))
    if row[CHARGES.origin_kind] == "purchase":
        return origin_id.removesuffix(":back"), days, days
    credit = Billed(origin_id, days.start, days.end, 0)
    number = int(origin_id.split(":")[1].partition(".")[0])
    lines = [line for line in billed.get(number, ()) if line.change == credit.change]
    line = next((line for period, line in standing(lines) if days.start in period), None)
    return None if line is None else (line.origin_id, days, Period(line.period_from, line.period_to))


def _names(origin_ids: Iterable[str]) -> dict[int, str]:
    """What discounts are called, by the number in their charges, whether they are granted today or not."""
    numbers = {int(origin_id.split(":")[1]) for origin_id in origin_ids}
    return dict(catalog.DiscountGrant.objects.filter(pk__in=numbers).values_list("pk", "discount__name"))


def _row(of: Row, origin_id: str, name: str, minor: int) -> Row:
    return {
        **of,
        CHARGES.origin_kind: "adjustment",
        CHARGES.origin_id: origin_id,
        CHARGES.label: f"{name} – {of[CHARGES.label]}" if of[CHARGES.label] else name,
        CHARGES.amount_micros: minor * MICROS_PER_MINOR,
        CHARGES.quantity: "1",
    }


# --- by a credit note -------------------------------------------------------------------------------------------------


def with_discounts(
    invoice: Document, original: core.Document, already: Sequence[core.Document], portions: Mapping[int, int]
) -> dict[int, int]:
    """Cents to credit by line, with the lines of discounts that were given on the lines credited.

    A line of a discount that `portions` names itself is left as it says.
    """
    whole, left = left_to_credit(original, ()), left_to_credit(original, already)
    back = back_of_lines(_given(invoice), whole=whole, left=left, portions=portions)
    return {**back, **portions}


def taken_off_too(invoice: Document, lines: Iterable[int], discount_line: int) -> list[int]:
    """The other lines that a line of a discount was taken off, beside these."""
    off = {line_no for one in _given(invoice) if one.line_no == discount_line for line_no in one.off}
    return sorted(off - set(lines))


def _given(invoice: Document) -> list[Given]:
    """What discounts took off the lines of an invoice, charge by charge."""
    bound = tables.frozen_of([invoice]).filter(pl.col(FROZEN.cancels_id).is_null() & (pl.col(FROZEN.line_no) > 0))
    discount = pl.col(CHARGES.origin_id).cast(pl.String).str.starts_with("discount:")
    shares = bound.filter(discount).select(CHARGES.origin_id, CHARGES.amount_micros, FROZEN.line_no).collect()
    if shares.is_empty():
        return []
    sold = bound.filter((pl.col(CHARGES.origin_kind) != tables.USAGE) & ~discount)
    of_sold = dict(sold.select(CHARGES.origin_id, FROZEN.line_no).collect().iter_rows())
    of_usage: dict[tuple[str, str], set[int]] = defaultdict(set)
    used = bound.filter(pl.col(CHARGES.origin_kind) == tables.USAGE)
    places = used.select(CHARGES.account_id, CHARGES.section, FROZEN.line_no).unique().collect()
    for account_id, section, line_no in places.iter_rows():
        of_usage[str(account_id), str(section)].add(line_no)
    found = []
    for origin_id, micros, line_no in shares.iter_rows():
        target = given_on(origin_id)
        kind, *rest = target.split(":")
        off = of_usage[rest[0], rest[1]] if kind == "usage" else {of_sold[target]} if target in of_sold else set()
        found.append(Given(line_no, micros, frozenset(off)))
    return found
