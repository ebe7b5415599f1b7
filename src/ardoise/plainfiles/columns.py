"""Types of columns: how a cell is read, what is expected of it, how it is written back.

`read` takes the text of a cell (never empty: an empty cell is the column's default) and raises NotExpected; `write`
is its inverse on every value it returns. TOML files may also write yes/no, whole numbers, dates and times natively.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import schwifty
from schwifty.exceptions import SchwiftyException
from stdnum.ch import vat as ch_vat
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import InvalidFormat, ValidationError
from stdnum.fr import siren, siret
from stdnum.gb import vat as gb_vat

from ardoise.catalog.values import parse_dates
from ardoise.core.commitments import CommitmentError, parse_thresholds
from ardoise.core.money import NotAnAmount, parse_price
from ardoise.core.periods import Interval, Period, PeriodError, parse_length
from ardoise.core.terms import TermsError, parse_terms
from ardoise.plainfiles.problems import one_of


class NotExpected(ValueError):
    """The cell does not fit its column; the message says what is expected."""


@dataclass(frozen=True)
class Text:
    """One line of text; several lines where `multiline`."""

    multiline: bool = False
    native: tuple[type, ...] = ()  # what TOML may write without quotes
    empty: object = ""

    fr = "texte"
    en = "text"

    def read(self, text: str) -> Any:
        if any((ord(sign) < 32 and not (self.multiline and sign == "\n")) or ord(sign) == 127 for sign in text):
            raise NotExpected(f"« {ascii(text)[1:-1]} » holds a control character; write plain text on one line")
        return text

    def write(self, value: Any) -> str:
        return str(value)

    def to_toml(self, value: Any) -> object:
        """What the TOML file shows: the native form where there is one."""
        return value if isinstance(value, self.native) else self.write(value)


@dataclass(frozen=True)
class Terms(Text):
    """Terms of payment, kept in their short form; a bare number is a number of days."""

    native: tuple[type, ...] = (int,)
    fr = "`receipt`, `30d`, `30d eom`, `eom 45d`, `debit 10`, ou en toutes lettres"
    en = "`receipt`, `30d`, `30d eom`, `eom 45d`, `debit 10`, or in words"

    def read(self, text: str) -> str:
        try:
            return str(parse_terms(text))
        except TermsError as error:
            raise NotExpected(str(error)) from error


@dataclass(frozen=True)
class Threshold(Text):
    """Amounts at which an invoice is made early, kept in their short form."""

    native: tuple[type, ...] = (int,)
    fr = "montants croissants (« 50 », « 200 500 »), ou `every 50` pour chaque multiple"
    en = 'rising amounts ("50", "200 500"), or `every 50` for each multiple'

    def read(self, text: str) -> str:
        try:
            return str(parse_thresholds(text))
        except CommitmentError as error:
            raise NotExpected(str(error)) from error


@dataclass(frozen=True)
class Code(Text):
    """A short name without spaces, that other files refer to."""

    fr = "code (sans espace)"
    en = "code (no space)"

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[^\s,;/\\]+", super().read(text)):
            raise NotExpected(f"« {text} » is not a code; write letters, digits, - and _ without spaces")
        return text


@dataclass(frozen=True)
class Slug(Text):
    """A code that also names a file."""

    fr = "code (lettres, chiffres, - et _)"
    en = "code (letters, digits, - and _)"

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
            raise NotExpected(f"« {text} » is not a code; write unaccented letters, digits, - and _ only")
        return text


@dataclass(frozen=True)
class Choice(Text):
    """One of a few words. `aliases` are accepted and become the word they stand for."""

    words: tuple[str, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()  # words with a message of their own

    @property
    def fr(self) -> str:  # type: ignore[override]
        return ", ".join(self.words)

    en = fr  # type: ignore[assignment]

    def read(self, text: str) -> str:
        if text in dict(self.refused):
            raise NotExpected(dict(self.refused)[text])
        word = dict(self.aliases).get(text, text)
        if word not in self.words:
            raise NotExpected(one_of(text, list(self.words)))
        return word


@dataclass(frozen=True)
class YesNo(Text):
    native: tuple[type, ...] = (bool,)
    fr = "yes / no"
    en = "yes / no"

    def read(self, text: str) -> bool:
        if text.lower() not in ("yes", "no"):
            raise NotExpected(f"« {text} » is not expected; write yes or no")
        return text.lower() == "yes"

    def write(self, value: Any) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True)
class Whole(Text):
    native: tuple[type, ...] = (int,)
    least: int = 0
    most: int = 32767
    empty: object = None
    fr = "nombre entier"
    en = "whole number"

    def read(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text) or not self.least <= int(text) <= self.most:
            raise NotExpected(f"« {text} » is not expected; write a whole number from {self.least} to {self.most}")
        return int(text)


@dataclass(frozen=True)
class Amount(Text):
    """An exact decimal with a point, as many decimals as wanted."""

    negative: bool = False
    zero: bool = True
    empty: object = None
    fr = "montant exact (« 0.0250 »)"
    en = 'exact amount ("0.0250")'

    def read(self, text: str) -> Decimal:
        try:
            amount = parse_price(text)
        except NotAnAmount as error:
            raise NotExpected(str(error)) from error
        if not re.fullmatch(r"-?[0-9]{1,12}([.,][0-9]{1,18})?", text):
            raise NotExpected(f"« {text} » is not an amount; write for example 0.0250")
        if amount < 0 and not self.negative:
            what = "an amount of zero or more" if self.zero else "a number above zero"
            raise NotExpected(f"« {text} » is negative; write {what}")
        if amount == 0 and not self.zero:
            raise NotExpected(f"« {text} » is nothing; write a number above zero")
        return abs(amount) if amount == 0 else amount

    def write(self, value: Any) -> str:
        return format(value, "f")


@dataclass(frozen=True)
class Quantity(Text):
    """How much of what is counted: a whole number, or money with decimals. `unlimited` takes that word too."""

    unlimited: bool = False
    empty: object = None

    @property
    def fr(self) -> str:  # type: ignore[override]
        return "quantité" + (" ou « unlimited »" if self.unlimited else "")

    @property
    def en(self) -> str:  # type: ignore[override]
        return "quantity" + (' or "unlimited"' if self.unlimited else "")

    def read(self, text: str) -> Decimal | None:
        if self.unlimited and text == "unlimited":
            return None
        if not re.fullmatch(r"[0-9]{1,18}([.,][0-9]{1,6})?", text):
            raise NotExpected(f"« {text} » is not expected; write a {self.en}, for example 7200")
        return parse_price(text)

    def write(self, value: Any) -> str:
        return "unlimited" if value is None else format(value, "f")


@dataclass(frozen=True)
class Euros(Text):
    """An amount to the cent, kept as whole cents."""

    empty: object = None
    fr = "euros hors taxe (« 123.45 »)"
    en = 'euros without tax ("123.45")'

    def read(self, text: str) -> int:
        cents = Amount(negative=True).read(text).scaleb(2)
        if cents != cents.to_integral_value():
            raise NotExpected(f"« {text} » is finer than a cent; write at most two decimals, for example 123.45")
        return int(cents)

    def write(self, value: Any) -> str:
        return format(Decimal(value).scaleb(-2), "f")


@dataclass(frozen=True)
class Day(Text):
    native: tuple[type, ...] = (date,)
    empty: object = None
    fr = "date AAAA-MM-JJ"
    en = "date YYYY-MM-DD"

    def read(self, text: str) -> date:
        try:
            if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                raise ValueError("another notation")
            return date.fromisoformat(text)
        except ValueError as error:
            raise NotExpected(f"« {text} » is not a date; write YYYY-MM-DD, for example 2026-10-31") from error

    def write(self, value: Any) -> str:
        return f"{value:%Y-%m-%d}" if value.year >= 1000 else value.isoformat()


@dataclass(frozen=True)
class LastDay(Day):
    """A day that is included, where the house keeps the day after it."""

    def read(self, text: str) -> date:
        day = super().read(text)
        return Period.of(day, day, Interval.INCLUSIVE).end


@dataclass(frozen=True)
class Span(Text):
    """A length of time of one unit."""

    fr = "durée « P1M », « P3M », « P1Y », « P30D »"
    en = "length P1M, P3M, P1Y, P30D"

    def read(self, text: str) -> str:
        try:
            parse_length(text)
        except PeriodError as error:
            raise NotExpected(str(error)) from error
        return text


@dataclass(frozen=True)
class Month(Text):
    fr = "mois AAAA-MM"
    en = "month YYYY-MM"

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
            raise NotExpected(f"« {text} » is not a month; write YYYY-MM, for example 2026-09")
        return text


@dataclass(frozen=True)
class Hour(Text):
    empty: object = None
    fr = "heure « 08:00 » (00:00 en fin = minuit)"
    en = 'time "08:00" (an end of 00:00 = midnight)'

    def read(self, text: str) -> time:
        text = "00:00" if text == "24:00" else text
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text):
            raise NotExpected(f"« {text} » is not a time; write HH:MM, for example 08:00")
        return time.fromisoformat(text)

    def write(self, value: Any) -> str:
        return f"{value:%H:%M}"


@dataclass(frozen=True)
class Days(Text):
    """Weekdays as digits, 1 = Monday, 8 = public holiday."""

    fr = "jours : 1 = lundi … 7 = dimanche, 8 = jour férié"
    en = "days: 1 = Monday … 7 = Sunday, 8 = public holiday"

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[1-8]+", text) or len(set(text)) < len(text):
            raise NotExpected(f"« {text} » is not expected; write digits 1 to 8 once each, for example 12345")
        return "".join(sorted(text))


@dataclass(frozen=True)
class DaysOfYear(Text):
    fr = "jours « MM-JJ » ou du « MM-JJ/MM-JJ » au, séparés par des espaces"
    en = 'days "MM-DD" or spans "MM-DD/MM-DD", separated by spaces'

    def read(self, text: str) -> str:
        try:
            parse_dates(text)
        except ValueError as error:
            raise NotExpected(str(error)) from error
        return " ".join(sorted(set(text.split())))


@dataclass(frozen=True)
class Ref(Text):
    """The code of a row of another file, or of what is loaded already."""

    table: str = ""

    @property
    def fr(self) -> str:  # type: ignore[override]
        return f"code de `{self.table}`"

    @property
    def en(self) -> str:  # type: ignore[override]
        return f"code of `{self.table}`"


@dataclass(frozen=True)
class Refs(Text):
    """Codes of another file, separated by spaces; kept as a sorted tuple."""

    table: str = ""
    empty: object = ()

    @property
    def fr(self) -> str:  # type: ignore[override]
        return f"codes de `{self.table}`, séparés par des espaces"

    @property
    def en(self) -> str:  # type: ignore[override]
        return f"codes of `{self.table}`, separated by spaces"

    def read(self, text: str) -> tuple[str, ...]:
        return tuple(sorted(set(text.split())))

    def write(self, value: Any) -> str:
        return " ".join(value)


@dataclass(frozen=True)
class FileText(Text):
    """The name of a file of the folder; the value is its text."""

    under: str = ""
    extension: str = ""
    multiline: bool = True

    @property
    def fr(self) -> str:  # type: ignore[override]
        return f"fichier « {self.under}/x.{self.extension} »"

    @property
    def en(self) -> str:  # type: ignore[override]
        return f'file "{self.under}/x.{self.extension}"'


@dataclass(frozen=True)
class Options(Text):
    """A TOML table of text values."""

    native: tuple[type, ...] = (dict,)
    empty: object = None
    fr = 'table { nom = "valeur" }'
    en = 'table { name = "value" }'

    def read_table(self, table: Mapping[str, object]) -> dict[str, str]:
        for name, value in table.items():
            if not isinstance(value, str):
                raise NotExpected(f"option {name}: {value!r} must be written between quotes")
        return {name: str(table[name]) for name in sorted(table)}


@dataclass(frozen=True)
class Siren(Text):
    fr = "SIREN, 9 chiffres"
    en = "SIREN, 9 digits"

    def read(self, text: str) -> str:
        try:
            return str(siren.validate(text))
        except ValidationError as error:
            raise NotExpected(
                f"« {text} » is not a SIREN; write its 9 digits (the last one is a check digit)"
            ) from error


@dataclass(frozen=True)
class Siret(Text):
    fr = "SIRET, 14 chiffres"
    en = "SIRET, 14 digits"

    def read(self, text: str) -> str:
        try:
            return str(siret.validate(text))
        except ValidationError as error:
            raise NotExpected(
                f"« {text} » is not a SIRET; write its 14 digits (SIREN, then the establishment)"
            ) from error


_OTHER_VAT_RULES = {"ch": ch_vat, "gb": gb_vat}


@dataclass(frozen=True)
class VatNumber(Text):
    """A VAT number with its country prefix; checked where the country's rule is known."""

    fr = "n° de TVA avec son pays (« FR40303265045 »)"
    en = 'VAT number with its country ("FR40303265045")'

    def read(self, text: str) -> str:
        compact = re.sub(r"[\s.-]", "", text).upper()
        country = compact[:2].lower()
        rule = eu_vat if country in (*eu_vat.MEMBER_STATES, "el") else _OTHER_VAT_RULES.get(country)
        try:
            if not re.fullmatch(r"[A-Z]{2}[A-Z0-9+*]{2,18}", compact):
                raise InvalidFormat
            if rule is not None:
                rule.validate(compact)
        except ValidationError as error:
            raise NotExpected(
                f"« {text} » is not a valid VAT number; write it with its country, like FR40303265045"
            ) from error
        return compact


