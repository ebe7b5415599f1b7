"""Each type of column: what it accepts, how it says no."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

import pytest

from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import NotExpected, Text, read_native

ACCEPTED = [
    (kinds.Text(), "Société Générale d’Épicerie", "Société Générale d’Épicerie"),
    (kinds.YesNo(), "Yes", True),
    (kinds.YesNo(), "no", False),
    (kinds.Amount(), "0.0250", Decimal("0.0250")),
    (kinds.Amount(), "0,0250", Decimal("0.0250")),
    (kinds.Amount(negative=True), "-12.5", Decimal("-12.5")),
    (kinds.Quantity(), "10.50", Decimal("10.50")),
    (kinds.Quantity(), "1099511627776", Decimal(1099511627776)),  # a tebioctet
    (kinds.Quantity(unlimited=True), "unlimited", None),
    (kinds.DaysOfYear(), "07-01/08-31  12-24 12-24", "07-01/08-31 12-24"),
    (kinds.Euros(), "123.45", 12345),
    (kinds.Euros(), "-0.5", -50),
    (kinds.Day(), "2026-10-25", date(2026, 10, 25)),
    (kinds.Hour(), "08:00", time(8)),
    (kinds.Hour(), "24:00", time(0)),  # midnight at the end of the day
    (kinds.Days(), "54321", "12345"),
    (kinds.Siren(), "732 829 320", "732829320"),
    (kinds.Siret(), "732 829 320 00074", "73282932000074"),
    (kinds.VatNumber(), "FR 44 732829320", "FR44732829320"),
    (kinds.VatNumber(), "CHE-107.787.577 IVA", "CHE107787577IVA"),
    (kinds.VatNumber(), "MA12345678", "MA12345678"),  # no rule is known for Morocco: taken as it is
    (kinds.Iban(), "FR76 3000 6000 0112 3456 7890 189", "FR7630006000011234567890189"),
    (kinds.Bic(), "agrifrpp", "AGRIFRPP"),
    (kinds.Emails(), "a@b.fr; c@d.fr", "a@b.fr c@d.fr"),
    (kinds.Refs(table="zones"), "mobile  fixe mobile", ("fixe", "mobile")),
]


@pytest.mark.parametrize(("kind", "text", "value"), ACCEPTED)
def test_a_cell_is_read_and_written_back_to_the_same_value(kind: Text, text: str, value: object) -> None:
    assert kind.read(text) == value
    assert kind.read(kind.write(value)) == value


REFUSED = [
    (kinds.Text(), "two\nlines", "control character"),
    (kinds.Slug(), "a b", "is not a code"),
    (kinds.Slug(), "../up", "is not a code"),
    (kinds.YesNo(), "oui", "write yes or no"),
    (kinds.Whole(most=365), "366", "from 0 to 365"),
    (kinds.Whole(), "1.5", "whole number"),
    (kinds.Quantity(), "unlimited", "write a quantity, for example 7200"),
    (kinds.Quantity(unlimited=True), "-1", 'write a quantity or "unlimited", for example 7200'),
    (kinds.DaysOfYear(), "24-12", "is not a day of the year; write MM-DD"),
    (kinds.DaysOfYear(), "12-24/", "is not a day of the year; write MM-DD"),
    (kinds.Amount(zero=False), "-1", "« -1 » is negative; write a number above zero"),
    (kinds.Amount(zero=False), "0.00", "« 0.00 » is nothing; write a number above zero"),
    (kinds.Amount(), "1e5", "is not an amount; write for example 0.0250"),
    (kinds.Amount(), "abc", "is not an amount; write for example 0.0250"),
    (kinds.Amount(), "-1", "is negative"),
    (kinds.Euros(), "1.005", "finer than a cent"),
    (kinds.Day(), "25/10/2026", "write YYYY-MM-DD"),
    (kinds.Day(), "2026-02-30", "is not a date"),
    (kinds.Month(), "2026-13", "is not a month"),
    (kinds.Hour(), "8h", "write HH:MM"),
    (kinds.Days(), "129", "digits 1 to 8"),
    (kinds.Siren(), "732829321", "is not a SIREN"),  # the check digit is 0
    (kinds.Siret(), "73282932000075", "is not a SIRET"),
    (kinds.VatNumber(), "FR45732829320", "not a valid VAT number"),  # the key of 732829320 is 44
    (kinds.VatNumber(), "732829320", "not a valid VAT number"),
    (kinds.Iban(), "FR7630006000011234567890188", "is not an IBAN"),
    (kinds.Bic(), "AGRI", "is not a BIC"),
    (kinds.Emails(), "not-an-address", "is not an e-mail address"),
    (kinds.TimeZone(), "Europe/Pariss", "did you mean Europe/Paris?"),
    (kinds.Country(), "France", "two letters"),
]


@pytest.mark.parametrize(("kind", "text", "said"), REFUSED)
def test_a_refused_cell_says_what_is_expected(kind: Text, text: str, said: str) -> None:
    with pytest.raises(NotExpected, match=said.replace("?", r"\?").replace("(", r"\(")):
        kind.read(text)


def test_a_misspelt_word_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(NotExpected) as refusal:
        kinds.Choice(words=("standard", "export")).read("standart")
    assert str(refusal.value) == "« standart » is not known; expected one of standard, export; did you mean standard?"


NATIVE = [
    (kinds.YesNo(), True, True),
    (kinds.YesNo(), "yes", True),
    (kinds.Whole(), 30, 30),
    (kinds.Day(), date(2026, 1, 1), date(2026, 1, 1)),
    (kinds.Text(), " x ", "x"),
]


@pytest.mark.parametrize(("kind", "given", "value"), NATIVE)
def test_toml_may_write_its_native_types(kind: Text, given: object, value: object) -> None:
    assert read_native(kind, given) == value


@pytest.mark.parametrize(
    ("kind", "given"),
    [(kinds.Amount(), 0.1), (kinds.Text(), 12), (kinds.Text(), True), (kinds.Whole(), True), (kinds.Day(), 2026)],
)
def test_toml_may_not_write_another_type_least_of_all_a_float(kind: Text, given: object) -> None:
    with pytest.raises(NotExpected):
        read_native(kind, given)
