"""Stories of processes that die while they issue, or issue the same month together; run by test_issue.py.

`python issue_stories.py STORY FILE` uses ARDOISE_HOME and ARDOISE_DATABASE_URL and writes what stands at the end to
FILE as JSON. Everything is imported before the forks and used only after them.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import django

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
django.setup()

from django.conf import settings  # noqa: E402

from ardoise import flow  # noqa: E402
from ardoise.access.models import OutboxMessage  # noqa: E402
from ardoise.access.queries import verify_log  # noqa: E402
from ardoise.bill import drafts  # noqa: E402
from ardoise.bill import operations as billing  # noqa: E402
from ardoise.bill.charges import frozen_twice  # noqa: E402
from ardoise.bill.models import Document, Series  # noqa: E402
from ardoise.cli.wiring import ready_database  # noqa: E402
from ardoise.core.periods import month_period  # noqa: E402
from ardoise.core.schema import CHARGE_KEY, FROZEN  # noqa: E402
from ardoise.deliver.models import Rendering  # noqa: E402
from ardoise.deliver.operations import path_of  # noqa: E402
from ardoise.directory.models import Issuer  # noqa: E402
from ardoise.ledger.models import LedgerEntry  # noqa: E402
from ardoise.store.blobs import Blobs  # noqa: E402
from stage.company import ISSUE_DATE, LANDLINE, MONTH, NOW, charges, voxa  # noqa: E402

KILLS = int(os.environ.get("ARDOISE_KILLS", "10"))
CUSTOMERS = max(20, 2 * KILLS)  # so that something is left to issue or to render until the last kill
ROUNDS, AT_ONCE = 8, 50
billing.BATCH = 1
drafts.IN_ONE_PART = 0  # sixteen parts, each read by another thread while the one before it is issued
# The rules are proved elsewhere; starting their worker takes longer than all that is to be killed here.
flow.delivery.official_verdicts = lambda documents: [[] for _ in documents]


def in_child(work: Callable[[], None]) -> int:
    """Run `work` in a forked process; returns its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as error:  # noqa: BLE001 - the last frame of this process: say it and die
            print(f"child: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(status)
    return pid


def finish(pid: int) -> None:
    assert os.waitpid(pid, 0)[1] == 0, "a child failed"


def prepare() -> None:
    """Customers with a subscription and a call each, previewed: what every story starts from."""
    ready_database()
    company = voxa(Path(settings.ARDOISE_HOME))
    company.product("abo", "10.00")
    for number in range(CUSTOMERS):
        code, phone = f"C{number:02d}", f"04720000{number:02d}"
        company.customer(code)
        company.line(phone, code)
        company.subscribe(f"S{number}", code, product="abo", valid_from_date="2026-11-01")
    company.load()
    for number in range(CUSTOMERS):
        company.call("2026-10-05 10:00:00", f"04720000{number:02d}", LANDLINE, 60 * (number + 1))
    company.rate()
    company.preview()


def issue_and_deliver(tell: Callable[[int], None] = lambda done: None) -> int:
    """What a user starts again after a crash; returns how many documents it issued."""
    done = billing.issue(
        issuer=Issuer.objects.get(),
        closes_date=month_period(MONTH).end,
        issue_date=ISSUE_DATE,
        now=NOW,
        validator=flow.delivery.official_verdicts,
        progress=tell,
    )
    assert not done.moved, done.moved
    assert not done.faulty, done.faulty
    flow.deliver(now=NOW, progress=tell)
    return len(done.numbers)


def state(to: Path) -> None:
    """Everything that may not differ between a run that was killed and one that was not."""
    blobs = Blobs(Path(settings.ARDOISE_HOME) / "blobs")
    frozen = charges("frozen")
    assert frozen_twice() == {}, "a charge was billed twice"
    for kind in Document.Kind.values:
        in_time = list(Document.objects.filter(kind=kind).order_by("id").values_list("number", flat=True))
        assert in_time == sorted(in_time), f"{kind}: a later document has an earlier number"
    renderings = Rendering.objects.select_related("document").order_by("document__number", "kind")
    for rendering in renderings:
        assert path_of(rendering).read_bytes() == blobs.get(rendering.blob)
    log = verify_log()
    assert (log.broken_at, log.unsealed) == (None, 0), log
    found = {
        "documents": list(Document.objects.order_by("number").values_list("number", "account__code", "sha256")),
        "series": list(Series.objects.order_by("id").values_list("kind", "year", "last_number")),
        "ledger": sorted(LedgerEntry.objects.values_list("account__code", "account__auxiliary", "amount_micros")),
        "frozen": frozen.select(*CHARGE_KEY, FROZEN.line_no).sort(*CHARGE_KEY).rows(),
        "waiting": OutboxMessage.objects.filter(done_at=None).count(),
        "renderings": [(row.document.number, row.kind, row.blob) for row in renderings],
    }
    to.write_text(json.dumps(found), encoding="utf-8")


# Stories -------------------------------------------------------------------------------------------------------------


def undisturbed() -> None:
    finish(in_child(lambda: issue_and_deliver() and None))


def killed_while_issuing() -> None:
    """kill -9 after a few batches or renderings and a random moment; the next run goes on from there."""
    moment = random.Random(20261105)
    for number in range(KILLS):
        readable, writable = os.pipe()
        pid = in_child(lambda out=writable: work_until_killed(out))  # type: ignore[misc]
        os.close(writable)
        for _ in range(moment.randint(1, 3)):
            os.read(readable, 1)
        # A batch takes milliseconds, a rendering ten times more: the first rounds die in one, the last in the other.
        time.sleep(moment.uniform(0.0, 0.01 if number < KILLS // 2 else 0.1))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), "the child ended before it was killed"
        os.close(readable)
        finish(in_child(say_how_far))
    finish(in_child(lambda: issue_and_deliver() and None))


def say_how_far() -> None:
    waiting = OutboxMessage.objects.filter(done_at=None).count()
    print(f"killed at {Document.objects.count()} documents, {waiting} of them not rendered", flush=True)


def work_until_killed(out: int) -> None:
    issue_and_deliver(lambda done: os.write(out, b"!") and None)
    os.write(out, b"end!")  # nothing was left: still there to be killed
    signal.pause()


def issued_by_fifty_at_once() -> None:
    """Fifty processes issue the same run. Whoever is overtaken is told so: three start again, the others give up."""
    stubborn = [in_child(issue_until_nothing_is_left) for _ in range(3)]
    for pid in stubborn + [in_child(issue_once) for _ in range(AT_ONCE - len(stubborn))]:
        finish(pid)
    finish(in_child(lambda: issue_and_deliver() and None))


def issue_until_nothing_is_left() -> None:
    while not issue_once():
        pass


def issue_once() -> bool:
    try:
        issue_and_deliver()
    except billing.IssueRefused as refused:
        assert "issued by somebody else" in str(refused), refused
        return False
    return True


def made_anew() -> None:
    """The first invoices are cancelled and made anew, one after the other."""
    finish(in_child(lambda: issue_and_deliver() and None))
    for number in range(1, ROUNDS + 1):
        finish(in_child(lambda number=number: reissue(number)))  # type: ignore[misc]
    finish(in_child(lambda: flow.deliver(now=NOW) and None))


def killed_while_made_anew() -> None:
    """kill -9 at a random moment of each: the credit note and the new invoice are both there, or neither is."""
    moment = random.Random(20261106)
    finish(in_child(lambda: issue_and_deliver() and None))
    for number in range(1, ROUNDS + 1):
        readable, writable = os.pipe()
        pid = in_child(lambda number=number, out=writable: reissue_until_killed(number, out))  # type: ignore[misc]
        os.close(writable)
        os.read(readable, 1)
        time.sleep(moment.uniform(0.0, 0.4))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), "the child ended before it was killed"
        os.close(readable)
        finish(in_child(say_what_stands))
        finish(in_child(lambda number=number: reissue(number)))  # type: ignore[misc]
    finish(in_child(lambda: flow.deliver(now=NOW) and None))


def reissue(number: int) -> None:
    invoice = Document.objects.get(number=f"FA2026-{number:05d}")
    done = flow.reissue(invoice=invoice, issue_date=ISSUE_DATE, now=NOW, reason="Erreur")
    assert done.invoice is not None


def reissue_until_killed(number: int, out: int) -> None:
    os.write(out, b"!")
    reissue(number)
    signal.pause()  # both are made: still there to be killed


def say_what_stands() -> None:
    credited, invoiced = (Document.objects.filter(kind=kind).count() for kind in ("credit_note", "invoice"))
    print(f"killed at {credited} credit notes, {invoiced} invoices", flush=True)
    assert credited == invoiced - CUSTOMERS, "a credit note without its new invoice"


STORIES = {
    story.__name__: story
    for story in (
        undisturbed,
        killed_while_issuing,
        issued_by_fifty_at_once,
        made_anew,
        killed_while_made_anew,
    )
}

if __name__ == "__main__":
    finish(in_child(prepare))
    STORIES[sys.argv[1]]()
    finish(in_child(lambda: state(Path(sys.argv[2]))))
