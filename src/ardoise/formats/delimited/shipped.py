"""Profiles that come with Ardoise: TOML files beside a format that reads by them. One layout more is one file more."""

from __future__ import annotations

from importlib.resources import files

from ardoise.core.usage import Leg
from ardoise.formats.delimited.read import ProfileReader, load_profile, redact_line
from ardoise.formats.layouts import Layout


def profiles_of(package: str) -> dict[str, str]:
    """The TOML texts of the folder `profiles` of a package, by the name of their file."""
    found = sorted(files(package).joinpath("profiles").iterdir(), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in found
        if file.name.endswith(".toml")
    }


def layout_of(text: str) -> Layout:
    """The layout that a profile declares."""

    def reads(record: bytes) -> bool:
        profile = load_profile(text)
        reader = ProfileReader(profile)
        if profile.has_header:
            reader(profile.header_line.encode(profile.encoding))
        return isinstance(reader(record), Leg)

    return Layout(
        reader=lambda: ProfileReader(load_profile(text)),
        reads=reads,
        redact=lambda record, protected: redact_line(record, protected, load_profile(text)),
    )
