"""What is wrong in a deck: everything at once, each thing with its place, what was read, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ardoise.core.wording import counted

SHOWN = 25  # a wrong column is wrong on every line: nobody reads 36,000 sentences


class NotRead(ValueError):
    """A cell that cannot be read in one way only; the message says what to do."""


@dataclass(frozen=True, slots=True, order=True)
class DeckProblem:
    """`line` 0 = the whole file; `sheet` and `letter` (of the column) are "" in a CSV file; `column` is its header;
    `read` is the text of the cell.
    """

    file: str
    sheet: str
    line: int
    column: str
    read: str
    message: str
    letter: str = ""

    def as_json(self) -> dict[str, str | int]:
        return asdict(self)

    def __str__(self) -> str:
        place = [
            self.file,
            f"sheet {self.sheet}" if self.sheet else "",
            f"{'row' if self.sheet else 'line'} {self.line}" if self.line else "",
            f"column « {self.column} »" + (f" ({self.letter})" if self.letter else "") if self.column else "",
        ]
        said = f"« {self.read} » {self.message}" if self.read else self.message
        return visible(f"{', '.join(part for part in place if part)}: {said}")


class DeckRefused(ValueError):
    """Nothing was loaded. `problems` says everything that must be mended, in the order of the file."""

    def __init__(self, problems: Sequence[DeckProblem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message)))
        count = len(self.problems)
        said = [f"{counted(count, 'error')}, nothing was loaded:", *map(str, self.problems[:SHOWN])]
        if count > SHOWN:
            said.append(f"... and {count - SHOWN:,} more (--json lists all)")
        super().__init__("\n".join(said))


def visible(text: str) -> str:
    """Text of a file as it may reach a terminal: control characters are shown, none is obeyed."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def lines_text(lines: Sequence[int]) -> str:
    """Line numbers as a person writes them: 3, 7-9."""
    parts: list[list[int]] = []
    for line in lines:
        if parts and line == parts[-1][1] + 1:
            parts[-1][1] = line
        else:
            parts.append([line, line])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in parts[:6]]
    return ", ".join(shown) + (" ..." if len(parts) > 6 else "")
