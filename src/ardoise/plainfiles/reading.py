"""A folder of plain files -> typed rows and every error of form. Touches no database."""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from ardoise.plainfiles import numbers
from ardoise.plainfiles.columns import FileText, LastDay, NotExpected, read_native
from ardoise.plainfiles.declare import Column, Table
from ardoise.plainfiles.problems import Findings, Problem, did_you_mean
from ardoise.plainfiles.rows import Cells, Folder, Row
from ardoise.plainfiles.sale_tables import PRODUCT_TIERS, PRODUCTS
from ardoise.plainfiles.tables import RATES, TABLES, TARIFF_VERSIONS, TARIFFS
from ardoise.plainfiles.toml_places import Places, line_of_error, places_of

TARIFF_FOLDER = "tariffs"
LAST_DATE = "last_date"  # of a CSV: valid_to_date as people write it, the last day included
RATES_KEY = "rates"  # of a version: the name of its file of rates


class NoFolder(ValueError):
    """There is no such folder, or it holds no plain file."""


def read_folder(path: Path) -> Folder:
    """Read every plain file of a folder. Raises NoFolder; errors inside the files are collected, never raised."""
    if not path.is_dir():
        raise NoFolder(f"« {path} » is not a folder; give the folder that holds issuers.toml, accounts.csv ...")
    folder = Folder()
    present = {file.name for file in path.iterdir() if file.is_file()}
    files = {table.file: table for table in TABLES.values() if "/" not in table.file and not table.parent}
    for name in sorted(present - files.keys()):
        if name.endswith((".csv", ".toml")) and (nearest := did_you_mean(name, sorted(files))):
            folder.findings.errors.append(Problem(name, 0, "", f"this file is not known{nearest}"))
    for name, table in files.items():
        if name not in present:
            continue
        if table.array:
            _read_toml_array(path, name, table, folder)
        else:
            read_csv(path / name, name, table, folder, derived={})
    if PRODUCT_TIERS.file in present:
        named = {(row.cells["product"],) for row in folder.rows[PRODUCT_TIERS.name]}
        folder.lists[PRODUCT_TIERS.name] |= named | {row.key for row in folder.rows[PRODUCTS.name]}
    _read_tariffs(path, folder)
    if not present & files.keys() and not folder.rows[TARIFFS.name]:
        raise NoFolder(f"« {path} » holds no plain file; expected at least one of {', '.join(files)}")
    _finish(folder)
    return folder


