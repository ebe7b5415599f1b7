"""Rows and tariffs drawn by a seed: every field a price is made of, with increments that do not divide each other."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from tests.unit.core.rating_world import rate, tariff

from ardoise.core.money import Rounding
from ardoise.core.pricing import Counting
from ardoise.core.tariffs import (
    BandBorder,
    IncrementOrigin,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tariff,
    Tiers,
)

INCREMENTS = (1, 1, 6, 7, 30, 45, 60, 90)
PRICES = ("0", "0.01", "0.12", "0.3333", "1", "0.0007")


def a_row(random: Random, *, cents: tuple[str, ...] = PRICES, band: str = "") -> Rate:
    def price() -> Decimal:
        return Decimal(random.choice(cents))

    starts = sorted(random.sample(range(200), random.randint(0, 3)))
    if starts and random.random() < 0.7:
        starts[0] = 0
    steps = tuple(Step(start, price(), random.choice((1, 60, 7)), random.choice(INCREMENTS)) for start in starts)
    seldom = {
        "connection_fee": price(),
        "minimum": price(),
        "maximum": Decimal(random.choice(("0.05", "0.5", "2"))),
        "free_s": random.choice((1, 30, 100)),
        "surcharge": price(),
        "attempt_fee": price(),
        "service_price": price(),
        "added_s": random.choice((1, 30)),
        "raised_to_s": random.choice((45, 61, 150)),
    }
    drawn = {name: value for name, value in seldom.items() if random.random() < 0.25}
    if "raised_to_s" in drawn:
        drawn["raised_above_s"] = random.choice((0, 6, 44))
    row = rate(
        steps=steps,
        band=band,
        surcharge_at_s=random.choice((0, 1, 60)),
        surcharge_every_s=random.choice((0, 17, 60)),
        service_per=random.choice((ServicePer.MINUTE, ServicePer.CALL)),
    )
    return row._replace(**drawn)


def a_tariff(random: Random, counted: Counting, *rates: Rate) -> Tariff:
    graduated = counted in (Counting.FIRST_NEXT, Counting.ZERO, Counting.STEP)
    borders = tuple(BandBorder) if counted is Counting.FIRST_NEXT else (BandBorder.START,)
    return tariff(
        *rates,
        increment_origin=IncrementOrigin(counted) if graduated else random.choice(tuple(IncrementOrigin)),
        tiers=Tiers.GRADUATED if graduated else Tiers(counted),
        rounding=random.choice(tuple(Rounding)),
        rounding_decimals=random.choice((0, 2, 4, 6)),
        rounding_point=random.choice(tuple(RoundingPoint)),
        increment_decimals=None if counted is Counting.PACKAGE else random.choice((None, None, 2, 4)),
        band_border=random.choice(borders),
        first_block_once=random.random() < 0.4,
    )
