"""The generated worlds are no easy ones: every feature that they may have decides some charges."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random

import pytest
from tests.property import rating_oracle
from tests.property.rating_changes import Change, allowances, rates, tariffs
from tests.property.rating_worlds import FEATURES, World

from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import (
    Adjustment,
    AllowanceOwner,
    BandBorder,
    Counted,
    IncrementOrigin,
    Promotion,
    RoundingPoint,
    Tiers,
)
from ardoise.core.usage import UsageKind


def whole_promotion(promotion: Promotion) -> Promotion:
    return replace(promotion, from_quantity=0, to_quantity=None)


def without_adjustments(snapshot: Snapshot) -> Snapshot:
    plain = [
        replace(known, parent=known.parent and replace(known.parent, adjustment=Adjustment()))
        for known in snapshot.tariffs
    ]
    links = [replace(link, adjustment=Adjustment()) for link in snapshot.links]
    return replace(snapshot, tariffs=tuple(plain), links=tuple(links))


def without_dates(snapshot: Snapshot) -> Snapshot:
    calendars = [
        replace(calendar, rules=tuple(replace(rule, dates=frozenset()) for rule in calendar.rules))
        for calendar in snapshot.calendars
    ]
    return replace(snapshot, calendars=tuple(calendars))


PLAIN: dict[str, Change] = {
    "kinds": rates(lambda rate: rate if rate.kind is UsageKind.CALL else None),
    "origins": rates(lambda rate: None if rate.origin else rate),
    "categories": rates(lambda rate: None if rate.prefix.startswith("=") else rate),
    "parents": tariffs(parent=None),
    "adjustments": without_adjustments,
    "incoming": tariffs(incoming=False),
    "borders": tariffs(band_border=BandBorder.START),
    "tiers": tariffs(tiers=Tiers.GRADUATED),
    "step_origin": lambda snapshot: replace(
        snapshot,
        tariffs=tuple(
            replace(known, increment_origin=IncrementOrigin.ZERO)
            if known.increment_origin is IncrementOrigin.STEP
            else known
            for known in snapshot.tariffs
        ),
    ),
    "increment_decimals": tariffs(increment_decimals=None),
    "line_rounding": tariffs(rounding_point=RoundingPoint.CALL),
    "surcharge": rates(lambda rate: rate._replace(surcharge=Decimal(0))),
    "attempt": rates(lambda rate: rate._replace(attempt_fee=Decimal(0))),
    "counted_longer": rates(lambda rate: rate._replace(added_s=0, raised_above_s=0, raised_to_s=0)),
    "first_block_once": tariffs(first_block_once=False),
    "coefficient": rates(lambda rate: rate._replace(coefficient=None)),
    "resellers": lambda snapshot: replace(
        snapshot, accounts=tuple(replace(known, reseller_id=None) for known in snapshot.accounts)
    ),
    "trunks": lambda snapshot: replace(snapshot, links=tuple(replace(link, trunk="") for link in snapshot.links)),
    "exchange": lambda snapshot: replace(snapshot, exchange_rates=()),
    "longest": lambda snapshot: replace(snapshot, longest_over_all=frozenset()),
    "dates": without_dates,
    "territories": lambda snapshot: replace(
        snapshot, calendars=tuple(replace(calendar, holidays="FR") for calendar in snapshot.calendars)
    ),
    "counted": allowances(lambda known: replace(known, counted=Counted.SECONDS)),
    "unlimited": allowances(lambda known: replace(known, quantity=known.quantity or 0)),
    "call_limit": allowances(lambda known: replace(known, call_limit=None)),
    "correspondents": allowances(lambda known: replace(known, correspondents=None)),
    "draw_increment": allowances(lambda known: replace(known, increment=1)),
    "as_billed": allowances(lambda known: replace(known, as_billed=False)),
    "call_fee": allowances(lambda known: replace(known, call_fee=Decimal(0))),
    "pool": allowances(
        lambda known: replace(known, owner=AllowanceOwner.ACCOUNT) if known.owner is AllowanceOwner.POOL else known
    ),
    "rollover": lambda snapshot: replace(snapshot, carried=()),
    "prorated": allowances(lambda known: replace(known, prorated=False)),
    "promotions": lambda snapshot: replace(snapshot, promotion_grants=()),
    "windows": lambda snapshot: replace(
        snapshot, promotions=tuple(whole_promotion(known) for known in snapshot.promotions)
    ),
}
BESIDE = {"windows": {"promotions"}}  # features that mean nothing alone


@pytest.mark.parametrize("feature", sorted(FEATURES - {"negative"}))
def test_every_feature_decides_charges(feature: str) -> None:
    """Of 40 worlds that have it, at least four are charged otherwise without."""
    differing = 0
    for seed in range(40):
        world = World(Random(seed), frozenset({feature, *BESIDE.get(feature, ())}), every=True)
        plain = PLAIN[feature](world.snapshot)
        with_it, _ = rating_oracle.charges(world.snapshot, world.calls, world.month)
        differing += with_it != rating_oracle.charges(plain, world.calls, world.month)[0]
        if differing == 4:
            return
    pytest.fail(f"{feature} decides charges in only {differing} of 40 worlds")


def test_worlds_price_most_of_their_calls_and_take_some_back() -> None:
    rows = []
    for seed in range(40):
        world = World(Random(seed), FEATURES, every=True)
        rows += rating_oracle.charges(world.snapshot, world.calls, world.month)[0]
    priced = [row for row in rows if row["state"] == "priced"]
    assert len(priced) > 40 * 15
    assert sum(row["talk_s"] < 0 or row["units"] < 0 for row in priced) > 20
    assert sum(row["level"] == "reseller2" for row in rows) > 20
    assert {row["why"] for row in rows} >= {
        "", "internal", "no_detail", "unanswered", "incoming", "no_tariff", "no_rate", "unknown_number", "no_cost",
    }  # fmt: skip
    assert {row["section"] for row in priced} == {"included", "beyond", "outside", "third_party"}
