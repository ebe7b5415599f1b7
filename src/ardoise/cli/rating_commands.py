"""`ardoise rate`: a month priced again, whole, for some customers, or under other tariffs without writing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
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
    local_text,
    print_json,
    printable,
    ready_database,
    screen,
    table,
)
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.rate.changes import AccountChange

PARIS = ZoneInfo("Europe/Paris")


def rate(
    month: Month = "",
    what_if: Annotated[
        list[str] | None,
        typer.Option("--what-if", metavar="TARIFF", help="Price it under this tariff and change nothing (repeatable)."),
    ] = None,
    account: Annotated[list[str] | None, typer.Option("--account", help="Only this customer (repeatable).")] = None,
    source: Annotated[str, typer.Option("--source", help="Only customers with calls of this source.")] = "",
    tariff: Annotated[str, typer.Option("--tariff", help="Only customers priced by this tariff.")] = "",
    since: Annotated[str, typer.Option("--since", help="Only customers with calls from this day on.")] = "",
    until: Annotated[str, typer.Option("--until", help="... and up to this day, included.")] = "",
    changes: Annotated[
        bool, typer.Option("--changes", help="Show which accounts it changed, and by how much.")
    ] = False,
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
    if what_if and (source or tariff or since or until or changes):
        fail("--what-if prices the whole month of each customer; with it, choose customers by --account only", code=2)
    flow.collect(now=now)
    if what_if:
        _what_if(month, what_if, account or [], now, as_json=as_json)
        return
    if account or source or tariff or since or until:
        roots = _customers(month, account or [], source, tariff, since, until)
        if not roots:
            fail(_why_nobody(month, account or [], source, tariff, since, until))
        _rate_customers(month, roots, now, as_json=as_json)
        return
    with counting("Rating", "calls") as step:
        rated = flow.rate(month=month, now=now, progress=step, compare=changes)
    if as_json:
        plain = {"month": month, "changed": rated.changed, "calls": rated.calls, "states": rated.totals}
        print_json(plain | ({"changes": _named(rated.changes)} if changes else {}))
        return
    shown = table(f"Rated {month}", "State", "Calls", right=(1,))
    for state, calls in sorted(rated.totals.items()):
        shown.add_row(state, f"{calls:,}")
    screen.print(shown)
    if not rated.changed:
        screen.print("Nothing changed since the last rating.")
    elif changes:
        _show_changes(_named(rated.changes))


def _customers(month: str, accounts: list[str], source: str, tariff: str, since: str, until: str) -> frozenset[int]:
    """The customers that the options choose. A word that names nothing is refused."""
    from ardoise.catalog.models import Tariff
    from ardoise.collect.models import Source
    from ardoise.core.periods import month_period
    from ardoise.directory.models import Account
    from ardoise.rate.customers import roots_of

    ids = dict(Account.objects.filter(code__in=accounts).values_list("code", "id"))
    tariff_id = Tariff.objects.filter(code=tariff).values_list("id", flat=True).first()
    for what, wanted, known in (
        ("account", accounts, ids),
        ("tariff", [tariff] if tariff else [], [tariff] if tariff_id else []),
        ("source", [source] if source else [], Source.objects.values_list("code", flat=True)),
    ):
        for code in wanted:
            if code not in known:
                fail(f"no {what} has the code « {code} »; ardoise dump DIR writes them all", code=2)
    period = month_period(month)
    first, last = _day(since) or period.start, _day(until) or period.end - timedelta(days=1)
    if first > last or first >= period.end or last < period.start:
        fail(f"no day of {month} is between {first} and {last}; mend --since, --until or --month", code=2)
    between = None
    if since or until:
        between = (_midnight(first), _midnight(last + timedelta(days=1)))
    return roots_of(
        month, source=source, tariff_id=tariff_id, between=between, accounts=list(ids.values()) if accounts else None
    )


def _why_nobody(month: str, accounts: list[str], source: str, tariff: str, since: str, until: str) -> str:
    """Which of the conditions leaves nobody, taken one after the other."""
    from ardoise.rate.queries import rated_at

    everybody = f"ardoise rate --month {month} prices everybody"
    at = rated_at(month)
    if at is None:
        return f"{month} was never rated: there is nobody to price again; {everybody}"
    conditions: list[tuple[str, tuple[list[str], str, str, str, str]]] = [
        (f"of {', '.join(accounts)}", (accounts, "", "", "", "")),
        (f"of the source {source}", (accounts, source, "", "", "")),
        (f"priced by the tariff {tariff}", (accounts, source, tariff, "", "")),
        (f"from {since or 'its first day'} to {until or 'its last day'}", (accounts, source, tariff, since, until)),
    ]
    given = [bool(accounts), bool(source), bool(tariff), bool(since or until)]
    asked = [condition for condition, is_given in zip(conditions, given, strict=True) if is_given]
    place = next(place for place, (_, so_far) in enumerate(asked) if not _customers(month, *so_far))
    before, lacking = " and ".join(words for words, _ in asked[:place]), asked[place][0]
    why = f"it has calls {before}, but none {lacking}" if before else f"it has no call {lacking}"
    return (
        f"no customer of {month} meets these conditions: as the month was last rated, on {local_text(at)}, {why}; "
        f"{everybody}"
    )


def _midnight(day: date) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), PARIS).astimezone(UTC)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        fail(f"« {text} » is not a date; write YYYY-MM-DD, for example 2026-10-05", code=2)


def _rate_customers(month: str, roots: frozenset[int], now: datetime, *, as_json: bool) -> None:
    from ardoise import flow
    from ardoise.rate.columns.customer import ResoldCustomer

    try:
        rated = flow.rate_customers(month=month, roots=roots, now=now)
    except ResoldCustomer as error:
        fail(str(error))
    rows = _named(rated.changes)
    if as_json:
        print_json({"month": month, "customers": len(roots), "calls": rated.calls, "changes": rows})
        return
    screen.print(f"{counted(rated.calls, 'call')} of {counted(len(roots), 'customer')} priced again.")
    if rows:
        _show_changes(rows)
    else:
        screen.print("Nothing changed for them.")


def _named(changes: Sequence[AccountChange]) -> list[dict[str, Any]]:
    """What moved, by account code, the largest difference first."""
    from ardoise.directory.models import Account

    codes = dict(Account.objects.filter(id__in={row.account_id for row in changes}).values_list("id", "code"))
    ordered = sorted(changes, key=lambda row: (-abs(row.difference_micros), codes[row.account_id]))
    return [
        {"account": codes[row.account_id]}
        | {name: value for name, value in asdict(row).items() if name != "account_id"}
        for row in ordered
    ]


def _show_changes(rows: Sequence[dict[str, Any]]) -> None:
    shown = table("What it changed", "Account", "Charges", "Before", "After", "Difference", right=(1, 2, 3, 4))
    for row in rows:
        before, after, currency = row["old_micros"], row["new_micros"], row["currency"]
        if not currency:  # charges that had no price, or have none now
            shown.add_row(printable(row["account"]), f"{row['charges']:,}", "no price", "", "")
            continue
        sums = [_exact(micros, currency) for micros in (before, after)]
        sign = "+" if after > before else ""
        shown.add_row(printable(row["account"]), f"{row['charges']:,}", *sums, sign + _exact(after - before, currency))
    screen.print(shown)


def _exact(micros: int, currency: str) -> str:
    from ardoise.core.money import micros_text

    return micros_text(micros, currency=currency, french=False)


def _what_if(month: str, tariffs: list[str], accounts: list[str], now: datetime, *, as_json: bool) -> None:
    from ardoise import flow
    from ardoise.cli.what_if_screens import show
    from ardoise.core.candidates import NoSuchTariff

    try:
        with counting("Rating", "calls") as step:
            rows = flow.what_if(month=month, tariffs=tariffs, now=now, progress=step)
    except NoSuchTariff as error:
        fail(str(error), code=2)
    unknown = sorted(set(accounts) - {row.account for row in rows})
    if unknown:
        fail(
            f"no customer with calls in {month} has the code {', '.join(unknown)}; leave --account out to see them all"
        )
    chosen = [row for row in rows if row.account in accounts] if accounts else rows
    if as_json:
        print_json({"month": month, "tariffs": tariffs, "customers": [asdict(row) for row in chosen]})
        return
    show(month, tariffs, chosen)
