"""Who pays, for a month of calls: the scalar's attribution asked once for each distinct question, not once a call.

A question is (source, charged, party, ddi). Its answer may change during the month at the borders that concern it (its
identifiers, the assignments of their lines, the grants of the accounts): between two such borders lies one *span*, and
everything that depends on the directory and not on the number is a column of spans.

An account that resells to the payer is charged for the same calls: it has a span of its own, *above* the payer's, and
each call is there once more, in the part of the reseller's root.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

import numpy as np
import polars as pl

from ardoise.core.allowances import RETAIL, Pool
from ardoise.core.attribution import Attribution, NoLine
from ardoise.core.calendars import month_bounds
from ardoise.core.promotions import Offer
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import AllowanceGrant, IdentifierKind, OwnerKind, PromotionGrant, Snapshot
from ardoise.core.tariffs import Allowance, AllowanceOwner
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.epochs import instants_us
from ardoise.rate.columns.kernel import Flags, Ints

QUESTION = (USAGE.source, USAGE.charged, USAGE.party, USAGE.ddi)

Question = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """One answer. `payer` is a NoLine when nobody can be named. `level` is that of `core.rating`."""

    payer: Attribution | NoLine
    price_class: int
    pools_id: int
    prices_internal: bool
    offers_id: int = 0
    level: str = RETAIL


@dataclass(frozen=True, slots=True)
class SpanColumns:
    """The spans as arrays, indexed by span id; -1 where a span has no payer or no line (never written)."""

    root_id: Ints
    account_id: Ints
    issuer_id: Ints
    line_id: Ints
    price_class: Ints
    billable: Flags
    no_detail: Flags
    prices_internal: Flags
    pools_id: Ints
    offers_id: Ints
    rule: Ints  # position in `rules`
    rules: list[str]
    level: Ints  # position in `levels`
    levels: list[str]  # the customer's first


class Windows:
    """The month as each source lives it: in the zone of its issuer; UTC for a source that the snapshot does not
    know.
    """

    def __init__(self, snapshot: Snapshot, *, month: str) -> None:
        self.month = month
        zones = {source.code: snapshot.issuers_zone.get(source.issuer_id, "UTC") for source in snapshot.sources}
        self._of_source = {code: month_bounds(month, zone) for code, zone in zones.items()}
        self._unknown = month_bounds(month, "UTC")
        bounds = (*self._of_source.values(), self._unknown)
        self.from_at = min(start for start, _ in bounds)
        self.to_at = max(end for _, end in bounds)

    def inside(self, sources: Sequence[str], source: Ints, at_us: Ints) -> Flags:
        """Which calls were answered in the month; `source` is a position in `sources`."""
        bounds = [self._of_source.get(code, self._unknown) for code in sources]
        starts, ends = instants_us(start for start, _ in bounds), instants_us(end for _, end in bounds)
        if len(set(bounds)) == 1:
            return (at_us >= starts[0]) & (at_us < ends[0])
        return (at_us >= starts[source]) & (at_us < ends[source])


class Payers:
    """Answers every question of one month; grows as chunks of usage arrive, from several threads."""

    def __init__(self, compiled: CompiledSnapshot, catalogue: CatalogueColumns, *, windows: Windows) -> None:
        self._compiled = compiled
        self._catalogue = catalogue
        self._period = (windows.from_at, windows.to_at)
        self._month = windows.month
        self._borders = _Borders(compiled.snapshot)
        self._lock = Lock()
        self._questions: dict[Question, tuple[int, tuple[int, ...]]] = {}  # first span, starts of the next ones
        self.spans: list[Span] = []
        self._above: list[dict[int, int]] = []  # for each rank of resellers: span of the customer -> theirs
        self.pools: list[tuple[Pool, ...]] = [()]
        self._pools_ids: dict[object, int] = {(): 0}
        self.offers: list[tuple[Offer, ...]] = [()]
        self._offers_ids: dict[object, int] = {(): 0}

    def spans_of(self, asked: pl.DataFrame, at_us: Ints) -> Ints:
        """The span id of each call, from the columns of its question. Usage is stored by identifier: equal questions
        follow each other, and only the first of each run is looked at.
        """
        if not asked.height:
            return np.zeros(0, np.int64)
        changes = asked.select(
            pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in QUESTION).fill_null(True)
        )
        changed = changes.to_series().to_numpy()
        heads = np.flatnonzero(changed)
        answers, position = self._answers(asked[heads])
        run = np.cumsum(changed) - 1
        if position is not None:
            run = position[run]
        spans = np.array([first for first, _ in answers], np.int64)[run]
        for number in range(max(len(starts) for _, starts in answers)):
            start = np.array([starts[number] if number < len(starts) else _NEVER for _, starts in answers], np.int64)
            spans += at_us >= start[run]
        return spans

    def _answers(self, heads: pl.DataFrame) -> tuple[list[tuple[int, tuple[int, ...]]], Ints | None]:
        """The answers to distinct questions, and the position of each head among them (None: its own)."""
        position = None
        if heads.height > 10_000:  # not stored by identifier: the same questions come again and again
            distinct = heads.unique(maintain_order=True)
            named = distinct.with_row_index("position")
            position = heads.join(named, on=list(QUESTION), how="left", maintain_order="left")["position"].to_numpy()
            heads = distinct
        with self._lock:
            return [self._question(row) for row in heads.iter_rows()], position

    def _question(self, question: Question) -> tuple[int, tuple[int, ...]]:
        known = self._questions.get(question)
        if known is None:
            from_at, to_at = self._period
            starts = sorted(at for at in self._borders.of(question, self._compiled) if from_at < at < to_at)
            known = (len(self.spans), tuple(instants_us(starts).tolist()) if starts else ())
            self._questions[question] = known
            self.spans += [self._answer(question, at) for at in (from_at, *starts)]
            for number, at in enumerate((from_at, *starts), start=known[0]):
                self._climb(number, at)
        return known

    def _climb(self, number: int, at: datetime) -> None:
        """Spans of those who resell to the payer of a span."""
        span = self.spans[number]
        if isinstance(span.payer, NoLine):
            return
        for rank, (level, payer) in enumerate(self._compiled.levels(span.payer)[1:]):
            if rank == len(self._above):
                self._above.append({})
            self._above[rank][number] = len(self.spans)
            own = self._of_payer(payer, at, prices_internal=span.prices_internal)
            self.spans.append(replace(own, level=level))

    def above(self, spans: Ints) -> Iterator[tuple[Flags, Ints]]:
        """For each rank of resellers: which calls have one, and the spans of those calls."""
        for rank in range(len(self._above)):
            with self._lock:
                known = np.full(len(self.spans), -1, np.int64)
                known[list(self._above[rank])] = list(self._above[rank].values())
            charged = known[spans]
            yield charged >= 0, charged[charged >= 0]

    def _answer(self, question: Question, at: datetime) -> Span:
        source, charged, party, ddi = question
        payer = self._compiled.attributor.named(source=source, charged=charged, party=party, ddi=ddi, at=at)
        if isinstance(payer, NoLine):
            return Span(payer, 0, 0, False)
        return self._of_payer(payer, at, prices_internal=self._compiled.sources[source].prices_internal)

    def _of_payer(self, payer: Attribution, at: datetime, *, prices_internal: bool) -> Span:
        """What is found for a payer, whatever its rank."""
        price_class = self._catalogue.price_class(payer)
        return Span(payer, price_class, self._pools(payer, at), prices_internal, self._offers(payer, at))

    def _pools(self, payer: Attribution, at: datetime) -> int:
        if not self._borders.granted(payer, self._compiled):
            return 0
        pools = self._compiled.allowances.pools(payer, at=at, month=self._month)
        name = tuple((pool.key, pool.capacity_s, pool.earned) for pool in pools)
        number = self._pools_ids.setdefault(name, len(self.pools))
        if number == len(self.pools):
            self.pools.append(pools)
        return number

    def _offers(self, payer: Attribution, at: datetime) -> int:
        offers = self._compiled.charging.promotions.of(payer, at=at).all
        number = self._offers_ids.setdefault(tuple([offer.key for offer in offers]), len(self.offers))
        if number == len(self.offers):
            self.offers.append(offers)
        return number

    def roots(self, spans: Ints) -> Ints:
        """The root of each call, -1 of those that nobody pays."""
        known = np.flatnonzero(np.bincount(spans))
        payers = [self.spans[number].payer for number in known.tolist()]
        roots = np.array([payer.root_id if isinstance(payer, Attribution) else -1 for payer in payers], np.int64)
        of_span = np.full(int(known[-1]) + 1 if len(known) else 0, -1, np.int64)
        of_span[known] = roots
        return of_span[spans]

    def columns(self) -> SpanColumns:
        """All spans met so far, as arrays."""
        payers = [span.payer if isinstance(span.payer, Attribution) else None for span in self.spans]
        rules = sorted({"", *(payer.identifier_rule for payer in payers if payer is not None)})
        levels = [RETAIL, *sorted({span.level for span in self.spans} - {RETAIL})]

        def ints(values: Iterable[int | None]) -> Ints:
            return np.array([-1 if value is None else value for value in values], np.int64)

        return SpanColumns(
            root_id=ints(None if payer is None else payer.root_id for payer in payers),
            account_id=ints(None if payer is None else payer.account_id for payer in payers),
            issuer_id=ints(None if payer is None else payer.issuer_id for payer in payers),
            line_id=ints(None if payer is None else payer.line_id for payer in payers),
            price_class=ints(span.price_class for span in self.spans),
            billable=np.array([payer is not None and payer.billable for payer in payers], np.bool_),
            no_detail=np.array([payer is not None and payer.no_detail for payer in payers], np.bool_),
            prices_internal=np.array([span.prices_internal for span in self.spans], np.bool_),
            pools_id=ints(span.pools_id for span in self.spans),
            offers_id=ints(span.offers_id for span in self.spans),
            rule=np.array([rules.index("" if payer is None else payer.identifier_rule) for payer in payers], np.int64),
            rules=rules,
            level=np.array([levels.index(span.level) for span in self.spans], np.int64),
            levels=levels,
        )


_NEVER = np.iinfo(np.int64).max


class _Borders:
    """For each record of the directory, the instants at which what hangs on it may change. Tariffs are not here: they
    change by epoch, for all at once.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._grants: dict[tuple[OwnerKind, int], set[datetime]] = defaultdict(set)
        self._lines: dict[int, set[datetime]] = defaultdict(set)
        self._accounts: dict[int, set[int]] = defaultdict(set)
        self._of_account: dict[int, set[datetime]] = defaultdict(set)
        self._identifiers: dict[tuple[str, IdentifierKind, str], set[datetime]] = defaultdict(set)
        self._named: dict[tuple[str, IdentifierKind, str], set[int]] = defaultdict(set)
        self._owners = {(grant.owner_kind, grant.owner_id) for grant in snapshot.grants}
        granted: list[AllowanceGrant | PromotionGrant] = [*snapshot.grants, *snapshot.promotion_grants]
        for grant in granted:
            self._grants[grant.owner_kind, grant.owner_id] |= _ends(grant.valid_from_at, grant.valid_to_at)
        for assignment in snapshot.assignments:
            ends = _ends(assignment.valid_from_at, assignment.valid_to_at)
            self._lines[assignment.line_id] |= ends
            self._accounts[assignment.line_id].add(assignment.account_id)
        self._share(snapshot)
        by_id = {known.allowance_id: known for known in snapshot.allowances}
        self._allowances: dict[tuple[OwnerKind, int], list[Allowance]] = {}
        for owner_kind, owner_id, allowance_id in {
            (known.owner_kind, known.owner_id, known.allowance_id): None for known in snapshot.grants
        }:
            if allowance_id in by_id:
                self._allowances.setdefault((owner_kind, owner_id), []).append(by_id[allowance_id])
        for identifier in snapshot.identifiers:
            key = (identifier.source, identifier.kind, identifier.value)
            self._identifiers[key] |= _ends(identifier.valid_from_at, identifier.valid_to_at)
            self._named[key].add(identifier.line_id)

    def _share(self, snapshot: Snapshot) -> None:
        """What other lines bring to the pool of an account changes with their grants and when they come and go."""
        pools = {known.allowance_id for known in snapshot.allowances if known.owner is AllowanceOwner.POOL}
        granted = (grant for grant in snapshot.grants if grant.allowance_id in pools)
        lines = {grant.owner_id for grant in granted if grant.owner_kind is OwnerKind.LINE}
        for line_id in lines:
            borders = self._grants[OwnerKind.LINE, line_id] | self._lines.get(line_id, set())
            if borders:
                for account_id in self._accounts.get(line_id, ()):
                    self._of_account[account_id] |= borders

    def of(self, question: Question, compiled: CompiledSnapshot) -> set[datetime]:
        """Every instant at which the answer to a question may change."""
        source, charged, party, ddi = question
        borders: set[datetime] = set()
        lines: set[int] = set()
        extension, number = IdentifierKind.EXTENSION, IdentifierKind.NUMBER
        for kind, value in ((extension, charged), (extension, party), (number, ddi)):
            for owner in (source, "") if value else ():
                key = (owner, kind, value)
                if key in self._named:
                    borders |= self._identifiers[key]
                    lines |= self._named[key]
        for line_id in lines:
            borders |= self._lines.get(line_id, _NONE) | self._grants.get((OwnerKind.LINE, line_id), _NONE)
            for account_id in self._accounts.get(line_id, ()):
                for payer_id in (account_id, *compiled.resellers(account_id)):
                    issuer_id = compiled.attributor.accounts[payer_id].issuer_id
                    borders |= self._grants.get((OwnerKind.ISSUER, issuer_id), _NONE)
                    accounts = compiled.attributor.ancestors(payer_id)
                    owners = [(OwnerKind.ACCOUNT, known) for known in accounts]
                    borders = borders.union(*(self._grants.get(owner, _NONE) for owner in owners))
                    if self._contested([(OwnerKind.LINE, line_id), *owners]):
                        borders = borders.union(*(self._of_account.get(known, _NONE) for known in accounts))
        return borders

    def _contested(self, owners: Iterable[tuple[OwnerKind, int]]) -> bool:
        """Whether lots of one priority with a pool among them may be open to one call: which is drawn first then
        depends on what the lines of the pool were granted until when.
        """
        known = [allowance for owner in owners for allowance in self._allowances.get(owner, ())]
        return any(
            len([other for other in known if other.priority == pool.priority and other.zones & pool.zones]) > 1
            for pool in known
            if pool.owner is AllowanceOwner.POOL
        )

    def granted(self, payer: Attribution, compiled: CompiledSnapshot) -> bool:
        """Whether any allowance is granted to a payer or above it, at any moment."""
        if (OwnerKind.LINE, payer.line_id) in self._owners:
            return True
        return any(
            (OwnerKind.ACCOUNT, known) in self._owners for known in compiled.attributor.ancestors(payer.account_id)
        )


_NONE: frozenset[datetime] = frozenset()


def _ends(valid_from_at: datetime | None, valid_to_at: datetime | None) -> set[datetime]:
    return {at for at in (valid_from_at, valid_to_at) if at is not None}
