"""One call at a time, in process: its price, its price with the explanation, the longest call that a balance pays for.

    python benchmarks/one_call.py [--rounds N]     # the best of N rounds

Microseconds a call, in pure Python. Each field of a tariff is named and measured on its own; the naive function beside
them does what one would write by hand for a plain tariff (Decimal, the longest prefix in a dict, a loop over the
versions) and must give the same micros.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from time import perf_counter

from ardoise.core.money import Rounding
from ardoise.core.pricer import Pricer
from ardoise.core.rating import CompiledSnapshot, payer_of, price_number
from ardoise.core.reasons import explain
from ardoise.core.snapshot import OwnerKind, Snapshot, SnapshotAccount, TariffLink
from ardoise.core.tariffs import (
    BandBorder,
    BandRule,
    Calendar,
    IncrementOrigin,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
    Tiers,
)

MONDAY = datetime(2026, 10, 5, tzinfo=UTC)
OFFICE = Calendar("office", "Europe/Paris", "FR", (BandRule("peak", frozenset({1, 2, 3, 4, 5}), time(8), time(19)),))
CALLS, PREFIXES, DAYS = 2_000, 8_000, 30

Question = tuple[str, datetime, int]
"""Number, instant, seconds."""


@dataclass(frozen=True)
class World:
    """One account, one tariff of 8,000 prefixes and three versions, and the calls to price."""

    compiled: CompiledSnapshot
    pricer: Pricer
    tariff: Tariff
    questions: Sequence[Question]


STEPS = (Step(0, Decimal("0.0800"), 60, 60), Step(60, Decimal("0.0530"), 60, 1))
PLAIN = Rate("", "FR", STEPS, connection_fee=Decimal("0.02"))
PEAK = (time(7, 59), time(18, 58))


def world(row: Rate, **conventions: object) -> World:
    draw = random.Random(7)
    prefixes = {f"{draw.randrange(1, 1000)}{draw.randrange(10**4)}" for _ in range(PREFIXES)} | {"33", "44", "1"}
    rates = tuple(row._replace(prefix=prefix) for prefix in sorted(prefixes))
    if conventions.get("calendar"):
        dearer = tuple(replace(step, price=step.price * 2) for step in row.steps)
        rates += tuple(rate._replace(band="peak", steps=dearer) for rate in rates)
    versions = tuple(
        TariffVersion(number, MONDAY - timedelta(days=400 - 100 * number), None, rates) for number in (1, 2, 3)
    )
    tariff = replace(
        Tariff(
            1, "T", "Prix publics", "EUR", TaxBasis.HT, "", IncrementOrigin.FIRST_NEXT, Rounding.HALF_UP, 4, False,
            versions,
        ),
        **conventions,  # type: ignore[arg-type]
    )  # fmt: skip
    compiled = CompiledSnapshot(snapshot(tariff))
    questions = [
        (
            draw.choice(sorted(prefixes)[:500]) + str(draw.randrange(10**6)),
            MONDAY + timedelta(seconds=draw.randrange(DAYS * 86400)),
            draw.choice((1, 12, 59, 61, 130, 300, 1800)),
        )
        for _ in range(CALLS)
    ]
    return World(
        compiled, Pricer(compiled, payer_of(compiled, account_id=1, line_id=None, at=MONDAY)), tariff, questions
    )


def snapshot(tariff: Tariff) -> Snapshot:
    return Snapshot(
        issuers_zone={1: "Europe/Paris"}, accounts=(SnapshotAccount(1, None, 1, 1, "A", True),), lines=(),
        assignments=(), identifiers=(), tariffs=(tariff,), zones=(), calendars=(OFFICE,), allowances=(), grants=(),
        links=(TariffLink(OwnerKind.ISSUER, 1, 1, 0, None, None),), sources=(),
    )  # fmt: skip


# --- by hand ----------------------------------------------------------------------------------------------------------


def naive(tariff: Tariff) -> Callable[[str, datetime, int], int]:
    """What one would write for a plain tariff: first/next increments, a fee, four decimals half up."""
    versions = sorted(tariff.versions, key=lambda version: version.valid_from_at, reverse=True)
    tables = [(version, {rate.prefix: rate for rate in version.rates}) for version in versions]

    def price(number: str, at: datetime, seconds: int) -> int:
        for version, rows in tables:
            if version.valid_from_at <= at and (version.valid_to_at is None or at < version.valid_to_at):
                for length in range(len(number), -1, -1):
                    row = rows.get(number[:length])
                    if row is not None:
                        return micros(row, seconds)
                raise LookupError(number)
        raise LookupError(number)

    def micros(row: Rate, seconds: int) -> int:
        amount, reached = row.connection_fee, 0
        for index, step in enumerate(row.steps):
            end = row.steps[index + 1].from_s if index + 1 < len(row.steps) else seconds
            part = min(seconds, end) - reached
            if part > 0:
                blocks = -(-part // step.increment_s)
                amount += step.price * blocks * step.increment_s / step.per_s
                reached += blocks * step.increment_s
        return int(amount.quantize(Decimal("0.0001"), ROUND_HALF_UP) * 10**6)

    return price


# --- what is measured -------------------------------------------------------------------------------------------------

FIELDS: dict[str, tuple[Rate, dict[str, object]]] = {
    "plain": (PLAIN, {}),
    "bands, at the start": (PLAIN, {"calendar": "office"}),
    "bands, carried over": (PLAIN, {"calendar": "office", "band_border": BandBorder.CARRY}),
    "bands, split": (PLAIN, {"calendar": "office", "band_border": BandBorder.SPLIT}),
    "increments from zero": (PLAIN, {"increment_origin": IncrementOrigin.ZERO}),
    "increments step by step": (PLAIN, {"increment_origin": IncrementOrigin.STEP}),
    "volume tiers": (PLAIN, {"tiers": Tiers.VOLUME}),
    "packages": (PLAIN, {"tiers": Tiers.PACKAGE}),
    "rounded increments": (PLAIN, {"increment_decimals": 4}),
    "rounded at the line": (PLAIN, {"rounding_point": RoundingPoint.LINE}),
    "minimum, maximum, free seconds": (
        PLAIN._replace(minimum=Decimal("0.10"), maximum=Decimal(1), free_s=5), {},
    ),
    "seconds added, short calls raised": (PLAIN._replace(added_s=3, raised_above_s=30, raised_to_s=60), {}),
    "a first block once, split": (
        PLAIN, {"calendar": "office", "band_border": BandBorder.SPLIT, "first_block_once": True},
    ),
    "surcharge": (
        PLAIN._replace(surcharge=Decimal("0.05"), surcharge_at_s=60, surcharge_every_s=60), {},
    ),
    "service part": (PLAIN._replace(service_price=Decimal("0.80"), service_per=ServicePer.MINUTE), {}),
}  # fmt: skip


Work = Callable[[Sequence[Question]], int]


def best(rounds: int, work: Work, questions: Sequence[Question]) -> float:
    """Microseconds a call: the best round of each score of calls, so that a pause of the machine spoils one score only.
    A first round fills what is kept.
    """
    total = 0.0
    for first in range(0, len(questions), 20):
        score = questions[first : first + 20]
        times = []
        for _ in range(rounds + 1):
            began = perf_counter()
            work(score)
            times.append(perf_counter() - began)
        total += min(times[1:])
    return total / len(questions) * 1e6


def price_alone(asked: World, questions: Sequence[Question]) -> int:
    micros, total = asked.pricer.micros, 0
    for number, at, seconds in questions:
        total += micros(number, at, seconds)  # type: ignore[operator]
    return total


def with_explanation(asked: World, questions: Sequence[Question]) -> int:
    sentences = 0
    for number, at, seconds in questions:
        for part in price_number(asked.compiled, number_key=number, at=at, duration_s=seconds, account_id=1).parts:
            sentences += len(explain(part, "fr"))
    return sentences


def longest_calls(asked: World, questions: Sequence[Question]) -> int:
    longest, total = asked.pricer.longest, 0
    for number, at, seconds in questions:
        total += longest(number, at, 1000 * seconds, asked=14_400)  # type: ignore[operator]
    return total


def by_hand(price: Callable[[str, datetime, int], int], questions: Sequence[Question]) -> int:
    total = 0
    for number, at, seconds in questions:
        total += price(number, at, seconds)
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    alone, spans = {}, {}
    explained = hand = 0.0
    for name, (row, conventions) in FIELDS.items():
        asked = world(row, **conventions)
        alone[name] = best(rounds, partial(price_alone, asked), asked.questions)
        spans[name] = best(rounds, partial(longest_calls, asked), asked.questions)
        if name == "plain":
            price = naive(asked.tariff)
            same = by_hand(price, asked.questions) == price_alone(asked, asked.questions)
            assert same, "the naive function prices otherwise: the ratio would mean nothing"
            explained = best(rounds, partial(with_explanation, asked), asked.questions)
            hand = best(rounds, partial(by_hand, price), asked.questions)
    print(f"{'µs a call':34}{'price alone':>14}{'longest call':>16}")
    for name in FIELDS:
        print(f"{name:34}{alone[name]:14.2f}{spans[name]:16.2f}")
    slowest, longest = max(alone, key=lambda name: alone[name]), max(spans, key=lambda name: spans[name])
    print(f"\nplain price alone      {alone['plain']:8.2f} µs   (aim: 5)")
    print(f"slowest field          {alone[slowest]:8.2f} µs   {slowest}")
    print(f"with its explanation   {explained:8.2f} µs   (aim: 50)")
    print(f"longest call, plain    {spans['plain']:8.2f} µs   (aim: 10)")
    print(f"longest call, slowest  {spans[longest]:8.2f} µs   {longest}")
    print(f"by hand, Decimal       {hand:8.2f} µs   {hand / alone['plain']:.1f} times as long as the plain price")


if __name__ == "__main__":
    main()
