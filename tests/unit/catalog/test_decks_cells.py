"""Cells of decks, one by one: what is read, and what is refused because it can be read in two ways."""

from __future__ import annotations

from datetime import date

import pytest

from ardoise.catalog.decks import cells
from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.sheets import Figure, Stamp, shortest


def codes(cell: str, country: str = "", lists: bool = False, stem: str = "") -> tuple[str, ...]:
    return cells.read_codes(cell, country=country, lists=lists, stem=stem)


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("33", "+33"),
        ("+33", "+33"),
        ("0033", "+33"),
        ("+33 (6) 12", "+33612"),
        ("33, 336;337", "+33 +336 +337"),
        ("33/34", "+33 +34"),
        ("33;33", "+33"),
        ("3361-3364", "+3361 +3362 +3363 +3364"),
        ("+3361-+3362", "+3361 +3362"),
        ("1-242", "+1242"),  # the second part is the longer one: no range can be meant
        ("33.0", "+33"),  # no digit is lost
        ("!3639", "3639"),
        ("+", "+"),
        ("=emergency", "=emergency"),
    ],
)
def test_codes_are_read(cell: str, wanted: str) -> None:
    assert codes(cell) == tuple(wanted.split())


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("abc", "is no code"),
        ("33a", "is no code"),
        ("3.3E+10", "lost its digits"),
        ("3,36E+11", "lost its digits"),
        ("33,612", "one code 33612 or 2, 33 and 612"),
        ("33 6", "one code or several? write 336 or 33;6"),
        ("33-6", "the code 336, or a range up to 36"),
        ("3369-3361", "ends before it starts"),
        ("330000-339999", "more than 1,000 codes"),
        ("0612345678", "national number"),
        ("1234567890123456", "no number is so long"),
        ("+0", "is no code"),
    ],
)
def test_codes_that_can_be_read_in_two_ways_or_none_are_refused(cell: str, why: str) -> None:
    with pytest.raises(NotRead, match=why.replace("?", r"\?").replace("+", r"\+")):
        codes(cell)


def test_a_list_with_groups_of_three_is_a_list_where_the_column_has_certain_lists() -> None:
    assert cells.is_certain_list("33, 336") and not cells.is_certain_list("33,612")
    assert codes("33,612", lists=True) == ("+33", "+612")


def test_a_code_of_a_workbook_is_a_whole_number_or_nothing() -> None:
    assert codes(Figure(shortest(33.0))) == ("+33",)
    assert codes(Figure(shortest(3.3e10))) == ("+33000000000",)
    with pytest.raises(NotRead, match="a list of codes"):
        codes(Figure(shortest(33.6)))  # « 33,6 » that a French spreadsheet took for a number
    with pytest.raises(NotRead, match="more than 15 digits"):
        codes(Figure("3361234567890123"))
    with pytest.raises(NotRead, match="is a date for the workbook"):
        codes(Stamp("2026-01-01"))


def test_a_deck_written_as_dialled_in_france() -> None:
    written = {"06": "+336", "3639": "3639", "0044": "+44", "+44": "+44", "118218": "118218"}
    assert {cell: codes(cell, country="33")[0] for cell in written} == written
    with pytest.raises(NotRead, match="drops the first 0"):
        codes(Figure("6"), country="33")


def test_what_follows_a_calling_code_may_be_several() -> None:
    assert codes("6, 7", stem="33", lists=True) == ("+336", "+337")
    assert codes("01", stem="39") == ("+3901",)  # Italy keeps its zero


def amount(cell: str, mark: str = "", told: bool = False, decimals: int | None = None) -> str:
    return format(cells.read_amount(cell, mark=mark, told=told, decimals=decimals), "f")


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [
        ("0.0250", "0.0250"),
        ("0,0250", "0.0250"),
        ("5", "5"),
        (".5", "0.5"),
        ("0.125", "0.125"),  # thousands do not start with 0
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,5", "1234.5"),
        ("1\u202f234,5", "1234.5"),
        ("1'234.5", "1234.5"),
        ("1.234.567", "1234567"),
        ("€ 0,02", "0.02"),
        ("0.02 EUR", "0.02"),
        ("$0.02/min", "0.02"),
        ("+0.02", "0.02"),
    ],
)
def test_amounts_are_read_exactly(cell: str, wanted: str) -> None:
    assert amount(cell) == wanted


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1.234", "is 1.234 or 1234"),
        ("1,234", "is 1.234 or 1234"),
        ("12,345", "is 12.345 or 12345"),
        ("-0.02", "negative"),
        ("(0.02)", "negative"),
        ("0.02-", "negative"),
        ("n/a", "is no price"),
        ("-", "is no price"),
        ("1.2.3", "is no price"),
        ("1,23,456.7", "is no price"),
        ("0.02 per", "is no price"),
        ("1e-3", "is no price"),
    ],
)
def test_amounts_that_can_be_read_in_two_ways_or_none_are_refused(cell: str, why: str) -> None:
    with pytest.raises(NotRead, match=why):
        amount(cell)


