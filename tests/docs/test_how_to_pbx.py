"""The how-tos of the PBXs give every setting with its value, the same in both languages, the same as the specs."""

from __future__ import annotations

import re
import tomllib

import pytest
from tests.docs.pages import ROOT, fences

from ardoise.collect.models import Source
from ardoise.formats import registry

HOW_TO = ROOT / "docs" / "how-to"
ROW = re.compile(r"^\| (?P<name>[^|]+) \| `(?P<value>[^`]+)` \|", re.MULTILINE)

# As the option form of the PBX shows them, in its order.
MITEL_FORM = """\
DASS II - Call Charge Information Provided: No
Extended Digit Length: No
MCD - Report Transfers: No
Network Format: Yes
Report Account Codes: Yes
Report Incoming Calls: Yes
Report Internal Calls: No
Report Meter Pulses: No
Report Outgoing Calls: Yes
SMDR Meter Unit Per Station: Yes
SMDR Record Transfer: Yes
System identification: 000
Time Change Reporting: Yes
Twenty-four Hour Time Reporting: Yes
Extended Time To Answer: No
SMDR File Transfer: No
Standardized Network OLI: Yes
Standardized Call ID Format: Yes
Suite Services Reporting: No
Report Internal Unanswered Calls: No
SMDR Extended Reporting Level 1: No
SMDR Extended Reporting Level 2: No
Report Attendant Name: No
"""
AVAYA = {"TCP Port": "1080"}
AVAYA_FR = {"Sortie": "SMDR seulement", "Adresse": "192.0.2.20", "Enregistrements tampons": "3000"}
AVAYA_EN = {"Output": "SMDR Only", "IP Address": "192.0.2.20", "Records to Buffer": "3000"}


def halves(page: str) -> tuple[str, str]:
    """The French part and the English one."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    french, english = text.split("## In English\n")
    return french, english


def settings(text: str) -> dict[str, str]:
    return {match["name"]: match["value"] for match in ROW.finditer(text)}


def test_the_mitel_form_is_given_value_by_value_in_both_languages() -> None:
    wanted = dict(line.rsplit(": ", 1) for line in MITEL_FORM.splitlines())
    for half in halves("mitel-3300.md"):
        assert list(settings(half).items()) == list(wanted.items())
    for steps in (registry.get("mitel_3300").spec.pbx_steps_fr, registry.get("mitel_3300").spec.pbx_steps_en):
        said = dict(step.split(": ", 1) for step in steps if step.split(": ")[0] in wanted)
        assert {name: value for name, value in said.items() if name != "System identification"} == {
            name: value for name, value in wanted.items() if name != "System identification"
        }


def test_the_settings_of_the_ip_office_are_given_in_both_languages() -> None:
    french, english = map(settings, halves("avaya-ip-office.md"))
    assert (AVAYA | AVAYA_FR).items() <= french.items()
    assert (AVAYA | AVAYA_EN).items() <= english.items()
    assert list(french.values())[1:4] == list(english.values())[1:4]


@pytest.mark.parametrize("page", ["avaya-ip-office.md", "mitel-3300.md", "unknown-format.md"])
def test_the_source_of_a_how_to_is_one_that_ardoise_takes(page: str) -> None:
    (fence,) = [fence for fence in fences(HOW_TO / page) if fence.language == "toml"]
    (source,) = tomllib.loads(fence.body)["source"]
    assert source["transport"] in Source.Transport.values
    chosen = registry.get(source["format"])
    assert source["transport"] in chosen.spec.transports
    if "profile" not in source:
        chosen.reader(source.get("options", {}))
        assert source["port"] == chosen.spec.default_port
        assert str(source["port"]) in chosen.spec.firewall


@pytest.mark.parametrize("page", ["avaya-ip-office.md", "mitel-3300.md"])
def test_both_languages_say_the_same_steps(page: str) -> None:
    french, english = halves(page)
    for mark in (r"^### ", r"^- ", r"^\| ", r"^```"):
        counts = [len(re.findall(mark, half, re.MULTILINE)) for half in (french, english)]
        # the source is written once, in the French half
        assert counts[0] - counts[1] == (2 if mark == r"^```" else 0), (mark, counts)