@dataclass(frozen=True)
class Iban(Text):
    fr = "IBAN"
    en = "IBAN"

    def read(self, text: str) -> str:
        try:
            return str(schwifty.IBAN(text).compact)
        except SchwiftyException as error:
            raise NotExpected(
                f"« {text} » is not an IBAN ({str(error).lower()}); copy it from the bank's statement"
            ) from error


@dataclass(frozen=True)
class Bic(Text):
    fr = "BIC, 8 ou 11 caractères"
    en = "BIC, 8 or 11 characters"

    def read(self, text: str) -> str:
        try:
            return str(schwifty.BIC(text).compact)
        except SchwiftyException as error:
            raise NotExpected(f"« {text} » is not a BIC ({str(error).lower()}); write 8 or 11 characters") from error


@dataclass(frozen=True)
class Emails(Text):
    """Addresses separated by spaces, commas or semicolons; kept separated by one space."""

    most: int = 20
    fr = "adresses électroniques, séparées par des espaces"
    en = "e-mail addresses, separated by spaces"

    def read(self, text: str) -> str:
        addresses = [address for address in re.split(r"[\s,;]+", text) if address]
        for address in addresses:
            if not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", address):
                raise NotExpected(f"« {address} » is not an e-mail address; write for example compta@exemple.fr")
        if len(addresses) > self.most:
            raise NotExpected(f"holds {len(addresses)} addresses; expected {self.most} at most")
        return " ".join(addresses)


