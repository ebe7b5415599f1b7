"""Allowances: who may draw from what, and how a call is split between what is included and the price list.

A *lot* is a quantity with a last day of use: what a counter was granted this month, or what is left of an earlier one.
The month's usage is taken in the order it was answered (ties: by usage id); each call draws its demand from the lots
open to it, until it is covered or they are empty. What is left of it is priced. `docs/algorithms/allowances.md` says
every rule, with worked tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from itertools import pairwise
from typing import NamedTuple

from ardoise.core.attribution import Attribution, Attributor, IncompleteSnapshot, in_force
from ardoise.core.calendars import month_bounds
from ardoise.core.periods import local_date
from ardoise.core.pricing import TariffError
from ardoise.core.snapshot import AllowanceGrant, Carried, LineAssignment, OwnerKind, Snapshot
from ardoise.core.tariffs import Allowance, AllowanceOwner, Counted, Promotion
from ardoise.core.usage import Usage, UsageKind

PoolKey = tuple[int, OwnerKind, int, int]
"""(allowance id, kind of owner, owner id, root id): one counter a month. A pool never spans roots: a line that moves to
another customer leaves its counter behind."""

LotKey = tuple[str, PoolKey, str]
"""(month of use, counter, month it was granted in)."""

PromotionKey = tuple[int, OwnerKind, int, int]
"""(promotion id, kind of owner, owner id, root id): one counter a month."""

Billed = Callable[[int], int]
"""Units of a usage that are left to cover -> those that its row bills for so many alone."""

Plain = str | int

COUNTED_OF: Mapping[UsageKind, frozenset[Counted]] = {
    UsageKind.CALL: frozenset({Counted.SECONDS, Counted.CALLS, Counted.MONEY}),
    UsageKind.SMS: frozenset({Counted.MESSAGES, Counted.MONEY}),
    UsageKind.MMS: frozenset({Counted.MESSAGES, Counted.MONEY}),
    UsageKind.DATA: frozenset({Counted.OCTETS, Counted.MONEY}),
    UsageKind.EVENT: frozenset({Counted.UNITS, Counted.MONEY}),
}
"""What may be counted of each kind of usage."""

RETAIL = "retail"
ALWAYS = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
KEPT_OWNERS = 100_000  # lines x months x changes of grants: a bound on what a long-lived process remembers


@dataclass(frozen=True, slots=True)
class Pool:
    """One lot that an owner may use at the moment of a call. `capacity_s` is in what the allowance counts, None without
    limit; `earned` is `month`, or the earlier month of a lot carried over.
    """

    key: PoolKey
    allowance: Allowance
    capacity_s: int | None
    month: str
    earned: str


@dataclass(frozen=True, slots=True)
class PoolLevels:
    """What the lines of an account bring to a pool over time: from `instants[n]` on, `capacities[n]`, until the first
    of the grants behind it ends, at `ends[n]`.
    """

    instants: tuple[datetime, ...]
    capacities: tuple[int, ...]
    ends: tuple[datetime, ...]

    def at(self, instant: datetime) -> tuple[int, datetime]:
        """The capacity and the end of an instant."""
        place = bisect_right(self.instants, instant) - 1
        return self.capacities[place], self.ends[place]


class Draw(NamedTuple):
    """What an allowance covers of a call, in what it counts: seconds (messages, octets, units), one call, or micros."""

    allowance: Allowance
    covered_s: int


@dataclass(frozen=True, slots=True)
class Held:
    """What an issued call took: rated again, it keeps exactly that. `promoted` as in `schema.CHARGES`."""

    draws: tuple[Draw, ...] = ()
    promotion: Promotion | None = None
    promoted: int = 0


HeldKey = tuple[str, str]
"""(usage id, level)."""


@dataclass(slots=True)
class Counters:
    """The only state of rating: what was used of each lot, whom it was used for, what promotions have counted.

    A value: two runs over two halves of a month, with the counters handed over, are one run. `held` is an input and
    not a state: the calls of issued documents, which must be rated before any other (`in_drawing_order`), so that what
    they took is gone when a late call comes.
    """

    used_s: dict[LotKey, int] = field(default_factory=dict)
    known: dict[tuple[str, PoolKey], set[str]] = field(default_factory=dict)  # numbers of `correspondents`
    counted: dict[tuple[str, PromotionKey], int] = field(default_factory=dict)
    held: Mapping[HeldKey, Held] = field(default_factory=dict)

    def draw(
        self, pools: Iterable[Pool], *, demand: int, number_key: str = "", billed: Billed | None = None
    ) -> tuple[tuple[Draw, ...], int]:
        """Take up to `demand` (seconds, messages ..., micros) from the lots in their order.

        Returns what each allowance covers, and what is left of the demand. A lot gives the demand rounded up to the
        allowance's increment, before it as the row bills it where the allowance says so (`billed`, see `Fare.billed`);
        the excess is used and covers nothing.
        """
        covered: dict[int, Draw] = {}
        taken_of: dict[int, int] = {}
        for pool in pools:
            if demand <= 0:
                break
            allowance = pool.allowance
            by_call = allowance.counted is Counted.CALLS
            wanted = billed(demand) if billed is not None and allowance.as_billed else demand
            wanted = 1 if by_call else -(-wanted // allowance.increment) * allowance.increment
            if allowance.call_limit is not None:
                wanted = min(wanted, allowance.call_limit - taken_of.get(allowance.allowance_id, 0))
            lot = (pool.month, pool.key, pool.earned)
            used = self.used_s.get(lot, 0)
            if pool.capacity_s is not None and pool.capacity_s - used < wanted:
                wanted = pool.capacity_s - used
            if wanted <= 0 or (allowance.correspondents is not None and not self._meets(pool, number_key)):
                continue
            self.used_s[lot] = used + wanted
            taken_of[allowance.allowance_id] = taken_of.get(allowance.allowance_id, 0) + wanted
            took = min(wanted, demand)
            before = covered.get(allowance.allowance_id)
            covered[allowance.allowance_id] = Draw(allowance, took if before is None else before.covered_s + took)
            demand = 0 if by_call else demand - took
        return tuple(covered.values()), demand

    def beside(self, pools: Iterable[Pool]) -> Counters:
        """What these counters say of some lots, apart: to try a draw that may not be."""
        apart = Counters()
        for pool in pools:
            lot, counter = (pool.month, pool.key, pool.earned), (pool.month, pool.key)
            apart.used_s[lot] = self.used_s.get(lot, 0)
            apart.known[counter] = set(self.known.get(counter, ()))
        return apart

    def _meets(self, pool: Pool, number_key: str) -> bool:
        """Whether the counter knows the number, or has room to learn it (then it does)."""
        known = self.known.setdefault((pool.month, pool.key), set())
        if number_key not in known:
            if len(known) >= (pool.allowance.correspondents or 0):
                return False
            known.add(number_key)
        return True

    def take_again(
        self, pools: Sequence[Pool], *, draws: Iterable[Draw], number_key: str = "", billed: Billed | None = None
    ) -> None:
        """Use what an issued call drew: what its lots cannot give is used all the same, beyond their capacity."""
        for draw in draws:
            lots = [pool for pool in pools if pool.allowance.allowance_id == draw.allowance.allowance_id]
            _, missing = self.draw(lots, demand=draw.covered_s, number_key=number_key, billed=billed)
            if missing and lots:
                last = lots[-1]
                lot = (last.month, last.key, last.earned)
                self.used_s[lot] = self.used_s.get(lot, 0) + missing

    def to_plain(self) -> dict[str, list[list[Plain]]]:
        """The state as lists of texts and integers, in order: the same state gives the same text."""
        return {
            "used": [[month, *_row(key), earned, used] for (month, key, earned), used in sorted(self.used_s.items())],
            "known": [[month, *_row(key), *sorted(known)] for (month, key), known in sorted(self.known.items())],
            "counted": [[month, *_row(key), counted] for (month, key), counted in sorted(self.counted.items())],
        }

    @classmethod
    def from_plain(
        cls, plain: Mapping[str, Sequence[Sequence[Plain]]], *, held: Mapping[HeldKey, Held] | None = None
    ) -> Counters:
        """The counters that `to_plain` wrote down."""
        return cls(
            used_s={(str(row[0]), _key(row), str(row[5])): int(row[6]) for row in plain["used"]},
            known={(str(row[0]), _key(row)): {str(number) for number in row[5:]} for row in plain["known"]},
            counted={(str(row[0]), _key(row)): int(row[5]) for row in plain["counted"]},
            held=held or {},
        )


def _row(key: PoolKey) -> list[Plain]:
    return [key[0], key[1].value, key[2], key[3]]


def _key(row: Sequence[Plain]) -> PoolKey:
    return int(row[1]), OwnerKind(str(row[2])), int(row[3]), int(row[4])


def in_drawing_order(usages: Iterable[Usage], counters: Counters) -> list[Usage]:
    """Issued calls first, then by answer; ties by usage id."""
    held = {usage_id for usage_id, _ in counters.held}
    return sorted(usages, key=lambda usage: (usage.usage_id not in held, usage.answered_at, usage.usage_id))


def uncovered(demand: int, draws: Iterable[Draw]) -> int:
    """What draws leave of a demand in seconds, messages, octets or units; money covers none of it."""
    for draw in draws:
        if draw.allowance.counted is Counted.CALLS:
            return 0
        if draw.allowance.counted is not Counted.MONEY:
            demand -= draw.covered_s
    return demand


def covered_of(draws: Sequence[Draw]) -> int:
    """`schema.CHARGES.covered_s`: what was covered in the unit of the first allowance used."""
    return sum(draw.covered_s for draw in draws if draw.allowance.counted is draws[0].allowance.counted)


def draws_text(draws: Sequence[Draw]) -> str:
    """`schema.CHARGES.draws`: "allowance:covered;allowance:covered", "" when one allowance or none covered."""
    if len(draws) < 2:
        return ""
    return ";".join(f"{draw.allowance.allowance_id}:{draw.covered_s}" for draw in draws)


def read_draws(
    allowances: Mapping[int, Allowance], *, allowance_id: int | None, covered_s: int, draws: str
) -> tuple[Draw, ...]:
    """The draws of a stored charge, from its three columns."""
    pairs = [pair.split(":") for pair in draws.split(";")] if draws else []
    named = [(int(pair[0]), int(pair[1])) for pair in pairs]
    if not named and allowance_id is not None and covered_s:
        named = [(allowance_id, covered_s)]
    for known_id, _ in named:
        if known_id not in allowances:
            raise IncompleteSnapshot(f"a charge drew from allowance {known_id}, which the snapshot lacks; add it")
    return tuple(Draw(allowances[known_id], amount) for known_id, amount in named)


class AllowanceBook:
    """The grants and the carried lots of one snapshot, indexed by owner."""

    def __init__(self, snapshot: Snapshot, attributor: Attributor) -> None:
        self._attributor = attributor
        self._zones = snapshot.issuers_zone
        self.allowances: Mapping[int, Allowance] = {known.allowance_id: known for known in snapshot.allowances}
        for allowance in snapshot.allowances:
            check_allowance(allowance)
        self._lines = tuple(sorted({known.line_id for known in snapshot.assignments}))
        self._grants: dict[tuple[OwnerKind, int], list[AllowanceGrant]] = {}
        for grant in snapshot.grants:
            if grant.allowance_id in self.allowances:
                self._grants.setdefault((grant.owner_kind, grant.owner_id), []).append(grant)
        self._carried: dict[tuple[str, PoolKey], list[Carried]] = {}
        for known in snapshot.carried:
            key = (known.allowance_id, known.owner_kind, known.owner_id, known.root_id)
            self._carried.setdefault((known.month, key), []).append(known)
        self._shares = self._shared(snapshot.assignments)
        periods = [(known.valid_from_at, known.valid_to_at) for known in snapshot.grants]
        if self._shares:  # what other lines bring to a pool changes when they come and go
            periods += [(known.valid_from_at, known.valid_to_at) for known in snapshot.assignments]
        self._instants = sorted({at for period in periods for at in period if at is not None})
        self._kept: dict[tuple[int | None, int, int, str], PayerLots] = {}
        self._levels: dict[tuple[int, int, str, str], PoolLevels] = {}

    def _shared(self, assignments: Iterable[LineAssignment]) -> dict[tuple[int, int], list[AllowanceGrant]]:
        """For each POOL allowance and account: the grants to lines that were ever assigned to it."""
        accounts: dict[int, set[int]] = {}
        self._moves: dict[int, set[datetime | None]] = {}
        for assignment in assignments:
            accounts.setdefault(assignment.line_id, set()).add(assignment.account_id)
            self._moves.setdefault(assignment.line_id, set()).update((assignment.valid_from_at, assignment.valid_to_at))
        shares: dict[tuple[int, int], list[AllowanceGrant]] = {}
        for (owner_kind, owner_id), grants in self._grants.items():
            if owner_kind is OwnerKind.LINE:
                for grant in grants:
                    if self.allowances[grant.allowance_id].owner is AllowanceOwner.POOL:
                        for account_id in accounts.get(owner_id, ()):
                            shares.setdefault((grant.allowance_id, account_id), []).append(grant)
        return shares

    def lots(self, payer: Attribution, *, at: datetime, month: str) -> PayerLots:
        """`pools`, kept: between two changes they stand still."""
        if not self._grants:
            return NOTHING
        key = (payer.line_id, payer.account_id, bisect_right(self._instants, at), month)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= KEPT_OWNERS:
                self._kept.clear()
            known = self._kept[key] = PayerLots(self.pools(payer, at=at, month=month))
        return known

    def pools(self, payer: Attribution, *, at: datetime, month: str) -> tuple[Pool, ...]:
        """The lots open to a line and its account at an instant, whatever the usage, in the order they are drawn:
        priority, what expires first, what was granted first, allowance and owner.

        A grant to an account serves its whole subtree. An allowance owned by the line has one counter a line, whoever
        was granted it; one owned by the account (or a pool) has one counter at the account that was granted it, or,
        granted to a line, at the account that pays for the line.
        """
        ordered: list[tuple[tuple[int, datetime, str, PoolKey], Pool]] = []
        zone = self._zones.get(payer.issuer_id, "UTC")
        for key, grants in self._granted(payer, at).items():
            allowance = self.allowances[key[0]]
            own, end_at = self._own(key, grants, at=at, month=month, zone=zone)
            for earned, capacity in self._lots(key, own, month).items():
                last_month = later(earned, allowance.rollover_months)
                expires_at = min(end_at, _bounds(last_month, zone)[1])
                rank = (allowance.priority, expires_at, earned, key)
                ordered.append((rank, Pool(key, allowance, capacity, month, earned)))
        return tuple(pool for _, pool in sorted(ordered, key=lambda ranked: ranked[0]))

    def _granted(self, payer: Attribution, at: datetime) -> dict[PoolKey, list[AllowanceGrant]]:
        """The grants in force behind each counter open to a payer."""
        granted: dict[PoolKey, list[AllowanceGrant]] = {}
        owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
        owners += [(OwnerKind.ACCOUNT, account_id) for account_id in self._attributor.ancestors(payer.account_id)]
        for owner in owners:
            for grant in self._in_force(self._grants.get(owner, ()), at):
                key = self._counter(grant, payer)
                if key is not None:
                    granted.setdefault(key, []).append(grant)
        return granted

    def _own(
        self, key: PoolKey, grants: Sequence[AllowanceGrant], *, at: datetime, month: str, zone: str
    ) -> tuple[int | None, datetime]:
        """What a counter is granted in the month, and when the first of its grants ends."""
        allowance = self.allowances[key[0]]
        if allowance.owner is AllowanceOwner.POOL:
            capacity, end_at = self.pool_levels(allowance.allowance_id, key[2], month=month, zone=zone).at(at)
        else:
            capacity = sum(granted_quantity(allowance, grant, month=month, zone=zone) for grant in grants)
            end_at = min(grant.valid_to_at or FOREVER for grant in grants)
        return None if allowance.quantity is None else capacity, end_at

    def pool_levels(self, allowance_id: int, account_id: int, *, month: str, zone: str) -> PoolLevels:
        """What makes a pool: at each instant the grants to the lines that the account then has, and to the account
        itself.
        """
        name = (allowance_id, account_id, month, zone)
        if name not in self._levels:
            if len(self._levels) >= KEPT_OWNERS:
                self._levels.clear()
            self._levels[name] = self._sweep(allowance_id, account_id, month, zone)
        return self._levels[name]

    def _sweep(self, allowance_id: int, account_id: int, month: str, zone: str) -> PoolLevels:
        """All that comes and goes, in order of time: a sum of quantities, and the ends of what is there in a heap."""
        allowance = self.allowances[allowance_id]
        changes: list[tuple[datetime, int, bool]] = []
        quantities: list[int] = []
        ends: list[datetime] = []
        for grant, holds in self._stretches(allowance_id, account_id):
            for from_at, to_at in holds:
                changes += [(from_at, len(ends), True), (to_at, len(ends), False)]
                quantities.append(granted_quantity(allowance, grant, month=month, zone=zone))
                ends.append(grant.valid_to_at or FOREVER)
        capacity, there = 0, [False] * len(ends)
        first_to_end: list[tuple[datetime, int]] = []
        levels = {ALWAYS: (0, FOREVER)}
        for at, place, comes in sorted(changes):
            there[place] = comes
            capacity += quantities[place] if comes else -quantities[place]
            if comes:
                heappush(first_to_end, (ends[place], place))
            while first_to_end and not there[first_to_end[0][1]]:
                heappop(first_to_end)
            levels[at] = (capacity, first_to_end[0][0] if first_to_end else FOREVER)
        capacities, until = zip(*levels.values(), strict=True)
        return PoolLevels(tuple(levels), capacities, until)

    def _stretches(
        self, allowance_id: int, account_id: int
    ) -> Iterable[tuple[AllowanceGrant, list[tuple[datetime, datetime]]]]:
        """The grants behind a pool, and when each counts."""
        own = self._grants.get((OwnerKind.ACCOUNT, account_id), ())
        lines = self._shares.get((allowance_id, account_id), ())
        for grant in (*lines, *(known for known in own if known.allowance_id == allowance_id)):
            is_line = grant.owner_kind is OwnerKind.LINE
            borders = {grant.valid_from_at, grant.valid_to_at} | (self._moves[grant.owner_id] if is_line else set())
            points = [ALWAYS, *sorted(at for at in borders if at is not None), FOREVER]
            yield (
                grant,
                [
                    (from_at, to_at)
                    for from_at, to_at in pairwise(points)
                    if in_force(from_at, valid_from_at=grant.valid_from_at, valid_to_at=grant.valid_to_at)
                    and (not is_line or self._account_of(grant.owner_id, from_at) == account_id)
                ],
            )

    def _account_of(self, line_id: int, at: datetime) -> int | None:
        found = self._attributor.of_line(line_id, at)
        return found.account_id if isinstance(found, Attribution) else None

    def _counter(self, grant: AllowanceGrant, payer: Attribution) -> PoolKey | None:
        if self.allowances[grant.allowance_id].owner is AllowanceOwner.LINE:
            if payer.line_id is None:
                return None
            return (grant.allowance_id, OwnerKind.LINE, payer.line_id, payer.root_id)
        owner_id = grant.owner_id if grant.owner_kind is OwnerKind.ACCOUNT else payer.account_id
        return (grant.allowance_id, OwnerKind.ACCOUNT, owner_id, payer.root_id)

    def _lots(self, key: PoolKey, own: int | None, month: str) -> dict[str, int | None]:
        """Capacity by month of grant: what was carried and may still be used, then the month's own."""
        lots: dict[str, int | None] = {}
        for known in self._carried.get((month, key), ()):
            if known.earned < month <= later(known.earned, self.allowances[key[0]].rollover_months):
                lots[known.earned] = (lots.get(known.earned) or 0) + known.quantity
        lots[month] = own
        return lots

    @staticmethod
    def _in_force(grants: Iterable[AllowanceGrant], at: datetime) -> list[AllowanceGrant]:
        return [
            grant for grant in grants if in_force(at, valid_from_at=grant.valid_from_at, valid_to_at=grant.valid_to_at)
        ]

    def carried_out(self, counters: Counters, *, month: str) -> tuple[Carried, ...]:
        """What every counter that is granted at the end of a month, used or not, takes to the next one.

        `counters` must have seen the whole month. The lots of `Snapshot.carried` that are not over go on, the month's
        own follows if its allowance rolls over; what was left behind (a grant that ended, a line that moved) is lost.
        """
        if not any(known.rollover_months for known in self.allowances.values()):
            return ()
        following = later(month, 1)
        left: dict[tuple[PoolKey, str], int] = {}
        for issuer_id, zone in sorted(self._zones.items()):
            at = _bounds(month, zone)[1] - timedelta(microseconds=1)
            for payer in self._payers(issuer_id, at):
                for pool in self.pools(payer, at=at, month=month):
                    lasts = following <= later(pool.earned, pool.allowance.rollover_months)
                    if pool.capacity_s is not None and lasts:
                        unused = pool.capacity_s - counters.used_s.get((month, pool.key, pool.earned), 0)
                        lot = (pool.key, pool.earned)
                        left[lot] = max(left.get(lot, 0), unused)
        return tuple(Carried(following, *key, earned, quantity) for (key, earned), quantity in sorted(left.items())
                     if quantity > 0)  # fmt: skip

    def _payers(self, issuer_id: int, at: datetime) -> Iterable[Attribution]:
        """Everyone who may hold a counter at an instant: the lines, and the accounts that were granted something."""
        granted = {owner_id for kind, owner_id in self._grants if kind is OwnerKind.ACCOUNT}
        accounts = self._attributor.accounts
        known = [self._attributor.of_account(account) for key, account in accounts.items() if key in granted]
        lines = (self._attributor.of_line(line_id, at) for line_id in self._lines)
        known += [payer for payer in lines if isinstance(payer, Attribution)]
        return (payer for payer in known if payer.issuer_id == issuer_id)


