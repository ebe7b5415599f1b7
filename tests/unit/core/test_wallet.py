"""docs/algorithms/wallet.md, row by row; the longest call for a balance is the inverse of the price, all included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from random import Random

import pytest
from tests.unit.core.charging_world import allowance, to_line
from tests.unit.core.random_rows import a_row, a_tariff
from tests.unit.core.rating_world import MONDAY_10H, call, rate, tariff, world
from worked_tables import rows

from ardoise.core.allowances import Counters
from ardoise.core.attribution import Attribution
from ardoise.core.pricing import Counting
from ardoise.core.rating import CompiledSnapshot, Why
from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Allowance, BandBorder, BandRule, Calendar, Counted, Step, Tariff
from ardoise.core.usage import Usage
from ardoise.core.wallet import Authorised, Every, Movement, Refusal, authorise, statement

Row = dict[str, str]


def micros(text: str) -> int:
    return int(Decimal(text).scaleb(6))


def company(sold: Tariff, *allowances: Allowance, calendars: tuple[Calendar, ...] = ()) -> CompiledSnapshot:
    snapshot: Snapshot = world(sold, allowances=allowances, calendars=calendars)
    return CompiledSnapshot(replace(snapshot, grants=tuple(to_line(known) for known in allowances)))


def lasting(
    compiled: CompiledSnapshot, asked: Usage, balance_micros: int, **terms: object
) -> Authorised | Refusal | Why:
    payer = compiled.attribute(asked)
    assert isinstance(payer, Attribution)
    counters = Counters()
    found = authorise(compiled, asked, payer, counters, balance_micros=balance_micros, **terms)  # type: ignore[arg-type]
    assert counters == Counters()  # it was only a question
    return found


@pytest.mark.parametrize("row", rows("wallet.md", "How long, with what is included"), ids=str)
def test_how_long_with_what_is_included(row: Row) -> None:
    second = rate(steps=(Step(0, Decimal("0.10"), 1, 1),), connection_fee=Decimal("0.05"))
    bundle = allowance(1, int(row["left in the allowance"]), increment=20, call_fee=Decimal("0.01"))
    dearest = Decimal(row["dearest minute"]) if row["dearest minute"] else None
    found = lasting(
        company(tariff(second), bundle), call(int(row["asked"])), micros(row["balance"]),
        at_least=int(row["at_least"]), most_per_min=dearest,
    )  # fmt: skip
    if row["seconds"] == "refused":
        assert found is Refusal.BALANCE
    else:
        assert found == Authorised(int(row["seconds"]), int(row["covered_s"]))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("row", rows("wallet.md", "A statement"), ids=str)
def test_a_statement(row: Row) -> None:
    debits = [debit.split() for debit in row["debits"].split("; ")]
    found = statement(
        [Movement(instant(at), -micros(amount)) for at, amount in reversed(debits)],
        from_at=instant(row["from"]), to_at=instant(row["to"]), every=Every(row["every"]), zone="Europe/Paris",
        opening_micros=5_000_000,
    )  # fmt: skip
    assert [period.from_at for period in found] == [instant(text) for text in row["periods"].split()]
    assert [period.closing_micros for period in found] == [micros(text) for text in row["closing balances"].split()]
    assert [period.opening_micros for period in found] == [5_000_000, *(period.closing_micros for period in found[:-1])]
    assert [period.to_at for period in found[:-1]] == [period.from_at for period in found[1:]]


def test_what_has_no_price_says_why() -> None:
    assert lasting(company(tariff(rate("49"))), call(60), 10**6) is Why.NO_RATE
    assert lasting(company(tariff(rate(coefficient=Decimal("1.5")))), call(60), 10**6) is Why.NO_COST


def test_what_earlier_calls_used_is_not_there_any_more() -> None:
    compiled, counters = company(tariff(rate(price="0.60")), allowance(1, 100)), Counters()
    compiled.rate(call(70), counters)
    payer = compiled.attribute(call(60))
    assert isinstance(payer, Attribution)
    # 30 s left, then 0.10 at a cent a second
    found = authorise(compiled, call(60), payer, counters, balance_micros=100_000)
    assert found == Authorised(40, 30)


def test_the_bands_of_what_is_not_covered() -> None:
    # from 09:59:30: 20 s included, 10 s at 0.06 a minute = 0.01, then 0.60 from 10:00 on: 0.05 pays for 5 s more
    office = Calendar("office", "Europe/Paris", "", (BandRule("peak", frozenset({1}), time(10), time(19)),))
    sold = tariff(rate(price="0.06"), rate(price="0.60", band="peak"), calendar="office", band_border=BandBorder.CARRY)
    compiled = company(sold, allowance(1, 20), calendars=(office,))
    at = MONDAY_10H.replace(hour=7, minute=59, second=30)  # UTC
    assert lasting(compiled, call(600, answered_at=at), 60_000) == Authorised(35, 20)


def test_a_balance_under_zero_pays_for_nothing_whatever_is_included() -> None:
    assert lasting(company(tariff(rate()), allowance(1, 100)), call(60), -1) is Refusal.BALANCE


def test_free_units_come_before_the_fee_of_an_allowance() -> None:
    # 10 s free: nothing is covered yet, the row asks no fee; from the 11th second on the allowance asks 0.01
    sold, bundle = tariff(rate(free_s=10)), allowance(1, 100, call_fee=Decimal("0.01"))
    assert lasting(company(sold, bundle), call(60), 9_999) == Authorised(10, 0)
    assert lasting(company(sold, bundle), call(60), 10_000) == Authorised(60, 50)


def drawn(random: Random) -> list[Allowance]:
    counted = [Counted.SECONDS, Counted.SECONDS, Counted.MONEY, Counted.CALLS]
    quantities = {Counted.SECONDS: (0, 30, 61, 200), Counted.MONEY: (1, 40_000, 700_000), Counted.CALLS: (0, 1)}
    found = []
    for number in range(1, random.randint(2, 4)):
        kind = random.choice(counted[: 3 if random.random() < 0.8 else 4])
        found.append(
            allowance(
                number, random.choice(quantities[kind]), counted=kind, priority=random.choice((10, 100)),
                increment=random.choice((1, 20)) if kind is Counted.SECONDS else 1, as_billed=random.random() < 0.3,
                call_fee=random.choice((Decimal(0), Decimal("0.01"))) if kind is not Counted.MONEY else Decimal(0),
                call_limit=random.choice((None, None, 25)) if kind is Counted.SECONDS else None,
            )
        )  # fmt: skip
    return found


@pytest.mark.parametrize("counted", Counting)
@pytest.mark.parametrize("seed", range(40))
def test_a_balance_pays_for_the_longest_call_that_allowances_do_not_cover_whole(counted: Counting, seed: int) -> None:
    random = Random(f"wallet {counted} {seed}")
    row = a_row(random)
    sold = a_tariff(random, counted, row)
    compiled, asked = company(sold, *drawn(random)), 250
    costs = []
    for quantity in range(1, asked + 1):
        parts = compiled.rate(call(quantity), Counters())
        costs.append(sum(part.amount_micros or 0 for part in parts))
    for balance in {0, *random.sample(costs, 6), *(cost + 1 for cost in random.sample(costs, 3)), max(costs)}:
        longest = next((quantity for quantity, cost in enumerate(costs) if cost > balance), asked)
        found = lasting(compiled, call(asked), balance)
        lasts = found.quantity if isinstance(found, Authorised) else 0
        assert lasts == longest, (balance, found, row, sold)
        if isinstance(found, Authorised):
            (part, *_) = compiled.rate(call(found.quantity), Counters())
            seconds = [draw.covered_s for draw in part.draws if draw.allowance.counted is Counted.SECONDS]
            if not any(draw.allowance.counted is Counted.CALLS for draw in part.draws):
                assert found.covered == sum(seconds)
