"""The demonstration: the main job on two companies written for it, from their PBXs' sockets to their invoices.

Every step can be repeated and picks up where a killed run stopped: loading is idempotent, the simulated PBXs send only
what the journal does not hold yet, and from there on the flow itself is a run of no-ops where there is nothing to do.
"""

from __future__ import annotations

import asyncio
import json
import threading
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path
from time import monotonic, sleep

from django.conf import settings

from ardoise import flow
from ardoise.access.operations import ensure_user
from ardoise.access.scope import EVERYTHING
from ardoise.bill.models import Document
from ardoise.bill.operations import waive
from ardoise.bill.queries import Completeness, completeness
from ardoise.cli.serving import port_is_free
from ardoise.collect import operations as collecting
from ardoise.collect import service
from ardoise.collect.models import Quarantined, Source
from ardoise.collect.queries import folder_of, ticket_counts
from ardoise.collect.simulator import SendingPbx, ServingPbx, play
from ardoise.core.documents import DocumentKind
from ardoise.deliver.models import Rendering
from ardoise.deliver.queries import path_of
from ardoise.directory.models import Issuer
from ardoise.formats import registry
from ardoise.plainfiles.loading import load

COMPANIES = ("entreprise", "operateur")
STREAMS = {"avaya-siege": "avaya-ipoffice.smdr", "mitel-usine": "mitel-3300.smdr"}
CREDITED_REASON = "Facture annulée : abonnement résilié avant la mise en service"
WAIVED_REASON = "Démonstration : anomalie plantée, acceptée pour émettre"
LOGIN, PASSWORD = "demo@ardoise.example", "ardoise-demo"
PATIENCE_S = 60
CHARGE_TERMS = ("priced", "invoiced", "on_statement", "not_billable", "open")  # of summary.json, in numbers of charges

Clock = Callable[[], datetime]
Step = Callable[[int], None]


class NotADemo(ValueError):
    """The installation is somebody's own."""


class PortTaken(OSError):
    """Another program, perhaps another demonstration, has the port of a demo PBX."""


class TicketsStuck(RuntimeError):
    """The collectors did not take the tickets that were sent to them."""


@dataclass(slots=True)
class Done:
    """What this run of the demonstration changed; all zero the second time."""

    loaded: int = 0
    tickets: int = 0
    files: int = 0
    rated: bool = False
    issued: int = 0
    rendered: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.loaded or self.tickets or self.files or self.rated or self.issued or self.rendered)


def load_companies(examples: Path, *, now: datetime) -> int:
    """Load both companies; returns how many rows were new or changed. Raises NotADemo."""
    _refuse_another_installation(examples)
    reports = [load(examples / name, recorded_at=now) for name in COMPANIES]
    ensure_user(email=LOGIN, name="Démonstration", password=PASSWORD, role="admin")
    return sum(count.new + count.changed for report in reports for count in report.files)


def _refuse_another_installation(examples: Path) -> None:
    """The demonstration waives, issues and makes a login: never in a folder or database with other companies."""
    known = set()
    for name in COMPANIES:
        known |= {row["code"] for row in tomllib.loads((examples / name / "issuers.toml").read_text())["issuer"]}
    others = sorted(set(Issuer.objects.values_list("code", flat=True)) - known)
    if others:
        raise NotADemo(
            f"{settings.ARDOISE_HOME} holds other companies ({', '.join(others)}): the demonstration would issue their "
            "documents; run it with --home in a folder of its own, and without ARDOISE_DATABASE_URL"
        )


def records_of(examples: Path) -> dict[str, list[bytes]]:
    """The tickets each simulated PBX has to say, in the order in which it says them."""
    found = {}
    for source in Source.objects.filter(code__in=STREAMS):
        data = (examples / "entreprise" / "tickets" / STREAMS[source.code]).read_bytes()
        found[source.code], _ = registry.get(source.format).frame(data, final=True)
    return found


