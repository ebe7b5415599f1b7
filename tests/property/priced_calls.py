"""An operator that prices calls, written apart from the product: integers only, second by second where it can be.

It shares no line and no import with `ardoise`. Amounts are counted in sixty-millionths of a euro, so that a price of so
many micros a minute costs exactly that much a second.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EURO = 60_000_000
PARIS = ZoneInfo("Europe/Paris")
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Way:
    """How this operator turns seconds into euros. Fees and minimums in micros."""

    first: int = 1
    next: int = 1
    origin: str = "first_next"
    free: int = 0
    fee: int = 0
    minimum: int = 0
    mode: str = "half_up"
    decimals: int = 4
    increment_decimals: int | None = None
    border: str = "start"
    zero_billed: bool = False
    fees_by_zone: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Printed:
    """A line of the operator's file; `planted` names the mistake made on purpose, "" for none."""

    caller: str
    number: str
    answered_at: datetime
    seconds: int
    micros: int
    planted: str = ""


# Prefix -> (zone, micros a minute in full hours, in low hours). A shorter prefix holds where no longer one does.
DECK = {
    "33": ("fixe", 12_500, 8_500),
    "336": ("mobile", 61_000, 43_000),
    "337": ("mobile", 61_000, 43_000),
    "3376": ("mobile", 72_300, 50_100),
    "49": ("allemagne", 23_400, 18_700),
    "4915": ("allemagne-mobile", 187_000, 131_000),
    "44": ("royaume-uni", 19_900, 15_300),
    "1": ("amerique", 9_700, 7_100),
    "212": ("maroc", 310_000, 274_000),
}
OLD_DECK = {prefix: (zone, full + 7_700, low + 5_900) for prefix, (zone, full, low) in DECK.items()}


def round_units(units: int, share: int, decimals: int, mode: str) -> int:
    """units/share sixty-millionths, to so many decimals of a euro, in micros."""
    step = EURO // 10**decimals * share
    whole, rest = divmod(units, step)
    if (
        (mode == "up" and rest)
        or (mode == "half_up" and 2 * rest >= step)
        or (mode == "half_even" and (2 * rest > step or (2 * rest == step and whole % 2)))
    ):
        whole += 1
    return whole * 10 ** (6 - decimals)


def band(at: datetime) -> str:
    """Full hours: Monday to Friday, 8 to 19 in Paris."""
    local = at.astimezone(PARIS)
    return "pleines" if local.isoweekday() <= 5 and 8 <= local.hour < 19 else "creuses"


class Operator:
    def __init__(self, way: Way, *, banded: bool = True, deck: dict[str, tuple[str, int, int]] | None = None) -> None:
        self.way, self.banded, self.deck = way, banded, deck or DECK

    def row(self, number: str) -> tuple[str, int, int]:
        return next(self.deck[number[:n]] for n in range(len(number), 0, -1) if number[:n] in self.deck)

    def price(self, number: str, at: datetime) -> int:
        _, full, low = self.row(number)
        return full if not self.banded or band(at) == "pleines" else low

    def block(self, price: int, seconds: int) -> int:
        """Units of one increment."""
        units = price * seconds
        places = self.way.increment_decimals
        return units if places is None else round_units(units, 1, places, self.way.mode) * 60

    def micros(self, number: str, at: datetime, seconds: int) -> int:
        way = self.way
        if seconds == 0 and not way.zero_billed:
            return 0
        units, share = self.steps(number, at, max(0, max(seconds, 1) - way.free))
        fee = way.fees_by_zone.get(self.row(number)[0], way.fee)
        units = max(units + fee * 60 * share, way.minimum * 60 * share)
        return round_units(units, share, way.decimals, way.mode)

    def steps(self, number: str, at: datetime, chargeable: int) -> tuple[int, int]:
        """(units, share): the price of the chargeable seconds is units/share."""
        way, price = self.way, self.price(number, at)
        if chargeable == 0:
            return 0, 1
        if way.origin == "zero":
            first = self.block(price, way.first)
            if chargeable <= way.first:
                return first, 1
            billed = (chargeable + way.next - 1) // way.next * way.next
            return first * way.next + (billed - way.first) * self.block(price, way.next), way.next
        if way.border == "start":
            return self.walk(0, chargeable, lambda second: price)[0], 1
        begin = at + timedelta(seconds=way.free)
        if way.border == "carry":
            return self.walk(0, chargeable, lambda second: self.price(number, begin + timedelta(seconds=second)))[0], 1
        units = start = 0
        for second in range(1, chargeable + 1):  # split: cut where the band changes, each part on its own
            here = band(begin + timedelta(seconds=second - 1))
            if second == chargeable or band(begin + timedelta(seconds=second)) != here:
                part = self.price(number, begin + timedelta(seconds=second - 1))
                units += self.walk(start, second, lambda _, part=part: part)[0]
                start = second
        return units, 1

    def walk(self, start: int, end: int, price_at: Callable[[int], int]) -> tuple[int, int]:
        """One increment after the other, each at the price of its first second."""
        units, reached = 0, start
        while reached < end:
            size = self.way.first if reached < self.way.first else self.way.next
            units += self.block(price_at(reached), size)
            reached += size
        return units, reached


