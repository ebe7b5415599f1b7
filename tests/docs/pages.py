"""The pages of the documentation and what stands in them: headings, links, fenced blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {"node_modules", ".venv", "var", "dist"}
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\((?P<target>[^()\s]*(?:\([^()]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)")
SOURCE = re.compile(r"<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)=\"(?P<target>[^\"]+)\"")


@dataclass(frozen=True)
class Fence:
    """A fenced block: ```console stable status=1 has the language console and two marks."""

    page: Path
    line: int
    language: str
    marks: tuple[str, ...]
    body: str

    def mark(self, name: str, default: str = "") -> str:
        """The value of a mark `name=value`."""
        return next((mark.split("=", 1)[1] for mark in self.marks if mark.startswith(f"{name}=")), default)

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every Markdown page of the repository."""
    return sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts[:-1]))


def fences(page: Path, text: str | None = None) -> list[Fence]:
    content = page.read_text(encoding="utf-8") if text is None else text
    found = []
    for match in FENCE.finditer(content):
        language, *marks = match["info"].split() or [""]
        line = content.count("\n", 0, match.start()) + 1
        found.append(Fence(page, line, language, tuple(marks), match["body"]))
    return found


def prose(page: Path) -> str:
    """The page without fenced blocks, comments and inline code."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    return re.sub(r"(`+)(?:(?!\1).)+?\1", "`x`", text, flags=re.DOTALL)


def links(page: Path) -> list[str]:
    """The targets of links and pictures."""
    text = prose(page)
    return [match["target"] for pattern in (LINK, SOURCE) for match in pattern.finditer(text)]


def headings(page: Path) -> list[tuple[int, str]]:
    """(level, text) of each heading."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(#{1,6}) +(.+)$", text, re.MULTILINE)]


def anchors(page: Path) -> set[str]:
    """What may follow # in a link to this page, as a forge makes it from the headings."""
    found: set[str] = set()
    for _, title in headings(page):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").replace("*", "")
        anchor = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count, name = 0, anchor
        while name in found:
            count += 1
            name = f"{anchor}-{count}"
        found.add(name)
    return found
