"""The generated operator: its customers, lines, tariffs and allowances, as plain arithmetic on their numbers.

Everything follows from a `Shape`: the rating process, the peers and the generator of calls build the same world in
their own process, without handing files of tariffs to each other. Prices are integers of 1e-4 euro a minute here and
become exact decimals in the snapshot.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from ardoise.core.money import Rounding
from ardoise.core.snapshot import (
    AllowanceGrant,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
    PromotionGrant,
    Snapshot,
    SnapshotAccount,
    SnapshotIdentifier,
    SnapshotLine,
    SnapshotSource,
    TariffLink,
)
from ardoise.core.tariffs import (
    Allowance,
    AllowanceOwner,
    BandBorder,
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Promotion,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
    Zone,
)

Ints = npt.NDArray[np.int64]

MONTH = "2026-10"  # the month of the repeated hour in France: 745 hours
FROM_AT = datetime(2026, 10, 1, tzinfo=UTC)
TO_AT = datetime(2026, 10, 31, 23, tzinfo=UTC)  # midnight in Paris, winter time
MOVES_AT = datetime(2026, 10, 14, 22, tzinfo=UTC)  # midnight in Paris, summer time
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

OPERATORS = ("op1", "op2", "op3")  # print the number presented
PBX = "pbx"  # prints the extension
SOURCES = (*OPERATORS, PBX)
ZONES = 50
INCLUDED_ZONES = 25  # allowances cover Z00 .. Z24; so many have a peak price of their own
VERSIONS = 3
MOVED_EVERY = 50
PEAK = "peak"
PRICES = 2_000  # distinct prices, so that equal steps are one object
FEES_E4 = (0, 500, 1_000, 1_500)


@dataclass(frozen=True, slots=True)
class Increments:
    """First increment; second step from `from_s` on with its increment; its price is 4/5 of the first's or the same."""

    first_s: int
    from_s: int = 0  # 0: there is no second step
    next_s: int = 1
    cheaper: bool = False


