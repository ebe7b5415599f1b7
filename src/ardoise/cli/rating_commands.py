"""`ardoise rate` and `ardoise price`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

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
    say,
    screen,
    table,
)
from ardoise.core.money import NARROW
from ardoise.core.wording import counted

if TYPE_CHECKING:
    from ardoise.core.rating import Quote
    from ardoise.rate.changes import AccountChange

PARIS = ZoneInfo("Europe/Paris")
A_DAY_S = 86_400


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


def price(
    number: Annotated[str, typer.Argument(help="Number as dialled in France, or +33...")],
    duration: Annotated[int, typer.Option("--duration", help="Conversation, in seconds.", min=0, max=31 * 86_400)] = 60,
    at: Annotated[str, typer.Option("--at", help="Local time of the call, YYYY-MM-DDTHH:MM.", show_default="now")] = "",
    account: Annotated[str, typer.Option("--account", help="Code of the account that pays.")] = "",
    line: Annotated[str, typer.Option("--line", help="Code of the line, instead of an account.")] = "",
    compare: Annotated[
        list[str] | None,
        typer.Option("--compare", metavar="TARIFF", help="Show the price under this tariff too (repeatable)."),
    ] = None,
    known_at: Annotated[
        str,
        typer.Option("--known-at", help="As believed at that local time, YYYY-MM-DDTHH:MM.", show_default="now"),
    ] = "",
    balance: Annotated[
        str,
        typer.Option(
            "--balance", metavar="AMOUNT", help="Say how long this amount lasts too, a day at most, without allowances."
        ),
    ] = "",
    cost: Annotated[
        str,
        typer.Option(
            "--cost", metavar="AMOUNT", help="What the operator asks for the call, for prices by coefficient."
        ),
    ] = "",
    source: Annotated[
        str, typer.Option("--source", help="Code of the source it goes out by: its operator's tariff gives the cost.")
    ] = "",
    trunk: Annotated[str, typer.Option("--trunk", help="Trunk of that source.")] = "",
    language: Annotated[str, typer.Option("--lang", help="fr or en.")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Explain what one call would cost: tariff, version, prefix, band, increments, rounding.

    Example: ardoise price 0612345678 --duration 61 --at 2026-10-05T10:00 --account A1001 --compare PRO
    """
    from ardoise.collect.handover import snapshot_sources
    from ardoise.core.candidates import NoSuchTariff
    from ardoise.core.money import NotAnAmount, parse_price
    from ardoise.core.rating import NoPayer
    from ardoise.rate import queries as rating

    ready_database()
    _refuse_nonsense(account, line, language, balance)
    if trunk and not source:
        fail("a trunk is one of a source; give --source CODE with --trunk", code=2)
    sources, known = snapshot_sources(), _moment(known_at)
    try:
        asked = rating.Asked(
            *(number, _moment(at) or datetime.now(UTC), duration, account, line),
            cost=parse_price(cost) if cost else None,
            source=source,
            trunk=trunk,
        )
        quote = rating.quote(asked, sources=sources, known_at=known)
        others = rating.compare(asked, compare or [], sources=sources, known_at=known)
        longest = None
        if balance:
            a_day = replace(asked, duration_s=A_DAY_S)
            longest = rating.lasting(a_day, parse_price(balance), sources=sources, known_at=known)
    except (NoSuchTariff, NoPayer, NotAnAmount, rating.UnknownPayer, rating.UnknownSource) as error:
        fail(str(error), code=2)
    if as_json:
        told = {**_plain(quote, language), "compare": {code: _plain(q, language) for code, q in others.items()}}
        lasts = {} if longest is None else {"balance_lasts_s": longest if isinstance(longest, int) else None}
        print_json(told | lasts)
        return
    _tell(quote, language)
    if _lacks_cost(quote):
        say(_how_to_know_the_cost(source, language))
    if isinstance(longest, int):
        say(_lasts(balance, longest, language))
    elif longest is not None and quote.amount_micros is not None:
        say(_no_length(language))
    if known is not None and quote.amount_micros is None:
        say(_as_known(known, language))
    for code, other in others.items():
        screen.print(f"\n[bold]{escape(printable(code))}[/]")
        _tell(other, language)
    if quote.amount_micros is None:
        raise typer.Exit(1)


