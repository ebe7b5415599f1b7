"""The call of one plain leg: what `assembly.to_usage` says of it, in a third of the time.

Nearly every call of a busy source is one ticket. What is rare (conference, voicemail, protected line, printed price,
messages) goes the long way; `tests/property/test_assembly_properties.py` holds the two ways together.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from ardoise.core.phone import DialPlan, Number, identify
from ardoise.core.usage import CallStatus, Direction, Leg, Usage, UsageKind

_NOBODY = Number("", "", "", "", "", "", "")


def is_plain(leg: Leg) -> bool:
    """Whether `plain_usage` may tell its call."""
    return not (
        leg.conference
        or leg.voicemail
        or leg.operator_price is not None
        or leg.kind is not UsageKind.CALL
        or leg.extras.get("no_detail")
    )


def plain_usage(
    leg: Leg,
    *,
    ticket_id: str,
    source: str,
    start_at: datetime,
    flags: tuple[str, ...],
    direction: Direction,
    status: CallStatus,
    plan: DialPlan,
    extension_digits: int,
) -> Usage:
    """The call of this leg alone. `extension_digits` is the length of the longest extension."""
    extension, answered, ring_s = leg.extension or "", status is CallStatus.ANSWERED, leg.ring_s or 0
    asked = obtained = presented = ""
    number = _NOBODY
    if direction is Direction.IN:
        called = presented = leg.dialled or leg.called or ""
        number = identify(leg.calling or "", plan, outgoing=False)
        asked = leg.called or ""
        if not extension and len(asked) > extension_digits:
            asked = ""
        obtained = extension if answered else ""
        party = extension or asked
    elif direction is Direction.INTERNAL:
        called = leg.called or leg.dialled or ""
        asked = leg.called or ""
        obtained = (leg.transferred_to or asked) if answered else ""
        party = extension
    else:
        number = _outside(leg, plan)
        called = number.received
        presented = str(leg.extras.get("presented") or "")
        if not presented and direction is not Direction.TRANSFERRED and leg.calling != leg.extension:
            presented = leg.calling or ""
        party = extension or leg.transferred_from or ""
    return Usage(
        ticket_id,
        source,
        start_at,
        start_at + timedelta(seconds=ring_s) if answered else start_at,
        direction,
        status,
        leg.duration_s,
        ring_s,
        leg.charged_extension or "",
        party,
        _ddi(presented, plan),
        leg.calling or "",
        called,
        number.key,
        number.category,
        leg.trunk or "",
        leg.account_code or "",
        asked,
        obtained,
        direction is Direction.TRANSFERRED or bool(leg.transferred_from or leg.transferred_to),
        flags=_flags(leg, flags),
        units=leg.units,
        origin=leg.origin or "",
    )


def _ddi(presented: str, plan: DialPlan) -> str:
    """A few digits name an extension here, not a service."""
    key = identify(presented, plan, outgoing=False).key
    return "?" + key[1:] if key.startswith("!") else key


def _flags(leg: Leg, flags: tuple[str, ...]) -> str:
    if leg.extras.get("confidence") == "low":
        flags = (*flags, "low_confidence")
    return ",".join(dict.fromkeys(filter(None, flags))) if flags else ""


def _outside(leg: Leg, plan: DialPlan) -> Number:
    """What the PBX calls the called number, unless only the digits it dialled are a number."""
    first = _NOBODY
    for text in (leg.called, leg.dialled):
        if text:
            number = identify(text, plan, outgoing=True)
            if number.key and not number.key.startswith("?"):
                return number
            first = first if first.received else number
    return first
