"""Translates a peer's rating case into the product's tariffs, allowances and calls, and its answers back.

It maps fields and chooses named policies (increment origin, rounding point, allowance owner); it does no arithmetic
and no rounding on amounts or durations (but for the sum of two parties that a case asks for), and knows no case by its
id. What a tariff cannot say raises Unsupported with
the reason. Units of a peer's test (seconds, or bare units) are seconds here; its currency is one currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from itertools import product as pairs
from typing import Any
from zoneinfo import ZoneInfo

from ardoise.core.allowances import Counters
from ardoise.core.attribution import Attribution
from ardoise.core.money import Rounding
from ardoise.core.pricer import Pricer
from ardoise.core.rating import CompiledSnapshot, RatedPart
from ardoise.core.snapshot import (
    AllowanceGrant,
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
    Allowance,
    AllowanceOwner,
    BandBorder,
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
    Tiers,
)
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind
from ardoise.core.wallet import Authorised, Every, Movement, authorise, statement

Case = dict[str, Any]
Answers = dict[str, object]
ISSUER = ACCOUNT = SOURCE = 1
SOME_DAY = datetime(2024, 1, 2, 10, 0, tzinfo=UTC)
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
NUMBER = "1"
UNCHANGED = Adjustment()
ROUNDINGS = {
    "up": Rounding.UP,
    "down": Rounding.DOWN,
    "half_up": Rounding.HALF_UP,
    "half_up (+1e-5 fudge)": Rounding.HALF_UP,
    "middle": Rounding.HALF_UP,
    "none": Rounding.HALF_UP,
    "default config": Rounding.HALF_UP,
}


class Unsupported(Exception):
    """The product does not do this yet: the case is skipped with this reason."""


def produced(case: Case) -> Answers:
    """What the product answers, under the names of the case's `expect`."""
    adapter = ADAPTERS.get(case["semantics"])
    if adapter is None:
        raise Unsupported("unknown semantics")
    return adapter(case)


def expected(case: Case) -> Answers:
    """What the case asserts of a price. The exact cost where the peer froze an artefact of its floats."""
    if "events" in case:
        money = any(bundle["unit"] == "money" for bundle in case["tariff"]["bundles"])
        return {"events": [_of_event(event, in_bundle=not money) for event in case["events"]]}
    wanted = {name: value for name, value in case["expect"].items() if name in ASSERTED and value is not None}
    if case["peer_artefact"]:
        wanted["cost"] = case["expect"]["exact_decimal_cost"]
    if "exact_decimal_cost" in wanted:
        wanted["cost"] = wanted.pop("exact_decimal_cost")
    if case["call"].get("run", "run_1") != "run_1":
        wanted.pop("money_after", None)  # after a run that is no part of the case
    if case["expect"].get("error") == "INSUFFICIENT_CREDIT":
        return {"refused": "balance"}
    if case["expect"].get("error") or case["expect"].get("cost") == "-1":  # the peer's sentinel for « no price »
        wanted = {"cost": "unpriced"}
    return wanted


ASSERTED = (
    "cost",
    "exact_decimal_cost",
    "rated_duration_s",
    "billed_seconds",
    "selected_band",
    "customer_duration_s",
    "vendor_duration_s",
    "customer_price_no_vat",
    "vendor_price",
    "caller_customer",
    "callee_customer",
    "caller_reseller",
    "callee_reseller",
    "max_usage_s",
    "max_units",
    "costs_in_answer_order",
    "free_time_used_s",
    "caller_customer_total",
    "caller_reseller_total",
    "bundle_left_s",
    "money_after",
    "cash_after",
    "balance_intervals_opened",
    "hourly_intervals",
)


def _of_event(event: Case, *, in_bundle: bool) -> Answers:
    """The peer adds money and units into one `in_bundle`: with money only the cost is asked."""
    wanted: Answers = {"cost": event["cost"]}
    if in_bundle:
        wanted["in_bundle"] = event["in_bundle"]
    if "categories" in event:
        wanted["wholesale"] = event["categories"]["wholesale"]["cost"]
    return wanted


# --- a world of one account -------------------------------------------------------------------------------------------


def _tariff(
    rates: Sequence[Rate],
    *,
    tariff_id: int = 1,
    rounding: Case | None = None,
    origin: IncrementOrigin = IncrementOrigin.FIRST_NEXT,
    calendar: str = "",
    versions: Sequence[TariffVersion] | None = None,
    band_border: BandBorder = BandBorder.START,
    tiers: Tiers = Tiers.GRADUATED,
    first_block_once: bool = False,
) -> Tariff:
    asked = rounding or {}
    if asked.get("mode", "none") not in ROUNDINGS:
        raise Unsupported(f"rounding « {asked['mode']} »")
    finest = 6 if asked.get("mode", "half_up") == "none" else min(asked.get("decimals", 6), 6)
    return Tariff(
        tariff_id=tariff_id,
        code=f"T{tariff_id}",
        name="",
        currency="EUR",
        tax_basis=TaxBasis.HT,
        calendar=calendar,
        increment_origin=origin,
        rounding=ROUNDINGS[asked.get("mode", "half_up")],
        rounding_decimals=finest,
        bill_zero_seconds=False,
        versions=tuple(versions or [TariffVersion(tariff_id, LONG_AGO, None, tuple(rates))]),
        band_border=band_border,
        tiers=tiers,
        first_block_once=first_block_once,
    )