MISTAKES = ("cent_more", "other_band", "other_row", "one_increment_more", "twice", "old_price", "times_ten", "vat")


def traffic(
    operator: Operator, *, calls: int, seed: int, wrong_permille: int = 20, durations: str = "mixed"
) -> list[Printed]:
    """A month of calls as the operator prints them, some wrong on purpose (every planted one differs from the right
    amount, or is printed twice)."""
    chance = random.Random(seed)
    prefixes = sorted(operator.deck)
    lines: list[Printed] = []
    for _ in range(calls):
        prefix = chance.choice(prefixes)
        number = prefix + "".join(chance.choice("0123456789") for _ in range(12 - len(prefix)))
        at = OCTOBER + timedelta(seconds=chance.randrange(31 * 86_400))
        if chance.random() < 0.05:  # near a border of bands, where conventions part
            at = at.replace(hour=chance.choice((5, 6, 16, 17)), minute=57, second=chance.randrange(60))
        seconds = {
            "mixed": int(chance.expovariate(1 / 140)) + 1,
            "minutes": 60 * chance.randint(1, 9),
            "short": chance.randint(1, 59),
        }[durations]
        if durations == "mixed" and chance.random() < 0.02:
            seconds = 0
        right = operator.micros(number, at, seconds)
        line = Printed(f"33199{chance.randrange(100_000):05d}", number, at, seconds, right)
        if chance.randrange(1000) < wrong_permille:
            lines += mistaken(operator, line, chance)
        else:
            lines.append(line)
    return lines


def mistaken(operator: Operator, line: Printed, chance: random.Random) -> list[Printed]:
    kind = chance.choice(MISTAKES)
    cent = 10 ** (6 - min(operator.way.decimals, 4))
    wrong = line.micros + cent
    if kind == "twice" and line.seconds:
        return [line, Printed(**(vars(line) | {"planted": "twice"}))]
    if kind == "other_band":
        there = operator.price(line.number, line.answered_at)
        flat = {
            prefix: (zone, low if there == full else full, 0) for prefix, (zone, full, low) in operator.deck.items()
        }
        wrong = Operator(operator.way, banded=False, deck=flat).micros(line.number, line.answered_at, line.seconds)
    elif kind == "other_row":
        wrong = operator.micros(chance.choice(sorted(operator.deck)) + "00000000", line.answered_at, line.seconds)
    elif kind == "one_increment_more":
        wrong = operator.micros(line.number, line.answered_at, line.seconds + operator.way.next)
    elif kind == "old_price":
        wrong = Operator(operator.way, banded=operator.banded, deck=OLD_DECK).micros(
            line.number, line.answered_at, line.seconds
        )
    elif kind == "times_ten":
        wrong = line.micros * 10
    elif kind == "vat":
        wrong = line.micros * 12 // 10
    if wrong == line.micros:
        wrong, kind = line.micros + cent, "cent_more"
    return [Printed(**(vars(line) | {"micros": wrong, "planted": kind}))]
