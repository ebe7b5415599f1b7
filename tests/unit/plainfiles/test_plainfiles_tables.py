"""The declared tables keep up with the models, and the manual with the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.plainfiles.declare import Table
from ardoise.plainfiles.reference import PAGE, page
from ardoise.plainfiles.tables import TABLES

NOT_WRITTEN = {"id", "recorded_at", "superseded_at", "version", "logo_svg"}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_field_of_a_model_is_a_column_of_its_file(table: Table) -> None:
    written = {column.field.split("__")[0] for column in (*table.columns, *table.derived)}
    if "owner_kind" in table.by_name:
        written |= {"line", "account", "issuer", "source_code", "reference"}  # owner_kind and owner
    fields = {field.name for field in table.model_class._meta.get_fields() if not field.auto_created}
    assert fields - written - NOT_WRITTEN == set()


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_column_says_what_it_means_in_both_languages(table: Table) -> None:
    assert all(column.fr and column.en and column.kind.fr and column.kind.en for column in table.columns)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_a_default_can_be_written_and_read_again(table: Table) -> None:
    for column in table.columns:
        if column.default is not ... and column.default != {}:
            assert column.kind.read(column.kind.write(column.empty)) == column.empty, column.name


def test_the_reference_page_is_fresh() -> None:
    kept = Path(__file__).parents[3] / PAGE
    assert kept.read_text(encoding="utf-8") == page(), "run: python -m ardoise.plainfiles.reference"
