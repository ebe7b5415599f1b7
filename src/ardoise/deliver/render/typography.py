"""Numbers, dates and durations as a reader of French or English expects them printed.

French: narrow no-break spaces as thousands separator and before a unit (« 1 234,56 € », « 20,00 % »), dates 05/11/2026.
English: 1,234.56 with the currency first, dates 05 Nov 2026 (the month in letters: 05/11 is read both ways).
Everything is integer or Decimal arithmetic: no float comes near an amount.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

NARROW = "\u202f"  # narrow no-break space
NBSP = "\u00a0"
MINUS = "\u2212"

_SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "CHF": "CHF"}
_EN_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FR_MONTHS = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")


def grouped(digits: str, *, language: str) -> str:
    """Thousands separated: "1234567" -> "1 234 567" (fr) or "1,234,567" (en)."""
    separator = "," if language == "en" else NARROW
    head = len(digits) % 3
    groups = ([digits[:head]] if head else []) + [digits[i : i + 3] for i in range(head, len(digits), 3)]
    return separator.join(groups)


def number(value: Decimal, *, language: str, decimals_min: int = 0) -> str:
    """An exact decimal, every significant decimal kept and at least `decimals_min` of them."""
    sign, plain = (MINUS if value < 0 else ""), f"{abs(value):f}"
    whole, _, fraction = plain.partition(".")
    fraction = fraction.rstrip("0").ljust(decimals_min, "0")
    mark = "." if language == "en" else ","
    return sign + grouped(whole, language=language) + (mark + fraction if fraction else "")


def money_decimal(value: Decimal, *, currency: str, language: str, decimals_min: int = 2) -> str:
    """An amount or a price in currency units, at least two decimals: Decimal("0.025") -> "0,025 €"."""
    symbol = _SYMBOLS.get(currency, currency)
    text = number(abs(value), language=language, decimals_min=decimals_min)
    sign = MINUS if value < 0 else ""
    if language == "en":
        return sign + symbol + (NBSP if symbol.isalpha() else "") + text
    return sign + text + NARROW + symbol


def money(amount_minor: int, *, currency: str, language: str) -> str:
    """Cents as printed: 123456 -> "1 234,56 €" (fr), "€1,234.56" (en)."""
    return money_decimal(Decimal(amount_minor).scaleb(-2), currency=currency, language=language)


def percent(rate: Decimal, *, language: str) -> str:
    """A rate with two decimals: Decimal("8.5") -> "8,50 %"."""
    return number(rate, language=language, decimals_min=2) + ("%" if language == "en" else f"{NARROW}%")


def day(value: date, *, language: str) -> str:
    """05/11/2026 (fr), 05 Nov 2026 (en)."""
    if language == "en":
        return f"{value.day:02d}{NBSP}{_EN_MONTHS[value.month - 1]}{NBSP}{value.year:04d}"
    return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def month(year_month: str, *, language: str) -> str:
    """ "2026-10" -> "oct. 2026" (fr), "Oct 2026" (en); other text is returned as it is."""
    year, _, number_text = year_month.partition("-")
    if not (number_text.isdigit() and 1 <= int(number_text) <= 12):
        return year_month
    names = _EN_MONTHS if language == "en" else _FR_MONTHS
    return f"{names[int(number_text) - 1]}{NBSP}{year}"


def month_short(year_month: str, *, language: str) -> str:
    """ "2026-10" -> "oct." (fr), "Oct" (en): the label under a bar."""
    return month(year_month, language=language).split(NBSP)[0]


def duration(seconds: int, *, language: str) -> str:
    """3725 -> "1 h 02 min 05 s"; under an hour the hours are left out, under a minute the minutes too."""
    space = NARROW if language != "en" else NBSP
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return (
            f"{grouped(str(hours), language=language)}{space}h{space}{minutes:02d}{space}min{space}{left:02d}{space}s"
        )
    if minutes:
        return f"{minutes}{space}min{space}{left:02d}{space}s"
    return f"{left}{space}s"


def clock_duration(seconds: int) -> str:
    """3725 -> "01:02:05": durations in columns."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def iban(text: str) -> str:
    """An IBAN in groups of four, kept on one line."""
    compact = text.replace(" ", "")
    return NBSP.join(compact[i : i + 4] for i in range(0, len(compact), 4))


def siren(text: str) -> str:
    """123456789 -> "123 456 789"; a SIRET (14 digits) keeps its last five together."""
    if len(text) == 14:
        return f"{siren(text[:9])}{NARROW}{text[9:]}"
    return grouped(text, language="fr") if text.isdigit() else text
