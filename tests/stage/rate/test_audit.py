"""`ardoise audit` on a loaded company: an operator's file, or the calls of a source whose prices it printed."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ardoise import flow
from ardoise.cli import wiring
from ardoise.cli.main import build
from ardoise.collect import operations as collecting
from stage.company import PROFILE, Company

pytestmark = pytest.mark.django_db(transaction=True)

# The operator's price list: mobiles at 10 cents a minute, landlines at 3, by the second as far as it says.
RATES = "prefix,exact,zone,band,price_per_min,first_s,next_s\n+33,,fixe,,0.03,1,1\n+336,,mobile,,0.10,1,1\n"
LENGTHS = (1, 20, 31, 45, 59, 61, 62, 75, 90, 118, 121, 133, 179, 181, 200, 245, 333, 601)
MONDAY = datetime(2026, 10, 5, 10)  # noqa: DTZ001 - as an operator prints it


@pytest.fixture
def buyer(company: Company) -> Company:
    company.files["tariffs/achat.toml"] = (
        'code = "achat"\nname = "Achat"\n\n[[version]]\nvalid_from_date = 2026-01-01\nrates = "achat.csv"\n'
    )
    company.files["tariffs/achat.csv"] = RATES
    company.files["tariff_links.csv"] += "source,op,achat\n"
    with_price = PROFILE.replace("from;to;seconds", "from;to;seconds;price").replace(
        'duration = "seconds"', 'duration = "seconds"\nprice = "price"'
    )
    example = next(line for line in PROFILE.splitlines() if line.startswith("line = "))
    company.files["profiles/calls.toml"] = with_price.replace(example, f'{example[:-1]};0.10"')
    company.load()
    return company


def bill(*, wrong: bool) -> str:
    """36 calls in started minutes; with `wrong`, the seventh costs 5 cents more."""
    lines = ["id;start;from;to;seconds;price"]
    for place, talk_s in enumerate(LENGTHS * 2):
        number, cents = ("0612345678", 10) if place % 4 < 2 else ("0140000000", 3)
        price = cents * -(-talk_s // 60) + (5 if wrong and place == 6 else 0)
        at = MONDAY + timedelta(minutes=11 * place)
        lines.append(f"{place};{at:%Y-%m-%d %H:%M:%S};0472000001;{number};{talk_s};{price // 100}.{price % 100:02d}")
    return "\n".join([*lines, ""])


def audit(*words: object) -> Result:
    return CliRunner().invoke(build(), ["audit", *map(str, words)], env={"COLUMNS": "200"})


def test_a_bill_in_started_minutes_is_explained_to_the_call(buyer: Company, tmp_path: Path) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(bill(wrong=False))
    done = audit(file, "--tariff", "achat", "--lang", "en")
    assert done.exit_code == 0, done.output
    assert "36 calls of 36 are explained" in done.output and "60/60" in done.output


def test_the_wrong_call_is_listed_with_the_money_at_stake(buyer: Company, tmp_path: Path) -> None:
    file, disputed = tmp_path / "bill.csv", tmp_path / "disputed.csv"
    file.write_text(bill(wrong=True))
    done = audit(file, "--tariff", "achat", "--unexplained", disputed, "--json")
    assert done.exit_code == 1
    said = json.loads(done.stdout.splitlines()[-1])
    assert (said["calls"], said["explained"], said["stake_micros"]) == (36, 35, 50_000)
    assert said["convention"]["increments"] == [60, 60]
    (row,) = said["unexplained"]
    assert (row["ref"], row["difference_micros"]) == ("line 8", 50_000)  # the seventh call, under the header
    (written,) = csv.DictReader(disputed.read_text().splitlines())
    assert (written["ref"], written["difference"], written["currency"]) == ("line 8", "0.05", "EUR")


def test_amounts_stand_under_each_other_in_the_language_asked(buyer: Company, tmp_path: Path) -> None:
    """Two wrong calls, one by 5 cents, one by a tenth of a cent: three decimals for all."""
    file = tmp_path / "bill.csv"
    lines = bill(wrong=True).splitlines()
    cells = lines[20].split(";")
    lines[20] = ";".join([*cells[:-1], cells[-1] + "1"])
    file.write_text("\n".join([*lines, ""]))
    french = audit(file, "--tariff", "achat", "--lang", "fr").output
    assert "2 appels inexpliqués (montants en EUR)" in french and "ligne 8" in french
    assert "0,050" in french and "0,001" in french and "0.05" not in french
    english = audit(file, "--tariff", "achat", "--lang", "en").output
    assert "2 unexplained calls (amounts in EUR)" in english
    assert "0.050" in english and "0.001" in english


def test_on_a_narrow_terminal_the_cause_stands_under_the_number(
    buyer: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(bill(wrong=True))
    monkeypatch.setattr(wiring.screen, "width", 80)
    lines = audit(file, "--tariff", "achat", "--lang", "fr").output.splitlines()
    at = next(place for place, line in enumerate(lines) if "05/10/2026 11:06:00" in line)  # 10:00 + 6 x 11 minutes
    assert lines[at].startswith("01\u202f40\u202f00\u202f00\u202f00") and lines[at].rstrip().endswith("0,05")
    assert lines[at + 1].startswith("ligne 8") and max(map(len, lines)) <= 80


def test_a_bill_that_every_rounding_explains_says_so(buyer: Company, tmp_path: Path) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(bill(wrong=False))
    done = audit(file, "--tariff", "achat", "--lang", "en", "--json")
    said = json.loads(done.stdout.splitlines()[-1])
    assert {"up", "down"} <= set(said["equal_roundings"]) and said["currency"] == "EUR"


def test_the_calls_of_a_source_are_put_to_its_own_tariff(buyer: Company) -> None:
    buyer.customer("C1")
    buyer.line("0472000001", "C1")
    buyer.load()
    file = buyer.home / "october.csv"
    file.write_text(bill(wrong=True))
    collecting.drop_file(source="op", file=file)
    flow.collect(now=buyer.now)
    flow.rate(month="2026-10", now=buyer.now)
    done = audit("--source", "op", "--month", "2026-10", "--today", "2026-11-05", "--json")
    said = json.loads(done.stdout.splitlines()[-1])
    assert (done.exit_code, said["calls"], said["explained"]) == (1, 36, 35)
    assert said["convention"]["deck"] == "achat"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give either a FILE"),
        (("missing.csv", "--tariff", "achat"), "cannot be read"),
        (("{bill}", "--tariff", "nothing"), "no tariff has the code « nothing »"),
        (("{bill}",), "name the tariffs"),
        (("--source", "nobody"), "no source has the code « nobody »"),
        (("--source", "nobody", "--tariff", "achat"), "no source has the code « nobody »"),
        (("--source", "op", "--month", "2026-09"), "no outgoing call of the source « op » has a printed price"),
        (("{bill}", "--tariff", "achat", "--lang", "de"), "choose fr or en"),
        (("{bill}", "--tariff", "achat", "--zone", "Mars"), "Mars"),
    ],
)
def test_what_is_asked_wrongly_ends_with_status_2(
    buyer: Company, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(bill(wrong=False))
    done = audit(*(word.replace("{bill}", str(file)) for word in words))
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())
