"""What was issued and would be another amount today, told as stories: corrections of the past and who must get what."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from ardoise.access.scope import EVERYTHING, Scope
from ardoise.bill.corrections import issue_credit_note
from ardoise.bill.equation import charge_balance
from ardoise.bill.operations import compute_recurring
from ardoise.bill.proposals import Proposal, proposals, proposed_charges, write_csv
from ardoise.cli import billing_commands
from ardoise.core.periods import month_period
from ardoise.core.schema import CHARGES
from ardoise.deliver.operations import official_verdicts
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import replace_partition
from ardoise.store.tables import write_parquet
from stage.company import ISSUE_DATE, LANDLINE, MOBILE, MONTH, OWN_COSTS, RATES, Company, drafts, numbers, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
CORRECTED_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def issued(company: Company) -> Company:
    """October is issued: C1 paid a minute to a mobile (0.12), another (0.12) and one to a landline (0.02); C2 one of
    those (0.02)."""
    company.customer("C1")
    company.customer("C2")
    company.line(PHONE, "C1")
    company.line(OTHER, "C2")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-06 10:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-07 10:00:00", PHONE, LANDLINE, 60)
    company.call("2026-10-08 10:00:00", OTHER, LANDLINE, 60)
    company.bill()
    company.now = CORRECTED_AT
    return company


def correct_mobiles(company: Company, price: str) -> None:
    company.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", f"+336,,mobile,,{price}")
    company.load(correct=True)
    company.rate()


def proposed(scope: Scope = EVERYTHING) -> list[Proposal]:
    return proposals(scope, month=MONTH)


def told(found: list[Proposal]) -> list[tuple[str, str, int, int, int]]:
    """(account, document, charges, old, new) of each proposal."""
    return [
        (one.account.code, one.document.number if one.document else "", one.charges, one.old_micros, one.new_micros)
        for one in found
    ]


def test_nothing_is_proposed_while_nothing_moved(issued: Company) -> None:
    issued.rate()
    assert proposed() == []


def test_a_corrected_price_proposes_the_difference_of_what_was_issued(issued: Company) -> None:
    correct_mobiles(issued, "0.10")
    (one,) = proposed()
    assert told([one]) == [("C1", "FA2026-00001", 2, 240_000, 200_000)]  # two minutes, 2 cents less each
    assert (one.difference_micros, one.currency, one.tax_basis) == (-40_000, "EUR", "ht")
    assert (one.computed_at, one.unpriced, one.credited_minor) == (CORRECTED_AT, 0, 0)


def test_a_correction_bills_nothing_again_and_the_equation_holds(issued: Company) -> None:
    correct_mobiles(issued, "0.10")
    issued.preview()
    assert drafts() == {}
    issued.issue()
    assert numbers() == ["FA2026-00001", "FA2026-00002"]
    count, micros = charge_balance(MONTH, list(Issuer.objects.all()))
    assert (count.proposed, count.missing, micros.proposed, micros.missing) == (0, 0, -40_000, 0)


def test_a_correction_taken_back_proposes_nothing_any_more(issued: Company) -> None:
    correct_mobiles(issued, "0.10")
    correct_mobiles(issued, "0.12")
    assert proposed() == []


def test_a_late_call_is_billed_and_not_proposed(issued: Company) -> None:
    issued.call("2026-10-09 10:00:00", PHONE, LANDLINE, 60)
    issued.rate()
    assert proposed() == []
    issued.preview()
    assert list(drafts()) == ["C1"]


def test_a_line_that_was_another_customer_s_credits_one_and_debits_the_other(issued: Company) -> None:
    issued.row("assignments", account="C1")["valid_to_date"] = "2026-10-06"
    issued.add("assignments", {"line": f"L{PHONE}", "account": "C2", "valid_from_date": "2026-10-06"})
    issued.load()
    issued.rate()
    assert told(proposed()) == [
        ("C1", "FA2026-00001", 2, 140_000, 0),  # 0.12 and 0.02 were charged to C1
        ("C2", "", 2, 0, 140_000),  # and are C2's
    ]
    issued.preview()
    assert drafts() == {}  # until the proposals are settled, nobody pays the same call twice


def test_between_departments_of_one_company_a_statement_has_its_own_payer(company: Company) -> None:
    company.files["issuers.toml"] = OWN_COSTS
    company.files["sources.toml"] = company.files["sources.toml"].replace('"voxa"', '"usine"')
    company.files["tariff_links.csv"] = "owner_kind,owner,tariff\nissuer,usine,public\n"
    company.department("ATELIER", "Atelier", issuer="usine")
    company.department("BUREAU", "Bureau", issuer="usine", parent="ATELIER")
    company.line(PHONE, "ATELIER")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    company.bill()
    company.row("assignments", account="ATELIER")["account"] = "BUREAU"
    company.now = CORRECTED_AT
    company.load()
    company.rate()
    assert told(proposed()) == [("ATELIER", "REL-2026-10-ATELIER", 1, 20_000, 0), ("BUREAU", "", 1, 0, 20_000)]


def test_a_call_without_a_price_today_is_counted_and_not_taken_for_free(issued: Company) -> None:
    issued.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12,60,60,,\n", "").replace(
        "+33,,", "+331,,"
    )
    issued.load(correct=True)
    issued.rate()
    (one,) = proposed()
    assert (one.charges, one.unpriced, one.old_micros, one.new_micros) == (2, 2, 0, 0)


def test_a_call_excluded_by_a_rule_today_is_credited(issued: Company) -> None:
    issued.row("lines", code=f"L{OTHER}")["no_detail"] = "yes"
    issued.load()
    issued.rate()
    assert told(proposed()) == [("C2", "FA2026-00002", 1, 20_000, 0)]


def test_a_tariff_with_tax_credits_without_tax_and_debits_with(issued: Company) -> None:
    issued.files["tariffs/ttc.toml"] = tariff("ttc", tax_basis="ttc")
    issued.files["tariffs/ttc-2026-01-01.csv"] = "prefix,zone,price_per_min\n+33,fixe,0.03\n"
    issued.files["tariff_links.csv"] += "account,C2,ttc\n"
    issued.load()
    issued.rate()
    found = [(one.tax_basis, one.old_micros, one.new_micros) for one in proposed()]
    assert found == [("ht", 20_000, 0), ("ttc", 0, 30_000)]


def test_a_corrected_price_of_a_subscription_is_proposed(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "10.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    company.row("subscriptions", reference="S1")["unit_price"] = "8.00"
    company.load()
    compute_recurring(closes_date=month_period(MONTH).end)
    assert told(proposed()) == [("C1", "FA2026-00001", 1, 10_000_000, 8_000_000)]


def test_what_the_next_run_settles_by_itself_is_not_proposed_too(company: Company) -> None:
    company.customer("C1")
    company.product("abo", "10.00")
    company.product("poste", "89.00", kind="one_off")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.buy("P1", "C1", "poste", "2026-10-12")
    company.load()
    company.bill()
    company.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-16"  # November's run credits 15 days
    company.row("purchases", reference="P1")["date"] = "2026-11-02"  # sold all the same
    company.load()
    for month in (MONTH, "2026-11"):
        compute_recurring(closes_date=month_period(month).end)
    assert proposed() == []


def test_a_call_that_is_computed_no_more_is_credited(issued: Company) -> None:
    for file in store.files(TableName.OPEN, MONTH):
        kept = pl.read_parquet(file.path).filter(pl.col(CHARGES.number_category) != "mobile")
        replace_partition(
            table=TableName.OPEN,
            month=MONTH,
            partition=file.partition,
            expected_generation=file.generation,
            files=[write_parquet(kept, TableName.OPEN)] if kept.height else [],
        )
    assert told(proposed()) == [("C1", "FA2026-00001", 2, 240_000, 0)]


def test_a_credit_note_stands_beside_the_proposal(issued: Company) -> None:
    (invoice,) = Issuer.objects.get(code="voxa").documents_issued.filter(account__code="C1")
    (mobiles,) = (line["line_no"] for line in invoice.content["lines"] if line["label"] == "Mobiles")
    issue_credit_note(
        invoice=invoice, issue_date=ISSUE_DATE, now=CORRECTED_AT, validator=official_verdicts, portions={mobiles: 20}
    )
    correct_mobiles(issued, "0.10")
    (one,) = proposed()
    assert (one.difference_micros, one.credited_minor) == (-40_000, 20)  # 0.20 of 0.24 were credited


def test_what_was_credited_to_the_last_cent_and_costs_less_is_not_proposed(issued: Company) -> None:
    (invoice,) = Issuer.objects.get(code="voxa").documents_issued.filter(account__code="C1")
    issue_credit_note(invoice=invoice, issue_date=ISSUE_DATE, now=CORRECTED_AT, validator=official_verdicts)
    correct_mobiles(issued, "0.10")
    assert proposed() == []
    correct_mobiles(issued, "0.15")
    assert [one.difference_micros for one in proposed()] == [60_000]  # two minutes, 0.03 more each


def test_a_scope_sees_the_proposals_of_its_issuers(issued: Company) -> None:
    correct_mobiles(issued, "0.10")
    assert proposed(Scope(frozenset({"allo"}))) == []
    assert len(proposed(Scope(frozenset({"voxa"})))) == 1


def test_a_month_that_was_never_rated_here_proposes_nothing(issued: Company) -> None:
    assert proposals(EVERYTHING, month="2026-09") == []


def test_the_file_gives_each_charge_with_both_tariffs(issued: Company, tmp_path: Path) -> None:
    correct_mobiles(issued, "0.10")
    assert write_csv(EVERYTHING, tmp_path / "p.csv", month=MONTH, french=True) == 2
    with (tmp_path / "p.csv").open(encoding="utf-8-sig", newline="") as file:
        first, _, total = csv.DictReader(file, delimiter=";")
    assert (first["Date"], first["Compte"], first["Document"]) == ("05/10/2026 10:00:00", "C1", "FA2026-00001")
    assert (first["Ancien montant"], first["Nouveau montant"]) == ("0,120000", "0,100000")
    assert (first["Différence"], first["Cause"]) == ("-0,020000", "autre prix")
    assert first["Grille d’alors"] == "public 01/01/2026, enregistrée le 05/11/2026 à 09:00:00"  # 8:00 UTC
    assert first["Grille corrigée"] == "public 01/01/2026, enregistrée le 20/11/2026 à 10:00:00"
    assert (total["Date"], total["Compte"], total["Monnaie"], total["Base"]) == ("Total", "", "EUR", "ht")
    assert (total["Ancien montant"], total["Nouveau montant"]) == ("0,240000", "0,200000")  # twice 0.12, twice 0.10
    assert (total["Différence"], total["Cause"]) == ("-0,040000", "")
    assert write_csv(EVERYTHING, tmp_path / "none.csv", month="2026-09", french=False) == 0


def test_the_sum_of_the_file_leaves_out_what_has_no_price_and_says_so(issued: Company, tmp_path: Path) -> None:
    """Mobiles lose their row: two charges of 0.12 without a price today; landlines go from 0.02 to 0.03, one of C1 and
    one of C2."""
    rates = RATES.replace("+336,,mobile,,0.12,60,60,,\n", "").replace("+33,,fixe,,0.02,1,1,,", "+331,,fixe,,0.03,1,1,,")
    issued.files["tariffs/public-2026-01-01.csv"] = rates
    issued.load(correct=True)
    issued.rate()
    assert write_csv(EVERYTHING, tmp_path / "p.csv", month=MONTH, french=False) == 4
    with (tmp_path / "p.csv").open(encoding="utf-8-sig", newline="") as file:
        *_, total = csv.DictReader(file)
    assert (total["Old amount"], total["New amount"], total["Difference"]) == ("0.040000", "0.060000", "0.020000")
    assert total["Cause"] == "without lines that have no price: 2"


def test_the_command_prints_the_difference_and_writes_the_file(issued: Company, tmp_path: Path) -> None:
    app = typer.Typer()
    app.add_typer(billing_commands.bill, name="bill")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["bill", "proposals", "--month", MONTH, *words], env={"COLUMNS": "160"})
        assert done.exit_code == 0, done.output
        return done.stdout

    assert "what was issued is what is computed today" in run()
    correct_mobiles(issued, "0.10")
    row = next(line for line in run("--csv", str(tmp_path / "p.csv")).splitlines() if "FA2026-00001" in line)
    assert [word for word in row.replace("│", " ").split() if word] == [
        "C1", "FA2026-00001", "2", "0.24", "€", "0.20", "€", "-0.04", "€",
    ]  # fmt: skip
    assert (tmp_path / "p.csv").read_text(encoding="utf-8-sig").count("\n") == 4  # headings, two calls, their sum
    (one,) = json.loads(run("--json"))
    assert (one["account"], one["difference_micros"], one["computed_at"]) == ("C1", -40_000, CORRECTED_AT.isoformat())


def test_each_charge_is_there_with_its_cause(issued: Company) -> None:
    correct_mobiles(issued, "0.10")
    found = proposed_charges(EVERYTHING, month=MONTH)
    assert found["why_now"].to_list() == ["amount", "amount"]
    assert found[CHARGES.at].is_sorted()
