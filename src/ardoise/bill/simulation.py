"""Every invoice to come until a day: the runs themselves, on a clock that moves, in a transaction that is rolled back.

What the engine would issue is what is shown: cycles, catch-up, proration, credits carried. Usage is what is known
today. Nothing stays: rows go with the transaction, and the files that it wrote are removed with it. While it lasts
nobody else writes to an embedded (SQLite) database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from ardoise.bill import cycles
from ardoise.bill.models import Document
from ardoise.bill.operations import compute_recurring, issue, preview
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.checks import Problem
from ardoise.core.periods import Length, add_length, day_start_at, local_date
from ardoise.directory.models import Account, Issuer
from ardoise.store.models import TableFile
from ardoise.store.tables import folder

HORIZON_MONTHS = 36
MAIN_LINES = 3


class SimulationRefused(ValueError):
    """The clock cannot be moved there; the message says how far it can."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A document to come: what it would be on the day its run closes. `problems` keep it from being issued.

    Where a run comes to less than nothing and issues nothing, `carried_minor` (with tax, negative) waits for the next.
    """

    issue_date: date
    issuer: str
    account: str
    name: str
    kind: str
    period_from: date | None
    period_to: date | None
    currency: str
    net_minor: int
    gross_minor: int
    main_lines: tuple[tuple[str, int], ...]  # label, cents without tax: the largest first
    problems: tuple[Problem, ...] = ()
    carried_minor: int = 0


class _Undone(Exception):
    """Ends the transaction of a simulation."""


def simulate(*, until: date, now: datetime, accounts: Collection[str] | None = None) -> list[Foreseen]:
    """The documents to come until a day (included), in the order of their dates; of some payers only, by code.

    Raises SimulationRefused for a day that is over, or too far, or an account that nobody has.
    """
    found: list[Foreseen] = []
    written: list[str] = []
    try:
        with transaction.atomic():
            last = TableFile.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
            try:
                for issuer in Issuer.objects.order_by("code"):
                    found += _of_issuer(issuer, until=until, now=now, accounts=_payers(accounts))
            finally:
                written += TableFile.objects.filter(pk__gt=last).values_list("path", flat=True)
            raise _Undone
    except _Undone:
        pass
    finally:
        for path in written:
            (folder() / path).unlink(missing_ok=True)
    return sorted(found, key=lambda one: (one.issue_date, one.issuer, one.account))


def _payers(codes: Collection[str] | None) -> set[int] | None:
    if codes is None:
        return None
    known = dict(Account.objects.filter(code__in=codes).values_list("code", "pk"))
    if unknown := set(codes) - known.keys():
        raise SimulationRefused(f"no account has the code {', '.join(sorted(unknown))}")
    return set(known.values())


def _of_issuer(issuer: Issuer, *, until: date, now: datetime, accounts: set[int] | None) -> Iterator[Foreseen]:
    today = local_date(now, issuer.zone)
    furthest = add_length(today, Length(months=HORIZON_MONTHS))
    if not today < until <= furthest:
        raise SimulationRefused(f"{until} cannot be simulated; choose a day after {today}, up to {furthest}")
    for closes_date, payers in _closings(issuer, today=today, until=until, accounts=accounts):
        yield from _run(issuer, closes_date, payers, max(closes_date, today), now)


def _closings(issuer: Issuer, *, today: date, until: date, accounts: set[int] | None) -> list[tuple[date, set[int]]]:
    """The days on which a cycle ends, and whose: from the last one that was not billed."""
    billed = cycles.billed_until(issuer)
    found: dict[date, set[int]] = {}
    for pk, cycle in cycles.of_payers(issuer).items():
        if accounts is not None and pk not in accounts:
            continue
        day = cycle.last_until(today)
        if pk in billed and billed[pk] >= day:
            day = cycle.next_after(day)
        while day <= until:
            found.setdefault(day, set()).add(pk)
            day = cycle.next_after(day)
    return sorted(found.items())


def _run(issuer: Issuer, closes_date: date, payers: set[int], on: date, now: datetime) -> Iterator[Foreseen]:
    """One run, issued on a day: what it makes, and what it could not."""
    moment = max(now, day_start_at(on, issuer.zone))
    compute_recurring(closes_date=closes_date)
    made = preview(issuer=issuer, closes_date=closes_date, issue_date=on, now=moment, only=payers)
    before = set(Document.objects.filter(issuer=issuer).values_list("pk", flat=True))
    issue(
        issuer=issuer,
        closes_date=closes_date,
        issue_date=on,
        now=moment,
        validator=lambda documents: [[] for _ in documents],
        only=payers,
    )
    rows = Document.objects.filter(issuer=issuer).exclude(pk__in=before).select_related("account").order_by("pk")
    for row in rows:
        yield _foreseen(on, row.account, issuer, canonical.from_json(row.content))
    nothing = (None, None, issuer.currency, 0, 0, ())
    for code, minor in sorted(made.carried.items()):
        account = Account.objects.get(code=code)
        yield Foreseen(on, issuer.code, code, account.name, "", *nothing, carried_minor=minor)
    for code, problems in sorted(made.faulty.items()):
        account = Account.objects.get(code=code)
        yield Foreseen(on, issuer.code, code, account.name, "", *nothing, problems=tuple(problems))


def _foreseen(on: date, account: Account, issuer: Issuer, document: core.Document) -> Foreseen:
    largest = sorted(document.lines, key=lambda line: -abs(line.net_minor))[:MAIN_LINES]
    sign = -1 if document.kind is core.DocumentKind.CREDIT_NOTE else 1
    return Foreseen(
        on,
        issuer.code,
        account.code,
        account.name,
        document.kind.value,
        document.period_from,
        document.period_to,
        document.currency,
        sign * document.totals.net_minor,
        sign * document.totals.gross_minor,
        tuple((line.label, sign * line.net_minor) for line in largest),
    )
