"""docs/reference/plain-files.md, written from the declared tables: python -m ardoise.plainfiles.reference."""

from __future__ import annotations

import sys

import django

PAGE = "docs/reference/plain-files.md"

_INTRO = """# Fichiers simples d’une société / Plain files of a company

<!-- Page écrite par `python -m ardoise.plainfiles.reference` : ne pas la modifier à la main. -->

Un dossier contient n’importe quelle partie de ces fichiers. `ardoise load DOSSIER` les charge, tout ou rien, et dit
toutes les erreurs à la fois avec fichier, ligne, colonne et ce qui est attendu ; `ardoise dump DOSSIER` les récrit,
toujours dans le même ordre. Charger deux fois ne change rien.

*A folder holds any part of these files. `ardoise load DIR` loads them, all or nothing, and gives every error at once
with file, line, column and what is expected; `ardoise dump DIR` writes them back, always in the same order. Loading
twice changes nothing.*

- UTF-8 ; CSV : une ligne d’en-tête, des virgules ; une cellule vide prend la valeur par défaut. Les colonnes non
  obligatoires peuvent manquer. Dates AAAA-MM-JJ, montants exacts avec un point, oui/non : `yes`/`no` (`true`/`false`
  en TOML). *UTF-8; CSV with a header line and commas; an empty cell takes the default. Columns that are not required
  may be left out. Dates YYYY-MM-DD, exact amounts with a point, `yes`/`no` (`true`/`false` in TOML).*
- La **clé** retrouve ce qui est déjà chargé. *The **key** finds what is loaded already.*
- Lignes **datées** : `valid_to_date` est le lendemain du dernier jour ; un CSV peut avoir à sa place `last_date`,
  dernier jour compris. Une ligne changée remplace l’ancienne, qui reste lisible. Pour retirer une ligne, la répéter
  avec `valid_to_date` égal à `valid_from_date`. ***Dated** rows: `valid_to_date` is the day after the last; a CSV may
  have `last_date` in its place, the last day included. A changed row supersedes the old one, which stays readable. To
  take a row back, repeat it with `valid_to_date` equal to `valid_from_date`.*
"""


def page() -> str:
    """The whole page, French first."""
    from ardoise.plainfiles.declare import Table
    from ardoise.plainfiles.tables import TABLES

    def place(table: Table) -> str:
        if table.parent and table.array:
            parent = TABLES[table.parent]
            return f"{table.file} [[{parent.array + '.' if parent.array else ''}{table.array}]]"
        return f"{table.file} [[{table.array}]]" if table.array else table.file

    parts = [_INTRO]
    for table in TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key if name not in {column.name for column in table.derived})
        dated = " ; lignes datées / *dated rows*" if table.dated else ""
        parts.append(f"\n## {place(table)}\n\n{table.fr}. / *{table.en}.*\n\nClé / *key*: {key or '—'}{dated}\n\n")
        if table.notes_fr:
            parts.append(f"{table.notes_fr} *{table.notes_en}*\n\n")
        parts.append("| colonne / *column* | sens | *meaning* | attendu / *expected* | défaut / *default* |\n")
        parts.append("|---|---|---|---|---|\n")
        for column in table.columns:
            kind = column.kind.fr if column.kind.fr == column.kind.en else f"{column.kind.fr} / *{column.kind.en}*"
            blank = column.required or column.empty == column.kind.empty or (column.quiet and not column.empty)
            default = "" if blank or column.name == "valid_from_date" else f"`{column.kind.write(column.empty)}`"
            parts.append(
                f"| `{column.name}` | {column.fr} | {column.en} | {kind} | "
                f"{'**obligatoire** / *required*' if column.required else default} |\n"
            )
        if table.name == "sources":
            parts.append(_links())
    return "".join(parts)


def _links() -> str:
    """The settings of a source's link, transport by transport."""
    from ardoise.collect.links import WAYS

    parts = [
        "\n### link\n\nRéglages de `link`, par transport ; un secret y est nommé, `env:NOM` ou `file:CHEMIN`. "
        "*Settings of `link`, by transport; a secret is named there, `env:NAME` or `file:PATH`. See "
        "[how to set each way in](../how-to/ways-in.md).*\n\n"
        "| transport | réglage / *setting* | sens | *meaning* | attendu / *expected* | défaut / *default* |\n"
        "|---|---|---|---|---|---|\n"
    ]
    for transport, way in WAYS.items():
        for setting in way.settings:
            expected = ", ".join(setting.choices) or _EXPECTED.get(setting.kind, "")
            default = "**obligatoire** / *required*" if setting.required else f"`{setting.default}`"
            parts.append(
                f"| `{transport}` | `{setting.name}` | {setting.meaning_fr} | {setting.meaning_en} | {expected} | "
                f"{default if setting.required or setting.default else ''} |\n"
            )
    return "".join(parts)


_EXPECTED = {
    "secret": "`env:NOM`, `file:CHEMIN`",
    "whole": "nombre entier / *whole number*",
    "path": "fichier / *file*",
    "networks": "adresses / *addresses*, `10.1.0.0/16`",
    "url_path": "`/…`",
}


if __name__ == "__main__":
    from pathlib import Path

    django.setup()
    file = Path(PAGE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{file} written\n")
