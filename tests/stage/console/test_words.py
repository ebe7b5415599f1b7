"""Every word of the interface exists in both languages, compiled, and French keeps its typography."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import settings

import ardoise.console
from ardoise.console import words
from ardoise.console.messages import LOCALE, compiled
from ardoise.console.views.quarantine import printable, without_ends

CONSOLE = Path(ardoise.console.__file__).parent
TAG = re.compile(r"{% translate (?:\"(.+?)\"|'(.+?)')")
BLOCK = re.compile(
    r"{% blocktranslate(?P<head>[^%]*)%}(?P<one>.*?)(?:{% plural %}(?P<many>.*?))?{% endblocktranslate %}"
)
VARIABLE = re.compile(r"{{ (\w+) }}")
CALLS = {"_", "gettext", "gettext_lazy", "ngettext"}


def catalog(language: str):
    with (LOCALE / language / "LC_MESSAGES" / "django.po").open("rb") as text:
        return read_po(text, locale=language)


def used() -> set[str]:
    """The words of templates and code, as the catalogue names them."""
    found: set[str] = set()
    for template in CONSOLE.rglob("*.html"):
        text = template.read_text()
        found |= {one or other for one, other in TAG.findall(text)}
        found |= {VARIABLE.sub(r"%(\1)s", match["one"]) for match in BLOCK.finditer(text)}
    for module in CONSOLE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                found |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    return found


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_every_word_is_translated(language: str) -> None:
    known = {m.id if isinstance(m.id, str) else m.id[0]: m for m in catalog(language) if m.id}
    assert len(used()) > 200
    assert used() - set(known) == set()
    assert set(known) - used() == set(), "words that nothing says any more"
    for message in known.values():
        texts = [message.string] if isinstance(message.string, str) else message.string
        assert all(texts) and not message.fuzzy, message.id


@pytest.mark.parametrize("language", [code for code, _ in settings.LANGUAGES])
def test_the_compiled_words_are_those_of_the_text(language: str) -> None:
    source = LOCALE / language / "LC_MESSAGES" / "django.po"
    assert source.with_suffix(".mo").read_bytes() == compiled(source), "run: python -m ardoise.console.messages"


def test_french_puts_narrow_spaces_before_its_high_signs() -> None:
    for message in catalog("fr"):
        if not message.id:
            continue
        for text in [message.string] if isinstance(message.string, str) else message.string:
            assert not re.search(r"[^\u202f\u00a0](?:[:;!?»])(?:\s|$)", text), text
            assert "'" not in text, text


def test_every_reason_of_rating_and_every_finding_has_a_word() -> None:
    from ardoise.collect.wording import ENGLISH
    from ardoise.core.rating import State, Why
    from ardoise.core.usage import CallStatus, Direction

    assert set(words.STATES) == {state.value for state in State}
    assert set(words.WHYS) == {why.value for why in Why if why.value} | {"no_identifier"}  # the last is the equation's
    assert set(words.DIRECTIONS) == {direction.value for direction in Direction}
    assert set(words.ALARMS) == set(ENGLISH)
    assert set(words.STATUSES) == {status.value for status in CallStatus}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("0472000001;0612345678", "047200••••;061234••••"),
        ("+33612345678", "+3361234••••"),
        ("ext 2014 asked 3639", "ext 2014 asked 3639"),  # too short to be somebody
        ("cdr_20261015.csv", "cdr_20261015.csv"),
        ("20261315", "2026••••"),  # no such month
        ("102026101512", "10202610••••"),
    ],
)
def test_numbers_in_the_bytes_of_a_ticket_lose_their_ends(said: str, shown: str) -> None:
    assert without_ends(said) == shown


def test_bytes_that_no_page_should_hold_are_spelled_out() -> None:
    assert printable(b"a\x00\x1b[31m\r\n\xe9<") == "a\\x00\\x1b[31m\\x0d\\x0a\\xe9<"
