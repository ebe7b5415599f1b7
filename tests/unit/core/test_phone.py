"""Numbers: the worked tables of docs/algorithms/numbers.md, and what stands around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.core import phone
from ardoise.core.phone import DialPlan, display, hidden_on_bills, identify, mask

PAGE = Path(__file__).parents[3] / "docs" / "algorithms" / "numbers.md"
OPERATOR = DialPlan()
PBX = DialPlan(outside_prefix="0", area="17345")
NINE = DialPlan(outside_prefix="9")
PLANS = {"operator": OPERATOR, "pbx": PBX, "nine": NINE}


def table(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the page; `blank` stands for an empty text."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`").replace("blank", "") for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("row", table("Reading a number"), ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}")
def test_the_worked_table_of_numbers(row: list[str]) -> None:
    text, plan, way, dialled, key, category, country = row
    number = identify(text, PLANS[plan], outgoing=way == "out")
    assert (number.dialled, number.key, number.category, number.country) == (dialled, key, category, country)
    assert number.received == text


@pytest.mark.parametrize("row", table("Showing and hiding"), ids=lambda row: row[0])
def test_the_worked_table_of_display(row: list[str]) -> None:
    key, shown, hidden = (cell.replace("_", "\u202f") for cell in row)
    assert display(key) == shown
    assert display(mask(key)) == hidden
    assert mask(display(key)) == hidden  # hiding before or after grouping is the same


def test_a_masked_key_is_not_masked_twice() -> None:
    assert mask(mask("33612345678")) == "3361234xxxx"


def test_hiding_another_count_of_digits() -> None:
    assert mask("33612345678", 2) == "336123456xx"
    assert mask("33612345678", 0) == "33612345678"


def test_emergency_and_free_numbers_never_stand_on_a_bill() -> None:
    for text in ("15", "17", "18", "112", "114", "115", "119", "191", "196", "197", "116000", "116117", "116006"):
        assert hidden_on_bills(identify(text, OPERATOR, outgoing=True).category), text
    for text in ("3006", "3009", "3180", "0800123456", "0805123456"):
        assert hidden_on_bills(identify(text, OPERATOR, outgoing=True).category), text
    for text in ("3639", "3170", "3008", "0806123456", "0899123456", "118218", "0612345678", "1023", "+8001234567"):
        assert not hidden_on_bills(identify(text, OPERATOR, outgoing=True).category), text


def test_a_number_of_its_own_country_is_not_international_outside_the_french_plan() -> None:
    belgium = DialPlan(country="32", territory="Belgique")
    assert identify("0470123456", belgium, outgoing=True).category == "mobile"
    assert identify("0470123456", belgium, outgoing=True).key == "32470123456"
    assert identify("0033612345678", belgium, outgoing=True).category == "international_mobile"
    america = DialPlan(outside_prefix="9", national_prefix="1", international_prefix="011", country="1", area="212")
    for dialled in ("912125551234", "92125551234", "95551234", "+12125551234"):
        assert identify(dialled, america, outgoing=True).key == "12125551234", dialled
    assert identify("901133612345678", america, outgoing=True).key == "33612345678"


def test_a_source_in_la_reunion_shares_the_french_plan() -> None:
    reunion = DialPlan(country="262", territory="La Réunion")
    assert identify("0692123456", reunion, outgoing=True).key == "262692123456"
    assert identify("0612345678", reunion, outgoing=True).key == "33612345678"
    assert identify("0709991234", reunion, outgoing=True).key == "262709991234"  # a block given to nobody yet


def test_the_labels_say_where_in_french() -> None:
    assert identify("+447700900123", OPERATOR, outgoing=False).label_fr == "Royaume-Uni (mobile)"
    assert identify("3639", OPERATOR, outgoing=True).label_fr.startswith("3BPQ")
    assert identify("0692123456", OPERATOR, outgoing=True).territory == "La Réunion"


def test_each_row_of_the_french_plan_answers_with_its_own_category() -> None:
    for prefix, rows in phone._french_plan().items():
        for row in rows:
            sample = prefix.ljust(row.length, "2")
            if prefix in {"10", "30", "31"} or sample[:5] in phone._french_plan():
                continue  # the longer row answers
            number = identify(sample, OPERATOR, outgoing=True)
            assert number.category == row.category, sample
            assert number.key.startswith(("!", row.code)), sample  # code "": the territory of the block
