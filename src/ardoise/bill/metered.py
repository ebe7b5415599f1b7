"""Metered subscriptions -> charges: what was used in each period that is over, and what its tiers make of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ardoise.bill.adjustments import Adjusted, closed_periods
from ardoise.bill.subscribed import Subscribed
from ardoise.bill.usage_days import UsageDay
from ardoise.catalog import models as catalog
from ardoise.catalog.values import meter_of, tier_of
from ardoise.core.metering import Meter, MeteredCharge, Reading, metered_due
from ardoise.core.periods import Cycle, Period
from ardoise.core.recurring import RecurringItem


@dataclass(frozen=True, slots=True)
class Metered:
    """A metered subscription: its product, its meter, the terms and cycle that it is billed on, whose usage counts."""

    subscription: Subscribed
    product: catalog.Product
    meter: Meter
    item: RecurringItem
    cycle: Cycle
    accounts: frozenset[int]
    readings: Sequence[Reading]

    def periods(self, *, bound: date, billed_until: date | None) -> list[Period]:
        """Its periods that are over, from where billing looks back to, cut at its first and last day."""
        since = max(self.item.valid_from_date, self.subscription.not_before_date or self.item.valid_from_date)
        end = min(self.item.due.end, bound)
        # What ends within a period is billed at its end: the running period is looked at too.
        reached = self.cycle.next_after(end) if end < bound else bound
        whole = closed_periods(self.cycle, since=since, bound=max(reached, since), billed_until=billed_until)
        held = (period.within(Period(since, max(since, end))) for period in whole)
        return [period for period in held if period.days]

    def charges(self, usage: Sequence[UsageDay], periods: Sequence[Period], adjusted: Adjusted) -> list[MeteredCharge]:
        number = self.subscription.subscription_id
        readings = self.readings or list(self._usage(usage))
        return metered_due(number, self.meter, periods, readings, already=adjusted.of(f"meter:{number}:"))

    def _usage(self, usage: Sequence[UsageDay]) -> Iterator[Reading]:
        line_id = self.subscription.line_id
        for one in usage:
            mine = one.line_id == line_id if line_id is not None else one.account_id in self.accounts
            if mine and (not self.product.metered_of or one.section == self.product.metered_of):
                counted = {"seconds": one.talk_s, "calls": one.calls, "units": one.units}
                yield Reading(one.day, counted[self.product.metered])


def metered(subscriptions: Sequence[Subscribed], below: Mapping[int, frozenset[int]]) -> list[Metered]:
    """The subscriptions whose last terms are of a metered product; `below`: the accounts under each."""
    products = {product.code: product for product in catalog.Product.objects.exclude(metered="")}
    if not products:
        return []
    tiers: dict[int, list[catalog.ProductTier]] = defaultdict(list)
    for tier in catalog.ProductTier.objects.all():
        tiers[tier.product_id].append(tier)
    readings: dict[str, list[Reading]] = defaultdict(list)
    for row in catalog.MeterReading.objects.order_by("day", "key"):
        readings[row.reference].append(Reading(row.day, row.quantity, row.key))
    found = []
    for subscription in subscriptions:
        item, cycle = subscription.terms[-1]
        product = products.get(item.product_code)
        if product is not None:
            meter = _meter(product, tiers[product.pk])
            own = readings.get(subscription.reference, [])
            accounts = below[subscription.account.id]
            found.append(Metered(subscription, product, meter, item, cycle, accounts, own))
    return found


def _meter(product: catalog.Product, tiers: Sequence[catalog.ProductTier]) -> Meter:
    ordered = sorted(tiers, key=lambda tier: (tier.up_to == 0, tier.up_to))
    cells = [{name: getattr(tier, name) for name in _TIER} for tier in ordered]
    return meter_of({name: getattr(product, name) for name in _METER}, tuple(tier_of(one) for one in cells))


_TIER = ("up_to", "unit_price", "per", "block", "flat")
_METER = ("meter_mode", "meter_free", "aggregation")
