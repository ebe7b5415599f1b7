"""One invoice for calls, messages, data, internet access, TV, equipment and support: in sections, under headings."""

from __future__ import annotations

import pytest

from ardoise import flow
from ardoise.core.documents import Section
from ardoise.deliver.render.view import document_view
from stage.company import LANDLINE, MOBILE, MONTH, NOW, Company, document_of

pytestmark = pytest.mark.django_db(transaction=True)

ONE = "0472000001"
PRODUCTS = (
    ("fibre", "Fibre 1 Gb/s", "Accès Internet", "40.00"),
    ("ip-fixe", "Adresse IP fixe", "Accès Internet", "5.00"),
    ("bouquet", "Bouquet TV", "Télévision", "12.00"),
    ("infogerance", "Assistance informatique", "Informatique", "90.00"),
    ("ligne", "Ligne téléphonique", "", "8.00"),
)


@pytest.fixture
def billed(company: Company) -> Company:
    company.files["issuers.toml"] += "user_totals = true\n"
    company.customer("C1", "Cabinet Bertin")
    company.branch("C1-A", "Agence de Bron", parent="C1")
    company.line(ONE, "C1-A", since="2026-01-01")
    company.row("lines", code=f"L{ONE}")["name"] = "Camille Rey"
    for code, name, family, price in PRODUCTS:
        company.add(
            "products",
            {
                "code": code, "name": name, "family": family, "unit_price": price,
                "kind": "recurring", "nature": "services", "in_advance": "no",
            },
        )  # fmt: skip
        where = {"line": f"L{ONE}"} if code == "ligne" else {}
        account = "C1-A" if code in ("ligne", "bouquet") else "C1"
        company.subscribe(f"S-{code}", account, product=code, valid_from_date="2026-10-01", **where)
    company.product("box", "60.00", kind="one_off", nature="goods", family="Équipements")
    company.buy("P1", "C1", "box", "2026-10-12")
    company.load()
    company.call("2026-10-05 10:00:00", ONE, LANDLINE, 600)
    company.call("2026-10-06 10:00:00", ONE, MOBILE, 61)
    company.bill()
    return company


def test_families_head_their_lines_and_branches_hold_theirs(billed: Company) -> None:
    document = document_of("C1")
    assert [(line.section.value, line.group, line.family, line.label) for line in document.lines] == [
        ("subscription", "", "Accès Internet", "Adresse IP fixe"),
        ("subscription", "", "Accès Internet", "Fibre 1 Gb/s"),
        ("subscription", "", "Informatique", "Assistance informatique"),
        ("subscription", "Agence de Bron", "", "Ligne téléphonique"),
        ("subscription", "Agence de Bron", "Télévision", "Bouquet TV"),
        ("outside", "Agence de Bron", "", "Fixes"),
        ("outside", "Agence de Bron", "", "Mobiles"),
        ("one_off", "", "Équipements", "Produit box"),
    ]
    assert document.operation_category == "mixed"  # goods and services on one invoice, and it says so
    assert sum(line.net_minor for line in document.lines) == document.totals.net_minor


def test_a_heading_has_the_sum_of_its_lines_and_a_branch_that_of_all_its_families(billed: Company) -> None:
    (part,) = document_view(document_of("C1"))["parts"]
    subscriptions = part["sections"][0]["groups"]
    assert [
        (group["title"], group["amount"].replace("\u202f", " "), len(group["rows"])) for group in subscriptions
    ] == [
        ("Accès Internet", "45,00 €", 2),
        ("Informatique", "", 1),
        ("Agence de Bron", "20,00 €", 1),
        ("Agence de Bron · Télévision", "", 1),
    ]


def test_the_sum_of_a_heading_is_with_tax_where_its_lines_are(company: Company) -> None:
    company.customer("C1", "Jeanne Dupont", audience="B2C", basis="ttc")
    for code, name, family, price in PRODUCTS[:2]:
        company.product(code, price, name=name, family=family, tax_basis="ttc", in_advance="no")
        company.subscribe(f"S-{code}", "C1", product=code, valid_from_date="2026-10-01")
    company.load()
    company.bill()
    (part,) = document_view(document_of("C1"))["parts"]
    (group,) = part["sections"][0]["groups"]
    assert [row["gross"].replace("\u202f", " ") for row in group["rows"]] == ["5,00 €", "40,00 €"]
    assert group["amount"].replace("\u202f", " ") == "45,00 €"


def test_each_line_and_its_user_have_their_sum(billed: Company) -> None:
    document = document_of("C1")
    assert [
        (one.group, one.name, one.subscription_minor, one.usage_minor, one.other_minor) for one in document.users
    ] == [
        ("", "", 13500, 0, 6000),
        ("Agence de Bron", "L0472000001 – Camille Rey", 800, 44, 0),  # 10 x 0.02 + 2 x 0.12
        ("Agence de Bron", "", 1200, 0, 0),
    ]


def test_it_renders(billed: Company) -> None:
    assert flow.deliver(now=NOW).failed == {}
    assert Section.SUBSCRIPTION in {total.section for total in document_of("C1").sections}
    assert document_of("C1", month=MONTH).number
