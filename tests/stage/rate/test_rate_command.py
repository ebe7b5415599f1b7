"""`ardoise rate` and `ardoise price` at the command line: who is chosen, what is refused, what a reader subtracts."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ardoise.cli.main import build
from stage.company import LANDLINE, MOBILE, MONTH, RATES, Company, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"


def run(*words: str) -> Result:
    return CliRunner().invoke(build(), [*words, "--today", "2026-11-05"], env={"COLUMNS": "160"})


def priced(*words: str) -> Result:
    return CliRunner().invoke(build(), ["price", MOBILE, *words], env={"COLUMNS": "160"})


@pytest.fixture
def two_customers(company: Company) -> Company:
    """C1 calls a mobile on the 5th, C2 a landline on the 20th at 00:30 in Paris (the 19th at 22:30 UTC)."""
    for code, number in (("C1", PHONE), ("C2", OTHER)):
        company.customer(code)
        company.line(number, code)
    company.files["tariffs/new.toml"] = tariff("new")
    company.files["tariffs/new-2026-01-01.csv"] = RATES.replace("0.12,60,60", "0.10,1,1")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    company.call("2026-10-20 00:30:00", OTHER, LANDLINE, 30)
    company.rate()
    return company


def test_days_choose_the_customers_with_calls_on_them_in_local_time(two_customers: Company) -> None:
    def calls(*words: str) -> int:
        done = run("rate", "--month", MONTH, "--json", *words)
        assert done.exit_code == 0, done.output
        return int(json.loads(done.stdout)["customers"])

    assert calls("--since", "2026-10-20") == 1
    assert calls("--until", "2026-10-19") == 1
    assert calls("--since", "2026-10-05", "--until", "2026-10-20") == 2
    assert "no customer of 2026-10 meets" in run("rate", "--month", MONTH, "--since", "2026-10-21").output


def test_who_has_no_call_is_told_why(two_customers: Company) -> None:
    two_customers.customer("C3")
    two_customers.load()

    def why(*words: str, month: str = MONTH) -> str:
        done = run("rate", "--month", month, *words)
        assert done.exit_code == 1
        return " ".join(done.output.split())

    assert "as the month was last rated, on 05/11 09:00, it has no call of C3;" in why("--account", "C3")
    assert "it has calls of C1, but none priced by the tariff new;" in why("--account", "C1", "--tariff", "new")
    assert "it has calls of C1, but none from 2026-10-20 to its last day;" in why(
        "--account", "C1", "--since", "2026-10-20"
    )
    assert "2026-09 was never rated" in why("--account", "C3", month="2026-09")


def test_a_customer_is_chosen_with_the_calls_of_its_branches(two_customers: Company) -> None:
    two_customers.branch("C3", "Nord", parent="C1")
    two_customers.line("0472000003", "C3")
    two_customers.load()
    two_customers.call("2026-10-06 10:00:00", "0472000003", LANDLINE, 60)
    two_customers.rate()
    done = run("rate", "--month", MONTH, "--account", "C1", "--tariff", "public", "--json")
    assert json.loads(done.stdout)["calls"] == 2  # its own, and that of its branch
    only_branch = run("rate", "--month", MONTH, "--account", "C1", "--since", "2026-10-06", "--json")
    assert json.loads(only_branch.stdout)["customers"] == 1


def test_days_that_hold_nothing_of_the_month_are_refused(two_customers: Company) -> None:
    for days in (
        ("--since", "2026-10-20", "--until", "2026-10-19"),
        ("--until", "2026-09-30"),
        ("--since", "2026-11-01"),
    ):
        done = run("rate", "--month", MONTH, *days)
        assert done.exit_code == 2 and "no day of 2026-10 is between" in done.output


def test_a_what_if_of_some_customers_shows_these_only(two_customers: Company) -> None:
    done = run("rate", "--month", MONTH, "--what-if", "new", "--account", "C1")
    assert done.exit_code == 0 and "C1" in done.output and "C2" not in done.output
    # 2 minutes x 0.12 = 0.24; 61/60 x 0.10 = 0.10 as shown: 0.14 less, here and in the sum
    assert done.output.count("-0.14\u00a0€") == 2
    refused = run("rate", "--month", MONTH, "--what-if", "new", "--account", "C9").output
    assert "no customer with calls in 2026-10 has the code C9" in " ".join(refused.split())


def test_a_what_if_says_that_it_takes_no_other_choice(two_customers: Company) -> None:
    for words in (("--source", "siege"), ("--tariff", "public"), ("--since", "2026-10-02"), ("--changes",)):
        done = run("rate", "--month", MONTH, "--what-if", "new", *words)
        assert done.exit_code == 2 and "choose customers by --account only" in " ".join(done.output.split())


def test_one_payer_is_given_and_a_possible_time(two_customers: Company) -> None:
    assert priced("--account", "C1", "--line", PHONE).exit_code == 2
    for time in ("9999-12-31T23:59", "0001-01-01T00:00", "hier"):
        done = priced("--account", "C1", "--at", time)
        assert done.exit_code == 2 and "is not a time" in done.output


def test_a_time_with_its_offset_is_that_instant(two_customers: Company) -> None:
    # Midnight of 1 January in Paris is 23:00 UTC: one second before, no version is in force yet.
    assert priced("--account", "C1", "--at", "2025-12-31T22:59:59+00:00").exit_code == 1
    assert priced("--account", "C1", "--at", "2025-12-31T23:00:00+00:00").exit_code == 0


@pytest.fixture
def by_coefficient(company: Company) -> Company:
    """C1 pays calls in France at 1.5 times their cost; a mobile costs 0.04 a minute, 0.05 by the trunk T2."""
    company.customer("C1")
    company.files["tariffs/times.toml"] = tariff("times")
    company.files["tariffs/times-2026-01-01.csv"] = "prefix,exact,zone,band,coefficient\n+33,,mobile,,1.5\n"
    for code, price in (("achat", "0.04"), ("achat-t2", "0.05")):
        company.files[f"tariffs/{code}.toml"] = tariff(code)
        rows = f"prefix,exact,zone,band,price_per_min,first_s,next_s\n+336,,mobile,,{price},1,1\n"
        company.files[f"tariffs/{code}-2026-01-01.csv"] = rows
    company.files["tariff_links.csv"] = (
        "owner_kind,owner,tariff,trunk\naccount,C1,times,\nsource,op,achat,\nsource,op,achat-t2,T2\n"
    )
    company.load()
    return company


AT = ("--account", "C1", "--at", "2026-10-05T10:00", "--duration", "60")


def micros(*words: str) -> int:
    return int(json.loads(priced(*AT, *words, "--json").stdout)["amount_micros"])


def test_a_price_by_coefficient_takes_the_cost_that_is_given(by_coefficient: Company) -> None:
    assert micros("--cost", "0.0300") == 45_000  # 0.03 x 1.5
    assert micros("--cost", "0,02") == 30_000
    assert micros("--source", "op") == 60_000  # 0.04 x 1.5
    assert micros("--source", "op", "--trunk", "T2") == 75_000  # 0.05 x 1.5
    assert micros("--source", "op", "--cost", "0.03") == 45_000  # what the operator asks goes before its tariff
    assert "multiplié par 1,5" in priced(*AT, "--cost", "0.03").output


def test_a_price_by_coefficient_without_its_cost_says_what_to_give(by_coefficient: Company) -> None:
    done = priced(*AT)
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "Donnez le coût avec --cost MONTANT" in said and "--source CODE" in said
    assert "Give the cost by --cost AMOUNT" in priced(*AT, "--lang", "en").output
    (part,) = json.loads(priced(*AT, "--json").stdout)["parts"]
    assert part == {"level": "retail", "part": "access", "amount_micros": None, "why": "no_cost"}
    early = ("--account", "C1", "--at", "2025-06-01T10:00", "--source", "op")
    assert "tariff_links.csv" not in priced(*early).output  # no version at all: the cost is not what lacks


def test_a_source_that_cannot_give_the_cost_is_named(by_coefficient: Company) -> None:
    """The operator's tariffs have mobiles only."""

    def said(*words: str) -> str:
        done = CliRunner().invoke(build(), ["price", LANDLINE, *AT, "--source", "op", *words], env={"COLUMNS": "160"})
        assert done.exit_code == 1
        return " ".join(done.output.split())

    assert "La source « op » n'a pas de grille d'achat avec un prix pour ce numéro" in said()
    assert "The source “op” has no operator's tariff with a price for this number" in said("--lang", "en")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--source", "nobody"), "no source has the code « nobody »"),
        (("--trunk", "T2"), "give --source CODE with --trunk"),
        (("--cost", "cher"), "« cher » is not an amount"),
    ],
)
def test_a_cost_that_cannot_be_is_refused(by_coefficient: Company, words: tuple[str, ...], said: str) -> None:
    done = priced(*AT, *words)
    assert done.exit_code == 2 and said in done.output


