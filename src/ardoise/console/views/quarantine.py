"""Quarantine: what could not become a call, with its reason and its bytes, shown safely."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpResponse

from ardoise.access.queries import scope_of
from ardoise.bill.calls import HIDDEN
from ardoise.collect.models import Quarantined, Source
from ardoise.collect.queries import quarantine, quarantine_reasons
from ardoise.console import parameters
from ardoise.console.pages import StaffRequest, page, staff_page
from ardoise.console.rights import log_numbers_shown, shows_numbers, viewer_of
from ardoise.core.phone import HIDDEN_DIGITS
from ardoise.directory.queries import issuers

PAGE_TICKETS = 25
MOST_BYTES = 2000
_NUMBER = re.compile(r"\d{7,}")
_DATE = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")


@dataclass(frozen=True, slots=True)
class Shown:
    """A ticket as it may be shown. Bytes that are no printable ASCII stand as \\xNN, so nothing can act on the page."""

    ticket: Quarantined
    text: str
    detail: str
    cut: bool


@staff_page
def quarantine_list(request: StaffRequest) -> HttpResponse:
    viewer = viewer_of(request)
    scope = scope_of(request.user)
    sources = list(Source.objects.filter(issuer__in=issuers(scope)).order_by("code"))
    source = parameters.choice(request, "source", [one.code for one in sources])
    reasons = quarantine_reasons(scope, source=source or None)
    reason = parameters.choice(request, "reason", reasons)
    found = quarantine(scope, source=source or None)
    if reason:
        found = found.filter(reason=reason)
    listed = Paginator(found, PAGE_TICKETS).get_page(parameters.page(request))
    if shows_numbers(viewer):
        log_numbers_shown(request, f"quarantine:{source or 'all'}:page:{listed.number}")
    codes = viewer.numbers.issuer_codes
    context = {
        "here": "quarantine",
        "sources": sources,
        "source": source,
        "reasons": reasons,
        "reason": reason,
        "found": listed,
        "tickets": [_shown(row, full=codes is None or row.source.issuer.code in codes) for row in listed],
        "full_numbers": shows_numbers(viewer),
    }
    return page(request, "console/quarantine.html", context)


def _shown(row: Quarantined, *, full: bool) -> Shown:
    raw = bytes(row.raw)
    text = printable(raw[:MOST_BYTES])
    return Shown(
        row,
        text if full else without_ends(text),
        row.detail if full else without_ends(row.detail),
        len(raw) > MOST_BYTES,
    )


def printable(raw: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}" for byte in raw)


def without_ends(text: str) -> str:
    """Anything long enough to be a telephone number loses its last digits; eight digits that are a date stay."""
    return _NUMBER.sub(lambda found: _cut(found.group()), text)


def _cut(digits: str) -> str:
    return digits if _DATE.fullmatch(digits) else digits[:-HIDDEN_DIGITS] + HIDDEN * HIDDEN_DIGITS
