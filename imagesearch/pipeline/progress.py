"""How far a run is: what it has embedded, how fast, how much longer that takes, what it has paid.

A job's rows are not to be seen before it has ended (docs/bigquery-contract.md#1-aigenerate_embedding), so the numbers
move by whole batches; between two of them the line says how long the batch has been running. Rate and time left are
measured once a batch has ended, and until then what the location's quota allows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imagesearch.gcp.grants import Say
from imagesearch.pipeline.embeddings import Counts, EmbeddingsSpec, Tally
from imagesearch.settings import prices
from imagesearch.settings.endpoints import ENDPOINTS

WATCHED_SECONDS = 10.0
"""Between two lines where somebody may be watching."""
UNWATCHED_SECONDS = 60.0
"""Between two lines of a log: in CI, or where there is no terminal."""


@dataclass(frozen=True)
class Progress:
    """A moment of a run. Counts are images, times are seconds."""

    endpoint: str
    quota: int
    """Images a minute at most."""
    target: int
    embedded: int
    """Of the target, whoever embedded them."""
    set_aside: int
    paid: int
    """Embedded by this run."""
    left: int
    """Still to embed, those of the running batch included."""
    elapsed: float
    """Until the end of the last batch."""
    settled: int
    """Embedded or failed for good by this run, in that time."""
    batch: int = 0
    """Images of the batch that is running; 0 between two."""
    batch_elapsed: float = 0.0

    @property
    def rate(self) -> float | None:
        """Images a minute so far; None until a batch has ended."""
        return self.settled / self.elapsed * 60 if self.settled and self.elapsed else None

    @property
    def seconds_left(self) -> float:
        """At this rate, or at the quota; never less than what the next batches take."""
        rate = (self.rate or self.quota) / 60
        return max(self.left / rate - self.batch_elapsed, (self.left - self.batch) / rate)

    @property
    def dollars(self) -> float:
        """What this run has paid for its images."""
        return prices.estimate(self.endpoint, self.paid)

    def __str__(self) -> str:
        words = [f"{self.embedded:,} of {self.target:,} images embedded, {self.set_aside:,} set aside"]
        if self.rate is None:
            words.append(f"the quota is {self.quota:,} a minute")
        else:
            words.append(f"{self.rate:,.0f} a minute (quota {self.quota:,})")
        if self.seconds_left >= 1:  # a batch that takes longer than thought has no known end
            words.append(f"{'at least' if self.rate is None else 'about'} {seconds_in_words(self.seconds_left)} left")
        words.append(f"{prices.words(self.dollars)} so far" if self.paid else "nothing paid")
        if self.batch:
            words.append(f"a batch of {self.batch:,} has been running for {seconds_in_words(self.batch_elapsed)}")
        return "; ".join(words)


Show = Callable[[Progress], None]
"""Shows a moment of a run; called often."""


class Meter:
    """The numbers of one run as it goes."""

    def __init__(self, spec: EmbeddingsSpec, counts: Counts, show: Show) -> None:
        self._show = show
        self._began = time.monotonic()
        self._now = Progress(
            endpoint=spec.endpoint,
            quota=ENDPOINTS[spec.endpoint].quota_in(spec.location).requests_per_minute,
            target=counts.target,
            embedded=counts.embedded,
            set_aside=counts.set_aside,
            paid=0,
            left=counts.pending,
            elapsed=0.0,
            settled=0,
        )

    def running(self, images: int, seconds: float) -> None:
        """A batch of `images` has been running for `seconds`."""
        self._show(_changed(self._now, batch=images, batch_elapsed=seconds))

    def ended(self, tally: Tally) -> None:
        """A batch has come to this."""
        now, settled = self._now, tally.settled
        self._now = _changed(
            now,
            embedded=now.embedded + tally.embedded,
            set_aside=now.set_aside + settled - tally.embedded,
            paid=now.paid + tally.embedded,
            left=max(now.left - settled, 0),
            elapsed=time.monotonic() - self._began,
            settled=now.settled + settled,
        )
        self._show(self._now)


def _changed(progress: Progress, **changes: float) -> Progress:
    return Progress(**{**vars(progress), **changes})


def lines(say: Say, every: float | None = None) -> Show:
    """Shows a run as lines, at most one in `every` seconds, and one when nothing is left."""
    spacing = interval() if every is None else every
    spoken = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal spoken
        now = time.monotonic()
        if now - spoken >= spacing or not progress.left:
            spoken = now
            say(str(progress))

    return show


def ticker(say: Say, job: str) -> Callable[[float], None]:
    """Says now and then how long a job has been waited for; called with the seconds so far."""
    said, spacing = 0.0, interval()

    def tick(waited: float) -> None:
        nonlocal said
        if waited - said >= spacing:
            said = waited
            say(f"waiting for {job} ({seconds_in_words(waited)} so far)")

    return tick


def interval(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds between two lines: often where there is a terminal, seldom in a log."""
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return UNWATCHED_SECONDS if in_ci or not _has_terminal() else WATCHED_SECONDS


def seconds_in_words(seconds: float) -> str:
    """A length of time as a person reads it: 40 s, 13 min, 16 h 42 min."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def _has_terminal() -> bool:
    """Whether anybody can be watching. Standard output does not say: in an `up` it is a pipe to the engine."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
