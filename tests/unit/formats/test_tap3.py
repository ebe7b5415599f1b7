"""TAP files: one record an event, amounts in SDR, times brought to UTC by the file itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable, UsageKind
from ardoise.formats.spec import BadOption
from ardoise.formats.tap3 import FORMAT
from unit.formats.tap_files import data_session, mo_call, mt_call, stamp, string, subscriber, tap_file, tlv


def read(data: bytes, **options: str) -> list[Reading]:
    records, rest = FORMAT.frame(data, final=True)
    assert b"".join(records) == data
    assert rest == b""
    reader = FORMAT.reader(options)
    return [reader(record) for record in records]


def leg(event: bytes, *, total: int = 50_474, currency: str = "", **options: str) -> Leg:
    found = read(tap_file([event], total=total, currency=currency), **options)
    assert [type(reading) for reading in found] == [Event, Leg, Event], found
    assert isinstance(found[1], Leg)
    return found[1]


def test_a_call_made_abroad() -> None:
    found = leg(mo_call())
    # 10:12:33 at +03:00
    assert found.start == datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)
    assert (found.calling, found.called, found.direction) == ("33198765432", "33612345678", Direction.OUT)
    assert (found.duration_s, found.answered, found.kind) == (61, True, UsageKind.CALL)
    # 50474 with five decimals; the part of type 01 is inside it and is not added
    assert found.extras["charge_sdr"] == Decimal("0.50474")
    assert (found.extras["exchange_rate"], found.extras["imsi"]) == (Decimal("1.52549"), "208011234567890")
    assert (found.origin, found.operator_price) == ("@MDGTM", None)


def test_the_price_of_the_sdr_gives_the_operators_price() -> None:
    found = leg(mo_call(), sdr_price="1.20")
    # 0.50474 SDR at 1.20 EUR
    assert (found.operator_price, found.currency) == (Decimal("0.6056880"), "EUR")
    other = leg(mo_call(), sdr_price="1.20", currency="USD")  # the file counts in dollars: no SDR to price
    assert (other.operator_price, other.extras["charge_tap"]) == (None, Decimal("0.50474"))


@pytest.mark.parametrize("price", ["dear", "0", "-1", "NaN"])
def test_a_price_of_the_sdr_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(BadOption, match="sdr_price"):
        FORMAT.reader({"sdr_price": price})


def test_a_received_call_keeps_its_caller() -> None:
    found = leg(mt_call(), total=20_000)
    assert (found.calling, found.called, found.direction) == ("33145678901", "33198765432", Direction.IN)


def test_messages_count_one_and_name_their_reader_not_their_centre() -> None:
    sent = leg(mo_call(service="22", sms_to="33611111111", called="33609000000"))
    assert (sent.kind, sent.units, sent.called, sent.direction) == (UsageKind.SMS, 1, "33611111111", Direction.OUT)
    got = leg(mt_call(service="21", calling="", sms_from="33622222222"), total=20_000)
    assert (got.kind, got.calling, got.direction) == (UsageKind.SMS, "33622222222", Direction.IN)


def test_a_data_session_counts_octets_both_ways() -> None:
    found = leg(data_session(), total=100_000)
    assert (found.kind, found.units, found.duration_s) == (UsageKind.DATA, 1_024_000, 3600)
    assert (found.called, found.calling) == ("internet", "33198765432")


def test_an_event_of_another_kind_counts_one() -> None:
    message = tlv(433, tlv(436, subscriber("33198765432")), stamp(447, "20261005101233"), string(62, "\x01\x00"))
    found = leg(message, total=256)
    assert (found.kind, found.units, found.extras["charge_sdr"]) == (UsageKind.EVENT, 1, Decimal("0.00256"))


def test_the_batch_is_said_and_its_audit_agrees() -> None:
    header, _, audit = read(tap_file([mo_call()], total=50_474))
    assert isinstance(header, Event)
    assert (header.kind, header.extras["sender"], header.extras["sequence"]) == ("header", "MDGTM", "00178")
    assert isinstance(audit, Event)
    assert (audit.kind, audit.extras) == ("event", {"records": 1, "total_charge": Decimal("0.50474")})


@pytest.mark.parametrize(("total", "count"), [(50_475, 1), (50_474, 2)])
def test_a_total_or_a_count_that_differs_is_an_alarm(total: int, count: int) -> None:
    audit = read(tap_file([mo_call()], total=total, count=count))[-1]
    assert isinstance(audit, Event)
    assert audit.kind == "alarm"


def test_test_data_is_never_charged() -> None:
    found = read(tap_file([mo_call()], total=50_474, test=True))
    assert [type(reading) for reading in found] == [Event, Event, Event]
    assert isinstance(found[-1], Event)
    assert found[-1].kind == "event"  # counted all the same


def test_equal_events_of_two_files_are_equal_bytes() -> None:
    one, _ = FORMAT.frame(tap_file([mo_call()], total=50_474, sequence="00178"), final=True)
    other, _ = FORMAT.frame(tap_file([mt_call(), mo_call()], total=70_474, sequence="00180"), final=True)
    assert one[1] == other[2]
    assert one[0] != other[0]


def test_elements_that_end_by_a_mark_read_alike() -> None:
    data = tap_file([mo_call(indefinite=True), mt_call()], total=70_474, indefinite=True)
    found = read(data)
    assert [type(reading) for reading in found] == [Event, Leg, Leg, Event]
    assert found[1] == leg(mo_call())


@pytest.mark.parametrize(("events_lost", "legs"), [(0, 2), (1, 1), (2, 0)])
def test_a_file_cut_short_loses_what_was_cut_and_says_so(events_lost: int, legs: int) -> None:
    data = tap_file([mo_call(), mo_call(duration_s=62)], total=100_948)
    audit = FORMAT.frame(data, final=True)[0][-1]
    cut = len(audit) + events_lost * len(mo_call()) - 1  # one byte of the next is left
    found = read(data[:-cut])
    assert sum(isinstance(reading, Leg) for reading in found) == legs
    assert isinstance(found[-1], Unreadable)
    assert found[-1].reason == "cut"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (mo_call(code=7), "no_header"),
        (mo_call(local="20261305101233"), "impossible_date"),
        (tlv(9, subscriber("33198765432")), "bad_start"),
    ],
)
def test_what_cannot_be_read_says_why(event: bytes, reason: str) -> None:
    found = read(tap_file([event], total=0))[1]
    assert isinstance(found, Unreadable)
    assert found.reason == reason


def test_what_is_no_tap_file_says_so() -> None:
    (found,) = read(b"Id;Date;Heure\r\n1;2\r\n")
    assert isinstance(found, Unreadable)
    alone = FORMAT.reader({})(mo_call())
    assert isinstance(alone, Unreadable)
    assert alone.reason == "no_header"


@pytest.mark.parametrize("protected", ["33198765432", "+33198765432", "0198765432"])
def test_a_protected_subscriber_leaves_no_number(protected: str) -> None:
    record = mo_call(dialled="0612345678")
    assert FORMAT.redact(record, frozenset({"33198765433"})) is record
    blanked = FORMAT.redact(record, frozenset({protected}))
    assert len(blanked) == len(record)
    found = leg(blanked)
    assert (found.called, found.dialled, found.extras["no_detail"]) == (None, None, True)
    assert (found.calling, found.duration_s) == ("33198765432", 61)
