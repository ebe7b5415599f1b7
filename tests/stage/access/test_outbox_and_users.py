"""The outbox keeps what failed with its reason; users see the issuers of their grants."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from ardoise.access import operations as access
from ardoise.access.models import Grant, OutboxMessage, User
from ardoise.access.queries import scope_of, waiting_messages
from ardoise.access.scope import EVERYTHING, Scope

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 5, 8, tzinfo=UTC)


def put(key: str) -> None:
    access.put_messages([OutboxMessage(key=key, kind="render", payload={"document": 1}, created_at=AT)])


def test_a_message_put_twice_is_refused_and_stands_once() -> None:
    put("render:1")
    with pytest.raises(IntegrityError), transaction.atomic():
        put("render:1")
    assert [message.key for message in waiting_messages("render")] == ["render:1"]
    assert waiting_messages("mail") == []


def test_a_message_done_waits_no_more() -> None:
    put("render:1")
    (message,) = waiting_messages("render")
    assert access.deliver_message(message=message, handler=lambda waiting: None, now=AT)
    assert waiting_messages("render") == []
    assert OutboxMessage.objects.get().done_at == AT


def test_a_failure_stays_with_its_reason_until_a_later_try_succeeds() -> None:
    put("render:1")

    def fails(message: OutboxMessage) -> None:
        raise OSError("no room on the disk")

    for tries in (1, 2):
        (message,) = waiting_messages("render")
        assert not access.deliver_message(message=message, handler=fails, now=AT)
        assert (message.tries, message.last_error) == (tries, "OSError: no room on the disk")
    (message,) = waiting_messages("render")
    assert access.deliver_message(message=message, handler=lambda waiting: None, now=AT)
    assert waiting_messages("render") == []


def test_a_grant_on_an_issuer_shows_that_issuer_and_a_grant_on_nothing_shows_all() -> None:
    user = User.objects.create_user("claire@exemple.fr", "un long secret", name="Claire")
    assert scope_of(user) == Scope(frozenset())
    Grant.objects.create(user=user, role=Grant.Role.READER, issuer_code="voxa")
    assert scope_of(user) == Scope(frozenset({"voxa"}))
    Grant.objects.create(user=user, role=Grant.Role.BILLING)
    assert scope_of(user) == EVERYTHING


def test_a_user_made_twice_is_one_user_with_the_last_password() -> None:
    access.ensure_user(email="a@exemple.fr", name="A", password="premier secret", role="billing")
    user = access.ensure_user(email="a@exemple.fr", name="A", password="second secret", role="billing")
    assert User.objects.count() == 1
    assert user.check_password("second secret")
    assert Grant.objects.count() == 1
    with pytest.raises(access.UnknownRole, match="choose one of admin, billing, reader"):
        access.ensure_user(email="a@exemple.fr", name="A", password="x", role="chief")
