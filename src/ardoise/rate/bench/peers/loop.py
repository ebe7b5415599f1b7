"""The loop one would write by hand: dictionaries, `zoneinfo`, Decimal, a call at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ardoise.core.calendars import french_holidays
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import OwnerKind, Snapshot
from ardoise.core.tariffs import BandBorder, Calendar, Rate, Tariff
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
        promotions = {known.promotion_id: known for known in snapshot.promotions}
        self.promoted = {
            (grant.owner_kind, grant.owner_id): promotions[grant.promotion_id] for grant in snapshot.promotion_grants
        }
        self.known: defaultdict[tuple[OwnerKind, int], set[str]] = defaultdict(set)
        self.windows_s: Counter[int] = Counter()
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

    def row(self, tariff: Tariff, key: str, at: datetime, *, band_at: datetime | None = None) -> Rate | None:
        version = tariff.versions[bisect_right(self.starts[tariff.tariff_id], at) - 1]
        table = self.tables[version.version_id]
        band = self.band(self.calendars[tariff.calendar], band_at or at) if tariff.calendar else ""
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
        self.price(row, line=line, account=account, root=root)

    def price(self, row: dict[str, Any], *, line: int, account: int, root: int) -> None:
        """A call that nothing excludes yet."""
        at, talk_s, key = row[USAGE.answered_at], row[USAGE.talk_s], row[USAGE.number_key]
        sold, bought = self.sold[root], self.bought[row[USAGE.source]]
        rate, cost = self.row(sold, key, at), self.row(bought, key, at)
        if talk_s == 0 and (rate is None or not sold.bill_zero_seconds):
            self.calls["excluded/unanswered"] += 1
            return
        if cost is not None and (talk_s or bought.bill_zero_seconds):
            moving, _ = blocks(cost, 0, max(talk_s, 1))
            self.cost += rounded(bought, (moving + 60 * cost.connection_fee) / 60)
        if rate is None:
            self.calls["unpriced/no_rate"] += 1
            return
        self.calls["priced"] += 1
        covered_s = self.covered(line, root, rate.zone, talk_s, key)
        charge_s, fee = (talk_s - covered_s, Decimal(0)) if covered_s else (max(talk_s, 1), rate.connection_fee)
        moving, billed_s = self.walk(sold, rate, key, at + timedelta(seconds=covered_s), charge_s)
        percent = Decimal(0) if covered_s and not charge_s else self.percent(line, account, root, rate.zone, talk_s)
        # one division, at the end, so that a half stays a half
        self.amount += rounded(sold, (moving + 60 * fee) * (100 * max(talk_s, 1) - percent) / (6_000 * max(talk_s, 1)))
        self.billed_s += billed_s
        self.covered_s += covered_s

    def walk(self, tariff: Tariff, rate: Rate, key: str, at: datetime, charge_s: int) -> tuple[Decimal, int]:
        """Price x seconds and billed seconds of `charge_s` seconds from an instant on."""
        if tariff.band_border is BandBorder.START:
            return blocks(rate, 0, charge_s)
        moving, billed_s, reached_s, from_s = Decimal(0), 0, 0, 0
        while from_s < charge_s:
            to_s = min(charge_s, self.next_change(tariff, at, from_s))
            start_s = reached_s if tariff.band_border is BandBorder.CARRY else from_s
            if start_s < to_s:
                if from_s:  # the band of this piece, in the version of the whole call
                    rate = self.row(tariff, key, at, band_at=at + timedelta(seconds=from_s)) or rate
                more, seconds = blocks(rate, start_s, to_s)
                moving, billed_s, reached_s = moving + more, billed_s + seconds, start_s + seconds
            from_s = to_s
        return moving, billed_s

    def next_change(self, tariff: Tariff, at: datetime, from_s: int) -> int:
        """The second after `from_s` at which the band changes: here bands change on the hour and nowhere else."""
        calendar = self.calendars[tariff.calendar]
        now = at + timedelta(seconds=from_s)
        later = now
        while self.band(calendar, later) == self.band(calendar, now):
            later = later.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return int((later - at) / timedelta(seconds=1))

    def covered(self, line: int, root: int, zone: str, talk_s: int, key: str) -> int:
        """Seconds that the allowance of the line, or of its customer, covers."""
        number = self.granted.get((OwnerKind.LINE, line))
        counter = (OwnerKind.LINE, line)
        if number is None:
            number = self.granted.get((OwnerKind.ACCOUNT, root))
            counter = (OwnerKind.ACCOUNT, root)
        if number is None or zone not in self.allowances[number].zones:
            return 0
        allowance, known = self.allowances[number], self.known[counter]
        covered_s = min(talk_s, talk_s if allowance.call_limit is None else allowance.call_limit)
        if allowance.quantity is not None:
            covered_s = max(0, min(covered_s, allowance.quantity - self.used_s[counter]))
        if covered_s and allowance.correspondents is not None:
            if key not in known and len(known) >= allowance.correspondents:
                return 0
            known.add(key)
        self.used_s[counter] += covered_s
        return covered_s

    def percent(self, line: int, account: int, root: int, zone: str, talk_s: int) -> Decimal:
        """What a promotion takes off a call, in percent times its seconds (one, for a call of none)."""
        for owner in ((OwnerKind.LINE, line), (OwnerKind.ACCOUNT, account), (OwnerKind.ACCOUNT, root)):
            promotion = self.promoted.get(owner)
            if promotion is not None and zone in promotion.zones:
                if promotion.to_quantity is None:
                    return promotion.percentage * max(talk_s, 1)
                reached_s = self.windows_s[line]
                self.windows_s[line] += talk_s
                inside_s = max(0, min(reached_s + talk_s, promotion.to_quantity) - reached_s)
                return promotion.percentage * (inside_s if talk_s else int(reached_s < promotion.to_quantity))
        return Decimal(0)


def blocks(rate: Rate, start_s: int, stop_s: int) -> tuple[Decimal, int]:
    """Price by minute x seconds, and billed seconds, from one second of a call to another: steps of blocks, each
    counted from the end of the last.
    """
    moving, reached_s = Decimal(0), start_s
    for step, following in zip(rate.steps, [*rate.steps[1:], None], strict=True):
        end_s = stop_s if following is None else min(stop_s, following.from_s)
        if end_s > reached_s:
            count = (Decimal(end_s - reached_s) / step.increment_s).to_integral_value(ROUND_CEILING)
            billed_s = int(count) * step.increment_s
            moving += step.price * billed_s
            reached_s += billed_s
    return moving, reached_s - start_s


def rounded(tariff: Tariff, amount: Decimal) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-tariff.rounding_decimals), ROUND_HALF_UP)


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
