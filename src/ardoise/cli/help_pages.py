"""The pages of `--help`: two columns that hold at 80 characters, and what an option takes in people's words."""

from __future__ import annotations

import re
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

_WORDS: Final = {
    "account": "CODE",
    "against": "DATE",
    "at": "TIME",
    "changes_to": "FILE",
    "column": "FIELD=HEADER",
    "country": "CODE",
    "date_format": "dmy|mdy",
    "decimal": "point|comma",
    "duration": "SECONDS",
    "effective": "DATE",
    "header_row": "LINE",
    "increment": "FIRST/NEXT",
    "issuer": "CODE",
    "known_at": "TIME",
    "language": "fr|en",
    "limit": "NUMBER",
    "line": "CODE",
    "month": "YYYY-MM",
    "on": "DATE",
    "round_to": "PLACES",
    "rows": "NUMBER",
    "sheet": "NAME",
    "since": "DATE",
    "source": "CODE",
    "supplier": "CODE",
    "tariff": "CODE",
    "today": "DATE",
    "unexplained": "FILE",
    "unit": "minute|second|cent",
    "until": "DATE",
}


class PlainCommand(TyperCommand):
    """A command whose options take a DATE or a FILE, not a <str> or a <path>, each with its whole meaning beside it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rich_markup_mode = None
        for parameter in self.params:
            if parameter.metavar is None and not getattr(parameter, "is_flag", False):
                parameter.metavar = _word(parameter)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            records = [one.get_help_record(ctx) for one in self.get_params(ctx) if one.param_type_name == kind]
            rows = [(_without_type(names), _with_words(meaning)) for names, meaning in filter(None, records)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class PlainGroup(TyperGroup):
    """A group that says of each command what it does, in a whole sentence."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.rich_markup_mode = None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, _first_paragraph(command.help)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def make_plain(app: typer.Typer) -> None:
    """Give the pages of this module to an application, its groups and all their commands."""
    app.info.cls = PlainGroup
    app.rich_markup_mode = None
    for command in app.registered_commands:
        command.cls = PlainCommand
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = PlainGroup
            make_plain(group.typer_instance)


def _word(parameter: Any) -> str:
    """What stands for the value of an option or argument: one word for one thing in every command."""
    name = str(parameter.name)
    return _WORDS.get(name, name.upper())


def _without_type(names: str) -> str:
    """ "FILE <path>" is "FILE"."""
    return re.sub(r" <[^>]*>$", "", names)


def _with_words(meaning: str) -> str:
    """ "0<=x<=12" is "0 to 12", "x>=1" is "at least 1"; that a count is not negative goes without saying."""
    meaning = re.sub(r" *\[x>=0\]|; x>=0", "", meaning)
    return re.sub(r"\bx>=(\d+)", r"at least \1", re.sub(r"(\d+)<=x<=(\d+)", r"\1 to \2", meaning))


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())
