"""Stories of collection that dies, or meets itself; run by test_collect_faults.py, one process a story.

`python collect_stories.py STORY KILLS` uses ARDOISE_HOME and ARDOISE_DATABASE_URL, prints its counts, and exits with 0
when the story held. Everything is imported before the forks, so that a round costs milliseconds.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
django.setup()

from books import Books, sealed_calls  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.models import Sum  # noqa: E402
from store_stories import finish, in_child, killed_at_work  # noqa: E402

from ardoise.cli.wiring import ready_database  # noqa: E402
from ardoise.collect import operations, writes  # noqa: E402
from ardoise.collect.batch import journal_of  # noqa: E402
from ardoise.collect.models import DayCount, FreshUsage, Quarantined, Source, SourceEvent  # noqa: E402
from ardoise.collect.queries import folder_of  # noqa: E402
from ardoise.core.schema import USAGE  # noqa: E402
from ardoise.directory.models import Issuer  # noqa: E402
from ardoise.formats.avaya_ipoffice import FORMAT as AVAYA  # noqa: E402
from ardoise.store import queries as store  # noqa: E402
from ardoise.store.blobs import Blobs  # noqa: E402
from ardoise.store.journal import Arrival, Kind, ReceivedFile  # noqa: E402
from ardoise.store.operations import sweep  # noqa: E402
from ardoise.store.tables import verify_files  # noqa: E402

NOW = datetime(2026, 10, 20, 8, tzinfo=UTC)
FIRST = datetime(2026, 9, 30, 8, 0, 0)  # noqa: DTZ001 - as a PBX prints it; calls of two months
GROUP = 40


def ticket(number: int) -> bytes:
    """A call 25 seconds after the one before; every 20th cannot be read."""
    if number % 20 == 19:
        return f"noise {number}\r\n".encode()
    start = FIRST + timedelta(seconds=25 * number)
    call = f"{start:%Y/%m/%d %H:%M:%S},00:01:01,4,201,O,0612345678,0612345678,,0,{1_000_000 + number},0"
    return f"{call},E201,Ana,T9001,LINE 1.1,0,0{',' * 13}\r\n".encode()


def make_source(**fields: object) -> None:
    issuer = Issuer.objects.create(code="acme", name="Acme", company="Acme")
    settings = {"format": "avaya_ipoffice", "transport": "tcp_server"}
    Source.objects.create(code="ipo", name="ipo", issuer=issuer, **settings | fields)


def accepted() -> list[str]:
    """The ids of every record of the journal; a file journalled twice (a death before it was put away) counts once."""
    found: list[str] = []
    digests: set[str] = set()
    blobs = Blobs(Path(settings.ARDOISE_HOME) / "blobs")
    for entry in journal_of("ipo").read():
        if entry.kind is Kind.FILE:
            digest = ReceivedFile.of(entry).digest
            payload = b"" if digest in digests else blobs.get(digest)
            digests.add(digest)
        elif entry.kind is Kind.BYTES:
            payload = entry.payload
        else:
            continue
        at = 0
        for record in AVAYA.frame(payload, final=True)[0]:
            found.append(entry.ticket_id(at))
            at += len(record)
    return found


def books() -> Books:
    live = store.files("usage")
    assert list(verify_files(live)) == []
    ids, starts = sealed_calls([file.path for file in live], "ipo")
    fresh = list(FreshUsage.objects.values_list("usage_id", "row"))
    sums = DayCount.objects.aggregate(received=Sum("received"), calls=Sum("in_calls"), aside=Sum("quarantined"))
    return Books(
        calls=[*ids, *(usage_id for usage_id, _ in fresh)],
        aside=list(Quarantined.objects.values_list("ticket_id", flat=True)),
        events=list(SourceEvent.objects.filter(noticed=False).values_list("ticket_id", flat=True)),
        starts=[*starts, *(row[USAGE.start_at] for _, row in fresh)],
        received=sums["received"] or 0,
        in_calls=sums["calls"] or 0,
        quarantined=sums["aside"] or 0,
    )


def small_batches() -> None:
    """So that every way of writing is taken in each round: rows, files, the rows of the last tickets put together."""
    writes.SEAL_CALLS, writes.FRESH_TAIL, writes.MERGE_TICKETS = GROUP // 2, 5, 64
    operations.SMALL_FILE_CALLS = 2 * GROUP


# --- kill -9 while parsing and sealing


def killed_while_sealing(kills: int) -> None:
    """Tickets come, are parsed and sealed, again and again; the process is killed at random moments."""
    moment = random.Random(seed())
    for _ in range(kills):
        killed_at_work(receive_and_seal_for_ever, moment, within_s=1.0)
        finish(in_child(check_parsed))
    finish(in_child(lambda: check_parsed(last=True)))
    print(f"{kills} kills")


def receive_and_seal_for_ever(progress: int) -> None:
    small_batches()
    number = len(accepted())
    turn = number // GROUP
    while True:
        with journal_of("ipo").writer() as writer:
            writer.append([Arrival(NOW, 1, Kind.BYTES, b"".join(ticket(n) for n in range(number, number + GROUP)))])
        number, turn = number + GROUP, turn + 1
        os.write(progress, b"!")
        operations.parse(source="ipo", now=NOW)
        if turn % 3 == 0:
            operations.seal_months(months=["2026-09", "2026-10"], now=NOW)


def check_parsed(*, last: bool = False) -> None:
    small_batches()
    with journal_of("ipo").writer() as writer:
        assert writer.damage is None
    operations.parse(source="ipo", now=NOW)
    said = books().check(accepted(), what="all parsed")
    if last:
        print(said, flush=True)
        operations.seal_months(months=["2026-09", "2026-10"], now=NOW)
        assert FreshUsage.objects.count() == 0
        sweep(now=datetime.now(UTC) + timedelta(days=3))
        books().check(accepted(), what="all sealed")


# --- kill -9 while importing files


def killed_while_importing(kills: int) -> None:
    """Files lie in the folder of a source; the importer is killed at random moments."""
    moment = random.Random(seed())
    source = Source.objects.get()
    folder = folder_of(source)
    folder.mkdir(parents=True, exist_ok=True)
    connections.close_all()
    dropped = 0
    for _ in range(kills):
        for _ in range(6):
            lines = b"".join(ticket(n) for n in range(dropped, dropped + 200))
            (folder / f".{dropped}.part").write_bytes(lines)
            (folder / f".{dropped}.part").rename(folder / f"smdr-{dropped:07d}.csv")
            dropped += 200
        killed_at_work(import_for_ever, moment, within_s=0.5)
    finish(in_child(lambda: check_imported(dropped)))
    print(f"{kills} kills, {dropped // 200} files")


def import_for_ever(progress: int) -> None:
    small_batches()
    os.write(progress, b"!")
    while True:
        operations.collect_once(now=NOW)


def check_imported(dropped: int) -> None:
    operations.collect_once(now=NOW)
    found = books()
    said = found.check(accepted(), what="killed while importing")
    assert found.received == dropped, f"{said}; but {dropped} lines were dropped"
    folder = folder_of(Source.objects.get())
    assert list(folder.glob("*.csv")) == []
    assert len(list((folder / "done").glob("*.csv"))) == dropped // 200
    print(said, flush=True)


# --- two at once


def two_parsers_and_a_sealer(kills: int) -> None:
    """Two processes parse the same source and a third one seals it, while tickets come: `kills` rounds of each."""
    with journal_of("ipo").writer() as writer:
        pids = [
            in_child(lambda: parse_often(kills)),
            in_child(lambda: parse_often(kills)),
            in_child(lambda: seal_often(kills)),
        ]
        for number in range(0, 20 * kills * GROUP, GROUP):
            writer.append([Arrival(NOW, 1, Kind.BYTES, b"".join(ticket(n) for n in range(number, number + GROUP)))])
            time.sleep(0.002)
        for pid in pids:
            finish(pid)
    finish(in_child(lambda: check_parsed(last=True)))


def parse_often(rounds: int) -> None:
    small_batches()
    for _ in range(8 * rounds):
        operations.parse(source="ipo", now=NOW)


def seal_often(rounds: int) -> None:
    small_batches()
    for _ in range(2 * rounds):
        operations.seal_months(months=["2026-09", "2026-10"], now=NOW)


# --- the clock


def the_clock_is_set_back(kills: int) -> None:
    """Our clock jumps back by hours and by days, in the middle of the stream and between two parses."""
    draw = random.Random(seed())
    at, number = NOW, 0
    with journal_of("ipo").writer() as writer:
        for _ in range(10 * kills):
            at += timedelta(seconds=1) if draw.random() < 0.7 else -timedelta(hours=draw.choice((1, 2, 30, 24 * 40)))
            writer.append([Arrival(at, 1, Kind.BYTES, b"".join(ticket(n) for n in range(number, number + 10)))])
            number += 10
            if draw.random() < 0.5:
                operations.parse(source="ipo", now=at)
    operations.parse(source="ipo", now=at)
    found = books()
    print(found.check(accepted(), what="clock set back"))
    starts = Counter(start[:10] for start in found.starts)
    assert min(starts) >= "2026-09-30" and len(found.starts) == number - number // 20  # the printed years are kept
    connections.close_all()


def seed() -> str:
    drawn = os.environ.get("ARDOISE_DEMO_SEED", "") or str(random.randrange(10**6))
    print(f"seed {drawn}", flush=True)
    return drawn


STORIES = {
    story.__name__: (story, fields)
    for story, fields in (
        (killed_while_sealing, {}),
        (killed_while_importing, {"transport": "files", "pattern": "*.csv"}),
        (two_parsers_and_a_sealer, {}),
        (the_clock_is_set_back, {}),
    )
}

if __name__ == "__main__":
    ready_database()
    story, fields = STORIES[sys.argv[1]]
    make_source(**fields)
    connections.close_all()
    story(int(sys.argv[2]))
