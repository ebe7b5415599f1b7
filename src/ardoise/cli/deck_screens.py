"""What `ardoise tariffs` shows of a deck: how it was read, what it changes, as a screen, JSON and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from ardoise.cli.wiring import printable, screen, table
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.catalog.decks.changes import Change
    from ardoise.catalog.decks.deck import Priced
    from ardoise.catalog.decks.queries import Preview


def show(found: Preview, *, rows: int, chosen: bool, applied: bool, today: date) -> None:
    """The mapping, the counts by day, the rows that change most, and what to do next."""
    deck = found.deck
    _show_columns(found)
    tariff = found.tariff
    beside = f"the version of {found.base.valid_from_date}" if found.base else "an empty tariff"
    counts = table(
        f"{tariff.code} ({tariff.currency} {tariff.tax_basis.upper()}) beside {beside}",
        "From",
        *("New", "Dearer", "Cheaper", "Changed", "Gone", "Unchanged"),
        right=(1, 2, 3, 4, 5, 6),
    )
    for plan in found.plans:
        numbers = (plan.counts[kind] for kind in _kinds())
        counts.add_row(str(plan.valid_from_date), *(f"{number:,}" if number else "·" for number in numbers))
    screen.print(counts)
    _show_changes(found, rows)
    for note in deck.notes:
        screen.print(f"[dim]i {escape(printable(note))}[/]")
    if found.new_zones:
        names = ", ".join(zone.code for zone in found.new_zones[:5]) + (" ..." if len(found.new_zones) > 5 else "")
        screen.print(f"[dim]i {counted(len(found.new_zones), 'new zone')}: {names}[/]")
    for day in found.later:
        screen.print(f"[yellow]![/] the version that starts on {day} stays, and replaces this deck from then on")
    screen.print(_conclusion(found, chosen=chosen, applied=applied, today=today), markup=False)


def _show_columns(found: Preview) -> None:
    deck = found.deck
    where = f"{deck.file}, sheet {deck.sheet}" if deck.sheet else deck.file
    screen.print(f"[bold]How {escape(printable(where))} is read[/]")
    shown = table("", "Field", "Column", "")
    for column in deck.columns:
        shown.add_row(column.field, escape(printable(column.header)), f"[dim]{column.how}[/]")
    for pairs, how in _increments(found):
        shown.add_row("increment", pairs, f"[dim]{how}[/]")
    screen.print(shown)
    if deck.unread:
        names = ", ".join(f"« {name} »" for name in deck.unread)
        screen.print(f"[dim]i columns not read: {escape(printable(names))}[/]")
    screen.print()


def _increments(found: Preview) -> list[tuple[str, str]]:
    """The increments that no column of the deck says, and where they come from."""
    deck, filled = found.deck, found.increments
    shown = [
        (_pairs(pairs), how)
        for pairs, how in (
            (filled.kept, "as in force: the deck does not say (--increment)"),
            (filled.taken, "of new codes: as all rows in force (--increment)"),
        )
        if pairs
    ]
    if shown or any(column.field in ("increment", "first_s", "next_s") for column in deck.columns):
        return shown
    return [(deck.layout.increment or "1/1", "for all rows (--increment)")]


def _pairs(rows: Mapping[tuple[int, int], int]) -> str:
    """« 60/1 », or « 60/1 (12 rows), 1/1 (3 rows) »."""
    from ardoise.catalog.decks.increments import text

    if len(rows) == 1:
        return text(next(iter(rows)))
    return ", ".join(f"{text(pair)} ({counted(number, 'row')})" for pair, number in rows.items())


def _kinds() -> tuple[Any, ...]:
    from ardoise.catalog.decks.changes import Kind

    return (Kind.NEW, Kind.DEARER, Kind.CHEAPER, Kind.CHANGED, Kind.GONE, Kind.UNCHANGED)


_STYLES = {"new": "cyan", "dearer": "red", "cheaper": "green", "changed": "yellow", "gone": "magenta"}


def _show_changes(found: Preview, rows: int) -> None:
    changes = sorted((change for plan in found.plans for change in plan.changes), key=_by_size)
    if not changes or not rows:
        return
    screen.print()
    title = f"The {rows:,} largest of {len(changes):,} changes" if len(changes) > rows else "Changes"
    shown = table(title, "From", "Prefix", "Zone", "", "Old", "New", "%", "Terms", "Line", right=(4, 5, 6, 8))
    for change in changes[:rows]:
        row = change.new or change.old
        assert row is not None
        shown.add_row(
            str(change.from_date),
            escape(_key_text(change)),
            escape(row.zone),
            f"[{_STYLES[change.kind]}]{change.kind}[/]",
            _price_text(change.old),
            _price_text(change.new),
            _percent_text(change),
            escape(_terms_text(change)),
            f"{change.line:,}" if change.line else "·",
        )
    screen.print(shown)
    screen.print()


def _by_size(change: Change) -> tuple[int, Decimal, Decimal, Any]:
    """Dearer first, by how much; then changed, gone, new, cheaper: what costs money stands on top."""
    order = ("dearer", "changed", "gone", "new", "cheaper")
    row = change.new or change.old
    price = (row.terms.price_per_min if row else None) or Decimal(0)
    return order.index(change.kind), -abs(change.difference_percent or Decimal(0)), -price, change.key


def _key_text(change: Change) -> str:
    key = change.key
    more = [key.band, "exact" if key.exact else "", key.kind if key.kind != "call" else "", key.origin]
    return " ".join([key.prefix, *(word for word in more if word)])


def _price_text(row: Priced | None) -> str:
    if row is None:
        return "·"
    terms = row.terms
    if terms.price_per_min is not None:
        return format(terms.price_per_min, "f")
    if terms.price is not None:
        return f"{terms.price:f}/{terms.per}"
    return terms.steps or f"{terms.coefficient} x cost"


def _percent_text(change: Change) -> str:
    percent = change.difference_percent
    return f"{percent:+}" if percent else "·"


def _terms_text(change: Change) -> str:
    """What else a row says: its increments, and the other terms that change."""
    old, new = change.old, change.new
    row = new or old
    assert row is not None
    said = [_arrow(*(f"{one.terms.first_s}/{one.terms.next_s}" if one else "" for one in (old, new)))]
    if old is not None and new is not None:
        names = [name for name in new.terms._fields if name not in ("price_per_min", "price", "first_s", "next_s")]
        pairs = [(name, getattr(old.terms, name), getattr(new.terms, name)) for name in names]
        said += [f"{name} {_arrow(str(before), str(after))}" for name, before, after in pairs if before != after]
        if old.zone != new.zone:
            said.append(f"zone {_arrow(old.zone, new.zone)}")
    return "; ".join(said)


def _arrow(old: str, new: str) -> str:
    return f"{old} → {new}" if old and new and old != new else new or old


def _conclusion(found: Preview, *, chosen: bool, applied: bool, today: date) -> str:
    if found.changes_nothing:
        return "Nothing changes."
    days = [plan.valid_from_date for plan in found.plans if plan.changes]
    if applied:
        said = f"Loaded: {found.tariff.code} has new prices from {', '.join(map(str, days))}."
        month = f"{days[0]:%Y-%m}"
        return said + (f" Price calls since then again: ardoise rate --month {month}." if days[0] < today else "")
    if found.missing and not chosen:
        return (
            f"Rows in force that are not in the deck: {found.missing:,}, shown as gone. To import it, say "
            "--keep-missing (an amendment, they stay) or --drop-missing (the whole list)."
        )
    return "Nothing is written: import it with ardoise tariffs import."


def preview_json(found: Preview, *, applied: bool) -> dict[str, Any]:
    from ardoise.catalog.decks.increments import text

    return {
        "applied": applied and not found.changes_nothing,
        "tariff": found.tariff.code,
        "currency": found.tariff.currency,
        "against": found.base.valid_from_date if found.base else None,
        "file": found.deck.file,
        "sheet": found.deck.sheet,
        "columns": [{"field": one.field, "header": one.header, "how": one.how} for one in found.deck.columns],
        "columns_not_read": found.deck.unread,
        "notes": found.deck.notes,
        "increments_in_force": {text(pair): rows for pair, rows in found.increments.kept.items()},
        "increments_of_new_codes": {text(pair): rows for pair, rows in found.increments.taken.items()},
        "missing": found.missing,
        "new_zones": [zone.code for zone in found.new_zones],
        "later_versions": found.later,
        "versions": [
            {
                "valid_from_date": plan.valid_from_date,
                "rows": len(plan.rows),
                "counts": {str(kind): plan.counts[kind] for kind in _kinds()},
                "changes": [
                    dict(zip(_CHANGE_COLUMNS, cells, strict=True)) for cells in map(_change_cells, plan.changes)
                ],
            }
            for plan in found.plans
        ],
    }


_CHANGE_COLUMNS = (
    *("change", "effective_date", "prefix", "exact", "band", "kind", "origin", "zone"),
    *("old_price", "new_price", "difference_percent", "old_increment", "new_increment", "terms", "line"),
)


def _change_cells(change: Change) -> list[str | int | bool | None]:
    """One change as a row of CSV and JSON: amounts as exact text, None where there is none."""
    row = change.new or change.old
    assert row is not None
    key = change.key
    increments = [f"{one.terms.first_s}/{one.terms.next_s}" if one else None for one in (change.old, change.new)]
    prices = [_price_text(one) if one else None for one in (change.old, change.new)]
    percent = change.difference_percent
    return [
        *(str(change.kind), str(change.from_date), key.prefix, key.exact, key.band, key.kind, key.origin, row.zone),
        *(*prices, None if percent is None else str(percent), *increments, _terms_text(change), change.line or None),
    ]


def write_changes(found: Preview, file: Path) -> None:
    from ardoise.catalog.decks.writing import as_csv

    changes = [_change_cells(change) for plan in found.plans for change in plan.changes]
    cells = [["" if cell is None else str(cell) for cell in row] for row in changes]
    file.write_bytes(as_csv(list(_CHANGE_COLUMNS), cells))
