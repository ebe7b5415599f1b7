"""What is true of every price, whatever the tariff: laws of the scalar on generated worlds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.property import rating_oracle
from tests.property.oracle_price import ZERO, Row, remainder, service, settle, whole
from tests.property.oracle_time import band_of
from tests.property.rating_changes import rates, without_counters
from tests.property.rating_worlds import FEATURES, INCLUDED_FEATURES, PRICE_FEATURES, World
from tests.property.test_rating import EXAMPLES, as_row, by_scalar, carried_by, issued_by, rate, same

from ardoise.core.affordable import affordable
from ardoise.core.allowances import Counters, in_drawing_order
from ardoise.core.money import Rounding
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.snapshot import (
    ExchangeRate,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
    Snapshot,
    SnapshotAccount,
    SnapshotIdentifier,
    SnapshotLine,
    SnapshotSource,
    TariffLink,
)
from ardoise.core.tariffs import (
    Adjustment,
    BandBorder,
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Parent,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
    Tiers,
)
from ardoise.core.usage import CallStatus, Direction, Usage

EARLY = datetime(2020, 1, 1, tzinfo=UTC)
UNCHANGED = Adjustment()
LAW = settings(max_examples=max(EXAMPLES // 10, 10), deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**40)
Charge = dict[str, object]


def exact(part: RatedPart) -> Fraction:
    assert part.amount_micros is not None
    return part.amount_micros + Fraction(part.residue or 0)


def key(part: RatedPart) -> tuple[str, str, str]:
    return part.usage.usage_id, part.level, part.part.value


# -- order, halves, issued calls


@LAW
@given(SEEDS)
def test_without_counters_the_order_of_calls_says_nothing(seed: int) -> None:
    world = World(Random(seed), PRICE_FEATURES)
    snapshot = without_counters(world.snapshot)
    forth = {key(part): as_row(part) for part in rate(snapshot, world.calls, world.month)}
    back = {key(part): as_row(part) for part in rate(snapshot, reversed(world.calls), world.month)}
    assert forth == back


@LAW
@given(SEEDS)
def test_two_halves_of_a_month_with_the_counters_handed_over_are_the_month(seed: int) -> None:
    world = World(Random(seed), FEATURES)
    calls = in_drawing_order(world.calls, Counters())
    once = [as_row(part) for part in rate(world.snapshot, calls, world.month)]
    counters = Counters()
    first = rate(world.snapshot, calls[:20], world.month, counters)
    second = rate(world.snapshot, calls[20:], world.month, Counters.from_plain(counters.to_plain()))
    assert [as_row(part) for part in first + second] == once


@LAW
@given(SEEDS)
def test_issued_calls_keep_what_they_took_and_late_ones_share_what_is_left(seed: int) -> None:
    """Some calls of the month are on documents when the others come."""
    world = World(Random(seed), FEATURES)
    early = [call for call in world.calls if Random(f"{seed}{call.usage_id}").random() < 0.6]
    before = rate(world.snapshot, in_drawing_order(early, Counters()), world.month)
    counters = Counters(held=issued_by(before))
    after = rate(world.snapshot, in_drawing_order(world.calls, counters), world.month, counters)
    charged = {key(part): as_row(part) for part in after}
    for part in before:
        assert charged[key(part)] == as_row(part)
    issued = {
        (str(row["origin_id"]), str(row["level"])): rating_oracle.taken_by(row)
        for row in map(as_row, before)
        if row["part"] == "access" and row["state"] == "priced"
    }
    expected, _ = rating_oracle.charges(world.snapshot, world.calls, world.month, issued)
    same(expected, sorted(charged.values(), key=rating_oracle.sort_key))


@LAW
@given(SEEDS)
def test_all_that_is_issued_is_rated_again_to_the_same(seed: int) -> None:
    world = World(Random(seed), FEATURES)
    before = rate(world.snapshot, in_drawing_order(world.calls, Counters()), world.month)
    counters = Counters(held=issued_by(before))
    after = rate(world.snapshot, in_drawing_order(world.calls, counters), world.month, counters)
    assert sorted(map(key, after)) == sorted(map(key, before))
    assert {key(part): as_row(part) for part in after} == {key(part): as_row(part) for part in before}


@LAW
@given(SEEDS)
def test_no_allowance_gives_more_than_was_granted(seed: int) -> None:
    """Grants that never end: a counter then holds so many times the quantity, and what earlier months left."""
    world = World(Random(seed), INCLUDED_FEATURES - {"prorated"})
    always = tuple(replace(grant, valid_from_at=None, valid_to_at=None) for grant in world.snapshot.grants)
    snapshot = replace(world.snapshot, grants=always)
    counters = Counters()
    rate(snapshot, in_drawing_order(world.calls, counters), world.month, counters)
    allowances = {allowance.allowance_id: allowance for allowance in snapshot.allowances}
    for (month, (allowance_id, kind, owner_id, root_id), earned), used in counters.used_s.items():
        quantity = allowances[allowance_id].quantity
        granted = sum(grant.allowance_id == allowance_id for grant in always)
        if earned < month:
            quantity, granted = carried(snapshot, allowance_id, kind, owner_id, root_id, earned), 1
        assert quantity is None or 0 <= used <= granted * quantity


@LAW
@given(SEEDS)
def test_what_allowances_take_to_the_next_month_is_what_the_oracle_leaves(seed: int) -> None:
    world = World(Random(seed), FEATURES)
    counters, oracle = Counters(), rating_oracle.Oracle(world.snapshot, world.month)
    rate(world.snapshot, in_drawing_order(world.calls, counters), world.month, counters)
    oracle.charges(world.calls)
    left = CompiledSnapshot(world.snapshot).allowances.carried_out(counters, month=world.month)
    assert carried_by(left) == oracle.left_over()


def carried(
    snapshot: Snapshot, allowance_id: int, kind: OwnerKind, owner_id: int, root_id: int, earned: str
) -> int | None:
    return next(
        known.quantity
        for known in snapshot.carried
        if (known.allowance_id, known.owner_kind, known.owner_id, known.root_id, known.earned)
        == (allowance_id, kind, owner_id, root_id, earned)
    )


# -- length


def positive(rate: Rate) -> Rate:
    """The row without prices under zero."""
    return rate._replace(
        steps=tuple(replace(step, price=abs(step.price)) for step in rate.steps),
        connection_fee=abs(rate.connection_fee),
        surcharge=abs(rate.surcharge),
        service_price=abs(rate.service_price),
    )


def priced_alone(world: World, calls: Iterable[Usage]) -> dict[tuple[str, str, str], RatedPart]:
    parts = rate(without_counters(world.snapshot), calls, world.month)
    return {key(part): part for part in parts if part.amount_micros is not None}


@LAW
@given(SEEDS, st.integers(1, 200))
def test_a_longer_call_never_costs_less(seed: int, more_s: int) -> None:
    """Where prices are not negative, in the counts that only ever add blocks: first_next, in any band, and step.

    Not with `zero` (60/1 at 59 s is 60 s, but 45/30 then 1 by the second is shorter at 61 s than at 59 s), nor with
    volume and package, whose point is that more may cost less.
    """
    features = frozenset({"borders", "surcharge", "origins", "categories", "increment_decimals", "line_rounding"})
    world = World(Random(seed), features)
    origin = (IncrementOrigin.FIRST_NEXT, IncrementOrigin.STEP)[seed % 2]
    world.snapshot = rates(positive)(world.snapshot)
    known = [
        replace(tariff, increment_origin=origin) if tariff.band_border is BandBorder.START else tariff
        for tariff in world.snapshot.tariffs
    ]
    world.snapshot = replace(world.snapshot, tariffs=tuple(known))
    short = [call for call in world.calls if call.talk_s > 0]
    long = [replace(call, talk_s=call.talk_s + more_s) for call in short]
    ends_later = priced_alone(world, long)
    for name, part in priced_alone(world, short).items():
        assert exact(part) <= exact(ends_later[name])
        assert part.billed_s <= ends_later[name].billed_s


@LAW
@given(SEEDS)
def test_what_is_taken_back_is_the_mirror_of_what_was_charged(seed: int) -> None:
    world = World(Random(seed), PRICE_FEATURES - {"coefficient"})
    given = [call for call in world.calls if call.quantity > 0]
    back = [replace(call, talk_s=-call.talk_s, units=-call.units) for call in given]
    mirror = priced_alone(world, back)
    for name, part in priced_alone(world, given).items():
        if part.usage.status in (CallStatus.ANSWERED, CallStatus.VOICEMAIL):
            assert exact(mirror[name]) == -exact(part)
            assert mirror[name].billed_s == -part.billed_s


# -- one line, one tariff


def one_line(tariff: Tariff, adjustment: Adjustment = UNCHANGED, cost: Tariff | None = None) -> Snapshot:
    """A company with one line, which calls at the prices of one tariff; it may cost what another one says."""
    forever = (None, None)
    links = [TariffLink(OwnerKind.ACCOUNT, 1, tariff.tariff_id, 0, *forever, adjustment)]
    if cost is not None:
        links.append(TariffLink(OwnerKind.SOURCE, 1, cost.tariff_id, 0, *forever))
    return Snapshot(
        issuers_zone={1: "Europe/Paris"},
        accounts=(SnapshotAccount(1, None, 1, 1, "A", True),),
        lines=(SnapshotLine(1, "L1", False),),
        assignments=(LineAssignment(1, 1, *forever),),
        identifiers=(SnapshotIdentifier("", IdentifierKind.EXTENSION, "201", 1, *forever),),
        tariffs=(tariff,) if cost is None else (tariff, cost),
        links=tuple(links),
        zones=(),
        calendars=(CALENDAR,),
        allowances=(),
        grants=(),
        sources=(SnapshotSource(1, "pbx", 1, False),),
    )


CALENDAR = Calendar(
    "odd",
    "Europe/Paris",
    "FR",
    (
        BandRule("peak", frozenset(range(1, 7)), time(8), time(19)),
        BandRule("night", frozenset(range(1, 9)), time(2, 30), time(3)),
    ),
)


def tariff_of(random: Random, rates: tuple[Rate, ...], **fields: object) -> Tariff:
    """Exact amounts: rounded at the invoice line."""
    known = {
        "increment_origin": IncrementOrigin.FIRST_NEXT, "rounding_point": RoundingPoint.LINE, "tariff_id": 1,
        "currency": "EUR", "calendar": "odd", "rounding_decimals": 6, "rounding": random.choice(tuple(Rounding)),
    } | fields  # fmt: skip
    version = TariffVersion(10 * int(str(known["tariff_id"])), EARLY, None, rates)
    return Tariff(
        code="T", name="T", tax_basis=TaxBasis.HT, bill_zero_seconds=False, versions=(version,),
        **known,
    )  # type: ignore[arg-type]  # fmt: skip


def call(at: datetime, talk_s: int, **fields: object) -> Usage:
    known: dict[str, object] = {
        "usage_id": "pbx:1:1", "source": "pbx", "start_at": at, "answered_at": at, "direction": Direction.OUT,
        "status": CallStatus.ANSWERED, "talk_s": talk_s, "ring_s": 0, "charged": "201", "party": "", "ddi": "",
        "calling": "201", "called": "0", "number_key": "33123", "number_category": "",
    }  # fmt: skip
    return Usage(**(known | fields))  # type: ignore[arg-type]


def some_price(random: Random) -> Decimal:
    return Decimal(random.choice(("0.1", "0.0255", "1.2345678", "12", "0.016", "-0.05", "0.1234567890123456789")))


def some_time(random: Random) -> datetime:
    """Around the borders of the bands, on the nights when clocks change too."""
    month, day = random.choice(((10, 24), (10, 23), (10, 30), (3, 28)))
    return datetime(2026, month, day, tzinfo=UTC) + timedelta(seconds=random.randint(0, 2 * 86_400))


def row_by_band(random: Random, increments: Iterable[int]) -> tuple[Rate, ...]:
    return tuple(
        Rate("", "Z", (Step(0, some_price(random), random.choice((1, 7, 60)), increment),), band)
        for band, increment in zip(("", "peak", "night"), increments, strict=True)
    )


def amount(compiled: CompiledSnapshot, usage: Usage) -> Fraction:
    [part] = compiled.rate(usage)
    return exact(part)


@LAW
@given(SEEDS)
def test_a_call_cut_where_a_block_ends_costs_the_same_in_two(seed: int) -> None:
    """One step, the same blocks in each band, no fee: carried over any border, and within a band with any border."""
    random = Random(seed)
    increment = random.choice((1, 6, 30, 60, 7))
    rows = row_by_band(random, (increment,) * 3)
    for border in BandBorder:
        compiled = CompiledSnapshot(one_line(tariff_of(random, rows, band_border=border)))
        at, talk_s = some_time(random), random.randint(2, 20_000)
        cut = increment * random.randint(0, talk_s // increment)
        later = call(at + timedelta(seconds=cut), talk_s - cut)
        if border is not BandBorder.CARRY and len(bands_of(at, talk_s)) > 1:
            continue
        parts = [usage for usage in (call(at, cut), later) if usage.talk_s]
        assert amount(compiled, call(at, talk_s)) == sum(amount(compiled, usage) for usage in parts)


@LAW
@given(SEEDS)
def test_a_call_split_at_the_borders_costs_what_its_parts_cost_alone(seed: int) -> None:
    random = Random(seed)
    rows = row_by_band(random, [random.choice((1, 6, 30, 60, 7)) for _ in range(3)])
    compiled = CompiledSnapshot(one_line(tariff_of(random, rows, band_border=BandBorder.SPLIT)))
    at, talk_s = some_time(random), random.randint(1, 50_000)
    borders = [*bands_of(at, talk_s), talk_s]
    parts = [call(at + timedelta(seconds=start), end - start) for start, end in pairwise(borders)]
    assert amount(compiled, call(at, talk_s)) == sum(amount(compiled, usage) for usage in parts)


@LAW
@given(SEEDS)
def test_with_one_band_all_day_the_borders_say_nothing(seed: int) -> None:
    random = Random(seed)
    starts = sorted({0, *random.sample((20, 61, 300), 2)})
    steps = tuple(Step(start, some_price(random), 60, random.choice((1, 45, 60))) for start in starts)
    at, talk_s = some_time(random), random.randint(1, 5_000)
    prices = {
        amount(CompiledSnapshot(one_line(tariff_of(random, (Rate("", "Z", steps),), calendar="", band_border=border))),
               call(at, talk_s))
        for border in BandBorder
    }  # fmt: skip
    assert len(prices) == 1


def bands_of(at: datetime, talk_s: int) -> list[int]:
    """The seconds of a call at which a band begins, 0 first."""
    found = [0]
    minute_s = -(at.second) % 60
    while minute_s < talk_s:  # bands begin on full minutes
        if minute_s and band_of(CALENDAR, at + timedelta(seconds=minute_s)) != band_of(
            CALENDAR, at + timedelta(seconds=minute_s - 1)
        ):
            found.append(minute_s)
        minute_s += 60
    return found


# -- linear


@LAW
@given(SEEDS)
def test_an_adjustment_multiplies_the_exact_price(seed: int) -> None:
    """All prices of the row, minimum and maximum too; so does the product of two."""
    random = Random(seed)
    steps = tuple(Step(start, abs(some_price(random)), 60, 30) for start in (0, 61))
    row = Rate(
        "", "Z", steps, connection_fee=abs(some_price(random)), minimum=Decimal("0.3"),
        maximum=random.choice((None, Decimal("1.7"))), surcharge=Decimal("0.07"), surcharge_at_s=61,
        surcharge_every_s=60, attempt_fee=Decimal("0.011"), free_s=random.choice((0, 5)),
    )  # fmt: skip
    tariff = tariff_of(random, (row,), tiers=random.choice(tuple(Tiers)))
    usage = call(some_time(random), random.randint(1, 4_000))
    percentage, again = Decimal(random.randint(-9999, 30_000)) / 100, Decimal(random.randint(-99, 300))
    plain = amount(CompiledSnapshot(one_line(tariff)), usage)
    once = amount(CompiledSnapshot(one_line(tariff, Adjustment(percentage))), usage)
    assert once == plain * (1 + Fraction(percentage) / 100)
    child = replace(tariff_of(random, (), tariff_id=2), parent=Parent(1, Adjustment(again)))
    snapshot = one_line(child, Adjustment(percentage))
    twice = amount(CompiledSnapshot(replace(snapshot, tariffs=(child, tariff))), usage)
    assert twice == once * (1 + Fraction(again) / 100)


@LAW
@given(SEEDS, st.decimals("0.01", "100", places=6))
def test_a_cost_is_exchanged_at_the_rate_and_back_at_its_inverse(seed: int, rate_of_franc: Decimal) -> None:
    random = Random(seed)
    price = tariff_of(random, (Rate("", "Z", (Step(0, Decimal("0.1")),)),))
    cost = tariff_of(random, (Rate("", "Z", (Step(0, abs(some_price(random))),)),), tariff_id=2, currency="CHF")
    usage = call(some_time(random), random.randint(1, 4_000))

    def cost_of(*known: ExchangeRate) -> int | None:
        [part] = CompiledSnapshot(replace(one_line(price, cost=cost), exchange_rates=known)).rate(usage)
        return part.cost_micros

    at_par = cost_of(ExchangeRate("CHF", "EUR", Decimal(1), EARLY))
    assert at_par is not None
    direct = ExchangeRate("CHF", "EUR", rate_of_franc, EARLY)
    assert cost_of(direct) == half_up(at_par * Fraction(rate_of_franc))
    inverse = ExchangeRate("EUR", "CHF", rate_of_franc, EARLY)
    assert cost_of(inverse) == half_up(at_par / Fraction(rate_of_franc))
    assert cost_of(inverse, direct) == cost_of(direct)
    assert cost_of() is None
    assert cost_of(replace(direct, valid_from_at=usage.answered_at + timedelta(microseconds=1))) is None


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))  # of what is not negative


# -- the other way round


@LAW
@given(SEEDS)
def test_a_balance_pays_for_the_longest_call_that_no_shorter_one_exceeds(seed: int) -> None:
    """Tried second by second, by the oracle."""
    random = Random(seed)
    tariff = some_tariff(random)
    at, asked = some_time(random), random.randint(1, 400)
    snapshot = one_line(tariff)
    parts = CompiledSnapshot(snapshot).rate(call(at, asked))
    balance = random.choice((0, 50_000, 100_000, 1_000_000, sum(part.amount_micros or 0 for part in parts)))
    assert parts[0].match is not None
    oracle = rating_oracle.Oracle(snapshot, "2026-10")
    longest = 0
    while longest < asked and price_micros(oracle, call(at, longest + 1)) <= balance:
        longest += 1
    assert affordable(parts[0].match.fare(), balance, asked=asked) == longest


def price_micros(oracle: rating_oracle.Oracle, usage: Usage) -> int:
    chain = oracle.chain([("account", 1)], usage)
    found = oracle.look_up(chain, usage, usage.number_key, longest=False)
    assert isinstance(found, rating_oracle.Found)
    seconds = oracle.rows_at(found, usage, usage.number_key, found.rate.free_s)
    access, _ = settle(found.tariff, whole(found.row, usage.talk_s, seconds)[0])
    return access + settle(found.tariff, service(found.rate, usage.talk_s))[0]


def some_tariff(random: Random) -> Tariff:
    """Any rule of counting, prices that are not negative."""
    border, origin, tiers = BandBorder.START, random.choice(tuple(IncrementOrigin)), Tiers.GRADUATED
    if random.random() < 0.3:
        tiers = random.choice((Tiers.VOLUME, Tiers.PACKAGE))
    elif random.random() < 0.5:
        border, origin = random.choice((BandBorder.CARRY, BandBorder.SPLIT)), IncrementOrigin.FIRST_NEXT
    rows = []
    for band in ("", "peak", "night")[: random.randint(1, 3)]:
        starts = {random.choice((0, 0, 0, 30)), *random.sample((20, 60, 61, 300), random.randint(0, 2))}
        steps = tuple(
            Step(start, abs(some_price(random)) / 10, random.choice((1, 7, 60)), random.choice((1, 6, 30, 45, 60)))
            for start in sorted(starts)
        )
        rows.append(
            Rate(
                "", "Z", steps, band,
                connection_fee=random.choice((Decimal(0), Decimal("0.05"))),
                minimum=random.choice((Decimal(0), Decimal("0.3"))),
                maximum=random.choice((None, None, Decimal("0.9"))),
                free_s=random.choice((0, 0, 5, 61)),
                service_price=random.choice((Decimal(0), Decimal("0.8"))),
                service_per=random.choice(tuple(ServicePer)),
                surcharge=random.choice((Decimal(0), Decimal("0.07"))),
                surcharge_at_s=random.choice((0, 61)),
                surcharge_every_s=random.choice((0, 45)),
                attempt_fee=random.choice((Decimal(0), Decimal("0.011"))),
            )
        )  # fmt: skip
    decimals = None if tiers is Tiers.PACKAGE else random.choice((None, None, 2, 4))
    return tariff_of(
        random, tuple(rows), band_border=border, increment_origin=origin, tiers=tiers, increment_decimals=decimals,
        rounding_point=random.choice(tuple(RoundingPoint)), rounding_decimals=random.choice((6, 4, 2, 0)),
    )  # fmt: skip


# -- the reason


@LAW
@given(SEEDS)
def test_a_charge_is_computed_again_from_its_reason(seed: int) -> None:
    """Its columns and the immutable version are enough: no counter, no other call, no other tariff."""
    world = World(Random(seed), FEATURES - {"coefficient"})
    calls = {usage.usage_id: usage for usage in world.calls}
    oracle = rating_oracle.Oracle(world.snapshot, world.month)
    for row in by_scalar(world):
        usage = calls[str(row["origin_id"])]
        access = row["state"] == "priced" and row["part"] == "access"
        if access and usage.status in SPOKEN and (usage.quantity or bills_zero(world, row)):
            assert recomputed(oracle, usage, row) == (row["amount_micros"], row["residue"], row["billed_s"])


SPOKEN = (CallStatus.ANSWERED, CallStatus.VOICEMAIL)


def bills_zero(world: World, row: Charge) -> bool:
    return next(known for known in world.snapshot.tariffs if known.tariff_id == row["tariff_id"]).bill_zero_seconds


def recomputed(oracle: rating_oracle.Oracle, usage: Usage, row: Charge) -> tuple[int, str, int]:
    found = row_of_reason(oracle, usage, row)
    length = rating_oracle.counted(found.rate, abs(usage.quantity))
    taken, demand = rating_oracle.taken_by(row), max(0, length - found.rate.free_s) if usage.quantity > 0 else 0
    allowances = {known.allowance_id: known for known in oracle.snapshot.allowances}
    uncovered, money, drawn, fee = demand, 0, False, 0
    for allowance_id, covered in taken.draws:
        counted = allowances[allowance_id].counted
        if counted is not Counted.MONEY and not drawn:
            fee = int(allowances[allowance_id].call_fee * 10**6)
        money += covered if counted is Counted.MONEY else 0
        drawn |= counted is not Counted.MONEY
        uncovered = 0 if counted is Counted.CALLS else uncovered - (covered if counted is not Counted.MONEY else 0)
    sign = -1 if usage.quantity < 0 else 1
    key = str(row["number_key"])
    if drawn:
        price, billed = remainder(found.row, uncovered, oracle.rows_at(found, usage, key, length - uncovered))
    else:
        price, billed = whole(found.row, abs(usage.quantity), oracle.rows_at(found, usage, key, found.rate.free_s))
    for promotion in oracle.snapshot.promotions:
        if promotion.promotion_id == taken.promotion_id:
            measured = settle(found.tariff, price)[0] if promotion.counted is Counted.MONEY else uncovered
            share = Fraction(taken.promoted, measured) if taken.promoted else Fraction(1)
            cheaper = price * (1 - Fraction(promotion.percentage) / 100) - Fraction(promotion.amount)
            price -= share * (price - (max(ZERO, cheaper) if price >= 0 else cheaper))
    amount_micros, residue = settle(found.tariff, sign * price)
    return amount_micros + fee - money, residue, sign * billed


def row_of_reason(oracle: rating_oracle.Oracle, usage: Usage, row: Charge) -> rating_oracle.Found:
    """The row that tariff, version, prefix and band name, with the adjustments of the way to it."""
    nodes = [("line", row["line_id"])] if row["line_id"] is not None else []
    account = oracle.accounts[row["account_id"]]  # type: ignore[index]
    payer = oracle.payer(str(row["level"]), account, row["line_id"])  # type: ignore[arg-type]
    nodes += [*(("account", known) for known in payer.family), ("issuer", payer.issuer_id)]
    chain = oracle.chain(nodes, usage)  # type: ignore[arg-type]
    asked = next(known for known in chain if known.tariff.tariff_id == row["tariff_id"])
    version = next(known for known in asked.tariff.versions if known.version_id == row["version_id"])
    known = oracle.row_for(version, usage, str(row["number_key"]), str(row["band"]))
    assert known is not None and known[1].prefix == row["prefix"]
    return rating_oracle.Found(
        asked, version, known[1], str(row["band"]), Row(asked.tariff, known[1], asked.adjustments)
    )
