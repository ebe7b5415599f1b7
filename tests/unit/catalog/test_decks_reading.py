"""Whole decks, as suppliers write them: what is found, what is left out, what is refused and where."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import xlsxwriter

from ardoise.catalog.decks.deck import Deck
from ardoise.catalog.decks.layout import Layout, WrongLayout
from ardoise.catalog.decks.problems import DeckRefused
from ardoise.catalog.decks.reading import Target, read_deck

TODAY = date(2026, 11, 5)
DECEMBER = date(2026, 12, 1)
DECEMBER_15 = date(2026, 12, 15)
NEW_YEAR = date(2026, 1, 1)


def read(
    deck: str | bytes,
    *,
    encoding: str = "utf-8",
    bands: tuple[str, ...] = (),
    currency: str = "EUR",
    effective: date | None = DECEMBER,
    zone: str = "",
    decimals: int | None = None,
    **layout: Any,
) -> Deck:
    data = deck.encode(encoding) if isinstance(deck, str) else deck
    target = Target(currency, frozenset(bands), TODAY, effective, zone, decimals)
    return read_deck(data, file="deck.csv", layout=Layout(**layout), target=target)


def refused(deck: str | bytes, **options: Any) -> list[str]:
    with pytest.raises(DeckRefused) as refusal:
        read(deck, **options)
    return [str(problem).removeprefix("deck.csv, ") for problem in refusal.value.problems]


def prices(deck: Deck) -> dict[str, str]:
    return {
        entry.key.prefix + (f"@{entry.key.band}" if entry.key.band else ""): str(entry.terms.price_per_min)
        for entry in deck.entries
        if entry.terms
    }


def increments(deck: Deck) -> list[tuple[int, int]]:
    return [(entry.terms.first_s, entry.terms.next_s) for entry in deck.entries if entry.terms]


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            sheet.write_row(place, 0, row)
    book.close()
    return stream.getvalue()


def with_value(data: bytes, old: str, new: str) -> bytes:
    """A workbook with the number of a cell as another program would have saved it."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(made, "w") as after:
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(f"<v>{old}</v>".encode(), f"<v>{new}</v>".encode()))
    return made.getvalue()


