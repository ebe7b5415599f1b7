"""What others do with the same calls and the same tariffs.

Each peer is one module with a function `rate(task) -> Rated`: it loads the directory and the tariffs in the form that
suits it (`prepare_s`), then prices every call of the usage files (`rate_s`), and gives its `Answer`. Only `rate_s` is
measured, which is to a peer's advantage: our own time holds the compilation of the tariffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from ardoise.rate.bench.peers.common import Rated, Task


@dataclass(frozen=True, slots=True)
class Peer:
    """`most_calls`: a larger month is put to it by the calls of some customers, whole, about so many. `everything`: it
    also knows promotions, limits on distinct callees and calls cut at band borders; the others are given the same calls
    and tariffs without them.
    """

    module: str
    what: str
    most_calls: int
    everything: bool = False

    def rate(self, task: Task) -> Rated:
        module = import_module(f"{__name__}.{self.module}")
        rated: Rated = module.rate(task)
        return rated


PEERS: Mapping[str, Peer] = {
    "duckdb": Peer("duck", "SQL, ASOF join, Parquet to Parquet", 5_000_000),
    "loop": Peer("loop", "Python, Decimal, a call at a time", 200_000, everything=True),
    "postgresql": Peer("postgres", "prefix extension, table to table", 200_000),
    "sqlite": Peer("lite", "indexed prefixes, table to table", 200_000),
}
ALWAYS = ("duckdb", "loop")