def check_allowance(allowance: Allowance) -> None:
    """Refuse what no call could be charged by. Raises TariffError."""
    fee = allowance.call_fee
    if fee and (fee < 0 or fee.scaleb(6) != int(fee.scaleb(6))):
        raise TariffError(
            f"allowance « {allowance.code} »: a call fee of {fee:f}; write 0 or more, with six decimals at most"
        )


def fee_micros(draws: Iterable[Draw]) -> int:
    """What the first allowance that covers some of a call asks for it; those that pay in money ask nothing."""
    for draw in draws:
        if draw.allowance.counted is not Counted.MONEY:
            return int(draw.allowance.call_fee.scaleb(6)) if draw.allowance.call_fee else 0
    return 0


class OpenLots(NamedTuple):
    """Lots in the order they are drawn: those that count usage, then those that pay what is left."""

    usage: tuple[Pool, ...]
    money: tuple[Pool, ...]

    @property
    def some(self) -> bool:
        return bool(self.usage or self.money)


class PayerLots:
    """The lots of one payer between two changes, whatever the usage, and by zone and kind."""

    __slots__ = ("_of", "all")

    def __init__(self, lots: tuple[Pool, ...]) -> None:
        self.all = lots
        self._of: dict[tuple[str, UsageKind], OpenLots] = {}

    def open_to(self, *, zone: str, kind: UsageKind) -> OpenLots:
        """The lots that usage of a kind to a zone may draw from."""
        found = self._of.get((zone, kind))
        if found is None:
            found = self._of[zone, kind] = fitting(self.all, zone=zone, kind=kind)
        return found


