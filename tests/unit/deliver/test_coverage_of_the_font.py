"""Any name can be printed: what the font lacks is replaced before Typst sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ardoise.deliver
from ardoise.deliver.render.coverage import covered, printable_json

FONT = Path(ardoise.deliver.__file__).parent / "fonts" / "Inter-Regular.ttf"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Crêperie L’Œil – 12 € « oui » •", "Crêperie L’Œil – 12 € « oui » •"),
        ("Ελλάδα Київ Łódź", "Ελλάδα Київ Łódź"),
        ("ﬁn", "fin"),  # a ligature has a compatibility form
        ("15 ㎡", "15 m2"),
        ("北京 😀", "□□ □"),
        ("a\u200db\u2060c", "abc"),  # joiners print nothing
        ("ligne\nsuite\tfin\x00", "ligne suite fin"),
        ('"guillemets" et \\', '"guillemets" et \\'),
        ("＂", "□"),  # its compatibility form would end the JSON string
    ],
)
def test_a_text_is_made_printable(typed: str, printed: str) -> None:
    assert json.loads(printable_json({"name": [typed]}, font=FONT)) == {"name": [printed]}


def test_the_font_covers_french_currencies_and_the_spaces_of_typography() -> None:
    needed = "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸàâæçéèêëîïôœùûüÿ’«»–…€£$•□→−\u00a0\u202f°№"
    assert {ord(char) for char in needed} <= covered(FONT)
