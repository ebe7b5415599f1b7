"""Every installed format, plugins included, keeps the promises of formats/spec.py."""

from __future__ import annotations

import pytest

from ardoise.formats import registry
from ardoise.formats.pages import LANGUAGES, render_page
from ardoise.formats.spec import BadOption, Format

EVERY_FORMAT = pytest.mark.parametrize("chosen", registry.all_formats().values(), ids=registry.all_formats())
TRANSPORTS = {"tcp_server", "tcp_client", "file", "tail", "sftp", "https", "webhook", "radius"}
ON_FILES = {"file", "tail", "sftp"}  # no port of ours or of the PBX


def test_the_built_in_formats_use_the_door_of_plugins() -> None:
    assert {"avaya_ipoffice", "mitel_3300", "delimited"} <= set(registry.all_formats())
    for name, chosen in registry.all_formats().items():
        assert chosen.spec.name == name


def test_an_unknown_format_is_refused_with_the_list_of_those_that_exist() -> None:
    with pytest.raises(registry.UnknownFormat, match=r"'avaia'.*avaya_ipoffice, .*delimited, .*mitel_3300"):
        registry.get("avaia")


@EVERY_FORMAT
def test_a_spec_is_complete_in_both_languages(chosen: Format) -> None:
    spec = chosen.spec
    assert spec.transports
    assert set(spec.transports) <= TRANSPORTS
    assert spec.kind in {"stream", "keyed", "cumulative"}
    # a port chosen on the PBX has no usual value; what comes in files only has none at all
    assert spec.default_port is None or not set(spec.transports) <= ON_FILES
    assert spec.fields
    assert len(spec.pbx_steps_fr) == len(spec.pbx_steps_en) > 0
    assert len(spec.traps_fr) == len(spec.traps_en) > 0
    assert len(spec.not_proven_fr) == len(spec.not_proven_en)
    assert all(field.meaning_fr and field.meaning_en for field in spec.fields)
    assert all(option.meaning_fr and option.meaning_en for option in spec.options)
    assert all(option.default in option.choices for option in spec.options if option.choices)


@EVERY_FORMAT
def test_a_page_says_everything_the_spec_says(chosen: Format) -> None:
    for language in LANGUAGES:
        page = render_page(chosen.spec, language)
        steps, traps = (
            (chosen.spec.pbx_steps_fr, chosen.spec.traps_fr)
            if language == "fr"
            else (chosen.spec.pbx_steps_en, chosen.spec.traps_en)
        )
        for text in (*steps, *traps, *(f"`{field.name}`" for field in chosen.spec.fields)):
            assert text in page


@EVERY_FORMAT
def test_an_unknown_option_is_refused(chosen: Format) -> None:
    with pytest.raises(BadOption):
        chosen.reader({"no_such_option": "1"})


@EVERY_FORMAT
def test_frame_gives_the_rest_back_until_the_end(chosen: Format) -> None:
    assert chosen.frame(b"", final=True) == ([], b"")
    assert chosen.frame(b"abc", final=False) == ([], b"abc")
    assert chosen.frame(b"abc", final=True) == ([b"abc"], b"")
    endless = b"x" * 200_000
    records, rest = chosen.frame(endless, final=False)
    assert b"".join(records) + rest == endless
    assert len(rest) < len(endless)  # a sender without line ends does not fill the memory


@EVERY_FORMAT
def test_what_is_replayed_is_framed_again_into_the_same_records(chosen: Format) -> None:
    records = [b"one\n", b"two\r\n", b"three"]
    if chosen.frame(records[0], final=False)[1]:
        pytest.skip("its records are no lines: see its own tests")
    again, rest = chosen.frame(chosen.replay(records), final=False)
    assert [record.rstrip(b"\r\n") for record in again] == [b"one", b"two", b"three"]
    assert rest == b""


@EVERY_FORMAT
def test_nobody_protected_nothing_redacted(chosen: Format) -> None:
    record = b"2026/10/05 09:12:33,0612345678\r\n"
    assert chosen.redact(record, frozenset()) is record
