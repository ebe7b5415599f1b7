"""The console's clock: read here, at the edge, and passed on. A demonstration lives on a day of its own."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def now() -> datetime:
    """This instant; noon in Paris of ARDOISE_TODAY where a demonstration set it."""
    chosen = os.environ.get("ARDOISE_TODAY", "")
    if not chosen:
        return datetime.now(UTC)
    return datetime.combine(date.fromisoformat(chosen), time(12), ZoneInfo("Europe/Paris")).astimezone(UTC)
