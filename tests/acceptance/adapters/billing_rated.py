"""Billing cases about the price of each call or event: bundles, prices by cost, percentages; all of it rated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from ardoise.core.allowances import Counters
from ardoise.core.money import MICROS_PER_UNIT, fraction_to_minor, micros_to_minor, minor_to_decimal, round_fraction
from ardoise.core.pricing import by_coefficient
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.snapshot import AllowanceGrant, OwnerKind, Snapshot
from ardoise.core.tariffs import Allowance, AllowanceOwner, Counted, Rate, Step
from ardoise.core.usage import Usage

from .billing_world import Case, document, money
from .rating import ACCOUNT, _call, _snapshot, _tariff

FIXED, MOBILE = "FR fixed", "FR mobile"
PREFIXES = {FIXED: "1", MOBILE: "6"}
CENTS = 100  # of a unit of currency


def world(price_per_second: str, *allowances: Allowance) -> Snapshot:
    """Calls to fixed and mobile lines at one price a second, with what the account is granted."""
    rates = [
        Rate(prefix=prefix, zone=zone, steps=(Step(0, Decimal(price_per_second), 1, 1),))
        for zone, prefix in PREFIXES.items()
    ]
    return _snapshot(_tariff(rates), allowances=allowances, grants=[grant_of(known) for known in allowances])


def grant_of(allowance: Allowance) -> AllowanceGrant:
    return AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, allowance.allowance_id, None, None)


def bundle_of(zones: Iterable[str], *, seconds: int | None = None, distinct: int | None = 99, **more: int) -> Allowance:
    """Calls of an hour at most to so many different numbers a month, or so many seconds."""
    limit = None if seconds else 3600
    return Allowance(
        more.get("number", 1), "B", "Forfait", seconds, frozenset(zones), AllowanceOwner.ACCOUNT,
        call_limit=limit, correspondents=distinct,
    )  # fmt: skip


def rated(snapshot: Snapshot, calls: Iterable[Usage]) -> list[RatedPart]:
    """Calls rated in their order, with the same counters."""
    compiled, counters = CompiledSnapshot(snapshot), Counters()
    return [part for call in calls for part in compiled.rate(call, counters)]


def amount(parts: Sequence[RatedPart]) -> str:
    return money(micros_to_minor(sum(part.amount_micros or 0 for part in parts)))


def bundle(case: Case) -> Case:
    inputs = case["inputs"]
    if "channels" in inputs:
        return _of_channels(inputs["channels"])
    price = inputs["price_per_second"]
    if "destination" in inputs:
        call = _call(inputs["duration_s"], number=PREFIXES[inputs["destination"]])
        plans = {"voiceIF": [bundle_of([FIXED])], "voiceIM": [bundle_of([FIXED]), bundle_of([MOBILE], number=2)]}
        return {plan: amount(rated(world(price, *known), [call])) for plan, known in plans.items()}
    if "mobile_seconds_total" in inputs:
        included = bundle_of([MOBILE], seconds=3 * 3600, distinct=None)
        parts = rated(world(price, included), [_call(inputs["mobile_seconds_total"], number=PREFIXES[MOBILE])])
    elif "duration_s" in inputs:
        numbers = _numbers(inputs.get("distinct_rank", 1))  # the case is the call to the last of them
        calls = [
            *(_call(60, number=number) for number in numbers[:-1]),
            _call(inputs["duration_s"], number=numbers[-1]),
        ]
        parts = rated(world(price, bundle_of([FIXED])), calls)[-1:]
    else:
        count = inputs["distinct_numbers_called_60s_each"]
        numbers = [*_numbers(count), *_numbers(inputs["then_repeat_call_60s_to_number"])]
        parts = rated(world(price, bundle_of([FIXED])), [_call(60, number=number) for number in numbers])
    return {
        "charged_seconds": sum(part.billed_s for part in parts),
        "charged_calls": sum(bool(part.billed_s) for part in parts),
        "amount": amount(parts),
    }


def _numbers(count: int) -> list[str]:
    return [f"{PREFIXES[FIXED]}{index:05d}" for index in range(count)]


def _of_channels(channels: int) -> Case:
    """A trunk is sold with 99 numbers a channel: one allowance of as many, drawn until it covers no new number."""
    known = world("0.01", bundle_of([FIXED], distinct=99 * channels))
    parts = rated(known, [_call(60, number=number) for number in _numbers(110 * channels)])
    return {"free_distinct_numbers_by_formula": sum(not part.billed_s for part in parts)}


def cost_plus(case: Case) -> Case:
    inputs = case["inputs"]
    found = {}
    for kind, cost in inputs["carrier_cost"].items():
        rate = Rate(prefix="", zone="Z", steps=(), coefficient=Decimal(inputs["coefficients"][kind]))
        found[kind] = by_coefficient(rate, cost_micros=round_fraction(Fraction(cost) * MICROS_PER_UNIT))
    amounts = {kind: money(fraction_to_minor(exact)) for kind, exact in found.items()}
    return {"amounts": amounts, "total": money(fraction_to_minor(sum(found.values(), Fraction(0))))}


def percentages(inputs: Case) -> Case:
    """A percentage and a fixed part an event, between a minimum and a maximum, the first events included: a row of a
    tariff, with an allowance, where the cents of an event stand for the seconds of a call.
    """
    rate = Rate(
        prefix="",
        zone="Z",
        steps=(Step(0, Decimal(inputs["percent"]) / 100, per_s=CENTS),),
        connection_fee=Decimal(inputs["fixed"]),
        minimum=Decimal(inputs.get("min", 0)),
        maximum=Decimal(inputs["max"]) if "max" in inputs else None,
    )
    known = []
    if "free_events" in inputs:
        known.append(
            Allowance(
                1,
                "F",
                "Offerts",
                inputs["free_events"],
                frozenset({"Z"}),
                AllowanceOwner.ACCOUNT,
                counted=Counted.CALLS,
            )
        )
    snapshot = _snapshot(_tariff([rate]), allowances=known, grants=[grant_of(free) for free in known])
    parts = rated(snapshot, [_call(fraction_to_minor(Fraction(event))) for event in inputs["events"]])
    sums = [
        minor_to_decimal(micros_to_minor(micros)) for micros in accumulate(part.amount_micros or 0 for part in parts)
    ]
    return {
        "cumulative_fees": [str(fee) for fee in sums],
        "fee": str(sums[-1]),
        "with_tax_20": money(document([("Usage", sums[-1], 20)]).totals.gross_minor),
    }


HANDLERS: dict[str, Callable[[Case], Case]] = {"bundle": bundle, "cost_plus": cost_plus}
