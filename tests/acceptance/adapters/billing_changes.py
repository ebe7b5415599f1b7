"""Billing cases about changes: of plan, of billing day, history rewritten, ends, and the credits that they leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from ardoise.core import periods
from ardoise.core.coverage import Billed
from ardoise.core.credit_notes import credit
from ardoise.core.credits import capped_minor, in_favour_minor, taken_minor
from ardoise.core.documents import Document
from ardoise.core.invoices import (
    vat_minor,
)
from ardoise.core.money import fraction_to_minor, minor_to_decimal
from ardoise.core.periods import MONTHLY, BillingMode, Cycle, Interval, Period
from ardoise.core.recurring import RecurringCharge, RecurringItem, charges_due, charges_of_terms

from .billing_world import (
    MONTH,
    Balance,
    Case,
    Unsupported,
    billed,
    bills_in_advance,
    charge_item,
    day,
    document,
    length_of,
    local_day,
    mode_of,
    money,
    optional_day,
    plain_cycle,
    replace_in_period,
    subscription,
    total,
)

FRENCH_RATES = (Decimal(20), Decimal(10), Decimal("8.5"), Decimal("5.5"), Decimal("2.1"))


class Account:
    """The subscriptions of one account, run after run; a run bills what is missing, whatever changed since."""

    def __init__(self) -> None:
        self.items: dict[int, tuple[RecurringItem, Cycle]] = {}
        self.history: dict[int, list[Billed]] = {}

    def put(self, item: RecurringItem, cycle: Cycle) -> RecurringItem:
        self.items[item.subscription_id] = (item, cycle)
        return item

    def end(self, item: RecurringItem, on: date) -> None:
        known, cycle = self.items[item.subscription_id]
        self.put(replace(known, valid_to_date=on), cycle)

    def on_cycle(self, item: RecurringItem, cycle: Cycle) -> None:
        self.put(self.items[item.subscription_id][0], cycle)

    def run(self, on: date) -> list[RecurringCharge]:
        charges: list[RecurringCharge] = []
        for number, (item, cycle) in self.items.items():
            done = self.history.setdefault(number, [])
            found = charges_due(item, cycle=cycle, as_of_date=on, already=done)
            done += billed(found)
            charges += found
        return charges


def by_day(charges: Sequence[RecurringCharge]) -> list[Case]:
    """As that peer lists them: in order of days, what is billed before what is credited."""
    return sorted((charge_item(charge) for charge in charges), key=lambda row: (row["start"], row["type"]))


def on_day(number: int, start: date, length: periods.Length = MONTH) -> Cycle:
    return Cycle.on_day(length, number, start=start)


# --- changes of plan ----------------------------------------------------------------------------------------------


def plan_change(case: Case) -> Case:
    inputs = case["inputs"]
    if "repair_cutoff" in inputs:
        return _looking_back(case)
    if "old_fixed_in_advance" in inputs:
        return _with_fixed_charges(inputs)
    if "new" in inputs and "period" in inputs["new"]:
        return _to_another_length(inputs)
    return _with_usage(inputs)


def _looking_back(case: Case) -> Case:
    """A change dated before the look-back of the run is billed from there on."""
    inputs = case["inputs"]
    rows = [(day(start), day(end)) for start, end in inputs["billed"]]
    first, run, change = rows[0][0], rows[-1][0], day(inputs["change_effective"])
    old, mode = subscription(inputs["price"], first, mode=mode_of(inputs)), mode_of(inputs)
    before = billed(charges_due(old, cycle=MONTHLY, as_of_date=run))
    new = subscription(inputs["new_price"], change, change=1, mode=mode)
    lines = charges_of_terms(
        [(replace(old, valid_to_date=change), MONTHLY), (new, MONTHLY)],
        as_of_date=run,
        already=before,
        lookback=length_of(case["policy"]["repair_lookback"]),
    )
    return {"items": by_day(lines) + Balance().rows(run, total(lines))}


def _with_fixed_charges(inputs: Case) -> Case:
    """The plan is billed in arrears to the change; what is fixed is billed in advance, what was is credited."""
    change, cycle = day(inputs["change_date"]), MONTHLY
    period = cycle.containing(change)
    plan = subscription(inputs["old_plan"]["price"], period.start, change, mode=mode_of(inputs["old_plan"]))
    old = subscription(inputs["old_fixed_in_advance"], period.start)
    fees = []
    for price, replaced in zip(inputs["new_fixed"], [old, *[None] * len(inputs["new_fixed"])], strict=False):
        credits, charges = replace_in_period(cycle, period, change, replaced, subscription(price, change), change)
        fees.append(total([*credits, *charges]))  # the peer writes the two as one fee
    return {"old_plan_fee": total(charges_due(plan, cycle=cycle, as_of_date=change)), "new_fees": fees}


def _to_another_length(inputs: Case) -> Case:
    """From months to years on the same anniversary."""
    anchor, change = day(inputs["anchor"]), day(inputs.get("applied") or inputs["change_date"])
    months, years = (
        Cycle.anniversary(length_of(inputs[name]["period"]), anchor) for name in ("old", "new")
    )  # both keep the day of the first one
    account, mode = Account(), mode_of(inputs)
    old = account.put(subscription(inputs["old"]["price"], anchor, mode=mode), months)
    account.run(change - timedelta(days=1))
    on_request = account.run(day(inputs["requested"])) if "requested" in inputs else []
    account.end(old, change)
    account.put(subscription(inputs["new"]["price"], change, number=2, mode=mode), years)
    lines = account.run(change)
    new = [charge for charge in lines if not charge.billed.is_credit]
    last = Period(new[0].period_from, new[0].period_to).last_date
    return {
        "credit_note": -total([charge for charge in lines if charge.billed.is_credit]),
        "new_fee": total(new),
        "fee": total(new),
        "no_invoice_on_request": not on_request,
        "period_inclusive": [new[0].period_from.isoformat(), last.isoformat()],
    }


def _with_usage(inputs: Case) -> Case:
    """Usage is billed beside the plan it was used under; in advance, the credit of the old plan pays the invoice."""
    change, mode = day(inputs["change_date"]), mode_of(inputs)
    period = MONTHLY.containing(change)
    old, new = subscription(inputs["old_price"], period.start), subscription(inputs["new_price"], change)
    if mode is BillingMode.IN_ARREARS:
        ended = replace(old, in_advance=False, valid_to_date=change)
        started = replace(new, in_advance=False)
        plans = [
            total(charges_due(ended, cycle=MONTHLY, as_of_date=change)),
            total(charges_due(started, cycle=MONTHLY, as_of_date=period.end)),
        ]
        rows = zip(plans, inputs["usage"], strict=True)
        return {"totals": [_net([plan, usage]) for plan, usage in rows]}
    credits, charges = replace_in_period(MONTHLY, period, change, old, new, change)
    note, fees, usage = -total(credits), total(charges), inputs["usage"]
    due = _net([fees, usage])
    used = taken_minor(note, due_minor=due)
    return {
        "credit_note": note,
        "invoice": {"fees": fees, "usage": usage, "credit_used": used, "total": due - used},
    }


def _net(amounts: Sequence[int]) -> int:
    rows = [("Ligne", minor_to_decimal(amount), 0) for amount in amounts]
    return document(rows).totals.net_minor


# --- billing days -------------------------------------------------------------------------------------------------


def bill_cycle_day_change(case: Case) -> Case:
    inputs = case["inputs"]
    if "already_billed" not in inputs:
        return _blocked(case)
    start = day(inputs["already_billed"][0])
    account = Account()
    item = account.put(subscription(inputs["price"], start), on_day(start.day, start))
    account.run(start)
    if "changes" in inputs:
        lines: list[RecurringCharge] = []
        cycles = [on_day(change["new_bcd"], start) for change in inputs["changes"]]
        for cycle, until in zip(cycles, [*(day(c["on"]) for c in inputs["changes"][1:]), None], strict=True):
            account.on_cycle(item, cycle)  # runs on each of its billing days until the next change
            lines += [charge for on in _runs_of(cycle, account, until) for charge in account.run(on)]
        return {"items": by_day(lines)}
    return _day_and_plan(inputs, account, item)


def _runs_of(cycle: Cycle, account: Account, until: date | None) -> Iterator[date]:
    """The billing days of a cycle, from the first one that has something to bill; one after the last change."""
    (number,) = account.items
    covered = max(line.period_to for line in account.history[number])
    first = cycle.containing(covered).start
    yield first
    while until is not None and cycle.next_after(first) <= until:
        first = cycle.next_after(first)
        yield first


def _day_and_plan(inputs: Case, account: Account, item: RecurringItem) -> Case:
    change, requested = day(inputs["plan_change"]), day(inputs["bcd_change"]["on"])
    new_day = inputs["bcd_change"]["new_bcd"]
    moved = on_day(new_day, change)
    cycle = moved if requested < change else on_day(item.valid_from_date.day, item.valid_from_date)
    account.end(item, change)
    new = account.put(subscription(inputs["new_price"], change, number=2), cycle)
    balance, runs = Balance(), {}
    for on in (change, moved.origin):
        lines = account.run(on)
        runs[f"run_{on.isoformat().replace('-', '_')}"] = by_day(lines) + balance.rows(on, total(lines))
        account.on_cycle(new, moved)
    return runs


def _blocked(case: Case) -> Case:
    """Billing stopped from a day in the past, the billing day moved, billing taken up: as an end and a new start.

    The dates stand in the sentence of the case.
    """
    said, price = case["semantics"], case["inputs"]["price"]
    year = case["expected"]["block"][0]["start"][:4]
    start, blocked, again = (
        day(f"{year}-{re.search(pattern, said)[1]}")  # type: ignore[index]
        for pattern in (r"\[(\d\d-\d\d),", r"from (\d\d-\d\d)", r"unblocked on (\d\d-\d\d)")
    )
    new_day = int(re.search(r"BCD moved to (\d+)", said)[1])  # type: ignore[index]
    account = Account()
    item = account.put(subscription(price, start), on_day(start.day, start))
    account.run(start)
    account.end(item, blocked)
    block = account.run(again)
    account.put(subscription(price, again, number=2), on_day(new_day, again))
    return {"block": by_day(block), "unblock": by_day(account.run(again))}


def overdue_recovery(case: Case) -> Case:
    """Billing stopped for unpaid invoices and taken up when they are paid: an end, and new terms from that day.

    Nothing is billed while it is stopped. That peer lists the days given back less those taken up again.
    """
    inputs = case["inputs"]
    start, end = (day(text) for text in inputs["invoiced_period"])
    stopped, paid = day(inputs["blocked_from"]), day(inputs["pay_date"])
    cycle, account, balance = on_day(inputs["bill_cycle_day"], start), Account(), Balance()
    item = account.put(subscription(inputs["price"], start), cycle)
    account.run(start)
    account.end(item, stopped)
    account.put(subscription(inputs["price"], paid, number=2), cycle)
    rows: list[Case] = []
    for on in sorted({paid, end}):
        lines = account.run(on)
        back = [line for line in lines if line.period_from < end]
        until = min(paid, end).isoformat()
        given = {"start": stopped.isoformat(), "end": until, "type": "repair", "amount": money(total(back))}
        rows += [charge_item(line) for line in lines if line not in back] + ([given] if back else [])
        rows += [row for row in balance.rows(on, total(lines)) if row["type"] == "account_credit_used"]
    return {"items": rows}


# --- several subscriptions ----------------------------------------------------------------------------------------


def invoice_sequence(case: Case) -> Case:
    inputs = case["inputs"]
    if "subscriptions" in inputs:
        return _many(inputs, [row["date"] for row in case["expected"]["runs"]])
    account = Account()
    if "runs" in inputs:
        return _rewritten(case)
    start = day(inputs["change_date"])
    old = account.put(subscription(inputs["old_price"], start), on_day(start.day, start))
    account.run(start)
    account.end(old, start)
    account.put(subscription(inputs["new_price"], start, number=2), on_day(start.day, start))
    return {"second_document_net": money(total(account.run(start)))}


def _many(inputs: Case, runs: Sequence[str]) -> Case:
    """Each run knows the events up to its day; every stretch of a subscription is billed by its own terms."""
    account, rows = Account(), []
    numbers = {
        (name, index): number
        for number, (name, index) in enumerate(
            ((name, index) for name, events in inputs["subscriptions"].items() for index in range(len(events))), 1
        )
    }
    for text in runs:
        for name, events in inputs["subscriptions"].items():
            known = [event for event in events if event["date"] <= text]
            for index, event in enumerate(known):
                number = numbers[name, index]
                if "price" in event and number not in account.items:
                    start, length = day(event["date"]), length_of(event.get("period", inputs["default_period"]))
                    item = subscription(event["price"], start, number=number, mode=mode_of(inputs))
                    account.put(item, on_day(event["bcd"], start, length))
                if index:
                    account.end(account.items[numbers[name, index - 1]][0], day(event["date"]))
        charges = account.run(day(text))
        rows.append({"date": text, "items": len(charges), "total": money(total(charges))})
    return {"runs": rows}


def _rewritten(case: Case) -> Case:
    """A base and two add-ons, then another base since the beginning and one add-on that never was."""
    said = case["semantics"]
    base, first, second, other = (
        re.search(pattern, said)[1]  # type: ignore[index]
        for pattern in (r"Base (\d+)/month", r"add-ons (\d+) and", r"and (\d+) start", r"base is now (\d+)")
    )
    never = re.search(r"add-on (\d+) never", said)[1]  # type: ignore[index]
    starts = [day(text) for text in case["inputs"]["runs"]]
    cycle, account = on_day(starts[0].day, starts[0]), Account()
    bases = account.put(subscription(base, starts[0], number=1), cycle)
    found = [account.run(starts[0])]
    added = {price: account.put(subscription(price, starts[1], number=number), cycle)
             for number, price in enumerate((first, second), start=2)}  # fmt: skip
    found.append(account.run(starts[1]))
    account.end(bases, starts[0])
    account.end(added[never], starts[1])
    account.put(subscription(other, starts[0], number=4), cycle)
    found.append(account.run(starts[2]))
    return {"totals": [money(total(charges)) for charges in found], "third_invoice_items": len(found[2])}


def next_period(case: Case) -> Case:
    inputs = case["inputs"]
    start, last = day(inputs["service_start"]), optional_day(inputs, "last_date_invoiced")
    ends = optional_day(inputs, "service_end_inclusive")
    length, following = length_of(inputs["rule"], inputs["interval"]), day(inputs["next_invoice_date"])
    item = subscription("30.00", start, ends and Period.of(start, ends, Interval.INCLUSIVE).end, mode=mode_of(inputs))
    found = charges_due(
        item,
        cycle=Cycle.anniversary(length, following),
        as_of_date=following,
        not_before_date=last and Period.of(start, last, Interval.INCLUSIVE).end,
    )
    if not found:
        return {"start": None, "end_inclusive": None}
    whole = Period(found[0].period_from, found[-1].period_to)  # of the invoice: the lines are one a period
    return {"start": whole.start.isoformat(), "end_inclusive": whole.last_date.isoformat()}


# --- ends ---------------------------------------------------------------------------------------------------------


def end_after_run(inputs: Case) -> Case:
    """An end given by hand after the run of its day: that day, the first of a period, is billed in arrears."""
    ran, last = day(inputs["billed_on"]), day(inputs["terminate"])
    end = Period.of(ran, last, Interval.INCLUSIVE).end
    start = MONTHLY.boundary(MONTHLY.index_at(ran) - 1)
    account = Account()
    item = account.put(subscription(inputs["price"], start, mode=mode_of(inputs)), MONTHLY)
    first = account.run(ran)
    account.end(item, end)
    return {"first": total(first), "extra": total(account.run(end))}


def termination(case: Case) -> Case:
    """A subscription in advance that ends: its unused days are a credit note, which pays the final invoice."""
    inputs = case["inputs"]
    rate, mode = inputs["tax_percent"], mode_of(inputs)
    start = _said_day(inputs["start"], inputs.get("timezone"))
    cycle = plain_cycle(inputs, start)
    item = subscription(inputs["price"], start, mode=mode)
    if "terminate" not in inputs:
        return {"invoice_total": _invoiced(charges_due(item, cycle=cycle, as_of_date=start), rate).totals.gross_minor}
    last = day(inputs["terminate"])
    end = Period.of(start, last, Interval.INCLUSIVE).end
    ended = replace(item, valid_to_date=end)
    if mode is BillingMode.IN_ARREARS:
        return {"total": _invoiced(charges_due(ended, cycle=cycle, as_of_date=end), rate).totals.gross_minor}
    bills, done = bills_in_advance(item, cycle, until=last)
    unused = -total(charges_due(ended, cycle=cycle, as_of_date=end, already=done))
    latest = _invoiced(bills[-1], rate)
    note = credit(latest, number="A1", issue_date=last, portions={1: unused})
    return _spent(case, latest, note)


def _invoiced(charges: Sequence[RecurringCharge], rate: object) -> Document:
    return document([("Abonnement", minor_to_decimal(total(charges)), rate)])


def _said_day(text: str, zone: str | None) -> date:
    """A date, also as "2023-02-08 (UTC) = 2023-02-07 local": then the local one, of the instant of UTC's midnight."""
    if "local" in text:
        return local_day(f"{text[:10]}T00:00:00Z", zone)
    return day(text)


