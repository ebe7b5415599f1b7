"""Priced calls for `ardoise audit`: an operator's CSV, or the calls of a source that it already collected."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from ardoise.core.conventions import PricedCall
from ardoise.core.money import NotAnAmount, Rounding, parse_price, to_micros
from ardoise.core.phone import DialPlan, identify

FIELDS = ("number", "at", "date", "time", "duration", "amount", "caller", "direction", "status")
"""What a column may hold. `at` is date and time together; else `date` and `time`."""

_HEADERS = (
    ("caller", r"caller|calling|from|source|src|a number|anumber|cli|clid|appelant|emetteur|origine|extension|poste"),
    ("number", r"called|callee|to|destination number|dialled|dialed|dst|b number|bnumber|appele|numero appele|numero"),
    ("number", r"number|called number|destination|number key"),
    ("at", r"answered at|answer time|answered|start utc|start time|start|started at|date time|datetime|date heure"),
    ("at", r"timestamp|call start|date et heure|call date time|connect time|date time utc"),
    ("date", r"date|call date|jour|date appel|date de l appel"),
    ("time", r"time|heure|call time|heure appel|heure de l appel"),
    ("duration", r"duration|duration s|duration secs|duration seconds|billsec|talk s|seconds|secs|duree|duree s"),
    ("duration", r"duree reelle|duree sec|duree secondes|conversation"),
    ("amount", r"price|amount|cost|charge|printed|total|montant|prix|cout|montant ht|prix ht|salesprice|total ht|net"),
    ("direction", r"direction|sens"),
    ("status", r"status|disposition|statut|etat"),
)
_TIMES = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%Y%m%d %H%M%S",
    "%Y/%m/%d %H:%M:%S",
)
_IN = re.compile(r"^(in|inbound|incoming|entrant|recu|e)$")
_UNANSWERED = re.compile(r"^(no answer|busy|failed|unanswered|sans reponse|occupe|echec|cancel)$")
MOST_FAULTS = 20


class NotCalls(ValueError):
    """The file cannot be read as priced calls; the message says what to write."""


@dataclass(slots=True)
class Read:
    """The calls of a file, the lines that could not be read with their reason, and what was noticed on the way."""

    calls: list[PricedCall] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: int = 0


def read_file(path: Path, *, columns: Sequence[str], zone: str, step: Callable[[int], None]) -> Read:
    """Read a CSV with a header line. `columns` are "field=Header" where the header is not understood. Times without a
    zone are local to `zone`. Incoming and unanswered calls are left out where a column tells them. Raises NotCalls.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise NotCalls(f"{path} cannot be read: {error.strerror}") from error
    lines = _decoded(text).splitlines()
    if not lines:
        raise NotCalls(f"{path} is empty")
    table = csv.reader(lines, delimiter=_delimiter(lines[0]))
    header = next(table)
    places = _places(header, columns)
    found = Read()
    clock = ZoneInfo(zone)
    finer = 0
    for line, cells in enumerate(table, start=2):
        if not any(cells) or cells == header:  # files put one after the other
            continue
        step(1)
        try:
            call, exact = _call(cells, places, line=line, clock=clock)
        except (ValueError, IndexError) as error:
            found.faults.append((line, str(error) or "too few columns"))
            continue
        finer += not exact
        if call is None:
            found.left_out += 1
        else:
            found.calls.append(call)
    if found.left_out:
        found.notes.append(f"{found.left_out} incoming or unanswered calls left out")
    if finer:
        found.notes.append(f"{finer} amounts printed with more than six decimals were read to the sixth")
    return found


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _delimiter(header: str) -> str:
    return max(";,\t|", key=header.count)


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z0-9]+", bare))


def _places(header: Sequence[str], columns: Sequence[str]) -> dict[str, int]:
    """Where each field stands: what the user says, then what the header says."""
    places: dict[str, int] = {}
    plain = [_plain(cell) for cell in header]
    for said in columns:
        name, _, title = said.partition("=")
        if name not in FIELDS or _plain(title) not in plain:
            raise NotCalls(
                f"« {said} » is not a column; write field=Header, with a field of {', '.join(FIELDS)} and a header of "
                f"{', '.join(header)}"
            )
        places[name] = plain.index(_plain(title))
    for name, pattern in _HEADERS:
        for place, title in enumerate(plain):
            if name not in places and place not in places.values() and re.fullmatch(pattern, title):
                places[name] = place
    missing = [name for name in ("number", "duration", "amount") if name not in places]
    if "at" not in places and not {"date", "time"} <= places.keys():
        if "date" in places:
            places["at"] = places.pop("date")
        else:
            missing.append("at")
    if missing:
        raise NotCalls(
            f"no column holds {', '.join(missing)}; say which one with --column {missing[0]}=HEADER, the headers are: "
            f"{', '.join(header)}"
        )
    return places


