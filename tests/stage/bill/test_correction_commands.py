"""The commands that correct what was issued, as a person types them."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from ardoise.bill.models import Document
from ardoise.cli import correction_commands
from ardoise.core.credit_notes import CreditRefused
from stage.company import LANDLINE, MOBILE, RATES, Company, issued, numbers

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def billed(company: Company) -> Company:
    """C1: line 1 landlines 0.20, line 2 mobiles 12.00; VAT 2.44."""
    company.customer("C1")
    company.line(PHONE, "C1")
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 6000)
    company.call("2026-10-06 10:00:00", PHONE, LANDLINE, 600)
    company.load()
    company.bill()
    return company


def run(*words: str, fails: bool = False) -> str:
    app = typer.Typer()
    app.add_typer(correction_commands.bill, name="bill")
    done = CliRunner().invoke(app, ["bill", *words, "--today", "2026-11-05"])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert (done.exit_code != 0) == fails, done.output
    return done.output


def line_of(label: str) -> str:
    (found,) = (line.line_no for line in issued("FA2026-00001").lines if line.label == label)
    return str(found)


def test_a_part_of_a_line_and_a_whole_one(billed: Company) -> None:
    said = run(
        "credit",
        "FA2026-00001",
        "--line",
        f"{line_of('Mobiles')}:2,50",
        "--line",
        line_of("Fixes"),
        "--reason",
        "Geste",
    )
    assert "AV2026-00001 credits FA2026-00001: 3,24" in said  # 2.50 + 0.20, VAT 0.54
    assert {line.label: line.net_minor for line in issued("AV2026-00001").lines} == {"Mobiles": 250, "Fixes": 20}


def test_a_percentage_twice_is_the_whole(billed: Company) -> None:
    for _ in range(2):
        run("credit", "FA2026-00001", "--percentage", "50", "--reason", "Geste")
    assert sum(row.payable_minor for row in Document.objects.filter(kind="credit_note")) == 1464
    with pytest.raises(CreditRefused, match="cannot be credited"):
        run("credit", "FA2026-00001", "--percentage", "1", "--reason", "Encore")


def test_an_amount_is_spread_over_the_lines(billed: Company) -> None:
    run("credit", "FA2026-00001", "--amount", "6.10", "--reason", "Geste")
    assert {line.label: line.net_minor for line in issued("AV2026-00001").lines} == {"Mobiles": 600, "Fixes": 10}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--amount", "1", "--percentage", "2"], "choose one of"),
        (["--amount", "1", "--cancel"], "takes whole lines"),
        (["--amount", "1.005"], "parts of a cent"),
        (["--line", "two"], "names no line"),
        (["--percentage", "half"], "is not an amount"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_issued(billed: Company, words: list[str], said: str) -> None:
    assert said in run("credit", "FA2026-00001", *words, "--reason", "Geste", fails=True)
    assert numbers() == ["FA2026-00001"]


def test_a_line_that_does_not_exist_is_refused(billed: Company) -> None:
    with pytest.raises(CreditRefused, match="has no line 9"):
        run("credit", "FA2026-00001", "--line", "9", "--reason", "Geste")


def test_a_credit_note_is_not_credited_and_a_number_that_nobody_has_is_said(billed: Company) -> None:
    run("credit", "FA2026-00001", "--amount", "1", "--reason", "Geste")
    said = run("credit", "AV2026-00001", "--reason", "Geste", fails=True)
    assert "make the invoice anew: ardoise bill reissue FA2026-00001" in " ".join(said.split())
    assert "no invoice has the number FA2026-00009" in run("reissue", "FA2026-00009", "--reason", "X", fails=True)


def test_cancelled_then_made_anew(billed: Company) -> None:
    assert "Its charges are open" in run("credit", "FA2026-00001", "--cancel", "--reason", "Erreur")
    assert "is cancelled already" in run("credit", "FA2026-00001", "--cancel", "--reason", "Erreur", fails=True)
    assert "FA2026-00002 replaces FA2026-00001: 14,64" in run("reissue", "FA2026-00001", "--reason", "Erreur")
    again = json.loads(run("reissue", "FA2026-00001", "--reason", "Erreur", "--json"))
    assert again == {"replaces": "FA2026-00001", "credit_notes": [], "number": "FA2026-00002"}


def test_proposals_are_previewed_then_settled(billed: Company) -> None:
    rates = RATES.replace("mobile,,0.12", "mobile,,0.10")
    billed.files["tariffs/public-2026-01-01.csv"] = rates
    billed.load(correct=True)
    billed.rate()
    assert "-2,40" in run("correct", "--month", "2026-10", "--preview")
    assert numbers() == ["FA2026-00001"]
    (row,) = json.loads(run("correct", "--month", "2026-10", "--json"))
    assert row == {
        "account": "C1",
        "corrects": "FA2026-00001",
        "number": "AV2026-00001",
        "kind": "credit_note",
        "payable_minor": 240,
    }
    assert "Nothing to correct" in run("correct", "--month", "2026-10")
