"""`ardoise discount` and `ardoise commitment`: what is given is billed, what is refused says what to do."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner, Result

from ardoise.cli.main import build
from stage.company import Company, document_of, voxa

pytestmark = pytest.mark.django_db(transaction=True)

NOVEMBER, IN_DECEMBER = "2026-11", date(2026, 12, 2)


@pytest.fixture
def company(home) -> Company:
    """C1: 12.00 a month in arrears."""
    company = voxa(home)
    company.customer("C1", "Boulangerie Martin")
    company.product("abo", "12.00", in_advance="no")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-10-01")
    company.load()
    return company


def run(words: str) -> Result:
    return CliRunner().invoke(build(), words.split())


def done(words: str) -> str:
    result = run(words)
    assert result.exit_code == 0, result.output
    return result.output


def lines(month: str) -> list[tuple[str, int]]:
    return [(line.label, line.net_minor) for line in document_of("C1", month=month).lines]


def test_a_voucher_is_created_given_and_used_once(company: Company) -> None:
    done("discount create NOEL5 --name Bon --amount 5 --limit 5")
    assert "Nobody has: NOEL5" in done("discount list")
    shown = done("discount give NOEL5 --account C1 --from 2026-10-01")
    assert "NOEL5" in shown and "5.00\N{NO-BREAK SPACE}€" in shown and "account C1" in shown
    company.bill()
    assert lines("2026-10") == [("Produit abo", 1200), ("Bon – Produit abo", -500)]
    company.bill(NOVEMBER, on=IN_DECEMBER)
    assert lines(NOVEMBER) == [("Produit abo", 1200)]


def test_a_discount_of_one_subscription_ends_on_a_day(company: Company) -> None:
    done("discount create moitie --name Moitié --percentage 50 --product abo")
    done("discount give moitie --subscription S1 --from 2026-10-01")
    company.bill()
    assert lines("2026-10") == [("Produit abo", 1200), ("Moitié – Produit abo", -600)]
    done("discount end moitie --subscription S1 --on 2026-11-01")
    company.bill(NOVEMBER, on=IN_DECEMBER)
    assert lines(NOVEMBER) == [("Produit abo", 1200)]
    (said,) = json.loads(done("discount list C1 --json"))
    assert (said["holder"], said["from"], said["until"]) == ("S1", "2026-10-01", "2026-11-01")


def test_a_discount_of_all_customers_of_an_issuer_is_one_of_each(company: Company) -> None:
    done("discount create cinq --name Cinq --percentage 5")
    done("discount give cinq --issuer voxa --from 2026-10-01")
    assert "issuer voxa" in done("discount list C1")
    company.bill()
    assert lines("2026-10") == [("Produit abo", 1200), ("Cinq – Produit abo", -60)]


def test_taken_back_on_its_first_day_it_was_never_given(company: Company) -> None:
    done("discount create cinq --name Cinq --percentage 5")
    done("discount give cinq --account C1 --from 2026-11-01")
    assert "was never given" in done("discount end cinq --account C1 --on 2026-11-01")
    assert "No discount is given." in done("discount list")
    done("discount give cinq --account C1 --from 2026-11-01")  # and can be given again


def test_a_minimum_is_asked_for_and_its_last_month_owes_its_days(company: Company) -> None:
    done("commitment give MIN --account C1 --amount 100 --from 2026-10-01 --name Minimum")
    company.bill()
    assert lines("2026-10") == [("Produit abo", 1200), ("Minimum", 8800)]
    done("commitment end MIN --on 2026-11-16")
    company.bill(NOVEMBER, on=IN_DECEMBER)
    assert lines(NOVEMBER) == [("Produit abo", 1200), ("Minimum", 3800)]  # 100 x 15/30 - 12
    (said,) = json.loads(done("commitment list C1 --json"))
    assert (said["commitment"], said["until"]) == ("MIN", "2026-11-16")


@pytest.fixture
def given(company: Company) -> Company:
    """C1 billed for October; it has `cinq` from November on, `bon` is nobody's, MIN holds from November to January."""
    done("discount create cinq --name Cinq --percentage 5")
    done("discount create bon --name Bon --amount 5")
    company.bill()
    done("discount give cinq --account C1 --from 2026-11-01")
    done("commitment give MIN --account C1 --amount 100 --from 2026-11-01 --until 2027-01-01")
    return company


