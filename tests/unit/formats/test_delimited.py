"""Delimited files by profile: what each key does, and what a wrong profile is told."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ardoise.core.usage import Direction, Event, Leg, PrintedTime, Unreadable
from ardoise.formats.delimited import FORMAT, BadProfile, load_profile

PROFILE = """
name = "operator_a"

[file]
kind = "keyed"
header_line = "Id;Type;Date;Heure;De;Vers;Durée;Prix;Sens"
comment_prefixes = ["#"]

[fields]
id = "Id"
start = ["Date", "Heure"]
calling = "De"
called = "Vers"
duration = "Durée"
price = "Prix"
direction = "Sens"

[start]
formats = ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]

[duration]
unit = "m:s"

[price]
decimal = ","
thousands = " "

[direction.values]
S = "out"
E = "in"

[numbers]
replace = [{ prefix = "00", by = "+", on = ["called"] }, { prefix = "33", by = "+33", digits_min = 11 }]

[[events]]
column = "Type"
values = ["TOTAL"]

[constants]
trunk = "SIP A"
currency = "EUR"

[extras]
kind_of_call = "Type"

[[tests]]
line = "12;V;25/10/2026;02:30:00;0198765432;0033612345678;1:05;0,0150;S"
expect = { start = "2026-10-25T02:30:00", duration_s = 65, called = "+33612345678", operator_price = "0.0150" }
"""
HEADER = "Id;Type;Date;Heure;De;Vers;Durée;Prix;Sens\r\n".encode()
LINE = b"12;V;25/10/2026;02:30:00;0198765432;0033612345678;1:05;0,0150;S\r\n"


def positions(extra: str = "", *, line: str = "2026-10-05T09:12:33;0198765432;0612345678;61;0.01") -> str:
    """A profile without a header: start, calling, called, duration, price."""
    return f"""
