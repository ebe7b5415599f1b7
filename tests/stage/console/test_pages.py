"""What the pages say: figures, filters, explanations, files; and what they answer to nonsense."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from ardoise.access.models import OutboxMessage
from ardoise.bill.models import BillRun, Document, Draft
from ardoise.catalog.models import Rate
from ardoise.collect.models import Source
from ardoise.console import formatting
from ardoise.deliver.models import Rendering
from browser.small_world import ALTO_CALLS

pytestmark = pytest.mark.usefixtures("signed_in")

NARROW, NO_BREAK = "\u202f", "\u00a0"


def text(answer) -> str:
    """What a reader reads: the page without its tags, blanks made one."""
    body = re.sub(r"<(script|style|svg).*?</\1>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", body))


def search(client: Client, **fields: str) -> str:
    return text(client.post("/calls/", {"month": "2026-10", **fields}, follow=True))


def document(number: str) -> Document:
    return Document.objects.get(number=number)


def test_home_tells_the_month_and_each_source(admin: Client) -> None:
    page = text(admin.get("/"))
    # 113 of alto + 30 of brio + 3 of the PBX; Brio: 10 + 20 + ... + 300 s
    assert "146 voir" in page.lower().replace("  ", " ")
    assert "Opérateur d&#x27;Alto" in page and "IP Office de Lyon" in page
    assert "Reçus 117" in page  # 113 calls + 3 unreadable lines + the header
    assert "05/10/2026 – 6 appels" not in page and "05/10/2026 – 5 appels" in page
    assert "Aucun appel le" in page


def test_home_of_an_empty_installation_says_how_to_begin(admin: Client) -> None:
    page = text(admin.get("/calls/?month=2020-02"))
    assert "Aucun appel dans ce mois" in page and "ardoise rate --month 2020-02" in page
    assert "Rien n’a encore été émis" in text(admin.get("/documents/?month=2020-02"))


def test_readiness_names_what_was_accepted_and_proves_completeness(admin: Client) -> None:
    page = text(admin.get("/readiness/"))
    assert (
        "Rien ne bloque l’émission" in page and "unpriced:no_rate:8835" in page and "Accepté pour l&#x27;essai" in page
    )
    assert "Alto Télécom" in page and "écart de" not in page
    # two files: 117 + 31 lines = 143 calls + 2 headers + 3 in quarantine
    assert f"148 reçus = {ALTO_CALLS + 30} dans des appels + 2 événements + 3 en quarantaine" in page


def test_the_filters_of_calls_keep_what_they_say(admin: Client) -> None:
    assert f"{ALTO_CALLS + 30 + 3} appels" in search(admin)
    assert f"{ALTO_CALLS} appels" in search(admin, source="cdr-alto")
    assert "1 appel " in search(admin, state="unpriced")
    assert "1 appel " in search(admin, state="unpriced/no_rate")
    assert "22 appels" in search(admin, account="A1-SUD")
    # A1 and what is below it: 44 + 22 + 3 by hand
    assert "69 appels" in search(admin, account="A1")
    assert "69 appels" in search(admin, account="menuiserie")
    assert "3 appels" in search(admin, line="201")
    assert "1 appel " in search(admin, number="0899")
    assert "1 appel " in search(admin, number="+8835")
    assert "1 appel " in search(admin, number="0033899")
    assert "Aucun appel ne correspond" in search(admin, direction="in")
    # brio: 10 s to 300 s in steps of 10; from 290 s on there are two
    assert "2 appels" in search(admin, source="cdr-brio", min_talk_s="290")
    assert "1 appel " in search(admin, transferred="yes")
    assert "2 appels" in search(admin, transferred="no", source="pbx")
    assert "Aucun appel ne correspond" in search(admin, asked="201")


def test_a_transferred_call_says_who_talked(admin: Client) -> None:
    listed = admin.post("/calls/", {"month": "2026-10", "transferred": "yes"}, follow=True).content.decode()
    address = listed.split('<td class="c-when"><a href="')[1].split('"')[0]
    assert "Qui a parlé 201 50\u00a0s, 202 40\u00a0s" in text(admin.get(address))


def test_totals_never_add_amounts_with_and_without_tax(admin: Client) -> None:
    page = search(admin, number="0899")
    assert "1 appel · 1\u00a0min\u00a030\u00a0s · 1,20\u00a0€ HT" in page  # 90 s x 0.80 / 60


def test_a_search_by_name_or_number_leaves_no_trace_in_the_address(admin: Client) -> None:
    answer = admin.post("/calls/", {"month": "2026-10", "number": "0612345678", "account": "Dupont", "state": "priced"})
    assert answer["Location"] == "/calls/?month=2026-10&state=priced&s=1"
    answer = admin.post("/documents/", {"month": "2026-10", "search": "Dupont"})
    assert answer["Location"] == "/documents/?month=2026-10&s=1"
    assert "Dupont" in text(admin.get(answer["Location"]))
    assert f"{ALTO_CALLS + 33} appels" in text(admin.get("/calls/"))  # without the mark, no search


def test_pages_of_fifty_and_a_page_too_far_is_the_last(admin: Client) -> None:
    # 146 calls: 50, 50, 46
    assert admin.get("/calls/").content.decode().count('class="c-when"') == 50
    last = admin.get("/calls/?page=3").content.decode()
    assert last.count('class="c-when"') == 46 and "Page 3 sur 3" in last
    assert "Page 3 sur 3" in admin.get("/calls/?page=99999999999").content.decode()


def test_a_call_is_explained_with_its_row_seconds_and_rounding(admin: Client) -> None:
    page = admin.post("/calls/", {"number": "0612", "source": "cdr-alto"}, follow=True).content.decode()
    address = re.findall(r'c-when"><a href="([^"]+)', page)[-1]  # the first of the month: 61 s to a mobile
    told = text(admin.get(address))
    assert "Grille «\u00a0Tarif public\u00a0» (public, prix HT), version du" in told
    assert "Préfixe 336, zone mobile, toutes heures." in told
    assert f"120 s facturées (par 60 s) à 0,12{NO_BREAK}€ les 60 s = 0,24{NO_BREAK}€" in told  # 2 started minutes
    assert "FA2026-00001" in told
    assert "120 s billed" in text(admin.get(address, headers={"accept-language": "en"}))


def test_a_surtaxed_call_is_explained_in_its_two_parts(admin: Client) -> None:
    page = admin.post("/calls/", {"number": "0899"}, follow=True).content.decode()
    told = text(admin.get(re.findall(r'c-when"><a href="([^"]+)', page)[0]))
    assert f"Communication 0,00{NO_BREAK}€" in told and f"Service 1,20{NO_BREAK}€" in told  # 90 s x 0.80 / 60


def test_a_price_list_that_moved_is_not_used_to_explain_another_price(admin: Client) -> None:
    page = admin.post("/calls/", {"number": "0899"}, follow=True).content.decode()
    Rate.objects.filter(prefix="+33899").update(service_price="0.90")
    told = text(admin.get(re.findall(r'c-when"><a href="([^"]+)', page)[0]))
    assert "La grille tarifaire a changé depuis" in told


def test_the_repeated_hour_says_which_of_the_two_it_is(admin: Client) -> None:
    assert "25/10/2026 02:30:00 CE" in search(admin, source="cdr-alto")


def test_an_invoice_shows_parties_lines_vat_and_totals(admin: Client) -> None:
    row = document("FA2026-00001")
    page = text(admin.get(f"/documents/{row.pk}/"))
    for words in ("Alto Pro", "Menuiserie Dupont", "Abonnements, forfaits et options", "Menuiserie Dupont Sud"):
        assert words in page
    with translation.override("fr"):
        for amount in (row.net_minor, row.vat_minor, row.payable_minor):
            assert formatting.minor(amount) in page
    assert f"20{NARROW}%" in page and f"12,90{NO_BREAK}€" in page
    assert "ses fichiers sont produits" in page


def test_the_files_of_an_invoice_come_whole(admin: Client) -> None:
    pk = document("FA2026-00001").pk
    starts = {"pdf": b"%PDF", "annex": b"%PDF", "xml": b"<?xml"}
    for kind, first in starts.items():
        answer = admin.get(f"/documents/{pk}/{kind}/")
        data = b"".join(answer.streaming_content)
        assert data.startswith(first) and int(answer["Content-Length"]) == len(data)
        assert "filename" in answer["Content-Disposition"]
    assert admin.get(f"/documents/{document('REL-2026-10-R1-FAB').pk}/xml/").status_code == 404  # a statement has none


def test_a_file_that_cannot_be_read_back_says_so(admin: Client) -> None:
    row = document("FA2026-00001")
    Rendering.objects.filter(document=row, kind="pdf").update(blob="0" * 64)
    answer = admin.get(f"/documents/{row.pk}/pdf/")
    assert answer.status_code == 503 and "sauvegarde" in answer.content.decode()


def test_a_document_whose_rendering_failed_says_why(admin: Client) -> None:
    row = document("FA2026-00001")
    OutboxMessage.objects.filter(key=f"render:{row.pk}").update(done_at=None, tries=2, last_error="OSError: disk full")
    page = text(admin.get(f"/documents/{row.pk}/"))
    assert "n’ont pas pu être produits (2 essais)" in page and "OSError: disk full" in page


def test_a_draft_is_shown_as_one(admin: Client) -> None:
    issued = Draft.objects.get(account__code="B1")
    assert admin.get(f"/drafts/{issued.pk}/").status_code == 404  # it was issued: the document stands for it
    run = BillRun.objects.create(
        issuer=issued.run.issuer, closes_date=date(2026, 12, 1), month="2026-11", created_at=issued.run.created_at
    )
    waiting = Draft.objects.create(
        run=run, account=issued.account, content=issued.content, charges=1, net_minor=1234, usage_minor=0,
        subscription_minor=1234, fingerprint="x",
    )  # fmt: skip
    listed = text(admin.get("/documents/?month=2026-11"))
    assert "1 projet" in listed and f"12,34{NO_BREAK}€" in listed
    assert "Non émis" in text(admin.get(f"/drafts/{waiting.pk}/"))


def _rows(answer) -> list[dict[str, str]]:
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content), delimiter=";"))


def test_the_file_of_calls_opens_in_a_french_spreadsheet_and_runs_nothing(admin: Client) -> None:
    admin.post("/calls/", {"source": "cdr-alto"})
    rows = _rows(admin.get("/calls/file.csv?month=2026-10&source=cdr-alto"))
    assert len(rows) == ALTO_CALLS + 1  # the surtaxed call has two parts
    assert sum(int(row["durée (s)"]) for row in rows if row["part"] == "service") == 90
    assert {row["montant"] for row in rows if row["numéro"].startswith("06")} >= {"0,240000"}  # two started minutes
    assert {row["numéro"] for row in rows if row["part"] == "service"} == {"0\u202f899\u202f12•\u202f•••"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@", "-"))]


def test_the_calls_of_a_document_are_those_it_bills(admin: Client) -> None:
    rows = _rows(admin.get(f"/documents/{document('BR2026-00001').pk}/calls.csv?numbers=full"))
    assert len(rows) == 30 and {row["numéro"] for row in rows} == {"06\u202f11\u202f22\u202f33\u202f44"}


def test_names_with_markup_are_text_everywhere(admin: Client) -> None:
    for page in ("/", "/calls/", "/documents/", f"/documents/{document('FA2026-00002').pk}/", "/readiness/"):
        body = admin.get(page).content.decode()
        assert "<script>alert" not in body and "<b>Admin" not in body
    assert "&lt;script&gt;alert(1)" in admin.get("/documents/").content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/?month=2026-13",
        "/?month=october",
        "/calls/?month=%00",
        "/calls/?month=../../etc",
        "/calls/?state=' OR 1=1 --",
        "/calls/?source=<script>",
        "/calls/?min_talk_s=-1",
        "/calls/?min_talk_s=1e9",
        "/documents/?kind=invoice' UNION SELECT",
        "/documents/?month=99999-01",
        "/quarantine/?reason=nope",
        "/calls/20261/cdr-alto:1:1/",
    ],
)
def test_a_parameter_that_means_nothing_gets_a_clean_refusal(admin: Client, address: str) -> None:
    answer = admin.get(address)
    assert answer.status_code == 400
    assert "Ceci ne peut pas être affiché" in answer.content.decode()


@pytest.mark.parametrize(
    "address",
    [
        "/documents/99999999999999999999999/",
        "/calls/2026-10/cdr-alto:1:999999999/",
        "/calls/2026-10/x';drop--/",
        "/documents/1/exe/",
        "/nowhere/",
    ],
)
def test_what_is_not_there_gets_the_page_for_that(admin: Client, address: str) -> None:
    answer = admin.get(address)
    assert answer.status_code == 404 and "Cette page n’existe pas" in answer.content.decode()


@pytest.mark.parametrize("page", ["-1", "0", "x", "1e3", "99999999999999999999"])
def test_a_strange_page_number_shows_a_page(admin: Client, page: str) -> None:
    for where in ("calls", "documents", "quarantine"):
        assert admin.get(f"/{where}/?page={page}").status_code == 200


def test_strange_searches_find_nothing_and_break_nothing(admin: Client) -> None:
    for strange in ("' OR '1'='1", "<img src=x onerror=alert(1)>", "(((", "\\d+", "%_", "\x00", "é" * 500):
        for field in ("number", "account", "line", "account_code"):
            answer = admin.post("/calls/", {field: strange}, follow=True)
            assert answer.status_code == 200 and "<img src=x" not in answer.content.decode()
        assert admin.post("/documents/", {"search": strange}, follow=True).status_code == 200


def test_a_failure_inside_shows_the_page_for_that_and_no_detail(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from ardoise.console.views import home

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(home, "source_health", broken)
    admin.raise_request_exception = False
    answer = admin.get("/")
    assert answer.status_code == 500
    assert "Une erreur est survenue" in answer.content.decode() and "secret" not in answer.content.decode()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_language_is_switched_and_kept(admin: Client, language: str) -> None:
    answer = admin.post("/language/", {"language": language, "next": "/documents/"})
    assert answer["Location"] == "/documents/"
    assert admin.cookies[settings.LANGUAGE_COOKIE_NAME].value == language
    page = admin.get("/documents/").content.decode()
    assert f'<html lang="{language}">' in page and ("Factures" if language == "fr" else "Invoices") in page


def test_amounts_read_as_each_language_writes_them() -> None:
    with translation.override("fr"):
        assert formatting.minor(123456) == f"1{NARROW}234,56{NO_BREAK}€"
        assert formatting.minor(-5) == f"\N{MINUS SIGN}0,05{NO_BREAK}€"
        assert formatting.count(1234567) == f"1{NARROW}234{NARROW}567"
        assert formatting.duration(3725) == f"1{NO_BREAK}h{NO_BREAK}02{NO_BREAK}min{NO_BREAK}05{NO_BREAK}s"
    with translation.override("en"):
        assert formatting.minor(123456) == f"1,234.56{NO_BREAK}€"
        assert formatting.count(1234567) == "1,234,567"


def test_alarms_of_sources_are_told_in_the_language_of_the_page(admin: Client) -> None:
    pbx = Source.objects.get(code="pbx")
    at = datetime(2026, 11, 5, 9, tzinfo=UTC)
    params = {"offset_s": -3600}
    pbx.alarms.create(kind="port_taken", params={"port": 1080}, opened_at=at)
    pbx.alarms.create(kind="clock", params=params, opened_at=at)
    pbx.alarms.create(kind="layout", params={"percent": 40, "reason": "garbage", "ticket_id": "x"}, opened_at=at)
    page = text(admin.get("/"))
    assert "IP Office de Lyon – Le port 1080 est déjà pris par un autre programme" in page
    assert "L’horloge du PBX est décalée de −1\u00a0h\u00a000\u00a0min\u00a000\u00a0s" in page
    assert "40 % des lignes sont illisibles" in page.replace("\u00a0", " ").replace("\u202f", " ")
    assert "Depuis le 05/11/2026 10:00:00." in page
