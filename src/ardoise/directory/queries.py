"""Reads of the directory. What a reader may see is a Scope: the issuers of an account decide."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q, QuerySet

from ardoise.access.scope import Scope
from ardoise.directory.models import Account, Identifier, Issuer, Line, LineAssignment, SheetLayout


class NoSuchAccount(LookupError):
    """No account of that code in the scope."""


@dataclass(slots=True)
class AccountNode:
    """An account and what hangs below it, children by code."""

    account: Account
    children: list[AccountNode] = field(default_factory=list)


def issuers(scope: Scope) -> QuerySet[Issuer]:
    """The issuers of the scope, by code."""
    return scope.within(Issuer.objects.order_by("code"), "code")


def accounts(scope: Scope) -> QuerySet[Account]:
    """The accounts of the scope, by code, with their issuer."""
    return scope.within(Account.objects.select_related("issuer").order_by("code"), "issuer__code")


def accounts_tree(scope: Scope) -> list[AccountNode]:
    """The whole tree in two reads: customers by code, each with its branches and departments."""
    nodes = {account.pk: AccountNode(account) for account in accounts(scope)}
    roots: list[AccountNode] = []
    for node in nodes.values():
        parent = nodes.get(node.account.parent_id) if node.account.parent_id else None
        (parent.children if parent else roots).append(node)
    return roots


def account_by_code(scope: Scope, code: str) -> Account:
    """One account. Raises NoSuchAccount."""
    found = accounts(scope).filter(code=code).first()
    if found is None:
        raise NoSuchAccount(f"« {code} » is not an account you can see; look for its code in the directory")
    return found


def root_of(scope: Scope, account: Account) -> Account:
    """The customer at the top of an account's tree. Raises NoSuchAccount when it is outside the scope."""
    top = account
    while top.parent is not None:
        top = top.parent
    return account_by_code(scope, top.code)


def below(scope: Scope, account: Account) -> list[Account]:
    """The account and everything below it, parents before children."""
    children: dict[int | None, list[Account]] = defaultdict(list)
    for one in accounts(scope):
        children[one.parent_id].append(one)
    found = [account]
    for one in found:
        found += children[one.pk]
    return found


def lines_of(scope: Scope, account: Account, *, on: date) -> QuerySet[Line]:
    """The lines assigned to this very account on a day, by code."""
    held = _in_force(LineAssignment.objects.filter(account=account), on)
    return Line.objects.filter(pk__in=scope.within(held, "account__issuer__code").values("line")).order_by("code")


def assignments_of(scope: Scope, line: Line) -> QuerySet[LineAssignment]:
    """Who the line belongs to, over time: current beliefs, oldest first."""
    held = LineAssignment.objects.filter(line=line, superseded_at=None).select_related("account__issuer")
    return scope.within(held, "account__issuer__code").order_by("valid_from_date")


def identifiers_of(scope: Scope, line: Line) -> QuerySet[Identifier]:
    """What names a line in tickets, over time: current beliefs. Nothing when no account of the scope has held it."""
    named = Identifier.objects.filter(line=line, superseded_at=None)
    visible = assignments_of(scope, line).exists()
    return (named if visible else named.none()).order_by("source_code", "kind", "value", "valid_from_date")


def sheet_columns(name: str, kind: str) -> dict[str, str] | None:
    """The headers that a layout of spreadsheets gives columns of a kind of rows; None when it is not known."""
    known = SheetLayout.objects.filter(name=name, kind=kind).first()
    return dict(known.columns) if known else None


def sheet_layouts(kind: str) -> list[str]:
    """The names of the layouts of a kind of rows."""
    return list(SheetLayout.objects.filter(kind=kind).order_by("name").values_list("name", flat=True))


def provisional_lines(scope: Scope) -> QuerySet[Line]:
    """Lines registered for unknown identifiers and not re-attached yet: what the console asks to sort out."""
    unassigned = LineAssignment.objects.filter(superseded_at=None, account__provisional=True)
    held = scope.within(unassigned, "account__issuer__code")
    return Line.objects.filter(provisional=True, pk__in=held.values("line")).order_by("code")


def _in_force(rows: QuerySet[LineAssignment], on: date) -> QuerySet[LineAssignment]:
    return rows.filter(superseded_at=None, valid_from_date__lte=on).filter(
        Q(valid_to_date=None) | Q(valid_to_date__gt=on)
    )
