"""The proof of completeness holds at each step, and says so when it does not."""

from __future__ import annotations

import polars as pl
import pytest

from ardoise import flow
from ardoise.bill.equation import call_balance, charge_balance, rounding_balance
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Issuer
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import append_frozen, replace_partition
from ardoise.store.tables import write_parquet
from stage.company import EMERGENCY, LANDLINE, MOBILE, MONTH, RATES, SURTAXED, Company

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, TEST = "0472000001", "0472000002"


@pytest.fixture
def rated(company: Company) -> Company:
    """Three priced calls of C1 (one in two parts), one of a test line, one without a price, one of the next month.

    Micros: mobile 120 000, landline 20 000, surtaxed 0 + 1 200 000 (90 s at 0.80), test line 20 000.
    """
    company.customer("C1")
    company.customer("TEST", billable="no")
    company.line(PHONE, "C1")
    company.line(TEST, "TEST")
    company.load()
    company.call("2026-10-05 10:00:00", PHONE, MOBILE, 60)
    company.call("2026-10-31 23:59:59", PHONE, LANDLINE, 60)
    company.call("2026-10-05 12:00:00", PHONE, SURTAXED, 90)
    company.call("2026-10-05 13:00:00", TEST, LANDLINE, 60)
    company.call("2026-10-05 14:00:00", PHONE, "0041223456789", 60)
    company.call("2026-11-01 00:00:00", PHONE, LANDLINE, 60)
    company.rate()
    return company


def issuers() -> list[Issuer]:
    return list(Issuer.objects.all())


def test_every_call_of_the_month_is_priced_unpriced_or_excluded(rated: Company) -> None:
    balance = call_balance(MONTH, issuers(), ["op"])
    # Five calls: midnight of 1 November in Paris is 23:00 UTC on 31 October, and belongs to November.
    assert (balance.all, balance.priced, balance.unpriced, balance.excluded) == (5, 4, {"no_rate": 1}, {})
    assert balance.missing == 0


def test_priced_charges_are_open_before_the_issue_and_invoiced_after(rated: Company) -> None:
    count, micros = charge_balance(MONTH, issuers())
    assert (count.priced, count.open, count.not_billable, count.invoiced, count.missing) == (5, 4, 1, 0, 0)
    assert (micros.priced, micros.open, micros.not_billable) == (1_360_000, 1_340_000, 20_000)
    rated.preview()
    rated.issue()
    count, micros = charge_balance(MONTH, issuers())
    assert (count.priced, count.open, count.not_billable, count.invoiced, count.missing) == (5, 0, 1, 4, 0)
    assert (micros.invoiced, micros.open, micros.missing) == (1_340_000, 0, 0)


def test_a_price_that_changed_after_the_issue_is_a_proposal_and_the_equation_still_holds(rated: Company) -> None:
    rated.preview()
    rated.issue()
    rated.files["tariffs/cher.toml"] = (
        'code = "cher"\nname = "cher"\n[[version]]\nvalid_from_date = 2026-01-01\nrates = "cher-2026-01-01.csv"\n'
    )
    rated.files["tariffs/cher-2026-01-01.csv"] = "prefix,zone,price_per_min,first_s,next_s\n+336,mobile,0.50,60,60\n"
    rated.files["tariff_links.csv"] += "account,C1,cher\n"
    rated.load()
    rated.rate()
    count, micros = charge_balance(MONTH, issuers())
    assert (count.proposed, count.missing) == (0, 0)
    assert (micros.proposed, micros.open, micros.missing) == (380_000, 0, 0)  # 0.50 instead of 0.12


def test_a_charge_that_vanished_after_the_issue_is_a_proposal(rated: Company) -> None:
    rated.preview()
    rated.issue()
    _rewrite_open(pl.col(CHARGES.number_category) != "mobile")
    count, micros = charge_balance(MONTH, issuers())
    assert (count.proposed, micros.proposed, count.missing, micros.missing) == (-1, -120_000, 0, 0)


def test_a_lost_charge_makes_the_equation_of_calls_false(rated: Company) -> None:
    _rewrite_open(pl.col(CHARGES.number_category) != "mobile")
    assert call_balance(MONTH, issuers(), ["op"]).missing == 1
    assert [finding.name for finding in flow.check(month=MONTH) if finding.name.startswith("equation")] == [
        "equation:calls:voxa"
    ]


def test_a_charge_frozen_twice_makes_the_equation_of_charges_false(rated: Company) -> None:
    rated.preview()
    rated.issue()
    again = store.scan(TableName.FROZEN, [MONTH], filter=pl.col(CHARGES.number_category) == "mobile").collect()
    append_frozen(month=MONTH, partition="voxa", files=[write_parquet(again, TableName.FROZEN)])
    count, micros = charge_balance(MONTH, issuers())
    assert (count.missing, micros.missing) == (-1, -120_000)
    names = {finding.name for finding in flow.check(month=MONTH)}
    assert {"equation:charges:voxa", "equation:micros:voxa", "equation:lines:voxa"} <= names


def test_lines_are_the_sum_of_their_charges_within_a_cent(rated: Company) -> None:
    rated.call("2026-10-06 10:00:00", PHONE, LANDLINE, 13)  # 0.02 x 13/60 = 0.004333
    rated.call("2026-10-06 11:00:00", PHONE, EMERGENCY, 30)
    rated.rate()
    rated.preview()
    rated.issue()
    balance = rounding_balance(MONTH, issuers())
    # Mobiles 0.12; landlines 0.024333 -> 0.02; service 1.20: the lines lose 4333 micros.
    assert (balance.charges_micros, balance.rounding_micros) == (1_344_333, -4_333)
    assert (balance.lines_micros, balance.lines_off) == (1_340_000, 0)


def test_a_tampered_file_of_frozen_charges_shows_on_its_line(rated: Company) -> None:
    rated.preview()
    rated.issue()
    (file,) = store.files(TableName.FROZEN, MONTH)
    cheaper = pl.when(pl.col(CHARGES.amount_micros) == 120_000).then(10_000).otherwise(pl.col(CHARGES.amount_micros))
    pl.read_parquet(file.path).with_columns(cheaper.alias(CHARGES.amount_micros)).write_parquet(file.path)
    balance = rounding_balance(MONTH, issuers())
    assert balance.lines_off == 1
    assert "equation:lines:voxa" in {finding.name for finding in flow.check(month=MONTH)}


def test_rating_again_at_other_prices_before_the_issue_keeps_the_equation(rated: Company) -> None:
    rated.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+33,,fixe,,0.02", "+33,,fixe,,0.04")
    rated.load()
    rated.rate()
    count, micros = charge_balance(MONTH, issuers())
    assert (count.missing, micros.missing, micros.priced) == (0, 0, 1_400_000)  # two landline minutes, 20 000 more each


def _rewrite_open(keep: pl.Expr) -> None:
    """Lose charges of the open table, as a defect would."""
    for file in store.files(TableName.OPEN, MONTH):
        kept = pl.read_parquet(file.path).filter(keep)
        replace_partition(
            table=TableName.OPEN,
            month=MONTH,
            partition=file.partition,
            expected_generation=file.generation,
            files=[write_parquet(kept, TableName.OPEN)] if kept.height else [],
        )
