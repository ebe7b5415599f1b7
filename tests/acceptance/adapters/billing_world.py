"""What the adapters of billing cases share: dates, cycles, subscriptions and documents as cases write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ardoise.core import periods
from ardoise.core.coverage import Billed
from ardoise.core.credits import taken_minor
from ardoise.core.documents import Brand, Document, DocumentKind, Party, Section
from ardoise.core.invoices import LineInput, NetAmount, build_body, compute_totals
from ardoise.core.money import (
    MICROS_PER_UNIT,
    micros_to_minor,
    minor_to_decimal,
    round_fraction,
)
from ardoise.core.periods import BillingMode, Cycle, Length, Period, Proration
from ardoise.core.recurring import (
    RecurringCharge,
    RecurringItem,
    charges_due,
)
from ardoise.core.tariffs import TaxBasis
from ardoise.core.vat import Nature, VatTreatment

Case = dict[str, Any]


UNTAXED = VatTreatment("Z", Decimal(0))


MONTH = Length(months=1)


WORDS = {
    "weekly": "P1W",
    "monthly": "P1M",
    "quarterly": "P3M",
    "semiannual": "P6M",
    "yearly": "P1Y",
    "annual": "P1Y",
}


class Unsupported(Exception):
    """The product does not do this yet: the case is skipped with this reason."""


def length_of(text: str, count: int = 1) -> Length:
    return periods.parse_length(WORDS.get(text, text)).times(count)


def day(text: str) -> date:
    return date.fromisoformat(text[:10])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def local_day(text: str, zone: str | None) -> date:
    """The local day of a case's date or instant ("...Z"); a local date or time is its own day."""
    if text.endswith("Z"):
        return periods.local_date(instant(text), zone_name(zone))
    return day(text)


def zone_name(zone: str | None) -> str:
    if zone and re.fullmatch(r"UTC-\d+", zone):
        return f"Etc/GMT+{zone[4:]}"  # the IANA sign is reversed
    return zone or ""


def iso(period: Period) -> list[str]:
    return [period.start.isoformat(), period.end.isoformat()]


def money(minor: int) -> str:
    return str(minor_to_decimal(minor))


def cents(charge: RecurringCharge | Billed) -> int:
    return micros_to_minor(charge.amount_micros)


def mode_of(inputs: Case) -> BillingMode:
    return BillingMode(inputs.get("mode") or inputs.get("billing_mode") or "in_advance")


def proration_of(case: Case) -> Proration:
    """30-day months when the case or its policy says so, else calendar days."""
    said = f"{case['semantics']} {case.get('policy', '')}"
    return (
        Proration.THIRTY_DAY_MONTHS if re.search(r"30-day.month|fixed_days_in_month", said) else Proration.CALENDAR_DAYS
    )


def subscription(
    price: str | int, start: date, end: date | None = None, *, number: int = 1, **more: Any
) -> RecurringItem:
    """A subscription; a price given as an integer is in cents."""
    return RecurringItem(
        subscription_id=number,
        product_code="P",
        label="Abonnement",
        unit_price=minor_to_decimal(price) if isinstance(price, int) else Decimal(price),
        quantity=Decimal(more.pop("quantity", 1)),
        tax_basis=TaxBasis.HT,
        nature=Nature.SERVICES,
        valid_from_date=start,
        valid_to_date=end,
        in_advance=more.pop("mode", BillingMode.IN_ADVANCE) is BillingMode.IN_ADVANCE,
        account_id=1,
        **more,
    )


def billed(charges: Sequence[RecurringCharge]) -> list[Billed]:
    return [charge.billed for charge in charges]


def total(charges: Sequence[RecurringCharge | Billed]) -> int:
    return compute_totals([NetAmount(cents(charge), UNTAXED) for charge in charges]).totals.net_minor


def charge_item(charge: RecurringCharge) -> Case:
    return {
        "start": charge.period_from.isoformat(),
        "end": charge.period_to.isoformat(),
        "type": "repair" if charge.billed.is_credit else "recurring",
        "amount": money(cents(charge)),
    }


def grid(inputs: Case, *, start: date, default_day: int | None = None) -> Cycle:
    """The cycle a case describes: natural, anniversary of an anchor, or on a billing day."""
    length = length_of(inputs.get("period", "P1M"), inputs.get("interval", 1))
    if inputs.get("alignment") == "calendar":
        return Cycle.calendar(length)
    billing_day = inputs.get("bill_cycle_day", inputs.get("billing_day", default_day))
    if billing_day is not None:
        return Cycle.on_day(length, billing_day, start=start)
    anchor = inputs.get("anchor")
    return Cycle.anniversary(length, local_day(anchor, inputs.get("timezone")) if anchor else start)


