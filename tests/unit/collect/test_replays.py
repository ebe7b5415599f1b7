"""What is the replay of an earlier block, and what is another call: a table of streams."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ardoise.collect.reading import Replays, Ticket, content_of
from ardoise.core.usage import Event

NOW = datetime(2026, 10, 5, tzinfo=UTC)


def kept(stream: str, *, resumed: bool = False, saved: bool = False) -> str:
    """The tickets of a stream that are not replays; a letter is a ticket, "|" a reconnection.

    With `resumed`, the state goes through JSON between any two tickets, and the tail comes from what was kept; with
    `saved`, what was taken is kept between any two, and nothing starts anew.
    """
    taken: list[bytes] = []
    letters = ""
    replays = Replays(lambda: taken, 0)
    connection = 1
    for letter in stream:
        if resumed:
            taken += replays.unsaved()
            replays = Replays.resume(json.loads(json.dumps(replays.state())), seen=replays.seen, tail=taken.copy)
        elif saved:
            contents = replays.unsaved()
            taken += contents
            replays.saved(contents)
        if letter == "|":
            connection += 1
            replays.connected(connection)
            continue
        ticket = Ticket(letter, letter.encode(), NOW, Event("noise", letter), connection)
        if not replays.is_replay(ticket):
            replays.taken(ticket)
            letters += letter
    return letters


@pytest.mark.parametrize(("resumed", "saved"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("abc", "abc"),
        ("aab", "aab"),  # equal lines of one connection are calls
        ("abc|bcd", "abcd"),  # the last block, then new ones
        ("abc|abcd", "abcd"),  # the whole buffer
        ("abc|cc", "abcc"),  # one replayed, one new
        ("aa|aaa", "aaa"),  # both replayed, one new
        ("abc|dbc", "abcdbc"),  # begins with a new one: no replay
        ("abc|bd", "abcd"),  # the collector had c, the PBX did not send it again
        ("abc|c|c", "abc"),  # twice the same replay
        ("abab|abc", "ababc"),  # several runs fit: as long as one does
        ("|ab", "ab"),
    ],
)
def test_a_replay_is_a_run_repeated_at_the_start_of_a_connection(
    stream: str, expected: str, resumed: bool, saved: bool
) -> None:
    assert kept(stream, resumed=resumed, saved=saved) == expected


def test_nul_bytes_and_terminators_are_not_content() -> None:
    assert content_of(b"\x00ticket\r\n") == content_of(b"ticket\n") == content_of(b"ticket")
    assert content_of(b"ticket") != content_of(b"ticket ")
