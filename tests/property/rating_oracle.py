"""The oracle: what every call must cost, written to be read and not to be fast.

Nothing here is taken from the product but its value types: prefixes by dict, local time by zoneinfo, money in Fraction,
increments second by second. Where it disagrees with the product, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from zoneinfo import ZoneInfo

import holidays as holiday_library

from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Calendar, Rate, Tariff, TariffVersion
from ardoise.core.usage import Usage

Row = dict[str, object]


def charges(snapshot: Snapshot, calls: Sequence[Usage], month: str) -> tuple[list[Row], list[str]]:
    """The rows of the month, sorted, and the ids of the calls that nobody can be charged for."""
    rows: list[Row] = []
    nobody: list[str] = []
    used: dict[tuple[int, str, int, int], int] = {}
    for call in sorted(calls, key=lambda known: (known.answered_at, known.usage_id)):
        source = next((known for known in snapshot.sources if known.code == call.source), None)
        zone = "UTC" if source is None else snapshot.issuers_zone[source.issuer_id]
        if call.answered_at.astimezone(ZoneInfo(zone)).strftime("%Y-%m") != month:
            continue
        found = who(snapshot, call)
        if found is None:
            nobody.append(call.usage_id)
        else:
            rows += parts(snapshot, call, *found, used)
    rows.sort(key=lambda row: (row["account_id"], row["at"], row["origin_id"], row["part"]))
    return rows, sorted(nobody)


def valid(record: object, at: datetime) -> bool:
    start, end = record.valid_from_at, record.valid_to_at  # type: ignore[attr-defined]
    return (start is None or start <= at) and (end is None or at < end)


def newest(records: list, at: datetime) -> list:  # type: ignore[type-arg]
    kept = [record for record in records if valid(record, at)]
    return sorted(kept, key=lambda record: (record.valid_from_at is None, -(record.valid_from_at or at).timestamp()))


def who(snapshot: Snapshot, call: Usage) -> tuple[int, int, str] | None:
    """(line, account, rule)"""
    source = next((known for known in snapshot.sources if known.code == call.source), None)
    if source is None:
        return None
    accounts = {account.account_id: account for account in snapshot.accounts}

    def account_of(line_id: int) -> int | None:
        held = newest([known for known in snapshot.assignments if known.line_id == line_id], call.answered_at)
        return held[0].account_id if held else None

    def issuer_of(line_id: int) -> int | None:
        account_id = account_of(line_id)
        return None if account_id is None else accounts[account_id].issuer_id

    for rule, kind, value in (
        ("charged", "extension", call.charged),
        ("party", "extension", call.party),
        ("ddi", "number", call.ddi),
    ):
        if not value:
            continue
        for owner in (call.source, ""):
            names = [
                known
                for known in snapshot.identifiers
                if (known.source, known.kind.value, known.value) == (owner, kind, value)
            ]
            names = sorted(
                newest(names, call.answered_at), key=lambda known: issuer_of(known.line_id) != source.issuer_id
            )
            if names:
                account_id = account_of(names[0].line_id)
                if account_id is not None:
                    return names[0].line_id, account_id, rule
                break
    return None


def parts(
    snapshot: Snapshot,
    call: Usage,
    line_id: int,
    account_id: int,
    rule: str,
    used: dict[tuple[int, str, int, int], int],
) -> list[Row]:
    accounts = {account.account_id: account for account in snapshot.accounts}
    account = accounts[account_id]
    source = next(known for known in snapshot.sources if known.code == call.source)
    secret = next(known for known in snapshot.lines if known.line_id == line_id).no_detail
    key = "" if secret else call.number_key
    row: Row = {
        "origin_id": call.usage_id, "part": "access", "issuer_id": account.issuer_id, "root_id": account.root_id,
        "account_id": account_id, "line_id": line_id, "identifier_rule": rule, "billable": account.billable,
        "at": call.answered_at, "state": "excluded", "why": "", "section": "", "called": "" if secret else call.called,
        "number_key": key, "talk_s": call.talk_s, "billed_s": 0, "zone": "", "tariff_id": None, "version_id": None,
        "prefix": "", "band": "", "allowance_id": None, "covered_s": 0, "amount_micros": None, "cost_micros": None,
        "printed_micros": call.operator_micros, "currency": "",
    }  # fmt: skip
    status = call.status.value
    if call.direction.value == "internal" and not source.prices_internal:
        return [row | {"why": "internal"}]
    if secret or "no_detail" in call.flags.split(","):
        return [row | {"why": "no_detail"}]
    if status in ("unanswered", "busy", "failed") or (call.direction.value == "in" and call.talk_s == 0):
        return [row | {"why": "unanswered"}]
    if call.direction.value == "in":
        return [row | {"why": "incoming"}]
    family = [account_id]
    while accounts[family[-1]].parent_id is not None:
        family.append(accounts[family[-1]].parent_id)  # type: ignore[arg-type]
    nodes = [("line", line_id), *(("account", known) for known in family), ("issuer", account.issuer_id)]
    found = look_up(snapshot, nodes, key, call.answered_at)
    if call.talk_s == 0 and (isinstance(found, str) or not found[0].bill_zero_seconds):
        return [row | {"why": "unanswered"}]
    bought = look_up(snapshot, [("source", source.source_id)], key, call.answered_at)
    cost: tuple[int, int] | None = None
    if not isinstance(bought, str):
        cost = (0, 0)
        if call.talk_s or bought[0].bill_zero_seconds:
            cost = (whole(bought[0], bought[2], call.talk_s)[0], surcharge(bought[0], bought[2], call.talk_s))
    if isinstance(found, str):
        return [row | {"state": "unpriced", "why": found, "cost_micros": None if cost is None else sum(cost)}]
    tariff, version, rate, band = found
    row |= {
        "state": "priced", "zone": rate.zone, "tariff_id": tariff.tariff_id, "version_id": version.version_id,
        "prefix": rate.prefix, "band": band, "currency": tariff.currency,
    }  # fmt: skip
    covered_s, first, open_to = draw(snapshot, call, line_id, account_id, family, rate, used)
    if covered_s:
        left_s = max(0, call.talk_s - rate.free_s) - covered_s
        exact, billed_s = stretch(tariff, rate, left_s) if left_s else (Fraction(0), 0)
        if left_s and rate.maximum is not None:
            exact = min(exact, Fraction(rate.maximum))
        amount = micros(tariff, exact)
    else:
        amount, billed_s = whole(tariff, rate, call.talk_s)
    section = "included" if covered_s else "beyond" if open_to else "outside"
    access = row | {
        "amount_micros": amount, "billed_s": billed_s, "covered_s": covered_s, "allowance_id": first,
        "section": section,
    }  # fmt: skip
    if rate.service_per.value == "" or rate.service_price == 0:
        return [access | {"cost_micros": None if cost is None else sum(cost)}]
    third = row | {
        "part": "service", "section": "third_party", "billed_s": call.talk_s, "printed_micros": None,
        "amount_micros": surcharge(tariff, rate, call.talk_s), "cost_micros": None if cost is None else cost[1],
    }  # fmt: skip
    return [access | {"cost_micros": None if cost is None else cost[0]}, third]


Found = tuple[Tariff, TariffVersion, Rate, str]


def look_up(snapshot: Snapshot, nodes: Sequence[tuple[str, int]], key: str, at: datetime) -> Found | str:
    if not key:
        return "unknown_number"
    tariffs = {tariff.tariff_id: tariff for tariff in snapshot.tariffs}
    linked = dated = False
    for kind, owner_id in nodes:
        links = [
            known
            for known in snapshot.links
            if (known.owner_kind.value, known.owner_id) == (kind, owner_id) and valid(known, at)
        ]
        for known in sorted(links, key=lambda link: (link.rank, link.tariff_id)):
            linked = True
            tariff = tariffs[known.tariff_id]
            versions = [version for version in tariff.versions if valid(version, at)]
            if not versions:
                continue
            dated = True
            version = max(versions, key=lambda known: (known.valid_from_at, known.version_id))
            band = band_of(snapshot, tariff, at)
            rate = row_for(version, key, band)
            if rate is not None:
                return tariff, version, rate, band
    if not linked:
        return "no_tariff"
    if not dated:
        return "no_version"
    return "unknown_number" if key[0] == "?" else "no_rate"


def row_for(version: TariffVersion, key: str, band: str) -> Rate | None:
    rows = {(rate.exact, rate.prefix, rate.band): rate for rate in version.rates}
    for exact, prefix in [(True, key), *((False, key[:length]) for length in range(len(key), -1, -1))]:
        if prefix == "" and not all(character in "0123456789" for character in key):
            continue
        for wanted in (band, ""):
            if (exact, prefix, wanted) in rows:
                return rows[exact, prefix, wanted]
    return None


def band_of(snapshot: Snapshot, tariff: Tariff, at: datetime) -> str:
    if not tariff.calendar:
        return ""
    calendar = next(known for known in snapshot.calendars if known.code == tariff.calendar)
    local = at.astimezone(ZoneInfo(calendar.zone))
    minute = local.hour * 60 + local.minute
    for rule in calendar.rules:
        start, end = rule.start.hour * 60 + rule.start.minute, rule.end.hour * 60 + rule.end.minute
        end = end or 24 * 60
        today, yesterday = weekday(calendar, local.date()), weekday(calendar, local.date() - timedelta(days=1))
        if end > start:
            if today in rule.days and start <= minute < end:
                return rule.band
        elif (today in rule.days and minute >= start) or (yesterday in rule.days and minute < end):
            return rule.band
    return ""


FRENCH_HOLIDAYS = holiday_library.country_holidays("FR", years=range(2025, 2028))


def weekday(calendar: Calendar, day: date) -> int:
    return 8 if calendar.holidays == "FR" and day in FRENCH_HOLIDAYS else day.isoweekday()


def stretch(tariff: Tariff, rate: Rate, seconds: int) -> tuple[Fraction, int]:
    """Price and billed seconds of so many seconds of talk, counted block by block."""
    steps = sorted(rate.steps, key=lambda step: step.from_s)
    if not steps:
        return Fraction(0), 0

    def step_at(second: int):  # type: ignore[no-untyped-def]
        begun = [step for step in steps if step.from_s <= second]
        return begun[-1] if begun else None

    if tariff.increment_origin.value == "first_next":
        reached, amount = 0, Fraction(0)
        while reached < seconds:
            step = step_at(reached)
            following = [known.from_s for known in steps if known.from_s > reached]
            border = min([*following, seconds])
            if step is None:
                reached = border
                continue
            # blocks of this step until the border is reached or passed
            while reached < border:
                amount += Fraction(step.price) * step.increment_s / step.per_s
                reached += step.increment_s
        return amount, reached
    first = steps[0].increment_s if steps[0].from_s == 0 else 1
    billed = first
    if seconds > first:
        last = step_at(seconds - 1)
        increment = 1 if last is None else last.increment_s
        billed = seconds + -seconds % increment
    amount = Fraction(0)
    for second in range(billed):
        step = step_at(second)
        if step is not None:
            amount += Fraction(step.price) / step.per_s
    return amount, billed


def whole(tariff: Tariff, rate: Rate, talk_s: int) -> tuple[int, int]:
    exact, billed_s = (
        stretch(tariff, rate, max(0, (talk_s or 1) - rate.free_s))
        if (talk_s or 1) > rate.free_s
        else (
            Fraction(0),
            0,
        )
    )
    exact += Fraction(rate.connection_fee)
    exact = max(exact, Fraction(rate.minimum)) if rate.minimum else exact
    if rate.maximum is not None:
        exact = min(exact, Fraction(rate.maximum))
    return micros(tariff, exact), billed_s


def surcharge(tariff: Tariff, rate: Rate, talk_s: int) -> int:
    quantity = {"": Fraction(0), "call": Fraction(1), "minute": Fraction(talk_s, 60)}[rate.service_per.value]
    return micros(tariff, Fraction(rate.service_price) * quantity)


def micros(tariff: Tariff, exact: Fraction) -> int:
    scaled = abs(exact) * 10**tariff.rounding_decimals
    low = floor(scaled)
    rest = scaled - low
    up = {
        "half_up": rest >= Fraction(1, 2),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
        "up": rest > 0,
        "down": False,
    }[tariff.rounding.value]
    return (-1 if exact < 0 else 1) * (low + up) * 10 ** (6 - tariff.rounding_decimals)


def draw(
    snapshot: Snapshot, call: Usage, line_id: int, account_id: int, family: list[int], rate: Rate,
    used: dict[tuple[int, str, int, int], int],
) -> tuple[int, int | None, bool]:  # fmt: skip
    """(seconds covered, first allowance used, whether any was open to the zone)"""
    capacity: dict[tuple[int, int, str, int], int] = {}
    for allowance in snapshot.allowances:
        if rate.zone not in allowance.zones:
            continue
        for grant in snapshot.grants:
            mine = (grant.owner_kind.value, grant.owner_id) == ("line", line_id) or (
                grant.owner_kind.value == "account" and grant.owner_id in family
            )
            if grant.allowance_id != allowance.allowance_id or not mine or not valid(grant, call.answered_at):
                continue
            if allowance.owner.value == "line":
                counter = ("line", line_id)
            else:
                counter = ("account", grant.owner_id if grant.owner_kind.value == "account" else account_id)
            place = (allowance.priority, allowance.allowance_id, *counter)
            capacity[place] = capacity.get(place, 0) + allowance.quantity
    root_id = next(known.root_id for known in snapshot.accounts if known.account_id == account_id)
    wanted = max(0, call.talk_s - rate.free_s)
    covered, first = 0, None
    for (_, allowance_id, kind, owner_id), seconds in sorted(capacity.items()):
        counter_key = (allowance_id, kind, owner_id, root_id)  # a line that changes customer starts again
        taken = min(wanted - covered, max(0, seconds - used.get(counter_key, 0)))
        if taken > 0:
            used[counter_key] = used.get(counter_key, 0) + taken
            covered += taken
            first = allowance_id if first is None else first
    return covered, first, bool(capacity)
