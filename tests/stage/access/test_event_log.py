"""The event log: append-only, chained in batches, and any change of a sealed line shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ardoise import flow
from ardoise.access import operations as access
from ardoise.access.models import Event
from ardoise.access.queries import LogState, verify_log
from stage.company import Company, numbers

pytestmark = pytest.mark.django_db(transaction=True)

AT = datetime(2026, 11, 5, 8, tzinfo=UTC)


def log(count: int) -> None:
    for number in range(count):
        access.log_event(at=AT, kind="document.issued", subject=f"document:{number}", digest=f"{number:064d}")


def test_sealed_lines_verify_and_the_tail_is_counted() -> None:
    log(3)
    assert access.seal_events() == 3
    log(2)
    assert verify_log() == LogState(sealed=3, unsealed=2, broken_at=None)
    assert access.seal_events() == 2
    assert verify_log() == LogState(sealed=5, unsealed=0, broken_at=None)


def test_sealing_nothing_is_nothing() -> None:
    assert access.seal_events() == 0
    assert verify_log() == LogState(0, 0, None)


def test_a_tail_longer_than_a_batch_is_sealed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "SEAL_BATCH", 2)
    log(5)
    assert access.seal_events() == 5
    assert verify_log() == LogState(5, 0, None)


@pytest.mark.parametrize(
    "changed", [{"subject": "document:9"}, {"digest": "f" * 64}, {"kind": "other"}, {"actor": "nobody"}]
)
def test_any_change_of_a_sealed_line_shows_where_it_is(changed: dict[str, str]) -> None:
    log(4)
    access.seal_events()
    second = Event.objects.order_by("id")[1]
    Event.objects.filter(pk=second.pk).update(**changed)
    assert verify_log() == LogState(sealed=1, unsealed=0, broken_at=second.pk)


def test_a_line_taken_out_shows_at_the_next_one() -> None:
    log(4)
    access.seal_events()
    second, third = Event.objects.order_by("id")[1:3]
    second.delete()
    assert verify_log().broken_at == third.pk


def test_a_line_committed_after_a_later_one_was_sealed_takes_its_place_at_the_end() -> None:
    for number in (1, 3):
        Event.objects.create(id=number, at=AT, kind="document.issued", subject=f"document:{number}")
    access.seal_events()
    Event.objects.create(id=2, at=AT, kind="document.issued", subject="document:2")  # its transaction was longer
    access.seal_events()
    assert verify_log() == LogState(sealed=3, unsealed=0, broken_at=None)
    assert list(Event.objects.order_by("rank").values_list("id", flat=True)) == [1, 3, 2]


def test_a_document_leaves_its_digest_in_the_log_and_nobody_s_name(company: Company) -> None:
    company.customer("C1", "Mairie")
    company.product("abo", "10.00")
    company.subscribe("S1", "C1", product="abo", valid_from_date="2026-11-01")
    company.load()
    company.bill()
    (event,) = Event.objects.all()
    assert numbers() == ["FA2026-00001"]
    assert (event.kind, event.subject.split(":")[0], len(event.digest)) == ("document.issued", "document", 64)
    flow.deliver(now=company.now)
    assert verify_log() == LogState(sealed=1, unsealed=0, broken_at=None)