BILLED = "C1 is billed up to 2026-11-01, and what was issued does not change"
COMMIT = "commitment give K --account C1"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("discount create cinq --name X --amount 1", 1, "discount « cinq » exists already; give it"),
        ("discount create x --name X", 1, "give a percentage or an amount above 0, not both"),
        ("discount create x --name X --percentage 5 --product zz", 1, "zz: does not exist; create it first"),
        ("discount create x --name X --percentage 5 --section zz", 1, "« zz » is no section of a bill; choose one of:"),
        ("discount create x --name X --percentage five", 2, "--percentage: « five » is not an amount"),
        ("discount create x --name X --amount 5 --product abo --section outside", 1, "products or a section"),
        ("discount give cinq", 2, "say who has it: one of --account CODE, --subscription REFERENCE, --issuer CODE"),
        ("discount give cinq --account C1 --issuer voxa", 2, "say who has it: one of --account CODE"),
        ("discount give cinq --account C9", 1, "« C9 » is not an account you can see"),
        ("discount give cinq --subscription S9", 1, "« S9 » is not a subscription you can see"),
        ("discount give cinq --issuer zz", 1, "« zz » is not an issuer you can see; choose one of: voxa"),
        ("discount give zz --account C1", 1, "« zz » is not a discount; create it first: ardoise discount create zz"),
        ("discount give bon --account C1 --from 2026-12-01 --until 2026-12-01", 1, "choose a later end, or none"),
        ("discount give bon --account C1 --from 01/12/2026", 2, "« 01/12/2026 » is not a date"),
        ("discount give bon --account C1 --from 2026-10-15", 1, f"{BILLED}: give it from 2026-11-01 or later"),
        ("discount give cinq --account C1 --from 2027-01-01", 1, "C1 has « cinq » from 2026-11-01 on already"),
        ("discount end bon --account C1 --on 2026-12-01", 1, "C1 does not have « bon » on 2026-12-01; see what it has"),
        ("discount end cinq --account C1 --on 2026-10-15", 1, "(it has it from 2026-11-01 on); choose a day of these"),
        ("commitment give MIN --account C1 --amount 9 --from 2027-02-01", 1, "« MIN » is a minimum of C1 already"),
        (f"{COMMIT} --amount 0 --from 2027-02-01", 1, "a minimum of 0; write more than 0"),
        (f"{COMMIT} --amount 9 --from 2026-12-01", 1, "C1 has the minimum « MIN » from 2026-11-01 until 2027-01-01"),
        (f"{COMMIT} --amount 9 --from 2026-10-01 --product abo", 1, f"{BILLED}: begin it on 2026-11-01 or later"),
        (f"{COMMIT} --amount 9 --from 2027-02-01 --product zz", 1, "« zz » is not a product"),
        (f"{COMMIT} --amount 9 --from 2027-02-01 --until 2027-01-01", 1, "choose a later end, or none"),
        ("commitment end MIN --on 2027-01-01", 1, "« MIN » holds from 2026-11-01 until 2027-01-01: it cannot end on"),
        ("commitment end ZZ", 1, "« ZZ » is not a minimum you can see; look for it with: ardoise commitment list"),
    ],
)
def test_what_is_refused_says_what_to_do(given: Company, words: str, code: int, message: str) -> None:
    result = run(words)
    assert message in " ".join(result.output.split())
    assert result.exit_code == code


def test_what_began_before_the_last_bill_ends_after_it(given: Company) -> None:
    given.bill(NOVEMBER, on=IN_DECEMBER)
    refused = " ".join(run("discount end cinq --account C1 --on 2026-11-10").output.split())
    assert "C1 is billed up to 2026-12-01" in refused and "end it on 2026-12-01 or later" in refused
    refused = " ".join(run("commitment end MIN --on 2026-11-10").output.split())
    assert "end it on 2026-12-01 or later" in refused
