"""One part of the benchmark in a process of its own, so that its memory is its own.

    python -m ardoise.rate.bench.part '{"part": "bound", ...}'

It prints JSON lines: {"done": calls so far} any number of times, then {"result": ...} or {"missing": what to do}.
`ardoise.rate.bench.report` starts it.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Any

from ardoise.rate.bench import answer, bound, calls, csv_files, sample, world
from ardoise.rate.bench.peers import PEERS
from ardoise.rate.bench.peers.common import PeerMissing, Task
from ardoise.rate.bench.world import Shape
from ardoise.rate.columns import rate_month

Json = dict[str, Any]


def say(message: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def tell(done: int) -> None:
    say({"done": done})


def peak_mb() -> int:
    """The most memory this process held, in millions of bytes. Linux counts in `ru_maxrss` what the parent held before
    this program was loaded, so its own high-water mark is read there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1_024 // 1_000_000
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held // 1_000_000 if sys.platform == "darwin" else held * 1_024 // 1_000_000


def generate(shape: Shape, *, folder: str, samples: Sequence[int]) -> Json:
    """The month's calls, and the samples of about so many calls."""
    begun = perf_counter()
    files = calls.write(shape, Path(folder) / "usage", progress=tell)
    taken = {wanted: sample.take(shape, files, wanted=wanted, folder=Path(folder)) for wanted in samples}
    return {
        "generate_s": perf_counter() - begun,
        "files": [str(file) for file in files],
        "samples": {
            str(wanted): {"files": [str(file) for file in known.files], "calls": known.calls, "roots": known.roots}
            for wanted, known in taken.items()
        },
    }


def columns(shape: Shape, *, files: Sequence[str], out_dir: str, samples: Mapping[str, Json]) -> Json:
    """Rate the month; then, off the clock, what its charges say of each sample."""
    begun = perf_counter()
    known = world.snapshot(shape)
    ready = perf_counter()
    rated = rate_month(
        usage_files=[Path(file) for file in files], snapshot=known, month=world.MONTH, out_dir=Path(out_dir),
        progress=tell,
    )  # fmt: skip
    done = perf_counter()
    held = peak_mb()
    charges = [file.path for file in rated.files]
    answers = {name: answer.of_charges(charges, roots=taken["roots"]).as_json() for name, taken in samples.items()}
    return {
        "snapshot_s": ready - begun,
        "rate_s": done - ready,
        "compile_s": rated.clock.compile_s,
        "phases": rated.clock.seconds,
        "peak_mb": held,
        "scalar_calls": rated.scalar_rows,
        "scalar_by_reason": rated.scalar_calls,
        "rows_read": rated.rows_read,
        "calls": rated.calls,
        "unattributed": len(rated.unattributed),
        "answers": answers,
    }


def from_csv(shape: Shape, *, files: Sequence[str], out_dir: str, samples: Mapping[str, Json]) -> Json:
    """The same from CSV files, which are turned into Parquet first; both are on the clock."""
    folder = Path(out_dir)
    texts = csv_files.write([Path(file) for file in files], folder / "csv")
    begun = perf_counter()
    usage = csv_files.to_parquet(texts, folder / "usage")
    read_s = perf_counter() - begun
    rated = columns(shape, files=[str(file) for file in usage], out_dir=str(folder / "charges"), samples=samples)
    return rated | {"read_s": read_s, "rate_s": read_s + rated["rate_s"]}


def bounds(shape: Shape, *, files: Sequence[str], out_dir: str, kind: str) -> Json:
    """One of the two bounds."""
    measured = {"copy": bound.copy, "shuffle": bound.shuffle}[kind]
    paths = [Path(file) for file in files]
    known = bound.labels(paths)
    begun = perf_counter()
    measured(paths, Path(out_dir), known)
    return {"calls": shape.calls, "rate_s": perf_counter() - begun, "peak_mb": peak_mb()}


def peer(shape: Shape, *, name: str, taken: Json, out_dir: str, server: str) -> Json:
    """One peer on its sample."""
    Path(out_dir).mkdir(parents=True, exist_ok=True)
    usage = [Path(file) for file in taken["files"]]
    rated = PEERS[name].rate(Task(shape, usage, taken["calls"], Path(out_dir), tell, server))
    return asdict(rated) | {"calls": taken["calls"], "peak_mb": peak_mb()}


PARTS: Mapping[str, Callable[..., Json]] = {
    "generate": generate,
    "columns": columns,
    "csv": from_csv,
    "bound": bounds,
    "peer": peer,
}


def main() -> int:
    order = json.loads(sys.argv[1])
    part, shape = order.pop("part"), Shape(**order.pop("shape"))
    try:
        say({"result": PARTS[part](shape, **order)})
    except PeerMissing as missing:
        say({"missing": str(missing)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
