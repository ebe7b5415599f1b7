"""A folder of plain files -> the registers, all or nothing: read, compare, check, then one transaction.

Loading adds and changes by natural key, never removes (but a list of rates, of calendar rules or of tiers is given
whole), so loading the same folder twice changes nothing and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import transaction

from ardoise.bill.past_totals import record_past_totals
from ardoise.bill.sold import metered_products_billed
from ardoise.catalog import operations as catalog
from ardoise.catalog.decks.operations import put_deck_layouts
from ardoise.catalog.models import TariffVersion
from ardoise.collect.registration import register_sources
from ardoise.core.schema import FROZEN
from ardoise.directory import operations as directory
from ardoise.plainfiles.checks import check, inherit_issuers
from ardoise.plainfiles.consequences import issued_otherwise, undated_moves
from ardoise.plainfiles.declare import Replace, Table
from ardoise.plainfiles.problems import Problem
from ardoise.plainfiles.reading import read_folder
from ardoise.plainfiles.rows import Cells, Folder, Key, Row
from ardoise.plainfiles.sale_tables import PRODUCT_TIERS
from ardoise.plainfiles.state import loaded
from ardoise.plainfiles.tables import RATES, TABLES, TARIFF_VERSIONS, TARIFFS
from ardoise.plainfiles.world import World
from ardoise.store import queries as store
from ardoise.store.models import TableName

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many steps are done, how many there are."""


def no_progress(what: str, done: int, total: int) -> None:
    """Say nothing."""


@dataclass(slots=True)
class FileCount:
    file: str
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0


@dataclass(slots=True)
class LoadReport:
    """What a load did, file by file, and what it noticed."""

    files: list[FileCount] = field(default_factory=list)
    warnings: tuple[Problem, ...] = ()
    corrected: tuple[str, ...] = ()  # versions that priced issued documents: "public, from 2026-01-01"

    @property
    def changed_nothing(self) -> bool:
        return not any(count.new or count.changed or count.removed for count in self.files)


@dataclass(slots=True)
class _Difference:
    """Rows of one table that are not in force yet, and the lists (rates, rules) that change."""

    rows: list[Row] = field(default_factory=list)
    lists: set[Key] = field(default_factory=set)


def load(path: Path, *, recorded_at: datetime, correct: bool = False, progress: Progress = no_progress) -> LoadReport:
    """Load a folder. Raises NoFolder, or LoadRefused with every error found: then nothing was loaded.

    `correct`: prices that issued documents were made with are recorded anew instead of refused. What was believed stays
    readable; open months are to be rated again, and what was issued becomes proposals (`bill.proposals`).
    """
    folder = read_folder(path)  # outside the transaction: nobody else waits for a long file
    progress("read", 1, 4)
    return load_rows(folder, recorded_at=recorded_at, correct=correct, progress=progress)


@transaction.atomic
def load_rows(
    folder: Folder, *, recorded_at: datetime, correct: bool = False, progress: Progress = no_progress
) -> LoadReport:
    """Load rows that were read already, all or nothing. Raises LoadRefused."""
    judged = _judged(folder, correct, progress)
    _write(judged.world, judged.changes, recorded_at=recorded_at, issued=judged.issued, correct=correct)
    progress("written", 4, 4)
    return LoadReport(
        sorted(judged.counts.values(), key=lambda count: count.file),
        tuple(sorted(folder.findings.warnings)),
        tuple(f"{tariff}, from {first}" for tariff, first in judged.corrections),
    )


def compared(folder: Folder) -> dict[str, list[tuple[Row, Cells | None]]]:
    """By table, the rows that loading would add (None) or change, with what is in force. Writes nothing.

    Raises LoadRefused."""
    judged = _judged(folder, False, no_progress)
    return {
        name: [(row, judged.before[name].get(row.key)) for row in change.rows]
        for name, change in judged.changes.items()
    }


@dataclass(slots=True)
class _Judged:
    """What a folder changes, found sound."""

    world: World
    before: dict[str, dict[Key, Cells]]
    changes: dict[str, _Difference]
    counts: dict[str, FileCount]
    issued: dict[int, Key]
    corrections: dict[Key, Problem]


def _judged(folder: Folder, correct: bool, progress: Progress) -> _Judged:
    before = {name: loaded(table, only=folder.lists[RATES.name]) for name, table in TABLES.items()}
    world = _overlaid(folder, before)
    progress("compared", 2, 4)
    check(world)
    counts: dict[str, FileCount] = {}
    changes = {name: _difference(folder, table, before[name], counts) for name, table in TABLES.items()}
    folder.findings.warnings += undated_moves(changes["accounts"].rows, before["accounts"])
    folder.findings.warnings += issued_otherwise(changes["accounts"].rows, changes["vat_regimes"].rows, before)
    issued = _issued_versions(changes)
    corrections = _corrections(changes, issued)
    if not correct:
        folder.findings.errors += corrections.values()
        folder.findings.errors += _tiers_of_issued(folder, before)
    folder.findings.errors += _headers_of_issued(changes, before, issued)
    folder.findings.refuse_if_any()
    progress("checked", 3, 4)
    return _Judged(world, before, changes, counts, issued, corrections)


