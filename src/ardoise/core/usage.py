"""Usage: what the network says happened. A ticket is read into a `Leg`; legs of one call become one `Usage`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

_NOTHING: Final[Mapping[str, object]] = {}


class UsageKind(StrEnum):
    CALL = "call"  # counted in seconds of conversation
    SMS = "sms"  # counted in messages
    MMS = "mms"
    DATA = "data"  # a session, counted in octets
    EVENT = "event"  # anything else, counted in units


class Direction(StrEnum):
    IN = "in"
    OUT = "out"
    INTERNAL = "internal"
    TRANSFERRED = "transferred"
    UNKNOWN = "unknown"


class CallStatus(StrEnum):
    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    ABANDONED = "abandoned"  # the caller gave up waiting, in a queue or at the attendant
    BUSY = "busy"
    VOICEMAIL = "voicemail"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PrintedTime:
    """A local date and time exactly as the PBX printed it: the year or the seconds may be missing."""

    year: int | None
    month: int
    day: int
    hour: int
    minute: int
    second: int | None = None

    def __str__(self) -> str:
        year = "-" if self.year is None else f"{self.year:04d}"
        seconds = "" if self.second is None else f":{self.second:02d}"
        return f"{year}-{self.month:02d}-{self.day:02d}T{self.hour:02d}:{self.minute:02d}{seconds}"


class Leg(NamedTuple):
    """One call record as a format reads it: numbers as received, times as printed, nothing guessed.

    `duration_s` is talk time (0 when nobody answered). `start` is a PrintedTime (PBX local time) or an aware UTC
    datetime when the sender gives the zone. `operator_price` is the price an operator printed, unsigned.
    `record_id` is the sender's own id of this record for ever, where `call_id` names a call of several records.
    What is not a call says its `kind`, its `units` (messages, octets; see `Usage`) and, where prices depend on it, its
    `origin`; `duration_s` is then how long a session lasted, and `answered` means that it is to be priced.
    `extras` holds what only this format knows, under the names of its page in docs/formats.

    A tuple with names, because tens of thousands are made a second and a frozen dataclass takes four times as long.
    """

    start: PrintedTime | datetime
    duration_s: int
    ring_s: int | None
    calling: str | None
    called: str | None
    direction: Direction
    extension: str | None
    trunk: str | None
    answered: bool
    transferred_from: str | None = None
    transferred_to: str | None = None
    account_code: str | None = None
    cost_units: int | None = None
    dialled: str | None = None
    call_id: str | None = None
    more_segments_follow: bool = False
    charged_extension: str | None = None
    voicemail: bool = False
    conference: bool = False
    operator_price: Decimal | None = None
    currency: str | None = None
    record_id: str | None = None
    kind: UsageKind = UsageKind.CALL
    units: int = 0
    origin: str = ""
    extras: Mapping[str, object] = _NOTHING


@dataclass(frozen=True, slots=True)
class Event:
    """A record that is not a call: a header, an alarm, a time change, the continuation of a cut line, noise.

    `extras` holds what a format reads in it, under the names of its page in docs/formats (the quality of a call);
    `sign` in it names what the collector makes an alarm of: "buffer_full", "time_change".
    """

    kind: str  # event | alarm | header | noise | continuation | quality
    text: str
    extras: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record nobody could read, with the reason in words an installer can act on."""

    reason: str  # a short stable code: "column_count", "impossible_date", "garbage" ...
    detail: str


Reading = Leg | Event | Unreadable


def said_by(reading: Reading) -> dict[str, Any]:
    """The fields of a reading and their values, in order."""
    if isinstance(reading, Leg):
        return reading._asdict()
    return {one.name: getattr(reading, one.name) for one in fields(reading)}


@dataclass(frozen=True, slots=True)
class Usage:
    """One call, normalised and assembled from one or more tickets. Holds no account: who pays is decided by rating.

    `usage_id` is the ticket id of its first leg, `source:segment:offset`, and never changes.
    `charged`, `party` and `ddi` are the three identifiers that may name the line, in this order (DESIGN section 5):
    the extension the PBX charges; the one that called or answered; the DDI received or the number presented.
    `number_key` is what tariffs match: E.164 digits without "+", or "!" followed by a national short number, or "?"
    followed by the text when it is no number at all; "" when there is no outside number (internal).
    """

    usage_id: str
    source: str
    start_at: datetime
    answered_at: datetime
    direction: Direction
    status: CallStatus
    talk_s: int
    ring_s: int
    charged: str
    party: str
    ddi: str
    calling: str  # as received
    called: str  # as received (dialled digits when they differ from the target)
    number_key: str
    number_category: str  # category of the numbering plan: geographic, mobile, sva_premium, emergency ...
    trunk: str = ""
    account_code: str = ""
    asked: str = ""  # extension asked for
    obtained: str = ""  # extension that took the call
    transferred: bool = False
    legs: int = 1
    operator_micros: int | None = None  # price printed by the operator
    flags: str = ""  # comma separated: dst_ambiguous, dst_missing, no_year, minute_precision, no_detail, low_confidence
    kind: UsageKind = UsageKind.CALL
    units: int = 0  # messages, octets or units of what is not a call; negative takes back
    origin: str = ""  # what `Rate.origin` matches: digits of the number that calls, or a visited network "@20801"
    shares: str = ""  # who talked how long, "201:33;202:180" (`core.assembly.shares_of`); "" = one extension had it all

    @property
    def quantity(self) -> int:
        """What a price counts: seconds of conversation of a call, units of anything else."""
        return self.talk_s if self.kind is UsageKind.CALL else self.units
