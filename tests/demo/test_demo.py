"""The main job as a new user sees it: tickets in over TCP, legal invoices out."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pikepdf
import pytest

from ardoise.deliver import validation

from .conftest import ARDOISE, LIMIT_S, LOGIN, PASSWORD, ROOT, Demo


def _company(demo: Demo, part: str) -> dict:
    (found,) = [company for company in demo.summary["companies"] if part in company["name"]]
    return found


def test_every_ticket_is_in_a_call_an_event_or_in_quarantine(demo: Demo) -> None:
    for company in demo.summary["companies"]:
        tickets = company["tickets"]
        assert tickets["received"] > 10_000
        assert tickets["received"] == tickets["in_calls"] + tickets["events"] + tickets["quarantined"]


def test_every_call_is_priced_unpriced_with_a_reason_or_excluded_by_a_rule(demo: Demo) -> None:
    for company in demo.summary["companies"]:
        calls = company["calls"]
        assert calls["all"] == calls["priced"] + sum(calls["unpriced"].values()) + sum(calls["excluded"].values())
        assert calls["priced"] > 5_000


def test_every_priced_charge_is_on_a_document_or_says_why_not(demo: Demo) -> None:
    for company in demo.summary["companies"]:
        charges = company["charges"]
        parts = ("invoiced", "on_statement", "not_billable", "open")
        assert charges["priced"] == sum(charges[part] for part in parts)
        assert charges["open"] == 0


def test_every_ticket_that_the_pbxs_and_the_operators_sent_was_received(demo: Demo) -> None:
    pbx = ROOT / "examples" / "entreprise" / "tickets"
    lines = sum(path.read_bytes().count(b"\r\n") for path in pbx.glob("*.smdr"))
    assert _company(demo, "Vauclair")["tickets"]["received"] == lines


def test_the_enterprise_gets_statements_and_no_invoice(demo: Demo) -> None:
    company = _company(demo, "Vauclair")
    assert company["invoices"] == []
    assert len(company["statements"]) == 8  # one a department
    text = _text(demo.home / company["statements"][0])
    assert "Relevé de refacturation" in text
    assert "sans valeur de facture" in text
    assert "Total TVA" not in text and "Total TTC" not in text


def test_numbers_are_gapless_per_brand_and_kind(demo: Demo) -> None:
    numbers = [invoice["number"] for invoice in _company(demo, "Télécom")["invoices"]]
    series: dict[str, list[int]] = {}
    for number in numbers:
        prefix, sequence = re.fullmatch(r"(.*?)(\d+)", number).groups()
        series.setdefault(prefix, []).append(int(sequence))
    assert len(series) == 3  # invoices of two brands, credit notes of one
    for sequence in series.values():
        assert sorted(sequence) == list(range(1, len(sequence) + 1))


def test_every_invoice_is_valid_for_the_xsd_en16931_and_the_french_rules(demo: Demo) -> None:
    invoices = _company(demo, "Télécom")["invoices"]
    xmls = [(demo.home / invoice["xml"]).read_bytes() for invoice in invoices]
    private = [b">B2C<" in xml for xml in xmls]
    for invoice, found, is_private in zip(invoices, validation.validate_batch(xmls), private, strict=True):
        # The BR-FR rules are those of domestic e-invoicing between businesses: private customers are e-reported.
        problems = [problem for problem in found if not (is_private and problem.rule.startswith("BR-FR"))]
        assert problems == [], invoice["number"]
    assert sum(private) >= 5


def test_every_invoice_carries_its_xml_inside_a_pdf_a3(demo: Demo) -> None:
    for invoice in _company(demo, "Télécom")["invoices"]:
        with pikepdf.Pdf.open(demo.home / invoice["pdf"]) as pdf:
            assert list(pdf.attachments) == ["factur-x.xml"]
            attached = pdf.attachments["factur-x.xml"].get_file().read_bytes()
            assert attached == (demo.home / invoice["xml"]).read_bytes()
            with pdf.open_metadata() as metadata:
                assert metadata.get("pdfaid:part") == "3"


def test_the_staff_representative_leaves_no_number_anywhere(demo: Demo) -> None:
    """Law: calls of a line marked no_detail cannot be traced; the numbers of the tickets stand in no file we keep."""
    devices = {f"E{extension}" for extension in _protected_extensions()}
    private = _outside_numbers(lambda fields: devices & set(fields))
    private -= _outside_numbers(lambda fields: not devices & set(fields))
    assert len(private) >= 3
    for path in demo.home.rglob("*"):
        if path.is_file() and path.suffix not in {".pdf", ".xlsx", ".parquet"}:
            content = path.read_bytes()
            assert not [number for number in private if number.encode() in content], path


def _protected_extensions() -> set[str]:
    folder = ROOT / "examples" / "entreprise"
    lines = {row["code"] for row in csv.DictReader((folder / "lines.csv").open()) if row["no_detail"] == "yes"}
    identifiers = csv.DictReader((folder / "identifiers.csv").open())
    return {row["value"] for row in identifiers if row["line"] in lines and row["kind"] == "extension"}


def _outside_numbers(wanted: Callable[[list[str]], object]) -> set[str]:
    found = set()
    data = (ROOT / "examples" / "entreprise" / "tickets" / "avaya-ipoffice.smdr").read_text(errors="replace")
    for line in data.splitlines():
        fields = line.split(",")
        if len(fields) >= 30 and wanted(fields):
            number = fields[6] if fields[4] == "O" else fields[3]
            if number.isdigit() and len(number) >= 10:
                found.add(number[-9:])  # with or without the outside and national prefixes
    return found


def test_the_three_controls_and_the_costs_are_written_as_pdf_and_workbook(demo: Demo) -> None:
    reports = [Path(path).name for path in _company(demo, "Télécom")["reports"]]
    for title in ("Facturation mois dernier", "Tableau des factures", "Synthèse sur 12 mois"):
        assert {f"2026-10 {title}.pdf", f"2026-10 {title}.xlsx"} <= set(reports)
    assert "2026-10 Coûts par service et par poste.xlsx" in [
        Path(path).name for path in _company(demo, "Vauclair")["reports"]
    ]


def test_check_names_the_planted_faults_and_passes_once_they_are_waived(demo: Demo) -> None:
    checked = demo.run("check", "--month", "2026-10", "--today", "2026-11-05", "--json")
    assert checked.returncode == 0, checked.stderr  # the demonstration waived each by name
    for name in ("source-silent:", "amount-far:", "no-subscription:", "unpriced:no_rate:"):
        assert checked.stdout.count(f'"name": "{name}') == 1
    assert checked.stdout.count('"name"') == 4


def test_verify_finds_everything_as_it_was_written(demo: Demo) -> None:
    verified = demo.run("verify")
    assert verified.returncode == 0, verified.stdout


def test_a_second_run_changes_nothing_and_says_so(demo: Demo) -> None:
    before, documents = demo.results(), _documents(demo)
    again = demo.run()
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Nothing changed" in again.stdout
    assert demo.results() == before
    assert _documents(demo) == documents


def _documents(demo: Demo) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted((demo.home / "documents").rglob("*.pdf"))}


def test_a_port_in_use_is_a_sentence_not_a_trace(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = demo.run("demo", "--port", str(port))
    assert refused.returncode == 1
    assert f"port {port} is already in use" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr


def _text(path: Path) -> str:
    pypdf = pytest.importorskip("pypdf")
    return "".join(page.extract_text() for page in pypdf.PdfReader(str(path)).pages)


def test_the_console_answers_after_the_demonstration_has_run(demo: Demo) -> None:
    """The server is a process of its own: workers forked from one that used Polars once hung on their first query."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*ARDOISE, "demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=demo.environment(), start_new_session=True)
    try:
        home = _signed_in(f"http://127.0.0.1:{port}")
        assert "avaya-siege" in home or "Avaya IP Office" in home
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=LIMIT_S) in (0, 1, -signal.SIGINT)


def _signed_in(address: str) -> str:
    """The home page as the demonstration's user sees it, once the console is up."""
    browser = build_opener(HTTPCookieProcessor())
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            asked = browser.open(address, timeout=20)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', asked.read().decode())
    assert token
    form = {"username": LOGIN, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    sent = Request(asked.geturl(), urlencode(form).encode(), {"Referer": asked.geturl()})
    return browser.open(sent, timeout=60).read().decode()
