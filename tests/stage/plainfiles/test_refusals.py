"""Each mistake a folder may hold, and the very sentence that answers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.catalog.models import TariffVersion
from ardoise.directory.models import Issuer
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.problems import LoadRefused
from stage.plainfiles.company_folder import LATER, LOADED_AT, SOUND, freeze_a_call, write

pytestmark = pytest.mark.django_db

RATES = "tariffs/public-2026-01-01.csv"
ACCOUNTS_HEADER = "code,name,issuer,parent,billable,vat_regime,vat_reason,vat_number,address,postal_code,city\n"


CONSUMER = "".join(
    f"{line},{'audience' if line.startswith('code') else 'B2C' if line.startswith('C2') else ''}\n"
    for line in SOUND["accounts.csv"].splitlines()
)


def edited(file: str, old: str, new: str) -> dict[str, str]:
    assert old in SOUND[file], old
    return {file: SOUND[file].replace(old, new, 1)}


def added(file: str, text: str) -> dict[str, str]:
    return {file: SOUND[file] + text}


def priced(columns: str, rows: str) -> dict[str, str]:
    """The tariff with these rates and no band."""
    return {RATES: f"{columns}\n{rows}\n", **edited("tariffs/public.toml", 'calendar = "pleine-creuse"\n', "")}


def sold(columns: str, row: str) -> dict[str, str]:
    """One recurring product beside the one-off one, with these columns."""
    more = "," * (columns.count(",") - 4)
    return {"products.csv": f"{columns}\n{row}\nposte-ip,Poste IP,one_off,goods,89{more}\n"}


def terms(*rows: str) -> dict[str, str]:
    columns = "reference,account,line,product,valid_from_date,valid_to_date,change"
    return {"subscriptions.csv": "\n".join([columns, *rows]) + "\n"}


def header(lines: str) -> dict[str, str]:
    """The tariff with one rate, no calendar, and these lines in its header."""
    text = SOUND["tariffs/public.toml"].replace('calendar = "pleine-creuse"', lines)
    return {RATES: "prefix,zone,price_per_min\n+336,mobile,0.12\n", "tariffs/public.toml": text}


REFUSED: dict[str, tuple[dict[str, str], str]] = {
    "unknown word": (
        edited("accounts.csv", "overseas_dom", "overseas_don"),
        "accounts.csv, line 4, column vat_regime: « overseas_don » is not known; expected one of standard, "
        "overseas_dom, "
        "guyane_mayotte, reverse_charge, intra_eu, export, exempt; did you mean overseas_dom?",
    ),
    "ComTrafic index 0": (
        edited("accounts.csv", "overseas_dom", "0"),
        "accounts.csv, line 4, column vat_regime: VAT index 0 of ComTrafic does not say why there is no VAT; give the "
        "regime: guyane_mayotte, reverse_charge, intra_eu, export, or exempt with its legal mention in vat_reason",
    ),
    "no VAT regime": (
        {"accounts.csv": "code,name,issuer,address,postal_code,city,country\nC1,A,voxa,1 rue,1000,Bruxelles,BE\n"},
        "accounts.csv, line 2, column vat_regime: expected VAT regime missing: nothing follows from 1000 BE; give "
        "one of standard, overseas_dom, guyane_mayotte, reverse_charge, intra_eu, export, exempt",
    ),
    "no VAT rate": (
        edited("vat_rates.csv", "overseas_dom,,8.5,2014-01-01\n", ""),
        "accounts.csv, line 4, column vat_regime: no VAT rate for overseas_dom, goods: add a row to vat_rates.csv",
    ),
    "no address": (
        edited("accounts.csv", "3 rue Basse,97200,Fort-de-France", ",97200,"),
        "accounts.csv, line 4, column city: is missing: a customer that is invoiced needs its address, postal code "
        "and city",
    ),
    "postal code": (
        edited("accounts.csv", "97200", "9720"),
        "accounts.csv, line 4, column postal_code: « 9720 » is not a French postal code; write five digits, for "
        "example "
        "97200",
    ),
    "exempt without a mention": (
        {"accounts.csv": ACCOUNTS_HEADER + "C1,A,voxa,,,exempt,,,1 rue,69001,Lyon\n"},
        "accounts.csv, line 2, column vat_reason: is missing: write the mention to print, like « TVA non applicable – "
        "article 293 B du CGI »",
    ),
    "reverse charge without a VAT number": (
        {"accounts.csv": ACCOUNTS_HEADER + "C1,A,voxa,,,reverse_charge,,,1 rue,69001,Lyon\n"},
        "accounts.csv, line 2, column vat_number: is missing: the regime reverse_charge requires the customer's VAT "
        "number "
        "on invoices",
    ),
    "reverse charge for somebody who does not resell": (
        {"accounts.csv": ACCOUNTS_HEADER + "C1,A,voxa,,,reverse_charge,,FR03552081317,1 rue,69001,Lyon\n"},
        "accounts.csv, line 2, column resells: is missing: reverse_charge is only for an operator that buys to resell "
        "(art. 283, 2 octies du CGI); write resells = yes if it does, else the regime of its establishment",
    ),
    "reverse charge abroad": (
        {"accounts.csv": ACCOUNTS_HEADER + "C1,A,voxa,,,reverse_charge,,ESA13585625,1 rue,69001,Lyon\n"},
        "accounts.csv, line 2, column vat_number: reverse_charge requires a French VAT number; abroad in the EU it is "
        "intra_eu",
    ),
    "two VAT regimes at once": (
        {
            "vat_regimes.csv": "account,vat_regime,vat_reason,valid_from_date,valid_to_date\n"
            "C1,overseas_dom,,2026-01-01,2026-07-01\nC1,standard,,2026-06-01,\n"
        },
        "vat_regimes.csv, line 3, column valid_from_date: account « C1 »: overlaps line 2 (« overseas_dom »); give the "
        "earlier one a valid_to_date",
    ),
    "dated exemption without a mention": (
        {"vat_regimes.csv": "account,vat_regime,valid_from_date\nC1,exempt,2026-01-01\n"},
        "vat_regimes.csv, line 2, column vat_reason: is missing: write the mention to print",
    ),
    "dated reverse charge for somebody who does not resell": (
        {"vat_regimes.csv": "account,vat_regime,valid_from_date\nC1,reverse_charge,2026-01-01\n"},
        "vat_regimes.csv, line 2, column vat_regime: ",
    ),
    "a paying branch without an address": (
        {
            "accounts.csv": "code,name,issuer,parent,own_invoice,vat_regime,address,postal_code,city\n"
            "C1,A,voxa,,,standard,1 rue,69001,Lyon\nC1-N,Nord,,C1,yes,,,,\n"
        },
        "accounts.csv, line 3, column address: is missing: a customer that is invoiced needs its address, postal code "
        "and city",
    ),
    "cycle of one": (
        edited("accounts.csv", "ATELIER,Atelier,department,usine,,", "ATELIER,Atelier,department,usine,ATELIER,"),
        "accounts.csv, line 5, column parent: an account cannot be its own ancestor: ATELIER > ATELIER; change a "
        "parent",
    ),
    "cycle of three": (
        {"accounts.csv": "code,name,issuer,parent\nX,X,usine,Z\nY,Y,usine,X\nZ,Z,usine,Y\n"},
        "accounts.csv, line 2, column parent: an account cannot be its own ancestor: X > Z > Y > X; change a parent",
    ),
    "customer without issuer": (
        edited("accounts.csv", "customer,voxa,,1", "customer,,,1"),
        "accounts.csv, line 3, column issuer: is empty; expected one of usine, voxa",
    ),
    "another issuer than the customer's": (
        edited("accounts.csv", "department,,C1", "department,usine,C1"),
        "accounts.csv, line 2, column issuer: « usine » is not the issuer of its customer C1 (« voxa »); leave it "
        "empty or "
        "write the same",
    ),
    "duplicate code": (
        added("zones.csv", "mobile,Encore,Again\n"),
        "zones.csv, line 4: same code « mobile » as line 2; keep one of the two",
    ),
    "two rates for a prefix and band": (
        added(RATES, "+33,fixe,creuse,0.0300,1,1,,\n"),
        f"{RATES}, line 7: same prefix « +33 », exact « no », band « creuse » as line 5; keep one of the two",
    ),
    "two versions of a day": (
        added("tariffs/public.toml", '[[version]]\nvalid_from_date = 2026-01-01\nrates = "public-2026-01-01.csv"\n'),
        "tariffs/public.toml, line 8: same valid_from_date « 2026-01-01 » as line 5; keep one of the two",
    ),
    "band of no calendar": (
        edited(RATES, "pleine", "pleines"),
        f"{RATES}, line 4, column band: « pleines » is not known; expected one of creuse, pleine; did you mean pleine? "
        "(calendar pleine-creuse)",
    ),
    "band without calendar": (
        edited("tariffs/public.toml", 'calendar = "pleine-creuse"\n', ""),
        f"{RATES}, line 4, column band: « pleine »: the tariff public has no calendar; name one, or leave it empty",
    ),
    "unknown reference": (
        edited("lines.csv", "L2,", "L3,"),
        "assignments.csv, line 4, column line: « L2 » is not known; expected one of L1, L3 (lines.csv)",
    ),
    "unknown owner": (
        edited("tariff_links.csv", "account,C2", "account,C3"),
        "tariff_links.csv, line 3, column owner: « C3 » is not known; expected one of ATELIER, C1, C1-COMPTA, C2 "
        "(accounts.csv)",
    ),
    "sold less than nothing": (
        edited("purchases.csv", "poste-ip,3", "poste-ip,-3"),
        "purchases.csv, line 2, column quantity: « -3 » is negative; write a number above zero",
    ),
    "subscribed to less than nothing": (
        {"subscriptions.csv": "reference,account,plan,quantity,valid_from_date\nS1,C1,forfait,-1,2026-10-01\n"},
        "subscriptions.csv, line 2, column quantity: « -1 » is negative; write a number above zero",
    ),
    "subscribed to nothing": (
        {"subscriptions.csv": "reference,account,plan,quantity,valid_from_date\nS1,C1,forfait,0,2026-10-01\n"},
        "subscriptions.csv, line 2, column quantity: « 0 » is nothing; write a number above zero",
    ),
    "bad date": (
        edited("purchases.csv", "2026-10-12", "12/10/2026"),
        "purchases.csv, line 2, column date: « 12/10/2026 » is not a date; write YYYY-MM-DD, for example 2026-10-31",
    ),
    "bad amount": (
        edited("products.csv", "12.90", "12.90 €"),
        "products.csv, line 2, column unit_price: « 12.90 € » is not an amount; write for example 0.0250",
    ),
    "bad SIREN": (
        edited("issuers.toml", "552081317", "552081318"),
        "issuers.toml, line 5, column siren: « 552081318 » is not a SIREN; write its 9 digits (the last one is a check "
        "digit)",
    ),
    "SIRET of another company": (
        edited("issuers.toml", 'siren = "552081317"\n', 'siren = "552081317"\nsiret = "73282932000074"\n'),
        "issuers.toml, line 6, column siret: « 73282932000074 » does not start with the SIREN « 552081317 »; "
        "correct one "
        "of them",
    ),
    "VAT number of another company": (
        edited("issuers.toml", 'siren = "552081317"\n', 'siren = "552081317"\nvat_number = "FR44732829320"\n'),
        "issuers.toml, line 6, column vat_number: « FR44732829320 » does not end with the SIREN « 552081317 »; correct "
        "one of them",
    ),
    "bad IBAN": (
        edited("issuers.toml", "7890 189", "7890 188"),
        "issuers.toml, line 10, column iban: « FR76 3000 6000 0112 3456 7890 188 » is not an IBAN (invalid checksum "
        "digits); "
        "copy it from the bank's statement",
    ),
    "number without sequence": (
        edited("issuers.toml", 'name = "Voxa Télécom"\n', 'name = "Voxa Télécom"\ninvoice_number = "FA{year}"\n'),
        "issuers.toml, line 4, column invoice_number: « FA{year} » would give every document the same number; add "
        "{seq:05d}",
    ),
    "issuer of invoices without SIREN": (
        edited("issuers.toml", 'siren = "552081317"\n', ""),
        "issuers.toml, line 1, column siren: is missing: an issuer of invoices must print it (art. 242 nonies A, "
        "ann. II "
        "CGI)",
    ),
    "unknown column": (
        edited("lines.csv", "kind", "knid"),
        "lines.csv, line 1, column knid: this column is not known; did you mean kind?",
    ),
    "missing column": (
        {"lines.csv": "name\nAccueil\n"},
        "lines.csv, line 1, column code: this column is missing; expected code,name,kind,no_detail,ended_date",
    ),
    "column twice": (
        {"lines.csv": "code,name,code\nL1,a,b\n"},
        "lines.csv, line 1, column code: this column stands twice; keep one",
    ),
    "unknown key": (
        edited("sources.toml", "outside_prefix", "outside_prefx"),
        "sources.toml, line 8, column outside_prefx: this key is not known; did you mean outside_prefix?",
    ),
    "too many cells": (
        added("lines.csv", "L4,Salle 1, Salle 2,extension,\n"),
        "lines.csv, line 4: has 5 cells, 4 are expected as in the header; put quotes around a text that holds a comma",
    ),
    "too few cells": (added("lines.csv", "L4\n"), "lines.csv, line 4: has 1 cells, 4 are expected as in the header"),
    "semicolons": (
        {"lines.csv": "code;name;kind;no_detail\nL1;a;b;no\n"},
        "lines.csv, line 1: cells are separated by semicolons; commas are expected",
    ),
    "semicolons and few columns": (
        {"lines.csv": "code;name\nL1;a\n"},
        "lines.csv, line 1: cells are separated by semicolons; commas are expected",
    ),
    "an open quote": (
        added("lines.csv", 'L4,"Salle,extension,\n'),
        "lines.csv, line 4: is not CSV: unexpected end of data",
    ),
    "not TOML": (
        edited("sources.toml", 'code = "pbx-lyon"', "code = pbx-lyon"),
        "sources.toml, line 2: is not TOML: Invalid value",
    ),
    "a float in TOML": (
        edited("issuers.toml", 'siren = "552081317"', "siren = 552081317"),
        'issuers.toml, line 5, column siren: 552081317 must be written between quotes: "552081317"',
    ),
    "too long": (
        added("zones.csv", f"{'z' * 41},a,b\n"),
        "zones.csv, line 4, column code: has 41 characters; 40 at most are kept",
    ),
    "empty and required": (
        added("zones.csv", "sva,,b\n"),
        "zones.csv, line 4, column label_fr: is empty; expected: text",
    ),
    "misspelt file": ({"acounts.csv": ""}, "acounts.csv: this file is not known; did you mean accounts.csv?"),
    "logo that is not there": (
        edited("issuers.toml", "logos/voxa.svg", "logos/vox.svg"),
        "issuers.toml, line 9, column logo: the file « logos/vox.svg » is not there; names are relative to the folder",
    ),
    "logo outside the folder": (
        edited("issuers.toml", "logos/voxa.svg", "../secret.svg"),
        "issuers.toml, line 9, column logo: « ../secret.svg » is outside the folder; copy the file into it",
    ),
    "rates that are not there": (
        edited("tariffs/public.toml", "public-2026-01-01.csv", "public.csv"),
        "tariffs/public.toml, line 7, column rates: the file « tariffs/public.csv » is not there",
    ),
    "rates nobody names": (
        {"tariffs/old.csv": "prefix\n"},
        "tariffs/old.csv: no version names this file; write rates = « old.csv » in its tariff, or remove it",
    ),
    "overlapping assignments": (
        edited("assignments.csv", "2026-10-15,\n", "2026-10-14,\n"),
        "assignments.csv, line 3, column valid_from_date: line « L1 »: overlaps line 2 (« C1 »); give the earlier "
        "one a valid_to_date",
    ),
    "overlapping identifiers": (
        {
            "identifiers.csv": "source,kind,value,line,valid_from_date\n"
            ",number,0472000001,L1,\n,number,+33472000001,L2,2026-10-01\n"
        },
        "identifiers.csv, line 3, column valid_from_date: source (empty), kind « number », value « 33472000001 »: "
        "overlaps line 2 (« L1 »); give the earlier one a valid_to_date",
    ),
    "not a telephone number": (
        edited("identifiers.csv", "0472000001", "047200"),
        "identifiers.csv, line 3, column value: « 047200 » is not a telephone number; write +33472000001, or ?047200 "
        "for a login made of digits",
    ),
    "two tariffs at a node": (
        {
            "tariff_links.csv": "owner_kind,owner,tariff,valid_from_date\n"
            "issuer,voxa,public,\nissuer,voxa,public,2026-10-01\n"
        },
        "tariff_links.csv, line 3, column valid_from_date: owner_kind « issuer », owner « voxa »: overlaps line 2; "
        "give "
        "the earlier one a valid_to_date",
    ),
    "validity backwards": (
        edited("subscriptions.csv", "2026-01-01,", "2026-01-01,2025-12-31"),
        "subscriptions.csv, line 2, column valid_to_date: « 2025-12-31 » is not after valid_from_date « 2026-01-01 »; "
        "write the day after the last day",
    ),
    "steps": (
        {
            RATES: "prefix,zone,price_per_min,steps\n+336,mobile,0,0:0.10/60\n+337,mobile,0,60:0.10/60/60\n",
        },
        f"{RATES}, line 3, column steps: « 60:0.10/60/60 »: steps must start at second 0 and follow one another, with "
        "durations of 1 s or more",
    ),
    "service part": (
        edited(RATES, "0.15,minute", "0.15,"),
        f"{RATES}, line 6, column service_per: service_price and service_per go together; write minute or call, or "
        "leave "
        "both empty",
    ),
    "product and plan": (
        edited("subscriptions.csv", "L1,,forfait", "L1,abo,forfait"),
        "subscriptions.csv, line 2, column product: write a product or a plan, and only one of them",
    ),
    "subscription of a one-off": (
        edited("subscriptions.csv", "C2,,abo", "C2,,poste-ip"),
        "subscriptions.csv, line 3, column product: « poste-ip » is one_off; a subscription needs a recurring product",
    ),
    "product without a nature": (
        edited("products.csv", "recurring,services", "recurring,"),
        "products.csv, line 2, column nature: is empty; expected: goods, services",
    ),
    "a length nobody reads": (
        sold("code,name,kind,nature,unit_price,period", "abo,Abo,recurring,services,10,monthly"),
        "products.csv, line 2, column period: « monthly » is not a billing period; write P1M, P3M, P1Y, P1W or P30D",
    ),
    "counted at the end, billed in advance": (
        sold("code,name,kind,nature,unit_price,counted,counted_at", "abo,Abo,recurring,services,10,lines,peak"),
        "products.csv, line 2, column counted_at: « peak » is known when the period is over; write in_advance no",
    ),
    "persons counted by kind": (
        sold("code,name,kind,nature,unit_price,counted,counted_of", "abo,Abo,recurring,services,10,seats,sim"),
        "products.csv, line 2, column counted_of: lines and plans only are counted by kind; write counted, or nothing "
        "here",
    ),
    "lines with a plan nobody sells": (
        sold("code,name,kind,nature,unit_price,counted,counted_of", "abo,Abo,recurring,services,10,plans,autre"),
        "products.csv, line 2, column counted_of: names the plan whose lines are counted; write the code of a plan",
    ),
    "few days, how many": (
        sold("code,name,kind,nature,unit_price,first_stub", "abo,Abo,recurring,services,10,by_days"),
        "products.csv, line 2, column deferred_below_days: goes with first_stub by_days; write both, or neither",
    ),
    "more than what is left": (
        sold("code,name,kind,nature,unit_price,exit_share", "abo,Abo,recurring,services,10,120"),
        "products.csv, line 2, column exit_share: « 120 » is more than what is left; write 100 at most",
    ),
    "a consumer engaged for three years": (
        sold("code,name,kind,nature,unit_price,engaged_months", "abo,Abo,recurring,services,10,36")
        | {"accounts.csv": CONSUMER},
        "subscriptions.csv, line 3, column product: engages a consumer for 36 months; choose one of 24 at most (Code "
        "de la consommation, article L224-28)",
    ),
    "terms that overlap": (
        terms("S2,C2,,abo,2026-10-10,,", "S2,C2,,abo,2026-11-01,,1"),
        "subscriptions.csv, line 3, column valid_from_date: reference « S2 »: overlaps line 2; give the earlier one a "
        "valid_to_date",
    ),
    "terms of another line": (
        terms("S2,C2,,abo,2026-10-10,2026-11-01,", "S2,C2,L1,abo,2026-11-01,,1"),
        "subscriptions.csv, line 3, column line: is not the line that subscribed; end the subscription, and write "
        "another reference",
    ),
    "a change of nothing": (
        terms("S3,C2,,abo,2026-10-10,,1"),
        "subscriptions.csv, line 2, column change: « S3 » has no row without a change; write that one too",
    ),
    "a subscription that ends before it starts": (
        terms("S2,C2,,abo,2026-10-10,2026-10-09,"),
        "subscriptions.csv, line 2, column valid_to_date: « 2026-10-09 » is not after valid_from_date « 2026-10-10 »; "
        "write the day after the last day",
    ),
    "purchase of a subscription": (
        edited("purchases.csv", "poste-ip", "abo"),
        "purchases.csv, line 2, column product: « abo » is recurring; write it in subscriptions.csv",
    ),
    "unknown format": (
        edited("sources.toml", "avaya_ipoffice", "avaya_ipofice"),
        "sources.toml, line 5, column format: « avaya_ipofice » is not known; expected one of alcatel_oxe, ",
    ),
    "no port": (
        edited("sources.toml", "port = 33000\n", ""),
        "sources.toml, line 1, column port: is missing: the transport tcp_server needs it",
    ),
    "a secret in the settings": (
        edited(
            "sources.toml",
            'transport = "tcp_server"',
            'transport = "radius"\nlink = { secret = "testing123" }',
        ),
        "sources.toml, line 7, column link: The link of this radius source, secret must name the secret, not hold it: "
        "write env:NAME or file:PATH.",
    ),
    "unknown payer": (
        edited("sources.toml", "port = 33000\n", 'port = 33000\nassembly = { pays = "boss" }\n'),
        "sources.toml, line 8, column assembly: pays is one of first, last, transferer, split, or left out; not 'boss'",
    ),
    "no price": (
        priced("prefix,zone,price_per_min", "+336,mobile,"),
        f"{RATES}, line 2, column price_per_min: is empty; write a price: price_per_min, price, steps or coefficient",
    ),
    "two prices": (
        priced("prefix,zone,price_per_min,price", "+336,mobile,0.10,0.02"),
        f"{RATES}, line 2, column price: price_per_min and price are given; write one of them",
    ),
    "minutes of messages": (
        priced("prefix,zone,price_per_min,kind", "+336,mobile,0.10,sms"),
        f"{RATES}, line 2, column price_per_min: a row of sms has no minutes; write price, and per if needed",
    ),
    "units without a price": (
        priced("prefix,zone,price_per_min,per", "+336,mobile,0.10,1024"),
        f"{RATES}, line 2, column per: goes with price: the price of so many units; write price too",
    ),
    "coefficient and steps": (
        priced("prefix,zone,steps,coefficient", "+336,mobile,0:0.10/60/60,1.2"),
        f"{RATES}, line 2, column coefficient: steps and coefficient are given; write one of them",
    ),
    "coefficient and fee": (
        priced("prefix,zone,coefficient,connection_fee", "+336,mobile,1.2,0.10"),
        f"{RATES}, line 2, column connection_fee: is not used beside a coefficient; leave it empty",
    ),
    "raised to no more": (
        priced("prefix,zone,price_per_min,raised_above_s,raised_to_s", "+336,mobile,0.10,60,60"),
        f"{RATES}, line 2, column raised_to_s: « 60 » is not more than raised_above_s « 60 »",
    ),
    "surcharge without amount": (
        priced("prefix,zone,price_per_min,surcharge_at_s", "+336,mobile,0.10,600"),
        f"{RATES}, line 2, column surcharge: is missing: surcharge_at_s and surcharge_every_s go with it",
    ),
    "maximum under the minimum": (
        priced("prefix,zone,price_per_min,minimum,maximum", "+336,mobile,0.10,0.50,0.40"),
        f"{RATES}, line 2, column maximum: « 0.40 » is less than the minimum « 0.50 »",
    ),
    "category nobody has": (
        priced("prefix,zone,price_per_min", "=emergenci,mobile,0"),
        f"{RATES}, line 2, column prefix: « emergenci » is not known; expected one of ",
    ),
    "exact category": (
        priced("prefix,exact,zone,price_per_min", "=emergency,yes,mobile,0"),
        f"{RATES}, line 2, column exact: « =emergency » is no whole number; leave exact empty",
    ),
    "two rates of a kind": (
        priced("prefix,zone,price,kind", "+336,mobile,0.02,sms\n+336,mobile,0.03,sms"),
        f"{RATES}, line 3: same prefix « +336 », exact « no », band (empty), kind « sms » as line 2; keep one",
    ),
    "carry without a calendar": (
        header('band_border = "carry"'),
        "tariffs/public.toml, line 3, column band_border: « carry » needs a calendar with bands; name one, or write "
        "start",
    ),
    "split of a volume": (
        header('calendar = "pleine-creuse"\nband_border = "split"\ntiers = "volume"'),
        "tariffs/public.toml, line 1: tariff « public »: border « split » needs increments counted as « first_next »",
    ),
    "package of rounded increments": (
        header('tiers = "package"\nincrement_decimals = 3'),
        "tariffs/public.toml, line 1: tariff « public »: a package has no price of an increment to round",
    ),
    "parent of itself": (
        {
            **header('parent = "gros"'),
            "tariffs/gros.toml": 'code = "gros"\nname = "Gros"\nparent = "public"\n',
        },
        "tariffs/gros.toml, line 3, column parent: a tariff cannot be its own parent: gros > public > gros; change a "
        "parent",
    ),
    "parent of the other direction": (
        {
            **header('parent = "recus"'),
            "tariffs/recus.toml": 'code = "recus"\nname = "Reçus"\nincoming = true\n',
        },
        "tariffs/public.toml, line 3, column parent: « recus » prices the other direction (incoming); name another",
    ),
    "adjustment of no parent": (
        header('parent_percentage = "-10"'),
        "tariffs/public.toml, line 1, column parent: is missing: an adjustment of the parent needs one; name it",
    ),
    "trunk of an account": (
        {"tariff_links.csv": "owner_kind,owner,tariff,trunk\naccount,C1,public,T1\n"},
        "tariff_links.csv, line 2, column trunk: is of a source; leave it empty for a line, an account or an issuer",
    ),
    "more than the whole price off": (
        {"tariff_links.csv": "owner_kind,owner,tariff,percentage\naccount,C1,public,-101\n"},
        "tariff_links.csv, line 2, column percentage: takes off more than the whole price; write -100 or more",
    ),
    "half a second": (
        {"allowances.csv": "code,name,quantity,zones\nmob2h,2 h,7200.5,mobile\n"},
        "allowances.csv, line 2, column quantity: « 7200.5 » seconds: write a whole number",
    ),
    "what is left of everything": (
        {"allowances.csv": "code,name,quantity,zones,rollover_months\nmob2h,2 h,unlimited,mobile,1\n"},
        "allowances.csv, line 2, column rollover_months: means nothing of an unlimited quantity; leave it empty",
    ),
    "increments of money": (
        {"allowances.csv": "code,name,quantity,counted,zones,increment\nmob2h,5 €,5.00,money,mobile,60\n"},
        "allowances.csv, line 2, column increment: means nothing where money is counted; leave it empty",
    ),
    "promotion of nothing": (
        {"promotions.csv": "code,name\nsoldes,Soldes\n"},
        "promotions.csv, line 2, column percentage: is missing: a promotion takes a percentage or an amount off; write "
        "one",
    ),
    "promotion of more than all": (
        {"promotions.csv": "code,name,percentage\nsoldes,Soldes,120\n"},
        "promotions.csv, line 2, column percentage: « 120 » takes off more than the price; write 100 or less",
    ),
    "empty window": (
        {"promotions.csv": "code,name,percentage,from_quantity,to_quantity\nsoldes,Soldes,10,100,100\n"},
        "promotions.csv, line 2, column to_quantity: « 100 » is not more than from_quantity",
    ),
    "promotion of an unknown owner": (
        {
            "promotions.csv": "code,name,percentage\nsoldes,Soldes,10\n",
            "promotion_grants.csv": "owner_kind,owner,promotion\naccount,C9,soldes\n",
        },
        "promotion_grants.csv, line 2, column owner: « C9 » is not known; expected one of ATELIER, C1, C1-COMPTA, C2",
    ),
    "currency for itself": (
        {"exchange_rates.csv": "currency,other,rate,valid_from_date\nUSD,USD,1,2026-01-01\n"},
        "exchange_rates.csv, line 2, column other: « USD » is the same currency; write another",
    ),
    "exchange rate that ends": (
        {
            "exchange_rates.csv": (
                "currency,other,rate,valid_from_date,valid_to_date\nUSD,EUR,0.9,2026-01-01,2026-02-01\n"
            )
        },
        "exchange_rates.csv, line 2, column valid_to_date: a rate lasts until the next one; leave it empty, or",
    ),
    "reseller of a branch": (
        {"accounts.csv": "code,name,issuer,parent,reseller\nX,X,usine,,\nY,Y,usine,X,Z\nZ,Z,usine,,\n"},
        "accounts.csv, line 3, column reseller: belongs to the customer at the top of the tree (X), not to a branch",
    ),
    "reseller of itself": (
        {"accounts.csv": "code,name,issuer,parent,reseller\nX,X,usine,,Z1\nZ,Z,usine,,X\nZ1,Z1,usine,Z,\n"},
        "accounts.csv, line 2, column reseller: an account cannot resell to itself: X > Z > X; change a reseller",
    ),
    "days of no year": (
        edited("calendars.toml", 'days = "12345"\n', 'days = "12345"\ndates = "12-32"\n'),
        "calendars.toml, line 9, column dates: « 12-32 » is not a day of the year; write MM-DD, or a span like "
        "07-01/08-31",
    ),
    "public holidays": (
        edited("calendars.toml", '"FR"', '"FRANCE"'),
        "calendars.toml, line 4, column holidays: no public holidays are known for « FRANCE »",
    ),
}


@pytest.mark.parametrize(("files", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_answered_with_its_place_and_what_to_write(
    tmp_path: Path, files: dict[str, str], said: str
) -> None:
    folder = write(tmp_path, {**SOUND, **files})
    with pytest.raises(LoadRefused) as refusal:
        load(folder, recorded_at=LOADED_AT)
    found = [str(problem) for problem in refusal.value.problems]
    assert any(one.startswith(said) for one in found), "\n".join(found)
    assert not Issuer.objects.exists()


def test_all_the_mistakes_are_said_at_once_and_none_twice(tmp_path: Path) -> None:
    files = {
        **edited("accounts.csv", "overseas_dom", "overseas_don"),  # C2 is named elsewhere: no error there
        **edited("products.csv", "12.90", "cheap"),
        **added("zones.csv", "mobile,Encore,Again\n"),
        **edited("purchases.csv", "2026-10-12", "soon"),
    }
    with pytest.raises(LoadRefused) as refusal:
        load(write(tmp_path, {**SOUND, **files}), recorded_at=LOADED_AT)
    assert [(problem.file, problem.line) for problem in refusal.value.problems] == [
        ("accounts.csv", 4),
        ("products.csv", 2),
        ("purchases.csv", 2),
        ("zones.csv", 4),
    ]
    assert str(refusal.value).startswith("4 errors, nothing was loaded:\naccounts.csv, line 4, column vat_regime: ")


def test_a_file_that_cannot_be_read_does_not_accuse_the_others(tmp_path: Path) -> None:
    folder = write(tmp_path, SOUND)
    (folder / "lines.csv").write_bytes("code,name\nL1,Accueil\nL2,Déléguée\n".encode("latin-1"))
    with pytest.raises(LoadRefused) as refusal:
        load(folder, recorded_at=LOADED_AT)
    assert [str(problem) for problem in refusal.value.problems] == [
        "lines.csv, line 3: is not UTF-8 here; save the file as « UTF-8 » (« CSV UTF-8 » in a spreadsheet)"
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    folder = write(tmp_path, SOUND)
    (folder / "zones.csv").write_bytes(("\ufeff" + SOUND["zones.csv"]).replace("\n", "\r\n").encode())
    assert not load(folder, recorded_at=LOADED_AT).changed_nothing


def test_a_delimited_source_whose_profile_is_wrong_is_refused(tmp_path: Path) -> None:
    source = '[[source]]\ncode = "op"\nname = "Op"\nissuer = "voxa"\nformat = "delimited"\ntransport = "files"\n'
    files = {
        "sources.toml": SOUND["sources.toml"] + source + 'profile = "profiles/op.toml"\n',
        "profiles/op.toml": 'delimeter = ";"\n',
    }
    with pytest.raises(LoadRefused, match=r"sources.toml, line 15, column profile: "):
        load(write(tmp_path, {**SOUND, **files}), recorded_at=LOADED_AT)


WARNED = {
    "mainland regime overseas": (
        edited("accounts.csv", "overseas_dom", "standard"),
        "accounts.csv, line 4, column vat_regime: « standard » for an establishment in 97200 FR: overseas_dom is usual "
        "there; check it",
    ),
    "company without SIREN": (
        {},
        "accounts.csv, line 4, column siren: is missing: an invoice to a French company must print it (art. 242 nonies "
        "A, ann. II CGI) and will be refused at issue; write it, or audience B2C for a private person or an "
        "association without one",
    ),
    "no VAT regime where the postal code tells it": (
        edited("accounts.csv", "overseas_dom", ""),
        "accounts.csv, line 4, column vat_regime: is empty: overseas_dom follows from 97200 FR and is what will be "
        "billed; write it",
    ),
}


@pytest.mark.parametrize(("files", "said"), WARNED.values(), ids=WARNED.keys())
def test_what_is_odd_but_legal_is_a_warning(tmp_path: Path, files: dict[str, str], said: str) -> None:
    report = load(write(tmp_path, {**SOUND, **files}), recorded_at=LOADED_AT)
    assert said in [str(problem) for problem in report.warnings]


def test_no_warning_for_a_customer_that_is_not_invoiced(tmp_path: Path) -> None:
    accounts = (
        ACCOUNTS_HEADER
        + "C1,A,voxa,,no,,,,,,\nC1-COMPTA,B,voxa,,no,,,,,,\nC2,C,usine,,,,,,,,\nATELIER,D,usine,,,,,,,,\n"
    )
    assert load(write(tmp_path, {**SOUND, "accounts.csv": accounts}), recorded_at=LOADED_AT).warnings == ()


# --- a tariff version that priced issued documents -----------------------------------------------------------------


@pytest.fixture
def issued(tmp_path: Path, home: Path) -> Path:
    """The sound company, loaded, with one call of an issued document priced by its tariff version."""
    folder = write(tmp_path / "company", SOUND)
    load(folder, recorded_at=LOADED_AT)
    freeze_a_call(version_id=TariffVersion.objects.get().pk)
    return folder


def test_rates_that_priced_an_issued_document_change_only_as_a_correction(issued: Path) -> None:
    write(issued, edited(RATES, "+336,mobile,,0.1200", "+336,mobile,,0.1300"))
    with pytest.raises(LoadRefused) as refusal:
        load(issued, recorded_at=LATER)
    assert str(refusal.value.problems[0]) == (
        f"{RATES}, line 2: the version of public from 2026-01-01 priced issued documents; restore it and add a version "
        "with a later valid_from_date, or load with --correct to record a correction of the past: what is open is then "
        "rated again, and what was issued gives proposals"
    )
    report = load(issued, recorded_at=LATER, correct=True)
    assert report.corrected == ("public, from 2026-01-01",)
    before, now = TariffVersion.objects.order_by("recorded_at")
    assert [str(version.rates.get(prefix="+336").price_per_min) for version in (before, now)] == ["0.1200", "0.1300"]
    assert load(issued, recorded_at=LATER).changed_nothing


def test_a_version_that_priced_an_issued_document_is_taken_back_only_as_a_correction(issued: Path) -> None:
    write(issued, edited("tariffs/public.toml", "rates =", "valid_to_date = 2026-01-01\nrates ="))
    with pytest.raises(LoadRefused, match=r"tariffs/public.toml, line 5: the version of public from 2026-01-01 priced"):
        load(issued, recorded_at=LATER)
    load(issued, recorded_at=LATER, correct=True)
    assert [version.superseded_at for version in TariffVersion.objects.all()] == [LATER]
    assert load(issued, recorded_at=LATER).changed_nothing


def test_the_rounding_of_a_tariff_that_priced_an_issued_document_changes_no_more(issued: Path) -> None:
    write(issued, edited("tariffs/public.toml", 'name = "Tarif public"', 'name = "Public"\nrounding = "up"'))
    with pytest.raises(LoadRefused, match="column rounding: changes a tariff that priced issued documents"):
        load(issued, recorded_at=LATER)


def test_a_version_is_added_and_the_used_one_may_be_closed_and_renamed(issued: Path) -> None:
    text = SOUND["tariffs/public.toml"].replace("rates =", "valid_to_date = 2026-12-01\nrates =", 1)
    text = text.replace("Tarif public", "Tarif 2026")
    text += '\n[[version]]\nvalid_from_date = 2026-12-01\nrates = "public-2026-12-01.csv"\n'
    rates = SOUND[RATES].replace("0.12", "0.13")
    write(issued, {"tariffs/public.toml": text, "tariffs/public-2026-12-01.csv": rates})
    report = load(issued, recorded_at=LATER)
    assert {count.file: (count.new, count.changed) for count in report.files if count.file.startswith("tariffs")} == {
        RATES: (0, 0),
        "tariffs/public-2026-12-01.csv": (5, 0),
        "tariffs/public.toml": (1, 2),
    }
