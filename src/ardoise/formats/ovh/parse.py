"""Reading a voice consumption of OVHcloud, as its interface and its invoice history give it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable
from ardoise.formats.json_records import number_at, object_of, redact_json, seconds_at, text_at
from ardoise.formats.lines import number_of

LISTS: Final = ((),)  # a list of consumptions, or one consumption a body

_DIRECTIONS: Final = {"outgoing": Direction.OUT, "incoming": Direction.IN, "transfer": Direction.TRANSFERRED}
_EXTRAS: Final = {
    "designation": "designation",
    "destination_type": "destinationType",
    "plan": "planType",
    "country": "countrySuffix",
    "hangup": "hangupNature",
}
_NUMBERS: Final = frozenset({"calling", "called", "dialed"})
_KEPT: Final = frozenset({"consumptionId", "creationDatetime", "duration", "currencyCode", "value", "text"})


def read_record(record: bytes) -> Reading:
    """One consumption as a Leg, an Event (a list of none) or an Unreadable. Never raises."""
    found = object_of(record, LISTS, "this a voiceConsumption of OVHcloud")
    if isinstance(found, Event | Unreadable):
        return found
    consumption_id, duration_s = text_at(found, "consumptionId"), seconds_at(found, "duration")
    if consumption_id is None:
        return Unreadable("no_cdr", "an object without consumptionId is no voice consumption")
    if duration_s is None:
        return Unreadable("bad_duration", f"duration is {found.get('duration')!r}, expected seconds")
    start_at = _instant(text_at(found, "creationDatetime") or "")
    if start_at is None:
        return Unreadable(
            "bad_start", f"creationDatetime is {found.get('creationDatetime')!r}, expected ISO 8601 with its offset"
        )
    return _leg(found, consumption_id, duration_s, start_at)


def _leg(found: Mapping[str, Any], consumption_id: str, duration_s: int, start_at: datetime) -> Leg:
    numbers = {name: number_at(found, name) for name in ("calling", "called", "dialed")}
    price, currency = _price(found.get("priceWithoutTax"), answered=duration_s > 0)
    extras: dict[str, object] = {
        name: text for name, place in _EXTRAS.items() if (text := text_at(found, place)) is not None
    }
    if any(blanked for _, blanked in numbers.values()):
        extras["no_detail"] = True
    return Leg(
        start=start_at,
        duration_s=duration_s,
        ring_s=None,
        calling=numbers["calling"][0],
        called=numbers["called"][0],
        dialled=numbers["dialed"][0],
        direction=_DIRECTIONS.get(text_at(found, "wayType") or "", Direction.UNKNOWN),
        extension=None,
        trunk=None,
        answered=duration_s > 0,
        call_id=consumption_id,
        operator_price=price,
        currency=currency,
        extras=extras,
    )


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _price(said: object, *, answered: bool) -> tuple[Decimal | None, str | None]:
    """Without tax. `value` is exact, `text` is rounded for people; the zero of a call nobody answered is no price."""
    if not isinstance(said, Mapping) or not answered:
        return None, None
    price = number_of(str(said.get("value")))
    return (None, None) if price is None else (price, text_at(said, "currencyCode"))


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`."""
    return redact_json(record, protected, numbers=_NUMBERS, keep=_KEPT, lists=LISTS)
