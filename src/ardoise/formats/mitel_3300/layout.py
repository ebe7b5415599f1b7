"""Where the fields of a Mitel SMDR line stand: two column maps, anchored on the date and the duration.

Standard layout: 90 columns (SMDR on-line help, summary of fields); 112 with ANI and DNIS, 131 with the standardized
network OLI. Extended digit length: hours on 4 digits, parties on 7. Extended time to answer, in either: 4 digits, the
mark of the attendant one column to the left, in place of the blank before it. Live MiVoice Business lines add seconds
to the start time, and some loggers lose the leading blank or prefix `@YYYYMMDD@`: every column is therefore counted
from the first character of the duration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

HEAD = re.compile(
    r"[\x00 ]*?(?:@(?P<logged>\d{8})@)?(?P<long>[ \-%+])?"
    r"(?P<month>\d{2})/(?P<day>\d{2}) {1,2}(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?P<half>[apAP])?"
    r"(?P<gap> +)(?P<duration>(?P<hours>\d{4}|\d{2}):(?P<minutes>\d{2}):(?P<seconds>\d{2}))(?![\d:])",
    re.ASCII,
)
DURATION_AFTER_DATE = 13  # columns from the month to the duration; 3 more when the start has seconds


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Half-open column ranges, counted from the first character of the duration."""

    name: str
    calling: tuple[int, int]
    attendant: tuple[int, int]
    time_to_answer: tuple[int, int]
    digits: tuple[int, int]
    meter: tuple[int, int]  # the last 5 columns of the digits, when meter pulses are reported
    completion: tuple[int, int]
    speed_or_forward: tuple[int, int]
    called: tuple[int, int]
    transfer: tuple[int, int]
    third: tuple[int, int]
    account: tuple[int, int]
    route: tuple[int, int]
    node: tuple[int, int]
    ani: tuple[int, int]
    dnis: tuple[int, int]
    call_id: tuple[int, int]
    sequence: tuple[int, int]
    associated: tuple[int, int]
    blanks: tuple[int, ...]


STANDARD = ColumnMap(
    name="standard",
    calling=(9, 13),
    attendant=(14, 15),
    time_to_answer=(15, 18),
    digits=(19, 45),
    meter=(40, 45),
    completion=(45, 46),
    speed_or_forward=(46, 47),
    called=(47, 51),
    transfer=(51, 52),
    third=(53, 57),
    account=(58, 70),
    route=(70, 71),
    node=(71, 74),
    ani=(77, 87),
    dnis=(88, 98),
    call_id=(99, 107),
    sequence=(107, 108),
    associated=(109, 117),
    blanks=(8, 18, 52, 57),
)
EXTENDED = ColumnMap(
    name="extended",
    calling=(11, 18),
    attendant=(18, 19),
    time_to_answer=(19, 23),
    digits=(24, 50),
    meter=(45, 50),
    completion=(50, 51),
    speed_or_forward=(51, 52),
    called=(52, 59),
    transfer=(59, 60),
    third=(61, 68),
    account=(69, 81),
    route=(81, 82),
    node=(82, 85),
    ani=(88, 98),
    dnis=(99, 109),
    call_id=(110, 118),
    sequence=(118, 119),
    associated=(120, 128),
    blanks=(10, 23, 60, 68),
)

# Extended time to answer takes the blank before the mark of the attendant; in live extended lines it is on.
STANDARD_LONG_ANSWER = replace(STANDARD, attendant=(13, 14), time_to_answer=(14, 18))
EXTENDED_SHORT_ANSWER = replace(EXTENDED, attendant=(19, 20), time_to_answer=(20, 23))
_VARIANTS = {
    "standard": (STANDARD, STANDARD_LONG_ANSWER),
    "extended": (EXTENDED, EXTENDED_SHORT_ANSWER),
}

_PARTY = re.compile(r" *[A-Z0-9*#]* *", re.ASCII)
_ANSWER = re.compile(r"\d+|\*+| +", re.ASCII)
_DIGITS = re.compile(r"[\dx*# ]*|[TX][\dx*# ]*", re.ASCII)


def columns_of(line: str, head: re.Match[str]) -> ColumnMap | None:
    """The column map this line really follows, or None: blanks, digits and letters must stand where the map says."""
    family = "extended" if len(head["hours"]) == 4 else "standard"
    width = DURATION_AFTER_DATE + (3 if head["second"] is not None else 0)
    if head.start("duration") - head.start("month") != width:
        return None
    body = line[head.start("duration") :].ljust(STANDARD.associated[1] + EXTENDED.associated[1])
    if not _fits(body, _VARIANTS[family][0]):
        return None
    return next((columns for columns in _VARIANTS[family] if _answers(body, columns)), None)


def _fits(body: str, columns: ColumnMap) -> bool:
    parties = (columns.calling, columns.called, columns.third)
    return (
        all(body[at] == " " for at in columns.blanks)
        and all(_PARTY.fullmatch(body[start:end]) for start, end in parties)
        and (body[columns.completion[0]] == " " or body[columns.completion[0]].isupper())
        and not body[columns.transfer[0]].isdigit()
    )


def _answers(body: str, columns: ColumnMap) -> bool:
    """Whether the mark of the attendant and the time to answer have the places of this map."""
    start, end = columns.time_to_answer
    if columns is STANDARD_LONG_ANSWER:
        before = _DIGITS.fullmatch(body[slice(*columns.digits)]) is not None  # or a word of a line that lost its blanks
    else:
        before = end - start == 4 or body[columns.attendant[0] - 1] == " "
    return before and body[columns.attendant[0]] in " *" and bool(_ANSWER.fullmatch(body[start:end]))
