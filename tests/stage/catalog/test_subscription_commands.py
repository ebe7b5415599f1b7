"""`ardoise subscription`: what it prints, what it refuses with an exit status, what a machine reads."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from ardoise.access.scope import EVERYTHING
from ardoise.catalog.subscriptions import life
from ardoise.cli.subscription_commands import subscription
from stage.company import Company, voxa

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def company(home) -> Company:
    company = voxa(home)
    company.customer("C1", "Boulangerie Martin")
    company.product("abo", "30.00")
    company.files["plans.csv"] = "code,name,product\nforfait,Forfait,abo\n"
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.load()
    return company


def run(*words: str) -> Result:
    return CliRunner().invoke(subscription, list(words))


def test_changes_are_shown_one_after_another(company: Company) -> None:
    assert run("change", "S1", "--plan", "forfait", "--price", "25,50", "--on", "2026-11-14").exit_code == 0
    assert run("suspend", "S1", "--on", "2026-12-01", "--until", "2027-01-15", "--fee", "2").exit_code == 0
    shown = run("show", "S1").output
    assert "S1: C1 Boulangerie Martin" in shown
    rows = [line.split() for line in shown.splitlines() if line.startswith("202")]
    assert rows == [
        ["2026-10-01", "2026-11-14", "abo", "1", "list"],
        ["2026-11-14", "2026-12-01", "forfait", "1", "25.50", "€"],
        ["2026-12-01", "2027-01-15", "forfait", "1", "suspended,", "2.00", "€"],
        ["2027-01-15", "forfait", "1", "25.50", "€"],
    ]


def test_the_subscriptions_of_an_account_as_json(company: Company) -> None:
    assert run("cancel", "S1", "--period-end", "--today", "2026-11-14").exit_code == 0
    (said,) = json.loads(run("show", "C1", "--json").output)
    assert (said["reference"], said["terms"][0]["until"]) == ("S1", "2026-12-01")


def test_today_is_the_day_of_a_change_without_a_date(company: Company) -> None:
    assert run("change", "S1", "--quantity", "2", "--today", "2026-11-14").exit_code == 0
    assert str(life(EVERYTHING, "S1").terms[1].start_date) == "2026-11-14"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("resume", "S1", "--on", "2026-11-14"), 1, "S1: not suspended on 2026-11-14: nothing to resume"),
        (("change", "S1", "--on", "2026-11-14"), 1, "S1: nothing to change"),
        (("change", "S1", "--quantity", "deux"), 2, "--quantity: « deux » is not an amount"),
        (("change", "S1", "--quantity", "-1"), 2, "--quantity: « -1 » is negative; write more than 0"),
        (("change", "S1", "--quantity", "0"), 2, "--quantity: « 0 » is nothing; write more than 0"),
        (("cancel", "S1", "--on", "14/11/2026"), 2, "« 14/11/2026 » is not a date"),
        (("reopen", "S1"), 1, "S1: it has no end: nothing to reopen"),
        (("reopen", "S9"), 1, "« S9 » is not a subscription you can see"),
        (("cancel", "S9"), 1, "« S9 » is not a subscription you can see"),
        (("show", "S9"), 1, "« S9 » is not a subscription you can see"),
    ],
)
def test_what_is_refused_says_what_to_do(company: Company, words, code, message) -> None:
    result = run(*words)
    assert result.exit_code == code
    assert message in " ".join(result.output.split())


def test_taken_back_whole_is_said(company: Company) -> None:
    assert "is taken back whole" in run("cancel", "S1", "--on", "2026-10-01").output


def test_a_subscription_is_reopened(company: Company) -> None:
    run("cancel", "S1", "--on", "2026-11-14")
    assert "2026-11-14" not in run("reopen", "S1").output
    (said,) = json.loads(run("show", "S1", "--json").output)
    assert said["terms"][0]["until"] is None