def due(inputs: Case, *, include_running: bool = False) -> tuple[Cycle, list[Period]]:
    start, end = day(inputs["start" if "start" in inputs else "start_date"]), optional_day(inputs, "end", "end_date")
    cycle = grid(inputs, start=start)
    as_of = day(inputs["target_date"])
    mode = mode_of(inputs)
    return cycle, periods.due_periods(
        cycle, start=start, end=end, mode=mode, as_of_date=as_of, include_running=include_running
    )


def optional_day(inputs: Case, *names: str) -> date | None:
    for name in names:
        if inputs.get(name):
            return day(inputs[name])
    return None


PARTY = Party("Client", ("1 rue des Essais",), "69001", "Lyon", "FR", siren="123456782")


def document(rows: Sequence[tuple[str, Decimal, Any]]) -> Document:
    """An invoice of lines (label, price, VAT percent)."""
    body = build_body(
        [
            LineInput(
                section=Section.SUBSCRIPTION,
                label=label,
                amount_micros=round_fraction(Fraction(price) * MICROS_PER_UNIT),
                vat=VatTreatment("S" if Decimal(str(rate)) else "Z", Decimal(str(rate))),
            )
            for label, price, rate in rows
        ]
    )
    today = date(2026, 11, 5)
    return Document(
        kind=DocumentKind.INVOICE,
        number="F1",
        issue_date=today,
        due_date=today,
        period_from=today,
        period_to=today,
        currency="EUR",
        seller=PARTY,
        buyer=PARTY,
        brand=Brand("b", "b", "", "", "", ""),
        lines=body.lines,
        vat=body.vat,
        totals=body.totals,
        sections=body.sections,
    )


def replace_in_period(
    cycle: Cycle, period: Period, change: date, old: RecurringItem | None, new: RecurringItem | None, as_of: date
) -> tuple[list[RecurringCharge], list[RecurringCharge]]:
    """Credits of the old subscription, billed for the whole period and ended at the change; charges of the new one."""
    credits: list[RecurringCharge] = []
    if old is not None:
        before = billed(charges_due(old, cycle=cycle, as_of_date=period.start))
        ended = RecurringItem(**{name: getattr(old, name) for name in old.__slots__} | {"valid_to_date": change})
        credits = charges_due(ended, cycle=cycle, as_of_date=as_of, already=before)
    charges = [] if new is None else charges_due(new, cycle=cycle, as_of_date=as_of)
    return credits, charges


def credits_of(item: RecurringItem, cycle: Cycle, end: date) -> list[RecurringCharge]:
    """What is credited of the first period of a subscription, billed whole, that ends on a day."""
    before = billed(charges_due(item, cycle=cycle, as_of_date=item.valid_from_date))
    ended = RecurringItem(**{name: getattr(item, name) for name in item.__slots__} | {"valid_to_date": end})
    return [c for c in charges_due(ended, cycle=cycle, as_of_date=end, already=before) if c.billed.is_credit]


def plain_cycle(inputs: Case, start: date) -> Cycle:
    """The grid of a case, calendar months where it does not say."""
    return grid(inputs, start=start) if {"alignment", "bill_cycle_day"} & inputs.keys() else Cycle.calendar(MONTH)


def bills_in_advance(
    item: RecurringItem, cycle: Cycle, *, until: date
) -> tuple[list[list[RecurringCharge]], list[Billed]]:
    """What each run billed of a subscription, on its first day and on the boundaries up to a day."""
    runs = [item.valid_from_date]
    while (following := cycle.next_after(runs[-1])) <= until:
        runs.append(following)
    bills: list[list[RecurringCharge]] = []
    for run in runs:
        bills.append(charges_due(item, cycle=cycle, as_of_date=run, already=[c.billed for b in bills for c in b]))
    return bills, [charge.billed for bill in bills for charge in bill]


class Balance:
    """What runs leave in favour of an account, and what later ones take of it, as a peer lists it."""

    def __init__(self) -> None:
        self.credit_minor = 0

    def rows(self, on: date, net_minor: int) -> list[Case]:
        """The row that a run on a day, of a net amount, adds to its document."""
        if net_minor < 0:
            self.credit_minor -= net_minor
            return [_settlement(on, "account_credit", -net_minor)]
        used = taken_minor(self.credit_minor, due_minor=net_minor)
        self.credit_minor -= used
        return [_settlement(on, "account_credit_used", -used)] if used else []


def _settlement(on: date, kind: str, amount_minor: int) -> Case:
    return {"start": on.isoformat(), "end": on.isoformat(), "type": kind, "amount": money(amount_minor)}
