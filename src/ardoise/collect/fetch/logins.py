"""The usual ways to be let in: nothing, a name and password, a token that is kept until it is too old."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from ardoise.collect.fetch.web import Send, ServiceRefused
from ardoise.collect.links import BadLink, Link

EARLY_S = 60  # a token is renewed this long before it ends


class NoLogin:
    """Anybody may ask."""

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        return request

    def is_expired(self, response: httpx.Response) -> bool:
        return response.status_code == 401

    def forget(self) -> None:
        return None


class Basic(NoLogin):
    """Name and password with every request."""

    def __init__(self, user: str, password: str) -> None:
        self._auth = httpx.BasicAuth(user, password)

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        return next(self._auth.auth_flow(request))


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    lasts_s: int


class Bearer:
    """A token in the header of every request, asked for when there is none or it is nearly over."""

    def __init__(self, ask: Callable[[Send], Awaitable[Token]]) -> None:
        self._ask = ask
        self._token: Token | None = None
        self._until_s = 0

    async def prepare(self, request: httpx.Request, send: Send) -> httpx.Request:
        if self._token is None or time.monotonic() >= self._until_s:
            token = self._token = await self._ask(send)
            self._until_s = int(time.monotonic()) + max(token.lasts_s - EARLY_S, 0)
        request.headers["Authorization"] = f"Bearer {self._token.text}"
        return request

    def is_expired(self, response: httpx.Response) -> bool:
        return response.status_code == 401

    def forget(self) -> None:
        self._token = None


def json_of(response: httpx.Response, name: str) -> Mapping[str, Any]:
    """The object that a service answered with. Raises ServiceRefused."""
    try:
        found = response.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceRefused(f"{name} answers {response.status_code} with something that is no JSON object")
    return found


def seconds_of(said: Mapping[str, Any], name: str, usual_s: int) -> int:
    """How long something lasts by this answer, else as usual."""
    text = str(said.get(name, ""))
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else usual_s


def needed(link: Link, *names: str) -> list[str]:
    """These settings of a link; each must be given. Raises BadLink."""
    for name in names:
        if not link.text(name):
            raise BadLink(
                f"The link of this https source, {name} is missing: the service {link.text('service')} needs it."
            )
    return [link.text(name) for name in names]
