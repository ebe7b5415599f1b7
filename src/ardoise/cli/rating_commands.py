"""`ardoise rate` and `ardoise price`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ardoise.cli.progress import counting
from ardoise.cli.wiring import (
    AsJson,
    Month,
    Today,
    chosen_month,
    clock,
    fail,
    print_json,
    ready_database,
    screen,
    table,
)


def rate(month: Month = "", today: Today = "", as_json: AsJson = False) -> None:
    """Price a month again from its calls and today's directory and tariffs.

    Example: ardoise rate --month 2026-10
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    month = chosen_month(month, now)
    flow.collect(now=now)
    with counting("Rating", "calls") as step:
        rated = flow.rate(month=month, now=now, progress=step)
    if as_json:
        print_json({"month": month, "changed": rated.changed, "calls": rated.calls, "states": rated.totals})
        return
    shown = table(f"Rated {month}", "State", "Calls", right=(1,))
    for state, calls in sorted(rated.totals.items()):
        shown.add_row(state, f"{calls:,}")
    screen.print(shown)
    if not rated.changed:
        screen.print("Nothing changed since the last rating.")


def price(
    number: Annotated[str, typer.Argument(help="Number as dialled in France, or +33...")],
    duration: Annotated[int, typer.Option("--duration", help="Conversation, in seconds.", min=0, max=31 * 86_400)] = 60,
    at: Annotated[str, typer.Option("--at", help="Local time of the call, YYYY-MM-DDTHH:MM.", show_default="now")] = "",
    account: Annotated[str, typer.Option("--account", help="Code of the account that pays.")] = "",
    line: Annotated[str, typer.Option("--line", help="Code of the line, instead of an account.")] = "",
    language: Annotated[str, typer.Option("--lang", help="fr or en.")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Explain what one call would cost: tariff, version, prefix, band, increments, rounding.

    Example: ardoise price 0612345678 --duration 61 --at 2026-10-05T10:00 --account A1001
    """
    from ardoise.collect.handover import snapshot_sources
    from ardoise.core.reasons import explain
    from ardoise.rate.queries import quote

    ready_database()
    if language not in ("fr", "en"):
        fail(f"« {language} » is not a language here; choose fr or en", code=2)
    if not account and not line:
        fail("give who pays: --account CODE or --line CODE", code=2)
    try:
        moment = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo("Europe/Paris")) if at else datetime.now(UTC)
    except ValueError:
        fail(f"« {at} » is not a time; write YYYY-MM-DDTHH:MM, for example 2026-10-05T10:00", code=2)
    found = quote(
        number=number,
        at=moment.astimezone(UTC),
        duration_s=duration,
        account=account,
        line=line,
        sources=snapshot_sources(),
    )
    if as_json:
        print_json(
            {
                "amount_micros": found.amount_micros,
                "parts": [{"part": part.part, "amount_micros": part.amount_micros} for part in found.parts],
                "reasons": [explain(part, language) for part in found.parts],
            }
        )
        return
    for part in found.parts:
        for sentence in explain(part, language):
            screen.print(f"  {sentence}", markup=False)
    if found.amount_micros is None:
        raise typer.Exit(1)
