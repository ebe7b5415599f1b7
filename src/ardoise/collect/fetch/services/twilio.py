"""Twilio, API 2010-04-01: Calls.json, page after page by next_page_uri."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import ClassVar, Final
from urllib.parse import quote

from ardoise.collect.fetch.logins import Basic, json_of, needed
from ardoise.collect.fetch.service import Known, Window
from ardoise.collect.fetch.web import Web
from ardoise.collect.receive import Feed

PAGE_ROWS: Final = 1000


class Twilio:
    every_s: ClassVar[int] = 600
    overlap: ClassVar[timedelta] = timedelta(hours=12)  # a call takes its price some time after its end
    nightly: ClassVar[timedelta] = timedelta(days=3)
    longest: ClassVar[timedelta | None] = None

    def __init__(self, feed: Feed) -> None:
        """Raises BadLink."""
        self._link = feed.link
        (self._account,) = needed(feed.link, "account")
        needed(feed.link, "user", "password")
        self._own = feed.link.text("url") or "https://api.twilio.com"

    @property
    def base(self) -> str:
        return self._own

    def login(self) -> Basic:
        return Basic(self._link.text("user"), self._link.secret("password"))

    async def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        """The filters take days (UTC), both included."""
        path = f"2010-04-01/Accounts/{quote(self._account, safe='')}/Calls.json"
        params = [
            ("StartTime>", f"{window.start_at:%Y-%m-%d}"),
            ("StartTime<", f"{window.end_at:%Y-%m-%d}"),
            ("PageSize", str(PAGE_ROWS)),
        ]
        while True:
            response = await web.get(path, params)
            found = json_of(response, "Twilio")
            if found.get("calls"):
                yield response.content
            if not found.get("next_page_uri"):
                return
            path, params = str(found["next_page_uri"]), []
