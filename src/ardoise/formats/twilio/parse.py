"""Reading a call resource of Twilio, alone or out of a page of Calls.json."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable
from ardoise.formats.json_records import number_at, object_of, redact_json, seconds_at, text_at
from ardoise.formats.lines import number_of
from ardoise.formats.sample_json import utc_text

LISTS: Final = (("calls",),)

_OVER: Final = {"completed", "busy", "failed", "no-answer", "canceled"}
_FAILURES: Final = {"busy": "busy", "failed": "failed"}
_NUMBERS: Final = frozenset({"from", "to", "forwarded_from", "from_formatted", "to_formatted", "caller_name"})
_KEPT: Final = frozenset(
    {"sid", "account_sid", "parent_call_sid", "phone_number_sid", "group_sid", "date_created", "date_updated"}
    | {"start_time", "end_time", "duration", "price", "api_version", "uri", "first_page_uri", "next_page_uri"}
    | {"previous_page_uri", "queue_time", "trunk_sid"}
)


def read_record(record: bytes) -> Reading:
    """One call as a Leg, an Event (a page of none, a call that is not over) or an Unreadable. Never raises."""
    found = object_of(record, LISTS, "this Calls.json of Twilio")
    if isinstance(found, Event | Unreadable):
        return found
    sid, status = text_at(found, "sid"), text_at(found, "status")
    if sid is None or status is None:
        return Unreadable("no_cdr", "an object without sid and status is no call resource")
    if status not in _OVER:
        return Event("event", f"call {sid} is not over: {status}")
    start_at = _instant(text_at(found, "start_time", "date_created"))
    if start_at is None:
        return Unreadable("bad_start", f"start_time is {found.get('start_time')!r}, expected an RFC 2822 date")
    return _leg(found, sid, status, start_at)


def _leg(found: Mapping[str, Any], sid: str, status: str, start_at: datetime) -> Leg:
    numbers = {name: number_at(found, name) for name in ("from", "to", "forwarded_from")}
    answered = status == "completed"
    way = text_at(found, "direction") or ""
    direction = Direction.IN if way == "inbound" else Direction.OUT if way.startswith("outbound") else Direction.UNKNOWN
    end_at = _instant(text_at(found, "end_time"))
    extras: dict[str, object] = {} if end_at is None else {"end": utc_text(end_at)}
    for name in ("parent_call_sid", "answered_by", "account_sid"):
        if (text := text_at(found, name)) is not None:
            extras[name] = text
    if status in _FAILURES:
        extras["status"] = _FAILURES[status]
    if any(blanked for _, blanked in numbers.values()):
        extras["no_detail"] = True
    return Leg(
        start=start_at,
        duration_s=(seconds_at(found, "duration") or 0) if answered else 0,
        ring_s=None,
        calling=numbers["from"][0],
        called=numbers["to"][0],
        transferred_from=numbers["forwarded_from"][0],
        direction=direction,
        extension=None,
        trunk=None,
        answered=answered,
        call_id=sid,
        operator_price=_price(text_at(found, "price")),
        currency=text_at(found, "price_unit"),
        extras=extras,
    )


def _instant(text: str | None) -> datetime | None:
    """An RFC 2822 date; UTC where it names no zone."""
    try:
        found = parsedate_to_datetime(text or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _price(text: str | None) -> Decimal | None:
    """What Twilio charges: it prints a debit below zero. None until it has rated the call."""
    price = number_of(text or "")
    return None if price is None else -price


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`."""
    return redact_json(record, protected, numbers=_NUMBERS, keep=_KEPT, lists=LISTS)
