"""The oracle's allowances and promotions: counters in dictionaries, usage by usage in the order of answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Allowance, Promotion
from ardoise.core.usage import Usage

COUNTED_OF_KIND = {
    "call": {"seconds", "calls", "money"},
    "sms": {"messages", "money"},
    "mms": {"messages", "money"},
    "data": {"octets", "money"},
    "event": {"units", "money"},
}
UNLIMITED = 10**30


@dataclass(frozen=True)
class Payer:
    """Who pays a usage at one level. `family`: the account and its ancestors, nearest first."""

    level: str
    issuer_id: int
    root_id: int
    account_id: int
    line_id: int | None
    family: tuple[int, ...]


Counter = tuple[int, str, int | None, int]
"""Allowance or promotion, kind and id of its owner, root: a line that changes customer starts again."""


Lot = tuple[tuple[object, ...], Allowance, Counter, str, int]
"""(order of use, allowance, counter, month earned, capacity)"""


@dataclass(frozen=True)
class Drawn:
    allowance: Allowance
    counter: Counter
    earned: str
    taken: int  # from the counter
    covered: int  # of the usage


@dataclass(frozen=True)
class Frozen:
    """What an issued usage took, as its charge says it: (allowance, covered) in order, and the promotion."""

    draws: tuple[tuple[int, int], ...] = ()
    promotion_id: int | None = None
    promoted: int = 0


@dataclass
class Taken:
    """What the allowances do to one usage."""

    draws: list[Drawn] = field(default_factory=list)
    open: bool = False

    @property
    def allowance_id(self) -> int | None:
        return self.draws[0].allowance.allowance_id if self.draws else None

    @property
    def covered(self) -> int:
        """In what the first allowance counts."""
        counted = {drawn.allowance.counted for drawn in self.draws[:1]}
        return sum(drawn.covered for drawn in self.draws if drawn.allowance.counted in counted)

    @property
    def text(self) -> str:
        """Allowance by allowance, where there are several."""
        sums: dict[int, int] = {}
        for drawn in self.draws:
            sums[drawn.allowance.allowance_id] = sums.get(drawn.allowance.allowance_id, 0) + drawn.covered
        return ";".join(f"{allowance_id}:{covered}" for allowance_id, covered in sums.items()) if len(sums) > 1 else ""


def valid(record: object, at: datetime) -> bool:
    start, end = record.valid_from_at, record.valid_to_at  # type: ignore[attr-defined]
    return (start is None or start <= at) and (end is None or at < end)


def rounded_draw(allowance: Allowance, left: int, billed: Callable[[int], int]) -> int:
    """What leaves the counter to cover so much."""
    wanted = billed(left) if allowance.as_billed and left > 0 else left
    return wanted + -wanted % allowance.increment


def fee(taken: Taken) -> int:
    """Micros that the first allowance asks for the call."""
    return int(taken.draws[0].allowance.call_fee * 10**6) if taken.draws else 0


class Included:
    """Every counter of a month, and what is left in it."""

    def __init__(self, snapshot: Snapshot, month: str) -> None:
        self.snapshot, self.month = snapshot, month
        self.used: dict[tuple[Counter, str], int] = {}
        self.numbers: dict[Counter, set[str]] = {}
        self.counted: dict[Counter, int] = {}  # of promotions
        self._accounts = {account.account_id: account for account in snapshot.accounts}

    # -- allowances

    def take(
        self, call: Usage, payer: Payer, zone: str, demand: int, frozen: Frozen | None, billed: Callable[[int], int]
    ) -> Taken:
        """Draw what covers `demand` seconds (or units) from the allowances that count them. `billed`: seconds of a
        call -> what the price list makes of so many.
        """
        taken, left = Taken(), demand
        if frozen is not None:
            return self._take_again(call, payer, zone, taken, frozen, billed, money=False)
        for _, allowance, counter, earned, capacity in self._pools(call, payer, zone, taken):
            if allowance.counted.value == "money" or left <= 0:
                continue
            if allowance.counted.value == "calls":
                drawn = self._draw(call, taken, allowance, counter, earned, capacity, 1)
                if drawn:
                    taken.draws.append(Drawn(allowance, counter, earned, drawn, 1))
                    left = 0
            else:
                wanted = rounded_draw(allowance, left, billed)
                drawn = self._draw(call, taken, allowance, counter, earned, capacity, wanted)
                if drawn:
                    taken.draws.append(Drawn(allowance, counter, earned, drawn, min(drawn, left)))
                    left -= min(drawn, left)
        return taken

    def _take_again(
        self, call: Usage, payer: Payer, zone: str, taken: Taken, frozen: Frozen, billed: Callable[[int], int],
        *, money: bool,
    ) -> Taken:  # fmt: skip
        """What an issued usage drew stays drawn, even where less is left now."""
        pools = self._pools(call, payer, zone, taken)
        allowances = {allowance.allowance_id: allowance for allowance in self.snapshot.allowances}
        for allowance_id, covered in frozen.draws:
            allowance, again, left = allowances[allowance_id], Taken(), covered
            if (allowance.counted.value == "money") != money:
                continue
            mine = [pool for pool in pools if pool[1] == allowance]
            for _, _, counter, earned, capacity in mine:
                wanted = left if allowance.counted.value == "calls" else rounded_draw(allowance, left, billed)
                drawn = self._draw(call, again, allowance, counter, earned, capacity, wanted) if left else 0
                again.draws.append(Drawn(allowance, counter, earned, drawn, min(drawn, left)))
                left -= min(drawn, left)
            if mine:  # a lot may owe what it no longer holds
                last = mine[-1][2], mine[-1][3]
                self.used[last] = self.used.get(last, 0) + left
            taken.draws.append(Drawn(allowance, (allowance_id, "", None, 0), "", covered, covered))
        return taken

    def pay(self, call: Usage, payer: Payer, zone: str, taken: Taken, amount: int, frozen: Frozen | None) -> int:
        """Draw from the allowances of money; what is left of the amount."""
        if frozen is not None:
            before = len(taken.draws)
            self._take_again(call, payer, zone, taken, frozen, lambda micros: micros, money=True)
            return amount - sum(drawn.covered for drawn in taken.draws[before:])
        for _, allowance, counter, earned, capacity in self._pools(call, payer, zone, taken):
            if allowance.counted.value != "money" or amount <= 0:
                continue
            wanted = amount + -amount % allowance.increment
            drawn = self._draw(call, taken, allowance, counter, earned, capacity, wanted)
            if drawn:
                covered = min(drawn, amount)
                taken.draws.append(Drawn(allowance, counter, earned, drawn, covered))
                amount -= covered
        return amount

    def _draw(
        self, call: Usage, taken: Taken, allowance: Allowance, counter: Counter, earned: str, capacity: int, wanted: int
    ) -> int:
        known = self.numbers.setdefault(counter, set())
        if (
            allowance.correspondents is not None
            and call.number_key not in known
            and len(known) >= allowance.correspondents
        ):
            return 0
        drawn = min(wanted, max(0, capacity - self.used.get((counter, earned), 0)))
        if allowance.call_limit is not None:
            already = sum(past.taken for past in taken.draws if past.allowance == allowance)
            drawn = min(drawn, max(0, allowance.call_limit - already))
        if drawn > 0:
            self.used[counter, earned] = self.used.get((counter, earned), 0) + drawn
            known.add(call.number_key)
        return drawn

    def _pools(self, call: Usage, payer: Payer, zone: str, taken: Taken) -> list[Lot]:
        """The lots open to this usage, the first to use first."""
        fitting = [
            allowance
            for allowance in self.snapshot.allowances
            if zone in allowance.zones and allowance.counted.value in COUNTED_OF_KIND[call.kind.value]
        ]
        lots = self._lots(fitting, payer, call.answered_at)
        taken.open = taken.open or bool(lots)
        return sorted(lots, key=lambda lot: lot[0])

    def left_over(self, payers: Sequence[Payer], at: datetime) -> dict[tuple[Counter, str], int]:
        """What goes on to the next month, of every counter that is granted at the end of this one.

        Where lines see more or less of a counter that they share, it is what the one that sees most would leave.
        """
        found: dict[tuple[Counter, str], int] = {}
        for payer in payers:
            for _, allowance, counter, earned, capacity in self._lots(self.snapshot.allowances, payer, at):
                left = capacity - self.used.get((counter, earned), 0)
                goes_on = months_after(earned, allowance.rollover_months) > self.month
                if goes_on and allowance.quantity is not None and left > 0:
                    found[counter, earned] = max(left, found.get((counter, earned), 0))
        return found

    def _lots(self, allowances: Sequence[Allowance], payer: Payer, at: datetime) -> list[Lot]:
        found: dict[tuple[Counter, str], tuple[tuple[object, ...], Allowance, int]] = {}
        zone_of_issuer = ZoneInfo(self.snapshot.issuers_zone[payer.issuer_id])

        def add(allowance: Allowance, counter: Counter, earned: str, capacity: int, ends: list[datetime]) -> None:
            over = date.fromisoformat(f"{months_after(earned, allowance.rollover_months + 1)}-01")
            expires = min([datetime(over.year, over.month, 1, tzinfo=zone_of_issuer), *ends])
            order = (allowance.priority, expires, earned, counter[0], counter[1], counter[2] or 0)
            found[counter, earned] = (order, allowance, capacity)

        for allowance in allowances:
            if allowance.owner.value == "line" and payer.line_id is None:
                continue  # a reseller has no line that could own a counter
            mine = self._grants(allowance.allowance_id, payer, at)
            for counter in {self._counter(allowance, grant, payer) for grant in mine}:
                if allowance.owner.value == "pool":
                    grants = self._pooled(allowance.allowance_id, counter, at)
                else:
                    grants = [grant for grant in mine if self._counter(allowance, grant, payer) == counter]
                ends = [grant.valid_to_at for grant in grants if grant.valid_to_at is not None]
                own = sum(self._capacity(allowance, grant, payer) for grant in grants)
                add(allowance, counter, self.month, own, ends)
                for carried in self.snapshot.carried:
                    whose = (carried.allowance_id, carried.owner_kind.value, carried.owner_id, carried.root_id)
                    if whose == counter and carried.month == self.month:
                        add(allowance, counter, carried.earned, carried.quantity, ends)
        return [(order, allowance, *key, capacity) for key, (order, allowance, capacity) in found.items()]

    def _grants(self, allowance_id: int, payer: Payer, at: datetime) -> list:  # type: ignore[type-arg]
        return [
            grant
            for grant in self.snapshot.grants
            if grant.allowance_id == allowance_id
            and valid(grant, at)
            and (
                (payer.line_id is not None and (grant.owner_kind.value, grant.owner_id) == ("line", payer.line_id))
                or (grant.owner_kind.value == "account" and grant.owner_id in payer.family)
            )
        ]

    def _pooled(self, allowance_id: int, counter: Counter, at: datetime) -> list:  # type: ignore[type-arg]
        """The grants in force to the account of a pool, and to the lines that are its own at that instant."""
        lines = {
            known.line_id
            for known in self.snapshot.assignments
            if known.account_id == counter[2] and self._account_of(known.line_id, at) == counter[2]
        }
        return [
            grant
            for grant in self.snapshot.grants
            if grant.allowance_id == allowance_id
            and valid(grant, at)
            and (
                (grant.owner_kind.value, grant.owner_id) == ("account", counter[2])
                or (grant.owner_kind.value == "line" and grant.owner_id in lines)
            )
        ]

    def _account_of(self, line_id: int, at: datetime) -> int | None:
        held = [known for known in self.snapshot.assignments if known.line_id == line_id and valid(known, at)]
        held.sort(key=lambda known: (known.valid_from_at is None, -(known.valid_from_at or at).timestamp()))
        return held[0].account_id if held else None

    def _counter(self, allowance: Allowance, grant: object, payer: Payer) -> Counter:
        if allowance.owner.value == "line":
            return allowance.allowance_id, "line", payer.line_id, payer.root_id
        to_account = grant.owner_kind.value == "account"  # type: ignore[attr-defined]
        owner = grant.owner_id if to_account else payer.account_id  # type: ignore[attr-defined]
        return allowance.allowance_id, "account", owner, payer.root_id

    def _capacity(self, allowance: Allowance, grant: object, payer: Payer) -> int:
        if allowance.quantity is None:
            return UNLIMITED
        if not allowance.prorated:
            return allowance.quantity
        zone = ZoneInfo(self.snapshot.issuers_zone[payer.issuer_id])
        first = date.fromisoformat(f"{self.month}-01")
        days = [first + timedelta(days=number) for number in range(31)]
        days = [day for day in days if day.month == first.month]
        in_force = 0
        for day in days:
            start, end = (
                datetime(known.year, known.month, known.day, tzinfo=zone) for known in (day, day + timedelta(days=1))
            )
            since, until = grant.valid_from_at, grant.valid_to_at  # type: ignore[attr-defined]
            in_force += (since is None or since < end) and (until is None or until > start)
        return -(-allowance.quantity * in_force // len(days))

    # -- promotions

    def promote(
        self,
        call: Usage,
        payer: Payer,
        zone: str,
        *,
        uncovered: int,
        exact: Fraction,
        undiscounted_micros: int,
        frozen: Frozen | None,
    ) -> tuple[Fraction, int | None, int]:
        """The exact price after the promotion that applies, its id, and how much it applied to (0 = all).

        `undiscounted_micros` is the amount that no promotion would leave. What is taken back gets what needs no
        counter, and counts nowhere.
        """
        chosen: tuple[Promotion, Fraction, int] | None = None
        for promotion, counter in self._promotions(call, payer, zone):
            if call.quantity < 0 and windowed(promotion):
                continue
            quantity = {"calls": 1, "money": undiscounted_micros}.get(promotion.counted.value, uncovered)
            used = self.counted.get(counter, 0)
            fraction, inside = window(promotion, used, quantity)
            self.counted[counter] = used + max(0, quantity)
            if frozen is not None and promotion.promotion_id == frozen.promotion_id:
                part = Fraction(frozen.promoted, quantity) if frozen.promoted else Fraction(1)
                chosen = promotion, part, frozen.promoted
            if frozen is None and chosen is None and fraction > 0:
                chosen = promotion, fraction, inside
        if chosen is None:
            return exact, None, 0
        promotion, fraction, inside = chosen
        cheaper = exact * (1 - Fraction(promotion.percentage) / 100) - Fraction(promotion.amount)
        if exact >= 0:
            cheaper = max(cheaper, Fraction(0))
        return exact - fraction * (exact - cheaper), promotion.promotion_id, 0 if fraction == 1 else inside

    def _promotions(self, call: Usage, payer: Payer, zone: str) -> list[tuple[Promotion, Counter]]:
        found: dict[Counter, Promotion] = {}
        promotions = {promotion.promotion_id: promotion for promotion in self.snapshot.promotions}
        for grant in self.snapshot.promotion_grants:
            promotion = promotions[grant.promotion_id]
            kind, owner = grant.owner_kind.value, grant.owner_id
            mine = (
                (kind == "line" and owner == payer.line_id)
                or (kind == "account" and owner in payer.family)
                or (kind == "issuer" and owner == payer.issuer_id)
            )
            if not mine or not valid(grant, call.answered_at) or (promotion.zones and zone not in promotion.zones):
                continue
            if windowed(promotion) and promotion.counted.value not in COUNTED_OF_KIND[call.kind.value]:
                continue
            if promotion.owner.value == "line" and payer.line_id is None:  # a reseller counts as an account
                counter = (promotion.promotion_id, "account", payer.account_id, payer.root_id)
            elif promotion.owner.value == "line":
                counter = (promotion.promotion_id, "line", payer.line_id, payer.root_id)
            else:
                account = owner if kind == "account" else payer.account_id
                counter = (promotion.promotion_id, "account", account, payer.root_id)
            found[counter] = promotion
        order = sorted(found, key=lambda counter: (found[counter].priority, *counter[:2], counter[2] or 0))
        return [(found[counter], counter) for counter in order]


def windowed(promotion: Promotion) -> bool:
    return promotion.from_quantity > 0 or promotion.to_quantity is not None


def window(promotion: Promotion, used: int, quantity: int) -> tuple[Fraction, int]:
    """The part of a usage that falls inside the window, as a fraction and a quantity."""
    end = UNLIMITED if promotion.to_quantity is None else promotion.to_quantity
    if not windowed(promotion):
        return Fraction(1), max(0, quantity)
    if quantity <= 0:
        return Fraction(promotion.from_quantity <= used < end), 0
    inside = max(0, min(end, used + quantity) - max(promotion.from_quantity, used))
    return Fraction(inside, quantity), inside


def months_after(month: str, count: int) -> str:
    year, number = int(month[:4]), int(month[5:]) - 1 + count
    return f"{year + number // 12}-{number % 12 + 1:02d}"
