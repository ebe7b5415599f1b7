"""Yeastar P-Series Open API v1.0: cdr/search, with a token in the address of every request."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

import httpx

from ardoise.collect.fetch.logins import EARLY_S, json_of, needed, seconds_of
from ardoise.collect.fetch.service import Known, Window
from ardoise.collect.fetch.web import Send, ServiceRefused, Web
from ardoise.collect.links import Link
from ardoise.collect.receive import Feed

API: Final = "openapi/v1.0/"
PAGE_ROWS: Final = 1000  # 10,000 at most
TOKEN_EXPIRED: Final = 10004
HEADERS: Final = {"User-Agent": "OpenAPI", "Content-Type": "application/json"}


class Yeastar:
    every_s: ClassVar[int] = 300
    overlap: ClassVar[timedelta] = timedelta(hours=2)
    nightly: ClassVar[timedelta] = timedelta(days=3)
    longest: ClassVar[timedelta | None] = None

    def __init__(self, feed: Feed) -> None:
        """Raises BadLink."""
        self._link, self._zone = feed.link, ZoneInfo(feed.zone)
        needed(feed.link, "user", "password")
        self._own = feed.link.text("url") or f"https://{feed.host}:{feed.port or 8088}"
        self._time_format = feed.link.text("time_format") or "unix"

    @property
    def base(self) -> str:
        return self._own

    def login(self) -> TokenInAddress:
        return TokenInAddress(self._own, self._link)

    async def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        """By ascending id: rows that arrive meanwhile come behind those already read."""
        number = 1
        while True:
            params = [
                ("page", str(number)),
                ("page_size", str(PAGE_ROWS)),
                ("sort_by", "id"),
                ("order_by", "asc"),
                ("start_time", self._time(window.start_at)),
                ("end_time", self._time(window.end_at)),
            ]
            response = await web.get(API + "cdr/search", params, headers=HEADERS)
            found = json_of(response, "The PBX")
            if found.get("errcode") != 0:
                raise ServiceRefused(f"The PBX refuses cdr/search: {found.get('errcode')} {found.get('errmsg')}")
            rows = found.get("data") or []
            if rows:
                yield response.content
            if len(rows) < PAGE_ROWS:
                return
            number += 1

    def _time(self, at: datetime) -> str:
        """As the firmware wants it: Unix seconds, or the PBX's local time in the format it displays."""
        if self._time_format == "unix":
            return str(int(at.timestamp()))
        return at.astimezone(self._zone).strftime(self._time_format)


class TokenInAddress:
    """get_token, then refresh_token; both tokens end by the clock, and the access token may end earlier (10004)."""

    def __init__(self, base: str, link: Link) -> None:
        self._link, self._api = link, httpx.URL(base.rstrip("/") + "/").join(API)
        self._access = self._refresh = ""
        self._access_until_s = self._refresh_until_s = 0

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        if not self._access or time.monotonic() >= self._access_until_s:
            await self._renew(send)
        request.url = request.url.copy_merge_params({"access_token": self._access})
        return request

    def is_expired(self, response: httpx.Response) -> bool:
        if response.status_code == 401:
            return True
        try:
            found = response.json()
        except ValueError:
            return False
        return isinstance(found, dict) and found.get("errcode") == TOKEN_EXPIRED

    def forget(self) -> None:
        self._access = ""

    async def _renew(self, send: Send) -> None:
        if self._refresh and time.monotonic() < self._refresh_until_s:
            found = await self._post(send, "refresh_token", {"refresh_token": self._refresh})
            if found.get("errcode") == 0:
                self._keep(found)
                return
        login = {"username": self._link.text("user"), "password": self._link.secret("password")}
        found = await self._post(send, "get_token", login)
        if found.get("errcode") != 0:
            raise ServiceRefused(
                f"The PBX does not let us in: {found.get('errcode')} {found.get('errmsg')}; check Client ID, Client "
                "Secret and the allowed addresses (Integrations > API)"
            )
        self._keep(found)

    async def _post(self, send: Send, path: str, body: dict[str, str]) -> Any:
        request = httpx.Request("POST", self._api.join(path), json=body, headers=HEADERS)
        return json_of(await send(request), "The PBX")

    def _keep(self, found: Any) -> None:
        now_s = int(time.monotonic())
        self._access, self._refresh = str(found.get("access_token")), str(found.get("refresh_token") or "")
        self._access_until_s = now_s + max(seconds_of(found, "access_token_expire_time", 1800) - EARLY_S, 0)
        self._refresh_until_s = now_s + max(seconds_of(found, "refresh_token_expire_time", 86_400) - EARLY_S, 0)
