"""Where the fields of a Mitel SMDR line stand: two column maps, anchored on the date and the duration.

Standard layout: 90 columns (SMDR on-line help, "details of recorded information"); 112 with ANI and DNIS, 131 with the
network format and the standardized call id. Extended digit length: hours on 4 digits, parties on 7, time to answer on
4. Live MiVoice Business lines add seconds to the start time, and some loggers lose the leading blank or prefix
`@YYYYMMDD@`: every column is therefore counted from the first character of the duration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    blanks=(8, 13, 18, 52, 57),
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

_PARTY = re.compile(r" *[A-Z0-9*#]* *", re.ASCII)
_TIME_TO_ANSWER = re.compile(r" *(?:\d+|\*+)? *", re.ASCII)


def columns_of(line: str, head: re.Match[str]) -> ColumnMap | None:
    """The column map this line really follows, or None: blanks, digits and letters must stand where the map says."""
    columns = EXTENDED if len(head["hours"]) == 4 else STANDARD
    width = DURATION_AFTER_DATE + (3 if head["second"] is not None else 0)
    if head.start("duration") - head.start("month") != width:
        return None
    body = line[head.start("duration") :].ljust(columns.associated[1])
    if any(body[at] != " " for at in columns.blanks):
        return None
    parties = (columns.calling, columns.called, columns.third)
    fits = (
        all(_PARTY.fullmatch(body[start:end]) for start, end in parties)
        and _TIME_TO_ANSWER.fullmatch(body[slice(*columns.time_to_answer)])
        and body[columns.attendant[0]] in " *"
        and (body[columns.completion[0]] == " " or body[columns.completion[0]].isupper())
        and not body[columns.transfer[0]].isdigit()
    )
    return columns if fits else None
