"""A deck opened for a set of calls: which row each call meets, and what that row asks, in integers.

The rows are found as `core.rating` finds them; prices are held over one `scale` (1 unit of currency = `scale`), so that
a hypothesis costs a few multiplications a call.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import lcm

from ardoise.core.attribution import LONG_AGO, in_force
from ardoise.core.calendars import HolidayBook, band_changes, french_holidays
from ardoise.core.conventions.model import Deck, PricedCall, Terms, rewritten
from ardoise.core.pricing import counted_s, ordered_steps
from ardoise.core.tables import is_digits
from ardoise.core.tariffs import Rate, ServicePer, TariffVersion, Tiers
from ardoise.core.usage import UsageKind

DAY = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Profile:
    """What rows of the same content ask, over the scale. `prices`: (from second, price of one second); `written`: the
    same with the increment in the middle. `plain` rows are priced by integers; the others by `core.pricing`.
    """

    rate: Rate
    prices: tuple[tuple[int, int], ...]
    written: tuple[tuple[int, int, int], ...]
    free_s: int
    fee: int
    minimum: int
    maximum: int | None
    plain: bool

    @property
    def pair(self) -> tuple[int, int] | None:
        """First and next increment, where the row is no more than that."""
        if len(self.prices) != 1 or len(self.written) > 2:
            return None
        first, *rest = self.written
        if not rest:
            return first[1], first[1]
        return (first[1], rest[0][1]) if rest[0][0] == first[1] else None


@dataclass(frozen=True, slots=True)
class Site:
    """Where a call falls: its row, and those that other bands bring while it lasts, (second from the answer, row)."""

    rate: Rate
    profile: int
    later: tuple[tuple[int, Rate], ...]
    version_id: int
    band: str


class _Rows:
    """The rows of one version, by origin and band: the more specific table replaces the less specific, prefix by
    prefix.
    """

    def __init__(self, version: TariffVersion) -> None:
        self.version = version
        self._tables: dict[tuple[str, str], list[Rate]] = {}
        for rate in version.rates:
            if rate.kind is UsageKind.CALL:
                self._tables.setdefault((rate.origin, rate.band), []).append(rate)
        self._origins = sorted({origin for origin, _ in self._tables}, key=len)
        self._merged: dict[tuple[tuple[str, ...], str], dict[tuple[bool, str], Rate]] = {}
        self._longest = max((len(rate.prefix) for rate in version.rates), default=0)

    def find(self, call: PricedCall, *, number_key: str, band: str) -> Rate | None:
        """The exact number, its category, then the longest prefix; "" is any number of digits."""
        rows = self._table(call.origin, band)
        found = rows.get((True, number_key)) or rows.get((False, f"={call.number_category}"))
        if found is not None:
            return found
        for length in range(min(self._longest, len(number_key)), 0, -1):
            found = rows.get((False, number_key[:length]))
            if found is not None:
                return found
        return rows.get((False, "")) if is_digits(number_key) else None

    def _table(self, origin: str, band: str) -> dict[tuple[bool, str], Rate]:
        key = tuple(known for known in self._origins if origin.startswith(known)), band
        if key not in self._merged:
            merged: dict[tuple[bool, str], Rate] = {}
            for known in key[0]:
                for of_band in ("", band):
                    merged |= {(rate.exact, rate.prefix): rate for rate in self._tables.get((known, of_band), ())}
            self._merged[key] = merged
        return self._merged[key]


class Book:
    """One deck, one policy of versions, one coefficient, for calls of one span of time."""

    def __init__(
        self,
        deck: Deck,
        calls: Sequence[PricedCall],
        *,
        version_id: int | None = None,
        coefficient: Decimal = Decimal(1),
        holidays: HolidayBook = french_holidays,
    ) -> None:
        self.deck, self.tariff = deck, deck.tariff
        self.version_id, self.coefficient = version_id, coefficient
        chosen = [known for known in deck.tariff.versions if version_id in (None, known.version_id)]
        order = sorted(chosen, key=lambda known: (known.valid_from_at or LONG_AGO, known.version_id), reverse=True)
        self._versions = [_Rows(known) for known in order]
        self._changes, self._change_s, self._bands = self._calendar(calls, holidays)
        self.scale = self._scale()
        self.profiles: list[Profile] = []
        self._profiles_by_content: dict[tuple[object, ...], int] = {}
        self._profile_of: dict[int, int] = {}
        self._sites: dict[tuple[object, ...], Site] = {}
        self.sites: list[Site | None] = [self.site(call) for call in calls]

    # -- bands

    def _calendar(
        self, calls: Sequence[PricedCall], holidays: HolidayBook
    ) -> tuple[tuple[tuple[datetime, str], ...], list[int], list[str]]:
        if self.deck.calendar is None or not calls:
            return (), [], []
        first = min(call.answered_at for call in calls)
        last = max(call.answered_at + timedelta(seconds=call.talk_s) for call in calls)
        changes = band_changes(self.deck.calendar, from_at=first - DAY, to_at=last + 8 * DAY, holidays=holidays)
        return changes, [_epoch_s(at) for at, _ in changes], [band for _, band in changes]

    @property
    def band_borders(self) -> tuple[tuple[datetime, str], ...]:
        """Every instant around the calls at which the band changes, with the new band."""
        return self._changes

    # -- rows

    def site(self, call: PricedCall, *, number_key: str | None = None) -> Site | None:
        """Where a call falls; None when the deck has no row for it. `number_key` asks for another number instead."""
        key = call.number_key if number_key is None else number_key
        rows = self._in_force(call.answered_at)
        if rows is None or not key:
            return None
        start_s = _epoch_s(call.answered_at)
        at = bisect_right(self._change_s, start_s) - 1
        band = self._bands[at] if self._bands else ""
        rate = rows.find(call, number_key=key, band=band)
        if rate is None:
            return None
        later: list[tuple[int, Rate]] = []
        current = rate
        for change_s, other in zip(self._change_s[at + 1 :], self._bands[at + 1 :], strict=True):
            if change_s >= start_s + counted_s(rate, quantity=call.talk_s):
                break
            following = rows.find(call, number_key=key, band=other)
            if following is not None and following is not current:
                later.append((change_s - start_s, following))
                current = following
        return self._shared(rate, tuple(later), rows.version.version_id, band)

    def _shared(self, rate: Rate, later: tuple[tuple[int, Rate], ...], version_id: int, band: str) -> Site:
        key = (id(rate), tuple((at_s, id(known)) for at_s, known in later), version_id, band)
        if key not in self._sites:
            for _, known in later:
                self.profile_of(known)
            self._sites[key] = Site(rate, self.profile_of(rate), later, version_id, band)
        return self._sites[key]

    def _in_force(self, at: datetime) -> _Rows | None:
        if self.version_id is not None:
            return self._versions[0] if self._versions else None
        for rows in self._versions:
            version = rows.version
            if in_force(at, valid_from_at=version.valid_from_at, valid_to_at=version.valid_to_at):
                return rows
        return None

    def other_rates(self, call: PricedCall) -> Iterable[tuple[str, Rate]]:
        """Rows that a mistake may have taken instead: (what the mistake is, row)."""
        here = self._in_force(call.answered_at)
        site = self.site(call)
        own = None if site is None else site.rate
        for rows in self._versions:
            for band in dict.fromkeys([site.band if site else "", *self._bands[:50]]):
                found = rows.find(call, number_key=call.number_key, band=band)
                if found is not None and found is not own:
                    yield ("band" if rows is here else "version"), found
        if here is None:
            return
        band = site.band if site else ""
        for length in range(len(call.number_key) - 1, -1, -1):
            found = here.find(call, number_key=call.number_key[:length], band=band)
            if found is not None and found is not own and not found.exact:
                yield "prefix", found

    # -- integers

    def profile_of(self, rate: Rate) -> int:
        """The number of the row's profile."""
        if id(rate) not in self._profile_of:
            content = (rate.steps, rate.connection_fee, rate.minimum, rate.maximum, rate.free_s, rate.service_price,
                       rate.service_per, rate.surcharge, rate.surcharge_at_s, rate.surcharge_every_s, rate.attempt_fee,
                       rate.coefficient, rate.added_s, rate.raised_above_s, rate.raised_to_s)  # fmt: skip
            number = self._profiles_by_content.setdefault(content, len(self.profiles))
            if number == len(self.profiles):
                self.profiles.append(self._profile(rate))
            self._profile_of[id(rate)] = number
        return self._profile_of[id(rate)]

    def _scale(self) -> int:
        """A multiple of every denominator that may occur: prices a second, fees, half a micro."""
        denominators = {2 * 10**6}
        for version in self.deck.tariff.versions:
            for rate in version.rates:
                denominators |= {step.price.as_integer_ratio()[1] * step.per_s for step in rate.steps}
                amounts = (rate.connection_fee, rate.minimum, rate.maximum or Decimal(0))
                denominators |= {amount.as_integer_ratio()[1] for amount in amounts}
        return lcm(*denominators) * Fraction(self.coefficient).denominator

    def over_scale(self, amount: Decimal) -> int:
        """An amount over the scale, exactly; refuses what the scale cannot hold."""
        value = Fraction(amount) * self.scale
        if value.denominator != 1:
            raise ValueError(f"{amount} has more decimals than the prices of « {self.tariff.code} »; use at most six")
        return value.numerator

    def _profile(self, original: Rate) -> Profile:
        rate = rewritten(original, Terms(), coefficient=self.coefficient)
        written = tuple(
            (step.from_s, step.increment_s, (Fraction(step.price) * self.scale / step.per_s).numerator)
            for step in ordered_steps(rate)
        )
        prices = tuple(
            (from_s, price)
            for index, (from_s, _, price) in enumerate(written)
            if index == 0 or price != written[index - 1][2]
        )
        return Profile(
            rate=original,
            prices=prices,
            written=written,
            free_s=rate.free_s,
            fee=self.over_scale(rate.connection_fee),
            minimum=self.over_scale(rate.minimum),
            maximum=None if rate.maximum is None else self.over_scale(rate.maximum),
            plain=bool(written) and self.tariff.tiers is Tiers.GRADUATED and _is_plain(rate),
        )


def _is_plain(rate: Rate) -> bool:
    return (
        rate.coefficient is None
        and rate.surcharge == 0
        and rate.attempt_fee == 0
        and not rate.added_s
        and not rate.raised_to_s
        and (rate.service_per is ServicePer.NONE or rate.service_price == 0)
    )


def _epoch_s(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1)
