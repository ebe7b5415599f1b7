"""What the tests of the house read: the files of the repository and their syntax trees."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "ardoise"
BINARY = {".pdf", ".png", ".ttf", ".woff2", ".mo", ".xlsx", ".ico", ".parquet"}


@cache
def tracked() -> tuple[Path, ...]:
    """The files git keeps, or those of the working folder where there is no git (an unpacked archive)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())
    hidden = {".venv", "var", "__pycache__"}
    return tuple(path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.parts))


def texts() -> Iterator[tuple[Path, str]]:
    """The tracked files that hold text."""
    for path in tracked():
        if path.suffix not in BINARY:
            yield path, path.read_text(encoding="utf-8", errors="replace")


def python_of(folder: Path) -> list[Path]:
    """The Python files under a folder, migrations and generated tables apart."""
    return [path for path in sorted(folder.rglob("*.py")) if "migrations" not in path.parts]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def shown(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"
