"""Who pays, for a month of calls: the scalar's attribution asked once for each distinct question, not once a call.

A question is (source, charged, party, ddi). Its answer may change during the month at the borders that concern it (its
identifiers, their lines, the accounts, the tariffs linked to them): between two such borders lies one *span*, and
everything that depends on the directory and not on the number is a column of spans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from ardoise.core.allowances import Pool
from ardoise.core.attribution import Attribution, NoLine, root_bucket
from ardoise.core.calendars import month_bounds
from ardoise.core.rating import CompiledSnapshot
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import IdentifierKind, OwnerKind, Snapshot
from ardoise.rate.columns.catalogue import CatalogueColumns, instants_us
from ardoise.rate.columns.kernel import Flags, Ints

QUESTION = (USAGE.source, USAGE.charged, USAGE.party, USAGE.ddi)

Question = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Span:
    """One answer. `payer` is a NoLine when nobody can be named."""

    payer: Attribution | NoLine
    chain_id: int
    cost_chain_id: int
    pools: tuple[Pool, ...]
    prices_internal: bool


@dataclass(frozen=True, slots=True)
class SpanColumns:
    """The spans as arrays, indexed by span id; -1 where a span has no payer or no line (never written)."""

    attributed: Flags
    root_id: Ints
    account_id: Ints
    issuer_id: Ints
    line_id: Ints
    chain_id: Ints
    cost_chain_id: Ints
    billable: Flags
    no_detail: Flags
    prices_internal: Flags
    pools_id: Ints
    rule: pl.Series


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

    def inside(self, usage: pl.DataFrame) -> pl.DataFrame:
        """The calls answered in the month."""
        by_bounds: dict[tuple[datetime, datetime], list[str]] = defaultdict(list)
        for code, bounds in self._of_source.items():
            by_bounds[bounds].append(code)
        source, at = pl.col(USAGE.source), pl.col(USAGE.answered_at)
        inside = ~source.is_in(list(self._of_source)) & at.is_between(*self._unknown, closed="left")
        for bounds, codes in by_bounds.items():
            inside |= source.is_in(codes) & at.is_between(*bounds, closed="left")
        return usage.filter(inside)


class Payers:
    """Answers every question of one month; grows as chunks of usage arrive."""

    def __init__(self, compiled: CompiledSnapshot, catalogue: CatalogueColumns, *, windows: Windows) -> None:
        self._compiled = compiled
        self._catalogue = catalogue
        self._from_at = windows.from_at
        self._month = windows.month
        self._borders = _Borders(compiled)
        self._instants = [at for at in compiled.change_instants if windows.from_at < at < windows.to_at]
        self._instants_us = instants_us(self._instants)
        self._position = {at: index + 1 for index, at in enumerate(self._instants)}
        self._questions: dict[Question, int] = {}
        self._span_starts: list[int] = []  # question x epochs + epoch, ascending
        self.spans: list[Span] = []
        self.pools: dict[tuple[Pool, ...], int] = {(): 0}

    def spans_of(self, usage: pl.DataFrame) -> Ints:
        """The span id of each call."""
        distinct = usage.select(QUESTION).unique()
        ids = pl.Series("question", [self._question(row) for row in distinct.iter_rows()], dtype=pl.Int64)
        asked = usage.select(QUESTION).join(
            distinct.with_columns(ids), on=list(QUESTION), how="left", maintain_order="left"
        )
        questions = asked["question"].to_numpy().astype(np.int64)
        epochs = np.searchsorted(self._instants_us, instants_of(usage), side="right")
        starts = np.array(self._span_starts, np.int64)
        return np.searchsorted(starts, questions * self._epochs + epochs, side="right") - 1

    @property
    def _epochs(self) -> int:
        return len(self._instants) + 1

    def _question(self, question: Question) -> int:
        """The id of a question; a new one is answered for each of its spans."""
        known = self._questions.get(question)
        if known is not None:
            return known
        number = self._questions[question] = len(self._questions)
        borders = self._borders.of(question)
        epochs = sorted(self._position[at] for at in borders if at in self._position)
        for epoch in (0, *epochs):
            at = self._from_at if epoch == 0 else self._instants[epoch - 1]
            self._span_starts.append(number * self._epochs + epoch)
            self.spans.append(self._answer(question, at))
        return number

    def _answer(self, question: Question, at: datetime) -> Span:
        source, charged, party, ddi = question
        compiled = self._compiled
        cost_chain_id = self._catalogue.intern(compiled.cost_chain(source, at=at))
        payer = compiled.attributor.named(source=source, charged=charged, party=party, ddi=ddi, at=at)
        if isinstance(payer, NoLine):
            return Span(payer, cost_chain_id, cost_chain_id, (), False)
        pools = compiled.allowances.pools(payer, at=at, month=self._month)
        self.pools.setdefault(pools, len(self.pools))
        chain_id = self._catalogue.intern(compiled.chain(payer, at=at))
        return Span(payer, chain_id, cost_chain_id, pools, compiled.sources[source].prices_internal)

    def columns(self) -> SpanColumns:
        """All spans met so far, as arrays."""
        payers = [span.payer if isinstance(span.payer, Attribution) else None for span in self.spans]

        def ints(values: Iterable[int | None]) -> Ints:
            return np.array([-1 if value is None else value for value in values], np.int64)

        return SpanColumns(
            attributed=np.array([payer is not None for payer in payers], np.bool_),
            root_id=ints(None if payer is None else payer.root_id for payer in payers),
            account_id=ints(None if payer is None else payer.account_id for payer in payers),
            issuer_id=ints(None if payer is None else payer.issuer_id for payer in payers),
            line_id=ints(None if payer is None else payer.line_id for payer in payers),
            chain_id=ints(span.chain_id for span in self.spans),
            cost_chain_id=ints(span.cost_chain_id for span in self.spans),
            billable=np.array([payer is not None and payer.billable for payer in payers], np.bool_),
            no_detail=np.array([payer is not None and payer.no_detail for payer in payers], np.bool_),
            prices_internal=np.array([span.prices_internal for span in self.spans], np.bool_),
            pools_id=ints(self.pools[span.pools] for span in self.spans),
            rule=pl.Series([payer.identifier_rule if payer else "" for payer in payers], dtype=pl.String),
        )

    def buckets(self, spans: Ints, *, buckets: int) -> Ints:
        """The bucket of each call, -1 for those that nobody pays."""
        of_span = np.array(
            [
                root_bucket(span.payer.root_id, buckets=buckets) if isinstance(span.payer, Attribution) else -1
                for span in self.spans
            ],
            np.int64,
        )
        return of_span[spans]


def instants_of(usage: pl.DataFrame) -> Ints:
    """`answered_at` in microseconds since 1970."""
    return usage[USAGE.answered_at].to_physical().to_numpy().astype(np.int64)


class _Borders:
    """For each record of the directory and the catalogue, the instants at which what hangs on it may change."""

    def __init__(self, compiled: CompiledSnapshot) -> None:
        snapshot = compiled.snapshot
        self._compiled = compiled
        self._versions: dict[int, set[datetime]] = defaultdict(set)
        self._owners: dict[tuple[OwnerKind, int], set[datetime]] = defaultdict(set)
        self._lines: dict[int, set[datetime]] = defaultdict(set)
        self._accounts: dict[int, set[int]] = defaultdict(set)
        self._identifiers: dict[tuple[str, IdentifierKind, str], set[datetime]] = defaultdict(set)
        self._named: dict[tuple[str, IdentifierKind, str], set[int]] = defaultdict(set)
        for tariff in snapshot.tariffs:
            for version in tariff.versions:
                self._versions[tariff.tariff_id] |= _ends(version.valid_from_at, version.valid_to_at)
        for link in snapshot.links:
            owner = (link.owner_kind, link.owner_id)
            self._owners[owner] |= _ends(link.valid_from_at, link.valid_to_at) | self._versions[link.tariff_id]
        for grant in snapshot.grants:
            self._owners[grant.owner_kind, grant.owner_id] |= _ends(grant.valid_from_at, grant.valid_to_at)
        for assignment in snapshot.assignments:
            self._lines[assignment.line_id] |= _ends(assignment.valid_from_at, assignment.valid_to_at)
            self._accounts[assignment.line_id].add(assignment.account_id)
        for identifier in snapshot.identifiers:
            key = (identifier.source, identifier.kind, identifier.value)
            self._identifiers[key] |= _ends(identifier.valid_from_at, identifier.valid_to_at)
            self._named[key].add(identifier.line_id)

    def of(self, question: Question) -> set[datetime]:
        """Every instant at which the answer to a question may change."""
        source, charged, party, ddi = question
        known = self._compiled.sources.get(source)
        owners = {(OwnerKind.SOURCE, known.source_id)} if known else set()
        borders: set[datetime] = set()
        extension, number = IdentifierKind.EXTENSION, IdentifierKind.NUMBER
        for kind, value in ((extension, charged), (extension, party), (number, ddi)):
            for owner in (source, ""):
                key = (owner, kind, value)
                borders |= self._identifiers.get(key, set())
                for line_id in self._named.get(key, ()):
                    borders |= self._lines.get(line_id, set())
                    owners |= self._payers(line_id)
        for payer in owners:
            borders |= self._owners.get(payer, set())
        return borders

    def _payers(self, line_id: int) -> set[tuple[OwnerKind, int]]:
        attributor = self._compiled.attributor
        owners = {(OwnerKind.LINE, line_id)}
        for account_id in self._accounts.get(line_id, ()):
            owners |= {(OwnerKind.ACCOUNT, ancestor) for ancestor in attributor.ancestors(account_id)}
            owners.add((OwnerKind.ISSUER, attributor.accounts[account_id].issuer_id))
        return owners


def _ends(valid_from_at: datetime | None, valid_to_at: datetime | None) -> set[datetime]:
    return {at for at in (valid_from_at, valid_to_at) if at is not None}
