"""Translates a peer's rating case into the product's tariffs, allowances and calls, and its answers back.

It maps fields and chooses named policies (increment origin, rounding point, allowance owner); it does no arithmetic
and no rounding on amounts or durations, and knows no case by its id. What a tariff cannot say raises Unsupported with
the reason. Units of a peer's test (seconds, or bare units) are seconds here; its currency is one currency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from ardoise.core.allowances import Counters
from ardoise.core.calendars import band_at
from ardoise.core.money import Rounding
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
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
)
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind

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
    for field, reason in CGR_LATER.items():
        if field in call or (tariff and field in tariff):
            raise Unsupported(reason)
    if call.get("operation") in ("max_usage", "max_debit"):
        raise Unsupported("how long a balance lasts is prepaid")
    if call.get("unit", "second") != "second":
        raise Unsupported("usage that is not counted in seconds")
    at = datetime.fromisoformat(call["start"])
    usage = _call(call["duration_s"], at=at, number=call.get("destination", NUMBER).lstrip("+"))
    if tariff is None:
        return {"cost": _amount(_one(_snapshot(), usage))}
    if "profiles" in tariff:
        return {"cost": _amount(_one(_inherited(tariff, call["subject"]), usage))}
    bands = tariff.get("bands") or [{"start": "00:00:00", "weekdays": [*range(1, 8)], "weight": 0, **tariff}]
    calendar = _cgr_calendar(bands)
    end = at + timedelta(seconds=usage.talk_s)  # only to tell whether the case asks for a split
    if len(bands) > 1 and band_at(calendar, at) != band_at(calendar, max(at, end - timedelta(seconds=1))):
        raise Unsupported("a call split at the border of a band (a call keeps the band of its start)")
    prefixes = [prefix.lstrip("+") for prefix in call.get("tariff_prefixes", [""])]
    rates = [_cgr_rate(tariff, band, f"b{row}", prefix) for row, band in enumerate(bands) for prefix in prefixes]
    product = _tariff(rates, rounding=tariff.get("rounding"), calendar="c")
    part = _one(_snapshot(product, calendars=[calendar]), usage)
    name = bands[int(part.match.band[1:])].get("name", "") if part.match and part.match.band else ""
    return {"cost": _amount(part), "rated_duration_s": part.billed_s, "selected_band": name}


CGR_LATER = {
    "bundle": "a balance drawn in increments of its own is prepaid",
    "balances": "balances are prepaid",
    "balance": "balances are prepaid",
    "max_rate": "how long a balance lasts is prepaid",
    "is_continuation": "a slice of a prepaid session",
    "force_duration": "how long a balance lasts is prepaid",
    "rerate": "a balance drawn in increments of its own is prepaid",
}


def _cgr_calendar(bands: Sequence[Case]) -> Calendar:
    """Highest weight first, then latest start; a band holds to midnight unless one of a later start takes over."""
    if any("months" in band or "month_days" in band for band in bands):
        raise Unsupported("bands by day of the year that are not public holidays")
    order = sorted(enumerate(bands), key=lambda item: (item[1]["weight"], item[1]["start"]), reverse=True)
    rules = [
        BandRule(f"b{row}", frozenset(band["weekdays"]), time.fromisoformat(band["start"]), time(0))
        for row, band in order
    ]
    return Calendar("c", "UTC", "", tuple(rules))


def _cgr_rate(tariff: Case, band: Case, name: str, prefix: str) -> Rate:
    if "steps" not in band:
        raise Unsupported("a band without a price")
    most = band.get("max_cost") or tariff.get("max_cost")
    capped = most is not None and most["strategy"] == "free"
    steps = [Step(step["from_s"], Decimal(step["price"]), step["per_s"], step["increment_s"]) for step in band["steps"]]
    fee = Decimal(band.get("connect_fee", "0"))
    return _rate(
        steps, prefix=prefix, band=name, connection_fee=fee, maximum=Decimal(most["amount"]) if capped else None
    )


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
    if "price_group" in tariff:
        raise Unsupported("several price models added up for one call")
    if "time_packets" in tariff:
        raise Unsupported("a call split at the border of a band (a call keeps the band of its start)")
    if call.get("operation") == "max_usage":
        raise Unsupported("how long a balance lasts is prepaid")
    if Decimal(call["already_rated_offset"]) != 0:
        raise Unsupported("a slice of a session already rated in part")
    if case["semantics"] == "OR-EVENT":
        raise Unsupported("usage that is not counted in seconds")
    borders = sorted({step["valid_from"] for step in tariff["steps"]})
    ends = [datetime.fromisoformat(border).replace(tzinfo=UTC) for border in borders[1:]]
    versions = [
        TariffVersion(number, datetime.fromisoformat(border).replace(tzinfo=UTC), end, (_openrate_rate(case, border),))
        for number, (border, end) in enumerate(zip(borders, [*ends, None], strict=True), 1)
    ]
    at = datetime.fromisoformat(call["event_date"]).replace(tzinfo=UTC)
    usage = _call(call["quantity"], at=at)
    part = _one(_snapshot(_tariff([], versions=versions)), usage)
    return {"cost": _amount(part)}


def _openrate_rate(case: Case, border: str) -> Rate:
    newest: dict[tuple[int, int], Case] = {}
    for step in sorted(case["tariff"]["steps"], key=lambda step: step["valid_from"]):
        if step["valid_from"] <= border:
            newest[step["from"], step["to"]] = step
    tiers = [newest[key] for key in sorted(newest)]
    if case["semantics"] == "OR-THRESHOLD" and len(tiers) > 1:
        raise Unsupported("volume pricing: the tier that holds the whole quantity prices all of it")
    if any(tier["from"] == tier["to"] for tier in tiers):
        raise Unsupported("a set-up fee written as a tier of no width")
    if any(tier["from"] != before["to"] for before, tier in pairwise(tiers)):
        raise Unsupported("tiers that overlap or leave a gap")
    if Decimal(case["call"]["quantity"]) > tiers[-1]["to"]:
        raise Unsupported("a quantity beyond the last tier, left unpriced")
    flat = case["semantics"] == "OR-FLAT"
    steps = [Step(tier["from"], Decimal(tier["price"]), tier["per"], 1 if flat else tier["beat"]) for tier in tiers]
    return _rate(steps)


# --- BillRun ----------------------------------------------------------------------------------------------------------


def _billrun_steps(tiers: Sequence[Case]) -> list[Step]:
    steps, reached = [], 0
    for tier in tiers:
        if not tier.get("ceil", True):
            raise Unsupported("a started interval charged in part")
        start, interval = _units(tier["from"]), _units(tier["interval"])
        if start != reached:
            raise Unsupported("tiers counted by their widths")
        steps.append(Step(start, Decimal(tier["price"]), interval, interval))
        if tier["to"] is None:
            return steps
        reached = _units(tier["to"])
        if len(tiers) > 1 and reached % interval:
            raise Unsupported("a tier that is not a whole number of intervals, rounded on its own")
    return [*steps, Step(reached, Decimal(0), 1, 1)]  # beyond the last tier nothing is charged


def _units(value: object) -> int:
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise Unsupported("quantities that are not whole")
    return int(number)


def _br_tiered(case: Case) -> Answers:
    if Decimal(case["call"]["quantity"]) < 0:
        raise Unsupported("negative quantities")
    fee = Decimal(case["tariff"]["access_price"])
    rate = _rate(_billrun_steps(case["tariff"]["steps"]), connection_fee=fee)
    quantity = _units(case["call"]["quantity"])
    return {"cost": _amount(_one(_snapshot(_tariff([rate])), _call(quantity)))}


def _br_bundle(case: Case) -> Answers:
    tariff, events = case["tariff"], case["events"]
    names = {name: str(number) for number, name in enumerate(tariff["rates"], 1)}
    kind = UsageKind.DATA if "data" in case["family"] else UsageKind.CALL
    lines = list(dict.fromkeys(event.get("line", 1) for event in events))
    allowances, grants, holders = _bundles(tariff["bundles"], lines, kind)
    starts = [bundle["valid_from"] for bundle in tariff["bundles"] if "valid_from" in bundle]
    base = _instant(starts[0]) if starts else SOME_DAY
    counters, answers = Counters(), []
    # in the order of the case: its state carries from one to the next
    for minute, event in enumerate(events):
        prices = _tariff([_bundle_rate(name, tiers, names, event, kind) for name, tiers in tariff["rates"].items()])
        snapshot = _snapshot(
            prices, allowances=allowances, grants=grants, lines=holders, cost=_wholesale(case, names),
            adjustment=Adjustment(Decimal(event.get("percentage", 1)) * 100 - 100),
        )  # fmt: skip
        at = _instant(event["at"]) if "at" in event else base + timedelta(minutes=minute)
        usage = _call(_units(event["usage"]), at=at, number=names[event["rate"]], line_id=event.get("line", 1))
        if kind is not UsageKind.CALL:
            usage = replace(usage, kind=kind, units=usage.talk_s, talk_s=0)
        if "prepriced" in event:
            usage = replace(usage, operator_micros=_micros(event["prepriced"]))
        (part,) = CompiledSnapshot(snapshot).rate(usage, counters)
        answer: Answers = {"in_bundle": part.covered_s, "cost": _amount(part)}
        if "categories" in event and part.cost_micros is not None:
            answer["wholesale"] = Decimal(part.cost_micros).scaleb(-6)
        answers.append(answer)
    return {"events": answers}


def _bundle_rate(name: str, tiers: Sequence[Case], names: dict[str, str], event: Case, kind: UsageKind) -> Rate:
    """A product's price list, or the price that the sender printed."""
    if "prepriced" in event:
        return _rate((), prefix=names[name], zone=name, kind=kind, coefficient=Decimal(1))
    return _rate(_billrun_steps(tiers), prefix=names[name], zone=name, kind=kind)


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
    return _tariff(rates, tariff_id=2) if rates else None


