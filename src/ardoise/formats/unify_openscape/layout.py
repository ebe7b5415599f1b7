"""Where the fields of a call line stand: separated by "|", or in fixed columns of three kinds.

Columns: compressed and long form of HiPath 3000 (output formats for call detail recording, tables 7-1 and 7-2), the
109 columns of HiPath 5000 GetAccount (service manual V9, table 6-7). OpenScape Business and Office print the fields of
the compressed form, in the same order, between vertical bars.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Span = tuple[int, int]  # half-open, from 0

_DATE = r"\d{2}\.\d{2}\.(?:\d{4}|\d{2})"
_TIME = r"\d{2}:\d{2}:\d{2}"
_BARS = re.compile(rf" *{_DATE} *\| *{_TIME} *\|")
_FIXED = re.compile(rf"\d{{2}}\.\d{{2}}\.(?P<year>\d{{4}}|\d{{2}})(?P<blank> ?){_TIME}")
_DURATION = re.compile(rf"{_TIME}| +")
_RING = re.compile(r"\d{2}:\d{2}| +")

# The names of the fields between bars, in their order.
BAR_FIELDS = ("date", "time", "trunk", "station", "ring", "duration", "number", "charge", "info")
MORE_BAR_FIELDS = ("account", "msn", "access_code", "route")
_WITHOUT_ACCOUNT = 10  # cells of the uncompressed form, whose line ends with a bar


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each field stands, as spans of the line; `charge_is_money` when the charge is an amount, not pulses."""

    name: str
    spans: dict[str, Span]
    charge_is_money: bool = False

    def texts(self, line: str) -> dict[str, str]:
        return {name: line[start:end].strip() for name, (start, end) in self.spans.items()}


def _columns(name: str, *, year: int, charge_is_money: bool = False, **spans: Span) -> Layout:
    """A fixed layout from columns counted from 1; two more for each field when the year has four digits."""
    wider = year - 2
    found = {"date": (0, 6 + year)}
    found |= {field: (first - 1 + wider, last + wider) for field, (first, last) in spans.items()}
    return Layout(name, found, charge_is_money)


def _compressed(year: int) -> Layout:
    return _columns(
        "compressed",
        year=year,
        time=(9, 16),
        trunk=(17, 19),
        station=(20, 25),
        ring=(26, 30),
        duration=(31, 38),
        number=(39, 63),
        charge=(64, 74),
        info=(75, 76),
        account=(77, 87),
        msn=(88, 98),
        access_code=(99, 103),
        route=(104, 107),
    )


def _long(year: int) -> Layout:
    return _columns(
        "long",
        year=year,
        charge_is_money=True,
        time=(10, 17),
        trunk=(19, 21),
        station=(23, 28),
        ring=(30, 34),
        duration=(36, 43),
        number=(45, 64),
        charge=(66, 76),
        info=(78, 79),
    )


def _get_account(year: int) -> Layout:
    return _columns(
        "get_account",
        year=year,
        time=(9, 16),
        trunk=(17, 19),
        node=(20, 22),
        station=(23, 28),
        seconds=(29, 33),
        duration=(34, 41),
        number=(42, 66),
        charge=(67, 77),
        info=(78, 78),
        account=(79, 89),
        msn=(90, 100),
        seized=(101, 105),
        route=(106, 109),
    )


def layout_of(line: str) -> Layout | None:
    """The layout this line follows, or None: the durations must stand where the layout says."""
    if _BARS.match(line):
        return _bars(line)
    head = _FIXED.match(line)
    if head is None:
        return None
    year = len(head["year"])
    candidates = [_long(year)] if head["blank"] else [_compressed(year), _get_account(year)]
    padded = line.ljust(120)
    return next((layout for layout in candidates if _fits(padded, layout)), None)


def _fits(line: str, layout: Layout) -> bool:
    spans = layout.spans
    if not _DURATION.fullmatch(line[slice(*spans["duration"])]):
        return False
    if "ring" in spans and not _RING.fullmatch(line[slice(*spans["ring"])].ljust(5)):
        return False
    seconds = line[slice(*spans["seconds"])].strip() if "seconds" in spans else ""
    station = line[slice(*spans["station"])].strip()
    return (seconds == "" or seconds.isdigit()) and station.replace("*", "").replace("#", "").isalnum()


def _bars(line: str) -> Layout:
    spans: list[Span] = []
    start = 0
    for cell in line.split("|"):
        spans.append((start, start + len(cell)))
        start += len(cell) + 1
    uncompressed = len(spans) <= _WITHOUT_ACCOUNT
    names = BAR_FIELDS if uncompressed else BAR_FIELDS + MORE_BAR_FIELDS
    found = dict(zip(names, spans, strict=False))
    # "Output LCR number": one more number, behind the route. Its rank is not documented: the last cell that holds one.
    for span in reversed(spans[len(names) :]):
        if re.fullmatch(r"[\dx*#?]{3,}", line[slice(*span)].strip()):
            found["lcr_number"] = span
            break
    return Layout("uncompressed" if uncompressed else "bars", found, charge_is_money=uncompressed)