def _overlaid(folder: Folder, before: dict[str, dict[Key, Cells]]) -> World:
    """What would be in force: the folder over what is loaded."""
    cells = {}
    for name, table in TABLES.items():
        kept = before[name]
        if table.replace is Replace.WITH_PARENT:
            kept = {key: row for key, row in kept.items() if _parent(key) not in folder.lists[name]}
        cells[name] = {**kept, **{row.key: row.cells for row in folder.rows[name]}}
    inherit_issuers(cells["accounts"])
    return World(folder, cells)


def _parent(key: Key) -> Key:
    """The parent of a row of a list: a calendar, or a version (tariff, first day)."""
    return key[:1] if len(key) == 2 else key[:2]


def _difference(folder: Folder, table: Table, before: dict[Key, Cells], counts: dict[str, FileCount]) -> _Difference:
    found = _Difference()
    for row in folder.rows[table.name]:
        count = counts.setdefault(row.file, FileCount(row.file))
        known = before.get(row.key)
        if known == row.cells or (known is None and _takes_back_nothing(table, row.cells)):
            count.unchanged += 1
            continue
        if known is None:
            count.new += 1
        else:
            count.changed += 1
        found.rows.append(row)
        if table.replace is Replace.WITH_PARENT:
            found.lists.add(_parent(row.key))
    if table.replace is Replace.WITH_PARENT:
        _count_removed(folder, table, before, counts, found)
    return found


def _takes_back_nothing(table: Table, cells: Cells) -> bool:
    """A dated row of empty validity takes back the current one; there is none."""
    return table.dated and _takes_back(cells)


def _takes_back(cells: Cells) -> bool:
    return bool(cells["valid_to_date"] == cells["valid_from_date"])


def _count_removed(
    folder: Folder, table: Table, before: dict[Key, Cells], counts: dict[str, FileCount], found: _Difference
) -> None:
    given = {row.key for row in folder.rows[table.name]}
    parents = {row.key: row.file for row in folder.rows.get(table.parent, ())}
    files = {_parent(row.key): row.file for row in folder.rows[table.name]}
    for key in before.keys() - given:
        parent = _parent(key)
        if parent in folder.lists[table.name]:
            file = files.get(parent) or parents.get(parent, table.file)
            counts.setdefault(file, FileCount(file)).removed += 1
            found.lists.add(parent)


# --- what is frozen ------------------------------------------------------------------------------------------------


def _issued_versions(changes: dict[str, _Difference]) -> dict[int, Key]:
    """Tariff versions that priced issued documents: id -> (tariff, first day); read only when prices change."""
    if not changes[RATES.name].lists and not changes[TARIFFS.name].rows and not changes[TARIFF_VERSIONS.name].rows:
        return {}
    used = store.scan(TableName.FROZEN, columns=[FROZEN.version_id]).unique().collect()
    ids = used[FROZEN.version_id].drop_nulls().to_list()
    known = TariffVersion.objects.filter(pk__in=ids).values_list("pk", "tariff__code", "valid_from_date")
    return {pk: (code, first) for pk, code, first in known}


def _corrections(changes: dict[str, _Difference], issued: dict[int, Key]) -> dict[Key, Problem]:
    """Versions whose change touches what was issued: other prices, or none any more."""
    rows = {_parent(row.key): row for row in reversed(changes[RATES.name].rows)}
    rows |= {row.key: row for row in changes[TARIFF_VERSIONS.name].rows if _takes_back(row.cells)}
    problems = {}
    for key in sorted((changes[RATES.name].lists | rows.keys()) & set(issued.values())):
        row = rows.get(key)
        file = row.file if row else f"tariffs/{key[0]}.toml"
        message = (
            f"the version of {key[0]} from {key[1]} priced issued documents; restore it and add a version with a later "
            "valid_from_date, or load with --correct to record a correction of the past: what is open is then rated "
            "again, and what was issued gives proposals"
        )
        problems[key] = Problem(file, row.line if row else 0, "", message)
    return problems


