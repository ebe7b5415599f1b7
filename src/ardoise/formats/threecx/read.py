"""Reading 3CX call data records (3cx.com, CDR - Call Data Records): a line each time a party of the call changes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from ardoise.core.usage import Direction, Leg, PrintedTime, Reading
from ardoise.formats.asterisk.channels import is_extension, looks_outside
from ardoise.formats.cells import clock_seconds, iso, printed_time, utc_time
from ardoise.formats.columns import Grid, Row, RowReader, names

ALL_COLUMNS = names(
    "historyid,callid,duration,time-start,time-answered,time-end,reason-terminated,from-no,to-no,from-dn,to-dn,dial-no,"
    "reason-changed,final-number,final-dn,bill-code,bill-rate,bill-cost,bill-name,chain,from-type,to-type,final-type,"
    "from-dispname,to-dispname,final-dispname,missed-queue-calls"
)
DEFAULT_COLUMNS = ALL_COLUMNS[: ALL_COLUMNS.index("chain") + 1]
NEEDS = frozenset({"historyid", "duration", "time-start", "from-no", "to-no", "from-dn", "to-dn"})

_TRUNK_DNS = range(10_000, 100_000)  # 3CX numbers its trunks so
_FAILURES = {"Failed": "failed", "FailedBusy": "busy", "Busy": "busy"}
_TIME = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)?", re.ASCII)
_MAYBE_TIME = re.compile(rf"(?:{_TIME.pattern})?", re.ASCII)
_DN = re.compile(r"\w{0,20}")
_TYPE = re.compile(r"[A-Za-z ]*")
_CALL = re.compile(r"(?:Call )?(\d{1,18})", re.ASCII)
_ENDED_BY = {"TerminatedBySrc": "src", "TerminatedByDst": "dst"}
_MAILBOX = re.compile(r"VMail|Voice ?mail", re.IGNORECASE)
_BETWEEN_LINKS = re.compile(r"[;']")

_ALL = Grid(
    layouts=(),
    numbers=frozenset({"from-no", "to-no", "dial-no", "final-number"}),
    parties=frozenset({"from-dn", "to-dn", "final-dn"}),
    kept=frozenset(
        names(
            "historyid,callid,duration,time-start,time-answered,time-end,reason-terminated,reason-changed,bill-code,"
            "bill-rate,bill-cost,from-type,to-type,final-type"
        )
    ),
    keep=(re.compile(r"(?:Call \d+,)?\b[0-9A-F]{16,20}_\d+"),),
    shapes={
        "historyid": _CALL,
        "duration": re.compile(r"-?\d*:?\d*:?\d*(?:[.,]\d+)?", re.ASCII),
        "time-start": _TIME,
        "time-answered": _MAYBE_TIME,
        "time-end": _MAYBE_TIME,
        "from-dn": _DN,
        "to-dn": _DN,
        "chain": re.compile(r"(?:Chain:.*)?"),
        "from-type": _TYPE,
        "to-type": _TYPE,
        "final-type": _TYPE,
    },
    elastic=frozenset({"bill-name", "from-dispname", "to-dispname", "final-dispname", "missed-queue-calls"}),
)
GRID = replace(_ALL, layouts=(_ALL.learned(ALL_COLUMNS), _ALL.learned(DEFAULT_COLUMNS)))


def row_reader(*, utc: bool) -> RowReader:
    def read(row: Row) -> Reading:
        return _leg(row, utc=utc)

    return read


def _leg(row: Row, *, utc: bool) -> Leg:
    start = _time(row["time-start"], "time-start", utc=utc)
    answer, end = _moment(row, "time-answered", utc=utc), _moment(row, "time-end", utc=utc)
    talk_s = clock_seconds(row["duration"], "duration") if row["duration"] and answer is not None else 0
    direction = _direction(row)
    calling, to_number, final = _number(row, "from-no"), _number(row, "to-no"), _number(row, "final-number")
    moved = bool(row["final-dn"]) and row["final-dn"] != row["to-dn"]
    called = final if direction is Direction.TRANSFERRED and moved else to_number
    answered = talk_s > 0
    extras = _extras(row, answer, end)
    dialled = _number(row, "dial-no")
    return Leg(
        start=start,
        duration_s=talk_s,
        ring_s=_seconds_between(start, answer if answered else end),
        calling=calling,
        called=called,
        dialled=dialled,
        direction=direction,
        extension=_extension(row, direction),
        trunk=_trunk(row, direction),
        answered=answered,
        transferred_from=row["to-dn"] if moved and not _is_trunk(row, "to") else None,
        transferred_to=row["final-dn"] if moved and not _is_trunk(row, "final") else None,
        account_code=row.text("bill-code"),
        call_id=_call_id(row["historyid"]),
        voicemail=answered and _MAILBOX.search(row.text("final-type", "to-type") or "") is not None,
        extras=extras | {"no_detail": True} if row.no_detail else extras,
    )


def _call_id(text: str) -> str | None:
    found = _CALL.fullmatch(text)
    return None if found is None else found[1]


def _number(row: Row, name: str) -> str | None:
    """The number of a column; `Ext.` stands before an extension."""
    text = row[name].removeprefix("Ext.")
    if text and not text.strip("x+"):
        row.no_detail = True
        return None
    return text or None


def _is_trunk(row: Row, side: str) -> bool:
    """Whether a side (from, to, final) is a trunk: its type says so, else its internal number."""
    kind, dn = row[f"{side}-type"], row[f"{side}-dn"]
    if kind:
        return kind == "Line"
    return dn.isascii() and dn.isdecimal() and int(dn) in _TRUNK_DNS


def _direction(row: Row) -> Direction:
    comes, goes = _is_trunk(row, "from"), _is_trunk(row, "to") or _is_trunk(row, "final")
    if comes or goes:
        return Direction.TRANSFERRED if comes and goes else Direction.IN if comes else Direction.OUT
    if looks_outside(row["to-no"]):
        return Direction.OUT  # it failed before it had a trunk
    from_outside = looks_outside(row["from-no"]) and not is_extension(row["from-dn"])  # not a number one of ours shows
    return Direction.IN if from_outside else Direction.INTERNAL


def _extension(row: Row, direction: Direction) -> str | None:
    if direction in (Direction.OUT, Direction.INTERNAL):
        return row.text("from-dn")
    reached = (row[f"{side}-dn"] for side in ("final", "to") if not _is_trunk(row, side))
    return next((dn for dn in reached if is_extension(dn)), None)


def _trunk(row: Row, direction: Direction) -> str | None:
    if direction is Direction.IN:
        return row.text("from-dn")
    if direction is Direction.INTERNAL:
        return None
    trunks = (row[f"{side}-dn"] for side in ("final", "to") if _is_trunk(row, side))
    return next(trunks, None)


def _time(text: str, name: str, *, utc: bool) -> datetime | PrintedTime:
    return utc_time(text, name) if utc else printed_time(text, name)


def _moment(row: Row, name: str, *, utc: bool) -> datetime | PrintedTime | None:
    return _time(row[name], name, utc=utc) if row[name] else None


def _seconds_between(start: datetime | PrintedTime, end: datetime | PrintedTime | None) -> int | None:
    """How long it rang. Local times of the night of the clock change say nothing of it when it comes out negative."""
    if end is None:
        return None
    seconds = int((_plain(end) - _plain(start)).total_seconds())
    return seconds if 0 <= seconds < 86_400 else None


def _plain(at: datetime | PrintedTime) -> datetime:
    if isinstance(at, datetime):
        return at.replace(tzinfo=None)
    return datetime(at.year or 1, at.month, at.day, at.hour, at.minute, at.second or 0)  # noqa: DTZ001 - local


def _extras(row: Row, answer: datetime | PrintedTime | None, end: datetime | PrintedTime | None) -> dict[str, object]:
    chain = tuple(
        link.strip().removeprefix("Ext.") for link in _BETWEEN_LINKS.split(row["chain"].removeprefix("Chain:"))
    )
    in_queue = row["to-type"] == "Queue" or row["reason-changed"].startswith("QFwd")
    known: dict[str, object] = {
        "answer": iso(answer) if answer else None,
        "end": iso(end) if end else None,
        "reason": row["reason-changed"],
        "status": _FAILURES.get(row["reason-terminated"]),
        "terminated_by": _ENDED_BY.get(row["reason-terminated"], row["reason-terminated"]),
        "chain": tuple(link for link in chain if link),
        "pbx_cost": row["bill-cost"],
        "pbx_rate": row.text("bill-name", "bill-rate"),
        "from_name": row["from-dispname"],
        "to_name": row["to-dispname"],
        "final_name": row["final-dispname"],
        "missed_by": row["missed-queue-calls"],
        "queue": row["to-dn"] if in_queue else None,
    }
    return {name: value for name, value in known.items() if value not in (None, "", ())}
