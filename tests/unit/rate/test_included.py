"""Draws by sums are the draws of the scalar's counters, one call after the other."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import polars as pl
import pytest

from ardoise.core.allowances import Counters, Draw, Pool, draws_text
from ardoise.core.snapshot import OwnerKind
from ardoise.core.tariffs import Allowance, AllowanceOwner, Counted
from ardoise.rate.columns.lots import AllowanceColumns, Callers, Drawing, LotTable, Moving, draws_texts, held_then
from ardoise.rate.columns.numbers import number_codes

MONTH = "2026-10"
HOUR = Allowance(1, "1H", "1 h", 3600, frozenset({"FR"}), AllowanceOwner.LINE)


def lot(allowance: Allowance, capacity: int | None, *, owner: int = 1, earned: str = MONTH) -> Pool:
    return Pool((allowance.allowance_id, OwnerKind.LINE, owner, 1), allowance, capacity, MONTH, earned)


class Case:
    """Calls, each with the number of its choice of lots, what it wants, when, by which account, to which number."""

    def __init__(
        self, choices: list[tuple[Pool, ...]], calls: list[tuple[int, int, int, int, str]], moving: Moving | None = None
    ) -> None:
        self.moving = moving or {}
        calls = sorted(calls, key=lambda call: (call[3], call[2]))  # in order of account, then time, as in a part
        choice, wants, at_us, account, keys = zip(*calls, strict=True)
        self.choices, self.ids = choices, pl.Series([f"u{number:04d}" for number in range(len(calls))])
        self.choice, self.wants, self.at_us = (np.array(known, np.int64) for known in (choice, wants, at_us))
        self.keys = pl.Series(keys)
        codes, coded = number_codes(self.keys)
        self.callers = Callers(
            at_us=self.at_us, account_id=np.array(account, np.int64), usage_ids=self.ids.gather,
            number_keys=self.keys.gather, codes=lambda some: (codes[some], coded[some]),
        )  # fmt: skip

    def by_counters(self, counters: Counters) -> tuple[list[int], list[tuple[Draw, ...]]]:
        """What is left to each call, and its draws."""
        drawn: list[tuple[Draw, ...]] = [()] * len(self.wants)
        left = self.wants.tolist()
        for row in sorted(range(len(left)), key=lambda known: (self.at_us[known], self.ids[known])):
            lots = held_then(self.choices[self.choice[row]], self.moving, int(self.at_us[row]))
            drawn[row], left[row] = counters.draw(lots, demand=left[row], number_key=self.keys[row])
        return left, drawn

    def by_columns(self, counters: Counters) -> tuple[list[int], list[str], int]:
        """What is left to each call, the text of its draws (of single ones too), and how many drew in order."""
        allowances = {pool.allowance.allowance_id: pool.allowance for one in self.choices for pool in one}
        known = AllowanceColumns(allowances.values())
        left = self.wants.copy()
        drawing = Drawing(
            LotTable(self.choices, known, self.moving), self.callers, choice=self.choice, left=left, counters=counters
        )
        pieces, in_order = drawing.draw(np.arange(len(left)), month=MONTH)
        texts = [""] * len(left)
        if pieces:
            for row, text in zip(*draws_texts(pieces, known, np.ones(len(left), np.bool_)), strict=True):
                texts[row] = text
        return left.tolist(), texts, in_order


def agree(case: Case, counters: Counters | None = None) -> int:
    """Both ways give the same; returns how many calls drew in order."""
    given = (counters or Counters()).to_plain()
    left, drawn = case.by_counters(Counters.from_plain(given))
    found, texts, in_order = case.by_columns(Counters.from_plain(given))
    assert found == left
    assert texts == [";".join(f"{known.allowance.allowance_id}:{known.covered_s}" for known in one) for one in drawn]
    assert all(draws_text(one) in ("", text) for one, text in zip(drawn, texts, strict=True))
    return in_order


def test_a_lot_gives_what_it_has_to_the_first_calls() -> None:
    # 100 s: 60, then 40 of 50, then nothing; the call of another line at the same account is not concerned.
    case = Case([(), (lot(HOUR, 100),)], [(1, 60, 1, 1, "3"), (1, 50, 2, 1, "3"), (0, 9, 3, 1, "3"), (1, 1, 4, 1, "3")])
    left, texts, in_order = case.by_columns(Counters())
    assert (left, texts, in_order) == ([0, 10, 9, 1], ["1:60", "1:40", "", ""], 0)


def test_two_accounts_draw_from_one_lot_in_order_of_time() -> None:
    # Account 1 calls at 1 and 3, account 2 at 2: the lot of 100 s has 0 left for the call at 3.
    case = Case([(lot(HOUR, 100),)], [(0, 60, 1, 1, "3"), (0, 60, 3, 1, "3"), (0, 60, 2, 2, "3")])
    assert case.by_columns(Counters())[0] == [0, 60, 20]


def test_a_number_beyond_those_known_is_not_covered() -> None:
    plan = replace(HOUR, quantity=None, correspondents=2)
    calls = [(0, 10, at, 1, key) for at, key in enumerate(("331", "!3639", "332", "331", "!3639", "3"))]
    assert Case([(lot(plan, None),)], calls).by_columns(Counters())[0] == [0, 0, 10, 0, 0, 10]


def test_the_second_lot_of_a_counter_serves_those_that_the_first_one_met() -> None:
    plan = replace(HOUR, correspondents=1, rollover_months=1)
    case = Case(
        [(lot(plan, 15, earned="2026-09"), lot(plan, 100))],
        [(0, 10, 1, 1, "331"), (0, 10, 2, 1, "332"), (0, 10, 3, 1, "331")],
    )
    counters = Counters()
    assert case.by_columns(counters)[0] == [0, 10, 0]
    assert {earned: used for (_, _, earned), used in counters.used_s.items()} == {"2026-09": 15, MONTH: 5}


def test_what_a_pool_gave_before_it_shrank_counts_after() -> None:
    # 100 s while two lines share, 50 after: 70 were used by then, nothing is left; then 100 again.
    case = Case(
        [(lot(HOUR, 100),), (lot(HOUR, 50),)],
        [(0, 70, 1, 1, "3"), (1, 10, 2, 1, "3"), (0, 20, 3, 1, "3"), (0, 20, 4, 1, "3")],
    )
    assert case.by_columns(Counters()) == ([0, 10, 0, 10], ["1:70", "", "1:20", "1:10"], 0)


def test_a_pool_that_lines_join_holds_more_from_then_on() -> None:
    # 50 s until instant 3, 100 from it on: 50 of 70, nothing, then 50 of 60.
    pool = lot(HOUR, 50)
    moving = {(pool.key, pool.earned): (np.array([0, 3]), np.array([50, 100]))}
    case = Case([(pool,)], [(0, 70, 1, 1, "3"), (0, 10, 2, 2, "3"), (0, 60, 3, 1, "3")], moving)
    assert case.by_columns(Counters()) == ([20, 10, 10], ["1:50", "1:50", ""], 0)  # the call of account 2 is last


def test_a_pool_that_moves_and_learns_numbers_is_drawn_call_by_call() -> None:
    pool = lot(replace(HOUR, correspondents=1), 50)
    moving = {(pool.key, pool.earned): (np.array([0, 3]), np.array([50, 100]))}
    calls = [(0, 70, 1, 1, "331"), (0, 10, 3, 1, "332"), (0, 60, 4, 1, "331")]
    assert agree(Case([(pool,)], calls, moving)) == 3


def test_lots_that_contradict_each_other_are_drawn_call_by_call() -> None:
    other = replace(HOUR, allowance_id=2)
    first, second = lot(HOUR, 50), lot(other, 50)
    case = Case([(first, second), (second, first)], [(0, 60, 1, 1, "3"), (1, 60, 2, 1, "3")])
    assert agree(case) == 2


def test_sums_beyond_int64_are_drawn_call_by_call() -> None:
    case = Case([(lot(HOUR, 2**62),)], [(0, 2**61, 1, 1, "3"), (0, 2**61, 2, 1, "3"), (0, 2**61, 3, 1, "3")])
    assert agree(case) == 3


def test_issued_calls_have_used_and_met_already() -> None:
    plan = replace(HOUR, correspondents=1)
    counters = Counters()
    counters.draw([lot(plan, 100)], demand=80, number_key="331")
    other = lot(replace(HOUR, allowance_id=2), 9)
    calls = [(0, 10, 1, 1, "332"), (0, 10, 2, 1, "331"), (0, 30, 3, 1, "331"), (1, 30, 4, 1, "331")]
    assert agree(Case([(lot(plan, 100),), (other,)], calls), counters) == 3


def plan(random: Random, number: int, *, order: bool) -> Allowance:
    counted = random.choice((Counted.SECONDS, Counted.SECONDS, Counted.CALLS))
    return replace(
        HOUR, allowance_id=number, counted=counted, quantity=random.choice((None, 1)),
        call_limit=random.choice((None, None, 0, 45)), increment=random.choice((1, 1, 7, 60)),
        correspondents=random.choice((None, 0, 1, 3)) if order else None, rollover_months=random.choice((0, 1)),
    )  # fmt: skip


def drawn(random: Random, *, order: bool) -> Case:
    """Some lots, choices among them mostly in one order, and calls of two accounts."""
    plans = [plan(random, number, order=order) for number in range(1, random.randint(2, 5))]
    lots = []
    for known in plans:
        for owner in random.sample((1, 2), random.randint(1, 2)):
            capacity = None if known.quantity is None else random.choice((0, 1, 50, 200, 1000))
            if known.rollover_months and capacity is not None and random.random() < 0.5:
                lots.append([lot(known, 30, owner=owner, earned="2026-09"), lot(known, capacity, owner=owner)])
            else:
                lots.append([lot(known, capacity, owner=owner)])
    choices: list[tuple[Pool, ...]] = [()]
    for _ in range(random.randint(1, 4)):
        some = [one for one in lots if random.random() < 0.6]
        if random.random() < 0.1:
            random.shuffle(some)
        held = [known for one in some for known in one]
        if held and random.random() < 0.3:  # a capacity that changes
            place = random.randrange(len(held))
            if held[place].capacity_s is not None:
                held[place] = replace(held[place], capacity_s=random.choice((0, 60, 300)))
        choices.append(tuple(held))
    moving = {
        (known.key, known.earned): (np.array([0, 12, 25]), np.array(random.choices((0, 60, 100, 500), k=3)))
        for one in lots
        for known in one
        if known.capacity_s is not None and known.earned == MONTH and random.random() < 0.2
    }
    calls = [
        (random.randrange(len(choices)), random.choice((0, 1, 7, 59, 61, 400)), random.randint(1, 40),
         random.randint(1, 2), random.choice(("331", "332", "333", "334", "?x", "!1")))
        for _ in range(random.randint(1, 40))
    ]  # fmt: skip
    return Case(choices, calls, moving)


@pytest.mark.parametrize("order", [False, True], ids=["whoever is called", "by number called"])
def test_drawn_lots_give_what_the_counters_do(order: bool) -> None:
    in_order = calls = 0
    for seed in range(400):
        case = drawn(Random(seed), order=order)
        in_order, calls = in_order + agree(case), calls + len(case.wants)
    assert in_order < calls // (2 if order else 4)  # the sums are what is tested
