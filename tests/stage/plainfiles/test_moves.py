"""A department that goes to another customer on a day: its past stays, its calls split at that instant."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest
import typer
from typer.testing import CliRunner, Result

from ardoise.access.scope import EVERYTHING
from ardoise.catalog.subscriptions import cancel_subscription, life
from ardoise.cli import directory_commands
from ardoise.directory.models import Account, LineAssignment
from ardoise.plainfiles.dumping import dump_replacing, texts
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.moves import MoveRefused, carry_out, move
from stage.company import NOW, Company, document_of, numbers, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def company(home: object) -> Company:
    """Two customers; the north branch of the first has a workshop, which has a line that calls on three days."""
    made = voxa(home)  # type: ignore[arg-type]
    made.customer("C1", "Groupe Nivéole")
    made.customer("C2", "Repreneur")
    made.branch("C1-N", "Nord", parent="C1")
    made.add("accounts", {"code": "C1-N-A", "name": "Atelier", "kind": "department", "parent": "C1-N"})
    made.line(PHONE, "C1-N-A")
    for day in ("2026-10-14", "2026-10-15", "2026-10-16"):
        made.call(f"{day} 12:00:00", PHONE, "0612345678", 60)
    made.load()
    return made


def moved(day: date, **how: str) -> None:
    carry_out(move("C1-N", to=how.pop("to", "C2"), from_date=day, **how), recorded_at=NOW)


def held() -> list[tuple[str, str, date | None]]:
    rows = LineAssignment.objects.filter(superseded_at=None).order_by("valid_from_date")
    return [(row.account.code, str(row.valid_from_date), row.valid_to_date) for row in rows]


def test_each_customer_pays_for_its_days(company: Company) -> None:
    moved(date(2026, 10, 15), successor="C2-N")
    assert held() == [
        ("C1-N-A", "1900-01-01", date(2026, 10, 15)),
        ("C1-N-A-20261015", "2026-10-15", None),
    ]
    company.bill()
    # 1 minute at 0.12 before that day, 2 from it on
    assert (document_of("C1").totals.net_minor, document_of("C2").totals.net_minor) == (12, 24)
    assert [line.group for line in document_of("C2").lines] == ["Atelier"]
    successor = Account.objects.get(code="C2-N")
    assert (successor.parent, successor.name) == (Account.objects.get(code="C2"), "Nord")
    assert Account.objects.get(code="C1-N").parent == Account.objects.get(code="C1")  # its past stays


def test_a_day_to_come_changes_nothing_before_it(company: Company) -> None:
    moved(date(2027, 1, 1))
    company.bill()
    assert document_of("C1").totals.net_minor == 36


def test_a_branch_may_become_a_customer(company: Company) -> None:
    row = company.row("accounts", code="C1-N")
    row.update({"address": "8 rue Basse", "postal_code": "59000", "city": "Lille", "siren": "552081317"})
    company.load()
    moved(date(2026, 10, 15), to="", successor="NORD")
    company.bill()
    assert document_of("NORD").totals.net_minor == 24
    assert Account.objects.get(code="NORD").kind == "customer"


def test_what_cannot_move_is_refused_with_what_to_do_first(company: Company) -> None:
    company.product("abo", "10.00")
    company.add("discounts", {"code": "bon", "name": "Bon", "amount": "5"})
    company.add(
        "discount_grants",
        {"owner_kind": "account", "owner": "C1-N-A", "discount": "bon", "valid_from_date": "2026-01-01",
         "valid_to_date": "2026-12-01"},
    )  # fmt: skip
    company.load()
    for how, said in (
        ({"code": "C9", "to": "C2"}, "account C9 does not exist"),
        ({"code": "C1-N", "to": "C9"}, "account C9 does not exist"),
        ({"code": "C1-N", "to": "C1"}, "is there already: its parent is C1"),
        ({"code": "C1", "to": "C1-N-A"}, "cannot go under C1-N-A, which is below it"),
        ({"code": "C1-N", "to": "C2", "successor": "C2"}, "account C2 exists already"),
        (
            {"code": "C1-N", "to": "C2"},
            r"C1-N-A has discount grants in force on 2026-10-15 \(owner_kind account.*\): ardoise discount end bon "
            r"--account C1-N-A --on 2026-10-15, then give it to C1-N-A-20261015",
        ),
    ):
        with pytest.raises(MoveRefused, match=said):
            move(how.pop("code"), from_date=date(2026, 10, 15), **how)
    assert held() == [("C1-N-A", "1900-01-01", None)]
    moved(date(2026, 12, 1))  # the discount has ended by then


@pytest.fixture
def sold(company: Company) -> Company:
    """The workshop has a box of 31.00 in advance, with fees of entering and leaving; customers pay 100.00 too."""
    company.product("box", "31.00", setup_fee="49.00", deposit="60.00", engaged_months="12", alignment="anniversary")
    company.product("abo", "100.00", in_advance="no")
    company.subscribe("BOX", "C1-N-A", product="box", valid_from_date="2026-09-01")
    company.subscribe("ABO-1", "C1", product="abo", valid_from_date="2026-09-01")
    company.subscribe("ABO-2", "C2", product="abo", valid_from_date="2026-10-01")
    company.load()
    return company


def lines(customer: str, month: str = "2026-10") -> list[tuple[str, int]]:
    found = document_of(customer, month=month).lines
    return [(line.label, line.net_minor) for line in found if line.label not in ("Produit abo", "Mobiles")]


def test_the_days_of_a_subscription_are_billed_to_who_held_it(sold: Company) -> None:
    sold.preview("2026-09", on=date(2026, 10, 2))
    sold.issue("2026-09", on=date(2026, 10, 2))
    assert sorted(lines("C1", "2026-09")) == [
        ("Dépôt de garantie – Produit box", 6000),
        ("Frais de mise en service – Produit box", 4900),
        ("Produit box", 3100),
        ("Produit box", 3100),  # October, in advance
    ]
    moved(date(2026, 10, 15))
    sold.bill()
    assert lines("C1") == [("Produit box", -1700)]  # 15 to 31 October
    assert lines("C2") == [("Produit box", 1700), ("Produit box", 3100)]  # and November; nothing of entering again
    known = numbers()
    sold.bill()
    assert numbers() == known
    # It is one subscription still: its engagement goes on, its deposit comes back at its end, to who holds it then.
    cancel_subscription(scope=EVERYTHING, reference="BOX", on=date(2027, 8, 1), recorded_at=sold.now)
    sold.now = datetime(2027, 8, 3, 8, tzinfo=UTC)
    sold.bill("2027-07", on=date(2027, 8, 3))
    ended = dict(lines("C2", "2027-07"))
    assert ended["Dépôt de garantie rendu – Produit box"] == -6000
    assert ended["Frais de résiliation anticipée – Produit box"] == 3100  # August, of the twelve months
    assert [label for label, _ in lines("C1", "2027-07")] == []


def test_a_subscription_that_moved_is_dumped_and_loads_again(sold: Company) -> None:
    moved(date(2026, 10, 15))
    (held,) = [line for line in texts()["subscriptions.csv"].splitlines() if line.startswith("BOX,C1-N-A-20261015")]
    assert "2026-10-15" in held
    dump_replacing(sold.home / "dumped")
    assert load(sold.home / "dumped", recorded_at=sold.now).changed_nothing
    assert [one.account for one in life(EVERYTHING, "BOX").terms] == ["C1-N-A", "C1-N-A-20261015"]


def test_a_subscription_to_come_is_the_successor_s_from_its_start(sold: Company) -> None:
    sold.subscribe("PLUS", "C1-N-A", product="box", valid_from_date="2026-11-01")
    sold.load()
    moved(date(2026, 10, 15))
    (terms,) = life(EVERYTHING, "PLUS").terms
    assert (terms.account, terms.start_date) == ("C1-N-A-20261015", date(2026, 11, 1))


def test_what_is_billed_from_its_start_or_counted_cannot_move_with_its_account(sold: Company) -> None:
    sold.bill()
    with pytest.raises(MoveRefused, match="BOX starts on 2026-09-01 and was billed already: take it back with ardoise"):
        move("C1-N", to="C2", from_date=date(2026, 9, 1))
    sold.product("go", "0", in_advance="no", metered="readings")
    sold.add("product_tiers", {"product": "go", "up_to": "", "unit_price": "0.10"})
    sold.subscribe("GO", "C1-N-A", product="go", valid_from_date="2026-10-01")
    sold.load()
    with pytest.raises(MoveRefused, match="subscription GO is metered, and a period has one meter"):
        move("C1-N", to="C2", from_date=date(2026, 11, 15))


def test_a_parent_changed_in_a_file_is_said_to_have_no_date(company: Company) -> None:
    company.row("accounts", code="C1-N")["parent"] = "C2"
    assert [str(problem) for problem in company.load().warnings if problem.column == "parent"] == [
        "accounts.csv, line 4, column parent: was « C1 »: every open month changes payer; from a day on only: "
        "ardoise directory move C1-N --to C2 --from YYYY-MM-DD"
    ]


app = typer.Typer()
app.add_typer(directory_commands.directory, name="directory")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["directory", "move", *(str(word) for word in words)])


def test_the_command_looks_then_moves(company: Company) -> None:
    how = ("C1-N", "--to", "C2", "--from", "2026-10-15")
    looked = run(*how, "--preview")
    assert looked.exit_code == 0, looked.output
    assert "goes on as C1-N-20261015, under C2, from 2026-10-15" in " ".join(looked.stdout.split())
    assert held() == [("C1-N-A", "1900-01-01", None)]
    assert run(*how).exit_code == 2  # nobody to ask
    assert json.loads(run(*how, "--yes", "--json").stdout)["rows"] == {"accounts": 2, "assignments": 2}
    assert len(held()) == 2
    assert run("C1-N", "--to", "C2", "--from", "demain").exit_code == 2
