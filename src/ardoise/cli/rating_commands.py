"""`ardoise rate` and `ardoise price`."""

from __future__ import annotations

from dataclasses import asdict
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
    printable,
    ready_database,
    screen,
    table,
)


def rate(
    month: Month = "",
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="TARIFF", help="Price it under this tariff and change nothing (repeatable)."),
    ] = None,
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Price a month again from its calls and today's directory and tariffs.

    Example: ardoise rate --month 2026-10 --what-if PUBLIC-2027
    """
    from ardoise import flow

    ready_database()
    now = clock(today)()
    month = chosen_month(month, now)
    flow.collect(now=now)
    if what_if:
        _what_if(month, what_if, now, as_json=as_json)
        return
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


def _what_if(month: str, tariffs: list[str], now: datetime, *, as_json: bool) -> None:
    from ardoise import flow
    from ardoise.core.candidates import NoSuchTariff
    from ardoise.core.money import amount_text, micros_to_minor, minor_to_decimal

    try:
        with counting("Rating", "calls") as step:
            rows = flow.what_if(month=month, tariffs=tariffs, now=now, progress=step)
    except NoSuchTariff as error:
        fail(str(error), code=2)
    if as_json:
        print_json({"month": month, "tariffs": tariffs, "customers": [asdict(row) for row in rows]})
        return

    def money(micros: int, currency: str) -> str:
        amount = minor_to_decimal(micros_to_minor(micros))
        return amount_text(amount, currency=currency, french=False, decimals=2)

    heads = [head for code in tariffs for head in (code, "Difference", "No price")]
    columns = ("Customer", "Name", "Calls", "Today", *heads)
    shown = table(f"{month} under other tariffs", *columns, right=tuple(range(2, len(columns))))
    for row in rows:
        cells = [printable(row.account), printable(row.name), f"{row.calls:,}"]
        cells.append(f"{money(row.today.amount_micros, row.currency)} {row.tax_basis.upper()}")
        for new in row.candidates:
            if new is None:
                cells += ["another basis", "", ""]
                continue
            difference = new.amount_micros - row.today.amount_micros
            sign = "+" if difference > 0 else ""
            cells += [money(new.amount_micros, row.currency), sign + money(difference, row.currency)]
            cells.append(f"{new.calls_unpriced:,}" if new.calls_unpriced else "")
        shown.add_row(*cells)
    screen.print(shown)
    screen.print("Nothing was changed. Calls without a price count for nothing in these sums.")


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
