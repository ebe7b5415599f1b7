"""What another product leaves behind: the first numbers of the series, and what each customer owed on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction

from ardoise.access.operations import log_event
from ardoise.bill.models import Document, Series
from ardoise.core.money import MICROS_PER_MINOR, euros
from ardoise.core.naming import BadPattern, format_number
from ardoise.core.postings import post_opening
from ardoise.directory.models import Account, Issuer
from ardoise.ledger.models import LedgerTransaction
from ardoise.ledger.operations import post

_RECEIVABLE = "411"


class TakeoverRefused(ValueError):
    """Nothing was taken over; the message says why and what to do."""


@transaction.atomic
def set_first_numbers(
    *, issuer: Issuer, first: dict[str, int], year: int, now: datetime, last_date: date | None = None
) -> dict[str, str]:
    """Make the next document of a kind ("invoice", "credit_note") of a year take this number; returns both as printed.

    `last_date` is the day of the last document made elsewhere: an earlier one is refused from now on. May be repeated
    until a number was taken here; then it is refused, since a series has no gap.
    """
    if issuer.documents == Issuer.Documents.STATEMENTS:
        raise TakeoverRefused(f"{issuer.code} makes internal statements, which have no series; name another issuer")
    if last_date is not None and (last_date.year != year or last_date > now.date()):
        raise TakeoverRefused(
            f"{last_date} cannot be the day of the last document of {year}; give a past day of {year}"
        )
    patterns = {"invoice": issuer.invoice_number, "credit_note": issuer.credit_number}
    printed = {}
    for kind, number in first.items():
        taken = Document.objects.filter(issuer=issuer, kind=kind, issue_date__year=year).order_by("-id").first()
        if taken is not None:
            raise TakeoverRefused(
                f"{issuer.code}: {taken.number} was issued here already, the series of {year} goes on from it; a first "
                "number can only be set before the first document"
            )
        try:
            printed[kind] = format_number(patterns[kind], year=year, month=now.month, sequence=number)
        except BadPattern as error:
            raise TakeoverRefused(f"{issuer.code}: {error}") from error
        series, _ = Series.objects.select_for_update().get_or_create(issuer=issuer, kind=kind, year=year)
        series.last_number, series.last_issue_date = number - 1, last_date
        series.save(update_fields=["last_number", "last_issue_date"])
        log_event(at=now, kind="series.taken_over", subject=f"series:{series.id}")
    return printed


@dataclass(frozen=True, slots=True)
class Opening:
    """What a customer owed (positive) or was owed, in cents, at the end of a day."""

    account: str
    date: date
    balance_minor: int
    line: int = 0  # of the file it was read from


@transaction.atomic
def record_openings(*, openings: Sequence[Opening], now: datetime) -> int:
    """Post opening balances once each; returns how many are new. Repeating one is a no-op, another amount is refused.

    Raises TakeoverRefused with every fault.
    """
    accounts = {account.code: account for account in Account.objects.select_related("issuer")}
    if faults := [fault for opening in openings if (fault := _fault(opening, accounts, now))]:
        raise TakeoverRefused("\n".join(faults))
    new = 0
    for opening in openings:
        if not opening.balance_minor:
            continue
        account = accounts[opening.account]
        posted = post_opening(opening.balance_minor, on=opening.date, key=_key(opening.account))
        new += not LedgerTransaction.objects.filter(key=posted.key).exists()
        post(issuer_id=account.issuer_id, posted=posted, auxiliary=account.code, recorded_at=now)
    if new:
        log_event(at=now, kind="openings.taken_over", subject=f"accounts:{new}")
    return new


def _key(account: str) -> str:
    return f"opening:{account}"


def _fault(opening: Opening, accounts: dict[str, Account], now: datetime) -> str:
    """What is wrong with an opening balance, "" when nothing is."""
    where = f"line {opening.line}: " if opening.line else ""
    account = accounts.get(opening.account)
    if account is None:
        return f"{where}account {opening.account} does not exist; import it first"
    if account.parent_id is not None and not account.own_invoice:
        return f"{where}{opening.account} does not pay: give the balance to the account above it"
    if account.issuer.documents == Issuer.Documents.STATEMENTS:
        return f"{where}{opening.account} receives statements, which nobody pays; leave it out"
    if opening.date > now.date():
        return f"{where}{opening.account}: {opening.date} is to come; give the balance of a past day"
    before = LedgerTransaction.objects.filter(key=_key(opening.account)).first()
    if before is None:
        return ""
    entry = before.entries.get(account__code__startswith=_RECEIVABLE)
    if (entry.amount_micros, before.date) == (opening.balance_minor * MICROS_PER_MINOR, opening.date):
        return ""
    known = euros(entry.amount_micros // MICROS_PER_MINOR)
    return (
        f"{where}{opening.account} was taken over with {known} on {before.date} already: an entry is never changed; "
        "repeat that balance, or leave the account out"
    )
