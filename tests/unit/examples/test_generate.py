"""The example companies: made again byte for byte, and holding what their README promises."""

from __future__ import annotations

import csv
import importlib.util
import re
from collections import Counter
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import schwifty
from stdnum.fr import siren, siret, tva

from ardoise.core.phone import DialPlan, identify
from ardoise.core.usage import Event, Leg, Reading, Unreadable
from ardoise.formats import registry

EXAMPLES = Path(__file__).parents[3] / "examples"
PLAN = DialPlan(outside_prefix="0")


@cache
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("examples_generate", EXAMPLES / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(name: str) -> list[dict[str, str]]:
    with (EXAMPLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read(path: Path, format_name: str, options: dict[str, str]) -> list[Reading]:
    format = registry.get(format_name)
    records, rest = format.frame(path.read_bytes(), final=True)
    assert rest == b""
    reader = format.reader(options)
    return [reader(record) for record in records]


def avaya() -> list[Reading]:
    return read(EXAMPLES / "entreprise/tickets/avaya-ipoffice.smdr", "avaya_ipoffice", {})


def mitel() -> list[Reading]:
    options = {"layout": "network", "clock": "24h", "meter_pulses": "no"}
    return read(EXAMPLES / "entreprise/tickets/mitel-3300.smdr", "mitel_3300", options)


def legs(readings: list[Reading]) -> list[Leg]:
    return [reading for reading in readings if isinstance(reading, Leg)]


def reasons(readings: list[Reading]) -> Counter[str]:
    return Counter(reading.reason for reading in readings if isinstance(reading, Unreadable))


@pytest.mark.slow
def test_generating_again_gives_the_committed_bytes() -> None:
    for name, company in generator().companies().items():
        made: dict[str, bytes] = company.files()
        folder = EXAMPLES / name
        kept = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert kept == made.keys()
        changed = [file for file, content in made.items() if (folder / file).read_bytes() != content]
        assert changed == [], f"run python examples/generate.py: {changed}"


def test_the_examples_stay_small() -> None:
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) < 9_000_000


# --- the head office's PBX --------------------------------------------------------------------------------------------


def test_avaya_lines_have_thirty_fields_and_one_comma_more_with_the_switchboard_s_name() -> None:
    lines = (EXAMPLES / "entreprise/tickets/avaya-ipoffice.smdr").read_bytes().decode().split("\r\n")
    assert lines.pop() == ""
    counts = {line.count(",") + 1 - line.count("Accueil, standard") for line in lines}
    assert counts == {30, 7, 1}  # 7: the cut line; 1: the overrun message


def test_avaya_has_three_unreadable_lines() -> None:
    assert reasons(avaya()) == {"impossible_date": 1, "column_count": 1, "garbage": 1}


def test_avaya_segments_of_a_call_are_printed_in_order_and_the_last_one_says_so() -> None:
    waiting: set[str] = set()
    segments: Counter[int] = Counter()
    count: dict[str, int] = {}
    for leg in legs(avaya()):
        assert leg.call_id is not None
        count[leg.call_id] = count.get(leg.call_id, 0) + 1
        if leg.more_segments_follow:
            waiting.add(leg.call_id)
        else:
            waiting.discard(leg.call_id)
            segments[count.pop(leg.call_id)] += 1
    assert waiting == set()
    assert segments[1] > 9000
    assert segments[2] > 300
    assert segments[3] > 20


def test_the_fax_prints_its_number_and_no_extension() -> None:
    calls = [leg for leg in legs(avaya()) if leg.extension is None and leg.calling == "0465712109"]
    assert len(calls) > 20
    assert all(leg.dialled for leg in calls)


def test_the_watchman_s_local_times_of_two_o_clock_come_twice() -> None:
    printed = [leg.start for leg in legs(avaya()) if leg.extension == "2108"]
    night = [str(at)[-8:] for at in printed if str(at).startswith("2026-10-25")]
    assert night == [
        "00:12:07", "01:05:07", "02:04:07", "02:21:07", "02:38:07",
        "02:03:07", "02:30:07", "02:52:07", "04:40:07",
    ]  # fmt: skip


# --- the plant's PBX --------------------------------------------------------------------------------------------------


def test_mitel_lines_have_131_columns() -> None:
    lines = (EXAMPLES / "entreprise/tickets/mitel-3300.smdr").read_bytes().decode().split("\r\n")
    assert lines.pop() == ""
    assert Counter(len(line) == 131 for line in lines)[False] == 3  # a broken duration, a log message, the clock


def test_mitel_has_two_unreadable_lines_and_one_event() -> None:
    readings = mitel()
    assert reasons(readings) == {"bad_duration": 1, "garbage": 1}
    assert [reading.kind for reading in readings if isinstance(reading, Event)] == ["event"]


def test_two_mitel_lines_are_identical() -> None:
    lines = (EXAMPLES / "entreprise/tickets/mitel-3300.smdr").read_bytes().split(b"\r\n")
    twice = [line for line, times in Counter(lines).items() if times > 1 and line]
    assert len(twice) == 1
    assert twice[0].startswith(b" 10/07 09:14 ")


def test_avaya_tickets_come_in_the_order_in_which_calls_end() -> None:
    """Printed times go back once: in the night when the clocks do."""
    read = legs(avaya())
    segments = Counter(leg.call_id for leg in read)
    ends = [
        datetime.fromisoformat(str(leg.start)) + timedelta(seconds=leg.duration_s + (leg.ring_s or 0))
        for leg in read
        if segments[leg.call_id] == 1  # the segments of a transferred call print the start of the first one
    ]
    back = [later for sooner, later in pairwise(ends) if later < sooner]
    assert [str(at) for at in back] == ["2026-10-25 02:04:32"]  # 02:03:07 winter time + 8 s ringing + 77 s


# --- the operators' files ---------------------------------------------------------------------------------------------


def operator(source: str) -> list[Reading]:
    profile = (EXAMPLES / f"operateur/profiles/{source}.toml").read_text(encoding="utf-8")
    found: list[Reading] = []
    for path in sorted((EXAMPLES / f"operateur/tickets/{source}").iterdir()):
        found += read(path, "delimited", {"profile": profile})
    return found


@pytest.mark.parametrize(
    ("source", "unreadable"),
    [
        # the week of the 8th, with two of the three bad lines, came twice
        ("transalp", {"bad_start": 2, "column_count": 2, "bad_duration": 1}),
        ("lemanvoix", {"unknown_direction": 1}),
        ("oisans", {"column_count": 1}),
    ],
)
def test_unreadable_lines_of_each_operator(source: str, unreadable: dict[str, int]) -> None:
    assert reasons(operator(source)) == unreadable


def test_the_week_of_the_8th_came_twice_under_two_names() -> None:
    folder = EXAMPLES / "operateur/tickets/transalp"
    assert (folder / "transalp_20261008.csv").read_bytes() == (folder / "transalp_20261008_renvoi.csv").read_bytes()


def test_oisans_is_silent_from_the_27th() -> None:
    names = [path.name for path in (EXAMPLES / "operateur/tickets/oisans").iterdir()]
    assert max(names) == "OI_20261026.csv"
    assert len(names) == 26


def test_every_unpriced_number_begins_with_8835() -> None:
    unknown = [leg for source in ("transalp", "lemanvoix", "oisans") for leg in legs(operator(source))
               if str(leg.called).lstrip("+0").startswith("883")]  # fmt: skip
    assert len(unknown) == 5
    assert all(str(leg.called).startswith("+88351") for leg in unknown)


# --- who --------------------------------------------------------------------------------------------------------------


def test_sixty_customers_are_billed_and_the_house_is_not() -> None:
    roots = [row for row in rows("operateur/accounts.csv") if not row["parent"]]
    assert Counter(row["billable"] for row in roots) == {"yes": 60, "no": 1}
    branched = {row["parent"] for row in rows("operateur/accounts.csv") if row["parent"]}
    assert len(branched) == 12


def test_vat_regimes_and_audiences_are_those_of_the_readme() -> None:
    roots = [row for row in rows("operateur/accounts.csv") if not row["parent"]]
    assert Counter(row["vat_regime"] for row in roots) == {
        "standard": 55, "overseas_dom": 2, "guyane_mayotte": 1, "reverse_charge": 2, "exempt": 1,
    }  # fmt: skip
    assert [row["code"] for row in roots if (row["audience"], row["basis"]) == ("B2C", "ttc")] == [
        f"B20{n}" for n in range(13, 19)
    ]


def test_legal_numbers_are_valid() -> None:
    for row in rows("operateur/accounts.csv"):
        if row["siren"]:
            assert siren.is_valid(row["siren"])
            assert siret.is_valid(row["siret"])
        if row["vat_number"]:
            assert tva.is_valid(row["vat_number"])
    issuers = (EXAMPLES / "operateur/issuers.toml").read_text(encoding="utf-8")
    ibans = re.findall(r'iban = "(\w+)"', issuers)
    assert len(set(ibans)) == 2
    assert all(schwifty.IBAN(text).validate(validate_bban=True) for text in ibans)


def test_no_french_number_called_belongs_to_anybody() -> None:
    """Blocks kept for fiction, or in no operator's hands: the generator only draws from its own lists."""
    dialling = generator().carrier.__dict__["french_fixed"].__globals__
    free = dialling["FICTION_FIXED"] + dialling["FREE_FIXED"] + dialling["FREE_MOBILE"]
    overseas = (*dialling["OVERSEAS_FIXED"].values(), *dialling["OVERSEAS_MOBILE"].values(), "059659", "026262")
    for leg in legs(avaya()):
        if leg.called and leg.trunk and len(leg.called) == 11 and leg.called.startswith("0") and leg.called[1] == "0":
            national = leg.called[1:]
            assert national.startswith((*free, *overseas, "08")), national


@pytest.mark.parametrize("company", ["entreprise", "operateur"])
def test_every_identifier_names_one_line_and_every_line_one_account_a_day(company: str) -> None:
    lines = {row["code"] for row in rows(f"{company}/lines.csv")}
    named: Counter[Any] = Counter(
        (row["source"], row["kind"], row["value"]) for row in rows(f"{company}/identifiers.csv")
    )
    assert max(named.values()) == 1
    assert {row["line"] for row in rows(f"{company}/identifiers.csv")} == lines
    assert {row["line"] for row in rows(f"{company}/assignments.csv")} == lines


def test_every_number_called_from_the_head_office_is_known_to_the_plan() -> None:
    texts = {
        leg.called for leg in legs(avaya()) if leg.trunk and leg.calling != leg.called and leg.dialled == leg.called
    }
    unknown = [text for text in texts if text and identify(text, PLAN, outgoing=True).key.startswith("?")]
    assert unknown == []
