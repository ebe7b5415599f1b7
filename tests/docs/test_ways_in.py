"""The sources of the how-to on ways in are ones that a collector would take."""

from __future__ import annotations

import tomllib

import pytest
from tests.docs.pages import ROOT, fences

from ardoise.collect.links import WAYS, problems
from ardoise.formats import registry

PAGE = ROOT / "docs" / "how-to" / "ways-in.md"
SOURCES = [
    source for fence in fences(PAGE) if fence.language == "toml" for source in tomllib.loads(fence.body)["source"]
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source["code"]))
def test_a_source_of_the_page_lacks_nothing(source: dict[str, object]) -> None:
    link = source.get("link", {})
    found = problems(
        str(source["transport"]),
        host=str(source.get("host", "")),
        port=source.get("port"),  # type: ignore[arg-type]
        link=link,  # type: ignore[arg-type]
    )
    assert list(found) == []
    options = source.get("options", {})
    registry.get(str(source["format"])).reader(options)  # type: ignore[arg-type]


def test_every_transport_is_spoken_of() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [transport for transport in WAYS if f"`{transport}`" not in text] == []
