"""Real rate decks, read in place: every row of every file of the folder given by --decks, loaded and written again.

A deck here is a CSV file with a header, one code a row. What it must give is read from it by Python's csv and Decimal.
A file without prices must be refused.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ardoise.catalog import operations as catalog
from ardoise.catalog.decks import queries, writing
from ardoise.catalog.decks.deck import Deck
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.operations import import_deck
from ardoise.catalog.decks.problems import DeckRefused
from ardoise.catalog.decks.reading import Target, read_deck

pytestmark = pytest.mark.django_db

FIRST = date(2026, 11, 1)
TARGET = Target(currency="EUR", bands=frozenset(), today=FIRST, effective_date=FIRST)
PRICES = ("rate", "price", "cost_per_min")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    files = sorted(Path(metafunc.config.rootpath, metafunc.config.getoption("--decks")).glob("*.csv"))
    metafunc.parametrize("file", files or [None], ids=[file.stem for file in files] or ["no decks"])


def _written(file: Path) -> tuple[list[dict[str, str]], str]:
    """The rows as Python reads them, and the column of the price ("" = none)."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows, next((name for name in rows[0] if name.startswith(PRICES)), "")


def _again(data: bytes, name: str) -> Deck:
    return read_deck(data, file=name, layout=Layout(), target=TARGET)


def test_a_real_deck_is_loaded_row_by_row_and_written_again(
    file: Path | None, case: Callable[[str, str], None]
) -> None:
    case("decks", file.stem if file else "no decks")
    if file is None:
        pytest.skip("no decks: give the folder by --decks or ARDOISE_DECKS")
    rows, price = _written(file)
    if not price:
        with pytest.raises(DeckRefused, match="no header with a code and a price"):
            _again(file.read_bytes(), file.name)
        return
    catalog.put_tariffs(rows=[{"code": "real", "name": "real", "calendar": "", "currency": "EUR"}])
    deck = _again(file.read_bytes(), file.name)
    import_deck(deck=deck, tariff="real", keep_missing=None, recorded_at=datetime(2026, 10, 31, tzinfo=UTC))

    tariff = queries.tariff_named("real")
    (version,) = tariff.versions
    loaded = queries.rows_of(version.version_id)
    zones = {zone.code: zone.label_fr for zone in queries.known_zones()}
    wanted = {f"+{row['prefix']}": Decimal(row[price]) for row in rows}
    assert {key.prefix: row.terms.price_per_min for key, row in loaded.items()} == wanted
    names = {f"+{row['prefix']}": row["destination"].strip().casefold() for row in rows}
    assert {key.prefix: zones[row.zone].casefold() for key, row in loaded.items()} == names

    header, lines = writing.deck_table(loaded, tariff, version, zones=queries.known_zones())
    for name, data in (("again.csv", writing.as_csv(header, lines)), ("again.xlsx", writing.as_xlsx(header, lines))):
        found = queries.preview(_again(data, name), tariff="real", keep_missing=False)
        assert found.changes_nothing, name
        assert not found.new_zones, name
