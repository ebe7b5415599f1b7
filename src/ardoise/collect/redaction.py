"""What is private never reaches a disk: records are blanked before anything durable is written.

French labour law lets elected staff use lines that cannot be itemised (CNIL recommendation on workplace telephony): a
line of the directory marked `no_detail` has the outside numbers of its calls replaced by "x" in the received bytes. The
text of messages is nobody's business but theirs who write them: it is blanked whoever sends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ardoise.core.usage import Leg, Reading
from ardoise.formats.spec import Format, MessageFormat, Reader

_LONG_DIGITS = re.compile(rb"\d{3,}")


@dataclass(frozen=True, slots=True)
class ProtectedExtension:
    """An extension, as printed, that is protected over [valid_from_date, valid_to_date); None = still."""

    value: str
    valid_from_date: date
    valid_to_date: date | None


class Protection:
    """The protected extensions of one source."""

    def __init__(self, extensions: Sequence[ProtectedExtension] = ()) -> None:
        self.extensions = tuple(extensions)
        self.all = frozenset(extension.value for extension in self.extensions)
        self._mention = re.compile(
            rb"(?<!\d)(?:" + b"|".join(re.escape(value.encode()) for value in sorted(self.all)) + rb")(?!\d)"
        )

    def __bool__(self) -> bool:
        return bool(self.extensions)

    def on(self, day: date) -> frozenset[str]:
        """The extensions protected on this local date."""
        return frozenset(
            extension.value
            for extension in self.extensions
            if extension.valid_from_date <= day and (extension.valid_to_date is None or day < extension.valid_to_date)
        )

    def mentioned_in(self, record: bytes) -> bool:
        """Whether a protected extension stands, as a whole number, anywhere in these bytes."""
        return bool(self.extensions) and self._mention.search(record) is not None


class Redactor:
    """Redacts the records of one stream or one file, fed in order. Costs nothing where nothing is private."""

    def __init__(self, format: Format, options: Mapping[str, str], protection: Callable[[], Protection]) -> None:
        """`options` are those of the source; `protection` gives the present list (it is refreshed)."""
        self._format, self._options = format, options
        self._message = format if isinstance(format, MessageFormat) else None
        self._reader: Reader | None = None
        self._protection = protection

    def whole(self, record: bytes, *, arrived_at: datetime) -> bytes:
        """A whole record, blanked if it must be; always of the same length."""
        record = self._without_text(record)
        protection = self._protection()
        if not protection:
            return record
        reading = self._read(record)
        if isinstance(reading, Leg):
            return self._redact(record, _protected_for(reading, protection, arrived_at))
        # Nobody can tell whose call an unreadable record is: a mention of the extension is enough.
        redacted = self._redact(record, protection.all)
        return _blank(redacted) if protection.mentioned_in(record) else redacted

    def together(self, records: Sequence[bytes], *, arrived_at: datetime) -> list[bytes]:
        """All the records of a file: those of one call are blanked together, whoever printed them."""
        kept = [self.whole(record, arrived_at=arrived_at) for record in records]
        if not self._protection() or kept == list(records):
            return kept
        for call in _calls_in(self._legs(kept)):
            if any(leg.extras.get("no_detail") for _, leg in call):
                for at, leg in call:
                    if not leg.extras.get("no_detail"):
                        kept[at] = without_numbers(kept[at], leg, self._format, self._options)
        return kept

    def _legs(self, records: Sequence[bytes]) -> list[tuple[int, Leg]]:
        reader = self._format.reader(self._options)
        readings = ((at, reader(record)) for at, record in enumerate(records))
        return [(at, reading) for at, reading in readings if isinstance(reading, Leg)]

    def unfinished(self, piece: bytes, *, arrived_at: datetime) -> bytes:
        """The beginning of a record whose end did not come. Whose call it is may stand in the missing part."""
        piece = self._without_text(piece)
        protection = self._protection()
        if not protection:
            return piece
        reading = self._format.reader(self._options)(piece)
        if isinstance(reading, Leg):
            return self._redact(piece, _protected_for(reading, protection, arrived_at))
        return _blank(piece)

    def _without_text(self, record: bytes) -> bytes:
        return record if self._message is None else self._message.without_text(record)

    def _read(self, record: bytes) -> Reading:
        if self._reader is None:
            self._reader = self._format.reader(self._options)
        return self._reader(record)

    def _redact(self, record: bytes, protected: frozenset[str]) -> bytes:
        return self._format.redact(record, protected, self._options) if protected else record


def without_numbers(record: bytes, leg: Leg, format: Format, options: Mapping[str, str]) -> bytes:
    """The record as its format blanks it when one of those who take part is protected: here, whoever does."""
    named = (leg.extension, leg.calling, leg.called, leg.dialled, leg.charged_extension, leg.transferred_from)
    return format.redact(record, frozenset(name for name in named if name), options)


def _calls_in(legs: Sequence[tuple[int, Leg]]) -> list[list[tuple[int, Leg]]]:
    """The legs of each call of several, as their PBX joins them: one id and start, until none follows."""
    calls: list[list[tuple[int, Leg]]] = []
    open_calls: dict[str, list[tuple[int, Leg]]] = {}
    for at, leg in legs:
        key = call_of(leg)
        if key in open_calls or leg.more_segments_follow:
            call = open_calls.setdefault(key, [])
            if not call:
                calls.append(call)
            call.append((at, leg))
            if not leg.more_segments_follow:
                del open_calls[key]
    return calls


def call_of(leg: Leg) -> str:
    """What the tickets of one call share; "" without a call id."""
    return f"{leg.call_id} {leg.start}" if leg.call_id else ""


def _protected_for(leg: Leg, protection: Protection, arrived_at: datetime) -> frozenset[str]:
    """By the local date of the call; where no year is printed, the latest one that is not to come."""
    start = leg.start
    if isinstance(start, datetime):
        return protection.on(start.date()) | protection.on(start.date() + timedelta(days=1))  # UTC: local may be next
    latest = arrived_at.date() + timedelta(days=7)
    try:
        if start.year is not None:
            return protection.on(date(start.year, start.month, start.day))
        this_year = date(latest.year, start.month, start.day)
        return protection.on(this_year if this_year <= latest else this_year.replace(year=latest.year - 1))
    except ValueError:
        return protection.all  # an impossible date goes to quarantine, blanked; so does 29 February without a year


def _blank(record: bytes) -> bytes:
    return _LONG_DIGITS.sub(lambda found: b"x" * len(found.group()), record)
