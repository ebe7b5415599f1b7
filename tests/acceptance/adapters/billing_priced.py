"""Billing cases about what a period costs beyond its subscriptions: usage, discounts, commitments, thresholds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from ardoise.core import periods
from ardoise.core.commitments import Commitment, Thresholds, progressive_minor, true_up
from ardoise.core.coverage import Billed
from ardoise.core.discounts import Discount, SharePrecision, Target, shares
from ardoise.core.metering import Aggregation, Meter, Reading, Tier, measured, metered_due, readings_in
from ardoise.core.money import (
    MICROS_PER_MINOR,
    fraction_to_minor,
    micros_to_minor,
    minor_to_decimal,
    round_fraction,
)
from ardoise.core.periods import BillingMode, Cycle, Interval, Period
from ardoise.core.recurring import charges_due
from ardoise.core.tariffs import Tiers
from ardoise.core.tax_rounding import TaxRounding, tax_minor

from .billing_rated import percentages
from .billing_world import (
    MONTH,
    Case,
    Unsupported,
    billed,
    cents,
    day,
    document,
    grid,
    mode_of,
    money,
    optional_day,
    subscription,
    total,
)

SOME_MONTH = Period(date(2026, 10, 1), date(2026, 11, 1))
MODES = {"all_tiers": Tiers.GRADUATED, "graduated": Tiers.GRADUATED, "top_tier": Tiers.VOLUME, "volume": Tiers.VOLUME}
CENTS = 100  # of a unit of currency


def amount_text(amount: Fraction) -> str:
    return str(minor_to_decimal(fraction_to_minor(amount)))


# --- meters -------------------------------------------------------------------------------------------------------


def blocks(inputs: Case) -> Meter:
    """Kill Bill's tiers: a maximum in blocks, a price a block; or a maximum and the price of the whole tier."""
    tiers, reached = [], 0
    for row in inputs["tiers"]:
        if "max" in row:
            tiers.append(Tier(row["max"], Decimal(row["price"])))
            continue
        size, most = row["block_size"], row["max_blocks"]
        reached = reached + size * most if most else reached
        tiers.append(Tier(reached if most else None, Decimal(row["price"]), per=size, block=size))
    if "max" in inputs["tiers"][0]:
        return Meter(tuple(tiers), Tiers.PACKAGE, aggregation=Aggregation.MAX)
    return Meter(tuple(tiers), MODES[inputs["mode"]])


def tiered_usage(case: Case) -> Case:
    inputs = case["inputs"]
    meter, quantity = blocks(inputs), inputs["quantity"]
    slices, wanted = meter.slices(quantity), case["expected"].get("tier_amounts", [])
    return {
        "tier_amounts": [
            _written(part.amount, like) for part, like in zip(slices, [*wanted, *["0.00"] * len(slices)], strict=False)
        ],
        "total": _written(meter.price(quantity), case["expected"].get("total", "0.00")),
    }


def _written(amount: Fraction, like: str) -> str:
    """An exact amount with as many decimals as the peer writes."""
    decimals = max(0, -int(Decimal(like).as_tuple().exponent))
    scaled = amount * 10**decimals
    if scaled.denominator != 1:
        raise AssertionError(f"{amount} has more than {decimals} decimals")
    return str(Decimal(scaled.numerator).scaleb(-decimals))


def usage_price(case: Case) -> Case:
    inputs = case["inputs"]
    model = inputs["model"]
    if model == "percentage":
        return percentages(inputs)
    if model == "graduated_percentage":  # money is counted in cents, a percentage is a price a hundred
        tiers = tuple(
            Tier(row["to"] and row["to"] * CENTS, Decimal(row["percent"]) / 100, per=CENTS, flat=_flat(row))
            for row in inputs["tiers"]
        )
        meter = Meter(tiers)
        return {"fees": [amount_text(meter.price(_in_cents(amount))) for amount in inputs["amounts"]]}
    # units are whole in the product: those of the case are counted in as small a part as it writes
    quantities = [Decimal(str(units)) for units in inputs["units"]]
    parts = 10 ** max(0, *(-int(quantity.as_tuple().exponent) for quantity in quantities))
    meter = _meter_of(model, inputs, parts)
    return {"amounts": [amount_text(meter.price(int(quantity * parts))) for quantity in quantities]}


def _flat(row: Case) -> Decimal:
    return Decimal(row.get("flat", 0))


