"""Decks on a real database, by the command that people type: previewed, loaded whole or not at all, written again."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ardoise.catalog import operations
from ardoise.catalog.decks import queries
from ardoise.catalog.models import DeckLayout, Rate, TariffVersion, Zone
from ardoise.cli import wiring
from ardoise.cli.tariff_commands import tariffs
from ardoise.plainfiles import dumping
from ardoise.plainfiles.loading import load as load_folder
from ardoise.plainfiles.problems import LoadRefused
from stage.plainfiles.company_folder import freeze_a_call

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home", "wholesale")]

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "rate-decks.md"
RECORDED_AT = datetime(2026, 10, 5, 8, tzinfo=UTC)
TODAY = ("--today", "2026-11-05")


@pytest.fixture
def wholesale() -> None:
    operations.put_tariffs(rows=[{"code": "wholesale", "name": "Wholesale", "calendar": "", "currency": "EUR"}])


def run(*words: object) -> Result:
    return CliRunner().invoke(tariffs, [str(word) for word in words])


def said(result: Result) -> str:
    return " ".join((result.stdout + result.stderr).split())


def write(folder: Path, text: str, name: str = "deck.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def load(folder: Path, text: str, *words: object) -> Result:
    return run("import", write(folder, text), "--tariff", "wholesale", *TODAY, *words)


def in_force(day: str) -> dict[str, str]:
    """The prices of the version in force on a day."""
    version = queries.tariff_named("wholesale").in_force(date.fromisoformat(day))
    rows = queries.rows_of(version.version_id) if version else {}
    return {key.prefix: str(row.terms.price_per_min) for key, row in rows.items()}


FIRST = "Code,Destination,Rate,Effective\n33,France,0.01,2026-01-01\n34,Spain,0.02,2026-01-01\n"
SECOND = "Code,Destination,Rate,Effective\n33,France,0.03,2026-12-01\n35,Portugal,0.04,2027-01-01\n"


def test_a_preview_writes_nothing_and_an_import_writes_versions(tmp_path: Path) -> None:
    file = write(tmp_path, FIRST)
    shown = run("preview", file, "--tariff", "wholesale", *TODAY)
    assert shown.exit_code == 0, said(shown)
    assert "Nothing is written" in said(shown)
    assert (TariffVersion.objects.count(), Zone.objects.count()) == (0, 0)
    loaded = run("import", file, "--tariff", "wholesale", *TODAY)
    assert loaded.exit_code == 0
    assert "Loaded: wholesale has new prices from 2026-01-01. Price calls since then again" in said(loaded)
    assert in_force("2026-11-05") == {"+33": "0.01", "+34": "0.02"}
    assert set(Zone.objects.values_list("code", "label_fr", "label_en")) == {
        ("france", "France", "France"),
        ("spain", "Spain", "Spain"),
    }


def test_preview_with_apply_is_import(tmp_path: Path) -> None:
    assert run("preview", write(tmp_path, FIRST), "--tariff", "wholesale", "--apply", *TODAY).exit_code == 0
    assert in_force("2026-11-05") == {"+33": "0.01", "+34": "0.02"}


def test_the_same_deck_twice_changes_nothing(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    before = set(TariffVersion.objects.values_list("pk", flat=True))
    again = load(tmp_path, FIRST)
    assert "Nothing changes." in said(again)
    assert set(TariffVersion.objects.values_list("pk", flat=True)) == before


def test_rows_that_the_deck_does_not_have_are_a_question(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    asked = load(tmp_path, SECOND)
    assert asked.exit_code == 1
    assert "rows in force that are not in the deck: 1; say --keep-missing" in said(asked)
    assert in_force("2027-02-01") == {"+33": "0.01", "+34": "0.02"}


MINUTES = "Code,Destination,Rate,Increment,Effective\n33,France,0.01,60/1,2026-01-01\n34,Spain,0.02,60/1,2026-01-01\n"
NO_INCREMENT = "Code,Destination,Rate,Effective\n33,France,0.03,2026-12-01\n35,Portugal,0.04,2026-12-01\n"


def increments(day: str) -> dict[str, str]:
    version = queries.tariff_named("wholesale").in_force(date.fromisoformat(day))
    assert version is not None
    rows = queries.rows_of(version.version_id)
    return {key.prefix: f"{row.terms.first_s}/{row.terms.next_s}" for key, row in rows.items()}


def test_an_amendment_without_increments_keeps_those_in_force(tmp_path: Path) -> None:
    load(tmp_path, MINUTES)
    shown = run("preview", write(tmp_path, NO_INCREMENT), "--tariff", "wholesale", "--keep-missing", *TODAY)
    assert "increment 60/1 as in force: the deck does not say" in said(shown)
    assert "increment 60/1 of new codes: as all rows in force" in said(shown)
    assert load(tmp_path, NO_INCREMENT, "--keep-missing").exit_code == 0
    assert increments("2026-12-01") == {"+33": "60/1", "+34": "60/1", "+35": "60/1"}
    told = json.loads(run("preview", tmp_path / "deck.csv", "--tariff", "wholesale", "--json", *TODAY).stdout)
    assert told["increments_in_force"] == {"60/1": 2} and told["increments_of_new_codes"] == {}


def test_a_new_code_without_increments_is_asked_about_where_they_differ(tmp_path: Path) -> None:
    load(tmp_path, MINUTES.replace("34,Spain,0.02,60/1", "34,Spain,0.02,1/1"))
    refused = load(tmp_path, NO_INCREMENT, "--keep-missing")
    assert refused.exit_code == 1
    assert "line 3: nothing says the increments of 1 new code (+35), and those in force differ" in said(refused)
    assert "say --increment FIRST/NEXT" in said(refused)
    assert increments("2026-12-01") == {"+33": "60/1", "+34": "1/1"}
    assert load(tmp_path, NO_INCREMENT, "--keep-missing", "--increment", "30/6").exit_code == 0
    assert increments("2026-12-01") == {"+33": "30/6", "+34": "1/1", "+35": "30/6"}


def test_an_amendment_of_two_days_makes_two_whole_versions(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    assert load(tmp_path, SECOND, "--keep-missing").exit_code == 0
    assert in_force("2026-11-30") == {"+33": "0.01", "+34": "0.02"}
    assert in_force("2026-12-01") == {"+33": "0.03", "+34": "0.02"}
    assert in_force("2027-01-01") == {"+33": "0.03", "+34": "0.02", "+35": "0.04"}


def test_a_whole_list_drops_what_it_does_not_have(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    assert load(tmp_path, SECOND, "--drop-missing").exit_code == 0
    assert in_force("2026-12-01") == {"+33": "0.03"}
    assert in_force("2027-01-01") == {"+33": "0.03", "+35": "0.04"}


def test_one_wrong_row_among_good_ones_loads_nothing(tmp_path: Path) -> None:
    refused = load(tmp_path, FIRST + "36,Hungary,0.0x,2026-01-01\n37,Germany,,2026-13-01\n")
    assert refused.exit_code == 1
    text = said(refused)
    assert "3 errors, nothing was loaded" in text
    assert "deck.csv, line 4, column « Rate »: « 0.0x » is no price" in text
    assert "deck.csv, line 5, column « Effective »: « 2026-13-01 » is a date that does not exist" in text
    assert (TariffVersion.objects.count(), Zone.objects.count(), Rate.objects.count()) == (0, 0, 0)


def test_a_correction_supersedes_the_version_of_the_same_day(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    load(tmp_path, FIRST.replace("0.02", "0.05"), "--today", "2026-11-06")
    assert in_force("2026-11-05") == {"+33": "0.01", "+34": "0.05"}
    assert TariffVersion.objects.exclude(superseded_at=None).get().rates.get(prefix="+34").price_per_min == Decimal(
        "0.02"
    )


def test_prices_of_issued_documents_are_corrected_only_when_asked(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    freeze_a_call(version_id=TariffVersion.objects.get().pk)
    changed = FIRST.replace("0.02", "0.05")
    refused = load(tmp_path, changed)
    assert refused.exit_code == 1
    assert "priced issued documents" in said(refused) and "--correct" in said(refused)
    assert in_force("2026-11-05")["+34"] == "0.02"
    assert load(tmp_path, changed, "--correct").exit_code == 0
    assert in_force("2026-11-05")["+34"] == "0.05"


def test_a_version_between_two_days_of_a_deck_is_refused(tmp_path: Path) -> None:
    load(tmp_path, "Code,Destination,Rate\n33,France,0.01\n", "--effective", "2026-12-15")
    refused = load(tmp_path, SECOND, "--keep-missing")
    assert refused.exit_code == 1
    assert "has a version from 2026-12-15, between the first and the last day of the deck" in said(refused)


def test_a_version_to_come_is_said(tmp_path: Path) -> None:
    load(tmp_path, "Code,Destination,Rate\n33,France,0.01\n", "--effective", "2027-06-01")
    assert "the version that starts on 2027-06-01 stays" in said(load(tmp_path, SECOND, "--keep-missing"))


def test_how_a_supplier_writes_is_remembered_from_what_was_imported(tmp_path: Path) -> None:
    odd = "Code;Destination;Inter;Intra;Depuis\n1201;New Jersey;1,234;2,345;05/12/2026\n"
    assert load(tmp_path, odd, "--supplier", "atlas").exit_code == 1
    told = ("--column", "price=Inter", "--column", "from_date=Depuis", "--date-format", "dmy", "--decimal", "comma")
    assert load(tmp_path, odd, "--supplier", "atlas", *told).exit_code == 0
    learned = DeckLayout.objects.get()
    assert learned.supplier == "atlas"
    assert learned.columns == {
        "prefix": "Code",
        "destination": "Destination",
        "price": "Inter",
        "from_date": "Depuis",
    }
    assert learned.settings == {"date_format": "dmy", "decimal": "comma"}
    again = load(tmp_path, odd.replace("1,234", "1,235"), "--supplier", "atlas")
    assert again.exit_code == 0, said(again)
    assert "remembered" in said(again)
    assert in_force("2026-12-05") == {"+1201": "1.235"}
    assert load(tmp_path, odd, "--supplier", "atlas", "--relearn").exit_code == 1


def test_a_preview_or_a_refused_import_remembers_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, FIRST)
    run("preview", file, "--tariff", "wholesale", "--supplier", "atlas", *TODAY)
    load(tmp_path, FIRST + "x,Nowhere,1,2026-01-01\n", "--supplier", "atlas")
    assert not DeckLayout.objects.exists()
    assert "is no code of a supplier" in said(load(tmp_path, FIRST, "--supplier", "a b"))
    assert not TariffVersion.objects.exists()


def test_a_machine_reads_the_preview_and_the_errors(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    file = write(tmp_path, SECOND.replace("2027-01-01", "2026-12-01"))
    shown = json.loads(run("preview", file, "--tariff", "wholesale", "--json", *TODAY).stdout)
    assert (shown["against"], shown["missing"], shown["applied"]) == ("2026-01-01", 1, False)
    (version,) = shown["versions"]
    assert version["counts"] == {"new": 1, "dearer": 1, "cheaper": 0, "changed": 0, "gone": 1, "unchanged": 0}
    dearer = next(change for change in version["changes"] if change["change"] == "dearer")
    assert dearer == {
        "change": "dearer",
        "effective_date": "2026-12-01",
        "prefix": "+33",
        "exact": False,
        "band": "",
        "kind": "call",
        "origin": "",
        "zone": "france",
        "old_price": "0.01",
        "new_price": "0.03",
        "difference_percent": "200.0",  # 0.03 / 0.01 is three times
        "old_increment": "1/1",
        "new_increment": "1/1",
        "terms": "1/1",
        "line": 2,
    }
    refused = run("preview", write(tmp_path, FIRST + "x,Y,1,\n"), "--tariff", "wholesale", "--json", *TODAY)
    assert refused.exit_code == 1
    first = json.loads(refused.stdout)["errors"][0]
    assert (first["file"], first["line"], first["column"], first["read"]) == ("deck.csv", 4, "Code", "x")


def test_changes_are_written_as_csv(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    file, changes = write(tmp_path, SECOND), tmp_path / "changes.csv"
    assert run("preview", file, "--tariff", "wholesale", "--csv", changes, "--rows", 0, *TODAY).exit_code == 0
    with changes.open(encoding="utf-8-sig", newline="") as stream:
        rows = [
            (row["change"], row["effective_date"], row["prefix"], row["new_price"]) for row in csv.DictReader(stream)
        ]
    assert rows == [
        ("dearer", "2026-12-01", "+33", "0.03"),
        ("gone", "2026-12-01", "+34", ""),
        ("new", "2027-01-01", "+35", "0.04"),
    ]


def test_another_version_to_compare_with(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    load(tmp_path, SECOND, "--keep-missing")
    file = write(tmp_path, SECOND.replace("2027-01-01", "2026-12-01"))
    shown = json.loads(
        run("preview", file, "--tariff", "wholesale", "--against", "2026-01-01", "--json", *TODAY).stdout
    )
    assert shown["versions"][0]["counts"]["dearer"] == 1
    assert "has no version from 2020-01-01" in said(
        run("preview", file, "--tariff", "wholesale", "--against", "2020-01-01", *TODAY)
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("--tariff", "retail"), 1, "there is no tariff « retail » (there is: wholesale)"),
        (("--tariff", "wholesale", "--zone", "mars"), 1, "there is no zone « mars »"),
        (("--tariff", "wholesale", "--effective", "1/12"), 2, "is not a date; write YYYY-MM-DD"),
        (("--tariff", "wholesale", "--column", "Rate"), 2, "write --column FIELD=HEADER"),
        (("--tariff", "wholesale", "--column", "prix=Rate"), 2, "is no field of a deck; the fields are prefix"),
        (("--tariff", "wholesale", "--decimal", "dot"), 2, "choose point, comma"),
        (("--tariff", "wholesale", "--increment", "1/x"), 2, "is no increment"),
    ],
)
def test_a_wrong_command_says_what_to_write(tmp_path: Path, words: tuple[str, ...], status: int, message: str) -> None:
    refused = run("preview", write(tmp_path, FIRST), *words, *TODAY)
    assert (refused.exit_code, message in said(refused)) == (status, True), said(refused)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    refused = run("preview", tmp_path / "none.csv", "--tariff", "wholesale")
    assert refused.exit_code == 1
    assert "No such file" in said(refused)


def test_every_command_has_an_example() -> None:
    for command in ("list", "preview", "import", "export"):
        assert f"Example: ardoise tariffs {command}" in said(run(command, "--help"))


# --- export -----------------------------------------------------------------------------------------------------------

RICH: list[dict[str, Any]] = [
    {"prefix": "+33", "zone": "fr", "price_per_min": Decimal("0.0250"), "first_s": 60, "next_s": 30},
    {"prefix": "+33612345678", "zone": "fr", "price_per_min": Decimal("0.1"), "exact": True},
    {"prefix": "+33", "zone": "fr", "price_per_min": Decimal("0.01"), "band": "nuit"},
    {
        "prefix": "3639",
        "zone": "fr",
        "price_per_min": Decimal("0"),
        "service_price": Decimal("0.5"),
        "service_per": "call",
    },
    {"prefix": "+", "zone": "=trap", "price_per_min": Decimal("9.99")},
    {"prefix": "=emergency", "zone": "fr", "price_per_min": Decimal("0")},
    {"prefix": "+33", "zone": "fr", "kind": "sms", "price_per_min": None, "price": Decimal("0.07"), "per": 1},
    {"prefix": "+34", "zone": "fr", "price_per_min": None, "steps": "0:0.10/60/60;180:0.05/60/1"},
    {"prefix": "+35", "zone": "fr", "price_per_min": None, "coefficient": Decimal("1.2")},
    {"prefix": "+36", "zone": "fr", "price_per_min": Decimal("0.12345678901234567")},
    {
        "prefix": "+37",
        "zone": "fr",
        "price_per_min": Decimal("1"),
        "maximum": Decimal("2"),
        "free_s": 10,
        "origin": "+44",
    },
    {
        "prefix": "+38",
        "zone": "fr",
        "price_per_min": Decimal("1"),
        "minimum": Decimal("0.1"),
        "attempt_fee": Decimal("0.01"),
    },
    {
        "prefix": "+39",
        "zone": "fr",
        "price_per_min": Decimal("1"),
        "connection_fee": Decimal("0.12"),
        "surcharge": Decimal("0.3"),
        "surcharge_at_s": 600,
        "surcharge_every_s": 60,
    },
    {
        "prefix": "+40",
        "zone": "fr",
        "price_per_min": Decimal("1"),
        "added_s": 3,
        "raised_above_s": 30,
        "raised_to_s": 60,
    },
]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_version_written_as_a_deck_and_read_again_changes_nothing(tmp_path: Path, ending: str) -> None:
    operations.put_zones(
        rows=[
            {"code": "fr", "label_fr": "France métropolitaine", "label_en": "France"},
            {"code": "=trap", "label_fr": "=1+1", "label_en": "+cmd"},
        ]
    )
    operations.put_calendars(rows=[{"code": "cal", "zone": "Europe/Paris", "holidays": ""}])
    night = {"band": "nuit", "days": "12345678", "start": "20:00", "end": "08:00"}
    operations.replace_calendar_rules(calendar="cal", rows=[night])
    operations.put_tariffs(rows=[{"code": "wholesale", "name": "Wholesale", "calendar": "cal"}])
    version = {"tariff": "wholesale", "valid_from_date": date(2026, 1, 1), "valid_to_date": None}
    operations.put_tariff_versions(rows=[version], recorded_at=RECORDED_AT)
    names = dict.fromkeys(name for row in RICH for name in row)
    fields = {field.name: field.get_default() for field in Rate._meta.concrete_fields if field.name in names}
    operations.replace_rates(
        tariff="wholesale",
        valid_from_date=date(2026, 1, 1),
        rows=[{**fields, **row} for row in RICH],
        recorded_at=RECORDED_AT,
        issued_version_ids=frozenset(),
    )
    file = tmp_path / f"wholesale.{ending}"
    written = run("export", "wholesale", file, *TODAY)
    assert written.exit_code == 0, said(written)
    assert "14 rows of wholesale in force since 2026-01-01" in said(written)
    again = run("preview", file, "--tariff", "wholesale", *TODAY)
    assert "Nothing changes." in said(again), said(again)
    assert "new zones" not in said(again)
    assert b"\n=1+1" not in file.read_bytes()


def test_an_export_asks_for_a_known_ending_and_a_version(tmp_path: Path) -> None:
    assert run("export", "wholesale", tmp_path / "deck.pdf").exit_code == 2
    none = run("export", "wholesale", tmp_path / "deck.csv", "--at", "2020-01-01")
    assert none.exit_code == 1
    assert "has no version in force on 2020-01-01" in said(none)


def test_the_list_shows_what_is_in_force_and_what_comes(tmp_path: Path) -> None:
    load(tmp_path, FIRST)
    load(tmp_path, SECOND, "--keep-missing")
    assert "wholesale Wholesale EUR HT 2026-01-01 2 2026-12-01, 2027-01-01" in said(run("list", *TODAY))
    (shown,) = json.loads(run("list", "--json", *TODAY).stdout)
    assert shown["in_force_since"] == "2026-01-01"
    assert [version["rows"] for version in shown["versions"]] == [2, 2, 3]


# --- the page of the manual -------------------------------------------------------------------------------------------


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_page_of_the_manual_shows_what_the_command_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring.screen, "width", 100)
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path, block("csv")).exit_code == 0
    write(tmp_path, block("text"), "atlas.csv")
    command, _, shown = block("console").partition("\n")
    printed = run(*command.removeprefix("$ ardoise tariffs ").split(), *TODAY).stdout
    assert [line.rstrip() for line in printed.splitlines()] == shown.splitlines()


# --- plain files ------------------------------------------------------------------------------------------------------

LAYOUTS = """[[deck_layout]]
supplier = "atlas"
columns = {prefix = "Code", price = "Inter", "price@night" = "Off-peak"}
settings = {date_format = "dmy"}
"""


def test_layouts_of_suppliers_are_a_plain_file(tmp_path: Path) -> None:
    folder = tmp_path / "company"
    folder.mkdir()
    write(folder, LAYOUTS, "deck_layouts.toml")
    load_folder(folder, recorded_at=RECORDED_AT)
    learned = queries.layout_of("atlas")
    assert learned is not None
    assert learned.columns == {"prefix": "Code", "price": "Inter", "price@night": "Off-peak"}
    assert learned.date_format == "dmy"
    assert load_folder(folder, recorded_at=RECORDED_AT).changed_nothing
    dumping.dump(tmp_path / "dumped")
    assert tomllib.loads((tmp_path / "dumped" / "deck_layouts.toml").read_text()) == tomllib.loads(LAYOUTS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("prefix =", "indicatif =", "« indicatif » is no field of a deck"),
        ('"dmy"', '"ymd"', "« ymd » is no date format; choose dmy, mdy"),
        ("date_format =", "dates =", "« dates » is no setting of a deck"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    write(tmp_path, LAYOUTS.replace(old, new), "deck_layouts.toml")
    with pytest.raises(LoadRefused, match=re.escape(message)) as refusal:
        load_folder(tmp_path, recorded_at=RECORDED_AT)
    assert "deck_layouts.toml, line" in str(refusal.value)
