"""`ardoise load` and `ardoise dump` as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from ardoise.catalog.models import TariffVersion
from ardoise.cli import files_commands
from stage.plainfiles.company_folder import SOUND, freeze_a_call, write

pytestmark = pytest.mark.django_db

app = typer.Typer()
app.command()(files_commands.load)
app.command()(files_commands.dump)


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_load_prints_what_it_did_and_dump_writes_it_back(tmp_path: Path) -> None:
    first = run("load", write(tmp_path / "company", SOUND))
    assert first.exit_code == 0, first.output
    assert "accounts.csv" in first.stdout
    assert "Loaded." in first.stdout
    assert "overseas" not in first.stdout  # no warning but the missing SIREN of C2
    assert "accounts.csv, line 4, column siren: is missing" in " ".join(first.stdout.split())
    assert "Nothing changed." in run("load", tmp_path / "company").stdout
    assert run("dump", tmp_path / "dumped").exit_code == 0
    assert (tmp_path / "dumped" / "tariffs" / "public.toml").is_file()


def test_load_refuses_with_every_error_and_status_1(tmp_path: Path) -> None:
    files = {**SOUND, "zones.csv": SOUND["zones.csv"] + "mobile,a,b\nfixe,a,b\n"}
    refused = run("load", write(tmp_path, files))
    assert refused.exit_code == 1
    said = " ".join(refused.stderr.split())
    assert "2 errors, nothing was loaded" in said
    assert "zones.csv, line 4: same code « mobile » as line 2" in said
    assert "zones.csv, line 5: same code « fixe » as line 3" in said


def test_a_machine_reads_json(tmp_path: Path) -> None:
    loaded = json.loads(run("load", write(tmp_path / "company", SOUND), "--json").stdout)
    assert loaded["loaded"] is True
    assert {"file": "lines.csv", "new": 2, "changed": 0, "unchanged": 0, "removed": 0} in loaded["files"]
    write(tmp_path / "company", {"lines.csv": "name\n"})
    refused = run("load", tmp_path / "company", "--json")
    assert json.loads(refused.stdout)["errors"][0].startswith("lines.csv, line 1, column code: this column is missing")
    dumped = run("dump", tmp_path / "dumped", "--json")
    assert "tariffs/public.toml" in json.loads(dumped.stdout)["files"]


def test_prices_of_issued_documents_are_corrected_only_when_asked(tmp_path: Path, home: Path) -> None:
    folder = write(tmp_path / "company", SOUND)
    run("load", folder)
    freeze_a_call(version_id=TariffVersion.objects.get().pk)
    rates = "tariffs/public-2026-01-01.csv"
    write(folder, {rates: SOUND[rates].replace("+336,mobile,,0.1200", "+336,mobile,,0.1300")})
    assert "or load with --correct" in " ".join(run("load", folder).stderr.split())
    corrected = " ".join(run("load", folder, "--correct").stdout.split())
    assert "public, from 2026-01-01: corrected; rate the months it priced again (ardoise rate --month)" in corrected


def test_dump_asks_before_it_replaces(tmp_path: Path) -> None:
    folder = write(tmp_path / "company", SOUND)
    run("load", folder)
    assert "--replace" in run("dump", folder).stderr
    assert run("dump", folder, "--replace").exit_code == 0


def test_the_help_gives_an_example() -> None:
    for command in ("load", "dump"):
        assert f"Example: ardoise {command} " in " ".join(run(command, "--help").output.split())


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    refused = run("load", tmp_path / "nowhere")
    assert refused.exit_code == 1
    assert "is not a folder" in " ".join(refused.stderr.split())
