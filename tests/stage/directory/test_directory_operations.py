"""The directory on a real database: trees, dated rows, what nobody knows yet."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ardoise.access.scope import EVERYTHING, Scope
from ardoise.directory import operations, queries
from ardoise.directory.bulk import InvalidPeriod, UnknownCode
from ardoise.directory.models import SINCE_EVER, Account, Identifier, Issuer, Line, LineAssignment
from ardoise.directory.operations import UnknownIdentifier

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 10, 5, 8, tzinfo=UTC)
TUESDAY = datetime(2026, 10, 6, 8, tzinfo=UTC)


@pytest.fixture
def issuer() -> Issuer:
    operations.put_issuers(rows=[{"code": "voxa", "name": "Voxa", "company": "Voxa"}])
    return Issuer.objects.get()


def account(code: str, parent: str = "", issuer: str = "voxa") -> dict[str, object]:
    return {"code": code, "name": code.title(), "issuer": issuer, "parent": parent}


def assigned(line: str, account: str, first: date = SINCE_EVER, last: date | None = None) -> dict[str, object]:
    return {"line": line, "account": account, "valid_from_date": first, "valid_to_date": last}


def named(value: str, line: str, source: str = "pbx", first: date = SINCE_EVER, last: date | None = None) -> dict:
    row = {"source": source, "kind": "extension", "value": value, "line": line}
    return {**row, "valid_from_date": first, "valid_to_date": last}


def held(line: str) -> list[tuple[str, date, date | None]]:
    rows = LineAssignment.objects.filter(line__code=line, superseded_at=None).order_by("valid_from_date")
    return [(row.account.code, row.valid_from_date, row.valid_to_date) for row in rows]


# --- accounts ------------------------------------------------------------------------------------------------------


def test_accounts_may_come_children_first(issuer: Issuer) -> None:
    operations.put_accounts(rows=[account("desk", "branch"), account("branch", "customer"), account("customer")])
    assert Account.objects.get(code="desk").parent.parent.code == "customer"


def test_a_child_takes_the_issuer_of_its_parent(issuer: Issuer) -> None:
    operations.put_accounts(rows=[account("branch", "customer", issuer=""), account("customer")])
    assert Account.objects.get(code="branch").issuer == issuer
    operations.put_accounts(rows=[account("desk", "branch", issuer="")])  # its parent is in the database
    assert Account.objects.get(code="desk").issuer == issuer


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_cycle_of_any_length_is_refused_with_its_path(issuer: Issuer, length: int) -> None:
    codes = [f"a{i}" for i in range(length)]
    rows = [account(code, codes[(i + 1) % length]) for i, code in enumerate(codes)]
    with pytest.raises(operations.AccountCycle, match=" > ".join([*codes, "a0"])):
        operations.put_accounts(rows=rows)


def test_a_cycle_through_what_is_there_already_is_refused(issuer: Issuer) -> None:
    operations.put_accounts(rows=[account("a"), account("b", "a"), account("c", "b")])
    with pytest.raises(operations.AccountCycle, match="a > c > b > a"):
        operations.put_accounts(rows=[account("a", "c")])
    assert Account.objects.get(code="a").parent is None


def test_an_unknown_parent_is_named(issuer: Issuer) -> None:
    with pytest.raises(UnknownCode, match="account nobody, parent of desk"):
        operations.put_accounts(rows=[account("desk", "nobody")])


# --- dated rows ----------------------------------------------------------------------------------------------------


@pytest.fixture
def lines(issuer: Issuer) -> None:
    operations.put_accounts(rows=[account("red"), account("blue")])
    operations.put_lines(rows=[{"code": "L1", "name": ""}, {"code": "L2", "name": ""}])


def test_a_correction_keeps_what_was_believed(lines: None) -> None:
    operations.put_assignments(rows=[assigned("L1", "red")], recorded_at=MONDAY)
    operations.put_assignments(rows=[assigned("L1", "blue")], recorded_at=TUESDAY)
    assert held("L1") == [("blue", SINCE_EVER, None)]
    old = LineAssignment.objects.get(superseded_at=TUESDAY)
    assert (old.account.code, old.recorded_at) == ("red", MONDAY)


def test_the_same_row_again_writes_nothing(lines: None) -> None:
    operations.put_assignments(rows=[assigned("L1", "red")], recorded_at=MONDAY)
    operations.put_assignments(rows=[assigned("L1", "red")], recorded_at=TUESDAY)
    assert LineAssignment.objects.get().recorded_at == MONDAY


def test_two_accounts_at_once_for_a_line_are_refused(lines: None) -> None:
    operations.put_assignments(rows=[assigned("L1", "red")], recorded_at=MONDAY)
    with pytest.raises(operations.Overlap, match="L1: the row from 1900-01-01 and the row from 2026-10-15"):
        operations.put_assignments(rows=[assigned("L1", "blue", date(2026, 10, 15))], recorded_at=TUESDAY)
    assert held("L1") == [("red", SINCE_EVER, None)]


def test_a_validity_cannot_end_before_it_starts(lines: None) -> None:
    with pytest.raises(InvalidPeriod):
        operations.put_assignments(
            rows=[assigned("L1", "red", date(2026, 10, 2), date(2026, 10, 1))], recorded_at=MONDAY
        )


# --- what nobody knows yet -----------------------------------------------------------------------------------------


def test_an_unknown_identifier_gets_a_line_under_unassigned(issuer: Issuer) -> None:
    line = operations.register_provisional_line(
        source_code="pbx", kind="extension", value="204", issuer=issuer, recorded_at=MONDAY
    )
    assert (line.code, line.provisional) == ("unassigned:pbx:204", True)
    assert held(line.code) == [("voxa-unassigned", SINCE_EVER, None)]
    unassigned = Account.objects.get(code="voxa-unassigned")
    assert (unassigned.name, unassigned.billable, unassigned.provisional) == ("Non affecté", False, True)


def test_registering_again_changes_nothing(issuer: Issuer) -> None:
    unknown = [UnknownIdentifier("pbx", "extension", "204"), UnknownIdentifier("pbx", "number", "33472000001")]
    first = operations.register_provisional_lines(unknown=unknown, issuer=issuer, recorded_at=MONDAY)
    again = operations.register_provisional_lines(unknown=unknown, issuer=issuer, recorded_at=TUESDAY)
    assert first == again
    assert sorted(line.code for line in again.values()) == ["unassigned:pbx:+33472000001", "unassigned:pbx:204"]
    assert (Identifier.objects.count(), LineAssignment.objects.count()) == (2, 2)


def test_a_thousand_unknown_identifiers_cost_a_few_queries(issuer: Issuer) -> None:
    unknown = [UnknownIdentifier("pbx", "extension", str(n)) for n in range(1000)]
    with CaptureQueriesContext(
        connection,
    ) as queries_made:
        operations.register_provisional_lines(unknown=unknown, issuer=issuer, recorded_at=MONDAY)
    assert Line.objects.count() == 1000
    assert len(queries_made) < 60


def test_a_provisional_identifier_covers_only_the_dates_nobody_declared(lines: None, issuer: Issuer) -> None:
    row = named("204", "L1", first=date(2026, 10, 10), last=date(2026, 10, 20))
    operations.put_identifiers(rows=[row], recorded_at=MONDAY)
    line = operations.register_provisional_line(
        source_code="pbx", kind="extension", value="204", issuer=issuer, recorded_at=MONDAY
    )
    spans = queries.identifiers_of(EVERYTHING, line).values_list("valid_from_date", "valid_to_date")
    assert list(spans) == [(SINCE_EVER, date(2026, 10, 10)), (date(2026, 10, 20), None)]


@pytest.mark.parametrize("source", ["pbx", ""])
def test_a_declared_identifier_takes_the_place_of_the_provisional_one(lines: None, issuer: Issuer, source: str) -> None:
    operations.register_provisional_line(
        source_code="pbx", kind="extension", value="204", issuer=issuer, recorded_at=MONDAY
    )
    operations.put_identifiers(rows=[named("204", "L1", source=source, first=date(2026, 10, 1))], recorded_at=TUESDAY)
    current = Identifier.objects.filter(superseded_at=None).order_by("valid_from_date")
    assert [(row.line.code, row.valid_from_date, row.valid_to_date) for row in current] == [
        ("unassigned:pbx:204", SINCE_EVER, date(2026, 10, 1)),
        ("L1", date(2026, 10, 1), None),
    ]


def test_a_provisional_line_is_re_attached_with_dates(lines: None, issuer: Issuer) -> None:
    line = operations.register_provisional_line(
        source_code="pbx", kind="extension", value="204", issuer=issuer, recorded_at=MONDAY
    )
    assert list(queries.provisional_lines(EVERYTHING)) == [line]
    operations.put_assignments(rows=[assigned(line.code, "red", date(2026, 10, 1))], recorded_at=TUESDAY)
    assert held(line.code) == [
        ("voxa-unassigned", SINCE_EVER, date(2026, 10, 1)),
        ("red", date(2026, 10, 1), None),
    ]
    operations.put_assignments(rows=[assigned(line.code, "red", date(2026, 10, 1))], recorded_at=TUESDAY)
    assert len(held(line.code)) == 2


def test_a_long_value_still_gives_a_code_that_fits(issuer: Issuer) -> None:
    for value in ("?" + "x" * 79, "a b", "?" + "x" * 78 + "y"):
        line = operations.register_provisional_line(
            source_code="pbx", kind="number", value=value, issuer=issuer, recorded_at=MONDAY
        )
        assert len(line.code) <= 80
        assert " " not in line.code
    assert Line.objects.count() == 3


# --- reads ---------------------------------------------------------------------------------------------------------


def test_a_scope_sees_its_issuers_only(issuer: Issuer) -> None:
    operations.put_issuers(rows=[{"code": "other", "name": "Other", "company": "Other"}])
    operations.put_accounts(rows=[account("a"), account("a1", "a"), account("b", issuer="other")])
    operations.put_lines(rows=[{"code": "L1"}])
    operations.put_assignments(
        rows=[assigned("L1", "a1", last=date(2026, 10, 1)), assigned("L1", "b", date(2026, 10, 1))], recorded_at=MONDAY
    )
    voxa = Scope(frozenset({"voxa"}))
    line = Line.objects.get()
    a1 = queries.account_by_code(voxa, "a1")
    assert [node.account.code for node in queries.accounts_tree(voxa)] == ["a"]
    assert [child.account.code for child in queries.accounts_tree(voxa)[0].children] == ["a1"]
    assert queries.root_of(voxa, a1).code == "a"
    assert [one.code for one in queries.below(voxa, queries.root_of(voxa, a1))] == ["a", "a1"]
    assert list(queries.lines_of(voxa, a1, on=date(2026, 9, 30))) == [line]
    assert list(queries.lines_of(voxa, a1, on=date(2026, 10, 1))) == []  # half open: the other's from that day
    assert [row.account.code for row in queries.assignments_of(voxa, line)] == ["a1"]
    with pytest.raises(queries.NoSuchAccount, match="« b »"):
        queries.account_by_code(voxa, "b")
    assert [one.code for one in queries.issuers(EVERYTHING)] == ["other", "voxa"]