def _meter_of(model: str, inputs: Case, parts: int) -> Meter:
    if model == "package":
        size = inputs["package"] * parts
        return Meter((Tier(None, Decimal(inputs["price"]), per=size, block=size),), free=inputs.get("free", 0) * parts)
    if model == "standard":
        price = inputs.get("unit_price") or inputs.get("unit") or inputs["price"]
        return Meter((Tier(None, Decimal(price), per=parts),))
    if model not in MODES:
        raise Unsupported(f"no price by « {model} »")
    return Meter(
        tuple(
            Tier(row["to"] and row["to"] * parts, Decimal(row.get("unit", 0)), per=parts, flat=_flat(row))
            for row in inputs["tiers"]
        ),
        MODES[model],
    )


def _in_cents(amount: str) -> int:
    return fraction_to_minor(Fraction(amount))


# --- usage by period ----------------------------------------------------------------------------------------------


def points_of(rows: Sequence[Sequence[object]]) -> list[Reading]:
    return [Reading(day(str(row[0])), int(str(row[1])), str(number)) for number, row in enumerate(rows)]


def usage_period(case: Case) -> Case:
    inputs = case["inputs"]
    meter = blocks(inputs)
    found, readings = _periods_and_points(inputs)
    zero_lines = (case.get("policy") or {}).get("zero_usage_line") == "emitted"
    if "cancelled" in inputs:  # usage of the day of the end is that service's there: a service of one day more
        found = [Period.of(period.start, period.end, Interval.INCLUSIVE) for period in found]
    charges = metered_due(1, meter, found, readings, zero_lines=zero_lines)
    by_start = {charge.period_from: charge for charge in charges}
    amounts = [money(cents(by_start[period.start].billed)) if period.start in by_start else "0" for period in found]
    if (case["expected"].get("amounts") or ["0.00"])[0].isdecimal():  # whole units there
        amounts = [str(int(Decimal(text))) for text in amounts]
    return {"amounts": amounts, "amount": amounts[0], "points_used": len(readings_in(readings, found[0]))}


def _periods_and_points(inputs: Case) -> tuple[list[Period], list[Reading]]:
    """Points with their days, or lists of quantities, one a period."""
    if "points" in inputs:
        rows = inputs.get("periods") or [inputs["period"]]
        return [Period(day(start), day(end)) for start, end in rows], points_of(inputs["points"])
    groups = inputs["points_by_period"] if "points_by_period" in inputs else inputs["periods"]
    cycle = Cycle.anniversary(MONTH, SOME_MONTH.start)
    found = [cycle.period(index) for index in range(len(groups))]
    readings = [Reading(period.start, qty) for period, group in zip(found, groups, strict=True) for qty in group]
    return found, readings


def usage_rerun(case: Case) -> Case:
    inputs = case["inputs"]
    meter = Meter((Tier(None, Decimal(inputs["unit_price"])),))
    already = Billed(
        f"meter:1:{SOME_MONTH.start}", *_bounds(SOME_MONTH), _in_cents(inputs["already_invoiced"]) * MICROS_PER_MINOR
    )
    readings = [Reading(SOME_MONTH.start, inputs["quantity"])]
    found = metered_due(1, meter, [SOME_MONTH], readings, already=[already])
    return {"new_items": [money(cents(charge.billed)) for charge in found]}


def _bounds(period: Period) -> tuple[date, date]:
    return period.start, period.end


def usage_window(case: Case) -> Case:
    """A service ended and made again the same day: on whatever day its usage lies, it is billed once."""
    usage = case["inputs"]["usage"]
    meter = Meter((Tier(None, Decimal("0.01")),))
    change = SOME_MONTH.start + timedelta(days=14)
    before, after = Period(SOME_MONTH.start, change), Period(change, SOME_MONTH.end)
    sums = set()
    for used_on in (change - timedelta(days=1), change, change + timedelta(days=1)):
        reading = [Reading(used_on, usage)]
        charges = [*metered_due(1, meter, [before], reading), *metered_due(2, meter, [after], reading)]
        sums.add(sum(cents(charge.billed) for charge in charges))
    (once,) = sums
    return {"total_usage_billed": once}


def local_usage(case: Case) -> Case:
    """Usage printed in local time belongs to the local day, and the day to its month."""
    inputs, zone = case["inputs"], periods.zone_info(case["inputs"]["tz"])
    instants = [datetime.fromisoformat(text).replace(tzinfo=zone).astimezone() for text in inputs["local_points"]]
    readings = [Reading(periods.local_date(at, inputs["tz"]), 1) for at in instants]
    cycle = Cycle.anniversary(MONTH, day(inputs["reference_date"]))
    found = [cycle.period(index) for index in range(len(case["expected"]["quantities"]))]
    return {
        "quantities": {
            periods.month_of(period.start): measured(readings_in(readings, period), Aggregation.SUM) for period in found
        }
    }


