"""Settings of transports: known, well written, their secrets named and read when they are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ardoise.collect.links import WAYS, BadLink, check_secrets, link_of, problems, read_secret
from ardoise.collect.waiting import Pauses


def test_a_secret_is_read_from_where_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("sésame\n", encoding="utf-8")
    monkeypatch.setenv("PBX_PASSWORD", "open")
    assert read_secret("password", f"file:{file}") == "sésame"
    assert read_secret("password", "env:PBX_PASSWORD") == "open"
    assert read_secret("password", "") == ""


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:NO_SUCH_VARIABLE", "no environment variable NO_SUCH_VARIABLE"),
        ("file:/no/such/file", "cannot be read"),
        ("sesame", "must name its secret"),
    ],
)
def test_a_secret_that_cannot_be_read_says_why_and_never_itself(reference: str, why: str) -> None:
    with pytest.raises(BadLink, match=why):
        read_secret("password", reference)


def test_the_login_of_a_pbx_is_read_at_each_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    link = link_of("tcp_client", {"user": "ardoise", "password": "env:PBX_PASSWORD"})
    for password in ("old", "new"):
        monkeypatch.setenv("PBX_PASSWORD", password)
        assert link.login() == {"user": "ardoise", "password": password}
    monkeypatch.delenv("PBX_PASSWORD")
    with pytest.raises(BadLink):
        check_secrets(link)


@pytest.mark.parametrize(
    ("transport", "given", "column", "why"),
    [
        ("tcp_server", {}, "port", "is missing: the transport tcp_server needs it"),
        ("tcp_client", {"port": 1752}, "host", "is missing: the transport tcp_client needs it"),
        ("tcp_client", {"host": "pbx", "port": 1752, "link": {"passwort": "env:X"}}, "link", "it has: user, password"),
        ("tcp_client", {"host": "pbx", "port": 1752, "link": {"password": "1234"}}, "link", "not hold it"),
        ("files", {"link": {"user": "x"}}, "link", "it has: nothing"),
        ("radius", {"port": 1813}, "link", "secret is missing: secret shared with the NAS"),
    ],
)
def test_what_a_source_lacks_is_said_by_column(transport: str, given: dict[str, object], column: str, why: str) -> None:
    source: dict[str, object] = {"host": "", "port": None, "link": {}, **given}
    ((found, message),) = problems(transport, **source)  # type: ignore[arg-type]
    assert found == column
    assert why in message


def test_a_source_that_has_everything_lacks_nothing() -> None:
    link = {"secret": "env:X"}
    assert list(problems("radius", host="", port=1813, link=link)) == []
    assert link_of("webhook", {"secret": "env:X", "proof": "hmac"}).text("header") == "X-Signature"


def test_every_setting_speaks_both_languages() -> None:
    settings = [setting for way in WAYS.values() for setting in way.settings]
    assert [setting.name for setting in settings if not (setting.meaning_fr and setting.meaning_en)] == []
    assert [
        setting.name for setting in settings if setting.choices and setting.default not in ("", *setting.choices)
    ] == []


def test_the_pause_doubles_up_to_a_minute() -> None:
    pauses = Pauses()
    found = [pauses.next() for _ in range(9)]
    for pause_s, middle_s in zip(found, (1, 2, 4, 8, 16, 32, 60, 60, 60), strict=True):
        assert 0.8 * middle_s <= pause_s <= 1.2 * middle_s
