"""Reading a row of Microsoft Graph's call records: directRoutingLogRow or pstnCallLogRow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable
from ardoise.formats.json_records import number_at, object_of, redact_json, seconds_at, text_at
from ardoise.formats.sample_json import utc_text

LISTS: Final = (("value",),)

_NEVER_YEAR: Final = 1  # Graph writes 0001-01-01 for a date that is not set
_BUSY, _DECLINED = "486", "603"
_EXTRAS: Final = {
    "call_type": "callType",
    "correlation_id": "correlationId",
    "shared_call_id": "callId",
    "user_id": "userId",
    "user_name": "userDisplayName",
    "sip_code": "finalSipCode",
    "end_reason": "callEndSubReason",
    "licence": "licenseCapability",
    "inventory": "inventoryType",
    "operator": "operator",
    "duration_source": "callDurationSource",
    "destination": "destinationName",
    "destination_context": "destinationContext",
    "usage_country": "usageCountryCode",
    "conference_id": "conferenceId",
}
_NUMBERS: Final = frozenset({"callerNumber", "calleeNumber", "transferorCorrelationId"})
_KEPT: Final = frozenset(
    {"id", "correlationId", "userId", "callId", "startDateTime", "inviteDateTime", "failureDateTime", "endDateTime"}
    | {"duration", "charge", "connectionCharge", "finalSipCode", "callEndSubReason", "userPrincipalName", "tenantId"}
    | {"otherPartyCountryCode", "@odata.context", "@odata.nextLink", "@odata.count", "conferenceId"}
)


def read_record(record: bytes) -> Reading:
    """One row as a Leg, an Event (a page of none) or an Unreadable. Never raises."""
    found = object_of(record, LISTS, "this a page of Microsoft Graph's call records")
    if isinstance(found, Event | Unreadable):
        return found
    row_id, call_type = text_at(found, "id"), text_at(found, "callType")
    if row_id is None or call_type is None:
        return Unreadable("no_cdr", "an object without id and callType is no row of call records")
    duration_s = seconds_at(found, "duration")
    if duration_s is None:
        return Unreadable("bad_duration", f"duration is {found.get('duration')!r}, expected seconds")
    return _leg(found, row_id, call_type, duration_s)


def _leg(found: Mapping[str, Any], row_id: str, call_type: str, duration_s: int) -> Reading:
    begun_at, invited_at = _instant(found, "startDateTime"), _instant(found, "inviteDateTime")
    start_at = begun_at or invited_at or _instant(found, "failureDateTime")
    if start_at is None:
        return Unreadable("bad_start", "none of startDateTime, inviteDateTime and failureDateTime is set")
    answered = duration_s > 0 if found.get("successfulCall") is None else found.get("successfulCall") is True
    numbers = {name: number_at(found, name) for name in ("callerNumber", "calleeNumber")}
    extras = _extras(found, row_id, answered=answered)
    if any(blanked for _, blanked in numbers.values()):
        extras["no_detail"] = True
    if any("*" in (number or "") for number, _ in numbers.values()):
        extras["masked"] = True
    ring_s = None
    if invited_at is not None:
        ring_end_at = (begun_at if answered else _instant(found, "failureDateTime")) or invited_at
        ring_s = max(int((ring_end_at - invited_at).total_seconds()), 0)
        extras["start_is_answer"] = answered and begun_at is not None
    return Leg(
        start=start_at,
        duration_s=duration_s if answered else 0,
        ring_s=ring_s,
        calling=numbers["callerNumber"][0],
        called=numbers["calleeNumber"][0],
        direction=_direction(call_type),
        extension=text_at(found, "userPrincipalName", "userId"),
        trunk=text_at(found, "trunkFullyQualifiedDomainName"),
        answered=answered,
        call_id=row_id,
        conference=call_type.startswith("conf"),
        operator_price=_amount(found.get("charge")),
        currency=text_at(found, "currency"),
        extras=extras,
    )


def _direction(call_type: str) -> Direction:
    """By the type, never by the names of the two numbers: the vendor describes them the wrong way round."""
    kind = call_type.lower().removesuffix("ucap").rstrip("_")
    if kind.endswith("in"):
        return Direction.IN
    return Direction.OUT if kind.endswith("out") else Direction.UNKNOWN


def _extras(found: Mapping[str, Any], row_id: str, *, answered: bool) -> dict[str, object]:
    extras: dict[str, object] = {"uid": row_id}
    for name, place in _EXTRAS.items():
        if (text := text_at(found, place)) is not None:
            extras[name] = text
    end_at = _instant(found, "endDateTime")
    if end_at is not None:
        extras["end"] = utc_text(end_at)
    connection = _amount(found.get("connectionCharge"))
    if connection:
        extras["connection_charge"] = connection
    if not answered and extras.get("sip_code") in (_BUSY, _DECLINED):
        extras["status"] = "busy"
    return extras


def _instant(found: Mapping[str, Any], name: str) -> datetime | None:
    """An instant of ISO 8601, to the microsecond (Graph prints seven decimals); None where it is not set."""
    try:
        at = datetime.fromisoformat(text_at(found, name) or "")
        return None if at.year == _NEVER_YEAR or at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return None
    return value if isinstance(value, Decimal) else Decimal(value)


def redact_record(record: bytes, protected: frozenset[str]) -> bytes:
    """See `Format.redact`."""
    return redact_json(record, protected, numbers=_NUMBERS, keep=_KEPT, lists=LISTS)
