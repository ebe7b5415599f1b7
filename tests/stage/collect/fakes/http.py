"""A server of HTTP on this machine, in a thread: the ground on which the fake services stand.

A fake keeps to the published protocol: it refuses a parameter it does not know, ends tokens by its clock, pages, limits
the rate and fails when told to.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    url: str
    at_s: float = field(default_factory=time.monotonic)


@dataclass
class Answer:
    status: int
    body: object = ""
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False).encode()


class FakeService:
    """What every fake has: a clock that tests move, accidents to come, the requests it saw."""

    def __init__(self) -> None:
        self.now_s = 1_793_000_000.0  # its own clock, Unix seconds
        self.accidents: list[Answer] = []  # given instead of the next answers, one each
        self.requests: list[Request] = []
        self.port = 0
        self.lock = threading.Lock()
        self.takes_s = 0.0  # to answer, unless it is released
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]

    def _handle(self, request: Request) -> Answer:
        self.released.wait(self.takes_s)
        with self.lock:
            self.requests.append(request)
            if self.accidents:
                return self.accidents.pop(0)
            return self.answer(request)

    @contextmanager
    def running(self) -> Iterator[FakeService]:
        handle = self._handle

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                url = f"http://{self.headers['host']}{self.path}"
                params = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
                answer = handle(Request(self.command, parts.path, params, self.headers, body, url))
                said = answer.encoded()
                self.send_response(answer.status)
                for name, value in {"content-length": str(len(said)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)

            do_GET = do_POST = _serve  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def refuse_unknown(request: Request, known: set[str], *, refusal: Callable[[str], Answer]) -> Answer | None:
    """The answer to a parameter that the interface does not publish; None when it knows them all."""
    unknown = sorted(set(request.params) - known)
    return refusal(", ".join(unknown)) if unknown else None
