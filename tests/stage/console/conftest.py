"""The small world of the browser tests, built once a file; each test's own writes are rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from browser import small_world

SignedIn = Callable[[str], Client]


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """October 2026 of two brands and a company, issued and rendered; rolled back at the end of the file.

    Django closes the connection after each test, which would end the transaction that all tests of the file share.
    """
    home = tmp_path_factory.mktemp("home")
    kept_open = mock.patch.object(connection, "close", lambda: None)
    with django_db_blocker.unblock(), kept_open, override_settings(ARDOISE_HOME=home), transaction.atomic():
        small_world.build()
        yield home
        transaction.set_rollback(True)


@pytest.fixture
def signed_in(world: Path, db: None) -> SignedIn:
    cache.clear()  # the tries of the test before

    def sign_in(email: str) -> Client:
        client = Client(headers={"accept-language": "fr"})
        assert client.login(email=email, password=small_world.PASSWORD)
        return client

    return sign_in


@pytest.fixture
def admin(signed_in: SignedIn) -> Client:
    return signed_in(small_world.ADMIN)


@pytest.fixture
def brio(signed_in: SignedIn) -> Client:
    """The biller of one brand."""
    return signed_in(small_world.BRIO_BILLING)


@pytest.fixture
def reader(signed_in: SignedIn) -> Client:
    """Reads the other brand; may not see whole numbers."""
    return signed_in(small_world.ALTO_READER)
