"""The convention finder: which deck and which conventions explain the calls an operator priced, and which calls none
explains.

`find` is the one door. The search of one book is `search`, what the sample cannot decide is `verdict`, why one call is
wrong is `causes`; docs/algorithms/conventions.md is the method with its limits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ardoise.core.calendars import HolidayBook, french_holidays
from ardoise.core.conventions.book import Book
from ardoise.core.conventions.causes import Unexplained, unexplained
from ardoise.core.conventions.coefficient import likely_coefficients
from ardoise.core.conventions.evaluate import Evaluator, evaluator_of
from ardoise.core.conventions.model import Convention, Deck, PricedCall
from ardoise.core.conventions.search import SAMPLES, WELL_PERCENT, Search
from ardoise.core.conventions.verdict import Contest, Doubt, Verdict
from ardoise.core.money import Rounding
from ardoise.core.tariffs import BandBorder

SURE_PERCENT, LIKELY_PERCENT = 90, 60
SEARCHED_BOOKS = 3
SINGLE_VERSIONS = 6  # the newest versions are also tried on every call, whatever its date
FEWEST_OF_A_ZONE = 5
FEW_BELIEFS = 3  # a convention stranger than that is held against every call at one version

Step = Callable[[int], None]
Found = tuple[int, Convention, Book, list[Convention], int]


class NothingToCompare(ValueError):
    """No call, no deck, or no row of a deck for any of the calls; the message says what to give."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found. `explained` of `calls` cost what `convention` says; `unexplained` lists the others.

    `doubts` are conventions that the sample cannot tell from the one named, or hardly; `as_written` is how many calls
    the best deck explains just as it is recorded. `equal_roundings` are those that change no call of this tariff, as
    far as calls were tried: a rounding is named all the same.
    """

    convention: Convention
    book: Book
    calls: int
    explained: int
    as_written: int
    doubts: tuple[Doubt, ...]
    unexplained: tuple[Unexplained, ...]
    equal_roundings: tuple[Rounding, ...] = ()

    @property
    def confidence(self) -> str:
        """« sure », « low » (under 90 % explained) or « none » (under 60 %)."""
        percent = 100 * self.explained // self.calls
        return "sure" if percent >= SURE_PERCENT else "low" if percent >= LIKELY_PERCENT else "none"

    @property
    def stake_micros(self) -> int:
        """Printed less expected, over the unexplained calls that have an expected amount: what was charged too much."""
        return sum(found.difference_micros or 0 for found in self.unexplained)


def find(
    calls: Sequence[PricedCall],
    decks: Sequence[Deck],
    *,
    holidays: HolidayBook = french_holidays,
    step: Step = lambda done: None,
) -> Audit:
    """Find the deck and convention that explain most of the calls. Raises NothingToCompare.

    `step` is told about the hypotheses tried, as they are. Same calls and decks, same answer.
    """
    if not calls or not decks:
        raise NothingToCompare("an audit needs priced calls and at least one tariff to compare them with")
    books = list(_books(calls, decks, holidays=holidays))
    found = _found(books, calls, step)
    explained = found[0][0] if found else 0
    if 100 * explained < SURE_PERCENT * len(calls):
        scaled = [
            Book(book.deck, calls, version_id=book.version_id, coefficient=coefficient, holidays=holidays)
            for book in _ranked(books, calls, step)
            for coefficient in likely_coefficients(Search(book, calls), step)
        ]
        books += scaled
        found = sorted([*found, *_searched(_ranked(scaled, calls, step), calls, step)], key=_order)
    if not found:
        raise NothingToCompare(
            "no call of some duration meets a row of these tariffs; check the tariffs' codes, the column of the number "
            "and the dates of the versions"
        )
    _, convention, book, near, _ = found[0]
    verdict = _settled(Contest(book, calls, books, near), convention, step)
    return _audit(verdict, calls, step)


def _books(calls: Sequence[PricedCall], decks: Sequence[Deck], *, holidays: HolidayBook) -> Iterable[Book]:
    """Each deck by the dates of its versions; then each of its newest versions for every call."""
    for deck in decks:
        dated = Book(deck, calls, holidays=holidays)
        yield dated
        met = {site.version_id for site in dated.sites if site is not None}
        versions = sorted(deck.tariff.versions, key=lambda known: (known.valid_from_at, known.version_id))
        for version in versions[-SINGLE_VERSIONS:]:
            if met != {version.version_id}:  # else it is what the dates say
                yield Book(deck, calls, version_id=version.version_id, holidays=holidays)


def _found(books: Sequence[Book], calls: Sequence[PricedCall], step: Step) -> list[Found]:
    """What explains the calls by the dates of the versions; where that is not well, also single versions."""
    dated = [book for book in books if book.version_id is None]
    found = _searched(dated if len(dated) == 1 else _ranked(dated, calls, step), calls, step)
    well = found and 100 * found[0][0] >= WELL_PERCENT * len(calls) and found[0][4] <= FEW_BELIEFS
    if well or len(dated) == len(books):
        return found
    single = [book for book in books if book.version_id is not None]
    return sorted([*found, *_searched(_ranked(single, calls, step), calls, step)], key=_order)


def _ranked(books: Sequence[Book], calls: Sequence[PricedCall], step: Step) -> list[Book]:
    """Books by the share of calls they may explain, on a small sample; those far behind are left out."""
    scored = []
    for book in books:
        search = Search(book, calls)
        if search.rows:
            best = search.rough(search.trials(), SAMPLES[0], step)[0][0]
            share = 1000 * best // min(SAMPLES[0], len(search.rows))
            scored.append((share * len(search.rows) // len(calls), book))
    scored.sort(key=lambda pair: -pair[0])
    return [book for share, book in scored if 10 * share >= 8 * scored[0][0]][:SEARCHED_BOOKS]


def _searched(books: Sequence[Book], calls: Sequence[PricedCall], step: Step) -> list[Found]:
    """(calls explained, convention, its book, conventions that come near, what one must believe), the best first."""
    found: list[Found] = []
    for book in books:
        search = Search(book, calls)
        near = search.best(step)
        if near:
            explained, convention = near[0]
            found.append((explained, convention, book, [known for _, known in near], search.beliefs(convention)))
    return sorted(found, key=_order)


def _order(found: Found) -> tuple[int, int, int]:
    return -found[0], found[4], int(found[1].version_id is not None)


def _settled(contest: Contest, convention: Convention, step: Step) -> Verdict:
    """The convention with its border, its calls of 0 s and the terms of single zones; then put to its rivals."""
    book, calls = contest.book, contest.calls
    moving = [at for at, site in enumerate(book.sites) if site is not None and site.later]
    convention = _most(book, calls, moving, [replace(convention, border=border) for border in _borders(book)])
    silent = [at for at, site in enumerate(book.sites) if site is not None and calls[at].talk_s == 0]
    own = book.tariff.bill_zero_seconds
    convention = _most(
        book, calls, silent, [replace(convention, bill_zero_seconds=billed) for billed in (own, not own)]
    )
    parts = [at for at, site in enumerate(book.sites) if site is not None and site.rate.service_price]
    convention = _most(book, calls, parts, [replace(convention, parts_apart=apart) for apart in (False, True)])
    return contest.judge(_with_zones(book, calls, convention, step), step)


def _borders(book: Book) -> list[BandBorder]:
    own = book.tariff.band_border
    return [own, *(border for border in BandBorder if border is not own)]


def _most(book: Book, calls: Sequence[PricedCall], indexes: Sequence[int], tried: Sequence[Convention]) -> Convention:
    """The first of the conventions that explain most of these calls."""
    scored = [
        (sum(evaluator.explains(calls[at], book.sites[at]) for at in indexes), -place, convention)
        for place, convention in enumerate(tried)
        if (evaluator := evaluator_of(book, convention)) is not None
    ]
    return max(scored, key=lambda known: known[:2])[2]


def _with_zones(book: Book, calls: Sequence[PricedCall], convention: Convention, step: Step) -> Convention:
    """Zones that the convention hardly explains are searched on their own, under the same rounding."""
    by_zone: dict[str, list[int]] = defaultdict(list)
    right: Counter[str] = Counter()
    evaluator = Evaluator(book, convention)
    for at, site in enumerate(book.sites):
        if site is not None:
            by_zone[site.rate.zone].append(at)
            right[site.rate.zone] += evaluator.explains(calls[at], site)
    for zone, indexes in sorted(by_zone.items()):
        if len(indexes) < FEWEST_OF_A_ZONE or 10 * right[zone] >= 7 * len(indexes):
            continue
        for explained, found in Search(book, calls, indexes, like=convention).best(step)[:1]:
            if 10 * explained >= 8 * len(indexes) and explained - right[zone] >= FEWEST_OF_A_ZONE:
                others = [known for known in convention.zones if known[0] != zone]
                convention = replace(convention, zones=tuple(sorted([*others, (zone, found.terms_of(zone))])))
    return convention


def _audit(verdict: Verdict, calls: Sequence[PricedCall], step: Step) -> Audit:
    book, convention = verdict.book, verdict.convention
    wrong = unexplained(verdict.evaluator, calls, verdict.explained, step)
    return Audit(
        convention=convention,
        book=book,
        calls=len(calls),
        explained=len(calls) - len(wrong),
        as_written=_as_written(book, calls),
        doubts=verdict.doubts,
        unexplained=wrong,
        equal_roundings=verdict.equal_roundings,
    )


def _as_written(book: Book, calls: Sequence[PricedCall]) -> int:
    tariff = book.tariff
    plain = book if book.version_id is None and book.coefficient == 1 else Book(book.deck, calls)
    evaluator = evaluator_of(
        plain,
        Convention(
            deck=tariff.code,
            coefficient=Decimal(1),
            origin=tariff.increment_origin,
            rounding=tariff.rounding,
            decimals=tariff.rounding_decimals,
            increment_decimals=tariff.increment_decimals,
            border=tariff.band_border,
            bill_zero_seconds=tariff.bill_zero_seconds,
            parts_apart=True,
        ),
    )
    if evaluator is None:
        return 0
    return sum(evaluator.explains(call, site) for call, site in zip(calls, plain.sites, strict=True))