def test_a_column_may_settle_its_decimal_mark() -> None:
    assert cells.decimal_mark(["1,234", "0,02", "5"]) == ","
    assert amount("1,234", mark=",") == "1.234"
    assert cells.decimal_mark(["1,234", "0,02", "0.03"]) == ""  # they contradict
    with pytest.raises(NotRead, match="say the decimal mark"):
        amount("1.234", mark=",")  # thousands in a column of commas, at 1234 a minute: nobody means that untold
    assert amount("1.234", mark=",", told=True) == "1234"
    with pytest.raises(NotRead, match="not written with the decimal comma"):
        amount("0.02", mark=",", told=True)


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (0.1, "0.1"),
        (0.02093, "0.02093"),
        (2.0930000000000001e-2, "0.02093"),  # as a spreadsheet saves it
        (1e-7, "0.0000001"),
        (1.234, "1.234"),  # a number is no text: thousands are out of the question
        (5.0, "5"),
    ],
)
def test_a_number_of_a_workbook_is_the_decimal_that_was_typed(number: float, wanted: str) -> None:
    assert amount(Figure(shortest(number))) == wanted


def test_the_noise_of_a_formula_is_refused_unless_it_is_rounded() -> None:
    noise = Figure(shortest(0.1 + 0.2))  # 0.30000000000000004
    with pytest.raises(NotRead, match="--round 6"):
        amount(noise)
    assert amount(noise, decimals=6) == "0.300000"


@pytest.mark.parametrize(
    ("cell", "wanted"),
    [("60/60", (60, 60)), ("30-6", (30, 6)), ("1+1", (1, 1)), ("60 / 1", (60, 1)), ("6", (6, 6)), ("30s/6s", (30, 6))],
)
def test_increments_are_read(cell: str, wanted: tuple[int, int]) -> None:
    assert cells.read_increment(cell) == wanted


@pytest.mark.parametrize("cell", ["0/1", "60/0", "1/x", "60/60/60", "minute", "86401/1", Stamp("2026-01-01")])
def test_an_unknown_increment_is_refused(cell: str) -> None:
    with pytest.raises(NotRead):
        cells.read_increment(cell)


@pytest.mark.parametrize(
    ("cell", "order", "wanted"),
    [
        ("2026-11-01", "", date(2026, 11, 1)),
        ("20261101", "", date(2026, 11, 1)),
        ("2026-11-01 00:00:00", "", date(2026, 11, 1)),
        ("2026-12-31 23:59:59", "", date(2026, 12, 31)),
        ("01.11.2026", "", date(2026, 11, 1)),
        ("25/12/2026", "", date(2026, 12, 25)),
        ("12/25/2026", "", date(2026, 12, 25)),
        ("05/05/2026", "", date(2026, 5, 5)),
        ("05/06/2026", "dmy", date(2026, 6, 5)),
        ("05/06/2026", "mdy", date(2026, 5, 6)),
        ("5/6/26", "dmy", date(2026, 6, 5)),
        ("1 Nov 2026", "", date(2026, 11, 1)),
        ("01-Nov-26", "", date(2026, 11, 1)),
        ("November 1, 2026", "", date(2026, 11, 1)),
        ("1er décembre 2026", "", date(2026, 12, 1)),
        ("3 août 2026", "", date(2026, 8, 3)),
        (Stamp("2026-11-01"), "", date(2026, 11, 1)),
    ],
)
def test_dates_are_read(cell: str, order: str, wanted: date) -> None:
    assert cells.read_date(cell, order=order) == wanted


@pytest.mark.parametrize(
    ("cell", "order", "why"),
    [
        ("05/06/2026", "", "--date-format"),
        ("31/02/2026", "", "does not exist"),
        ("2026-02-30", "", "does not exist"),
        ("25/12/2026", "mdy", "does not exist"),
        ("26/11/01", "", "no likely year"),
        ("soon", "", "is no date"),
        ("2026-11-01 13:00", "", "time of day"),
        (Figure("46327"), "", "format the column as a date"),
    ],
)
def test_dates_that_do_not_exist_or_could_be_another_are_refused(cell: str, order: str, why: str) -> None:
    with pytest.raises(NotRead, match=why):
        cells.read_date(cell, order=order)


def test_a_column_may_settle_the_order_of_its_dates() -> None:
    assert cells.date_order(["05/06/2026", "25/06/2026"]) == "dmy"
    assert cells.date_order(["05/06/2026", "06/25/2026"]) == "mdy"
    assert cells.date_order(["05/06/2026"]) == ""
    assert cells.date_order(["25/06/2026", "06/25/2026"]) == ""
