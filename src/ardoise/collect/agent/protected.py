"""The protected extensions of the central directory, as an agent keeps them: their numbers never reach its disk."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ardoise.collect.redaction import ProtectedExtension, Protection
from ardoise.store.disk import make_folder


def rows_of(protection: Protection) -> list[list[str]]:
    """As the wire has them: value, first day, day after the last ("" = still)."""
    return sorted(
        [one.value, one.valid_from_date.isoformat(), one.valid_to_date.isoformat() if one.valid_to_date else ""]
        for one in protection.extensions
    )


def file_of(home: Path, source: str) -> Path:
    return home / "agent" / f"{source}.protected.json"


def keep(home: Path, source: str, rows: Sequence[Sequence[str]]) -> None:
    """Put the list in place, whole."""
    path = file_of(home, source)
    make_folder(path.parent)
    beside = path.with_suffix(f".{os.getpid()}.part")
    beside.write_text(json.dumps(rows), encoding="utf-8")
    beside.replace(path)


def kept(home: Path, source: str) -> list[ProtectedExtension]:
    """What the central collector told; nothing where no agent runs."""
    try:
        rows = json.loads(file_of(home, source).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [
        ProtectedExtension(value, date.fromisoformat(start), date.fromisoformat(end) if end else None)
        for value, start, end in rows
    ]
