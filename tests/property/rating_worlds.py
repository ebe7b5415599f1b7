"""Generated companies: directories with dates, tariffs of every shape, allowances, and a month of calls across them.

What a world may hold beyond the plain month is named in `FEATURES`: a test switches on what its engine knows. Each
world then draws some of the features it may have, so that they meet in every combination and still meet plain calls.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from tests.property.oracle_time import band_of

from ardoise.core.money import Rounding
from ardoise.core.snapshot import (
    AllowanceGrant,
    Carried,
    ExchangeRate,
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
    Adjustment,
    Allowance,
    AllowanceOwner,
    BandBorder,
    BandRule,
    Calendar,
    Counted,
    IncrementOrigin,
    Parent,
    Promotion,
    Rate,
    RoundingPoint,
    ServicePer,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
    Tiers,
)
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind

MONTHS = ("2026-10", "2026-03", "2026-05")  # both clock changes, and a month full of public holidays
ZONES = ("FR", "MOB", "INT")
DIGITS = "00123"
CATEGORIES = ("mobile", "geographic", "emergency", "")
ORIGINS = ("3", "33", "4", "@208")  # of rows
VISITED = ("", "", "33140", "336", "@20801", "49", "1")  # of usage
UNITS = {
    UsageKind.SMS: (1, 1, 1, 2, 3, 0),
    UsageKind.MMS: (1, 1, 2, 0),
    UsageKind.DATA: (0, 1, 999, 1000, 1024, 3333, 5000),
    UsageKind.EVENT: (1, 1, 10, 61, 0),
}
QUANTITIES = {
    Counted.SECONDS: (0, 60, 500, 3000, 9000),
    Counted.MESSAGES: (0, 1, 5, 100),
    Counted.OCTETS: (0, 1024, 5000, 10**7),
    Counted.UNITS: (0, 1, 20, 300),
    Counted.MONEY: (0, 1, 500_000, 2_000_000),
    Counted.CALLS: (0, 1, 3, 20),
}
COST_TARIFF = 1  # the one that operators ask where selling prices are multiples of it
OWN_HOLIDAYS = {  # territory -> day of the month; March has none
    "2026-10": {"FR-977": 9},
    "2026-03": {"FR-57": 1},
    "2026-05": {"FR-971": 27, "FR-972": 22, "FR-978": 28},
}
PARIS = ZoneInfo("Europe/Paris")
CLOCKS = (time(0), time(2), time(2, 30), time(6), time(8), time(19), time(22))


PRICE_FEATURES = frozenset(
    {
        "kinds",  # messages, data sessions, events
        "negative",  # quantities that are taken back
        "origins",  # rows by the number that calls or the network visited
        "categories",  # rows "=emergency"
        "parents",  # tariffs that ask another one
        "adjustments",  # percentages and amounts of parents and links
        "incoming",  # tariffs of calls received
        "borders",  # carried over or split at the change of band
        "tiers",  # volume, package
        "step_origin",
        "increment_decimals",
        "line_rounding",
        "surcharge",
        "attempt",
        "coefficient",  # so many times the cost
        "counted_longer",  # seconds added, short calls raised
        "first_block_once",  # whatever bands a call meets
        "resellers",
        "trunks",  # cost by trunk
        "exchange",  # cost in another currency
        "longest",  # longest prefix over all tariffs of the chain
        "dates",  # bands on some days of the year
        "territories",  # public holidays of Alsace and overseas
    }
)
INCLUDED_FEATURES = frozenset(
    {
        "counted",  # allowances of messages, octets, units, money, calls
        "unlimited",
        "call_limit",
        "correspondents",
        "draw_increment",
        "as_billed",  # drawn by the increments of the price
        "call_fee",  # of calls that an allowance covers
        "pool",
        "rollover",
        "prorated",
        "promotions",
        "windows",  # promotions for a part of what is used in the month
    }
)
BANDED = frozenset({"borders", "first_block_once", "territories"})  # those that need calendars of several bands
FEATURES = PRICE_FEATURES | INCLUDED_FEATURES
CALLS = 50


class World:
    """One draw: `snapshot`, `calls`, `month`; the `features` that it was drawn with: some of those it may have, or
    `every` one.
    """

    def __init__(
        self, random: Random, features: frozenset[str] = frozenset(), *, calls: int = CALLS, every: bool = False
    ) -> None:
        if unknown := features - FEATURES:
            raise ValueError(f"no world has the features {', '.join(sorted(unknown))}")
        self._random = random
        chance = random.choice((0.04, 0.04, 0.15, 0.5, 1))  # one or two features, some, half, all
        self.features = features if every else frozenset(name for name in sorted(features) if random.random() < chance)
        self._sparse = random.random() < 0.15  # a directory full of holes; the others price most of their calls
        self.month = random.choice(MONTHS)
        self._start = datetime.strptime(self.month, "%Y-%m").replace(tzinfo=UTC)
        self._prefixes = ["1"]
        self._changes: list[datetime] = []
        self._borders = [None, None, *(self._instant() for _ in range(3))]
        self.snapshot = self._snapshot()
        self.calls = [self._call(number) for number in range(calls)]

    def _has(self, feature: str, chance: float = 0.5) -> bool:
        """Whether this draw uses the feature: never where the world has it not."""
        return feature in self.features and self._random.random() < chance

    def _instant(self) -> datetime:
        """Somewhere in the month or just around it, often on a full hour of a night when clocks change."""
        if self._random.random() < 0.3:
            day = {"2026-10": 25, "2026-03": 29, "2026-05": 8}[self.month]
            border = self._start + timedelta(days=day - 1, minutes=30 * self._random.randint(0, 12))
            return border - timedelta(seconds=self._random.choice((0, 0, 1, self._random.randint(2, 700))))
        seconds = self._random.randint(-40_000, 32 * 86_400)
        return self._start + timedelta(seconds=seconds, microseconds=self._random.choice((0, 0, 1)))

    def _before_a_band_changes(self, talk_s: int) -> datetime:
        """A call so long is often under way, or just over, when a band begins or ends."""
        random = self._random
        border = random.choice(self._band_changes() or [self._instant()])
        return border - timedelta(seconds=random.choice((0, 1, 5, 61, talk_s, *(random.randint(0, abs(talk_s)),) * 3)))

    def _band_changes(self) -> list[datetime]:
        """Every instant of the month at which the band of a calendar changes: they all are on full half hours."""
        if not self._changes:
            halves = [self._start + timedelta(minutes=30 * number) for number in range(2 * 24 * 31)]
            for calendar in self.snapshot.calendars:
                bands = [band_of(calendar, at) for at in halves]
                self._changes += [
                    at for at, band, before in zip(halves[1:], bands[1:], bands, strict=False) if band != before
                ]
        return self._changes

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
            whole = self._random.choice(("0.1234567890123456789", "12345.678901", "9999999.999999"))
        return Decimal(whole)

    def _steps(self) -> tuple[Step, ...]:
        random = self._random
        starts = sorted({0 if random.random() < 0.9 else 30, *random.sample((20, 60, 61, 300), random.randint(0, 2))})
        if random.random() < 0.05:
            return ()
        if self._has("first_block_once", 0.85):
            block = random.choice((1, 60, 300))
            return (Step(0, self._price(), 60, block), Step(block, self._price(), 60, random.choice((1, 6, 30))))
        steps = [
            Step(start, self._price(), random.choice((1, 60, 7)), random.choice((1, 6, 30, 60, 45, 90)))
            for start in starts
        ]
        random.shuffle(steps)  # files list them as they like
        return tuple(steps)

    def _rate(self, prefix: str, band: str, exact: bool, kind: UsageKind, origin: str) -> Rate:
        random = self._random
        per = (ServicePer.NONE, ServicePer.NONE, ServicePer.MINUTE, ServicePer.CALL)
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
            service_per=random.choice(per if kind is UsageKind.CALL else (ServicePer.NONE, ServicePer.CALL)),
            kind=kind,
            origin=origin,
            **self._extras(),
        )

    def _extras(self) -> dict[str, object]:
        random = self._random
        found: dict[str, object] = {}
        if self._has("surcharge"):
            found["surcharge"] = self._price()
            found["surcharge_at_s"] = random.choice((0, 1, 30, 61, 600))
            found["surcharge_every_s"] = random.choice((0, 0, 1, 45, 300))
        if self._has("attempt"):
            found["attempt_fee"] = random.choice((Decimal("0.03"), self._price()))
        if self._has("counted_longer"):
            found["added_s"] = random.choice((0, 0, 3, 45))
            found["raised_to_s"] = random.choice((0, 60, 61, 700))
            found["raised_above_s"] = random.choice((0, 6, 30, 59)) if found["raised_to_s"] else 0
        if self._has("coefficient", 0.2) and self._coefficients:
            found["coefficient"] = random.choice((Decimal(1), Decimal("1.25"), Decimal("0.3333333"), Decimal(0)))
        return found

    def _number(self, longest: int) -> str:
        random = self._random
        digits = "".join(random.choice(DIGITS) for _ in range(random.randint(1, longest)))
        if longest > 4 and random.random() < 0.05:
            digits += "0" * (17 - len(digits))  # longer than any E.164 number
        return random.choice(("",) * 14 + ("!", "?")) + digits

    def _key(self) -> str:
        """A number that a row may match: a prefix and some digits more."""
        prefix = self._random.choice(self._prefixes)
        more = "".join(self._random.choice(DIGITS) for _ in range(self._random.choice((0, 0, 1, 4))))
        return (prefix if prefix[:1] != "=" else "") + more or "0"

    def _kind(self) -> UsageKind:
        return self._random.choice(tuple(UsageKind)) if self._has("kinds") else UsageKind.CALL

    def _version(self, tariff_id: int, number: int) -> TariffVersion:
        random = self._random
        rows = {}
        for kind in UsageKind if self._has("kinds", 0.8) else (UsageKind.CALL,):  # any other number
            if not self._holes(0.5) and (kind is UsageKind.CALL or random.random() < 0.7):
                rows[False, "", "", kind, ""] = self._rate("", "", False, kind, "")
        for _ in range(random.randint(0 if self._sparse else 4, 12)):
            exact = random.random() < 0.2
            prefix = "" if random.random() < 0.15 and not exact else self._number(6 if exact else 3)
            if self._has("categories", 0.2):
                exact, prefix = False, "=" + random.choice(CATEGORIES[:3])
            band = random.choice(("", "", "peak", "night"))
            if rows and (self._has("borders") or self._has("first_block_once")):  # one more band of a number
                exact, prefix = random.choice([(known[0], known[1]) for known in rows])
            kind, origin = self._kind(), random.choice(ORIGINS) if self._has("origins") else ""
            rows[exact, prefix, band, kind, origin] = self._rate(prefix, band, exact, kind, origin)
            self._prefixes.append(prefix)
        start, end = self._period()
        early = start or self._start - timedelta(days=400)
        return TariffVersion(
            tariff_id * 10 + number, early, end if end is None or end > early else None, tuple(rows.values())
        )

    def _adjustment(self) -> Adjustment:
        random = self._random
        if not self._has("adjustments"):
            return Adjustment()
        return Adjustment(
            random.choice((Decimal(0), Decimal(10), Decimal("-33.333"), Decimal(-100), Decimal("2.5"))),
            random.choice((Decimal(0), Decimal(0), Decimal("0.01"), Decimal("-0.0205"))),
        )

    def _tariff(self, tariff_id: int, last: int) -> Tariff:
        random = self._random
        origins = [IncrementOrigin.FIRST_NEXT, IncrementOrigin.ZERO]
        if "step_origin" in self.features:
            origins.append(IncrementOrigin.STEP)
        origin, border, tiers = random.choice(origins), BandBorder.START, Tiers.GRADUATED
        self._coefficients = tariff_id != COST_TARIFF
        calendar = random.choice(("", "office", "odd"))
        if self._has("tiers"):
            tiers = random.choice((Tiers.VOLUME, Tiers.PACKAGE))
        elif self._has("borders", 0.8) or self._has(
            "first_block_once", 0.8
        ):  # the two look beyond the start only where increments simply follow each other
            origin, border = IncrementOrigin.FIRST_NEXT, random.choice((BandBorder.CARRY, BandBorder.SPLIT))
            calendar = random.choice(("office", "odd"))
            self._coefficients = False
        decimals = None
        if tiers is not Tiers.PACKAGE and self._has("increment_decimals"):
            decimals = random.choice((0, 2, 3, 4, 5))
        parent = None
        if tariff_id == COST_TARIFF and "coefficient" in self.features:
            pass  # its parents would ask multiples of what it asks
        elif tariff_id < last and self._has("parents", 0.7):  # a tariff only asks later ones: no cycles
            parent = Parent(random.randint(tariff_id + 1, last), self._adjustment())
        return Tariff(
            tariff_id=tariff_id,
            code=f"T{tariff_id}",
            name=f"Tariff {tariff_id}",
            currency=random.choice(("EUR", "CHF")) if "exchange" in self.features else "EUR",
            tax_basis=random.choice((TaxBasis.HT, TaxBasis.TTC)),
            calendar=calendar,
            increment_origin=origin,
            rounding=random.choice(tuple(Rounding)),
            rounding_decimals=random.choice((6, 6, 4, 2, 0)),
            bill_zero_seconds=random.random() < 0.5,
            versions=tuple(
                self._version(tariff_id, number) for number in range(random.randint(0 if self._sparse else 1, 2))
            ),
            incoming=self._has("incoming", 0.3),
            band_border=border,
            tiers=tiers,
            increment_decimals=decimals,
            rounding_point=RoundingPoint.LINE if self._has("line_rounding", 0.4) else RoundingPoint.CALL,
            parent=parent,
            first_block_once=self._has("first_block_once", 1),
        )

    def _calendar(self, code: str) -> Calendar:
        random = self._random
        rules = tuple(
            BandRule(
                random.choice(("peak", "night", "")),
                frozenset(random.sample(range(1, 9), random.randint(1, 8))),
                random.choice(CLOCKS),
                random.choice(CLOCKS),
                frozenset((self._start.month, day) for day in random.sample(range(1, 31), 12))
                if self._has("dates", 0.4)
                else frozenset(),
            )
            for _ in range(random.randint(2 if BANDED & self.features else 0, 3))
        )
        zone = random.choice(("Europe/Paris", "America/Martinique", "Pacific/Noumea"))
        holidays = random.choice(("FR", ""))
        if self._has("territories"):
            holidays = random.choice(tuple(OWN_HOLIDAYS[self.month]))
        return Calendar(code, zone, holidays, rules)

    # -- directory

    def _snapshot(self) -> Snapshot:
        random = self._random
        last = random.randint(1, 4) if not {"parents", "incoming"} & self.features else random.randint(2, 6)
        tariff_ids = tuple(range(1, last + 1))
        allowances = tuple(self._allowance(number) for number in (1, 2, 3))
        grants = tuple(self._grant(allowances) for _ in range(random.choice((0, 4, 7, 10))))
        return Snapshot(
            issuers_zone={1: "Europe/Paris", 2: "America/Martinique"},
            accounts=tuple(self._accounts()),
            lines=tuple(SnapshotLine(line_id, f"L{line_id}", self._holes(0.2)) for line_id in range(1, 5)),
            assignments=tuple(self._assignments()),
            identifiers=tuple(self._identifiers()),
            tariffs=tuple(self._tariff(tariff_id, last) for tariff_id in tariff_ids),
            links=tuple(self._links(tariff_ids)),
            zones=(),
            calendars=(self._calendar("office"), self._calendar("odd")),
            allowances=allowances,
            grants=grants,
            sources=(
                SnapshotSource(1, "pbx", 1, random.random() < 0.3),
                SnapshotSource(2, "operator", 1, False),
                SnapshotSource(3, "island", 2, False),
            ),
            promotions=tuple(self._promotion(number) for number in (1, 2, 3)) if "promotions" in self.features else (),
            promotion_grants=tuple(
                self._promotion_grant() for _ in range(random.choice((1, 3, 6)) if "promotions" in self.features else 0)
            ),
            carried=tuple(self._carried(allowances, grants)),
            exchange_rates=self._exchange_rates(),
            longest_over_all=frozenset(random.choice(((1,), (1, 2)))) if "longest" in self.features else frozenset(),
        )

    def _exchange_rates(self) -> tuple[ExchangeRate, ...]:
        """One or two, both ways or one way twice; never two of a pair from one instant on."""
        if not self._has("exchange", 0.9):
            return ()
        found = {}
        for rate in ("0.95", "1.0456789"):
            pair = self._random.choice((("EUR", "CHF"), ("CHF", "EUR")))
            at = self._instant()
            found[pair, at] = ExchangeRate(*pair, Decimal(rate), at)
        return tuple(found.values())

    def _accounts(self) -> list[SnapshotAccount]:
        """Three customers; with resellers, A is resold by D (through its child), C by D, and D by B, of one issuer."""
        random, resold = self._random, "resellers" in self.features
        issuer_of_b = 1 if resold else 2
        found = [
            SnapshotAccount(1, None, 1, 1, "A", True, 7 if resold else None),
            SnapshotAccount(2, 1, 1, 1, "A-1", random.random() < 0.5),
            SnapshotAccount(3, 2, 1, 1, "A-1-a", True),
            SnapshotAccount(4, None, 4, issuer_of_b, "B", True),
            SnapshotAccount(5, None, 5, 1, "C", True, 6 if self._has("resellers") else None),
        ]
        if resold:
            found.append(
                SnapshotAccount(6, None, 6, 1, "D", random.random() < 0.8, 4 if random.random() < 0.5 else None)
            )
            found.append(SnapshotAccount(7, 6, 6, 1, "D-1", random.random() < 0.8))
        return found

    def _assignments(self) -> list[LineAssignment]:
        """Each line on one account, or moved once; sometimes with a hole."""
        found = []
        for line_id in range(1, 5):
            near = 3 if "pool" in self.features else 6  # few accounts: their lines share
            first, second = self._random.choice(range(1, near)), self._random.choice(range(1, near))
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
            *((OwnerKind.ACCOUNT, account_id) for account_id in range(1, 8 if "resellers" in self.features else 6)),
            *((OwnerKind.ISSUER, issuer_id) for issuer_id in (1, 2)),
            *((OwnerKind.SOURCE, source_id) for source_id in (1, 2, 3)),
        ]
        return [
            self._link(*owner, tariff_ids)
            for owner in owners
            for _ in range(self._random.choice((0, 0, 1, 2) if self._sparse else (0, 1, 1, 2)))
        ]

    def _link(self, kind: OwnerKind, owner_id: int, tariff_ids: tuple[int, ...]) -> TariffLink:
        random, tariff_id, trunk = self._random, self._random.choice(tariff_ids), ""
        if kind is OwnerKind.SOURCE:
            if "coefficient" in self.features:
                tariff_id = COST_TARIFF  # what an operator asks is no multiple of what it asks
            trunk = random.choice(("", "T1", "T2")) if self._has("trunks", 0.8) else ""
        return TariffLink(
            kind, owner_id, tariff_id, random.choice((0, 10, 20)), *self._period(), self._adjustment(), trunk
        )

    # -- allowances and promotions

    def _allowance(self, number: int) -> Allowance:
        random = self._random
        zones = frozenset(random.sample(ZONES, random.randint(1, 3)))
        owners = [AllowanceOwner.LINE, AllowanceOwner.ACCOUNT]
        if "pool" in self.features:
            owners.append(AllowanceOwner.POOL)
        counted = random.choice(tuple(Counted)) if self._has("counted", 0.7) else Counted.SECONDS
        quantity: int | None = random.choice(QUANTITIES[counted])
        if self._has("unlimited", 0.4):
            quantity = None
        return Allowance(
            number, f"H{number}", f"Plan {number}", quantity, zones, random.choice(owners),
            priority=random.choice((10, 100)), counted=counted,
            call_limit=random.choice((1, 50, 700)) if self._has("call_limit") else None,
            correspondents=random.choice((0, 1, 3)) if self._has("correspondents") else None,
            increment=random.choice((7, 60, 500)) if self._has("draw_increment", 0.8) else 1,
            rollover_months=random.choice((1, 2)) if self._has("rollover", 0.7) else 0,
            prorated=self._has("prorated", 0.9),
            as_billed=self._has("as_billed", 0.7),
            call_fee=random.choice((Decimal("0.01"), Decimal("1.234567"))) if self._has("call_fee") else Decimal(0),
        )  # fmt: skip

    def _grant(self, allowances: tuple[Allowance, ...]) -> AllowanceGrant:
        random = self._random
        account_id = random.randint(1, 7 if "resellers" in self.features else 5)
        owner = random.choice(((OwnerKind.LINE, random.randint(1, 4)), (OwnerKind.ACCOUNT, account_id)))
        allowance = random.choice(allowances)
        if allowance.owner is AllowanceOwner.POOL and random.random() < 0.7:
            owner = OwnerKind.LINE, random.randint(1, 4)
        if allowance.prorated:
            return AllowanceGrant(*owner, allowance.allowance_id, *self._days())
        return AllowanceGrant(*owner, allowance.allowance_id, *self._period())

    def _days(self) -> tuple[datetime | None, datetime | None]:
        """A period of whole days in Paris."""
        first, second = sorted(self._random.sample(range(-3, 34), 2))
        start, end = (
            (self._start.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=PARIS).astimezone(UTC)
            for days in (first, second)
        )
        return self._random.choice(((None, end), (start, None), (start, end)))

    def _carried(self, allowances: tuple[Allowance, ...], grants: tuple[AllowanceGrant, ...]) -> list[Carried]:
        """What earlier months left on some of the counters that the grants open."""
        roots, found = {1: 1, 2: 1, 3: 1, 4: 4, 5: 5, 6: 6, 7: 6}, {}
        for grant in grants:
            allowance = next(known for known in allowances if known.allowance_id == grant.allowance_id)
            to_line = grant.owner_kind is OwnerKind.LINE
            unlimited = allowance.quantity is None  # leaves nothing
            for months in range(1, 0 if unlimited else allowance.rollover_months + 1):
                kind, owner, root = grant.owner_kind, grant.owner_id, roots.get(grant.owner_id, 1)
                if allowance.owner is AllowanceOwner.LINE:
                    kind, owner = OwnerKind.LINE, grant.owner_id if to_line else self._random.randint(1, 4)
                elif to_line:
                    kind, owner = OwnerKind.ACCOUNT, self._random.randint(1, 5)
                root = self._random.choice((1, 1, 4, 5)) if kind is OwnerKind.LINE else roots[owner]
                earned = earlier(self.month, months)
                found[allowance.allowance_id, kind, owner, root, earned] = Carried(
                    self.month, allowance.allowance_id, kind, owner, root, earned, self._random.choice((1, 30, 777))
                )
        return list(found.values())

    def _promotion(self, number: int) -> Promotion:
        random = self._random
        counted, start, end = Counted.CALLS, 0, None
        if self._has("windows", 0.8):
            counted = random.choice(tuple(Counted))
            start = random.choice((0, 0, 3, 100, 2000))
            end = random.choice((None, start + 1, start + 5, start + 500, start + 300_000))
        return Promotion(
            number, f"P{number}", f"Promotion {number}",
            frozenset(random.sample(ZONES, random.randint(0, 2))),
            percentage=random.choice((Decimal(0), Decimal(10), Decimal("33.3"), Decimal(100))),
            amount=random.choice((Decimal(0), Decimal(0), Decimal("0.02"), Decimal(1))),
            counted=counted, from_quantity=start, to_quantity=end,
            owner=random.choice((AllowanceOwner.LINE, AllowanceOwner.ACCOUNT)), priority=random.choice((10, 100)),
        )  # fmt: skip

    def _promotion_grant(self) -> PromotionGrant:
        random = self._random
        owner = random.choice(
            (
                (OwnerKind.LINE, random.randint(1, 4)),
                (OwnerKind.ACCOUNT, random.randint(1, 7 if "resellers" in self.features else 5)),
                (OwnerKind.ISSUER, random.randint(1, 2)),
            )
        )
        return PromotionGrant(*owner, random.randint(1, 3), *self._period())

    # -- usage

    def _call(self, number: int) -> Usage:
        random = self._random
        at = random.choice([self._instant(), *(border for border in self._borders if border is not None)])
        talk_s = random.choice((0, 1, 7, 31, 5, 59, 60, 61, 119, 120, 601, random.randint(1, 4000)))
        if self._has("borders", 0.7) or self._has("first_block_once", 0.7):
            at = self._before_a_band_changes(talk_s)
        if self._has("territories", 0.3):
            hours = random.randint(5, 28)
            at = self._start + timedelta(days=random.choice(tuple(OWN_HOLIDAYS[self.month].values())) - 1, hours=hours)
        kind, units = self._kind(), 0
        if kind is not UsageKind.CALL:
            talk_s, units = 0, random.choice(UNITS[kind])
        if self._has("negative", 0.2):
            units, talk_s = -units, -talk_s
        key = random.choice((self._number(6), self._number(8), *(self._key() for _ in range(6)), "1"))
        if self._holes(0.2 if kind is UsageKind.CALL else 4):
            key = ""
        odd = 10 if {"attempt", "incoming"} & self.features else 25
        return Usage(
            usage_id=f"s:{random.randint(1, 9)}:{number}",
            source="nowhere" if self._holes(0.1) else random.choice(("pbx", "pbx", "operator", "island")),
            start_at=at,
            answered_at=at,
            direction=random.choice((Direction.OUT,) * odd + tuple(Direction)),
            status=random.choice((CallStatus.ANSWERED,) * odd + tuple(CallStatus)),
            talk_s=talk_s,
            ring_s=3,
            charged=random.choice(("201", "202", "201", "202", "999", "")),
            party=random.choice(("201", "202", "201", "202", "", "999")),
            ddi=random.choice(("331400", "331401", "331400", "", "999")),
            calling="201",
            called="0",
            number_key=key,
            number_category=random.choice(CATEGORIES) if "categories" in self.features else "mobile",
            trunk=random.choice(("", "T1", "T1", "T2", "T3")) if "trunks" in self.features else "",
            operator_micros=random.choice((None, None, 0, 12345, -777 if "negative" in self.features else 1)),
            flags=random.choice(("",) * 30 + ("no_year,no_detail", "minute_precision")),
            kind=kind,
            units=units,
            origin=random.choice(VISITED) if "origins" in self.features else "",
        )


def earlier(month: str, months: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:]) - 1 - months
    return f"{number // 12}-{number % 12 + 1:02d}"
