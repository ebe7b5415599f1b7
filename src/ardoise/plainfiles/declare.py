"""What a plain file is made of: columns, tables, and the pieces several tables share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db.models import Model

from ardoise.core.tariffs import TaxBasis
from ardoise.directory.models import SINCE_EVER
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import Text

SINCE_EVER_FR, SINCE_EVER_EN = "premier jour ; vide = depuis toujours", "first day; empty = since ever"
UNTIL_FR, UNTIL_EN = "lendemain du dernier jour ; vide = sans fin", "day after the last; empty = open"


class Replace(StrEnum):
    """What a row that is not in the folder becomes."""

    NEVER = "never"  # it stays: loading only adds and changes
    WITH_PARENT = "with_parent"  # it goes: the folder gives the whole list of its parent


@dataclass(frozen=True)
class Column:
    """`path` is the field of the model when its name differs; `quiet` writes a default as an empty cell or no key;
    `rare` leaves the column out of the file when no row uses it; `was` is its name before, still read."""

    name: str
    kind: Text
    fr: str
    en: str
    required: bool = False
    default: Any = ...
    path: str = ""
    quiet: bool = False
    rare: bool = False
    was: str = ""

    @property
    def empty(self) -> Any:
        """The value of an empty cell."""
        return self.kind.empty if self.default is ... else self.default

    @property
    def field(self) -> str:
        return self.path or self.name


@dataclass(frozen=True)
class Table:
    name: str
    file: str
    fr: str
    en: str
    model: str  # "room.Model"
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    array: str = ""  # TOML array; "" = CSV, or the whole TOML file for `tariffs`
    parent: str = ""  # table whose rows hold the rows of this one
    derived: tuple[Column, ...] = ()  # columns that follow from where the row stands
    dated: bool = False  # bitemporal: a change supersedes
    replace: Replace = Replace.NEVER
    notes_fr: str = ""
    notes_en: str = ""

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in (*self.columns, *self.derived)}

    @cached_property
    def longest(self) -> dict[str, int]:
        """Characters that the text columns may hold, from the model."""
        fields = {field.name: field for field in self.model_class._meta.get_fields()}
        limits = {column.name: getattr(fields.get(column.field), "max_length", None) for column in self.columns}
        return {name: limit for name, limit in limits.items() if limit is not None}

    @property
    def model_class(self) -> type[Model]:
        room, name = self.model.split(".")
        return apps.get_model(f"ardoise_{room}", name)

    def key_of(self, cells: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(cells[name] for name in self.key)


def choice(*words: str) -> kinds.Choice:
    return kinds.Choice(words=words)


def validity() -> tuple[Column, ...]:
    return (
        Column("valid_from_date", kinds.Day(), SINCE_EVER_FR, SINCE_EVER_EN, default=SINCE_EVER, quiet=True),
        Column("valid_to_date", kinds.Day(), UNTIL_FR, UNTIL_EN),
    )


TAX_BASIS = choice(*TaxBasis)
