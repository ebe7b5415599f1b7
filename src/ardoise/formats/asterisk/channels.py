"""Which side of an Asterisk record is ours: channels are extensions, trunks, or plumbing between the two."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from ardoise.core.usage import Direction
from ardoise.formats.columns import names

_EXTENSION = re.compile(r"\d{2,6}", re.ASCII)
_OUTSIDE_DIGITS_MIN = 7  # extensions have at most 6 digits
_NEVER_PHONES = frozenset({"DAHDI", "ZAP", "OOH323", "H323", "CAPI", "MISDN"})  # cards and gateways, unless listed


@dataclass(frozen=True, slots=True)
class Channel:
    """`PJSIP/201-00000a3f`: technology PJSIP, endpoint 201. A `Local/201@context-...;1` is plumbing to endpoint 201."""

    technology: str
    endpoint: str

    @property
    def is_local(self) -> bool:
        return self.technology == "Local"

    @property
    def name(self) -> str:
        return f"{self.technology}/{self.endpoint}"


@lru_cache(maxsize=4096)  # a PBX has some hundred
def _is_phone(channel: Channel) -> bool:
    return _EXTENSION.fullmatch(channel.endpoint) is not None and channel.technology.upper() not in _NEVER_PHONES


def channel_of(text: str) -> Channel | None:
    """The channel of a cell, None when it is empty or no channel."""
    technology, slash, rest = text.partition("/")
    if not slash or not rest:
        return None
    if technology == "Local":
        return Channel("Local", rest.partition("@")[0])
    endpoint = rest.rpartition("-")[0] or rest
    return Channel(technology, endpoint.partition("/")[0])  # DAHDI/i1/0612345678-3: the number dialled is no name


@dataclass(frozen=True, slots=True)
class Sides:
    """Tells extensions from trunks. `trunks` are patterns of channel names ("PJSIP/ovh*"); none = by their shape:
    an endpoint of 2 to 6 digits is an extension, any other one is a trunk."""

    trunks: tuple[str, ...] = ()

    @classmethod
    def of_option(cls, listed: str) -> Sides:
        return cls(names(listed))

    def trunk(self, channel: Channel | None) -> str | None:
        if channel is None or channel.is_local:
            return None
        if self.trunks:
            return channel.name if any(fnmatchcase(channel.name, pattern) for pattern in self.trunks) else None
        return None if _is_phone(channel) else channel.name

    def extension(self, channel: Channel | None) -> str | None:
        """The extension of a channel, or the one that plumbing leads to."""
        if channel is None or self.trunk(channel) is not None:
            return None
        if channel.is_local and not _EXTENSION.fullmatch(channel.endpoint):
            return None
        return channel.endpoint

    def direction(self, source: Channel | None, target: Channel | None, *, calling: str, called: str) -> Direction:
        """From the two channels; where one says nothing (plumbing, an application), from the length of the numbers."""
        comes, goes = self.trunk(source) is not None, self.trunk(target) is not None
        if comes or goes:
            return Direction.TRANSFERRED if comes and goes else Direction.IN if comes else Direction.OUT
        if source is not None and target is not None and not source.is_local and not target.is_local:
            return Direction.INTERNAL  # whatever numbers they present
        if looks_outside(called):
            return Direction.OUT
        return Direction.IN if looks_outside(calling) else Direction.INTERNAL


def looks_outside(number: str) -> bool:
    """More digits than an extension has; a blanked number counts as it was."""
    return sum(character.isdigit() or character == "x" for character in number) >= _OUTSIDE_DIGITS_MIN


def is_extension(number: str) -> bool:
    return _EXTENSION.fullmatch(number) is not None
