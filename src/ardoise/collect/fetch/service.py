"""What a service is, for the puller: how to log in, which pages hold the calls of a window of time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Protocol

from ardoise.collect.fetch.web import Login, Web
from ardoise.collect.receive import Feed

Known = Callable[[str], bool]  # whether the record of this id was already taken


@dataclass(frozen=True, slots=True)
class Window:
    """[start_at, end_at) of the calls asked for; instants, UTC."""

    start_at: datetime
    end_at: datetime


class Service(Protocol):
    """One remote interface, as it is published. The puller owns the cursor, the retries and what was already taken."""

    every_s: ClassVar[int]  # between two turns, unless the link says otherwise
    overlap: ClassVar[timedelta]  # read again at each turn: calls enter the list when they end
    nightly: ClassVar[timedelta]  # read again once a night and at each start: what came late, or was priced since
    longest: ClassVar[timedelta | None]  # of one request

    @property
    def base(self) -> str:
        """The address of the interface."""

    def login(self) -> Login:
        """A new login. Raises BadLink (a secret that cannot be read)."""

    def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        """The bodies that hold the calls of the window, in order, as received. Raises as `Web.get`."""


NewService = Callable[[Feed], Service]
