"""Rating as a user meets it: same inputs do nothing, unknown callers wait on a provisional line, zero is no guess."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ardoise import flow
from ardoise.catalog.queries import take_snapshot
from ardoise.collect.handover import snapshot_sources
from ardoise.core.rating import Why
from ardoise.core.schema import CHARGES
from ardoise.directory.models import Line, LineAssignment
from ardoise.rate import operations as rating
from ardoise.rate.columns import month as engine
from ardoise.rate.models import MonthRating
from ardoise.rate.queries import Asked, UnknownPayer, compare, lasting, quote
from ardoise.store import queries as store
from ardoise.store.models import TableName
from ardoise.store.operations import GenerationMoved
from stage.company import LANDLINE, MOBILE, MONTH, RATES, Company, charges, document_of, tariff

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, STRANGER = "0472000001", "0472999999"


@pytest.fixture
def served(company: Company) -> Company:
    company.customer("C1")
    company.line(PHONE, "C1")
    company.load()
    return company


def generations() -> dict[str, int]:
    return {file.partition: file.generation for file in store.files(TableName.OPEN, MONTH)}


def test_rating_twice_the_same_inputs_writes_nothing(served: Company) -> None:
    served.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    first = served.rate()
    before = generations()
    again = served.rate()
    assert (first.changed, first.calls, first.totals) == (True, 1, {"priced": 1})
    assert (again.changed, again.calls, again.totals) == (False, 1, {"priced": 1})
    assert generations() == before


def test_a_corrected_tariff_prices_the_open_month_again(served: Company) -> None:
    served.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    served.rate()
    served.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")
    served.load()
    assert served.rate().changed
    assert list(charges()[CHARGES.amount_micros]) == [300_000]  # 2 started minutes x 0.15


def test_going_back_to_the_first_tariff_after_a_crash_half_way_leaves_no_mixture(
    served: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2, 6):  # customers of several buckets
        served.customer(f"C{number}")
        served.line(f"047200000{number}", f"C{number}")
    served.load()
    for number in range(1, 6):
        served.call("2026-10-05 10:00:00", f"047200000{number}", MOBILE, 61)
    served.rate()
    served.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")
    served.load()

    def dies_when_the_files_are_swapped(**carried: object) -> None:
        raise ConnectionError("the machine stops here")

    with monkeypatch.context() as patched:
        patched.setattr(rating, "record_carried", dies_when_the_files_are_swapped)
        with pytest.raises(ConnectionError):
            served.rate()
    assert set(charges()[CHARGES.amount_micros]) == {240_000}
    served.files["tariffs/public-2026-01-01.csv"] = RATES
    served.load()
    served.rate()
    assert set(charges()[CHARGES.amount_micros]) == {240_000}


def test_two_ratings_at_once_do_not_mix(served: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    served.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    served.collect()
    inner = engine.rate_month

    def while_another_rates(**inputs: object) -> engine.RatedMonth:
        monkeypatch.setattr(rating, "rate_files", inner)
        served.rate()
        return inner(**inputs)  # type: ignore[arg-type]

    monkeypatch.setattr(rating, "rate_files", while_another_rates)
    with pytest.raises(GenerationMoved):
        served.rate()
    assert list(charges()[CHARGES.amount_micros]) == [240_000]


def test_a_call_without_a_rate_has_no_price_and_never_a_price_of_zero(served: Company) -> None:
    served.call("2026-10-05 10:00:00", PHONE, "0041223456789", 60)
    served.call("2026-10-05 11:00:00", PHONE, LANDLINE, 60)
    rated = served.rate()
    assert rated.totals == {"priced": 1, "unpriced/no_rate": 1}
    assert list(charges()[CHARGES.amount_micros]) == [None, 20_000]
    served.preview()
    served.issue()
    assert document_of("C1").totals.net_minor == 2
    assert charges("frozen").height == 1  # what has no price stays open until somebody gives it one


def test_an_unpriced_call_is_billed_once_its_prefix_has_a_rate(served: Company) -> None:
    served.call("2026-10-05 10:00:00", PHONE, "0041223456789", 60)
    served.bill()
    # The version has priced no issued document: it may still be completed.
    served.files["tariffs/public-2026-01-01.csv"] = RATES + "+41,,fixe,,0.30,1,1,,\n"
    served.load()
    (done,) = served.bill()
    assert (len(done.numbers), document_of("C1").totals.net_minor) == (1, 30)


def test_an_unknown_caller_waits_on_a_provisional_line_and_is_billed_once_re_attached(served: Company) -> None:
    served.call("2026-10-05 10:00:00", STRANGER, MOBILE, 60)
    served.call("2026-10-20 10:00:00", STRANGER, MOBILE, 60)
    rated = served.rate()
    assert (rated.registered, rated.totals) == (1, {"priced": 2})
    assert Line.objects.get(provisional=True).code == "unassigned:op:+33472999999"
    served.preview()
    (done,) = served.issue()
    assert done.numbers == []  # priced, reported, never invoiced to nobody

    served.line(STRANGER, "C1", since="2026-10-10")
    served.load()
    assert served.rate().totals == {"priced": 2}
    served.preview()
    (done,) = served.issue()
    assert len(done.numbers) == 1
    assert document_of("C1").totals.net_minor == 12  # the call of the 20th; that of the 5th is still nobody's
    owners = dict(zip(charges()[CHARGES.at].dt.day(), charges()[CHARGES.billable], strict=True))
    assert owners == {5: False, 20: True}


def test_a_gap_between_two_holders_is_found_even_when_the_first_and_the_last_call_have_one(served: Company) -> None:
    served.row("assignments", line=f"L{PHONE}")["valid_to_date"] = "2026-10-10"
    served.customer("C2")
    served.add("assignments", {"line": f"L{PHONE}", "account": "C2", "valid_from_date": "2026-10-20"})
    served.load()
    for day in (5, 15, 25):
        served.call(f"2026-10-{day:02d} 10:00:00", PHONE, LANDLINE, 60)
    assert served.rate().totals == {"priced": 3}
    assert list(charges()[CHARGES.billable]) == [True, False, True]


def test_rating_again_registers_nobody_twice(served: Company) -> None:
    served.call("2026-10-05 10:00:00", STRANGER, MOBILE, 60)
    assert served.rate().registered == 1
    served.call("2026-10-06 10:00:00", STRANGER, MOBILE, 60)
    assert served.rate().registered == 0
    assert Line.objects.filter(provisional=True).count() == 1


def test_the_calls_of_a_line_that_nobody_holds_wait_under_unassigned_too(served: Company) -> None:
    row = served.row("assignments", line=f"L{PHONE}")
    row["valid_to_date"] = "2026-10-15"  # somebody left, the telephone did not
    served.load()
    served.call("2026-10-05 10:00:00", PHONE, LANDLINE, 60)
    served.call("2026-10-20 10:00:00", PHONE, LANDLINE, 60)
    rated = served.rate()
    assert rated.totals == {"priced": 2}
    assert not Line.objects.filter(provisional=True).exists()  # the line is known, only its holder is not
    held = LineAssignment.objects.filter(line__code=f"L{PHONE}", superseded_at=None, account__provisional=True)
    assert [str(row.valid_from_date) for row in held] == ["2026-10-15"]
    served.preview()
    assert [finding.name for finding in flow.check(month=MONTH) if finding.name.startswith(("una", "eq"))] == [
        f"unassigned:L{PHONE}"
    ]
    served.issue()
    assert document_of("C1").totals.net_minor == 2


def test_the_month_is_that_of_the_issuer_not_of_utc(served: Company) -> None:
    served.call("2026-10-01 00:30:00", PHONE, LANDLINE, 60)  # 30 September, 22:30 UTC
    served.call("2026-11-01 00:30:00", PHONE, LANDLINE, 60)  # 31 October, 23:30 UTC
    assert served.rate().calls == 1
    assert served.rate("2026-11").calls == 1
    assert list(charges()[CHARGES.at]) == [datetime(2026, 9, 30, 22, 30, tzinfo=UTC)]


def test_a_month_without_calls_rates_to_nothing(served: Company) -> None:
    rated = served.rate()
    assert (rated.changed, rated.calls, rated.totals) == (True, 0, {})
    assert MonthRating.objects.get().month == MONTH
    assert not served.rate().changed


def test_progress_counts_every_call_once(served: Company) -> None:
    for hour in range(8, 18):
        served.call(f"2026-10-05 {hour:02d}:00:00", PHONE, LANDLINE, 60)
    served.collect()
    told: list[int] = []
    flow.rate(month=MONTH, now=served.now, progress=told.append)
    assert sum(told) == 10


def test_a_price_is_told_for_a_line_or_an_account_with_its_tariff(served: Company) -> None:
    at = datetime(2026, 10, 5, 8, tzinfo=UTC)
    sources = snapshot_sources()
    told = quote(Asked(MOBILE, at, 61, account="C1"), sources=sources)
    assert told.parts[0].amount_micros == 240_000
    with pytest.raises(UnknownPayer, match="no account has the code « C9 »"):
        quote(Asked(MOBILE, at, 61, account="C9"), sources=sources)
    with pytest.raises(UnknownPayer, match="no line has the code « L9 »"):
        quote(Asked(MOBILE, at, 61, line="L9"), sources=sources)


def test_a_call_is_compared_under_other_tariffs(served: Company) -> None:
    served.files["tariffs/new.toml"] = tariff("new")
    served.files["tariffs/new-2026-01-01.csv"] = RATES.replace("0.12,60,60", "0.10,1,1")
    served.load()
    asked = Asked(MOBILE, datetime(2026, 10, 5, 8, tzinfo=UTC), 61, account="C1")
    found = compare(asked, ["public", "new"], sources=snapshot_sources())
    # 2 started minutes x 0.12; 61/60 x 0.10 = 0.10167 to the micro
    assert {code: known.amount_micros for code, known in found.items()} == {"public": 240_000, "new": 101_667}


def test_a_balance_lasts_so_many_started_minutes(served: Company) -> None:
    asked = Asked(MOBILE, datetime(2026, 10, 5, 8, tzinfo=UTC), 3600, account="C1")
    # 0.12 a started minute: 0.25 pays two of them, 7.20 the hour that was asked
    lengths = [lasting(asked, Decimal(balance), sources=snapshot_sources()) for balance in ("0.11", "0.25", "7.20")]
    assert lengths == [0, 120, 3600]
    unreadable = replace(asked, number="anonymous")
    assert lasting(unreadable, Decimal(1), sources=snapshot_sources()) is Why.UNKNOWN_NUMBER


def test_what_rating_reads_hashes_the_same_until_something_changes(served: Company) -> None:
    before = take_snapshot(sources=snapshot_sources()).content_hash()
    assert take_snapshot(sources=snapshot_sources()).content_hash() == before
    served.load()
    assert take_snapshot(sources=snapshot_sources()).content_hash() == before
    served.row("accounts", code="C1")["billable"] = "no"
    served.load()
    assert take_snapshot(sources=snapshot_sources()).content_hash() != before


def test_a_rating_tells_which_accounts_it_changed_and_by_how_much(served: Company) -> None:
    served.customer("C2")
    served.line("0472000002", "C2")
    served.load()
    served.call("2026-10-05 10:00:00", PHONE, MOBILE, 61)
    served.call("2026-10-05 11:00:00", PHONE, LANDLINE, 60)
    served.call("2026-10-05 12:00:00", "0472000002", LANDLINE, 60)
    served.rate()
    served.files["tariffs/public-2026-01-01.csv"] = RATES.replace("+336,,mobile,,0.12", "+336,,mobile,,0.15")
    served.load()
    rated = flow.rate(month=MONTH, now=served.now, compare=True)
    # C1: one charge moved, 2 minutes x 0.12 -> 2 x 0.15; C2 did not move.
    (change,) = rated.changes
    assert (change.charges, change.currency, change.tax_basis) == (1, "EUR", "ht")
    assert (change.old_micros, change.new_micros, change.difference_micros) == (240_000, 300_000, 60_000)


def test_a_call_that_gets_a_price_is_a_change_from_none(served: Company) -> None:
    served.call("2026-10-05 10:00:00", PHONE, "0041223456789", 60)
    served.rate()
    served.files["tariffs/public-2026-01-01.csv"] = RATES + "+41,,fixe,,0.30,1,1,,\n"
    served.load()
    changes = flow.rate(month=MONTH, now=served.now, compare=True).changes
    assert [(row.currency, row.charges, row.old_micros, row.new_micros) for row in changes] == [
        ("", 1, 0, 0),
        ("EUR", 1, 0, 300_000),
    ]
