"""Writes of `access`: users, the event log and its chain, the outbox."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import transaction

from ardoise.access.models import Event, Grant, OutboxMessage, User

SEAL_BATCH = 1000


class UnknownRole(ValueError):
    """The role is not one of Grant.Role."""


def ensure_user(*, email: str, name: str, password: str, role: str, language: str = "fr") -> User:
    """Create a user with one role on everything, or set the password of the one that exists."""
    if role not in Grant.Role.values:
        raise UnknownRole(f"« {role} » is not a role; choose one of {', '.join(Grant.Role.values)}")
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(email, password, name=name, language=language)
        elif not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
        Grant.objects.get_or_create(user=user, role=role, issuer_code="", account_code="")
    return user


def log_event(*, at: datetime, kind: str, subject: str, digest: str = "", actor: str = "system") -> None:
    """Append one line to the event log, in the caller's transaction. Ids and hashes only, never names or numbers."""
    Event.objects.create(at=at, kind=kind, subject=subject, digest=digest, actor=actor)


def log_events(events: Iterable[Event]) -> None:
    """Append many lines at once, in their order, in the caller's transaction."""
    Event.objects.bulk_create(events)


def put_messages(messages: Iterable[OutboxMessage]) -> None:
    """Write outbox messages that are new, in the caller's transaction."""
    OutboxMessage.objects.bulk_create(messages)


def seal_events() -> int:
    """Chain the unsealed tail: each line's hash covers the one before it. Returns how many lines were sealed."""
    sealed = 0
    while batch := _seal_batch():
        sealed += batch
    return sealed


def _seal_batch() -> int:
    with transaction.atomic():
        # Locked before the end of the chain is read: a second sealer waits here and goes on from where this one stops.
        tail = list(Event.objects.select_for_update().filter(chain="").order_by("id")[:SEAL_BATCH])
        last = Event.objects.filter(rank__isnull=False).order_by("-rank").first()
        rank, chain = (last.rank or 0, last.chain) if last else (0, "")
        for event in tail:
            rank, chain = rank + 1, chain_hash(chain, event)
            event.rank, event.chain = rank, chain
        Event.objects.bulk_update(tail, ["rank", "chain"])
    return len(tail)


def chain_hash(previous: str, event: Event) -> str:
    """The hash of a line of the event log, given the hash of the line before."""
    content = "|".join(
        [previous, str(event.id), event.at.isoformat(), event.kind, event.subject, event.digest, event.actor]
    )
    return hashlib.sha256(content.encode()).hexdigest()


def deliver_message(*, message: OutboxMessage, handler: Callable[[OutboxMessage], None], now: datetime) -> bool:
    """Run the handler of one message and mark it done; a failure is recorded on the message and tried again later."""
    try:
        handler(message)
    except Exception as error:  # noqa: BLE001 - whatever the handler met must be kept with the message, not lost
        message.tries += 1
        message.last_error = f"{type(error).__name__}: {error}"
        message.save(update_fields=["tries", "last_error"])
        return False
    message.done_at = now
    message.save(update_fields=["done_at"])
    return True
