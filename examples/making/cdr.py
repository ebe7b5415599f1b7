"""Call records as the three upstream operators deliver them, with the profiles that read them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from making.dialling import key_of
from making.tariffs import PARIS


@dataclass(frozen=True, slots=True)
class Call:
    """`own` is the customer's number, `other` the outside one; national, short, or "+..."."""

    source: str
    start_at: datetime
    own: str
    other: str
    talk_s: int
    incoming: bool = False
    price: Fraction = Fraction(0)  # what the operator asks, euros without tax

    @property
    def parties(self) -> tuple[str, str]:
        """Calling, called."""
        return (self.other, self.own) if self.incoming else (self.own, self.other)


def files(source: str, calls: Sequence[Call]) -> dict[str, bytes]:
    """Name -> content of a month's deliveries, in the order in which calls end."""
    ended = sorted(calls, key=lambda call: (call.start_at + timedelta(seconds=call.talk_s), call.own, call.other))
    return {"transalp": _transalp, "lemanvoix": _lemanvoix, "oisans": _oisans}[source](ended)


def _weekly(calls: Sequence[Call]) -> Iterator[tuple[date, list[Call]]]:
    """Deliveries of seven days, from the 1st."""
    for first in (1, 8, 15, 22, 29):
        week = [call for call in calls if first <= call.start_at.astimezone(PARIS).day < first + 7]
        if week:
            yield date(2026, 10, first), week


def _decimals(price: Fraction, places: int) -> Decimal:
    scaled = int(price * 10**places + Fraction(1, 2))
    return Decimal(scaled).scaleb(-places)


# --- (a) French header, semicolons, decimal commas, local time ------------------------------------------------------

_TRANSALP_HEADER = "Date et heure;Appelant;Appelé;Durée (s);Prix HT;Sens;Faisceau"


def _transalp(calls: Sequence[Call]) -> dict[str, bytes]:
    found = {}
    for first, week in _weekly(calls):
        lines = [_TRANSALP_HEADER, *(_transalp_line(call) for call in week)]
        if first.day == 8:
            lines.insert(40, "32/10/2026 09:12:44;0465710001;0199001234;61;0,0041;S;TR1")
            lines.insert(90, "10/10/2026 11:02:09;0465710001;0199001234;S;TR1")
        if first.day == 22:
            lines.insert(25, "23/10/2026 08:41:00;0465710001;0199001234;une minute;0,0040;S;TR1")
        lines.append(f"# Fin de fichier : {len(week)} communications")
        found[f"transalp_{first:%Y%m%d}.csv"] = "".join(line + "\r\n" for line in lines).encode("cp1252")
    found["transalp_20261008_renvoi.csv"] = found["transalp_20261008.csv"]  # sent again under another name
    return found


def _transalp_line(call: Call) -> str:
    calling, called = (number.replace("+", "00") for number in call.parties)
    price = str(_decimals(call.price, 5)).replace(".", ",")
    direction = "E" if call.incoming else "S"
    local = call.start_at.astimezone(PARIS)
    return (
        f"{local:%d/%m/%Y %H:%M:%S};{calling};{called};{call.talk_s};{price};{direction};TR{int(call.own[-1]) % 2 + 1}"
    )


# --- (b) ISO 8601 in UTC, E.164, a unique id ------------------------------------------------------------------------

_LEMANVOIX_HEADER = "call_id,direction,start_utc,from,to,duration_s,currency,price"


def _lemanvoix(calls: Sequence[Call]) -> dict[str, bytes]:
    found = {}
    numbered = {id(call): number for number, call in enumerate(calls, start=1)}
    for first, week in _weekly(calls):
        lines = [_LEMANVOIX_HEADER, *(_lemanvoix_line(call, numbered[id(call)]) for call in week)]
        if first.day == 15:
            lines.insert(30, "LV26-ERR1,sideways,2026-10-16T08:00:00Z,+33465710001,+33199001234,12,EUR,0.00076")
        found[f"lemanvoix-{first:%Y-%m-%d}.csv"] = "".join(line + "\n" for line in lines).encode()
    return found


def _e164(number: str) -> str:
    key = key_of(number)
    return key[1:] if key.startswith("!") else "+" + key


def _lemanvoix_line(call: Call, number: int) -> str:
    calling, called = (_e164(party) for party in call.parties)
    direction = "inbound" if call.incoming else "outbound"
    start = f"{call.start_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    price = _decimals(call.price, 6)
    return f"LV26-{number:06d},{direction},{start},{calling},{called},{call.talk_s},EUR,{price}"


