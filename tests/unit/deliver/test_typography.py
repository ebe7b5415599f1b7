"""Numbers, dates and durations in French and English."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ardoise.deliver.render import typography as typo
from ardoise.deliver.render.wording import EN, FR

N, S, MINUS = "\u202f", "\u00a0", "\u2212"

MONEY = [
    # minor, currency, language, printed
    (123456, "EUR", "fr", f"1{N}234,56{N}€"),
    (123456, "EUR", "en", "€1,234.56"),
    (5, "EUR", "fr", f"0,05{N}€"),
    (0, "EUR", "fr", f"0,00{N}€"),
    (-4, "EUR", "fr", f"{MINUS}0,04{N}€"),
    (-123400, "EUR", "en", f"{MINUS}€1,234.00"),
    (100_000_000_00, "EUR", "fr", f"100{N}000{N}000,00{N}€"),
    (1000, "CHF", "en", f"CHF{S}10.00"),
    (1000, "XPF", "fr", f"10,00{N}XPF"),
]


@pytest.mark.parametrize(("minor", "currency", "language", "printed"), MONEY)
def test_money(minor: int, currency: str, language: str, printed: str) -> None:
    assert typo.money(minor, currency=currency, language=language) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("14.9", f"14,90{N}€"),
        ("0.025", f"0,025{N}€"),
        ("0.000333", f"0,000333{N}€"),
        ("0.0250", f"0,025{N}€"),
        ("1E+3", f"1{N}000,00{N}€"),
    ],
)
def test_a_unit_price_keeps_its_significant_decimals(value: str, printed: str) -> None:
    assert typo.money_decimal(Decimal(value), currency="EUR", language="fr") == printed


def test_rates_dates_and_months() -> None:
    assert typo.percent(Decimal("20"), language="fr") == f"20,00{N}%"
    assert typo.percent(Decimal("8.5"), language="en") == "8.50%"
    assert typo.day(date(2026, 11, 5), language="fr") == "05/11/2026"
    assert typo.day(date(2026, 11, 5), language="en") == f"05{S}Nov{S}2026"
    assert typo.month("2026-08", language="fr") == f"août{S}2026"
    assert typo.month("total", language="fr") == "total"


@pytest.mark.parametrize(
    ("seconds", "printed", "clock"),
    [
        (0, f"0{N}s", "00:00:00"),
        (59, f"59{N}s", "00:00:59"),
        (60, f"1{N}min{N}00{N}s", "00:01:00"),
        (3725, f"1{N}h{N}02{N}min{N}05{N}s", "01:02:05"),
        (360_000, f"100{N}h{N}00{N}min{N}00{N}s", "100:00:00"),
    ],
)
def test_durations(seconds: int, printed: str, clock: str) -> None:
    assert typo.duration(seconds, language="fr") == printed
    assert typo.clock_duration(seconds) == clock


def test_identifiers_are_grouped() -> None:
    assert typo.iban("FR76 3000 6000 0112 3456 7890 189") == S.join(
        ("FR76", "3000", "6000", "0112", "3456", "7890", "189")
    )
    assert typo.siren("732829320") == f"732{N}829{N}320"
    assert typo.siren("73282932000074") == f"732{N}829{N}320{N}00074"


def test_both_languages_have_the_same_words_with_the_same_placeholders() -> None:
    assert FR.keys() == EN.keys()
    for key, words in FR.items():
        assert {part.split("}")[0] for part in words.split("{")[1:]} == {
            part.split("}")[0] for part in EN[key].split("{")[1:]
        }, key
