"""Who gets in, who sees what, and what leaves a trace."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from ardoise.access.models import Event, User
from ardoise.bill.models import Document
from ardoise.collect.models import Quarantined
from ardoise.console.urls import urlpatterns
from browser.small_world import ADMIN, ALTO_READER, PASSWORD

pytestmark = pytest.mark.usefixtures("signed_in")

OPEN_TO_ALL = {"login", "logout", "language"}
PAGES = (
    "/",
    "/readiness/",
    "/calls/",
    "/calls/file.csv",
    "/calls/2026-10/cdr-alto:1:1.1/",
    "/documents/",
    "/documents/1/",
    "/documents/1/calls.csv",
    "/documents/1/pdf/",
    "/drafts/1/",
    "/quarantine/",
    "/formats/",
)


def pk_of(number: str) -> int:
    return Document.objects.values_list("pk", flat=True).get(number=number)


def test_the_list_of_pages_below_is_complete() -> None:
    assert len(PAGES) == len([one for one in urlpatterns if one.name not in OPEN_TO_ALL])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_asks_to_sign_in_first(page: str) -> None:
    answer = Client().get(page)
    assert answer.status_code == 302 and answer["Location"].startswith("/sign-in/?next=/")


def test_a_fragment_asked_after_signing_out_sends_the_whole_page_to_sign_in() -> None:
    answer = Client().get("/calls/", headers={"hx-request": "true"})
    assert answer["HX-Redirect"] == "/sign-in/"


@pytest.mark.parametrize("page", ["/sign-in/", "/"])
def test_pages_are_sent_with_their_guards(page: str, admin: Client) -> None:
    answer = (Client() if page == "/sign-in/" else admin).get(page)
    assert "script-src 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer() -> None:
    texts = set()
    for email in (ADMIN, "nobody@alto.example"):
        answer = Client().post("/sign-in/", {"username": email, "password": "not the password"})
        assert answer.status_code == 422
        texts.add(answer.content.decode().split('role="alert"')[1].split("</p>")[0])
    assert len(texts) == 1 and "ne vont pas ensemble" in texts.pop()


def test_after_five_wrong_tries_even_the_right_password_waits() -> None:
    client = Client()
    for _ in range(5):
        assert client.post("/sign-in/", {"username": ADMIN, "password": "wrong"}).status_code == 422
    assert client.post("/sign-in/", {"username": ADMIN.upper(), "password": PASSWORD}).status_code == 429
    other = client.post("/sign-in/", {"username": ALTO_READER, "password": PASSWORD})
    assert other.status_code == 302  # another account is not kept waiting
    cache.clear()  # five minutes later
    assert Client().post("/sign-in/", {"username": ADMIN, "password": PASSWORD}).status_code == 302


def test_signing_in_leads_only_to_a_page_of_this_site() -> None:
    answer = Client().post("/sign-in/?next=https://elsewhere.example/", {"username": ADMIN, "password": PASSWORD})
    assert answer["Location"] == "/"


def test_signing_in_brings_the_language_of_the_person() -> None:
    User.objects.filter(email=ADMIN).update(language="en")
    client = Client(headers={"accept-language": "fr"})
    client.post("/sign-in/", {"username": ADMIN, "password": PASSWORD})
    assert '<html lang="en">' in client.get("/").content.decode()


def test_a_closed_account_does_not_get_in() -> None:
    User.objects.filter(email=ADMIN).update(is_active=False)
    assert Client().post("/sign-in/", {"username": ADMIN, "password": PASSWORD}).status_code == 422


def test_a_form_without_its_token_is_refused_with_a_page_that_says_what_to_do() -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": ADMIN, "password": PASSWORD})
    assert answer.status_code == 403 and "Ce formulaire a expiré" in answer.content.decode()


def test_a_biller_of_one_brand_finds_nothing_of_the_other(brio: Client) -> None:
    listed = brio.get("/documents/?month=2026-10").content.decode()
    assert "BR2026-00001" in listed and "FA2026-" not in listed and "Dupont" not in listed
    other = pk_of("FA2026-00001")
    for page in (f"/documents/{other}/", f"/documents/{other}/pdf/", f"/documents/{other}/calls.csv"):
        assert brio.get(page).status_code == 404
    assert brio.get(f"/documents/{pk_of('BR2026-00001')}/").status_code == 200


def test_what_is_not_yours_and_what_does_not_exist_look_the_same(brio: Client) -> None:
    not_yours = brio.get(f"/documents/{pk_of('FA2026-00001')}/")
    nowhere = brio.get("/documents/999999/")
    assert not_yours.status_code == nowhere.status_code == 404
    for word in ("FA2026", "Dupont", "Alto Pro"):
        assert word not in not_yours.content.decode()


def test_calls_sources_quarantine_and_findings_keep_to_the_brand(brio: Client, admin: Client) -> None:
    calls = brio.get("/calls/?month=2026-10").content.decode()
    assert "30 appels" in calls and "Dupont" not in calls and "Opérateur d&#x27;Alto" not in calls
    assert brio.get("/calls/?source=cdr-alto").status_code == 400  # not a source this person has
    assert "La quarantaine est vide" in brio.get("/quarantine/").content.decode()
    home = brio.get("/").content.decode()
    assert "Opérateur de Brio" in home and "IP Office" not in home
    mine, everything = (client.get("/readiness/").content.decode() for client in (brio, admin))
    assert "unpriced:no_rate:8835" in everything and "Ateliers Roch" in everything
    assert "unpriced:" not in mine and "Ateliers Roch" not in mine and "FA2026" not in mine


def test_a_call_of_another_brand_is_not_explained(brio: Client, reader: Client, admin: Client) -> None:
    listed = admin.get("/calls/?source=cdr-alto").content.decode()
    address = listed.split('<td class="c-when"><a href="')[1].split('"')[0]
    assert reader.get(address).status_code == 200
    assert brio.get(address).status_code == 404


def test_numbers_are_masked_until_asked_for_by_somebody_who_may(admin: Client, reader: Client) -> None:
    masked = "06\u202f12\u202f34\u202f••\u202f••"
    whole = "06\u202f12\u202f34\u202f56\u202f78"
    for client in (admin, reader):
        page = client.get("/calls/?source=cdr-alto").content.decode()
        assert masked in page and whole not in page
    assert not Event.objects.filter(kind="numbers.shown").exists()
    assert whole in admin.get("/calls/?source=cdr-alto&numbers=full").content.decode()
    page = reader.get("/calls/?source=cdr-alto&numbers=full").content.decode()
    assert whole not in page and "Afficher les numéros complets" not in page


def test_a_biller_sees_whole_numbers_of_his_brand_only(brio: Client) -> None:
    assert "06\u202f11\u202f22\u202f33\u202f44" in brio.get("/calls/?numbers=full").content.decode()


def test_every_list_of_whole_numbers_is_written_down_without_a_number(admin: Client, reader: Client) -> None:
    me = User.objects.get(email=ADMIN)
    pk = pk_of("FA2026-00001")
    for page in ("/calls/", "/calls/file.csv", f"/documents/{pk}/calls.csv", "/quarantine/"):
        assert admin.get(f"{page}?numbers=full").status_code == 200
        reader.get(f"{page}?numbers=full")
    events = list(Event.objects.filter(kind="numbers.shown").order_by("id").values_list("actor", "subject"))
    assert events == [
        (f"user:{me.pk}", "calls:2026-10:page:1"),
        (f"user:{me.pk}", "calls:2026-10:file"),
        (f"user:{me.pk}", f"document:{pk}:file"),
        (f"user:{me.pk}", "quarantine:all:page:1"),
    ]


def test_the_hidden_digits_cannot_be_found_by_searching_for_them(admin: Client, reader: Client) -> None:
    """06 12 34 56 78: whoever sees 06 12 34 may look for 1234, not for 5678."""

    def found(client: Client, number: str, **more: str) -> str:
        return client.post("/calls/", {"number": number, "month": "2026-10", **more}, follow=True).content.decode()

    assert "Aucun appel ne correspond" in found(reader, "5678")
    assert "Aucun appel ne correspond" in found(admin, "5678")
    assert "Aucun appel ne correspond" not in found(reader, "06 12 34")
    assert "Aucun appel ne correspond" not in found(admin, "5678", numbers="full")


def test_the_bytes_of_quarantine_are_shown_as_text_with_their_numbers_cut(reader: Client, admin: Client) -> None:
    page = reader.get("/quarantine/").content.decode()
    assert Quarantined.objects.count() == 3 and "3 tickets" in page
    assert "&lt;script&gt;alert(2)" in page and "<script>alert" not in page
    assert "047200••••" in page and "0472000001" not in page
    assert "0472000001" in admin.get("/quarantine/?numbers=full").content.decode()


def test_an_explanation_does_not_tell_the_number_that_the_list_hides(admin: Client) -> None:
    """A row of the tariff may match a whole number: 0140000000 has one of its own."""
    listed = admin.post("/calls/", {"number": "01 40", "month": "2026-10"}, follow=True).content.decode()
    address = listed.split('<td class="c-when"><a href="')[1].split('"')[0]
    hidden, whole = (admin.get(address + query).content.decode() for query in ("", "?numbers=full"))
    shown = "Numéro exact 01\u202f40\u202f00\u202f••\u202f••"
    assert shown in hidden
    for written in ("33140000000", "0140000000", "01\u202f40\u202f00\u202f00\u202f00"):
        assert written not in hidden
    assert "Numéro exact 01\u202f40\u202f00\u202f00\u202f00" in whole
