"""Errors between rows of the catalogue's prices: what `core` would refuse to compile, said with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ardoise.catalog.values import count_of, parse_steps, rate_of, tariff_of
from ardoise.core import tariffs as core
from ardoise.core.phone import CATEGORIES
from ardoise.core.pricing import TariffError
from ardoise.core.tables import CompiledVersion
from ardoise.directory.operations import cycles_of
from ardoise.plainfiles.problems import Problem, one_of
from ardoise.plainfiles.rows import Cells, Row
from ardoise.plainfiles.world import World

_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def _tariffs(world: World) -> Iterator[Problem]:
    tariffs = world.cells["tariffs"]
    for row in world.rows("tariffs"):
        cells = row.cells
        if cells["band_border"] != core.BandBorder.START and not cells["calendar"]:
            yield row.problem(
                "band_border", f"« {cells['band_border']} » needs a calendar with bands; name one, or write start"
            )
        if not cells["parent"] and (cells["parent_percentage"] or cells["parent_amount_per_min"]):
            yield row.problem("parent", "is missing: an adjustment of the parent needs one; name it")
        if cells["parent_percentage"] < -100:
            yield row.problem("parent_percentage", "takes off more than the whole price; write -100 or more")
        parent = tariffs.get((cells["parent"],))
        if parent and parent["incoming"] != cells["incoming"]:
            yield row.problem("parent", f"« {cells['parent']} » prices the other direction (incoming); name another")
        try:
            CompiledVersion(_core_tariff(cells), _core_version(()))
        except TariffError as error:
            yield row.problem("", str(error))
    parents = {str(key[0]): cells["parent"] or None for key, cells in tariffs.items()}
    for path in cycles_of(parents):
        found = next((found for code in path if (found := world.row("tariffs", code))), None)
        if found is not None:
            yield found.problem("parent", f"a tariff cannot be its own parent: {' > '.join(path)}; change a parent")


def _core_tariff(cells: Cells) -> core.Tariff:
    return tariff_of(cells, tariff_id=0, zone="UTC", parent=None, versions=())


def _core_version(rates: tuple[core.Rate, ...]) -> core.TariffVersion:
    return core.TariffVersion(0, _ANY_TIME, None, rates)


def _rates(world: World) -> Iterator[Problem]:
    tariffs = {code: cells for (code,), cells in world.cells["tariffs"].items()}
    sound: dict[str, core.Tariff | None] = {code: _sound(cells) for code, cells in tariffs.items()}
    judged: set[tuple[Any, ...]] = set()
    for row in world.rows("rates"):
        cells = row.cells
        yield from _prefix(row)
        # A deck of 36,000 rows has a few forms: what only differs in prefix, zone and price is judged once.
        form = tuple(value for name, value in cells.items() if name not in _NOT_OF_THE_FORM)
        form = (*form, cells["price_per_min"] is None, bool(cells["price_per_min"]), cells["price"] is None)
        if form not in judged:
            faults = list(_row(row))
            if not faults and (tariff := sound.get(cells["tariff"])) is not None:
                faults = list(_compiled(row, tariff))
            if not faults:
                judged.add(form)
            yield from faults


_NOT_OF_THE_FORM = {"prefix", "exact", "zone", "price_per_min", "price"}


def _sound(cells: Cells) -> core.Tariff | None:
    """The tariff of a header that compiles; what does not is said of the header."""
    tariff = _core_tariff(cells)
    try:
        CompiledVersion(tariff, _core_version(()))
    except TariffError:
        return None
    return tariff


def _compiled(row: Row, tariff: core.Tariff) -> Iterator[Problem]:
    try:
        CompiledVersion(tariff, _core_version((rate_of(row.cells),))).table(row.cells["band"])
    except TariffError as error:
        yield row.problem("", str(error))


def _prefix(row: Row) -> Iterator[Problem]:
    prefix, exact = row.cells["prefix"], row.cells["exact"]
    if prefix.startswith("=") and prefix[1:] not in CATEGORIES:
        yield row.problem("prefix", f"{one_of(prefix[1:], sorted(CATEGORIES))} (category of numbers)")
    if exact and (prefix == "+" or prefix.startswith("=")):
        yield row.problem("exact", f"« {prefix} » is no whole number; leave exact empty")


def _row(row: Row) -> Iterator[Problem]:
    """A price, and only one; what goes together goes together."""
    cells = row.cells
    given = [name for name in ("price_per_min", "price", "steps", "coefficient") if cells[name] not in (None, "")]
    if not given:
        yield row.problem("price_per_min", "is empty; write a price: price_per_min, price, steps or coefficient")
    elif len(given) > 1 and not (given == ["price_per_min", "steps"] and not cells["price_per_min"]):
        yield row.problem(given[-1], f"{' and '.join(given)} are given; write one of them")
    elif given == ["price_per_min"] and cells["kind"] != "call":
        yield row.problem("price_per_min", f"a row of {cells['kind']} has no minutes; write price, and per if needed")
    if cells["per"] != 1 and cells["price"] is None:
        yield row.problem("per", "goes with price: the price of so many units; write price too")
    if cells["coefficient"] is not None:
        beside = [name for name in _NEVER_WITH_A_COEFFICIENT if cells[name]]
        for name in beside:
            yield row.problem(name, "is not used beside a coefficient; leave it empty")
    if not cells["surcharge"] and (cells["surcharge_at_s"] or cells["surcharge_every_s"]):
        yield row.problem("surcharge", "is missing: surcharge_at_s and surcharge_every_s go with it")
    if cells["raised_above_s"] and cells["raised_to_s"] <= cells["raised_above_s"]:
        yield row.problem(
            "raised_to_s", f"« {cells['raised_to_s']} » is not more than raised_above_s « {cells['raised_above_s']} »"
        )
    if cells["maximum"] is not None and cells["maximum"] < cells["minimum"]:
        yield row.problem("maximum", f"« {cells['maximum']} » is less than the minimum « {cells['minimum']} »")
    if bool(cells["service_per"]) != bool(cells["service_price"]):
        yield row.problem(
            "service_per", "service_price and service_per go together; write minute or call, or leave both empty"
        )
    yield from _steps(row)


_NEVER_WITH_A_COEFFICIENT = (
    *("connection_fee", "minimum", "maximum", "surcharge", "attempt_fee", "free_s"),
    *("added_s", "raised_above_s", "raised_to_s"),
)


def _steps(row: Row) -> Iterator[Problem]:
    if not row.cells["steps"]:
        return
    try:
        steps = parse_steps(row.cells["steps"])
    except ValueError as error:
        yield row.problem("steps", str(error))
        return
    starts = [step.from_s for step in steps]
    if starts[0] != 0 or starts != sorted(set(starts)) or any(s.per_s < 1 or s.increment_s < 1 for s in steps):
        message = "steps must start at second 0 and follow one another, with durations of 1 s or more"
        yield row.problem("steps", f"« {row.cells['steps']} »: {message}")


def _counts(row: Row, *names: str) -> Iterator[Problem]:
    for name in names:
        if row.cells[name] is not None:
            try:
                count_of(row.cells[name], counted=row.cells["counted"])
            except ValueError as error:
                yield row.problem(name, str(error))


def _allowances(world: World) -> Iterator[Problem]:
    for row in world.rows("allowances"):
        cells = row.cells
        yield from _counts(row, "quantity", "call_limit")
        if cells["quantity"] is None and (cells["rollover_months"] or cells["prorated"]):
            name = "rollover_months" if cells["rollover_months"] else "prorated"
            yield row.problem(name, "means nothing of an unlimited quantity; leave it empty")
        if cells["increment"] != 1 and cells["counted"] in (core.Counted.MONEY, core.Counted.CALLS):
            yield row.problem("increment", f"means nothing where {_what_counts(cells)}; leave it empty")
        if cells["as_billed"] and cells["counted"] in (core.Counted.MONEY, core.Counted.CALLS):
            yield row.problem("as_billed", f"means nothing where {cells['counted']} are counted; leave it empty")
        if cells["call_fee"] and cells["counted"] == core.Counted.MONEY:
            yield row.problem("call_fee", "means nothing where money is counted: it covers no call; leave it empty")
        try:
            count_of(cells["call_fee"], counted=core.Counted.MONEY)
        except ValueError as error:
            yield row.problem("call_fee", str(error))
        if cells["call_limit"] is not None and cells["counted"] == core.Counted.CALLS:
            yield row.problem("call_limit", "means nothing where calls are counted: each draws one; leave it empty")


def _what_counts(cells: Cells) -> str:
    return "money is counted" if cells["counted"] == core.Counted.MONEY else "calls are counted"


def _promotions(world: World) -> Iterator[Problem]:
    for row in world.rows("promotions"):
        cells = row.cells
        yield from _counts(row, "from_quantity", "to_quantity")
        if not cells["percentage"] and not cells["amount"]:
            yield row.problem("percentage", "is missing: a promotion takes a percentage or an amount off; write one")
        if cells["percentage"] > 100:
            yield row.problem(
                "percentage", f"« {cells['percentage']} » takes off more than the price; write 100 or less"
            )
        if cells["to_quantity"] is not None and cells["to_quantity"] <= cells["from_quantity"]:
            yield row.problem("to_quantity", f"« {cells['to_quantity']} » is not more than from_quantity")


def _tariff_links(world: World) -> Iterator[Problem]:
    for row in world.rows("tariff_links"):
        if row.cells["trunk"] and row.cells["owner_kind"] != "source":
            yield row.problem("trunk", "is of a source; leave it empty for a line, an account or an issuer")
        if row.cells["percentage"] < Decimal(-100):
            yield row.problem("percentage", "takes off more than the whole price; write -100 or more")


def _exchange_rates(world: World) -> Iterator[Problem]:
    for row in world.rows("exchange_rates"):
        cells = row.cells
        if cells["currency"] == cells["other"]:
            yield row.problem("other", f"« {cells['other']} » is the same currency; write another")
        if not cells["rate"]:
            yield row.problem("rate", "is zero; write what one unit is worth")
        if cells["valid_to_date"] not in (None, cells["valid_from_date"]):
            yield row.problem(
                "valid_to_date",
                "a rate lasts until the next one; leave it empty, or write the first day to take it back",
            )


PRICE_CHECKS = (_tariffs, _rates, _allowances, _promotions, _tariff_links, _exchange_rates)
