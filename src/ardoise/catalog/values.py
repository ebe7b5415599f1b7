"""Rows as people write them -> the values of `core.tariffs`: the same reading for tables and for plain files.

Cells are mappings by column name (`plainfiles/price_tables.py`), references as codes; nothing here asks a database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ardoise.core import tariffs as core
from ardoise.core.discounts import Discount
from ardoise.core.metering import Aggregation, Meter, Tier
from ardoise.core.money import MICROS_PER_UNIT, Rounding, parse_price
from ardoise.core.usage import UsageKind

Cells = Mapping[str, Any]

_STEP = re.compile(r"(\d{1,10}):(-?\d{1,12}(?:\.\d{1,18})?)/(\d{1,15})/(\d{1,15})")
_DAYS = re.compile(r"(\d\d)-(\d\d)(?:/(\d\d)-(\d\d))?")
_LEAP_YEAR = 2024  # any: 29 February is a day of the year


def parse_steps(text: str) -> tuple[core.Step, ...]:
    """Read "0:0.10/60/60;180:0.05/60/1" (from_s:price/per_s/increment_s); raises ValueError with what is expected."""
    steps = []
    for part in text.split(";"):
        found = _STEP.fullmatch(part.strip())
        if found is None:
            raise ValueError(f"« {part} » is not a step; write from_s:price/per_s/increment_s, like 0:0.10/60/60")
        from_s, price, per_s, increment_s = found.groups()
        steps.append(core.Step(int(from_s), parse_price(price), int(per_s), int(increment_s)))
    return tuple(steps)


def parse_dates(text: str) -> frozenset[tuple[int, int]]:
    """Read days of the year, "07-01/08-31 12-24" (month-day, both ends of a span included), as (month, day).

    A span may pass the end of the year ("12-20/01-05"). Raises ValueError with what is expected.
    """
    days: set[tuple[int, int]] = set()
    for part in text.split():
        first, last = _span(part)
        end = last if last >= first else last.replace(year=last.year + 1)
        span = (first + timedelta(days=n) for n in range((end - first).days + 1))
        days |= {(day.month, day.day) for day in span}
    return frozenset(days)


def _span(part: str) -> tuple[date, date]:
    """The first and the last day of "07-01/08-31"; of "12-24", that day twice."""
    try:
        found = _DAYS.fullmatch(part)
        if found is None:
            raise ValueError("another notation")
        month, day, last_month, last_day = found.groups()
        return _day(month, day), _day(last_month or month, last_day or day)
    except ValueError as error:
        raise ValueError(f"« {part} » is not a day of the year; write MM-DD, or a span like 07-01/08-31") from error


def _day(month: str, day: str) -> date:
    return date(_LEAP_YEAR, int(month), int(day))


def matched_prefix(text: str) -> str:
    """The prefix of a row in the form of `Rate.prefix`: "+336" -> "336", "3639" -> "!3639", "+" -> every number;
    "=emergency" (a category) and "?text" stay.
    """
    if text.startswith("+"):
        return text[1:]
    return text if text.startswith(("=", "?")) else f"!{text}"


def rate_of(cells: Cells) -> core.Rate:
    """One row of a price list. Raises ValueError where its steps cannot be read."""
    return core.Rate(
        prefix=matched_prefix(cells["prefix"]),
        zone=cells["zone"],
        steps=_steps(cells),
        band=cells["band"],
        exact=cells["exact"],
        connection_fee=cells["connection_fee"],
        minimum=cells["minimum"],
        maximum=cells["maximum"],
        free_s=cells["free_s"],
        service_price=cells["service_price"],
        service_per=core.ServicePer(cells["service_per"]),
        kind=UsageKind(cells["kind"]),
        origin=cells["origin"].removeprefix("+"),
        surcharge=cells["surcharge"],
        surcharge_at_s=cells["surcharge_at_s"],
        surcharge_every_s=cells["surcharge_every_s"],
        attempt_fee=cells["attempt_fee"],
        coefficient=cells["coefficient"],
        added_s=cells["added_s"],
        raised_above_s=cells["raised_above_s"],
        raised_to_s=cells["raised_to_s"],
    )


def _steps(cells: Cells) -> tuple[core.Step, ...]:
    if cells["coefficient"] is not None:
        return ()
    if cells["steps"]:
        return parse_steps(cells["steps"])
    price, per_s = (cells["price_per_min"], 60) if cells["price"] is None else (cells["price"], cells["per"])
    first_s, next_s = cells["first_s"], cells["next_s"]
    first = core.Step(0, price, per_s, first_s)
    return (first,) if first_s == next_s else (first, core.Step(first_s, price, per_s, next_s))


def tariff_of(
    cells: Cells, *, tariff_id: int, zone: str, parent: core.Parent | None, versions: tuple[core.TariffVersion, ...]
) -> core.Tariff:
    """A tariff from its header; `zone` is that of its calendar."""
    return core.Tariff(
        tariff_id=tariff_id,
        code=cells["code"],
        name=cells["name"],
        currency=cells["currency"],
        tax_basis=core.TaxBasis(cells["tax_basis"]),
        calendar=cells["calendar"],
        increment_origin=core.IncrementOrigin(cells["increment_origin"]),
        rounding=Rounding(cells["rounding"]),
        rounding_decimals=cells["rounding_decimals"],
        bill_zero_seconds=cells["bill_zero_seconds"],
        versions=versions,
        zone=zone,
        incoming=cells["incoming"],
        band_border=core.BandBorder(cells["band_border"]),
        tiers=core.Tiers(cells["tiers"]),
        increment_decimals=cells["increment_decimals"],
        rounding_point=core.RoundingPoint(cells["rounding_point"]),
        parent=parent,
        first_block_once=cells["first_block_once"],
    )


def count_of(quantity: Decimal, *, counted: str) -> int:
    """A quantity in the unit that allowances and promotions count: micros of money, whole units of anything else.

    Raises ValueError for what is finer.
    """
    money = counted == core.Counted.MONEY
    exact = Fraction(quantity) * (MICROS_PER_UNIT if money else 1)
    if exact.denominator != 1:
        raise ValueError(f"« {quantity:f} » {counted}: write {'six decimals at most' if money else 'a whole number'}")
    return int(exact)


def tier_of(cells: Cells) -> Tier:
    """A tier of a metered product; an upper end of 0 is none."""
    return Tier(cells["up_to"] or None, cells["unit_price"], cells["per"], cells["block"], cells["flat"])


def meter_of(cells: Cells, tiers: tuple[Tier, ...]) -> Meter:
    """The meter of a product, its tiers in order. Raises MeterError."""
    mode, aggregation = core.Tiers(cells["meter_mode"]), Aggregation(cells["aggregation"])
    return Meter(tiers, mode, cells["meter_free"], aggregation)


def discount_of(
    cells: Cells, discount_id: int, valid_from_date: date, valid_to_date: date | None, products: Iterable[str] = ()
) -> Discount:
    """A discount as granted from a day to another. Raises DiscountError."""
    return Discount(
        discount_id=discount_id,
        code=cells["code"],
        label=cells["name"],
        valid_from_date=valid_from_date,
        percentage=cells["percentage"],
        amount=cells["amount"],
        products=frozenset(products),
        cycles=cells["cycles"],
        valid_to_date=valid_to_date,
        limit=cells["limit"],
        priority=cells["priority"],
    )
