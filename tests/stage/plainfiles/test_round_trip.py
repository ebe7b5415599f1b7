"""Any configuration: loading what was dumped gives it back, and dumping again gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardoise.plainfiles.dumping import dump
from ardoise.plainfiles.loading import load
from stage.plainfiles.company_folder import LATER, LOADED_AT, read, write

LETTERS = "abcXYZ019éÉœ’\"'\\,;#=[]{}()&<>€/\u202f«»-_.:!?% "
texts = st.text(LETTERS, min_size=1, max_size=12).map(str.strip).filter(bool)
words = st.text("abcdefXYZ0123456789_-", min_size=1, max_size=8)
days = st.integers(0, 400).map(lambda n: date(2026, 1, 1) + timedelta(days=n))
prices = st.decimals(0, 999, places=4).map(lambda price: format(price, "f"))
quantities = st.decimals("0.0001", 999, places=4).map(lambda quantity: format(quantity, "f"))


def codes(at_most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(words, min_size=1, max_size=at_most, unique=True)


def sheet(header: str, rows: list[list[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header.split(","))
    writer.writerows(rows)
    return out.getvalue()


def toml(table: str, **values: object) -> str:
    return f"{table}\n" + "".join(f"{name} = {json.dumps(v, ensure_ascii=False)}\n" for name, v in values.items())


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[object, object]]:
    """Validities that follow one another; the first may be open at its start, the last at its end."""
    edges: list[object] = sorted(draw(st.lists(days, min_size=2, max_size=4, unique=True)))
    if draw(st.booleans()):
        edges[0] = ""
    if draw(st.booleans()):
        edges[-1] = ""
    return list(pairwise(edges))


@st.composite
def directories(draw: st.DrawFn) -> dict[str, str]:
    issuers, accounts, lines = draw(codes(2)), draw(codes(5)), draw(codes(4))
    rows: list[list[object]] = []
    for position, code in enumerate(accounts):
        parent = draw(st.sampled_from(["", *accounts[:position]]))
        issuer = "" if parent else draw(st.sampled_from(issuers))
        yes_no = draw(st.sampled_from(["yes", "no", ""]))
        rows.append([code, draw(texts), issuer, parent, yes_no, draw(texts), draw(st.sampled_from(["", 45]))])
    held = [[line, draw(st.sampled_from(accounts)), *span] for line in lines for span in draw(spans())]
    extensions = [["", "extension", line, line, *span] for line in lines for span in draw(spans())]
    numbers = [["", "number", f"+3347200000{n}", line, "", ""] for n, line in enumerate(lines)]
    return {
        "issuers.toml": "\n".join(
            toml(
                "[[issuer]]",
                code=code,
                name=draw(texts),
                company=draw(texts),
                documents="statements",
                footer=draw(texts) + "\n" + draw(texts),
                vat_on_debits=draw(st.booleans()),
            )
            for code in issuers
        ),
        "accounts.csv": sheet("code,name,issuer,parent,billable,address,payment_terms", draw(st.permutations(rows))),
        "lines.csv": sheet("code,name,no_detail", [[line, draw(texts), "yes"] for line in lines]),
        "assignments.csv": sheet("line,account,valid_from_date,valid_to_date", draw(st.permutations(held))),
        "identifiers.csv": sheet("source,kind,value,line,valid_from_date,valid_to_date", extensions + numbers),
        "past_totals.csv": sheet(
            "account,month,usage,subscription,total",
            [[code, "2026-09", draw(st.sampled_from(["1", "-0.5", "12.30"])), "0", "3.1"] for code in accounts],
        ),
        "tariff_links.csv": sheet(
            "owner_kind,owner,tariff,valid_from_date,valid_to_date,position,percentage",
            [["account", accounts[0], "T", *span, draw(st.sampled_from(["", 1])), "-5.5"] for span in draw(spans())]
            + [["line", lines[0], "T", "", "", "", ""]],
        ),
        "promotion_grants.csv": sheet(
            "owner_kind,owner,promotion,valid_from_date,valid_to_date",
            [["line", lines[0], "promo", *span] for span in draw(spans())] + [["issuer", issuers[0], "promo", "", ""]],
        ),
        "exchange_rates.csv": sheet(
            "currency,other,rate,valid_from_date",
            [["USD", "EUR", "0.91230", day] for day in draw(st.lists(days, min_size=1, max_size=3, unique=True))],
        ),
        "subscriptions.csv": sheet(
            "reference,account,line,product,plan,quantity,unit_price,valid_from_date,valid_to_date",
            [[f"S{n}", code, "", "abo", "", draw(quantities), "", *draw(spans())[0]] for n, code in enumerate(accounts)]
            + [["P", accounts[0], lines[0], "", "plan", "1", draw(prices), "", ""]],
        ),
    }


@st.composite
def catalogues(draw: st.DrawFn) -> dict[str, str]:
    zones, bands, versions = draw(codes(3)), draw(codes(2)), sorted(draw(st.lists(days, max_size=2, unique=True)))
    prefixes = draw(st.lists(st.from_regex(r"\+?[1-9][0-9]{1,5}", fullmatch=True), max_size=6, unique=True))
    rules = [
        toml(
            "[[calendar.rule]]", band=band, days=draw(st.sampled_from(["12345", "8", "67"])), start="08:00", end="00:00"
        )
        for band in bands
    ]
    rules[0] += draw(st.sampled_from(["", 'dates = "12-24 07-01/08-31"\n']))
    conventions = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "band_border": st.sampled_from(["carry", "split"]),
                "rounding_point": st.sampled_from(["call", "line"]),
                "increment_decimals": st.integers(0, 6),
                "parent": st.just("P"),
            },
        )
    )
    rounding = draw(st.sampled_from(["up", "half_up"]))
    tariff = toml("", code="T", name=draw(texts), calendar="cal", rounding=rounding, **conventions)
    files = {
        "zones.csv": sheet("code,label_fr,label_en", [[zone, draw(texts), draw(texts)] for zone in zones]),
        "calendars.toml": toml("[[calendar]]", code="cal") + "".join(rules),
        "tariffs/T.toml": tariff
        + "".join(f'[[version]]\nvalid_from_date = {day}\nrates = "T{n}.csv"\n' for n, day in enumerate(versions)),
        "allowances.csv": sheet(
            "code,name,quantity,counted,zones,owner,call_limit,rollover_months,as_billed,call_fee",
            [
                [
                    "all",
                    draw(texts),
                    7200,
                    "",
                    " ".join(zones),
                    "account",
                    draw(st.sampled_from(["", 600])),
                    2,
                    "yes",
                    "0.010",
                ],
                ["unl", draw(texts), "unlimited", "money", zones[0], "pool", draw(prices), "", "", ""],
            ],
        ),
        "tariffs/P.toml": 'code = "P"\nname = "P"\n',
        "promotions.csv": sheet(
            "code,name,zones,percentage,amount,counted,from_quantity,to_quantity",
            [["promo", draw(texts), draw(st.sampled_from(["", *zones])), "10", draw(prices), "money", "1.5", "20"]],
        ),
        "products.csv": sheet(
            "code,name,kind,nature,unit_price", [["abo", draw(texts), "recurring", "services", draw(prices)]]
        ),
        "plans.csv": sheet(
            "code,name,product,tariff,allowances,promotions", [["plan", draw(texts), "abo", "T", "all unl", "promo"]]
        ),
        "vat_rates.csv": sheet("regime,nature,rate,valid_from_date", [["standard", "", draw(prices), draw(days)]]),
    }
    for n, _ in enumerate(versions):
        rates = [
            [
                prefix,
                draw(st.sampled_from(["yes", "no"])),
                draw(st.sampled_from(zones)),
                band,
                draw(prices),
                draw(prices),
                *draw(st.sampled_from([("", "", "", ""), ("+594", "", "", "0.010"), ("@208", "3", "0.50", "")])),
                *("", "", ""),
                *draw(st.sampled_from([("", "", ""), (3, "", ""), ("", 30, 60)])),
            ]
            for prefix in prefixes
            for band in draw(st.sampled_from([[""], bands]))
        ]
        rates += [["+", "no", zones[0], "", "", "", "", "", "", "", "sms", draw(prices), 1]] * draw(st.integers(0, 1))
        rates += [["=emergency", "no", zones[0], "", "", "", "", "", "", "", "data", "0.10", 1048576]]
        files[f"tariffs/T{n}.csv"] = sheet(
            "prefix,exact,zone,band,price_per_min,minimum,origin,free_s,surcharge,attempt_fee,kind,price,per,"
            "added_s,raised_above_s,raised_to_s",
            [[*row, "", "", ""][:16] for row in rates],
        )
    return files


@pytest.mark.django_db
@given(directory=directories(), catalogue=catalogues())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_a_dump_loads_back_to_the_same_bytes(directory: dict[str, str], catalogue: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        source = write(base / "source", {**directory, **catalogue})
        with transaction.atomic():
            load(source, recorded_at=LOADED_AT)
            dump(base / "first")
            assert load(source, recorded_at=LATER).changed_nothing
            assert load(base / "first", recorded_at=LATER).changed_nothing
            transaction.set_rollback(True)
        with transaction.atomic():
            load(base / "first", recorded_at=LOADED_AT)
            dump(base / "second")
            transaction.set_rollback(True)
        assert read(base / "first") == read(base / "second")
        assert read(base / "first").keys() >= catalogue.keys() - {"tariffs/T0.csv", "tariffs/T1.csv"}
