"""The directory from and to a spreadsheet: what people send is read, what is wrong is said, nothing is half done."""

from __future__ import annotations

import csv
import json
import tempfile
from datetime import date
from pathlib import Path

import pytest
import typer
import xlsxwriter
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from ardoise.cli import directory_commands
from ardoise.directory.models import Account, Identifier, Line, LineAssignment, SheetLayout
from ardoise.plainfiles import exchange
from ardoise.plainfiles.dumping import texts
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.problems import LoadRefused
from stage.plainfiles.company_folder import LATER, LOADED_AT, SOUND, write
from stage.plainfiles.test_round_trip import catalogues, directories

pytestmark = pytest.mark.django_db

app = typer.Typer()
app.add_typer(directory_commands.directory, name="directory")


def run(*words: object) -> Result:
    return CliRunner().invoke(app, ["directory", *(str(word) for word in words)])


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    load(write(tmp_path / "company", SOUND), recorded_at=LOADED_AT)
    return tmp_path


def workbook(path: Path, *rows: list[object]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("Clients")
        for number, row in enumerate(rows):
            page.write_row(number, 0, row)
    return path


def sheet(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusals(path: Path, kind: str) -> list[str]:
    with pytest.raises(LoadRefused) as refusal:
        exchange.import_sheet(path, kind=kind, recorded_at=LATER)
    return [str(problem) for problem in refusal.value.problems]


# --- there and back ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", exchange.KINDS)
@pytest.mark.parametrize("name", ["out.csv", "out.xlsx"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_what_is_exported_changes_nothing_when_it_comes_back(loaded: Path, kind: str, name: str, language: str) -> None:
    rows = exchange.export_rows(kind, language=language)
    exchange.write_sheet(loaded / name, rows, language=language)
    found = exchange.preview(loaded / name, kind=kind)
    assert (found.changes, found.absent, found.notes) == ([], [], [])
    assert found.unchanged == len(rows) - 1 > 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    directory=directories(),
    catalogue=catalogues(),
    language=st.sampled_from(["fr", "en"]),
    suffix=st.sampled_from(["csv", "xlsx"]),
)
def test_any_directory_comes_back_as_it_was(
    directory: dict[str, str], catalogue: dict[str, str], language: str, suffix: str
) -> None:
    with tempfile.TemporaryDirectory() as name, transaction.atomic():
        load(write(Path(name) / "company", {**directory, **catalogue}), recorded_at=LOADED_AT)
        for kind in exchange.KINDS:
            rows = exchange.export_rows(kind, language=language)
            exchange.write_sheet(Path(name) / f"out.{suffix}", rows, language=language)
            assert len(rows) == 1 or exchange.preview(Path(name) / f"out.{suffix}", kind=kind).changes == []
        transaction.set_rollback(True)


def test_an_export_speaks_french_and_a_spreadsheet_opens_it(loaded: Path) -> None:
    assert run("export", loaded / "clients.csv", "--kind", "accounts").exit_code == 0
    data = (loaded / "clients.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # a spreadsheet reads the accents
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines(), delimiter=";"))
    c1 = next(row for row in rows if row["Code"] == "C1")
    assert (c1["Nom"], c1["Nature"], c1["Facturable"]) == ("Épicerie du Rhône", "client", "oui")
    assert (c1["Régime de TVA"], c1["Clientèle"]) == ("normal", "entreprise")


def test_every_header_and_every_word_means_one_thing() -> None:
    for kind in exchange.KINDS:
        fields = exchange.fields_of(kind)
        for language in ("fr", "en"):
            headers = [one.header(language) for one in fields]
            assert len(set(headers)) == len(headers)
        assert [one.column.name for one in fields if one.header("fr") == one.column.name] == []
    for words in exchange.VALUES.values():
        assert len(set(words.values())) == len(words)


# --- in ---------------------------------------------------------------------------------------------------------------


def test_a_workbook_of_customers_is_read_as_people_write_it(loaded: Path) -> None:
    file = workbook(
        loaded / "clients.xlsx",
        ["Liste des clients au 22/11/2026"],
        [
            "Code",
            "Raison sociale",
            "Émetteur",
            "Facturable",
            "Régime de TVA",
            "SIREN",
            "Adresse",
            "CP",
            "Ville",
            "Mails",
        ],
        ["C3", "Bâtiments de l’Ain", "voxa", "oui", "normal", 732829320, "4 rue", 1000, "Bourg", "a@b.fr; c@d.fr"],
    )
    found = exchange.preview(file, kind="accounts")
    assert (found.new, found.changed, found.unchanged) == (1, 0, 0)
    assert found.absent == ["ATELIER", "C1", "C1-COMPTA", "C2"]
    exchange.import_sheet(file, kind="accounts", recorded_at=LATER)
    account = Account.objects.get(code="C3")
    assert (account.postal_code, account.siren) == ("01000", "732829320")  # a number has lost its zero
    assert account.emails == "a@b.fr c@d.fr"
    assert Account.objects.count() == 5  # nothing is removed


def test_a_preview_says_what_changes_and_writes_nothing(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "code;nom;ville", "C1;Épicerie du Rhône;Villeurbanne", "C2;Rhumerie;Fort-de-France")
    found = exchange.preview(file, kind="accounts")
    assert [(change.line, change.what, change.cells) for change in found.changes] == [
        (2, "C1", (("ville", "Lyon", "Villeurbanne"),))
    ]
    assert (found.new, found.changed, found.unchanged) == (0, 1, 1)
    assert Account.objects.get(code="C1").city == "Lyon"
    exchange.import_sheet(file, kind="accounts", recorded_at=LATER)
    account = Account.objects.get(code="C1")
    assert (account.city, account.postal_code, account.siren) == ("Villeurbanne", "69001", "732829320")  # kept


def test_a_line_is_moved_from_a_day_on(loaded: Path) -> None:
    file = sheet(
        loaded / "x.csv",
        "Poste;Service;Du;Au (exclu)",
        "L1;C1;;15/10/2026",
        "L1;C1-COMPTA;15/10/2026;01/01/2027",
        "L1;C1;01/01/2027;",
        "L9;C2;;",
    )
    found = exchange.preview(file, kind="lines")
    assert [(change.line, change.is_new, change.what) for change in found.changes] == [
        (3, False, "L1 2026-10-15"),
        (4, True, "L1 2027-01-01"),
        (5, True, "L9"),
    ]
    assert found.unchanged == 1
    exchange.import_sheet(file, kind="lines", recorded_at=LATER)
    held = LineAssignment.objects.filter(line__code="L1", superseded_at=None).order_by("valid_from_date")
    assert [(row.account.code, row.valid_to_date) for row in held] == [
        ("C1", date(2026, 10, 15)),
        ("C1-COMPTA", date(2027, 1, 1)),
        ("C1", None),
    ]
    believed = LineAssignment.objects.get(line__code="L1", superseded_at=LATER)
    assert (believed.account.code, believed.valid_to_date) == ("C1-COMPTA", None)  # what was believed stays readable
    assert Line.objects.filter(code="L9").exists()


def test_numbers_and_extensions(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "nature,sda,ligne", "numéro,04 72 00 00 09,L1", "poste,209,L2")
    exchange.import_sheet(file, kind="identifiers", recorded_at=LATER)
    added = Identifier.objects.filter(recorded_at=LATER).order_by("kind").values_list("kind", "value", "line__code")
    assert list(added) == [("extension", "209", "L2"), ("number", "33472000009", "L1")]


def test_a_column_of_another_name_is_named(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "Réf;Nom;Remarque", "C1;Épicerie;bon client")
    assert refusals(file, "accounts")[0] == (
        "x.csv, line 1, column Code: this column (code) is missing; name it with --column code=HEADER"
    )
    found = exchange.preview(file, kind="accounts", named={"code": "Réf"})
    assert [change.cells for change in found.changes] == [(("Nom", "Épicerie du Rhône", "Épicerie"),)]
    assert found.notes == ["column « Remarque » is not of the directory and is not read"]


def test_importing_again_changes_nothing(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "code,name,city", "C1,Épicerie,Bron")
    exchange.import_sheet(file, kind="accounts", recorded_at=LATER)
    assert exchange.import_sheet(file, kind="accounts", recorded_at=LATER).changed_nothing


def test_columns_that_a_file_does_not_have_are_asked_of_new_rows_only(loaded: Path) -> None:
    exchange.import_sheet(sheet(loaded / "x.csv", "code,cycle", "C1,P3M"), kind="accounts", recorded_at=LATER)
    assert Account.objects.filter(code="C1").values_list("name", "cycle").get() == ("Épicerie du Rhône", "P3M")
    assert refusals(sheet(loaded / "y.csv", "code,cycle", "C1,P1M", "C9,P3M"), "accounts") == [
        "y.csv, line 3, column name: is needed: this row is new; add the column, or name it with --column name=HEADER"
    ]
    assert Account.objects.get(code="C1").cycle == "P3M"


def test_a_new_customer_takes_the_only_issuer(tmp_path: Path) -> None:
    issuer = SOUND["issuers.toml"].split("[[issuer]]")[1]
    others = {name: SOUND[name] for name in ("logos/voxa.svg", "vat_rates.csv")}
    load(write(tmp_path / "company", {"issuers.toml": f"[[issuer]]{issuer}", **others}), recorded_at=LOADED_AT)
    file = sheet(tmp_path / "x.csv", "code,name,address,postal_code,city", "C9,Neuf,1 rue Haute,69001,Lyon")
    exchange.import_sheet(file, kind="accounts", recorded_at=LATER)
    assert Account.objects.get(code="C9").issuer.code == "voxa"


# --- refused ----------------------------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, tuple[str, ...], str]] = {
    "a wrong SIREN": ("accounts", ("code;nom;SIREN", "C1;A;732829321"), "x.csv, line 2, column SIREN: « 732829321 »"),
    "an unknown word": (
        "accounts",
        ("code;nom;Nature", "C1;A;succursale"),
        "x.csv, line 2, column Nature: « succursale » is not known",
    ),
    "an unknown account": (
        "lines",
        ("poste;service", "L1;C9"),
        "x.csv, line 2, column service: « C9 » is not known; expected one of",
    ),
    "a cycle": ("accounts", ("code;nom;Compte parent", "C1;A;C1-COMPTA"), "an account cannot be its own ancestor"),
    "a line that says two things of itself": (
        "lines",
        ("poste;nom;service;du;au (exclu)", "L8;A;C1;;2026-10-01", "L8;B;C1;2026-10-01;"),
        "x.csv, line 3, column nom: says otherwise than line 2 of the same line",
    ),
    "two accounts for a line on a day": (
        "lines",
        ("poste;service;du;au (exclu)", "L8;C1;;2026-10-02", "L8;C2;2026-10-01;"),
        "x.csv, line 3, column du: line « L8 »: overlaps line 2 (« C1 »); give the earlier one a valid_to_date",
    ),
    "one number for two lines": (
        "identifiers",
        ("nature;sda;ligne;du", "numéro;0472000009;L1;2026-01-01", "numéro;0472000009;L2;2026-06-01"),
        "x.csv, line 3, column du: source (empty), kind « number », value « 33472000009 »: overlaps line 2 (« L1 »)",
    ),
    "a number that another line has": (
        "identifiers",
        ("nature;sda;ligne;du", "numéro;0472000001;L2;2026-06-01"),
        "overlaps the row loaded already (« L1 », valid_from_date empty)",
    ),
    "no number at all": (
        "identifiers",
        ("nature;sda;ligne", "numéro;99999999999999999999;L2"),
        "x.csv, line 2, column sda",
    ),
    "a subscription that ends before it starts": (
        "subscriptions",
        ("référence;compte;produit;du;au (exclu)", "S9;C1;abo;2026-10-02;2026-10-01"),
        "x.csv, line 2, column au (exclu): « 2026-10-01 » is not after valid_from_date « 2026-10-02 »",
    ),
    "a header with a slip": ("accounts", ("code;nom;Regime de TV", "C1;A;x"), "this column is not known; did you mean"),
    "a column twice": ("accounts", ("code;nom;nom", "C1;A;B"), "is the column name a second time"),
    "only a header": ("accounts", ("code;nom",), "there is no row under the header"),
    "nothing": ("accounts", ("",), "this file is empty"),
}


@pytest.mark.parametrize(("kind", "lines", "said"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_said_with_its_line_and_nothing_is_written(
    loaded: Path, kind: str, lines: tuple[str, ...], said: str
) -> None:
    before = exchange.export_rows(kind)
    found = refusals(sheet(loaded / "x.csv", *lines), kind)
    assert any(said in problem for problem in found), "\n".join(found)
    assert exchange.export_rows(kind) == before


def test_all_errors_are_said_at_once(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "code;nom;SIREN;pays", "C1;A;12;FR", "C2;;732829320;Espagne")
    assert [problem.split(":")[0] for problem in refusals(file, "accounts")] == [
        "x.csv, line 2, column SIREN",
        "x.csv, line 3, column nom",
        "x.csv, line 3, column pays",
    ]
    file = sheet(
        loaded / "y.csv", "code;nom;Compte parent;émetteur;SIREN", "C7;A;;voxa;12", "C8;B;C7;;", "C9;C;C6;;", "C5;D;;;"
    )
    assert [problem.split(" is ")[0] for problem in refusals(file, "accounts")] == [
        "y.csv, line 2, column SIREN: « 12 »",
        "y.csv, line 4, column Compte parent: « C6 »",  # C7 has an error of its own: naming it is none
        "y.csv, line 5, column émetteur:",
    ]


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_shows_then_asks(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "code;nom", "C1;Épicerie")
    looked = run("import", file, "--kind", "accounts", "--preview")
    assert looked.exit_code == 0, looked.output
    assert "1 changed" in looked.stdout
    assert "Épicerie du Rhône → Épicerie" in " ".join(looked.stdout.split())
    asked = run("import", file, "--kind", "accounts")
    assert asked.exit_code == 2
    assert "add --yes" in asked.stderr
    assert Account.objects.get(code="C1").name == "Épicerie du Rhône"
    done = json.loads(run("import", file, "--kind", "accounts", "--yes", "--json").stdout)
    assert (done["imported"], done["changed"]) == (True, 1)
    assert Account.objects.get(code="C1").name == "Épicerie"


def test_the_command_refuses_what_it_does_not_know(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "code;nom", "C1;A")
    assert "is no kind of rows" in run("import", file, "--kind", "clients").stderr
    assert "neither .csv nor .xlsx" in " ".join(run("export", loaded / "x.pdf", "--kind", "accounts").stderr.split())
    assert "cannot be read" in run("import", loaded / "none.csv", "--kind", "accounts").stderr
    refused = run("import", sheet(loaded / "y.csv", "code;nom", "C1;"), "--kind", "accounts", "--json")
    assert json.loads(refused.stdout)["errors"][0]["line"] == 2


def test_a_refusal_says_that_the_layout_remembers_nothing(loaded: Path) -> None:
    file = sheet(loaded / "x.csv", "Réf;nom;SIREN", "C1;A;12")
    refused = run("import", file, "--kind", "accounts", "--layout", "sage", "--column", "code=Réf")
    assert "layout « sage » remembers nothing of a file that is refused" in " ".join(refused.stderr.split())
    assert not SheetLayout.objects.exists()


# --- columns remembered -----------------------------------------------------------------------------------------------

SAGE = ("Réf. client;Intitulé;Émetteur;Courriel compta", "C1;Épicerie du Rhône SA;voxa;compta@rhone.example")
NAMED = ("--column", "code=Réf. client", "--column", "name=Intitulé", "--column", "emails=Courriel compta")


def remembered() -> dict[str, object]:
    return {f"{row.name} {row.kind}": row.columns for row in SheetLayout.objects.all()}


def test_a_file_with_headers_of_its_own_is_told_once(loaded: Path) -> None:
    file = sheet(loaded / "sage.csv", *SAGE)
    first = run("import", file, "--kind", "accounts", "--layout", "sage", *NAMED, "--preview")
    assert first.exit_code == 0, first.output
    assert remembered() == {}  # only looked at
    assert run("import", file, "--kind", "accounts", "--layout", "sage", *NAMED, "--yes").exit_code == 0
    columns = {"code": "Réf. client", "name": "Intitulé", "emails": "Courriel compta"}
    assert remembered() == {"sage accounts": columns}
    again = sheet(loaded / "again.csv", SAGE[0], "C1;Épicerie du Rhône;voxa;")
    assert run("import", again, "--kind", "accounts", "--layout", "sage", "--yes").exit_code == 0
    assert Account.objects.get(code="C1").name == "Épicerie du Rhône"
    assert remembered() == {"sage accounts": columns}


def test_what_is_wrong_is_said_in_the_words_of_the_file(loaded: Path) -> None:
    file = sheet(loaded / "sage.csv", *SAGE)
    run("import", file, "--kind", "accounts", "--layout", "sage", *NAMED, "--yes")
    wrong = sheet(loaded / "wrong.csv", SAGE[0], "C1;Épicerie;voxa;", "C9;;voxa;")
    refused = run("import", wrong, "--kind", "accounts", "--layout", "sage", "--yes")
    assert refused.exit_code == 1
    assert "wrong.csv, line 3, column Intitulé: is empty" in " ".join(refused.output.split())


def test_a_column_remembered_that_is_not_there_is_said_or_asked_for(loaded: Path) -> None:
    file = sheet(loaded / "sage.csv", *SAGE)
    run("import", file, "--kind", "accounts", "--layout", "sage", *NAMED, "--yes")
    less = sheet(loaded / "less.csv", "Réf. client;Intitulé;Émetteur", "C1;Épicerie;voxa")
    shown = " ".join(run("import", less, "--kind", "accounts", "--layout", "sage", "--preview").output.split())
    assert "column « Courriel compta », remembered for emails, is not in this file" in shown
    assert Account.objects.get(code="C1").emails == "compta@rhone.example"  # ... and keeps what is in force
    other = sheet(loaded / "other.csv", "Client;Intitulé;Émetteur", "C1;Épicerie;voxa")
    refused = run("import", other, "--kind", "accounts", "--layout", "sage", "--preview")
    assert "this column (code) is missing; name it with --column code=HEADER" in " ".join(refused.output.split())
    mended = run("import", other, "--kind", "accounts", "--layout", "sage", "--column", "code=Client", "--yes")
    assert mended.exit_code == 0, mended.output
    assert remembered()["sage accounts"]["code"] == "Client"  # type: ignore[index]
    run("import", other, "--kind", "accounts", "--layout", "sage", "--relearn", "--column", "code=Client",
        "--column", "name=Intitulé", "--yes")  # fmt: skip
    assert remembered() == {"sage accounts": {"code": "Client", "name": "Intitulé"}}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--layout", "ciel"), "layout « ciel » is not known for accounts; tell its columns once with --column"),
        (("--layout", "mon tableur", *NAMED), "« mon tableur » is no name of a layout"),
        (("--relearn",), "--relearn forgets what a layout remembers; write --layout NAME too"),
    ],
)
def test_a_layout_that_cannot_be_used_is_refused(loaded: Path, words: tuple[str, ...], message: str) -> None:
    result = run("import", sheet(loaded / "sage.csv", *SAGE), "--kind", "accounts", *words, "--preview")
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


def test_layouts_are_dumped_and_loaded(loaded: Path) -> None:
    run("import", sheet(loaded / "sage.csv", *SAGE), "--kind", "accounts", "--layout", "sage", *NAMED, "--yes")
    before = remembered()
    text = texts()["sheet_layouts.toml"]
    SheetLayout.objects.all().delete()
    load(write(loaded / "dumped", {"sheet_layouts.toml": text}), recorded_at=LATER)
    assert remembered() == before
