"""The loop one would write by hand: dictionaries, `zoneinfo`, Decimal, a call at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ardoise.core.calendars import french_holidays
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import OwnerKind, Snapshot
from ardoise.core.tariffs import Calendar, Rate, Tariff
from ardoise.rate.bench import world
from ardoise.rate.bench.answer import Answer
from ardoise.rate.bench.peers.common import Rated, Task
from ardoise.rate.columns.frames import READ

MICRO = Decimal("0.000001")
TOLD_EVERY = 5_000


class Loop:
    """The configuration as dictionaries, and the counters of the month."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.lines = {(known.source, known.value): known.line_id for known in snapshot.identifiers}
        self.roots = {account.account_id: account.root_id for account in snapshot.accounts}
        self.assigned: dict[int, list[tuple[datetime | None, datetime | None, int]]] = {}
        for known in snapshot.assignments:
            period = (known.valid_from_at, known.valid_to_at, known.account_id)
            self.assigned.setdefault(known.line_id, []).append(period)
        tariffs = {tariff.tariff_id: tariff for tariff in snapshot.tariffs}
        source_codes = {source.source_id: source.code for source in snapshot.sources}
        self.sold: dict[int, Tariff] = {}
        self.bought: dict[str, Tariff] = {}
        for link in snapshot.links:
            if link.owner_kind is OwnerKind.SOURCE:
                self.bought[source_codes[link.owner_id]] = tariffs[link.tariff_id]
            else:
                self.sold[link.owner_id] = tariffs[link.tariff_id]
        self.starts = {number: [v.valid_from_at for v in known.versions] for number, known in tariffs.items()}
        self.tables = {
            version.version_id: {(rate.prefix, rate.band): rate for rate in version.rates}
            for tariff in snapshot.tariffs
            for version in tariff.versions
        }
        self.calendars = {calendar.code: calendar for calendar in snapshot.calendars}
        self.zones = {calendar.code: ZoneInfo(calendar.zone) for calendar in snapshot.calendars}
        self.allowances = {known.allowance_id: known for known in snapshot.allowances}
        self.granted = {(grant.owner_kind, grant.owner_id): grant.allowance_id for grant in snapshot.grants}
        self.used_s: Counter[tuple[OwnerKind, int]] = Counter()
        self.calls: Counter[str] = Counter()
        self.amount = self.cost = Decimal(0)
        self.billed_s = self.covered_s = 0

    def band(self, calendar: Calendar, at: datetime) -> str:
        local = at.astimezone(self.zones[calendar.code])
        day = 8 if local.date() in french_holidays(calendar.holidays, local.year) else local.isoweekday()
        for rule in calendar.rules:
            if day in rule.days and rule.start <= local.time() < rule.end:
                return rule.band
        return ""

    def row(self, tariff: Tariff, key: str, at: datetime) -> Rate | None:
        version = tariff.versions[bisect_right(self.starts[tariff.tariff_id], at) - 1]
        table = self.tables[version.version_id]
        band = self.band(self.calendars[tariff.calendar], at) if tariff.calendar else ""
        for length in range(len(key), 0, -1):
            found = table.get((key[:length], band)) or table.get((key[:length], ""))
            if found is not None:
                return found
        return None

    def add(self, row: dict[str, Any]) -> None:
        at, talk_s = row[USAGE.answered_at], row[USAGE.talk_s]
        line = self.lines.get((row[USAGE.source], row[USAGE.charged] or row[USAGE.ddi]))
        if line is None:
            return
        account = next(
            account
            for from_at, to_at, account in self.assigned[line]
            if (from_at is None or from_at <= at) and (to_at is None or at < to_at)
        )
        root = self.roots[account]
        if row[USAGE.status] == "unanswered" or (row[USAGE.direction] == "in" and talk_s == 0):
            self.calls["excluded/unanswered"] += 1
            return
        if row[USAGE.direction] == "in":
            self.calls["excluded/incoming"] += 1
            return
        sold = self.sold[root]
        rate = self.row(sold, row[USAGE.number_key], at)
        if talk_s == 0 and (rate is None or not sold.bill_zero_seconds):
            self.calls["excluded/unanswered"] += 1
            return
        bought = self.bought[row[USAGE.source]]
        cost = self.row(bought, row[USAGE.number_key], at)
        if cost is not None and (talk_s or bought.bill_zero_seconds):
            self.cost += amount(bought, cost, max(talk_s, 1), fee=cost.connection_fee)[0]
        if rate is None:
            self.calls["unpriced/no_rate"] += 1
            return
        self.calls["priced"] += 1
        covered_s = self.covered(line, root, rate.zone, talk_s)
        if covered_s:
            price, billed_s = amount(sold, rate, talk_s - covered_s, fee=Decimal(0))
        else:
            price, billed_s = amount(sold, rate, max(talk_s, 1), fee=rate.connection_fee)
        self.amount += price
        self.billed_s += billed_s
        self.covered_s += covered_s

    def covered(self, line: int, root: int, zone: str, talk_s: int) -> int:
        number = self.granted.get((OwnerKind.LINE, line))
        counter = (OwnerKind.LINE, line)
        if number is None:
            number = self.granted.get((OwnerKind.ACCOUNT, root))
            counter = (OwnerKind.ACCOUNT, root)
        if number is None or zone not in self.allowances[number].zones:
            return 0
        left_s = (self.allowances[number].quantity or 0) - self.used_s[counter]
        covered_s = max(0, min(talk_s, left_s))
        self.used_s[counter] += covered_s
        return covered_s


def amount(tariff: Tariff, rate: Rate, seconds: int, *, fee: Decimal) -> tuple[Decimal, int]:
    """Price and billed seconds: steps of blocks, each counted from the end of the last."""
    moving, reached_s = Decimal(0), 0
    for step, following in zip(rate.steps, [*rate.steps[1:], None], strict=True):
        stop_s = seconds if following is None else min(seconds, following.from_s)
        if stop_s > reached_s:
            blocks = (Decimal(stop_s - reached_s) / step.increment_s).to_integral_value(ROUND_CEILING)
            billed_s = int(blocks) * step.increment_s
            moving += step.price * billed_s  # all prices are by minute: divided once, so that a half stays a half
            reached_s += billed_s
    price = fee + moving / 60
    return price.quantize(Decimal(1).scaleb(-tariff.rounding_decimals), ROUND_HALF_UP), reached_s


def rate(task: Task) -> Rated:
    """Reads the calls in order of answer, prices each, and only adds up: it writes no charge."""
    begun = perf_counter()
    loop = Loop(world.snapshot(task.shape))
    ready = perf_counter()
    for done, row in enumerate(_calls(task), 1):
        loop.add(row)
        if done % TOLD_EVERY == 0:
            task.tell(done)
    micros = [int(total / MICRO) for total in (loop.amount, loop.cost)]
    answer = Answer(dict(sorted(loop.calls.items())), micros[0], micros[1], loop.billed_s, loop.covered_s)
    return Rated(ready - begun, perf_counter() - ready, answer)


def _calls(task: Task) -> Iterator[dict[str, Any]]:
    usage = pl.scan_parquet(task.usage).select(READ)
    return usage.sort(USAGE.answered_at, USAGE.usage_id).collect().iter_rows(named=True)
