"""Every document to come, on a clock that moves; nothing of it stays."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ardoise import flow
from ardoise.bill.models import BillRun, Document, Draft, Series
from ardoise.bill.simulation import Foreseen, SimulationRefused
from ardoise.cli.main import build
from ardoise.ledger.models import LedgerTransaction
from ardoise.store.models import Partition, TableFile
from stage.company import MOBILE, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def subscribed(company: Company) -> Company:
    """C1 pays 30.00 a month in advance since November; C2, every quarter, 10.00 a month in arrears since October."""
    company.product("abo", "30.00")
    company.product("suivi", "10.00", in_advance="no")
    company.customer("C1")
    company.customer("C2", cycle="P3M")
    company.line(PHONE, "C1")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01", valid_to_date="2027-01-16")
    company.subscribe("S2", "C2", product="suivi", valid_from_date="2026-10-01")
    company.load()
    company.call("2026-10-05 12:00:00", PHONE, MOBILE, 60)
    company.rate()
    return company


def foresee(company: Company, until: str, **fields: object) -> list[Foreseen]:
    return flow.simulate(until=date.fromisoformat(until), now=company.now, **fields)  # type: ignore[arg-type]


def test_the_documents_to_come_are_those_of_the_runs(subscribed: Company) -> None:
    found = foresee(subscribed, "2027-02-01")
    assert [
        (str(one.issue_date), one.account, str(one.period_from), str(one.period_to), one.net_minor) for one in found
    ] == [
        ("2026-11-05", "C1", "2026-10-01", "2026-10-31", 3012),  # October's call, November in advance: due today
        ("2026-12-01", "C1", "2026-11-01", "2026-11-30", 3000),  # December
        ("2027-01-01", "C1", "2026-12-01", "2026-12-31", 1452),  # 15 days of January: 30.00 x 15/31 = 14.516
        ("2027-01-01", "C2", "2026-10-01", "2026-12-31", 3000),  # a quarter in arrears
    ]
    assert found[0].gross_minor == 3614
    assert found[0].main_lines[0] == ("Produit abo", 3000)


def test_nothing_of_it_stays(subscribed: Company) -> None:
    def kept() -> tuple[object, ...]:
        models = (Document, Draft, BillRun, Series, LedgerTransaction, TableFile)
        counts = [model.objects.count() for model in models]
        generations = sorted(Partition.objects.values_list("table", "month", "partition", "generation"))
        return counts, generations, files(subscribed.home)

    def files(home: Path) -> list[str]:
        return sorted(str(path) for path in (home / "tables").rglob("*.parquet"))

    before = kept()
    first = foresee(subscribed, "2027-06-30")
    assert kept() == before
    assert foresee(subscribed, "2027-06-30") == first


def test_what_is_issued_then_is_what_was_foreseen(subscribed: Company) -> None:
    foreseen = foresee(subscribed, "2026-12-01")
    subscribed.preview()
    subscribed.issue()
    subscribed.preview("2026-11", on=date(2026, 12, 1))
    subscribed.issue("2026-11", on=date(2026, 12, 1))
    issued = Document.objects.order_by("id").values_list("account__code", "net_minor", "gross_minor")
    assert [(one.account, one.net_minor, one.gross_minor) for one in foreseen] == list(issued)


def test_one_account_alone(subscribed: Company) -> None:
    found = foresee(subscribed, "2027-02-01", accounts=["C2"])
    assert [one.account for one in found] == ["C2"]


def test_a_day_that_is_over_or_too_far_is_refused(subscribed: Company) -> None:
    for day in ("2026-11-05", "2030-01-01"):
        with pytest.raises(SimulationRefused, match="choose a day after 2026-11-05, up to 2029-11-05"):
            foresee(subscribed, day)
    with pytest.raises(SimulationRefused, match="no account has the code C9"):
        foresee(subscribed, "2027-01-01", accounts=["C9"])


def test_the_command_prints_a_timeline(subscribed: Company) -> None:
    asked = ["bill", "simulate", "--until", "2027-02-01", "--today", "2026-11-05"]
    shown = CliRunner().invoke(build(), asked, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "4 documents to come; nothing was issued." in shown.output
    as_json = CliRunner().invoke(build(), [*asked, "--json"])
    assert [row["net_minor"] for row in json.loads(as_json.output)] == [3012, 3000, 1452, 3000]


def test_what_comes_to_less_than_nothing_is_shown_as_carried(subscribed: Company) -> None:
    """C1 pays November (30.00) and December (30.00) in advance, then ends on 16 November: 45.00 and VAT 9.00 back."""
    subscribed.bill()
    subscribed.bill("2026-11", on=date(2026, 12, 5))
    subscribed.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-16"
    subscribed.load()
    found = foresee(subscribed, "2027-01-01", accounts=["C1"])
    assert [(one.account, one.gross_minor, one.carried_minor) for one in found] == [("C1", 0, -5400)]
    asked = ["bill", "simulate", "--until", "2027-01-01", "--account", "C1", "--today", "2026-12-05"]
    shown = CliRunner().invoke(build(), asked, env={"COLUMNS": "200"}).output
    assert "reporté\u00a0: −54,00\u00a0€" in shown
    assert "0 documents to come" in shown
    (row,) = json.loads(CliRunner().invoke(build(), [*asked, "--json"]).output)
    assert (row["carried_minor"], row["net_minor"]) == (-5400, 0)
