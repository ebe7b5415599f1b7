"""What a collection left behind, against what its journal accepted: every ticket in one place, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Books:
    """Ids of tickets by the place they stand in. `calls` are those of calls of one ticket each."""

    calls: list[str]
    aside: list[str]
    events: list[str]
    starts: list[str]
    received: int
    in_calls: int
    quarantined: int

    def check(self, accepted: Iterable[str], *, what: str = "") -> str:
        """Every accepted ticket once, none twice, none of nowhere, and the counts say so; returns the figures."""
        expected, found = Counter(list(accepted)), Counter([*self.calls, *self.aside, *self.events])
        missing, more = expected - found, found - expected
        said = (
            f"{what}: {sum(expected.values())} accepted = {len(self.calls)} in calls + {len(self.events)} events "
            f"+ {len(self.aside)} in quarantine; {sum(missing.values())} lost, {sum(more.values())} doubled"
        )
        assert not missing, f"{said}: {sorted(missing)[:5]} are missing"
        assert not more, f"{said}: {sorted(more)[:5]} stand twice, or come from nowhere"
        counts = (self.received, self.in_calls, self.quarantined)
        assert counts == (sum(expected.values()), len(self.calls), len(self.aside)), f"{said}, but counted {counts}"
        doubled = [start for start, times in Counter(self.starts).items() if times > 1]
        assert not doubled, f"{said}: calls that begin at the same second: {doubled[:5]}"
        return said


def sealed_calls(files: Iterable[Path], source: str) -> tuple[list[str], list[str]]:
    """Ids and starts of the calls of a source in these files of the usage table."""
    frames = [pl.read_parquet(file, columns=["usage_id", "start_at", "source"]) for file in files]
    if not frames:
        return [], []
    rows = pl.concat(frames).filter(pl.col("source") == source)
    return rows["usage_id"].to_list(), [at.isoformat() for at in rows["start_at"]]
