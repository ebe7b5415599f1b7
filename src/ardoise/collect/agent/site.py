"""The agent as it runs on a site: the collector of this machine, and behind it what forwards its journals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ardoise.collect import service
from ardoise.collect.agent.push import Pusher, Said
from ardoise.collect.agent.settings import AgentSettings
from ardoise.collect.waiting import first_of


async def run(
    home: Path,
    settings: AgentSettings,
    stop: asyncio.Event,
    clock: Callable[[], datetime],
    *,
    said: Said,
    collects: bool = True,
) -> None:
    """Forward the sources that have a token, and collect them (`collects` False: another process does) until `stop`.

    Nothing is received before the central collector has once told which extensions are protected: until then the PBX
    keeps its tickets. Raises UnknownSource, NothingToCollect, JournalBusy.
    """
    over = asyncio.Event()
    pushers = [Pusher(home, source, settings, said=said) for source in sorted(settings.tokens)]
    pushing = [asyncio.create_task(pusher.run(over)) for pusher in pushers]
    try:
        for pusher in pushers:
            if not pusher.protection_known.is_set():
                said(pusher.source, "event", "Nothing is received before the first contact with the central collector")
            await first_of(pusher.protection_known, stop)
        if collects and not stop.is_set():
            await service.run(sorted(settings.tokens), stop, clock, said=said)
        else:
            await stop.wait()
    finally:
        over.set()
        await asyncio.gather(*pushing, return_exceptions=True)