def still_to_send(records: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """What the journal does not hold yet. A ticket cut by a killed run is sent again, whole."""
    received = {count.source: count.received for count in ticket_counts(EVERYTHING)}
    cut = {code: Quarantined.objects.filter(source__code=code, reason="cut").count() for code in records}
    return {code: whole[received[code] - cut[code] :] for code, whole in records.items()}


def drop_files(examples: Path) -> int:
    """Drop the operators' files into the folders of their sources; returns how many were not dropped before."""
    dropped = 0
    for source in Source.objects.filter(transport=Source.Transport.FILES).order_by("code"):
        known = {path.name for path in folder_of(source).rglob("*")}  # waiting, done or refused
        folder = examples / "operateur" / "tickets" / source.code
        for file in sorted(folder.iterdir()) if folder.is_dir() else []:
            if file.name not in known:
                collecting.drop_file(source=source.code, file=file)
                dropped += 1
    return dropped


@contextmanager
def collectors(codes: list[str], clock: Clock) -> Iterator[None]:
    """The collector service, as `ardoise up` runs it, in a thread of this process."""
    stop = threading.Event()
    failure: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(_until(stop, codes, clock))
        except Exception as error:  # noqa: BLE001 - raised again in the main thread, below
            failure.append(error)

    thread = threading.Thread(target=run, name="collectors", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=PATIENCE_S)
    if failure:
        raise failure[0]


async def _until(stop: threading.Event, codes: list[str], clock: Clock) -> None:
    stopping = asyncio.Event()

    async def watch() -> None:
        while not stop.is_set():
            await asyncio.sleep(0.05)
        stopping.set()

    watcher = asyncio.create_task(watch())
    await service.run(codes, stopping, clock)
    await watcher


def play_tickets(records: dict[str, list[bytes]], clock: Clock, step: Step) -> int:
    """Play every PBX over real TCP at our collectors, and wait until the last ticket is in the journal and parsed."""
    remaining = {code: some for code, some in records.items() if some}
    if not remaining:
        return 0
    _refuse_taken_ports(list(remaining))
    before = _received(list(remaining))
    total = sum(len(some) for some in remaining.values())
    over = threading.Event()
    players = [
        threading.Thread(target=_play, args=(source, remaining[source.code], over), daemon=True)
        for source in Source.objects.filter(code__in=remaining)
    ]
    with collectors(list(remaining), clock):
        for player in players:
            player.start()
        _wait(list(remaining), before + total, before, step)
    over.set()  # the PBXs outlive the collectors, as in life
    for player in players:
        player.join(timeout=PATIENCE_S)
    return total


def _refuse_taken_ports(codes: list[str]) -> None:
    """Before a ticket is sent: it must reach our collector, not somebody else's."""
    for source in Source.objects.filter(code__in=codes):
        if source.port is not None and not port_is_free(source.port):
            raise PortTaken(
                f"port {source.port}, which the demo PBX « {source.name} » needs, is already in use; "
                "stop what listens there (another demonstration?) and run the demo again"
            )


def _play(source: Source, records: list[bytes], over: threading.Event) -> None:
    """The PBX of this source until the play is over: it connects to us, or we connect to it."""
    assert source.port is not None
    if source.transport == Source.Transport.TCP_SERVER:
        with SendingPbx("127.0.0.1", source.port, buffer_records_max=len(records)) as pbx:
            _wait_until_listening(pbx)
            play(pbx, records, tickets_per_s=0)
            over.wait()
    else:
        with ServingPbx(source.port, host="127.0.0.1", buffer_records_max=len(records)) as pbx:
            play(pbx, records, tickets_per_s=0)
            over.wait()


def _wait_until_listening(pbx: SendingPbx) -> None:
    deadline = monotonic() + PATIENCE_S
    while True:
        try:
            return pbx.connect()
        except ConnectionError:
            if monotonic() > deadline:
                raise
            sleep(0.1)


def _wait(codes: list[str], wanted: int, seen: int, step: Step) -> None:
    last_change = monotonic()
    while seen < wanted:
        received = _received(codes)
        if received > seen:
            step(received - seen)
            seen, last_change = received, monotonic()
        elif monotonic() - last_change > PATIENCE_S:
            raise TicketsStuck(
                f"{wanted - seen} tickets did not arrive; "
                f"look at: ardoise collect status --home {settings.ARDOISE_HOME}"
            )
        sleep(0.1)


def _received(codes: list[str]) -> int:
    return sum(count.received for count in ticket_counts(EVERYTHING) if count.source in codes)


def close_month(*, now: datetime) -> None:
    """The month is over: what still waits for another ticket of its call becomes a call."""
    for source in Source.objects.filter(active=True):
        collecting.close_waiting(source=source.code, now=now)


def accept_findings(month: str, *, now: datetime) -> list[str]:
    """Waive, by name, the faults planted in the examples: in real life somebody mends or accepts each."""
    names = []
    for finding in flow.check(month=month):
        if not finding.waived:
            waive(month=month, finding=finding.name, reason=WAIVED_REASON, waived_by=LOGIN, now=now)
        names.append(finding.name)
    return names


def credit_one(month: str, *, issue_date: date, now: datetime) -> int:
    """One credit note, for the last invoice of the month; returns how many were issued (0 the second time)."""
    if Document.objects.filter(month=month, kind=DocumentKind.CREDIT_NOTE.value).exists():
        return 0
    invoice = Document.objects.filter(month=month, kind=DocumentKind.INVOICE.value).order_by("-id").first()
    if invoice is None:
        return 0
    flow.credit(invoice=invoice, issue_date=issue_date, now=now, reason=CREDITED_REASON)
    return 1


def summary(month: str, reports: dict[str, list[Path]], root: Path) -> dict[str, object]:
    """What `summary.json` says, paths relative to the repository."""
    return {"companies": [_company(balance, month, reports, root) for balance in completeness(EVERYTHING, month=month)]}


def _company(balance: Completeness, month: str, reports: dict[str, list[Path]], root: Path) -> dict[str, object]:
    documents = Document.objects.filter(issuer__company=balance.company, month=month).order_by("id")
    invoices = [row for row in documents if row.kind != DocumentKind.STATEMENT.value]
    statements = [row for row in documents if row.kind == DocumentKind.STATEMENT.value]
    return {
        "name": balance.company,
        "tickets": {
            "received": balance.tickets.received,
            "in_calls": balance.tickets.in_calls,
            "events": balance.tickets.events,
            "quarantined": balance.tickets.quarantined,
        },
        "calls": {
            "all": balance.calls.all,
            "priced": balance.calls.priced,
            "unpriced": balance.calls.unpriced,
            "excluded": balance.calls.excluded,
        },
        "charges": {name: getattr(balance.charges, name) for name in CHARGE_TERMS},
        "charges_micros": asdict(balance.micros),
        "invoices": [
            {
                "number": row.number,
                "kind": row.kind,  # the total of a credit note is positive, as on the document
                "pdf": _file(row, Rendering.Kind.PDF, root),
                "xml": _file(row, Rendering.Kind.XML, root),
                "total_minor": row.payable_minor,
            }
            for row in invoices
        ],
        "statements": [_file(row, Rendering.Kind.PDF, root) for row in statements],
        "reports": [_relative(path, root) for path in reports.get(balance.company, [])],
    }


def _file(row: Document, kind: Rendering.Kind, root: Path) -> str:
    return _relative(path_of(row.renderings.get(kind=kind)), root)


def _relative(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def write_summary(content: dict[str, object], path: Path) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
