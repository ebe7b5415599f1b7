"""Which format a sample is in: every known format reads it, and what it makes of it ranks it.

Formats read by a profile are left out: without one they read nothing (`proposal` makes one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ardoise.core.usage import Direction, Event, Leg, Unreadable
from ardoise.formats import registry
from ardoise.formats.spec import BadOption, Format

SAMPLE_BYTES = 512 * 1024  # of the beginning of the file: enough to tell formats apart
SAMPLE_RECORDS = 1000
REASONS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """Why some records are no calls in this format: the code, how many, and the words about the first of them."""

    code: str
    count: int
    detail: str


@dataclass(frozen=True, slots=True)
class Guess:
    """What one format makes of the sample. `records` leaves blank lines out; their sum is that of the other counts."""

    name: str
    title: str
    records: int
    calls: int
    doubtful: int  # calls read word by word or in an unknown direction, counted in `calls` too
    events: int
    unreadable: int
    reasons: tuple[Reason, ...] = field(default=())

    @property
    def share_percent(self) -> int:
        """Calls among the records that are no events, in whole percents, rounded down."""
        tried = self.calls + self.unreadable
        return 100 * self.calls // tried if tried else 0

    @property
    def reads_it(self) -> bool:
        """Whether it may be this format: it reads calls, or all there is as events (a file of alarms, of qualities)."""
        return self.calls > 0 or (self.events > 0 and self.unreadable == 0)

    def _rank(self) -> tuple[int, int, bool, int, str]:
        sure_percent = self.share_percent - 50 * self.doubtful // max(self.calls, 1)
        return (-sure_percent, -self.calls, not self.reads_it, -self.events, self.name)


def has_profile(format: Format) -> bool:
    """True for a format that reads nothing without a profile."""
    return any(option.name == "profile" for option in format.spec.options)


def guess(data: bytes, formats: Iterable[Format] | None = None) -> list[Guess]:
    """Every format with what it reads of the sample, the likeliest first; those that read no call come last."""
    chosen = registry.all_formats().values() if formats is None else formats
    found = [_tried(format, data) for format in chosen if not has_profile(format)]
    return sorted(found, key=Guess._rank)


def _tried(format: Format, data: bytes) -> Guess:
    kinds: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    details: dict[str, str] = {}
    records = _records(format, data)
    try:
        read = format.reader({})
    except BadOption as error:  # an option without which it cannot read
        reason = Reason("option", len(records), str(error))
        return Guess(format.spec.name, format.spec.title, len(records), 0, 0, 0, len(records), (reason,))
    for record in records:
        match read(record):
            case Leg(direction=direction, extras=extras):
                kinds["calls"] += 1
                kinds["doubtful"] += direction is Direction.UNKNOWN or extras.get("confidence") == "low"
            case Event(kind="noise"):
                continue
            case Event():
                kinds["events"] += 1
            case Unreadable(reason=code, detail=detail):
                codes[code] += 1
                details.setdefault(code, detail)
    unreadable = codes.total()
    return Guess(
        name=format.spec.name,
        title=format.spec.title,
        records=kinds["calls"] + kinds["events"] + unreadable,
        calls=kinds["calls"],
        doubtful=kinds["doubtful"],
        events=kinds["events"],
        unreadable=unreadable,
        reasons=tuple(Reason(code, count, details[code]) for code, count in codes.most_common(REASONS_SHOWN)),
    )


def _records(format: Format, data: bytes) -> list[bytes]:
    """The first records of the sample; the last one is left out where the sample was cut in its middle."""
    is_cut = len(data) > SAMPLE_BYTES
    records, _ = format.frame(data[:SAMPLE_BYTES], final=not is_cut)
    return records[:SAMPLE_RECORDS]
