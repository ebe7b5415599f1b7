"""The page that recognises a format, before a real browser: upload, correct, try."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from browser.accessibility import poor_contrasts, problems, sideways_scroll_px

Open = Callable[..., Page]
PBX = b"""TYPE DATE     TIME  DURATION  STATION DIALLED NUMBER
OUT  25/10/26 09:12 00:01:01  2001    0612345678
IN   25/10/26 09:30 00:00:20  2017    0145678901
"""
AVAYA = (
    b"2026/10/05 09:12:33,00:01:01,4,201,O,0612345678,0612345678,,0,1000042,0,E201,Claire,T9001,Line 1.1,0,0"
    + b"," * 13
    + b"\r\n"
)


def upload(page: Page, name: str, content: bytes) -> None:
    page.get_by_label("Échantillon de tickets").set_input_files(
        {"name": name, "mimeType": "text/plain", "buffer": content}
    )
    page.get_by_role("button", name="Reconnaître").click()


def test_a_sample_of_a_known_pbx_is_recognised(signed_in: Open) -> None:
    page = signed_in("/quarantine/")
    page.get_by_role("link", name="Reconnaître un format").click()
    upload(page, "smdr.txt", AVAYA)
    first = page.get_by_role("table").locator("tbody tr").first
    expect(first).to_contain_text("Avaya IP Office")
    expect(first).to_contain_text("100\u00a0%")
    expect(page.get_by_label("Profil (TOML)")).to_have_count(0)  # it needs none
    page.get_by_text("n’en lisent aucun appel").click()
    expect(page.get_by_text("Mitel 3300")).to_be_visible()


def test_a_profile_is_proposed_corrected_and_tried(signed_in: Open) -> None:
    page = signed_in("/formats/")
    upload(page, "pbx.txt", PBX)
    expect(page.get_by_text("Aucun format connu ne lit d’appel")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("2 appels")
    profile = page.get_by_label("Profil (TOML)")
    text = profile.input_value()
    assert 'layout = "fixed"' in text
    profile.fill(text.replace('OUT = "out"', 'OUT = "sideways"'))
    page.get_by_role("button", name="Essayer").click()
    expect(page.get_by_role("alert")).to_contain_text("direction.values.OUT")
    page.get_by_label("Profil (TOML)").fill(text)
    page.get_by_role("button", name="Essayer").click()
    expect(page.get_by_role("status")).to_contain_text("2 appels")
    rows = page.get_by_role("table", name="Ce que lit le profil").locator("tbody tr")
    expect(rows.nth(1)).to_contain_text("0612345678")
    expect(rows.nth(1)).to_contain_text("1\u00a0min\u00a001")


def test_the_page_of_formats_can_be_used_by_everybody_on_a_phone_and_in_the_dark(signed_in: Open) -> None:
    page = signed_in("/formats/")
    assert problems(page) == []
    upload(page, "pbx.txt", PBX + b"OUT  25/10/26 09:41 damaged\n")
    assert problems(page) == []
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        assert (theme, poor_contrasts(page)) == (theme, [])
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert (width, sideways_scroll_px(page)) == (width, 0)
