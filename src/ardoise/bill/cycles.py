"""Up to which day each payer is billed by a run: the last boundary of its cycle that the run has reached."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from django.db.models import Max

from ardoise.bill.models import Document
from ardoise.core.periods import MONTHLY, Cycle, Period, add_length, billing_cycle, month_of, month_period
from ardoise.core.periods import Length as PeriodLength
from ardoise.directory.models import Account, Issuer
from ardoise.directory.payers import paying_branches

Known = TypeVar("Known")

CATCH_UP_MONTHS = 24  # how far back a run looks for what was never billed, and may itself lie


class ClosingRefused(ValueError):
    """No run can close that day; the message says which ones can."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a run bills to one payer: everything open before `bound`, the end of `period`.

    `period` is one of its grid, or the part of the running one that a threshold makes due. `billed_until` is the bound
    of the last document issued to it: what is before that day and still open came late. `notes` stand on the document.
    """

    cycle: Cycle
    period: Period
    billed_until: date | None
    notes: tuple[str, ...] = ()

    @property
    def bound(self) -> date:
        return self.period.end


def month_closed(closes_date: date) -> str:
    """The month that a run is filed under: the one of the last day it bills."""
    return month_of(closes_date - timedelta(days=1))


def earliest_month(closes_date: date, *, first_month: str = "") -> str:
    """The first month in which a run looks for open charges: bounded, and never before the issuer began here."""
    return max(month_of(add_length(closes_date, PeriodLength(months=CATCH_UP_MONTHS), -1)), first_month)


def refuse_closing(closes_date: date, *, today: date) -> None:
    """A run bills days that are over: none beyond the running month, none older than the catch-up."""
    last = MONTHLY.next_after(today)
    first = add_length(MONTHLY.containing(today).start, PeriodLength(months=CATCH_UP_MONTHS), -1)
    if closes_date > last:
        raise ClosingRefused(
            f"no run can close on {closes_date}: it is in the future; choose a day up to {last}, or see what is to "
            f"come with: ardoise bill simulate --until {closes_date}"
        )
    if closes_date < first:
        raise ClosingRefused(
            f"no run can close on {closes_date}: runs catch up {CATCH_UP_MONTHS} months; choose a day from {first}"
        )


def bounds(closes_date: date) -> dict[int, date]:
    """By customer at the top of a tree, the day before which a run bills: for what is sold, whoever the issuer."""
    return {pk: cycle.last_until(closes_date) for pk, cycle in payers_cycles().items()}


def dues(
    issuer: Issuer, closes_date: date, *, anew: Document | None = None, early: Collection[int] = ()
) -> dict[int, Due]:
    """Every payer that takes part in a run, by account id.

    A payer whose period the run does not close, and that has a document up to there, waits for its next one: what came
    late stands on that. `early`: those that are billed up to that day all the same. `anew`: as if that document, and
    what followed it, had not been issued; what takes its place bills up to the same day.
    """
    until = billed_until(issuer, before=None if anew is None else closing_of(anew))
    to_the_day = {*early} if anew is None else {*early, anew.account_id}
    since = billed_until(issuer, before=closes_date) if to_the_day else {}
    found = {}
    for pk, cycle in of_payers(issuer).items():
        bound, billed = cycle.last_until(closes_date), until.get(pk)
        if bound < closes_date and pk in to_the_day:
            found[pk] = Due(cycle, Period(max(bound, since.get(pk, bound)), closes_date), billed)
        elif bound == closes_date or billed is None or billed < bound:
            found[pk] = Due(cycle, cycle.containing(bound - timedelta(days=1)), billed)
    return found


def of_payers(issuer: Issuer) -> dict[int, Cycle]:
    """The cycle of every payer by account id; statements are made by calendar month."""
    statements = issuer.documents == Issuer.Documents.STATEMENTS
    return dict.fromkeys(_departments(issuer), MONTHLY) if statements else payers_cycles()


def closing_of(invoice: Document) -> date:
    """The day before which an invoice bills: what is made anew in its place is due before it too."""
    return invoice.bound_date or month_period(invoice.month).end


def billed_until(issuer: Issuer, *, before: date | None = None) -> dict[int, date]:
    """By account, the day before which its documents bill; of those that bill less far than `before`."""
    rows = Document.objects.filter(issuer=issuer, bound_date__isnull=False).order_by()
    if before is not None:
        rows = rows.filter(bound_date__lt=before)
    return dict(rows.values_list("account_id").annotate(Max("bound_date")))


def printed_period(due: Due, *, began: date | None, first_date: date) -> Period:
    """The period that a document prints: nothing before the cycle of its customer began, unless something lies there.

    `first_date`: the first day of what it bills. A first invoice, of what is due in advance, prints the first period.
    """
    if began is None or due.period.start >= began or first_date < began:
        return due.period
    return Period(began, due.period.end if began < due.period.end else due.cycle.next_after(began))


def payers_began() -> dict[int, date]:
    """By payer whose cycle counts from a day, that day."""
    rows = Account.objects.filter(parent=None, cycle_start_date__isnull=False).values_list("id", "cycle_start_date")
    found = {pk: start for pk, start in rows if start is not None}
    _hand_down(found)
    return found


def payers_cycles() -> dict[int, Cycle]:
    """By payer: every customer at the top of a tree, and the branches that pay for themselves, on its cycle."""
    made: dict[tuple[str, int | None, date | None], Cycle] = {}
    found: dict[int, Cycle] = {}
    customers = Account.objects.filter(parent=None).values_list("id", "cycle", "cycle_day", "cycle_start_date")
    for pk, length, day, start in customers:
        key = (length, day, start)
        if key not in made:
            made[key] = billing_cycle(length, day=day, start=start)
        found[pk] = made[key]
    _hand_down(found)
    return found


def _hand_down(found: dict[int, Known]) -> None:
    """Give the branches that pay for themselves what is known of their customer, if it is."""
    branches = set(paying_branches().values()) if found else set()
    parents = dict(Account.objects.values_list("id", "parent_id")) if branches else {}
    for branch in branches:
        top = branch
        while (above := parents[top]) is not None:
            top = above
        if top in found:
            found[branch] = found[top]


def _departments(issuer: Issuer) -> list[int]:
    return list(Account.objects.filter(issuer=issuer).values_list("id", flat=True))
