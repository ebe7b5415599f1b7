"""When people call, how long they talk, whom they call again and again: shared by both companies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

from making.dialling import COUNTRIES, abroad, french_fixed, french_mobile
from making.tariffs import PARIS

MONTH = "2026-10"
DAYS = tuple(date(2026, 10, 1) + timedelta(days=n) for n in range(31))
WEEKDAY_FACTOR = {1: 110, 2: 105, 3: 88, 4: 100, 5: 94, 6: 7, 7: 4}  # percent of a usual day

OFFICE_HOURS = {7: 2, 8: 8, 9: 15, 10: 17, 11: 14, 12: 5, 13: 4, 14: 13, 15: 14, 16: 13, 17: 8, 18: 3, 19: 1}
SHIFT_HOURS = {5: 2, 6: 6, 7: 9, 8: 11, 9: 13, 10: 13, 11: 10, 12: 5, 13: 6, 14: 10, 15: 9, 16: 7, 17: 3, 20: 1}
HOME_HOURS = {9: 4, 10: 6, 11: 6, 12: 5, 14: 5, 16: 5, 17: 8, 18: 13, 19: 14, 20: 12, 21: 5}

_TALK = ((8, 5, 20), (22, 21, 60), (26, 61, 120), (24, 121, 300), (14, 301, 720), (5, 721, 1900), (1, 1901, 4200))


def talk_s(random: Random) -> int:
    """Many short calls, a few long ones."""
    (chosen,) = random.choices(_TALK, weights=[share for share, _, _ in _TALK])
    return random.randint(chosen[1], chosen[2])


def moment(random: Random, day: date, hours: dict[int, int]) -> datetime:
    """A start on a local day, as a UTC instant to the second."""
    (hour,) = random.choices(list(hours), weights=list(hours.values()))
    local = datetime(day.year, day.month, day.day, hour, random.randint(0, 59), random.randint(0, 59), tzinfo=PARIS)
    return local.astimezone(UTC)


def calls_on(day: date, usual: int) -> int:
    """How many calls a day has; never none, so that every day shows life."""
    return max(3, usual * WEEKDAY_FACTOR[day.isoweekday()] // 100)


@dataclass(slots=True)
class Contacts:
    """The numbers a group of people calls: national ("0199001234"), short, or international with "+"."""

    fixed: Sequence[str]
    mobile: Sequence[str]
    abroad: Sequence[str]
    abroad_percent: int = 3
    special: Sequence[str] = field(default_factory=tuple)
    special_permille: int = 0

    def pick(self, random: Random) -> str:
        if self.special and random.randrange(1000) < self.special_permille:
            return random.choice(self.special)
        if self.abroad and random.randrange(100) < self.abroad_percent:
            return favourite(random, self.abroad)
        return favourite(random, self.mobile if random.randrange(100) < 46 else self.fixed)


def favourite(random: Random, numbers: Sequence[str]) -> str:
    """The first numbers of a list are called more often than the last."""
    return numbers[min(random.randrange(len(numbers)), random.randrange(len(numbers)))]


def contacts(
    random: Random,
    *,
    size: int,
    countries: Sequence[str] = (),
    abroad_percent: int = 3,
    special: Sequence[str] = (),
    special_permille: int = 0,
) -> Contacts:
    known = list(countries) or [country.code for country in COUNTRIES[:14]]
    return Contacts(
        fixed=[french_fixed(random) for _ in range(size)],
        mobile=[french_mobile(random) for _ in range(size)],
        abroad=[
            "+" + abroad(random, random.choice(known), mobile=random.randrange(100) < 35)
            for _ in range(max(2, size // 3))
        ],
        abroad_percent=abroad_percent,
        special=special,
        special_permille=special_permille,
    )
