"""What holds of allowances and promotions whatever the plan and whatever the month."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.charging_world import Month, allowance, company, promotion, to_line, used
from tests.unit.core.rating_world import CUSTOMER, LINE, MONDAY_10H, rate, tariff

from ardoise.core.allowances import Counters, Held, LotKey, Pool, PoolKey, in_drawing_order
from ardoise.core.charging import AccessCharge, recomputed
from ardoise.core.compiled import CompiledRate
from ardoise.core.fares import Fare
from ardoise.core.snapshot import Carried, OwnerKind, PromotionGrant, Snapshot
from ardoise.core.tariffs import Allowance, AllowanceOwner, Counted, Promotion
from ardoise.core.usage import Usage

MONTH = "2026-10"
LINES = (LINE, LINE + 1)
WIDELY = settings(max_examples=int(os.environ.get("ARDOISE_PROPERTY_EXAMPLES", "150")), deadline=None)

ROW = rate("", "0.06", connection_fee=Decimal("0.05"), free_s=5)

allowances = st.builds(
    allowance,
    number=st.just(1),
    quantity=st.sampled_from((0, 50, 300, 1000)),
    owner=st.sampled_from(AllowanceOwner),
    priority=st.sampled_from((10, 20)),
    counted=st.sampled_from((Counted.SECONDS, Counted.SECONDS, Counted.CALLS, Counted.MONEY)),
    call_limit=st.sampled_from((None, None, 40)),
    correspondents=st.sampled_from((None, None, 1, 2)),
    increment=st.sampled_from((1, 1, 7, 60)),
    rollover_months=st.sampled_from((0, 2)),
)
promotions = st.builds(
    promotion,
    number=st.just(1),
    percentage=st.sampled_from(("0", "10", "33.3", "100")),
    amount=st.sampled_from((Decimal(0), Decimal("0.02"), Decimal(1))),
    counted=st.sampled_from((Counted.SECONDS, Counted.CALLS, Counted.MONEY)),
    from_quantity=st.sampled_from((0, 3, 100)),
    to_quantity=st.sampled_from((None, 200, 400_000)),
    owner=st.sampled_from((AllowanceOwner.LINE, AllowanceOwner.ACCOUNT)),
    priority=st.sampled_from((10, 20)),
)


@dataclass(frozen=True)
class Called:
    """A call of a line: the usage id names the line, so that a list of usages is enough."""

    line_id: int
    talk_s: int
    minute: int
    number_key: str


calls = st.lists(
    st.builds(
        Called,
        line_id=st.sampled_from(LINES),
        talk_s=st.sampled_from((0, 1, 5, 6, 59, 60, 200, 700)),
        minute=st.integers(0, 40_000),
        number_key=st.sampled_from(("33111", "33222", "33333")),
    ),
    max_size=25,
)


@st.composite
def plans(draw: st.DrawFn) -> Snapshot:
    """Two lines of one department with up to three allowances and two promotions, and what was carried."""
    kept = [
        replace(known, allowance_id=number) for number, known in enumerate(draw(st.lists(allowances, max_size=3)), 1)
    ]
    offered = [
        replace(known, promotion_id=number) for number, known in enumerate(draw(st.lists(promotions, max_size=2)), 1)
    ]
    grants = []
    for known in kept:
        for line_id in LINES:
            if draw(st.booleans()):
                until = draw(st.sampled_from((None, None, MONDAY_10H + timedelta(days=9))))
                grants.append(to_line(known, line_id, to_at=until))
    carried = [
        Carried(MONTH, known.allowance_id, OwnerKind.LINE, line_id, CUSTOMER, "2026-09", draw(st.sampled_from((1, 90))))
        for known in kept
        for line_id in LINES
        if known.rollover_months and known.owner is AllowanceOwner.LINE and draw(st.booleans())
    ]
    return company(
        *kept,
        grants=grants,
        promotions=offered,
        promotion_grants=[
            PromotionGrant(OwnerKind.ACCOUNT, CUSTOMER, known.promotion_id, None, None) for known in offered
        ],
        carried=carried,
        lines=len(LINES),
    )


def usages(called: Sequence[Called], prefix: str = "u") -> list[Usage]:
    return [
        used(
            known.talk_s,
            usage_id=f"{prefix}:{known.line_id}:{number}",
            answered_at=MONDAY_10H + timedelta(minutes=known.minute // 2),
            number_key=known.number_key,
        )
        for number, known in enumerate(called)
    ]


Charges = dict[str, AccessCharge]


def charged(snapshot: Snapshot, taken: Sequence[Usage], counters: Counters | None = None) -> tuple[Charges, Counters]:
    month = Month(snapshot, ROW, counters)
    fare = Fare(CompiledRate(ROW, tariff(ROW)))
    found = {}
    for usage in in_drawing_order(taken, month.counters):
        payer = month.payer(int(usage.usage_id.split(":")[1]), usage.answered_at)
        found[usage.usage_id] = month.charging.charge(fare, usage, payer, month=MONTH, counters=month.counters)
    return found, month.counters


def capacities(snapshot: Snapshot) -> dict[LotKey, int]:
    """The most that each lot ever holds in the month."""
    month, most = Month(snapshot, ROW), defaultdict(int)
    for at in (MONDAY_10H, MONDAY_10H + timedelta(days=10)):
        for line_id in LINES:
            for pool in month.charging.allowances.pools(month.payer(line_id, at), at=at, month=MONTH):
                lot = (pool.month, pool.key, pool.earned)
                most[lot] = max(most[lot], pool.capacity_s or 0)
    return most


@WIDELY
@given(plans(), calls)
def test_no_lot_gives_more_than_it_holds(snapshot: Snapshot, called: list[Called]) -> None:
    found, counters = charged(snapshot, usages(called))
    most = capacities(snapshot)
    assert all(0 <= used_s <= most[lot] for lot, used_s in counters.used_s.items())
    covered: dict[int, int] = defaultdict(int)
    for charge in found.values():
        for draw in charge.draws:
            assert draw.covered_s > 0
            covered[draw.allowance.allowance_id] += draw.covered_s
    held: dict[int, int] = defaultdict(int)
    for (_, key, _), capacity in most.items():
        held[key[0]] += capacity
    assert all(quantity <= held[allowance_id] for allowance_id, quantity in covered.items())


@WIDELY
@given(plans(), calls)
def test_a_call_is_covered_and_charged_once(snapshot: Snapshot, called: list[Called]) -> None:
    """What is covered and what is left are the call: never more than its chargeable seconds, never under zero."""
    taken = {usage.usage_id: usage for usage in usages(called)}
    found, _ = charged(snapshot, list(taken.values()))
    for usage_id, charge in found.items():
        seconds = sum(draw.covered_s for draw in charge.draws if draw.allowance.counted is Counted.SECONDS)
        whole = [draw.covered_s for draw in charge.draws if draw.allowance.counted is Counted.CALLS]
        assert seconds <= max(0, taken[usage_id].talk_s - ROW.free_s)
        assert whole in ([], [1])
        assert charge.amount_micros >= 0
        if whole:
            assert charge.amount_micros == charge.billed_s == 0


@WIDELY
@given(plans(), calls, calls)
def test_owners_that_share_nothing_do_not_meet(snapshot: Snapshot, called: list[Called], others: list[Called]) -> None:
    own = AllowanceOwner.LINE
    snapshot = replace(
        snapshot,
        allowances=tuple(replace(known, owner=own) for known in snapshot.allowances),
        promotions=tuple(replace(known, owner=own) for known in snapshot.promotions),
    )
    first = [replace(known, line_id=LINES[0]) for known in called]
    second = [replace(known, line_id=LINES[1]) for known in others]
    together, _ = charged(snapshot, usages(first, "a") + usages(second, "b"))
    assert together == charged(snapshot, usages(first, "a"))[0] | charged(snapshot, usages(second, "b"))[0]


@WIDELY
@given(plans(), calls, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(snapshot: Snapshot, called: list[Called], random) -> None:  # type: ignore[no-untyped-def]
    taken = usages(called)
    shuffled = random.sample(taken, len(taken))
    assert charged(snapshot, taken) == charged(snapshot, shuffled)


@WIDELY
@given(calls)
def test_without_limit_everything_is_covered(called: list[Called]) -> None:
    known = allowance(1, None, owner=AllowanceOwner.ACCOUNT)
    found, _ = charged(company(known, grants=[to_line(known, line_id) for line_id in LINES], lines=2), usages(called))
    for usage_id, charge in found.items():
        demand = max(0, next(usage.talk_s for usage in usages(called) if usage.usage_id == usage_id) - ROW.free_s)
        assert charge.covered_s == demand
        assert charge.amount_micros == 0 or demand == 0


@WIDELY
@given(plans(), calls, st.integers(0, 25))
def test_a_month_in_two_runs_is_a_month_in_one(snapshot: Snapshot, called: list[Called], cut: int) -> None:
    taken = in_drawing_order(usages(called), Counters())
    whole, end = charged(snapshot, taken)
    first, middle = charged(snapshot, taken[:cut])
    handed_over = Counters.from_plain(json.loads(json.dumps(middle.to_plain())))
    second, again = charged(snapshot, taken[cut:], handed_over)
    assert first | second == whole
    assert again == end
    assert again.to_plain() == end.to_plain()


def issued(found: Charges) -> dict[tuple[str, str], Held]:
    return {
        (usage_id, "retail"): Held(charge.draws, charge.promotion, charge.promoted)
        for usage_id, charge in found.items()
    }


@WIDELY
@given(plans(), calls, calls)
def test_late_calls_never_move_issued_ones(snapshot: Snapshot, called: list[Called], late: list[Called]) -> None:
    before, counters = charged(snapshot, usages(called))
    after, afterwards = charged(snapshot, usages(called) + usages(late, "late"), Counters(held=issued(before)))
    assert {usage_id: after[usage_id] for usage_id in before} == before
    most = capacities(snapshot)
    assert all(used_s <= most[lot] for lot, used_s in afterwards.used_s.items())
    assert sum(afterwards.used_s.values()) >= sum(counters.used_s.values())


@WIDELY
@given(plans(), calls)
def test_a_month_all_issued_is_the_same_month(snapshot: Snapshot, called: list[Called]) -> None:
    before, counters = charged(snapshot, usages(called))
    after, again = charged(snapshot, usages(called), Counters(held=issued(before)))
    assert (after, again.to_plain()) == (before, counters.to_plain())


@WIDELY
@given(plans(), calls)
def test_a_charge_is_explained_by_what_it_took(snapshot: Snapshot, called: list[Called]) -> None:
    taken = {usage.usage_id: usage for usage in usages(called)}
    fare = Fare(CompiledRate(ROW, tariff(ROW)))
    for usage_id, charge in charged(snapshot, list(taken.values()))[0].items():
        named = Held(charge.draws, charge.promotion, charge.promoted)
        assert recomputed(fare, taken[usage_id].talk_s, named, is_open=charge.is_open) == charge


@WIDELY
@given(st.lists(promotions, max_size=3), calls, st.sampled_from(("0.06", "-0.06")))
def test_a_promotion_lowers_a_price_and_never_under_zero(
    offered: list[Promotion], called: list[Called], price: str
) -> None:
    row = rate("", price)
    offered = [replace(known, promotion_id=number) for number, known in enumerate(offered, 1)]
    with_them, without = Month(company(promotions=offered, lines=2), row), Month(company(lines=2), row)
    for known in called:
        discounted, full = (
            month.charge(known.talk_s, number_key=known.number_key).amount_micros for month in (with_them, without)
        )
        if full >= 0:
            assert 0 <= discounted <= full
        else:
            assert discounted < 0 or discounted == 0  # a share of what the caller earns is left, or all of it


@WIDELY
@given(calls, st.sampled_from((0, 3, 100)), st.sampled_from((None, 200, 900)), st.sampled_from(("10", "100")))
def test_windows_cut_a_month_whatever_its_calls(
    called: list[Called], low: int, high: int | None, percentage: str
) -> None:
    """The seconds discounted are those of the month between the two bounds, however they are cut into calls."""
    known = promotion(1, percentage, counted=Counted.SECONDS, from_quantity=low, to_quantity=high)
    month = Month(company(promotions=[known]))
    inside = 0
    for call in called:
        charge = month.charge(call.talk_s)
        inside += 0 if charge.promotion is None else charge.promoted or call.talk_s
    total = sum(call.talk_s for call in called)
    assert inside == max(0, (total if high is None else min(total, high)) - low)


# --- the recipe for columns: the page says that lots are cumulative sums, one after the other ---


def by_sums(lots: Sequence[Pool], demands: list[int], numbers: Sequence[str]) -> tuple[list[int], list[dict[int, int]]]:
    """What is left of each demand, and what each allowance covers, lot by lot instead of call by call."""
    left, taken_of = list(demands), [defaultdict(int) for _ in demands]
    covered: list[dict[int, int]] = [defaultdict(int) for _ in demands]
    numbers_of: dict[PoolKey, list[str]] = {}  # settled when calls reach the first lot of a counter
    for pool in lots:
        known = pool.allowance
        reach = [place for place, rest in enumerate(left) if rest > 0]
        if known.correspondents is not None:
            met = dict.fromkeys(numbers[place] for place in reach)
            first = numbers_of.setdefault(pool.key, list(met)[: known.correspondents])
            reach = [place for place in reach if numbers[place] in first]
        wanted = []
        for place in reach:
            by_call = known.counted is Counted.CALLS
            asked = 1 if by_call else -(-left[place] // known.increment) * known.increment
            if known.call_limit is not None:
                asked = max(0, min(asked, known.call_limit - taken_of[place][known.allowance_id]))
            wanted.append(asked)
        sums = [0, *accumulate(wanted)]
        if pool.capacity_s is not None:
            sums = [min(total, pool.capacity_s) for total in sums]
        for place, before, after in zip(reach, sums[:-1], sums[1:], strict=True):
            if after > before:
                covers = min(after - before, left[place])
                taken_of[place][known.allowance_id] += after - before
                covered[place][known.allowance_id] += covers
                left[place] = 0 if known.counted is Counted.CALLS else left[place] - covers
    return left, covered


@WIDELY
@given(
    st.lists(allowances, min_size=1, max_size=4),
    st.lists(st.tuples(st.sampled_from((0, 1, 30, 61, 400)), st.sampled_from("abcd")), max_size=25),
)
def test_lots_are_cumulative_sums(plans: list[Allowance], called: list[tuple[int, str]]) -> None:
    lots = []
    for number, known in enumerate(plans, 1):
        known = replace(known, allowance_id=number, counted=Counted.SECONDS if number % 2 else known.counted)
        key = (number, OwnerKind.LINE, LINE, CUSTOMER)
        if known.rollover_months:
            lots.append(Pool(key, known, 90, MONTH, "2026-09"))
        lots.append(Pool(key, known, known.quantity or None, MONTH, MONTH))
    counters = Counters()
    found = [counters.draw(lots, demand=demand, number_key=number) for demand, number in called]
    left, covered = by_sums(lots, [demand for demand, _ in called], [number for _, number in called])
    assert [rest for _, rest in found] == left
    assert [{draw.allowance.allowance_id: draw.covered_s for draw in draws} for draws, _ in found] == [
        dict(known) for known in covered
    ]
