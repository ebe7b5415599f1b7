"""A small sound company as plain files, for the tests to load and to break."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from ardoise.core.schema import FROZEN
from ardoise.store.operations import append_frozen
from ardoise.store.tables import schema_of, write_parquet

LOADED_AT = datetime(2026, 11, 5, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 6, 9, tzinfo=UTC)

PROFILE = """\
# the operator's layout
separator = ";"
"""

SOUND: dict[str, str] = {
    "issuers.toml": """\
[[issuer]]
code = "voxa"
name = "Voxa Télécom"
company = "Voxa"
siren = "552081317"
address = "1 rue de la Paix"
postal_code = "75002"
city = "Paris"
logo = "logos/voxa.svg"
iban = "FR76 3000 6000 0112 3456 7890 189"

[[issuer]]
code = "usine"
name = "Usine de Lyon"
company = "Usine"
documents = "statements"
""",
    "logos/voxa.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "accounts.csv": """\
code,name,kind,issuer,parent,vat_regime,siren,address,postal_code,city
C1-COMPTA,Comptabilité,department,,C1,,,,,
C1,Épicerie du Rhône,customer,voxa,,1,732829320,"2, rue Haute",69001,Lyon
C2,Rhumerie,customer,voxa,,overseas_dom,,3 rue Basse,97200,Fort-de-France
ATELIER,Atelier,department,usine,,,,,,
""",
    "lines.csv": """\
code,name,kind,no_detail
L1,Accueil,extension,
L2,Déléguée,extension,yes
""",
    "assignments.csv": """\
line,account,valid_from_date,valid_to_date
L1,C1,,2026-10-15
L1,C1-COMPTA,2026-10-15,
L2,ATELIER,,
""",
    "sources.toml": """\
[[source]]
code = "pbx-lyon"
name = "IP Office de Lyon"
issuer = "usine"
format = "avaya_ipoffice"
transport = "tcp_server"
port = 33000
outside_prefix = "0"
""",
    "identifiers.csv": """\
source,kind,value,line
pbx-lyon,extension,201,L2
,number,0472000001,L1
""",
    "zones.csv": """\
code,label_fr,label_en
mobile,Mobiles,Mobiles
fixe,Fixes,Landlines
""",
    "calendars.toml": """\
[[calendar]]
code = "pleine-creuse"
zone = "Europe/Paris"
holidays = "FR"

[[calendar.rule]]
band = "pleine"
days = "12345"
start = "08:00"
end = "19:00"

[[calendar.rule]]
band = "creuse"
days = "12345678"
start = "00:00"
end = "24:00"
""",
    "tariffs/public.toml": """\
code = "public"
name = "Tarif public"
calendar = "pleine-creuse"

[[version]]
valid_from_date = 2026-01-01
rates = "public-2026-01-01.csv"
""",
    "tariffs/public-2026-01-01.csv": """\
prefix,zone,band,price_per_min,first_s,next_s,service_price,service_per
+336,mobile,,0.1200,60,60,,
+337,mobile,,0.1200,60,60,,
+33,fixe,pleine,0.0500,1,1,,
+33,fixe,creuse,0.0250,1,1,,
3639,fixe,,0,1,1,0.15,minute
""",
    "tariff_links.csv": """\
owner_kind,owner,tariff
issuer,voxa,public
account,C2,public
source,pbx-lyon,public
""",
    "allowances.csv": "code,name,quantity,zones\nmob2h,2 h vers mobiles,7200,mobile\n",
    "products.csv": """\
code,name,kind,nature,unit_price,in_advance
abo,Abonnement,recurring,services,12.90,yes
poste-ip,Poste IP,one_off,goods,89,
""",
    "plans.csv": "code,name,product,tariff,allowances\nforfait,Forfait 2 h,abo,public,mob2h\n",
    "subscriptions.csv": """\
reference,account,line,product,plan,quantity,unit_price,valid_from_date,valid_to_date
S1,C1,L1,,forfait,1,9.90,2026-01-01,
S2,C2,,abo,,2,,2026-10-10,
""",
    "purchases.csv": "reference,account,line,product,quantity,unit_price,date\nP1,C1,,poste-ip,3,,2026-10-12\n",
    "vat_rates.csv": """\
regime,nature,rate,valid_from_date
standard,services,20,2014-01-01
standard,goods,20,2014-01-01
overseas_dom,,8.5,2014-01-01
""",
    "past_totals.csv": "account,month,usage,subscription,total\nC1,2026-09,10.50,9.90,20.40\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def read(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in files}


def freeze_a_call(*, version_id: int) -> None:
    """One call of an issued document, priced by a tariff version."""
    row = {name: None if column.optional else _ANY[column.type] for name, column in FROZEN.columns().items()}
    row |= {FROZEN.month: "2026-10", FROZEN.version_id: version_id}
    staged = write_parquet(pl.DataFrame([row], schema=schema_of("frozen")), "frozen")
    append_frozen(month="2026-10", partition="voxa", files=[staged])


_ANY = {"text": "x", "label": "x", "int": 1, "instant": LOADED_AT, "flag": True}
