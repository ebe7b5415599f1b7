"""Numbers: no text makes the plan raise, and every form of one number has one key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ardoise.core.phone import DialPlan, display, identify, mask

PLANS = st.builds(
    DialPlan,
    outside_prefix=st.sampled_from(["", "0", "9", "00"]),
    national_prefix=st.sampled_from(["0", "", "1"]),
    international_prefix=st.sampled_from(["00", "011", ""]),
    country=st.sampled_from(["33", "262", "508", "32", "1", "39", ""]),
    area=st.sampled_from(["", "1", "17345", "212"]),
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789", max_size=20),
    st.text(alphabet="0123456789+*#xX@. ()-", max_size=20),
)
FRENCH = st.from_regex(r"0[1-7][0-9]{8}", fullmatch=True).filter(lambda text: not text.startswith(("070", "05")))


@given(TEXTS, PLANS, st.booleans())
def test_any_text_has_an_answer(text: str, plan: DialPlan, outgoing: bool) -> None:
    number = identify(text, plan, outgoing=outgoing)
    assert number.received == text
    assert len(number.key) <= 64
    if number.key and not number.key.startswith("?"):
        assert number.key.removeprefix("!").isdigit()
    display(number.key)
    mask(number.key)


@given(FRENCH)
def test_every_way_to_write_a_french_number_has_one_key(national: str) -> None:
    plan = DialPlan()
    pbx = DialPlan(outside_prefix="0")
    key = identify(national, plan, outgoing=True).key
    assert key
    assert identify("+" + key, plan, outgoing=True).key == key
    assert identify("00" + key, plan, outgoing=True).key == key
    assert identify("0" + national, pbx, outgoing=True).key == key
    assert identify("000" + key, pbx, outgoing=True).key == key
    assert identify(" ".join(national[i : i + 2] for i in range(0, 10, 2)), plan, outgoing=False).key == key
    assert display(key).replace("\u202f", "") == national


@given(st.from_regex(r"[1-9][0-9]{9,13}", fullmatch=True), st.integers(0, 8))
def test_hiding_keeps_the_length_and_hides_the_count(number: str, hidden: int) -> None:
    masked = mask(number, hidden)
    assert len(masked) == len(number)
    assert masked == number[: len(number) - hidden] + "x" * hidden
    assert mask(masked, hidden) == masked
