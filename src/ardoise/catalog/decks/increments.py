"""Increments that a deck does not say: those in force stay. Pure.

A price list without a column of increments speaks of prices. Taking 1/1 for its rows would change what calls cost
without a word, so a code keeps the increments of its row in force; a new code takes those that all rows in force have,
and where they differ somebody must say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ardoise.catalog.decks.deck import Entry, Key, Priced, Terms
from ardoise.core.usage import UsageKind
from ardoise.core.wording import counted

Increments = tuple[int, int]
_Code = tuple[str, bool, str, str]
UNSAID: Increments = (1, 1)  # where nothing is in force, and the deck and the user say nothing


@dataclass(frozen=True, slots=True)
class FilledIncrements:
    """How many rows of a deck took which increments without saying them: `kept` from their own row in force, `taken`
    by new codes from all rows in force.
    """

    kept: Mapping[Increments, int]
    taken: Mapping[Increments, int]


class UnknownIncrements(ValueError):
    """New codes without increments, beside rows in force that differ in theirs. `line` is that of the first one."""

    def __init__(self, entries: Sequence[Entry], common: Mapping[Increments, int]) -> None:
        self.line = entries[0].line
        many = len(entries) > 1
        there = ", ".join(f"{text(pair)} ({counted(rows, 'row')})" for pair, rows in _by_size(common))
        super().__init__(
            f"nothing says the increments of {counted(len(entries), 'new code')} "
            f"({entries[0].key.prefix}{' ...' if many else ''}), and those in force differ: {there}; say --increment "
            "FIRST/NEXT, for example 60/1, for all rows of the deck, or add a column named increment"
        )


def text(pair: Increments) -> str:
    return f"{pair[0]}/{pair[1]}"


def filled(entries: Sequence[Entry], base: Mapping[Key, Priced]) -> tuple[list[Entry], FilledIncrements]:
    """The entries, each with increments, and where they came from. `base` is what is in force on the first day.

    Raises UnknownIncrements.
    """
    if all(entry.says_increments for entry in entries) or not base:
        return list(entries), FilledIncrements({}, {})
    in_force = {key: (row.terms.first_s, row.terms.next_s) for key, row in base.items() if _counts(key, row.terms)}
    by_code = _by_code(in_force)
    common = Counter(in_force.values())
    kept: Counter[Increments] = Counter()
    taken: Counter[Increments] = Counter()
    made: dict[tuple[int, Increments], Terms] = {}  # a price list has few different terms, each of them one value
    whole, unknown = [], []
    for entry in entries:
        if entry.says_increments or entry.terms is None or not _counts(entry.key, entry.terms):
            whole.append(entry)
            continue
        own = in_force.get(entry.key) or by_code.get(_code(entry.key))
        pair = own or (next(iter(common)) if len(common) == 1 else None)
        if pair is None and common:
            unknown.append(entry)
            continue
        pair = pair or UNSAID
        (kept if own else taken)[pair] += 1
        terms = made.get((id(entry.terms), pair))
        if terms is None:
            terms = made[id(entry.terms), pair] = entry.terms._replace(first_s=pair[0], next_s=pair[1])
        whole.append(entry._replace(terms=terms))
    if unknown:
        raise UnknownIncrements(unknown, common)
    return whole, FilledIncrements(dict(_by_size(kept)), dict(_by_size(taken)))


def _counts(key: Key, terms: Terms) -> bool:
    """Whether the increments of a row mean something: calls at a price per minute."""
    return key.kind == UsageKind.CALL and terms.price_per_min is not None and not terms.steps


def _code(key: Key) -> _Code:
    return key.prefix, key.exact, key.kind, key.origin


def _by_code(in_force: Mapping[Key, Increments]) -> dict[_Code, Increments]:
    """The increments of codes whose bands all have the same: a band that is new to them has them too."""
    pairs: dict[_Code, set[Increments]] = {}
    for key, pair in in_force.items():
        pairs.setdefault(_code(key), set()).add(pair)
    return {code: next(iter(known)) for code, known in pairs.items() if len(known) == 1}


def _by_size(rows: Mapping[Increments, int]) -> Iterable[tuple[Increments, int]]:
    return sorted(rows.items(), key=lambda known: (-known[1], known[0]))
