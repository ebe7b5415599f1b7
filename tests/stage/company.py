"""A tiny company, built the way a user builds one: plain files loaded, a file of calls dropped, a month billed.

Every story adds the few customers, lines and calls it is about; all of it stands in one folder of plain files. Prices
without tax: landlines 0.02 a minute by the second, mobiles 0.12 a started minute, 08 numbers access 0 + service.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path

import polars as pl

from ardoise import flow
from ardoise.bill.models import BillRun, Document, Draft
from ardoise.collect import operations as collecting
from ardoise.core import canonical
from ardoise.core import documents as core
from ardoise.core.documents import DocumentLine
from ardoise.core.periods import month_period
from ardoise.core.schema import CHARGE_KEY, CHARGES
from ardoise.directory.models import Issuer
from ardoise.plainfiles.loading import LoadReport, load
from ardoise.store import queries as store
from ardoise.store.models import TableName

MONTH = "2026-10"
NOW = datetime(2026, 11, 5, 8, tzinfo=UTC)
ISSUE_DATE = date(2026, 11, 5)

MOBILE, LANDLINE, SURTAXED, EMERGENCY = "0612345678", "0140000000", "0899123456", "112"

PROFILE = """\
name = "calls"

[file]
kind = "keyed"
delimiter = ";"
header_line = "id;start;from;to;seconds"

[fields]
id = "id"
start = "start"
calling = "from"
called = "to"
duration = "seconds"

[start]
formats = ["%Y-%m-%d %H:%M:%S"]

[duration]
unit = "s"

[direction]
default = "out"

