"""Who pays: the order of the identifiers, the order of the sources, and time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.core.rating_world import DEPARTMENT, ISSUER, LINE, MONDAY_10H, call, world

from ardoise.core.attribution import (
    Attribution,
    Attributor,
    IncompleteSnapshot,
    NoLine,
    Unattributed,
    root_bucket,
)
from ardoise.core.snapshot import (
    IdentifierKind,
    LineAssignment,
    Snapshot,
    SnapshotAccount,
    SnapshotIdentifier,
    SnapshotSource,
)

EXTENSION, NUMBER = IdentifierKind.EXTENSION, IdentifierKind.NUMBER


def directory(*identifiers: SnapshotIdentifier, assignments: tuple[LineAssignment, ...] = ()) -> Snapshot:
    lines = assignments or tuple(LineAssignment(line_id, DEPARTMENT, None, None) for line_id in range(1, 10))
    return replace(world(), identifiers=identifiers, assignments=lines)


def named(value: str, line_id: int, *, source: str = "pbx", kind: IdentifierKind = EXTENSION) -> SnapshotIdentifier:
    return SnapshotIdentifier(source, kind, value, line_id, None, None)


ALL = (named("201", 1), named("202", 2), named("33140000000", 3, source="", kind=NUMBER))


@pytest.mark.parametrize(
    ("charged", "party", "ddi", "line_id", "rule"),
    [
        ("201", "202", "33140000000", 1, "charged"),
        ("", "202", "33140000000", 2, "party"),
        ("999", "202", "33140000000", 2, "party"),
        ("", "", "33140000000", 3, "ddi"),
    ],
)
def test_charged_then_party_then_ddi(charged: str, party: str, ddi: str, line_id: int, rule: str) -> None:
    found = Attributor(directory(*ALL)).attribute(call(60, charged=charged, party=party, ddi=ddi))
    assert isinstance(found, Attribution)
    assert (found.line_id, found.identifier_rule) == (line_id, rule)


def test_a_ddi_is_not_an_extension() -> None:
    found = Attributor(directory(*ALL)).attribute(call(60, charged="33140000000"))
    assert isinstance(found, Unattributed)
    assert found.why is NoLine.NO_LINE


def test_the_identifier_of_the_source_comes_before_the_one_of_any_source() -> None:
    snapshot = directory(named("201", 1, source=""), named("201", 2))
    snapshot = replace(snapshot, sources=(*snapshot.sources, SnapshotSource(8, "elsewhere", ISSUER, False)))
    attributor = Attributor(snapshot)
    own, other = attributor.attribute(call(60)), attributor.attribute(call(60, source="elsewhere"))
    assert isinstance(own, Attribution) and isinstance(other, Attribution)
    assert (own.line_id, other.line_id) == (2, 1)


def test_an_extension_shared_by_two_companies_goes_to_the_company_of_the_source() -> None:
    snapshot = directory(named("201", 1, source=""), named("201", 2, source=""))
    snapshot = replace(
        snapshot,
        accounts=(*snapshot.accounts, SnapshotAccount(50, None, 50, 2, "X", True)),
        assignments=(LineAssignment(1, DEPARTMENT, None, None), LineAssignment(2, 50, None, None)),
        sources=(*snapshot.sources, SnapshotSource(8, "other-pbx", 2, False)),
    )
    first = Attributor(snapshot).attribute(call(60))
    second = Attributor(snapshot).attribute(call(60, source="other-pbx"))
    assert isinstance(first, Attribution) and isinstance(second, Attribution)
    assert (first.line_id, second.line_id) == (1, 2)


def test_an_extension_re_attached_on_a_date_changes_line_at_that_instant() -> None:
    moved = (
        SnapshotIdentifier("pbx", EXTENSION, "201", 1, None, MONDAY_10H),
        SnapshotIdentifier("pbx", EXTENSION, "201", 2, MONDAY_10H, None),
    )
    attributor = Attributor(directory(*moved))
    before = attributor.attribute(call(60, answered_at=MONDAY_10H - timedelta(microseconds=1)))
    after = attributor.attribute(call(60))
    assert isinstance(before, Attribution) and isinstance(after, Attribution)
    assert (before.line_id, after.line_id) == (1, 2)


def test_a_line_that_nobody_holds_at_that_moment_is_said() -> None:
    ended = (LineAssignment(LINE, DEPARTMENT, None, MONDAY_10H),)
    found = Attributor(directory(named("201", LINE), assignments=ended)).attribute(call(60))
    assert isinstance(found, Unattributed)
    assert found.why is NoLine.NO_ACCOUNT


def test_a_source_that_the_snapshot_does_not_know_is_said() -> None:
    found = Attributor(directory(*ALL)).attribute(call(60, source="new"))
    assert isinstance(found, Unattributed)
    assert found.why is NoLine.NO_SOURCE


def test_an_account_that_is_its_own_ancestor_is_refused() -> None:
    looped = replace(
        world(), accounts=(SnapshotAccount(10, 11, 10, 1, "A", True), SnapshotAccount(11, 10, 10, 1, "B", True))
    )
    with pytest.raises(IncompleteSnapshot):
        Attributor(looped)


def test_the_bucket_is_a_function_of_the_root_alone() -> None:
    assert [root_bucket(root_id, buckets=16) for root_id in (0, 15, 16, 33)] == [0, 15, 0, 1]
