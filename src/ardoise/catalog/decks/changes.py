"""What a deck changes in a tariff: the versions that it makes, row by row beside what was in force. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NamedTuple

from ardoise.catalog.decks.deck import Destination, Entry, Key, Priced, Terms


class Kind(StrEnum):
    """What becomes of a row. A row is dearer when nothing in it is cheaper, `changed` when some of it is either."""

    NEW = "new"
    DEARER = "dearer"
    CHEAPER = "cheaper"
    CHANGED = "changed"
    GONE = "gone"
    UNCHANGED = "unchanged"


class Change(NamedTuple):
    """One row of a version beside the same row before; `line` is that of the deck, 0 when the deck does not have it."""

    kind: Kind
    from_date: date
    key: Key
    line: int
    old: Priced | None
    new: Priced | None

    @property
    def difference_percent(self) -> Decimal | None:
        """By how much the price per minute changes, one decimal; None where one of the two is missing or zero."""
        old = self.old.terms.price_per_min if self.old else None
        new = self.new.terms.price_per_min if self.new else None
        if not old or new is None:
            return None
        return ((new - old) * 100 / old).quantize(Decimal("0.1"), rounding=ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class VersionPlan:
    """A version to write: all its rows, and what differs from the one before it. Unchanged rows are only counted."""

    valid_from_date: date
    rows: Mapping[Key, Priced]
    changes: tuple[Change, ...]
    counts: Mapping[Kind, int]


def missing_keys(base: Iterable[Key], entries: Sequence[Entry]) -> set[Key]:
    """The rows in force that the deck does not speak of. Rows of a kind that it has nowhere are none of its business:
    a deck of calls says nothing of messages.
    """
    spoken = {entry.key for entry in entries}
    scope = {_scope(key) for key in spoken}
    return {key for key in base if key not in spoken and _scope(key) in scope}


def _scope(key: Key) -> tuple[str, bool]:
    return key.kind, bool(key.origin)


def plan_versions(
    base: Mapping[Key, Priced],
    entries: Sequence[Entry],
    zones: Mapping[Destination, str],
    *,
    keep_missing: bool,
) -> list[VersionPlan]:
    """One whole version for each day on which something starts or ends, the first day included.

    `base` is what is in force on the first of these days. A row that the deck gives from a later day only keeps its
    terms until then. Rows that the deck does not speak of stay (`keep_missing`) or are gone from the first day on.
    """
    days = sorted({entry.from_date for entry in entries})
    days = sorted({*days, *(entry.to_date for entry in entries if entry.to_date and entry.to_date > days[0])})
    kept = dict(base)
    if not keep_missing:
        for key in missing_keys(base, entries):
            del kept[key]
    by_day: dict[date, list[Entry]] = {day: [] for day in days}
    for entry in entries:
        by_day[entry.from_date].append(entry)
    plans = []
    before: Mapping[Key, Priced] = base
    ends: dict[Key, date | None] = {}
    for day in days:
        lines: dict[Key, int] = {}
        kept = {key: row for key, row in kept.items() if (end := ends.get(key)) is None or end > day}
        for entry in by_day[day]:
            lines[entry.key] = entry.line
            ends[entry.key] = entry.to_date
            if entry.terms is None or (entry.to_date is not None and entry.to_date <= day):
                kept.pop(entry.key, None)
            else:
                kept[entry.key] = Priced(zones[entry.destination], entry.terms)
        plans.append(_plan(day, before, dict(kept), lines))
        before = plans[-1].rows
    return plans


def _plan(
    day: date, before: Mapping[Key, Priced], after: Mapping[Key, Priced], lines: Mapping[Key, int]
) -> VersionPlan:
    changes = []
    kinds: dict[tuple[int, int], Kind] = {}  # a price list has few different terms, each of them one value
    for key, new in after.items():
        old = before.get(key)
        if old is None:
            changes.append(Change(Kind.NEW, day, key, lines.get(key, 0), None, new))
        elif old != new:
            pair = (id(old.terms), id(new.terms))
            kind = kinds.get(pair) or kinds.setdefault(pair, _kind(old.terms, new.terms))
            changes.append(Change(kind, day, key, lines.get(key, 0), old, new))
    changes += [
        Change(Kind.GONE, day, key, lines.get(key, 0), old, None) for key, old in before.items() if key not in after
    ]
    counts = Counter(change.kind for change in changes)
    counts[Kind.UNCHANGED] = len(after) - sum(1 for change in changes if change.new is not None)
    return VersionPlan(day, after, tuple(changes), counts)


_COSTS = (
    *("price_per_min", "price", "connection_fee", "minimum", "maximum", "attempt_fee", "coefficient", "surcharge"),
    *("added_s", "raised_to_s"),
)
_GIFTS = ("free_s", "per", "raised_above_s", "surcharge_at_s", "surcharge_every_s")
_TEXTS = ("steps", "service_per")


def _kind(old: Terms, new: Terms) -> Kind:
    """Dearer when something costs more and nothing less; steps cannot be compared so."""
    ways: set[Kind] = set()
    for name in (*_COSTS, "service_price"):
        before, after = getattr(old, name), getattr(new, name)
        if (before is None) != (after is None):
            return Kind.CHANGED
        if before != after:
            ways.add(Kind.DEARER if after > before else Kind.CHEAPER)
    for name in _GIFTS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            ways.add(Kind.CHEAPER if after > before else Kind.DEARER)
    ways |= _increments_kind((old.first_s, old.next_s), (new.first_s, new.next_s))
    if len(ways) != 1 or any(getattr(old, name) != getattr(new, name) for name in _TEXTS):
        return Kind.CHANGED
    return ways.pop()


def _increments_kind(old: tuple[int, int], new: tuple[int, int]) -> set[Kind]:
    """Cheaper when every duration that the old increments bill is one that the new ones can bill: 60/60 -> 30/6.

    30/6 -> 60/1 is neither: a call of 20 s bills more, one of 61 s less.
    """
    if old == new:
        return set()
    if _holds(new, old):
        return {Kind.CHEAPER}
    return {Kind.DEARER} if _holds(old, new) else {Kind.CHEAPER, Kind.DEARER}


def _holds(fine: tuple[int, int], coarse: tuple[int, int]) -> bool:
    """Whether the durations billed by `coarse` (first, first + next, ...) are all billed by `fine`."""
    return coarse[1] % fine[1] == 0 and coarse[0] >= fine[0] and (coarse[0] - fine[0]) % fine[1] == 0
