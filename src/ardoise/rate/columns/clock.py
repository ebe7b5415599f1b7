"""How long each phase of a run took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from time import perf_counter


class Clock:
    """Seconds by phase. A phase of several threads counts the time of each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._lock = Lock()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what is done inside."""
        begun = perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - begun

    @property
    def compile_s(self) -> float:
        """Seconds it took to make the snapshot ready."""
        return self.seconds.get("compile", 0.0)
