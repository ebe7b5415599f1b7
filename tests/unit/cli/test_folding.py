"""Sentences and refusals on a narrow terminal: where they fold, and what they never obey."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ardoise.cli import wiring


def test_an_amount_is_never_cut_from_its_currency(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wiring.screen, "width", 40)
    wiring.say("2642400 s facturées à 0,039 € les 60 s = 1\u202f717,56\u00a0€.")
    assert "1\u202f717,56\u00a0€." in capsys.readouterr().out


def test_what_continues_a_sentence_stands_further_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wiring.screen, "width", 24)
    wiring.say("Aucun prix pour ce numéro là")
    assert capsys.readouterr().out == "  Aucun prix pour ce\n    numéro là\n"


def test_a_refusal_shows_control_characters_and_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        wiring.fail("no account « A\x1b[31m »\n2 errors [in all]")
    assert capsys.readouterr().err == "✗ no account « A\\x1b[31m »\n2 errors [in all]\n"


def test_a_title_may_be_wider_than_its_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wiring.screen, "width", 40)
    shown = wiring.table("2 [audit] calls of 2026-10 [/b]", "Account", "Calls", right=(1,))
    shown.add_row("C1", "2")
    wiring.screen.print(shown)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "2 [audit] calls of 2026-10 [/b]",
        "Account  Calls",
        "C1           2",
    ]


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none" / "x.csv"
    with pytest.raises(typer.Exit):
        wiring.write_file(path, lambda: path.write_bytes(b""))
    said = capsys.readouterr().err
    assert "cannot be written: No such file or directory" in said and "Errno" not in said
