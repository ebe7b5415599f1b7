"""`ardoise price`: what one call would cost, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape

from ardoise.cli.wiring import AsJson, fail, print_json, printable, ready_database, say, screen
from ardoise.core.money import count_text

if TYPE_CHECKING:
    from ardoise.core.rating import Quote, Why
    from ardoise.rate.queries import Asked

PARIS = ZoneInfo("Europe/Paris")
A_DAY_S = 86_400


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
    from ardoise.rate.queries import Asked

    ready_database()
    _refuse_nonsense(account, line, language, balance)
    if trunk and not source:
        fail("a trunk is one of a source; give --source CODE with --trunk", code=2)
    asked = Asked(
        *(number, _moment(at) or datetime.now(UTC), duration, account, line),
        cost=_amount(cost),
        source=source,
        trunk=trunk,
    )
    answer = _answer(asked, compare or [], _amount(balance), _moment(known_at))
    if as_json:
        print_json(_as_dict(answer, language))
        return
    _show(answer, source, balance, language)
    if answer.quote.amount_micros is None:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Answer:
    """The price, those under other tariffs by code, and how long a balance lasts: seconds, or why nobody can say."""

    quote: Quote
    others: dict[str, Quote]
    longest: int | Why | None
    known_at: datetime | None


def _show(answer: _Answer, source: str, balance: str, language: str) -> None:
    _tell(answer.quote, language)
    if _lacks_cost(answer.quote):
        say(_how_to_know_the_cost(source, language))
    if isinstance(answer.longest, int):
        say(_lasts(balance, answer.longest, language))
    elif answer.longest is not None and answer.quote.amount_micros is not None:
        say(_no_length(language))
    if answer.known_at is not None and answer.quote.amount_micros is None:
        say(_as_known(answer.known_at, language))
    for code, other in answer.others.items():
        screen.print(f"\n[bold]{escape(printable(code))}[/]")
        _tell(other, language)


def _answer(asked: Asked, tariffs: list[str], balance: Decimal | None, known_at: datetime | None) -> _Answer:
    from ardoise.collect.handover import snapshot_sources
    from ardoise.core.candidates import NoSuchTariff
    from ardoise.core.rating import NoPayer
    from ardoise.rate import queries as rating

    sources = snapshot_sources()
    try:
        quote = rating.quote(asked, sources=sources, known_at=known_at)
        others = rating.compare(asked, tariffs, sources=sources, known_at=known_at)
        longest = None
        if balance is not None:
            a_day = replace(asked, duration_s=A_DAY_S)
            longest = rating.lasting(a_day, balance, sources=sources, known_at=known_at)
    except (NoSuchTariff, NoPayer, rating.UnknownPayer, rating.UnknownSource) as error:
        fail(str(error), code=2)
    return _Answer(quote, others, longest, known_at)


def _amount(text: str) -> Decimal | None:
    from ardoise.core.money import NotAnAmount, parse_price

    try:
        return parse_price(text) if text else None
    except NotAnAmount as error:
        fail(str(error), code=2)


def _as_dict(answer: _Answer, language: str) -> dict[str, object]:
    others = {code: _plain(quote, language) for code, quote in answer.others.items()}
    told = {**_plain(answer.quote, language), "compare": others}
    if answer.longest is None:
        return told
    return told | {"balance_lasts_s": answer.longest if isinstance(answer.longest, int) else None}


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
        said = "24 h ou plus" if longest_s >= A_DAY_S else f"{count_text(longest_s, french=True)} s"
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
