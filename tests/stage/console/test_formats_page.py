"""The page that recognises a format: what it answers, what it refuses, and that it keeps nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from ardoise.access.models import Event as LoggedEvent
from ardoise.collect.models import Quarantined
from ardoise.console.views.formats import MOST_BYTES

pytestmark = pytest.mark.usefixtures("signed_in")

AVAYA = (
    b"2026/10/05 09:12:33,00:01:01,4,201,O,0612345678,0612345678,,0,1000042,0,E201,Claire,T9001,Line 1.1,0,0"
    + b"," * 13
    + b"\r\n"
)
PBX = b"""TYPE DATE     TIME  DURATION  STATION DIALLED NUMBER
OUT  25/10/26 09:12 00:01:01  2001    0612345678
IN   25/10/26 09:30 00:00:20  2017    0145678901
"""


def sent(client: Client, content: bytes):
    return client.post("/formats/", {"sample": SimpleUploadedFile("sample.txt", content)})


def text(answer) -> str:
    body = re.sub(r"<(script|style|svg).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def field(answer, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*>(.*?)</textarea>', answer.content.decode(), re.DOTALL)
    assert found
    return html.unescape(found[1])


def test_a_known_format_is_named_and_no_profile_is_proposed(admin: Client) -> None:
    page = text(sent(admin, AVAYA * 3))
    assert "Avaya IP Office, B5800 (SMDR) avaya_ipoffice" in page and "100\u00a0%" in page
    assert "Profil proposé" not in page
    assert "Mitel 3300" in page  # among those that read nothing, with their reasons


def test_a_profile_is_proposed_then_tried_as_it_was_corrected(admin: Client) -> None:
    first = sent(admin, PBX)
    assert "Aucun format connu" in text(first) and "2 appels" in text(first)
    profile, lines = field(first, "profile"), field(first, "lines")
    assert lines == PBX.decode().rstrip("\n")
    tried = text(admin.post("/formats/", {"profile": profile, "lines": lines}))
    assert "2 appels" in tried and "0145678901" in tried and "fixed_width" in tried
    wrong = admin.post("/formats/", {"profile": profile.replace('IN = "in"', 'IN = "inside"'), "lines": lines})
    assert wrong.status_code == 200
    assert "direction.values.IN" in text(wrong)
    assert 'IN = "inside"' in field(wrong, "profile")  # nothing typed is lost


def test_a_reader_of_one_brand_may_use_it_and_a_stranger_may_not(reader: Client) -> None:
    assert sent(reader, AVAYA).status_code == 200
    answer = Client().post("/formats/", {"sample": SimpleUploadedFile("sample.txt", AVAYA)})
    assert answer.status_code == 302 and "/sign-in/" in answer["Location"]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "vide"), (b"\r\n\r\n", "vide"), (b"x" * (MOST_BYTES + 1), "trop gros")],
    ids=["nothing", "blank", "large"],
)
def test_what_is_no_sample_is_refused_in_one_sentence(admin: Client, content: bytes, said: str) -> None:
    answer = sent(admin, content)
    assert answer.status_code == 400
    assert said in text(answer)


def test_a_profile_too_long_and_a_form_sent_empty_are_refused(admin: Client) -> None:
    assert "trop long" in text(admin.post("/formats/", {"profile": "#" * 100_001, "lines": ""}))
    assert admin.post("/formats/", {}).status_code == 400


def test_bytes_that_are_no_text_get_no_profile(admin: Client) -> None:
    page = text(sent(admin, bytes(range(256)) * 4))
    assert "Aucun profil ne peut être proposé" in page


def test_what_a_sample_says_is_text_on_the_page(admin: Client) -> None:
    hostile = PBX.replace(b"2001    ", b"<b>1</b>") + b'OUT  25/10/26 09:41 "><script>alert(1)</script>\n'
    body = sent(admin, hostile).content.decode()
    assert "<script>alert" not in body and "<b>1</b>" not in body


def test_nothing_of_a_sample_is_kept(admin: Client, world: Path) -> None:
    files = sorted(path for path in world.rglob("*") if path.is_file())
    events, tickets = LoggedEvent.objects.count(), Quarantined.objects.count()
    sent(admin, PBX)
    sent(admin, AVAYA)
    assert sorted(path for path in world.rglob("*") if path.is_file()) == files
    assert (LoggedEvent.objects.count(), Quarantined.objects.count()) == (events, tickets)
    assert all(b"0145678901" not in path.read_bytes() for path in files if path.suffix == ".sqlite3")


def test_the_page_is_in_english_too(admin: Client) -> None:
    with translation.override("en"):
        admin.cookies["django_language"] = "en"
        page = text(sent(admin, PBX))
    assert "No known format reads a call of this sample." in page
    assert "Times are taken as local" in page