name = "by position"
file = {{ header = false }}
fields = {{ start = 1, calling = 2, called = 3, duration = 4, price = 5 }}
{extra}
[[tests]]
line = '{line}'
expect = {{ kind = "call" }}
"""


def read_lines(profile: str, *lines: bytes) -> list[object]:
    read = FORMAT.reader({"profile": profile})
    return [read(line) for line in lines]


def leg(profile: str, line: str) -> Leg:
    (found,) = read_lines(profile, line.encode())
    assert isinstance(found, Leg), found
    return found


def refusal(profile: str, line: str) -> str:
    (found,) = read_lines(profile, line.encode())
    assert isinstance(found, Unreadable), found
    return found.reason


def test_a_line_is_read_by_its_profile() -> None:
    header, found = read_lines(PROFILE, HEADER, LINE)
    assert isinstance(header, Event)
    assert header.kind == "header"
    assert isinstance(found, Leg)
    assert found.start == PrintedTime(2026, 10, 25, 2, 30, 0)  # local: the night of the clock change is settled later
    assert (found.duration_s, found.answered) == (65, True)  # 1 * 60 + 5
    assert (found.calling, found.called, found.direction) == ("0198765432", "+33612345678", Direction.OUT)
    assert (found.operator_price, found.currency) == (Decimal("0.0150"), "EUR")
    assert (found.call_id, found.trunk) == ("12", "SIP A")
    assert found.extras == {"called_received": "0033612345678", "kind_of_call": "V"}


def test_comments_totals_and_headers_in_the_middle_are_events() -> None:
    found = read_lines(PROFILE, b"# export\r\n", HEADER, LINE, HEADER, b"99;TOTAL;;;;;;0,0150;\r\n", b"\r\n", LINE)
    kinds = [one.kind if isinstance(one, Event) else "call" for one in found]  # type: ignore[union-attr]
    assert kinds == ["event", "header", "call", "header", "event", "noise", "call"]


def test_a_column_may_be_added_at_the_end_but_none_may_move() -> None:
    added = HEADER.strip() + b";Pays\r\n"
    assert isinstance(read_lines(PROFILE, added, LINE.strip() + b";FR\r\n")[1], Leg)
    moved = "Id;Type;Date;Heure;Vers;De;Durée;Prix;Sens\r\n".encode()
    header, line, again, good = read_lines(PROFILE, moved, LINE, HEADER, LINE)
    assert isinstance(header, Unreadable)
    assert header.reason == "header_mismatch"
    assert "De" in header.detail
    assert line == header  # read by the wrong columns it would bill the caller's number
    assert isinstance(again, Event)
    assert isinstance(good, Leg)


def test_without_its_header_a_file_is_refused() -> None:
    (found,) = read_lines(PROFILE, LINE)
    assert isinstance(found, Unreadable)
    assert found.reason == "header_mismatch"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (LINE.replace(b"25/10", b"30/02"), "impossible_date"),
        (LINE.replace(b"25/10/2026", b"yesterday"), "bad_start"),
        (LINE.replace(b"1:05", b"65"), "bad_duration"),
        (LINE.replace(b"1:05", b"1:65"), "bad_duration"),
        (LINE.replace(b"1:05", b"-1:05"), "bad_duration"),
        (LINE.replace(b"0,0150", b"free"), "bad_price"),
        (LINE.replace(b"0,0150", b"061e92345678"), "bad_price"),  # five signs that are 92 million digits
        (LINE.replace(b";S\r", b";X\r"), "unknown_direction"),
        (LINE[:40], "column_count"),
        (b"only one cell\r\n", "column_count"),
        (LINE.replace(b"V;", b'"V;'), "garbage"),
    ],
)
def test_what_cannot_be_read_says_why(line: bytes, reason: str) -> None:
    found = read_lines(PROFILE, HEADER, line)[1]
    assert isinstance(found, Unreadable), found
    assert found.reason == reason


@pytest.mark.parametrize(
    ("zone", "formats", "text", "expected"),
    [
        ("local", '["iso"]', "2026-10-05T09:12:33", PrintedTime(2026, 10, 5, 9, 12, 33)),
        ("local", '["%Y%m%d%H%M"]', "202610050912", PrintedTime(2026, 10, 5, 9, 12)),
        ("utc", '["iso"]', "2026-10-05T09:12:33", datetime(2026, 10, 5, 9, 12, 33, tzinfo=UTC)),
        ("offset", '["iso"]', "2026-10-05T09:12:33+02:00", datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC)),
        ("offset", '["iso"]', "2026-10-05T09:12:33Z", datetime(2026, 10, 5, 9, 12, 33, tzinfo=UTC)),
        (
            "offset",
            '["%d/%m/%Y %H:%M:%S %z"]',
            "05/10/2026 09:12:33 +0200",
            datetime(2026, 10, 5, 7, 12, 33, tzinfo=UTC),
        ),
    ],
)
def test_start_and_its_zone(zone: str, formats: str, text: str, expected: object) -> None:
    line = f"{text};0198765432;0612345678;61;0.01"
    assert leg(positions(f'start = {{ zone = "{zone}", formats = {formats} }}', line=line), line).start == expected


def test_a_start_that_contradicts_the_zone_is_refused() -> None:
    assert refusal(positions(), "2026-10-05T09:12:33+02:00;1;2;61;0") == "bad_start"
    with_offset = positions('start = { zone = "offset" }', line="2026-10-05T09:12:33Z;1;2;61;0")
    assert refusal(with_offset, "2026-10-05T09:12:33;1;2;61;0") == "bad_start"
    assert refusal(with_offset, "0001-01-01T00:00:00+02:00;1;2;61;0") == "impossible_date"


@pytest.mark.parametrize(
    ("rule", "text", "expected_s"),
    [
        ('unit = "s"', "61", 61),
        ('unit = "s"', "61.2", 62),  # up, as PBXs do
        ('unit = "s", rounding = "down"', "61.9", 61),
        ('unit = "s", rounding = "nearest"', "61.5", 62),
        ('unit = "min", decimal = ","', "1,5", 90),  # 1.5 * 60
        ('unit = "min", decimal = ","', "0,05", 3),  # 0.05 * 60
        ('unit = "h:m:s"', "01:01:01", 3661),  # 3600 + 60 + 1
        ('unit = "m:s"', "75:10", 4510),  # 75 * 60 + 10
    ],
)
def test_duration_units(rule: str, text: str, expected_s: int) -> None:
    line = f"2026-10-05T09:12:33;0198765432;0612345678;{text};0.01"
    assert leg(positions(f"duration = {{ {rule} }}", line=line), line).duration_s == expected_s


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("", "0.015", Decimal("0.015")),
        ("", "-0.015", Decimal("-0.015")),  # a correction line stays negative
        ("", "", None),
        ("", "0.015 €", Decimal("0.015")),
        ('decimal = ",", thousands = "."', "1.234,50", Decimal("1234.50")),
        ('decimal = ",", thousands = " "', "1\u202f234,50", Decimal("1234.50")),
        ('scale = "0.01"', "150", Decimal("1.50")),
        ('sign = "negate"', "-0.015", Decimal("0.015")),
        ('sign = "negate"', "0", Decimal("0")),
        ('sign = "absolute"', "-0.015", Decimal("0.015")),
    ],
)
def test_prices(rule: str, text: str, expected: Decimal | None) -> None:
    line = f"2026-10-05T09:12:33;0198765432;0612345678;61;{text}"
    assert leg(positions(f"price = {{ {rule} }}"), line).operator_price == expected


def test_answered_by_a_column() -> None:
    profile = """