def test_how_long_a_balance_lasts_is_unknown_by_coefficient(by_coefficient: Company) -> None:
    said = priced(*AT, "--cost", "0.03", "--balance", "5").output
    assert "Le prix dépend du coût de chaque appel" in said and "peut durer" not in said


def test_parts_say_who_pays_them(two_customers: Company) -> None:
    """C1 buys from C2 and resells: the same call has a price at two levels."""
    two_customers.tables["accounts"][0]["reseller"] = "C2"
    two_customers.load()
    said = json.loads(priced("--account", "C1", "--at", "2026-10-05T10:00", "--json").stdout)
    assert [(part["level"], part["amount_micros"]) for part in said["parts"]] == [
        ("retail", 120_000),
        ("reseller1", 120_000),
    ]
    assert said["amount_micros"] == 120_000  # what the customer pays


def test_a_balance_is_told_in_the_language_asked(two_customers: Company) -> None:
    at = ("--account", "C1", "--at", "2026-10-05T10:00", "--balance")
    # 0.12 a started minute: 0.25 pays two of them
    assert "Avec 0.25 de crédit, l'appel peut durer 120 s" in priced(*at, "0.25").output
    assert "With 0.25 left, the call can last 120 s" in priced(*at, "0.25", "--lang", "en").output
    assert "peut durer 24 h ou plus" in priced(*at, "999").output
    assert "pays for nothing" in priced(*at, "-5").output
