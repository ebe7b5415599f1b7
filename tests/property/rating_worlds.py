"""Generated companies: directories with dates, tariffs of every shape, allowances, and a month of calls across them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random

from ardoise.core.money import Rounding
from ardoise.core.snapshot import (
    AllowanceGrant,
    IdentifierKind,
    LineAssignment,
    OwnerKind,
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
    BandRule,
    Calendar,
    IncrementOrigin,
    Rate,
    ServicePer,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
)
from ardoise.core.usage import CallStatus, Direction, Usage

MONTHS = ("2026-10", "2026-03", "2026-05")  # both clock changes, and a month full of public holidays
ZONES = ("FR", "MOB", "INT")
DIGITS = "00123"
CLOCKS = (time(0), time(2), time(2, 30), time(6), time(8), time(19), time(22))


class World:
    """One draw: `snapshot`, `calls`, `month`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._sparse = random.random() < 0.15  # a directory full of holes; the others price most of their calls
        self.month = random.choice(MONTHS)
        self._start = datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC)
        self._borders = [None, None, *(self._instant() for _ in range(3))]
        self.snapshot = self._snapshot()
        self.calls = [self._call(number) for number in range(random.randint(1, 40))]

    def _instant(self) -> datetime:
        """Somewhere in the month or just around it, often on a full hour of a night when clocks change."""
        if self._random.random() < 0.3:
            day = {"2026-10": 25, "2026-03": 29, "2026-05": 8}[self.month]
            return self._start + timedelta(days=day - 1, minutes=30 * self._random.randint(0, 12))
        seconds = self._random.randint(-40_000, 32 * 86_400)
        return self._start + timedelta(seconds=seconds, microseconds=self._random.choice((0, 0, 1)))

    def _holes(self, chance: float) -> bool:
        return self._random.random() < (chance if self._sparse else chance / 8)

    def _period(self) -> tuple[datetime | None, datetime | None]:
        if not self._sparse and self._random.random() < 0.5:
            return None, None
        start, end = self._random.choice(self._borders), self._random.choice(self._borders)
        return (start, end) if start is None or end is None or start < end else (end, start)

    # -- prices

    def _price(self) -> Decimal:
        whole = self._random.choice(("0", "0.1", "0.0255", "1.2345678", "12", "0.016", "-0.05"))
        if self._random.random() < 0.04:  # too fine for int64, or for long calls only: these take the scalar path
            whole = self._random.choice(("0.1234567890123456789", "12345.678901"))
        return Decimal(whole)

    def _steps(self) -> tuple[Step, ...]:
        random = self._random
        starts = sorted({0 if random.random() < 0.9 else 30, *random.sample((20, 60, 61, 300), random.randint(0, 2))})
        if random.random() < 0.05:
            return ()
        return tuple(
            Step(start, self._price(), random.choice((1, 60, 7)), random.choice((1, 6, 30, 60, 45, 90)))
            for start in starts
        )

    def _rate(self, prefix: str, band: str, exact: bool) -> Rate:
        random = self._random
        return Rate(
            prefix=prefix,
            zone=random.choice(ZONES),
            steps=self._steps(),
            band=band,
            exact=exact,
            connection_fee=random.choice((Decimal(0), Decimal("0.05"), self._price())),
            minimum=random.choice((Decimal(0), Decimal(0), Decimal("0.3"))),
            maximum=random.choice((None, None, Decimal("0.9"))),
            free_s=random.choice((0, 0, 0, 5, 61)),
            service_price=random.choice((Decimal(0), Decimal("0.8"), self._price())),
            service_per=random.choice((ServicePer.NONE, ServicePer.NONE, ServicePer.MINUTE, ServicePer.CALL)),
        )

    def _number(self, longest: int) -> str:
        random = self._random
        digits = "".join(random.choice(DIGITS) for _ in range(random.randint(1, longest)))
        if longest > 4 and random.random() < 0.05:
            digits += "0" * (17 - len(digits))  # longer than any E.164 number
        return random.choice(("", "", "", "", "", "!", "?")) + digits

    def _version(self, tariff_id: int, number: int) -> TariffVersion:
        random = self._random
        rows = {}
        for _ in range(random.randint(0 if self._sparse else 4, 12)):
            exact = random.random() < 0.2
            prefix = "" if random.random() < 0.15 and not exact else self._number(6 if exact else 3)
            band = random.choice(("", "", "peak", "night"))
            rows[exact, prefix, band] = self._rate(prefix, band, exact)
        start, end = self._period()
        early = start or self._start - timedelta(days=400)
        return TariffVersion(
            tariff_id * 10 + number, early, end if end is None or end > early else None, tuple(rows.values())
        )

    def _tariff(self, tariff_id: int) -> Tariff:
        random = self._random
        return Tariff(
            tariff_id=tariff_id,
            code=f"T{tariff_id}",
            name=f"Tariff {tariff_id}",
            currency=random.choice(("EUR", "CHF")),
            tax_basis=random.choice((TaxBasis.HT, TaxBasis.TTC)),
            calendar=random.choice(("", "office", "odd")),
            increment_origin=random.choice((IncrementOrigin.FIRST_NEXT, IncrementOrigin.ZERO)),
            rounding=random.choice(tuple(Rounding)),
            rounding_decimals=random.choice((6, 6, 4, 2, 0)),
            bill_zero_seconds=random.random() < 0.5,
            versions=tuple(
                self._version(tariff_id, number) for number in range(random.randint(0 if self._sparse else 1, 2))
            ),
        )

    def _calendar(self, code: str) -> Calendar:
        random = self._random
        rules = tuple(
            BandRule(
                random.choice(("peak", "night", "")),
                frozenset(random.sample(range(1, 9), random.randint(1, 8))),
                random.choice(CLOCKS),
                random.choice(CLOCKS),
            )
            for _ in range(random.randint(0, 3))
        )
        zone = random.choice(("Europe/Paris", "America/Martinique", "Pacific/Noumea"))
        return Calendar(code, zone, random.choice(("FR", "")), rules)

    # -- directory

    def _snapshot(self) -> Snapshot:
        random = self._random
        accounts = [
            SnapshotAccount(1, None, 1, 1, "A", True),
            SnapshotAccount(2, 1, 1, 1, "A-1", random.random() < 0.5),
            SnapshotAccount(3, 2, 1, 1, "A-1-a", True),
            SnapshotAccount(4, None, 4, 2, "B", True),
            SnapshotAccount(5, None, 5, 1, "C", True),
        ]
        tariff_ids = range(1, random.randint(2, 5))
        return Snapshot(
            issuers_zone={1: "Europe/Paris", 2: "America/Martinique"},
            accounts=tuple(accounts),
            lines=tuple(SnapshotLine(line_id, f"L{line_id}", self._holes(0.2)) for line_id in range(1, 5)),
            assignments=tuple(self._assignments()),
            identifiers=tuple(self._identifiers()),
            tariffs=tuple(self._tariff(tariff_id) for tariff_id in tariff_ids),
            links=tuple(self._links(tuple(tariff_ids))),
            zones=(),
            calendars=(self._calendar("office"), self._calendar("odd")),
            allowances=tuple(self._allowance(number) for number in (1, 2, 3)),
            grants=tuple(self._grant() for _ in range(random.choice((0, 3, 6, 9)))),
            sources=(
                SnapshotSource(1, "pbx", 1, random.random() < 0.3),
                SnapshotSource(2, "operator", 1, False),
                SnapshotSource(3, "island", 2, False),
            ),
        )

    def _assignments(self) -> list[LineAssignment]:
        """Each line on one account, or moved once; sometimes with a hole."""
        found = []
        for line_id in range(1, 5):
            first, second = self._random.choice(range(1, 6)), self._random.choice(range(1, 6))
            border = self._random.choice(self._borders)
            found.append(LineAssignment(line_id, first, None, border))
            if border is not None and not self._holes(0.4):
                found.append(LineAssignment(line_id, second, border, None))
        return found

    def _identifiers(self) -> list[SnapshotIdentifier]:
        found = []
        for source in ("pbx", "operator", "island", ""):
            for kind, values in (
                (IdentifierKind.EXTENSION, ("201", "202")),
                (IdentifierKind.NUMBER, ("331400", "331401")),
            ):
                for value in values:
                    if not self._holes(0.5):
                        found += self._named(source, kind, value)
        return found

    def _named(self, source: str, kind: IdentifierKind, value: str) -> list[SnapshotIdentifier]:
        border = self._random.choice(self._borders)
        first, second = self._random.sample(range(1, 5), 2)
        if border is None:
            return [SnapshotIdentifier(source, kind, value, first, None, None)]
        return [
            SnapshotIdentifier(source, kind, value, first, None, border),
            SnapshotIdentifier(source, kind, value, second, border, None),
        ]

    def _links(self, tariff_ids: tuple[int, ...]) -> list[TariffLink]:
        owners = [
            *((OwnerKind.LINE, line_id) for line_id in range(1, 5)),
            *((OwnerKind.ACCOUNT, account_id) for account_id in range(1, 6)),
            *((OwnerKind.ISSUER, issuer_id) for issuer_id in (1, 2)),
            *((OwnerKind.SOURCE, source_id) for source_id in (1, 2, 3)),
        ]
        return [
            TariffLink(*owner, self._random.choice(tariff_ids), self._random.choice((0, 10, 20)), *self._period())
            for owner in owners
            for _ in range(self._random.choice((0, 0, 1, 2) if self._sparse else (0, 1, 1, 2)) if tariff_ids else 0)
        ]

    def _allowance(self, number: int) -> Allowance:
        random = self._random
        zones = frozenset(random.sample(ZONES, random.randint(1, 3)))
        owner = random.choice((AllowanceOwner.LINE, AllowanceOwner.ACCOUNT))
        return Allowance(number, f"H{number}", f"Plan {number}", random.choice((0, 60, 500, 3000, 9000)), zones, owner,
                         random.choice((10, 100)))  # fmt: skip

    def _grant(self) -> AllowanceGrant:
        random = self._random
        owner = random.choice(((OwnerKind.LINE, random.randint(1, 4)), (OwnerKind.ACCOUNT, random.randint(1, 5))))
        return AllowanceGrant(*owner, random.randint(1, 3), *self._period())

    # -- usage

    def _call(self, number: int) -> Usage:
        random = self._random
        at = random.choice([self._instant(), *(border for border in self._borders if border is not None)])
        talk_s = random.choice((0, 1, 7, 31, 5, 59, 60, 61, 119, 120, 601, random.randint(1, 4000)))
        return Usage(
            usage_id=f"s:{random.randint(1, 9)}:{number}",
            source="nowhere" if self._holes(0.3) else random.choice(("pbx", "pbx", "operator", "island")),
            start_at=at,
            answered_at=at,
            direction=random.choice((Direction.OUT,) * 15 + tuple(Direction)),
            status=random.choice((CallStatus.ANSWERED,) * 15 + tuple(CallStatus)),
            talk_s=talk_s,
            ring_s=3,
            charged=random.choice(("201", "202", "201", "")),
            party=random.choice(("201", "202", "", "999")),
            ddi=random.choice(("331400", "331401", "", "999")),
            calling="201",
            called="0",
            number_key=random.choice(
                (self._number(6), self._number(6), self._number(8), self._number(8), "" if self._holes(0.5) else "1")
            ),
            number_category=random.choice(("mobile", "geographic")),
            operator_micros=random.choice((None, 0, 12345)),
            flags=random.choice(("",) * 19 + ("no_year,no_detail", "minute_precision")),
        )
