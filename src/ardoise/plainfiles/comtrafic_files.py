"""The files of a ComTrafic export, by the words of their headers: rows of text, each with its place.

What ComTrafic keeps is known from its publisher's own pages (docs/how-to/takeover.md says which); what its exports call
the columns is assumed, so each column has several names and the same files may be made by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ardoise.catalog.decks.sheets import Stamp
from ardoise.catalog.decks.vocabulary import plain
from ardoise.plainfiles.columns import Month, NotExpected
from ardoise.plainfiles.exchange import HEADER_WITHIN, open_sheet
from ardoise.plainfiles.problems import LoadRefused, Problem, did_you_mean

SUFFIXES = (".csv", ".xlsx", ".xls", ".ods")

# File -> column -> the headers that mean it (plain: without accents or case).
FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "services": {
        "name": ("nom", "service", "libelle", "raison sociale", "client"),
        "code": ("code", "code service", "n", "numero", "identifiant", "id"),
        "parent": ("parent", "service parent", "rattachement", "societe"),
        "billable": ("facturable",),
        "vat_index": ("taux", "taux tva", "taux de tva", "tva"),
        "vat_regime": ("regime", "regime de tva"),
        "vat_reason": ("mention", "mention de tva"),
        "resells": ("revend", "operateur"),
        "siren": ("siren",),
        "siret": ("siret",),
        "vat_number": ("n de tva", "n tva", "numero de tva", "tva intracommunautaire"),
        "audience": ("clientele", "type"),
        "address": ("adresse", "adresse 1", "adresse1"),
        "address_more": ("adresse 2", "adresse2", "complement", "complement d adresse"),
        "postal_code": ("code postal", "cp"),
        "city": ("ville", "commune"),
        "country": ("pays",),
        "emails": ("mail", "mails", "email", "e mail", "adresse mail", "adresses mail", "courriel", "courriels"),
        "payment_terms": ("conditions de paiement", "reglement", "delai de paiement"),
    },
    "postes": {
        "code": ("poste", "n de poste", "numero", "ligne"),
        "service": ("service", "client"),
        "name": ("nom", "utilisateur", "libelle"),
        "sda": ("sda fixe", "sda", "alias"),
        "source": ("pbx", "pabx", "operateur", "source"),
    },
    "tarifs": {
        "prefix": ("prefixe", "indicatif", "numero"),
        "price_per_min": ("prix", "prix min", "prix minute", "prix par minute", "tarif", "cout minute"),
        "zone": ("destination", "zone", "libelle"),
        "connection_fee": ("mise en relation", "cout fixe", "frais de mise en relation"),
        "first_s": ("premier palier", "palier", "palier 1"),
        "next_s": ("palier suivant", "paliers suivants", "palier 2"),
    },
    "produits": {
        "name": ("produit", "libelle", "nom"),
        "unit_price": ("prix", "prix unitaire", "montant", "prix ht"),
        "code": ("code", "code produit", "reference"),
        "kind": ("type", "nature", "periodicite"),
        "nature": ("bien ou service", "bien service", "nature de tva"),
    },
    "abonnements": {
        "product": ("produit", "libelle", "abonnement"),
        "service": ("service", "client"),
        "line": ("poste", "ligne"),
        "quantity": ("quantite", "qte"),
        "unit_price": ("prix", "prix unitaire", "montant"),
        "valid_from_date": ("du", "date de debut", "debut", "date"),
        "valid_to_date": ("au exclu", "fin exclue"),
        "last_date": ("au", "date de fin", "fin"),
    },
    "achats": {
        "product": ("produit", "libelle", "achat"),
        "service": ("service", "client"),
        "line": ("poste", "ligne"),
        "quantity": ("quantite", "qte"),
        "unit_price": ("prix", "prix unitaire", "montant"),
        "date": ("date", "date d achat"),
    },
    "factures": {
        "service": ("service", "client", "nom"),
        "month": ("mois",),
        "usage": ("communications", "montant communications"),
        "subscription": ("abonnements", "montant abonnements"),
        "total": ("total", "total ht", "montant"),
    },
    "soldes": {
        "service": ("service", "client", "compte", "nom"),
        "balance": ("solde", "solde du", "montant"),
        "date": ("date", "au"),
    },
}
# How many of the first columns of a file must be there: two, but of these one.
_ONE = ("services", "abonnements", "achats", "factures")


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a file of the export: its cells by our names, "" where it has none."""

    file: str
    line: int
    cells: Mapping[str, str]
    headers: Mapping[str, str]
    months: Mapping[str, str]  # columns that are months: "2026-09" -> cell

    def problem(self, name: str, message: str) -> Problem:
        return Problem(self.file, self.line, self.headers.get(name, name), message)


