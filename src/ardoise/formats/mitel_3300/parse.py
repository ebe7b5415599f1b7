"""Reading one Mitel 3300 / MiVoice Business SMDR line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Reading, Unreadable
from ardoise.formats.lines import blank, blank_long_numbers, is_blanked, is_cut, text_of
from ardoise.formats.mitel_3300.layout import HEAD, ColumnMap, columns_of

_TRUNK = re.compile(r"[TX]\d+", re.ASCII)
_IP_TRUNK = re.compile(r"X9{3,4}", re.ASCII)
_PARTY = re.compile(r"([TX]?\d+|ATT\d*)([TXCUIR])?", re.ASCII)
_CONTINUATION = re.compile(r" {20,}\S")
_DATE_TIME = re.compile(r"\d{2}/\d{2}(?:/\d{2,4})? +\d{1,2}:\d{2}", re.ASCII)
_SYSTEM_WORDS = re.compile(r"\b(TIME|DATE|CLOCK)\b.*\b(CHANGED?|SET|ADJUSTED|MALFUNCTION)\b", re.IGNORECASE)
_CALL_ID = re.compile(r"(?<![A-Z0-9])[A-Z]\d{7}(?!\d)", re.ASCII)
_LOGGED_DATE = re.compile(r"@\d{8}@", re.ASCII)
_EXTENDED_TAIL = re.compile(
    r"(?P<account>[\dx]{2,12})? +(?P<route>[rR])?(?P<node>\d{3})(?!\d)(?P<rest>.*)|(?P<only_account>[\dx]{2,12})?\s*",
    re.ASCII,
)
_NETWORK_TAIL = re.compile(
    r"(?P<numbers>.*?)(?P<call_id>[A-Z]\d{7})(?P<sequence> ?[A-Z](?![A-Z\d])| )?(?: *(?P<other>[A-Z]\d{7}))?\s*",
    re.ASCII,
)

_FAILED = {"B", "E", "O", "D", "S", "U"}  # busy, error or vacant; occupied, DND, out of service, unavailable
_TRANSFERS = {"T": "supervised", "X": "unsupervised", "C": "conference", "U": "acd", "I": "acd", "R": "acd"}
_CUT_BEFORE_COLUMN = {"standard": 51, "extended": 59}  # a line without its end is cut if the called party is missing


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of one line as text, stripped; "" where blank."""

    calling: str
    attendant: bool
    time_to_answer: str
    digits: str
    meter: str
    completion: str
    speed_or_forward: str
    called: str
    transfer: str
    third: str
    account: str = ""
    route: str = ""
    node: str = ""
    ani: str = ""
    dnis: str = ""
    call_id: str = ""
    sequence: str = ""
    associated: str = ""


