"""What reaches a terminal, and how a command ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import typer

from ardoise.cli.wiring import chosen_month, clock, guarded, last_month, local_text, printable


def test_an_escape_sequence_of_a_ticket_is_shown_not_obeyed() -> None:
    assert printable("\x1b[2Jgone\x07") == "\\x1b[2Jgone\\x07"
    assert printable("Hélène – 5 €") == "Hélène – 5 €"


def test_times_are_local() -> None:
    assert local_text(datetime(2026, 11, 5, 11, 0, tzinfo=UTC)) == "05/11 12:00"  # Paris is one hour ahead in winter


def test_the_last_month_of_january_is_december_of_the_year_before() -> None:
    assert last_month(datetime(2027, 1, 3, tzinfo=UTC)) == "2026-12"
    assert last_month(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)) == "2026-10"  # already 1 November in Paris


@pytest.mark.parametrize("month", ["2026-13", "octobre", "2026"])
def test_a_month_that_does_not_exist_is_a_usage_error(month: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stop:
        chosen_month(month, datetime(2026, 11, 5, tzinfo=UTC))
    assert stop.value.exit_code == 2
    assert "write YYYY-MM, for example 2026-10" in capsys.readouterr().err


def test_the_moving_clock_starts_at_noon_of_the_chosen_day() -> None:
    now = clock("2026-11-05")()
    assert (now.year, now.month, now.day, now.hour) == (2026, 11, 5, 11)  # noon in Paris


def test_whatever_escapes_a_command_ends_as_one_sentence(
    capsys: pytest.CaptureFixture[str], settings: object, tmp_path: object
) -> None:
    settings.ARDOISE_HOME = tmp_path  # type: ignore[attr-defined]

    def broken() -> None:
        raise RuntimeError("the disk said no")

    assert guarded(broken) == 1
    assert capsys.readouterr().err == "✗ the disk said no\n"
    assert "RuntimeError" in (tmp_path / "log" / "last-error.txt").read_text()  # type: ignore[operator]