def _call(
    cells: Sequence[str], places: dict[str, int], *, line: int, clock: ZoneInfo
) -> tuple[PricedCall | None, bool]:
    """The call of one line (None when it came in or nobody answered), and whether its amount was read whole."""
    if "direction" in places and _IN.match(_plain(cells[places["direction"]])):
        return None, True
    if "status" in places and _UNANSWERED.match(_plain(cells[places["status"]])):
        return None, True
    moment = cells[places["at"]] if "at" in places else f"{cells[places['date']]} {cells[places['time']]}"
    micros, exact = _micros(cells[places["amount"]])
    key, category = _number(cells[places["number"]])
    call = PricedCall(
        ref=f"line {line}",
        number_key=key,
        number_category=category,
        answered_at=_instant(moment, clock),
        talk_s=_seconds(cells[places["duration"]]),
        printed_micros=micros,
        caller=cells[places["caller"]].strip() if "caller" in places else "",
    )
    return call, exact


@lru_cache(maxsize=262_144)
def _number(text: str) -> tuple[str, str]:
    number = identify(text, DialPlan(), outgoing=True)
    return number.key, number.category


def _micros(text: str) -> tuple[int, bool]:
    bare = re.sub(r"[\s\u00a0\u202f€$]|EUR|USD", "", text)
    try:
        price = parse_price(bare)
    except NotAnAmount as error:
        raise NotCalls(f"amount « {text} » is not a number") from error
    exact = Fraction(price)
    micros = to_micros(exact, mode=Rounding.HALF_UP, decimals=6)
    return micros, exact * 10**6 == micros


def _instant(text: str, clock: ZoneInfo) -> datetime:
    bare = " ".join(text.split())
    try:
        moment = datetime.fromisoformat(bare)
    except ValueError:
        moment = _local(bare)
    return (moment if moment.tzinfo else moment.replace(tzinfo=clock)).astimezone(UTC)


def _local(text: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the caller gives the zone
        except ValueError:
            continue
    raise NotCalls(f"« {text} » is not a date and time; write for example 2026-10-05 10:00:00")


def _seconds(text: str) -> int:
    bare = text.strip()
    if re.fullmatch(r"\d+", bare):
        return int(bare)
    if match := re.fullmatch(r"(?:(\d+):)?(\d+):(\d\d)", bare):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return 3600 * hours + 60 * minutes + seconds
    raise NotCalls(f"duration « {text} » is not a number of seconds or hh:mm:ss")


def calls_of_source(source: str, month: str, *, zone: str) -> Iterator[PricedCall]:
    """The answered outgoing calls of a source in a local month whose price its operator printed."""
    import polars as pl

    from ardoise.core.periods import instants_of, month_period, utc_months_of
    from ardoise.core.schema import USAGE
    from ardoise.store import queries as store

    start, end = instants_of(month_period(month), zone)
    names = [USAGE.usage_id, USAGE.number_key, USAGE.number_category, USAGE.answered_at, USAGE.talk_s,
             USAGE.operator_micros, USAGE.calling, USAGE.origin]  # fmt: skip
    wanted = (
        (pl.col(USAGE.source) == source)
        & (pl.col(USAGE.direction) == "out")
        & (pl.col(USAGE.status) == "answered")
        & (pl.col(USAGE.kind).fill_null("call") == "call")
        & pl.col(USAGE.operator_micros).is_not_null()
        & pl.col(USAGE.answered_at).is_between(start, end, closed="left")
    )
    frame = store.scan("usage", utc_months_of(month), names, wanted).sort(USAGE.answered_at, USAGE.usage_id).collect()
    yield from map(_of_store, frame.iter_rows())


def _of_store(row: tuple[object, ...]) -> PricedCall:
    usage_id, key, category, answered_at, talk_s, micros, calling, origin = row
    assert isinstance(answered_at, datetime) and isinstance(talk_s, int) and isinstance(micros, int)
    return PricedCall(
        ref=str(usage_id),
        number_key=str(key),
        number_category=str(category or ""),
        answered_at=answered_at,
        talk_s=talk_s,
        printed_micros=micros,
        caller=str(calling or ""),
        origin=str(origin or ""),
    )


def listed(faults: Iterable[tuple[int, str]]) -> list[str]:
    """The first unreadable lines in words."""
    return [f"line {line}: {why}" for line, why in list(faults)[:MOST_FAULTS]]
