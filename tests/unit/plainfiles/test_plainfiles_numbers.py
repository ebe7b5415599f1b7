"""Telephone numbers as people write them <-> the key the directory keeps."""

from __future__ import annotations

import pytest

from ardoise.plainfiles.numbers import key_of, written


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("+33472000001", "33472000001"),
        ("0472000001", "33472000001"),
        ("04 72 00 00 01", "33472000001"),
        ("0033472000001", "33472000001"),
        ("3639", "!3639"),
        ("!3639", "!3639"),
        ("?alice", "?alice"),
        ("alice@pbx.example.fr", "?alice"),
    ],
)
def test_a_number_is_kept_as_its_key(text: str, key: str) -> None:
    assert key_of(text, country="33") == key
    assert key_of(written(key), country="33") == key


def test_a_national_number_is_of_the_country_of_its_source() -> None:
    assert key_of("0262123456", country="262") == "262262123456"