class MitelReader:
    """Reads the lines of one source in order. What it remembers: whether the clock of this stream prints a "p"."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self.layout = options["layout"]
        self.meter_pulses = options["meter_pulses"]
        self.clock = options["clock"]
        self._half_day_seen = options["clock"] == "12h"

    def __call__(self, record: bytes) -> Reading:
        line = text_of(record)
        head = HEAD.match(line)
        if head is None:
            return _not_a_ticket(line)
        start = self._start(head)
        if start is None:
            return Unreadable("impossible_date", f"{line[: head.start('gap')].strip()!r} is no date and time")
        if int(head["minutes"]) > 59 or int(head["seconds"]) > 59:
            return Unreadable("bad_duration", f"duration is {head['duration']!r}, expected hh:mm:ss")
        columns = columns_of(line, head)
        if self.layout != "auto" and not self._is_expected(columns):
            return Unreadable(
                "layout_changed",
                f"the columns are not those of layout {self.layout!r}: have the PBX's SMDR options changed?",
            )
        if columns is None:
            found = _tokens(line[head.end("duration") :], extended=len(head["hours"]) == 4)
            return found if isinstance(found, Unreadable) else _leg(start, head, found, low_confidence=True)
        body = line[head.start("duration") :]
        if is_cut(record) and len(body) < _CUT_BEFORE_COLUMN[columns.name]:
            return Unreadable("cut", f"the line stops at column {len(line)}, before the called party")
        fields = _fields(body, columns, self.meter_pulses, with_network=self.layout != "standard")
        if not (fields.calling or fields.called or fields.digits):
            return Unreadable("garbage", "a date and a duration but no parties and no digits")
        return _leg(start, head, fields, low_confidence=False)

    def _is_expected(self, columns: ColumnMap | None) -> bool:
        return columns is not None and (columns.name == "extended") == (self.layout == "extended")

    def _start(self, head: re.Match[str]) -> PrintedTime | None:
        hour = int(head["hour"])
        if head["half"] and self.clock != "24h":
            self._half_day_seen = True
        if hour > 12:
            if self.clock == "12h":
                return None
            self._half_day_seen = False  # this stream prints 24 hours after all
        if self._half_day_seen:
            # 12-hour clock: "p" is printed for the afternoon, a blank (or "a") for the morning
            hour = hour % 12 + (12 if (head["half"] or "").lower() == "p" else 0)
        logged = head["logged"]
        year = int(logged[:4]) if logged else None
        month, day, minute = int(head["month"]), int(head["day"]), int(head["minute"])
        second = None if head["second"] is None else int(head["second"])
        try:
            date(year or 2000, month, day)  # 29 February is possible where the year is not printed
        except ValueError:
            return None
        if hour > 23 or minute > 59 or (second or 0) > 59:
            return None
        return PrintedTime(year, month, day, hour, minute, second)


def _not_a_ticket(line: str) -> Reading:
    text = line.strip()
    if not text:
        return Event("noise", "")
    if "CLOCK MALFUNCTION" in text.upper():
        return Event("alarm", text)
    dates = _DATE_TIME.findall(text)
    if _SYSTEM_WORDS.search(text) or len(dates) > 1:
        return Event("event", text, {"sign": "time_change"})  # time change reporting: the clock was set
    if _CONTINUATION.match(line):
        return Event("continuation", text)
    if re.match(r"[ \-%+]?\d{2}/\d{2} ", line):
        return Unreadable("bad_duration", f"a date but no start time and duration hh:mm:ss: {text[:60]!r}")
    return Unreadable("garbage", f"not an SMDR line: {text[:60]!r}")


def _fields(body: str, columns: ColumnMap, meter_pulses: str, *, with_network: bool) -> Columns:
    """Cut the columns of a line; `body` begins at the duration."""
    body = body.ljust(columns.associated[1])

    def cut(span: tuple[int, int]) -> str:
        return body[span[0] : span[1]].strip()

    has_meter = _has_meter(body, columns, meter_pulses)
    digits = body[columns.digits[0] : columns.meter[0] if has_meter else columns.digits[1]].strip()
    common = {
        name: cut(getattr(columns, name))
        for name in ("calling", "time_to_answer", "completion", "speed_or_forward", "called", "transfer", "third")
    }
    tail = _extended_tail(body[columns.account[0] :]) if columns.name == "extended" else _standard_tail(cut, columns)
    if not with_network:
        tail = {name: text for name, text in tail.items() if name not in {"call_id", "sequence", "associated"}}
    return Columns(
        attendant=cut(columns.attendant) == "*",
        digits=digits,
        meter=cut(columns.meter) if has_meter else "",
        **common,
        **tail,
    )


def _has_meter(body: str, columns: ColumnMap, meter_pulses: str) -> bool:
    units = body[slice(*columns.meter)]
    if not (units.isascii() and units.isdigit()):
        return False
    # Without being told, five digits alone at the end of the field are meter units, not the end of a long number.
    return meter_pulses == "yes" or (meter_pulses == "auto" and body[columns.meter[0] - 1] == " ")


def _standard_tail(cut: Callable[[tuple[int, int]], str], columns: ColumnMap) -> dict[str, str]:
    names = ("account", "route", "node", "ani", "dnis", "call_id", "sequence", "associated")
    return {name: cut(getattr(columns, name)) for name in names}


def _extended_tail(tail: str) -> dict[str, str]:
    """Account code, node, ANI, DNIS and call ids of an extended line, by their shape.

    Live systems print the node 8 columns further than the manual says: the tail is not read by column.
    """
    found: dict[str, str] = {}
    network = _NETWORK_TAIL.fullmatch(tail)
    if network:
        found |= {"call_id": network["call_id"], "sequence": (network["sequence"] or "").strip()}
        found["associated"] = network["other"] or ""
        tail = network["numbers"]
    match = _EXTENDED_TAIL.fullmatch(tail)
    if match is None:
        return found
    found["account"] = match["account"] or match["only_account"] or ""
    found |= {"route": match["route"] or "", "node": match["node"] or ""}
    numbers = (match["rest"] or "").split()
    if len(numbers) == 2:
        found |= {"ani": numbers[0], "dnis": numbers[1]}
    elif len(numbers) == 1:
        found["ani"] = numbers[0]
    return found


def _tokens(text: str, *, extended: bool) -> Columns | Unreadable:
    """The essentials of a line whose columns were lost (runs of blanks collapsed, shifted fields)."""
    network = _NETWORK_TAIL.fullmatch(text)
    tokens = (network["numbers"] if network else text).split()
    calling = _PARTY.fullmatch(tokens[0]) if tokens else None
    if calling is None or len(tokens) < 2:
        return Unreadable("garbage", f"a date and a duration but no parties: {text.strip()[:60]!r}")
    rest = tokens[1:]
    attendant = rest[0] == "*"
    rest = rest[1:] if attendant else rest
    at = next((i for i, token in enumerate(rest) if re.fullmatch(r"[A-Z][SF]?", token)), None)
    before, after = (rest[:at], rest[at + 1 :]) if at is not None else _split_without_letter(rest)
    if not after and len(before) > 1 and _TRUNK.fullmatch(before[-1]):
        before, after = before[:-1], before[-1:]  # the letter stands behind the trunk
    party = _PARTY.fullmatch(after[0]) if after else None
    called, transfer = (party[1], party[2] or "") if party else ("", "")
    outgoing = not _TRUNK.fullmatch(calling[1]) and _TRUNK.fullmatch(called) is not None
    answer_width = 4 if extended else 3
    has_answer_time = bool(before) and not outgoing and re.fullmatch(rf"\d{{{answer_width}}}|\*+", before[0])
    if has_answer_time and len(before) == 1 and before[0].isdigit() and before[0] == called:
        has_answer_time = False
    letters = rest[at] if at is not None else ""
    third = _PARTY.fullmatch(after[1]) if transfer in {"T", "X", "C"} and len(after) > 1 else None
    tail = _extended_tail(" " + " ".join(after[2 if third else 1 :])) if network else {}
    return Columns(
        calling=calling[1],
        attendant=attendant,
        time_to_answer=before[0] if has_answer_time else "",
        digits=" ".join(before[1:] if has_answer_time else before),
        meter="",
        completion=letters[:1],
        speed_or_forward=letters[1:],
        called=called,
        transfer=transfer,
        third=third[1] if third else "",
        call_id=network["call_id"] if network else "",
        sequence=(network["sequence"] or "").strip() if network else "",
        associated=network["other"] or "" if network else "",
        **{name: tail.get(name, "") for name in ("account", "route", "node", "ani", "dnis")},
    )


def _split_without_letter(rest: list[str]) -> tuple[list[str], list[str]]:
    """Incoming lines have no completion letter: time to answer, digits, then the called party if there is a third."""
    trunk = next((at for at, token in enumerate(rest) if at and _TRUNK.fullmatch(token)), None)
    if trunk is not None:  # trunk to trunk: what is called is the second one
        return rest[:trunk], rest[trunk:]
    numbers = 3 if rest and re.fullmatch(r"\d{3,4}|\*+", rest[0]) else 2
    return (rest[: numbers - 1], rest[numbers - 1 :]) if len(rest) >= numbers else (rest, [])


def _leg(start: PrintedTime, head: re.Match[str], fields: Columns, *, low_confidence: bool) -> Leg:
    printed_s = int(head["hours"]) * 3600 + int(head["minutes"]) * 60 + int(head["seconds"])
    direction = _direction(fields)
    answered = _answered(fields, printed_s)
    numbers = _numbers(fields, direction)
    moved = fields.transfer in {"T", "X"} and fields.third != ""
    return Leg(
        start=start,
        duration_s=printed_s if answered else 0,
        ring_s=int(fields.time_to_answer) if fields.time_to_answer.isdigit() else None,
        calling=numbers["calling"],
        called=numbers["called"],
        dialled=numbers["dialled"],
        direction=direction,
        extension=_extension(fields, direction, moved=moved),
        trunk=_trunk(fields, direction),
        answered=answered,
        transferred_from=(fields.called if direction is Direction.IN else fields.calling) or None if moved else None,
        transferred_to=fields.third if moved else None,
        account_code=fields.account or None,
        cost_units=int(fields.meter) if fields.meter else None,
        call_id=fields.call_id or None,
        conference=fields.transfer == "C",
        extras=_extras(head, fields, printed_s, answered=answered, low_confidence=low_confidence),
    )


def _direction(fields: Columns) -> Direction:
    from_trunk = _TRUNK.fullmatch(fields.calling) is not None
    to_trunk = _TRUNK.fullmatch(fields.called) is not None
    if from_trunk:
        return Direction.TRANSFERRED if to_trunk else Direction.IN
    if to_trunk:
        return Direction.OUT
    if fields.called == "" and fields.completion in {"", "A", "T"} and len(fields.digits) > 5:
        return Direction.OUT  # refused or abandoned before a trunk was seized
    return Direction.INTERNAL if fields.calling else Direction.UNKNOWN


def _answered(fields: Columns, printed_s: int) -> bool:
    """Stars instead of a time to answer, or a letter of failure, mean that nobody talked.

    A blank completion on an outgoing call means "no answer supervision": its duration is all there is to go by.
    """
    toll_denied = fields.completion == "T" and _direction(fields) is Direction.OUT
    refused = fields.time_to_answer.startswith("*") or fields.completion in _FAILED or toll_denied
    return printed_s > 0 and not refused


def _numbers(fields: Columns, direction: Direction) -> dict[str, str | None]:
    """Calling, called and dialled as received; None for a blanked number."""
    ani, dnis, digits = fields.ani, fields.dnis, fields.digits
    if direction is Direction.IN:
        before, mark, after = digits.partition("#")
        if mark and before and after and not ani:  # ARS programmed to put ani#dnis in the digits
            ani, digits = before, after
        calling = ani or _originator(digits)
        called = digits.split()[-1] if digits else dnis or fields.called
    else:
        calling = ani if direction is Direction.TRANSFERRED else fields.calling
        # "8133 8024": station number, then the digits sent on the trunk
        called = digits.split()[-1] if digits else fields.called if direction is Direction.INTERNAL else ""
    found = {"calling": calling, "called": called, "dialled": fields.digits}
    return {name: None if _holds_blanked(number) else number or None for name, number in found.items()}


def _originator(digits: str) -> str:
    """Network format: who calls from another system, by its extension, stands before the digits received."""
    words = digits.split()
    return words[0] if len(words) == 2 and not _TRUNK.fullmatch(words[0]) else ""


def _holds_blanked(text: str) -> bool:
    return any(is_blanked(word) for word in text.split())


def _extension(fields: Columns, direction: Direction, *, moved: bool) -> str | None:
    if direction is Direction.TRANSFERRED:
        return None
    if direction is not Direction.IN:
        return fields.calling or None
    if moved and not _TRUNK.fullmatch(fields.third):
        return fields.third
    return fields.called or None


def _trunk(fields: Columns, direction: Direction) -> str | None:
    if direction is Direction.IN:
        return fields.calling
    return fields.called if _TRUNK.fullmatch(fields.called) else None


def _extras(
    head: re.Match[str], fields: Columns, printed_s: int, *, answered: bool, low_confidence: bool
) -> dict[str, object]:
    trunks = (fields.calling, fields.called, fields.third)
    extras: dict[str, object] = {
        "long_call": (head["long"] or "").strip() or None,
        "completion": fields.completion or None,
        "transfer": _TRANSFERS.get(fields.transfer),
        "node": fields.node if fields.node not in {"", "000"} else None,
        "sequence": fields.sequence or None,
        "associated_call_id": fields.associated or None,
        "ip_trunk": any(_IP_TRUNK.fullmatch(trunk) for trunk in trunks),
        "route_optimised": fields.route != "",
    }
    flags = {"S": "speed_call", "F": "forwarded"}
    optional: dict[str, object] = {
        "attendant": fields.attendant or None,
        flags.get(fields.speed_or_forward, "flag"): fields.speed_or_forward in flags or fields.speed_or_forward or None,
        "dnis": None if is_blanked(fields.dnis) else fields.dnis or None,
        "printed_duration_s": None if answered or not printed_s else printed_s,
        "confidence": "low" if low_confidence else None,
        "no_detail": any(map(_holds_blanked, (fields.digits, fields.ani, fields.dnis))) or None,
    }
    return extras | {name: value for name, value in optional.items() if value is not None}


def redact_record(record: bytes, protected: frozenset[str], options: Mapping[str, str]) -> bytes:
    """See `Format.redact`: digits dialled, ANI and DNIS are blanked in place, the columns do not move."""
    if not protected:
        return record
    text = record.decode("latin-1")
    line = text.rstrip("\r\n")
    head = HEAD.match(line)
    columns = columns_of(line, head) if head else None
    fields = _readable_fields(line, head, columns, options.get("meter_pulses", "auto")) if head else None
    if head is None or fields is None or (is_cut(record) and not _reaches_called_party(line, head, columns)):
        # nobody can tell who takes part: every long number goes, the call ids stay
        return blank_long_numbers(text, (_CALL_ID, _LOGGED_DATE)).encode("latin-1")
    extensions = {fields.calling, fields.called, fields.third} - {""}
    if not (extensions | {fields.dnis, *fields.digits.split()}) & protected:
        return record
    return _blank_numbers(text, head, columns, fields, extensions).encode("latin-1")


def _readable_fields(line: str, head: re.Match[str], columns: ColumnMap | None, meter_pulses: str) -> Columns | None:
    if columns is not None:
        return _fields(line[head.start("duration") :], columns, meter_pulses, with_network=True)
    found = _tokens(line[head.end("duration") :], extended=len(head["hours"]) == 4)
    return found if isinstance(found, Columns) else None


def _reaches_called_party(line: str, head: re.Match[str], columns: ColumnMap | None) -> bool:
    return columns is not None and len(line) - head.start("duration") >= _CUT_BEFORE_COLUMN[columns.name]


def _blank_numbers(
    text: str, head: re.Match[str], columns: ColumnMap | None, fields: Columns, extensions: set[str]
) -> str:
    """Blank each outside number where it stands: in the digits column and in the tail; in a line that lost its columns,
    wherever it is a word of its own."""
    at = head.start("duration")
    outside = {*fields.digits.split(), fields.ani, fields.dnis} - extensions - {""}
    if columns is None:
        return _blank_words(text, head.end("duration"), len(text), outside)
    text = _blank_words(text, at + columns.digits[0], at + columns.digits[1], outside)
    return _blank_words(text, at + columns.node[1], len(text), outside)


def _blank_words(text: str, start: int, end: int, words: set[str]) -> str:
    def blank_if_listed(match: re.Match[str]) -> str:
        return blank(match.group()) if match.group() in words else match.group()

    return text[:start] + re.sub(r"\S+", blank_if_listed, text[start:end]) + text[end:]
