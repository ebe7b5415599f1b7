"""Days and amounts as people type them after an option: read, or refused with what to write."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ardoise.cli.wiring import USAGE, fail
from ardoise.core.money import NotAnAmount, parse_price


def day_of(text: str) -> date:
    """A day as an option says it."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"« {text} » is not a date; write YYYY-MM-DD, for example 2026-11-14", code=USAGE)


def local_day(now: datetime) -> date:
    """The day that it is here."""
    return now.astimezone(ZoneInfo("Europe/Paris")).date()


def amount_of(option: str, text: str, *, zero: bool = True) -> Decimal | None:
    """An amount of 0 or more, or above `zero`, as an option says it; None when it was not given."""
    try:
        amount = parse_price(text) if text else None
    except NotAnAmount as error:
        fail(f"{option}: {error}", code=USAGE)
    if amount is not None and amount < 0:
        fail(f"{option}: « {text} » is negative; write {'0 or more' if zero else 'more than 0'}", code=USAGE)
    if amount == 0 and not zero:
        fail(f"{option}: « {text} » is nothing; write more than 0", code=USAGE)
    return amount
