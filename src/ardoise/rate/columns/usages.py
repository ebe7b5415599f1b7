"""Calls of a part as the scalar takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ardoise.core.schema import USAGE
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import Ints
from ardoise.rate.columns.rated import Calls

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a profile, as the scalar takes them."""

    source: str
    direction: Direction
    status: CallStatus
    number_category: str
    trunk: str
    account_code: str
    flags: str
    kind: UsageKind
    origin: str


def labels_of(profiles: Profiles) -> list[Labels]:
    """The labels of each profile."""
    names = (
        USAGE.source, USAGE.direction, USAGE.status, USAGE.number_category, USAGE.trunk, USAGE.account_code,
        USAGE.flags, USAGE.kind, USAGE.origin,
    )  # fmt: skip
    return [
        Labels(source, Direction(direction), CallStatus(status), category, trunk, code, flags, UsageKind(kind), origin)
        for source, direction, status, category, trunk, code, flags, kind, origin in zip(
            *(profiles.texts(name) for name in names), strict=True
        )
    ]


def usages_of(calls: Calls, chosen: Ints, labels: Sequence[Labels]) -> list[Usage]:
    """Some calls of a part; who they name is known already, and left out."""
    texts = calls.texts.select(
        USAGE.usage_id, USAGE.calling, USAGE.called, USAGE.number_key, USAGE.units, USAGE.operator_micros
    )[calls.order[chosen]]
    columns = zip(
        texts.iter_rows(), calls.profile[chosen].tolist(), calls.at_us[chosen].tolist(),
        calls.talk_s[chosen].tolist(), strict=True,
    )  # fmt: skip
    return [_usage(texts, labels[profile], at_us, talk_s) for texts, profile, at_us, talk_s in columns]


def _usage(texts: tuple[Any, ...], labels: Labels, at_us: int, talk_s: int) -> Usage:
    """What rating and charges need of a usage."""
    usage_id, calling, called, number_key, units, operator_micros = texts
    at = EPOCH + timedelta(microseconds=at_us)
    return Usage(
        usage_id=usage_id, source=labels.source, start_at=at, answered_at=at, direction=labels.direction,
        status=labels.status, talk_s=talk_s, ring_s=0, charged="", party="", ddi="", calling=calling, called=called,
        number_key=number_key, number_category=labels.number_category, trunk=labels.trunk,
        account_code=labels.account_code, operator_micros=operator_micros, flags=labels.flags, kind=labels.kind,
        units=units, origin=labels.origin,
    )  # fmt: skip