# --- discounts ----------------------------------------------------------------------------------------------------

PEER_DECIMALS = 5  # of a cent: what that peer keeps of each share of a coupon


def tax_with_coupons(case: Case) -> Case:
    inputs = case["inputs"]
    fees = inputs["fees"]
    rates = [Decimal(rate) for rate in inputs.get("tax_percents", [20] * len(fees))]
    policy = case["scope"] == "policy"
    exact = policy and any(isinstance(share, str) for share in case["expected"].get("coupon_shares", ()))
    targets = [Target(str(index), str(index), fee, SOME_MONTH.start) for index, fee in enumerate(fees)]
    found = shares(
        _coupons(inputs),
        targets,
        cycle=periods.MONTHLY,
        precision=SharePrecision.EXACT if exact else SharePrecision.CENT,
    )
    by_item = [[share.exact_minor for share in found if share.target is target] for target in targets]
    net = [fee - sum(parts, Fraction(0)) for fee, parts in zip(fees, by_item, strict=True)]
    rounding = TaxRounding.ONCE if policy else TaxRounding.PER_RATE
    taxes = tax_minor(list(zip(net, rates, strict=True)), rounding)
    used = round_fraction(sum((share.exact_minor for share in found), Fraction(0)))
    return {
        "coupon_shares": [_peer_share(parts) if exact else int(sum(parts)) for parts in by_item],
        "fees": sum(fees),
        "coupons": used,
        "coupon_used": used,
        "sub_total": sum(fees) - used,
        "taxes": taxes,
        "total": sum(fees) - used + taxes,
    }


def _peer_share(parts: Sequence[Fraction]) -> str:
    """Shares as that peer writes them: each rounded to its decimals, then added."""
    scale = 10**PEER_DECIMALS
    return str(Decimal(sum(round_fraction(part * scale) for part in parts)).scaleb(-PEER_DECIMALS))


def _coupons(inputs: Case) -> list[Discount]:
    if "coupon" in inputs:  # "> 20000": more than that
        over = int(re.sub(r"\D", "", str(inputs["coupon"]))) + 1
        return [_coupon(1, over, "all")]
    return [
        _coupon(number, row.get("amount", 0), row.get("items", "all"), percentage=Decimal(str(row.get("percent", 0))))
        for number, row in enumerate(inputs["coupons"], start=1)
    ]


def _coupon(number: int, amount_minor: int, items: Sequence[int] | str, percentage: Decimal = Decimal(0)) -> Discount:
    return Discount(
        discount_id=number,
        code=f"C{number}",
        label="Remise",
        valid_from_date=SOME_MONTH.start,
        percentage=percentage,
        amount=minor_to_decimal(amount_minor),
        products=frozenset() if items == "all" else frozenset(str(index) for index in items),
    )


# --- commitments --------------------------------------------------------------------------------------------------


def commitment_of(amount_minor: int, start: date, end: date | None = None) -> Commitment:
    return Commitment(1, "M", "Minimum", minor_to_decimal(amount_minor), start, end)


def minimum_commitment(case: Case) -> Case:
    """The true-up of each period that the case gives usage of; one without usage if it gives none."""
    inputs = case["inputs"]
    start = optional_day(inputs, "start") or SOME_MONTH.start
    last = optional_day(inputs, "terminate")
    end = last and Period.of(start, last, Interval.INCLUSIVE).end
    cycle = grid({"period": "P1M", **inputs}, start=start)
    item = subscription(inputs["price"], start, end, mode=mode_of(inputs))
    commitment = commitment_of(inputs["commitment"], start, end)
    usage = inputs.get("usage", 0)
    usage = usage if isinstance(usage, list) else [usage]
    history: list[Billed] = []
    fees, lacking = [], []
    for period, used in zip(periods.service_periods(cycle, start=start, end=end), usage, strict=False):
        history += billed(charges_due(item, cycle=cycle, as_of_date=period.end, already=history))
        own = [line.amount_micros for line in history if line.period_from in period]
        missing = true_up(commitment, period=period, cycle=cycle, counted_micros=[*own, used * MICROS_PER_MINOR])
        fees.append(sum(micros_to_minor(micros) for micros in own))
        lacking.append(missing.amount_minor if missing else 0)
    return {"fee": fees[0], "true_up": lacking[0], "true_ups": lacking, "total": fees[0] + usage[0] + lacking[0]}