def _bundles(
    bundles: Sequence[Case], lines: Sequence[int], kind: UsageKind
) -> tuple[list[Allowance], list[AllowanceGrant], list[int]]:
    """A pool is granted to each line that brings its share, also those that never call; a quantity counts as grants."""
    holders = [*lines, *range(-1, -1 - max((known.get("lines_with_bundle", 0) for known in bundles), default=0), -1)]
    allowances, grants = [], []
    for number, bundle in enumerate(bundles, 1):
        owner = BUNDLE_OWNERS[bundle["owner"]]
        money = bundle["unit"] == "money"
        counted = Counted.MONEY if money else Counted.OCTETS if kind is UsageKind.DATA else Counted.SECONDS
        quantity = _micros(bundle["value"]) if money else _units(bundle["value"])
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
    if "attempt_fee" in case["family"]:
        raise Unsupported("a fee for each attempt")
    if call.get("covered_by_package"):
        raise Unsupported("allowances drawn by rounded duration")
    answers: Answers = {}
    for side, price in (("customer", "customer_price_no_vat"), ("vendor", "vendor_price")):
        terms = tariff[side]
        steps = _first_next(
            terms["initial_rate_per_min"], 60, terms["initial_interval_s"], terms["next_interval_s"],
            terms["next_rate_per_min"],
        )  # fmt: skip
        rate = _rate(steps, connection_fee=Decimal(terms["connect_fee"]))
        product = _tariff([rate], rounding=tariff.get(f"{side}_rounding"))
        part = _one(_snapshot(product), _call(call["duration_s"], answered=call.get("answered", True)))
        answers |= {price: _amount(part), f"{side}_duration_s": part.billed_s}
    return answers


