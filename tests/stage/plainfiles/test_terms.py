"""Terms of payment in plain files: today's column, the one of before, and what the law says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from ardoise.directory.models import Account, Issuer
from ardoise.plainfiles.dumping import dump
from stage.company import Company, voxa

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company(home: Path) -> Company:
    return voxa(home)


def terms_said(company: Company) -> list[str]:
    return [str(problem) for problem in company.load().warnings if problem.column.startswith("payment")]


def test_the_column_of_before_is_read_and_said(company: Company):
    company.customer("C1", payment_days="45")
    company.customer("C2", payment_days="0")
    assert terms_said(company) == [
        "accounts.csv, line 1, column payment_days: is now called payment_terms; it was read as that"
    ]
    assert list(Account.objects.order_by("code").values_list("payment_terms", flat=True)) == ["45d", "receipt"]


def test_the_key_of_before_is_read_and_said(company: Company):
    company.files["issuers.toml"] = company.files["issuers.toml"].replace(
        "[[issuer]]", "[[issuer]]\npayment_days = 15", 1
    )
    assert terms_said(company) == [
        "issuers.toml, line 2, column payment_days: is now called payment_terms; it was read as that"
    ]
    assert Issuer.objects.get(code="voxa").payment_terms == "15d"


def test_terms_longer_than_the_law_are_said_and_kept(company: Company):
    company.customer("C1", payment_terms="60 jours fin de mois")
    company.customer("C2", payment_terms="60d")
    company.customer("C3", payment_terms="90d", audience="B2C", siren="")
    company.customer("C4", payment_terms="45d")
    # 31 December 2026 + 60 days is 1 March, the end of that month the 31st: 30 days after the 60th.
    assert terms_said(company) == [
        "accounts.csv, line 2, column payment_terms: « 60d eom » on an invoice of 2026-12-31 is due on 2027-03-31, 30 "
        "days too late; the law allows 60 days, or 45 days end of month (C. com. L441-10, I)",
        "accounts.csv, line 3, column payment_terms: « 60d » on an invoice of 2026-01-01 is due on 2026-03-02, 15 days "
        "too late if it sums several supplies of one month: 45 days at most then (C. com. L441-10, I, dernier alinéa)",
    ]
    assert Account.objects.get(code="C1").payment_terms == "60d eom"


def test_terms_are_dumped_in_their_short_form(company: Company, tmp_path: Path):
    company.customer("C1", payment_terms="fin de mois + 45 jours")
    company.load()
    dump(tmp_path / "out")
    assert ",eom 45d\n" in (tmp_path / "out" / "accounts.csv").read_text()


def test_days_to_pay_become_terms_when_the_database_is_upgraded(company: Company):
    company.customer("C1", payment_terms="")
    company.customer("C2", payment_terms="45d")
    company.load()
    executor = MigrationExecutor(connection)
    executor.migrate([("ardoise_directory", "0001_initial")])
    before = executor.loader.project_state([("ardoise_directory", "0001_initial")]).apps
    before.get_model("ardoise_directory", "Issuer").objects.update(payment_days=0)
    before.get_model("ardoise_directory", "Account").objects.filter(code="C2").update(payment_days=21)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    assert Issuer.objects.get().payment_terms == "receipt"
    assert list(Account.objects.order_by("code").values_list("payment_terms", flat=True)) == ["", "21d"]
