"""How fast a supplier's rate deck is loaded: read, compared, written; beside the bare file and database, and peers.

    python benchmarks/decks.py [--prefixes 36000] [--deck FILE]

The bound reads the same lines with Python's csv and inserts as many columns with sqlite3, checking nothing. One peer is
what one would write by hand with the ORM: DictReader, Decimal, bulk_create. The other reads the file with Polars, types
only: what reading alone could cost.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeVar

T = TypeVar("T")

ROUNDS = 3  # the best of each, the database emptied between
FIRST, NEXT = date(2026, 11, 1), date(2026, 12, 1)
AT = datetime(2026, 10, 15, 8, tzinfo=UTC)


def generated(prefixes: int) -> bytes:
    """A deck of the field's shape: prefixes of 2 to 8 digits, 4 decimals, a destination for 28 of them."""
    draw = random.Random("ardoise")
    codes = sorted(
        {str(draw.randint(20, 99)) + str(draw.randrange(10**6))[: draw.randint(0, 6)] for _ in range(3 * prefixes)}
    )
    stream = StringIO()
    writer = csv.writer(stream)
    writer.writerow(("prefix", "destination", "rate_per_min", "connect_cost", "increment"))
    for number, code in enumerate(draw.sample(codes, prefixes)):
        price = f"{draw.randint(20, 9000) / 10_000:.4f}"
        writer.writerow((code, f"Destination {number // 28}", price, "0.0000", draw.choice(("1/1", "60/60", "30/6"))))
    return stream.getvalue().encode()


class Seconds(NamedTuple):
    wall: float
    cpu: float


def best(action: Callable[[], T], before: Callable[[], object] = lambda: None) -> tuple[Seconds, T]:
    """The least seconds of some rounds, and what the last one gave."""
    times = []
    for _ in range(ROUNDS):
        before()
        start, worked = time.perf_counter(), time.process_time()
        given = action()
        times.append(Seconds(time.perf_counter() - start, time.process_time() - worked))
    return Seconds(min(one.wall for one in times), min(one.cpu for one in times)), given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefixes", type=int, default=36_000)
    parser.add_argument("--deck", type=Path, help="this CSV file in place of a generated one")
    asked = parser.parse_args()
    data = asked.deck.read_bytes() if asked.deck else generated(asked.prefixes)
    with TemporaryDirectory() as folder:
        os.environ |= {"ARDOISE_HOME": folder, "DJANGO_SETTINGS_MODULE": "ardoise.project.settings"}
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        measure(data, Path(folder))


def measure(data: bytes, folder: Path) -> None:
    import polars as pl

    from ardoise.catalog import operations
    from ardoise.catalog.decks import queries, writing
    from ardoise.catalog.decks.deck import Deck
    from ardoise.catalog.decks.layout import Layout
    from ardoise.catalog.decks.operations import import_deck
    from ardoise.catalog.decks.reading import Target, read_deck
    from ardoise.catalog.models import Rate, TariffVersion

    operations.put_tariffs(rows=[{"code": "deck", "name": "deck", "calendar": "", "currency": "EUR"}])

    def emptied() -> None:
        Rate.objects.all().delete()
        TariffVersion.objects.all().delete()

    def read(content: bytes = data, day: date = FIRST) -> Deck:
        return read_deck(content, file="deck", layout=Layout(), target=Target("EUR", frozenset(), FIRST, day))

    def loaded() -> None:
        import_deck(deck=read(), tariff="deck", keep_missing=None, recorded_at=AT)

    reading, deck = best(read)
    loading, _ = best(loaded, emptied)
    again = read(day=NEXT)
    comparing, found = best(lambda: queries.preview(again, tariff="deck", keep_missing=False))
    assert found.changes_nothing
    (version,) = queries.tariff_named("deck").versions
    rows = queries.rows_of(version.version_id)
    table = writing.deck_table(rows, queries.tariff_named("deck"), version, zones=queries.known_zones())
    exporting, _ = best(lambda: writing.as_csv(*table))
    exporting_xlsx, workbook = best(lambda: writing.as_xlsx(*table))
    reading_xlsx, _ = best(lambda: read(workbook))
    assert Rate.objects.count() == len(deck.entries)
    naive, _ = best(lambda: by_hand(data), emptied)
    bound, _ = best(lambda: bare(data, folder))
    polars, _ = best(lambda: pl.read_csv(data, infer_schema=False))

    print(f"{len(deck.entries):,} prefixes, {len(data) / 1e6:.1f} MB")
    lines = (
        ("load", loading, "read, checked, compared, written to SQLite: what `ardoise tariffs import` does"),
        ("  read", reading, "the CSV file alone, every cell checked"),
        ("  read XLSX", reading_xlsx, "the same rows as a workbook"),
        ("  compare", comparing, "with a version of as many rows"),
        ("export", exporting, "as CSV"),
        ("export XLSX", exporting_xlsx, ""),
        ("bound", bound, "csv and sqlite3, as many columns, nothing checked"),
        ("by hand", naive, "DictReader, Decimal, bulk_create, nothing checked"),
        ("Polars", polars, "reads the file as text, nothing more"),
    )
    for name, seconds, what in lines:
        print(f"{name:<12}{seconds.wall:>8.3f} s {seconds.cpu:>8.3f} s CPU  {what}".rstrip())
    times = f"{loading.cpu / bound.cpu:.1f} times the bound, {naive.cpu / loading.cpu:.1f} times less than by hand"
    print(f"loading takes {times} (CPU)")


def by_hand(data: bytes) -> None:
    """A loader as one would write it: no check, no comparison, no zones."""
    from django.db import transaction

    from ardoise.catalog.models import Rate, Tariff, TariffVersion, Zone

    with transaction.atomic():
        zone, _ = Zone.objects.get_or_create(code="all", label_fr="all", label_en="all")
        version = TariffVersion.objects.create(tariff=Tariff.objects.get(), valid_from_date=FIRST, recorded_at=AT)
        Rate.objects.bulk_create(
            (
                Rate(version=version, prefix=f"+{row['prefix']}", zone=zone, price_per_min=Decimal(row["rate_per_min"]))
                for row in csv.DictReader(StringIO(data.decode()))
            ),
            batch_size=2000,
        )


def bare(data: bytes, folder: Path) -> None:
    """The least that any loader does: cut the lines, and keep rows of as many columns under the same unique key."""
    from ardoise.catalog.models import Rate

    names = [field.attname for field in Rate._meta.concrete_fields if not field.primary_key]
    file = folder / "bare.sqlite3"
    file.unlink(missing_ok=True)
    database = sqlite3.connect(file)
    database.execute(f"CREATE TABLE rate (id INTEGER PRIMARY KEY, {', '.join(names)}, UNIQUE (version_id, prefix))")
    reader = csv.reader(StringIO(data.decode()))
    next(reader)
    place = names.index("prefix")
    empty = [""] * (len(names) - 1)
    rows = ([*empty[:place], row[0], *empty[place:]] for row in reader)
    database.executemany(f"INSERT INTO rate ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)
    database.commit()
    database.close()


if __name__ == "__main__":
    main()
