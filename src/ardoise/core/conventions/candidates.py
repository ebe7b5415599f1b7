"""What the printed amounts themselves suggest: decimals, increments, free seconds, a minimum.

Nothing here decides; it keeps the list of hypotheses short and lets it hold values that no list of the field has.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ardoise.core.conventions.book import Profile

FIRST_S = (1, 5, 6, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180)
NEXT_S = (1, 5, 6, 10, 12, 15, 20, 30, 45, 60)
LONGEST_INCREMENT_S = 180
SHORT_S = 400  # thresholds of first increments and free seconds are looked for below
ENOUGH = 3  # calls that must say the same before it is worth a hypothesis


@dataclass(frozen=True, slots=True)
class Row:
    """A call of a plain row that meets one band, made ready: `amount` and `printed_micros` are the printed amount."""

    index: int
    profile: int
    zone: str
    talk_s: int
    amount: int  # over the scale
    printed_micros: int


def fewest_decimals(rows: Sequence[Row], *, percent: int = 50) -> int:
    """The fewest decimals that so many of the printed amounts need no more of: rounding is hardly coarser. Amounts that
    may be a minimum are left out: they are round whatever the rounding.
    """
    least = minimums(rows)
    amounts = [row.printed_micros for row in rows if row.printed_micros and row.printed_micros not in least]
    for decimals in range(6):
        unit = 10 ** (6 - decimals)
        if amounts and 100 * sum(micros % unit == 0 for micros in amounts) >= percent * len(amounts):
            return decimals
    return 6


def minimums(rows: Sequence[Row]) -> list[int]:
    """Micros of amounts that are both frequent and the smallest: at most two, the most frequent first."""
    counts = Counter(row.printed_micros for row in rows if row.printed_micros > 0)
    total = sum(counts.values())
    below, found = 0, []
    for micros, count in sorted(counts.items()):
        if below * 5 > total:
            break
        if count >= max(ENOUGH, total // 100):
            found.append((count, micros))
        below += count
    return [micros for _, micros in sorted(found, reverse=True)[:2]]


def thresholds(rows: Iterable[Row]) -> list[int]:
    """Durations at which the price of short calls first rises: ends of a first increment or of free seconds."""
    by_profile: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.talk_s <= SHORT_S:
            by_profile[row.profile].append(row)
    low: list[tuple[int, bool]] = []
    rest: list[tuple[int, bool]] = []
    for known in by_profile.values():
        frequent = [micros for micros, count in Counter(row.printed_micros for row in known).items() if count > 1]
        for marks, values in ((low, sorted(frequent)), (rest, sorted(frequent)[1:])):
            if values:
                marks += [(row.talk_s, row.printed_micros <= values[0]) for row in known]
    first, second = _plateau(low), _plateau(rest)
    found = [*first, *second, *(b - a for a in first for b in second)]
    return sorted({value for value in found if 0 < value <= SHORT_S})


def _plateau(marks: list[tuple[int, bool]]) -> list[int]:
    """The thresholds that best part small from larger amounts; of a wide choice, its two ends."""
    if len(marks) < 2 * ENOUGH:
        return []
    by_duration: dict[int, int] = defaultdict(int)
    for talk_s, small in marks:
        by_duration[talk_s] += 1 if small else -1
    best, total = 0, 0
    spans: list[tuple[int, int]] = []
    durations = sorted(by_duration)
    for talk_s, following in pairwise([*durations, durations[-1] + 1]):
        total += by_duration[talk_s]
        if total > best:
            best, spans = total, []
        if total == best and best > 0:
            spans.append((talk_s, following))
    values = [
        value for start, end in spans[:3] for value in ((start, end - 1) if end - start > 6 else range(start, end))
    ]
    return sorted(set(values))[:8]


def next_increments(rows: Sequence[Row], profiles: Sequence[Profile], *, unit: int) -> list[int]:
    """Increments that the longer calls show, the likeliest first: within one, amounts must not move.

    Calls of one price are put in the order of their duration; an increment of n seconds is likely when two neighbours
    always lie a whole number of increments apart. The dearer an increment beside the rounding, the more that says.
    """
    by_profile: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if len(profiles[row.profile].prices) == 1:
            by_profile[row.profile].append(row)
    fullest = sorted(by_profile.values(), key=lambda known: -len(known) * profiles[known[0].profile].prices[0][1])[:12]
    pairs = []
    for known in fullest:
        price = abs(profiles[known[0].profile].prices[0][1])
        ordered = sorted(known, key=lambda row: row.talk_s)
        for low, high in pairwise(ordered[len(ordered) // 3 :]):
            # Two calls further apart than the longest increment, or than the rounding can tell, say nothing.
            if 0 < high.talk_s - low.talk_s <= LONGEST_INCREMENT_S and price > 0:
                pairs.append((low.talk_s, high.talk_s, high.amount - low.amount, price))
    scores = []
    for next_s in range(1, LONGEST_INCREMENT_S + 1):
        weights = [_weight(pair, next_s, unit) for pair in pairs]
        if sum(weight > 0 for weight in weights) >= ENOUGH:
            scores.append((sum(weights), next_s))
    return [next_s for score, next_s in sorted(scores, reverse=True)[:10] if score > 0]


def _weight(pair: tuple[int, int, int, int], next_s: int, unit: int) -> int:
    """How much two calls speak for an increment, or against it: their amounts lie a whole number of increments apart,
    as many as their durations allow, or not. Nothing where any amounts would.
    """
    low_s, high_s, difference, price = pair
    block = next_s * price
    fewest = (high_s - low_s) // next_s
    agrees = any(abs(difference - count * block) <= 2 * unit for count in (fewest, fewest + 1))
    said = min(block // (4 * unit), 8)
    return said if agrees else -said
