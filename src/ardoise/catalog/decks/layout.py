"""How a supplier writes its decks: what is found in the file, given by the user, or remembered from the last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final

from ardoise.catalog.decks.cells import read_increment
from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.vocabulary import FIELDS

DATE_FORMATS: Final = ("dmy", "mdy")
DECIMALS: Final = ("point", "comma")
UNITS: Final = ("minute", "second", "cent")
SETTINGS: Final = ("sheet", "date_format", "decimal", "unit", "country", "increment")


class WrongLayout(ValueError):
    """An option of the layout that cannot be; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Layout:
    """ "" = to be found in the file. `columns` names the header (or "#3", the third column) of some fields.

    `unit` is what prices count: a minute, a second, or hundredths of the currency (`cent`) per minute. `country` is the
    calling code of a deck written as dialled in that country. `increment` is for decks that have no such column.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    sheet: str = ""
    header_row: int = 0  # line of the file; 0 = to be found
    date_format: str = ""
    decimal: str = ""
    unit: str = ""
    country: str = ""
    increment: str = ""

    def __post_init__(self) -> None:
        for name, words in (("date_format", DATE_FORMATS), ("decimal", DECIMALS), ("unit", UNITS)):
            word = getattr(self, name)
            if word and word not in words:
                raise WrongLayout(f"« {word} » is no {name.replace('_', ' ')}; choose {', '.join(words)}")
        for name in self.columns:
            check_field(name)
        if self.increment:
            try:
                read_increment(self.increment)
            except NotRead as error:
                raise WrongLayout(f"« {self.increment} » {error}") from error
        if self.country and not (self.country.isascii() and self.country.isdigit() and self.country[0] != "0"):
            raise WrongLayout(f"« {self.country} » is no calling code; write digits, for example 33")

    def over(self, remembered: Layout) -> Layout:
        """These choices, and those remembered where there is none here."""
        chosen = {item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name)}
        columns = {**remembered.columns, **self.columns}
        return replace(remembered, **{**chosen, "columns": columns})

    @property
    def settings(self) -> dict[str, str]:
        """What is remembered besides the columns: only what was said."""
        return {name: value for name in SETTINGS if (value := getattr(self, name))}

    @classmethod
    def of(cls, *, columns: Mapping[str, str], settings: Mapping[str, str]) -> Layout:
        """The layout of these columns and settings. Raises WrongLayout."""
        if strange := settings.keys() - set(SETTINGS):
            raise WrongLayout(f"« {min(strange)} » is no setting of a deck; the settings are {', '.join(SETTINGS)}")
        fields_given: dict[str, Any] = {"columns": dict(columns), **settings}
        return cls(**fields_given)


def check_field(name: str) -> None:
    """Raises WrongLayout unless `name` is a field of a deck ("price@night" is the price of a band)."""
    known, _, band = name.partition("@")
    if known not in FIELDS or (band and known != "price"):
        raise WrongLayout(f"« {name} » is no field of a deck; the fields are {', '.join(FIELDS)}, and price@BAND")