def _snapshot(
    *tariffs: Tariff,
    calendars: Sequence[Calendar] = (),
    allowances: Sequence[Allowance] = (),
    grants: Sequence[AllowanceGrant] = (),
    lines: Sequence[int] = (1,),
    cost: Tariff | None = None,
    adjustment: Adjustment = UNCHANGED,
) -> Snapshot:
    """Tariffs are asked in the order given."""
    links = [
        TariffLink(OwnerKind.ACCOUNT, ACCOUNT, tariff.tariff_id, rank, None, None, adjustment)
        for rank, tariff in enumerate(tariffs)
    ]
    if cost is not None:
        links.append(TariffLink(OwnerKind.SOURCE, SOURCE, cost.tariff_id, 0, None, None))
    return Snapshot(
        issuers_zone={ISSUER: "UTC"},
        accounts=(SnapshotAccount(ACCOUNT, None, ACCOUNT, ISSUER, "A", True),),
        lines=tuple(SnapshotLine(line_id, str(line_id), False) for line_id in lines),
        assignments=tuple(LineAssignment(line_id, ACCOUNT, None, None) for line_id in lines),
        identifiers=tuple(
            SnapshotIdentifier("s", IdentifierKind.EXTENSION, str(line_id), line_id, None, None) for line_id in lines
        ),
        tariffs=(*tariffs, *([cost] if cost else [])),
        links=tuple(links),
        zones=(),
        calendars=tuple(calendars),
        allowances=tuple(allowances),
        grants=tuple(grants),
        sources=(SnapshotSource(SOURCE, "s", ISSUER, False),),
    )


def _seconds(value: object) -> int:
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise Unsupported("durations under a second")
    if number < 0:
        raise Unsupported("negative quantities")
    return int(number)


THOUSANDTHS = 1000
"""Quantities that are not whole are counted in thousandths of the peer's unit: steps, increments and usage alike."""


def _thousandths(value: object) -> int:
    number = Decimal(str(value)) * THOUSANDTHS
    if number != number.to_integral_value():
        raise Unsupported("quantities finer than a thousandth")
    return int(number)


def _units_of(kind: UsageKind, units: int, *, at: datetime = SOME_DAY, number: str = NUMBER) -> Usage:
    """Usage that is not a call."""
    return replace(_call(0, at=at, number=number), kind=kind, units=units)


def _call(
    duration: object, *, at: datetime = SOME_DAY, number: str = NUMBER, answered: bool = True, line_id: int = 1
) -> Usage:
    return Usage(
        usage_id=at.isoformat(), source="s", start_at=at, answered_at=at, direction=Direction.OUT,
        status=CallStatus.ANSWERED if answered else CallStatus.UNANSWERED, talk_s=_seconds(duration), ring_s=0,
        charged=str(line_id), party="", ddi="", calling="", called=number, number_key=number, number_category="",
    )  # fmt: skip


def _one(snapshot: Snapshot, usage: Usage) -> RatedPart:
    (part,) = CompiledSnapshot(snapshot).rate(usage)
    return part


def _amount(part: RatedPart) -> Decimal | str:
    """The price as a decimal; nothing for a call that is not to be charged."""
    if part.why == "unanswered":
        return Decimal(0)
    return "unpriced" if part.amount_micros is None else Decimal(part.amount_micros).scaleb(-6)


def _rate(steps: Sequence[Step], *, prefix: str = "", zone: str = "Z", band: str = "", **others: Any) -> Rate:
    return Rate(prefix=prefix, zone=zone, steps=tuple(steps), band=band, **others)


def _first_next(price: str, per_s: int, first: int, following: int | None, next_price: str | None = None) -> list[Step]:
    """The notation first/next: a first block, then blocks after it."""
    steps = [Step(0, Decimal(price), per_s, first)]
    if following is not None and (following != first or next_price not in (None, price)):
        steps.append(Step(first, Decimal(next_price or price), per_s, following))
    return steps


# --- CGR --------------------------------------------------------------------------------------------------------------


