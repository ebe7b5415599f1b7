"""The usage files that a billing month is rated from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ardoise.core.periods import instants_of, month_period, utc_months_of
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.tables import ManifestFile


def usage_files(month: str) -> list[ManifestFile]:
    """The live files with a call of a local month, whatever the zone of the issuer."""
    span = _span(month)
    return [file for near in utc_months_of(month) for file in store.files(TableName.USAGE, near, between=span)]


def usage_paths(month: str) -> list[Path]:
    return [file.path for file in usage_files(month)]


def fingerprint(files: Iterable[ManifestFile]) -> str:
    """Hash of the usage files a month is rated from."""
    return hashlib.sha256("\n".join(sorted(file.sha256 for file in files)).encode()).hexdigest()


def _span(month: str) -> tuple[datetime, datetime]:
    """The instants of a local month, over the zones of all issuers: usage outside it does not concern the month."""
    zones = set(Issuer.objects.values_list("zone", flat=True)) or {"UTC"}
    spans = [instants_of(month_period(month), zone) for zone in zones]
    return min(start for start, _ in spans), max(end for _, end in spans)
