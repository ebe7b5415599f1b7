"""Reading the access log of a Kannel SMS gateway (Kannel user guide, access log)."""

from __future__ import annotations

import re

from ardoise.core.usage import Direction, Event, Leg, Reading, Unreadable, UsageKind
from ardoise.formats.cells import BadCell, blank_all_but, printed_time
from ardoise.formats.layouts import Layout
from ardoise.formats.lines import blank, is_blanked, text_of

_LINE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?P<what>[A-Za-z ]+?) "
    r"\[SMSC:(?P<smsc>[^\]]*)\] \[SVC:(?P<service>[^\]]*)\] \[ACT:(?P<account>[^\]]*)\] "
    r"\[BINF:(?P<billing>[^\]]*)\] \[FID:(?P<foreign_id>[^\]]*)\](?: \[META:[^\]]*\])? "
    r"\[from:(?P<sender>[^\]]*)\] \[to:(?P<to>[^\]]*)\] \[flags:[^\]]*\] \[msg:(?P<bytes>\d+):(?P<text>.*)\] "
    r"\[udh:[^\]]*\]",
    re.DOTALL,
)
_NOISE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Log (?:begins|ends)")
# The text may hold anything, brackets too: it goes on to the last "] [udh:" of a whole line, else to the end.
_TEXT = re.compile(rb"(\[msg:\d+:)(.*)(\] \[udh:\d+:)([^\]]*)(\]\s*)", re.DOTALL)
_CUT_TEXT = re.compile(rb"(\[msg:\d*:?)(.*?)([\r\n]*)", re.DOTALL)
_NUMBERS = re.compile(r"(?<=\[from:)[^\]]*|(?<=\[to:)[^\]]*")
_KEPT = re.compile(r"\[(?:SMSC|SVC|ACT|BINF|FID|flags):[^\]]*\]")

_SENT, _RECEIVED = "Sent SMS", "Receive SMS"


def read_record(record: bytes) -> Reading:
    """One line as a message, an Event (start and end of the log, delivery reports) or an Unreadable. Never raises."""
    line = text_of(record)
    if not line.strip() or _NOISE.fullmatch(line.strip()):
        return Event("noise", line.strip())
    found = _LINE.fullmatch(line.strip())
    if found is None:
        return Unreadable("garbage", f"not a line of a Kannel access log: {line[:30]!r} (is it cut?)")
    if "DLR" in found["what"]:
        return Event("event", f"{found['at']} {found['what']}")
    try:
        return _message(found)
    except BadCell as bad:
        return Unreadable(bad.reason, str(bad))


def _message(found: re.Match[str]) -> Leg:
    what = found["what"]
    sent = what in (_SENT, _RECEIVED)  # else: FAILED, REJECTED, DISCARDED
    sender, to = (_number(found[name]) for name in ("sender", "to"))
    known: dict[str, object] = {
        "bytes": int(found["bytes"]) if len(found["bytes"]) < 10 else None,
        "smsc": found["smsc"],
        "service": found["service"],
        "billing": found["billing"],
        "foreign_id": found["foreign_id"],
        "status": None if sent else "failed",
        "no_detail": any(is_blanked(found[name]) for name in ("sender", "to")) or None,
    }
    return Leg(
        start=printed_time(found["at"], "time"),
        duration_s=0,
        ring_s=None,
        calling=sender,
        called=to,
        direction=Direction.IN if what == _RECEIVED else Direction.OUT,
        extension=None,
        trunk=found["smsc"] or None,
        answered=sent,
        account_code=found["account"] or None,
        kind=UsageKind.SMS,
        units=1 if sent else 0,
        extras={name: value for name, value in known.items() if value not in (None, "")},
    )


def _number(text: str) -> str | None:
    return None if is_blanked(text) else text or None


def without_text(record: bytes) -> bytes:
    """The record with its message, and the user data before it, replaced by x: only their lengths are kept."""
    begin = record.find(b"[msg:")
    if begin < 0:
        return record
    found = _TEXT.fullmatch(record, begin)
    if found is not None:
        head, text, between, user_data, tail = found.groups()
        return record[:begin] + head + b"x" * len(text) + between + b"x" * len(user_data) + tail
    cut = _CUT_TEXT.fullmatch(record, begin)
    if cut is None:
        return record
    return record[:begin] + cut[1] + b"x" * len(cut[2]) + cut[3]


def _redact(record: bytes, protected: frozenset[str]) -> bytes:
    text = record.decode("latin-1")
    bare = {number.lstrip("+") for number in protected}
    numbers = {found.group().lstrip("+") for found in _NUMBERS.finditer(text)}
    if not numbers & bare:
        return record
    text = _NUMBERS.sub(lambda found: found[0] if found[0].lstrip("+") in bare else blank(found[0]), text)
    return blank_all_but(text, bare, (_KEPT,)).encode("latin-1")


def _reads(record: bytes) -> bool:
    return isinstance(read_record(record), Leg)


KANNEL = Layout(lambda: read_record, _reads, _redact)
