"""A PBX on the wire to its journal, for the stage tests of collect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ardoise.access.scope import EVERYTHING
from ardoise.collect import operations
from ardoise.collect.batch import journal_of
from ardoise.collect.models import FreshUsage, Quarantined, Source, SourceEvent
from ardoise.collect.queries import TicketCounts, ticket_counts
from ardoise.store.journal import Arrival, Kind

NOON = datetime(2026, 10, 5, 12, 0, tzinfo=UTC)


class Pbx:
    """A source of the database and the wire to its journal; time passes by a second at each act."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.now = NOON
        self.connection = 0

    def connects(self) -> None:
        self.connection += 1
        self._append(Kind.CONNECT, b"192.0.2.10:40001")

    def sends(self, *records: bytes) -> None:
        self._append(Kind.BYTES, b"".join(records))

    def hangs_up(self) -> None:
        self._append(Kind.DISCONNECT, b"closed by the other side")

    def dies(self) -> None:
        """The collector was killed and started again: no end of the connection was written."""
        self.now += timedelta(seconds=1)
        self._write(Arrival(self.now, 0, Kind.DISCONNECT, b"collector started: earlier connections are over"))

    def parse(self) -> operations.Parsed:
        return operations.parse(source=self.source.code, now=self.now)

    def counts(self) -> TicketCounts:
        """The equation, checked: no test goes on with a ticket that nobody can account for."""
        (counts,) = ticket_counts(EVERYTHING, source=self.source.code)
        assert counts.missing == 0, counts
        assert counts.quarantined == Quarantined.objects.filter(source=self.source).count()
        assert counts.events == SourceEvent.objects.filter(source=self.source, noticed=False).count()
        return counts

    def calls(self) -> list[dict[str, object]]:
        return [row.row for row in FreshUsage.objects.filter(source=self.source).order_by("answered_at", "usage_id")]

    def reasons(self) -> list[str]:
        found = Quarantined.objects.filter(source=self.source).order_by("pk")
        return list(found.values_list("reason", flat=True))

    def _append(self, kind: Kind, payload: bytes) -> None:
        self.now += timedelta(seconds=1)
        self._write(Arrival(self.now, self.connection, kind, payload))

    def _write(self, arrival: Arrival) -> None:
        with journal_of(self.source.code).writer() as writer:
            writer.append([arrival])
