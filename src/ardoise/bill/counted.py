"""Who and what was there on which days: the presences that counted quantities are made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import cached_property

from ardoise.catalog.models import Product, Subscription
from ardoise.core.counting import CountAt, Counted, Presence
from ardoise.directory.models import Account, Line, LineAssignment

Span = tuple[date, date | None]


class Presences:
    """What the directory believes of lines and persons, read once, when a first product counts them."""

    def of(self, product: Product, account_id: int) -> Counted | None:
        """What a product counts of an account and of those below it; None when its quantity is the subscribed one."""
        if not product.counted:
            return None
        below = self._below(account_id)
        match product.counted:
            case Product.Counts.SEATS:
                found = self._seats(below)
            case Product.Counts.PLANS:
                found = self._with_plan(below, product.counted_of)
            case _:
                found = self._lines(below, product.counted_of)
        return Counted(tuple(found), CountAt(product.counted_at))

    def _lines(self, accounts: list[int], kind: str) -> Iterator[Presence]:
        for account_id in accounts:
            for line_id, start, end in self._held.get(account_id, ()):
                if not kind or self._line_kinds[line_id] == kind:
                    yield Presence(line_id, start, end)

    def _seats(self, accounts: list[int]) -> Iterator[Presence]:
        for account_id in accounts:
            if self._account_kinds[account_id] == Account.Kind.PERSON:
                for _, start, end in self._held.get(account_id, ()):
                    yield Presence(account_id, start, end)

    def _with_plan(self, accounts: list[int], plan: str) -> Iterator[Presence]:
        for account_id in accounts:
            for line_id, start, end in self._held.get(account_id, ()):
                for since, until in self._plans.get((line_id, plan), ()):
                    first, last = max(start, since), _earlier(end, until)
                    if last is None or first < last:
                        yield Presence(line_id, first, last)

    def _below(self, account_id: int) -> list[int]:
        found = [account_id]
        for one in found:
            found += self._children.get(one, ())
        return found

    @cached_property
    def _children(self) -> dict[int, list[int]]:
        children: dict[int, list[int]] = defaultdict(list)
        for pk, parent_id in Account.objects.exclude(parent=None).values_list("id", "parent_id"):
            children[parent_id].append(pk)
        return children

    @cached_property
    def _account_kinds(self) -> dict[int, str]:
        return dict(Account.objects.values_list("id", "kind"))

    @cached_property
    def _line_kinds(self) -> dict[int, str]:
        return dict(Line.objects.values_list("id", "kind"))

    @cached_property
    def _held(self) -> dict[int, list[tuple[int, date, date | None]]]:
        """account -> (line, first day, day after the last): a line counts until it ends, wherever it is assigned."""
        ends = dict(Line.objects.exclude(ended_date=None).values_list("id", "ended_date"))
        held: dict[int, list[tuple[int, date, date | None]]] = defaultdict(list)
        rows = LineAssignment.objects.filter(superseded_at=None)
        for account_id, line_id, start, end in rows.values_list(
            "account_id", "line_id", "valid_from_date", "valid_to_date"
        ):
            last = _earlier(end, ends.get(line_id))
            if last is None or start < last:
                held[account_id].append((line_id, start, last))
        return held

    @cached_property
    def _plans(self) -> dict[tuple[int, str], list[Span]]:
        plans: dict[tuple[int, str], list[Span]] = defaultdict(list)
        rows = Subscription.objects.filter(superseded_at=None, suspended=False).exclude(line=None).exclude(plan=None)
        for line_id, plan, start, end in rows.values_list("line_id", "plan__code", "valid_from_date", "valid_to_date"):
            plans[line_id, plan].append((start, end))
        return plans


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day is not None), default=None)
