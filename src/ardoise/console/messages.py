"""Compile the translations: `python -m ardoise.console.messages`. Needs no gettext: Babel writes what Django reads."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent / "locale"


def compiled(source: Path) -> bytes:
    """The .mo of a .po; fuzzy translations are left out, as everywhere."""
    with source.open("rb") as text:
        catalog = read_po(text, locale=source.parts[-3])
    made = BytesIO()
    write_mo(made, catalog)
    return made.getvalue()


def main() -> None:
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        source.with_suffix(".mo").write_bytes(compiled(source))


if __name__ == "__main__":
    main()
