"""Every pricing field of the plain files, as the snapshot gives it to the engines."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ardoise.catalog import operations
from ardoise.catalog.models import Allowance, Promotion
from ardoise.catalog.queries import take_snapshot
from ardoise.collect.handover import snapshot_sources
from ardoise.core.snapshot import Carried, ExchangeRate, OwnerKind, Snapshot
from ardoise.core.tariffs import (
    Adjustment,
    AllowanceOwner,
    BandBorder,
    Counted,
    IncrementOrigin,
    Parent,
    Rate,
    RoundingPoint,
    Step,
    Tariff,
    Tiers,
)
from ardoise.core.usage import UsageKind
from ardoise.directory.models import Account, Issuer, Line
from ardoise.rate.queries import Asked, quote
from stage.company import Company, tariff, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE, OTHER = "0472000001", "0472000002"
OCTOBER_AT = datetime(2026, 9, 30, 22, tzinfo=UTC)  # midnight of 1 October in Paris


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    company.customer("C1")
    company.branch("C1-NORD", "Nord", parent="C1")
    company.line(PHONE, "C1-NORD")
    return company


def taken(company: Company, **options: str) -> Snapshot:
    company.load()
    return take_snapshot(sources=snapshot_sources(), **options)  # type: ignore[arg-type]


def tariff_named(snapshot: Snapshot, code: str) -> Tariff:
    (found,) = (one for one in snapshot.tariffs if one.code == code)
    return found


def rates(company: Company, header: str, *rows: str) -> dict[str, Rate]:
    """The rows of the public tariff by prefix, once these are its only ones."""
    company.files["tariffs/public-2026-01-01.csv"] = "\n".join([header, *rows]) + "\n"
    (version,) = tariff_named(taken(company), "public").versions
    return {rate.prefix: rate for rate in version.rates}


def test_a_tariff_says_nothing_unusual_unless_its_header_does(company: Company) -> None:
    public = tariff_named(taken(company), "public")
    assert (public.incoming, public.band_border, public.tiers) == (False, BandBorder.START, Tiers.GRADUATED)
    assert (public.increment_decimals, public.rounding_point, public.parent) == (None, RoundingPoint.CALL, None)
    assert public.first_block_once is False


def test_every_convention_of_a_header_reaches_the_engines(company: Company) -> None:
    company.files["tariffs/public.toml"] = company.files["tariffs/public.toml"].replace(
        'name = "public"',
        'name = "public"\nincrement_origin = "step"\ntiers = "volume"\nincrement_decimals = 0\nincoming = true\n'
        'rounding_point = "line"\nfirst_block_once = true\n'
        'parent = "gros"\nparent_percentage = "-12.5"\nparent_amount_per_min = "0.001"',
    )
    company.files["tariffs/gros.toml"] = tariff("gros").replace('name = "gros"', 'name = "gros"\nincoming = true')
    company.files["tariffs/gros-2026-01-01.csv"] = "prefix,zone,price_per_min\n+33,fixe,0.01\n"
    snapshot = taken(company)
    public, gros = tariff_named(snapshot, "public"), tariff_named(snapshot, "gros")
    assert (public.increment_origin, public.tiers, public.incoming) == (IncrementOrigin.STEP, Tiers.VOLUME, True)
    assert (public.increment_decimals, public.rounding_point) == (0, RoundingPoint.LINE)
    assert (public.first_block_once, gros.first_block_once) == (True, False)
    assert public.parent == Parent(gros.tariff_id, Adjustment(Decimal("-12.5"), Decimal("0.001")))


def test_the_fees_and_limits_of_a_row(company: Company) -> None:
    found = rates(
        company,
        "prefix,zone,price_per_min,first_s,next_s,connection_fee,minimum,maximum,free_s,surcharge,surcharge_at_s,"
        "surcharge_every_s,attempt_fee,origin,service_price,service_per,added_s,raised_above_s,raised_to_s",
        "+336,mobile,-0.10,60,1,0.05,0.06,2.50,10,0.20,600,300,0.01,+594,0.15,call,3,30,60",
        "3639,fixe,0.10,30,30,,,,,,,,,,,,,,",
    )
    mobile = found["336"]
    assert mobile.steps == (Step(0, Decimal("-0.10"), 60, 60), Step(60, Decimal("-0.10"), 60, 1))
    assert (mobile.connection_fee, mobile.minimum, mobile.maximum) == (
        Decimal("0.05"), Decimal("0.06"), Decimal("2.50"),
    )  # fmt: skip
    assert (mobile.free_s, mobile.attempt_fee, mobile.origin) == (10, Decimal("0.01"), "594")
    assert (mobile.surcharge, mobile.surcharge_at_s, mobile.surcharge_every_s) == (Decimal("0.20"), 600, 300)
    assert (mobile.added_s, mobile.raised_above_s, mobile.raised_to_s) == (3, 30, 60)
    short = found["!3639"]
    assert (short.added_s, short.raised_above_s, short.raised_to_s) == (0, 0, 0)
    assert (short.steps, short.maximum, short.coefficient) == ((Step(0, Decimal("0.10"), 60, 30),), None, None)
    assert (short.surcharge, short.attempt_fee, short.free_s, short.origin) == (0, 0, 0, "")


def test_rows_that_count_something_else_than_seconds(company: Company) -> None:
    found = rates(
        company,
        "prefix,zone,kind,price,per,first_s,next_s,steps,coefficient",
        "+336,mobile,sms,0.05,,,,,",
        "+,fixe,data,0.10,1048576,1024,1024,,",
        "=emergency,secours,call,0,,,,,",
        "?3639-INFO,sva,event,,,,,0:0.30/1/1,",
        "+33,fixe,call,,,,,,1.25",
    )
    assert {prefix: rate.kind for prefix, rate in found.items()} == {
        "336": UsageKind.SMS, "": UsageKind.DATA, "=emergency": UsageKind.CALL, "?3639-INFO": UsageKind.EVENT,
        "33": UsageKind.CALL,
    }  # fmt: skip
    assert found["336"].steps == (Step(0, Decimal("0.05"), 1, 1),)  # 5 cents a message
    assert found[""].steps == (Step(0, Decimal("0.10"), 1048576, 1024),)  # 10 cents a mebibyte, by kibibytes
    assert (found["33"].steps, found["33"].coefficient) == ((), Decimal("1.25"))


def test_a_row_of_a_category_prices_a_number_that_is_asked(company: Company) -> None:
    rates(company, "prefix,zone,price_per_min", "+,fixe,0.10", "=emergency,secours,0")
    asked = {
        number: quote(Asked(number, OCTOBER_AT, 60, account="C1"), sources=snapshot_sources()).amount_micros
        for number in ("0472000009", "112", "0472")
    }
    assert asked == {"0472000009": 100_000, "112": 0, "0472": None}  # "+" is every number of digits, no short number


def test_one_prefix_has_rows_by_kind_and_by_origin(company: Company) -> None:
    company.files["tariffs/public-2026-01-01.csv"] = (
        "prefix,zone,price,kind,origin\n+336,mobile,0.02,call,\n+336,mobile,0.09,call,@208\n+336,mobile,0.05,sms,\n"
    )
    (version,) = tariff_named(taken(company), "public").versions
    assert {(rate.kind, rate.origin) for rate in version.rates} == {
        (UsageKind.CALL, ""), (UsageKind.CALL, "@208"), (UsageKind.SMS, ""),
    }  # fmt: skip


def test_a_calendar_rule_may_hold_on_some_days_of_the_year(company: Company) -> None:
    company.files["calendars.toml"] = (
        '[[calendar]]\ncode = "fetes"\n[[calendar.rule]]\nband = "creuse"\ndays = "12345678"\nstart = "00:00"\n'
        'end = "24:00"\ndates = "12-31/01-02 02-29 12-24"\n'
    )
    ((rule,),) = (calendar.rules for calendar in taken(company).calendars)
    assert rule.dates == {(12, 31), (1, 1), (1, 2), (2, 29), (12, 24)}


def test_tariffs_of_a_node_stand_in_their_order_with_their_adjustments(company: Company) -> None:
    company.files["tariffs/recus.toml"] = tariff("recus").replace('name = "recus"', 'name = "recus"\nincoming = true')
    company.files["tariffs/recus-2026-01-01.csv"] = "prefix,zone,price_per_min\n+33,fixe,0.01\n"
    company.files["tariff_links.csv"] = (
        "owner_kind,owner,tariff,trunk,position,percentage,amount_per_min\n"
        "issuer,voxa,public,,,,\nissuer,voxa,recus,,1,,\naccount,C1,public,,,-10,0.002\n"
        "source,op,public,,,,\nsource,op,public,T1,,,\n"
    )
    links = taken(company).links
    assert [link.rank for link in links if link.owner_kind is OwnerKind.ISSUER] == [20, 21]
    (own,) = (link for link in links if link.owner_kind is OwnerKind.ACCOUNT)
    assert (own.rank, own.adjustment) == (0, Adjustment(Decimal("-10"), Decimal("0.002")))
    assert [link.trunk for link in links if link.owner_kind is OwnerKind.SOURCE] == ["", "T1"]


def test_the_terms_of_an_allowance(company: Company) -> None:
    company.files["allowances.csv"] = (
        "code,name,quantity,counted,zones,owner,priority,call_limit,correspondents,increment,rollover_months,prorated,"
        "as_billed,call_fee\n"
        "euros,10 €,10.50,money,mobile,account,,2.25,,,1,,,\n"
        "illimite,Illimité,unlimited,seconds,fixe,line,,10800,99,60,,,yes,0.015\n"
        "go,50 Go,53687091200,octets,fixe,pool,5,,,,,yes,,\n"
    )
    money, unlimited, data = taken(company).allowances
    assert (money.quantity, money.counted, money.call_limit) == (10_500_000, Counted.MONEY, 2_250_000)  # micros
    assert (money.owner, money.rollover_months, money.prorated) == (AllowanceOwner.ACCOUNT, 1, False)
    assert (unlimited.quantity, unlimited.call_limit, unlimited.correspondents) == (None, 10_800, 99)
    assert (unlimited.increment, unlimited.priority) == (60, 100)
    assert (unlimited.as_billed, unlimited.call_fee) == (True, Decimal("0.015"))
    assert (data.as_billed, data.call_fee) == (False, 0)
    assert (data.quantity, data.owner, data.priority, data.prorated) == (53_687_091_200, AllowanceOwner.POOL, 5, True)


def test_a_pool_counts_once_a_line_and_as_often_as_an_account_subscribes(company: Company) -> None:
    company.line(OTHER, "C1-NORD")
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\ncommun,1 h,3600,fixe,pool\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait,,public,commun\n"
    for number in (PHONE, OTHER):
        company.subscribe(f"S{number}", "C1-NORD", line=f"L{number}", plan="P", valid_from_date="2026-10-01")
    company.subscribe("S", "C1", plan="P", quantity="3", valid_from_date="2026-10-01")
    grants = taken(company).grants
    assert sorted(g.owner_id for g in grants if g.owner_kind is OwnerKind.LINE) == sorted(
        Line.objects.values_list("pk", flat=True)
    )
    assert [g.owner_id for g in grants if g.owner_kind is OwnerKind.ACCOUNT] == [Account.objects.get(code="C1").pk] * 3


def test_promotions_are_granted_to_a_node_or_through_a_plan(company: Company) -> None:
    company.files["promotions.csv"] = (
        "code,name,zones,percentage,amount,counted,from_quantity,to_quantity,owner,priority\n"
        "volume,-20 % après 100 €,mobile,20,,money,100.00,500,account,10\nsoldes,Soldes,,,0.02,,,,,\n"
    )
    company.files["promotion_grants.csv"] = (
        "owner_kind,owner,promotion,valid_from_date,valid_to_date\n"
        f"issuer,voxa,soldes,2026-10-01,2026-11-01\nline,L{PHONE},soldes,,\n"
    )
    company.files["plans.csv"] = "code,name,product,tariff,allowances,promotions\nP,Forfait,,public,,volume\n"
    company.subscribe("S", "C1", plan="P", valid_from_date="2026-10-01")
    snapshot = taken(company)
    by_code = {promotion.code: promotion for promotion in snapshot.promotions}
    volume, sales = by_code["volume"], by_code["soldes"]
    assert (volume.percentage, volume.counted, volume.zones) == (20, Counted.MONEY, {"mobile"})
    assert (volume.from_quantity, volume.to_quantity) == (100_000_000, 500_000_000)  # micros
    assert (sales.amount, sales.counted, sales.zones) == (Decimal("0.02"), Counted.CALLS, frozenset())
    assert (sales.from_quantity, sales.to_quantity, sales.owner) == (0, None, AllowanceOwner.LINE)
    ids = dict(Promotion.objects.values_list("code", "pk"))
    account, issuer, line = Account.objects.get(code="C1").pk, Issuer.objects.get().pk, Line.objects.get().pk
    assert {(g.owner_kind, g.owner_id, g.promotion_id, g.valid_from_at) for g in snapshot.promotion_grants} == {
        (OwnerKind.ISSUER, issuer, ids["soldes"], OCTOBER_AT),
        (OwnerKind.LINE, line, ids["soldes"], None),
        (OwnerKind.ACCOUNT, account, ids["volume"], OCTOBER_AT),
    }


def test_resellers_exchange_rates_and_the_longest_prefix_over_all(company: Company) -> None:
    company.customer("REVENDEUR")
    company.row("accounts", code="C1")["reseller"] = "REVENDEUR"
    company.files["issuers.toml"] += "longest_over_all = true\n"
    company.files["exchange_rates.csv"] = "currency,other,rate,valid_from_date\nUSD,EUR,0.9123,2026-10-01\n"
    snapshot = taken(company)
    ids = {account.code: account.account_id for account in snapshot.accounts}
    assert {account.code: account.reseller_id for account in snapshot.accounts} == {
        "C1": ids["REVENDEUR"], "C1-NORD": None, "REVENDEUR": None,
    }  # fmt: skip
    assert snapshot.longest_over_all == {Issuer.objects.get().pk}
    assert snapshot.exchange_rates == (ExchangeRate("USD", "EUR", Decimal("0.9123"), OCTOBER_AT),)


def test_only_what_is_carried_into_the_month_is_there(company: Company) -> None:
    company.files["allowances.csv"] = "code,name,quantity,zones,rollover_months\nreport,1 h,3600,fixe,1\n"
    without = taken(company)
    account = Account.objects.get(code="C1").pk
    left = Carried(
        "2026-11", Allowance.objects.get().pk, OwnerKind.LINE, Line.objects.get().pk, account, "2026-10", 600
    )
    operations.record_carried(month="2026-11", rows=[left])
    assert taken(company, month="2026-11").carried == (left,)
    # Rating October writes what is left for November: October's own snapshot must not move for it.
    assert taken(company, month="2026-10").content_hash() == taken(company).content_hash() == without.content_hash()
