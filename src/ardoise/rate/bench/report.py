"""The whole benchmark: generate, rate, bound, peers, each in its own process, and what they say of each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from ardoise.rate.bench.peers import PEERS
from ardoise.rate.bench.peers.common import PeerMissing
from ardoise.rate.bench.world import Shape

Json = dict[str, Any]
Tell = Callable[[str, int, int], None]
"""What is being done, calls done, calls in all."""


class PartFailed(RuntimeError):
    """A process of the benchmark ended badly; the message is the end of what it printed."""


def run(
    shape: Shape, *, peers: Sequence[str], tell: Tell, server: str = "", csv: bool = False, folder: Path | None = None
) -> Json:
    """Measure one shape. Times in seconds, memory in millions of bytes; `checksums_equal` covers every peer, and the
    rating from CSV if asked.

    The files live in a temporary folder, or in a folder of `folder`: about 100 bytes a call.
    """
    with TemporaryDirectory(prefix="ardoise-bench-", dir=folder) as name:
        return _Run(shape, Path(name), tell).measure(peers, server, csv)


class _Run:
    def __init__(self, shape: Shape, folder: Path, tell: Tell) -> None:
        self._shape = shape
        self._folder = folder
        self._tell = tell

    def measure(self, peers: Sequence[str], server: str, csv: bool) -> Json:
        shape = self._shape
        sizes = sorted({min(PEERS[name].most_calls, shape.calls) for name in peers} | {shape.calls})
        made = self._part("generate", "writing the calls", folder=str(self._folder), samples=sizes)
        samples = made["samples"]
        columns = self._part("columns", "rating them in columns", files=made["files"], samples=samples)
        bounds = {
            kind: self._part("bound", f"bound: {kind}", files=made["files"], kind=kind) for kind in ("copy", "shuffle")
        }
        result: Json = {
            **asdict(shape),
            "lines": shape.lines,
            "customers": shape.customers,
            "calls_per_s": round(shape.calls / columns["rate_s"]),
            "compiled_calls_per_s": round(shape.calls / (columns["rate_s"] - columns["compile_s"])),
            "rate_s": round(columns["rate_s"], 3),
            "compile_s": round(columns["compile_s"], 3),
            "snapshot_s": round(columns["snapshot_s"], 3),
            "generate_s": round(made["generate_s"], 3),
            "phases": {name: round(seconds, 3) for name, seconds in columns["phases"].items()},
            "peak_mb": columns["peak_mb"],
            "scalar_calls": columns["scalar_calls"],
            "scalar_by_reason": columns["scalar_by_reason"],
            "states": columns["calls"],
            "unattributed": columns["unattributed"],
            "bound_calls_per_s": round(shape.calls / bounds["copy"]["rate_s"]),
            "shuffle_bound_calls_per_s": round(shape.calls / bounds["shuffle"]["rate_s"]),
            "of_bound": round(bounds["copy"]["rate_s"] / columns["rate_s"], 3),
            "of_shuffle_bound": round(bounds["shuffle"]["rate_s"] / columns["rate_s"], 3),
        }
        plain = columns
        if shape != shape.plain and not all(PEERS[name].everything for name in peers):
            label = "rating them without what peers lack"
            plain = self._part("columns", label, on=shape.plain, files=made["files"], samples=samples)
            result["plain_calls_per_s"] = round(shape.calls / plain["rate_s"])
        result["peers"] = {
            name: self._compared(name, samples, columns if PEERS[name].everything else plain, server) for name in peers
        }
        result["checksums_equal"] = all(peer["checksum_equal"] for peer in result["peers"].values())
        if csv:
            read = self._part("csv", "rating them from CSV", files=made["files"], samples=samples)
            result["csv_calls_per_s"] = round(shape.calls / read["rate_s"])
            result["csv_read_s"] = round(read["read_s"], 3)
            result["checksums_equal"] &= read["answers"] == columns["answers"]
        return result

    def _compared(self, name: str, samples: Json, columns: Json, server: str) -> Json:
        """A peer beside the columns that rated the same set: rates, and whether the answers are the same."""
        size = str(min(PEERS[name].most_calls, self._shape.calls))
        taken, ours = samples[size], columns["answers"][size]
        on = self._shape if PEERS[name].everything else self._shape.plain
        rated = self._part("peer", name, on=on, of=taken["calls"], name=name, taken=taken, server=server)
        calls_per_s = rated["calls"] / rated["rate_s"]
        return {
            "calls": rated["calls"],
            "calls_per_s": round(calls_per_s),
            "ratio": round(self._shape.calls / columns["rate_s"] / calls_per_s, 1),
            "rate_s": round(rated["rate_s"], 3),
            "prepare_s": round(rated["prepare_s"], 3),
            "peak_mb": rated["peak_mb"],
            "everything": PEERS[name].everything,
            "checksum_equal": rated["answer"] == ours,
            "answer": rated["answer"],
            "ours": ours,
        }

    def _part(self, part: str, label: str, *, on: Shape | None = None, of: int | None = None, **order: object) -> Json:
        """Run one part to its end and give its result; its files go as soon as it is done."""
        out_dir = self._folder / "out"
        if part != "generate":
            order["out_dir"] = str(out_dir)
        try:
            shape = asdict(on or self._shape)
            return self._ended({"part": part, "shape": shape, **order}, label, of or self._shape.calls)
        finally:
            shutil.rmtree(out_dir, ignore_errors=True)

    def _ended(self, order: Json, label: str, of: int) -> Json:
        self._tell(label, 0, of)
        command = [sys.executable, "-m", "ardoise.rate.bench.part", json.dumps(order)]
        with (
            TemporaryFile("w+") as trace,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=trace, text=True) as process,
        ):
            assert process.stdout is not None
            result: Json | None = None
            for line in process.stdout:
                said = json.loads(line)
                if "missing" in said:
                    raise PeerMissing(said["missing"])
                result = said.get("result", result)
                self._tell(label, said.get("done", of), of)
            if process.wait() or result is None:
                trace.seek(0)
                last = trace.read().strip().splitlines()[-1:] or [f"it ended with status {process.returncode}"]
                raise PartFailed(f"« {label} » failed: {last[0]}")
        return result


def scaling(results: Sequence[Json]) -> list[Json]:
    """Of each size, its time and memory beside those of the first."""
    first = results[0]
    return [
        {
            "calls": known["calls"],
            "calls_ratio": round(known["calls"] / first["calls"], 2),
            "time_ratio": round(known["rate_s"] / first["rate_s"], 2),
            "rate_s": known["rate_s"],
            "peak_mb": known["peak_mb"],
        }
        for known in results
    ]
