"""Snapshots made a little different: every tariff, row or allowance changed at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ardoise.core.snapshot import Snapshot
from ardoise.core.tariffs import Allowance, Rate, Tariff

Change = Callable[[Snapshot], Snapshot]


def tariffs(**fields: object) -> Change:
    return lambda snapshot: replace(snapshot, tariffs=tuple(replace(known, **fields) for known in snapshot.tariffs))


def rates(change: Callable[[Rate], Rate | None]) -> Change:
    """Each row changed, or left out (None)."""

    def of(tariff: Tariff) -> Tariff:
        versions = [
            replace(version, rates=tuple(new for known in version.rates if (new := change(known)) is not None))
            for version in tariff.versions
        ]
        return replace(tariff, versions=tuple(versions))

    return lambda snapshot: replace(snapshot, tariffs=tuple(of(known) for known in snapshot.tariffs))


def allowances(change: Callable[[Allowance], Allowance]) -> Change:
    return lambda snapshot: replace(snapshot, allowances=tuple(change(known) for known in snapshot.allowances))


def without_counters(snapshot: Snapshot) -> Snapshot:
    """Neither allowances nor promotions: each usage is priced alone."""
    return replace(snapshot, grants=(), promotion_grants=(), carried=())
