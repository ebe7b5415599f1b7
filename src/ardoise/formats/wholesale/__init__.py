"""Wholesale carriers and session border controllers: delimited files of layouts that come with Ardoise."""

from __future__ import annotations

from ardoise.formats.delimited.shipped import layout_of
from ardoise.formats.layouts import LayoutsFormat
from ardoise.formats.spec import Format
from ardoise.formats.wholesale.spec import PROFILES, SPEC

FORMAT: Format = LayoutsFormat(SPEC, {name: layout_of(text) for name, text in PROFILES.items()})