def _spent(case: Case, first: Document, note: Document) -> Case:
    inputs, wanted = case["inputs"], case["expected"]
    policy = inputs.get("on_termination", "credit")
    credit_minor = 0 if policy == "skip" else note.totals.gross_minor
    paid = inputs.get("paid", 0) if policy == "refund" else 0  # else what was paid stays with what it paid
    refund = in_favour_minor(first.totals.gross_minor - credit_minor - paid)
    kept = credit_minor - refund
    if "final_usage_total" in inputs:
        due = fees = tax = inputs["final_usage_total"]
    else:
        final = document([("Usage", minor_to_decimal(inputs["usage"]), inputs["tax_percent"])]).totals
        fees, tax, due = final.net_minor, final.vat_minor, final.gross_minor
    used = taken_minor(kept, due_minor=due)
    final_invoice = {"fees": fees, "tax": tax, "credit_used": used, "total": due - used}
    totals = note.totals
    parts = {"sub": totals.net_minor, "tax": totals.vat_minor, "total": totals.gross_minor}
    of_first = {"fees": first.totals.net_minor, "tax": first.totals.vat_minor, "total": first.totals.gross_minor}
    return {
        "first": of_first["total"],
        "first_invoice": of_first,
        "credit_note": None
        if not credit_minor
        else parts
        if isinstance(wanted.get("credit_note"), dict)
        else credit_minor,
        "refund": refund,
        "credit": kept,
        "final_draft": due,  # a draft takes no credit
        "final_finalised": due - used,
        "final_invoice": {name: final_invoice[name] for name in wanted.get("final_invoice", ())},
        "credit_note_balance": kept - used,
    }


