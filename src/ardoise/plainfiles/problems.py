"""What is wrong in a folder of plain files: everything at once, each thing with its place and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`line` 0 = the whole file; `column` "" = the whole line."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = [self.file, f"line {self.line}" if self.line else "", f"column {self.column}" if self.column else ""]
        return f"{', '.join(part for part in place if part)}: {self.message}"


class LoadRefused(ValueError):
    """Nothing was loaded. `problems` says everything that must be mended, in the order of the files."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        super().__init__(
            "\n".join([f"{count} error{'s' * (count > 1)}, nothing was loaded:", *map(str, self.problems)])
        )


@dataclass(slots=True)
class Findings:
    """Errors refuse the load; warnings are said and do not."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def refuse_if_any(self) -> None:
        if self.errors:
            raise LoadRefused(self.errors)


def one_of(word: str, known: list[str]) -> str:
    """« standart » is not known; expected one of ...; did you mean standard? (long lists are cut)"""
    shown = ", ".join(known[:12]) + (f" ... ({len(known)} in all)" if len(known) > 12 else "")
    expected = f"expected one of {shown}" if known else "there is none yet"
    return f"« {word} » is not known; {expected}{did_you_mean(word, known)}"


def did_you_mean(word: str, known: list[str]) -> str:
    """The end of a message: the nearest known word, or nothing."""
    near = get_close_matches(word, known, n=1, cutoff=0.6) or get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
