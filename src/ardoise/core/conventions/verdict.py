"""Put a convention to its rivals: who explains the same calls, who explains nearly as many, and which call would tell.

A rival that explains one call more takes the place, so that the judgement ends on a convention that no rival beats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

from ardoise.core.conventions.book import Book, Site
from ardoise.core.conventions.evaluate import Evaluator, evaluator_of
from ardoise.core.conventions.fitting import Reading, Trial
from ardoise.core.conventions.model import Convention, PricedCall
from ardoise.core.conventions.search import FIRST_S, FREE_S, MODES, NEXT_S, Search
from ardoise.core.money import Rounding
from ardoise.core.tariffs import BandBorder

HARDLY = 2  # a rival that so few calls speak against is doubted aloud
ROUNDS = 6  # replacements of the convention by a better rival
PROBED_ROWS = 8
FEE_SAMPLE = 20_000
PROBED_S = (*range(1, 131), *range(131, 700, 7), *range(700, 3700, 61))

Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Decider:
    """A call that would tell two conventions apart."""

    call: PricedCall
    micros: int  # under the convention found
    other_micros: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """A rival that the sample does not refute, or that only `against` calls (more than those for it) speak against.

    `fields` are those in which it differs. `refs` are calls on which the two part.
    """

    fields: tuple[str, ...]
    other: Convention
    against: int
    refs: tuple[str, ...]
    decider: Decider

    @property
    def same(self) -> bool:
        """Whether the two explain exactly the same calls."""
        return not self.refs


@dataclass(frozen=True, slots=True)
class Verdict:
    book: Book
    convention: Convention
    evaluator: Evaluator
    explained: tuple[bool, ...]
    doubts: tuple[Doubt, ...]
    equal_roundings: tuple[Rounding, ...]


@dataclass(frozen=True, slots=True)
class _Compared:
    losses: tuple[int, ...]
    gains: tuple[int, ...]


FIELDS = (
    "deck",
    "version_id",
    "coefficient",
    "increments",
    "origin",
    "free_s",
    "fee",
    "minimum",
    "zones",
    "rounding",
    "decimals",
    "increment_decimals",
    "border",
    "bill_zero_seconds",
    "parts_apart",
)


def field(convention: Convention, name: str) -> object:
    """One field of a convention, by the names of FIELDS."""
    if name in ("increments", "free_s", "fee", "minimum"):
        return getattr(convention.terms, name)
    return getattr(convention, name)


def differing(one: Convention, other: Convention) -> tuple[str, ...]:
    return tuple(name for name in FIELDS if field(one, name) != field(other, name))


class Contest:
    """The calls, the book of the convention, the other books, and conventions that came near in the search."""

    def __init__(
        self, book: Book, calls: Sequence[PricedCall], books: Sequence[Book], near: Sequence[Convention]
    ) -> None:
        self.book, self.calls, self.books, self.near = book, calls, books, near
        self.search = Search(book, calls)
        self._order = self._telling_order()
        self._probes = list(self._made_probes())

    def _telling_order(self) -> list[int]:
        """Calls at a border and calls of 0 s first, then every zone and every length: what refutes comes early."""
        sites = self.book.sites
        silent = [call.talk_s == 0 for call in self.calls]
        special = [at for at, site in enumerate(sites) if site is not None and (site.later or silent[at])]
        known = set(special)
        steady = [row.index for row in self.search.rows if row.index not in known]
        known.update(steady)
        rest = [at for at, site in enumerate(sites) if site is not None and at not in known]
        head = len(special) // 2
        return [*steady[:200], *special[:head], *steady[200:], *special[head:], *rest]

    def judge(self, convention: Convention, step: Step) -> Verdict:
        """The convention, or the rival that beats it, with what remains in doubt. Doubts are of rivals that some call
        would tell from it; what no call could tell is no doubt.
        """
        for _ in range(ROUNDS):
            evaluator = Evaluator(self.book, convention)
            explained = tuple(map(evaluator.explains, self.calls, self.book.sites))
            doubts, better = self._rivals(convention, evaluator, explained, step)
            if better is None:
                break
            convention = better
        equal = self._equal_roundings(convention, evaluator, explained)
        return Verdict(self.book, convention, evaluator, explained, _plain_first(doubts), equal)

    def _equal_roundings(
        self, convention: Convention, evaluator: Evaluator, explained: Sequence[bool]
    ) -> tuple[Rounding, ...]:
        """The other roundings that give every call of the sample, and every call tried beside it, the same amount."""
        equal = []
        for mode in MODES:
            rival = evaluator_of(self.book, replace(convention, rounding=mode))
            if mode is convention.rounding or rival is None:
                continue
            compared = self._compare(rival, explained)
            if compared == _Compared((), ()) and self._decider(evaluator, rival) is None:
                equal.append(mode)
        return tuple(equal)

    def _rivals(
        self, convention: Convention, evaluator: Evaluator, explained: Sequence[bool], step: Step
    ) -> tuple[list[Doubt], Convention | None]:
        doubts: list[Doubt] = []
        seen = {convention}
        for other, book in self._others(convention):
            if other in seen:
                continue
            seen.add(other)
            step(1)
            rival = evaluator_of(book, other)
            if rival is None:
                continue
            compared = self._compare(rival, explained)
            if compared is None:
                continue
            against = len(compared.losses) - len(compared.gains)
            simpler = self.search.simplicity(other) < self.search.simplicity(convention)
            if book is self.book and (against < 0 or (against == 0 and simpler)):
                return [], other
            parted = [*compared.losses, *compared.gains]
            decider = self._decider(evaluator, rival)
            if decider is not None:
                refs = tuple(self.calls[at].ref for at in parted[:5])
                doubts.append(Doubt(differing(convention, other), other, against, refs, decider))
        return doubts, None

    def _compare(self, rival: Evaluator, explained: Sequence[bool]) -> _Compared | None:
        """The calls that only one of the two explains; None once the rival is clearly worse."""
        losses: list[int] = []
        gains: list[int] = []
        sites, calls = rival.book.sites, self.calls
        for at in self._order:
            site = sites[at]
            right = site is not None and rival.micros(site, calls[at].talk_s) == calls[at].printed_micros
            if right != explained[at]:
                (losses if explained[at] else gains).append(at)
                if len(losses) > len(gains) + HARDLY and len(losses) > 4:
                    return None
        if len(losses) - len(gains) > HARDLY:
            return None
        return _Compared(tuple(losses), tuple(gains))

    # -- rivals

    def _others(self, convention: Convention) -> Iterator[tuple[Convention, Book]]:
        """One field after the other; then what came near in the search, under the same border."""
        for other in self._one_field(convention):
            yield other, self.book
        for other in self._with_other_fee(convention):
            yield other, self.book
        for book in self.books:
            if book is not self.book:
                yield (
                    replace(
                        convention, deck=book.tariff.code, version_id=book.version_id, coefficient=book.coefficient
                    ),
                    book,
                )
        for known in self.near:
            if _places(known) > _places(convention):
                continue  # a fee of more digits can mimic another rounding; the simpler story is told
            for border in (convention.border, *BandBorder):
                joint = replace(
                    known,
                    border=border,
                    bill_zero_seconds=convention.bill_zero_seconds,
                    parts_apart=convention.parts_apart,
                )
                yield joint, self.book

    def _one_field(self, convention: Convention) -> Iterator[Convention]:
        terms, search = convention.terms, self.search
        for pair in self._pairs(terms.increments):
            first_s, next_s = pair or (None, None)
            yield replace(convention, terms=replace(terms, first_s=first_s, next_s=next_s))
        for origin in search.origins(terms.increments):
            yield replace(convention, origin=origin)
        for free_s in dict.fromkeys([*FREE_S, *search.ends]):
            yield replace(convention, terms=replace(terms, free_s=free_s))
        for least in search.least:
            amount = None if least is None else Decimal(least).scaleb(-6).normalize() + 0
            yield replace(convention, terms=replace(terms, minimum=amount))
        for fee in (None if written else Decimal(0) for written in (*search.fees, False)):
            yield replace(convention, terms=replace(terms, fee=fee))
        for mode, decimals in product(MODES, range(7)):
            yield replace(convention, rounding=mode, decimals=decimals)
        for places in (None, *range(7)):
            yield replace(convention, increment_decimals=places)
        for border in BandBorder:
            yield replace(convention, border=border)
        yield replace(convention, bill_zero_seconds=not convention.bill_zero_seconds)
        yield replace(convention, parts_apart=not convention.parts_apart)

    def _with_other_fee(self, convention: Convention) -> Iterator[Convention]:
        """Under each mode and minimum, the fee that most calls agree to: it was read off a sample under one mode."""
        terms, rows = convention.terms, self.search.rows[:FEE_SAMPLE]
        if terms.fee is None or not rows:
            return
        found = None if terms.minimum is None else int(terms.minimum.scaleb(6))
        for mode in MODES:
            reading = Reading(rows, scale=self.book.scale, decimals=convention.decimals, mode=mode)
            for minimum in dict.fromkeys((found, *self.search.least)):
                trial = Trial(
                    increments=terms.increments,
                    origin=convention.origin,
                    free_s=terms.free_s,
                    minimum=minimum,
                    written_fee=False,
                    increment_decimals=convention.increment_decimals,
                    rounding=mode,
                    decimals=convention.decimals,
                )
                other = self.search.convention(trial, self.search.fit(trial, rows, reading))
                yield replace(
                    other,
                    border=convention.border,
                    bill_zero_seconds=convention.bill_zero_seconds,
                    parts_apart=convention.parts_apart,
                )

    def _pairs(self, found: tuple[int, int] | None) -> Iterator[tuple[int, int] | None]:
        """Increments of the search, and every first and next increment beside those found."""
        yield from self.search.pairs
        if found is not None:
            yield from ((first_s, found[1]) for first_s in FIRST_S)
            yield from ((found[0], next_s) for next_s in NEXT_S)

    # -- the call that would tell

    def _made_probes(self) -> Iterable[tuple[PricedCall, Site]]:
        """Calls nobody made: the numbers of the sample at other durations, at borders of bands, at other versions."""
        known: dict[tuple[int, str], int] = {}
        for row in self.search.rows:
            known.setdefault((row.profile, row.zone), row.index)
        chosen = [self.calls[at] for at in [*list(known.values())[:PROBED_ROWS], *self._with_service()[:2]]]
        for call in chosen:
            steady = replace(call, talk_s=1)
            site = self.book.site(steady)
            if site is not None:
                yield from ((replace(call, talk_s=talk_s), site) for talk_s in PROBED_S)
                yield replace(call, talk_s=0), site
        moments = [at - timedelta(seconds=early) for at, _ in self.book.band_borders[1:15] for early in (10, 47)]
        lengths = (50, 60, 61, 75, 90, 119, 130, 181)
        versions = [version.valid_from_at + timedelta(hours=12) for version in self.book.tariff.versions[-5:]]
        for call, at, talk_s in product(chosen, [*moments, *filter(_early, versions)], lengths):
            probe = replace(call, answered_at=at, talk_s=talk_s)
            moved = self.book.site(probe)
            if moved is not None:
                yield probe, moved

    def _with_service(self) -> list[int]:
        return [at for at, site in enumerate(self.book.sites) if site is not None and site.rate.service_price]

    def _decider(self, evaluator: Evaluator, rival: Evaluator) -> Decider | None:
        for probe, site in self._probes:
            there = site if rival.book is self.book else rival.book.site(probe)
            if there is None:
                continue
            micros, other = evaluator.micros(site, probe.talk_s), rival.micros(there, probe.talk_s)
            if micros != other:
                return Decider(replace(probe, printed_micros=0), micros, other)
        return None


def _places(convention: Convention) -> int:
    """Most decimals of a fee or minimum."""
    terms = [convention.terms, *(terms for _, terms in convention.zones)]
    amounts = [amount or Decimal(0) for known in terms for amount in (known.fee, known.minimum)]
    return max(-int(amount.as_tuple().exponent) for amount in amounts)


def _early(at: datetime) -> bool:
    return at.year > 1970


def _plain_first(doubts: Sequence[Doubt]) -> tuple[Doubt, ...]:
    """Doubts that say something new: a rival that differs in two fields is left out when each alone is in doubt too."""
    single = {(doubt.fields[0], field(doubt.other, doubt.fields[0])) for doubt in doubts if len(doubt.fields) == 1}
    kept = [
        doubt
        for doubt in doubts
        if len(doubt.fields) == 1 or not any((name, field(doubt.other, name)) in single for name in doubt.fields)
    ]
    return tuple(sorted(kept, key=lambda doubt: (len(doubt.fields), not doubt.same, FIELDS.index(doubt.fields[0]))))
