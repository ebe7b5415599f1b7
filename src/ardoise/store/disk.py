"""What "written" means: bytes reach the disk, and so does the name of the file that holds them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import uuid4

# What the system answers when there is no room left: disk, quota, the largest file allowed.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_PART = ".part"  # a file being written; a process that dies leaves it behind


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable: a new file survives a power cut only once its folder was synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make the content of a file durable, whoever wrote it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, each name durable in its parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte at the descriptor's position: a short write is followed by another, until the system refuses."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_once(path: Path, data: bytes) -> None:
    """Put a whole file in place: written beside, synced, renamed, folder synced. A reader sees all of it or nothing."""
    beside = path.with_name(f".{path.name}.{uuid4().hex}{_PART}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.rename(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def older(paths: Iterable[Path], than: datetime) -> list[Path]:
    """The files last written before an instant of this machine's clock; one that vanishes meanwhile is left out."""
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < than.timestamp():
                found.append(path)
    return found


def remove_parts(folder: Path, *, older_than: datetime) -> int:
    """Remove what dead processes were writing under a folder when they died; returns how many files."""
    parts = older(folder.rglob(f".*{_PART}"), older_than)
    for path in parts:
        path.unlink(missing_ok=True)
    return len(parts)
