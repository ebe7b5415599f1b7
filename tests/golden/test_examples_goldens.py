"""The calls of docs/algorithms/goldens.md, from their tickets to their price, through `ardoise.core.rating`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from ardoise.catalog.models import Tariff
from ardoise.catalog.queries import take_snapshot
from ardoise.collect.handover import snapshot_sources
from ardoise.collect.models import Source
from ardoise.core.assembly import Assembler, AssemblyPolicy
from ardoise.core.legs import TimedLeg
from ardoise.core.localtime import Resolved, StreamClock
from ardoise.core.phone import DialPlan
from ardoise.core.rating import CompiledSnapshot, PartName, RatedPart, Section, State
from ardoise.core.usage import Leg, Usage
from ardoise.directory.models import Account, Line
from ardoise.formats import registry
from ardoise.plainfiles.loading import load
from golden.goldens import GoldenCall, GoldenInvoice, parse_goldens

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 11, 5, 9, tzinfo=UTC)
STREAMS = {"avaya-siege": "avaya-ipoffice.smdr", "mitel-usine": "mitel-3300.smdr"}
GOLDENS = parse_goldens()


def files_of(source: str) -> list[Path]:
    if source in STREAMS:
        return [EXAMPLES / "entreprise" / "tickets" / STREAMS[source]]
    return sorted((EXAMPLES / "operateur" / "tickets" / source).iterdir())


def calls_of(source: Source) -> Iterator[tuple[tuple[str, ...], Usage]]:
    """Every call of a source with its tickets, as collecting reads them: format, clock, assembler."""
    format = registry.get(source.format)
    clock = StreamClock(source.zone)
    assembler = Assembler(AssemblyPolicy(plan=DialPlan(outside_prefix=source.outside_prefix, country=source.country)))
    raws: dict[str, str] = {}
    for file in files_of(source.code):
        records, _ = format.frame(file.read_bytes(), final=True)
        reader = format.reader(source.options)
        for number, record in enumerate(records):
            leg = reader(record)
            if not isinstance(leg, Leg):
                continue
            resolved = clock.resolve(leg.start, arrived_at=NOW, lasted_s=leg.duration_s + (leg.ring_s or 0))
            assert isinstance(resolved, Resolved)
            ticket_id = f"{source.code}:{file.name}:{number}"
            encoding = "cp1252" if source.code == "transalp" else "utf-8"
            raws[ticket_id] = record.decode(encoding).rstrip()
            for call in assembler.add(TimedLeg(ticket_id, source.code, resolved.at, resolved.flags, NOW, leg)):
                yield tuple(raws[timed.ticket_id] for timed in call.legs), call.usage


@cache
def calls_by_tickets(source_code: str) -> dict[tuple[str, ...], Usage]:
    return dict(calls_of(Source.objects.get(code=source_code)))


@pytest.fixture
def companies(db: None, home: Path) -> CompiledSnapshot:
    for company in ("entreprise", "operateur"):
        load(EXAMPLES / company, recorded_at=NOW)
    return CompiledSnapshot(take_snapshot(sources=snapshot_sources()))


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.ARDOISE_HOME = tmp_path
    return tmp_path


def differences(golden: GoldenCall, parts: tuple[RatedPart, ...]) -> list[str]:
    """What the product says otherwise than the page."""
    found = {part.part: part for part in parts}
    access = found[PartName.ACCESS]
    assert access.match is not None, access.why
    rate = access.match.rate
    prefix = rate.rate.prefix
    service = found.get(PartName.SERVICE)
    said = {
        "line": Line.objects.get(id=access.payer.line_id).code,
        "account": Account.objects.get(id=access.payer.account_id).code,
        "tariff": Tariff.objects.get(id=rate.tariff.tariff_id).code,
        "prefix": prefix[1:] if prefix.startswith("!") else f"+{prefix}",
        "band": rate.rate.band,
        "billed_s": access.billed_s,
        "access_micros": access.amount_micros,
        "service_micros": service.amount_micros if service else None,
        "covered_s": access.covered_s,
    }
    return [
        f"{name}: {value!r} instead of {getattr(golden, name)!r}"
        for name, value in said.items()
        if value != getattr(golden, name)
    ]


def test_the_page_has_ten_calls_of_each_company_and_three_invoices() -> None:
    assert [call.code for call in GOLDENS.calls] == [f"{company}{n:02d}" for company in "EO" for n in range(1, 11)]
    assert [invoice.account for invoice in GOLDENS.invoices] == ["B2011", "A1037", "B2016"]


@pytest.mark.slow
def test_every_call_of_the_page_costs_what_was_worked_out_by_hand(companies: CompiledSnapshot) -> None:
    wrong = []
    for golden in GOLDENS.calls:
        usage = calls_by_tickets(golden.source)[golden.tickets]
        if golden.answered_at is not None and usage.answered_at != golden.answered_at:
            wrong.append(f"{golden.code} answered_at: {usage.answered_at} instead of {golden.answered_at}")
        parts = companies.rate(usage)
        assert all(part.state is State.PRICED for part in parts), golden.title
        wrong += [f"{golden.code} {difference}" for difference in differences(golden, parts)]
        covered = Section.INCLUDED if golden.covered_s else Section.OUTSIDE
        assert parts[0].section is covered, golden.title
    assert wrong == []


@pytest.mark.parametrize("invoice", GOLDENS.invoices, ids=lambda invoice: invoice.account)
def test_an_invoice_of_the_page_adds_up(invoice: GoldenInvoice) -> None:
    """The page against itself: lines to net, net and VAT to total."""
    (vat,) = invoice.vat
    assert sum(line.net_minor for line in invoice.lines) == invoice.net_minor == vat.basis_minor
    assert invoice.net_minor + vat.amount_minor == invoice.gross_minor
    assert invoice.gross_minor + invoice.rounding_minor == invoice.payable_minor
    if invoice.with_tax:
        assert sum(line.gross_minor or 0 for line in invoice.lines) == invoice.payable_minor
