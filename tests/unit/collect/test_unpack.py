"""Compressed files are read as what they hold; damaged ones say so."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import zipfile

import pytest

from ardoise.collect.unpack import BadArchive, unpack

TEXT = b"".join(f"ED5.2 0145678901 {number:06d}\n".encode() for number in range(3000))
NOISE = random.Random(4).randbytes(300_000)  # fills the table of 16 bits and more


def compress(data: bytes, *, clears_at: int = 0) -> bytes:
    """What `compress` writes (block mode, 16 bits); `gzip -d` checks it below. Empties its table once, if asked to."""
    table = {bytes([value]): value for value in range(256)}
    free, width, bits = 257, 9, ""
    codes = b""

    def put(code: int) -> None:
        nonlocal bits
        bits = f"{code:0{width}b}" + bits  # the least significant bits first

    def pad() -> None:
        nonlocal bits, codes
        while len(bits) % (8 * width):
            bits = "0" + bits
        if bits:
            codes += int(bits, 2).to_bytes(len(bits) // 8, "little")
        bits = ""

    def keep() -> None:
        nonlocal bits, codes
        if len(bits) >= 8 * width:  # whole groups need not wait
            whole = len(bits) // (8 * width) * 8 * width
            codes += int(bits[-whole:], 2).to_bytes(whole // 8, "little")
            bits = bits[: len(bits) - whole]

    held = b""
    for place, value in enumerate(data):
        longer = held + bytes([value])
        if longer in table:
            held = longer
            continue
        put(table[held])
        keep()
        # the reader adds this entry one code later, and widens its codes once its table is full
        if free < 1 << 16:
            table[longer] = free
            free += 1
            if free - 1 >= 1 << width and width < 16:
                pad()
                width += 1
        if clears_at and place >= clears_at:
            put(256)
            pad()
            table = {bytes([one]): one for one in range(256)}
            free, width, clears_at = 257, 9, 0
        held = bytes([value])
    if held:
        put(table[held])
    used = -(-len(bits) // 8)
    tail = int(bits or "0", 2).to_bytes(max(used, 1), "little")[:used]
    return b"\x1f\x9d\x90" + codes + tail


@pytest.mark.parametrize("data", [b"", b"a", b"aaaaaaa", TEXT, NOISE], ids=["nothing", "one", "run", "text", "noise"])
@pytest.mark.parametrize("clears_at", [0, 500])
def test_a_file_of_compress_is_what_gzip_reads_in_it(data: bytes, clears_at: int) -> None:
    packed = compress(data, clears_at=clears_at)
    assert unpack(packed) == data
    if shutil.which("gzip"):
        assert subprocess.run(["gzip", "-dc"], input=packed, capture_output=True, check=True).stdout == data


def test_gzip_files_of_one_or_several_members() -> None:
    assert unpack(gzip.compress(TEXT)) == TEXT
    assert unpack(gzip.compress(TEXT) + gzip.compress(b"more")) == TEXT + b"more"


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, TEXT)
    return file.getvalue()


def test_a_zip_of_a_single_file() -> None:
    assert unpack(archive("october.csv")) == TEXT


def test_any_other_file_is_itself() -> None:
    assert unpack(TEXT) is TEXT
    assert unpack(b"") == b""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gzip.compress(TEXT)[:-20], "cut short"),
        (b"\x1f\x8b" + NOISE[:50], "damaged"),
        (archive("a.csv", "b.csv"), "holds 2 files"),
        (archive("a.csv")[:-30], "cannot be read"),
        (b"\x1f\x9d", "is none"),
        (b"\x1f\x9d\x90" + b"\xff" * 20, "damaged"),
    ],
)
def test_a_damaged_file_says_why(data: bytes, why: str) -> None:
    with pytest.raises(BadArchive, match=why):
        unpack(data)


@pytest.mark.parametrize("pack", [gzip.compress, compress, lambda data: archive("a.csv")])
def test_what_holds_too_much_is_not_unpacked(pack: object) -> None:
    with pytest.raises(BadArchive, match="more than 1000 bytes"):
        unpack(pack(TEXT), most=1000)  # type: ignore[operator]
