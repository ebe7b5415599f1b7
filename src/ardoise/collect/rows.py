"""Writes of many rows, in plain SQL: making a model of each row costs ten times the row.

For the tables of `collect` only; every value is given as the database takes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, models


def as_json(value: object) -> str:
    """The text of a JSON column."""
    return json.dumps(value)


def as_instant(at: datetime) -> Any:
    """The value of a column of instants."""
    return connection.ops.adapt_datetimefield_value(at)


def insert(model: type[models.Model], fields: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
    """Add rows: `values` in the order of `fields` (names of columns)."""
    if values:
        places = ", ".join(["%s"] * len(fields))
        _many(f"INSERT INTO {_table(model)} ({_columns(fields)}) VALUES ({places})", values)


def add_up(
    model: type[models.Model], sums: Sequence[str], values: Sequence[Sequence[Any]], *, by: str = "date"
) -> None:
    """Add numbers to the row of a source and day (the column `by`), made when it is missing: `values` are source id,
    day, numbers."""
    if not values:
        return
    zeros = ", ".join(["0"] * len(sums))
    missing = f"INSERT INTO {_table(model)} ({_columns(['source_id', by, *sums])}) VALUES (%s, %s, {zeros})"
    _many(f"{missing} ON CONFLICT DO NOTHING", [row[:2] for row in values])
    added = ", ".join(f"{_name(name)} = {_name(name)} + %s" for name in sums)
    where = f"{_name('source_id')} = %s AND {_name(by)} = %s"
    _many(f"UPDATE {_table(model)} SET {added} WHERE {where}", [[*row[2:], *row[:2]] for row in values])


def move(model: type[models.Model], key: int, *, version: int, values: Mapping[str, Any]) -> bool:
    """Compare `version` and set the columns, the next version with them; False when it was another one."""
    changes = ", ".join(f"{_name(name)} = %s" for name in values)
    statement = (
        f"UPDATE {_table(model)} SET {changes}, {_name('version')} = {_name('version')} + 1 "
        f"WHERE {_name('id')} = %s AND {_name('version')} = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values.values(), key, version])
        return bool(cursor.rowcount == 1)


def _many(statement: str, values: Sequence[Sequence[Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _columns(fields: Sequence[str]) -> str:
    return ", ".join(map(_name, fields))


def _name(field: str) -> str:
    return connection.ops.quote_name(field)
