"""Work in the event loop ends when the collector does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from ardoise.collect import waiting


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "CANCEL_AGAIN_S", 0.01)


async def stubborn(ended: list[str]) -> None:
    """It swallows the first cancellation, as a library may, and works on."""
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(60)
    try:
        await asyncio.sleep(60)
    finally:
        ended.append("work")


def test_work_that_swallows_a_cancellation_ends_at_the_stop() -> None:
    ended: list[str] = []

    async def story() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.01, stop.set)
        with pytest.raises(waiting.Stopped):
            await asyncio.wait_for(waiting.unless(stop, stubborn(ended)), 10)

    asyncio.run(story())
    assert ended == ["work"]


def test_work_that_swallows_a_cancellation_ends_with_its_receiver() -> None:
    ended: list[str] = []

    async def story() -> None:
        receiver = asyncio.create_task(waiting.unless(asyncio.Event(), stubborn(ended)))
        await asyncio.sleep(0.01)
        receiver.cancel()
        done, _ = await asyncio.wait({receiver}, timeout=10)
        assert done == {receiver}

    asyncio.run(story())
    assert ended == ["work"]


def test_work_gives_what_it_gives_and_raises_what_it_raises() -> None:
    async def seven() -> int:
        return 7

    async def broken() -> int:
        raise OSError("gone")

    async def story() -> int:
        with pytest.raises(OSError, match="gone"):
            await waiting.unless(asyncio.Event(), broken())
        return await waiting.unless(asyncio.Event(), seven())

    assert asyncio.run(story()) == 7
