"""What the columns leave to the scalar: whole customers, call by call, in the order in which they draw.

A customer's allowances and promotions are shared by all its calls of the month, so that one call that the columns
cannot rate takes the calls of its root with it. What the scalar says of a call is put back among the arrays of `Rated`:
the rows of a part have one order, whoever rated them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

import numpy as np

from ardoise.core.allowances import Counters, Held, HeldKey, covered_of, draws_text
from ardoise.core.attribution import Attribution
from ardoise.core.rating import CompiledSnapshot, RatedPart, State
from ardoise.core.schema import USAGE
from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import BandBorder
from ardoise.core.usage import CallStatus, Direction, Usage, UsageKind
from ardoise.rate.columns.amounts import with_texts
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.frames import Profiles
from ardoise.rate.columns.kernel import Counts, Flags, Ints
from ardoise.rate.columns.payers import Payers
from ardoise.rate.columns.rated import REASONS, SECTIONS, Calls, Rated

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Labels:
    """The labels of a profile, as the scalar takes them."""

    source: str
    direction: Direction
    status: CallStatus
    number_category: str
    trunk: str
    account_code: str
    flags: str
    kind: UsageKind
    origin: str


def labels_of(profiles: Profiles) -> list[_Labels]:
    """The labels of each profile."""
    names = (
        USAGE.source, USAGE.direction, USAGE.status, USAGE.number_category, USAGE.trunk, USAGE.account_code,
        USAGE.flags, USAGE.kind, USAGE.origin,
    )  # fmt: skip
    return [
        _Labels(source, Direction(direction), CallStatus(status), category, trunk, code, flags, UsageKind(kind), origin)
        for source, direction, status, category, trunk, code, flags, kind, origin in zip(
            *(profiles.texts(name) for name in names), strict=True
        )
    ]


def reasons_of(compiled: CompiledSnapshot, payers: Payers) -> dict[int, str]:
    """Root -> why the columns cannot rate its calls, of those that they cannot."""
    found = {}
    every = _unknown_feature(compiled.snapshot)
    for span in payers.spans:
        if not isinstance(span.payer, Attribution):
            continue
        if every:
            found[span.payer.root_id] = every
    return found


def _unknown_feature(snapshot: Snapshot) -> str:
    """What the columns do not know, in a whole snapshot."""
    if len({tariff.currency for tariff in snapshot.tariffs}) > 1:
        return "exchange"
    for tariff in snapshot.tariffs:
        if tariff.band_border is not BandBorder.START:
            return "borders"
        for version in tariff.versions:
            for rate in version.rates:
                if rate.coefficient is not None:
                    return "coefficient"
    return ""


class ScalarCustomers:
    """The customers whose calls go through `CompiledSnapshot.rate_level`, and what their calls used."""

    def __init__(
        self,
        compiled: CompiledSnapshot,
        *,
        month: str,
        payers: Payers,
        profiles: Profiles,
        catalogue: CatalogueColumns,
        held: Mapping[HeldKey, Held],
        counts: Counts,
    ) -> None:
        self._compiled, self._month, self._held, self._counts = compiled, month, held, counts
        self._catalogue = catalogue
        self._spans = payers.spans
        self._labels = labels_of(profiles)
        reasons = reasons_of(compiled, payers)
        self._names = ["", *sorted(set(reasons.values()))]
        payer_of = [span.payer for span in self._spans]
        self._root_of = np.array([known.root_id if isinstance(known, Attribution) else -1 for known in payer_of])
        self._of_span = np.array(
            [self._names.index(reasons.get(root, "")) for root in self._root_of.tolist()], np.int16
        )
        self._lock = Lock()
        self.counters = Counters()

    def chosen(self, calls: Calls) -> Flags:
        """Which calls of a part the scalar rates."""
        why = self._of_span[calls.span]
        for number, count in enumerate(np.bincount(why, minlength=1).tolist()):
            if number:
                self._counts.add(self._names[number], count)
        return why > 0

    def rate(self, calls: Calls, chosen: Ints, rated: Rated) -> None:
        """Put the charges of the chosen calls into `rated`; all calls of their roots are among them."""
        usages = self._usages(calls, chosen)
        payers = [self._spans[number] for number in calls.span[chosen].tolist()]
        held = {usage_id for usage_id, _ in self._held}
        order = sorted(
            range(len(usages)), key=lambda at: (usages[at].usage_id not in held, usages[at].answered_at,
                                                usages[at].usage_id),
        )  # fmt: skip
        of_root: dict[int, Counters] = {}
        writer = Writer(rated, self._catalogue)
        for at in order:
            span, usage = payers[at], usages[at]
            assert isinstance(span.payer, Attribution)
            counters = of_root.setdefault(span.payer.root_id, Counters(held=self._held))
            parts = self._compiled.rate_level(
                usage, span.payer, month=self._month, level=span.level, counters=counters
            )  # fmt: skip
            writer.put(int(chosen[at]), parts)
        writer.end()
        with self._lock:
            for known in of_root.values():  # a counter has its root in its key: no two roots share one
                self.counters.used_s.update(known.used_s)

    def _usages(self, calls: Calls, chosen: Ints) -> list[Usage]:
        texts = calls.texts.select(
            USAGE.usage_id, USAGE.calling, USAGE.called, USAGE.number_key, USAGE.units, USAGE.operator_micros
        )[calls.order[chosen]]
        columns = zip(
            texts.iter_rows(), calls.profile[chosen].tolist(), calls.at_us[chosen].tolist(),
            calls.talk_s[chosen].tolist(), strict=True,
        )  # fmt: skip
        return [self._usage(texts, self._labels[profile], at_us, talk_s) for texts, profile, at_us, talk_s in columns]

    @staticmethod
    def _usage(texts: tuple[Any, ...], labels: _Labels, at_us: int, talk_s: int) -> Usage:
        """What rating and charges need of a usage; who it names is known already."""
        usage_id, calling, called, number_key, units, operator_micros = texts
        at = EPOCH + timedelta(microseconds=at_us)
        return Usage(
            usage_id=usage_id, source=labels.source, start_at=at, answered_at=at, direction=labels.direction,
            status=labels.status, talk_s=talk_s, ring_s=0, charged="", party="", ddi="", calling=calling, called=called,
            number_key=number_key, number_category=labels.number_category, trunk=labels.trunk,
            account_code=labels.account_code, operator_micros=operator_micros, flags=labels.flags, kind=labels.kind,
            units=units, origin=labels.origin,
        )  # fmt: skip


class Writer:
    """The parts of one call after another, as entries of the arrays of `Rated`."""

    def __init__(self, rated: Rated, catalogue: CatalogueColumns) -> None:
        self._rated, self._catalogue = rated, catalogue
        self._texts: dict[str, dict[int, str]] = {"draws": {}, "residue": {}, "service_residue": {}}

    def put(self, call: int, parts: Sequence[RatedPart]) -> None:
        rated = self._rated
        access = parts[0]
        rated.why[call] = REASONS.index(access.why)
        rated.section[call] = SECTIONS.index(access.section)
        priced = access.state is State.PRICED and access.match is not None
        rated.row[call] = self._catalogue.row_number(access.match) if priced and access.match else -1
        rated.band[call] = self._catalogue.band_names.index(access.match.band) if access.match else 0
        rated.amount_micros[call] = access.amount_micros or 0
        rated.billed_s[call] = access.billed_s
        rated.covered_s[call] = covered_of(access.draws)
        rated.allowance_id[call] = access.draws[0].allowance.allowance_id if access.draws else -1
        rated.promotion_id[call] = -1 if access.promotion is None else access.promotion.promotion_id
        rated.promoted[call] = access.promoted
        rated.has_cost[call] = access.cost_micros is not None
        rated.access_cost_micros[call] = access.cost_micros or 0
        self._texts["draws"][call] = draws_text(access.draws)
        self._texts["residue"][call] = access.residue
        rated.has_service[call] = len(parts) > 1
        if len(parts) > 1:
            service = parts[1]
            rated.service_micros[call] = service.amount_micros or 0
            rated.service_cost_micros[call] = service.cost_micros or 0
            self._texts["service_residue"][call] = service.residue

    def end(self) -> None:
        """Texts are put in at once."""
        for name, texts in self._texts.items():
            setattr(self._rated, name, with_texts(getattr(self._rated, name), texts, len(self._rated.why)))
