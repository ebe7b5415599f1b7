"""OVHcloud telephony: the ids of voiceConsumption and previousVoiceConsumption, then each consumption; signed."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import ClassVar, Final
from urllib.parse import quote

import httpx

from ardoise.collect.fetch.logins import NoLogin, needed
from ardoise.collect.fetch.service import Known, Window
from ardoise.collect.fetch.web import Send, ServiceRefused, Web
from ardoise.collect.receive import Feed

AT_ONCE: Final = 4  # consumptions asked for at the same time
PAGE_ROWS: Final = 100  # consumptions put together into one delivery
LISTS: Final = ("previousVoiceConsumption", "voiceConsumption")  # last month, this month


class Ovh:
    every_s: ClassVar[int] = 900
    overlap: ClassVar[timedelta] = timedelta(hours=6)
    nightly: ClassVar[timedelta] = timedelta(days=3)
    longest: ClassVar[timedelta | None] = None

    def __init__(self, feed: Feed) -> None:
        """Raises BadLink."""
        self._link = feed.link
        needed(feed.link, "application_key", "application_secret", "consumer_key")
        account, service = needed(feed.link, "billing_account", "service_name")
        self._path = f"telephony/{quote(account, safe='')}/service/{quote(service, safe='')}"
        self._own = feed.link.text("url") or "https://eu.api.ovh.com/1.0"

    @property
    def base(self) -> str:
        return self._own

    def login(self) -> Signature:
        link = self._link
        return Signature(
            self._own, link.text("application_key"), link.secret("application_secret"), link.secret("consumer_key")
        )

    async def pages(self, web: Web, window: Window, known: Known) -> AsyncIterator[bytes]:
        """The consumptions that were not taken yet; each is a body of its own, `PAGE_ROWS` of them a delivery."""
        span = [
            ("creationDatetime.from", window.start_at.isoformat(timespec="seconds")),
            ("creationDatetime.to", window.end_at.isoformat(timespec="seconds")),
        ]
        for name in LISTS:
            ids = _ids(await web.get(f"{self._path}/{name}", span), name)
            wanted = [one for one in sorted(ids) if not known(str(one))]
            for start in range(0, len(wanted), PAGE_ROWS):
                yield b"\n".join(await self._bodies(web, name, wanted[start : start + PAGE_ROWS])) + b"\n"

    async def _bodies(self, web: Web, name: str, ids: Sequence[int]) -> list[bytes]:
        places = asyncio.Semaphore(AT_ONCE)

        async def body(one: int) -> bytes:
            async with places:
                return (await web.get(f"{self._path}/{name}/{one}")).content

        tasks = [asyncio.ensure_future(body(one)) for one in ids]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()  # one that failed makes the others useless


def _ids(response: httpx.Response, name: str) -> list[int]:
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(one, int) for one in found):
        raise ServiceRefused(f"OVHcloud answers {name} with something that is no list of ids")
    return found


class Signature(NoLogin):
    """Every request is signed with both secrets and the time of OVHcloud, which ours may differ from."""

    def __init__(self, base: str, application_key: str, application_secret: str, consumer_key: str) -> None:
        self._base = httpx.URL(base.rstrip("/") + "/")
        self._key, self._secret, self._consumer = application_key, application_secret, consumer_key
        self._ahead_s: int | None = None  # their clock minus ours

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        if self._ahead_s is None:
            self._ahead_s = await self._difference_s(send)
        at = str(int(time.time()) + self._ahead_s)
        signed = "+".join((self._secret, self._consumer, request.method, str(request.url), "", at))
        request.headers["X-Ovh-Application"] = self._key
        request.headers["X-Ovh-Consumer"] = self._consumer
        request.headers["X-Ovh-Timestamp"] = at
        request.headers["X-Ovh-Signature"] = "$1$" + hashlib.sha1(signed.encode()).hexdigest()
        return request

    def is_expired(self, response: httpx.Response) -> bool:
        """Refused once, our clock may have been set: the difference is asked for again."""
        return response.status_code in (401, 403)

    def forget(self) -> None:
        self._ahead_s = None

    async def _difference_s(self, send: Send) -> int:
        response = await send(httpx.Request("GET", self._base.join("auth/time")))
        if not response.text.strip().isdecimal():
            raise ServiceRefused(f"OVHcloud does not tell its time ({response.status_code}): check the url of the link")
        return int(response.text) - int(time.time())