def _rateomat(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    if call.get("free_cash", "0") != "0" or "cash" in call or "balance_interval" in call:
        raise Unsupported("balances are prepaid")
    parties = {name: terms for name, terms in tariff.items() if isinstance(terms, dict)}
    if any("onpeak" in terms for terms in parties.values()):
        raise Unsupported("a call split at the border of a band (a call keeps the band of its start)")
    if any("extra_second" in terms for terms in parties.values()):
        raise Unsupported("a surcharge when the call reaches a second")
    if any("free_time_s" in terms for terms in parties.values()):
        raise Unsupported("allowances drawn by rounded duration")
    answers: Answers = dict.fromkeys(PARTIES, Decimal(0))  # a party without a contract pays nothing
    for name, terms in parties.items():
        steps = _first_next(
            terms["init_price_per_s"], 1, terms["init_interval_s"], terms["follow_interval_s"],
            terms["follow_price_per_s"],
        )  # fmt: skip
        answers[name] = _amount(_one(_snapshot(_tariff([_rate(steps)])), _call(call["duration_s"])))
    return answers


PARTIES = ("caller_customer", "callee_customer", "caller_reseller", "callee_reseller")


# --- derived and industry ---------------------------------------------------------------------------------------------


def _a2b(case: Case) -> Answers:
    tariff, call = case["tariff"], case["call"]
    for field, reason in A2B_LATER.items():
        if field in tariff:
            raise Unsupported(reason)
    steps = _first_next(tariff["rate_per_min"], 60, tariff["init_block_s"], tariff["billing_block_s"])
    rate = _rate(
        steps,
        connection_fee=Decimal(tariff.get("connect_charge", "0")),
        minimum=Decimal(tariff.get("minimal_call_cost", "0")),
    )
    allowances, grants = [], []
    if "free_seconds" in tariff:
        allowances = [Allowance(1, "F", "F", tariff["free_seconds"], frozenset({"Z"}), AllowanceOwner.ACCOUNT)]
        grants = [AllowanceGrant(OwnerKind.ACCOUNT, ACCOUNT, 1, None, None)]
    product = _tariff([rate], rounding=tariff.get("rounding"), origin=IncrementOrigin.ZERO)
    return _whole(_snapshot(product, allowances=allowances, grants=grants), call["duration_s"])


A2B_LATER = {
    "disconnect_charge": "a charge at the end of a call",
    "additional_block_charge": "a charge for each block of time",
    "additional_grace_s": "grace seconds added to every call",
    "rounding_calltime_s": "short calls raised to a minimum above a threshold",
}


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
    tariff, call = case["tariff"], case["call"]
    if "duration_ms" in call:
        raise Unsupported("durations under a second")
    steps = [Step(0, Decimal(tariff["sell_rate_per_min"]), 60, tariff["increment_s"])]
    rate = _rate(steps, connection_fee=Decimal(tariff["connect_fee"]))
    return _whole(_snapshot(_tariff([rate])), call["duration_s"])


def _freeside(case: Case) -> Answers:
    tariff = case["tariff"]
    if "min_charge_per_call" in tariff:
        rate = _rate([], connection_fee=Decimal(tariff["min_charge_per_call"]))
    else:
        steps = [Step(0, Decimal(tariff["min_charge_per_min"]), 60, tariff["sec_granularity"])]
        rate = _rate(steps, connection_fee=Decimal(tariff["conn_charge"]), free_s=tariff["conn_sec"])
    return _whole(_snapshot(_tariff([rate], rounding=tariff.get("rounding"))), case["call"]["duration_s"])


def _a2b_progressive(case: Case) -> Answers:
    raise Unsupported("a charge at the beginning of each step")


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
