"""`ardoise subscription`: what is subscribed, and its changes, each dated in the past or the future."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from ardoise.cli.amounts import amount_of, day_of, local_day
from ardoise.cli.wiring import AsJson, Today, clock, fail, print_json, ready_database, screen, table
from ardoise.core.money import amount_text
from ardoise.core.subscriptions import SubscriptionRefused

if TYPE_CHECKING:
    from ardoise.catalog.subscriptions import Life

subscription = typer.Typer(
    help="Show and change what is subscribed: plan, quantity, price, suspension, end.", no_args_is_help=True
)

Reference = Annotated[str, typer.Argument(help="Reference of the subscription.")]
On = Annotated[str, typer.Option("--on", help="First day, YYYY-MM-DD, past or future.", show_default="today")]


@subscription.command()
def show(
    what: Annotated[str, typer.Argument(metavar="REFERENCE|ACCOUNT", help="A subscription, or all of an account.")],
    as_json: AsJson = False,
) -> None:
    """Show the terms of a subscription one after another, or all subscriptions of an account.

    Example: ardoise subscription show A1001-BOX
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog.subscriptions import NoSuchSubscription, life, lives_of
    from ardoise.directory.queries import NoSuchAccount, account_by_code

    ready_database()
    try:
        lives = [life(EVERYTHING, what)]
    except NoSuchSubscription as unknown:
        try:
            lives = lives_of(EVERYTHING, account_by_code(EVERYTHING, what))
        except NoSuchAccount:
            fail(str(unknown))
    if as_json:
        print_json([_as_dict(found) for found in lives])
        return
    for found in lives:
        _print(found)
    if not lives:
        screen.print(f"{escape(what)} has no subscription.")


@subscription.command()
def change(
    reference: Reference,
    plan: Annotated[str, typer.Option("--plan", help="Code of another plan.")] = "",
    product: Annotated[str, typer.Option("--product", help="Code of another product.")] = "",
    quantity: Annotated[str, typer.Option("--quantity", metavar="N", help="Another quantity.")] = "",
    price: Annotated[str, typer.Option("--price", metavar="AMOUNT", help="Another agreed price a period.")] = "",
    list_price: Annotated[bool, typer.Option("--list-price", help="Back to the product's own price.")] = False,
    on: On = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Change plan, product, quantity or price from a day on.

    Days billed in advance are credited at the price they were billed and charged at the new one by the next run.

    Example: ardoise subscription change A1001-BOX --plan pro-illimite --on 2026-11-14
    """
    from ardoise.catalog.subscriptions import change_subscription

    wanted: dict[str, Any] = {"plan": plan or None, "product": product or None, "at_list_price": list_price}
    wanted |= {"quantity": amount_of("--quantity", quantity, zero=False), "unit_price": amount_of("--price", price)}
    _do(change_subscription, reference, on, today, as_json, **wanted)


@subscription.command()
def suspend(
    reference: Reference,
    fee: Annotated[str, typer.Option("--fee", metavar="AMOUNT", help="Price a period meanwhile.")] = "",
    until: Annotated[str, typer.Option("--until", help="First day on which it runs again, YYYY-MM-DD.")] = "",
    on: On = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Suspend a subscription: nothing is due meanwhile, or a fee.

    Example: ardoise subscription suspend A1001-BOX --on 2026-11-14 --fee 2.00
    """
    from ardoise.catalog.subscriptions import suspend_subscription

    price = amount_of("--fee", fee)
    last = day_of(until) if until else None
    _do(suspend_subscription, reference, on, today, as_json, price=price or Decimal(0), until=last)


@subscription.command()
def resume(reference: Reference, on: On = "", today: Today = "", as_json: AsJson = False) -> None:
    """End a suspension.

    Example: ardoise subscription resume A1001-BOX --on 2026-12-01
    """
    from ardoise.catalog.subscriptions import resume_subscription

    _do(resume_subscription, reference, on, today, as_json)


@subscription.command()
def cancel(
    reference: Reference,
    period_end: Annotated[
        bool, typer.Option("--period-end", help="At the end of the billing period of that day.")
    ] = False,
    without_exit_fee: Annotated[
        bool, typer.Option("--without-exit-fee", help="Waive what leaving before the minimum term costs.")
    ] = False,
    on: On = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """End a subscription today, on a day, or at the end of its billing period.

    Days billed beyond the end are credited by the next run. Ended on its first day, it is taken back whole.

    Example: ardoise subscription cancel A1001-BOX --period-end
    """
    from ardoise.catalog.subscriptions import cancel_subscription

    wanted = {"at_period_end": period_end, "without_exit_fee": without_exit_fee}
    _do(cancel_subscription, reference, on, today, as_json, **wanted)


@subscription.command()
def reopen(reference: Reference, today: Today = "", as_json: AsJson = False) -> None:
    """Take the end of a subscription back, as if it had not been said.

    What was credited for it is billed again by the next run, a deposit and an exit fee too.

    Example: ardoise subscription reopen A1001-BOX
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog.subscriptions import NoSuchSubscription, reopen_subscription

    ready_database()
    try:
        found = reopen_subscription(scope=EVERYTHING, reference=reference, recorded_at=clock(today)())
    except (SubscriptionRefused, NoSuchSubscription) as refused:
        fail(f"{reference}: {refused}")
    if as_json:
        print_json(_as_dict(found))
    else:
        _print(found)


def _do(operation: Callable[..., Life], reference: str, on: str, today: str, as_json: bool, **wanted: object) -> None:
    """Run one operation and show what the subscription has become."""
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog.subscriptions import NoSuchSubscription

    ready_database()
    now = clock(today)()
    day = day_of(on) if on else local_day(now)
    try:
        found = operation(scope=EVERYTHING, reference=reference, on=day, recorded_at=now, **wanted)
    except (SubscriptionRefused, NoSuchSubscription) as refused:
        fail(f"{reference}: {refused}")
    if as_json:
        print_json(_as_dict(found))
    elif found.rows:
        _print(found)
    else:
        screen.print(f"{escape(reference)} is taken back whole: what was billed is credited by the next run.")


def _print(found: Life) -> None:
    row = found.rows[-1]
    currency = row.account.issuer.currency
    holder = f"{row.account.code} {row.account.name}" + (f", line {row.line.code}" if row.line else "")
    shown = table(f"{found.reference}: {holder}", "from", "until", "subscribed", "quantity", "price", right=(3, 4))
    for terms in found.terms:
        price = "list" if terms.unit_price is None else amount_text(terms.unit_price, currency=currency, french=False)
        if terms.suspended:
            price = f"suspended, {amount_text(terms.suspension_price, currency=currency, french=False)}"
        until = str(terms.end_date) if terms.end_date else ""
        shown.add_row(
            str(terms.start_date), until, escape(terms.plan or terms.product), format(terms.quantity, "f"), price
        )
    screen.print(shown)


def _as_dict(found: Life) -> dict[str, object]:
    return {
        "reference": found.reference,
        "account": found.rows[-1].account.code if found.rows else "",
        "line": found.rows[0].line.code if found.rows and found.rows[0].line else "",
        "terms": [
            {
                "change": terms.change,
                "from": terms.start_date,
                "until": terms.end_date,
                "account": terms.account,
                "plan": terms.plan,
                "product": terms.product,
                "quantity": terms.quantity,
                "unit_price": terms.unit_price,
                "suspended": terms.suspended,
                "suspension_price": terms.suspension_price,
            }
            for terms in found.terms
        ],
    }
