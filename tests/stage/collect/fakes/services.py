"""The remote interfaces as their publishers describe them; no more is accepted than what they publish."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs

from stage.collect.fakes.http import Answer, FakeService, Request, refuse_unknown

Row = dict[str, object]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


class FakeYeastar(FakeService):
    """P-Series Open API v1.0: get_token, refresh_token, cdr/search. Errors are HTTP 200 with an errcode."""

    TOKEN_S, REFRESH_S = 1800, 86_400

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.client = ("client-7", "secret-7")
        self.tokens: dict[str, float] = {}  # access token -> when it ends
        self.refreshes: dict[str, float] = {}
        self.issued = 0

    def call(self, number: int, start: str, caller: str, called: str, talk_s: int, **fields: object) -> Row:
        start_at = at(start)
        row: Row = {
            "id": number,
            "time": start_at.strftime("%d/%m/%Y %H:%M:%S"),
            "call_from": f"Someone<{caller}>",
            "call_to": called,
            "timestamp": int(start_at.timestamp()),
            "uid": f"{start_at:%Y%m%d%H%M%S}{number:05X}",
            "src_trunk": "",
            "dst_trunk": "Trunk A",
            "duration": talk_s + 5,
            "ring_duration": 5,
            "talk_duration": talk_s,
            "disposition": "ANSWERED" if talk_s else "NO ANSWER",
            "call_type": "Outbound",
            "did_number": "",
            "dod_number": "",
            "call_from_number": caller,
            "call_to_number": called,
            "call_id": f"{int(start_at.timestamp())}.{number}",
        }
        row |= fields
        self.rows.append(row)
        return row

    def answer(self, request: Request) -> Answer:
        path = request.path.removeprefix("/openapi/v1.0/")
        if request.headers.get("user-agent") != "OpenAPI":
            return _yeastar_error(10003, "USER AGENT INVALID")
        if request.method == "POST" and path == "get_token":
            said = json.loads(request.body)
            if set(said) != {"username", "password"} or (said["username"], said["password"]) != self.client:
                return _yeastar_error(70087, "USERNAME OR PASSWORD ERROR")
            return self._tokens()
        if request.method == "POST" and path == "refresh_token":
            ends_s = self.refreshes.pop(json.loads(request.body)["refresh_token"], 0.0)
            return self._tokens() if ends_s > self.now_s else _yeastar_error(10005, "REFRESH TOKEN EXPIRED")
        if request.method == "GET" and path == "cdr/search":
            return self._search(request)
        return _yeastar_error(10001, "INTERFACE NOT EXISTED")

    def _tokens(self) -> Answer:
        self.issued += 1
        access, refresh = f"access{self.issued}", f"refresh{self.issued}"
        self.tokens[access] = self.now_s + self.TOKEN_S
        self.refreshes[refresh] = self.now_s + self.REFRESH_S
        return Answer(
            200,
            {
                "errcode": 0,
                "errmsg": "SUCCESS",
                "access_token": access,
                "access_token_expire_time": self.TOKEN_S,
                "refresh_token": refresh,
                "refresh_token_expire_time": self.REFRESH_S,
            },
        )

    def _search(self, request: Request) -> Answer:
        known = {"access_token", "page", "page_size", "sort_by", "order_by", "start_time", "end_time", "call_from"}
        known |= {"call_to", "extension_group", "status", "did", "enable_fuzzy_search"}
        if refusal := refuse_unknown(request, known, refusal=lambda names: _yeastar_error(40002, f"PARAMETER {names}")):
            return refusal
        if self.tokens.get(request.params.get("access_token", ""), 0.0) <= self.now_s:
            return _yeastar_error(10004, "TOKEN EXPIRED")
        size, page = int(request.params["page_size"]), int(request.params["page"])
        if not 1 <= size <= 10_000:
            return _yeastar_error(40002, "PARAMETER page_size")
        low, high = int(request.params["start_time"]), int(request.params["end_time"])
        found = [row for row in self.rows if low <= int(str(row["timestamp"])) <= high]
        found.sort(
            key=lambda row: int(str(row[request.params["sort_by"]])), reverse=request.params["order_by"] == "desc"
        )
        rows = found[(page - 1) * size : page * size]
        return Answer(200, {"errcode": 0, "errmsg": "SUCCESS", "total_number": len(found), "data": rows})


def _yeastar_error(code: int, message: str) -> Answer:
    return Answer(200, {"errcode": code, "errmsg": message})


class FakeTwilio(FakeService):
    """API 2010-04-01: Calls.json. Filters by day, both included; next_page_uri; errors as JSON with a code."""

    def __init__(self) -> None:
        super().__init__()
        self.account, self.key = "AC" + "7" * 32, ("SK" + "7" * 32, "secret-7")
        self.rows: list[Row] = []

    def call(self, sid: str, start: str, caller: str, called: str, talk_s: int, **fields: object) -> Row:
        start_at = at(start)
        row: Row = {
            "sid": sid,
            "account_sid": self.account,
            "parent_call_sid": None,
            "from": caller,
            "to": called,
            "start_time": format_datetime(start_at),
            "end_time": format_datetime(datetime.fromtimestamp(start_at.timestamp() + talk_s, UTC)),
            "duration": str(talk_s),
            "price": "-0.01300",
            "price_unit": "EUR",
            "direction": "outbound-dial",
            "status": "completed",
            "forwarded_from": None,
        }
        row |= fields
        self.rows.append(row)
        return row

    def answer(self, request: Request) -> Answer:
        name = base64.b64encode(":".join(self.key).encode()).decode()
        if request.headers.get("authorization") != f"Basic {name}":
            return Answer(401, {"code": 20003, "message": "Authentication Error - invalid username", "status": 401})
        if request.path != f"/2010-04-01/Accounts/{self.account}/Calls.json":
            return Answer(404, {"code": 20404, "message": "The requested resource was not found", "status": 404})
        known = {"StartTime>", "StartTime<", "PageSize", "Page", "PageToken", "From", "To", "Status", "ParentCallSid"}
        refusal = refuse_unknown(
            request, known, refusal=lambda names: Answer(400, {"code": 20001, "message": f"Unknown parameter {names}"})
        )
        if refusal:
            return refusal
        low = datetime.strptime(request.params["StartTime>"], "%Y-%m-%d").replace(tzinfo=UTC)
        high = datetime.strptime(request.params["StartTime<"], "%Y-%m-%d").replace(tzinfo=UTC)
        found = [row for row in self.rows if low.date() <= _twilio_day(row).date() <= high.date()]
        found.sort(key=_twilio_day, reverse=True)  # the newest first, as Twilio lists them
        size, page = min(int(request.params.get("PageSize", "50")), 1000), int(request.params.get("Page", "0"))
        rows = found[page * size : (page + 1) * size]
        more = len(found) > (page + 1) * size
        span = f"StartTime%3E={low:%Y-%m-%d}&StartTime%3C={high:%Y-%m-%d}&PageSize={size}"
        uri = f"{request.path}?{span}&Page={page + 1}&PageToken=PACA7" if more else None
        return Answer(200, {"calls": rows, "page": page, "page_size": size, "next_page_uri": uri})


def _twilio_day(row: Row) -> datetime:
    return datetime.strptime(str(row["start_time"]), "%a, %d %b %Y %H:%M:%S %z").astimezone(UTC)


class FakeGraph(FakeService):
    """Microsoft Graph v1.0 and its login: client credentials, pages of 1000 by @odata.nextLink, 429."""

    TOKEN_S = 3599

    def __init__(self) -> None:
        super().__init__()
        self.tenant, self.client = "tenant-7", ("app-7", "secret-7")
        self.pstn: list[Row] = []
        self.direct: list[Row] = []
        self.tokens: dict[str, float] = {}
        self.page_rows = 1000
        self.next_host = ""  # where a tampered nextLink would lead

    def pstn_call(self, row_id: str, start: str, caller: str, called: str, talk_s: int, **fields: object) -> Row:
        start_at = at(start)
        row: Row = {
            "id": row_id,
            "callId": "1835317186_1@61.0.0.1",
            "userPrincipalName": "claire@acme.example",
            "startDateTime": f"{start_at:%Y-%m-%dT%H:%M:%S}.1234567Z",
            "endDateTime": f"{start_at:%Y-%m-%dT%H:%M:%S}.1234567Z",
            "duration": talk_s,
            "charge": 0.04,
            "currency": "EUR",
            "callType": "user_out",
            "callerNumber": caller,
            "calleeNumber": called,
            "connectionCharge": 0.0,
        }
        row |= fields
        self.pstn.append(row)
        return row

    def answer(self, request: Request) -> Answer:
        if request.method == "POST" and request.path == f"/{self.tenant}/oauth2/v2.0/token":
            return self._token({name: values[0] for name, values in parse_qs(request.body.decode()).items()})
        if self.tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "), 0.0) <= self.now_s:
            return Answer(401, {"error": {"code": "InvalidAuthenticationToken", "message": "Lifetime is expired"}})
        prefix = "/v1.0/communications/callRecords/"
        for name, rows in (("getPstnCalls", self.pstn), ("getDirectRoutingCalls", self.direct)):
            if request.path.startswith(f"{prefix}{name}("):
                return self._page(request, rows)
        return Answer(404, {"error": {"code": "UnknownError"}})

    def _token(self, form: dict[str, str]) -> Answer:
        wanted = {"client_id": self.client[0], "client_secret": self.client[1], "grant_type": "client_credentials"}
        if form != wanted | {"scope": "https://graph.microsoft.com/.default"}:
            return Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"})
        token = f"token{len(self.tokens) + 1}"
        self.tokens[token] = self.now_s + self.TOKEN_S
        return Answer(200, {"token_type": "Bearer", "expires_in": self.TOKEN_S, "access_token": token})

    def _page(self, request: Request, rows: list[Row]) -> Answer:
        if refusal := refuse_unknown(
            request, {"$skip"}, refusal=lambda names: Answer(400, {"error": {"code": "BadRequest", "message": names}})
        ):
            return refusal
        span = request.path[request.path.index("(") + 1 : -1]
        limits = dict(part.split("=", 1) for part in span.split(","))
        low, high = at(limits["fromDateTime"]), at(limits["toDateTime"])
        if (high - low).days > 90:
            return Answer(400, {"error": {"code": "BadRequest", "message": "The window is longer than 90 days"}})
        found = [row for row in rows if low <= at(str(row["startDateTime"])) <= high]
        skip = int(request.params.get("$skip", "0"))
        page: Row = {"@odata.count": len(found), "value": found[skip : skip + self.page_rows]}
        if len(found) > skip + self.page_rows:
            base = self.next_host or self.url
            page["@odata.nextLink"] = f"{base}{request.path}?$skip={skip + self.page_rows}"
        return Answer(200, page)


class FakeOvh(FakeService):
    """OVHcloud API 1.0: signed requests that must carry its time to 30 s; ids, then one consumption each."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = ("app-7", "secret-7", "consumer-7")
        self.place = "/1.0/telephony/ab1-ovh/service/0033145000001"
        self.this_month: dict[int, Row] = {}
        self.last_month: dict[int, Row] = {}

    def call(self, number: int, start: str, called: str, talk_s: int, *, last_month: bool = False) -> Row:
        row: Row = {
            "consumptionId": number,
            "creationDatetime": start,
            "calling": "0033145000001",
            "called": called,
            "dialed": "",
            "duration": talk_s,
            "destinationType": "mobile",
            "planType": "outplan",
            "wayType": "outgoing",
            "priceWithoutTax": {"currencyCode": "EUR", "text": "0.04 €", "value": 0.0404},
        }
        (self.last_month if last_month else self.this_month)[number] = row
        return row

    def answer(self, request: Request) -> Answer:
        if request.path == "/1.0/auth/time":
            return Answer(200, str(int(self.now_s)))
        if refusal := self._refusal(request):
            return refusal
        for name, rows in (("voiceConsumption", self.this_month), ("previousVoiceConsumption", self.last_month)):
            if request.path == f"{self.place}/{name}":
                known = {"creationDatetime.from", "creationDatetime.to", "destinationType", "planType", "wayType"}
                unknown = refuse_unknown(request, known, refusal=lambda names: Answer(400, {"message": names}))
                low, high = at(request.params["creationDatetime.from"]), at(request.params["creationDatetime.to"])
                found = [n for n, row in rows.items() if low <= at(str(row["creationDatetime"])) <= high]
                return unknown or Answer(200, found)
            if request.path.startswith(f"{self.place}/{name}/"):
                row = rows.get(int(request.path.rpartition("/")[2]))
                return Answer(200, row) if row else Answer(404, {"message": "The requested object does not exist"})
        return Answer(404, {"message": "Got an invalid (or empty) URL"})

    def _refusal(self, request: Request) -> Answer | None:
        key, secret, consumer = self.keys
        stamp = request.headers.get("x-ovh-timestamp", "")
        if request.headers.get("x-ovh-application") != key or request.headers.get("x-ovh-consumer") != consumer:
            return Answer(403, {"errorCode": "INVALID_CREDENTIAL", "message": "This credential does not exist"})
        if not stamp.isdecimal() or abs(int(stamp) - self.now_s) > 30:
            return Answer(400, {"errorCode": "QUERY_TIME_OUT", "message": "Query out of time"})
        said = "+".join((secret, consumer, request.method, request.url, request.body.decode(), stamp))
        if request.headers.get("x-ovh-signature") != "$1$" + hashlib.sha1(said.encode()).hexdigest():
            return Answer(400, {"errorCode": "INVALID_SIGNATURE", "message": "Invalid signature"})
        return None
