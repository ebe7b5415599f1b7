"""The price of one call: tables and stories, the arithmetic beside each expected number."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from tests.unit.core.rating_world import (
    CUSTOMER,
    DEPARTMENT,
    ISSUER,
    LINE,
    MONDAY_10H,
    SOURCE,
    call,
    link,
    rate,
    tariff,
    world,
)

from ardoise.core.attribution import IncompleteSnapshot
from ardoise.core.compiled import CompiledRate
from ardoise.core.money import Rounding
from ardoise.core.pricing import TariffError, row_of, service, whole_call
from ardoise.core.rating import (
    CompiledSnapshot,
    NoPayer,
    PartName,
    RatedPart,
    Section,
    State,
    Why,
    price_number,
)
from ardoise.core.reasons import explain
from ardoise.core.snapshot import OwnerKind, Snapshot, SnapshotAccount
from ardoise.core.tariffs import (
    Adjustment,
    BandBorder,
    BandRule,
    Calendar,
    IncrementOrigin,
    Parent,
    Rate,
    ServicePer,
    Step,
    TariffVersion,
    Tiers,
)
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind


def steps(*rows: tuple[int, str, int, int]) -> tuple[Step, ...]:
    return tuple(Step(from_s, Decimal(price), per_s, increment_s) for from_s, price, per_s, increment_s in rows)


BY_SECOND = steps((0, "0.12", 60, 1))
SIXTY_ONE = steps((0, "0.12", 60, 60), (60, "0.12", 60, 1))
SIXTY_SIXTY = steps((0, "0.12", 60, 60))
FORTY_FIVE_THIRTY = steps((0, "0.06", 60, 45), (45, "0.06", 60, 30))
DEGRESSIVE = steps((0, "0.30", 60, 30), (60, "0.10", 60, 10), (600, "0.02", 60, 60))


@pytest.mark.parametrize(
    ("cut", "origin", "talk_s", "billed_s", "amount"),
    [
        (BY_SECOND, IncrementOrigin.FIRST_NEXT, 61, 61, "0.122"),  # 61 * 0.12 / 60
        (SIXTY_SIXTY, IncrementOrigin.FIRST_NEXT, 61, 120, "0.24"),  # 120 * 0.12 / 60
        (SIXTY_ONE, IncrementOrigin.FIRST_NEXT, 5, 60, "0.12"),
        (SIXTY_ONE, IncrementOrigin.FIRST_NEXT, 61, 61, "0.122"),
        (FORTY_FIVE_THIRTY, IncrementOrigin.FIRST_NEXT, 46, 75, "0.075"),  # 45 + 30
        (FORTY_FIVE_THIRTY, IncrementOrigin.ZERO, 46, 60, "0.06"),  # 2 * 30, counted from 0
        (FORTY_FIVE_THIRTY, IncrementOrigin.ZERO, 61, 90, "0.09"),  # 3 * 30
        (FORTY_FIVE_THIRTY, IncrementOrigin.ZERO, 10, 45, "0.045"),  # the first increment whole
        (DEGRESSIVE, IncrementOrigin.FIRST_NEXT, 59, 60, "0.30"),  # 2 blocks of 30
        (DEGRESSIVE, IncrementOrigin.FIRST_NEXT, 61, 70, "0.3166666666"),  # 0.30 + 10 * 0.10 / 60
        (DEGRESSIVE, IncrementOrigin.FIRST_NEXT, 601, 660, "1.22"),  # 0.30 + 540 * 0.10 / 60 + 60 * 0.02 / 60
        (DEGRESSIVE, IncrementOrigin.ZERO, 595, 600, "1.2"),  # 600 = 60 at 0.30 + 540 at 0.10
        # a first block of 90 s overruns the second price, which starts at 60 s: it eats into it
        (steps((0, "0.60", 60, 90), (60, "0.06", 60, 30)), IncrementOrigin.FIRST_NEXT, 91, 120, "0.93"),  # .90 + .03
        # seconds before the first step cost nothing
        (steps((30, "0.60", 60, 1)), IncrementOrigin.FIRST_NEXT, 40, 40, "0.1"),  # 10 * 0.60 / 60
        # no step at all: the price of the call is its fee
        ((), IncrementOrigin.FIRST_NEXT, 600, 0, "0"),
    ],
)
def test_increments_and_steps(
    cut: tuple[Step, ...], origin: IncrementOrigin, talk_s: int, billed_s: int, amount: str
) -> None:
    row = Rate(prefix="33", zone="FR", steps=cut)
    exact, seconds = whole_call(row_of(row, tariff(row, increment_origin=origin)), quantity=talk_s)
    assert seconds == billed_s
    assert abs(exact - Fraction(amount)) < Fraction(1, 10**9)
    compiled = CompiledRate(row, tariff(row, increment_origin=origin))
    assert compiled.whole_call(talk_s)[1] == billed_s


@pytest.mark.parametrize(
    ("changes", "talk_s", "amount"),
    [
        ({"connection_fee": Decimal("0.05")}, 60, "0.17"),  # 0.05 + 0.12
        ({"minimum": Decimal("0.20")}, 60, "0.20"),
        ({"steps": (Step(0, Decimal("-0.10")),)}, 120, "-0.20"),  # the called party earns; no minimum is no floor
        ({"maximum": Decimal("0.50")}, 600, "0.50"),  # not 1.20
        ({"connection_fee": Decimal("0.05"), "free_s": 5}, 4, "0.05"),  # within the free seconds: the fee alone
        ({"free_s": 30}, 90, "0.12"),  # 60 s left
        ({"minimum": Decimal("1"), "maximum": Decimal("0.5")}, 60, "0.5"),  # the maximum has the last word
    ],
)
def test_fee_minimum_maximum_and_free_seconds(changes: dict[str, object], talk_s: int, amount: str) -> None:
    row = rate(**changes)
    assert whole_call(row_of(row, tariff(row)), quantity=talk_s)[0] == Fraction(amount)


def price(snapshot: Snapshot, usage: Usage) -> RatedPart:
    (part,) = CompiledSnapshot(snapshot).rate(usage)
    return part


def test_a_call_of_61_s_at_12_cents_a_minute_by_the_minute_costs_24_cents() -> None:
    part = price(world(tariff(rate(steps=SIXTY_SIXTY))), call(61))
    assert (part.state, part.section) == (State.PRICED, Section.OUTSIDE)
    assert part.amount_micros == 240_000  # 0.12 * 120 / 60
    assert part.billed_s == 120


@pytest.mark.parametrize(
    ("mode", "decimals", "expected"),
    [
        (Rounding.HALF_UP, 6, 16_667),  # 0.0166666...
        (Rounding.DOWN, 6, 16_666),
        (Rounding.HALF_UP, 2, 20_000),
        (Rounding.DOWN, 2, 10_000),
        (Rounding.UP, 0, 1_000_000),
    ],
)
def test_rounding_of_one_second_at_1_euro_a_minute(mode: Rounding, decimals: int, expected: int) -> None:
    rounded = tariff(rate(price="1"), rounding=mode, rounding_decimals=decimals)
    assert price(world(rounded), call(1)).amount_micros == expected


def test_the_nearest_node_with_a_row_for_the_number_gives_the_price() -> None:
    on_line = tariff(rate("33639", "0.50"), tariff_id=1)
    on_account = tariff(rate("336", "0.40"), tariff_id=2)
    on_customer = tariff(rate("33", "0.30"), tariff_id=3)
    default = tariff(rate("", "0.20"), tariff_id=4)
    links = (
        link(OwnerKind.ISSUER, ISSUER, 4),
        link(OwnerKind.ACCOUNT, CUSTOMER, 3),
        link(OwnerKind.ACCOUNT, DEPARTMENT, 2),
        link(OwnerKind.LINE, LINE, 1),
    )
    compiled = CompiledSnapshot(world(on_line, on_account, on_customer, default, links=links))
    prices = {
        key: compiled.rate(call(60, number_key=key))[0].amount_micros
        for key in ("33639000000", "33612345678", "33123456789", "4930123456")
    }
    assert list(prices.values()) == [500_000, 400_000, 300_000, 200_000]


def test_a_row_further_up_never_beats_a_shorter_prefix_nearer_the_line() -> None:
    near, far = tariff(rate("33", "0.10"), tariff_id=1), tariff(rate("33612", "0.90"), tariff_id=2)
    links = (link(OwnerKind.LINE, LINE, 1), link(OwnerKind.ISSUER, ISSUER, 2))
    assert price(world(near, far, links=links), call(60)).amount_micros == 100_000


def test_at_one_node_the_own_override_comes_before_the_plan() -> None:
    override, plan = tariff(rate("336", "0.10"), tariff_id=2), tariff(rate("33612", "0.90"), tariff_id=1)
    links = (link(OwnerKind.LINE, LINE, 1, 10), link(OwnerKind.LINE, LINE, 2, 0))
    assert price(world(plan, override, links=links), call(60)).amount_micros == 100_000


def test_an_exact_number_beats_a_prefix_and_only_that_number() -> None:
    compiled = CompiledSnapshot(world(tariff(rate("33", "0.10"), rate("33612345678", "0.90", exact=True))))
    assert compiled.rate(call(60))[0].amount_micros == 900_000
    assert compiled.rate(call(60, number_key="336123456789"))[0].amount_micros == 100_000


def test_the_empty_prefix_is_every_number_but_not_short_codes_or_texts() -> None:
    compiled = CompiledSnapshot(world(tariff(rate("", "0.10"), rate("!3639", "0.20"))))
    assert compiled.rate(call(60, number_key="4930123456"))[0].amount_micros == 100_000
    assert compiled.rate(call(60, number_key="!3639"))[0].amount_micros == 200_000
    assert compiled.rate(call(60, number_key="!15"))[0].why is Why.NO_RATE
    assert compiled.rate(call(60, number_key="?alice"))[0].why is Why.UNKNOWN_NUMBER


def test_the_version_is_that_of_the_answer_and_its_end_is_excluded() -> None:
    border = MONDAY_10H
    first = TariffVersion(1, border - timedelta(days=30), border, (rate(price="0.10"),))
    second = TariffVersion(2, border, None, (rate(price="0.20"),))
    compiled = CompiledSnapshot(world(tariff(versions=(first, second))))
    before = call(60, answered_at=border - timedelta(microseconds=1))
    assert compiled.rate(before)[0].amount_micros == 100_000
    assert compiled.rate(call(60, start_at=border - timedelta(seconds=9)))[0].amount_micros == 200_000


OFFICE = Calendar("office", "Europe/Paris", "FR", (BandRule("peak", frozenset({1, 2, 3, 4, 5}), time(8), time(19)),))


@pytest.mark.parametrize(
    ("at", "amount"),
    [
        (datetime(2026, 10, 5, 6, 0, tzinfo=UTC), 300_000),  # Monday 08:00 in Paris (UTC+2): peak begins
        (datetime(2026, 10, 5, 17, 0, tzinfo=UTC), 100_000),  # 19:00: peak has ended
        (datetime(2026, 10, 26, 7, 0, tzinfo=UTC), 300_000),  # 08:00 in winter time
        (datetime(2026, 10, 26, 6, 30, tzinfo=UTC), 100_000),  # 07:30
        (datetime(2026, 10, 10, 10, 0, tzinfo=UTC), 100_000),  # Saturday
        (datetime(2026, 11, 11, 10, 0, tzinfo=UTC), 100_000),  # a Wednesday, but Armistice day
    ],
)
def test_the_band_is_that_of_the_local_time_of_the_answer(at: datetime, amount: int) -> None:
    rows = (rate(price="0.10"), rate(price="0.30", band="peak"))
    assert price(
        world(tariff(*rows, calendar="office"), calendars=(OFFICE,)), call(60, answered_at=at)
    ).amount_micros == (amount)


def test_a_prefix_with_a_row_in_another_band_only_does_not_hide_a_shorter_prefix() -> None:
    rows = (rate("33", "0.10"), rate("336", "0.30", band="peak"))
    evening = datetime(2026, 10, 5, 20, 0, tzinfo=UTC)
    snapshot = world(tariff(*rows, calendar="office"), calendars=(OFFICE,))
    assert price(snapshot, call(60)).amount_micros == 300_000
    assert price(snapshot, call(60, answered_at=evening)).amount_micros == 100_000


def test_a_surtaxed_call_has_two_parts() -> None:
    surtaxed = rate("338", "0.06", service_price=Decimal("0.80"), service_per=ServicePer.MINUTE)
    access, third_party = CompiledSnapshot(world(tariff(surtaxed))).rate(
        call(90, number_key="33899123456", operator_micros=900_000)
    )
    assert (access.part, access.amount_micros) == (PartName.ACCESS, 90_000)  # 0.06 * 90 / 60
    assert (third_party.part, third_party.amount_micros) == (PartName.SERVICE, 1_200_000)  # 0.80 * 90 / 60
    assert third_party.section is Section.THIRD_PARTY
    assert (access.printed_micros, third_party.printed_micros) == (900_000, None)


def test_a_service_priced_by_call_does_not_depend_on_its_length() -> None:
    row = rate(service_price=Decimal("2"), service_per=ServicePer.CALL)
    assert service(row, quantity=1) == service(row, quantity=3600) == 2


def test_the_operators_cost_stands_beside_the_price() -> None:
    selling, buying = tariff(rate(price="0.12"), tariff_id=1), tariff(rate("336", "0.04"), tariff_id=2)
    links = (link(OwnerKind.ISSUER, ISSUER, 1), link(OwnerKind.SOURCE, SOURCE, 2))
    part = price(world(selling, buying, links=links), call(90))
    assert (part.amount_micros, part.cost_micros) == (180_000, 60_000)  # 0.12 * 1.5, 0.04 * 1.5


def test_an_unpriced_call_keeps_its_cost() -> None:
    buying = tariff(rate("336", "0.04"), tariff_id=2)
    part = price(world(buying, links=(link(OwnerKind.SOURCE, SOURCE, 2),)), call(90))
    assert (part.state, part.why, part.amount_micros, part.cost_micros) == (
        State.UNPRICED,
        Why.NO_TARIFF,
        None,
        60_000,
    )


LATER = TariffVersion(1, MONDAY_10H + timedelta(days=1), None, (rate(),))
ONLY_GERMANY = tariff(rate("49"))


@pytest.mark.parametrize(
    ("snapshot", "usage", "state", "why"),
    [
        (world(), call(60), State.UNPRICED, Why.NO_TARIFF),
        (world(tariff(versions=(LATER,))), call(60), State.UNPRICED, Why.NO_VERSION),
        (world(ONLY_GERMANY), call(60), State.UNPRICED, Why.NO_RATE),
        (world(ONLY_GERMANY), call(60, number_key=""), State.UNPRICED, Why.UNKNOWN_NUMBER),
        (world(ONLY_GERMANY), call(60, number_key="?sip"), State.UNPRICED, Why.UNKNOWN_NUMBER),
        (world(tariff(rate())), call(60, direction=Direction.INTERNAL), State.EXCLUDED, Why.INTERNAL),
        (
            world(tariff(rate())),
            call(20, direction=Direction.INTERNAL, status=CallStatus.VOICEMAIL),
            State.EXCLUDED,
            Why.INTERNAL,
        ),
        (world(tariff(rate())), call(60, direction=Direction.IN), State.EXCLUDED, Why.INCOMING),
        (
            world(tariff(rate())),
            call(60, direction=Direction.IN, status=CallStatus.VOICEMAIL),
            State.EXCLUDED,
            Why.INCOMING,
        ),
        (world(tariff(rate())), call(0, direction=Direction.IN), State.EXCLUDED, Why.UNANSWERED),
        (world(tariff(rate())), call(0, status=CallStatus.UNANSWERED), State.EXCLUDED, Why.UNANSWERED),
        (world(tariff(rate())), call(0, status=CallStatus.BUSY), State.EXCLUDED, Why.UNANSWERED),
        (world(tariff(rate())), call(0), State.EXCLUDED, Why.UNANSWERED),
        (world(tariff(rate()), no_detail=True), call(60), State.EXCLUDED, Why.NO_DETAIL),
        (world(tariff(rate())), call(60, flags="no_year,no_detail"), State.EXCLUDED, Why.NO_DETAIL),
        (world(tariff(rate()), prices_internal=True), call(60, direction=Direction.INTERNAL), State.PRICED, Why.NONE),
    ],
)
def test_every_call_is_priced_unpriced_or_excluded_by_name(
    snapshot: Snapshot, usage: Usage, state: State, why: Why
) -> None:
    part = price(snapshot, usage)
    assert (part.state, part.why) == (state, why)
    assert (part.amount_micros is None) == (state is not State.PRICED)


def test_a_tariff_that_bills_calls_of_0_s_takes_fee_and_first_increment() -> None:
    billing = tariff(rate(steps=SIXTY_ONE, connection_fee=Decimal("0.05")), bill_zero_seconds=True)
    part = price(world(billing), call(0))
    assert (part.state, part.amount_micros, part.billed_s) == (State.PRICED, 170_000, 60)  # 0.05 + 0.12


def test_the_numbers_of_a_line_without_detail_are_dropped() -> None:
    part = price(world(tariff(rate()), no_detail=True), call(60))
    assert (part.usage.calling, part.usage.called, part.usage.number_key) == ("", "", "")


def test_a_call_that_names_no_line_gives_no_charge() -> None:
    assert CompiledSnapshot(world(tariff(rate()))).rate(call(60, charged="999")) == ()


@pytest.mark.parametrize(
    "broken",
    [
        rate(steps=(Step(0, Decimal(1), 60, 0),)),
        rate(steps=(Step(0, Decimal(1), 0, 1),)),
        rate(steps=(Step(0, Decimal(1)), Step(0, Decimal(2)))),
        rate(free_s=-1),
    ],
)
def test_a_row_that_cannot_be_counted_is_refused(broken: Rate) -> None:
    with pytest.raises(TariffError, match="prefix « 33 »"):
        CompiledSnapshot(world(tariff(broken)))


def test_two_rows_for_one_prefix_are_refused() -> None:
    with pytest.raises(TariffError, match="two rows"):
        CompiledSnapshot(world(tariff(rate(), rate(price="0.13"))))


def test_a_quote_for_an_account_needs_no_line() -> None:
    compiled = CompiledSnapshot(world(tariff(rate())))
    quote = price_number(compiled, number_key="33612345678", at=MONDAY_10H, duration_s=90, account_id=CUSTOMER)
    assert quote.amount_micros == 180_000
    with pytest.raises(NoPayer):
        price_number(compiled, number_key="33612345678", at=MONDAY_10H, duration_s=90, account_id=999)


def test_the_explanation_says_everything_in_both_languages() -> None:
    row = rate("336", zone="FR mobile", steps=SIXTY_ONE, connection_fee=Decimal("0.05"))
    part = price(world(tariff(row)), call(61))
    assert explain(part, "fr") == [
        "Grille «\u00a0Grille 1\u00a0» (T1, prix HT), version du 01/01/2026.",
        "Préfixe 336, zone FR mobile, toutes heures.",
        "À partir de 0 s : 60 s facturées (par 60 s) à 0,12\u00a0€ les 60 s = 0,12\u00a0€.",
        "À partir de 60 s : 1 s facturées (par 1 s) à 0,12\u00a0€ les 60 s = 0,002\u00a0€.",
        "Coût d'établissement d'appel : 0,05\u00a0€.",
        "Montant : 0,172\u00a0€, arrondi à 6 décimales au plus proche, la moitié vers le haut.",
    ]
    assert explain(part, "en")[-1] == "Amount: 0.172\u00a0€, rounded to 6 places to nearest, half up."


def test_an_unpriced_call_explains_why() -> None:
    assert explain(price(world(), call(60)), "en")[0].startswith("No price: neither the line")


def test_every_reason_has_its_sentence_in_both_languages() -> None:
    part = price(world(), call(60))
    for why in set(Why) - {Why.NONE}:
        assert explain(replace(part, why=why), "fr") != explain(replace(part, why=why), "en")


def test_a_tariff_whose_calendar_is_missing_is_refused() -> None:
    with pytest.raises(ValueError, match="calendar"):
        CompiledSnapshot(world(tariff(rate(), calendar="nowhere")))


# --- versions, parents, resellers: what is refused, what wins ---------------------------------------------------------


def test_of_two_versions_that_begin_together_the_one_recorded_last_wins() -> None:
    begin = MONDAY_10H - timedelta(days=30)
    recorded = (
        TariffVersion(7, begin, None, (rate(price="0.10"),)),
        TariffVersion(8, begin, None, (rate(price="0.20"),)),
    )
    for versions in (recorded, recorded[::-1]):
        assert price(world(tariff(versions=versions)), call(60)).amount_micros == 200_000


def test_a_version_that_begins_later_wins_even_recorded_earlier() -> None:
    old = TariffVersion(9, MONDAY_10H - timedelta(days=30), None, (rate(price="0.10"),))
    new = TariffVersion(8, MONDAY_10H - timedelta(days=3), None, (rate(price="0.20"),))
    assert price(world(tariff(versions=(old, new))), call(60)).amount_micros == 200_000


def test_tariffs_that_are_each_others_parent_are_refused() -> None:
    mother = tariff(rate(), tariff_id=1, parent=Parent(2))
    daughter = tariff(rate(), tariff_id=2, parent=Parent(1))
    with pytest.raises(TariffError, match="its own ancestor"):
        CompiledSnapshot(world(mother, daughter))
    with pytest.raises(IncompleteSnapshot, match="parent 2"):
        CompiledSnapshot(world(mother))


def test_a_parent_is_asked_before_the_next_tariff_of_the_chain() -> None:
    near = tariff(rate("49", "0.10"), tariff_id=1, parent=Parent(3))
    far, parent = tariff(rate("33", "0.90"), tariff_id=2), tariff(rate("33", "0.30"), tariff_id=3)
    links = (link(OwnerKind.LINE, LINE, 1), link(OwnerKind.ISSUER, ISSUER, 2))
    part = price(world(near, far, parent, links=links), call(60))
    assert part.amount_micros == 300_000
    assert part.match is not None and part.match.through == "T1"


def test_a_parent_for_calls_made_does_not_price_calls_received() -> None:
    received = tariff(rate("49", "0.10"), tariff_id=1, incoming=True, parent=Parent(2))
    made = tariff(rate("33", "0.90"), tariff_id=2)
    snapshot = world(received, made, links=(link(OwnerKind.ISSUER, ISSUER, 1),))
    part = price(snapshot, call(60, direction=Direction.IN))
    assert (part.state, part.why) == (State.UNPRICED, Why.NO_RATE)


def test_accounts_that_resell_to_each_other_are_refused() -> None:
    snapshot = world(tariff(rate()))
    customer, department = snapshot.accounts
    reseller = SnapshotAccount(20, None, 20, ISSUER, "R", True, reseller_id=DEPARTMENT)
    with pytest.raises(IncompleteSnapshot, match="reselling to itself"):
        CompiledSnapshot(replace(snapshot, accounts=(replace(customer, reseller_id=20), department, reseller)))


@pytest.mark.parametrize("border", [BandBorder.CARRY, BandBorder.SPLIT])
@pytest.mark.parametrize(
    "conventions",
    [
        {"increment_origin": IncrementOrigin.ZERO},
        {"increment_origin": IncrementOrigin.STEP},
        {"tiers": Tiers.VOLUME},
        {"tiers": Tiers.PACKAGE},
    ],
)
def test_a_border_that_contradicts_the_increments_is_refused(
    border: BandBorder, conventions: dict[str, object]
) -> None:
    with pytest.raises(TariffError, match="use border « start »"):
        CompiledSnapshot(world(tariff(rate(), band_border=border, **conventions)))


@pytest.mark.parametrize(
    ("conventions", "message"),
    [
        ({"tiers": Tiers.PACKAGE, "increment_decimals": 4}, "leave `increment_decimals` out"),
        ({"increment_decimals": -1}, "use 0 or more"),
        ({"rounding_decimals": 7}, "use 0 to 6"),
    ],
)
def test_decimals_that_mean_nothing_are_refused(conventions: dict[str, object], message: str) -> None:
    with pytest.raises(TariffError, match=message):
        CompiledSnapshot(world(tariff(rate(), **conventions)))


def test_the_same_prefix_may_be_priced_by_kind_and_by_origin() -> None:
    rows = (rate("33", "0.10"), rate("33", "0.20", kind=UsageKind.SMS), rate("33", "0.30", origin="@208"))
    compiled = CompiledSnapshot(world(tariff(*rows)))
    assert compiled.rate(call(60))[0].amount_micros == 100_000
    assert compiled.rate(call(60, origin="@20801"))[0].amount_micros == 300_000
    message = call(0, kind=UsageKind.SMS, units=60, origin="@20801")
    assert compiled.rate(message)[0].amount_micros == 200_000  # no row of its origin for messages


def test_a_call_longer_than_a_day_goes_through_every_band() -> None:
    # peak 08:00-19:00 on week days at 0.60 a minute, 0.06 otherwise; from Monday 07:00 in Paris for 25 h: 11 h of peak
    rows = (rate(price="0.06"), rate(price="0.60", band="peak"))
    sold = tariff(*rows, calendar="office", band_border=BandBorder.SPLIT)
    at = datetime(2026, 10, 5, 5, 0, tzinfo=UTC)
    part = price(world(sold, calendars=(OFFICE,)), call(25 * 3600, answered_at=at))
    assert part.amount_micros == 11 * 60 * 600_000 + 14 * 60 * 60_000
    assert [later.band for later in part.match.later] == ["peak", ""]  # type: ignore[union-attr]


def test_a_band_begins_at_the_first_whole_second_of_the_call_after_the_border() -> None:
    rows = (rate(price="0.06"), rate(price="0.60", band="peak"))
    sold = tariff(*rows, calendar="office", band_border=BandBorder.CARRY)
    at = datetime(2026, 10, 5, 5, 59, 58, 500_000, tzinfo=UTC)  # 07:59:58.5: second 2 begins at 08:00:00.5
    part = price(world(sold, calendars=(OFFICE,)), call(4, answered_at=at))
    assert part.amount_micros == 2 * 1_000 + 2 * 10_000


def test_free_seconds_pass_before_the_bands_are_looked_at() -> None:
    rows = (rate(price="0.06", free_s=30), rate(price="0.60", band="peak"))
    sold = tariff(*rows, calendar="office", band_border=BandBorder.CARRY)
    at = datetime(2026, 10, 5, 5, 59, 45, tzinfo=UTC)  # 15 s before the border: the whole price is that of the peak
    part = price(world(sold, calendars=(OFFICE,)), call(90, answered_at=at))
    assert part.amount_micros == 60 * 10_000
    assert part.match is not None and part.match.rate.rate.band == ""  # free seconds and zone are the first row's


def test_an_incoming_call_that_nobody_answers_pays_the_attempt_of_its_own_tariff() -> None:
    received = tariff(rate("33", attempt_fee=Decimal("0.01")), incoming=True)
    missed = call(0, direction=Direction.IN, status=CallStatus.UNANSWERED)
    assert price(world(received), missed).amount_micros == 10_000
    assert price(world(tariff(rate("33", attempt_fee=Decimal("0.01")))), missed).why is Why.UNANSWERED


def test_the_operator_may_charge_the_attempt_too() -> None:
    selling = tariff(rate(attempt_fee=Decimal("0.02")))
    buying = tariff(rate("33", "9", attempt_fee=Decimal("0.005")), tariff_id=2)
    links = (link(OwnerKind.ISSUER, ISSUER, 1), link(OwnerKind.SOURCE, SOURCE, 2))
    part = price(world(selling, buying, links=links), call(0, status=CallStatus.BUSY))
    assert (part.amount_micros, part.cost_micros) == (20_000, 5_000)


def test_adjustments_leave_the_service_part_alone() -> None:
    surtaxed = rate("338", "0.06", service_price=Decimal("0.80"), service_per=ServicePer.MINUTE)
    dearer = replace(link(OwnerKind.ISSUER, ISSUER, 1), adjustment=Adjustment(Decimal(100)))
    access, third_party = CompiledSnapshot(world(tariff(surtaxed), links=(dearer,))).rate(
        call(60, number_key="33899123456")
    )
    assert (access.amount_micros, third_party.amount_micros) == (120_000, 800_000)
