"""Build `src/ardoise/core/numbering_data.py` from a folder of numbering tables.

    python tools/make_numbering.py FOLDER [OUTPUT]

FOLDER holds `fr_plan.csv` and `fr_ranges.csv` (ARCEP open data, Licence Ouverte 2.0), `world_countries.csv` and
`world_prefixes.csv` (libphonenumber metadata, Apache-2.0). Where several countries share a calling code,
the prefixes of each are asked of the `phonenumbers` library. The world table is shrunk: kinds are reduced to
six classes, and within one calling code the smallest set of prefixes is kept that gives every known prefix the same
country and class (unassigned prefixes answer as their neighbours).
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import phonenumbers

Row = dict[str, str]
Value = tuple[str, str]  # (region, class)

CLASSES = {  # the first kind found decides: a number that may be a mobile is priced as one
    "mobile": "M",
    "fixed": "F",
    "fixed_or_mobile": "F",
    "premium": "P",
    "shared_cost": "S",
    "toll_free": "T",
}
NOTES = re.compile(
    r" \((?:territoire par|tranche|E\.164|DOM par|non attribué|réservé)[^)]*\)"
)  # for us, not for a bill
SATELLITE_CODES = ("870", "881", "882", "883")
SMALL_TERRITORIES = {  # prefixes of territories that share the code of a larger country, as libphonenumber gives them
    "GG": "441481 447781 447839",
    "JE": "441534 447509 447829 447937 447797",
    "IM": "441624 447524 447624 447924 4474576",
    "CC": "6189162",
    "CX": "6189164",
    "SJ": "4779",
    "VA": "3906698",
}
OVERSEAS_CODES = {  # zone of the ARCEP blocks -> (calling code, territory of the product's plan)
    "Guadeloupe St Martin et St Barthélemy": ("590", "Guadeloupe St-Martin St-Barthélemy"),
    "Guyane": ("594", "Guyane"),
    "Martinique": ("596", "Martinique"),
    "La Réunion": ("262", "La Réunion"),
    "La Réunion - Océan indien": ("262", "La Réunion - océan Indien"),
    "Mayotte": ("262", "Mayotte"),
    "Saint Pierre et Miquelon": ("508", "Saint-Pierre-et-Miquelon"),
}
HEADER = '''"""Numbering tables: the French plan, its overseas blocks, countries and prefixes of the world.