def _headers_of_issued(
    changes: dict[str, _Difference], before: dict[str, dict[Key, Cells]], issued: dict[int, Key]
) -> list[Problem]:
    frozen = {code for code, _ in issued.values()}
    problems = []
    for row in changes[TARIFFS.name].rows:
        old = before[TARIFFS.name].get(row.key)
        if old is None or row.cells["code"] not in frozen:
            continue
        for name in row.cells.keys() - {"name"}:
            if row.cells[name] != old[name]:
                message = (
                    "changes a tariff that priced issued documents; restore it, and make a tariff with another code"
                )
                problems.append(row.problem(name, message))
    return problems


def _tiers_of_issued(folder: Folder, before: dict[str, dict[Key, Cells]]) -> list[Problem]:
    """Tiers that leave a product whose usage was billed."""
    given = {row.key for row in folder.rows[PRODUCT_TIERS.name]}
    whole = folder.lists[PRODUCT_TIERS.name]
    gone = [key for key in before[PRODUCT_TIERS.name] if _parent(key) in whole and key not in given]
    billed = metered_products_billed() if gone else set()
    return [
        Problem(
            PRODUCT_TIERS.file,
            0,
            "up_to",
            f"the tier {f'up to {up_to}' if up_to else 'without an end'} of {product} is gone, and its usage was "
            "billed; restore it and make a product with another code, or load with --correct: what was billed is "
            "corrected by the difference on the next bill",
        )
        for product, up_to in sorted(gone)
        if product in billed
    ]


# --- writing -------------------------------------------------------------------------------------------------------


def _write(
    world: World, changes: dict[str, _Difference], *, recorded_at: datetime, issued: dict[int, Key], correct: bool
) -> None:
    def rows(name: str) -> list[Cells]:
        return [row.cells for row in changes[name].rows]

    directory.put_issuers(rows=rows("issuers"))
    register_sources(rows=rows("sources"))
    directory.put_accounts(rows=rows("accounts"))
    directory.put_vat_regimes(rows=rows("vat_regimes"), recorded_at=recorded_at)
    directory.put_lines(rows=rows("lines"))
    directory.put_assignments(rows=rows("assignments"), recorded_at=recorded_at)
    directory.put_identifiers(rows=rows("identifiers"), recorded_at=recorded_at)
    catalog.put_zones(rows=rows("zones"))
    catalog.put_vat_rates(rows=rows("vat_rates"))
    catalog.put_calendars(rows=rows("calendars"))
    for (calendar,) in changes["calendar_rules"].lists:
        wanted = [row.cells for row in world.rows("calendar_rules") if row.cells["calendar"] == calendar]
        catalog.replace_calendar_rules(calendar=calendar, rows=wanted)
    catalog.put_tariffs(rows=rows("tariffs"))
    catalog.put_tariff_versions(rows=rows("tariff_versions"), recorded_at=recorded_at)
    lists: dict[Key, list[Cells]] = {key: [] for key in changes[RATES.name].lists}
    for row in world.rows(RATES.name):
        if (key := _parent(row.key)) in lists:
            lists[key].append(row.cells)
    for (tariff, valid_from_date), wanted in lists.items():
        catalog.replace_rates(
            tariff=tariff,
            valid_from_date=valid_from_date,
            rows=wanted,
            recorded_at=recorded_at,
            issued_version_ids=frozenset(issued),
            correct=correct,
        )
    catalog.put_allowances(rows=rows("allowances"))
    catalog.put_promotions(rows=rows("promotions"))
    catalog.put_products(rows=rows("products"))
    catalog.put_plans(rows=rows("plans"))
    catalog.put_tariff_links(rows=rows("tariff_links"), recorded_at=recorded_at)
    catalog.put_promotion_grants(rows=rows("promotion_grants"), recorded_at=recorded_at)
    catalog.put_exchange_rates(rows=rows("exchange_rates"), recorded_at=recorded_at)
    catalog.put_product_prices(rows=rows("product_prices"), recorded_at=recorded_at)
    for (product,) in sorted(changes[PRODUCT_TIERS.name].lists):
        tiers = [row.cells for row in world.rows(PRODUCT_TIERS.name) if row.cells["product"] == product]
        catalog.replace_product_tiers(product=product, rows=tiers)
    catalog.put_subscriptions(rows=rows("subscriptions"), recorded_at=recorded_at)
    catalog.put_meter_readings(rows=rows("meter_readings"))
    catalog.put_purchases(rows=rows("purchases"))
    catalog.put_discounts(rows=rows("discounts"))
    catalog.put_discount_grants(rows=rows("discount_grants"), recorded_at=recorded_at)
    catalog.put_commitments(rows=rows("commitments"), recorded_at=recorded_at)
    put_deck_layouts(rows=rows("deck_layouts"), recorded_at=recorded_at)
    directory.put_sheet_layouts(rows=rows("sheet_layouts"), recorded_at=recorded_at)
    record_past_totals(rows=rows("past_totals"))
