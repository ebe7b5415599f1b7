"""A ComTrafic export -> rows of the plain files: directory, tariffs, recurring and one-off costs, months and balances.

Codes are made from names, the same at each reading: taking over again changes nothing. Every error names the file of
the export, its line and its column (docs/how-to/takeover.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import transaction

from ardoise.bill.takeover import Opening, record_openings
from ardoise.catalog.decks.vocabulary import plain
from ardoise.core.periods import Interval, Period
from ardoise.core.vat import Nature, RegimeKind, VatError, regime_of_establishment
from ardoise.plainfiles import numbers
from ardoise.plainfiles.columns import Euros, NotExpected
from ardoise.plainfiles.comtrafic_files import Files, Line, month_of_text, read_file, read_files
from ardoise.plainfiles.exchange import Field
from ardoise.plainfiles.loading import LoadReport, load_rows
from ardoise.plainfiles.problems import LoadRefused, Problem, did_you_mean
from ardoise.plainfiles.rows import Cells, Folder, Row
from ardoise.plainfiles.state import loaded
from ardoise.plainfiles.tables import TABLES

TARIFF = "comtrafic"
NUMBER_DIGITS = 9  # a poste of so many digits is a number, not an extension
_KINDS = {
    **dict.fromkeys(("recurrent", "abonnement", "mensuel", "oui"), "recurring"),
    **dict.fromkeys(("ponctuel", "achat", "unique", "non"), "one_off"),
}
_NATURES = {
    **dict.fromkeys(("bien", "biens", "goods"), Nature.GOODS.value),
    **dict.fromkeys(("service", "services"), Nature.SERVICES.value),
}
_AS_IT_IS = (
    *("billable", "resells", "siren", "siret", "vat_number", "audience", "address", "address_more", "postal_code"),
    *("city", "country", "emails", "payment_terms"),
)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What a take-over did, or would do: rows by file, balances posted, what was not read."""

    report: LoadReport
    openings: int
    notes: tuple[str, ...]


def take_over(
    path: Path,
    *,
    issuer: str,
    now: datetime,
    tariff_from: date,
    balance_date: date | None = None,
    only_preview: bool = False,
) -> TakenOver:
    """Load an export, all of it or nothing; a preview does the same and takes it back.

    `tariff_from` is the first day of the tariff, `balance_date` that of balances without a date. Raises LoadRefused
    with every error, TakeoverRefused for balances.
    """
    files = read_files(path)
    reading = _read(files, issuer, tariff_from, balance_date)
    with transaction.atomic():
        try:
            report = load_rows(reading.folder, recorded_at=now)
        except LoadRefused as refusal:
            raise LoadRefused([_as_exported(problem, files) for problem in refusal.problems]) from refusal
        new = record_openings(openings=reading.openings, now=now)
        transaction.set_rollback(only_preview)
    return TakenOver(report, new, tuple(files.notes))


def read_openings(path: Path, *, balance_date: date | None) -> list[Opening]:
    """The balances of one file. Raises LoadRefused."""
    files = Files()
    reading = _Reading("", date.min, balance_date, files)
    reading.soldes(read_file(path, "soldes", files))
    reading.refuse()
    return reading.openings


def _read(files: Files, issuer: str, tariff_from: date, balance_date: date | None) -> _Reading:
    reading = _Reading(issuer, tariff_from, balance_date, files)
    for stem, read in (
        ("services", reading.services),
        ("postes", reading.extensions),
        ("tarifs", reading.tarifs),
        ("produits", reading.produits),
        ("abonnements", reading.abonnements),
        ("achats", reading.achats),
        ("factures", reading.factures),
        ("soldes", reading.soldes),
    ):
        if stem in files.lines:
            read(files.lines[stem])
    reading.refuse()
    return reading


def _as_exported(problem: Problem, files: Files) -> Problem:
    """A problem of the loader with the column as the export calls it."""
    for lines in files.lines.values():
        if lines and lines[0].file == problem.file:
            return replace(problem, column=lines[0].headers.get(problem.column, problem.column))
    return problem


