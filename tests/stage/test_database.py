"""The database of the stage tests is the one that was asked for, and its tables are those of the models."""

from __future__ import annotations

import os

import pytest
from django.core.management import call_command
from django.db import connection

pytestmark = pytest.mark.django_db


def test_the_suite_runs_on_the_database_that_was_asked_for() -> None:
    assert connection.vendor == ("postgresql" if os.environ.get("ARDOISE_DATABASE_URL") else "sqlite")


def test_the_migrations_make_the_tables_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        call_command("makemigrations", check=True, dry_run=True)
    except SystemExit:
        pytest.fail(f"models without their migration:\n{capsys.readouterr().out}")
