"""What collection hands to the rooms after it, beside the usage files."""

from __future__ import annotations

from ardoise.collect.models import Source
from ardoise.core.snapshot import SnapshotSource


def snapshot_sources() -> tuple[SnapshotSource, ...]:
    """Every source as rating sees it."""
    return tuple(
        SnapshotSource(
            source_id=source.id,
            code=source.code,
            issuer_id=source.issuer_id,
            prices_internal=source.prices_internal,
        )
        for source in Source.objects.order_by("code")
    )