def _text(path: Path, name: str, findings: Findings) -> str | None:
    """The text of a file, or None and an error."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        message = "is not UTF-8 here; save the file as « UTF-8 » (« CSV UTF-8 » in a spreadsheet)"
        findings.errors.append(Problem(name, line, "", message))
    except OSError as error:
        findings.errors.append(Problem(name, 0, "", f"cannot be read: {error.strerror}"))
    return None


# --- CSV -----------------------------------------------------------------------------------------------------------


def read_csv(path: Path, name: str, table: Table, folder: Folder, *, derived: Cells) -> None:
    """Read one CSV file into rows; `derived` are the cells that follow from where the file stands."""
    text = _text(path, name, folder.findings)
    if text is None:
        folder.unreadable.add(table.name)
        return
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        columns = _header(header, name, table, folder.findings)
        if columns is None:
            folder.unreadable.add(table.name)
            return
        absent = {column.name: column.empty for column in table.columns if column not in columns}
        line = reader.line_num + 1
        for values in reader:
            if any(value.strip() for value in values):
                _csv_row(values, columns, Row(table, name, line, {**derived, **absent}), folder)
            line = reader.line_num + 1
    except csv.Error as error:
        folder.unreadable.add(table.name)
        folder.findings.errors.append(Problem(name, reader.line_num, "", f"is not CSV: {error}; check the quotes"))


def _header(header: list[str], name: str, table: Table, findings: Findings) -> list[Column] | None:
    if len(header) == 1 and ";" in header[0]:
        findings.errors.append(Problem(name, 1, "", "cells are separated by semicolons; commas are expected"))
        return None
    known = {column.name: column for column in table.columns}
    if (until := known.get("valid_to_date")) is not None:  # the same, by its last day
        known[LAST_DATE] = replace(until, kind=LastDay())
    old = {column.was: column.name for column in table.columns if column.was}
    findings.warnings += [Problem(name, 1, word, _renamed(old[word])) for word in header if word in old]
    header = [old.get(word, word) for word in header]
    problems = []
    for position, word in enumerate(header):
        if word not in known:
            problems.append(Problem(name, 1, word, f"this column is not known{did_you_mean(word, list(known))}"))
        elif known[word].name in (known[before].name for before in header[:position] if before in known):
            problems.append(Problem(name, 1, word, "this column stands twice; keep one"))
    for column in table.columns:
        if column.required and column.name not in header:
            expected = ",".join(column.name for column in table.columns if not column.rare)
            problems.append(Problem(name, 1, column.name, f"this column is missing; expected {expected}"))
    findings.errors += problems
    return None if problems else [known[word] for word in header]


def _renamed(now: str) -> str:
    return f"is now called {now}; it was read as that"


def _csv_row(values: list[str], columns: list[Column], row: Row, folder: Folder) -> None:
    if len(values) != len(columns):
        hint = "; put quotes around a text that holds a comma" if len(values) > len(columns) else ""
        message = f"has {len(values)} cells, {len(columns)} are expected as in the header{hint}"
        folder.findings.errors.append(row.problem("", message))
        return
    sound = True
    for column, value in zip(columns, values, strict=True):
        try:
            row.cells[column.name] = read_cell(row.table, column, value.strip())
        except NotExpected as error:
            folder.findings.errors.append(row.problem(column.name, str(error)))
            sound = False
    if sound:
        folder.add(row)
    else:
        folder.name(row)


def read_cell(table: Table, column: Column, text: str) -> Any:
    """The value of a cell, or that of an empty one. Raises NotExpected."""
    if text:
        value = column.kind.read(text)
        longest = table.longest.get(column.name)
        if longest is not None and isinstance(value, str) and len(value) > longest:
            raise NotExpected(f"has {len(value)} characters; {longest} at most are kept")
        return value
    if column.required:
        raise NotExpected(f"is empty; expected: {column.kind.en}")
    return column.empty


# --- TOML ----------------------------------------------------------------------------------------------------------


def _parsed(path: Path, name: str, table: Table, folder: Folder) -> tuple[dict[str, Any], Places] | None:
    text = _text(path, name, folder.findings)
    if text is not None:
        try:
            return tomllib.loads(text), places_of(text)
        except tomllib.TOMLDecodeError as error:
            folder.findings.errors.append(Problem(name, line_of_error(error), "", f"is not TOML: {error}"))
    folder.unreadable.add(table.name)
    return None


def _read_toml_array(path: Path, name: str, table: Table, folder: Folder) -> None:
    parsed = _parsed(path / name, name, table, folder)
    if parsed is None:
        return
    content, places = parsed
    assert table.array
    nested = [inner for inner in TABLES.values() if inner.parent == table.name]
    for word in content:
        if word != table.array:
            message = f"this key is not known; write [[{table.array}]] tables"
            folder.findings.errors.append(Problem(name, places.line(word), word, message))
    for position, item in enumerate(_tables(content.get(table.array, []), name, table.array, places, folder)):
        place = f"{table.array}[{position}]"
        row = _toml_row(path, item, name, table, place, places, folder, inner=[inner.array for inner in nested])
        if row is None:
            continue
        for inner in nested:
            folder.lists[inner.name].add(row.key)
            for rank, rule in enumerate(_tables(item.get(inner.array, []), name, inner.array, places, folder)):
                derived = {"calendar": row.cells["code"], "position": rank}
                _toml_row(path, rule, name, inner, f"{place}.{inner.array}[{rank}]", places, folder, derived=derived)


def _tables(found: object, name: str, array: str, places: Places, folder: Folder) -> list[dict[str, Any]]:
    if isinstance(found, list) and all(isinstance(item, dict) for item in found):
        return found
    folder.findings.errors.append(Problem(name, places.line(array), array, f"must be written as [[{array}]] tables"))
    return []


def _toml_row(
    path: Path,
    item: dict[str, Any],
    name: str,
    table: Table,
    place: str,
    places: Places,
    folder: Folder,
    *,
    inner: list[str] | None = None,
    derived: Cells | None = None,
) -> Row | None:
    """One TOML table as a row, added to the folder; None when it holds errors."""
    row = Row(table, name, places.line(place), dict(derived or {}), places.keys_of(place))
    item = _with_new_names(item, row, folder.findings)
    known = [column.name for column in table.columns]
    before = len(folder.findings.errors)
    for word in item.keys() - set(known) - set(inner or []):
        message = f"this key is not known{did_you_mean(word, known + (inner or []))}"
        folder.findings.errors.append(row.problem(word, message))
    for column in table.columns:
        value = item.get(column.name, "")
        try:
            if value == "" or (isinstance(value, str) and not value.strip()):
                row.cells[column.name] = read_cell(table, column, "")
            elif isinstance(column.kind, FileText):
                row.cells[column.name] = _file_text(path, value)
            else:
                text = read_native(column.kind, value)
                row.cells[column.name] = read_cell(table, column, text) if isinstance(text, str) else text
        except NotExpected as error:
            folder.findings.errors.append(row.problem(column.name, str(error)))
    if len(folder.findings.errors) > before:
        folder.name(row)
        return None
    folder.add(row)
    return row


def _with_new_names(item: dict[str, Any], row: Row, findings: Findings) -> dict[str, Any]:
    """A TOML table whose keys of before have their name of today."""
    for column in row.table.columns:
        if column.was and column.was in item and column.name not in item:
            findings.warnings.append(row.problem(column.was, _renamed(column.name)))
            item = {column.name if word == column.was else word: value for word, value in item.items()}
    return item


def _file_text(folder: Path, name: object) -> str:
    """The text of a file named by a key, inside the folder."""
    file = (folder / str(name)).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise NotExpected(f"« {name} » is outside the folder; copy the file into it")
    try:
        return file.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise NotExpected(f"the file « {name} » is not there; names are relative to the folder") from error
    except UnicodeDecodeError as error:
        raise NotExpected(f"the file « {name} » is not UTF-8 text") from error


# --- tariffs -------------------------------------------------------------------------------------------------------


def _read_tariffs(path: Path, folder: Folder) -> None:
    base = path / TARIFF_FOLDER
    used: set[str] = set()
    for file in sorted(base.glob("*.toml")):
        name = f"{TARIFF_FOLDER}/{file.name}"
        parsed = _parsed(file, name, TARIFFS, folder)
        if parsed is None:
            continue
        content, places = parsed
        used |= _files_of_rates(content)
        tariff = _toml_row(path, content, name, TARIFFS, "", places, folder, inner=[TARIFF_VERSIONS.array])
        if tariff is None:
            continue
        versions = _tables(content.get(TARIFF_VERSIONS.array, []), name, TARIFF_VERSIONS.array, places, folder)
        for position, item in enumerate(versions):
            place = f"{TARIFF_VERSIONS.array}[{position}]"
            _read_version(path, item, name, tariff, place, places, folder)
    for file in sorted(base.glob("*.csv")):
        name = f"{TARIFF_FOLDER}/{file.name}"
        if file.name not in used and TARIFFS.name not in folder.unreadable:
            message = "no version names this file; write rates = « " + file.name + " » in its tariff, or remove it"
            folder.findings.errors.append(Problem(name, 0, "", message))


def _files_of_rates(content: dict[str, Any]) -> set[str]:
    """The files of rates a tariff names, whatever else may be wrong in it."""
    versions = content.get(TARIFF_VERSIONS.array)
    found = versions if isinstance(versions, list) else []
    return {str(item.get(RATES_KEY)) for item in found if isinstance(item, dict)}


def _read_version(
    path: Path, item: dict[str, Any], name: str, tariff: Row, place: str, places: Places, folder: Folder
) -> None:
    code = tariff.cells["code"]
    version = _toml_row(
        path, item, name, TARIFF_VERSIONS, place, places, folder, inner=[RATES_KEY], derived={"tariff": code}
    )
    if version is None or version.cells["valid_to_date"] == version.cells["valid_from_date"]:
        return  # a version taken back has no rates any more
    rates = item.get(RATES_KEY)
    file = path / TARIFF_FOLDER / str(rates or "")
    if not isinstance(rates, str) or not rates or file.parent.resolve() != (path / TARIFF_FOLDER).resolve():
        message = f'names no file of rates; write for example rates = "{code}-{version.cells["valid_from_date"]}.csv"'
        folder.findings.errors.append(version.problem(RATES_KEY, message))
        return
    if not file.is_file():
        message = f"the file « {TARIFF_FOLDER}/{rates} » is not there"
        folder.findings.errors.append(version.problem(RATES_KEY, message))
        return
    if version.key in folder.lists[RATES.name]:
        return  # the version stands twice: said once, not for each of its rates
    folder.lists[RATES.name].add(version.key)
    derived = {"tariff": code, "version_from_date": version.cells["valid_from_date"]}
    read_csv(file, f"{TARIFF_FOLDER}/{rates}", RATES, folder, derived=derived)


# --- what needs the whole folder -----------------------------------------------------------------------------------


def _finish(folder: Folder) -> None:
    """Telephone numbers need the country of their source; a profile is an option of its source."""
    countries = {row.cells["code"]: row.cells["country"] for row in folder.rows["sources"]}
    for row in list(folder.rows["identifiers"]):
        if row.cells["kind"] == "number":
            text = row.cells["value"]
            key = numbers.key_of(text, country=countries.get(row.cells["source"], "33"))
            if not key or (key.startswith("?") and text.lstrip("+").replace(" ", "").isdigit()):
                message = (
                    f"« {text} » is not a telephone number; write +33472000001, or ?{text} for a login made of digits"
                )
                folder.findings.errors.append(row.problem("value", message))
                folder.rows["identifiers"].remove(row)
            row.cells["value"] = key
    for row in folder.rows["sources"]:
        if profile := row.cells.pop("profile"):
            row.cells["options"] = {**row.cells["options"], "profile": profile}
