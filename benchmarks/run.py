"""Every benchmark at a small size, each in a process of its own (its peak memory is its own). `make bench` runs it.

    python -m benchmarks.run [NAME ...]     # rating one_call reading_numbers journal collect decks billing documents

README.md says what each one measures, against which bound and which peer.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
BENCHMARKS = {
    "rating": [
        *(str(Path(sys.executable).with_name("ardoise")), "bench", "rating"),
        *("--calls", "500000", "--tariffs", "20", "--prefixes", "800"),
    ],
    "one_call": [sys.executable, str(HERE / "one_call.py")],
    "reading_numbers": [sys.executable, str(HERE / "reading_numbers.py"), "--numbers", "20000"],
    "journal": [sys.executable, str(HERE / "journal.py"), "--tickets", "20000"],
    "collect": [
        *(sys.executable, str(HERE / "collect.py"), "--tickets", "40000"),
        *("--latency-s", "3", "--sources", "100", "--sources-s", "3"),
    ],
    "decks": [sys.executable, str(HERE / "decks.py")],
    "billing": [sys.executable, str(HERE / "billing.py"), "--customers", "200", "--calls", "100000"],
    "documents": [sys.executable, str(HERE / "documents.py"), "--invoices", "60", "--calls", "5000"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"these only, of: {', '.join(BENCHMARKS)}")
    asked = parser.parse_args()
    if unknown := set(asked.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    failed = []
    for name in asked.names or BENCHMARKS:
        print(f"\n== {name} ==", flush=True)
        if subprocess.run(BENCHMARKS[name], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nFailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
