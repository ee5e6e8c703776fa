"""Progress of long steps, on standard error: bars in a terminal, and a line after each step that took a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

#: Seconds.
_WORTH_A_LINE = 0.5


class Report:
    """Reports progress to the user. `console` is standard error unless a test passes another."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)

    def line(self, text: str) -> None:
        """One line, at once."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def steps(self, title: str, total: int | None) -> Iterator[Callable[[], None]]:
        """A counted step: call what is yielded once for each item. `total` None: their number is unknown."""
        with self._bar(title, total, MofNCompleteColumn()) as advance:
            yield lambda: advance(1)

    @contextmanager
    def bytes(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """A download: call what is yielded with the bytes that came since."""
        with self._bar(title, total, DownloadColumn()) as advance:
            yield advance

    @contextmanager
    def _bar(
        self, title: str, total: int | None, amount: MofNCompleteColumn | DownloadColumn
    ) -> Iterator[Callable[[int], None]]:
        started = time.monotonic()
        columns = (TextColumn("{task.description:<12}"), BarColumn(), amount, TimeElapsedColumn())
        hidden = not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as progress:
            task = progress.add_task(title, total=total)
            yield lambda count: progress.advance(task, count)
        if (seconds := time.monotonic() - started) > _WORTH_A_LINE:
            self.line(f"{title}: {seconds:.1f} s")
