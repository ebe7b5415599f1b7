"""The price of a number at an instant, again and again, for one payer: the fast path of a single question.

The same answers as `core.rating`, without the record of why. What does not change between two calls (chain, versions,
bands) is worked out once for each UTC day that is met; a call is then two searches and one row.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from ardoise.core.affordable import affordable
from ardoise.core.attribution import Attribution
from ardoise.core.chains import Chain, specificity
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.rated import Why
from ardoise.core.rating import CompiledSnapshot, quoted_usage
from ardoise.core.tables import RateTable
from ardoise.core.tariffs import BandBorder
from ardoise.core.usage import Direction, Usage, UsageKind

SECOND = timedelta(seconds=1)

Moment = tuple[tuple[RateTable, ...], Chain]
"""The tables that are asked, first to last, and the chain they come from, while both stand still."""


class Pricer:
    """Prices of one payer for one kind of usage, one direction and one origin; allowances and promotions apart."""

    __slots__ = ("_compiled", "_days", "_direction", "_kind", "_origin", "_payer")

    def __init__(
        self,
        compiled: CompiledSnapshot,
        payer: Attribution,
        *,
        kind: UsageKind = UsageKind.CALL,
        direction: Direction = Direction.OUT,
        origin: str = "",
    ) -> None:
        self._compiled = compiled
        self._payer = payer
        self._kind = kind
        self._direction = direction
        self._origin = origin
        self._days: dict[int, tuple[list[datetime], list[Moment]]] = {}

    def micros(self, number_key: str, at: datetime, quantity: int, category: str = "") -> int | Why:
        """Access and service part of an answered usage (`at` in UTC), or why it has no price.

        A row priced by its cost is NO_COST here: `rating.price_number` knows the operator.
        """
        instants, moments = self._days.get(at.toordinal()) or self._work_out(at)
        following = 1 if len(moments) == 1 else bisect_right(instants, at)
        moment = moments[following - 1]
        rate = self._row(moment, number_key, category)
        if quantity == 0 and (rate is None or not rate.tariff.bill_zero_seconds):
            return rate.micros(rate.attempt_fee) if rate is not None and rate.attempt_fee else Why.UNANSWERED
        if rate is None or rate.coefficient is not None:
            return self._why(moment, rate, number_key, at, quantity, category)
        if (
            rate.tariff.band_border is BandBorder.START
            or at + rate.counted(abs(quantity)) * SECOND <= instants[following]
        ):
            micros = rate.micros(rate.exact_call(quantity)[0])
        else:
            fare = self._fare(moment, rate, number_key, at, quantity, category)
            exact = fare.whole_call(quantity)
            micros = fare.round(exact.amount, exact.scale)[0]
        return micros + rate.service(quantity) if rate.has_service else micros

    def longest(
        self,
        number_key: str,
        at: datetime,
        balance_micros: int,
        *,
        asked: int,
        category: str = "",
        cut_at_maximum: bool = False,
        most_per_min: Decimal | None = None,
    ) -> int | Why:
        """The longest call that a balance pays for, or why it has no price; see `affordable.affordable`."""
        instants, moments = self._days.get(at.toordinal()) or self._work_out(at)
        following = 1 if len(moments) == 1 else bisect_right(instants, at)
        moment = moments[following - 1]
        rate = self._row(moment, number_key, category)
        if rate is None or rate.coefficient is not None:
            return self._why(moment, rate, number_key, at, asked, category)
        fare = Fare(rate)
        if rate.tariff.band_border is not BandBorder.START and at + rate.counted(asked) * SECOND > instants[following]:
            fare = self._fare(moment, rate, number_key, at, asked, category)
        return affordable(fare, balance_micros, asked=asked, cut_at_maximum=cut_at_maximum, most_per_min=most_per_min)

    @staticmethod
    def _row(moment: Moment, number_key: str, category: str) -> CompiledRate | None:
        tables, chain = moment
        best = None
        for table in tables:
            rate = table.find(number_key, category)
            if rate is not None:
                if not chain.longest:
                    return rate
                if best is None or specificity(rate) > specificity(best):
                    best = rate
        return best

    def _why(
        self, moment: Moment, rate: CompiledRate | None, number_key: str, at: datetime, quantity: int, category: str
    ) -> Why:
        if rate is not None:
            return Why.NO_COST
        if self._direction is Direction.IN and not moment[1].linked:
            return Why.INCOMING
        found = self._compiled.book.match(moment[1], self._usage(number_key, at, quantity, category))
        assert isinstance(found, Why)
        return found

    def _fare(
        self, moment: Moment, rate: CompiledRate, number_key: str, at: datetime, quantity: int, category: str
    ) -> Fare:
        """With the changes of band while the call lasts."""
        found = self._compiled.book.match(moment[1], self._usage(number_key, at, quantity, category))
        return Fare(rate) if isinstance(found, Why) else found.fare()

    def _usage(self, number_key: str, at: datetime, quantity: int, category: str) -> Usage:
        return quoted_usage(
            number_key=number_key, at=at, quantity=quantity, number_category=category, kind=self._kind,
            direction=self._direction, origin=self._origin,
        )  # fmt: skip

    def _work_out(self, at: datetime) -> tuple[list[datetime], list[Moment]]:
        """The moments of the UTC day of an instant, and one instant more, the next midnight: between two of them chain
        and bands stand still.
        """
        book, incoming = self._compiled.book, self._direction is Direction.IN
        midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
        end_at = midnight + timedelta(days=1)
        changes = book.change_instants
        inside = changes[bisect_right(changes, midnight) : bisect_right(changes, end_at - timedelta.resolution)]
        instants, moments = [], []
        for from_at, to_at in pairwise((midnight, *inside, end_at)):
            chain = book.chain(self._payer, at=from_at, incoming=incoming)
            borders = {from_at}
            for version in chain.versions:
                borders |= {border for border, _ in book.band_changes(version.tariff, from_at=from_at, to_at=to_at)}
            for border in sorted(borders):
                tables = [
                    version.table(book.band(version.tariff, at=border), self._kind, self._origin)
                    for version in chain.versions
                ]
                instants.append(border)
                moments.append((tuple(tables), chain))
        instants.append(end_at)
        self._days[at.toordinal()] = instants, moments
        return instants, moments