[[tests]]
line = "1;2026-10-05 10:00:00;0472000001;0612345678;61"
expect = { start = "2026-10-05T10:00:00", duration_s = 61 }
"""

TERMS = """\
penalty_note = "Pénalités de retard : trois fois le taux d'intérêt légal."
indemnity_note = "Indemnité forfaitaire pour frais de recouvrement : 40 €."
discount_note = "Pas d'escompte pour paiement anticipé."
"""

ISSUER = """\
[[issuer]]
code = "voxa"
name = "Voxa Télécom"
company = "Voxa"
siren = "552081317"
siret = "55208131766522"
vat_number = "FR03552081317"
legal_mention = "SAS au capital de 50 000 € – RCS Paris 552 081 317"
address = "1 rue de la Paix"
postal_code = "75002"
city = "Paris"
email = "factures@voxa.example"
phone = "+33140000000"
iban = "FR7630006000011234567890189"
"""

# The same with other codes: a second brand, and a company that splits its own costs.
SECOND_BRAND = ISSUER.replace('"voxa"', '"allo"').replace("Voxa Télécom", "Allô Pro") + TERMS
OWN_COSTS = """\
[[issuer]]
code = "usine"
name = "Usine de Lyon"
company = "Usine"
documents = "statements"
address = "2 quai Sud"
postal_code = "69001"
city = "Lyon"
"""

ADDRESS = {"address": "3 rue Haute", "postal_code": "69001", "city": "Lyon"}
SIREN = "732829320"

ZONES = """\
code,label_fr,label_en
fixe,Fixes,Landlines
mobile,Mobiles,Mobiles
sva,Services à valeur ajoutée,Value-added services
secours,Secours,Emergency
"""

RATES = """\
prefix,exact,zone,band,price_per_min,first_s,next_s,service_price,service_per
+33,,fixe,,0.02,1,1,,
+336,,mobile,,0.12,60,60,,
+33899,,sva,,0,1,1,0.80,minute
112,yes,secours,,0,1,1,,
"""

Row = dict[str, object]


def tariff(code: str, *, tax_basis: str = "ht", versions: Iterable[str] = ("2026-01-01",)) -> str:
    header = f'code = "{code}"\nname = "{code}"\ntax_basis = "{tax_basis}"\n'
    return header + "".join(
        f'\n[[version]]\nvalid_from_date = {first}\nrates = "{code}-{first}.csv"\n' for first in versions
    )


@dataclass(slots=True)
class Company:
    """The plain files of a company, what was done with them, and what came out."""

    home: Path
    files: dict[str, str] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    now: datetime = NOW
    drops: int = 0

    # --- who and what

    def customer(self, code: str, name: str = "", **fields: object) -> None:
        """A business in France, sold to at the standard rate, unless the fields say otherwise."""
        row = {"code": code, "name": name or f"Client {code}", "issuer": "voxa", "vat_regime": "standard"}
        self.add("accounts", row | {"siren": SIREN} | ADDRESS | fields)

    def department(self, code: str, name: str, **fields: object) -> None:
        self.add("accounts", {"code": code, "name": name, "kind": "department", **fields})

    def branch(self, code: str, name: str, *, parent: str) -> None:
        self.add("accounts", {"code": code, "name": name, "kind": "branch", "parent": parent})

    def line(self, number: str, account: str, *, ended_date: str = "", since: str = "") -> None:
        """A line named by the number it presents, held by an account."""
        self.add("lines", {"code": f"L{number}", "name": "", "ended_date": ended_date})
        self.add("assignments", {"line": f"L{number}", "account": account, "valid_from_date": since})
        self.add("identifiers", {"kind": "number", "value": number, "line": f"L{number}", "valid_from_date": since})

    def product(self, code: str, price: str, **fields: object) -> None:
        row = {"code": code, "name": f"Produit {code}", "kind": "recurring", "nature": "services", "unit_price": price}
        self.add("products", row | fields)

    def subscribe(self, reference: str, account: str, **fields: object) -> None:
        self.add("subscriptions", {"reference": reference, "account": account, **fields})

    def buy(self, reference: str, account: str, product: str, day: str, **fields: object) -> None:
        self.add("purchases", {"reference": reference, "account": account, "product": product, "date": day, **fields})

    def add(self, table: str, row: Row) -> None:
        self.tables.setdefault(table, []).append(row)

    def row(self, table: str, **wanted: object) -> Row:
        """The row of a table to change before the next load."""
        (found,) = (row for row in self.tables[table] if all(row.get(key) == value for key, value in wanted.items()))
        return found

    # --- what happens

    def call(self, at: str, number: str, called: str, seconds: int) -> None:
        """One call at a Paris time, "2026-10-05 10:00:00"; it stands in the next file of the operator."""
        self.calls.append(f"{1000 * (self.drops + 1) + len(self.calls)};{at};{number};{called};{seconds}")

    def load(self, *, correct: bool = False) -> LoadReport:
        """Write the plain files and load them; `correct` what priced issued documents."""
        folder = self.home / "plain"
        texts = self.files | {f"{name}.csv": _csv(rows) for name, rows in self.tables.items()}
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return load(folder, recorded_at=self.now, correct=correct)

    def collect(self, source: str = "op") -> list[collecting.Parsed]:
        """Drop the calls noted so far as a file of the operator and take it in."""
        if self.calls:
            self.drops += 1
            file = self.home / f"calls-{self.drops}.csv"
            file.write_text("id;start;from;to;seconds\n" + "".join(f"{line}\n" for line in self.calls))
            collecting.drop_file(source=source, file=file)
            self.calls.clear()
        return flow.collect(now=self.now)

    def rate(self, month: str = MONTH) -> flow.rating.Rated:
        self.collect()
        return flow.rate(month=month, now=self.now)

    def preview(
        self, month: str = MONTH, *, closes_date: date | None = None, on: date = ISSUE_DATE
    ) -> list[flow.billing.Previewed]:
        return flow.preview(month=month, closes_date=closes_date, issue_date=on, now=self.now)

    def issue(
        self,
        month: str = MONTH,
        *,
        closes_date: date | None = None,
        on: date = ISSUE_DATE,
        accounts: list[str] | None = None,
    ) -> list[flow.billing.Issued]:
        """Issue without the readiness check, issuer by issuer, on the day printed (or today, if it is later)."""
        self.now = max(self.now, datetime.combine(on, time(8), UTC))
        return [
            flow.billing.issue(
                issuer=issuer,
                closes_date=closes_date or month_period(month).end,
                issue_date=on,
                now=self.now,
                validator=flow.delivery.official_verdicts,
                accounts=accounts,
            )
            for issuer in Issuer.objects.order_by("code")
        ]

    def bill(self, month: str = MONTH, *, on: date = ISSUE_DATE) -> list[flow.billing.Issued]:
        """Calls in, documents out: everything a month takes but the check and the rendering."""
        self.rate(month)
        self.preview(month, on=on)
        return self.issue(month, on=on)

    def waive_everything(self, month: str = MONTH) -> None:
        for finding in flow.check(month=month):
            flow.billing.waive(
                month=month, finding=finding.name, reason="histoire de test", waived_by="test", now=self.now
            )


def _csv(rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def voxa(home: Path) -> Company:
    """One operator, its tariff and VAT rates, no customer yet."""
    company = Company(home)
    company.files = {
        "issuers.toml": ISSUER + TERMS,
        "profiles/calls.toml": PROFILE,
        "sources.toml": (
            '[[source]]\ncode = "op"\nname = "Opérateur"\nissuer = "voxa"\nformat = "delimited"\n'
            'transport = "files"\nprofile = "profiles/calls.toml"\n'
        ),
        "zones.csv": ZONES,
        "tariffs/public.toml": tariff("public"),
        "tariffs/public-2026-01-01.csv": RATES,
        "tariff_links.csv": "owner_kind,owner,tariff\nissuer,voxa,public\n",
        "vat_rates.csv": "regime,nature,rate,valid_from_date\nstandard,,20,2014-01-01\noverseas_dom,,8.5,2014-01-01\n",
    }
    return company


# --- what came out


def issued(number: str) -> core.Document:
    """The frozen content of an issued document."""
    return canonical.from_json(Document.objects.get(number=number).content)


def document_of(account: str, *, month: str = MONTH, kind: str = "invoice") -> core.Document:
    """The only document of a kind issued to an account for a month."""
    return canonical.from_json(Document.objects.get(account__code=account, month=month, kind=kind).content)


def draft_of(account: str, *, month: str = MONTH) -> core.Document:
    return canonical.from_json(Draft.objects.get(account__code=account, run__month=month).content)


def drafts(month: str = MONTH) -> dict[str, str]:
    """account code -> fingerprint."""
    return dict(Draft.objects.filter(run__month=month).values_list("account__code", "fingerprint"))


def line_of(document: core.Document, section: core.Section) -> DocumentLine:
    (line,) = (line for line in document.lines if line.section is section)
    return line


def numbers() -> list[str]:
    return list(Document.objects.order_by("id").values_list("number", flat=True))


def charges(table: str = TableName.OPEN, month: str = MONTH) -> pl.DataFrame:
    return store.scan(table, [month]).sort(CHARGES.at, CHARGES.origin_id, CHARGES.part).collect()


def open_charges(month: str) -> pl.DataFrame:
    """Charges of a month that no document bills: a key that stands in any month is held."""
    held = store.standing(columns=list(CHARGE_KEY))
    return store.scan(TableName.OPEN, [month]).join(held, on=list(CHARGE_KEY), how="anti").collect()


def standing_charges() -> pl.LazyFrame:
    """Charges that issued documents bill and no credit note took back."""
    return store.standing()


def frozen_charges() -> pl.LazyFrame:
    """Every row bound to a document, those that take charges back too."""
    return store.scan(TableName.FROZEN)


def finished(month: str = MONTH) -> bool:
    return all(run.finished_at is not None for run in BillRun.objects.filter(month=month))
