"""Vega-Lite charts as SVG for documents: the house's look, the package's fonts, no network.

The same specification draws the web page (in the browser) and the PDF (here).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import vl_convert

from ardoise.deliver.render.typesetting import FONT_FAMILY, FONTS_DIR

VEGA_LITE_VERSION = "5.20"

_INK, _GREY, _LINE = "#1b2330", "#5d6878", "#e2e6eb"
_FRENCH_NUMBERS = {"decimal": ",", "thousands": "\u202f", "grouping": [3], "currency": ["", "\u202f€"]}


class NotDrawable(ValueError):
    """The specification is not a chart that can be drawn without the network."""


@cache
def _register_fonts() -> None:
    vl_convert.register_font_directory(str(FONTS_DIR))


def house_config(accent_hex: str) -> dict[str, Any]:
    """The Vega-Lite config of the house: small type, light rules, the brand's accent first."""
    axis = {"labelColor": _GREY, "titleColor": _GREY, "titleFontWeight": 500, "domainColor": _LINE, "tickColor": _LINE}
    return {
        "font": FONT_FAMILY,
        "background": None,
        "view": {"stroke": None},
        "title": {"color": _INK, "fontSize": 11, "fontWeight": 600, "anchor": "start"},
        "axis": axis | {"gridColor": _LINE, "labelFontSize": 9, "titleFontSize": 9},
        "legend": {"labelColor": _GREY, "titleColor": _GREY, "labelFontSize": 9, "titleFontSize": 9},
        "bar": {"color": accent_hex, "cornerRadiusEnd": 1.5},
        "line": {"color": accent_hex, "strokeWidth": 2},
        "area": {"color": accent_hex, "opacity": 0.25},
        "range": {
            "category": [accent_hex, "#e07a1f", "#2a9d6f", "#8e5bb5", "#c8394b", "#5d6878", "#c9a227", "#3aa6b9"]
        },
    }


def chart_svg(spec: Mapping[str, Any], *, accent_hex: str = "#0b5cad", language: str = "fr") -> str:
    """Draw a Vega-Lite specification (its data inline). Its own `config` wins over the house's, key by key.

    Raises NotDrawable when the specification is wrong or asks for data from elsewhere.
    """
    _register_fonts()
    config = house_config(accent_hex) | dict(spec.get("config", {}))
    try:
        return str(
            vl_convert.vegalite_to_svg(
                dict(spec) | {"config": config},
                vl_version=VEGA_LITE_VERSION,
                allowed_base_urls=[],
                format_locale=_FRENCH_NUMBERS if language != "en" else None,
                time_format_locale="fr-FR" if language != "en" else None,
            )
        )
    except ValueError as error:
        raise NotDrawable(f"the chart cannot be drawn: {error}") from error
