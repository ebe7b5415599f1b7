"""Numbers that the law wants forgotten, in tickets that were written before anybody could know.

A protected extension (`redaction`) may join a call that an ordinary one began: the first ticket went to the journal
with its number. When the call is put together, the tickets that others printed of it are blanked in their places;
tickets of such a call that a PBX sends again are blanked as they go to quarantine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ardoise.collect.redaction import call_of, without_numbers
from ardoise.core.usage import Leg
from ardoise.formats.spec import Format
from ardoise.store.journal import Journal, Kind, Position

CALLS_KEPT: Final = 500  # a PBX sends again what it kept: no block is longer


class Forgetting:
    """Of one source. `state()` is JSON and names no number."""

    def __init__(
        self,
        journal: Journal,
        format: Format,
        options: Mapping[str, str],
        state: Iterable[str],
        near: Callable[[], Iterable[Position]] = tuple,
    ) -> None:
        """`near` gives positions of recent entries."""
        self._journal, self._format, self._options, self._near = journal, format, options, near
        self._calls = deque(state, CALLS_KEPT)

    def state(self) -> list[str]:
        return list(self._calls)

    def call(self, tickets: Sequence[tuple[str, Leg]]) -> None:
        """A protected extension took part in a call of these tickets (id, leg): blank what the others printed of it."""
        if len(tickets) < 2:
            return  # its only ticket was blanked before it was written
        self._calls += {call_of(leg) for _, leg in tickets} - {"", *self._calls}
        for ticket_id, leg in tickets:
            if not leg.extras.get("no_detail") and (leg.calling or leg.called or leg.dialled):
                self._blank(ticket_id, leg)

    def again(self, ticket_id: str, leg: Leg, raw: bytes) -> bytes:
        """A ticket that was taken before comes again: its bytes, without numbers when it is of such a call."""
        if not self._calls or call_of(leg) not in self._calls or leg.extras.get("no_detail"):
            return raw
        self._blank(ticket_id, leg)
        return without_numbers(raw, leg, self._format, self._options)

    def _blank(self, ticket_id: str, leg: Leg) -> None:
        """In the journal, where a record may lie over several entries of its connection. A file stays as it was taken:
        its tickets were blanked together (`files.redacted`)."""
        if "." in ticket_id.rsplit(":", 1)[1]:
            return
        pieces = self._pieces(ticket_id)
        raw = b"".join(payload[start:] for _, payload, start in pieces)
        records, _ = self._format.frame(raw, final=True)
        blanked = without_numbers(records[0], leg, self._format, self._options) + raw[len(records[0]) :]
        at = 0
        for position, payload, start in pieces:
            size = len(payload) - start
            changed = payload[:start] + blanked[at : at + size]
            if changed != payload:
                self._journal.blank(position, changed)
            at += size

    def _pieces(self, ticket_id: str) -> list[tuple[Position, bytes, int]]:
        """The entries over which a record lies: position, payload, where in it the record is."""
        first, start = self._journal.entry_of(ticket_id, near=self._near())
        pieces = [(first.position, first.payload, start)]
        whole, _ = self._format.frame(first.payload[start:], final=False)
        if whole:
            return pieces
        for entry in self._journal.read(first.after):
            if entry.connection != first.connection:
                continue
            if entry.kind is not Kind.BYTES:
                break
            pieces.append((entry.position, entry.payload, 0))
            if self._format.frame(b"".join(payload[at:] for _, payload, at in pieces), final=False)[0]:
                break
        return pieces
