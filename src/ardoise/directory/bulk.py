"""Writing many rows by natural key: shared by the rooms whose rows come from files of thousands of lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db import connection, models, transaction

from ardoise.directory.models import Dated
from ardoise.store.fields import ExactDecimalField, OptionalExactDecimalField

Fields = Mapping[str, Any]
"""Fields of a model by attribute name ("issuer_id"): every row of one call has the same ones."""

BATCH = 2000


class UnknownCode(LookupError):
    """A row names something that does not exist; the message names it."""


class InvalidPeriod(ValueError):
    """A validity ends before it starts."""


def ids_by_code(model: type[models.Model], codes: Iterable[str], *, field: str = "code") -> dict[str, int | None]:
    """Ids of rows by code; "" gives None. Raises UnknownCode."""
    wanted = set(codes) - {""}
    found: dict[str, int | None] = {"": None}
    for code, pk in model._default_manager.values_list(field, "pk").iterator(chunk_size=BATCH):
        if code in wanted:
            found[code] = pk
    if missing := wanted - found.keys():
        raise UnknownCode(f"{model._meta.verbose_name} {', '.join(sorted(missing))}: does not exist; create it first")
    return found


@transaction.atomic
def put(model: type[models.Model], *, key: Sequence[str], rows: Sequence[Fields]) -> None:
    """Insert rows, or overwrite those with the same natural key (a unique constraint of the table)."""
    if not rows:
        return
    others = [name for name in rows[0] if name not in key]
    model._default_manager.bulk_create(
        [model(**row) for row in rows],
        update_conflicts=bool(others),
        unique_fields=list(key) if others else None,
        update_fields=others or None,
        ignore_conflicts=not others,
        batch_size=BATCH,
    )


@transaction.atomic
def insert(model: type[models.Model], rows: Sequence[Fields]) -> None:
    """Insert rows that are known to be new, without making an object of each: a price list has tens of thousands.

    Fields that are not given take their defaults.
    """
    if not rows:
        return
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    given = [field for field in fields if field.attname in rows[0]]
    fixed = [field for field in fields if field.attname not in rows[0]]
    defaults = tuple(field.get_db_prep_save(field.get_default(), connection) for field in fixed)
    readers = [(field.attname, _prepared(field)) for field in given]
    quoted = connection.ops.quote_name
    names = ", ".join(quoted(str(field.column)) for field in (*given, *fixed))
    marks = ", ".join(["%s"] * len(fields))
    statement = f"INSERT INTO {quoted(model._meta.db_table)} ({names}) VALUES ({marks})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            cursor.executemany(statement, [(*(read(row[name]) for name, read in readers), *defaults) for row in batch])


def _prepared(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    """What a database is given for a value: text and whole numbers are taken as they are."""
    if type(field) in _PLAIN_FIELDS:
        return _as_it_is
    if isinstance(field, (ExactDecimalField, OptionalExactDecimalField)):
        return field.get_prep_value
    return partial(field.get_db_prep_save, connection=connection)


_PLAIN_FIELDS = {
    models.CharField,
    models.BooleanField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.PositiveBigIntegerField,
    models.ForeignKey,
}


def _as_it_is(value: Any) -> Any:
    return value


@transaction.atomic
def put_dated(model: type[Dated], *, key: Sequence[str], rows: Sequence[Fields], recorded_at: datetime) -> None:
    """Insert dated rows; the current row of the same key is superseded and stays readable.

    An identical row is left alone. A row whose validity is empty (ends the day it starts) takes the current one back:
    nothing is inserted.
    """
    if not rows:
        return
    names = list(rows[0])
    current = {
        tuple(found[name] for name in key): found
        for found in model._default_manager.filter(superseded_at=None).values("pk", *names).iterator(chunk_size=BATCH)
    }
    superseded: list[int] = []
    inserted: list[Dated] = []
    for row in rows:
        first, last = row["valid_from_date"], row["valid_to_date"]
        if last is not None and last < first:
            raise InvalidPeriod(f"valid from {first} to {last}: a validity cannot end before it starts")
        known = current.get(tuple(row[name] for name in key))
        if known is not None:
            if all(known[name] == row[name] for name in names):
                continue
            superseded.append(known["pk"])
        if last is None or last > first:
            inserted.append(model(**row, recorded_at=recorded_at))
    supersede(model, superseded, at=recorded_at)
    model._default_manager.bulk_create(inserted, batch_size=BATCH)


def supersede(model: type[Dated], pks: Sequence[int], *, at: datetime) -> None:
    """End the belief in rows; what was believed stays."""
    for start in range(0, len(pks), BATCH):
        model._default_manager.filter(pk__in=pks[start : start + BATCH]).update(superseded_at=at)


def outside(
    validity: tuple[date, date | None], taken: Iterable[tuple[date, date | None]]
) -> list[tuple[date, date | None]]:
    """The parts of a validity that no other one takes, in order."""
    parts: list[tuple[date, date | None]] = []
    start, end = validity
    for first, last in sorted(taken, key=lambda period: period[0]):
        if end is not None and first >= end:
            break
        if first > start:
            parts.append((start, first))
        if last is None:
            return parts
        start = max(start, last)
    if end is None or start < end:
        parts.append((start, end))
    return parts


def overlapping(periods: Sequence[tuple[date, date | None]]) -> list[tuple[int, int]]:
    """Positions of the periods that overlap, as pairs (earlier, later) of neighbours in time."""
    order = sorted(range(len(periods)), key=lambda i: periods[i][0])
    order = [i for i in order if periods[i][1] is None or periods[i][1] > periods[i][0]]  # type: ignore[operator]
    pairs = []
    furthest: int | None = None
    for i in order:
        if furthest is not None:
            end = periods[furthest][1]
            if end is None or periods[i][0] < end:
                pairs.append((furthest, i))
        if furthest is None or _ends_after(periods[i][1], periods[furthest][1]):
            furthest = i
    return pairs


def _ends_after(one: date | None, other: date | None) -> bool:
    return other is not None and (one is None or one > other)
