"""Any interface that gives its calls by period, declared in the link alone: address, login, pages; JSON or CSV.

`url` holds {from} and {to} (instants, as `time_format` writes them), and {page} where pages are numbered; else `next`
is the path, in the answer, of the address of the next page. `records` is the path of the list of calls (nothing: the
page is a list itself); a CSV page ends the pages when it holds no call.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import httpx

from ardoise.collect.fetch.logins import Basic, Bearer, NoLogin, Token, json_of, needed, seconds_of
from ardoise.collect.fetch.service import Known, Window
from ardoise.collect.fetch.web import Login, Send, ServiceRefused, Web, checked_base
from ardoise.collect.links import BadLink, Link
from ardoise.collect.receive import Feed
from ardoise.core.usage import Event

PAGES_MAX: Final = 10_000  # of one window: an interface that never ends is misdeclared
LOGINS: Final = ("none", "basic", "bearer", "header", "oauth2")
_PLACE = re.compile(r"\{([^{}]*)\}")


class Api:
    every_s: ClassVar[int] = 300
    overlap: ClassVar[timedelta] = timedelta(hours=2)
    nightly: ClassVar[timedelta] = timedelta(days=3)
    longest: ClassVar[timedelta | None] = timedelta(days=31)

    def __init__(self, feed: Feed) -> None:
        """Raises BadLink."""
        self._feed, self._link, self._zone = feed, feed.link, ZoneInfo(feed.zone)
        (url,) = needed(feed.link, "url")
        unknown = [name for name in _PLACE.findall(url) if name not in ("from", "to", "page")]
        if unknown or "{from}" not in url:
            raise BadLink(
                f"The link of this https source, url: expected {{from}}, {{to}} and {{page}} in it, got {url!r}."
            )
        parts = urlsplit(url)
        self._own = f"{parts.scheme}://{parts.netloc}"
        self._path = url.removeprefix(self._own)
        self._time_format = feed.link.text("time_format") or "iso"
        self._is_json = feed.format.spec.name not in ("delimited", "fixed_width")

    @property
    def base(self) -> str:
        return self._own

    def login(self) -> Login:
        kind = self._link.text("auth") or "none"
        if kind == "none":
            return NoLogin()
        needed(self._link, "password", *{"basic": ("user",), "header": ("header",)}.get(kind, ()))
        if kind == "basic":
            return Basic(self._link.text("user"), self._link.secret("password"))
        if kind == "oauth2":
            needed(self._link, "user", "token_url")
            return Bearer(self._token)
        return Header(self._link, "Authorization" if kind == "bearer" else self._link.text("header"))

    async def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        """Page after page, to the first one that is empty or names no next one."""
        follows = self._link.text("next")
        path = self._page(window, 1)
        for number in range(2, PAGES_MAX):
            response = await web.get(path)
            if not self._holds_records(response):
                return
            yield response.content
            if follows:
                path = str(_at(json_of(response, "The service"), follows) or "")
            elif "{page}" in self._path:
                path = self._page(window, number)
            else:
                return
            if not path:
                return
        raise ServiceRefused(f"{self._own} gives more than {PAGES_MAX} pages: check url, next and records of the link")

    def _page(self, window: Window, number: int) -> str:
        said = {"from": self._time(window.start_at), "to": self._time(window.end_at), "page": str(number)}
        return _PLACE.sub(lambda place: quote(said[place[1]], safe=""), self._path)

    def _time(self, at: datetime) -> str:
        """An instant as the service takes it: ISO 8601 in UTC, Unix seconds, or a pattern in the source's zone."""
        if self._time_format == "iso":
            return f"{at:%Y-%m-%dT%H:%M:%SZ}"
        if self._time_format == "unix":
            return str(int(at.timestamp()))
        return at.astimezone(self._zone).strftime(self._time_format)

    def _holds_records(self, response: httpx.Response) -> bool:
        if not self._is_json:
            records, _ = self._feed.format.frame(response.content, final=True)
            reader = self._feed.format.reader(self._feed.options)
            return any(not isinstance(reader(record), Event) for record in records)
        path = self._link.text("records")
        try:
            found = response.json()
        except ValueError as error:
            raise ServiceRefused(f"{self._own} answers with something that is no JSON: {error}") from error
        records_found = _at(found, path) if path else found
        if not isinstance(records_found, list):
            raise ServiceRefused(f"{self._own}: no list of calls under {path or 'the page itself'}: check records")
        return bool(records_found)

    async def _token(self, send: Send) -> Token:
        """OAuth 2, client credentials."""
        url = checked_base(self._link.text("token_url")).rstrip("/")
        form = {
            "grant_type": "client_credentials",
            "client_id": self._link.text("user"),
            "client_secret": self._link.secret("password"),
        }
        if self._link.text("scope"):
            form["scope"] = self._link.text("scope")
        found = json_of(await send(httpx.Request("POST", url, data=form)), "The login of the service")
        if not found.get("access_token"):
            raise ServiceRefused("The service does not let us in: check user, password and token_url of the link")
        return Token(str(found["access_token"]), seconds_of(found, "expires_in", 3600))


def _at(found: Any, path: str) -> Any:
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


class Header(NoLogin):
    """A secret in a header of every request: `Authorization: Bearer ...`, or one of the service's own."""

    def __init__(self, link: Link, name: str) -> None:
        secret = link.secret("password")
        self._name, self._value = name, f"Bearer {secret}" if name == "Authorization" else secret

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        request.headers[self._name] = self._value
        return request
