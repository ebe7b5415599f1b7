"""Make the two example companies again: `python examples/generate.py` writes the same bytes each time."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from making import carrier, enterprise  # noqa: E402
from making.files import Company  # noqa: E402


def companies() -> dict[str, Company]:
    """Folder -> its files."""
    return {"entreprise": enterprise.make(), "operateur": carrier.make()}


if __name__ == "__main__":
    for name, company in companies().items():
        company.write(HERE / name)
        size = sum(len(content) for content in company.files().values())
        print(f"{name}: {len(company.files())} files, {size / 1e6:.1f} MB")
