"""HTTPS pull against fakes that keep to the published protocols: to a charge, and through every accident."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from ardoise.collect import operations
from ardoise.collect.batch import blobs, journal_of
from ardoise.collect.fetch.pull import Puller
from ardoise.collect.fetch.services import yeastar
from ardoise.collect.models import FreshUsage, Quarantined, Source
from ardoise.collect.receive import Receiver
from ardoise.store.journal import Kind, ReceivedFile
from faults.collect.collector_process import free_port
from stage.collect.fakes.http import Answer
from stage.collect.fakes.services import FakeGraph, FakeOvh, FakeTwilio, FakeYeastar
from stage.collect.through import Peer, receive, through

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 6, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "secret-7")
    monkeypatch.setattr("ardoise.collect.waiting.RETRY_S", (0.01, 0.05))


@pytest.fixture
def pbx() -> Iterator[FakeYeastar]:
    with FakeYeastar().running() as fake:
        assert isinstance(fake, FakeYeastar)
        yield fake


@pytest.fixture
def yeastar_source(make_source: Callable[..., Source], pbx: FakeYeastar) -> Source:
    link = {"service": "yeastar", "user": "client-7", "password": "env:TEST_SECRET", "url": pbx.url, "every_s": "1"}
    return make_source("pbx", format="yeastar", transport="https", link=link, outside_prefix="")


def turns(wanted: int, between: Callable[[], None] = lambda: None) -> Peer:
    """Plays nobody: waits for so many turns, `between` is what happens after the first one."""

    async def wait(receiver: Receiver, data: bytes) -> None:
        assert isinstance(receiver, Puller)
        while receiver.turns < 1:
            await asyncio.sleep(0.01)
        between()
        while receiver.turns < wanted:
            await asyncio.sleep(0.01)

    return wait


async def until_alarm(receiver: Receiver, data: bytes) -> None:
    """Waits long enough for a refusal to be said more than once, if it were."""
    await asyncio.sleep(1.0)


def pull(source: Source, *, wanted: int = 1, between: Callable[[], None] = lambda: None) -> list[tuple[str, str]]:
    noticed = receive(source, b"", turns(wanted, between), arrived_at=NOW)
    operations.parse(source=source.code, now=NOW)
    return noticed


def deliveries(source: Source) -> list[str]:
    return [ReceivedFile.of(entry).name for entry in journal_of(source.code).read() if entry.kind is Kind.FILE]


def calls() -> list[tuple[str, int]]:
    rows = [row.row for row in FreshUsage.objects.order_by("answered_at", "usage_id")]
    return [(row["called"], row["talk_s"]) for row in rows]


# --- each service to a charge: 61 s to a mobile at 0.12 a started minute = 2 * 120,000 = 240,000 micros --------------


def test_a_call_asked_of_a_yeastar_costs_what_its_tariff_says(home: Path, pbx: FakeYeastar) -> None:
    pbx.call(1, "2026-10-05T09:12:33+02:00", "201", "0612345678", 61)
    link = {"service": "yeastar", "user": "client-7", "password": "env:TEST_SECRET", "url": pbx.url}
    rows = through(home, "yeastar", b"", transport="https", link=link, extensions=["201"], peer=turns(1))
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]


def test_a_call_asked_of_twilio_costs_what_its_tariff_says(home: Path) -> None:
    with FakeTwilio().running() as fake:
        assert isinstance(fake, FakeTwilio)
        fake.call("CA1", "2026-10-05T07:12:33+00:00", "+33198765432", "+33612345678", 61)
        link = {"service": "twilio", "account": fake.account, "user": fake.key[0], "password": "env:TEST_SECRET"}
        rows = through(
            home,
            "twilio",
            b"",
            transport="https",
            link=link | {"url": fake.url},
            numbers=["33198765432"],
            peer=turns(1),
        )
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]


def test_a_call_asked_of_teams_costs_what_its_tariff_says(home: Path) -> None:
    with FakeGraph().running() as fake:
        assert isinstance(fake, FakeGraph)
        fake.pstn_call("row-1", "2026-10-05T07:12:33+00:00", "+33198765432", "+33612345678", 61)
        rows = through(home, "teams", b"", transport="https", link=_graph(fake), numbers=["33198765432"], peer=turns(1))
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]


def test_a_teams_call_is_priced_at_the_instant_of_its_answer(make_source: Callable[..., Source]) -> None:
    with FakeGraph().running() as fake:
        assert isinstance(fake, FakeGraph)
        invited = {"callType": "ByotOut", "successfulCall": True, "inviteDateTime": "2026-10-05T07:12:28Z"}
        row = fake.pstn_call("row-1", "2026-10-05T07:12:33+00:00", "+33198765432", "+33612345678", 61, **invited)
        fake.direct, fake.pstn = [row], []
        pull(make_source("teams", format="teams", transport="https", link=_graph(fake)))
    usage = FreshUsage.objects.get().row
    assert usage["start_at"][:19] == "2026-10-05T07:12:28"  # 33.1 s minus 5 s of ringing
    assert usage["answered_at"][:19] == "2026-10-05T07:12:33"


def test_calls_asked_of_ovh_cost_what_their_tariff_says(home: Path) -> None:
    with FakeOvh().running() as fake:
        assert isinstance(fake, FakeOvh)
        fake.call(11, "2026-10-05T09:12:33+02:00", "0033612345678", 61)
        fake.call(12, "2026-10-06T09:12:33+02:00", "0033612345678", 1)
        rows = through(home, "ovh", b"", transport="https", link=_ovh(fake), numbers=["33145000001"], peer=turns(1))
    assert sorted(row["amount_micros"] for row in rows) == [120_000, 240_000]


def _graph(fake: FakeGraph) -> dict[str, str]:
    where = {"url": f"{fake.url}/v1.0", "login_url": fake.url, "tenant": fake.tenant}
    return where | {"service": "teams", "user": fake.client[0], "password": "env:TEST_SECRET"}


def _ovh(fake: FakeOvh) -> dict[str, str]:
    keys = {"application_key": "app-7", "application_secret": "env:TEST_SECRET", "consumer_key": "env:TEST_CONSUMER"}
    place = {"billing_account": "ab1-ovh", "service_name": "0033145000001", "url": f"{fake.url}/1.0"}
    return {"service": "ovh"} | keys | place


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_CONSUMER", "consumer-7")


# --- never lost, never twice -----------------------------------------------------------------------------------------


def test_pages_are_read_to_the_last_one_and_its_window_is_where_the_next_start_goes_on(
    yeastar_source: Source, pbx: FakeYeastar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yeastar, "PAGE_ROWS", 2)
    for number in range(1, 6):
        pbx.call(number, f"2026-10-05T09:0{number}:00+02:00", "201", f"061234567{number}", number)
    pull(yeastar_source)
    assert calls() == [(f"061234567{number}", number) for number in range(1, 6)]
    names = deliveries(yeastar_source)
    assert [name.partition(" page ")[2] for name in names] == ["1", "2", "3 end"]
    assert names[0].startswith("yeastar 2026-09-30T22:00:00Z--2026-10-06T12:00:00Z")  # the month in Paris
    pbx.requests.clear()
    pull(yeastar_source)
    searched = [request.params for request in pbx.requests if request.path.endswith("cdr/search")]
    assert searched[0]["start_time"] == str(int(datetime(2026, 10, 3, 12, tzinfo=UTC).timestamp()))  # three days back


def test_what_is_read_again_leaves_no_copy_and_what_changed_replaces_its_call(
    yeastar_source: Source, pbx: FakeYeastar
) -> None:
    first = pbx.call(1, "2026-10-06T13:00:00+02:00", "201", "0612345671", 10)
    pbx.call(2, "2026-10-06T13:10:00+02:00", "201", "0612345672", 20)

    def change() -> None:
        first["talk_duration"] = 15
        pbx.call(3, "2026-10-06T13:20:00+02:00", "201", "0612345673", 30)

    pull(yeastar_source, wanted=4, between=change)
    assert calls() == [("0612345671", 15), ("0612345672", 20), ("0612345673", 30)]
    assert len(deliveries(yeastar_source)) == 2  # turns 3 and 4 brought nothing new
    assert [bad.reason for bad in Quarantined.objects.all()] == ["superseded"]
    again = [entry for entry in journal_of("pbx").read() if entry.kind is Kind.FILE][1]
    assert blobs().get(ReceivedFile.of(again).digest).count(b"\n") == 2  # the changed record and the new one


def test_a_restart_remembers_what_was_taken(yeastar_source: Source, pbx: FakeYeastar) -> None:
    pbx.call(1, "2026-10-06T13:00:00+02:00", "201", "0612345671", 10)
    pull(yeastar_source)
    pull(yeastar_source)
    assert len(deliveries(yeastar_source)) == 1
    assert not Quarantined.objects.exists()


def test_a_page_that_failed_in_the_middle_of_a_window_is_asked_for_again(
    yeastar_source: Source, pbx: FakeYeastar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yeastar, "PAGE_ROWS", 1)
    monkeypatch.setattr("ardoise.collect.fetch.web.ATTEMPTS", 1)
    pbx.call(1, "2026-10-06T13:00:00+02:00", "201", "0612345671", 10)
    pbx.call(2, "2026-10-06T13:10:00+02:00", "201", "0612345672", 20)
    whole = pbx.answer

    def fails_once(request: object) -> Answer:
        if len(pbx.requests) == 3:  # the token, page 1, page 2
            return Answer(503, "busy")
        return whole(request)  # type: ignore[arg-type]

    monkeypatch.setattr(pbx, "answer", fails_once)
    noticed = pull(yeastar_source)
    assert [kind for kind, text in noticed if "503" in text] == ["alarm"]
    assert calls() == [("0612345671", 10), ("0612345672", 20)]


def test_what_was_pushed_is_not_taken_again_when_it_is_asked_for(
    yeastar_source: Source, pbx: FakeYeastar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_PUSH", "push-7")
    port = free_port()
    push = {"push_port": str(port), "push_host": "127.0.0.1", "push_path": "/cdr", "push_secret": "env:TEST_PUSH"}
    yeastar_source.link = yeastar_source.link | push
    yeastar_source.save()
    row = pbx.call(1, "2026-10-06T13:00:00+02:00", "201", "0612345671", 10)
    pbx.rows.clear()  # not in the list yet
    said = {
        "call_id": row["call_id"],
        "uid": row["uid"],
        "time_start": "2026-10-06 13:00:00",
        "call_from": "201",
        "call_to": "0612345671",
        "call_duration": 15,
        "talk_duration": 10,
        "dst_trunk_name": "Trunk A",
        "status": "ANSWERED",
        "type": "Outbound",
    }
    body = json.dumps({"type": 30012, "sn": "1", "msg": json.dumps(said)}).encode()
    sign = base64.b64encode(hmac.new(b"push-7", body, "sha256").digest()).decode()

    async def posts_then_lists(receiver: Receiver, data: bytes) -> None:
        assert isinstance(receiver, Puller)
        while receiver.turns < 1:  # by then it listens
            await asyncio.sleep(0.01)
        async with httpx.AsyncClient() as client:
            url = f"http://127.0.0.1:{port}/cdr"
            assert (await client.post(url, content=body, headers={"X-Signature": "wrong"})).status_code == 401
            assert (await client.post(url, content=body, headers={"X-Signature": sign})).status_code == 200
        pbx.rows.append(row)
        pbx.call(2, "2026-10-06T13:10:00+02:00", "201", "0612345672", 20)
        seen = receiver.turns
        while receiver.turns < seen + 2:
            await asyncio.sleep(0.01)

    receive(yeastar_source, b"", posts_then_lists, arrived_at=NOW)
    pull(yeastar_source)  # a new process remembers the push too
    assert calls() == [("0612345671", 10), ("0612345672", 20)]
    assert not Quarantined.objects.exists()


# --- tokens, limits, failures ----------------------------------------------------------------------------------------


def test_a_token_that_ended_is_renewed_without_the_password(yeastar_source: Source, pbx: FakeYeastar) -> None:
    pbx.call(1, "2026-10-06T13:00:00+02:00", "201", "0612345671", 10)

    def later() -> None:
        pbx.now_s += 1801  # our clock did not see it: the PBX says 10004
        pbx.call(2, "2026-10-06T13:10:00+02:00", "201", "0612345672", 20)

    pull(yeastar_source, wanted=2, between=later)
    assert calls() == [("0612345671", 10), ("0612345672", 20)]
    assert pbx.paths().count("/openapi/v1.0/get_token") == 1
    assert pbx.paths().count("/openapi/v1.0/refresh_token") == 1


def test_when_the_refresh_token_ended_too_the_password_is_used_again(yeastar_source: Source, pbx: FakeYeastar) -> None:
    def next_week() -> None:
        pbx.now_s += 7 * 86_400
        pbx.call(2, "2026-10-06T13:10:00+02:00", "201", "0612345672", 20)

    pull(yeastar_source, wanted=2, between=next_week)
    assert calls() == [("0612345672", 20)]
    assert pbx.paths().count("/openapi/v1.0/get_token") == 2


def test_a_wrong_secret_is_an_alarm_that_says_what_to_check_and_is_said_once(
    yeastar_source: Source, pbx: FakeYeastar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SECRET", "wrong")
    noticed = receive(yeastar_source, b"", until_alarm, arrived_at=NOW)
    assert [kind for kind, _ in noticed] == ["alarm"]
    assert "Client Secret" in noticed[0][1]
    assert "wrong" not in noticed[0][1]
    assert "/openapi/v1.0/cdr/search" not in pbx.paths()


def test_a_token_of_microsoft_that_ended_is_asked_for_again(make_source: Callable[..., Source]) -> None:
    with FakeGraph().running() as fake:
        assert isinstance(fake, FakeGraph)
        fake.page_rows = 1
        fake.pstn_call("row-1", "2026-10-05T07:00:00+00:00", "+33198765432", "+33612345671", 10)
        fake.pstn_call("row-2", "2026-10-05T08:00:00+00:00", "+33198765432", "+33612345672", 20)

        def later() -> None:
            fake.now_s += 3600
            fake.pstn_call("row-3", "2026-10-06T09:00:00+00:00", "+33198765432", "+33612345673", 30)

        source = make_source("teams", format="teams", transport="https", link=_graph(fake) | {"every_s": "1"})
        pull(source, wanted=2, between=later)
    assert calls() == [("+33612345671", 10), ("+33612345672", 20), ("+33612345673", 30)]
    assert len(fake.tokens) == 2


def test_a_page_that_leads_to_another_server_is_not_followed(make_source: Callable[..., Source]) -> None:
    with FakeGraph().running() as fake:
        assert isinstance(fake, FakeGraph)
        fake.page_rows, fake.next_host = 1, "http://127.0.0.2:1"
        fake.pstn_call("row-1", "2026-10-05T07:00:00+00:00", "+33198765432", "+33612345671", 10)
        fake.pstn_call("row-2", "2026-10-05T08:00:00+00:00", "+33198765432", "+33612345672", 20)
        source = make_source("teams", format="teams", transport="https", link=_graph(fake))
        noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [text for _, text in noticed if "another server (127.0.0.2)" in text]


def test_a_service_that_limits_the_rate_is_asked_again_after_what_it_says(
    make_source: Callable[..., Source],
) -> None:
    with FakeTwilio().running() as fake:
        assert isinstance(fake, FakeTwilio)
        fake.call("CA1", "2026-10-05T07:00:00+00:00", "+33198765432", "+33612345671", 10)
        fake.accidents = [Answer(429, {"code": 20429}, {"retry-after": "1"}), Answer(500, "oops")]
        source = make_source("twilio", format="twilio", transport="https", link=_twilio(fake))
        noticed = pull(source)
    assert calls() == [("+33612345671", 10)]
    assert noticed == []  # it went on by itself
    first, second, third = (request.at_s for request in fake.requests[:3])
    assert second - first >= 1  # as it asked
    assert third - second < 1  # nothing was asked after the 500: our own pause


def test_a_price_that_comes_later_is_taken_with_the_call_it_belongs_to(make_source: Callable[..., Source]) -> None:
    with FakeTwilio().running() as fake:
        assert isinstance(fake, FakeTwilio)
        call = fake.call("CA1", "2026-10-06T11:00:00+00:00", "+33198765432", "+33612345671", 10, price=None)
        talking = fake.call("CA2", "2026-10-06T11:59:00+00:00", "+33198765432", "+33612345672", 0, status="in-progress")

        def rated() -> None:
            call["price"] = "-0.01300"
            talking.update(status="completed", duration="40")

        source = make_source("twilio", format="twilio", transport="https", link=_twilio(fake) | {"every_s": "1"})
        pull(source, wanted=2, between=rated)
    assert calls() == [("+33612345671", 10), ("+33612345672", 40)]
    assert [row.row["operator_micros"] for row in FreshUsage.objects.order_by("answered_at")] == [13_000, 13_000]


def _twilio(fake: FakeTwilio) -> dict[str, str]:
    login = {"account": fake.account, "user": fake.key[0], "password": "env:TEST_SECRET", "url": fake.url}
    return {"service": "twilio"} | login


def test_requests_to_ovh_are_signed_with_its_own_time(make_source: Callable[..., Source]) -> None:
    with FakeOvh().running() as fake:
        assert isinstance(fake, FakeOvh)
        fake.now_s = 1_600_000_000.0  # years behind our clock
        for number in range(1, 8):
            fake.call(number, f"2026-10-05T09:0{number}:00+02:00", "0033612345678", number, last_month=number < 3)
        source = make_source("ovh", format="ovh", transport="https", link=_ovh(fake) | {"every_s": "1"})
        pull(source, wanted=2, between=lambda: fake.call(9, "2026-10-06T13:00:00+02:00", "0033612345678", 9) and None)
    assert [talk_s for _, talk_s in calls()] == [1, 2, 3, 4, 5, 6, 7, 9]
    details = [path for path in fake.paths() if path.rpartition("/")[2].isdecimal()]
    assert len(details) == 8  # none was asked for twice


def test_a_collector_ends_at_once_in_the_middle_of_a_slow_answer(yeastar_source: Source, pbx: FakeYeastar) -> None:
    pbx.takes_s = 600.0

    async def shortly(receiver: Receiver, data: bytes) -> None:
        await asyncio.sleep(0.3)

    receive(yeastar_source, b"", shortly, arrived_at=NOW)
    assert pbx.requests == []  # it was asked, and has not answered yet
    pbx.released.set()


def test_a_password_does_not_travel_in_clear(make_source: Callable[..., Source]) -> None:
    link = {"service": "yeastar", "user": "client-7", "password": "env:TEST_SECRET", "url": "http://192.0.2.1:8088"}
    source = make_source("pbx", format="yeastar", transport="https", link=link)
    noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [text for kind, text in noticed if kind == "alarm" and "only https is used" in text]
