"""OVHcloud, Twilio and Teams records."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, Unreadable
from ardoise.formats import registry

AT = datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)
OVH = {
    "consumptionId": 42,
    "creationDatetime": "2026-10-05T09:12:33+02:00",
    "calling": "0033198765432",
    "called": "0033612345678",
    "dialed": "0612345678",
    "duration": 61,
    "wayType": "outgoing",
    "priceWithoutTax": {"currencyCode": "EUR", "text": "0.04 €", "value": 0.0412},
}
TWILIO = {
    "sid": "CA1",
    "status": "completed",
    "from": "+33198765432",
    "to": "+33612345678",
    "start_time": "Mon, 05 Oct 2026 07:12:33 +0000",
    "duration": "61",
    "price": "-0.01300",
    "price_unit": "EUR",
    "direction": "outbound-dial",
}
TEAMS = {
    "id": "row-1",
    "callType": "ByotOut",
    "userPrincipalName": "claire@acme.example",
    "inviteDateTime": "2026-10-05T07:12:28Z",
    "startDateTime": "2026-10-05T07:12:33.1234567Z",
    "duration": 61,
    "successfulCall": True,
    "callerNumber": "+33198765432",
    "calleeNumber": "+33612345***",
    "trunkFullyQualifiedDomainName": "sbc.acme.example",
}


def read(name: str, record: object) -> object:
    return registry.get(name).reader({})(json.dumps(record).encode())


def leg(name: str, record: object) -> Leg:
    found = read(name, record)
    assert isinstance(found, Leg)
    return found


def test_a_consumption_of_ovh_keeps_its_exact_price_without_tax() -> None:
    found = leg("ovh", OVH)
    assert (found.start, found.duration_s, found.direction) == (AT, 61, Direction.OUT)
    assert (found.operator_price, found.currency, found.call_id) == (Decimal("0.0412"), "EUR", "42")


@pytest.mark.parametrize(
    ("way", "direction"),
    [("incoming", Direction.IN), ("transfer", Direction.TRANSFERRED), ("new", Direction.UNKNOWN)],
)
def test_the_way_of_an_ovh_consumption_is_its_direction(way: str, direction: Direction) -> None:
    assert leg("ovh", OVH | {"wayType": way}).direction is direction


def test_an_ovh_call_of_no_seconds_was_not_answered_and_has_no_price() -> None:
    found = leg("ovh", OVH | {"duration": 0, "priceWithoutTax": {"currencyCode": "EUR", "value": 0}})
    assert (found.answered, found.operator_price) == (False, None)


def test_a_debit_of_twilio_is_a_price() -> None:
    found = leg("twilio", TWILIO)
    assert (found.start, found.duration_s, found.operator_price) == (AT, 61, Decimal("0.01300"))
    assert leg("twilio", TWILIO | {"price": None}).operator_price is None


@pytest.mark.parametrize("status", ["queued", "ringing", "in-progress"])
def test_a_call_of_twilio_that_is_not_over_is_an_event(status: str) -> None:
    assert isinstance(read("twilio", TWILIO | {"status": status}), Event)


@pytest.mark.parametrize(
    ("status", "said"), [("busy", "busy"), ("failed", "failed"), ("no-answer", None), ("canceled", None)]
)
def test_a_call_of_twilio_that_failed_has_no_talk(status: str, said: str | None) -> None:
    found = leg("twilio", TWILIO | {"status": status})
    assert (found.answered, found.duration_s, found.extras.get("status")) == (False, 0, said)


def test_a_teams_call_starts_when_it_was_answered_and_says_so() -> None:
    found = leg("teams", TEAMS)
    assert found.start == datetime(2026, 10, 5, 7, 12, 33, 123456, tzinfo=UTC)
    assert (found.ring_s, found.extras["start_is_answer"]) == (5, True)  # 33.1 - 28 s
    assert (found.extension, found.trunk, found.extras["masked"]) == ("claire@acme.example", "sbc.acme.example", True)


def test_a_teams_call_that_failed_starts_at_its_invitation() -> None:
    unset = {"startDateTime": "0001-01-01T00:00:00Z", "successfulCall": False, "finalSipCode": 486, "duration": 0}
    found = leg("teams", TEAMS | unset | {"failureDateTime": "2026-10-05T07:12:40Z"})
    assert found.start == datetime(2026, 10, 5, 7, 12, 28, tzinfo=UTC)
    assert (found.answered, found.ring_s, found.extras["status"]) == (False, 12, "busy")


@pytest.mark.parametrize(
    ("call_type", "direction"),
    [
        ("ByotIn", Direction.IN),
        ("ByotOutUcap", Direction.OUT),
        ("user_in", Direction.IN),
        ("conf_out", Direction.OUT),
        ("ucap_in", Direction.IN),
        ("regular", Direction.UNKNOWN),
    ],
)
def test_the_type_of_a_teams_call_is_its_direction(call_type: str, direction: Direction) -> None:
    assert leg("teams", TEAMS | {"callType": call_type}).direction is direction


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("ovh", {"a": 1}, "no_cdr"),
        ("ovh", OVH | {"creationDatetime": "2026-10-05T09:12:33"}, "bad_start"),
        ("ovh", OVH | {"duration": "1:01"}, "bad_duration"),
        ("twilio", {"sid": "CA1"}, "no_cdr"),
        ("twilio", TWILIO | {"start_time": "yesterday"}, "bad_start"),
        ("teams", {"id": "row-1"}, "no_cdr"),
        ("teams", TEAMS | {"startDateTime": None, "inviteDateTime": None}, "bad_start"),
        ("teams", TEAMS | {"duration": None}, "bad_duration"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, record: object, reason: str) -> None:
    found = read(name, record)
    assert isinstance(found, Unreadable)
    assert (found.reason, bool(found.detail)) == (reason, True)


@pytest.mark.parametrize(
    ("name", "record", "protected"),
    [("ovh", OVH, "0033198765432"), ("twilio", TWILIO, "33198765432"), ("teams", TEAMS, "claire@acme.example")],
)
def test_a_redacted_record_hides_the_other_number_and_is_still_read(
    name: str, record: dict[str, object], protected: str
) -> None:
    redacted = registry.get(name).redact(json.dumps(record).encode(), frozenset({protected}))
    found = registry.get(name).reader({})(redacted)
    assert isinstance(found, Leg)
    assert (found.called, found.extras["no_detail"]) == (None, True)
    assert b"612345" not in redacted
