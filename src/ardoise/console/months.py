"""The month a page is about, and the ones beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpRequest

from ardoise.access.scope import Scope
from ardoise.bill import calls
from ardoise.bill.queries import months_billed
from ardoise.console import parameters


@dataclass(frozen=True, slots=True)
class MonthChoice:
    """`months` are those that hold something, latest first, and the chosen one."""

    chosen: str
    earlier: str
    later: str
    months: list[str]


def choice(request: HttpRequest, scope: Scope, *, now: datetime) -> MonthChoice:
    """The month asked for, else the latest that holds something, else the one before today's."""
    held = sorted({*calls.months(scope), *months_billed(scope)}, reverse=True)
    local = now.astimezone(ZoneInfo("Europe/Paris"))
    last = _shifted(f"{local.year:04d}-{local.month:02d}", -1)
    chosen = parameters.month(request, held[0] if held else last)
    return MonthChoice(chosen, _shifted(chosen, -1), _shifted(chosen, 1), sorted({*held, chosen}, reverse=True))


def _shifted(month: str, by: int) -> str:
    index = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{index // 12:04d}-{index % 12 + 1:02d}"
