"""Where a transfer goes on after a death on either side: read in the central journal, where marks stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from ardoise.collect.agent.wire import GROUP_ENTRIES
from ardoise.store.journal import Arrival, Entry, Journal, Kind

_BLANKED: Final = bytes.maketrans(b"0123456789", b"x" * 10)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything that an agent's journal holds before `after` stands before this entry."""

    journal: str  # id of the agent's journal
    after: str  # position in it

    def payload(self) -> bytes:
        return json.dumps({"journal": self.journal, "after": self.after}, sort_keys=True).encode()

    @classmethod
    def of(cls, entry: Entry) -> Mark:
        said = json.loads(entry.payload)
        return cls(said["journal"], said["after"])


@dataclass(slots=True)
class Resuming:
    """`after`: where the agent goes on, "" = from its beginning. `unmarked`: what arrived behind the last mark, in its
    order: it is sent again, and left out as long as it is the same."""

    after: str = ""
    unmarked: list[tuple[int, int, int, bytes]] = field(default_factory=list)

    def is_here(self, arrival: Arrival) -> bool:
        """Whether this entry, the next that is sent, was already written."""
        if not self.unmarked:
            return False
        if self.unmarked[0] == _content(arrival):
            del self.unmarked[0]
            return True
        self.unmarked.clear()
        return False


def resuming(journal: Journal, agent_journal: str) -> Resuming:
    """Read it in the central journal, the last segments first. Raises JournalDamaged."""
    segments = len(journal.segments())
    looked = 0
    while looked < segments:
        looked = min(segments, max(1, 2 * looked))
        found = _within(journal.read_last(looked), agent_journal)
        if found.after or looked == segments:
            return found
    return Resuming()


def _within(entries: Iterator[Entry], agent_journal: str) -> Resuming:
    found = Resuming()
    behind: list[tuple[int, int, int, bytes]] = []
    for entry in entries:
        if entry.kind is not Kind.MARK:
            if len(behind) <= 2 * GROUP_ENTRIES:
                behind.append(_content(entry))
            continue
        behind = []
        mark = Mark.of(entry)
        if mark.journal == agent_journal:
            found.after = mark.after
    # More than a group cannot be one that a death cut short: it came by another way before the agent.
    found.unmarked = behind if len(behind) <= 2 * GROUP_ENTRIES else []
    return found


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _content(entry: Entry | Arrival) -> tuple[int, int, int, bytes]:
    """What tells an entry from another: its instant most of all. Digits do not count, as either side may have blanked
    numbers in it since (`Journal.blank`)."""
    return microseconds(entry.arrived_at), entry.connection, int(entry.kind), entry.payload.translate(_BLANKED)
