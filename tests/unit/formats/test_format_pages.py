"""The pages in docs/formats are what the specs say today."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.formats import registry
from ardoise.formats.pages import UnknownLanguage, all_pages, render_page

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "formats"


def test_the_committed_pages_are_up_to_date() -> None:
    pages = all_pages(registry.all_formats())
    committed = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.md")}
    assert committed == pages, "run: ardoise formats pages docs/formats"


def test_the_mitel_page_gives_the_option_form_value_by_value() -> None:
    spec = registry.get("mitel_3300").spec
    for language in ("fr", "en"):
        page = render_page(spec, language)
        for line in (
            "System Administration > System Options > SMDR Options Assignment",
            "DASS II - Call Charge Information Provided: No",
            "Network Format: Yes",
            "SMDR Meter Unit Per Station: Yes",
            "Twenty-four Hour Time Reporting: Yes",
            "Standardized Network OLI: Yes",
            "Standardized Call ID Format: Yes",
            "Report Attendant Name: No",
        ):
            assert line in page


def test_the_network_form_is_said_to_be_rebuilt() -> None:
    spec = registry.get("mitel_3300").spec
    assert "reconstruit" in render_page(spec, "fr")
    assert "rebuilt" in render_page(spec, "en")


def test_a_page_in_another_language_is_refused() -> None:
    with pytest.raises(UnknownLanguage, match="fr, en"):
        render_page(registry.get("mitel_3300").spec, "de")
