"""The parts of the documentation that tests look at: tables between comments, blocks of commands, headings, links.

A block is indented by four spaces. `<!-- not run: reason -->` before it says why no test runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
REFERENCE = (CHECKOUT / "docs/reference.md").read_text(encoding="utf-8")
_REASON = re.compile(r"<!-- not run: (.+) -->")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
_MADE = {".git", ".venv", ".local", ".pytest_cache", "node_modules"}
"""Folders whose pages are not this repository's."""


@dataclass(frozen=True)
class Block:
    """Commands that a reader types, one a line."""

    lines: tuple[str, ...]
    reason: str | None
    """Why no test runs them; None when one does."""


def table(name: str) -> list[list[str]]:
    """The cells of the rows of docs/reference.md between <!-- name --> and <!-- /name -->."""
    text = REFERENCE.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


def blocks() -> list[Block]:
    """Every block of commands of README.md and docs/reference.md, in order."""
    return [block for page in (README, REFERENCE) for block in _blocks(page)]


def _blocks(page: str) -> Iterator[Block]:
    before = ""
    for paragraph in re.split(r"\n\s*\n", page):
        lines = paragraph.strip("\n").splitlines()
        if all(line.startswith("    ") for line in lines):
            reason = _REASON.fullmatch(before)
            yield Block(tuple(line.strip() for line in lines), reason[1] if reason else None)
        before = paragraph.strip()


def pages() -> list[Path]:
    """Every page of the repository: of the program, of the local cloud, of the stand-ins."""
    return sorted(path for path in CHECKOUT.rglob("*.md") if not _MADE & set(path.relative_to(CHECKOUT).parts))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", page.read_text(encoding="utf-8"), flags=re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")
        repeated = (f"{anchor}-{number}" for number in range(1, 100))
        found.add(anchor if anchor not in found else next(name for name in repeated if name not in found))
    return found


def links(page: Path) -> list[str]:
    """What a page links to within the repository: files, headings, and headings of files."""
    text = _CODE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