def minimum_spend(case: Case) -> Case:
    """A minimum on one metered product, prorated to the days of the service; the prepaid days left are credited."""
    inputs = case["inputs"]
    start, cycle, rate = day(inputs["start"]), Cycle.calendar(MONTH), inputs["tax_percent"]
    end = Period.of(start, day(inputs["terminate"]), Interval.INCLUSIVE).end
    whole, ended = (subscription(inputs["price"], start, until, mode=mode_of(inputs)) for until in (None, end))
    first = charges_due(whole, cycle=cycle, as_of_date=start)
    month = cycle.containing(end - timedelta(days=1))
    paid = [*billed(first), *billed(charges_due(whole, cycle=cycle, as_of_date=month.start, already=billed(first)))]
    unused = -total(charges_due(ended, cycle=cycle, as_of_date=end, already=paid))
    usage = inputs["usage"] if isinstance(inputs["usage"], list) else [inputs["usage"]]
    missing = true_up(
        commitment_of(inputs["minimum_spend"], start, end),
        period=month,
        cycle=cycle,
        counted_micros=[amount * MICROS_PER_MINOR for amount in usage],
    )
    lacking = missing.amount_minor if missing else 0
    final = document([(label, minor_to_decimal(amount), rate) for label, amount in
                      (*(("Usage", amount) for amount in usage), ("Minimum", lacking))]).totals  # fmt: skip
    note = document([("Jours non dus", minor_to_decimal(unused), rate)]).totals
    written = isinstance(case["expected"]["credit_note"], dict)
    return {
        "first_invoice_total": document([("Abonnement", minor_to_decimal(total(first)), rate)]).totals.gross_minor,
        "final": {"usage": sum(usage), "true_up": lacking, "tax": final.vat_minor, "total": final.gross_minor},
        "true_up": lacking,
        "fees": final.net_minor,
        "tax": final.vat_minor,
        "credit_note": {"sub": note.net_minor, "tax": note.vat_minor, "total": note.gross_minor}
        if written
        else note.gross_minor,
        "final_due": final.gross_minor - note.gross_minor,
    }


def threshold_invoice(case: Case) -> Case:
    inputs = case["inputs"]
    if "usage_steps" in inputs:
        thresholds = Thresholds(tuple(inputs["thresholds"]), inputs["recurring"])
        return {"invoices": [made or None for made in _progressive(thresholds, inputs["usage_steps"])]}
    if "units" not in inputs:
        return _threshold_then_end(inputs)
    price = Decimal(inputs["unit_price_eur"])
    steps = [fraction_to_minor(Meter((Tier(None, price),)).price(units)) for units in inputs["units"]]
    bounds = inputs["thresholds"] if "thresholds" in inputs else [inputs["threshold"]]
    thresholds = Thresholds(tuple(bounds))
    made = [amount for amount in _progressive(thresholds, steps) if amount]
    fees = sum(steps) + inputs["price"]
    period = {"fees": fees, "already_billed": sum(made), "total": fees - sum(made)}
    return {
        "threshold_invoice": made[0],
        "threshold_invoices": made,
        "period_invoice": {name: period[name] for name in case["expected"]["period_invoice"]},
    }


def _progressive(thresholds: Thresholds, steps: Sequence[int]) -> list[int]:
    made: list[int] = []
    for due in accumulate(steps):
        made.append(progressive_minor(thresholds, due_minor=due, invoiced_minor=sum(made)))
    return made


def _threshold_then_end(inputs: Case) -> Case:
    """The usage of the threshold invoice, and the part of the plan until it ended or became another one."""
    start = SOME_MONTH.start
    if inputs["month_days"] != SOME_MONTH.days:
        raise Unsupported("a month of another length")
    upgraded = "upgrade_day" in inputs
    last = start.replace(day=inputs["upgrade_day" if upgraded else "terminate_day"])
    # the peer gives the day of an end to the old plan, the day of an upgrade to the new one
    end = Period.of(start, last, Interval.HALF_OPEN if upgraded else Interval.INCLUSIVE).end
    item = subscription(inputs["price"], start, end, mode=BillingMode.IN_ARREARS)
    plan = total(charges_due(item, cycle=Cycle.calendar(MONTH), as_of_date=end))
    before = inputs["threshold_invoice"]
    return {"fees": plan + before, "already_billed": before, "total": plan}


HANDLERS: dict[str, Callable[[Case], Case]] = {
    "tiered_usage": tiered_usage,
    "usage_price": usage_price,
    "usage_period": usage_period,
    "usage_rerun": usage_rerun,
    "usage_window": usage_window,
    "tax_with_coupons": tax_with_coupons,
    "minimum_commitment": minimum_commitment,
    "minimum_spend": minimum_spend,
    "threshold_invoice": threshold_invoice,
}
