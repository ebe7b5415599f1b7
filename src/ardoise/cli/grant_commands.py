"""`ardoise discount` and `ardoise commitment`: what customers are given, and the least that they pay, each dated."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from ardoise.cli.amounts import amount_of, day_of, local_day
from ardoise.cli.wiring import USAGE, AsJson, Today, clock, fail, print_json, ready_database, screen, table
from ardoise.core.money import amount_text

if TYPE_CHECKING:
    from ardoise.catalog.grants import Holder
    from ardoise.catalog.models import Commitment, DiscountGrant
    from ardoise.directory.models import Account

discount = typer.Typer(help="Discounts and vouchers: create, give, end, list.", no_args_is_help=True)
commitment = typer.Typer(help="The least that a customer pays a billing period: give, end, list.", no_args_is_help=True)

Code = Annotated[str, typer.Argument(metavar="DISCOUNT", help="Code of the discount, or of the voucher.")]
ToAccount = Annotated[str, typer.Option("--account", help="An account, and those below it.")]
ToSubscription = Annotated[str, typer.Option("--subscription", help="One subscription, by its reference.")]
ToIssuer = Annotated[str, typer.Option("--issuer", help="All customers of an issuer.")]
From = Annotated[
    str, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD, past or future.", show_default="today")
]
Until = Annotated[
    str, typer.Option("--until", metavar="DATE", help="First day without it.", show_default="further notice")
]
On = Annotated[
    str, typer.Option("--on", metavar="DATE", help="First day without it, YYYY-MM-DD.", show_default="today")
]
Of = Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="Only what this account enjoys, or is part of.")]


@discount.command("create")
def create_discount(
    code: Code,
    name: Annotated[str, typer.Option("--name", help="What documents print.", show_default=False)],
    percentage: Annotated[str, typer.Option("--percentage", metavar="N", help="Percent off.")] = "",
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="Or an amount a billing period.")] = "",
    product: Annotated[
        list[str], typer.Option("--product", help="Only off this product. May be repeated.", show_default=False)
    ] = [],  # noqa: B006 - Typer reads the default, nobody writes to it
    section: Annotated[str, typer.Option("--section", help="Only off this section of the bill.")] = "",
    cycles: Annotated[int, typer.Option("--cycles", help="For so many billing periods; 0 = for ever.", min=0)] = 0,
    limit: Annotated[str, typer.Option("--limit", metavar="AMOUNT", help="At most so much in all.")] = "",
    priority: Annotated[int, typer.Option("--priority", help="The lowest is taken off first.", min=0)] = 100,
    as_json: AsJson = False,
) -> None:
    """Create a discount, or a voucher; nobody has it before it is given.

    A voucher of 5 is an amount of 5 with a limit of 5: it is used once, over as many bills as it takes.

    Example: ardoise discount create NOEL5 --name "Bon de Noël" --amount 5 --limit 5
    """
    from ardoise.catalog import grants

    ready_database()
    try:
        made = grants.create_discount(
            code=code,
            name=name,
            percentage=amount_of("--percentage", percentage) or Decimal(0),
            amount=amount_of("--amount", amount) or Decimal(0),
            products=product,
            section=section,
            cycles=cycles or None,
            limit=amount_of("--limit", limit),
            priority=priority,
        )
    except grants.GrantRefused as refused:
        fail(str(refused))
    if as_json:
        print_json({"discount": made.code, "name": made.name})
    else:
        screen.print(escape(f"{made.code} is created. Give it: ardoise discount give {made.code} --account CODE"))


@discount.command("give")
def give_discount(
    code: Code,
    account: ToAccount = "",
    subscription: ToSubscription = "",
    issuer: ToIssuer = "",
    from_day: From = "",
    until: Until = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Give a discount or a voucher to an account, a subscription, or all customers of an issuer.

    Days that are billed already keep what was issued: give it from the first day that is not.

    Example: ardoise discount give NOEL5 --account A1001 --from 2026-12-01 --until 2027-01-01
    """
    from ardoise.bill.queries import billed_until
    from ardoise.catalog import grants

    now, first = _now(today, from_day)
    end = day_of(until) if until else None
    to = _holder(account, subscription, issuer)
    try:
        given = grants.give_discount(
            to=to,
            discount=code,
            from_date=first,
            until_date=end,
            billed_until=billed_until(issuer=to.issuer, account=to.account),
            recorded_at=now,
        )
    except grants.GrantRefused as refused:
        fail(str(refused))
    _show_discounts([given], as_json)


