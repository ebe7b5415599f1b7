"""Loading a deck: new zones and whole versions, in one transaction."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db import transaction

from ardoise.catalog import operations as catalog
from ardoise.catalog.decks.changes import VersionPlan
from ardoise.catalog.decks.deck import Deck, Key, Priced, Terms
from ardoise.catalog.decks.queries import Preview, issued_version_ids, preview
from ardoise.catalog.models import DeckLayout, TariffVersion
from ardoise.directory import bulk


class CannotImport(ValueError):
    """The deck is sound but something must be said first; the message says what."""


@transaction.atomic
def import_deck(
    *,
    deck: Deck,
    tariff: str,
    keep_missing: bool | None,
    recorded_at: datetime,
    supplier: str = "",
    correct: bool = False,
) -> Preview:
    """Load a deck into a tariff: one whole version for each of its days on which something changes.

    `keep_missing`: rows in force that the deck does not speak of stay (True) or are gone (False); None is refused when
    there are some. `supplier`: whose layout is remembered as it was used here. `correct`: also where a version of the
    same first day priced issued documents. Returns what changed.
    Raises NoSuchTariff, DeckRefused, CannotImport, VersionInUse.
    """
    found = preview(deck, tariff=tariff, keep_missing=bool(keep_missing))
    if keep_missing is None and found.missing:
        raise CannotImport(
            f"rows in force that are not in the deck: {found.missing:,}; say --keep-missing (an amendment, they stay) "
            "or --drop-missing (the whole price list, they are gone)"
        )
    plans = [plan for plan in found.plans if plan.changes]
    zones = {row.zone for plan in plans for row in plan.rows.values()}
    catalog.put_zones(rows=[zone._asdict() for zone in found.new_zones if zone.code in zones])
    if supplier:
        _remember(supplier, deck, at=recorded_at)
    for plan in plans:
        _write_version(tariff, plan, recorded_at=recorded_at, correct=correct)
    return found


def _remember(supplier: str, deck: Deck, *, at: datetime) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", supplier):
        raise CannotImport(f"« {supplier} » is no code of a supplier; write unaccented letters, digits, - and _ only")
    layout = deck.layout
    put_deck_layouts(
        rows=[{"supplier": supplier, "columns": dict(layout.columns), "settings": layout.settings}], recorded_at=at
    )


@transaction.atomic
def put_deck_layouts(*, rows: Sequence[Mapping[str, Any]], recorded_at: datetime) -> None:
    """Create or overwrite how the decks of suppliers are read: `supplier`, `columns` and `settings` of a `Layout`."""
    bulk.put(DeckLayout, key=["supplier"], rows=[{**row, "recorded_at": recorded_at} for row in rows])


def _write_version(tariff: str, plan: VersionPlan, *, recorded_at: datetime, correct: bool) -> None:
    known = TariffVersion.objects.filter(tariff__code=tariff, valid_from_date=plan.valid_from_date, superseded_at=None)
    issued: frozenset[int] = issued_version_ids(tariff) if known.exists() else frozenset()
    if not known.exists():
        version: dict[str, str | date | None] = {
            "tariff": tariff,
            "valid_from_date": plan.valid_from_date,
            "valid_to_date": None,
        }
        catalog.put_tariff_versions(rows=[version], recorded_at=recorded_at)
    catalog.replace_rates(
        tariff=tariff,
        valid_from_date=plan.valid_from_date,
        rows=_cells(plan.rows),
        recorded_at=recorded_at,
        issued_version_ids=issued,
        correct=correct,
    )


def _cells(rows: Mapping[Key, Priced]) -> list[dict[str, Any]]:
    """Rows as `replace_rates` takes them, without the columns in which every row says the usual."""
    different = {id(row.terms): row.terms for row in rows.values()}.values()
    terms = [place for place, usual in enumerate(Terms()) if any(one[place] != usual for one in different)]
    keys = [place for place, usual in enumerate(Key("")) if any(key[place] != usual for key in rows)]
    key_names, names = [Key._fields[place] for place in keys], [Terms._fields[place] for place in terms]
    said = {id(one): {name: one[place] for name, place in zip(names, terms, strict=True)} for one in different}
    return [
        {
            "prefix": key.prefix,
            "zone": row.zone,
            **said[id(row.terms)],
            **{name: key[place] for name, place in zip(key_names, keys, strict=True)},
        }
        for key, row in rows.items()
    ]
