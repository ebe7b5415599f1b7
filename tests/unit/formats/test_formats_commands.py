"""`ardoise parse`, `ardoise formats`, `ardoise simulate` as typed by a user."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ardoise.cli import formats_commands

TICKETS = [
    b"2026/10/05 09:12:33,00:01:01,4,201,O,0612345678,0612345678,,0,1000042,0,E201,Martin,T9001,Line 1.1,0,0"
    + b"," * 13,
    b"2026/10/05 09:15:00,00:00:00,9,0477112233,I,202,202,,0,1000043,0,E202,Petit,T9002,Line 1.2,0,0" + b"," * 13,
]


@pytest.fixture
def run() -> object:
    app = typer.Typer()
    app.command()(formats_commands.parse)
    app.command()(formats_commands.simulate)
    app.add_typer(formats_commands.formats, name="formats")
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    file = tmp_path / "tickets.csv"
    file.write_bytes(b"\r\n".join([*TICKETS, b""]))
    return file


def test_parse_prints_one_json_line_a_record(run, tickets: Path) -> None:
    result = run("parse", "--format", "avaya_ipoffice", tickets)
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["line"], line["kind"], line["direction"]) for line in lines] == [
        (1, "call", "out"),
        (2, "call", "in"),
    ]


def test_parse_takes_several_files_as_one_stream(run, tmp_path: Path) -> None:
    stream = b"\r\n".join([*TICKETS, b""])
    (tmp_path / "1").write_bytes(stream[:150])
    (tmp_path / "2").write_bytes(stream[150:])
    result = run("parse", "-f", "avaya_ipoffice", tmp_path / "1", tmp_path / "2")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


def test_parse_ends_with_1_when_a_record_is_unreadable_and_says_why(run, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_bytes(TICKETS[0] + b"\r\n" + TICKETS[1].replace(b"2026/10/05", b"2026/02/30") + b"\r\n")
    result = run("parse", "-f", "avaya_ipoffice", file)
    assert result.exit_code == 1
    last = json.loads(result.stdout.splitlines()[1])
    assert (last["line"], last["kind"], last["reason"]) == (2, "malformed", "impossible_date")
    assert "2 records, 1 unreadable" in result.stderr


def test_parse_reads_a_delimited_file_by_its_profile(run, tmp_path: Path) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text(
        'name = "p"\nfile = { header = false }\nfields = { start = 1, called = 2, duration = 3 }\n'
        "[[tests]]\nline = '2026-10-05T09:12:33;0612345678;61'\nexpect = { duration_s = 61 }\n"
    )
    file = tmp_path / "cdr.csv"
    file.write_text("2026-10-05T10:00:00;0612345678;5\n")
    result = run("parse", "-f", "delimited", "--profile", profile, file)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["duration_s"] == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("parse", "-f", "avaia", "x"), "Installed: "),
        (("parse", "-f", "mitel_3300", "-o", "layout", "x"), "write key=value"),
        (("parse", "-f", "mitel_3300", "-o", "layout=wide", "x"), "is not one of auto, standard, network"),
        (("parse", "-f", "delimited", "x"), "needs the option profile"),
        (("parse", "-f", "avaya_ipoffice", "/no/such/file"), "cannot be read"),
        (("formats", "show", "nope"), "Installed:"),
        (("formats", "show", "mitel_3300", "--lang", "de"), "choose one of fr, en"),
        (("simulate", "avaya_ipoffice", "TICKETS"), "Give one of --to and --listen"),
        (("simulate", "avaya_ipoffice", "TICKETS", "--to", "nowhere"), "write HOST:PORT"),
        (("simulate", "tap3", "TICKETS", "--listen", "0"), "comes in files"),
    ],
)
def test_a_wrong_command_ends_with_2_and_says_what_to_do(
    run, tickets: Path, words: tuple[str, ...], message: str
) -> None:
    result = run(*(tickets if word == "TICKETS" else word for word in words))
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_formats_list_and_show(run, tmp_path: Path) -> None:
    listed = json.loads(run("formats", "list", "--json").stdout)
    assert {"avaya_ipoffice", "delimited", "mitel_3300"} <= {one["name"] for one in listed}
    assert "mitel_3300" in run("formats", "list").stdout
    assert "Réglages pas à pas" in run("formats", "show", "avaya_ipoffice").stdout
    assert "Set-up, step by step" in run("formats", "show", "avaya_ipoffice", "--lang", "en").stdout
    assert run("formats", "pages", tmp_path / "pages").exit_code == 0
    assert (tmp_path / "pages" / "mitel_3300.fr.md").exists()


def test_simulate_sends_the_tickets_with_crlf(run, tmp_path: Path) -> None:
    file = tmp_path / "lf.csv"
    file.write_bytes(b"\n".join([*TICKETS, b""]))
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def collect() -> None:
            link, _ = door.accept()
            with link:
                while piece := link.recv(65536):
                    received.append(piece)

        collector = threading.Thread(target=collect)
        collector.start()
        to = f"127.0.0.1:{door.getsockname()[1]}"
        result = run("simulate", "avaya_ipoffice", file, "--to", to, "--rate", "0", "--once", "--cut")
        collector.join(timeout=5)
    assert result.exit_code == 0, result.output
    assert "2 tickets sent" in result.stdout
    assert b"".join(received) == b"\r\n".join([*TICKETS, b""])


def test_simulate_says_when_nobody_listens(run, tickets: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    result = run("simulate", "avaya_ipoffice", tickets, "--to", f"127.0.0.1:{port}")
    assert result.exit_code == 1
    assert "Start the collector" in " ".join(result.stderr.split())


def test_every_command_shows_an_example(run) -> None:
    for words in (("parse",), ("simulate",), ("formats", "list"), ("formats", "show"), ("formats", "pages")):
        assert "Example: ardoise" in run(*words, "--help").stdout


PBX = b"""TYPE DATE     TIME  DURATION  STATION DIALLED NUMBER
OUT  25/10/26 09:12 00:01:01  2001    0612345678
IN   25/10/26 09:30 00:00:20  2017    0145678901
"""


def test_guess_ranks_the_formats_by_what_they_read(run, tickets: Path) -> None:
    result = run("formats", "guess", tickets)
    assert result.exit_code == 0
    assert "avaya_ipoffice" in result.stdout and "100 %" in result.stdout
    assert "mitel_3300" not in result.stdout
    everything = json.loads(run("formats", "guess", tickets, "--json").stdout)
    assert (everything[0]["format"], everything[0]["calls"]) == ("avaya_ipoffice", 2)
    mitel = next(one for one in everything if one["format"] == "mitel_3300")
    assert (mitel["calls"], mitel["reasons"][0]["count"]) == (0, 2)


def test_guess_ends_with_1_when_no_format_reads_a_ticket(run, tmp_path: Path) -> None:
    file = tmp_path / "pbx.txt"
    file.write_bytes(PBX)
    result = run("formats", "guess", file)
    assert result.exit_code == 1
    assert "ardoise formats new" in result.stderr
    assert "garbage" in run("formats", "guess", file, "--all").stdout


def test_new_proposes_a_profile_that_parse_takes(run, tmp_path: Path) -> None:
    file, profile = tmp_path / "pbx.txt", tmp_path / "pbx.toml"
    file.write_bytes(PBX)
    result = run("formats", "new", file, "--output", profile, "--lang", "en")
    assert result.exit_code == 0
    assert "2 tickets, 1 event, 0 unreadable" in result.stderr
    parsed = run("parse", "--format", "fixed_width", "--profile", profile, file)
    calls = [json.loads(line) for line in parsed.stdout.splitlines()]
    assert [(call["kind"], call.get("duration_s")) for call in calls] == [("event", None), ("call", 61), ("call", 20)]
    assert run("formats", "new", file, "--output", profile).exit_code == 2  # it exists: never written over


def test_new_prints_the_profile_and_says_what_is_missing(run, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(b"Who;Number;Colour\nAna;0612345678;red\nBob;0699999999;blue\n")
    result = run("formats", "new", file, "--lang", "en")
    assert result.exit_code == 1
    assert "[fields]" in result.stdout
    assert "fields.start" in result.stderr
    file.write_bytes(b"hello\n")
    assert run("formats", "new", file).exit_code == 1
    assert run("formats", "new", file, "--lang", "de").exit_code == 2


def test_new_is_corrected_in_the_editor_until_it_works(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "pbx.txt"
    file.write_bytes(PBX)
    editor = tmp_path / "editor"
    # a person who breaks the profile first, then reads the complaint and mends it
    editor.write_text(
        "#!/bin/sh\n"
        f'if [ ! -e {tmp_path}/once ]; then touch {tmp_path}/once; sed -i "s/^layout.*/layout = 1/" "$1"; exit; fi\n'
        f'cp "$1" {tmp_path}/seen; sed -i "s/^layout.*/layout = \\"fixed\\"/; s/^name.*/name = \\"small_pbx\\"/" "$1"\n'
    )
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    result = run("formats", "new", file, "--edit")
    assert result.exit_code == 0
    assert 'name = "small_pbx"' in result.stdout
    assert (tmp_path / "seen").read_text().startswith("# ! Profile key file.layout: ")
    assert "# ! " not in result.stdout
