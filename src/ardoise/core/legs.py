"""A leg at its instant, and its JSON: what a call that is not over keeps of its tickets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from ardoise.core.usage import Direction, Leg, PrintedTime, UsageKind


@dataclass(frozen=True, slots=True)
class TimedLeg:
    """A leg whose start is an instant. `flags` are those of its time (`core.localtime`) and of its reading."""

    ticket_id: str
    source: str
    start_at: datetime
    flags: tuple[str, ...]
    arrived_at: datetime
    leg: Leg


def leg_to_json(timed: TimedLeg) -> dict[str, Any]:
    said = {field.name: _encoded(getattr(timed, field.name)) for field in fields(TimedLeg) if field.name != "leg"}
    return said | {"leg": {name: _encoded(value) for name, value in timed.leg._asdict().items()}}


def leg_from_json(said: Mapping[str, Any]) -> TimedLeg:
    values = {name: _decoded(value) for name, value in said["leg"].items()}
    kind = UsageKind(values.get("kind", UsageKind.CALL))
    leg = Leg(**values | {"direction": Direction(values["direction"]), "kind": kind})
    return TimedLeg(**{name: _decoded(value) for name, value in said.items() if name != "leg"}, leg=leg)


def _encoded(value: object) -> Any:
    """JSON of the values a leg may hold; sequences come back as tuples."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, PrintedTime):
        return {"printed": [getattr(value, field.name) for field in fields(PrintedTime)]}
    if isinstance(value, Mapping):
        return {"mapping": {str(name): _encoded(item) for name, item in value.items()}}
    if isinstance(value, (tuple, list)):
        return [_encoded(item) for item in value]
    raise TypeError(f"extras hold plain values (text, numbers, decimals, sequences), not {type(value).__name__}")


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "decimal":
            return Decimal(content)
        case "instant":
            return datetime.fromisoformat(content)
        case "printed":
            return PrintedTime(*content)
    return {name: _decoded(item) for name, item in content.items()}
