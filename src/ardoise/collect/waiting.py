"""Waiting in the event loop: never through a stop, and longer at each failure."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

RETRY_S = (1.0, 60.0)  # first and longest pause between two attempts
CANCEL_AGAIN_S = 0.5


class Pauses:
    """1 s, 2 s, 4 s ... one minute, each with jitter so that many sources do not call together."""

    def __init__(self) -> None:
        self._next_s = RETRY_S[0]

    def next(self) -> float:
        pause_s = self._next_s
        self._next_s = min(2 * pause_s, RETRY_S[1])
        return pause_s * random.uniform(0.8, 1.2)


async def first_of(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def sleep(seconds: float, stop: asyncio.Event) -> None:
    """Sleep, but not through `stop`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


class Stopped(Exception):
    """The collector ends: the work under way was given up."""


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled when `stop` comes first. Raises Stopped, and what the work raises."""
    task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Stopped
    finally:
        stopping.cancel()
        while not task.done():
            task.cancel()  # again and again: libraries swallow one, and so does `wait_for` of Python 3.11
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)
