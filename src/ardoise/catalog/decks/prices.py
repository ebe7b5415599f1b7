"""What each row of a deck costs: prices by band, fees, increments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ardoise.catalog.decks import cells
from ardoise.catalog.decks.deck import Terms
from ardoise.catalog.decks.layout import Layout
from ardoise.catalog.decks.problems import NotRead
from ardoise.catalog.decks.sheets import Figure
from ardoise.catalog.decks.table import Table
from ardoise.catalog.decks.vocabulary import SIGNS, currencies_in, unit_of
from ardoise.catalog.values import parse_steps
from ardoise.core.tariffs import ServicePer

FEES: Final = ("connection_fee", "minimum", "maximum", "surcharge", "attempt_fee", "service_price", "unit_price")
NUMBERS: Final = (*FEES, "coefficient")
_SECONDS: Final = ("free_s", "added_s", "raised_above_s", "raised_to_s", "surcharge_at_s", "surcharge_every_s")
_NAMES: Final = {"unit_price": "price", "unit_count": "per"}  # of `Terms`, where the deck's name differs
_FACTORS: Final = {"second": Decimal(60), "cent": Decimal("0.01")}
_UNIT_NOTES: Final = {
    "second": "is a price per second, times 60",
    "cent": "counts hundredths of the currency, divided by 100",
}
_PLAIN: Final = Terms()


@dataclass(frozen=True, slots=True)
class Money:
    """How the amounts of a deck are written; `mark` "" = undecided, `told` = the user said it."""

    currency: str
    mark: str
    told: bool
    unit: str  # of prices; "" = by their header
    decimals: int | None


def money_of(table: Table, layout: Layout, *, currency: str, decimals: int | None) -> Money:
    """The decimal mark is the one said, else the one that all amounts of the deck agree on."""
    said = {"point": ".", "comma": ","}.get(layout.decimal, "")
    mark = said or cells.decimal_mark(table.all_cells(*table.prices(), *NUMBERS))
    return Money(currency, mark, bool(said), layout.unit, decimals)


def check_currency(table: Table, money: Money) -> None:
    """The currency that headers, cells, titles and notes name is that of the tariff."""
    expected = money.currency
    for name in table.prices():
        header = table.columns.names[name]
        said = currencies_in(header.upper().replace("_", " "))
        if said and expected not in said:
            table.refuse(None, name, "", f"is in {_any_of(said)}, the tariff in {expected}; choose another tariff")
    for row, cell in enumerate(table.cells("currency")):
        if cell and cell.upper() != expected and expected not in currencies_in(cell.upper()):
            table.refuse(row, "currency", cell, f"is not the currency of the tariff, {expected}")
    beside = [*table.sheet.rows[: max(table.columns.header, 0)], *table.left]
    words = frozenset().union(*(currencies_in(cell) for row in beside for cell in row))
    if words and expected not in words and not table.has("currency"):
        message = f"its titles or notes speak of {_any_of(words)}, the tariff is in {expected}; choose another tariff"
        table.refuse(None, "", "", message)


def _any_of(currencies: frozenset[str]) -> str:
    return " or ".join(sorted(currencies))


def terms_of(table: Table, layout: Layout, money: Money) -> dict[str, list[Terms | None]]:
    """For each band of the deck, the terms of each row; None where the row has no price for that band."""
    fees = _fees(table, money)
    increments = _increments(table, layout)
    found: dict[str, list[Terms | None]] = {}
    for band, name in {name.partition("@")[2]: name for name in table.prices() or ["price"]}.items():
        made: dict[tuple[Any, ...], Terms] = {}  # a deck has few different terms
        terms: list[Terms | None] = []
        for price, increment, fee in zip(_amounts(table, name, money), increments, fees, strict=True):
            if price is None and not fee.keys() & {"steps", "coefficient", "price"}:
                terms.append(None)
                continue
            key = (price, increment, id(fee))
            if key not in made:
                made[key] = Terms(price_per_min=price, first_s=increment[0], next_s=increment[1], **fee)
            terms.append(made[key])
        found[band] = terms
    return found


def _amounts(table: Table, name: str, money: Money) -> list[Decimal | None]:
    """The amounts of a column in the currency (a price: per minute), exact; None where the cell is empty."""
    unit = unit_of(table.columns.names.get(name, ""))
    if name.partition("@")[0] == "price":
        unit = money.unit or unit
    factor = _FACTORS.get(unit) if unit == "cent" or name.partition("@")[0] == "price" else None
    if factor is not None:
        table.notes.append(f"« {table.columns.names[name]} » {_UNIT_NOTES[unit]}")

    def read(cell: str) -> Decimal | None:
        beside = "" if isinstance(cell, Figure) else cells.split_amount(cell)[1]
        if beside and money.currency not in SIGNS.get(beside, {beside}):
            raise NotRead(f"is not in the currency of the tariff, {money.currency}")
        amount = cells.read_amount(cell, mark=money.mark, told=money.told, decimals=money.decimals)
        return amount if factor is None else amount * factor

    return table.read(name, read, empty=None)


def _fees(table: Table, money: Money) -> list[Mapping[str, Any]]:
    """What a row says besides its price and increments, only where it is not the usual; equal ones are one value."""
    columns: dict[str, list[Any]] = {name: _amounts(table, name, money) for name in NUMBERS if table.has(name)}
    columns |= {name: table.read(name, cells.read_seconds, empty=0) for name in _SECONDS if table.has(name)}
    if table.has("unit_count"):
        columns["unit_count"] = table.read("unit_count", _whole, empty=1)
    if table.has("steps"):
        columns["steps"] = table.read("steps", _steps, empty="")
    if table.has("service_per"):
        columns["service_per"] = table.read("service_per", _service_per, empty="")
    if not columns:
        return [{}] * len(table)
    names = [_NAMES.get(name, name) for name in columns]
    usual = [getattr(_PLAIN, name) for name in names]
    known: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    found = []
    for values in zip(*columns.values(), strict=True):
        if values not in known:
            given = zip(names, values, usual, strict=True)
            known[values] = {name: value for name, value, other in given if value is not None and value != other}
        found.append(known[values])
    return found


def _increments(table: Table, layout: Layout) -> list[tuple[int, int]]:
    """(first, next): of one column "60/60", of two, or of a minimum duration beside an increment."""
    default = cells.read_increment(layout.increment) if layout.increment else None
    whole = table.read("increment", cells.read_increment, empty=default)
    firsts = table.read("first_s", cells.read_seconds, empty=0)
    nexts = table.read("next_s", cells.read_seconds, empty=0)
    if not table.has("first_s") and not table.has("next_s"):
        return [pair or (1, 1) for pair in whole]
    found = []
    for pair, first, following in zip(whole, firsts, nexts, strict=True):
        following = following or (pair[1] if pair else 1)
        found.append((first or (pair[0] if pair else following), following))
    return found


def says_increments(table: Table, layout: Layout) -> list[bool]:
    """Row by row, whether the deck or its layout says the increments."""
    columns = [table.cells(name) for name in ("increment", "first_s", "next_s") if table.has(name)]
    if layout.increment or not columns:
        return [bool(layout.increment)] * len(table)
    return [any(written) for written in zip(*columns, strict=True)]


def _whole(cell: str) -> int:
    if not (cell.isascii() and cell.isdigit() and 0 < int(cell) < 10**15):
        raise NotRead("is no whole number")
    return int(cell)


def _steps(cell: str) -> str:
    try:
        parse_steps(cell)
    except ValueError as error:
        raise NotRead(f"is not read: {error}") from error
    return cell


def _service_per(cell: str) -> str:
    if cell not in set(ServicePer):
        raise NotRead(f"is not expected; write {' or '.join(word for word in ServicePer if word)}")
    return cell
