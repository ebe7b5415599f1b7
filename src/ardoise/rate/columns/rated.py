"""The calls of a part and what is said of them, as arrays: the shared words of those who rate and those who write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from ardoise.core.rating import Section, State, Why
from ardoise.core.schema import USAGE
from ardoise.rate.columns.cells import Rows
from ardoise.rate.columns.kernel import Flags, Ints

Codes = npt.NDArray[np.int8]
REASONS = tuple(Why)
SECTIONS = tuple(Section)
STATES = tuple(State)
EXCLUDING = (Why.INTERNAL, Why.NO_DETAIL, Why.UNANSWERED, Why.INCOMING)
WHY = {reason: position for position, reason in enumerate(Why)}
assert REASONS[0] is Why.NONE and SECTIONS[0] is Section.NONE


@dataclass(slots=True)
class Calls:
    """The calls of a part, in order of account, time and usage id; `order` is where each stood in the part."""

    texts: pl.DataFrame  # as in the part: gathered once, when written
    order: npt.NDArray[np.uint32]
    span: Ints
    profile: Ints
    at_us: Ints
    talk_s: Ints
    quantity: Ints  # seconds of calls, units of anything else
    codes: Ints
    coded: Flags
    no_detail: Flags

    def keys(self, calls: Ints) -> pl.Series:
        """The number keys of some calls; none of lines whose numbers go no further."""
        keys = self.texts[USAGE.number_key].gather(self.order[calls])
        hidden = self.no_detail[calls]
        return keys.set(pl.Series(hidden), "") if hidden.any() else keys

    def printed_micros(self) -> Ints:
        """What the operator printed, 0 where it printed nothing."""
        printed = self.texts[USAGE.operator_micros].cast(pl.Int64).fill_null(0).to_numpy()
        return printed[self.order]

    def usage_ids(self, calls: Ints) -> pl.Series:
        """The usage ids of some calls."""
        return self.texts[USAGE.usage_id].gather(self.order[calls])


@dataclass(slots=True)
class Rated:
    """The answers for each call, as arrays. `row` is -1 without a price. Costs are masked by `has_cost`; that of the
    access part is the whole cost where there is no service part.
    """

    why: Codes  # position in REASONS
    row: Rows
    band: Rows
    covered_s: Ints
    allowance_id: Ints
    section: Codes  # position in SECTIONS
    amount_micros: Ints
    billed_s: Ints
    has_cost: Flags
    access_cost_micros: Ints
    service_cost_micros: Ints
    has_service: Flags
    service_micros: Ints
    promotion_id: Ints  # -1 for none
    promoted: Ints
    draws: pl.Series | None = None  # texts, as in `schema.CHARGES`; None where all are empty
    residue: pl.Series | None = None
    service_residue: pl.Series | None = None

    @classmethod
    def of(cls, calls: int) -> Rated:
        """Nothing said yet."""

        def ints() -> Ints:
            return np.zeros(calls, np.int64)

        none, false = np.full(calls, -1, np.int64), np.zeros(calls, np.bool_)
        return cls(
            why=np.zeros(calls, np.int8), row=np.full(calls, -1, np.int32), band=np.zeros(calls, np.int32),
            covered_s=ints(), allowance_id=none, section=np.zeros(calls, np.int8), amount_micros=ints(),
            billed_s=ints(), has_cost=false, access_cost_micros=ints(), service_cost_micros=ints(),
            has_service=false.copy(), service_micros=ints(), promotion_id=none.copy(), promoted=ints(),
        )  # fmt: skip


@dataclass(slots=True)
class Priced:
    """The calls of a part that a row prices and somebody answered: what allowances and promotions see of them. `at` is
    where each stands in `calls`; the other arrays have one entry each.
    """

    calls: Calls
    at: Ints
    shape: Ints  # index into `RateColumns`
    zone_id: Ints  # index into `CatalogueColumns.zone_names`
    quantity: Ints
    demand: Ints  # what they count: free units off; nothing of what takes back


def positions(reasons: Sequence[Why]) -> list[int]:
    """Their positions in REASONS."""
    return [WHY[reason] for reason in reasons]
