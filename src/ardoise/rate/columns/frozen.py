"""What the calls of every part of a month are rated against, once all usage was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ardoise.core.rated import NOT_ANSWERED
from ardoise.core.schema import USAGE
from ardoise.core.usage import Direction, UsageKind
from ardoise.rate.columns.borders import Borders
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.costs import Exchange
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.included import Included
from ardoise.rate.columns.kernel import Flags
from ardoise.rate.columns.payers import SpanColumns


@dataclass(frozen=True, slots=True)
class Month:
    """Immutable: parts are rated by several threads."""

    month: str
    spans: SpanColumns
    profiles: Profiles
    rules: ProfileRules
    included: Included
    catalogue: CatalogueColumns
    exchange: Exchange
    borders: Borders


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """What exclusion asks of the labels of a call, by profile."""

    internal: Flags
    incoming: Flags
    silent: Flags
    no_detail: Flags
    is_call: Flags

    @classmethod
    def of(cls, profiles: Profiles) -> ProfileRules:
        directions, statuses = profiles.texts(USAGE.direction), profiles.texts(USAGE.status)
        flags = profiles.texts(USAGE.flags)
        return cls(
            internal=np.array([known == Direction.INTERNAL for known in directions], np.bool_),
            incoming=np.array([known == Direction.IN for known in directions], np.bool_),
            silent=np.array([known in NOT_ANSWERED for known in statuses], np.bool_),
            no_detail=np.array(["no_detail" in known.split(",") for known in flags], np.bool_),
            is_call=np.array([known == UsageKind.CALL for known in profiles.texts(USAGE.kind)], np.bool_),
        )