# --- (c) no header, positions, bars, a total at the end -------------------------------------------------------------


def _oisans(calls: Sequence[Call]) -> dict[str, bytes]:
    found = {}
    days = sorted({call.start_at.astimezone(PARIS).date() for call in calls})
    for day in days:
        today = [call for call in calls if call.start_at.astimezone(PARIS).date() == day]
        lines = [_oisans_line(call) for call in today]
        if day.day == 13:
            lines.insert(4, "S|20261013|091500|0033465710001")
        seconds = sum(call.talk_s for call in today)
        lines.append(f"TOTAL|{len(today)}|{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}")
        found[f"OI_{day:%Y%m%d}.csv"] = "".join(line + "\r\n" for line in lines).encode()
    return found


def _oisans_number(number: str) -> str:
    key = key_of(number)
    return key[1:] if key.startswith("!") else "00" + key


def _oisans_line(call: Call) -> str:
    calling, called = (_oisans_number(party) for party in call.parties)
    seconds = call.talk_s
    duration = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    local = call.start_at.astimezone(PARIS)
    direction = "E" if call.incoming else "S"
    return f"{direction}|{local:%Y%m%d}|{local:%H%M%S}|{calling}|{called}|{duration}|{_decimals(call.price, 5)}|OI"


# --- the profiles ---------------------------------------------------------------------------------------------------

PROFILES = {
    "transalp": """name = "transalp"
title = "Transalp Réseaux : point-virgule, en-tête français, heure de Paris"

[file]
kind = "cumulative"
delimiter = ";"
encoding = "cp1252"
header_line = "Date et heure;Appelant;Appelé;Durée (s);Prix HT;Sens;Faisceau"
comment_prefixes = ["#"]

[fields]
start = "Date et heure"
calling = "Appelant"
called = "Appelé"
duration = "Durée (s)"
price = "Prix HT"
direction = "Sens"
trunk = "Faisceau"

[start]
formats = ["%d/%m/%Y %H:%M:%S"]
zone = "local"

[duration]
unit = "s"

[price]
decimal = ","

[direction.values]
S = "out"
E = "in"

[constants]
currency = "EUR"

[[tests]]
line = "05/10/2026 09:31:07;0465710001;0199001234;61;0,00407;S;TR1"
expect = { start = "2026-10-05T09:31:07", duration_s = 61, called = "0199001234", operator_price = "0.00407" }
""",
    "lemanvoix": """name = "lemanvoix"
title = "Lémanvoix : virgule, ISO 8601 en UTC, E.164, identifiant unique"

[file]
kind = "keyed"
delimiter = ","
header_line = "call_id,direction,start_utc,from,to,duration_s,currency,price"

[fields]
id = "call_id"
direction = "direction"
start = "start_utc"
calling = "from"
called = "to"
duration = "duration_s"
currency = "currency"
price = "price"

[start]
formats = ["iso"]
zone = "utc"

[direction.values]
outbound = "out"
inbound = "in"

[[tests]]
line = "LV26-000001,outbound,2026-10-05T07:31:07Z,+33600001234,+33199001234,61,EUR,0.003863"
expect = { start = "2026-10-05T07:31:07Z", duration_s = 61, called = "+33199001234", call_id = "LV26-000001" }
""",
    "oisans": """name = "oisans"
title = "Oisans Interconnexion : barres, sans en-tête, numéros en 0033"

[file]
kind = "cumulative"
delimiter = "|"
quote = ""
header = false
columns = 8
comment_prefixes = ["TOTAL"]

[fields]
direction = 1
start = [2, 3]
calling = 4
called = 5
duration = 6
price = 7
trunk = 8

[start]
formats = ["%Y%m%d %H%M%S"]
zone = "local"

[duration]
unit = "h:m:s"

[direction.values]
S = "out"
E = "in"

[numbers]
replace = [{ prefix = "00", by = "+", on = ["calling", "called"], digits_min = 9 }]

[constants]
currency = "EUR"

[[tests]]
line = "S|20261005|093107|0033465710001|0033199001234|00:01:01|0.00458|OI"
expect = { start = "2026-10-05T09:31:07", duration_s = 61, called = "+33199001234", operator_price = "0.00458" }
""",
}
