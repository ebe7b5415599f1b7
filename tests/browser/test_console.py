"""Stories of the console, told to a browser as a person would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from browser.accessibility import poor_contrasts, problems, sideways_scroll_px
from browser.conftest import Site, sign_in_at
from browser.small_world import ADMIN, ALTO_CALLS, PASSWORD

Open = Callable[..., Page]
PAGES = ("/", "/calls/", "/documents/", "/documents/1/", "/quarantine/", "/formats/", "/nowhere/", "/calls/?month=x")


def settled(page: Page) -> None:
    """What comes after the page has come."""
    expect(page.locator("[hx-trigger=load] .busy")).to_have_count(0)


def test_signing_in_wrong_then_right(visit: Open) -> None:
    page = visit("/documents/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Se connecter")
    sign_in_at(page, "something else")
    expect(page.get_by_role("alert")).to_contain_text("ne vont pas ensemble")
    assert page.get_by_label("Adresse électronique").input_value() == ADMIN  # not to be typed again
    page.get_by_label("Mot de passe").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Factures")  # where the person was going


def test_signing_out_closes_the_door(visit: Open) -> None:
    page = visit("/")
    sign_in_at(page)
    page.get_by_label("Votre compte").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Se connecter")
    page.goto("/calls/")
    assert "/sign-in/" in page.url


def test_the_language_is_switched_where_one_stands(signed_in: Open) -> None:
    page = signed_in("/documents/")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Invoices October 2026")
    assert page.url.endswith("/documents/")
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.locator("#results")).to_contain_text("5 Nov 2026")
    page.goto("/calls/")
    expect(page.get_by_role("navigation", name="Main")).to_contain_text("Quarantine")
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Appels octobre 2026")


def test_home_shows_the_health_of_each_source(signed_in: Open) -> None:
    page = signed_in("/")
    card = page.get_by_role("article", name="Opérateur d'Alto")
    expect(card).to_contain_text("117")  # 113 calls, 3 unreadable lines, the header
    calendar = card.get_by_role("table")
    # Monday 5 October: five calls; Sunday 25: one, in the repeated hour; Saturday 3: none
    for told in ("05/10/2026 – 5 appels", "25/10/2026 – 1 appel", "03/10/2026 – 0 appel"):
        expect(calendar).to_contain_text(told)
    expect(page.get_by_role("heading", name="Équation de complétude")).to_be_visible()  # comes after the page
    expect(page.locator(".equations li").first).to_contain_text("dans des appels")
    assert page.get_by_role("img", name="juste").count() == 10  # five equations, two companies
    page.get_by_label("Mois suivant").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("novembre 2026")


def test_calls_are_filtered_in_place_and_the_address_names_nobody(signed_in: Open) -> None:
    page = signed_in("/calls/")
    status = page.locator("#results").get_by_role("status")
    expect(status).to_contain_text(f"{ALTO_CALLS + 33} appels")
    page.evaluate("window.stillTheSamePage = true")
    page.get_by_label("Numéro contenant").press_sequentially("0899")
    expect(status).to_contain_text("1 appel ")
    expect(status).to_contain_text("1,20")
    page.get_by_label("Source").select_option("cdr-brio")
    expect(page.locator("#results")).to_contain_text("Aucun appel ne correspond")
    assert page.evaluate("window.stillTheSamePage")
    assert page.url.endswith("/calls/?month=2026-10&source=cdr-brio&s=1")
    page.reload()
    expect(page.get_by_label("Numéro contenant")).to_have_value("0899")
    page.get_by_role("link", name="Effacer").click()
    expect(status).to_contain_text(f"{ALTO_CALLS + 33} appels")


def test_a_call_is_explained_beside_the_list(signed_in: Open) -> None:
    page = signed_in("/calls/")
    page.get_by_label("Numéro contenant").fill("0899")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.locator("#results tbody a").click()
    panel = page.get_by_role("dialog")
    expect(panel).to_contain_text("Prix du service : 90 s à 0,80\u00a0€ la minute")
    expect(panel).to_contain_text("FA2026-00001")
    panel.get_by_role("button", name="Fermer").click()
    expect(panel).to_be_hidden()


def test_an_invoice_is_opened_and_its_pdf_downloaded(signed_in: Open, site: Site) -> None:
    page = signed_in("/documents/")
    page.get_by_label("Numéro ou client").fill("dupont")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.get_by_role("link", name="FA2026-00001").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Facture FA2026-00001")
    expect(page.get_by_role("region", name="Destinataire")).to_contain_text("Menuiserie Dupont")
    link = page.locator("a.main", has_text="PDF")
    answer = page.request.get(link.get_attribute("href") or "")
    assert answer.body().startswith(b"%PDF") and answer.headers["content-type"] == "application/pdf"
    with page.expect_download() as downloading:
        page.get_by_role("link", name="XML (Factur-X)").click()
    assert Path(downloading.value.path()).read_bytes().startswith(b"<?xml")


def test_the_calls_come_down_as_a_file(signed_in: Open) -> None:
    page = signed_in("/calls/")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    lines = Path(downloading.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + ALTO_CALLS + 30 + 3 + 1  # the headings, the calls, the second part of the surtaxed one


def test_the_dark_theme_follows_the_system_and_the_choice_is_kept(signed_in: Open) -> None:
    def darkness(page: Page) -> int:
        return page.evaluate("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])")

    assert darkness(signed_in("/", theme="dark")) < 60
    page = signed_in("/", theme="light")
    assert darkness(page) > 200
    button = page.get_by_role("button", name="Thème sombre")
    button.click()
    assert darkness(page) < 60 and button.get_attribute("aria-pressed") == "true"
    page.goto("/calls/")
    assert darkness(page) < 60


def test_on_a_phone_nothing_scrolls_sideways(signed_in: Open) -> None:
    page = signed_in("/")
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for address in PAGES:
            page.goto(address)
            settled(page)
            assert sideways_scroll_px(page) <= 0, (address, width)
    page.goto("/calls/")
    expect(page.get_by_label("Source")).to_be_hidden()
    page.get_by_role("button", name="Plus de filtres").click()
    expect(page.get_by_label("Source")).to_be_visible()
    menu = page.get_by_role("navigation", name="Principale")
    box = menu.bounding_box()
    assert box and box["y"] + box["height"] == 844  # at the thumb
    menu.get_by_role("link", name="Factures").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Factures")


def test_with_the_keyboard_alone(visit: Open) -> None:
    page = visit("/sign-in/")
    page.keyboard.type(ADMIN)  # the first field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Accueil")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Aller au contenu")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.get_by_role("link", name="Appels", exact=True).focus()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/")
    page.keyboard.press("/")
    expect(page.get_by_label("Numéro contenant")).to_be_focused()
    page.keyboard.type("0899/")  # a slash in a field is a slash
    expect(page.get_by_label("Numéro contenant")).to_have_value("0899/")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.locator("#results tbody a").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#results tbody a")).to_be_focused()


def test_every_page_can_be_used_by_everybody(signed_in: Open, visit: Open) -> None:
    inside = signed_in("/")
    pages = [(visit("/sign-in/"), "/sign-in/"), *((inside, address) for address in PAGES)]
    for page, address in pages:
        page.goto(address)
        settled(page)
        assert (address, problems(page)) == (address, [])
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert (address, theme, poor_contrasts(page)) == (address, theme, [])


def test_without_scripts_the_work_can_still_be_done(browser: Browser, site: Site) -> None:
    context = browser.new_context(base_url=site.url, java_script_enabled=False, locale="fr")
    page = context.new_page()
    page.goto("/sign-in/?next=/calls/")
    sign_in_at(page)
    page.get_by_label("Numéro contenant").fill("0899")
    page.get_by_role("button", name="Rechercher").click()
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.locator("#results tbody a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Appel")
    page.goto("/")
    page.get_by_role("link", name="Contrôler le mois").click()
    expect(page.get_by_role("heading", name="Équation de complétude")).to_be_visible()
    context.close()
