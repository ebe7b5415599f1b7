"""What the columns leave to the scalar: whole customers, call by call, in the order in which they draw.

A customer's allowances and promotions are shared by all its calls of the month, so that one call that the columns
cannot rate takes the calls of its root with it. What the scalar says of a call is put back among the arrays of `Rated`:
the rows of a part have one order, whoever rated them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np

from ardoise.core.allowances import Counters, Held, HeldKey, covered_of, draws_text
from ardoise.core.attribution import Attribution
from ardoise.core.rating import CompiledSnapshot, RatedPart, State
from ardoise.rate.columns.amounts import with_texts
from ardoise.rate.columns.catalogue import CatalogueColumns
from ardoise.rate.columns.kernel import Counts, Flags, Ints
from ardoise.rate.columns.payers import Payers
from ardoise.rate.columns.rated import REASONS, SECTIONS, Calls, Rated
from ardoise.rate.columns.usages import Labels, usages_of


def reasons_of(compiled: CompiledSnapshot, payers: Payers) -> dict[int, str]:
    """Root -> why the columns cannot rate its calls, of those that they cannot."""
    return {}


class ScalarCustomers:
    """The customers whose calls go through `CompiledSnapshot.rate_level`, and what their calls used."""

    def __init__(
        self,
        compiled: CompiledSnapshot,
        *,
        month: str,
        payers: Payers,
        labels: Sequence[Labels],
        catalogue: CatalogueColumns,
        held: Mapping[HeldKey, Held],
        counts: Counts,
    ) -> None:
        self._compiled, self._month, self._held, self._counts = compiled, month, held, counts
        self._catalogue = catalogue
        self._spans = payers.spans
        self._labels = labels
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
        usages = usages_of(calls, chosen, self._labels)
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
