"""A profile proposed from a sample: what is found, what is doubted, and that it reads the sample it came from."""

from __future__ import annotations

import tomllib

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.delimited import load_profile
from ardoise.formats.proposal import BadProfile, NotASample, Proposal, propose, sentence, try_profile
from ardoise.formats.proposal.words import _DOUBTS

OPERATOR = """\
Identifiant;Date et heure;Appelant;Appelé;Durée (s);Prix HT;Sens
A-0001;05/10/2026 09:12:33;0199000001;0612345678;61;0,0150;S
A-0002;25/10/2026 10:00:00;0612345678;0199000001;130;0,0000;E
A-0003;25/10/2026 10:05:00;0199000002;0033612345678;5;0,0050;S
TOTAL;3;196
"""
PBX = """\
                  ACME SARL                    PAGE 12
TYPE DATE     TIME  DURATION  STATION DIALLED NUMBER
------------------------------------------------------
OUT  25/10/26 09:12 00:01:01  2001    0612345678
IN   25/10/26 09:30 00:00:20  2017    0145678901
OUT  25/10/26 09:41 00:12:05  102     15
IN   25/10/26 09:50           2001    0145678901      NO ANSWER
"""


def proposed(text: str, **options: bool) -> Proposal:
    found = propose(text.encode(), **options)
    assert found.problem == ""
    return found


def said(found: Proposal) -> dict[str, str]:
    return {doubt.code: doubt.about for doubt in found.doubts}


def test_an_operators_file_by_its_titles() -> None:
    found = proposed(OPERATOR)
    assert found.format == "delimited"
    profile = tomllib.loads(found.text)
    assert profile["fields"] == {
        "id": "Identifiant",
        "start": "Date et heure",
        "calling": "Appelant",
        "called": "Appelé",
        "duration": "Durée (s)",
        "price": "Prix HT",
        "direction": "Sens",
    }
    assert profile["start"] == {"formats": ["%d/%m/%Y %H:%M:%S"], "zone": "local"}
    assert profile["price"] == {"decimal": ","}
    assert profile["direction"]["values"] == {"S": "out", "E": "in"}
    assert profile["file"]["kind"] == "keyed"
    # three calls; the header and the line of totals are no calls
    assert (found.trial.count(Leg), found.trial.count(Event), found.trial.count(Unreadable)) == (3, 2, 0)
    assert "date_order" not in said(found)  # 25/10 leaves no doubt


def test_a_pbx_by_the_places_of_its_columns() -> None:
    found = proposed(PBX)
    assert found.format == "fixed_width"
    profile = tomllib.loads(found.text)
    assert profile["columns"]["outside"][0] == 39
    assert profile["fields"]["start"] == ["date", "time"]
    assert profile["direction"]["values"] == {"OUT": "out", "IN": "in"}
    assert profile["answered"] == {"except": ["NO ANSWER"]}
    legs = [reading for _, reading in found.trial.readings if isinstance(reading, Leg)]
    assert [(leg.calling, leg.called, leg.direction, leg.duration_s) for leg in legs] == [
        ("2001", "0612345678", Direction.OUT, 61),
        ("0145678901", "2017", Direction.IN, 20),
        ("102", "15", Direction.OUT, 725),
        ("0145678901", "2001", Direction.IN, 0),
    ]
    assert legs[0].start == PrintedTime(2026, 10, 25, 9, 12)
    assert not legs[3].answered
    assert found.trial.count(Unreadable) == 0


def test_without_titles_shapes_decide_and_say_so() -> None:
    found = proposed(
        "S|20261005|074510|0033199000001|0033612345678|00:01:01\n"
        "E|20261025|080125|0033612345678|0033199000001|00:00:25\n"
    )
    profile = tomllib.loads(found.text)
    assert profile["fields"]["start"] == [2, 3]
    assert profile["start"]["formats"] == ["%Y%m%d %H%M%S"]
    assert (profile["fields"]["calling"], profile["fields"]["called"], profile["fields"]["duration"]) == (4, 5, 6)
    assert {"who_calls", "duration_guessed", "zone"} <= set(said(found))


