"""Why a call may cost something else than the convention says: one mistake that alone gives the printed amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from ardoise.core.conventions.book import Site
from ardoise.core.conventions.evaluate import Evaluator, evaluator_of
from ardoise.core.conventions.model import PricedCall
from ardoise.core.tariffs import BandBorder, Rate

Step = Callable[[int], None]

VAT_PERMILLE = (200, 100, 85, 55, 21)  # rates of the CGI in force: 20 %, 10 %, 8.5 % (overseas), 5.5 %, 2.1 %
LONGEST_S = 7_200  # durations tried for « priced as if it had lasted »


class CauseKind(StrEnum):
    TWICE = "twice"
    NO_ROW = "no_row"
    VERSION = "version"
    BAND = "band"
    BORDER = "border"
    INCREMENTS = "increments"
    FEE = "fee"
    FREE = "free"
    TAX = "tax"
    TIMES = "times"
    PREFIX = "prefix"
    OTHER_ROW = "other_row"
    ROUNDING = "rounding"
    DURATION = "duration"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cause:
    """`detail` is what a sentence needs beside the kind: a prefix, a number of seconds, a rate, the other call."""

    kind: CauseKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unexplained:
    """A call whose printed amount the convention does not give. `expected_micros` None: the deck has no row for it."""

    call: PricedCall
    expected_micros: int | None
    cause: Cause

    @property
    def difference_micros(self) -> int | None:
        """Printed less expected."""
        return None if self.expected_micros is None else self.call.printed_micros - self.expected_micros


def unexplained(
    evaluator: Evaluator, calls: Sequence[PricedCall], explained: Sequence[bool], step: Step
) -> tuple[Unexplained, ...]:
    """Every call that the convention does not explain, and every call that is printed a second time."""
    doctor = Doctor(evaluator)
    first: dict[tuple[object, ...], str] = {}
    found = []
    for call, site, right in zip(calls, evaluator.book.sites, explained, strict=True):
        key = (call.caller, call.number_key, call.answered_at, call.talk_s, call.printed_micros)
        if key in first and call.talk_s > 0:
            found.append(Unexplained(call, 0, Cause(CauseKind.TWICE, first[key])))
        elif not right:
            found.append(doctor.diagnose(call, site))
            step(1)
        first.setdefault(key, call.ref)
    return tuple(found)


class Doctor:
    """Tries one mistake after the other, the likeliest first."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator, self.book, self.convention = evaluator, evaluator.book, evaluator.convention
        self._borders = [
            (border, other)
            for border in BandBorder
            if border is not self.convention.border
            and (other := evaluator_of(self.book, replace(self.convention, border=border))) is not None
        ]
        self._fees = list(self._other_fees())
        self._usual = self._usual_sites()

    def diagnose(self, call: PricedCall, site: Site | None) -> Unexplained:
        if site is None:
            return Unexplained(call, None, Cause(CauseKind.NO_ROW))
        expected = self.evaluator.micros(site, call.talk_s)
        cause = next(self._causes(call, site, expected), Cause(CauseKind.UNKNOWN))
        return Unexplained(call, expected, cause)

    def _causes(self, call: PricedCall, site: Site, expected: int) -> Iterator[Cause]:
        printed = call.printed_micros
        yield from self._of_the_row(call, site)
        for border, other in self._borders if site.later else ():
            if other.micros(site, call.talk_s) == printed:
                yield Cause(CauseKind.BORDER, border)
        yield from self._of_increments(call, site)
        for detail, other in self._fees:
            if other.micros(site, call.talk_s) == printed:
                yield Cause(CauseKind.FEE, detail)
        if printed == 0:
            yield Cause(CauseKind.FREE)
        places = self.convention.increment_decimals
        unit = 10 ** (6 - min(self.convention.decimals, 6 if places is None else places))
        if abs(printed - expected) <= unit:
            yield Cause(CauseKind.ROUNDING)
        yield from self._of_the_whole(printed, expected)
        for other_site in self._usual:
            if other_site.rate.zone != site.rate.zone and self.evaluator.micros(other_site, call.talk_s) == printed:
                yield Cause(CauseKind.OTHER_ROW, other_site.rate.zone)
        yield from self._of_duration(call, site)

    def _of_the_row(self, call: PricedCall, site: Site) -> Iterator[Cause]:
        kinds = {"version": CauseKind.VERSION, "band": CauseKind.BAND, "prefix": CauseKind.PREFIX}
        for kind, rate in self.book.other_rates(call):
            if self._alone(rate, call) == call.printed_micros:
                yield Cause(kinds[kind], rate.band if kind == "band" else rate.prefix)

    def _alone(self, rate: Rate, call: PricedCall) -> int:
        return self.evaluator.micros(Site(rate, self.book.profile_of(rate), (), 0, rate.band), call.talk_s)

    def _of_increments(self, call: PricedCall, site: Site) -> Iterator[Cause]:
        """One increment more or less; the first increment counted as the next ones."""
        terms = self.convention.terms_of(site.rate.zone)
        pair = terms.increments or self.book.profiles[site.profile].pair
        if pair is None or pair[1] == 1:
            return
        for more_s in (pair[1], -pair[1]):
            if call.talk_s + more_s > 0 and self.evaluator.micros(site, call.talk_s + more_s) == call.printed_micros:
                yield Cause(CauseKind.INCREMENTS, f"{more_s:+d}")

    def _other_fees(self) -> Iterator[tuple[str, Evaluator]]:
        fee = self.convention.terms.fee
        if not fee:
            return
        for detail, amount in (("none", Decimal(0)), ("twice", 2 * fee)):
            other = replace(self.convention, terms=replace(self.convention.terms, fee=amount))
            evaluator = evaluator_of(self.book, other)
            if evaluator is not None:
                yield detail, evaluator

    def _of_the_whole(self, printed: int, expected: int) -> Iterator[Cause]:
        if printed == 0 or expected == 0:
            return
        half_unit = 10 ** (6 - self.convention.decimals) // 2 + 1
        for permille in VAT_PERMILLE:
            if abs(1000 * printed - expected * (1000 + permille)) <= 1000 * half_unit:
                yield Cause(CauseKind.TAX, f"{Decimal(permille) / 10:f}")
        for times in (10, 100, 1000, 2, 60, -1):
            if printed == expected * times:
                yield Cause(CauseKind.TIMES, str(times))
            elif times > 1 and abs(times * printed - expected) <= times * half_unit:
                yield Cause(CauseKind.TIMES, f"1/{times}")

    def _usual_sites(self) -> list[Site]:
        """The most frequent row of each of the most frequent zones."""
        counts = Counter(site for site in self.book.sites if site is not None and not site.later)
        by_zone: dict[str, Site] = {}
        for site, _ in counts.most_common(2_000):
            by_zone.setdefault(site.rate.zone, site)
        return list(by_zone.values())[:200]

    def _of_duration(self, call: PricedCall, site: Site) -> Iterator[Cause]:
        """The shortest call that would cost what is printed, by bisection: the price of a call never falls."""
        low, high = 1, LONGEST_S
        while low < high:
            middle = (low + high) // 2
            if self.evaluator.micros(site, middle) < call.printed_micros:
                low = middle + 1
            else:
                high = middle
        if self.evaluator.micros(site, low) == call.printed_micros and low != call.talk_s:
            yield Cause(CauseKind.DURATION, str(low))
