"""Which formats this installation has: the entry points of group `ardoise.formats`; built-in ones use the same door."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from typing import cast

from ardoise.formats.spec import Format

GROUP = "ardoise.formats"


class UnknownFormat(LookupError):
    """No format of that name is installed; the message lists those that are."""


@cache
def _installed() -> dict[str, Format]:
    found: dict[str, Format] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        found[entry.name] = cast(Format, entry.load())
    return found


def all_formats() -> dict[str, Format]:
    """Every installed format by name, in alphabetical order."""
    return dict(_installed())


def get(name: str) -> Format:
    """The format called `name`. Raises UnknownFormat."""
    installed = _installed()
    if name not in installed:
        raise UnknownFormat(f"No format is called {name!r}. Installed: {', '.join(installed) or 'none'}.")
    return installed[name]
