from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.invoices import spread
from ardoise.core.money import Rounding, allocate, round_fraction, to_micros

AMOUNTS = st.integers(-(10**12), 10**12)
FRACTIONS = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6)


@given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_an_allocation_sums_to_the_whole_and_is_within_one_of_its_share(total, weights):
    parts = allocate(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        assert all(abs(part - Fraction(total * w, whole)) < 1 for part, w in zip(parts, weights, strict=True))


@given(AMOUNTS, st.lists(st.integers(0, 10**9), min_size=1, max_size=40))
def test_an_allocation_is_mirrored(total, weights):
    assert allocate(-total, weights) == [-part for part in allocate(total, weights)]


@given(st.lists(FRACTIONS, min_size=1, max_size=30), st.integers(-3, 3))
def test_shares_sum_to_any_total_near_their_sum_and_are_mirrored(exact, off):
    total = round_fraction(sum(exact)) + off
    parts = spread(total, exact)
    assert sum(parts) == total
    assert spread(-total, [-share for share in exact]) == [-part for part in parts]


@given(FRACTIONS, st.sampled_from(Rounding))
def test_rounding_is_mirrored_and_within_one(value, mode):
    rounded = round_fraction(value, mode=mode)
    assert abs(rounded - value) < 1
    assert round_fraction(-value, mode=mode) == -rounded


@given(st.integers(-(10**15), 10**15), st.integers(0, 6))
def test_an_amount_already_rounded_is_kept(amount, decimals):
    assert to_micros(Fraction(amount, 10**decimals), decimals=decimals) == amount * 10 ** (6 - decimals)
