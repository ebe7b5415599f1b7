"""Included seconds: who may draw from what, and how a call is split between the allowance and the price list.

The month's calls are taken in the order they were answered (ties: by usage id). Each call draws its chargeable seconds
from the pools open to it, lowest priority number first, until it is covered or they are empty. What is left of it is
priced.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ardoise.core.attribution import Attribution, Attributor, in_force
from ardoise.core.snapshot import AllowanceGrant, OwnerKind, Snapshot
from ardoise.core.tariffs import Allowance, AllowanceOwner

PoolKey = tuple[int, OwnerKind, int, int]
"""(allowance id, kind of owner, owner id, root id): one counter a month. A pool never spans roots: a line that moves to
another customer leaves its counter behind."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What one owner may use of one allowance at the moment of a call."""

    key: PoolKey
    allowance: Allowance
    capacity_s: int  # seconds of the allowance x number of grants in force


@dataclass(frozen=True, slots=True)
class Draw:
    """`covered_s` seconds of a call taken from a pool."""

    allowance: Allowance
    covered_s: int


@dataclass(slots=True)
class Counters:
    """Seconds used so far, by month and pool: the only state of rating."""

    used_s: dict[tuple[str, PoolKey], int] = field(default_factory=dict)

    def draw(self, pools: Iterable[Pool], *, month: str, demand_s: int) -> tuple[Draw, ...]:
        """Take up to `demand_s` seconds from the pools in their order; what they lack stays to be priced."""
        draws = []
        for pool in pools:
            used_s = self.used_s.get((month, pool.key), 0)
            covered_s = min(demand_s, max(0, pool.capacity_s - used_s))
            if covered_s > 0:
                self.used_s[month, pool.key] = used_s + covered_s
                draws.append(Draw(pool.allowance, covered_s))
                demand_s -= covered_s
        return tuple(draws)


class AllowanceBook:
    """The grants of one snapshot, indexed by owner."""

    def __init__(self, snapshot: Snapshot, attributor: Attributor) -> None:
        self._attributor = attributor
        self.allowances: Mapping[int, Allowance] = {known.allowance_id: known for known in snapshot.allowances}
        self._grants: dict[tuple[OwnerKind, int], list[AllowanceGrant]] = {}
        for grant in snapshot.grants:
            if grant.allowance_id in self.allowances:
                self._grants.setdefault((grant.owner_kind, grant.owner_id), []).append(grant)

    def pools(self, payer: Attribution, *, at: datetime) -> tuple[Pool, ...]:
        """The pools open to a line and its account at an instant, whatever the zone, in the order they are drawn.

        A grant to an account serves its whole subtree. An allowance owned by the line has one counter a line, whoever
        was granted it; one owned by the account has one counter at the account that was granted it, or, granted to a
        line, at the account that pays for the line.
        """
        granted: dict[PoolKey, int] = {}
        owners = [(OwnerKind.LINE, payer.line_id)] if payer.line_id is not None else []
        owners += [(OwnerKind.ACCOUNT, account_id) for account_id in self._attributor.ancestors(payer.account_id)]
        for owner in owners:
            for grant in self._grants.get(owner, ()):
                if in_force(at, valid_from_at=grant.valid_from_at, valid_to_at=grant.valid_to_at):
                    key = self._counter(grant, payer)
                    if key is not None:
                        granted[key] = granted.get(key, 0) + 1
        pools = [
            Pool(key, self.allowances[key[0]], (self.allowances[key[0]].quantity or 0) * times)
            for key, times in granted.items()
        ]
        return tuple(sorted(pools, key=lambda pool: (pool.allowance.priority, pool.key)))

    def _counter(self, grant: AllowanceGrant, payer: Attribution) -> PoolKey | None:
        if self.allowances[grant.allowance_id].owner is AllowanceOwner.LINE:
            if payer.line_id is None:
                return None
            return (grant.allowance_id, OwnerKind.LINE, payer.line_id, payer.root_id)
        owner_id = grant.owner_id if grant.owner_kind is OwnerKind.ACCOUNT else payer.account_id
        return (grant.allowance_id, OwnerKind.ACCOUNT, owner_id, payer.root_id)