class _Names:
    """Codes by code, or by a name that only one has."""

    def __init__(self, known: dict[str, str]) -> None:
        self.codes = dict.fromkeys(known)
        self._by_word: dict[str, set[str]] = {}
        for code, name in known.items():
            self.add(code, name)

    def add(self, code: str, name: str) -> None:
        self.codes[code] = None
        self._by_word.setdefault(plain(name), set()).add(code)

    def find(self, text: str) -> str:
        """Raises NotExpected."""
        if text in self.codes:
            return text
        found = sorted(self._by_word.get(plain(text), ()))
        if len(found) > 1:
            raise NotExpected(f"« {text} » is the name of {', '.join(found)}; write the code")
        if not found:
            raise NotExpected(f"« {text} » is not known{did_you_mean(plain(text), list(self._by_word))}")
        return found[0]

    def made(self, name: str) -> str:
        """A code made from a name: « Café de l’Hôtel » is CAFE-DE-L-HOTEL, a second one CAFE-DE-L-HOTEL-2."""
        base = re.sub(r"[^A-Z0-9]+", "-", plain(name).upper()).strip("-")[:36] or "SANS-NOM"
        code, count = base, 1
        while code in self.codes:
            count += 1
            code = f"{base}-{count}"
        return code


@dataclass(slots=True)
class _Reading:
    """One method a file, named after it; `folder` and `openings` are what they make."""

    issuer: str
    tariff_from: date
    balance_date: date | None
    files: Files
    folder: Folder = field(default_factory=Folder)
    openings: list[Opening] = field(default_factory=list)
    accounts: _Names = field(init=False)
    lines: _Names = field(init=False)
    products: _Names = field(init=False)
    references: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.accounts, self.lines, self.products = (
            _Names({str(key[0]): cells["name"] for key, cells in loaded(TABLES[name]).items()})
            for name in ("accounts", "lines", "products")
        )

    def refuse(self) -> None:
        if self.files.errors:
            raise LoadRefused(self.files.errors)

    def row(self, table: str, at: Line, /, **cells: Any) -> None:
        columns = (*TABLES[table].columns, *TABLES[table].derived)
        self.folder.add(Row(TABLES[table], at.file, at.line, {one.name: one.empty for one in columns} | cells))

    def read(self, line: Line, name: str, reader: Callable[[str], Any], empty: Any) -> Any:
        """A cell; `empty` when it has nothing, or what cannot be read (then said)."""
        text = line.cells.get(name, "")
        try:
            return reader(text) if text else empty
        except NotExpected as error:
            self.files.errors.append(line.problem(name, str(error)))
            return empty

    def value(self, table: str, column: str, line: Line, name: str = "") -> Any:
        """A cell as the column of a plain file reads it."""
        kept = TABLES[table].by_name[column]
        return self.read(line, name or column, Field(TABLES[table], kept).from_sheet, kept.empty)

    def said(self, line: Line, name: str) -> str:
        """A cell that must not be empty."""
        if not line.cells.get(name):
            self.files.errors.append(line.problem(name, "is empty"))
        return line.cells.get(name, "")

    # --- directory

    def services(self, lines: list[Line]) -> None:
        known = _Names({})
        codes = {}
        for line in lines:
            name = self.said(line, "name")
            code = codes[line.line] = line.cells.get("code") or known.made(name)
            known.add(code, name)
        for code, cells in ((str(key[0]), cells) for key, cells in loaded(TABLES["accounts"]).items()):
            if code not in known.codes:
                known.add(code, cells["name"])
        self.accounts = known
        for line in lines:
            self._service(line, codes[line.line])

    def _service(self, line: Line, code: str) -> None:
        cells = {name: self.value("accounts", name, line) for name in _AS_IT_IS}
        parent = self.read(line, "parent", self.accounts.find, "")
        regime, reason = self._regime(line, code, cells)
        cells |= {"kind": "department" if parent else "customer", "parent": parent, "issuer": self.issuer}
        cells |= {"vat_regime": regime, "vat_reason": reason}
        self.row("accounts", line, code=code, name=line.cells["name"], **cells)

    def _regime(self, line: Line, code: str, account: Cells) -> tuple[str, str]:
        """Index 1 is the standard regime; 0 does not say why there is no VAT: its regime must stand beside it."""
        given, reason = self.value("accounts", "vat_regime", line), self.value("accounts", "vat_reason", line)
        index = line.cells.get("vat_index", "")
        if given or index in ("", "1"):
            return given or (RegimeKind.STANDARD.value if index == "1" else ""), reason
        if index != "0":
            self.files.errors.append(line.problem("vat_index", f"« {index} » is no VAT index; ComTrafic has 0 and 1"))
        elif account["billable"]:
            self.files.errors.append(line.problem("vat_index", _which_regime(code, account)))
        return "", ""

    def extensions(self, lines: list[Line]) -> None:
        sources = _Names({str(key[0]): cells["name"] for key, cells in loaded(TABLES["sources"]).items()})
        same = [line.cells["code"] for line in lines]
        for line in lines:
            poste, account = self.said(line, "code"), self.read(line, "service", self.accounts.find, "")
            source = self.read(line, "source", sources.find, "")
            if not poste or not account:
                if poste and not line.cells["service"]:
                    self.said(line, "service")
                continue
            code = f"{source}-{poste}" if source and same.count(poste) > 1 else poste
            code = re.sub(r"[\s,;/\\]+", "", code)
            self.lines.add(code, poste)
            is_number = len(re.sub(r"\D", "", poste)) >= NUMBER_DIGITS
            self.row("lines", line, code=code, name=line.cells.get("name", ""))
            self.row("assignments", line, line=code, account=account)
            if is_number:
                self._number(line, "code", code)
            else:
                self.row("identifiers", line, source=source, kind="extension", value=poste, line=code)
            self._number(line, "sda", code)

    def _number(self, line: Line, name: str, code: str) -> None:
        if text := line.cells.get(name, ""):
            key = numbers.key_of(re.sub(r"[\s.-]", "", text), country="33")
            if not key or key.startswith("?"):
                self.files.errors.append(line.problem(name, f"« {text} » is not a telephone number"))
            self.row("identifiers", line, kind="number", value=key, line=code)

    # --- prices

    def tarifs(self, lines: list[Line]) -> None:
        if not lines:
            return
        version = (TARIFF, self.tariff_from)
        self.row("tariffs", lines[0], code=TARIFF, name="ComTrafic")
        self.row("tariff_versions", lines[0], tariff=TARIFF, valid_from_date=self.tariff_from)
        self.folder.lists["rates"].add(version)
        links = loaded(TABLES["tariff_links"])
        if not any((cells["owner_kind"], cells["owner"]) == ("issuer", self.issuer) for cells in links.values()):
            self.row("tariff_links", lines[0], owner_kind="issuer", owner=self.issuer, tariff=TARIFF)
        zones: set[str] = set()
        for line in lines:
            label = line.cells.get("zone") or "Toutes destinations"
            zone = plain(label).replace(" ", "-") or "zone"
            if zone not in zones:
                zones.add(zone)
                self.row("zones", line, code=zone, label_fr=label, label_en=label)
            terms = {name: self.value("rates", name, line) for name in ("price_per_min", "connection_fee")}
            terms |= {name: self.value("rates", name, line) for name in ("first_s", "next_s")}
            prefix = self.read(line, "prefix", _as_dialled, "")
            self.said(line, "prefix")
            self.said(line, "price_per_min")
            whole = {"tariff": TARIFF, "version_from_date": self.tariff_from, "prefix": prefix, "zone": zone}
            self.row("rates", line, **whole, **terms)

    def produits(self, lines: list[Line]) -> None:
        bought = {plain(line.cells["product"]) for line in self.files.lines.get("achats", [])}
        known = _Names({})
        for line in lines:
            name = self.said(line, "name")
            code = line.cells.get("code") or known.made(name)
            known.add(code, name)
            usual = "one_off" if plain(name) in bought else "recurring"
            kind = self.read(line, "kind", _kind_of_product, usual)
            price = self.value("products", "unit_price", line)
            self.said(line, "unit_price")
            nature = self._nature(line, kind)
            self.row("products", line, code=code, name=name, kind=kind, unit_price=price, nature=nature)
        self.products = known

    def _nature(self, line: Line, kind: str) -> str:
        """What decides VAT. What recurs is a service; a single sale may be either, and must say it."""
        nature = self.read(line, "nature", _nature_of_product, Nature.SERVICES if kind == "recurring" else "")
        if not nature and not line.cells.get("nature"):
            message = "is empty: add a column « Bien ou service » for what is sold once (a telephone: bien)"
            self.files.errors.append(line.problem("nature", message))
        return str(nature)

    def _sold(self, line: Line, day: str) -> Cells:
        """Who, on which line, what, how many and at which price; a reference made from them."""
        account = self.read(line, "service", self.accounts.find, "")
        where = self.read(line, "line", self.lines.find, "")
        if not account and where:
            account = next(
                (row.cells["account"] for row in self.folder.rows["assignments"] if row.cells["line"] == where), ""
            )
        if not account and not line.cells.get("service"):
            self.files.errors.append(line.problem("service", "is empty; give the service or a poste of this export"))
        product = self.read(line, "product", self.products.find, "")
        self.said(line, "product")
        reference = base = re.sub(r"[\s,;/\\]+", "", f"{where or account}:{product}:{day}")[:54]
        count = 1
        while reference in self.references:
            count += 1
            reference = f"{base}:{count}"
        self.references.add(reference)
        cells = {"reference": reference, "account": account, "line": where, "product": product}
        return cells | {name: self.value("purchases", name, line) for name in ("quantity", "unit_price")}

    def abonnements(self, lines: list[Line]) -> None:
        for line in lines:
            first = self.value("subscriptions", "valid_from_date", line)
            end = self.value("subscriptions", "valid_to_date", line)
            last = self.value("subscriptions", "valid_to_date", line, "last_date")
            if last is not None:
                end = Period.of(last, last, Interval.INCLUSIVE).end  # « Au » is the last day
            sold = self._sold(line, str(first))
            self.row("subscriptions", line, **sold, valid_from_date=first, valid_to_date=end)

    def achats(self, lines: list[Line]) -> None:
        for line in lines:
            day = self.value("purchases", "date", line)
            self.said(line, "date")
            self.row("purchases", line, **self._sold(line, str(day)), date=day)

    # --- the past

    def factures(self, lines: list[Line]) -> None:
        for line in lines:
            account = self.read(line, "service", self.accounts.find, "")
            self.said(line, "service")
            usage, subscription = (self.read(line, name, _euros, 0) for name in ("usage", "subscription"))
            if line.cells.get("month"):
                month = self.read(line, "month", month_of_text, "")
                total = self.read(line, "total", _euros, usage + subscription)
                cells = {"usage": usage, "subscription": subscription or (total if not usage else 0), "total": total}
                self.row("past_totals", line, account=account, month=month, **cells)
            for month, text in line.months.items():
                if text:
                    total = self._of_month(line, month, text)
                    self.row(
                        "past_totals", line, account=account, month=month, usage=0, subscription=total, total=total
                    )

    def _of_month(self, line: Line, month: str, text: str) -> int:
        try:
            return _euros(text)
        except NotExpected as error:
            self.files.errors.append(line.problem(month, str(error)))
            return 0

    def soldes(self, lines: list[Line]) -> None:
        for line in lines:
            account = self.read(line, "service", self.accounts.find, "")
            balance = self.read(line, "balance", _euros, 0)
            day = self.read(line, "date", _day, self.balance_date)
            self.said(line, "service")
            if day is None:
                message = "has no date; add a column « Date », or give the day with --balance-date"
                self.files.errors.append(line.problem("date", message))
            elif account:
                self.openings.append(Opening(account, day, balance, line.line))


