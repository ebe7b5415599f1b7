"""What a format is: its spec (for docs and forms) and the four things it can do with bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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
    transports: tuple[
        str, ...
    ]  # file, or those of `collect.links`: tcp_server (the PBX connects to us), tcp_client ...
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
    one_client: bool = False  # the PBX serves a single collector: a second one is hung up on
    sequence: str = ""  # the counter of its tickets: "call_id", or a name of `Leg.extras`; a hole in it is an alarm
    buffer_tickets: int | None = None  # what the PBX keeps while nobody listens, as it is delivered; then it overwrites


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


@runtime_checkable
class MessageFormat(Protocol):
    """A format whose records carry the text of messages: private, blanked before anything is written, for everybody."""

    def without_text(self, record: bytes) -> bytes:
        """The record, or a piece of one, with the text of its message blanked; always of the same length."""


class Refused(Exception):
    """The other side will not give its tickets on this connection; the message says why and what to do.

    Hang up; another address of the same PBX may answer better.
    """


@dataclass(frozen=True, slots=True)
class Turn:
    """What a conversation makes of bytes that came."""

    tickets: bytes = b""  # those of them that are tickets, in order, cut anywhere; the others were dialogue
    send: bytes = b""  # at once
    send_once_written: bytes = b""  # only when every ticket received so far is on the disk: it acknowledges them
    note: str = ""  # for people: logged in, the other CPU took over


class Conversation(Protocol):
    """Our side of one connection to a PBX that expects an answer. A pure state machine: no clock, no socket."""

    @property
    def established(self) -> bool:
        """Whether tickets may come: the handshake or the login is over."""

    def opened(self) -> bytes:
        """What to send as soon as the connection stands."""

    def received(self, data: bytes) -> Turn:
        """Take bytes as they come, cut anywhere. Raises Refused."""

    def silence(self) -> tuple[int, str] | None:
        """For how many seconds the other side may say nothing now, and what a longer silence means; None = for ever."""

    def ended(self) -> str:
        """What it means that the other side hangs up now; "" = nothing more than that."""


class OtherSide(Protocol):
    """The PBX's side of such a connection, for `ardoise simulate` and the tests."""

    @property
    def established(self) -> bool:
        """Whether tickets may be sent."""

    def opened(self) -> bytes:
        """What the PBX sends as soon as the connection stands."""

    def received(self, data: bytes) -> bytes:
        """What the PBX answers. Raises Refused where it would hang up."""

    def idle(self) -> bytes:
        """What it sends every 30 s (a keepalive); b"" where it has none."""


@runtime_checkable
class TalkingFormat(Protocol):
    """A format whose PBX must be talked to (OXE's handshake, Panasonic's login); the others are only listened to."""

    def conversation(self, options: Mapping[str, str], login: Mapping[str, str]) -> Conversation:
        """A new conversation. `login` holds `user` and `password` as the source's link gives them, "" where it does
        not. Raises BadOption."""

    def other_side(self, options: Mapping[str, str], login: Mapping[str, str]) -> OtherSide:
        """A new simulated PBX for one client."""


@runtime_checkable
class PagedFormat(Protocol):
    """A format whose records may come in pages of a remote interface, which may be asked for again."""

    def alone(self, record: bytes) -> bytes:
        """The record as received, without what its page puts around it, and a line end: it is framed and read as
        before."""