# 1/1, 60/1, 60/60, 30/6, and whole minutes that become seconds at 4/5 of the price after five minutes.
# Blocks counted from the end of the last or from second 0 bill the same with these: both origins are in the set.
PATTERNS = (
    Increments(1),
    Increments(60, 60, 1),
    Increments(60),
    Increments(30, 30, 6),
    Increments(60, 300, 1, cheaper=True),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large the month is. `prefixes` (a multiple of 8) is what each of the `tariffs` has.

    The last three are in the set on demand: promotions, a limit on distinct callees (99 in French offers), calls cut or
    carried over at band borders.
    """

    calls: int
    tariffs: int = 50
    prefixes: int = 8_000
    calls_per_line: int = 500
    promotions: bool = False
    correspondents: int = 0
    borders: bool = False

    @property
    def plain(self) -> Shape:
        """The same month without what only some engines compute."""
        return replace(self, promotions=False, correspondents=0, borders=False)

    @property
    def lines(self) -> int:
        return max(200, self.calls // self.calls_per_line)

    @property
    def customers(self) -> int:
        return max(20, self.lines // 12)

    @property
    def retail(self) -> int:
        """Tariffs 1 to `retail` are sold; the last ones, one an operator, are what it costs."""
        return self.tariffs - len(OPERATORS)


# -- who


def source_of(shape: Shape, line: Ints) -> Ints:
    """Position in SOURCES; lines of one source follow each other."""
    return (line - 1) * len(SOURCES) // shape.lines


def moves(line: Ints) -> npt.NDArray[np.bool_]:
    """One line in fifty goes to the next customer in the middle of the month."""
    return line % MOVED_EVERY == 0


def customer_of(shape: Shape, line: Ints, *, moved: npt.NDArray[np.bool_]) -> Ints:
    """The customer (root account) of a line, before or after the middle of the month."""
    return 1 + (line - 1 + (moved & moves(line))) % shape.customers


def account_of(shape: Shape, line: Ints, *, moved: npt.NDArray[np.bool_]) -> Ints:
    """Half of a customer's lines are its own, half those of its only branch, `customers` further."""
    return customer_of(shape, line, moved=moved) + shape.customers * (line // shape.customers % 2)


def strangers(line: Ints) -> npt.NDArray[np.bool_]:
    """Lines whose identifier nobody registered: their calls stay unattributed."""
    return line % 4_999 == 7


def has_own_allowance(line: Ints) -> npt.NDArray[np.bool_]:
    """Five lines in nine, unless their customer shares one: 60 % of lines have something included."""
    return (line % 9 < 5) & ~moves(line)


def allowance_of(line: Ints) -> Ints:
    """1 is two hours, 2 is ten hours (or unlimited to so many numbers, 3 h a call)."""
    return 1 + (line % 9 < 2)


def shares_allowance(customer: Ints) -> npt.NDArray[np.bool_]:
    """One customer in ten has one counter for all its lines, which have none of their own."""
    return customer % 10 == 0


SHARED = 3
QUANTITY_S = {1: 7_200, 2: 36_000, SHARED: 72_000}


def identifiers(line: Ints) -> tuple[list[str], list[str]]:
    """The number of a line, and its extension: as long as each other, so that texts sort as lines do."""
    return [f"339{known:08d}" for known in line.tolist()], [f"E{known:07d}" for known in line.tolist()]


# -- what it costs


def pool_of_prefixes(shape: Shape) -> list[str]:
    """Nested prefixes of 1 to 7 digits, an eighth more than a tariff has, always the same."""
    random = np.random.default_rng(1)
    wanted = shape.prefixes + shape.prefixes // 8
    drawn = {str(number) for number in range(1, 10)}
    while len(drawn) < wanted:
        drawn.add(str(random.integers(10, 10 ** int(random.integers(2, 8)))))
    return sorted(drawn)


def prefix_numbers(shape: Shape, tariff: int) -> Ints:
    """Positions in the pool of the prefixes that a tariff has: another ninth is missing in each."""
    numbers = np.arange(shape.prefixes + shape.prefixes // 8, dtype=np.int64)
    return numbers[numbers % 9 != tariff % 9]


def prices_e4(shape: Shape, tariff: int, version: int, *, peak: bool, numbers: Ints) -> Ints:
    """Price of a minute to each prefix, in 1e-4 euro."""
    drawn = 10 + (numbers * 7 + tariff * 131 + version * 17 + peak * 311) % (PRICES - 10)
    return drawn // 4 if tariff > shape.retail else drawn


def second_price_e4(price_e4: Ints, pattern: Ints) -> Ints:
    cheaper = np.array([known.cheaper for known in PATTERNS])[pattern]
    return np.where(cheaper, price_e4 * 4 // 5, price_e4)


def patterns(tariff: int, numbers: Ints) -> Ints:
    return (numbers + tariff) % len(PATTERNS)


def fees_e4(shape: Shape, tariff: int, numbers: Ints) -> Ints:
    return np.zeros_like(numbers) if tariff > shape.retail else np.array(FEES_E4, np.int64)[numbers % len(FEES_E4)]


def zone_numbers(numbers: Ints) -> Ints:
    return numbers % ZONES


def zone_code(number: int) -> str:
    return f"Z{number:02d}"


def zone_codes() -> list[str]:
    return [zone_code(number) for number in range(ZONES)]


def rounding_decimals(tariff: int) -> int:
    return 6 if tariff % 2 else 4


def tariff_of(shape: Shape, customer: Ints) -> Ints:
    """The one tariff of a customer."""
    return 1 + (customer - 1) % shape.retail


def cost_tariff(shape: Shape, source: int) -> int:
    """The tariff of the operator behind a source; the PBX is behind the first one."""
    return shape.retail + 1 + source % len(OPERATORS)


def bills_zero(tariff: int) -> bool:
    return tariff % 5 == 1


def calendar_code(shape: Shape, tariff: int) -> str:
    """Operators have one price all day; one tariff in five lives in Saint-Barthélemy: 9 October is a holiday there."""
    if tariff > shape.retail:
        return ""
    return "antilles" if tariff % 5 == 0 else "office"


def validity(tariff: int) -> list[tuple[datetime, datetime | None]]:
    """The three versions of a tariff all serve inside the month."""
    first = datetime(2026, 10, 7 + tariff % 5, 22, tzinfo=UTC)  # midnight in Paris, summer time
    second = datetime(2026, 10, 17 + tariff % 7, 22, tzinfo=UTC)
    return [(LONG_AGO, first), (first, second), (second, None)]


def version_id(tariff: int, version: int) -> int:
    return tariff * 10 + version


CALENDARS = (
    Calendar("office", "Europe/Paris", "FR", (BandRule(PEAK, frozenset({1, 2, 3, 4, 5}), time(8), time(19)),)),
    Calendar(
        "antilles", "America/St_Barthelemy", "FR-977", (BandRule(PEAK, frozenset({1, 2, 3, 4, 5}), time(7), time(18)),)
    ),
)


# -- the snapshot


@contextmanager
def _uncollected() -> Iterator[None]:
    """Millions of small values that all stay: the garbage collector would look at them again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


class _Steps:
    """Equal steps are one object: 2,000 prices x 5 patterns of increments."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Step, ...]] = {}
        self._price = [Decimal(number).scaleb(-4) for number in range(PRICES)]

    def of(self, price_e4: int, pattern: int) -> tuple[Step, ...]:
        known = self._known.get((price_e4, pattern))
        if known is None:
            known = self._known[price_e4, pattern] = self._made(price_e4, PATTERNS[pattern])
        return known

    def _made(self, price_e4: int, pattern: Increments) -> tuple[Step, ...]:
        first = Step(0, self._price[price_e4], 60, pattern.first_s)
        if not pattern.from_s:
            return (first,)
        price = self._price[price_e4 * 4 // 5 if pattern.cheaper else price_e4]
        return (first, Step(pattern.from_s, price, 60, pattern.next_s))


def snapshot(shape: Shape) -> Snapshot:
    """The whole configuration as one value: `tariffs` x 3 versions x `prefixes` rows, half of them again at peak."""
    with _uncollected():
        tariffs = tuple(_tariffs(shape))
    lines = np.arange(1, shape.lines + 1, dtype=np.int64)
    customers = range(1, shape.customers + 1)
    return Snapshot(
        issuers_zone={1: "Europe/Paris"},
        accounts=(
            *(SnapshotAccount(number, None, number, 1, f"C{number}", True) for number in customers),
            *(
                SnapshotAccount(number + shape.customers, number, number, 1, f"C{number}B", True)
                for number in customers
            ),
        ),
        lines=tuple(SnapshotLine(number, f"L{number}", False) for number in lines.tolist()),
        assignments=tuple(_assignments(shape, lines)),
        identifiers=tuple(_identifiers(shape, lines)),
        tariffs=tariffs,
        links=(
            *(
                TariffLink(OwnerKind.ACCOUNT, number, tariff, 0, None, None)
                for number, tariff in enumerate(tariff_of(shape, np.array(customers)).tolist(), 1)
            ),
            *(
                TariffLink(OwnerKind.SOURCE, number + 1, cost_tariff(shape, number), 0, None, None)
                for number in range(len(SOURCES))
            ),
        ),
        zones=tuple(Zone(zone_code(number), f"Zone {number}", f"Zone {number}") for number in range(ZONES)),
        calendars=CALENDARS,
        allowances=tuple(_allowances(shape)),
        grants=tuple(_grants(shape, lines)),
        sources=tuple(SnapshotSource(number, code, 1, False) for number, code in enumerate(SOURCES, 1)),
        promotions=tuple(_promotions()) if shape.promotions else (),
        promotion_grants=tuple(_promotion_grants(shape)) if shape.promotions else (),
    )


def _tariffs(shape: Shape) -> Iterator[Tariff]:
    steps, prefixes = _Steps(), pool_of_prefixes(shape)
    zones = zone_codes()
    fees = {fee: Decimal(fee).scaleb(-4) for fee in FEES_E4}
    for tariff in range(1, shape.tariffs + 1):
        versions = []
        for number, (from_at, to_at) in enumerate(validity(tariff), 1):
            rates = tuple(_rates(shape, tariff, number, steps, prefixes, zones, fees))
            versions.append(TariffVersion(version_id(tariff, number), from_at, to_at, rates))
        yield Tariff(
            tariff, f"T{tariff}", f"T{tariff}", "EUR", TaxBasis.HT, calendar_code(shape, tariff),
            IncrementOrigin.ZERO if tariff % 3 == 0 and not _cut(shape, tariff) else IncrementOrigin.FIRST_NEXT,
            Rounding.HALF_UP, rounding_decimals(tariff), bills_zero(tariff), tuple(versions),
            band_border=_border(shape, tariff),
        )  # fmt: skip


def _cut(shape: Shape, tariff: int) -> bool:
    return _border(shape, tariff) is not BandBorder.START


def _border(shape: Shape, tariff: int) -> BandBorder:
    if not shape.borders or tariff > shape.retail:
        return BandBorder.START
    return {3: BandBorder.SPLIT, 4: BandBorder.CARRY}.get(tariff % 10, BandBorder.START)


def _rates(
    shape: Shape, tariff: int, version: int, steps: _Steps, prefixes: list[str], zones: list[str],
    fees: dict[int, Decimal],
) -> Iterator[Rate]:  # fmt: skip
    every = prefix_numbers(shape, tariff)
    for peak in (False, True):
        numbers = every if not peak else every[zone_numbers(every) < INCLUDED_ZONES]
        if peak and tariff > shape.retail:
            return
        columns = (
            numbers,
            zone_numbers(numbers),
            prices_e4(shape, tariff, version, peak=peak, numbers=numbers),
            patterns(tariff, numbers),
            fees_e4(shape, tariff, numbers),
        )
        band = PEAK if peak else ""
        for number, zone, price, pattern, fee in zip(*(column.tolist() for column in columns), strict=True):
            yield Rate(prefixes[number], zones[zone], steps.of(price, pattern), band, False, fees[fee])


def _assignments(shape: Shape, lines: Ints) -> Iterator[LineAssignment]:
    before = account_of(shape, lines, moved=np.zeros(len(lines), np.bool_)).tolist()
    after = account_of(shape, lines, moved=np.ones(len(lines), np.bool_)).tolist()
    for line, first, second in zip(lines.tolist(), before, after, strict=True):
        if first == second:
            yield LineAssignment(line, first, None, None)
        else:
            yield LineAssignment(line, first, None, MOVES_AT)
            yield LineAssignment(line, second, MOVES_AT, None)


def _identifiers(shape: Shape, lines: Ints) -> Iterator[SnapshotIdentifier]:
    lines = lines[~strangers(lines)]
    numbers, extensions = identifiers(lines)
    for line, source, number, extension in zip(
        lines.tolist(), source_of(shape, lines).tolist(), numbers, extensions, strict=True
    ):
        if SOURCES[source] == PBX:
            yield SnapshotIdentifier(PBX, IdentifierKind.EXTENSION, extension, line, None, None)
        else:
            yield SnapshotIdentifier(SOURCES[source], IdentifierKind.NUMBER, number, line, None, None)


def _allowances(shape: Shape) -> Iterator[Allowance]:
    zones = frozenset(zone_code(number) for number in range(INCLUDED_ZONES))
    yield Allowance(1, "2H", "2 h", QUANTITY_S[1], zones, AllowanceOwner.LINE)
    if shape.correspondents:
        yield Allowance(
            2,
            "UNLIMITED",
            "Unlimited",
            None,
            zones,
            AllowanceOwner.LINE,
            call_limit=10_800,
            correspondents=shape.correspondents,
        )
    else:
        yield Allowance(2, "10H", "10 h", QUANTITY_S[2], zones, AllowanceOwner.LINE)
    yield Allowance(SHARED, "20H", "20 h for all lines", QUANTITY_S[SHARED], zones, AllowanceOwner.ACCOUNT)


def line_grants(shape: Shape, lines: Ints) -> Ints:
    """The lines that have an allowance of their own."""
    customers = customer_of(shape, lines, moved=np.zeros(len(lines), np.bool_))
    return lines[has_own_allowance(lines) & ~shares_allowance(customers)]


def _grants(shape: Shape, lines: Ints) -> Iterator[AllowanceGrant]:
    granted = line_grants(shape, lines)
    for line, allowance in zip(granted.tolist(), allowance_of(granted).tolist(), strict=True):
        yield AllowanceGrant(OwnerKind.LINE, line, allowance, None, None)
    customers = np.arange(1, shape.customers + 1)
    for customer in customers[shares_allowance(customers)].tolist():
        yield AllowanceGrant(OwnerKind.ACCOUNT, customer, SHARED, None, None)


def _promotions() -> Iterator[Promotion]:
    tenth = frozenset(zone_code(number) for number in range(30, 40))
    half = frozenset(zone_code(number) for number in range(40, 45))
    yield Promotion(1, "TENTH", "10 % off", tenth, percentage=Decimal(10))
    yield Promotion(
        2, "HOUR", "Half price for an hour", half, percentage=Decimal(50), counted=Counted.SECONDS, to_quantity=3_600
    )


def _promotion_grants(shape: Shape) -> Iterator[PromotionGrant]:
    for customer in range(1, shape.customers + 1):
        if customer % 4 == 1:
            yield PromotionGrant(OwnerKind.ACCOUNT, customer, 1, None, None)
    for line in range(1, shape.lines + 1):
        if line % 8 == 3:
            yield PromotionGrant(OwnerKind.LINE, line, 2, None, None)


def seconds_of_month() -> int:
    return int((TO_AT - FROM_AT) / timedelta(seconds=1))