FRENCH = """Transporteur Atlas ; grille A-Z
Applicable à compter du 1er décembre 2026;;;;
;;;;
Indicatif;Destination;Prix / min (€);Frais de mise en relation;Palier
33;France fixe;0,0050;0;1/1
"336, 337";France mobile;0,012;0,05;60/60

Europe;;;;
+44;Royaume-Uni;1,234;;60
Indicatif;Destination;Prix / min (€);Frais de mise en relation;Palier
0049;Allemagne;0,02;;30/6
Total : 5 destinations;;;;
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_french_deck_with_titles_sections_a_repeated_header_and_a_footer(encoding: str) -> None:
    deck = read(FRENCH, encoding=encoding, effective=None)
    wanted = {"+33": "0.0050", "+336": "0.012", "+337": "0.012", "+44": "1.234", "+49": "0.02"}
    assert prices(deck) == wanted  # 1,234 is 1.234: the other prices show a decimal comma
    assert increments(deck) == [(1, 1), (60, 60), (60, 60), (60, 60), (30, 6)]
    assert [str(entry.terms.connection_fee) for entry in deck.entries if entry.terms] == ["0", "0.05", "0.05", "0", "0"]
    assert {entry.from_date for entry in deck.entries} == {DECEMBER}
    assert [entry.line for entry in deck.entries] == [5, 6, 6, 9, 11]
    assert deck.notes[0] == "neither code nor price, not read: lines 8, 10, 12"
    assert {column.field: column.header for column in deck.columns}["connection_fee"] == "Frais de mise en relation"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator: str) -> None:
    rows = [["Dial Code", "Destination", "Rate"], ["33", "France", "0.02"]]
    deck = read("\n".join(separator.join(row) for row in rows))
    assert deck.separator == separator
    assert prices(deck) == {"+33": "0.02"}


def test_decimal_commas_do_not_make_the_comma_a_separator() -> None:
    assert prices(read("code;zone;tarif\n33;France;0,02\n34;Espagne;0,03\n")) == {"+33": "0.02", "+34": "0.03"}


@pytest.mark.parametrize(
    "header",
    [
        "prefix,destination,rate",
        "Dial Code,Destination Name,Price per minute (EUR)",
        "Indicatif,Libellé,Prix minute HT",
        "Préfixe,Pays,Tarif",
        "Dialled digits,Country,Cost/min",
        "E.164 Code,Zone,EUR/min",
        "Code,Country Name,New Rate",
        "Breakouts,Route,€/min",
    ],
)
def test_headers_of_the_field_are_known_in_both_languages(header: str) -> None:
    deck = read(f"{header}\n33,France,0.02\n")
    assert prices(deck) == {"+33": "0.02"}
    destination = deck.entries[0].destination
    assert "France" in (destination.name, destination.zone)


def test_new_rates_are_taken_and_old_ones_left() -> None:
    deck = read("Code,Destination,Old Rate,Rate,New Rate,Change %\n33,France,0.01,0.02,0.03,50\n")
    assert prices(deck) == {"+33": "0.03"}
    assert deck.unread == ("Old Rate", "Rate", "Change %")


def test_two_columns_that_look_alike_are_a_question_that_the_layout_answers() -> None:
    text = "Code,Destination,Rate inter,Rate intra\n1201,New Jersey,0.01,0.02\n"
    assert refused(text) == [
        "line 1: « Rate inter » (#3) and « Rate intra » (#4) both look like the price; say which: --column price=#3"
    ]
    assert prices(read(text, columns={"price": "rate intra"})) == {"+1201": "0.02"}
    assert prices(read(text, columns={"price": "#3"})) == {"+1201": "0.01"}


def test_a_column_that_is_named_and_missing_is_refused_with_those_there_are() -> None:
    (said,) = refused("Code,Destination,Rate\n33,France,0.02\n", columns={"price": "Rate USD"})
    assert said.startswith(
        "line 1, column « Rate USD »: there is no such column; the file has « Code », « Destination »"
    )


def test_a_file_without_header_is_read_by_positions() -> None:
    columns = {"prefix": "#1", "destination": "#2", "price": "#3"}
    assert prices(read("33,France,0.02\n34,Spain,0.03\n", columns=columns)) == {"+33": "0.02", "+34": "0.03"}
    assert "no header with a code and a price was found" in refused("33,France,0.02\n")[0]


def test_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(WrongLayout, match="is no field of a deck"):
        Layout(columns={"prix": "Prix"})


def test_a_calling_code_and_what_follows_in_two_columns() -> None:
    deck = read('Country Code,Area Code,Destination,Rate\n33,,France,0.01\n33,"6, 7",Mobile,0.02\n1,242,Bahamas,0.3\n')
    assert prices(deck) == {"+33": "0.01", "+336": "0.02", "+337": "0.02", "+1242": "0.3"}


def test_a_calling_code_beside_whole_codes() -> None:
    whole = "Country Code,Dial Code,Destination,Rate\n33,33,France,0.01\n33,336,Mobile,0.02\n"
    assert prices(read(whole)) == {"+33": "0.01", "+336": "0.02"}
    mixed = whole + "7,495,Moscow,0.1\n"
    assert "are codes whole? say --column prefix=" in refused(mixed)[0]
    assert prices(read(mixed, columns={"area_code": "Dial Code"}))["+7495"] == "0.1"


def test_codes_in_two_columns_are_remembered_as_such() -> None:
    text = "Country Code,Code,Destination,Rate\n44,20,London,0.01\n44,7,Mobile,0.02\n"
    deck = read(text)
    assert prices(deck) == {"+4420": "0.01", "+447": "0.02"}
    assert {column.field: column.header for column in deck.columns}["area_code"] == "Code"
    whole_by_accident = "Country Code,Code,Destination,Rate\n1,1246,Barbados,0.01\n"
    assert prices(read(whole_by_accident)) == {"+1246": "0.01"}
    assert prices(read(whole_by_accident, columns=dict(deck.layout.columns))) == {"+11246": "0.01"}


def test_columns_of_peak_and_off_peak_are_the_bands_of_the_tariff() -> None:
    text = "Code,Destination,Peak rate,Off-peak rate\n33,France,0.02,0.01\n44,UK,0.03,\n"
    assert prices(read(text, bands=("peak", "off-peak"))) == {
        "+33@peak": "0.02",
        "+33@off-peak": "0.01",
        "+44@peak": "0.03",
    }
    assert prices(read(text, bands=("pleine",))) == {"+33@pleine": "0.02", "+33": "0.01", "+44@pleine": "0.03"}
    assert "is the price of which band" in refused(text, bands=("midi",))[0]
    assert "the tariff has no calendar with bands: give it one, or write --column price=#3" in refused(text)[1]
    named = read(text, bands=("midi",), columns={"price@midi": "Peak rate", "price": "Off-peak rate"})
    assert prices(named) == {"+33@midi": "0.02", "+33": "0.01", "+44@midi": "0.03"}


MERGED = [
    ["Atlas Carrier"],
    ["", "", "Peak", "", "Off-peak", ""],
    ["Code", "Destination", "Rate", "Setup", "Rate", ""],
    ["33", "France", "0.02", "0.05", "0.01", ""],
]


def test_a_header_of_two_lines_is_joined() -> None:
    wanted = {"+33@peak": "0.02", "+33@off-peak": "0.01"}
    csv_text = "\n".join(";".join(row) for row in MERGED) + "\n"
    for deck in (csv_text, workbook({"A-Z": MERGED})):
        found = read(deck, bands=("peak", "off-peak"))
        assert prices(found) == wanted
        headers = {column.field: column.header for column in found.columns}
        assert (headers["price@peak"], headers["price@off-peak"]) == ("Peak Rate", "Off-peak Rate")
        again = read(deck, bands=("peak", "off-peak"), columns=dict(found.layout.columns))  # remembered by these names
        assert prices(again) == wanted


def test_bands_under_one_price_are_joined_too() -> None:
    text = "Code;Destination;Tarif HT;;Palier\n;;Heures pleines;Heures creuses;\n33;France;0,02;0,01;60/60\n"
    found = read(text, bands=("pleine", "creuse"))
    assert prices(found) == {"+33@pleine": "0.02", "+33@creuse": "0.01"}
    assert increments(found) == [(60, 60), (60, 60)]
    assert {column.header for column in found.columns} >= {"Tarif HT Heures pleines", "Tarif HT Heures creuses"}


def test_two_prices_that_nothing_tells_apart_are_a_question() -> None:
    (said,) = refused("Atlas prices;;;\nCode;Destination;Rate;Rate\n33;France;0,02;0,01\n")
    assert "« Rate » (#3) and « Rate » (#4) both look like the price" in said
    assert "--column price=#3, and of a band: --column price@BAND=#4" in said


def test_a_band_above_a_price_of_all_hours_is_a_question() -> None:
    text = ";;Peak;Off-peak\nCode;Destination;Rate;Setup fee\n33;France;0,02;0,01\n"
    (said,) = refused(text, bands=("peak",))
    assert said == (
        "line 2, column « Rate »: stands under « Peak »: is it the price of a band? write --column price@BAND=#3, or "
        "--column price=#3 for all hours"
    )
    assert prices(read(text, bands=("peak",), columns={"price@peak": "#3"})) == {"+33@peak": "0.02"}
    assert prices(read(text, bands=("peak",), columns={"price": "#3"})) == {"+33": "0.02"}
    titled = "Peak Telecom;;\nCode;Destination;Rate\n33;France;0,02\n"
    assert prices(read(titled)) == {"+33": "0.02"}


def test_a_title_between_header_and_rows_is_no_header() -> None:
    text = "Code;Destination;Rate;\n;Europe;;\n33;France;0,02;\n"
    assert prices(read(text)) == {"+33": "0.02"}


def test_a_row_each_band() -> None:
    text = "Code,Destination,Band,Rate\n33,France,,0.02\n33,France,nuit,0.01\n"
    assert prices(read(text, bands=("nuit",))) == {"+33": "0.02", "+33@nuit": "0.01"}
    assert refused(text, bands=("soir",)) == [
        "line 3, column « Band »: « nuit » is no band of the tariff's calendar; there is soir"
    ]


def test_increments_in_one_column_two_or_beside_a_minimum_duration() -> None:
    one = read("Code,Destination,Rate,Billing Increment\n33,France,0.02,60/60\n34,Spain,0.02,6\n")
    assert increments(one) == [(60, 60), (6, 6)]
    two = read("Code,Destination,Rate,Initial increment,Subsequent increment\n33,France,0.02,30,6\n34,Spain,0.02,0,6\n")
    assert increments(two) == [(30, 6), (6, 6)]
    minimum = read("Code,Destination,Rate,Min duration (s),Increment\n33,France,0.02,30,1\n34,Spain,0.02,0,1\n")
    assert increments(minimum) == [(30, 1), (1, 1)]
    assert increments(read("Code,Destination,Rate\n33,France,0.02\n")) == [(1, 1)]
    assert increments(read("Code,Destination,Rate\n33,France,0.02\n", increment="60/1")) == [(60, 1)]


def test_prices_per_second_and_in_cents_become_prices_per_minute() -> None:
    assert prices(read("Code,Destination,Rate per second\n33,France,0.0005\n")) == {"+33": "0.0300"}  # 0.0005 * 60
    assert prices(read("Code,Destination,Prix (centimes/min)\n33,France,1.5\n")) == {"+33": "0.015"}  # 1.5 / 100
    assert prices(read("Code,Destination,Rate\n33,France,1.5\n", unit="cent")) == {"+33": "0.015"}
    (note,) = read("Code,Destination,Rate per second\n33,France,0.0005\n").notes
    assert note == "« Rate per second » is a price per second, times 60"


def test_dates_of_rows_and_of_the_command() -> None:
    header = "Code,Destination,Rate,Effective Date,End Date\n"
    text = f"{header}33,France,0.01,2026-12-15,\n34,Spain,0.02,2026-01-01,2026-12-31\n"
    france, spain = read(text, effective=DECEMBER).entries
    assert (france.from_date, france.to_date) == (date(2026, 12, 15), None)
    assert (spain.from_date, spain.to_date) == (DECEMBER, date(2027, 1, 1))  # the last day is included
    (said,) = refused(text, effective=None)
    assert "1 row holds since before today (2026-11-05), the oldest since 2026-01-01" in said


def test_a_deck_without_any_date_asks_for_it() -> None:
    assert refused("Code,Destination,Rate\n33,France,0.01\n", effective=None) == [
        "deck.csv: the deck does not say from which day it holds; say --effective YYYY-MM-DD"
    ]


def test_of_two_past_rows_of_a_code_the_later_one_holds_now() -> None:
    rows = ("33,France,0.03,2026-10-01", "33,France,0.01,2020-01-01", "33,France,0.02,2024-01-01")
    assert prices(read("\n".join(["Code,Destination,Rate,Valid from", *rows]))) == {"+33": "0.03"}
    ended = (
        "Code,Destination,Rate,Valid from,End date\n33,France,0.01,2020-01-01,2026-09-30\n33,France,0.03,2026-10-01,\n"
    )
    deck = read(ended)
    assert prices(deck) == {"+33": "0.03"}
    assert deck.notes == ("1 code ended before the deck counts, not taken",)


def test_dates_that_could_be_either_are_refused_until_the_format_is_said() -> None:
    text = "Code,Destination,Rate,Effective\n33,France,0.01,05/12/2026\n"
    assert refused(text) == [
        "line 2, column « Effective »: « 05/12/2026 » is the day or the month first? say: --date-format dmy, or mdy"
    ]
    assert read(text, date_format="dmy").entries[0].from_date == date(2026, 12, 5)


def test_a_row_marked_deleted_is_gone_and_needs_no_price() -> None:
    new, deleted = read("Code,Destination,Rate,Status\n33,France,0.01,New\n34,Spain,,Deleted\n").entries
    assert new.terms is not None
    assert (deleted.key.prefix, deleted.terms) == ("+34", None)


def test_a_name_that_several_countries_use_is_preceded_by_the_country() -> None:
    deck = read("Country,Network,Code,Rate\nFrance,Mobile,336,0.1\nSpain,Mobile,346,0.1\nFrance,Paris,331,0.1\n")
    assert [entry.destination.name for entry in deck.entries] == ["France Mobile", "Spain Mobile", "Paris"]


def test_every_error_is_said_at_once_with_its_line_and_column() -> None:
    text = """prefix,destination,rate,increment,effective
