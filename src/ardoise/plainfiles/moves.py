"""An account that goes under another one from a day on, in the past or to come, as rows of the plain files.

Documents and charges name an account and its customer for good, so the account keeps its past: from that day a
successor stands under the new parent and holds the lines and the subscriptions. The rating splits each line's calls at
that instant, and the next run the days of each subscription; calls issued beyond it become proposals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from ardoise.access.scope import EVERYTHING
from ardoise.bill.sold import billed_references
from ardoise.catalog.subscriptions import life, move_subscription, product_of
from ardoise.core.subscriptions import SubscriptionRefused
from ardoise.directory.models import Account
from ardoise.plainfiles.columns import Ref
from ardoise.plainfiles.loading import compared, load_rows
from ardoise.plainfiles.rows import Cells, Folder, Key, Row
from ardoise.plainfiles.state import loaded
from ardoise.plainfiles.tables import (
    ACCOUNTS,
    ASSIGNMENTS,
    PROMOTION_GRANTS,
    SUBSCRIPTIONS,
    TABLES,
    TARIFF_LINKS,
)

_COPIED = ("vat_regimes", TARIFF_LINKS.name, PROMOTION_GRANTS.name)  # in force for the successor too


class MoveRefused(ValueError):
    """The account cannot be moved; the message says what to do first."""


@dataclass(frozen=True, slots=True)
class Move:
    """What puts an account elsewhere from a day on: rows, and which account holds each subscription from that day."""

    successor: str
    from_date: date
    folder: Folder
    subscriptions: Mapping[str, str]  # reference -> code

    def counts(self) -> dict[str, int]:
        """How many rows of each table would change. Raises LoadRefused."""
        rows = {name: len(rows) for name, rows in compared(self.folder).items()}
        return {name: count for name, count in (rows | {SUBSCRIPTIONS.name: len(self.subscriptions)}).items() if count}


@transaction.atomic
def carry_out(move: Move, *, recorded_at: datetime) -> None:
    """Write a move, all of it or nothing. Raises LoadRefused, MoveRefused."""
    load_rows(move.folder, recorded_at=recorded_at)
    for reference, holder in sorted(move.subscriptions.items()):
        try:
            move_subscription(
                scope=EVERYTHING, reference=reference, to=holder, on=move.from_date, recorded_at=recorded_at
            )
        except SubscriptionRefused as refused:
            raise MoveRefused(f"subscription {reference}: {refused}") from refused


def move(code: str, *, to: str, from_date: date, successor: str = "") -> Move:
    """What puts an account and all below it under `to` ("" = a customer of its own) from a day on.

    The successor of the account is called `successor`, else CODE-YYYYMMDD like those below it. Raises MoveRefused.
    """
    accounts = {str(key[0]): cells for key, cells in loaded(ACCOUNTS).items()}
    _refuse(code, to, accounts)
    below = _below(code, accounts)
    names = {old: f"{old}-{from_date:%Y%m%d}" for old in below}
    names[code] = successor or names[code]
    if taken := [name for name in names.values() if name in accounts]:
        raise MoveRefused(f"account {taken[0]} exists already; name the successor otherwise (--as CODE)")
    _refuse_given(names, from_date)
    subscriptions = _subscriptions(names, from_date)
    _refuse_currency(code, to, subscriptions)
    folder = Folder()
    for old in below:
        parent = names.get(accounts[old]["parent"], to) if old != code else to
        issuer = accounts[to]["issuer"] if to else accounts[code]["issuer"]
        kind = accounts[old]["kind"] if parent else "customer"
        kind = "branch" if parent and kind == "customer" else kind
        own: Cells = {"code": names[old], "parent": parent, "issuer": issuer, "kind": kind, "provisional": False}
        _add(folder, ACCOUNTS.name, accounts[old] | own | ({"reseller": ""} if parent else {}))
    for cells in loaded(ASSIGNMENTS).values():
        if cells["account"] in names and _in_force_after(cells, from_date):
            if cells["valid_from_date"] < from_date:
                _add(folder, ASSIGNMENTS.name, cells | {"valid_to_date": from_date})
            begun = max(cells["valid_from_date"], from_date)
            _add(folder, ASSIGNMENTS.name, cells | {"account": names[cells["account"]], "valid_from_date": begun})
    for name in _COPIED:
        for cells in loaded(TABLES[name]).values():
            owner = "account" if "account" in cells else "owner" if cells.get("owner_kind") == "account" else ""
            if owner and cells[owner] in names and _in_force_after(cells, from_date):
                begun = max(cells["valid_from_date"], from_date)
                _add(folder, name, cells | {owner: names[cells[owner]], "valid_from_date": begun})
    return Move(names[code], from_date, folder, subscriptions)


def _add(folder: Folder, table: str, cells: Cells) -> None:
    folder.add(Row(TABLES[table], "move", len(folder.rows[table]) + 1, cells))


def _refuse(code: str, to: str, accounts: Mapping[str, Cells]) -> None:
    for one in filter(None, (code, to)):
        if one not in accounts:
            raise MoveRefused(f"account {one} does not exist; look for its code: ardoise directory export")
    if accounts[code]["provisional"]:
        raise MoveRefused(f"{code} was made by Ardoise for what nobody declared; assign its lines instead")
    if accounts[code]["parent"] == to:
        raise MoveRefused(f"{code} is there already: {f'its parent is {to}' if to else 'it is a customer'}")
    above: str = to
    while above:
        if above == code:
            raise MoveRefused(f"{code} cannot go under {to}, which is below it; move {to} first")
        above = accounts[above]["parent"]


def _below(code: str, accounts: Mapping[str, Cells]) -> list[str]:
    """The account and those below it, parents first."""
    found = [code]
    for one in found:
        found += [other for other, cells in accounts.items() if cells["parent"] == one]
    return found


def _subscriptions(names: Mapping[str, str], from_date: date) -> dict[str, str]:
    """The subscriptions that go on after the day, with who holds them then. Raises MoveRefused where one cannot."""
    found: dict[str, str] = {}
    started: dict[str, date] = {}
    for cells in loaded(SUBSCRIPTIONS).values():
        reference = cells["reference"]
        started[reference] = min(started.get(reference, cells["valid_from_date"]), cells["valid_from_date"])
        if cells["account"] in names and _in_force_after(cells, from_date):
            found[reference] = names[cells["account"]]
    billed = billed_references() if found else set()
    for reference, holder in sorted(found.items()):
        held = life(EVERYTHING, reference)
        if any((product := product_of(row)) and product.metered for row in held.rows):
            raise MoveRefused(
                f"subscription {reference} is metered, and a period has one meter: ardoise subscription cancel "
                f"{reference} --on {from_date}, move the account, and subscribe {holder} under another reference"
            )
        if started[reference] >= from_date and reference in billed:
            raise MoveRefused(
                f"subscription {reference} starts on {started[reference]} and was billed already: take it back with "
                f"ardoise subscription cancel {reference} --on {started[reference]}, move the account, and subscribe "
                f"{holder} under another reference"
            )
    return found


def _refuse_currency(code: str, to: str, subscriptions: Mapping[str, str]) -> None:
    """Prices of products are in the currency of who issues."""
    currencies = dict(Account.objects.filter(code__in=[code, to]).values_list("code", "issuer__currency"))
    if to and subscriptions and currencies[code] != currencies[to]:
        raise MoveRefused(
            f"{to} is billed in {currencies[to]}, {code} in {currencies[code]}: end the subscription "
            f"{min(subscriptions)} on that day, move the account, and sell it again in {currencies[to]}"
        )


_REMEDIES = {
    "discount_grants": "ardoise discount end {0} --account {1} --on {2}, then give it to {3}",
    "commitments": "ardoise commitment end {0} --on {2}, then ask {3} for another one",
}


def _refuse_given(names: Mapping[str, str], from_date: date) -> None:
    """A voucher or a minimum was agreed with who pays: it is ended, and agreed again with the other customer."""
    for table in TABLES.values():
        if not table.dated or table in (ASSIGNMENTS, SUBSCRIPTIONS) or table.name in _COPIED:
            continue
        columns = [one.name for one in table.columns if isinstance(one.kind, Ref) and one.kind.table == ACCOUNTS.name]
        for key, cells in loaded(table).items():
            held = [cells[name] for name in columns if cells[name] in names]
            if cells.get("owner_kind") == "account" and cells["owner"] in names:
                held.append(cells["owner"])
            if held and _in_force_after(cells, from_date):
                remedy = _REMEDIES.get(table.name, "end it on that day, move the account, and give it to {3}")
                what = cells.get("discount") or cells.get("code", "")
                day = max(from_date, cells["valid_from_date"])
                raise MoveRefused(
                    f"{held[0]} has {table.name.replace('_', ' ')} in force on {from_date} ({_said(table.key, key)}): "
                    + remedy.format(what, held[0], day, names[held[0]])
                )


def _said(names: tuple[str, ...], key: Key) -> str:
    return ", ".join(f"{name} {part}" for name, part in zip(names, key, strict=True) if part not in ("", None, 0))


def _in_force_after(cells: Mapping[str, Any], day: date) -> bool:
    end = cells.get("valid_to_date")
    return end is None or end > day
