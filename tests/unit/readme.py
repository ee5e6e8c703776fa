"""The parts of README.md that tests look at: tables between comments, and blocks of commands.

A block is indented by four spaces. `<!-- not run: reason -->` before it says why no test runs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
_REASON = re.compile(r"<!-- not run: (.+) -->")


@dataclass(frozen=True)
class Block:
    """Commands that a reader types, one a line."""

    lines: tuple[str, ...]
    reason: str | None
    """Why no test runs them; None when one does."""


def table(name: str) -> list[list[str]]:
    """The cells of the rows between <!-- name --> and <!-- /name -->."""
    text = README.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]


def blocks() -> list[Block]:
    """Every block of commands, in order."""
    found, before = [], ""
    for paragraph in re.split(r"\n\s*\n", README):
        lines = paragraph.strip("\n").splitlines()
        if all(line.startswith("    ") for line in lines):
            reason = _REASON.fullmatch(before)
            found.append(Block(tuple(line.strip() for line in lines), reason[1] if reason else None))
        before = paragraph.strip()
    return found
