"""Blobs: named by their content, written once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ardoise.store.blobs import BlobDamaged, BlobMissing, Blobs
from ardoise.store.disk import remove_parts

# SHA-256 of "abc": FIPS 180-4, example B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def test_a_blob_is_named_by_its_sha256(blobs: Blobs) -> None:
    assert blobs.put(b"abc") == ABC
    assert blobs.get(ABC) == b"abc"
    assert blobs.path(ABC) == blobs.folder / "ba" / ABC
    assert blobs.path(ABC).read_bytes() == b"abc"


def test_putting_the_same_bytes_again_does_not_touch_the_file(blobs: Blobs) -> None:
    blobs.put(b"abc")
    before = blobs.path(ABC).stat()
    assert blobs.put(b"abc") == ABC
    after = blobs.path(ABC).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert len(list(blobs.folder.rglob("*/*"))) == 1


def test_the_empty_blob_is_a_blob(blobs: Blobs) -> None:
    assert blobs.get(blobs.put(b"")) == b""


def test_a_missing_blob_is_said(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing, match=ABC):
        blobs.get(ABC)


def test_a_damaged_blob_is_said_then_mended_by_its_true_content(blobs: Blobs) -> None:
    blobs.put(b"abc")
    blobs.put(b"intact")
    blobs.path(ABC).chmod(0o644)
    blobs.path(ABC).write_bytes(b"abd")
    with pytest.raises(BlobDamaged):
        blobs.get(ABC)
    [problem] = blobs.verify()
    assert ABC in problem
    blobs.put(b"abc")
    assert blobs.get(ABC) == b"abc"
    assert list(blobs.verify()) == []


@pytest.mark.parametrize("digest", ["", "abc", ABC.upper(), "../" + ABC, ABC + "0"])
def test_what_is_not_a_digest_names_no_path(blobs: Blobs, digest: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        blobs.path(digest)


def test_what_a_dead_process_was_writing_is_removed_once_old(blobs: Blobs) -> None:
    blobs.put(b"abc")
    old, fresh = blobs.folder / "ba" / ".x.1.part", blobs.folder / "ba" / ".x.2.part"
    old.write_bytes(b"ab")
    fresh.write_bytes(b"a")
    os.utime(old, (time.time() - 7200,) * 2)
    assert remove_parts(blobs.folder, older_than=datetime.now(UTC) - timedelta(hours=1)) == 1
    assert (old.exists(), fresh.exists(), blobs.holds(ABC)) == (False, True, True)