Written by `tools/make_numbering.py`; do not edit. Sources: ARCEP, numbering resources (MAJNUM) and decision 2018-0881
modified by 2022-1583, Licence Ouverte 2.0, snapshot {snapshot}; libphonenumber metadata, Apache-2.0.
"""
'''


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def french_plan(folder: Path) -> list[str]:
    """`prefix|national length|calling code|category|label|territory`, longest prefix wins at equal length."""
    lines = []
    for row in rows(folder / "fr_plan.csv"):
        if row["category"] == "international_prefix":
            continue
        code = calling_code(row)
        label = NOTES.sub("", row["label"])
        lines.append("|".join((row["prefix"], row["national_length"], code, row["category"], label, row["territory"])))
    return lines


def calling_code(row: Row) -> str:
    """Calling code of a plan row: from its E.164 form, else from its territory; "" for short numbers and blocks."""
    if row["e164"]:
        digits = row["e164"].removeprefix("+")
        return next(code for code in ("33", "262", "508", "590", "594", "596") if digits.startswith(code))
    by_territory = {territory: code for code, territory in OVERSEAS_CODES.values()}
    return by_territory.get(row["territory"], "")


def overseas_blocks(folder: Path) -> list[str]:
    """`prefix|territory index` of ARCEP blocks given overseas where the plan alone does not say so, siblings merged."""
    plan = {row["prefix"]: row for row in rows(folder / "fr_plan.csv") if row["prefix"].startswith("0")}
    territories = [territory for _, territory in OVERSEAS_CODES.values()]
    blocks: dict[str, str] = {}
    for row in rows(folder / "fr_ranges.csv"):
        if row["zone"] not in OVERSEAS_CODES:
            continue
        territory = OVERSEAS_CODES[row["zone"]][1]
        known = next(plan[row["prefix"][:n]] for n in range(len(row["prefix"]), 0, -1) if row["prefix"][:n] in plan)
        if known["territory"] != territory.removesuffix(" - océan Indien"):
            blocks[row["prefix"]] = str(territories.index(territory))
    merge_siblings(blocks)
    return [f"{prefix}|{index}" for prefix, index in sorted(blocks.items())]


def merge_siblings(blocks: dict[str, str]) -> None:
    """Ten children with one answer become their parent."""
    merged = True
    while merged:
        merged = False
        for parent in {prefix[:-1] for prefix in blocks}:
            answers = {blocks.get(parent + digit) for digit in "0123456789"}
            if len(answers) == 1 and None not in answers:
                for digit in "0123456789":
                    answer = blocks.pop(parent + digit)
                blocks[parent] = answer
                merged = True


def countries(folder: Path) -> tuple[list[str], dict[str, str]]:
    """`region|name` lines, and the main region of each calling code."""
    names: dict[str, str] = {}
    main: dict[str, str] = {}
    for row in rows(folder / "world_countries.csv"):
        region = row["region"] if row["region"] != "001" else f"X{row['calling_code']}"
        names[region] = row["name_fr"]
        if row["main_for_code"] == "1" or row["calling_code"] not in main:
            main[row["calling_code"]] = region
    names.update({"X870": "Satellite Inmarsat", "X881": "Réseaux satellitaires mobiles"})
    names.update({"X882": "Réseaux internationaux +882", "X883": "Réseaux internationaux +883"})
    return [f"{region}|{name}" for region, name in sorted(names.items())], main


def world_answers(folder: Path, main: dict[str, str]) -> dict[str, dict[str, Value]]:
    """For each calling code, prefix -> (region, class); a prefix shared by several regions goes to the main one."""
    found: dict[str, dict[str, list[Value]]] = defaultdict(lambda: defaultdict(list))
    for row in rows(folder / "world_prefixes.csv"):
        code = row["calling_code"]
        kinds = row["type"].split("|")
        kind = next((CLASSES[kind] for kind in CLASSES if kind in kinds), "O")
        region = row["region"] if row["region"] != "001" else f"X{code}"
        if code in SATELLITE_CODES:
            kind = "L"
        found[code][row["e164_prefix"]].append((region, kind))
    answers: dict[str, dict[str, Value]] = {}
    for code, region in main.items():
        table = {prefix: min(values, key=lambda v: (v[0] != region, v)) for prefix, values in found[code].items()}
        table.setdefault(code, (region, "L" if code in SATELLITE_CODES else "F"))
        for owner, prefix in shared_prefixes():
            if prefix.startswith(code):
                give(table, prefix, owner)
        answers[code] = table
    return answers


@cache
def shared_prefixes() -> list[tuple[str, str]]:
    """(region, prefix) of the area codes of North America, and of small territories elsewhere."""
    found = [(region, prefix) for region, prefixes in SMALL_TERRITORIES.items() for prefix in prefixes.split()]
    for area in range(200, 1000):
        regions = set()
        for last in range(2000000, 10000000, 97777):
            number = phonenumbers.PhoneNumber(country_code=1, national_number=area * 10_000_000 + last)
            regions.add(phonenumbers.region_code_for_number(number))
        if len(regions - {None}) == 1:
            found.append((regions.difference({None}).pop(), f"1{area}"))
    return found


def give(table: dict[str, Value], prefix: str, region: str) -> None:
    """Everything below a prefix belongs to one region."""
    kind = answer(table, prefix)[1]
    for known in [known for known in table if known.startswith(prefix)]:
        table[known] = (region, table[known][1])
    table.setdefault(prefix, (region, "F" if kind == "O" else kind))


def smallest(table: dict[str, Value], code: str) -> dict[str, Value]:
    """The fewest prefixes with the same longest-prefix answers on every prefix of `table`, holes left free.

    Bottom-up each node gets the set of answers that cost it least; top-down a prefix is written only where the
    inherited answer is not in that set. The root keeps the main country of the code.
    """
    children: dict[str, set[str]] = defaultdict(set)
    for prefix in table:
        for length in range(len(code) + 1, len(prefix) + 1):
            children[prefix[: length - 1]].add(prefix[:length])
    wanted: dict[str, frozenset[Value]] = {}

    def ascend(node: str, inherited: Value | None) -> frozenset[Value]:
        own = None if node == code else table.get(node, inherited)  # the answer at the root is only a last resort
        below = [ascend(child, own) for child in sorted(children[node])]
        if own is not None and len(below) < 10:  # digits without a row of their own keep this node's answer
            wanted[node] = frozenset({own})
        else:
            votes = Counter(value for options in below for value in options)
            most = max(votes.values(), default=0)
            wanted[node] = frozenset(value for value, count in votes.items() if count == most)
        return wanted[node]

    kept: dict[str, Value] = {}

    def descend(node: str, inherited: Value | None) -> None:
        if node == code:
            inherited = kept[node] = table[code]
        elif inherited not in wanted[node]:
            inherited = kept[node] = min(wanted[node])
        for child in sorted(children[node]):
            descend(child, inherited)

    ascend(code, None)
    descend(code, None)
    return kept


def answer(table: dict[str, Value], digits: str) -> Value:
    return next(table[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in table)


def world_lines(answers: dict[str, dict[str, Value]]) -> list[str]:
    """One line per region and class: `GB M 447 4470 ...` (prefixes separated by blanks)."""
    grouped: dict[Value, list[str]] = defaultdict(list)
    for code, table in answers.items():
        kept = smallest(table, code)
        inner = {prefix[:length] for prefix in table for length in range(len(prefix))}
        for prefix in (known + digit for known in table if known != code for digit in "0123456789"):
            assert prefix in inner or answer(kept, prefix) == answer(table, prefix), f"{prefix} changed its answer"
        for prefix, value in kept.items():
            grouped[value].append(prefix)
    return [f"{region} {kind} {' '.join(sorted(prefixes))}" for (region, kind), prefixes in sorted(grouped.items())]


def main(folder: Path, output: Path) -> None:
    names, main_regions = countries(folder)
    parts = [HEADER.format(snapshot="2026-10"), "# ruff: noqa: E501\n"]
    territories = [f"{code}|{territory}" for code, territory in OVERSEAS_CODES.values()]
    for name, lines in (
        ("FRENCH_PLAN", french_plan(folder)),
        ("OVERSEAS_TERRITORIES", territories),
        ("OVERSEAS_BLOCKS", overseas_blocks(folder)),
        ("COUNTRIES", names),
        ("CALLING_CODES", [f"{code}|{region}" for code, region in sorted(main_regions.items())]),
        ("WORLD_PREFIXES", world_lines(world_answers(folder, main_regions))),
    ):
        text = "\n".join(lines)
        parts.append(f'{name} = """\\\n{text}\n"""\n')
    output.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    target = sys.argv[2] if len(sys.argv) > 2 else "src/ardoise/core/numbering_data.py"
    main(Path(sys.argv[1]), Path(target))
