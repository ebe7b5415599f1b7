"""Stories of processes that die or meet in the store; run by test_store.py, one process a story.

`python store_stories.py STORY` uses ARDOISE_HOME and ARDOISE_DATABASE_URL, and exits with 0 when the story held.
Everything is imported before the forks, so that a round costs milliseconds; nothing is used before them.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import django
import polars as pl

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ardoise.project.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections, transaction  # noqa: E402

from ardoise.cli.wiring import ready_database  # noqa: E402
from ardoise.store.blobs import Blobs  # noqa: E402
from ardoise.store.journal import Arrival, Journal, Kind  # noqa: E402
from ardoise.store.operations import GenerationMoved, append_frozen, replace_partition, sweep  # noqa: E402
from ardoise.store.queries import files, one_snapshot, scan, state_of  # noqa: E402
from ardoise.store.tables import StagedFile, schema_of, verify_files, write_parquet  # noqa: E402

ROUNDS = 12
MONTH, PARTITION = "2026-10", "03"
ROWS = 2_000
AT = datetime(2026, 10, 5, 8, 0, tzinfo=UTC)


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


def killed_at_work(work: Callable[[int], None], moment: random.Random, *, within_s: float) -> bytes:
    """Run `work(progress)` in a child and kill it at a random moment after its first word; returns all it said.

    Waiting for a first word makes each round try something, however busy the machine is.
    """
    readable, writable = os.pipe()
    pid = in_child(lambda: work(writable))
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = os.read(readable, 8)
        time.sleep(moment.uniform(0.0, within_s))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1]), "the child ended before it was killed"
        return said + pipe.read()


def charges(table: str, amount_micros: int, count: int) -> StagedFile:
    neutral = {pl.String(): "", pl.Int64(): 0, pl.Boolean(): False, pl.Datetime("us", "UTC"): AT}
    frame = pl.DataFrame(
        {name: pl.repeat(neutral[kind], count, dtype=kind, eager=True) for name, kind in schema_of(table).items()}
    )
    given = [pl.lit(amount_micros, dtype=pl.Int64).alias("amount_micros"), pl.lit(MONTH).alias("month")]
    return write_parquet(frame.with_columns(*given), table)


def replace(generation: int, staged: list[StagedFile]) -> None:
    replace_partition(table="open", month=MONTH, partition=PARTITION, expected_generation=generation, files=staged)


# Stories -------------------------------------------------------------------------------------------------------------


def killed_while_replacing() -> None:
    """A partition in two files and a frozen row change together; kill -9 leaves the old state or the new one."""
    moment = random.Random(20261025)
    reached = 0
    for _ in range(ROUNDS):
        killed_at_work(replace_for_ever, moment, within_s=0.1)
        finish(in_child(check_one_state))
        before, reached = reached, generation_now()
        assert reached > before, "an acknowledged replacement is gone"
    assert reached >= ROUNDS
    print(f"{reached} replacements, {ROUNDS} kills")


def replace_for_ever(progress: int) -> None:
    while True:
        generation = state_of("open", MONTH, PARTITION).generation
        staged = [charges("open", generation + 1, ROWS), charges("open", generation + 1, ROWS)]
        with transaction.atomic():
            replace(generation, staged)
            append_frozen(month=MONTH, partition=PARTITION, files=[charges("frozen", generation + 1, 1)])
        os.write(progress, b"!")


def check_one_state() -> None:
    generation = state_of("open", MONTH, PARTITION).generation
    amounts = scan("open").collect().get_column("amount_micros")
    frozen = sorted(scan("frozen").collect().get_column("amount_micros"))
    assert frozen == list(range(1, generation + 1)), f"frozen {frozen} at generation {generation}"
    assert len(amounts) == (2 * ROWS if generation else 0), f"{len(amounts)} rows at generation {generation}"
    assert amounts.unique().to_list() == ([generation] if generation else []), "rows of two generations"
    sweep(now=datetime.now(UTC) + timedelta(days=3))
    assert list(verify_files(files("open") + files("frozen"))) == []
    left = {path.resolve() for path in (Path(settings.ARDOISE_HOME) / "tables").rglob("*.parquet")}
    assert left == {file.path.resolve() for file in files("open") + files("frozen")}, "the sweep left or took too much"


def generation_now() -> int:
    generation = state_of("open", MONTH, PARTITION).generation
    connections.close_all()
    return generation


def racing_replacements() -> None:
    """Three processes each add one row ten times, by read and compare-and-set: none of the thirty is lost."""
    for pid in [in_child(add_ten_rows) for _ in range(3)]:
        finish(pid)
    assert generation_now() == 30
    finish(in_child(lambda: check_height(30)))


def add_ten_rows() -> None:
    added = 0
    while added < 10:
        state = state_of("open", MONTH, PARTITION)
        held = sum(file.rows for file in state.files)
        try:
            replace(state.generation, [charges("open", 1, held + 1)])
            added += 1
        except GenerationMoved:
            continue


def check_height(expected: int) -> None:
    height = scan("open").collect().height
    assert height == expected, f"{height} rows, not {expected}"


def a_snapshot_while_another_replaces() -> None:
    """Inside `one_snapshot` a replacement by another process stays unseen; after it, it is seen."""
    finish(in_child(lambda: replace(0, [charges("open", 1, 1)])))
    wait_for, go = os.pipe()
    pid = in_child(lambda: replace_when_told(wait_for))
    with one_snapshot():
        before = files("open")
        os.write(go, b"!")
        time.sleep(1.0)
        assert files("open") == before
        assert state_of("open", MONTH, PARTITION).generation == 1
    finish(pid)
    assert [file.generation for file in files("open")] == [2]


def replace_when_told(wait_for: int) -> None:
    staged = charges("open", 2, 1)
    os.read(wait_for, 1)
    replace(1, [staged])


def killed_while_appending() -> None:
    """Every acknowledged entry is there, in order, after each kill; what is more is whole groups' beginnings."""
    moment = random.Random(1)
    journal = Journal(Path(settings.ARDOISE_HOME) / "journal", "pbx")
    acknowledged = 0
    for _ in range(ROUNDS):
        said = killed_at_work(partial(append_for_ever, journal, acknowledged), moment, within_s=0.1)
        least = int.from_bytes(said[len(said) // 8 * 8 - 8 :][:8], "big")
        with journal.writer() as writer:
            assert writer.damage is None
        numbers = [int(entry.payload[:8]) for entry in journal.read()]
        assert numbers == list(range(len(numbers))), "an entry is missing, doubled or out of order"
        assert least <= len(numbers) <= least + 50, f"{least} acknowledged, {len(numbers)} found"
        acknowledged = len(numbers)
    assert acknowledged >= 50 * ROUNDS
    print(f"{acknowledged} entries, {ROUNDS} kills")


def append_for_ever(journal: Journal, first: int, acknowledge: int) -> None:
    with journal.writer(segment_bytes=2**20) as writer:
        while True:
            group = [Arrival(AT, 1, Kind.BYTES, b"%08d" % number + bytes(2_000)) for number in range(first, first + 50)]
            writer.append(group)
            first += 50
            os.write(acknowledge, first.to_bytes(8, "big"))


def killed_while_putting_blobs() -> None:
    """Whatever stands under a digest after a kill is its whole content."""
    moment = random.Random(2)
    blobs = Blobs(Path(settings.ARDOISE_HOME) / "blobs")
    for _ in range(ROUNDS):
        killed_at_work(partial(put_for_ever, blobs), moment, within_s=0.05)
        assert list(blobs.verify()) == []
    sweep(now=datetime.now(UTC) + timedelta(days=3))
    kept = [path for path in blobs.folder.rglob("*") if path.is_file()]
    assert len(kept) >= ROUNDS
    assert all(len(path.name) == 64 for path in kept), "half-written files were left"


def put_for_ever(blobs: Blobs, progress: int) -> None:
    while True:
        blobs.put(os.urandom(50_000))
        os.write(progress, b"!")


def killed_between_a_dead_file_and_its_row() -> None:
    """A sweep that died half-way is finished by the next one."""
    finish(in_child(lambda: replace(0, [charges("open", 1, 1)])))
    finish(in_child(lambda: replace(1, [charges("open", 2, 1)])))
    live = files("open")[0].path
    for path in live.parent.glob("*.parquet"):
        if path != live:
            path.unlink()  # what a sweep does first
    assert sweep(now=datetime.now(UTC) + timedelta(days=3)).dead == 1
    assert sweep(now=datetime.now(UTC) + timedelta(days=3)).dead == 0
    assert [file.generation for file in files("open")] == [2]


STORIES = {
    story.__name__: story
    for story in (
        killed_while_replacing,
        racing_replacements,
        a_snapshot_while_another_replaces,
        killed_between_a_dead_file_and_its_row,
        killed_while_appending,
        killed_while_putting_blobs,
    )
}

if __name__ == "__main__":
    ready_database()
    connections.close_all()
    STORIES[sys.argv[1]]()
