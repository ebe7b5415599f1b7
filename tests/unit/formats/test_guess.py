"""Which format a sample is in: every format reads it, and says why it cannot."""

from __future__ import annotations

import pytest

from ardoise.formats import registry
from ardoise.formats.guess import SAMPLE_RECORDS, guess
from unit.formats.tap_files import mo_call, tap_file

AVAYA = (
    b"2026/10/05 09:12:33,00:01:01,4,201,O,0612345678,0612345678,,0,1000042,0,E201,Claire,T9001,Line 1.1,0,0"
    + b"," * 13
    + b"\r\n"
)
SAMPLES = {
    "avaya_ipoffice": AVAYA,
    "mitel_3300": b" 10/05 09:12  00:01:01 2140      0612345678                A T003      4711         012\r\n",
    "nec_sl": b"POT  09:12 10/05 002  00:01:01 2140       0612345678           4711\r\n",
    "unify_openscape": b"05.10.26|09:12:33|201|2140|00:04|00:01:01|0612345678|3|2|4711|0198765432|||||\r\n",
    "alcatel_oxo": b"USER  TYPE LIN DATE     TIME  DURATION DIALLED NUMBER\r\n"
    b"A2140 -->  N01 05/10/26 09:12 00:01:01 0612345678\r\n",
    "tap3": tap_file([mo_call()], total=50_474),
}


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_the_format_of_a_sample_comes_first(name: str) -> None:
    best, second, *_ = guess(SAMPLES[name])
    assert (best.name, best.share_percent, best.calls, best.unreadable) == (name, 100, 1, 0)
    assert second.share_percent < 100 or second.doubtful


def test_the_counts_of_a_guess_add_up_and_say_why() -> None:
    found = {one.name: one for one in guess(AVAYA * 3 + b"not a ticket\r\n\r\n")}
    avaya = found["avaya_ipoffice"]
    # three tickets and a line of words; the blank line is not counted
    assert (avaya.records, avaya.calls, avaya.events, avaya.unreadable) == (4, 3, 0, 1)
    assert avaya.share_percent == 75
    assert [(reason.code, reason.count) for reason in avaya.reasons] == [("garbage", 1)]
    for one in found.values():
        assert one.records == one.calls + one.events + one.unreadable


def test_formats_that_need_a_profile_are_left_out() -> None:
    names = {one.name for one in guess(AVAYA)}
    assert not names & {"delimited", "fixed_width"}
    assert "mitel_3300" in names


def test_what_nobody_reads_is_read_by_nobody() -> None:
    assert all(one.calls == 0 for one in guess(bytes(range(256)) * 40))
    assert all(one.calls == 0 and one.share_percent == 0 for one in guess(b""))


def test_a_long_sample_is_read_from_its_beginning() -> None:
    (best,) = guess(AVAYA * (SAMPLE_RECORDS + 500), [registry.get("avaya_ipoffice")])
    assert best.calls == SAMPLE_RECORDS
