"""Dropped files: which ones are complete, what refuses one, where each goes afterwards. No database here.

A folder has two sub-folders: `done/` for files that were taken, `refused/` for those of which nothing could be read,
each with a `.reason.txt` beside it. Names that begin with a dot or end in .part, .tmp, .filepart are still being
written: their sender renames them.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ardoise.collect.reading import is_blank
from ardoise.collect.redaction import Redactor
from ardoise.collect.unpack import BadArchive, unpack
from ardoise.core.usage import Leg, Unreadable
from ardoise.formats.spec import Format
from ardoise.store.disk import fsync_folder, make_folder, write_once

DONE, REFUSED = "done", "refused"
STABLE_S = 2.0  # a file whose size and time did not move for this long is complete
SAMPLE_RECORDS = 1000  # one readable ticket among these is enough to take the file

_PACKED = (".gz", ".z", ".zip")
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


@dataclass(slots=True)
class Watch:
    """One folder: remembers what its files looked like at the last look."""

    folder: Path
    pattern: str
    _looks: dict[Path, tuple[int, int, float]] = field(default_factory=dict)

    def complete(self, *, stable_s: float = STABLE_S) -> list[Path]:
        """The files that nobody writes any more, in the order of their names."""
        found = [path for path in sorted(self.folder.glob(self.pattern)) if path.is_file() and is_wanted(path.name)]
        self._looks = {path: look for path, look in self._looks.items() if path in set(found)}
        return [path for path in found if self._is_stable(path, stable_s)]

    def _is_stable(self, path: Path, stable_s: float) -> bool:
        try:
            stat = path.stat()
        except FileNotFoundError:
            return False  # its sender took it back
        size, modified_ns, since = self._looks.get(path, (-1, -1, 0.0))
        if (stat.st_size, stat.st_mtime_ns) != (size, modified_ns):
            since = time.monotonic()
            self._looks[path] = (stat.st_size, stat.st_mtime_ns, since)
        return time.monotonic() - since >= stable_s


def is_wanted(name: str) -> bool:
    """Whether a file of this name is finished, as far as names tell."""
    return not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def redacted(data: bytes, format: Format, redactor: Redactor, *, arrived_at: datetime) -> bytes:
    """The whole file with the numbers of protected extensions blanked; same length."""
    records, _ = format.frame(data, final=True)
    return b"".join(redactor.together(records, arrived_at=arrived_at))


def opened(data: bytes, format: Format, options: Mapping[str, str]) -> tuple[bytes, str]:
    """What a file holds, unpacked if it is compressed, and why nothing of it can be taken (see `refusal`)."""
    try:
        data = unpack(data)
    except BadArchive as error:
        return data, str(error)
    return data, refusal(data, format, options)


def refusal(data: bytes, format: Format, options: Mapping[str, str]) -> str:
    """Why nothing of this file can be taken, in words for whoever dropped it; "" when something can be read."""
    if not data:
        return "The file is empty."
    records, _ = format.frame(data, final=True)
    reader = format.reader(options)
    reasons: Counter[str] = Counter()
    details: dict[str, str] = {}
    for number, record in enumerate(records, 1):
        reading = reader(record)
        if isinstance(reading, Leg):
            return ""
        if isinstance(reading, Unreadable) and not is_blank(record):
            reasons[reading.reason] += 1
            details.setdefault(reading.reason, f"line {number}: {reading.detail}")
        if number >= SAMPLE_RECORDS and reasons:
            break
    if not reasons:
        return ""  # headers only: a day without calls
    said = "\n".join(f"- {reason}, {count} lines; {details[reason]}" for reason, count in reasons.most_common())
    kind = "It is not a text file. " if b"\x00" in data[:4096] else ""
    return (
        f"{kind}No line could be read as a ticket of format {format.spec.name}:\n{said}\n"
        "Check the format, options and profile of the source, then drop the file again."
    )


def put_away(path: Path, content: bytes, *, as_received: bytes) -> Path:
    """Move a taken file to done/; one that was redacted is replaced by what was kept of it, unpacked.

    `as_received` is what it held, unpacked.
    """
    kept_whole = content == as_received
    name = path.name if kept_whole or path.suffix.lower() not in _PACKED else path.stem
    target = _free_name(path.parent / DONE, name)
    if kept_whole:
        path.rename(target)
    else:
        write_once(target, content)
        path.unlink()
    fsync_folder(target.parent)
    fsync_folder(path.parent)
    return target


def refuse(path: Path, reason: str) -> Path:
    """Move a file to refused/, its reason beside it."""
    target = _free_name(path.parent / REFUSED, path.name)
    target.with_name(f"{target.name}.reason.txt").write_text(reason + "\n", encoding="utf-8")
    path.rename(target)
    fsync_folder(target.parent)
    return target


def drop(file: Path, folder: Path) -> Path:
    """Copy a file into a folder so that it appears whole, under its own name; the original stays."""
    make_folder(folder)
    target = folder / file.name
    if target.exists():
        raise FileExistsError(f"{target} is already there and not taken yet: start the collector, or rename your file")
    beside = folder / f".{file.name}.{os.getpid()}.part"
    beside.write_bytes(file.read_bytes())
    beside.rename(target)
    return target


def _free_name(folder: Path, name: str) -> Path:
    """`name`, or `name-2`, `name-3` ... before its extension, when a file of that name was put away before."""
    make_folder(folder)
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    return target
