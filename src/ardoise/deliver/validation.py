"""Official validation of an e-invoice: XSD, EN 16931 and BR-FR, run by one long-lived worker process.

`validate_xml` is what `bill` calls, with a placeholder number, before a number is taken. The first call starts the
worker (under a second to compile the rules), the next ones take some 3 ms. A worker that died or hangs is replaced.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import selectors
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any

START_TIMEOUT_S = 60.0
XML_TIMEOUT_S = 20.0
BATCH = 50  # XMLs a request: the worker's answer is also the progress


class ValidationUnavailable(RuntimeError):
    """The worker cannot be started, or dies or hangs on the same XML twice: nothing was validated."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that the XML breaks: "BR-CO-15", "BR-FR-05", "XSD", "XML"; the text is the rule's own."""

    rule: str
    text: str


class Validator:
    """The worker and its pipe. Thread-safe: one request at a time. Use it as a context manager or call `close`."""

    def __init__(self, *, xml_timeout_s: float = XML_TIMEOUT_S) -> None:
        self._xml_timeout_s = xml_timeout_s
        self._lock = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._owner_pid = os.getpid()

    def __enter__(self) -> Validator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id, None while there is none."""
        return self._worker.pid if self._worker is not None else None

    def validate(
        self, xmls: Sequence[bytes], *, progress: Callable[[int, int], None] | None = None
    ) -> list[list[Problem]]:
        """The problems of each XML, in the order given; `progress(done, total)` is called after each batch."""
        results: list[list[Problem]] = []
        with self._lock:
            for start in range(0, len(xmls), BATCH):
                batch = list(xmls[start : start + BATCH])
                results += [[Problem(rule, text) for rule, text in found] for found in self._ask(batch)]
                if progress is not None:
                    progress(len(results), len(xmls))
        return results

    def close(self) -> None:
        """End the worker; the next validation starts another."""
        with self._lock:
            self._stop()

    def _ask(self, batch: list[bytes]) -> list[list[tuple[str, str]]]:
        """One request; a worker found dead or silent is replaced once (an unlucky kill), then the error is told."""
        error: Exception | None = None
        for _ in range(2):
            try:
                return self._request(batch)
            except (OSError, EOFError, TimeoutError) as trouble:
                error = trouble
                self._stop()
        raise ValidationUnavailable(
            f"the validation worker failed twice on a batch of {len(batch)} ({error}); "
            "check that the saxonche package works: python -m ardoise.deliver.validation_worker </dev/null"
        ) from error

    def _request(self, batch: list[bytes]) -> list[list[tuple[str, str]]]:
        fresh = self._worker is None or self._worker.poll() is not None or os.getpid() != self._owner_pid
        if fresh:
            self._start()
        worker = self._worker
        assert worker is not None and worker.stdin is not None and worker.stdout is not None
        body = pickle.dumps(batch)
        worker.stdin.write(struct.pack(">I", len(body)) + body)
        worker.stdin.flush()
        deadline = time.monotonic() + self._xml_timeout_s * len(batch) + (START_TIMEOUT_S if fresh else 0)
        (length,) = struct.unpack(">I", _read(worker.stdout, 4, deadline=deadline))
        answer: Any = pickle.loads(_read(worker.stdout, length, deadline=deadline))
        return list(answer)

    def _start(self) -> None:
        """A fresh interpreter, never a fork: the library does not survive one."""
        self._worker = subprocess.Popen(
            [sys.executable, "-m", "ardoise.deliver.validation_worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._owner_pid = os.getpid()

    def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None or os.getpid() != self._owner_pid:
            return
        assert worker.stdin is not None and worker.stdout is not None
        with contextlib.suppress(OSError):  # it may be gone already
            worker.stdin.close()  # end of input: the worker leaves by itself
        try:
            worker.wait(timeout=2)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        worker.stdout.close()


def _read(stream: Any, length: int, *, deadline: float) -> bytes:
    """Exactly `length` bytes of the pipe before the deadline (monotonic seconds), or EOFError / TimeoutError."""
    chunks: list[bytes] = []
    missing = length
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while missing:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise TimeoutError("no answer in time")
            chunk = os.read(stream.fileno(), missing)
            if not chunk:
                raise EOFError("the worker ended")
            chunks.append(chunk)
            missing -= len(chunk)
    return b"".join(chunks)


# A second one starts with the first large batch: rules take longer than making the XML, on one core each.
_shared = (Validator(), Validator())
for _validator in _shared:
    atexit.register(_validator.close)


def validate_xml(xml: bytes) -> list[Problem]:
    """The problems of one XML, by a worker shared by this process; empty when it may be issued."""
    return _shared[0].validate([xml])[0]


def validate_batch(xmls: Sequence[bytes], *, progress: Callable[[int, int], None] | None = None) -> list[list[Problem]]:
    """The problems of each XML, in the order given; more than `BATCH` are shared between two workers."""
    if len(xmls) <= BATCH or progress is not None or (os.cpu_count() or 1) < 2:
        return _shared[0].validate(xmls, progress=progress)
    half = len(xmls) // 2
    with ThreadPoolExecutor(max_workers=1) as other:
        second = other.submit(_shared[1].validate, xmls[half:])
        first = _shared[0].validate(xmls[:half])
        return first + second.result()


def worker_pids() -> list[int]:
    """The process ids of the shared workers that run."""
    return [pid for validator in _shared if (pid := validator.worker_pid) is not None]


def shut_down() -> None:
    """End the shared workers (also done when the process exits)."""
    for validator in _shared:
        validator.close()
