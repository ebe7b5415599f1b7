"""Cutting what an OXE sends: messages of the real-time link, lines of its files, and the dialogue in a raw capture."""

from __future__ import annotations

from ardoise.formats.alcatel_oxe.layout import ALIVE, ALIVE_TOO, GO_ON, MESSAGE_BYTES, ROLE, TICKET, dialogue_size
from ardoise.formats.lines import frame_by

_NEXT_MESSAGE = TICKET + b"\x01\x00"  # every known kind begins so
_DIALOGUE = (ALIVE, ALIVE_TOO, GO_ON, ROLE + b"\x00")


def frame_stream(data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
    """See `Format.frame`. Dialogue stays with the record that follows it."""
    return frame_by(_end_of, data, final=final)


def _end_of(data: bytes, at: int) -> int | None:
    """Where the record that begins here ends, None when its end has not come."""
    while size := dialogue_size(data, at):
        at += size
    rest = data[at : at + len(ALIVE)]
    if any(known.startswith(rest) for known in (*_DIALOGUE, TICKET)):
        return None  # nothing, or the beginning of something
    if data.startswith(TICKET, at):
        return at + MESSAGE_BYTES if len(data) >= at + MESSAGE_BYTES else None
    line_end = data.find(b"\n", at)
    ends = [place for place in (data.find(_NEXT_MESSAGE, at), data.find(ALIVE, at)) if place > at]
    if line_end >= 0:
        ends.append(line_end + 1)
    return min(ends, default=None)
