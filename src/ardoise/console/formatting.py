"""How values read in French and in English: the typography of amounts, counts, durations, dates and bytes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from ardoise.collect.alarms import OpenAlarm
from ardoise.console import words
from ardoise.core.money import MICROS_PER_MINOR, MICROS_PER_UNIT, NARROW, NO_BREAK, amount_text

MINUS = "\N{MINUS SIGN}"


def french() -> bool:
    return (get_language() or "fr").startswith("fr")


def count(number: int) -> str:
    """« 12 345 » or “12,345”."""
    grouped = f"{abs(number):,}".replace(",", NARROW if french() else ",")
    return f"{MINUS if number < 0 else ''}{grouped}"


def minor(amount_minor: int, currency: str = "EUR") -> str:
    """Cents: « 1 234,56 € » or “1,234.56 €”."""
    shown = amount_text(Fraction(abs(amount_minor), 100), currency=currency, french=french(), decimals=2)
    return f"{MINUS if amount_minor < 0 else ''}{shown}"


def micros(amount_micros: int, currency: str = "EUR") -> str:
    """Micro-units with the decimals that matter, two at least."""
    shown = amount_text(Fraction(abs(amount_micros), MICROS_PER_UNIT), currency=currency or "EUR", french=french())
    return f"{MINUS if amount_micros < 0 else ''}{shown}"


def exact(number: Decimal) -> str:
    """An exact decimal as it is, without zeros that say nothing: « 0,025 », « 20 », “1,250.5”."""
    whole, __, decimals = f"{number:f}".lstrip("-").partition(".")
    decimals = decimals.rstrip("0")
    grouped = f"{int(whole):,}".replace(",", NARROW if french() else ",")
    mark = "," if french() else "."
    return f"{MINUS if number < 0 else ''}{grouped}{mark + decimals if decimals else ''}"


def price(amount: Decimal, currency: str = "EUR") -> str:
    """An exact unit price with the decimals that matter, two at least."""
    shown = amount_text(abs(amount), currency=currency, french=french())
    return f"{MINUS if amount < 0 else ''}{shown}"


def percent(rate: Decimal) -> str:
    """« 8,5 % » or “8.5%”."""
    return f"{exact(rate)}{NARROW if french() else ''}%"


def rounded_micros(amount_micros: int, currency: str = "EUR") -> str:
    """Micro-units shown to the cent, for tiles and totals that nobody adds up."""
    return minor(round(Fraction(amount_micros, MICROS_PER_MINOR)), currency)


def duration(seconds: int) -> str:
    """« 1 h 02 min 05 s », « 2 min 07 s », « 9 s »; from a hundred hours on without the seconds."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours >= 100:
        return f"{count(hours)}{NO_BREAK}h{NO_BREAK}{minutes:02d}"
    if hours:
        return f"{hours}{NO_BREAK}h{NO_BREAK}{minutes:02d}{NO_BREAK}min{NO_BREAK}{left:02d}{NO_BREAK}s"
    if minutes:
        return f"{minutes}{NO_BREAK}min{NO_BREAK}{left:02d}{NO_BREAK}s"
    return f"{left}{NO_BREAK}s"


def day(value: date | None) -> str:
    """« 05/11/2026 » or “5 Nov 2026”."""
    if value is None:
        return "–"
    return value.strftime("%d/%m/%Y") if french() else f"{value.day} {formats.date_format(value, 'M Y')}"


def instant(value: datetime) -> str:
    """Date and time to the second; in the hour that the clocks repeat, which of the two it is."""
    clock = value.strftime("%H:%M:%S")
    twice = value.replace(fold=0).utcoffset() != value.replace(fold=1).utcoffset()
    return f"{day(value.date())} {clock}{f' {value.tzname()}' if twice else ''}"


def alarm(found: OpenAlarm) -> str:
    """The sentence of an alarm of a source, its instants and durations as people read them."""
    readable = dict(found.params)
    if "since" in readable:
        readable["since"] = instant(localtime(datetime.fromisoformat(readable["since"])))
    if "offset_s" in readable:
        readable["offset"] = (MINUS if readable["offset_s"] < 0 else "+") + duration(abs(readable["offset_s"]))
    return words.alarm(found.kind, readable)


def month_name(month: str) -> str:
    """« octobre 2026 » or “October 2026”."""
    year, number = month.split("-")
    return formats.date_format(date(int(year), int(number), 1), "F Y")


def size(size_bytes: int) -> str:
    """« 84 ko » or “84 kB”."""
    kilo = _("kB")
    if size_bytes < 1000:
        return ngettext("%(n)s byte", "%(n)s bytes", size_bytes) % {"n": count(size_bytes)}
    return f"{count(-(-size_bytes // 1000))}{NO_BREAK}{kilo}"
