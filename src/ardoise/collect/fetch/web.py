"""Asking a remote interface: retries, pauses it demands, tokens that expire. Addresses are never logged (they may hold
a token), nor is any secret."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import Final, Protocol

import httpx

from ardoise.collect.waiting import Pauses, sleep
from ardoise.collect.wording import Said

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses at INFO
logging.getLogger("httpcore").setLevel(logging.WARNING)

ATTEMPTS: Final = 6  # of one request: about half a minute of pauses when the service says nothing
TIMEOUT_S: Final = 60
LONGEST_PAUSE_S: Final = 6 * 3600  # a service that asks for more is asked again all the same
LARGEST_BODY_BYTES: Final = 64 * 2**20

Params = Sequence[tuple[str, str]]


class ServiceRefused(Exception):
    """The service will not answer as asked; the message says why and what to do."""


class ServiceDown(Exception):
    """The service does not answer, or not well, after several attempts."""


class Login(Protocol):
    """How requests of a service are authorised. One object a collector: it keeps the token."""

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        """The request with its authorisation, after a login if there is no token, or an old one (through `send`)."""

    def is_expired(self, response: httpx.Response) -> bool:
        """Whether this answer says that the token is no longer good."""

    def forget(self) -> None:
        """Log in anew at the next request."""


class Send(Protocol):
    """Sends one request as it is, with the retries of `Web`."""

    async def __call__(self, request: httpx.Request) -> httpx.Response: ...


class Web:
    """One remote interface, for one source."""

    def __init__(
        self, client: httpx.AsyncClient, name: str, login: Login, stop: asyncio.Event, clock: Callable[[], datetime]
    ) -> None:
        self._client, self._name, self._login = client, name, login
        self._stop, self._clock = stop, clock

    @property
    def base(self) -> httpx.URL:
        return self._client.base_url

    async def get(self, path: str, params: Params = (), *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A good answer. `path` may be a whole address of the same server (a next page).

        Raises ServiceRefused, ServiceDown.
        """
        url = self._client.base_url.join(path)
        if (url.scheme, url.host, url.port) != (self.base.scheme, self.base.host, self.base.port):
            raise ServiceRefused(Said("service_elsewhere", service=self._name, host=url.host))
        for is_last in (False, True):
            request = self._client.build_request("GET", url, params=list(params) or None, headers=headers)
            response = await self._send(await self._login.prepare(request, self._send))
            if not self._login.is_expired(response):
                self._refuse(response)
                return response
            self._login.forget()
            if is_last:
                break
        raise ServiceRefused(Said("service_login", service=self._name, status=response.status_code))

    def _refuse(self, response: httpx.Response) -> None:
        if response.status_code >= 300:
            said = " ".join(response.text.split())[:200]
            asked = {"path": response.request.url.path, "status": response.status_code}
            raise ServiceRefused(Said("service_refuses", service=self._name, **asked, why=said))

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Send until something comes that is neither a demand to wait nor a failure of theirs."""
        pauses = Pauses()
        why = ""
        for attempt in range(ATTEMPTS):
            pause_s = pauses.next()
            try:
                response = await self._receive(request)
            except httpx.HTTPError as error:
                why = _why_unreachable(error)
            else:
                if response.status_code != 429 and response.status_code < 500:
                    return response
                why = f"it answers {response.status_code}"
                pause_s = max(pause_s, _retry_after_s(response, self._clock()))
            if attempt + 1 < ATTEMPTS:
                await sleep(min(pause_s, LONGEST_PAUSE_S), self._stop)
        raise ServiceDown(Said("service_down", service=self._name, why=why))

    async def _receive(self, request: httpx.Request) -> httpx.Response:
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > LARGEST_BODY_BYTES:
                    raise ServiceRefused(Said("service_too_long", service=self._name, most=LARGEST_BODY_BYTES))
        finally:
            await response.aclose()
        headers = [(n, v) for n, v in response.headers.multi_items() if n.lower() not in _OF_THE_WIRE]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)


_OF_THE_WIRE: Final = {"content-encoding", "content-length", "transfer-encoding"}


def _why_unreachable(error: httpx.HTTPError) -> str:
    """In words, without the address."""
    if isinstance(error, httpx.TimeoutException):
        return "it does not answer in time: check the address, the network and the firewalls"
    if isinstance(error, httpx.ConnectError):
        if "certificate" in str(error).lower():
            return f"its certificate is not trusted ({error}): give the setting certificate the PEM file it needs"
        return f"no connection ({error}): check the address, the port and the firewalls"
    return f"the connection broke ({type(error).__name__})"


def _retry_after_s(response: httpx.Response, now: datetime) -> int:
    """What the service asks us to wait: seconds, or a date."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return int(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return 0
    waits = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return max(math.ceil(waits.total_seconds()), 0)


def checked_base(url: str) -> str:
    """The address of a service. Raises ServiceRefused where secrets would travel in clear."""
    parsed = httpx.URL(url)
    if parsed.scheme == "https" or (parsed.scheme == "http" and _is_this_machine(parsed.host)):
        return url.rstrip("/") + "/"
    raise ServiceRefused(Said("service_clear", url=url))


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@asynccontextmanager
async def client_of(base: str, certificate: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client for one service. `certificate` = a PEM file to trust instead of the usual authorities, "" for these."""
    trust: SSLContext | bool = create_default_context(cafile=str(Path(certificate))) if certificate else True
    async with httpx.AsyncClient(
        base_url=checked_base(base), timeout=TIMEOUT_S, verify=trust, follow_redirects=False, trust_env=True
    ) as client:
        yield client
