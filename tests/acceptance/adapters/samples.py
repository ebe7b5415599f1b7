"""From a folder of sample records to this product's formats: maps names, calculates nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from ardoise.core.assembly import AssembledCall, Assembler, AssemblyPolicy
from ardoise.core.legs import TimedLeg
from ardoise.core.usage import CallStatus, Leg, PrintedTime, Reading
from ardoise.formats import registry
from ardoise.formats.sample_json import to_sample_json

FREE_TEXT = {"note", "quirk", "role", "what", "redirect_reason"}
NOT_COMPARED = FREE_TEXT | {"line"}
NO_LINES = {"tap3"}  # binary files: samples count their events, not what stands around them
_TO_THE_MINUTE = re.compile(r"T\d{2}:\d{2}$")
# the format a sample declares -> the product's format that reads it
FORMAT_PREFIXES = {
    "3cx": "threecx",
    "asterisk": "asterisk",
    "avaya_ipoffice": "avaya_ipoffice",
    "cisco_cucm": "cisco_cucm",
    "freeswitch": "freeswitch",
    "grandstream_ucm": "grandstream_ucm",
    "kannel": "udr",
    "solution42": "udr",
    "sansay": "wholesale",
    "voip_innovations": "wholesale",
    "mitel_3300": "mitel_3300",
    "mitel_smdr": "mitel_3300",
    "nec_sl": "nec_sl",
    "openscape": "unify_openscape",
    "hipath": "unify_openscape",
    "ovh": "ovh",
    "oxe_ethernet": "alcatel_oxe",
    "panasonic": "panasonic",
    "freeradius_detail": "radius",
    "tap3": "tap3",
    "teams": "teams",
    "twilio": "twilio",
    "yeastar": "yeastar",
}


@dataclass(frozen=True)
class SampleCase:
    expected_file: Path
    family: str  # the format as the sample names it
    number: int  # rank in "records", from 1
    record: dict[str, object]

    def __str__(self) -> str:
        stem = self.expected_file.name.removesuffix(".expected.json")
        return f"{self.expected_file.parent.name}/{stem}:{self.record.get('line', self.number)}"


def cases(folder: Path) -> Iterator[SampleCase]:
    """One case a record of every `*.expected.json` under the folder."""
    for file in sorted(folder.rglob("*.expected.json")):
        expected = json.loads(file.read_text(encoding="utf-8"))
        for number, record in enumerate(expected.get("records", []), start=1):
            yield SampleCase(file, str(expected.get("format", file.parent.name)), number, record)


def product_format(case: SampleCase) -> str | None:
    """The product's format for a case, None when it is not built."""
    for prefix, name in FORMAT_PREFIXES.items():
        if case.family.startswith(prefix) and name in registry.all_formats():
            return name
    return None


def data_files(expected_file: Path) -> list[Path]:
    """`X.ext`, or `chunk1.bin chunk2.bin ...` for `chunks.expected.json`: parts of one stream, in order."""
    stem = expected_file.name.removesuffix(".expected.json")
    others = [file for file in sorted(expected_file.parent.iterdir()) if not file.name.endswith(".expected.json")]
    exact = [file for file in others if file.stem == stem]
    if exact:
        return exact
    part = re.compile(rf"{re.escape(stem.removesuffix('s'))}_?(\d+)")
    parts = [(int(match[1]), file) for file in others if (match := part.fullmatch(file.stem))]
    return [file for _, file in sorted(parts)]


@cache
def records_of(expected_file: Path, format_name: str) -> list[bytes]:
    """Every record of the stream, in order. Received in parts, as written, then framed."""
    chosen = registry.get(format_name)
    records: list[bytes] = []
    rest = b""
    for file in data_files(expected_file):
        whole, rest = chosen.frame(rest + file.read_bytes(), final=False)
        records += whole
    return records + chosen.frame(rest, final=True)[0]


@cache
def read_stream(expected_file: Path, format_name: str) -> list[Reading]:
    """Every record of the stream read, in order."""
    reader = registry.get(format_name).reader({})
    return [reader(record) for record in records_of(expected_file, format_name)]


def readings(expected_file: Path, format_name: str) -> dict[int, dict[str, object]]:
    """Every record as JSON, by its rank from 1."""
    stream = zip(
        read_stream(expected_file, format_name),
        records_of(expected_file, format_name),
        strict=True,
    )
    if format_name in NO_LINES:
        stream = ((reading, record) for reading, record in stream if isinstance(reading, Leg))
    known = _records_of_earlier_files(expected_file, format_name)
    return {
        number: _as_samples_write(to_sample_json(reading, number)) | ({"duplicate": True} if record in known else {})
        for number, (reading, record) in enumerate(stream, start=1)
    }


