"""Calls as they were charged, for people who look for some of them: a filter, a page, totals, a file.

A call is its charges (access, and service for a surtaxed number) of the open table, which holds every call of a month,
billed or not; the frozen table tells which document billed it. Everything is lazy: a page of a month of a million calls
reads few columns of all rows, and all columns of fifty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from django.db.models import Q

from ardoise.access.scope import Scope
from ardoise.bill.cells import decimal, local_time, named, safe, write_sheet
from ardoise.bill.charges import RETAIL, frozen_of
from ardoise.bill.models import Document
from ardoise.catalog.models import Zone
from ardoise.core import phone
from ardoise.core.assembly import shares_in
from ardoise.core.periods import utc_months_of
from ardoise.core.schema import CHARGES, FROZEN, USAGE
from ardoise.directory.models import Account, Issuer, Line
from ardoise.directory.queries import accounts, issuers
from ardoise.store import queries as store
from ardoise.store.models import TableName

PAGE_CALLS = 50
HIDDEN = "•"  # stands for a digit that may not be shown
_ACCESS, _SERVICE = "access", "service"
_IDENTITY = (CHARGES.at, CHARGES.origin_id)


class NoSuchCall(LookupError):
    """No call of that id in that month, or none the scope may see."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What calls to keep; an empty value keeps all. `account` and `line` match a code, or a part of code or name."""

    month: str
    source: str = ""
    account: str = ""
    line: str = ""
    direction: str = ""
    status: str = ""
    state: str = ""  # priced, unpriced, excluded
    why: str = ""
    number: str = ""  # a part of the outside number, as people write numbers
    min_talk_s: int = 0
    account_code: str = ""
    asked: str = ""  # extension that the caller asked for
    obtained: str = ""  # extension that had the call in the end
    transferred: str = ""  # yes, no


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks: the issuers seen, and those whose outside numbers may be read in full now."""

    scope: Scope
    numbers: Scope = Scope(frozenset())  # noqa: RUF009 - a frozen value


@dataclass(frozen=True, slots=True)
class Sum:
    """An amount in micros of one currency and basis (ht or ttc): they are never added together."""

    currency: str
    tax_basis: str
    micros: int


@dataclass(frozen=True, slots=True)
class CallTotals:
    calls: int
    talk_s: int
    sums: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as charged. `number` is ready to be shown: readable, masked unless the viewer may see it."""

    usage_id: str
    month: str
    local: datetime  # in the issuer's zone
    source: str
    issuer: str
    account: Account | None
    line: Line | None
    direction: str
    status: str
    number: str
    category: str
    zone_fr: str
    zone_en: str
    talk_s: int
    billed_s: int
    covered_s: int
    state: str
    why: str
    amount_micros: int | None  # access and service together; None = not priced
    currency: str
    tax_basis: str
    account_code: str
    document_id: int | None


@dataclass(frozen=True, slots=True)
class CallPage:
    calls: list[Call]
    totals: CallTotals
    page: int
    pages: int


def months(scope: Scope) -> list[str]:
    """Months that have calls, latest first (months are no secret: every scope sees the same)."""
    return sorted(store.months_of(TableName.OPEN), reverse=True)


def reasons(scope: Scope, month: str) -> list[tuple[str, str]]:
    """(state, why) pairs that calls of the month have, in order: what the filter can offer."""
    pairs = _usage(scope, month).select(CHARGES.state, CHARGES.why).unique().collect()
    return sorted(pairs.iter_rows())


