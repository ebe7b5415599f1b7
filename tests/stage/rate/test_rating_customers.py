"""Some customers of a month priced again, the others untouched: the same charges as rating everybody."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from ardoise import flow
from ardoise.collect.handover import snapshot_sources
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Account
from ardoise.rate import customers
from ardoise.rate.customers import roots_of
from ardoise.store.operations import GenerationMoved
from stage.company import LANDLINE, MOBILE, MONTH, RATES, Company, charges

pytestmark = pytest.mark.django_db(transaction=True)

DEARER = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")


@pytest.fixture
def many(company: Company) -> Company:
    """Twenty customers, more than there are buckets; each calls a mobile for 61 s, the odd ones a landline too."""
    for number in range(1, 21):
        company.customer(f"C{number}")
        company.line(f"04720000{number:02d}", f"C{number}")
    company.load()
    for number in range(1, 21):
        company.call(f"2026-10-05 10:{number:02d}:00", f"04720000{number:02d}", MOBILE, 61)
        if number % 2:
            company.call(f"2026-10-06 10:{number:02d}:00", f"04720000{number:02d}", LANDLINE, 60)
    company.rate()
    return company


def root(code: str) -> int:
    return Account.objects.get(code=code).pk


def sums() -> dict[int, int]:
    summed = charges().group_by(CHARGES.root_id).agg(pl.col(CHARGES.amount_micros).sum())
    return dict(summed.iter_rows())


def again(company: Company, *codes: str) -> flow.CustomersRated:
    return flow.rate_customers(month=MONTH, roots={root(code) for code in codes}, now=company.now)


def in_order() -> pl.DataFrame:
    return charges().sort(CHARGES.account_id, CHARGES.at, CHARGES.origin_id, CHARGES.part)


def test_the_customers_asked_for_have_the_new_prices_and_the_others_the_old_ones(many: Company) -> None:
    many.files["tariffs/public-2026-01-01.csv"] = DEARER
    many.load()
    rated = again(many, "C3", "C4")
    assert (rated.calls, len(rated.changes)) == (3, 2)
    # C3: 2 started minutes x 0.15 + 0.02; C4 the mobile alone; C5 still 2 x 0.12 + 0.02.
    found = sums()
    assert [found[root(code)] for code in ("C3", "C4", "C5")] == [320_000, 300_000, 260_000]
    assert len(found) == 20


def test_then_rating_everybody_gives_what_it_would_have_given_alone(many: Company) -> None:
    many.files["tariffs/public-2026-01-01.csv"] = DEARER
    many.load()
    again(many, "C3")
    many.rate()
    mixed = in_order()
    for number in range(1, 21):
        assert not again(many, f"C{number}").changes  # the same by one as by all
    assert in_order().equals(mixed)


def test_going_back_after_some_were_rated_alone_prices_everybody_again(many: Company) -> None:
    many.files["tariffs/public-2026-01-01.csv"] = DEARER
    many.load()
    again(many, "C3")
    many.files["tariffs/public-2026-01-01.csv"] = RATES
    many.load()
    assert many.rate().changed
    assert sums()[root("C3")] == 260_000


def test_twice_is_once(many: Company) -> None:
    many.files["tariffs/public-2026-01-01.csv"] = DEARER
    many.load()
    again(many, "C3")
    before = in_order()
    assert again(many, "C3").changes == ()
    assert in_order().equals(before)


def test_a_rating_under_way_at_the_same_time_is_not_mixed(many: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    many.files["tariffs/public-2026-01-01.csv"] = DEARER
    many.load()
    alone = customers.rate_roots

    def while_all_are_rated(**inputs: object) -> object:
        many.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.20")
        many.load()
        many.rate()
        return alone(**inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(customers, "rate_roots", while_all_are_rated)
    with pytest.raises(GenerationMoved):
        again(many, "C3")
    assert set(sums().values()) == {400_000, 420_000}


def test_customers_are_chosen_by_their_calls(many: Company) -> None:
    everybody = {account.pk for account in Account.objects.filter(parent=None, code__startswith="C")}
    sixth = datetime(2026, 10, 6, tzinfo=UTC), datetime(2026, 10, 7, tzinfo=UTC)
    assert roots_of(MONTH) == everybody and roots_of(MONTH, source="op") == everybody
    assert roots_of(MONTH, between=sixth) == {root(f"C{number}") for number in range(1, 21, 2)}
    assert roots_of(MONTH, accounts=[root("C2")]) == {root("C2")}
    assert roots_of(MONTH, source="elsewhere") == frozenset() == roots_of(MONTH, tariff_id=-1)
    assert snapshot_sources()  # the source exists: it is the word that chose nobody
