"""What an agent and its central collector say to each other, over TLS.

A message is a length (4 bytes, big-endian), a JSON object, and `size` bytes of payload that the object announces:

    agent   {"hello": 1, "source", "token", "journal"}      journal = id of the agent's journal of this source
    central {"resume": "3:1024", "protected": [...]}        after this position nothing is here; "" = nothing at all
            {"refused": "why"}                              then it hangs up
    agent   {"blob": sha256, "size", "last"}                a piece of a received file, before the entry that names it
            {"entry": "3:1024", "at_us", "connection", "kind", "size"}
            {"mark": "3:2048"}                              everything before this position was sent
            {"ping": 1}
    central {"ack": "3:2048", "protected": [...]}           it is on the central disk; the list only when it changed
            {"pong": 1}

The agent sends what follows a position in its order; central appends it in that order, with the instants and the
connection numbers of the site. A mark is an entry of the central journal too, so that after a death on either side
both know what arrived: what lies behind the last mark is compared with what is sent again.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any, Final

LARGEST_HEAD_BYTES: Final = 4 * 2**20
LARGEST_BODY_BYTES: Final = 20 * 2**20
GROUP_ENTRIES: Final = 500  # between two marks
GROUP_BYTES: Final = 2**20
BLOB_PIECE_BYTES: Final = 2**20
PING_S: Final = 20.0
SILENCE_S: Final = 60.0  # without a word, not even a ping, the link is dead

_LENGTH: Final = struct.Struct(">I")
_HELLO_BYTES: Final = 4096


class Garbled(RuntimeError):
    """The other side does not speak this protocol, or the link broke in a message."""


Head = Mapping[str, Any]


def packed(head: Head, body: bytes = b"") -> bytes:
    text = json.dumps({**head, "size": len(body)} if body else head).encode()
    return _LENGTH.pack(len(text)) + text + body


async def receive(
    reader: asyncio.StreamReader, *, within_s: float = SILENCE_S, largest: int = LARGEST_HEAD_BYTES
) -> tuple[dict[str, Any], bytes]:
    """The next message. Raises Garbled, TimeoutError, IncompleteReadError (an EOFError), OSError."""
    async with asyncio.timeout(within_s):
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if not 2 <= length <= largest:
            raise Garbled(f"a message of {length} bytes")
        try:
            head = json.loads(await reader.readexactly(length))
        except ValueError as error:
            raise Garbled(f"not a message: {error}") from error
        if not isinstance(head, dict):
            raise Garbled("not a message: no object")
        size = head.get("size", 0) if "blob" in head or "entry" in head else 0
        if not isinstance(size, int) or not 0 <= size <= LARGEST_BODY_BYTES:
            raise Garbled(f"a payload of {size!r} bytes")
        return head, await reader.readexactly(size) if size else b""


async def receive_hello(reader: asyncio.StreamReader, *, within_s: float) -> dict[str, Any]:
    """The first message of somebody unknown: small, soon."""
    head, _ = await receive(reader, within_s=within_s, largest=_HELLO_BYTES)
    if head.get("hello") != 1 or not all(isinstance(head.get(name), str) for name in ("source", "token", "journal")):
        raise Garbled("no hello of this protocol")
    return head
