"""What a format is: its spec (for docs and forms) and the four things it can do with bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ardoise.core.usage import Reading

Reader = Callable[[bytes], Reading]  # stateful where the format needs it (a header line, a cut line); fed in order


class BadOption(ValueError):
    """An option of a source does not fit its format; the message says what is expected."""


@dataclass(frozen=True, slots=True)
class FieldSpec:
    name: str
    meaning_fr: str
    meaning_en: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """A setting of the source that changes how records are read (a PBX option, a profile)."""

    name: str
    default: str
    choices: tuple[str, ...]  # empty = free text
    meaning_fr: str
    meaning_en: str


@dataclass(frozen=True, slots=True)
class FormatSpec:
    name: str  # "avaya_ipoffice"
    title: str
    summary_fr: str
    summary_en: str
    firmware: str
    transports: tuple[str, ...]  # tcp_server (the PBX connects to us) | tcp_client (we connect) | file
    default_port: int | None
    firewall: str
    kind: str  # stream | keyed | cumulative: how duplicates are told (DESIGN section 5)
    grade: str  # how sure the description is: A proven by real lines, B from vendor text, C partial
    fields: tuple[FieldSpec, ...]
    options: tuple[OptionSpec, ...] = ()
    pbx_steps_fr: tuple[str, ...] = ()
    pbx_steps_en: tuple[str, ...] = ()
    traps_fr: tuple[str, ...] = ()
    traps_en: tuple[str, ...] = ()
    not_proven_fr: tuple[str, ...] = ()  # what no real line has shown yet: said on the format's page
    not_proven_en: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()  # manuals and pages the description was written from


class Format(Protocol):
    spec: FormatSpec

    def frame(self, data: bytes, *, final: bool) -> tuple[list[bytes], bytes]:
        """Cut whole records out of received bytes; returns them with their terminators, and the unfinished rest.

        The concatenation of the records and the rest is `data` again, byte for byte. `final` = nothing more will
        come: the rest, if any, is given as a last (cut) record.
        """

    def reader(self, options: Mapping[str, str]) -> Reader:
        """A reader for one stream or one file. Raises BadOption. The reader never raises on bytes."""

    def redact(self, record: bytes, protected: frozenset[str], options: Mapping[str, str] | None = None) -> bytes:
        """The record with every outside number blanked ("x" per digit, same length) when one of the `protected`
        extensions takes part in it; otherwise the record itself, untouched (law: staff representatives).

        `options` are those of `reader`: a format whose columns are declared by the source (delimited) needs them to
        know which are numbers, and blanks every long number without them."""

    def replay(self, records: Sequence[bytes]) -> bytes:
        """The bytes a real PBX would send for these records (the simulator's side)."""