@dataclass(slots=True)
class Files:
    """The rows of an export by file (« services »), what is wrong with the files, what was not read."""

    lines: dict[str, list[Line]] = field(default_factory=dict)
    errors: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Words:
    words: frozenset[str]


def read_files(path: Path) -> Files:
    """Read a folder. Raises LoadRefused when it holds no file of an export, or one that cannot be opened."""
    there = {file.stem.lower(): file for file in sorted(path.glob("*")) if file.suffix.lower() in SUFFIXES}
    if not there.keys() & FILES.keys():
        names = ", ".join(f"{name}.csv" for name in FILES)
        raise LoadRefused([Problem(str(path), 0, "", f"this folder holds no file of an export; expected {names}")])
    files = Files()
    for stem, file in there.items():
        if stem in FILES:
            files.lines[stem] = read_file(file, stem, files)
        elif near := did_you_mean(stem, list(FILES)):
            files.errors.append(Problem(file.name, 0, "", f"this file is not known{near}"))
        else:
            files.notes.append(f"{file.name} is not of an export and is not read")
    return files


def read_file(path: Path, stem: str, files: Files) -> list[Line]:
    """The rows of one file under its header; errors and notes go to `files`."""
    columns = FILES[stem]
    sheet = open_sheet(path, [_Words(frozenset(words)) for words in columns.values()])
    by_word = {word: name for name, words in reversed(columns.items()) for word in words}
    scores = [sum(plain(cell) in by_word for cell in row) for row in sheet.rows[:HEADER_WITHIN]]
    head = scores.index(max(scores))
    places, months = _places(sheet.rows[head], by_word, path.name, files)
    for name in list(columns)[: 1 if stem in _ONE else 2]:
        if name not in places:
            message = f"no column is called {', '.join(f'« {word} »' for word in columns[name][:4])}"
            files.errors.append(Problem(path.name, sheet.lines[head], "", message))
            return []
    headers = {name: sheet.rows[head][at] for name, at in places.items()}
    return [
        Line(path.name, line, _cut(row, places), headers, _cut(row, months))
        for line, row in zip(sheet.lines[head + 1 :], sheet.rows[head + 1 :], strict=True)
        if any(row)
    ]


def _places(
    header: Sequence[str], by_word: Mapping[str, str], file: str, files: Files
) -> tuple[dict[str, int], dict[str, int]]:
    """Where our columns stand, and those that are months."""
    places: dict[str, int] = {}
    months: dict[str, int] = {}
    for at, cell in enumerate(header):
        if (name := by_word.get(plain(cell))) and name not in places:
            places[name] = at
        elif month := _month(cell):
            months[month] = at
        elif cell:
            files.notes.append(f"{file}: column « {cell} » is not read")
    return places, months


def _cut(row: Sequence[str], wanted: Mapping[str, int]) -> dict[str, str]:
    return {name: row[at] if at < len(row) else "" for name, at in wanted.items()}


def _month(header: str) -> str:
    """« 2026-09 », « 09/2026 » or a date of a workbook as a month; "" for anything else."""
    text = header[:7] if isinstance(header, Stamp) else header
    if found := re.fullmatch(r"(\d{1,2})/(\d{4})", text):
        text = f"{found[2]}-{int(found[1]):02d}"
    try:
        return str(Month().read(text))
    except NotExpected:
        return ""


def month_of_text(text: str) -> str:
    """The month of a cell. Raises NotExpected."""
    if month := _month(text):
        return month
    raise NotExpected(f"« {text} » is not a month; write 2026-09 or 09/2026")