def _which_regime(code: str, account: Cells) -> str:
    try:
        likely = regime_of_establishment(account["country"], account["postal_code"]).kind
    except VatError:
        likely = RegimeKind.STANDARD
    hint = "" if likely is RegimeKind.STANDARD else f"; {account['postal_code']} suggests {likely}"
    return (
        f"VAT index 0 of ComTrafic does not say why {code} has no VAT: add a column « Régime » with guyane_mayotte, "
        f"reverse_charge, intra_eu, export, or exempt and its « Mention »{hint}"
    )


def _as_dialled(text: str) -> str:
    """A prefix as dialled from France: 00 33 6 and 06 are +336; what starts otherwise is a short number."""
    digits = re.sub(r"[\s.]", "", text)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    elif digits.startswith("0"):
        digits = "+33" + digits[1:]
    if not re.fullmatch(r"\+?[0-9*#]{1,20}", digits):
        raise NotExpected(f"« {text} » is no prefix; write for example 06, 0041 or +41")
    return digits


def _kind_of_product(text: str) -> str:
    if plain(text) not in _KINDS:
        raise NotExpected(f"« {text} » is not expected; write récurrent or ponctuel")
    return _KINDS[plain(text)]


def _nature_of_product(text: str) -> str:
    if plain(text) not in _NATURES:
        raise NotExpected(f"« {text} » is not expected; write bien or service")
    return _NATURES[plain(text)]


def _euros(text: str) -> int:
    return int(Euros().read(re.sub(r"[\s€]", "", text)))


def _day(text: str) -> date:
    table = TABLES["purchases"]
    found = Field(table, table.by_name["date"]).from_sheet(text)
    assert isinstance(found, date)
    return found
