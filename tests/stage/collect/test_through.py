"""Each transport, from the bytes on the wire to priced charges (see through.py)."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stage.collect.through import through
from unit.formats.oxe_wire import COLUMNS, oxe_message, oxe_text

pytestmark = pytest.mark.django_db

AVAYA = (
    b"2026/10/05 10:59:02,00:01:01,4,201,O,00612345678,00612345678,,0,1000014156,0,E201,Jeanne Roy,T9161,LINE 5.1,0,0"
    b",,,,,,,,,,,,,\r\n"
)
# col: 2-6 date, 8-13 start, 15-22 duration, 24-27 calling, 34-59 digits, 60 completion, 62-65 called
MITEL = f" 10/05 13:40  00:01:40 214       {'0140000000':<26}A T101\r\n".encode()


def priced(rows: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(row["account"], row["amount_micros"]) for row in rows]


@pytest.mark.parametrize("transport", ["tcp_server", "files"])
def test_an_avaya_call_of_61_s_to_a_mobile_costs_24_cents(home: Path, transport: str) -> None:
    # two started minutes at 0.12
    rows = through(home, "avaya_ipoffice", AVAYA, transport=transport, extensions=["201"], outside_prefix="0")
    assert priced(rows) == [("acme", 240_000)]


def test_a_mitel_call_of_100_s_to_a_landline_costs_by_the_second(home: Path) -> None:
    # 100 s at 0.02 a minute = 0.033333
    rows = through(home, "mitel_3300", MITEL, transport="tcp_client", extensions=["214"])
    assert priced(rows) == [("acme", 33_333)]


def test_an_oxe_is_greeted_and_its_call_costs_by_the_second(home: Path) -> None:
    # 97 s at 0.02 a minute = 0.032333
    ticket = oxe_message(
        CalledNumber="0140000000",
        ChargedNumber="31000",
        CallType="0",
        EndDateTime="20261005 10:20:47",
        StartDateTime="20261005 10:19:10",
        Duration="0000000097",
    )
    rows = through(home, "alcatel_oxe", ticket, transport="tcp_client", extensions=["31000"])
    assert priced(rows) == [("acme", 32_333)]


def test_a_panasonic_is_logged_in_to_and_its_call_costs_two_minutes(home: Path) -> None:
    # 65 s to a mobile: two started minutes at 0.12
    line = b"10/05/26 10:15AM  1200 01 0612345678                     00:01'05 4711\r\n"
    rows = through(home, "panasonic", line, transport="tcp_client", extensions=["1200"])
    assert priced(rows) == [("acme", 240_000)]


def test_a_compressed_taxa_file_of_an_oxe_is_charged(home: Path) -> None:
    # 97 s at 0.02 a minute = 0.032333; the # line lists the columns, as the files of the PBX do
    text = oxe_text(
        CalledNumber="0140000000",
        ChargedNumber="31000",
        CallType="0",
        EndDateTime="20261005 10:20:47",
        StartDateTime="20261005 10:19:10",
        Duration="0000000097",
    )
    header = ";".join(f"{at},{name},{a},{b},{b - a + 1}" for at, (name, (a, b)) in enumerate(COLUMNS.items()))
    packed = gzip.compress(b"#" + header.encode() + b"\n" + text + b"\n")
    rows = through(home, "alcatel_oxe", packed, transport="files", extensions=["31000"])
    assert priced(rows) == [("acme", 32_333)]
