"""A reading as plain JSON: what `ardoise parse` prints, and the shape acceptance samples are written in."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from ardoise.core.usage import Event, Leg, PrintedTime, Reading, Unreadable, UsageKind

_KINDS = {UsageKind.DATA: "data_session"}  # the others under their own name


def to_sample_json(reading: Reading, line_no: int) -> dict[str, object]:
    """One reading as a JSON object; `line_no` counts records from 1.

    `kind` is "call" ("sms", "mms", "data_session" ...), the event's own kind, or "malformed". Durations are seconds;
    numbers are as received; an amount is a decimal string. The format's own fields (`extras`) stand beside the common
    ones.
    """
    if isinstance(reading, Unreadable):
        return {"line": line_no, "kind": "malformed", "reason": reading.reason, "detail": reading.detail}
    if isinstance(reading, Event):
        said = {name: _plain(value) for name, value in reading.extras.items()}
        return said | {"line": line_no, "kind": reading.kind, "text": reading.text}
    return _leg(reading, line_no)


def _leg(leg: Leg, line_no: int) -> dict[str, object]:
    common: dict[str, object] = {
        "line": line_no,
        "kind": _KINDS.get(leg.kind, leg.kind.value),
        "start": _start(leg),
        "duration_s": leg.duration_s,
        "ring_s": leg.ring_s,
        "calling": leg.calling,
        "called": leg.called,
        "direction": leg.direction.value,
        "extension": leg.extension,
        "trunk": leg.trunk,
        "answered": leg.answered,
        "transferred_from": leg.transferred_from,
        "transferred_to": leg.transferred_to,
        "account_code": leg.account_code,
        "cost_units": leg.cost_units,
        "dialled": leg.dialled,
        "call_id": leg.call_id,
        "more_segments_follow": leg.more_segments_follow,
        "charged_extension": leg.charged_extension,
        "voicemail": leg.voicemail,
        "conference": leg.conference,
        "operator_price": leg.operator_price,
        "currency": leg.currency,
    }
    if leg.kind is not UsageKind.CALL:
        common |= {"units": leg.units, "origin": leg.origin}
    own = {name: value for name, value in leg.extras.items() if name not in common}
    return {name: _plain(value) for name, value in (common | own).items()}


def _start(leg: Leg) -> str:
    """ISO 8601; `--MM-DD` without a year; a minute is written `:00` unless the format states `start_precision`."""
    start = leg.start
    if isinstance(start, datetime):
        return utc_text(start)
    return _printed(start, minute_only=leg.extras.get("start_precision") == "minute")


def utc_text(at: datetime) -> str:
    """An instant in UTC, as short as it is exact: 2026-10-05T07:12:33Z, or with the decimals it has."""
    seconds, dot, decimals = at.astimezone(UTC).replace(tzinfo=None).isoformat().partition(".")
    decimals = decimals.rstrip("0")
    return f"{seconds}{dot if decimals else ''}{decimals}Z"


def _printed(start: PrintedTime, *, minute_only: bool) -> str:
    year = "-" if start.year is None else f"{start.year:04d}"
    seconds = "" if minute_only else f":{start.second or 0:02d}"
    return f"{year}-{start.month:02d}-{start.day:02d}T{start.hour:02d}:{start.minute:02d}{seconds}"


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
