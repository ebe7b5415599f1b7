"""`ardoise agent`: collect on a site, forward to the central collector, see how that stands."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ardoise.cli.collect_commands import COLOURS
from ardoise.cli.wiring import (
    USAGE,
    AsJson,
    clock,
    fail,
    local_text,
    print_json,
    ready_database,
    screen,
    start_django,
    table,
)

agent = typer.Typer(no_args_is_help=True, help="Collect on a site and forward to a central collector, over TLS.")

Config = Annotated[
    Path | None,
    typer.Option("--config", help="Where the settings stand.", show_default="agent.toml of the installation"),
]


@agent.command()
def run(
    config: Config = None,
    forward_only: Annotated[
        bool, typer.Option("--forward-only", help="Forward only: another process collects here (ardoise up).")
    ] = False,
) -> None:
    """Collect the sources that have a token in agent.toml, and forward them, until Ctrl-C. Works offline for days.

    Example: ardoise agent run --config /etc/ardoise/agent.toml
    """
    start_django()
    ready_database()
    from django.conf import settings as installation

    from ardoise.collect.agent import site
    from ardoise.collect.agent.settings import BadAgentSettings, read

    home = Path(installation.ARDOISE_HOME)

    def say(code: str, kind: str, text: str) -> None:
        screen.print(f"[{COLOURS.get(kind, 'dim')}]{kind}[/] [bold]{escape(code)}[/] {escape(text)}")

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await site.run(home, settings, stop, clock(""), said=say, collects=not forward_only)

    try:
        settings = read(config or home / "agent.toml")
        asyncio.run(until_signalled())
    except BadAgentSettings as error:
        fail(str(error), code=USAGE)
    except (LookupError, RuntimeError) as error:  # unknown source, nothing to collect, another collector runs
        fail(str(error))
    screen.print("Stopped. What is not acknowledged waits in the journal.")


@agent.command()
def status(config: Config = None, as_json: AsJson = False) -> None:
    """What the central collector has acknowledged of each source, and what waits here.

    Example: ardoise agent status --json
    """
    start_django()
    from django.conf import settings as installation

    from ardoise.collect.agent.push import Status, waiting
    from ardoise.collect.agent.settings import BadAgentSettings, read
    from ardoise.store.journal import Journal

    home = Path(installation.ARDOISE_HOME)
    try:
        settings = read(config or home / "agent.toml")
    except BadAgentSettings as error:
        fail(str(error), code=USAGE)
    found = []
    for source in sorted(settings.tokens):
        stands = Status.load(home, source)
        found.append((stands, waiting(Journal(home / "journal", source), stands.acked)))
    if as_json:
        print_json([asdict(stands) | {"waiting": asdict(left)} for stands, left in found])
        return
    shown = table("Forwarding", "Source", "Central", "State", "Waiting", "Bytes", "Since", right=(3, 4))
    for stands, left in found:
        state = (
            "[green]connected[/]" if stands.connected_at else f"[yellow]{escape(stands.error or 'never connected')}[/]"
        )
        since = local_text(left.since) if left.since else "·"
        shown.add_row(escape(stands.source), escape(stands.central), state, str(left.entries), str(left.bytes), since)
    screen.print(shown)
