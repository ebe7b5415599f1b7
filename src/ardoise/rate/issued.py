"""What the calls of issued documents took from allowances and promotions: rated again, they keep exactly that."""

from __future__ import annotations

import polars as pl

from ardoise.core.allowances import Held, HeldKey, read_draws
from ardoise.core.schema import CHARGES
from ardoise.core.snapshot import Snapshot
from ardoise.store import queries as store

_TAKEN = (
    CHARGES.origin_id, CHARGES.level, CHARGES.allowance_id, CHARGES.covered_s, CHARGES.draws, CHARGES.promotion_id,
    CHARGES.promoted,
)  # fmt: skip


def matters(snapshot: Snapshot) -> bool:
    """Whether what is issued can change what is open: only allowances and promotions are shared between calls."""
    return bool(snapshot.grants or snapshot.promotion_grants)


def held_of(month: str, snapshot: Snapshot) -> dict[HeldKey, Held]:
    """By usage id and level, every issued call of a month, those that took nothing too: they are not asked again.

    Raises IncompleteSnapshot when a charge names an allowance that the catalogue no longer has.
    """
    allowances = {known.allowance_id: known for known in snapshot.allowances}
    promotions = {known.promotion_id: known for known in snapshot.promotions}
    access = (pl.col(CHARGES.origin_kind) == "usage") & (pl.col(CHARGES.part) == "access")
    nothing = Held()
    held = {}
    frozen = store.standing([month], filter=access & (pl.col(CHARGES.state) == "priced"))
    for usage_id, level, allowance_id, covered_s, draws, promotion_id, promoted in (
        frozen.select(_TAKEN).collect().iter_rows()
    ):
        took = nothing
        if allowance_id is not None or promotion_id is not None:
            taken = read_draws(allowances, allowance_id=allowance_id, covered_s=covered_s, draws=draws)
            promotion = None if promotion_id is None else promotions[promotion_id]
            took = Held(taken, promotion, promoted)
        held[usage_id, level] = took
    return held
