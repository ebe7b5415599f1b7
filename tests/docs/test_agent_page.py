"""The how-to of the agent: its sources are ones that both collectors take, its settings ones that the agent reads."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.docs.pages import ROOT, fences

from ardoise.collect.agent.settings import read
from ardoise.collect.links import problems
from ardoise.formats import registry

FENCES = [fence for fence in fences(ROOT / "docs" / "how-to" / "agent.md") if fence.language == "toml"]


def test_the_source_of_the_centre_lacks_nothing() -> None:
    (source,) = tomllib.loads(FENCES[0].body)["source"]
    assert list(problems(source["transport"], host="", port=source["port"], link=source["link"])) == []
    registry.get(source["format"]).reader({})


def test_the_settings_of_the_site_are_read(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(FENCES[1].body, encoding="utf-8")
    settings = read(tmp_path / "agent.toml")
    assert (settings.host, settings.port) == ("collecte.example", 7460)
    assert settings.tokens == {"pbx-lyon": "file:/etc/ardoise/pbx-lyon.token"}