def _cgr(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    at, number = datetime.fromisoformat(call["start"]), call.get("destination", NUMBER).lstrip("+")
    kind = CGR_KINDS[call.get("unit", "second")]
    usage = _call(call["duration_s"], at=at, number=number)
    if kind is not UsageKind.CALL:
        usage = _units_of(kind, usage.talk_s, at=at, number=number)
    if tariff is None:
        return {"cost": _amount(_one(_snapshot(), usage))}
    if "profiles" in tariff:
        return {"cost": _amount(_one(_inherited(tariff, call["subject"]), usage))}
    if "bundle" in tariff:
        return _cgr_bundle(case)
    bands = tariff.get("bands") or [{"start": "00:00:00", "weekdays": [*range(1, 8)], "weight": 0, **tariff}]
    calendar = _cgr_calendar(bands)
    prefixes = [prefix.lstrip("+") for prefix in call.get("tariff_prefixes", [""])]
    rates = [_cgr_rate(case, band, f"b{row}", prefix, kind) for row, band in enumerate(bands) for prefix in prefixes]
    bands_carried = _tariff(rates, rounding=tariff.get("rounding"), calendar="c", band_border=BandBorder.CARRY)
    snapshot = _snapshot(bands_carried, calendars=[calendar])
    if call.get("operation") == "max_usage":
        return {"max_usage_s": _longest(snapshot, usage, call.get("balance"))}
    part = _one(snapshot, usage)
    name = bands[int(part.match.band[1:])].get("name", "") if part.match and part.match.band else ""
    return {"cost": _amount(part), "rated_duration_s": part.billed_s, "selected_band": name}


CGR_KINDS = {"second": UsageKind.CALL, "data_unit": UsageKind.DATA, "message": UsageKind.SMS}
ENDLESS = Decimal(10**9)


def _longest(snapshot: Snapshot, asked: Usage, balance: object) -> int:
    """How many seconds (or units) a balance pays for; without a balance nothing but the price limits the call."""
    compiled = CompiledSnapshot(snapshot)
    payer = compiled.attribute(asked)
    assert isinstance(payer, Attribution)
    found = Pricer(compiled, payer, kind=asked.kind).longest(
        asked.number_key, asked.answered_at, _micros(str(ENDLESS if balance is None else balance)),
        asked=asked.quantity, cut_at_maximum=True,
    )  # fmt: skip
    assert isinstance(found, int)
    return found


def _cgr_bundle(case: Case) -> Answers:
    """A bundle of seconds before the price list, for one call or for several in answer order."""
    tariff, call = case["tariff"], case["call"]
    (band,) = tariff["overflow_tariff"]["bands"]
    rate = _cgr_rate({"tariff": tariff["overflow_tariff"], "call": call}, band, "", "", UsageKind.CALL)
    allowance = Allowance(
        1, "B", "B", tariff["bundle"]["value_s"], frozenset({"Z"}), AllowanceOwner.ACCOUNT,
        **_cgr_drain(tariff["bundle"]),
    )  # fmt: skip
    grant = AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, 1, None, None)
    snapshot = _snapshot(_tariff([rate], rounding={"mode": "none"}), allowances=[allowance], grants=[grant])
    if "operation" in call:
        return _cgr_wallet(CompiledSnapshot(snapshot), case)
    compiled, counters, costs = CompiledSnapshot(snapshot), Counters(), []
    if "rerate" not in call:
        (part,) = compiled.rate(_call(call["duration_s"]), counters)
        return _cgr_left(part, counters, tariff)
    for run in sorted(call["rerate"], key=lambda text: text.split()[1]):  # "run_2 15:15 120 s"
        _, clock, seconds, _ = run.split()
        at = datetime.combine(SOME_DAY.date(), time.fromisoformat(clock), UTC)
        (part,) = compiled.rate(_call(seconds, at=at), counters)
        costs.append(_amount(part))
    return {"costs_in_answer_order": costs, "money_after": -sum(costs)}


def _cgr_drain(bundle: Case) -> dict[str, Any]:
    """What a bundle asks of its own: increments at no price, and a fee of the call that draws from it."""
    if "drain_tariff" not in bundle:
        return {}
    (band,) = bundle["drain_tariff"]["bands"]
    (step,) = band["steps"]
    if Decimal(step["price"]):
        raise Unsupported("a bundle whose seconds are paid")
    return {"increment": step["increment_s"], "call_fee": Decimal(band["connect_fee"])}


def _cgr_wallet(compiled: CompiledSnapshot, case: Case) -> Answers:
    """A bundle and a balance of money: how long a call may last, and what it leaves of them."""
    tariff, call = case["tariff"], case["call"]
    money = Decimal("0" if tariff["money"] == "none" else tariff["money"])
    counters, seconds = Counters(), call["duration_s"]
    if call["operation"] != "debit":
        asked = _call(seconds)
        payer = compiled.attribute(asked)
        assert isinstance(payer, Attribution)
        most = Decimal(call["max_rate"]) * 60 / call["max_rate_unit_s"] if "max_rate" in call else None
        found = authorise(
            compiled, asked, payer, counters, balance_micros=_micros(str(money)), most_per_min=most,
            at_least=asked.talk_s if call.get("force_duration") else 1,
        )  # fmt: skip
        if not isinstance(found, Authorised):
            return {"refused": found}
        seconds = found.quantity
    (part,) = compiled.rate(_call(seconds), counters)
    return {"max_usage_s": seconds, "rated_duration_s": part.covered_s + part.billed_s} | _cgr_left(
        part, counters, tariff
    )


def _cgr_left(part: RatedPart, counters: Counters, tariff: Case) -> Answers:
    """What a call costs and leaves; a balance of money that no case tells begins with nothing."""
    cost, drawn = _amount(part), sum(counters.used_s.values())
    assert isinstance(cost, Decimal)
    money = Decimal(0) if tariff.get("money", "none") == "none" else Decimal(tariff["money"])
    return {"cost": cost, "bundle_left_s": tariff["bundle"]["value_s"] - drawn, "money_after": money - cost}


def _cgr_calendar(bands: Sequence[Case]) -> Calendar:
    """Highest weight first, then latest start; a band holds to midnight unless one of a later start takes over."""
    order = sorted(enumerate(bands), key=lambda item: (item[1]["weight"], item[1]["start"]), reverse=True)
    rules = [
        BandRule(
            f"b{row}",
            frozenset(band.get("weekdays", range(1, 8))),
            time.fromisoformat(band["start"]),
            time(0),
            frozenset(pairs(band.get("months", ()), band.get("month_days", ()))),
        )
        for row, band in order
    ]
    return Calendar("c", "UTC", "", tuple(rules))


