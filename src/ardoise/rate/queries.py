"""Reads of rating: when a month was rated, and the price of one call asked by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ardoise.catalog.queries import take_snapshot
from ardoise.core.phone import DialPlan, identify
from ardoise.core.rating import CompiledSnapshot, Quote, price_number
from ardoise.core.snapshot import SnapshotSource
from ardoise.directory.models import Account, Line
from ardoise.rate.models import MonthRating


def rated_at(month: str) -> datetime | None:
    """When a month was last rated; None when it never was."""
    return MonthRating.objects.filter(month=month).values_list("rated_at", flat=True).first()


class UnknownPayer(LookupError):
    """No account or line has this code; the message says how to list them."""


def quote(
    *,
    number: str,
    at: datetime,
    duration_s: int,
    account: str,
    line: str,
    sources: Sequence[SnapshotSource],
    known_at: datetime | None = None,
) -> Quote:
    """Price a call of `duration_s` seconds to `number` (as dialled in France) for an account or a line, by code.

    `known_at`: with the tariffs and the directory as they were believed at that instant (None = now).
    """
    compiled = CompiledSnapshot(take_snapshot(sources=sources, known_at=known_at))
    account_id = Account.objects.filter(code=account).values_list("id", flat=True).first()
    line_id = Line.objects.filter(code=line).values_list("id", flat=True).first()
    if account and account_id is None:
        raise UnknownPayer(f"no account has the code « {account} »; the codes are those of accounts.csv (ardoise dump)")
    if line and line_id is None:
        raise UnknownPayer(f"no line has the code « {line} »; the codes are those of lines.csv (ardoise dump)")
    dialled = identify(number, DialPlan(), outgoing=True)
    return price_number(
        compiled,
        number_key=dialled.key,
        number_category=dialled.category,
        at=at,
        duration_s=duration_s,
        account_id=account_id,
        line_id=line_id,
    )