NOTHING = PayerLots(())


def fitting(lots: Iterable[Pool], *, zone: str, kind: UsageKind) -> OpenLots:
    """The lots that usage of a kind to a zone may draw from."""
    fit = [pool for pool in lots if zone in pool.allowance.zones and pool.allowance.counted in COUNTED_OF[kind]]
    return OpenLots(
        usage=tuple(pool for pool in fit if pool.allowance.counted is not Counted.MONEY),
        money=tuple(pool for pool in fit if pool.allowance.counted is Counted.MONEY),
    )


def granted_quantity(allowance: Allowance, grant: AllowanceGrant, *, month: str, zone: str) -> int:
    """What one grant gives in a month: all of the quantity, or, prorated, ceil(quantity x days in force / days of the
    month). A local day of the issuer's zone counts when the grant holds at any moment of it.
    """
    quantity = allowance.quantity or 0
    if not allowance.prorated:
        return quantity
    month_from_at, month_to_at = _bounds(month, zone)
    start_at = max(grant.valid_from_at or month_from_at, month_from_at)
    end_at = min(grant.valid_to_at or month_to_at, month_to_at)
    if end_at <= start_at:
        return 0
    first, last = local_date(start_at, zone), local_date(end_at - timedelta(microseconds=1), zone)
    days = (last - first).days + 1
    days_of_month = (local_date(month_to_at, zone) - local_date(month_from_at, zone)).days
    return -(-quantity * days // days_of_month)


@cache
def _bounds(month: str, zone: str) -> tuple[datetime, datetime]:
    return month_bounds(month, zone)


@cache
def later(month: str, months: int) -> str:
    """The month "YYYY-MM" so many months after another."""
    year, of_year = divmod(int(month[:4]) * 12 + int(month[5:]) - 1 + months, 12)
    return f"{year:04d}-{of_year + 1:02d}"