# --- credits ------------------------------------------------------------------------------------------------------


def credit_cap(case: Case) -> Case:
    asked, billed_before, credited = (
        fraction_to_minor(Fraction(case["inputs"][name]))
        for name in ("potential_credit", "original_amount", "previous_credits")
    )
    found = capped_minor(asked, billed_minor=billed_before, credited_minor=credited)
    return {"credit": f"{minor_to_decimal(found).normalize():f}"}


def credit_with_tax(inputs: Case) -> Case:
    """A part of a line credited with its VAT, at the rate that gives the tax of the invoice."""
    line, tax = (fraction_to_minor(Fraction(inputs[name])) for name in ("line", "tax"))
    (rate,) = [known for known in FRENCH_RATES if vat_minor(line, known) == tax]
    issued = document([("Ligne", minor_to_decimal(line), rate)])
    wanted = -fraction_to_minor(Fraction(inputs["adjust"]))
    note = credit(issued, number="A1", issue_date=issued.issue_date, portions={1: wanted})
    if -note.totals.vat_minor != fraction_to_minor(Fraction(inputs["tax_adjust"])):
        raise Unsupported("a VAT that no rate gives")
    return {"account_credit": money(note.totals.gross_minor)}


HANDLERS: dict[str, Callable[[Case], Case]] = {
    "next_period": next_period,
    "credit_cap": credit_cap,
    "overdue_recovery": overdue_recovery,
}