def _cgr_rate(case: Case, band: Case, name: str, prefix: str, kind: UsageKind) -> Rate:
    """A band as a row; a later slice of a session has no fee; a case may ask for the band and not for a price."""
    most = band.get("max_cost") or case["tariff"].get("max_cost")
    cutting = "disconnect" if case["call"].get("operation") == "max_usage" else "free"  # the other one sets no price
    capped = most is not None and most["strategy"] == cutting
    asked = band.get("steps", [])
    steps = [Step(step["from_s"], Decimal(step["price"]), step["per_s"], step["increment_s"]) for step in asked]
    fee = Decimal(0 if case["call"].get("is_continuation") else band.get("connect_fee", "0"))
    return _rate(
        steps, prefix=prefix, band=name, kind=kind, connection_fee=fee,
        maximum=Decimal(most["amount"]) if capped else None,
    )  # fmt: skip


def _inherited(tariff: Case, subject: str) -> Snapshot:
    """Profiles in the order they are searched: a profile, then its fallbacks, depth first."""

    def search(name: str, depth: int) -> Iterator[str]:
        yield name
        if depth < tariff["fallback_depth_limit"]:
            for following in tariff["profiles"][name]["fallback"]:
                yield from search(following, depth + 1)

    tariffs = []
    for number, name in enumerate(search(subject, 0), 1):
        prefixes = tariff["profiles"][name]["prefixes"]
        rates = [_rate([Step(0, Decimal(price), 1, 1)], prefix=prefix) for prefix, price in prefixes.items()]
        tariffs.append(_tariff(rates, tariff_id=number, rounding={"mode": "up", "decimals": 4}))
    return _snapshot(*tariffs)


# --- OpenRate ---------------------------------------------------------------------------------------------------------


