"""Lines of headers and keys in a TOML text."""

from __future__ import annotations

from ardoise.plainfiles.toml_places import places_of

TEXT = '''# a comment
[[calendar]]
code = "a"
zone = """
[[calendar]] inside a text
code = 1
"""

[[calendar.rule]]
band = "day"

[[calendar]]
code = "b"
[[calendar.rule]]
band = "day"
[[calendar.rule]]
band = "night"
[calendar.options]
x = "1"
'''


def test_headers_and_keys_are_found_on_their_lines() -> None:
    places = places_of(TEXT)
    assert places.headers["calendar[0]"] == 2
    assert places.headers["calendar[1]"] == 12
    assert places.keys_of("calendar[0]") == {"code": 3, "zone": 4}
    assert places.keys_of("calendar[0].rule[0]") == {"band": 10}
    assert places.keys_of("calendar[1].rule[1]") == {"band": 17}
    assert places.keys_of("calendar[1]") == {"code": 13, "options": 18}
