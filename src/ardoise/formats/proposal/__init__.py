"""A profile proposed from a sample, to be corrected by somebody who knows the PBX or the operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ardoise.core.usage import Event, Leg, Reading, Unreadable
from ardoise.formats.delimited.profile import BadProfile, Profile
from ardoise.formats.delimited.read import ProfileReader, load_profile
from ardoise.formats.lines import frame_lines
from ardoise.formats.proposal.choosing import Doubt, choose
from ardoise.formats.proposal.cutting import NotASample, cut
from ardoise.formats.proposal.words import sentence
from ardoise.formats.proposal.writing import lines_to_test, profile_text
from ardoise.formats.sample_json import to_sample_json

__all__ = ["BadProfile", "Doubt", "NotASample", "Proposal", "Trial", "propose", "sentence", "try_profile"]

SAMPLE_BYTES = 512 * 1024
TESTS_MAX = 3
_TESTED = ("start", "duration_s", "calling", "called", "direction", "operator_price")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a profile makes of a sample: each record with its reading, blank lines left out."""

    readings: tuple[tuple[str, Reading], ...]

    def count(self, kind: type[Leg] | type[Event] | type[Unreadable]) -> int:
        return sum(isinstance(reading, kind) for _, reading in self.readings)


@dataclass(frozen=True, slots=True)
class Proposal:
    """`text` is always there, to be corrected; `problem` says why it cannot be used as it stands, "" when it can."""

    format: str  # delimited | fixed_width
    text: str
    doubts: tuple[Doubt, ...]
    problem: str
    trial: Trial


def propose(data: bytes, *, french: bool = False) -> Proposal:
    """A profile for the lines of a sample. Raises NotASample."""
    sample = cut(data[:SAMPLE_BYTES])
    choice = choose(sample)
    format = "delimited" if sample.delimiter else "fixed_width"
    lines = lines_to_test(sample, choice, most=TESTS_MAX)
    untested = profile_text(sample, choice, [(lines[0], {})], french=french)
    try:
        profile = load_profile(untested)
        tests = [(line, expected) for line in lines for expected in _expected(profile, line)]
        if not tests:
            raise BadProfile(_why_not(profile, lines[0]))
        text = profile_text(sample, choice, tests, french=french)
        trial = try_profile(text, data[:SAMPLE_BYTES])
    except BadProfile as problem:
        return Proposal(format, untested, tuple(choice.doubts), str(problem), Trial(()))
    return Proposal(format, text, tuple(choice.doubts), "", trial)


def try_profile(text: str, data: bytes) -> Trial:
    """Read a sample by a profile. Raises BadProfile."""
    read = ProfileReader(load_profile(text))
    records, _ = frame_lines(data, final=True)
    return Trial(tuple((_shown(record), read(record)) for record in records if record.strip(b"\r\n\x00 ")))


def _shown(record: bytes) -> str:
    return record.rstrip(b"\r\n").decode("utf-8", errors="replace")


def _expected(profile: Profile, line: str) -> Iterator[Mapping[str, object]]:
    """What is read of a line, as its test says it; nothing when it is no call."""
    reader = ProfileReader(profile)
    if profile.has_header:
        reader(profile.header_line.encode(profile.encoding))
    reading = reader(line.encode(profile.encoding))
    if isinstance(reading, Leg):
        found = to_sample_json(reading, 1)
        yield {name: found[name] for name in _TESTED if found[name] is not None}


def _why_not(profile: Profile, line: str) -> str:
    reader = ProfileReader(profile)
    if profile.has_header:
        reader(profile.header_line.encode(profile.encoding))
    reading = reader(line.encode(profile.encoding))
    detail = reading.detail if isinstance(reading, Unreadable) else "no call"
    return f"The first line cannot be read: {detail}."
