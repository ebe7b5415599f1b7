"""Which records are blanked, and that nothing of the number stays."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ardoise.collect.redaction import ProtectedExtension, Protection, Redactor
from ardoise.formats.avaya_ipoffice import FORMAT as AVAYA
from ardoise.formats.mitel_3300 import FORMAT as MITEL
from ardoise.formats.spec import Format
from ardoise.formats.udr import FORMAT as UDR

ARRIVED = datetime(2026, 11, 5, tzinfo=UTC)
OCTOBER = ProtectedExtension("201", date(2026, 10, 1), date(2026, 11, 1))


def avaya(extension: str, day: str = "2026/10/05") -> bytes:
    call = f"{day} 13:40:00,00:01:01,4,{extension},O,00612345678,00612345678,,0,1,0"
    return f"{call},E{extension},Ana,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def mitel(day: str) -> bytes:
    return f" {day} 13:40  00:01:01 201       {'00612345678':<26}A T101\r\n".encode()


def redacted(record: bytes, format: Format = AVAYA, *extensions: ProtectedExtension) -> bytes:
    protection = Protection(extensions or [OCTOBER])
    return Redactor(format, {}, lambda: protection).whole(record, arrived_at=ARRIVED)


@pytest.mark.parametrize(
    ("record", "format", "blanked"),
    [
        (avaya("201"), AVAYA, True),
        (avaya("202"), AVAYA, False),
        (avaya("201", "2026/10/31"), AVAYA, True),
        (avaya("201", "2026/11/01"), AVAYA, False),  # half-open: no longer protected
        (avaya("201", "2026/02/30"), AVAYA, True),  # no date: when in doubt, blank
        (mitel("10/31"), MITEL, True),  # no year, arrived on 5 November: this October
        (mitel("11/01"), MITEL, False),
        (mitel("12/01"), MITEL, False),  # last December
        (b"E201 called 00612345678 ???\r\n", AVAYA, True),  # nobody can read it, it names 201
    ],
)
def test_the_numbers_of_a_protected_extension_are_blanked(record: bytes, format: Format, blanked: bool) -> None:
    kept = redacted(record, format)
    assert (b"612345678" not in kept) is blanked
    assert len(kept) == len(record)
    if not blanked:
        assert kept == record


def test_without_protected_extensions_nothing_changes() -> None:
    record = b"\x00\xff anything 00612345678"
    redactor = Redactor(AVAYA, {}, Protection)
    assert redactor.whole(record, arrived_at=ARRIVED) is record
    assert redactor.unfinished(record, arrived_at=ARRIVED) is record


def test_a_record_cut_before_its_extension_is_blanked() -> None:
    redactor = Redactor(AVAYA, {}, lambda: Protection([OCTOBER]))
    kept = redactor.unfinished(avaya("202")[:60], arrived_at=ARRIVED)
    assert b"612345678" not in kept
    assert len(kept) == 60


def test_the_text_of_a_message_is_blanked_whoever_writes_and_however_much_of_it_came() -> None:
    record = (
        b"2026-10-05 09:12:33 Sent SMS [SMSC:op1] [SVC:x] [ACT:] [BINF:] [FID:] [from:+33678000001] [to:+33612345678] "
        b"[flags:-1:0:-1:0:-1] [msg:14:secret meeting] [udh:0:]\n"
    )
    redactor = Redactor(UDR, {}, Protection)
    kept = redactor.whole(record, arrived_at=ARRIVED)
    assert kept == record.replace(b"secret meeting", b"x" * 14)
    piece = record[: record.index(b"meeting")]
    assert b"secret" not in redactor.unfinished(piece, arrived_at=ARRIVED)
