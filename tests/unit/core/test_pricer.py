"""The fast path says what rating says: same chains, bands, borders and rows, with nothing kept of why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random

import pytest
from tests.unit.core.random_rows import a_row, a_tariff
from tests.unit.core.rating_world import (
    CUSTOMER,
    DEPARTMENT,
    ISSUER,
    LINE,
    MONDAY_10H,
    link,
    rate,
    tariff,
    world,
)

from ardoise.core.pricer import Pricer
from ardoise.core.pricing import Counting
from ardoise.core.rating import CompiledSnapshot, PartName, Why, payer_of, price_number
from ardoise.core.snapshot import OwnerKind, Snapshot
from ardoise.core.tariffs import BandBorder, BandRule, Calendar, ServicePer
from ardoise.core.usage import Direction, UsageKind

NIGHT = Calendar("night", "Europe/Paris", "FR", (BandRule("peak", frozenset(range(1, 6)), time(8), time(19, 30)),))
NUMBERS = ("33612345678", "33140000000", "4930123456", "!3639", "?alice", "")
NEW_PRICES_AT = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # in the night in which clocks go back


def a_world(random: Random) -> Snapshot:
    """Two tariffs of all sorts, one of which changes in the night of the 25th."""
    tariffs = []
    for tariff_id in (1, 2):
        rows = [
            a_row(random, band=band)._replace(prefix=prefix)
            for prefix in ("", "33", "336", "=mobile")
            for band in ("", "peak")
            if random.random() < 0.6
        ]
        tariffs.append(
            replace(
                a_tariff(random, random.choice(tuple(Counting)), *rows), tariff_id=tariff_id, code=f"T{tariff_id}",
                calendar=random.choice(("", "night")), bill_zero_seconds=random.random() < 0.5,
            )
        )  # fmt: skip
    late = replace(link(OwnerKind.LINE, LINE, 2), valid_from_at=NEW_PRICES_AT)
    snapshot = world(*tariffs, links=(link(OwnerKind.ISSUER, ISSUER, 1), late), calendars=(NIGHT,))
    return replace(snapshot, longest_over_all=frozenset({ISSUER} if random.random() < 0.5 else ()))


@pytest.mark.parametrize("seed", range(150))
def test_the_fast_path_gives_the_price_of_rating(seed: int) -> None:
    random = Random(seed)
    compiled = CompiledSnapshot(a_world(random))
    pricer = Pricer(compiled, payer_of(compiled, account_id=None, line_id=LINE, at=MONDAY_10H))
    start = datetime(2026, 10, 24, tzinfo=UTC)
    for _ in range(60):
        number, seconds = random.choice(NUMBERS), random.choice((0, 1, 59, 61, 200, 3601, 90_000))
        at = start + timedelta(seconds=random.randrange(3 * 86400), microseconds=random.choice((0, 0, 500_000)))
        category = "mobile" if number.startswith("336") else ""
        quote = price_number(
            compiled, number_key=number, at=at, duration_s=seconds, line_id=LINE, number_category=category
        )
        found = pricer.micros(number, at, seconds, category)
        assert found == (quote.amount_micros if quote.amount_micros is not None else quote.parts[0].why)


def test_the_longest_call_of_a_balance_ends_at_the_band_that_is_dearer() -> None:
    # Monday 08:00 in Paris is 06:00 UTC: 60 s at 0.06 a minute by the second, then 0.60 a minute
    rows = (rate("33", "0.06"), rate("33", "0.60", band="peak"))
    sold = tariff(*rows, calendar="night", band_border=BandBorder.CARRY)
    compiled = CompiledSnapshot(world(sold, calendars=(NIGHT,)))
    pricer = Pricer(compiled, payer_of(compiled, account_id=DEPARTMENT, line_id=None, at=MONDAY_10H))
    at = datetime(2026, 10, 5, 5, 59, tzinfo=UTC)
    assert pricer.micros("33140000000", at, 90) == 360_000  # 0.06 + 30 s at a centime
    assert pricer.longest("33140000000", at, 360_000, asked=3600) == 90
    assert pricer.longest("33140000000", at, 10**9, asked=3600, most_per_min=Decimal("0.10")) == 60
    assert pricer.longest("4930123456", at, 10**9, asked=3600) is Why.NO_RATE


def test_the_service_part_is_in_the_price() -> None:
    surtaxed = rate("338", "0.06", service_price=Decimal("0.80"), service_per=ServicePer.MINUTE)
    compiled = CompiledSnapshot(world(tariff(surtaxed)))
    pricer = Pricer(compiled, payer_of(compiled, account_id=CUSTOMER, line_id=None, at=MONDAY_10H))
    assert pricer.micros("33899123456", MONDAY_10H, 90) == 1_290_000  # 0.06 * 1.5 + 0.80 * 1.5
    parts = price_number(
        compiled, number_key="33899123456", at=MONDAY_10H, duration_s=90, account_id=CUSTOMER
    ).parts  # fmt: skip
    assert [part.part for part in parts] == [PartName.ACCESS, PartName.SERVICE]


def test_messages_and_calls_received_have_their_own_tables() -> None:
    rows = (rate("", "0.07", kind=UsageKind.SMS), rate("33", "0.10"))
    received = tariff(rate("33", "-0.02"), tariff_id=2, incoming=True)
    compiled = CompiledSnapshot(world(tariff(*rows), received))
    payer = payer_of(compiled, account_id=CUSTOMER, line_id=None, at=MONDAY_10H)
    assert Pricer(compiled, payer, kind=UsageKind.SMS).micros("", MONDAY_10H, 60) == 70_000
    assert Pricer(compiled, payer, direction=Direction.IN).micros("33140000000", MONDAY_10H, 60) == -20_000
    silent = CompiledSnapshot(world(tariff(*rows)))
    assert Pricer(silent, payer, direction=Direction.IN).micros("33140000000", MONDAY_10H, 60) is Why.INCOMING


def test_a_row_priced_by_its_cost_waits_for_the_cost() -> None:
    compiled = CompiledSnapshot(world(tariff(rate(coefficient=Decimal(2)))))
    payer = payer_of(compiled, account_id=CUSTOMER, line_id=None, at=MONDAY_10H)
    assert Pricer(compiled, payer).micros("33140000000", MONDAY_10H, 60) is Why.NO_COST