def _refuse_nonsense(account: str, line: str, language: str, balance: str) -> None:
    if language not in ("fr", "en"):
        fail(f"« {language} » is not a language here; choose fr or en", code=2)
    if bool(account) == bool(line):
        fail("give who pays: either --account CODE or --line CODE", code=2)
    if balance.startswith("-"):
        fail(f"« {balance} » pays for nothing; write the amount that is left, for example 5.00", code=2)


def _lacks_cost(quote: Quote) -> bool:
    from ardoise.core.rating import Why

    return any(part.why is Why.NO_COST for part in quote.parts)


def _how_to_know_the_cost(source: str, language: str) -> str:
    if source and language == "fr":
        return (
            f"La source « {source} » n'a pas de grille d'achat avec un prix pour ce numéro à cette date : liez-en une "
            "dans tariff_links.csv, ou donnez le coût avec --cost MONTANT."
        )
    if source:
        return (
            f"The source “{source}” has no operator's tariff with a price for this number then: link one in "
            "tariff_links.csv, or give the cost by --cost AMOUNT."
        )
    if language == "fr":
        return (
            "Donnez le coût avec --cost MONTANT (ce que l'opérateur facture), ou --source CODE pour le prendre dans sa "
            "grille d'achat."
        )
    return "Give the cost by --cost AMOUNT (what the operator asks), or --source CODE to take it from its tariff."


def _no_length(language: str) -> str:
    if language == "fr":
        return "Le prix dépend du coût de chaque appel : on ne peut pas dire combien de temps dure un crédit."
    return "The price depends on the cost of each call: nobody can say how long a balance lasts."


def _lasts(balance: str, longest_s: int, language: str) -> str:
    if language == "fr":
        said = "24 h ou plus" if longest_s >= A_DAY_S else f"{longest_s:,} s".replace(",", NARROW)
        return f"Avec {balance} de crédit, l'appel peut durer {said}, sans compter forfaits ni promotions."
    said = "24 h or more" if longest_s >= A_DAY_S else f"{longest_s:,} s"
    return f"With {balance} left, the call can last {said}, allowances and promotions aside."


def _as_known(moment: datetime, language: str) -> str:
    local = moment.astimezone(PARIS)
    if language == "fr":
        return f"C'est ce qui était enregistré ici le {local:%d/%m/%Y à %H:%M} (--known-at)."
    return f"This is what was recorded here on {local:%Y-%m-%d at %H:%M} (--known-at)."


def _moment(text: str) -> datetime | None:
    """A local time, or one with its offset, as UTC; None when it was not given."""
    try:
        if not text:
            return None
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo else moment.replace(tzinfo=PARIS)
        if not 1970 <= local.year <= 2200:
            raise ValueError("no tariff is that old or that far")
        return local.astimezone(UTC)
    except ValueError:
        fail(f"« {text} » is not a time; write YYYY-MM-DDTHH:MM, for example 2026-10-05T10:00", code=2)


def _plain(quote: Quote, language: str) -> dict[str, object]:
    from ardoise.core.reasons import explain

    return {
        "amount_micros": quote.amount_micros,
        "parts": [
            {"level": part.level, "part": part.part, "amount_micros": part.amount_micros, "why": part.why}
            for part in quote.parts
        ],
        "reasons": [explain(part, language) for part in quote.parts],
    }


def _tell(quote: Quote, language: str) -> None:
    from ardoise.core.reasons import explain

    for part in quote.parts:
        for sentence in explain(part, language):
            say(sentence)
    if (total := _total(quote, language)) is not None:
        say(total)


def _total(quote: Quote, language: str) -> str | None:
    """What the customer pays in all, where it has several parts: the access and the service of a surtaxed number."""
    from ardoise.core.allowances import RETAIL
    from ardoise.core.money import micros_text

    matched = [part.match for part in quote.parts if part.level == RETAIL and part.match is not None]
    if len(matched) < 2 or quote.amount_micros is None:
        return None
    french = language == "fr"
    amount = micros_text(quote.amount_micros, currency=matched[0].rate.tariff.currency, french=french)
    return f"Total : {amount}." if french else f"Total: {amount}."
