"""A choice of columns as the TOML text of a profile, with its doubts as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ardoise.formats.proposal.choosing import Choice
from ardoise.formats.proposal.cutting import Column, Sample
from ardoise.formats.proposal.words import FROM_SAMPLE, NOT_USED, sentence

PATTERNS_MAX = 8
_MARKED = re.compile(r"\w[;|,\t]")  # TOTAL;3;196
_A_WORD = re.compile(r"[^\W\d_]{3}")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def quoted(value: object) -> str:
    """A TOML string, number or list of strings."""
    return json.dumps(value, ensure_ascii=False)


def key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else quoted(name)


def profile_text(
    sample: Sample, choice: Choice, tests: Iterable[tuple[str, Mapping[str, object]]], *, french: bool
) -> str:
    """The whole profile; `tests` are lines with what is expected of them."""
    named = _names(sample, choice)
    parts = [_head(sample, choice, french=french), _file(sample, choice)]
    if not sample.delimiter:
        parts.append(_columns(sample, choice, named, french=french))
    parts += [_fields(choice, named), _rules(choice)]
    if sample.delimiter:
        parts.append(_not_used(sample, choice, named, french=french))
    parts += [_test(line, expect) for line, expect in tests]
    return "\n\n".join(part for part in parts if part) + "\n"


def _names(sample: Sample, choice: Choice) -> dict[int, str | int]:
    """How each column is named: by its title, its rank, or the field it holds where columns are fixed."""
    names: dict[int, str | int] = {id(column): column.key for column in sample.columns}
    if sample.delimiter:
        return names
    for field, columns in choice.fields.items():
        said = ["date", "time"] if field == "start" and len(columns) == 2 else [field] * len(columns)
        names |= {id(column): name for column, name in zip(columns, said, strict=True)}
    return names


def _head(sample: Sample, choice: Choice, *, french: bool) -> str:
    said = FROM_SAMPLE[0 if french else 1].format(lines=len(sample.lines))
    doubts = [f"# - {sentence(doubt, french=french)}" for doubt in choice.doubts]
    return "\n".join([f"# {said}", *doubts, 'name = "profile"'])


def _file(sample: Sample, choice: Choice) -> str:
    lines = ["[file]"]
    if not sample.delimiter:
        lines += ['layout = "fixed"']
    if sample.delimiter:
        kind = "keyed" if "id" in choice.fields else "cumulative"
        lines += [f"kind = {quoted(kind)}", f"delimiter = {quoted(sample.delimiter)}"]
        if sample.header_line:
            lines.append(f"header_line = {quoted(sample.header_line)}")
        else:
            lines += ["header = false"] + ([] if sample.is_ragged else [f"columns = {len(sample.columns)}"])
    if sample.encoding != "utf-8":
        lines.append(f"encoding = {quoted(sample.encoding)}")
    tickets = {_beginning(line, sample.delimiter) for line in sample.lines}
    headings = [
        line for line in sample.others if _is_heading(line) and _beginning(line, sample.delimiter) not in tickets
    ]
    patterns = list(dict.fromkeys(map(_pattern, headings)))[:PATTERNS_MAX]
    if patterns:
        lines.append("event_patterns = [" + ", ".join(quoted(pattern) for pattern in patterns) + "]")
    return "\n".join(lines)


def _is_heading(line: str) -> bool:
    """A heading has words, and no mark that a pattern takes for any text; what is damaged is to be seen."""
    return (
        _A_WORD.search(line) is not None and "*" not in line and (len(line.split()) > 1 or bool(_MARKED.search(line)))
    )


def _beginning(line: str, delimiter: str) -> str:
    """The first cell or word with any digits: a line that begins as the tickets do is one, whatever happened to it."""
    return re.sub(r"\d+", "#", next(iter(line.split(delimiter or None)), ""))


def _pattern(line: str) -> str:
    """The words of a heading, with any digits."""
    return re.sub(r"\d+", "#", " ".join(line.split()))


def _columns(sample: Sample, choice: Choice, named: Mapping[int, str | int], *, french: bool) -> str:
    used = {id(column) for columns in choice.fields.values() for column in columns}
    lines = ["[columns]"]
    for column in sample.columns:
        assert column.place is not None  # columns without a delimiter have places
        first, width = column.place
        note = "" if id(column) in used else f"  # {_example(column, french=french)}"
        lines.append(f"{key(str(named[id(column)]))} = [{first}, {width}]{note}")
    return "\n".join(lines)


def _example(column: Column, *, french: bool) -> str:
    example = "".join(character for character in next(iter(column.filled()), "") if character.isprintable())
    return NOT_USED[0 if french else 1].format(example=example)


def _fields(choice: Choice, named: Mapping[int, str | int]) -> str:
    lines = ["[fields]"]
    for field, columns in choice.fields.items():
        names = [named[id(column)] for column in columns]
        lines.append(f"{field} = {quoted(names[0] if len(names) == 1 else names)}")
    return "\n".join(lines)


def _rules(choice: Choice) -> str:
    return "\n\n".join(_tables(choice))


def _tables(choice: Choice) -> Iterator[str]:
    start = [f"formats = {quoted(choice.start_formats)}"] if choice.start_formats else []
    yield "\n".join(["[start]", *start, f"zone = {quoted(choice.zone)}"])
    yield f"[duration]\nunit = {quoted(choice.duration_unit)}"
    if "ring" in choice.fields:
        yield f"[ring]\nunit = {quoted(choice.ring_unit)}"
    if "price" in choice.fields:
        yield f"[price]\ndecimal = {quoted(choice.decimal)}"
    if choice.unanswered:
        yield f"[answered]\nexcept = {quoted([choice.unanswered])}"
    elif choice.blank_duration:
        yield "[answered]\nblank_duration = true"
    if "direction" not in choice.fields:
        yield '[direction]\ndefault = "out"'
        return
    column = choice.fields["direction"][0]
    values = {value: choice.directions.get(value) for value in dict.fromkeys(column.filled())}
    rows = [f"{key(value)} = {quoted(found.value if found else 'unknown')}" for value, found in values.items()]
    yield "\n".join(["[direction.values]", *rows])


def _not_used(sample: Sample, choice: Choice, named: Mapping[int, str | int], *, french: bool) -> str:
    free = choice.free(sample.columns)
    return "\n".join(f"# {named[id(column)]}: {_example(column, french=french)}" for column in free)


def _test(line: str, expect: Mapping[str, object]) -> str:
    pairs = ", ".join(f"{name} = {_value(value)}" for name, value in expect.items())
    return f"[[tests]]\nline = {quoted(line)}\nexpect = {{ {pairs} }}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return quoted(value)


def lines_to_test(sample: Sample, choice: Choice, *, most: int) -> Sequence[str]:
    """The first line of each direction, else the first lines."""
    if "direction" not in choice.fields:
        return sample.lines[:most]
    firsts: dict[str, str] = {}
    for value, line in zip(choice.fields["direction"][0].values, sample.lines, strict=True):
        firsts.setdefault(value if value in choice.directions else "", line)
    return list(firsts.values())[:most]
