"""What the person at the keyboard may see: issuers by their grants, outside numbers by their roles, on demand."""

from __future__ import annotations

from datetime import UTC, datetime

from django.http import HttpRequest

from ardoise.access.models import Grant, User
from ardoise.access.operations import log_event
from ardoise.access.queries import scope_of
from ardoise.access.scope import EVERYTHING, Scope
from ardoise.bill.calls import Viewer

NUMBER_ROLES = (Grant.Role.ADMIN, Grant.Role.BILLING)
FULL = "full"


def numbers_scope(user: User) -> Scope:
    """The issuers whose outside numbers this user may read in full: those of the administrators' and billing roles."""
    if user.is_superuser:
        return EVERYTHING
    codes = frozenset(user.grants.filter(role__in=NUMBER_ROLES, account_code="").values_list("issuer_code", flat=True))
    return EVERYTHING if "" in codes else Scope(codes)


def may_see_numbers(user: User) -> bool:
    return numbers_scope(user).issuer_codes != frozenset()


def viewer_of(request: HttpRequest) -> Viewer:
    """Numbers are masked for everyone until somebody who may asks for them: `numbers=full`."""
    user = request.user
    assert isinstance(user, User)
    asked = request.GET.get("numbers") == FULL
    return Viewer(scope_of(user), numbers_scope(user) if asked else Scope(frozenset()))


def shows_numbers(viewer: Viewer) -> bool:
    return viewer.numbers.issuer_codes != frozenset()


def log_numbers_shown(request: HttpRequest, subject: str) -> None:
    """Each list shown with full numbers leaves a line in the event log: who, which list, when; no number."""
    log_event(at=datetime.now(UTC), kind="numbers.shown", subject=subject, actor=f"user:{request.user.pk}")
