"""NEC, Unify, OXO, TAP3 and profiles through their real transports to charges.

Tariffs of the company: landlines 0.02 a minute by the second, mobiles 0.12 a started minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stage.collect.through import through
from unit.formats.tap_files import mo_call, mt_call, tap_file

pytestmark = pytest.mark.django_db


def priced(charges: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    """Account, number and price of what has a price: an incoming call has none."""
    return [
        (row["account"], row["number_key"], row["amount_micros"]) for row in charges if row["amount_micros"] is not None
    ]


def test_nec_pages_over_tcp(home: Path) -> None:
    page = (
        f"{'':60}10/05/2026 PAGE 001\r\n"
        "CLASS TIME DATE  LINE DURATION  STATION     DIALLED No./CLI    ACCOUNT\r\n\r\n"
        f"POT  10:52 10/05 002  00:01:01 {'2001':10} {'0612345678':20} 4711\r\n"
        f"PIN  10:53 10/05 001  00:00:20 {'2001':10} {'0145678901':20} Dupont\r\n"
    )
    found = through(home, "nec_sl", page.encode(), transport="tcp_client", extensions=["2001"])
    # 61 s to a mobile: two started minutes = 0.24; an incoming call costs nothing
    assert priced(found) == [("acme", "33612345678", 240_000)]
    assert len(found) == 2


def test_openscape_file_dropped(home: Path) -> None:
    file = (
        b"05.10.26|09:13:33|201|140|00:04|00:01:00|0140000000||2|||||||\r\n"
        b"05.10.26|09:20:00|201|140|00:21||0145678901||1|||||||\r\n"
    )
    found = through(home, "unify_openscape", file, transport="files", extensions=["140"])
    # 60 s to a landline by the second: 0.02
    assert priced(found) == [("acme", "33140000000", 20_000)]
    assert len(found) == 2


def test_hipath_columns_over_a_terminal_server(home: Path) -> None:
    line = f"05.10.2609:12:33{'12':>3}{'140':>6}00:0400:01:01{'0612345678':25}{'7':>11}{'2':>2}{'':27}\r\n"
    found = through(home, "unify_openscape", line.encode(), transport="tcp_client", extensions=["140"])
    assert priced(found) == [("acme", "33612345678", 240_000)]


def test_oxo_statements_over_a_terminal_server(home: Path) -> None:
    page = (
        b"ACME\r\n"
        b"USER  TYPE LIN DATE     TIME  DURATION TAXES SERV FACILITIES DIALLED NUMBER\r\n"
        b"A101  -->  N01 05/10/26 08:31 00:01:00     6 ST              0612345678\r\n"
    )
    found = through(home, "alcatel_oxo", page, transport="tcp_client", extensions=["101"])
    # one whole minute to a mobile: 0.12
    assert priced(found) == [("acme", "33612345678", 120_000)]


def test_tap3_file_dropped(home: Path) -> None:
    file = tap_file([mo_call(local="20261005101233"), mt_call()], total=70_474)
    found = through(home, "tap3", file, transport="files", numbers=["0198765432"], options={"sdr_price": "1.20"})
    # 61 s to a mobile: two started minutes = 0.24; it cost 0.50474 SDR at 1.20
    assert priced(found) == [("acme", "33612345678", 240_000)]
    assert sorted(row["printed_micros"] for row in found) == [240_000, 605_688]


PROFILE = """
name = "small_pbx"
[file]
layout = "fixed"
event_patterns = ["PAGE #"]
[columns]
class = [1, 3]
date = [5, 8]
time = [14, 5]
duration = [20, 8]
station = [29, 4]
number = [34, 12]
[fields]
start = ["date", "time"]
duration = "duration"
direction = "class"
extension = "station"
outside = "number"
[start]
formats = ["%d/%m/%y %H:%M"]
[duration]
unit = "h:m:s"
[direction.values]
OUT = "out"
INC = "in"
[[tests]]
line = "OUT 05/10/26 09:12 00:01:01 2001 0612345678"
expect = { duration_s = 61 }
"""


@pytest.mark.parametrize("transport", ["tcp_client", "tcp_server", "files"])
def test_a_pbx_of_fixed_columns_without_code(home: Path, transport: str) -> None:
    lines = (
        b"PAGE 1\r\nOUT 05/10/26 09:12 00:01:01 2001 0612345678\r\n"
        b"OUT 05/10/26 09:12 00:01:01 2001 0612345678\r\nINC 05/10/26 09:30 00:00:20 2001 0145678901\r\n"
    )
    found = through(home, "fixed_width", lines, transport=transport, extensions=["2001"], options={"profile": PROFILE})
    # 61 s to a mobile twice in the same minute: two calls of 0.24, no duplicate
    assert priced(found) == [("acme", "33612345678", 240_000)] * 2


def test_separated_columns_over_tcp(home: Path) -> None:
    profile = """
name = "small_pbx"
[file]
kind = "stream"
header = false
[fields]
start = 1
extension = 2
outside = 3
duration = 4
[direction]
default = "out"
[[tests]]
line = "2026-10-05T09:12:33;2001;0612345678;61"
expect = { duration_s = 61 }
"""
    line = b"2026-10-05T09:12:33;2001;0612345678;61\r\n"
    found = through(
        home, "delimited", line * 2, transport="tcp_server", extensions=["2001"], options={"profile": profile}
    )
    assert priced(found) == [("acme", "33612345678", 240_000)] * 2
