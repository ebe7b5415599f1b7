"""Runs of months become runs that close the first day of the next one, and so do their documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE, AFTER = ("ardoise_bill", "0002_replaces"), ("ardoise_bill", "0003_runs_close_a_day")
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _migrated_again() -> Iterator[None]:
    yield
    call_command("migrate", verbosity=0)


def test_the_runs_and_documents_of_months_close_the_first_day_of_the_next(home: object) -> None:
    executor = MigrationExecutor(connection)
    apps = executor.migrate([BEFORE]).apps
    issuer = apps.get_model("ardoise_directory", "Issuer").objects.create(code="voxa", name="Voxa", company="Voxa")
    account = apps.get_model("ardoise_directory", "Account").objects.create(code="C1", name="C1", issuer=issuer)
    for month, kind in (("2026-12", "invoice"), ("2026-02", "statement"), ("2026-02", "credit_note")):
        run, _ = apps.get_model("ardoise_bill", "BillRun").objects.get_or_create(
            issuer=issuer, month=month, defaults={"created_at": NOW}
        )
        apps.get_model("ardoise_bill", "Document").objects.create(
            kind=kind,
            issuer=issuer,
            account=account,
            run=None if kind == "credit_note" else run,
            number=f"{kind}-{month}",
            month=month,
            issue_date=date(2027, 1, 5),
            currency="EUR",
            **dict.fromkeys(
                ("net_minor", "vat_minor", "gross_minor", "payable_minor", "usage_minor", "subscription_minor"), 0
            ),
            content={},
            issued_at=NOW,
        )
    executor = MigrationExecutor(connection)
    apps = executor.migrate([AFTER]).apps
    runs = apps.get_model("ardoise_bill", "BillRun").objects.order_by("month")
    assert list(runs.values_list("month", "closes_date")) == [
        ("2026-02", date(2026, 3, 1)),
        ("2026-12", date(2027, 1, 1)),
    ]
    documents = apps.get_model("ardoise_bill", "Document").objects.order_by("number")
    assert list(documents.values_list("number", "bound_date", "first_month")) == [
        ("credit_note-2026-02", None, "2026-02"),
        ("invoice-2026-12", date(2027, 1, 1), "2026-12"),
        ("statement-2026-02", date(2026, 3, 1), "2026-02"),
    ]
    documents.all().delete()
    runs.all().delete()
