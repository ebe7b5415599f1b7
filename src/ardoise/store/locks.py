"""Locks of a journal: the lease of its writer, and readers that wait for an append to be on the disk."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import BinaryIO


class JournalBusy(RuntimeError):
    """Another process writes this source; the message names it."""


def take_lease(path: Path, source: str) -> int:
    """One writer a source: the lock lives as long as the process, the file says who holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise JournalBusy(
            f"Source {source} is already collected by process {holder} (lease {path}); stop it first"
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def settled_size(file: BinaryIO) -> int:
    """The segment's size when no append is under way, with everything below it on the disk.

    The sync matters after a crash of the writer: what it had written but not synced must not be read, then lost.
    """
    fcntl.flock(file, fcntl.LOCK_SH)
    try:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
