"""What a rating found, in a form that any engine can give: counts by state, and sums in micros and seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from ardoise.core.schema import CHARGES


@dataclass(frozen=True, slots=True)
class Answer:
    """Two engines agree when these are equal. `calls` counts "priced", "unpriced/no_rate", "excluded/incoming" ...;
    calls that nobody can be named for are in none of them.
    """

    calls: dict[str, int]
    amount_micros: int
    cost_micros: int
    billed_s: int
    covered_s: int

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of_states(cls, rows: Iterable[Sequence[object]]) -> Answer:
        """From rows (state, why, calls, amount, cost, billed, covered), the last four possibly empty."""
        calls: dict[str, int] = {}
        sums = [0, 0, 0, 0]
        for state, why, count, *parts in rows:
            name = f"{state}/{why}" if why else str(state)
            calls[name] = calls.get(name, 0) + int(str(count))
            sums = [known + int(str(part or 0)) for known, part in zip(sums, parts, strict=True)]
        return cls(dict(sorted(calls.items())), *sums)


SUMMED = (CHARGES.amount_micros, CHARGES.cost_micros, CHARGES.billed_s, CHARGES.covered_s)


def of_charges(files: list[Path], *, roots: Sequence[int] | None = None) -> Answer:
    """The answer that charge files hold, of some customers or of all."""
    state = [pl.col(name).cast(pl.String) for name in (CHARGES.state, CHARGES.why)]  # each file has its own categories
    kept: list[str | pl.Expr] = [*state, CHARGES.root_id, *SUMMED]
    charges = pl.concat([pl.scan_parquet(file).select(kept) for file in files])
    if roots is not None:
        charges = charges.filter(pl.col(CHARGES.root_id).is_in(list(roots)))
    states = charges.group_by(CHARGES.state, CHARGES.why).agg(
        pl.len(), *(pl.col(name).sum() for name in SUMMED)
    )  # fmt: skip
    return Answer.of_states(states.collect(engine="streaming").iter_rows())