def _records_of_earlier_files(expected_file: Path, format_name: str) -> set[bytes]:
    """What the product takes as already received: the same record in an earlier file of a cumulative sender."""
    if registry.get(format_name).spec.kind != "cumulative":
        return set()
    files = sorted(expected_file.parent.glob("*.expected.json"))
    return {record for file in files[: files.index(expected_file)] for record in records_of(file, format_name)}


def _as_samples_write(found: dict[str, object]) -> dict[str, object]:
    """Samples write an operator's price and its currency as one text, and name the call of a visited network."""
    plain: dict[str, object] = json.loads(json.dumps(found))
    if plain["kind"] == "call" and plain.get("visited"):
        plain["kind"] = "roaming_call"
    if plain.get("operator_price") is not None and plain.get("currency") is not None:
        plain.setdefault("carrier_cost", f"{plain['operator_price']} {plain['currency']}")
    return plain


def legs(expected_file: Path, format_name: str) -> Iterator[tuple[int, Leg]]:
    for number, reading in enumerate(read_stream(expected_file, format_name), start=1):
        if isinstance(reading, Leg):
            yield number, reading


def differences(expected: dict[str, object], found: dict[str, object]) -> dict[str, tuple[object, object]]:
    """{field: (expected, found)} for what differs; a null, at any depth, asserts nothing."""
    return {
        key: (value, found.get(key))
        for key, value in expected.items()
        if key not in NOT_COMPARED and not _agrees(*_same_precision(key, value, found.get(key)))
    }


def _same_precision(key: str, expected: object, found: object) -> tuple[object, object]:
    """Samples write a start printed to the minute with or without ":00"."""
    if key == "start" and isinstance(expected, str) and isinstance(found, str):
        expected, found = (f"{text}:00" if _TO_THE_MINUTE.search(text) else text for text in (expected, found))
    return expected, found


def _agrees(expected: object, found: object) -> bool:
    if expected is None:
        return True
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return all(_agrees(one, other) for one, other in zip(expected, found, strict=True))
    if isinstance(expected, dict) and isinstance(found, dict):
        return all(_agrees(value, found.get(key)) for key, value in expected.items() if key not in FREE_TEXT)
    return expected == found and isinstance(expected, bool) == isinstance(found, bool)


# --- calls: the records of a stream merged ---------------------------------------------------------------------------

CALL_KEYS = (
    "direction",
    "answered",
    "answered_by",
    "talk_s",
    "ring_s",
    "trunk",
    "lines",
)  # said by samples, held by Usage


def expected_calls(expected_file: Path) -> list[dict[str, object]]:
    return json.loads(expected_file.read_text(encoding="utf-8")).get("calls", [])


def assembled_calls(expected_file: Path, format_name: str) -> dict[str, dict[str, object]]:
    """The calls the assembler makes of the stream, by the call id of their first record."""
    assembler = Assembler(AssemblyPolicy())
    calls: list[AssembledCall] = []
    arrived_at = datetime(2000, 1, 1, tzinfo=UTC)
    for number, leg in legs(expected_file, format_name):
        timed = TimedLeg(str(number), "sample", _instant(leg.start), (), arrived_at, leg)
        calls += assembler.add(timed)
    calls += assembler.flush(arrived_at + timedelta(days=1))
    return {str(call.legs[0].leg.call_id): _call_json(call) for call in calls}


def _call_json(call: AssembledCall) -> dict[str, object]:
    usage = call.usage
    answered = usage.status in (CallStatus.ANSWERED, CallStatus.VOICEMAIL)
    return {
        "direction": usage.direction.value,
        "answered": answered,
        "answered_by": "voicemail" if usage.status is CallStatus.VOICEMAIL else None,
        "talk_s": usage.talk_s,
        "ring_s": usage.ring_s,
        "trunk": usage.trunk or None,
        "lines": [int(timed.ticket_id) for timed in call.legs],
    }


def _instant(start: PrintedTime | datetime) -> datetime:
    """Any zone will do here: only the order and the distance of starts matter to the grouping."""
    if isinstance(start, datetime):
        return start
    year = 2000 if start.year is None else start.year
    return datetime(year, start.month, start.day, start.hour, start.minute, start.second or 0, tzinfo=UTC)
