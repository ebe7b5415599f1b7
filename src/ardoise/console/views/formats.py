"""Formats: which one an uploaded sample is in, and a profile for the one nobody knows. Nothing of it is kept.

The sample lives as long as the request; the page gives back some of its lines, so that a corrected profile can be tried
on them without sending the file again.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ardoise.console.pages import StaffRequest, page, staff_page
from ardoise.console.parameters import BadParameter
from ardoise.core.usage import Event, Leg, Reading, Unreadable
from ardoise.formats.guess import Guess, guess
from ardoise.formats.proposal import BadProfile, NotASample, Trial, propose, sentence, try_profile
from ardoise.formats.sample_json import to_sample_json

MOST_BYTES = 1024 * 1024
LINES_SHOWN = 40
MOST_CHARACTERS = 100_000  # of a profile, or of the lines to try it on
GUESSES_SHOWN = 5
ENOUGH_PERCENT = 50  # read by a known format: the rest is damage or options, not another format


@dataclass(frozen=True, slots=True)
class Tried:
    """What a profile made of the lines."""

    rows: tuple[tuple[str, Leg | None, str, str], ...]  # the line, the call, its start, why there is none
    calls: int
    events: int
    unreadable: int


@staff_page
def format_page(request: StaffRequest) -> HttpResponse:
    """The form; with a file, its guesses and a profile; with a profile and lines, what it reads of them."""
    context: dict[str, object] = {"here": "formats"}
    if request.method == "POST":
        sample = request.FILES.get("sample")
        context |= _guessed(sample) if sample is not None else _tried(request)
    return page(request, "console/formats.html", context)


def _guessed(sample: UploadedFile[bytes]) -> dict[str, object]:
    if (sample.size or 0) > MOST_BYTES:
        raise BadParameter(_("This file is too large: a sample of 1 MiB at most is enough, take its first lines."))
    data = sample.read()
    if not data.strip(b"\x00\r\n "):
        raise BadParameter(_("This file is empty: choose a file of tickets."))
    guesses = guess(data)
    readers = [one for one in guesses if one.reads_it]
    return {
        "guesses": readers[:GUESSES_SHOWN],
        "others": sorted((one for one in guesses if not one.reads_it), key=lambda one: one.name),
        **_proposed(data, readers),
    }


def _proposed(data: bytes, readers: list[Guess]) -> dict[str, object]:
    """A profile for what no format reads; a sample that one of them reads for the most part needs none."""
    best = readers[0] if readers else None
    if best and (not best.calls or (best.share_percent >= ENOUGH_PERCENT and 2 * best.doubtful < best.calls)):
        return {}
    french = _is_french()
    try:
        proposal = propose(data, french=french)
    except NotASample:
        return {"no_profile": True}
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return {
        "profile": proposal.text,
        "format": proposal.format,
        "doubts": [sentence(doubt, french=french) for doubt in proposal.doubts],
        "problem": proposal.problem,
        "lines": "\n".join(text.splitlines()[:LINES_SHOWN]),
        "tried": None if proposal.problem else _readings(proposal.trial),
    }


def _is_french() -> bool:
    return (get_language() or "fr").startswith("fr")


def _tried(request: StaffRequest) -> dict[str, object]:
    profile, lines = request.POST.get("profile", ""), request.POST.get("lines", "")
    if not profile.strip():
        raise BadParameter(_("This file is empty: choose a file of tickets."))
    if len(profile) > MOST_CHARACTERS or len(lines) > MOST_CHARACTERS:
        raise BadParameter(_("This profile is too long: one hundred thousand characters at most."))
    profile, lines = profile.replace("\r\n", "\n"), lines.replace("\r\n", "\n")
    known: dict[str, object] = {"profile": profile, "lines": lines, "corrected": True}
    known["format"] = "fixed_width" if 'layout = "fixed"' in profile else "delimited"
    try:
        return known | {"tried": _readings(try_profile(profile, f"{lines}\n".encode()))}
    except BadProfile as problem:
        return known | {"problem": str(problem)}


def _readings(trial: Trial) -> Tried:
    return Tried(
        rows=tuple(_row(line, reading) for line, reading in trial.readings[:LINES_SHOWN]),
        calls=trial.count(Leg),
        events=trial.count(Event),
        unreadable=trial.count(Unreadable),
    )


def _row(line: str, reading: Reading) -> tuple[str, Leg | None, str, str]:
    match reading:
        case Leg():
            return line, reading, str(to_sample_json(reading, 1)["start"]).replace("T", " "), ""
        case Unreadable(detail=detail):
            return line, None, "", detail
        case Event():
            return line, None, "", ""
