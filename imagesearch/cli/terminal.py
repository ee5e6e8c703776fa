"""Progress on standard error: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from imagesearch.gcp.grants import Say
from imagesearch.pipeline import progress
from imagesearch.pipeline.progress import Show, seconds_in_words
from imagesearch.settings import prices


@contextmanager
def embedding(console: Console) -> Iterator[tuple[Say, Show]]:
    """Two functions for a run: one prints a line, one shows the progress."""
    if not console.is_terminal:

        def say(line: str) -> None:
            console.print(line, soft_wrap=True, markup=False, highlight=False)

        yield say, progress.lines(say)
        return
    columns = (
        TextColumn("embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[about]}", style="dim"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=None, about="")

        def show(now: progress.Progress) -> None:
            bar.update(task, completed=now.embedded, total=now.target - now.set_aside, about=_about(now))

        yield (lambda line: bar.console.print(line, markup=False, highlight=False)), show


@contextmanager
def busy(console: Console, doing: str) -> Iterator[None]:
    """A spinner in a terminal while something takes time, nothing elsewhere."""
    if console.is_terminal:
        with console.status(doing):
            yield
    else:
        yield


def _about(now: progress.Progress) -> str:
    """Rate, images set aside, time left and cost, which the bar does not show."""
    words = [f"{now.rate:,.0f}/min of {now.quota:,}"] if now.rate else [f"{now.quota:,}/min at most"]
    if now.set_aside:
        words.append(f"{now.set_aside:,} set aside")
    if now.seconds_left >= 1:
        words.append(f"{seconds_in_words(now.seconds_left)} left")
    if now.paid:
        words.append(prices.words(now.dollars))
    return ", ".join(words)
