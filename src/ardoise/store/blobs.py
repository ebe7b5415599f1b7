"""Content-addressed, write-once files: a blob's name is the SHA-256 of its content. Needs no Django.

Received files, rendered PDF and XML: what was stored under a digest can only be the same bytes, or be found damaged.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from ardoise.store.disk import NO_ROOM, fsync_folder, make_folder, write_once

_DIGEST = re.compile(r"[0-9a-f]{64}")


class BlobMissing(LookupError):
    """No blob has this digest here; restore it from a backup."""


class BlobDamaged(ValueError):
    """The stored bytes no longer match their digest; restore the blob from a backup, or `put` its content again."""


class BlobsFull(OSError):
    """No room left on the disk of the blobs: nothing was stored; free some space and try again."""


class Blobs:
    """Blobs under one folder, `ab/abcdef...`. Several processes may put and get at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the blob of this digest is, or would be. Raises ValueError on what is not a SHA-256 in hexadecimal."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 digest (64 lower-case hexadecimal digits)")
        return self.folder / digest[:2] / digest

    def put(self, data: bytes) -> str:
        """Store these bytes, durably, and return their digest; a repeat is a no-op. Raises BlobsFull."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        try:
            make_folder(path.parent)
            if self.holds(digest):
                fsync_folder(path.parent)  # the one who wrote it may have died between rename and sync
            else:
                write_once(path, data)  # also over a damaged one: these bytes are the true ones
        except OSError as error:
            if error.errno in NO_ROOM:
                raise BlobsFull(error.errno, f"No room for a blob of {len(data)} bytes", str(path)) from error
            raise
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of this digest, checked. Raises BlobMissing, BlobDamaged."""
        path = self.path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise BlobMissing(f"No blob {digest} under {self.folder}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise BlobDamaged(f"{path} does not hold the content of its name any more ({len(data)} bytes)")
        return data

    def holds(self, digest: str) -> bool:
        """Whether the blob is here and intact."""
        try:
            self.get(digest)
        except (BlobMissing, BlobDamaged):
            return False
        return True

    def verify(self) -> Iterator[str]:
        """Read every blob; yields a sentence for each damaged one."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/[0-9a-f]*")):
            try:
                self.get(path.name)
            except (BlobDamaged, ValueError) as error:
                yield str(error)
