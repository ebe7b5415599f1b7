"""Plain file of how suppliers write their rate decks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ardoise.catalog.decks.layout import Layout, WrongLayout
from ardoise.plainfiles import columns as kinds
from ardoise.plainfiles.columns import NotExpected
from ardoise.plainfiles.declare import Column, Table


@dataclass(frozen=True)
class DeckColumns(kinds.Options):
    """Field of a deck -> the header above its column."""

    fr = 'table { price = "Rate USD" }'
    en = 'table { price = "Rate USD" }'

    def read_table(self, table: Mapping[str, object]) -> dict[str, str]:
        return _checked(super().read_table(table), {})


@dataclass(frozen=True)
class DeckSettings(kinds.Options):
    """What the columns of a deck do not say."""

    fr = 'table { date_format = "dmy" }'
    en = 'table { date_format = "dmy" }'

    def read_table(self, table: Mapping[str, object]) -> dict[str, str]:
        settings = super().read_table(table)
        _checked({}, settings)
        return settings


def _checked(columns: dict[str, str], settings: dict[str, str]) -> dict[str, str]:
    try:
        Layout.of(columns=columns, settings=settings)
    except WrongLayout as error:
        raise NotExpected(str(error)) from error
    return columns


DECK_LAYOUTS = Table(
    name="deck_layouts",
    file="deck_layouts.toml",
    array="deck_layout",
    fr="Grilles des fournisseurs : comment elles se lisent, retenu par `ardoise tariffs import`",
    en="Suppliers' rate decks: how they are read, remembered by `ardoise tariffs import`",
    model="catalog.DeckLayout",
    key=("supplier",),
    columns=(
        Column("supplier", kinds.Slug(), "fournisseur", "supplier", required=True),
        Column("columns", DeckColumns(), "en-tête de chaque colonne", "header of each column", default={}),
        Column("settings", DeckSettings(), "autres réglages", "other settings", default={}, quiet=True),
    ),
)
