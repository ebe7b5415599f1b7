"""Reads of `access`: what a user may see, whether the event log is intact, what the outbox still holds."""

from __future__ import annotations

from dataclasses import dataclass

from ardoise.access.models import Event, OutboxMessage, User
from ardoise.access.operations import chain_hash
from ardoise.access.scope import EVERYTHING, Scope


def scope_of(user: User) -> Scope:
    """The issuers this user may see: those of the grants, all when one grant names none.

    A grant on a branch opens nothing yet: no query can narrow to a branch, and showing the whole issuer would be worse.
    """
    codes = set(user.grants.filter(account_code="").values_list("issuer_code", flat=True))
    if user.is_superuser or "" in codes:
        return EVERYTHING
    return Scope(frozenset(codes))


@dataclass(frozen=True, slots=True)
class LogState:
    sealed: int
    unsealed: int
    broken_at: int | None  # id of the first line whose hash does not fit


def verify_log() -> LogState:
    """Walk the chain of the event log from its first line, in the order in which it was sealed."""
    chain, sealed = "", 0
    for event in Event.objects.exclude(chain="").order_by("rank").iterator():
        chain = chain_hash(chain, event)
        if chain != event.chain:
            return LogState(sealed, 0, event.id)
        sealed += 1
    return LogState(sealed, Event.objects.filter(chain="").count(), None)


def waiting_messages(kind: str) -> list[OutboxMessage]:
    """Outbox messages not done yet, oldest first."""
    return list(OutboxMessage.objects.filter(kind=kind, done_at=None).order_by("id"))
