"""Microsoft Graph v1.0: getPstnCalls and getDirectRoutingCalls, OAuth 2 client credentials, @odata.nextLink."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import ClassVar, Final
from urllib.parse import quote

import httpx

from ardoise.collect.fetch.logins import Bearer, Token, json_of, needed, seconds_of
from ardoise.collect.fetch.service import Known, Window
from ardoise.collect.fetch.web import Send, ServiceRefused, Web, checked_base
from ardoise.collect.links import BadLink
from ardoise.collect.receive import Feed

REPORTS: Final = {"pstn": ("getPstnCalls",), "direct_routing": ("getDirectRoutingCalls",)}
BOTH: Final = (*REPORTS["pstn"], *REPORTS["direct_routing"])


class Teams:
    every_s: ClassVar[int] = 3600
    overlap: ClassVar[timedelta] = timedelta(days=1)
    nightly: ClassVar[timedelta] = timedelta(days=3)  # reports are 24 to 48 hours late
    longest: ClassVar[timedelta | None] = timedelta(days=90)

    def __init__(self, feed: Feed) -> None:
        """Raises BadLink."""
        self._link = feed.link
        (self._tenant,) = needed(feed.link, "tenant")
        needed(feed.link, "user", "password")
        self._own = feed.link.text("url") or "https://graph.microsoft.com/v1.0"
        self._login_url = feed.link.text("login_url") or "https://login.microsoftonline.com"
        wanted = feed.link.text("reports") or "both"
        if wanted not in (*REPORTS, "both"):
            raise BadLink(
                f"The link of this https source, reports: {wanted!r} is not one of pstn, direct_routing, both."
            )
        self._reports = REPORTS.get(wanted, BOTH)

    @property
    def base(self) -> str:
        return self._own

    def login(self) -> Bearer:
        return Bearer(self._token)

    async def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        span = f"fromDateTime={window.start_at:%Y-%m-%dT%H:%M:%SZ},toDateTime={window.end_at:%Y-%m-%dT%H:%M:%SZ}"
        for report in self._reports:
            path = f"communications/callRecords/{report}({span})"
            while path:
                response = await web.get(path)
                found = json_of(response, "Microsoft Graph")
                if found.get("value"):
                    yield response.content
                path = str(found.get("@odata.nextLink") or "")

    async def _token(self, send: Send) -> Token:
        url = f"{checked_base(self._login_url)}{quote(self._tenant, safe='')}/oauth2/v2.0/token"
        form = {
            "client_id": self._link.text("user"),
            "client_secret": self._link.secret("password"),
            "scope": "https://graph.microsoft.com/.default",
            "grant_type": "client_credentials",
        }
        found = json_of(await send(httpx.Request("POST", url, data=form)), "Microsoft's login")
        if not found.get("access_token"):
            said = str(found.get("error_description") or found.get("error"))[:200]
            raise ServiceRefused(f"Microsoft does not let us in: {said}; check tenant, user and password of the link")
        return Token(str(found["access_token"]), seconds_of(found, "expires_in", 3599))