def page(viewer: Viewer, wanted: CallFilter, *, page: int = 1, size: int = PAGE_CALLS) -> CallPage:
    """A page of the calls of a filter, latest first, with the totals of all of them; a page too far is the last one."""
    found = _matching(viewer, wanted)
    heads = found.filter(pl.col(CHARGES.part) == _ACCESS).select(_IDENTITY)
    summed = _totals(found)
    pages = max(1, -(-summed.calls // size))
    page = min(max(1, page), pages)
    chosen = heads.sort(_IDENTITY, descending=True).slice((page - 1) * size, size).collect()
    return CallPage(_rows(viewer, wanted.month, chosen), summed, page, pages)


def totals(viewer: Viewer, wanted: CallFilter) -> CallTotals:
    """Calls, conversation and amounts of a filter."""
    return _totals(_matching(viewer, wanted))


def call(viewer: Viewer, *, month: str, usage_id: str) -> Call:
    """One call. Raises NoSuchCall."""
    chosen = (
        _usage(viewer.scope, month)
        .filter((pl.col(CHARGES.origin_id) == usage_id) & (pl.col(CHARGES.part) == _ACCESS))
        .select(_IDENTITY)
        .collect()
    )
    found = _rows(viewer, month, chosen)
    if not found:
        raise NoSuchCall(f"no call {usage_id} in {month} that you can see; look for it in the list of calls")
    return found[0]


@dataclass(frozen=True, slots=True)
class Conversation:
    """What the PBX says of the extensions of a call."""

    asked: str
    obtained: str
    transferred: bool
    shares: dict[str, int]  # seconds by extension, in the order of the call; `core.assembly.VOICEMAIL` for a mailbox


def conversation(scope: Scope, *, month: str, usage_id: str) -> Conversation | None:
    """Who had a call and how long; None when its usage is gone (retention) or its call may not be seen."""
    if not charges_of(scope, month=month, usage_id=usage_id):
        return None
    wanted = (USAGE.asked, USAGE.obtained, USAGE.transferred, USAGE.shares)
    rows = _said_of(month, wanted, pl.col(USAGE.usage_id) == usage_id).collect().to_dicts()
    if not rows:
        return None
    row = rows[0]
    return Conversation(
        row[USAGE.asked], row[USAGE.obtained], row[USAGE.transferred], shares_in(row[USAGE.shares] or "")
    )


def charges_of(scope: Scope, *, month: str, usage_id: str) -> list[dict[str, object]]:
    """The charges of a call, every column of `core.schema.CHARGES`, access before service."""
    found = _usage(scope, month).filter(pl.col(CHARGES.origin_id) == usage_id).sort(CHARGES.part).collect()
    return found.to_dicts()


def write_csv(viewer: Viewer, wanted: CallFilter, path: Path, *, french: bool) -> int:
    """Write every call of a filter, in time order, as a file spreadsheets open at once; returns how many.

    French: semicolons and decimal commas; else commas and points. UTF-8 with its mark. A text never starts a formula.
    """
    return _write(viewer, _matching(viewer, wanted), path, french=french)


def write_document_csv(viewer: Viewer, row: Document, path: Path, *, french: bool) -> int:
    """The calls billed by a document, in time order; those that a bill may not list (CPCE D98-8) are absent."""
    found = frozen_of([row]).filter(pl.col(CHARGES.origin_kind) == "usage")
    categories = found.select(CHARGES.number_category).unique().collect().to_series()
    hidden = [category for category in categories if phone.hidden_on_bills(category)]
    return _write(viewer, found.filter(~pl.col(CHARGES.number_category).is_in(hidden)), path, french=french)


def shown(number_key: str, *, full: bool) -> str:
    """An outside number as people read it, its last four digits hidden unless `full`."""
    readable = phone.display(number_key)
    return readable if full else phone.mask(readable).replace("x", HIDDEN)


def reads_numbers(viewer: Viewer, issuer_id: int) -> bool:
    """Whether the viewer may read outside numbers of this issuer's calls in full, now."""
    return bool(_full_issuers(viewer, Issuer.objects.filter(pk=issuer_id)))


def _usage(scope: Scope, month: str) -> pl.LazyFrame:
    """What customers pay for their calls; what resellers pay for the same ones stands at levels of its own."""
    calls = (pl.col(CHARGES.origin_kind) == "usage") & (pl.col(CHARGES.level) == RETAIL)
    if scope.issuer_codes is not None:
        calls &= pl.col(CHARGES.issuer_id).is_in(_issuer_ids(scope))
    return store.scan(TableName.OPEN, [month], filter=calls)


def _issuer_ids(scope: Scope) -> list[int]:
    return list(issuers(scope).values_list("pk", flat=True))


def _matching(viewer: Viewer, wanted: CallFilter) -> pl.LazyFrame:
    tests = [*_exact(wanted), *_of_accounts(viewer.scope, wanted), *_of_lines(wanted)]
    if wanted.min_talk_s:
        tests.append(pl.col(CHARGES.talk_s) >= wanted.min_talk_s)
    if wanted.account_code:
        tests.append(pl.col(CHARGES.account_code).str.contains(wanted.account_code, literal=True))
    if wanted.number.strip():
        tests.append(_number_contains(viewer, wanted.number))
    found = _usage(viewer.scope, wanted.month)
    if said := _of_conversation(wanted):
        ids = _said_of(wanted.month, (USAGE.usage_id,), reduce(and_, said))
        found = found.join(ids, left_on=CHARGES.origin_id, right_on=USAGE.usage_id, how="semi")
    return found.filter(reduce(and_, tests)) if tests else found


def _said_of(month: str, columns: Sequence[str], wanted: pl.Expr) -> pl.LazyFrame:
    """Columns that usage has and charges do not: what the PBX says of the extensions of a call."""
    return store.scan(TableName.USAGE, utc_months_of(month), columns, wanted)


def _of_conversation(wanted: CallFilter) -> list[pl.Expr]:
    values = {USAGE.asked: wanted.asked.strip(), USAGE.obtained: wanted.obtained.strip()}
    tests = [pl.col(name) == value for name, value in values.items() if value]
    if wanted.transferred:
        tests.append(pl.col(USAGE.transferred) == (wanted.transferred == "yes"))
    return tests


def _exact(wanted: CallFilter) -> list[pl.Expr]:
    values = {
        CHARGES.source: wanted.source,
        CHARGES.direction: wanted.direction,
        CHARGES.status: wanted.status,
        CHARGES.state: wanted.state,
        CHARGES.why: wanted.why,
    }
    return [pl.col(name) == value for name, value in values.items() if value]


def _of_accounts(scope: Scope, wanted: CallFilter) -> list[pl.Expr]:
    """The accounts that match, and everything below them."""
    text = wanted.account.strip()
    if not text:
        return []
    parents: dict[int, list[int]] = {}
    seen = accounts(scope)
    for pk, parent_id in seen.values_list("pk", "parent_id"):
        parents.setdefault(parent_id, []).append(pk)
    exact = seen.filter(code=text)
    chosen = list(
        (exact or seen.filter(Q(code__icontains=text) | Q(name__icontains=text))).values_list("pk", flat=True)
    )
    for pk in chosen:  # grows while it is walked: children after their parents
        chosen += [child for child in parents.get(pk, ()) if child not in chosen]
    return [pl.col(CHARGES.account_id).is_in(chosen)]


def _of_lines(wanted: CallFilter) -> list[pl.Expr]:
    text = wanted.line.strip()
    if not text:
        return []
    exact = Line.objects.filter(code=text)
    found = exact or Line.objects.filter(
        Q(code__icontains=text) | Q(name__icontains=text) | Q(identifiers__value__icontains=text)
    )
    return [pl.col(CHARGES.line_id).is_in(list(found.values_list("pk", flat=True).distinct()))]


def _number_contains(viewer: Viewer, text: str) -> pl.Expr:
    """Whether the part of the number that the viewer can read contains what was typed.

    Hidden digits are not searched: a search that could see them would reveal them, digit by digit.
    """
    key = pl.col(CHARGES.number_key)
    size = key.str.len_chars()
    short = key.str.starts_with("!") | (size <= 6)
    visible = pl.when(short).then(key).otherwise(key.str.head(pl.max_horizontal(size - phone.HIDDEN_DIGITS, 0)))
    if viewer.numbers.issuer_codes is None:
        visible = key
    elif viewer.numbers.issuer_codes:
        visible = pl.when(pl.col(CHARGES.issuer_id).is_in(_issuer_ids(viewer.numbers))).then(key).otherwise(visible)
    typed = "".join(character for character in text if character.isalnum())
    if not typed:
        return pl.lit(False)
    if text.strip().startswith("+"):
        return visible.str.starts_with(typed)
    found = visible.str.contains(typed, literal=True)
    if typed.startswith("00"):
        return found | visible.str.starts_with(typed[2:])
    if typed.startswith("0"):
        return found | reduce(lambda a, b: a | b, _overseas(visible, typed[1:]))
    return found


def _overseas(visible: pl.Expr, rest: str) -> list[pl.Expr]:
    """A French national number without its 0, behind each calling code of the French plan."""
    return [visible.str.starts_with(code + rest) for code in sorted(phone.FRENCH_CODES)]


def _totals(found: pl.LazyFrame) -> CallTotals:
    access = pl.col(CHARGES.part) == _ACCESS
    rows = (
        found.group_by(CHARGES.currency, CHARGES.tax_basis, CHARGES.state)
        .agg(
            access.sum().alias("calls"),
            pl.col(CHARGES.talk_s).filter(access).sum().alias("talk_s"),
            pl.col(CHARGES.amount_micros).sum().alias("micros"),
        )
        .sort(CHARGES.currency, CHARGES.tax_basis)
        .collect()
    )
    priced = rows.filter(pl.col(CHARGES.state) == "priced")
    return CallTotals(
        calls=int(rows["calls"].sum()),
        talk_s=int(rows["talk_s"].sum()),
        sums=tuple(
            Sum(row[CHARGES.currency], row[CHARGES.tax_basis], row["micros"]) for row in priced.iter_rows(named=True)
        ),
    )


def _rows(viewer: Viewer, month: str, chosen: pl.DataFrame) -> list[Call]:
    """The chosen calls, in their order, with everything that is shown of them."""
    if chosen.is_empty():
        return []
    ids = chosen[CHARGES.origin_id]
    times = chosen[CHARGES.at]
    mine = pl.col(CHARGES.at).is_between(times.min(), times.max()) & pl.col(CHARGES.origin_id).is_in(ids.implode())
    charges = _usage(viewer.scope, month).filter(mine).collect()
    service = charges.filter(pl.col(CHARGES.part) == _SERVICE)
    surcharge = dict(service.select(CHARGES.origin_id, CHARGES.amount_micros).iter_rows())
    billed = _documents(month, mine)
    access = {row[CHARGES.origin_id]: row for row in charges.iter_rows(named=True) if row[CHARGES.part] == _ACCESS}
    names = _Names(viewer, charges)
    return [names.call(access[usage_id], surcharge.get(usage_id, 0), billed.get(usage_id)) for usage_id in ids]


def _documents(month: str, mine: pl.Expr) -> dict[str, int]:
    """The document that bills each call; the access part decides."""
    retail = (pl.col(CHARGES.part) == _ACCESS) & (pl.col(CHARGES.level) == RETAIL)
    frozen = store.standing([month], filter=mine & retail)
    return dict(frozen.select(CHARGES.origin_id, FROZEN.document_id).collect().iter_rows())


class _Names:
    """Ids of charges to the names people know, read once a page."""

    def __init__(self, viewer: Viewer, charges: pl.DataFrame) -> None:
        self.accounts = Account.objects.in_bulk(_ids(charges, CHARGES.account_id))
        self.lines = Line.objects.in_bulk(_ids(charges, CHARGES.line_id))
        self.issuers = Issuer.objects.in_bulk(_ids(charges, CHARGES.issuer_id))
        self.full = _full_issuers(viewer, self.issuers.values())
        labels = Zone.objects.filter(code__in=list(charges[CHARGES.zone].unique()))
        self.zones = {code: (fr, en) for code, fr, en in labels.values_list("code", "label_fr", "label_en")}

    def call(self, row: Mapping[str, Any], service_micros: int, document_id: int | None) -> Call:
        issuer = self.issuers[row[CHARGES.issuer_id]]
        zone_fr, zone_en = self.zones.get(row[CHARGES.zone], (row[CHARGES.zone],) * 2)
        amount = row[CHARGES.amount_micros]
        return Call(
            usage_id=row[CHARGES.origin_id],
            month=row[CHARGES.month],
            local=row[CHARGES.at].astimezone(ZoneInfo(issuer.zone)),
            source=row[CHARGES.source],
            issuer=issuer.code,
            account=self.accounts.get(row[CHARGES.account_id]),
            line=self.lines.get(row[CHARGES.line_id]),
            direction=row[CHARGES.direction],
            status=row[CHARGES.status],
            number=shown(row[CHARGES.number_key], full=issuer.pk in self.full),
            category=row[CHARGES.number_category],
            zone_fr=zone_fr,
            zone_en=zone_en,
            talk_s=row[CHARGES.talk_s],
            billed_s=row[CHARGES.billed_s],
            covered_s=row[CHARGES.covered_s],
            state=row[CHARGES.state],
            why=row[CHARGES.why],
            amount_micros=None if amount is None else amount + service_micros,
            currency=row[CHARGES.currency],
            tax_basis=row[CHARGES.tax_basis],
            account_code=row[CHARGES.account_code],
            document_id=document_id,
        )


def _full_issuers(viewer: Viewer, known: Iterable[Issuer]) -> frozenset[int]:
    codes = viewer.numbers.issuer_codes
    return frozenset(issuer.pk for issuer in known if codes is None or issuer.code in codes)


def _ids(charges: pl.DataFrame, column: str) -> list[int]:
    return charges[column].drop_nulls().unique().to_list()


# --- the file ---------------------------------------------------------------------------------------------------------

_HEADINGS_FR = (
    "date et heure", "source", "compte", "poste", "sens", "issue", "numéro", "zone", "durée (s)", "durée facturée (s)",
    "durée incluse (s)", "état", "motif", "part", "montant", "devise", "base", "code affaire", "identifiant",
)  # fmt: skip
_HEADINGS_EN = (
    "date and time", "source", "account", "line", "direction", "outcome", "number", "zone", "duration (s)",
    "billed duration (s)", "included duration (s)", "state", "reason", "part", "amount", "currency", "basis",
    "account code", "id",
)  # fmt: skip
_FILE_COLUMNS = (
    CHARGES.at, CHARGES.source, CHARGES.issuer_id, CHARGES.account_id, CHARGES.line_id, CHARGES.direction,
    CHARGES.status, CHARGES.number_key, CHARGES.zone, CHARGES.talk_s, CHARGES.billed_s, CHARGES.covered_s,
    CHARGES.state, CHARGES.why, CHARGES.part, CHARGES.amount_micros, CHARGES.currency, CHARGES.tax_basis,
    CHARGES.account_code, CHARGES.origin_id,
)  # fmt: skip


def _write(viewer: Viewer, found: pl.LazyFrame, path: Path, *, french: bool) -> int:
    charges = found.select(_FILE_COLUMNS).collect()
    known = Issuer.objects.in_bulk(_ids(charges, CHARGES.issuer_id))
    full = _full_issuers(viewer, known.values())
    parts = [
        _file_rows(group, known[issuer_id], full=issuer_id in full, french=french)
        for (issuer_id,), group in charges.group_by(CHARGES.issuer_id)
    ]
    headings = _HEADINGS_FR if french else _HEADINGS_EN
    table = pl.concat(parts).sort("at", "id", "part") if parts else None
    written = table.drop("at") if table is not None else pl.DataFrame(schema=dict.fromkeys(headings, pl.String))
    write_sheet(written, headings, path, french=french)
    return written.height


def _file_rows(charges: pl.DataFrame, issuer: Issuer, *, full: bool, french: bool) -> pl.DataFrame:
    keys = charges[CHARGES.number_key].unique().to_list()
    lines = Line.objects.filter(pk__in=_ids(charges, CHARGES.line_id)).values_list("pk", "code")
    codes = Account.objects.filter(pk__in=_ids(charges, CHARGES.account_id)).values_list("pk", "code")
    return charges.select(
        pl.col(CHARGES.at).alias("at"),
        local_time(CHARGES.at, issuer.zone, french=french).alias("local"),
        CHARGES.source,
        named(CHARGES.account_id, codes).alias("account"),
        named(CHARGES.line_id, lines).alias("line"),
        CHARGES.direction,
        CHARGES.status,
        named(CHARGES.number_key, [(key, shown(key, full=full)) for key in keys]),
        safe(pl.col(CHARGES.zone)).alias(CHARGES.zone),
        CHARGES.talk_s,
        CHARGES.billed_s,
        CHARGES.covered_s,
        CHARGES.state,
        CHARGES.why,
        pl.col(CHARGES.part).alias("part"),
        decimal(pl.col(CHARGES.amount_micros), "," if french else ".").alias("amount"),
        CHARGES.currency,
        CHARGES.tax_basis,
        safe(pl.col(CHARGES.account_code)).alias(CHARGES.account_code),
        pl.col(CHARGES.origin_id).alias("id"),
    )
