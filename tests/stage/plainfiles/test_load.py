"""Loading a folder: what comes in, that nothing comes in twice, that what was believed stays."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ardoise.access.scope import EVERYTHING
from ardoise.bill.models import PastTotal
from ardoise.catalog.models import Rate, Subscription, TariffLink, TariffVersion
from ardoise.catalog.subscriptions import change_subscription
from ardoise.collect.models import Source
from ardoise.directory.models import SINCE_EVER, Account, Identifier, Issuer, LineAssignment
from ardoise.plainfiles.dumping import FolderInUse, dump, dump_replacing
from ardoise.plainfiles.loading import load
from ardoise.plainfiles.problems import LoadRefused
from ardoise.plainfiles.reading import NoFolder
from stage.plainfiles.company_folder import LATER, LOADED_AT, SOUND, read, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "company", SOUND)


def test_a_company_comes_in_whole(folder: Path) -> None:
    report = load(folder, recorded_at=LOADED_AT)
    assert {count.file: count.new for count in report.files} == {
        "accounts.csv": 4,
        "allowances.csv": 1,
        "assignments.csv": 3,
        "calendars.toml": 3,  # one calendar, two rules
        "identifiers.csv": 2,
        "issuers.toml": 2,
        "lines.csv": 2,
        "past_totals.csv": 1,
        "plans.csv": 1,
        "products.csv": 2,
        "purchases.csv": 1,
        "sources.toml": 1,
        "subscriptions.csv": 2,
        "tariff_links.csv": 3,
        "tariffs/public-2026-01-01.csv": 5,
        "tariffs/public.toml": 2,  # the tariff, its version
        "vat_rates.csv": 3,
        "zones.csv": 2,
    }
    account = Account.objects.get(code="C1-COMPTA")
    assert (account.parent.code, account.issuer.code) == ("C1", "voxa")  # the issuer of its customer
    assert Account.objects.get(code="C1").vat_regime == "standard"  # ComTrafic's 1
    assert Issuer.objects.get(code="voxa").logo_svg == SOUND["logos/voxa.svg"]
    assert Issuer.objects.get(code="voxa").iban == "FR7630006000011234567890189"
    assert Identifier.objects.get(kind="number").value == "33472000001"
    assert Rate.objects.get(prefix="+33", band="creuse").price_per_min == Decimal("0.0250")
    assert TariffLink.objects.get(source_code="pbx-lyon").tariff.code == "public"
    assert Source.objects.get().port == 33000
    assert PastTotal.objects.get().total_minor == 2040


def test_loading_twice_changes_nothing_and_says_so(folder: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    again = load(folder, recorded_at=LATER)
    assert again.changed_nothing
    assert sum(count.unchanged for count in again.files) == 40  # every row of the first load
    assert not LineAssignment.objects.filter(recorded_at=LATER).exists()


def test_a_changed_dated_row_supersedes_and_the_old_belief_stays_readable(folder: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    text = SOUND["assignments.csv"].replace("L1,C1,,2026-10-15", "L1,C1,,2026-10-20")
    write(folder, {"assignments.csv": text.replace("COMPTA,2026-10-15", "COMPTA,2026-10-20")})
    with pytest.raises(LoadRefused, match="overlaps the row loaded already"):
        load(folder, recorded_at=LATER)  # the row from 15 October is still there
    write(
        folder,
        {
            "assignments.csv": text.replace("COMPTA,2026-10-15,", "COMPTA,2026-10-15,2026-10-15")
            + "L1,C1-COMPTA,2026-10-20,\n"
        },
    )
    report = load(folder, recorded_at=LATER)
    (count,) = [count for count in report.files if count.file == "assignments.csv"]
    assert (count.new, count.changed, count.unchanged) == (1, 2, 1)
    believed = LineAssignment.objects.filter(line__code="L1", recorded_at=LOADED_AT).order_by("valid_from_date")
    assert [(row.valid_to_date, row.superseded_at) for row in believed] == [(date(2026, 10, 15), LATER), (None, LATER)]
    current = LineAssignment.objects.filter(line__code="L1", superseded_at=None).order_by("valid_from_date")
    assert [(row.account.code, row.valid_from_date, row.valid_to_date) for row in current] == [
        ("C1", SINCE_EVER, date(2026, 10, 20)),
        ("C1-COMPTA", date(2026, 10, 20), None),
    ]
    assert load(folder, recorded_at=LATER).changed_nothing  # the row taken back stays taken back


def test_a_subscription_that_ends_is_superseded(folder: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    write(folder, {"subscriptions.csv": SOUND["subscriptions.csv"].replace("2026-01-01,", "2026-01-01,2026-11-01")})
    load(folder, recorded_at=LATER)
    ended = Subscription.objects.filter(reference="S1").order_by("recorded_at")
    assert [(row.valid_to_date, row.superseded_at) for row in ended] == [(None, LATER), (date(2026, 11, 1), None)]


def test_a_folder_written_before_a_command_changed_a_row_is_refused_with_the_way_out(folder: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    change_subscription(
        scope=EVERYTHING, reference="S2", on=date(2026, 11, 1), quantity=Decimal(3), recorded_at=LOADED_AT
    )
    with pytest.raises(LoadRefused) as refusal:
        load(folder, recorded_at=LATER)
    (problem,) = refusal.value.problems
    assert str(problem) == (
        "subscriptions.csv, line 3, column valid_from_date: reference « S2 »: overlaps the row loaded already "
        "(valid_from_date 2026-11-01); if a command changed the row since this file was written (ardoise subscription "
        "change ...), write the folder again with: ardoise dump FOLDER --replace; else give the earlier one a "
        "valid_to_date, or take the loaded one back: repeat it with a valid_to_date equal to its valid_from_date"
    )
    dump_replacing(folder)
    assert load(folder, recorded_at=LATER).changed_nothing


def test_a_part_of_the_folder_may_be_loaded_alone(folder: Path, tmp_path: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    part = write(tmp_path / "part", {"lines.csv": "code,name\nL3,Cave\n", "assignments.csv": "line,account\nL3,C1\n"})
    report = load(part, recorded_at=LATER)
    assert [(count.file, count.new) for count in report.files] == [("assignments.csv", 1), ("lines.csv", 1)]


def test_a_list_of_rates_is_given_whole(folder: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    name = "tariffs/public-2026-01-01.csv"
    text = (
        SOUND[name].replace("+337,mobile,,0.1200,60,60,,\n", "").replace("+336,mobile,,0.1200", "+336,mobile,,0.1300")
    )
    report = load(write(folder, {name: text}), recorded_at=LATER)
    (count,) = [count for count in report.files if count.file == name]
    assert (count.new, count.changed, count.unchanged, count.removed) == (0, 1, 3, 1)
    before, now = TariffVersion.objects.order_by("recorded_at")
    assert (before.superseded_at, now.superseded_at, now.recorded_at) == (LATER, None, LATER)
    assert sorted(now.rates.values_list("prefix", flat=True)) == ["+33", "+33", "+336", "3639"]
    assert before.rates.get(prefix="+336").price_per_min == Decimal("0.1200")  # what was believed stays readable


def test_an_error_anywhere_loads_nothing(folder: Path) -> None:
    write(folder, {"past_totals.csv": "account,month,usage,subscription,total\nC9,2026-09,1,1,2\n"})
    with pytest.raises(LoadRefused):
        load(folder, recorded_at=LOADED_AT)
    assert not Issuer.objects.exists()


def test_an_empty_folder_is_no_company(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match="holds no plain file"):
        load(tmp_path, recorded_at=LOADED_AT)
    with pytest.raises(NoFolder, match="is not a folder"):
        load(tmp_path / "nowhere", recorded_at=LOADED_AT)


def test_what_is_dumped_is_what_was_loaded(folder: Path, tmp_path: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    dump(tmp_path / "dumped")
    assert load(tmp_path / "dumped", recorded_at=LATER).changed_nothing
    files = read(tmp_path / "dumped")
    assert files.keys() == SOUND.keys()
    assert files["assignments.csv"] == SOUND["assignments.csv"]  # in canonical form already
    assert files["logos/voxa.svg"] == SOUND["logos/voxa.svg"]
    assert "+33472000001" in files["identifiers.csv"]


def test_a_dump_does_not_mix_with_other_plain_files_unless_asked(folder: Path, tmp_path: Path) -> None:
    load(folder, recorded_at=LOADED_AT)
    used = write(
        tmp_path / "used", {"tariffs/old.toml": "", "zones.csv": "", "README.md": "kept", "tickets/a.csv": "kept"}
    )
    with pytest.raises(FolderInUse, match="--replace"):
        dump(used)
    dump_replacing(used)
    assert not (used / "tariffs/old.toml").exists()
    assert (used / "README.md").read_text() == (used / "tickets/a.csv").read_text() == "kept"
    assert load(used, recorded_at=LATER).changed_nothing


def test_a_deck_of_36_000_rates_loads_in_blocks_of_rows(folder: Path) -> None:
    prefixes = [f"+{number}" for number in range(100000, 136000)]
    deck = "".join(f"{prefix},mobile,,0.0{i % 900 + 100},1,1,,\n" for i, prefix in enumerate(prefixes))
    header = SOUND["tariffs/public-2026-01-01.csv"].splitlines(keepends=True)[0]
    write(folder, {"tariffs/public-2026-01-01.csv": header + deck})
    with CaptureQueriesContext(connection) as asked:
        load(folder, recorded_at=LOADED_AT)
    assert Rate.objects.count() == 36_000
    assert len(asked) < 3_600  # hundreds of statements of many rows; one a row would be 36 000
    assert load(folder, recorded_at=LATER).changed_nothing
