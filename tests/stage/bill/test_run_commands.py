"""`ardoise bill preview`, `issue`, `hold` and `release` as people type them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ardoise.cli.main import build
from stage.company import MOBILE, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
TODAY = ["--today", "2026-11-05"]


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(build(), ["bill", *arguments, *TODAY], env={"COLUMNS": "160"})
    assert done.exit_code == code, done.output
    return done.output


def test_a_day_and_a_month_make_the_same_drafts(two: Company) -> None:
    by_month = json.loads(run("preview", "--month", "2026-10", "--json"))
    assert json.loads(run("preview", "--until", "2026-11-01", "--json")) == by_month
    assert [(row["issuer"], row["drafts"], row["net_minor"]) for row in by_month] == [("voxa", 2, 14)]


def test_both_a_day_and_a_month_are_refused(two: Company) -> None:
    run("preview", "--month", "2026-10", "--until", "2026-11-01", code=2)


def test_a_held_account_is_named_by_preview_and_by_issue(two: Company) -> None:
    assert "C1 is held for 2026-10: litige" in run("hold", "C1", "--month", "2026-10", "--reason", "litige")
    assert "C1 is held: litige" in run("preview", "--month", "2026-10")
    two.waive_everything()
    issued = json.loads(run("issue", "--month", "2026-10", "--json"))
    assert (len(issued["numbers"]), issued["held"], issued["closes_date"]) == (1, {"C1": "litige"}, "2026-11-01")
    assert "C1 is no longer held for 2026-10" in run("release", "C1", "--month", "2026-10")
    run("preview", "--month", "2026-10")
    two.waive_everything()
    assert json.loads(run("issue", "--month", "2026-10", "--json"))["numbers"] == ["FA2026-00002"]


def test_one_customer_is_issued_alone(two: Company) -> None:
    run("preview", "--month", "2026-10")
    two.waive_everything()
    assert len(json.loads(run("issue", "--month", "2026-10", "--account", "C2", "--json"))["numbers"]) == 1


def test_late_usage_is_shown_with_its_age(two: Company) -> None:
    two.preview()
    two.issue()
    two.call("2026-10-20 12:00:00", PHONE, MOBILE, 61)
    two.rate()
    two.rate("2026-11")
    shown = run("preview", "--month", "2026-11")
    # 20 October to 1 December: 42 days; two started minutes at 0.12.
    assert "C1: 1 call came after the invoice, 0.24\u00a0€, the oldest 42 days ago" in shown


def test_what_a_run_inside_the_month_finds_is_waived_by_its_day(two: Company) -> None:
    """A customer billed every ten days: the names that the issue gives are those that the check takes."""
    two.row("accounts", code="C1").update(cycle="P10D", cycle_start_date="2026-10-01")
    two.load()
    two.rate()
    run("preview", "--until", "2026-10-21")
    runner, checked = CliRunner(), ["check", "--until", "2026-10-21", *TODAY]
    refused = runner.invoke(build(), ["bill", "issue", "--until", "2026-10-21", *TODAY])
    assert "ardoise check --until 2026-10-21 --waive NAME" in str(refused.exception)
    found = json.loads(runner.invoke(build(), [*checked, "--json"]).output)["findings"]
    names = [finding["name"] for finding in found]
    assert "no-subscription:C1" in names
    waived = [word for name in names for word in ("--waive", name)]
    done = runner.invoke(build(), [*checked, *waived, "--reason", "connu", "--by", "marie"])
    assert done.exit_code == 0, done.output
    assert len(json.loads(run("issue", "--until", "2026-10-21", "--json"))["numbers"]) == 1
