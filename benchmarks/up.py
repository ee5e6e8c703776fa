"""`python -m benchmarks.up`: how long the main job takes on the demo's photos, engine and local cloud included.

local cloud ready        `python -m localcloud serve --detach`, the model included, until it answers
up from nothing          `pulumi up` on 335 photos, the pictures being in the bucket
up without changes       the second one
up of an empty program   the engine, the language host and a stack with no resources, for comparison
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.e2e.stack import CHECKOUT, Stack

RUNS = 5


def main() -> None:
    """Measure and print a table: minimum, median and maximum, in seconds."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder) / "project")
        empty = _empty(Path(folder) / "empty", stack)
        try:
            figures["local cloud ready"] = [_ready(stack) for _ in range(RUNS)]
            stack.run(str(CHECKOUT / ".venv/bin/python"), "-m", "localcloud.images", "tuxpaint")
            figures["up from nothing"] = [_seconds(stack.up)]
            again = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes")
            figures["up without changes"] = [_seconds(lambda: stack.run(*again)) for _ in range(RUNS)]
            empty()
            figures["up of an empty program"] = [_seconds(empty) for _ in range(RUNS)]
        finally:
            stack.stop_cloud()
    _show(figures)


def _ready(stack: Stack) -> float:
    stack.stop_cloud()
    return _seconds(stack.start_cloud)


def _empty(folder: Path, stack: Stack) -> Callable[[], object]:
    """An `up` of a program without resources, in the same engine's home."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text((CHECKOUT / "Pulumi.yaml").read_text().replace("image-search", "empty"))
    (folder / "__main__.py").write_text('"""Nothing."""\n')
    (folder / ".venv").symlink_to(CHECKOUT / ".venv")
    arguments = ("-C", str(folder), "--non-interactive")
    made: list[object] = []

    def up() -> object:
        if not made:
            made.append(stack.run("pulumi", "stack", "init", "local", *arguments))
        return stack.run("pulumi", "up", "--yes", "--skip-preview", *arguments)

    return up


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _show(figures: dict[str, list[float]]) -> None:
    table = Table("", "min", "median", "max", box=None)
    for name, seconds in figures.items():
        table.add_row(name, *(f"{f(seconds):.2f} s" for f in (min, statistics.median, max)))
    console = Console(width=100)
    console.print(table)
    ratio = statistics.median(figures["up without changes"]) / statistics.median(figures["up of an empty program"])
    console.print(f"an up without changes takes {ratio:.1f} × an empty program's")


if __name__ == "__main__":
    main()
