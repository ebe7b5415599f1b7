"""An interface nobody wrote code for: declared by a link and a profile, JSON or CSV, to a charge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ardoise.collect import operations
from ardoise.collect.fetch.pull import Puller
from ardoise.collect.models import FreshUsage, Quarantined, Source
from ardoise.collect.receive import Receiver
from stage.collect.fakes.http import Answer, FakeService, Request, refuse_unknown
from stage.collect.through import receive, through
from stage.company import PROFILE

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 10, 6, 12, tzinfo=UTC)
JSON_PROFILE = """
name = "operator_z"
[file]
layout = "json"
[fields]
id = "uuid"
start = "started"
duration = "seconds"
calling = "from.number"
called = "to.number"
[start]
zone = "offset"
[direction]
default = "out"
[[tests]]
line = '{"uuid": "a", "started": "2026-10-05T09:12:33+02:00", "seconds": 61, "to": {"number": "33612345678"}}'
expect = { start = "2026-10-05T07:12:33Z", duration_s = 61, called = "33612345678" }
"""


class FakeOperator(FakeService):
    """Calls as JSON behind a bearer token with a next link, or as CSV behind a key with numbered pages."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, str, int]] = []  # id, start UTC, called, seconds
        self.page_rows = 2

    def answer(self, request: Request) -> Answer:
        if refusal := refuse_unknown(
            request, {"since", "until", "page", "cursor"}, refusal=lambda names: Answer(400, {"unknown": names})
        ):
            return refusal
        if request.path == "/v2/calls":
            if request.headers.get("authorization") != "Bearer secret-7":
                return Answer(401, {"message": "no token"})
            return self._json(request)
        if request.path == "/calls.csv":
            if request.headers.get("x-api-key") != "secret-7":
                return Answer(403, "no key")
            return self._csv(request)
        return Answer(404, "nothing here")

    def _found(self, request: Request) -> list[tuple[str, str, str, int]]:
        low, high = request.params["since"], request.params["until"]
        return [call for call in self.calls if low <= call[1] < high]

    def _json(self, request: Request) -> Answer:
        found, start = self._found(request), int(request.params.get("cursor", "0"))
        rows = [
            {
                "uuid": one,
                "started": at,
                "seconds": seconds,
                "from": {"number": "33198765432"},
                "to": {"number": called},
            }
            for one, at, called, seconds in found[start : start + self.page_rows]
        ]
        links: dict[str, object] = {}
        if start + self.page_rows < len(found):
            span = f"since={request.params['since']}&until={request.params['until']}"
            links["next"] = f"/v2/calls?{span}&cursor={start + self.page_rows}"
        return Answer(200, {"data": {"items": rows}, "links": links})

    def _csv(self, request: Request) -> Answer:
        page = int(request.params["page"])
        found = self._found(request)[(page - 1) * self.page_rows : page * self.page_rows]
        lines = [
            f"{one};{at.replace('T', ' ').rstrip('Z')};33198765432;{called};{seconds}"
            for one, at, called, seconds in found
        ]
        return Answer(200, "\n".join(["id;start;from;to;seconds", *lines]) + "\n")


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SECRET", "secret-7")
    monkeypatch.setattr("ardoise.collect.waiting.RETRY_S", (0.01, 0.05))


async def one_turn(receiver: Receiver, data: bytes) -> None:
    assert isinstance(receiver, Puller)
    while receiver.turns < 1:
        await asyncio.sleep(0.01)


async def two_turns(receiver: Receiver, data: bytes) -> None:
    assert isinstance(receiver, Puller)
    while receiver.turns < 2:
        await asyncio.sleep(0.01)


async def until_alarm(receiver: Receiver, data: bytes) -> None:
    await asyncio.sleep(0.5)


def json_link(fake: FakeOperator) -> dict[str, str]:
    where = {"url": fake.url + "/v2/calls?since={from}&until={to}", "records": "data.items", "next": "links.next"}
    return {"service": "api", "auth": "bearer", "password": "env:TEST_SECRET"} | where


def csv_link(fake: FakeOperator) -> dict[str, str]:
    url = fake.url + "/calls.csv?since={from}&until={to}&page={page}"
    return {"service": "api", "auth": "header", "header": "X-Api-Key", "password": "env:TEST_SECRET", "url": url}


def test_a_call_of_an_interface_by_profile_costs_what_its_tariff_says(home: Path) -> None:
    with FakeOperator().running() as fake:
        assert isinstance(fake, FakeOperator)
        fake.calls = [("a1", "2026-10-05T07:12:33Z", "33612345678", 61)]
        options = {"profile": JSON_PROFILE}
        rows = through(
            home,
            "json_profile",
            b"",
            transport="https",
            options=options,
            link=json_link(fake),
            numbers=["33198765432"],
            peer=one_turn,
        )
    assert [(row["account"], row["amount_micros"]) for row in rows] == [("acme", 240_000)]  # 2 min * 120,000


@pytest.mark.parametrize(
    ("format", "profile", "link_of"), [("json_profile", JSON_PROFILE, json_link), ("delimited", PROFILE, csv_link)]
)
def test_pages_are_followed_to_the_last_and_read_again_without_copies(
    make_source: Callable[..., Source], format: str, profile: str, link_of: Callable[[FakeOperator], dict[str, str]]
) -> None:
    with FakeOperator().running() as fake:
        assert isinstance(fake, FakeOperator)
        fake.calls = [(f"a{n}", f"2026-10-06T10:0{n}:00Z", f"3361234567{n}", n) for n in range(1, 6)]
        source = make_source(
            "op", format=format, options={"profile": profile}, transport="https", link=link_of(fake) | {"every_s": "1"}
        )
        noticed = receive(source, b"", two_turns, arrived_at=NOW)
        operations.parse(source="op", now=NOW)
    assert sorted(row.row["talk_s"] for row in FreshUsage.objects.all()) == [1, 2, 3, 4, 5]
    assert not Quarantined.objects.exists()
    assert noticed == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "https://api.example/calls"}, "expected {from}"),
        ({"records": "data.calls"}, "no list of calls under data.calls"),
        ({"auth": "basic", "user": "me"}, "does not take our login"),
        ({"auth": "header", "header": ""}, "header is missing"),
    ],
)
def test_a_wrong_declaration_is_an_alarm_that_says_what_to_check(
    make_source: Callable[..., Source], change: dict[str, str], said: str
) -> None:
    with FakeOperator().running() as fake:
        assert isinstance(fake, FakeOperator)
        link = json_link(fake) | change
        source = make_source(
            "op", format="json_profile", options={"profile": JSON_PROFILE}, transport="https", link=link
        )
        noticed = receive(source, b"", until_alarm, arrived_at=NOW)
    assert [kind for kind, text in noticed if said in text] == ["alarm"]
