"""Usage charged one after the other by one row, with the allowances and promotions that the test grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from tests.unit.core.rating_world import DEPARTMENT, LINE, MONDAY_10H, call, rate, tariff, world

from ardoise.core.allowances import Counters
from ardoise.core.attribution import Attribution
from ardoise.core.charging import AccessCharge, Charging
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.snapshot import (
    AllowanceGrant,
    Carried,
    LineAssignment,
    OwnerKind,
    PromotionGrant,
    Snapshot,
    SnapshotLine,
)
from ardoise.core.tariffs import Allowance, AllowanceOwner, Counted, Promotion, Rate, Step, Tariff
from ardoise.core.usage import Usage, UsageKind

OCTOBER = "2026-10"
KIND_OF = {
    Counted.SECONDS: UsageKind.CALL,
    Counted.CALLS: UsageKind.CALL,
    Counted.MONEY: UsageKind.CALL,
    Counted.MESSAGES: UsageKind.SMS,
    Counted.OCTETS: UsageKind.DATA,
    Counted.UNITS: UsageKind.EVENT,
}


def allowance(number: int = 1, quantity: int | None = 300, **changes: object) -> Allowance:
    """300 s to France for a line, unless `changes` say otherwise."""
    plain = Allowance(number, f"H{number}", f"Forfait {number}", quantity, frozenset({"FR"}), AllowanceOwner.LINE)
    return replace(plain, **changes)  # type: ignore[arg-type]


def promotion(number: int = 1, percentage: str = "0", **changes: object) -> Promotion:
    """On everything, unless `changes` say otherwise."""
    plain = Promotion(number, f"P{number}", f"Promotion {number}", frozenset(), Decimal(percentage))
    return replace(plain, **changes)  # type: ignore[arg-type]


def to_line(
    known: Allowance,
    line_id: int = LINE,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
) -> AllowanceGrant:
    return AllowanceGrant(OwnerKind.LINE, line_id, known.allowance_id, from_at, to_at)


def company(
    *allowances: Allowance,
    grants: Sequence[AllowanceGrant] | None = None,
    promotions: Sequence[Promotion] = (),
    promotion_grants: Sequence[PromotionGrant] | None = None,
    carried: Sequence[Carried] = (),
    lines: int = 1,
    assignments: Sequence[LineAssignment] = (),
) -> Snapshot:
    """The customer of `rating_world` with that many lines (LINE, LINE + 1 ...), all of its department; everything is
    granted to the first line unless the test says otherwise.
    """
    more = range(LINE + 1, LINE + lines)
    plain = world(tariff(rate()), allowances=allowances)
    held = tuple(LineAssignment(line_id, DEPARTMENT, None, None) for line_id in (LINE, *more))
    return replace(
        plain,
        lines=(*plain.lines, *(SnapshotLine(line_id, str(line_id), False) for line_id in more)),
        assignments=tuple(assignments) or held,
        grants=tuple(to_line(known) for known in allowances) if grants is None else tuple(grants),
        promotions=tuple(promotions),
        promotion_grants=tuple(
            PromotionGrant(OwnerKind.LINE, LINE, known.promotion_id, None, None) for known in promotions
        )
        if promotion_grants is None
        else tuple(promotion_grants),
        carried=tuple(carried),
    )


class Month:
    """Charges usage in the order it is given, an hour apart, at 6 cents a minute by the second unless told."""

    def __init__(self, snapshot: Snapshot, row: Rate | None = None, counters: Counters | None = None) -> None:
        self.compiled = CompiledSnapshot(snapshot)
        self.charging = Charging(snapshot, self.compiled.attributor)
        self.row = rate("", "0.06") if row is None else row
        self.counters = Counters() if counters is None else counters
        self.at = MONDAY_10H

    def payer(self, line_id: int, at: datetime) -> Attribution:
        found = self.compiled.attributor.of_line(line_id, at)
        assert isinstance(found, Attribution)
        return found

    def charge(
        self,
        quantity: int,
        *,
        line_id: int = LINE,
        at: datetime | None = None,
        month: str = OCTOBER,
        kind: UsageKind = UsageKind.CALL,
        product: Tariff | None = None,
        **changes: object,
    ) -> AccessCharge:
        if at is None:
            at, self.at = self.at, self.at + timedelta(hours=1)
        usage = used(quantity, kind=kind, answered_at=at, **changes)
        fare = Fare(CompiledRate(self.row._replace(kind=kind), product or tariff(self.row)))
        return self.charging.charge(fare, usage, self.payer(line_id, at), month=month, counters=self.counters)


def used(quantity: int, *, kind: UsageKind = UsageKind.CALL, **changes: object) -> Usage:
    if kind is UsageKind.CALL:
        return call(quantity, **changes)
    return call(0, kind=kind, units=quantity, **changes)


def a_unit(price: str, **changes: object) -> Rate:
    """A row of so much a message, octet or unit (or second)."""
    return rate("", steps=(Step(0, Decimal(price), 1, 1),), **changes)
