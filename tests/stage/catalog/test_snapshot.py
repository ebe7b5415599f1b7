"""The snapshot: what directory and catalogue say, in instants of the issuer's zone, hashed by content."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.catalog.queries import SnapshotRefused, take_snapshot
from ardoise.catalog.values import parse_steps
from ardoise.collect.handover import snapshot_sources
from ardoise.core.snapshot import IdentifierKind, OwnerKind, Snapshot
from ardoise.directory.models import Account, Line
from stage.company import Company, tariff, voxa

pytestmark = pytest.mark.django_db(transaction=True)

PHONE = "0472000001"


@pytest.fixture
def company(home: Path) -> Company:
    company = voxa(home)
    company.customer("C1")
    company.branch("C1-NORD", "Nord", parent="C1")
    company.line(PHONE, "C1-NORD")
    return company


def taken(company: Company) -> Snapshot:
    company.load()
    return take_snapshot(sources=snapshot_sources())


def ids(snapshot: Snapshot) -> dict[str, int]:
    return {account.code: account.account_id for account in snapshot.accounts}


def test_every_account_knows_its_root(company: Company) -> None:
    snapshot = taken(company)
    roots = {account.code: account.root_id for account in snapshot.accounts}
    assert roots == {"C1": ids(snapshot)["C1"], "C1-NORD": ids(snapshot)["C1"]}


def test_dates_are_midnights_of_the_issuer_s_zone(company: Company) -> None:
    row = company.row("assignments", account="C1-NORD")
    row |= {"valid_from_date": "2026-07-01", "valid_to_date": "2026-12-01"}
    (assignment,) = taken(company).assignments
    assert assignment.valid_from_at == datetime(2026, 6, 30, 22, tzinfo=UTC)  # summer time
    assert assignment.valid_to_at == datetime(2026, 11, 30, 23, tzinfo=UTC)  # winter time


def test_since_ever_is_open(company: Company) -> None:
    snapshot = taken(company)
    assert snapshot.assignments[0].valid_from_at is None
    (identifier,) = snapshot.identifiers
    assert (identifier.kind, identifier.value, identifier.valid_from_at) == (IdentifierKind.NUMBER, "33472000001", None)


def test_an_issuer_overseas_has_its_own_midnight(company: Company) -> None:
    company.files["issuers.toml"] += 'zone = "Indian/Reunion"\n'
    company.row("assignments", account="C1-NORD")["valid_from_date"] = "2026-07-01"
    (assignment,) = taken(company).assignments
    assert assignment.valid_from_at == datetime(2026, 6, 30, 20, tzinfo=UTC)  # UTC+4


def test_a_version_ends_where_the_next_one_begins(company: Company) -> None:
    company.files["tariffs/public.toml"] = tariff("public", versions=("2026-01-01", "2026-10-15"))
    company.files["tariffs/public-2026-10-15.csv"] = "prefix,zone,price_per_min\n+336,mobile,0.15\n"
    (public,) = taken(company).tariffs
    first, second = public.versions
    assert first.valid_to_at == second.valid_from_at == datetime(2026, 10, 14, 22, tzinfo=UTC)
    assert second.valid_to_at is None


def test_rates_are_in_the_form_that_calls_are_matched_with(company: Company) -> None:
    (public,) = taken(company).tariffs
    prefixes = {(rate.prefix, rate.exact) for rate in public.versions[0].rates}
    assert prefixes == {("33", False), ("336", False), ("33899", False), ("!112", True)}


def test_a_plan_brings_its_tariff_and_its_seconds_to_the_line_that_has_it(company: Company) -> None:
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\nparligne,1 h,3600,fixe,line\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait,,public,parligne\n"
    company.subscribe("S1", "C1-NORD", line=f"L{PHONE}", plan="P", valid_from_date="2026-10-15")
    snapshot = taken(company)
    line_id = Line.objects.get().pk
    (grant,) = snapshot.grants
    assert (grant.owner_kind, grant.owner_id) == (OwnerKind.LINE, line_id)
    assert grant.valid_from_at == datetime(2026, 10, 14, 22, tzinfo=UTC)
    ranks = {(link.owner_kind, link.rank) for link in snapshot.links}
    assert ranks == {(OwnerKind.ISSUER, 20), (OwnerKind.LINE, 10)}


def test_seconds_by_line_of_a_plan_of_the_account_go_to_each_of_its_lines_once(company: Company) -> None:
    company.line("0472000002", "C1-NORD")
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\nparligne,1 h,3600,fixe,line\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait,,public,parligne\n"
    company.subscribe("S1", "C1-NORD", plan="P", valid_from_date="2026-10-01")
    grants = taken(company).grants
    assert sorted(grant.owner_id for grant in grants) == sorted(Line.objects.values_list("id", flat=True))


def test_seconds_of_an_account_are_one_pool(company: Company) -> None:
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\ncommun,1 h,3600,fixe,account\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait,,public,commun\n"
    company.subscribe("S1", "C1-NORD", line=f"L{PHONE}", plan="P", valid_from_date="2026-10-01")
    snapshot = taken(company)
    (grant,) = snapshot.grants
    assert (grant.owner_kind, grant.owner_id) == (OwnerKind.ACCOUNT, ids(snapshot)["C1-NORD"])


def test_a_subscription_that_was_changed_counts_once(company: Company) -> None:
    company.files["allowances.csv"] = "code,name,quantity,zones,owner\nparligne,1 h,3600,fixe,line\n"
    company.files["plans.csv"] = "code,name,product,tariff,allowances\nP,Forfait,,public,parligne\n"
    company.subscribe("S1", "C1-NORD", line=f"L{PHONE}", plan="P", valid_from_date="2026-10-01")
    company.load()
    company.row("subscriptions", reference="S1")["valid_to_date"] = "2026-11-01"
    (grant,) = taken(company).grants
    assert grant.valid_to_at == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_the_hash_is_that_of_the_content_not_of_the_moment(company: Company) -> None:
    first = taken(company)
    again = take_snapshot(sources=snapshot_sources())
    assert first.content_hash() == again.content_hash()
    company.row("assignments", account="C1-NORD")["valid_to_date"] = "2026-12-01"
    assert taken(company).content_hash() != first.content_hash()


def test_an_account_that_is_its_own_ancestor_is_refused_with_the_path(company: Company) -> None:
    company.load()
    Account.objects.filter(code="C1").update(parent=Account.objects.get(code="C1-NORD"))
    with pytest.raises(SnapshotRefused, match="C1 is its own ancestor: C1 > C1-NORD > C1"):
        take_snapshot(sources=snapshot_sources())


def test_a_tariff_link_to_a_source_that_is_gone_is_refused(company: Company) -> None:
    company.files["tariff_links.csv"] += "source,op,public\n"
    company.load()
    with pytest.raises(SnapshotRefused, match="names the source « op », which does not exist"):
        take_snapshot(sources=())


def test_steps_are_read_exactly_and_refused_with_an_example() -> None:
    first, second = parse_steps("0:0.10/60/60;180:0.05/60/1")
    assert (first.from_s, str(first.price), first.per_s, first.increment_s) == (0, "0.10", 60, 60)
    assert (second.from_s, second.increment_s) == (180, 1)
    for wrong in ("0:0.10/60", "x:0.10/60/60", "0:dix/60/60", ""):
        with pytest.raises(ValueError, match="write from_s:price/per_s/increment_s"):
            parse_steps(wrong)