name = "dispositions"
file = { header = false, delimiter = "," }
fields = { start = 1, calling = 2, called = 3, duration = 4, answered = 5, direction = 6 }
answered = { values = ["ANSWERED"] }
direction = { default = "out", values = { inbound = "in" } }
[[tests]]
line = '2026-10-05 09:12:33,201,"0612345678",61,ANSWERED,'
expect = { answered = true, duration_s = 61, direction = "out", called = "0612345678" }
"""
    busy = leg(profile, "2026-10-05 09:12:33,201,0612345678,12,BUSY,inbound")
    assert (busy.answered, busy.duration_s, busy.direction) == (False, 0, Direction.IN)
    assert leg(profile, "2026-10-05 09:12:33,201,0612345678,,BUSY,x").direction is Direction.OUT
    assert refusal(profile, "2026-10-05 09:12:33,201,0612345678,,ANSWERED,x") == "bad_duration"


def test_a_masked_number_is_kept_as_received() -> None:
    assert leg(positions(), "2026-10-05T09:12:33;0198765432;061234xxxx;61;0.01").called == "061234xxxx"


def test_old_encodings_and_quoted_delimiters() -> None:
    profile = """
name = "cp1252"
file = { header = false, encoding = "cp1252" }
fields = { start = 1, calling = 2, called = 3, duration = 4, account_code = 5 }
[[tests]]
line = '2026-10-05T09:12:33;"0198765432";0612345678;61;"Café; bar"'
expect = { account_code = "Café; bar", calling = "0198765432" }
"""
    (found,) = read_lines(profile, "2026-10-05T09:12:33;1;2;61;Hôtel\r\n".encode("cp1252"))
    assert isinstance(found, Leg)
    assert found.account_code == "Hôtel"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "m:s"', 'unit = "mn"', "duration.unit: expected one of s, min, h:m:s, m:s, h:m, hhmmss; got 'mn'"),
        ('called = "Vers"', 'caled = "Vers"', "fields.caled is unknown: expected one of start, duration"),
        ('called = "Vers"', 'called = "Versus"', "file.header_line: expected the column 'Versus' in it"),
        ('called = "Vers"', "called = 0", "fields.called: expected a column name, or its position from 1, got 0"),
        ('id = "Id"\n', "", "fields.id is missing: expected a column (file.kind is keyed)"),
        ('kind = "keyed"', 'kind = "daily"', "file.kind: expected one of stream, keyed, cumulative; got 'daily'"),
        ('kind = "keyed"', 'delimeter = ","', "file.delimeter is unknown"),
        ('kind = "keyed"', 'delimiter = "||"', "file.delimiter: expected one character, got '||'"),
        ('kind = "keyed"', 'encoding = "utf-16"', "file.encoding: expected utf-8, cp1252, latin-1"),
        ('kind = "keyed"', 'header = "yes"', "file.header: expected true or false, got 'yes'"),
        ('decimal = ","\nthousands', 'decimal = ";"\nthousands', "price.decimal: expected one of ., ,; got ';'"),
        ('thousands = " "', 'thousands = ","', "price.thousands: expected another character than price.decimal"),
        ('thousands = " "', 'scale = "0"', "price.scale: expected a decimal number as text"),
        ('S = "out"', 'S = "sortant"', "direction.values.S: expected one of in, out, internal"),
        ('formats = ["%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M"]', 'formats = ["dd/mm/yyyy"]', "start.formats: expected"),
        ('formats = ["%d/%m/%Y', 'zone = "Europe/Paris"\nformats = ["%d/%m/%Y', "start.zone: expected local (the zone"),
        ('formats = ["%d/%m/%Y', 'zone = "offset"\nformats = ["%d/%m/%Y', "a pattern with %z, as start.zone is offset"),
        ('trunk = "SIP A"', 'trunc = "SIP A"', "constants.trunc: expected a text under one of"),
        ('trunk = "SIP A"', 'called = "1"', "constants.called: fields.called gives it already"),
        (
            'kind_of_call = "Type"',
            'kind_of_call = { column = "Type", type = "date" }',
            "extras.kind_of_call.type: expected one",
        ),
        ('prefix = "00", by', 'prefixe = "00", by', "numbers.replace[1].prefix is missing: expected a text"),
        ("duration_s = 65", "duration_s = 66", "test line 1, duration_s: expected 66, but it reads 65"),
        ("1:05;0,0150;S", "1:05;0,0150;Z", "is not in direction.values of the profile"),
        ('name = "operator_a"', "name = ", "The profile is not TOML"),
        ('name = "operator_a"', "", "name is missing: expected a text"),
        (
            'header_line = "Id;Type;Date;Heure;De;Vers;Durée;Prix;Sens"',
            "",
            "file.header_line is missing: expected the header",
        ),
        ('[direction.values]\nS = "out"\nE = "in"', "", "direction.values is missing: expected for instance"),
        (
            "[constants]",
            '[answered]\nvalues = ["Y"]\n[constants]',
            "fields.answered and answered.values (or answered.except) go together",
        ),
    ],
)
def test_a_wrong_profile_is_told_which_key_and_what_is_expected(old: str, new: str, message: str) -> None:
    assert PROFILE.count(old) == 1
    with pytest.raises(BadProfile) as refused:
        load_profile(PROFILE.replace(old, new))
    assert message in str(refused.value)


def test_a_profile_without_a_test_line_is_refused() -> None:
    with pytest.raises(BadProfile, match="tests is missing"):
        load_profile(PROFILE.split("[[tests]]")[0])


def test_a_source_without_a_profile_is_refused() -> None:
    with pytest.raises(BadProfile, match="needs the option profile"):
        FORMAT.reader({})


# --- protected lines ------------------------------------------------------------------------------------------------

PROTECTED = frozenset({"0198765432"})


def test_the_numbers_of_a_protected_line_are_blanked_in_their_columns() -> None:
    redacted = FORMAT.redact(LINE, PROTECTED, {"profile": PROFILE})
    assert redacted == LINE.replace(b"0033612345678", b"x" * 13)
    found = read_lines(PROFILE, HEADER, redacted)[1]
    assert isinstance(found, Leg)
    assert (found.calling, found.called, found.call_id) == ("0198765432", None, "12")
    assert found.extras["no_detail"] is True


def test_a_short_or_quoted_number_is_blanked_too_and_the_id_stays() -> None:
    line = b'1234567;V;25/10/2026;02:30:00;"0198765432";"3631";1:05;0,0150;S\r\n'
    assert FORMAT.redact(line, PROTECTED, {"profile": PROFILE}) == line.replace(b"3631", b"xxxx")


def test_columns_the_profile_does_not_read_lose_their_long_numbers() -> None:
    line = b"2026-10-05T09:12:33;0198765432;0612345678;61;0,01;20261005;+33612345678;FR\r\n"
    redacted = FORMAT.redact(line, PROTECTED, {"profile": positions()})
    assert redacted == b"2026-10-05T09:12:33;0198765432;xxxxxxxxxx;61;0,01;20261005;+xxxxxxxxxxx;FR\r\n"


def test_without_a_profile_every_long_number_of_the_line_goes_but_dates() -> None:
    line = b"20261005;091233;0198765432;0612345678\r\n"
    assert FORMAT.redact(line, PROTECTED) == b"20261005;xxxxxx;0198765432;xxxxxxxxxx\r\n"


def test_other_lines_are_untouched() -> None:
    assert FORMAT.redact(LINE, frozenset({"0111111111"}), {"profile": PROFILE}) == LINE
