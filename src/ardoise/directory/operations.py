"""Writes of the directory: issuers, the account tree, lines, assignments, identifiers, and what nobody knows yet."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from ardoise.directory import bulk
from ardoise.directory.models import (
    SINCE_EVER,
    Account,
    Dated,
    Identifier,
    Issuer,
    Line,
    LineAssignment,
    SheetLayout,
    VatRegime,
)

Cells = Mapping[str, Any]
"""One row as people write it: the columns of its plain file, references by code."""

UNASSIGNED_NAME = "Non affecté"
PROVISIONAL_PREFIX = "unassigned:"

_Span = tuple[date, date | None]
EVER: _Span = (SINCE_EVER, None)


class AccountCycle(ValueError):
    """An account would be its own ancestor."""


class ResellerRefused(ValueError):
    """A reseller of a branch, or one that would resell to itself."""


class Overlap(ValueError):
    """Two validities of one line, or of one identifier, overlap."""


@transaction.atomic
def put_issuers(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite issuers by code."""
    bulk.put(Issuer, key=["code"], rows=[_renamed(row, logo="logo_svg") for row in rows])


@transaction.atomic
def put_accounts(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite accounts by code, parents first whatever the order. Raises AccountCycle, ResellerRefused,
    UnknownCode.

    `issuer`, `parent` and `reseller` are codes; an empty issuer is its parent's, `reseller` may be left out.
    """
    issuers = bulk.ids_by_code(Issuer, (row["issuer"] for row in rows))
    known = dict(Account.objects.values_list("code", "pk"))
    issuer_of = dict(Account.objects.values_list("code", "issuer_id"))
    for wave in _parents_first(rows):
        fields = []
        for row in wave:
            if row["parent"] and row["parent"] not in known:
                raise bulk.UnknownCode(
                    f"account {row['parent']}, parent of {row['code']}: does not exist; create it first"
                )
            issuer_id = issuers[row["issuer"]] or issuer_of.get(row["parent"])
            if issuer_id is None:
                raise bulk.UnknownCode(f"account {row['code']}: give its issuer")
            issuer_of[row["code"]] = issuer_id
            fields.append(
                _renamed(row, issuer=None, parent=None, reseller=None)
                | {"issuer_id": issuer_id, "parent_id": known.get(row["parent"])}
            )
        bulk.put(Account, key=["code"], rows=fields)
        known |= dict(Account.objects.values_list("code", "pk"))
    parents = dict(Account.objects.values_list("code", "parent__code"))
    if cycles := cycles_of(parents):
        raise AccountCycle(f"account {cycles[0][0]} is its own ancestor: {' > '.join(cycles[0])}; change a parent")
    _set_resellers({row["code"]: row["reseller"] for row in rows if "reseller" in row})


def _set_resellers(wanted: Mapping[str, str]) -> None:
    """Give customers their resellers, by code ("" = none)."""
    known = dict(Account.objects.values_list("code", "reseller__code"))
    changed = [code for code, reseller in wanted.items() if (known[code] or "") != reseller]
    ids = bulk.ids_by_code(Account, wanted.values())
    for start in range(0, len(changed), bulk.BATCH):
        for one in Account.objects.filter(code__in=changed[start : start + bulk.BATCH]):
            if wanted[one.code] and one.parent_id is not None:
                raise ResellerRefused(f"account {one.code} is no customer: give its reseller to the one at its top")
            one.reseller_id = ids[wanted[one.code]]
            one.save(update_fields=["reseller"])
    if not any(wanted.values()):
        return
    rows = dict(Account.objects.values_list("code", "parent__code"))
    resold = dict(Account.objects.exclude(reseller=None).values_list("code", "reseller__code"))
    if cycles := reseller_cycles(rows, resold):
        path = " > ".join(cycles[0])
        raise ResellerRefused(f"account {cycles[0][0]} resells to itself: {path}; change a reseller")


def reseller_cycles(parents: Mapping[str, str | None], resellers: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Every cycle of customer -> customer at the top of its reseller; `parents` must hold no cycle."""

    def top(code: str) -> str:
        while parent := parents.get(code):
            code = parent
        return code

    return cycles_of({code: top(reseller) for code, reseller in resellers.items()})


@transaction.atomic
def put_vat_regimes(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record the VAT regimes of accounts between two dates. Raises Overlap, UnknownCode."""
    accounts = bulk.ids_by_code(Account, (row["account"] for row in rows))
    fields = [_renamed(row, account=None) | {"account_id": accounts[row["account"]]} for row in rows]
    bulk.put_dated(VatRegime, key=["account_id", "valid_from_date"], rows=fields, recorded_at=recorded_at)
    _refuse_overlaps(VatRegime, group=("account__code",), touched={(row["account"],) for row in rows})


@transaction.atomic
def put_lines(*, rows: Sequence[Cells]) -> None:
    """Create or overwrite lines by code."""
    bulk.put(Line, key=["code"], rows=rows)


@transaction.atomic
def put_assignments(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record which account each line belongs to. The "unassigned" account steps aside. Raises Overlap, UnknownCode."""
    lines = bulk.ids_by_code(Line, (row["line"] for row in rows))
    accounts = bulk.ids_by_code(Account, (row["account"] for row in rows))
    fields = [
        _renamed(row, line=None, account=None) | {"line_id": lines[row["line"]], "account_id": accounts[row["account"]]}
        for row in rows
    ]
    provisional = set(Account.objects.filter(provisional=True).values_list("pk", flat=True))
    wanted: dict[tuple[Any, ...], list[_Span]] = defaultdict(list)
    for row in fields:
        if row["account_id"] not in provisional:
            wanted[(row["line_id"],)].append((row["valid_from_date"], row["valid_to_date"]))
    held = LineAssignment.objects.filter(superseded_at=None, account__in=provisional)
    _step_aside(held, group=("line_id",), wanted=wanted, recorded_at=recorded_at)
    bulk.put_dated(LineAssignment, key=["line_id", "valid_from_date"], rows=fields, recorded_at=recorded_at)
    _refuse_overlaps(LineAssignment, group=("line__code",), touched={(row["line"],) for row in rows})


@transaction.atomic
def put_identifiers(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Record what names each line in the tickets. Identifiers registered by the house step aside. Raises Overlap.

    `value` of a number is in the form of Usage.number_key; `source` is a code, "" = any.
    """
    lines = bulk.ids_by_code(Line, (row["line"] for row in rows))
    fields = [_renamed(row, line=None, source="source_code") | {"line_id": lines[row["line"]]} for row in rows]
    group = ("source_code", "kind", "value")
    touched = {tuple(row[name] for name in group) for row in fields}
    provisional = set(Line.objects.filter(provisional=True).values_list("pk", flat=True))
    held = Identifier.objects.filter(superseded_at=None, line__in=provisional)
    wanted: dict[tuple[Any, ...], list[_Span]] = defaultdict(list)
    for row in fields:
        if row["line_id"] not in provisional:
            span = (row["valid_from_date"], row["valid_to_date"])
            wanted[row["source_code"], row["kind"], row["value"]].append(span)
    for source, kind, value in held.values_list(*group):
        if source and (everywhere := wanted.get(("", kind, value))):
            wanted[source, kind, value] += everywhere  # a row for any source names it too
    _step_aside(held, group=group, wanted=wanted, recorded_at=recorded_at)
    bulk.put_dated(Identifier, key=[*group, "valid_from_date"], rows=fields, recorded_at=recorded_at)
    _refuse_overlaps(Identifier, group=group, touched=touched)


@transaction.atomic
def put_sheet_layouts(*, rows: Sequence[Cells], recorded_at: datetime) -> None:
    """Create or overwrite how spreadsheets call their columns: `name`, `kind`, and `columns` (column -> header)."""
    bulk.put(SheetLayout, key=["name", "kind"], rows=[{**row, "recorded_at": recorded_at} for row in rows])


# --- what nobody knows yet -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnknownIdentifier:
    """What a ticket named and the directory does not: `value` of a number is in the form of Usage.number_key."""

    source_code: str
    kind: str  # Identifier.Kind
    value: str


def register_provisional_line(
    *, source_code: str, kind: str, value: str, issuer: Issuer, recorded_at: datetime
) -> Line:
    """Register one unknown identifier (see register_provisional_lines) and return its line."""
    unknown = UnknownIdentifier(source_code, kind, value)
    return register_provisional_lines(unknown=[unknown], issuer=issuer, recorded_at=recorded_at)[unknown]


@transaction.atomic
def register_provisional_lines(
    *, unknown: Iterable[UnknownIdentifier], issuer: Issuer, recorded_at: datetime
) -> dict[UnknownIdentifier, Line]:
    """Give each unknown identifier a provisional line under the issuer's "unassigned" account, before the snapshot.

    Nothing is lost, and re-attaching it later with dates recomputes. Idempotent; where the identifier already names a
    line at some dates, the provisional one covers only the others, and where nobody holds that line it goes to
    "unassigned" itself. Never invoiced: the account is not billable.
    """
    wanted = {item: provisional_code(item) for item in unknown}
    account, _ = Account.objects.get_or_create(
        code=f"{issuer.code}-unassigned",
        defaults={"name": UNASSIGNED_NAME, "issuer": issuer, "billable": False, "provisional": True},
    )
    named = _spans(Identifier, "source_code", "kind", "value")
    unnamed = {
        item: bulk.outside(EVER, [*named[item.source_code, item.kind, item.value], *named["", item.kind, item.value]])
        for item in wanted
    }
    lines = {line.code: line for line in Line.objects.filter(code__startswith=PROVISIONAL_PREFIX)}
    new = [
        Line(code=code, name=item.value, provisional=True)
        for item, code in wanted.items()
        if code not in lines and unnamed[item]
    ]
    lines |= {line.code: line for line in Line.objects.bulk_create(new, batch_size=bulk.BATCH)}
    identifiers = [
        Identifier(
            source_code=item.source_code,
            kind=item.kind,
            value=item.value,
            line=lines[wanted[item]],
            **_dated(validity, recorded_at),
        )
        for item, validities in unnamed.items()
        for validity in validities
    ]
    Identifier.objects.bulk_create(identifiers, batch_size=bulk.BATCH)
    _hold(_lines_named(wanted), account=account, recorded_at=recorded_at)
    return {item: lines[code] for item, code in wanted.items() if code in lines}


def _lines_named(items: Collection[UnknownIdentifier]) -> set[int]:
    """The lines that these identifiers name at some date, provisional or not."""
    keys = {key for item in items for key in ((item.source_code, item.kind, item.value), ("", item.kind, item.value))}
    found = Identifier.objects.filter(superseded_at=None).values_list("source_code", "kind", "value", "line_id")
    return {line_id for *key, line_id in found.iterator(chunk_size=bulk.BATCH) if tuple(key) in keys}


def _hold(line_ids: set[int], *, account: Account, recorded_at: datetime) -> None:
    """Give lines to an account on the dates on which nobody holds them."""
    assigned = _spans(LineAssignment, "line_id")
    LineAssignment.objects.bulk_create(
        (
            LineAssignment(line_id=line_id, account=account, **_dated(validity, recorded_at))
            for line_id in sorted(line_ids)
            for validity in bulk.outside(EVER, assigned[line_id,])
        ),
        batch_size=bulk.BATCH,
    )


def provisional_code(item: UnknownIdentifier) -> str:
    """The code of a provisional line: says source and value, and stays unique when they are too long for a code."""
    value = f"+{item.value}" if item.kind == Identifier.Kind.NUMBER and item.value[:1].isdigit() else item.value
    code = f"{PROVISIONAL_PREFIX}{item.source_code}:{value}"
    longest = Line._meta.get_field("code").max_length or len(code)
    if len(code) <= longest and not any(sign.isspace() or sign in ",;/\\" for sign in code):
        return code
    return f"{PROVISIONAL_PREFIX}{item.source_code}:{hashlib.sha256(code.encode()).hexdigest()[:20]}"


# --- rules ---------------------------------------------------------------------------------------------------------


def cycles_of(parents: Mapping[str, str | None]) -> list[tuple[str, ...]]:
    """Every cycle of a tree given as child -> parent, as its path back to where it starts: ("a", "b", "a").

    Each cycle is given once, from its first code in alphabetical order.
    """
    seen: set[str] = set()
    cycles = []
    for start in sorted(parents):
        path: list[str] = []
        code: str | None = start
        while code and code not in seen and code in parents:
            seen.add(code)
            path.append(code)
            code = parents[code]
        if code in path:
            loop = path[path.index(code) :]
            first = loop.index(min(loop))
            loop = loop[first:] + loop[:first]
            cycles.append((*loop, loop[0]))
    return cycles


def _renamed(row: Cells, **names: str | None) -> dict[str, Any]:
    """The row under the model's names; None leaves a column out."""
    return {names.get(name, name) or "": value for name, value in row.items() if names.get(name, name) is not None}


def _parents_first(rows: Sequence[Cells]) -> list[list[Cells]]:
    """Rows in waves: each one's parent is in an earlier wave, or not among the rows. Raises AccountCycle."""
    parents = {row["code"]: row["parent"] for row in rows}
    if cycles := cycles_of(parents):
        raise AccountCycle(f"account {cycles[0][0]} is its own ancestor: {' > '.join(cycles[0])}; change a parent")
    depth: dict[str, int] = {}
    for code in parents:
        path = []
        while code in parents and code not in depth:
            path.append(code)
            code = parents[code]
        for above, node in enumerate(reversed(path), start=depth.get(code, -1) + 1):
            depth[node] = above
    waves: dict[int, list[Cells]] = defaultdict(list)
    for row in rows:
        waves[depth[row["code"]]].append(row)
    return [waves[level] for level in sorted(waves)]


def _dated(validity: _Span, recorded_at: datetime) -> dict[str, Any]:
    return {"valid_from_date": validity[0], "valid_to_date": validity[1], "recorded_at": recorded_at}


def _spans(model: type[Dated], *group: str) -> dict[tuple[Any, ...], list[_Span]]:
    """The current validities of a dated table by group."""
    spans: dict[tuple[Any, ...], list[_Span]] = defaultdict(list)
    current = model._default_manager.filter(superseded_at=None)
    for *key, first, last in current.values_list(*group, "valid_from_date", "valid_to_date").iterator(
        chunk_size=bulk.BATCH
    ):
        spans[tuple(key)].append((first, last))
    return spans


def _step_aside(
    held: Any, *, group: Sequence[str], wanted: Mapping[tuple[Any, ...], list[_Span]], recorded_at: datetime
) -> None:
    """Provisional rows keep only the dates that no wanted row of the same group takes."""
    gone: list[int] = []
    kept: list[Dated] = []
    for row in held:
        spans = wanted.get(tuple(getattr(row, name) for name in group))
        validity = (row.valid_from_date, row.valid_to_date)
        parts = bulk.outside(validity, spans) if spans else [validity]
        if parts == [validity]:
            continue
        gone.append(row.pk)
        for first, last in parts:
            row.pk, row.valid_from_date, row.valid_to_date = None, first, last
            kept.append(type(row)(**{field.attname: getattr(row, field.attname) for field in row._meta.fields}))
            kept[-1].recorded_at = recorded_at
    bulk.supersede(held.model, gone, at=recorded_at)
    held.model._default_manager.bulk_create(kept, batch_size=bulk.BATCH)


def _refuse_overlaps(model: type[Dated], *, group: Sequence[str], touched: set[tuple[Any, ...]]) -> None:
    """The validities of each touched group must follow one another. Raises Overlap."""
    for key, periods in _spans(model, *group).items():
        if key in touched and (pairs := bulk.overlapping(periods)):
            one, other = (periods[place] for place in pairs[0])
            raise Overlap(
                f"{model._meta.verbose_name} {' '.join(map(str, key))}: the row from {_said(one)} and the row from "
                f"{_said(other)} are valid at the same time; give the first one an end"
            )


def _said(span: _Span) -> str:
    return f"{span[0]}" + (f" to {span[1]}" if span[1] else "")
