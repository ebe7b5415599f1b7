"""What cannot be billed as it is written, as a person at a terminal sees it: one sentence, and nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from ardoise.bill.models import BillRun, Document, Draft, Series
from ardoise.catalog.models import Product, Subscription
from ardoise.cli.main import build
from ardoise.cli.wiring import guarded
from ardoise.directory.models import Account, Identifier
from stage.company import LANDLINE, MONTH, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
Said = Callable[..., str]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Said:
    """Run a command that fails; returns what it says, as one line."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str, fails: bool = True) -> str:
        capsys.readouterr()
        status = guarded(lambda: build()(args=list(words)))
        shown = capsys.readouterr()
        assert (status != 0) == fails, shown
        return " ".join((shown.out + shown.err).split())

    return run


@pytest.fixture
def billed(company: Company) -> Company:
    """C1 and C2 with a line and a call each; October is issued on 5 November."""
    for code, phone in (("C1", PHONE), ("C2", OTHER)):
        company.customer(code)
        company.line(phone, code)
        company.call("2026-10-05 10:00:00", phone, LANDLINE, 60)
    company.product("abo", "30.00")
    company.load()
    company.bill()
    return company


def written(company: Company) -> str:
    """The folder of the company with what was changed in it, not loaded."""
    folder = company.home / "plain"
    for name, rows in company.tables.items():
        names = list(dict.fromkeys(column for row in rows for column in row))
        lines = [",".join(names), *(",".join(str(row.get(column, "")) for column in names) for row in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder)


def stands() -> tuple[int, ...]:
    """How much of everything there is."""
    counted = (Document, Draft, BillRun, Account, Product, Subscription, Identifier)
    return (*(model.objects.count() for model in counted), sum(Series.objects.values_list("last_number", flat=True)))


def test_a_subscription_that_ends_before_it_starts(billed: Company, said: Said) -> None:
    before = stands()
    billed.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01", valid_to_date="2026-10-01")
    told = said("load", written(billed))
    assert "nothing was loaded: subscriptions.csv, line 2, column valid_to_date: « 2026-10-01 » is not after" in told
    assert stands() == before


def test_overlapping_identifiers(billed: Company, said: Said) -> None:
    before = stands()
    billed.add("lines", {"code": "LX", "name": ""})
    billed.add("identifiers", {"kind": "number", "value": PHONE, "line": "LX", "valid_from_date": "2026-10-10"})
    told = said("load", written(billed))
    assert "identifiers.csv, line 4" in told
    assert "overlaps line 2" in told
    assert "give the earlier one a valid_to_date" in told
    assert stands() == before


def test_a_product_without_a_nature(billed: Company, said: Said) -> None:
    before = stands()
    billed.product("tel", "80.00", kind="one_off", nature="")
    assert "column nature: is empty; expected: goods, services" in said("load", written(billed))
    assert stands() == before


def test_a_business_without_siren(billed: Company, said: Said) -> None:
    billed.row("accounts", code="C1")["siren"] = ""
    assert "column siren: is missing: an invoice to a French company must print it" in said(
        "load", written(billed), fails=False
    )
    billed.call("2026-11-05 10:00:00", PHONE, LANDLINE, 60)
    billed.call("2026-11-05 10:00:00", OTHER, LANDLINE, 60)
    billed.rate("2026-11")
    today = ["--month", "2026-11", "--today", "2026-12-05"]
    told = said("bill", "preview", *today, fails=False)
    assert told.count("BR-FR-11 ") == 1  # ours, and not the official rule again
    assert "no-siren:C1" in said("check", *today)
    billed.waive_everything("2026-11")
    assert "C1: BR-FR-11" in said("bill", "issue", *today)
    assert Document.objects.filter(month="2026-11").get().account.code == "C2"  # the others are issued


def test_a_cycle_that_changes_under_an_open_draft(billed: Company, said: Said) -> None:
    billed.call("2026-11-05 10:00:00", PHONE, LANDLINE, 60)
    billed.rate("2026-11")
    billed.preview("2026-11", on=date(2026, 12, 5))
    billed.waive_everything("2026-11")
    billed.row("accounts", code="C1")["cycle"] = "P3M"
    said("load", written(billed), fails=False)
    before = stands()
    told = said("bill", "issue", "--month", "2026-11", "--today", "2026-12-05")
    assert "C1 was left out: what it is due is not what the preview showed" in told
    assert "preview again: ardoise bill preview --until 2026-12-01" in told
    assert stands() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--month", "2027-05"], "2027-05 has not begun; choose a month up to this one"),
        (["--until", "2027-05-03"], "it is in the future; choose a day up to 2026-12-01"),
        (["--month", "2024-09"], "runs catch up 24 months; choose a day from 2024-11-01"),
        (["--month", "2026-13"], "« 2026-13 » is not a month; write YYYY-MM"),
    ],
)
def test_a_run_that_cannot_be(billed: Company, said: Said, words: list[str], sentence: str) -> None:
    before = stands()
    assert sentence in said("bill", "preview", *words, "--today", "2026-11-05")
    assert stands() == before


def test_a_run_of_a_month_that_is_issued_adds_nothing(billed: Company, said: Said) -> None:
    before = Document.objects.count()
    for command in ("preview", "issue"):
        said("bill", command, "--month", MONTH, "--today", "2026-11-05", fails=False)
    assert Document.objects.count() == before


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        ("2026-11-30", "cannot be the date of this document; choose one from 2026-12-01 to 2026-12-05"),
        ("2026-12-06", "cannot be the date of this document; choose one from 2026-12-01 to 2026-12-05"),
        ("5/12", "« 5/12 » is not a date; write YYYY-MM-DD"),
    ],
)
def test_a_date_that_a_document_cannot_have(billed: Company, said: Said, on: str, sentence: str) -> None:
    billed.call("2026-11-05 10:00:00", PHONE, LANDLINE, 60)
    billed.rate("2026-11")
    billed.preview("2026-11", on=date(2026, 12, 5))
    billed.waive_everything("2026-11")
    before = stands()
    assert sentence in said("bill", "issue", "--month", "2026-11", "--today", "2026-12-05", "--date", on)
    assert stands() == before


def test_a_date_before_the_last_of_its_series(billed: Company, said: Said) -> None:
    one = ["bill", "credit", "FA2026-00001", "--amount", "0.01", "--reason", "Geste", "--today", "2026-11-09"]
    said(*one, "--date", "2026-11-08", fails=False)
    before = stands()
    told = said(*one, "--date", "2026-11-07")
    assert "the last document of the series is dated 2026-11-08" in told
    assert "take that date or a later one" in told
    assert stands() == before
