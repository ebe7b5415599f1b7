"""Layouts of wholesale carriers: each is a profile; the format finds out which one a file has."""

from __future__ import annotations

import pytest

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable
from ardoise.formats import registry
from ardoise.formats.delimited import load_profile
from ardoise.formats.spec import BadOption
from ardoise.formats.wholesale.spec import PROFILES

FORMAT = registry.get("wholesale")
HEADER = (
    b"CallType;StartTime;StopTime;CallDuration;BillDuration;CallMinimum;CallIncrement;BasePrice;CallPrice;TransactionId;"
    b"CustomerIP;ANI;ANIState;DNIS;LRN;DNISState;DNISLATA;DNISOCN;OrigTier;TermRateDeck\r\n"
)


def sansay(
    *, cause: str = "0001", answer: str = "Mon Oct 05 00:12:37 2026", end: str = "00:13:38", kind: str = "R"
) -> bytes:
    return (
        f"000000042;V1.10;{kind};WithMedia;181-7@192.0.2.9;{cause};Mon Oct 05 00:12:33 2026;{answer};Mon Oct 05 {end} "
        "2026;420;NormalClearing;16;O;000200;SIP;0198765432;192.0.2.1;0612345678;192.0.2.2;id;;\r\n"
    ).encode()


def voip(*, kind: str = "TERM_INTERSTATE", start: str = "2026-10-05 09:12:33", talk: str = "60.6") -> bytes:
    return (
        f"{kind};{start};2026-10-05 09:13:38;{talk};66;6;6;0.01;0.011;42;203.0.113.5;+15125550100;TX;+12125550123;"
        "12125550000;NY;132;7229;;Standard\r\n"
    ).encode()


def read_all(data: bytes, **options: str) -> list[Reading]:
    reader = FORMAT.reader(options)
    return [reader(record) for record in FORMAT.frame(data, final=True)[0]]


def leg(data: bytes, **options: str) -> Leg:
    reading = read_all(data, **options)[-1]
    assert isinstance(reading, Leg), reading
    return reading


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_every_profile_reads_its_own_test_lines(name: str) -> None:
    assert load_profile(PROFILES[name]).name == name


def test_a_sansay_switch_says_how_far_west_it_is() -> None:
    call = leg(sansay())
    assert str(call.start) == "2026-10-05 07:12:33+00:00"  # 420 minutes west
    assert (call.duration_s, call.called, call.trunk) == (61, "0612345678", "000200")
    assert leg(sansay(cause="0002", answer="")).duration_s == 0
    assert isinstance(read_all(sansay(kind="A"), layout="sansay_vsx")[0], Event)  # an audit record


def test_the_direction_and_prices_of_voip_innovations() -> None:
    call = leg(HEADER + voip())
    assert (call.direction, call.duration_s, call.extras["billed_s"]) == (Direction.OUT, 61, 66)
    assert (str(call.operator_price), call.currency, call.extras["timezone"]) == ("0.011", "USD", "unknown: ask")
    assert leg(HEADER + voip(kind="ORIG_TOLLFREE")).direction is Direction.IN


def test_once_found_a_layout_is_kept() -> None:
    readings = read_all(HEADER + voip() + sansay())
    assert isinstance(readings[1], Leg)
    assert isinstance(readings[2], Unreadable)
    assert readings[2].reason == "column_count"


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        (b"some;other;file\n", {}, "unknown_layout"),
        (sansay()[:100], {}, "unknown_layout"),
        (sansay()[:100], {"layout": "sansay_vsx"}, "column_count"),
        (sansay(answer="Mon Feb 30 00:12:37 2026"), {"layout": "sansay_vsx"}, "impossible_date"),
        (sansay(end="00:12:00"), {"layout": "sansay_vsx"}, "bad_duration"),  # ended before its answer
        (voip(), {"layout": "voip_innovations"}, "header_mismatch"),
        (HEADER + voip(kind="OTHER"), {}, "unknown_direction"),
        (HEADER + voip(talk="-5"), {}, "bad_duration"),
        (HEADER + voip(start="yesterday"), {}, "bad_start"),
        (
            HEADER.replace(b"CallType;StartTime", b"StartTime;CallType") + voip(),
            {"layout": "voip_innovations"},
            "header_mismatch",
        ),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, options: dict[str, str], reason: str) -> None:
    reading = read_all(data, **options)[-1]
    assert isinstance(reading, Unreadable), reading
    assert reading.reason == reason


def test_a_layout_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadOption, match="is not one of auto, sansay_vsx, voip_innovations"):
        FORMAT.reader({"layout": "other"})


@pytest.mark.parametrize("record", [sansay(), voip()])
def test_numbers_of_a_protected_line_are_blanked_without_knowing_the_layout(record: bytes) -> None:
    protected = frozenset({"0198765432", "15125550100"})
    redacted = FORMAT.redact(record, protected)
    assert len(redacted) == len(record)
    assert b"0612345678" not in redacted
    assert b"2125550123" not in redacted
    call = leg(HEADER + redacted if record.startswith(b"TERM") else redacted)
    assert (call.called, call.duration_s) == (None, 61)
    assert FORMAT.redact(record, frozenset({"0100000000"})) == record