def test_day_and_month_that_can_be_taken_for_each_other_are_doubted() -> None:
    found = proposed("2001;05/10/2026 09:12:33;0612345678;61\n2001;06/10/2026 09:12:33;0612345678;125\n")
    assert said(found)["date_order"] == "%d/%m/%Y %H:%M:%S"


def test_values_of_a_direction_that_mean_nothing_to_us_are_named() -> None:
    found = proposed(OPERATOR + "A-0004;25/10/2026 11:00:00;0199000002;0612345678;9;0,0050;X\n")
    assert said(found)["direction_values"] == "X"
    assert tomllib.loads(found.text)["direction"]["values"]["X"] == "unknown"


def test_times_with_their_offset_need_no_zone() -> None:
    found = proposed(
        "id,start,from,to,duration\n"
        "a1,2026-10-05T09:12:33+02:00,+33199000001,+33612345678,61\n"
        "a2,2026-10-25T09:12:33+01:00,+33199000001,+33612345678,125\n"
    )
    profile = tomllib.loads(found.text)
    assert profile["start"] == {"formats": ["iso"], "zone": "offset"}
    assert "zone" not in said(found)


def test_a_damaged_line_is_not_made_a_heading() -> None:
    found = proposed(OPERATOR + "A-0005;25/10/2026 11:0\nA-0007;26/10/2026 11:00:00;Dupont; Claire;061;5;1;S;x;x")
    assert found.trial.count(Unreadable) == 2


def test_what_is_missing_is_said_in_the_profile_which_is_there_to_be_completed() -> None:
    found = propose(b"Who;Number;Colour\nAna;0612345678;red\nBob;0699999999;blue\n")
    assert "fields.start" in found.problem
    assert {"no_start", "no_duration"} <= set(said(found))
    assert "[fields]" in found.text
    with pytest.raises(BadProfile):
        load_profile(found.text)


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"hello\r\nworld\r\n", bytes(range(256))])
def test_what_is_no_sample_is_refused(data: bytes) -> None:
    with pytest.raises(NotASample):
        propose(data)


def test_a_profile_corrected_by_hand_is_tried_on_the_sample() -> None:
    found = proposed(OPERATOR)
    tried = try_profile(
        found.text.replace('S = "out"', 'S = "internal"').replace('direction = "out"', 'direction = "internal"'),
        OPERATOR.encode(),
    )
    assert [r.direction for _, r in tried.readings if isinstance(r, Leg)].count(Direction.INTERNAL) == 2
    with pytest.raises(BadProfile, match="test line 1, direction"):
        try_profile(found.text.replace('S = "out"', 'S = "internal"'), OPERATOR.encode())


def test_doubts_are_said_in_both_languages() -> None:
    found = proposed(OPERATOR, french=True)
    assert "Proposé d'après un échantillon de 3 lignes" in found.text
    assert all(sentence(doubt, french=True) in found.text for doubt in found.doubts)
    assert all(french and english and french != english for french, english in _DOUBTS.values())


def test_names_that_need_quotes_survive_in_the_profile() -> None:
    text = OPERATOR.replace("Appelant", 'N° "appelant" \\ A').replace(";S\n", ';Sortant "x"\n')
    assert propose(text.encode()).text
    tomllib.loads(propose(text.encode()).text)


def test_starts_of_which_some_have_no_seconds_are_written_two_ways() -> None:
    found = proposed(OPERATOR + "A-0006;26/10/2026 11:00;0199000002;0612345678;9;0,0050;S\n")
    assert tomllib.loads(found.text)["start"]["formats"] == ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]
    assert found.trial.count(Leg) == 4


def test_lines_whose_last_cells_are_left_out() -> None:
    found = proposed(
        "25.10.26|13:11:35|201|33388|00:02|00:00:07|0123456789||1||||||\r\n"
        "25.10.26|13:21:14|202|33389|00:05|00:00:12|0123456780||1|||||\r\n"
    )
    profile = tomllib.loads(found.text)
    assert "columns" not in profile["file"]
    assert (profile["fields"]["start"], profile["fields"]["duration"]) == ([1, 2], 6)
    assert found.trial.count(Leg) == 2


def test_bytes_of_a_binary_link_are_no_sample() -> None:
    with pytest.raises(NotASample, match="no text"):
        propose(b"\x02ED5.2 10:15\x01\x03\x05\x06" * 40)
