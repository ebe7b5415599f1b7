"""The convention finder on the bills of an operator that shares no code with it: what was planted is found, no more.

`priced_calls` prices second by second in integers; here its deck becomes a tariff without increments, fee or rounding,
and the finder must tell how the operator turned it into amounts.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from priced_calls import DECK, OLD_DECK, Operator, Printed, Way, traffic
from rating_world import call as usage
from rating_world import world

from ardoise.core.conventions import Audit, Convention, Deck, PricedCall, Terms, as_tariff, find
from ardoise.core.conventions.book import Book
from ardoise.core.conventions.evaluate import evaluator_of
from ardoise.core.money import Rounding
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.tariffs import (
    BandBorder,
    BandRule,
    Calendar,
    IncrementOrigin,
    Rate,
    Step,
    Tariff,
    TariffVersion,
    TaxBasis,
)

CALENDAR = Calendar(
    code="heures",
    zone="Europe/Paris",
    holidays="",
    rules=(
        BandRule("pleines", frozenset({1, 2, 3, 4, 5}), time(8), time(19)),
        BandRule("creuses", frozenset(range(1, 8)), time(0), time(0)),
    ),
)


def version(number: int, deck: dict[str, tuple[str, int, int]], year: int, *, banded: bool) -> TariffVersion:
    rates = []
    for prefix, (zone, full, low) in deck.items():
        rates.append(Rate(prefix, zone, (Step(0, Decimal(full).scaleb(-6)),)))
        if banded:
            rates.append(Rate(prefix, zone, (Step(0, Decimal(low).scaleb(-6)),), band="creuses"))
    return TariffVersion(number, datetime(year, 1, 1, tzinfo=UTC), None, tuple(rates))


def deck(*, banded: bool = True, **changes: object) -> Deck:
    """The operator's prices as a tariff that says nothing of its conventions; last year's are its first version."""
    tariff = Tariff(
        tariff_id=1,
        code="achat",
        name="Achat",
        currency="EUR",
        tax_basis=TaxBasis.HT,
        calendar="heures" if banded else "",
        increment_origin=IncrementOrigin.FIRST_NEXT,
        rounding=Rounding.HALF_UP,
        rounding_decimals=6,
        bill_zero_seconds=False,
        versions=(version(1, OLD_DECK, 2025, banded=banded), version(2, DECK, 2026, banded=banded)),
    )
    return Deck(replace(tariff, **changes), CALENDAR if banded else None)  # type: ignore[arg-type]


def priced(lines: list[Printed]) -> list[PricedCall]:
    return [
        PricedCall(str(place), line.number, line.answered_at, line.seconds, line.micros, line.caller)
        for place, line in enumerate(lines)
    ]


def planted(lines: list[Printed]) -> set[str]:
    return {str(place) for place, line in enumerate(lines) if line.planted}


def listed(audit: Audit) -> set[str]:
    return {found.call.ref for found in audit.unexplained}


@st.composite
def ways(draw: st.DrawFn) -> Way:
    """Any convention of the cross product, with values that no list of the product has."""
    origin = draw(st.sampled_from(("first_next", "first_next", "zero")))
    return Way(
        first=draw(st.integers(1, 120)),
        next=draw(st.integers(1, 60)),
        origin=origin,
        free=draw(st.sampled_from((0, 0, 0, 3, 8))),
        fee=draw(st.sampled_from((0, 0, 20_000, 45_000, 110_000))),
        minimum=draw(st.sampled_from((0, 0, 0, 30_000))),
        mode=draw(st.sampled_from(("half_up", "half_even", "up", "down"))),
        decimals=draw(st.integers(2, 6)),
        increment_decimals=draw(st.sampled_from((None, None, 3, 4, 5))),
        border="start" if origin == "zero" else draw(st.sampled_from(("start", "carry", "split"))),
        zero_billed=draw(st.booleans()),
    )


# Conventions that are searched for in 1,500 calls each, some 10 s a piece; docs/algorithms/conventions.md gives 40's.
EXAMPLES = int(os.environ.get("ARDOISE_CONVENTIONS", "3"))


def test_nearly_all_random_conventions_are_found_to_the_call() -> None:
    """The planted errors are listed and nothing else; `ARDOISE_CONVENTIONS=40 pytest -s` prints the hit rate."""
    hits: Counter[bool] = Counter()

    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(way=ways(), seed=st.integers(0, 10**6))
    def count(way: Way, seed: int) -> None:
        lines = traffic(Operator(way), calls=1500, seed=seed)
        audit = find(priced(lines), [deck()])
        assert audit.stake_micros == sum(found.difference_micros or 0 for found in audit.unexplained)
        hit = listed(audit) == planted(lines) and audit.confidence == "sure"
        hits[hit] += 1
        if not hit:
            print("missed", way, seed)

    count()
    print(f"{hits[True]} of {hits.total()} conventions found to the call")
    assert 10 * hits[True] >= 9 * hits.total()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_convention_prices_as_the_tariff_that_it_stands_for_is_rated(data: st.DataObject) -> None:
    """The finder's integers = `core.rating` on `as_tariff`: rows, versions, bands, borders, increments, rounding."""
    convention = Convention(
        deck="achat",
        terms=data.draw(terms()),
        zones=data.draw(st.sampled_from(((), (("mobile", Terms(60, 60, 0, Decimal("0.1"), Decimal(0))),)))),
        coefficient=data.draw(st.sampled_from((Decimal(1), Decimal("1.2"), Decimal("0.035")))),
        origin=data.draw(st.sampled_from(IncrementOrigin)),
        rounding=data.draw(st.sampled_from(Rounding)),
        decimals=data.draw(st.integers(0, 6)),
        increment_decimals=data.draw(st.sampled_from((None, None, 2, 4))),
        border=data.draw(st.sampled_from(BandBorder)),
        bill_zero_seconds=data.draw(st.booleans()),
        parts_apart=True,
    )
    lines = traffic(Operator(Way()), calls=20, seed=data.draw(st.integers(0, 10**6)))
    calls = priced(lines)
    recorded = degressive(deck()) if data.draw(st.booleans()) else deck()
    book = Book(recorded, calls, coefficient=convention.coefficient)
    evaluator = evaluator_of(book, convention)
    if evaluator is None:
        return  # a border that the origin does not allow: core.pricing refuses it too
    compiled = CompiledSnapshot(world(as_tariff(convention, recorded.tariff), calendars=(CALENDAR,)))
    for call, site in zip(calls, book.sites, strict=True):
        assert site is not None
        parts = compiled.rate(
            usage(call.talk_s, number_key=call.number_key, answered_at=call.answered_at, start_at=call.answered_at)
        )
        assert evaluator.micros(site, call.talk_s) == sum(part.amount_micros or 0 for part in parts), call


def terms() -> st.SearchStrategy[Terms]:
    increments = st.sampled_from(((1, 1), (60, 1), (30, 6), (45, 30), (60, 60), (10, 7)))
    own = st.builds(
        lambda pair, free_s, fee, least: Terms(*pair, free_s, Decimal(fee), Decimal(least)),
        increments,
        st.sampled_from((0, 0, 5, 20)),
        st.sampled_from(("0", "0.08", "0.0451")),
        st.sampled_from(("0", "0.05")),
    )
    return st.one_of(st.just(Terms()), own)


def degressive(known: Deck) -> Deck:
    """The same deck with half the price from the third minute on, a service part on one row, a surcharge on another."""
    versions = []
    for one in known.tariff.versions:
        rates = []
        for rate in one.rates:
            first = rate.steps[0]
            changed = rate._replace(steps=(replace(first, increment_s=60), Step(120, first.price / 2, 60, 10)))
            if rate.prefix == "1":
                changed = changed._replace(surcharge=Decimal("0.02"), surcharge_at_s=90)
            rates.append(changed)
        versions.append(replace(one, rates=tuple(rates)))
    return replace(known, tariff=replace(known.tariff, versions=tuple(versions)))
