"""An account that goes under another one from a day on, in the past or to come, as rows of the plain files.

Documents and charges name an account and its customer for good, so the account keeps its past: from that day a
successor stands under the new parent and holds the lines. The rating splits each line's calls at that instant; what was
issued beyond it becomes proposals.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from ardoise.plainfiles.columns import Ref
from ardoise.plainfiles.rows import Cells, Folder, Key, Row
from ardoise.plainfiles.state import loaded
from ardoise.plainfiles.tables import (
    ACCOUNTS,
    ASSIGNMENTS,
    PROMOTION_GRANTS,
    TABLES,
    TARIFF_LINKS,
)

_COPIED = ("vat_regimes", TARIFF_LINKS.name, PROMOTION_GRANTS.name)  # in force for the successor too


class MoveRefused(ValueError):
    """The account cannot be moved; the message says what to do first."""


def move(code: str, *, to: str, from_date: date, successor: str = "") -> Folder:
    """The rows that put an account and all below it under `to` ("" = a customer of its own) from a day on.

    The successor of the account is called `successor`, else CODE-YYYYMMDD like those below it. Raises MoveRefused.
    """
    accounts = {str(key[0]): cells for key, cells in loaded(ACCOUNTS).items()}
    _refuse(code, to, accounts)
    below = _below(code, accounts)
    names = {old: f"{old}-{from_date:%Y%m%d}" for old in below}
    names[code] = successor or names[code]
    if taken := [name for name in names.values() if name in accounts]:
        raise MoveRefused(f"account {taken[0]} exists already; name the successor otherwise (--as CODE)")
    _refuse_sold(names, from_date)
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
    return folder


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


def _refuse_sold(names: Mapping[str, str], from_date: date) -> None:
    """What is sold to an account has terms of its own (set-up, engagement): it is ended and sold again by hand."""
    for table in TABLES.values():
        if not table.dated or table is ASSIGNMENTS or table.name in _COPIED:
            continue
        columns = [one.name for one in table.columns if isinstance(one.kind, Ref) and one.kind.table == ACCOUNTS.name]
        for key, cells in loaded(table).items():
            held = [cells[name] for name in columns if cells[name] in names]
            if cells.get("owner_kind") == "account" and cells["owner"] in names:
                held.append(cells["owner"])
            if held and _in_force_after(cells, from_date):
                raise MoveRefused(
                    f"{held[0]} has {table.name.replace('_', ' ')} in force on {from_date} ({_said(table.key, key)}): "
                    f"end it on that day, move the account, and give it to {names[held[0]]}"
                )


def _said(names: tuple[str, ...], key: Key) -> str:
    return ", ".join(f"{name} {part}" for name, part in zip(names, key, strict=True) if part not in ("", None, 0))


def _in_force_after(cells: Mapping[str, Any], day: date) -> bool:
    end = cells.get("valid_to_date")
    return end is None or end > day
