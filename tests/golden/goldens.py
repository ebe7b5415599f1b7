"""Reads docs/algorithms/goldens.md: the calls and invoices worked by hand on the example companies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "goldens.md"
EVERY_BAND = "every band"


@dataclass(frozen=True, slots=True)
class GoldenCall:
    """One call: its tickets as they stand in the examples, who pays, the row that prices it, the result in micros."""

    code: str  # "E01"
    title: str
    tickets: tuple[str, ...]  # without trailing blanks
    source: str
    line: str
    account: str
    tariff: str
    prefix: str  # as the price list writes it: "+336", "118"
    band: str  # "" = every band
    billed_s: int
    access_micros: int
    service_micros: int | None  # None = the number has no service part
    covered_s: int
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class GoldenLine:
    """One line of an invoice; `gross_minor` only on a document with tax."""

    section: str
    label: str
    net_minor: int
    gross_minor: int | None


@dataclass(frozen=True, slots=True)
class GoldenVat:
    category: str
    rate: Decimal
    basis_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class GoldenInvoice:
    """An invoice by customer, its lines in print order. Amounts in cents."""

    account: str
    title: str
    with_tax: bool
    lines: tuple[GoldenLine, ...]
    vat: tuple[GoldenVat, ...]
    net_minor: int
    gross_minor: int
    rounding_minor: int
    payable_minor: int


@dataclass(frozen=True, slots=True)
class Goldens:
    calls: tuple[GoldenCall, ...]
    invoices: tuple[GoldenInvoice, ...]


class BadPage(ValueError):
    """The page is not written as expected; the message names the entry and what is missing."""


def parse_goldens(path: Path = PAGE) -> Goldens:
    """Every call and invoice of the page. Raises BadPage."""
    text = path.read_text(encoding="utf-8")
    head, _, invoices = text.partition("\n## Invoices\n")
    return Goldens(
        calls=tuple(_call(title, body) for title, body in _entries(head)),
        invoices=tuple(_invoice(title, body) for title, body in _entries(invoices)),
    )


def _entries(text: str) -> list[tuple[str, str]]:
    """(title, body) of each "### ..." entry."""
    parts = re.split(r"^### (.*)\n", text, flags=re.MULTILINE)[1:]
    return [(title, body.split("\n## ")[0]) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def _facts(title: str, body: str) -> dict[str, str]:
    facts = dict(re.findall(r"^- (\w+): (.*)$", body, flags=re.MULTILINE))
    if not facts:
        raise BadPage(f"{title}: expected facts like « - net: 12.34 »")
    return facts


def _fact(facts: dict[str, str], name: str, title: str) -> str:
    if name not in facts:
        raise BadPage(f"{title}: the fact « {name} » is missing")
    return facts[name]


def _call(title: str, body: str) -> GoldenCall:
    facts = _facts(title, body)
    block = re.search(r"^```\n(.*?)\n```$", body, flags=re.MULTILINE | re.DOTALL)
    if block is None:
        raise BadPage(f"{title}: the tickets are missing")
    line, account = _fact(facts, "line", title).split(", ")
    tariff, prefix, band = _fact(facts, "rate", title).split(", ")
    answered = facts.get("answered")
    return GoldenCall(
        code=title.split()[0],
        title=title,
        tickets=tuple(ticket.rstrip() for ticket in block[1].split("\n")),
        source=_fact(facts, "source", title),
        line=line,
        account=account,
        tariff=tariff,
        prefix=prefix,
        band="" if band == EVERY_BAND else band,
        billed_s=_seconds(_fact(facts, "billed", title)),
        access_micros=int(_fact(facts, "access", title)),
        service_micros=int(facts["service"]) if "service" in facts else None,
        covered_s=_seconds(facts.get("covered", "0 s")),
        answered_at=None if answered is None else datetime.fromisoformat(answered),
    )


def _seconds(text: str) -> int:
    return int(text.removesuffix(" s"))


def _invoice(title: str, body: str) -> GoldenInvoice:
    facts = _facts(title, body)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in body.split("\n") if row.startswith("|")]
    with_tax = rows[0][-1] == "with tax"
    lines = tuple(GoldenLine(row[0], row[1], _minor(row[3]), _minor(row[4]) if with_tax else None) for row in rows[2:])
    category, rate, basis, amount = re.fullmatch(
        r"(\w+) ([\d.]+) %, ([\d.]+), ([\d.]+)", _fact(facts, "vat", title)
    ).groups()  # type: ignore[union-attr]
    return GoldenInvoice(
        account=title.split()[0],
        title=title,
        with_tax=with_tax,
        lines=lines,
        vat=(GoldenVat(category, Decimal(rate), _minor(basis), _minor(amount)),),
        net_minor=_minor(_fact(facts, "net", title)),
        gross_minor=_minor(_fact(facts, "total", title)),
        rounding_minor=_minor(_fact(facts, "rounding", title)),
        payable_minor=_minor(_fact(facts, "due", title)),
    )


def _minor(text: str) -> int:
    return int(Decimal(text).scaleb(2))
