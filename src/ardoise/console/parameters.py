"""What a request may ask for, read strictly: a value that means nothing is refused in one sentence, never guessed."""

from __future__ import annotations

import re
from collections.abc import Collection

from django.http import HttpRequest
from django.utils.translation import gettext as _

TEXT_LIMIT = 80
MOST_PAGES = 1_000_000
MOST_SECONDS = 86_400
_MONTH = re.compile(r"(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])")


class BadParameter(ValueError):
    """A parameter that cannot be read; the message is for the person and tells what is expected."""


def month(request: HttpRequest, default: str, name: str = "month") -> str:
    """YYYY-MM, or the default when it is absent."""
    asked = request.GET.get(name, "").strip()
    if not asked:
        return default
    return checked_month(asked)


def checked_month(asked: str) -> str:
    if not _MONTH.fullmatch(asked):
        raise BadParameter(_("The month must be written YYYY-MM, for example 2026-10."))
    return asked


def text(request: HttpRequest, name: str) -> str:
    """Free text, without the characters that no name or number has; cut rather than refused when it is too long."""
    asked = "".join(character for character in request.GET.get(name, "") if character.isprintable())
    return asked.strip()[:TEXT_LIMIT]


def choice(request: HttpRequest, name: str, known: Collection[str]) -> str:
    """One of the known values, or "" when it is absent."""
    asked = request.GET.get(name, "").strip()
    if asked and asked not in known:
        raise BadParameter(_("One of the filters has a value that does not exist. Clear the filters and choose again."))
    return asked


def page(request: HttpRequest) -> int:
    """A page number from 1; anything else is the first page, too far is the last one (the query decides)."""
    asked = request.GET.get("page", "")
    return min(max(1, int(asked)), MOST_PAGES) if asked.isascii() and asked.isdigit() and len(asked) < 12 else 1


def seconds(request: HttpRequest, name: str) -> int:
    asked = request.GET.get(name, "").strip()
    if not asked:
        return 0
    if not (asked.isascii() and asked.isdigit() and len(asked) < 9):
        raise BadParameter(_("A duration is a whole number of seconds, for example 60."))
    return min(int(asked), MOST_SECONDS)