def _openrate(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    if "time_packets" in tariff:
        return _openrate_packets(case)
    if Decimal(call["already_rated_offset"]) != 0:
        raise Unsupported("a slice of a session already rated in part")
    if "price_group" in tariff:
        return _openrate_whole(case, [model["steps"] for model in tariff["price_group"]])
    return _openrate_whole(case, [tariff["steps"]])


def _openrate_whole(case: Case, models: Sequence[Sequence[Case]]) -> Answers:
    call = case["call"]
    borders = sorted({step["valid_from"] for steps in models for step in steps})
    ends = [datetime.fromisoformat(border).replace(tzinfo=UTC) for border in borders[1:]]
    versions = [
        TariffVersion(
            number, datetime.fromisoformat(border).replace(tzinfo=UTC), end, (_openrate_rate(case, models, border),)
        )
        for number, (border, end) in enumerate(zip(borders, [*ends, None], strict=True), 1)
    ]
    at = datetime.fromisoformat(call["event_date"]).replace(tzinfo=UTC)
    threshold = case["semantics"] == "OR-THRESHOLD"
    product = _tariff(
        [], versions=versions, origin=IncrementOrigin.STEP, tiers=Tiers.VOLUME if threshold else Tiers.GRADUATED
    )
    if call.get("operation") == "max_usage":
        most = _thousandths(models[0][-1]["to"])
        asked = _units_of(UsageKind.EVENT, most, at=at)
        return {"max_units": Decimal(_longest(_snapshot(product), asked, call["balance"])) / THOUSANDTHS}
    usage = _units_of(UsageKind.EVENT, _thousandths(call["quantity"]), at=at)
    return {"cost": _amount(_one(_snapshot(product), usage))}


def _openrate_rate(case: Case, models: Sequence[Sequence[Case]], border: str) -> Rate:
    """A model of tiers as steps; another model, or a tier, of no width is a fee for the first unit."""
    fees, tiers = [], []
    for model in models:
        newest: dict[tuple[int, int], Case] = {}
        for step in sorted(model, key=lambda step: step["valid_from"]):
            if step["valid_from"] <= border:
                newest[step["from"], step["to"]] = step
        for key in sorted(newest):
            (fees if key[0] == key[1] else tiers).append(newest[key])
    if any(tier["from"] != before["to"] for before, tier in pairwise(tiers)) or len(fees) > 1:
        raise Unsupported("several price models, or tiers that overlap, added up for one quantity")
    if any(fee["beat"] != fee["per"] for fee in fees):
        raise Unsupported("a set-up fee of part of a beat")
    steps = [_openrate_step(case, tier) for tier in tiers]
    beyond = _thousandths(tiers[-1]["to"]) if tiers else 0
    steps.append(Step(beyond, Decimal(0), 1, 1))  # the peer prices nothing above its last tier
    return _rate(steps, kind=UsageKind.EVENT, connection_fee=Decimal(fees[0]["price"]) if fees else Decimal(0))


def _openrate_step(case: Case, tier: Case) -> Step:
    """Tiers are blocks of a beat; flat ones are proportional; of events each one has the price."""
    per, beat = THOUSANDTHS * tier["per"], THOUSANDTHS * tier["beat"]
    if case["semantics"] == "OR-FLAT":
        beat = 1
    if case["semantics"] == "OR-EVENT":
        per = beat = THOUSANDTHS
    return Step(_thousandths(tier["from"]), Decimal(tier["price"]), per, beat)


def _openrate_packets(case: Case) -> Answers:
    """Two stretches of time with a price list each: a call across the border of two bands."""
    tariff, call = case["tariff"], case["call"]
    borders = {"beat_rounding": BandBorder.CARRY, "plain": BandBorder.SPLIT}
    if tariff["time_splitting"].startswith("none"):  # the peer charges both ends of a call: two parties, two prices
        costs = [_openrate_whole(case, packet["models"])["cost"] for packet in tariff["time_packets"]]
        return {"cost": sum(costs, Decimal(0))}
    first, second = tariff["time_packets"]
    start = SOME_DAY - timedelta(seconds=first["seconds"])
    calendar = Calendar("c", "UTC", "", (BandRule("later", frozenset(range(1, 8)), SOME_DAY.time(), time(0)),))
    rates = []
    for packet, band in ((first, ""), (second, "later")):
        (tier,) = packet["steps"]
        rates.append(_rate([Step(0, Decimal(tier["price"]), tier["per"], tier["beat"])], band=band))
    product = _tariff(rates, calendar="c", band_border=borders[tariff["time_splitting"]])
    return {"cost": _amount(_one(_snapshot(product, calendars=[calendar]), _call(call["quantity"], at=start)))}


# --- BillRun ----------------------------------------------------------------------------------------------------------


def _billrun_steps(tiers: Sequence[Case], scale: int = 1) -> list[Step]:
    """Tiers by their widths, one after the other; a started interval is charged whole unless the tier says not."""
    steps, reached = [], Decimal(0)
    for tier in tiers:
        interval = Decimal(tier["interval"]) * scale
        increment = interval if tier.get("ceil", True) else 1
        steps.append(Step(_units(reached), Decimal(tier["price"]), _units(interval), _units(increment)))
        if tier["to"] is None:
            return steps
        reached += (Decimal(tier["to"]) - Decimal(tier["from"])) * scale
    return [*steps, Step(_units(reached), Decimal(0), 1, 1)]  # beyond the last tier nothing is charged


def _units(value: object) -> int:
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise Unsupported("quantities that are not whole")
    return int(number)


def _br_tiered(case: Case) -> Answers:
    fee = Decimal(case["tariff"]["access_price"])
    rate = _rate(_billrun_steps(case["tariff"]["steps"], THOUSANDTHS), kind=UsageKind.EVENT, connection_fee=fee)
    usage = _units_of(UsageKind.EVENT, _thousandths(case["call"]["quantity"]))
    return {"cost": _amount(_one(_snapshot(_tariff([rate], origin=IncrementOrigin.STEP)), usage))}


def _br_bundle(case: Case) -> Answers:
    tariff, events = case["tariff"], case["events"]
    names = {name: str(number) for number, name in enumerate(tariff["rates"], 1)}
    kind = UsageKind.DATA if "data" in case["family"] else UsageKind.CALL
    lines = list(dict.fromkeys(event.get("line", 1) for event in events))
    scale = _scale([event["usage"] for event in events] + [bundle["value"] for bundle in tariff["bundles"]])
    allowances, grants, holders = _bundles(tariff["bundles"], lines, kind, scale)
    starts = [bundle["valid_from"] for bundle in tariff["bundles"] if "valid_from" in bundle]
    base = _instant(starts[0]) if starts else SOME_DAY
    counters, answers = Counters(), []
    # in the order of the case: its state carries from one to the next
    for minute, event in enumerate(events):
        rates = [_bundle_rate(name, tiers, names, event, kind, scale) for name, tiers in tariff["rates"].items()]
        prices = _tariff(rates, origin=IncrementOrigin.STEP)
        snapshot = _snapshot(
            prices, allowances=allowances, grants=grants, lines=holders, cost=_wholesale(case, names),
            adjustment=Adjustment(Decimal(event.get("percentage", 1)) * 100 - 100),
        )  # fmt: skip
        at = _instant(event["at"]) if "at" in event else base + timedelta(minutes=minute)
        usage = _call(
            _units(Decimal(event["usage"]) * scale), at=at, number=names[event["rate"]], line_id=event.get("line", 1)
        )
        if kind is not UsageKind.CALL:
            usage = replace(usage, kind=kind, units=usage.talk_s, talk_s=0)
        if "prepriced" in event:
            usage = replace(usage, operator_micros=_micros(event["prepriced"]))
        (part,) = CompiledSnapshot(snapshot).rate(usage, counters)
        answer: Answers = {"in_bundle": Decimal(part.covered_s) / scale, "cost": _amount(part)}
        if "categories" in event and part.cost_micros is not None:
            answer["wholesale"] = Decimal(part.cost_micros).scaleb(-6)
        answers.append(answer)
    return {"events": answers}


def _scale(quantities: Sequence[object]) -> int:
    """1 while all are whole, else thousandths."""
    whole = all(Decimal(str(value)) == Decimal(str(value)).to_integral_value() for value in quantities)
    return 1 if whole else THOUSANDTHS


def _bundle_rate(
    name: str, tiers: Sequence[Case], names: dict[str, str], event: Case, kind: UsageKind, scale: int
) -> Rate:
    """A product's price list, or the price that the sender printed."""
    if "prepriced" in event:
        return _rate((), prefix=names[name], zone=name, kind=kind, coefficient=Decimal(1))
    return _rate(_billrun_steps(tiers, scale), prefix=names[name], zone=name, kind=kind)


def _micros(amount: str) -> int:
    return _units(Decimal(amount).scaleb(6))


def _wholesale(case: Case, names: dict[str, str]) -> Tariff | None:
    """The price of the same event in another category, as the operator's cost."""
    rates = [
        _rate(
            _billrun_steps(case["tariff"]["rates"][event["categories"]["wholesale"]["rate"]]),
            prefix=names[event["rate"]],
        )
        for event in case["events"]
        if "categories" in event
    ]
    return _tariff(rates, tariff_id=2, origin=IncrementOrigin.STEP) if rates else None


def _bundles(
    bundles: Sequence[Case], lines: Sequence[int], kind: UsageKind, scale: int
) -> tuple[list[Allowance], list[AllowanceGrant], list[int]]:
    """A pool is granted to each line that brings its share, also those that never call; a quantity counts as grants."""
    holders = [*lines, *range(-1, -1 - max((known.get("lines_with_bundle", 0) for known in bundles), default=0), -1)]
    allowances, grants = [], []
    for number, bundle in enumerate(bundles, 1):
        owner = BUNDLE_OWNERS[bundle["owner"]]
        money = bundle["unit"] == "money"
        counted = Counted.MONEY if money else Counted.OCTETS if kind is UsageKind.DATA else Counted.SECONDS
        quantity = _micros(bundle["value"]) if money else _units(Decimal(bundle["value"]) * scale)
        zones, priority = frozenset(bundle["rates"]), bundle["priority"]
        allowances.append(Allowance(number, bundle["name"], bundle["name"], quantity, zones, owner, priority, counted))
        start = _instant(bundle["valid_from"]) if "valid_from" in bundle else None
        end = _instant(bundle["valid_to"]) if "valid_to" in bundle else None
        owners = [(OwnerKind.LINE, line_id) for line_id in lines]
        if owner is AllowanceOwner.POOL:
            owners = [(OwnerKind.LINE, line_id) for line_id in holders[: bundle["lines_with_bundle"]]]
        elif owner is AllowanceOwner.ACCOUNT:
            owners = [(OwnerKind.ACCOUNT, ACCOUNT)]
        times = bundle.get("quantity", 1)
        grants += [AllowanceGrant(*known, number, start, end) for known in owners for _ in range(times)]
    return allowances, grants, holders


BUNDLE_OWNERS = {
    "subscriber": AllowanceOwner.LINE,
    "account": AllowanceOwner.ACCOUNT,
    "account_pool": AllowanceOwner.POOL,
}


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


# --- Yeti, rate-o-mat -------------------------------------------------------------------------------------------------


def _yeti(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    answers: Answers = {}
    for side, price in (("customer", "customer_price_no_vat"), ("vendor", "vendor_price")):
        terms = tariff[side]
        steps = _first_next(
            terms["initial_rate_per_min"], 60, terms["initial_interval_s"], terms["next_interval_s"],
            terms["next_rate_per_min"],
        )  # fmt: skip
        due = call.get("sent_to_vendor", True) and (side == "vendor" or call.get("is_last_attempt", True))
        fee = Decimal(terms.get("attempt_fee", "0")) if due else Decimal(0)
        rate = _rate(steps, connection_fee=Decimal(terms["connect_fee"]), attempt_fee=fee)
        product = _tariff([rate], rounding=tariff.get(f"{side}_rounding"))
        included, grants = [], []
        if side == "customer" and call.get("covered_by_package"):  # a package of as much as one likes
            included = [Allowance(1, "P", "P", None, frozenset({"Z"}), AllowanceOwner.ACCOUNT, as_billed=True)]
            grants = [AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, 1, None, None)]
        counters, usage = Counters(), _call(call["duration_s"], answered=call.get("answered", True))
        (part,) = CompiledSnapshot(_snapshot(product, allowances=included, grants=grants)).rate(usage, counters)
        drawn = sum(counters.used_s.values())  # the duration of a covered call is what it draws
        answers |= {price: _amount(part), f"{side}_duration_s": drawn if included else part.billed_s}
    return answers


def _rateomat(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    if "balance_intervals_opened" in case["expect"] or "hourly_intervals" in case["expect"]:
        return _rateomat_balance(case)
    if "offpeak" in tariff:
        return _rateomat_bands(case)
    answers: Answers = dict.fromkeys(PARTIES, Decimal(0))  # a party without a contract pays nothing
    for name, terms in tariff.items():
        if isinstance(terms, dict):
            part = _one(_rateomat_world(name, terms, call), _call(call["duration_s"]))
            answers[name] = _amount(part)
            if "free_time_s" in terms:
                answers["free_time_used_s"] = part.covered_s
    return answers


def _rateomat_balance(case: Case) -> Answers:
    """What a call leaves of a balance, month by month; or hour by hour of the day, when the account is opened."""
    tariff, call = case["tariff"], case["call"]
    zone = call.get("timezone", "UTC")
    if "call_start" in call:
        at = datetime.fromisoformat(call["call_start"]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        opened = datetime.fromisoformat(call["account_created"]).replace(tzinfo=ZoneInfo(zone))
        from_at, every = opened.replace(hour=0, minute=0).astimezone(UTC), Every.HOUR
    else:
        told_start = re.fullmatch(r"last second of month( -1 s)? \+ 0\.(\d{3})", call["start"])
        assert told_start is not None
        early = timedelta(seconds=2 if told_start[1] else 1) - timedelta(milliseconds=int(told_start[2]))
        from_at = at = datetime(2024, 2, 1, tzinfo=UTC) - early
        every = Every.MONTH
    part = _one(_rateomat_world("caller_customer", tariff["caller_customer"], call), _call(call["duration_s"], at=at))
    assert part.amount_micros is not None
    end_at = at + timedelta(seconds=part.usage.talk_s)
    periods = statement(
        [Movement(end_at, -part.amount_micros)], from_at=from_at, to_at=end_at + timedelta.resolution, every=every,
        zone=zone, opening_micros=_micros(call.get("cash", "0")),
    )  # fmt: skip
    told = []
    for period in periods:
        first, last = (
            instant.astimezone(ZoneInfo(zone)) for instant in (period.from_at, period.to_at - timedelta(seconds=1))
        )
        told.append(f"{first:%H:%M}-{last:%H:%M:%S} cash {Decimal(period.closing_micros).scaleb(-6):f}")
    return {
        "caller_customer": _amount(part),
        "cash_after": Decimal(periods[-1].closing_micros).scaleb(-6), "balance_intervals_opened": len(periods),
        "hourly_intervals": [text.replace(".000000", "") for text in told],
    }  # fmt: skip


def _rateomat_bands(case: Case) -> Answers:
    """Peak and off-peak price lists; the band is looked up at the start of each block, the surcharge at the answer."""
    tariff, call = case["tariff"], case["call"]
    rules = tuple(BandRule("offpeak", frozenset(range(1, 8)), *ends) for ends in _offpeak(tariff["offpeak"]))
    at = datetime.combine(SOME_DAY.date(), time.fromisoformat(call["start"]), UTC)
    answers: Answers = {}
    for name in ("caller_customer", "caller_reseller"):
        rates = []
        for band, key in (("", "onpeak"), ("offpeak", "offpeak")):
            terms = tariff[name][key]
            steps = _first_next(
                terms["init_price_per_s"], 1, terms["init_interval_s"], terms["follow_interval_s"],
                terms["follow_price_per_s"],
            )  # fmt: skip
            second, price = tariff[name].get("extra_second", {}).get(key, (-1, "0"))
            rates.append(_rate(steps, band=band, surcharge=Decimal(price), surcharge_at_s=second + 1))
        bands = _tariff(
            rates, calendar="c", band_border=BandBorder.CARRY, first_block_once=True,
            rounding={"mode": "half_up", "decimals": 4},
        )  # fmt: skip
        snapshot = _snapshot(bands, calendars=[Calendar("c", "UTC", "", rules)])
        answers[f"{name}_total"] = _amount(_one(snapshot, _call(call["duration_s"], at=at)))
    return answers


def _offpeak(texts: Sequence[str]) -> Iterator[tuple[time, time]]:
    """« every day 00:00:00-07:59:59 » to the end of that second; « 08:01 » is a minute."""
    for text in texts:
        found = re.search(r"(\d\d:\d\d:\d\d)-(\d\d:\d\d:\d\d)", text)
        clock = re.match(r"\d\d:\d\d", text)
        if found is None and clock is not None:
            start = datetime.combine(SOME_DAY.date(), time.fromisoformat(clock[0]))
            yield start.time(), (start + timedelta(minutes=1)).time()
        elif found is not None and found[2] == "24:00:00":
            yield time.fromisoformat(found[1]), time(0)
        elif found is not None:
            end = datetime.combine(SOME_DAY.date(), time.fromisoformat(found[2])) + timedelta(seconds=1)
            yield time.fromisoformat(found[1]), end.time()


def _rateomat_world(name: str, terms: Case, call: Case) -> Snapshot:
    """One party's contract; its free seconds, or the free cash of a customer who pays later, are allowances."""
    steps = _first_next(
        terms["init_price_per_s"], 1, terms["init_interval_s"], terms["follow_interval_s"], terms["follow_price_per_s"]
    )
    rate = _rate(steps)
    if terms.get("extra_second") is not None:  # due when the call goes beyond that second
        rate = rate._replace(surcharge=Decimal(terms["extra_price"]), surcharge_at_s=terms["extra_second"] + 1)
    included = []
    if "free_time_s" in terms:
        included = [Allowance(1, "F", "F", terms["free_time_s"], frozenset({"Z"}), AllowanceOwner.ACCOUNT)]
    elif "customer" in name and not call.get("prepaid") and "free_cash" in call:
        cash = _micros(call["free_cash"])
        included = [Allowance(1, "F", "F", cash, frozenset({"Z"}), AllowanceOwner.ACCOUNT, counted=Counted.MONEY)]
    grants = [AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, 1, None, None)] if included else []
    return _snapshot(_tariff([rate]), allowances=included, grants=grants)


PARTIES = ("caller_customer", "callee_customer", "caller_reseller", "callee_reseller")


# --- derived and industry ---------------------------------------------------------------------------------------------


def _a2b(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    steps = _first_next(tariff["rate_per_min"], 60, tariff["init_block_s"], tariff["billing_block_s"])
    rate = _rate(
        steps,
        connection_fee=Decimal(tariff.get("connect_charge", "0")),
        minimum=Decimal(tariff.get("minimal_call_cost", "0")),
        added_s=int(tariff.get("additional_grace_s", "0")),
        raised_above_s=int(tariff.get("rounding_threshold_s", "0")),
        raised_to_s=int(tariff.get("rounding_calltime_s", "0")),
        **_a2b_surcharge(tariff),
    )
    allowances, grants = [], []
    if "free_seconds" in tariff:
        allowances = [Allowance(1, "F", "F", tariff["free_seconds"], frozenset({"Z"}), AllowanceOwner.ACCOUNT)]
        grants = [AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, 1, None, None)]
    product = _tariff([rate], rounding=tariff.get("rounding"), origin=IncrementOrigin.ZERO)
    return _whole(_snapshot(product, allowances=allowances, grants=grants), call["duration_s"])


def _a2b_surcharge(tariff: Case) -> dict[str, Any]:
    """A charge at the end of calls that last long enough, or one for each full block of time."""
    if "additional_block_charge" in tariff:
        every = int(tariff["additional_block_charge_time_s"])
        charge = Decimal(tariff["additional_block_charge"])
        return {"surcharge": charge, "surcharge_at_s": every, "surcharge_every_s": every}
    after = int(tariff.get("disconnect_charge_after_s", "0"))
    return {"surcharge": Decimal(tariff.get("disconnect_charge", "0")), "surcharge_at_s": after}


def _astpp(case: Case) -> Answers:
    tariff = case["tariff"]
    rate = _rate(
        _first_next(tariff["rate_per_min"], 60, tariff["initial_block_s"], tariff["increment_s"]),
        connection_fee=Decimal(tariff["connect_cost"]),
        free_s=tariff["included_seconds"],
    )
    return _whole(_snapshot(_tariff([rate], rounding=tariff.get("rounding"))), case["call"]["duration_s"])


def _std(case: Case) -> Answers:
    tariff = case["tariff"]
    steps = _first_next(tariff.get("rate_per_min", "0"), 60, tariff["first_increment_s"], tariff["next_increment_s"])
    return _whole(_snapshot(_tariff([_rate(steps)])), case["call"]["duration_s"])


def _cnxcc(case: Case) -> Answers:
    tariff = case["tariff"]
    steps = _first_next(tariff["cost_per_s"], 1, tariff["initial_pulse_s"], tariff["final_pulse_s"])
    rate = _rate(steps, connection_fee=Decimal(tariff["connect"]))
    return _whole(_snapshot(_tariff([rate])), case["call"]["duration_s"])


def _pyfb(case: Case) -> Answers:
    """Durations in milliseconds; a whole number of seconds is what its blocks are made of."""
    tariff, call = case["tariff"], case["call"]
    block = THOUSANDTHS * tariff["increment_s"]
    steps = [Step(0, Decimal(tariff["sell_rate_per_min"]), THOUSANDTHS * 60, block)]
    rate = _rate(steps, kind=UsageKind.EVENT, connection_fee=Decimal(tariff["connect_fee"]))
    milliseconds = call["duration_ms"] if "duration_ms" in call else _thousandths(call["duration_s"])
    return {"cost": _amount(_one(_snapshot(_tariff([rate])), _units_of(UsageKind.EVENT, milliseconds)))}


def _freeside(case: Case) -> Answers:
    tariff = case["tariff"]
    if "min_charge_per_call" in tariff:
        rate = _rate([], connection_fee=Decimal(tariff["min_charge_per_call"]))
    else:
        steps = [Step(0, Decimal(tariff["min_charge_per_min"]), 60, tariff["sec_granularity"])]
        rate = _rate(steps, connection_fee=Decimal(tariff["conn_charge"]), free_s=tariff["conn_sec"])
    return _whole(_snapshot(_tariff([rate], rounding=tariff.get("rounding"))), case["call"]["duration_s"])


def _a2b_progressive(case: Case) -> Answers:
    """Two cycles with a charge each, then the base rate; the second charge is due from the second cycle on."""
    tariff = case["tariff"]
    first, second = tariff["time_a_s"], tariff["time_a_s"] + tariff["time_b_s"]
    steps = [
        Step(0, Decimal(tariff["charge_a_per_min"]), 60, tariff["block_a_s"]),
        Step(first, Decimal(tariff["charge_b_per_min"]), 60, tariff["block_b_s"]),
        Step(second, Decimal(tariff["rate_per_min"]), 60, tariff["billing_block_s"]),
    ]
    rate = _rate(
        steps, connection_fee=Decimal(tariff["stepcharge_a"]), surcharge=Decimal(tariff["stepcharge_b"]),
        surcharge_at_s=first + 1,
    )  # fmt: skip
    return {"cost": _amount(_one(_snapshot(_tariff([rate])), _call(case["call"]["duration_s"])))}


def _whole(snapshot: Snapshot, duration: object) -> Answers:
    part = _one(snapshot, _call(duration))
    return {"cost": _amount(part), "billed_seconds": part.billed_s}


ADAPTERS: dict[str, Callable[[Case], Answers]] = {
    "CGR": _cgr,
    "OR-TIERED": _openrate,
    "OR-THRESHOLD": _openrate,
    "OR-FLAT": _openrate,
    "OR-EVENT": _openrate,
    "BR-TIERED": _br_tiered,
    "BR-BUNDLE": _br_bundle,
    "YETI": _yeti,
    "ROM": _rateomat,
    "A2B": _a2b,
    "A2B-PROG": _a2b_progressive,
    "ASTPP": _astpp,
    "STD": _std,
    "CNXCC": _cnxcc,
    "PYFB": _pyfb,
    "FREESIDE": _freeside,
}
