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
