"""The whole configuration -> a folder of plain files, in canonical order: the same content gives the same bytes."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import tomlkit

from ardoise.plainfiles import numbers
from ardoise.plainfiles.columns import FileText, Options
from ardoise.plainfiles.declare import Column, Table
from ardoise.plainfiles.reading import RATES_KEY, TARIFF_FOLDER
from ardoise.plainfiles.rows import Cells, Key
from ardoise.plainfiles.state import everything
from ardoise.plainfiles.tables import (
    CALENDAR_RULES,
    CALENDARS,
    IDENTIFIERS,
    ISSUERS,
    RATES,
    SOURCES,
    TABLES,
    TARIFF_VERSIONS,
    TARIFFS,
)


class FolderInUse(ValueError):
    """The folder holds plain files already."""


def dump(folder: Path) -> list[str]:
    """Write the configuration into a folder without plain files; returns the names of the files."""
    if there := plain_files(folder):
        raise FolderInUse(
            f"« {folder} » holds plain files already ({', '.join(there[:3])} ...); choose another folder, "
            "or ask to replace them (--replace)"
        )
    return _write(folder, texts())


def dump_replacing(folder: Path) -> list[str]:
    """Write the configuration into a folder kept in git, say: its plain files are replaced, those that no longer
    belong are removed, anything else is left alone."""
    files = texts()
    for name in plain_files(folder):
        if name not in files:
            (folder / name).unlink()
    return _write(folder, files)


def plain_files(folder: Path) -> list[str]:
    """The files of a folder that loading would read."""
    names = [table.file for table in TABLES.values() if "/" not in table.file]
    found = {name for name in names if (folder / name).is_file()}
    for pattern in (f"{TARIFF_FOLDER}/*.toml", f"{TARIFF_FOLDER}/*.csv", "logos/*.svg", "profiles/*.toml"):
        found |= {file.relative_to(folder).as_posix() for file in folder.glob(pattern)}
    return sorted(found)


def _write(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    return list(files)


def texts() -> dict[str, str]:
    """Name -> text of every file of the configuration; a table without rows has no file."""
    state = everything()
    files: dict[str, str] = {}
    for table in TABLES.values():
        rows = list(state[table.name].values())
        if not rows or table.parent:
            continue
        if table is TARIFFS:
            _tariffs(state, files)
        elif table.array:
            blocks = [_array_block(table, cells, state, files) for cells in rows]
            files[table.file] = "\n".join(blocks)
        else:
            files[table.file] = csv_text(table, [_as_written(table, cells) for cells in rows])
    return dict(sorted(files.items()))


def _as_written(table: Table, cells: Cells) -> Cells:
    if table is IDENTIFIERS and cells["kind"] == "number":
        return {**cells, "value": numbers.written(cells["value"])}
    return cells


# --- CSV -----------------------------------------------------------------------------------------------------------


def csv_text(table: Table, rows: list[Cells]) -> str:
    columns = [c for c in table.columns if not c.rare or any(cells[c.name] != c.empty for cells in rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    writer.writerows([_cell(column, cells[column.name]) for column in columns] for cells in rows)
    return out.getvalue()


def _cell(column: Column, value: Any) -> str:
    return "" if _is_left_out(column, value) else column.kind.write(value)


def _is_left_out(column: Column, value: Any) -> bool:
    return value == column.kind.empty or ((column.quiet or column.rare) and value == column.empty)


# --- TOML ----------------------------------------------------------------------------------------------------------


def _array_block(table: Table, cells: Cells, state: dict[str, dict[Key, Cells]], files: dict[str, str]) -> str:
    lines = [f"[[{table.array}]]", *_keys(table, _split_files(table, cells, files))]
    if table is CALENDARS:
        for rule in state[CALENDAR_RULES.name].values():
            if rule["calendar"] == cells["code"]:
                lines += ["", f"[[{table.array}.{CALENDAR_RULES.array}]]", *_keys(CALENDAR_RULES, rule)]
    return "\n".join(lines) + "\n"


def _split_files(table: Table, cells: Cells, files: dict[str, str]) -> Cells:
    """Texts that stand in a file of their own: written there, and named here."""
    cells = dict(cells)
    if table is SOURCES:
        cells["options"] = dict(cells["options"])
        cells["profile"] = cells["options"].pop("profile", "")
    for column in table.columns if table in (ISSUERS, SOURCES) else ():
        if isinstance(column.kind, FileText) and cells[column.name]:
            name = f"{column.kind.under}/{cells['code']}.{column.kind.extension}"
            files[name] = cells[column.name]
            cells[column.name] = name
    return cells


def _keys(table: Table, cells: Cells) -> list[str]:
    return [
        f"{column.name} = {_toml(column, cells[column.name])}"
        for column in table.columns
        if not _is_left_out(column, cells[column.name])
    ]


def _toml(column: Column, value: Any) -> str:
    if isinstance(column.kind, Options):
        inside = ", ".join(f"{_toml_key(name)} = {_toml_string(value[name])}" for name in sorted(value))
        return f"{{ {inside} }}"
    native = column.kind.to_toml(value)
    return _toml_string(native) if isinstance(native, str) else tomlkit.item(native).as_string()


def _toml_key(name: str) -> str:
    return tomlkit.key(name).as_string()


def _toml_string(text: str) -> str:
    return tomlkit.string(text).as_string()


# --- tariffs -------------------------------------------------------------------------------------------------------


def _tariffs(state: dict[str, dict[Key, Cells]], files: dict[str, str]) -> None:
    rates: dict[Key, list[Cells]] = {}
    for cells in state[RATES.name].values():
        rates.setdefault((cells["tariff"], cells["version_from_date"]), []).append(cells)
    for code, tariff in ((cells["code"], cells) for cells in state[TARIFFS.name].values()):
        lines = _keys(TARIFFS, tariff)
        for key, version in state[TARIFF_VERSIONS.name].items():
            if version["tariff"] == code:
                name = f"{code}-{version['valid_from_date']}.csv"
                lines += ["", f"[[{TARIFF_VERSIONS.array}]]", *_keys(TARIFF_VERSIONS, version)]
                lines.append(f"{RATES_KEY} = {_toml_string(name)}")
                files[f"{TARIFF_FOLDER}/{name}"] = csv_text(RATES, rates.get(key, []))
        files[f"{TARIFF_FOLDER}/{code}.toml"] = "\n".join(lines) + "\n"