@discount.command("end")
def end_discount(
    code: Code,
    account: ToAccount = "",
    subscription: ToSubscription = "",
    issuer: ToIssuer = "",
    on: On = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """End a discount of an account, a subscription or an issuer; on its first day it is taken back whole.

    Example: ardoise discount end NOEL5 --account A1001 --on 2026-12-15
    """
    from ardoise.bill.queries import billed_until
    from ardoise.catalog import grants

    now, day = _now(today, on)
    to = _holder(account, subscription, issuer)
    try:
        ended = grants.end_discount(
            to=to,
            discount=code,
            on=day,
            billed_until=billed_until(issuer=to.issuer, account=to.account),
            recorded_at=now,
        )
    except grants.GrantRefused as refused:
        fail(str(refused))
    if ended is None and not as_json:
        screen.print(escape(f"{code} is taken back from {to.code}: it was never given."))
    else:
        _show_discounts([ended] if ended else [], as_json)


@discount.command("list")
def list_discounts(account: Of = "", as_json: AsJson = False) -> None:
    """List discounts and who has them; those of an account, of what is above it and of its issuer.

    Example: ardoise discount list A1001
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog import grants
    from ardoise.catalog.models import Discount

    ready_database()
    _show_discounts(grants.discounts_given(EVERYTHING, _account(account) if account else None), as_json)
    if account or as_json:
        return
    free = list(Discount.objects.filter(grants=None).order_by("code").values_list("code", flat=True))
    if free:
        screen.print(escape(f"Nobody has: {', '.join(free)}"))


@commitment.command("give")
def give_commitment(
    code: Annotated[str, typer.Argument(help="Code of the minimum, of your choice.")],
    account: Annotated[str, typer.Option("--account", help="Who owes it, with those below.", show_default=False)],
    amount: Annotated[
        str, typer.Option("--amount", metavar="AMOUNT", help="The least of a billing period.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="What documents print.")] = "Complément au minimum",
    product: Annotated[str, typer.Option("--product", help="Only this product counts.", show_default="all")] = "",
    goods: Annotated[bool, typer.Option("--goods", help="What is missing has the VAT of goods.")] = False,
    from_day: From = "",
    until: Until = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """Ask an account for a minimum a billing period; what is missing is added at the end of the period.

    A period of which it holds only some days owes its part, by days.

    Example: ardoise commitment give MIN-A1001 --account A1001 --amount 150 --from 2026-12-01
    """
    from ardoise.bill.queries import billed_until
    from ardoise.catalog import grants
    from ardoise.core.vat import Nature

    now, first = _now(today, from_day)
    end = day_of(until) if until else None
    payer = _account(account)
    try:
        given = grants.give_commitment(
            account=payer,
            code=code,
            name=name,
            amount=amount_of("--amount", amount) or Decimal(0),
            product=product,
            nature=Nature.GOODS if goods else Nature.SERVICES,
            from_date=first,
            until_date=end,
            billed_until=billed_until(issuer=payer.issuer, account=payer),
            recorded_at=now,
        )
    except grants.GrantRefused as refused:
        fail(str(refused))
    _show_commitments([given], as_json)


@commitment.command("end")
def end_commitment(
    code: Annotated[str, typer.Argument(help="Code of the minimum.")],
    on: On = "",
    today: Today = "",
    as_json: AsJson = False,
) -> None:
    """End a minimum on a day; the period of that day owes its part. On its first day it is taken back whole.

    Example: ardoise commitment end MIN-A1001 --on 2027-01-01
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.bill.queries import billed_until
    from ardoise.catalog import grants

    now, day = _now(today, on)
    try:
        payer = grants.commitment(EVERYTHING, code).account
        ended = grants.end_commitment(
            scope=EVERYTHING,
            code=code,
            on=day,
            billed_until=billed_until(issuer=payer.issuer, account=payer),
            recorded_at=now,
        )
    except grants.GrantRefused as refused:
        fail(str(refused))
    if ended is None and not as_json:
        screen.print(escape(f"{code} is taken back: it never held."))
    else:
        _show_commitments([ended] if ended else [], as_json)


@commitment.command("list")
def list_commitments(account: Of = "", as_json: AsJson = False) -> None:
    """List minimum commitments; those that an account is part of.

    Example: ardoise commitment list A1001
    """
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog import grants

    ready_database()
    _show_commitments(grants.commitments_given(EVERYTHING, _account(account) if account else None), as_json)


# --- what they share --------------------------------------------------------------------------------------------------


def _now(today: str, day: str) -> tuple[datetime, date]:
    """The instant of recording, and the day asked for, else the local day."""
    ready_database()
    now = clock(today)()
    return now, day_of(day) if day else local_day(now)


def _account(code: str) -> Account:
    from ardoise.access.scope import EVERYTHING
    from ardoise.directory.queries import NoSuchAccount, account_by_code

    try:
        return account_by_code(EVERYTHING, code)
    except NoSuchAccount as unknown:
        fail(str(unknown))


def _holder(account: str, subscription: str, issuer: str) -> Holder:
    from ardoise.access.scope import EVERYTHING
    from ardoise.catalog.grants import GrantRefused, HolderKind, holder
    from ardoise.catalog.subscriptions import NoSuchSubscription
    from ardoise.directory.queries import NoSuchAccount

    asked = [
        (kind, code)
        for kind, code in zip(
            (HolderKind.ACCOUNT, HolderKind.SUBSCRIPTION, HolderKind.ISSUER),
            (account, subscription, issuer),
            strict=True,
        )
        if code
    ]
    if len(asked) != 1:
        fail("say who has it: one of --account CODE, --subscription REFERENCE, --issuer CODE", code=USAGE)
    try:
        return holder(EVERYTHING, *asked[0])
    except (NoSuchAccount, NoSuchSubscription, GrantRefused) as unknown:
        fail(str(unknown))


def _show_discounts(given: list[DiscountGrant], as_json: bool) -> None:
    if as_json:
        print_json([_discount_as_dict(one) for one in given])
        return
    if not given:
        screen.print("No discount is given.")
        return
    shown = table("Discounts given", "discount", "name", "off", "who", "from", "until", right=(2,))
    for one in given:
        said = _discount_as_dict(one)
        off = (
            f"{one.discount.percentage.normalize():f} %"
            if one.discount.percentage
            else amount_text(one.discount.amount, currency=_currency(one), french=False)
        )
        who = f"{said['holder_kind']} {said['holder']}"
        shown.add_row(
            escape(one.discount.code),
            escape(one.discount.name),
            off,
            escape(who),
            str(one.valid_from_date),
            str(one.valid_to_date or ""),
        )
    screen.print(shown)


def _currency(given: DiscountGrant) -> str:
    issuer = given.issuer or (given.account.issuer if given.account else None)
    return issuer.currency if issuer else "EUR"


def _discount_as_dict(given: DiscountGrant) -> dict[str, object]:
    kind, holder = "subscription", given.reference
    if given.account:
        kind, holder = "account", given.account.code
    if given.issuer:
        kind, holder = "issuer", given.issuer.code
    return {
        "discount": given.discount.code,
        "name": given.discount.name,
        "percentage": given.discount.percentage,
        "amount": given.discount.amount,
        "holder_kind": kind,
        "holder": holder,
        "from": given.valid_from_date,
        "until": given.valid_to_date,
    }


def _show_commitments(given: list[Commitment], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "commitment": one.code,
                    "name": one.name,
                    "account": one.account.code,
                    "amount": one.amount,
                    "product": one.product.code if one.product else "",
                    "nature": one.nature,
                    "from": one.valid_from_date,
                    "until": one.valid_to_date,
                }
                for one in given
            ]
        )
        return
    if not given:
        screen.print("No minimum is asked for.")
        return
    shown = table("Minimum commitments", "code", "account", "a period", "counts", "from", "until", right=(2,))
    for one in given:
        shown.add_row(
            escape(one.code),
            escape(one.account.code),
            amount_text(one.amount, currency=one.account.issuer.currency, french=False),
            escape(one.product.code if one.product else "everything"),
            str(one.valid_from_date),
            str(one.valid_to_date or ""),
        )
    screen.print(shown)