33,France,0.02,60/60,2027-02-28
33,France,0.03,60/60,2027-02-28
,Nowhere,0.02,1/1,2027-02-28
abc,Nowhere,0.02,1/1,2027-02-28
34,Spain,-0.02,1/x,2027-02-30
35,,,1/1,2027-02-28
36,Hungary,0.02 USD,1/1,2027-02-28
37,Germany,"1,234",1/1,2027-02-28
"""
    assert refused(text) == [
        "line 3, column « prefix »: « +33 » has another price than on line 2 (0.03 here, 0.02 there); "
        "keep one of the two rows",
        "line 4, column « prefix »: the code is empty; write it, or take the price away",
        "line 5, column « prefix »: « abc » is no code; write digits, for example 336, +336, or 3361-3369",
        "line 6, column « effective »: « 2027-02-30 » is a date that does not exist",
        "line 6, column « increment »: « 1/x » is no increment; write first/next in seconds, for example 60/60",
        "line 6, column « rate »: « -0.02 » is negative; a price is zero or more",
        "line 7, column « destination »: the destination is empty; write it, or put all rows in one --zone CODE",
        "line 7, column « rate »: the price is empty; write it, or take the row away",
        "line 8, column « rate »: « 0.02 USD » is not in the currency of the tariff, EUR",
        "line 9, column « rate »: « 1,234 » is 1.234 or 1234? say the decimal mark: --decimal comma, or point",
    ]


def test_the_same_row_twice_counts_once_and_another_destination_is_refused() -> None:
    deck = read("Code,Destination,Rate\n33,France,0.020\n33,France,0.02\n")
    assert prices(deck) == {"+33": "0.020"}
    assert deck.notes == ("1 code stands twice with the same price, taken once",)
    assert (
        "leads elsewhere than on line 2 (UK here, France there)"
        in refused("Code,Zone,Rate\n33,France,0.02\n33,UK,0.02\n")[0]
    )


@pytest.mark.parametrize(
    "text",
    [
        "Code,Destination,Rate USD\n33,France,0.02\n",
        "Code,Destination,Price ($/min)\n33,France,0.02\n",
        "All prices in USD,,\nCode,Destination,Rate\n33,France,0.02\n",
        "Code,Destination,Rate,Currency\n33,France,0.02,USD\n",
        "Code,Destination,Rate\n33,France,0.02\nPrices in USD without tax,,\n",
    ],
)
def test_a_deck_in_another_currency_is_refused_wherever_it_says_so(text: str) -> None:
    assert "EUR" in refused(text)[0]
    assert prices(read(text, currency="USD")) == {"+33": "0.02"}


def test_a_quote_that_is_never_closed_is_refused_with_its_line() -> None:
    assert refused('Code,Destination,Rate\n33,France,0.02\n34,"Spain,0.03\n')[0].startswith(
        "line 3: the quotes of this line"
    )


@pytest.mark.parametrize(
    ("data", "why"), [(b"  \n", "is empty"), (b"\0\1\2", "neither CSV"), (b"PK\x03\x04x", "opened")]
)
def test_a_file_that_is_no_deck_is_refused(data: bytes, why: str) -> None:
    assert why in refused(data)[0]


def test_a_workbook_keeps_exact_decimals_dates_and_text_codes() -> None:
    rows = [
        ["Atlas", "", "", "", ""],
        ["Code", "Destination", "Rate", "Increment", "Effective"],
        ["0033", "France", 0.02093, "60/60", DECEMBER_15],
        [34, "Spain", "0,0100", "1/1", "16/12/2026"],
        [33612345678.0, "A number", 1.234, "1/1", date(2026, 12, 15)],
    ]
    deck = read(workbook({"Read me": [["Dear customer"]], "Rates": rows}))
    assert deck.sheet == "Rates"
    assert prices(deck) == {"+33": "0.02093", "+34": "0.0100", "+33612345678": "1.234"}
    assert all(isinstance(entry.terms.price_per_min, Decimal) for entry in deck.entries if entry.terms)
    assert [entry.from_date.day for entry in deck.entries] == [15, 16, 15]
    assert deck.notes == ("2 codes are numbers for the workbook, read as whole numbers",)


def test_errors_of_a_workbook_name_sheet_row_and_column() -> None:
    rows = [["Code", "Destination", "Rate", "Increment"], ["33", "France", 0.123, NEW_YEAR]]
    data = with_value(workbook({"A-Z": rows}), "0.123", "0.30000000000000004")  # as a spreadsheet saves =0.1+0.2
    said = refused(data)
    assert said[0].startswith("sheet A-Z, row 2, column « Increment » (D): « 2026-01-01 » is a date for the workbook")
    assert said[1].startswith(
        "sheet A-Z, row 2, column « Rate » (C): « 0.30000000000000004 » is the noise of a formula"
    )
    rows[1][3] = "1/1"
    data = with_value(workbook({"A-Z": rows}), "0.123", "0.30000000000000004")
    assert prices(read(data, decimals=6)) == {"+33": "0.300000"}


def test_several_sheets_of_prices_are_a_question() -> None:
    rows = [["Code", "Destination", "Rate"], ["33", "France", 0.02]]
    data = workbook({"Gold": rows, "Silver": [rows[0], ["33", "France", 0.03]]})
    assert refused(data) == ["deck.csv: several sheets look like a deck: « Gold », « Silver »; say which: --sheet NAME"]
    assert prices(read(data, sheet="Silver")) == {"+33": "0.03"}
    assert "there is no sheet « Bronze »" in refused(data, sheet="Bronze")[0]
