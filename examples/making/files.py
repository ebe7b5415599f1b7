"""Writing plain files in canonical form: columns in the order of the product, rows sorted by natural key."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Cell = str | int | None

COLUMNS: dict[str, str] = {
    "accounts.csv": "code name kind issuer parent billable audience basis vat_regime vat_reason siren siret vat_number "
    "address address_more postal_code city country emails purchase_order payment_terms resells",
    "lines.csv": "code name kind no_detail ended_date",
    "assignments.csv": "line account valid_from_date valid_to_date",
    "identifiers.csv": "source kind value line valid_from_date valid_to_date",
    "zones.csv": "code label_fr label_en",
    "allowances.csv": "code name quantity counted zones owner priority",
    "products.csv": "code name kind nature unit_price tax_basis in_advance",
    "plans.csv": "code name product tariff allowances",
    "tariff_links.csv": "owner_kind owner tariff valid_from_date valid_to_date",
    "subscriptions.csv": "reference account line product plan quantity unit_price valid_from_date valid_to_date",
    "purchases.csv": "reference account line product quantity unit_price date",
    "vat_rates.csv": "regime nature rate valid_from_date valid_to_date",
    "past_totals.csv": "account month usage subscription total",
}
KEYS: dict[str, tuple[str, ...]] = {
    "accounts.csv": ("code",),
    "lines.csv": ("code",),
    "assignments.csv": ("line", "valid_from_date"),
    "identifiers.csv": ("source", "kind", "value", "valid_from_date"),
    "zones.csv": ("code",),
    "allowances.csv": ("code",),
    "products.csv": ("code",),
    "plans.csv": ("code",),
    "tariff_links.csv": ("owner_kind", "owner", "valid_from_date"),
    "subscriptions.csv": ("reference",),
    "purchases.csv": ("reference",),
    "vat_rates.csv": ("regime", "nature", "valid_from_date"),
    "past_totals.csv": ("account", "month"),
}
RARE = {"resells"}  # columns that a file without them leaves out
DEFAULTS: dict[str, dict[str, Cell]] = {
    "accounts.csv": {"kind": "customer", "billable": "yes", "audience": "B2B", "basis": "ht", "country": "FR"},
    "lines.csv": {"kind": "extension", "no_detail": "no"},
    "products.csv": {"nature": "services", "tax_basis": "ht", "in_advance": "yes"},
    "subscriptions.csv": {"quantity": "1"},
    "purchases.csv": {"quantity": "1"},
}


@dataclass(slots=True)
class Company:
    """The files of one company: rows of the CSV files, and texts of the others."""

    rows: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)

    def add(self, file: str, **cells: Cell) -> None:
        unknown = cells.keys() - set(COLUMNS[file].split())
        assert not unknown, f"{file}: {unknown}"
        self.rows.setdefault(file, []).append({**DEFAULTS.get(file, {}), **cells})

    def text(self, file: str, text: str) -> None:
        self.texts[file] = text.encode()

    def files(self) -> dict[str, bytes]:
        """Name -> bytes of every file."""
        found = dict(self.texts)
        for file, rows in self.rows.items():
            ordered = sorted(rows, key=lambda row: tuple(str(row.get(key) or "") for key in KEYS[file]))
            columns = [name for name in COLUMNS[file].split() if name not in RARE or any(row.get(name) for row in rows)]
            found[file] = csv_bytes(columns, ordered)
        return dict(sorted(found.items()))

    def write(self, folder: Path) -> None:
        """Replace a folder by exactly these files (a README.md is left alone)."""
        files = self.files()
        for old in sorted(folder.rglob("*")):
            if old.is_file() and old.name != "README.md" and str(old.relative_to(folder)) not in files:
                old.unlink()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def csv_bytes(columns: Sequence[str], rows: Iterable[Mapping[str, Cell]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if row.get(name) is None else row[name] for name in columns] for row in rows)
    return out.getvalue().encode()


def toml_text(text: str) -> str:
    """A TOML basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def toml_block(header: str, pairs: Iterable[tuple[str, object]]) -> str:
    """One table; texts are quoted, empty values left out."""
    lines = [header] if header else []
    for name, value in pairs:
        if value is None or value == "":
            continue
        if isinstance(value, bool):
            said = "true" if value else "false"
        elif isinstance(value, int):
            said = str(value)
        elif isinstance(value, dict):
            said = "{ " + ", ".join(f"{key} = {toml_text(text)}" for key, text in sorted(value.items())) + " }"
        elif isinstance(value, Raw):
            said = value.text
        else:
            said = toml_text(str(value))
        lines.append(f"{name} = {said}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Raw:
    """A TOML value written as it is (dates)."""

    text: str
