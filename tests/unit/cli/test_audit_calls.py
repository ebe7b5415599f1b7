"""Operators' CSV files as `ardoise audit` reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.cli.audit_calls import NotCalls, Read, read_file


def read(tmp_path: Path, text: str, *columns: str) -> Read:
    file = tmp_path / "calls.csv"
    file.write_text(text, encoding="utf-8")
    return read_file(file, columns=columns, zone="Europe/Paris", step=lambda done: None)


def test_headers_in_english_with_instants(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "call_id,direction,start_utc,from,to,duration_s,currency,price\n"
        "1,outbound,2026-10-01T05:07:52Z,+33734124080,+33536490043,90,EUR,0.005700\n"
        "2,inbound,2026-10-01T05:08:00Z,+33734124080,+33536490043,90,EUR,0\n",
    )
    (call,) = found.calls
    assert call.number_key == "33536490043" and call.caller == "+33734124080"
    assert (call.answered_at, call.talk_s) == (datetime(2026, 10, 1, 5, 7, 52, tzinfo=UTC), 90)
    assert call.printed_micros == 5_700
    assert found.notes == ["1 incoming or unanswered calls left out"]


def test_headers_in_french_with_local_time_and_a_decimal_comma(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "Appelant;Numéro appelé;Date;Heure;Durée;Montant HT\n"
        "0140000001;0612345678;05/10/2026;10:00:00;00:01:31;0,1250 €\n",
    )
    (call,) = found.calls
    assert call.answered_at == datetime(2026, 10, 5, 8, tzinfo=UTC)  # Paris is two hours ahead in early October
    assert (call.number_key, call.talk_s, call.printed_micros) == ("33612345678", 91, 125_000)


def test_a_column_is_named_where_the_header_says_nothing(tmp_path: Path) -> None:
    text = "a,b,c,d\n0612345678,2026-10-05 10:00:00,60,0.10\n"
    with pytest.raises(NotCalls, match="--column number=HEADER"):
        read(tmp_path, text)
    found = read(tmp_path, text, "number=a", "at=b", "duration=c", "amount=d")
    assert [call.printed_micros for call in found.calls] == [100_000]
    with pytest.raises(NotCalls, match="is not a column"):
        read(tmp_path, text, "numbers=a")


def test_lines_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "to,start,duration,price\n0612345678,2026-10-05 10:00:00,60,0.10\n0612345678,yesterday,60,0.10\n"
        "0612345678,2026-10-05 10:00:00,one minute,0.10\n0612345678,2026-10-05 10:00:00,60,free\n"
        "to,start,duration,price\n",
    )
    assert [line for line, _ in found.faults] == [3, 4, 5]
    assert "« yesterday » is not a date and time" in found.faults[0][1]
    assert len(found.calls) == 1


def test_more_than_six_decimals_are_said(tmp_path: Path) -> None:
    found = read(tmp_path, "to,start,duration,price\n0612345678,2026-10-05 10:00:00,61,0.12345678\n")
    assert found.calls[0].printed_micros == 123_457
    assert found.notes == ["1 amounts printed with more than six decimals were read to the sixth"]