@dataclass(frozen=True)
class TimeZone(Text):
    fr = "fuseau horaire (« Europe/Paris »)"
    en = 'time zone ("Europe/Paris")'

    def read(self, text: str) -> str:
        if text not in _zones():
            known = sorted(zone for zone in _zones() if zone.startswith(text[:4])) or [
                "Europe/Paris",
                "America/Cayenne",
            ]
            raise NotExpected(one_of(text, known))
        return text


@dataclass(frozen=True)
class Country(Text):
    fr = "pays, 2 lettres (ISO 3166)"
    en = "country, 2 letters (ISO 3166)"

    def read(self, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z]{2}", text):
            raise NotExpected(f"« {text} » is not a country code; write two letters, for example FR")
        return text.upper()


@dataclass(frozen=True)
class Pattern(Text):
    """Text of a fixed shape, with its own words for what is expected."""

    regex: str = ".*"
    fr: str = ""
    en: str = ""

    def read(self, text: str) -> str:
        if not re.fullmatch(self.regex, text):
            raise NotExpected(f"« {text} » is not expected; write {self.en}")
        return text


def read_native(kind: Text, value: object) -> object:
    """The value of a TOML key: its native type where the column has one, else text to read as a cell."""
    if isinstance(kind, Options):
        if not isinstance(value, dict):
            raise NotExpected('is not expected; write a table, for example options = { port = "1752" }')
        return kind.read_table(value)
    if isinstance(value, bool):
        if bool not in kind.native:
            raise NotExpected("holds true or false; text is expected")
        return value
    if isinstance(value, int) and int in kind.native:
        return kind.read(str(value))
    if isinstance(value, date) and not isinstance(value, datetime) and date in kind.native:
        return value
    if isinstance(value, str):
        return kind.read(value.strip())
    raise NotExpected(f'{value} must be written between quotes: "{value}"')


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
