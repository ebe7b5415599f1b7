"""Typst behind one function: a template of the package (or of an issuer's folder) + data as JSON -> PDF/A-3b bytes.

Fonts come from the package's `fonts/` folder only, so that a document looks the same on every machine and
always embeds.
Text reaches the template as JSON strings: nothing a customer typed is ever read as Typst markup.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

import typst

from ardoise.deliver.render.coverage import printable_json

PACKAGE = Path(__file__).resolve().parent.parent
FONTS_DIR = PACKAGE / "fonts"
TEMPLATES_DIR = PACKAGE / "templates"
FONT_FAMILY = "Inter"
_REFERENCE_FONT = "Inter-Regular.ttf"


class NotRenderable(ValueError):
    """The template or a part of the data (most often the brand's logo) cannot be typeset."""


@cache
def _fonts() -> typst.Fonts:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS_DIR])
    if FONT_FAMILY not in fonts.families():  # Typst would only warn, and print nothing
        raise NotRenderable(f"the font {FONT_FAMILY} is missing from {FONTS_DIR.name}/: install the package again")
    return fonts


_local = threading.local()


def _compiler(template: Path) -> typst.Compiler:
    """One compiler per thread and template: it keeps the parsed template and the fonts between documents."""
    compilers: dict[Path, typst.Compiler] = _local.__dict__.setdefault("compilers", {})
    if template not in compilers:
        compilers[template] = typst.Compiler(
            input=template, root=template.parent, font_paths=_fonts(), ignore_system_fonts=True
        )
    return compilers[template]


def midnight(day: date) -> datetime:
    """The stamp written in the file: the document's own date, so that the same document gives the same bytes."""
    return datetime.combine(day, time(0), tzinfo=UTC)


def typeset(
    template_name: str,
    data: Mapping[str, Any],
    *,
    dated: date,
    templates: Path | None = None,
) -> bytes:
    """Compile `template_name` with `data` (JSON-able) and return a PDF/A-3b.

    `templates` is a folder that holds its own `template_name` (an issuer's design); a template missing there is taken
    from the package. Raises NotRenderable with Typst's own message.
    """
    template = TEMPLATES_DIR / template_name
    if templates is not None and (templates / template_name).exists():
        template = templates / template_name
    try:
        pdf = _compiler(template).compile(
            format="pdf",
            sys_inputs={"data": printable_json(data, font=FONTS_DIR / _REFERENCE_FONT)},
            pdf_standards=["a-3b"],
            timestamp=midnight(dated),
            pdf_tags=False,
        )
    except typst.TypstError as error:
        where = f"{template.name}: {error.message}"
        hint = " ".join(error.hints) if error.hints else "check the brand's logo (SVG) and the template"
        raise NotRenderable(f"the document cannot be typeset ({where}); {hint}") from error
    assert isinstance(pdf, bytes)
    return pdf
